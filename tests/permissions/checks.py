"""The checks of the portal, found in its syntax trees, and how each of them is removed.

A check is a place that keeps somebody out: a decorator that guards a view (or that opens one to everybody), the login
that everything requires, ``visible_to`` and other filters by who asks, a refusal of strangers, a method that grants a
right, the roles of a list of the desk and its closed doors, a question about a role in a condition; and what these
stand on: each condition of the rules about links and roles in force, who a session belongs to, and what another house's
answer must fulfil.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("portal", "companies", "schools", "offers")

GUARDS = re.compile(
    r"^(link_required|role_required|demo_only|login_not_required|recently_authenticated|login_required|\w+_required)$"
)
GRANTS = re.compile(r"^(has_\w*permission|may_act|rights|lookup_allowed)$")
PREDICATES = re.compile(
    r"^(is_(coordinator|reviewer|administrator|operator)|has_role|hosts|belongs_to|works_school_wide|_coordinates"
    r"|may_\w+|has_\w*permission|can_\w+|user_can_authenticate)$"
)
REFUSALS = re.compile(r"^_?(refuse_\w*strangers|only_\w+|require_recent_authentication)$")
NOT_YOURS = re.compile(
    r"yours?\b|not-your|coordinator|foreign$|not-of-school|administrator|reviewer|strangers?|forbidden"
)
ASKERS = {"by", "user", "person", "actor"}
SCOPES = {"visible_to", "manageable_by", "known_to_host", "live", "in_force"}
# What the scopes themselves say: each of their conditions is a check of its own.
RULES = {"visible_to", "manageable_by", "known_to_host", "_in_hand_of", "live", "in_force", "current"}
ROLE_SETS = {"viewers", "editors", "adders", "deleters", "doers"}
# Doors of a list that stand closed, or ask more: what each says, and what it says without the check.
FLAGS = {
    "exports_persons": (True, False),
    "can_add": (False, True),
    "can_delete": (False, True),
    "can_export": (False, True),
}
EVERY_ROLE = "frozenset({'administrator', 'coordinator', 'reviewer', 'operator'})"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check: where it stands, what kind it is, and its number in its file."""

    path: str
    line: int
    function: str  # the innermost function or class around it
    first_line: int  # where that function begins, its decorators included; 0 for what is not in a function
    kind: str
    text: str
    number: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.function}: {self.kind} {self.text}"


class Walk(ast.NodeTransformer):
    """Walks a file, notes every check, and removes the one that is wanted."""

    def __init__(self, path: str, wanted: int | None = None) -> None:
        self.path, self.wanted = path, wanted
        self.found: list[Check] = []
        self.names: list[str] = []
        self.lines: list[int] = []
        self.asks: list[bool] = []  # whether the function around takes somebody who asks
        self.deciding = False
        self.in_class = False

    def check(self, node: ast.AST, kind: str, text: ast.AST | str) -> bool:
        """Note a check; return whether it is the one to remove."""
        said = " ".join((text if isinstance(text, str) else ast.unparse(text)).split())[:120]
        function = ".".join(self.names) or "(module)"
        if any((other.function, other.kind, other.text) == (function, kind, said) for other in self.found):
            said += " (again)"
        one = Check(
            path=self.path,
            line=getattr(node, "lineno", 0),
            function=function,
            first_line=self.lines[-1] if self.lines else 0,
            kind=kind,
            text=said,
            number=len(self.found),
        )
        self.found.append(one)
        return one.number == self.wanted

    # Functions and classes

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.names.append(node.name)
        self.lines.append(0)
        for statement in node.body:
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            if isinstance(statement, ast.AnnAssign):
                targets = [statement.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            for name in names & FLAGS.keys():
                closed, opened = FLAGS[name]
                if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
                    continue
                stands = isinstance(statement.value, ast.Constant) and statement.value.value is closed
                if stands and self.check(statement, "flag of a list", f"{name} = {closed}"):
                    statement.value = ast.Constant(value=opened)
            if not (isinstance(statement, (ast.Assign, ast.AnnAssign)) and names & ROLE_SETS):
                continue
            if self.check(statement, "roles of a list", statement):
                statement.value = ast.parse(EVERY_ROLE, mode="eval").body
        self.generic_visit(node)
        self.lines.pop()
        self.names.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.names.append(node.name)
        self.lines.append(min([node.lineno, *(one.lineno for one in node.decorator_list)]))
        arguments = {one.arg for one in [*node.args.args, *node.args.kwonlyargs]}
        self.asks.append(bool(arguments & (ASKERS | {"request", "contact"})))
        for decorator in list(node.decorator_list):
            if GUARDS.match(_name(decorator)) and self.check(decorator, "decorator", decorator):
                node.decorator_list.remove(decorator)
        returns_bool = isinstance(node.returns, ast.Name) and node.returns.id == "bool"
        is_grant = GRANTS.match(node.name) or (
            returns_bool and PREDICATES.match(node.name) and arguments & (ASKERS | {"request"})
        )
        if is_grant and self.check(node, "grants", f"def {node.name}"):
            node.body = ast.parse("return True").body
        else:
            self.generic_visit(node)
        self.asks.pop()
        self.lines.pop()
        self.names.pop()
        return node

    # Statements

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        if _refuses(node.body):
            if isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.Or):
                for part in list(node.test.values):
                    if self.check(part, "one reason to refuse", part):
                        node.test.values[node.test.values.index(part)] = ast.Constant(value=False)
            if self.check(node, "refuses if", node.test):
                rest = [self.visit(one) for one in node.orelse]
                return rest or ast.Pass()
        node.test = self.decide(node.test)
        node.body = self.several(node.body)
        node.orelse = self.several(node.orelse)
        return node

    def several(self, body: list[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for statement in body:
            new = self.visit(statement)
            made += new if isinstance(new, list) else [new]
        return made

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        refuses = isinstance(node.value, ast.Call) and REFUSALS.match(_name(node.value))
        if refuses and self.check(node, "refusal", node.value):
            return ast.Pass()
        return self.generic_visit(node)

    # Expressions

    def decide(self, node: ast.expr) -> ast.expr:
        before, self.deciding = self.deciding, True
        made: ast.expr = self.visit(node)
        self.deciding = before
        return made

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        node.test = self.decide(node.test)
        node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        for part in list(node.ifs):
            if "link.version" in ast.unparse(part) and self.check(part, "filter by the link's version", part):
                node.ifs.remove(part)
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        if self.names[-1:] == ["has_ended"] and isinstance(node.op, ast.Or):
            for part in list(node.values):
                if self.check(part, "reason to end", part):
                    node.values[node.values.index(part)] = ast.Constant(value=False)
        node.values = [self.decide(value) for value in node.values]
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        text = ast.unparse(node)
        about = isinstance(node.left, ast.Attribute) and _name(node.left.value) in {"by", "actor"}
        in_roles = isinstance(node.ops[0], ast.In) and "roles(" in text
        if self.deciding and (about or in_roles):
            denies = isinstance(node.ops[0], (ast.NotEq, ast.Is))
            if self.check(node, "asks", node):
                return ast.Constant(value=not denies)
            return node
        before, self.deciding = self.deciding, False
        self.generic_visit(node)
        self.deciding = before
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if (
            self.deciding
            and isinstance(node.value, ast.Name)
            and node.value.id in ASKERS
            and PREDICATES.match(node.attr)
            and self.check(node, "asks", node)
        ):
            return ast.Constant(value=True)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = _name(node)
        of_link = name == "get_object_or_404" and ast.unparse(node.args[0]).startswith("request.link.")
        if of_link and self.check(node, "scope of the link", node.args[0]):
            node.args[0] = ast.parse("type(request.link).objects", mode="eval").body
        if name in {"login_not_required", "recently_authenticated"} and node.args:
            if self.check(node, "open to all" if name == "login_not_required" else "asks again", node):
                inner: ast.AST = self.visit(node.args[0])
                return inner
            return self.generic_visit(node)
        if self.deciding and PREDICATES.match(name):
            if self.check(node, "asks", node):
                return ast.Constant(value=True)
            return node
        if isinstance(node.func, ast.Attribute) and self.unscoped(node, name):
            return node
        before, self.deciding = self.deciding, False
        self.generic_visit(node)
        self.deciding = before
        return node

    def unscoped(self, node: ast.Call, name: str) -> bool:
        """Take away what narrows a query to what somebody may see; return whether the whole call has changed."""
        assert isinstance(node.func, ast.Attribute)
        is_door = "views" in self.path or "filters" in self.path
        if (name in SCOPES or (name == "published" and is_door)) and self.check(node, "scope", node):
            node.func.attr, node.args, node.keywords = "all", [], []
            return True
        if name == "none" and any(self.asks[-1:]) and self.check(node, "nothing for strangers", node):
            node.func.attr = "all"
            return True
        if name in {"filter", "exclude", "get"}:
            self.unfiltered(node)
        return False

    def unfiltered(self, node: ast.Call) -> None:
        """Take away a condition: any of a rule's own, and elsewhere those about who asks."""
        is_rule = self.is_rule(node)
        kind = "condition of a rule" if is_rule else "filter by who asks"
        for word in list(node.keywords):
            said = ast.unparse(word) if is_rule else word.arg or ""
            if (is_rule or self.is_asker(word.value)) and self.check(word.value, kind, said):
                node.keywords.remove(word)
        for part in list(node.args):
            if (is_rule or self.is_asker(part)) and self.check(part, kind, part):
                node.args.remove(part)

    def is_rule(self, node: ast.Call) -> bool:
        """Return whether a filter stands in a rule about who may, or narrows a list of the desk."""
        inside = self.names[-1] if self.names else ""
        of_list = inside == "get_queryset" and ast.unparse(node.func).startswith(("rows.", "super()"))
        return of_list or ("/models/" in self.path and inside in RULES)

    def is_asker(self, node: ast.expr) -> bool:
        """Return whether a value says who asks: the person, the link's object, the host's company."""
        if "views" in self.path and ast.unparse(node) in {"contact", "contact.company_id", "contact_id", "schools"}:
            return True
        if isinstance(node, (ast.Name, ast.Attribute)):
            return ast.unparse(node) in {"user", "person", "by", "by.user_id", "by.reference_id", "request.user"}
        if isinstance(node, (ast.BinOp, ast.Call)) and _name(node) in {"Q", ""}:
            return any(
                self.is_asker(word.value)
                for inner in ast.walk(node)
                if isinstance(inner, ast.Call)
                for word in inner.keywords
            )
        return False

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        is_login = self.path == "portal/settings.py" and str(node.value).endswith(".LoginRequiredMiddleware")
        if is_login and self.check(node, "login by default", str(node.value)):
            return ast.Constant(value="django.middleware.common.CommonMiddleware")
        return node


def _name(node: ast.AST) -> str:
    """Return the last part of the name of what is called or decorated with."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _refuses(body: list[ast.stmt]) -> bool:
    """Return whether a branch only says that somebody has no business here."""
    last = body[-1]
    if isinstance(last, ast.Raise) and last.exc is not None:
        name = _name(last.exc)
        if name in {"Http404", "PermissionDenied", "LinkEnded", "NotStaff", "Refused"}:
            return True
        if name == "Refusal" and isinstance(last.exc, ast.Call):
            codes = [word.value for word in last.exc.keywords if word.arg == "code"]
            return any(isinstance(code, ast.Constant) and NOT_YOURS.search(str(code.value)) for code in codes)
    return isinstance(last, ast.Return) and any(word in ast.unparse(last) for word in ("410", "ended_page("))


def files() -> Iterator[Path]:
    """Yield the portal's own files, but what runs in the shell and what the database is made by."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if not {"migrations", "management", "messages"} & set(path.relative_to(ROOT).parts):
                yield path


def every_check() -> list[Check]:
    """Return every check there is."""
    found: list[Check] = []
    for path in files():
        walk = Walk(path.relative_to(ROOT).as_posix())
        walk.visit(ast.parse(path.read_text(encoding="utf-8")))
        found += walk.found
    return found


def without(check: Check) -> ast.Module:
    """Return the file's tree without one check."""
    tree = ast.parse((ROOT / check.path).read_text(encoding="utf-8"))
    made: ast.Module = Walk(check.path, wanted=check.number).visit(tree)
    return ast.fix_missing_locations(made)

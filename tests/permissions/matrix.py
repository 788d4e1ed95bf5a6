"""The matrix as ``tests/permissions.yaml`` declares it, spread out into cells, and held against the portal.

What exists is asked of the portal itself (its addresses, its lists, their deeds and actions, its use-cases); who may
have it is only ever read from the file.
"""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import yaml
from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

FILE = Path(__file__).resolve().parents[1] / "permissions.yaml"
ANSWERS = {
    "ok": "✓",
    "form": "form",
    "moves": "→",
    "idle": "·",
    "sign in": "sign in",
    "403": "403",
    "404": "404",
    "400": "400",
    "405": "405",
    "410": "410",
}
APPS = ("portal", "companies", "schools", "offers")


class Undeclared(Exception):
    """The file and the portal disagree; the message holds what to paste."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One role asks one thing about one object. ``area`` is a route, a list of the desk or ``use-case``."""

    area: str
    what: str  # the name of the route, deed, action or use-case
    method: str
    thing: str
    role: str
    answer: str

    def __str__(self) -> str:
        return f"{self.what} {self.method} {self.thing} by {self.role}"


@cache
def declared() -> dict[str, Any]:
    """Return the file's content."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


def roles() -> list[str]:
    """Return every role, in the order of the file."""
    return list(declared()["roles"])


def group(name: str) -> list[str]:
    """Return the roles of a group, or the role itself; groups may hold groups."""
    groups, known = declared()["groups"], declared()["roles"]
    if name in known:
        return [name]
    if name not in groups:
        raise Undeclared(f"{name} is neither a role nor a group")
    return [role for part in groups[name] for role in group(part)]


def members(names: Any) -> set[str]:
    """Return the roles of a name, a list of names, or nobody."""
    listed = [] if names in (None, "nobody") else names if isinstance(names, list) else [names]
    return {role for name in listed for role in group(name)}


def spread(cell: Any, *, where: str, before: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the answer for each role: by its own name, else by a group's, else ``others``.

    A bare word stands for everybody. ``before`` are roles that do not come so far (those not signed in).
    """
    if not isinstance(cell, dict):
        cell = {"others": cell}
    said = {str(name): str(answer) for name, answer in cell.items()}
    if wrong := sorted(set(said.values()) - set(ANSWERS)):
        raise Undeclared(f"{where}: {', '.join(wrong)} is no answer; there are: {', '.join(ANSWERS)}")
    found = {role: said["others"] for role in roles() if "others" in said}
    found |= before or {}
    by_group: dict[str, str] = {}
    for name, answer in said.items():
        if name == "others" or name in declared()["roles"]:
            continue
        for role in group(name):
            if by_group.get(role, answer) != answer:
                raise Undeclared(f"{where}: {role} is in two groups with different answers")
            by_group[role] = answer
    found |= by_group
    found |= {name: answer for name, answer in said.items() if name in declared()["roles"]}
    if missing := [role for role in roles() if role not in found]:
        raise Undeclared(f"{where}: nothing is said about {', '.join(missing)}")
    return found


def door(name: str) -> dict[str, str]:
    """Return who is turned away before anything else, and how."""
    turned_away = declared()["doors"].get(name, {})
    return {role: str(answer) for names, answer in turned_away.items() for role in group(names)}


# --- Routes --------------------------------------------------------------------------------------------------------


def _routes(patterns: list[URLPattern | URLResolver], space: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _routes(pattern.url_patterns, inner)
        elif pattern.name:
            yield f"{space}{pattern.name}"
        else:
            yield f"{space}({pattern.pattern})"


@cache
def every_route() -> frozenset[str]:
    """Return the names of all routes, with their namespaces; what has no name by its pattern."""
    return frozenset(_routes(get_resolver().url_patterns))


def things_of(row: Mapping[str, Any]) -> list[str]:
    """Return the objects that a route is asked about."""
    return THINGS.get(row.get("about", "nothing"), ["-"])


def route_cells(name: str) -> list[Cell]:
    """Return the cells of one route: every method, role and object."""
    row = declared()["routes"][name]
    before = door(row.get("door", "open"))
    things = things_of(row)
    cells = []
    for method in ("GET", "POST"):
        said = row.get(method, 405)
        by_thing = said if isinstance(said, dict) and set(said) <= set(things) else dict.fromkeys(things, said)
        if missing := [thing for thing in things if thing not in by_thing]:
            raise Undeclared(f"{name} {method}: nothing is said about the object {', '.join(missing)}")
        for thing in things:
            answers = spread(by_thing[thing], where=f"{name} {method} {thing}", before=before)
            cells += [
                Cell(area=name, what=name, method=method, thing=thing, role=role, answer=answer)
                for role, answer in answers.items()
            ]
    return cells + asked_again(name, name, row)


LONG_AGO = "long after signing in"


def asked_again(area: str, what: str, row: Mapping[str, Any]) -> list[Cell]:
    """Return the cells of a page that asks anew who it is, for a role that signed in long ago."""
    if "asks_again" not in row:
        return []
    methods = [method for method in ("GET", "POST") if row.get(method, "ok") not in (405, "405")]
    methods = [method for method in methods if "to" in row or method in row]
    return [
        Cell(area=area, what=what, method=method, thing=LONG_AGO, role=row["asks_again"], answer="moves")
        for method in methods
    ]


# --- The desk ------------------------------------------------------------------------------------------------------

PLAIN = ("changelist", "add", "change", "delete", "history")


def desk_pages(prefix: str) -> dict[str, list[str]]:
    """Return a list's pages as the portal has them: the plain ones, its deeds, and its actions on several rows."""
    every = sorted(_list_names(), key=len, reverse=True)
    mine = []
    for route in every_route():
        name = route.removeprefix("admin:")
        if route.startswith("admin:") and next((one for one in every if name.startswith(f"{one}_")), "") == prefix:
            mine.append(name.removeprefix(f"{prefix}_"))
    model = next(one for one in admin.site._registry if name_of_list(one) == prefix)
    return {
        "plain": [name for name in mine if name in PLAIN],
        "deeds": sorted(name for name in mine if name not in PLAIN),
        "actions": sorted(_action_names(admin.site._registry[model])),
    }


def name_of_list(model: Any) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}"


def _list_names() -> list[str]:
    return [name_of_list(model) for model in admin.site._registry]


def _action_names(desk: Any) -> list[str]:
    """Return the names of a list's actions, as its class declares them, whoever may see them."""
    return [one if isinstance(one, str) else one.__name__ for one in desk.actions or ()]


def desk_cells(prefix: str) -> list[Cell]:
    """Return the cells of one list of the desk: its pages, its deeds and its actions, GET and POST."""
    row = declared()["desk"][prefix]
    before = door("desk")

    def may(names: Any, method: str, page: str, answer: str = "ok") -> list[Cell]:
        allowed = members(names)
        what = page if method == "ACTION" else f"{prefix}_{page}"
        return [
            Cell(
                area=prefix,
                what=what,
                method=method,
                thing="-",
                role=role,
                answer=answer if role in allowed else before.get(role, "403"),
            )
            for role in roles()
        ]

    see, edit, add, delete = (row.get(name, "nobody") for name in ("see", "edit", "add", "delete"))
    cells = may(see, "GET", "changelist", row.get("list", "ok"))
    told = may(row.get("history", "coordinators"), "GET", "history")
    cells += may(see, "GET", "change") + told
    cells += [replace(cell, thing="missing", answer="404") for cell in told if cell.answer == "ok"]
    whole = edit if isinstance(edit, dict) else {"to": edit}  # who signed in long ago may be asked again
    cells += may(whole["to"], "POST", "change") + asked_again(prefix, f"{prefix}_change", {"GET": "405", **whole})
    cells += may(add, "GET", "add") + may(add, "POST", "add")
    cells += may(delete, "GET", "delete") + may(delete, "POST", "delete")
    if row.get("list", "ok") == "ok":  # nobody guesses texts letter by letter in the address of a list
        cells += may(see, "GUESS", "changelist", "400")
    for address in lookups(prefix):  # fields of other forms in which one chooses from this list, typing
        cells += [replace(cell, what=address) for cell in may(see, "LOOKUP", "autocomplete")]
    for deed, said in (row.get("deeds") or {}).items():
        # In full: to whom, what a GET and a POST answer, and for whom else otherwise.
        whole = said if isinstance(said, dict) else {"to": said}
        cells += asked_again(prefix, f"{prefix}_{deed}", whole)
        for method in ("GET", "POST"):
            but = {str(role): str(answer) for role, answer in (whole.get(f"but_{method}") or {}).items()}
            some = may(whole["to"], method, deed, str(whole.get(method, "ok")))
            cells += [replace(cell, answer=but.get(cell.role, cell.answer)) for cell in some]
        if needs_a_row(f"{prefix}_{deed}"):
            missing = [cell for method in ("GET", "POST") for cell in may(whole["to"], method, deed)]
            answers = {"GET": "404", "POST": str(whole.get("missing_POST", "404"))}
            missing = [replace(cell, thing="missing", answer=answers[cell.method]) for cell in missing]
            cells += [cell for cell in missing if cell.role in members(whole["to"])]
    if "not_here" in row:
        about_a_row = [deed for deed in row.get("deeds") or {} if needs_a_row(f"{prefix}_{deed}")]
        for method, deed in ((method, deed) for method in ("GET", "POST") for deed in about_a_row):
            away = [replace(cell, thing=row["not_here"]) for cell in may(see, method, deed, "404")]
            cells += [cell for cell in away if cell.answer == "404"]
    for label, names in (row.get("also") or {}).items():  # a page about another row, in parentheses
        page, _open, about = label.partition(" (")
        cells += [replace(cell, thing=about.removesuffix(")")) for cell in may(names, "POST", page)]
    exporters = (row.get("deeds") or {}).get("export", "nobody")
    exporters = exporters["to"] if isinstance(exporters, dict) else exporters
    actions = {**(row.get("actions") or {}), "export_chosen": exporters, "delete_selected": "nobody"}
    for name, names in actions.items():
        # Who sees the list but may not do the action gets the list again, and nothing has happened.
        looks = may(see, "ACTION", name, "idle")
        does = {cell.role: cell for cell in may(names, "ACTION", name) if cell.answer == "ok"}
        cells += [does.get(cell.role, cell) for cell in looks]
    return cells


def lookups(prefix: str) -> list[str]:
    """Return the queries with which the desk's forms look for rows of this list while one types."""
    found = []
    for desk in admin.site._registry.values():
        for one in [desk, *(inline(desk.model, admin.site) for inline in desk.inlines)]:
            for name in one.autocomplete_fields:
                target: Any = one.model._meta.get_field(name).related_model
                if target in admin.site._registry and name_of_list(target) == prefix:
                    meta = one.model._meta
                    found.append(f"?app_label={meta.app_label}&model_name={meta.model_name}&field_name={name}")
    return sorted(set(found))


@cache
def guesses(prefix: str) -> list[str]:
    """Return queries that ask a list for the beginning of a text: its own, and each one step behind a filter.

    A filter by a relation must not be a way to walk on: over the industry to the offers, to their contact's address.
    """
    desk: Any = next(one for model, one in admin.site._registry.items() if name_of_list(model) == prefix)
    names = [one[0] if isinstance(one, tuple) else one for one in desk.list_filter]
    paths = [one for one in [*names, desk.date_hierarchy] if isinstance(one, str)]
    found = ["pk__contains=a", *(f"{path}__{how}=a" for path in paths for how in ("startswith", "regex", "gt"))]
    for path in paths:
        target: Any = get_fields_from_path(desk.model, path)[-1].related_model
        steps = target._meta.get_fields(include_hidden=False) if target else []
        found += [f"{path}__{step.name}__gt=a" for step in steps]
    for one in desk.list_filter:  # a filter of our own often bears the name of a field
        if not isinstance(one, str | tuple):
            found += [f"{one.parameter_name}__{how}=a" for how in ("startswith", "name__startswith", "email__contains")]
    return found


@cache
def first_to_guess(prefix: str) -> str:
    """Return the role that tries all of these; for the others, who see the list too, one of them is enough."""
    readers = members(declared()["desk"][prefix]["see"])
    return next((role for role in roles() if role in readers), "")


def needs_a_row(what: str) -> bool:
    """Return whether a page of the desk is about one row."""
    try:
        reverse(f"admin:{what}")
    except NoReverseMatch:
        return True
    return False


def desk_route(what: str, key: str) -> str:
    """Return the address of a page of the desk; about an object where it needs one."""
    for arguments in ({}, {"object_id": key}):
        with suppress(NoReverseMatch):
            return reverse(f"admin:{what}", kwargs=arguments)
    raise Undeclared(f"admin:{what} needs arguments that the matrix does not know")


# --- What a page shows to some of its readers ------------------------------------------------------------------------


def shown_cells(name: str) -> list[Cell]:
    """Return the cells of a button, or of a part of a form: on the page for those it is for, for no other reader."""
    row = declared()["shown"][name]
    page, seen_by = row["page"], members(row["to"])
    if page in declared()["routes"]:
        area, thing = page, things_of(declared()["routes"][page])[0]
        readers = {
            cell.role for cell in route_cells(page) if (cell.method, cell.thing, cell.answer) == ("GET", thing, "ok")
        }
    else:
        area = page.removesuffix("_change")
        readers, thing = members(declared()["desk"][area]["see"]), row["about"]
    if strange := seen_by - readers:
        raise Undeclared(f"shown: {name}: {', '.join(sorted(strange))} cannot read {page}")
    return [
        Cell(area=area, what=name, method="SHOWN", thing=thing, role=role, answer="ok" if role in seen_by else "idle")
        for role in roles()
        if role in readers
    ]


# --- Methods that nothing takes --------------------------------------------------------------------------------------

OTHER_METHODS = ("PUT", "PATCH", "DELETE", "OPTIONS")
WHO_TRIES = ("coordinator", "host")  # who may most: signed in, and by link


def other_methods() -> list[Cell]:
    """Return the cells of the methods that no page takes: every route about every object, every list and every deed."""
    asked = [(name, name, thing) for name, row in declared()["routes"].items() for thing in things_of(row)]
    for name, row in declared()["desk"].items():
        pages = [*desk_pages(name)["plain"], *(row.get("deeds") or {})]
        asked += [(name, f"{name}_{page}", "-") for page in pages]
    return [
        Cell(area=area, what=what, method=method, thing=thing, role=role, answer="405")
        for area, what, thing in asked
        for method in OTHER_METHODS
        for role in WHO_TRIES
    ]


def some_other_methods() -> list[Cell]:
    """Return of these cells, for every route's first object each method by one of the two, else one in its turn."""
    pages: dict[tuple[str, str], list[Cell]] = {}
    for cell in other_methods():
        pages.setdefault((cell.what, cell.thing), []).append(cell)
    found: list[Cell] = []
    for turn, ((what, thing), cells) in enumerate(pages.items()):
        row = declared()["routes"].get(what)
        is_first = row is not None and things_of(row)[0] == thing
        tries = dict(zip(OTHER_METHODS, WHO_TRIES * 2 if turn % 2 else WHO_TRIES[::-1] * 2, strict=True))
        found += [cell for cell in cells if tries[cell.method] == cell.role] if is_first else [cells[turn % len(cells)]]
    return found


# --- Use-cases -----------------------------------------------------------------------------------------------------


@cache
def every_use_case() -> dict[str, Any]:
    """Return every use-case that takes an actor or a link: public, keyword-only, one durable transaction."""
    found = {}
    for app in APPS:
        package = import_module(f"{app}.domain")
        for module in iter_modules(package.__path__):
            inner = import_module(f"{app}.domain.{module.name}")
            for name, function in vars(inner).items():
                if (
                    inspect.isfunction(function)
                    and not name.startswith("_")
                    and function.__module__ == inner.__name__
                    and hasattr(function, "__wrapped__")
                    and {"by", "link_id"} & set(inspect.signature(function).parameters)
                ):
                    found[f"{app}.{module.name}.{name}"] = function
    return found


def function_of(name: str) -> str:
    """Return which use-case or question a declaration is about; a case of its own stands in parentheses behind it."""
    return name.partition(" ")[0]


@cache
def every_question() -> dict[str, Any]:
    """Return every question about one person that the domain answers with yes or no."""
    found = {}
    for app in APPS:
        package = import_module(f"{app}.domain")
        for module in iter_modules(package.__path__):
            inner = import_module(f"{app}.domain.{module.name}")
            for name, function in vars(inner).items():
                if inspect.isfunction(function) and function.__module__ == inner.__name__ and name[0] != "_":
                    signature = inspect.signature(function)
                    if list(signature.parameters) == ["user"] and signature.return_annotation in {bool, "bool"}:
                        found[f"{app}.{module.name}.{name}"] = function
    return found


def question_cells(name: str) -> list[Cell]:
    """Return the cells of one question: yes for those who are named."""
    yes = members(declared()["questions"][name])
    people = [role for role in roles() if role not in group("not_signed_in") or role == "deactivated"]
    return [
        Cell(area="question", what=name, method="is", thing="-", role=role, answer="ok" if role in yes else "403")
        for role in people
    ]


def use_case_cells(name: str) -> list[Cell]:
    """Return the cells of one use-case: every role that can act at all."""
    names = declared()["use_cases"][name]
    actors = [role for role in roles() if role not in group("no_actor")]
    if "by" not in inspect.signature(every_use_case()[function_of(name)]).parameters:
        actors = [role for role in group("link_holders") if role != "erased"]
    if isinstance(names, dict):
        answers = spread(names, where=name)
    else:
        answers = {role: "ok" if role in members(names) else "403" for role in actors}
    return [
        Cell(area="use-case", what=name, method="call", thing="own", role=role, answer=answers[role]) for role in actors
    ]


# --- Searches --------------------------------------------------------------------------------------------------------

# Where one may look for a word: every list and search, for everybody.
LOOKS = {
    "the catalogue": "/forloeb/?q={}",
    "my school's enrolments": "/tilmeldinger/?vis=skole",
    "the desk's search": "/admin/search/?s={}",
    "the desk's list of mails": "/admin/portal/message/?q={}",
}
# A list finds by what it does not show: the row itself gives away that the word stands in it.
FINDS = {"the desk's list of mails": "letter"}


def search_cells(secret: str) -> list[Cell]:
    """Return the cells of looking for a secret: nobody who may not read it finds it."""
    readers = members(declared()["secrets"][secret])
    return [
        Cell(area="search", what=secret, method="SEARCH", thing=thing, role=role, answer="idle")
        for thing, address in LOOKS.items()
        if "{}" in address or secret == next(iter(declared()["secrets"]))
        if FINDS.get(thing, secret) == secret
        for role in roles()
        if role not in readers
    ]


BY_LINK = ("link-", "builder-", "host-")


def alike(cell: Cell) -> str:
    """Return before which door roles are alike, if the cell is about one: nothing tells them apart there.

    Who has not signed in, before what asks for it; who has no role in the municipality, before the desk; who holds no
    link, before what is opened by one; everybody, before what takes no form, what does not exist at all, and the
    catalogue.
    """
    at_the_desk = cell.area in declared()["desk"] or cell.area.startswith("admin:")
    worker = cell.role in group("desk_workers")
    if cell.answer == "sign in" or (cell.answer == "405" and not at_the_desk):
        return cell.answer
    if cell.answer == "404" and cell.thing in {"missing", "nowhere"}:
        return "missing"
    if cell.answer == "403" and at_the_desk and not worker and cell.role != "unproven":
        return "desk"
    if cell.answer == "404" and cell.area.startswith(BY_LINK) and cell.role not in group("link_holders"):
        return "link"
    if cell.method == "SEARCH" and (cell.thing == "the catalogue" or not worker):
        return "search"
    return ""


# Whose turn it always is: they stand for another school and another company.
ALWAYS = {"missing": ("teacher_elsewhere", "invite_elsewhere", "host_elsewhere", "survey_elsewhere")}


def taking_turns(cells: list[Cell]) -> list[Cell]:
    """Return the cells, but of roles that are alike before a door only some: the first, and two that take turns.

    ``bin/prove permissions`` plays all.
    """
    before_a_door: dict[tuple[str, str, str, str], list[Cell]] = {}
    found = []
    some = set(some_other_methods()) if any(cell.method in OTHER_METHODS for cell in cells) else set()
    for cell in cells:
        if cell.method in OTHER_METHODS and cell not in some:
            continue
        if kind := alike(cell):
            before_a_door.setdefault((cell.what, cell.method, cell.thing, kind), []).append(cell)
        else:
            found.append(cell)
    for turn, ((*_page, kind), same) in enumerate(before_a_door.items()):
        always = [cell for cell in same if cell.role in ALWAYS.get(kind, ())]
        found += dict.fromkeys([same[0], *always, same[turn % len(same)], same[(turn * 7 + 3) % len(same)]])
    return found


def every_cell() -> list[Cell]:
    """Return the whole matrix."""
    found: list[Cell] = []
    for names, cells in (
        ("routes", route_cells),
        ("desk", desk_cells),
        ("use_cases", use_case_cells),
        ("questions", question_cells),
        ("secrets", search_cells),
        ("shown", shown_cells),
    ):
        for name in declared()[names]:
            found += cells(name)
    return found + other_methods()


# --- Held against the portal ---------------------------------------------------------------------------------------


def stubs() -> str:
    """Return what is missing in the file, ready to paste, and what stands there in vain; empty when they agree."""
    missing: list[str] = []
    surplus: list[str] = []
    of_lists = {
        f"admin:{prefix}_{page}"
        for prefix in _list_names()
        for pages in (desk_pages(prefix)["plain"], desk_pages(prefix)["deeds"])
        for page in pages
    }
    known = set(declared()["routes"]) | set(declared()["nameless"])
    missing += [
        f"# routes:\n  {name}:\n    about: nothing\n    door: sign-in\n    GET: {{coordinators: ok, others: 404}}"
        for name in sorted(every_route() - of_lists - known)
    ]
    surplus += [f"routes: {name}" for name in sorted(known - every_route())]
    desk = declared()["desk"]
    for prefix in _list_names():
        pages = desk_pages(prefix)
        if prefix not in desk:
            deeds = "".join(f", {one}: coordinators" for one in pages["deeds"]).removeprefix(", ")
            actions = "".join(f", {one}: coordinators" for one in pages["actions"]).removeprefix(", ")
            missing.append(
                f"# desk:\n  {prefix}: {{see: coordinators, edit: nobody, add: nobody, delete: nobody,"
                f" deeds: {{{deeds}}}, actions: {{{actions}}}}}"
            )
            continue
        for kind in ("deeds", "actions"):
            there = set(desk[prefix].get(kind) or {})
            missing += [
                f"# desk: {prefix}: {kind}:\n      {name}: coordinators" for name in sorted(set(pages[kind]) - there)
            ]
            surplus += [f"desk: {prefix}: {kind}: {name}" for name in sorted(there - set(pages[kind]))]
    surplus += [f"desk: {prefix}" for prefix in sorted(set(desk) - set(_list_names()))]
    for kind, there_are in (("use_cases", every_use_case()), ("questions", every_question())):
        said = {function_of(name) for name in declared()[kind]}
        missing += [f"# {kind}:\n  {name}: coordinators" for name in sorted(set(there_are) - said)]
        surplus += [f"{kind}: {name}" for name in sorted(said - set(there_are))]
    paste = "\n".join(missing)
    gone = "\n".join(surplus)
    return (f"Undeclared in tests/permissions.yaml; paste and correct:\n{paste}\n" if paste else "") + (
        f"Declared, but not there:\n{gone}\n" if gone else ""
    )


# The objects that each kind of address is asked about (``tests/permissions/world.py`` makes them).
_SIDES = ["own", "foreign", "missing"]
_HOSTED = ["own", "foreign", "crossed", "missing", "nowhere"]
_OFFERS = ["published", "paused", "draft", "submitted", "archived", "missing"]
THINGS: dict[str, list[str]] = {
    "offer": _OFFERS,
    "guide": _OFFERS,
    "company": ["hosting", "idle", "missing"],
    "session": ["open", "several classes", "foreign class", "enrolled", "of a draft", "planned", "missing"],
    **dict.fromkeys(["enrolment", "place", "visit", "asked", "lost", "contact", "survey"], _SIDES),
    **dict.fromkeys(["late", "batch"], _SIDES),
    "leaving": [*_SIDES, "too late"],
    "cancelled": [*_SIDES, "by the municipality"],
    "day": [*_SIDES, "another spelling"],
    **dict.fromkeys(["dialogue", "dialogue-time", "question"], _SIDES),
    **dict.fromkeys(["host-dialogue", "host-dialogue-time", "host-question"], _HOSTED),
    "asked-for": ["by agreement", "asked already", "with dates only", "draft", "missing"],
    "calendar": ["live", "ended", "of a closed account", "another purpose", "unknown"],
    "invite": [*_SIDES, "gone"],
    "step": [*_SIDES, "gone", "no such step"],
    "job": ["-", "back to a guide", "back elsewhere"],
    **dict.fromkeys(["host-session", "host-asked", "host-offer", "host-visit"], _HOSTED),
    "host-enrolment": [*_HOSTED, "pending", "awaiting its leader"],
    "host-date": [*_HOSTED, "no such date"],
    "host-request": [*_HOSTED, "awaiting its leader"],
    "file": ["published", "draft", "archived", "no course", "another's", "missing"],
    "which-school": ["my own", "another"],
    "logo": ["shown", "another"],
    "share": [*_SIDES, "another's colleague"],
    "role-asked-for": ["own", "missing"],
    "awaiting": _SIDES,
    "link": ["live", "missing"],
    "token": ["live", "revoked", "expired", "unknown"],
    "unsubscribing": ["reminders", "surveys", "of the erased", "another purpose", "unknown"],
}

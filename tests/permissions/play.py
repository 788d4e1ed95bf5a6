"""Playing a cell: ask the portal as the role, see what it answers and which tables it wrote, judge, and undo it all."""

import inspect
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from django.conf import settings
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from portal.domain.actor import Actor
from portal.domain.links import LinkEnded
from portal.domain.refusal import Refusal
from portal.models import User
from tests.permissions import matrix
from tests.permissions.bodies import BODIES, CALLS, ROWS, Body
from tests.permissions.matrix import Cell, declared, desk_route
from tests.permissions.world import NOW, World

# What may be written by anybody who comes by: the visit itself.
LOGGED = {"django_session", "portal_cache", "portal_tally"}
NOTHING = ("missing", "unknown", "no course")  # what does not exist at all


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the portal answered, and which tables it wrote meanwhile."""

    status: int
    to: str = ""
    wrote: frozenset[str] = frozenset()
    body: bytes = b""


# --- Which tables were written -------------------------------------------------------------------------------------


class Counters:
    """How many rows were inserted, updated and deleted in each table, as PostgreSQL itself counts in a transaction.

    Exact, and one short question: the counters know what is rolled back too, and an update that writes what stood
    there already. So "nothing was written" is more than "the tables look alike".
    """

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT c.oid::int, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema()"
            )
            self.names: dict[int, str] = dict(cursor.fetchall())
        self.seen = self.read()

    def read(self) -> dict[int, int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT t, n FROM unnest(%s::int[]) AS t, LATERAL (SELECT pg_stat_get_xact_tuples_inserted(t)"
                " + pg_stat_get_xact_tuples_updated(t) + pg_stat_get_xact_tuples_deleted(t) AS n) AS counted"
                " WHERE n > 0",
                [list(self.names)],
            )
            return dict(cursor.fetchall())

    def written(self) -> frozenset[str]:
        """Return the tables written since this was last asked."""
        before, self.seen = self.seen, self.read()
        return frozenset(self.names[oid] for oid, count in self.seen.items() if count != before.get(oid, 0))


# --- Forms as they stand -------------------------------------------------------------------------------------------


class FilledForm(HTMLParser):
    """Reads what a browser would send if one only pressed the button of a page's form."""

    def __init__(self, ends_with: str) -> None:
        super().__init__()
        self.ends_with = ends_with
        self.inside = False
        self.data: dict[str, list[str]] = {}
        self.select: str | None = None
        self.options: list[tuple[str, bool]] = []
        self.area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        name = has.get("name") or ""
        if tag == "form":
            self.inside = (has.get("id") or "").endswith(self.ends_with)
        if not self.inside or "disabled" in has:
            return
        kind = has.get("type") or "text"
        if tag == "input" and name and kind not in {"submit", "button", "file", "image"}:
            if kind not in {"checkbox", "radio"} or "checked" in has:
                self.data.setdefault(name, []).append(has.get("value") or ("on" if kind == "checkbox" else ""))
        elif tag == "select":
            self.select, self.options = name, []
        elif tag == "option" and self.select:
            self.options.append((has.get("value") or "", "selected" in has))
        elif tag == "textarea":
            self.area = name
            self.data[name] = [""]

    def handle_data(self, data: str) -> None:
        if self.inside and self.area:
            self.data[self.area][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "textarea" and self.area:
            self.data[self.area][0] = self.data[self.area][0].removeprefix("\n")
            self.area = None
        elif tag == "select" and self.select:
            chosen = [value for value, selected in self.options if selected]
            self.data[self.select] = chosen or [value for value, _selected in self.options[:1]]
            self.select = None


# --- Asking --------------------------------------------------------------------------------------------------------


class Player:
    """Plays cells in one world, each in a savepoint that is rolled back."""

    def __init__(self, world: World) -> None:
        self.world = world
        # Without CSRF checks, so that only permission can refuse; an exception is an answer too (500).
        self.client = Client(enforce_csrf_checks=False, raise_request_exception=False)
        self.counters = Counters()
        self.point = transaction.savepoint()
        readers = {name: matrix.members(names) for name, names in declared()["secrets"].items()}
        self.hidden = {
            role: [(name, world.words[name].encode()) for name in readers if role not in readers[name]]
            for role in matrix.roles()
        }
        self.pages: dict[tuple[str, str, str, str], str] = {}  # what a page that does not exist looked like

    def undo(self) -> frozenset[str]:
        """Undo what was written since the last time, and return which tables that were.

        As long as nothing is written, the savepoint stays; thousands of them open would choke the server.
        """
        try:
            wrote = self.counters.written()
        except DatabaseError:  # an error has broken the transaction; the counters outlive it
            transaction.savepoint_rollback(self.point)
            wrote = self.counters.written()
        if wrote:
            transaction.savepoint_rollback(self.point)
        return wrote - LOGGED

    def ask(self, role: str, method: str, address: str, data: Any = None) -> Answer:
        """Ask as the role; what was written is counted, and undone."""
        response = self.send(role, method, address, data)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        return Answer(
            status=response.status_code, to=response.headers.get("Location", ""), wrote=self.undo(), body=body
        )

    def send(self, role: str, method: str, address: str, data: Any = None) -> Any:
        """Send one request in the role's browser."""
        self.client.cookies = SimpleCookie()
        if key := self.world.cookies.get(role):
            self.client.cookies[settings.SESSION_COOKIE_NAME] = key
        if method == "POST":
            return self.client.post(address, data or {})
        return self.client.generic(method, address)

    # Cells

    def play(self, cell: Cell) -> str:
        """Return what is wrong about a cell, or nothing."""
        if cell.method == "call":
            return self.call(cell)
        if cell.method == "is":
            said = bool(matrix.every_question()[cell.what](User.objects.get(pk=self.world.people[cell.role].pk)))
            return "" if said == (cell.answer == "ok") else f"{cell}: {'yes' if said else 'no'}"
        if cell.method == "SEARCH":
            return self.search(cell)
        if cell.method == "LOOKUP":
            answer = self.ask(cell.role, "GET", reverse("admin:autocomplete") + cell.what)
            return judge(replace(cell, method="GET"), answer, ()) or self.leaks(cell, answer)
        if cell.method == "GUESS":
            return self.guess(cell)
        if cell.method == "SHOWN":
            return self.shown(cell)
        if cell.method in matrix.OTHER_METHODS:
            return self.turned_away(cell)
        body = body_of(cell)
        if body is None and cell.answer == "ok" and cell.method in {"POST", "ACTION"}:
            return f"{cell}: there is no valid body for it; write one in tests/permissions/bodies.py"
        answer = self.answer_to(cell)
        if cell.answer == str(answer.status) == "404" and cell.area in declared()["routes"]:
            self.remember(cell, answer)
        for spared in body.spares if body else ():
            table, _but, group = spared.partition(" but for ")
            if table in answer.wrote and not (group and cell.role in matrix.group(group)):
                return f"{cell}: wrote {table}, which may not be changed there"
        return judge(cell, answer, body.changes if body else ()) or self.leaks(cell, answer)

    def turned_away(self, cell: Cell) -> str:
        """Return what is wrong about the answer to a method that nothing here takes."""
        answer = self.ask(cell.role, cell.method, self.address_of(cell))
        # What Django and allauth bring along treats PUT as POST without a form, or as GET, or leads on.
        brought = cell.area.startswith(("account_", "admin:", "mfa_", "usersessions_")) or cell.area == "set_language"
        brought = brought or cell.area in declared()["desk"]
        allowed = {403, 404, 405, 410} | ({200, 302} if brought else set())
        wrote = answer.wrote - set(declared()["routes"].get(cell.area, {}).get("logs", []))
        to_sign_in = answer.status == 302 and answer.to.startswith(reverse("account_login"))
        if (answer.status in allowed or to_sign_in) and not wrote:
            return ""
        return f"{cell}: {answer.status}, and it wrote {', '.join(sorted(wrote)) or 'nothing'}"

    def remember(self, cell: Cell, answer: Answer) -> None:
        """Keep what a page that does not exist looks like, to compare it with others."""
        objects = self.world.objects[declared()["routes"][cell.area].get("about", "nothing")]
        address = self.address_of(cell).partition("?")[0]
        text = answer.body.decode(errors="replace").replace(address, "…").replace(quote(address, safe=""), "…")
        text = text.replace(quote(address), "…")
        page = f"{answer.status} {without_what_was_asked(text, objects[cell.thing])}"
        self.pages[cell.area, cell.method, cell.thing, cell.role] = page

    def unlike(self, route: str) -> list[str]:
        """Return where something that exists but not for the role looks unlike something that does not exist at all.

        Every object that the role got a 404 for is compared: another's, a draft, what is over or not yet to be seen.
        """
        return [
            f"{route} {method} {thing} by {role} does not look like one that does not exist"
            for (area, method, thing, role), page in list(self.pages.items())
            if area == route and thing not in NOTHING and page != self.nothing(route, method, role, page)
        ]

    def nothing(self, route: str, method: str, role: str, default: str) -> str:
        """Return what the role gets for what does not exist at all; the default, where no such thing can be asked."""
        there_are = matrix.things_of(declared()["routes"][route])
        thing = next((one for one in NOTHING if one in there_are), "")
        if thing and (route, method, thing, role) not in self.pages:
            cell = Cell(area=route, what=route, method=method, thing=thing, role=role, answer="404")
            answer = self.answer_to(cell)
            if answer.status != 404:  # it is refused for another reason, before anything is looked for
                return default
            self.remember(cell, answer)
        return self.pages[route, method, thing, role] if thing else default

    def answer_to(self, cell: Cell) -> Answer:
        """Return what the portal answers to a cell."""
        body = body_of(cell)
        data: dict[str, Any] = {}
        if body is not None and cell.method != "GET":
            data = self.filled_in(cell, body)
        query = data.pop("?", "")
        if cell.method == "ACTION":
            row = row_of(cell, self.world, body)
            data = {"action": cell.what, ACTION_CHECKBOX_NAME: str(row.pk), "confirmed": "1", "post": "yes", **data}
        method = "GET" if cell.method == "GET" else "POST"
        role = f"{cell.role}, {matrix.LONG_AGO}" if cell.thing == matrix.LONG_AGO else cell.role
        address = self.address_of(cell, body)
        return self.ask(role, method, address + (query.replace("?", "&", 1) if "?" in address else query), data)

    def filled_in(self, cell: Cell, body: Body) -> dict[str, Any]:
        """Return what is sent: the body's data, over the form as it stands where the body says so."""
        data = dict(body.data(self.world, cell.role, cell.thing))
        if not body.fills:
            return data
        form_of = self.address_of(cell, body)
        if form_of not in self.world.filled:
            page = self.send("administrator", "GET", form_of)
            form = FilledForm("_form")
            form.feed(page.content.decode())
            if not form.data:
                raise LookupError(f"{cell.what}: the administrator sees no form to fill in ({page.status_code})")
            self.world.filled[form_of] = form.data
        return {**self.world.filled[form_of], **data}

    def address_of(self, cell: Cell, body: Body | None = None) -> str:
        """Return the address of a cell's page, about its object."""
        if cell.area in declared()["routes"]:
            row = declared()["routes"][cell.area]
            things = self.world.objects[row.get("about", "nothing")]
            words = dict(things.get(cell.thing, {}))
            query = words.pop("?", "")
            return f"{reverse(cell.what, kwargs=words)}{query}"
        if cell.method == "ACTION":
            return desk_route(f"{cell.area}_changelist", "")
        if cell.thing == "missing":
            return desk_route(cell.what, str(uuid4()))
        if cell.thing == declared()["desk"].get(cell.area, {}).get("not_here"):
            return desk_route(cell.what, str(getattr(self.world.at, cell.thing).pk))
        found = row_of(cell, self.world, body)
        return desk_route(cell.what, str(found.pk))

    def search(self, cell: Cell) -> str:
        """Return whether looking for a secret shows it, or finds the row that holds it, to somebody it is kept from."""
        word = self.world.words[cell.what][:-1]  # without its end: a page may say what was asked for
        answer = self.ask(cell.role, "GET", matrix.LOOKS[cell.thing].format(word))
        row = reverse("admin:portal_message_change", args=[self.world.at.message.pk]).encode()
        if cell.thing in matrix.FINDS and row in answer.body:
            return f"{cell}: finds the row that holds the secret"
        return self.leaks(cell, answer)

    def guess(self, cell: Cell) -> str:
        """Return by which lookup a text could be guessed letter by letter, or nothing."""
        every = matrix.guesses(cell.area)
        # What may be asked does not depend on who asks; and who sees no list is refused before any lookup.
        is_first = cell.answer == "400" and cell.role == matrix.first_to_guess(cell.area)
        for one in every if is_first else every[:1]:
            address = f"{desk_route(f'{cell.area}_changelist', '')}?{one}"
            if wrong := judge(cell, self.ask(cell.role, "GET", address), ()):
                return f"{wrong} ({one})"
        return ""

    def shown(self, cell: Cell) -> str:
        """Return what is wrong about a button, or a part of a form: it stands there in vain, or is missing."""
        row = declared()["shown"][cell.what]
        if cell.area in declared()["routes"]:
            about = declared()["routes"][cell.area].get("about", "nothing")
            words = self.world.objects[row.get("of", about)]["own"]
            page = reverse(cell.area, kwargs={name: words[name] for name in self.world.objects[about][cell.thing]})
            mark = f'href="{reverse(matrix.function_of(cell.what), kwargs=words)}"'
        else:
            key = str(getattr(self.world.at, cell.thing).pk)
            page = desk_route(row["page"], key)
            mark = row.get("mark") or f'href="{desk_route(cell.what, key)}"'
        answer = self.ask(cell.role, "GET", page)
        stands = mark in answer.body.decode(errors="replace")
        if answer.status == 200 and stands == (cell.answer == "ok"):
            return ""
        return f"{cell}: {answer.status}, {mark} is {'shown' if stands else 'not shown'}"

    def leaks(self, cell: Cell, answer: Answer) -> str:
        """Return which secret word stands in an answer to somebody who may not read it."""
        found = [name for name, word in self.hidden[cell.role] if word in answer.body]
        return f"{cell}: shows the secret {', '.join(found)}" if found else ""

    def call(self, cell: Cell) -> str:
        """Call a use-case as the role; refused, it changes nothing."""
        if cell.what not in CALLS:
            return f"{cell}: nobody says how to call it; write that in tests/permissions/bodies.py"
        use_case = matrix.every_use_case()[matrix.function_of(cell.what)]
        words = CALLS[cell.what](self.world, cell.role)
        takes = inspect.signature(use_case).parameters
        words |= {"by": self.actor(cell.role)} if "by" in takes else {}
        words |= {"now": NOW} if "now" in takes else {}
        try:
            use_case(**words)
            said = "ok"
        except (Refusal, ObjectDoesNotExist, LinkEnded):
            said = "403"
        except Exception as error:  # noqa: BLE001 (whatever else happens is wrong, and is said)
            said = f"{type(error).__name__}: {error}"[:100]
        wrote: frozenset[str] = self.undo()
        if said not in {"ok", "403"} or (said == "403") != (cell.answer == "403"):
            return f"{cell}: {said}, expected {cell.answer}"
        if bool(wrote) != (cell.answer == "ok"):
            return f"{cell}: {cell.answer}, and yet it wrote {', '.join(sorted(wrote)) or 'nothing'}"
        return ""

    def actor(self, role: str) -> Actor:
        """Return the role as the domain sees it."""
        if role in self.world.people:
            return Actor.of_user(User.objects.get(pk=self.world.people[role].pk))
        return Actor.of_link(self.world.links[role][0][0])


def body_of(cell: Cell) -> Body | None:
    """Return the valid body of a cell, if there is one."""
    if cell.method == "ACTION":
        return BODIES.get(f"{cell.area}:{cell.what}")
    return BODIES.get(f"{cell.what} ({cell.thing})") or BODIES.get(cell.what)


def row_of(cell: Cell, world: World, body: Body | None) -> Any:
    """Return the row that a page of the desk is about."""
    name = (body.about if body else "") or ROWS.get(cell.area, "")
    if not name:
        raise LookupError(f"{cell.area}: no row to ask about; name one of the world's in ROWS (bodies.py)")
    return getattr(world.at, name)


# --- Judging -------------------------------------------------------------------------------------------------------


def judge(cell: Cell, answer: Answer, changes: tuple[str, ...]) -> str:
    """Return what is wrong about an answer, or nothing.

    *ok*: a page is shown and nothing is written; or a valid form is taken and its table is written. *form*: the form
    comes back and nothing is written. *moves*: one is led somewhere else and nothing is written. *idle*: a page or a
    way back, nothing is written. All others deny.
    """
    asks = cell.method == "GET"
    away = answer.status in {301, 302, 303}
    to_sign_in = away and answer.to.startswith((reverse("account_login"), reverse("admin:login")))
    fits = {
        "ok": answer.status == 200 if asks else answer.status in {200, 302, 303} and not to_sign_in,
        "form": answer.status in {200, 409, 422},
        "moves": away and not to_sign_in,
        "idle": answer.status == 200 or (away and not to_sign_in),
        "sign in": to_sign_in,
    }.get(cell.answer, str(answer.status) == cell.answer)
    if not fits:
        return f"{cell}: {answer.status} {answer.to}, expected {cell.answer}"
    wrote = answer.wrote - set(declared()["routes"].get(cell.area, {}).get("logs", []))
    if cell.answer == "ok" and not asks:
        if missing := set(changes) - wrote:
            errors = " ".join(
                re.findall(r'class="error[^>]*>(?:\s*<[^>]+>)*([^<]+)', answer.body.decode(errors="replace"))
            )
            return f"{cell}: allowed, but {', '.join(sorted(missing))} is not written ({sorted(wrote)}) {errors}"
    elif wrote:
        return f"{cell}: {cell.answer}, and yet it wrote {', '.join(sorted(wrote))}"
    return ""


def without_what_was_asked(text: str, arguments: dict[str, Any]) -> str:
    """Return a page without what the browser itself asked for (the ids of the address), tokens and nonces."""
    for value in map(str, arguments.values()):
        if len(value) > 3:
            text = text.replace(value, "…")
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text)
    return re.sub(r'nonce="[^"]+"', "", text)

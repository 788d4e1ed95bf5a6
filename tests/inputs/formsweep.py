"""Going over every form of every page with the catalogue of fields."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any
from uuid import uuid4

from django import forms
from django.apps import apps
from django.db import connection

from portal.domain.text import tidy
from tests.inputs import pages
from tests.inputs.fields import ANYTHING, GOOD, kind_of, refused, taken
from tests.inputs.requests import astray, broken
from tests.inputs.sweep import Place, Sweep

UNTYPED = {"hidden", "submit", "button", "checkbox", "radio", "select", "select-several", "file", "password"}
DONE = {301, 302, 303}
SHOWN_AGAIN = {200, 409, 422}
NOISE = {"django_session", "portal_cache", "django_admin_log"}


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A form that can be sent from a place, and what a browser would send."""

    place: Place
    form: pages.Form
    filled: dict[str, list[str]]

    @property
    def label(self) -> str:
        buttons = [one for one in self.form.controls if one.kind == "submit" and one.name]
        return f"{self.place.route.name}" + (f" [{buttons[0].value[:20]}]" if len(buttons) == 1 else "")

    def kind(self, name: str) -> tuple[str, forms.Field | None]:
        """Return what an input asks for, and its field."""
        if name not in self.place.fields:
            return "", None
        _form, label, field = self.place.fields[name]
        part = name.rpartition("_")[2] if not name.endswith(label) else ""
        return kind_of(field, part), field

    def control(self, name: str) -> pages.Control:
        return next(one for one in self.form.controls if one.name == name)


class FormSweep:
    """Every form that somebody can send."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep, self.ground = sweep, sweep.ground

    @cached_property
    def forms(self) -> list[Sent]:
        """Return the forms of all places, those that look alike at one route only once."""
        found: dict[Any, Sent] = {}
        for place in self.sweep.places:
            for form in place.page.forms:
                if form.method == "post" and place.status == 200:
                    names = tuple(form.names())
                    once = (
                        "everywhere" if set(names) <= {"language", "next", "csrfmiddlewaretoken"} else place.route.name
                    )
                    found.setdefault((once, form.action if once == "everywhere" else "", names), self.sent(place, form))
        return list(found.values())

    def sent(self, place: Place, form: pages.Form) -> Sent:
        """Fill in what is empty and must not be, and open one more row where rows can be added."""
        opened: dict[str, int] = {}
        for one in form.controls:
            prefix, apart, rest = one.name.partition("-__prefix__-")
            if apart:
                total = next(two for two in form.controls if two.name == f"{prefix}-TOTAL_FORMS")
                number = opened.setdefault(prefix, int(total.value))
                if one.name in place.fields:
                    place.fields[f"{prefix}-{number}-{rest}"] = place.fields.pop(one.name)
                one.name = f"{prefix}-{number}-{rest}"
                total.value = str(number + 1)
        filled = form.filled()
        made = Sent(place=place, form=form, filled=filled)
        for one in form.controls:
            kind, field = made.kind(one.name)
            empty = not any(filled.get(one.name, [""]))
            in_new_row = any(one.name.startswith(f"{prefix}-{number}-") for prefix, number in opened.items())
            must = field is not None and field.required and not in_new_row
            if must and empty and one.kind not in {"submit", "hidden"}:
                if one.kind == "radio" or (one.kind == "checkbox" and kind == "choice"):
                    filled[one.name] = [one.value]
                elif one.kind == "checkbox":
                    filled[one.name] = ["on"]
                elif one.options:
                    filled[one.name] = [next((value for value in one.options if value), "")]
                else:
                    filled[one.name] = [GOOD.get(kind, GOOD["other"])]
        return made

    def some(self, every: int) -> list[Sent]:
        """Return the forms of everybody, and each so-manieth of the desk's."""
        return [
            sent
            for turn, sent in enumerate(self.forms)
            if turn % every == 0 or not sent.place.route.name.startswith("admin:")
        ]

    def post(self, sent: Sent, changes: dict[str, list[str]], *, for_good: bool = False) -> Any:
        ask = self.ground.ask_for_good if for_good else self.ground.ask
        return ask("POST", sent.form.action, sent.place.who, data={**sent.filled, **changes}, with_context=True)

    # What is wrong with an answer

    def broken(self, answer: Any) -> str:
        return broken(answer) or astray(answer)

    def not_refused(self, sent: Sent, answer: Any, name: str, value: str) -> str:
        """Return what is missing when a value should have been refused at its field, and kept."""
        if answer.status_code in DONE:
            return "was taken"
        if answer.status_code not in SHOWN_AGAIN:
            return f"answers {answer.status_code}"
        shown, page = self.as_shown(sent, answer)
        if name not in shown:
            return "is gone from the page"
        form, label, _field = shown[name]
        errors = form.errors.get(label)
        if not errors:
            return "was not refused at its field"
        text = answer.content.decode()
        if not any(escape(str(error)) in text or str(error) in text for error in errors):
            return f"has a message that does not stand on the page: {errors[0]}"
        control = sent.control(name)
        if control.kind in UNTYPED or control.kind in {"date", "time", "datetime-local"}:
            return ""
        again = [one for form in page.forms for one in form.controls if one.name == name]
        kept = {" ".join(one.value.split()) for one in again}
        if " ".join(tidy(value).split()) not in kept:
            return "was not kept as it was typed"
        return ""

    def as_shown(self, sent: Sent, answer: Any) -> tuple[dict[str, Any], pages.Reader]:
        """Return the forms and the page of an answer, read once."""
        if not hasattr(answer, "as_shown"):
            answer.as_shown = pages.forms_of(answer), pages.read(sent.form.action, answer)
        found: tuple[dict[str, Any], pages.Reader] = answer.as_shown
        return found

    def not_taken(self, answer: Any, name: str) -> str:
        """Return what was said against a value that should be taken."""
        if answer.status_code in DONE:
            return ""
        shown = pages.forms_of(answer)
        if name in shown:
            form, label, _field = shown[name]
            if errors := form.errors.get(label):
                return f"was refused: {errors[0]}"
        return ""

    # The rows

    def typed(self, sent: Sent) -> list[str]:
        """Return the inputs that have a field behind them."""
        of_the_list = {"action", "select_across"}  # what a list of the desk does not know it leaves alone
        return [
            name
            for name in sent.form.names()
            if name in sent.place.fields and not is_management(name) and name not in of_the_list
        ]

    def unlike(self, names: list[str]) -> list[str]:
        """Return the inputs, but of rows that are alike only those of the first and of the last, which is the new one.

        A row's number stands in the middle of its name: ``classes-3-letter``.
        """
        found: dict[str, list[str]] = {}
        for name in names:
            found.setdefault(re.sub(r"-\d+-", "-N-", name, count=1), []).append(name)
        return [name for same in found.values() for name in dict.fromkeys([same[0], same[-1]])]

    def all_wrong_at_once(self, sent: Sent, turn: int) -> Iterator[str]:
        """Send the form with something to be refused in every field: each must say so, and keep it."""
        wrong: dict[str, str] = {}
        for place, name in enumerate(self.typed(sent)):
            kind, field = sent.kind(name)
            values = refused(field, kind, *sent.place.fields[name][:2]) if field is not None else []
            if values and sent.control(name).kind != "hidden":
                wrong[name] = values[(turn + place) % len(values)]
        if not wrong:
            return
        answer = self.post(sent, {name: [value] for name, value in wrong.items()})
        if problem := self.broken(answer):
            yield f"{sent.label}: all wrong ({turn}): {problem}"
            return
        for name, value in wrong.items():
            if problem := self.not_refused(sent, answer, name, value):
                yield f"{sent.label}: {name}={value[:40]!r} {problem}"

    def one_wrong(self, sent: Sent, name: str, value: str) -> Iterator[str]:
        """Send the form with one value to be refused."""
        answer = self.post(sent, {name: [value]})
        problem = self.broken(answer)
        if not problem and sent.control(name).kind != "hidden":
            problem = self.not_refused(sent, answer, name, value)
        if problem:
            yield f"{sent.label}: {name}={value[:40]!r} {problem}"

    def all_odd_at_once(self, sent: Sent, turn: int) -> Iterator[str]:
        """Send the form with something odd but good in every field."""
        odd: dict[str, str] = {}
        for place, name in enumerate(self.typed(sent)):
            kind, field = sent.kind(name)
            values = taken(field, kind, *sent.place.fields[name][:2]) if field is not None else []
            if values and sent.control(name).kind != "hidden":
                odd[name] = values[(turn + place) % len(values)]
        if odd:
            yield from self.odd(sent, odd)

    def odd(self, sent: Sent, odd: dict[str, str]) -> Iterator[str]:
        answer = self.post(sent, {name: [value] for name, value in odd.items()})
        if problem := self.broken(answer):
            yield f"{sent.label}: odd {odd}: {problem}"
            return
        for name, value in odd.items():
            if problem := self.not_taken(answer, name):
                yield f"{sent.label}: {name}={value[:40]!r} {problem}"

    def anything(self, sent: Sent, name: str, value: str) -> Iterator[str]:
        """Send whatever into an input, one that nobody can type into too: the answer may say no, but not break."""
        answer = self.post(sent, {name: [value]})
        if problem := self.broken(answer):
            yield f"{sent.label}: {name}={value[:40]!r}: {problem}"

    def tampered(self, sent: Sent, turn: int | None = None) -> Iterator[str]:
        """Send what counts the rows of a form wrongly, and rows that belong to others; two of each unless all."""
        counts = [name for name in sent.form.names() if is_management(name)]
        rows = [(name, value) for name in counts for value in ("10000", "-1", "abc", "", "0", "99", "9" * 400)]
        keys = [name for name in sent.form.names() if name.endswith("-id")]
        rows += [(name, value) for name in keys for value in (str(uuid4()), "abc", "999999999")]
        for name, value in rows if turn is None else (rows * 2)[turn % max(len(rows), 1) :][:2]:
            yield from self.anything(sent, name, value)

    def twice(self, sent: Sent) -> Iterator[str]:
        """Send the form twice, as a double click does, and a third time without a word."""
        with self.ground.passing():
            for time in ("the first time", "the second time"):
                answer = self.post(sent, {}, for_good=True)
                if problem := self.broken(answer):
                    yield f"{sent.label}: {time}: {problem}"
        answer = self.ground.ask("POST", sent.form.action, sent.place.who, data={})
        if problem := self.broken(answer):
            yield f"{sent.label}: empty: {problem}"

    def accepted(self, sent: Sent) -> bool:
        """Return whether the form is taken as it is filled in."""
        return self.post(sent, {}).status_code in DONE

    def more_than_asked_for(self, sent: Sent) -> Iterator[str]:
        """Send every column of every model along: the rows must end up as without."""
        asked_for = set(sent.form.names())
        extra = {name: [value] for name, value in every_column().items() if name not in asked_for}
        ends = []
        for changes in ({}, extra):
            with self.ground.passing():
                answer = self.post(sent, changes, for_good=True)
                ends.append((answer.status_code, rows_as_they_stand()))
            if problem := self.broken(answer):
                yield f"{sent.label}: with every column: {problem}"
        if ends[0][0] != ends[1][0]:
            yield f"{sent.label}: with every column: answers {ends[1][0]} instead of {ends[0][0]}"
        elif ends[0][1] != ends[1][1]:
            changed = sorted(dict(set(ends[0][1]) ^ set(ends[1][1])))
            yield f"{sent.label}: with every column: other rows in {', '.join(changed)}"


def is_management(name: str) -> bool:
    """Return whether an input counts the rows of a formset."""
    return name.endswith(("-TOTAL_FORMS", "-INITIAL_FORMS", "-MIN_NUM_FORMS", "-MAX_NUM_FORMS"))


def every_column() -> dict[str, str]:
    """Return a hostile value for every field of every model, alone and as in a row of another's form."""
    columns: dict[str, str] = {}
    for model in apps.get_models():
        for field in model._meta.get_fields():
            kind = getattr(field, "get_internal_type", lambda: "")()
            value = {
                "BooleanField": "on",
                "CharField": "confirmed",
                "TextField": "indsat",
                "EmailField": "x@evil.example",
            }
            columns[field.name] = value.get(kind, "999" if "Integer" in kind else str(uuid4()))
            columns[f"{field.name}_id"] = str(uuid4())
            columns[f"{model._meta.model_name}_set-0-{field.name}"] = columns[field.name]
    columns |= {
        "is_staff": "on",
        "is_superuser": "on",
        "status": "confirmed",
        "state": "published",
        "places_taken": "0",
    }
    # Names that mean something to Django's admin or to a button of the page are no columns.
    for name in ("action", "csrfmiddlewaretoken", "next", "password", "language", "q", "name", "id"):
        columns.pop(name, None)
    return dict(list(columns.items())[:900])


def rows_as_they_stand() -> tuple[tuple[str, str], ...]:
    """Return a checksum of every table, in which keys that are drawn by lot count as alike."""
    lot = r"[0-9a-f]{8}-[0-9a-f-]{27}|[A-Za-z0-9_!$=,+/-]{24,}|" + r'"object_id": "[^"]*"'
    drawn = f"regexp_replace((to_jsonb(t) - 'id')::text, '{lot}', '?', 'g')"
    with connection.cursor() as cursor:
        tables = [table for table in connection.introspection.table_names(cursor) if table not in NOISE]
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{table}', coalesce(md5(string_agg(line, ',' ORDER BY line)), '')"
                f' FROM (SELECT {drawn} AS line FROM "{table}" t) AS lines'
                for table in tables
            )
        )
        return tuple(sorted(cursor.fetchall()))


def odd_inputs(names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each of these inputs with everything, for those who try it all."""
    for name in names:
        if not is_management(name):
            yield from ((name, value) for value in ANYTHING)

"""Importing a table: columns with all their names, a report per line, and what waits for its confirmation."""

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.domain.actor import Actor
from portal.domain.cpr import holds_cpr
from portal.domain.refusal import Refusal
from portal.models import PendingTable

KEPT_FOR = timedelta(hours=24)
MOST_WAITING = 20  # tables of one person
Text = str | Promise
Row = tuple[int, Mapping[str, str]]  # the line's number in the file, and its cells by the columns' names


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table that is imported, with the names under which it is recognised.

    ``name`` is the model's field where there is one. An empty cell leaves what is there as it is.
    """

    name: str
    heading: Text
    also: Sequence[str] = ()
    required: bool = False
    several: bool = False  # lines of a cell stand for several things; elsewhere they are one text
    says: Text = ""
    examples: Sequence[str] = ()


class Outcome(models.TextChoices):
    """What a line of the file would do."""

    NEW = "new", _("new")
    CHANGED = "changed", _("changed")
    UNCHANGED = "unchanged", _("unchanged")
    ERROR = "error", _("error")


@dataclass
class Line:
    """What one line of the file would do, and why not."""

    number: int
    about: str = ""
    is_new: bool = False
    changes: list[tuple[str, str, str]] = field(default_factory=list)  # column, before, after
    problems: list[tuple[str, str]] = field(default_factory=list)  # column, why
    warnings: list[tuple[str, str]] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """What the line would do."""
        if self.problems:
            return Outcome.ERROR
        if self.is_new:
            return Outcome.NEW
        return Outcome.CHANGED if self.changes else Outcome.UNCHANGED

    def problem(self, column: Column, sentence: Text) -> None:
        """Say why the line cannot be let in."""
        self.problems.append((str(column.heading), str(sentence)))

    def warn(self, column: Column, sentence: Text) -> None:
        """Say what should be looked at, though it may be right."""
        self.warnings.append((str(column.heading), str(sentence)))

    def change(self, heading: Text, before: object, after: object) -> None:
        """Say what becomes another."""
        self.changes.append((str(heading), str(before), str(after)))


@dataclass
class Report:
    """What a file would do, line by line. Nothing has been written."""

    lines: list[Line]
    ending: list[str] = field(default_factory=list)  # roles that are missing from the file and would end

    def count(self, outcome: Outcome) -> int:
        """Return how many lines have that outcome."""
        return sum(line.outcome is outcome for line in self.lines)

    @property
    def warned(self) -> int:
        """How many lines should be looked at."""
        return sum(bool(line.warnings) for line in self.lines)

    @property
    def is_ready(self) -> bool:
        """Whether every line can be let in, and there is something to do."""
        return not self.count(Outcome.ERROR) and (self.count(Outcome.UNCHANGED) < len(self.lines) or bool(self.ending))

    @property
    def seal(self) -> str:
        """A word for exactly what the report says: what is let in is what was looked over."""
        said = [(one.number, one.about, one.is_new, one.changes, one.problems) for one in self.lines]
        return hashlib.sha256(repr((said, self.ending)).encode()).hexdigest()[:32]


@dataclass
class Put:
    """Puts cells into a row that is new or exists, and notes what becomes another."""

    row: models.Model
    line: Line
    fields: list[str] = field(default_factory=list)

    def put(self, column: Column, value: Any) -> Self:
        """Set a field to a value that its model takes; what it does not take becomes a problem at the column."""
        meta = self.row._meta.get_field(column.name)
        try:
            value = meta.clean(value, self.row)  # type: ignore[union-attr]
        except ValidationError as error:
            self.line.problem(column, " ".join(error.messages))
            return self
        before = getattr(self.row, column.name)
        if before != value:
            shown = [str(self.shown(column.name)) or "–"]
            setattr(self.row, column.name, value)
            self.fields.append(column.name)
            if not self.line.is_new:
                self.line.change(column.heading, shown[0], str(self.shown(column.name)) or "–")
        return self

    def shown(self, name: str) -> object:
        """Return a field's value as a person reads it."""
        display = getattr(self.row, f"get_{name}_display", None)
        value = display() if display else getattr(self.row, name)
        if isinstance(value, bool):
            return gettext("yes") if value else gettext("no")
        return "" if value is None else value


def simple(text: str) -> str:
    """Return the letters and digits of a text in one form, by which names are compared."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in text if one.isalnum())


def same(text: str) -> str:
    """Return a name as it is compared: composed letters, single spaces, in any case."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def arrange(
    columns: Sequence[Column], headings: Sequence[str], rows: Iterable[tuple[int, Sequence[str]]]
) -> tuple[list[Row], list[str]]:
    """Return the rows by the columns' names, and the headings of columns that nobody asked for.

    Raises Refusal (field ``file``) when a column is missing or stands twice, and when any cell, of whatever column,
    reads as a CPR number: then nothing of the file is kept.
    """
    names: dict[str, Column] = {}
    for code, _language in settings.LANGUAGES:
        with translation.override(code):
            names |= {simple(word): one for one in columns for word in (one.name, str(one.heading), *one.also)}
    found: dict[int, Column] = {}
    for place, heading in enumerate(headings):
        column = names.get(simple(heading))
        if column is None:
            continue
        if column in found.values():
            raise Refusal(
                _("More than one column holds “%(column)s”. Keep one of them.") % {"column": column.heading},
                code="column-twice",
                field="file",
            )
        found[place] = column
    missing = [str(one.heading) for one in columns if one.required and one not in found.values()]
    if missing:
        raise Refusal(
            _("The file lacks the column %(missing)s. Its headings are: %(found)s.")
            % {
                "missing": ", ".join(f"“{one}”" for one in missing),
                "found": ", ".join(f"“{one}”" for one in headings if one),
            },
            code="missing-column",
            field="file",
        )
    kept: list[Row] = []
    for number, cells in rows:
        for place, cell in enumerate(cells):
            if holds_cpr(cell):
                raise Refusal(
                    _(
                        "Line %(line)s, “%(column)s”, holds something that reads as a CPR number. The portal holds no"
                        " such numbers: remove them from the file. Nothing of it was kept."
                    )
                    % {"line": number, "column": headings[place]},
                    code="cpr",
                    field="file",
                )
        row = {
            column.name: cells[place] if column.several else " ".join(cells[place].split())
            for place, column in found.items()
            if cells[place]
        }
        if row:
            kept.append((number, row))
    return kept, [one for place, one in enumerate(headings) if one and place not in found]


@transaction.atomic(durable=True)
def keep_table(
    *,
    kind: str,
    filename: str,
    rows: Sequence[Row],
    unused: Sequence[str],
    end_missing: bool,
    by: Actor,
    now: datetime,
) -> PendingTable:
    """Keep a table until it is confirmed, for 24 hours at most. What is older goes, whoever uploaded it.

    Raises Refusal for anyone but a coordinator.
    """
    if not by.is_coordinator or by.user_id is None:
        raise Refusal(_("Only a coordinator imports."), code="not-allowed")
    forget(now=now)
    mine = PendingTable.objects.filter(owner=by.user_id).order_by("-uploaded_at")
    PendingTable.objects.filter(pk__in=list(mine.values_list("pk", flat=True)[MOST_WAITING - 1 :])).delete()
    return PendingTable.objects.create(
        owner_id=by.user_id,
        kind=kind,
        filename=filename[:120],
        rows=[[number, dict(cells)] for number, cells in rows],
        unused=[one[:100] for one in unused],
        end_missing=end_missing,
        uploaded_at=now,
    )


@transaction.atomic(durable=True)
def give_up_table(*, table_id: UUID, by: Actor) -> None:
    """Delete a table that was not wanted after all. Deleting it again changes nothing."""
    PendingTable.objects.filter(pk=table_id, owner=by.user_id).delete()


def waiting(by: Actor, now: datetime) -> models.QuerySet[PendingTable]:
    """Return the tables that this person uploaded within the last 24 hours."""
    return PendingTable.objects.filter(owner=by.user_id, uploaded_at__gte=now - KEPT_FOR)


def rows_of(table: PendingTable) -> list[Row]:
    """Return the rows of a kept table."""
    return [(number, cells) for number, cells in table.rows]


def forget(*, now: datetime) -> int:
    """Delete the tables that nobody confirmed for 24 hours; return how many."""
    return PendingTable.objects.filter(uploaded_at__lt=now - KEPT_FOR).delete()[0]

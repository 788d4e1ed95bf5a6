"""A month of a school's visits, as a table of weeks has them: class, grade, course and host, and no person."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from offers.domain import snapshot
from offers.models import Enrolment, Meeting
from portal.domain import calendar
from portal.domain.calendar import SchoolCalendar
from portal.models import User

FIRST_YEAR, LAST_YEAR = 2000, 2099


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One date of one class."""

    enrolment_id: UUID
    starts_at: datetime
    ends_at: datetime
    label: str
    grade: int
    school: str
    title: str
    host: str
    place: str
    is_pending: bool
    may_be_opened: bool


@dataclass(frozen=True, kw_only=True)
class Day:
    """One day of the table; its entries have ``starts_at`` and ``label``."""

    day: date
    is_in_month: bool
    is_today: bool
    holiday: str
    entries: list[Any]


@dataclass(frozen=True, kw_only=True)
class Week:
    """One row of the table."""

    number: int
    days: list[Day]


@dataclass(frozen=True, kw_only=True)
class Month:
    """A month, and its neighbours."""

    first: date
    before: date
    after: date
    weeks: list[Week]

    @property
    def busy_days(self) -> list[Day]:
        """The days of the month with a visit."""
        return [day for week in self.weeks for day in week.days if day.is_in_month and day.entries]

    @property
    def has_weekend(self) -> bool:
        """Whether anything stands on a Saturday or Sunday, so that the table needs them."""
        return any(day.entries for week in self.weeks for day in week.days[5:])


def month_of(person: User, first: date, *, now: datetime) -> Month:
    """Return the visits of a month that concern the person: those of the own schools, and the own.

    A visit stands there from the request on, until it is cancelled; a class in line has no date yet.
    """
    monday, after, sunday = frame(first)
    rows = Meeting.objects.filter(starts_at__gte=calendar.at(monday, 0), starts_at__lt=calendar.at(sunday, 0)).exclude(
        state=Meeting.State.CANCELLED
    )
    enrolments = (
        Enrolment.objects.in_calendar_of(person)
        .filter(session__in=rows.values("session"))
        .select_related("school_class", "school", "session__offer__company")
        .prefetch_related("session__meetings")
    )
    opened = set(
        Enrolment.objects.visible_to(person).filter(pk__in=enrolments.values("pk")).values_list("pk", flat=True)
    )
    by_day: dict[date, list[Entry]] = defaultdict(list)
    for one in enrolments:
        for entry in _entries(one, one.pk in opened, now):
            by_day[calendar.local_day(entry.starts_at)].append(entry)
    return Month(
        first=first,
        before=(first - timedelta(days=1)).replace(day=1),
        after=after,
        weeks=weeks_of(monday, sunday, first, by_day, calendar.local_day(now)),
    )


def frame(first: date) -> tuple[date, date, date]:
    """Return the first day of a month's table, the first of the next month, and the day after the table's last row."""
    after = (first + timedelta(days=31)).replace(day=1)
    return (
        first - timedelta(days=first.weekday()),
        after,
        after + timedelta(days=6 - (after - timedelta(days=1)).weekday()),
    )


def _entries(enrolment: Enrolment, may_be_opened: bool, now: datetime) -> Iterable[Entry]:
    """Return an entry for every date of a visit."""
    visit = snapshot.visit_of(enrolment, now)
    for one in snapshot.dates_of(enrolment, now):
        if not one.is_cancelled:
            yield Entry(
                enrolment_id=enrolment.pk,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
                label=enrolment.class_label,
                grade=enrolment.grade,
                school=enrolment.school_name,
                title=visit.title,
                host=visit.host,
                place=one.place,
                is_pending=enrolment.status == Enrolment.Status.PENDING,
                may_be_opened=may_be_opened,
            )


def weeks_of(monday: date, sunday: date, first: date, by_day: Mapping[date, Sequence[Any]], today: date) -> list[Week]:
    """Return the rows of the table, Monday to Sunday, with the school's holidays by name."""
    school_calendar = SchoolCalendar.load()
    weeks = []
    while monday < sunday:
        days = []
        for step in range(7):
            day = monday + timedelta(days=step)
            closed = school_calendar.closed(day)
            entries = sorted(by_day.get(day, []), key=lambda entry: (entry.starts_at, entry.label))
            days.append(
                Day(
                    day=day,
                    is_in_month=(day.year, day.month) == (first.year, first.month),
                    is_today=day == today,
                    holiday=closed.name if closed is not None else "",
                    entries=entries,
                )
            )
        weeks.append(Week(number=monday.isocalendar().week, days=days))
        monday += timedelta(days=7)
    return weeks


def month_in(text: str) -> date | None:
    """Return the first day of the month in an address such as ``2026-11``; None when it names none."""
    found = re.fullmatch(r"([0-9]{4})-([0-9]{2})", text, re.ASCII)
    if found is None:
        return None
    year, number = int(found[1]), int(found[2])
    return date(year, number, 1) if FIRST_YEAR <= year <= LAST_YEAR and 1 <= number <= 12 else None

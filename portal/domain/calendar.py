"""The municipality's school calendar: school days, and local wall time.

Days and hours are decided in Europe/Copenhagen. A school year whose holidays the municipality has entered is
*confirmed*; for every other year they are computed (week 42, week 7, Easter, Christmas, summer) and are not.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from portal.models import CalendarPeriod

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
WEEKEND = 5
SCHOOL_YEAR_BEGINS = 8  # August


@dataclass(frozen=True, kw_only=True)
class Closed:
    """A stretch of days without school; both days belong to it."""

    name: str
    first: date
    last: date
    confirmed: bool


def school_year_of(day: date) -> int:
    """Return the year in which the school year of that day began; it begins on 1 August (Folkeskole Act § 14 a)."""
    return day.year if day.month >= SCHOOL_YEAR_BEGINS else day.year - 1


def first_of_school_year(year: int) -> datetime:
    """Return the moment at which the school year begins: 1 August, midnight in Copenhagen."""
    return at(date(year, SCHOOL_YEAR_BEGINS, 1), 0)


def easter_sunday(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (the anonymous algorithm, as in Meeus)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e, f = b // 4, b % 4, (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    j = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * j) // 451
    month, day = divmod(h + j - 7 * m + 114, 31)
    return date(year, month, day + 1)


def computed(school_year: int) -> tuple[Closed, ...]:
    """Return the holidays of a school year as the law and custom put them, not confirmed by the municipality."""
    return _computed(school_year, get_language() or "")


@lru_cache(maxsize=64)
def _computed(school_year: int, language: str) -> tuple[Closed, ...]:
    """Return the holidays with their names in the language of the moment."""
    first, second = school_year, school_year + 1
    easter = easter_sunday(second)
    autumn = date.fromisocalendar(first, 42, 1)
    winter = date.fromisocalendar(second, 7, 1)
    summer_end = date(first, 8, 10)
    summer = date(second, 6, 24)
    while summer.weekday() != WEEKEND:
        summer += timedelta(days=1)
    spans = [
        (_("Summer holiday"), date(first, 8, 1), summer_end - timedelta(days=1)),
        (_("Autumn holiday"), autumn - timedelta(days=2), autumn + timedelta(days=6)),
        (_("Christmas holiday"), date(first, 12, 20), date(second, 1, 3)),
        (_("Winter holiday"), winter - timedelta(days=2), winter + timedelta(days=6)),
        (_("Easter holiday"), easter - timedelta(days=8), easter + timedelta(days=1)),
        (_("Ascension holiday"), easter + timedelta(days=39), easter + timedelta(days=42)),
        (_("Whit Monday"), easter + timedelta(days=50), easter + timedelta(days=50)),
        (_("Constitution Day"), date(second, 6, 5), date(second, 6, 5)),
        (_("Summer holiday"), summer, date(second, 7, 31)),
    ]
    return tuple(Closed(name=str(name), first=a, last=b, confirmed=False) for name, a, b in spans)


class SchoolCalendar:
    """Which days are school days. Made from the municipality's periods, completed by computed ones."""

    def __init__(self, periods: list[tuple[int, str, str, date, date]]) -> None:
        """``periods`` are (school year, kind, name, first day, last day)."""
        self._confirmed_years = {year for year, kind, *_rest in periods if kind == CalendarPeriod.Kind.HOLIDAY}
        self._entered = sorted(
            (Closed(name=name, first=first, last=last, confirmed=True) for _year, _kind, name, first, last in periods),
            key=lambda closed: closed.first,
        )
        self._firsts = [closed.first for closed in self._entered]

    @classmethod
    def load(cls) -> "SchoolCalendar":
        """Read the municipality's calendar (one query)."""
        return cls(list(CalendarPeriod.objects.values_list("school_year", "kind", "name", "first_day", "last_day")))

    def is_confirmed(self, day: date) -> bool:
        """Return whether the municipality has entered the holidays of that day's school year."""
        return school_year_of(day) in self._confirmed_years

    def closed(self, day: date) -> Closed | None:
        """Return the holiday or closing day on which the day falls; weekends are not among them."""
        for entered in reversed(self._entered[: bisect_right(self._firsts, day)]):
            if entered.first <= day <= entered.last:
                return entered
        if self.is_confirmed(day):
            return None
        return next((c for c in computed(school_year_of(day)) if c.first <= day <= c.last), None)

    def is_school_day(self, day: date) -> bool:
        """Return whether pupils go to school that day."""
        return day.weekday() < WEEKEND and self.closed(day) is None

    def next_school_day(self, day: date) -> date:
        """Return the day itself when it is a school day, else the first one after it."""
        while not self.is_school_day(day):
            day += timedelta(days=1)
        return day

    def school_days_after(self, day: date, count: int) -> date:
        """Return the day ``count`` school days after ``day`` (0: the next school day, or the day itself)."""
        day = self.next_school_day(day)
        for _step in range(count):
            day = self.next_school_day(day + timedelta(days=1))
        return day

    def school_days_before(self, day: date, count: int) -> date:
        """Return the day ``count`` school days before ``day``; ``day`` itself need not be one."""
        for _step in range(count):
            day -= timedelta(days=1)
            while not self.is_school_day(day):
                day -= timedelta(days=1)
        return day


def local_day(moment: datetime) -> date:
    """Return the day on the wall calendar in Copenhagen."""
    return moment.astimezone(COPENHAGEN).date()


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Return that wall-clock time in Copenhagen on that day; never an hour off across a change of clocks."""
    return datetime.combine(day, time(hour, minute), tzinfo=COPENHAGEN)

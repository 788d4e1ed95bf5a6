"""The school calendar. Expectations are written by hand from published holiday plans and almanacs."""

from datetime import date, datetime, timedelta

import pytest
from django.utils import translation

from portal.domain import calendar
from portal.domain.calendar import COPENHAGEN, SchoolCalendar, easter_sunday, school_year_of
from portal.models import CalendarPeriod

D = date.fromisoformat


@pytest.fixture
def school(db: None) -> SchoolCalendar:
    return SchoolCalendar.load()


@pytest.mark.parametrize(
    ("year", "day"),
    [
        (1818, "1818-03-22"),  # the earliest there can be
        (1943, "1943-04-25"),  # the latest there can be
        (2000, "2000-04-23"),
        (2019, "2019-04-21"),
        (2024, "2024-03-31"),
        (2025, "2025-04-20"),
        (2026, "2026-04-05"),
        (2027, "2027-03-28"),
        (2028, "2028-04-16"),
        (2029, "2029-04-01"),
        (2030, "2030-04-21"),
        (2031, "2031-04-13"),
        (2038, "2038-04-25"),
        (2049, "2049-04-18"),
        (2076, "2076-04-19"),
    ],
)
def test_easter_falls_where_the_almanac_says(year: int, day: str) -> None:
    assert easter_sunday(year) == D(day)


@pytest.mark.parametrize(
    ("day", "year"), [("2026-07-31", 2025), ("2026-08-01", 2026), ("2026-12-31", 2026), ("2027-01-01", 2026)]
)
def test_a_school_year_begins_on_the_first_of_august(day: str, year: int) -> None:
    assert school_year_of(D(day)) == year


@pytest.mark.parametrize(
    ("last_day_before", "first_day_after", "name"),
    [
        # 2026/27
        ("2026-06-26", "2026-08-10", "Sommerferie"),
        ("2026-10-09", "2026-10-19", "Efterårsferie"),
        ("2026-12-18", "2027-01-04", "Juleferie"),
        ("2027-02-12", "2027-02-22", "Vinterferie"),
        ("2027-03-19", "2027-03-30", "Påskeferie"),
        ("2027-05-05", "2027-05-10", "Kristi himmelfartsferie"),
        ("2027-05-14", "2027-05-18", "Pinse"),
        # 2027/28
        ("2027-06-25", "2027-08-09", "Sommerferie"),
        ("2027-10-15", "2027-10-25", "Efterårsferie"),
        ("2027-12-17", "2028-01-04", "Juleferie"),
        ("2028-02-11", "2028-02-21", "Vinterferie"),
        ("2028-04-07", "2028-04-18", "Påskeferie"),
        ("2028-05-24", "2028-05-29", "Kristi himmelfartsferie"),
    ],
)
def test_holidays_of_the_known_years(
    school: SchoolCalendar, last_day_before: str, first_day_after: str, name: str
) -> None:
    before, after = D(last_day_before), D(first_day_after)
    middle = before + (after - before) / 2

    assert (school.is_school_day(before), school.is_school_day(after)) == (True, True)
    assert school.next_school_day(before + timedelta(days=1)) == after
    assert school.school_days_before(after, 1) == before
    closed = school.closed(middle)
    assert closed is not None
    assert (closed.name, closed.confirmed) == (name, True)


@pytest.mark.parametrize("day", ["2028-06-05", "2026-06-05"])
def test_constitution_day_is_no_school_day(school: SchoolCalendar, day: str) -> None:
    assert school.is_school_day(D(day)) is False


def test_a_school_year_has_about_two_hundred_school_days(school: SchoolCalendar) -> None:
    for year in (2026, 2027, 2028, 2031):
        days = (date(year, 8, 1) + timedelta(days=number) for number in range(365))
        assert 195 <= sum(school.is_school_day(day) for day in days) <= 205


@pytest.mark.parametrize("day", ["2026-09-12", "2026-09-13", "2027-05-08"])
def test_weekends_are_no_school_days(school: SchoolCalendar, day: str) -> None:
    assert school.is_school_day(D(day)) is False


@pytest.mark.parametrize(
    ("day", "is_school_day"),
    [
        ("2028-10-13", True),  # Friday before week 42
        ("2028-10-16", False),
        ("2028-10-20", False),
        ("2028-10-23", True),
        ("2028-12-22", False),
        ("2029-01-02", False),
        ("2029-01-04", True),
        ("2029-02-12", False),  # week 7
        ("2029-02-19", True),
        ("2029-03-26", False),  # Monday before Easter (1 April 2029)
        ("2029-04-02", False),  # Easter Monday
        ("2029-04-03", True),
        ("2029-05-10", False),  # Ascension
        ("2029-05-11", False),
        ("2029-05-21", False),  # Whit Monday
        ("2029-06-05", False),
        ("2029-07-02", False),
        ("2029-08-13", True),
    ],
)
def test_years_nobody_has_entered_are_computed_and_not_confirmed(
    school: SchoolCalendar, day: str, is_school_day: bool
) -> None:
    assert school.is_school_day(D(day)) is is_school_day
    assert school.is_confirmed(D(day)) is False


def test_computed_holidays_say_that_nobody_confirmed_them_in_the_readers_language(school: SchoolCalendar) -> None:
    names = []
    for language in ("en", "da", "en"):
        with translation.override(language):
            closed = school.closed(D("2028-10-16"))
            assert closed is not None
            names.append((closed.name, closed.confirmed))

    assert names[0] == names[2] == ("Autumn holiday", False)


def test_known_years_are_confirmed(school: SchoolCalendar) -> None:
    assert [school.is_confirmed(D(day)) for day in ("2026-09-01", "2027-09-01", "2028-07-31", "2028-08-01")] == [
        True,
        True,
        True,
        False,
    ]


def test_a_closing_day_of_the_municipality_counts_and_confirms_no_year(db: None) -> None:
    CalendarPeriod.objects.create(
        school_year=2028,
        kind="closing_day",
        name="Lærernes dag",
        first_day=D("2028-09-14"),
        last_day=D("2028-09-14"),
    )
    school = SchoolCalendar.load()

    assert (school.is_school_day(D("2028-09-13")), school.is_school_day(D("2028-09-14"))) == (True, False)
    assert school.is_confirmed(D("2028-09-14")) is False
    assert school.is_school_day(D("2028-10-16")) is False  # the computed autumn holiday still stands


def test_a_short_period_inside_a_long_one_hides_nothing(db: None) -> None:
    for name, first, last in (("Lang", "2026-09-01", "2026-09-30"), ("Kort", "2026-09-10", "2026-09-10")):
        CalendarPeriod.objects.create(
            school_year=2026, kind="closing_day", name=name, first_day=D(first), last_day=D(last)
        )
    school = SchoolCalendar.load()

    assert school.is_school_day(D("2026-09-11")) is False
    assert school.next_school_day(D("2026-09-01")) == D("2026-10-01")


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2026-09-08", 0, "2026-09-08"),
        ("2026-09-12", 0, "2026-09-14"),  # Saturday: Monday
        ("2026-09-08", 1, "2026-09-09"),
        ("2026-09-11", 1, "2026-09-14"),  # over a weekend
        ("2026-10-09", 1, "2026-10-19"),  # over week 42
        ("2026-12-18", 2, "2027-01-05"),  # over Christmas
        ("2026-12-30", 4, "2027-01-08"),  # from week 53 of 2026 into 2027
    ],
)
def test_school_days_after(school: SchoolCalendar, start: str, count: int, end: str) -> None:
    assert school.school_days_after(D(start), count) == D(end)


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2026-09-08", 0, "2026-09-08"),
        ("2026-09-14", 1, "2026-09-11"),
        ("2026-10-19", 1, "2026-10-09"),
        ("2026-10-21", 3, "2026-10-09"),
        ("2027-01-08", 10, "2026-12-11"),  # four in January, six in December; week 53 lies between
        ("2026-09-12", 1, "2026-09-11"),  # from a Saturday
        ("2027-03-30", 10, "2027-03-08"),
    ],
)
def test_school_days_before(school: SchoolCalendar, start: str, count: int, end: str) -> None:
    assert school.school_days_before(D(start), count) == D(end)


def test_week_53_of_2026_ends_on_the_third_of_january() -> None:
    assert (D("2026-12-28").isocalendar()[1], D("2027-01-03").isocalendar()[1], D("2027-01-04").isocalendar()[1]) == (
        53,
        53,
        1,
    )


@pytest.mark.parametrize(
    ("day", "hour", "utc"),
    [
        ("2026-10-24", 9, "2026-10-24T07:00:00+00:00"),  # summer time
        ("2026-10-25", 9, "2026-10-25T08:00:00+00:00"),  # the day the clocks go back
        ("2026-10-26", 9, "2026-10-26T08:00:00+00:00"),
        ("2027-03-27", 9, "2027-03-27T08:00:00+00:00"),
        ("2027-03-28", 9, "2027-03-28T07:00:00+00:00"),  # the day they go forward
        ("2027-03-29", 9, "2027-03-29T07:00:00+00:00"),
    ],
)
def test_nine_is_nine_on_the_wall_on_both_sides_of_a_change_of_clocks(day: str, hour: int, utc: str) -> None:
    moment = calendar.at(D(day), hour)

    assert moment.utctimetuple() == datetime.fromisoformat(utc).utctimetuple()
    assert moment.astimezone(COPENHAGEN).hour == hour


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-09-08T21:59:59+00:00", "2026-09-08"),
        ("2026-09-08T22:00:00+00:00", "2026-09-09"),  # midnight in Copenhagen in summer
        ("2026-12-31T22:59:59+00:00", "2026-12-31"),
        ("2026-12-31T23:00:00+00:00", "2027-01-01"),  # and in winter
    ],
)
def test_the_local_day_is_copenhagens(moment: str, day: str) -> None:
    assert calendar.local_day(datetime.fromisoformat(moment)) == D(day)


def test_every_hour_of_a_year_is_on_the_right_local_day() -> None:
    moment = calendar.at(D("2026-01-01"), 0)
    hours_by_day: dict[date, int] = {}
    for number in range(365 * 24):
        day = calendar.local_day(moment.astimezone() + timedelta(hours=number))
        hours_by_day[day] = hours_by_day.get(day, 0) + 1
    odd = {day.isoformat(): hours for day, hours in hours_by_day.items() if hours != 24}

    assert odd == {"2026-03-29": 23, "2026-10-25": 25}

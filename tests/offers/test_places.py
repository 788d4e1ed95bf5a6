"""Places: taking, giving back, and offering to those in line."""

from datetime import datetime, timedelta

import pytest

from offers.domain import places
from offers.domain.enrolment import cancel_enrolment, enrol_class
from offers.domain.planning import change_places
from offers.domain.rules import EnrolmentRequest
from offers.domain.waiting_list import position
from offers.models import Enrolment, Offer, Session
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar, at
from portal.models import Message, Municipality
from tests import factories

pytestmark = pytest.mark.django_db
Status = Enrolment.Status


def enrolled(session: Session, now: datetime, pupils: int = 24) -> Enrolment:
    """Enrol a class of its own school by its own teacher."""
    role = factories.MembershipFactory.create()
    one = factories.SchoolClassFactory.create(school=role.school, pupils=pupils)
    request = EnrolmentRequest(school_class=one, adults=2)
    return enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


def statuses(*enrolments: Enrolment) -> list[str]:
    return [Enrolment.objects.get(pk=one.pk).status for one in enrolments]


def test_a_released_place_is_offered_to_the_first_in_line(municipality: Municipality, now: datetime) -> None:
    session = factories.SessionFactory.create(places=28)
    first, second, third = (enrolled(session, now) for _ in range(3))
    assert statuses(first, second, third) == ["confirmed", "waitlisted", "waitlisted"]
    assert [position(second), position(third)] == [1, 2]

    cancel_enrolment(enrolment_id=first.pk, by=Actor.job("test"), now=now)

    assert statuses(first, second, third) == ["cancelled_by_municipality", "offered", "waitlisted"]
    second.refresh_from_db()
    # Tuesday 8 September + 2 school days, at 16.00
    assert second.answer_by == datetime.fromisoformat("2026-09-10T16:00:00+02:00")
    session.refresh_from_db()
    assert session.places_taken == 24
    assert Message.objects.filter(occasion="place_offered").count() == 1


def test_a_smaller_group_does_not_overtake_a_larger_one(municipality: Municipality, now: datetime) -> None:
    session = factories.SessionFactory.create(places=28)
    first = enrolled(session, now, pupils=20)
    large = enrolled(session, now, pupils=26)
    small = enrolled(session, now, pupils=8)
    assert statuses(first, large, small) == ["confirmed", "waitlisted", "waitlisted"]

    enlarged = change_places(session_id=session.pk, places=40, by=Actor.job("test"), now=now)

    assert statuses(first, large, small) == ["confirmed", "waitlisted", "waitlisted"]
    assert (enlarged.places, enlarged.places_taken) == (40, 20)


def test_when_the_large_group_leaves_the_line_the_next_is_asked(municipality: Municipality, now: datetime) -> None:
    session = factories.SessionFactory.create(places=28)
    first = enrolled(session, now, pupils=20)
    large = enrolled(session, now, pupils=26)
    small = enrolled(session, now, pupils=8)

    cancel_enrolment(enrolment_id=large.pk, by=Actor.job("test"), now=now)

    assert statuses(first, large, small) == ["confirmed", "cancelled_by_municipality", "offered"]


def test_raising_the_places_offers_them_to_as_many_as_fit(municipality: Municipality, now: datetime) -> None:
    session = factories.SessionFactory.create(places=24)
    ones = [enrolled(session, now) for _ in range(4)]

    change_places(session_id=session.pk, places=75, by=Actor.job("test"), now=now)

    assert statuses(*ones) == ["confirmed", "offered", "offered", "waitlisted"]
    assert Session.objects.get(pk=session.pk).places_taken == 72


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-09-08T10:00:00+02:00", "2026-09-10T16:00:00+02:00"),  # Tuesday: Thursday
        ("2026-09-08T15:59:00+02:00", "2026-09-10T16:00:00+02:00"),  # the last minute of Tuesday: Thursday
        ("2026-09-08T16:00:00+02:00", "2026-09-11T16:00:00+02:00"),  # Tuesday evening: counted from Wednesday
        ("2026-09-09T04:00:00+02:00", "2026-09-11T16:00:00+02:00"),  # the night after: the same
        ("2026-09-11T23:30:00+02:00", "2026-09-16T16:00:00+02:00"),  # Friday night: counted from Monday
        ("2026-09-12T09:00:00+02:00", "2026-09-16T16:00:00+02:00"),  # Saturday: counted from Monday
        ("2026-10-08T09:00:00+02:00", "2026-10-19T16:00:00+02:00"),  # Thursday before week 42: over the holiday
        ("2026-10-30T09:00:00+01:00", "2026-11-03T16:00:00+01:00"),  # after the clocks went back
    ],
)
def test_an_offered_place_lasts_two_school_days(municipality: Municipality, moment: str, expected: str) -> None:
    start = datetime.fromisoformat("2026-12-01T09:00:00+01:00")
    session = factories.SessionFactory.create(starts_at=start, opens_at=start - timedelta(days=120))

    found = places.deadline(session, municipality, SchoolCalendar.load(), datetime.fromisoformat(moment))

    assert found == datetime.fromisoformat(expected)


def test_an_offered_place_ends_four_hours_before_closing_at_the_latest(municipality: Municipality) -> None:
    closes = datetime.fromisoformat("2026-09-22T16:00:00+02:00")
    session = factories.SessionFactory.create(closes_at=closes)
    calendar = SchoolCalendar.load()

    def asked(hour: int, minute: int = 0) -> datetime | None:
        day = datetime.fromisoformat("2026-09-22T00:00:00+02:00").date()
        return places.deadline(session, municipality, calendar, at(day, hour, minute))

    assert asked(11, 59) == datetime.fromisoformat("2026-09-22T12:00:00+02:00")
    assert asked(12) is None
    assert asked(14) is None


@pytest.mark.parametrize(
    ("closes", "expected"),
    [
        ("2026-09-22T12:00:00+02:00", "2026-09-22T08:00:00+02:00"),  # Tuesday morning
        ("2026-09-22T09:00:00+02:00", "2026-09-21T16:00:00+02:00"),  # would be at night: Monday afternoon
        ("2026-09-21T09:00:00+02:00", "2026-09-18T16:00:00+02:00"),  # the night after a weekend: Friday
        ("2026-09-20T18:00:00+02:00", "2026-09-18T16:00:00+02:00"),  # Sunday: Friday
        ("2026-10-14T18:00:00+02:00", "2026-10-09T16:00:00+02:00"),  # in week 42: the Friday before
    ],
)
def test_no_deadline_lies_at_night_or_on_a_day_without_school(
    municipality: Municipality, closes: str, expected: str
) -> None:
    closes_at = datetime.fromisoformat(closes)
    session = factories.SessionFactory.create(
        opens_at=closes_at - timedelta(days=60), closes_at=closes_at, starts_at=closes_at + timedelta(days=7)
    )
    municipality.place_offer_days = 10  # so that the closing decides
    day_before = datetime.fromisoformat(expected).replace(hour=10) - timedelta(days=1)

    assert places.deadline(session, municipality, SchoolCalendar.load(), day_before) == datetime.fromisoformat(expected)


def test_when_it_is_too_late_to_ask_the_coordinators_are_told_once(municipality: Municipality, now: datetime) -> None:
    coordinator = factories.CoordinatorFactory.create()
    session = factories.SessionFactory.create(places=48)
    ones = [enrolled(session, now) for _ in range(3)]
    late = session.closes_at + timedelta(hours=1)

    cancel_enrolment(enrolment_id=ones[0].pk, by=Actor.job("test"), now=late)
    cancel_enrolment(enrolment_id=ones[1].pk, by=Actor.job("test"), now=late)

    assert statuses(*ones) == ["cancelled_by_municipality", "cancelled_by_municipality", "waitlisted"]
    told = Message.objects.filter(occasion="coordinator_place_free")
    assert [one.address for one in told] == [coordinator.email]


def test_nobody_is_offered_a_place_in_a_session_that_has_begun(municipality: Municipality, now: datetime) -> None:
    session = factories.SessionFactory.create(places=28)
    enrolled(session, now)
    waiting = enrolled(session, now)
    Session.objects.filter(pk=session.pk).update(places=60)
    session.refresh_from_db()

    asked = places.offer_to_line(session, by=Actor.job("test"), now=session.starts_at)

    assert (asked, statuses(waiting)) == ([], ["waitlisted"])
    assert Message.objects.filter(occasion="coordinator_place_free").count() == 0


@pytest.mark.parametrize(("counted", "expected"), [("pupils", 24), ("classes", 1)])
def test_places_are_counted_as_the_course_counts_them(counted: str, expected: int) -> None:
    assert places.needed(Offer(places_counted=counted), 24, 2) == expected

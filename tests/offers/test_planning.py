"""Sessions: planned one by one or weekly, given more or fewer places, and called off."""

from datetime import date, datetime, timedelta

import pytest

from offers.domain import enrolment as enrolling
from offers.domain import rules
from offers.domain.planning import cancel_session, change_enrolling, change_places, plan_session, plan_weekly_series
from offers.models import Enrolment, Meeting, Offer, Session
from portal.domain import links
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Message, Municipality
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]
DESK = Actor.job("test")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=COPENHAGEN)


@pytest.fixture
def offer() -> Offer:
    made: Offer = factories.OfferFactory.create(
        duration_minutes=120, places=28, closes_days=7, meeting_point="Porten, Havnegade 3"
    )
    return made


def host_of(offer: Offer, now: datetime) -> Actor:
    contact = factories.ContactFactory.create(company=offer.company)
    return Actor.of_link(links.ensure(purpose=Link.Purpose.HOST, reference_id=contact.pk, now=now))


def address_of(enrolment: Enrolment) -> str:
    assert enrolment.teacher is not None
    return enrolment.teacher.email


def refused(call: object, **facts: object) -> str:
    with pytest.raises(Refusal) as refusal:
        call(**facts)  # type: ignore[operator]
    return refusal.value.code


def test_a_session_takes_from_the_course_what_it_is_not_told(offer: Offer, now: datetime) -> None:
    session = plan_session(offer_id=offer.pk, starts=local("2026-10-01T09:00"), by=DESK, now=now)

    assert (session.state, session.places, session.opens_at) == ("open", 28, now)
    assert (session.starts_at, session.ends_at) == (local("2026-10-01T09:00"), local("2026-10-01T11:00"))
    assert session.closes_at == local("2026-09-24T12:00")
    meeting = Meeting.objects.get(session=session)
    assert (meeting.number, meeting.starts_at, meeting.place) == (1, session.starts_at, "Porten, Havnegade 3")
    assert AuditEntry.objects.get(action="session-planned").facts["places"] == 28


def test_a_course_of_three_afternoons_is_one_session_with_three_dates(offer: Offer, now: datetime) -> None:
    days = ["2026-10-20", "2026-10-06", "2026-10-27"]
    spans = [(local(f"{day}T12:00"), local(f"{day}T14:00")) for day in days]

    session = plan_session(offer_id=offer.pk, starts=spans, places=12, by=DESK, now=now)

    assert (session.starts_at, session.ends_at) == (local("2026-10-06T12:00"), local("2026-10-27T14:00"))
    assert [(one.number, one.starts_at) for one in session.meetings.all()] == [
        (1, local("2026-10-06T12:00")),
        (2, local("2026-10-20T12:00")),
        (3, local("2026-10-27T12:00")),
    ]


def test_closing_is_noon_on_the_wall_clock_across_the_change_of_clocks(offer: Offer, now: datetime) -> None:
    session = plan_session(offer_id=offer.pk, starts=local("2026-10-28T09:00"), by=DESK, now=now)
    assert session.closes_at.isoformat() == "2026-10-21T12:00:00+02:00"


def test_a_day_without_school_is_refused_by_name_unless_it_is_meant(offer: Offer, now: datetime) -> None:
    start = local("2026-10-14T09:00")
    with pytest.raises(Refusal) as refusal:
        plan_session(offer_id=offer.pk, starts=start, by=DESK, now=now)
    assert (refusal.value.code, refusal.value.field) == ("no-school", "starts")
    assert "Efterårsferie" in str(refusal.value)
    assert refused(plan_session, offer_id=offer.pk, starts=local("2026-10-03T09:00"), by=DESK, now=now) == "no-school"

    session = plan_session(offer_id=offer.pk, starts=start, even_if_closed=True, by=DESK, now=now)
    assert session.starts_at == start


@pytest.mark.parametrize(
    ("spans", "code"),
    [
        ([], "no-dates"),
        ([("2026-09-08T09:00", "2026-09-08T11:00")], "past"),
        ([("2026-10-01T11:00", "2026-10-01T11:00")], "backwards"),
        ([("2026-10-01T11:00", "2026-10-01T09:00")], "backwards"),
        ([("2026-10-01T09:00", "2026-10-02T15:00")], "too-long"),
        ([("2026-10-01T09:00", "2026-10-01T12:00"), ("2026-10-01T11:00", "2026-10-01T13:00")], "overlap"),
        ([("2026-09-10T09:00", "2026-09-10T12:00")], "closes-early"),
    ],
)
def test_dates_that_cannot_be_are_refused(offer: Offer, now: datetime, spans: list[tuple[str, str]], code: str) -> None:
    starts = [(local(begins), local(ends)) for begins, ends in spans]
    assert refused(plan_session, offer_id=offer.pk, starts=starts, by=DESK, now=now) == code
    assert Session.objects.count() == 0


@pytest.mark.parametrize("places", [0, -1, 1001])
def test_a_number_of_places_that_cannot_be_is_refused(offer: Offer, now: datetime, places: int) -> None:
    start = local("2026-10-01T09:00")
    assert refused(plan_session, offer_id=offer.pk, starts=start, places=places, by=DESK, now=now) == "places"


def test_only_coordinators_and_the_own_host_plan(offer: Offer, now: datetime) -> None:
    start = local("2026-10-01T09:00")
    teacher = Actor.of_user(factories.MembershipFactory.create().user)
    other_host = host_of(factories.OfferFactory.create(), now)
    for stranger in (teacher, other_host):
        assert refused(plan_session, offer_id=offer.pk, starts=start, by=stranger, now=now) == "not-yours"
    assert plan_session(offer_id=offer.pk, starts=start, by=host_of(offer, now), now=now).offer == offer


def test_nothing_is_planned_for_a_course_that_is_over(offer: Offer, now: datetime) -> None:
    Offer.objects.update(state=Offer.State.ARCHIVED)
    code = refused(plan_session, offer_id=offer.pk, starts=local("2026-10-01T09:00"), by=DESK, now=now)
    assert code == "offer-over"


def test_a_weekly_series_skips_holidays_keeps_the_hour_and_says_which_days(offer: Offer, now: datetime) -> None:
    series = plan_weekly_series(offer_id=offer.pk, first_start=local("2026-09-29T09:30"), weeks=6, by=DESK, now=now)

    # Week 42 is the autumn holiday; the clocks go back on 25 October.
    assert [one.starts_at.astimezone(COPENHAGEN).isoformat() for one in series.planned] == [
        "2026-09-29T09:30:00+02:00",
        "2026-10-06T09:30:00+02:00",
        "2026-10-20T09:30:00+02:00",
        "2026-10-27T09:30:00+01:00",
        "2026-11-03T09:30:00+01:00",
    ]
    assert [(one.day, one.reason) for one in series.skipped] == [(date(2026, 10, 13), "Efterårsferie")]


def test_a_weekly_series_may_go_until_a_day(offer: Offer, now: datetime) -> None:
    first = local("2026-09-29T09:00")
    until = date(2026, 10, 20)
    series = plan_weekly_series(offer_id=offer.pk, first_start=first, until=until, by=DESK, now=now)
    assert (len(series.planned), len(series.skipped)) == (3, 1)


@pytest.mark.parametrize(
    ("facts", "code"),
    [({}, "no-end"), ({"weeks": 0}, "weeks"), ({"weeks": 61}, "weeks"), ({"until": date(2026, 9, 1)}, "until")],
)
def test_a_series_needs_an_end(offer: Offer, now: datetime, facts: dict[str, object], code: str) -> None:
    first = local("2026-09-29T09:00")
    assert refused(plan_weekly_series, offer_id=offer.pk, first_start=first, **facts, by=DESK, now=now) == code


def test_places_never_go_below_what_is_taken(now: datetime) -> None:
    session = factories.SessionFactory.create(places=28, places_taken=24)
    assert refused(change_places, session_id=session.pk, places=23, by=DESK, now=now) == "below-taken"
    assert change_places(session_id=session.pk, places=24, by=DESK, now=now).places == 24


def test_calling_off_ends_every_enrolment_gives_back_every_place_and_tells_everybody(now: datetime) -> None:
    session = factories.SessionFactory.create(places=28)
    coordinator = factories.CoordinatorFactory.create()
    ones = []
    for minute in range(2):
        role = factories.MembershipFactory.create()
        one = factories.SchoolClassFactory.create(school=role.school)
        request = rules.EnrolmentRequest(school_class=one, adults=2)
        by = Actor.of_user(role.user)
        moment = now + timedelta(minutes=minute)
        ones.append(enrolling.enrol_class(session_id=session.pk, request=request, by=by, now=moment))
    host = host_of(session.offer, now)
    assert refused(cancel_session, session_id=session.pk, reason="  ", by=host, now=now) == "reason"

    for _twice in range(2):
        cancelled = cancel_session(session_id=session.pk, reason="Maskinen er i stykker.", by=host, now=now)

    session.refresh_from_db()
    assert (cancelled.pk, session.state, session.places_taken, session.sequence) == (session.pk, "cancelled", 0, 1)
    assert list(session.meetings.values_list("state", flat=True)) == ["cancelled"]
    found = Enrolment.objects.order_by("created_at").values_list("status", "ended_reason")
    assert list(found) == [("cancelled_by_host", "Maskinen er i stykker.")] * 2
    told = Message.objects.filter(state=Message.State.QUEUED).order_by("occasion", "address")
    assert sorted((one.occasion, one.address) for one in told) == sorted(
        [
            ("session_cancelled", address_of(ones[0])),
            ("session_cancelled", address_of(ones[1])),
            ("host_session_cancelled", session.offer.contact.email),
            ("coordinator_session_cancelled", coordinator.email),
        ]
    )
    # What was promised before and had not left is taken back.
    assert set(Message.objects.exclude(pk__in=told).values_list("state", flat=True)) == {"withdrawn"}


def test_what_has_begun_is_no_longer_called_off(now: datetime) -> None:
    session = factories.SessionFactory.create()
    late = session.starts_at
    assert refused(cancel_session, session_id=session.pk, reason="Sygdom", by=DESK, now=late) == "begun"


def test_only_the_own_host_and_coordinators_call_off(now: datetime) -> None:
    session = factories.SessionFactory.create()
    for stranger in (
        host_of(factories.OfferFactory.create(), now),
        Actor.of_user(factories.MembershipFactory.create().user),
    ):
        assert refused(cancel_session, session_id=session.pk, reason="Sygdom", by=stranger, now=now) == "not-yours"
    session.refresh_from_db()
    assert session.state == "open"


def test_a_later_closing_offers_free_places_to_the_line(municipality: Municipality, now: datetime) -> None:
    session = factories.SessionFactory.create(places=28, closes_at=now + timedelta(days=7))
    first, waiting = (
        factories.EnrolmentFactory.create(session=session, status=status, places=24, waiting_since=since)
        for status, since in (("confirmed", None), ("waitlisted", now))
    )
    Session.objects.filter(pk=session.pk).update(places_taken=24)
    late = now + timedelta(days=7, hours=-1)
    enrolling.cancel_enrolment(enrolment_id=first.pk, by=Actor.job("test"), now=late)
    waiting.refresh_from_db()
    assert waiting.status == "waitlisted"

    change_enrolling(
        session_id=session.pk,
        opens_at=session.opens_at,
        closes_at=late + timedelta(days=8),
        min_pupils=None,
        max_pupils=None,
        by=Actor.job("test"),
        now=late,
    )

    waiting.refresh_from_db()
    assert waiting.status == "offered"

"""The calendar file: what other programs read out of it."""

from datetime import datetime, timedelta

import pytest
from icalendar import Calendar

from offers.domain.calendar_file import calendar_file, method_for
from offers.domain.planning import cancel_session, plan_session
from offers.models import Enrolment, Session
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=COPENHAGEN)


@pytest.fixture
def course(now: datetime) -> Session:
    """Three afternoons, the last after the clocks have gone back."""
    days = ["2026-10-06", "2026-10-20", "2026-10-27"]
    return plan_session(
        offer_id=factories.OfferFactory.create(title="Byg en bro; af papir, og mål den").pk,
        starts=[(local(f"{day}T12:30"), local(f"{day}T14:00")) for day in days],
        place="Havnegade 3, 4000 Fjordby",
        by=Actor.job("test"),
        now=now,
    )


def test_every_date_is_an_entry_at_its_own_hour(course: Session, now: datetime) -> None:
    enrolment = factories.EnrolmentFactory.create(session=course)

    file = Calendar.from_ical(calendar_file(enrolment, method="PUBLISH", now=now))

    assert (file["METHOD"], file["VERSION"]) == ("PUBLISH", "2.0")
    assert [zone["TZID"] for zone in file.walk("VTIMEZONE")] == ["Europe/Copenhagen"]
    events = file.walk("VEVENT")
    assert [(one.decoded("dtstart"), one.decoded("dtend")) for one in events] == [
        (local("2026-10-06T12:30"), local("2026-10-06T14:00")),
        (local("2026-10-20T12:30"), local("2026-10-20T14:00")),
        (local("2026-10-27T12:30"), local("2026-10-27T14:00")),
    ]
    assert [one.decoded("dtstart").utcoffset() for one in events] == [
        timedelta(hours=2),
        timedelta(hours=2),
        timedelta(hours=1),
    ]
    assert {one["LOCATION"] for one in events} == {"Havnegade 3, 4000 Fjordby"}
    assert {one["SUMMARY"] for one in events} == {f"Byg en bro; af papir, og mål den – {enrolment.class_label}"}
    assert {(one["STATUS"], one.decoded("sequence")) for one in events} == {("CONFIRMED", 0)}
    assert len({one["UID"] for one in events}) == 3


def test_it_asks_nobody_to_answer(course: Session, now: datetime) -> None:
    written = calendar_file(factories.EnrolmentFactory.create(session=course), method="PUBLISH", now=now)
    assert [word for word in (b"ATTENDEE", b"ORGANIZER", b"VALARM") if word in written] == []


def test_the_entry_keeps_its_name_and_its_number_goes_up_when_the_session_is_cancelled(
    course: Session, now: datetime
) -> None:
    enrolment = factories.EnrolmentFactory.create(session=course)
    Session.objects.filter(pk=course.pk).update(places_taken=24)
    before = Calendar.from_ical(calendar_file(enrolment, method="PUBLISH", now=now)).walk("VEVENT")

    cancel_session(session_id=course.pk, reason="Værkstedet flytter.", by=Actor.job("test"), now=now)

    enrolment = Enrolment.objects.get(pk=enrolment.pk)
    assert method_for(enrolment) == "CANCEL"
    file = Calendar.from_ical(calendar_file(enrolment, method="CANCEL", now=now))
    after = file.walk("VEVENT")
    assert file["METHOD"] == "CANCEL"
    assert [one["UID"] for one in after] == [one["UID"] for one in before]
    assert {(one["STATUS"], one.decoded("sequence")) for one in after} == {("CANCELLED", 1)}


def test_a_class_that_leaves_alone_takes_its_entries_out(course: Session, now: datetime) -> None:
    enrolment = factories.EnrolmentFactory.create(session=course, status="cancelled_by_school")
    events = Calendar.from_ical(calendar_file(enrolment, method="CANCEL", now=now)).walk("VEVENT")
    assert {(one["STATUS"], one.decoded("sequence")) for one in events} == {("CANCELLED", 1)}


def test_text_of_others_cannot_write_lines_of_its_own(now: datetime) -> None:
    offer = factories.OfferFactory.create(title="Å" * 60 + ";ROLE=CHAIR,")
    session = factories.SessionFactory.create(offer=offer, note="Hej\r\nBEGIN:VALARM\r\nATTENDEE:mailto:x@y.example")

    written = calendar_file(factories.EnrolmentFactory.create(session=session), method="PUBLISH", now=now)

    lines = written.split(b"\r\n")
    assert [line for line in lines if len(line) > 75] == []
    assert [line for line in lines if line.startswith((b"BEGIN:VALARM", b"ATTENDEE"))] == []
    event = Calendar.from_ical(written).walk("VEVENT")[0]
    assert str(event["SUMMARY"]).startswith("Å" * 60 + ";ROLE=CHAIR,")


@pytest.mark.parametrize(
    ("status", "method"),
    [
        ("pending", "PUBLISH"),
        ("confirmed", "PUBLISH"),
        ("completed", "PUBLISH"),
        ("waitlisted", None),
        ("offered", None),
        ("offer_expired", None),
        ("declined", "CANCEL"),
        ("cancelled_by_school", "CANCEL"),
    ],
)
def test_only_a_visit_that_has_its_places_stands_in_a_calendar(status: str, method: str | None) -> None:
    assert method_for(Enrolment(status=status)) == method

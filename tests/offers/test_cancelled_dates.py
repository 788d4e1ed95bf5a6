"""One date of a course that is called off: what becomes of the rest, who is told, and what then counts."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import translation
from icalendar import Calendar

from offers.domain import encounters, moving, planning, reminders, snapshot
from offers.domain import enrolment as enrolling
from offers.domain.rules import EnrolmentRequest
from offers.messages import enrolment as letters
from offers.models import Encounter, Enrolment, Meeting, MoveProposal, Offer, Session
from portal import mail
from portal.domain import links
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Message
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]
DESK = Actor.job("test")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=COPENHAGEN)


def afternoon(day: str) -> tuple[datetime, datetime]:
    return local(f"{day}T12:00"), local(f"{day}T14:00")


@pytest.fixture
def offer() -> Offer:
    made: Offer = factories.OfferFactory.create(title="Tre eftermiddage", company__name="Fjordby Smedje", meetings=3)
    return made


@pytest.fixture
def course(offer: Offer, now: datetime) -> Session:
    days = [afternoon(day) for day in ("2026-10-06", "2026-10-20", "2026-10-27")]
    return planning.plan_session(offer_id=offer.pk, starts=days, places=28, by=DESK, now=now)


@pytest.fixture
def enrolled(course: Session, now: datetime) -> Enrolment:
    role = factories.MembershipFactory.create()
    request = EnrolmentRequest(school_class=factories.SchoolClassFactory.create(school=role.school), pupils=20)
    return enrolling.enrol_class(session_id=course.pk, request=request, by=Actor.of_user(role.user), now=now)


def date(course: Session, number: int) -> Meeting:
    return course.meetings.get(number=number)


def call_off(course: Session, number: int, now: datetime, by: Actor = DESK, reason: str = "Smeden er syg.") -> Session:
    return planning.cancel_meeting(meeting_id=date(course, number).pk, reason=reason, by=by, now=now)


def letter(occasion: str, now: datetime) -> Any:
    message = Message.objects.filter(occasion=occasion).latest("created_at")
    assert letters.OCCASIONS[occasion].still_wanted(message, now) is True
    with translation.override("da"):
        return mail.render(message, now)


def states(course: Session) -> list[str]:
    return list(course.meetings.order_by("number").values_list("state", flat=True))


def test_of_three_dates_one_is_called_off_and_the_course_goes_on(
    course: Session, enrolled: Enrolment, now: datetime
) -> None:
    call_off(course, 2, now)

    course.refresh_from_db()
    enrolled.refresh_from_db()
    assert (states(course), course.state, enrolled.status) == (["planned", "cancelled", "planned"], "open", "confirmed")
    assert (date(course, 2).cancel_reason, course.sequence, course.places_taken) == ("Smeden er syg.", 1, 20)
    entry = AuditEntry.objects.get(action="meeting-cancelled")
    assert (entry.facts["number"], entry.facts["left"]) == (2, 2)


def test_the_second_to_fall_takes_the_whole_course_with_it_and_the_rule_is_explained(
    course: Session, enrolled: Enrolment, now: datetime
) -> None:
    call_off(course, 2, now)

    call_off(course, 3, now + timedelta(days=1), reason="Også forhindret.")

    course.refresh_from_db()
    enrolled.refresh_from_db()
    assert (states(course), course.state) == (["cancelled"] * 3, "cancelled")
    assert (enrolled.status, course.places_taken) == ("cancelled_by_municipality", 0)
    assert enrolled.ended_reason == (
        "Også forhindret. (Forløbet var planlagt med 3 mødegange og giver mening med mindst 2; der ville være 1"
        " tilbage. Derfor er det hele aflyst.)"
    )
    assert Message.objects.filter(occasion="session_cancelled").count() == 1


@pytest.mark.parametrize(
    ("fewest", "kind"), [(None, "goes_on"), (1, "goes_on"), (2, "goes_on"), (3, "whole"), (9, "whole")]
)
def test_the_course_says_with_how_few_dates_it_makes_sense(
    course: Session, now: datetime, fewest: int | None, kind: str
) -> None:
    course.offer.fewest_meetings = fewest
    meetings = list(course.meetings.order_by("number"))

    assert planning.fate(course, meetings, meetings[1], now=now).kind == kind


def test_half_of_the_dates_is_rounded_up(offer: Offer, now: datetime) -> None:
    days = [afternoon(f"2026-11-0{day}") for day in (2, 3, 4, 5)]
    course = planning.plan_session(offer_id=offer.pk, starts=days, places=28, by=DESK, now=now)
    kinds = []
    for number in (1, 2, 3):
        meetings = list(course.meetings.order_by("number"))
        kinds.append(planning.fate(course, meetings, meetings[number - 1], now=now).kind)
        call_off(course, number, now)

    assert kinds == ["goes_on", "goes_on", "whole"]


def test_when_the_first_or_last_falls_the_session_begins_and_ends_with_those_left(
    course: Session, enrolled: Enrolment, now: datetime
) -> None:
    Offer.objects.update(fewest_meetings=1)
    call_off(course, 1, now)
    course.refresh_from_db()
    assert (course.starts_at, course.ends_at) == (local("2026-10-20T12:00"), local("2026-10-27T14:00"))

    call_off(course, 3, now)

    course.refresh_from_db()
    assert (course.starts_at, course.ends_at) == afternoon("2026-10-20")


def test_once_begun_what_was_held_stays_held_and_counts(course: Session, enrolled: Enrolment) -> None:
    Offer.objects.update(fewest_meetings=3)
    after_first = local("2026-10-07T09:00")
    encounters.report_visit(
        enrolment_id=enrolled.pk, meeting_id=date(course, 1).pk, outcome="held", by=DESK, now=after_first
    )

    call_off(course, 3, after_first)

    course.refresh_from_db()
    enrolled.refresh_from_db()
    assert states(course) == ["held", "cancelled", "cancelled"]
    assert (course.state, course.ends_at, enrolled.status) == ("open", local("2026-10-06T14:00"), "confirmed")
    assert Encounter.objects.filter(voided_at=None).count() == 1
    with pytest.raises(Refusal) as refusal:
        encounters.report_visit(
            enrolment_id=enrolled.pk,
            meeting_id=date(course, 2).pk,
            outcome="held",
            by=DESK,
            now=local("2026-10-21T09:00"),
        )
    assert refusal.value.code == "cancelled"


def test_the_dates_left_alone_decide_whether_the_visit_is_completed(
    course: Session, enrolled: Enrolment, now: datetime
) -> None:
    call_off(course, 2, now)
    for number, day in ((1, "2026-10-07"), (3, "2026-10-28")):
        encounters.report_visit(
            enrolment_id=enrolled.pk,
            meeting_id=date(course, number).pk,
            outcome="held",
            by=DESK,
            now=local(f"{day}T09:00"),
        )

    enrolled.refresh_from_db()
    course.refresh_from_db()
    assert (enrolled.status, course.state, Encounter.objects.count()) == ("completed", "held", 2)


def test_a_course_of_one_date_is_called_off_as_a_whole_without_a_rule(offer: Offer, now: datetime) -> None:
    made = planning.plan_session(offer_id=offer.pk, starts=[afternoon("2026-10-06")], places=28, by=DESK, now=now)

    call_off(made, 1, now)

    made.refresh_from_db()
    assert (made.state, made.cancel_reason) == ("cancelled", "Smeden er syg.")


def test_teacher_and_host_are_told_with_a_calendar_file_that_cancels_that_date_only(
    course: Session, enrolled: Enrolment, now: datetime
) -> None:
    call_off(course, 2, now)

    found = letter("meeting_cancelled", now)
    events: list[Any] = Calendar.from_ical(found.attachments[0][1]).walk("VEVENT")
    assert [(str(one["uid"]), int(one["sequence"]), str(one["status"])) for one in events] == [
        (f"{enrolled.pk}-1@localhost", 1, "CONFIRMED"),
        (f"{enrolled.pk}-2@localhost", 1, "CANCELLED"),
        (f"{enrolled.pk}-3@localhost", 1, "CONFIRMED"),
    ]
    assert found.subject.startswith("Mødegang aflyst: 7.")
    assert found.subject.endswith(", 20. oktober 2026, Fjordby Smedje")
    assert "Smeden er syg." in str(found.body)
    assert "tirsdag 20. oktober 2026 kl. 12.00–14.00" in str(found.body)
    assert "Forløbet fortsætter uden" in str(found.body)
    host = letter("host_meeting_cancelled", now)
    assert [str(one["status"]) for one in Calendar.from_ical(host.attachments[0][1]).walk("VEVENT")] == [
        "CONFIRMED",
        "CANCELLED",
        "CONFIRMED",
    ]


def test_nobody_is_reminded_of_the_date_and_the_first_left_gets_the_early_reminders(
    course: Session, enrolled: Enrolment, now: datetime
) -> None:
    reminders.plan_reminders(now=now)

    call_off(course, 1, now)

    waits = Message.objects.filter(occasion="visit_reminder", state="planned").order_by("send_at")
    assert [one.parameters["starts_at"][:10] for one in waits] == ["2026-10-20", "2026-10-20", "2026-10-27"]
    assert reminders.reconcile(now=now) == reminders.Difference(missing=0, needless=0)


def test_calling_off_again_changes_nothing(course: Session, enrolled: Enrolment, now: datetime) -> None:
    for _twice in range(2):
        call_off(course, 2, now)

    course.refresh_from_db()
    assert (course.sequence, Message.objects.filter(occasion="meeting_cancelled").count()) == (1, 1)


def test_a_proposed_move_falls_with_a_date_that_is_called_off(
    course: Session, enrolled: Enrolment, now: datetime
) -> None:
    moving.propose_move(session_id=course.pk, starts=moving.shifted(course, 21), reason="Ombygning", by=DESK, now=now)

    call_off(course, 2, now)

    assert MoveProposal.objects.get().state == "withdrawn"


def test_the_dates_left_can_still_be_moved(course: Session, enrolled: Enrolment, now: datetime) -> None:
    call_off(course, 2, now)

    moving.move_session(session_id=course.pk, starts=moving.shifted(course, 21), agreed=True, by=DESK, now=now)

    assert [(one.number, one.starts_at) for one in course.meetings.order_by("number")] == [
        (1, local("2026-10-27T12:00")),
        (2, local("2026-10-20T12:00")),
        (3, local("2026-11-17T12:00")),
    ]


def test_a_reason_is_needed_the_date_must_be_ahead_and_a_stranger_is_refused(
    course: Session, enrolled: Enrolment, now: datetime
) -> None:
    other = factories.ContactFactory.create()
    stranger = Actor.of_link(links.ensure(purpose=Link.Purpose.HOST, reference_id=other.pk, now=now))
    codes = []
    for number, moment, by, reason in (
        (2, now, DESK, "  "),
        (1, local("2026-10-06T12:00"), DESK, "Sygdom"),
        (2, now, stranger, "Sygdom"),
    ):
        with pytest.raises(Refusal) as refusal:
            call_off(course, number, moment, by=by, reason=reason)
        codes.append(refusal.value.code)

    assert codes == ["reason", "begun", "not-yours"]


def test_the_host_calls_a_date_off_and_the_coordinators_hear_of_it(
    course: Session, enrolled: Enrolment, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    assert course.offer.contact is not None
    link = links.ensure(purpose=Link.Purpose.HOST, reference_id=course.offer.contact.pk, now=now)

    call_off(course, 2, now, by=Actor.of_link(link))

    assert "Fjordby Smedje" in str(letter("coordinator_meeting_cancelled", now).body)


def test_after_a_cancelled_first_date_has_passed_the_next_to_fall_calls_the_whole_off(
    course: Session, enrolled: Enrolment, now: datetime
) -> None:
    call_off(course, 1, now)

    call_off(course, 2, local("2026-10-15T09:00"), reason="Smeden er stadig syg.")

    course.refresh_from_db()
    enrolled.refresh_from_db()
    assert (states(course), course.state) == (["cancelled"] * 3, "cancelled")
    assert (enrolled.status, course.places_taken) == ("cancelled_by_municipality", 0)


def test_history_and_month_tell_the_dates_that_were_left(course: Session, enrolled: Enrolment, now: datetime) -> None:
    call_off(course, 1, now)
    afterwards = local("2026-11-10T09:00")

    found = Enrolment.objects.select_related("session__offer__company", "school").get(pk=enrolled.pk)
    visit = snapshot.visit_of(found, afterwards)
    told = [(one.number, one.is_cancelled) for one in snapshot.dates_of(found, afterwards)]
    assert (visit.starts_at, visit.ends_at) == (local("2026-10-20T12:00"), local("2026-10-27T14:00"))
    assert told == [(1, True), (2, False), (3, False)]

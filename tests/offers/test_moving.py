"""Sessions that are moved: who stays enrolled, what follows the new time, who is told, and what stands in the way."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.utils import translation
from icalendar import Calendar

from offers.domain import enrolment as enrolling
from offers.domain import reminders, rules
from offers.domain.moving import move_session, shifted
from offers.domain.planning import cancel_session, plan_session
from offers.messages import enrolment as letters
from offers.models import Enrolment, Meeting, Offer, Session
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


def hours(day: str, begins: str = "09:00", ends: str = "11:00") -> tuple[datetime, datetime]:
    return local(f"{day}T{begins}"), local(f"{day}T{ends}")


@pytest.fixture
def offer() -> Offer:
    made: Offer = factories.OfferFactory.create(
        title="Svejs et bogmærke",
        company__name="Fjordby Smedje",
        contact__language="en",
        duration_minutes=120,
        closes_days=7,
    )
    return made


@pytest.fixture
def session(offer: Offer, now: datetime) -> Session:
    return plan_session(offer_id=offer.pk, starts=local("2026-10-06T09:00"), places=28, by=DESK, now=now)


def somebody(session: Session, now: datetime, pupils: int = 20) -> Enrolment:
    role = factories.MembershipFactory.create(user__language="en")
    one = factories.SchoolClassFactory.create(school=role.school)
    request = rules.EnrolmentRequest(school_class=one, pupils=pupils, adults=2)
    return enrolling.enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


def refused(**facts: object) -> str:
    with pytest.raises(Refusal) as refusal:
        move_session(**facts)  # type: ignore[arg-type]
    return refusal.value.code


def letter(occasion: str, now: datetime) -> EmailMultiAlternatives:
    message = Message.objects.filter(occasion=occasion).latest("created_at")
    assert letters.OCCASIONS[occasion].still_wanted(message, now) is True
    with translation.override("en"):
        return mail.render(message, now)


def entry(found: EmailMultiAlternatives) -> tuple[str, int, datetime]:
    content = found.attachments[0][1]
    event: Any = Calendar.from_ical(content).walk("VEVENT")[0]
    return str(event["uid"]), int(event["sequence"]), event["dtstart"].dt


# What follows


def test_a_moved_session_keeps_its_classes_its_line_and_its_places(session: Session, now: datetime) -> None:
    first, waiting = somebody(session, now), somebody(session, now)

    move_session(session_id=session.pk, starts=[hours("2026-10-20", "12:00", "14:00")], agreed=True, by=DESK, now=now)

    session.refresh_from_db()
    first.refresh_from_db()
    waiting.refresh_from_db()
    assert (session.starts_at, session.ends_at) == hours("2026-10-20", "12:00", "14:00")
    assert (first.status, waiting.status, session.places_taken) == ("confirmed", "waitlisted", 20)
    meeting = Meeting.objects.get(session=session)
    assert (meeting.starts_at, meeting.ends_at) == (session.starts_at, session.ends_at)


def test_closing_follows_the_new_beginning(session: Session, now: datetime) -> None:
    assert session.closes_at == local("2026-09-29T12:00")

    move_session(session_id=session.pk, starts=[hours("2026-11-03")], agreed=True, by=DESK, now=now)

    session.refresh_from_db()
    assert session.closes_at == local("2026-10-27T12:00")


def test_a_closing_time_of_its_own_keeps_its_distance_on_the_wall_clock(offer: Offer, now: datetime) -> None:
    made = plan_session(
        offer_id=offer.pk,
        starts=local("2026-10-06T09:00"),
        closes_at=local("2026-10-03T18:00"),
        by=DESK,
        now=now,
    )

    move_session(session_id=made.pk, starts=[hours("2026-11-03")], by=DESK, now=now)

    made.refresh_from_db()
    assert made.closes_at == local("2026-10-31T18:00")


def test_a_session_moved_very_near_is_closed_at_once(session: Session, now: datetime) -> None:
    move_session(session_id=session.pk, starts=[hours("2026-09-10")], agreed=True, by=DESK, now=now)

    session.refresh_from_db()
    assert session.opens_at < session.closes_at < now
    assert session.closes_at == local("2026-09-03T12:00")


def test_each_date_gets_its_new_time_and_place_in_order(offer: Offer, now: datetime) -> None:
    made = plan_session(offer_id=offer.pk, starts=[hours("2026-10-06"), hours("2026-10-07")], by=DESK, now=now)

    move_session(
        session_id=made.pk,
        starts=[hours("2026-10-20"), hours("2026-10-21")],
        places=["Porten", "Kantinen"],
        by=DESK,
        now=now,
    )

    assert [(one.number, one.starts_at, one.place) for one in made.meetings.order_by("number")] == [
        (1, local("2026-10-20T09:00"), "Porten"),
        (2, local("2026-10-21T09:00"), "Kantinen"),
    ]


def test_reminders_of_the_old_time_are_taken_back_and_planned_anew(session: Session, now: datetime) -> None:
    somebody(session, now)
    reminders.plan_reminders(now=now)
    planned = Message.objects.filter(occasion__in=reminders.OCCASIONS)
    before = planned.filter(state="planned").count()
    assert before == 3

    move_session(session_id=session.pk, starts=[hours("2026-11-03")], agreed=True, by=DESK, now=now)

    assert (planned.filter(state="withdrawn").count(), planned.filter(state="planned").count()) == (3, 3)
    assert {one.parameters["starts_at"] for one in planned.filter(state="planned")} == {"2026-11-03T08:00:00+00:00"}
    assert reminders.reconcile(now=now) == reminders.Difference(missing=0, needless=0)


def test_a_session_shifted_across_the_clock_change_keeps_its_hour(session: Session) -> None:
    assert shifted(session, 28) == [hours("2026-11-03")]
    assert shifted(session, -7) == [hours("2026-09-29")]


# Who is told


def test_teachers_and_host_are_told_the_old_and_the_new_time(session: Session, now: datetime) -> None:
    somebody(session, now)
    uid, sequence, starts = entry(letter("enrolment_confirmed", now))
    assert (sequence, starts) == (0, local("2026-10-06T09:00"))

    move_session(session_id=session.pk, starts=[hours("2026-10-20")], agreed=True, by=DESK, now=now)

    found = letter("session_moved", now)
    assert found.subject.startswith("Visit moved: 7.")
    assert found.subject.endswith(", 20 October 2026, Fjordby Smedje")
    assert "Tuesday 6 October 2026" in str(found.body)
    assert "Tuesday 20 October 2026" in str(found.body)
    assert entry(found) == (uid, 1, local("2026-10-20T09:00"))
    host = letter("host_session_moved", now)
    assert "Tuesday 6 October 2026" in str(host.body)
    assert "Tuesday 20 October 2026" in str(host.body)
    assert entry(host)[1:] == (1, local("2026-10-20T09:00"))


def test_a_class_in_line_is_told_without_a_calendar_file(session: Session, now: datetime) -> None:
    somebody(session, now)
    somebody(session, now)

    move_session(session_id=session.pk, starts=[hours("2026-10-20")], agreed=True, by=DESK, now=now)

    files = [
        len(mail.render(message, now).attachments)
        for message in Message.objects.filter(occasion="session_moved").order_by("created_at", "dedupe_key")
    ]
    assert sorted(files) == [0, 1]


def test_who_has_not_been_told_yet_hears_of_two_moves_as_one(session: Session, now: datetime) -> None:
    somebody(session, now)
    move_session(session_id=session.pk, starts=[hours("2026-10-20")], agreed=True, by=DESK, now=now)
    later = now + timedelta(minutes=1)

    move_session(session_id=session.pk, starts=[hours("2026-11-03")], agreed=True, by=DESK, now=later)

    moved = Message.objects.filter(occasion="session_moved")
    assert sorted(moved.values_list("state", flat=True)) == ["queued", "withdrawn"]
    assert moved.get(state="queued").parameters["before"][0]["starts_at"] == "2026-10-06T07:00:00+00:00"


def test_who_was_told_nothing_is_told_nothing_when_it_is_moved_back(session: Session, now: datetime) -> None:
    somebody(session, now)
    move_session(session_id=session.pk, starts=[hours("2026-10-20")], agreed=True, by=DESK, now=now)

    move_session(
        session_id=session.pk, starts=[hours("2026-10-06")], agreed=True, by=DESK, now=now + timedelta(minutes=1)
    )

    assert list(Message.objects.filter(occasion="session_moved").values_list("state", flat=True)) == ["withdrawn"]


def test_a_mail_about_a_move_is_not_sent_after_the_session_is_cancelled(session: Session, now: datetime) -> None:
    somebody(session, now)
    move_session(session_id=session.pk, starts=[hours("2026-10-20")], agreed=True, by=DESK, now=now)
    message = Message.objects.get(occasion="session_moved")

    cancel_session(session_id=session.pk, reason="Sygdom", by=DESK, now=now)

    assert letters.OCCASIONS["session_moved"].still_wanted(message, now) is False


def test_a_move_by_the_host_is_told_to_the_coordinators(session: Session, now: datetime) -> None:
    factories.CoordinatorFactory.create(language="en")
    contact = factories.ContactFactory.create(company=session.offer.company)
    link = links.ensure(purpose=Link.Purpose.HOST, reference_id=contact.pk, now=now)

    move_session(session_id=session.pk, starts=[hours("2026-10-20")], by=Actor.of_link(link), now=now)

    assert "Fjordby Smedje" in str(letter("coordinator_session_moved", now).body)
    assert AuditEntry.objects.get(action="session-moved").actor_kind == "link"


# What stands in the way


def test_a_session_that_has_begun_or_is_cancelled_is_not_moved(session: Session, now: datetime) -> None:
    to = {"session_id": session.pk, "starts": [hours("2026-10-20")], "by": DESK}
    assert refused(**to, now=local("2026-10-06T09:00")) == "begun"

    cancel_session(session_id=session.pk, reason="Sygdom", by=DESK, now=now)

    assert refused(**to, now=now) == "cancelled"


def test_a_day_without_school_must_be_meant(session: Session, now: datetime) -> None:
    to = {"session_id": session.pk, "starts": [hours("2026-10-13")], "by": DESK, "now": now}
    assert refused(**to) == "no-school"

    move_session(**to, even_if_closed=True)  # type: ignore[arg-type]

    session.refresh_from_db()
    assert session.starts_at == local("2026-10-13T09:00")


def test_a_move_to_the_past_or_with_too_few_dates_is_refused(session: Session, now: datetime) -> None:
    assert refused(session_id=session.pk, starts=[hours("2026-09-01")], by=DESK, now=now) == "past"
    assert refused(session_id=session.pk, starts=[], by=DESK, now=now) == "dates"


def test_enrolled_classes_do_not_move_into_another_grade(session: Session, now: datetime) -> None:
    to = {"session_id": session.pk, "starts": [hours("2027-09-07")], "agreed": True, "by": DESK, "now": now}
    enrolled = somebody(session, now)
    assert refused(**to) == "school-year"

    enrolling.cancel_enrolment(enrolment_id=enrolled.pk, by=DESK, now=now)
    move_session(**to)  # type: ignore[arg-type]

    session.refresh_from_db()
    assert session.starts_at == local("2027-09-07T09:00")


def test_a_teacher_does_not_move_a_session(session: Session, now: datetime) -> None:
    teacher = Actor.of_user(factories.MembershipFactory.create().user)

    assert refused(session_id=session.pk, starts=[hours("2026-10-20")], by=teacher, now=now) == "not-yours"


def test_moving_to_where_it_is_changes_nothing(session: Session, now: datetime) -> None:
    somebody(session, now)

    move_session(session_id=session.pk, starts=[hours("2026-10-06")], agreed=True, by=DESK, now=now)

    session.refresh_from_db()
    assert (session.sequence, AuditEntry.objects.filter(action="session-moved").count()) == (0, 0)


def test_a_move_that_leaves_time_to_ask_again_offers_free_places_to_the_line(session: Session, now: datetime) -> None:
    first, waiting = somebody(session, now), somebody(session, now)
    near = local("2026-09-29T11:00")  # an hour before enrolment closes
    enrolling.cancel_enrolment(enrolment_id=first.pk, by=DESK, now=near)
    waiting.refresh_from_db()
    assert waiting.status == "waitlisted"

    move_session(session_id=session.pk, starts=[hours("2026-10-27")], by=DESK, now=near)

    waiting.refresh_from_db()
    assert (waiting.status, waiting.answer_by) == ("offered", local("2026-10-01T16:00"))


def test_what_is_kept_of_a_moved_visit_names_the_new_place(session: Session, now: datetime) -> None:
    enrolment = somebody(session, now)

    move_session(
        session_id=session.pk, starts=[hours("2026-10-27")], places=["Havnegade 1"], agreed=True, by=DESK, now=now
    )

    enrolment.refresh_from_db()
    assert (enrolment.place_then, enrolment.starts_then) == ("Havnegade 1", local("2026-10-27T09:00"))


def test_a_host_moves_a_date_to_an_earlier_day_only_within_the_notice(session: Session, now: datetime) -> None:
    assert session.offer.contact is not None
    host = Actor.of_link(links.ensure(purpose=Link.Purpose.HOST, reference_id=session.offer.contact.pk, now=now))

    assert refused(session_id=session.pk, starts=[hours("2026-09-09")], by=host, now=now) == "too-soon"

    move_session(session_id=session.pk, starts=[hours("2026-10-02")], by=host, now=now)
    later = move_session(session_id=session.pk, starts=[hours("2026-10-05")], by=host, now=local("2026-09-30T09:00"))
    assert later.starts_at == local("2026-10-05T09:00")

"""Leaving a session: until the deadline by oneself, afterwards through the coordinators; and thinking better of it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import translation

from offers.domain import moving, waiting_list
from offers.domain.cancelling import ask_to_cancel, cancel_until, decline_to_cancel, undo_cancellation
from offers.domain.enrolment import cancel_enrolment, enrol_class
from offers.domain.handover import hand_over
from offers.domain.rules import EnrolmentRequest
from offers.models import Enrolment, Offer, Session
from portal import mail
from portal.domain import outbox
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN, SchoolCalendar
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Message, Municipality, User
from schools.models import Membership
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]

# The visit is on Tuesday 29 September at 9; three school days before is Thursday the 24th.
DEADLINE = datetime(2026, 9, 24, 16, 0, tzinfo=COPENHAGEN)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def role() -> Membership:
    made: Membership = factories.MembershipFactory.create()
    return made


@pytest.fixture
def session() -> Session:
    made: Session = factories.SessionFactory.create()
    return made


def enrol(session: Session, now: datetime, role: Membership | None = None, pupils: int = 24) -> Enrolment:
    role = role or factories.MembershipFactory.create()
    school_class = factories.SchoolClassFactory.create(school=role.school, pupils=pupils)
    request = EnrolmentRequest(school_class=school_class, adults=2, form_token=uuid4())
    return enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


def code_of(deed: Any, **facts: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        deed(**facts)
    return refusal.value.code


def waiting() -> list[str]:
    return sorted(Message.objects.filter(state=Message.State.QUEUED).values_list("occasion", flat=True))


def deliver(occasion: str) -> None:
    """Let the mails of an occasion have left."""
    Message.objects.filter(occasion=occasion).update(state=Message.State.SENT, sent_at=F("created_at"))


def test_the_deadline_is_counted_in_school_days_and_the_course_may_say_otherwise(
    session: Session, municipality: Municipality
) -> None:
    school_calendar = SchoolCalendar.load()
    assert cancel_until(session, municipality, school_calendar) == DEADLINE
    session.offer.cancel_days = 0
    assert cancel_until(session, municipality, school_calendar) == session.starts_at
    session.offer.cancel_days = 1
    assert cancel_until(session, municipality, school_calendar) == datetime(2026, 9, 28, 16, 0, tzinfo=COPENHAGEN)
    after_the_holiday = factories.SessionFactory.create(starts_at=datetime(2026, 10, 19, 9, 0, tzinfo=COPENHAGEN))
    assert cancel_until(after_the_holiday, municipality, school_calendar) == datetime(
        2026, 10, 7, 16, 0, tzinfo=COPENHAGEN
    )  # week 42 is no school


def test_a_school_cancels_until_the_deadline_and_a_coordinator_until_the_visit(
    session: Session, role: Membership, now: datetime
) -> None:
    one, by = enrol(session, now, role), Actor.of_user(role.user)

    assert code_of(cancel_enrolment, enrolment_id=one.pk, by=by, now=DEADLINE) == "late"
    one.refresh_from_db()
    assert one.status == "confirmed"
    done = cancel_enrolment(enrolment_id=one.pk, by=Actor.job("desk"), now=DEADLINE)

    done.refresh_from_db()
    assert (done.status, done.is_late, done.status_before) == ("cancelled_by_municipality", True, "confirmed")


def test_a_minute_before_the_deadline_is_in_time(session: Session, role: Membership, now: datetime) -> None:
    one = enrol(session, now, role)

    cancel_enrolment(enrolment_id=one.pk, by=Actor.of_user(role.user), now=DEADLINE - MINUTE)

    one.refresh_from_db()
    assert (one.status, one.is_late) == ("cancelled_by_school", False)


def test_who_only_waits_may_leave_the_line_at_any_time(session: Session, role: Membership, now: datetime) -> None:
    enrol(session, now)
    one = enrol(session, now, role)

    cancel_enrolment(enrolment_id=one.pk, by=Actor.of_user(role.user), now=DEADLINE + MINUTE)

    one.refresh_from_db()
    assert (one.status, one.is_late, one.status_before) == ("cancelled_by_school", False, "waitlisted")


def test_after_the_deadline_one_asks_the_coordinators_with_a_reason(
    session: Session, role: Membership, now: datetime
) -> None:
    coordinator = factories.CoordinatorFactory.create()
    one, by, late = enrol(session, now, role), Actor.of_user(role.user), DEADLINE + MINUTE

    assert code_of(ask_to_cancel, enrolment_id=one.pk, reason="Sygdom.", by=by, now=now) == "not-late"
    assert code_of(ask_to_cancel, enrolment_id=one.pk, reason=" ", by=by, now=late) == "reason"
    stranger = Actor.of_user(factories.MembershipFactory.create().user)
    assert code_of(ask_to_cancel, enrolment_id=one.pk, reason="Sygdom.", by=stranger, now=late) == "not-yours"
    ask_to_cancel(enrolment_id=one.pk, reason="Halvdelen er syge.", by=by, now=late)
    ask_to_cancel(enrolment_id=one.pk, reason="Halvdelen er syge.", by=by, now=late)

    one.refresh_from_db()
    assert one.status == "confirmed"
    assert AuditEntry.objects.filter(action="enrolment-cancelling-asked").count() == 1
    message = Message.objects.get(occasion="coordinator_asked_to_cancel")
    assert (message.address, "Halvdelen er syge." in str(mail.render(message, late).body)) == (coordinator.email, True)
    begun = session.starts_at
    assert code_of(ask_to_cancel, enrolment_id=one.pk, reason="Sygdom.", by=by, now=begun) == "ended"


def asked_late(session: Session, role: Membership, now: datetime) -> Enrolment:
    """A class whose school has asked to cancel after the deadline."""
    one = enrol(session, now, role)
    return ask_to_cancel(
        enrolment_id=one.pk, reason="Halvdelen er syge.", by=Actor.of_user(role.user), now=DEADLINE + MINUTE
    )


def test_a_coordinator_says_no_the_class_stays_and_the_teacher_reads_why_and_whom_to_call(
    session: Session, role: Membership, now: datetime
) -> None:
    Municipality.objects.update(contact_phone="+4512345678")
    coordinator = factories.CoordinatorFactory.create()
    one, late = asked_late(session, role, now), DEADLINE + 2 * MINUTE
    by = Actor.of_user(coordinator)
    assert list(Enrolment.objects.asking_to_cancel(late)) == [one]

    teacher = Actor.of_user(role.user)
    assert code_of(decline_to_cancel, enrolment_id=one.pk, reason="Nej.", by=teacher, now=late) == "not-yours"
    assert code_of(decline_to_cancel, enrolment_id=one.pk, reason=" ", by=by, now=late) == "reason"
    decline_to_cancel(enrolment_id=one.pk, reason="Værten har købt ind.", by=by, now=late)
    assert code_of(decline_to_cancel, enrolment_id=one.pk, reason="Nej.", by=by, now=late) == "not-asked"

    one.refresh_from_db()
    session.refresh_from_db()
    assert (one.status, one.ended_reason, session.places_taken) == ("confirmed", "", 24)
    assert list(Enrolment.objects.asking_to_cancel(late)) == []
    message = Message.objects.get(occasion="cancelling_declined")
    text = str(mail.render(message, late).body)
    assert (message.address, Message.objects.get(occasion="coordinator_asked_to_cancel").state) == (
        role.user.email,
        "withdrawn",
    )
    assert ("Værten har købt ind." in text, "12 34 56 78" in text, "Halvdelen er syge." in text) == (True, True, False)
    assert not AuditEntry.objects.filter(action="enrolment-cancelling-declined", facts__has_key="reason").exists()
    assert AuditEntry.objects.filter(action="enrolment-cancelling-declined").count() == 1


def test_after_a_no_the_teacher_may_ask_again_with_the_same_words_and_the_coordinator_may_still_say_yes(
    session: Session, role: Membership, now: datetime
) -> None:
    coordinator = Actor.of_user(factories.CoordinatorFactory.create())
    one, late = asked_late(session, role, now), DEADLINE + 2 * MINUTE
    decline_to_cancel(enrolment_id=one.pk, reason="Værten har købt ind.", by=coordinator, now=late)

    again = DEADLINE + timedelta(hours=1)
    ask_to_cancel(enrolment_id=one.pk, reason="Halvdelen er syge.", by=Actor.of_user(role.user), now=again)

    assert list(Enrolment.objects.asking_to_cancel(again)) == [one]
    asked = Message.objects.filter(occasion="coordinator_asked_to_cancel").exclude(state="withdrawn")
    assert asked.count() == 1
    cancel_enrolment(enrolment_id=one.pk, by=coordinator, now=again + MINUTE)
    assert list(Enrolment.objects.asking_to_cancel(again + MINUTE)) == []
    no = Message.objects.get(occasion="cancelling_declined")  # not sent yet, and no longer true
    assert outbox.occasions()["cancelling_declined"].still_wanted(no, again + MINUTE) is False
    assert outbox.occasions()["cancelling_declined"].still_wanted(no, now) is False


def test_once_the_visit_has_begun_nobody_asks_any_more(session: Session, role: Membership, now: datetime) -> None:
    one = asked_late(session, role, now)
    begun, by = session.starts_at, Actor.of_user(factories.CoordinatorFactory.create())

    assert list(Enrolment.objects.asking_to_cancel(begun)) == []
    assert code_of(decline_to_cancel, enrolment_id=one.pk, reason="Nej.", by=by, now=begun) == "ended"


def test_the_desk_reads_why_the_school_asks_sees_the_mail_first_and_says_no(
    session: Session, role: Membership, now: datetime
) -> None:
    one = asked_late(session, role, now)
    address = reverse("admin:offers_enrolment_still_expected", args=[one.pk])
    with time_machine.travel(DEADLINE + 2 * MINUTE, tick=False):
        client = signed_in(factories.CoordinatorFactory.create())
        todo = client.get(reverse("admin:offers_enrolment_changelist"), {"todo": "cancel"})
        assert [row.pk for row in todo.context["cl"].result_list] == [one.pk]
        board = client.get("/admin/").content.decode()
        assert ("Halvdelen er syge." in board, "todo=cancel" in board) == (True, True)
        page = client.get(reverse("admin:offers_enrolment_change", args=[one.pk])).content.decode()
        assert (address in page, reverse("admin:offers_enrolment_cancel", args=[one.pk]) in page) == (True, True)
        assert "Halvdelen er syge." in client.get(address).content.decode()
        assert "Halvdelen er syge." in client.get(address.replace("stadig-ventet", "afmeld")).content.decode()
        silent = client.post(address, {"why": "", "reason": ""})
        assert (silent.status_code, list(silent.context["form"].errors)) == (422, ["reason"])
        typed = {"why": "prepared", "reason": "Ring gerne."}
        shown = client.post(address, {**typed, "preview": "1"}).context["preview"]
        assert Message.objects.filter(occasion="cancelling_declined").count() == 0
        assert client.post(address, typed).status_code == 302
        sent = mail.render(Message.objects.get(occasion="cancelling_declined"), DEADLINE + 2 * MINUTE)
        page = client.get(reverse("admin:offers_enrolment_change", args=[one.pk])).content.decode()
        teacher = signed_in(role.user).get(reverse("enrolment", args=[one.pk])).content.decode()
    assert "Værten har forberedt besøget og regner med klassen. Ring gerne." in str(shown.body)
    assert (shown.subject, shown.body, shown.to) == (sent.subject, sent.body, sent.to)
    assert (address in page, reverse("enrolment-ask", args=[one.pk]) in teacher) == (False, True)
    assert "Koordinatorerne er spurgt" not in teacher


@pytest.mark.usefixtures("committing")
def test_the_no_commits(now: datetime) -> None:
    one = asked_late(factories.SessionFactory.create(), factories.MembershipFactory.create(), now)
    with time_machine.travel(DEADLINE + 2 * MINUTE, tick=False):
        client = signed_in(factories.CoordinatorFactory.create())
        address = reverse("admin:offers_enrolment_still_expected", args=[one.pk])
        assert client.post(address, {"why": "nobody", "reason": ""}).status_code == 302
    one.refresh_from_db()
    assert (one.status, one.ended_reason) == ("confirmed", "")


def test_undoing_restores_the_places_and_withdraws_what_has_not_left(
    session: Session, role: Membership, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    one, by = enrol(session, now, role), Actor.of_user(role.user)
    before = waiting()
    cancel_enrolment(enrolment_id=one.pk, reason="Fejl.", by=by, now=now + MINUTE)

    undo_cancellation(enrolment_id=one.pk, by=by, now=now + 15 * MINUTE)
    undo_cancellation(enrolment_id=one.pk, by=by, now=now + 15 * MINUTE)

    one.refresh_from_db()
    session.refresh_from_db()
    assert (one.status, one.ended_reason, session.places_taken) == ("confirmed", "", 24)
    assert waiting() == before == ["enrolment_confirmed", "host_new_enrolment"]
    assert AuditEntry.objects.filter(action="enrolment-restored").count() == 1


def test_who_was_told_already_is_told_that_the_class_comes_after_all(
    session: Session, role: Membership, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    one, by = enrol(session, now, role), Actor.of_user(role.user)
    deliver("enrolment_confirmed")
    deliver("host_new_enrolment")
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now + MINUTE)
    for occasion in ("enrolment_cancelled", "host_cancelled_enrolment", "coordinator_cancelled"):
        deliver(occasion)

    undo_cancellation(enrolment_id=one.pk, by=by, now=now + 2 * MINUTE)

    assert waiting() == ["coordinator_restored", "enrolment_restored", "host_restored_enrolment"]
    for message in Message.objects.filter(state=Message.State.QUEUED):
        written = mail.render(message, now + 2 * MINUTE)
        assert "høreapparat" not in str(written.body)
    teacher = mail.render(Message.objects.get(occasion="enrolment_restored"), now + 2 * MINUTE)
    file = str(teacher.attachments[0][1])
    # the calendar took the visit out with number 1, so that it comes in again takes a higher one
    assert ("METHOD:PUBLISH" in file, "SEQUENCE:2" in file, "STATUS:CONFIRMED" in file) == (True, True, True)


def test_cancelling_again_after_an_undo_tells_everybody_again(
    session: Session, role: Membership, now: datetime
) -> None:
    one, by = enrol(session, now, role), Actor.of_user(role.user)
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now + MINUTE)
    deliver("host_cancelled_enrolment")
    undo_cancellation(enrolment_id=one.pk, by=by, now=now + 2 * MINUTE)

    cancel_enrolment(enrolment_id=one.pk, by=by, now=now + 3 * MINUTE)

    assert Message.objects.filter(occasion="host_cancelled_enrolment").count() == 2
    assert waiting() == ["enrolment_cancelled", "host_cancelled_enrolment"]


def test_after_a_quarter_of_an_hour_it_is_too_late(session: Session, role: Membership, now: datetime) -> None:
    one, by = enrol(session, now, role), Actor.of_user(role.user)
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now)

    assert code_of(undo_cancellation, enrolment_id=one.pk, by=by, now=now + 15 * MINUTE) == "too-late"
    one.refresh_from_db()
    assert one.status == "cancelled_by_school"


def test_a_place_that_was_offered_to_the_line_is_gone_and_one_may_stand_in_line(
    session: Session, role: Membership, now: datetime
) -> None:
    one, by = enrol(session, now, role), Actor.of_user(role.user)
    second = enrol(session, now)
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now)

    with translation.override("en"), pytest.raises(Refusal) as refusal:
        undo_cancellation(enrolment_id=one.pk, by=by, now=now + MINUTE)

    second.refresh_from_db()
    session.refresh_from_db()
    assert (second.status, session.places_taken, refusal.value.code) == ("offered", 24, "gone")
    assert str(refusal.value.message).startswith(
        "The places have been offered to a class in line meanwhile: 4 are free, and the class needs 24."
        " You can enrol the class again; it then waits in line."
    )


def test_a_class_that_still_fits_beside_the_one_that_was_offered_a_place_comes_back(now: datetime) -> None:
    session = factories.SessionFactory.create(places=28)
    role = factories.MembershipFactory.create()
    small, by = enrol(session, now, role, pupils=8), Actor.of_user(role.user)
    enrol(session, now, pupils=12)
    third = enrol(session, now, pupils=9)
    cancel_enrolment(enrolment_id=small.pk, by=by, now=now)
    third.refresh_from_db()
    assert third.status == "offered"  # 12 and 9 are taken: 7 are left, and 8 would be needed

    assert code_of(undo_cancellation, enrolment_id=small.pk, by=by, now=now) == "gone"
    waiting_list.decline_place(enrolment_id=third.pk, by=Actor.job("test"), now=now)
    undo_cancellation(enrolment_id=small.pk, by=by, now=now)

    session.refresh_from_db()
    assert session.places_taken == 20


def test_who_left_the_line_comes_back_to_the_same_place_in_it(session: Session, now: datetime) -> None:
    enrol(session, now)
    role = factories.MembershipFactory.create()
    one, by = enrol(session, now, role), Actor.of_user(role.user)
    enrol(session, now + MINUTE)
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now + 2 * MINUTE)

    back = undo_cancellation(enrolment_id=one.pk, by=by, now=now + 3 * MINUTE)

    assert (back.status, waiting_list.position(back)) == ("waitlisted", 1)


def test_a_request_comes_back_as_a_request_with_a_new_deadline(
    session: Session, role: Membership, now: datetime
) -> None:
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)
    one, by = enrol(session, now, role), Actor.of_user(role.user)
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now)

    undo_cancellation(enrolment_id=one.pk, by=by, now=now + MINUTE)

    one.refresh_from_db()
    session.refresh_from_db()
    assert (one.status, one.answer_by, session.places_taken) == (
        "pending",
        datetime(2026, 9, 15, 16, 0, tzinfo=COPENHAGEN),
        24,
    )


def test_after_an_undo_the_reminder_of_a_request_stands_as_it_stood(
    session: Session, role: Membership, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)
    one, by = enrol(session, now, role), Actor.of_user(role.user)
    planned = Message.objects.filter(state=Message.State.PLANNED, reference_id=one.pk).order_by("occasion")
    before = list(planned.values_list("occasion", "send_at"))
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now)
    assert not planned.exists()

    undo_cancellation(enrolment_id=one.pk, by=by, now=now + MINUTE)

    morning = datetime(2026, 9, 11, 8, 0, tzinfo=COPENHAGEN)
    assert before == [("coordinator_request_nudge", morning), ("host_request_nudge", morning)]
    assert list(planned.values_list("occasion", "send_at")) == before


def test_after_an_undo_only_the_present_teacher_is_promised_what_had_not_left(
    session: Session, role: Membership, now: datetime
) -> None:
    one, colleague = enrol(session, now, role), factories.MembershipFactory.create(school=role.school).user
    hand_over(enrolment_id=one.pk, teacher_id=colleague.pk, by=Actor.of_user(role.user), now=now)
    before = waiting()
    cancel_enrolment(enrolment_id=one.pk, by=Actor.of_user(colleague), now=now + MINUTE)

    undo_cancellation(enrolment_id=one.pk, by=Actor.of_user(colleague), now=now + 2 * MINUTE)

    assert waiting() == before == ["enrolment_handed_over", "host_new_enrolment", "host_new_teacher"]
    told = Message.objects.filter(state=Message.State.QUEUED, recipient_kind="user")
    assert list(told.values_list("recipient_id", flat=True)) == [colleague.pk]


def test_what_the_municipality_cancelled_is_not_the_schools_to_undo(
    session: Session, role: Membership, now: datetime
) -> None:
    one = enrol(session, now, role)
    cancel_enrolment(enrolment_id=one.pk, reason="Brand.", by=Actor.job("desk"), now=now)

    assert code_of(undo_cancellation, enrolment_id=one.pk, by=Actor.of_user(role.user), now=now) == "not-yours"
    assert undo_cancellation(enrolment_id=one.pk, by=Actor.job("desk"), now=now).status == "confirmed"


def test_a_class_that_was_enrolled_again_is_not_restored_beside_itself(
    session: Session, role: Membership, now: datetime
) -> None:
    one, by = enrol(session, now, role), Actor.of_user(role.user)
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now)
    request = EnrolmentRequest(school_class=one.school_class, adults=2)
    enrol_class(session_id=session.pk, request=request, by=by, now=now)

    assert code_of(undo_cancellation, enrolment_id=one.pk, by=by, now=now) == "enrolled-again"


def test_who_is_back_in_line_is_offered_what_became_free_meanwhile(
    session: Session, role: Membership, now: datetime
) -> None:
    there, one, by = enrol(session, now), enrol(session, now, role), Actor.of_user(role.user)
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now)
    cancel_enrolment(enrolment_id=there.pk, by=Actor.job("test"), now=now)

    back = undo_cancellation(enrolment_id=one.pk, by=by, now=now + MINUTE)

    session.refresh_from_db()
    assert (back.status, session.places_taken) == ("offered", 24)


def test_a_class_is_not_brought_back_to_a_time_it_has_never_seen(
    session: Session, role: Membership, now: datetime
) -> None:
    one, by = enrol(session, now, role), Actor.of_user(role.user)
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now)
    later = [(session.starts_at + timedelta(days=1), session.ends_at + timedelta(days=1))]
    moving.move_session(session_id=session.pk, starts=later, by=Actor.job("test"), now=now + MINUTE)

    assert code_of(undo_cancellation, enrolment_id=one.pk, by=by, now=now + 2 * MINUTE) == "moved"
    one.refresh_from_db()
    assert one.status == "cancelled_by_school"


def test_another_place_is_a_move_too(session: Session, role: Membership, now: datetime) -> None:
    one, by = enrol(session, now, role), Actor.of_user(role.user)
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now)
    same = [(session.starts_at, session.ends_at)]
    moving.move_session(session_id=session.pk, starts=same, places=["Havnen"], by=Actor.job("test"), now=now + MINUTE)

    assert code_of(undo_cancellation, enrolment_id=one.pk, by=by, now=now + 2 * MINUTE) == "moved"


def test_a_class_that_is_back_is_asked_about_the_move_that_was_proposed_meanwhile(
    role: Membership, now: datetime
) -> None:
    session = factories.SessionFactory.create(places=60)
    enrol(session, now)
    one, by = enrol(session, now, role), Actor.of_user(role.user)
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now)
    later = [(session.starts_at + timedelta(days=1), session.ends_at + timedelta(days=1))]
    moving.propose_move(session_id=session.pk, starts=later, reason="Ombygning.", by=Actor.job("test"), now=now)

    undo_cancellation(enrolment_id=one.pk, by=by, now=now + MINUTE)

    assert one.move_answers.get().answer == "pending"
    assert Message.objects.filter(occasion="move_proposed", recipient_id=role.user.pk).count() == 1


def test_who_cancelled_and_thought_better_of_it_does_not_undo_that_a_place_was_declined(
    session: Session, role: Membership, now: datetime
) -> None:
    there, one, by = enrol(session, now), enrol(session, now, role), Actor.of_user(role.user)
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now)
    undo_cancellation(enrolment_id=one.pk, by=by, now=now)
    cancel_enrolment(enrolment_id=there.pk, by=Actor.job("test"), now=now)
    waiting_list.decline_place(enrolment_id=one.pk, by=by, now=now)

    assert code_of(undo_cancellation, enrolment_id=one.pk, by=by, now=now) == "too-late"


# --- The pages ---------------------------------------------------------------------------------------------------


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_page_after_cancelling_offers_to_undo_it_for_a_quarter_of_an_hour(
    session: Session, role: Membership, now: datetime
) -> None:
    one, client = enrol(session, now, role), signed_in(role.user)
    page, undo = reverse("enrolment", args=[one.pk]), reverse("enrolment-undo", args=[one.pk])
    with time_machine.travel(now, tick=False):
        html = client.post(reverse("enrolment-cancel", args=[one.pk]), {"reason": ""}, follow=True).content.decode()
        assert f'action="{undo}"' in html
        assert client.get(undo).status_code == 200
        one.refresh_from_db()
        assert one.status == "cancelled_by_school"  # looking changes nothing
        html = client.post(undo, follow=True).content.decode()
        one.refresh_from_db()
        assert (one.status, undo in html) == ("confirmed", False)
        client.post(reverse("enrolment-cancel", args=[one.pk]), {"reason": ""})
    with time_machine.travel(now + 16 * MINUTE, tick=False):
        assert undo not in client.get(page).content.decode()
        assert client.get(undo).status_code == 302
        client.post(undo)
        one.refresh_from_db()
        assert one.status == "cancelled_by_school"


def test_after_the_deadline_the_page_leads_to_the_coordinator(
    session: Session, role: Membership, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    one = enrol(session, now, role)
    page, ask = reverse("enrolment", args=[one.pk]), reverse("enrolment-ask", args=[one.pk])
    with time_machine.travel(now, tick=False):
        client = signed_in(role.user)
        html = client.get(page).content.decode()
        assert (ask in html, reverse("enrolment-cancel", args=[one.pk]) in html) == (False, True)
        assert client.get(ask).status_code == 302
    with time_machine.travel(DEADLINE + MINUTE, tick=False):
        client = signed_in(role.user)
        html = client.get(page).content.decode()
        assert (ask in html, reverse("enrolment-cancel", args=[one.pk]) in html) == (True, False)
        assert client.post(reverse("enrolment-cancel", args=[one.pk]), {"reason": ""}).headers["Location"] == ask
        assert "reason" in client.post(ask, {"reason": " "}).context["form"].errors
        html = client.post(ask, {"reason": "Bussen er aflyst."}, follow=True).content.decode()
    one.refresh_from_db()
    assert (one.status, "Koordinatorerne er spurgt" in html) == ("confirmed", True)
    assert Message.objects.filter(occasion="coordinator_asked_to_cancel").count() == 1


def test_a_teacher_gives_an_enrolment_to_a_colleague_and_both_are_told(
    session: Session, role: Membership, now: datetime
) -> None:
    one = enrol(session, now, role)
    colleague = factories.MembershipFactory.create(school=role.school).user
    elsewhere = factories.MembershipFactory.create().user
    address = reverse("enrolment-hand-over", args=[one.pk])
    with time_machine.travel(now, tick=False):
        client = signed_in(role.user)
        assert list(client.get(address).context["form"].fields["teacher"].queryset) == [colleague]
        for wrong in ("", "x", str(elsewhere.pk), str(role.user.pk)):
            assert "teacher" in client.post(address, {"teacher": wrong}).context["form"].errors
        done = client.post(address, {"teacher": str(colleague.pk)}, follow=True)

        assert done.redirect_chain == [(reverse("my-enrolments"), 302)]
        assert client.get(reverse("enrolment", args=[one.pk])).status_code == 404
    one.refresh_from_db()
    assert one.teacher == colleague
    told = {(one.occasion, one.address) for one in Message.objects.filter(occasion__startswith="enrolment_handed")}
    # who gives it away knows it from the page; the host is told whom to write to
    assert told == {("enrolment_handed_over", colleague.email)}
    assert Message.objects.filter(occasion="host_new_teacher").count() == 1


def test_an_ambassador_gives_a_colleagues_enrolment_on_and_both_are_told(
    session: Session, role: Membership, now: datetime
) -> None:
    one = enrol(session, now, role)
    ambassador = factories.MembershipFactory.create(school=role.school, role=Membership.Role.AMBASSADOR).user
    with time_machine.travel(now, tick=False):
        signed_in(ambassador).post(reverse("enrolment-hand-over", args=[one.pk]), {"teacher": str(ambassador.pk)})
    told = {(one.occasion, one.address) for one in Message.objects.filter(occasion__startswith="enrolment_handed")}
    assert told == {("enrolment_handed_over", ambassador.email), ("enrolment_handed_on", role.user.email)}


@pytest.mark.parametrize("name", ["enrolment-undo", "enrolment-ask", "enrolment-hand-over"])
def test_a_strangers_enrolment_does_not_exist(session: Session, now: datetime, name: str) -> None:
    one = enrol(session, now)
    stranger = signed_in(factories.MembershipFactory.create().user)
    assert [
        stranger.get(reverse(name, args=[one.pk])).status_code,
        stranger.post(reverse(name, args=[one.pk])).status_code,
    ] == [404, 404]

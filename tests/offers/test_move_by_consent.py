"""Moves that the classes are asked about: who is asked, what each answer does, what silence means, who is told."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.utils import translation
from icalendar import Calendar

from offers.domain import enrolment as enrolling
from offers.domain import handover, moving, planning, reminders, rules, waiting_list
from offers.messages import enrolment as letters
from offers.models import Enrolment, MoveProposal, Offer, Session
from portal import mail
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


def hours(day: str, begins: str = "09:00", ends: str = "11:00") -> tuple[datetime, datetime]:
    return local(f"{day}T{begins}"), local(f"{day}T{ends}")


@pytest.fixture
def offer() -> Offer:
    made: Offer = factories.OfferFactory.create(
        title="Svejs et bogmærke", company__name="Fjordby Smedje", duration_minutes=120, closes_days=7
    )
    return made


@pytest.fixture
def session(offer: Offer, now: datetime) -> Session:
    return planning.plan_session(offer_id=offer.pk, starts=local("2026-10-06T09:00"), places=44, by=DESK, now=now)


def somebody(session: Session, now: datetime, pupils: int = 20) -> Enrolment:
    role = factories.MembershipFactory.create()
    one = factories.SchoolClassFactory.create(school=role.school)
    request = rules.EnrolmentRequest(school_class=one, pupils=pupils, adults=2)
    return enrolling.enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


def teacher_of(enrolment: Enrolment) -> Actor:
    assert enrolment.teacher is not None
    return Actor.of_user(enrolment.teacher)


def host_of(session: Session, now: datetime) -> Actor:
    assert session.offer.contact is not None
    return Actor.of_link(links.ensure(purpose=Link.Purpose.HOST, reference_id=session.offer.contact.pk, now=now))


def propose(session: Session, now: datetime, *, by: Actor = DESK, to: str = "2026-10-20", **facts: Any) -> MoveProposal:
    words = {"starts": [hours(to)], "reason": "Ovnen bliver repareret.", **facts}
    return moving.propose_move(session_id=session.pk, by=by, now=now, **words)


def answers(enrolment: Enrolment, now: datetime, *, stay: bool, by: Actor | None = None) -> MoveProposal:
    return moving.answer_move(enrolment_id=enrolment.pk, stay=stay, by=by or teacher_of(enrolment), now=now)


def told(occasion: str, *, state: str | None = None) -> int:
    rows = Message.objects.filter(occasion=occasion)
    return (rows.filter(state=state) if state else rows.exclude(state="withdrawn")).count()


def letter(occasion: str, now: datetime, language: str = "da") -> EmailMultiAlternatives:
    message = Message.objects.filter(occasion=occasion).exclude(state="withdrawn").latest("created_at")
    assert letters.OCCASIONS[occasion].still_wanted(message, now) is True
    with translation.override(language):
        return mail.render(message, now)


def wanted(occasion: str, now: datetime) -> list[bool]:
    rows = Message.objects.filter(occasion=occasion).order_by("created_at")
    return [letters.OCCASIONS[occasion].still_wanted(one, now) for one in rows]


def fresh(*rows: Any) -> None:
    for row in rows:
        row.refresh_from_db()


# Asking


def test_a_proposed_move_leaves_the_session_where_it_is_and_asks_every_class_that_holds_places(
    session: Session, now: datetime
) -> None:
    first, second, waiting = somebody(session, now), somebody(session, now), somebody(session, now)

    proposal = propose(session, now)

    fresh(session)
    assert (session.starts_at, session.sequence) == (local("2026-10-06T09:00"), 0)
    assert set(proposal.answers.values_list("enrolment_id", "answer")) == {
        (first.pk, "pending"),
        (second.pk, "pending"),
    }
    assert waiting.status == "waitlisted"
    assert (told("move_proposed"), told("host_move_proposed"), told("session_moved")) == (2, 1, 0)
    entry = AuditEntry.objects.get(action="move-proposed")
    assert (entry.object_id, entry.facts["enrolments"]) == (str(session.pk), 2)


def test_the_classes_have_five_school_days_and_are_reminded_half_way(session: Session, now: datetime) -> None:
    somebody(session, now)

    proposal = propose(session, now)  # on Tuesday 8 September

    assert proposal.answer_by == local("2026-09-15T16:00")
    assert proposal.nudge_at == local("2026-09-10T09:00")


def test_the_deadline_is_never_past_either_beginning(session: Session, now: datetime) -> None:
    somebody(session, now)
    friday = local("2026-10-02T10:00")

    assert propose(session, friday).answer_by == local("2026-10-05T16:00")  # the visit is on Tuesday
    MoveProposal.objects.all().delete()
    assert propose(session, now, to="2026-09-10").answer_by == local("2026-09-09T16:00")


def test_without_a_school_day_to_answer_the_host_is_told_to_telephone(session: Session, now: datetime) -> None:
    somebody(session, now)

    with pytest.raises(Refusal, match="Telephone them") as refusal, translation.override("en"):
        propose(session, local("2026-10-05T10:00"))

    assert (refusal.value.code, MoveProposal.objects.count()) == ("too-late", 0)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"reason": "  "}, "reason"),
        ({"starts": [hours("2026-10-06")]}, "same"),
        ({"starts": [hours("2026-10-13")]}, "no-school"),
        ({"starts": [hours("2026-09-01")]}, "past"),
        ({"starts": []}, "dates"),
        ({"starts": [hours("2027-09-07")]}, "school-year"),
    ],
)
def test_what_cannot_be_proposed_is_refused_in_words(
    session: Session, now: datetime, facts: dict[str, Any], code: str
) -> None:
    somebody(session, now)

    with pytest.raises(Refusal) as refusal:
        propose(session, now, **facts)

    assert refusal.value.code == code


def test_nobody_is_asked_when_no_class_is_enrolled_and_nothing_is_proposed_twice(
    session: Session, now: datetime
) -> None:
    with pytest.raises(Refusal) as nobody:
        propose(session, now)
    somebody(session, now)
    propose(session, now)
    with pytest.raises(Refusal) as twice:
        propose(session, now, to="2026-11-03")

    assert (nobody.value.code, twice.value.code) == ("nobody", "proposed-already")


def test_a_teacher_and_another_company_propose_nothing(session: Session, now: datetime) -> None:
    enrolled = somebody(session, now)
    other = factories.ContactFactory.create()
    link = Actor.of_link(links.ensure(purpose=Link.Purpose.HOST, reference_id=other.pk, now=now))

    for by in (teacher_of(enrolled), link):
        with pytest.raises(Refusal) as refusal:
            propose(session, now, by=by)
        assert refusal.value.code == "not-yours"


def test_with_classes_enrolled_nobody_moves_it_over_their_heads(session: Session, now: datetime) -> None:
    somebody(session, now)
    for by, agreed in ((DESK, False), (host_of(session, now), False), (host_of(session, now), True)):
        with pytest.raises(Refusal) as refusal:
            moving.move_session(session_id=session.pk, starts=[hours("2026-10-20")], agreed=agreed, by=by, now=now)
        assert refusal.value.code == "ask-first"

    moving.move_session(session_id=session.pk, starts=[hours("2026-10-20")], agreed=True, by=DESK, now=now)

    fresh(session)
    assert session.starts_at == local("2026-10-20T09:00")
    assert AuditEntry.objects.get(action="session-moved").facts["agreed"] is True


def test_without_classes_the_host_moves_it_at_once_and_the_line_is_told(session: Session, now: datetime) -> None:
    waiting = factories.EnrolmentFactory.create(session=session, status="waitlisted", waiting_since=now)

    moving.move_session(session_id=session.pk, starts=[hours("2026-10-20")], by=host_of(session, now), now=now)

    fresh(session, waiting)
    assert (session.starts_at, waiting.status) == (local("2026-10-20T09:00"), "offered")
    assert (told("session_moved"), told("place_offered")) == (1, 1)


# Answering


def test_when_all_have_answered_the_session_moves_who_stays_stays_and_who_leaves_is_released(
    session: Session, now: datetime
) -> None:
    stays, leaves = somebody(session, now), somebody(session, now)
    reminders.plan_reminders(now=now)
    proposal = propose(session, now)
    later = now + timedelta(hours=1)

    answers(stays, later, stay=True)
    fresh(session)
    assert session.starts_at == local("2026-10-06T09:00")
    answers(leaves, later, stay=False)

    fresh(session, stays, leaves, proposal)
    assert (session.starts_at, session.sequence, session.places_taken) == (local("2026-10-20T09:00"), 1, 20)
    assert (stays.status, leaves.status, proposal.state) == ("confirmed", "cancelled_by_host", "carried_out")
    assert leaves.ended_reason == (
        "Besøget blev flyttet til tirsdag 20. oktober 2026 kl. 9.00, og klassen kunne ikke komme på det nye tidspunkt."
    )
    assert (told("session_moved"), told("move_released"), told("host_session_moved")) == (1, 1, 1)
    assert reminders.reconcile(now=later) == reminders.Difference(missing=0, needless=0)
    planned = Message.objects.filter(occasion__in=reminders.OCCASIONS, state="planned")
    assert {one.parameters["starts_at"] for one in planned} == {"2026-10-20T07:00:00+00:00"}


def test_an_answer_may_be_changed_until_the_move_is_carried_out(session: Session, now: datetime) -> None:
    first, second = somebody(session, now), somebody(session, now)
    propose(session, now)
    answers(first, now, stay=False)
    answers(first, now, stay=True)
    answers(first, now, stay=True)
    answers(second, now, stay=True)

    fresh(first)
    assert first.status == "confirmed"
    assert AuditEntry.objects.filter(action="move-answered").count() == 3
    assert answers(first, now, stay=True).state == "carried_out"  # the same again changes nothing
    with pytest.raises(Refusal) as refusal:
        answers(first, now, stay=False)
    assert refusal.value.code == "ended"


def test_only_those_who_may_manage_the_enrolment_answer(session: Session, now: datetime) -> None:
    one, other = somebody(session, now), somebody(session, now)
    propose(session, now)

    with pytest.raises(Refusal) as refusal:
        answers(one, now, stay=True, by=teacher_of(other))
    assert refusal.value.code == "not-yours"

    colleague = factories.MembershipFactory.create(school=one.school, role="ambassador").user
    answers(one, now, stay=True, by=Actor.of_user(colleague))
    assert one.move_answers.get().answer == "stay"


def test_what_becomes_free_is_offered_to_the_line_for_the_new_time(session: Session, now: datetime) -> None:
    leaves, stays, waiting = somebody(session, now, 24), somebody(session, now), somebody(session, now)
    assert waiting.status == "waitlisted"
    propose(session, now)
    answers(stays, now, stay=True)

    answers(leaves, now, stay=False)

    fresh(waiting, session)
    assert (waiting.status, session.places_taken) == ("offered", 40)
    assert told("place_offered") == 1
    assert "20. oktober 2026" in str(letter("place_offered", now).subject)


def test_a_request_that_waits_is_asked_too_and_an_offered_place_has_its_own_deadline(
    session: Session, now: datetime
) -> None:
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)
    pending = somebody(session, now, 24)
    assert pending.status == "pending"
    waiting = somebody(session, now, 24)
    planning.change_places(session_id=session.pk, places=60, by=DESK, now=now)
    fresh(waiting)
    assert waiting.status == "offered"
    Municipality.objects.update(move_default="release")
    proposal = propose(session, now)
    Enrolment.objects.filter(pk=waiting.pk).update(answer_by=local("2026-09-29T16:00"))

    moving.carry_out_move(proposal_id=proposal.pk, by=DESK, now=now)

    fresh(pending, waiting)
    assert (pending.status, waiting.status) == ("cancelled_by_host", "offered")


def test_a_class_that_enrols_while_a_move_is_proposed_has_seen_both_times_and_stays(
    session: Session, now: datetime
) -> None:
    first = somebody(session, now)
    Municipality.objects.update(move_default="release")
    proposal = propose(session, now)
    late = somebody(session, now)

    answers(first, now, stay=True)

    fresh(late, proposal)
    assert (late.status, proposal.state) == ("confirmed", "carried_out")


def test_a_class_that_enrolled_meanwhile_may_still_say_that_it_cannot(session: Session, now: datetime) -> None:
    first = somebody(session, now)
    propose(session, now)
    late = somebody(session, now)
    answers(late, now, stay=False)

    answers(first, now, stay=True)

    fresh(late)
    assert late.status == "cancelled_by_host"


# Silence


@pytest.mark.parametrize(
    ("silence", "status", "taken"), [("keep", "confirmed", 20), ("release", "cancelled_by_host", 0)]
)
def test_at_the_deadline_silence_means_what_had_been_chosen_when_it_was_asked(
    session: Session, now: datetime, silence: str, status: str, taken: int
) -> None:
    silent = somebody(session, now)
    Municipality.objects.update(move_default=silence)
    proposal = propose(session, now)
    Municipality.objects.update(move_default="keep" if silence == "release" else "release")

    assert moving.carry_out_due(proposal.answer_by - timedelta(seconds=1)) == 0
    assert [moving.carry_out_due(proposal.answer_by) for _twice in range(2)] == [1, 0]

    fresh(silent, session)
    assert (silent.status, session.places_taken) == (status, taken)
    assert session.starts_at == local("2026-10-20T09:00")


def test_when_the_last_silent_class_cancels_the_move_waits_for_nobody(session: Session, now: datetime) -> None:
    stays, cancels = somebody(session, now), somebody(session, now)
    proposal = propose(session, now)
    answers(stays, now, stay=True)
    enrolling.cancel_enrolment(enrolment_id=cancels.pk, by=teacher_of(cancels), now=now)

    assert moving.carry_out_due(now) == 1

    fresh(proposal)
    assert proposal.state == "carried_out"


def test_half_way_only_the_silent_are_reminded_once(session: Session, now: datetime) -> None:
    answered, silent = somebody(session, now), somebody(session, now)
    proposal = propose(session, now)
    answers(answered, now, stay=True)
    assert proposal.nudge_at is not None

    assert moving.nudge(proposal.nudge_at - timedelta(seconds=1)) == 0
    assert [moving.nudge(proposal.nudge_at) for _twice in range(2)] == [1, 0]

    message = Message.objects.get(occasion="move_nudge")
    assert message.reference_id == silent.pk
    answers(silent, proposal.nudge_at, stay=True)
    assert wanted("move_nudge", proposal.nudge_at) == [False]


def test_a_move_that_the_job_comes_too_late_for_is_withdrawn_and_told(session: Session, now: datetime) -> None:
    somebody(session, now)
    propose(session, now, to="2026-09-17")

    assert moving.carry_out_due(local("2026-09-17T12:00")) == 1

    fresh(session)
    assert MoveProposal.objects.get().state == "withdrawn"
    assert session.starts_at == local("2026-10-06T09:00")
    assert wanted("move_withdrawn", local("2026-09-17T12:00")) == [True]


# Taking it back


def test_a_withdrawn_move_leaves_everything_and_tells_those_who_were_asked(session: Session, now: datetime) -> None:
    one = somebody(session, now)
    proposal = propose(session, now, by=host_of(session, now))

    for _twice in range(2):
        moving.withdraw_move(proposal_id=proposal.pk, by=host_of(session, now), now=now)

    fresh(session, one)
    assert (session.sequence, one.status, told("move_withdrawn"), told("host_move_withdrawn")) == (0, "confirmed", 1, 1)
    assert (told("move_proposed"), wanted("move_proposed", now)) == (0, [False])
    with pytest.raises(Refusal) as refusal:
        moving.carry_out_move(proposal_id=proposal.pk, by=DESK, now=now)
    assert refusal.value.code == "withdrawn"


def test_a_cancelled_session_takes_its_proposed_move_with_it(session: Session, now: datetime) -> None:
    somebody(session, now)
    proposal = propose(session, now)

    planning.cancel_session(session_id=session.pk, reason="Sygdom", by=DESK, now=now)

    fresh(proposal)
    assert proposal.state == "withdrawn"
    assert (told("move_proposed"), told("move_withdrawn"), told("session_cancelled")) == (0, 0, 1)


def test_the_host_may_not_cut_the_classes_short(session: Session, now: datetime) -> None:
    somebody(session, now)
    proposal = propose(session, now)

    with pytest.raises(Refusal) as refusal:
        moving.carry_out_move(proposal_id=proposal.pk, by=host_of(session, now), now=now)

    assert refusal.value.code == "not-yours"


# A course of several dates, and hard cases


def test_each_date_of_a_course_is_proposed_with_its_own_time_and_place(offer: Offer, now: datetime) -> None:
    made = planning.plan_session(offer_id=offer.pk, starts=[hours("2026-10-06"), hours("2026-10-07")], by=DESK, now=now)
    one = somebody(made, now)
    proposal = propose(made, now, starts=[hours("2026-10-20"), hours("2026-10-21")], places=["Porten", "Kantinen"])
    assert list(proposal.meetings.values_list("number", "place")) == [(1, "Porten"), (2, "Kantinen")]

    answers(one, now, stay=True)

    assert [(row.number, row.starts_at, row.place) for row in made.meetings.order_by("number")] == [
        (1, local("2026-10-20T09:00"), "Porten"),
        (2, local("2026-10-21T09:00"), "Kantinen"),
    ]


def test_moved_twice_while_reminders_are_queued_the_teacher_hears_of_the_last_time_only(
    session: Session, now: datetime
) -> None:
    one = somebody(session, now)
    reminders.plan_reminders(now=now)
    for to, moment in (("2026-10-20", now), ("2026-11-03", now + timedelta(hours=1))):
        propose(session, moment, to=to)
        answers(one, moment, stay=True)

    later = now + timedelta(hours=1)
    waits = Message.objects.filter(occasion__in=reminders.OCCASIONS, state="planned")
    assert {row.parameters["starts_at"] for row in waits} == {"2026-11-03T08:00:00+00:00"}
    assert waits.filter(occasion="visit_reminder").count() == 2
    assert reminders.reconcile(now=later) == reminders.Difference(missing=0, needless=0)
    moved = Message.objects.filter(occasion="session_moved")
    assert sorted(moved.values_list("state", flat=True)) == ["queued", "withdrawn"]
    assert "tirsdag 6. oktober 2026" in str(letter("session_moved", later).body)
    fresh(session)
    assert session.sequence == 2


def test_a_move_across_the_clock_change_keeps_the_hour_and_reminds_on_the_right_local_day(
    session: Session, now: datetime
) -> None:
    one = somebody(session, now)
    proposal = propose(session, now, starts=moving.shifted(session, 21))  # to 27 October, after the change on the 25th
    answers(one, now, stay=True)

    fresh(session)
    assert proposal.meetings.get().starts_at == session.starts_at == local("2026-10-27T09:00")
    planned = Message.objects.filter(occasion="visit_reminder", state="planned").order_by("send_at")
    # Ten and three school days before, past the autumn holiday (week 42): both at nine on the wall.
    assert [row.send_at for row in planned] == [local("2026-10-06T09:00"), local("2026-10-22T09:00")]


def test_a_move_into_week_53_is_said_and_planned_on_the_right_days(session: Session, now: datetime) -> None:
    one = somebody(session, now)
    monday = local("2027-01-04T09:00")  # the Monday after 2026's week 53 (28 December to 3 January)
    propose(session, now, starts=[(monday, monday + timedelta(hours=2))])
    with pytest.raises(Refusal) as refusal:
        moving.move_session(session_id=session.pk, starts=[hours("2026-12-29")], agreed=True, by=DESK, now=now)
    assert refusal.value.code == "no-school"
    answers(one, now, stay=True)

    fresh(session)
    assert session.starts_at == monday
    planned = Message.objects.filter(occasion="visit_reminder", state="planned").order_by("send_at")
    assert [row.send_at for row in planned] == [local("2026-12-07T09:00"), local("2026-12-16T09:00")]


def entry(found: EmailMultiAlternatives) -> tuple[str, str, int, str, set[str]]:
    calendar: Any = Calendar.from_ical(found.attachments[0][1])
    event = calendar.walk("VEVENT")[0]
    return str(calendar["method"]), str(event["uid"]), int(event["sequence"]), str(event["status"]), set(event)


def test_calendar_files_keep_their_uid_count_up_cancel_and_ask_for_no_reply(session: Session, now: datetime) -> None:
    stays, leaves = somebody(session, now), somebody(session, now)
    with translation.override("da"):
        first = {
            one.reference_id: entry(mail.render(one, now))
            for one in Message.objects.filter(occasion="enrolment_confirmed")
        }
    propose(session, now)
    answers(stays, now, stay=True)
    answers(leaves, now, stay=False)

    moved, released = entry(letter("session_moved", now)), entry(letter("move_released", now))

    assert first[stays.pk][:4] == ("PUBLISH", f"{stays.pk}-1@localhost", 0, "CONFIRMED")
    assert moved[:4] == ("PUBLISH", f"{stays.pk}-1@localhost", 1, "CONFIRMED")
    assert released[:4] == ("CANCEL", f"{leaves.pk}-1@localhost", 2, "CANCELLED")
    assert {"ORGANIZER", "ATTENDEE"} & (moved[4] | released[4] | first[stays.pk][4]) == set()


def test_a_class_that_a_move_of_several_dates_leaves_behind_gets_each_date_taken_out(
    offer: Offer, now: datetime
) -> None:
    made = planning.plan_session(offer_id=offer.pk, starts=[hours("2026-10-06"), hours("2026-10-07")], by=DESK, now=now)
    one = somebody(made, now)
    propose(made, now, starts=[hours("2026-10-20"), hours("2026-10-21")])
    answers(one, now, stay=False)

    found = letter("move_released", now)

    content = found.attachments[0][1]
    assert [str(event["UID"]) for event in Calendar.from_ical(content).walk("VEVENT")] == [
        f"{one.pk}-1@localhost",
        f"{one.pk}-2@localhost",
    ]
    assert "Kommunen har flyttet besøget hos" in " ".join(str(found.body).split())


# What the mails say


def test_the_teacher_reads_both_times_the_reason_and_what_silence_means(session: Session, now: datetime) -> None:
    somebody(session, now)
    propose(session, now, by=host_of(session, now))

    found = letter("move_proposed", now)

    assert found.subject.startswith("Ny tid foreslået: 7.")
    assert found.subject.endswith(", 6. oktober 2026, Fjordby Smedje")
    body = str(found.body)
    for words in (
        "Fjordby Smedje vil gerne flytte besøget",
        "Ovnen bliver repareret.",
        "tirsdag 6. oktober 2026 kl. 9.00–11.00",
        "tirsdag 20. oktober 2026 kl. 9.00–11.00",
        "tirsdag 15. september 2026 kl. 16.00",
        "/flytning/",
    ):
        assert words in body
    assert found.attachments == []


def test_host_and_coordinators_hear_of_the_proposal_and_of_how_it_ended(session: Session, now: datetime) -> None:
    factories.CoordinatorFactory.create()
    stays, leaves = somebody(session, now), somebody(session, now)
    propose(session, now, by=host_of(session, now))
    assert "2 klasser" in str(letter("host_move_proposed", now).body)
    assert "Fjordby Smedje" in str(letter("coordinator_move_proposed", now).body)

    answers(stays, now, stay=True)
    answers(leaves, now, stay=False)

    assert "1 klasse kan ikke komme" in str(letter("host_session_moved", now).body)
    assert told("coordinator_session_moved") == 1
    assert wanted("host_move_proposed", now) == [False]


def test_a_place_that_is_offered_meanwhile_can_be_taken_and_moves_along(session: Session, now: datetime) -> None:
    first, cancels, waiting = somebody(session, now), somebody(session, now), somebody(session, now)
    propose(session, now)
    enrolling.cancel_enrolment(enrolment_id=cancels.pk, by=teacher_of(cancels), now=now)
    waiting_list.accept_place(enrolment_id=waiting.pk, by=teacher_of(waiting), now=now)

    answers(first, now, stay=True)
    fresh(session)
    assert session.starts_at == local("2026-10-06T09:00")  # the class from the line was never shown the new time
    answers(waiting, now, stay=True)

    fresh(waiting, session)
    assert (waiting.status, session.starts_at) == ("confirmed", local("2026-10-20T09:00"))


def test_a_class_that_a_coordinator_gives_a_place_meanwhile_is_asked_like_the_others(
    session: Session, now: datetime
) -> None:
    first, cancels, waiting = somebody(session, now), somebody(session, now), somebody(session, now, pupils=22)
    proposal = propose(session, now)
    near = local("2026-09-14T09:00")
    planning.change_enrolling(
        session_id=session.pk, opens_at=now, closes_at=near, min_pupils=None, max_pupils=None, by=DESK, now=now
    )
    enrolling.cancel_enrolment(enrolment_id=cancels.pk, by=DESK, now=near)
    waiting_list.give_place(enrolment_id=waiting.pk, by=DESK, now=near)

    answers(first, near, stay=True)

    fresh(session)
    assert proposal.answers.get(enrolment=waiting).answer == "pending"
    assert Message.objects.get(occasion="move_proposed", recipient_id=waiting.teacher_id).state != "withdrawn"
    assert session.starts_at == local("2026-10-06T09:00")


def test_a_class_that_says_yes_to_an_offered_place_after_having_been_asked_is_not_asked_twice(
    session: Session, now: datetime
) -> None:
    _first, cancels, waiting = somebody(session, now), somebody(session, now), somebody(session, now)
    enrolling.cancel_enrolment(enrolment_id=cancels.pk, by=teacher_of(cancels), now=now)
    propose(session, now)

    waiting_list.accept_place(enrolment_id=waiting.pk, by=teacher_of(waiting), now=now)

    assert Message.objects.filter(occasion="move_proposed", recipient_id=waiting.teacher_id).count() == 1


def test_who_takes_an_enrolment_over_is_asked_about_the_move_that_is_proposed(session: Session, now: datetime) -> None:
    one = somebody(session, now)
    propose(session, now)
    colleague = factories.MembershipFactory.create(school=one.school).user

    handover.hand_over(enrolment_id=one.pk, teacher_id=colleague.pk, by=DESK, now=now)

    states = dict(Message.objects.filter(occasion="move_proposed").values_list("recipient_id", "state"))
    assert states == {one.teacher_id: "withdrawn", colleague.pk: "queued"}


@pytest.mark.parametrize("what", ["moved", "called off"])
def test_whoever_was_asked_reads_that_the_proposal_falls_when_it_is_moved_directly_or_a_date_is_called_off(
    offer: Offer, now: datetime, what: str
) -> None:
    dates = [hours(day) for day in ("2026-10-06", "2026-10-20", "2026-10-27")]
    course = planning.plan_session(offer_id=offer.pk, starts=dates, places=28, by=DESK, now=now)
    somebody(course, now)
    moving.propose_move(session_id=course.pk, starts=moving.shifted(course, 28), reason="Messe", by=DESK, now=now)

    if what == "moved":
        moving.move_session(session_id=course.pk, starts=moving.shifted(course, 1), agreed=True, by=DESK, now=now)
    else:
        planning.cancel_meeting(meeting_id=course.meetings.get(number=2).pk, reason="Smeden er syg.", by=DESK, now=now)

    found = letter("session_moved" if what == "moved" else "meeting_cancelled", now)
    assert "Den nye tid, du blev spurgt om før, gælder ikke længere, og ingen skal svare mere." in " ".join(
        str(found.body).split()
    )

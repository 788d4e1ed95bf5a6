"""A school's leader answers for the school: places held, the host asked afterwards, nobody's turn lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from offers.domain import approval, places, rules, waiting_list
from offers.domain import enrolment as enrolling
from offers.messages import enrolment as letters
from offers.models import Enrolment, Offer, Session
from portal import mail
from portal.domain import outbox
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Message, Municipality, User
from schools.domain import approval as demanding
from schools.models import Membership, School
from tests import factories

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def school(municipality: Municipality) -> School:
    """A school that wants its leader to approve, with a leader."""
    made: School = factories.SchoolFactory.create(leader_approves=True)
    factories.MembershipFactory.create(school=made, role=Membership.Role.LEADER, user__name="Lone Leder")
    return made


@pytest.fixture
def session(school: School) -> Session:
    made: Session = factories.SessionFactory.create(places=48)
    return made


def leader_of(school: School) -> User:
    return Membership.objects.get(school=school, role=Membership.Role.LEADER).user


def by_leader(school: School) -> Actor:
    return Actor.of_user(leader_of(school))


def teacher_of(school: School, role: str = "teacher") -> User:
    made: User = factories.MembershipFactory.create(school=school, role=role).user
    return made


def enrol(
    session: Session, school: School, now: datetime, *, person: User | None = None, pupils: int = 24
) -> Enrolment:
    request = rules.EnrolmentRequest(
        school_class=factories.SchoolClassFactory.create(school=school), pupils=pupils, adults=2
    )
    by = Actor.of_user(person or teacher_of(school))
    return enrolling.enrol_class(session_id=session.pk, request=request, by=by, now=now)


def say(enrolment: Enrolment, *, approve: bool, now: datetime, by: Actor | None = None, reason: str = "") -> Enrolment:
    return approval.answer_for_school(
        enrolment_id=enrolment.pk, approve=approve, reason=reason, by=by or by_leader(enrolment.school), now=now
    )


def fresh(enrolment: Enrolment) -> tuple[str, str]:
    row = Enrolment.objects.get(pk=enrolment.pk)
    return row.status, row.leader_answer


def taken(session: Session) -> int:
    return Session.objects.get(pk=session.pk).places_taken


def mails() -> list[tuple[str, str]]:
    return sorted(Message.objects.exclude(state="withdrawn").values_list("occasion", "recipient_kind"))


# --- Whether the leader is asked -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["teacher", "ambassador", "plc", "guidance"])
def test_an_enrolment_by_whoever_does_not_lead_awaits_the_leader_and_holds_its_places(
    session: Session, school: School, now: datetime, role: str
) -> None:
    made = enrol(session, school, now, person=teacher_of(school, role))

    assert fresh(made) == ("pending", "awaited")
    assert (taken(session), made.answer_by) == (24, datetime.fromisoformat("2026-09-15T16:00:00+02:00"))
    assert mails() == [("enrolment_pending", "user"), ("leader_request", "user")]
    assert Message.objects.get(occasion="leader_request").recipient_id == leader_of(school).pk


def test_a_leaders_and_a_coordinators_own_enrolment_and_that_of_another_school_await_nobody(
    session: Session, school: School, now: datetime
) -> None:
    by_the_leader = enrol(session, school, now, person=leader_of(school))
    elsewhere = factories.SchoolFactory.create()
    there = enrol(session, elsewhere, now)
    request = rules.EnrolmentRequest(school_class=factories.SchoolClassFactory.create(school=school), pupils=5)
    third = factories.SessionFactory.create()
    by_town = enrolling.enrol_class(
        session_id=third.pk, request=request, by=Actor.of_user(factories.CoordinatorFactory.create()), now=now
    )

    assert [fresh(one) for one in (by_the_leader, there, by_town)] == [("confirmed", "not_needed")] * 3


@pytest.mark.parametrize("lost", ["ended", "unconfirmed", "account", "nobody"])
def test_a_school_without_a_leader_who_could_answer_asks_nobody(
    session: Session, school: School, now: datetime, lost: str
) -> None:
    leader = Membership.objects.filter(school=school, role="leader")
    if lost == "ended":
        leader.update(ended_on=now.date())
    elif lost == "unconfirmed":
        leader.update(unconfirmed_since=now)
    elif lost == "account":
        User.objects.filter(memberships__in=leader).update(is_active=False)
    else:
        leader.delete()

    assert fresh(enrol(session, school, now)) == ("confirmed", "not_needed")


# --- The answer ----------------------------------------------------------------------------------------------------


def test_a_yes_confirms_and_the_host_is_told_only_then(session: Session, school: School, now: datetime) -> None:
    made = enrol(session, school, now)
    said = say(made, approve=True, now=now + DAY)

    assert fresh(made) == ("confirmed", "approved")
    assert (said.answer_by, taken(session)) == (None, 24)
    assert mails() == [
        ("enrolment_confirmed", "user"),
        ("enrolment_pending", "user"),
        ("host_new_enrolment", "contact"),
    ]
    trail = list(AuditEntry.objects.filter(object_id=str(made.pk)).order_by("id").values_list("action", flat=True))
    assert trail == ["enrolment-pending", "enrolment-approved-by-leader", "enrolment-confirmed"]


def test_with_manual_acceptance_a_yes_passes_the_request_on_to_the_host_with_a_new_deadline(
    session: Session, school: School, now: datetime
) -> None:
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)
    made = enrol(session, school, now)
    by_host = Actor(kind="link", id="1", purpose=Link.Purpose.HOST, reference_id=session.offer.contact_id)
    with pytest.raises(Refusal) as refused:
        enrolling.answer_request(enrolment_id=made.pk, accept=True, by=by_host, now=now)
    assert (refused.value.code, [name for name, _to in mails() if name.startswith("host")]) == ("awaits-leader", [])

    said = say(made, approve=True, now=now + DAY)

    assert fresh(made) == ("pending", "approved")
    assert said.answer_by == datetime.fromisoformat("2026-09-16T16:00:00+02:00")
    assert ("host_request", "contact") in mails()
    again = Message.objects.filter(occasion="enrolment_pending").order_by("created_at").last()
    assert again is not None
    assert mail.render(again, now + DAY).subject.startswith("Godkendt og sendt videre")
    enrolling.answer_request(enrolment_id=made.pk, accept=True, by=by_host, now=now + 2 * DAY)
    assert (fresh(made), taken(session)) == (("confirmed", "approved"), 24)


def test_a_no_needs_a_reason_gives_the_places_back_and_asks_the_next_in_line(
    session: Session, school: School, now: datetime
) -> None:
    made = enrol(session, school, now)
    enrol(session, school, now, person=leader_of(school))
    waiting = enrol(session, factories.SchoolFactory.create(), now)
    with pytest.raises(Refusal) as refused:
        say(made, approve=False, now=now, reason="  ")
    assert (refused.value.code, refused.value.field) == ("reason", "reason")

    say(made, approve=False, now=now, reason=" Der er temauge. ")

    row = Enrolment.objects.get(pk=made.pk)
    assert (row.status, row.leader_answer, row.ended_reason) == ("declined", "declined", "Der er temauge.")
    assert (fresh(waiting)[0], taken(session)) == ("offered", 48)
    told = Message.objects.get(occasion="enrolment_declined")
    body = mail.render(told, now).body
    assert ("Der er temauge." in body, "leder" in body) == (True, True)
    assert not Message.objects.filter(occasion__startswith="host_", reference_id=made.pk).exists()


def test_the_same_answer_again_changes_nothing_and_another_one_is_refused(
    session: Session, school: School, now: datetime
) -> None:
    made = enrol(session, school, now)
    say(made, approve=True, now=now)
    before = AuditEntry.objects.count(), Message.objects.count()
    assert say(made, approve=True, now=now).status == "confirmed"
    with pytest.raises(Refusal) as refused:
        say(made, approve=False, now=now, reason="Alligevel ikke.")

    assert (refused.value.code, AuditEntry.objects.count(), Message.objects.count()) == ("answered", *before)


def test_only_a_leader_of_that_school_answers(session: Session, school: School, now: datetime) -> None:
    made = enrol(session, school, now)
    assert made.teacher is not None
    elsewhere = factories.MembershipFactory.create(role="leader").user
    strangers = [
        Actor.of_user(made.teacher),
        *(Actor.of_user(teacher_of(school, role)) for role in ("teacher", "ambassador", "plc", "guidance")),
        Actor.of_user(elsewhere),
        Actor.of_user(factories.CoordinatorFactory.create()),
        Actor(kind="link", id="1", purpose=Link.Purpose.HOST, reference_id=session.offer.contact_id),
        Actor.job("nightly"),
    ]
    codes = []
    for by in strangers:
        with pytest.raises(Refusal) as refused:
            say(made, approve=True, now=now, by=by)
        codes.append(refused.value.code)
    Membership.objects.filter(school=school, role="leader").update(ended_on=now.date())

    assert (codes, fresh(made)) == (["not-yours"] * 9, ("pending", "awaited"))


def test_what_was_withdrawn_or_has_begun_waits_for_nobody(session: Session, school: School, now: datetime) -> None:
    made = enrol(session, school, now)
    assert made.teacher is not None
    enrolling.cancel_enrolment(enrolment_id=made.pk, by=Actor.of_user(made.teacher), now=now)
    other = enrol(session, school, now)
    codes = []
    for enrolment, moment in ((made, now), (other, session.starts_at)):
        with pytest.raises(Refusal) as refused:
            say(enrolment, approve=True, now=moment)
        codes.append(refused.value.code)

    assert (codes, taken(session)) == (["answered", "begun"], 24)
    # Nobody but the teacher hears of what the host never knew; the leader's mail is taken back.
    assert mails() == [
        ("enrolment_cancelled", "user"),
        ("enrolment_pending", "user"),
        ("leader_request", "user"),
    ]


def test_a_coordinators_yes_counts_for_the_leader_too(session: Session, school: School, now: datetime) -> None:
    made = enrol(session, school, now)
    by = Actor.of_user(factories.CoordinatorFactory.create())
    enrolling.answer_request(enrolment_id=made.pk, accept=True, by=by, now=now)

    assert (fresh(made), taken(session)) == (("confirmed", "not_needed"), 24)
    assert ("leader_request", "user") not in mails()


# --- Time ----------------------------------------------------------------------------------------------------------


def test_a_leader_who_does_not_answer_lets_the_request_expire_and_people_are_told(
    session: Session, school: School, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    made = enrol(session, school, now)
    assert made.answer_by is not None
    assert enrolling.expire_requests(made.answer_by - timedelta(seconds=1)) == 0
    assert enrolling.expire_requests(made.answer_by) == 1

    assert (fresh(made), taken(session)) == (("request_expired", "awaited"), 0)
    bodies = {
        one.occasion: mail.render(one, made.answer_by).body.replace("\n", " ")
        for one in Message.objects.filter(occasion__endswith="request_expired")
    }
    assert sorted(bodies) == ["coordinator_request_expired", "request_expired"]
    assert "Din leder svarede ikke i tide" in bodies["request_expired"]
    with pytest.raises(Refusal) as refused:
        say(made, approve=True, now=made.answer_by)
    assert refused.value.code == "answered"


def test_changing_the_numbers_before_the_answer_checks_the_room_and_tells_the_host_nothing(
    session: Session, school: School, now: datetime
) -> None:
    made = enrol(session, school, now)
    enrol(session, school, now, person=leader_of(school), pupils=20)
    assert made.teacher is not None
    by = Actor.of_user(made.teacher)
    with pytest.raises(Refusal) as refused:
        enrolling.change_numbers(enrolment_id=made.pk, pupils=29, adults=2, by=by, now=now)
    enrolling.change_numbers(enrolment_id=made.pk, pupils=28, adults=2, by=by, now=now)

    assert (refused.value.code, taken(session), fresh(made)) == ("no-room", 48, ("pending", "awaited"))
    assert not Message.objects.filter(occasion="host_changed_enrolment").exists()


# --- The waiting list ----------------------------------------------------------------------------------------------


@pytest.fixture
def in_line(session: Session, school: School, now: datetime) -> Enrolment:
    """A class that stands in line, its leader asked."""
    for _class in range(2):
        enrol(session, school, now, person=leader_of(school))
    return enrol(session, school, now)


def make_room(session: Session, now: datetime) -> None:
    first = session.enrolments.filter(status="confirmed").first()
    assert first is not None
    enrolling.cancel_enrolment(enrolment_id=first.pk, by=Actor.job("test"), now=now)


def test_the_leader_is_asked_already_when_the_class_goes_into_line(in_line: Enrolment, now: datetime) -> None:
    assert fresh(in_line) == ("waitlisted", "awaited")
    asked = Message.objects.get(occasion="leader_request")
    assert letters.OCCASIONS["leader_request"].still_wanted(asked, now)
    assert "venteliste" in mail.render(asked, now).body.replace("\n", " ") or "kø" in mail.render(asked, now).body


def test_a_yes_in_line_keeps_the_turn_and_the_offered_place_is_confirmed_at_once(
    in_line: Enrolment, session: Session, now: datetime
) -> None:
    say(in_line, approve=True, now=now)
    assert fresh(in_line) == ("waitlisted", "approved")
    make_room(session, now)
    assert fresh(in_line) == ("offered", "approved")
    assert in_line.teacher is not None
    waiting_list.accept_place(enrolment_id=in_line.pk, by=Actor.of_user(in_line.teacher), now=now)

    assert (fresh(in_line), taken(session)) == (("confirmed", "approved"), 48)


def test_a_place_that_is_accepted_before_the_leader_answers_is_held_like_any_request(
    in_line: Enrolment, session: Session, now: datetime
) -> None:
    make_room(session, now)
    assert in_line.teacher is not None
    by = Actor.of_user(in_line.teacher)
    held = waiting_list.accept_place(enrolment_id=in_line.pk, by=by, now=now + DAY)

    assert (fresh(in_line), taken(session)) == (("pending", "awaited"), 48)
    assert held.answer_by == datetime.fromisoformat("2026-09-16T16:00:00+02:00")
    assert not Message.objects.filter(occasion="host_new_enrolment", reference_id=in_line.pk).exists()
    assert waiting_list.accept_place(enrolment_id=in_line.pk, by=by, now=now + DAY).status == "pending"
    say(in_line, approve=True, now=now + 2 * DAY)
    assert (fresh(in_line), taken(session)) == (("confirmed", "approved"), 48)


@pytest.mark.parametrize("who", ["leader", "coordinator"])
@pytest.mark.parametrize("acceptance", [Offer.Acceptance.AUTOMATIC, Offer.Acceptance.MANUAL])
def test_a_yes_to_a_place_out_of_the_line_ends_the_classs_other_waits_once_the_leader_says_yes_too(
    in_line: Enrolment, session: Session, now: datetime, who: str, acceptance: str
) -> None:
    Offer.objects.update(acceptance=acceptance)
    assert in_line.teacher is not None
    by = Actor.of_user(in_line.teacher)
    other = factories.SessionFactory.create(offer=session.offer, places=10)
    request = rules.EnrolmentRequest(school_class=in_line.school_class, pupils=10, adults=2)
    factories.EnrolmentFactory.create(session=other, pupils=10, places=10)
    Session.objects.filter(pk=other.pk).update(places_taken=10)
    waits = enrolling.enrol_class(session_id=other.pk, request=request, by=by, now=now)
    make_room(session, now)
    waiting_list.accept_place(enrolment_id=in_line.pk, by=by, now=now)
    assert (fresh(in_line)[0], fresh(waits)[0]) == ("pending", "waitlisted")

    if who == "leader":
        say(in_line, approve=True, now=now + DAY)
    else:
        desk = Actor.of_user(factories.CoordinatorFactory.create())
        enrolling.answer_request(enrolment_id=in_line.pk, accept=True, by=desk, now=now + DAY)

    assert (fresh(in_line)[0], fresh(waits)[0]) == ("confirmed", "cancelled_by_school")
    assert not Message.objects.filter(occasion="host_request", reference_id=in_line.pk).exists()
    told = Message.objects.get(occasion="enrolment_cancelled", reference_id=waits.pk)
    assert "Klassen har fået plads" in mail.render(told, now + DAY).body


def test_a_direct_request_that_the_leader_approves_leaves_the_classs_other_waits_alone(
    session: Session, school: School, now: datetime
) -> None:
    made = enrol(session, school, now)
    assert made.teacher is not None
    other = factories.SessionFactory.create(offer=session.offer, places=24)
    factories.EnrolmentFactory.create(session=other, pupils=24, places=24)
    Session.objects.filter(pk=other.pk).update(places_taken=24)
    request = rules.EnrolmentRequest(school_class=made.school_class, pupils=24, adults=2)
    by = Actor.of_user(made.teacher)
    waits = enrolling.enrol_class(session_id=other.pk, request=request, by=by, now=now)

    say(made, approve=True, now=now + DAY)

    assert (fresh(made)[0], fresh(waits)[0]) == ("confirmed", "waitlisted")


def test_a_no_in_line_leaves_the_line(in_line: Enrolment, session: Session, now: datetime) -> None:
    say(in_line, approve=False, now=now, reason="Nej.")
    make_room(session, now)

    assert (fresh(in_line), taken(session)) == (("declined", "declined"), 24)


def test_a_no_to_an_offered_place_gives_it_to_the_next(in_line: Enrolment, session: Session, now: datetime) -> None:
    behind = enrol(session, factories.SchoolFactory.create(), now)
    make_room(session, now)
    say(in_line, approve=False, now=now, reason="Nej.")

    assert (fresh(in_line)[0], fresh(behind)[0], taken(session)) == ("declined", "offered", 48)


def test_a_coordinator_who_gives_the_place_answers_for_the_leader(
    in_line: Enrolment, session: Session, now: datetime
) -> None:
    late = session.closes_at - timedelta(hours=1)
    make_room(session, late)
    waiting_list.give_place(enrolment_id=in_line.pk, by=Actor.of_user(factories.CoordinatorFactory.create()), now=late)

    assert fresh(in_line) == ("confirmed", "not_needed")


# --- The last word -------------------------------------------------------------------------------------------------


def test_the_database_confirms_nothing_that_the_leader_has_not_approved(
    session: Session, school: School, now: datetime
) -> None:
    made = enrol(session, school, now)
    for facts in ({"status": "confirmed"}, {"status": "completed"}, {"status": "no_show"}):
        name = "enrolment_is_not_confirmed_against_the_leader"
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Enrolment.objects.filter(pk=made.pk).update(**facts)
    with pytest.raises(IntegrityError, match="enrolment_declined_by_the_leader_has_ended"), transaction.atomic():
        Enrolment.objects.filter(pk=made.pk).update(leader_answer="declined")


def test_a_step_that_forgets_the_leader_is_stopped(session: Session, school: School, now: datetime) -> None:
    made = enrol(session, school, now)
    with pytest.raises(IntegrityError, match="against_the_leader"), transaction.atomic():
        places.confirm(places.locked_enrolment(made.pk), by=Actor.job("test"), now=now)


@pytest.mark.django_db(transaction=True)
def test_yes_no_expiry_and_cancelling_at_once_end_in_one_of_them_and_the_places_agree(
    committing: None, session: Session, school: School, now: datetime
) -> None:
    made = enrol(session, school, now)
    assert made.teacher is not None
    assert made.answer_by is not None
    later = made.answer_by
    tries: list[Any] = [
        lambda: say(made, approve=True, now=later),
        lambda: say(made, approve=False, now=later, reason="Nej."),
        lambda: enrolling.expire_requests(later),
        lambda: enrolling.cancel_enrolment(enrolment_id=made.pk, by=Actor.of_user(made.teacher), now=later),
    ]

    def attempt(what: Any) -> None:
        try:
            what()
        except Refusal:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=4) as crowd:
        list(crowd.map(attempt, tries))
    row = Enrolment.objects.get(pk=made.pk)
    # Without the session's lock two of them may both go through: the places were given back twice then.
    assert taken(session) == (24 if row.status == "confirmed" else 0)
    assert row.status in {"confirmed", "declined", "request_expired", "cancelled_by_school"}


# --- The switch ----------------------------------------------------------------------------------------------------


def test_a_leader_or_a_coordinator_switches_it_and_what_waits_goes_on_waiting(
    session: Session, school: School, now: datetime
) -> None:
    made = enrol(session, school, now)
    demanding.demand_approval(school_id=school.pk, demanded=False, by=by_leader(school), now=now)
    demanding.demand_approval(school_id=school.pk, demanded=False, by=by_leader(school), now=now)

    assert fresh(made) == ("pending", "awaited")
    assert fresh(enrol(session, school, now))[0] == "confirmed"
    coordinator = Actor.of_user(factories.CoordinatorFactory.create())
    demanding.demand_approval(school_id=school.pk, demanded=True, by=coordinator, now=now)
    actions = AuditEntry.objects.filter(object_type="schools.school").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["school-approval-dropped", "school-approval-demanded"]


@pytest.mark.parametrize("role", ["teacher", "ambassador", "plc", "guidance"])
def test_nobody_else_switches_it(school: School, now: datetime, role: str) -> None:
    with pytest.raises(Refusal) as refused:
        demanding.demand_approval(
            school_id=school.pk, demanded=False, by=Actor.of_user(teacher_of(school, role)), now=now
        )
    assert (refused.value.code, School.objects.get().leader_approves) == ("not-yours", True)


def test_the_leaders_mail_is_wanted_only_while_the_answer_is(session: Session, school: School, now: datetime) -> None:
    made = enrol(session, school, now)
    asked = Message.objects.get(occasion="leader_request")
    wanted = outbox.occasions()["leader_request"].still_wanted
    assert wanted(asked, now)
    assert f"/skolen/svar/{made.pk}/" in mail.render(asked, now).body
    assert not wanted(asked, session.starts_at)
    Membership.objects.filter(school=school, role="leader").update(ended_on=now.date())
    assert not wanted(asked, now)

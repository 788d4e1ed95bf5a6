"""Enrolling a class: what is answered, what is refused, and who is told."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from offers.domain import enrolment as enrolling
from offers.domain.enrolment import answer_request, cancel_enrolment, change_numbers, enrol_class
from offers.domain.rules import EnrolmentRequest
from offers.models import Enrolment, Offer, Session
from portal.domain import links
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Message
from schools.models import Membership, SchoolClass
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]
DESK = Actor.job("test")


@pytest.fixture
def role() -> Membership:
    made: Membership = factories.MembershipFactory.create()
    return made


@pytest.fixture
def school_class(role: Membership) -> SchoolClass:
    made: SchoolClass = factories.SchoolClassFactory.create(school=role.school, letter="A", pupils=24)
    return made


@pytest.fixture
def session() -> Session:
    made: Session = factories.SessionFactory.create()
    return made


def enrol(session: Session, role: Membership, school_class: SchoolClass, now: datetime, **more: Any) -> Enrolment:
    request = EnrolmentRequest(school_class=school_class, **{"adults": 2, **more})
    return enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


def somebody(session: Session, now: datetime, pupils: int = 24) -> Enrolment:
    role = factories.MembershipFactory.create()
    return enrol(session, role, factories.SchoolClassFactory.create(school=role.school, pupils=pupils), now)


def host_of(session: Session, now: datetime) -> Actor:
    contact = session.offer.contact
    assert contact is not None
    return Actor.of_link(links.ensure(purpose=Link.Purpose.HOST, reference_id=contact.pk, now=now))


def told() -> list[tuple[str, str]]:
    """Return who has been promised which mail."""
    waiting = Message.objects.filter(state=Message.State.QUEUED)
    return sorted(waiting.values_list("occasion", "recipient_kind"))


def refused(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime, **more: Any
) -> tuple[str, str]:
    with pytest.raises(Refusal) as refusal:
        enrol(session, role, school_class, now, **more)
    assert Enrolment.objects.filter(school_class=school_class).count() == 0
    return refusal.value.code, refusal.value.field or ""


def test_a_class_gets_its_places_and_host_and_teacher_are_told(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    one = enrol(session, role, school_class, now)

    session.refresh_from_db()
    assert (one.status, one.pupils, one.places, one.grade, one.school) == ("confirmed", 24, 24, 7, role.school)
    assert (one.teacher, session.places_taken) == (role.user, 24)
    assert told() == [("enrolment_confirmed", "user"), ("host_new_enrolment", "contact")]
    assert AuditEntry.objects.get(action="enrolment-confirmed").facts == {
        "pupils": 24,
        "places": 24,
        "left": 28,
    }


def test_enrolling_takes_nine_queries(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    by, loaded = Actor.of_user(role.user), SchoolClass.objects.select_related("school")  # as the form has it
    request = EnrolmentRequest(school_class=loaded.get(pk=school_class.pk), adults=2)
    enrol_class(session_id=factories.SessionFactory.create(offer=session.offer).pk, request=request, by=by, now=now)
    request = EnrolmentRequest(school_class=loaded.get(pk=school_class.pk), adults=2)

    with CaptureQueriesContext(
        connection,
    ) as captured:
        enrol_class(session_id=session.pk, request=request, by=by, now=now)

    own = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    # role and teacher, session (locked), course and places behind the lock, earlier answer, line, insert, take, audit,
    # both mails
    assert len(own) == 9


def test_the_grade_is_that_of_the_day_of_the_visit(role: Membership, now: datetime) -> None:
    offer = factories.OfferFactory.create(grade_from=8, grade_to=9)
    start = datetime.fromisoformat("2027-08-24T09:00:00+02:00")
    session = factories.SessionFactory.create(offer=offer, starts_at=start, opens_at=now)
    seventh = factories.SchoolClassFactory.create(school=role.school, start_year=2019)
    assert enrol(session, role, seventh, now).grade == 8


def test_a_group_is_counted_at_the_grade_nearest_to_the_course(
    role: Membership, session: Session, now: datetime
) -> None:
    group = factories.SchoolClassFactory.create(
        school=role.school, start_year=None, letter="", name="Specialhold", grade_from=4, grade_to=8
    )
    assert enrol(session, role, group, now).grade == 7


def test_who_asks_again_gets_the_first_answer(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    token = uuid4()
    first = enrol(session, role, school_class, now, form_token=token)
    again = enrol(session, role, school_class, now, form_token=token)
    other_tab = enrol(session, role, school_class, now)
    assert (again.pk, other_tab.pk, Enrolment.objects.count()) == (first.pk, first.pk, 1)
    session.refresh_from_db()
    assert session.places_taken == 24


def test_a_class_may_come_back_after_it_was_cancelled(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    first = enrol(session, role, school_class, now)
    cancel_enrolment(enrolment_id=first.pk, by=Actor.of_user(role.user), now=now)
    assert enrol(session, role, school_class, now).pk != first.pk


def test_a_full_session_puts_the_class_in_line(session: Session, now: datetime) -> None:
    somebody(session, now)
    waiting = somebody(session, now)
    assert (waiting.status, waiting.waiting_since) == ("waitlisted", now)
    session.refresh_from_db()
    assert session.places_taken == 24


def test_who_would_fit_still_stands_behind_those_who_wait(session: Session, now: datetime) -> None:
    somebody(session, now)
    somebody(session, now)
    assert somebody(session, now, pupils=4).status == "waitlisted"


def test_a_request_holds_its_places_for_five_school_days(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    coordinator = factories.CoordinatorFactory.create()
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)
    one = enrol(session, role, school_class, now)
    session.refresh_from_db()
    assert (one.status, session.places_taken) == ("pending", 24)
    assert one.answer_by == datetime.fromisoformat("2026-09-15T16:00:00+02:00")
    assert told() == [("coordinator_request", "user"), ("enrolment_pending", "user"), ("host_request", "contact")]
    assert Message.objects.get(occasion="coordinator_request").address == coordinator.email


@pytest.mark.parametrize("accept", [True, False])
def test_the_host_answers_a_request_once(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime, *, accept: bool
) -> None:
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)
    one = enrol(session, role, school_class, now)
    host = host_of(session, now)
    for _twice in range(2):
        answered = answer_request(enrolment_id=one.pk, accept=accept, reason="Vi har travlt.", by=host, now=now)
    session.refresh_from_db()
    expected = ("confirmed", 24) if accept else ("declined", 0)
    assert (answered.status, session.places_taken) == expected
    with pytest.raises(Refusal) as refusal:
        answer_request(enrolment_id=one.pk, accept=not accept, reason="Alligevel", by=host, now=now)
    assert refusal.value.code == "answered"


def test_a_no_says_why(session: Session, role: Membership, school_class: SchoolClass, now: datetime) -> None:
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)
    one = enrol(session, role, school_class, now)
    with pytest.raises(Refusal) as refusal:
        answer_request(enrolment_id=one.pk, accept=False, by=DESK, now=now)
    assert (refusal.value.code, refusal.value.field) == ("reason", "reason")


def test_only_the_own_host_and_coordinators_answer(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)
    one = enrol(session, role, school_class, now)
    for stranger in (Actor.of_user(role.user), host_of(factories.SessionFactory.create(), now)):
        with pytest.raises(Refusal) as refusal:
            answer_request(enrolment_id=one.pk, accept=True, by=stranger, now=now)
        assert refusal.value.code == "not-yours"


def test_a_request_nobody_answers_expires_and_the_next_is_asked(session: Session, now: datetime) -> None:
    factories.CoordinatorFactory.create()
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)
    one = somebody(session, now)
    waiting = somebody(session, now)
    assert one.answer_by is not None
    assert enrolling.expire_requests(one.answer_by - timedelta(minutes=1)) == 0

    assert [enrolling.expire_requests(one.answer_by) for _twice in range(2)] == [1, 0]

    one.refresh_from_db()
    waiting.refresh_from_db()
    assert (one.status, waiting.status) == ("request_expired", "offered")
    assert {"request_expired", "coordinator_request_expired", "place_offered"} <= {name for name, _kind in told()}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"state": "cancelled", "cancel_reason": "Sygdom"}, "cancelled"),
        ({"state": "planned"}, "not-open"),
        ({"state": "held"}, "begun"),
        ({"opens_at": "2026-09-10T10:00:00+02:00"}, "not-open"),
        ({"opens_at": "2026-08-01T10:00:00+02:00", "closes_at": "2026-09-08T10:00:00+02:00"}, "closed"),
        ({"offer": {"state": "paused", "pause_reason": "Ferie"}}, "paused"),
        ({"offer": {"state": "archived"}}, "not-published"),
        ({"offer": {"has_waiting_list": False}, "places_taken": 10}, "full"),
    ],
)
def test_a_session_that_is_not_open_says_which_rule_stands_against_it(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime, change: dict[str, Any], code: str
) -> None:
    Offer.objects.update(**change.pop("offer", {"version": 1}))
    Session.objects.update(**change or {"sequence": 0})
    assert refused(session, role, school_class, now)[0] == code


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"pupils": 29}, ("too-many", "pupils")),
        ({"pupils": 9}, ("too-few", "pupils")),
        ({"pupils": 0}, ("pupils", "pupils")),
        ({"pupils": 40_000}, ("pupils", "pupils")),
        ({"adults": 0}, ("adults", "adults")),
    ],
)
def test_numbers_that_cannot_be_are_refused_with_the_rule(
    session: Session,
    role: Membership,
    school_class: SchoolClass,
    now: datetime,
    asked: dict[str, int],
    expected: tuple[str, str],
) -> None:
    Offer.objects.update(min_pupils=10)
    assert refused(session, role, school_class, now, **asked) == expected


def test_a_full_session_without_a_line_names_the_dates_with_room(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    Offer.objects.update(has_waiting_list=False)
    Session.objects.update(places_taken=10)
    start = datetime.fromisoformat("2026-11-03T09:00:00+01:00")
    factories.SessionFactory.create(offer=session.offer, starts_at=start)
    factories.SessionFactory.create(offer=session.offer, starts_at=start + timedelta(days=1), places_taken=20)
    with translation.override("en"), pytest.raises(Refusal) as refusal:
        enrol(session, role, school_class, now)
    assert str(refusal.value) == (
        "18 places are left, you need 24, and the session has no waiting list."
        " There is room on: Tuesday 3 November 2026 at 9.00."
    )


def test_a_class_outside_the_grades_may_come_when_that_has_been_agreed(
    session: Session, role: Membership, now: datetime
) -> None:
    young = factories.SchoolClassFactory.create(school=role.school, start_year=2022)
    assert refused(session, role, young, now) == ("grade", "even_if_grade")
    assert enrol(session, role, young, now, even_if_grade=True).grade == 4


def test_a_class_that_has_left_cannot_be_enrolled(session: Session, role: Membership, now: datetime) -> None:
    for gone in (
        factories.SchoolClassFactory.create(school=role.school, start_year=2010),
        factories.SchoolClassFactory.create(school=role.school, is_active=False),
    ):
        assert refused(session, role, gone, now, even_if_grade=True) == ("class-gone", "school_class")


def test_nobody_enrols_a_class_of_another_school_but_a_coordinator(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    stranger = factories.MembershipFactory.create()
    assert refused(session, stranger, school_class, now) == ("not-your-school", "school_class")
    former = factories.MembershipFactory.create(school=role.school, ended_on=now.date())
    assert refused(session, former, school_class, now) == ("not-your-school", "school_class")
    colleague = factories.MembershipFactory.create(school=role.school)
    assert enrol(session, role, school_class, now, teacher=colleague.user).teacher == colleague.user
    other = factories.SchoolClassFactory.create(school=role.school, pupils=4)
    request = EnrolmentRequest(school_class=other, adults=1, teacher=role.user)
    assert enrol_class(session_id=session.pk, request=request, by=DESK, now=now).teacher == role.user


def test_cancelling_gives_back_the_places_and_tells_everybody_once(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    one = enrol(session, role, school_class, now)
    for _twice in range(2):
        cancelled = cancel_enrolment(enrolment_id=one.pk, by=Actor.of_user(role.user), now=now)
    session.refresh_from_db()
    assert (cancelled.status, session.places_taken) == ("cancelled_by_school", 0)
    assert told() == [
        ("coordinator_cancelled", "user"),
        ("enrolment_cancelled", "user"),
        ("host_cancelled_enrolment", "contact"),
    ]


def test_one_can_cancel_what_has_closed_but_not_what_has_begun(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    one = enrol(session, role, school_class, now)
    by = Actor.of_user(role.user)
    with pytest.raises(Refusal) as refusal:
        cancel_enrolment(enrolment_id=one.pk, by=by, now=session.starts_at)
    assert refusal.value.code == "begun"
    late = session.closes_at + timedelta(hours=1)
    assert cancel_enrolment(enrolment_id=one.pk, by=by, now=late).status == "cancelled_by_school"


def test_strangers_neither_cancel_nor_change(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    one = enrol(session, role, school_class, now)
    colleague = factories.MembershipFactory.create(school=role.school)
    elsewhere = factories.MembershipFactory.create(role=Membership.Role.LEADER)
    for stranger in (Actor.of_user(colleague.user), Actor.of_user(elsewhere.user), host_of(session, now)):
        with pytest.raises(Refusal) as refusal:
            cancel_enrolment(enrolment_id=one.pk, by=stranger, now=now)
        assert refusal.value.code == "not-yours"
        with pytest.raises(Refusal) as refusal:
            change_numbers(enrolment_id=one.pk, pupils=1, adults=1, by=stranger, now=now)
        assert refusal.value.code == "not-yours"
    leader = factories.MembershipFactory.create(school=role.school, role=Membership.Role.LEADER)
    assert cancel_enrolment(enrolment_id=one.pk, by=Actor.of_user(leader.user), now=now).status == "cancelled_by_school"


def test_more_pupils_must_fit_and_the_refusal_names_the_free_places(session: Session, now: datetime) -> None:
    Session.objects.update(places=49)
    one = somebody(session, now, pupils=22)
    somebody(session, now, pupils=24)
    with pytest.raises(Refusal) as refusal:
        change_numbers(enrolment_id=one.pk, pupils=27, adults=2, by=DESK, now=now)
    assert (refusal.value.code, refusal.value.field) == ("no-room", "pupils")
    assert [number in str(refusal.value) for number in ("3", "5", "22")] == [True, True, True]
    assert change_numbers(enrolment_id=one.pk, pupils=25, adults=2, by=DESK, now=now).places == 25
    session.refresh_from_db()
    assert session.places_taken == 49


def test_fewer_pupils_make_room_for_those_in_line(session: Session, now: datetime) -> None:
    one = somebody(session, now, pupils=24)
    waiting = somebody(session, now, pupils=10)
    change_numbers(enrolment_id=one.pk, pupils=18, adults=2, by=DESK, now=now)
    waiting.refresh_from_db()
    session.refresh_from_db()
    assert (waiting.status, session.places_taken) == ("offered", 28)


def test_numbers_stand_still_once_enrolment_has_closed(session: Session, now: datetime) -> None:
    one = somebody(session, now)
    with pytest.raises(Refusal) as refusal:
        change_numbers(enrolment_id=one.pk, pupils=20, adults=2, by=DESK, now=session.closes_at)
    assert refusal.value.code == "closed"

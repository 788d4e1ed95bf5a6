"""Many want the same places at once: real threads, real connections, real commits."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from threading import Barrier
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from offers.domain import enrolment as enrolling
from offers.domain import moving, places, publishing, rules, waiting_list
from offers.domain.planning import cancel_session, change_places
from offers.models import Enrolment, Offer, Session
from offers.models.session import SessionQuerySet
from portal.domain.actor import Actor
from portal.domain.compiled import CompiledQuery
from portal.domain.constraints import name_of
from portal.domain.refusal import Refusal
from portal.models import Message
from schools.models import Membership, SchoolClass
from tests import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing")]
Status = Enrolment.Status
Work = Callable[[], Any]


@pytest.fixture(autouse=True)
def _municipality(transactional_db: None) -> None:
    factories.MunicipalityFactory.create()


def at_once(*works: Work) -> list[Any]:
    """Start all works at the same moment, each on a connection of its own; return what they return or raise."""
    start = Barrier(len(works))

    def run(work: Work) -> Any:
        try:
            start.wait(timeout=20)
            return work()
        except (Refusal, IntegrityError) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(works)) as people:
        return list(people.map(run, works))


def enrolling_somebody(session: Session, now: datetime, pupils: int = 24) -> Work:
    """Return the work of enrolling a class of its own school by its own teacher."""
    role = factories.MembershipFactory.create()
    one = factories.SchoolClassFactory.create(school=role.school, pupils=pupils)
    return enrolling_class(session, role, one, now)


def enrolling_class(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime, token: Any = None
) -> Work:
    request = rules.EnrolmentRequest(school_class=school_class, adults=2, form_token=token or uuid4())
    by = Actor.of_user(role.user)
    return lambda: enrolling.enrol_class(session_id=session.pk, request=request, by=by, now=now)


def counted(session: Session) -> tuple[int, int]:
    """Return the session's counter, and the places its enrolments hold."""
    held = session.enrolments.holding().aggregate(sum=Sum("places"))["sum"] or 0
    return Session.objects.get(pk=session.pk).places_taken, held


def test_four_classes_racing_for_the_last_places_never_overbook(now: datetime) -> None:
    session = factories.SessionFactory.create(places=28)

    outcome = at_once(*(enrolling_somebody(session, now) for _ in range(4)))

    assert sorted(one.status for one in outcome) == ["confirmed", "waitlisted", "waitlisted", "waitlisted"]
    assert counted(session) == (24, 24)
    line = session.enrolments.waitlisted()
    assert [waiting_list.position(one) for one in line] == [1, 2, 3]
    assert len(set(line.values_list("waiting_since", flat=True))) == 3


def test_twenty_teachers_after_the_last_place_make_one_happy(now: datetime) -> None:
    offer = factories.OfferFactory.create(places_counted="classes")
    session = factories.SessionFactory.create(offer=offer, places=1)

    outcome = at_once(*(enrolling_somebody(session, now) for _ in range(20)))

    assert sorted(one.status for one in outcome) == ["confirmed"] + ["waitlisted"] * 19
    assert counted(session) == (1, 1)
    assert Message.objects.filter(occasion="enrolment_confirmed").count() == 1


def test_without_the_lock_the_constraint_still_keeps_the_places(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: the lock gives courtesy, the constraint safety.

    Without the row lock everybody finds the places free. Whoever comes second is stopped by
    ``session_is_never_overbooked`` instead of being put in line.
    """
    session = factories.SessionFactory.create(places=28)
    works = [enrolling_somebody(session, now) for _ in range(2)]
    looked = Barrier(2)
    decide = rules.refusal_for

    def decide_together(*args: Any, **more: Any) -> Refusal | None:
        refusal = decide(*args, **more)
        looked.wait(timeout=20)
        return refusal

    monkeypatch.setattr(SessionQuerySet, "locked", lambda self: self)
    for name in ("_locked_again", "_locked_whole"):  # written anew, without the lock
        asked: CompiledQuery[Session] = getattr(places, name)
        monkeypatch.setattr(places, name, CompiledQuery[Session](asked.build, *asked.names))
    monkeypatch.setattr(rules, "refusal_for", decide_together)

    outcome = at_once(*works)

    assert sorted(getattr(one, "status", "") or name_of(one) for one in outcome) == [
        "confirmed",
        "session_is_never_overbooked",
    ]
    assert counted(session) == (24, 24)


@pytest.mark.parametrize("same_form", [True, False], ids=["double click", "two tabs"])
def test_the_same_class_sent_at_once_is_enrolled_once(now: datetime, *, same_form: bool) -> None:
    session = factories.SessionFactory.create(places=60)
    role = factories.MembershipFactory.create()
    one = factories.SchoolClassFactory.create(school=role.school)
    tokens = [uuid4()] * 4 if same_form else [uuid4() for _ in range(4)]

    outcome = at_once(*(enrolling_class(session, role, one, now, token) for token in tokens))

    assert len({found.pk for found in outcome}) == 1
    assert (Enrolment.objects.count(), counted(session)) == (1, (24, 24))
    assert Message.objects.filter(occasion="enrolment_confirmed").count() == 1


def test_cancelling_while_others_enrol_leaves_no_place_unsold_and_none_sold_twice(now: datetime) -> None:
    session = factories.SessionFactory.create(places=28)
    first = enrolling_somebody(session, now)()
    second = enrolling_somebody(session, now)()
    by = Actor.job("test")

    at_once(
        lambda: enrolling.cancel_enrolment(enrolment_id=first.pk, by=by, now=now),
        lambda: enrolling.cancel_enrolment(enrolment_id=first.pk, by=by, now=now),
        *(enrolling_somebody(session, now) for _ in range(3)),
    )

    second.refresh_from_db()
    assert second.status == Status.OFFERED
    assert counted(session) == (24, 24)
    assert session.enrolments.waitlisted().count() == 3
    assert Message.objects.filter(occasion="place_offered").count() == 1


def test_accepting_and_expiring_at_once_has_one_winner(now: datetime) -> None:
    session = factories.SessionFactory.create(places=28)
    first = enrolling_somebody(session, now)()
    second = enrolling_somebody(session, now)()
    third = enrolling_somebody(session, now)()
    by = Actor.job("test")
    enrolling.cancel_enrolment(enrolment_id=first.pk, by=by, now=now)
    second.refresh_from_db()

    at_once(
        lambda: waiting_list.accept_place(enrolment_id=second.pk, by=by, now=now),
        lambda: waiting_list.decline_place(enrolment_id=second.pk, by=by, now=now),
        lambda: waiting_list.expire_offered(second.answer_by),
        lambda: waiting_list.expire_offered(second.answer_by),
    )

    second.refresh_from_db()
    third.refresh_from_db()
    ends = {Status.CONFIRMED: Status.WAITLISTED}
    assert third.status == ends.get(Status(second.status), Status.OFFERED)
    assert counted(session) == (24, 24)


def test_lowering_the_places_while_a_class_enrols_never_goes_below_what_is_taken(now: datetime) -> None:
    session = factories.SessionFactory.create(places=28)
    by = Actor.job("test")

    at_once(
        enrolling_somebody(session, now),
        lambda: change_places(session_id=session.pk, places=20, by=by, now=now),
    )

    session.refresh_from_db()
    one = Enrolment.objects.filter(session=session).first()
    found = (session.places, session.places_taken, one.status if one else "refused")
    assert found in [(28, 24, "confirmed"), (20, 0, "refused")]


def test_calling_off_while_classes_enrol_leaves_nobody_behind(now: datetime) -> None:
    session = factories.SessionFactory.create(places=60)
    by = Actor.job("test")

    at_once(
        *(enrolling_somebody(session, now) for _ in range(3)),
        lambda: cancel_session(session_id=session.pk, reason="Branden i værkstedet.", by=by, now=now),
    )

    assert counted(session) == (0, 0)
    assert Enrolment.objects.active().count() == 0


def moved_by_consent(session: Session, now: datetime) -> tuple[list[Enrolment], Any]:
    """Two enrolled classes that are asked about a move of three weeks, and the proposal."""
    enrolled = [enrolling_somebody(session, now, 20)() for _ in range(2)]
    proposal = moving.propose_move(
        session_id=session.pk, starts=moving.shifted(session, 21), reason="Ombygning", by=Actor.job("test"), now=now
    )
    return enrolled, proposal


def answering(enrolment: Enrolment, now: datetime, *, stay: bool) -> Work:
    assert enrolment.teacher is not None
    by = Actor.of_user(enrolment.teacher)
    return lambda: moving.answer_move(enrolment_id=enrolment.pk, stay=stay, by=by, now=now)


def test_a_move_is_carried_out_once_while_a_class_answers_another_enrols_and_the_job_rings_twice(
    now: datetime,
) -> None:
    for _round in range(2):
        session = factories.SessionFactory.create(places=60)
        (first, second), proposal = moved_by_consent(session, now)
        starts = session.starts_at

        at_once(
            answering(first, now, stay=True),
            answering(second, now, stay=False),
            enrolling_somebody(session, now, 20),
            partial(moving.carry_out_due, proposal.answer_by),
            partial(moving.carry_out_due, proposal.answer_by),
        )

        moving.carry_out_due(proposal.answer_by)
        session.refresh_from_db()
        proposal.refresh_from_db()
        second.refresh_from_db()
        assert (proposal.state, session.sequence) == ("carried_out", 1)
        assert (session.starts_at - starts).days == 21
        taken, held = counted(session)
        # Whoever was last said it: a class that answered after the move had been carried out stays as silence meant.
        left = second.move_answers.get().answer == "leave"
        assert (taken, second.status) == (held, "cancelled_by_host" if left else "confirmed")
        assert session.enrolments.filter(status=Status.CONFIRMED).count() == (2 if left else 3)
        told = Message.objects.filter(occasion="session_moved", reference_id__in=[first.pk, second.pk])
        assert told.count() == (1 if left else 2)


def test_two_last_answers_at_once_move_the_session_exactly_once(now: datetime) -> None:
    session = factories.SessionFactory.create(places=60)
    (first, second), proposal = moved_by_consent(session, now)

    outcome = at_once(answering(first, now, stay=True), answering(second, now, stay=True))

    session.refresh_from_db()
    proposal.refresh_from_db()
    assert [type(one).__name__ for one in outcome] == ["MoveProposal", "MoveProposal"]
    assert (proposal.state, session.sequence, counted(session)) == ("carried_out", 1, (40, 40))
    # Without the row lock both see the other's answer missing, and the session stays where it is until the job rings.


def test_a_move_and_a_cancellation_at_once_leave_one_truth(now: datetime) -> None:
    session = factories.SessionFactory.create(places=60)
    (first, second), proposal = moved_by_consent(session, now)
    answering(first, now, stay=True)()

    at_once(
        answering(second, now, stay=True),
        lambda: cancel_session(session_id=session.pk, reason="Sygdom", by=Actor.job("test"), now=now),
    )

    session.refresh_from_db()
    proposal.refresh_from_db()
    assert (session.state, counted(session)) == ("cancelled", (0, 0))
    assert proposal.state in {"carried_out", "withdrawn"}
    assert set(session.enrolments.values_list("status", flat=True)) == {"cancelled_by_municipality"}


def while_somebody_waits_for(session: Session, work: Work, *, change: Work) -> Any:
    """Hold the session's row, let the work wait for it, make the change, let go; return what became of the work."""
    with ThreadPoolExecutor(max_workers=1) as people:
        with transaction.atomic():
            Session.objects.locked().get(pk=session.pk)
            answer = people.submit(at_once, work)
            until = monotonic() + 20
            while not waiting_for_a_row():
                assert monotonic() < until, "nobody waits"
                sleep(0.01)
            change()
        return answer.result(timeout=20)[0]


def waiting_for_a_row() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE NOT l.granted AND a.datname = current_database()"
        )
        return cursor.fetchone() is not None


def test_who_waited_behind_a_move_is_enrolled_at_the_new_place(now: datetime) -> None:
    session = factories.SessionFactory.create()
    session.meetings.update(place="Smedjen")

    def move() -> None:
        session.meetings.update(place="Det nye værksted")
        Session.objects.filter(pk=session.pk).update(sequence=1)

    made = while_somebody_waits_for(session, enrolling_somebody(session, now), change=move)

    assert (made.status, made.place_then) == ("confirmed", "Det nye værksted")


def test_who_waited_behind_the_course_being_archived_is_not_enrolled(now: datetime) -> None:
    session = factories.SessionFactory.create()

    def archive() -> None:
        Offer.objects.filter(pk=session.offer_id).update(state=Offer.State.ARCHIVED)

    refused = while_somebody_waits_for(session, enrolling_somebody(session, now), change=archive)

    assert (refused.code, Enrolment.objects.count()) == ("not-published", 0)


def test_a_course_is_archived_or_a_class_is_enrolled_in_it_but_never_both(now: datetime) -> None:
    for _round in range(5):
        session = factories.SessionFactory.create()

        at_once(
            enrolling_somebody(session, now),
            partial(publishing.archive, offer_id=session.offer_id, by=Actor.job("test"), now=now),
        )

        archived = Offer.objects.get(pk=session.offer_id).state == Offer.State.ARCHIVED
        assert archived != session.enrolments.active().exists()

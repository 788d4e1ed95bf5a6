"""The waiting list: the order is kept, deadlines bind, and the places always add up."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from offers.domain import enrolment as enrolling
from offers.domain import rules, waiting_list
from offers.domain.planning import change_places
from offers.models import Enrolment, Session
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import Message
from tests import factories
from tests.conftest import TODAY

DESK = Actor.job("test")
Status = Enrolment.Status


def somebody(session: Session, now: datetime, pupils: int = 24) -> Enrolment:
    role = factories.MembershipFactory.create()
    one = factories.SchoolClassFactory.create(school=role.school, pupils=pupils)
    request = rules.EnrolmentRequest(school_class=one, adults=2)
    return enrolling.enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


def teacher_of(enrolment: Enrolment) -> Actor:
    assert enrolment.teacher is not None
    return Actor.of_user(enrolment.teacher)


@pytest.fixture
def three(municipality: Any, now: datetime) -> list[Enrolment]:
    """One class that left, one that was offered its places, and one behind it."""
    session = factories.SessionFactory.create(places=28)
    ones = [somebody(session, now) for _ in range(3)]
    enrolling.cancel_enrolment(enrolment_id=ones[0].pk, by=DESK, now=now)
    rows = Enrolment.objects.select_related("teacher")
    return [rows.get(pk=ones[index].pk) for index in (1, 2, 0)]


@pytest.mark.django_db
def test_a_place_is_taken_once(three: list[Enrolment], now: datetime) -> None:
    offered, behind, _left = three
    for _twice in range(2):
        taken = waiting_list.accept_place(enrolment_id=offered.pk, by=teacher_of(offered), now=now)
    behind.refresh_from_db()
    assert (taken.status, taken.answer_by, behind.status) == ("confirmed", None, "waitlisted")
    assert Message.objects.filter(occasion="enrolment_confirmed", recipient_id=offered.teacher_id).count() == 1
    assert Message.objects.filter(occasion="host_new_enrolment", reference_id=offered.pk).count() == 1


@pytest.mark.django_db
def test_a_place_that_is_not_wanted_goes_to_the_next(three: list[Enrolment], now: datetime) -> None:
    offered, behind, _left = three
    for _twice in range(2):
        waiting_list.decline_place(enrolment_id=offered.pk, by=teacher_of(offered), now=now)
    offered.refresh_from_db()
    behind.refresh_from_db()
    assert (offered.status, behind.status) == ("cancelled_by_school", "offered")


@pytest.mark.django_db
def test_after_the_deadline_the_place_is_gone_and_the_next_is_asked(three: list[Enrolment]) -> None:
    offered, behind, _left = three
    assert offered.answer_by is not None
    with pytest.raises(Refusal) as refusal:
        waiting_list.accept_place(enrolment_id=offered.pk, by=DESK, now=offered.answer_by)
    assert refusal.value.code == "place-expired"
    assert waiting_list.expire_offered(offered.answer_by - timedelta(seconds=1)) == 0

    assert [waiting_list.expire_offered(offered.answer_by) for _twice in range(2)] == [1, 0]

    offered.refresh_from_db()
    behind.refresh_from_db()
    assert (offered.status, behind.status) == ("offer_expired", "offered")
    assert Message.objects.filter(occasion="place_expired").count() == 1
    with pytest.raises(Refusal) as refusal:
        waiting_list.accept_place(enrolment_id=offered.pk, by=DESK, now=offered.status_at)
    assert refusal.value.code == "place-expired"


@pytest.mark.django_db
def test_strangers_answer_for_nobody(three: list[Enrolment], now: datetime) -> None:
    stranger = Actor.of_user(factories.MembershipFactory.create().user)
    for answer in (waiting_list.accept_place, waiting_list.decline_place):
        with pytest.raises(Refusal) as refusal:
            answer(enrolment_id=three[0].pk, by=stranger, now=now)
        assert refusal.value.code == "not-yours"


@pytest.mark.django_db
@pytest.mark.parametrize("index", [1, 2])
def test_nobody_accepts_what_was_not_offered(three: list[Enrolment], now: datetime, index: int) -> None:
    with pytest.raises(Refusal) as refusal:
        waiting_list.accept_place(enrolment_id=three[index].pk, by=DESK, now=now)
    assert refusal.value.code == "not-offered"


@pytest.mark.django_db
def test_a_coordinator_gives_a_place_when_it_is_too_late_to_ask(municipality: Any, now: datetime) -> None:
    session = factories.SessionFactory.create(places=28)
    first, second = somebody(session, now), somebody(session, now)
    late = session.closes_at + timedelta(hours=1)
    with pytest.raises(Refusal) as refusal:
        waiting_list.give_place(enrolment_id=second.pk, by=DESK, now=late)
    assert refusal.value.code == "no-room"
    enrolling.cancel_enrolment(enrolment_id=first.pk, by=DESK, now=late)
    with pytest.raises(Refusal) as refusal:
        waiting_list.give_place(enrolment_id=second.pk, by=teacher_of(second), now=late)
    assert refusal.value.code == "not-yours"
    assert waiting_list.give_place(enrolment_id=second.pk, by=DESK, now=late).status == "confirmed"
    session.refresh_from_db()
    assert session.places_taken == 24


@pytest.mark.django_db
def test_two_classes_of_the_same_name_stand_apart_in_line(municipality: Any, now: datetime) -> None:
    session = factories.SessionFactory.create(places=24)
    somebody(session, now)
    roles = [factories.MembershipFactory.create() for _ in range(2)]
    namesakes = []
    for role in roles:
        one = factories.SchoolClassFactory.create(school=role.school, letter="A")
        request = rules.EnrolmentRequest(school_class=one)
        by = Actor.of_user(role.user)
        namesakes.append(enrolling.enrol_class(session_id=session.pk, request=request, by=by, now=now))
    assert [waiting_list.position(one) for one in namesakes] == [1, 2]
    found = waiting_list.in_line(Enrolment.objects.filter(session=session, status=Status.WAITLISTED))
    assert sorted((one.school.name, number) for one, number in found) == sorted(
        (role.school.name, number) for number, role in enumerate(roles, start=1)
    )


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["enrol", "cancel", "accept", "decline", "expire", "numbers", "places", "give"]),
        st.integers(0, 9),
        st.integers(1, 30),
    ),
    min_size=4,
    max_size=14,
)


class PlacesAlwaysAddUp(TestCase):
    """Whatever happens in whatever order: what is held is what is counted, and never more than there is."""

    @settings(
        max_examples=30,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(actions=ACTIONS, counted=st.sampled_from(["pupils", "classes"]), manual=st.booleans())
    def test_whatever_happens_the_places_add_up_and_the_line_keeps_its_order(
        self,
        actions: list[tuple[str, int, int]],
        counted: str,
        manual: bool,
    ) -> None:
        factories.MunicipalityFactory.create()
        acceptance = "manual" if manual else "automatic"
        offer = factories.OfferFactory.create(places_counted=counted, acceptance=acceptance)
        session = factories.SessionFactory.create(offer=offer, places=40 if counted == "pupils" else 2)
        ones: list[Enrolment] = []
        now = TODAY
        for action, index, number in actions:
            now += timedelta(hours=1)
            chosen = ones[index % len(ones)] if ones else None
            try:
                if action == "expire":
                    now += timedelta(days=number % 4)
                    enrolling.expire_requests(now)
                    waiting_list.expire_offered(now)
                else:
                    self.do(action, session, chosen, ones, number, now)
            except Refusal:
                pass
            self.agree(session, now)

    def do(
        self, action: str, session: Session, chosen: Enrolment | None, ones: list[Enrolment], number: int, now: datetime
    ) -> None:
        if action == "enrol":
            ones.append(somebody(session, now, pupils=number))
        elif action == "places":
            change_places(session_id=session.pk, places=number * 2, by=DESK, now=now)
        elif chosen is None:
            return
        elif action == "numbers":
            enrolling.change_numbers(enrolment_id=chosen.pk, pupils=number, adults=1, by=DESK, now=now)
        else:
            use_case: Any = {
                "cancel": enrolling.cancel_enrolment,
                "accept": waiting_list.accept_place,
                "decline": waiting_list.decline_place,
                "give": waiting_list.give_place,
            }[action]
            use_case(enrolment_id=chosen.pk, by=DESK, now=now)

    def agree(self, session: Session, now: datetime) -> None:
        """Σ held = counted ≤ places; and whoever is first in line does not fit into what is free."""
        session.refresh_from_db()
        held = session.enrolments.holding().aggregate(sum=Sum("places"))["sum"] or 0
        assert held == session.places_taken <= session.places
        first = session.enrolments.waitlisted().first()
        too_late = now >= session.closes_at - timedelta(hours=4)
        assert first is None or too_late or first.places > session.places_left
        assert [waiting_list.position(one) for one in session.enrolments.waitlisted()] == list(
            range(1, session.enrolments.waitlisted().count() + 1)
        )

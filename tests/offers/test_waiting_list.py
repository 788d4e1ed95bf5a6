"""The waiting list: the order is kept, deadlines bind, and the places always add up."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db.models import Sum
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from offers.domain import enrolment as enrolling
from offers.domain import rules, waiting_list
from offers.domain.planning import change_places
from offers.models import Encounter, Enrolment, Offer, Session
from portal import history, mail
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Message
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
def test_who_takes_a_place_no_longer_waits_for_the_courses_other_dates(
    three: list[Enrolment], now: datetime, client: Client
) -> None:
    offered, _behind, _left = three
    full = factories.SessionFactory.create(offer=offered.session.offer, places=28, places_taken=10)
    elsewhere = factories.SessionFactory.create(places=28)
    filled = somebody(elsewhere, now)
    one, by = offered.school_class, teacher_of(offered)
    asked, half = (rules.EnrolmentRequest(school_class=one, adults=2, group=number) for number in (1, 2))
    waits = enrolling.enrol_class(session_id=full.pk, request=asked, by=by, now=now)
    group = enrolling.enrol_class(session_id=full.pk, request=half, by=by, now=now)
    other_course = enrolling.enrol_class(session_id=elsewhere.pk, request=asked, by=by, now=now)
    smaller = somebody(full, now, pupils=12)
    Enrolment.objects.filter(pk=group.pk).update(pupils=12, places=12)

    assert offered.teacher is not None
    with time_machine.travel(now, tick=False):
        client.force_login(offered.teacher)
        page = client.get(reverse("enrolment-place", args=[offered.pk])).content.decode()
    assert "Med et ja venter klassen ikke længere på andre tidspunkter" in page
    waiting_list.accept_place(enrolment_id=offered.pk, by=by, now=now)

    assert statuses(offered, waits, group, smaller, other_course, filled) == [
        "confirmed",
        "cancelled_by_school",
        "offered",  # it stood behind its own other half
        "waitlisted",
        "waitlisted",
        "confirmed",
    ]
    waits.refresh_from_db()
    told = Message.objects.get(occasion="enrolment_cancelled", reference_id=waits.pk)
    assert "Klassen har fået plads" in str(mail.render(told, now).body)
    assert waiting_list.accept_place(enrolment_id=offered.pk, by=by, now=now).status == "confirmed"


@pytest.mark.django_db
def test_a_host_who_answers_each_request_is_told_of_a_place_that_was_offered_not_asked_again(
    three: list[Enrolment], now: datetime
) -> None:
    offered, _behind, _left = three
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)

    taken = waiting_list.accept_place(enrolment_id=offered.pk, by=teacher_of(offered), now=now)

    told = set(Message.objects.filter(reference_id=offered.pk).values_list("occasion", flat=True))
    assert (taken.status, "host_new_enrolment" in told, "host_request" in told) == ("confirmed", True, False)


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
def test_who_still_waits_when_the_session_begins_is_told_once_that_there_was_no_place(
    municipality: Any, now: datetime
) -> None:
    session = factories.SessionFactory.create(places=28)
    there, waiting = somebody(session, now), somebody(session, now)

    assert waiting_list.end_waiting(session.starts_at - timedelta(seconds=1)) == 0
    assert [waiting_list.end_waiting(session.starts_at) for _twice in range(2)] == [1, 0]

    there.refresh_from_db()
    waiting.refresh_from_db()
    assert (there.status, waiting.status) == ("confirmed", "declined")
    assert waiting.ended_reason.startswith("Tidspunktet begyndte")
    assert Message.objects.filter(occasion="enrolment_declined", recipient_id=waiting.teacher_id).count() == 1


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
def test_a_class_that_is_given_its_place_no_longer_waits_for_the_courses_other_dates(
    municipality: Any, now: datetime
) -> None:
    late, other = (factories.SessionFactory.create(places=28, offer__title="Svejs") for _ in range(2))
    Session.objects.filter(pk=other.pk).update(offer=late.offer)
    first, class_a = somebody(late, now), somebody(late, now)
    somebody(other, now)
    assert class_a.teacher is not None
    asked = rules.EnrolmentRequest(school_class=class_a.school_class, adults=2)
    waits = enrolling.enrol_class(session_id=other.pk, request=asked, by=teacher_of(class_a), now=now)
    evening = late.closes_at - timedelta(hours=1)
    enrolling.cancel_enrolment(enrolment_id=first.pk, by=DESK, now=evening)

    waiting_list.give_place(enrolment_id=class_a.pk, by=DESK, now=evening)

    assert statuses(class_a, waits) == ["confirmed", "cancelled_by_school"]
    told = Message.objects.get(occasion="enrolment_cancelled", reference_id=waits.pk)
    assert "Klassen har fået plads" in str(mail.render(told, evening).body)


@pytest.mark.django_db
def test_a_newcomer_who_fits_is_not_put_behind_a_larger_group_where_smaller_ones_may_overtake(
    municipality: Any, now: datetime
) -> None:
    municipality.smaller_may_overtake = True
    municipality.save()
    session = factories.SessionFactory.create(places=40)
    in_place, large = somebody(session, now, pupils=24), somebody(session, now, pupils=20)

    small = somebody(session, now, pupils=10)

    assert statuses(in_place, large, small) == ["confirmed", "waitlisted", "confirmed"]
    why = waiting_list.why_in_words(small)[-1]
    assert "1 klasse stod i kø, men efter køens regler kom den ikke først" in why
    assert somebody(session, now, pupils=10).status == "waitlisted"  # six are left


@pytest.mark.django_db
def test_a_newcomer_stands_behind_whoever_it_may_not_overtake_and_passes_who_needs_more_than_there_is(
    municipality: Any, now: datetime
) -> None:
    session = factories.SessionFactory.create(places=40)
    somebody(session, now, pupils=24)
    large = somebody(session, now, pupils=30)

    assert somebody(session, now, pupils=10).status == "waitlisted"
    Enrolment.objects.filter(session=session, pupils=10).delete()
    change_places(session_id=session.pk, places=29, by=DESK, now=now)
    small = somebody(session, now, pupils=5)  # the session never has 30 places now

    assert statuses(large, small) == ["waitlisted", "confirmed"]


@pytest.mark.django_db
def test_a_newcomer_without_a_visit_is_not_put_behind_those_who_had_one_where_it_stands_first(
    municipality: Any, now: datetime
) -> None:
    municipality.unvisited_first = True
    municipality.save()
    session = factories.SessionFactory.create(places=40)
    somebody(session, now, pupils=24)
    waits = somebody(session, now, pupils=20)
    visited(waits)

    assert somebody(session, now, pupils=10).status == "confirmed"


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
        # Four hours before closing on 22 September at 9 is night: so the afternoon before.
        too_late = now >= datetime.fromisoformat("2026-09-21T16:00:00+02:00")
        assert first is None or too_late or first.places > session.places_left
        assert [waiting_list.position(one) for one in session.enrolments.waitlisted()] == list(
            range(1, session.enrolments.waitlisted().count() + 1)
        )


# --- The order of the line, and what the log says of it -------------------------------------------------------------


def visited(enrolment: Enrolment, year: int = 2026, *, void: bool = False) -> None:
    """Write a row of the ledger for the class of the enrolment."""
    held = factories.EnrolmentFactory.create(school_class=enrolment.school_class, status=Status.COMPLETED)
    offer = held.session.offer
    Encounter.objects.create(
        enrolment=held,
        meeting=held.session.meetings.get(),
        offer=offer,
        company=offer.company,
        school=held.school,
        school_class=held.school_class,
        day=date(year, 9, 1),
        school_year=year,
        minutes=120,
        grade=7,
        pupils=24,
        evidence=Encounter.Evidence.BOTH,
        voided_at=TODAY if void else None,
        void_reason="Ikke afholdt" if void else "",
    )


def statuses(*ones: Enrolment) -> list[str]:
    found = Enrolment.objects.in_bulk([one.pk for one in ones])
    return [found[one.pk].status for one in ones]


@pytest.mark.django_db
@pytest.mark.parametrize(("switched_on", "numbers"), [(True, [3, 1, 4, 2]), (False, [1, 2, 3, 4])])
def test_classes_without_a_visit_this_school_year_stand_first_where_the_municipality_says_so(
    municipality: Any, now: datetime, switched_on: bool, numbers: list[int]
) -> None:
    municipality.unvisited_first = switched_on
    municipality.save()
    session = factories.SessionFactory.create(places=24)
    got = somebody(session, now)
    out, lastyear, outtoo, void = (somebody(session, now) for _ in range(4))
    visited(out)
    visited(outtoo)
    visited(outtoo)
    visited(lastyear, 2025)
    visited(void, void=True)

    assert [waiting_list.position(one) for one in (out, lastyear, outtoo, void)] == numbers
    ones = Enrolment.objects.filter(session=session, status=Status.WAITLISTED).order_by("waiting_since")
    assert [number for _one, number in waiting_list.in_line(ones)] == numbers

    enrolling.cancel_enrolment(enrolment_id=got.pk, by=DESK, now=now)
    asked = Enrolment.objects.get(session=session, status=Status.OFFERED)
    assert asked.pk == (lastyear if switched_on else out).pk


@pytest.mark.django_db
def test_the_line_of_a_session_next_year_is_ordered_by_next_years_visits(municipality: Any, now: datetime) -> None:
    municipality.unvisited_first = True
    municipality.save()
    starts = datetime.fromisoformat("2027-08-31T09:00:00+02:00")
    session = factories.SessionFactory.create(places=24, starts_at=starts, opens_at=now)
    somebody(session, now)
    out, other = somebody(session, now), somebody(session, now)
    visited(out, 2026)
    assert [waiting_list.position(one) for one in (out, other)] == [1, 2]
    visited(out, 2027)
    assert [waiting_list.position(one) for one in (out, other)] == [2, 1]


@pytest.mark.django_db
def test_the_page_explains_the_place_in_line_and_by_what_rules_it_moves(
    municipality: Any, now: datetime, client: Client
) -> None:
    municipality.unvisited_first, municipality.smaller_may_overtake = True, True
    municipality.save()
    session = factories.SessionFactory.create(places=24)
    somebody(session, now)
    waiting = somebody(session, now)
    assert waiting.teacher is not None
    with time_machine.travel(now, tick=False):
        client.force_login(waiting.teacher)
        page = client.get(reverse("enrolment", args=[waiting.pk])).content.decode()
    assert (
        "Nummer 1 på ventelisten. Klasser uden besøg i dette skoleår står forrest. Derefter gælder det, hvem der kom"
        " først. Er der ikke plads til den første klasse, kan en mindre længere bagude få de ledige pladser."
    ) in page
    assert "Ingen overhaler jer" not in page
    assert "0 ledige pladser, og klassen skulle bruge 24: den kom på venteliste." in page


@pytest.mark.django_db
def test_a_smaller_group_that_overtakes_is_written_in_the_log_and_shown(municipality: Any, now: datetime) -> None:
    municipality.smaller_may_overtake = True
    municipality.save()
    session = factories.SessionFactory.create(places=28)
    somebody(session, now, pupils=20)
    large, small = somebody(session, now, pupils=26), somebody(session, now, pupils=14)

    change_places(session_id=session.pk, places=40, by=DESK, now=now)

    assert statuses(large, small) == ["waitlisted", "offered"]
    entry = AuditEntry.objects.get(action="enrolment-offered")
    assert (entry.object_id, entry.facts["passed"], entry.facts["left"]) == (str(small.pk), 1, 20)
    when = "tirsdag 8. september 2026 kl. 10.00"
    assert waiting_list.why_in_words(small)[-1] == (
        f"{when} var der 20 ledige pladser. 1 klasse stod foran og skulle bruge flere end det, så denne blev spurgt."
    )
    assert history.lines(AuditEntry.objects.filter(pk=entry.pk))[0].sentence.endswith(
        "foran 1 klasse, der ikke var plads til"
    )


@pytest.mark.django_db
def test_a_release_that_helps_nobody_is_proved_in_the_log_and_told_to_those_who_wait(
    municipality: Any, now: datetime
) -> None:
    session = factories.SessionFactory.create(places=28)
    somebody(session, now, pupils=20)
    large, small = somebody(session, now, pupils=26), somebody(session, now, pupils=14)
    assert not AuditEntry.objects.filter(action="line-looked-at").exists()

    change_places(session_id=session.pk, places=40, by=DESK, now=now)

    assert statuses(large, small) == ["waitlisted", "waitlisted"]
    proof = AuditEntry.objects.get(action="line-looked-at")
    assert (proof.object_id, proof.facts) == (
        str(session.pk),
        {"left": 20, "first": str(large.pk), "needs": 26, "too_late": False},
    )
    assert waiting_list.why_in_words(small)[-1] == (
        "tirsdag 8. september 2026 kl. 10.00 var der 20 ledige pladser, og den første i køen skulle bruge 26."
    )


@pytest.mark.django_db
def test_whoever_needs_more_than_there_is_in_all_stops_nobody(municipality: Any, now: datetime) -> None:
    session = factories.SessionFactory.create(places=28)
    got = somebody(session, now, pupils=14)
    giant, small = somebody(session, now, pupils=28), somebody(session, now, pupils=14)
    change_places(session_id=session.pk, places=20, by=DESK, now=now)

    enrolling.cancel_enrolment(enrolment_id=got.pk, by=DESK, now=now)

    assert statuses(giant, small) == ["waitlisted", "offered"]


@pytest.mark.django_db
def test_a_class_that_gets_smaller_in_line_is_asked_at_once(municipality: Any, now: datetime) -> None:
    session = factories.SessionFactory.create(places=40)
    somebody(session, now, pupils=20)
    waiting = somebody(session, now, pupils=24)
    enrolling.change_numbers(enrolment_id=waiting.pk, pupils=20, adults=2, by=DESK, now=now)
    assert statuses(waiting) == ["offered"]


@pytest.mark.django_db
def test_who_cancelled_is_never_offered_the_place_again(municipality: Any, now: datetime) -> None:
    session = factories.SessionFactory.create(places=24)
    first, second, third = (somebody(session, now) for _ in range(3))
    enrolling.cancel_enrolment(enrolment_id=first.pk, by=DESK, now=now)
    waiting_list.decline_place(enrolment_id=second.pk, by=teacher_of(second), now=now)
    waiting_list.decline_place(enrolment_id=third.pk, by=teacher_of(third), now=now)
    change_places(session_id=session.pk, places=100, by=DESK, now=now)
    assert statuses(first, second, third) == [
        "cancelled_by_municipality",
        "cancelled_by_school",
        "cancelled_by_school",
    ]
    assert AuditEntry.objects.filter(action="enrolment-offered").count() == 2


@pytest.mark.django_db
def test_why_a_class_has_its_place_is_told_from_the_log(municipality: Any, now: datetime) -> None:
    factories.CoordinatorFactory.create()
    session = factories.SessionFactory.create(places=24)
    at_once, asked, given = (somebody(session, now) for _ in range(3))
    enrolling.cancel_enrolment(enrolment_id=at_once.pk, by=DESK, now=now)
    waiting_list.accept_place(enrolment_id=asked.pk, by=teacher_of(asked), now=now + timedelta(hours=1))
    change_places(session_id=session.pk, places=30, by=DESK, now=now)
    enrolling.change_numbers(
        enrolment_id=asked.pk, pupils=6, adults=1, by=DESK, now=session.closes_at - timedelta(hours=1)
    )
    waiting_list.give_place(enrolment_id=given.pk, by=DESK, now=session.closes_at)
    for one in (at_once, asked, given):
        one.refresh_from_db()

    when = "tirsdag 8. september 2026 kl. 10.00"
    assert waiting_list.why_in_words(at_once) == [
        f"{when} var der 24 ledige pladser og ingen kø: klassen fik sine 24 med det samme."
    ]
    assert waiting_list.why_in_words(asked) == [
        f"{when} var der 0 ledige pladser, og klassen skulle bruge 24: den kom på venteliste.",
        f"{when} blev der pladser ledige, og klassen stod først i køen.",
        "Klassen sagde ja tirsdag 8. september 2026 kl. 11.00.",
    ]
    assert waiting_list.why_in_words(given)[-1] == (
        "tirsdag 22. september 2026 kl. 9.00 gav en koordinator klassen dens pladser; den var nummer 1 i køen."
    )

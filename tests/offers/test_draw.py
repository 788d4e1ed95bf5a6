"""The draw: the first requests hold nothing, lots decide their order, and anyone can repeat the draw."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse

from offers.domain import cancelling, draw, rules, waiting_list
from offers.domain import enrolment as enrolling
from offers.domain.approval import answer_for_school
from offers.domain.moving import move_session
from offers.domain.planning import cancel_session, change_enrolling, change_places, plan_session
from offers.models import Enrolment, Offer, Session
from offers.tasks import jobs, run
from portal import mail
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Message, Municipality
from schools.models import Membership, SchoolClass
from tests import factories

DESK = Actor.job("test")
Status = Enrolment.Status
HOUR = timedelta(hours=1)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text + "+02:00")


OPENS = local("2026-09-10T08:00:00")
DRAWN = local("2026-09-10T09:00:00")


@pytest.fixture
def town(municipality: Municipality) -> Municipality:
    municipality.draw_minutes = 60
    municipality.save()
    return municipality


def season(now: datetime, places: int = 50, **course: Any) -> Session:
    """Plan a session whose enrolment opens on Thursday at 8, with a draw an hour later."""
    offer = factories.OfferFactory.create(**course)
    starts = local("2026-10-01T09:00:00")
    return plan_session(offer_id=offer.pk, starts=starts, places=places, opens_at=OPENS, by=DESK, now=now)


def asking(session: Session, at: datetime, pupils: int = 24, **school: Any) -> Enrolment:
    role = factories.MembershipFactory.create(**school)
    one = factories.SchoolClassFactory.create(school=role.school, pupils=pupils)
    request = rules.EnrolmentRequest(school_class=one, adults=2)
    return enrolling.enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=at)


def fresh(ones: list[Enrolment]) -> list[Enrolment]:
    found = Enrolment.objects.select_related("session", "teacher").in_bulk([one.pk for one in ones])
    return sorted(found.values(), key=lambda one: one.draw_number or 0)


def order_of(session: Session) -> list[UUID]:
    facts = AuditEntry.objects.get(action="lots-drawn", object_id=str(session.pk)).facts
    return [UUID(one) for one in facts["order"]]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("minutes", "opens", "drawn"),
    [
        (60, OPENS, DRAWN),
        (0, OPENS, None),
        (60, None, None),  # open at once: there is no race to take the edge off
        (1440, local("2026-09-23T20:00:00"), local("2026-09-24T12:00:00")),  # never after closing
    ],
)
def test_a_session_that_opens_later_is_drawn_where_the_municipality_draws(
    municipality: Municipality, now: datetime, minutes: int, opens: datetime | None, drawn: datetime | None
) -> None:
    municipality.draw_minutes = minutes
    municipality.save()
    offer = factories.OfferFactory.create(closes_days=7)
    starts = local("2026-10-01T09:00:00")

    session = plan_session(offer_id=offer.pk, starts=starts, opens_at=opens, by=DESK, now=now)

    assert (session.draw_at, session.drawn_at) == (drawn, None)


@pytest.mark.django_db
def test_a_request_before_the_draw_holds_nothing_and_its_teacher_is_told_when_lots_are_drawn(
    town: Municipality, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    session = season(now)

    one = asking(session, OPENS)

    session.refresh_from_db()
    assert (one.status, one.answer_by, one.waiting_since, session.places_taken) == ("in_draw", None, None, 0)
    message = Message.objects.get(reference_id=one.pk)
    letter = mail.render(message, OPENS)
    assert message.occasion == "enrolment_in_draw"
    assert "torsdag 10. september 2026 kl. 9.00" in str(letter.body)
    assert waiting_list.position(one) == 0


@pytest.mark.django_db
def test_in_the_order_drawn_as_many_as_fit_get_their_places_and_the_rest_stand_in_line(
    town: Municipality, now: datetime
) -> None:
    session = season(now, places=50)
    ones = [asking(session, OPENS + timedelta(minutes=minute)) for minute in range(5)]
    assert draw.draw_overdue(DRAWN - timedelta(seconds=1)) == 0

    assert draw.draw_overdue(DRAWN) == 1

    drawn = fresh(ones)
    assert [one.draw_number for one in drawn] == [1, 2, 3, 4, 5]
    assert [one.status for one in drawn] == ["confirmed", "confirmed", "waitlisted", "waitlisted", "waitlisted"]
    assert [waiting_list.position(one) for one in drawn] == [0, 0, 1, 2, 3]
    assert [one.pk for one in drawn] == order_of(session)
    session.refresh_from_db()
    assert (session.places_taken, session.drawn_at) == (48, DRAWN)
    told = Message.objects.exclude(occasion="enrolment_in_draw").filter(recipient_kind="user")
    assert sorted(told.values_list("occasion", flat=True)) == ["enrolment_confirmed"] * 2 + ["enrolment_waitlisted"] * 3
    assert Message.objects.filter(occasion="host_new_enrolment").count() == 2


@pytest.mark.django_db
def test_a_draw_can_be_repeated_from_the_log(town: Municipality, now: datetime) -> None:
    session = season(now)
    ones = [asking(session, OPENS) for _ in range(6)]
    draw.draw_overdue(DRAWN)

    facts = AuditEntry.objects.get(action="lots-drawn").facts

    assert draw.lots(facts["seed"], [one.pk for one in reversed(ones)]) == order_of(session)
    assert draw.lots("another seed", [one.pk for one in ones]) != order_of(session)
    assert len(facts["seed"]) == 32


def test_every_order_is_drawn_about_as_often() -> None:
    names = [UUID(int=number) for number in range(3)]
    firsts = [draw.lots(f"seed {number}", names) for number in range(600)]
    counts = [firsts.count(list(order)) for order in {tuple(one) for one in firsts}]
    assert (len(counts), min(counts) > 70, max(counts) < 130) == (6, True, True)


@pytest.mark.django_db
def test_whoever_comes_while_the_draw_is_late_stands_behind_those_who_were_in_time(
    town: Municipality, now: datetime
) -> None:
    session = season(now, places=28)
    late = asking(session, DRAWN + HOUR)
    later = asking(session, DRAWN + 2 * HOUR)
    in_time = [asking(session, OPENS) for _ in range(3)]
    letter = mail.render(Message.objects.get(reference_id=late.pk), DRAWN + HOUR)
    assert "når som helst" in str(letter.body)

    draw.draw_overdue(DRAWN + 3 * HOUR)

    drawn = fresh([late, later, *in_time])
    assert [one.pk for one in drawn[3:]] == [late.pk, later.pk]
    assert [one.status for one in drawn] == ["confirmed"] + ["waitlisted"] * 4
    assert len(order_of(session)) == 3


@pytest.mark.django_db
def test_after_the_draw_enrolling_is_as_always(town: Municipality, now: datetime) -> None:
    session = season(now, places=50)
    asking(session, OPENS)
    draw.draw_overdue(DRAWN)
    assert asking(session, DRAWN + HOUR).status == "confirmed"
    assert asking(session, DRAWN + HOUR).status == "waitlisted"


@pytest.mark.django_db
@pytest.mark.parametrize(("overtake", "small"), [(False, "waitlisted"), (True, "confirmed")])
def test_a_smaller_group_passes_a_larger_one_in_the_draw_only_where_smaller_groups_may(
    town: Municipality, now: datetime, monkeypatch: pytest.MonkeyPatch, overtake: bool, small: str
) -> None:
    town.smaller_may_overtake = overtake
    town.save()
    session = season(now, places=30)
    first, large, little = (asking(session, OPENS, pupils=pupils) for pupils in (20, 26, 8))
    monkeypatch.setattr(draw, "lots", lambda _seed, _ones: [first.pk, large.pk, little.pk])

    draw.draw_overdue(DRAWN)

    assert [one.status for one in fresh([first, large, little])] == ["confirmed", "waitlisted", small]


@pytest.mark.django_db
def test_where_somebody_answers_each_request_the_draw_makes_requests(town: Municipality, now: datetime) -> None:
    session = season(now, places=28, acceptance=Offer.Acceptance.MANUAL)
    one = asking(session, OPENS)

    draw.draw_overdue(DRAWN)

    one.refresh_from_db()
    session.refresh_from_db()
    assert (one.status, session.places_taken) == ("pending", 24)
    assert one.answer_by == local("2026-09-17T16:00:00")
    assert Message.objects.filter(occasion="host_request").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(("answer", "status"), [(None, "pending"), (True, "confirmed"), (False, "declined")])
def test_the_school_leader_answers_before_the_draw_or_after_it(
    town: Municipality, now: datetime, answer: bool | None, status: str
) -> None:
    session = season(now)
    school = factories.SchoolFactory.create(leader_approves=True)
    leader = factories.MembershipFactory.create(school=school, role=Membership.Role.LEADER)
    one = asking(session, OPENS, school=school)
    message = Message.objects.get(occasion="leader_request")
    assert (one.status, one.leader_answer) == ("in_draw", "awaited")
    assert "lodtrækning" in str(mail.render(message, OPENS).body)
    if answer is not None:
        by = Actor.of_user(leader.user)
        answer_for_school(enrolment_id=one.pk, approve=answer, reason="Nej.", by=by, now=OPENS)

    draw.draw_overdue(DRAWN)

    one.refresh_from_db()
    assert one.status == status


@pytest.mark.django_db
def test_without_a_waiting_list_those_beyond_the_places_hear_their_number(town: Municipality, now: datetime) -> None:
    session = season(now, places=28, has_waiting_list=False)
    ones = [asking(session, OPENS) for _ in range(2)]

    draw.draw_overdue(DRAWN)

    first, second = fresh(ones)
    assert (first.status, second.status) == ("confirmed", "declined")
    assert "nummer 2" in second.ended_reason
    letter = mail.render(Message.objects.get(occasion="enrolment_declined"), DRAWN)
    assert "nummer 2" in str(letter.body)


@pytest.mark.django_db
def test_numbers_are_changed_and_classes_leave_while_in_the_draw(town: Municipality, now: datetime) -> None:
    session = season(now, places=28)
    one, gone = asking(session, OPENS), asking(session, OPENS)
    enrolling.change_numbers(enrolment_id=one.pk, pupils=20, adults=2, by=DESK, now=OPENS)
    enrolling.cancel_enrolment(enrolment_id=gone.pk, by=DESK, now=OPENS)
    session.refresh_from_db()
    assert session.places_taken == 0

    draw.draw_overdue(DRAWN)

    session.refresh_from_db()
    assert ([row.status for row in fresh([one, gone])], session.places_taken) == (
        ["cancelled_by_municipality", "confirmed"],
        20,
    )
    assert order_of(session) == [one.pk]


@pytest.mark.django_db
def test_a_draw_follows_a_session_that_is_moved_or_opens_at_another_hour(town: Municipality, now: datetime) -> None:
    session = season(now)
    nearer = [(local("2026-09-18T09:00:00"), local("2026-09-18T11:00:00"))]
    moved = move_session(session_id=session.pk, starts=nearer, by=DESK, now=now)
    moved.refresh_from_db()
    assert moved.draw_at is not None
    assert moved.opens_at < moved.draw_at <= moved.closes_at

    sizes: dict[str, Any] = {"min_pupils": None, "max_pupils": None, "by": DESK}
    session = season(now)
    later = change_enrolling(
        session_id=session.pk, opens_at=OPENS + 2 * HOUR, closes_at=session.closes_at, now=now, **sizes
    )
    assert later.draw_at == DRAWN + 2 * HOUR
    at_once = change_enrolling(session_id=session.pk, opens_at=now, closes_at=session.closes_at, now=now, **sizes)
    assert at_once.draw_at is None


@pytest.mark.django_db
def test_a_date_that_was_to_open_without_a_draw_has_none_at_another_opening_either(
    town: Municipality, now: datetime
) -> None:
    session = season(now)
    Session.objects.filter(pk=session.pk).update(draw_at=None)
    later = change_enrolling(
        session_id=session.pk,
        opens_at=OPENS + 2 * HOUR,
        closes_at=session.closes_at,
        min_pupils=None,
        max_pupils=None,
        by=DESK,
        now=now,
    )
    assert later.draw_at is None


@pytest.mark.django_db
def test_after_the_draw_enrolment_may_open_later_or_close_earlier_and_the_draw_stays_where_it_was(
    town: Municipality, now: datetime
) -> None:
    session = season(now)
    asking(session, OPENS)
    draw.draw_overdue(DRAWN)
    noon = DRAWN + 3 * HOUR
    facts: dict[str, Any] = {"session_id": session.pk, "min_pupils": None, "max_pupils": None, "by": DESK}

    later = change_enrolling(opens_at=noon, closes_at=session.closes_at, now=DRAWN + HOUR, **facts)
    assert (later.opens_at, later.draw_at) == (noon, DRAWN)
    earlier = change_enrolling(opens_at=OPENS - 2 * HOUR, closes_at=OPENS - HOUR, now=DRAWN + HOUR, **facts)

    assert (earlier.closes_at, earlier.draw_at) == (OPENS - HOUR, DRAWN)


@pytest.mark.django_db
def test_whoever_is_in_the_draw_hears_that_the_session_is_called_off_and_is_not_drawn(
    town: Municipality, now: datetime
) -> None:
    session = season(now)
    one = asking(session, OPENS)
    cancel_session(session_id=session.pk, reason="Ovnen er gået ned.", by=DESK, now=OPENS)

    assert draw.draw_overdue(DRAWN) == 0

    one.refresh_from_db()
    assert one.status == "cancelled_by_municipality"
    assert Message.objects.filter(occasion="session_cancelled", reference_id=one.pk).count() == 1


@pytest.mark.django_db
def test_a_draw_that_comes_after_the_visit_has_begun_gives_nobody_a_place(town: Municipality, now: datetime) -> None:
    session = season(now)
    one = asking(session, OPENS)
    assert draw.draw_overdue(session.starts_at) == 1
    one.refresh_from_db()
    session.refresh_from_db()
    assert (one.status, session.places_taken) == ("request_expired", 0)


@pytest.mark.django_db
def test_beat_draws_and_a_second_worker_does_not_draw_again(town: Municipality, now: datetime) -> None:
    session = season(now)
    for _ in range(3):
        asking(session, OPENS)
    for _twice in range(2):
        assert run({"draw-lots": jobs(DRAWN)["draw-lots"]}) == []
    assert draw._draw(session.pk, now=DRAWN) is False
    assert AuditEntry.objects.filter(action="lots-drawn").count() == 1
    assert AuditEntry.objects.filter(action="enrolment-drawn").count() == 3


@pytest.mark.django_db
def test_a_place_in_a_draw_is_explained_by_its_number(town: Municipality, now: datetime) -> None:
    session = season(now, places=28)
    ones = [asking(session, OPENS) for _ in range(2)]
    draw.draw_overdue(DRAWN)
    first, second = fresh(ones)
    drawn = "Der blev trukket lod torsdag 10. september 2026 kl. 9.00: klassen blev nummer"
    assert waiting_list.why_in_words(first)[-1] == f"{drawn} 1 af 2, og der var plads."
    assert waiting_list.why_in_words(second)[1] == f"{drawn} 2 af 2, og pladserne rakte ikke så langt."


@pytest.mark.django_db
def test_the_pages_say_that_lots_are_drawn(town: Municipality, now: datetime, client: Client) -> None:
    session = season(now)
    role = factories.MembershipFactory.create()
    one = factories.SchoolClassFactory.create(school=role.school)
    with time_machine.travel(OPENS, tick=False):
        client.force_login(role.user)
        _look(client, session, one)


def _look(client: Client, session: Session, one: SchoolClass) -> None:
    course = client.get(reverse("offer", args=[session.offer_id, session.offer.slug])).content.decode()
    form = client.get(reverse("enrol", args=[session.pk]))
    assert "Der trækkes lod torsdag 10. september 2026 kl. 9.00" in course
    assert "Deltag i lodtrækningen" in form.content.decode()
    facts = {"school_class": str(one.pk), "adults": "2", "form_token": form.context["form"]["form_token"].value()}
    receipt = client.post(reverse("enrol", args=[session.pk]), facts, follow=True)
    assert "i lodtrækningen" in receipt.content.decode()
    mine = client.get(reverse("my-enrolments"))
    assert ([row.enrolment.status for row in mine.context["waiting"]], len(mine.context["past"])) == (["in_draw"], 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("committing")
def test_two_workers_at_once_draw_once_while_others_enrol(now: datetime) -> None:
    factories.MunicipalityFactory.create(draw_minutes=60)
    session = season(now, places=100)
    for _ in range(5):
        asking(session, OPENS)
    role = factories.MembershipFactory.create()
    one = factories.SchoolClassFactory.create(school=role.school)
    request = rules.EnrolmentRequest(school_class=one, adults=2)
    by = Actor.of_user(role.user)
    start = Barrier(5)

    def at_once(work: Callable[[], Any]) -> Any:
        try:
            start.wait(timeout=20)
            return work()
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    works: list[Callable[[], Any]] = [lambda: draw.draw_overdue(DRAWN)] * 3
    works.append(lambda: enrolling.enrol_class(session_id=session.pk, request=request, by=by, now=DRAWN))
    works.append(lambda: change_places(session_id=session.pk, places=120, by=DESK, now=DRAWN))
    with ThreadPoolExecutor(max_workers=5) as people:
        outcome = list(people.map(at_once, works))

    assert sum(outcome[:3]) == 1
    assert AuditEntry.objects.filter(action="lots-drawn").count() == 1
    held = sum(session.enrolments.holding().values_list("places", flat=True))
    session.refresh_from_db()
    assert (session.places_taken, session.enrolments.in_draw().count()) == (held, 0)


@pytest.mark.django_db
def test_a_class_that_undoes_its_cancelling_is_drawn_though_enrolment_opens_at_another_hour_meanwhile(
    town: Municipality, now: datetime
) -> None:
    session = season(now)
    one = asking(session, OPENS)
    enrolling.cancel_enrolment(enrolment_id=one.pk, by=DESK, now=OPENS)
    opened = change_enrolling(
        session_id=session.pk,
        opens_at=OPENS - HOUR,
        closes_at=session.closes_at,
        min_pupils=None,
        max_pupils=None,
        by=DESK,
        now=OPENS,
    )
    cancelling.undo_cancellation(enrolment_id=one.pk, by=DESK, now=OPENS)

    assert opened.draw_at is not None
    draw.draw_overdue(opened.draw_at)

    assert fresh([one])[0].status == "confirmed"


@pytest.mark.django_db
def test_where_a_line_stands_already_a_later_opening_draws_nobody_past_it(town: Municipality, now: datetime) -> None:
    offer = factories.OfferFactory.create()
    starts = local("2026-10-01T09:00:00")
    session = plan_session(offer_id=offer.pk, starts=starts, places=28, by=DESK, now=now)
    first, waiting = asking(session, now), asking(session, now)

    changed = change_enrolling(
        session_id=session.pk,
        opens_at=OPENS,
        closes_at=session.closes_at,
        min_pupils=None,
        max_pupils=None,
        by=DESK,
        now=now,
    )

    assert ([first.status, waiting.status], changed.draw_at) == (["confirmed", "waitlisted"], None)

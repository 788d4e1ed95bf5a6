"""After a cancellation: which other dates are suggested, and taking one of them with one click."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from offers.domain import planning, rebooking
from offers.models import Enrolment, Offer, Session
from portal import mail
from portal.domain import clock
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN
from portal.models import Message
from schools.models import Membership
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]
DESK = Actor.job("test")


@pytest.fixture(autouse=True)
def _at(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=COPENHAGEN)


def at(offer: Offer, day: str, **facts: Any) -> Session:
    made: Session = factories.SessionFactory.create(offer=offer, starts_at=local(f"{day}T09:00"), places=28, **facts)
    return made


@pytest.fixture
def offer() -> Offer:
    made: Offer = factories.OfferFactory.create(title="Svejs et bogmærke", grade_from=7, grade_to=9)
    return made


@pytest.fixture
def cancelled(offer: Offer, now: datetime) -> Enrolment:
    role = factories.MembershipFactory.create()
    made: Enrolment = factories.EnrolmentFactory.create(
        session=at(offer, "2026-10-06", places_taken=24),
        school_class=factories.SchoolClassFactory.create(school=role.school),
        teacher=role.user,
        pupils=24,
        adults=3,
        teacher_phone="+4520304050",
        needs_quiet=True,
        needs_text="Vi har et høreapparat med",
    )
    planning.cancel_session(session_id=made.session_id, reason="Maskinen er i stykker.", by=DESK, now=now)
    made.refresh_from_db()
    return made


def suggested(enrolment: Enrolment, now: datetime) -> list[Session]:
    return rebooking.suggestions(enrolment, now=now)


def like(offer: Offer, **facts: Any) -> Offer:
    words: dict[str, Any] = {"activity_type": offer.activity_type, "industry": offer.industry, **facts}
    made: Offer = factories.OfferFactory.create(**words)
    return made


def test_other_dates_of_the_same_course_come_first_then_those_most_alike(
    offer: Offer, cancelled: Enrolment, now: datetime
) -> None:
    alike = at(like(offer), "2026-10-01")
    later, sooner = at(offer, "2026-11-03"), at(offer, "2026-10-27")

    assert suggested(cancelled, now) == [sooner, later, alike]


def test_what_does_not_suit_the_class_is_not_suggested(offer: Offer, cancelled: Enrolment, now: datetime) -> None:
    at(offer, "2026-10-27", places_taken=5)  # 23 left, the class is 24
    at(offer, "2026-10-28", closes_at=now - timedelta(hours=1), opens_at=now - timedelta(days=9))
    with_line = at(offer, "2026-10-29")
    factories.EnrolmentFactory.create(session=with_line, status="waitlisted", waiting_since=now)
    at(like(offer, grade_from=0, grade_to=3), "2026-10-08")
    at(like(offer, min_pupils=25), "2026-10-08")
    at(like(offer, state=Offer.State.PAUSED, pause_reason="Ferie"), "2026-10-08")
    at(like(offer), "2027-01-12")  # alike, but not around that time
    at(offer, "2026-10-30", state=Session.State.CANCELLED, cancel_reason="Nej")

    assert suggested(cancelled, now) == []


def test_a_date_that_the_class_has_taken_or_left_is_not_suggested_again(
    offer: Offer, cancelled: Enrolment, now: datetime
) -> None:
    for status in ("confirmed", "cancelled_by_school"):
        factories.EnrolmentFactory.create(
            session=at(offer, "2026-10-27"), school_class=cancelled.school_class, status=status
        )

    assert suggested(cancelled, now) == []


def test_the_mail_names_the_dates_and_leads_to_the_page_where_one_is_taken(
    offer: Offer, cancelled: Enrolment, now: datetime
) -> None:
    at(offer, "2026-10-27")
    message = Message.objects.get(occasion="session_cancelled")

    with translation.override("da"):
        body = str(mail.render(message, now).body)

    assert "Maskinen er i stykker." in body
    assert "tirsdag 27. oktober 2026 kl. 9.00–11.00" in body
    assert f"/tilmeldinger/{cancelled.pk}/" in body
    assert "med ét klik" in body


def take(client: Client, enrolment: Enrolment, session: Session) -> Any:
    return client.post(reverse("enrolment-rebook", args=[enrolment.pk, session.pk]))


def test_one_click_takes_a_date_with_the_same_facts_and_a_second_click_changes_nothing(
    client: Client, offer: Offer, cancelled: Enrolment, now: datetime
) -> None:
    session = at(offer, "2026-10-27")
    assert cancelled.teacher is not None
    client.force_login(cancelled.teacher)
    page = client.get(reverse("enrolment", args=[cancelled.pk]))
    assert page.context["instead"] == [session]
    assert page.content.decode().count(reverse("enrolment-rebook", args=[cancelled.pk, session.pk])) == 1

    first, second = take(client, cancelled, session), take(client, cancelled, session)

    made = Enrolment.objects.get(session=session)
    assert [first["Location"], second["Location"]] == [reverse("enrolment", args=[made.pk])] * 2
    assert (made.status, made.pupils, made.adults, made.teacher_phone) == ("confirmed", 24, 3, "+4520304050")
    assert (made.school_class, made.teacher, made.needs_quiet, made.needs_text) == (
        cancelled.school_class,
        cancelled.teacher,
        True,
        "Vi har et høreapparat med",
    )


def test_what_the_teacher_wrote_does_not_go_along_when_a_colleague_clicks(
    client: Client, offer: Offer, cancelled: Enrolment
) -> None:
    session = at(offer, "2026-10-27")
    colleague = factories.MembershipFactory.create(school=cancelled.school, role=Membership.Role.AMBASSADOR).user
    client.force_login(colleague)

    take(client, cancelled, session)

    made = Enrolment.objects.get(session=session)
    assert (made.teacher, made.needs_quiet, made.needs_text) == (cancelled.teacher, True, "")


def test_a_date_that_no_longer_suits_is_refused_and_nothing_happens_on_get(
    client: Client, offer: Offer, cancelled: Enrolment
) -> None:
    session = at(offer, "2026-10-27", places_taken=28)
    assert cancelled.teacher is not None
    client.force_login(cancelled.teacher)

    answer = take(client, cancelled, session)

    assert answer["Location"] == reverse("enrolment", args=[cancelled.pk])
    assert client.get(reverse("enrolment-rebook", args=[cancelled.pk, session.pk])).status_code == 405
    assert Enrolment.objects.filter(session=session).count() == 0


def test_others_have_no_such_page(client: Client, offer: Offer, cancelled: Enrolment) -> None:
    session = at(offer, "2026-10-27")
    client.force_login(factories.MembershipFactory.create().user)

    assert take(client, cancelled, session).status_code == 404


def test_an_enrolment_that_stands_is_not_rebooked(client: Client, offer: Offer) -> None:
    role = factories.MembershipFactory.create()
    made = factories.EnrolmentFactory.create(
        session=at(offer, "2026-10-06"),
        school_class=factories.SchoolClassFactory.create(school=role.school),
        teacher=role.user,
    )
    session = at(offer, "2026-10-27")
    client.force_login(role.user)

    take(client, made, session)

    assert Enrolment.objects.filter(session=session).count() == 0


def test_a_date_for_which_lots_are_to_be_drawn_is_not_suggested(
    offer: Offer, cancelled: Enrolment, now: datetime
) -> None:
    drawn = at(offer, "2026-10-27", opens_at=now, draw_at=now + timedelta(hours=1))
    assert suggested(cancelled, now) == []

    Session.objects.update(drawn_at=now)

    assert suggested(cancelled, now) == [drawn]


def test_where_the_host_answers_each_request_nobody_is_told_that_the_date_is_the_classs(
    client: Client, offer: Offer, cancelled: Enrolment
) -> None:
    Offer.objects.update(acceptance="manual")
    session = at(offer, "2026-10-27")
    assert cancelled.teacher is not None
    client.force_login(cancelled.teacher)

    take(client, cancelled, session)

    page = client.get(reverse("enrolment", args=[Enrolment.objects.get(session=session).pk]))
    assert [str(one)[:47] for one in page.context["messages"]] == ["Færdig. Klassen har bedt om datoen med de samme"]

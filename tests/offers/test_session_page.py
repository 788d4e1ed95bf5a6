"""A session as a whole at the desk: its line and log on its page, and all dates of a month in one table."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from offers.models import Enrolment, Session
from portal.domain import audit
from portal.domain.actor import Actor
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]


@pytest.fixture
def session(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        made: Session = factories.SessionFactory.create(places=30, places_taken=10)
        yield made


def desk() -> Client:
    client = Client()
    client.force_login(factories.CoordinatorFactory.create())
    return client


def waiting(session: Session, places: int, hours_ago: int, now: datetime) -> Enrolment:
    made: Enrolment = factories.EnrolmentFactory.create(
        session=session,
        status="waitlisted",
        pupils=places,
        places=places,
        waiting_since=now - timedelta(hours=hours_ago),
    )
    return made


def test_the_page_shows_the_line_in_its_order_and_who_would_fit(session: Session, now: datetime) -> None:
    late, early = waiting(session, 12, 1, now), waiting(session, 25, 9, now)

    answer = desk().get(reverse("admin:offers_session_change", args=(session.pk,)))

    assert [(row["place"], row["label"], row["needs"], row["fits"]) for row in answer.context["line"]] == [
        (1, early.class_label, 25, False),
        (2, late.class_label, 12, True),
    ]
    assert "der er plads" in answer.content.decode()


def test_the_page_tells_what_happened_to_the_session_and_its_classes(session: Session, now: datetime) -> None:
    one = waiting(session, 12, 1, now)
    audit.record(Actor.job("seed"), "enrolment-waitlisted", one, at=now, places=12)
    audit.record(Actor.job("seed"), "session-places-changed", session, at=now, before=20, places=30)

    answer = desk().get(reverse("admin:offers_session_change", args=(session.pk,)))

    assert [row.line.entry.action for row in answer.context["log"]] == [
        "session-places-changed",
        "enrolment-waitlisted",
    ]


def test_where_nobody_waits_the_page_says_so(session: Session) -> None:
    answer = desk().get(reverse("admin:offers_session_change", args=(session.pk,)))

    assert "Ingen venter." in answer.content.decode()


# The month of all dates


def month(query: str = "") -> Any:
    return desk().get(reverse("admin:offers_session_month") + query)


def entries(answer: Any) -> list[tuple[str, str, int, int, str]]:
    days = answer.context["month"].busy_days
    return [(day.day.isoformat(), one.label, one.taken, one.places, one.state) for day in days for one in day.entries]


def test_the_month_shows_every_date_with_how_full_it_is(session: Session) -> None:
    begins = session.starts_at.replace(day=29)
    other = factories.SessionFactory.create(
        offer=session.offer, starts_at=begins, places=24, places_taken=24, state="cancelled", cancel_reason="Prøve"
    )

    answer = month(f"?maaned={session.starts_at:%Y-%m}")

    title = session.offer.title
    found = {(label, taken, places, state) for _day, label, taken, places, state in entries(answer)}
    assert answer.status_code == 200
    assert (title, 10, 30, "open") in found
    assert (title, 24, 24, "cancelled") in found or other.starts_at.month != session.starts_at.month


def test_the_month_is_narrowed_to_an_industry_and_to_free_places(session: Session) -> None:
    here = f"?maaned={session.starts_at:%Y-%m}"
    elsewhere = factories.SessionFactory.create(starts_at=session.starts_at, places=24, places_taken=24)

    assert session.offer.industry is not None
    everything, free = entries(month(here)), entries(month(here + "&ledige=1"))
    same = entries(month(f"{here}&branche={session.offer.industry.slug}"))

    assert (len(everything), len(free)) == (2, 1)
    assert len(same) == (2 if elsewhere.offer.industry_id == session.offer.industry_id else 1)


@pytest.mark.parametrize("wrong", ["", "2026", "2026-13", "0000-01", "9999-12", "x", "2026-1 "])
def test_a_month_that_is_none_is_the_one_of_today(session: Session, wrong: str, now: datetime) -> None:
    answer = month(f"?maaned={wrong}&branche=ukendt")

    assert (answer.status_code, answer.context["month"].first) == (200, now.date().replace(day=1))


@pytest.mark.parametrize("count", [1, 3])
def test_the_month_asks_the_database_as_often_for_three_dates_as_for_one(
    count: int, session: Session, django_assert_num_queries: Any
) -> None:
    for _ in range(count - 1):
        factories.SessionFactory.create(starts_at=session.starts_at)
    client, address = desk(), reverse("admin:offers_session_month") + f"?maaned={session.starts_at:%Y-%m}"
    client.get(address)

    with django_assert_num_queries(12):
        client.get(address)


def test_the_month_is_only_for_those_who_see_sessions(session: Session) -> None:
    client = Client()
    client.force_login(factories.MembershipFactory.create().user)

    assert client.get(reverse("admin:offers_session_month")).status_code == 403

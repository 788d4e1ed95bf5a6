"""A session's page at the desk: the line in its order, whether there is room, and what has happened."""

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

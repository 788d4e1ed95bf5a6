"""Moves at the coordinator's desk: proposed, carried out, withdrawn; and one date called off. Transactions commit."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import models
from django.test import Client
from django.urls import reverse

from offers.domain import planning
from offers.models import Enrolment, MoveProposal, Session
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN
from portal.models import AuditEntry, Message
from tests import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committing", "on_the_day")]


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=COPENHAGEN)


@pytest.fixture
def on_the_day(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def desk(committing: None) -> Client:
    factories.MunicipalityFactory.create()
    client = Client()
    client.force_login(factories.CoordinatorFactory.create(language="en"))
    return client


def page(row: models.Model, deed: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{deed}", args=(row.pk,))


@pytest.fixture
def enrolment(committing: None) -> Enrolment:
    role = factories.MembershipFactory.create()
    made: Enrolment = factories.EnrolmentFactory.create(
        school_class=factories.SchoolClassFactory.create(school=role.school),
        teacher=role.user,
        session=factories.SessionFactory.create(places_taken=24),
    )
    return made


NEW = {"day_1": "2026-10-20", "begins_1": "09:00", "ends_1": "11:00", "place_1": "Porten", "reason": "Ombygning"}


def buttons(desk: Client, session: Session) -> set[str]:
    shown = desk.get(page(session)).content.decode()
    deeds = ("propose_move", "move", "carry_out_move", "withdraw_move", "cancel", "cancel_date")
    return {deed for deed in deeds if page(session, deed) in shown}


def test_a_move_is_proposed_looked_over_and_carried_out(desk: Client, enrolment: Enrolment) -> None:
    session = enrolment.session
    assert buttons(desk, session) == {"propose_move", "move", "cancel"}
    asked = desk.get(page(session, "propose_move")).content.decode()
    assert (enrolment.school.name in asked, "5 school days" in asked) == (True, True)

    assert desk.post(page(session, "propose_move"), NEW).status_code == 302

    assert buttons(desk, session) == {"move", "carry_out_move", "withdraw_move", "cancel"}
    shown = desk.get(page(session, "carry_out_move")).content.decode()
    assert ("has not answered" in shown, "20 October 2026" in shown) == (True, True)
    assert desk.post(page(session, "carry_out_move")).status_code == 302
    session.refresh_from_db()
    assert (session.starts_at, session.meetings.get().place) == (local("2026-10-20T09:00"), "Porten")
    assert MoveProposal.objects.get().state == "carried_out"


def test_a_move_is_withdrawn_at_the_desk(desk: Client, enrolment: Enrolment) -> None:
    session = enrolment.session
    desk.post(page(session, "propose_move"), NEW)

    assert desk.post(page(session, "withdraw_move")).status_code == 302

    assert MoveProposal.objects.get().state == "withdrawn"
    assert Message.objects.filter(occasion="move_withdrawn").count() == 1
    assert desk.get(page(session, "withdraw_move")).status_code == 404


@pytest.mark.parametrize(
    ("facts", "field"),
    [({"reason": ""}, "reason"), ({"day_1": "2026-10-13"}, "day_1"), ({"ends_1": "08:00"}, "ends_1")],
)
def test_what_cannot_be_proposed_is_said_at_its_field(
    desk: Client, enrolment: Enrolment, facts: dict[str, str], field: str
) -> None:
    answer = desk.post(page(enrolment.session, "propose_move"), {**NEW, **facts})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert MoveProposal.objects.count() == 0


def test_a_direct_move_with_classes_asks_whether_it_has_been_agreed_and_the_log_keeps_it(
    desk: Client, enrolment: Enrolment
) -> None:
    answer = desk.post(page(enrolment.session, "move"), NEW)
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["agreed"])

    assert desk.post(page(enrolment.session, "move"), {**NEW, "agreed": "on"}).status_code == 302

    assert AuditEntry.objects.get(action="session-moved").facts["agreed"] is True
    history = desk.get(page(enrolment.session, "history")).content.decode()
    assert "having agreed it with every class" in history


def test_one_date_of_a_course_is_called_off_and_the_page_says_what_becomes_of_the_rest(
    desk: Client, now: datetime
) -> None:
    offer = factories.OfferFactory.create(meetings=3)
    spans = [(local(f"2026-10-{day}T12:00"), local(f"2026-10-{day}T14:00")) for day in ("06", "20", "27")]
    course = planning.plan_session(offer_id=offer.pk, starts=spans, places=28, by=Actor.job("test"), now=now)
    assert "cancel_date" in buttons(desk, course)
    second = course.meetings.get(number=2)

    shown = desk.get(page(course, "cancel_date")).content.decode()
    assert shown.count("So it goes on without this date.") == 3
    assert desk.post(page(course, "cancel_date"), {"meeting": "1", "reason": "Sygdom"}).status_code == 422
    assert desk.post(page(course, "cancel_date"), {"meeting": str(second.pk), "reason": "Sygdom"}).status_code == 302

    second.refresh_from_db()
    assert (second.state, second.cancel_reason) == ("cancelled", "Sygdom")
    assert desk.get(page(course, "cancel_date")).content.decode().count("So the whole is called off.") == 2


def test_past_sessions_offer_no_move(desk: Client, now: datetime) -> None:
    past = factories.SessionFactory.create(starts_at=now - timedelta(days=3))

    assert buttons(desk, past) == set()

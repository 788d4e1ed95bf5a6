"""A request is declined with a sentence, own words or both, and the mail can be read before it leaves."""

from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from offers.forms.declining import CHOICES, REASONS
from offers.forms.followup import AnswerForm
from offers.messages.enrolment import declined_as_it_would_be
from offers.models import Enrolment
from portal import mail
from portal.models import AuditEntry, Message
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]


@pytest.fixture
def request_waiting(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        role = factories.MembershipFactory.create(user__name="Lone Lærer", user__email="lone@skole.example")
        yield factories.EnrolmentFactory.create(
            status="pending",
            teacher=role.user,
            answer_by=now.replace(day=15),
            session=factories.SessionFactory.create(places_taken=24),
        )


def page(enrolment: Enrolment) -> str:
    return reverse("admin:offers_enrolment_decline", args=(enrolment.pk,))


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(factories.CoordinatorFactory.create())
    return client


def test_the_mail_is_shown_before_it_leaves_and_nothing_is_done(desk: Client, request_waiting: Enrolment) -> None:
    entries = AuditEntry.objects.count()
    shown = desk.post(page(request_waiting), {"why": "no-guide", "reason": "Prøv igen i marts.", "preview": "1"})

    request_waiting.refresh_from_db()
    text = shown.content.decode()
    assert (shown.status_code, request_waiting.status, request_waiting.ended_reason) == (200, "pending", "")
    assert (Message.objects.count(), AuditEntry.objects.count()) == (0, entries)
    assert "lone@skole.example" in text
    assert "Vi har ingen, der kan tage imod en klasse den dag. Prøv igen i marts." in text


@pytest.mark.usefixtures("committing")
def test_the_mail_that_leaves_is_the_one_that_was_shown(now: datetime) -> None:
    with time_machine.travel(now, tick=False):
        role = factories.MembershipFactory.create()
        waiting = factories.EnrolmentFactory.create(
            status="pending",
            teacher=role.user,
            answer_by=now.replace(day=15),
            session=factories.SessionFactory.create(places_taken=24),
        )
        client = Client()
        client.force_login(factories.CoordinatorFactory.create())
        typed = {"why": "too-many", "reason": ""}
        shown = client.post(page(waiting), {**typed, "preview": "1"}).context["preview"]
        client.post(page(waiting), typed)
        sent = mail.render(Message.objects.get(occasion="enrolment_declined"), now)

    assert (shown.subject, shown.body, shown.to) == (sent.subject, sent.body, sent.to)


def test_a_preview_without_a_reason_says_what_is_missing(desk: Client, request_waiting: Enrolment) -> None:
    answer = desk.post(page(request_waiting), {"why": "", "reason": "", "preview": "1"})

    assert (answer.status_code, answer.context["preview"]) == (422, None)
    assert answer.context["form"].errors.as_data().keys() == {"reason"}


def test_without_a_teacher_there_is_no_mail_to_show(request_waiting: Enrolment, now: datetime) -> None:
    request_waiting.teacher = None

    assert declined_as_it_would_be(request_waiting, reason="Nej", now=now) is None


@pytest.mark.parametrize(
    ("why", "words", "reason"),
    [
        ("group", "", str(REASONS["group"])),
        ("", "Vi flytter.", "Vi flytter."),
        ("group", "Kom i to hold.", f"{REASONS['group']} Kom i to hold."),
    ],
)
def test_a_host_may_choose_a_reason_write_one_or_both(why: str, words: str, reason: str) -> None:
    form = AnswerForm({"answer": "no", "why": why, "reason": words})

    assert form.is_valid(), form.errors
    assert form.cleaned_data["reason"] == reason


def test_a_sentence_and_the_longest_words_fit_into_the_reason() -> None:
    longest = max((str(sentence) for _code, sentence in CHOICES), key=len)
    form = AnswerForm({"answer": "no", "why": "no-guide", "reason": "x" * 220})

    assert form.is_valid()
    assert len(longest) + 1 + 220 <= 300

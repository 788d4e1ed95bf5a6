"""History in words: a sentence for every code the code base records, names looked up when somebody looks."""

import ast
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from companies.models import Company
from offers.models import Enrolment
from portal import history
from portal.domain import audit, links
from portal.domain.actor import Actor
from portal.models import AuditEntry, Link, User
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]
ROOT = Path(__file__).resolve().parents[2]
APPS = ["portal", "companies", "schools", "offers"]
# Codes that are put together: the beginning that stands in the code, and what may follow.
TOGETHER = {
    "enrolment-": [
        value.replace("_", "-")
        for value in Enrolment.Status.values
        if value != "offered"  # recorded under its own, whole code
    ],
    "company-": list(Company.State.values),
    "": [],  # the desk's plain edits: see below
}
# Codes that a step is handed, by the name of its argument.
HANDED_ON = {
    "action": ["membership-confirmed", "membership-refused"],
    "failure": ["code-refused", "second-factor-failed"],
}


def recorded() -> Iterator[tuple[str, ast.expr]]:
    """Yield every call of ``audit.record`` in the code base: where it stands, and the code it is given."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr == "record"
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id == "audit"
                ):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.args[1]


def codes_of(expression: ast.expr) -> list[str]:
    """Return the codes that an expression can be; a part that is not written down stands as what may follow."""
    if isinstance(expression, ast.Constant):
        return [str(expression.value)]
    if isinstance(expression, ast.Name):
        return HANDED_ON[expression.id]
    if isinstance(expression, ast.IfExp):
        return [*codes_of(expression.body), *codes_of(expression.orelse)]
    if isinstance(expression, ast.JoinedStr):
        first = expression.values[0]
        start = str(first.value) if isinstance(first, ast.Constant) else ""
    elif isinstance(expression, ast.BinOp) and isinstance(expression.left, ast.Constant):
        start = str(expression.left.value)
    else:
        raise AssertionError(f"Write the code in full: {ast.unparse(expression)}")
    return [start + rest for rest in TOGETHER[start]]


def test_every_code_that_is_recorded_has_a_sentence() -> None:
    found = {code: place for place, expression in recorded() for code in codes_of(expression)}

    assert len(found) > 50
    assert {code: place for code, place in found.items() if not history.is_told(code)} == {}


def test_every_sentence_belongs_to_a_code_that_is_recorded() -> None:
    found = {code for _place, expression in recorded() for code in codes_of(expression)}

    assert set(history.sentences()) - found == set()


def test_a_code_without_a_sentence_is_noticed() -> None:
    """The negative control."""
    assert history.is_told("offer-vanished") is False


def test_plain_edits_of_every_list_have_a_sentence() -> None:
    names = [str(model._meta.model_name) for model in admin.site._registry]

    assert [name for name in names for what in history.PLAIN_EDITS if not history.is_told(f"{name}-{what}")] == []


def test_no_sentence_stumbles_over_facts_that_an_older_entry_does_not_hold() -> None:
    for action in history.sentences():
        entry = AuditEntry(action=action, actor_kind="job", object_type="offers.offer", facts={})
        told = history.sentence_of(entry, "Karen Holm")
        assert [sign for sign in ("%(", "{") if sign in told] == [], action


def line(by: Actor, action: str, about: Any, **facts: Any) -> str:
    audit.record(by, action, about, **facts)
    with translation.override("en"):
        return history.lines(AuditEntry.objects.filter(action=action))[-1].sentence


@pytest.mark.parametrize("number", [1, 2])
def test_every_sentence_is_said_in_danish_too(number: int) -> None:
    facts = dict.fromkeys(["enrolments", "comments", "pupils", "places", "count", "dates"], number)
    entries = [AuditEntry(action=code, actor_kind="job", actor_id="x", facts=facts) for code in history.sentences()]
    said: dict[str, list[str]] = {}
    for language in ("da", "en"):
        with translation.override(language):
            said[language] = [line.sentence for line in history.lines(entries)]

    same = [one.action for one, danish, english in zip(entries, *said.values(), strict=True) if danish == english]
    assert same == []


def test_a_line_says_who_did_what_with_the_numbers() -> None:
    karen = Actor.of_user(factories.CoordinatorFactory.create(name="Karen Holm"))
    enrolment = factories.EnrolmentFactory.create()

    assert line(karen, "enrolment-confirmed", enrolment, pupils=27, before="pending") == (
        "Karen Holm approved the enrolment, 27 pupils"
    )
    assert line(
        karen,
        "session-moved",
        enrolment.session,
        before="2026-10-06T07:00:00+00:00",
        starts_at="2026-10-20T07:00:00+00:00",
    ).startswith("Karen Holm moved the session from ")
    assert line(karen, "company-changed", enrolment.session.offer.company, fields=["city", "phone"]) == (
        "Karen Holm changed town and phone"
    )
    assert line(Actor.job("expire-requests"), "offer-paused", enrolment.session.offer) == "The portal paused the course"


def test_whoever_was_erased_is_a_deleted_person() -> None:
    karen = factories.CoordinatorFactory.create(name="Karen Holm")
    offer = factories.OfferFactory.create()
    audit.record(Actor.of_user(karen), "offer-paused", offer)
    User.objects.filter(pk=karen.pk).delete()

    with translation.override("en"):
        assert [one.sentence for one in history.lines(AuditEntry.objects.all())] == [
            "a deleted person paused the course"
        ]


def test_a_company_is_named_by_its_contact(now: datetime) -> None:
    contact = factories.ContactFactory.create(name="Mette Smed", company__name="Fjord Svejs")
    link = links.ensure(purpose=Link.Purpose.HOST, reference_id=contact.pk, now=now)
    session = factories.SessionFactory.create()

    assert line(Actor.of_link(link), "session-cancelled", session, enrolments=1) == (
        "Mette Smed (Fjord Svejs) cancelled the session, with 1 enrolment"
    )


def test_many_lines_take_as_many_queries_as_few(now: datetime) -> None:
    offer = factories.OfferFactory.create()
    taken = []
    for count in (1, 5):
        for _number in range(count):
            audit.record(Actor.of_user(factories.CoordinatorFactory.create()), "offer-paused", offer)
        with CaptureQueriesContext(connection) as captured:
            history.lines(AuditEntry.objects.all())
        taken.append(len(captured))
    assert taken == [2, 2]


# The page


@pytest.fixture
def coordinator() -> Client:
    client = Client()
    client.force_login(factories.CoordinatorFactory.create(name="Karen Holm"))
    return client


def test_the_history_of_a_course_tells_of_its_sessions_and_enrolments_too(coordinator: Client, now: datetime) -> None:
    karen = Actor.of_user(User.objects.get(name="Karen Holm"))
    enrolment = factories.EnrolmentFactory.create()
    session, offer = enrolment.session, enrolment.session.offer
    audit.record(karen, "offer-published", offer)
    audit.record(karen, "session-planned", session, places=28, starts_at=session.starts_at.isoformat())
    audit.record(karen, "enrolment-confirmed", enrolment, pupils=24)
    audit.record(karen, "offer-published", factories.OfferFactory.create())

    with time_machine.travel(now, tick=False):
        page = coordinator.get(reverse("admin:offers_offer_history", args=(offer.pk,)))

    told = [one.line.entry.action for one in page.context["rows"]]
    assert told == ["enrolment-confirmed", "session-planned", "offer-published"]
    assert "Karen Holm" in page.content.decode()


def test_history_is_turned_in_pages(coordinator: Client) -> None:
    company = factories.CompanyFactory.create()
    for _number in range(60):
        audit.record(Actor.job("test"), "company-changed", company, fields=["city"])
    address = reverse("admin:companies_company_history", args=(company.pk,))

    first, second = coordinator.get(address), coordinator.get(address + "?side=2")

    assert [len(first.context["rows"]), len(second.context["rows"])] == [50, 10]
    assert [first.context["older"], second.context["older"]] == [2, None]
    assert coordinator.get(address + "?side=0").status_code == 200
    assert coordinator.get(address + "?side=²").status_code == 200


def test_nobody_without_the_right_to_see_a_row_reads_its_history() -> None:
    offer = factories.OfferFactory.create()
    operator = Client()
    operator.force_login(factories.OperatorFactory.create())

    assert operator.get(reverse("admin:offers_offer_history", args=(offer.pk,))).status_code == 403


def test_a_row_that_does_not_exist_has_no_history(coordinator: Client) -> None:
    missing = "00000000-0000-0000-0000-000000000000"

    assert coordinator.get(reverse("admin:offers_offer_history", args=(missing,))).status_code == 404

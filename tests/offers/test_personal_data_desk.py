"""What coordinators do about personal data at the desk, each on a page that says first what will happen."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from companies.models import Contact
from portal.domain import privacy
from portal.domain.actor import Actor
from portal.models import AuditEntry, Erasure, ErasureRequest, LegalHold, Municipality, User
from tests import factories
from tests.conftest import TODAY

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality", "committing")]


@pytest.fixture
def desk(committing: None) -> Any:
    factories.MunicipalityFactory.create()
    client = Client()
    with time_machine.travel(TODAY, tick=False):
        client.force_login(factories.AdministratorFactory.create())
        yield client


def page(kind: str, deed: str, pk: Any) -> str:
    return reverse(f"admin:{'portal_user' if kind == 'user' else 'companies_contact'}_{deed}", args=[pk])


def somebody(kind: str) -> Any:
    if kind == "user":
        return factories.UserFactory.create(name="Ole Olsen", email="ole@skole.example")
    return factories.ContactFactory.create(name="Ole Olsen", email="ole@firma.example")


@pytest.mark.parametrize("kind", ["user", "contact"])
def test_a_coordinator_hands_out_the_data_of_a_person(desk: Client, kind: str) -> None:
    person = somebody(kind)
    address = page(kind, "hand_out_data", person.pk)

    asked = desk.get(address)
    assert AuditEntry.objects.filter(action="person-exported").exists() is False
    machine, printed = desk.post(address, {"form": "json"}), desk.post(address, {"form": "page"})

    stored = {answer.headers["Cache-Control"].split(",")[0] for answer in (machine, printed)}
    assert (asked.status_code, stored) == (200, {"no-store"})
    assert machine.json()["kind"] == kind
    assert person.email in printed.content.decode()
    noted = AuditEntry.objects.filter(action="person-exported", object_id=str(person.pk))
    assert sorted(one.facts["form"] for one in noted) == ["json", "page"]


@pytest.mark.parametrize("kind", ["user", "contact"])
def test_a_coordinator_erases_a_person(desk: Client, kind: str) -> None:
    person = somebody(kind)
    address = page(kind, "erase_person", person.pk)
    asked = desk.get(address).content.decode()
    assert "Ole Olsen" in asked
    assert Erasure.objects.exists() is False

    done = desk.post(address)

    listing = "admin:portal_user_changelist" if kind == "user" else "admin:companies_contact_changelist"
    assert (done.status_code, done.headers["Location"]) == (302, reverse(listing))
    assert (User.objects.filter(name="Ole Olsen").count(), Contact.objects.filter(name="Ole Olsen").count()) == (0, 0)
    assert Erasure.objects.get().kind == kind


def test_what_stands_against_an_erasure_is_said_before_and_after_the_press(desk: Client) -> None:
    enrolment = factories.EnrolmentFactory.create(session__offer__title="Svejs et bogmærke")
    address = page("user", "erase_person", enrolment.teacher_id)

    asked, refused = desk.get(address), desk.post(address)

    assert "Svejs et bogmærke" in asked.content.decode()
    assert (refused.status_code, "Svejs et bogmærke" in refused.content.decode()) == (422, True)
    assert User.objects.filter(pk=enrolment.teacher_id).exists()


@pytest.mark.parametrize("deed", ["erase_person", "hand_out_data"])
def test_both_want_a_recent_proof_of_identity(desk: Client, deed: str) -> None:
    person = somebody("user")
    with time_machine.travel(TODAY + timedelta(minutes=16), tick=False):
        answer = desk.post(page("user", deed, person.pk), {"form": "json"})

    assert (answer.status_code, "/konto/" in answer.headers["Location"]) == (302, True)
    assert (
        User.objects.filter(pk=person.pk).exists(),
        AuditEntry.objects.filter(action="person-exported").count(),
    ) == (
        True,
        0,
    )


def test_a_hold_is_set_with_a_reason_and_ended(desk: Client) -> None:
    person = somebody("contact")
    empty = desk.post(page("contact", "hold_back", person.pk), {"reason": "", "until": "2026-09-01"})
    past = desk.post(page("contact", "hold_back", person.pk), {"reason": "Klage", "until": "2026-09-01"})
    assert (empty.status_code, past.status_code, list(past.context["form"].errors)) == (422, 422, ["until"])

    desk.post(page("contact", "hold_back", person.pk), {"reason": "En klage behandles.", "until": "2026-12-01"})
    hold = LegalHold.objects.get()
    assert (hold.kind, hold.subject_id, hold.reason) == ("contact", person.pk, "En klage behandles.")
    refused = desk.post(page("contact", "erase_person", person.pk))
    assert "En klage behandles." in refused.content.decode()
    listed = desk.get(reverse("admin:portal_legalhold_changelist")).content.decode()
    assert "Ole Olsen" in listed

    desk.post(page("contact", "lift_hold", person.pk))
    assert LegalHold.objects.exists() is False


def test_requests_are_listed_the_oldest_first_and_answered(desk: Client) -> None:
    first, second = somebody("user"), somebody("contact")
    for number, (kind, person) in enumerate((("user", first), ("contact", second))):
        now = TODAY + timedelta(days=number)
        privacy.ask_for_erasure(kind=kind, subject_id=person.pk, by=Actor.job("test"), now=now)
    listing = desk.get(reverse("admin:portal_erasurerequest_changelist")).content.decode()
    assert listing.index("ole@skole.example") < listing.index("ole@firma.example")
    assert "8. okt" in listing

    asked = ErasureRequest.objects.get(kind="user")
    desk.get(reverse("admin:portal_erasurerequest_change", args=[asked.pk]))
    desk.post(reverse("admin:portal_erasurerequest_erase_person", args=[asked.pk]))
    desk.post(reverse("admin:portal_erasurerequest_answered", args=[ErasureRequest.objects.get(kind="contact").pk]))

    assert (User.objects.filter(pk=first.pk).exists(), Contact.objects.filter(pk=second.pk).exists()) == (False, True)
    assert ErasureRequest.objects.exists() is False
    assert AuditEntry.objects.filter(action="erasure-answered").count() == 1


@pytest.mark.parametrize("rows", [1, 3])
def test_the_lists_ask_no_question_per_row_but_who_it_is(desk: Client, rows: int) -> None:
    for _row in range(rows):
        Erasure.objects.create(kind="user", subject_digest="0" * 64, counts={"mails": 3})
    with CaptureQueriesContext(connection) as queries:
        answer = desk.get(reverse("admin:portal_erasure_changelist"))

    assert ("mails: 3" in answer.content.decode(), len(queries) <= 16) == (True, True), len(queries)


def test_the_record_of_processing_stands_at_the_desk(desk: Client) -> None:
    text = desk.get(reverse("admin:portal_erasure_record")).content.decode()

    assert (text.count("GDPR"), "6 måneder" in text) >= (5, True)


def test_the_municipality_shortens_a_lifetime_and_cannot_prolong_it(desk: Client) -> None:
    municipality = Municipality.objects.get()
    address = reverse("admin:portal_municipality_change", args=[municipality.pk])
    form = desk.get(address).context["adminform"].form
    shown = {
        name: form[name].value()
        for name in form.fields
        if form[name].value() not in (None, False) or form[name].value() == 0
    }
    data = {name: ", ".join(map(str, value)) if isinstance(value, list) else value for name, value in shown.items()}
    data["organisation_models"] = shown.get("organisation_models", [])

    longer = desk.post(address, {**data, "keep_visit_months": "7"})
    assert "keep_visit_months" in longer.context["adminform"].form.errors
    desk.post(address, {**data, "keep_visit_months": "2"})

    assert Municipality.objects.get().keep_visit_months == 2
    assert "2 måneder" in Client().get(reverse("privacy")).content.decode()

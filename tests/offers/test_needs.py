"""The text about needs: doubted when it names somebody or a diagnosis, read by few, and every reading noted."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from offers.domain import needs
from offers.models import Enrolment
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Municipality
from tests import factories
from tests.conftest import TODAY


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("En elev har ADHD og skal sidde foran", "ADHD"),
        ("To har diabetes", "diabetes"),
        ("Autistisk dreng", "Autistisk"),
        ("Emil sidder i kørestol", "Emil"),
        ("Vi har en dreng, Bertil, som går langsomt", "Bertil"),
        ("Vi kommer med Thorbjørns mor", "Thorbjørns"),
        ("Vi kommer med bus. Klokken er måske ti over ni.", ""),
        ("En elev sidder i kørestol og skal bruge rampe.", ""),
        ("Fire spiser vegetarisk, én tåler ikke nødder", ""),
        ("", ""),
    ],
)
def test_a_text_that_seems_to_name_a_diagnosis_or_a_pupil_is_doubted(text: str, word: str) -> None:
    assert needs.hint(text) == word


@pytest.mark.django_db
def test_a_doubted_text_is_asked_about_once_and_taken_when_it_is_meant(municipality: Municipality) -> None:
    with time_machine.travel(TODAY, tick=False):
        role = factories.MembershipFactory.create()
        school_class = factories.SchoolClassFactory.create(school=role.school)
        session = factories.SessionFactory.create()
        client = Client()
        client.force_login(role.user)
        page = reverse("enrol", args=[session.pk])
        form = {"school_class": str(school_class.pk), "adults": "2", "form_token": str(uuid4())}

        asked = client.post(page, {**form, "needs_text": "Emil har ADHD"})
        assert list(asked.context["form"].errors) == ["needs_text"]
        assert ("Emil har ADHD" in asked.content.decode(), 'name="needs_sure"' in asked.content.decode()) == (
            True,
            True,
        )
        assert Enrolment.objects.count() == 0
        client.post(page, {**form, "needs_text": "Emil har ADHD", "needs_sure": "on"})

    assert Enrolment.objects.get().needs_text == "Emil har ADHD"


@pytest.mark.django_db
def test_host_and_coordinator_read_the_text_and_nobody_else(municipality: Municipality) -> None:
    enrolment = factories.EnrolmentFactory.create(needs_text="En elev sidder ned")
    contact = enrolment.session.offer.contact
    host = Actor(kind="link", id="l", purpose="host", reference_id=contact.pk)
    stranger = Actor(kind="link", id="l", purpose="host", reference_id=factories.ContactFactory.create().pk)
    teacher, desk = Actor.of_user(enrolment.teacher), Actor.of_user(factories.CoordinatorFactory.create())

    for by in (host, desk):
        assert needs.read_needs(enrolment_id=enrolment.pk, by=by, now=TODAY) == "En elev sidder ned"
    for by in (stranger, teacher):
        with pytest.raises(Refusal) as refused:
            needs.read_needs(enrolment_id=enrolment.pk, by=by, now=TODAY)
        assert refused.value.code == "not-yours"

    assert list(AuditEntry.objects.order_by("pk").values_list("action", "actor_kind")) == [
        ("needs-read", "link"),
        ("needs-read", "user"),
    ]


@pytest.mark.django_db
def test_the_municipality_may_end_it_sooner() -> None:
    factories.MunicipalityFactory.create(keep_needs_days=2)
    enrolment = factories.EnrolmentFactory.create(needs_text="En elev sidder ned")
    ends = enrolment.session.ends_at

    found = [
        needs.is_readable(enrolment, now=ends + timedelta(days=days, hours=hours)) for days, hours in ((2, -1), (2, 0))
    ]
    assert found == [True, False]


@pytest.mark.django_db
@pytest.mark.usefixtures("committing")
def test_the_coordinator_reads_it_at_the_desk_by_a_press(municipality: Municipality) -> None:
    enrolment = factories.EnrolmentFactory.create(needs_text="En elev sidder ned")
    with time_machine.travel(TODAY, tick=False):
        desk = Client()
        desk.force_login(factories.CoordinatorFactory.create())
        row = desk.get(reverse("admin:offers_enrolment_change", args=[enrolment.pk]))
        page = reverse("admin:offers_enrolment_read_needs", args=[enrolment.pk])
        looked, read = desk.get(page), desk.post(page)

    shown = ["En elev sidder ned" in answer.content.decode() for answer in (row, looked, read)]
    assert (shown, read.headers["Cache-Control"].split(",")[0]) == ([False, False, True], "no-store")
    assert AuditEntry.objects.filter(action="needs-read", object_id=str(enrolment.pk)).count() == 1


@pytest.mark.django_db
def test_colleagues_at_the_school_see_the_ticks_and_not_the_text(municipality: Municipality) -> None:
    enrolment: Any = factories.EnrolmentFactory.create(needs_text="En elev sidder ned", needs_quiet=True)
    leader = factories.MembershipFactory.create(school=enrolment.school, role="leader").user
    seen = []
    for person in (enrolment.teacher, leader):
        client = Client()
        client.force_login(person)
        seen.append("En elev sidder ned" in client.get(reverse("enrolment", args=[enrolment.pk])).content.decode())

    assert seen == [True, False]

"""What somebody can read and take along about themselves, and what coordinators hand out: all of it, of nobody else."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import translation

from companies.models import Contact
from portal import mail
from portal.domain import links, outbox, privacy
from portal.domain.actor import Actor
from portal.domain.privacy import Kind
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, ErasureRequest, Link, Message, User
from tests import factories
from tests.life import LATER, Life, browser_of, contacts_life, pressed, teachers_life, town

pytestmark = pytest.mark.django_db

# Strings of a life that are not handed out: ids are shown as *you*.
IDS = {"id", "id of the invitation's link", "id of the host's link", "id of the survey's link"}


def proven(client: Client) -> Client:
    """Let the browser have proved a moment ago who sits there."""
    session = client.session
    session["signed_in_at"] = LATER.timestamp()
    session.save()
    return client


def squeezed(text: str) -> str:
    return text.replace(" ", "").lower()


def missing(life: Life, text: str) -> list[str]:
    """Return which of a person's strings are not in what was handed out, however digits are grouped."""
    compact = squeezed(text)
    return [name for name, canary in life.canaries.items() if name not in IDS and squeezed(canary) not in compact]


def test_everything_about_a_person_is_handed_out_and_nothing_about_another() -> None:
    place = town()
    lives = {"teacher": teachers_life(place), "contact": contacts_life(place)}
    with translation.override("da"):
        texts = {
            who: json.dumps(privacy.export(subject_of(life), now=LATER).as_data(), ensure_ascii=False)
            for who, life in lives.items()
        }

    assert {who: missing(life, texts[who]) for who, life in lives.items()} == {"teacher": [], "contact": []}
    strangers: dict[str, list[str]] = {
        who: [
            word
            for person in everybody_but(lives[who])
            for word in (person.name, person.email)
            if word.lower() in text.lower()
        ]
        for who, text in texts.items()
    }
    assert strangers == {"teacher": [], "contact": []}
    every_personal_column_is_handed_out_or_a_secret(lives)


def everybody_but(life: Life) -> list[Any]:
    return [*User.objects.exclude(pk=life.id), *Contact.objects.exclude(pk=life.id)]


def subject_of(life: Life) -> privacy.Subject:
    found = privacy.find(life.kind, life.id)
    assert found is not None
    return found


def every_personal_column_is_handed_out_or_a_secret(lives: dict[str, Life]) -> None:
    for life in lives.values():
        subject = subject_of(life)
        export = privacy.export(subject, now=LATER)
        shown = {(section.code, name) for section in export.sections for name in _names(section)}
        for holding, model in privacy.register().installed:
            if holding.of is None or not holding.of(subject).exists():
                continue
            for tag in holding.tags:
                column: Any = model._meta.get_field(tag.field)
                if tag.kind == Kind.NONE or column.many_to_many:
                    continue
                title = str(holding.words.get(tag.field, column.verbose_name))
                assert (holding.model, title[:1].upper() + title[1:]) in shown, tag


def _names(section: privacy.Section) -> set[str]:
    return {fact.name for entry in section.entries for fact in entry.facts}


def test_a_page_shows_what_a_person_understands_and_the_file_holds_everything() -> None:
    life = teachers_life(town())
    export = privacy.export(subject_of(life), now=LATER)
    rows = [entry for section in export.sections for entry in section.entries]
    shown = {fact.name for entry in rows for fact in entry.telling}
    words = "\n".join(fact.words for entry in rows for fact in entry.telling)
    held = {name for section in export.as_data()["sections"] for row in section["rows"] for name in row}

    hidden = {
        name for name in held - shown if any(fact.value for row in rows for fact in row.facts if fact.name == name)
    }
    assert [name for name in shown if "token" in name.lower() or name.lower() in {"id", "version"}] == []
    assert hidden >= {"Id", "Form token"}
    assert re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-|T\d\d:\d\d:\d\d", words) is None


def test_the_coordinators_get_a_mail_when_somebody_asks_to_be_erased_which_names_nobody() -> None:
    person = factories.UserFactory.create(name="Kim Navnløs")
    coordinator, busy = factories.CoordinatorFactory.create(), factories.CoordinatorFactory.create()
    factories.ReviewerFactory.create()
    for _twice in range(2):
        privacy.ask_for_erasure(kind="user", subject_id=person.pk, by=Actor.of_user(busy), now=LATER)

    message = Message.objects.get(occasion="erasure_asked")
    occasion = outbox.occasions()["erasure_asked"]
    wanted = occasion.still_wanted(message, LATER)
    letter = mail.render(message, LATER).message().as_string()
    ErasureRequest.objects.all().delete()

    assert (message.recipient_id, wanted) == (coordinator.pk, True)
    assert ("Navnløs" in letter, person.email in letter) == (False, False)
    assert occasion.still_wanted(message, LATER) is False


def test_secrets_are_named_and_not_shown() -> None:
    person = factories.UserFactory.create(password="argon2$geheim")
    with translation.override("en"):
        text = json.dumps(privacy.export(subject_of(Life("user", person.pk, {})), now=LATER).as_data())

    assert ("argon2$geheim" in text, "is not shown" in text) == (False, True)


def test_a_teacher_reads_takes_along_and_asks(django_assert_max_num_queries: Any) -> None:
    life = teachers_life(town())
    with time_machine.travel(LATER, tick=False):
        client = browser_of(User.objects.get(pk=life.id))
        with django_assert_max_num_queries(90):
            page = client.get(reverse("my-data"))
        assert AuditEntry.objects.filter(action="person-exported").exists() is False
        proven(client)
        printed = client.post(reverse("my-data-take"), {"form": "page"})
        machine = client.post(reverse("my-data-take"), {"form": "json"})
        asking = client.get(reverse("my-data-erase"))
        assert ErasureRequest.objects.exists() is False
        asked = [client.post(reverse("my-data-erase")) for _twice in range(2)]
        told = client.get(reverse("my-data"))

    assert [missing(life, answer.content.decode()) for answer in (page, printed)] == [[], []]
    assert missing(life, json.dumps(machine.json(), ensure_ascii=False)) == []
    assert printed.headers["Cache-Control"] == machine.headers["Cache-Control"] == "no-store"
    assert machine.headers["Content-Disposition"] == 'attachment; filename="mine-oplysninger.json"'
    noted = AuditEntry.objects.filter(action="person-exported", object_id=str(life.id)).order_by("pk")
    rows = sum(len(section["rows"]) for section in machine.json()["sections"])
    assert [(one.facts["form"], one.facts["own"]) for one in noted] == [("page", True), ("json", True)]
    assert noted[1].facts["rows"] == rows
    assert (asking.status_code, [answer.status_code for answer in asked]) == (200, [302, 302])
    request = ErasureRequest.objects.get()
    assert (request.kind, request.subject_id, request.asked_at) == ("user", life.id, LATER)
    assert "Du har bedt om at blive slettet" in told.content.decode()


def test_a_copy_wants_a_recent_proof_of_identity() -> None:
    client = browser_of(factories.UserFactory.create())
    session = client.session
    session["signed_in_at"] -= 16 * 60
    session.save()
    answer = client.post(reverse("my-data-take"), {"form": "json"})

    assert answer.status_code == 302
    assert AuditEntry.objects.filter(action="person-exported").exists() is False


def test_a_contact_reads_takes_along_and_asks_by_the_own_link() -> None:
    life = contacts_life(town())
    with time_machine.travel(LATER, tick=False):
        client = pressed(Link.objects.get(purpose="host", reference_id=life.id, parent=None))
        page = client.get(reverse("host-data", args=[life.id]))
        machine = client.post(reverse("host-data-take", args=[life.id]), {"form": "json"})
        printed = client.post(reverse("host-data-take", args=[life.id]), {"form": "page"})
        asked = client.post(reverse("host-data-erase", args=[life.id]))

    assert missing(life, page.content.decode()) == missing(life, printed.content.decode()) == []
    assert missing(life, json.dumps(machine.json(), ensure_ascii=False)) == []
    assert (asked.status_code, ErasureRequest.objects.get().kind) == (302, "contact")


def test_a_colleague_to_whom_the_link_was_sent_on_does_not_see_the_contacts_data() -> None:
    life = Life("contact", factories.ContactFactory.create().pk, {})
    parent = links.ensure(purpose=Link.Purpose.HOST, reference_id=life.id, now=LATER)
    child = Link(
        purpose="host", reference_id=life.id, parent=parent, holder_name="Ida", holder_address="ida@x.example",
        expires_at=LATER + timedelta(days=9),
    )  # fmt: skip
    child.token_digest = links.digest_of(links.token(child))
    child.save()
    with time_machine.travel(LATER, tick=False):
        client = pressed(child)
        answers = [
            client.get(reverse("host-data", args=[life.id])).status_code,
            client.post(reverse("host-data-take", args=[life.id])).status_code,
            client.post(reverse("host-data-erase", args=[life.id])).status_code,
        ]

    assert answers == [404, 404, 404]


def test_the_page_about_erasure_says_what_stands_against_it() -> None:
    enrolment = factories.EnrolmentFactory.create(session__offer__title="Svejs")
    with time_machine.travel(enrolment.session.starts_at - timedelta(days=1), tick=False):
        client = browser_of(enrolment.teacher)
        page = client.get(reverse("my-data-erase")).content.decode()

    assert "Svejs" in page


def test_only_the_person_and_coordinators_are_handed_anything() -> None:
    person, other = factories.UserFactory.create(), factories.UserFactory.create()
    with pytest.raises(Refusal) as refused:
        privacy.hand_out(kind="user", subject_id=person.pk, form="json", by=Actor.of_user(other), now=LATER)
    assert refused.value.code == "coordinators-only"

    desk = Actor.of_user(factories.CoordinatorFactory.create())
    privacy.hand_out(kind="user", subject_id=person.pk, form="json", by=desk, now=LATER)
    assert AuditEntry.objects.get(action="person-exported").facts["own"] is False

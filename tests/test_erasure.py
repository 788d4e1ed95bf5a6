"""A person who has lived a whole life in the portal is erased: nothing that leads to the person is left."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import transaction

from companies.models import Contact
from offers.domain import search
from offers.models import Enrolment, Offer, SurveyRequest
from portal.domain import ledger, links, outbox, privacy
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Document, Erasure, Link, Message, User
from tests import factories
from tests.life import LATER, Life, Town, contacts_life, dump, heard, hits, left, media, statistics, teachers_life, town

pytestmark = pytest.mark.django_db

ERASED_AT = LATER + timedelta(days=1)
LIVES: dict[str, Callable[[Town], Life]] = {"teacher": teachers_life, "contact": contacts_life}


@pytest.fixture
def place() -> Town:
    return town()


def erase(life: Life, place: Town, **more: Any) -> Erasure:
    by = Actor.of_user(place.coordinator)
    return privacy.erase_person(kind=life.kind, subject_id=life.id, by=by, now=ERASED_AT, **more)


NEEDED = {
    "teacher": [
        "mails-about-classes", "survey-comments", "enrolments", "mails", "sessions", "cache", "account", "words",
    ],
    "contact": [
        "survey-comments", "invites", "signatures", "contact", "mails", "links", "sessions", "cache", "words",
    ],
}  # fmt: skip


@pytest.mark.parametrize("who", LIVES)
def test_nothing_of_a_whole_life_is_left_and_every_number_stays(place: Town, who: str) -> None:
    with heard() as logs:
        life = LIVES[who](place)
        before, counted = hits(life, dump(), media()), statistics()
        assert len(mail.outbox) >= 4
        needed = steps_without_which_something_is_left(life, place)

        line = erase(life, place)

    assert [name for name, count in before.items() if count == 0] == [], "strings that never got in"
    assert left(hits(life, dump(), media(), logs())) == {}
    assert statistics() == counted
    assert needed == NEEDED[who], "the negative control"
    assert line.counts["mails"] >= 3
    entry = AuditEntry.objects.get(action="person-erased")
    assert (entry.object_id, entry.facts["mails"]) == (str(line.pk), line.counts["mails"])
    assert Document.objects.count() == 0

    assert erase(life, place) == line, "erasing again finds nothing"
    assert AuditEntry.objects.filter(action="person-erased").count() == 1


def steps_without_which_something_is_left(life: Life, place: Town) -> list[str]:
    """Erase once without each step, take it back, and return the steps whose absence was seen."""
    whole, needed = privacy.register(), []
    for step in [*whole.erasers, None]:
        point = transaction.savepoint()
        register = replace(whole, erasers=[one for one in whole.erasers if one is not step])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(privacy, "register", lambda register=register: register)
            if step is None:
                patch.setattr(privacy, "scrub", lambda _subject: 0)
            erase(life, place)
        if left(hits(life, dump())):
            needed.append(step.name if step else "words")
        transaction.savepoint_rollback(point)
    return needed


def test_a_contact_teacher_of_classes_to_come_is_not_erased(place: Town) -> None:
    enrolment = factories.EnrolmentFactory.create(session__offer__title="Svejs")
    teacher = enrolment.teacher
    before = enrolment.session.ends_at - timedelta(minutes=1)

    with pytest.raises(Refusal) as refused:
        privacy.erase_person(kind="user", subject_id=teacher.pk, by=Actor.of_user(place.coordinator), now=before)

    assert refused.value.code == "visits-to-come"
    assert f"{enrolment.class_label}, Svejs, " in str(refused.value)
    privacy.erase_person(
        kind="user",
        subject_id=teacher.pk,
        by=Actor.of_user(place.coordinator),
        now=enrolment.session.ends_at + timedelta(minutes=1),
    )
    assert User.objects.filter(pk=teacher.pk).exists() is False


def test_the_only_contact_of_a_company_with_classes_to_come_is_not_erased(place: Town) -> None:
    enrolment = factories.EnrolmentFactory.create()
    contact = enrolment.session.offer.contact
    facts: dict[str, Any] = {
        "kind": "contact",
        "subject_id": contact.pk,
        "by": Actor.of_user(place.coordinator),
        "now": enrolment.session.starts_at - timedelta(days=9),
    }
    with pytest.raises(Refusal) as refused:
        privacy.erase_person(**facts)
    assert refused.value.code == "only-contact"

    factories.ContactFactory.create(company=contact.company)
    privacy.erase_person(**facts)

    assert Offer.objects.get().contact is None
    assert Contact.objects.filter(pk=contact.pk).exists() is False


def test_the_last_administrator_is_not_erased(place: Town) -> None:
    facts: dict[str, Any] = {"kind": "user", "by": Actor.job("test"), "now": ERASED_AT}
    with pytest.raises(Refusal) as refused:
        privacy.erase_person(subject_id=place.coordinator.pk, **facts)
    assert refused.value.code == "last-with-role"

    factories.AdministratorFactory.create()
    privacy.erase_person(subject_id=place.coordinator.pk, **facts)
    assert User.objects.count() == 1


def test_a_legal_hold_refuses_with_its_reason_until_its_day(place: Town, now: datetime) -> None:
    teacher = factories.UserFactory.create()
    by = Actor.of_user(place.coordinator)
    person: dict[str, Any] = {"kind": "user", "subject_id": teacher.pk, "by": by}
    privacy.set_hold(**person, reason="En klage behandles.", until=now.date() + timedelta(days=10), now=now)

    with pytest.raises(Refusal) as refused:
        privacy.erase_person(**person, now=now + timedelta(days=10))
    assert (refused.value.code, "En klage behandles." in str(refused.value)) == ("legal-hold", True)

    assert privacy.lift_hold(**person, now=now) is True
    assert privacy.lift_hold(**person, now=now) is False
    privacy.erase_person(**person, now=now)
    assert sorted(AuditEntry.objects.values_list("action", flat=True)) == [
        "legal-hold-lifted",
        "legal-hold-set",
        "person-erased",
    ]


def test_a_hold_must_lie_ahead(place: Town, now: datetime) -> None:
    by = Actor.of_user(place.coordinator)
    with pytest.raises(Refusal) as refused:
        privacy.set_hold(kind="user", subject_id=place.coordinator.pk, reason="x", until=now.date(), by=by, now=now)
    assert (refused.value.code, refused.value.field) == ("past", "until")


@pytest.mark.parametrize(
    ("act", "more"),
    [
        (privacy.erase_person, {}),
        (privacy.set_hold, {"reason": "x", "until": date(2026, 12, 1)}),
        (privacy.lift_hold, {}),
    ],
)
def test_only_coordinators_erase_and_hold_back(
    place: Town, now: datetime, act: Callable[..., object], more: dict[str, Any]
) -> None:
    teacher = factories.UserFactory.create()
    with pytest.raises(Refusal) as refused:
        act(kind="user", subject_id=teacher.pk, by=Actor.of_user(teacher), now=now, **more)
    assert refused.value.code == "coordinators-only"
    assert User.objects.filter(pk=teacher.pk).exists()


def test_an_address_alone_erases_everybody_who_has_it(place: Town, now: datetime) -> None:
    address = "kim.delt@fjordby.example"
    factories.UserFactory.create(email=address, name="Kim Delt")
    factories.ContactFactory.create(email=address, name="Kim Delt")
    parent = links.ensure(purpose=Link.Purpose.HOST, reference_id=factories.ContactFactory.create().pk, now=now)
    Link.objects.create(
        purpose="host", reference_id=parent.reference_id, parent=parent, holder_name="Kim Delt", holder_address=address,
        token_digest="1" * 64, expires_at=now,
    )  # fmt: skip
    school = factories.SchoolFactory.create()
    outbox.post(occasion="account_mail", about=school, to=outbox.Recipient(kind="address", address=address), now=now)
    Message.objects.update(state="sent", sent_at=now, body=f"Til {address}")

    privacy.erase_person(address=f" {address.upper()} ", by=Actor.of_user(place.coordinator), now=now)

    assert address not in dump().lower()
    assert sorted(Erasure.objects.values_list("kind", flat=True)) == ["address", "contact", "user"]


def test_other_people_of_the_same_first_name_keep_their_words(place: Town, now: datetime) -> None:
    """A first name alone may be anybody's: it is taken out where the person's own things are told, and only there."""
    factories.UserFactory.create(name="Anna Vester", email="anna.vester@skole.example")
    mine = factories.EnrolmentFactory.create(teacher__name="Anna Holm", teacher__email="anna.holm@skole.example")
    other = factories.OfferFactory.create(description="Anna viser rundt. Spørg Anna  Holm eller Johanna Holmgaard.")
    SurveyRequest.objects.create(
        enrolment=mine, audience="host", comment="Anna var god. Ring 22 33 44 55.", state="answered", answered_at=now,
        due_at=now, closes_at=now + timedelta(days=1),
    )  # fmt: skip
    Enrolment.objects.update(teacher_phone="22334455")

    privacy.erase_person(kind="user", subject_id=mine.teacher_id, by=Actor.of_user(place.coordinator), now=ERASED_AT)

    other.refresh_from_db()
    assert other.description == "Anna viser rundt. Spørg [slettet] eller Johanna Holmgaard."
    assert SurveyRequest.objects.get().comment == "Anna var god. Ring [slettet]."
    assert User.objects.filter(name="Anna Vester").exists()


def test_the_search_forgets_the_words_too(place: Town) -> None:
    offer = factories.OfferFactory.create(description="Mød Fredegunde Ørnefjeld i smedjen.")
    search.index(offer)
    wanted = search.query("Ørnefjeld")
    assert Offer.objects.filter(search=wanted).count() == 1
    person = factories.UserFactory.create(name="Fredegunde Ørnefjeld")

    privacy.erase_person(kind="user", subject_id=person.pk, by=Actor.of_user(place.coordinator), now=ERASED_AT)

    assert Offer.objects.filter(search=wanted).count() == 0


def test_whoever_erases_the_own_account_is_not_found_in_the_line_that_tells_of_it(place: Town) -> None:
    me = factories.AdministratorFactory.create()
    privacy.erase_person(kind="user", subject_id=me.pk, by=Actor.of_user(me), now=ERASED_AT)

    entry = AuditEntry.objects.get(action="person-erased")
    assert (entry.actor_kind, entry.actor_id.startswith("slettet-")) == ("user", True)
    assert str(me.pk) not in dump()


def test_a_worker_in_the_middle_of_a_mail_does_not_bring_the_text_back(place: Town, now: datetime) -> None:
    person = factories.UserFactory.create()
    outbox.post(occasion="account_mail", about=person, to=outbox.Recipient.of_user(person), now=now)
    owner = outbox.new_owner()
    [message] = outbox.claim(now=now, real_now=now, owner=owner)

    privacy.erase_person(kind="user", subject_id=person.pk, by=Actor.of_user(place.coordinator), now=now)

    assert outbox.mark_sent(message, owner=owner, now=now, subject="s", body="b") is False
    row = Message.objects.get()
    assert (row.state, row.body, row.address.endswith("@glemt.invalid")) == ("withdrawn", "", True)


def test_what_a_restored_backup_brings_back_is_erased_again(
    place: Town, now: datetime, tmp_path: Path, settings: Any
) -> None:
    settings.ERASURE_LEDGER = str(tmp_path / "ledger" / "erasures.jsonl")
    person = factories.UserFactory.create(name="Gert Genganger", email="gert@skole.example")
    contact = factories.ContactFactory.create(name="Gerda Genganger", email="gerda@firma.example")
    backup = [User.objects.get(pk=person.pk), Contact.objects.get(pk=contact.pk)]
    by = Actor.of_user(place.coordinator)
    privacy.erase_person(kind="user", subject_id=person.pk, by=by, now=now)
    privacy.erase_person(kind="contact", subject_id=contact.pk, by=by, now=now)
    assert ledger.keep() == 2
    assert ledger.keep() == 0

    outbox.post(
        occasion="account_mail", about=person, to=outbox.Recipient(kind="address", address="gast@x.example"), now=now
    )
    message = Message.objects.get(address="gast@x.example")
    privacy.erase_person(address="gast@x.example", by=by, now=now + timedelta(hours=1))
    assert ledger.keep() == 1

    # The restore: the people are back, and the database's own ledger is as old as the backup.
    for row in backup:
        row.save(force_insert=True)
    message.save()
    Erasure.objects.all().delete()
    newcomer = factories.UserFactory.create(email="ny@skole.example")
    call_command("replay_erasures")

    assert (User.objects.filter(pk=person.pk).count(), Contact.objects.filter(pk=contact.pk).count()) == (0, 0)
    assert User.objects.filter(pk=newcomer.pk).exists()
    assert Message.objects.filter(address="gast@x.example").exists() is False
    assert set(Erasure.objects.values_list("cause", flat=True)) == {"replay"}
    text = Path(settings.ERASURE_LEDGER).read_text()
    assert ("gert" in text.lower(), str(person.pk) in text) == (False, False)


def test_a_torn_ledger_is_told_of_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "erasures.jsonl"
    path.write_text('{"kind": "user"\n')
    with pytest.raises(ValueError, match="line 1"):
        ledger.read(path)
    with pytest.raises(CommandError, match="line 1"):
        call_command("replay_erasures", str(path))
    with pytest.raises(CommandError, match="no ledger"):
        call_command("replay_erasures", str(tmp_path / "elsewhere"))


def test_erasing_in_the_shell(place: Town, capsys: pytest.CaptureFixture[str]) -> None:
    person = factories.UserFactory.create(email="ude@skole.example")
    call_command("erase_person", "ude@skole.example")

    assert User.objects.filter(pk=person.pk).exists() is False
    assert "account: 1" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("erase_person", str(uuid4()))

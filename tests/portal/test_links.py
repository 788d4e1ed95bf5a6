"""Links: derived, hashed, bound to a purpose and an object, expiring, revocable; a GET changes nothing."""

import hashlib
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.db import IntegrityError, connection, transaction
from django.test import Client

from portal.domain import clock, links
from portal.models import AuditEntry, Link, Municipality
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 9, 8, 8, 0, tzinfo=UTC)
HOST, INVITE, SURVEY = Link.Purpose.HOST, Link.Purpose.INVITE, Link.Purpose.SURVEY


@pytest.fixture(autouse=True)
def _morning(monkeypatch: pytest.MonkeyPatch, municipality: Municipality) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def host_link(**kwargs: Any) -> Link:
    contact = ContactFactory.create()
    return links.ensure(purpose=HOST, reference_id=contact.pk, now=NOW, **kwargs)


def every_row() -> dict[str, list[str]]:
    """Return every row of every table but the browsers' sessions."""
    return {
        model._meta.label_lower: sorted(str(row) for row in model._default_manager.values_list())
        for model in apps.get_models()
        if model._meta.label_lower != "sessions.session"
    }


def test_the_token_is_derived_from_id_and_version_and_never_stored() -> None:
    link = host_link()
    secret = links.token(link)

    assert re.fullmatch(r"hst_[A-Za-z0-9_-]{43}", secret)
    assert links.token(Link.objects.get(pk=link.pk)) == secret
    assert link.token_digest == hashlib.sha256(secret.encode()).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(link)::text FROM portal_link link")
        stored = str(cursor.fetchall())
    assert secret not in stored
    assert secret[4:] not in stored


def test_another_key_gives_another_token(settings: LazySettings) -> None:
    link = host_link()
    before = links.token(link)
    settings.LINK_KEY = "another key altogether"

    assert links.token(link) != before


def test_tokens_begin_with_their_purpose_so_that_logs_can_mask_them() -> None:
    for purpose, prefix in ((HOST, "hst_"), (INVITE, "inv_"), (SURVEY, "svy_")):
        link = links.ensure(purpose=purpose, reference_id=uuid.uuid4(), now=NOW)
        assert links.token(link)[:4] == prefix


@pytest.mark.parametrize(("purpose", "days"), [(INVITE, 30), (HOST, 365), (SURVEY, 21)])
def test_each_purpose_has_its_lifetime(purpose: Link.Purpose, days: int) -> None:
    link = links.ensure(purpose=purpose, reference_id=uuid.uuid4(), now=NOW)

    assert link.expires_at == NOW + timedelta(days=days)
    assert links.find(links.token(link), now=link.expires_at - timedelta(seconds=1)) == link
    with pytest.raises(links.LinkEnded):
        links.find(links.token(link), now=link.expires_at)


def test_asking_for_a_link_again_gives_the_same_address_and_prolongs_it() -> None:
    link = host_link()
    later = NOW + timedelta(days=100)
    again = links.ensure(purpose=HOST, reference_id=link.reference_id, now=later)

    assert (again.pk, links.token(again)) == (link.pk, links.token(link))
    assert Link.objects.get().expires_at == later + timedelta(days=365)
    links.ensure(purpose=HOST, reference_id=link.reference_id, now=NOW)
    assert Link.objects.get().expires_at == later + timedelta(days=365)


def test_a_withdrawn_link_stays_withdrawn_until_it_is_issued_anew() -> None:
    link = host_link()
    old = links.token(link)
    assert links.revoke(purpose=HOST, reference_id=link.reference_id, now=NOW) == 1
    assert links.revoke(purpose=HOST, reference_id=link.reference_id, now=NOW) == 0
    same = links.ensure(purpose=HOST, reference_id=link.reference_id, now=NOW + timedelta(days=1))
    with pytest.raises(links.LinkEnded):
        links.find(links.token(same), now=NOW)

    new = links.token(links.reissue(same, now=NOW))
    assert new != old
    with pytest.raises(links.LinkEnded):
        links.find(old, now=NOW)
    assert links.find(new, now=NOW) == link


@pytest.mark.parametrize("tail", [".", ",", ";", ":", ">", ")", "]", "}", "'", '"', ").", '">'])
def test_punctuation_that_a_mail_program_glued_on_is_forgiven(client: Client, tail: str) -> None:
    link = host_link()

    assert links.find(links.token(link) + tail, now=NOW) == link
    assert client.get(f"/l/{links.token(link)}{tail}/").status_code == 200


@pytest.mark.parametrize(
    "spoil",
    [
        lambda secret: secret[:-1],
        lambda secret: secret + "A",
        lambda secret: secret.swapcase(),
        lambda secret: "inv_" + secret[4:],
        lambda secret: secret[4:],
        lambda secret: secret.replace(secret[10], "A" if secret[10] != "A" else "B", 1),
        lambda _secret: "hst_",
        lambda _secret: "x" * 5000,
        lambda _secret: "æøå😀",
    ],
)
def test_a_spoiled_token_opens_nothing(client: Client, spoil: Any) -> None:
    link = host_link()
    address = f"/l/{spoil(links.token(link))}/"

    assert (client.get(address).status_code, client.post(address).status_code) == (404, 404)


def test_unknown_tokens_all_get_the_same_page(client: Client) -> None:
    secrets = ("hst_abc", "inv_def", "nothing")
    bodies = {client.get(f"/l/{secret}/").content.replace(secret.encode(), b"") for secret in secrets}

    assert len(bodies) == 1


def test_a_scanner_that_opens_every_link_changes_nothing(client: Client) -> None:
    link = host_link()
    before = every_row()
    for _time in range(10):
        assert client.get(f"/l/{links.token(link)}/").status_code == 200
        assert client.head(f"/l/{links.token(link)}/").status_code == 200

    assert every_row() == before
    assert client.get(f"/vaert/{link.reference_id}/").status_code == 404


def test_the_button_lets_this_browser_in_for_this_object_and_notes_it(client: Client) -> None:
    link, other = host_link(), host_link()
    answer = client.post(f"/l/{links.token(link)}/")

    assert (answer.status_code, answer.headers["Location"]) == (302, f"/vaert/{link.reference_id}/")
    assert client.get(f"/vaert/{link.reference_id}/").status_code == 200
    assert client.get(f"/vaert/{other.reference_id}/").status_code == 404
    link.refresh_from_db()
    assert link.last_used_at == NOW
    assert list(AuditEntry.objects.values_list("action", "actor_kind")) == [("link-used", "link")]
    assert Client().get(f"/vaert/{link.reference_id}/").status_code == 404


def test_two_links_in_one_browser_do_not_mix(client: Client) -> None:
    one, other = host_link(), host_link()
    for link in (one, other):
        client.post(f"/l/{links.token(link)}/")

    assert [client.get(f"/vaert/{link.reference_id}/").status_code for link in (one, other)] == [200, 200]


@pytest.mark.parametrize("purpose", [INVITE, SURVEY])
def test_a_link_for_something_else_opens_no_host_page(client: Client, purpose: Link.Purpose) -> None:
    contact = ContactFactory.create()
    link = links.ensure(purpose=purpose, reference_id=contact.pk, now=NOW)
    client.post(f"/l/{links.token(link)}/")

    assert client.get(f"/vaert/{contact.pk}/").status_code == 404


def test_use_prolongs_a_host_link_but_neither_an_invitation_nor_a_survey() -> None:
    later = NOW + timedelta(days=10)
    host = host_link()
    invite = links.ensure(purpose=Link.Purpose.INVITE, reference_id=uuid.uuid4(), now=NOW)
    survey = links.ensure(purpose=SURVEY, reference_id=uuid.uuid4(), now=NOW)

    assert links.use(link_id=host.pk, now=later).expires_at == later + timedelta(days=365)
    assert links.use(link_id=invite.pk, now=later).expires_at == NOW + timedelta(days=30)
    assert links.use(link_id=survey.pk, now=later).expires_at == NOW + timedelta(days=21)


@pytest.mark.parametrize("ended", ["expired", "revoked"])
def test_an_ended_link_says_so_and_lets_nobody_in(client: Client, ended: str) -> None:
    link = host_link()
    if ended == "expired":
        Link.objects.update(expires_at=NOW)
    else:
        links.revoke(purpose=HOST, reference_id=link.reference_id, now=NOW)

    assert client.get(f"/l/{links.token(link)}/").status_code == 410
    assert client.post(f"/l/{links.token(link)}/").status_code == 410
    assert client.get(f"/vaert/{link.reference_id}/").status_code == 404
    with pytest.raises(links.LinkEnded):
        links.use(link_id=link.pk, now=NOW)


def test_whoever_is_in_is_out_when_the_link_is_withdrawn_or_issued_anew(client: Client) -> None:
    link = host_link()
    client.post(f"/l/{links.token(link)}/")
    links.reissue(link, now=NOW)
    assert client.get(f"/vaert/{link.reference_id}/").status_code == 410

    client.post(f"/l/{links.token(link)}/")
    assert client.get(f"/vaert/{link.reference_id}/").status_code == 200
    links.revoke(purpose=HOST, reference_id=link.reference_id, now=NOW)
    assert client.get(f"/vaert/{link.reference_id}/").status_code == 410


def test_the_database_keeps_one_link_per_purpose_and_object() -> None:
    link = host_link()
    other = Link(purpose=HOST, reference_id=link.reference_id, expires_at=NOW, token_digest="0" * 64)

    with pytest.raises(IntegrityError, match="link_is_one_per_purpose_and_object"), transaction.atomic():
        other.save()


@pytest.mark.parametrize("digest", ["", "hst_secret", "G" * 64, "0" * 63])
def test_the_database_refuses_anything_but_a_digest(digest: str) -> None:
    with pytest.raises(IntegrityError, match="link_digest_is_a_sha256"), transaction.atomic():
        Link.objects.create(purpose=HOST, reference_id=uuid.uuid4(), expires_at=NOW, token_digest=digest)

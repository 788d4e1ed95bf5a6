"""Which cookies are set, for every kind of visitor: exactly those of the register, and only when needed."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from portal.domain import links, privacy
from portal.models import Link, Municipality
from tests import factories
from tests.conftest import TODAY

pytestmark = pytest.mark.django_db


def set_by(client: Client, address: str, **more: Any) -> set[str]:
    """Return the names of the cookies that the browser holds after a visit."""
    answer = client.post(address, more) if more else client.get(address)
    assert answer.status_code < 400, answer.status_code
    return {name for name, cookie in client.cookies.items() if cookie.value}


@pytest.fixture
def pages(municipality: Municipality) -> list[str]:
    """Every page that anybody may open to read."""
    offer = factories.OfferFactory.create()
    factories.SessionFactory.create(offer=offer)
    return [
        reverse("home"),
        reverse("catalogue"),
        f"{reverse('catalogue')}?q=svejs&klassetrin=8&fag=fysik-kemi",
        f"{reverse('catalogue')}?fra=31-02-2026&side=99",
        reverse("offer", args=[offer.pk, offer.slug]),
        reverse("accessibility"),
        reverse("privacy"),
        reverse("theme"),
        reverse("healthz"),
    ]


def test_who_only_looks_around_gets_no_cookie(pages: list[str]) -> None:
    client = Client()

    assert [(address, found) for address in pages if (found := set_by(client, address))] == []


def test_a_page_that_is_not_there_sets_none_either(municipality: Municipality) -> None:
    client = Client()
    client.get("/findes-ikke/")

    assert set(client.cookies) == set()


def test_a_form_sets_the_one_that_guards_it(municipality: Municipality) -> None:
    assert set_by(Client(), reverse("account_login")) <= {"csrf", "session"}


def test_choosing_a_language_sets_the_one_that_remembers_it(municipality: Municipality) -> None:
    client = Client()

    assert set_by(client, reverse("set_language"), language="en", next="/") == {"django_language"}
    assert set_by(client, reverse("home")) == {"django_language"}


def test_a_link_sets_one_when_its_button_is_pressed_and_not_before(municipality: Municipality) -> None:
    contact = factories.ContactFactory.create()
    link = links.ensure(purpose=Link.Purpose.HOST, reference_id=contact.pk, now=TODAY)
    Link.objects.update(expires_at=TODAY.replace(year=2099))
    client = Client()
    client.get(f"/l/{links.token(link)}/")
    before = set(client.cookies)
    client.post(f"/l/{links.token(link)}/")
    client.get(reverse("link-host", args=[contact.pk]))

    assert "session" not in before
    assert {name for name, one in client.cookies.items() if one.value} <= {"session", "csrf"}
    assert "session" in client.cookies


@pytest.mark.parametrize("who", ["teacher", "coordinator"])
def test_who_has_signed_in_has_the_session_and_the_guard_of_forms(municipality: Municipality, who: str) -> None:
    person = factories.CoordinatorFactory.create() if who == "coordinator" else factories.UserFactory.create()
    client = Client()
    client.force_login(person)
    for address in (reverse("home"), reverse("catalogue"), reverse("my-enrolments"), reverse("my-data")):
        set_by(client, address)

    assert set(client.cookies) <= {"session", "csrf"}


def test_the_register_names_every_cookie_there_is(municipality: Municipality) -> None:
    assert {cookie.name for cookie in privacy.register().cookies} == {"session", "csrf", "django_language"}

"""The ground's own small pages: statements, language, the landing page of a link."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from portal.domain import links
from portal.models import Link, Municipality

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fjordby(municipality: Any) -> None:
    """Every page asks for the municipality."""


@pytest.mark.parametrize("address", ["/tilgaengelighed/", "/privatliv/"])
def test_the_statements_are_for_everybody_and_set_no_cookie(client: Client, address: str) -> None:
    response = client.get(address)
    page = response.content.decode()

    assert response.status_code == 200
    assert list(response.cookies) == []
    assert page.count("<h1") == 1
    assert "aabenskole@fjordby.example" in page.split("<main")[1].split("</main>")[0]
    assert client.post(address).status_code == 405


def test_the_privacy_page_names_every_time_limit(client: Client, municipality: Municipality) -> None:
    municipality.survey_threshold = 7
    municipality.save()

    english = en(client, "/privatliv/")

    assert english.count('<th scope="row">') == 14 + 3  # whom it is about, and the cookies
    for limit in (
        "6 months after the visit",
        "30 days after the visit",
        "12 months after",
        "30 days",
        "from 7 answers",
    ):
        assert limit in english, limit


def en(client: Client, address: str) -> str:
    client.cookies["django_language"] = "en"
    page: str = client.get(address).content.decode()
    return page


def test_the_language_can_be_chosen_without_a_token_and_leads_back(client: Client) -> None:
    response = client.post("/sprog/", {"language": "en", "next": "/forloeb/?q=robot"})

    assert response.status_code == 302
    assert response.headers["Location"] == "/forloeb/?q=robot"
    assert '<html lang="en"' in client.get("/forloeb/").content.decode()


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_choosing_a_language_never_leads_elsewhere(client: Client, target: str) -> None:
    response = client.post("/sprog/", {"language": "en", "next": target})

    assert response.headers.get("Location", "/") == "/"


def link_for(purpose: Link.Purpose, **facts: Any) -> Link:
    return links.ensure(purpose=purpose, reference_id=uuid4(), now=timezone.now(), **facts)


@pytest.mark.parametrize("purpose", [one for one in Link.Purpose if one != Link.Purpose.CALENDAR])
def test_a_link_lands_on_a_page_with_one_heading_and_one_button_of_its_own(
    client: Client, purpose: Link.Purpose
) -> None:
    response = client.get(f"/l/{links.token(link_for(purpose))}/")
    main = response.content.decode().split("<main")[1].split("</main>")[0]

    assert response.status_code == 200
    assert main.count("<h1") == 1
    assert len(re.findall(r"<button", main)) == 1
    assert re.findall(r'<form[^>]*method="(\w+)"', main) == ["post"]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Robots-Tag"] == "noindex, nofollow"


def test_each_purpose_says_what_it_is_for(client: Client) -> None:
    headings = [
        re.findall(r"<h1>([^<]+)</h1>", en(client, f"/l/{links.token(link_for(purpose))}/"))
        for purpose in (Link.Purpose.INVITE, Link.Purpose.HOST, Link.Purpose.SURVEY)
    ]

    assert headings == [
        ["Describe what a class can experience with you"],
        ["See who visits you, and when"],
        ["Tell us how the visit went"],
    ]


def test_looking_at_a_link_changes_nothing(client: Client) -> None:
    link = link_for(Link.Purpose.HOST)

    for _look in range(3):
        client.get(f"/l/{links.token(link)}/")
        client.head(f"/l/{links.token(link)}/")

    link.refresh_from_db()
    assert link.last_used_at is None
    assert dict(client.session) == {}


def test_a_link_that_never_was_and_one_that_ended_are_told_apart(client: Client) -> None:
    ended = link_for(Link.Purpose.SURVEY)
    Link.objects.filter(pk=ended.pk).update(expires_at=timezone.now() - timedelta(minutes=1))

    assert client.get("/l/svy_never/").status_code == 404
    assert client.get(f"/l/{links.token(ended)}/").status_code == 410
    assert client.post(f"/l/{links.token(ended)}/").status_code == 410

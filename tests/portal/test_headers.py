"""What every answer tells browsers: nothing inline, nothing framed, nothing from elsewhere, no powers."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from portal import uploads
from portal.middleware import LARGEST_BODY
from portal.models import Municipality
from tests import factories

pytestmark = pytest.mark.django_db
NOWHERE = UUID("00000000-0000-4000-8000-000000000000")
PART = re.compile(r"<(?:(\w+):)?(\w+)>")
SAMPLE = {"uuid": str(NOWHERE), "int": "1", "slug": "x", "str": "x", "path": "x", "key": "x", None: "x"}


def addresses(patterns: list[Any], before: str = "/") -> Iterator[str]:
    """Yield an address for every route there is, its arguments naming nothing that exists."""
    for pattern in patterns:
        here = before + str(pattern.pattern).lstrip("^")
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, here)
        elif isinstance(pattern, URLPattern):
            plain = PART.sub(lambda part: SAMPLE.get(part[1], "x"), here)
            yield re.sub(r"\(\?P<\w+>[^)]*\)|\\Z|\$|\^", lambda part: "x" if "<" in part[0] else "", plain)


@cache
def every_address() -> list[str]:
    return sorted(set(addresses(get_resolver().url_patterns)))


def policy_of(answer: Any) -> dict[str, set[str]]:
    """Return a Content-Security-Policy by directive, nonces written as one word."""
    text = re.sub(r"'nonce-[^']+'", "'nonce'", answer.headers["Content-Security-Policy"])
    return {words[0]: set(words[1:]) for words in (part.split() for part in text.split(";")) if words}


STRICT = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'"},
    "img-src": {"'self'", "data:"},
    "font-src": {"'self'"},
    "connect-src": {"'self'"},
    "form-action": {"'self'"},
    "base-uri": {"'none'"},
    "frame-ancestors": {"'none'"},
    "object-src": {"'none'"},
    "manifest-src": {"'self'"},
}
OF_THE_DESK = {
    **STRICT,
    "script-src": {"'self'", "'unsafe-eval'", "'nonce'"},
    "style-src": {"'self'", "'nonce'"},
    "style-src-attr": {"'unsafe-inline'"},
}


def wrong_with(answer: Any, address: str) -> list[str]:
    """Return what an answer's headers lack or allow too much."""
    wrong = []
    expected = OF_THE_DESK if address.startswith("/admin/") else STRICT
    policy = policy_of(answer)
    # A page of the desk that writes no nonce needs none.
    without = {name: words - {"'nonce'"} for name, words in policy.items()}
    if without != {name: words - {"'nonce'"} for name, words in expected.items()}:
        wrong.append(f"policy {policy}")
    for name, value in {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": settings.PERMISSIONS_POLICY,
    }.items():
        if answer.headers.get(name) != value:
            wrong.append(f"{name}: {answer.headers.get(name)}")
    if answer.headers.get("Referrer-Policy") not in {"same-origin", "no-referrer"}:
        wrong.append(f"Referrer-Policy: {answer.headers.get('Referrer-Policy')}")
    return wrong


@pytest.mark.parametrize("who", ["visitor", "coordinator"])
def test_no_route_answers_without_its_headers(municipality: Municipality, who: str) -> None:
    client = Client()
    if who == "coordinator":
        client.force_login(factories.CoordinatorFactory.create())

    found = {}
    for address in every_address():
        if who == "coordinator" and "logout" in address:
            continue
        answer = client.get(address)
        if wrong := wrong_with(answer, address):
            found[address] = (answer.status_code, wrong)

    assert len(every_address()) > 150
    assert found == {}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/", 200),
        ("/forloeb/", 200),
        ("/theme.css", 200),
        ("/static/css/portal.css", 200),
        ("/findes-ikke/", 404),
        ("/?q=%00", 400),
        ("/a%00b", 400),
        ("/admin/", 302),
        ("/konto/login/", 200),
    ],
)
def test_errors_and_files_have_them_too(municipality: Municipality, address: str, status: int) -> None:
    answer = Client().get(address)

    assert answer.status_code == status
    assert wrong_with(answer, address) == []
    answer.close()


def test_the_policy_leaves_the_browser_no_power_but_passkeys() -> None:
    powers = dict(part.split("=") for part in settings.PERMISSIONS_POLICY.split(", "))

    assert {value for name, value in powers.items() if not name.startswith("publickey")} == {"()"}
    assert {value for name, value in powers.items() if name.startswith("publickey")} == {"(self)"}
    assert {"camera", "microphone", "geolocation", "payment", "usb"} <= set(powers)


PRODUCTION = """
import django
django.setup()
from django.conf import settings
from django.test import Client
print(settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME)
answer = Client().post("/sprog/", {"language": "en", "next": "/"}, secure=True)
cookie = answer.cookies["__Host-language"]
print(cookie["path"], cookie["domain"] or "-", bool(cookie["secure"]), bool(cookie["httponly"]), cookie["samesite"])
print(answer.headers["Strict-Transport-Security"])
print("upgrade-insecure-requests" in answer.headers["Content-Security-Policy"])
plain = Client().get("/forloeb/?q=svejs", HTTP_HOST="aabenskole.example")
print(plain.status_code, plain.headers["Location"])
"""


def test_under_https_everything_is_tied_to_the_host() -> None:
    told = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "ORIGIN": "https://aabenskole.example",
        "ALLOWED_HOSTS": "testserver,aabenskole.example",
    }

    said = subprocess.run([sys.executable, "-c", PRODUCTION], env=told, capture_output=True, text=True, check=True)

    assert said.stdout.splitlines() == [
        "__Host-session __Host-csrf __Host-language",
        "/ - True True Lax",
        "max-age=31536000; includeSubDomains; preload",
        "True",
        "301 https://aabenskole.example/forloeb/?q=svejs",
    ]


# security.txt


def test_whoever_finds_a_weakness_finds_where_to_report_it(municipality: Municipality) -> None:
    answer = Client().get("/.well-known/security.txt")

    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.content.decode().splitlines())
    assert list(fields) == ["Contact", "Expires", "Preferred-Languages", "Canonical"]
    assert fields["Contact"] == "mailto:aabenskole@fjordby.example"
    assert fields["Preferred-Languages"] == "da, en"
    assert fields["Canonical"] == f"{settings.ORIGIN}/.well-known/security.txt"
    expires = datetime.fromisoformat(fields["Expires"])
    assert timedelta(days=170) < expires - timezone.now() < timedelta(days=366)
    assert answer.cookies == {}


def test_an_installation_may_name_its_own_address_for_that(municipality: Municipality, settings: Any) -> None:
    settings.SECURITY_CONTACT = "https://kommune.example/sikkerhed"

    assert "Contact: https://kommune.example/sikkerhed\n" in Client().get("/.well-known/security.txt").content.decode()


def test_without_any_address_there_is_no_such_file(municipality: Municipality) -> None:
    Municipality.objects.update(contact_email="")

    assert Client().get("/.well-known/security.txt").status_code == 404


# What is too large


@pytest.mark.parametrize("length", [str(LARGEST_BODY + 1), "9" * 40])
def test_a_body_larger_than_any_file_is_refused_before_it_is_read(municipality: Municipality, length: str) -> None:
    answer = Client().post("/sprog/", b"", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH=length)

    assert answer.status_code == 413
    assert "for stor" in answer.content.decode()


def test_the_largest_document_still_passes_the_door() -> None:
    assert uploads.LARGEST_DOCUMENT == 20 * 1024 * 1024 < LARGEST_BODY < 24 * 1024 * 1024


def test_a_form_of_three_megabytes_of_words_is_refused(municipality: Municipality) -> None:
    assert Client().post("/sprog/", {"next": "x" * 3_000_000}).status_code == 413


def test_a_disk_that_is_full_while_a_file_arrives_is_said(
    municipality: Municipality, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any, **_more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("django.core.files.uploadhandler.TemporaryUploadedFile", full)
    large = SimpleUploadedFile("x.pdf", b"x" * 3_000_000)

    answer = Client().post("/sprog/", {"file": large})

    assert answer.status_code == 507
    assert wrong_with(answer, "/") == []

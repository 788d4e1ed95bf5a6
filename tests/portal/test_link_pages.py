"""The pages of links: no referrer, null origin only where it is safe, 404 and 410, asking again, leaving."""

import logging
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal import logs
from portal.domain import clock, links
from portal.domain.actor import Actor
from portal.models import AuditEntry, Link, Message, Municipality
from tests.factories import ContactFactory, UserFactory

NOW = datetime(2026, 9, 8, 8, 0, tzinfo=UTC)
HOST = Link.Purpose.HOST
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _morning(monkeypatch: pytest.MonkeyPatch, municipality: Municipality) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def host_link() -> Link:
    return links.ensure(purpose=HOST, reference_id=ContactFactory.create().pk, now=NOW)


def page_of(link: Link) -> str:
    return f"/l/{links.token(link)}/"


def secret_headers(answer: Any) -> tuple[str, str, bool]:
    return (
        answer.headers["Referrer-Policy"],
        answer.headers["X-Robots-Tag"],
        "no-store" in answer.headers["Cache-Control"],
    )


SECRET = ("no-referrer", "noindex, nofollow", True)


# --- Told to nobody ------------------------------------------------------------------------------------------------


def test_every_page_of_a_link_is_told_to_nobody_and_stored_nowhere(client: Client) -> None:
    link, ended = host_link(), host_link()
    Link.objects.filter(pk=ended.pk).update(expires_at=NOW)
    answers = [client.get(page_of(link)), client.post(page_of(link)), client.get(f"/vaert/{link.reference_id}/")]
    answers += [client.get(page_of(ended)), client.get("/l/hst_nothing/"), client.post(f"/l/nyt-link/{ended.pk}/")]
    answers += [client.get("/l/farvel/"), client.get(f"/vaert/{link.reference_id}/kollega/")]

    assert [one.status_code for one in answers] == [200, 302, 200, 410, 404, 200, 200, 200]
    assert {secret_headers(one) for one in answers} == {SECRET}


def test_the_landing_page_names_nothing_on_another_host(client: Client) -> None:
    body = client.get(page_of(host_link())).content.decode()

    assert re.findall(r'(?:href|src|action)="(?:https?:)?//[^"]*"', body) == []


# --- Forms under no-referrer ---------------------------------------------------------------------------------------


def press(client: Client, address: str, page: str, **headers: str) -> int:
    """Send the form of a page as a browser would, with its token, and these headers."""
    field = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(page).content.decode())
    assert field is not None
    return client.post(address, {"csrfmiddlewaretoken": field[1]}, headers=headers).status_code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "null"}, 302),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, 302),
        ({"origin": "null", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "null", "sec-fetch-site": "same-site"}, 403),
        ({"origin": "null", "sec-fetch-site": "none"}, 403),
        ({"origin": "null", "sec-fetch-site": ""}, 403),
        ({"origin": "http://testserver"}, 302),
        ({"origin": "http://testserver", "sec-fetch-site": "cross-site"}, 302),  # Django's own rule, as ever
        ({"origin": "https://ond.example"}, 403),
        ({"origin": "NULL"}, 403),
        ({"origin": ""}, 403),
    ],
)
def test_a_form_with_a_null_origin_is_taken_only_from_our_own_page(headers: dict[str, str], status: int) -> None:
    page = page_of(host_link())

    assert press(Client(enforce_csrf_checks=True), page, page, **headers) == status


def test_a_null_origin_without_the_token_is_refused() -> None:
    browser, page = Client(enforce_csrf_checks=True), page_of(host_link())
    browser.get(page)
    wrong = {"csrfmiddlewaretoken": "A" * 64}

    statuses = [browser.post(page, facts, headers={"origin": "null"}).status_code for facts in ({}, wrong)]
    stranger = Client(enforce_csrf_checks=True).post(page, wrong, headers={"origin": "null"}).status_code
    assert (statuses, stranger, AuditEntry.objects.count()) == ([403, 403], 403, 0)


def test_pages_that_no_link_leads_to_take_no_null_origin() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(UserFactory.create())
    logout = reverse("account_logout")

    assert press(browser, logout, logout, origin="null", **{"sec-fetch-site": "same-origin"}) == 403
    assert press(browser, logout, logout, origin="http://testserver") == 302


# --- Unknown and ended ---------------------------------------------------------------------------------------------


def bare(answer: Any, secret: str) -> bytes:
    content: bytes = answer.content
    return content.replace(secret.encode(), b"")


UNKNOWN = [
    "hst_abc",
    "inv_" + "A" * 43,
    "svy_",
    "x",
    "x" * 3000,
    "æøå😀",
    "..%2f..%2fetc",
    "a b",
    "%E2%80%AE",
]


def test_whatever_is_unknown_gets_one_and_the_same_page(client: Client) -> None:
    answers = [client.get(f"/l/{secret}/") for secret in UNKNOWN] + [client.post("/l/hst_abc/")]

    assert {(one.status_code, one.content) for one in answers} == {(404, answers[0].content)}
    assert b"hst_abc" not in answers[0].content


def test_unknown_and_malformed_take_about_as_long(client: Client) -> None:
    def milliseconds(secret: str, number: int) -> float:
        began = time.perf_counter()
        client.get(f"/l/{secret}/", REMOTE_ADDR=f"192.0.2.{number}")
        return (time.perf_counter() - began) * 1000

    taken: dict[str, list[float]] = {"hst_" + "A" * 43: [], "nonsense": []}
    for number in range(1, 26):
        for secret, times in taken.items():
            times.append(milliseconds(secret, number))
    one, other = (median(times) for times in taken.values())
    assert abs(one - other) < 5


def test_more_than_thirty_unknown_tokens_a_minute_are_too_many_but_known_ones_are_never_counted(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = host_link()
    Link.objects.filter(pk=(ended := host_link()).pk).update(expires_at=NOW)
    here: Any = {"REMOTE_ADDR": "192.0.2.1"}

    statuses = [client.get(f"/l/hst_{number}/", **here).status_code for number in range(31)]
    assert statuses == [404] * 30 + [429]
    slowed = client.post("/l/hst_x/", **here)
    assert (slowed.status_code, slowed.headers["Retry-After"], secret_headers(slowed)) == (429, "60", SECRET)
    assert [client.get(page_of(link), **here).status_code, client.get(page_of(ended), **here).status_code] == [200, 410]
    assert client.post(page_of(link), **here).status_code == 302
    assert client.get("/l/hst_x/", REMOTE_ADDR="192.0.2.2").status_code == 404
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=1))
    assert client.get("/l/hst_x/", **here).status_code == 404


def test_known_tokens_are_not_slowed_however_many_come_from_one_address(client: Client) -> None:
    page = page_of(host_link())

    assert {client.get(page, REMOTE_ADDR="192.0.2.1").status_code for _time in range(100)} == {200}


def test_the_limit_counts_by_the_address_that_our_own_proxy_saw(client: Client, settings: LazySettings) -> None:
    settings.TRUSTED_PROXIES = 1
    for number in range(31):
        client.get(f"/l/hst_{number}/", headers={"x-forwarded-for": f"10.0.0.{number}, 192.0.2.9"})

    forged = client.get("/l/hst_x/", headers={"x-forwarded-for": "10.9.9.9, 192.0.2.9"}).status_code
    other = client.get("/l/hst_x/", headers={"x-forwarded-for": "192.0.2.9, 192.0.2.8"}).status_code
    assert (forged, other) == (429, 404)


@pytest.mark.parametrize("tail", ["", "/", "/.", "/)", "/>", "/,", ")/", "./", "%3E/"])
def test_what_a_mail_program_does_to_the_end_of_the_address_is_forgiven(client: Client, tail: str) -> None:
    assert client.get(f"/l/{links.token(host_link())}{tail}").status_code == 200


def test_a_link_withdrawn_between_the_look_and_the_use_says_that_it_ended(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = host_link()
    find = links.find

    def found_then_withdrawn(token: str, *, now: datetime) -> Link | None:
        found = find(token, now=now)
        Link.objects.update(revoked_at=NOW)
        return found

    monkeypatch.setattr(links, "find", found_then_withdrawn)
    answer = client.post(page_of(link))
    assert (answer.status_code, client.get(f"/vaert/{link.reference_id}/").status_code) == (410, 404)


# --- Asking for a new link -----------------------------------------------------------------------------------------


def ask(client: Client, link_id: Any) -> Any:
    return client.post(f"/l/nyt-link/{link_id}/")


def test_the_button_of_an_ended_link_mails_a_new_one_to_the_address_on_file(client: Client) -> None:
    link = host_link()
    contact = link.reference_id
    Link.objects.update(expires_at=NOW)
    page = client.get(page_of(link))
    action = re.search(r'action="(/l/nyt-link/[^"]+)"', page.content.decode())
    assert (page.status_code, action is not None) == (410, True)
    assert action is not None

    answer = client.post(action[1], {"email": "tyv@ond.example"})

    assert answer.status_code == 200
    mail = Message.objects.get()
    assert (mail.occasion, mail.recipient_kind, mail.recipient_id) == ("link_again", "contact", contact)
    assert (mail.state, mail.address) == ("queued", ContactFactory._meta.model.objects.get(pk=contact).email)
    fresh = Link.objects.get()
    assert (fresh.version, fresh.expires_at) == (2, NOW + timedelta(days=365))
    assert links.find(links.token(fresh), now=NOW) == fresh


def test_an_address_that_was_replaced_leads_to_the_one_that_works(client: Client) -> None:
    link = host_link()
    old = page_of(link)
    links.reissue(link, now=NOW)

    assert client.get(old).status_code == 410
    ask(client, link.pk)
    assert (Message.objects.get().occasion, Link.objects.get().version) == ("link_again", 2)


@pytest.mark.parametrize("case", ["withdrawn", "left", "unknown", "expired", "living"])
def test_whoever_asks_gets_the_same_answer_whatever_comes_of_it(client: Client, case: str) -> None:
    link = host_link()
    now = {"expired": {"expires_at": NOW}, "withdrawn": {"revoked_at": NOW}}.get(case)
    if now:
        Link.objects.update(**now)
    if case == "left":
        Link.objects.update(expires_at=NOW)
        ContactFactory._meta.model.objects.update(is_active=False)
    link_id = uuid4() if case == "unknown" else link.pk

    answer, known = ask(client, link_id), ask(Client(), uuid4())

    assert (answer.status_code, answer.content) == (known.status_code, known.content)
    assert Message.objects.count() == (1 if case in {"expired", "living"} else 0)


def test_three_times_an_hour_are_enough(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    link, other = host_link(), host_link()
    for minute in range(5):
        monkeypatch.setattr(clock, "now", lambda at=NOW + timedelta(minutes=minute): at)
        assert ask(client, link.pk).status_code == 200
    assert Message.objects.count() == 3
    ask(client, other.pk)
    assert Message.objects.count() == 4
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=61))
    ask(client, link.pk)
    assert Message.objects.count() == 5


def test_a_colleague_gets_the_new_link_at_the_own_address(client: Client) -> None:
    link = host_link()
    child = links.send_on(
        link_id=link.pk, name="Signe", to="signe@firma.example", by=Actor.of_link(link), now=NOW - timedelta(days=400)
    )
    assert client.get(page_of(child)).status_code == 410

    ask(client, child.pk)

    assert (
        Message.objects.filter(occasion="link_again").values_list("address", flat=True).get() == "signe@firma.example"
    )


def test_asking_by_a_mere_look_does_nothing(client: Client) -> None:
    link = host_link()

    assert (client.get(f"/l/nyt-link/{link.pk}/").status_code, Message.objects.count()) == (405, 0)


# --- Leaving -------------------------------------------------------------------------------------------------------


def test_whoever_leaves_is_out_and_nothing_stays_in_the_browser(client: Client) -> None:
    one, other = host_link(), host_link()
    for link in (one, other):
        client.post(page_of(link))
    page = client.get(f"/vaert/{one.reference_id}/").content.decode()
    assert 'action="/l/farvel/"' in page

    answer = client.post("/l/farvel/")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/l/farvel/")
    assert [client.get(f"/vaert/{link.reference_id}/").status_code for link in (one, other)] == [404, 404]
    assert "session" not in client.cookies or client.cookies["session"].value == ""
    assert 'action="/l/farvel/"' not in client.get("/l/farvel/").content.decode()


def test_looking_at_the_page_of_leaving_does_not_leave(client: Client) -> None:
    link = host_link()
    client.post(page_of(link))
    client.get("/l/farvel/")

    assert client.get(f"/vaert/{link.reference_id}/").status_code == 200


def test_whoever_signed_in_stays_signed_in_after_leaving_the_links(client: Client) -> None:
    link = host_link()
    client.force_login(UserFactory.create())
    client.post(page_of(link))
    client.post("/l/farvel/")

    assert client.get(f"/vaert/{link.reference_id}/").status_code == 404
    assert client.get("/tilmeldinger/").status_code == 200


def test_coming_in_gives_the_browser_a_new_session(client: Client) -> None:
    session = client.session
    session["planted"] = "by somebody else"
    session.save()
    client.cookies["session"] = planted = session.session_key or ""

    client.post(page_of(host_link()))

    assert client.cookies["session"].value != planted
    assert Client(headers={"cookie": f"session={planted}"}).get("/l/farvel/").status_code == 200


def test_every_further_link_gives_the_browser_a_new_session_too(client: Client) -> None:
    one, other = host_link(), host_link()
    client.post(page_of(one))
    planted = client.cookies["session"].value  # by the holder of the first link, in somebody else's browser

    client.post(page_of(other))

    thief = Client(headers={"cookie": f"session={planted}"})
    assert client.cookies["session"].value != planted
    assert [thief.get(f"/vaert/{link.reference_id}/").status_code for link in (one, other)] == [404, 404]
    assert [client.get(f"/vaert/{link.reference_id}/").status_code for link in (one, other)] == [200, 200]


def test_a_known_token_costs_one_question_to_the_links(client: Client) -> None:
    page = page_of(host_link())
    client.get(page)
    with CaptureQueriesContext(connection) as captured:
        client.get(page)

    assert len([one for one in captured if "portal_link" in one["sql"]]) == 1


# --- Never in a log ------------------------------------------------------------------------------------------------


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Return every line that the portal's own handler would write, in production's form."""
    lines: list[str] = []
    before = logging.root.handlers[:], logging.root.level
    logs.configuration(json=True)
    handlers = {
        handler
        for name in ("", "gunicorn.access", "gunicorn.error")
        for handler in logging.getLogger(name).handlers
        if type(handler) is logging.StreamHandler
    }
    for handler in handlers:
        monkeypatch.setattr(handler, "emit", lambda record, by=handler: lines.append(by.format(record)))
    yield lines
    logging.root.handlers[:], logging.root.level = before[0], before[1]
    for name in ("gunicorn.access", "gunicorn.error"):
        logging.getLogger(name).handlers.clear()


def test_no_log_line_holds_a_token_whoever_writes_it(
    client: Client, written: list[str], rf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, ended = host_link(), host_link()
    links.revoke(purpose=HOST, reference_id=ended.reference_id, now=NOW)
    secrets = [links.token(link), links.token(ended)]
    client.get(page_of(link))
    client.get(page_of(ended))  # 410, told by django.request
    client.put(page_of(link))  # 405
    request = rf.get(page_of(link))
    log = logging.getLogger("anything")
    log.warning("at %s", page_of(link), extra={"request": request, "path": page_of(link), "parts": [page_of(link)]})
    logging.getLogger("gunicorn.access").info('"%(r)s" %(s)s', {"r": f"GET {page_of(link)} HTTP/1.1", "s": 200})
    logging.getLogger("gunicorn.error").error("Error handling request %s", page_of(link))
    try:
        raise ValueError(page_of(link))
    except ValueError:
        log.exception("stumbled")

    text = "\n".join(written)
    assert [secret for secret in secrets if secret in text] == []
    assert (text.count("hst_…") >= 7, "stumbled" in text, "Gone" in text) == (True, True, True)

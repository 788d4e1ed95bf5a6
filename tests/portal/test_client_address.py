"""Where a request came from, behind proxies and forged headers."""

from typing import Any

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from portal.http import client_address
from portal.middleware import ClientInLog

CLIENT = "203.0.113.7"
PROXY = "10.0.0.2"


def heard(forwarded: str | None, *, connected: str = PROXY) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=connected))


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        # Without a proxy of ours nothing that the client writes is believed.
        (0, None, PROXY),
        (0, CLIENT, PROXY),
        (0, f"1.1.1.1, {CLIENT}", PROXY),
        # One proxy: the last entry is what it saw; what stands before was forged.
        (1, CLIENT, CLIENT),
        (1, f"1.1.1.1, {CLIENT}", CLIENT),
        (1, f"1.1.1.1,2.2.2.2 ,{CLIENT} ", CLIENT),
        (1, None, PROXY),
        (1, "", PROXY),
        # Two proxies: the last entry is the outer proxy.
        (2, f"{CLIENT}, 10.0.0.1", CLIENT),
        (2, f"1.1.1.1, {CLIENT}, 10.0.0.1", CLIENT),
        (2, CLIENT, PROXY),  # too short: it came around the outer proxy
        # IPv6, ports (as Azure's gateway writes them), zones, IPv4 in IPv6.
        (1, "2001:DB8:0:0::7", "2001:db8::7"),
        (1, "[2001:db8::7]", "2001:db8::7"),
        (1, "[2001:db8::7]:4711", "2001:db8::7"),
        (1, f"{CLIENT}:4711", CLIENT),
        (1, "fe80::1%eth0", "fe80::1"),
        (1, f"::ffff:{CLIENT}", CLIENT),
        # Junk where the proxy should have written: then whoever is connected.
        (1, "unknown", PROXY),
        (1, "_hidden", PROXY),
        (1, f"{CLIENT},", PROXY),
        (1, "1.2.3", PROXY),
        (1, "1.2.3.4.5", PROXY),
        (1, "0x7f.1", PROXY),
        (1, "127.000.0.1", PROXY),
        (1, "１２７.0.0.1", PROXY),
        (1, "\u202e1.1.1.1", PROXY),
        (1, "';DROP TABLE portal_user;--", PROXY),
        (1, "9" * 2048, PROXY),
        # Two kilobytes of forged entries hide nobody.
        (1, "1.1.1.1, " * 227 + CLIENT, CLIENT),
        (1, "," * 2048, PROXY),
    ],
)
def test_the_client_is_whom_our_outermost_proxy_saw(
    settings: Any, proxies: int, forwarded: str | None, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies

    assert heard(forwarded) == address


@pytest.mark.parametrize("connected", ["", "unix:", "@", "gunicorn.sock"])
def test_a_request_without_an_address_has_nobodys(settings: Any, connected: str) -> None:
    settings.TRUSTED_PROXIES = 0

    assert heard(None, connected=connected) == "0.0.0.0"  # noqa: S104


def test_a_negative_number_of_proxies_believes_nobody(settings: Any) -> None:
    settings.TRUSTED_PROXIES = -1

    assert heard(CLIENT) == PROXY


def test_log_lines_of_a_request_say_where_it_came_from_and_others_do_not(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    said: list[dict[str, Any]] = []

    def view(request: HttpRequest) -> HttpResponse:
        said.append(structlog.contextvars.get_contextvars())
        return HttpResponse()

    request = RequestFactory().get("/", headers={"X-Forwarded-For": f"1.1.1.1, {CLIENT}"}, REMOTE_ADDR=PROXY)
    ClientInLog(view)(request)

    assert said == [{"client": CLIENT}]
    assert structlog.contextvars.get_contextvars() == {}

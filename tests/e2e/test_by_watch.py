"""The watch that every walk in a browser is under sees what it is there for: the negative control of ``visitor``."""

import pytest

from tests.e2e.conftest import NewVisitor

pytestmark = pytest.mark.e2e

CARELESS = '<!doctype html><title>x</title><h1>x</h1><img src="https://ond.example/p.gif" alt="">'


def test_a_picture_from_elsewhere_a_cookie_and_a_broken_policy_are_seen(visitor: NewVisitor) -> None:
    guest = visitor()
    guest.context.route("https://ond.example/**", lambda asked: asked.fulfill(body="", content_type="image/gif"))
    guest.context.route(
        "**/sjusket/",
        lambda asked: asked.fulfill(body=CARELESS, content_type="text/html", headers={"Set-Cookie": "spor=1; Path=/"}),
    )
    guest.open("/forloeb/")
    assert (guest.foreign, guest.complaints) == (set(), [])

    guest.open("/sjusket/")
    assert guest.foreign == {"https://ond.example/p.gif"}
    assert [one.endswith("cookies ['spor']") for one in guest.complaints] == [True]

    guest.context.clear_cookies()
    guest.open("/forloeb/")
    guest.page.evaluate(
        "new Promise(done => { const one = new Image(); one.onerror = done; one.src = '//ond.example/' })"
    )
    assert "Content Security Policy" in guest.complaints[-1]

    guest.complaints.clear()
    guest.foreign.clear()

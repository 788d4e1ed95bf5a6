"""Links in a real browser: pages that tell nobody their address, and whose forms work all the same.

Named to run before the walks that move the demo's clock by weeks: an invitation lives thirty days.
"""

import re

import pytest
from playwright.sync_api import Request

from tests.e2e.conftest import NewVisitor, Visitor
from tests.e2e.walk import enter_by_link, link_in, submit

pytestmark = pytest.mark.e2e


class Posts:
    """Notes what the browser says of itself with every form, and which policy each page has."""

    def __init__(self, visitor: Visitor) -> None:
        self.origins: list[str] = []
        self.referrers: list[str] = []
        self.policies: set[str] = set()
        self.portal = visitor.portal.url
        visitor.page.on("request", self.note)
        visitor.page.on(
            "response",
            lambda answer: (
                self.policies.add(answer.headers.get("referrer-policy", ""))
                if answer.request.resource_type == "document" and "/demo/" not in answer.url
                else None
            ),
        )

    def note(self, request: Request) -> None:
        if "/demo/" in request.url or "/demo/" in request.headers.get("referer", ""):
            return
        if "/l/" in request.headers.get("referer", ""):
            self.referrers.append(request.url)
        if request.method == "POST":
            self.origins.append(request.headers.get("origin", "none"))


def address_in_a_mail(visitor: Visitor, words: str) -> str:
    for number in range(1, 30):
        visitor.open(f"/demo/mails/?page={number}")
        found = visitor.page.locator("main tbody a").filter(has_text=re.compile(words))
        if found.count():
            found.first.click()
            visitor.page.wait_for_load_state()
            return link_in(visitor.text())
    raise AssertionError(f"no mail about {words}")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_host_comes_in_sends_the_link_on_and_leaves_under_no_referrer(visitor: NewVisitor, javascript: bool) -> None:
    host = visitor(javascript=javascript, width=360)
    address = address_in_a_mail(host, "Ny klasse|Snart besøg|Anmodning fra")
    posts = Posts(host)
    enter_by_link(host, address)
    assert host.heading() == "Jeres besøg"
    host.press("Send linket til en kollega")
    host.page.fill("main [name=name]", "Log ind på https://ond.example")
    host.page.fill("main [name=email]", f"kollega{javascript}@firma.example")
    submit(host, "main form.form button[type=submit]")
    assert host.page.locator("main [aria-invalid=true]").count() == 1
    host.page.fill("main [name=name]", "Signe Bæk")
    submit(host, "main form.form button[type=submit]")
    assert "Signe Bæk" in host.text()
    assert host.axe() == [] if javascript else True
    assert host.page.evaluate("document.documentElement.scrollWidth") <= 360

    host.press("Log ud og ryd")

    assert host.heading() == "Du er logget ud"
    # Browsers send "null" from a page under no-referrer: Django's own check would refuse every one of these.
    assert (posts.origins, posts.policies, posts.referrers) == (["null"] * 4, {"no-referrer"}, [])


def test_the_forms_of_the_builder_work_under_no_referrer(visitor: NewVisitor) -> None:
    company = visitor()
    address = address_in_a_mail(company, "Invitation: |vis en klasse|halvt skrevet|halvt færdig")
    posts = Posts(company)
    enter_by_link(company, address)
    submit(company, "main button[name=action]")
    submit(company, "main button[value=later]")

    assert (posts.origins, posts.policies) == (["null"] * 3, {"no-referrer"})
    assert "/beskriv/" in company.page.url


def test_a_link_that_was_never_one_says_so_and_looks_right(visitor: NewVisitor) -> None:
    guest = visitor(width=320)
    guest.open("/l/hst_aldrig/")

    assert (guest.page.locator("h1").count(), guest.axe()) == (1, [])
    assert guest.page.evaluate("document.documentElement.scrollWidth") <= 320

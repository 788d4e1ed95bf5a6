"""A browser before the whole portal: mail is read, and the clock is moved, on the demo's own pages.

Nothing stands in between: what a person sees is what the tests see.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, sync_playwright

from tests.e2e.stack import Portal, running_portal

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


# Where somebody is asked who they are, or plays with the demo: there, and after a form was sent, cookies are in order.
NOT_ANONYMOUS = ("/konto/", "/l/", "/demo/", "/admin/")

# Mails with codes that somebody has read; the session of the tests has one mail catcher.
READ: set[str] = set()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium, without a window."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "There is no Chromium; bin/test installs it."
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Run web server, worker, beat and mail catcher with the demo municipality, or attach to what E2E_URL names."""
    if address := os.environ.get("E2E_URL"):
        yield Portal(url=address, mails=Path(), logs=Path())
        return
    with running_portal(tmp_path_factory.mktemp("portal")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with chromium() as running:
        yield running


@dataclass
class Visitor:
    """One person at one browser: opens pages, presses buttons, and notes what no page may do.

    That is: what the console complains of (a broken policy is told there too), a request to any other host, and a
    cookie for somebody who only looks around.
    """

    portal: Portal
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    foreign: set[str] = field(default_factory=set)
    is_anonymous: bool = True

    def open(self, address: str) -> None:
        self.page.goto(address if "://" in address else self.portal.path(address))
        self.look_for_cookies()

    def note_request(self, request: Request) -> None:
        """Note a request to another host, and one after which a cookie is in order."""
        if not request.url.startswith((f"{self.portal.url}/", "data:", "about:", "blob:")):
            self.foreign.add(request.url)
        if request.method == "POST" or urlsplit(request.url).path.startswith(NOT_ANONYMOUS):
            self.is_anonymous = False

    def look_for_cookies(self) -> None:
        """Note a cookie that was set before anybody asked who this is."""
        if self.is_anonymous and (cookies := self.context.cookies()):
            self.complaints.append(f"{self.page.url}: cookies {[one.get('name') for one in cookies]}")

    def sign_in(self, email: str) -> None:
        """Sign in as a person does: with the code from the mail, and as one of the municipality with the app's too."""
        self.open("/konto/login/")
        self.page.fill("input[name=email]", email)
        self.send("main form button[type=submit]")
        began = time.monotonic()
        code = ""
        while not code and time.monotonic() - began < 60:
            code = self.code_in_mail(email)
        self.open("/konto/login/kode/")
        self.page.fill("input[name=code]", code)
        self.send("main form button[type=submit]")
        while "/konto/to-trin/login/" in self.page.url and time.monotonic() - began < 150:
            self.open("/demo/koder/")
            shown = self.page.locator("main tbody tr").filter(has_text=email).locator("code").all_inner_texts()
            for one in shown:
                self.open("/konto/to-trin/login/")
                self.page.fill("input[name=code]", one)
                self.send("form[action$='/to-trin/login/'] button[type=submit]")
                if "/konto/to-trin/login/" not in self.page.url:
                    return
            time.sleep(2)  # each code works once: wait for the next

    def send(self, button: str) -> None:
        """Press the first button of that kind, and wait for the answer."""
        self.page.locator(button).first.click()
        self.page.wait_for_load_state()

    def code_in_mail(self, email: str) -> str:
        """Return the code in the newest mail with one to this address that was not read before, or nothing."""
        self.open(f"/demo/mails/?to={email}")
        newest = self.page.locator("main tbody a").filter(has_text=re.compile("kode|code")).first
        if not newest.count():
            time.sleep(0.5)
            return ""
        address = newest.get_attribute("href") or ""
        if address in READ:
            time.sleep(0.5)
            return ""
        READ.add(address)
        self.open(address)
        found = re.search(r"\b([2-9B-Z]{4}-[2-9B-Z]{4})\b", self.text())
        assert found, self.text()
        return found.group(1)

    def press(self, label: str) -> None:
        """Press the button or follow the link of that name."""
        target = self.page.get_by_role("button", name=label).or_(self.page.get_by_role("link", name=label))
        target.first.click()
        self.page.wait_for_load_state()

    def heading(self) -> str:
        return self.page.locator("h1").first.inner_text().strip()

    def text(self) -> str:
        return self.page.locator("main").inner_text()

    def axe(self) -> list[str]:
        """Return axe's violations on this page (WCAG 2.0 to 2.2, A and AA, and best practice)."""
        # What is fading in has not its colours yet.
        self.page.evaluate("() => Promise.all(document.getAnimations().map(one => one.finished.catch(() => null)))")
        self.page.evaluate(AXE)
        found = self.page.evaluate("async () => (await axe.run()).violations")
        return [f"{rule['id']}: {[node['html'][:160] for node in rule['nodes'][:3]]}" for rule in found]

    def move_clock(self, step: str, times: int = 1) -> None:
        """Move the demo's clock on the demo's page (hour, day or week), and wait until the background work follows."""
        self.open("/demo/ur/")
        for _time in range(times):
            self.page.locator(f"button[name=step][value={step}]").click()
            self.page.wait_for_load_state()
            self.catch_up()

    def catch_up(self, seconds: float = 90) -> None:
        """Wait until the background work has done everything up to the present moment of the demo's clock."""
        self.open("/demo/ur/")
        moment = self.moment("#now-title time")
        stop = time.monotonic() + seconds
        while (reached := self.moment("#caught-up")) is None or moment is None or reached < moment:
            assert time.monotonic() < stop, f"the background work has come to {reached}, the clock shows {moment}"
            self.page.wait_for_timeout(250)
            self.open("/demo/ur/")

    def moment(self, selector: str) -> datetime | None:
        """Return the moment that a time element holds, if there is one."""
        found = self.page.locator(selector)
        stamp = found.get_attribute("datetime") if found.count() else None
        return datetime.fromisoformat(stamp) if stamp else None

    def mails(self, to: str, *words: str) -> Locator:
        """Open the demo's page of mails to somebody, and return those with all these words in their subject."""
        self.open(f"/demo/mails/?to={to}")
        found = self.page.locator("main tbody a")
        for word in words:
            found = found.filter(has_text=word)
        return found

    def mail(self, to: str, *words: str, seconds: float = 150) -> str:
        """Wait for a mail to somebody with all these words in its subject, open it on the demo's page, return it."""
        stop = time.monotonic() + seconds
        while time.monotonic() < stop:
            found = self.mails(to, *words)
            if found.count():
                found.first.click()
                self.page.wait_for_load_state()
                return self.text()
            time.sleep(0.5)
        raise AssertionError(f"no mail to {to} about {words!r}: {self.text()[:1500]}")


NewVisitor = Callable[..., Visitor]


@pytest.fixture
def visitor(portal: Portal, browser: Browser) -> Iterator[NewVisitor]:
    """Return a function that opens a new browser: with or without JavaScript, wide or narrow.

    Whatever anybody walks through: the console is quiet, nothing comes from elsewhere, and looking sets no cookie.
    """
    visitors: list[Visitor] = []

    def new(*, javascript: bool = True, width: int = 1280) -> Visitor:
        context = browser.new_context(
            java_script_enabled=javascript, viewport={"width": width, "height": 900}, locale="da-DK"
        )
        context.set_default_timeout(15_000)
        person = Visitor(portal, context, context.new_page())

        def note(message: ConsoleMessage) -> None:
            if message.type == "error" and "status of 4" not in message.text:
                person.complaints.append(f"{person.page.url}: {message.text}")

        person.page.on("console", note)
        context.on("request", person.note_request)
        person.page.on("pageerror", lambda error: person.complaints.append(f"{person.page.url}: {error}"))
        visitors.append(person)
        return person

    yield new
    for person in visitors:
        person.look_for_cookies()
    complaints = [complaint for person in visitors for complaint in person.complaints]
    foreign = {address for person in visitors for address in person.foreign}
    for person in visitors:
        person.context.close()
    assert (complaints, foreign) == ([], set())

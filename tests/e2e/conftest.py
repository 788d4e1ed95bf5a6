"""The whole portal as it runs, and a browser in front of it.

Web server, worker and beat are processes of their own on a database of their own, filled with the demo municipality;
mail leaves over SMTP and is read on the demo's page; the clock is moved on the demo's page. Nothing stands in between.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.prove.ground import ROOT, Process, environment, free_port, fresh_database, wait_for

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
DATABASE = "portal_e2e"
PASSWORD = "fjordby-demo"


class Catcher:
    """Takes every mail and lays it into a folder, as the demo's catcher does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        name = f"{time.time_ns()}"
        draft = self.folder / f"{name}.tmp"
        draft.write_bytes(envelope.content)
        draft.rename(self.folder / f"{name}.eml")
        return "250 taken"


@dataclass
class Portal:
    """Where the running portal answers."""

    url: str
    mails: Path
    logs: Path

    def path(self, address: str) -> str:
        return f"{self.url}{address}"


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Run web server, worker, beat and mail catcher with the demo municipality."""
    folder = tmp_path_factory.mktemp("portal")
    mails, logs = folder / "mails", folder / "logs"
    mails.mkdir()
    logs.mkdir()
    catcher = Controller(Catcher(mails), hostname="127.0.0.1", port=free_port())
    catcher.start()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    more = {
        "DEMO": "1",
        "ORIGIN": url,
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(catcher.port),
        "DEMO_MAIL_DIR": str(mails),
        "HEARTBEAT_DIR": str(folder),
        "STATIC_HASHED": "0",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    children: list[Process] = []
    try:
        with fresh_database(DATABASE) as database:
            env = environment(database, **more)
            subprocess.run(
                [sys.executable, "manage.py", "seed_demo"], cwd=ROOT, env=env, check=True, capture_output=True
            )
            for command, name in (
                (["gunicorn", "portal.wsgi:application", "--bind", f"127.0.0.1:{port}", "--threads", "8"], "web"),
                (["celery", "-A", "portal.celery", "worker", "--concurrency", "2", "-l", "WARNING"], "worker"),
                (["celery", "-A", "portal.celery", "beat", "-l", "WARNING"], "beat"),
            ):
                children.append(Process([sys.executable, "-m", *command], env, logs / f"{name}.log"))
            wait_for(f"{url}/healthz/", children[0])
            yield Portal(url=url, mails=mails, logs=logs)
            for child in children:
                child.kill()
    finally:
        for child in children:
            child.kill()
        catcher.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "There is no Chromium; bin/test installs it."
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()


@dataclass
class Visitor:
    """One person at one browser: opens pages, presses buttons, and notes what the console complains of."""

    portal: Portal
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, address: str) -> None:
        self.page.goto(address if "://" in address else self.portal.path(address))

    def sign_in(self, email: str) -> None:
        self.open("/konto/login/")
        self.page.fill("input[name=login]", email)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("main button[type=submit]")
        self.page.wait_for_load_state()

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
        self.page.evaluate(AXE)
        found = self.page.evaluate("async () => (await axe.run()).violations")
        return [f"{rule['id']}: {[node['html'][:160] for node in rule['nodes'][:3]]}" for rule in found]

    def move_clock(self, step: str, times: int = 1) -> None:
        """Move the demo's clock on the demo's page: hour, day or week."""
        for _time in range(times):
            self.open("/demo/ur/")
            self.page.locator(f"button[name=step][value={step}]").click()
            self.page.wait_for_load_state()

    def mail(self, to: str, subject: str, *, seconds: float = 40) -> str:
        """Wait for a mail to somebody with these words in its subject, open it on the demo's page, return its text."""
        stop = time.monotonic() + seconds
        while time.monotonic() < stop:
            self.open(f"/demo/mails/?to={to}")
            found = self.page.locator("main a", has_text=subject)
            if found.count():
                found.first.click()
                self.page.wait_for_load_state()
                return self.text()
            time.sleep(0.5)
        raise AssertionError(f"no mail to {to} about {subject!r}: {self.text()[:1500]}")


NewVisitor = Callable[..., Visitor]


@pytest.fixture
def visitor(portal: Portal, browser: Browser) -> Iterator[NewVisitor]:
    """Return a function that opens a new browser: with or without JavaScript, wide or narrow."""
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
        person.page.on("pageerror", lambda error: person.complaints.append(f"{person.page.url}: {error}"))
        visitors.append(person)
        return person

    yield new
    complaints = [complaint for person in visitors for complaint in person.complaints]
    for person in visitors:
        person.context.close()
    assert complaints == []

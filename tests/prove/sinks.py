"""Every field filled with every payload, and a real browser as the judge of whether anything lives."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage

from tests.e2e.conftest import chromium
from tests.payloads import FIELDS, PAYLOADS
from tests.prove.figures import Figure
from tests.prove.ground import fresh_database, run_in_portal, web_server

DATABASE = "prove_sinks"
CONTROLS = ("script", "picture", "out of the textarea", "out of the attribute", "out of the script")
PLACES = 11  # nine kinds of pages, letters and paper
IS_LIVE = "() => window.__xss !== undefined || document.querySelector('[data-live]') !== null"


def prove() -> Iterator[Figure]:
    """Yield what was looked at, what lived, what the policy had to stop, and what a careless page would let live."""
    looked, opened, live, violations = 0, 0, list[str](), list[str]()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser, fresh_database(DATABASE) as database:
        media = str(Path(folder) / "media")
        with web_server(database, Path(folder) / "web.log", workers=1, threads=4, MEDIA_ROOT=media) as address:
            for name in PAYLOADS:
                printed = run_in_portal(database, "tests.prove.nasty", name, MEDIA_ROOT=media)
                told = json.loads(printed.splitlines()[-1])
                opened += visit(browser, address, told, name, live, violations)
                live += [f"{name}, {one}" for one in told["live"]]
                looked += FIELDS * (len(told["pages"]) + 2)
        caught = sum(careless(browser, PAYLOADS[name]) for name in CONTROLS)
    yield Figure(
        name="fields × places × payloads looked at by a browser",
        value=looked,
        goal=f"{FIELDS * PLACES * 12}",
        held=looked == FIELDS * PLACES * 12,
    )
    yield Figure(name="pages and letters opened", value=opened, goal="≥ 800", held=opened >= 800)
    yield Figure(
        name=f"live injections {live[:3] or ''}",
        value=len(live),
        goal="0",
        held=not live,
        control=f"{caught} of {len(CONTROLS)} live when rendered carelessly",
    )
    yield Figure(name="careless renderings caught", value=caught, goal=str(len(CONTROLS)), held=caught == len(CONTROLS))
    yield Figure(name=f"policy violations {violations[:3] or ''}", value=len(violations), goal="0", held=not violations)


def visit(
    browser: Browser, address: str, told: dict[str, Any], payload: str, live: list[str], violations: list[str]
) -> int:
    """Open everything that one payload may have reached; return how many pages that were."""
    opened = 0
    for who, cookies in told["cookies"].items():
        context = browser.new_context(locale="da-DK")
        context.add_cookies([{"name": key, "value": value, "url": address} for key, value in cookies.items()])
        page = context.new_page()

        def note(message: ConsoleMessage, who: str = who) -> None:
            if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
                violations.append(f"{payload}, {who}: {message.text[:200]}")

        page.on("console", note)
        page.on("dialog", lambda dialog: dialog.dismiss())
        for sink, looks in told["pages"].items():
            for looker, place in looks:
                if looker != who:
                    continue
                answer = page.goto(address + place)
                opened += 1
                if answer is None or answer.status != 200:
                    live.append(f"{payload}, {place}: {answer.status if answer else 'no answer'}")
                if page.evaluate(IS_LIVE):
                    live.append(f"{payload}, {sink}: {place}")
        context.close()
    for html in told["alone"]:
        opened += 1
        if lives_alone(browser, html):
            live.append(f"{payload}, a letter or paper: {html[:60]}")
    return opened


def lives_alone(browser: Browser, html: str) -> bool:
    """Return whether HTML that no policy protects (a letter in a careless program) lives in a browser."""
    context = browser.new_context()
    context.route("**/*", lambda route: route.abort())
    page = context.new_page()
    page.set_content(html, wait_until="domcontentloaded")
    page.wait_for_timeout(50)
    found = bool(page.evaluate(IS_LIVE))
    context.close()
    return found


def careless(browser: Browser, payload: str) -> bool:
    """Return whether the payload lives where somebody forgot to escape: the judge must see that."""
    return lives_alone(browser, f'<!doctype html><body><p>{payload}</p><input value="{payload}"></body>')

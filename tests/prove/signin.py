"""A school at eight in the morning, and somebody who guesses: over HTTP against a real gunicorn, with Redis stopped.

600 teachers sign in from one address, each with the code from the own mail: none may be refused. Then 10,000 wrong
codes are typed against one account, in ever new browsers: none may fit, and the owner's own mail, asked for before,
must still work in the browser that asked. The controls are the same sign-ins behind a limit by address, and the same
count of who got in for a browser that types the right code.
"""

import collections
import http.client
import random
import re
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
from aiosmtpd.controller import Controller

from tests.prove.figures import Figure
from tests.prove.ground import Process, address_of, environment, free_port, fresh_database, run_in_portal, web_server

TEACHERS = 600
WRONG = 10_000
TRIES = 5
AT_ONCE = 12
DATABASE = "prove_signin"
NO_REDIS = "redis://127.0.0.1:1/0"
# A line of its own: a Message-ID may hold digits that look like a code.
CODE = re.compile(r"^\s*([2-9B-Z]{4}-[2-9B-Z]{4})\s*$", re.MULTILINE)


class Mailbox:
    """Takes every mail, and hands out the codes in them by receiver."""

    def __init__(self) -> None:
        self.codes: collections.defaultdict[str, list[str]] = collections.defaultdict(list)
        self.lock = threading.Lock()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        found = CODE.search(envelope.content.decode("utf-8", "replace"))
        with self.lock:
            self.codes[envelope.rcpt_tos[0]].append(found.group(1) if found else "")
        return "250 taken"

    def newest(self, email: str, seconds: float = 60) -> str:
        """Wait for a mail to the address and return its code; nothing when none comes."""
        stop = time.monotonic() + seconds
        while time.monotonic() < stop:
            with self.lock:
                if self.codes[email]:
                    return self.codes[email][-1]
            time.sleep(0.05)
        return ""


class Browser:
    """A browser of its own, with cookies, that keeps its connection."""

    def __init__(self, address: str) -> None:
        self.place = urllib.parse.urlsplit(address).netloc
        self.connection = http.client.HTTPConnection(self.place, timeout=60)
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, **fields: str) -> tuple[int, str]:
        """Send a request; return the status and where it leads."""
        if method == "POST":
            fields["csrfmiddlewaretoken"] = self.cookies.get("csrf", "")
        body = urllib.parse.urlencode(fields) if fields else None
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        for attempt in (1, 2):
            try:
                self.connection.request(method, path, body, headers)
                answer = self.connection.getresponse()
                answer.read()
                break
            except (http.client.HTTPException, OSError):  # the server closed a connection that had rested too long
                self.connection.close()
                if attempt == 2:
                    raise
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _equals, rest = line.partition("=")
            self.cookies[name] = rest.split(";", 1)[0]
        return answer.status, answer.headers.get("Location") or ""

    def ask_for_code(self, email: str, *, look: bool = True) -> int:
        """Ask for a code; who does not look at the page first brings a token of the own making, as Django allows."""
        if look:
            self.ask("GET", "/konto/login/")
        else:
            self.cookies["csrf"] = "a" * 32
        status, place = self.ask("POST", "/konto/login/", email=email)
        return status if place == "/konto/login/kode/" else -status

    def type_code(self, code: str) -> bool:
        """Type a code; return whether it let this browser in."""
        status, place = self.ask("POST", "/konto/login/kode/", code=code)
        return status == 302 and place == "/"


def sign_in(address: str, email: str, mailbox: Mailbox) -> bool:
    """Sign in as a person does; return whether the own page opens."""
    browser = Browser(address)
    if browser.ask_for_code(email) != 302:
        return False
    browser.ask("GET", "/konto/login/kode/")
    code = mailbox.newest(email)
    return browser.type_code(code) and browser.ask("GET", "/tilmeldinger/")[0] == 200


def guess(address: str, email: str, number: int) -> int:
    """Open a new browser, ask for a code to somebody else's address, type wrong ones; return how many let in."""
    dice = random.Random(number)
    browser = Browser(address)
    browser.ask_for_code(email, look=False)
    letters = "23456789BCDFGHJKMNPQRSTVWXZ"
    return sum(browser.type_code("".join(dice.choices(letters, k=8))) for _try in range(TRIES))


def row(database: str, question: str) -> int:
    with psycopg.connect(address_of(database)) as connection:
        found = connection.execute(question).fetchone()
        return int(found[0]) if found else 0


def prove() -> Iterator[Figure]:
    """Yield how many were refused and how fast it went; how many guesses fitted, and whether the owner got in."""
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    more = {"REDIS_URL": NO_REDIS, "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(controller.port)}
    with tempfile.TemporaryDirectory() as folder, fresh_database(DATABASE) as database:
        run_in_portal(database, "tests.prove.teachers", str(TEACHERS + 1), **more)
        command = [sys.executable, "-m", "tests.prove.teachers", "deliver"]
        mailer = Process(command, environment(database, **more), Path(folder) / "mailer.log")
        try:
            yield from at_eight_in_the_morning(database, Path(folder), mailbox, more)
            yield from somebody_guesses(database, Path(folder), mailbox, more)
        finally:
            mailer.kill()
            controller.stop()


def at_eight_in_the_morning(database: str, folder: Path, mailbox: Mailbox, more: dict[str, str]) -> Iterator[Figure]:
    emails = [f"teacher{number}@prove.example" for number in range(TEACHERS)]
    with (
        web_server(
            database, folder / "stingy.log", workers=1, threads=8, module="tests.prove.stingy:application", **more
        ) as address,
        ThreadPoolExecutor(max_workers=AT_ONCE) as pool,
    ):
        let_in = sum(pool.map(lambda email: sign_in(address, email, mailbox), emails[:60]))
    mailbox.codes.clear()
    with web_server(database, folder / "web.log", workers=2, threads=8, **more) as address:
        began = time.monotonic()
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            inside = list(pool.map(lambda email: sign_in(address, email, mailbox), emails))
        seconds = time.monotonic() - began
    refused = inside.count(False)
    control = f"behind a limit of 30 a minute by address {60 - let_in} of 60 were refused"
    yield Figure(
        name=f"of {TEACHERS} right sign-ins from one address refused",
        value=refused, goal="0", held=refused == 0 and let_in < 60, control=control,
    )  # fmt: skip
    rate = (TEACHERS - refused) / seconds * 60
    yield Figure(name="sign-ins a minute", value=round(rate), goal="≥ 600", held=rate >= 600)


def somebody_guesses(database: str, folder: Path, mailbox: Mailbox, more: dict[str, str]) -> Iterator[Figure]:
    victim = f"teacher{TEACHERS}@prove.example"
    with web_server(database, folder / "guessed.log", workers=2, threads=8, **more) as address:
        owner = Browser(address)
        owner.ask_for_code(victim)
        mailed = mailbox.newest(victim)
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            fitted = sum(pool.map(lambda number: guess(address, victim, number), range(WRONG // TRIES)))
        typed = row(database, "SELECT sum(failures) FROM portal_signincode WHERE email = '" + victim + "'")
        mails = len(mailbox.codes[victim])
        stranger_with_owners_code = Browser(address)
        stranger_with_owners_code.ask("GET", "/konto/login/")
        stolen = stranger_with_owners_code.type_code(mailed)
        let_in = owner.type_code(mailed) and owner.ask("GET", "/tilmeldinger/")[0] == 200
    yield Figure(
        name=f"of {typed} wrong codes against one account let in",
        value=fitted, goal="0", held=fitted == 0 and typed == WRONG and let_in,
        control=f"the same count for a browser that types the right code: {int(let_in)}",
    )  # fmt: skip
    yield Figure(
        name="the owner's mailed code works in the browser that asked", value=int(let_in),
        goal="1", held=let_in and not stolen,
        control=f"in a browser that did not ask: {int(stolen)}",
    )  # fmt: skip
    yield Figure(name="mails to the owner meanwhile", value=mails, goal="≤ 18 an hour", held=mails <= 18)

"""64 bookers for the last 10 places, against 2 processes with 16 threads each: always 10, whoever is first.

Over HTTP, each with an own account and class, all at once. The negative control is the same race with *count, then
insert*, without lock or constraint: it must sell more than there is.
"""

import http.cookiejar
import json
import re
import tempfile
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg

from tests.prove.figures import Figure
from tests.prove.ground import address_of, fresh_database, run_in_portal, web_server

BOOKERS = 64
PLACES = 10
ROUNDS = 3
DATABASE = "prove_bookers"


def field(page: str, name: str) -> str:
    """Return the value of a hidden field."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]+)"', page)
    if found is None:
        raise RuntimeError(f"no field {name} in {page[:500]}")
    return found.group(1)


class Booker:
    """A browser of one teacher: opens the form beforehand, and sends it when the race begins."""

    def __init__(self, address: str, plan: dict[str, Any]) -> None:
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.opener.addheaders = [("Cookie", f"session={plan['session_key']}")]
        self.url = f"{address}{plan['url']}"
        page = self.opener.open(self.url, timeout=30).read().decode()
        csrf = next((cookie.value for cookie in self.jar if cookie.name == "csrf"), "") or ""
        self.opener.addheaders = [
            ("Cookie", f"session={plan['session_key']}; csrf={csrf}"),
            ("Origin", "http://127.0.0.1"),
        ]
        self.jar.clear()
        self.body = urllib.parse.urlencode(
            {
                "csrfmiddlewaretoken": field(page, "csrfmiddlewaretoken"),
                "form_token": field(page, "form_token"),
                "school_class": plan["school_class"],
                "pupils": "20",
                "adults": "2",
                "phone": "70000000",
                "group": "1",
            }
        ).encode()

    def book(self, gate: threading.Barrier) -> int:
        """Wait for the others, press the button, and return the status."""
        gate.wait()
        try:
            with self.opener.open(self.url, data=self.body, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


def race(address: str, plans: list[dict[str, Any]]) -> list[int]:
    """Let all bookers press at once; return the statuses."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        bookers = list(pool.map(lambda plan: Booker(address, plan), plans))
    gate = threading.Barrier(len(bookers))
    with ThreadPoolExecutor(max_workers=len(bookers)) as pool:
        return list(pool.map(lambda booker: booker.book(gate), bookers))


def careless(database: str) -> int:
    """Sell the same places by *count, then insert*; return how many were sold."""
    with psycopg.connect(address_of(database), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS careless (booker int)")
        connection.execute("TRUNCATE careless")
    gate = threading.Barrier(32)

    def book(number: int) -> None:
        with psycopg.connect(address_of(database)) as connection:
            gate.wait()
            for attempt in range(2):
                row = connection.execute("SELECT count(*) FROM careless").fetchone()
                if row and row[0] < PLACES:
                    connection.execute("INSERT INTO careless VALUES (%s)", (number * 2 + attempt,))
                connection.commit()

    with ThreadPoolExecutor(max_workers=32) as pool:
        list(pool.map(book, range(32)))
    with psycopg.connect(address_of(database)) as connection:
        row = connection.execute("SELECT count(*) FROM careless").fetchone()
        return int(row[0]) if row else 0


def prove() -> Iterator[Figure]:
    """Yield how many were sold in the best and the worst round, and how many answers were errors."""
    with tempfile.TemporaryDirectory() as folder, fresh_database(DATABASE) as database:
        rounds = json.loads(run_in_portal(database, "tests.prove.contested", str(ROUNDS), str(BOOKERS), str(PLACES)))
        statuses: list[int] = []
        with web_server(database, Path(folder) / "web.log", workers=2, threads=16) as address:
            for plans in rounds:
                statuses += race(address, plans)
        with psycopg.connect(address_of(database)) as connection:
            sold = [
                row[0]
                for row in connection.execute(
                    "SELECT count(*) FILTER (WHERE status = 'confirmed') FROM offers_enrolment GROUP BY session_id"
                ).fetchall()
            ]
            waiting = connection.execute("SELECT count(*) FROM offers_enrolment WHERE status = 'waitlisted'").fetchone()
        oversold = careless(database)
    control = f"count-then-insert sold {oversold} of {PLACES}"
    held = sold == [PLACES] * ROUNDS
    yield Figure(
        name="most places sold", value=max(sold), goal=f"{PLACES}", held=held and oversold > PLACES, control=control
    )
    yield Figure(name="fewest places sold", value=min(sold), goal=f"{PLACES}", held=held)
    queued = (BOOKERS - PLACES) * ROUNDS
    in_line = waiting[0] if waiting else 0
    yield Figure(name="classes in line", value=in_line, goal=str(queued), held=in_line == queued)
    errors = sum(status != 200 for status in statuses)
    yield Figure(name="answers that were no receipt", value=errors, goal="0", held=errors == 0)

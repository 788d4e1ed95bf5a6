"""1,000 looks at every kind of address that mails hold, as mail scanners take them: no row of any table changes.

GET, HEAD and OPTIONS over HTTP against the running portal; all tables are summed up before and after, those of sessions
and of the log included. The negative control presses the button: that must change some.
"""

import http.cookiejar
import json
import re
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.prove.figures import Figure
from tests.prove.ground import address_of, fresh_database, run_in_portal, web_server

LOOKS = 1000
METHODS = ("GET", "HEAD", "GET", "OPTIONS")
DATABASE = "prove_links"
TOKEN = re.compile(r"\b[a-z]{3}_[A-Za-z0-9_-]{43}")  # whatever kind of link: invitation, calendar, one yet to come
MASKED = re.compile(r"\b[a-z]{3}_…")


def sums(database: str) -> dict[str, str]:
    """Return a checksum of every row of every table."""
    with psycopg.connect(address_of(database), autocommit=True) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        ).fetchall()
        found = {}
        for (table,) in tables:
            rows = f'SELECT t::text AS line FROM "{table}" t'
            query = f"SELECT coalesce(md5(string_agg(line, ',' ORDER BY line)), '') FROM ({rows}) AS lines"
            row = connection.execute(query.encode()).fetchone()
            found[table] = row[0] if row else ""
    return found


def changed(database: str, before: dict[str, str]) -> list[str]:
    """Return the tables that are not what they were."""
    return sorted(table for table, value in sums(database).items() if before.get(table) != value)


def look(server: str, path: str, count: int) -> list[int]:
    """Look at an address so many times on eight connections; return the statuses."""
    host = urlsplit(server).netloc
    local = threading.local()

    def once(number: int) -> int:
        if not hasattr(local, "connection"):
            local.connection = HTTPConnection(host, timeout=60)
        try:
            local.connection.request(METHODS[number % len(METHODS)], path, headers={"User-Agent": "a mail scanner"})
            answer = local.connection.getresponse()
            answer.read()
            return int(answer.status)
        except OSError:
            local.connection.close()
            del local.connection
            return 0

    with ThreadPoolExecutor(max_workers=8) as scanners:
        return list(scanners.map(once, range(count)))


def press(server: str, path: str) -> int:
    """Open the page as a browser does and press its one button, with the Origin that browsers send from it."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    try:
        page = opener.open(f"{server}{path}", timeout=60).read().decode()
    except urllib.error.HTTPError as error:  # an ended link has a button too
        page = error.read().decode()
    action = re.search(r'<form class="form" method="post"(?: action="([^"]+)")?', page)
    field = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    if action is None:
        return 0
    body = urllib.parse.urlencode({"csrfmiddlewaretoken": field[1]} if field else {}).encode()
    request = urllib.request.Request(f"{server}{action[1] or path}", data=body, headers={"Origin": "null"})
    try:
        with opener.open(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def prove() -> Iterator[Figure]:
    """Yield per kind how many tables its looks changed; then what the button changed, and tokens in the logs."""
    with tempfile.TemporaryDirectory() as folder, fresh_database(DATABASE) as database:
        told = json.loads(run_in_portal(database, "tests.prove.every_link"))
        log = Path(folder) / "web.log"
        asked = {"GUNICORN_CMD_ARGS": "--access-logfile -"}
        with web_server(database, log, workers=2, threads=8, **asked) as server:
            for group, kinds in told.items():
                for kind, address in kinds.items():
                    path = urlsplit(address).path
                    before = sums(database)
                    statuses = look(server, path, LOOKS)
                    tables = changed(database, before)
                    answers = ", ".join(str(status) for status in sorted(set(statuses)))
                    sound = not {0, *range(500, 600)} & set(statuses)
                    control, moved = f"answers {answers}", True
                    if group != "open":
                        status = press(server, path)
                        pressed = changed(database, before)
                        # The button of what was withdrawn answers like the others, and does nothing.
                        moved = bool(pressed) == (kind != "withdrawn")
                        control = f"{control}; the button ({status}) changed {len(pressed)}"
                    yield Figure(
                        name=f"{kind}: tables changed by {len(statuses)} looks",
                        value=len(tables),
                        goal="0",
                        held=not tables and sound and moved,
                        control=control,
                    )
        text = log.read_text(errors="replace")
    masked = len(MASKED.findall(text))
    tokens = len(TOKEN.findall(text))
    yield Figure(
        name=f"tokens in {len(text.splitlines())} lines of the web server's log",
        value=tokens,
        goal="0",
        held=tokens == 0 and masked > LOOKS and "cal_…" in text,
        control=f"{masked} masked ones",
    )

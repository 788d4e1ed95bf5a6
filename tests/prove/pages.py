"""Queries and time of every kind of page, beside the limit views measured in the same run.

A limit is the least that Django can do: *hello*, and *one indexed query with a template of 20 cards*. Ratios are what
counts: milliseconds belong to the machine. The negative control is a page that asks once per card.
"""

import json
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.prove.figures import Figure
from tests.prove.ground import fresh_database, run_in_portal, web_server

DATABASE = "prove_pages"
ROUNDS = 40
MOST_QUERIES = 8  # of a page that anybody may open; who has signed in costs two more


def get(address: str, cookie: str) -> int:
    """Fetch a page and return how many queries it took, as the measuring middleware says."""
    request = urllib.request.Request(address, headers={"Cookie": cookie} if cookie else {})
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
        return int(answer.headers.get("X-Queries", "0"))


def milliseconds(address: str, limit: str, cookie: str) -> tuple[float, float]:
    """Return the median milliseconds of a page and of its limit, fetched in turns."""
    ours: list[float] = []
    limits: list[float] = []
    for _round in range(ROUNDS):
        for target, times in ((address, ours), (limit, limits)):
            began = time.perf_counter()
            get(target, cookie)
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(ours), statistics.median(limits)


def prove() -> Iterator[Figure]:
    """Yield queries and the ratio to the limit for each kind of page, with 10 and with 1,000 offers."""
    with tempfile.TemporaryDirectory() as folder, fresh_database(DATABASE) as database:
        counted: dict[int, dict[str, int]] = {}
        for offers in (10, 1000):
            found: dict[str, Any] = json.loads(run_in_portal(database, "tests.prove.catalogue", str(offers)))
            with web_server(
                database,
                Path(folder) / "web.log",
                workers=1,
                threads=2,
                DJANGO_SETTINGS_MODULE="tests.prove.settings",
            ) as address:
                limits = {
                    "hello": f"{address}/limit/hello/",
                    "20 cards": f"{address}/limit/cards/",
                    "a query per card": f"{address}/limit/careless/",
                }
                pages = [(name, f"{address}{page['url']}", page["cookie"]) for name, page in found.items()]
                counted[offers] = {name: get(url, cookie) for name, url, cookie in pages}
                careless = get(limits["a query per card"], "")
                if offers == 1000:
                    yield from self_paced(pages, limits, counted, careless)


def self_paced(
    pages: list[tuple[str, str, str]], limits: dict[str, str], counted: dict[int, dict[str, int]], careless: int
) -> Iterator[Figure]:
    """Yield the figures of the large catalogue, compared with the small one."""
    for name, _url, cookie in pages:
        few, many = counted[10][name], counted[1000][name]
        most = MOST_QUERIES + 2 if cookie else MOST_QUERIES
        yield Figure(
            name=f"{name}, queries with 10 and 1,000 offers ({few}, {many})",
            value=many,
            goal=f"≤ {most}, the same",
            held=few == many <= most,
            control=f"a query per card takes {careless}",
        )
    for name, url, cookie in pages:
        ours, limit = milliseconds(url, limits["20 cards"], cookie)
        goal = 0.4 if name.startswith("catalogue") else 0.5
        if name.startswith(("catalogue", "offer page")):
            yield Figure(
                name=f"{name}, speed as a share of «20 cards» ({ours:.1f} ms to {limit:.1f} ms)",
                value=limit / ours,
                goal=f"≥ {goal}",
                held=limit / ours >= goal,
            )
        else:
            yield Figure(name=f"{name}, share of «20 cards»", value=limit / ours, goal="(told, no goal)", held=True)

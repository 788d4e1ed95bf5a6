"""Every route and every form of the portal against the whole catalogue of bad inputs (``tests/inputs``).

What ``bin/test`` samples is sent here row by row: each junk value in each parameter of each list, each value in each
field of each form, alone; then requests that a generator makes up. The negative control is a page that hands what the
address says to the database, which is what the catalogue was written against.

``PROVE_INPUTS_ONLY="fields made-up"`` sends only these parts.
"""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from tests.prove.figures import Figure
from tests.prove.ground import copied, fresh_database, run_in_portal

DATABASE = "prove_inputs"
SERVER = {"ORIGIN": "http://testserver", "ALLOWED_HOSTS": "testserver"}
PARTS = ("requests", "lists", "forms", "fields", "made-up")
ONLY = os.environ.get("PROVE_INPUTS_ONLY", "").split()  # some of the parts
PROCESSES = 2


def prove() -> Iterator[Figure]:
    """Yield what was sent, and how much of it was answered by an error."""
    with ExitStack() as stack:
        first = stack.enter_context(fresh_database(DATABASE))
        databases = [first]
        databases += [stack.enter_context(copied(first, f"{DATABASE}_{one}")) for one in range(1, PROCESSES)]
        for part in ONLY or PARTS:
            began = time.monotonic()
            told = sent_by_all(databases, part)
            print(f"   ({part}: {time.monotonic() - began:.0f} s)", flush=True)
            for line in told["found"][:40]:
                print(f"   ! {line}", flush=True)
            name = f"{told['name']}: {told['sent']} requests, answers of 500 and above"
            yield Figure(name=name, value=told["broken"], goal="0", held=told["broken"] == 0, control=told["control"])
            if told["judged"]:
                name = f"{told['name']}: rows answered otherwise than the catalogue says"
                yield Figure(name=name, value=told["wrong"], goal="0", held=told["wrong"] == 0)
            yield Figure(
                name=f"{told['name']}: slowest answer ({told['slowest'][1]})",
                value=told["slowest"][0],
                unit="s",
                goal="≤ 5",
                held=told["slowest"][0] <= 5,
            )


def sent_by_all(databases: list[str], part: str) -> dict[str, Any]:
    """Let one process for each database send its share of a part; return what came of it together."""

    def share(number: int) -> dict[str, Any]:
        words = (part, str(number), str(len(databases)))
        said = run_in_portal(databases[number], "tests.inputs.run", *words, **SERVER)
        told: dict[str, Any] = json.loads(said.splitlines()[-1])
        return told

    with ThreadPoolExecutor(len(databases)) as pool:
        shares = list(pool.map(share, range(len(databases))))
    return {
        "name": max((one["name"] for one in shares), key=len),  # the longer one says that the time was up
        "judged": shares[0]["judged"],
        "control": shares[0]["control"],
        "found": [line for one in shares for line in one["found"]],
        "slowest": max(one["slowest"] for one in shares),
        **{count: sum(one[count] for one in shares) for count in ("sent", "broken", "wrong")},
    }

"""Every route and every form of the portal against the whole catalogue of bad inputs (``tests/inputs``).

What ``bin/test`` samples is sent here row by row: each junk value in each parameter of each list, each value in each
field of each form, alone; then requests that a generator makes up. The negative control is a page that hands what the
address says to the database, which is what the catalogue was written against.
"""

import json
from collections.abc import Iterator

from tests.prove.figures import Figure
from tests.prove.ground import fresh_database, run_in_portal

DATABASE = "prove_inputs"
SERVER = {"ORIGIN": "http://testserver", "ALLOWED_HOSTS": "testserver"}


def prove() -> Iterator[Figure]:
    """Yield what was sent, and how much of it was answered by an error."""
    with fresh_database(DATABASE) as database:
        for part in ("requests", "lists", "forms", "fields", "made-up"):
            told = json.loads(run_in_portal(database, "tests.inputs.run", part, **SERVER).splitlines()[-1])
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

"""Long lives of sessions and talks, every step beside a model in Python (``tests/offers/life.py``, ``talk.py``).

What the tests play with the same few lives each time is played here with others every time, longer, for as long as
``PROVE_LIFE_SECONDS`` says (120). The controls are steps planted wrongly into the portal, one at a time
(``tests/offers/life_wrongs.py``): the machine must notice each.
"""

import json
import os
from collections.abc import Iterator

from tests.prove.figures import Figure
from tests.prove.ground import fresh_database, run_in_portal

SECONDS, STEPS = float(os.environ.get("PROVE_LIFE_SECONDS", "120")), 50


def prove() -> Iterator[Figure]:
    """Yield whether a promise was broken in any of the lives, and which planted wrongs were noticed."""
    with fresh_database("prove_life") as database:
        said = run_in_portal(database, "tests.prove.lives", str(SECONDS), str(STEPS))
    found = json.loads(said.splitlines()[-1])
    for what in ("sessions", "talks"):
        steps, lives, broken = (found[what][name] for name in ("steps", "lives", "broken"))
        for step, times in steps.items():
            print(f"  {times:>7} × {step}")
        yield Figure(
            name=f"promises broken in {lives} lives of {what}, {sum(steps.values())} steps of {len(steps)} kinds",
            value=broken,
            goal="0",
            held=broken == 0,
        )
    noticed = found["noticed"]
    for name, seen in noticed.items():
        yield Figure(
            name=f"a planted wrong step is noticed: {name}",
            value=int(seen),
            goal="1",
            held=bool(seen),
            control="without it nothing is broken, see above",
        )

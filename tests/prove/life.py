"""300 lives of a session with 60 steps each, every step compared with a model in Python (``tests/offers/life.py``).

What the tests play with the same 30 lives each time is played here with others every time, and longer. The control is a
portal that forgets to give places back.
"""

import os
from collections.abc import Iterator

from tests.prove.figures import Figure
from tests.prove.ground import fresh_database, run_in_portal

LIVES, STEPS = int(os.environ.get("PROVE_LIFE_LIVES", "300")), 60


def prove() -> Iterator[Figure]:
    """Yield whether a promise was broken in any of the lives."""
    with fresh_database("prove_life") as database:
        broken = int(run_in_portal(database, "tests.prove.lives", str(LIVES), str(STEPS)).split()[-1])
        noticed = int(run_in_portal(database, "tests.prove.lives", "40", "30", "wrong").split()[-1])
    yield Figure(
        name=f"promises broken in {LIVES} lives of {STEPS} steps",
        value=broken,
        goal="0",
        held=broken == 0 < noticed,
        control="places that are not given back are noticed" if noticed else "nothing noticed",
    )

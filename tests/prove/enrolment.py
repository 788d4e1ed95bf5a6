"""The promises of enrolment, over HTTP on a real PostgreSQL, each with its negative control.

``PROVE_ENROLMENT=E1,speed`` runs only those parts; ``PROVE_ENROLMENT_SECONDS`` shortens the ten minutes of E4,
``PROVE_ENROLMENT_ROUNDS`` the 50 rounds of the bookers, and ``PROVE_ENROLMENT_WORLD=40,25`` makes a smaller world:
schools, and classes of each (10,000 attempts are one for each class).
"""

import os
import time
from collections.abc import Callable, Iterator

from tests.prove import attempts, mixed, restarts, speed
from tests.prove.figures import Figure
from tests.prove.fought_over import World, world

PARTS: dict[str, Callable[[World], Iterator[Figure]]] = {
    "E1": attempts.many_sessions,
    "E2": attempts.twice,
    "E3": attempts.one_place,
    "speed": speed.speed,
    "bookers": speed.bookers,
    "E5": restarts.restarts,
    "E4": mixed.mixed,
}


def prove() -> Iterator[Figure]:
    """Yield the figures of every part, or of those that were asked for."""
    wanted = [word for word in os.environ.get("PROVE_ENROLMENT", "").split(",") if word] or list(PARTS)
    with world() as made:
        for name in wanted:
            began = time.monotonic()
            yield from PARTS[name](made)
            print(f"   ({name}: {time.monotonic() - began:.0f} s)", flush=True)

"""Play long lives of sessions and of talks beside their models: ``python -m tests.prove.lives SECONDS STEPS``.

It prints a line of JSON: how many lives and steps were played and how often each kind of step, in how many draws a
promise was broken, and which of the steps that are planted wrongly were noticed.
"""

import json
import os
import random
import sys
import time
import traceback

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.db import Error
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.offers.life import LifeOfASession
from tests.offers.life_wrongs import WRONG, planted
from tests.offers.talk import LifeOfATalk

LARGE, PATIENCE = 8, 12  # lives in a draw; draws until a planted step counts as not noticed
Machine = type[RuleBasedStateMachine]


def play(machine: Machine, begun: int, *, lives: int, steps: int) -> BaseException | None:
    """Play one draw of lives; return what was broken, or None."""
    lasting = settings(
        max_examples=lives,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # a failure is shown as it was found: lots are drawn anew each time, so none shrinks
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(seed(begun)(type("Life", (machine,), {})), settings=lasting)
    except (AssertionError, Error, ExceptionGroup, LookupError) as error:
        return error
    return None


def played(machine: Machine, seconds: float, steps: int) -> tuple[int, int]:
    """Play draws of lives until the time is up; return how many, and in how many something was broken."""
    until, draws, broken = time.monotonic() + seconds, 0, 0
    while time.monotonic() < until and not broken:
        begun = random.SystemRandom().randrange(2**32)
        draws += 1
        if error := play(machine, begun, lives=LARGE, steps=steps):
            broken += 1
            print(f"seed {begun}", repr(error), *getattr(error, "__notes__", []), sep="\n", file=sys.stderr)
            traceback.print_exception(error, limit=-3)
    return draws, broken


def noticed(name: str) -> bool:
    """Plant one wrong step, and play until the machine notices or patience ends."""
    begun = time.monotonic()
    with planted(name):
        found = any(play(LifeOfASession, number, lives=LARGE, steps=40) for number in range(PATIENCE))
    seconds = time.monotonic() - begun
    print(f"{'noticed' if found else 'MISSED'} after {seconds:.1f} s: {name}", file=sys.stderr, flush=True)
    return found


def main(seconds: float, steps: int) -> dict[str, object]:
    """Play all; return what came of it."""
    found: dict[str, object] = {}
    for name, machine, share in (("sessions", LifeOfASession, 0.8), ("talks", LifeOfATalk, 0.2)):
        draws, broken = played(machine, seconds * share, steps)
        found[name] = {"lives": draws * LARGE, "broken": broken, "steps": dict(machine.steps.most_common())}
    return {**found, "noticed": {name: noticed(name) for name in WRONG}}


if __name__ == "__main__":
    print(json.dumps(main(float(sys.argv[1]), int(sys.argv[2]))))

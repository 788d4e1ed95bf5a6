"""Play long lives of a session beside the model: ``python -m tests.prove.lives LIVES STEPS [wrong]``.

With *wrong*, places that are given back are forgotten, and the machine must notice. It prints 1 where a promise was
broken, else 0.
"""

import os
import random
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from offers.domain import places
from tests.offers.life import LifeOfASession

LARGE = 20


def main(lives: int, steps: int, *, wrong: bool) -> int:
    if wrong:
        places.release = lambda *_: None
    lasting = settings(
        max_examples=max(lives // LARGE, 1),
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate] if wrong else list(Phase),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        for number in range(LARGE):  # several draws differ more than one large one
            begun = random.SystemRandom().randrange(2**32)
            print(f"draw {number + 1} of {LARGE}: seed {begun}", file=sys.stderr, flush=True)
            run_state_machine_as_test(seed(begun)(type("Life", (LifeOfASession,), {})), settings=lasting)
    except AssertionError as error:
        if not wrong:
            print(error, *getattr(error, "__notes__", []), sep="\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    print(main(int(sys.argv[1]), int(sys.argv[2]), wrong="wrong" in sys.argv))

"""Whatever happens to a session in whatever order, the promises of its life cycle hold after every step."""

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.offers.life import LifeOfASession
from tests.offers.life_wrongs import planted
from tests.offers.talk import LifeOfATalk

pytestmark = pytest.mark.django_db
LIVES = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # a failure is shown as it was found; making it smaller takes minutes
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def play(machine: type[RuleBasedStateMachine], draws: int) -> None:
    """Play so many times eight lives, always the same ones: several small draws differ more than one large one."""
    for number in range(draws):
        run_state_machine_as_test(seed(number)(type("Life", (machine,), {})), settings=LIVES)


def test_whatever_happens_to_a_session_its_promises_hold_after_every_step() -> None:
    play(LifeOfASession, 3)


def test_whatever_is_said_in_a_talk_its_promises_hold_after_every_step() -> None:
    play(LifeOfATalk, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        "a release that is forgotten",
        "places that are not counted",
        "a line that nobody asks",
        "a confirmation nobody is told",
    ],
)
def test_the_machine_notices(wrong: str) -> None:
    """The long run, ``bin/prove life``, plants more than these."""
    with planted(wrong), pytest.raises(AssertionError):
        play(LifeOfASession, 8)

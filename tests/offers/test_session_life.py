"""Whatever happens to a session in whatever order, the promises of its life cycle hold after every step."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from offers.domain import notices, places
from offers.models import Enrolment
from tests.offers.life import LifeOfASession

pytestmark = pytest.mark.django_db
LIVES = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    database=None,
    phases=[Phase.generate],  # a failure is shown as it was found; making it smaller takes minutes (`bin/prove life`)
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def test_whatever_happens_to_a_session_its_promises_hold_after_every_step() -> None:
    play_all()


def play_all() -> None:
    """Play five times eight lives, always the same ones: several small draws differ more than one large one."""
    for number in range(5):
        run_state_machine_as_test(seed(number)(type("Life", (LifeOfASession,), {})), settings=LIVES)


def never_confirming(tell: Callable[..., None]) -> Callable[..., None]:
    """Tell teachers everything but that they are confirmed."""

    def tell_teacher(enrolment: Enrolment, occasion: str, **facts: Any) -> None:
        if occasion != "enrolment_confirmed":
            tell(enrolment, occasion, **facts)

    return tell_teacher


@pytest.mark.parametrize(
    ("where", "step", "wrong"),
    [
        (places, "release", lambda *_: None),
        (places, "take", lambda *_: None),
        (places, "offer_to_line", lambda *_, **__: []),
        (notices, "tell_teacher", never_confirming(notices.tell_teacher)),
    ],
    ids=[
        "a release that is forgotten",
        "places that are not counted",
        "a line that nobody asks",
        "a confirmation nobody is told",
    ],
)
def test_the_machine_notices(where: Any, step: str, wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(where, step, wrong)
    with pytest.raises(AssertionError):
        play_all()

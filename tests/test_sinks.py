"""Whatever people write is inert wherever it comes out: fields × places × payloads."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.utils.safestring import mark_safe

from tests import sinks
from tests.conftest import TODAY
from tests.payloads import FIELDS, PAYLOADS


@pytest.fixture(autouse=True)
def _ten_in_the_morning() -> Iterator[None]:
    """The clock stands at the tests' today, so that links and sessions are alive."""
    with time_machine.travel(TODAY, tick=False):
        yield


@pytest.fixture
def world(db: None, settings: Any, tmp_path: Any) -> sinks.World:
    settings.MEDIA_ROOT = tmp_path
    return sinks.build(TODAY)


# One for each way out of where words stand; bin/prove sinks takes all twelve, with a browser as the judge.
WAYS_OUT = ("out of the attribute", "out of the script", "template", "formula", "header and calendar")


@pytest.mark.parametrize(("turn", "name"), list(enumerate(WAYS_OUT)))
def test_nothing_that_people_write_lives_anywhere(world: sinks.World, turn: int, name: str) -> None:
    """Each payload stands in the files of some of the desk's lists, the formula in those of all."""
    sinks.write(world, PAYLOADS[name])

    assert sinks.assertions(world, sinks.LISTS if name == "formula" else sinks.LISTS[turn % 6 :: 6]) == (24 * 20, [])


def test_every_field_and_every_payload_is_there(world: sinks.World) -> None:
    assert (len(sinks.rows(world)), FIELDS, len(PAYLOADS)) == (24, 24, 12)


def test_the_words_do_stand_there(world: sinks.World) -> None:
    """Were a page empty, nothing could live on it: most fields must be seen at several places."""
    sinks.write(world, "tame")

    seen: dict[str, set[str]] = {}
    for outcome in sinks.outcomes(world):
        for mark in sinks.shown_at(outcome):
            seen.setdefault(mark, set()).add(outcome.sink)

    assert set(seen) >= {f"F{number:02d}" for number in range(24)} - {"F16"}  # a file's name stands in its header only
    assert sum(map(len, seen.values())) > 60


@pytest.mark.parametrize(
    "name", ["script", "picture", "out of the textarea", "out of the attribute", "out of the script"]
)
def test_unescaped_words_would_be_caught(name: str) -> None:
    """The negative control: the same payloads, rendered carelessly, live."""
    careless = f'<p>{mark_safe(PAYLOADS[name])}</p><input value="{mark_safe(PAYLOADS[name])}">'  # noqa: S308

    assert sinks.live_in(sinks.Outcome(sink="page", html=careless)) != []

"""One line per step, with its time; and one way to give up."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


class GaveUp(SystemExit):
    """The launcher cannot go on; the sentence tells a person why, and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(f"\n{sentence}")


def give_up(sentence: str) -> NoReturn:
    """Stop with a sentence for the person in front of the terminal."""
    raise GaveUp(sentence)


def say(sentence: str = "") -> None:
    """Print a line at once, also into a pipe."""
    print(sentence, flush=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Announce a step, and say how long it took when it is done."""
    began = time.monotonic()
    if sys.stdout.isatty():
        print(f"  {name} ...", end="", flush=True)
    yield
    start = "\r" if sys.stdout.isatty() else ""
    say(f"{start}  {name:<46} {time.monotonic() - began:6.1f} s")

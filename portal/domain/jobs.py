"""How a job goes through what has become due: row by row, so that one bad row does not hold up those behind it."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import structlog

log = structlog.get_logger(__name__)

Key = TypeVar("Key")


def one_by_one(work: Callable[[Key], int], keys: Iterable[Key]) -> int:
    """Do ``work`` for each key, whatever happens to the others; return the sum of what it said (True counts as 1).

    Each stumble is logged with its key. At the end they are raised together as an ExceptionGroup, so that the job's
    heartbeat is not written and somebody looks.
    """
    done = 0
    stumbles: list[Exception] = []
    for key in list(keys):
        try:
            done += work(key)
        except Exception as stumble:
            log.exception("row stumbled", key=str(key))
            stumbles.append(stumble)
    if stumbles:
        raise ExceptionGroup(f"{len(stumbles)} rows stumbled", stumbles)
    return done

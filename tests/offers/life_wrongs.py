"""Steps planted wrongly into the portal, one at a time: the machine that plays lives of sessions must notice each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from offers.domain import cancelling, draw, encounters, moving, notices, places, planning, snapshot
from offers.models import Encounter, Enrolment

Step = Callable[..., Any]


def _all_but(occasion: str, tell: Step) -> Step:
    """Tell teachers everything but one thing."""

    def tell_teacher(enrolment: Enrolment, told: str, **facts: Any) -> None:
        if told != occasion:
            tell(enrolment, told, **facts)

    return tell_teacher


def _twice(tell: Step) -> Step:
    """Tell teachers everything, and that there is a place for them once more."""

    def tell_teacher(enrolment: Enrolment, told: str, **facts: Any) -> None:
        tell(enrolment, told, **facts)
        if told == "place_offered":
            tell(enrolment, told, **facts, key="again")

    return tell_teacher


def _last_first(line: Step) -> Step:
    return lambda session: line(session).reverse()


def _always_goes_on(fate: Step) -> Step:
    def found(*args: Any, **facts: Any) -> Any:
        kept = fate(*args, **facts)
        return planning.Fate(
            kind=planning.Fate.GOES_ON if kept.left else kept.kind,
            left=kept.left,
            planned=kept.planned,
            fewest=kept.fewest,
        )

    return found


def _deleted(enrolment: Enrolment, meetings: list[Any], **_facts: Any) -> int:
    return Encounter.objects.filter(enrolment=enrolment, meeting__in=meetings, voided_at=None).delete()[0]


def _nothing(*_args: Any, **_facts: Any) -> list[Any]:
    return []


# What is wrong, where, and what stands there instead: (module, name of the step, the wrong step from the right one).
WRONG: dict[str, tuple[Any, str, Callable[[Step], Any]]] = {
    "a release that is forgotten": (places, "release", lambda _: _nothing),
    "places that are not counted": (places, "take", lambda _: _nothing),
    "a line that nobody asks": (places, "offer_to_line", lambda _: _nothing),
    "a line asked from its end": (places, "line", _last_first),
    "a confirmation nobody is told": (notices, "tell_teacher", lambda right: _all_but("enrolment_confirmed", right)),
    "an offered place that is told twice": (notices, "tell_teacher", _twice),
    "lots that are sorted by hand": (draw, "lots", lambda _: lambda _seed, drawn: sorted(drawn)),
    "a cancelling undone to another time": (cancelling, "_has_moved", lambda _: lambda *_: False),
    "a cancelling undone for ever": (cancelling, "UNDO_WITHIN", lambda _: timedelta(days=1)),
    "a class that leaves and keeps its place": (moving, "_release", lambda _: _nothing),
    "a class nobody asks about a move": (places, "ask_about_the_move", lambda _: _nothing),
    "a proposal that outlives its session": (planning, "drop_proposal", lambda _: _nothing),
    "a course that goes on with too few dates": (planning, "fate", _always_goes_on),
    "a snapshot that is not taken anew": (snapshot, "write_snapshot", lambda _: _nothing),
    "a ledger whose rows are deleted": (encounters, "_void", lambda _: _deleted),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Let one step be wrong for a while."""
    module, step, wrong = WRONG[name]
    right = getattr(module, step)
    setattr(module, step, wrong(right))
    try:
        yield
    finally:
        setattr(module, step, right)

"""``python -m tests.inputs.run PART [NUMBER OF]``: send one part of the catalogue as a whole, or a share of it.

What came of it is printed as JSON.
"""

import gc
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.test.utils import override_settings, setup_test_environment
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.inputs import pages
from tests.inputs.fields import refused, taken
from tests.inputs.formsweep import FormSweep, Sent, odd_inputs
from tests.inputs.ground import Ground, TimeUp, frames_kept, make_ground, plainly_rendered, undone
from tests.inputs.requests import CALM, JUNK, UNKNOWN, Ask
from tests.inputs.sweep import Place, Sweep

SECONDS = int(os.environ.get("PROVE_INPUTS_SECONDS", "1800"))  # at most for one part; a part cut short says so


Rows = TypeVar("Rows")


@dataclass(frozen=True)
class Share:
    """What one of several processes sends: every so-manieth row."""

    number: int = 0
    of: int = 1

    def mine(self, rows: Sequence[Rows]) -> Sequence[Rows]:
        return rows[self.number :: self.of]

    def sample(self, rows: list[Ask], _turn: int) -> list[Ask]:
        return list(self.mine(rows))


def requests(sweep: Sweep, share: Share) -> Iterator[str]:
    """Every row about addresses, methods, bodies and keys, on every route."""
    yield from sweep.requests(share.sample)


def lists(sweep: Sweep, share: Share) -> Iterator[str]:
    """Every kind of junk in every parameter of every list."""
    yield from sweep.lists(share.sample)


def forms(sweep: Sweep, share: Share) -> Iterator[str]:
    """Every form as a whole: all fields wrong, all odd, sent twice, with every column, with rows counted wrongly."""
    of_all = FormSweep(sweep)
    for sent in share.mine(of_all.forms):
        yield from of_all.twice(sent)
        yield from of_all.more_than_asked_for(sent)
        yield from of_all.tampered(sent)
    for turn in range(8):
        for sent in share.mine(of_all.forms):
            yield from of_all.all_wrong_at_once(sent, turn)
            yield from of_all.all_odd_at_once(sent, turn)


def fields(sweep: Sweep, share: Share) -> Iterator[str]:
    """Every value in every field of every form, alone; then anything in every input.

    Of a form's rows that are alike (the classes of a school) the first and the new one are tried.
    """
    of_all = FormSweep(sweep)
    judged: list[tuple[Sent, str, str, bool]] = []
    for sent in of_all.forms:
        for name in of_all.unlike(of_all.typed(sent)):
            kind, field = sent.kind(name)
            if field is None:
                continue
            form, label, _field = sent.place.fields[name]
            judged += [(sent, name, value, True) for value in refused(field, kind, form, label)]
            judged += [(sent, name, value, False) for value in taken(field, kind, form, label)]
    sent_already = {(id(sent), name, value) for sent, name, value, _refused in judged}
    anything = [
        (sent, name, value)
        for sent in of_all.forms
        for name, value in odd_inputs(of_all.unlike(sent.form.names()))
        if (id(sent), name, value) not in sent_already
    ]
    with frames_kept():
        for sent, name, value, is_refused in share.mine(judged):
            row = of_all.one_wrong(sent, name, value) if is_refused else of_all.odd(sent, {name: value})
            yield from row
        with plainly_rendered():
            for sent, name, value in share.mine(anything):
                yield from of_all.anything(sent, name, value)


def made_up(sweep: Sweep, share: Share, most: int = 10_000) -> Iterator[str]:
    """Requests that a generator makes up for the pages that anybody may open."""
    public = [
        place for place in sweep.reached.values() if place.status == 200 and not place.route.name.startswith("admin:")
    ]
    count = -(-most // len(public))
    for place in share.mine(public):
        yield from made_up_for(sweep, place, count)


def made_up_for(sweep: Sweep, place: Place, count: int) -> list[str]:
    """Return what is wrong with the answers to so many made-up requests to one page."""
    found: list[str] = []
    names = [*pages.parameters(place.page), "page", "next", "sort", "id"]
    queries = st.lists(
        st.tuples(
            st.one_of(st.sampled_from(names), st.text(max_size=20)),
            st.one_of(st.text(max_size=60), st.sampled_from(JUNK), st.integers().map(str), st.dates().map(str)),
        ),
        max_size=6,
    )
    seldom = st.sampled_from(["", *UNKNOWN])

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(queries, seldom, st.sampled_from(["GET", "HEAD", "POST"]))
    def send(query: list[tuple[str, str]], extra: str, method: str) -> None:
        text = "&".join(f"{quote(name, errors='replace')}={quote(value, errors='replace')}" for name, value in query)
        ask = Ask(row="made up", method=method, address=f"{place.address}?{text}&{extra}", may=CALM)
        found.extend(sweep.tell(ask, place.who))

    send()
    return found


PARTS: dict[str, tuple[str, Callable[[Sweep, Share], Iterator[str]], bool]] = {
    "requests": ("requests, every row on every route", requests, True),
    "lists": ("lists, every junk in every parameter", lists, True),
    "forms": ("forms as a whole", forms, True),
    "fields": ("fields, every value in every field alone", fields, True),
    "made-up": ("made-up requests to public pages", made_up, False),
}


def is_broken(line: str) -> bool:
    """Return whether a finding is an answer of 500 and above, or one that only the database prevented."""
    return "answers 5" in line or "only the database" in line


def control(ground: Ground, rows: Callable[[Sweep, Share], Iterator[str]]) -> tuple[str, int, int]:
    """Return what the harness sees of careless pages: in words, then what broke, and what was taken or not said."""
    with override_settings(ROOT_URLCONF="tests.inputs.careless"):
        careless = Sweep(Ground(sessions=ground.sessions, values={"key": "x"}))
        seen = list(rows(careless, Share()))
    breaks = sum(map(is_broken, seen))
    others = len(seen) - breaks
    words = f"careless pages break {breaks} times of {careless.ground.sent}"
    return words + (f", and take what must be refused {others} times" if others else ""), breaks, others


def main(part: str, share: Share) -> None:
    """Send a share of a part and print a line of JSON."""
    setup_test_environment()
    logging.disable(logging.CRITICAL)
    name, rows, judged = PARTS[part]
    with undone():
        sweep = Sweep(make_ground())
        sweep.ground.at_the_desk = 3
        sweep.places  # noqa: B018 (exploring is not counted, and papers are made on the way)
        sweep.ground.sent, sweep.ground.slowest = 0, (0.0, "")
        sweep.ground.stop = time.perf_counter() + SECONDS
        gc.collect()
        gc.freeze()  # what stands so far stays: the collector need not look at it after every page
        found: list[str] = []
        try:
            for line in rows(sweep, share):
                found.append(line)  # noqa: PERF402 (what was found before the time was up counts)
        except TimeUp:
            name += " (as far as the time went)"
        broken = [line for line in found if is_broken(line)]
        told = {
            "name": name,
            "sent": sweep.ground.sent,
            "broken": len(broken),
            "wrong": len(found) - len(broken),
            "judged": judged,
            "found": [*broken, *(line for line in found if not is_broken(line))],
            "slowest": sweep.ground.slowest,
            "control": control(sweep.ground, rows)[0] if not share.number else "",
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], Share(*map(int, sys.argv[2:])))

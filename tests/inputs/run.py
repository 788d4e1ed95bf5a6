"""``python -m tests.inputs.run PART``: send one part of the catalogue as a whole, and print what came of it as JSON."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.test.utils import override_settings, setup_test_environment
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.inputs import pages
from tests.inputs.fields import refused, taken
from tests.inputs.formsweep import FormSweep, odd_inputs
from tests.inputs.ground import Ground, TimeUp, make_ground, undone
from tests.inputs.requests import CALM, JUNK, UNKNOWN, Ask, everything
from tests.inputs.sweep import Sweep

SECONDS = int(os.environ.get("PROVE_INPUTS_SECONDS", "600"))  # at most for one part; a part cut short says so


def requests(sweep: Sweep) -> Iterator[str]:
    """Every row about addresses, methods, bodies and keys, on every route."""
    yield from sweep.requests(everything)


def lists(sweep: Sweep) -> Iterator[str]:
    """Every kind of junk in every parameter of every list."""
    yield from sweep.lists(everything)


def forms(sweep: Sweep) -> Iterator[str]:
    """Every form as a whole: all fields wrong, all odd, sent twice, with every column, with rows counted wrongly."""
    of_all = FormSweep(sweep)
    for sent in of_all.forms:
        yield from of_all.twice(sent)
        yield from of_all.more_than_asked_for(sent)
        yield from of_all.tampered(sent)
    for turn in range(8):
        for sent in of_all.forms:
            yield from of_all.all_wrong_at_once(sent, turn)
            yield from of_all.all_odd_at_once(sent, turn)


def fields(sweep: Sweep) -> Iterator[str]:
    """Every value in every field of every form, alone; then anything in every input."""
    of_all = FormSweep(sweep)
    for sent in of_all.forms:
        for name in of_all.typed(sent):
            kind, field = sent.kind(name)
            if field is None:
                continue
            form, label, _field = sent.place.fields[name]
            for value in refused(field, kind, form, label):
                yield from of_all.one_wrong(sent, name, value)
            for value in taken(field, kind, form, label):
                yield from of_all.odd(sent, {name: value})
    for sent in of_all.forms:
        for name, value in odd_inputs(sent):
            yield from of_all.anything(sent, name, value)


def made_up(sweep: Sweep, most: int = 10_000) -> Iterator[str]:
    """Requests that a generator makes up for the pages that anybody may open."""
    public = [
        place for place in sweep.reached.values() if place.status == 200 and not place.route.name.startswith("admin:")
    ]
    found: list[str] = []
    share = most // len(public)
    for place in public:
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
            max_examples=share,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(queries, seldom, st.sampled_from(["GET", "HEAD", "POST"]))
        def send(query: list[tuple[str, str]], extra: str, method: str, place: Any = place) -> None:
            text = "&".join(
                f"{quote(name, errors='replace')}={quote(value, errors='replace')}" for name, value in query
            )
            ask = Ask(row="made up", method=method, address=f"{place.address}?{text}&{extra}", may=CALM)
            found.extend(sweep.tell(ask, place.who))

        send()
        yield from found
        found.clear()


PARTS: dict[str, tuple[str, Callable[[Sweep], Iterator[str]], bool]] = {
    "requests": ("requests, every row on every route", requests, True),
    "lists": ("lists, every junk in every parameter", lists, True),
    "forms": ("forms as a whole", forms, True),
    "fields": ("fields, every value in every field alone", fields, True),
    "made-up": ("made-up requests to public pages", made_up, False),
}


def is_broken(line: str) -> bool:
    """Return whether a finding is an answer of 500 and above, or one that only the database prevented."""
    return "answers 5" in line or "only the database" in line


def control(ground: Ground, rows: Callable[[Sweep], Iterator[str]]) -> str:
    """Return what the harness sees of a careless page."""
    with override_settings(ROOT_URLCONF="tests.inputs.careless"):
        careless = Sweep(Ground(sessions=ground.sessions, values={"key": "x"}))
        seen = sum(is_broken(line) for line in rows(careless))
    return f"a careless page breaks {seen} times of {careless.ground.sent}"


def main(part: str) -> None:
    """Send a part and print a line of JSON."""
    setup_test_environment()
    logging.disable(logging.CRITICAL)
    name, rows, judged = PARTS[part]
    with undone():
        sweep = Sweep(make_ground())
        sweep.ground.at_the_desk = 3
        sweep.places  # noqa: B018 (exploring is not counted, and papers are made on the way)
        sweep.ground.sent, sweep.ground.slowest = 0, (0.0, "")
        sweep.ground.stop = time.perf_counter() + SECONDS
        found: list[str] = []
        try:
            for line in rows(sweep):
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
            "control": control(sweep.ground, rows) if part in {"requests", "lists", "made-up"} else "",
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])

"""A list of 20,000 rows as a file, and such a file looked over: time, memory, questions, and nothing comes alive.

The limit is to fetch the same rows, and to let the library write as many that are all alike. The negative control is
the same list taken out without thinking: all rows at once, a question for each, an ordinary sheet; it must ask
thousands of times and bring formulas.
"""

import json
from collections.abc import Iterator
from typing import Any

from tests.prove.figures import Figure
from tests.prove.ground import fresh_database, run_in_portal

ROWS = 20_000
DATABASE = "prove_sheets"


def prove() -> Iterator[Figure]:
    """Yield the figures of the export and of the import's dry run."""
    with fresh_database(DATABASE) as database:

        def measured(what: str) -> dict[str, Any]:
            """Each in a process of its own, so that memory is its own."""
            found: dict[str, Any] = json.loads(run_in_portal(database, "tests.prove.long_list", what, str(ROWS)))
            return found

        measured("fill")
        ours, theirs, dry = measured("export"), measured("careless"), measured("look_over")
    yield Figure(name="rows in the file", value=ours["rows"], goal=f"{ROWS + 1}", held=ours["rows"] == ROWS + 1)
    yield Figure(
        name="cells that are formulas",
        value=ours["formulas"],
        goal="0",
        held=ours["formulas"] == 0 < theirs["formulas"],
        control=f"written carelessly, {theirs['formulas']}",
    )
    yield Figure(
        name="queries",
        value=ours["queries"],
        goal="≤ 60",
        held=ours["queries"] <= 60 < theirs["queries"],
        control=f"asked for each of 2,000 rows, {theirs['queries']}",
    )
    times = ours["seconds"] / ours["limit"]
    yield Figure(
        name=f"time beside the limit ({ours['seconds']:.1f} s to {ours['limit']:.1f} s)",
        value=times,
        unit="times",
        goal="≤ 4",
        held=times <= 4,
    )
    yield Figure(
        name="memory that the file takes",
        value=ours["megabytes"],
        unit="MB",
        goal="≤ 40",
        held=ours["megabytes"] <= 40 < theirs["megabytes"],
        control=f"carelessly {theirs['megabytes']:.0f} MB",
    )
    times = dry["seconds"] / dry["limit"]
    words = f"{dry['queries']} queries, {dry['megabytes']:.0f} MB, {dry['seconds']:.1f} s to {dry['limit']:.1f} s"
    yield Figure(
        name=f"looking over {dry['lines']} lines beside the limit ({words})",
        value=times,
        unit="times",
        goal="≤ 4",
        held=times <= 4 and dry["queries"] <= 10 and dry["lines"] == ROWS,
    )

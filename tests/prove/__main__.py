"""``bin/prove [NAME …]``: measure, print a line per figure, exit 1 where one is short of its goal."""

import sys
import time

from tests.prove import (
    desk,
    enrolment,
    erasure,
    inputs,
    life,
    links,
    mails,
    pages,
    permissions,
    pictures,
    sheets,
    signin,
    sinks,
)
from tests.prove.figures import Proof

PROOFS: dict[str, tuple[str, Proof]] = {
    "pages": ("queries and time per page beside the limit views", pages.prove),
    "mails": ("300 mails, the worker killed five times", mails.prove),
    "enrolment": ("10,000 attempts, every form twice, ten minutes of everything, five restarts", enrolment.prove),
    "life": (
        "long lives of sessions, each step beside a model in plain Python, and planted wrongs noticed",
        life.prove,
    ),
    "sinks": ("nasty words in every field, a browser as the judge", sinks.prove),
    "desk": ("every list of the desk with 20,000 rows behind it", desk.prove),
    "links": ("1,000 looks at every kind of address in mails", links.prove),
    "sheets": ("a list of 20,000 rows as a file, and such a file looked over", sheets.prove),
    "inputs": ("every route and every form against the whole catalogue of bad inputs", inputs.prove),
    "erasure": ("two whole lives erased, and 36 months of forgetting", erasure.prove),
    "signin": ("600 sign-ins from one address, 10,000 wrong codes against one account, without Redis", signin.prove),
    "permissions": ("every check removed once; a cell of the matrix must notice", permissions.prove),
    "pictures": ("the screenshots of the README", pictures.prove),
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in PROOFS]
    if unknown:
        print(f"There is no proof called {', '.join(unknown)}. There are: {', '.join(PROOFS)}.")
        return 2
    short = 0
    for name in names or PROOFS:
        what, proof = PROOFS[name]
        print(f"== {name}: {what}", flush=True)
        began = time.monotonic()
        for figure in proof():
            print(f"   {figure.line()}", flush=True)
            short += not figure.held
        print(f"   ({time.monotonic() - began:.0f} s)", flush=True)
    print("every figure held" if not short else f"{short} short", flush=True)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

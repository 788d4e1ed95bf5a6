"""The test of the test: every check of the portal is removed once, and at least one cell of the matrix must notice.

The checks are found in the syntax trees (``tests.permissions.checks``). First the whole matrix is played, noting which
functions each cell calls; then, for each check, a fork of the portal without it plays the cells that call its function
until the first one fails.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from queue import Queue
from typing import Any

from tests.permissions.checks import Check, every_check
from tests.prove.figures import Figure
from tests.prove.ground import ROOT, environment, fresh_database

WORKERS = 2

# Questions about a role that keep nobody out; each with its reason, and what stands behind it.
NO_DOORS: dict[tuple[str, str, str], str] = {}


class Workers:
    """Processes that play the matrix, each with one job at a time."""

    def __init__(self, database: str) -> None:
        env = {
            **environment(database, ORIGIN="http://testserver", ALLOWED_HOSTS="testserver"),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        self.free: Queue[subprocess.Popen[str]] = Queue()
        self.all = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.permissions.worker"],
                cwd=ROOT,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(WORKERS)
        ]
        for one in self.all:
            self.free.put(one)

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """Give a job to the next free process and return its answer."""
        worker = self.free.get()
        try:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(json.dumps(job) + "\n")
            worker.stdin.flush()
            answer: dict[str, Any] = json.loads(worker.stdout.readline())
            return answer
        finally:
            self.free.put(worker)

    def end(self) -> None:
        for one in self.all:
            if one.stdin is not None:
                one.stdin.close()
            one.wait()


def prove() -> Iterator[Figure]:
    """Play the matrix, then remove every check."""
    with fresh_database("prove_permissions") as database:
        workers = Workers(database)
        try:
            yield from figures(workers)
        finally:
            workers.end()


def figures(workers: Workers) -> Iterator[Figure]:
    """Measure; survivors are named."""
    count = int(
        subprocess.run(
            [
                sys.executable,
                "-c",
                "import django; django.setup(); from tests.permissions import matrix; print(len(matrix.every_cell()))",
            ],
            cwd=ROOT,
            env={**environment("postgres"), "DJANGO_SETTINGS_MODULE": "portal.settings"},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
    )
    with ThreadPoolExecutor(WORKERS) as pool:
        shares = [list(range(start, count, WORKERS)) for start in range(WORKERS)]
        played = list(pool.map(lambda share: workers.ask({"record": share}), shares))
    wrong = [line for one in played for line in one.get("wrong", [one.get("broke", "")])]
    for line in wrong[:20]:
        print(f"     {line}")
    yield Figure(
        name="cells checked", value=sum(one["played"] for one in played), goal="all as declared", held=not wrong
    )
    touched: dict[str, list[int]] = {}
    for one in played:
        for place, numbers in one.get("touched", {}).items():
            touched.setdefault(place, []).extend(numbers)

    found = every_check()
    doors = [check for check in found if reason(check) is None]
    yield Figure(name="checks found", value=len(found), goal="> 0", held=bool(found))
    for check in found:
        if why := reason(check):
            print(f"     no door: {check} ({why})")

    lock = threading.Lock()
    survivors: list[str] = []

    def remove(check: Check) -> bool:
        cells = None
        if check.first_line and check.kind != "decorator":
            cells = touched.get(f"{check.path}:{check.first_line}", [])
            cells = sorted(cells, key=lambda number: number * 7919 % 10007)
        answer = workers.ask({"check": asdict(check), "cells": cells})
        if not answer["killed"]:
            with lock:
                print(f"     survived: {check}", flush=True)
                survivors.append(
                    f"{check} ({answer['played']} cells{', ' + answer['broke'] if answer.get('broke') else ''})"
                )
        return bool(answer["killed"])

    with ThreadPoolExecutor(WORKERS) as pool:
        killed = sum(pool.map(remove, doors))
    yield Figure(name="checks removed, one by one", value=len(doors), goal=f"{len(doors)}", held=True)
    for line in sorted(survivors):
        print(f"     survived: {line}")
    yield Figure(
        name="removals noticed by a cell",
        value=killed,
        goal=f"{len(doors)}",
        held=killed == len(doors),
        control=f"with every check in place {len(wrong)} cells fail",
    )


def reason(check: Check) -> str | None:
    """Return why removing a check opens nothing, where that is so."""
    return NO_DOORS.get((check.path, check.function, check.text))

"""A process for the proof: it plays the matrix in a portal that lacks one check.

It reads jobs as lines of JSON and answers each with a line. The libraries are imported once; every job runs in a fork
that imports the portal anew, with the one file changed as it is read. ``tests.prove.permissions`` gives the jobs.
"""

import importlib
import inspect
import json
import os
import sys
import time
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from typing import Any

# What the portal imports before its own modules: loaded once, shared by all forks.
LIBRARIES = (
    "django.conf",
    "django.contrib.auth.hashers",
    "django.core.handlers.base",
    "django.db.backends.postgresql.base",
    "django.db.models",
    "django.forms",
    "django.http",
    "django.template.defaulttags",
    "django.template.loader_tags",
    "django.test.client",
    "django.urls",
    "django.utils.translation.trans_real",
    "PIL.Image",
    "celery",
    "cryptography.hazmat.primitives.ciphers",
    "cryptography.x509",
    "django_stubs_ext",
    "factory",
    "icalendar",
    "jwt",
    "markdown_it",
    "nh3",
    "openpyxl",
    "pikepdf",
    "psycopg",
    "requests",
    "structlog",
    "time_machine",
    "yaml",
)


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Play the cells in question until the first is wrong; with ``record``, all of them, noting what they touch."""
    from tests.permissions import checks  # noqa: PLC0415 (imported in the fork, as everything below)

    wanted = job.get("check")
    if wanted is not None:
        check = checks.Check(**wanted)
        changed = str(checks.ROOT / check.path)
        tree = checks.without(check)
        read = SourceFileLoader.get_code

        def get_code(self: SourceFileLoader, fullname: str) -> Any:
            if self.path == changed:
                return compile(tree, changed, "exec", dont_inherit=True)
            return read(self, fullname)

        SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]

    import django  # noqa: PLC0415

    django.setup()
    from django.test.utils import setup_test_environment  # noqa: PLC0415

    setup_test_environment()
    from tests.permissions import matrix, play, world  # noqa: PLC0415

    cells = matrix.every_cell()
    with world.world_in_a_transaction() as made:
        player = play.Player(made)
        if "share" in job:
            return record(player, cells, share=job["share"], of=job["of"], turns=job["turns"])
        numbers = job["cells"] if job["cells"] is not None else order(cells, job["check"])
        for count, number in enumerate(numbers, start=1):
            if wrong := player.play(cells[number]):
                return {"killed": wrong, "played": count}
        for route in {cells[number].area for number in numbers}:
            if unlike := player.unlike(route):
                return {"killed": unlike[0], "played": len(numbers)}
    return {"killed": "", "played": len(numbers)}


def record(player: Any, cells: list[Any], *, share: int, of: int, turns: bool) -> dict[str, Any]:
    """Play a share of the cells; return what is wrong, and for each function of the portal the cells that called it.

    ``turns``: the cells of an ordinary run of the tests, whose functions are noted; otherwise all the others.
    """
    from tests.permissions import checks, matrix  # noqa: PLC0415

    ordinary = set(matrix.taking_turns(cells))
    mine = [number for number, cell in enumerate(cells) if (cell in ordinary) == turns][share::of]
    roots = {f"{checks.ROOT}/{app}/" for app in checks.APPS}
    ours: dict[Any, str] = {}
    touched: dict[str, list[int]] = {}
    seen: set[Any] = set()

    def note(frame: Any, event: str, _argument: Any) -> None:
        if event == "call":
            seen.add(frame.f_code)

    wrong = []
    for number in mine:
        seen.clear()
        sys.setprofile(note if turns else None)
        try:
            line = player.play(cells[number])
        finally:
            sys.setprofile(None)
        if line:
            wrong.append(line)
        for code in seen:
            if code not in ours:
                name = code.co_filename
                inside = any(name.startswith(root) for root in roots)
                ours[code] = f"{os.path.relpath(name, checks.ROOT)}:{code.co_firstlineno}" if inside else ""
            if ours[code]:
                touched.setdefault(ours[code], []).append(number)
    for route in sorted({cells[number].area for number in mine} & set(matrix.declared()["routes"])):
        wrong += player.unlike(route)
    return {"wrong": wrong, "touched": touched, "played": len(mine)}


def order(cells: list[Any], check: dict[str, Any]) -> list[int]:
    """Return the cells for a check that stands at a view, in a class or in a module.

    Those of the view's routes and of the class' lists come first.
    """
    from django.contrib import admin  # noqa: PLC0415
    from django.urls import get_resolver  # noqa: PLC0415

    from tests.permissions import checks, matrix  # noqa: PLC0415

    name = check["function"].split(".")[0]
    near = {
        matrix.name_of_list(model)
        for model, desk in admin.site._registry.items()
        if name in {one.__name__ for one in type(desk).__mro__}
    }
    here = str(checks.ROOT / check["path"])
    of_file = {route: view for route, file, view in views(get_resolver()) if file == here}
    # What is no view itself is asked by the views around it.
    near |= {route for route, view in of_file.items() if view == name} or set(of_file)
    first = [number for number, cell in enumerate(cells) if cell.area in near]
    rest = [number for number, cell in enumerate(cells) if cell.area not in near]
    return [*spread(cells, first), *spread(cells, rest)]


def views(resolver: Any) -> Iterator[tuple[str, str, str]]:
    """Yield each route of our own with the file and the name of its view."""
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            yield from views(pattern)
        elif pattern.name:
            view = inspect.unwrap(pattern.callback)
            code = getattr(view, "__code__", None)
            yield pattern.name, code.co_filename if code else "", getattr(view, "__name__", "")


def spread(cells: list[Any], numbers: list[int]) -> list[int]:
    """Return the cells so that those of different roles and pages come early, what is denied first."""
    strange = {"ok": 1, "sign in": 2}
    return sorted(numbers, key=lambda number: (strange.get(cells[number].answer, 0), number * 7919 % 10007))


def main() -> None:
    """Answer jobs until there are no more."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for line in sys.stdin:
        job = json.loads(line)
        answers, gives = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(answers)
            began = time.monotonic()
            try:
                found = run(job)
            except BaseException as error:  # noqa: BLE001 (whatever breaks the portal is the answer)
                found = {"broke": f"{type(error).__name__}: {error}"[:400], "killed": "", "played": 0}
            found["seconds"] = time.monotonic() - began
            with os.fdopen(gives, "w") as out:
                json.dump(found, out)
            os._exit(0)
        os.close(gives)
        with os.fdopen(answers) as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        sys.stdout.write((said or json.dumps({"broke": "the process ended", "killed": "", "played": 0})) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

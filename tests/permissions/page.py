"""The matrix as a page for people: ``python -m tests.permissions.page`` writes docs/permissions.md."""

import os
from collections.abc import Iterator
from pathlib import Path

import django

from tests.permissions import matrix
from tests.permissions.checks import every_check
from tests.permissions.matrix import ANSWERS, Cell, declared
from tests.prove.permissions import reason

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
METHODS = {
    "GET": "see",
    "POST": "send",
    "ACTION": "do to several",
    "GUESS": "filter by any column",
    "LOOKUP": "choose from, typing",
    "call": "do",
}

INTRODUCTION = """\
# Who may do what

Written from `tests/permissions.yaml` by `python -m tests.permissions.page`; do not edit it here. Every cell is played
against the real portal by `tests/test_permissions.py`: what is allowed is sent with a valid form and must change its
row, what is denied must change no row and queue no mail. `bin/prove permissions` removes every check in the portal's
code, one at a time, and expects a cell to fail.

| Sign | Means |
|---|---|
| ✓ | the page is shown; or the form is taken and its row changed |
| form | the form comes back: the rules say no, nothing is changed |
| → | leads on to another page, nothing is changed |
| · | allowed, but there is nothing to do |
| sign in | sent to sign in |
| – 403 | refused |
| – 404 | for this person there is no such page |
| 410 | the link has ended, and the page says so |
| 400, 405 | nobody can ask in this way |

What stands in no row is refused to everybody (405), after those who are not signed in have been sent to sign in.
"""


def chapter_of(name: str) -> str:
    """Return the heading under which a route stands."""
    starts = {
        "account_": "Accounts",
        "admin:": "The desk's own pages",
        "demo-": "The demo's pages, outside the demo",
        "link-": "Companies and surveys, by link",
        "builder-": "Companies and surveys, by link",
        "host-": "Companies and surveys, by link",
    }
    known = next((chapter for start, chapter in starts.items() if name.startswith(start)), "")
    signed_in = declared()["routes"][name].get("door") == "sign-in"
    return known or ("Teachers and schools" if signed_in else "What everybody finds")


def names_of(roles: list[str]) -> str:
    """Return roles in few words: the names of the groups that they make up, and what is left over by its own name."""
    left = set(roles)
    if left == set(matrix.roles()):
        return "everybody"
    said = []
    groups = {name: set(matrix.group(name)) for name in declared()["groups"] if name != "no_actor"}
    for name, members in sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])):
        if members <= left:
            said.append(name)
            left -= members
    said += [role for role in matrix.roles() if role in left]
    return ", ".join(said).replace("_", " ")


def sign(answer: str) -> str:
    return f"– {answer}" if answer in {"403", "404"} else ANSWERS.get(answer, "")


def table(cells: list[Cell], first: str) -> Iterator[str]:
    """Write cells as a table; roles with the same answers throughout share a column."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for cell in cells:
        what = cell.what.removeprefix(f"{cell.area}_")
        about = "" if cell.thing in {"-", "own"} and cell.method in {"call", "ACTION"} else cell.thing.strip("-")
        label = f"{what} ({about})" if about else what
        rows.setdefault((label, METHODS.get(cell.method, cell.method)), {})[cell.role] = cell.answer
    rows = {label: row for label, row in rows.items() if not set(row.values()) <= {"405", "sign in"}}
    columns: dict[tuple[str, ...], list[str]] = {}
    for role in [role for role in matrix.roles() if any(role in row for row in rows.values())]:
        columns.setdefault(tuple(row.get(role, "") for row in rows.values()), []).append(role)
    yield f"| {first} | | " + " | ".join(names_of(roles) for roles in columns.values()) + " |"
    yield "|---|---|" + "---|" * len(columns)
    for number, (label, method) in enumerate(rows):
        answers = " | ".join(sign(column[number]) for column in columns)
        yield f"| {label} | {method} | {answers} |"
    yield ""


def checks() -> Iterator[str]:
    """Write how many checks there are, and how many of them are no doors, each kind."""
    found = every_check()
    argued = [check for check in found if reason(check) is not None]
    yield (
        f"{len(found)} places in the code look like a check. {len(argued)} of them keep nobody out, each for the"
        f" reason written in `tests/prove/permissions.py`; the other {len(found) - len(argued)} are removed one by one."
    )
    yield ""
    yield "| Kind | Found | Argued away |"
    yield "|---|---|---|"
    for kind in sorted({check.kind for check in found}):
        yield f"| {kind} | {sum(one.kind == kind for one in found)} | {sum(one.kind == kind for one in argued)} |"


def text() -> str:
    """Return the page."""
    lines = [INTRODUCTION, "## The roles", "", "| Role | Is |", "|---|---|"]
    lines += [f"| {name.replace('_', ' ')} | {what} |" for name, what in declared()["roles"].items()]
    lines += ["", "| Group | Holds |", "|---|---|"]
    lines += [
        f"| {name.replace('_', ' ')} | {', '.join(parts).replace('_', ' ')} |"
        for name, parts in declared()["groups"].items()
    ]
    lines += ["", "## Words that not everybody may read", ""]
    lines += ["Each stands in one row. On a page of anybody else it stands nowhere, whatever is searched for.", ""]
    lines += ["| Word in | Is read by |", "|---|---|"]
    lines += [
        f"| {name.replace('_', ' ')} | {names_of(sorted(matrix.members(readers)))} |"
        for name, readers in declared()["secrets"].items()
    ]
    lines.append("")
    chapters: dict[str, list[str]] = {}
    for name in declared()["routes"]:
        chapters.setdefault(chapter_of(name), []).append(name)
    for chapter, names in chapters.items():
        lines += [f"## {chapter}", ""]
        lines += table([cell for name in names for cell in matrix.route_cells(name)], "Page (about)")
    lines += ["## The lists of the desk", ""]
    for name in declared()["desk"]:
        lines += [f"### {name.replace('_', ' · ')}", ""]
        lines += table(matrix.desk_cells(name), "Page")
    lines += ["## What a page shows to some of its readers", ""]
    lines += ["| Button or part of a form | On | To |", "|---|---|---|"]
    for name, row in declared()["shown"].items():
        to = names_of(sorted(matrix.members(row["to"])))
        lines.append(f"| {name.replace('_', ' ')} | {row['page'].replace('_', ' ')} | {to} |")
    lines += ["", "## What happens, through whatever door", ""]
    lines += table([cell for name in declared()["use_cases"] for cell in matrix.use_case_cells(name)], "Use-case")
    lines += ["## The checks in the code", "", *checks()]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    # The page needs no database and no secret: any will do to look at the addresses.
    for variable, value in {
        "SECRET_KEY": "for the page of permissions",
        "LINK_KEY": "for the page of permissions",
        "ORIGIN": "http://localhost",
        "ALLOWED_HOSTS": "localhost",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DATABASE_URL": "postgresql://nobody@/nothing",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }.items():
        os.environ.setdefault(variable, value)
    django.setup()
    main()

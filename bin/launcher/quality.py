"""``bin/test``: the whole quality bar, on a real PostgreSQL and a real Valkey."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from launcher import BIN, bootstrap
from launcher.bootstrap import PYTHON
from launcher.children import Children, Stopped, end_on_signals
from launcher.console import give_up, say, step
from launcher.demo import manage, tool
from launcher.servers import Postgres, Programs, Valkey
from launcher.state import State, passing_state

USAGE = """\
usage: bin/test [--only NAME,NAME] [pytest's arguments]

Installs what is missing and runs the whole quality bar. With arguments for pytest, only the tests run:
  bin/test                              everything
  bin/test tests/offers -k race         these tests
  bin/test --only lint,types            these checks
Checks: {names}"""


@dataclass(frozen=True)
class Check:
    """One part of the quality bar: a name to choose it by, and the commands it consists of."""

    name: str
    what: str
    command: Sequence[str]


@dataclass
class Outcome:
    """What was counted: a check counts as one, the tests count each."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    rows: list[str] = field(default_factory=list)

    def note(self, name: str, *, good: bool, seconds: float, what: str) -> None:
        """Keep a line for the summary."""
        self.rows.append(f"  {'ok    ' if good else 'FAILED'}  {name:<13} {seconds:6.1f} s   {what}")


LINT_IMPORTS = [
    PYTHON,
    "-c",
    "import sys; from importlinter.cli import lint_imports_command as c; sys.exit(c())",
]

CHECKS = (
    Check("format", "ruff format", tool("ruff", "format", "--check", ".")),
    Check("lint", "ruff check", tool("ruff", "check", ".")),
    Check("types", "mypy", tool("mypy", ".")),
    Check("imports", "import contracts", LINT_IMPORTS),
    Check("migrations", "no migration is missing", manage("makemigrations", "--check", "--dry-run")),
    Check(
        "deploy",
        "check --deploy with the compose file's settings",
        tool("launcher.compose", "web", "python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"),
    ),
    Check("translations", "translations are complete", manage("translations", "--check")),
    Check("templates", "djlint", tool("djlint", "--lint", "--quiet", "templates")),
    Check("tests", "pytest", tool("pytest", "-q")),
)
NAMES = tuple(check.name for check in CHECKS)


def chosen(argv: Sequence[str]) -> tuple[list[Check], list[str]]:
    """Return the checks that the command line asks for, and the words that are pytest's."""
    words = list(argv)
    if words and words[0] in {"-h", "--help"}:
        say(USAGE.format(names=", ".join(NAMES)))
        raise SystemExit(0)
    only: list[str] = []
    if words and words[0].startswith("--only"):
        option, _, value = words.pop(0).partition("=")
        if option != "--only" or not (value or words):
            give_up(USAGE.format(names=", ".join(NAMES)))
        only = (value or words.pop(0)).split(",")
        if unknown := sorted(set(only) - set(NAMES)):
            give_up(f"There is no check called {', '.join(unknown)}. There are: {', '.join(NAMES)}.")
    elif words:
        only = ["tests"]
    return [check for check in CHECKS if not only or check.name in only], words


def main(argv: Sequence[str]) -> int:
    """Run the checks; return 1 when one of them failed."""
    checks, for_pytest = chosen(argv)
    end_on_signals()
    strict = os.environ.get("CI", "").lower() in {"1", "true"}
    outcome = Outcome()
    try:
        with_tests = any(check.name == "tests" for check in checks)
        bootstrap.prepare("requirements-dev.txt")
        found = bootstrap.chromium() if with_tests else None
        without: list[str] = []
        if with_tests:
            if not found:
                without.append("The browser tests do not run: there is no Chromium (sudo apt-get install chromium).")
                for_pytest = [*for_pytest, "--ignore=tests/e2e"]
            if sentence := bootstrap.pdf_libraries():
                without.append(f"The tests of PDFs fail or are skipped. {sentence}")
            if without and strict:
                give_up("Nothing may be left out here. " + " ".join(without))
        state = passing_state("test")
        with (
            Children(register=state.children, logs=state.logs) as servers,
            Children(register=state.children, logs=state.logs, needs=servers) as family,
        ):
            env = environment(state, servers) | ({"CHROMIUM": str(found)} if found else {})
            for check in checks:
                run(check, family, env, outcome, for_pytest, state.home / "tests.xml")
        state.clear_away()
    except Stopped:
        say("\nStopped.")
        return 130
    for sentence in without:
        say(f"\nLeft out: {sentence}")
    if outcome.skipped:
        say(f"\nSkipped by the tests themselves: {outcome.skipped} (pytest -rs tells why)")
        if strict:
            outcome.failed += 1
            outcome.rows.append("  FAILED  nothing may be skipped here (CI)")
    say("\nSummary\n" + "\n".join(outcome.rows) + "\n")
    say(f"{outcome.passed} passed, {outcome.failed} failed")
    return 1 if outcome.failed else 0


def environment(state: State, servers: Children, *, forgetful: bool = True) -> dict[str, str]:
    """Start the servers of this run; return the portal's settings for the tests."""
    programs, sockets = Programs(state), state.sockets()
    postgres, valkey = Postgres(state, programs, sockets), Valkey(state, programs, sockets)
    with step("PostgreSQL"):
        postgres.start(servers, forgetful=forgetful)
        postgres.recreate_database()
    with step("Valkey"):
        valkey.start(servers, forgetful=forgetful)
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(BIN), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHONUNBUFFERED": "1",
        "DATABASE_URL": postgres.url,
        "REDIS_URL": valkey.url,
        "SECRET_KEY": state.key("SECRET_KEY"),
        "LINK_KEY": state.key("LINK_KEY"),
        "DEBUG": "0",
        "DEMO": "0",
        "STATIC_HASHED": "0",
        "ORIGIN": "http://localhost",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
        "MEDIA_ROOT": str(state.media),
        "STATIC_ROOT": str(state.static),
        "DEMO_MAIL_DIR": str(state.mails),
        "HEARTBEAT_DIR": str(state.heartbeats),
    }


def run(
    check: Check,
    family: Children,
    env: Mapping[str, str],
    outcome: Outcome,
    for_pytest: Sequence[str],
    report: Path,
) -> None:
    """Run one check and count it."""
    say(f"\n=== {check.name}: {check.what}")
    is_tests = check.name == "tests"
    extra = [*for_pytest, f"--junitxml={report}"] if is_tests else []
    began = time.monotonic()
    code = family.run(check.name, [*check.command, *extra], env=env)
    seconds = time.monotonic() - began
    what = check.what
    if is_tests and report.exists():
        passed, failed, skipped = counted(report)
        outcome.passed += passed
        outcome.failed += failed or (code != 0)
        outcome.skipped += skipped
        what = f"{passed} passed, {failed} failed, {skipped} skipped"
    else:
        outcome.passed += code == 0
        outcome.failed += code != 0
    outcome.note(check.name, good=code == 0, seconds=seconds, what=what)
    say(f"--- {check.name}: {'ok' if code == 0 else 'FAILED'} in {seconds:.1f} s")


def counted(report: Path) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped, as pytest's report says."""
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 (pytest wrote it a moment ago)
    numbers = [
        {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")} for suite in suites
    ]
    failed = sum(suite["failures"] + suite["errors"] for suite in numbers)
    skipped = sum(suite["skipped"] for suite in numbers)
    return sum(suite["tests"] for suite in numbers) - failed - skipped, failed, skipped

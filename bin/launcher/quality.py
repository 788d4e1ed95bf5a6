"""``bin/test``: the whole quality bar, on a real PostgreSQL and a real Valkey."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree as ET

from launcher import BIN, bootstrap
from launcher.bootstrap import PYTHON
from launcher.children import Child, Children, Stopped, end_on_signals
from launcher.console import give_up, say, step
from launcher.demo import manage, tool
from launcher.servers import DATABASE, Postgres, Programs, Valkey
from launcher.state import State, passing_state

USAGE = """\
usage: bin/test [--only NAME,NAME] [pytest's arguments]

Installs what is missing and runs the whole quality bar. With arguments for pytest, only the tests run:
  bin/test                              everything
  bin/test tests/offers -k race         these tests
  bin/test --only lint,types            these checks
Checks: {names}"""

# Tests that run the whole portal as processes. They wait much and compute little, so they go beside the others.
WHOLE_PORTAL = ("tests/e2e", "tests/test_compose.py", "tests/test_launcher.py")
# The other tests, in parts that take about as long as each other.
THE_MEETING = ("tests/offers", "tests/companies", "tests/schools")
THE_MATRIX = ("tests/test_permissions.py",)
# What runs side by side; each lane has a database of its own. The portal in a browser takes longest, and waits most;
# the short checks stand before the matrix, which would end first.
LANES = ("portal", "meeting", "ground", "matrix")


@dataclass(frozen=True)
class Check:
    """One part of the quality bar: a name to choose it by, and its command."""

    name: str
    what: str
    command: Sequence[str]
    is_pytest: bool = False
    lane: str = "matrix"


@dataclass
class Outcome:
    """What was counted: a check counts as one, the tests count each."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    rows: list[str] = field(default_factory=list)

    def count(self, check: Check, code: int, seconds: float, report: Path) -> None:
        """Count a check that has ended, and keep a line for the summary."""
        what = check.what
        if check.is_pytest and report.exists():
            passed, failed, skipped = counted(report)
            self.passed += passed
            self.failed += failed or (code != 0)
            self.skipped += skipped
            what = f"{passed} passed, {failed} failed, {skipped} skipped"
        else:
            self.passed += code == 0
            self.failed += code != 0
        word = "ok" if code == 0 else "FAILED"
        self.rows.append(f"  {word:<6}  {check.name:<13} {seconds:6.1f} s   {what}")
        say(f"--- {check.name}: {word} in {seconds:.1f} s")


LINT_IMPORTS = "import sys; from importlinter.cli import lint_imports_command as check; sys.exit(check())"
DEPLOY = "web python manage.py check --deploy --fail-level WARNING"

CHECKS = (
    Check("format", "ruff format", tool("ruff", "format", "--check", ".")),
    Check("lint", "ruff check", tool("ruff", "check", ".")),
    Check("types", "mypy", tool("mypy", ".")),
    Check("imports", "import contracts", [PYTHON, "-c", LINT_IMPORTS]),
    Check("migrations", "no migration is missing", manage("makemigrations", "--check", "--dry-run")),
    Check("deploy", "check --deploy, the compose file's settings", tool("launcher.compose", *DEPLOY.split())),
    Check("translations", "translations are complete", manage("translations", "--check")),
    Check("templates", "djlint", tool("djlint", "--lint", "--quiet", "templates")),
    Check(
        "portal",
        "pytest: the whole portal runs",
        tool("pytest", "-q", *WHOLE_PORTAL),
        is_pytest=True,
        lane="portal",
    ),
    Check(
        "meeting",
        "pytest: the meeting and its two sides",
        tool("pytest", "-q", *THE_MEETING),
        is_pytest=True,
        lane="meeting",
    ),
    Check(
        "matrix",
        "pytest: who may do what",
        tool("pytest", "-q", *THE_MATRIX),
        is_pytest=True,
        lane="matrix",
    ),
    Check(
        "ground",
        "pytest: the ground, and what holds for the whole",
        tool("pytest", "-q", *(f"--ignore={path}" for path in (*WHOLE_PORTAL, *THE_MEETING, *THE_MATRIX))),
        is_pytest=True,
        lane="ground",
    ),
)
NAMES = tuple(check.name for check in CHECKS)


def chosen(argv: Sequence[str]) -> list[Check]:
    """Return the checks that the command line asks for."""
    words = list(argv)
    if words and words[0] in {"-h", "--help"}:
        say(USAGE.format(names=", ".join(NAMES)))
        raise SystemExit(0)
    if not words:
        return list(CHECKS)
    if not words[0].startswith("--only"):
        return [Check("tests", "pytest", tool("pytest", "-q", *words), is_pytest=True)]
    option, _, value = words.pop(0).partition("=")
    if option != "--only" or not (value or words):
        give_up(USAGE.format(names=", ".join(NAMES)))
    only = (value or words.pop(0)).split(",")
    if unknown := sorted(set(only) - set(NAMES)):
        give_up(f"There is no check called {', '.join(unknown)}. There are: {', '.join(NAMES)}.")
    found = [check for check in CHECKS if check.name in only]
    return [replace(check, command=[*check.command, *words]) if check.is_pytest else check for check in found]


def main(argv: Sequence[str]) -> int:
    """Run the checks; return 1 when one of them failed."""
    checks = chosen(argv)
    end_on_signals()
    strict = os.environ.get("CI", "").lower() in {"1", "true"}
    outcome = Outcome()
    try:
        bootstrap.prepare("requirements-dev.txt")
        without: list[str] = []
        chromium: Path | None = None
        if any(check.is_pytest for check in checks):
            without, chromium = what_tests_need()
            if without and strict:
                give_up("Nothing may be left out here. " + " ".join(without))
        if without and not chromium:
            checks = [
                replace(check, command=[*check.command, "--ignore=tests/e2e"]) if check.is_pytest else check
                for check in checks
            ]
        state = passing_state("test")
        with (
            Children(register=state.children, logs=state.logs) as servers,
            Children(register=state.children, logs=state.logs, needs=servers) as family,
        ):
            env = environment(state, servers) | ({"CHROMIUM": str(chromium)} if chromium else {})
            if len(checks) == 1:
                run_in_terminal(checks[0], family, env, outcome, state)
            else:
                run_side_by_side(checks, servers, family, env, outcome, state)
        state.clear_away()
    except Stopped:
        say("\nStopped.")
        return 130
    for sentence in without:
        say(f"\nLeft out: {sentence}")
    if outcome.skipped:
        say(f"\nSkipped by the tests themselves: {outcome.skipped} (the short summary above tells why)")
        if strict:
            outcome.failed += 1
            outcome.rows.append("  FAILED  nothing may be skipped here (CI)")
    say("\nSummary\n" + "\n".join(outcome.rows) + "\n")
    say(f"{outcome.passed} passed, {outcome.failed} failed")
    return 1 if outcome.failed else 0


def what_tests_need() -> tuple[list[str], Path | None]:
    """Install the browser and the libraries for PDF; return what cannot be tested, and the browser."""
    without = []
    chromium = bootstrap.chromium()
    if not chromium:
        packages = " ".join(bootstrap.CHROMIUM_PACKAGES)
        without.append(f"The browser tests do not run: there is no Chromium (sudo apt-get install {packages}).")
    if sentence := bootstrap.pdf_libraries():
        without.append(f"The tests of PDFs fail. {sentence}")
    return without, chromium


def environment(state: State, servers: Children, *, forgetful: bool = True) -> dict[str, str]:
    """Start the servers of this run; return the portal's settings for the tests."""
    programs, sockets = Programs(state), state.sockets()
    postgres, valkey = Postgres(state, programs, sockets), Valkey(state, programs, sockets)
    with step("PostgreSQL"):
        postgres.start(servers, forgetful=forgetful)
        for database in (DATABASE, *(f"{DATABASE}_{lane}" for lane in LANES)):
            postgres.recreate_database(database)
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


def command_of(check: Check, state: State) -> tuple[list[str], Path]:
    """Return the command of a check, and where it reports what it counted."""
    report = state.home / f"{check.name}.xml"
    return [*check.command, *([f"--junitxml={report}"] if check.is_pytest else [])], report


def run_in_terminal(check: Check, family: Children, env: Mapping[str, str], outcome: Outcome, state: State) -> None:
    """Run the only check that was asked for, and let one watch it."""
    say(f"\n=== {check.name}: {check.what}")
    command, report = command_of(check, state)
    began = time.monotonic()
    code = family.run(check.name, command, env=env)
    outcome.count(check, code, time.monotonic() - began, report)


def run_side_by_side(
    checks: Sequence[Check],
    servers: Children,
    family: Children,
    env: Mapping[str, str],
    outcome: Outcome,
    state: State,
) -> None:
    """Run the checks in lanes side by side; show what each has said when it has ended."""
    lanes = [
        (
            [check for check in checks if check.lane == lane],
            {
                **env,
                "DATABASE_URL": env["DATABASE_URL"].replace(f"/{DATABASE}?", f"/{DATABASE}_{lane}?"),
                "MEDIA_ROOT": f"{env['MEDIA_ROOT']}-{lane}",
            },
        )
        for lane in LANES
    ]
    running: dict[int, tuple[Check, Child, float]] = {}
    while running or any(waiting for waiting, _ in lanes):
        for lane, (waiting, lane_env) in enumerate(lanes):
            if lane in running:
                check, child, began = running[lane]
                if child.process.poll() is None:
                    continue
                del running[lane]
                family.living.remove(child)
                say(f"\n=== {check.name}: {check.what}\n{child.said()}")
                outcome.count(check, child.process.returncode, time.monotonic() - began, command_of(check, state)[1])
            if waiting:
                check = waiting.pop(0)
                say(f"    {check.name} begins")
                child = family.start(check.name, command_of(check, state)[0], env=lane_env)
                running[lane] = (check, child, time.monotonic())
        servers.check()
        time.sleep(0.05)


def counted(report: Path) -> tuple[int, int, int]:
    """Return how many tests passed, failed and were skipped, as pytest's report says."""
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 (pytest wrote it a moment ago)
    numbers = [
        {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")} for suite in suites
    ]
    failed = sum(suite["failures"] + suite["errors"] for suite in numbers)
    skipped = sum(suite["skipped"] for suite in numbers)
    return sum(suite["tests"] for suite in numbers) - failed - skipped, failed, skipped

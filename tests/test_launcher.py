"""The launcher behind bin/demo and bin/test: what it installs, starts, keeps and never leaves behind."""

import os
import signal
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from launcher import BIN, ROOT, bootstrap, quality, translations
from launcher.children import Children, started_at, stop_leftovers, wait_until_gone
from launcher.console import GaveUp
from launcher.servers import Postgres, Programs, Valkey
from launcher.state import State, listening_socket, passing_state

# The launcher forks before it runs a program; Python warns of that when another test has left a thread behind.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

# A launcher of its own, to be killed: starts the demo's servers, writes a row, and waits.
SERVERS_AND_A_ROW = """
import sys, time
from pathlib import Path
from launcher.children import Children, stop_leftovers
from launcher.demo import start_servers
from launcher.state import State

state = State(Path(sys.argv[1]))
if not state.lock():
    sys.exit("refused")
stop_leftovers(state.children)
state.prepare()
with Children(register=state.children, logs=state.logs) as servers:
    postgres = start_servers(state, servers).postgres
    postgres.ask("CREATE TABLE IF NOT EXISTS starts (at timestamptz)")
    postgres.ask("INSERT INTO starts VALUES (now())")
    print("starts:", postgres.ask("SELECT count(*) FROM starts"), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def state() -> Iterator[State]:
    """A state folder of this test, where the servers' user can go."""
    state = passing_state("launcher-test")
    yield state
    stop_leftovers(state.children)
    state.clear_away()


@pytest.fixture
def family(state: State) -> Iterator[Children]:
    """A family of processes that ends with the test."""
    children = Children(register=state.children, logs=state.logs)
    yield children
    children.stop()


@pytest.fixture
def launch(state: State) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start launchers that are to be killed; none outlives the test."""
    own = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    launchers: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        launcher = subprocess.Popen(
            [sys.executable, "-c", SERVERS_AND_A_ROW, str(state.home)],
            env=own | {"PYTHONPATH": str(BIN)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        launchers.append(launcher)
        return launcher

    state.unlock()
    yield start
    for launcher in launchers:
        with launcher:
            launcher.kill()


def answer_of(launcher: subprocess.Popen[str]) -> str:
    """Return how often the database was started, as the launcher says, or its last words."""
    assert launcher.stdout is not None
    line = ""
    for line in launcher.stdout:
        if line.startswith("starts:"):
            break
    return line.strip()


def test_kill_9_of_the_launcher_leaves_no_process_and_the_next_start_has_the_data(
    state: State, launch: Callable[[], subprocess.Popen[str]]
) -> None:
    launcher = launch()
    assert answer_of(launcher) == "starts: 1"
    pids = [int(line.split("\t")[0]) for line in state.children.read_text().splitlines()]
    assert len(pids) == 2

    launcher.kill()

    assert wait_until_gone(pids, 15)
    assert answer_of(launch()) == "starts: 2"


def test_a_start_right_after_kill_9_waits_for_what_is_still_ending(
    launch: Callable[[], subprocess.Popen[str]],
) -> None:
    launcher = launch()
    assert answer_of(launcher) == "starts: 1"

    launcher.kill()

    assert answer_of(launch()) == "starts: 2"


def test_a_second_launcher_is_refused_while_the_first_runs(
    state: State, launch: Callable[[], subprocess.Popen[str]]
) -> None:
    assert state.lock()

    assert answer_of(launch()) == "refused"


def test_leftovers_are_told_apart_from_strangers_with_the_same_number(state: State, family: Children) -> None:
    ours = family.start("ours", ["sleep", "60"], env=os.environ)
    stranger = family.start("stranger", ["sleep", "60"], env=os.environ)
    lines = state.children.read_text(encoding="utf-8").splitlines()
    began = str(started_at(stranger.process.pid))
    state.children.write_text("\n".join([lines[0], lines[1].replace(began, "long ago")]) + "\n", encoding="utf-8")

    assert stop_leftovers(state.children) == ["ours"]

    assert ours.process.wait(10) == -signal.SIGTERM
    assert stranger.process.poll() is None


def test_stopping_a_family_leaves_ctrl_c_to_whoever_had_it(state: State) -> None:
    before = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    with Children(register=state.children, logs=state.logs) as family:
        family.start("sleeper", ["sleep", "60"], env=os.environ)

    assert [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_a_child_that_ends_by_itself_is_named_with_its_last_words(family: Children) -> None:
    child = family.start("worker", ["sh", "-c", "echo out of paper; exit 3"], env=os.environ)
    child.process.wait(10)

    with pytest.raises(GaveUp, match=r"worker ended by itself \(code 3\)[\s\S]*out of paper"):
        family.check()


def test_stopping_takes_the_grandchildren_too(state: State, family: Children) -> None:
    note = state.home / "grandchild"
    stubborn = f"trap '' TERM; sleep 60 & echo $! > {note}.new; mv {note}.new {note}; wait"
    family.start("parent", ["sh", "-c", stubborn], env=os.environ)
    while not note.exists():
        time.sleep(0.01)
    grandchild = int(note.read_text())
    assert started_at(grandchild) is not None

    family.stop(seconds=0.2)

    assert wait_until_gone([grandchild], 5)


def test_a_taken_port_is_passed_over() -> None:
    with listening_socket(0) as taken:
        port = taken.getsockname()[1]
        with listening_socket(port) as chosen:
            assert port < chosen.getsockname()[1] < port + 100


def test_a_small_lock_is_part_of_the_large_ones_so_one_environment_serves_every_command() -> None:
    production, demo, development = (bootstrap.pins(f"requirements{kind}.txt") for kind in ("", "-demo", "-dev"))

    assert (production - demo, demo - development) == (set(), set())
    assert len(production) < len(demo) < len(development)


def test_locks_carry_a_hash_for_every_package_and_no_address() -> None:
    for lock in ROOT.glob("requirements*.txt"):
        text = lock.read_text(encoding="utf-8")
        blocks = [
            block for block in text.replace("\\\n", "").splitlines() if block and not block.lstrip().startswith("#")
        ]
        assert [block for block in blocks if "--hash=sha256:" not in block] == []
        assert len(blocks) == len(bootstrap.pins(lock.name))
        assert "://" not in text


def test_translations_are_compiled_when_they_are_missing_or_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "locale" / "da" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "Class"\nmsgstr "Klasse"\n'
    )
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    assert bootstrap.stale_translations()

    assert translations.compile_translations(tmp_path) == [source.with_suffix(".mo")]

    assert not bootstrap.stale_translations()
    later = time.time() + 5
    os.utime(source, (later, later))
    assert bootstrap.stale_translations()


def test_keys_are_made_once_and_readable_by_nobody_else(state: State) -> None:
    key = state.key("SECRET_KEY")

    assert State(state.home).key("SECRET_KEY") == key != state.key("LINK_KEY")
    assert len(key) >= 50
    assert (state.home / "secret_key.key").stat().st_mode & 0o777 == 0o600


def test_starting_over_forgets_everything_but_the_lock(state: State) -> None:
    state.key("SECRET_KEY")
    (state.mails / "one.eml").touch()

    state.empty()

    assert [path.name for path in state.home.iterdir()] == ["lock"]
    assert not State(state.home).lock()


def test_the_folder_of_a_run_that_was_killed_is_cleared_away_and_one_in_use_is_not(state: State) -> None:
    dead, used = (State(state.home.with_name(f"launcher-test-{number}")) for number in (0, 1))
    assert used.lock()
    state.unlock()

    again = passing_state("launcher-test")

    assert [folder.home.exists() for folder in (dead, used)] == [False, True]
    used.clear_away()
    again.clear_away()


def test_sockets_lie_where_their_addresses_are_short_enough(state: State) -> None:
    near = state.sockets()
    deep = State(state.home / ("long" * 25))
    far = deep.sockets()

    assert near == state.home / "sockets"
    assert len(os.fsencode(far)) < 90
    assert [folder.stat().st_mode & 0o777 for folder in (near, far)] == [0o700, 0o700]
    far.rmdir()


def test_a_pid_file_that_names_another_program_does_not_stop_the_database(state: State, family: Children) -> None:
    postgres = Postgres(state, Programs(state), state.sockets())
    postgres.start(family, forgetful=True)
    family.stop()
    (postgres.data / "postmaster.pid").write_text(f"{os.getpid()}\n{postgres.data}\n")

    postgres.start(family, forgetful=True)

    assert postgres.ask("SHOW jit") == "off"
    assert postgres.ask("SELECT datlocprovider::text || ' ' || datlocale FROM pg_database LIMIT 1") == "b C.UTF-8"
    assert postgres.ask("SELECT to_tsvector('danish', 'ÅLENE PÅ ÆRØ')") == "'ålen':1 'ærø':3"


def test_the_broker_answers_on_its_private_socket_alone(state: State, family: Children) -> None:
    valkey = Valkey(state, Programs(state), state.sockets())

    valkey.start(family)

    assert valkey.answers()
    assert valkey.socket.stat().st_mode & 0o777 == 0o700


def test_a_mail_that_was_accepted_is_a_whole_file(state: State, family: Children) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@fjordby.example", "b@fjordby.example", "Æblerov på Ærø"
    mail.set_content("Vi ses kl. 10.\n")
    with listening_socket(0) as listener:
        family.start(
            "mail catcher",
            [sys.executable, "-m", "launcher.mail_catcher", str(listener.fileno()), state.mails],
            env=os.environ,
            folder=BIN,
            pass_fds=[listener.fileno()],
        )
        host, port = listener.getsockname()
        with smtplib.SMTP(host, port, timeout=20) as line:
            line.send_message(mail, to_addrs=["hidden@fjordby.example"])

    [kept] = state.mails.iterdir()
    assert kept.suffix == ".eml"
    assert b"X-Envelope-To: hidden@fjordby.example\r\n" in kept.read_bytes()
    assert b"Vi ses kl. 10." in kept.read_bytes()


def test_arguments_of_bin_test_choose_checks_or_go_to_pytest() -> None:
    def choice(*words: str) -> dict[str, list[str]]:
        return {check.name: list(check.command[4:]) for check in quality.chosen(words) if check.is_pytest}

    ignored = [f"--ignore={path}" for path in (*quality.WHOLE_PORTAL, *quality.THE_MEETING, *quality.THE_MATRIX)]
    assert choice() == {
        "portal": list(quality.WHOLE_PORTAL),
        "meeting": list(quality.THE_MEETING),
        "matrix": list(quality.THE_MATRIX),
        "ground": ignored,
    }
    assert choice("tests/offers", "-k", "race") == {"tests": ["tests/offers", "-k", "race"]}
    assert choice("--only=ground", "-x") == {"ground": [*ignored, "-x"]}
    assert [check.name for check in quality.chosen(["--only", "types,lint"])] == ["lint", "types"]
    assert [check.name for check in quality.chosen([])] == list(quality.NAMES)
    with pytest.raises(GaveUp, match="There is no check called spelling"):
        choice("--only", "spelling")


def test_pytests_report_is_counted(tmp_path: Path) -> None:
    report = tmp_path / "tests.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="2" errors="1" skipped="1"/></testsuites>')

    assert quality.counted(report) == (5, 3, 1)

"""``bin/demo``: the portal of an invented municipality on this machine, with nothing to set up."""

import argparse
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from launcher import BIN, ROOT, bootstrap
from launcher.bootstrap import PYTHON
from launcher.children import Children, Stopped, end_on_signals, stop_leftovers
from launcher.console import GaveUp, give_up, say, step
from launcher.servers import Postgres, Programs, Valkey
from launcher.state import State, fingerprint, home_of_states, listening_socket

SECONDS_TO_FIRST_PAGE = 180


@dataclass(frozen=True)
class Broker:
    """Where the servers of this run are, and whether the database is ours to make anew."""

    database_url: str
    redis_url: str
    postgres: Postgres | None


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="bin/demo",
        description="Runs the portal of an invented municipality on this machine. Ctrl-C stops it.",
    )
    parser.add_argument("--port", type=int, default=8000, help="the first port to try (8000)")
    parser.add_argument("--reset", action="store_true", help="forget all data and start over")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Run the demo until somebody stops it."""
    wanted = arguments(argv)
    began = time.monotonic()
    end_on_signals()
    try:
        say("Open school portal: the demo municipality")
        bootstrap.prepare("requirements-demo.txt")
        without_pdf = bootstrap.pdf_libraries()
        state = State(home_of_states() / "demo")
        if not state.lock():
            give_up(f"The demo is running already (its data: {state.home}). Stop that one first, with Ctrl-C.")
        if left := stop_leftovers(state.children):
            say(f"  stopped what an earlier run had left: {', '.join(left)}")
        if wanted.reset:
            if os.environ.get("DATABASE_URL"):
                give_up("--reset empties only the demo's own database, not the one that DATABASE_URL names.")
            state.empty()
        state.prepare()
        run(state, port=wanted.port, began=began, without_pdf=without_pdf)
    except Stopped:
        say("\nStopped. The data are kept: the next start goes on from here (--reset starts over).")
        return 0
    return 0


def run(state: State, *, port: int, began: float, without_pdf: str | None) -> None:
    """Start everything, say where it is, and watch it until it ends."""
    with (
        Children(register=state.children, logs=state.logs) as servers,
        Children(register=state.children, logs=state.logs, needs=servers) as portal,
        listening_socket(port) as web_socket,
        listening_socket(0) as mail_socket,
    ):
        found = start_servers(state, servers)
        with step("mail catcher"):
            servers.start(
                "mail catcher",
                [PYTHON, "-m", "launcher.mail_catcher", str(mail_socket.fileno()), state.mails],
                env=os.environ,
                folder=BIN,
                pass_fds=[mail_socket.fileno()],
            )
        address = f"http://localhost:{web_socket.getsockname()[1]}"
        env = environment(state, found, address=address, mail_port=mail_socket.getsockname()[1])
        fill(state, found, portal, env)
        with step("web server"):
            start_web(portal, env, web_socket.fileno())
            logins = subprocess.Popen(
                manage("demo_logins"), env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
            )
            wait_for_first_page(portal, web_socket.getsockname()[1])
            who = logins.communicate()[0].strip()
        # After the first page, so that it need not share the processor with them.
        start_worker_and_beat(portal, env)
        say(f"\nReady after {time.monotonic() - began:.1f} s.")
        say(f"\n  Portal   {address}/\n  Mails    {address}/demo/mails/\n  Logs     {state.logs}\n")
        say(who)
        if without_pdf:
            say(f"\n  ! {without_pdf}")
        if web_socket.getsockname()[1] != port:
            say(f"\n  Port {port} was taken.")
        say("\nCtrl-C stops the demo.")
        while True:
            portal.check()
            time.sleep(0.3)


def start_servers(state: State, servers: Children) -> Broker:
    """Start PostgreSQL and Valkey, except where the environment names others."""
    database_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    if database_url and redis_url:
        return Broker(database_url, redis_url, None)
    programs, sockets = Programs(state), state.sockets()
    postgres = None
    if not database_url:
        with step("PostgreSQL"):
            postgres = Postgres(state, programs, sockets)
            postgres.start(servers)
            database_url = postgres.url
    if not redis_url:
        with step("Valkey"):
            valkey = Valkey(state, programs, sockets)
            valkey.start(servers)
            redis_url = valkey.url
    return Broker(database_url, redis_url, postgres)


def environment(state: State, found: Broker, *, address: str, mail_port: int) -> dict[str, str]:
    """Return the portal's settings for the demo."""
    return {
        "SECRET_KEY": state.key("SECRET_KEY"),
        "LINK_KEY": state.key("LINK_KEY"),
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "DEMO": "1",
        "DEBUG": "0",
        "STATIC_HASHED": "0",
        "ORIGIN": address,
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "DATABASE_URL": found.database_url,
        "REDIS_URL": found.redis_url,
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(mail_port),
        "EMAIL_USE_TLS": "0",
        "DEMO_MAIL_DIR": str(state.mails),
        "MEDIA_ROOT": str(state.media),
        "STATIC_ROOT": str(state.static),
        "HEARTBEAT_DIR": str(state.heartbeats),
    }


def tool(*words: str) -> list[str]:
    """Return a command of the virtual environment."""
    return [PYTHON, "-m", *words]


def manage(*words: str) -> list[str]:
    """Return a command of the portal."""
    return [PYTHON, str(ROOT / "manage.py"), *words]


def fill(state: State, found: Broker, portal: Children, env: dict[str, str]) -> None:
    """Bring the database up to date; fill it once, whole or not at all."""
    stamp = fingerprint(found.database_url)
    is_seeded = state.seeded.exists() and state.seeded.read_text(encoding="ascii") == stamp
    if found.postgres and not (is_seeded and found.postgres.has_database()):
        # The last filling was cut off, or never began: half a municipality is worse than none.
        is_seeded = False
        found.postgres.recreate_database()
        found.postgres.fill_fast()
        for folder in (state.media, state.mails):
            shutil.rmtree(folder)
        state.prepare()
    with step("migrations"):
        if portal.run("migrate", manage("migrate", "--no-input", "--verbosity", "0"), env=env) != 0:
            give_up("The database could not be brought up to date. bin/demo --reset starts over.")
    if not is_seeded:
        say("  the municipality is being founded")
        began = time.monotonic()
        if portal.run("seed_demo", manage("seed_demo"), env=env) != 0:
            give_up("The municipality could not be founded; the next start tries again from the beginning.")
        if found.postgres:
            found.postgres.fill_done()
        state.seeded.write_text(stamp, encoding="ascii")
        say(f"  {'municipality':<46} {time.monotonic() - began:6.1f} s")


def start_web(portal: Children, env: dict[str, str], web_socket: int) -> None:
    """Start the web server on a socket that is open already, so nobody takes its port meanwhile."""
    options = "--worker-class gthread --workers 2 --threads 4 --preload --graceful-timeout 3 --no-control-socket"
    portal.start(
        "web server",
        tool("gunicorn", "portal.wsgi:application", "--bind", f"fd://{web_socket}", *options.split()),
        env=env,
        pass_fds=[web_socket],
    )


def start_worker_and_beat(portal: Children, env: dict[str, str]) -> None:
    """Start the two that work behind the pages."""
    celery = tool("celery", "--quiet", "--app", "portal.celery")
    options = "--concurrency 2 --loglevel INFO --without-gossip --without-mingle"
    portal.start(
        "worker",
        [*celery, "worker", *options.split()],
        env=env,
        stop_signal=signal.SIGQUIT,  # at once: what was begun stands in the outbox
    )
    portal.start("beat", [*celery, "beat", "--loglevel", "INFO", "--pidfile", ""], env=env)


def wait_for_first_page(portal: Children, port: int) -> None:
    """Wait until the portal says that it is well."""
    deadline = time.monotonic() + SECONDS_TO_FIRST_PAGE
    while True:
        portal.check()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz/", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise GaveUp(f"The portal does not answer after {SECONDS_TO_FIRST_PAGE} seconds.") from None
        time.sleep(0.1)

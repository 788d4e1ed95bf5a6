"""A database of its own for a proof, with processes of the real portal beside it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

ROOT = Path(__file__).resolve().parents[2]


def address_of(name: str) -> str:
    """Return DATABASE_URL with another database's name."""
    url = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(url._replace(path=f"/{name}"))


def environment(database: str, **more: str) -> dict[str, str]:
    """Return the environment of a production-like portal on that database."""
    return {
        **os.environ,
        "DATABASE_URL": address_of(database),
        "SECRET_KEY": "a secret key for measurements that is long enough for every check there is",
        "LINK_KEY": "a link key for measurements, of no value to anybody",
        "ORIGIN": "http://127.0.0.1",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "STATIC_HASHED": "0",
        "DEBUG": "0",
        "DEMO": "0",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


@contextmanager
def fresh_database(name: str) -> Iterator[str]:
    """Make an empty database, migrate it, and drop it afterwards. Yields its name."""
    drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
    with psycopg.connect(address_of("postgres"), autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        manage(name, "migrate", "--verbosity", "0")
        yield name
    finally:
        with psycopg.connect(address_of("postgres"), autocommit=True) as connection:
            connection.execute(drop)


@contextmanager
def copied(database: str, name: str) -> Iterator[str]:
    """Make a copy of a database that nobody is connected to, and drop it afterwards. Yields its name."""
    drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
    with psycopg.connect(address_of("postgres"), autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{database}"')
    try:
        yield name
    finally:
        with psycopg.connect(address_of("postgres"), autocommit=True) as connection:
            connection.execute(drop)


def manage(database: str, *words: str, **more: str) -> None:
    """Run a management command on that database."""
    subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=environment(database, **more), check=True)


def run_in_portal(database: str, module: str, *words: str, **more: str) -> str:
    """Run one of our modules in the portal's environment and return what it prints."""
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(database, **more), check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


class Process:
    """A process of the portal in a session of its own, so that it can be killed as a whole."""

    def __init__(self, command: list[str], env: dict[str, str], log: Path) -> None:
        self.command, self.env, self.log = command, env, log
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.child: subprocess.Popen[Any] = subprocess.Popen(
                self.command, cwd=ROOT, env=self.env, stdout=out, stderr=out, start_new_session=True
            )

    def kill(self) -> None:
        """kill -9 for the whole process group."""
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.child.wait()


def free_port() -> int:
    """Return a free TCP port on this machine's own address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def web_server(
    database: str, log: Path, *, workers: int, threads: int, module: str = "portal.wsgi:application", **more: str
) -> Iterator[str]:
    """Run gunicorn and yield its address; without threads its workers are plain processes, one request each."""
    port = free_port()
    kind = ["--threads", str(threads), "--worker-class", "gthread"] if threads else ["--worker-class", "sync"]
    command = [
        sys.executable, "-m", "gunicorn", module, "--bind", f"127.0.0.1:{port}", "--workers", str(workers),
        *kind, "--backlog", "512", "--log-level", "warning",
    ]  # fmt: skip
    server = Process(command, environment(database, **more), log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/healthz/", server)
        yield address
    finally:
        server.kill()


def wait_for(address: str, server: Process, seconds: float = 30) -> None:
    """Wait until the address answers."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        if server.child.poll() is not None:
            raise RuntimeError(server.log.read_text(errors="replace")[-2000:])
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{address} did not answer: {server.log.read_text(errors='replace')[-2000:]}")

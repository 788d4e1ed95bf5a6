"""300 mails, the whole worker killed five times with kill -9: none may be lost.

Real PostgreSQL, real Valkey, real Celery worker and beat, a mail server on a socket that says 250 after 5 ms.
The negative control is the same number of mails sent by plain Celery tasks (acknowledged before they run): it must
lose some.
"""

import asyncio
import collections
import os
import random
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from aiosmtpd.controller import Controller

from tests.prove.figures import Figure
from tests.prove.ground import Process, address_of, environment, free_port, fresh_database, run_in_portal

MAILS = 300
KILLS = 5
DATABASE = "prove_mails"


class Sink:
    """A mail server that takes everything, a little slowly, and counts the copies of each message."""

    def __init__(self) -> None:
        self.copies: collections.Counter[str] = collections.Counter()
        self.lock = threading.Lock()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        await asyncio.sleep(0.005)
        head = envelope.content.split(b"\r\n\r\n", 1)[0].decode("latin-1")
        name = next(
            line.split(":", 1)[1].strip() for line in head.splitlines() if line.lower().startswith("message-id")
        )
        with self.lock:
            self.copies[name] += 1
        return "250 taken"

    def received(self) -> int:
        with self.lock:
            return len(self.copies)


def with_kills(worker: Process, sink: Sink, *, dice: random.Random) -> None:
    """Kill the worker five times, each while mails are leaving."""
    for kill in range(KILLS):
        wanted = MAILS * (kill + 0.3) / (KILLS + 1)
        stop = time.monotonic() + 20
        while sink.received() < wanted and time.monotonic() < stop:
            time.sleep(0.01)
        time.sleep(dice.uniform(0.0, 0.15))
        worker.kill()
        worker.start()


def marked_sent(database: str) -> int:
    """Return how many messages the outbox holds to be sent."""
    with psycopg.connect(address_of(database)) as connection:
        row = connection.execute("SELECT count(*) FROM portal_message WHERE state = 'sent'").fetchone()
        return int(row[0]) if row else 0


def settle(sink: Sink, *, seconds: float, database: str = "") -> None:
    """Wait until every mail has come (and is marked so, where there is an outbox), or the time is over."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        if sink.received() == MAILS and (not database or marked_sent(database) == MAILS):
            return
        time.sleep(0.2)


def run(folder: Path, *, app: str, beat: bool, database: str, seconds: float) -> tuple[Sink, list[Process], float]:
    """Send the mails by ``app`` while its worker is killed; return what arrived and how long the rest took."""
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port())
    controller.start()
    env = environment(
        database,
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=str(controller.port),
        HEARTBEAT_DIR=str(folder),
        DJANGO_SETTINGS_MODULE="portal.settings",
        PROVE_QUEUE=f"prove-{secrets.token_hex(6)}",
    )
    celery = [sys.executable, "-m", "celery", "-A", app]
    queue = [] if beat else ["-Q", env["PROVE_QUEUE"]]
    processes = [
        Process([*celery, "worker", "--concurrency", "4", "-l", "WARNING", *queue], env, folder / "worker.log")
    ]
    try:
        if beat:
            processes.append(Process([*celery, "beat", "-l", "WARNING"], env, folder / "beat.log"))
        else:
            run_in_portal(database, "tests.prove.forgetful", str(MAILS), **env)
        with_kills(processes[0], sink, dice=random.Random(2026))
        last_kill = time.monotonic()
        settle(sink, seconds=seconds, database=database if beat else "")
        return sink, processes, time.monotonic() - last_kill
    finally:
        for process in processes:
            process.kill()
        controller.stop()


def prove() -> Iterator[Figure]:
    """Yield how many were lost, how many came twice, and how long the queue took to empty."""
    with tempfile.TemporaryDirectory() as folder, fresh_database(DATABASE) as database:
        run_in_portal(database, "tests.prove.promise", str(MAILS))
        sink, _processes, drained = run(Path(folder), app="portal.celery", beat=True, database=database, seconds=150)
        sent = marked_sent(database)
        forgetful, _others, _time = run(
            Path(folder), app="tests.prove.forgetful", beat=False, database=database, seconds=20
        )
    lost = MAILS - sink.received()
    forgotten = MAILS - forgetful.received()
    copies = max(sink.copies.values(), default=0)
    control = f"plain tasks lost {forgotten} of {MAILS}" + ("" if forgotten else " (it should lose some)")
    yield Figure(name="mails lost", value=lost, goal="0", held=lost == 0 and forgotten > 0, control=control)
    yield Figure(name="mails marked sent", value=sent, goal=str(MAILS), held=sent == MAILS)
    yield Figure(name="most copies of one mail", value=copies, goal="≤ 2", held=0 < copies <= 2)
    yield Figure(name="all sent after the last kill", value=drained, unit="s", goal="≤ 120", held=drained <= 120)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    for figure in prove():
        print(figure.line())

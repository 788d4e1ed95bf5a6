"""E5: PostgreSQL is stopped at once (``pg_ctl -m immediate``) and started again five times during 20,000 attempts.

On a PostgreSQL of its own, durable as in production. Whoever gets no clear answer asks again with the same form, as a
person does who presses the button once more; so a commit whose answer was lost is found, not made twice.
"""

import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from launcher.children import Children
from launcher.servers import ADMINISTRATOR, EVERY_POSTGRES, Postgres, Programs
from launcher.state import passing_state
from tests.prove.crowd import Answer, Attempt, each, enrolling, send, shuffled
from tests.prove.figures import Figure
from tests.prove.fought_over import World, world

RESTARTS = 5
PATIENCE = 60  # seconds until somebody gives up


class Fallible:
    """A PostgreSQL that falls when it is told to."""

    def __init__(self, postgres: Postgres) -> None:
        self.postgres = postgres
        self.command = [
            *(str(postgres.programs / "postgres"), "-D", str(postgres.data), "-k", str(postgres.sockets)),
            *(word for name, value in EVERY_POSTGRES.items() for word in ("-c", f"{name}={value}")),
        ]
        self.start()

    def start(self) -> None:
        """Start it and wait until it answers; after a fall it mends itself first."""
        account = self.postgres.state.account
        log = (self.postgres.state.logs / "fallible.log").open("ab")
        self.process: subprocess.Popen[Any] = subprocess.Popen(
            self.command, cwd="/", stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            user=account.uid if account else None, group=account.gid if account else None,
            extra_groups=[] if account else None, env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        )  # fmt: skip
        log.close()
        until = time.monotonic() + 60
        while self.postgres.ask("SELECT 1") != "1":
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError("PostgreSQL did not come back")
            time.sleep(0.05)

    def fall(self) -> None:
        """What ``pg_ctl -m immediate stop`` does: every process ends where it stands, nothing is written to the end."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)


@contextmanager
def fallible() -> Iterator[Fallible]:
    """Yield a server of its own, to which DATABASE_URL leads meanwhile."""
    state = passing_state(f"prove-fallible{secrets.token_hex(2)}")
    before = os.environ["DATABASE_URL"]
    try:
        postgres = Postgres(state, Programs(state), state.sockets())
        with Children(register=state.children, logs=state.logs) as family:
            postgres.start(family)  # which makes its cluster
        server = Fallible(postgres)
        try:
            os.environ["DATABASE_URL"] = f"postgresql://{ADMINISTRATOR}@/postgres?host={postgres.sockets}"
            yield server
        finally:
            os.environ["DATABASE_URL"] = before
            server.fall()
    finally:
        state.clear_away()


@dataclass
class Persistent:
    """People who press the button again until they get a clear answer."""

    address: str
    done: int = 0
    asked_again: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def enrol(self, attempt: Attempt) -> tuple[Answer, int]:
        """Send the same form until there is a receipt; return the last answer, and how often it was sent."""
        until, tries = time.monotonic() + PATIENCE, 0
        while True:
            answer, tries = send(self.address, attempt), tries + 1
            if answer.receipt is not None or time.monotonic() > until:
                with self.lock:
                    self.done += 1
                    self.asked_again += tries > 1
                return answer, tries
            time.sleep(0.2)


def restarts(_world: World) -> Iterator[Figure]:
    """Yield what is lost and what is there twice after five falls."""
    with fallible() as server, world("prove_restarts") as ours:
        sessions = ours.sessions(200, 60)
        forms = [
            (session, *one)
            for number, one in enumerate(ours.classes)
            for session in (sessions[number % 100], sessions[100 + number % 100])
        ]
        attempts = shuffled(enrolling(*form) for form in forms)
        with ours.served() as address:
            people = Persistent(address)
            stopper = threading.Thread(target=falls, args=(server, people, len(attempts)), daemon=True)
            stopper.start()
            answers = each(attempts, people.enrol, at_once=64)
            stopper.join(timeout=120)
        yield from nothing_lost(ours, answers, people)


def falls(server: Fallible, people: Persistent, attempts: int) -> None:
    """Let the server fall five times, each when another sixth of the attempts is done."""
    for number in range(1, RESTARTS + 1):
        while people.done < attempts * number // (RESTARTS + 1):
            time.sleep(0.02)
        server.fall()
        server.start()


def nothing_lost(world: World, answers: list[tuple[Answer, int]], people: Persistent) -> Iterator[Figure]:
    """Yield what the table says about the receipts."""
    rows = {UUID(str(row[0])): row for row in world.rows("SELECT id, created_at FROM offers_enrolment")}
    lost = sum(answer.receipt not in rows for answer, _ in answers)
    ambiguous = 0
    for answer, tries in answers:
        made = rows.get(answer.receipt) if answer.receipt else None
        if tries > 1 and made is not None and isinstance(made[1], datetime):
            ambiguous += made[1].timestamp() < answer.sent_at
    yield Figure(
        name=f"E5 acknowledged enrolments lost in {len(answers)} attempts and {RESTARTS} restarts",
        value=lost,
        goal="0",
        held=lost == 0 and people.asked_again > 0,
        control=f"{people.asked_again} asked again; {ambiguous} of them were enrolled already and got that receipt",
    )
    extra = len(rows) - len(answers)
    yield Figure(name="E5 rows nobody has a receipt for", value=extra, goal="0", held=extra == 0)
    yield Figure(name="E5 classes enrolled twice", value=world.duplicates(), goal="0", held=not world.duplicates())
    yield Figure(
        name="E5 sessions whose counter is wrong", value=world.miscounted(), goal="0", held=not world.miscounted()
    )
    mails, about = world.promised("enrolment_confirmed")
    confirmed = world.ask("SELECT count(*) FROM offers_enrolment WHERE status = 'confirmed'")
    yield Figure(
        name="E5 confirmation mails promised for each confirmed enrolment",
        value=mails / max(confirmed, 1),
        goal="1",
        held=mails == about == confirmed,
    )

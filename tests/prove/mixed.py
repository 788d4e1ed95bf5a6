"""E4: everything at once for ten minutes: enrol, cancel, change numbers, take and leave places, raise and lower.

28 teachers over HTTP, and four at the desk and in the job, who call the use-cases in a process of their own. The job's
clock is four days ahead, so that what was offered runs out within the run. Afterwards plain SQL looks whether all of it
adds up; the control is one session whose counter is moved by hand.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from tests.prove.crowd import Answer, Attempt, enrolling, send
from tests.prove.figures import Figure
from tests.prove.fought_over import World, copy_of
from tests.prove.ground import ROOT, address_of, environment

TEACHERS, SESSIONS, PLACES = 28, 20, 60
SECONDS = int(os.environ.get("PROVE_ENROLMENT_SECONDS", "600"))


@dataclass
class Teacher:
    """Somebody who changes their mind all the time."""

    address: str
    sessions: list[str]
    classes: list[tuple[str, str]]
    dice: random.Random
    mine: dict[UUID, str] = field(default_factory=dict)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def go_on(self, until: float) -> None:
        """Do one thing after the other until the time is over."""
        while time.monotonic() < until:
            what = self.dice.choices(["enrol", "cancel", "numbers", "yes", "no"], [5, 3, 4, 5, 2])[0]
            if what == "enrol" or not self.mine:
                self.enrol()
            else:
                self.change(what)

    def enrol(self) -> None:
        """Enrol any class in any session."""
        school_class, who = self.dice.choice(self.classes)
        attempt = enrolling(self.dice.choice(self.sessions), school_class, who)
        attempt.fields["pupils"] = str(self.dice.randint(8, 30))
        answer = self.send("enrol", attempt)
        if answer.receipt is not None:
            self.mine[answer.receipt] = who

    def change(self, what: str) -> None:
        """Do something with an enrolment of one's own."""
        pk = self.dice.choice(list(self.mine))
        page, fields = {
            "cancel": ("afmeld", {}),
            "numbers": ("aendr", {"pupils": str(self.dice.randint(8, 30)), "adults": "2"}),
            "yes": ("plads", {"answer": "yes"}),
            "no": ("plads", {"answer": "no"}),
        }[what]
        self.send(what, Attempt(path=f"/tilmeldinger/{pk}/{page}/", session_key=self.mine[pk], fields=fields))
        if what in {"cancel", "no"}:
            del self.mine[pk]

    def send(self, what: str, attempt: Attempt) -> Answer:
        """Send it, and remember what kind of answer came."""
        answer = send(self.address, attempt)
        self.answers[what, answer.status] += 1
        return answer


def mixed(world: World) -> Iterator[Figure]:
    """Yield whether everything adds up after ten minutes of everything."""
    with copy_of(world, "e4") as ours:
        sessions = ours.sessions(SESSIONS, PLACES, "line", "pupils")
        share = len(ours.classes) // TEACHERS
        before = deadlocks(ours)
        with ours.served() as address, ThreadPoolExecutor(max_workers=TEACHERS) as room:
            teachers = [
                Teacher(address, sessions, ours.classes[number * share : (number + 1) * share], random.Random(number))
                for number in range(TEACHERS)
            ]
            began = time.monotonic()
            desk = subprocess.Popen(
                [sys.executable, "-m", "tests.prove.mixed_desk", str(SECONDS)],
                cwd=ROOT,
                env=environment(ours.database),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            done = [room.submit(teacher.go_on, began + SECONDS) for teacher in teachers]
            said, _ = desk.communicate(json.dumps(sessions), timeout=SECONDS + 120)
            for one in done:
                one.result()
            lasted = time.monotonic() - began
        at_desk = json.loads(said) if desk.returncode == 0 else {"errors": 1}
        answers: Counter[tuple[str, int]] = sum((teacher.answers for teacher in teachers), Counter())
        yield from added_up(ours, answers, at_desk, lasted, deadlocks(ours) - before)


def added_up(
    world: World, answers: Counter[tuple[str, int]], at_desk: dict[str, int], lasted: float, locked: int
) -> Iterator[Figure]:
    """Yield what plain SQL finds, with a session whose counter was moved by hand as the control."""
    miscounted, below, waits = world.miscounted(), world.below_taken(), world.fits_and_waits()
    held = world.ask("SELECT count(*) FROM offers_enrolment WHERE status IN ('pending', 'confirmed', 'offered')")
    left = {str(row[0]): row[1] for row in world.rows("SELECT status, count(*) FROM offers_enrolment GROUP BY 1")}
    print(f"   {lasted:.0f} s: {dict(sorted(answers.items()))}, at the desk {at_desk}, left {left}")
    with psycopg.connect(address_of(world.database)) as connection:
        connection.execute(
            "UPDATE offers_session SET places_taken = places_taken - 1, places = places + 60 WHERE id ="
            " (SELECT session_id FROM offers_enrolment WHERE status = 'waitlisted' LIMIT 1)"
        )
    noticed = f"one moved by hand: {world.miscounted()} miscounted, {world.fits_and_waits()} that fit and wait"
    yield Figure(
        name=f"E4 sessions whose counter is wrong after {answers.total()} requests in {lasted:.0f} s ({held} hold)",
        value=miscounted,
        goal="0",
        held=miscounted == 0 < world.miscounted() and held > 0,
        control=noticed,
    )
    yield Figure(name="E4 sessions with fewer places than are taken", value=below, goal="0", held=below == 0)
    yield Figure(
        name="E4 sessions where somebody who fits still waits",
        value=waits,
        goal="0",
        held=waits == 0 < world.fits_and_waits(),
    )
    yield Figure(name="E4 deadlocks", value=locked, goal="0", held=locked == 0)
    later = at_desk.get("later", 0) + sum(count for (_, status), count in answers.items() if status == 503)
    yield Figure(
        name="E4 answers to try again, for who waited three seconds for a session's row",
        value=later,
        goal="≤ 1 %",
        held=later <= answers.total() / 100,
    )
    wrong = sum(count for (_, status), count in answers.items() if not 200 <= status < 500 and status != 503)
    errors = at_desk.get("errors", 0) + wrong
    if errors:
        print(world.last_words())
    yield Figure(name="E4 errors and silence", value=errors, goal="0", held=errors == 0)


def deadlocks(world: World) -> int:
    """Return how many deadlocks PostgreSQL has resolved in the database."""
    return world.ask("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")

"""Enrolments per second beside *booking in three statements*, and 64 bookers for the last 10 places, 50 rounds.

The limit is the least that is correct: lock, insert, count, in one transaction, with nothing around it (``limits.py``).
Both are measured in turns, on the same database and the same server, so that only their ratio is a figure.
"""

import itertools
import os
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg

from tests.prove.attempts import UNLOCKED
from tests.prove.crowd import Answer, Attempt, crowd, dealt, enrolling
from tests.prove.figures import Figure
from tests.prove.fought_over import World, copy_of
from tests.prove.ground import address_of

TURNS = 4
BOOKERS, PLACES, ROUNDS = 64, 10, int(os.environ.get("PROVE_ENROLMENT_ROUNDS", "50"))
SERVERS = {"2 × 16 threads": (2, 16, 32), "2 processes": (2, 0, 8)}  # workers, threads, how many at once
FLOOR, GOAL = 0.2, 0.3
# What *booking in three statements* books.
BOOKABLE = """
CREATE TABLE limit_session (id uuid PRIMARY KEY, places int NOT NULL, taken int NOT NULL DEFAULT 0,
                            CHECK (taken <= places));
CREATE TABLE limit_booking (id uuid PRIMARY KEY, session_id uuid NOT NULL REFERENCES limit_session);
"""


def speed(world: World) -> Iterator[Figure]:
    """Enrolments per second on one hot session and on 100, with threads and with processes."""
    with copy_of(world, "speed") as ours:
        limits = [uuid4() for _ in range(100)]
        with psycopg.connect(address_of(ours.database)) as connection, connection.cursor() as cursor:
            cursor.execute(BOOKABLE)
            cursor.executemany("INSERT INTO limit_session (id, places) VALUES (%s, 1000000)", [(pk,) for pk in limits])
        for kind, (workers, threads, at_once) in SERVERS.items():
            sessions = ours.sessions(101, 20000)
            with ours.served(workers=workers, threads=threads, DJANGO_SETTINGS_MODULE="tests.prove.settings") as where:
                crowd(where, [enrolling(sessions[100], *one) for one in ours.classes[-200:]], at_once=at_once)
                for rows, name in ((1, "one hot session"), (100, "100 sessions")):
                    enrolments, bookings, answers = measured(where, ours, sessions[:rows], limits[:rows], at_once)
                    ratio = enrolments / bookings
                    yield Figure(
                        name=f"enrolments a second, {name}, {kind}: {enrolments:.0f}, of {bookings:.0f} bookings in "
                        "three statements",
                        value=ratio,
                        goal=f"≥ {FLOOR} (wished for: {GOAL})",
                        held=ratio >= FLOOR and all(answer.receipt for answer in answers),
                    )
                    sessions = sessions[1:]
                if threads:
                    yield from statements(where, ours, sessions[-1], limits[0])


def measured(
    where: str, world: World, sessions: list[str], limits: list[UUID], at_once: int
) -> tuple[float, float, list[Answer]]:
    """Return enrolments and bookings per second, measured in turns, and what came of the enrolments."""
    each_turn = min(400, len(world.classes) // TURNS)
    forms = dealt(world.classes[: each_turn * TURNS], sessions)
    ours, limit, answers = 0.0, 0.0, list[Answer]()
    for turn in range(TURNS):
        bookings = [
            Attempt(path=f"/limit/book/{pk}/", session_key="")
            for pk in itertools.islice(itertools.cycle(limits), each_turn * 4)
        ]
        began = time.perf_counter()
        booked = crowd(where, bookings, at_once=at_once)
        limit += time.perf_counter() - began
        if {answer.status for answer in booked} != {201}:
            raise RuntimeError("the limit view did not book")
        attempts = [enrolling(*one) for one in forms[turn * each_turn : (turn + 1) * each_turn]]
        began = time.perf_counter()
        answers += crowd(where, attempts, at_once=at_once)
        ours += time.perf_counter() - began
    return len(answers) / ours, TURNS * each_turn * 4 / limit, answers


def statements(where: str, world: World, session: str, limit: UUID) -> Iterator[Figure]:
    """How many statements one enrolment takes, from the first middleware to the last; the limit takes three."""
    (booked,) = crowd(where, [Attempt(path=f"/limit/book/{limit}/", session_key="")], at_once=1)
    answers = crowd(where, [enrolling(session, *one) for one in world.classes[:3]], at_once=1)
    found = {int(answer.header("X-Queries")) for answer in answers}
    yield Figure(
        name="SQL statements of one enrolment, session and person included",
        value=max(found),
        goal="≤ 14 (wished for: 10)",
        held=max(found) <= 14,
        control=f"booking in three statements takes {booked.header('X-Queries')}",
    )


def bookers(world: World) -> Iterator[Figure]:
    """64 bookers for the last 10 places, 50 rounds, against threads and against processes: always 10."""
    with copy_of(world, "bookers") as ours, copy_of(world, "bookers_careless") as careless:
        careless.careless()
        with careless.served(module=UNLOCKED) as address:
            race(address, careless, min(ROUNDS, 10))
        sold = careless.ask("SELECT max(held) FROM (SELECT sum(places) AS held FROM offers_enrolment"
                            " WHERE status = 'confirmed' GROUP BY session_id) counted")  # fmt: skip
        for kind, (workers, threads) in {"2 × 16 threads": (2, 16), "8 processes": (8, 0)}.items():
            with ours.served(workers=workers, threads=threads) as address:
                sessions, answers = race(address, ours, ROUNDS)
            rounds = ours.rows(
                "SELECT count(*) FILTER (WHERE status = 'confirmed'), count(*) FILTER (WHERE status = 'waitlisted')"
                f" FROM offers_enrolment WHERE session_id::text = ANY('{{{','.join(sessions)}}}') GROUP BY session_id"
            )
            right = sum(one == (PLACES, BOOKERS - PLACES) for one in rounds)
            yield Figure(
                name=f"rounds in which {BOOKERS} bookers got {PLACES} places and the others a place in line, {kind}",
                value=right,
                goal=str(ROUNDS),
                held=right == ROUNDS == len(rounds) and sold > PLACES,
                control=f"without the lock up to {sold} were sold",
            )
            silent = sum(answer.receipt is None for answer in answers)
            yield Figure(name=f"answers that were no receipt, {kind}", value=silent, goal="0", held=silent == 0)


def race(address: str, world: World, rounds: int) -> tuple[list[str], list[Answer]]:
    """Let 64 classes press at once for each of the sessions; return the sessions and the answers."""
    sessions, answers = world.sessions(rounds, PLACES), list[Answer]()
    for number, session in enumerate(sessions):
        first = number * BOOKERS % (len(world.classes) - BOOKERS)
        answers += crowd(address, [enrolling(session, *one) for one in world.classes[first : first + BOOKERS]])
    return sessions, answers

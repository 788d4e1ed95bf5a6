"""What the proofs of enrolment share: a world with 10,000 classes, copied for each of them, and questions in plain SQL.

The questions do not go through the portal: what it counts wrongly it would also read wrongly.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.prove.ground import address_of, copied, fresh_database, run_in_portal, web_server

WORLD = "prove_enrolment"
HOLDING = "('pending', 'confirmed', 'offered', 'completed', 'no_show')"
ACTIVE = "('pending', 'confirmed', 'offered', 'completed', 'no_show', 'waitlisted', 'in_draw')"
HELD = f"""
    SELECT s.id, s.places, s.places_taken, coalesce(sum(e.places) FILTER (WHERE e.status IN {HOLDING}), 0) AS held
    FROM offers_session s LEFT JOIN offers_enrolment e ON e.session_id = s.id GROUP BY s.id
"""
# Taken away in a copy, to see what then happens.
CONSTRAINTS = (
    "ALTER TABLE offers_session DROP CONSTRAINT session_is_never_overbooked",
    "DROP INDEX class_is_enrolled_once_in_a_session",
)


@dataclass(frozen=True, kw_only=True)
class World:
    """A database with classes, and of each class the session key of a teacher who may enrol it."""

    database: str
    classes: list[tuple[str, str]]
    folder: Path

    def sessions(self, count: int, places: int, *words: str) -> list[str]:
        """Make so many contested sessions."""
        made = run_in_portal(self.database, "tests.prove.contested", "sessions", str(count), str(places), *words)
        return list(json.loads(made))

    def ask(self, sql: str) -> int:
        """Return the number that a question has for an answer."""
        with psycopg.connect(address_of(self.database)) as connection:
            row = connection.execute(sql).fetchone()
            return int(row[0]) if row and row[0] is not None else 0

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Return the rows that a question has for an answer."""
        with psycopg.connect(address_of(self.database)) as connection:
            return list(connection.execute(sql).fetchall())

    def careless(self) -> None:
        """Take away the constraints that keep places and classes."""
        token = self.rows(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'offers_enrolment'::regclass AND contype = 'u'"
            " AND conname LIKE '%form_token%'"
        )
        drops = [f'ALTER TABLE offers_enrolment DROP CONSTRAINT "{name}"' for (name,) in token]
        with psycopg.connect(address_of(self.database)) as connection:
            for statement in [*CONSTRAINTS, *drops]:
                connection.execute(statement)

    @contextmanager
    def served(self, *, workers: int = 2, threads: int = 16, **more: str) -> Iterator[str]:
        """Run the portal on the database and yield its address."""
        log = self.folder / f"{self.database}.log"
        with web_server(self.database, log, workers=workers, threads=threads, **more) as address:
            yield address

    def last_words(self) -> str:
        """Return the end of what the web server wrote, for whoever wonders about an error."""
        log = self.folder / f"{self.database}.log"
        return log.read_text(errors="replace")[-3000:] if log.exists() else ""

    def oversold(self) -> int:
        """How many places were sold that are not there."""
        return self.ask(f"SELECT sum(greatest(held - places, 0)) FROM ({HELD}) counted")

    def unsold(self) -> int:
        """How many places nobody has."""
        return self.ask(f"SELECT sum(greatest(places - held, 0)) FROM ({HELD}) counted")

    def miscounted(self) -> int:
        """In how many sessions the counter says something else than the enrolments."""
        return self.ask(f"SELECT count(*) FROM ({HELD}) counted WHERE held <> places_taken")

    def below_taken(self) -> int:
        """In how many sessions there are fewer places than are taken."""
        return self.ask(f"SELECT count(*) FROM ({HELD}) counted WHERE places < held")

    def duplicates(self) -> int:
        """How many rows there are for classes that stand in the session already."""
        return self.ask(
            f'SELECT count(*) - count(DISTINCT (session_id, school_class_id, "group")) FROM offers_enrolment'
            f" WHERE status IN {ACTIVE}"
        )

    def fits_and_waits(self) -> int:
        """How many sessions have room for the first in line."""
        return self.ask(
            f"""
            SELECT count(*) FROM ({HELD}) counted
            JOIN LATERAL (
                SELECT places AS need FROM offers_enrolment WHERE session_id = counted.id AND status = 'waitlisted'
                ORDER BY waiting_since, created_at, id LIMIT 1
            ) first ON true
            WHERE first.need <= counted.places - counted.held
            """
        )

    def promised(self, occasion: str) -> tuple[int, int]:
        """How many mails of an occasion are promised, and about how many enrolments."""
        ((mails, enrolments),) = self.rows(
            f"SELECT count(*), count(DISTINCT reference_id) FROM portal_message WHERE occasion = '{occasion}'"
        )
        return int(str(mails)), int(str(enrolments))


@contextmanager
def world(name: str = WORLD) -> Iterator[World]:
    """Make the world once."""
    size = [word for word in os.environ.get("PROVE_ENROLMENT_WORLD", "").split(",") if word]
    with tempfile.TemporaryDirectory() as folder, fresh_database(name) as database:
        made = json.loads(run_in_portal(database, "tests.prove.contested", "world", *size))
        yield World(database=database, classes=[(one, who) for one, who in made], folder=Path(folder))


@contextmanager
def copy_of(original: World, name: str) -> Iterator[World]:
    """Copy the world, sessions and all."""
    with copied(original.database, f"{original.database}_{name}") as database:
        yield World(database=database, classes=original.classes, folder=original.folder)

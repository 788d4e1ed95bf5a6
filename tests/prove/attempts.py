"""Many want the same: E1 (10,000 attempts on 3,000 places), E2 (every form sent twice), E3 (one last place).

Every attempt is a class of its own with a teacher of its own school who has signed in, over HTTP, 64 at once, against
2 processes with 16 threads. The control is the portal without the lock, on a database without the constraints.
"""

from collections.abc import Iterator
from uuid import uuid4

from tests.prove.crowd import Answer, crowd, dealt, each, enrolling, percentile, send, shuffled
from tests.prove.figures import Figure
from tests.prove.fought_over import World, copy_of

UNLOCKED = "tests.prove.unlocked:application"
BLOCKS = 8  # in turns, so that neither of the two has the quieter machine


def receipts_lost(world: World, answers: list[Answer]) -> int:
    """Return how many receipts do not lead to exactly one row of that class in that session."""
    rows = {str(row[0]): (str(row[1]), str(row[2])) for row in world.rows(
        "SELECT id, session_id, school_class_id FROM offers_enrolment"
    )}  # fmt: skip
    lost = 0
    for answer in answers:
        if answer.receipt is not None:
            session = answer.attempt.path.split("/")[2]
            lost += rows.get(str(answer.receipt)) != (session, answer.attempt.fields["school_class"])
    return lost


def unclear(answers: list[Answer]) -> int:
    """Return how many answers were neither a receipt nor a page that says that the session is full."""
    return sum(answer.receipt is None and not answer.is_full for answer in answers)


def many_sessions(world: World) -> Iterator[Figure]:
    """E1: 10,000 attempts on 100 sessions of 30 places, half of them with a waiting list."""
    sessions = world.sessions(max(len(world.classes) // 100, 1), 30, "half")
    attempts = shuffled(enrolling(*one) for one in dealt(world.classes, sessions))
    size = -(-len(attempts) // BLOCKS)
    blocks = [attempts[start : start + size] for start in range(0, len(attempts), size)]
    with copy_of(world, "e1") as ours, copy_of(world, "e1_careless") as careless:
        careless.careless()
        locked: list[Answer] = []
        unlocked: list[Answer] = []
        with ours.served() as address, careless.served(module=UNLOCKED) as careless_address:
            for number, block in enumerate(blocks):
                both = [(address, locked), (careless_address, unlocked)]
                for where, found in both if number % 4 in {0, 3} else reversed(both):
                    found.extend(crowd(where, block))
        wanted = len(attempts) // len(sessions) >= 30
        control = f"without lock and constraint {careless.oversold()} oversold"
        yield Figure(
            name=f"E1 places sold twice in {len(attempts)} attempts",
            value=ours.oversold(),
            goal="0",
            held=ours.oversold() == 0 < careless.oversold(),
            control=control,
        )
        unsold = ours.unsold() if wanted else 0
        yield Figure(name="E1 places unsold while wanted", value=unsold, goal="0", held=unsold == 0)
        lost = receipts_lost(ours, locked)
        kept = sum(answer.receipt is not None for answer in locked)
        yield Figure(
            name=f"E1 receipts without exactly one row (of {kept})",
            value=lost,
            goal="0",
            held=lost == 0 and kept == ours.ask("SELECT count(*) FROM offers_enrolment"),
        )
        yield Figure(name="E1 classes enrolled twice", value=ours.duplicates(), goal="0", held=not ours.duplicates())
        yield Figure(name="E1 unclear answers", value=unclear(locked), goal="0", held=not unclear(locked))
        p95, limit = percentile(locked, 0.95), percentile(unlocked, 0.95)
        yield Figure(
            name=f"E1 p95 beside the unlocked variant ({p95:.0f} ms to {limit:.0f} ms)",
            value=p95 / limit,
            goal="≤ 1.2",
            held=p95 <= 1.2 * limit,
        )


def twice(world: World) -> Iterator[Figure]:
    """E2: every form is sent twice: at once, from two tabs, or again after the answer."""
    sessions = world.sessions(100, 1000)
    forms = shuffled(dealt(world.classes, sessions))
    with copy_of(world, "e2") as ours, copy_of(world, "e2_careless") as careless:
        careless.careless()
        with ours.served() as address:
            pairs = each(enumerate(forms), lambda one: twins(address, *one), at_once=32)
        with careless.served(module=UNLOCKED) as address:
            each(enumerate(forms[: len(forms) // 5]), lambda one: twins(address, *one), at_once=32)
        rows = ours.ask("SELECT count(*) FROM offers_enrolment")
        duplicates = careless.duplicates()
        yield Figure(
            name=f"E2 rows too many after {2 * len(pairs)} requests for {len(pairs)} enrolments",
            value=rows - len(pairs),
            goal="0",
            held=rows == len(pairs) and duplicates > 0,
            control=f"without lock, token and index {duplicates} duplicates in {len(forms) // 5}",
        )
        other = sum(first.receipt is None or first.receipt != second.receipt for first, second in pairs)
        yield Figure(name="E2 second answers that are not the same receipt", value=other, goal="0", held=other == 0)
        mails, about = ours.promised("enrolment_confirmed")
        yield Figure(
            name="E2 confirmation mails promised for each enrolment",
            value=mails / max(rows, 1),
            goal="1",
            held=mails == about == rows,
        )


def twins(address: str, number: int, form: tuple[str, str, str]) -> tuple[Answer, Answer]:
    """Send a form twice: double-clicked, from two tabs, or once more after the answer had come."""
    token = uuid4()
    first = enrolling(*form, token=token)
    second = first if number % 4 != 1 else enrolling(*form, token=uuid4())
    if number % 4 == 2:
        return send(address, first), send(address, second)
    one, other = each([first, second], lambda attempt: send(address, attempt), at_once=2)
    return one, other


def one_place(world: World) -> Iterator[Figure]:
    """E3: 10,000 classes after one place, in a session without a waiting list."""
    with copy_of(world, "e3") as ours:
        (session,) = ours.sessions(1, 1, "none")
        attempts = shuffled(enrolling(session, school_class, who) for school_class, who in ours.classes)
        with ours.served() as address:
            answers = crowd(address, attempts)
        won = sum(answer.receipt is not None for answer in answers)
        rows = ours.ask("SELECT count(*) FROM offers_enrolment")
        yield Figure(
            name=f"E3 receipts of {len(attempts)} attempts on one last place",
            value=won,
            goal="1",
            held=won == rows == 1,
        )
        full = sum(answer.is_full for answer in answers)
        yield Figure(
            name="E3 answers that say that it is full", value=full, goal=f"{len(attempts) - 1}",
            held=full == len(attempts) - 1,
        )  # fmt: skip
        errors = sum(answer.status >= 500 or not answer.status for answer in answers)
        if errors:
            print(ours.last_words())
        yield Figure(name="E3 errors and silence", value=errors, goal="0", held=errors == 0)
        p99 = percentile(answers, 0.99)
        yield Figure(name="E3 p99", value=p99, unit="ms", goal="< 1000", held=p99 < 1000)

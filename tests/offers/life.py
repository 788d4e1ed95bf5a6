"""The whole life of a session, played by a machine beside a model in plain Python.

The model was written by hand from the rules of enrolment and knows nothing of the portal: who holds how many places,
who stands in line, who is asked, what may still be done. After each step the session in the database must look like the
model's, and the promises of the life cycle must hold. Each life happens in a transaction that is rolled back; that
use-cases commit, and commit alone, is tested elsewhere (``test_enrolment_race``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from offers.domain import enrolment as enrolling
from offers.domain import moving, planning, rules, waiting_list
from offers.models import Enrolment, Session
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Message
from tests import factories
from tests.conftest import TODAY

DESK = Actor.job("desk")
HOLDING = {"pending", "confirmed", "offered"}
OPEN = HOLDING | {"waitlisted"}
STARTS_AT = datetime(2026, 9, 29, 9, 0, tzinfo=COPENHAGEN)
LAST_START = datetime(2026, 10, 9, tzinfo=COPENHAGEN)  # the week after has no school
__all__ = ["LifeOfASession"]


def weekday_at_four(after: datetime, days: int) -> datetime:
    """Return 16.00 on the so-many-eth weekday after a day; what happens at a weekend counts as happening on Monday.

    There is no holiday in the month of these lives.
    """
    day = after.astimezone(COPENHAGEN).date()
    while day.weekday() >= 5:
        day += timedelta(days=1)
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < 5
    return datetime.combine(day, time(16), tzinfo=COPENHAGEN)


@dataclass
class Entry:
    """What the model knows of an enrolment."""

    name: int
    key: tuple[int, int]
    pupils: int
    status: str
    answer_by: datetime | None = None


@dataclass
class Model:
    """What a session is by the rules: places, who holds them, and who waits in which order."""

    places: int
    counts_classes: bool
    by_request: bool
    now: datetime = TODAY
    starts_at: datetime = STARTS_AT
    cancelled: bool = False
    entries: list[Entry] = field(default_factory=list)
    line: list[Entry] = field(default_factory=list)
    confirmations: int = 0
    coordinators_told: set[int] = field(default_factory=set)

    @property
    def closes_at(self) -> datetime:
        return datetime.combine(
            self.starts_at.astimezone(COPENHAGEN).date() - timedelta(days=7), time(12), tzinfo=COPENHAGEN
        )

    def need(self, pupils: int) -> int:
        return 1 if self.counts_classes else pupils

    @property
    def held(self) -> int:
        return sum(self.need(one.pupils) for one in self.entries if one.status in HOLDING)

    @property
    def free(self) -> int:
        return self.places - self.held

    @property
    def begun(self) -> bool:
        return self.now >= self.starts_at

    def confirm(self, entry: Entry) -> None:
        entry.status, entry.answer_by = "confirmed", None
        self.confirmations += 1

    def end(self, entry: Entry, status: str) -> None:
        entry.status, entry.answer_by = status, None
        if entry in self.line:
            self.line.remove(entry)
        self.pass_on()

    def deadline(self) -> datetime | None:
        """Two school days, at the latest four hours before closing; None when that is past.

        After four o'clock it is offered tomorrow. Four hours before noon is eight o'clock, when school begins; where
        that is at a weekend, the last moment is Friday at four.
        """
        evening = self.now.astimezone(COPENHAGEN).hour >= 16
        latest = self.closes_at - timedelta(hours=4)
        if latest.weekday() >= 5:
            latest = datetime.combine(latest.date() - timedelta(days=latest.weekday() - 4), time(16), tzinfo=COPENHAGEN)
        last = min(weekday_at_four(self.now + timedelta(days=evening), 2), latest)
        return last if last > self.now else None

    def pass_on(self) -> None:
        """Offer what is free to the first in line, as far as each fits completely."""
        while not self.cancelled and not self.begun and self.line and self.need(self.line[0].pupils) <= self.free:
            answer_by = self.deadline()
            if answer_by is None:
                self.coordinators_told.add(self.line[0].name)
                return
            first = self.line.pop(0)
            first.status, first.answer_by = "offered", answer_by

    # What each step does; a sentence of a code where the rules refuse it.

    def enrol(self, name: int, key: tuple[int, int], pupils: int) -> str | Entry:
        if self.cancelled:
            return "cancelled"
        if self.begun:
            return "begun"
        if self.now >= self.closes_at:
            return "closed"
        if self.need(pupils) > self.places:
            return "too-many"
        entry = Entry(name, key, pupils, "waitlisted")
        self.entries.append(entry)
        if self.need(pupils) > self.places - self.held or self.line:
            self.line.append(entry)
        elif self.by_request:
            entry.status = "pending"
            entry.answer_by = min(weekday_at_four(self.now, 5), self.starts_at)
        else:
            self.confirm(entry)
        return entry

    def cancel(self, entry: Entry) -> str | None:
        if entry.status not in OPEN:
            return None
        if self.begun:
            return "begun"
        self.end(entry, "cancelled_by_school")
        return None

    def change(self, entry: Entry, pupils: int) -> str | None:
        if entry.status not in OPEN:
            return "ended"
        if self.now >= self.closes_at:
            return "closed"
        if self.need(pupils) > self.places:
            return "too-many"
        if entry.status in HOLDING and self.need(pupils) - self.need(entry.pupils) > self.free:
            return "no-room"
        changed = pupils != entry.pupils
        entry.pupils = pupils
        if changed:
            self.pass_on()
        return None

    def answer(self, entry: Entry, *, accept: bool) -> str | None:
        if entry.status == ("confirmed" if accept else "declined"):
            return None
        if entry.status != "pending":
            return "answered"
        if self.begun:
            return "begun"
        if accept:
            self.confirm(entry)
        else:
            self.end(entry, "declined")
        return None

    def take(self, entry: Entry) -> str | None:
        if entry.status == "confirmed":
            return None
        if refused := self.not_offered(entry):
            return refused
        self.confirm(entry)
        return None

    def leave(self, entry: Entry) -> str | None:
        if entry.status == "cancelled_by_school":
            return None
        if refused := self.not_offered(entry):
            return refused
        self.end(entry, "cancelled_by_school")
        return None

    def not_offered(self, entry: Entry) -> str | None:
        gone = entry.status == "offered" and entry.answer_by is not None and entry.answer_by <= self.now
        if gone or entry.status == "offer_expired":
            return "place-expired"
        return None if entry.status == "offered" else "not-offered"

    def run_out(self) -> None:
        """Requests first, then offers of places; each in the order of its deadline, as it stood when the job began."""
        for status, ended in (("pending", "request_expired"), ("offered", "offer_expired")):
            due = [one for one in self.entries if one.status == status and one.answer_by and one.answer_by <= self.now]
            for entry in due:
                self.end(entry, ended)

    def give_places(self, places: int) -> str | None:
        if self.cancelled:
            return "cancelled"
        if places < self.held:
            return "below-taken"
        if places != self.places:
            self.places = places
            self.pass_on()
        return None

    def move(self, days: int) -> str | None:
        if self.cancelled:
            return "cancelled"
        if self.begun:
            return "begun"
        for entry in self.entries:  # nobody answers after the session as it now stands
            if entry.status in OPEN and entry.answer_by is not None:
                entry.answer_by = min(entry.answer_by, self.starts_at + timedelta(days=days))
        self.starts_at += timedelta(days=days)
        self.pass_on()
        return None

    def call_off(self) -> str | None:
        if self.cancelled:
            return None
        if self.begun:
            return "begun"
        for entry in self.entries:
            if entry.status in OPEN:
                entry.status, entry.answer_by = "cancelled_by_municipality", None
        self.line, self.cancelled = [], True
        return None


class LifeOfASession(RuleBasedStateMachine):
    """Everything that may happen to a session, in any order."""

    enrolled = Bundle("enrolled")

    @initialize(
        target=enrolled,
        places=st.integers(20, 60),
        counted=st.sampled_from(["pupils", "classes"]),
        by_request=st.booleans(),
        sizes=st.lists(st.integers(8, 30), min_size=4, max_size=4),
    )
    def publish(self, places: int, counted: str, sizes: list[int], *, by_request: bool) -> Any:
        """A session of a course that counts pupils or classes, automatic or by request; four classes of two schools.

        All four have enrolled already: a life that begins with nothing is mostly over before something happens.
        """
        self.block = transaction.atomic()
        self.block._from_testcase = True  # type: ignore[attr-defined]
        self.block.__enter__()
        factories.MunicipalityFactory.create()
        factories.CoordinatorFactory.create(second_factor=False)
        offer = factories.OfferFactory.create(
            places_counted=counted, acceptance="manual" if by_request else "automatic"
        )
        places = places if counted == "pupils" else 1 + places % 3
        session = factories.SessionFactory.create(
            offer=offer, places=places, starts_at=STARTS_AT, closes_at=planning.closing_time(offer, STARTS_AT)
        )
        self.session_id = session.pk
        schools = [factories.SchoolFactory.create() for _ in range(2)]
        # Two classes of each school, called the same: 7.A and 7.B; and two teachers of each school.
        self.classes = [
            factories.SchoolClassFactory.create(school=school, letter=letter) for school in schools for letter in "AB"
        ]
        self.teachers = [
            [Actor.of_user(factories.MembershipFactory.create(school=school).user) for _ in range(2)]
            for school in schools
        ]
        self.pks: list[UUID] = []
        self.ended: dict[UUID, str] = {}
        self.model = Model(places=places, counts_classes=counted == "classes", by_request=by_request)
        found = [self.enrol_class(which, 1, pupils, 0) for which, pupils in enumerate(sizes)]
        return multiple(*(one for one in found if one is not None))

    def teardown(self) -> None:
        """Nothing of a life stays."""
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    # --- What may happen ---------------------------------------------------------------------------------------

    @rule(
        target=enrolled,
        which=st.integers(0, 3),
        group=st.integers(1, 2),
        pupils=st.integers(1, 32),
        colleague=st.integers(0, 1),
    )
    def enrol(self, which: int, group: int, pupils: int, colleague: int) -> Any:
        """A class is enrolled: again, as a second group, by another teacher. Who stands there already stays so."""
        entry = self.enrol_class(which, group, pupils, colleague)
        return multiple() if entry is None else entry

    def enrol_class(self, which: int, group: int, pupils: int, colleague: int) -> Entry | None:
        """Enrol in both; return the new entry, or None where it was refused or stood there already."""
        key = (which, group)
        earlier = next((one for one in self.model.entries if one.key == key and one.status in OPEN), None)
        expected = earlier or self.model.enrol(len(self.pks), key, pupils)
        request = rules.EnrolmentRequest(
            school_class=self.classes[which], pupils=pupils, adults=2, group=group, form_token=uuid4()
        )
        by = self.teachers[which // 2][colleague]
        found = self.attempt(
            lambda: enrolling.enrol_class(session_id=self.session_id, request=request, by=by, now=self.model.now)
        )
        if isinstance(expected, str):
            assert found == expected
            return None
        assert isinstance(found, Enrolment)
        if earlier is not None:
            assert found.pk == self.pks[earlier.name]
            return None
        self.pks.append(found.pk)
        return expected

    @rule(entry=enrolled, again=st.booleans())
    def cancel(self, entry: Entry, *, again: bool) -> None:
        """The school takes its class out; twice is once."""
        for _time in range(1 + again):
            self.both(self.model.cancel(entry), entry, enrolling.cancel_enrolment)

    @rule(entry=enrolled, pupils=st.integers(1, 32))
    def change(self, entry: Entry, pupils: int) -> None:
        """More come, or fewer."""
        expected = self.model.change(entry, pupils)
        self.both(expected, entry, enrolling.change_numbers, pupils=pupils, adults=2)

    @rule(entry=enrolled, accept=st.booleans())
    def answer(self, entry: Entry, *, accept: bool) -> None:
        """The coordinator answers a request."""
        expected = self.model.answer(entry, accept=accept)
        self.both(expected, entry, enrolling.answer_request, accept=accept, reason="" if accept else "Nej.", by=DESK)

    @rule(entry=enrolled)
    def take_place(self, entry: Entry) -> None:
        """The teacher says yes to an offered place."""
        self.both(self.model.take(entry), entry, waiting_list.accept_place)

    @rule(entry=enrolled)
    def leave_place(self, entry: Entry) -> None:
        """The teacher leaves an offered place to the next."""
        self.both(self.model.leave(entry), entry, waiting_list.decline_place)

    @rule(days=st.sampled_from([0, 0, 1, 1, 2, 5]), hours=st.integers(0, 12))
    def time_passes(self, days: int, hours: int) -> None:
        """The clock goes on, and the job ends what nobody answered."""
        self.model.now += timedelta(days=days, hours=hours)
        self.model.run_out()
        enrolling.expire_requests(self.model.now)
        waiting_list.expire_offered(self.model.now)

    @rule(places=st.integers(1, 80))
    def give_places(self, places: int) -> None:
        """The session gets more places, or fewer."""
        places = places if not self.model.counts_classes else 1 + places % 6
        expected = self.model.give_places(places)
        found = self.attempt(
            lambda: planning.change_places(session_id=self.session_id, places=places, by=DESK, now=self.model.now)
        )
        assert found == expected if expected else isinstance(found, Session)

    @rule(days=st.integers(-3, 4))
    def move(self, days: int) -> None:
        """The coordinator moves the session, and enrolment closes earlier or later with it."""
        if not days or not self.model.now < self.model.starts_at + timedelta(days=days) < LAST_START:
            return
        expected = self.model.move(days)
        session = Session.objects.get(pk=self.session_id)
        found = self.attempt(
            lambda: moving.move_session(
                session_id=self.session_id,
                starts=moving.shifted(session, days),
                even_if_closed=True,
                agreed=True,
                by=DESK,
                now=self.model.now,
            )
        )
        assert found == expected if expected else isinstance(found, Session)

    @rule(reason=st.just("Branden i værkstedet."), dice=st.integers(0, 9))
    def call_off(self, reason: str, dice: int) -> None:
        """The session is called off; seldom, because little happens afterwards."""
        if dice:
            return
        expected = self.model.call_off()
        found = self.attempt(
            lambda: planning.cancel_session(session_id=self.session_id, reason=reason, by=DESK, now=self.model.now)
        )
        assert found == expected if expected else isinstance(found, Session)

    # --- What must hold after every step -----------------------------------------------------------------------

    @invariant()
    def every_promise_holds(self) -> None:
        """Look once, and ask each question of what was seen."""
        self.session = Session.objects.get(pk=self.session_id)
        self.rows = {row.pk: row for row in Enrolment.objects.filter(session=self.session_id)}
        self.places_add_up()
        self.everybody_stands_where_the_model_says()
        self.a_class_stands_once_for_each_group()
        self.no_place_stays_empty_that_somebody_waits_for()
        self.what_has_ended_stays_ended()
        self.each_confirmation_is_told_once()

    def places_add_up(self) -> None:
        """Σ held = places taken ≤ places, by the counter, by the rows and by the model."""
        held = sum(row.places for row in self.rows.values() if row.status in HOLDING)
        assert held == self.session.places_taken == self.model.held
        assert held <= self.session.places == self.model.places

    def everybody_stands_where_the_model_says(self) -> None:
        """Status and numbers of each, and the order of the line."""
        rows = [self.rows[pk] for pk in self.pks]
        assert len(self.rows) == len(rows)
        found = [(row.status, row.pupils, row.answer_by) for row in rows]
        assert found == [(one.status, one.pupils, one.answer_by) for one in self.model.entries]
        line = sorted((row.waiting_since, row.pk) for row in rows if row.status == "waitlisted" and row.waiting_since)
        assert [pk for _, pk in line] == [self.pks[one.name] for one in self.model.line]

    def a_class_stands_once_for_each_group(self) -> None:
        """A class is at most once in a session, and once more as a second group."""
        standing = [(row.school_class_id, row.group) for row in self.rows.values() if row.status in OPEN]
        assert len(standing) == len(set(standing))

    def no_place_stays_empty_that_somebody_waits_for(self) -> None:
        """Every release ends in an offer, or nobody fits; where it is too late to ask, the coordinators are told."""
        first = min(
            (row for row in self.rows.values() if row.status == "waitlisted"),
            key=lambda row: row.waiting_since or row.created_at,
            default=None,
        )
        if first is not None and not self.model.begun and first.places <= self.session.places_left:
            assert self.model.deadline() is None, "somebody fits, and has not been asked"
        told = Message.objects.filter(occasion="coordinator_place_free", reference_id=self.session_id)
        assert told.count() == len(self.model.coordinators_told)

    def what_has_ended_stays_ended(self) -> None:
        """Nobody comes back from an end."""
        for pk, row in self.rows.items():
            assert self.ended.get(pk, row.status) == row.status
            if row.status not in OPEN:
                self.ended[pk] = row.status

    def each_confirmation_is_told_once(self) -> None:
        """As many entries into *confirmed* as mails that say so, and as lines in the log."""
        mails = Message.objects.filter(occasion="enrolment_confirmed", reference_id__in=self.pks).count()
        lines = AuditEntry.objects.filter(action="enrolment-confirmed", object_id__in=self.pks).count()
        assert mails == lines == self.model.confirmations

    # --- Common ------------------------------------------------------------------------------------------------

    def attempt(self, do: Callable[[], Any]) -> Any:
        """Return what came of it, or the code of the refusal."""
        try:
            return do()
        except Refusal as refusal:
            return refusal.code

    def both(self, expected: str | None, entry: Entry, use_case: Callable[..., Any], **facts: Any) -> None:
        """Do to the portal's enrolment what was done to the model's, and expect the same refusal or none."""
        facts = {"by": self.teachers[entry.key[0] // 2][0], **facts}
        rows = Enrolment.objects.select_related("teacher")
        if facts["by"] is not DESK:
            teacher = rows.get(pk=self.pks[entry.name]).teacher
            assert teacher is not None
            facts["by"] = Actor.of_user(teacher)
        found = self.attempt(lambda: use_case(enrolment_id=self.pks[entry.name], now=self.model.now, **facts))
        assert found == expected if expected else isinstance(found, Enrolment)

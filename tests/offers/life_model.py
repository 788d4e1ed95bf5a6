"""What a session is by the rules of enrolment, in plain Python: it knows nothing of the portal.

Written by hand from the life cycle: who holds how many places, who stands in line, who is asked what, what may still be
done, what is told to whom, and what stands in the ledger. ``tests/offers/life.py`` plays it beside the portal.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from hashlib import sha256
from typing import Any

from portal.domain.calendar import COPENHAGEN

HOLDING = {"pending", "confirmed", "offered", "completed", "no_show"}
ASKED = {"pending", "confirmed", "offered"}  # who must be asked before a session is moved
OPEN = ASKED | {"waitlisted", "in_draw"}
ACTIVE = OPEN | HOLDING
TOLD_ABOUT = {"confirmed", "completed", "no_show"}
CANCELLED = {"cancelled_by_school", "cancelled_by_municipality"}
UNDO_WITHIN, OBJECT_WITHIN = timedelta(minutes=15), timedelta(days=14)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

ENDED_BY_OTHERS = {"cancelled_by_host", "cancelled_by_municipality"}
# From which status an enrolment may come into which; what comes back from an end does so by an undo alone.
ALLOWED = {
    "in_draw": OPEN | CANCELLED | {"declined", "request_expired"},
    "waitlisted": {"offered", "confirmed", "declined"} | CANCELLED,
    "offered": {"confirmed", "pending", "offer_expired", "declined", "cancelled_by_school"} | ENDED_BY_OTHERS,
    "pending": {"confirmed", "declined", "request_expired", "cancelled_by_school"} | ENDED_BY_OTHERS,
    "confirmed": {"completed", "no_show", "cancelled_by_school"} | ENDED_BY_OTHERS,
    "completed": {"confirmed", "no_show"},
    "no_show": {"confirmed", "completed"},
}


def on_day(moment: datetime, hour: int, days: int = 0) -> datetime:
    """Return an hour on the wall clock on the day of a moment, or so many days later."""
    return datetime.combine(moment.astimezone(COPENHAGEN).date() + timedelta(days=days), time(hour), tzinfo=COPENHAGEN)


def school_day_after(moment: datetime, days: int, hour: int = 16) -> datetime:
    """Return an hour on the so-many-eth school day after a day; what happens on a free day counts on the next.

    School days are weekdays outside week 42; these lives are over before Christmas.
    """
    day = on_day(moment, hour)
    while not has_school(day):
        day = on_day(day, hour, 1)
    while days:
        day = on_day(day, hour, 1)
        days -= has_school(day)
    return day


def has_school(day: datetime) -> bool:
    return day.weekday() < 5 and day.isocalendar().week != 42


def school_day_before(moment: datetime, days: int) -> datetime:
    """Return 16.00 on the so-many-eth school day before a day."""
    day = on_day(moment, 16)
    while days:
        day = on_day(day, 16, -1)
        days -= has_school(day)
    return day


def later(moment: datetime, days: int) -> datetime:
    """Return the same hour on the wall so many days later."""
    local = moment.astimezone(COPENHAGEN)
    return datetime.combine(local.date() + timedelta(days=days), local.time(), tzinfo=COPENHAGEN)


@dataclass
class Row:
    """A row of the ledger."""

    pupils: int
    evidence: str
    void: bool = False


@dataclass
class Entry:
    """What the model knows of an enrolment."""

    name: int
    key: tuple[int, int]
    pupils: int
    teacher: int
    agreed: tuple[datetime, datetime]
    title: str
    status: str = ""
    leader: str = "not_needed"
    answer_by: datetime | None = None
    since: tuple[datetime, int] | None = None
    before: str = ""
    status_at: datetime | None = None
    rank: Any = None  # its number in the portal, which settles ties
    said: dict[tuple[int, str], tuple[str, int | None, datetime]] = field(default_factory=dict)
    ledger: dict[int, list[Row]] = field(default_factory=dict)


@dataclass
class Day:
    """One date of the session."""

    start: datetime
    end: datetime
    state: str = "planned"


@dataclass
class Proposal:
    """A move that is or was proposed, and what each class that was asked has said."""

    number: int
    days: int
    answer_by: datetime
    nudge_at: datetime
    state: str = "open"
    nudged: bool = False
    answers: dict[int, str] = field(default_factory=dict)


@dataclass
class Model:
    """What a session is by the rules."""

    places: int
    counts_classes: bool
    by_request: bool
    now: datetime
    days: list[Day]
    opens_at: datetime
    closes_at: datetime
    draw_minutes: int = 0
    draw_at: datetime | None = None
    drawn: bool = False
    overtake: bool = False
    visited: frozenset[int] = frozenset()  # classes that stand behind, where those without a visit stand first
    leader_schools: frozenset[int] = frozenset()
    silence: str = "keep"
    cancel_days: int = 3
    cancelled: bool = False
    called_off: list[Day] = field(default_factory=list)  # its dates when it was called off
    is_held: bool = False
    title: str = "Kursus 0"
    moved_at: datetime | None = None
    entries: list[Entry] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    mails: set[tuple[object, ...]] = field(default_factory=set)
    coordinators_told: set[int] = field(default_factory=set)
    confirmations: int = 0
    looked: int = 0
    count: int = 0

    # --- Questions ---------------------------------------------------------------------------------------------

    @property
    def standing(self) -> list[Day]:
        return self.called_off or [one for one in self.days if one.state != "cancelled"]

    @property
    def starts_at(self) -> datetime:
        return self.standing[0].start

    @property
    def ends_at(self) -> datetime:
        return self.standing[-1].end

    @property
    def begun(self) -> bool:
        return self.now >= self.starts_at

    def need(self, pupils: int) -> int:
        return 1 if self.counts_classes else pupils

    @property
    def held(self) -> int:
        return sum(self.need(one.pupils) for one in self.entries if one.status in HOLDING)

    @property
    def free(self) -> int:
        return self.places - self.held

    @property
    def proposal(self) -> Proposal | None:
        return next((one for one in self.proposals if one.state == "open"), None)

    @property
    def draws(self) -> bool:
        return self.draw_at is not None and not self.drawn

    def line(self) -> list[Entry]:
        """Who waits, the first first: by band, then by time."""
        waiting = [one for one in self.entries if one.status == "waitlisted" and one.since is not None]
        return sorted(waiting, key=lambda one: (one.key[0] in self.visited, one.since))

    def deadline(self) -> datetime | None:
        """Two school days, at the latest four hours before closing; None when that is past.

        After four o'clock it is offered tomorrow. What would lie at night or at a weekend lies at 16.00 on the weekday
        before.
        """
        evening = self.now.astimezone(COPENHAGEN).hour >= 16
        latest = (self.closes_at - timedelta(hours=4)).astimezone(COPENHAGEN)
        if latest.weekday() >= 5 or latest.hour < 8:
            latest = school_day_before(latest, 1)
        last = min(school_day_after(self.now + timedelta(days=evening), 2), latest, on_day(latest, 16))
        return last if last > self.now else None

    def request_deadline(self) -> datetime:
        return min(school_day_after(self.now, 5), self.starts_at)

    def cancel_until(self) -> datetime:
        return min(school_day_before(self.starts_at, self.cancel_days), self.starts_at)

    def earlier(self, key: tuple[int, int]) -> Entry | None:
        return next((one for one in self.entries if one.key == key and one.status in ACTIVE), None)

    def awaits_leader(self, entry: Entry) -> bool:
        return entry.key[0] // 2 in self.leader_schools

    # --- Steps -------------------------------------------------------------------------------------------------

    def tell(self, entry: Entry, occasion: str, key: object = "", to: object = None) -> None:
        """A mail to the contact teacher (or somebody else); the same again is the same mail."""
        self.mails.add((entry.name, occasion, key, entry.teacher if to is None else to))

    def confirm(self, entry: Entry) -> None:
        asks = entry.status in {"offered", "waitlisted", "in_draw"}
        self.become(entry, "confirmed")
        self.confirmations += 1
        self.tell(entry, "enrolment_confirmed")
        if asks:
            self.ask_about_the_move(entry)

    def request(self, entry: Entry, key: str = "") -> None:
        """It holds its places until somebody answers."""
        asks = entry.status in {"offered", "waitlisted", "in_draw"}
        self.become(entry, "pending", self.request_deadline())
        self.tell(entry, "enrolment_pending", key)
        if asks:
            self.ask_about_the_move(entry)

    def become(self, entry: Entry, status: str, answer_by: datetime | None = None) -> None:
        entry.status, entry.answer_by, entry.status_at = status, answer_by, self.now

    def ask_about_the_move(self, entry: Entry, *, to_another: bool = False) -> None:
        """Whoever never saw both times is asked, as long as there is time to answer."""
        proposal = self.proposal
        if proposal is None or proposal.answer_by <= self.now:
            return
        is_new = entry.name not in proposal.answers
        answer = proposal.answers.setdefault(entry.name, "pending")
        if is_new or (to_another and answer == "pending"):
            self.tell(entry, "move_proposed", (proposal.number, entry.teacher))

    def pass_on(self) -> None:
        """Offer what is free to those in line, in order, as far as each fits completely."""
        if self.cancelled or self.is_held or self.begun or self.free <= 0:
            return
        asked = passed = 0
        for entry in self.line():
            if self.need(entry.pupils) > self.free:
                passed += 1
                if self.free and (self.overtake or self.need(entry.pupils) > self.places):
                    continue
                break
            answer_by = self.deadline()
            if answer_by is None:
                self.coordinators_told.add(entry.name)
                passed += 1
                break
            self.become(entry, "offered", answer_by)
            self.tell(entry, "place_offered")
            asked += 1
        self.looked += bool(passed and not asked)

    def freeze(self, entries: Iterable[Entry]) -> None:
        """What is agreed with these classes is what the course and its dates are now."""
        for entry in entries:
            entry.agreed, entry.title = (self.starts_at, self.ends_at), self.title

    # --- Enrolling ---------------------------------------------------------------------------------------------

    def refused(self, pupils: int) -> str | None:
        if self.cancelled:
            return "cancelled"
        if self.begun or self.is_held:
            return "begun"
        if self.now < self.opens_at:
            return "not-open"
        if self.now >= self.closes_at:
            return "closed"
        return "too-many" if self.need(pupils) > self.places else None

    def enrol(self, key: tuple[int, int], pupils: int, teacher: int) -> str | Entry:
        if code := self.refused(pupils):
            return code
        agreed = (self.starts_at, self.ends_at)
        entry = Entry(len(self.entries), key, pupils, teacher, agreed, self.title)
        if self.awaits_leader(entry):
            entry.leader = "awaited"
            self.tell(entry, "leader_request", to="leader")
        room = self.need(pupils) <= self.free and not self.stopped_by(key[0])
        self.entries.append(entry)
        if self.draws:
            self.become(entry, "in_draw")
            self.tell(entry, "enrolment_in_draw")
        elif not room:
            self.count += 1
            entry.since = (self.now, self.count)
            self.become(entry, "waitlisted")
            self.tell(entry, "enrolment_waitlisted")
        elif self.by_request or entry.leader == "awaited":
            self.request(entry)
            self.ask_host(entry)
        else:
            self.confirm(entry)
            self.tell(entry, "host_new_enrolment", to="host")
        return entry

    def stopped_by(self, newcomer: int) -> list[Entry]:
        """Who in line comes before a newcomer for whom there is room: all whom it may not overtake."""
        most = self.free if self.overtake else self.places
        first = [one for one in self.line() if newcomer in self.visited or one.key[0] not in self.visited]
        return [one for one in first if self.need(one.pupils) <= most]

    def ask_host(self, entry: Entry) -> None:
        if entry.leader != "awaited":
            self.tell(entry, "host_request", to="host")

    def together(
        self, asked: Sequence[tuple[tuple[int, int], int, int]], *, all_or_none: bool
    ) -> str | list[Entry | str]:
        """Several classes in one request; ``asked`` is key, pupils and teacher of each."""
        order = list(range(len(asked)))
        if all_or_none:
            trial, waits = deepcopy(self), False
            for key, pupils, teacher in asked:
                if trial.earlier(key) is None:
                    became = trial.enrol(key, pupils, teacher)
                    if isinstance(became, str):
                        return became
                    waits = waits or became.status == "waitlisted"
            if waits:
                return "not-all-fit"
        else:
            left, first = self.free, []
            for number in order:
                if self.need(asked[number][1]) <= left:
                    first.append(number)
                    left -= self.need(asked[number][1])
            order = [*first, *(one for one in order if one not in first)]
        found: dict[int, Entry | str] = {}
        for number in order:
            key, pupils, teacher = asked[number]
            found[number] = self.earlier(key) or self.enrol(key, pupils, teacher)
        return [found[number] for number in range(len(asked))]

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

    def hand_over(self, entry: Entry, colleague: int) -> str | None:
        if entry.status not in OPEN or self.now >= self.ends_at:
            return "ended"
        if colleague != entry.teacher:
            entry.teacher = colleague
            self.tell(entry, "enrolment_handed_over", self.now)
            if entry.status in ASKED:
                self.ask_about_the_move(entry, to_another=True)
        return None

    # --- Leaving, and thinking better of it ----------------------------------------------------------------------

    def cancel(self, entry: Entry, *, by_desk: bool) -> str | None:
        if entry.status not in ACTIVE:
            return None
        if self.begun:
            return "begun"
        if entry.status == "confirmed" and not by_desk and self.now >= self.cancel_until():
            return "late"
        entry.before = entry.status
        self.become(entry, "cancelled_by_municipality" if by_desk else "cancelled_by_school")
        self.tell(entry, "enrolment_cancelled", self.now)
        self.pass_on()
        return None

    def undo(self, entry: Entry, *, by_desk: bool) -> str | None:
        if entry.status in ACTIVE:
            return None
        if entry.status == "cancelled_by_municipality" and not by_desk:
            return "not-yours"
        assert entry.status_at is not None
        until = min(entry.status_at + UNDO_WITHIN, self.starts_at)
        if entry.status not in CANCELLED or not entry.before or self.now >= until or self.cancelled or self.is_held:
            return "too-late"
        moved = self.moved_at is not None and self.moved_at > entry.status_at
        if moved or entry.agreed != (self.starts_at, self.ends_at):
            return "moved"
        if self.earlier(entry.key):
            return "enrolled-again"
        answer_by = {"pending": self.request_deadline(), "offered": self.deadline()}.get(entry.before)
        if entry.before in HOLDING and self.need(entry.pupils) > self.free:
            return "gone"
        if entry.before in {"pending", "offered"} and answer_by is None:
            return "gone"
        if entry.before == "in_draw" and self.drawn:
            return "drawn"
        self.become(entry, entry.before, answer_by)
        if entry.status in HOLDING:
            self.ask_about_the_move(entry)
        self.pass_on()
        return None

    # --- Answers -------------------------------------------------------------------------------------------------

    def answer(self, entry: Entry, *, accept: bool) -> str | None:
        """The coordinator answers a request, for the school's leader too."""
        if entry.status == ("confirmed" if accept else "declined"):
            return None
        if entry.status != "pending":
            return "answered"
        if self.begun:
            return "begun"
        if not accept:
            self.decline(entry)
            return None
        if entry.leader == "awaited":
            entry.leader = "not_needed"
        self.confirm(entry)
        self.tell(entry, "host_new_enrolment", to="host")
        return None

    def decline(self, entry: Entry) -> None:
        self.become(entry, "declined")
        self.tell(entry, "enrolment_declined")
        self.pass_on()

    def leader_answers(self, entry: Entry, *, approve: bool) -> str | None:
        if entry.leader == ("approved" if approve else "declined"):
            return None
        if entry.leader != "awaited" or entry.status not in ACTIVE:
            return "answered"
        if self.begun:
            return "begun"
        entry.leader = "approved" if approve else "declined"
        if not approve:
            self.decline(entry)
        elif entry.status == "pending" and self.by_request and entry.since is None:
            self.request(entry, "approved")
            self.ask_host(entry)
        elif entry.status == "pending":
            self.confirm(entry)
            self.tell(entry, "host_new_enrolment", to="host")
        return None

    def take(self, entry: Entry) -> str | None:
        """The teacher says yes to an offered place; where the leader has not, it is held like a request."""
        if entry.status == "confirmed" or (entry.status == "pending" and entry.leader == "awaited"):
            return None
        if refused := self.not_offered(entry):
            return refused
        if entry.leader == "awaited":
            self.request(entry)
            self.tell(entry, "leader_request", "place", to="leader")
            return None
        self.confirm(entry)
        self.tell(entry, "host_new_enrolment", to="host")
        return None

    def leave(self, entry: Entry) -> str | None:
        if entry.status == "cancelled_by_school":
            return None
        if refused := self.not_offered(entry):
            return refused
        entry.before = ""
        self.become(entry, "cancelled_by_school")
        self.pass_on()
        return None

    def not_offered(self, entry: Entry) -> str | None:
        gone = entry.status == "offered" and entry.answer_by is not None and entry.answer_by <= self.now
        if gone or entry.status == "offer_expired":
            return "place-expired"
        return None if entry.status == "offered" else "not-offered"

    def give(self, entry: Entry) -> str | None:
        """The coordinator gives a waiting class its place."""
        if entry.status == "confirmed":
            return None
        if entry.status != "waitlisted":
            return "not-waiting"
        if self.cancelled or self.is_held or self.begun:
            return "begun"
        if self.need(entry.pupils) > self.free:
            return "no-room"
        if entry.leader == "awaited":
            entry.leader = "not_needed"
        self.confirm(entry)
        self.tell(entry, "host_new_enrolment", to="host")
        return None

    # --- What the clock does ---------------------------------------------------------------------------------------

    def run_out(self, status: str, ended: str) -> None:
        """End what nobody answered, in the order of the deadlines as they stood when the job began."""
        due = [one for one in self.entries if one.status == status and one.answer_by and one.answer_by <= self.now]
        for entry in sorted(due, key=lambda one: (one.answer_by, one.rank)):
            self.become(entry, ended)
            self.tell(entry, {"request_expired": "request_expired", "offer_expired": "place_expired"}[ended])
            self.pass_on()

    def draw_is_due(self) -> bool:
        return self.draws and not self.cancelled and self.draw_at is not None and self.draw_at <= self.now

    def draw(self, seed: str) -> None:
        """Draw lots: an order anyone can repeat from the seed that the log keeps."""
        assert self.draw_at is not None
        drawn = [one for one in self.entries if one.status == "in_draw"]
        drawn.sort(key=lambda one: sha256(f"{seed}:{one.rank}".encode()).digest())
        self.drawn, stopped = True, False
        for number, entry in enumerate(drawn, start=1):
            fits = self.need(entry.pupils) <= self.free and not stopped
            if self.begun:
                self.become(entry, "request_expired")
                self.tell(entry, "request_expired")
            elif fits and (self.by_request or entry.leader == "awaited"):
                self.request(entry, "drawn")
                self.ask_host(entry)
                if entry.leader == "awaited":
                    self.tell(entry, "leader_request", "drawn", to="leader")
            elif fits:
                self.confirm(entry)
                self.tell(entry, "host_new_enrolment", to="host")
            else:
                stopped = stopped or not (self.overtake or self.need(entry.pupils) > self.places)
                entry.since = (self.draw_at, number)
                self.become(entry, "waitlisted")
                self.tell(entry, "enrolment_waitlisted", "drawn")
        if drawn:
            self.pass_on()

    def end_waiting(self) -> None:
        for entry in self.entries:
            if entry.status in {"waitlisted", "in_draw"} and self.begun:
                self.become(entry, "declined")
                self.tell(entry, "enrolment_declined")

    # --- The session itself ----------------------------------------------------------------------------------------

    def give_places(self, places: int) -> str | None:
        if self.cancelled:
            return "cancelled"
        if places < self.held:
            return "below-taken"
        if places != self.places:
            self.places = places
            self.pass_on()
        return None

    def change_enrolling(self, opens_at: datetime, closes_at: datetime) -> str | None:
        if self.cancelled:
            return "cancelled"
        if self.begun:
            return "begun"
        if closes_at > self.starts_at:
            return "closes-late"
        if opens_at >= closes_at:
            return "closes-early"
        if (opens_at, closes_at) == (self.opens_at, self.closes_at):
            return None
        if opens_at != self.opens_at and not self.drawn:
            back = any(one.status in CANCELLED and one.before == "in_draw" for one in self.entries)
            waits = back or any(one.status == "in_draw" for one in self.entries)
            planned = None
            has_none = self.draw_at is None and self.opens_at > self.now  # a date that is to open without a draw
            if self.draw_minutes and opens_at > self.now and not self.line() and not has_none:
                after = timedelta(minutes=self.draw_minutes) if self.draw_at is None else self.draw_at - self.opens_at
                planned = opens_at + after
            self.draw_at = planned or (max(self.now, opens_at + MINUTE) if waits else None)
        if self.draw_at is not None and not self.drawn:
            self.draw_at = min(self.draw_at, closes_at)
        self.opens_at, self.closes_at = opens_at, closes_at
        self.pass_on()
        return None

    def not_movable(self) -> str | None:
        if self.cancelled:
            return "cancelled"
        over = any(one.state != "planned" for one in self.days if one.state != "cancelled")
        return "begun" if self.begun or self.is_held or over else None

    def move(self, days: int) -> str | None:
        """Directly, when it has been agreed with every class."""
        if code := self.not_movable():
            return code
        self.drop_proposal()
        self.shift(days)
        self.pass_on()
        return None

    def shift(self, days: int) -> None:
        """Every date so many days later; opening, closing and draw follow the new beginning."""
        old_opens = self.opens_at
        for day in self.days:
            if day.state != "cancelled":
                day.start, day.end = later(day.start, days), later(day.end, days)
        self.closes_at = min(later(self.closes_at, days), self.starts_at)
        if self.opens_at >= self.closes_at:
            self.opens_at = min(later(self.opens_at, days), self.starts_at, self.closes_at - MINUTE)
        if self.draw_at is not None and not self.drawn:
            self.draw_at = min(self.draw_at + (self.opens_at - old_opens), self.closes_at)
        for entry in self.entries:  # nobody answers after the session as it now stands
            if entry.status in OPEN and entry.answer_by is not None:
                entry.answer_by = min(entry.answer_by, self.starts_at)
        self.freeze(one for one in self.entries if one.status in OPEN)
        self.moved_at = self.now

    def cancel_day(self, number: int) -> str | None:
        """One date is called off: the rest goes on while it is half of what was planned, rounded up."""
        day = self.days[number]
        if self.cancelled or day.state == "cancelled":
            return None
        if self.now >= day.start or day.state != "planned":
            return "begun"
        left = sum(one.state in {"planned", "held"} and one is not day for one in self.days)
        off = [day]
        if left < -(-len(self.days) // 2) or not left:
            if not (left and self.begun):
                self.end_all()
                return None
            off = [one for one in self.days if one.start > self.now and one.state == "planned"]
        self.drop_proposal()
        for one in off:
            one.state = "cancelled"
        concerned = [one for one in self.entries if one.status in ACTIVE]
        self.freeze(concerned)
        for entry in concerned:
            self.tell(entry, "meeting_cancelled", number)
        return None

    def call_off(self) -> str | None:
        if self.cancelled:
            return None
        if self.begun or self.is_held:
            return "begun"
        self.end_all()
        return None

    def end_all(self) -> None:
        self.drop_proposal()
        self.called_off = self.standing
        for entry in self.entries:
            if entry.status in ACTIVE:
                self.become(entry, "cancelled_by_municipality")
                self.tell(entry, "session_cancelled")
        self.cancelled = True
        for day in self.days:
            day.state = "cancelled"

    # --- Moves by consent ------------------------------------------------------------------------------------------

    def propose(self, days: int) -> str | None:
        if code := self.not_movable():
            return code
        if self.proposal is not None:
            return "proposed-already"
        asked = [one for one in self.entries if one.status in ASKED]
        if not asked:
            return "nobody"
        latest = min(self.starts_at, later(self.starts_at, days))
        for count in range(5, 0, -1):
            answer_by = school_day_after(self.now, count)
            if self.now < answer_by < latest:
                nudge_at = school_day_after(self.now, max(count // 2, 1), hour=9)
                proposal = Proposal(len(self.proposals), days, answer_by, nudge_at)
                self.proposals.append(proposal)
                for entry in asked:
                    proposal.answers[entry.name] = "pending"
                    self.tell(entry, "move_proposed", proposal.number)
                return None
        return "too-late"

    def awaited(self, proposal: Proposal) -> list[Entry]:
        return [one for one in self.entries if proposal.answers.get(one.name) == "pending" and one.status in ASKED]

    def answer_move(self, entry: Entry, *, stay: bool) -> str | None:
        said, proposal = "stay" if stay else "leave", self.proposal
        if proposal is None:
            done = [one for one in self.proposals if one.state == "carried_out" and one.answers.get(entry.name) == said]
            return None if done else "ended"
        if entry.status not in ASKED:
            return "not-asked"
        if self.now >= min(self.starts_at, later(self.starts_at, proposal.days)):
            return "begun"
        if proposal.answers.get(entry.name, "stay") != said:
            proposal.answers[entry.name] = said
        if not self.awaited(proposal):
            return self.carry_out(proposal)
        return None

    def carry_out(self, proposal: Proposal) -> str | None:
        """Who cannot come is released, then the session moves, then what became free is offered for the new time."""
        if code := self.not_movable():
            return code
        if later(self.starts_at, proposal.days) <= self.now:
            return "past"
        for entry in self.entries:
            if entry.status not in ASKED:
                continue
            said = proposal.answers.get(entry.name, "stay")
            silent = said == "pending" and entry.status != "offered"
            if said == "leave" or (silent and self.silence == "release"):
                self.become(entry, "cancelled_by_host")
                self.tell(entry, "move_released", proposal.number)
        proposal.state = "carried_out"
        self.shift(proposal.days)
        self.pass_on()
        return None

    def end_move(self, *, carry_out: bool) -> str | None:
        """The coordinator carries the last proposal out before all have answered, or takes it back."""
        proposal = self.proposals[-1]
        if carry_out:
            if proposal.state != "open":
                return None if proposal.state == "carried_out" else "withdrawn"
            return self.carry_out(proposal)
        if proposal.state != "open":
            return None if proposal.state == "withdrawn" else "carried-out"
        self.withdraw(proposal)
        return None

    def withdraw(self, proposal: Proposal) -> None:
        proposal.state = "withdrawn"
        for entry in self.entries:
            if entry.status in ASKED and entry.name in proposal.answers:
                self.tell(entry, "move_withdrawn", proposal.number)

    def drop_proposal(self) -> None:
        """A move that is proposed falls with whatever else happens to the session; other mails say so."""
        if self.proposal is not None:
            self.proposal.state = "withdrawn"

    def follow_move(self) -> None:
        """Remind once, half-way; carry out when the deadline has passed or nobody's answer is missing."""
        proposal = self.proposal
        if proposal is not None and not proposal.nudged and proposal.nudge_at <= self.now < proposal.answer_by:
            proposal.nudged = True
            for entry in self.awaited(proposal):
                self.tell(entry, "move_nudge", proposal.number)
        if (
            proposal is not None
            and (proposal.answer_by <= self.now or not self.awaited(proposal))
            and self.carry_out(proposal)
        ):
            self.withdraw(proposal)

    # --- Afterwards ------------------------------------------------------------------------------------------------

    def report(self, entry: Entry, number: int, side: str, outcome: str) -> str | None:
        """One side says what became of a date; *partly* is with half of the pupils."""
        if self.cancelled or self.days[number].state == "cancelled":
            return "cancelled"
        if entry.status not in TOLD_ABOUT:
            return "not_enrolled"
        if self.now < self.days[number].start:
            return "not_begun"
        noted = [
            at
            for (day, who), (what, _n, at) in entry.said.items()
            if (day, what) == (number, "no_show") and who != side
        ]
        if side == "teacher" and noted and outcome != "no_show" and self.now > min(noted) + OBJECT_WITHIN:
            return "objects-late"
        pupils = {"held": entry.pupils, "partly": entry.pupils // 2}.get(outcome)
        if pupils == 0:
            return "pupils"
        if entry.said.get((number, side), ("", None))[:2] == (outcome, pupils):
            return None
        entry.said[number, side] = (outcome, pupils, self.now)
        self.weigh(entry, number)
        self.settle(entry, by_teacher=side == "teacher")
        return None

    def verdict(self, entry: Entry, number: int) -> tuple[str, int, str]:
        """What all that was said of one date amounts to: its kind, how many pupils, and by whom it is borne out."""
        said = {who: (what, count) for (day, who), (what, count, _at) in entry.said.items() if day == number}
        kinds = {who: "held" if what == "partly" else what for who, (what, _count) in said.items()}
        if not said:
            return "", 0, ""
        sides = [who for who in ("host", "teacher") if who in said]
        if "coordinator" in said:
            kind, pupils = kinds["coordinator"], said["coordinator"][1] or 0
        elif len({kinds[who] for who in sides}) > 1:
            return "disputed", 0, ""
        else:
            kind, pupils = kinds[sides[0]], min(said[who][1] or 0 for who in sides)
        return kind, pupils, "both" if [kinds[who] for who in sides] == [kind, kind] else "one"

    def weigh(self, entry: Entry, number: int) -> None:
        """A row of the ledger is written, made void, or borne out by both; none is ever changed or deleted."""
        kind, pupils, evidence = self.verdict(entry, number)
        rows = entry.ledger.setdefault(number, [])
        counting = next((one for one in rows if not one.void), None)
        if counting is not None and (kind != "held" or counting.pupils != pupils):
            counting.void = True
            counting = None
        if kind == "held" and counting is None:
            rows.append(Row(pupils, evidence))
        elif kind == "held" and counting is not None:
            counting.evidence = evidence

    def settle(self, entry: Entry, *, by_teacher: bool = False) -> None:
        """The states of the enrolment, its dates and the session follow from what was said."""
        told = {"held", "not_held", "no_show"}
        numbers = [number for number, day in enumerate(self.days) if day.state != "cancelled"]
        concerned = [one for one in self.entries if one.status in TOLD_ABOUT]
        mine = {self.verdict(entry, number)[0] for number in numbers}
        status = "confirmed"
        if mine <= told and mine & {"held", "no_show"}:
            status = "completed" if "held" in mine else "no_show"
        if entry.status != status:
            self.become(entry, status)
            self.confirmations += status == "confirmed"
            if status == "no_show" and not by_teacher:
                self.tell(entry, "enrolment_no_show", self.now)
        everything: list[str] = []
        for number in numbers:
            here = [self.verdict(one, number)[0] for one in concerned]
            everything += here
            nothing = bool(here) and set(here) <= {"not_held", "no_show"}
            self.days[number].state = "held" if "held" in here else "not_held" if nothing else "planned"
        self.is_held = set(everything) <= told and "held" in everything and self.ends_at <= self.now

    def take_back(self, entry: Entry) -> str | None:
        """The coordinator takes back everything that was said about a visit."""
        if entry.status not in TOLD_ABOUT:
            return "not_reportable"
        entry.said.clear()
        for rows in entry.ledger.values():
            for row in rows:
                row.void = True
        self.settle(entry)
        return None

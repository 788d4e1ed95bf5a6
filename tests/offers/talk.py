"""The whole life of a talk about a visit by agreement, played by a machine beside a model in plain Python.

A class asks, host and school talk, somebody agrees or nobody does; what was agreed is a session for this class alone
and its enrolment, which may be cancelled, undone, answered by the leader, or run out. After each step the portal must
look like the model, which was written by hand from the rules and knows nothing of the portal.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from offers.domain import approval, cancelling, dialogue
from offers.domain import enrolment as enrolling
from offers.models import Dialogue, Encounter, Enrolment, Meeting, Session
from portal.domain import links
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN
from portal.domain.refusal import Refusal
from portal.models import Link, Message
from tests import factories
from tests.conftest import TODAY
from tests.offers.life_model import UNDO_WITHIN, school_day_after, school_day_before

DESK = Actor.job("desk")
TWO_HOURS, MINUTES = timedelta(hours=2), timedelta(minutes=5)
STARTS = [
    datetime(2026, month, day, 9, tzinfo=COPENHAGEN) for month, day in ((9, 15), (9, 30), (10, 1), (10, 2), (10, 6))
]
CHRISTMAS = datetime(2026, 12, 1, tzinfo=COPENHAGEN)
MOST_PLACES = 28
KNOWN = {
    *("dialogue_asked", "dialogue_agreed", "dialogue_not_now", "dialogue_no_answer", "dialogue_nudge"),
    *("host_dialogue_asked", "host_dialogue_agreed", "host_dialogue_awaits_leader", "host_dialogue_withdrawn"),
    *("host_dialogue_nudge", "host_dialogue_came_to_nothing", "host_new_enrolment", "host_request"),
    *("enrolment_pending", "enrolment_confirmed", "enrolment_declined", "enrolment_cancelled", "request_expired"),
}
times = st.lists(st.sampled_from(range(len(STARTS))), min_size=0, max_size=3, unique=True)
sides = st.sampled_from(["host", "teacher", "host for", "teacher for", "coordinator"])


@dataclass
class Visit:
    """The enrolment and its session, as the rules have them."""

    starts_at: datetime
    pupils: int
    places: int
    status: str
    leader: str
    answer_by: datetime | None = None
    before: str = ""
    status_at: datetime | None = None

    @property
    def stands(self) -> bool:
        return self.status in {"confirmed", "pending"}


@dataclass
class Talk:
    """One talk: whose turn it is, which times are possible, and what came of it."""

    pupils: int
    state: str = "asked"
    awaits: str = "host"
    nudges: int = 0
    nudge_at: datetime | None = None
    possible: dict[str, set[int]] = field(default_factory=lambda: {"host": set(), "teacher": set()})
    last_note: tuple[str, str] = ("", "")
    visit: Visit | None = None

    @property
    def is_open(self) -> bool:
        return self.state in {"asked", "in_talk"}

    def end(self, state: str) -> None:
        self.state, self.nudge_at = state, None


class LifeOfATalk(RuleBasedStateMachine):
    """Everything that may be said and done about a visit by agreement, in any order."""

    steps: Counter[str] = Counter()

    @initialize(asks_leader=st.booleans(), by_request=st.booleans(), pupils=st.integers(10, 26))
    def publish(self, pupils: int, *, asks_leader: bool, by_request: bool) -> None:
        """A course by agreement, a class and its teacher, and perhaps a leader who must agree."""
        self.block = transaction.atomic()
        self.block._from_testcase = True  # type: ignore[attr-defined]
        self.block.__enter__()
        factories.MunicipalityFactory.create()
        factories.CoordinatorFactory.create(second_factor=False)
        self.offer = factories.OfferFactory.create(
            by_agreement=True, places=MOST_PLACES, acceptance="manual" if by_request else "automatic"
        )
        link = links.ensure(purpose=Link.Purpose.HOST, reference_id=self.offer.contact.pk, now=TODAY)
        school = factories.SchoolFactory.create(leader_approves=asks_leader)
        self.asks_leader = asks_leader
        self.leader = Actor.of_user(factories.MembershipFactory.create(school=school, role="leader").user)
        teacher = Actor.of_user(factories.MembershipFactory.create(school=school).user)
        self.actors = {"host": Actor.of_link(link), "teacher": teacher}
        self.school_class = factories.SchoolClassFactory.create(school=school)
        self.now, self.talks, self.pks, self.mails = TODAY, list[Talk](), list[Any](), Counter[str]()
        self.ask_with([2], pupils)

    def teardown(self) -> None:
        """Nothing of a life stays."""
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    @property
    def talk(self) -> Talk:
        return self.talks[-1]

    # --- Talking -------------------------------------------------------------------------------------------------

    @rule(chosen=times, pupils=st.integers(10, 26))
    def ask(self, chosen: list[int], pupils: int) -> None:
        """The class asks (again): whoever waits for an answer has one talk and no more."""
        self.tick("ask for a time")
        self.ask_with(chosen, pupils)

    def ask_with(self, chosen: list[int], pupils: int) -> None:
        spans = self.spans(chosen)
        request = dialogue.DialogueRequest(school_class=self.school_class, pupils=pupils, adults=2, times=spans)
        found = self.attempt(
            dialogue.ask_for_a_time, offer_id=self.offer.pk, request=request, by=self.actors["teacher"]
        )
        if self.talks and self.talk.is_open:
            assert isinstance(found, Dialogue)
            assert found.pk == self.pks[-1]
            return
        expected = "no-time" if not chosen else self.refused(chosen)
        self.as_expected(found, expected)
        if not expected:
            talk = Talk(pupils)
            talk.possible["teacher"] = set(chosen)
            self.talks.append(talk)
            self.pks.append(found.pk)
            talk.nudge_at = self.next_nudge()
            self.mails.update(["dialogue_asked", "host_dialogue_asked"])

    def refused(self, chosen: list[int]) -> str:
        return "time" if any(STARTS[one] <= self.now for one in chosen) else ""

    def spans(self, chosen: list[int]) -> list[tuple[datetime, datetime]]:
        return [(STARTS[one], STARTS[one] + TWO_HOURS) for one in chosen]

    def next_nudge(self) -> datetime:
        return school_day_after(self.now, 5, hour=8)

    def speaker(self, side: str) -> tuple[str, str, dict[str, Any]]:
        """Return for which side it is said, who says it, and how that is asked of the portal."""
        name = side.split(maxsplit=1)[0]
        if side in self.actors:
            return name, name, {"by": self.actors[name]}
        return name, "coordinator", {"by": DESK, "on_behalf": "" if name == "coordinator" else name}

    @rule(side=sides, chosen=times, text=st.sampled_from(["", "", "Passer det?", "Vi kan også senere."]))
    def reply(self, side: str, chosen: list[int], text: str) -> None:
        """One side proposes other times, or writes; the coordinator for a side, or to both."""
        self.tick("reply")
        talk, (name, writer, facts) = self.talk, self.speaker(side)
        found = self.attempt(dialogue.reply, dialogue_id=self.pks[-1], times=self.spans(chosen), text=text, **facts)
        if not talk.is_open:
            expected = "ended"
        elif not chosen and not text:
            expected = "nothing-said"
        else:
            expected = "on-behalf" if chosen and name == "coordinator" else self.refused(chosen)
        self.as_expected(found, expected)
        if expected:
            return
        same_text = not text or talk.last_note == (writer, text)
        if same_text and (not chosen or (name != "coordinator" and set(chosen) == talk.possible[name])):
            return
        if chosen:
            talk.possible[name] = set(chosen)
        if text:
            talk.last_note = (writer, text)
        if name != "coordinator":
            talk.state = "in_talk" if name == "host" else talk.state
            talk.awaits = "teacher" if name == "host" else "host"
            talk.nudges, talk.nudge_at = 0, self.next_nudge()

    @rule(side=sides, proposed_by=st.sampled_from(["host", "teacher"]), number=st.integers(0, 4))
    def agree(self, side: str, proposed_by: str, number: int) -> None:
        """A side agrees to a time of the other, or to its own, or to one that is no longer possible."""
        talk, (name, _writer, facts) = self.talk, self.speaker(side)
        row = Dialogue.objects.get(pk=self.pks[-1]).times.filter(side=proposed_by, starts_at=STARTS[number]).first()
        if row is None:
            return
        self.tick("agree")
        found = self.attempt(dialogue.agree, dialogue_id=self.pks[-1], time_id=row.pk, **facts)
        starts_at = STARTS[number]
        if talk.visit is not None:
            self.as_expected(found, "" if talk.visit.starts_at == starts_at else "agreed")
            return
        if not talk.is_open:
            expected = "ended"
        elif number not in talk.possible[proposed_by]:
            expected = "taken-back"
        elif name == proposed_by:
            expected = "own-time"
        else:
            expected = "past" if starts_at <= self.now else ""
        self.as_expected(found, expected)
        if not expected:
            talk.end("agreed")
            self.visit_is_made(talk, starts_at, waits=self.asks_leader and facts["by"] is not DESK)

    @rule(side=st.sampled_from(["host", "host", "host for"]))
    def say_yes(self, side: str) -> None:
        """The host says yes to the first time that the class has proposed and that is still possible."""
        ahead = [one for one in self.talk.possible["teacher"] if STARTS[one] > self.now]
        if self.talk.is_open and ahead:
            self.agree(side, "teacher", min(ahead))

    def visit_is_made(self, talk: Talk, starts_at: datetime, *, waits: bool) -> None:
        visit = Visit(starts_at, talk.pupils, talk.pupils, "confirmed", "not_needed")
        talk.visit = visit
        if waits:
            visit.status, visit.leader, visit.answer_by = "pending", "awaited", self.answer_by(visit)
            self.mails.update(["enrolment_pending", "host_dialogue_awaits_leader"])
        else:
            self.mails.update(["dialogue_agreed", "host_dialogue_agreed"])

    def answer_by(self, visit: Visit) -> datetime:
        return min(school_day_after(self.now, 5), visit.starts_at)

    @rule(by_desk=st.booleans(), dice=st.integers(0, 3))
    def not_now(self, dice: int, *, by_desk: bool) -> None:
        """The host says that it cannot be now."""
        if not dice:
            self.tick("say not now")
            by = DESK if by_desk else self.actors["host"]
            self.close(dialogue.say_not_now, "not_now", "dialogue_not_now", by)

    @rule(by_desk=st.booleans(), dice=st.integers(0, 3))
    def withdraw(self, dice: int, *, by_desk: bool) -> None:
        """The school takes its request back."""
        if not dice:
            self.tick("withdraw the request")
            by = DESK if by_desk else self.actors["teacher"]
            self.close(dialogue.withdraw, "withdrawn", "host_dialogue_withdrawn", by)

    def close(self, use_case: Callable[..., Any], state: str, mail: str, by: Actor) -> None:
        talk = self.talk
        found = self.attempt(use_case, dialogue_id=self.pks[-1], reason="Vi har travlt.", by=by)
        self.as_expected(found, "" if talk.state == state or talk.is_open else "ended")
        if talk.is_open:
            talk.end(state)
            self.mails[mail] += 1

    # --- The visit that was agreed -------------------------------------------------------------------------------

    @rule(undo_after=st.sampled_from([None, 1, 14, 15]))
    def cancel(self, undo_after: int | None) -> None:
        """The class does not come, so its date is closed; perhaps it thinks better of it."""
        visit = self.talk.visit
        if visit is None:
            return
        self.tick("cancel")
        by = self.actors["teacher"]
        found = self.attempt(enrolling.cancel_enrolment, enrolment_id=self.enrolment().pk, by=by)
        expected = ""
        if visit.stands and self.now >= visit.starts_at:
            expected = "begun"
        elif visit.status == "confirmed" and self.now >= min(school_day_before(visit.starts_at, 3), visit.starts_at):
            expected = "late"
        self.as_expected(found, expected, Enrolment)
        if visit.stands and not expected:
            self.mails["enrolment_cancelled"] += 1
            self.mails["host_dialogue_came_to_nothing"] += visit.leader == "awaited"
            visit.before = visit.status
            self.ends(visit, "cancelled_by_school")
        if undo_after is not None:
            self.look()
            self.pass_time(timedelta(minutes=undo_after))
            self.undo(visit)

    def ends(self, visit: Visit, status: str) -> None:
        visit.status, visit.status_at, visit.answer_by = status, self.now, None

    def undo(self, visit: Visit) -> None:
        self.tick("undo", timedelta())
        by = self.actors["teacher"]
        found = self.attempt(cancelling.undo_cancellation, enrolment_id=self.enrolment().pk, by=by)
        if visit.stands:
            expected = ""
        else:
            until = min((visit.status_at or self.now) + UNDO_WITHIN, visit.starts_at)
            expected = "" if visit.status == "cancelled_by_school" and self.now < until else "too-late"
        self.as_expected(found, expected, Enrolment)
        if not visit.stands and not expected:
            visit.status = visit.before
            visit.answer_by = self.answer_by(visit) if visit.status == "pending" else None

    @rule(approve=st.booleans())
    def leader_answers(self, *, approve: bool) -> None:
        """The school's leader answers, where one is asked."""
        visit = self.talk.visit
        if visit is None:
            return
        self.tick("leader answers")
        facts = {"approve": approve, "reason": "" if approve else "Nej.", "by": self.leader}
        found = self.attempt(approval.answer_for_school, enrolment_id=self.enrolment().pk, **facts)
        said = "approved" if approve else "declined"
        if visit.leader == said:
            expected = ""
        elif visit.leader != "awaited" or not visit.stands:
            expected = "answered"
        else:
            expected = "begun" if self.now >= visit.starts_at else ""
        self.as_expected(found, expected, Enrolment)
        if visit.leader == "awaited" and not expected:
            visit.leader = said
            if approve:
                self.ends(visit, "confirmed")
                self.mails.update(["enrolment_confirmed", "host_dialogue_agreed"])
            else:
                self.ends(visit, "declined")
                self.mails.update(["enrolment_declined", "host_dialogue_came_to_nothing"])

    @rule(pupils=st.integers(1, 32))
    def change(self, pupils: int) -> None:
        """More come, as long as the course takes so many, or fewer."""
        visit = self.talk.visit
        if visit is None:
            return
        self.tick("change numbers")
        facts = {"pupils": pupils, "adults": 2, "by": self.actors["teacher"]}
        enrolment = self.enrolment()
        closes_at = enrolment.session.closes_at
        found = self.attempt(enrolling.change_numbers, enrolment_id=enrolment.pk, **facts)
        if not visit.stands:
            expected = "ended"
        elif self.now >= closes_at:
            expected = "closed"
        else:
            expected = "too-many" if pupils > max(MOST_PLACES, visit.places) else ""
        self.as_expected(found, expected, Enrolment)
        if not expected:
            visit.pupils, visit.places = pupils, max(visit.places, pupils)

    @rule(days=st.sampled_from([0, 1, 2, 5, 8]), hours=st.integers(0, 12))
    def time_passes(self, days: int, hours: int) -> None:
        """The clock goes on: whose turn it is is reminded twice, then it is closed; an unanswered request runs out."""
        if self.now > CHRISTMAS:
            return
        self.tick("time passes")
        self.pass_time(timedelta(days=days, hours=hours))

    def pass_time(self, how_long: timedelta) -> None:
        self.now += how_long
        enrolling.expire_requests(self.now)
        for talk in self.talks:
            visit = talk.visit
            if visit is not None and visit.status == "pending" and visit.answer_by and visit.answer_by <= self.now:
                self.ends(visit, "request_expired")
                self.mails.update(["request_expired", "host_dialogue_came_to_nothing"])
        dialogue.follow_up(self.now)
        talk = self.talk
        if not talk.is_open or talk.nudge_at is None or talk.nudge_at > self.now:
            return
        if talk.nudges < 2:
            talk.nudges += 1
            talk.nudge_at = self.next_nudge()
            self.mails["host_dialogue_nudge" if talk.awaits == "host" else "dialogue_nudge"] += 1
        else:
            talk.end("no_answer")
            self.mails["dialogue_no_answer"] += 1

    # --- What must hold after every step -------------------------------------------------------------------------

    @invariant()
    def every_promise_holds(self) -> None:
        """Every talk, date and enrolment is as the model says; nothing counts as held; each mail is promised once."""
        self.look()

    def look(self) -> None:
        rows = list(
            Dialogue.objects.filter(offer=self.offer).order_by("created_at").select_related("enrolment__session")
        )
        assert [row.pk for row in rows] == self.pks
        for row, talk in zip(rows, self.talks, strict=True):
            found = (row.state, row.nudges, row.nudge_at, *([row.awaits] if talk.is_open else []))
            expected = (talk.state, talk.nudges, talk.nudge_at, *([talk.awaits] if talk.is_open else []))
            assert found == expected, (found, expected)
            possible = set(row.times.filter(is_withdrawn=False).values_list("side", "starts_at"))
            assert possible == {(side, STARTS[one]) for side, chosen in talk.possible.items() for one in chosen}
            self.the_visit_is_as_agreed(row.enrolment, talk.visit)
        agreed = sum(talk.visit is not None for talk in self.talks)
        assert Session.objects.filter(offer=self.offer).count() == agreed
        assert not Encounter.objects.exists()
        promised = Counter(Message.objects.filter(occasion__in=KNOWN).values_list("occasion", flat=True))
        assert promised == +self.mails, (promised - self.mails, self.mails - promised)

    def the_visit_is_as_agreed(self, row: Enrolment | None, visit: Visit | None) -> None:
        """*Agreed* has one session with exactly the class's places; it is closed when the class does not come."""
        if row is None or visit is None:
            assert (row, visit) == (None, None)
            return
        found = (row.status, row.leader_answer, row.pupils, row.answer_by, row.session.starts_at, row.session.places)
        expected = (visit.status, visit.leader, visit.pupils, visit.answer_by, visit.starts_at, visit.places)
        assert found == expected, (found, expected)
        taken, state, dates = (visit.pupils, "open", "planned") if visit.stands else (0, "cancelled", "cancelled")
        assert (row.session.places_taken, row.session.state) == (taken, state)
        assert Meeting.objects.get(session=row.session_id).state == dates

    # --- Common --------------------------------------------------------------------------------------------------

    def tick(self, step: str, how_long: timedelta = MINUTES) -> None:
        """Count a step; a few minutes pass, as between people."""
        self.steps[step] += 1
        self.now += how_long

    def enrolment(self) -> Enrolment:
        row = Dialogue.objects.select_related("enrolment__session").get(pk=self.pks[-1]).enrolment
        assert row is not None
        return row

    def attempt(self, use_case: Callable[..., Any], **facts: Any) -> Any:
        """Return what came of it, or the code of the refusal."""
        try:
            return use_case(now=self.now, **facts)
        except Refusal as refusal:
            return refusal.code

    def as_expected(self, found: Any, expected: str, kind: type = Dialogue) -> None:
        """Expect the same refusal or none."""
        came = "" if isinstance(found, kind) else found
        assert came == expected, f"the portal: {came or 'done'}; the model: {expected or 'done'}"

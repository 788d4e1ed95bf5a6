"""The whole life of a session, played by a machine beside a model in plain Python (``tests/offers/life_model.py``).

After each step the session in the database must look like the model's, and the promises of the life cycle must hold.
Each life happens in a transaction that is rolled back; that use-cases commit, and commit alone, is tested elsewhere
(``test_enrolment_race``).
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from offers.domain import approval, cancelling, draw, encounters, handover, moving, planning, rules, waiting_list
from offers.domain import enrolment as enrolling
from offers.models import Encounter, Enrolment, Meeting, MoveAnswer, MoveProposal, Offer, Session, VisitReport
from portal.domain import links
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Message
from tests import factories
from tests.conftest import TODAY
from tests.offers.life_model import (
    ACTIVE,
    ALLOWED,
    CANCELLED,
    HOLDING,
    OPEN,
    TOLD_ABOUT,
    Day,
    Entry,
    Model,
    later,
    on_day,
)

DESK = Actor.job("desk")
STARTS_AT = datetime(2026, 9, 29, 9, 0, tzinfo=COPENHAGEN)
LAST_START = datetime(2026, 10, 9, tzinfo=COPENHAGEN)  # the week after has no school
SECOND = timedelta(seconds=1)
# The mails about enrolments of which the model knows each one.
KNOWN = {
    *("enrolment_confirmed", "enrolment_pending", "enrolment_waitlisted", "enrolment_in_draw", "enrolment_declined"),
    *("enrolment_cancelled", "enrolment_restored", "enrolment_no_show", "enrolment_handed_over"),
    *("place_offered", "place_expired", "request_expired", "session_cancelled", "meeting_cancelled"),
    *("move_proposed", "move_nudge", "move_released", "move_withdrawn"),
    *("host_new_enrolment", "host_request", "leader_request"),
}
SNAPSHOT = ("title_then", "host_then", "place_then", "price_ore_then", "starts_then", "ends_then")
__all__ = ["LifeOfASession"]


class LifeOfASession(RuleBasedStateMachine):
    """Everything that may happen to a session, in any order."""

    enrolled = Bundle("enrolled")
    steps: Counter[str] = Counter()

    @initialize(
        target=enrolled,
        places=st.integers(20, 60),
        counted=st.sampled_from(["pupils", "classes"]),
        sizes=st.lists(st.integers(8, 30), min_size=4, max_size=4),
        dates=st.sampled_from([1, 1, 2, 3]),
        choices=st.fixed_dictionaries(
            {name: st.booleans() for name in ("by_request", "overtake", "unvisited_first", "leader", "release", "soon")}
        ),
        drawn=st.sampled_from([False, False, True]),
    )
    def publish(
        self, places: int, counted: str, sizes: list[int], dates: int, choices: dict[str, bool], *, drawn: bool
    ) -> Any:
        """A session of a course, by every rule a municipality may choose; four classes of two schools.

        All four have enrolled already: a life that begins with nothing is mostly over before something happens.
        """
        self.block = transaction.atomic()
        self.block._from_testcase = True  # type: ignore[attr-defined]
        self.block.__enter__()
        factories.MunicipalityFactory.create(
            smaller_may_overtake=choices["overtake"],
            unvisited_first=choices["unvisited_first"],
            move_default="release" if choices["release"] else "keep",
            cancel_days=0 if choices["soon"] else 3,
            draw_minutes=60,
        )
        factories.CoordinatorFactory.create(second_factor=False)
        offer = factories.OfferFactory.create(
            title="Kursus 0", places_counted=counted, acceptance="manual" if choices["by_request"] else "automatic"
        )
        places = places if counted == "pupils" else 1 + places % 3
        days = [Day(later(STARTS_AT, number), later(STARTS_AT, number) + timedelta(hours=2)) for number in range(dates)]
        opens_at = on_day(TODAY, 8, 1) if drawn else on_day(TODAY, 8, -30)
        session = factories.SessionFactory.create(
            offer=offer,
            places=places,
            starts_at=STARTS_AT,
            ends_at=days[-1].end,
            opens_at=opens_at,
            closes_at=planning.closing_time(offer, STARTS_AT),
            draw_at=opens_at + timedelta(hours=1) if drawn else None,
        )
        session.meetings.update(ends_at=days[0].end)
        for number, day in enumerate(days[1:], start=2):
            Meeting.objects.create(session=session, number=number, starts_at=day.start, ends_at=day.end)
        self.session_id, self.offer_id = session.pk, offer.pk
        self.meetings = list(session.meetings.order_by("number").values_list("pk", flat=True))
        link = links.ensure(purpose=Link.Purpose.HOST, reference_id=offer.contact.pk, now=TODAY)
        self.host = Actor.of_link(link)
        schools = [
            factories.SchoolFactory.create(),
            factories.SchoolFactory.create(leader_approves=choices["leader"]),
        ]
        self.leader = Actor.of_user(factories.MembershipFactory.create(school=schools[1], role="leader").user)
        # Two classes of each school, called the same: 7.A and 7.B; and two teachers of each school.
        self.classes = [
            factories.SchoolClassFactory.create(school=school, letter=letter) for school in schools for letter in "AB"
        ]
        self.users = [[factories.MembershipFactory.create(school=school).user for _ in range(2)] for school in schools]
        self.teachers = [[Actor.of_user(user) for user in two] for two in self.users]
        self.pks: list[UUID] = []
        self.statuses: dict[UUID, str] = {}
        self.frozen: dict[UUID, tuple[object, ...]] = {}
        self.undone: UUID | None = None
        self.model = Model(
            places=places,
            counts_classes=counted == "classes",
            by_request=choices["by_request"],
            now=opens_at if drawn else TODAY,
            days=days,
            opens_at=opens_at,
            closes_at=session.closes_at,
            draw_minutes=60,
            draw_at=session.draw_at,
            overtake=choices["overtake"],
            visited=frozenset({0}) if choices["unvisited_first"] else frozenset(),
            leader_schools=frozenset({1}) if choices["leader"] else frozenset(),
            silence="release" if choices["release"] else "keep",
            cancel_days=0 if choices["soon"] else 3,
        )
        if choices["unvisited_first"]:
            self.visit_of(self.classes[0])
        found = [self.enrol_class(which, 1, pupils, 0) for which, pupils in enumerate(sizes)]
        return multiple(*(one for one in found if one is not None))

    def visit_of(self, school_class: Any) -> None:
        """The class has had a visit this school year, at another host."""
        other = factories.EnrolmentFactory.create(school_class=school_class, status="completed")
        Encounter.objects.create(
            enrolment=other,
            meeting=other.session.meetings.get(),
            offer=other.session.offer,
            company=other.session.offer.company,
            school=other.school,
            school_class=school_class,
            day=TODAY.date(),
            school_year=2026,
            minutes=120,
            grade=7,
            pupils=20,
            offer_title="Svejs",
            company_name="Smeden",
            school_name="Skolen",
            class_label="7.A",
            industry="industri",
            activity_type="virksomhedsbesoeg",
            evidence="both",
        )

    def teardown(self) -> None:
        """Nothing of a life stays."""
        if hasattr(self, "block"):
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    # --- Enrolling ---------------------------------------------------------------------------------------------

    @rule(
        target=enrolled,
        which=st.integers(0, 3),
        group=st.integers(1, 2),
        pupils=st.integers(1, 32),
        colleague=st.integers(0, 1),
    )
    def enrol(self, which: int, group: int, pupils: int, colleague: int) -> Any:
        """A class is enrolled: again, as a second group, by another teacher. Who stands there already stays so."""
        self.tick("enrol")
        entry = self.enrol_class(which, group, pupils, colleague)
        return multiple() if entry is None else entry

    def enrol_class(self, which: int, group: int, pupils: int, colleague: int) -> Entry | None:
        """Enrol in both; return the new entry, or None where it was refused or stood there already."""
        key = (which, group)
        earlier = self.model.earlier(key)
        expected = earlier or self.model.enrol(key, pupils, colleague)
        by = self.teachers[which // 2][colleague]
        request = self.request(which, group, pupils)
        found = self.attempt(
            lambda: enrolling.enrol_class(session_id=self.session_id, request=request, by=by, now=self.model.now)
        )
        if isinstance(expected, str):
            assert found == expected, (found, expected)
            return None
        assert isinstance(found, Enrolment)
        self.remember(expected, found)
        return None if earlier else expected

    def request(self, which: int, group: int, pupils: int) -> rules.EnrolmentRequest:
        return rules.EnrolmentRequest(
            school_class=self.classes[which], pupils=pupils, adults=2, group=group, form_token=uuid4()
        )

    def remember(self, entry: Entry, found: Enrolment) -> None:
        """Say which row of the portal an entry of the model is."""
        if entry.rank is None:
            entry.rank = found.pk
            self.pks.append(found.pk)
        assert (entry.rank, self.pks[entry.name]) == (found.pk, found.pk)

    @rule(
        target=enrolled,
        school=st.integers(0, 1),
        sizes=st.tuples(st.integers(1, 32), st.integers(1, 32)),
        groups=st.tuples(st.integers(1, 2), st.integers(1, 2)),
        colleague=st.integers(0, 1),
        all_or_none=st.booleans(),
    )
    def enrol_together(
        self,
        school: int,
        sizes: tuple[int, int],
        groups: tuple[int, int],
        colleague: int,
        *,
        all_or_none: bool,
    ) -> Any:
        """Two classes of a school in one request: both or none, or as many as fit."""
        self.tick("enrol together, all or none" if all_or_none else "enrol together, as many as fit")
        asked = [((2 * school + number, groups[number]), sizes[number], colleague) for number in range(2)]
        before = len(self.model.entries)
        expected = self.model.together(asked, all_or_none=all_or_none)
        found = self.attempt(
            lambda: enrolling.enrol_classes(
                session_id=self.session_id,
                requests=[self.request(*key, pupils) for key, pupils, _teacher in asked],
                together=enrolling.Together.ALL_OR_NONE if all_or_none else enrolling.Together.AS_MANY_AS_FIT,
                by=self.teachers[school][colleague],
                now=self.model.now,
            )
        )
        if isinstance(expected, str):
            assert found == expected, (found, expected)
            return multiple()
        assert not isinstance(found, str), found
        pairs = sorted(
            ((entry, answer) for entry, answer in zip(expected, found, strict=True)),
            key=lambda pair: -1 if isinstance(pair[0], str) else pair[0].name,
        )
        for entry, answer in pairs:
            if isinstance(entry, str):
                assert answer.refusal is not None
                assert answer.refusal.code == entry
            else:
                assert answer.enrolment is not None
                self.remember(entry, answer.enrolment)
        return multiple(*self.model.entries[before:])

    @rule(entry=enrolled, pupils=st.integers(1, 32))
    def change(self, entry: Entry, pupils: int) -> None:
        """More come, or fewer."""
        self.tick("change numbers")
        expected = self.model.change(entry, pupils)
        self.both(expected, entry, enrolling.change_numbers, pupils=pupils, adults=2)

    @rule(entry=enrolled, colleague=st.integers(0, 1))
    def hand_over(self, entry: Entry, colleague: int) -> None:
        """The contact teacher gives the enrolment to a colleague, or keeps it."""
        self.tick("hand over")
        by, to = self.teacher_of(entry), self.users[entry.key[0] // 2][colleague].pk
        expected = self.model.hand_over(entry, colleague)
        self.both(expected, entry, handover.hand_over, teacher_id=to, by=by)

    # --- Leaving, and thinking better of it ----------------------------------------------------------------------

    @rule(entry=enrolled, again=st.booleans(), by_desk=st.sampled_from([False, False, True]))
    def cancel(self, entry: Entry, *, again: bool, by_desk: bool) -> None:
        """The school takes its class out, or the coordinator does; twice is once."""
        self.tick("cancel")
        for _time in range(1 + again):
            expected = self.model.cancel(entry, by_desk=by_desk)
            self.both(expected, entry, enrolling.cancel_enrolment, **self.at_the_desk(by_desk))

    @rule(entry=enrolled, by_desk=st.sampled_from([False, False, True]))
    def undo(self, entry: Entry, *, by_desk: bool) -> None:
        """Cancelling is undone, as long as that can be."""
        self.think_better_of(entry, by_desk=by_desk)

    @rule(entry=enrolled, by_desk=st.booleans(), minutes=st.sampled_from([0, 0, 14, 15]))
    def cancel_and_undo(self, entry: Entry, minutes: int, *, by_desk: bool) -> None:
        """A class is cancelled and comes back a little later."""
        self.tick("cancel")
        expected = self.model.cancel(entry, by_desk=by_desk)
        self.both(expected, entry, enrolling.cancel_enrolment, **self.at_the_desk(by_desk))
        self.every_promise_holds()
        self.wait(timedelta(minutes=minutes))
        self.every_promise_holds()
        self.think_better_of(entry, by_desk=by_desk)

    def think_better_of(self, entry: Entry, *, by_desk: bool) -> None:
        self.tick("undo")
        expected = self.model.undo(entry, by_desk=by_desk)
        self.undone = None if expected else self.pks[entry.name]
        self.both(expected, entry, cancelling.undo_cancellation, **self.at_the_desk(by_desk))

    def at_the_desk(self, by_desk: bool) -> dict[str, Any]:
        return {"by": DESK} if by_desk else {}

    # --- Answers -------------------------------------------------------------------------------------------------

    @rule(entry=enrolled, accept=st.booleans())
    def answer(self, entry: Entry, *, accept: bool) -> None:
        """The coordinator answers a request."""
        self.tick("answer a request")
        expected = self.model.answer(entry, accept=accept)
        self.both(expected, entry, enrolling.answer_request, accept=accept, reason="" if accept else "Nej.", by=DESK)

    @rule(entry=enrolled, approve=st.sampled_from([True, True, False]))
    def leader_answers(self, entry: Entry, *, approve: bool) -> None:
        """The leader of the second school answers for it."""
        if entry.key[0] // 2 != 1:
            return
        self.tick("leader answers")
        expected = self.model.leader_answers(entry, approve=approve)
        facts: dict[str, Any] = {"approve": approve, "reason": "" if approve else "Nej.", "by": self.leader}
        self.both(expected, entry, approval.answer_for_school, **facts)

    @rule(entry=enrolled)
    def take_place(self, entry: Entry) -> None:
        """The teacher says yes to an offered place."""
        self.tick("take an offered place")
        self.both(self.model.take(entry), entry, waiting_list.accept_place)

    @rule(entry=enrolled)
    def leave_place(self, entry: Entry) -> None:
        """The teacher leaves an offered place to the next."""
        self.tick("leave an offered place")
        self.both(self.model.leave(entry), entry, waiting_list.decline_place)

    @rule(entry=enrolled)
    def give_place(self, entry: Entry) -> None:
        """The coordinator gives a waiting class its place."""
        self.tick("give a place")
        self.both(self.model.give(entry), entry, waiting_list.give_place, by=DESK)

    # --- The clock -----------------------------------------------------------------------------------------------

    @rule(days=st.sampled_from([0, 0, 1, 1, 2, 5]), hours=st.integers(0, 12))
    def time_passes(self, days: int, hours: int) -> None:
        """The clock goes on, and the jobs do what has become due."""
        self.tick("time passes")
        self.wait(timedelta(days=days, hours=hours))

    @rule(days=st.sampled_from([1, 2, 3]))
    def days_pass(self, days: int) -> None:
        """It is some days later, at the same hour."""
        self.tick("time passes")
        self.wait(timedelta(days=days))

    def wait(self, how_long: timedelta) -> None:
        """Let time pass, and do what has become due in the portal and in the model, job by job, in the same order."""
        model = self.model
        model.now += how_long
        enrolling.expire_requests(model.now)
        model.run_out("pending", "request_expired")
        due = model.draw_is_due()
        assert draw.draw_overdue(model.now) == due
        if due:
            drawn = AuditEntry.objects.get(action="lots-drawn", object_id=str(self.session_id))
            model.draw(drawn.facts["seed"])
        waiting_list.expire_offered(model.now)
        model.run_out("offered", "offer_expired")
        waiting_list.end_waiting(model.now)
        model.end_waiting()
        moving.nudge(model.now)
        moving.carry_out_due(model.now)
        model.follow_move()

    # --- The session itself --------------------------------------------------------------------------------------

    @rule(places=st.integers(1, 80))
    def give_places(self, places: int) -> None:
        """The session gets more places, or fewer."""
        self.tick("change the places")
        places = places if not self.model.counts_classes else 1 + places % 6
        expected = self.model.give_places(places)
        self.session_is(expected, planning.change_places, places=places)

    @rule(opens=st.sampled_from(["same", "same", "tomorrow", "yesterday"]), days=st.integers(-3, 4))
    def change_enrolling(self, opens: str, days: int) -> None:
        """Enrolment opens or closes at another time."""
        self.tick("change opening and closing")
        model = self.model
        now = model.now.replace(minute=0, second=0, microsecond=0)
        opens_at = {"same": model.opens_at, "tomorrow": now + timedelta(days=1), "yesterday": now - timedelta(days=1)}
        closes_at = min(later(model.closes_at, days), model.starts_at + timedelta(hours=days == 4))
        expected = model.change_enrolling(opens_at[opens], closes_at)
        sizes = {"min_pupils": None, "max_pupils": None}
        facts: dict[str, Any] = {"opens_at": opens_at[opens], "closes_at": closes_at, **sizes}
        self.session_is(expected, planning.change_enrolling, **facts)

    @rule(days=st.integers(-3, 4))
    def move(self, days: int) -> None:
        """The coordinator moves the session at once, as agreed; enrolment closes earlier or later with it."""
        if not self.is_ahead(days):
            return
        self.tick("move directly")
        expected = self.model.move(days)
        self.session_is(expected, moving.move_session, starts=self.spans(days), even_if_closed=True, agreed=True)

    @rule(days=st.sampled_from([-2, -1, 1, 2, 3, 4]))
    def propose_move(self, days: int) -> None:
        """A move is proposed to every class that holds places."""
        if not self.is_ahead(days):
            return
        self.tick("propose a move")
        spans = self.spans(days)
        expected = self.model.propose(days)
        facts: dict[str, Any] = {"starts": spans, "even_if_closed": True, "reason": "Ovnen er i stykker."}
        self.session_is(expected, moving.propose_move, MoveProposal, **facts)

    def is_ahead(self, days: int) -> bool:
        return bool(days) and self.model.now < later(self.model.starts_at, days) < LAST_START

    def spans(self, days: int) -> list[tuple[datetime, datetime]]:
        """Return the dates that stand, so many days later; read before the model moves."""
        return moving.shifted(Session.objects.get(pk=self.session_id), days)

    @rule(entry=enrolled, stay=st.sampled_from([True, True, False]))
    def answer_move(self, entry: Entry, *, stay: bool) -> None:
        """A class says whether it comes at the proposed time."""
        if not self.model.proposals:
            return
        self.tick("answer a move")
        expected = self.model.answer_move(entry, stay=stay)
        self.both(expected, entry, moving.answer_move, kind=MoveProposal, stay=stay)

    @rule(stay=st.lists(st.booleans(), min_size=4, max_size=4))
    def all_answer_move(self, stay: list[bool]) -> None:
        """Those who have not answered a proposed move do so, one after the other."""
        proposal = self.model.proposal
        awaited = self.model.awaited(proposal) if proposal is not None else []
        for entry, said in zip(awaited, stay, strict=False):
            self.tick("answer a move")
            expected = self.model.answer_move(entry, stay=said)
            self.both(expected, entry, moving.answer_move, kind=MoveProposal, stay=said)

    @rule(days=st.sampled_from([1, 2, 3]))
    def place_comes_while_a_move_is_proposed(self, days: int) -> None:
        """A class in line gets its place, and says yes to it, while the others are asked about a move."""
        model = self.model
        if model.proposal is None and self.is_ahead(days):
            self.propose_move(days)
        if model.proposal is None or not model.line():
            return
        self.tick("change the places")
        places = max(model.places, model.held + model.need(model.line()[0].pupils))
        self.session_is(model.give_places(places), planning.change_places, places=places)
        self.every_promise_holds()
        for entry in [one for one in model.entries if one.status == "offered"]:
            self.take_place(entry)

    @rule(carry_out=st.booleans())
    def end_move(self, *, carry_out: bool) -> None:
        """The coordinator does not wait: the proposed move is carried out, or taken back."""
        if not self.model.proposals:
            return
        self.tick("carry a move out" if carry_out else "withdraw a move")
        expected = self.model.end_move(carry_out=carry_out)
        newest = MoveProposal.objects.filter(session=self.session_id).order_by("-created_at")[0]
        use_case = moving.carry_out_move if carry_out else moving.withdraw_move
        found = self.attempt(lambda: use_case(proposal_id=newest.pk, by=DESK, now=self.model.now))
        self.as_expected(found, expected, MoveProposal)

    @rule(number=st.integers(0, 2), dice=st.integers(0, 2))
    def cancel_meeting(self, number: int, dice: int) -> None:
        """One date of several is called off; a session of one date seldom, because that is its end."""
        if number >= len(self.model.days) or (dice and len(self.model.days) == 1):
            return
        self.tick("call one date off")
        expected = self.model.cancel_day(number)
        facts = {"meeting_id": self.meetings[number], "reason": "Branden i værkstedet.", "by": DESK}
        found = self.attempt(lambda: planning.cancel_meeting(**facts, now=self.model.now))
        self.as_expected(found, expected, Session)

    @rule(reason=st.just("Branden i værkstedet."), dice=st.integers(0, 9))
    def call_off(self, reason: str, dice: int) -> None:
        """The session is called off; seldom, because little happens afterwards."""
        if dice:
            return
        self.tick("call the session off")
        self.session_is(self.model.call_off(), planning.cancel_session, reason=reason)

    @rule()
    def rename(self) -> None:
        """The course gets another name and price: what was agreed stays what it was."""
        self.tick("rename the course")
        self.model.title = f"Kursus {len(self.model.mails)}.{self.model.now:%d%H}"
        Offer.objects.filter(pk=self.offer_id).update(title=self.model.title, price_ore=len(self.model.mails))

    # --- Afterwards ----------------------------------------------------------------------------------------------

    @rule(
        entry=enrolled,
        number=st.integers(0, 2),
        side=st.sampled_from(["host", "teacher", "coordinator"]),
        outcome=st.sampled_from(["held", "held", "partly", "not_held", "no_show"]),
    )
    def report(self, entry: Entry, number: int, side: str, outcome: str) -> None:
        """Somebody says what became of a date."""
        if number >= len(self.model.days):
            return
        self.tick(f"report: {outcome}")
        expected = self.model.report(entry, number, side, outcome)
        by = {"host": self.host, "teacher": self.teacher_of(entry), "coordinator": DESK}[side]
        pupils = entry.pupils // 2 if outcome == "partly" else None
        found = self.attempt(
            lambda: encounters.report_visit(
                enrolment_id=self.pks[entry.name],
                meeting_id=self.meetings[number],
                outcome=outcome,
                pupils=pupils,
                by=by,
                now=self.model.now,
            )
        )
        self.as_expected(found, expected, VisitReport)

    @rule(
        side=st.sampled_from(["host", "teacher"]),
        outcome=st.sampled_from(["held", "no_show"]),
        dice=st.integers(0, 2),
    )
    def visit_is_over(self, side: str, outcome: str, dice: int) -> None:
        """The first date has come, and one side tells of all classes that were there."""
        model = self.model
        day = model.standing[0]
        if model.cancelled or not model.entries:
            return
        self.tick("the day has come")
        if model.now < day.end:
            if dice:
                return
            self.wait(day.end - model.now)
            self.every_promise_holds()
        for entry in model.entries:
            if entry.status in TOLD_ABOUT:
                self.report(entry, model.days.index(day), side, outcome)

    @rule(entry=enrolled, dice=st.integers(0, 1))
    def take_back(self, entry: Entry, dice: int) -> None:
        """The coordinator takes back what was said about a visit."""
        if dice:
            return
        self.tick("take back what was said")
        self.both(self.model.take_back(entry), entry, encounters.undo_visit, reason="Fejl.", by=DESK)

    # --- What must hold after every step -------------------------------------------------------------------------

    @invariant()
    def every_promise_holds(self) -> None:
        """Look once, and ask each question of what was seen."""
        self.session = Session.objects.get(pk=self.session_id)
        self.rows = {row.pk: row for row in Enrolment.objects.filter(session=self.session_id)}
        self.places_add_up()
        self.the_session_stands_as_the_model_says()
        self.everybody_stands_where_the_model_says()
        self.a_class_stands_once_for_each_group()
        self.no_place_stays_empty_that_somebody_waits_for()
        self.statuses_change_only_as_allowed()
        self.what_has_ended_keeps_what_was_agreed()
        self.moves_are_answered_as_the_model_says()
        self.the_ledger_keeps_every_row()
        self.each_mail_is_promised_once()

    def places_add_up(self) -> None:
        """Σ held = places taken ≤ places, by the counter, by the rows and by the model."""
        held = sum(row.places for row in self.rows.values() if row.status in HOLDING)
        counted = (held, self.session.places_taken, self.model.held)
        assert len(set(counted)) == 1, counted
        assert held <= self.session.places == self.model.places

    def the_session_stands_as_the_model_says(self) -> None:
        """Its times, opening, closing and draw, and the state of each of its dates."""
        session, model = self.session, self.model
        found = (session.starts_at, session.ends_at, session.opens_at, session.closes_at, session.draw_at)
        expected = (model.starts_at, model.ends_at, model.opens_at, model.closes_at, model.draw_at)
        assert found == expected, (found, expected)
        assert (session.drawn_at is not None) == model.drawn
        state = "cancelled" if model.cancelled else "held" if model.is_held else "open"
        assert session.state == state
        dates = list(Meeting.objects.filter(session=session).order_by("number").values_list("starts_at", "state"))
        days = [(day.start, day.state) for day in model.days]
        assert dates == days, (dates, days)

    def everybody_stands_where_the_model_says(self) -> None:
        """Status and numbers of each, and the order of the line."""
        rows = [self.rows[pk] for pk in self.pks]
        assert len(self.rows) == len(rows), "a row is gone, or one too many"
        found = [(row.status, row.pupils, row.answer_by, row.leader_answer) for row in rows]
        expected = [(one.status, one.pupils, one.answer_by, one.leader) for one in self.model.entries]
        assert found == expected, [pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]]
        line = [self.pks[one.name] for one in self.model.line()]
        if line:
            ordered = waiting_list.in_line(Enrolment.objects.filter(pk__in=line))
            assert {one.pk: number for one, number in ordered} == {pk: n for n, pk in enumerate(line, start=1)}

    def a_class_stands_once_for_each_group(self) -> None:
        """A class is at most once in a session, and once more as a second group."""
        standing = [(row.school_class_id, row.group) for row in self.rows.values() if row.status in ACTIVE]
        assert len(standing) == len(set(standing))

    def no_place_stays_empty_that_somebody_waits_for(self) -> None:
        """Every release ends in an offer, or the log says that nobody fits, or the coordinators that it is too late."""
        model, left = self.model, self.session.places_left
        if self.session.state == "open" and not model.begun:
            for entry in model.line():
                row = self.rows[self.pks[entry.name]]
                if row.places <= left:
                    assert model.deadline() is None, "somebody fits, and has not been asked"
                if row.places <= self.session.places and not model.overtake:
                    break
        told = Message.objects.filter(occasion="coordinator_place_free", reference_id=self.session_id)
        looked = AuditEntry.objects.filter(action="line-looked-at", object_id=str(self.session_id))
        counts = (told.count(), looked.count()), (len(model.coordinators_told), model.looked)
        assert counts[0] == counts[1], counts

    def statuses_change_only_as_allowed(self) -> None:
        """Nobody comes back from an end but by an undo, so nobody who cancelled is offered the place again."""
        for pk, row in self.rows.items():
            before = self.statuses.get(pk, row.status)
            if before != row.status:
                back = OPEN if before in CANCELLED and pk == self.undone else set()
                assert row.status in ALLOWED.get(before, back), (before, row.status)
            self.statuses[pk] = row.status

    def what_has_ended_keeps_what_was_agreed(self) -> None:
        """The snapshot of who is enrolled is what was last agreed; of what has ended it does not change."""
        for entry in self.model.entries:
            row = self.rows[self.pks[entry.name]]
            assert (row.title_then, row.starts_then, row.ends_then) == (entry.title, *entry.agreed)
            snapshot = tuple(getattr(row, name) for name in SNAPSHOT)
            if row.status in ACTIVE:
                self.frozen.pop(row.pk, None)
            assert self.frozen.setdefault(row.pk, snapshot) == snapshot or row.status in ACTIVE

    def moves_are_answered_as_the_model_says(self) -> None:
        """Every proposal with its state, and what each class has said."""
        if not self.model.proposals:
            return
        proposals = MoveProposal.objects.filter(session=self.session_id).order_by("created_at")
        found = [(one.state, one.answer_by) for one in proposals]
        assert found == [(one.state, one.answer_by) for one in self.model.proposals]
        answers = MoveAnswer.objects.filter(proposal=proposals.last()).values_list("enrolment", "answer")
        assert dict(answers) == {self.pks[name]: said for name, said in self.model.proposals[-1].answers.items()}

    def the_ledger_keeps_every_row(self) -> None:
        """Rows are written and made void as the model says, and none is ever deleted."""
        rows = Encounter.objects.filter(enrolment__in=self.pks).order_by("recorded_at", "voided_at")
        found = Counter(
            (one.enrolment_id, one.meeting_id, one.pupils, one.evidence, one.voided_at is not None) for one in rows
        )
        expected = Counter(
            (self.pks[entry.name], self.meetings[number], one.pupils, one.evidence, one.void)
            for entry in self.model.entries
            for number, written in entry.ledger.items()
            for one in written
        )
        assert found == expected, (found, expected)

    def each_mail_is_promised_once(self) -> None:
        """Each mail of which the model knows is promised once, and no other; *confirmed* as often as the log says."""
        about = Message.objects.filter(reference_type="offers.enrolment", reference_id__in=self.pks)
        found = list(about.values_list("reference_id", "occasion", "state", "recipient_id"))
        promised = Counter((pk, occasion) for pk, occasion, _state, _to in found if occasion in KNOWN)
        expected = Counter((self.pks[name], occasion) for name, occasion, *_ in self.mails())
        assert promised == expected, (promised - expected, expected - promised)
        lines = AuditEntry.objects.filter(action="enrolment-confirmed", object_id__in=self.pks).count()
        assert lines == self.model.confirmations, (lines, self.model.confirmations)
        for entry in self.model.entries:  # whoever is confirmed, and nobody else, has heard it
            if entry.status == "confirmed":
                live = {
                    to
                    for pk, occasion, state, to in found
                    if pk == self.pks[entry.name] and state == "queued" and occasion in self.CONFIRMS
                }
                assert live == {self.users[entry.key[0] // 2][entry.teacher].pk}, (entry.name, live)

    CONFIRMS = ("enrolment_confirmed", "enrolment_handed_over")

    def mails(self) -> list[tuple[int, str]]:
        return [(int(str(name)), str(occasion)) for name, occasion, *_ in self.model.mails]

    # --- Common --------------------------------------------------------------------------------------------------

    def tick(self, step: str) -> None:
        """Count a step; a second passes, for no two things happen at the very same moment."""
        self.steps[step] += 1
        self.undone = None
        self.model.now += SECOND

    def attempt(self, do: Callable[[], Any]) -> Any:
        """Return what came of it, or the code of the refusal."""
        try:
            return do()
        except Refusal as refusal:
            return refusal.code

    def as_expected(self, found: Any, expected: str | None, kind: type) -> None:
        """Expect the same refusal or none."""
        came = "" if isinstance(found, kind) else found
        assert came == (expected or ""), f"the portal: {came or 'done'}; the model: {expected or 'done'}"

    def teacher_of(self, entry: Entry) -> Actor:
        return self.teachers[entry.key[0] // 2][entry.teacher]

    def both(
        self, expected: str | None, entry: Entry, use_case: Callable[..., Any], *, kind: type = Enrolment, **facts: Any
    ) -> None:
        """Do to the portal's enrolment what was done to the model's, and expect the same refusal or none."""
        facts = {"by": self.teacher_of(entry), **facts}
        found = self.attempt(lambda: use_case(enrolment_id=self.pks[entry.name], now=self.model.now, **facts))
        self.as_expected(found, expected, kind)

    def session_is(
        self, expected: str | None, use_case: Callable[..., Any], kind: type = Session, **facts: Any
    ) -> None:
        """Do to the portal's session what was done to the model's, and expect the same refusal or none."""
        found = self.attempt(lambda: use_case(session_id=self.session_id, by=DESK, now=self.model.now, **facts))
        self.as_expected(found, expected, kind)

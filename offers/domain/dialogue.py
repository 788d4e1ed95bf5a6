"""Dialogues: a class proposes times for a course by agreement, and school, host and coordinator agree on one.

    asked → in talk → agreed | not now | no answer | withdrawn

*In talk* begins with the host's first answer. One side's turn it is at a time (``awaits``); who owes an answer is
reminded twice, then the talk is closed as *no answer*. *Agreed* makes a session and an enrolment in the same
transaction. Neither side sees the other's address before that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from offers.domain import dates, notices, planning, rules, snapshot
from offers.domain import places as seats
from offers.models import Dialogue, DialogueEntry, Enrolment, Offer, ProposedTime, Session
from portal.domain import audit, calendar, limits, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar
from portal.domain.jobs import one_by_one
from portal.domain.refusal import Refusal
from portal.models import User
from schools.domain import approval, membership
from schools.models import Membership, SchoolClass, school_year_of

State = Dialogue.State
Side = Dialogue.Side

MOST_TIMES = 3
MOST_NUDGES = 2
NUDGE_HOUR = 8
MOST_ANSWERS_IN_AN_HOUR = 20
LONGEST_TEXT = 1000
LONGEST_REASON = 300
SPRING = 4
MOST_SHOWN = 30
ENDED_SHOWN_FOR = 60
# Mails that tell whose turn it is: a later step makes them untrue.
TURNS = ["host_dialogue_asked", "host_dialogue_answer", "host_dialogue_nudge", "dialogue_answer", "dialogue_nudge"]
TURNS += ["coordinator_dialogue_asked", "coordinator_dialogue_nudge"]

Span = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class DialogueRequest:
    """What a class asks a host for. ``teacher`` is the contact teacher, for whoever asks on behalf of somebody else."""

    school_class: SchoolClass
    pupils: int | None = None
    adults: int = 1
    times: Sequence[Span]
    note: str = ""
    teacher: User | None = None
    form_token: UUID = field(default_factory=uuid4)

    @property
    def head_count(self) -> int:
        """How many pupils come."""
        return self.pupils if self.pupils is not None else self.school_class.pupils


# --- Questions -----------------------------------------------------------------------------------------------------


def last_day(now: datetime) -> date:
    """Return until when times may be proposed: the end of the school year; from April on, the end of the next."""
    today = calendar.local_day(now)
    year = school_year_of(today) + (1 if SPRING <= today.month < 8 else 0)
    return date(year + 1, 7, 31)


def time_refused(starts_at: datetime, ends_at: datetime, school_calendar: SchoolCalendar, *, now: datetime) -> str:
    """Return why a time cannot be proposed, in words; nothing when it can."""
    day = calendar.local_day(starts_at)
    if starts_at <= now:
        return _("%(when)s has passed. Choose a time ahead.") % {"when": dates.moment_in_words(starts_at)}
    if ends_at <= starts_at:
        return _("The end must be after the beginning.")
    if ends_at - starts_at > planning.LONGEST_MEETING:
        return _("A visit lasts 24 hours at most.")
    if day > last_day(now):
        return _("Choose a day before %(day)s; later ones belong to another school year.") % {
            "day": dates.short_day(calendar.at(last_day(now) + timedelta(days=1), 12))
        }
    if reason := planning.closed_because(day, school_calendar):
        return _("There is no school on %(day)s (%(reason)s). Choose another day.") % {
            "day": dates.day_in_words(starts_at),
            "reason": reason,
        }
    return ""


def open_to_requests(offer: Offer) -> bool:
    """Return whether classes may propose times for the course now."""
    return offer.by_agreement and offer.state == Offer.State.PUBLISHED


def asked_for() -> QuerySet[Offer]:
    """Return the courses for which classes may propose times now; see :func:`open_to_requests`."""
    return Offer.objects.filter(by_agreement=True, state=Offer.State.PUBLISHED).defer("search", "words")


def speaks_for_school(dialogue: Dialogue, user: User | UUID) -> bool:
    """Return whether the person may answer for the class: its contact teacher, and who acts for the whole school.

    Both only while they have a role at the school: whoever has left does not bind it any more.
    """
    user_id = user.pk if isinstance(user, User) else user
    roles = Membership.objects.current().filter(user=user_id, school=dialogue.school_id)
    if dialogue.teacher_id != user_id:
        roles = roles.filter(role__in=Membership.Role.acting_for_school())
    return roles.exists()


def possible_times(dialogue: Dialogue, *, now: datetime) -> list[ProposedTime]:
    """Return the proposed times that can still be agreed on, the first first."""
    return list(dialogue.times.filter(is_withdrawn=False, starts_at__gt=now).order_by("starts_at", "pk"))


def may_accept(time: ProposedTime, side: str) -> bool:
    """Return whether that side may agree to the time: the other one proposed it, or it is the coordinator."""
    return time.side != side


def next_nudge(now: datetime) -> datetime:
    """Return when whoever owes an answer is reminded: at 8, so many school days ahead as the municipality chose."""
    count = seats.the_municipality().dialogue_nudge_days
    return calendar.at(SchoolCalendar.load().school_days_after(calendar.local_day(now), count), NUDGE_HOUR)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A dialogue as it stands in a list."""

    dialogue: Dialogue
    label: str
    whens: list[str]
    my_turn: bool
    hosts_turn: bool
    color: str
    teacher: str = ""


def of_school(person: User, *, whole_school: bool = False, now: datetime) -> list[Shown]:
    """Return what stands under *Requests*: the person's own, or all of the schools one acts for; open or lately ended.

    What was agreed stands among the enrolments.
    """
    if whole_school:
        schools = membership.schools_of(person, Membership.Role.acting_for_school())
        rows = Dialogue.objects.filter(school__in=schools.values("pk"))
    else:
        rows = Dialogue.objects.filter(teacher=person)
    wanted = Q(state__in=State.open()) | Q(
        state__in=[State.NOT_NOW, State.NO_ANSWER], state_at__gt=now - timedelta(days=ENDED_SHOWN_FOR)
    )
    return _shown(rows.filter(wanted), now=now, with_teacher=whole_school)


def of_company(company_id: UUID, *, now: datetime) -> list[Shown]:
    """Return the open dialogues of a company, those first that wait for it."""
    rows = Dialogue.objects.open().filter(offer__company=company_id)
    return sorted(_shown(rows, now=now), key=lambda one: not one.hosts_turn)


def _shown(rows: QuerySet[Dialogue], *, now: datetime, with_teacher: bool = False) -> list[Shown]:
    rows = rows.select_related("offer__company", "school", "school_class", "teacher")
    rows = rows.defer("offer__search", "offer__words").prefetch_related("times").order_by("-state_at", "pk")
    found = []
    for one in rows[:MOST_SHOWN]:
        is_open = one.state in State.open()
        times = [time for time in one.times.all() if not time.is_withdrawn and time.starts_at > now]
        found.append(
            Shown(
                dialogue=one,
                label=one.school_class.label(calendar.local_day(times[0].starts_at if times else one.created_at)),
                whens=[dates.span_in_words(time.starts_at, time.ends_at) for time in times],
                my_turn=is_open and one.awaits == Side.TEACHER,
                hosts_turn=is_open and one.awaits == Side.HOST,
                color="neutral" if not is_open else "warning" if one.awaits == Side.TEACHER else "info",
                teacher=one.teacher.name if with_teacher and one.teacher is not None else "",
            )
        )
    return found


# --- Use-cases -----------------------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def ask_for_a_time(*, offer_id: UUID, request: DialogueRequest, by: Actor, now: datetime) -> Dialogue:
    """Ask the host of a course by agreement for one of up to three times. By whoever may enrol the class.

    A coordinator asks for the contact teacher who has telephoned; from then on it is the teacher's talk.
    The same form again, or a class that has asked already and waits, gets the dialogue that there is. The host, or
    where there is nobody to write to the coordinators, are told; the teacher gets a receipt. Raises Refusal when the
    class has all the dates it may have of the course in the school year of one of the times.
    """
    offer = Offer.objects.select_for_update(of=("self",)).select_related("company", "contact").get(pk=offer_id)
    teacher = _teacher_for(request, by, now)
    same_class = Q(offer=offer, school_class=request.school_class, state__in=State.open())
    if earlier := Dialogue.objects.filter(Q(form_token=request.form_token) | same_class).first():
        return earlier
    if not open_to_requests(offer):
        raise Refusal(_("The course takes no proposals at the moment."), code="not-by-agreement")
    _refuse_numbers(request)
    if not request.times:
        raise Refusal(_("Propose at least one time."), code="no-time", field="day_1")
    _refuse_times(request.times, now=now)
    _refuse_absent(request.school_class, request.times)
    _refuse_beyond_limit(offer, request.school_class, request.times, by=by, now=now)
    side = Side.HOST if notices.host_contact(offer) is not None else Side.COORDINATOR
    dialogue = Dialogue.objects.create(
        offer=offer,
        school_id=request.school_class.school_id,
        school_class=request.school_class,
        teacher=teacher,
        pupils=request.head_count,
        adults=request.adults,
        state=State.ASKED,
        state_at=now,
        awaits=side,
        nudge_at=next_nudge(now),
        form_token=request.form_token,
        created_at=now,
    )
    _propose(dialogue, Side.TEACHER, request.times, now=now)
    for_another = by.user_id != teacher.pk
    words_of = Side.COORDINATOR if for_another and by.is_coordinator else Side.TEACHER
    _note(dialogue, words_of, request.note, now=now)
    audit.record(by, "dialogue-asked", dialogue, at=now, times=len(request.times), pupils=dialogue.pupils)
    asker = {"asked_by": str(by.user_id)} if for_another else None
    _tell_teacher(dialogue, "dialogue_asked", now=now, parameters=asker)
    _tell_whose_turn_it_is(dialogue, asked=True, now=now)
    return dialogue


@transaction.atomic(durable=True)
def reply(
    *,
    dialogue_id: UUID,
    times: Sequence[Span] = (),
    text: str = "",
    on_behalf: str = "",
    by: Actor,
    now: datetime,
) -> Dialogue:
    """Propose other times (they replace the same side's earlier ones), or write, or both. By either side.

    Then it is the other side's turn, who is told. A coordinator writes to both, and proposes times ``on_behalf`` of
    the side that said so on the telephone. The same again changes nothing. Raises Refusal once the talk has ended.
    """
    dialogue = _locked(dialogue_id)
    side, writer = _speaker(dialogue, by, on_behalf)
    _refuse_ended(dialogue)
    text = text.strip()[:LONGEST_TEXT]
    if not times and not text:
        raise Refusal(_("Propose a time, or write something."), code="nothing-said", field="text")
    if times and side == Side.COORDINATOR:
        raise Refusal(_("Say who proposes the times."), code="on-behalf", field="on_behalf")
    _refuse_times(times, now=now)
    if times:
        _refuse_absent(dialogue.school_class, times)
    if _was_just_said(dialogue, side, writer, times, text):
        return dialogue
    _refuse_flood(by, now)
    if times:
        _propose(dialogue, side, times, now=now)
    _note(dialogue, writer, text, now=now)
    if side != Side.COORDINATOR:
        state = State.IN_TALK if side == Side.HOST else State(dialogue.state)
        _pass_on(dialogue, state=state, awaits=_other_side(dialogue, side), now=now)
    audit.record(by, "dialogue-answered", dialogue, at=now, side=side, times=len(times))
    outbox.withdraw(about=dialogue, occasions=TURNS)
    if side == Side.COORDINATOR:
        _tell_teacher(dialogue, "dialogue_answer", now=now, key=now.isoformat())
        notices.tell_host(dialogue.offer, dialogue, "host_dialogue_answer", now=now, key=now.isoformat())
    else:
        _tell_whose_turn_it_is(dialogue, now=now)
    return dialogue


@transaction.atomic(durable=True)
def agree(*, dialogue_id: UUID, time_id: int, on_behalf: str = "", by: Actor, now: datetime) -> Dialogue:
    """Agree on a proposed time: it becomes a session for this class alone, and the class's enrolment.

    By the side that did not propose it, or a coordinator. Where the school's leader must agree, the enrolment waits
    for that; otherwise it is confirmed at once and both sides get the visit as a calendar file. Whoever agrees to the
    same time again gets what there is; whoever comes second with another time is told what was agreed.
    """
    dialogue = _locked(dialogue_id)
    side, _writer = _speaker(dialogue, by, on_behalf)
    time = dialogue.times.filter(pk=time_id).first()
    if dialogue.state == State.AGREED and dialogue.enrolment is not None:
        session = dialogue.enrolment.session
        if time is not None and time.starts_at == session.starts_at:
            return dialogue
        raise Refusal(
            _("You have just agreed on %(when)s; nothing else was changed.")
            % {"when": dates.span_in_words(session.starts_at, session.ends_at)},
            code="agreed",
        )
    _refuse_ended(dialogue)
    if time is None or time.is_withdrawn:
        raise Refusal(
            _("This time is no longer possible: it was taken back meanwhile. Look at the others."), code="taken-back"
        )
    if not may_accept(time, side):
        raise Refusal(_("It is your own proposal; the other side has to agree to it."), code="own-time")
    span = (time.starts_at, time.ends_at)
    _refuse_absent(dialogue.school_class, [span])
    _refuse_beyond_limit(dialogue.offer, dialogue.school_class, [span], by=by, now=now)
    enrolment = _make_visit(dialogue, time, by=by, now=now)
    _end(dialogue, State.AGREED, now=now, enrolment=enrolment)
    facts = {"starts_at": time.starts_at.isoformat(), "side": side, "enrolment": str(enrolment.pk)}
    audit.record(by, "dialogue-agreed", dialogue, at=now, **facts)
    if enrolment.leader_answer == Enrolment.LeaderAnswer.AWAITED:
        notices.tell_teacher(enrolment, "enrolment_pending", now=now)
        notices.tell_leaders(enrolment, "leader_request", now=now)
        notices.tell_host(dialogue.offer, dialogue, "host_dialogue_awaits_leader", now=now)
    else:
        notices.tell_teacher(enrolment, "dialogue_agreed", now=now)
        notices.tell_host(dialogue.offer, enrolment, "host_dialogue_agreed", now=now)
    return dialogue


@transaction.atomic(durable=True)
def say_not_now(*, dialogue_id: UUID, reason: str, by: Actor, now: datetime) -> Dialogue:
    """End the talk for the host: it cannot be now. A reason is needed, which the teacher reads.

    By the host, or a coordinator for the host. Again changes nothing.
    """
    dialogue = _locked(dialogue_id)
    side, writer = _speaker(dialogue, by, Side.HOST)
    if side != Side.HOST:
        raise Refusal(_("Only the host and the municipality can say that."), code="not-yours")
    if dialogue.state == State.NOT_NOW:
        return dialogue
    _refuse_ended(dialogue)
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise Refusal(_("Write why not; the teacher will read it."), code="reason", field="reason")
    _note(dialogue, writer, reason, now=now)
    _end(dialogue, State.NOT_NOW, now=now)
    audit.record(by, "dialogue-not-now", dialogue, at=now)
    _tell_teacher(dialogue, "dialogue_not_now", now=now)
    if writer == Side.COORDINATOR:
        notices.tell_host(dialogue.offer, dialogue, "host_dialogue_closed", now=now)
    return dialogue


@transaction.atomic(durable=True)
def withdraw(*, dialogue_id: UUID, reason: str = "", by: Actor, now: datetime) -> Dialogue:
    """Take the request back; the host is told. By the school, or a coordinator for it. Again changes nothing."""
    dialogue = _locked(dialogue_id)
    side, writer = _speaker(dialogue, by, Side.TEACHER)
    if side != Side.TEACHER:
        raise Refusal(_("Only the school and the municipality can take the request back."), code="not-yours")
    if dialogue.state == State.WITHDRAWN:
        return dialogue
    _refuse_ended(dialogue)
    _note(dialogue, writer, reason.strip()[:LONGEST_REASON], now=now)
    _end(dialogue, State.WITHDRAWN, now=now)
    audit.record(by, "dialogue-withdrawn", dialogue, at=now)
    notices.tell_host(dialogue.offer, dialogue, "host_dialogue_withdrawn", now=now)
    if by.user_id != dialogue.teacher_id:
        _tell_teacher(dialogue, "dialogue_withdrawn", now=now)
    return dialogue


def follow_up(now: datetime) -> int:
    """Remind whose turn it is, and close what nobody answered after two reminders; return how many were touched.

    While a course is paused nobody is reminded: the host has said that it cannot be for a while.
    """
    overdue = (
        Dialogue.objects.overdue(now)
        .exclude(offer__state=Offer.State.PAUSED)
        .order_by("nudge_at", "pk")
        .values_list("pk", flat=True)
    )
    return one_by_one(lambda dialogue_id: _follow_up(dialogue_id, now=now), overdue)


@transaction.atomic(durable=True)
def _follow_up(dialogue_id: UUID, *, now: datetime) -> bool:
    """Remind once more, or close one dialogue, if it is still unanswered."""
    dialogue = _locked(dialogue_id)
    if dialogue.state not in State.open() or dialogue.nudge_at is None or dialogue.nudge_at > now:
        return False
    if dialogue.offer.state == Offer.State.PAUSED:
        return False
    by = Actor.job("follow-dialogues")
    if dialogue.nudges < MOST_NUDGES:
        dialogue.nudges += 1
        dialogue.nudge_at = next_nudge(now)
        dialogue.save(update_fields=["nudges", "nudge_at"])
        audit.record(by, "dialogue-reminded", dialogue, at=now, side=dialogue.awaits, number=dialogue.nudges)
        occasion = {
            Side.HOST: "host_dialogue_nudge",
            Side.TEACHER: "dialogue_nudge",
            Side.COORDINATOR: "coordinator_dialogue_nudge",
        }[Side(dialogue.awaits)]
        _tell(dialogue, occasion, now=now, key=str(dialogue.nudges) + dialogue.state_at.isoformat())
        return True
    silent = dialogue.awaits
    _end(dialogue, State.NO_ANSWER, now=now)
    audit.record(by, "dialogue-no-answer", dialogue, at=now, side=silent)
    _tell_teacher(dialogue, "dialogue_no_answer", now=now)
    notices.tell_coordinators(dialogue, "coordinator_dialogue_no_answer", now=now)
    if silent == Side.TEACHER:
        notices.tell_host(dialogue.offer, dialogue, "host_dialogue_closed", now=now)
    return True


# --- Steps ---------------------------------------------------------------------------------------------------------


def close_for_erasure(dialogue: Dialogue, *, now: datetime) -> None:
    """Withdraw an open talk whose teacher is erased or gone, and tell the host (a step)."""
    _end(dialogue, State.WITHDRAWN, now=now)
    notices.tell_host(dialogue.offer, dialogue, "host_dialogue_withdrawn", now=now)


def make_room(session: Session, need: int) -> None:
    """Let a session that was agreed for one class have so many places, up to those of the course (a step).

    It was made with exactly the class's places; one more pupil would otherwise never fit. Expects the session's row
    held; other sessions, and a need beyond what the course takes, leave it as it is.
    """
    most = session.offer.places
    if need <= session.places or (most is not None and need > most):
        return
    if Dialogue.objects.filter(enrolment__session=session, state=State.AGREED).exists():
        Session.objects.filter(pk=session.pk).update(places=need)
        session.places = need


def hand_over_talks(user: User, school_id: UUID, colleague: User | None, *, by: Actor, now: datetime) -> list[Dialogue]:
    """Give a person's open talks at a school to the colleague, who is told; return them (a step).

    Without a colleague there is nobody to agree: the requests are taken back, and the hosts are told.
    """
    rows = Dialogue.objects.open().filter(teacher=user, school=school_id).order_by("pk")
    concerned = [_locked(dialogue_id) for dialogue_id in rows.values_list("pk", flat=True)]
    for dialogue in concerned:
        if dialogue.state not in State.open():  # ended while we waited for its row
            continue
        outbox.withdraw(about=dialogue, to=user.pk)
        if colleague is None:
            close_for_erasure(dialogue, now=now)
            audit.record(by, "dialogue-withdrawn", dialogue, at=now)
            continue
        Dialogue.objects.filter(pk=dialogue.pk).update(teacher=colleague)
        dialogue.teacher = colleague
        audit.record(by, "dialogue-handed-over", dialogue, at=now, teacher=str(colleague.pk))
        _tell_teacher(dialogue, "dialogue_handed_over", now=now, key=now.isoformat())
    return concerned


def hold_talks(offer_id: UUID) -> None:
    """Hold the open talks about a course until the transaction ends (a step), before the course itself is held.

    Whoever agrees holds the talk and then asks for the course; in the other order each would wait for the other.
    """
    rows = Dialogue.objects.open().filter(offer=offer_id).order_by("pk")
    list(rows.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))


def close_with_course(offer: Offer, *, by: Actor, now: datetime) -> None:
    """End the open talks about a course that is archived or has expired (a step); teacher and host are told."""
    for dialogue_id in Dialogue.objects.open().filter(offer=offer).order_by("pk").values_list("pk", flat=True):
        dialogue = _locked(dialogue_id)
        language = dialogue.teacher.language if dialogue.teacher is not None else translation.get_language()
        with translation.override(language):
            _note(dialogue, Side.COORDINATOR, _("The course is no longer offered."), now=now)
        _end(dialogue, State.NOT_NOW, now=now)
        audit.record(by, "dialogue-course-gone", dialogue, at=now)
        _tell_teacher(dialogue, "dialogue_not_now", now=now)
        notices.tell_host(offer, dialogue, "host_dialogue_closed", now=now)


def wake_talks(offer: Offer, *, now: datetime) -> None:
    """Count the days until the next reminder anew, once a paused course is back (a step)."""
    Dialogue.objects.overdue(now).filter(offer=offer).update(nudge_at=next_nudge(now))


def _locked(dialogue_id: UUID) -> Dialogue:
    """Return the dialogue, its row held until the transaction ends: of two who answer at once, one is first.

    What it points to is read once the row is held: a join would show whoever waited the enrolment of before.
    """
    Dialogue.objects.select_for_update().get(pk=dialogue_id)
    rows = Dialogue.objects.select_related("offer__company", "offer__contact", "school", "school_class", "teacher")
    return rows.select_related("enrolment__session").get(pk=dialogue_id)


def _speaker(dialogue: Dialogue, by: Actor, on_behalf: str) -> tuple[str, str]:
    """Return for which side the actor speaks, and who is said to write; raise Refusal for strangers.

    Only coordinators speak on somebody's behalf; what others say of that is not asked.
    """
    if on_behalf in {Side.HOST, Side.TEACHER} and by.is_coordinator:
        return on_behalf, Side.COORDINATOR
    if planning.hosts(dialogue.offer, by):
        return Side.HOST, Side.HOST
    if by.user_id is not None and speaks_for_school(dialogue, by.user_id):
        return Side.TEACHER, Side.TEACHER
    if by.is_coordinator:
        return Side.COORDINATOR, Side.COORDINATOR
    raise Refusal(_("Only the class's school, the host and the municipality take part in this talk."), code="not-yours")


def _teacher_for(request: DialogueRequest, by: Actor, now: datetime) -> User:
    """Return the contact teacher; raise Refusal when the actor may not enrol the class."""
    if by.is_coordinator and request.teacher is not None:
        if not membership.belongs_to(request.teacher.pk, request.school_class.school_id):
            raise Refusal(_("The contact teacher must belong to the school."), code="not-of-school", field="teacher")
        return request.teacher
    person = User.objects.get(pk=by.id)  # only people ask: of a link or a job there is no row
    day = calendar.local_day(request.times[0][0]) if request.times else calendar.local_day(now)
    if not membership.enrollable_classes(person, day).filter(pk=request.school_class.pk).exists():
        raise Refusal(
            _("You can propose times for classes of your own school only."),
            code="not-your-school",
            field="school_class",
        )
    teacher = request.teacher or person
    if teacher.pk != person.pk and not membership.belongs_to(teacher.pk, request.school_class.school_id):
        raise Refusal(_("The contact teacher must belong to the school."), code="not-of-school", field="teacher")
    return teacher


def _refuse_numbers(request: DialogueRequest) -> None:
    if not 1 <= request.head_count <= rules.MOST_PUPILS:
        raise Refusal(_("Write between 1 and 60 pupils."), code="pupils", field="pupils")
    if not 1 <= request.adults <= rules.MOST_ADULTS:
        raise Refusal(_("Write between 1 and 20 adults."), code="adults", field="adults")


def _refuse_times(times: Sequence[Span], *, now: datetime) -> None:
    """Raise Refusal when one of the times cannot be proposed, or one stands twice."""
    if len(times) > MOST_TIMES:
        raise Refusal(_("Propose three times at most."), code="too-many-times", field="day_3")
    school_calendar = SchoolCalendar.load() if times else None
    for number, (starts_at, ends_at) in enumerate(times, start=1):
        assert school_calendar is not None
        if why := time_refused(starts_at, ends_at, school_calendar, now=now):
            raise Refusal(why, code="time", field=f"day_{number}")
    if len({starts_at for starts_at, _ends_at in times}) < len(times):
        raise Refusal(_("Two of the times are the same."), code="same-time", field="day_1")


def _refuse_absent(school_class: SchoolClass, times: Sequence[Span]) -> None:
    """Raise Refusal when the class, or its school, is gone by then."""
    for starts_at, _ends_at in times:
        day = calendar.local_day(starts_at)
        school = school_class.school
        if school.closed_on is not None and day >= school.closed_on:
            raise Refusal(
                _("%(school)s is closed on the day of the visit.") % {"school": school},
                code="school-closed",
                field="school_class",
            )
        if not school_class.is_active or school_class.has_left(day):
            raise Refusal(
                _("The class is no longer at the school on the day of the visit. Choose another class."),
                code="class-gone",
                field="school_class",
            )


def _refuse_beyond_limit(
    offer: Offer, school_class: SchoolClass, times: Sequence[Span], *, by: Actor, now: datetime
) -> None:
    """Raise Refusal when the class has had its dates in the school year of a time; a coordinator may except it."""
    if by.is_coordinator:
        return
    for starts_at, ends_at in times:
        session = Session(offer=offer, starts_at=starts_at, ends_at=ends_at)  # as it would be
        rules.hold_classes(session, [school_class])
        if refusal := rules.limit_refused(session, school_class, now):
            raise refusal


def _refuse_ended(dialogue: Dialogue) -> None:
    if dialogue.state not in State.open():
        raise Refusal(
            _("The talk has ended meanwhile: %(state)s.") % {"state": dialogue.get_state_display()}, code="ended"
        )


def _refuse_flood(by: Actor, now: datetime) -> None:
    """Raise Refusal after 20 answers within an hour: each is a mail."""
    if limits.count("dialogue-answer", f"{by.kind}:{by.id}", window=timedelta(hours=1), now=now) > (
        MOST_ANSWERS_IN_AN_HOUR
    ):
        raise Refusal(_("That was a lot of messages in an hour. Wait a little, or use the telephone."), code="flood")


def _propose(dialogue: Dialogue, side: str, times: Sequence[Span], *, now: datetime) -> None:
    """Write the times of one side; those it proposed before and does not repeat are no longer possible."""
    dialogue.times.filter(side=side).exclude(starts_at__in=[one[0] for one in times]).update(is_withdrawn=True)
    for starts_at, ends_at in times:
        facts = {"ends_at": ends_at, "is_withdrawn": False, "proposed_at": now}
        ProposedTime.objects.update_or_create(dialogue=dialogue, side=side, starts_at=starts_at, defaults=facts)


def _note(dialogue: Dialogue, side: str, text: str, *, now: datetime) -> None:
    """Write what somebody said, if anything."""
    if text := text.strip()[:LONGEST_TEXT]:
        DialogueEntry.objects.create(dialogue=dialogue, side=side, text=text, at=now)


def _was_just_said(dialogue: Dialogue, side: str, writer: str, times: Sequence[Span], text: str) -> bool:
    """Return whether the very same was the last thing said: a double click, a page sent again."""
    last = dialogue.entries.order_by("at", "pk").last()
    same_text = not text or (last is not None and last.side == writer and last.text == text)
    possible = set(dialogue.times.filter(side=side, is_withdrawn=False).values_list("starts_at", "ends_at"))
    return same_text and (not times or set(times) == possible)


def _other_side(dialogue: Dialogue, side: str) -> str:
    """Return whose turn it is after ``side``: the other one; the coordinators' where a host has nobody to write to."""
    if side == Side.HOST:
        return Side.TEACHER
    return Side.HOST if notices.host_contact(dialogue.offer) is not None else Side.COORDINATOR


def _pass_on(dialogue: Dialogue, *, state: str, awaits: str, now: datetime) -> None:
    """Make it another side's turn, with new reminders."""
    dialogue.state, dialogue.awaits, dialogue.state_at = state, awaits, now
    dialogue.nudges, dialogue.nudge_at = 0, next_nudge(now)
    dialogue.save(update_fields=["state", "awaits", "state_at", "nudges", "nudge_at"])


def _end(dialogue: Dialogue, state: str, *, now: datetime, enrolment: Enrolment | None = None) -> None:
    """End the talk, and take back what was promised to be said about whose turn it is."""
    dialogue.state, dialogue.state_at, dialogue.nudge_at, dialogue.enrolment = state, now, None, enrolment
    dialogue.save(update_fields=["state", "state_at", "nudge_at", "enrolment"])
    outbox.withdraw(about=dialogue, occasions=TURNS)


def _make_visit(dialogue: Dialogue, time: ProposedTime, *, by: Actor, now: datetime) -> Enrolment:
    """Write the session and the class's enrolment in it, which takes all its places."""
    offer = dialogue.offer
    need = seats.needed(offer, dialogue.pupils, dialogue.adults)
    session = planning.plan_for_one_class(
        offer, time.starts_at, time.ends_at, places=need, even_if_closed=by.is_coordinator, by=by, now=now
    )
    teacher = dialogue.teacher
    asker = Actor.of_user(teacher) if teacher is not None and not by.is_coordinator else by
    awaits_leader = approval.is_needed(dialogue.school, asker)
    answer_by = None
    if awaits_leader:
        answer_by = seats.request_deadline(session, seats.the_municipality(), SchoolCalendar.load(), now)
    status = Enrolment.Status.PENDING if awaits_leader else Enrolment.Status.CONFIRMED
    answers = Enrolment.LeaderAnswer
    enrolment = Enrolment.objects.create(
        session=session,
        school_class=dialogue.school_class,
        school=dialogue.school,
        teacher=teacher,
        teacher_phone=teacher.phone if teacher is not None else "",
        grade=rules.grade_of(dialogue.school_class, offer, session),
        pupils=dialogue.pupils,
        adults=dialogue.adults,
        places=need,
        status=status,
        status_at=now,
        leader_answer=answers.AWAITED if awaits_leader else answers.NOT_NEEDED,
        answer_by=answer_by,
        created_at=now,
        **snapshot.facts_of(session, dialogue.school),
    )
    seats.take(session, need)
    audit.record(by, f"enrolment-{status.value}", enrolment, at=now, pupils=enrolment.pupils, places=need)
    return enrolment


def _tell_whose_turn_it_is(dialogue: Dialogue, *, asked: bool = False, now: datetime) -> None:
    """Promise whoever owes the answer a mail (a step)."""
    occasion = {
        Side.HOST: "host_dialogue_asked" if asked else "host_dialogue_answer",
        Side.TEACHER: "dialogue_answer",
        Side.COORDINATOR: "coordinator_dialogue_asked",
    }[Side(dialogue.awaits)]
    _tell(dialogue, occasion, now=now, key="" if asked else now.isoformat())


def _tell(dialogue: Dialogue, occasion: str, *, now: datetime, key: str) -> None:
    """Promise a mail to those whom the occasion is for (a step)."""
    if occasion.startswith("host_"):
        notices.tell_host(dialogue.offer, dialogue, occasion, now=now, key=key)
    elif occasion.startswith("coordinator_"):
        notices.tell_coordinators(dialogue, occasion, now=now, key=key)
    else:
        _tell_teacher(dialogue, occasion, now=now, key=key)


def _tell_teacher(
    dialogue: Dialogue,
    occasion: str,
    *,
    now: datetime,
    key: str = "",
    parameters: dict[str, str] | None = None,
) -> None:
    """Promise the contact teacher a mail (a step)."""
    teacher = dialogue.teacher
    if teacher is not None and teacher.is_active:
        to = outbox.Recipient.of_user(teacher)
        outbox.post(occasion=occasion, about=dialogue, to=to, now=now, key=key, parameters=parameters, urgency=3)

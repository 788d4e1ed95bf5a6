"""Moving: a session gets a new time or place. With classes enrolled they are asked first; nobody is moved unasked.

A proposal lies beside the session until every class that holds places has answered, or the deadline has passed. Then
it is carried out in one step: who cannot come is released first, the dates are written, what was planned to be said
about the old time is planned anew, and what became free is offered to the line, for the new time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from offers.domain import dates, notices, planning, reminders, snapshot
from offers.domain import places as seats
from offers.models import Enrolment, Meeting, MoveAnswer, MoveProposal, ProposedMeeting, Session
from portal.domain import audit, calendar, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar
from portal.domain.jobs import one_by_one
from portal.domain.refusal import Refusal
from portal.models import Message, Municipality
from portal.models.municipality import MoveDefault
from schools.models import school_year_of

Status = Enrolment.Status
Answer = MoveAnswer.Answer
Span = tuple[datetime, datetime]
ANSWER_HOUR, NUDGE_HOUR = 16, 9
SHORTEST_OPENING = timedelta(minutes=1)
ASKED = [Status.PENDING, Status.CONFIRMED, Status.OFFERED]
TOLD_OF_MOVES = [*ASKED, Status.WAITLISTED, Status.IN_DRAW]


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """Until when the classes answer a proposed move, and when those are reminded who have not."""

    answer_by: datetime
    nudge_at: datetime


# --- Questions ---------------------------------------------------------------------------------------------------


def proposed(session: Session) -> MoveProposal | None:
    """Return the move that lies before the classes of a session, with its dates, or None."""
    rows = MoveProposal.objects.open().filter(session=session).prefetch_related("meetings")
    return rows.first()


def answer_of(enrolment: Enrolment, proposal: MoveProposal) -> str:
    """Return what the class has said; who was enrolled when both times were shown has said *stay* by enrolling.

    Who came to hold places in another way, or has another teacher since, was asked (``places.ask_about_the_move``).
    """
    row = proposal.answers.filter(enrolment=enrolment).first()
    return row.answer if row is not None else Answer.STAY


def asked(session: Session) -> QuerySet[Enrolment]:
    """Return the classes that hold places and so must be asked before a session is moved."""
    return session.enrolments.filter(status__in=ASKED)


def unanswered(proposal: MoveProposal) -> QuerySet[MoveAnswer]:
    """Return the answers that are still awaited; of a class that has left in the meantime none is."""
    return proposal.answers.filter(answer=Answer.PENDING, enrolment__status__in=ASKED)


def deadline(
    session: Session, new_start: datetime, municipality: Municipality, school_calendar: SchoolCalendar, now: datetime
) -> Deadline | None:
    """Return until when classes can be asked, or None when there is no time to ask anybody in writing.

    It is 16.00 on the municipality's so-many-eth school day after today (5 unless chosen otherwise), or on the last
    school day whose 16.00 is before both beginnings, the old and the new. The reminder is sent half-way, at nine.
    """
    latest = min(session.starts_at, new_start)
    today = calendar.local_day(now)
    for days in range(municipality.move_answer_days, 0, -1):
        answer_by = calendar.at(school_calendar.school_days_after(today, days), ANSWER_HOUR)
        if now < answer_by < latest:
            half_way = school_calendar.school_days_after(today, max(days // 2, 1))
            return Deadline(answer_by=answer_by, nudge_at=calendar.at(half_way, NUDGE_HOUR))
    return None


def standing(session: Session) -> list[Meeting]:
    """Return the dates of a session that have not been called off, in order."""
    return [one for one in session.meetings.order_by("number") if one.state != Meeting.State.CANCELLED]


def shifted(session: Session, days: int) -> list[Span]:
    """Return the session's dates so many days later (fewer than nothing: earlier), at the same hours on the wall."""
    return [(_days_later(one.starts_at, days), _days_later(one.ends_at, days)) for one in standing(session)]


def _days_later(moment: datetime, days: int) -> datetime:
    local = moment.astimezone(calendar.COPENHAGEN)
    return calendar.at(local.date() + timedelta(days=days), local.hour, local.minute)


# --- With the classes' consent -----------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def propose_move(
    *,
    session_id: UUID,
    starts: Sequence[Span],
    places: Sequence[str] | None = None,
    reason: str,
    even_if_closed: bool = False,
    by: Actor,
    now: datetime,
) -> MoveProposal:
    """Ask every class that holds places whether it can come at another time or place (``starts`` as in move_session).

    By the host's own link or a coordinator. Until all have answered, or the deadline has passed, the session stays
    where it is; what a silent class means then is what the municipality had chosen today. Raises Refusal without a
    reason, when a move is already proposed, when nobody needs to be asked, and when there is no time left to ask.
    """
    session = seats.locked_session(session_id)
    by_host = _refuse_others(session, by)
    meetings = standing(session)
    _refuse_to_move(session, meetings, now)
    if proposed(session) is not None:
        raise Refusal(_("A move is already proposed; withdraw it first."), code="proposed-already")
    reason = reason.strip()[:300]
    if not reason:
        raise Refusal(_("Write why; the classes will read it."), code="reason", field="reason")
    spans, wheres = _new_times(session, meetings, starts, places, even_if_closed=even_if_closed, now=now)
    if _is_the_same(meetings, spans, wheres):
        raise Refusal(_("That is the time and the place it has already."), code="same", field="starts")
    concerned = list(asked(session).select_related("teacher").order_by("created_at", "pk"))
    if not concerned:
        raise Refusal(_("No class is enrolled, so nobody needs to be asked. Move it at once."), code="nobody")
    _refuse_another_school_year(session, spans)
    municipality = seats.the_municipality()
    found = deadline(session, spans[0][0], municipality, SchoolCalendar.load(), now)
    if found is None:
        raise Refusal(
            _(
                "There is no school day left on which the classes could answer in writing. Telephone them; when they"
                " agree, the municipality's coordinator moves the date directly."
            ),
            code="too-late",
        )
    proposal = MoveProposal.objects.create(
        session=session,
        proposed_by=MoveProposal.Side.HOST if by_host else MoveProposal.Side.MUNICIPALITY,
        reason=reason,
        silence=municipality.move_default,
        answer_by=found.answer_by,
        nudge_at=found.nudge_at,
        created_at=now,
    )
    ProposedMeeting.objects.bulk_create(
        ProposedMeeting(proposal=proposal, number=meeting.number, starts_at=begins, ends_at=ends, place=where)
        for meeting, (begins, ends), where in zip(meetings, spans, wheres, strict=True)
    )
    MoveAnswer.objects.bulk_create(MoveAnswer(proposal=proposal, enrolment=one) for one in concerned)
    audit.record(
        by,
        "move-proposed",
        session,
        at=now,
        before=session.starts_at.isoformat(),
        starts_at=spans[0][0].isoformat(),
        enrolments=len(concerned),
        answer_by=found.answer_by.isoformat(),
    )
    key, facts = str(proposal.pk), {"proposal": str(proposal.pk)}
    for one in concerned:
        notices.tell_teacher(one, "move_proposed", now=now, key=key, not_after=found.answer_by, parameters=facts)
    notices.tell_host(session.offer, session, "host_move_proposed", now=now, key=key, parameters=facts)
    if by_host:
        notices.tell_coordinators(session, "coordinator_move_proposed", now=now, key=key, parameters=facts)
    return proposal


@transaction.atomic(durable=True)
def answer_move(*, enrolment_id: UUID, stay: bool, by: Actor, now: datetime) -> MoveProposal:
    """Say for one class whether it comes at the proposed time; the last answer carries the move out.

    By whoever may manage the enrolment. The answer may be changed until the move is carried out; the same answer
    again changes nothing, also afterwards.
    """
    enrolment = seats.locked_enrolment(enrolment_id)
    seats.refuse_strangers(enrolment, by)
    session = enrolment.session
    said = Answer.STAY if stay else Answer.LEAVE
    proposal = proposed(session)
    if proposal is None:
        earlier = MoveAnswer.objects.filter(enrolment=enrolment, answer=said).select_related("proposal")
        ended = earlier.filter(proposal__state=MoveProposal.State.CARRIED_OUT).order_by("answered_at").last()
        if ended is not None:
            return ended.proposal
        raise Refusal(_("The move has been carried out or withdrawn, so there is nothing to answer."), code="ended")
    if enrolment.status not in ASKED:
        raise Refusal(_("The class holds no places in this session, so it is not asked."), code="not-asked")
    if now >= min(session.starts_at, proposal.meetings.all()[0].starts_at):
        raise Refusal(_("The date has begun, so the move can no longer be answered."), code="begun")
    if answer_of(enrolment, proposal) != said:
        MoveAnswer.objects.update_or_create(
            proposal=proposal, enrolment=enrolment, defaults={"answer": said, "answered_at": now}
        )
        outbox.withdraw(about=enrolment, occasions=["move_proposed", "move_nudge"])
        audit.record(by, "move-answered", enrolment, at=now, answer=said)
    if not unanswered(proposal).exists():
        _carry_out(session, proposal, by=by, now=now)
    return proposal


@transaction.atomic(durable=True)
def withdraw_move(*, proposal_id: UUID, by: Actor, now: datetime) -> MoveProposal:
    """Take a proposed move back: the session stays where it is, and every class that was asked is told.

    By the host's own link or a coordinator. Withdrawing again changes nothing.
    """
    proposal, session = _locked_proposal(proposal_id)
    _refuse_others(session, by)
    if proposal.state == MoveProposal.State.WITHDRAWN:
        return proposal
    if proposal.state == MoveProposal.State.CARRIED_OUT:
        raise Refusal(_("The move has been carried out already."), code="carried-out")
    _withdraw(session, proposal, by=by, now=now)
    return proposal


@transaction.atomic(durable=True)
def carry_out_move(*, proposal_id: UUID, by: Actor, now: datetime) -> MoveProposal:
    """Move the session now as proposed; for a class that has not answered, silence counts. Coordinators and the job.

    Carrying out again changes nothing. Raises Refusal when it was withdrawn, or either beginning has passed.
    """
    proposal, session = _locked_proposal(proposal_id)
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinator can do this before all have answered."), code="not-yours")
    if proposal.state == MoveProposal.State.CARRIED_OUT:
        return proposal
    if proposal.state == MoveProposal.State.WITHDRAWN:
        raise Refusal(_("The proposed move has been withdrawn."), code="withdrawn")
    _carry_out(session, proposal, by=by, now=now)
    return proposal


def carry_out_due(now: datetime) -> int:
    """Carry out the moves whose deadline has passed or to which nobody's answer is missing; return how many ended.

    One that can no longer be carried out, because a beginning has passed, is withdrawn.
    """
    awaited = MoveAnswer.objects.filter(proposal=OuterRef("pk"), answer=Answer.PENDING, enrolment__status__in=ASKED)
    due = MoveProposal.objects.open().filter(Q(answer_by__lte=now) | ~Exists(awaited)).order_by("answer_by", "pk")
    return one_by_one(lambda proposal_id: _carry_out_one(proposal_id, now=now), due.values_list("pk", flat=True))


@transaction.atomic(durable=True)
def _carry_out_one(proposal_id: UUID, *, now: datetime) -> bool:
    """End one proposal, if it is still open and due."""
    proposal, session = _locked_proposal(proposal_id)
    if proposal.state != MoveProposal.State.OPEN or (proposal.answer_by > now and unanswered(proposal).exists()):
        return False
    by = Actor.job("carry-out-moves")
    try:
        with transaction.atomic():
            _carry_out(session, proposal, by=by, now=now)
    except Refusal:
        proposal.refresh_from_db()
        _withdraw(session, proposal, by=by, now=now)
    return True


def nudge(now: datetime) -> int:
    """Remind, once and half-way, the classes that have not answered a proposed move; return how many were."""
    due = MoveProposal.objects.open().filter(nudge_at__lte=now, nudged_at=None, answer_by__gt=now)
    keys = due.order_by("nudge_at").values_list("pk", flat=True)
    return one_by_one(lambda proposal_id: _nudge_one(proposal_id, now=now), keys)


@transaction.atomic(durable=True)
def _nudge_one(proposal_id: UUID, *, now: datetime) -> int:
    """Remind the classes that have not answered one proposal."""
    proposal, session = _locked_proposal(proposal_id)
    still = MoveProposal.objects.open().filter(pk=proposal.pk, nudged_at=None)
    if not still.update(nudged_at=now):
        return 0
    silent = asked(session).filter(pk__in=unanswered(proposal).values("enrolment")).select_related("teacher")
    for one in silent:
        notices.tell_teacher(
            one,
            "move_nudge",
            now=now,
            key=str(proposal.pk),
            not_after=proposal.answer_by,
            parameters={"proposal": str(proposal.pk)},
        )
    return len(silent)


# --- Directly ----------------------------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def move_session(
    *,
    session_id: UUID,
    starts: Sequence[Span],
    places: Sequence[str] | None = None,
    even_if_closed: bool = False,
    agreed: bool = False,
    by: Actor,
    now: datetime,
) -> Session:
    """Give every date of a session a new time (``starts``: beginning and end, as many as it has) and perhaps a place.

    Directly, so only while no class holds places in it; by a coordinator also when it has been agreed with every class
    (``agreed``, which the log keeps). Otherwise the classes are asked first: :func:`propose_move`, which a direct move
    takes back, and says so. Enrolments, the waiting list and its order stay. Opening and closing follow the new
    beginning, and where there is time to ask again, free places are offered to the line. A host moves a date to an
    earlier day only within the notice that the municipality wants for dates that hosts add. Teachers and host are told
    the old and the new time with a calendar file that replaces the old entry; what was planned to be said about the old
    time is planned anew. By a coordinator, or the host's own link. Moving to where it is already changes nothing.
    Raises Refusal once it has begun, on a day without school (unless ``even_if_closed``), and into another school year
    while classes are enrolled: they would be in another grade.
    """
    session = seats.locked_session(session_id)
    by_host = _refuse_others(session, by)
    meetings = standing(session)
    _refuse_to_move(session, meetings, now)
    spans, wheres = _new_times(session, meetings, starts, places, even_if_closed=even_if_closed, now=now)
    if _is_the_same(meetings, spans, wheres):
        return session
    if by_host and calendar.local_day(spans[0][0]) < calendar.local_day(session.starts_at):
        planning.refuse_too_soon_for_hosts(spans[0][0], SchoolCalendar.load(), now)
    count = asked(session).count()
    if count and not (agreed and by.is_coordinator):
        raise Refusal(
            ngettext(
                "%(count)d class is enrolled, so it must be asked first: propose the move.",
                "%(count)d classes are enrolled, so they must be asked first: propose the move.",
                count,
            )
            % {"count": count},
            code="ask-first",
            field="agreed",
        )
    if session.enrolments.filter(status__in=TOLD_OF_MOVES).exists():
        _refuse_another_school_year(session, spans)
    dropped = planning.drop_proposal(session, by=by, now=now)
    _move(session, meetings, spans, wheres, by=by, by_host=by_host, now=now, agreed=bool(count), dropped=dropped)
    seats.offer_to_line(session, by=by, now=now)
    return session


# --- Steps -------------------------------------------------------------------------------------------------------


def _refuse_others(session: Session, by: Actor) -> bool:
    """Raise Refusal unless the actor may move the session; return whether it is the host."""
    by_host = planning.hosts(session.offer, by)
    if not (by.is_coordinator or by_host):
        raise Refusal(_("Only the host and the municipality can move a session."), code="not-yours")
    return by_host


def _locked_proposal(proposal_id: UUID) -> tuple[MoveProposal, Session]:
    """Return a proposed move as it is once the row of its session is held."""
    session = seats.locked_session(MoveProposal.objects.values_list("session_id", flat=True).get(pk=proposal_id))
    return MoveProposal.objects.prefetch_related("meetings").get(pk=proposal_id), session


def _refuse_to_move(session: Session, meetings: list[Meeting], now: datetime) -> None:
    """Raise Refusal when the session is over, has begun or was called off."""
    if session.state == Session.State.CANCELLED:
        raise Refusal(_("The session has been cancelled. Plan a new one."), code="cancelled")
    if now >= session.starts_at or session.state == Session.State.HELD:
        raise Refusal(
            _("The session began on %(when)s and can no longer be moved. Say instead what became of it.")
            % {"when": dates.moment_in_words(session.starts_at)},
            code="begun",
        )
    if any(one.state != Meeting.State.PLANNED for one in meetings):
        raise Refusal(_("One of its dates is over; the session can no longer be moved."), code="begun")


def _refuse_another_school_year(session: Session, spans: list[Span]) -> None:
    """Raise Refusal when the classes would have become another grade by then."""
    new, old = calendar.local_day(spans[0][0]), calendar.local_day(session.starts_at)
    if school_year_of(new) != school_year_of(old):
        raise Refusal(
            _("The classes are in another grade then. Cancel the session and plan a new one in that school year."),
            code="school-year",
            field="starts",
        )


def _new_times(
    session: Session,
    meetings: list[Meeting],
    starts: Sequence[Span],
    places: Sequence[str] | None,
    *,
    even_if_closed: bool,
    now: datetime,
) -> tuple[list[Span], list[str]]:
    """Return the new times and places, one for each date; raises Refusal when they cannot be."""
    spans = sorted(starts)
    if len(spans) != len(meetings):
        raise Refusal(
            ngettext(
                "The session has %(count)d date; give it one new time.",
                "The session has %(count)d dates; give each of them a new time.",
                len(meetings),
            )
            % {"count": len(meetings)},
            code="dates",
            field="starts",
        )
    wheres = [one.strip()[:300] for one in places] if places is not None else [one.place for one in meetings]
    if not _is_the_same(meetings, spans, wheres):
        planning.refuse_impossible(spans, None if even_if_closed else SchoolCalendar.load(), now)
    return spans, wheres


def _is_the_same(meetings: list[Meeting], spans: list[Span], wheres: list[str]) -> bool:
    return spans == [(one.starts_at, one.ends_at) for one in meetings] and wheres == [one.place for one in meetings]


def _withdraw(session: Session, proposal: MoveProposal, *, by: Actor, now: datetime) -> None:
    """End a proposal without a move, and tell those who were asked (a step)."""
    planning.drop_proposal(session, by=by, now=now)
    proposal.state, proposal.ended_at = MoveProposal.State.WITHDRAWN, now
    key, facts = str(proposal.pk), {"proposal": str(proposal.pk)}
    for one in asked(session).filter(move_answers__proposal=proposal).select_related("teacher"):
        notices.tell_teacher(one, "move_withdrawn", now=now, key=key, parameters=facts)
    notices.tell_host(session.offer, session, "host_move_withdrawn", now=now, key=key, parameters=facts)


def _carry_out(session: Session, proposal: MoveProposal, *, by: Actor, now: datetime) -> None:
    """Release who leaves, move the session, and offer what became free (a step; the session's row is held)."""
    meetings = standing(session)
    rows = list(proposal.meetings.all())
    spans, wheres = [(one.starts_at, one.ends_at) for one in rows], [one.place for one in rows]
    _refuse_to_move(session, meetings, now)
    if spans[0][0] <= now:
        raise Refusal(
            _("%(when)s has passed. Choose a time ahead.") % {"when": dates.moment_in_words(spans[0][0])}, code="past"
        )
    answers = dict(proposal.answers.values_list("enrolment_id", "answer"))
    released = []
    for one in asked(session).select_related("teacher", "school_class", "school").order_by("created_at", "pk"):
        one.session = session
        answer = answers.get(one.pk, Answer.STAY)
        # An offered place has a deadline of its own, so silence there is no answer to the move.
        silent = answer == Answer.PENDING and one.status != Status.OFFERED
        if answer == Answer.LEAVE or (silent and proposal.silence == MoveDefault.RELEASE):
            _release(one, spans[0][0], silent=silent, by=by, now=now)
            released.append(one)
    MoveProposal.objects.filter(pk=proposal.pk).update(state=MoveProposal.State.CARRIED_OUT, ended_at=now)
    proposal.state, proposal.ended_at = MoveProposal.State.CARRIED_OUT, now
    by_host = proposal.proposed_by == MoveProposal.Side.HOST
    before = times(meetings)
    _move(session, meetings, spans, wheres, by=by, by_host=by_host, now=now, left=len(released))
    facts = {"before": before, "after": times(meetings), "proposal": str(proposal.pk)}
    for one in released:
        notices.tell_teacher(one, "move_released", now=now, key=str(proposal.pk), parameters=facts)
        planning.close_without_class(session, one, by=by, now=now)
    if session.state == Session.State.CANCELLED:  # what was said of the new time has been taken back
        notices.tell_host(session.offer, session, "host_session_cancelled", now=now)
    seats.offer_to_line(session, by=by, now=now)


def _release(one: Enrolment, new_start: datetime, *, silent: bool, by: Actor, now: datetime) -> None:
    """Let a class go that cannot come at the new time: the host's doing, not the school's (a step)."""
    with translation.override(settings.LANGUAGE_CODE):
        sentence = (
            _("The visit was moved to %(when)s, and there was no answer from the class.")
            if silent
            else _("The visit was moved to %(when)s, and the class could not come then.")
        )
        reason = sentence % {"when": dates.moment_in_words(new_start)}
    seats.end(one, Status.CANCELLED_BY_HOST, reason=reason[:300], by=by, now=now)


def _move(
    session: Session,
    meetings: list[Meeting],
    spans: list[Span],
    wheres: list[str],
    *,
    by: Actor,
    by_host: bool,
    now: datetime,
    left: int = 0,
    agreed: bool = False,
    dropped: bool = False,
) -> None:
    """Write the new dates, take back and plan anew what is to be said about them, and tell (a step)."""
    concerned = list(
        session.enrolments.filter(status__in=TOLD_OF_MOVES)
        .select_related("teacher", "school")
        .order_by("created_at", "pk")
    )
    before = times(meetings)
    _take_back(session, concerned)
    _write_times(session, meetings, spans, wheres)
    for one in concerned:
        if one.answer_by is not None and one.answer_by > session.starts_at:
            Enrolment.objects.filter(pk=one.pk).update(answer_by=session.starts_at)
        one.session = session
    snapshot.write_snapshot(session, concerned)
    audit.record(
        by,
        "session-moved",
        session,
        at=now,
        before=before[0]["starts_at"],
        starts_at=session.starts_at.isoformat(),
        enrolments=len(concerned),
        agreed=agreed,
        left=left,
    )
    _tell_of_the_move(session, concerned, before, times(meetings), by_host=by_host, left=left, dropped=dropped, now=now)
    reminders.plan_for(session, now=now)


def _tell_of_the_move(
    session: Session,
    concerned: list[Enrolment],
    before: list[dict[str, str]],
    after: list[dict[str, str]],
    *,
    by_host: bool,
    left: int,
    dropped: bool,
    now: datetime,
) -> None:
    """Tell teachers and host; who has not been told of an earlier move yet hears of both as one (a step)."""
    key = f"s{session.sequence}"
    for one in concerned:
        known = _last_told(one, "session_moved") or before
        if known != after:
            facts: dict[str, Any] = {"before": known, "sequence": session.sequence}
            facts["dropped"] = dropped and one.status in ASKED
            notices.tell_teacher(one, "session_moved", now=now, key=key, parameters=facts)
    known = _last_told(session, "host_session_moved") or before
    facts = {"before": known, "sequence": session.sequence, "left": left}
    if known != after:
        notices.tell_host(session.offer, session, "host_session_moved", now=now, key=key, parameters=facts)
    if by_host:
        notices.tell_coordinators(session, "coordinator_session_moved", now=now, key=key, parameters=facts)


def times(meetings: Sequence[Meeting | ProposedMeeting]) -> list[dict[str, str]]:
    """Return when and where, as a message keeps what was until now."""
    return [
        {"starts_at": reminders.stamp(one.starts_at), "ends_at": reminders.stamp(one.ends_at), "place": one.place}
        for one in meetings
    ]


def _take_back(session: Session, concerned: list[Enrolment]) -> None:
    """Withdraw what is still to be said about the old time (a step)."""
    for about in (session, *concerned):
        outbox.withdraw(about=about, occasions=reminders.OCCASIONS)


def _last_told(about: Session | Enrolment, occasion: str) -> list[dict[str, str]] | None:
    """Return the time that is known, when an earlier move has not been told yet; that mail is withdrawn (a step)."""
    untold = Message.objects.filter(
        occasion=occasion, reference_id=about.pk, state__in=[Message.State.PLANNED, Message.State.QUEUED]
    ).order_by("created_at")
    earlier = untold.values_list("parameters", flat=True).first()
    outbox.withdraw(about=about, occasions=[occasion])
    known: list[dict[str, str]] | None = earlier.get("before") if earlier else None
    return known


def _write_times(
    session: Session, meetings: list[Meeting], spans: list[tuple[datetime, datetime]], wheres: list[str]
) -> None:
    """Write the new dates and what follows from them (a step)."""
    for meeting, (starts_at, ends_at), where in zip(meetings, spans, wheres, strict=True):
        meeting.starts_at, meeting.ends_at, meeting.place = starts_at, ends_at, where
    Meeting.objects.bulk_update(meetings, ["starts_at", "ends_at", "place"])
    old_start, new_start = session.starts_at, spans[0][0]
    if session.closes_at == planning.closing_time(session.offer, old_start):
        closes_at = planning.closing_time(session.offer, new_start)
    else:
        closes_at = _as_long_before(session.closes_at, old_start, new_start)
    opens_at = session.opens_at
    if opens_at >= closes_at:
        opens_at = min(_as_long_before(opens_at, old_start, new_start), closes_at - SHORTEST_OPENING)
    if session.draw_at is not None and session.drawn_at is None:
        session.draw_at = min(session.draw_at + (opens_at - session.opens_at), closes_at)
    vars(session).pop("named_places", None)  # read with the lock, before there were new ones
    session.starts_at, session.ends_at = new_start, spans[-1][1]
    session.opens_at, session.closes_at = opens_at, closes_at
    Session.objects.filter(pk=session.pk).update(
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        opens_at=opens_at,
        closes_at=closes_at,
        draw_at=session.draw_at,
        sequence=F("sequence") + 1,
    )
    session.sequence += 1


def _as_long_before(moment: datetime, old_start: datetime, new_start: datetime) -> datetime:
    """Return the moment as many days before the new beginning, at the same hour on the wall, never after it."""
    local = moment.astimezone(calendar.COPENHAGEN)
    days = calendar.local_day(old_start) - local.date()
    return min(calendar.at(calendar.local_day(new_start) - days, local.hour, local.minute), new_start)

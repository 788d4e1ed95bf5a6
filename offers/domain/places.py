"""Places: the steps take, release and offer. Each expects a transaction that holds the session's row.

``places_taken`` is moved in the database, never written back from Python, so that the constraint
``session_is_never_overbooked`` can speak; the row in hand follows, because nobody else can move it meanwhile.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import ExtractMonth, ExtractYear, JSONObject
from django.utils.translation import gettext as _

from offers.domain import notices
from offers.models import Encounter, Enrolment, Meeting, MoveAnswer, MoveProposal, Offer, Session
from offers.models.session import SessionQuerySet
from portal.domain import audit, calendar, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar
from portal.domain.compiled import CompiledQuery, CompiledUpdate
from portal.domain.refusal import Refusal
from portal.models import Municipality

ANSWER_HOUR = 16
MORNING_HOUR = 8
NEVER_ASKED = [Enrolment.Status.OFFERED, Enrolment.Status.WAITLISTED, Enrolment.Status.IN_DRAW]
IN_LINE = ("behind", "waiting_since", "created_at", "id")
# What a municipality decides about enrolling: it comes along with the locked session, at no question more.
RULES = (
    "request_hold_days",
    "place_offer_days",
    "place_offer_hours",
    "smaller_may_overtake",
    "unvisited_first",
    "most_per_class",
    "most_per_class_at_company",
    "priority_days",
    "priority_for",
)


def locked_session(session_id: UUID, *, seen: Session | None = None) -> Session:
    """Return the session with its course, host and the rules, its row held until the end.

    Course and host are those of ``seen``, if it was read a moment ago: they are not held in any case, and
    :func:`look_again` says how they are now.
    """
    session = (_locked_whole if seen is None else _locked_again).first(session=session_id)
    if session is None:
        raise Session.DoesNotExist
    if seen is not None:
        session.offer = seen.offer
    return session


def with_rules(sessions: SessionQuerySet) -> SessionQuerySet:
    """Return the sessions, each with what the municipality decides about enrolling (see :func:`rules_for`)."""
    rules = Municipality.objects.values(found=JSONObject(**{name: name for name in RULES}))
    return sessions.annotate(rules=Subquery(rules[:1]))


def _locked() -> SessionQuerySet:
    return with_rules(Session.objects.locked())


_locked_again = CompiledQuery[Session](lambda session: _locked().filter(pk=session), "session")
_locked_whole = CompiledQuery[Session](
    lambda session: _locked().filter(pk=session).select_related("offer__company", "offer__contact"), "session"
)


def look_again(session: Session) -> None:
    """Read whether the course is still open, and the places of the dates, now that the session's row is held (a step).

    Whoever waited for the row behind a move, or behind the course being archived, has read both before that was done:
    of the statement that waits, only the row it waits for is read anew.
    """
    row: Any = session
    (now,) = _how_it_is_now(session=session.pk, offer=session.offer_id)
    session.offer.state, session.offer.pause_reason, row.named_places = now


_how_it_is_now = CompiledQuery[tuple[str, str, list[str]]](
    lambda session, offer: (
        Offer.objects.filter(pk=offer)
        .annotate(
            named_places=ArraySubquery(Meeting.objects.filter(session=session).order_by("number").values("place"))
        )
        .values_list("state", "pause_reason", "named_places")
    ),
    "session",
    "offer",
)


def rules_for(session: Session) -> Municipality:
    """Return the municipality's rules about enrolling: those read with the session's lock, else read now."""
    row: Any = session
    rules = getattr(row, "rules", None)
    if not isinstance(rules, Municipality):
        rules = Municipality(**rules) if rules else the_municipality()
        row.rules = rules
    return rules


def locked_enrolment(enrolment_id: UUID) -> Enrolment:
    """Return the enrolment as it is once the row of its session is held."""
    session_id = _session_of.first(enrolment=enrolment_id)
    if session_id is None:
        raise Enrolment.DoesNotExist
    session = locked_session(session_id)
    (enrolment,) = _enrolment(enrolment=enrolment_id)
    enrolment.session = session
    return enrolment


_session_of = CompiledQuery[UUID](
    lambda enrolment: Enrolment.objects.filter(pk=enrolment).values_list("session_id", flat=True), "enrolment"
)
_enrolment = CompiledQuery[Enrolment](
    lambda enrolment: Enrolment.objects.filter(pk=enrolment).select_related("school_class", "school", "teacher"),
    "enrolment",
)


def needed(offer: Offer, pupils: int, adults: int) -> int:
    """Return how many places so many people of one class take, counted as the course counts."""
    if offer.places_counted != Offer.Counted.PUPILS:
        return 1
    return pupils + adults if offer.counts_adults else pupils


def with_band(rows: QuerySet[Enrolment]) -> QuerySet[Enrolment]:
    """Return the rows with the band in which each waits (``behind``): 0 stands before 1.

    Where the municipality lets classes without a visit stand first, a class with a row in the ledger for the school
    year of the session stands behind those without.
    """
    starts_at = "session__starts_at"
    year = ExtractYear(starts_at, tzinfo=calendar.COPENHAGEN) - Case(
        When(Q(month__lt=calendar.SCHOOL_YEAR_BEGINS), then=1), default=0
    )
    visits = Encounter.objects.filter(
        school_class=OuterRef("school_class"), school_year=OuterRef("year"), voided_at__isnull=True
    )
    switched_on = Exists(Municipality.objects.filter(unvisited_first=True))
    dated = rows.annotate(month=ExtractMonth(starts_at, tzinfo=calendar.COPENHAGEN)).annotate(year=year)
    return dated.annotate(behind=Case(When(switched_on & Exists(visits), then=1), default=0))


def line(session: Session) -> QuerySet[Enrolment]:
    """Return who waits for places in the session, the first first: by band, then by time, and ids settle a tie."""
    return with_band(session.enrolments.waitlisted()).order_by(*IN_LINE)


def take(session: Session, places: int) -> None:
    """Let the session hold so many places more."""
    _move(session=session.pk, by=places)
    session.places_taken += places


_move = CompiledUpdate(
    lambda session, by: (Session.objects.filter(pk=session), {"places_taken": F("places_taken") + by}), "session", "by"
)


def release(session: Session, places: int) -> None:
    """Let the session hold so many places less."""
    _move(session=session.pk, by=-places)
    session.places_taken -= places


def deadline(
    session: Session, municipality: Municipality, school_calendar: SchoolCalendar, now: datetime
) -> datetime | None:
    """Return until when an offered place may be accepted, or None when it is too late to ask anybody.

    It is 16.00 on the so-many-eth school day after today (2 unless the municipality chose otherwise), at the latest
    four hours (unless chosen otherwise) before enrolment closes. Nights and days without school do not count: what is
    offered after 16.00 or on a day without school is offered on the next school day, and a deadline that the closing
    would put into a night or a holiday lies on the school day before it.
    """
    today = calendar.local_day(now)
    if now >= calendar.at(today, ANSWER_HOUR):
        today += timedelta(days=1)
    day = school_calendar.school_days_after(today, municipality.place_offer_days)
    latest = session.closes_at - timedelta(hours=municipality.place_offer_hours)
    answer_by = min(calendar.at(day, ANSWER_HOUR), _in_school_hours(latest, school_calendar))
    return answer_by if answer_by > now else None


def _in_school_hours(moment: datetime, school_calendar: SchoolCalendar) -> datetime:
    """Return the moment, or the end of the school day before it when it is night or there is no school."""
    day = calendar.local_day(moment)
    if school_calendar.is_school_day(day) and moment >= calendar.at(day, MORNING_HOUR):
        return min(moment, calendar.at(day, ANSWER_HOUR))
    return calendar.at(school_calendar.school_days_before(day, 1), ANSWER_HOUR)


def request_deadline(
    session: Session, municipality: Municipality, school_calendar: SchoolCalendar, now: datetime
) -> datetime:
    """Return until when a request holds its places: 5 school days unless chosen otherwise, never past the start."""
    day = school_calendar.school_days_after(calendar.local_day(now), municipality.request_hold_days)
    return min(calendar.at(day, ANSWER_HOUR), session.starts_at)


def the_municipality() -> Municipality:
    """Return the municipality with its rules; the usual ones before it has been set up."""
    return _the_first.first() or Municipality()


_the_first = CompiledQuery[Municipality](lambda: Municipality.objects.order_by("pk")[:1])


def offer_to_line(session: Session, *, by: Actor, now: datetime) -> list[Enrolment]:
    """Offer free places to those in line, in order, as far as each fits completely; return who was asked.

    The first that does not fit ends it: smaller groups do not overtake, unless the municipality lets them, and then
    the log says past how many. Whoever needs more than the session has in all stops nobody. Nobody is asked when the
    session has begun or was cancelled; when it is too late to ask, the coordinators are told instead. Is somebody in
    line and nobody asked, the log says how many places are free and what the first needs.
    """
    if session.state != Session.State.OPEN or now >= session.starts_at or not session.places_left:
        return []
    rules = rules_for(session)
    asked: list[Enrolment] = []
    passed: list[Enrolment] = []
    answer_by: datetime | None = None
    too_late = False
    for entry in line(session).select_related("teacher"):
        if entry.places > session.places_left:
            passed.append(entry)
            if session.places_left and (rules.smaller_may_overtake or entry.places > session.places):
                continue
            break
        if answer_by is None:
            answer_by = deadline(session, rules, SchoolCalendar.load(), now)
        if answer_by is None:
            notices.tell_coordinators(session, "coordinator_place_free", now=now, key=str(entry.pk))
            too_late = True
            passed.append(entry)
            break
        waiting = Enrolment.objects.filter(pk=entry.pk, status=Enrolment.Status.WAITLISTED)
        waiting.update(status=Enrolment.Status.OFFERED, status_at=now, answer_by=answer_by)
        entry.status, entry.status_at, entry.answer_by = Enrolment.Status.OFFERED, now, answer_by
        left = session.places_left
        take(session, entry.places)
        audit.record(
            by,
            "enrolment-offered",
            entry,
            at=now,
            places=entry.places,
            left=left,
            passed=len(passed),
            unvisited_first=rules.unvisited_first,
            answer_by=answer_by.isoformat(),
        )
        notices.tell_teacher(entry, "place_offered", now=now, not_after=answer_by)
        asked.append(entry)
    if passed and not asked:
        first = passed[-1] if too_late else passed[0]
        audit.record(
            by,
            "line-looked-at",
            session,
            at=now,
            left=session.places_left,
            first=str(first.pk),
            needs=first.places,
            too_late=too_late,
        )
    return asked


def end(enrolment: Enrolment, status: str, *, reason: str = "", by: Actor, now: datetime) -> bool:
    """Move an enrolment to an ended status, give back what it held, and take back what was promised about it.

    Returns False when somebody was first.
    """
    held = enrolment.status in Enrolment.Status.holding()
    still_there = Enrolment.objects.filter(pk=enrolment.pk, status=enrolment.status)
    if not still_there.update(status=status, status_at=now, answer_by=None, ended_reason=reason):
        return False
    before, enrolment.status = enrolment.status, status
    enrolment.status_at, enrolment.answer_by, enrolment.ended_reason = now, None, reason
    if held:
        release(enrolment.session, enrolment.places)
    outbox.withdraw(about=enrolment)
    audit.record(by, "enrolment-" + status.replace("_", "-"), enrolment, at=now, before=before, places=enrolment.places)
    return True


def confirm(enrolment: Enrolment, *, by: Actor, now: datetime) -> None:
    """Make an enrolment that holds its places a confirmed one, and tell the teacher (a step)."""
    before = enrolment.status
    still = Enrolment.objects.filter(pk=enrolment.pk, status=before)
    still.update(status=Enrolment.Status.CONFIRMED, status_at=now, answer_by=None)
    enrolment.status, enrolment.status_at, enrolment.answer_by = Enrolment.Status.CONFIRMED, now, None
    facts = {"pupils": enrolment.pupils, "places": enrolment.places, "before": before}
    audit.record(by, "enrolment-confirmed", enrolment, at=now, **facts)
    notices.tell_teacher(enrolment, "enrolment_confirmed", now=now)
    if before in NEVER_ASKED:
        ask_about_the_move(enrolment, now=now)


def ask_about_the_move(enrolment: Enrolment, *, now: datetime, to_another: bool = False) -> None:
    """Ask a class about the move that is proposed, which it or its new teacher (``to_another``) never saw (a step).

    Whoever was shown both times has said *stay* by enrolling; whoever comes out of the line or the draw was not. Of a
    class that was asked already only the new teacher is asked again, and nobody once the deadline has passed.
    """
    proposal = MoveProposal.objects.open().filter(session=enrolment.session_id, answer_by__gt=now).first()
    if proposal is None:
        return
    answer, is_new = MoveAnswer.objects.get_or_create(proposal=proposal, enrolment=enrolment)
    if is_new or (to_another and answer.answer == MoveAnswer.Answer.PENDING):
        notices.tell_teacher(
            enrolment,
            "move_proposed",
            now=now,
            key=f"{proposal.pk}-{enrolment.teacher_id}",
            not_after=proposal.answer_by,
            parameters={"proposal": str(proposal.pk)},
        )


def answer_for_leader(enrolment: Enrolment, answer: str) -> None:
    """Write what the school's leader says, or that nobody asks any more (a step)."""
    Enrolment.objects.filter(pk=enrolment.pk).update(leader_answer=answer)
    enrolment.leader_answer = answer
    outbox.withdraw(about=enrolment, occasions=["leader_request"])


def await_answer(enrolment: Enrolment, *, by: Actor, now: datetime) -> None:
    """Make an enrolment that holds its places a request with a new deadline (a step)."""
    before = enrolment.status
    answer_by = request_deadline(enrolment.session, rules_for(enrolment.session), SchoolCalendar.load(), now)
    Enrolment.objects.filter(pk=enrolment.pk).update(
        status=Enrolment.Status.PENDING, status_at=now, answer_by=answer_by
    )
    enrolment.status, enrolment.status_at, enrolment.answer_by = Enrolment.Status.PENDING, now, answer_by
    audit.record(by, "enrolment-pending", enrolment, at=now, places=enrolment.places)
    if before in NEVER_ASKED:
        ask_about_the_move(enrolment, now=now)


def refuse_strangers(enrolment: Enrolment, by: Actor) -> None:
    """Raise Refusal unless the actor may act for the enrolment: the teacher, the school's own people, a coordinator."""
    if by.is_coordinator:
        return
    if by.user_id is not None and Enrolment.objects.manageable_by(by.user_id).filter(pk=enrolment.pk).exists():
        return
    raise Refusal(_("Only the school and the municipality can change the enrolment."), code="not-yours")

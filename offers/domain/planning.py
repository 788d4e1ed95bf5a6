"""Planning: the sessions of a course and their dates, how many places they have, and calling them off."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from companies.models import Contact
from offers.domain import dates, draw, notices, reminders
from offers.domain import places as seats
from offers.models import Enrolment, Meeting, Offer, Session
from portal.domain import audit, calendar, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar
from portal.domain.refusal import Refusal
from portal.models import Link, Message
from schools.models import school_year_of

OPENING_HOUR = 8
CLOSING_HOUR = 12
LONGEST_MEETING = timedelta(hours=24)
LONGEST_SERIES = 60
SHORTEST_OPENING = timedelta(minutes=1)
TOLD_OF_MOVES = [
    Enrolment.Status.PENDING,
    Enrolment.Status.CONFIRMED,
    Enrolment.Status.OFFERED,
    Enrolment.Status.WAITLISTED,
    Enrolment.Status.IN_DRAW,
]
NOT_PLANNABLE = [Offer.State.ARCHIVED, Offer.State.REJECTED, Offer.State.EXPIRED]


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A day of a series on which nothing was planned, and why."""

    day: date
    reason: str


@dataclass(frozen=True, kw_only=True)
class Series:
    """What became of a weekly series."""

    planned: list[Session] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def hosts(offer: Offer, by: Actor) -> bool:
    """Return whether the actor came in by the host link of a contact of the company behind the course."""
    if by.kind != "link" or by.purpose != Link.Purpose.HOST or by.reference_id is None:
        return False
    return Contact.objects.filter(pk=by.reference_id, company=offer.company_id, is_active=True).exists()


def closed_because(day: date, school_calendar: SchoolCalendar) -> str:
    """Return why there is no school on the day: the holiday's name, or *weekend*; empty on a school day."""
    if holiday := school_calendar.closed(day):
        return holiday.name
    return "" if school_calendar.is_school_day(day) else _("weekend")


def closing_time(offer: Offer, starts_at: datetime, school_calendar: SchoolCalendar | None = None) -> datetime:
    """Return when enrolment closes unless told otherwise: noon, as many days before as the course says.

    The calendar is read where the course counts in school days and none is given.
    """
    day = _days_before(offer, starts_at, offer.closes_days, school_calendar)
    return min(calendar.at(day, CLOSING_HOUR), starts_at)


def opening_time(
    offer: Offer, starts_at: datetime, now: datetime, school_calendar: SchoolCalendar | None = None
) -> datetime:
    """Return when enrolment opens unless told otherwise: 8.00, as many days before as the course says; else now."""
    if offer.opens_days is None:
        return now
    return max(calendar.at(_days_before(offer, starts_at, offer.opens_days, school_calendar), OPENING_HOUR), now)


def _days_before(offer: Offer, starts_at: datetime, count: int, school_calendar: SchoolCalendar | None) -> date:
    """Return the day so many days before, counted as the course counts them."""
    day = calendar.local_day(starts_at)
    if offer.days_counted != Offer.DaysCounted.SCHOOL_DAYS:
        return day - timedelta(days=count)
    return (school_calendar or SchoolCalendar.load()).school_days_before(day, count)


@transaction.atomic(durable=True)
def plan_session(
    *,
    offer_id: UUID,
    starts: datetime | Sequence[tuple[datetime, datetime]],
    minutes: int | None = None,
    places: int | None = None,
    opens_at: datetime | None = None,
    closes_at: datetime | None = None,
    place: str = "",
    note: str = "",
    even_if_closed: bool = False,
    by: Actor,
    now: datetime,
) -> Session:
    """Plan one session: at one time (``minutes`` long, else as long as the course says), or on several dates.

    Places, closing time and place come from the course unless given. Raises Refusal when a date is no school day
    (unless ``even_if_closed``), has passed, ends before it begins, or enrolment could not open before it closes.
    """
    offer = _plannable(offer_id, by)
    return _plan(
        offer,
        _spans(offer, starts, minutes),
        places=places,
        opens_at=opens_at,
        closes_at=closes_at,
        place=place,
        note=note,
        school_calendar=None if even_if_closed else SchoolCalendar.load(),
        by=by,
        now=now,
    )


@transaction.atomic(durable=True)
def plan_weekly_series(
    *,
    offer_id: UUID,
    first_start: datetime,
    weeks: int | None = None,
    until: date | None = None,
    minutes: int | None = None,
    places: int | None = None,
    opens_at: datetime | None = None,
    place: str = "",
    note: str = "",
    by: Actor,
    now: datetime,
) -> Series:
    """Plan a session every week at the same time of day, for so many weeks or until a day (which belongs to it).

    Days without school are skipped and named; the series is not prolonged for them. At most 60 weeks.
    """
    offer = _plannable(offer_id, by)
    local = first_start.astimezone(calendar.COPENHAGEN)
    if weeks is None and until is None:
        raise Refusal(_("Say for how many weeks, or until which day."), code="no-end", field="weeks")
    count = weeks if weeks is not None else LONGEST_SERIES
    if not 1 <= count <= LONGEST_SERIES:
        raise Refusal(
            _("A series lasts between 1 and %(most)d weeks.") % {"most": LONGEST_SERIES}, code="weeks", field="weeks"
        )
    if until is not None and until < local.date():
        raise Refusal(_("The last day must not be before the first."), code="until", field="until")
    school_calendar = SchoolCalendar.load()
    series = Series()
    for week in range(count):
        day = local.date() + timedelta(weeks=week)
        if until is not None and day > until:
            break
        if reason := closed_because(day, school_calendar):
            series.skipped.append(Skipped(day=day, reason=reason))
            continue
        spans = _spans(offer, calendar.at(day, local.hour, local.minute), minutes)
        series.planned.append(
            _plan(
                offer,
                spans,
                places=places,
                opens_at=opens_at,
                closes_at=None,
                place=place,
                note=note,
                school_calendar=school_calendar,
                by=by,
                now=now,
            )
        )
    return series


@transaction.atomic(durable=True)
def change_places(*, session_id: UUID, places: int, by: Actor, now: datetime) -> Session:
    """Give the session another number of places: never fewer than are taken; more are offered to those in line."""
    session = seats.locked_session(session_id)
    _only_for_those_who_plan(session.offer, by)
    if session.state == Session.State.CANCELLED:
        raise Refusal(_("The session has been cancelled."), code="cancelled")
    if not 1 <= places <= 1000:
        raise Refusal(_("A session has between 1 and 1000 places."), code="places", field="places")
    if places < session.places_taken:
        raise Refusal(
            _("%(taken)d places are taken, so the number cannot go below that. Cancel enrolments first.")
            % {"taken": session.places_taken},
            code="below-taken",
            field="places",
        )
    before = session.places
    if places != before:
        Session.objects.filter(pk=session.pk).update(places=places)
        session.places = places
        audit.record(by, "session-places-changed", session, at=now, before=before, places=places)
        seats.offer_to_line(session, by=by, now=now)
    return session


@transaction.atomic(durable=True)
def change_enrolling(
    *,
    session_id: UUID,
    opens_at: datetime,
    closes_at: datetime,
    min_pupils: int | None,
    max_pupils: int | None,
    by: Actor,
    now: datetime,
) -> Session:
    """Give the session its own opening, closing and sizes of a group (None: as the course says).

    Enrolments stay as they are. A draw that has not taken place follows the opening; whoever is in it stays in it.
    Coordinators only. Raises Refusal when it would open after it closes, or close after it begins, or has begun.
    """
    session = seats.locked_session(session_id)
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinators can do this."), code="not-yours")
    if session.state == Session.State.CANCELLED:
        raise Refusal(_("The session has been cancelled."), code="cancelled")
    if now >= session.starts_at:
        raise Refusal(
            _("The session began on %(when)s.") % {"when": dates.moment_in_words(session.starts_at)}, code="begun"
        )
    if closes_at > session.starts_at:
        raise Refusal(_("Enrolment must close before the session begins."), code="closes-late", field="closes_at")
    if opens_at >= closes_at:
        raise Refusal(_("Enrolment must open before it closes."), code="closes-early", field="closes_at")
    if min_pupils and max_pupils and min_pupils > max_pupils:
        raise Refusal(
            _("The smallest group must not be larger than the largest."), code="sizes-out-of-order", field="max_pupils"
        )
    draw_at = session.draw_at
    if session.drawn_at is None and opens_at != session.opens_at:
        waits = session.enrolments.in_draw().exists()
        planned = draw.drawn_at(opens_at, closes_at, seats.the_municipality(), now)
        draw_at = planned or (max(now, opens_at + SHORTEST_OPENING) if waits else None)
    if draw_at is not None:
        draw_at = min(draw_at, closes_at)
    changed: dict[str, datetime | int | None] = {
        "opens_at": opens_at,
        "closes_at": closes_at,
        "min_pupils": min_pupils,
        "max_pupils": max_pupils,
    }
    if all(getattr(session, name) == value for name, value in changed.items()):
        return session
    Session.objects.filter(pk=session.pk).update(**changed, draw_at=draw_at)
    for name, value in changed.items():
        setattr(session, name, value)
    session.draw_at = draw_at
    audit.record(
        by,
        "session-enrolling-changed",
        session,
        at=now,
        opens_at=opens_at.isoformat(),
        closes_at=closes_at.isoformat(),
        least=min_pupils,
        most=max_pupils,
    )
    return session


@transaction.atomic(durable=True)
def cancel_session(*, session_id: UUID, reason: str, by: Actor, now: datetime) -> Session:
    """Call a session off: every enrolment ends, every place is given back, and everybody concerned is told.

    By a coordinator, or by the host through the own link. Cancelling again changes nothing. Raises Refusal without
    a reason (teachers will read it), and once the session has begun.
    """
    session = seats.locked_session(session_id)
    by_host = hosts(session.offer, by)
    if not (by.is_coordinator or by_host):
        raise Refusal(_("Only the host and the municipality can cancel a session."), code="not-yours")
    if session.state == Session.State.CANCELLED:
        return session
    if now >= session.starts_at or session.state == Session.State.HELD:
        raise Refusal(
            _("The session began on %(when)s and can no longer be cancelled. Say instead that it was not held.")
            % {"when": dates.moment_in_words(session.starts_at)},
            code="begun",
        )
    reason = reason.strip()
    if not reason:
        raise Refusal(_("Write why the session is cancelled; the classes will read it."), code="reason", field="reason")
    concerned = list(session.enrolments.active().select_related("teacher"))
    status = Enrolment.Status.CANCELLED_BY_HOST if by_host else Enrolment.Status.CANCELLED_BY_MUNICIPALITY
    for enrolment in concerned:
        enrolment.session = session
        seats.end(enrolment, status, reason=reason[:300], by=by, now=now)
    outbox.withdraw(about=session)
    for meeting in session.meetings.all():
        outbox.withdraw(about=meeting)
    session.meetings.update(state=Meeting.State.CANCELLED)
    Session.objects.filter(pk=session.pk).update(
        state=Session.State.CANCELLED, cancel_reason=reason[:300], sequence=F("sequence") + 1
    )
    session.state, session.cancel_reason = Session.State.CANCELLED, reason[:300]
    session.sequence += 1
    audit.record(by, "session-cancelled", session, at=now, enrolments=len(concerned))
    for enrolment in concerned:
        notices.tell_teacher(enrolment, "session_cancelled", now=now)
    notices.tell_host(session.offer, session, "host_session_cancelled", now=now)
    if by_host:
        notices.tell_coordinators(session, "coordinator_session_cancelled", now=now)
    return session


@transaction.atomic(durable=True)
def move_session(
    *,
    session_id: UUID,
    starts: Sequence[tuple[datetime, datetime]],
    places: Sequence[str] | None = None,
    even_if_closed: bool = False,
    by: Actor,
    now: datetime,
) -> Session:
    """Give every date of a session a new time (``starts``: beginning and end, as many as it has) and perhaps a place.

    Enrolments, the waiting list and its order stay. Opening and closing follow the new beginning. Each class's
    teacher and the host are told the old and the new time with a calendar file that replaces the old entry; what was
    planned to be said about the old time is taken back and planned anew. By a coordinator, or the host's own link.
    Moving to where it is already changes nothing. Raises Refusal once it has begun, on a day without school (unless
    ``even_if_closed``), and into another school year while classes are enrolled: they would be in another grade.
    """
    session = seats.locked_session(session_id)
    by_host = hosts(session.offer, by)
    if not (by.is_coordinator or by_host):
        raise Refusal(_("Only the host and the municipality can move a session."), code="not-yours")
    meetings = list(session.meetings.order_by("number"))
    _refuse_to_move(session, meetings, now)
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
    if spans == [(one.starts_at, one.ends_at) for one in meetings] and wheres == [one.place for one in meetings]:
        return session
    _refuse_impossible(spans, None if even_if_closed else SchoolCalendar.load(), now)
    concerned = list(
        session.enrolments.filter(status__in=TOLD_OF_MOVES).select_related("teacher").order_by("created_at", "pk")
    )
    if concerned and school_year_of(calendar.local_day(spans[0][0])) != school_year_of(
        calendar.local_day(session.starts_at)
    ):
        raise Refusal(
            _("The classes are in another grade then. Cancel the session and plan a new one in that school year."),
            code="school-year",
            field="starts",
        )
    before = _times(meetings)
    _take_back(session, concerned)
    _write_times(session, meetings, spans, wheres)
    for one in concerned:
        if one.answer_by is not None and one.answer_by > session.starts_at:
            Enrolment.objects.filter(pk=one.pk).update(answer_by=session.starts_at)
        one.session = session
    audit.record(
        by,
        "session-moved",
        session,
        at=now,
        before=before[0]["starts_at"],
        starts_at=session.starts_at.isoformat(),
        enrolments=len(concerned),
    )
    _tell_of_the_move(session, concerned, before, _times(meetings), by_host=by_host, now=now)
    reminders.plan_for(session, now=now)
    return session


def _tell_of_the_move(
    session: Session,
    concerned: list[Enrolment],
    before: list[dict[str, str]],
    after: list[dict[str, str]],
    *,
    by_host: bool,
    now: datetime,
) -> None:
    """Tell teachers and host; who has not been told of an earlier move yet hears of both as one (a step)."""
    key = f"s{session.sequence}"
    for one in concerned:
        known = _last_told(one, "session_moved") or before
        if known != after:
            facts = {"before": known, "sequence": session.sequence}
            notices.tell_teacher(one, "session_moved", now=now, key=key, parameters=facts)
    known = _last_told(session, "host_session_moved") or before
    facts = {"before": known, "sequence": session.sequence}
    if known != after:
        notices.tell_host(session.offer, session, "host_session_moved", now=now, key=key, parameters=facts)
    if by_host:
        notices.tell_coordinators(session, "coordinator_session_moved", now=now, key=key, parameters=facts)


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
        raise Refusal(_("One of its dates is over or cancelled; the session can no longer be moved."), code="begun")


def _times(meetings: list[Meeting]) -> list[dict[str, str]]:
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
    if session.closes_at == closing_time(session.offer, old_start):
        closes_at = closing_time(session.offer, new_start)
    else:
        closes_at = _as_long_before(session.closes_at, old_start, new_start)
    opens_at = session.opens_at
    if opens_at >= closes_at:
        opens_at = min(_as_long_before(opens_at, old_start, new_start), closes_at - SHORTEST_OPENING)
    if session.draw_at is not None:
        session.draw_at = min(session.draw_at + (opens_at - session.opens_at), closes_at)
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


def shifted(session: Session, days: int) -> list[tuple[datetime, datetime]]:
    """Return the session's dates so many days later (fewer than nothing: earlier), at the same hours on the wall."""
    return [
        (_days_later(one.starts_at, days), _days_later(one.ends_at, days))
        for one in session.meetings.order_by("number")
    ]


def _days_later(moment: datetime, days: int) -> datetime:
    local = moment.astimezone(calendar.COPENHAGEN)
    return calendar.at(local.date() + timedelta(days=days), local.hour, local.minute)


def few_enrolled(now: datetime, *, within: timedelta) -> QuerySet[Session]:
    """Return the bookable sessions that begin soon and are less than half full: those that need somebody to call."""
    soon = Session.objects.bookable(now).filter(starts_at__gt=now, starts_at__lte=now + within)
    return soon.filter(places__gt=F("places_taken") * 2).order_by("starts_at", "pk")


def _only_for_those_who_plan(offer: Offer, by: Actor) -> None:
    """Raise Refusal unless the actor may plan sessions of the course."""
    if not (by.is_coordinator or hosts(offer, by)):
        raise Refusal(_("Only the host and the municipality can plan sessions."), code="not-yours")


def _plannable(offer_id: UUID, by: Actor) -> Offer:
    """Return the course, if sessions of it may be planned by the actor."""
    offer = Offer.objects.select_related("company", "contact").get(pk=offer_id)
    _only_for_those_who_plan(offer, by)
    if offer.state in NOT_PLANNABLE:
        raise Refusal(
            _("The course is %(state)s; sessions can be planned again when it is up to date.")
            % {"state": offer.get_state_display()},
            code="offer-over",
        )
    return offer


def _spans(
    offer: Offer, starts: datetime | Sequence[tuple[datetime, datetime]], minutes: int | None
) -> list[tuple[datetime, datetime]]:
    """Return the dates of a session as pairs of beginning and end."""
    if not isinstance(starts, datetime):
        return sorted(starts)
    length = minutes if minutes is not None else offer.duration_minutes
    if not length or length < 0:
        raise Refusal(_("Say how many minutes it lasts; the course does not."), code="no-duration", field="minutes")
    return [(starts, starts + timedelta(minutes=length))]


def _refuse_impossible(
    spans: list[tuple[datetime, datetime]], school_calendar: SchoolCalendar | None, now: datetime
) -> None:
    """Raise Refusal when the dates cannot be: none, in the past, backwards, overlapping, or without school."""
    if not spans:
        raise Refusal(_("A session has at least one date."), code="no-dates", field="starts")
    if spans[0][0] <= now:
        raise Refusal(
            _("%(when)s has passed. Choose a time ahead.") % {"when": dates.moment_in_words(spans[0][0])},
            code="past",
            field="starts",
        )
    earlier = None
    for starts_at, ends_at in spans:
        if ends_at <= starts_at:
            raise Refusal(_("The end must be after the beginning."), code="backwards", field="starts")
        if ends_at - starts_at > LONGEST_MEETING:
            raise Refusal(_("One date lasts at most 24 hours; plan several dates."), code="too-long", field="starts")
        if earlier is not None and starts_at < earlier:
            raise Refusal(_("Two of the dates overlap."), code="overlap", field="starts")
        earlier = ends_at
        reason = closed_because(calendar.local_day(starts_at), school_calendar) if school_calendar else ""
        if reason:
            raise Refusal(
                _("There is no school on %(day)s (%(reason)s). Choose another day, or say that it is meant.")
                % {"day": dates.day_in_words(starts_at), "reason": reason},
                code="no-school",
                field="starts",
            )


def _plan(
    offer: Offer,
    spans: list[tuple[datetime, datetime]],
    *,
    places: int | None,
    opens_at: datetime | None,
    closes_at: datetime | None,
    place: str,
    note: str,
    school_calendar: SchoolCalendar | None,
    by: Actor,
    now: datetime,
) -> Session:
    """Write a session with its dates (a step)."""
    _refuse_impossible(spans, school_calendar, now)
    starts_at, ends_at = spans[0][0], spans[-1][1]
    count = places if places is not None else offer.places
    if count is None or not 1 <= count <= 1000:
        raise Refusal(_("A session has between 1 and 1000 places."), code="places", field="places")
    opens = opens_at or opening_time(offer, starts_at, now, school_calendar)
    closes = closes_at or closing_time(offer, starts_at, school_calendar)
    if closes > starts_at:
        raise Refusal(_("Enrolment must close before the session begins."), code="closes-late", field="closes_at")
    if opens >= closes and (opens_at or closes_at):
        raise Refusal(
            _("Enrolment would open on %(opens)s and close on %(closes)s. It must open before it closes.")
            % {"opens": dates.moment_in_words(opens), "closes": dates.moment_in_words(closes)},
            code="closes-early",
            field="closes_at" if closes_at else "opens_at",
        )
    if opens >= closes:
        raise Refusal(
            ngettext(
                "Enrolment would close on %(closes)s, %(days)d day before, and that is before it opens."
                " Choose a later date or another closing time.",
                "Enrolment would close on %(closes)s, %(days)d days before, and that is before it opens."
                " Choose a later date or another closing time.",
                offer.closes_days,
            )
            % {"closes": dates.moment_in_words(closes), "days": offer.closes_days},
            code="closes-early",
            field="closes_at",
        )
    session = Session.objects.create(
        offer=offer,
        state=Session.State.OPEN,
        places=count,
        opens_at=opens,
        closes_at=closes,
        draw_at=draw.drawn_at(opens, closes, seats.the_municipality(), now) if opens > now else None,
        starts_at=starts_at,
        ends_at=ends_at,
        note=note.strip()[:300],
        created_at=now,
    )
    where = place.strip()[:300] or _usual_place(offer)
    Meeting.objects.bulk_create(
        Meeting(session=session, number=number, starts_at=begins, ends_at=over, place=where)
        for number, (begins, over) in enumerate(spans, start=1)
    )
    audit.record(
        by, "session-planned", session, at=now, places=count, dates=len(spans), starts_at=starts_at.isoformat()
    )
    return session


def _usual_place(offer: Offer) -> str:
    """Return where the course usually takes place; nothing when it is at the school or online."""
    if offer.venue != Offer.Venue.HOST:
        return ""
    return (offer.meeting_point or offer.company.full_address or offer.company.name)[:300]

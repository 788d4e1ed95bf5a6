"""Planning: the sessions of a course and their dates, how many places they have, and calling them off."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from companies.models import Contact
from offers.domain import dates, draw, notices, reminders, snapshot
from offers.domain import places as seats
from offers.models import Dialogue, Enrolment, Meeting, MoveProposal, Offer, Session
from portal.domain import audit, calendar, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Municipality

OPENING_HOUR = 8
CLOSING_HOUR = 12
LONGEST_MEETING = timedelta(hours=24)
LONGEST_SERIES = 60
LONGEST_DRAW = 24 * 60  # minutes, as of the municipality
SHORTEST_OPENING = timedelta(minutes=1)
ENDS_WITH_IT = Enrolment.Status.active()
CANCELLED_ALONE = [Enrolment.Status.CANCELLED_BY_SCHOOL, Enrolment.Status.CANCELLED_BY_MUNICIPALITY]
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
    draw_minutes: int | None = None,
    place: str = "",
    note: str = "",
    even_if_closed: bool = False,
    by: Actor,
    now: datetime,
) -> Session:
    """Plan one session: at one time (``minutes`` long, else as long as the course says), or on several dates.

    Places, opening, closing and place come from the course unless given. Lots are drawn among the requests of the
    first ``draw_minutes`` (0: not at all), else as the municipality says. Raises Refusal when a date is no school day
    (unless ``even_if_closed``), has passed, ends before it begins, enrolment could not open before it closes, or lots
    are to be drawn though it is open at once. A
    host plans within what the municipality allows (:func:`host_terms`), and on school days only.
    """
    offer = _plannable(offer_id, by)
    even_if_closed = even_if_closed and not hosts(offer, by)
    return _plan(
        offer,
        _spans(offer, starts, minutes),
        places=places,
        opens_at=opens_at,
        closes_at=closes_at,
        draw_minutes=draw_minutes,
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

    Days without school are skipped and named; the series is not prolonged for them. At most 60 weeks; for a host as
    many dates as the municipality allows.
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

    Enrolments stay as they are; where a later closing leaves time to ask, free places are offered to those in line. A
    draw that has not taken place follows the opening; whoever is in it stays in it. Coordinators only. Raises Refusal
    when it would open after it closes, or close after it begins, or has begun.
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
        # Whoever left the draw may come back into it; and where a line stands already, nobody is drawn past it.
        back = Q(status_before=Enrolment.Status.IN_DRAW, status__in=CANCELLED_ALONE)
        waits = session.enrolments.filter(Q(status=Enrolment.Status.IN_DRAW) | back).exists()
        has_line = session.enrolments.waitlisted().exists()
        planned = None if has_line else _draw_follows(session, opens_at, closes_at, now)
        draw_at = planned or (max(now, opens_at + SHORTEST_OPENING) if waits else None)
    if draw_at is not None and session.drawn_at is None:
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
    seats.offer_to_line(session, by=by, now=now)
    return session


def _draw_follows(session: Session, opens_at: datetime, closes_at: datetime, now: datetime) -> datetime | None:
    """Return when lots are drawn after enrolment gets another opening: as long after it as before.

    A session that was open already follows the municipality; one that was to open without a draw has none, and neither
    has a date that was agreed for one class.
    """
    if session.draw_at is None and (
        session.opens_at > now or Dialogue.objects.filter(enrolment__session=session).exists()
    ):
        return None
    if session.draw_at is None or opens_at <= now:
        return draw.drawn_at(opens_at, closes_at, seats.the_municipality(), now)
    return min(opens_at + (session.draw_at - session.opens_at), closes_at)


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
        if closed_without_class(session):  # from now on its class cannot come back either
            audit.record(by, "session-cancelled", session, at=now, enrolments=0)
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
    _call_off(session, reason[:300], by=by, by_host=by_host, now=now)
    return session


@transaction.atomic(durable=True)
def cancel_meeting(*, meeting_id: UUID, reason: str, by: Actor, now: datetime) -> Session:
    """Call one date of a session off. What becomes of the rest follows from :func:`fate`; everybody is told.

    By a coordinator, or by the host through the own link. Cancelling again changes nothing. A move that was proposed
    falls, which those who were asked are told. Raises Refusal without a reason (teachers will read it), and once that
    date has begun.
    """
    session = seats.locked_session(Meeting.objects.values_list("session_id", flat=True).get(pk=meeting_id))
    by_host = hosts(session.offer, by)
    if not (by.is_coordinator or by_host):
        raise Refusal(_("Only the host and the municipality can cancel a session."), code="not-yours")
    meetings = list(session.meetings.order_by("number"))
    meeting = next(one for one in meetings if one.pk == meeting_id)
    if session.state == Session.State.CANCELLED or meeting.state == Meeting.State.CANCELLED:
        return session
    if now >= meeting.starts_at or meeting.state != Meeting.State.PLANNED:
        raise Refusal(
            _("The date began on %(when)s and can no longer be cancelled. Say instead that it was not held.")
            % {"when": dates.moment_in_words(meeting.starts_at)},
            code="begun",
        )
    reason = reason.strip()[:300]
    if not reason:
        raise Refusal(_("Write why the date is cancelled; the classes will read it."), code="reason", field="reason")
    found = fate(session, meetings, meeting, now=now)
    if found.kind == Fate.WHOLE:
        with translation.override(settings.LANGUAGE_CODE):
            words = reason if len(meetings) < 2 else f"{reason} ({found.in_words()})"
        _call_off(session, words[:300], by=by, by_host=by_host, now=now)
        return session
    dropped = drop_proposal(session, by=by, now=now)
    off = [meeting] if found.kind == Fate.GOES_ON else [one for one in meetings if one.starts_at > now]
    off = [one for one in off if one.state == Meeting.State.PLANNED]
    Meeting.objects.filter(pk__in=[one.pk for one in off]).update(state=Meeting.State.CANCELLED, cancel_reason=reason)
    left = [one for one in meetings if one not in off and one.state != Meeting.State.CANCELLED]
    session.starts_at, session.ends_at = left[0].starts_at, left[-1].ends_at
    Session.objects.filter(pk=session.pk).update(
        starts_at=session.starts_at, ends_at=session.ends_at, sequence=F("sequence") + 1
    )
    session.sequence += 1
    concerned = list(session.enrolments.filter(status__in=ENDS_WITH_IT).select_related("teacher", "school"))
    for about in (session, *concerned):
        outbox.withdraw(about=about, occasions=reminders.OCCASIONS)
    snapshot.write_snapshot(session, concerned)
    audit.record(
        by,
        "meeting-cancelled",
        session,
        at=now,
        number=meeting.number,
        starts_at=meeting.starts_at.isoformat(),
        dates=len(off),
        left=len(left),
    )
    facts = {"numbers": [one.number for one in off], "reason": reason, "rest": found.kind == Fate.REST}
    key = f"m{meeting.number}-s{session.sequence}"
    for enrolment in concerned:
        enrolment.session = session
        was_asked = dropped and enrolment.status in Enrolment.Status.holding()
        told = {**facts, "dropped": was_asked}
        notices.tell_teacher(enrolment, "meeting_cancelled", now=now, key=key, parameters=told)
    notices.tell_host(session.offer, session, "host_meeting_cancelled", now=now, key=key, parameters=facts)
    if by_host:
        notices.tell_coordinators(session, "coordinator_meeting_cancelled", now=now, key=key, parameters=facts)
    reminders.plan_for(session, now=now)
    return session


def fate(session: Session, meetings: Sequence[Meeting], meeting: Meeting, *, now: datetime) -> "Fate":
    """Return what becomes of a session when one of its dates is called off.

    As long as the dates left (held or to come) are as many as the course still makes sense with, it goes on without
    it: half of those planned, rounded up, unless the course says otherwise. With fewer the whole is called off; when
    it has begun, what was held stays held, and the dates to come are called off. It begins with the first date that
    was not called off.
    """
    left = sum(one.state in {Meeting.State.PLANNED, Meeting.State.HELD} and one.pk != meeting.pk for one in meetings)
    fewest = min(session.offer.fewest_meetings or -(-len(meetings) // 2), len(meetings))
    kind = Fate.GOES_ON
    if left < fewest or not left:
        begun = any(one.starts_at <= now for one in meetings if one.state != Meeting.State.CANCELLED)
        kind = Fate.REST if begun and left else Fate.WHOLE
    return Fate(kind=kind, left=left, planned=len(meetings), fewest=fewest)


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What becomes of a session one of whose dates is called off, with the numbers that decide it."""

    GOES_ON: ClassVar[str] = "goes_on"
    REST: ClassVar[str] = "rest"
    WHOLE: ClassVar[str] = "whole"

    kind: str
    left: int
    planned: int
    fewest: int

    def in_words(self) -> str:
        """Return the rule, the numbers, and what follows from them."""
        rule = ngettext(
            "The course was planned with %(planned)d date and makes sense with at least %(fewest)d; %(left)d would be"
            " left.",
            "The course was planned with %(planned)d dates and makes sense with at least %(fewest)d; %(left)d would be"
            " left.",
            self.planned,
        ) % {"planned": self.planned, "fewest": self.fewest, "left": self.left}
        follows = {
            self.GOES_ON: _("So it goes on without this date."),
            self.REST: _("So the other dates to come are called off too; what was held stays held."),
            self.WHOLE: _("So the whole is called off."),
        }[self.kind]
        return f"{rule} {follows}"


def drop_proposal(session: Session, *, by: Actor, now: datetime) -> bool:
    """End a move that is proposed for the session, without moving it (a step); return whether there was one.

    Nobody is told here: the caller's own mails say it.
    """
    opened = MoveProposal.objects.open().filter(session=session)
    dropped = bool(opened.update(state=MoveProposal.State.WITHDRAWN, ended_at=now))
    if dropped:
        for one in session.enrolments.filter(status__in=Enrolment.Status.open()):
            outbox.withdraw(about=one, occasions=["move_proposed", "move_nudge"])
        outbox.withdraw(about=session, occasions=["host_move_proposed", "coordinator_move_proposed"])
        audit.record(by, "move-withdrawn", session, at=now)
    return dropped


def _call_off(session: Session, reason: str, *, by: Actor, by_host: bool, now: datetime) -> None:
    """End every enrolment, give every place back, and tell everybody concerned (a step)."""
    drop_proposal(session, by=by, now=now)
    concerned = list(session.enrolments.filter(status__in=ENDS_WITH_IT).select_related("teacher"))
    status = Enrolment.Status.CANCELLED_BY_HOST if by_host else Enrolment.Status.CANCELLED_BY_MUNICIPALITY
    for enrolment in concerned:
        enrolment.session = session
        seats.end(enrolment, status, reason=reason, by=by, now=now)
    outbox.withdraw(about=session)
    for meeting in session.meetings.all():
        outbox.withdraw(about=meeting)
    session.meetings.update(state=Meeting.State.CANCELLED)
    Session.objects.filter(pk=session.pk).update(
        state=Session.State.CANCELLED, cancel_reason=reason, sequence=F("sequence") + 1
    )
    session.state, session.cancel_reason = Session.State.CANCELLED, reason
    session.sequence += 1
    audit.record(by, "session-cancelled", session, at=now, enrolments=len(concerned))
    for enrolment in concerned:
        notices.tell_teacher(enrolment, "session_cancelled", now=now)
    notices.tell_host(session.offer, session, "host_session_cancelled", now=now)
    if by_host:
        notices.tell_coordinators(session, "coordinator_session_cancelled", now=now)


def close_without_class(session: Session, enrolment: Enrolment, *, by: Actor, now: datetime) -> None:
    """Close the date that was agreed for one class alone, when that class leaves it (a step; the row is held).

    Where no other class holds or waits for it, it would only stand empty at the host and at the desk. Nobody is told
    here: the caller's own mails say that the visit does not take place. Undoing the cancelling opens it again
    (:func:`open_for_class`).
    """
    if session.state != Session.State.OPEN or not notices.came_of_a_dialogue(enrolment):
        return
    if session.enrolments.active().exists():
        return
    drop_proposal(session, by=by, now=now)
    with translation.override(settings.LANGUAGE_CODE):
        reason = _("The visit was agreed for one class, and the class does not come.")
    outbox.withdraw(about=session)
    session.meetings.filter(state=Meeting.State.PLANNED).update(state=Meeting.State.CANCELLED)
    _let_be(session, Session.State.CANCELLED, reason[:300])
    audit.record(by, "session-closed-without-class", session, at=now)


def closed_without_class(session: Session) -> bool:
    """Return whether the date is closed because its only class left, and for no other reason."""
    if session.state != Session.State.CANCELLED:
        return False
    log = AuditEntry.objects.filter(
        object_type=session._meta.label_lower,
        object_id=str(session.pk),
        action__in=["session-closed-without-class", "session-cancelled"],
    )
    return log.order_by("-at", "-pk").values_list("action", flat=True).first() == "session-closed-without-class"


def open_for_class(session: Session, *, by: Actor, now: datetime) -> None:
    """Open a date again that was closed when its class left, now that the class comes after all (a step)."""
    if closed_without_class(session):
        session.meetings.update(state=Meeting.State.PLANNED)
        _let_be(session, Session.State.OPEN, "")
        audit.record(by, "session-opened-again", session, at=now)


def _let_be(session: Session, state: Session.State, reason: str) -> None:
    """Write the state of a session and why (a step); its calendar entries count up."""
    facts = {"state": state, "cancel_reason": reason}
    Session.objects.filter(pk=session.pk).update(**facts, sequence=F("sequence") + 1)
    session.state, session.cancel_reason = state, reason
    session.sequence += 1


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


@dataclass(frozen=True, kw_only=True)
class HostTerms:
    """Within what a host may add dates to one course: whether at all, from which day on, and how many more."""

    refusal: str
    first_day: date
    most: int
    coming: int
    empty: int

    @property
    def more(self) -> int:
        """How many dates more."""
        return max(self.most - self.coming, 0)


def host_terms(offer: Offer, school_calendar: SchoolCalendar, now: datetime) -> HostTerms:
    """Return within what a host may add dates to the course: what the municipality has chosen, and how far it is used.

    ``empty`` counts the dates to come that no class has taken yet: the host is warned of them, not kept from more.
    Dates on which host and class agreed count for nothing here: they were asked for.
    """
    rules: Municipality = seats.the_municipality()
    coming = offer.sessions.filter(state__in=[Session.State.OPEN, Session.State.PLANNED], starts_at__gt=now)
    coming = coming.exclude(Exists(Dialogue.objects.filter(enrolment__session=OuterRef("pk"))))
    refusal = ""
    if not rules.hosts_add_dates:
        refusal = _("Here the municipality plans all dates. Write to it when you have more to offer.")
    elif offer.state != Offer.State.PUBLISHED:
        refusal = _("Dates can be added once the course is published. It is %(state)s.") % {
            "state": offer.get_state_display()
        }
    return HostTerms(
        refusal=refusal,
        first_day=first_day_for_hosts(rules, school_calendar, now),
        most=rules.host_most_dates,
        coming=coming.count(),
        empty=coming.filter(places_taken=0).count(),
    )


def _refuse_beyond_the_hosts(offer: Offer, starts_at: datetime, school_calendar: SchoolCalendar, now: datetime) -> None:
    """Raise Refusal when the municipality does not let the host add this date."""
    terms = host_terms(offer, school_calendar, now)
    if terms.refusal:
        raise Refusal(terms.refusal, code="not-for-hosts")
    refuse_too_soon_for_hosts(starts_at, school_calendar, now)
    if not terms.more:
        raise Refusal(
            ngettext(
                "The course has %(coming)d date to come, and that is as many as hosts may add here. Write to the"
                " municipality when you have more to offer.",
                "The course has %(coming)d dates to come, and that is as many as hosts may add here. Write to the"
                " municipality when you have more to offer.",
                terms.coming,
            )
            % {"coming": terms.coming},
            code="too-many",
        )


def refuse_too_soon_for_hosts(starts_at: datetime, school_calendar: SchoolCalendar, now: datetime) -> None:
    """Raise Refusal when the day is sooner than the municipality lets hosts choose one by themselves."""
    first = first_day_for_hosts(seats.the_municipality(), school_calendar, now)
    if calendar.local_day(starts_at) < first:
        raise Refusal(
            _("%(day)s is too soon: schools need time to plan. The first day you can add is %(first)s.")
            % {"day": dates.day_in_words(starts_at), "first": dates.day_in_words(calendar.at(first, 12))},
            code="too-soon",
            field="starts",
        )


def first_day_for_hosts(municipality: Municipality, school_calendar: SchoolCalendar, now: datetime) -> date:
    """Return the first day that a host may choose without the municipality."""
    return school_calendar.school_days_after(calendar.local_day(now), municipality.host_notice_days)


def plan_for_one_class(
    offer: Offer,
    starts_at: datetime,
    ends_at: datetime,
    *,
    places: int,
    even_if_closed: bool,
    by: Actor,
    now: datetime,
) -> Session:
    """Write the session on which a host and one class have agreed (a step). Nobody else can enrol in it.

    It has the class's places and no more, and enrolment opens a minute before it closes. Until it closes the class may
    change its numbers: as long as the course says, or until the beginning where that has passed. What the municipality
    allows hosts to add by themselves does not matter: a class has asked for this date.
    """
    if offer.state in NOT_PLANNABLE:
        raise Refusal(
            _("The course is %(state)s; sessions can be planned again when it is up to date.")
            % {"state": offer.get_state_display()},
            code="offer-over",
        )
    closes_at = closing_time(offer, starts_at)
    if closes_at <= now:
        closes_at = starts_at
    session = _plan(
        offer,
        [(starts_at, ends_at)],
        places=places,
        opens_at=closes_at - SHORTEST_OPENING,
        closes_at=closes_at,
        place="",
        note="",
        school_calendar=None if even_if_closed else SchoolCalendar.load(),
        is_asked_for=True,
        by=by,
        now=now,
    )
    if session.draw_at is not None:  # there is nobody to draw lots among
        Session.objects.filter(pk=session.pk).update(draw_at=None)
        session.draw_at = None
    return session


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


def refuse_impossible(
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
    draw_minutes: int | None = None,
    is_asked_for: bool = False,
    by: Actor,
    now: datetime,
) -> Session:
    """Write a session with its dates (a step); ``is_asked_for`` by a class, and not only offered by the host."""
    refuse_impossible(spans, school_calendar, now)
    if not is_asked_for and hosts(offer, by):
        _refuse_beyond_the_hosts(offer, spans[0][0], school_calendar or SchoolCalendar.load(), now)
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
        draw_at=_draw_of(opens, closes, draw_minutes, now),
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


def _draw_of(opens: datetime, closes: datetime, minutes: int | None, now: datetime) -> datetime | None:
    """Return when lots are drawn: as told, else as the municipality says; None when they are not."""
    if minutes is None:
        return draw.drawn_at(opens, closes, seats.the_municipality(), now) if opens > now else None
    if not 0 <= minutes <= LONGEST_DRAW:
        raise Refusal(
            _("Write a number of minutes between 0 and %(most)d.") % {"most": LONGEST_DRAW},
            code="draw",
            field="draw_minutes",
        )
    if not minutes:
        return None
    if opens <= now:
        raise Refusal(
            _("Lots can be drawn only where enrolment opens later than now. Say when it opens, or leave the draw out."),
            code="draw-at-once",
            field="draw_minutes",
        )
    return min(opens + timedelta(minutes=minutes), closes)


@dataclass(frozen=True, kw_only=True)
class Enrolling:
    """When enrolment of a course opens and closes, and whether lots are drawn, unless told otherwise; in words."""

    opens: str
    closes: str
    draws: str


def enrolling_in_words(offer: Offer) -> Enrolling:
    """Return what holds for a new session of the course where nothing else is said."""

    def before(days: int) -> str:
        if offer.days_counted == Offer.DaysCounted.SCHOOL_DAYS:
            return ngettext("%(days)d school day before", "%(days)d school days before", days) % {"days": days}
        return ngettext("%(days)d day before", "%(days)d days before", days) % {"days": days}

    minutes = seats.the_municipality().draw_minutes
    return Enrolling(
        opens=_("at once.")
        if offer.opens_days is None
        else _("%(before)s, at 8.00.") % {"before": before(offer.opens_days)},
        closes=_("%(before)s, at noon.") % {"before": before(offer.closes_days)},
        draws=ngettext(
            "%(count)d minute, as the municipality says.", "%(count)d minutes, as the municipality says.", minutes
        )
        % {"count": minutes}
        if minutes
        else _("no draw."),
    )


def _usual_place(offer: Offer) -> str:
    """Return where the course usually takes place; nothing when it is at the school or online."""
    if offer.venue != Offer.Venue.HOST:
        return ""
    return (offer.meeting_point or offer.company.full_address or offer.company.name)[:300]

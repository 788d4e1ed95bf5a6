"""The draw: when enrolment opens, the first requests hold nothing, and lots decide their order.

The lots are not thrown but computed: each enrolment's lot is a hash of a random seed and its own number, and the log
keeps the seed and the order. So whoever doubts a draw can repeat it (:func:`lots`).
"""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from offers.domain import dates, notices, places
from offers.models import Enrolment, Offer, Session
from portal.domain import audit
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar
from portal.domain.jobs import one_by_one
from portal.models import Municipality

Status = Enrolment.Status
LeaderAnswer = Enrolment.LeaderAnswer


def lots(seed: str, enrolments: Iterable[UUID]) -> list[UUID]:
    """Return the enrolments in the order in which this seed draws them, in whatever order they are given."""
    return sorted(enrolments, key=lambda one: sha256(f"{seed}:{one}".encode()).digest())


def drawn_at(opens_at: datetime, closes_at: datetime, municipality: Municipality, now: datetime) -> datetime | None:
    """Return when lots are drawn, or None: only where enrolment opens later than now and the municipality draws."""
    if not municipality.draw_minutes or opens_at <= now:
        return None
    return min(opens_at + timedelta(minutes=municipality.draw_minutes), closes_at)


def draw_overdue(now: datetime) -> int:
    """Draw lots in every session whose hour has come; return in how many. Each is a transaction of its own."""
    due = Session.objects.filter(draw_at__lte=now, drawn_at__isnull=True, state=Session.State.OPEN)
    keys = list(due.order_by("draw_at", "pk").values_list("pk", flat=True))
    return one_by_one(lambda session_id: _draw(session_id, now=now), keys)


@transaction.atomic(durable=True)
def _draw(session_id: UUID, *, now: datetime) -> bool:
    """Draw lots in one session, once, whoever comes late or twice; everybody in the draw is told.

    In the order drawn, whoever fits completely gets the places, or asks for them where host or leader answer. The
    first that does not fit ends it, as in any line, unless smaller groups may overtake; the rest stand in line in
    that order. Who asked after the hour, while the draw was late, stands behind those drawn, in the order of time.
    """
    session = places.locked_session(session_id)
    due = session.draw_at is not None and session.draw_at <= now
    if session.drawn_at is not None or session.state != Session.State.OPEN or not due:
        return False
    assert session.draw_at is not None
    by = Actor.job("draw-lots")
    entries = {one.pk: one for one in session.enrolments.in_draw().select_related("teacher", "school", "school_class")}
    seed = secrets.token_hex(16)
    in_time = lots(seed, [pk for pk, one in entries.items() if one.created_at < session.draw_at])
    order = [*in_time, *(pk for pk in entries if pk not in set(in_time))]
    Session.objects.filter(pk=session.pk).update(drawn_at=now)
    session.drawn_at = now
    drawn = [str(pk) for pk in in_time]
    audit.record(by, "lots-drawn", session, at=now, seed=seed, order=drawn, late=len(order) - len(drawn))
    stopped = False
    for number, pk in enumerate(order, start=1):
        entry = entries[pk]
        entry.session = session
        entry.draw_number = number
        Enrolment.objects.filter(pk=pk).update(draw_number=number)
        fits = entry.places <= session.places_left and not stopped
        audit.record(
            by, "enrolment-drawn", entry, at=now, number=number, of=len(order), left=session.places_left, fits=fits
        )
        if now >= session.starts_at:
            _come_too_late(entry, by, now)
        elif fits:
            _give(entry, by, now)
        else:
            # Whoever needs more than there is in all stops nobody behind.
            stopped = stopped or not (places.rules_for(session).smaller_may_overtake or entry.places > session.places)
            _put_in_line(entry, number, by, now)
    if order and now < session.starts_at:
        places.offer_to_line(session, by=by, now=now)
    return True


def _give(entry: Enrolment, by: Actor, now: datetime) -> None:
    """Let a drawn class have its places, or ask for them (a step)."""
    session = entry.session
    places.take(session, entry.places)
    awaits_leader = entry.leader_answer == LeaderAnswer.AWAITED
    if not awaits_leader and session.offer.acceptance != Offer.Acceptance.MANUAL:
        places.confirm(entry, by=by, now=now)
        notices.tell_host(session.offer, entry, "host_new_enrolment", now=now)
        return
    until = places.request_deadline(session, places.rules_for(session), SchoolCalendar.load(), now)
    _become(entry, Status.PENDING, by, now, answer_by=until)
    notices.tell_teacher(entry, "enrolment_pending", now=now, key="drawn")
    places.ask_about_the_move(entry, now=now)
    if awaits_leader:
        notices.tell_leaders(entry, "leader_request", now=now, key="drawn")
    else:
        notices.ask_host(entry, now=now)


def _put_in_line(entry: Enrolment, number: int, by: Actor, now: datetime) -> None:
    """Put a drawn class in line by its number, or end it where there is no line (a step)."""
    session = entry.session
    if not session.offer.has_waiting_list:
        reason = _("Lots were drawn on %(when)s. The class was number %(number)d, and the places did not reach so far.")
        facts = {"when": dates.moment_in_words(now), "number": number}
        places.end(entry, Status.DECLINED, reason=reason % facts, by=by, now=now)
        notices.tell_teacher(entry, "enrolment_declined", now=now)
        return
    assert session.draw_at is not None
    since = session.draw_at + timedelta(microseconds=number)
    _become(entry, Status.WAITLISTED, by, now, waiting_since=since)
    notices.tell_teacher(entry, "enrolment_waitlisted", now=now, key="drawn")


def _come_too_late(entry: Enrolment, by: Actor, now: datetime) -> None:
    """End what was to be drawn in a session that has begun meanwhile (a step)."""
    places.end(entry, Status.REQUEST_EXPIRED, by=by, now=now)
    notices.tell_teacher(entry, "request_expired", now=now)
    notices.tell_coordinators(entry, "coordinator_request_expired", now=now)


def _become(
    entry: Enrolment,
    status: Enrolment.Status,
    by: Actor,
    now: datetime,
    *,
    answer_by: datetime | None = None,
    waiting_since: datetime | None = None,
) -> None:
    """Let a drawn class be a request, or wait (a step)."""
    entry.status, entry.status_at, entry.answer_by, entry.waiting_since = status, now, answer_by, waiting_since
    Enrolment.objects.filter(pk=entry.pk, status=Status.IN_DRAW).update(
        status=status, status_at=now, answer_by=answer_by, waiting_since=waiting_since
    )
    audit.record(by, f"enrolment-{status.value}", entry, at=now, pupils=entry.pupils, places=entry.places)

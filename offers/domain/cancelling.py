"""Leaving a session again: until when a school decides itself, asking the coordinators afterwards, and thinking better.

A cancelled place is offered to the line at once, so cancelling can be undone only as long as nobody wanted the place.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from offers.domain import dates, notices, places, planning, reminders, rules
from offers.models import Enrolment, Session
from portal.domain import audit, calendar, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Message, Municipality

Status = Enrolment.Status
UNDO_WITHIN = timedelta(minutes=15)
HOUR = 16
CANCELLED = [Status.CANCELLED_BY_SCHOOL, Status.CANCELLED_BY_MUNICIPALITY]
# What tells of a cancelling, to whom, and what tells them that it was undone.
TOLD = {
    "enrolment_cancelled": "enrolment_restored",
    "host_cancelled_enrolment": "host_restored_enrolment",
    "host_dialogue_came_to_nothing": "host_restored_enrolment",
    "coordinator_cancelled": "coordinator_restored",
}
# What was promised about the standing before, and is still true when it is back.
PROMISED = {
    Status.CONFIRMED: [
        "enrolment_confirmed",
        "dialogue_agreed",
        "host_new_enrolment",
        "host_dialogue_agreed",
        "move_proposed",
    ],
    Status.PENDING: [
        "enrolment_pending",
        "host_request",
        "host_request_nudge",
        "leader_request",
        "coordinator_request",
        "coordinator_request_nudge",
        "move_proposed",
    ],
    Status.WAITLISTED: ["enrolment_waitlisted", "leader_request"],
    Status.OFFERED: ["place_offered", "move_proposed"],
    Status.IN_DRAW: ["enrolment_in_draw", "leader_request"],
}
# What was promised when it was handed over, whatever its standing.
HANDED_OVER = ["enrolment_handed_over", "enrolment_handed_on", "host_new_teacher"]
# To the contact teacher; what an earlier one was promised is not promised again.
TO_TEACHER = [name for names in PROMISED.values() for name in names if name.split("_")[0] in {"enrolment", "place"}]
TO_TEACHER += ["enrolment_handed_over", "dialogue_agreed", "move_proposed"]


def cancel_until(session: Session, municipality: Municipality, school_calendar: SchoolCalendar) -> datetime:
    """Return until when a school cancels a confirmed visit by itself: 16.00, so many school days before it begins.

    The course says how many, else the municipality (3 unless chosen otherwise); never later than the beginning.
    """
    chosen = session.offer.cancel_days
    days = municipality.cancel_days if chosen is None else chosen
    day = school_calendar.school_days_before(calendar.local_day(session.starts_at), days)
    return min(calendar.at(day, HOUR), session.starts_at)


def is_late(enrolment: Enrolment, now: datetime) -> bool:
    """Return whether the school can no longer cancel by itself. Only what is confirmed can be cancelled too late."""
    if enrolment.status != Status.CONFIRMED:
        return False
    return now >= cancel_until(enrolment.session, places.the_municipality(), SchoolCalendar.load())


def refuse_when_late(enrolment: Enrolment, by: Actor, now: datetime) -> bool:
    """Return whether cancelling now is late; raise Refusal when it is and the actor is no coordinator."""
    late = is_late(enrolment, now)
    if late and not by.is_coordinator:
        until = cancel_until(enrolment.session, places.the_municipality(), SchoolCalendar.load())
        raise Refusal(
            _(
                "The school could cancel until %(when)s. Now the municipality's coordinator decides;"
                " ask on the enrolment's page, and say why."
            )
            % {"when": dates.moment_in_words(until)},
            code="late",
        )
    return late


@transaction.atomic(durable=True)
def ask_to_cancel(*, enrolment_id: UUID, reason: str, by: Actor, now: datetime) -> Enrolment:
    """Ask the coordinators to cancel a confirmed visit, once the school can no longer do so itself.

    The class stays enrolled until one of them has decided; they get a mail with the reason. Raises Refusal without a
    reason, when the school can still cancel by itself, and once the visit has begun.
    """
    enrolment = places.locked_enrolment(enrolment_id)
    places.refuse_strangers(enrolment, by)
    reason = reason.strip()[:300]
    if enrolment.status != Status.CONFIRMED or now >= enrolment.session.starts_at:
        raise Refusal(_("The visit has begun or the enrolment has ended; there is nothing to cancel."), code="ended")
    if not is_late(enrolment, now):
        raise Refusal(_("You can still cancel yourself; nobody needs to be asked."), code="not-late")
    if not reason:
        raise Refusal(_("Write why the class cannot come; the coordinator reads it."), code="reason", field="reason")
    if has_asked(enrolment) and enrolment.ended_reason == reason:
        return enrolment
    Enrolment.objects.filter(pk=enrolment.pk).update(ended_reason=reason)
    enrolment.ended_reason = reason
    audit.record(by, "enrolment-cancelling-asked", enrolment, at=now)
    notices.tell_coordinators(enrolment, "coordinator_asked_to_cancel", now=now, key=now.isoformat())
    return enrolment


@transaction.atomic(durable=True)
def decline_to_cancel(*, enrolment_id: UUID, reason: str, by: Actor, now: datetime) -> Enrolment:
    """Say no to a school that asks to cancel late: the class stays enrolled, and its teacher is told why.

    By a coordinator; saying yes is cancelling. The mail names whom to call. The school may ask again. Raises Refusal
    without a reason, once the visit has begun, and when the school does not ask (any more).
    """
    enrolment = places.locked_enrolment(enrolment_id)
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinators can do this."), code="not-yours")
    if now >= enrolment.session.starts_at:
        raise Refusal(_("The visit has begun or the enrolment has ended; there is nothing to cancel."), code="ended")
    if not has_asked(enrolment):
        raise Refusal(
            _("The school does not ask to cancel: somebody has answered already, or the class has left."),
            code="not-asked",
        )
    reason = reason.strip()[:300]
    if not reason:
        raise Refusal(_("Write why the class is still expected; the teacher reads it."), code="reason", field="reason")
    Enrolment.objects.filter(pk=enrolment.pk).update(ended_reason="")
    enrolment.ended_reason = ""
    audit.record(by, "enrolment-cancelling-declined", enrolment, at=now)
    outbox.withdraw(about=enrolment, occasions=["coordinator_asked_to_cancel"])
    notices.tell_teacher(enrolment, "cancelling_declined", now=now, key=now.isoformat(), parameters={"reason": reason})
    return enrolment


def has_asked(enrolment: Enrolment) -> bool:
    """Return whether the school has asked the coordinators to cancel, and nobody has answered yet."""
    return (
        enrolment.status == Status.CONFIRMED
        and bool(enrolment.ended_reason)
        and AuditEntry.objects.filter(
            object_type=enrolment._meta.label_lower,
            object_id=str(enrolment.pk),
            action="enrolment-cancelling-asked",
        ).exists()
    )


def undo_until(enrolment: Enrolment, now: datetime) -> datetime | None:
    """Return until when cancelling can be undone; None when it cannot be (any more)."""
    if enrolment.status not in CANCELLED or not enrolment.status_before:
        return None
    until = min(enrolment.status_at + UNDO_WITHIN, enrolment.session.starts_at)
    if now >= until:
        return None
    session = enrolment.session
    stands = session.state == Session.State.OPEN or planning.closed_without_class(session)
    return until if stands else None


@transaction.atomic(durable=True)
def undo_cancellation(*, enrolment_id: UUID, by: Actor, now: datetime) -> Enrolment:
    """Take back that an enrolment was cancelled, within 15 minutes and while its places are still free.

    It stands again as it stood before, in line at the same place; what is free is offered to the line then. If a move
    was proposed meanwhile, the class is asked like the others. Mails about the cancelling that have not left are
    withdrawn; to whoever was told already, a mail says that the class comes after all. Undoing again returns it.
    Raises Refusal, with what one can do instead, when it is too late, the date was moved, or the places have gone to
    somebody else.
    """
    enrolment = places.locked_enrolment(enrolment_id)
    places.refuse_strangers(enrolment, by)
    session = enrolment.session
    if enrolment.status in Status.active():
        return enrolment
    _refuse_to_undo(enrolment, by, now)
    before = Status(enrolment.status_before)
    if before in Status.holding() and enrolment.places > session.places_left:
        raise _gone(session, enrolment, now)
    answer_by = _new_deadline(session, before, now)
    if before in {Status.OFFERED, Status.PENDING} and answer_by is None:
        raise _gone(session, enrolment, now)
    if before == Status.IN_DRAW and session.drawn_at is not None:
        raise Refusal(_("The draw has taken place meanwhile. You can enrol the class again."), code="drawn")
    facts = {"status": before, "status_at": now, "answer_by": answer_by, "ended_reason": "", "is_late": False}
    Enrolment.objects.filter(pk=enrolment.pk).update(**facts)
    for name, value in facts.items():
        setattr(enrolment, name, value)
    planning.open_for_class(session, by=by, now=now)
    if before in Status.holding():
        places.take(session, enrolment.places)
    audit.record(by, "enrolment-restored", enrolment, at=now, status=before.value, places=enrolment.places)
    _tell_again(enrolment, now=now)
    if before in Status.holding():
        places.ask_about_the_move(enrolment, now=now)
    if places.offer_to_line(session, by=by, now=now):  # what was free meanwhile is free beside who is in line again
        enrolment.refresh_from_db(fields=["status", "status_at", "answer_by"])
    return enrolment


def _refuse_to_undo(enrolment: Enrolment, by: Actor, now: datetime) -> None:
    """Raise Refusal when whoever asks cannot undo the cancelling any more, whatever is free (a step)."""
    session = enrolment.session
    if enrolment.status == Status.CANCELLED_BY_MUNICIPALITY and not by.is_coordinator:
        raise Refusal(_("The municipality has cancelled it; write to its coordinators."), code="not-yours")
    if undo_until(enrolment, now) is None:
        raise Refusal(
            _("Cancelling can be undone for 15 minutes, and they have passed. You can enrol the class again."),
            code="too-late",
        )
    if _has_moved(session, enrolment):
        raise Refusal(
            _("The date has been moved to %(when)s meanwhile. Look whether it suits you, and enrol the class again.")
            % {"when": dates.moment_in_words(session.starts_at)},
            code="moved",
        )
    again = Enrolment.objects.active().filter(
        session=session, school_class=enrolment.school_class_id, group=enrolment.group
    )
    if again.exists():
        raise Refusal(_("The class has been enrolled in this session again meanwhile."), code="enrolled-again")
    if not by.is_coordinator:  # another date may have been taken meanwhile
        rules.hold_classes(session, [enrolment.school_class])
        if refusal := rules.limit_refused(session, enrolment.school_class, now):
            raise refusal


def _has_moved(session: Session, enrolment: Enrolment) -> bool:
    """Return whether the session got another time or place after the class had left it."""
    agreed = (enrolment.starts_then, enrolment.ends_then)
    moved = AuditEntry.objects.filter(
        object_type=session._meta.label_lower,
        object_id=str(session.pk),
        action="session-moved",
        at__gt=enrolment.status_at,
    )
    return (enrolment.starts_then is not None and agreed != (session.starts_at, session.ends_at)) or moved.exists()


def _new_deadline(session: Session, before: str, now: datetime) -> datetime | None:
    """Return until when what is back waits for an answer."""
    if before == Status.PENDING:
        return places.request_deadline(session, places.the_municipality(), SchoolCalendar.load(), now)
    if before == Status.OFFERED:
        return places.deadline(session, places.the_municipality(), SchoolCalendar.load(), now)
    return None


def _gone(session: Session, enrolment: Enrolment, now: datetime) -> Refusal:
    """Return that the places went to somebody else, and what one can do."""
    sentence = ngettext(
        "The places have been offered to a class in line meanwhile: %(left)d is free, and the class needs %(need)d.",
        "The places have been offered to a class in line meanwhile: %(left)d are free, and the class needs %(need)d.",
        session.places_left,
    ) % {"left": session.places_left, "need": enrolment.places}
    open_again = rules.refusal_for(session, None, now=now) is None and session.offer.has_waiting_list
    instead = _("You can enrol the class again; it then waits in line.") if open_again else ""
    other = rules.next_possibility(session, enrolment.places, now=now)
    return Refusal(" ".join(part for part in (sentence, instead, other) if part), code="gone")


def _tell_again(enrolment: Enrolment, *, now: datetime) -> None:
    """Take back mails about the cancelling that have not left, and tell whoever was told already (a step).

    What had been promised about the standing before and had not left either is promised again.
    """
    outbox.withdraw(about=enrolment, occasions=list(TOLD))
    about = Message.objects.filter(reference_type=enrolment._meta.label_lower, reference_id=enrolment.pk)
    withdrawn = about.filter(state=Message.State.WITHDRAWN, sent_at=None)
    wanted = withdrawn.filter(occasion__in=[*PROMISED.get(Status(enrolment.status), []), *HANDED_OVER])
    for message in wanted.exclude(Q(occasion__in=TO_TEACHER) & ~Q(recipient_id=enrolment.teacher_id)):
        # What was to be said later, as a reminder of a request, is still said then.
        outbox.promise_again(message_id=message.pk, now=now, send_at=message.send_at, not_after=message.not_after)
    left = about.exclude(state=Message.State.WITHDRAWN).filter(occasion__in=TOLD, created_at__gte=now - UNDO_WITHIN)
    told = set(left.values_list("occasion", flat=True))
    key, offer = now.isoformat(), enrolment.session.offer
    if "enrolment_cancelled" in told:
        notices.tell_teacher(enrolment, "enrolment_restored", now=now, key=key)
    if told & {"host_cancelled_enrolment", "host_dialogue_came_to_nothing"}:
        notices.tell_host(offer, enrolment, "host_restored_enrolment", now=now, key=key)
    if "coordinator_cancelled" in told:
        notices.tell_coordinators(enrolment, "coordinator_restored", now=now, key=key)
    reminders.plan_for(enrolment.session, now=now)

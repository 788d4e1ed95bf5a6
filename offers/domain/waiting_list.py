"""The waiting list: whose turn it is, and what becomes of an offered place."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from offers.domain import dates, notices, places
from offers.models import Enrolment, Session
from portal.domain import audit
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal

Status = Enrolment.Status


def position(enrolment: Enrolment) -> int:
    """Return the class's place in the line (1: the next); 0 when it is in no line."""
    if enrolment.status != Status.WAITLISTED or enrolment.waiting_since is None:
        return 0
    since, made = enrolment.waiting_since, enrolment.created_at
    before = (
        Q(waiting_since__lt=since)
        | Q(waiting_since=since, created_at__lt=made)
        | Q(waiting_since=since, created_at=made, pk__lt=enrolment.pk)
    )
    return Enrolment.objects.waitlisted().filter(before, session=enrolment.session_id).count() + 1


def in_line(rows: QuerySet[Enrolment]) -> list[tuple[Enrolment, int]]:
    """Return waiting enrolments, each with its place in its own line (1: the next), in one query."""
    before = (
        Enrolment.objects.filter(session=OuterRef("session"), status=Status.WAITLISTED)
        .filter(
            Q(waiting_since__lt=OuterRef("waiting_since"))
            | Q(waiting_since=OuterRef("waiting_since"), created_at__lt=OuterRef("created_at"))
            | Q(waiting_since=OuterRef("waiting_since"), created_at=OuterRef("created_at"), pk__lt=OuterRef("pk"))
        )
        .order_by()
        .values("session")
        .annotate(count=Count("pk"))
        .values("count")
    )
    return [(one, one.ahead + 1) for one in rows.annotate(ahead=Coalesce(Subquery(before), 0))]


@transaction.atomic(durable=True)
def accept_place(*, enrolment_id: UUID, by: Actor, now: datetime) -> Enrolment:
    """Take the place that was offered. Once taken, accepting again returns it; after the deadline it is refused.

    Where the school's leader was asked when the class went into line and has not answered yet, the places are held
    like those of any request until the leader does: a slow leader loses nobody the turn.
    """
    enrolment = places.locked_enrolment(enrolment_id)
    places.refuse_strangers(enrolment, by)
    awaits_leader = enrolment.leader_answer == Enrolment.LeaderAnswer.AWAITED
    if enrolment.status == Status.CONFIRMED or (enrolment.status == Status.PENDING and awaits_leader):
        return enrolment
    _refuse_unless_offered(enrolment, now)
    if awaits_leader:
        places.await_answer(enrolment, by=by, now=now)
        notices.tell_teacher(enrolment, "enrolment_pending", now=now)
        notices.tell_leaders(enrolment, "leader_request", now=now, key="place")
        return enrolment
    places.confirm(enrolment, by=by, now=now)
    notices.tell_host(enrolment.session.offer, enrolment, "host_new_enrolment", now=now)
    return enrolment


@transaction.atomic(durable=True)
def decline_place(*, enrolment_id: UUID, by: Actor, now: datetime) -> Enrolment:
    """Leave the offered place to the next in line. Declining again changes nothing."""
    enrolment = places.locked_enrolment(enrolment_id)
    places.refuse_strangers(enrolment, by)
    if enrolment.status == Status.CANCELLED_BY_SCHOOL:
        return enrolment
    _refuse_unless_offered(enrolment, now)
    places.end(enrolment, Status.CANCELLED_BY_SCHOOL, by=by, now=now)
    places.offer_to_line(enrolment.session, by=by, now=now)
    return enrolment


@transaction.atomic(durable=True)
def give_place(*, enrolment_id: UUID, by: Actor, now: datetime) -> Enrolment:
    """Give a waiting class its place at once, when it is too late to ask in writing. Coordinators only.

    The order of the line is the coordinator's to keep; the log holds the place in line it was taken from.
    """
    enrolment = places.locked_enrolment(enrolment_id)
    session = enrolment.session
    if not by.is_coordinator:
        raise Refusal(_("Only a coordinator can give a place in the line."), code="not-yours")
    if enrolment.status == Status.CONFIRMED:
        return enrolment
    if enrolment.status != Status.WAITLISTED:
        raise Refusal(_("The class is not on the waiting list."), code="not-waiting")
    if session.state != Session.State.OPEN or now >= session.starts_at:
        raise Refusal(_("The session has begun or was cancelled."), code="begun")
    if enrolment.places > session.places_left:
        raise Refusal(
            _("The class needs %(need)d places, and %(left)d are free.")
            % {"need": enrolment.places, "left": session.places_left},
            code="no-room",
        )
    audit.record(by, "enrolment-given-a-place", enrolment, at=now, position=position(enrolment))
    if enrolment.leader_answer == Enrolment.LeaderAnswer.AWAITED:  # the municipality's word counts for the school's
        places.answer_for_leader(enrolment, Enrolment.LeaderAnswer.NOT_NEEDED)
    places.take(session, enrolment.places)
    places.confirm(enrolment, by=by, now=now)
    notices.tell_host(session.offer, enrolment, "host_new_enrolment", now=now)
    return enrolment


def expire_offered(now: datetime) -> int:
    """End the offers of places that were not answered in time and pass the places on. Returns how many."""
    overdue = Enrolment.objects.overdue(now).filter(status=Status.OFFERED).order_by("answer_by", "pk")
    return sum(_expire_offered(enrolment_id, now=now) for enrolment_id in overdue.values_list("pk", flat=True))


@transaction.atomic(durable=True)
def _expire_offered(enrolment_id: UUID, *, now: datetime) -> bool:
    """End one offer of a place, if it is still unanswered."""
    enrolment = places.locked_enrolment(enrolment_id)
    if enrolment.status != Status.OFFERED or enrolment.answer_by is None or enrolment.answer_by > now:
        return False
    by = Actor.job("expire-offered")
    places.end(enrolment, Status.OFFER_EXPIRED, by=by, now=now)
    notices.tell_teacher(enrolment, "place_expired", now=now)
    places.offer_to_line(enrolment.session, by=by, now=now)
    return True


def _refuse_unless_offered(enrolment: Enrolment, now: datetime) -> None:
    """Raise Refusal when no place is offered, or the deadline has passed."""
    if enrolment.status == Status.OFFER_EXPIRED or (
        enrolment.status == Status.OFFERED and enrolment.answer_by is not None and enrolment.answer_by <= now
    ):
        until = enrolment.answer_by or enrolment.status_at
        raise Refusal(
            _("The place was held until %(when)s and has gone to the next in line.")
            % {"when": dates.moment_in_words(until)},
            code="place-expired",
        )
    if enrolment.status != Status.OFFERED:
        raise Refusal(_("No place is offered to the class at the moment."), code="not-offered")

"""The waiting list: whose turn it is, and what becomes of an offered place."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from offers.domain import dates, notices, places
from offers.models import Enrolment, Session
from portal.domain import audit
from portal.domain.actor import Actor
from portal.domain.jobs import one_by_one
from portal.domain.refusal import Refusal
from portal.models import AuditEntry

Status = Enrolment.Status


def position(enrolment: Enrolment) -> int:
    """Return the class's place in the line (1: the next); 0 when it is in no line."""
    if enrolment.status != Status.WAITLISTED:
        return 0
    return next((number for _one, number in in_line(Enrolment.objects.filter(pk=enrolment.pk))), 0)


def in_line(rows: QuerySet[Enrolment]) -> list[tuple[Enrolment, int]]:
    """Return enrolments, each with its place in its own line (1: the next; 0: in no line), in one query."""
    same_band = Q(behind=OuterRef("behind"))
    before = (
        places.with_band(Enrolment.objects.filter(session=OuterRef("session"), status=Status.WAITLISTED))
        .filter(
            Q(behind__lt=OuterRef("behind"))
            | (same_band & Q(waiting_since__lt=OuterRef("waiting_since")))
            | (same_band & Q(waiting_since=OuterRef("waiting_since"), created_at__lt=OuterRef("created_at")))
            | (
                same_band
                & Q(waiting_since=OuterRef("waiting_since"), created_at=OuterRef("created_at"), pk__lt=OuterRef("pk"))
            )
        )
        .order_by()
        .values("session")
        .annotate(count=Count("pk"))
        .values("count")
    )
    found = places.with_band(rows).annotate(ahead=Coalesce(Subquery(before), 0))
    return [(one, one.ahead + 1 if one.status == Status.WAITLISTED else 0) for one in found]


def order_in_words(session: Session) -> list[str]:
    """Return by what rules the line moves, as the teacher reads it."""
    rules = places.rules_for(session)
    return [
        _("Classes without a visit this school year stand first. Then it counts who came first.")
        if rules.unvisited_first
        else _("It counts who came first."),
        _("Does the first class not fit into the free places, a smaller one behind it may get them.")
        if rules.smaller_may_overtake
        else _("Nobody overtakes you, not even a smaller group."),
    ]


# --- Why did they get the place? -------------------------------------------------------------------------------------


def why_in_words(enrolment: Enrolment) -> list[str]:
    """Return from the log how the class got its places, or why it waits: a sentence for each step, the first first."""
    told = AuditEntry.objects.filter(
        object_type=enrolment._meta.label_lower, object_id=str(enrolment.pk), action__in=WHY
    ).order_by("at", "id")
    sentences = [WHY[one.action](one.facts) % {"when": dates.moment_in_words(one.at), **one.facts} for one in told]
    if enrolment.status == Status.WAITLISTED:
        looked = AuditEntry.objects.filter(
            object_type="offers.session", object_id=str(enrolment.session_id), action="line-looked-at"
        ).order_by("-at", "-id")
        if (last := looked.first()) is not None:
            said = (
                _("On %(when)s %(left)s places were free, too late to ask in writing: the coordinators were told.")
                if last.facts.get("too_late")
                else _("On %(when)s %(left)s places were free, and the first in line needed %(needs)s.")
            )
            sentences.append(said % {"when": dates.moment_in_words(last.at), **last.facts})
    return [one for one in sentences if one]


def _at_once(facts: Mapping[str, Any]) -> str:
    before = facts.get("before")
    if before == Status.OFFERED:
        return _("The class said yes on %(when)s.")
    if before == Status.PENDING:
        return _("The request was approved on %(when)s.")
    if "left" not in facts:
        return ""
    if facts.get("passed"):
        return _past_the_line(facts)
    return _("On %(when)s %(left)s places were free and nobody was in line: the class got its %(places)s at once.")


def _past_the_line(facts: Mapping[str, Any]) -> str:
    return ngettext(
        "On %(when)s %(left)s places were free. %(passed)s class was in line, but by the rules of the line it did not"
        " come first: this one got its %(places)s at once.",
        "On %(when)s %(left)s places were free. %(passed)s classes were in line, but by the rules of the line none of"
        " them came first: this one got its %(places)s at once.",
        facts["passed"],
    )


def _asked_for(facts: Mapping[str, Any]) -> str:
    if "left" not in facts:
        return ""
    if facts.get("passed"):
        return _past_the_line(facts)
    return _(
        "On %(when)s %(left)s places were free and nobody was in line: %(places)s were held until the request was"
        " answered."
    )


def _into_line(facts: Mapping[str, Any]) -> str:
    if "left" not in facts:
        return ""
    if facts["left"] < facts["places"]:
        return _("On %(when)s %(left)s places were free and the class needed %(places)s: it went into line.")
    return _("On %(when)s others were already in line for the free places: the class went behind them.")


def _lot(facts: Mapping[str, Any]) -> str:
    if facts["fits"]:
        return _("Lots were drawn on %(when)s: the class was number %(number)s of %(of)s, and there was room.")
    return _(
        "Lots were drawn on %(when)s: the class was number %(number)s of %(of)s, and the places did not reach so far."
    )


def _turn(facts: Mapping[str, Any]) -> str:
    if facts.get("passed"):
        return ngettext(
            "On %(when)s %(left)s places were free. %(passed)s class stood before it and needed more than that, so this"
            " one was asked.",
            "On %(when)s %(left)s places were free. %(passed)s classes stood before it and needed more than that, so"
            " this one was asked.",
            facts["passed"],
        )
    if facts.get("unvisited_first"):
        return _("On %(when)s places became free, and the class was first in line; those without a visit stand first.")
    return _("On %(when)s places became free, and the class was first in line.")


WHY: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "enrolment-confirmed": _at_once,
    "enrolment-pending": _asked_for,
    "enrolment-waitlisted": _into_line,
    "enrolment-in-draw": lambda _facts: _("On %(when)s the class went into the draw."),
    "enrolment-drawn": _lot,
    "enrolment-offered": _turn,
    "enrolment-given-a-place": lambda _facts: _(
        "On %(when)s a coordinator gave the class its places; it was number %(position)s in line."
    ),
    "enrolment-approved-by-leader": lambda _facts: _("The school's leader approved on %(when)s."),
}


@transaction.atomic(durable=True)
def accept_place(*, enrolment_id: UUID, by: Actor, now: datetime) -> Enrolment:
    """Take the place that was offered. Once taken, accepting again returns it; after the deadline it is refused.

    Where the school's leader was asked when the class went into line and has not answered yet, the places are held
    like those of any request until the leader does: a slow leader loses nobody the turn.

    Otherwise the class is confirmed, also where the host answers each request (life-cycles f.3, *offered → confirmed*):
    the host is told, not asked once more, for its date had places that the municipality had offered. With the places
    the class leaves the lines and draws of the course's other dates; it hears that by mail.
    """
    others = hold_other_waits(enrolment_id)
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
    end_other_waits(others, enrolment, by=by, now=now)
    return enrolment


def came_from_line(enrolment: Enrolment) -> bool:
    """Return whether the class got its places out of the line: an offered place was taken, or one was given."""
    return enrolment.waiting_since is not None


def other_waits(enrolment: Enrolment) -> QuerySet[Enrolment]:
    """Return where else the same class and group waits for the same course."""
    waits = Enrolment.objects.filter(status__in=[Status.WAITLISTED, Status.IN_DRAW])
    same = waits.filter(school_class=enrolment.school_class_id, group=enrolment.group)
    return same.filter(session__offer=enrolment.session.offer_id).exclude(session=enrolment.session_id)


def hold_other_waits(enrolment_id: UUID) -> list[Session]:
    """Hold the session of the enrolment and those where the class waits, in one order for everybody (a step).

    Return the others. Where it waits nowhere else, nothing is held yet.
    """
    enrolment = Enrolment.objects.select_related("session").get(pk=enrolment_id)
    keys = set(other_waits(enrolment).values_list("session", flat=True))
    if not keys:
        return []
    rows = Session.objects.locked().filter(pk__in=[*keys, enrolment.session_id])
    return [one for one in rows.select_related("offer__company", "offer__contact") if one.pk in keys]


def end_other_waits(sessions: Iterable[Session], taken: Enrolment, *, by: Actor, now: datetime) -> None:
    """Take a class that has its places out of the lines and draws of sessions whose rows are held (a step).

    The class hears it by mail, and what stood behind it there is looked at.
    """
    for session in sessions:
        _end_wait(session, taken, by=by, now=now)


def _end_wait(session: Session, taken: Enrolment, *, by: Actor, now: datetime) -> None:
    with translation.override(settings.LANGUAGE_CODE):
        sentence = _("The class has its places on %(when)s, so it no longer waits here.")
        reason = sentence % {"when": dates.moment_in_words(taken.session.starts_at)}
    for one in other_waits(taken).filter(session=session).select_related("teacher", "school_class", "school"):
        one.session = session
        _leave_for_good(one, reason=reason[:300], by=by, now=now)
        notices.tell_teacher(one, "enrolment_cancelled", now=now, key=now.isoformat())
    places.offer_to_line(session, by=by, now=now)  # perhaps it stood before somebody smaller


@transaction.atomic(durable=True)
def decline_place(*, enrolment_id: UUID, by: Actor, now: datetime) -> Enrolment:
    """Leave the offered place to the next in line. Declining again changes nothing."""
    enrolment = places.locked_enrolment(enrolment_id)
    places.refuse_strangers(enrolment, by)
    if enrolment.status == Status.CANCELLED_BY_SCHOOL:
        return enrolment
    _refuse_unless_offered(enrolment, now)
    _leave_for_good(enrolment, by=by, now=now)
    places.offer_to_line(enrolment.session, by=by, now=now)
    return enrolment


def _leave_for_good(enrolment: Enrolment, *, reason: str = "", by: Actor, now: datetime) -> None:
    """End what waits or was offered, without a way back (a step): nothing was cancelled that could be undone.

    A cancelling that was undone earlier has left its mark on the row, and would otherwise be undone a second time.
    """
    places.end(enrolment, Status.CANCELLED_BY_SCHOOL, reason=reason, by=by, now=now)
    Enrolment.objects.filter(pk=enrolment.pk).update(status_before="")
    enrolment.status_before = ""


@transaction.atomic(durable=True)
def give_place(*, enrolment_id: UUID, by: Actor, now: datetime) -> Enrolment:
    """Give a waiting class its place at once, when it is too late to ask in writing. Coordinators only.

    The order of the line is the coordinator's to keep; the log holds the place in line it was taken from. As after a
    yes to an offered place, the class then no longer waits for the course's other dates.
    """
    others = hold_other_waits(enrolment_id)
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
    end_other_waits(others, enrolment, by=by, now=now)
    return enrolment


def expire_offered(now: datetime) -> int:
    """End the offers of places that were not answered in time and pass the places on. Returns how many."""
    overdue = Enrolment.objects.overdue(now).filter(status=Status.OFFERED).order_by("answer_by", "pk")
    return one_by_one(lambda enrolment_id: _expire_offered(enrolment_id, now=now), overdue.values_list("pk", flat=True))


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


def end_waiting(now: datetime) -> int:
    """End what still waits in line, or in a draw that never came, once its session has begun. Returns how many.

    They end as *declined*, as after a draw whose places did not reach so far: the class asked, and there was no room.
    Neither an offer nor a request ran out, for none was ever theirs. Each gets one mail that says so.
    """
    begun = Enrolment.objects.filter(status__in=[Status.WAITLISTED, Status.IN_DRAW], session__starts_at__lte=now)
    keys = begun.order_by("session__starts_at", "pk").values_list("pk", flat=True)
    return one_by_one(lambda enrolment_id: _end_waiting(enrolment_id, now=now), keys)


@transaction.atomic(durable=True)
def _end_waiting(enrolment_id: UUID, *, now: datetime) -> bool:
    """End one that waits, if it still does and its session has begun."""
    enrolment = places.locked_enrolment(enrolment_id)
    waits = enrolment.status in {Status.WAITLISTED, Status.IN_DRAW}
    if not waits or now < enrolment.session.starts_at:
        return False
    with translation.override(settings.LANGUAGE_CODE):
        sentence = _("The session began on %(when)s, and no place had become free for the class.")
        reason = sentence % {"when": dates.moment_in_words(enrolment.session.starts_at)}
    places.end(enrolment, Status.DECLINED, reason=reason[:300], by=Actor.job("end-waiting"), now=now)
    notices.tell_teacher(enrolment, "enrolment_declined", now=now)
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

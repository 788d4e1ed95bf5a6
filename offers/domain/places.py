"""Places: the steps take, release and offer. Each expects a transaction that holds the session's row.

``places_taken`` is moved in the database, never written back from Python, so that the constraint
``session_is_never_overbooked`` can speak; the row in hand follows, because nobody else can move it meanwhile.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef
from django.utils.translation import gettext as _

from offers.domain import notices
from offers.models import Enrolment, Meeting, Offer, Session
from portal.domain import audit, calendar, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar
from portal.domain.refusal import Refusal
from portal.models import Municipality

ANSWER_HOUR = 16


def locked_session(session_id: UUID) -> Session:
    """Return the session with its course, its host and the places of its dates, its row held until the end."""
    dates = Meeting.objects.filter(session=OuterRef("pk")).order_by("number")
    rows = Session.objects.locked().select_related("offer__company", "offer__contact")
    return rows.annotate(named_places=ArraySubquery(dates.values("place"))).get(pk=session_id)


def locked_enrolment(enrolment_id: UUID) -> Enrolment:
    """Return the enrolment as it is once the row of its session is held."""
    session = locked_session(Enrolment.objects.values_list("session_id", flat=True).get(pk=enrolment_id))
    enrolment = Enrolment.objects.select_related("school_class", "school", "teacher").get(pk=enrolment_id)
    enrolment.session = session
    return enrolment


def needed(offer: Offer, pupils: int) -> int:
    """Return how many places so many pupils of one class take, counted as the course counts."""
    return pupils if offer.places_counted == Offer.Counted.PUPILS else 1


def take(session: Session, places: int) -> None:
    """Let the session hold so many places more."""
    Session.objects.filter(pk=session.pk).update(places_taken=F("places_taken") + places)
    session.places_taken += places


def release(session: Session, places: int) -> None:
    """Let the session hold so many places less."""
    Session.objects.filter(pk=session.pk).update(places_taken=F("places_taken") - places)
    session.places_taken -= places


def deadline(
    session: Session, municipality: Municipality, school_calendar: SchoolCalendar, now: datetime
) -> datetime | None:
    """Return until when an offered place may be accepted, or None when it is too late to ask anybody.

    It is 16.00 on the municipality's so-many-eth school day after today (2 unless chosen otherwise), at the latest
    four hours (unless chosen otherwise) before enrolment closes.
    """
    day = school_calendar.school_days_after(calendar.local_day(now), municipality.place_offer_days)
    answer_by = min(calendar.at(day, ANSWER_HOUR), session.closes_at - timedelta(hours=municipality.place_offer_hours))
    return answer_by if answer_by > now else None


def request_deadline(
    session: Session, municipality: Municipality, school_calendar: SchoolCalendar, now: datetime
) -> datetime:
    """Return until when a request holds its places: 5 school days unless chosen otherwise, never past the start."""
    day = school_calendar.school_days_after(calendar.local_day(now), municipality.request_hold_days)
    return min(calendar.at(day, ANSWER_HOUR), session.starts_at)


def the_municipality() -> Municipality:
    """Return the municipality with its rules; the usual ones before it has been set up."""
    return Municipality.objects.first() or Municipality()


def offer_to_line(session: Session, *, by: Actor, now: datetime) -> list[Enrolment]:
    """Offer free places to those in line, in order, as far as each fits completely; return who was asked.

    The first that does not fit ends it: smaller groups do not overtake, unless the municipality lets them. Nobody is
    asked when the session has begun or was cancelled; when it is too late to ask, the coordinators are told instead.
    """
    if session.state != Session.State.OPEN or now >= session.starts_at or not session.places_left:
        return []
    asked: list[Enrolment] = []
    answer_by: datetime | None = None
    rules: Municipality | None = None
    for entry in session.enrolments.waitlisted().select_related("teacher"):
        rules = rules or the_municipality()
        if entry.places > session.places_left:
            if rules.smaller_may_overtake and session.places_left:
                continue
            break
        if answer_by is None:
            answer_by = deadline(session, rules, SchoolCalendar.load(), now)
        if answer_by is None:
            notices.tell_coordinators(session, "coordinator_place_free", now=now, key=str(entry.pk))
            break
        waiting = Enrolment.objects.filter(pk=entry.pk, status=Enrolment.Status.WAITLISTED)
        waiting.update(status=Enrolment.Status.OFFERED, status_at=now, answer_by=answer_by)
        entry.status, entry.status_at, entry.answer_by = Enrolment.Status.OFFERED, now, answer_by
        take(session, entry.places)
        audit.record(by, "enrolment-offered", entry, at=now, places=entry.places, answer_by=answer_by.isoformat())
        notices.tell_teacher(entry, "place_offered", now=now, not_after=answer_by)
        asked.append(entry)
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


def answer_for_leader(enrolment: Enrolment, answer: str) -> None:
    """Write what the school's leader says, or that nobody asks any more (a step)."""
    Enrolment.objects.filter(pk=enrolment.pk).update(leader_answer=answer)
    enrolment.leader_answer = answer
    outbox.withdraw(about=enrolment, occasions=["leader_request"])


def await_answer(enrolment: Enrolment, *, by: Actor, now: datetime) -> None:
    """Make an enrolment that holds its places a request with a new deadline (a step)."""
    answer_by = request_deadline(enrolment.session, the_municipality(), SchoolCalendar.load(), now)
    Enrolment.objects.filter(pk=enrolment.pk).update(
        status=Enrolment.Status.PENDING, status_at=now, answer_by=answer_by
    )
    enrolment.status, enrolment.status_at, enrolment.answer_by = Enrolment.Status.PENDING, now, answer_by
    audit.record(by, "enrolment-pending", enrolment, at=now, places=enrolment.places)


def refuse_strangers(enrolment: Enrolment, by: Actor) -> None:
    """Raise Refusal unless the actor may act for the enrolment: the teacher, the school's own people, a coordinator."""
    if by.is_coordinator:
        return
    if by.user_id is not None and Enrolment.objects.manageable_by(by.user_id).filter(pk=enrolment.pk).exists():
        return
    raise Refusal(_("Only the school and the municipality can change the enrolment."), code="not-yours")

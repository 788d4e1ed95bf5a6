"""Rebooking: where a class can go instead, when its visit was cancelled, declined or moved away from it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When

from offers.domain import rules
from offers.models import Enrolment, Offer, Session

MOST = 4
SAME_COURSE, LOOKED_AT = 3, 25
AROUND = timedelta(days=42)


def request_again(enrolment: Enrolment, *, with_words: bool) -> rules.EnrolmentRequest:
    """Return what the class asked for, to be asked for in another session: the same numbers, phone and needs.

    Asking for the same session twice is one request. ``with_words``: what the teacher wrote about needs goes along;
    only when that teacher asks, since nobody else at the school reads it.
    """
    return rules.EnrolmentRequest(
        school_class=enrolment.school_class,
        pupils=enrolment.pupils,
        adults=enrolment.adults,
        phone=enrolment.teacher_phone,
        needs_step_free=enrolment.needs_step_free,
        needs_quiet=enrolment.needs_quiet,
        needs_diet=enrolment.needs_diet,
        needs_language=enrolment.needs_language,
        needs_text=enrolment.needs_text if with_words else "",
        group=enrolment.group,
        teacher=enrolment.teacher,
        form_token=uuid5(enrolment.pk, "another date"),
    )


def suggestions(enrolment: Enrolment, *, now: datetime, most: int = MOST) -> list[Session]:
    """Return sessions the class can take instead, the best first: they suit its grade, have room for it, and are open.

    First other dates of the same course; then dates of other courses around that time that are of the same kind, in
    the same trade or for the same subject, those that share most of these first.
    """
    found: list[Session] = []
    asked = request_again(enrolment, with_words=False)
    taken = _where_the_class_is(enrolment)
    for rows, limit in ((_of_the_course(enrolment, now), SAME_COURSE), (_alike(enrolment, now), most)):
        for session in _fitting(rows, enrolment, asked, taken, now):
            if len(found) >= limit:
                break
            found.append(session)
    return found[:most]


def suggested(enrolment: Enrolment, session_id: UUID, *, now: datetime) -> Session | None:
    """Return one of the suggested sessions, or None when it is none (any more)."""
    return next((one for one in suggestions(enrolment, now=now) if one.pk == session_id), None)


def _where_the_class_is(enrolment: Enrolment) -> set[UUID]:
    """Return the sessions the class is or was in: what it has once cancelled is not suggested to it."""
    return set(Enrolment.objects.filter(school_class=enrolment.school_class_id).values_list("session_id", flat=True))


def _with_room(enrolment: Enrolment, now: datetime) -> QuerySet[Session]:
    """Return the bookable sessions with room for so many, where nobody stands in line and no lots are to be drawn."""
    in_line = Enrolment.objects.filter(session=OuterRef("pk"), status=Enrolment.Status.WAITLISTED)
    rows = Session.objects.bookable(now).filter(places__gt=F("places_taken")).exclude(Exists(in_line))
    rows = rows.exclude(draw_at__isnull=False, drawn_at__isnull=True)
    return rows.exclude(pk=enrolment.session_id).select_related("offer__company", "offer__contact")


def _of_the_course(enrolment: Enrolment, now: datetime) -> QuerySet[Session]:
    return _with_room(enrolment, now).filter(offer=enrolment.session.offer_id).order_by("starts_at", "pk")[:LOOKED_AT]


def _alike(enrolment: Enrolment, now: datetime) -> QuerySet[Session]:
    """Return sessions of other courses that have something in common with this one, around the same time."""
    session, offer = enrolment.session, enrolment.session.offer
    subjects = list(offer.subjects.values_list("pk", flat=True))
    kind, trade = Q(offer__activity_type=offer.activity_type_id), Q(offer__industry=offer.industry_id)
    subject = Q(offer__subjects__in=subjects)
    grade = Q(offer__grade_from=None) | Q(offer__grade_to=None)
    grade |= Q(offer__grade_from__lte=enrolment.grade, offer__grade_to__gte=enrolment.grade)
    rows = _with_room(enrolment, now).exclude(offer=session.offer_id).filter(grade)
    rows = rows.filter(starts_at__gte=session.starts_at - AROUND, starts_at__lte=session.starts_at + AROUND)
    alike = (
        Case(When(kind, then=Value(1)), default=Value(0), output_field=IntegerField())
        + Case(When(trade, then=Value(2)), default=Value(0), output_field=IntegerField())
        + Count("offer__subjects", filter=subject, distinct=True)
    )
    return rows.annotate(alike=alike).filter(alike__gt=0).order_by("-alike", "starts_at", "pk")[:LOOKED_AT]


def _fitting(
    rows: QuerySet[Session], enrolment: Enrolment, asked: rules.EnrolmentRequest, taken: set[UUID], now: datetime
) -> Iterator[Session]:
    """Yield the sessions in which the class would get its places at once."""
    for session in rows:
        if session.pk in taken or session.places_left < _needed(session.offer, enrolment):
            continue
        if rules.refusal_for(session, asked, now=now) is None:
            yield session


def _needed(offer: Offer, enrolment: Enrolment) -> int:
    """Return how many places the same people take in another course, counted as that course counts."""
    if offer.places_counted == Offer.Counted.CLASSES:
        return 1
    return enrolment.pupils + (enrolment.adults if offer.counts_adults else 0)

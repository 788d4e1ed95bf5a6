"""Enrolment: a class takes its places in a session, waits in line, changes its numbers, or leaves again."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from offers.domain import dates, notices, places, planning, rules
from offers.models import Enrolment, Offer, Session
from portal.domain import audit, calendar
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar
from portal.domain.refusal import Refusal
from portal.models import User
from schools.domain import approval, membership
from schools.models import Membership, SchoolClass

Status = Enrolment.Status
LeaderAnswer = Enrolment.LeaderAnswer


@transaction.atomic(durable=True)
def enrol_class(*, session_id: UUID, request: rules.EnrolmentRequest, by: Actor, now: datetime) -> Enrolment:
    """Enrol a class, or put it in line when the session is full or others wait.

    With manual acceptance, and where the school's leader must agree (``schools.domain.approval``), it becomes a request
    that holds its places until it is answered; the leader is asked first, the host afterwards. Asking again with the
    same form, or for the same class and group, returns the first answer. Raises Refusal with the rule, the numbers
    and the next possibility.
    """
    teacher, roles = _teacher_for(request, by)
    awaits_leader = bool(roles) and approval.is_needed(roles[0].school, by)
    session = places.locked_session(session_id)
    if earlier := _earlier_answer(session, request):
        return earlier
    if refusal := rules.refusal_for(session, request, now=now):
        raise refusal
    _refuse_beyond_guidance(request.school_class, session, roles)

    offer = session.offer
    need = places.needed(offer, request.head_count)
    status, answer_by, waiting_since = Status.CONFIRMED, None, None
    last_in_line = session.enrolments.waitlisted().aggregate(since=Max("waiting_since"))["since"]
    if need > session.places_left or last_in_line is not None:
        if not offer.has_waiting_list:
            raise Refusal(
                _("Other classes are first in line for the free places. %(instead)s")
                % {"instead": rules.next_possibility(session, need, now=now)},
                code="full",
            )
        status, waiting_since = Status.WAITLISTED, now
        if last_in_line is not None and last_in_line >= now:
            # Whoever held the row first was told the earlier place, whatever the clocks of two servers say.
            waiting_since = last_in_line + timedelta(microseconds=1)
    elif awaits_leader or offer.acceptance == Offer.Acceptance.MANUAL:
        status = Status.PENDING
        answer_by = places.request_deadline(session, places.the_municipality(), SchoolCalendar.load(), now)
    enrolment = Enrolment.objects.create(
        session=session,
        school_class=request.school_class,
        school_id=request.school_class.school_id,
        group=request.group,
        teacher=teacher,
        teacher_phone=request.phone,
        grade=rules.grade_of(request.school_class, offer, session),
        pupils=request.head_count,
        adults=request.adults,
        places=need,
        needs_step_free=request.needs_step_free,
        needs_quiet=request.needs_quiet,
        needs_diet=request.needs_diet,
        needs_language=request.needs_language,
        needs_text=request.needs_text,
        status=status,
        status_at=now,
        leader_answer=LeaderAnswer.AWAITED if awaits_leader else LeaderAnswer.NOT_NEEDED,
        waiting_since=waiting_since,
        answer_by=answer_by,
        form_token=request.token_for(session),
        created_at=now,
    )
    if status != Status.WAITLISTED:
        places.take(session, need)
    audit.record(by, f"enrolment-{status.value}", enrolment, at=now, pupils=enrolment.pupils, places=need)
    notices.tell_teacher(enrolment, f"enrolment_{status.value}", now=now)
    if awaits_leader:
        notices.tell_leaders(enrolment, "leader_request", now=now)
    elif status == Status.CONFIRMED:
        notices.tell_host(offer, enrolment, "host_new_enrolment", now=now)
    elif status == Status.PENDING:
        notices.ask_host(enrolment, now=now)
    return enrolment


@transaction.atomic(durable=True)
def cancel_enrolment(*, enrolment_id: UUID, reason: str = "", by: Actor, now: datetime) -> Enrolment:
    """Take a class out of a session, and offer what becomes free to the first in line.

    By whoever may see the enrolment at the school, or by a coordinator; until the session begins. Cancelling what has
    ended returns it as it is.
    """
    enrolment = places.locked_enrolment(enrolment_id)
    places.refuse_strangers(enrolment, by)
    if enrolment.status not in Status.active():
        return enrolment
    session = enrolment.session
    if now >= session.starts_at:
        raise Refusal(
            _("The session began on %(when)s; it can no longer be cancelled. Say instead that the class did not come.")
            % {"when": dates.moment_in_words(session.starts_at)},
            code="begun",
        )
    was, host_knows = enrolment.status, enrolment.leader_answer != LeaderAnswer.AWAITED
    by_school = not by.is_coordinator or by.user_id == enrolment.teacher_id
    status = Status.CANCELLED_BY_SCHOOL if by_school else Status.CANCELLED_BY_MUNICIPALITY
    places.end(enrolment, status, reason=reason.strip()[:300], by=by, now=now)
    notices.tell_teacher(enrolment, "enrolment_cancelled", now=now)
    if was in {Status.CONFIRMED, Status.PENDING} and host_knows:
        notices.tell_host(session.offer, enrolment, "host_cancelled_enrolment", now=now)
        notices.tell_coordinators(enrolment, "coordinator_cancelled", now=now)
    elif not host_knows:
        notices.tell_host_it_came_to_nothing(enrolment, now=now)
    places.offer_to_line(session, by=by, now=now)
    return enrolment


@transaction.atomic(durable=True)
def change_numbers(
    *, enrolment_id: UUID, pupils: int, adults: int, phone: str | None = None, by: Actor, now: datetime
) -> Enrolment:
    """Change how many come (and the phone number of the day), until enrolment closes.

    More must fit; otherwise the Refusal names the free places. Fewer gives places back, to those in line.
    """
    enrolment = places.locked_enrolment(enrolment_id)
    places.refuse_strangers(enrolment, by)
    session = enrolment.session
    if enrolment.status not in {Status.PENDING, Status.CONFIRMED, Status.WAITLISTED, Status.OFFERED}:
        raise Refusal(_("The enrolment has ended and cannot be changed."), code="ended")
    if now >= session.closes_at:
        raise Refusal(
            _("Numbers could be changed until %(when)s. Write to the host or the municipality instead.")
            % {"when": dates.moment_in_words(session.closes_at)},
            code="closed",
        )
    if refusal := rules.numbers_refused(session, pupils, adults):
        raise refusal
    need = places.needed(session.offer, pupils)
    holds, before = enrolment.status in Status.holding(), enrolment.places
    if holds and need - before > session.places_left:
        raise Refusal(
            ngettext(
                "There is %(left)d free place, and you ask for %(more)d more. You have %(held)d now.",
                "There are %(left)d free places, and you ask for %(more)d more. You have %(held)d now.",
                session.places_left,
            )
            % {"left": session.places_left, "more": need - before, "held": before},
            code="no-room",
            field="pupils",
        )
    changed = (pupils, adults) != (enrolment.pupils, enrolment.adults)
    facts: dict[str, int | str] = {"pupils": pupils, "adults": adults, "places": need}
    if phone is not None:
        facts["teacher_phone"] = phone
    Enrolment.objects.filter(pk=enrolment.pk).update(**facts)
    for name, value in facts.items():
        setattr(enrolment, name, value)
    if not changed:
        return enrolment
    if holds and need > before:
        places.take(session, need - before)
    elif holds and need < before:
        places.release(session, before - need)
    audit.record(
        by, "enrolment-numbers-changed", enrolment, at=now, pupils=pupils, adults=adults, before=before, places=need
    )
    host_knows = enrolment.leader_answer != LeaderAnswer.AWAITED
    if enrolment.status in {Status.CONFIRMED, Status.PENDING} and host_knows:
        notices.tell_host(session.offer, enrolment, "host_changed_enrolment", now=now, key=now.isoformat())
    places.offer_to_line(session, by=by, now=now)
    return enrolment


@transaction.atomic(durable=True)
def answer_request(*, enrolment_id: UUID, accept: bool, reason: str = "", by: Actor, now: datetime) -> Enrolment:
    """Say yes or no to a request. The host by the own link, or a coordinator; a no needs a reason.

    The same answer again changes nothing; another answer afterwards is refused. While the school's own leader has not
    answered, the host is not asked; a coordinator's yes then counts for the leader too.
    """
    enrolment = places.locked_enrolment(enrolment_id)
    session = enrolment.session
    if not (by.is_coordinator or planning.hosts(session.offer, by)):
        raise Refusal(_("Only the host and the municipality answer requests."), code="not-yours")
    wanted = Status.CONFIRMED if accept else Status.DECLINED
    if enrolment.status == wanted:
        return enrolment
    if enrolment.status != Status.PENDING:
        raise Refusal(
            _("The request has been answered or withdrawn meanwhile: %(status)s.")
            % {"status": enrolment.get_status_display()},
            code="answered",
        )
    if now >= session.starts_at:
        raise Refusal(_("The session has begun; the request can no longer be answered."), code="begun")
    if enrolment.leader_answer == LeaderAnswer.AWAITED and not by.is_coordinator:
        raise Refusal(_("The school's leader has not answered yet. You are asked afterwards."), code="awaits-leader")
    if not accept:
        reason = reason.strip()
        if not reason:
            raise Refusal(_("Write why not; the teacher will read it."), code="reason", field="reason")
        places.end(enrolment, Status.DECLINED, reason=reason[:300], by=by, now=now)
        notices.tell_teacher(enrolment, "enrolment_declined", now=now)
        places.offer_to_line(session, by=by, now=now)
        return enrolment
    if enrolment.leader_answer == LeaderAnswer.AWAITED:
        places.answer_for_leader(enrolment, LeaderAnswer.NOT_NEEDED)
    places.confirm(enrolment, by=by, now=now)
    notices.tell_host_of_confirmed(enrolment, now=now)
    return enrolment


def expire_requests(now: datetime) -> int:
    """End the requests that nobody answered in time; teacher and coordinators are told. Returns how many."""
    overdue = Enrolment.objects.overdue(now).filter(status=Status.PENDING).order_by("answer_by", "pk")
    return sum(_expire_request(enrolment_id, now=now) for enrolment_id in overdue.values_list("pk", flat=True))


@transaction.atomic(durable=True)
def _expire_request(enrolment_id: UUID, *, now: datetime) -> bool:
    """End one request, if it is still unanswered."""
    enrolment = places.locked_enrolment(enrolment_id)
    if enrolment.status != Status.PENDING or enrolment.answer_by is None or enrolment.answer_by > now:
        return False
    by = Actor.job("expire-requests")
    places.end(enrolment, Status.REQUEST_EXPIRED, by=by, now=now)
    notices.tell_teacher(enrolment, "request_expired", now=now)
    notices.tell_coordinators(enrolment, "coordinator_request_expired", now=now)
    notices.tell_host_it_came_to_nothing(enrolment, now=now)
    places.offer_to_line(enrolment.session, by=by, now=now)
    return True


def _teacher_for(request: rules.EnrolmentRequest, by: Actor) -> tuple[User | None, list[Membership]]:
    """Return the contact teacher, and the actor's roles at the school (none for a coordinator).

    Raises Refusal when the actor may not enrol classes of the school.
    """
    school_id = request.school_class.school_id
    if by.is_coordinator:
        return request.teacher, []
    there = membership.memberships_of(by.user_id).filter(school=school_id) if by.user_id else Membership.objects.none()
    roles = list(there.select_related("user", "school"))
    if not roles:
        raise Refusal(_("You can enrol classes of your own school only."), code="not-your-school", field="school_class")
    teacher, person = request.teacher, roles[0].user
    if teacher is None or teacher.pk == person.pk:
        return person, roles
    if not membership.belongs_to(teacher.pk, school_id):
        raise Refusal(_("The contact teacher must belong to the school."), code="not-of-school", field="teacher")
    return teacher, roles


def _refuse_beyond_guidance(school_class: SchoolClass, session: Session, roles: list[Membership]) -> None:
    """Raise Refusal when the actor is guidance counsellor and nothing else, and the class is below grade 7."""
    day = calendar.local_day(session.starts_at)
    if {one.role for one in roles} == {Membership.Role.GUIDANCE} and (
        school_class.grades(day).stop <= Membership.GUIDED_FROM
    ):
        raise Refusal(
            _("As guidance counsellor you enrol classes in grades 7 to 10, and %(label)s is below that.")
            % {"label": school_class.label(day)},
            code="not-your-grade",
            field="school_class",
        )


def _earlier_answer(session: Session, request: rules.EnrolmentRequest) -> Enrolment | None:
    """Return what this form, or anyone for the same class and group, has already got."""
    same_class = Q(session=session, school_class=request.school_class, group=request.group, status__in=Status.active())
    earlier = (
        Enrolment.objects.filter(same_class | Q(form_token=request.token_for(session)))
        .select_related("school_class", "school", "teacher")
        .order_by("created_at")
        .last()
    )
    if earlier is not None:
        earlier.session = session
    return earlier

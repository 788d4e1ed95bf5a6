"""Enrolment: a class takes its places in a session, waits in line, changes its numbers, or leaves again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from offers.domain import cancelling, dates, dialogue, notices, places, planning, rules, snapshot, waiting_list
from offers.models import Enrolment, Session
from portal.domain import audit, calendar, outbox
from portal.domain.actor import Actor
from portal.domain.compiled import CompiledQuery, insert
from portal.domain.jobs import one_by_one
from portal.domain.refusal import Refusal
from portal.models import User
from schools.domain import approval, membership
from schools.models import Membership, SchoolClass

Status = Enrolment.Status
LeaderAnswer = Enrolment.LeaderAnswer
MOST_TOGETHER = 10


class Together(StrEnum):
    """What happens to several classes of one form when not all of them fit."""

    ALL_OR_NONE = "all"
    AS_MANY_AS_FIT = "fit"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of one class among several: an enrolment, or what stood against it."""

    school_class: SchoolClass
    enrolment: Enrolment | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, kw_only=True)
class OnBehalf:
    """For whom a class is enrolled: the contact teacher, and the actor's roles at the school, if any."""

    teacher: User | None
    roles: list[Membership]
    awaits_leader: bool


@transaction.atomic(durable=True)
def enrol_class(
    *, session_id: UUID, request: rules.EnrolmentRequest, by: Actor, now: datetime, seen: Session | None = None
) -> Enrolment:
    """Enrol a class, or put it in line when the session is full or others wait.

    With manual acceptance, and where the school's leader must agree (``schools.domain.approval``), it becomes a request
    that holds its places until it is answered; the leader is asked first, the host afterwards. Asking again with the
    same form, or for the same class and group, returns the first answer. Raises Refusal with the rule, the numbers
    and the next possibility.

    ``seen`` is the session as it was read a moment ago: whoever finds it full, without a waiting list, is told so
    without waiting for the row, which thousands may want at once.
    """
    on_behalf = _on_behalf(request, by)
    full = rules.without_room(seen, request, now=now) if seen is not None else None
    if seen is not None and full is not None and _earlier_answer(seen, request) is None:
        raise full
    session = places.locked_session(session_id, seen=seen)
    places.look_again(session)
    return _enrol(session, request, on_behalf, by=by, now=now)


@transaction.atomic(durable=True)
def enrol_classes(
    *, session_id: UUID, requests: Sequence[rules.EnrolmentRequest], together: Together, by: Actor, now: datetime
) -> list[Answer]:
    """Enrol several classes of one school in a session at once; return what became of each, in the order asked.

    *All or none*: every class gets its places (or its held request) in one go, or nothing is written and the Refusal
    says the numbers and the possibilities. *As many as fit*: in the order asked, each class that fits is enrolled; the
    others go on the waiting list, or are refused with the reason. Asking again with the same form, or for the same
    class, returns the first answers. Those enrolled together share ``batch``.
    """
    on_behalf = [_on_behalf(one, by) for one in requests]
    session = places.locked_session(session_id)
    places.look_again(session)
    rules.hold_classes(session, [one.school_class for one in requests])  # all at once, in one order for everybody
    batch = requests[0].form_token if len(requests) > 1 else None
    answers: dict[int, Answer] = {}
    for number in _in_order(session, requests, together):
        request = requests[number]
        try:
            one = _enrol(session, request, on_behalf[number], by=by, now=now, batch=batch)
        except Refusal as refusal:
            if together == Together.ALL_OR_NONE and refusal.code == "full" and len(requests) > 1:
                raise _not_all_fit(session_id, requests, now=now) from refusal
            if together == Together.ALL_OR_NONE:
                raise _none(session, request, refusal, field=refusal.field if number == 0 else "more") from refusal
            answers[number] = Answer(school_class=request.school_class, refusal=refusal)
        else:
            answers[number] = Answer(school_class=request.school_class, enrolment=one)
    mine = [one.enrolment for one in answers.values() if one.enrolment is not None and one.enrolment.batch == batch]
    if together == Together.ALL_OR_NONE and any(one.status == Status.WAITLISTED for one in mine):
        raise _not_all_fit(session_id, requests, now=now)
    return [answers[number] for number in sorted(answers)]


def _enrol(
    session: Session,
    request: rules.EnrolmentRequest,
    on_behalf: OnBehalf,
    *,
    by: Actor,
    now: datetime,
    batch: UUID | None = None,
) -> Enrolment:
    """Enrol one class in a session whose row is held (a step); raises Refusal before anything is written."""
    if earlier := _earlier_answer(session, request):
        return earlier
    rules.hold_classes(session, [request.school_class])
    if refusal := rules.refusal_for(session, request, now=now, by_coordinator=by.is_coordinator):
        raise refusal
    _refuse_beyond_guidance(request.school_class, session, on_behalf.roles)

    teacher, awaits_leader = on_behalf.teacher, on_behalf.awaits_leader
    offer = session.offer
    need = places.needed(offer, request.head_count, request.adults)
    standing = rules.standing_for(
        session, need, school_class=request.school_class, awaits_leader=awaits_leader, now=now
    )
    status = standing.status
    enrolment = Enrolment(
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
        waiting_since=standing.waiting_since,
        answer_by=standing.answer_by,
        form_token=request.token_for(session),
        batch=batch,
        is_late=False,
        created_at=now,
        **snapshot.facts_of(session, request.school_class.school),
    )
    insert(enrolment)
    if standing.holds:
        places.take(session, need)
    action = "enrolment-" + status.value.replace("_", "-")
    audit.record(by, action, enrolment, at=now, pupils=enrolment.pupils, places=need, **standing.seen)
    by_another = {"enrolled_by": str(by.user_id)} if by.user_id and teacher and by.user_id != teacher.pk else None
    with outbox.together():
        notices.tell_teacher(enrolment, f"enrolment_{status.value}", now=now, parameters=by_another)
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

    By the school until its deadline (``cancelling.cancel_until``), by a coordinator until the session begins; what is
    not confirmed may leave at any time. Cancelling what has ended returns it as it is.
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
    late = cancelling.refuse_when_late(enrolment, by, now)
    was, host_knows = enrolment.status, enrolment.leader_answer != LeaderAnswer.AWAITED
    by_school = not by.is_coordinator or by.user_id == enrolment.teacher_id
    status = Status.CANCELLED_BY_SCHOOL if by_school else Status.CANCELLED_BY_MUNICIPALITY
    places.end(enrolment, status, reason=reason.strip()[:300], by=by, now=now)
    Enrolment.objects.filter(pk=enrolment.pk).update(status_before=was, is_late=late)
    enrolment.status_before, enrolment.is_late = was, late
    key = now.isoformat()  # it may be undone, and cancelled again
    notices.tell_teacher(enrolment, "enrolment_cancelled", now=now, key=key)
    if was in {Status.CONFIRMED, Status.PENDING} and host_knows:
        notices.tell_host(session.offer, enrolment, "host_cancelled_enrolment", now=now, key=key)
        notices.tell_coordinators(enrolment, "coordinator_cancelled", now=now, key=key)
    elif not host_knows:
        notices.tell_host_it_came_to_nothing(enrolment, now=now)
    planning.close_without_class(session, enrolment, by=by, now=now)
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
    if enrolment.status not in Status.open():
        raise Refusal(_("The enrolment has ended and cannot be changed."), code="ended")
    if now >= session.closes_at:
        raise Refusal(
            _("Numbers could be changed until %(when)s. Write to the host or the municipality instead.")
            % {"when": dates.moment_in_words(session.closes_at)},
            code="closed",
        )
    dialogue.make_room(session, places.needed(session.offer, pupils, adults))
    if refusal := rules.numbers_refused(session, pupils, adults):
        raise refusal
    need = places.needed(session.offer, pupils, adults)
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
    others = waiting_list.hold_other_waits(enrolment_id)
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
        planning.close_without_class(session, enrolment, by=by, now=now)
        places.offer_to_line(session, by=by, now=now)
        return enrolment
    if enrolment.leader_answer == LeaderAnswer.AWAITED:
        places.answer_for_leader(enrolment, LeaderAnswer.NOT_NEEDED)
    places.confirm(enrolment, by=by, now=now)
    notices.tell_host_of_confirmed(enrolment, now=now)
    if waiting_list.came_from_line(enrolment):  # its yes to an offered place had waited for the leader
        waiting_list.end_other_waits(others, enrolment, by=by, now=now)
    return enrolment


def expire_requests(now: datetime) -> int:
    """End the requests that nobody answered in time; teacher and coordinators are told. Returns how many."""
    overdue = Enrolment.objects.overdue(now).filter(status=Status.PENDING).order_by("answer_by", "pk")
    return one_by_one(lambda enrolment_id: _expire_request(enrolment_id, now=now), overdue.values_list("pk", flat=True))


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
    planning.close_without_class(enrolment.session, enrolment, by=by, now=now)
    places.offer_to_line(enrolment.session, by=by, now=now)
    return True


def _in_order(session: Session, requests: Sequence[rules.EnrolmentRequest], together: Together) -> list[int]:
    """Return in which order classes are taken: as asked, but when not all fit, those that do before those that wait."""
    order = list(range(len(requests)))
    if together == Together.ALL_OR_NONE:
        return order
    left, fitting = session.places_left, []
    for number in order:
        need = places.needed(session.offer, requests[number].head_count, requests[number].adults)
        if need <= left:
            fitting.append(number)
            left -= need
    return [*fitting, *(number for number in order if number not in fitting)]


def _none(session: Session, request: rules.EnrolmentRequest, refusal: Refusal, *, field: str | None) -> Refusal:
    """Return why none of several classes is enrolled: what stands against one of them, said where it was chosen."""
    label = request.school_class.label(calendar.local_day(session.starts_at))
    return Refusal(
        _("None of the classes is enrolled, because of %(class)s: %(reason)s")
        % {"class": label, "reason": refusal.message},
        code=refusal.code,
        field=field,
    )


def _not_all_fit(session_id: UUID, requests: Sequence[rules.EnrolmentRequest], *, now: datetime) -> Refusal:
    """Return that several classes do not fit at once, with the numbers and what can be done."""
    session = Session.objects.select_related("offer").get(pk=session_id)
    day = calendar.local_day(session.starts_at)
    mine = Enrolment.objects.filter(batch=requests[0].form_token)
    session.places_taken -= sum(one.places for one in mine if one.status in Status.holding())
    waiting = session.enrolments.waitlisted().exclude(pk__in=mine).count()
    need = sum(places.needed(session.offer, one.head_count, one.adults) for one in requests)
    names = {
        "classes": in_words([one.school_class.label(day) for one in requests]),
        "need": need,
        "left": session.places_left,
    }
    if waiting and need <= session.places_left:
        sentence = ngettext(
            "Nothing is enrolled: %(waiting)d other class waits in line for the free places.",
            "Nothing is enrolled: %(waiting)d other classes wait in line for the free places.",
            waiting,
        ) % {"waiting": waiting}
    else:
        sentence = (
            ngettext(
                "Nothing is enrolled: %(classes)s need %(need)d places together, and %(left)d is free.",
                "Nothing is enrolled: %(classes)s need %(need)d places together, and %(left)d are free.",
                session.places_left,
            )
            % names
        )
    possible = (
        _("Choose “as many as fit”, and the others wait in line; or choose fewer classes.")
        if session.offer.has_waiting_list
        else _("Choose “as many as fit”, or fewer classes.")
    )
    others = rules.alternatives(session, need, now=now)
    if others:
        days = ", ".join(dates.moment_in_words(other.starts_at) for other in others)
        possible = f"{possible} {_('There is room for all of them on: %(days)s.') % {'days': days}}"
    return Refusal(f"{sentence} {possible}", code="not-all-fit", field="together")


def in_words(names: Sequence[str]) -> str:
    """Return names as a sentence lists them: ``7.A, 7.B og 8.C``."""
    if len(names) < 2:
        return "".join(names)
    return _("%(first)s and %(last)s") % {"first": ", ".join(names[:-1]), "last": names[-1]}


def _on_behalf(request: rules.EnrolmentRequest, by: Actor) -> OnBehalf:
    """Return for whom the actor enrols the class, and whether the school's leader is to be asked."""
    teacher, roles = _teacher_for(request, by)
    needed = bool(roles) and approval.is_needed(roles[0].school, by)
    return OnBehalf(teacher=teacher, roles=roles, awaits_leader=needed)


def _teacher_for(request: rules.EnrolmentRequest, by: Actor) -> tuple[User | None, list[Membership]]:
    """Return the contact teacher, and the actor's roles at the school (none for a coordinator).

    Raises Refusal when the actor may not enrol classes of the school.
    """
    school_id = request.school_class.school_id
    if by.is_coordinator:
        return request.teacher, []
    roles = membership.roles_there(user=by.user_id, school=school_id) if by.user_id else []
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
    newest = _newest_answer.first(
        session=session.pk,
        school_class=request.school_class.pk,
        group=request.group,
        token=request.token_for(session),
    )
    if newest is None:
        return None
    earlier = Enrolment.objects.select_related("school_class", "school", "teacher").get(pk=newest)
    earlier.session = session
    return earlier


_newest_answer = CompiledQuery[UUID](
    lambda session, school_class, group, token: (
        Enrolment.objects.filter(
            Q(session=session, school_class=school_class, group=group, status__in=Status.active()) | Q(form_token=token)
        )
        .order_by("-created_at")
        .values_list("pk", flat=True)[:1]
    ),
    "session",
    "school_class",
    "group",
    "token",
)

"""People change: an enrolment gets another contact teacher; a teacher leaves a school or moves to another."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from offers.domain import dialogue, notices, places, reminders
from offers.models import Enrolment, Session
from portal.domain import audit, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import local_day
from portal.domain.people import close_account, refuse_unless_above
from portal.domain.refusal import Refusal
from portal.models import MunicipalRole, User
from schools.domain import membership
from schools.domain.school import refuse_unless_open
from schools.models import Membership, School

Status = Enrolment.Status
TOLD_TO_HOSTS = [Status.PENDING, Status.CONFIRMED]
ASKED_OF_MOVES = [*TOLD_TO_HOSTS, Status.OFFERED]


@transaction.atomic(durable=True)
def hand_over(*, enrolment_id: UUID, teacher_id: UUID, by: Actor, now: datetime) -> Enrolment:
    """Give an enrolment another contact teacher of the same school, who from now on gets its mails.

    Both teachers are told, and the host of a confirmed or requested visit is told whom to write to now. Handing over
    to who has it already changes nothing. Raises Refusal when the visit is over, or the colleague is not at the school.
    """
    enrolment = places.locked_enrolment(enrolment_id)
    places.refuse_strangers(enrolment, by)
    if enrolment.status not in Status.open() or now >= enrolment.session.ends_at:
        raise Refusal(_("The visit is over, or the enrolment has ended; it is not handed over."), code="ended")
    colleague = _colleague(teacher_id, enrolment.school_id, field="teacher")
    if enrolment.teacher_id != colleague.pk:
        _give(enrolment, colleague, by=by, now=now)
    return enrolment


@transaction.atomic(durable=True)
def leave_school(
    *,
    user_id: UUID,
    school_id: UUID,
    colleague_id: UUID | None = None,
    new_school_id: UUID | None = None,
    by: Actor,
    now: datetime,
) -> list[Enrolment]:
    """End a person's roles at a school, and perhaps begin the same at another; return the enrolments concerned.

    What lies ahead is handed over to the colleague, or stands without a teacher until somebody takes it (the desk
    shows it as something to do). Whoever has no role left anywhere cannot sign in any more. Coordinators only.
    """
    # No key: whoever enrols meanwhile writes rows that point to this person, and holds a session this will wait for.
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    refuse_unless_above(user, by)
    school = School.objects.get(pk=school_id)
    roles = list(membership.memberships_of(user).filter(school=school).select_for_update(of=("self",)))
    if not roles:
        raise Refusal(
            _("%(name)s has no role at %(school)s.") % {"name": user, "school": school}, code="no-role", field="school"
        )
    colleague = _colleague(colleague_id, school.pk, field="colleague") if colleague_id else None
    if colleague is not None and colleague.pk == user.pk:
        raise Refusal(_("Choose a colleague who stays."), code="not-of-school", field="colleague")
    Membership.objects.filter(pk__in=[one.pk for one in roles]).update(ended_on=local_day(now))
    for one in roles:
        audit.record(by, "membership-ended", one, at=now, school=str(school.pk), role=one.role)
    if new_school_id is not None:
        _begin(user, new_school_id, [one.role for one in roles], by=by, now=now)
    concerned = _let_go(user, school, colleague, by=by, now=now)
    dialogue.hand_over_talks(user, school.pk, colleague, by=by, now=now)
    stays = membership.memberships_of(user).exists() or MunicipalRole.objects.filter(user=user).exists()
    if not stays:
        close_account(user, by=by, now=now)
    elif new_school_id is not None:
        outbox.post(
            occasion="school_changed",
            about=user,
            to=outbox.Recipient.of_user(user),
            now=now,
            key=now.isoformat(),
            parameters={"school": str(new_school_id)},
        )
    return concerned


@transaction.atomic(durable=True)
def begin_role(*, user_id: UUID, school_id: UUID, role: str, by: Actor, now: datetime) -> Membership:
    """Give a person a role at a (further) school; having it already changes nothing. Coordinators only."""
    user = User.objects.select_for_update(no_key=True).get(pk=user_id)
    refuse_unless_above(user, by)
    if earlier := membership.memberships_of(user).filter(school=school_id, role=role).first():
        return earlier
    return _begin(user, school_id, [role], by=by, now=now)[0]


def _begin(user: User, school_id: UUID, roles: list[str], *, by: Actor, now: datetime) -> list[Membership]:
    """Begin roles at a school (a step)."""
    school = School.objects.get(pk=school_id)
    refuse_unless_open(school)
    has = set(membership.memberships_of(user).filter(school=school).values_list("role", flat=True))
    made = [Membership.objects.create(user=user, school=school, role=role) for role in roles if role not in has]
    for one in made:
        audit.record(by, "membership-begun", one, at=now, school=str(school.pk), role=one.role)
    return made


def _let_go(user: User, school: School, colleague: User | None, *, by: Actor, now: datetime) -> list[Enrolment]:
    """Hand a person's enrolments ahead at a school to the colleague, or leave them without a teacher (a step)."""
    mine = Enrolment.objects.ahead(now).filter(teacher=user, school=school)
    sessions = {
        one.pk: one
        for one in Session.objects.locked()
        .filter(pk__in=mine.values("session"))
        .select_related("offer__company", "offer__contact")
    }
    concerned = list(mine.select_related("school_class", "school", "teacher").order_by("session", "pk"))
    for one in concerned:
        one.session = sessions[one.session_id]
        _give(one, colleague, by=by, now=now, tell_the_old=False)
    return concerned


def _give(enrolment: Enrolment, colleague: User | None, *, by: Actor, now: datetime, tell_the_old: bool = True) -> None:
    """Write another contact teacher, or nobody, and tell those concerned (a step). The mobile number goes too."""
    before = enrolment.teacher
    phone = colleague.phone if colleague is not None else ""
    Enrolment.objects.filter(pk=enrolment.pk).update(teacher=colleague, teacher_phone=phone)
    enrolment.teacher, enrolment.teacher_phone = colleague, phone
    if before is not None:
        outbox.withdraw(about=enrolment, to=before.pk)
    key = now.isoformat()
    if colleague is None:
        audit.record(by, "enrolment-left-without-teacher", enrolment, at=now)
        return
    audit.record(by, "enrolment-handed-over", enrolment, at=now, teacher=str(colleague.pk))
    notices.tell_teacher(enrolment, "enrolment_handed_over", now=now, key=key)
    if tell_the_old and before is not None and before.is_active and by.user_id != before.pk:
        to = outbox.Recipient.of_user(before)
        outbox.post(occasion="enrolment_handed_on", about=enrolment, to=to, now=now, key=key)
    if enrolment.status in TOLD_TO_HOSTS:
        notices.tell_host(enrolment.session.offer, enrolment, "host_new_teacher", now=now, key=key)
    if enrolment.status in ASKED_OF_MOVES:
        places.ask_about_the_move(enrolment, now=now, to_another=True)
    reminders.plan_for(enrolment.session, now=now)


def _colleague(user_id: UUID, school_id: UUID, *, field: str) -> User:
    """Return the active person with a role at the school; raise Refusal when there is none."""
    found = membership.teachers_at(school_id).filter(pk=user_id).first()
    if found is None:
        raise Refusal(_("The contact teacher must belong to the school."), code="not-of-school", field=field)
    return found

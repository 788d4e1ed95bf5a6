"""Who belongs where: the schools of a person, and the classes that person may enrol, and how one comes to belong.

What each role reaches, in one place (the use-cases and the lists of enrolments follow it):

=====================  ============================  =========================================  ====================
Role at a school       sees enrolments of            enrols, changes, cancels                    besides
=====================  ============================  =========================================  ====================
teacher                the own                       enrols any class of the school; the own     –
ambassador, PLC        the whole school              the whole school                            the school's page
guidance counsellor    grades 7 to 10, and the own   enrols grades 7 to 10; the own              the school's page
school leader          the whole school              the whole school                            approves; sets whether
                                                                                                 approval is demanded
=====================  ============================  =========================================  ====================

A person with several roles, at one school or at several, reaches what any of them reaches. *The own* enrolments are
those whose contact teacher one is. A coordinator of the municipality reaches everything; a reviewer no enrolment.
What is beyond reach does not exist: it answers like what was never there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from portal.domain import audit, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import local_day
from portal.domain.compiled import CompiledQuery
from portal.domain.danish import in_danish_order
from portal.domain.refusal import Refusal
from portal.models import Municipality, MunicipalRole, User
from schools.models import Membership, School, SchoolClass, school_year_of

Role = Membership.Role
ENROLS_ANY_CLASS = [Role.TEACHER, *Role.acting_for_school()]
# So many roles one person may have asked for at a time.
MOST_WAITING = 5


def memberships_of(user: User | UUID) -> QuerySet[Membership]:
    """Return the roles at schools that the person has now."""
    return Membership.objects.current().filter(user=user)


# What somebody is at one school, with the person and the school: asked with every enrolment.
roles_there = CompiledQuery[Membership](
    lambda user, school: memberships_of(user).filter(school=school).select_related("user", "school"), "user", "school"
)


def schools_of(user: User | UUID, roles: Iterable[str] | None = None) -> QuerySet[School]:
    """Return the schools where the person has a role (one of ``roles``), each once, by name."""
    given = memberships_of(user).filter(school=OuterRef("pk"))
    if roles is not None:
        given = given.filter(role__in=list(roles))
    return School.objects.filter(Exists(given)).order_by(in_danish_order("name"))


def belongs_to(user: User | UUID, school_id: UUID) -> bool:
    """Return whether the person has a role at the school."""
    return memberships_of(user).filter(school=school_id).exists()


def works_school_wide(user: User | UUID) -> bool:
    """Return whether the person acts for a whole school: ambassador, learning centre, guidance or leader."""
    return memberships_of(user).filter(role__in=Role.school_wide()).exists()


def leads(user: User | UUID, school_id: UUID) -> bool:
    """Return whether the person is a leader of the school."""
    return memberships_of(user).filter(role=Role.LEADER, school=school_id).exists()


def leaders_of(school: School | UUID) -> QuerySet[User]:
    """Return the school's leaders with an account in use."""
    role = Membership.objects.current().filter(school=school, role=Role.LEADER, user=OuterRef("pk"))
    return User.objects.filter(Exists(role), is_active=True).order_by(in_danish_order("name"), "email")


def in_guidance(on: date) -> Q:
    """Return the condition on classes that they are in grades 7 to 10 on that day, some of a group's at least."""
    year = school_year_of(on)
    cohort = Q(start_year__lte=year - Membership.GUIDED_FROM, start_year__gte=year - Membership.GUIDED_TO)
    return cohort | Q(start_year__isnull=True, grade_to__gte=Membership.GUIDED_FROM)


def enrollable_classes(user: User | UUID, on: date) -> QuerySet[SchoolClass]:
    """Return the active classes that the person may enrol for that day, the own first (``is_own``), by school and age.

    Any teacher may enrol any class of the own school, a guidance counsellor those in grades 7 to 10 on the day; *own*
    only decides what stands first.
    """
    own = memberships_of(user).filter(own_classes=OuterRef("pk"))
    anywhere = Q(school__in=schools_of(user, ENROLS_ANY_CLASS).values("pk"))
    guided = Q(school__in=schools_of(user, [Role.GUIDANCE]).values("pk")) & in_guidance(on)
    return (
        SchoolClass.objects.filter(anywhere | guided, is_active=True)
        .select_related("school")
        .annotate(is_own=Exists(own))
        .order_by("-is_own", "school__name", "-start_year", "letter", "name")
    )


def present(classes: Iterable[SchoolClass], on: date) -> list[SchoolClass]:
    """Return the classes that are still at school on that day."""
    return [one for one in classes if not one.has_left(on)]


def teachers_at(school: School | UUID) -> QuerySet[User]:
    """Return the active people with a role at the school, by name."""
    roles = Membership.objects.current().filter(school=school, user=OuterRef("pk"))
    return User.objects.filter(Exists(roles), is_active=True).order_by(in_danish_order("name"), "email")


def colleagues_of(user: User | UUID) -> QuerySet[User]:
    """Return the active people of the schools that the person acts for, without the person, by name."""
    there = Membership.objects.current().filter(school__in=schools_of(user, Role.acting_for_school()).values("pk"))
    others = User.objects.filter(Exists(there.filter(user=OuterRef("pk"))), is_active=True)
    return others.exclude(pk=user.pk if isinstance(user, User) else user).order_by(in_danish_order("name"), "email")


def awaited_by(user: User | UUID) -> QuerySet[Membership]:
    """Return the roles that the person has asked for and nobody has decided on."""
    return Membership.objects.awaiting().filter(user=user)


# --- Coming to belong ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """What somebody says on the first day; the address has been verified."""

    email: str
    name: str
    language: str
    school: School
    role: str


def decided_by(by: Actor) -> QuerySet[Membership]:
    """Return the requests that the actor may answer.

    A coordinator: all. A leader: every role at the own school. An ambassador: teachers at the own school. Nobody
    answers for oneself.
    """
    waiting = Membership.objects.awaiting()
    if by.is_coordinator:
        return waiting
    own = Membership.objects.current().filter(user=by.user_id, school=OuterRef("school"))
    leads = Exists(own.filter(role=Membership.Role.LEADER))
    speaks = Exists(own.filter(role=Membership.Role.AMBASSADOR))
    return waiting.filter(leads | (Q(role=Membership.Role.TEACHER) & speaks)).exclude(user=by.user_id)


def welcomes_newcomers(user: User | UUID) -> bool:
    """Return whether the person answers for newcomers at some school: its leader or ambassador."""
    return memberships_of(user).filter(role__in=[Membership.Role.LEADER, Membership.Role.AMBASSADOR]).exists()


@transaction.atomic(durable=True)
def join(*, newcomer: Newcomer, now: datetime) -> User:
    """Make the account of somebody who signs in for the first time, with the role that person has at a school.

    The role must be confirmed, unless the municipality has said that teachers need not be. Asking twice returns the
    account made first.
    """
    known = User.objects.filter(email=newcomer.email).first()
    if known is not None:
        return known
    user = User.objects.create(
        email=newcomer.email, name=newcomer.name, language=newcomer.language, password=make_password(None)
    )
    audit.record(Actor.of_user(user), "user-joined", user, at=now)
    _ask_for(user, newcomer.school, newcomer.role, now)
    return user


@transaction.atomic(durable=True)
def ask_for(*, school: School, role: str, by: Actor, now: datetime) -> Membership:
    """Ask for a role at a school, as one who moves there or works at two. Asking twice returns the first request."""
    user = User.objects.select_for_update().get(pk=by.id)
    if not user.memberships.filter(school=school, role=role, ended_on__isnull=True).exists():
        waiting = awaited_by(user).count()
        if waiting >= MOST_WAITING:
            raise Refusal(
                _("You have already asked for %(count)d roles. Wait until they have been answered.")
                % {"count": waiting},
                code="too-many-waiting",
            )
    return _ask_for(user, school, role, now)


def _ask_for(user: User, school: School, role: str, now: datetime) -> Membership:
    """Write down the role, and tell those who can confirm it (a step)."""
    if not School.objects.open(local_day(now)).filter(pk=school.pk).exists():
        raise Refusal(_("This school is closed."), code="school-closed", field="school")
    earlier = Membership.objects.filter(user=user, school=school, role=role, ended_on__isnull=True).first()
    if earlier is not None:
        return earlier
    strict = Municipality.objects.values_list("memberships_need_confirmation", flat=True).first() is not False
    waits = strict or role != Membership.Role.TEACHER
    made = Membership.objects.create(user=user, school=school, role=role, unconfirmed_since=now if waits else None)
    audit.record(Actor.of_user(user), "membership-asked-for" if waits else "membership-began", made, at=now, role=role)
    if waits:
        for person in _who_confirms(made):
            outbox.post(occasion="membership_asked_for", about=made, to=outbox.Recipient.of_user(person), now=now)
    return made


def _who_confirms(membership: Membership) -> list[User]:
    """Return who is told: those of the school who may answer, and the coordinators where there is nobody."""
    roles = [Membership.Role.LEADER]
    if membership.role == Membership.Role.TEACHER:
        roles.append(Membership.Role.AMBASSADOR)
    there = Membership.objects.current().filter(school=membership.school, role__in=roles, user=OuterRef("pk"))
    found = list(User.objects.filter(Exists(there), is_active=True).exclude(pk=membership.user_id).order_by("pk"))
    if found:
        return found
    above = MunicipalRole.objects.filter(
        user=OuterRef("pk"), role__in=MunicipalRole.Role.acting_as(MunicipalRole.Role.COORDINATOR)
    )
    return list(User.objects.filter(Exists(above), is_active=True).order_by("pk"))


@transaction.atomic(durable=True)
def confirm_membership(*, membership_id: UUID, by: Actor, now: datetime) -> Membership:
    """Say that the person does have this role at the school; from now on it opens what it opens, and they are told.

    Raises Refusal when somebody has answered already, or when it is not for the actor to say.
    """
    membership = _to_answer(membership_id, by)
    Membership.objects.filter(pk=membership.pk).update(unconfirmed_since=None)
    membership.unconfirmed_since = None
    _answered(membership, "membership-confirmed", "membership_confirmed", by, now)
    return membership


@transaction.atomic(durable=True)
def refuse_membership(*, membership_id: UUID, by: Actor, now: datetime) -> Membership:
    """Say that the person does not have this role at the school; the request ends, and they are told. See above."""
    membership = _to_answer(membership_id, by)
    membership.ended_on = local_day(now)
    membership.save(update_fields=["ended_on"])
    _answered(membership, "membership-refused", "membership_refused", by, now)
    return membership


def _to_answer(membership_id: UUID, by: Actor) -> Membership:
    """Return the request, locked, if the actor may answer it now."""
    locked = Membership.objects.select_for_update(of=("self",)).select_related("user", "school").get(pk=membership_id)
    if locked.ended_on is not None or locked.unconfirmed_since is None:
        raise Refusal(_("Somebody has already answered this request."), code="already-answered")
    if not decided_by(by).filter(pk=locked.pk).exists():
        raise Refusal(_("It is not for you to answer this request."), code="not-yours")
    return locked


def _answered(membership: Membership, action: str, occasion: str, by: Actor, now: datetime) -> None:
    """Write it down, take back what others have not yet been told, and tell the person (a step)."""
    audit.record(by, action, membership, at=now, role=membership.role)
    outbox.withdraw(about=membership, occasions=["membership_asked_for"])
    outbox.post(occasion=occasion, about=membership, to=outbox.Recipient.of_user(membership.user), now=now)

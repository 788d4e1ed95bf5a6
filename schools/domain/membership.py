"""Who belongs where: the schools of a person, the classes that person may enrol, and how one comes to belong."""

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
from portal.domain.refusal import Refusal
from portal.models import Municipality, MunicipalRole, User
from schools.models import Membership, School, SchoolClass

# So many roles one person may have asked for at a time.
MOST_WAITING = 5

SCHOOL_WIDE = [Membership.Role.AMBASSADOR, Membership.Role.PLC, Membership.Role.GUIDANCE, Membership.Role.LEADER]


def memberships_of(user: User | UUID) -> QuerySet[Membership]:
    """Return the roles at schools that the person has now."""
    return Membership.objects.current().filter(user=user)


def schools_of(user: User | UUID) -> QuerySet[School]:
    """Return the schools where the person has a role, each once, by name."""
    return School.objects.filter(Exists(memberships_of(user).filter(school=OuterRef("pk")))).order_by("name")


def belongs_to(user: User | UUID, school_id: UUID) -> bool:
    """Return whether the person has a role at the school."""
    return memberships_of(user).filter(school=school_id).exists()


def works_school_wide(user: User | UUID) -> bool:
    """Return whether the person acts for a whole school: ambassador, learning centre, guidance or leader."""
    return memberships_of(user).filter(role__in=SCHOOL_WIDE).exists()


def enrollable_classes(user: User | UUID) -> QuerySet[SchoolClass]:
    """Return the active classes of the person's schools, the own ones first (``is_own``), then by school and age.

    Any teacher may enrol any class of the own school; *own* only decides what stands first.
    """
    own = memberships_of(user).filter(own_classes=OuterRef("pk"))
    return (
        SchoolClass.objects.filter(school__in=schools_of(user).values("pk"), is_active=True)
        .select_related("school")
        .annotate(is_own=Exists(own))
        .order_by("-is_own", "school__name", "-start_year", "letter", "name")
    )


def present(classes: QuerySet[SchoolClass], on: date) -> list[SchoolClass]:
    """Return the classes that are still at school on that day."""
    return [one for one in classes if not one.has_left(on)]


def teachers_at(school: School | UUID) -> QuerySet[User]:
    """Return the active people with a role at the school, by name."""
    roles = Membership.objects.current().filter(school=school, user=OuterRef("pk"))
    return User.objects.filter(Exists(roles), is_active=True).order_by("name", "email")


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

"""Who belongs where: the schools of a person, and the classes that person may enrol.

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
from datetime import date
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from portal.models import User
from schools.models import Membership, School, SchoolClass, school_year_of

Role = Membership.Role
ENROLS_ANY_CLASS = [Role.TEACHER, *Role.acting_for_school()]


def memberships_of(user: User | UUID) -> QuerySet[Membership]:
    """Return the roles at schools that the person has now."""
    return Membership.objects.current().filter(user=user)


def schools_of(user: User | UUID, roles: Iterable[str] | None = None) -> QuerySet[School]:
    """Return the schools where the person has a role (one of ``roles``), each once, by name."""
    given = memberships_of(user).filter(school=OuterRef("pk"))
    if roles is not None:
        given = given.filter(role__in=list(roles))
    return School.objects.filter(Exists(given)).order_by("name")


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
    return User.objects.filter(Exists(role), is_active=True).order_by("name", "email")


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


def present(classes: QuerySet[SchoolClass], on: date) -> list[SchoolClass]:
    """Return the classes that are still at school on that day."""
    return [one for one in classes if not one.has_left(on)]


def teachers_at(school: School | UUID) -> QuerySet[User]:
    """Return the active people with a role at the school, by name."""
    roles = Membership.objects.current().filter(school=school, user=OuterRef("pk"))
    return User.objects.filter(Exists(roles), is_active=True).order_by("name", "email")


def colleagues_of(user: User | UUID) -> QuerySet[User]:
    """Return the active people of the schools that the person acts for, without the person, by name."""
    there = Membership.objects.current().filter(school__in=schools_of(user, Role.acting_for_school()).values("pk"))
    others = User.objects.filter(Exists(there.filter(user=OuterRef("pk"))), is_active=True)
    return others.exclude(pk=user.pk if isinstance(user, User) else user).order_by("name", "email")

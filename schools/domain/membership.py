"""Who belongs where: the schools of a person, and the classes that person may enrol."""

from datetime import date
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from portal.models import User
from schools.models import Membership, School, SchoolClass

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

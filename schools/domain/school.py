"""Schools that close or merge: steps, since what lies ahead of a school is known higher up the ladder."""

from datetime import date, datetime
from string import ascii_uppercase
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from portal.domain import audit
from portal.domain.actor import Actor
from portal.domain.calendar import local_day
from portal.domain.refusal import Refusal
from schools.models import Membership, School, SchoolClass


def refuse_unless_open(school: School) -> None:
    """Raise Refusal when the school has closed or merged already."""
    if school.merged_into_id is not None:
        raise Refusal(_("%(school)s has merged into another school.") % {"school": school}, code="merged")
    if school.closed_on is not None:
        raise Refusal(_("%(school)s is closed already.") % {"school": school}, code="closed")


def close(school: School, on: date, *, by: Actor, now: datetime) -> None:
    """Let the school be closed from that day on (a step). Its name stays in all history.

    Roles at the school end when the day has come: at once, or by :func:`end_roles_at_closed_schools`.
    """
    School.objects.filter(pk=school.pk).update(closed_on=on)
    school.closed_on = on
    _end_roles(local_day(now))
    audit.record(by, "school-closed", school, at=now, day=on.isoformat())


@transaction.atomic(durable=True)
def reopen_school(*, school_id: UUID, by: Actor, now: datetime) -> School:
    """Take a closing back. Roles that have ended stay ended; a school that has merged is not opened again."""
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality opens and closes schools."), code="not-yours")
    school = School.objects.select_for_update().get(pk=school_id)
    if school.merged_into_id is not None:
        raise Refusal(_("%(school)s has merged into another school.") % {"school": school}, code="merged")
    if school.closed_on is not None:
        School.objects.filter(pk=school.pk).update(closed_on=None)
        school.closed_on = None
        audit.record(by, "school-reopened", school, at=now)
    return school


@transaction.atomic(durable=True)
def end_roles_at_closed_schools(*, now: datetime) -> int:
    """End the roles at schools whose last day has passed; return how many."""
    return _end_roles(local_day(now))


def _end_roles(today: date) -> int:
    over = Membership.objects.filter(ended_on__isnull=True, school__closed_on__lte=today)
    return over.update(ended_on=today)


def new_names(source: School, target: School) -> dict[SchoolClass, tuple[str, str]]:
    """Return letter and name that each class of ``source`` gets at ``target``: its own, unless it is taken there."""
    taken = set(target.classes.values_list("start_year", "letter", "name"))
    found: dict[SchoolClass, tuple[str, str]] = {}
    for one in source.classes.order_by("start_year", "letter", "name"):
        letter, name = one.letter, one.name
        if (one.start_year, letter, name) in taken:
            if one.start_year is not None:
                free = [
                    *ascii_uppercase,
                    *(f"{first}{second}" for first in ascii_uppercase for second in ascii_uppercase),
                ]
                letter = next(text for text in free if (one.start_year, text, "") not in taken)
            else:
                name = _free_name(one, source, taken)
        taken.add((one.start_year, letter, name))
        found[one] = (letter, name)
    return found


def _free_name(one: SchoolClass, source: School, taken: set[tuple[int | None, str, str]]) -> str:
    """Return a name for a group that says where it came from."""
    for number in range(1, 1000):
        tail = f" ({source.name})" if number == 1 else f" ({source.name}, {number})"
        name = one.name[: 60 - len(tail[:50])] + tail[:50]
        if (None, "", name) not in taken:
            return name
    raise AssertionError("No school has a thousand groups of one name.")


def merge(source: School, target: School, *, by: Actor, now: datetime) -> int:
    """Let classes and roles of ``source`` go over to ``target``, and close ``source`` (a step).

    Returns how many classes went. A class keeps its identity, so its history follows it; where its name is taken at
    ``target``, it gets another.
    """
    moved = 0
    for one, (letter, name) in new_names(source, target).items():
        SchoolClass.objects.filter(pk=one.pk).update(school=target, letter=letter, name=name)
        moved += 1
    today = local_day(now)
    there = set(Membership.objects.filter(school=target, ended_on__isnull=True).values_list("user_id", "role"))
    for role in Membership.objects.filter(school=source, ended_on__isnull=True).prefetch_related("own_classes"):
        if (role.user_id, role.role) not in there:
            made = Membership.objects.create(user_id=role.user_id, school=target, role=role.role)
            made.own_classes.set(role.own_classes.all())
    Membership.objects.filter(school=source, ended_on__isnull=True).update(ended_on=today)
    School.objects.filter(pk=source.pk).update(closed_on=today, merged_into=target)
    School.objects.filter(pk=target.pk).update(
        grade_from=min(source.grade_from, target.grade_from), grade_to=max(source.grade_to, target.grade_to)
    )
    source.closed_on, source.merged_into = today, target
    audit.record(by, "school-merged", source, at=now, into=str(target.pk), classes=moved)
    audit.record(by, "school-took-in", target, at=now, school=str(source.pk), classes=moved)
    return moved

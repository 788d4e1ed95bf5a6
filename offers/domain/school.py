"""Schools that close or merge, with what lies ahead of them; and names that history keeps."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from offers.models import Dialogue, Enrolment
from portal.domain import calendar
from portal.domain.actor import Actor
from portal.domain.calendar import local_day
from portal.domain.refusal import Refusal
from schools.domain import school as steps
from schools.models import School, SchoolClass

BATCH = 500


def ahead_of(school: School, now: datetime) -> QuerySet[Enrolment]:
    """Return the school's enrolments in sessions that have not begun."""
    return Enrolment.objects.ahead(now).filter(school=school)


@transaction.atomic(durable=True)
def close_school(*, school_id: UUID, on: date, by: Actor, now: datetime) -> School:
    """Let a school be closed from a day on: its classes enrol no more for that day and later, and its roles end then.

    All history keeps its name. Raises Refusal while enrolments lie on that day or later: cancel them first, or let
    the school merge. Coordinators only.
    """
    school = _locked([school_id], by)[0]
    steps.refuse_unless_open(school)
    late = ahead_of(school, now).filter(session__ends_at__gte=calendar.at(on, 0)).count()
    if late:
        raise Refusal(
            ngettext(
                "%(count)d enrolment lies on that day or later. Cancel it, or let the school merge into another.",
                "%(count)d enrolments lie on that day or later. Cancel them, or let the school merge into another.",
                late,
            )
            % {"count": late},
            code="enrolments-ahead",
            field="on",
        )
    steps.close(school, on, by=by, now=now)
    return school


@transaction.atomic(durable=True)
def merge_schools(*, school_id: UUID, into_id: UUID, by: Actor, now: datetime) -> int:
    """Let a school go up in another today; return how many classes went over.

    Classes, roles and enrolments ahead follow. Visits that were held, and the ledger, keep the names of their day.
    Coordinators only.
    """
    if school_id == into_id:
        raise Refusal(_("A school cannot merge into itself."), code="itself", field="into")
    found = {one.pk: one for one in _locked([school_id, into_id], by)}
    source, target = found[school_id], found[into_id]
    steps.refuse_unless_open(source)
    steps.refuse_unless_open(target)
    for one, (letter, name) in steps.new_names(source, target).items():
        if (letter, name) != (one.letter, one.name):
            keep_names(Enrolment.objects.filter(school_class=one), now=now)
    ahead_of(source, now).update(school=target)
    Dialogue.objects.open().filter(school=source).update(school=target)
    return steps.merge(source, target, by=by, now=now)


def keep_names(enrolments: QuerySet[Enrolment], *, now: datetime) -> int:
    """Write down what school and class were called at visits that have begun, before they are renamed (a step)."""
    begun = enrolments.filter(session__starts_at__lte=now, class_then="", school_then="").order_by("pk")
    rows = begun.select_related("school", "school_class", "session").only(
        "school__name",
        "session__starts_at",
        "school_class__name",
        "school_class__letter",
        "school_class__start_year",
        "class_then",
        "school_then",
    )
    kept: list[Enrolment] = []
    for row in rows.iterator(chunk_size=BATCH):
        row.class_then, row.school_then = row.class_label[:60], row.school.name
        kept.append(row)
    Enrolment.objects.bulk_update(kept, ["class_then", "school_then"], batch_size=BATCH)
    return len(kept)


def keep_names_of_school(school: School, *, now: datetime) -> int:
    """See :func:`keep_names`: the school is about to get another name."""
    return keep_names(Enrolment.objects.filter(school=school), now=now)


def keep_names_of_class(school_class: SchoolClass, *, now: datetime) -> int:
    """See :func:`keep_names`: the class is about to be called otherwise."""
    return keep_names(Enrolment.objects.filter(school_class=school_class), now=now)


def renamed_by_merging(source: School, target: School, now: datetime) -> list[str]:
    """Return in words which classes get another name at ``target`` because theirs is taken."""
    today = local_day(now)
    words: list[str] = []
    for one, (letter, name) in steps.new_names(source, target).items():
        if (letter, name) != (one.letter, one.name):
            before = one.label(today)
            one.letter, one.name = letter, name
            words.append(_("%(before)s becomes %(after)s") % {"before": before, "after": one.label(today)})
    return words


def _locked(ids: Iterable[UUID], by: Actor) -> list[School]:
    """Return the schools, their rows held in one order; raise Refusal unless a coordinator asks.

    Held without the key, so that enrolments, whose rows point to them, are written meanwhile and wait for nobody.
    """
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality opens and closes schools."), code="not-yours")
    return list(School.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=ids).order_by("pk"))

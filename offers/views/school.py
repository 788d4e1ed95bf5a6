"""A school as a whole: what is coming, what waits for its leader, its classes, and who has which role."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from offers.domain import approval as approving
from offers.domain import reminders
from offers.forms.school import ApprovalForm, LeaderForm
from offers.models import Enrolment
from portal.domain import calendar, clock
from portal.domain.danish import in_danish_order
from portal.domain.refusal import Refusal
from portal.http import actor_of
from portal.models import User
from schools.domain import approval as demanding
from schools.domain import membership
from schools.models import Membership, School, SchoolClass

Status = Enrolment.Status
Role = Membership.Role
COMING = [Status.PENDING, Status.CONFIRMED, Status.WAITLISTED, Status.OFFERED, Status.IN_DRAW]
COLOURS = {
    Status.PENDING: ("info", "clock"),
    Status.CONFIRMED: ("success", "check"),
    Status.WAITLISTED: ("warning", "pause"),
    Status.OFFERED: ("warning", "alert"),
    Status.IN_DRAW: ("info", "clock"),
}
PER_PAGE = 20


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _schools(person: User) -> list[School]:
    """Return the schools where the person does more than teach; whoever has none finds no page here."""
    return list(membership.schools_of(person, Role.school_wide()))


@never_cache
@require_safe
def school(request: HttpRequest) -> HttpResponse:
    """Show one school; with several, the one chosen in the address, else the first by name."""
    person, now = _person(request), clock.now()
    schools = _schools(person)
    if not schools:
        raise Http404
    wanted = request.GET.get("skole", "")
    here = next((one for one in schools if str(one.pk) == wanted), None)
    if wanted and here is None:
        raise Http404
    here = here or schools[0]
    roles = set(membership.memberships_of(person).filter(school=here).values_list("role", flat=True))
    guided_only = not roles & set(Role.acting_for_school())
    rows = Enrolment.objects.visible_to(person).filter(school=here, session__ends_at__gt=now, status__in=COMING)
    rows = rows.select_related("school_class", "teacher", "session__offer__company")
    awaiting = rows.awaiting_leader().order_by("session__starts_at", "pk")
    coming = rows.exclude(leader_answer=Enrolment.LeaderAnswer.AWAITED).order_by("session__starts_at", "pk")
    page = Paginator(coming, PER_PAGE).get_page(_page_number(request))
    today = calendar.local_day(now)
    context: dict[str, Any] = {
        "schools": schools,
        "school": here,
        "is_leader": Role.LEADER in roles,
        "guided_only": guided_only,
        "awaiting": [_row(one) for one in awaiting],
        "coming": [_row(one) for one in page],
        "page": page,
        "classes": _classes(here, now, guided_only=guided_only),
        "people": _people(here),
        "today": today,
    }
    return render(request, "offers/school.html", context)


def _row(one: Enrolment) -> dict[str, Any]:
    color, icon = COLOURS[Status(one.status)]
    label = one.get_status_display()
    if one.leader_answer == Enrolment.LeaderAnswer.AWAITED:
        label = _("awaits the leader") if one.status == Status.PENDING else f"{label} · {_('awaits the leader')}"
    return {"enrolment": one, "label": one.class_label, "state": label, "color": color, "icon": icon}


def _classes(here: School, now: datetime, *, guided_only: bool) -> list[dict[str, Any]]:
    """Return the school's classes of today, each with how many visits it has before it."""
    today = calendar.local_day(now)
    ahead = Q(enrolments__status=Status.CONFIRMED, enrolments__session__ends_at__gt=now)
    classes: QuerySet[SchoolClass] = here.classes.filter(is_active=True)  # each knows its school
    if guided_only:
        classes = classes.filter(membership.in_guidance(today))
    counted = classes.annotate(visits=Count("enrolments", filter=ahead)).order_by("-start_year", "letter", "name")
    present = membership.present(counted, today)
    return [{"label": one.label(today), "pupils": one.pupils, "visits": getattr(one, "visits", 0)} for one in present]


def _people(here: School) -> list[dict[str, Any]]:
    """Return who has which roles at the school, by name."""
    now_there = Membership.objects.current().filter(school=here)
    people = User.objects.filter(is_active=True, pk__in=now_there.values("user"))
    people = people.prefetch_related(Prefetch("memberships", now_there, to_attr="here")).order_by(
        in_danish_order("name"), "email"
    )
    rows = []
    for person in people:
        roles: list[Membership] = person.here
        names = sorted({str(one.get_role_display()) for one in roles})
        rows.append({"person": person, "roles": ", ".join(names)})
    return rows


def _led(person: User) -> QuerySet[Enrolment]:
    """Return the enrolments of the schools that the person leads."""
    schools = membership.schools_of(person, [Role.LEADER]).values("pk")
    return Enrolment.objects.visible_to(person).filter(school__in=schools)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    """Let the leader approve an enrolment, or decline it with a reason."""
    rows = _led(_person(request)).select_related("school_class", "school", "teacher", "session__offer__company")
    found = get_object_or_404(rows.prefetch_related("session__meetings"), pk=enrolment_id)
    form = LeaderForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        approve = form.cleaned_data["answer"] == LeaderForm.YES
        try:
            approving.answer_for_school(
                enrolment_id=found.pk,
                approve=approve,
                reason=form.cleaned_data["reason"],
                by=actor_of(request),
                now=clock.now(),
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        else:
            messages.success(request, _("Approved.") if approve else _("Declined. The teacher gets a mail."))
            return redirect(_place_of(found.school_id))
    waits = found.leader_answer == Enrolment.LeaderAnswer.AWAITED and found.status in COMING
    context = {
        "enrolment": found,
        "session": found.session,
        "offer": found.session.offer,
        "meetings": list(found.session.meetings.all()),
        "needs": reminders.needs_in_words(found),
        "waits": waits and clock.now() < found.session.starts_at,
        "in_line": found.status == Status.WAITLISTED,
        "form": form,
        "back": _place_of(found.school_id),
    }
    return render(request, "offers/school_answer.html", context)


@never_cache
@require_POST
def approval(request: HttpRequest) -> HttpResponse:
    """Let the leader decide whether enrolments wait for the leader."""
    person, form = _person(request), ApprovalForm(request.POST)
    led = membership.schools_of(person, [Role.LEADER])
    here = led.filter(pk=form.cleaned_data["school"]).first() if form.is_valid() else None
    if here is None:
        raise Http404
    demanded = form.cleaned_data["demanded"] == "yes"
    demanding.demand_approval(school_id=here.pk, demanded=demanded, by=actor_of(request), now=clock.now())
    said = _("From now on enrolments wait for a leader's yes.") if demanded else _("Enrolments no longer wait for you.")
    messages.success(request, said)
    return redirect(_place_of(here.pk))


def _place_of(school_id: UUID) -> str:
    return f"{reverse('school')}?{urlencode({'skole': str(school_id)})}"


def _page_number(request: HttpRequest) -> int:
    """Return the page asked for; whatever is no number is the first."""
    asked = request.GET.get("page", "1")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 and int(asked) > 0 else 1

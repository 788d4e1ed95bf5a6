"""The first page of the desk: what waits for the coordinator; and the way to every list."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse, reverse_lazy
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from companies.models import Company, Contact
from offers.admin.followup import average_of
from offers.admin.session import SOON
from offers.domain import encounters
from offers.models import Agreement, Encounter, Enrolment, Invite, Offer, Session, SurveyRequest, VisitReport
from portal.admin import COORDINATOR, OPERATOR, REVIEWER
from portal.domain import clock
from portal.models import (
    ActivityType,
    AuditEntry,
    CalendarPeriod,
    EducationArea,
    Erasure,
    ErasureRequest,
    Heartbeat,
    Industry,
    LegalHold,
    Link,
    Message,
    Municipality,
    Subject,
    User,
)
from schools.models import School, SchoolClass

ROWS = 6


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number with the list behind it; ``calls`` when somebody waits."""

    number: int
    label: Any
    url: str
    calls: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a panel."""

    title: str
    url: str
    text: str = ""
    side: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A few lines of a list, with the way to all of it."""

    title: Any
    none: Any
    url: str = ""
    rows: list[Row] = field(default_factory=list)


def listing(model: Any, query: str = "") -> str:
    """Return the address of a list, filtered or not."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{query}" if query else address


def page_of(row: Any) -> str:
    """Return the address of a row's page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=(row.pk,))


def short(moment: Any, form: str = "j. b") -> str:
    """Return a moment in few letters, on the wall clock."""
    return date_format(localtime(moment), form) if moment else ""


def first(rows: QuerySet[Any]) -> tuple[int, list[Any]]:
    """Return how many there are, and the first few (one query when there are few)."""
    few = list(rows[: ROWS + 1])
    return (len(few), few) if len(few) <= ROWS else (rows.count(), few[:ROWS])


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return what the first page shows (the theme calls this)."""
    roles = admin.site.roles_of(request)  # type: ignore[attr-defined]
    context["figures"], context["panels"] = [], []
    if COORDINATOR in roles:
        context.update(for_coordinator())
    elif REVIEWER in roles:
        context.update(for_reviewer())
    elif OPERATOR in roles:
        context.update(for_operator())
    return context


def for_coordinator() -> dict[str, Any]:
    """Return the coordinator's figures and panels."""
    now = clock.now()
    reviews, to_review = what_waits_for_review()
    requests, request_rows = first(
        Enrolment.objects.filter(status=Enrolment.Status.PENDING)
        .select_related("school", "school_class", "session__offer")
        .order_by("answer_by", "created_at")
    )
    free, free_rows = first(
        Session.objects.bookable(now)
        .with_places()
        .filter(starts_at__gt=now, starts_at__lte=now + SOON)
        .select_related("offer__company")
        .annotate(free=F("places") - F("places_taken"))
        .order_by("starts_at", "pk")
    )
    trouble, trouble_rows = first(Message.objects.in_trouble().defer("body").order_by("-send_at"))
    disputes, dispute_rows = first(encounters.disputed())
    answered = SurveyRequest.objects.filter(state=SurveyRequest.State.ANSWERED)
    lately = answered.filter(answered_at__gt=now - timedelta(days=30))
    _count, answer_rows = first(
        answered.select_related("enrolment__session__offer", "enrolment__school", "enrolment__school_class").order_by(
            "-answered_at"
        )
    )
    panels = [
        to_review,
        Panel(
            title=_("Requests waiting"),
            none=_("No class waits for an answer."),
            url=listing(Enrolment, "status__exact=pending"),
            rows=[
                Row(
                    title=f"{row.class_label}, {row.school}",
                    text=f"{row.session.offer} · {short(row.session.starts_at, 'j. b, H.i')}",
                    side=gettext("answer by %(day)s") % {"day": short(row.answer_by)} if row.answer_by else "",
                    url=page_of(row),
                )
                for row in request_rows
            ],
        ),
        Panel(
            title=_("Free places within 21 days"),
            none=_("No open date with free places in the next 21 days."),
            url=listing(Session, "when=soon"),
            rows=[
                Row(
                    title=str(row.offer),
                    text=f"{short(row.starts_at, 'D j. b, H.i')} · {row.offer.company}",
                    side=gettext("%(free)s of %(places)s free") % {"free": row.free, "places": row.places},
                    url=page_of(row),
                )
                for row in free_rows
            ],
        ),
        Panel(
            title=_("Visits to decide"),
            none=_("Nobody disagrees about a visit."),
            url=listing(VisitReport, "disputed=1"),
            rows=[
                Row(
                    title=f"{row.enrolment.class_label}, {row.enrolment.school}",
                    text=str(row.enrolment.session.offer),
                    side=short(row.meeting.starts_at),
                    url=page_of(row.enrolment),
                )
                for row in dispute_rows
            ],
        ),
        Panel(
            title=_("Messages in trouble"),
            none=_("Every message has left as it should."),
            url=listing(Message, "trouble=1"),
            rows=[
                Row(
                    title=row.subject or row.occasion,
                    text=f"{row.address} · {row.trouble or row.get_state_display()}",
                    side=short(row.send_at, "j. b, H.i"),
                    url=page_of(row),
                )
                for row in trouble_rows
            ],
        ),
        Panel(
            title=_("Latest survey answers"),
            none=_("Nobody has answered a survey yet."),
            url=listing(SurveyRequest, "state__exact=answered&o=-7"),
            rows=[
                Row(
                    title=f"{row.enrolment.session.offer}",
                    text=row.comment[:140]
                    or f"{row.get_audience_display()}, {row.enrolment.class_label}, {row.enrolment.school}",
                    side=gettext("%(average)s of 5") % {"average": average_of(row)},
                    url=page_of(row),
                )
                for row in answer_rows
            ],
        ),
    ]
    figures = [
        Figure(number=reviews, label=_("courses to review"), url=panels[0].url, calls=reviews > 0),
        Figure(number=requests, label=_("requests waiting"), url=panels[1].url, calls=requests > 0),
        Figure(number=free, label=_("dates with free places within 21 days"), url=panels[2].url),
        Figure(number=disputes, label=_("visits to decide"), url=panels[3].url, calls=disputes > 0),
        Figure(number=trouble, label=_("messages in trouble"), url=panels[4].url, calls=trouble > 0),
        Figure(number=lately.count(), label=_("survey answers in 30 days"), url=panels[5].url),
    ]
    return {"figures": figures, "panels": panels}


def what_waits_for_review() -> tuple[int, Panel]:
    """Return how many courses were sent in, and the panel with the first of them."""
    reviews, review_rows = first(Offer.objects.to_review().select_related("company").order_by("submitted_at", "pk"))
    panel = Panel(
        title=_("To review"),
        none=_("No course waits for you."),
        url=listing(Offer, "state__exact=submitted&o=5"),
        rows=[
            Row(title=str(row), text=str(row.company), side=short(row.submitted_at), url=page_of(row))
            for row in review_rows
        ],
    )
    return reviews, panel


def for_reviewer() -> dict[str, Any]:
    """Return what waits for a reviewer, and nothing else."""
    reviews, panel = what_waits_for_review()
    figure = Figure(number=reviews, label=_("courses to review"), url=panel.url, calls=reviews > 0)
    return {"figures": [figure], "panels": [panel]}


def for_operator() -> dict[str, Any]:
    """Return the operator's figures and panels: whether the machinery runs."""
    trouble, trouble_rows = first(Message.objects.in_trouble().defer("body").order_by("-send_at"))
    beats = list(Heartbeat.objects.order_by("last_ok"))
    panels = [
        Panel(
            title=_("Messages in trouble"),
            none=_("Every message has left as it should."),
            url=listing(Message, "trouble=1"),
            rows=[
                Row(
                    title=row.occasion,
                    text=row.trouble or row.get_state_display(),
                    side=short(row.send_at, "j. b, H.i"),
                    url=page_of(row),
                )
                for row in trouble_rows
            ],
        ),
        Panel(
            title=_("Periodic jobs, the one longest silent first"),
            none=_("No job has come to its end yet. Does beat run?"),
            url=listing(Heartbeat),
            rows=[Row(title=row.name, side=short(row.last_ok, "j. b, H.i:s"), url=page_of(row)) for row in beats],
        ),
    ]
    return {
        "figures": [Figure(number=trouble, label=_("messages in trouble"), url=panels[0].url, calls=trouble > 0)],
        "panels": panels,
    }


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the way to every list this person may open (the theme calls this)."""
    groups: Iterable[tuple[Any, list[tuple[Any, Any]]]] = [
        (_("Courses"), [(_("Courses"), Offer), (_("Sessions"), Session), (_("Enrolments"), Enrolment)]),
        (
            _("Companies"),
            [
                (_("Companies"), Company),
                (_("Contacts"), Contact),
                (_("Invitations"), Invite),
                (_("Links"), Link),
                (_("Agreements"), Agreement),
            ],
        ),
        (_("Schools"), [(_("Schools"), School), (_("Classes"), SchoolClass), (_("People"), User)]),
        (
            _("Follow-up"),
            [
                (_("Reports of visits"), VisitReport),
                (_("Meetings with working life"), Encounter),
                (_("Surveys"), SurveyRequest),
            ],
        ),
        (
            _("Personal data"),
            [
                (_("Requests to be erased"), ErasureRequest),
                (_("Erased persons"), Erasure),
                (_("Legal holds"), LegalHold),
            ],
        ),
        (_("Running"), [(_("Messages"), Message), (_("Log"), AuditEntry), (_("Heartbeats"), Heartbeat)]),
        (
            _("Settings"),
            [
                (_("Municipality"), Municipality),
                (_("Calendar"), CalendarPeriod),
                (_("Subjects"), Subject),
                (_("Industries"), Industry),
                (_("Activity types"), ActivityType),
                (_("Education areas"), EducationArea),
            ],
        ),
    ]
    shown: list[dict[str, Any]] = [
        {"items": [{"title": _("Overview"), "icon": "dashboard", "link": reverse_lazy("admin:index")}]}
    ]
    for title, entries in groups:
        items = []
        for name, model in entries:
            desk = admin.site._registry[model]
            if desk.has_view_permission(request):
                items.append({"title": name, "icon": getattr(desk, "icon", "list"), "link": listing(model)})
        if items:
            shown.append({"title": title, "separator": True, "collapsible": False, "items": items})
    return shown

"""The first page of the desk: what waits for the coordinator; and the way to every list."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count, F, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse, reverse_lazy
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from companies.models import Company, Contact
from offers.admin.followup import average_of
from offers.admin.session import SOON
from offers.domain import encounters, planning
from offers.domain.snapshot import visit_of
from offers.models import (
    Agreement,
    Dialogue,
    Encounter,
    Enrolment,
    Invite,
    MoveProposal,
    Offer,
    Question,
    Session,
    SurveyRequest,
    VisitReport,
)
from portal.admin import COORDINATOR, OPERATOR, REVIEWER
from portal.context import the_municipality
from portal.domain import clock, sign_in, watch
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
    OrganisationModel,
    Subject,
    User,
)
from schools.models import Membership, School, SchoolClass

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
    context["warnings"] = warnings() if {COORDINATOR, OPERATOR} & roles else []
    if COORDINATOR in roles:
        context.update(for_coordinator())
    elif REVIEWER in roles:
        context.update(for_reviewer())
    elif OPERATOR in roles:
        context.update(for_operator())
    return context


def warnings() -> list[str]:
    """Return what those who look after the portal must know at once."""
    now = clock.now()
    many, slowed = watch.many_lately(now=now), sign_in.newcomers_slowed(now=now)
    found: list[str] = []
    if many.failures:
        found.append(
            gettext(
                "Sign-in codes and second factors that did not fit in the last hours: %(count)s. Somebody may be"
                " guessing. Nobody is locked out by it; which accounts are meant stands in their history at the"
                " desk, and in the log under “many-failures”."
            )
            % {"count": many.failures}
        )
    if many.unknown_links:
        found.append(
            gettext(
                "Addresses of links that never existed, tried in the last hours: %(count)s. Nothing opens by it; let"
                " the operator look at the log for “many-unknown-links”."
            )
            % {"count": many.unknown_links}
        )
    if slowed is not None:
        found.append(
            gettext(
                "Somebody is asking for sign-in codes to invented addresses. Until that ends, people without an account"
                " get theirs more slowly (askings without a mail in the last hours: %(count)s). Whoever has an account"
                " notices nothing: a newcomer who gets no mail can be let in by importing the school's teachers or"
                " making the account here. If it goes on, let the operator look at the log for “newcomers-slowed”."
            )
            % {"count": slowed.held_back}
        )
    return found


def for_coordinator() -> dict[str, Any]:
    """Return the coordinator's figures and panels."""
    now = clock.now()
    reviews, to_review = what_waits_for_review()
    requests, request_rows = first(
        Enrolment.objects.filter(status=Enrolment.Status.PENDING)
        .select_related("school", "school_class", "session__offer")
        .order_by("answer_by", "created_at")
    )
    late, late_rows = first(
        Enrolment.objects.asking_to_cancel(now)
        .select_related("school", "school_class", "session__offer")
        .order_by("session__starts_at", "pk")
    )
    talks, talk_rows = first(
        Dialogue.objects.to_call()
        .select_related("school", "school_class", "offer__company")
        .defer("offer__search", "offer__words")
        .order_by("state_at", "pk")
    )
    moves, move_rows = first(
        MoveProposal.objects.open().select_related("session__offer__company").order_by("answer_by", "pk")
    )
    free, free_rows = first(
        planning.few_enrolled(now, within=SOON)
        .select_related("offer__company")
        .annotate(free=F("places") - F("places_taken"))
    )
    untaught, untaught_rows = first(
        Enrolment.objects.without_teacher(now)
        .select_related("school", "school_class", "session__offer")
        .order_by("session__starts_at", "pk")
    )
    trouble, trouble_rows = first(Message.objects.in_trouble().defer("body").order_by("-send_at"))
    disputes, dispute_rows = first(encounters.disputed())
    answered = SurveyRequest.objects.filter(state=SurveyRequest.State.ANSWERED)
    lately = answered.filter(answered_at__gt=now - timedelta(days=30))
    _count, answer_rows = first(
        answered.select_related(
            "enrolment__session__offer__company", "enrolment__school", "enrolment__school_class"
        ).order_by("-answered_at")
    )
    panels = [
        to_review,
        Panel(
            title=_("Requests waiting"),
            none=_("No class waits for an answer."),
            url=listing(Enrolment, "todo=answer"),
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
            title=_("Asks to cancel late"),
            none=_("No school asks to cancel after the deadline."),
            url=listing(Enrolment, "todo=cancel"),
            rows=[
                Row(
                    title=f"{row.class_label}, {row.school}",
                    text=f"{row.session.offer} · {row.ended_reason}",
                    side=short(row.session.starts_at, "j. b, H.i"),
                    url=page_of(row),
                )
                for row in late_rows
            ],
        ),
        Panel(
            title=_("Times to agree on, to telephone about"),
            none=_("Every request by agreement has somebody who answers."),
            url=listing(Dialogue, "age=call"),
            rows=[
                Row(
                    title=f"{row.school_class.label(localtime(row.created_at).date())}, {row.school}",
                    text=f"{row.offer} · {row.offer.company}",
                    side=gettext("awaits %(side)s") % {"side": row.get_awaits_display()},
                    url=page_of(row),
                )
                for row in talk_rows
            ],
        ),
        Panel(
            title=_("Moves under way"),
            none=_("No class is being asked about another time."),
            url=listing(Session, "when=moving"),
            rows=[
                Row(
                    title=str(row.session.offer),
                    text=f"{short(row.session.starts_at, 'D j. b, H.i')} · {row.session.offer.company}",
                    side=gettext("answer by %(day)s") % {"day": short(row.answer_by)},
                    url=page_of(row.session),
                )
                for row in move_rows
            ],
        ),
        Panel(
            title=_("Classes without a contact teacher"),
            none=_("Every class that is to come has a contact teacher."),
            url=listing(Enrolment, "todo=teacher"),
            rows=[
                Row(
                    title=f"{row.class_label}, {row.school}",
                    text=str(row.session.offer),
                    side=short(row.session.starts_at, "j. b, H.i"),
                    url=page_of(row),
                )
                for row in untaught_rows
            ],
        ),
        Panel(
            title=_("Few enrolments within 21 days"),
            none=_("No open date in the next 21 days is less than half full."),
            url=listing(Session, "when=few"),
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
                    title=visit_of(row.enrolment, now).title,
                    text=row.comment[:140]
                    or f"{row.get_audience_display()}, {row.enrolment.class_label}, {row.enrolment.school}",
                    side=gettext("%(average)s of 5") % {"average": average_of(row)},
                    url=page_of(row),
                )
                for row in answer_rows
            ],
        ),
    ]
    numbers = (
        (reviews, _("courses to review")),
        (requests, _("requests waiting")),
        (late, _("schools that ask to cancel late")),
        (talks, _("times to telephone about")),
        (moves, _("moves under way")),
        (untaught, _("classes without a contact teacher")),
        (free, _("dates with few enrolments within 21 days")),
        (disputes, _("visits to decide")),
        (trouble, _("messages in trouble")),
        (lately.count(), _("survey answers in 30 days")),
    )
    quiet = {4, len(numbers) - 1}  # moves and answers: nobody waits for the coordinator
    figures = [
        Figure(number=number, label=label, url=panel.url, calls=number > 0 and place not in quiet)
        for place, ((number, label), panel) in enumerate(zip(numbers, panels, strict=True))
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


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the menu: a list, perhaps filtered; ``count`` says how many wait there."""

    title: Any
    model: Any
    query: str = ""
    icon: str = ""
    count: str = ""


def how_many_wait() -> dict[str, int]:
    """Return how many rows wait in each list of *To do* (one query, on every page of the desk)."""
    now = clock.now()
    waiting: dict[str, QuerySet[Any]] = {
        "reviews": Offer.objects.to_review(),
        "requests": Enrolment.objects.filter(status=Enrolment.Status.PENDING),
        "late": Enrolment.objects.asking_to_cancel(now),
        "newcomers": Membership.objects.awaiting(),
        "dialogues": Dialogue.objects.to_call(),
        "questions": Question.objects.filter(answered_at__isnull=True),
        "untaught": Enrolment.objects.without_teacher(now),
        "few": planning.few_enrolled(now, within=SOON),
        "disputes": encounters.disputed(),
        "trouble": Message.objects.in_trouble(),
        "erasures": ErasureRequest.objects.all(),
    }
    counts = {name: Coalesce(Subquery(counted(rows)), 0) for name, rows in waiting.items()}
    found = Municipality.objects.annotate(**counts).values(*counts).first()
    return dict(found) if found else {}


def counted(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the number of rows as a subquery of one value."""
    grouped = rows.order_by().annotate(all=Value(1)).values("all")
    number: QuerySet[Any] = grouped.annotate(how_many=Count("pk")).values("how_many")
    return number


TO_DO = (
    Entry(title=_("To review"), model=Offer, query="state__exact=submitted&o=5", icon="rate_review", count="reviews"),
    Entry(title=_("Requests"), model=Enrolment, query="todo=answer", icon="pending_actions", count="requests"),
    Entry(title=_("Cancelling late"), model=Enrolment, query="todo=cancel", icon="event_busy", count="late"),
    Entry(title=_("Times to agree on"), model=Dialogue, query="age=call", count="dialogues"),
    Entry(title=_("Questions to hosts"), model=Question, query="todo=answer", count="questions"),
    Entry(title=_("Newcomers"), model=Membership, icon="person_add", count="newcomers"),
    Entry(title=_("Without a teacher"), model=Enrolment, query="todo=teacher", icon="person_off", count="untaught"),
    Entry(title=_("Few enrolments"), model=Session, query="when=few", icon="event_busy", count="few"),
    Entry(title=_("Visits to decide"), model=VisitReport, query="disputed=1", icon="gavel", count="disputes"),
    Entry(title=_("Messages in trouble"), model=Message, query="trouble=1", icon="mail_lock", count="trouble"),
    Entry(title=_("Ask to be erased"), model=ErasureRequest, count="erasures"),
)
GROUPS: tuple[tuple[Any, tuple[Entry, ...]], ...] = (
    (_("Courses"), (Entry(title=_("Courses"), model=Offer),)),
    (
        _("Dates and enrolments"),
        (
            Entry(title=_("Sessions"), model=Session),
            Entry(title=_("Requests by agreement"), model=Dialogue),
            Entry(title=_("Questions to hosts"), model=Question),
            Entry(title=_("Dates with free places"), model=Session, query="when=free"),
            Entry(title=_("Enrolments"), model=Enrolment),
            Entry(title=_("Reports of visits"), model=VisitReport),
            Entry(title=_("Meetings with working life"), model=Encounter),
            Entry(title=_("Surveys"), model=SurveyRequest),
        ),
    ),
    (
        _("Companies"),
        (
            Entry(title=_("Companies"), model=Company),
            Entry(title=_("Contacts"), model=Contact),
            Entry(title=_("Invitations"), model=Invite),
            Entry(title=_("Links"), model=Link),
            Entry(title=_("Agreements"), model=Agreement),
        ),
    ),
    (
        _("Schools"),
        (
            Entry(title=_("Schools"), model=School),
            Entry(title=_("Classes"), model=SchoolClass),
            Entry(title=_("People"), model=User),
        ),
    ),
    (
        _("Messages"),
        (
            Entry(title=_("Messages"), model=Message),
            Entry(title=_("Log"), model=AuditEntry),
            Entry(title=_("Heartbeats"), model=Heartbeat),
        ),
    ),
    (
        _("Personal data"),
        (
            Entry(title=_("Requests to be erased"), model=ErasureRequest),
            Entry(title=_("Erased persons and the record"), model=Erasure),
            Entry(title=_("Legal holds"), model=LegalHold),
        ),
    ),
    (
        _("Settings"),
        (
            Entry(title=_("Municipality"), model=Municipality),
            Entry(title=_("Calendar"), model=CalendarPeriod),
            Entry(title=_("Subjects"), model=Subject),
            Entry(title=_("Industries"), model=Industry),
            Entry(title=_("Activity types"), model=ActivityType),
            Entry(title=_("Education areas"), model=EducationArea),
        ),
    ),
)
# Lists that only some ways of organising the work have a use for; the others find them by searching.
ONLY_FOR: dict[Any, set[str]] = {
    Agreement: {
        OrganisationModel.SUPPORTING,
        OrganisationModel.PROJECT,
        OrganisationModel.NETWORK,
        OrganisationModel.EXTERNAL,
    },
}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the way to every list this person may open, grouped as the work is (the theme calls this)."""
    roles = admin.site.roles_of(request)  # type: ignore[attr-defined]
    counts = how_many_wait() if COORDINATOR in roles else {}
    chosen = set(the_municipality().organisation_models)
    shown: list[dict[str, Any]] = [
        {"items": [{"title": _("Overview"), "icon": "dashboard", "link": reverse_lazy("admin:index")}]}
    ]
    for title, entries in ((_("To do"), TO_DO), *GROUPS):
        items = []
        for entry in entries:
            desk = admin.site._registry[entry.model]
            unused = chosen and entry.model in ONLY_FOR and not chosen & ONLY_FOR[entry.model]
            if unused or not desk.has_view_permission(request):
                continue
            if entry.count and COORDINATOR not in roles and entry.model is not Offer:
                continue
            items.append(item_of(request, entry, desk, counts.get(entry.count, 0)))
        if items:
            shown.append({"title": title, "separator": True, "collapsible": False, "items": items})
    return shown


def item_of(request: HttpRequest, entry: Entry, desk: Any, count: int) -> dict[str, Any]:
    """Return a line of the menu as the theme wants it."""
    link = listing(entry.model, entry.query)
    here = request.path.startswith(listing(entry.model))
    filtered = any(
        request.path == listing(one.model) and one.query.split("&")[0] in request.GET.urlencode()
        for one in TO_DO
        if one.model is entry.model
    )
    wanted = entry.query.split("&")[0]
    active = here and (wanted in request.GET.urlencode() if entry.query else not filtered)
    item: dict[str, Any] = {"title": entry.title, "icon": entry.icon or desk.icon, "link": link, "active": active}
    if count:
        item.update({"badge": count, "badge_variant": "primary", "badge_style": "solid"})
    return item

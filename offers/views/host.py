"""A host's visits, by link: who comes, what to answer, what to call off, and what was held."""

from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from companies.models import Contact
from offers.domain import dates, encounters, needs, planning, reminders
from offers.domain import enrolment as enrolments
from offers.domain.snapshot import visit_of
from offers.forms.followup import AnswerForm, CancelForm, ReportForm, report_forms
from offers.models import Enrolment, Invite, Meeting, Offer, Session, VisitReport
from portal.domain import calendar, clock, links
from portal.domain.refusal import Refusal
from portal.http import LinkRequest, link_required
from portal.models import Link

TOLD_FOR = timedelta(days=60)
COMING = [Enrolment.Status.CONFIRMED, Enrolment.Status.COMPLETED, Enrolment.Status.NO_SHOW]
SHOWN = [Enrolment.Status.PENDING, *COMING]
COLOURS = {
    Enrolment.Status.PENDING: "warning",
    Enrolment.Status.CONFIRMED: "success",
    Enrolment.Status.COMPLETED: "success",
    Enrolment.Status.NO_SHOW: "neutral",
}


def _contact(contact_id: UUID) -> Contact:
    """Return the contact whose link it is; one who has left has no page."""
    return get_object_or_404(Contact.objects.select_related("company"), pk=contact_id, is_active=True)


def _sessions(contact: Contact) -> QuerySet[Session]:
    """Return the company's sessions, with dates and classes."""
    classes = Enrolment.objects.known_to_host().filter(status__in=SHOWN)
    classes = classes.select_related("school_class", "school", "teacher")
    return (
        Session.objects.filter(offer__company=contact.company_id)
        .select_related("offer__company")
        .prefetch_related(
            Prefetch("meetings", Meeting.objects.order_by("number")),
            Prefetch("enrolments", classes.order_by("created_at", "pk")),
        )
    )


def _enrolments(contact: Contact) -> QuerySet[Enrolment]:
    """Return the enrolments in the company's sessions."""
    rows = Enrolment.objects.known_to_host().filter(session__offer__company=contact.company_id)
    return rows.select_related("session__offer__company", "school_class", "school", "teacher")


def _overview_row(session: Session) -> dict[str, Any]:
    coming = [one for one in session.enrolments.all() if one.status in COMING]
    return {
        "session": session,
        "when": dates.span_in_words(session.starts_at, session.ends_at)
        if len(session.meetings.all()) < 2
        else dates.moment_in_words(session.starts_at),
        "dates": len(session.meetings.all()),
        "classes": [f"{_label(one, session)}, {one.school.name}" for one in coming],
        "pupils": sum(one.pupils for one in coming),
    }


def _label(enrolment: Enrolment, session: Session) -> str:
    return enrolment.school_class.label(calendar.local_day(session.starts_at))


@link_required(Link.Purpose.HOST, "contact_id")
@require_safe
def visits(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """Show what is to come, what waits for an answer, and what is to be told."""
    now = clock.now()
    contact = _contact(contact_id)
    upcoming = list(
        _sessions(contact)
        .filter(state__in=[Session.State.OPEN, Session.State.PLANNED], ends_at__gt=now)
        .order_by("starts_at", "pk")
    )
    requests = [
        {
            "enrolment": one,
            "label": _label(one, session),
            "when": dates.moment_in_words(session.starts_at),
            "answer_by": dates.moment_in_words(one.answer_by) if one.answer_by else "",
        }
        for session in upcoming
        for one in session.enrolments.all()
        if one.status == Enrolment.Status.PENDING
    ]
    return render(
        request,
        "offers/host_visits.html",
        {
            "contact": contact,
            "holder": cast(LinkRequest, request).link.holder_name or contact.name,
            "upcoming": [_overview_row(session) for session in upcoming],
            "requests": requests,
            **_past(contact, now=now),
            "offers": _offers(contact, now=now),
        },
    )


def _past(contact: Contact, *, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Return the visits of the last two months that the host has yet to tell about, and those told."""
    begun = Meeting.objects.filter(
        session__offer__company=contact.company_id,
        session__state__in=[Session.State.OPEN, Session.State.HELD],
        starts_at__lte=now,
        starts_at__gt=now - TOLD_FOR,
    ).exclude(state=Meeting.State.CANCELLED)
    classes = Enrolment.objects.filter(status__in=encounters.REPORTABLE).select_related("school_class", "school")
    begun = begun.select_related("session__offer__company").prefetch_related(
        Prefetch("session__enrolments", classes.order_by("created_at", "pk")),
        Prefetch("reports", VisitReport.objects.filter(side=VisitReport.Side.HOST)),
    )
    untold: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    for meeting in begun.order_by("starts_at", "pk"):
        reports = {report.enrolment_id: report for report in meeting.reports.all()}
        for one in meeting.session.enrolments.all():
            report = reports.get(one.pk)
            row = {
                "enrolment": one,
                "label": _label(one, meeting.session),
                "course": _title_of(one, meeting.session, now),
                "when": dates.span_in_words(meeting.starts_at, meeting.ends_at),
                "report": report,
            }
            (untold if report is None else told).append(row)
    told.reverse()
    return {"untold": untold, "told": told}


def _title_of(enrolment: Enrolment, session: Session, now: datetime) -> str:
    """Return what the course was called when the class came."""
    enrolment.session = session  # what the prefetched row does not know
    return visit_of(enrolment, now).title


def _offers(contact: Contact, *, now: datetime) -> list[dict[str, Any]]:
    """Return the company's courses; those that this contact may go on describing, with the way there."""
    colours = {
        Offer.State.PUBLISHED: "success",
        Offer.State.CHANGES_REQUESTED: "warning",
        Offer.State.REJECTED: "neutral",
        Offer.State.EXPIRED: "warning",
        Offer.State.PAUSED: "warning",
    }
    offers = Offer.objects.filter(company=contact.company_id).exclude(state=Offer.State.ARCHIVED).order_by("title")
    invites = {invite.offer_id: invite.pk for invite in Invite.objects.filter(contact=contact, offer__isnull=False)}
    live = Link.objects.live(now).filter(purpose=Link.Purpose.INVITE, reference_id__in=invites.values())
    ways = {link.reference_id: links.address(link) for link in live.filter(parent__isnull=True)}
    return [
        {
            "offer": offer,
            "color": colours.get(Offer.State(offer.state), "info"),
            "way": ways.get(invites[offer.pk], "")
            if offer.pk in invites and offer.state in (Offer.State.DRAFT, Offer.State.CHANGES_REQUESTED)
            else "",
        }
        for offer in offers
    ]


@link_required(Link.Purpose.HOST, "contact_id")
@require_safe
def session(request: HttpRequest, contact_id: UUID, session_id: UUID) -> HttpResponse:
    """Show one session: its dates, and the classes with what the host must know of them."""
    now = clock.now()
    contact = _contact(contact_id)
    found = get_object_or_404(_sessions(contact), pk=session_id)
    readable_until = needs.readable_until(found)
    classes = [
        {
            "enrolment": one,
            "label": _label(one, found),
            "color": COLOURS[Enrolment.Status(one.status)],
            "needs": reminders.needs_in_words(one),
            "has_words": bool(one.needs_text) and now < readable_until,
            "teacher": one.teacher if one.status in COMING else None,
            "phone": (one.teacher_phone or (one.teacher.phone if one.teacher else "")) if one.status in COMING else "",
            "may_tell": one.status in encounters.REPORTABLE and found.starts_at <= now,
        }
        for one in found.enrolments.all()
    ]
    coming = [one for one in found.enrolments.all() if one.status in COMING]
    return render(
        request,
        "offers/host_session.html",
        {
            "contact": contact,
            "session": found,
            "meetings": [
                {"when": dates.span_in_words(one.starts_at, one.ends_at), "place": one.place, "meeting": one}
                for one in found.meetings.all()
            ],
            "classes": classes,
            "pupils": sum(one.pupils for one in coming),
            "adults": sum(one.adults for one in coming),
            "waiting": found.enrolments.waitlisted().count(),
            "may_cancel": found.state in (Session.State.OPEN, Session.State.PLANNED) and found.starts_at > now,
        },
    )


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, contact_id: UUID, session_id: UUID) -> HttpResponse:
    """Ask why, and call the session off."""
    now = clock.now()
    contact = _contact(contact_id)
    found = get_object_or_404(_sessions(contact), pk=session_id)
    form = CancelForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            planning.cancel_session(
                session_id=found.pk,
                reason=form.cleaned_data["reason"],
                by=cast(LinkRequest, request).actor,
                now=now,
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        else:
            messages.success(request, _("The date has been called off. Everybody concerned gets a mail."))
            return redirect("host-session", contact.pk, found.pk)
    if found.state == Session.State.CANCELLED:
        return redirect("host-session", contact.pk, found.pk)
    row = _overview_row(found)
    return render(request, "offers/host_cancel.html", {"contact": contact, "session": found, "row": row, "form": form})


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, contact_id: UUID, enrolment_id: UUID) -> HttpResponse:
    """Say yes or no to a class that asks to come."""
    contact = _contact(contact_id)
    found = get_object_or_404(_enrolments(contact), pk=enrolment_id)
    form = AnswerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        accept = form.cleaned_data["answer"] == AnswerForm.YES
        try:
            enrolments.answer_request(
                enrolment_id=found.pk,
                accept=accept,
                reason=form.cleaned_data["reason"],
                by=cast(LinkRequest, request).actor,
                now=clock.now(),
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        else:
            said = _("The class is confirmed. The teacher gets a mail.") if accept else _("The teacher gets a mail.")
            messages.success(request, said)
            return redirect("link-host", contact.pk)
    return render(
        request,
        "offers/host_answer.html",
        {
            "contact": contact,
            "enrolment": found,
            "label": found.class_label,
            "has_words": needs.is_readable(found, now=clock.now()),
            "waits": found.status == Enrolment.Status.PENDING,
            "color": COLOURS.get(Enrolment.Status(found.status), "neutral"),
            "when": dates.span_in_words(found.session.starts_at, found.session.ends_at),
            "answer_by": dates.moment_in_words(found.answer_by) if found.answer_by else "",
            "needs": reminders.needs_in_words(found),
            "form": form,
        },
    )


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def read_needs(request: HttpRequest, contact_id: UUID, enrolment_id: UUID) -> HttpResponse:
    """Show what the teacher wrote about the class's needs, once the button is pressed: each reading is noted."""
    contact = _contact(contact_id)
    found = get_object_or_404(_enrolments(contact).filter(status__in=SHOWN), pk=enrolment_id)
    context: dict[str, Any] = {"contact": contact, "enrolment": found, "label": found.class_label}
    if request.method == "POST":
        try:
            context["words"] = needs.read_needs(
                enrolment_id=found.pk, by=cast(LinkRequest, request).actor, now=clock.now()
            )
        except Refusal as refusal:
            context["refused"] = str(refusal)
    return render(request, "offers/host_needs.html", context)


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, contact_id: UUID, enrolment_id: UUID) -> HttpResponse:
    """Tell what became of a class's dates."""
    contact = _contact(contact_id)
    found = get_object_or_404(_enrolments(contact), pk=enrolment_id, status__in=encounters.REPORTABLE)
    chosen: ReportForm | None = None
    if request.method == "POST":
        chosen = ReportForm(request.POST)
        if chosen.is_valid():
            try:
                encounters.report_visit(
                    enrolment_id=found.pk, by=cast(LinkRequest, request).actor, now=clock.now(), **chosen.cleaned_data
                )
            except Refusal as refusal:
                chosen.add_error(refusal.field if refusal.field in chosen.fields else None, str(refusal))
            else:
                messages.success(request, _("Thank you. It has been noted."))
                return redirect("link-host", contact.pk)
    reports = list(found.reports.filter(side=VisitReport.Side.HOST))
    return render(
        request,
        "offers/host_report.html",
        {
            "contact": contact,
            "enrolment": found,
            "label": found.class_label,
            "rows": report_forms(found, reports=reports, chosen=chosen, now=clock.now()),
            "form": chosen,
        },
    )

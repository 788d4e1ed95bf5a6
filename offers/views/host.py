"""A host's visits, by link: who comes, what to answer, what to add, move and call off, and what was held."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from companies.models import Contact
from offers.domain import dates, dialogue, encounters, moving, needs, planning, questions, reminders
from offers.domain import enrolment as enrolments
from offers.domain import places as seats
from offers.domain.snapshot import visit_of
from offers.forms.dates import HostDatesForm, ProposeForm
from offers.forms.followup import AnswerForm, CancelForm, ReportForm, report_forms
from offers.models import Enrolment, Invite, Meeting, MoveAnswer, MoveProposal, Offer, Session, VisitReport
from portal.domain import calendar, clock, links
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar
from portal.domain.refusal import Refusal
from portal.http import LinkRequest, link_required
from portal.models import Link
from portal.models.municipality import MoveDefault

TOLD_FOR = timedelta(days=60)
COMING = Enrolment.Status.agreed()
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


def _standing(session: Session) -> list[Meeting]:
    """Return the session's dates that have not been called off; all of them once the whole has been."""
    meetings = list(session.meetings.all())
    return [one for one in meetings if one.state != Meeting.State.CANCELLED] or meetings


def _overview_row(session: Session, asked: Iterable[UUID] = ()) -> dict[str, Any]:
    coming = [one for one in session.enrolments.all() if one.status in COMING]
    meetings = _standing(session)
    return {
        "session": session,
        "when": dates.span_in_words(session.starts_at, session.ends_at)
        if len(meetings) < 2
        else dates.moment_in_words(session.starts_at),
        "dates": len(meetings),
        "day": calendar.local_day(session.starts_at).isoformat(),
        "is_asked": session.pk in set(asked),
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
    asked = MoveProposal.objects.open().filter(session__in=upcoming)
    being_asked = set(asked.values_list("session_id", flat=True))
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
            "upcoming": [_overview_row(session, being_asked) for session in upcoming],
            "may_add": seats.the_municipality().hosts_add_dates,
            "requests": requests,
            "dialogues": dialogue.of_company(contact.company_id, now=now),
            "questions": questions.waiting_for(contact.company_id),
            **_past(contact, now=now),
            "offers": _offers(contact, own_link=cast(LinkRequest, request).link.parent_id is None, now=now),
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


def _offers(contact: Contact, *, own_link: bool, now: datetime) -> list[dict[str, Any]]:
    """Return the company's courses; those that this contact may go on describing, with the way there.

    The way is the contact's own invitation: a colleague to whom the page was sent on is not shown it.
    """
    colours = {
        Offer.State.PUBLISHED: "success",
        Offer.State.CHANGES_REQUESTED: "warning",
        Offer.State.REJECTED: "neutral",
        Offer.State.EXPIRED: "warning",
        Offer.State.PAUSED: "warning",
    }
    offers = Offer.objects.filter(company=contact.company_id).exclude(state=Offer.State.ARCHIVED).order_by("title")
    own = Invite.objects.filter(contact=contact, offer__isnull=False) if own_link else Invite.objects.none()
    invites = {invite.offer_id: invite.pk for invite in own}
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
    proposal = moving.proposed(found)
    said = dict(proposal.answers.values_list("enrolment_id", "answer")) if proposal else {}
    classes = [
        {
            "says_to_move": MoveAnswer.Answer(said.get(one.pk, MoveAnswer.Answer.STAY)).label
            if proposal and one.status in moving.ASKED
            else "",
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
                {
                    "when": dates.span_in_words(one.starts_at, one.ends_at),
                    "place": one.place,
                    "meeting": one,
                    "off": one.state == Meeting.State.CANCELLED and found.state != Session.State.CANCELLED,
                }
                for one in found.meetings.all()
            ],
            "classes": classes,
            "pupils": sum(one.pupils for one in coming),
            "adults": sum(one.adults for one in coming),
            "waiting": found.enrolments.waitlisted().count(),
            "may_cancel": found.state in (Session.State.OPEN, Session.State.PLANNED) and found.starts_at > now,
            "ahead": [one for one in found.meetings.all() if one.state == Meeting.State.PLANNED and one.starts_at > now]
            if len(found.meetings.all()) > 1
            else [],
            "days": _days(found),
            "proposal": proposal,
            "proposed": _times(proposal.meetings.all()) if proposal else [],
            "answer_by": dates.moment_in_words(proposal.answer_by) if proposal else "",
            "still_silent": moving.unanswered(proposal).count() if proposal else 0,
        },
    )


def _days(session: Session) -> list[dict[str, str]]:
    """Return the days of a session for which there is a day sheet."""
    found = {calendar.local_day(one.starts_at): one.starts_at for one in _standing(session)}
    return [{"iso": day.isoformat(), "words": dates.day_in_words(moment)} for day, moment in sorted(found.items())]


def _times(meetings: Iterable[Any]) -> list[str]:
    """Return when and where, a line for each date."""
    return [
        dates.span_in_words(one.starts_at, one.ends_at) + (f", {one.place}" if one.place else "") for one in meetings
    ]


@link_required(Link.Purpose.HOST, "contact_id")
@require_safe
def day(request: HttpRequest, contact_id: UUID, day: str) -> HttpResponse:
    """Show a day on one sheet to print: every date of that day, with each class and what the host must know."""
    contact = _contact(contact_id)
    try:
        chosen = date.fromisoformat(day)
    except ValueError:
        raise Http404 from None
    if chosen.isoformat() != day:
        raise Http404
    meetings = (
        Meeting.objects.filter(
            session__offer__company=contact.company_id,
            starts_at__gte=calendar.at(chosen, 0),
            starts_at__lt=calendar.at(chosen + timedelta(days=1), 0),
        )
        .exclude(state=Meeting.State.CANCELLED)
        .exclude(session__state=Session.State.CANCELLED)
        .select_related("session__offer__company")
        .order_by("starts_at", "pk")
    )
    classes = Enrolment.objects.filter(status__in=COMING, session__meetings__in=meetings)
    by_session: dict[UUID, list[Enrolment]] = {}
    rows = classes.select_related("school_class", "school", "teacher", "session").distinct()
    for one in rows.order_by("created_at", "pk"):
        by_session.setdefault(one.session_id, []).append(one)
    sheet = [_of_the_day(meeting, by_session.get(meeting.session_id, [])) for meeting in meetings]
    return render(
        request,
        "offers/host_day.html",
        {
            "contact": contact,
            "title": dates.day_in_words(calendar.at(chosen, 12)),
            "rows": sheet,
            "classes": sum(len(row["classes"]) for row in sheet),
            "pupils": sum(one["enrolment"].pupils for row in sheet for one in row["classes"]),
        },
    )


def _of_the_day(meeting: Meeting, coming: list[Enrolment]) -> dict[str, Any]:
    """Return one date as the day sheet shows it."""
    return {
        "meeting": meeting,
        "offer": meeting.session.offer,
        "hours": f"{dates.hour_in_words(meeting.starts_at)}–{dates.hour_in_words(meeting.ends_at)}",
        "classes": [
            {
                "enrolment": one,
                "label": one.class_label,
                "needs": reminders.needs_in_words(one),
                "phone": one.teacher_phone or (one.teacher.phone if one.teacher else ""),
            }
            for one in coming
        ],
        "pupils": sum(one.pupils for one in coming),
        "adults": sum(one.adults for one in coming),
    }


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def add_dates(request: HttpRequest, contact_id: UUID, offer_id: UUID) -> HttpResponse:
    """Let a host add a date, or a weekly series of them, within what the municipality allows."""
    now, contact = clock.now(), _contact(contact_id)
    offers = Offer.objects.select_related("company").exclude(state=Offer.State.ARCHIVED)
    found = get_object_or_404(offers, pk=offer_id, company=contact.company_id)
    terms = planning.host_terms(found, SchoolCalendar.load(), now)
    form = HostDatesForm(request.POST if request.method == "POST" else None, offer=found, most_weeks=terms.more)
    if request.method == "POST" and form.is_valid():
        try:
            said = _add(form, found, cast(LinkRequest, request).actor, now)
        except Refusal as refusal:
            place = "day_1" if refusal.field == "starts" else refusal.field
            form.add_error(place if place in form.fields else None, str(refusal))
        else:
            messages.success(request, said)
            return redirect("link-host", contact.pk)
    context = {
        "contact": contact,
        "offer": found,
        "form": form,
        "terms": terms,
        "first_day": dates.day_in_words(calendar.at(terms.first_day, 12)),
    }
    return render(request, "offers/host_dates.html", context)


def _add(form: HostDatesForm, offer: Offer, by: Actor, now: datetime) -> str:
    """Plan what was typed, and return what became of it."""
    typed, spans = form.cleaned_data, form.spans()
    facts = {"offer_id": offer.pk, "places": typed["places"], "place": typed["place"], "by": by, "now": now}
    weeks = typed.get("weeks") or 1
    if weeks < 2:
        made = planning.plan_session(starts=spans, **facts)
        return _("The date is added: %(when)s. Schools can see it now.") % {
            "when": dates.moment_in_words(made.starts_at)
        }
    series = planning.plan_weekly_series(first_start=spans[0][0], weeks=weeks, minutes=typed["minutes"], **facts)
    said = ngettext("%(count)d date is added.", "%(count)d dates are added.", len(series.planned)) % {
        "count": len(series.planned)
    }
    if series.skipped:
        days = ", ".join(f"{dates.short_day(calendar.at(one.day, 12))} ({one.reason})" for one in series.skipped)
        said = f"{said} " + _("Left out, because there is no school: %(days)s.") % {"days": days}
    return said


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, contact_id: UUID, session_id: UUID) -> HttpResponse:
    """Ask for a new time: the classes are asked first; without classes it moves at once."""
    now, contact = clock.now(), _contact(contact_id)
    found = get_object_or_404(_sessions(contact), pk=session_id)
    municipality = seats.the_municipality()
    asks = moving.asked(found).exists()
    form = ProposeForm(request.POST if request.method == "POST" else None, session=found)
    if not asks:
        del form.fields["reason"]
    by = cast(LinkRequest, request).actor
    if request.method == "POST" and form.is_valid():
        try:
            if asks:
                proposal = moving.propose_move(
                    session_id=found.pk,
                    starts=form.spans(),
                    places=form.wheres(),
                    reason=form.cleaned_data["reason"],
                    by=by,
                    now=now,
                )
                said = _("The classes are asked, and have until %(when)s to answer.") % {
                    "when": dates.moment_in_words(proposal.answer_by)
                }
            else:
                moving.move_session(session_id=found.pk, starts=form.spans(), places=form.wheres(), by=by, now=now)
                said = _("The date is moved.")
        except Refusal as refusal:
            place = form.first if refusal.field == "starts" else refusal.field
            form.add_error(place if place in form.fields else None, str(refusal))
        else:
            messages.success(request, said)
            return redirect("host-session", contact.pk, found.pk)
    if not form.is_bound and (not found.starts_at > now or not form.meetings or moving.proposed(found) is not None):
        return redirect("host-session", contact.pk, found.pk)
    context = {
        "contact": contact,
        "session": found,
        "row": _overview_row(found),
        "form": form,
        "asks": asks,
        "days": municipality.move_answer_days,
        "keeps": municipality.move_default == MoveDefault.KEEP,
    }
    return render(request, "offers/host_move.html", context)


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw_move(request: HttpRequest, contact_id: UUID, session_id: UUID) -> HttpResponse:
    """Take a proposed move back, after one more question."""
    contact = _contact(contact_id)
    found = get_object_or_404(_sessions(contact), pk=session_id)
    proposal = moving.proposed(found)
    if proposal is not None and request.method == "POST":
        try:
            moving.withdraw_move(proposal_id=proposal.pk, by=cast(LinkRequest, request).actor, now=clock.now())
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("The date stays where it is. The classes that were asked get a mail."))
    if proposal is None or request.method == "POST":
        return redirect("host-session", contact.pk, found.pk)
    return render(
        request, "offers/host_withdraw.html", {"contact": contact, "session": found, "row": _overview_row(found)}
    )


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def cancel_date(request: HttpRequest, contact_id: UUID, session_id: UUID, number: int) -> HttpResponse:
    """Say what becomes of the rest, ask why, and call one date of a course off."""
    now, contact = clock.now(), _contact(contact_id)
    found = get_object_or_404(_sessions(contact), pk=session_id)
    meetings = list(found.meetings.all())
    meeting = next((one for one in meetings if one.number == number), None)
    if meeting is None:
        raise Http404
    form = CancelForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            planning.cancel_meeting(
                meeting_id=meeting.pk,
                reason=form.cleaned_data["reason"],
                by=cast(LinkRequest, request).actor,
                now=now,
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        else:
            messages.success(request, _("The date has been called off. Everybody concerned gets a mail."))
            return redirect("host-session", contact.pk, found.pk)
    off = found.state == Session.State.CANCELLED or meeting.state != Meeting.State.PLANNED
    if off or (not form.is_bound and meeting.starts_at <= now):
        return redirect("host-session", contact.pk, found.pk)
    context = {
        "contact": contact,
        "session": found,
        "row": _overview_row(found),
        "when": dates.span_in_words(meeting.starts_at, meeting.ends_at),
        "fate": planning.fate(found, meetings, meeting, now=now),
        "form": form,
    }
    return render(request, "offers/host_cancel_date.html", context)


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

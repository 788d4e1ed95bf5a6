"""Looking back: surveys by link, and a teacher's word that the visit took place."""

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from offers.domain import dates, encounters, surveys
from offers.domain.snapshot import visit_of
from offers.forms.followup import ReportForm, SurveyForm, report_forms
from offers.models import Enrolment, SurveyRequest, VisitReport
from portal.domain import clock
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.http import LinkRequest, actor_of, link_required
from portal.models import Link


@link_required(Link.Purpose.SURVEY, "survey_id")
@require_http_methods(["GET", "HEAD", "POST"])
def survey(request: HttpRequest, survey_id: UUID) -> HttpResponse:
    """Ask five questions on one page; say thank you on the same, and let the answers be changed until it closes."""
    now = clock.now()
    rows = SurveyRequest.objects.select_related("enrolment__session__offer__company", "enrolment__school_class")
    found = get_object_or_404(
        rows.select_related("enrolment__school").exclude(state=SurveyRequest.State.SUPPRESSED), pk=survey_id
    )
    questions = surveys.questions_of(found)
    answered = found.state == SurveyRequest.State.ANSWERED
    initial = {**found.answers, "comment": found.comment, "may_quote": found.may_quote} if answered else {}
    form = SurveyForm(request.POST or None, questions=questions, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            surveys.answer_survey(
                survey_id=found.pk,
                answers={question.code: form.cleaned_data[question.code] for question in questions},
                comment=form.cleaned_data["comment"],
                may_quote=form.cleaned_data["may_quote"],
                by=cast(LinkRequest, request).actor,
                now=now,
            )
        except Refusal as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        else:
            return redirect("link-survey", found.pk)
    enrolment = found.enrolment
    context = {
        "survey": found,
        "is_host": found.audience == SurveyRequest.Audience.HOST,
        "visit": visit_of(enrolment, now),
        "label": enrolment.class_label,
        "school": enrolment.school.name,
        "day": dates.day_in_words(visit_of(enrolment, now).starts_at),
        "closes": dates.moment_in_words(found.closes_at),
        "form": form,
    }
    if answered and request.method != "POST" and "aendr" not in request.GET:
        shown = dict(surveys.AGAIN)
        context["given"] = [
            (
                question.text,
                shown.get(value, value) if question.kind == "again" else _("%(value)s of 5") % {"value": value},
            )
            for question in questions
            if (value := found.answers.get(question.code)) is not None
        ]
        return render(request, "offers/survey_thanks.html", context)
    return render(request, "offers/survey.html", context)


def _tellable(by: Actor) -> QuerySet[Enrolment]:
    """Return the enrolments about whose visit the actor may tell: those in the own hands, all for a coordinator."""
    rows = Enrolment.objects.filter(status__in=encounters.REPORTABLE).select_related(
        "session__offer__company", "school_class", "school"
    )
    return rows.manageable_by(by.user_id) if by.user_id is not None else rows.none()


@require_http_methods(["GET", "HEAD", "POST"])
def teacher_report(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    """Let the teacher, whoever acts for the school, or a deciding coordinator tell what became of a class's dates."""
    by = actor_of(request)
    now = clock.now()
    found = get_object_or_404(_tellable(by), pk=enrolment_id)
    side = encounters.side_of(by, found)
    chosen: ReportForm | None = None
    if request.method == "POST":
        chosen = ReportForm(request.POST)
        if chosen.is_valid():
            try:
                encounters.report_visit(enrolment_id=found.pk, by=by, now=now, **chosen.cleaned_data)
            except Refusal as refusal:
                chosen.add_error(refusal.field if refusal.field in chosen.fields else None, str(refusal))
            else:
                messages.success(request, _("Thank you. It has been noted."))
                return redirect("enrolment-report", found.pk)
    reports = list(found.reports.select_related("meeting").order_by("meeting__number", "side"))
    deciding = side == VisitReport.Side.COORDINATOR
    return render(
        request,
        "offers/report.html",
        {
            "enrolment": found,
            "offer": found.session.offer,
            "visit": visit_of(found, now),
            "label": found.class_label,
            "deciding": deciding,
            "reports": reports if deciding else [],
            "rows": report_forms(found, reports=[one for one in reports if one.side == side], chosen=chosen, now=now),
            "begins": dates.moment_in_words(found.session.starts_at),
            "form": chosen,
        },
    )

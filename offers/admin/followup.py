"""What came of the visits, read at the desk: reports of both sides, the ledger, the surveys."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from offers.domain import encounters, surveys
from offers.domain.snapshot import visit_of
from offers.models import Encounter, SurveyRequest, VisitReport
from portal.admin import FewFilter, ReadDesk, day, day_and_hour, display
from portal.domain import clock
from schools.models import School

OUTCOME_COLORS = {
    VisitReport.Outcome.HELD: "success",
    VisitReport.Outcome.PARTLY: "success",
    VisitReport.Outcome.NOT_HELD: "warning",
    VisitReport.Outcome.NO_SHOW: "danger",
}
SURVEY_COLORS = {
    SurveyRequest.State.ANSWERED: "success",
    SurveyRequest.State.SCHEDULED: "info",
    SurveyRequest.State.EXPIRED: "warning",
}


class DisputedFilter(admin.SimpleListFilter):
    """Reports about which the two sides disagree and nobody has decided."""

    title = _("disagreement")
    parameter_name = "disputed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", gettext("to be decided"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "1":
            return queryset.filter(pk__in=encounters.disputed().order_by().values("pk"))
        return queryset


class SchoolFilter(FewFilter):
    """Rows of one school."""

    title = _("school")
    parameter_name = "school"
    lookup = "school"
    model = School


class ReportingSchoolFilter(SchoolFilter):
    """Reports about the classes of one school."""

    lookup = "enrolment__school"


@admin.register(VisitReport)
class VisitReportDesk(ReadDesk):
    """What each side says about each class on each date."""

    icon = "fact_check"
    export_pairs: ClassVar[Any] = {"class_label": (_("Class"), _("School"))}
    list_display = ("class_label", "course", "day", "side", "outcome_label", "pupils")
    list_filter = (DisputedFilter, "outcome", "side", ReportingSchoolFilter)
    search_fields = (
        "enrolment__session__offer__title",
        "enrolment__session__offer__company__name",
        "enrolment__school__name",
    )
    search_help_text = _("Course, company or school")
    date_hierarchy = "at"
    list_select_related = (
        "enrolment__school",
        "enrolment__school_class",
        "enrolment__session__offer__company",
        "meeting",
    )
    fields = ("enrolment", "meeting", "side", "outcome", "pupils", "at")

    @display(description=_("Class"), ordering="enrolment__school__name", header=True)
    def class_label(self, report: VisitReport) -> list[str]:
        return [report.enrolment.class_label, report.enrolment.school.name]

    @display(description=_("Course"), ordering="enrolment__session__offer__title")
    def course(self, report: VisitReport) -> str:
        return visit_of(report.enrolment, clock.now()).title

    @display(description=_("Date"), ordering="meeting__starts_at")
    def day(self, report: VisitReport) -> str:
        return day_and_hour(report.meeting.starts_at)

    @display(description=_("Outcome"), ordering="outcome", label=OUTCOME_COLORS)
    def outcome_label(self, report: VisitReport) -> tuple[str, str]:
        return report.outcome, report.get_outcome_display()


@admin.register(Encounter)
class EncounterDesk(ReadDesk):
    """The ledger of meetings with working life."""

    icon = "handshake"
    export_columns = ("grade", "minutes", "industry", "activity_type", "school_year")
    list_display = ("class_label", "school_name", "offer_title", "company_name", "day", "pupils", "evidence", "counts")
    list_filter = ("school_year", "evidence", SchoolFilter, "industry", ("voided_at", admin.EmptyFieldListFilter))
    search_fields = ("offer_title", "company_name", "school_name", "class_label")
    date_hierarchy = "day"
    fields = (
        "class_label",
        "school_name",
        "grade",
        "offer_title",
        "company_name",
        "day",
        "minutes",
        "pupils",
        "industry",
        "activity_type",
        "subjects",
        "evidence",
        "recorded_at",
        "voided_at",
        "void_reason",
    )

    @display(description=_("Counts"), boolean=True)
    def counts(self, encounter: Encounter) -> bool:
        return encounter.voided_at is None


@admin.register(SurveyRequest)
class SurveyDesk(ReadDesk):
    """Who was asked how it was, and what they answered."""

    icon = "reviews"
    exports_persons = True  # what people wrote in their own words
    export_pairs: ClassVar[Any] = {"class_label": (_("Class"), _("School"))}
    export_columns = ("comment", "may_quote")
    list_display = ("class_label", "course", "audience", "state_label", "average", "comment_start", "answered")
    list_filter = ("state", "audience", "may_quote", ("comment", admin.EmptyFieldListFilter))
    search_fields = (
        "enrolment__session__offer__title",
        "enrolment__session__offer__company__name",
        "enrolment__school__name",
        "comment",
    )
    search_help_text = _("Course, company, school or a word of the comment")
    date_hierarchy = "due_at"
    list_select_related = ("enrolment__school", "enrolment__school_class", "enrolment__session__offer__company")
    readonly_fields = ("answer_list",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        about = ("enrolment", "audience", "state", "due_at", "closes_at", "answered_at")
        return (*about, "answer_list", "comment", "may_quote")

    @display(description=_("Class"), ordering="enrolment__school__name", header=True)
    def class_label(self, survey: SurveyRequest) -> list[str]:
        return [survey.enrolment.class_label, survey.enrolment.school.name]

    @display(description=_("Course"), ordering="enrolment__session__offer__title")
    def course(self, survey: SurveyRequest) -> str:
        return visit_of(survey.enrolment, clock.now()).title

    @display(description=_("State"), ordering="state", label=SURVEY_COLORS)
    def state_label(self, survey: SurveyRequest) -> tuple[str, str]:
        return survey.state, survey.get_state_display()

    @display(description=_("Average (1–5)"))
    def average(self, survey: SurveyRequest) -> str:
        return average_of(survey)

    @display(description=_("Answered"), ordering="answered_at")
    def answered(self, survey: SurveyRequest) -> str:
        return day(survey.answered_at)

    @display(description=_("Comment"))
    def comment_start(self, survey: SurveyRequest) -> str:
        return survey.comment[:80] + "…" if len(survey.comment) > 80 else survey.comment

    @display(description=_("Answers"))
    def answer_list(self, survey: SurveyRequest) -> str | SafeString:
        rows = [
            (question.text, dict(question.choices).get(str(survey.answers[question.code]), ""))
            for question in surveys.questions_of(survey)
            if question.code in survey.answers
        ]
        if not rows:
            return "–"
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{} <strong>{}</strong></li>", rows))


def average_of(survey: SurveyRequest) -> str:
    """Return the average of the answers on the scale, with a comma, or a dash when there are none."""
    steps = [value for value in survey.answers.values() if isinstance(value, int)]
    return f"{sum(steps) / len(steps):.1f}".replace(".", ",") if steps else "–"

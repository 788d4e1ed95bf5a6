"""Forms around visits: what was held, answers to requests and surveys, and calling a date off."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from offers.domain import dates
from offers.domain.surveys import COMMENT_LIMIT, Question
from offers.forms import declining
from offers.models import Enrolment, Meeting, VisitReport
from portal.forms.fields import WholeNumber, Words


class ReportForm(forms.Form):
    """What became of one class's date."""

    CHOICES = (
        (VisitReport.Outcome.HELD, _("Held as planned")),
        (VisitReport.Outcome.PARTLY, _("Held, but fewer pupils came")),
        (VisitReport.Outcome.NO_SHOW, _("The class did not come")),
        (VisitReport.Outcome.NOT_HELD, _("Not held")),
    )

    meeting_id = forms.UUIDField(
        widget=forms.HiddenInput,
        error_messages={
            "required": _("This date does not belong to the visit. Reload the page and try again."),
            "invalid": _("This date does not belong to the visit. Reload the page and try again."),
        },
    )
    outcome = forms.ChoiceField(
        label=_("What became of the visit?"),
        choices=CHOICES,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the answers.")},
    )
    pupils = WholeNumber(
        label=_("How many pupils came?"),
        required=False,
        help_text=_("Only when fewer came than were enrolled."),
        error_messages={"invalid": _("Write the number in digits, for example 22.")},
        widget=forms.TextInput(attrs={"size": 4, "inputmode": "numeric", "autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        """Ask for the number when fewer came, and set it aside when it does not matter."""
        facts = super().clean() or {}
        if facts.get("outcome", VisitReport.Outcome.PARTLY) != VisitReport.Outcome.PARTLY:
            self.errors.pop("pupils", None)
            facts["pupils"] = None
        elif "outcome" in facts and facts.get("pupils") is None and "pupils" not in self.errors:
            self.add_error("pupils", _("Write how many pupils were there, between 1 and 60."))
        return facts


def report_forms(
    enrolment: Enrolment, *, reports: list[VisitReport], chosen: ReportForm | None, now: datetime
) -> list[dict[str, Any]]:
    """Return a form for each date that has begun, with what this side has said, or is just trying to say."""
    said = {report.meeting_id: report for report in reports}
    begun = enrolment.session.meetings.filter(starts_at__lte=now).exclude(state=Meeting.State.CANCELLED)
    rows = []
    for meeting in begun.order_by("number"):
        report = said.get(meeting.pk)
        initial: dict[str, Any] = {"meeting_id": meeting.pk}
        if report is not None:
            initial["outcome"] = report.outcome
            initial["pupils"] = report.pupils if report.outcome == VisitReport.Outcome.PARTLY else None
        form = ReportForm(initial=initial)
        if chosen is not None and chosen.data.get("meeting_id") == str(meeting.pk):
            form = chosen
        form.auto_id = f"id_{meeting.number}_%s"
        rows.append(
            {
                "meeting": meeting,
                "when": dates.span_in_words(meeting.starts_at, meeting.ends_at),
                "report": report,
                "form": form,
            }
        )
    return rows


class CancelForm(forms.Form):
    """Why a date is called off."""

    reason = Words(
        label=_("Why?"),
        max_length=300,
        help_text=_("The teachers will read this."),
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write why; the teachers will read it.")},
    )


class AnswerForm(forms.Form):
    """A host's answer to a request."""

    YES, NO = "yes", "no"

    answer = forms.ChoiceField(
        label=_("Your answer"),
        choices=((YES, _("Yes, the class is welcome")), (NO, _("No, unfortunately not"))),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one of the answers.")},
    )
    why = forms.ChoiceField(
        label=_("Why not?"),
        choices=declining.CHOICES,
        required=False,
        help_text=_("Only when you say no. The teacher will read this."),
    )
    reason = Words(
        label=_("More, or in your own words"),
        max_length=220,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        """Ask for a reason when the answer is no."""
        facts = super().clean() or {}
        if facts.get("answer") == self.NO:
            declining.refuse_silence(self, facts)
            facts["reason"] = declining.reason_of(facts)
        return facts


class SurveyForm(forms.Form):
    """One side's questions about one visit, made from the version it was asked in."""

    comment = Words(
        label=_("Anything you want to add?"),
        required=False,
        max_length=COMMENT_LIMIT,
        help_text=_("No names of pupils, please. Only the municipality reads this, unless you allow it to be quoted."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    may_quote = forms.BooleanField(
        label=_("My words may be quoted on the portal, without my name"),
        required=False,
    )

    def __init__(self, *args: Any, questions: tuple[Question, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.questions = questions
        for question in questions:
            self.fields[question.code] = forms.ChoiceField(
                label=str(question.text),
                choices=question.choices,
                widget=forms.RadioSelect,
                error_messages={
                    "required": _("Choose one of the answers."),
                    "invalid_choice": _("Choose one of the answers."),
                },
            )
        self.order_fields([*(question.code for question in questions), "comment", "may_quote"])

    @property
    def asked(self) -> list[tuple[Question, forms.BoundField]]:
        """Every question with its field, in order."""
        return [(question, self[question.code]) for question in self.questions]

"""Enrolments at the desk: requests answered, places given back, visits decided."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from offers.domain import cancelling, dates, encounters, handover, needs, snapshot, waiting_list
from offers.domain import enrolment as enrolling
from offers.forms import declining
from offers.messages.enrolment import declined_as_it_would_be, still_expected_as_it_would_be
from offers.models import Encounter, Enrolment, Meeting, SurveyRequest, VisitReport
from portal.admin import (
    DeskForm,
    FewFilter,
    ReadDesk,
    ReadRows,
    WholeNumber,
    action,
    answers,
    confirmed_answers,
    day_and_hour,
    display,
)
from portal.domain import clock
from portal.domain.refusal import Refusal
from portal.forms.fields import Words
from portal.http import actor_of
from portal.models import User
from schools.domain import membership
from schools.models import School

E = Enrolment.Status
ENROLMENT_COLORS = {
    E.PENDING: "warning",
    E.CONFIRMED: "success",
    E.WAITLISTED: "info",
    E.OFFERED: "warning",
    E.IN_DRAW: "info",
    E.COMPLETED: "success",
    E.NO_SHOW: "danger",
}


class DecisionForm(DeskForm):
    """What became of one date of one class."""

    meeting = forms.ModelChoiceField(label=_("Date"), queryset=Meeting.objects.none(), empty_label=None)
    outcome = forms.ChoiceField(
        label=_("What happened?"), choices=VisitReport.Outcome.choices, widget=forms.RadioSelect
    )
    pupils = WholeNumber(
        label=_("Pupils present"),
        required=False,
        min_value=1,
        max_value=60,
        help_text=_("As many as enrolled, unless you write another number."),
    )

    def __init__(self, *args: Any, enrolment: Enrolment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        begun = enrolment.session.meetings.filter(starts_at__lte=clock.now()).order_by("number")
        chosen: Any = self.fields["meeting"]
        chosen.queryset = begun
        chosen.label_from_instance = lambda meeting: dates.span_in_words(meeting.starts_at, meeting.ends_at)
        chosen.initial = begun.first()


class DeclineForm(DeskForm):
    """A no in a sentence to choose, in own words, or both."""

    reasons: ClassVar[Any] = declining.REASONS
    why = forms.ChoiceField(label=_("Why?"), choices=declining.CHOICES, required=False)
    reason = Words(
        label=_("More, or in your own words"),
        max_length=220,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The teacher reads both."),
    )

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        declining.refuse_silence(self, typed, self.reasons)
        return typed

    @property
    def words(self) -> str:
        """What the teacher will read."""
        return declining.reason_of(self.cleaned_data, self.reasons)


class StillExpectedForm(DeclineForm):
    """Why a class that asks to cancel late is still expected."""

    reasons = declining.STILL_EXPECTED

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        why: Any = self.fields["why"]
        why.choices = [declining.OWN_WORDS, *self.reasons.items()]


class CancelForm(DeskForm):
    reason = Words(
        label=_("Why?"),
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The teacher and the host read this."),
    )


class NumbersForm(DeskForm):
    pupils = WholeNumber(label=_("Pupils"), min_value=1, max_value=60)
    adults = WholeNumber(label=_("Adults"), min_value=1, max_value=20)


class HandOverForm(DeskForm):
    """Who at the school is the contact teacher from now on."""

    teacher = forms.ModelChoiceField(label=_("New contact teacher"), queryset=User.objects.none())

    def __init__(self, *args: Any, school: School, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["teacher"]
        chosen.queryset = membership.teachers_at(school)
        chosen.label_from_instance = lambda person: f"{person.name} <{person.email}>"


class SchoolFilter(FewFilter):
    """Enrolments of one school."""

    title = _("school")
    parameter_name = "school"
    lookup = "school"
    model = School


class NeedsFilter(admin.SimpleListFilter):
    """Enrolments that need somebody to do something."""

    title = _("to do")
    parameter_name = "todo"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("answer", gettext("requests waiting for an answer")),
            ("cancel", gettext("the school asks to cancel late")),
            ("teacher", gettext("to come, without a contact teacher")),
            ("coming", gettext("to come")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = clock.now()
        if self.value() == "answer":
            return queryset.filter(status=E.PENDING)
        if self.value() == "cancel":
            return queryset.filter(pk__in=Enrolment.objects.asking_to_cancel(now).values("pk"))
        if self.value() == "teacher":
            return queryset.filter(pk__in=Enrolment.objects.without_teacher(now).values("pk"))
        if self.value() == "coming":
            return queryset.filter(pk__in=Enrolment.objects.ahead(now).values("pk"))
        return queryset


class UndoForm(DeskForm):
    reason = Words(
        label=_("Why?"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It stands in the ledger."),
    )


class ReportRows(ReadRows):
    """What each side said."""

    model = VisitReport
    fields = ("meeting", "side", "outcome", "pupils", "at")
    verbose_name_plural = _("Reports of the visit")

    def get_queryset(self, request: HttpRequest) -> QuerySet[VisitReport]:
        rows: QuerySet[VisitReport] = super().get_queryset(request)
        return rows.select_related("meeting", "enrolment__session__offer", "enrolment__school_class")


class EncounterRows(ReadRows):
    """What counts."""

    model = Encounter
    fields = ("day", "minutes", "pupils", "evidence", "voided_at", "void_reason")
    verbose_name_plural = _("In the ledger")


class SurveyRows(ReadRows):
    """Who was asked how it was."""

    model = SurveyRequest
    fields = ("audience", "state", "due_at", "answered_at")
    verbose_name_plural = _("Surveys")
    show_change_link = True
    hide_title = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[SurveyRequest]:
        rows: QuerySet[SurveyRequest] = super().get_queryset(request)
        return rows.select_related("enrolment__session__offer", "enrolment__school_class")


@admin.register(Enrolment)
class EnrolmentDesk(ReadDesk):
    """Which class comes when."""

    icon = "how_to_reg"
    exports_persons = True
    export_pairs: ClassVar[Any] = {
        "class_name": (_("Class"), _("School")),
        "course": (_("Course"), _("Company")),
    }
    export_columns = ("adults", "grade", "group", "teacher__email", "teacher_phone", "created_at")
    list_display = ("class_name", "course", "day", "status_label", "pupils", "teacher", "answer_until")
    list_filter = (NeedsFilter, "status", SchoolFilter, "session__offer__industry", "needs_step_free")
    search_fields = (
        "school__name",
        "session__offer__title",
        "session__offer__company__name",
        "teacher__name",
        "teacher__email",
    )
    search_help_text = _("School, course, company or teacher")
    date_hierarchy = "session__starts_at"
    list_select_related = ("school", "school_class", "session__offer__company", "teacher")
    ordering = ("-created_at",)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("status", "status_at", "answer_by", "waiting_since", "ended_reason")}),
        (_("How it came"), {"fields": ("why", "draw_number")}),
        (_("Who comes"), {"fields": ("school", "label", "group", "grade", "pupils", "adults", "places")}),
        (_("Where to"), {"fields": ("session", "teacher", "teacher_phone", "created_at")}),
        (
            _("Needs"),
            {"fields": ("needs",)},
        ),
    )
    readonly_fields = ("label", "needs", "why")
    inlines: ClassVar[Any] = (ReportRows, EncounterRows, SurveyRows)
    actions: ClassVar[Any] = ("approve_several", "decline_several", "cancel_several")
    actions_detail: ClassVar[Any] = (
        "approve",
        "decline",
        "decide",
        "cancel",
        "still_expected",
        {
            "title": _("More"),
            "icon": "more_horiz",
            "items": ["read_needs", "hand_over", "change_numbers", "give_place", "undo", "guide"],
        },
    )

    def may_act(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrolment]:
        rows: QuerySet[Enrolment] = super().get_queryset(request)
        rows = rows.select_related("school", "school_class", "session__offer__company", "teacher")
        return rows.defer("session__offer__search", "session__offer__words")

    def belonging(self, obj: Enrolment) -> Iterable[QuerySet[Any]]:
        """An enrolment's history tells of its visits and surveys."""
        return Encounter.objects.filter(enrolment=obj), SurveyRequest.objects.filter(enrolment=obj)

    def fitting(self, obj: Enrolment) -> Iterable[str]:
        names = ["guide"]
        if needs.is_readable(obj, now=clock.now()):
            names.append("read_needs")
        if obj.status == E.PENDING:
            names += ["approve", "decline"]
        if obj.session.starts_at > clock.now() and obj.status in E.open():
            names += ["change_numbers", "cancel", "hand_over"]
        if obj.session.starts_at > clock.now() and cancelling.has_asked(obj):
            names.append("still_expected")
        if obj.status == E.WAITLISTED and obj.session.starts_at > clock.now():
            names.append("give_place")
        if obj.status in encounters.REPORTABLE and obj.session.starts_at <= clock.now():
            names.append("decide")
            if obj.status != E.CONFIRMED:
                names.append("undo")
        return names

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Show what came of a visit once it has begun."""
        return self.inlines if obj is not None and obj.session.starts_at <= clock.now() else ()

    @display(description=_("Class"))
    def label(self, enrolment: Enrolment) -> str:
        return enrolment.class_label

    @display(description=_("Why it has its place, or waits"))
    def why(self, enrolment: Enrolment) -> str | SafeString:
        """Say from the log how the class got its places."""
        sentences = waiting_list.why_in_words(enrolment)
        return format_html_join(SafeString("<br>"), "{}", ((one,) for one in sentences)) or "–"

    @display(description=_("Needs"))
    def needs(self, enrolment: Enrolment) -> str:
        words = {
            _("step-free access"): enrolment.needs_step_free,
            _("a quiet place to withdraw to"): enrolment.needs_quiet,
            _("dietary needs"): enrolment.needs_diet,
            _("plain language, or interpreting"): enrolment.needs_language,
        }
        return ", ".join(str(word) for word, ticked in words.items() if ticked) or gettext("None")

    @display(description=_("Class"), ordering="school__name", header=True)
    def class_name(self, enrolment: Enrolment) -> list[str]:
        return [enrolment.class_label, enrolment.school_name]

    @display(description=_("Course"), ordering="session__offer__title", header=True)
    def course(self, enrolment: Enrolment) -> list[str]:
        visit = snapshot.visit_of(enrolment, clock.now())
        return [visit.title, visit.host]

    @display(description=_("Date"), ordering="session__starts_at")
    def day(self, enrolment: Enrolment) -> str:
        return day_and_hour(snapshot.visit_of(enrolment, clock.now()).starts_at)

    @display(description=_("Answer by"), ordering="answer_by")
    def answer_until(self, enrolment: Enrolment) -> str:
        return day_and_hour(enrolment.answer_by)

    @display(description=_("Status"), ordering="status", label=ENROLMENT_COLORS)
    def status_label(self, enrolment: Enrolment) -> tuple[str, str]:
        return enrolment.status, enrolment.get_status_display()

    def answer(self, request: HttpRequest, row: Enrolment, *, accept: bool, reason: str = "") -> Enrolment:
        """Call the use-case that answers a request."""
        return enrolling.answer_request(
            enrolment_id=row.pk, accept=accept, reason=reason, by=actor_of(request), now=clock.now()
        )

    def in_words(self, row: Enrolment) -> str:
        """Return an enrolment as a page on several of them names it."""
        said = gettext("%(class)s, %(school)s (%(status)s): %(course)s, %(when)s") % {
            "class": row.class_label,
            "school": row.school_name,
            "status": row.get_status_display(),
            "course": row.session.offer,
            "when": dates.moment_in_words(row.session.starts_at),
        }
        if row.answer_by is None:
            return said
        return gettext("%(said)s, answer by %(day)s") % {"said": said, "day": day_and_hour(row.answer_by)}

    def told(self, row: Enrolment) -> str:
        """Return who hears of it, in words."""
        if row.teacher is None:
            return gettext("No teacher stands on the enrolment, so nobody at the school gets a mail.")
        return gettext("%(name)s (%(email)s) gets a mail at once.") % {
            "name": row.teacher.name,
            "email": row.teacher.email,
        }

    @action(description=_("Approve"), url_path="godkend", icon="check")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say yes to a request."""
        enrolment: Enrolment = self.found(request, object_id)
        return self.deed(
            request,
            enrolment,
            title=_("Approve the request"),
            says=[
                _("The class comes with %(pupils)s pupils and %(adults)s adults.")
                % {"pupils": enrolment.pupils, "adults": enrolment.adults},
                self.told(enrolment),
                _("The host is told who comes."),
            ],
            button=_("Approve"),
            act=lambda _form: self.answer(request, enrolment, accept=True),
            done=_("The request is approved."),
        )

    @action(description=_("Decline"), url_path="afvis", icon="close")
    def decline(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say no to a request."""
        enrolment: Enrolment = self.found(request, object_id)
        return self.deed(
            request,
            enrolment,
            title=_("Decline the request"),
            form=DeclineForm(answers(request)),
            says=[
                self.told(enrolment),
                _("The places become free, and the first class in line that fits is offered them."),
            ],
            button=_("Decline"),
            danger=True,
            act=lambda form: self.answer(request, enrolment, accept=False, reason=form.words),
            done=_("The request is declined."),
            preview=lambda form: declined_as_it_would_be(enrolment, reason=form.words, now=clock.now()),
        )

    @admin.action(description=_("Approve requests"))
    def approve_several(self, request: HttpRequest, queryset: QuerySet[Enrolment]) -> HttpResponse:
        """Say yes to several requests."""
        return self.deed_on_several(
            request,
            queryset,
            name="approve_several",
            title=_("Approve the requests"),
            says=[_("Each class is confirmed, and its teacher and the host get a mail.")],
            button=_("Approve"),
            act=lambda row: self.answer(request, row, accept=True),
            named=self.in_words,
            done=lambda count: gettext("Requests approved: %(count)s") % {"count": count},
        )

    @admin.action(description=_("Decline requests"))
    def decline_several(self, request: HttpRequest, queryset: QuerySet[Enrolment]) -> HttpResponse:
        """Say no to several requests, for one reason."""
        form = DeclineForm(confirmed_answers(request))
        return self.deed_on_several(
            request,
            queryset,
            name="decline_several",
            title=_("Decline the requests"),
            form=form,
            says=[
                _("Each teacher gets a mail with the reason."),
                _("The places become free, and the first class in line that fits is offered them."),
            ],
            button=_("Decline"),
            danger=True,
            act=lambda row: self.answer(request, row, accept=False, reason=form.words),
            named=self.in_words,
            preview=lambda row: declined_as_it_would_be(row, reason=form.words, now=clock.now()),
            done=lambda count: gettext("Requests declined: %(count)s") % {"count": count},
        )

    @admin.action(description=_("Cancel enrolments"))
    def cancel_several(self, request: HttpRequest, queryset: QuerySet[Enrolment]) -> HttpResponse:
        """Take several classes out of their sessions, for one reason."""
        form = CancelForm(confirmed_answers(request))
        return self.deed_on_several(
            request,
            queryset,
            name="cancel_several",
            title=_("Cancel the enrolments"),
            form=form,
            says=[
                _("Each teacher and each host gets a mail with the reason."),
                _("The places become free, and the first class in line that fits is offered them."),
            ],
            button=_("Cancel the enrolments"),
            danger=True,
            act=lambda row: enrolling.cancel_enrolment(
                enrolment_id=row.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=clock.now()
            ),
            named=self.in_words,
            done=lambda count: gettext("Enrolments cancelled: %(count)s") % {"count": count},
        )

    @action(description=_("Hand over to a colleague"), url_path="overdrag", icon="swap_horiz")
    def hand_over(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the enrolment another contact teacher."""
        enrolment: Enrolment = self.found(request, object_id)
        before = enrolment.teacher
        return self.deed(
            request,
            enrolment,
            title=_("Hand the enrolment over"),
            form=HandOverForm(answers(request), school=enrolment.school),
            says=[
                _("The colleague gets a mail at once, and all later mails about the visit."),
                _("%(name)s (%(email)s) is told and gets no more mails about it.")
                % {"name": before.name, "email": before.email}
                if before is not None
                else _("The enrolment has no contact teacher today."),
                _("The host is told whom to write to now."),
            ],
            button=_("Hand over"),
            act=lambda form: handover.hand_over(
                enrolment_id=enrolment.pk,
                teacher_id=form.cleaned_data["teacher"].pk,
                by=actor_of(request),
                now=clock.now(),
            ),
            done=lambda row: gettext("%(name)s is the contact teacher now.") % {"name": row.teacher},
        )

    @action(description=_("Give the place"), url_path="giv-plads", icon="event_available")
    def give_place(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give a class on the waiting list a place at once, after a telephone call."""
        enrolment: Enrolment = self.found(request, object_id)
        return self.deed(
            request,
            enrolment,
            title=_("Give the class a place"),
            says=[
                _("The class is number %(number)s on the waiting list and takes %(places)s places; %(left)s are free.")
                % {
                    "number": waiting_list.position(enrolment),
                    "places": enrolment.places,
                    "left": enrolment.session.places_left,
                },
                _("It is confirmed at once, without being asked in writing first."),
                self.told(enrolment),
                _("The host is told who comes."),
            ],
            button=_("Give the place"),
            act=lambda _form: waiting_list.give_place(enrolment_id=enrolment.pk, by=actor_of(request), now=clock.now()),
            done=_("The class has its place."),
        )

    @action(description=_("Change numbers"), url_path="antal", icon="groups")
    def change_numbers(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Change how many come."""
        enrolment: Enrolment = self.found(request, object_id)
        return self.deed(
            request,
            enrolment,
            title=_("Change how many come"),
            form=NumbersForm(answers(request), initial={"pupils": enrolment.pupils, "adults": enrolment.adults}),
            says=[
                _("More pupils must fit: %(left)s places are free.") % {"left": enrolment.session.places_left},
                _("Places that become free are offered to the first class in line that fits."),
            ],
            button=_("Change"),
            act=lambda form: enrolling.change_numbers(
                enrolment_id=enrolment.pk,
                pupils=form.cleaned_data["pupils"],
                adults=form.cleaned_data["adults"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("The numbers are changed."),
        )

    @action(description=_("Cancel the enrolment"), url_path="afmeld", icon="event_busy")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a class out of a session."""
        enrolment: Enrolment = self.found(request, object_id)
        return self.deed(
            request,
            enrolment,
            title=_("Cancel the enrolment"),
            form=CancelForm(answers(request)),
            lists=self.asked(enrolment),
            says=[
                self.told(enrolment),
                _("The host is told."),
                _("The places become free, and the first class in line that fits is offered them."),
            ],
            button=_("Cancel the enrolment"),
            danger=True,
            act=lambda form: enrolling.cancel_enrolment(
                enrolment_id=enrolment.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=clock.now()
            ),
            done=_("The enrolment is cancelled."),
        )

    def asked(self, enrolment: Enrolment) -> list[tuple[Any, list[str]]]:
        """Return why the school asks to cancel, as a page about it shows it; nothing when it does not ask."""
        return [(_("The school asks to cancel"), [enrolment.ended_reason])] if cancelling.has_asked(enrolment) else []

    @action(description=_("Do not agree to cancel"), url_path="stadig-ventet", icon="event_available")
    def still_expected(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say no to a school that asks to cancel late."""
        enrolment: Enrolment = self.found(request, object_id)
        return self.deed(
            request,
            enrolment,
            title=_("Do not agree to cancel"),
            form=StillExpectedForm(answers(request)),
            says=[
                _("The class stays enrolled, and is still expected. The host is told nothing."),
                self.told(enrolment),
                _("The mail names your telephone number and address. The school may ask again."),
            ],
            lists=self.asked(enrolment),
            button=_("The class is still expected"),
            act=lambda form: cancelling.decline_to_cancel(
                enrolment_id=enrolment.pk, reason=form.words, by=actor_of(request), now=clock.now()
            ),
            done=_("The class stays enrolled. The teacher is told why."),
            preview=lambda form: still_expected_as_it_would_be(enrolment, reason=form.words, now=clock.now()),
        )

    @action(description=_("Say what became of it"), url_path="afgoer", icon="gavel")
    def decide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Settle what became of a visit."""
        enrolment: Enrolment = self.found(request, object_id)
        said = [
            gettext("%(side)s: %(outcome)s (%(pupils)s pupils)")
            % {
                "side": report.get_side_display(),
                "outcome": report.get_outcome_display(),
                "pupils": report.pupils if report.pupils is not None else "–",
            }
            for report in enrolment.reports.order_by("meeting__number", "at")
        ]
        return self.deed(
            request,
            enrolment,
            title=_("Say what became of the visit"),
            form=DecisionForm(answers(request), enrolment=enrolment),
            says=[
                _("Your word decides, whatever the two sides have said."),
                _("If it was held, it counts in the ledger, and both sides are asked how it was."),
            ],
            lists=[(_("What has been said so far"), said)],
            button=_("Decide"),
            act=lambda form: encounters.decide_visit(
                enrolment_id=enrolment.pk,
                meeting_id=form.cleaned_data["meeting"].pk,
                outcome=form.cleaned_data["outcome"],
                pupils=form.cleaned_data["pupils"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("It is decided."),
        )

    @action(description=_("Undo what was said"), url_path="fortryd", icon="undo")
    def undo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take back everything said about a visit."""
        enrolment: Enrolment = self.found(request, object_id)
        return self.deed(
            request,
            enrolment,
            title=_("Undo what was said about the visit"),
            form=UndoForm(answers(request)),
            says=[
                _("The visit no longer counts; its row in the ledger stays, marked as void."),
                _("The enrolment is confirmed again, and both sides can say anew what happened."),
            ],
            button=_("Undo"),
            danger=True,
            act=lambda form: encounters.undo_visit(
                enrolment_id=enrolment.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=clock.now()
            ),
            done=_("What was said is taken back."),
        )

    @action(description=_("Read what the class writes"), url_path="behov", icon="visibility")
    def read_needs(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what the teacher wrote about the class's needs; that it was read stands in the log."""
        enrolment: Enrolment = self.found(request, object_id)
        words = ""
        if request.method == "POST":
            with suppress(Refusal):
                words = needs.read_needs(enrolment_id=enrolment.pk, by=actor_of(request), now=clock.now())
        page = self.deed(
            request,
            enrolment,
            title=_("Read what the class writes"),
            says=[_("The text is shown once, and it is noted in the log that you have read it.")],
            lists=[(_("The class writes"), [words] if words else [])],
            button=_("Read it"),
            act=lambda _form: None,
            done="",
            ready=False,
        )
        page.headers["Cache-Control"] = "no-store"
        return page

    @action(description=_("Guide (PDF)"), url_path="guide", icon="picture_as_pdf")
    def guide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the visit's guide on paper."""
        enrolment: Enrolment = self.found(request, object_id)
        return redirect("guide-enrolment", enrolment.pk)

"""Requests for an agreement and questions to hosts at the desk: seen, and answered for whoever telephoned."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from offers.admin.enrolment import SchoolFilter
from offers.domain import dates, questions
from offers.domain import dialogue as talks
from offers.models import Dialogue, Offer, ProposedTime, Question
from portal.admin import (
    Day,
    DeskForm,
    ReadDesk,
    ReadRows,
    TimeInput,
    WholeNumber,
    action,
    answers,
    day_and_hour,
    display,
    picker,
)
from portal.domain import calendar, clock
from portal.forms.fields import Hour, Words
from portal.http import actor_of
from portal.models import User
from schools.domain import membership
from schools.models import School, SchoolClass

State = Dialogue.State
Side = Dialogue.Side
DIALOGUE_COLORS = {
    State.ASKED: "warning",
    State.IN_TALK: "info",
    State.AGREED: "success",
    State.NOT_NOW: "danger",
    State.NO_ANSWER: "danger",
}
SIDES = [(Side.TEACHER.value, _("the school")), (Side.HOST.value, _("the host"))]


class AgeFilter(admin.SimpleListFilter):
    """Open requests by how long nothing has happened."""

    title = _("nothing new since")
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("open", gettext("all that are open")),
            ("call", gettext("to telephone about: reminded, or nobody to write to")),
            ("7", gettext("a week")),
            ("14", gettext("two weeks")),
            ("30", gettext("a month")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value == "call":
            return queryset.filter(pk__in=Dialogue.objects.to_call().values("pk"))
        if value not in {"open", "7", "14", "30"}:
            return queryset
        still = queryset.filter(state__in=State.open())
        return still if value == "open" else still.filter(state_at__lte=clock.now() - timedelta(days=int(value)))


class TimeRows(ReadRows):
    """The times that were proposed."""

    model = ProposedTime
    fields = ("when", "side", "possible", "proposed_at")
    readonly_fields = ("when", "possible")
    verbose_name_plural = _("Proposed times")

    @display(description=_("When"))
    def when(self, time: ProposedTime) -> str:
        return dates.span_in_words(time.starts_at, time.ends_at)

    @display(description=_("Possible"), boolean=True)
    def possible(self, time: ProposedTime) -> bool:
        return not time.is_withdrawn and time.starts_at > clock.now()


class AgreeForm(DeskForm):
    """Which of the proposed times it is."""

    time = forms.ModelChoiceField(label=_("Time"), queryset=ProposedTime.objects.none(), empty_label=None)

    def __init__(self, *args: Any, dialogue: Dialogue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["time"]
        chosen.queryset = dialogue.times.filter(is_withdrawn=False, starts_at__gt=clock.now()).order_by("starts_at")
        chosen.label_from_instance = lambda one: (
            f"{dates.span_in_words(one.starts_at, one.ends_at)} ({one.get_side_display()})"
        )
        chosen.initial = chosen.queryset.first()


class TimesForm(DeskForm):
    """Up to three times; without an end one lasts as long as the course."""

    def add_times(self) -> dict[str, forms.Field]:
        """Return the inputs of the times."""
        rows: dict[str, forms.Field] = {}
        for row in range(1, talks.MOST_TIMES + 1):
            rows[f"day_{row}"] = Day(label=f"{gettext('Day')} ({row})", required=False)
            rows[f"begins_{row}"] = Hour(label=f"{gettext('Begins at')} ({row})", required=False, widget=TimeInput())
            rows[f"ends_{row}"] = Hour(
                label=f"{gettext('Ends at')} ({row})",
                required=False,
                widget=TimeInput(),
                help_text=gettext("Empty: as long as the course lasts."),
            )
        return rows

    def offer_of(self, typed: dict[str, Any]) -> Offer | None:
        """Return the course that says how long a time lasts."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        typed["times"] = []
        offer = self.offer_of(typed)
        for row in range(1, talks.MOST_TIMES + 1):
            day, begins, ends = (typed.get(f"{name}_{row}") for name in ("day", "begins", "ends"))
            if not any((day, begins, ends)) or any(f"{n}_{row}" in self.errors for n in ("day", "begins", "ends")):
                continue
            if day is None or begins is None:
                missing = "day" if day is None else "begins"
                self.add_error(f"{missing}_{row}", gettext("A time needs a day and an hour."))
                continue
            starts_at = calendar.at(day, begins.hour, begins.minute)
            minutes = (offer.duration_minutes if offer is not None else None) or 60
            ends_at = calendar.at(day, ends.hour, ends.minute) if ends else starts_at + timedelta(minutes=minutes)
            if ends_at <= starts_at:
                self.add_error(f"ends_{row}", gettext("The end must be after the beginning."))
                continue
            typed["times"].append((starts_at, ends_at))
        return typed


class AskForm(TimesForm):
    """Which class of a school, who is the contact teacher, which course, and when."""

    offer = forms.ModelChoiceField(
        label=_("Course by agreement"),
        queryset=Offer.objects.none(),
        widget=picker("offer", Dialogue),
        help_text=_("Type a word of the course or the company. Only published courses by agreement are found."),
    )
    school_class = forms.ModelChoiceField(label=_("Class"), queryset=SchoolClass.objects.none())
    teacher = forms.ModelChoiceField(label=_("Contact teacher"), queryset=User.objects.none())
    pupils = WholeNumber(
        label=_("Number of pupils"),
        min_value=1,
        max_value=60,
        required=False,
        help_text=_("Leave it empty when the whole class comes."),
    )
    adults = WholeNumber(label=_("Number of adults"), min_value=1, max_value=20, initial=2)
    note = Words(
        label=_("A few words to the host"),
        required=False,
        max_length=talks.LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("They stand in the talk as written by the municipality. No names of pupils."),
    )
    form_token = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, school: School, **kwargs: Any) -> None:
        kwargs["initial"] = {"form_token": uuid4(), **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        today = calendar.local_day(clock.now())
        offers: Any = self.fields["offer"]
        offers.queryset = talks.asked_for().select_related("company")
        classes: Any = self.fields["school_class"]
        classes.queryset = school.classes.filter(is_active=True).order_by("-start_year", "letter", "name")
        classes.label_from_instance = lambda one: one.label(today)
        teachers: Any = self.fields["teacher"]
        teachers.queryset = membership.teachers_at(school)
        teachers.label_from_instance = lambda person: f"{person.name} <{person.email}>"
        whom = ("offer", "school_class", "teacher", "pupils", "adults")
        rest = {name: one for name, one in self.fields.items() if name not in whom}
        self.fields = {**{name: self.fields[name] for name in whom}, **self.add_times(), **rest}
        for name in ("day_1", "begins_1"):
            self.fields[name].required = True
        self.dress()

    def offer_of(self, typed: dict[str, Any]) -> Offer | None:
        return typed.get("offer")

    def wanted(self) -> talks.DialogueRequest:
        """Return what was typed, as the use-case takes it."""
        names = ("school_class", "teacher", "pupils", "adults", "times", "note", "form_token")
        return talks.DialogueRequest(**{name: self.cleaned_data[name] for name in names})


class ReplyForm(TimesForm):
    """What one side said on the telephone: other times, or words."""

    on_behalf = forms.ChoiceField(
        label=_("For whom do you answer?"),
        choices=[*SIDES, ("", _("for the municipality, to both"))],
        required=False,
        widget=forms.RadioSelect,
        initial=Side.HOST.value,
        help_text=_("Times are always proposed for the school or for the host."),
    )
    text = Words(
        label=_("Words"), required=False, max_length=talks.LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, dialogue: Dialogue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dialogue = dialogue
        self.fields = {"on_behalf": self.fields["on_behalf"], **self.add_times(), "text": self.fields["text"]}
        self.dress()

    def offer_of(self, typed: dict[str, Any]) -> Offer | None:
        return self.dialogue.offer


class ReasonForm(DeskForm):
    reason = Words(
        label=_("Why?"),
        max_length=talks.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The teacher reads this."),
    )


class TakeBackForm(DeskForm):
    reason = Words(
        label=_("Why?"),
        required=False,
        max_length=talks.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The teacher and the host read this."),
    )


@admin.register(Dialogue)
class DialogueDesk(ReadDesk):
    """Classes that ask for a course by agreement, and how far the talk has come."""

    icon = "forum"
    exports_persons = True
    export_pairs: ClassVar[Any] = {"class_name": (_("Class"), _("School")), "course": (_("Course"), _("Company"))}
    list_display = ("class_name", "course", "state_label", "turn", "since", "next_reminder", "teacher")
    list_filter = (AgeFilter, "state", "awaits", SchoolFilter)
    search_fields = ("school__name", "offer__title", "offer__company__name", "teacher__name")
    search_help_text = _("School, course, company or teacher")
    date_hierarchy = "created_at"
    list_select_related = ("school", "school_class", "offer__company", "teacher")
    ordering = ("-state_at",)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("state", "state_at", "awaits", "nudges", "nudge_at", "enrolment")}),
        (_("Who asks"), {"fields": ("label", "school", "teacher", "pupils", "adults", "created_at")}),
        (_("Where to"), {"fields": ("offer",)}),
        (_("What was written"), {"fields": ("talk",)}),
    )
    readonly_fields = ("label", "talk")
    inlines: ClassVar[Any] = (TimeRows,)
    actions_detail: ClassVar[Any] = ("agree", "answer", "not_now", "take_back")

    def may_act(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dialogue]:
        rows: QuerySet[Dialogue] = super().get_queryset(request)
        rows = rows.select_related("school", "school_class", "offer__company", "offer__contact", "teacher")
        return rows.select_related("enrolment__session__offer", "enrolment__school_class").defer(
            "offer__search", "offer__words"
        )

    def fitting(self, obj: Dialogue) -> Iterable[str]:
        if obj.state not in State.open():
            return []
        names = ["answer", "not_now", "take_back"]
        return ["agree", *names] if talks.possible_times(obj, now=clock.now()) else names

    @display(description=_("Class"))
    def label(self, dialogue: Dialogue) -> str:
        return dialogue.school_class.label(calendar.local_day(dialogue.created_at))

    @display(description=_("Class"), ordering="school__name", header=True)
    def class_name(self, dialogue: Dialogue) -> list[str]:
        return [self.label(dialogue), dialogue.school.name]

    @display(description=_("Course"), ordering="offer__title", header=True)
    def course(self, dialogue: Dialogue) -> list[str]:
        return [str(dialogue.offer), dialogue.offer.company.name]

    @display(description=_("State"), ordering="state", label=DIALOGUE_COLORS)
    def state_label(self, dialogue: Dialogue) -> tuple[str, str]:
        return dialogue.state, dialogue.get_state_display()

    @display(description=_("Whose turn"), ordering="awaits")
    def turn(self, dialogue: Dialogue) -> str:
        return dialogue.get_awaits_display() if dialogue.state in State.open() else "–"

    @display(description=_("Since"), ordering="state_at")
    def since(self, dialogue: Dialogue) -> str:
        return day_and_hour(dialogue.state_at)

    @display(description=_("Next reminder"), ordering="nudge_at")
    def next_reminder(self, dialogue: Dialogue) -> str:
        return day_and_hour(dialogue.nudge_at)

    @display(description=_("What was written"))
    def talk(self, dialogue: Dialogue) -> str | SafeString:
        rows = [
            (one.get_side_display(), day_and_hour(one.at), one.text) for one in dialogue.entries.order_by("at", "pk")
        ]
        if not rows:
            return "–"
        return format_html("<ul>{}</ul>", format_html_join("", "<li><strong>{}</strong>, {}<br>{}</li>", rows))

    def both(self, dialogue: Dialogue) -> list[str]:
        """Return who hears of it, in words."""
        teacher = dialogue.teacher.name if dialogue.teacher is not None else gettext("nobody at the school")
        return [
            gettext("%(class)s at %(school)s and %(company)s.")
            % {
                "class": self.label(dialogue),
                "school": dialogue.school.name,
                "company": dialogue.offer.company.name,
            },
            gettext("%(teacher)s and the host get a mail.") % {"teacher": teacher},
        ]

    @action(description=_("Agree on a time"), url_path="aftal", icon="handshake")
    def agree(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say for both that it is agreed: session and enrolment are made."""
        found: Dialogue = self.found(request, object_id)
        return self.deed(
            request,
            found,
            title=_("Agree on a time"),
            says=[
                *self.both(found),
                _("A session for this class alone is made, and the class is enrolled in it. Both get a calendar file."),
                _("Your yes counts for host and school, and for the school's leader too."),
            ],
            form=AgreeForm(answers(request), dialogue=found),
            button=_("It is agreed"),
            act=lambda form: talks.agree(
                dialogue_id=found.pk, time_id=form.cleaned_data["time"].pk, by=actor_of(request), now=clock.now()
            ),
            done=_("It is agreed. The class is enrolled."),
        )

    @action(description=_("Answer for one side"), url_path="svar", icon="reply")
    def answer(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Propose times for a side that telephoned, or write."""
        found: Dialogue = self.found(request, object_id)
        return self.deed(
            request,
            found,
            title=_("Answer for one side"),
            says=[
                _("What the school or the host has told you. It stands in the talk as written by the municipality."),
                _("The other side gets a mail, and it is their turn. Words for the municipality go to both."),
            ],
            form=ReplyForm(answers(request), dialogue=found),
            button=_("Send"),
            act=lambda form: talks.reply(
                dialogue_id=found.pk,
                times=form.cleaned_data["times"],
                text=form.cleaned_data["text"],
                on_behalf=form.cleaned_data["on_behalf"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("Sent."),
        )

    @action(description=_("It cannot be now"), url_path="ikke-nu", icon="event_busy")
    def not_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End the talk for the host."""
        found: Dialogue = self.found(request, object_id)
        return self.deed(
            request,
            found,
            title=_("Say for the host that it cannot be now"),
            says=[*self.both(found), _("The request is closed.")],
            form=ReasonForm(answers(request)),
            button=_("Close the request"),
            danger=True,
            act=lambda form: talks.say_not_now(
                dialogue_id=found.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=clock.now()
            ),
            done=_("The request is closed. The teacher gets a mail."),
        )

    @action(description=_("Take the request back"), url_path="traek", icon="undo")
    def take_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take the request back for the school."""
        found: Dialogue = self.found(request, object_id)
        return self.deed(
            request,
            found,
            title=_("Take the request back for the school"),
            says=[*self.both(found), _("The request is closed.")],
            form=TakeBackForm(answers(request)),
            button=_("Take the request back"),
            danger=True,
            act=lambda form: talks.withdraw(
                dialogue_id=found.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=clock.now()
            ),
            done=_("The request has been taken back."),
        )


class UnansweredFilter(admin.SimpleListFilter):
    """Questions that nobody has answered."""

    title = _("to do")
    parameter_name = "todo"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("answer", gettext("waiting for an answer")), ("late", gettext("waiting for more than a week"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "answer":
            return queryset.filter(answered_at__isnull=True)
        if self.value() == "late":
            return queryset.filter(answered_at__isnull=True, asked_at__lte=clock.now() - timedelta(days=7))
        return queryset


class AnswerForm(DeskForm):
    text = Words(
        label=_("Answer"),
        max_length=questions.LONGEST_ANSWER,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("The teacher gets it by mail at once. It cannot be changed afterwards."),
    )


@admin.register(Question)
class QuestionDesk(ReadDesk):
    """What teachers ask hosts, and what is answered."""

    icon = "contact_support"
    exports_persons = True
    list_display = ("start", "course", "school", "asked", "answered", "answered_by")
    list_filter = (UnansweredFilter, SchoolFilter)
    search_fields = ("offer__title", "offer__company__name", "school__name", "teacher__name", "text")
    search_help_text = _("Course, company, school, teacher or a word of the question")
    date_hierarchy = "asked_at"
    list_select_related = ("offer__company", "school")
    ordering = ("-asked_at",)
    fields = ("offer", "school", "teacher", "asked_at", "text", "answered_at", "answered_by", "answer")
    actions_detail: ClassVar[Any] = ("reply",)

    def may_act(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Question]:
        rows: QuerySet[Question] = super().get_queryset(request)
        return rows.select_related("offer__company", "school", "teacher").defer("offer__search", "offer__words")

    def fitting(self, obj: Question) -> Iterable[str]:
        return ["reply"] if obj.answered_at is None else []

    @display(description=_("Question"))
    def start(self, question: Question) -> str:
        return question.text[:80] + "…" if len(question.text) > 80 else question.text

    @display(description=_("Course"), ordering="offer__title", header=True)
    def course(self, question: Question) -> list[str]:
        return [str(question.offer), question.offer.company.name]

    @display(description=_("Asked"), ordering="asked_at")
    def asked(self, question: Question) -> str:
        return day_and_hour(question.asked_at)

    @display(description=_("Answered"), ordering="answered_at")
    def answered(self, question: Question) -> str:
        return day_and_hour(question.answered_at)

    @action(description=_("Answer"), url_path="svar", icon="reply")
    def reply(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer a question for the host."""
        found: Question = self.found(request, object_id)
        teacher = found.teacher.name if found.teacher is not None else gettext("Nobody")
        return self.deed(
            request,
            found,
            title=_("Answer the question"),
            says=[found.text, _("%(name)s gets your answer by mail.") % {"name": teacher}],
            form=AnswerForm(answers(request)),
            button=_("Send the answer"),
            act=lambda form: questions.answer_question(
                question_id=found.pk, text=form.cleaned_data["text"], by=actor_of(request), now=clock.now()
            ),
            done=_("The answer has been sent."),
        )

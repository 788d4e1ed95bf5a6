"""Sessions at the desk: who comes, how many places, calling one off."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from offers.admin.timetable import SessionAsAWhole
from offers.domain import dates, moving, planning, rules
from offers.domain import places as seats
from offers.forms.dates import NewTimes, ProposeForm, date_choices
from offers.models import Encounter, Enrolment, Meeting, MoveAnswer, MoveProposal, Session
from portal.admin import (
    Desk,
    DeskForm,
    Moment,
    MomentInput,
    ReadRows,
    WholeNumber,
    action,
    answers,
    confirmed_answers,
    day_and_hour,
    display,
    how_many,
)
from portal.domain import clock
from portal.forms.fields import Words
from portal.http import actor_of

E = Enrolment.Status
SOON = timedelta(days=21)
SESSION_COLORS = {
    rules.Appears.FREE: "success",
    rules.Appears.FULL: "warning",
    rules.Appears.HELD: "info",
    rules.Appears.CANCELLED: "danger",
}


class MeetingRows(ReadRows):
    """The dates of a session."""

    model = Meeting
    fields = ("number", "starts_at", "ends_at", "place", "state", "cancel_reason")
    verbose_name_plural = _("Dates of the session")


class MoveRows(ReadRows):
    """The moves that were proposed for a session."""

    model = MoveProposal
    fields = ("proposed_by", "reason", "state", "answer_by", "silence", "answered")
    readonly_fields = ("answered",)
    verbose_name_plural = _("Proposed moves")
    ordering = ("-created_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MoveProposal]:
        rows: QuerySet[MoveProposal] = super().get_queryset(request)
        return rows.prefetch_related("answers")

    @display(description=_("Come, cannot, silent"))
    def answered(self, proposal: MoveProposal) -> str:
        given = [one.answer for one in proposal.answers.all()]
        order = (MoveAnswer.Answer.STAY, MoveAnswer.Answer.LEAVE, MoveAnswer.Answer.PENDING)
        return " · ".join(str(given.count(kind)) for kind in order)


class EnrolmentRows(ReadRows):
    """Which classes come to a session, or are asked whether they do. Who waits stands in a list of its own below."""

    model = Enrolment
    fields: tuple[str, ...] = ("school", "class_name", "status", "pupils", "adults", "teacher", "teacher_phone")
    readonly_fields = ("class_name",)
    verbose_name_plural: Any = _("Classes")
    show_change_link = True
    hide_title = False
    ordering: tuple[str, ...] = ("status", "created_at")
    statuses: ClassVar[list[str]] = [one for one in E.active() if one != E.WAITLISTED]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrolment]:
        rows: QuerySet[Enrolment] = super().get_queryset(request).filter(status__in=self.statuses)
        return rows.select_related("school", "school_class", "session__offer", "teacher")

    @display(description=_("Class"))
    def class_name(self, enrolment: Enrolment) -> str:
        return enrolment.class_label


class EndedRows(EnrolmentRows):
    """Who is no longer enrolled, the last first."""

    fields = ("school", "class_name", "status", "status_at", "ended_reason")
    verbose_name_plural = _("No longer enrolled")
    ordering = ("-status_at",)
    statuses: ClassVar[list[str]] = [one for one in E.values if one not in E.active()]


class WhenFilter(admin.SimpleListFilter):
    """Sessions by what one wants to see."""

    title = _("when")
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("free", gettext("open, with free places")),
            ("soon", gettext("within 21 days, with free places")),
            ("few", gettext("within 21 days, with few enrolments")),
            ("untaught", gettext("to come, a class without a teacher")),
            ("moving", gettext("a move is proposed")),
            ("coming", gettext("to come")),
            ("past", gettext("past")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = clock.now()
        coming = Q(starts_at__gt=now)
        bookable = Session.objects.bookable(now).with_places()
        free = coming & Q(pk__in=bookable.values("pk"))
        chosen = {
            "free": free,
            "soon": free & Q(starts_at__lte=now + SOON),
            "few": Q(pk__in=planning.few_enrolled(now, within=SOON).order_by().values("pk")),
            "untaught": Q(pk__in=Enrolment.objects.without_teacher(now).values("session")),
            "moving": Q(pk__in=MoveProposal.objects.open().values("session")),
            "coming": coming,
            "past": Q(starts_at__lte=now),
        }.get(self.value() or "")
        return queryset.filter(chosen) if chosen is not None else queryset


class CancelForm(DeskForm):
    reason = Words(
        label=_("Why is it cancelled?"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Teachers and the host read this in the mail they get."),
    )


class MoveForm(NewTimes, DeskForm):
    """A new day, beginning, end and place for each date of a session, when nobody is asked (any more)."""

    def __init__(self, *args: Any, asked: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not asked:
            del self.fields["agreed"]
        self.dress()

    even_if_closed = forms.BooleanField(label=_("Also on a day without school"), required=False)
    agreed = forms.BooleanField(
        label=_("I have agreed it with every class"),
        required=False,
        help_text=_("It stands in the log. Otherwise propose the move, and the classes are asked."),
    )


class ProposeMoveForm(ProposeForm, DeskForm):
    """A new time and place for each date of a session, that the classes are asked about, and why."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dress()

    even_if_closed = forms.BooleanField(label=_("Also on a day without school"), required=False)


class CancelDateForm(CancelForm):
    """Which date is called off, and why."""

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        which = forms.ChoiceField(
            label=gettext("Which date?"),
            choices=choices,
            error_messages={
                "invalid_choice": gettext("Choose one of the dates."),
                "required": gettext("Choose one of the dates."),
            },
        )
        self.fields = {"meeting": which, **self.fields}
        self.dress()


class ShiftForm(DeskForm):
    days = WholeNumber(
        signed=True,
        label=_("So many days later"),
        min_value=-365,
        max_value=365,
        help_text=_("7 is the same weekday a week later; -7 a week earlier. Hours and places stay."),
    )
    even_if_closed = forms.BooleanField(label=_("Also on a day without school"), required=False)
    agreed = forms.BooleanField(
        label=_("I have agreed it with every class"),
        required=False,
        help_text=_("Without it only dates without classes are moved; the others are told of. It stands in the log."),
    )

    def clean_days(self) -> int:
        days: int = self.cleaned_data["days"]
        if days == 0:
            raise forms.ValidationError(gettext("0 days later is where it is. Write another number."))
        return days


class PlacesForm(DeskForm):
    places = WholeNumber(label=_("Places"), min_value=1, max_value=1000)


class EnrollingForm(DeskForm):
    """When enrolment is open, and how large a group may be."""

    opens_at = Moment(label=_("Enrolment opens"), widget=MomentInput())
    closes_at = Moment(label=_("Enrolment closes"), widget=MomentInput())
    min_pupils = WholeNumber(
        label=_("At least (pupils)"),
        min_value=1,
        max_value=60,
        required=False,
        help_text=_("Empty: as the course says."),
    )
    max_pupils = WholeNumber(
        label=_("At most of one class (pupils)"),
        min_value=1,
        max_value=60,
        required=False,
        help_text=_("Empty: as the course says."),
    )

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        least, most = typed.get("min_pupils"), typed.get("max_pupils")
        if least and most and least > most:
            self.add_error("max_pupils", gettext("The smallest group must not be larger than the largest."))
        return typed


@admin.register(Session)
class SessionDesk(SessionAsAWhole, Desk):
    """The bookable occasions of all courses."""

    icon = "event"
    export_pairs: ClassVar[Any] = {"course": (_("Course"), _("Company"))}
    export_instead: ClassVar[Any] = {"taken": "places_taken"}
    export_columns = ("places", "ends_at")
    can_add = False
    list_display = ("when", "course", "state_label", "taken", "waiting", "closes")
    list_filter = (WhenFilter, "state", "offer__industry", "offer__activity_type")
    search_fields = ("offer__title", "offer__company__name")
    search_help_text = _("Course or company")
    date_hierarchy = "starts_at"
    list_select_related = ("offer__company",)
    ordering = ("starts_at",)
    fields = (
        "offer",
        "state",
        "starts_at",
        "ends_at",
        "opens_at",
        "closes_at",
        "draw_at",
        "drawn_at",
        "places",
        "places_taken",
        "min_pupils",
        "max_pupils",
        "note",
        "cancel_reason",
    )
    readonly_fields = tuple(name for name in fields if name != "note")
    inlines: ClassVar[Any] = (MeetingRows, EnrolmentRows, MoveRows, EndedRows)
    actions: ClassVar[Any] = ("shift_several", "cancel_several")
    actions_detail: ClassVar[Any] = (
        "enrol",
        "propose_move",
        "move",
        "carry_out_move",
        "withdraw_move",
        "cancel",
        {
            "title": _("More"),
            "icon": "more_horiz",
            "items": ["cancel_date", "change_places", "change_enrolling", "to_course"],
        },
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        rows: QuerySet[Session] = super().get_queryset(request)
        waiting = Enrolment.objects.filter(session=OuterRef("pk"), status=Enrolment.Status.WAITLISTED)
        rows = rows.select_related("offer__company").defer("offer__search", "offer__words")
        return rows.annotate(in_line=how_many(waiting, "session"))

    def get_inlines(self, request: HttpRequest, obj: Session | None) -> Any:
        """Leave out who is no longer enrolled where nobody has left."""
        rows = super().get_inlines(request, obj)
        left = obj is None or obj.enrolments.filter(status__in=EndedRows.statuses).exists()
        return [one for one in rows if left or one is not EndedRows]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Session], search_term: str
    ) -> tuple[QuerySet[Session], bool]:
        """Where a session is picked for an enrolment, only those one can enrol in are found."""
        if request.path == reverse("admin:autocomplete"):
            now = clock.now()
            queryset = queryset.filter(pk__in=Session.objects.bookable(now).values("pk"))
        found: tuple[QuerySet[Session], bool] = super().get_search_results(request, queryset, search_term)
        return found

    def belonging(self, obj: Session) -> Iterable[QuerySet[Any]]:
        """A session's history tells of its enrolments and visits."""
        return Enrolment.objects.filter(session=obj), Encounter.objects.filter(enrolment__session=obj)

    def fitting(self, obj: Session) -> Iterable[str]:
        names = ["to_course"]
        if obj.state == Session.State.CANCELLED:
            return names
        names.append("change_places")
        now = clock.now()
        if moving.proposed(obj) is not None:
            names += ["carry_out_move", "withdraw_move"]
        elif obj.starts_at > now and moving.asked(obj).exists():
            names.append("propose_move")
        if obj.starts_at > now:
            names += ["move", "cancel", "change_enrolling"]
        if obj.meetings.count() > 1 and date_choices(list(obj.meetings.order_by("number")), now):
            names.append("cancel_date")
        if obj.state == Session.State.OPEN and obj.opens_at <= now < obj.closes_at:
            names.append("enrol")
        return names

    @display(description=_("When"), ordering="starts_at")
    def when(self, session: Session) -> str:
        return day_and_hour(session.starts_at)

    @display(description=_("Enrolment closes"), ordering="closes_at")
    def closes(self, session: Session) -> str:
        return day_and_hour(session.closes_at)

    @display(description=_("Course"), ordering="offer__title", header=True)
    def course(self, session: Session) -> list[str]:
        return [str(session.offer), session.offer.company.name]

    @display(description=_("State"), ordering="state", label=SESSION_COLORS)
    def state_label(self, session: Session) -> tuple[str, str]:
        appears = rules.state_of(session, now=clock.now())
        return appears, str(appears.label)

    @display(description=_("Places taken"), ordering="places_taken")
    def taken(self, session: Session) -> str:
        return gettext("%(taken)s of %(places)s") % {"taken": session.places_taken, "places": session.places}

    @display(description=_("In line"), ordering="in_line")
    def waiting(self, session: Any) -> int:
        count: int = session.in_line
        return count

    @action(description=_("Change places"), url_path="pladser", icon="groups")
    def change_places(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the session another number of places."""
        session: Session = self.found(request, object_id)
        return self.deed(
            request,
            session,
            title=_("Change the number of places"),
            form=PlacesForm(answers(request), initial={"places": session.places}),
            says=[
                _("%(taken)s of %(places)s places are taken; the number cannot go below that.")
                % {"taken": session.places_taken, "places": session.places},
                _("New free places are offered to the classes on the waiting list, in order."),
            ],
            lists=[(_("Who is asked, from how many places on"), self.asked_from(session))],
            button=_("Change places"),
            act=lambda form: planning.change_places(
                session_id=session.pk, places=form.cleaned_data["places"], by=actor_of(request), now=clock.now()
            ),
            done=_("The session has its new number of places."),
        )

    def asked_from(self, session: Session) -> list[str]:
        """Return of each class in line with how many places of the session it is offered its own."""
        if session.starts_at <= clock.now():
            return []
        needed, said = session.places_taken, []
        for row in seats.line(session).select_related("school", "school_class"):
            row.session = session
            needed += row.places
            said.append(
                gettext("%(class)s, %(school)s needs %(places)s: from %(needed)s places on")
                % {
                    "class": row.class_label,
                    "school": row.school_name,
                    "places": row.places,
                    "needed": needed,
                }
            )
        return said

    @action(description=_("Change opening, closing and group sizes"), url_path="tilmelding", icon="tune")
    def change_enrolling(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the session its own opening, closing and sizes of a group."""
        session: Session = self.found(request, object_id)
        names = ("opens_at", "closes_at", "min_pupils", "max_pupils")
        first: dict[str, Any] = {name: getattr(session, name) for name in names}
        says: list[Any] = [
            _("Classes that are enrolled or in line stay so. Nobody gets a mail about it."),
            _("Enrolment must close before the session begins, on %(when)s.")
            % {"when": dates.moment_in_words(session.starts_at)},
        ]
        if rules.draws(session) and session.draw_at is not None:
            says.append(
                _("Lots are to be drawn on %(when)s. The draw follows the opening.")
                % {"when": dates.moment_in_words(session.draw_at)}
            )
        return self.deed(
            request,
            session,
            title=_("Change opening, closing and group sizes"),
            form=EnrollingForm(answers(request), initial=first),
            says=says,
            button=_("Change"),
            act=lambda form: planning.change_enrolling(
                session_id=session.pk,
                **{name: form.cleaned_data[name] for name in names},
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("The session has its new rules."),
        )

    @action(description=_("Go to the course"), url_path="forloeb", icon="local_activity")
    def to_course(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the course that the session is of."""
        session: Session = self.found(request, object_id)
        return redirect(reverse("admin:offers_offer_change", args=(session.offer_id,)))

    @action(description=_("Enrol a class"), url_path="tilmeld", icon="how_to_reg")
    def enrol(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the enrolment form, to enrol a class for a teacher who telephones."""
        session: Session = self.found(request, object_id)
        return redirect("enrol", session.pk)

    def classes_told(self, session: Session) -> list[str]:
        """Return whom a change of the session is told to, in words."""
        concerned = session.enrolments.filter(status__in=moving.TOLD_OF_MOVES)
        rows = concerned.select_related("school", "school_class", "session", "teacher").order_by("created_at", "pk")
        return [
            f"{row.class_label}, {row.school} ({row.get_status_display()})"
            + (f" – {row.teacher.name}" if row.teacher else f" – {gettext('no teacher')}")
            for row in rows
        ]

    @action(description=_("Move"), url_path="flyt", icon="edit_calendar")
    def move(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the session another time, or another place."""
        session: Session = self.found(request, object_id)
        classes = self.classes_told(session)
        return self.deed(
            request,
            session,
            title=_("Move the session"),
            form=MoveForm(answers(request), session=session, asked=moving.asked(session).exists()),
            says=[
                ngettext(
                    "%(count)s class stays enrolled or in line; its teacher gets a mail with the old and the new time.",
                    "%(count)s classes stay enrolled or in line; their teachers get a mail with the old and the new"
                    " time.",
                    len(classes),
                )
                % {"count": len(classes)}
                if classes
                else _("No class is enrolled."),
                _("The mail brings a calendar file that replaces the old entry. The host gets a mail too."),
                _("Reminders and the closing of enrolment follow the new time."),
            ],
            lists=[(_("Until now"), self.whens(session)), (_("Classes that are told"), classes)],
            button=_("Move the session"),
            act=lambda form: moving.move_session(
                session_id=session.pk,
                starts=form.spans(),
                places=form.wheres(),
                even_if_closed=form.cleaned_data["even_if_closed"],
                agreed=form.cleaned_data.get("agreed", False),
                by=actor_of(request),
                now=clock.now(),
            ),
            done=lambda moved: (
                gettext("The session is moved to %(when)s, and everybody concerned is told.")
                % {"when": dates.moment_in_words(moved.starts_at)}
            ),
            places={"starts": self.first_day(session)},
        )

    def whens(self, session: Session) -> list[str]:
        """Return when and where a session is, date by date."""
        return [
            dates.span_in_words(one.starts_at, one.ends_at) + (f", {one.place}" if one.place else "")
            for one in moving.standing(session)
        ]

    def first_day(self, session: Session) -> str:
        """Return the name of the input for the first date's day."""
        return f"day_{next((one.number for one in moving.standing(session)), 1)}"

    @action(description=_("Propose a move"), url_path="foreslaa-flytning", icon="event_repeat")
    def propose_move(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the classes whether they can come at another time."""
        session: Session = self.found(request, object_id)
        municipality = seats.the_municipality()
        return self.deed(
            request,
            session,
            title=_("Propose another time"),
            form=ProposeMoveForm(answers(request), session=session),
            says=[
                _("The date stays where it is until the classes have answered. Each is asked: come, or not."),
                ngettext(
                    "They have %(count)s school day to answer, and are reminded once. A class that does not answer:"
                    " %(silence)s.",
                    "They have %(count)s school days to answer, and are reminded once. A class that does not answer:"
                    " %(silence)s.",
                    municipality.move_answer_days,
                )
                % {"count": municipality.move_answer_days, "silence": municipality.get_move_default_display()},
                _("Who cannot come is released; that does not count against the school. The line is told of the move."),
            ],
            lists=[(_("Until now"), self.whens(session)), (_("Classes that are asked"), self.classes_told(session))],
            button=_("Ask the classes"),
            act=lambda form: moving.propose_move(
                session_id=session.pk,
                starts=form.spans(),
                places=form.wheres(),
                reason=form.cleaned_data["reason"],
                even_if_closed=form.cleaned_data["even_if_closed"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=lambda proposal: (
                gettext("The classes are asked, and have until %(when)s to answer.")
                % {"when": dates.moment_in_words(proposal.answer_by)}
            ),
            places={"starts": self.first_day(session)},
        )

    def answers_given(self, proposal: MoveProposal) -> list[str]:
        """Return what each class has said to a proposed move."""
        rows = proposal.answers.select_related("enrolment__school", "enrolment__school_class", "enrolment__session")
        return [
            f"{row.enrolment.class_label}, {row.enrolment.school}: {row.get_answer_display()}"
            for row in rows.order_by("pk")
            if row.enrolment.status in moving.ASKED
        ]

    def proposal(self, session: Session) -> MoveProposal:
        """Return the move that is proposed; without one there is no page."""
        found = moving.proposed(session)
        if found is None:
            raise Http404
        return found

    def proposal_lists(self, session: Session, proposal: MoveProposal) -> list[tuple[Any, list[str]]]:
        """Return what a page about a proposed move shows: old and new time, and the answers."""
        new = [
            dates.span_in_words(one.starts_at, one.ends_at) + (f", {one.place}" if one.place else "")
            for one in proposal.meetings.all()
        ]
        return [
            (_("Until now"), self.whens(session)),
            (_("Proposed"), new),
            (_("What the classes have said"), self.answers_given(proposal)),
        ]

    @action(description=_("Carry the move out now"), url_path="gennemfoer-flytning", icon="event_available")
    def carry_out_move(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Move the session as proposed, without waiting for the last answers."""
        session: Session = self.found(request, object_id)
        proposal = self.proposal(session)
        return self.deed(
            request,
            session,
            title=_("Carry the move out now"),
            says=[
                _(
                    "The answers are awaited until %(when)s. If you move the session now, of a class that has not"
                    " answered it holds: %(silence)s."
                )
                % {
                    "when": dates.moment_in_words(proposal.answer_by),
                    "silence": proposal.get_silence_display(),
                },
                _("Who cannot come is released. What becomes free is offered to the classes in line."),
            ],
            lists=self.proposal_lists(session, proposal),
            button=_("Move the session"),
            act=lambda _form: moving.carry_out_move(proposal_id=proposal.pk, by=actor_of(request), now=clock.now()),
            done=_("The session is moved, and everybody concerned is told."),
        )

    @action(description=_("Withdraw the proposed move"), url_path="traek-flytning-tilbage", icon="undo")
    def withdraw_move(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the session stay where it is."""
        session: Session = self.found(request, object_id)
        proposal = self.proposal(session)
        return self.deed(
            request,
            session,
            title=_("Withdraw the proposed move"),
            says=[_("The session stays where it is. The classes that were asked, and the host, get a mail.")],
            lists=self.proposal_lists(session, proposal),
            button=_("Withdraw the proposal"),
            act=lambda _form: moving.withdraw_move(proposal_id=proposal.pk, by=actor_of(request), now=clock.now()),
            done=_("The proposed move is withdrawn, and everybody concerned is told."),
        )

    @action(description=_("Call one date off"), url_path="aflys-dato", icon="event_busy")
    def cancel_date(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Call one date of a course off."""
        session: Session = self.found(request, object_id)
        now, meetings = clock.now(), list(session.meetings.order_by("number"))
        fates = [
            gettext("Date %(number)s: %(fate)s")
            % {"number": one.number, "fate": planning.fate(session, meetings, one, now=now).in_words()}
            for one in meetings
            if one.state == Meeting.State.PLANNED and one.starts_at > now
        ]
        return self.deed(
            request,
            session,
            title=_("Call one date off"),
            form=CancelDateForm(answers(request), choices=date_choices(meetings, now)),
            says=[_("Every class and the host get a mail with the reason and a calendar file.")],
            lists=[(_("What becomes of the rest"), fates), (_("Classes that are told"), self.classes_told(session))],
            button=_("Call this date off"),
            danger=True,
            act=lambda form: planning.cancel_meeting(
                meeting_id=UUID(form.cleaned_data["meeting"]),
                reason=form.cleaned_data["reason"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("The date is called off, and everybody concerned is told."),
        )

    def in_words(self, session: Session) -> str:
        """Return a session as a page on several of them names it."""
        count = session.enrolments.filter(status__in=moving.TOLD_OF_MOVES).count()
        classes = ngettext("%(count)s class", "%(count)s classes", count) % {"count": count}
        return f"{session.offer}, {dates.moment_in_words(session.starts_at)}: {classes}"

    @admin.action(description=_("Move by a number of days"))
    def shift_several(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse:
        """Give several sessions a time some days later or earlier."""
        form = ShiftForm(confirmed_answers(request))
        return self.deed_on_several(
            request,
            queryset,
            name="shift_several",
            title=_("Move the sessions"),
            form=form,
            says=[
                _("Every date of each session gets the same hour on another day. Classes stay enrolled or in line."),
                _("Each teacher and each host gets a mail with the old and the new time, and a calendar file."),
            ],
            button=_("Move the sessions"),
            act=lambda session: self.shift(request, session, form.cleaned_data),
            done=lambda count: gettext("Sessions moved: %(count)s") % {"count": count},
            named=self.in_words,
        )

    def shift(self, request: HttpRequest, session: Session, typed: dict[str, Any]) -> Session:
        """Call the use-case that moves a session, by a number of days."""
        return moving.move_session(
            session_id=session.pk,
            starts=moving.shifted(session, typed["days"]),
            even_if_closed=typed["even_if_closed"],
            agreed=typed["agreed"],
            by=actor_of(request),
            now=clock.now(),
        )

    @admin.action(description=_("Cancel"))
    def cancel_several(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse:
        """Call several sessions off, for one reason."""
        form = CancelForm(confirmed_answers(request))
        return self.deed_on_several(
            request,
            queryset,
            name="cancel_several",
            title=_("Cancel the sessions"),
            form=form,
            says=[
                _("The sessions are cancelled for good. Every enrolment in them ends."),
                _("Each teacher and each host gets a mail with the reason."),
            ],
            button=_("Cancel the sessions"),
            danger=True,
            act=lambda session: planning.cancel_session(
                session_id=session.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=clock.now()
            ),
            done=lambda count: gettext("Sessions cancelled: %(count)s") % {"count": count},
            named=self.in_words,
        )

    @action(description=_("Cancel the session"), url_path="aflys", icon="event_busy")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Call the session off."""
        session: Session = self.found(request, object_id)
        concerned = session.enrolments.filter(status__in=Enrolment.Status.active()).select_related(
            "school", "school_class", "session", "teacher"
        )
        classes = [f"{row.class_label}, {row.school} ({row.get_status_display()})" for row in concerned]
        return self.deed(
            request,
            session,
            title=_("Cancel the session"),
            form=CancelForm(answers(request)),
            says=[
                _("“%(course)s” on %(when)s is cancelled for good.")
                % {"course": session.offer, "when": dates.moment_in_words(session.starts_at)},
                ngettext(
                    "%(count)s enrolment ends, and its teacher gets a mail with the reason.",
                    "%(count)s enrolments end, and their teachers get a mail with the reason.",
                    len(classes),
                )
                % {"count": len(classes)}
                if classes
                else _("No class is enrolled."),
                _("The host gets a mail too."),
            ],
            lists=[(_("Classes that are told"), classes)],
            button=_("Cancel the session"),
            danger=True,
            act=lambda form: planning.cancel_session(
                session_id=session.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=clock.now()
            ),
            done=_("The session is cancelled, and everybody concerned is told."),
        )

"""Sessions at the desk: who comes, how many places, calling one off."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from offers.admin.timetable import SessionAsAWhole
from offers.domain import dates, planning, rules
from offers.models import Encounter, Enrolment, Meeting, Session
from portal.admin import (
    Day,
    Desk,
    DeskForm,
    Moment,
    MomentInput,
    ReadRows,
    TimeInput,
    WholeNumber,
    action,
    answers,
    confirmed_answers,
    day_and_hour,
    display,
    how_many,
)
from portal.domain import calendar, clock
from portal.forms.fields import Hour, Line, Words
from portal.http import actor_of

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
    fields = ("number", "starts_at", "ends_at", "place", "state")
    verbose_name_plural = _("Dates of the session")


class EnrolmentRows(ReadRows):
    """Who comes to a session."""

    model = Enrolment
    fields = ("school", "class_name", "status", "pupils", "adults", "teacher")
    readonly_fields = ("class_name",)
    verbose_name_plural = _("Enrolments")
    show_change_link = True
    hide_title = False
    ordering = ("status", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrolment]:
        rows: QuerySet[Enrolment] = super().get_queryset(request)
        return rows.select_related("school", "school_class", "session__offer", "teacher")

    @display(description=_("Class"))
    def class_name(self, enrolment: Enrolment) -> str:
        return enrolment.class_label


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


class MoveForm(DeskForm):
    """A new day, beginning, end and place for each date of a session."""

    def __init__(self, *args: Any, session: Session, **kwargs: Any) -> None:
        self.meetings = list(session.meetings.order_by("number"))
        super().__init__(*args, **kwargs)
        rows: dict[str, forms.Field] = {}
        for meeting in self.meetings:
            begins, ends = localtime(meeting.starts_at), localtime(meeting.ends_at)
            row = meeting.number

            def called(word: str, number: int = row) -> str:
                return f"{word} ({number})" if len(self.meetings) > 1 else word

            rows[f"day_{row}"] = Day(label=called(gettext("New date")), initial=begins.date())
            rows[f"begins_{row}"] = Hour(label=called(gettext("Begins at")), widget=TimeInput(), initial=begins.time())
            rows[f"ends_{row}"] = Hour(label=called(gettext("Ends at")), widget=TimeInput(), initial=ends.time())
            rows[f"place_{row}"] = Line(
                label=called(gettext("Place")), max_length=300, required=False, initial=meeting.place
            )
        self.fields = {**rows, **self.fields}
        self.dress()

    even_if_closed = forms.BooleanField(label=_("Also on a day without school"), required=False)

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        for meeting in self.meetings:
            begins, ends = typed.get(f"begins_{meeting.number}"), typed.get(f"ends_{meeting.number}")
            if begins and ends and ends <= begins:
                self.add_error(f"ends_{meeting.number}", gettext("The end must be after the beginning."))
        return typed

    def spans(self) -> list[tuple[datetime, datetime]]:
        """Return each date's beginning and end, in the order of time."""
        return [span for span, _place in self.answers()]

    def wheres(self) -> list[str]:
        """Return each date's place, in the same order."""
        return [place for _span, place in self.answers()]

    def answers(self) -> list[tuple[tuple[datetime, datetime], str]]:
        """Return what was typed: beginning and end with the place, in the order of time."""
        typed = self.cleaned_data

        def moment(row: int, name: str) -> datetime:
            hour: time = typed[f"{name}_{row}"]
            return calendar.at(typed[f"day_{row}"], hour.hour, hour.minute)

        rows = [one.number for one in self.meetings]
        return sorted(((moment(row, "begins"), moment(row, "ends")), typed[f"place_{row}"].strip()) for row in rows)


class ShiftForm(DeskForm):
    days = WholeNumber(
        signed=True,
        label=_("So many days later"),
        min_value=-365,
        max_value=365,
        help_text=_("7 is the same weekday a week later; -7 a week earlier. Hours and places stay."),
    )
    even_if_closed = forms.BooleanField(label=_("Also on a day without school"), required=False)

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
    inlines: ClassVar[Any] = (MeetingRows, EnrolmentRows)
    actions: ClassVar[Any] = ("shift_several", "cancel_several")
    actions_detail: ClassVar[Any] = (
        "enrol",
        "move",
        "cancel",
        {"title": _("More"), "icon": "more_horiz", "items": ["change_places", "change_enrolling", "to_course"]},
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        rows: QuerySet[Session] = super().get_queryset(request)
        waiting = Enrolment.objects.filter(session=OuterRef("pk"), status=Enrolment.Status.WAITLISTED)
        rows = rows.select_related("offer__company").defer("offer__search", "offer__words")
        return rows.annotate(in_line=how_many(waiting, "session"))

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
        if obj.starts_at > now:
            names += ["move", "cancel", "change_enrolling"]
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
            button=_("Change places"),
            act=lambda form: planning.change_places(
                session_id=session.pk, places=form.cleaned_data["places"], by=actor_of(request), now=clock.now()
            ),
            done=_("The session has its new number of places."),
        )

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
        concerned = session.enrolments.filter(status__in=planning.TOLD_OF_MOVES)
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
        whens = [
            dates.span_in_words(one.starts_at, one.ends_at) + (f", {one.place}" if one.place else "")
            for one in session.meetings.order_by("number")
        ]
        return self.deed(
            request,
            session,
            title=_("Move the session"),
            form=MoveForm(answers(request), session=session),
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
            lists=[(_("Until now"), whens), (_("Classes that are told"), classes)],
            button=_("Move the session"),
            act=lambda form: planning.move_session(
                session_id=session.pk,
                starts=form.spans(),
                places=form.wheres(),
                even_if_closed=form.cleaned_data["even_if_closed"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=lambda moved: (
                gettext("The session is moved to %(when)s, and everybody concerned is told.")
                % {"when": dates.moment_in_words(moved.starts_at)}
            ),
            places={"starts": "day_1"},
        )

    def in_words(self, session: Session) -> str:
        """Return a session as a page on several of them names it."""
        count = session.enrolments.filter(status__in=planning.TOLD_OF_MOVES).count()
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
        return planning.move_session(
            session_id=session.pk,
            starts=planning.shifted(session, typed["days"]),
            even_if_closed=typed["even_if_closed"],
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

"""Sessions at the desk: who comes, how many places, calling one off."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from offers.domain import dates, planning
from offers.models import Enrolment, Meeting, Session
from portal.admin import Desk, DeskForm, ReadRows, WholeNumber, action, answers, day_and_hour, display
from portal.domain import clock
from portal.forms.fields import Words
from portal.http import actor_of

SOON = timedelta(days=21)
SESSION_COLORS = {
    Session.State.OPEN: "success",
    Session.State.HELD: "info",
    Session.State.CANCELLED: "danger",
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


class PlacesForm(DeskForm):
    places = WholeNumber(label=_("Places"), min_value=1, max_value=1000)


@admin.register(Session)
class SessionDesk(Desk):
    """The bookable occasions of all courses."""

    icon = "event"
    export_pairs: ClassVar[Any] = {"course": (_("Course"), _("Company"))}
    export_columns = ("ends_at", "places", "places_taken")
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
        "places",
        "places_taken",
        "note",
        "cancel_reason",
    )
    readonly_fields = tuple(name for name in fields if name != "note")
    inlines: ClassVar[Any] = (MeetingRows, EnrolmentRows)
    actions_detail = ("change_places", "cancel")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        rows: QuerySet[Session] = super().get_queryset(request)
        return rows.select_related("offer__company").annotate(
            in_line=Count("enrolments", filter=Q(enrolments__status=Enrolment.Status.WAITLISTED))
        )

    def fitting(self, obj: Session) -> Iterable[str]:
        if obj.state == Session.State.CANCELLED:
            return []
        return ["change_places", "cancel"] if obj.starts_at > clock.now() else ["change_places"]

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
        return session.state, session.get_state_display()

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

    @action(description=_("Cancel the session"), url_path="aflys", icon="event_busy")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Call the session off."""
        session: Session = self.found(request, object_id)
        concerned = session.enrolments.filter(
            status__in=[*Enrolment.Status.holding(), Enrolment.Status.WAITLISTED]
        ).select_related("school", "school_class", "session", "teacher")
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

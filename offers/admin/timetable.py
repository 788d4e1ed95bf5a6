"""A session as a whole at the desk: beside its classes the line before it and what has happened; and the months."""

from datetime import date
from typing import Any
from urllib.parse import quote

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext

from offers.domain import waiting_list
from offers.domain.month import month_in
from offers.domain.timetable import timetable
from offers.models import MoveProposal, Session
from portal import history
from portal.admin import Told, day_and_hour
from portal.domain import calendar, clock
from portal.domain.phone import as_written
from portal.models import Industry

LINES = 12
SELDOM = {"draw_at", "drawn_at", "min_pupils", "max_pupils", "cancel_reason"}


class SessionAsAWhole:
    """What a session's page shows below its form."""

    change_form_outer_after_template = "admin/desk_session.html"

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add the waiting list in its order, and the newest lines of the log."""
        desk: Any = self
        more: dict[str, Any] = {}
        session = desk.get_object(request, unquote(object_id)) if object_id and request.method != "POST" else None
        if session is not None:  # whoever may not see it gets no page at all
            more = {"line": self.line_of(session), "log": self.log_of(request, session)}
            more["whole_log"] = reverse("admin:offers_session_history", args=(quote(str(session.pk)),))
        answer: HttpResponse = super().changeform_view(  # type: ignore[misc]
            request, object_id, form_url, {**more, **(extra_context or {})}
        )
        return answer

    def get_fields(self, request: HttpRequest, obj: Session | None = None) -> Any:
        """Leave out what this session has not: a draw, group sizes of its own, a reason for being called off."""
        names = super().get_fields(request, obj)  # type: ignore[misc]
        return [name for name in names if obj is None or name not in SELDOM or getattr(obj, name)]

    def get_inlines(self, request: HttpRequest, obj: Session | None) -> Any:
        """Leave out the proposed moves of a session that nobody wanted to move."""
        rows = super().get_inlines(request, obj)  # type: ignore[misc]
        moved = obj is not None and obj.moves.exists()
        return [one for one in rows if moved or one.model is not MoveProposal]

    def line_of(self, session: Session) -> list[dict[str, Any]]:
        """Return who waits, the first first, and whether the free places would do."""
        rows = session.enrolments.waitlisted().select_related("school", "school_class", "session__offer", "teacher")
        return [
            {
                "place": place,
                "label": one.class_label,
                "school": one.school_name,
                "needs": one.places,
                "fits": one.places <= session.places_left,
                "reach": ", ".join(part for part in (str(one.teacher or ""), as_written(one.teacher_phone)) if part),
                "since": day_and_hour(one.waiting_since),
                "url": reverse("admin:offers_enrolment_change", args=(one.pk,)),
            }
            for one, place in sorted(waiting_list.in_line(rows), key=lambda pair: pair[1])
        ]

    def log_of(self, request: HttpRequest, session: Session) -> list[Told]:
        """Return the newest lines of what happened to the session and its classes."""
        desk: Any = self
        if not desk.may_read_history(request):
            return []
        entries = list(desk.entries_about(session)[:LINES])
        return [Told(line=line, about=desk.about(line.entry, session)) for line in history.lines(entries)]

    # All dates of a month

    def get_urls(self) -> list[Any]:
        desk: Any = self
        view = desk.admin_site.admin_view(self.month_view)
        return [path("kalender/", view, name="offers_session_month"), *super().get_urls()]  # type: ignore[misc]

    def list_buttons(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the list's buttons, that of the calendar first."""
        buttons: list[dict[str, Any]] = super().list_buttons(request)  # type: ignore[misc]
        address = reverse("admin:offers_session_month")
        return [{"title": gettext("Calendar"), "icon": "calendar_month", "path": address, "attrs": {}}, *buttons]

    def month_view(self, request: HttpRequest) -> HttpResponse:
        """Show a month of all courses' dates as a table, on small screens as a list; ``branche`` narrows it."""
        desk: Any = self
        if not desk.has_view_permission(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        now = clock.now()
        first: date = month_in(request.GET.get("maaned", "")) or calendar.local_day(now).replace(day=1)
        industries = list(Industry.objects.filter(offers__sessions__isnull=False).distinct())
        chosen = next((one for one in industries if one.slug == request.GET.get("branche", "")), None)
        free = request.GET.get("ledige") == "1"
        sessions = Session.objects.exclude(state=Session.State.PLANNED)
        if chosen is not None:
            sessions = sessions.filter(offer__industry=chosen)
        if free:
            sessions = sessions.filter(pk__in=Session.objects.bookable(now).with_places().values("pk"))
        context = {
            **desk.admin_site.each_context(request),
            "opts": desk.model._meta,
            "title": gettext("Calendar of all dates"),
            "month": timetable(first, sessions=sessions, now=now),
            "industries": industries,
            "chosen": chosen,
            "free": free,
            "back": reverse("admin:offers_session_changelist"),
        }
        request.current_app = desk.admin_site.name
        return TemplateResponse(request, "admin/desk_month.html", context)

"""A session as a whole at the desk: beside its classes the line before it and what has happened; and the months."""

from typing import Any
from urllib.parse import quote

from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from offers.domain import waiting_list
from offers.models import Session
from portal import history
from portal.admin import Told, day_and_hour

LINES = 12


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
        if session is not None and desk.has_view_permission(request, session):
            more = {"line": self.line_of(session), "log": self.log_of(request, session)}
            more["whole_log"] = reverse("admin:offers_session_history", args=(quote(str(session.pk)),))
        answer: HttpResponse = super().changeform_view(  # type: ignore[misc]
            request, object_id, form_url, {**more, **(extra_context or {})}
        )
        return answer

    def line_of(self, session: Session) -> list[dict[str, Any]]:
        """Return who waits, the first first, and whether the free places would do."""
        rows = session.enrolments.waitlisted().select_related("school", "school_class", "session__offer")
        return [
            {
                "place": place,
                "label": one.class_label,
                "school": one.school_name,
                "needs": one.places,
                "fits": one.places <= session.places_left,
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

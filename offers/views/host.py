"""A host's visits, by link."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse


def visits(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    raise Http404


def session(request: HttpRequest, contact_id: UUID, session_id: UUID) -> HttpResponse:
    raise Http404


def cancel(request: HttpRequest, contact_id: UUID, session_id: UUID) -> HttpResponse:
    raise Http404


def answer(request: HttpRequest, contact_id: UUID, enrolment_id: UUID) -> HttpResponse:
    raise Http404


def report(request: HttpRequest, contact_id: UUID, enrolment_id: UUID) -> HttpResponse:
    raise Http404

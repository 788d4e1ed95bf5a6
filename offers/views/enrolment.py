"""A teacher's enrolments."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse


def enrol(request: HttpRequest, session_id: UUID) -> HttpResponse:
    raise Http404


def my_enrolments(request: HttpRequest) -> HttpResponse:
    raise Http404


def enrolment(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    raise Http404


def change(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    raise Http404


def cancel(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    raise Http404


def place(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    raise Http404


def calendar(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    raise Http404

"""A company describes its course, by link."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse


def overview(request: HttpRequest, invite_id: UUID) -> HttpResponse:
    raise Http404


def step(request: HttpRequest, invite_id: UUID, step: int) -> HttpResponse:
    raise Http404


def submit(request: HttpRequest, invite_id: UUID) -> HttpResponse:
    raise Http404

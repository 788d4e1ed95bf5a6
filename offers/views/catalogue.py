"""What anyone may find without signing in."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse


def home(request: HttpRequest) -> HttpResponse:
    raise Http404


def catalogue(request: HttpRequest) -> HttpResponse:
    raise Http404


def offer(request: HttpRequest, offer_id: UUID, slug: str = "") -> HttpResponse:
    raise Http404

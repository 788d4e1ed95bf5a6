"""Partnership guides as PDF."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse


def for_offer(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    raise Http404


def for_company(request: HttpRequest, company_id: UUID) -> HttpResponse:
    raise Http404


def for_enrolment(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    raise Http404


def for_host(request: HttpRequest, contact_id: UUID, enrolment_id: UUID) -> HttpResponse:
    raise Http404


def wait(request: HttpRequest, job_id: UUID) -> HttpResponse:
    raise Http404

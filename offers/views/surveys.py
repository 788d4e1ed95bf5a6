"""Looking back: surveys by link, and a teacher's word that the visit took place."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse


def survey(request: HttpRequest, survey_id: UUID) -> HttpResponse:
    raise Http404


def teacher_report(request: HttpRequest, enrolment_id: UUID) -> HttpResponse:
    raise Http404

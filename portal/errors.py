"""The portal's own error pages. They must work when little else does."""

from django.db import DatabaseError, IntegrityError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from portal.domain.constraints import sentence_for

BARE = {405, 410, 413, 429}


def page(request: HttpRequest, status: int) -> HttpResponse:
    """Return the error page of a status."""
    return render(request, f"{status}.html", status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the request makes no sense."""
    return page(request, 400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: signed in, but not allowed."""
    return page(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: there is no such page, or none for this person."""
    return page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault. Rendered without the database."""
    return render(request, "500.html", status=500)


def busy(request: HttpRequest) -> HttpResponse:
    """503: somebody else holds what this request needs; try again in a moment."""
    response = page(request, 503)
    response.headers["Retry-After"] = "5"
    return response


def unreadable(request: HttpRequest) -> HttpResponse:
    """400 for a body or a query that cannot even be parsed: from here on the request is read as an empty one."""
    request.GET = QueryDict()
    request.POST = QueryDict()
    return page(request, 400)


def typed_in(request: HttpRequest) -> list[tuple[str, str]]:
    """Return what was typed into a form, to be shown again; secrets are not."""
    return [
        (name, str(value))
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken" and "password" not in name and str(value).strip()
    ][:40]


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form is too old or came from elsewhere; what was typed is shown again."""
    return render(request, "403.html", {"csrf": True, "typed": typed_in(request)}, status=403)


def refused_by_the_database(request: HttpRequest, error: DatabaseError) -> HttpResponse:
    """409: it does not fit with what is there, in the words of the rule. 400: the database cannot even store it."""
    if isinstance(error, IntegrityError):
        context = {"sentence": sentence_for(error), "typed": typed_in(request)}
        response = render(request, "409.html", context, status=409)
    else:
        response = page(request, 400)
    response.caught_by_the_net = True  # type: ignore[attr-defined]
    return response

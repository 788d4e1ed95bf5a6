"""The portal's own error pages. They must work when little else does."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

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


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form is too old or came from elsewhere; what was typed is shown again."""
    typed = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken" and "password" not in name and str(value).strip()
    ]
    return render(request, "403.html", {"csrf": True, "typed": typed[:40]}, status=403)

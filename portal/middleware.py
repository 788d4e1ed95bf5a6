"""What every request passes: no control characters, one language, friendly errors, a strict admin."""

import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, RawPostDataException
from django.http.multipartparser import MultiPartParserError
from django.utils import translation

from portal import errors
from portal.accounts import SESSION_ENDS_AT
from portal.http import client_address
from portal.models import User

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# Everything below the space but tab, line feed and carriage return, which textareas send; and delete.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
IN_ADDRESS = re.compile(rb"[\x00-\x1f\x7f]")


class RefuseControlCharacters:
    """Answer 400 to null bytes and control characters, wherever they stand.

    PostgreSQL refuses a null byte in text with an error, and no person ever types one.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        address = unquote_to_bytes(request.META.get("PATH_INFO", "").encode("latin-1", "replace"))
        query = unquote_to_bytes(request.META.get("QUERY_STRING", ""))
        if IN_ADDRESS.search(address) or CONTROL_BYTES.search(query):
            return errors.bad_request(request)
        if request.method == "POST":
            try:
                if any(CONTROL.search(text) for text in self.body(request)):
                    return errors.bad_request(request)
            except (
                BadRequest,
                SuspiciousOperation,
                MultiPartParserError,
                RawPostDataException,
                UnicodeError,
                ValueError,
            ):
                return errors.bad_request(request)
        return self.get_response(request)

    def body(self, request: HttpRequest) -> Iterator[str]:
        """Yield every name and value of a form, and the names of its files."""
        for name, values in request.POST.lists():
            yield name
            yield from (str(value) for value in values)
        for name, files in request.FILES.lists():
            yield name
            yield from (str(getattr(file, "name", "")) for file in files)


class ClientInLog:
    """Let every log line of a request say from which address it came."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with structlog.contextvars.bound_contextvars(client=client_address(request)):
            return self.get_response(request)


class AdminContentSecurity:
    """Allow in the admin what its theme cannot do without, and nothing of it elsewhere."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path.startswith("/admin/"):
            response._csp_update = settings.ADMIN_CONTENT_SECURITY  # type: ignore[attr-defined]
        return response


class SessionLimits:
    """End a session at its hour, however busy it has been: after 8 hours for staff, after 12 for teachers.

    One that does not say when it ends began before that was written down, and ends now.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.session.get(SESSION_KEY):
            if request.session.get(SESSION_ENDS_AT, 0) <= time.time():
                logout(request)
        return self.get_response(request)


class ChosenLanguage:
    """Danish, unless the person has chosen English (by the switch, or in the own account)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        if chosen not in dict(settings.LANGUAGES):
            chosen = settings.LANGUAGE_CODE
            if settings.SESSION_COOKIE_NAME in request.COOKIES and isinstance(request.user, User):
                chosen = request.user.language
        with translation.override(chosen):
            request.LANGUAGE_CODE = chosen
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", chosen)
        return response


class FriendlyErrors:
    """Give the bare answers of the framework (405, 410, 429) a page, and a full house a *try again*."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        bare = isinstance(response, HttpResponse) and not response.content
        if bare and response.status_code in errors.BARE:
            page = errors.page(request, response.status_code)
            if "Allow" in response.headers:
                page.headers["Allow"] = response.headers["Allow"]
            return page
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OperationalError) and getattr(exception.__cause__, "sqlstate", "") == "55P03":
            return errors.busy(request)
        return None

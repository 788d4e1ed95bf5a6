"""What every request passes: no control characters, tidy words, one language, friendly errors, a strict admin."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict, RawPostDataException
from django.http.multipartparser import MultiPartParserError
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import translation

from portal import errors, uploads
from portal.domain.text import tidy
from portal.domain.uploads import DISK_IS_FULL
from portal.http import SESSION_ENDS_AT, client_address
from portal.models import User

logger = logging.getLogger("portal.middleware")
GetResponse = Callable[[HttpRequest], HttpResponseBase]

# Everything below the space but tab, line feed and carriage return, which textareas send; and delete.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
LARGEST_BODY = uploads.LARGEST_DOCUMENT + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
IN_ADDRESS = re.compile(rb"[\x00-\x1f\x7f]")


class SafeHeaders:
    """Say with every answer what browsers may do with it; a view that knows better has said so already."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("X-Frame-Options", settings.X_FRAME_OPTIONS)
        return response


class RefuseLargeBodies:
    """Answer 413 to what is larger than any file we take, before a byte of it is read."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isascii() and length.isdigit() and (len(length) > 12 or int(length) > LARGEST_BODY):
            return errors.page(request, 413)
        return self.get_response(request)


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
        if any(CONTROL.search(value) for value in request.COOKIES.values()):
            return errors.bad_request(request)
        try:
            request.GET.lists()  # a character set that does not exist, ten thousand parameters
            if request.method == "POST" and any(CONTROL.search(text) for text in self.body(request)):
                return errors.bad_request(request)
        except RequestDataTooBig:
            return errors.page(request, 413)
        except OSError as error:
            if error.errno not in DISK_IS_FULL:
                raise
            return errors.page(request, 507)
        except (
            BadRequest,
            LookupError,
            MultiPartParserError,
            RawPostDataException,
            SuspiciousOperation,
            UnicodeError,
            ValueError,
        ):
            return errors.unreadable(request)
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


class CsrfProtection(CsrfViewMiddleware):
    """Django's protection against forged forms, which also takes forms from our pages under ``no-referrer``.

    With that policy (every page that is reached by a secret address has it) browsers say ``Origin: null`` with the
    page's own forms, and Django refuses what does not name our origin. It is taken only by views that are marked for it
    (:func:`portal.http.takes_null_origin`), and only while the browser does not say that the form came from elsewhere:
    ``Sec-Fetch-Site``, which no script can set, is ``same-origin`` wherever it is sent. The token is checked as ever.
    """

    def _origin_verified(self, request: HttpRequest) -> bool:
        if super()._origin_verified(request):  # type: ignore[misc]
            return True
        view = request.resolver_match.func if request.resolver_match else None
        return (
            request.META["HTTP_ORIGIN"] == "null"
            and getattr(view, "takes_null_origin", False)
            and request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        )


class TidyWords:
    """Hand on what was typed as it is kept (``portal.domain.text``), in every query and every form.

    So *Blåbær* is one word however a keyboard composes it, and no form can forget it. Passwords stay as they are.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.GET = self.tidied(request.GET)  # type: ignore[assignment]
        if request.method == "POST":
            request.POST = self.tidied(request.POST)  # type: ignore[assignment]
        return self.get_response(request)

    def tidied(self, typed: QueryDict) -> QueryDict:
        """Return the same names and values, tidied; the very same object when there is nothing to tidy."""
        changed: dict[str, list[str]] = {}
        for name, values in typed.lists():
            if "password" not in name:
                tidy_values = [tidy(str(value)) for value in values]
                if tidy_values != values:
                    changed[name] = tidy_values
        if not changed:
            return typed
        kept = typed.copy()
        for name, values in changed.items():
            kept.setlist(name, values)
        kept._mutable = False
        return kept


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
        signed_in = settings.SESSION_COOKIE_NAME in request.COOKIES and request.session.get(SESSION_KEY)
        if signed_in and request.session.get(SESSION_ENDS_AT, 0) <= time.time():
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
    """Give the bare answers of the framework (405, 410, 429) a page, and a full house a *try again*.

    The database has the last word. When a form forgot to ask what it refuses, the person still reads a sentence and
    keeps what was typed; the log says which form that was.
    """

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
        if isinstance(exception, (DataError, IntegrityError)):
            logger.error("caught-by-the-net", exc_info=exception)
            return errors.refused_by_the_database(request, exception)
        return None

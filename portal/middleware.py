"""What every request passes: no control characters, tidy words, one language, friendly errors, a strict admin."""

import logging
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict, RawPostDataException
from django.http.multipartparser import MultiPartParserError
from django.utils import translation

from portal import errors
from portal.domain.text import tidy
from portal.models import User

logger = logging.getLogger("portal.middleware")
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
        if any(CONTROL.search(value) for value in request.COOKIES.values()):
            return errors.bad_request(request)
        try:
            request.GET.lists()  # a character set that does not exist, ten thousand parameters
            if request.method == "POST" and any(CONTROL.search(text) for text in self.body(request)):
                return errors.bad_request(request)
        except RequestDataTooBig:
            return errors.page(request, 413)
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

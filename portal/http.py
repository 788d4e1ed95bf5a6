"""Typed requests, and the doors that only some may pass."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from ipaddress import IPv6Address, ip_address
from typing import Any

from allauth.core.exceptions import ReauthenticationRequired
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.wsgi import WSGIRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.http import parse_header_parameters, url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from portal.domain import clock
from portal.domain.actor import Actor
from portal.domain.privacy import Export
from portal.models import Link, User

SESSION_KEY = "links"
SIGNED_IN_AT = "signed_in_at"
SEEN_AT = "desk_seen_at"
SESSION_ENDS_AT, SESSION_EXTENDED = "session_ends_at", "session_extended"
EXTENSION = 20 * 60  # by a press of a button, ten times at most (WCAG 2.2.1); staff's are used up when they sign in
MOST_EXTENSIONS = 10
LATE = 60 * 60  # so long before its end a session can be extended
DESK_IDLE = 30 * 60  # seconds without a visit, after which the desk asks anew who it is
RECENT = timedelta(minutes=15)
LONGEST_ADDRESS = 1000
NOBODYS_ADDRESS = "0.0.0.0"  # noqa: S104 (said when there is no address, e.g. on a Unix socket; nothing is bound to it)
LONGEST_CLIENT_ADDRESS = 64


class ReadableRequest(WSGIRequest):
    """A request whose words are UTF-8, whatever its header claims.

    Django believes a character set that is none (``charset=hex``) and breaks before any middleware is asked; it also
    reads the query at once then, with the same end when there are ten thousand parameters.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}


class UserRequest(HttpRequest):
    """A request of somebody who signed in."""

    user: User


class LinkRequest(HttpRequest):
    """A request of somebody who came in by a link."""

    link: Link
    actor: Actor


def client_address(request: HttpRequest) -> str:
    """Return the network address that the request came from, in its shortest usual form.

    Behind ``TRUSTED_PROXIES`` proxies each of them appends to ``X-Forwarded-For`` whom it heard, so the entry that many
    places from the right is the one that our outermost proxy saw; what stands left of it was written by the client and
    proves nothing. A list that is too short or says something else than an address there gives the address of
    whoever is connected, and without one ``0.0.0.0``.
    """
    proxies = max(0, settings.TRUSTED_PROXIES)
    if proxies:
        entries = request.META.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", proxies)[-proxies:]
        if len(entries) == proxies and (address := _plain_address(entries[0])):
            return address
    return _plain_address(request.META.get("REMOTE_ADDR", "")) or NOBODYS_ADDRESS


def _plain_address(text: str) -> str:
    """Return an address without port, zone and IPv4-in-IPv6 wrapping; an empty text when it is none."""
    text = text.strip()
    if len(text) > LONGEST_CLIENT_ADDRESS:
        return ""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def actor_of(request: HttpRequest) -> Actor:
    """Return who acts in a request of a signed-in person."""
    if not isinstance(request.user, User):
        raise Http404
    return Actor.of_user(request.user)


def remember_link(request: HttpRequest, link: Link) -> None:
    """Let this browser in for the link's purpose and object. A browser nobody signed in at gets a new session key.

    With every link: whoever holds one could have planted a session that lies open to it, and waits for the next.
    """
    entries = dict(request.session.get(SESSION_KEY, {}))
    if not request.user.is_authenticated:
        request.session.cycle_key()
    entries[f"{link.purpose}:{link.reference_id}"] = [str(link.pk), link.version]
    request.session[SESSION_KEY] = entries


def forget_links(request: HttpRequest) -> None:
    """Take back what :func:`remember_link` gave this browser; where nobody signed in, nothing at all stays."""
    if request.user.is_authenticated:
        request.session.pop(SESSION_KEY, None)
    else:
        request.session.flush()


def secret_page(response: HttpResponseBase) -> HttpResponseBase:
    """Mark a page that only a link holder sees: not stored, not indexed, and its address is told to nobody.

    Under ``no-referrer`` browsers send ``Origin: null`` with the page's own forms: the view must be marked with
    :func:`takes_null_origin`.
    """
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def takes_null_origin(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Mark a view that takes forms of pages under ``no-referrer`` (see ``portal.middleware.CsrfProtection``)."""
    view.takes_null_origin = True  # type: ignore[attr-defined]
    return view


def ended_page(request: HttpRequest, link: Link) -> HttpResponseBase:
    """Return the page (410) of a link that no longer works, with a button that asks for one that does."""
    return secret_page(render(request, "410.html", {"link": link}, status=410))


def held_links(request: HttpRequest) -> list[Link]:
    """Return the links that let this browser in and still live."""
    entries = request.session.get(SESSION_KEY, {})
    versions = {str(entry[0]): entry[1] for entry in entries.values()}
    live = Link.objects.live(clock.now()).filter(pk__in=versions) if versions else []
    return [link for link in live if link.version == versions[str(link.pk)]]


def link_required(
    purpose: str, argument: str
) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Let in only browsers that exchanged a live link for this purpose and the object named by ``argument``.

    Without the session entry the page does not exist; when the link ended meanwhile, the page says so (410).
    The view finds ``request.link`` and ``request.actor`` (see :class:`LinkRequest`).
    """

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            reference_id = kwargs[argument]
            entry = request.session.get(SESSION_KEY, {}).get(f"{purpose}:{reference_id}")
            if not entry:
                raise Http404
            links = Link.objects.select_related("parent")
            link = links.filter(pk=entry[0], purpose=purpose, reference_id=reference_id).first()
            if link is None:
                raise Http404
            if link.version != entry[1] or link.has_ended(clock.now()):
                return ended_page(request, link)
            request.link = link  # type: ignore[attr-defined]
            request.actor = Actor.of_link(link)  # type: ignore[attr-defined]
            return secret_page(view(request, *args, **kwargs))

        return takes_null_origin(login_not_required(never_cache(guarded)))

    return decorate


def proven_at(request: HttpRequest) -> float:
    """Return when this session last proved who sits there: at sign-in, or since; in seconds since 1970."""
    moments = [request.session.get(SIGNED_IN_AT, 0.0)]
    records = request.session.get("account_authentication_methods") or []
    moments += [record.get("at", 0.0) for record in records if record.get("reauthenticated")]
    return float(max(moments))


def desk_seen_at(request: HttpRequest) -> float:
    """Return when this session was last at the desk, or proved who sits there, in seconds since 1970."""
    return max(float(request.session.get(SEEN_AT, 0.0)), proven_at(request))


def seconds_left(request: HttpRequest, *, at_the_desk: bool = False) -> int:
    """Return after how many seconds this session ends by itself; at the desk, or asks anew who it is."""
    now = time.time()
    left = request.session.get(SESSION_ENDS_AT, now) - now
    if at_the_desk:
        left = min(left, desk_seen_at(request) + DESK_IDLE - now)
    return max(0, int(left))


def may_go_on(request: HttpRequest) -> bool:
    """Return whether this session can still be made longer: a teacher's, ten times; staff's never.

    Eight hours are the limit that whoever has a role in the municipality agrees to (WCAG 2.2.1, essential exception);
    the page says from the first minute on when it comes, and warns before it.
    """
    return bool(request.session.get(SESSION_EXTENDED, 0) < MOST_EXTENSIONS)


def ends_for_good(request: HttpRequest, *, at_the_desk: bool = False) -> bool:
    """Return whether what comes next is the session's end, which no press of a button puts off."""
    left = seconds_left(request)
    return not may_go_on(request) and left <= seconds_left(request, at_the_desk=at_the_desk)


def stay(request: HttpRequest) -> None:
    """Let a session that would soon end go on for another while, if it may, and count as a visit to the desk."""
    now, session = time.time(), request.session
    if session.get(SESSION_ENDS_AT, 0) - now < LATE and may_go_on(request):
        session[SESSION_ENDS_AT] += EXTENSION
        session[SESSION_EXTENDED] = session.get(SESSION_EXTENDED, 0) + 1
    if SEEN_AT in session and now - desk_seen_at(request) <= DESK_IDLE:
        session[SEEN_AT] = now


def is_recently_authenticated(request: HttpRequest) -> bool:
    """Return whether the person proved within the last 15 minutes who they are."""
    return request.user.is_authenticated and time.time() - proven_at(request) <= RECENT.total_seconds()


def require_recent_authentication(request: HttpRequest) -> None:
    """Let the request go on only if the person proved within the last 15 minutes who they are.

    Otherwise they are asked first (passkey, authenticator app or recovery code; without a second factor, a code by
    mail) and the request is then done as it was sent, POSTs included. To be called before anything is done, outside of
    transactions; what it raises must not be caught by the caller.
    """
    if not is_recently_authenticated(request):
        raise ReauthenticationRequired


def recently_authenticated(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Ask again who it is before exports of persons and changes of roles (see above); put it below ``login_required``.

    For views. Methods of the desk call :func:`require_recent_authentication` in their first line.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        require_recent_authentication(request)
        return view(request, *args, **kwargs)

    return guarded


def local_address(request: HttpRequest, wanted: str) -> str | None:
    """Return where somebody wanted to go, if that lies in this portal: the one reader of a browser's ``next``."""
    clean = wanted if wanted.isprintable() and len(wanted) <= LONGEST_ADDRESS else ""
    safe = url_has_allowed_host_and_scheme(clean, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return clean if safe else None


def handed_out(request: HttpRequest, made: Export, *, form: str, layout: str, to: str, back: str) -> HttpResponseBase:
    """Return what the portal knows about a person: a file for machines, or a page that prints well. Stored by nobody.

    The page says when it was made and for whom.
    """
    response: HttpResponse
    if form == "json":
        content = json.dumps(made.as_data(), ensure_ascii=False, indent=2)
        response = HttpResponse(content, content_type="application/json; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="mine-oplysninger.json"'
    else:
        context = {"export": made, "layout": layout, "to": to, "back": back}
        response = render(request, "portal/personal_data_export.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response

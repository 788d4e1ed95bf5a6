"""Typed requests, and the doors that only some may pass."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from portal.domain import clock
from portal.domain.actor import Actor
from portal.models import Link, User

SESSION_KEY = "links"


class UserRequest(HttpRequest):
    """A request of somebody who signed in."""

    user: User


class LinkRequest(HttpRequest):
    """A request of somebody who came in by a link."""

    link: Link
    actor: Actor


def actor_of(request: HttpRequest) -> Actor:
    """Return who acts in a request of a signed-in person."""
    if not isinstance(request.user, User):
        raise Http404
    return Actor.of_user(request.user)


def remember_link(request: HttpRequest, link: Link) -> None:
    """Let this browser in for the link's purpose and object."""
    entries = dict(request.session.get(SESSION_KEY, {}))
    entries[f"{link.purpose}:{link.reference_id}"] = [str(link.pk), link.version]
    request.session[SESSION_KEY] = entries


def secret_page(response: HttpResponseBase) -> HttpResponseBase:
    """Mark a page that only a link holder sees: not stored, not indexed, and its address is told to nobody.

    The policy names the origin and nothing more. ``no-referrer`` would make browsers send ``Origin: null`` with every
    form of the page, which the protection against forged requests must refuse.
    """
    response.headers["Referrer-Policy"] = "strict-origin"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


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
            link = Link.objects.filter(pk=entry[0], purpose=purpose, reference_id=reference_id).first()
            if link is None:
                raise Http404
            if link.version != entry[1] or link.revoked_at is not None or link.expires_at <= clock.now():
                return secret_page(render(request, "410.html", {"link": link}, status=410))
            request.link = link  # type: ignore[attr-defined]
            request.actor = Actor.of_link(link)  # type: ignore[attr-defined]
            return secret_page(view(request, *args, **kwargs))

        return login_not_required(never_cache(guarded))

    return decorate

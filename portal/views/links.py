"""The landing page of every link: GET shows one button, the POST lets the browser in. And the ways out and back.

Mail scanners open every link and press lonely buttons; neither changes anything that matters: what the POST does is
a session entry, and whoever has the address has the right already.
"""

from datetime import timedelta
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from portal.domain import clock, limits, links, suppressions, watch
from portal.http import client_address, ended_page, forget_links, remember_link, secret_page, takes_null_origin
from portal.models import Link

UNKNOWN_IN_A_MINUTE = 30
MINUTE = timedelta(minutes=1)


@takes_null_origin
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def landing(request: HttpRequest, token: str) -> HttpResponseBase:
    """Say what the link is for; on POST, exchange it for a session entry and a clean address.

    Tokens that never were all get the same page, and more than 30 of them a minute from one address get none. A token
    that is known is never counted: a whole company may sit behind one address.
    """
    now = clock.now()
    try:
        link = links.find(token, now=now)
        if link is not None and link.purpose == Link.Purpose.CALENDAR:
            link = None  # a calendar is read at its own address, and lets nobody in
        if link is not None and request.method == "POST":
            link = links.use(link_id=link.pk, now=now)
            remember_link(request, link)
            return secret_page(redirect(f"link-{link.purpose}", link.reference_id))
    except links.LinkEnded as ended:  # it had ended, or it was withdrawn between the look and the use
        return ended_page(request, ended.link)
    if link is None:
        return _unknown(request)
    return secret_page(render(request, "portal/link_landing.html", {"link": link}))


def _unknown(request: HttpRequest) -> HttpResponseBase:
    """Answer a token that never was; more than 30 of them a minute from one address get none."""
    now = clock.now()
    watch.unknown_link(now=now)
    tried = limits.count("unknown-link", client_address(request), window=MINUTE, now=now)
    if tried > UNKNOWN_IN_A_MINUTE:
        response = secret_page(render(request, "429.html", {"secret": True}, status=429))
        response.headers["Retry-After"] = str(int(MINUTE.total_seconds()))
        return response
    return secret_page(render(request, "404.html", {"secret": True}, status=404))


@csrf_exempt  # mail programs press the button themselves (RFC 8058): the token is all that it takes
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponseBase:
    """Say which mails it is about; on POST send no more of them to the address, or send them again.

    Looking changes nothing. The answer to a POST is a page, because a mail program follows no redirection.
    """
    choice = suppressions.find(token)
    if choice is None:
        return _unknown(request)
    if request.method == "POST":
        suppressions.choose(secret=token, wanted=request.POST.get("wanted") == "yes", now=clock.now())
    context = {"choice": choice, "declined": choice.is_declined, "pressed": request.method == "POST"}
    return secret_page(render(request, "portal/unsubscribe.html", context))


@takes_null_origin
@login_not_required
@never_cache
@require_POST
def again(request: HttpRequest, link_id: UUID) -> HttpResponseBase:
    """Promise a new link to the person on file, and give the same answer whoever asks and whatever comes of it."""
    links.send_again(link_id=link_id, now=clock.now())
    return secret_page(render(request, "portal/link_again.html"))


@takes_null_origin
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest) -> HttpResponseBase:
    """Forget every link this browser came in by, for those at a computer that others use too."""
    if request.method == "POST":
        forget_links(request)
        return secret_page(redirect("link-leave"))
    return secret_page(render(request, "portal/link_left.html"))

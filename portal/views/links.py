"""The landing page of every link: GET shows one button, the POST lets the browser in.

Mail scanners open every link and press lonely buttons; neither changes anything that matters: what the POST does is
a session entry, and whoever has the address has the right already.
"""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.domain import clock, links
from portal.http import remember_link, secret_page


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def landing(request: HttpRequest, token: str) -> HttpResponseBase:
    """Say what the link is for; on POST, exchange it for a session entry and a clean address."""
    now = clock.now()
    try:
        link = links.find(token, now=now)
    except links.LinkEnded as ended:
        return secret_page(render(request, "410.html", {"link": ended.link, "token": token}, status=410))
    if link is None:
        raise Http404
    if request.method == "POST":
        link = links.use(link_id=link.pk, now=now)
        remember_link(request, link)
        return secret_page(redirect(f"link-{link.purpose}", link.reference_id))
    return secret_page(render(request, "portal/link_landing.html", {"link": link, "token": token}))

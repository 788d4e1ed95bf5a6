"""Small pages of the ground: the theme, health, security contact, privacy, accessibility, the language switch."""

import hashlib
from datetime import UTC, timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import condition, require_safe

from portal.context import the_municipality
from portal.domain import privacy as register
from portal.domain.theme import theme_css


def theme_etag(request: HttpRequest) -> str:
    """Return what the theme depends on."""
    sheet = theme_css(the_municipality().brand_color)
    return f'"{hashlib.sha256(sheet.encode()).hexdigest()[:16]}"'


@login_not_required
@require_safe
@condition(etag_func=theme_etag)
def theme(request: HttpRequest) -> HttpResponse:
    """The municipality's colours as a style sheet."""
    response = HttpResponse(theme_css(the_municipality().brand_color), content_type="text/css; charset=utf-8")
    patch_cache_control(response, public=True, max_age=3600)
    return response


SECURITY_TXT_LASTS = timedelta(days=180)


@login_not_required
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Where somebody who has found a weakness can report it (RFC 9116). Without any address there is no such file."""
    contact = settings.SECURITY_CONTACT
    if not contact and (address := the_municipality().contact_email):
        contact = f"mailto:{address}"
    if not contact:
        raise Http404
    # To the day, so that the file is the same all day long.
    expires = (timezone.now() + SECURITY_TXT_LASTS).astimezone(UTC).strftime("%Y-%m-%dT00:00:00Z")
    lines = [
        f"Contact: {contact}",
        f"Expires: {expires}",
        "Preferred-Languages: da, en",
        f"Canonical: {settings.ORIGIN}{request.path}",
    ]
    response = HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
    patch_cache_control(response, public=True, max_age=3600)
    return response


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the web server and its database work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"ok": True})


@login_not_required
@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """Where the accessibility statement stands."""
    return render(request, "portal/accessibility.html")


@login_not_required
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """What the portal knows about whom, why and how long."""
    told = [one for one in register.told(the_municipality()) if one.purpose.public]
    return render(request, "portal/privacy.html", {"told": told, "cookies": register.register().cookies})

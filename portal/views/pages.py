"""Small pages of the ground: the theme, health, privacy and accessibility, and the language switch."""

import hashlib

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
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

"""The coordinator's desk as a place: who may enter, how one signs in, its title, colours and search."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from portal.context import the_municipality
from portal.domain.actor import municipal_roles, municipal_roles_held
from portal.domain.theme import NEUTRAL, admin_ramp, colour_of
from portal.http import DESK_IDLE, SEEN_AT, desk_seen_at
from portal.models import User

MINUTE = 60
HITS_PER_LIST = 8
LONGEST_SEARCH = 100

# How light each shade of grey is, from 0 to 1.
GREYS = {
    "50": 0.985,
    "100": 0.965,
    "200": 0.92,
    "300": 0.86,
    "400": 0.72,
    "500": 0.51,
    "600": 0.46,
    "700": 0.38,
    "800": 0.29,
    "900": 0.22,
    "950": 0.15,
}

# The theme speaks no Danish; its words are translated here, where they are found by makemessages.
THEME_WORDS = (
    _("General"),
    _("Filters"),
    _("Apply Filters"),
    _("Reset filters"),
    _("Clear all filters"),
    _("Search apps and models..."),
    _("Filter navigation items"),
    _("Type to search"),
    _("Go back"),
    _("Select action"),
    _("Select action to run"),
    _("Select record"),
    _("Select value"),
    _("Select all rows"),
    _("Run"),
    _("Run the selected action"),
    _("Clear selection"),
    _("No results found"),
    _("This page yielded into no results. Create a new item or reset your filters."),
    _("View site"),
    _("More actions"),
    _("System"),
    _("Light"),
    _("Dark"),
    _("Add row"),
    _("Expand row"),
    _("This item will be deleted."),
    _("Loading more results..."),
    _("No data"),
    _("Unknown"),
    _("True"),
    _("False"),
)


def site_title(request: HttpRequest) -> str:
    """Return the desk's title."""
    return the_municipality().name


def colors(request: HttpRequest) -> dict[str, dict[str, str]]:
    """Return the municipality's colour and the portal's warm grey in the eleven shades that the theme wants.

    A new dict each time: the theme changes it.
    """
    return {
        "base": {step: colour_of(lightness, NEUTRAL.chroma * 0.6, NEUTRAL.hue) for step, lightness in GREYS.items()},
        "primary": dict(admin_ramp(the_municipality().brand_color)),
        "font": {
            "subtle-light": "var(--color-base-600)",
            "subtle-dark": "var(--color-base-300)",
            "default-light": "var(--color-base-700)",
            "default-dark": "var(--color-base-200)",
            "important-light": "var(--color-base-900)",
            "important-dark": "var(--color-base-50)",
        },
    }


def mark(request: HttpRequest) -> str:
    """Return the address of the portal's mark."""
    return static("img/mark.svg")


def style_sheet(request: HttpRequest) -> str:
    """Return the address of the desk's own style sheet."""
    return static("css/desk.css")


def favicon(request: HttpRequest) -> str:
    """Return the address of the icon that browsers show on the tab."""
    return static("img/favicon.svg")


class DeskSite(UnfoldAdminSite):  # type: ignore[misc]
    """The admin, for people with a role in the municipality; a superuser's flag opens nothing."""

    index_title = _("Overview")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take in our own lists only: those of packages go by Django's permissions, which mean nothing here."""
        if getattr(admin_class, "viewers", None) is not None:
            super().register(model_or_iterable, admin_class, **options)

    def roles_of(self, request: HttpRequest) -> frozenset[str]:
        """Return the municipal roles of whoever asks, the lower ones included (one query per request)."""
        roles: frozenset[str] | None = getattr(request, "municipal_roles", None)
        if roles is None:
            user = request.user
            roles = frozenset()
            if isinstance(user, User) and user.is_active:
                roles = municipal_roles(user)
            request.municipal_roles = roles  # type: ignore[attr-defined]
        return roles

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(self.roles_of(request))

    def admin_view(self, view: Callable[..., HttpResponseBase], cacheable: bool = False) -> Any:
        """Keep out those who are signed in but have no business here; the others sign in first.

        Who has a role but no second factor is led to set one up; who has not been here for half an hour proves again
        who they are, and what was sent is then done.
        """
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.user.is_authenticated:
                if not self.has_permission(request):
                    return self.turn_away(request)
                self.note_visit(request)
            response: HttpResponseBase = inner(request, *args, **kwargs)
            return response

        return guarded

    def turn_away(self, request: HttpRequest) -> HttpResponse:
        """Lead to the second factor whoever lacks only that; to the others the desk is closed."""
        if isinstance(request.user, User) and municipal_roles_held(request.user):
            messages.info(request, _("The desk opens when your account has a second factor. It takes two minutes."))
            return redirect("mfa_index")
        raise PermissionDenied

    def note_visit(self, request: HttpRequest) -> None:
        """Ask again who it is after half an hour without a visit to the desk; note each visit by the minute."""
        now = time.time()
        if now - desk_seen_at(request) > DESK_IDLE:
            raise ReauthenticationRequired
        if now - request.session.get(SEEN_AT, 0.0) > MINUTE:
            request.session[SEEN_AT] = now

    @method_decorator(never_cache)
    @login_not_required
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send to the portal's one page for signing in."""
        if request.user.is_authenticated:
            return redirect("admin:index") if self.has_permission(request) else self.turn_away(request)
        address = reverse("account_login")
        wanted = request.GET.get("next") or reverse("admin:index")
        return redirect(f"{address}?{urlencode({'next': wanted})}")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There are no passwords: send to the page of the second factors."""
        return redirect("mfa_index")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Hand the colours to our template: the theme writes them into a block that the browser would refuse."""
        context: dict[str, Any] = super().each_context(request)
        context["desk_colors"] = context.pop("colors", {})
        context["at_the_desk"] = True
        return context

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Find rows in every list that this person may see and that can be searched."""
        term = request.GET.get("s", "").strip()[:LONGEST_SEARCH]
        if not term:
            return HttpResponse()
        results = []
        for app in self.get_app_list(request):
            for entry in app["models"]:
                desk = self._registry[entry["model"]]
                if not desk.get_search_fields(request) or not desk.has_view_permission(request):
                    continue
                found, _doubles = desk.get_search_results(request, desk.get_queryset(request), term)
                meta = desk.model._meta
                name = f"admin:{meta.app_label}_{meta.model_name}_change"
                results += [
                    SearchResult(
                        title=str(row),
                        description=str(meta.verbose_name),
                        link=reverse(name, args=(row.pk,)),
                        icon=getattr(desk, "icon", "search"),
                    )
                    for row in found.distinct()[:HITS_PER_LIST]
                ]
        return TemplateResponse(
            request, "admin/desk_found.html", {"results": results}, headers={"HX-Trigger": "search"}
        )

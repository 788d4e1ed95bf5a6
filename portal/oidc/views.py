"""Going to the other house, and coming back."""

import logging
from dataclasses import asdict
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, _build_apps_from_settings, get_adapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base.constants import AuthError
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from portal.accounts import IDENTITY, enter, keep
from portal.http import local_address
from portal.oidc.provider import Answers, Identity, NotStaff, OtherHouse, Refused, Unreachable

log = logging.getLogger(__name__)


@login_not_required
@never_cache
@require_POST
def begin(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Send the person to the other house."""
    if request.user.is_authenticated:
        return redirect("home")
    house = _house(request, provider_id)
    try:
        return house.redirect(request, "login", next_url=local_address(request, request.POST.get("next", "")))
    except (Refused, Unreachable) as error:
        return _failed(request, house, error)


@login_not_required
@never_cache
@require_safe
def answer(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Take the other house's answer: sign in whom we know, and ask the others for their work e-mail."""
    if request.user.is_authenticated:
        return redirect("home")
    house = _house(request, provider_id)
    response: HttpResponseBase = Arrival.adapter_view(Arriving(request, provider_id, house))(request)
    return response


def _house(request: HttpRequest, provider_id: str) -> OtherHouse:
    if provider_id not in {house.provider_id for house in settings.OTHER_HOUSES}:
        raise Http404
    house: OtherHouse = get_adapter(request).get_provider(request, provider=provider_id)
    return house


class Arriving(Answers):
    """What happens when the answer is here."""

    def __init__(self, request: HttpRequest, provider_id: str, house: OtherHouse) -> None:
        super().__init__(request, provider_id)
        self.house = house

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """Leave allauth's way of making accounts here: ours asks for a work e-mail, and verifies it."""
        identity = self.identity(kwargs["response"])
        raise ImmediateHttpResponse(_arrived(request, identity, next_url=self.state.get("next")))


class Arrival(OAuth2CallbackView):  # type: ignore[misc]
    """allauth's way back, which keeps the state where the answer is checked."""

    adapter: Arriving

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().dispatch(request, *args, **kwargs)
        except (Refused, Unreachable) as error:
            return _failed(request, self.adapter.house, error)

    def _get_state(self, request: HttpRequest, provider: Any) -> Any:
        state, response = super()._get_state(request, provider)
        self.adapter.state = state or {}
        return state, response


def _arrived(request: HttpRequest, identity: Identity, *, next_url: str | None) -> HttpResponseBase:
    known = SocialAccount.objects.filter(provider=identity.provider, uid=identity.uid).select_related("user").first()
    if known is not None:
        return enter(request, known.user, method="socialaccount", provider=identity.provider, next_url=next_url)
    keep(request, IDENTITY, **asdict(identity), next=next_url)
    return redirect("sign-in-elsewhere")


def _failed(request: HttpRequest, house: Any, error: Exception | None) -> HttpResponse:
    """Say what went wrong in words, and that the code by mail works all the same."""
    log.warning("sign-in elsewhere failed: %s", error, extra={"house": str(house)})
    reason, status = "refused", 403
    if isinstance(error, NotStaff):
        reason = "not_staff"
    elif isinstance(error, Unreachable):
        reason, status = "unreachable", 503
    context = {"house": house, "reason": reason}
    return render(request, "socialaccount/authentication_error.html", context, status=status)


class OtherHouses(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """allauth's adapter: which houses there are, and what is said when somebody comes back without an answer."""

    def list_apps(self, request: Any, provider: Any = None, client_id: Any = None) -> Any:
        """Return the houses that the environment names; the database has no say in it."""
        found = _build_apps_from_settings(provider=provider, client_id=client_id)
        return [app for apps in found.values() for app in apps]

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        if error == AuthError.CANCELLED:
            messages.info(request, _("You turned back before you were signed in."))
            raise ImmediateHttpResponse(redirect("account_login"))
        raise ImmediateHttpResponse(_failed(request, provider, exception))

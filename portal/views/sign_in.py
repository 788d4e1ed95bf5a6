"""Signing in: an address, a code from the mail, and where the person goes from there."""

from typing import Any
from uuid import UUID

from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.reauthentication import resume_request
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.accounts import CODES, IDENTITY, VERIFIED, enter, join_identity, keep, pending
from portal.domain import clock, sign_in, watch
from portal.forms.sign_in import AddressForm, CodeForm
from portal.http import client_address, local_address
from portal.models import User

# So many of the codes that a browser asked for can be typed: mails overtake each other.
KEPT = 3


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def address(request: HttpRequest) -> HttpResponse:
    """Ask for the work e-mail, and mail a code to it; the next page is the same for every address."""
    wanted = local_address(request, request.POST.get("next", "") or request.GET.get("next", ""))
    if request.user.is_authenticated:
        return redirect(wanted or "home")
    form = AddressForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        request.session.pop(IDENTITY, None)  # whoever begins here does not come from another house
        _ask(request, form.cleaned_data["email"], sign_in.Purpose.SIGN_IN, wanted)
        return redirect("sign-in-code")
    return render(request, "account/login.html", {"form": form, "next": wanted, "houses": settings.OTHER_HOUSES})


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def elsewhere(request: HttpRequest) -> HttpResponse:
    """Ask who came from another house for the work e-mail: it tells neither name nor address, or none we may trust."""
    identity = pending(request, IDENTITY)
    if request.user.is_authenticated or identity is None:
        return redirect("account_login")
    form = AddressForm(request.POST if request.method == "POST" else None, initial={"email": identity["email"]})
    if form.is_valid():
        _ask(request, form.cleaned_data["email"], sign_in.Purpose.LINK, identity["next"])
        return redirect("sign-in-code")
    house = next((one.name for one in settings.OTHER_HOUSES if one.provider_id == identity["provider"]), "")
    return render(request, "account/elsewhere.html", {"form": form, "house": house})


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponseBase:
    """Take the code from the mail."""
    asked = pending(request, CODES)
    if request.user.is_authenticated or asked is None or asked["purpose"] == sign_in.Purpose.CONFIRM:
        return redirect("home" if request.user.is_authenticated else "account_login")
    return _type_code(request, asked, template="account/code.html", right=_let_in)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest) -> HttpResponseBase:
    """Ask somebody without a second factor, by a code to the own address, whether it is still the same person."""
    person = request.user
    if not isinstance(person, User):
        raise Http404
    wanted = local_address(request, request.POST.get("next", "") or request.GET.get("next", ""))
    asked = pending(request, CODES)
    if asked is None or asked["purpose"] != sign_in.Purpose.CONFIRM or asked["email"] != person.email:
        if request.method == "POST" and request.POST.get("action") == "mail":
            _ask(request, person.email, sign_in.Purpose.CONFIRM, wanted)
            return redirect(request.get_full_path())
        return render(request, "account/reauthenticate.html", {"next": wanted, "email": person.email})
    return _type_code(request, asked, template="account/reauthenticate.html", right=_same_person)


def _ask(request: HttpRequest, email: str, purpose: str, wanted: str | None) -> None:
    """Ask for a code, and remember in this session which; the last few of the same address can all be typed."""
    now = clock.now()
    client = client_address(request)
    row = sign_in.ask(email=email, purpose=purpose, language=get_language() or "da", client=client, now=now)
    before = pending(request, CODES) or {}
    same = before.get("email") == email and before.get("purpose") == purpose
    ids = [str(row.pk), *(before["ids"] if same else [])][:KEPT]
    keep(request, CODES, ids=ids, email=email, purpose=purpose, next=wanted)


def _type_code(request: HttpRequest, asked: dict[str, Any], *, template: str, right: Any) -> HttpResponseBase:
    """Answer the page where a code is typed, for whatever it is asked."""
    if request.method == "POST" and request.POST.get("action") == "mail":
        _ask(request, asked["email"], asked["purpose"], asked["next"])
        return redirect(request.get_full_path())
    now, ids = clock.now(), [UUID(one) for one in asked["ids"]]
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        row = sign_in.answer(code_ids=ids, purpose=asked["purpose"], typed=form.cleaned_data["code"], now=now)
        if row is not None:
            request.session.pop(CODES, None)
            return right(request, row.email, asked["next"])  # type: ignore[no-any-return]
        owner = User.objects.filter(email=asked["email"]).values_list("pk", flat=True).first()
        watch.refused(watch.CODE_REFUSED, user_id=owner, now=now)
        form.add_error("code", _("This code does not fit. Use the one from the newest mail, in this browser."))
    usable = sign_in.is_open(code_ids=ids, now=now)
    context = {"form": form, "email": asked["email"], "usable": usable, "next": asked["next"], "typing": True}
    return render(request, template, context)


def _let_in(request: HttpRequest, email: str, wanted: str | None) -> HttpResponseBase:
    """Sign in whose address this is; who has no account yet goes on to say who they are."""
    user = User.objects.filter(email=email).first()
    if user is None:
        keep(request, VERIFIED, email=email, next=wanted)
        return redirect("welcome")
    join_identity(request, user)
    return enter(request, user, method="code", next_url=wanted)


def _same_person(request: HttpRequest, email: str, wanted: str | None) -> HttpResponseBase:
    record_authentication(request, request.user, method="code", reauthenticated=True)
    response: HttpResponseBase = resume_request(request) or redirect(wanted or "home")
    return response

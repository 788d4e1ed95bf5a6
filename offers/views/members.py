"""Belonging to a school: the first day, the own page, and the page on which a school confirms its newcomers."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from offers.forms.members import NewcomerForm, RoleForm
from portal.accounts import IDENTITY, VERIFIED, enter, join_identity, pending
from portal.domain import clock
from portal.domain.actor import is_coordinator
from portal.domain.calendar import local_day
from portal.domain.danish import in_danish_order
from portal.domain.refusal import Refusal
from portal.http import actor_of, require_recent_authentication
from portal.models import User
from schools.domain import membership
from schools.models import Membership


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest) -> HttpResponseBase:
    """Ask who signs in for the first time for name, school and role; the address has been verified just before."""
    verified = pending(request, VERIFIED)
    if request.user.is_authenticated or verified is None:
        return redirect("home" if request.user.is_authenticated else "account_login")
    now = clock.now()
    known = (pending(request, IDENTITY) or {}).get("name", "")
    form = NewcomerForm(
        request.POST if request.method == "POST" else None,
        today=local_day(now),
        initial={"name": known, "language": get_language()},
    )
    if form.is_valid():
        newcomer = membership.Newcomer(email=verified["email"], **form.cleaned_data)
        try:
            user = membership.join(newcomer=newcomer, now=now)
        except Refusal as refusal:
            form.add_error(refusal.field, str(refusal.message))
        else:
            request.session.pop(VERIFIED, None)
            join_identity(request, user)
            return enter(request, user, method="code", next_url=verified["next"])
    return render(request, "offers/welcome.html", {"form": form, "email": verified["email"]})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show who one is here; a POST asks for a role at another school."""
    person, now = _person(request), clock.now()
    form = RoleForm(request.POST if request.method == "POST" else None, today=local_day(now))
    if form.is_valid():
        try:
            made = membership.ask_for(**form.cleaned_data, by=actor_of(request), now=now)
        except Refusal as refusal:
            form.add_error(refusal.field, str(refusal.message))
        else:
            words = _("You have asked. You get a mail when somebody has answered.")
            messages.success(request, words if made.unconfirmed_since else _("You belong to the school now."))
            return redirect("my-account")
    context = {
        "form": form,
        "roles": membership.memberships_of(person).select_related("school"),
        "waiting": membership.awaited_by(person).select_related("school"),
        "welcomes": membership.welcomes_newcomers(person),
    }
    return render(request, "offers/account.html", context)


@never_cache
@require_safe
def members(request: HttpRequest) -> HttpResponse:
    """Show a school's leader or ambassador who belongs to it, and who waits for an answer."""
    person = _person(request)
    schools = membership.memberships_of(person).filter(role__in=[Membership.Role.LEADER, Membership.Role.AMBASSADOR])
    if not schools.exists():
        raise Http404
    context = {
        "waiting": _asked(request),
        "people": Membership.objects.current()
        .filter(school__in=schools.values("school"), user__is_active=True)
        .select_related("user", "school")
        .order_by(in_danish_order("school__name"), in_danish_order("user__name"), "role"),
    }
    return render(request, "offers/members.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Ask whether the newcomer does belong to the school; the POST says so."""
    return _answer(request, membership_id, yes=True)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def refuse(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    """Ask whether the newcomer does not belong to the school; the POST says so."""
    return _answer(request, membership_id, yes=False)


def _answer(request: HttpRequest, membership_id: UUID, *, yes: bool) -> HttpResponse:
    asked = get_object_or_404(_asked(request), pk=membership_id)
    if yes and asked.role in Membership.Role.school_wide():
        require_recent_authentication(request)
    if request.method == "POST":
        deed = membership.confirm_membership if yes else membership.refuse_membership
        try:
            deed(membership_id=asked.pk, by=actor_of(request), now=clock.now())
        except Refusal as refusal:
            messages.error(request, str(refusal.message))
        else:
            who = {"name": asked.user.name}
            messages.success(
                request, (_("%(name)s has been confirmed.") if yes else _("%(name)s has been refused.")) % who
            )
        return redirect("school-members")
    return render(request, "offers/member_answer.html", {"asked": asked, "yes": yes})


def _asked(request: HttpRequest) -> Any:
    """Return the requests this person may answer on the school's page; a coordinator answers at the desk."""
    if is_coordinator(_person(request)) and not membership.welcomes_newcomers(_person(request)):
        raise Http404
    rows = membership.decided_by(actor_of(request)).select_related("user", "school")
    return rows.order_by("unconfirmed_since", "pk")


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user

"""Sending a company's link on: the colleague gets a link of their own, which can be withdrawn again."""

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from offers.domain import authoring
from offers.forms.sharing import ColleagueForm
from portal.domain import clock, links
from portal.domain.refusal import Refusal
from portal.http import LinkRequest, link_required
from portal.models import Link


@link_required(Link.Purpose.INVITE, "invite_id")
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest, invite_id: UUID) -> HttpResponse:
    """Let a colleague help describe the course."""
    link_request = cast(LinkRequest, request)
    get_object_or_404(authoring.invites_for(link_request.actor), pk=invite_id)
    return _share(link_request, here="builder-share", back="link-invite", back_label=_("Your course"))


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def host(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """Let a colleague see who comes, and answer."""
    return _share(cast(LinkRequest, request), here="host-share", back="link-host", back_label=_("Your visits"))


def _share(request: LinkRequest, *, here: str, back: str, back_label: str) -> HttpResponse:
    """Show who has a link, send it to one more, or withdraw one."""
    link, now = request.link, clock.now()
    if link.parent_id is not None:
        raise Http404
    form = ColleagueForm()
    if request.method == "POST" and "withdraw" in request.POST:
        _withdraw(request)
        return redirect(here, link.reference_id)
    if request.method == "POST":
        form = ColleagueForm(request.POST)
        if form.is_valid():
            try:
                child = links.send_on(
                    link_id=link.pk,
                    name=form.cleaned_data["name"],
                    to=form.cleaned_data["email"],
                    by=request.actor,
                    now=now,
                )
            except Refusal as refusal:
                form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
            else:
                messages.success(request, _("%(name)s gets a mail with a link.") % {"name": child.holder_name})
                return redirect(here, link.reference_id)
    context = {
        "link": link,
        "form": form,
        "colleagues": links.colleagues_of(link, now),
        "back": reverse(back, args=[link.reference_id]),
        "back_label": back_label,
    }
    return render(request, "offers/share.html", context)


def _withdraw(request: LinkRequest) -> None:
    """Withdraw the child that was pressed; what is no child of this link does not exist."""
    try:
        child_id = UUID(request.POST["withdraw"])
    except ValueError:
        raise Http404 from None
    child = get_object_or_404(request.link.children, pk=child_id)
    if links.withdraw(link_id=child.pk, by=request.actor, now=clock.now()):
        messages.success(request, _("The link of %(name)s is withdrawn.") % {"name": child.holder_name})

"""What the portal knows about a contact of a company: to read, to take along, and to ask for its erasure. By link."""

from typing import Any, cast
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from companies.models import Contact
from portal.domain import clock, privacy, suppressions
from portal.http import LinkRequest, handed_out, link_required
from portal.models import ErasureRequest, Link

LAYOUT = "base_link.html"


def _contact(request: HttpRequest, contact_id: UUID) -> privacy.Subject:
    """Return the contact whose own link it is; a colleague to whom it was sent on is not the contact."""
    link: Any = cast(LinkRequest, request).link
    found = privacy.find("contact", contact_id)
    if found is None or link.parent_id is not None:
        raise Http404
    return found


def _address(contact_id: UUID) -> str:
    """Return where the contact gets mails."""
    return Contact.objects.get(pk=contact_id).email


@link_required(Link.Purpose.HOST, "contact_id")
@require_safe
def mine(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """Show what is stored about the contact, why, and for how long."""
    me = _contact(request, contact_id)
    context = {
        "layout": LAYOUT,
        "export": privacy.export(me, now=clock.now()),
        "asked": ErasureRequest.objects.filter(kind=me.kind, subject_id=me.id).first(),
        "take_url": reverse("host-data-take", args=[contact_id]),
        "erase_url": reverse("host-data-erase", args=[contact_id]),
        "up_url": reverse("link-host", args=[contact_id]),
        "mails_url": reverse("host-data-mails", args=[contact_id]),
        "choices": suppressions.choices_of(_address(contact_id)),
    }
    return render(request, "portal/personal_data.html", context)


@link_required(Link.Purpose.HOST, "contact_id")
@require_POST
def take(request: HttpRequest, contact_id: UUID) -> HttpResponseBase:
    """Hand out a copy, for a machine or for paper; that it was handed out stands in the log."""
    me = _contact(request, contact_id)
    form = "json" if request.POST.get("form") == "json" else "page"
    by = cast(LinkRequest, request).actor
    made = privacy.hand_out(kind=me.kind, subject_id=contact_id, form=form, by=by, now=clock.now())
    name = next(iter(me.names), "")
    return handed_out(request, made, form=form, layout=LAYOUT, to=name, back=reverse("host-data", args=[contact_id]))


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def ask_erasure(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """Say what an erasure does and what stands against it; on POST, ask the municipality for it."""
    me, now = _contact(request, contact_id), clock.now()
    if request.method == "POST":
        privacy.ask_for_erasure(kind=me.kind, subject_id=contact_id, by=cast(LinkRequest, request).actor, now=now)
        return redirect("host-data", contact_id)
    context = {
        "layout": LAYOUT,
        "refusal": privacy.refusal_for(me, now=now),
        "asked": ErasureRequest.objects.filter(kind=me.kind, subject_id=me.id).first(),
        "back": reverse("host-data", args=[contact_id]),
    }
    return render(request, "portal/personal_data_erase.html", context)


@link_required(Link.Purpose.HOST, "contact_id")
@require_POST
def mails(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """Decline reminders or questions after visits, or have them again; what is no choice changes nothing."""
    _contact(request, contact_id)
    chosen = suppressions.choice_named(_address(contact_id), request.POST.get("kind", ""))
    if chosen is not None:
        wanted, by = request.POST.get("wanted") == "yes", cast(LinkRequest, request).actor
        suppressions.choose(secret=chosen.token, wanted=wanted, by=by, now=clock.now())
    return redirect(f"{reverse('host-data', args=[contact_id])}#mails")

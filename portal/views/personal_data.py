"""What the portal knows about somebody who has signed in: to read, to take along, and to ask for its erasure."""

from typing import cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.domain import clock, privacy, suppressions
from portal.http import actor_of, handed_out, recently_authenticated
from portal.models import ErasureRequest, User

LAYOUT = "base.html"


def _me(request: HttpRequest) -> privacy.Subject:
    """Return the person who asks."""
    assert isinstance(request.user, User)
    found = privacy.find("user", request.user.pk)
    assert found is not None
    return found


@never_cache
@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """Show what is stored about whoever asks, why, and for how long."""
    me = _me(request)
    context = {
        "layout": LAYOUT,
        "export": privacy.export(me, now=clock.now()),
        "asked": ErasureRequest.objects.filter(kind=me.kind, subject_id=me.id).first(),
        "take_url": reverse("my-data-take"),
        "erase_url": reverse("my-data-erase"),
        "mails_url": reverse("my-data-mails"),
        "choices": suppressions.choices_of(cast(User, request.user).email),
    }
    return render(request, "portal/personal_data.html", context)


@require_POST
@recently_authenticated
def take(request: HttpRequest) -> HttpResponseBase:
    """Hand out a copy, for a machine or for paper; that it was handed out stands in the log."""
    me = _me(request)
    form = "json" if request.POST.get("form") == "json" else "page"
    assert me.id is not None
    made = privacy.hand_out(kind=me.kind, subject_id=me.id, form=form, by=actor_of(request), now=clock.now())
    return handed_out(request, made, form=form, layout=LAYOUT, to=str(request.user), back=reverse("my-data"))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_erasure(request: HttpRequest) -> HttpResponse:
    """Say what an erasure does and what stands against it; on POST, ask the municipality for it."""
    me, now = _me(request), clock.now()
    assert me.id is not None
    if request.method == "POST":
        privacy.ask_for_erasure(kind=me.kind, subject_id=me.id, by=actor_of(request), now=now)
        return redirect("my-data")
    context = {
        "layout": LAYOUT,
        "refusal": privacy.refusal_for(me, now=now),
        "asked": ErasureRequest.objects.filter(kind=me.kind, subject_id=me.id).first(),
        "back": reverse("my-data"),
    }
    return render(request, "portal/personal_data_erase.html", context)


@require_POST
def mails(request: HttpRequest) -> HttpResponse:
    """Decline reminders or questions after visits, or have them again; what is no choice changes nothing."""
    chosen = suppressions.choice_named(cast(User, request.user).email, request.POST.get("kind", ""))
    if chosen is not None:
        wanted = request.POST.get("wanted") == "yes"
        suppressions.choose(secret=chosen.token, wanted=wanted, by=actor_of(request), now=clock.now())
    return redirect(f"{reverse('my-data')}#mails")

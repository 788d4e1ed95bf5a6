"""Staying signed in: how long a session still lasts, and letting it last longer."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal.http import ends_for_good, local_address, may_go_on, seconds_left, stay


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stay_signed_in(request: HttpRequest) -> HttpResponse:
    """Say after how many seconds the session ends by itself (``?desk=1``: or the desk asks anew); on POST, extend it.

    ``final`` says that it then ends whatever one presses.
    The script of a page asks and presses for the person (``script=1``); without it the button leads back.
    """
    sent = request.POST if request.method == "POST" else request.GET
    if request.method == "POST":
        stay(request)
        if sent.get("script") != "1":
            if may_go_on(request):
                messages.success(request, _("You stay signed in."))
            return redirect(local_address(request, sent.get("next", "")) or "my-account")
    desk = sent.get("desk") == "1"
    final = ends_for_good(request, at_the_desk=desk)
    return JsonResponse({"left": seconds_left(request, at_the_desk=desk), "final": final})

"""Visits in calendars: a month of the school, and the secret address at which calendar programs read the own ones."""

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from offers.domain import calendar_feed, calendar_file
from offers.domain.month import FIRST_YEAR, LAST_YEAR, month_in, month_of
from portal.domain import calendar as wall
from portal.domain import clock, limits
from portal.domain.links import LinkEnded
from portal.http import actor_of, client_address, secret_page
from portal.models import User
from schools.domain import membership

UNKNOWN_IN_A_MINUTE = 30
MINUTE = timedelta(minutes=1)
DEEDS = {
    "make": (
        calendar_feed.make_feed,
        gettext_lazy("Your calendar has an address. Copy it into your calendar program."),
    ),
    "renew": (calendar_feed.renew_feed, gettext_lazy("Your calendar has a new address; the old one is closed.")),
    "withdraw": (
        calendar_feed.withdraw_feed,
        gettext_lazy("The address is closed. Nobody reads your calendar any more."),
    ),
}


@never_cache
@require_safe
def month(request: HttpRequest) -> HttpResponse:
    """Show a month of the school's visits as a table, on small screens as a list."""
    now, person = clock.now(), _person(request)
    first = month_in(request.GET.get("maaned", "")) or wall.local_day(now).replace(day=1)
    shown = month_of(person, first, now=now)
    schools = list(membership.schools_of(person))
    context = {
        "month": shown,
        "schools": schools,
        "several": len(schools) > 1,
        "today": wall.local_day(now),
        "has_before": shown.before.year >= FIRST_YEAR,
        "has_after": shown.after.year <= LAST_YEAR,
    }
    return render(request, "offers/month.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def own(request: HttpRequest) -> HttpResponse:
    """Show the secret address of the own calendar; a POST makes, renews or closes it."""
    now, person = clock.now(), _person(request)
    if request.method == "POST":
        deed, said = DEEDS.get(request.POST.get("action", ""), (None, ""))
        if deed is not None:
            deed(by=actor_of(request), now=now)
            messages.success(request, said)
        return redirect("my-calendar")
    link = calendar_feed.link_of(person, now)
    address = calendar_feed.address(link) if link is not None else ""
    context = {
        "link": link,
        "address": address,
        "subscribe": "webcal://" + address.split("://", 1)[1] if address else "",
    }
    return secret_page(render(request, "offers/my_calendar.html", context))  # type: ignore[return-value]


@login_not_required
@never_cache
@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """Give a person's visits to a calendar program that knows the secret address. Nothing is written, nobody signs in.

    An address that never was is 404, one that has ended 410; more than 30 unknown ones a minute get none.
    """
    now = clock.now()
    try:
        person = calendar_feed.reader(token, now=now)
    except LinkEnded:
        return _plain(_("This calendar's address has ended. Make a new one on your page, or remove it."), 410)
    if person is None:
        tried = limits.count("unknown-link", client_address(request), window=MINUTE, now=now)
        if tried > UNKNOWN_IN_A_MINUTE:
            response = _plain(_("Too many attempts. Try again in a minute."), 429)
            response.headers["Retry-After"] = str(int(MINUTE.total_seconds()))
            return response
        return _plain(_("There is no such calendar."), 404)
    content = calendar_file.feed(person, now=now)
    response = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = 'inline; filename="skolebesoeg.ics"'
    return secret_page(response)  # type: ignore[return-value]


def _plain(words: str, status: int) -> HttpResponse:
    """Return a sentence for a program that cannot show a page."""
    response = HttpResponse(words + "\n", content_type="text/plain; charset=utf-8", status=status)
    return secret_page(response)  # type: ignore[return-value]


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user

"""When one is signed out by itself, for the foot of a page and the warning before it."""

from datetime import datetime, timedelta

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from portal.domain import clock
from portal.http import LATE, may_go_on, seconds_left

register = template.Library()


@register.filter
def by_our_clock(moment: datetime) -> datetime:
    """Return a moment that a package noted by the machine's clock, as the portal's clock showed it (in the demo)."""
    return moment + (clock.now() - timezone.now()) if settings.DEMO else moment


@register.filter
def session_left(request: HttpRequest, at_the_desk: object = None) -> int:
    """Return after how many seconds this session ends by itself, or the desk asks anew who it is."""
    return seconds_left(request, at_the_desk=bool(at_the_desk))


@register.filter
def session_ends(request: HttpRequest) -> datetime:
    """Return when this session ends by itself, as the portal's clock shows it."""
    return clock.now() + timedelta(seconds=seconds_left(request))


@register.filter
def session_ends_soon(request: HttpRequest) -> bool:
    """Return whether the session ends within the hour, and can be made longer."""
    return seconds_left(request) < LATE and may_go_on(request)

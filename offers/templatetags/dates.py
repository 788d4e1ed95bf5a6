"""Dates and hours in words, for templates: ``{% load dates %}``."""

from datetime import datetime
from typing import Protocol

from django import template

from offers.domain import dates

register = template.Library()


class Timed(Protocol):
    """What has a beginning and an end: a session, a meeting."""

    starts_at: datetime
    ends_at: datetime


@register.filter
def when(timed: Timed) -> str:
    """Return day and hours: ``tirsdag 29. september 2026 kl. 9.00–11.00``."""
    return dates.span_in_words(timed.starts_at, timed.ends_at)


@register.filter
def day(moment: datetime) -> str:
    """Return the day with its weekday: ``tirsdag 29. september 2026``."""
    return dates.day_in_words(moment)


@register.filter
def moment(at: datetime) -> str:
    """Return day and hour: ``torsdag 10. september 2026 kl. 16.00``."""
    return dates.moment_in_words(at)


@register.filter
def short_day(moment: datetime) -> str:
    """Return the day without its weekday: ``29. september 2026``."""
    return dates.short_day(moment)

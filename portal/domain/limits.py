"""Limits: how often something may happen in a window of time. Counted in PostgreSQL, so that nothing forgets them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils.crypto import salted_hmac

from portal.models import Tally


def count(what: str, who: str, *, window: timedelta, now: datetime) -> int:
    """Count one more of ``what`` for ``who``; return how many there are in this window, this one included.

    Windows follow one another from the hour zero on. One statement, so that it is exact however many come at once.
    """
    length = int(window.total_seconds())
    number = int(now.timestamp()) // length
    key = _key(what, who, number)
    until = datetime.fromtimestamp((number + 1) * length, tz=now.tzinfo)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO portal_tally (key, count, until) VALUES (%s, 1, %s)"
            " ON CONFLICT (key) DO UPDATE SET count = portal_tally.count + 1 RETURNING count",
            [key, until],
        )
        row = cursor.fetchone()
    return int(row[0])


def lately(what: str, who: str, *, window: timedelta, now: datetime) -> int:
    """Return how many were counted in this window and in the one before; nothing is counted by asking."""
    return lately_each([what], who, window=window, now=now)[what]


def lately_each(whats: Iterable[str], who: str, *, window: timedelta, now: datetime) -> dict[str, int]:
    """Return the same of several, each by its name, with one question."""
    number = int(now.timestamp()) // int(window.total_seconds())
    found = dict.fromkeys(whats, 0)
    keys = {_key(what, who, one): what for what in found for one in (number - 1, number)}
    for key, times in Tally.objects.filter(key__in=keys).values_list("key", "count"):
        found[keys[key]] += times
    return found


def _key(what: str, who: str, number: int) -> str:
    return salted_hmac(f"portal.limits.{what}", f"{who}|{number}", settings.SECRET_KEY, algorithm="sha256").hexdigest()


def forget(*, now: datetime) -> int:
    """Delete the counters whose window is over; return how many."""
    deleted, _by_model = Tally.objects.filter(until__lt=now).delete()
    return deleted

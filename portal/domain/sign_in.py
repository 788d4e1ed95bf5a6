"""Signing in by a code that comes by mail and is typed: no password, and no link that a mail scanner could follow.

A code belongs to the browser that asked for it. Whoever guesses burns the codes of the own browser, never those of
somebody else, so nobody can be locked out; and an address gets a bounded number of mails an hour, however many
browsers ask. Nothing is counted by network, since a whole school comes from one address; but for one case: while
thousands of codes to addresses without an account lie unused, somebody asks for invented ones, and newcomers (never
those who have an account) are slowed, each address and each network by itself. All of it stands in PostgreSQL.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, models, transaction

from portal.domain import limits, outbox
from portal.models import Municipality, SignInCode, User
from portal.models.sign_in import MAX_FAILURES

log = structlog.get_logger(__name__)

LIFETIME = timedelta(minutes=15)
KEPT = timedelta(days=1)

# No vowels (no words), nothing that looks like another: 27 characters, eight of them: 2.8 * 10^11 codes.
ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"
LENGTH = 8

# So many codes go to one address within an hour as they are asked for; beyond that, one in five minutes, and whoever
# asks in between is answered by the newest one. So at most 18 mails an hour, and never an hour without a code.
AT_ONCE = 6
AFTER_THAT = timedelta(minutes=5)

# Mails to addresses without an account that were asked for within an hour and not yet used, in the whole portal. A
# municipality's teachers all at once stay below it. Beyond it somebody asks for invented addresses, and the
# municipality must not become known as a sender of junk: each address has one open code at a time, each network
# gets as many as a large school on its first day, and one a minute after that.
STRANGERS_AT_ONCE = 2000
STRANGERS_OF_A_NETWORK = 300
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
# Here nobody without an account gets a mail, however many networks ask; the desk's first page says so.
STRANGERS_AT_MOST = 10_000
SLOWED, HELD_BACK = "newcomers slowed", "newcomers held back"

Purpose = SignInCode.Purpose


def code_of(row: SignInCode) -> str:
    """Return the code of a row; it is written nowhere, so a copy of the database opens nothing."""
    source = row.same_as_id or row.pk
    digest = hmac.new(settings.LINK_KEY.encode(), f"sign-in code:{source}".encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest, "big")
    letters = []
    for _place in range(LENGTH):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "".join(letters)


def written(code: str) -> str:
    """Return a code as it is written for people: in two halves."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


def as_typed(text: str) -> str:
    """Return what somebody meant to type: without spaces and dashes, in capitals."""
    return re.sub(r"[^0-9A-Z]", "", unicodedata.normalize("NFKC", text[:40]).upper())


def may_enter(email: str) -> bool:
    """Return whether the address gets a code: it has an active account, or it lies in a domain of the teachers."""
    user = User.objects.filter(email=email).only("is_active").first()
    if user is not None:
        return user.is_active
    domains = Municipality.objects.values_list("teacher_domains", flat=True).first() or []
    return email.rpartition("@")[2] in domains


def _is_a_stranger(email: str) -> bool:
    return not User.objects.filter(email=email).exists()


@transaction.atomic(durable=True)
def ask(*, email: str, purpose: str, language: str, client: str = "", now: datetime) -> SignInCode:
    """Make a code for one browser, and promise the mail where one is due; the same answer for every address.

    The browser keeps the row's id in its session. Valid 15 minutes. ``client`` is the network address that asks; it
    is counted, as a digest, only while newcomers are slowed.
    """
    email = email.strip().lower()
    with connection.cursor() as cursor:  # one at a time for each address, so that the number of mails is exact
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 8))", [f"sign-in:{email}"])
    row = SignInCode(
        email=email, purpose=purpose, language=language, created_at=now, expires_at=now + LIFETIME, failures=0
    )
    if may_enter(email):
        mailed = SignInCode.objects.filter(
            email=email, is_mailed=True, created_at__gt=now - timedelta(hours=1), created_at__lte=now
        ).order_by("-created_at")
        newest = mailed.first()
        if newest is None or mailed.count() < AT_ONCE or newest.created_at <= now - AFTER_THAT:
            row.is_mailed = not _is_a_stranger(email) or _newcomer_fits(newest, client, now)
            if not row.is_mailed and newest is not None and newest.is_open(now):
                row.same_as, row.expires_at = newest, newest.expires_at
        elif newest.used_at is None:
            row.same_as, row.expires_at = newest, newest.expires_at
        else:
            row.is_mailed = True  # the newest has just let its owner in; that owner may ask again
    row.save(force_insert=True)
    if row.is_mailed:
        _mail(row, now)
    return row


def _newcomer_fits(newest: SignInCode | None, client: str, now: datetime) -> bool:
    """Return whether an address without an account gets a mail now (see ``STRANGERS_AT_ONCE``).

    Whenever that is slowed or denied, it is counted for the desk, and the log warns at the first and every hundredth.
    """
    known = User.objects.filter(email=models.OuterRef("email"))
    waiting = SignInCode.objects.filter(
        ~models.Exists(known), is_mailed=True, used_at=None, created_at__gt=now - HOUR
    ).count()
    if waiting < STRANGERS_AT_ONCE:
        return True
    _warn(SLOWED, waiting, now)
    if newest is not None and newest.is_open(now):
        return False  # that one can still be typed
    network = _network(client)
    fits = waiting < STRANGERS_AT_MOST and (
        limits.count("newcomers of a network in an hour", network, window=HOUR, now=now) <= STRANGERS_OF_A_NETWORK
        or limits.count("newcomers of a network in a minute", network, window=MINUTE, now=now) <= 1
    )
    if not fits:
        _warn(HELD_BACK, waiting, now)
    return fits


def _warn(what: str, waiting: int, now: datetime) -> None:
    times = limits.count(what, "", window=HOUR, now=now)
    if times % 100 == 1:
        log.warning(what.replace(" ", "-"), times=times, codes_waiting=waiting)


def _network(client: str) -> str:
    """Return whom a network address stands for: itself, or with IPv6 the line it comes from, which has 2^64 of them."""
    try:
        address = ip_address(client)
    except ValueError:
        return ""
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)


@dataclass(frozen=True, kw_only=True)
class Slowed:
    """That newcomers are slowed, since this hour or the one before: how many askings met that, how many got no mail."""

    asked: int
    held_back: int


def newcomers_slowed(*, now: datetime) -> Slowed | None:
    """Return whether somebody asks for codes to invented addresses, for those who look after the portal."""
    asked = limits.lately(SLOWED, "", window=HOUR, now=now)
    if not asked:
        return None
    return Slowed(asked=asked, held_back=limits.lately(HELD_BACK, "", window=HOUR, now=now))


def _mail(row: SignInCode, now: datetime) -> None:
    user = User.objects.filter(email=row.email).first()
    to = (
        outbox.Recipient.of_user(user)
        if user is not None
        else outbox.Recipient(kind="address", address=row.email, language=row.language)
    )
    # Newcomers stand before all other mails, and behind those who have an account: no flood delays these.
    urgency = 0 if user is not None else 2
    outbox.post(occasion="sign_in_code", about=row, to=to, now=now, not_after=row.expires_at, urgency=urgency)


@transaction.atomic(durable=True)
def answer(*, code_ids: Sequence[UUID], purpose: str, typed: str, now: datetime) -> SignInCode | None:
    """Take a typed code in the browser that holds these rows; return the row it fits, or None.

    Every try is counted on all of them before it is looked at, so that many at once get no more tries; five wrong
    ones burn them. A code that fits is used up, in every browser that might have typed it.
    """
    held = SignInCode.objects.filter(pk__in=list(code_ids), purpose=purpose)
    open_now = held.filter(used_at=None, expires_at__gt=now, failures__lt=MAX_FAILURES)
    list(open_now.order_by("pk").select_for_update().values_list("pk", flat=True))
    counted = list(open_now.order_by("-created_at"))
    open_now.update(failures=models.F("failures") + 1)
    attempt = as_typed(typed).encode()
    fitting = [row for row in counted if hmac.compare_digest(code_of(row).encode(), attempt)]
    fitting = [row for row in fitting if row.is_mailed or row.same_as_id is not None]
    if not fitting:
        return None
    row = fitting[0]
    source = row.same_as_id or row.pk
    SignInCode.objects.filter(models.Q(pk=source) | models.Q(same_as=source)).update(used_at=now)
    return row


def is_open(*, code_ids: Sequence[UUID], now: datetime) -> bool:
    """Return whether any of these rows can still be answered."""
    rows = SignInCode.objects.filter(pk__in=list(code_ids))
    return rows.filter(used_at=None, expires_at__gt=now, failures__lt=MAX_FAILURES).exists()


def forget(*, now: datetime) -> int:
    """Delete rows more than a day old; return how many (a rule of forgetting calls it)."""
    deleted, _each = SignInCode.objects.filter(created_at__lt=now - KEPT).delete()
    return deleted

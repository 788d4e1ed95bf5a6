"""Links: derived, hashed, bound to a purpose and an object, expiring, revocable.

The token is a prefix and an HMAC of the link's id and version under LINK_KEY. So it can be written again into
a reminder without being stored: a copy of the database opens nothing.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal.domain import audit
from portal.domain.actor import Actor
from portal.models import Link

PREFIXES = {Link.Purpose.INVITE: "inv_", Link.Purpose.HOST: "hst_", Link.Purpose.SURVEY: "svy_"}
LIFETIMES = {
    Link.Purpose.INVITE: timedelta(days=30),
    Link.Purpose.HOST: timedelta(days=365),
    Link.Purpose.SURVEY: timedelta(days=21),
}
RENEWED_BY_USE = {Link.Purpose.INVITE, Link.Purpose.HOST}


class LinkEnded(Exception):
    """The link was real, but has expired or was withdrawn."""

    def __init__(self, link: Link) -> None:
        super().__init__(str(link.pk))
        self.link = link


def token(link: Link) -> str:
    """Return the secret part of the link's address."""
    message = f"{link.pk}:{link.version}".encode()
    digest = hmac.new(settings.LINK_KEY.encode(), message, hashlib.sha256).digest()
    return PREFIXES[Link.Purpose(link.purpose)] + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def address(link: Link) -> str:
    """Return the whole address, always on the configured origin."""
    return f"{settings.ORIGIN}/l/{token(link)}/"


def digest_of(secret: str) -> str:
    """Return what the database holds instead of the token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def ensure(*, purpose: Link.Purpose, reference_id: UUID, now: datetime, until: datetime | None = None) -> Link:
    """Return the link for this purpose and object, made or prolonged as needed (a step).

    A link that was withdrawn stays so: only :func:`reissue` opens a new address.
    """
    expires_at = until or now + LIFETIMES[purpose]
    link = Link.objects.about(purpose, reference_id).filter(parent__isnull=True).first()
    if link is None:
        link = Link(purpose=purpose, reference_id=reference_id, expires_at=expires_at, created_at=now)
        link.token_digest = digest_of(token(link))
        Link.objects.bulk_create([link], ignore_conflicts=True)
        return Link.objects.about(purpose, reference_id).get(parent__isnull=True)
    if link.revoked_at is None and link.expires_at < expires_at:
        Link.objects.filter(pk=link.pk, revoked_at__isnull=True).update(expires_at=expires_at)
        link.expires_at = expires_at
    return link


def reissue(link: Link, *, now: datetime) -> Link:
    """Give the link a new address; every earlier one is worthless from now on (a step)."""
    link.version += 1
    link.token_digest = digest_of(token(link))
    link.expires_at = now + LIFETIMES[Link.Purpose(link.purpose)]
    link.revoked_at = None
    link.save(update_fields=["version", "token_digest", "expires_at", "revoked_at"])
    return link


def find(secret: str, *, now: datetime) -> Link | None:
    """Return the link of a token, or None when there is none; raise LinkEnded when it no longer works.

    Mail programs glue punctuation to addresses; it is forgiven. Changes nothing.
    """
    link = Link.objects.filter(token_digest=digest_of(secret.rstrip(".,;:>)]}'\""))).first()
    if link is None:
        return None
    if link.revoked_at is not None or link.expires_at <= now:
        raise LinkEnded(link)
    return link


@transaction.atomic(durable=True)
def use(*, link_id: UUID, now: datetime) -> Link:
    """Note that somebody came in by the link; the longer-lived kinds are prolonged by it."""
    link = Link.objects.select_for_update().get(pk=link_id)
    if link.revoked_at is not None or link.expires_at <= now:
        raise LinkEnded(link)
    link.last_used_at = now
    if link.purpose in RENEWED_BY_USE:
        link.expires_at = max(link.expires_at, now + LIFETIMES[Link.Purpose(link.purpose)])
    link.save(update_fields=["last_used_at", "expires_at"])
    audit.record(Actor.of_link(link), "link-used", link, at=now, purpose=link.purpose)
    return link


def revoke(*, purpose: Link.Purpose, reference_id: UUID, now: datetime) -> int:
    """Withdraw every link for this purpose and object, children included; return how many (a step)."""
    return Link.objects.about(purpose, reference_id).filter(revoked_at__isnull=True).update(revoked_at=now)

"""Links: derived, hashed, bound to a purpose and an object, expiring, revocable, and sent on to colleagues by name.

The token is a prefix and an HMAC of the link's id and version under LINK_KEY. So it can be written again into
a reminder without being stored: a copy of the database opens nothing.

Whoever holds the link of an invitation or of a contact's visits may send it on: the colleague, known by name and
e-mail, gets a *child link* with an address of its own to the same object. A child is seen and withdrawn alone; it dies
with its parent; it cannot be sent on again. A new address for the parent leaves its children as they are.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from portal.domain import audit, limits, outbox
from portal.domain.actor import Actor
from portal.domain.cpr import holds_cpr
from portal.domain.outbox import Recipient
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, FormerAddress, Link

PREFIXES = {
    Link.Purpose.INVITE: "inv_",
    Link.Purpose.HOST: "hst_",
    Link.Purpose.SURVEY: "svy_",
    Link.Purpose.CALENDAR: "cal_",
}
LIFETIMES = {
    Link.Purpose.INVITE: timedelta(days=30),
    Link.Purpose.HOST: timedelta(days=365),
    Link.Purpose.SURVEY: timedelta(days=21),
    Link.Purpose.CALENDAR: timedelta(days=5 * 365),
}
RENEWED_BY_USE = {Link.Purpose.HOST}
SENT_ON = {Link.Purpose.INVITE, Link.Purpose.HOST}
MOST_COLLEAGUES = 10
MOST_ASKED_IN_AN_HOUR = 3
MOST_RESENT_IN_A_DAY = 20  # by one coordinator
GLUED_ON = "/.,;:>)]}'\""


class LinkEnded(Exception):
    """The address was real, but it has expired, was withdrawn, or was replaced by a newer one."""

    def __init__(self, link: Link) -> None:
        super().__init__(str(link.pk))
        self.link = link


# --- Tokens ------------------------------------------------------------------------------------------------------


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


# --- Whose a link is ---------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def holders() -> Mapping[str, Callable[[Link], Recipient | None]]:
    """Return per purpose who holds the first link, from the ``HOLDERS`` of every app's ``messages`` module."""
    found: dict[str, Callable[[Link], Recipient | None]] = {}
    for config in apps.get_app_configs():
        name = f"{config.name}.messages"
        if "." not in config.name and find_spec(name) is not None:
            found.update(getattr(import_module(name), "HOLDERS", {}))
    return found


def holder_of(link: Link) -> Recipient | None:
    """Return the person on file for the link, or None when there is nobody who may still have it."""
    holder = holders().get(link.purpose)
    first = holder(link) if holder is not None else None
    if first is None or link.parent_id is None:
        return first
    return Recipient(kind="address", id=link.pk, address=link.holder_address, language=first.language)


# --- Steps -------------------------------------------------------------------------------------------------------


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
    """Give the link a new address; every earlier one only says that there is a newer one (a step)."""
    FormerAddress.objects.get_or_create(token_digest=link.token_digest, defaults={"link": link})
    link.version += 1
    link.token_digest = digest_of(token(link))
    link.expires_at = now + LIFETIMES[Link.Purpose(link.purpose)]
    link.revoked_at = None
    link.save(update_fields=["version", "token_digest", "expires_at", "revoked_at"])
    return link


def revoke(*, purpose: Link.Purpose, reference_id: UUID, now: datetime) -> int:
    """Withdraw every link for this purpose and object, children included; return how many (a step)."""
    return Link.objects.about(purpose, reference_id).filter(revoked_at__isnull=True).update(revoked_at=now)


def _post(occasion: str, link: Link, *, now: datetime, key: str) -> bool:
    """Promise the link's holder a mail with its address; return False when there is nobody to write to (a step)."""
    to = holder_of(link)
    if to is None:
        return False
    outbox.post(occasion=occasion, about=link, to=to, now=now, key=key, urgency=1)
    return True


# --- Coming in ---------------------------------------------------------------------------------------------------


def find(secret: str, *, now: datetime) -> Link | None:
    """Return the link of a token, or None when there is none; raise LinkEnded when it no longer works.

    Mail programs glue punctuation to addresses; it is forgiven. Changes nothing.
    """
    digest = digest_of(secret.rstrip(GLUED_ON))
    link = Link.objects.select_related("parent").filter(token_digest=digest).first()
    if link is None:
        former = FormerAddress.objects.select_related("link__parent").filter(token_digest=digest).first()
        if former is None:
            return None
        raise LinkEnded(former.link)
    if link.has_ended(now):
        raise LinkEnded(link)
    return link


def _locked(link_id: UUID) -> Link:
    return Link.objects.select_for_update(of=("self",)).select_related("parent").get(pk=link_id)


@transaction.atomic(durable=True)
def use(*, link_id: UUID, now: datetime) -> Link:
    """Note that somebody came in by the link; a host's is prolonged by it."""
    link = _locked(link_id)
    if link.has_ended(now):
        raise LinkEnded(link)
    link.last_used_at = now
    if link.purpose in RENEWED_BY_USE:
        link.expires_at = max(link.expires_at, now + LIFETIMES[Link.Purpose(link.purpose)])
    link.save(update_fields=["last_used_at", "expires_at"])
    audit.record(Actor.of_link(link), "link-used", link, at=now, purpose=link.purpose)
    return link


@transaction.atomic(durable=True)
def send_again(*, link_id: UUID, now: datetime) -> None:
    """Mail an address that works to the person on file, when the one somebody came by had expired or was replaced.

    Whoever asks learns nothing: not whether there is such a link, nor whether a mail leaves. Nothing leaves for what
    was withdrawn, for people who have left, and after the third time within an hour.
    """
    link = Link.objects.select_for_update(of=("self",)).select_related("parent").filter(pk=link_id).first()
    if link is None or link.revoked_at is not None or (link.parent is not None and link.parent.revoked_at is not None):
        return
    asked = AuditEntry.objects.filter(
        object_type=link._meta.label_lower,
        object_id=str(link.pk),
        action="link-asked-for",
        at__gt=now - timedelta(hours=1),
    )
    if asked.count() >= MOST_ASKED_IN_AN_HOUR or holder_of(link) is None:
        return
    if link.expires_at <= now:
        reissue(link, now=now)
    audit.record(Actor.of_link(link), "link-asked-for", link, at=now, version=link.version)
    _post("link_again", link, now=now, key=now.isoformat())


# --- Sending on, seeing and withdrawing ----------------------------------------------------------------------------


def colleagues_of(link: Link, now: datetime) -> list[Link]:
    """Return the living child links of a link, the first sent on first."""
    return list(link.children.live(now).order_by("created_at", "pk"))


@transaction.atomic(durable=True)
def send_on(*, link_id: UUID, name: str, to: str, by: Actor, now: datetime) -> Link:
    """Send the link on to a colleague, who gets a mail with an own address to the same object; returns the child.

    Sending it to the same address again mails the same link again. By whoever holds the parent. Raises Refusal for
    a survey's link, for a child, for what does not look like a name, and beyond ten colleagues, or ten mails in a day.
    """
    parent = _locked(link_id)
    if by.kind != "link" or by.id != str(parent.pk) or parent.has_ended(now):
        raise Refusal(_("This link does not exist, or it is not yours."), code="not-yours")
    if parent.parent_id is not None or parent.purpose not in SENT_ON:
        raise Refusal(
            _("Your link was sent on to you and cannot be sent on again. Ask the one who sent it."), code="not-sent-on"
        )
    name, to = " ".join(name.split()), to.strip().lower()
    if not name or len(name) > 120 or any(sign in name for sign in "@/<>\\") or "www." in name.lower():
        raise Refusal(_("Write your colleague's name, and nothing else."), code="no-name", field="name")
    if holds_cpr(name):
        raise Refusal(
            _("This looks like a CPR number. Personal numbers do not belong here; please remove it."),
            code="cpr-number",
            field="name",
        )
    known = parent.children.filter(holder_address__iexact=to, revoked_at__isnull=True).first()
    sent_today = AuditEntry.objects.filter(
        actor_kind="link", actor_id=by.id, action="link-sent-on", at__gt=now - timedelta(days=1)
    ).count()
    if sent_today >= MOST_COLLEAGUES or (known is None and len(colleagues_of(parent, now)) >= MOST_COLLEAGUES):
        raise Refusal(
            _("The link has been sent on to %(most)d colleagues. Withdraw one first, or write to the municipality.")
            % {"most": MOST_COLLEAGUES},
            code="too-many",
        )
    if known is None:
        known = Link(
            purpose=parent.purpose,
            reference_id=parent.reference_id,
            parent=parent,
            holder_name=name,
            holder_address=to,
            expires_at=now + LIFETIMES[Link.Purpose(parent.purpose)],
            created_at=now,
        )
        known.token_digest = digest_of(token(known))
        known.save(force_insert=True)
    elif known.expires_at <= now:
        reissue(known, now=now)
    audit.record(by, "link-sent-on", known, at=now, purpose=parent.purpose, parent=str(parent.pk))
    _post("link_sent_on", known, now=now, key=now.isoformat())
    return known


@transaction.atomic(durable=True)
def withdraw(*, link_id: UUID, by: Actor, now: datetime) -> int:
    """Withdraw one link, and with it those that were sent on from it; return how many died. Nobody gets a mail.

    By a coordinator, or a child by whoever holds its parent.
    """
    link = _locked(link_id)
    sent_it_on = by.kind == "link" and link.parent_id is not None and by.id == str(link.parent_id)
    if not (by.is_coordinator or sent_it_on):
        raise Refusal(_("This link does not exist, or it is not yours."), code="not-yours")
    living = Link.objects.filter(pk__in=[link.pk, *link.children.values_list("pk", flat=True)], revoked_at__isnull=True)
    count = living.update(revoked_at=now)
    if count:
        outbox.withdraw(about=link)
        audit.record(by, "link-withdrawn", link, at=now, purpose=link.purpose, links=count)
    return count


def count_resent(link: Link, *, by: Actor, now: datetime) -> None:
    """Count that a coordinator mails a link anew (a step); raise Refusal for a link's fourth time within an hour, and
    for a coordinator's 21st within a day: an account in wrong hands sends no flood from the municipality's address.
    """
    if limits.count("link resent", str(link.pk), window=timedelta(hours=1), now=now) > MOST_ASKED_IN_AN_HOUR:
        raise Refusal(
            _("This link has been mailed anew %(most)d times within an hour. Telephone, or wait an hour.")
            % {"most": MOST_ASKED_IN_AN_HOUR},
            code="too-often",
        )
    if limits.count("links resent by", str(by.id), window=timedelta(days=1), now=now) > MOST_RESENT_IN_A_DAY:
        raise Refusal(
            _("You have mailed %(most)d links anew today. The rest can be sent tomorrow, or by a colleague.")
            % {"most": MOST_RESENT_IN_A_DAY},
            code="too-many",
        )


@transaction.atomic(durable=True)
def renew(*, link_id: UUID, by: Actor, now: datetime) -> Link:
    """Give a link a new address and mail it to the person on file; the earlier one stops working. Coordinators only.

    It brings a withdrawn link back; the children that died with it stay dead. Raises Refusal when nobody is left to
    write to, and for too many (``count_resent``).
    """
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinators can do this."), code="coordinators-only")
    link = _locked(link_id)
    if link.parent is not None and link.parent.revoked_at is not None:
        raise Refusal(
            _("The link from which this one was sent on has been withdrawn. Renew that one first."),
            code="parent-withdrawn",
        )
    count_resent(link, by=by, now=now)
    reissue(link, now=now)
    if not _post("link_again", link, now=now, key=now.isoformat()):
        raise Refusal(
            _("There is nobody to write to: the person has left, or what the link opened is over."), code="nobody"
        )
    audit.record(by, "link-renewed", link, at=now, purpose=link.purpose, version=link.version)
    return link

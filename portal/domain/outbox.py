"""The outbox: mails are promised in the transaction of what they tell about, and sent by whoever claims them.

The row is the memory and the queue; Celery only rings. A claim is a lease: the worker commits it, renders, sends,
and marks the row as its own work. If it dies in between, the lease runs out and the row is taken again
(*at least once*) or laid before a person (*at most once*).
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal
from uuid import UUID, uuid4

from django.apps import apps
from django.db import models, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.domain import audit
from portal.domain.actor import Actor
from portal.domain.compiled import insert
from portal.domain.pseudonyms import pseudonym
from portal.domain.refusal import Refusal
from portal.models import Message, User

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 8
_gathered: ContextVar[list[Message] | None] = ContextVar("gathered", default=None)


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """To whom a mail goes. The language is the receiver's."""

    kind: Literal["user", "contact", "address"]
    address: str
    id: UUID | None = None
    language: str = "da"

    @classmethod
    def of_user(cls, user: User) -> "Recipient":
        """Return an account as a recipient."""
        return cls(kind="user", id=user.pk, address=user.email, language=user.language)


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that goes with a mail."""

    filename: str
    content: bytes
    mimetype: str


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What a mail says: its subject, what ``mail/<template>.txt`` and ``.html`` are given, and its files."""

    subject: str
    context: Mapping[str, Any]
    template: str = ""
    attachments: list[Attachment] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """Why a mail is sent: whether it is still wanted at the last moment, and what it says.

    ``declinable`` is the kind of mails (``Suppression.Kind``) among which its receiver may decline it; without one it
    is part of a service and always comes: confirmations, changes, codes, and what somebody must answer in time.
    ``declined`` is called instead of sending it to somebody who has.
    """

    still_wanted: Callable[[Message, datetime], bool]
    letter: Callable[[Message, datetime], Letter]
    declinable: str = ""
    declined: Callable[[Message, datetime], None] | None = None


@lru_cache(maxsize=1)
def occasions() -> dict[str, Occasion]:
    """Return every app's occasions, from the ``OCCASIONS`` of its ``messages`` module."""
    found: dict[str, Occasion] = {}
    for config in apps.get_app_configs():
        name = f"{config.name}.messages"
        if "." not in config.name and find_spec(name) is not None:
            found.update(getattr(import_module(name), "OCCASIONS", {}))
    return found


@lru_cache(maxsize=1)
def names() -> dict[str, Promise]:
    """Return what people call the occasions, from the ``NAMES`` of every app's ``messages`` module."""
    found: dict[str, Promise] = {}
    for config in apps.get_app_configs():
        name = f"{config.name}.messages"
        if "." not in config.name and find_spec(name) is not None:
            found.update(getattr(import_module(name), "NAMES", {}))
    return found


def name_of(occasion: str) -> str:
    """Return what people call an occasion; one that is no longer in use keeps its code."""
    return str(names().get(occasion, occasion))


def post(
    *,
    occasion: str,
    about: models.Model,
    to: Recipient,
    now: datetime,
    send_at: datetime | None = None,
    not_after: datetime | None = None,
    key: str = "",
    parameters: dict[str, Any] | None = None,
    policy: str = Message.Policy.AT_LEAST_ONCE,
    urgency: int = 5,
) -> None:
    """Promise one mail (a step: it expects the transaction of what the mail tells about).

    The same occasion about the same object with the same ``key`` to the same address is promised once, however
    often this is called. ``urgency`` 0 goes before 9.
    """
    if not to.address:
        return
    moment = max(send_at or now, now)
    if not_after is not None and not_after <= moment:
        return
    recipient = pseudonym(to.address)[:16]
    message = Message(
        occasion=occasion,
        reference_type=about._meta.label_lower,
        reference_id=about.pk,
        parameters=parameters or {},
        dedupe_key=f"{occasion}|{about._meta.label_lower}:{about.pk}|{key}|{recipient}",
        recipient_kind=to.kind,
        recipient_id=to.id,
        address=to.address,
        language=to.language,
        urgency=urgency,
        policy=policy,
        state=Message.State.PLANNED if moment > now else Message.State.QUEUED,
        send_at=moment,
        not_after=not_after,
        created_at=now,
    )
    gathered = _gathered.get()
    if gathered is not None:
        gathered.append(message)
    else:
        insert(message, ignore_conflicts=True)


@contextmanager
def together() -> Iterator[None]:
    """Promise everything that is posted meanwhile in one statement at the end (a step); nothing when it fails."""
    gathered: list[Message] = []
    before = _gathered.set(gathered)
    try:
        yield
    finally:
        _gathered.reset(before)
    if gathered:
        insert(*gathered, ignore_conflicts=True)


def withdraw(*, about: models.Model, occasions: list[str] | None = None, to: UUID | None = None) -> int:
    """Take back what has been promised about an object (to one person) and has not left; return how many (a step)."""
    waiting = Message.objects.filter(
        reference_type=about._meta.label_lower,
        reference_id=about.pk,
        state__in=[Message.State.PLANNED, Message.State.QUEUED, Message.State.HELD],
    )
    if occasions is not None:
        waiting = waiting.filter(occasion__in=occasions)
    if to is not None:
        waiting = waiting.filter(recipient_id=to)
    return waiting.update(state=Message.State.WITHDRAWN)


def promise_again(*, message_id: UUID, now: datetime, send_at: datetime, not_after: datetime | None) -> bool:
    """Promise anew what had been withdrawn before it left (a step); return False when it had not been withdrawn."""
    moment = max(send_at, now)
    withdrawn = Message.objects.filter(pk=message_id, state=Message.State.WITHDRAWN, sent_at=None)
    state = Message.State.PLANNED if moment > now else Message.State.QUEUED
    return withdrawn.update(state=state, send_at=moment, not_after=not_after) == 1


@transaction.atomic(durable=True)
def claim(*, now: datetime, real_now: datetime, owner: UUID, batch: int = 1) -> list[Message]:
    """Take the next due messages under a lease of 60 seconds and return them; commits before it returns.

    ``now`` decides what is due (in the demo it may be moved); ``real_now`` is the clock of the lease.
    """
    chosen = list(
        Message.objects.due(now)
        .select_for_update(skip_locked=True)
        .order_by("urgency", "send_at", "created_at")
        .values_list("pk", flat=True)[:batch]
    )
    if not chosen:
        return []
    Message.objects.filter(pk__in=chosen).update(
        state=Message.State.CLAIMED,
        lease_owner=owner,
        lease_until=real_now + LEASE,
        attempts=models.F("attempts") + 1,
    )
    return list(Message.objects.filter(pk__in=chosen).order_by("urgency", "send_at", "created_at"))


def _finish(message: Message, owner: UUID, **values: Any) -> bool:
    """Write the end of a claim, if the claim is still ours."""
    mine = Message.objects.filter(pk=message.pk, state=Message.State.CLAIMED, lease_owner=owner)
    return mine.update(lease_owner=None, lease_until=None, **values) == 1


def mark_sent(message: Message, *, owner: UUID, now: datetime, subject: str, body: str) -> bool:
    """Note that the mail server took it, and drop its parameters. Returns False when the lease had been lost."""
    values = {"sent_at": now, "subject": subject[:300], "body": body, "parameters": {}, "trouble": ""}
    return _finish(message, owner, state=Message.State.SENT, **values)


def mark_unwanted(message: Message, *, owner: UUID, state: str, why: str = "") -> bool:
    """Note that it will not be sent: withdrawn (no longer true, or declined) or expired (too late)."""
    return _finish(message, owner, state=state, trouble=why)


def mark_failed(
    message: Message, *, owner: UUID, now: datetime, trouble: str, for_good: bool, unknown: bool = False
) -> bool:
    """Note that it could not be sent: try again later, or give up and lay it before a person.

    ``unknown`` says that it may have left all the same; what must leave at most once is then for a person to decide.
    """
    if unknown and message.policy == Message.Policy.AT_MOST_ONCE:
        return _finish(message, owner, state=Message.State.UNCERTAIN, trouble=trouble[:300])
    if for_good or message.attempts >= MAX_ATTEMPTS:
        return _finish(message, owner, state=Message.State.FAILED, trouble=trouble[:300])
    return _try_later(message, owner, now=now, trouble=trouble)


def mark_postponed(message: Message, *, owner: UUID, now: datetime, trouble: str) -> bool:
    """Note that the mail server was away or would not talk to us: try again later, for as long as it takes.

    That says nothing about the letter, so it does not use up its attempts.
    """
    message.attempts = min(message.attempts, MAX_ATTEMPTS - 2)
    return _try_later(message, owner, now=now, trouble=trouble, attempts=message.attempts)


def _try_later(message: Message, owner: UUID, *, now: datetime, trouble: str, **values: Any) -> bool:
    """Queue it again after a pause that doubles, from half a minute to an hour; let it expire if that is too late."""
    pause = timedelta(seconds=min(30 * 2 ** (message.attempts - 1), 3600) * random.uniform(0.8, 1.2))  # noqa: S311
    later = now + pause
    if message.not_after is not None and message.not_after <= later:
        return _finish(message, owner, state=Message.State.EXPIRED, trouble=trouble[:300], **values)
    return _finish(message, owner, state=Message.State.QUEUED, send_at=later, trouble=trouble[:300], **values)


@transaction.atomic(durable=True)
def recover(*, real_now: datetime) -> int:
    """Take back the claims of workers that died; return how many.

    At least once: queued again, until the attempts are used up. At most once: *uncertain*, for a person to decide.
    """
    abandoned = Message.objects.abandoned(real_now)
    free: dict[str, Any] = {"lease_owner": None, "lease_until": None}
    unsure = abandoned.filter(policy=Message.Policy.AT_MOST_ONCE).update(
        state=Message.State.UNCERTAIN, trouble="The worker died while sending; it may have arrived.", **free
    )
    worn_out = abandoned.filter(attempts__gte=MAX_ATTEMPTS).update(
        state=Message.State.FAILED, trouble="The worker died again and again while sending this.", **free
    )
    again = abandoned.filter(policy=Message.Policy.AT_LEAST_ONCE).update(state=Message.State.QUEUED, **free)
    return worn_out + unsure + again


@transaction.atomic(durable=True)
def resend(*, message_id: UUID, by: Actor, now: datetime) -> bool:
    """Queue a message in trouble once more; returns False when it is in no trouble. Coordinators only."""
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinators can do this."), code="coordinators-only")
    troubled = Message.objects.in_trouble().filter(pk=message_id)
    again = troubled.update(state=Message.State.QUEUED, send_at=now, attempts=0, not_after=None, trouble="") == 1
    if again:
        audit.record(by, "message-resent", Message(pk=message_id), at=now)
    return again


def new_owner() -> UUID:
    """Return a name for a worker's claims."""
    return uuid4()

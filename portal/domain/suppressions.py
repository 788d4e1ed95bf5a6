"""Saying no to reminders and to questions after visits (RFC 8058), and taking it back.

The address that such a mail carries is derived from the receiver's address and the kind of mail, so nothing is stored
about those who never use it. It never expires, and works when its receiver has long been erased: what it needs is in
it, under LINK_KEY. It opens nothing but this one choice; whoever gets hold of it learns no address.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from portal.domain import audit, outbox
from portal.domain.actor import Actor
from portal.domain.links import GLUED_ON
from portal.domain.pseudonyms import pseudonym
from portal.models import Suppression

PREFIX = "uns_"
FORM = re.compile(r"uns_[A-Za-z0-9_-]{64}", re.ASCII)
SEAL = 16  # bytes
# Whoever holds the address of a mail; who that is stands nowhere.
SOMEBODY = Actor(kind="link", id="")

Kind = Suppression.Kind


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Whether mails of one kind may come to one address: what the secret address decides about."""

    address_digest: str
    kind: Kind

    @classmethod
    def of(cls, address: str, kind: str) -> "Choice":
        """Return the choice of whoever reads mails at this address."""
        return cls(address_digest=pseudonym(f"suppressed mails|{address.strip()}"), kind=Kind(kind))

    @property
    def other(self) -> "Choice":
        """The same person's choice about the other kind of mails."""
        kind = Kind.REMINDERS if self.kind == Kind.SURVEYS else Kind.SURVEYS
        return Choice(address_digest=self.address_digest, kind=kind)

    @property
    def token(self) -> str:
        """The secret part of its address."""
        digest = bytes.fromhex(self.address_digest)
        return PREFIX + base64.urlsafe_b64encode(digest + _seal(self)).decode()

    @property
    def path(self) -> str:
        """Where it is made."""
        return f"/l/{self.token}/"

    @property
    def url(self) -> str:
        """The whole address, always on the configured origin."""
        return f"{settings.ORIGIN}{self.path}"

    @property
    def is_declined(self) -> bool:
        """Whether these mails are not wanted (one query)."""
        return Suppression.objects.filter(address_digest=self.address_digest, kind=self.kind).exists()


def _seal(choice: Choice) -> bytes:
    words = f"unsubscribe|{choice.kind}|{choice.address_digest}".encode()
    return hmac.new(settings.LINK_KEY.encode(), words, hashlib.sha256).digest()[:SEAL]


def find(secret: str) -> Choice | None:
    """Return what the token decides about, or None when we never wrote it. Asks nothing of the database."""
    clean = secret.rstrip(GLUED_ON)
    if FORM.fullmatch(clean) is None:
        return None
    content = base64.urlsafe_b64decode(clean.removeprefix(PREFIX))
    digest, seal = content[:-SEAL].hex(), content[-SEAL:]
    choices = [Choice(address_digest=digest, kind=kind) for kind in Kind]
    return next((one for one in choices if hmac.compare_digest(_seal(one), seal)), None)


def choice_about(occasion: str, address: str) -> Choice | None:
    """Return what decides whether mails of this occasion may come; None: they must (changes, codes, deadlines)."""
    known = outbox.occasions().get(occasion)
    return Choice.of(address, known.declinable) if known is not None and known.declinable else None


def stands_against(occasion: str, address: str) -> bool:
    """Return whether whoever reads at the address wants no such mails (no query for what must come)."""
    choice = choice_about(occasion, address)
    return choice is not None and choice.is_declined


def choices_of(address: str) -> list[Choice]:
    """Return both choices of whoever reads at the address."""
    return [Choice.of(address, kind) for kind in Kind]


def choice_named(address: str, kind: str) -> Choice | None:
    """Return one of the two choices by its name; None when there is no such choice."""
    return next((one for one in choices_of(address) if one.kind.value == kind), None)


def carry_over(*, before: str, now_at: str, now: datetime) -> None:
    """Let what somebody said at an old address hold at the new one too (a step)."""
    digest = Choice.of(now_at, Kind.SURVEYS).address_digest
    for choice in choices_of(before):
        if choice.is_declined:
            facts = {"address_digest": digest, "kind": choice.kind}
            Suppression.objects.get_or_create(**facts, defaults={"created_at": now})


@transaction.atomic(durable=True)
def choose(*, secret: str, wanted: bool, by: Actor = SOMEBODY, now: datetime) -> Choice | None:
    """Send no more mails of a kind to an address, or send them again, as whoever holds the token says.

    Saying the same twice changes nothing. Returns None for a token we never wrote. The log tells of it by the row's
    id, from which nobody finds an address.
    """
    choice = find(secret)
    if choice is None:
        return None
    facts = {"address_digest": choice.address_digest, "kind": choice.kind}
    if not wanted:
        row, made = Suppression.objects.get_or_create(**facts, defaults={"created_at": now})
        if made:
            audit.record(by, "mails-declined", row, at=now, kind=choice.kind)
        return choice
    earlier = Suppression.objects.select_for_update().filter(**facts).first()
    if earlier is not None:
        audit.record(by, "mails-wanted-again", earlier, at=now, kind=choice.kind)
        earlier.delete()
    return choice

"""The log of safety: who came in and by which way, who did not, and when there are so many that somebody should look.

Lines of the audit log, with ids only, that live six months; and warnings in the log of the program, which an operator's
alarm can wait for (``many-failures-of-one-account``, ``many-failures``, ``many-unknown-links``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from portal.domain import audit, limits
from portal.domain.actor import Actor
from portal.models import User

log = structlog.get_logger(__name__)

CODE_REFUSED, FACTOR_REFUSED, UNKNOWN_LINK = "code-refused", "second-factor-failed", "unknown-link"
ACTIONS = ["signed-in", CODE_REFUSED, FACTOR_REFUSED]
HOUR = timedelta(hours=1)
# So many failures of one account are noted in an hour; whoever goes on is not given the log to fill.
NOTED = 20
# From here on, and at every multiple, the log warns: failures of all accounts, and tokens that never were.
MANY_FAILURES = 200
MANY_UNKNOWN = 300
NOBODY = Actor(kind="job", id="sign-in")


def came_in(user: User, *, ways: Sequence[str], now: datetime) -> None:
    """Note that somebody signed in, and by which ways: a code, another house, a passkey, an app (a step)."""
    audit.record(Actor(kind="user", id=str(user.pk)), "signed-in", user, at=now, ways=list(ways))


def refused(failure: str, *, user_id: UUID | None, now: datetime) -> None:
    """Note that a code or a second factor did not fit, for an account if there is one; warn when there are many.

    Who typed it nobody knows: the line says what happened to the account.
    """
    if user_id is not None:
        times = limits.count(failure, str(user_id), window=HOUR, now=now)
        if times <= NOTED:
            audit.record(NOBODY, failure, User(pk=user_id), at=now)
        if times == NOTED:
            log.warning("many-failures-of-one-account", what=failure, account=str(user_id), times=times)
    _warn_at(MANY_FAILURES, "many-failures", what=failure, now=now)


def unknown_link(*, now: datetime) -> None:
    """Count an address of a link that never was, whoever came by it, and warn when there are many."""
    _warn_at(MANY_UNKNOWN, "many-unknown-links", what=UNKNOWN_LINK, now=now)


@dataclass(frozen=True, kw_only=True)
class Many:
    """What came in this hour and the one before, where it is enough to warn; 0: nothing worth a word."""

    failures: int
    unknown_links: int


def many_lately(*, now: datetime) -> Many:
    """Return what those who look after the portal should see at the desk (one query)."""
    whats = {name: f"{name} everywhere" for name in (CODE_REFUSED, FACTOR_REFUSED, UNKNOWN_LINK)}
    found = limits.lately_each(whats.values(), "", window=HOUR, now=now)
    failures = found[whats[CODE_REFUSED]] + found[whats[FACTOR_REFUSED]]
    unknown = found[whats[UNKNOWN_LINK]]
    return Many(
        failures=failures if failures >= MANY_FAILURES else 0, unknown_links=unknown if unknown >= MANY_UNKNOWN else 0
    )


def _warn_at(many: int, event: str, *, what: str, now: datetime) -> None:
    times = limits.count(f"{what} everywhere", "", window=HOUR, now=now)
    if times % many == 0:
        log.warning(event, what=what, times=times)

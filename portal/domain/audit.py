"""The log of who did what: a step that expects the transaction of what it tells about."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone

from portal.domain.actor import Actor
from portal.domain.compiled import insert
from portal.models import AuditEntry


def record(by: Actor, action: str, about: models.Model, *, at: datetime | None = None, **facts: Any) -> None:
    """Write that ``by`` did ``action`` to ``about``, ``at`` the use-case's *now*.

    Facts are numbers and codes, never names or free text.
    """
    insert(
        AuditEntry(
            at=at or timezone.now(),
            actor_kind=by.kind,
            actor_id=by.id,
            action=action,
            object_type=about._meta.label_lower,
            object_id=str(about.pk),
            facts=facts,
        )
    )


def record_many(by: Actor, done: Iterable[tuple[str, models.Model, Mapping[str, Any]]], *, at: datetime) -> None:
    """Write many lines at once: what was done, to which row, with which facts (see :func:`record`)."""
    AuditEntry.objects.bulk_create(
        [
            AuditEntry(
                at=at,
                actor_kind=by.kind,
                actor_id=by.id,
                action=action,
                object_type=about._meta.label_lower,
                object_id=str(about.pk),
                facts=dict(facts),
            )
            for action, about, facts in done
        ],
        batch_size=1000,
    )

"""Mails about writing and reviewing courses."""

from portal.domain.outbox import Occasion

OCCASIONS: dict[str, Occasion] = {}

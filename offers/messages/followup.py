"""Mails about reminders, surveys and what was held."""

from portal.domain.outbox import Occasion

OCCASIONS: dict[str, Occasion] = {}

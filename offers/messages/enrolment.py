"""Mails about enrolments, waiting lists and changed sessions."""

from portal.domain.outbox import Occasion

OCCASIONS: dict[str, Occasion] = {}

"""Why the ground writes to people: their account."""

from datetime import datetime

from portal.domain.outbox import Letter, Occasion
from portal.models import Message, User


def is_wanted(message: Message, now: datetime) -> bool:
    """Return whether the account is still active."""
    return User.objects.filter(pk=message.reference_id, is_active=True).exists()


def letter(message: Message, now: datetime) -> Letter:
    """Return the mail as it was written when it was asked for."""
    return Letter(subject=message.parameters["subject"], context={"text": message.parameters["text"]})


OCCASIONS = {"account_mail": Occasion(still_wanted=is_wanted, letter=letter)}

"""Civil registration numbers (CPR) have no place in the portal: here they are recognised, to be refused."""

import re
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

# Six digits that are a day, a month and a year, then four more (Civil Registration Act § 3). No check digit since 2007.
CPR = re.compile(r"(?<![0-9])([0-9]{2})([0-9]{2})[0-9]{2}[-–  ]?[0-9]{4}(?![0-9])")


def holds_cpr(text: str) -> bool:
    """Return whether the text holds something that reads as a CPR number, ``010203-1234`` or ``0102031234``.

    Numbers that hospitals and schools lend to people who have none yet count the days from 61.
    """
    return any(is_day(int(day), int(month)) for day, month in CPR.findall(text))


def is_day(day: int, month: int) -> bool:
    """Return whether there is such a day in some year."""
    try:
        date(2000, month, day - 60 if day > 60 else day)
    except ValueError:
        return False
    return True


def no_personal_number(value: Any) -> None:
    """Refuse, as a validator of fields, what looks like a civil registration number."""
    if isinstance(value, str) and holds_cpr(value):
        raise ValidationError(
            _("This looks like a CPR number. Remove it; such numbers are never kept here."), code="cpr"
        )

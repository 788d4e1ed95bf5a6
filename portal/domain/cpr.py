"""Civil registration numbers (CPR) have no place in the portal: here they are recognised, to be refused."""

import re

# Six digits that are a day, a month and a year, then four more (Civil Registration Act § 3). No check digit since 2007.
CPR = re.compile(r"(?<!\d)(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d\d[-–]?\d{4}(?!\d)")


def holds_cpr(text: str) -> bool:
    """Return whether the text holds something that reads as a CPR number, ``010203-1234`` or ``0102031234``."""
    return CPR.search(text) is not None

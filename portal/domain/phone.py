"""Telephone numbers: kept as the world dials them (E.164), shown as Danes write them."""

import re

SEPARATORS = re.compile(r"[\s.\-/()]")
DANISH = re.compile(r"(?:\+45)?([1-9][0-9]{7})")
ANYWHERE = re.compile(r"\+[1-9][0-9]{7,14}")


def normal(text: str) -> str | None:
    """Return the number as ``+4512345678``, or None when it is none.

    Eight digits are a Danish number; ``00`` stands for the plus. Spaces, dots, dashes, slashes
    and parentheses are forgiven.
    """
    dialled = SEPARATORS.sub("", text)
    if dialled.startswith("00"):
        dialled = "+" + dialled[2:]
    if found := DANISH.fullmatch(dialled):
        return f"+45{found[1]}"
    if ANYWHERE.fullmatch(dialled) and not dialled.startswith("+45"):
        return dialled
    return None


def as_written(number: str) -> str:
    """Return a kept number as it is read aloud: Danish ones in four pairs, others and what is no number as they are."""
    found = DANISH.fullmatch(number)
    return " ".join(found[1][place : place + 2] for place in range(0, 8, 2)) if found else number

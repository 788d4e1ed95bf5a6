"""A use-case says no, in words fit for the person who asked."""

from collections.abc import Sequence
from typing import Any

from django.utils.functional import Promise


class Refusal(Exception):
    """The rule that stands against it, with its numbers, and what the person can do next.

    ``code`` is for machines and tests; ``field`` is the form field to which the message belongs, if any. ``instead`` is
    what the message offers instead, for a page that leads there.
    """

    def __init__(
        self, message: str | Promise, *, code: str, field: str | None = None, instead: Sequence[Any] = ()
    ) -> None:
        super().__init__(str(message))
        self.message = message
        self.code = code
        self.field = field
        self.instead = instead

    def __str__(self) -> str:
        return str(self.message)

"""The matrix as a page for people: ``python -m tests.permissions.page`` writes docs/permissions.md."""

from itertools import groupby
from pathlib import Path

from tests.permissions import matrix
from tests.permissions.matrix import ANSWERS, Cell, declared

PAGE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"


def text() -> str:
    return ""

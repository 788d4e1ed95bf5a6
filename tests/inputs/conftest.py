"""One ground for all tests of the catalogue: exploring it costs more than asking."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.inputs.ground import make_ground, undone
from tests.inputs.sweep import Sweep


@pytest.fixture(scope="package")
def sweep(django_db_setup: None, django_db_blocker: Any) -> Iterator[Sweep]:
    """Everything that can be reached in a small municipality, in one transaction that is rolled back."""
    logging.disable(logging.CRITICAL)
    try:
        with django_db_blocker.unblock(), undone():
            yield Sweep(make_ground())
    finally:
        logging.disable(logging.NOTSET)


@pytest.fixture
def _django_db_helper(sweep: Sweep) -> None:
    """Take the sweep's transaction for what ``pytest.mark.django_db`` asks; each request has its own savepoint."""

"""What every test may ask for."""

import os
from datetime import datetime

os.environ.setdefault("STATIC_HASHED", "0")
os.environ.setdefault("SECRET_KEY", "a secret key for the tests that is long enough for every check there is")
os.environ.setdefault("LINK_KEY", "a link key for the tests, of no value to anybody")
os.environ.setdefault("ORIGIN", "http://testserver")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")

import pytest

from portal.domain.calendar import COPENHAGEN
from portal.models import Municipality
from tests import factories

# A Tuesday in term, ten in the morning: most tests begin here.
TODAY = datetime(2026, 9, 8, 10, 0, tzinfo=COPENHAGEN)


@pytest.fixture
def now() -> datetime:
    """The moment at which most tests begin: a Tuesday in term, ten in the morning."""
    return TODAY


@pytest.fixture
def municipality(db: None) -> Municipality:
    """The municipality, with its calendar and vocabularies from the migrations."""
    made: Municipality = factories.MunicipalityFactory.create()
    return made

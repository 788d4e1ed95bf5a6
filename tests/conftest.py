"""What every test may ask for."""

import os
import tempfile
from datetime import datetime
from importlib import import_module
from typing import Any

os.environ.setdefault("STATIC_HASHED", "0")
os.environ.setdefault("SECRET_KEY", "a secret key for the tests that is long enough for every check there is")
os.environ.setdefault("LINK_KEY", "a link key for the tests, of no value to anybody")
os.environ.setdefault("ORIGIN", "http://testserver")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
os.environ.setdefault("MEDIA_ROOT", tempfile.mkdtemp(prefix="media-"))

import pytest
from django.apps import apps

from portal.domain.calendar import COPENHAGEN
from portal.models import Municipality, Subject
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


def put_vocabularies_back() -> None:
    """Write what the migrations wrote, after a test that really committed has emptied every table."""
    if not Subject.objects.exists():
        import_module("portal.migrations.0002_vocabularies").fill(apps, None)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The database of an earlier run may have been left empty by its last test."""
    with django_db_blocker.unblock():
        put_vocabularies_back()


@pytest.fixture
def committing(transactional_db: None) -> None:
    """For doors that must call a use-case outside of any transaction: here transactions really commit."""
    put_vocabularies_back()

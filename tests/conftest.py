"""What every test may ask for."""

import gc
import os
import tempfile
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from typing import Any
from unittest.mock import patch

os.environ.setdefault("STATIC_HASHED", "0")
os.environ.setdefault("SECRET_KEY", "a secret key for the tests that is long enough for every check there is")
os.environ.setdefault("LINK_KEY", "a link key for the tests, of no value to anybody")
os.environ.setdefault("ORIGIN", "http://testserver")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
os.environ.setdefault("MEDIA_ROOT", tempfile.mkdtemp(prefix="media-"))

import pytest
from django.apps import apps
from django.db import connection
from django.template import Context, Template
from django.test import TransactionTestCase
from django.test.signals import template_rendered

from portal.domain.calendar import COPENHAGEN
from portal.models import Municipality, Subject
from tests import factories

# A Tuesday in term, ten in the morning: most tests begin here.
TODAY = datetime(2026, 9, 8, 10, 0, tzinfo=COPENHAGEN)


def pytest_collection_finish() -> None:
    """Let the collector pass over what stands when the tests begin: it is never garbage, and half of all there is."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def render_and_tell(template: Template, context: Context) -> Any:
    """Render a template, and tell the test client of each page's own context."""
    if context.template is template:
        template_rendered.send(sender=template, template=template, context=context)
    return template.nodelist.render(context)


@pytest.fixture(scope="session", autouse=True)
def django_test_environment(django_test_environment: None) -> Iterator[None]:
    """Django keeps a copy of the context of every part that a page includes, hundreds on a page of the desk."""
    with patch.object(Template, "_render", render_and_tell):
        yield


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
    """Write what the migrations wrote, after something has emptied every table."""
    if not Subject.objects.exists():
        import_module("portal.migrations.0002_vocabularies").fill(apps, None)


# What a new database holds, table by table, laid aside once: whatever was really committed is put back from there.
LAY_ASIDE = """
DO $$ DECLARE found regclass; has_rows boolean; BEGIN
  DROP SCHEMA IF EXISTS laid_aside CASCADE;
  CREATE SCHEMA laid_aside;
  FOR found IN SELECT c.oid FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', found) INTO has_rows;
    IF has_rows THEN
      EXECUTE format('CREATE TABLE laid_aside.%s AS TABLE %s', found, found);
    END IF;
  END LOOP;
END $$
"""
# Row by row, not by TRUNCATE: making a hundred files of tables and indices anew takes longer than any of these tests.
# Foreign keys are looked at when everything is in its place again.
PUT_BACK = """
DO $$ DECLARE found record; differs boolean; BEGIN
  SET CONSTRAINTS ALL DEFERRED;
  FOR found IN
    SELECT c.oid::regclass AS name, to_regclass(format('laid_aside.%I', c.relname)) AS copy
    FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
  LOOP
    IF found.copy IS NULL THEN
      EXECUTE format('SELECT EXISTS (SELECT FROM %s)', found.name) INTO differs;
      IF differs THEN
        EXECUTE format('DELETE FROM %s', found.name);
      END IF;
    ELSE
      EXECUTE format('SELECT EXISTS ((TABLE %1$s EXCEPT TABLE %2$s) UNION ALL (TABLE %2$s EXCEPT TABLE %1$s))',
        found.name, found.copy) INTO differs;
      IF differs THEN
        EXECUTE format('DELETE FROM %s', found.name);
        EXECUTE format('INSERT INTO %s TABLE %s', found.name, found.copy);
      END IF;
    END IF;
  END LOOP;
END $$
"""


def put_back(_test: TransactionTestCase) -> None:
    """Make the database what it was before a test that really committed."""
    with connection.cursor() as cursor:
        cursor.execute(PUT_BACK)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The database of an earlier run may have been left empty by its last test."""
    with django_db_blocker.unblock():
        put_vocabularies_back()
        with connection.cursor() as cursor:
            cursor.execute(LAY_ASIDE)
    # Django would empty every table instead, and make the rows for its content types and permissions anew.
    with patch.object(TransactionTestCase, "_fixture_teardown", put_back):
        yield


@pytest.fixture
def committing(transactional_db: None) -> None:
    """For doors that must call a use-case outside of any transaction: here transactions really commit."""

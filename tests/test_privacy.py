"""The register of what is held about people: whole, true to the models, and each lifetime has its rule."""

import html
from io import StringIO

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, models
from django.test import Client
from django.urls import reverse
from django.utils import translation

from portal.domain import privacy
from portal.domain.privacy import Kind, register
from portal.models import Municipality

# Personal rows that are not handed out, and why.
NOT_HANDED_OUT = {
    "portal.Document": "finished PDFs are made again from the rows that are handed out",
    "portal.DocumentJob": "as above",
    "portal.Erasure": "keyed hashes of people who are no longer there",
    "portal.Municipality": "the municipality itself",
    "portal.Tally": "keyed hashes that live for minutes",
    "schools.School": "organisations",
    "companies.Company": "organisations",
    "offers.Agreement": "the title of a contract between organisations",
    "offers.AgreementVersion": "the text of a contract between organisations",
    "offers.Encounter": "titles of courses as they were; no person",
}


def fields_of(model: type[models.Model]) -> set[str]:
    return {
        field.name
        for field in model._meta.get_fields()
        if isinstance(field, models.Field) and (field.concrete or field.many_to_many)
    }


def test_every_field_of_every_model_is_tagged_once_and_every_tag_is_a_field() -> None:
    models_here = {model._meta.label: model for model in apps.get_models()}
    tags = [f"{tag.model}.{tag.field}" for tag in register().tags if tag.model.split(".")[0] in apps.app_configs]
    fields = [f"{label}.{name}" for label, model in models_here.items() for name in fields_of(model)]

    assert sorted(set(fields) - set(tags)) == [], "fields without a tag"
    assert sorted(set(tags) - set(fields)) == [], "tags without a field"
    assert sorted(tag for tag in set(tags) if tags.count(tag) > 1) == [], "fields tagged twice"


@pytest.mark.django_db
def test_every_table_of_the_database_belongs_to_a_tagged_model_or_is_tagged_itself() -> None:
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        columns = {
            table.name: {column.name for column in connection.introspection.get_table_description(cursor, table.name)}
            for table in register().tables
        }
    known = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}

    assert tables - known == {table.name for table in register().tables}
    assert columns == {table.name: set(table.columns.split()) for table in register().tables}


def test_every_personal_field_has_a_reason_and_a_legal_basis() -> None:
    bare = [
        f"{tag.model}.{tag.field}"
        for tag in register().tags
        if tag.kind != Kind.NONE
        and not (tag.purpose.who and tag.purpose.what and tag.purpose.why and tag.purpose.basis)
    ]

    assert bare == []


def test_every_personal_field_whose_lifetime_ends_by_itself_has_a_rule_with_that_lifetime() -> None:
    ruled = {name: rule.lifetime.code for rule in register().rules for name in rule.fields}
    ending = {
        f"{tag.model}.{tag.field}": tag.lifetime.code
        for tag in register().tags
        if tag.kind != Kind.NONE and tag.lifetime.ends
    }

    assert {name: code for name, code in ending.items() if ruled.get(name) != code} == {}
    assert {name for name in ruled if name not in {f"{tag.model}.{tag.field}" for tag in register().tags}} == set()


def test_every_personal_row_can_be_handed_out_or_says_why_not() -> None:
    silent = {holding.model for holding in register().holdings if holding.is_personal and holding.of is None}

    assert silent == set(NOT_HANDED_OUT)


def test_every_lifetime_can_be_shortened_by_the_municipality_and_never_prolonged() -> None:
    lifetimes = {tag.lifetime.setting: tag.lifetime for tag in register().tags if tag.lifetime.setting}
    fields = {field.name for field in Municipality._meta.fields if field.name.startswith("keep_")}

    assert set(lifetimes) == fields
    for setting, lifetime in lifetimes.items():
        longest = lifetime.days or lifetime.months
        assert (getattr(Municipality(), setting), lifetime.length(Municipality(**{setting: 1}))) == (longest, 1)
        assert lifetime.length(Municipality(**{setting: longest + 1})) == longest


def test_nothing_about_a_person_stops_the_person_from_being_deleted() -> None:
    """An erasure deletes accounts: whatever points to one must let go of it or go with it."""
    relations = [
        relation
        for relation in apps.get_model("portal.User")._meta.related_objects
        if relation.on_delete not in {models.CASCADE, models.SET_NULL}
    ]
    taken_along = {
        relation.related_model._meta.label
        for relation in apps.get_model("portal.User")._meta.related_objects
        if relation.on_delete is models.CASCADE
    }

    assert relations == []
    assert taken_along == {
        "mfa.Authenticator",
        "portal.PendingTable",
        "socialaccount.SocialAccount",
        "usersessions.UserSession",
        "portal.MunicipalRole",
        "schools.Membership",
        "account.EmailAddress",
        "admin.LogEntry",
    }


def test_every_cookie_of_the_register_is_one_of_the_settings() -> None:
    assert {getattr(settings, cookie.setting) for cookie in register().cookies} == {
        "session",
        "csrf",
        "django_language",
    }


def test_the_record_in_the_documentation_is_the_one_of_today() -> None:
    out = StringIO()
    call_command("privacy_record", stdout=out)
    page = (settings.BASE_DIR / "docs" / "privacy-record.md").read_text()

    assert page == out.getvalue(), "run: manage.py privacy_record > docs/privacy-record.md"


@pytest.mark.django_db
def test_the_page_about_privacy_tells_every_purpose_and_every_cookie(client: Client) -> None:
    text = html.unescape(client.get(reverse("privacy")).content.decode())

    with translation.override("da"):
        told = [str(one.purpose.who) for one in privacy.told()]
        kept = [sentence for one in privacy.told() for sentence in one.kept]
    assert [who for who in told if who not in text] == []
    assert [sentence for sentence in kept if sentence not in text] == []
    assert [cookie.name for cookie in register().cookies if f"<code>{cookie.name}</code>" not in text] == []
    assert len(told) == 14

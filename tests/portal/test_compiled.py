"""Compiled statements: the same rows as the QuerySet they come from, in SQL that is written once."""

from datetime import datetime
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from portal.domain.compiled import CompiledQuery, CompiledUpdate, insert
from portal.models import AuditEntry, MunicipalRole, User
from schools.models import SchoolClass
from tests.factories import MembershipFactory, SchoolClassFactory, UserFactory

by_id = CompiledQuery[Any](
    lambda pk: (
        SchoolClass.objects.filter(pk=pk)
        .select_related("school__merged_into")
        .defer("name")
        .annotate(is_alone=~Exists(SchoolClass.objects.filter(school=OuterRef("school")).exclude(pk=OuterRef("pk"))))
    ),
    "pk",
)
names = CompiledQuery[tuple[str, str]](
    lambda email, phone: User.objects.filter(email=email, phone=phone).values_list("name", "language"), "email", "phone"
)
held = CompiledQuery[User](lambda pk: User.objects.filter(pk=pk).select_for_update(no_key=True), "pk")
more_pupils = CompiledUpdate(
    lambda pk, more: (SchoolClass.objects.filter(pk=pk), {"pupils": F("pupils") + more}), "pk", "more"
)


@pytest.mark.django_db
def test_a_row_comes_with_what_was_selected_and_annotated() -> None:
    one = SchoolClassFactory.create()
    other = SchoolClassFactory.create()
    SchoolClassFactory.create(school=other.school)
    for row, is_alone in ((one, True), (other, False)):
        (found,) = by_id(pk=row.pk)
        assert found == row
        assert (found.is_alone, found.get_deferred_fields()) == (is_alone, {"name"})
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert found.school == row.school
            assert found.school.merged_into is None
        assert len(asked) == 0


@pytest.mark.django_db
def test_values_come_in_the_order_asked_for_and_each_time_anew() -> None:
    UserFactory.create(email="a@skole.example", name="Ægir", phone="1", language="da")
    UserFactory.create(email="b@skole.example", name="Øyvind", phone="1", language="en")

    assert names(email="a@skole.example", phone="1") == [("Ægir", "da")]
    assert names(email="b@skole.example", phone="1") == [("Øyvind", "en")]
    assert names(phone="2", email="b@skole.example") == []
    assert names.first(email="c@skole.example", phone="1") is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values", [{"email": "a"}, {"email": "a", "phone": None}, {"email": "a", "phone": "b", "c": 1}]
)
def test_a_value_too_many_too_few_or_nothing_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        names(**values)


@pytest.mark.django_db(transaction=True)
def test_rows_are_held_in_a_transaction_and_nowhere_else() -> None:
    person = UserFactory.create()
    with transaction.atomic(), CaptureQueriesContext(connection) as asked:
        assert held(pk=person.pk) == [person]
    assert "FOR NO KEY UPDATE" in asked[0]["sql"]
    with pytest.raises(TransactionManagementError):
        held(pk=person.pk)


@pytest.mark.django_db
def test_rows_are_changed_from_what_stands_in_the_database() -> None:
    one, other = SchoolClassFactory.create(pupils=20), SchoolClassFactory.create(pupils=20)
    assert more_pupils(pk=one.pk, more=3) == 1
    assert more_pupils(pk=one.pk, more=-1) == 1
    assert more_pupils(pk=UserFactory.create().pk, more=1) == 0
    assert [SchoolClass.objects.get(pk=row.pk).pupils for row in (one, other)] == [22, 20]


@pytest.mark.django_db
def test_an_inserted_row_is_the_row_that_saving_would_have_made(now: datetime) -> None:
    facts = {"places": 3, "who": "Søren", "none": None, "list": [1, 2]}
    for number in ("1", "2"):
        row = AuditEntry(at=now, actor_kind="job", actor_id=number, action="a", object_type="b", facts=facts)
        insert(row) if number == "1" else row.save()
        assert not row._state.adding
    one, two = AuditEntry.objects.order_by("actor_id").values("at", "action", "object_type", "object_id", "facts")
    assert one == two
    assert one["facts"] == facts


@pytest.mark.django_db
def test_several_are_inserted_in_one_statement_and_conflicts_only_where_it_is_said() -> None:
    person = UserFactory.create()
    first, second = (MunicipalRole(user=person, role=role) for role in ("coordinator", "reviewer"))
    with CaptureQueriesContext(connection) as asked:
        insert(first, second)
    assert len(asked) == 1
    again = MunicipalRole(user=person, role="coordinator")
    insert(again, ignore_conflicts=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(again)
    assert MunicipalRole.objects.filter(user=person).count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_statement_is_planned_once_a_connection() -> None:
    person = MembershipFactory.create().user
    for _ in range(8):
        names(email=person.email, phone=person.phone)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%portal_user%%'")
        assert cursor.fetchone() == (1,)
    assert isinstance(connection.connection, psycopg.Connection)

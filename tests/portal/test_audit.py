"""The log: who by kind and id, what, about which object; in the transaction of what it tells about."""

import pytest
from django.db import transaction

from portal.domain import audit
from portal.domain.actor import Actor
from portal.models import AuditEntry, Link, Municipality, MunicipalRole
from tests.factories import CoordinatorFactory, OperatorFactory, SchoolFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_an_entry_says_who_what_and_about_what(municipality: Municipality) -> None:
    user, school = UserFactory.create(name="Mette Krog"), SchoolFactory.create()
    audit.record(Actor.of_user(user), "school-renamed", school, pupils=24, before="pending")
    entry = AuditEntry.objects.get()

    assert (entry.actor_kind, entry.actor_id, entry.action) == ("user", str(user.pk), "school-renamed")
    assert (entry.object_type, entry.object_id) == ("schools.school", str(school.pk))
    assert entry.facts == {"pupils": 24, "before": "pending"}
    assert "Mette" not in str(entry.__dict__)


def test_an_entry_is_lost_with_what_it_tells_about(municipality: Municipality) -> None:
    with transaction.atomic():
        audit.record(Actor.job("test"), "something", municipality)
        transaction.set_rollback(True)

    assert AuditEntry.objects.count() == 0


def test_the_actors_of_a_person_a_link_and_a_job(municipality: Municipality) -> None:
    teacher, coordinator, operator = UserFactory.create(), CoordinatorFactory.create(), OperatorFactory.create()
    link = Link(purpose="host", reference_id=teacher.pk)
    actors = [Actor.of_user(teacher), Actor.of_user(coordinator), Actor.of_user(operator), Actor.of_link(link)]
    actors.append(Actor.job("plan"))

    assert [actor.is_coordinator for actor in actors] == [False, True, False, False, True]
    assert [actor.user_id for actor in actors] == [teacher.pk, coordinator.pk, operator.pk, None, None]
    assert (actors[3].purpose, actors[3].reference_id) == ("host", teacher.pk)


def test_a_coordinator_who_was_deactivated_or_lost_the_role_is_none(municipality: Municipality) -> None:
    one, other = CoordinatorFactory.create(), CoordinatorFactory.create()
    one.is_active = False
    one.save()
    MunicipalRole.objects.filter(user=other).delete()

    assert [Actor.of_user(one).is_coordinator, Actor.of_user(other).is_coordinator] == [False, False]

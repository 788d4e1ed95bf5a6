"""Coming to belong to a school: asked for, confirmed or refused, and what opens meanwhile."""

from collections.abc import Iterator
from datetime import datetime

import pytest
import time_machine
from django.test import Client

from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Message, Municipality, User
from schools.domain import membership
from schools.models import Membership, School
from tests import factories
from tests.conftest import TODAY


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(TODAY, tick=False):
        yield


@pytest.fixture
def school(municipality: Municipality) -> School:
    made: School = factories.SchoolFactory.create(name="Bakkeskolen")
    return made


def join(school: School, now: datetime, role: str = "teacher", email: str = "ny@skole.fjordby.example") -> User:
    newcomer = membership.Newcomer(email=email, name="Ny Lærer", language="da", school=school, role=role)
    return membership.join(newcomer=newcomer, now=now)


def at(school: School, role: str) -> User:
    user: User = factories.MembershipFactory.create(school=school, role=role).user
    return user


def told() -> list[tuple[str, str]]:
    return sorted(Message.objects.exclude(state="withdrawn").values_list("occasion", "address"))


def test_a_newcomer_belongs_nowhere_until_somebody_confirms(school: School, now: datetime) -> None:
    factories.SchoolClassFactory.create(school=school)
    user = join(school, now)
    before = (membership.belongs_to(user, school.pk), membership.enrollable_classes(user, now.date()).count())
    coordinator = Actor.of_user(factories.CoordinatorFactory.create())
    membership.confirm_membership(membership_id=user.memberships.get().pk, by=coordinator, now=now)
    after = (membership.belongs_to(user, school.pk), membership.enrollable_classes(user, now.date()).count())
    assert (before, after) == ((False, 0), (True, 1))


def test_joining_twice_returns_the_first_account(school: School, now: datetime) -> None:
    assert join(school, now) == join(school, now)
    assert (User.objects.count(), Membership.objects.count()) == (1, 1)


@pytest.mark.parametrize(("role", "waits"), [("teacher", False), ("ambassador", True), ("leader", True), ("plc", True)])
def test_where_teachers_need_not_be_confirmed_other_roles_must(
    school: School, municipality: Municipality, now: datetime, role: str, waits: bool
) -> None:
    municipality.memberships_need_confirmation = False
    municipality.save()
    user = join(school, now, role)
    assert (user.memberships.get().unconfirmed_since is not None) is waits


def test_leader_and_ambassador_of_the_school_are_told_of_a_new_teacher(school: School, now: datetime) -> None:
    leader, ambassador, _teacher = (at(school, role) for role in ("leader", "ambassador", "teacher"))
    at(factories.SchoolFactory.create(), "leader")
    factories.CoordinatorFactory.create()
    join(school, now)
    assert told() == sorted(("membership_asked_for", one.email) for one in (leader, ambassador))


def test_the_coordinators_are_told_where_a_school_has_nobody_who_may_answer(school: School, now: datetime) -> None:
    coordinator = factories.CoordinatorFactory.create()
    at(school, "ambassador")
    join(school, now, "leader")
    assert told() == [("membership_asked_for", coordinator.email)]


@pytest.mark.parametrize(
    ("who", "asked", "may"),
    [
        ("leader", "teacher", True),
        ("leader", "leader", True),
        ("ambassador", "teacher", True),
        ("ambassador", "ambassador", False),
        ("ambassador", "leader", False),
        ("plc", "teacher", False),
        ("teacher", "teacher", False),
    ],
)
def test_who_may_answer_for_whom(school: School, now: datetime, who: str, asked: str, may: bool) -> None:
    by = Actor.of_user(at(school, who))
    wanted = join(school, now, asked).memberships.get()
    if may:
        membership.confirm_membership(membership_id=wanted.pk, by=by, now=now)
    else:
        with pytest.raises(Refusal) as refused:
            membership.confirm_membership(membership_id=wanted.pk, by=by, now=now)
        assert refused.value.code == "not-yours"
    wanted.refresh_from_db()
    assert (wanted.unconfirmed_since is None) is may


def test_nobody_answers_for_another_school_for_oneself_or_while_unconfirmed(school: School, now: datetime) -> None:
    elsewhere = at(factories.SchoolFactory.create(), "leader")
    unconfirmed = join(school, now, "leader", "selv@skole.fjordby.example")
    wanted = join(school, now).memberships.get()
    own = unconfirmed.memberships.get()
    for person, about in ((elsewhere, wanted), (unconfirmed, wanted), (unconfirmed, own)):
        with pytest.raises(Refusal):
            membership.confirm_membership(membership_id=about.pk, by=Actor.of_user(person), now=now)


def test_a_confirmed_newcomer_is_told_and_the_others_are_not_asked_any_more(school: School, now: datetime) -> None:
    leader, _ambassador = at(school, "leader"), at(school, "ambassador")
    user = join(school, now)
    wanted = user.memberships.get()
    membership.confirm_membership(membership_id=wanted.pk, by=Actor.of_user(leader), now=now)
    assert told() == [("membership_confirmed", user.email)]
    assert AuditEntry.objects.get(action="membership-confirmed").actor_id == str(leader.pk)


def test_a_refused_newcomer_is_told_and_may_ask_elsewhere(school: School, now: datetime) -> None:
    leader = Actor.of_user(at(school, "leader"))
    user = join(school, now)
    wanted = user.memberships.get()
    membership.refuse_membership(membership_id=wanted.pk, by=leader, now=now)
    with pytest.raises(Refusal) as second:
        membership.confirm_membership(membership_id=wanted.pk, by=leader, now=now)
    other = factories.SchoolFactory.create()
    membership.ask_for(school=other, role="teacher", by=Actor.of_user(user), now=now)
    assert (second.value.code, membership.belongs_to(user, school.pk)) == ("already-answered", False)
    assert [one.school for one in membership.awaited_by(user)] == [other]


def test_nobody_asks_for_more_than_five_roles_at_a_time(school: School, now: datetime) -> None:
    user = factories.UserFactory.create()
    for _number in range(5):
        membership.ask_for(school=factories.SchoolFactory.create(), role="teacher", by=Actor.of_user(user), now=now)
    with pytest.raises(Refusal) as refused:
        membership.ask_for(school=school, role="teacher", by=Actor.of_user(user), now=now)
    assert refused.value.code == "too-many-waiting"


# --- The pages ----------------------------------------------------------------------------------------------------


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_enrol_page_says_that_the_school_has_not_confirmed_yet(school: School, now: datetime) -> None:
    session = factories.SessionFactory.create()
    page = browser(join(school, now)).get(f"/tidspunkter/{session.pk}/tilmeld/")
    assert (page.status_code, page.context["waiting_for"].school, page.templates[0].name) == (
        200,
        school,
        "offers/enrol_no_class.html",
    )


def test_an_ambassador_confirms_on_the_schools_page(school: School, now: datetime) -> None:
    ambassador, user = browser(at(school, "ambassador")), join(school, now)
    wanted = user.memberships.get()
    page = ambassador.get("/skolen/medlemmer/")
    assert [one.pk for one in page.context["waiting"]] == [wanted.pk]
    assert ambassador.get(f"/skolen/medlemmer/{wanted.pk}/bekraeft/").status_code == 200
    assert membership.belongs_to(user, school.pk) is False  # nothing happens on GET
    answer = ambassador.post(f"/skolen/medlemmer/{wanted.pk}/bekraeft/")
    assert (answer.headers["Location"], membership.belongs_to(user, school.pk)) == ("/skolen/medlemmer/", True)


def test_a_leader_refuses_on_the_schools_page(school: School, now: datetime) -> None:
    leader, user = browser(at(school, "leader")), join(school, now)
    leader.post(f"/skolen/medlemmer/{user.memberships.get().pk}/afvis/")
    assert user.memberships.get().ended_on == now.date()


@pytest.mark.parametrize("role", ["teacher", "plc", "guidance"])
def test_the_schools_page_does_not_exist_for_others(school: School, now: datetime, role: str) -> None:
    wanted = join(school, now).memberships.get()
    person = browser(at(school, role))
    pages = [person.get("/skolen/medlemmer/"), person.post(f"/skolen/medlemmer/{wanted.pk}/bekraeft/")]
    wanted.refresh_from_db()
    assert ([one.status_code for one in pages], wanted.unconfirmed_since) == ([404, 404], now)


@pytest.mark.parametrize("people", [1, 3])
def test_the_schools_page_asks_the_database_as_often_for_one_as_for_three(
    school: School, now: datetime, people: int, django_assert_num_queries: object
) -> None:
    leader = browser(at(school, "leader"))
    for number in range(people):
        join(school, now, email=f"ny{number}@skole.fjordby.example")
        at(school, "teacher")
    with django_assert_num_queries(8):  # type: ignore[operator]
        leader.get("/skolen/medlemmer/")


def test_one_asks_for_another_school_on_the_own_page(school: School, now: datetime) -> None:
    user = factories.UserFactory.create()
    answer = browser(user).post("/konto/", {"school": str(school.pk), "role": "teacher"})
    assert (answer.status_code, membership.awaited_by(user).get().school) == (302, school)


def test_a_newcomer_is_confirmed_at_the_desk(committing: None, now: datetime) -> None:
    factories.MunicipalityFactory.create()
    school = factories.SchoolFactory.create()
    user = join(school, now)
    wanted = user.memberships.get()
    desk = browser(factories.CoordinatorFactory.create())
    listed = desk.get("/admin/schools/membership/")
    page = desk.get(f"/admin/schools/membership/{wanted.pk}/bekraeft/")
    answer = desk.post(f"/admin/schools/membership/{wanted.pk}/bekraeft/")
    assert (listed.status_code, page.status_code, answer.status_code) == (200, 200, 302)
    assert membership.belongs_to(user, school.pk) is True


def test_a_newcomer_is_refused_and_several_are_confirmed_at_the_desk(committing: None, now: datetime) -> None:
    factories.MunicipalityFactory.create()
    school = factories.SchoolFactory.create()
    rows = [join(school, now, email=f"ny{n}@skole.fjordby.example").memberships.get() for n in range(3)]
    desk = browser(factories.CoordinatorFactory.create())
    desk.post(f"/admin/schools/membership/{rows[0].pk}/afvis/")
    chosen = {"action": "confirm_several", "confirmed": "1", "_selected_action": [str(row.pk) for row in rows[1:]]}
    desk.post("/admin/schools/membership/", chosen)
    for row in rows:
        row.refresh_from_db()
    assert [(row.ended_on is None, row.unconfirmed_since is None) for row in rows] == [(False, False)] + [
        (True, True)
    ] * 2

"""Who may enrol which classes."""

from datetime import date, datetime, timedelta

import pytest

from schools.domain import membership
from schools.models import Membership
from tests import factories

pytestmark = pytest.mark.django_db


def test_all_active_classes_of_the_own_schools_may_be_enrolled_the_own_first() -> None:
    role = factories.MembershipFactory.create(school__name="Bakkeskolen")
    second = factories.MembershipFactory.create(user=role.user, school__name="Åskolen")
    factories.SchoolClassFactory.create()
    inactive = factories.SchoolClassFactory.create(school=role.school, is_active=False)
    older = factories.SchoolClassFactory.create(school=role.school, start_year=2018, letter="A")
    younger = factories.SchoolClassFactory.create(school=role.school, start_year=2020, letter="A")
    own = factories.SchoolClassFactory.create(school=second.school, start_year=2019, letter="C")
    role.own_classes.add(inactive)
    second.own_classes.add(own)

    found = [
        (one.pk, getattr(one, "is_own", None)) for one in membership.enrollable_classes(role.user, date(2026, 9, 29))
    ]

    assert found == [(own.pk, True), (younger.pk, False), (older.pk, False)]


def test_a_role_that_ended_opens_nothing(now: datetime) -> None:
    role = factories.MembershipFactory.create(ended_on=now.date() - timedelta(days=1), role=Membership.Role.LEADER)
    factories.SchoolClassFactory.create(school=role.school)
    assert list(membership.schools_of(role.user)) == []
    assert list(membership.enrollable_classes(role.user, date(2026, 9, 29))) == []
    assert list(membership.teachers_at(role.school)) == []
    assert membership.belongs_to(role.user, role.school.pk) is False
    assert membership.works_school_wide(role.user) is False


def test_a_school_stands_once_however_many_roles_one_has_there() -> None:
    role = factories.MembershipFactory.create()
    factories.MembershipFactory.create(user=role.user, school=role.school, role=Membership.Role.LEADER)
    assert list(membership.schools_of(role.user)) == [role.school]
    assert list(membership.teachers_at(role.school)) == [role.user]


@pytest.mark.parametrize(
    ("role", "expected"),
    [("teacher", False), ("ambassador", True), ("plc", True), ("guidance", True), ("leader", True)],
)
def test_some_roles_work_for_the_whole_school(role: str, expected: bool) -> None:
    made = factories.MembershipFactory.create(role=role)
    assert membership.works_school_wide(made.user) is expected


def test_classes_that_have_left_on_the_day_are_not_present() -> None:
    nines = factories.SchoolClassFactory.create(start_year=2016, school__grade_to=10)  # grade 10 in 2026/27, then gone
    group = factories.SchoolClassFactory.create(
        school=nines.school, start_year=None, letter="", name="Ungdomsholdet", grade_from=8, grade_to=10
    )
    classes = type(nines).objects.filter(school=nines.school).order_by("start_year")
    assert membership.present(classes, date(2027, 6, 1)) == [nines, group]
    assert membership.present(classes, date(2027, 9, 1)) == [group]


@pytest.mark.parametrize(
    ("last_grade", "start_year", "left_in_autumn"),
    [
        (9, 2017, True),  # 9.A, and no grade 10: the pupils are elsewhere after the summer
        (10, 2017, False),  # 9.A becomes 10.A
        (10, 2016, True),  # 10.A has left
        (9, 2018, False),  # 8.A becomes 9.A
        (6, 2020, True),  # 6.A goes to the bigger school
    ],
)
def test_on_the_first_of_august_a_class_has_left_that_is_beyond_its_schools_last_grade(
    last_grade: int, start_year: int, *, left_in_autumn: bool
) -> None:
    one = factories.SchoolClassFactory.create(school__grade_to=last_grade, start_year=start_year)

    assert (one.has_left(date(2027, 7, 31)), one.has_left(date(2027, 8, 1))) == (False, left_in_autumn)

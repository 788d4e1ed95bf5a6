"""A school closes, or goes up in another: what follows, what stands in the way, and the names that history keeps."""

from datetime import date, datetime, timedelta

import pytest
from django.utils import translation

from offers.domain import enrolment as enrolling
from offers.domain import rules
from offers.domain.school import close_school, keep_names_of_school, merge_schools, renamed_by_merging
from offers.models import Enrolment, Session
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry
from schools.domain.school import end_roles_at_closed_schools, reopen_school
from schools.models import Membership, School, SchoolClass
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]
DESK = Actor.job("test")


@pytest.fixture
def school() -> School:
    made: School = factories.SchoolFactory.create(name="Havneskolen")
    return made


@pytest.fixture
def target() -> School:
    made: School = factories.SchoolFactory.create(name="Bakkeskolen")
    return made


def enrolled(school: School, now: datetime, letter: str = "A", when: datetime | None = None) -> Enrolment:
    one = factories.SchoolClassFactory.create(school=school, start_year=2019, letter=letter)
    facts = {"starts_at": when} if when else {}
    session: Session = factories.SessionFactory.create(**facts)
    made: Enrolment = factories.EnrolmentFactory.create(session=session, school_class=one)
    return made


def refused(call: object, **facts: object) -> str:
    with pytest.raises(Refusal) as refusal:
        call(**facts)  # type: ignore[operator]
    return refusal.value.code


def test_a_school_closes_on_a_day_to_come_and_its_roles_end_then(school: School, now: datetime) -> None:
    role = factories.MembershipFactory.create(school=school)

    close_school(school_id=school.pk, on=date(2026, 10, 1), by=DESK, now=now)

    role.refresh_from_db()
    assert role.ended_on is None
    assert end_roles_at_closed_schools(now=now + timedelta(days=30)) == 1
    role.refresh_from_db()
    assert role.ended_on == date(2026, 10, 8)


def test_a_school_with_visits_after_the_day_does_not_close(school: School, now: datetime) -> None:
    enrolled(school, now)

    assert refused(close_school, school_id=school.pk, on=date(2026, 9, 29), by=DESK, now=now) == "enrolments-ahead"
    close_school(school_id=school.pk, on=date(2026, 9, 30), by=DESK, now=now)

    school.refresh_from_db()
    assert school.closed_on == date(2026, 9, 30)


def test_a_class_of_a_closed_school_is_not_enrolled(school: School, now: datetime) -> None:
    one = factories.SchoolClassFactory.create(school=school)
    close_school(school_id=school.pk, on=date(2026, 9, 15), by=DESK, now=now)
    request = rules.EnrolmentRequest(school_class=SchoolClass.objects.get(pk=one.pk), adults=2)
    session = factories.SessionFactory.create()

    code = refused(enrolling.enrol_class, session_id=session.pk, request=request, by=DESK, now=now)

    assert code == "school-closed"


def test_a_closing_is_taken_back(school: School, now: datetime) -> None:
    close_school(school_id=school.pk, on=date(2026, 9, 15), by=DESK, now=now)

    assert reopen_school(school_id=school.pk, by=DESK, now=now).closed_on is None


def test_classes_roles_and_visits_ahead_follow_into_the_other_school(
    school: School, target: School, now: datetime
) -> None:
    ahead = enrolled(school, now)
    role = factories.MembershipFactory.create(school=school)
    role.own_classes.add(ahead.school_class)

    assert merge_schools(school_id=school.pk, into_id=target.pk, by=DESK, now=now) == 1

    ahead.refresh_from_db()
    school.refresh_from_db()
    assert (ahead.school, ahead.school_class.school, ahead.class_label) == (target, target, "7.A")
    assert (school.closed_on, school.merged_into) == (date(2026, 9, 8), target)
    now_there = Membership.objects.get(user=role.user, ended_on=None)
    assert (now_there.school, list(now_there.own_classes.all())) == (target, [ahead.school_class])
    assert sorted(AuditEntry.objects.values_list("action", flat=True)) == ["school-merged", "school-took-in"]


def test_visits_that_were_held_keep_school_and_class_as_they_were_called(
    school: School, target: School, now: datetime
) -> None:
    factories.SchoolClassFactory.create(school=target, start_year=2019, letter="A")
    held = enrolled(school, now, "A", when=now - timedelta(days=90))
    ahead = factories.EnrolmentFactory.create(school_class=held.school_class)
    assert held.class_label == "6.A"
    with translation.override("en"):
        assert renamed_by_merging(school, target, now) == ["7.A becomes 7.B"]

    merge_schools(school_id=school.pk, into_id=target.pk, by=DESK, now=now)

    held, ahead = Enrolment.objects.get(pk=held.pk), Enrolment.objects.get(pk=ahead.pk)
    assert (held.school_name, held.class_label) == ("Havneskolen", "6.A")
    assert (ahead.school_name, ahead.class_label) == ("Bakkeskolen", "7.B")


def test_groups_of_one_name_say_where_they_came_from(school: School, target: School, now: datetime) -> None:
    for one in (school, target):
        SchoolClass.objects.create(school=one, name="Læseholdet", grade_from=4, grade_to=6)

    merge_schools(school_id=school.pk, into_id=target.pk, by=DESK, now=now)

    names = SchoolClass.objects.filter(school=target).order_by("name").values_list("name", flat=True)
    assert list(names) == ["Læseholdet", "Læseholdet (Havneskolen)"]


def test_a_renamed_school_keeps_its_old_name_on_past_visits(school: School, now: datetime) -> None:
    held = enrolled(school, now, when=now - timedelta(days=90))
    ahead = enrolled(school, now, "B")

    assert keep_names_of_school(school, now=now) == 1
    School.objects.filter(pk=school.pk).update(name="Fjordskolen")

    names = [Enrolment.objects.get(pk=one.pk).school_name for one in (held, ahead)]
    assert names == ["Havneskolen", "Fjordskolen"]


def test_a_merged_school_neither_merges_nor_closes_nor_opens_again(
    school: School, target: School, now: datetime
) -> None:
    assert refused(merge_schools, school_id=school.pk, into_id=school.pk, by=DESK, now=now) == "itself"
    merge_schools(school_id=school.pk, into_id=target.pk, by=DESK, now=now)

    third = factories.SchoolFactory.create()
    assert refused(merge_schools, school_id=school.pk, into_id=third.pk, by=DESK, now=now) == "merged"
    assert refused(merge_schools, school_id=third.pk, into_id=school.pk, by=DESK, now=now) == "merged"
    assert refused(close_school, school_id=school.pk, on=date(2026, 12, 1), by=DESK, now=now) == "merged"
    assert refused(reopen_school, school_id=school.pk, by=DESK, now=now) == "merged"


def test_only_the_municipality_closes_and_merges_schools(school: School, target: School, now: datetime) -> None:
    by = Actor.of_user(factories.MembershipFactory.create(school=school, role="leader").user)

    assert refused(close_school, school_id=school.pk, on=date(2026, 12, 1), by=by, now=now) == "not-yours"
    assert refused(merge_schools, school_id=school.pk, into_id=target.pk, by=by, now=now) == "not-yours"
    assert refused(reopen_school, school_id=school.pk, by=by, now=now) == "not-yours"

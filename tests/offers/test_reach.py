"""What each role at a school reaches: which enrolments it sees, which it may touch, and which classes it enrols."""

from datetime import date, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from offers.domain import enrolment as enrolling
from offers.domain import rules
from offers.models import Enrolment, Session
from portal.domain import clock
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import Municipality, User
from schools.domain import membership
from schools.models import Membership, School, SchoolClass
from tests import factories

pytestmark = pytest.mark.django_db

OWN, COLLEAGUES, LOWER, ELSEWHERE = "own", "a colleague's", "a colleague's in grade 4", "another school's"
ROLES = ["teacher", "ambassador", "plc", "guidance", "leader"]
# Written by hand from the permission matrix (schools.domain.membership).
SEES = {
    "teacher": {OWN},
    "ambassador": {OWN, COLLEAGUES, LOWER},
    "plc": {OWN, COLLEAGUES, LOWER},
    "guidance": {OWN, COLLEAGUES},
    "leader": {OWN, COLLEAGUES, LOWER},
}
TOUCHES = {**SEES, "guidance": {OWN}}
ENROLS = {role: {7, 4} for role in ROLES} | {"guidance": {7}}


@pytest.fixture(autouse=True)
def _stand_still(monkeypatch: pytest.MonkeyPatch, now: datetime, municipality: Municipality) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)


@pytest.fixture
def school() -> School:
    made: School = factories.SchoolFactory.create()
    return made


def person_with(role: str, school: School) -> User:
    made: User = factories.MembershipFactory.create(role=role, school=school).user
    return made


def four_enrolments(person: User, school: School) -> dict[str, Enrolment]:
    """Return an enrolment of each kind, all of grade 7 but one."""

    def made(at: School, teacher: User, grade: int) -> Enrolment:
        school_class = factories.SchoolClassFactory.create(school=at, start_year=2026 - grade)
        session = factories.SessionFactory.create(places_taken=24)
        one: Enrolment = factories.EnrolmentFactory.create(
            school_class=school_class, teacher=teacher, grade=grade, session=session
        )
        return one

    colleague = person_with("teacher", school)
    return {
        OWN: made(school, person, 7),
        COLLEAGUES: made(school, colleague, 7),
        LOWER: made(school, colleague, 4),
        ELSEWHERE: made(factories.SchoolFactory.create(), factories.UserFactory.create(), 7),
    }


def named(rows: dict[str, Enrolment], found: object) -> set[str]:
    pks = {one.pk for one in found}  # type: ignore[attr-defined]
    return {name for name, one in rows.items() if one.pk in pks}


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_and_touches_what_the_table_says(school: School, role: str) -> None:
    person = person_with(role, school)
    rows = four_enrolments(person, school)

    assert named(rows, Enrolment.objects.visible_to(person)) == SEES[role]
    assert named(rows, Enrolment.objects.manageable_by(person)) == TOUCHES[role]


@pytest.mark.parametrize("role", ROLES)
def test_the_doors_follow_the_table(client: Client, school: School, role: str, now: datetime) -> None:
    person = person_with(role, school)
    rows = four_enrolments(person, school)
    client.force_login(person)

    def open_for(name: str) -> set[str]:
        statuses = {kind: client.get(reverse(name, args=[one.pk])).status_code for kind, one in rows.items()}
        assert set(statuses.values()) <= {200, 404}
        return {kind for kind, status in statuses.items() if status == 200}

    assert open_for("enrolment") == SEES[role]
    assert open_for("enrolment-change") == TOUCHES[role]
    assert open_for("enrolment-cancel") == TOUCHES[role]
    assert open_for("enrolment-report") == TOUCHES[role]
    refused = {}
    for kind, one in rows.items():
        try:
            enrolling.cancel_enrolment(enrolment_id=one.pk, by=Actor.of_user(person), now=now)
        except Refusal as refusal:
            refused[kind] = refusal.code
    assert refused == dict.fromkeys(set(rows) - TOUCHES[role], "not-yours")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_enrols_the_classes_that_the_table_says(school: School, role: str, now: datetime) -> None:
    person = person_with(role, school)
    session = factories.SessionFactory.create(offer__grade_from=0, offer__grade_to=10, places=90)
    done, refused = set(), []
    for grade in (7, 4):
        school_class = factories.SchoolClassFactory.create(school=school, start_year=2026 - grade)
        request = rules.EnrolmentRequest(school_class=school_class, pupils=20)
        try:
            enrolling.enrol_class(session_id=session.pk, request=request, by=Actor.of_user(person), now=now)
        except Refusal as refusal:
            refused.append((refusal.code, refusal.field))
        else:
            done.add(grade)
    shown = membership.enrollable_classes(person, date(2026, 9, 29))

    assert done == ENROLS[role]
    assert refused == [("not-your-grade", "school_class")] * (2 - len(done))
    assert {one.grades(date(2026, 9, 29)).start for one in shown} == ENROLS[role]


@pytest.mark.parametrize(
    ("facts", "grade"),
    [
        ({"start_year": 2020, "letter": "A"}, False),  # grade 6
        ({"start_year": 2019, "letter": "A"}, True),
        ({"start_year": 2016, "letter": "A"}, True),  # grade 10
        ({"start_year": 2015, "letter": "A"}, False),  # has left
        ({"start_year": None, "letter": "", "name": "Hold", "grade_from": 4, "grade_to": 6}, False),
        ({"start_year": None, "letter": "", "name": "Hold", "grade_from": 5, "grade_to": 7}, True),
        ({"start_year": None, "letter": "", "name": "Hold", "grade_from": 8, "grade_to": 10}, True),
    ],
)
def test_guidance_follows_grades_7_to_10_on_the_day(school: School, facts: dict[str, object], grade: bool) -> None:
    made = factories.SchoolClassFactory.create(school=school, **facts)
    day = date(2026, 9, 29)

    assert SchoolClass.objects.filter(membership.in_guidance(day), pk=made.pk).exists() is grade


def test_a_grade_6_of_spring_is_a_grade_7_of_autumn_for_the_counsellor(school: School) -> None:
    person = person_with("guidance", school)
    made = factories.SchoolClassFactory.create(school=school, start_year=2020)

    found = [made in membership.enrollable_classes(person, day) for day in (date(2027, 7, 31), date(2027, 8, 1))]
    assert found == [False, True]


def test_whoever_has_two_roles_reaches_what_either_reaches(school: School) -> None:
    person = person_with("teacher", school)
    factories.MembershipFactory.create(user=person, school=school, role="guidance")
    elsewhere = factories.MembershipFactory.create(user=person, role="leader").school
    rows = four_enrolments(person, school)
    there = factories.EnrolmentFactory.create(school_class=factories.SchoolClassFactory.create(school=elsewhere))

    seen = Enrolment.objects.visible_to(person)
    assert (named(rows, seen), there in seen) == ({OWN, COLLEAGUES}, True)


@pytest.mark.parametrize("why", ["ended", "unconfirmed"])
@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_is_not_in_force_reaches_nothing_of_the_school(
    school: School, role: str, why: str, now: datetime
) -> None:
    person = person_with(role, school)
    rows = four_enrolments(person, school)
    facts: Any = {"ended": {"ended_on": now.date()}, "unconfirmed": {"unconfirmed_since": now}}[why]
    Membership.objects.filter(user=person).update(**facts)

    assert named(rows, Enrolment.objects.visible_to(person)) == {OWN}
    assert list(membership.enrollable_classes(person, now.date())) == []


def test_a_coordinator_sees_all_and_a_reviewer_none(school: School) -> None:
    coordinator, reviewer = factories.CoordinatorFactory.create(), factories.ReviewerFactory.create()
    rows = four_enrolments(factories.UserFactory.create(), school)

    assert named(rows, Enrolment.objects.visible_to(coordinator)) == set(rows)
    assert named(rows, Enrolment.objects.visible_to(reviewer)) == set()


@pytest.mark.parametrize("role", ["ambassador", "plc", "leader"])
def test_those_who_act_for_a_school_enrol_for_a_colleague(client: Client, school: School, role: str) -> None:
    person, colleague = person_with(role, school), person_with("teacher", school)
    stranger = factories.MembershipFactory.create().user
    school_class = factories.SchoolClassFactory.create(school=school)
    session: Session = factories.SessionFactory.create(places=90)
    client.force_login(person)
    page = reverse("enrol", args=[session.pk])
    form = client.get(page).context["form"]
    assert [one.pk for one in form.fields["teacher"].queryset] == [colleague.pk]
    facts = {"school_class": str(school_class.pk), "adults": "2", "form_token": str(form["form_token"].value())}

    assert client.post(page, {**facts, "teacher": str(stranger.pk)}).status_code == 200
    assert client.post(page, {**facts, "teacher": str(colleague.pk)}).status_code == 302
    assert Enrolment.objects.get().teacher == colleague


def test_whoever_chooses_nobody_enrols_for_oneself_and_a_teacher_is_not_asked(client: Client, school: School) -> None:
    person, teacher = person_with("plc", school), person_with("teacher", school)
    session = factories.SessionFactory.create(places=90)
    page, teachers = reverse("enrol", args=[session.pk]), []
    classes = [factories.SchoolClassFactory.create(school=school) for _number in range(2)]
    for one, school_class in zip((person, teacher), classes, strict=True):
        client.force_login(one)
        form = client.get(page).context["form"]
        facts = {"school_class": str(school_class.pk), "adults": "2"}
        client.post(page, {**facts, "form_token": str(form["form_token"].value()), "teacher": ""})
        teachers.append("teacher" in form.fields)

    assert teachers == [True, False]
    assert {one.school_class: one.teacher for one in Enrolment.objects.all()} == {
        classes[0]: person,
        classes[1]: teacher,
    }

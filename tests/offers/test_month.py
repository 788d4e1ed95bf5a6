"""The month of a school's visits: who sees what, and how it is told."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from offers.domain.month import month_of
from offers.models import Enrolment, Meeting
from portal.models import User
from schools.models import Membership
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality", "on_the_day")]
SEPTEMBER = date(2026, 9, 1)


@pytest.fixture
def on_the_day(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def role() -> Membership:
    made: Membership = factories.MembershipFactory.create()
    return made


def visit(role: Membership, letter: str, day: str = "2026-09-29T09:00:00+02:00", **more: Any) -> Enrolment:
    session = factories.SessionFactory.create(starts_at=datetime.fromisoformat(day))
    made: Enrolment = factories.EnrolmentFactory.create(
        session=session,
        school_class=factories.SchoolClassFactory.create(school=role.school, letter=letter),
        teacher_phone="70 00 99 88",
        **more,
    )
    return made


def page(user: User, month: str = "") -> str:
    client = Client()
    client.force_login(user)
    response = client.get(reverse("school-month"), {"maaned": month} if month else {})
    assert response.status_code == 200
    return response.content.decode()


def test_a_teacher_sees_every_visit_of_the_school_and_nobodys_name(role: Membership, now: datetime) -> None:
    own, theirs = visit(role, "A", teacher=role.user), visit(role, "B")
    visit(factories.MembershipFactory.create(), "C")  # another school's

    shown = month_of(role.user, SEPTEMBER, now=now)

    entries = [(entry.label, entry.may_be_opened) for day in shown.busy_days for entry in day.entries]
    assert entries == [("7.A", True), ("7.B", False)]
    html = page(role.user)
    assert reverse("enrolment", args=[own.pk]) in html
    assert reverse("enrolment", args=[theirs.pk]) not in html
    assert theirs.teacher is not None
    assert [text for text in (theirs.teacher.name, theirs.teacher.email, "70 00 99 88") if text in html] == []
    assert theirs.session.offer.company.name in html


@pytest.mark.parametrize("status", ["waitlisted", "offered", "declined", "cancelled_by_school", "no_show"])
def test_only_what_holds_a_date_stands_in_the_month(role: Membership, now: datetime, status: str) -> None:
    moments: dict[str, Any] = (
        {"waiting_since": now} if status == "waitlisted" else {"answer_by": now} if status == "offered" else {}
    )
    visit(role, "A", teacher=role.user, status=status, **moments)
    assert month_of(role.user, SEPTEMBER, now=now).busy_days == []


def test_every_date_of_a_course_stands_on_its_day(role: Membership, now: datetime) -> None:
    one = visit(role, "A", teacher=role.user)
    for number, day in ((2, 14), (3, 21)):
        start = one.session.starts_at + timedelta(days=day)
        Meeting.objects.create(session=one.session, number=number, starts_at=start, ends_at=start + timedelta(hours=2))
    Meeting.objects.filter(number=2).update(state=Meeting.State.CANCELLED)

    october = month_of(role.user, date(2026, 10, 1), now=now)

    assert [one.day for one in october.busy_days] == [date(2026, 10, 20)]
    assert [day.holiday for day in october.weeks[2].days[:5]] == ["Efterårsferie"] * 5 or all(
        day.holiday for day in october.weeks[2].days[:5]
    )


def test_the_weeks_go_from_monday_to_sunday_and_know_their_numbers(role: Membership, now: datetime) -> None:
    shown = month_of(role.user, date(2027, 1, 1), now=now)
    assert [(week.number, week.days[0].day, week.days[6].day) for week in shown.weeks] == [
        (53, date(2026, 12, 28), date(2027, 1, 3)),
        (1, date(2027, 1, 4), date(2027, 1, 10)),
        (2, date(2027, 1, 11), date(2027, 1, 17)),
        (3, date(2027, 1, 18), date(2027, 1, 24)),
        (4, date(2027, 1, 25), date(2027, 1, 31)),
    ]
    assert (shown.before, shown.after) == (date(2026, 12, 1), date(2027, 2, 1))


@pytest.mark.parametrize("month", ["", "2026-09", "0000-00", "2026-13", "1999-12", "2100-01", "x" * 500, "２０２６-09"])
def test_whatever_is_no_month_shows_this_one(role: Membership, month: str) -> None:
    assert "September 2026" in page(role.user, month)


def test_the_table_says_what_it_is_and_leads_to_the_months_around(role: Membership) -> None:
    visit(role, "A", teacher=role.user)
    html = page(role.user, "2026-09")
    assert len(re.findall(r"<caption", html)) == 1
    assert (html.count('scope="col"'), html.count('scope="row"')) == (8, 5)
    assert re.findall(r'href="\?maaned=([0-9-]+)"', html) == ["2026-08", "2026-10"]
    assert page(role.user, "2000-01").count('href="?maaned=') == 1
    assert page(role.user, "2099-12").count('href="?maaned=') == 1


def test_it_takes_the_same_queries_with_one_and_with_three_visits(
    role: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = Client()
    client.force_login(role.user)
    visit(role, "A", teacher=role.user)
    client.get(reverse("school-month"))
    with django_assert_num_queries(QUERIES):
        client.get(reverse("school-month"))
    visit(role, "B")
    visit(role, "C")
    with django_assert_num_queries(QUERIES):
        client.get(reverse("school-month"))


# session, person, municipality, roles for the menu (2), enrolments, their dates, what may be opened, holidays, schools
QUERIES = 8


def test_somebody_without_a_school_sees_an_empty_month() -> None:
    assert "?maaned=" in page(factories.UserFactory.create())

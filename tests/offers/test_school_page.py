"""The school's page: who sees it and what of it, the leader's answer and switch, pages, and a school chosen."""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from offers.models import Enrolment
from portal.domain import clock, links
from portal.models import Link, Municipality, User
from schools.models import School
from tests import factories

pytestmark = pytest.mark.django_db
HERE = "/skolen/"


@pytest.fixture(autouse=True)
def _stand_still(monkeypatch: pytest.MonkeyPatch, now: datetime, municipality: Municipality) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)


@pytest.fixture
def school() -> School:
    made: School = factories.SchoolFactory.create(name="Bakkeskolen", leader_approves=True)
    return made


def come_as(client: Client, school: School, role: str = "leader") -> User:
    person: User = factories.MembershipFactory.create(school=school, role=role, user__name="Lone Leder").user
    client.force_login(person)
    return person


def coming(school: School, *, grade: int = 7, awaits: bool = False, **facts: Any) -> Enrolment:
    """An enrolment to come; one that awaits the leader holds its places meanwhile."""
    session = factories.SessionFactory.create(places_taken=24)
    waiting = {
        "status": Enrolment.Status.PENDING,
        "leader_answer": Enrolment.LeaderAnswer.AWAITED,
        "answer_by": session.closes_at,
    }
    made: Enrolment = factories.EnrolmentFactory.create(
        session=session,
        school_class=factories.SchoolClassFactory.create(school=school, start_year=2026 - grade),
        grade=grade,
        **(waiting if awaits else {}),
        **facts,
    )
    return made


def bare(answer: Any, address: str) -> str:
    """Return a page without its own address and the token of its forms."""
    text = answer.content.decode().replace(address, "")
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text)


def shown(page: Any, name: str) -> list[Any]:
    return [row["enrolment"].pk for row in page.context[name]]


@pytest.mark.parametrize(
    ("role", "status"), [("leader", 200), ("ambassador", 200), ("plc", 200), ("guidance", 200), ("teacher", 404)]
)
def test_the_page_is_for_those_who_do_more_than_teach(client: Client, school: School, role: str, status: int) -> None:
    come_as(client, school, role)

    assert client.get(HERE).status_code == status


@pytest.mark.parametrize("role", ["leader", "ambassador", "plc", "guidance"])
def test_it_shows_what_is_coming_what_waits_the_classes_and_the_people(
    client: Client, school: School, role: str
) -> None:
    come_as(client, school, role)
    older, younger = coming(school), coming(school, grade=4)
    waiting = coming(school, awaits=True)
    foreign = coming(factories.SchoolFactory.create())
    over = coming(school, status=Enrolment.Status.DECLINED)
    factories.MembershipFactory.create(school=school, user__name="Tove Tidligere", ended_on="2026-01-01")

    page = client.get(HERE)

    seen = {older.pk} | ({younger.pk} if role != "guidance" else set())
    assert set(shown(page, "coming")) == seen
    assert {foreign.pk, over.pk} & seen == set()
    assert shown(page, "awaiting") == [waiting.pk]
    assert len(page.context["classes"]) == (3 if role == "guidance" else 4)
    assert [row["person"].name for row in page.context["people"]] == ["Lone Leder"]
    answers = page.content.decode().count("/skolen/svar/")
    assert (answers, "/skolen/godkendelse/" in page.content.decode()) == ((1, True) if role == "leader" else (0, False))


def test_classes_say_how_many_visits_they_have_before_them(client: Client, school: School) -> None:
    come_as(client, school)
    made = coming(school)
    factories.EnrolmentFactory.create(school_class=made.school_class, session=factories.SessionFactory.create())
    gone = factories.SessionFactory.create(starts_at=datetime.fromisoformat("2026-09-01T09:00:00+02:00"))
    factories.EnrolmentFactory.create(school_class=made.school_class, session=gone)

    assert [one["visits"] for one in client.get(HERE).context["classes"]] == [2]


def test_whoever_has_two_schools_chooses_and_reaches_no_third(client: Client, school: School) -> None:
    person = come_as(client, school)
    second = factories.MembershipFactory.create(user=person, role="plc", school__name="Åskolen").school
    third = factories.MembershipFactory.create(user=person, role="teacher", school__name="Tredje").school

    pages = {wanted: client.get(f"{HERE}?skole={wanted}") for wanted in ("", school.pk, second.pk)}
    assert [page.context["school"].name for page in pages.values()] == ["Bakkeskolen", "Bakkeskolen", "Åskolen"]
    assert "Tredje" not in pages[""].content.decode()
    statuses = {client.get(f"{HERE}?skole={wanted}").status_code for wanted in (third.pk, uuid4(), "x", "æ", "1" * 999)}
    assert statuses == {404}


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999", "99999", "٣", "2"])
def test_what_is_coming_has_pages(client: Client, school: School, page: str) -> None:
    come_as(client, school)
    for _number in range(21):
        coming(school)

    found = client.get(f"{HERE}?page={page}")
    assert (found.status_code, len(shown(found, "coming"))) == (200, 1 if page in {"2", "99999"} else 20)


def test_the_page_asks_as_much_for_three_as_for_one(
    client: Client, school: School, django_assert_num_queries: Any
) -> None:
    come_as(client, school)
    for many in (1, 2):
        for _number in range(many):
            coming(school, awaits=True)
            coming(school)
            factories.MembershipFactory.create(school=school)
        # session, person; schools, roles; page: count, rows; awaiting; classes; people, their roles; municipality
        with django_assert_num_queries(11):
            client.get(HERE)


# --- The leader's answer -------------------------------------------------------------------------------------------


def test_the_leader_approves_or_declines_with_a_reason(client: Client, school: School) -> None:
    come_as(client, school)
    first, second = coming(school, awaits=True), coming(school, awaits=True)
    page = reverse("school-answer", args=[first.pk])
    assert client.get(page).status_code == 200

    yes = client.post(page, {"answer": "yes"})
    no = client.post(reverse("school-answer", args=[second.pk]), {"answer": "no", "reason": "Temauge."})

    assert [one.headers["Location"] for one in (yes, no)] == [f"{HERE}?skole={school.pk}"] * 2
    first.refresh_from_db()
    second.refresh_from_db()
    assert [(one.status, one.leader_answer) for one in (first, second)] == [
        ("confirmed", "approved"),
        ("declined", "declined"),
    ]
    assert "/skolen/svar/" not in client.get(HERE).content.decode()
    assert client.get(page).context["waits"] is False


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "answer"),
        ({"answer": "måske"}, "answer"),
        ({"answer": "no"}, "reason"),
        ({"answer": "no", "reason": "  "}, "reason"),
        ({"answer": "no", "reason": "Elev 010203-1234"}, "reason"),
        ({"answer": "no", "reason": "x" * 301}, "reason"),
    ],
)
def test_a_wrong_answer_is_said_at_its_field(client: Client, school: School, sent: dict[str, str], field: str) -> None:
    come_as(client, school)
    made = coming(school, awaits=True)
    answer = client.post(reverse("school-answer", args=[made.pk]), sent)

    made.refresh_from_db()
    assert (answer.status_code, set(answer.context["form"].errors), made.leader_answer) == (200, {field}, "awaited")


@pytest.mark.parametrize("role", ["teacher", "ambassador", "plc", "guidance", "leader elsewhere"])
def test_nobody_but_the_schools_leader_finds_the_answers_page(client: Client, school: School, role: str) -> None:
    made = coming(school, awaits=True)
    come_as(client, factories.SchoolFactory.create() if "elsewhere" in role else school, role.split(maxsplit=1)[0])
    page = reverse("school-answer", args=[made.pk])
    missing = reverse("school-answer", args=[uuid4()])

    statuses = [client.get(page), client.post(page, {"answer": "yes"}), client.get(missing)]
    made.refresh_from_db()
    assert ([one.status_code for one in statuses], made.leader_answer) == ([404, 404, 404], "awaited")
    assert bare(statuses[0], page) == bare(statuses[2], missing)


def test_the_enrolments_page_explains_in_words_what_it_waits_for(client: Client, school: School) -> None:
    made = coming(school, awaits=True)
    assert made.teacher is not None
    client.force_login(made.teacher)
    page = client.get(reverse("enrolment", args=[made.pk])).content.decode()
    assert ("Afventer din leder" in page, "/skolen/svar/" in page) == (True, False)

    come_as(client, school)
    page = client.get(reverse("enrolment", args=[made.pk])).content.decode()
    assert f"/skolen/svar/{made.pk}/" in page


def test_the_host_sees_nothing_of_it_before_the_leaders_yes(school: School, now: datetime) -> None:
    made = coming(school, awaits=True)
    contact = made.session.offer.contact
    assert contact is not None
    link = links.ensure(purpose=Link.Purpose.HOST, reference_id=contact.pk, now=now)
    host = Client()
    host.post(f"/l/{links.token(link)}/")
    pages = [
        reverse("link-host", args=[contact.pk]),
        reverse("host-session", args=[contact.pk, made.session_id]),
    ]
    assert [school.name in host.get(page).content.decode() for page in pages] == [False, False]
    assert host.get(reverse("host-answer", args=[contact.pk, made.pk])).status_code == 404
    Enrolment.objects.update(leader_answer="approved")
    assert [school.name in host.get(page).content.decode() for page in pages] == [True, True]


# --- The switch ----------------------------------------------------------------------------------------------------


def test_the_leader_switches_the_approval_on_and_off(client: Client, school: School) -> None:
    come_as(client, school)
    found = []
    for demanded in ("no", "yes"):
        answer = client.post("/skolen/godkendelse/", {"school": str(school.pk), "demanded": demanded})
        school.refresh_from_db()
        found.append((answer.status_code, answer.headers["Location"], school.leader_approves))

    assert found == [(302, f"{HERE}?skole={school.pk}", False), (302, f"{HERE}?skole={school.pk}", True)]


@pytest.mark.parametrize(
    "sent",
    [{}, {"school": "x", "demanded": "no"}, {"demanded": "no"}, {"school": "own"}, {"school": "own", "demanded": "1"}],
)
def test_a_switch_that_makes_no_sense_changes_nothing(client: Client, school: School, sent: dict[str, str]) -> None:
    come_as(client, school)
    facts = {name: str(school.pk) if value == "own" else value for name, value in sent.items()}

    assert client.post("/skolen/godkendelse/", facts).status_code == 404
    school.refresh_from_db()
    assert school.leader_approves


@pytest.mark.parametrize("role", ["teacher", "ambassador", "plc", "guidance"])
def test_nobody_else_switches_it(client: Client, school: School, role: str) -> None:
    come_as(client, school, role)

    assert client.post("/skolen/godkendelse/", {"school": str(school.pk), "demanded": "no"}).status_code == 404
    school.refresh_from_db()
    assert school.leader_approves


def test_what_is_over_is_no_longer_coming(client: Client, school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    come_as(client, school)
    made = coming(school, awaits=True)
    monkeypatch.setattr(clock, "now", lambda: made.session.ends_at + timedelta(seconds=1))

    page = client.get(HERE)
    assert (shown(page, "coming"), shown(page, "awaiting")) == ([], [])

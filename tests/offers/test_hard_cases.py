"""Hard cases of enrolment that stand in no other file; ``docs/hard-cases.md`` says where each of them is tested."""

import re
import socket
from datetime import date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from offers.domain import enrolment as enrolling
from offers.domain import rules
from offers.models import Encounter, Enrolment, Session
from portal.domain import clock
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN
from portal.domain.refusal import Refusal
from portal.models import Message, Municipality
from tests import factories

pytestmark = pytest.mark.django_db
DESK = Actor.job("test")
TABLE = Path(__file__).resolve().parents[2] / "docs" / "hard-cases.md"


def enrolled(session: Session, now: datetime, pupils: int) -> Enrolment:
    """Enrol a class of so many by a teacher of its own school."""
    role = factories.MembershipFactory.create()
    one = factories.SchoolClassFactory.create(school=role.school, pupils=pupils)
    request = rules.EnrolmentRequest(school_class=one, adults=2)
    return enrolling.enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


def statuses(*ones: Enrolment) -> list[str]:
    """Return how they stand now."""
    return [Enrolment.objects.get(pk=one.pk).status for one in ones]


def test_a_declined_group_is_not_approved_afterwards_when_others_have_its_places(
    municipality: Municipality, now: datetime
) -> None:
    offer = factories.OfferFactory.create(acceptance="manual")
    session = factories.SessionFactory.create(offer=offer, places=30)
    declined = enrolled(session, now, 20)
    enrolling.answer_request(enrolment_id=declined.pk, accept=False, reason="Vi holder messe.", by=DESK, now=now)
    full = enrolled(session, now, 30)

    with pytest.raises(Refusal) as refusal:
        enrolling.answer_request(enrolment_id=declined.pk, accept=True, by=DESK, now=now)

    session.refresh_from_db()
    assert refusal.value.code == "answered"
    assert (statuses(declined, full), session.places_taken) == (["declined", "pending"], 30)


@pytest.mark.parametrize(
    ("smaller_may_overtake", "expected"),
    [(False, ["waitlisted", "waitlisted"]), (True, ["waitlisted", "offered"])],
)
def test_with_20_places_free_a_group_of_26_waits_and_one_of_20_behind_it_goes_only_where_that_is_allowed(
    municipality: Municipality, now: datetime, *, smaller_may_overtake: bool, expected: list[str]
) -> None:
    Municipality.objects.update(smaller_may_overtake=smaller_may_overtake)
    session = factories.SessionFactory.create(places=30)
    leaving, staying = enrolled(session, now, 20), enrolled(session, now, 10)
    large, small = enrolled(session, now, 26), enrolled(session, now, 20)

    enrolling.cancel_enrolment(enrolment_id=leaving.pk, by=DESK, now=now)

    assert [*statuses(large, small), *statuses(staying)] == [*expected, "confirmed"]


@pytest.mark.parametrize(
    ("released", "answer_by"),
    [
        pytest.param("2026-09-22T23:30", "2026-09-25T16:00", id="at night"),
        pytest.param("2026-09-26T02:00", "2026-09-30T16:00", id="in the night before a Saturday"),
        pytest.param("2026-10-09T10:00", "2026-10-20T16:00", id="before week 42"),
        pytest.param("2026-10-13T10:00", "2026-10-21T16:00", id="in week 42"),
    ],
)
def test_an_offered_place_never_runs_out_at_night_or_in_the_autumn_holiday(
    municipality: Municipality, released: str, answer_by: str
) -> None:
    now = datetime.fromisoformat(released).replace(tzinfo=COPENHAGEN)
    starts_at = datetime(2026, 11, 24, 9, tzinfo=COPENHAGEN)
    session = factories.SessionFactory.create(
        places=20, starts_at=starts_at, opens_at=now - timedelta(days=1), closes_at=starts_at - timedelta(days=7)
    )
    leaving, waiting = enrolled(session, now, 20), enrolled(session, now, 20)

    enrolling.cancel_enrolment(enrolment_id=leaving.pk, by=DESK, now=now)

    waiting.refresh_from_db()
    assert waiting.status == "offered"
    assert waiting.answer_by == datetime.fromisoformat(answer_by).replace(tzinfo=COPENHAGEN)


def test_22_pupils_do_not_become_27_when_3_places_are_left_and_the_number_is_said(
    municipality: Municipality, now: datetime
) -> None:
    session = factories.SessionFactory.create(places=45)
    one, _other = enrolled(session, now, 22), enrolled(session, now, 20)

    with pytest.raises(Refusal) as refusal:
        enrolling.change_numbers(enrolment_id=one.pk, pupils=27, adults=2, by=DESK, now=now)

    one.refresh_from_db()
    assert (refusal.value.code, refusal.value.field, one.pupils) == ("no-room", "pupils", 22)
    assert "3" in str(refusal.value.message)
    assert "5" in str(refusal.value.message)


def test_on_the_first_of_august_7a_is_8a_the_tenth_grade_has_left_and_what_was_counted_stays(
    municipality: Municipality, now: datetime
) -> None:
    seventh = factories.SchoolClassFactory.create(letter="A", start_year=2019)
    tenth = factories.SchoolClassFactory.create(school__grade_to=10, letter="A", start_year=2016)
    new = factories.SchoolClassFactory.create(school=seventh.school, letter="A", start_year=2027)
    enrolment = factories.EnrolmentFactory.create(school_class=seventh, status="completed")
    Encounter.objects.create(
        enrolment=enrolment,
        meeting=enrolment.session.meetings.get(),
        offer=enrolment.session.offer,
        company=enrolment.session.offer.company,
        school=seventh.school,
        school_class=seventh,
        day=date(2026, 9, 29),
        school_year=2026,
        minutes=120,
        grade=7,
        pupils=24,
        offer_title="Svejs",
        company_name="Smeden",
        school_name="Skolen",
        class_label="7.A",
        industry="industri",
        activity_type="virksomhedsbesoeg",
        evidence="both",
    )
    july, august = date(2027, 7, 31), date(2027, 8, 1)

    labels = [(one.label(july), one.label(august)) for one in (seventh, tenth)]

    assert labels[0] == ("7.A", "8.A")
    assert [(one.has_left(july), one.has_left(august)) for one in (seventh, tenth)] == [(False, False), (False, True)]
    assert new.label(august) == "0.A"
    assert enrolment.class_label == "7.A"
    assert list(Encounter.objects.values_list("grade", "class_label", "school_year")) == [(7, "7.A", 2026)]


@pytest.mark.usefixtures("committing")
@pytest.mark.django_db(transaction=True)
def test_a_class_is_enrolled_when_neither_mail_nor_broker_nor_any_register_answers(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.MunicipalityFactory.create()
    now = clock.now()
    starts_at = now + timedelta(days=40)
    session = factories.SessionFactory.create(starts_at=starts_at, opens_at=now - timedelta(days=1))
    role = factories.MembershipFactory.create()
    one = factories.SchoolClassFactory.create(school=role.school, start_year=grade_seven(starts_at))
    client.force_login(role.user)

    def unreachable(*_: Any, **__: Any) -> NoReturn:
        raise OSError("there is nobody out there")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr(socket.socket, "connect", unreachable)
    form = {"school_class": str(one.pk), "pupils": "20", "adults": "2", "form_token": str(uuid4())}
    answer = client.post(reverse("enrol", args=[session.pk]), form)

    enrolment = Enrolment.objects.get()
    assert (answer.status_code, enrolment.status) == (302, "confirmed")
    assert Message.objects.filter(occasion="enrolment_confirmed", state="queued").count() == 1


def grade_seven(day: datetime) -> int:
    """Return when a class began that is in grade 7 on the day."""
    return (day.year if day.month >= 8 else day.year - 1) - 7


def test_the_table_of_hard_cases_names_tests_that_exist() -> None:
    text = TABLE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| .+ \| (.+) \|$", text, flags=re.MULTILINE)
    named = re.findall(r"`([\w/]+)\.py`\s+`(\w+)`", text)

    missing = [
        f"{module}.{test}" for module, test in named if not hasattr(import_module(module.replace("/", ".")), test)
    ]

    assert missing == []
    assert all("`test_" in tests for _number, tests in rows)
    assert [int(number) for number, _tests in rows] == [*range(1, 15), *range(16, 20), 24, 25, 26, 27, 28]

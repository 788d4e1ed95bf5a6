"""The pages on which a teacher enrols, sees, changes and cancels."""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from offers.domain import enrolment as enrolling
from offers.domain import moving, rules
from offers.models import Enrolment, Offer, Session
from portal.domain.actor import Actor
from portal.models import Message, Municipality, User
from schools.models import Membership, SchoolClass
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality", "on_the_day")]


@pytest.fixture
def on_the_day(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def role() -> Membership:
    made: Membership = factories.MembershipFactory.create()
    return made


@pytest.fixture
def school_class(role: Membership) -> SchoolClass:
    made: SchoolClass = factories.SchoolClassFactory.create(school=role.school, letter="A", pupils=24)
    return made


@pytest.fixture
def session() -> Session:
    made: Session = factories.SessionFactory.create()
    return made


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def answers(school_class: SchoolClass, **more: Any) -> dict[str, Any]:
    return {"school_class": str(school_class.pk), "adults": "2", "form_token": str(uuid4()), **more}


def enrolled(session: Session, role: Membership, school_class: SchoolClass, now: datetime, **more: Any) -> Enrolment:
    request = rules.EnrolmentRequest(school_class=school_class, adults=2, **more)
    return enrolling.enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


def test_a_visitor_is_asked_to_sign_in_and_comes_back(client: Client, session: Session) -> None:
    address = reverse("enrol", args=[session.pk])
    response = client.get(address)
    assert (response.status_code, response["Location"]) == (302, f"{reverse('account_login')}?next={address}")


def test_a_teacher_enrols_the_whole_class_and_gets_a_receipt(
    session: Session, role: Membership, school_class: SchoolClass
) -> None:
    client = signed_in(role.user)
    address = reverse("enrol", args=[session.pk])
    page = client.get(address)
    assert f'<option value="{school_class.pk}" selected data-pupils="24">7.A – 24' in page.content.decode()

    response = client.post(address, answers(school_class, needs_quiet="on", phone="12 34 56 78"))

    enrolment = Enrolment.objects.get()
    assert response["Location"] == reverse("enrolment", args=[enrolment.pk])
    assert (enrolment.pupils, enrolment.adults, enrolment.grade, enrolment.teacher_phone, enrolment.needs_quiet) == (
        24,
        2,
        7,
        "+4512345678",
        True,
    )
    receipt = client.get(response["Location"])
    assert receipt.status_code == 200
    assert reverse("enrolment-calendar", args=[enrolment.pk]) in receipt.content.decode()


def test_sending_the_same_form_twice_makes_one_enrolment(
    session: Session, role: Membership, school_class: SchoolClass
) -> None:
    client = signed_in(role.user)
    data = answers(school_class)
    first = client.post(reverse("enrol", args=[session.pk]), data)
    second = client.post(reverse("enrol", args=[session.pk]), data)
    assert first["Location"] == second["Location"]
    assert (Enrolment.objects.count(), Message.objects.filter(occasion="enrolment_confirmed").count()) == (1, 1)


def test_going_back_and_choosing_another_class_enrols_that_one_too(
    session: Session, role: Membership, school_class: SchoolClass
) -> None:
    other = factories.SchoolClassFactory.create(school=role.school, pupils=4)
    client = signed_in(role.user)
    data = answers(school_class)
    client.post(reverse("enrol", args=[session.pk]), data)
    client.post(reverse("enrol", args=[session.pk]), {**data, "school_class": str(other.pk)})
    assert set(Enrolment.objects.values_list("school_class", flat=True)) == {school_class.pk, other.pk}


def test_a_second_group_is_enrolled_only_when_asked_for(
    session: Session, role: Membership, school_class: SchoolClass
) -> None:
    client = signed_in(role.user)
    address = reverse("enrol", args=[session.pk])
    client.post(address, answers(school_class, pupils="12"))
    client.post(address, answers(school_class, pupils="12"))
    assert Enrolment.objects.count() == 1
    client.post(address, answers(school_class, pupils="12", second_group="on"))
    assert list(Enrolment.objects.order_by("group").values_list("group", "pupils")) == [(1, 12), (2, 12)]


def test_a_colleagues_enrolment_of_the_class_is_named_not_shown(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    colleague = factories.MembershipFactory.create(school=role.school, user__name="Mette Holm")
    enrolled(session, colleague, school_class, now)

    response = signed_in(role.user).post(reverse("enrol", args=[session.pk]), answers(school_class))

    assert response.status_code == 200
    assert list(response.context["form"].errors) == ["school_class"]
    assert "Mette Holm" in response.content.decode()
    assert Enrolment.objects.count() == 1


@pytest.mark.parametrize(
    "typed", ["0", "-1", "61", "1e2", "28,5", "28.0", "NaN", "0x10", "1_0", "٣", "１２", "+5", "2" * 5000]
)
def test_a_number_that_is_none_gets_a_message_and_nothing_is_lost(
    session: Session, role: Membership, school_class: SchoolClass, typed: str
) -> None:
    data = answers(school_class, pupils=typed, needs_text="Vi kommer med bus")
    response = signed_in(role.user).post(reverse("enrol", args=[session.pk]), data)
    assert response.status_code == 200
    assert list(response.context["form"].errors) == ["pupils"]
    assert "Vi kommer med bus" in response.content.decode()
    assert Enrolment.objects.count() == 0


def test_spaces_around_a_number_are_forgiven(session: Session, role: Membership, school_class: SchoolClass) -> None:
    signed_in(role.user).post(reverse("enrol", args=[session.pk]), answers(school_class, pupils=" 12 "))
    assert Enrolment.objects.get().pupils == 12


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("needs_text", "Emil, 010112-1234, skal sidde foran"),
        ("needs_text", "x" * 501),
        ("phone", "abc"),
        ("phone", "112"),
        ("adults", ""),
        ("adults", "21"),
        ("school_class", ""),
        ("school_class", "not-a-class"),
        ("form_token", "junk"),
    ],
)
def test_what_does_not_belong_is_refused_at_its_field(
    session: Session, role: Membership, school_class: SchoolClass, field: str, typed: str
) -> None:
    data = {**answers(school_class), field: typed}
    response = signed_in(role.user).post(reverse("enrol", args=[session.pk]), data)
    assert (response.status_code, list(response.context["form"].errors)) == (200, [field])


def test_a_class_of_another_school_is_no_choice(session: Session, role: Membership, school_class: SchoolClass) -> None:
    foreign = factories.SchoolClassFactory.create()
    response = signed_in(role.user).post(reverse("enrol", args=[session.pk]), answers(foreign))
    assert (list(response.context["form"].errors), Enrolment.objects.count()) == (["school_class"], 0)


def test_fields_that_are_not_asked_for_change_nothing(
    session: Session, role: Membership, school_class: SchoolClass
) -> None:
    extra = {"status": "completed", "group": "3", "grade": "1", "places": "1", "teacher": str(uuid4()), "session": "x"}
    signed_in(role.user).post(reverse("enrol", args=[session.pk]), answers(school_class, **extra))
    one = Enrolment.objects.get()
    assert (one.status, one.group, one.grade, one.places, one.teacher) == ("confirmed", 1, 7, 24, role.user)


def test_a_class_outside_the_grades_is_asked_whether_it_has_been_agreed(session: Session, role: Membership) -> None:
    young = factories.SchoolClassFactory.create(school=role.school, start_year=2022)
    client, address = signed_in(role.user), reverse("enrol", args=[session.pk])
    assert 'name="even_if_grade"' not in client.get(address).content.decode()

    refused = client.post(address, answers(young))
    assert list(refused.context["form"].errors) == ["even_if_grade"]
    assert 'name="even_if_grade"' in refused.content.decode()

    client.post(address, answers(young, even_if_grade="on"))
    assert Enrolment.objects.get().grade == 4


def test_a_session_that_closed_while_one_wrote_keeps_what_was_typed(
    session: Session, role: Membership, school_class: SchoolClass
) -> None:
    Offer.objects.update(state=Offer.State.PAUSED, pause_reason="Ombygning til maj.")
    data = answers(school_class, needs_text="Vi kommer med bus")
    response = signed_in(role.user).post(reverse("enrol", args=[session.pk]), data)
    page = response.content.decode()
    assert (response.status_code, Enrolment.objects.count()) == (200, 0)
    assert ("Ombygning til maj." in page, "Vi kommer med bus" in page) == (True, True)


def test_a_session_that_was_moved_while_one_wrote_is_looked_at_again_before_anything_is_done(
    session: Session, role: Membership, school_class: SchoolClass
) -> None:
    client, address = signed_in(role.user), reverse("enrol", args=[session.pk])
    assert '<input type="hidden" name="seen" value="0">' in client.get(address).content.decode()
    Session.objects.update(sequence=1)  # what moving a session does
    data = answers(school_class, needs_text="Vi kommer med bus", seen="0")

    page = client.post(address, data).content.decode()

    assert Enrolment.objects.count() == 0
    assert ("Tidspunktet er flyttet, mens du skrev." in page, "Vi kommer med bus" in page) == (True, True)
    assert '<input type="hidden" name="seen" value="1">' in page
    assert client.post(address, {**data, "seen": "1"})["Location"] == reverse(
        "enrolment", args=[Enrolment.objects.get().pk]
    )


def test_a_class_is_enrolled_through_the_page_while_a_move_is_proposed(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    other = factories.MembershipFactory.create()
    enrolled(session, other, factories.SchoolClassFactory.create(school=other.school, pupils=4), now)
    later = (session.starts_at + timedelta(days=1), session.ends_at + timedelta(days=1))
    proposal = moving.propose_move(
        session_id=session.pk, starts=[later], reason="Ovnen repareres.", by=Actor.job("test"), now=now
    )
    client, address = signed_in(role.user), reverse("enrol", args=[session.pk])
    found = re.search(r'name="seen" value="([^"]*)"', client.get(address).content.decode())
    assert found is not None
    assert found[1] == f"0:{proposal.pk}"

    client.post(address, answers(school_class, seen=found[1]))

    assert Enrolment.objects.filter(session=session, school_class=school_class).count() == 1


def test_a_session_that_filled_up_while_one_wrote_leads_into_the_line(
    session: Session, role: Membership, school_class: SchoolClass
) -> None:
    Session.objects.update(places_taken=28)

    signed_in(role.user).post(reverse("enrol", args=[session.pk]), answers(school_class, seen="0"))

    assert Enrolment.objects.get().status == Enrolment.Status.WAITLISTED


def test_a_session_that_is_gone_while_one_wrote_does_not_exist(
    session: Session, role: Membership, school_class: SchoolClass
) -> None:
    address = reverse("enrol", args=[session.pk])
    session.delete()

    assert signed_in(role.user).post(address, answers(school_class)).status_code == 404


def test_a_closed_session_says_so_and_where_there_is_room(
    session: Session, role: Membership, school_class: SchoolClass
) -> None:
    with time_machine.travel(session.closes_at + timedelta(minutes=1), tick=False):
        response = signed_in(role.user).get(reverse("enrol", args=[session.pk]))
    assert (response.status_code, response.templates[0].name) == (200, "offers/enrol_closed.html")


def test_a_full_session_without_a_line_leads_to_where_there_is_room(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    Offer.objects.update(has_waiting_list=False)
    Session.objects.update(places_taken=F("places"))
    day = timedelta(days=1)
    elsewhere = factories.SessionFactory.create(
        offer=session.offer, places=24, starts_at=session.starts_at + day, ends_at=session.ends_at + day
    )
    too_small = factories.SessionFactory.create(
        offer=session.offer, places=23, starts_at=session.starts_at + 2 * day, ends_at=session.ends_at + 2 * day
    )
    client, address = signed_in(role.user), reverse("enrol", args=[session.pk])
    there = reverse("enrol", args=[elsewhere.pk])

    looked = client.get(f"{address}?klasse={school_class.pk}")
    sent = client.post(address, answers(school_class, pupils="24"))

    assert [one.templates[0].name for one in (looked, sent)] == ["offers/enrol_full.html"] * 2
    assert "Din klasse er ikke blevet tilmeldt" in sent.content.decode()
    assert "Din klasse er ikke blevet tilmeldt" not in looked.content.decode()
    for page in (looked.content.decode(), sent.content.decode()):
        assert "Tidspunktet er fuldt og har ingen venteliste" in page
    assert f'href="{there}?klasse={school_class.pk}"' in looked.content.decode()
    assert f'href="{there}?pupils=24&amp;adults=2&amp;klasse={school_class.pk}"' in sent.content.decode()
    form = client.get(f"{there}?pupils=23&adults=3&klasse={school_class.pk}").content.decode()
    assert re.findall(r'name="(?:pupils|adults)" value="(\d+)"', form) == ["23", "3"]
    assert reverse("enrol", args=[too_small.pk]) not in sent.content.decode()
    assert f'href="{reverse("enrol", args=[session.pk])}' not in sent.content.decode()
    assert not Enrolment.objects.exists()


def test_the_room_elsewhere_is_room_for_the_adults_too_and_for_the_whole_class(
    session: Session, role: Membership, school_class: SchoolClass
) -> None:
    Offer.objects.update(has_waiting_list=False, counts_adults=True)
    Session.objects.update(places_taken=F("places"))
    day = timedelta(days=1)
    others = [
        factories.SessionFactory.create(
            offer=session.offer,
            places=many,
            starts_at=session.starts_at + number * day,
            ends_at=session.ends_at + number * day,
        )
        for number, many in enumerate((25, 26), start=1)
    ]
    client, address = signed_in(role.user), reverse("enrol", args=[session.pk])
    for typed in ("24", ""):  # left empty: the whole class
        page = client.post(address, answers(school_class, pupils=typed)).content.decode()
        assert [reverse("enrol", args=[one.pk]) in page for one in others] == [False, True]


@pytest.mark.parametrize(
    ("switches", "waits_for", "button"),
    [
        ({}, 12, "Kom på venteliste"),
        ({}, 60, "Tilmeld klassen"),  # more than the session has in all
        ({"smaller_may_overtake": True}, 12, "Tilmeld klassen"),
        ({"unvisited_first": True}, 12, "Tilmeld klassen"),
    ],
)
def test_the_button_promises_a_place_past_a_line_only_where_the_rules_give_one(
    session: Session,
    role: Membership,
    school_class: SchoolClass,
    municipality: Municipality,
    now: datetime,
    switches: dict[str, bool],
    waits_for: int,
    button: str,
) -> None:
    Municipality.objects.update(**switches)
    Session.objects.update(places=30, places_taken=20)
    factories.EnrolmentFactory.create(session=session, status="waitlisted", waiting_since=now, places=waits_for)
    page = signed_in(role.user).get(reverse("enrol", args=[session.pk])).content.decode()
    assert re.findall(r'<button class="ds-button" type="submit">([^<]*)</button>', page)[-1] == button


def test_who_is_enrolled_already_gets_the_receipt_again_from_a_full_session(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    Offer.objects.update(has_waiting_list=False)
    mine = enrolled(session, role, school_class, now)
    Session.objects.update(places_taken=F("places"))

    again = signed_in(role.user).post(reverse("enrol", args=[session.pk]), answers(school_class))

    assert again["Location"] == reverse("enrolment", args=[mine.pk])


@pytest.mark.parametrize("typed", ["", "x", "-1", "9" * 400, "²"])
def test_a_full_session_answers_whatever_number_was_typed(
    session: Session, role: Membership, school_class: SchoolClass, typed: str
) -> None:
    Offer.objects.update(has_waiting_list=False)
    Session.objects.update(places_taken=F("places"))
    client, address = signed_in(role.user), reverse("enrol", args=[session.pk])
    assert client.post(address, answers(school_class, pupils=typed)).status_code == 200
    assert client.get(address, {"pupils": typed, "klasse": typed}).status_code == 200


@pytest.mark.parametrize("state", [Session.State.PLANNED])
def test_a_session_that_is_only_planned_does_not_exist(role: Membership, state: str) -> None:
    session = factories.SessionFactory.create(state=state)
    assert signed_in(role.user).get(reverse("enrol", args=[session.pk])).status_code == 404


def test_a_session_of_a_course_that_was_never_published_does_not_exist(role: Membership, session: Session) -> None:
    Offer.objects.update(state=Offer.State.DRAFT, published_at=None)
    assert signed_in(role.user).get(reverse("enrol", args=[session.pk])).status_code == 404


def test_somebody_without_a_school_is_told_what_to_do(session: Session) -> None:
    response = signed_in(factories.UserFactory.create()).get(reverse("enrol", args=[session.pk]))
    assert (response.status_code, response.templates[0].name) == (200, "offers/enrol_no_class.html")


def test_a_coordinator_chooses_the_school_first_and_then_the_teacher(
    session: Session, role: Membership, school_class: SchoolClass
) -> None:
    client, address = signed_in(factories.CoordinatorFactory.create()), reverse("enrol", args=[session.pk])
    assert client.get(address).templates[0].name == "offers/enrol_school.html"
    assert client.get(f"{address}?skole=junk").templates[0].name == "offers/enrol_school.html"
    there = f"{address}?skole={role.school.pk}"
    assert list(client.post(there, answers(school_class)).context["form"].errors) == ["teacher"]

    client.post(there, answers(school_class, teacher=str(role.user.pk)))

    assert Enrolment.objects.get().teacher == role.user


def test_own_classes_stand_first_and_those_that_have_left_are_not_shown(session: Session, role: Membership) -> None:
    own = factories.SchoolClassFactory.create(school=role.school, letter="Z")
    role.own_classes.add(own)
    factories.SchoolClassFactory.create(school=role.school, letter="B")
    factories.SchoolClassFactory.create(school=role.school, letter="C", start_year=2010)
    factories.SchoolClassFactory.create(school=role.school, letter="D", is_active=False)
    page = signed_in(role.user).get(reverse("enrol", args=[session.pk])).content.decode()
    assert re.findall(r"(\d+\.[A-Z]) –", page) == ["7.Z", "7.B"]


def test_an_enrolment_is_seen_by_its_teacher_the_school_wide_roles_and_coordinators(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    one = enrolled(session, role, school_class, now)
    colleague = factories.MembershipFactory.create(school=role.school)
    leader = factories.MembershipFactory.create(school=role.school, role=Membership.Role.LEADER)
    former = factories.MembershipFactory.create(
        school=role.school, role=Membership.Role.LEADER, ended_on=now.date() - timedelta(days=1)
    )
    elsewhere = factories.MembershipFactory.create(role=Membership.Role.LEADER)
    people = [
        role.user,
        colleague.user,
        leader.user,
        former.user,
        elsewhere.user,
        factories.CoordinatorFactory.create(),
    ]
    for name in ("enrolment", "enrolment-change", "enrolment-cancel", "enrolment-calendar"):
        found = [signed_in(person).get(reverse(name, args=[one.pk])).status_code for person in people]
        assert found == [200, 404, 200, 404, 404, 200], name


def test_numbers_are_changed_until_closing_and_more_must_fit(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    one = enrolled(session, role, school_class, now)
    client, address = signed_in(role.user), reverse("enrolment-change", args=[one.pk])

    refused = client.post(address, {"pupils": "29", "adults": "2", "phone": ""})
    assert list(refused.context["form"].errors) == ["pupils"]

    accepted = client.post(address, {"pupils": "28", "adults": "3", "phone": "22 33 44 55"})
    assert accepted["Location"] == reverse("enrolment", args=[one.pk])
    one.refresh_from_db()
    session.refresh_from_db()
    assert (one.pupils, one.adults, one.teacher_phone, session.places_taken) == (28, 3, "+4522334455", 28)


def test_cancelling_asks_first_and_happens_once(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    one = enrolled(session, role, school_class, now)
    client, address = signed_in(role.user), reverse("enrolment-cancel", args=[one.pk])
    assert client.get(address).status_code == 200
    assert Enrolment.objects.get().status == "confirmed"

    for _time in range(2):
        assert client.post(address, {"reason": ""})["Location"] == reverse("enrolment", args=[one.pk])

    session.refresh_from_db()
    assert (Enrolment.objects.get().status, session.places_taken) == ("cancelled_by_school", 0)
    assert Message.objects.filter(occasion="host_cancelled_enrolment").count() == 1


@pytest.mark.parametrize(("answer", "status"), [("yes", "confirmed"), ("no", "cancelled_by_school")])
def test_an_offered_place_is_taken_or_left_by_a_button(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime, answer: str, status: str
) -> None:
    other = factories.MembershipFactory.create()
    first = enrolled(session, other, factories.SchoolClassFactory.create(school=other.school), now)
    one = enrolled(session, role, school_class, now)
    client = signed_in(role.user)
    address = reverse("enrolment-place", args=[one.pk])
    assert client.get(address)["Location"] == reverse("enrolment", args=[one.pk])
    enrolling.cancel_enrolment(enrolment_id=first.pk, by=Actor.of_user(other.user), now=now)

    for _scan in range(3):
        assert client.get(address).status_code == 200
    assert Enrolment.objects.get(pk=one.pk).status == "offered"
    assert list(client.post(address, {}).context["form"].errors) == ["answer"]
    assert client.post(address, {"answer": answer})["Location"] == reverse("enrolment", args=[one.pk])

    assert Enrolment.objects.get(pk=one.pk).status == status


def test_every_status_has_a_receipt_in_both_languages(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    one = enrolled(session, role, school_class, now)
    client = signed_in(role.user)
    for language in ("da", "en"):
        client.cookies["django_language"] = language
        for status in Enrolment.Status.values:
            Enrolment.objects.update(status=status, answer_by=now + timedelta(days=2), waiting_since=now)
            page = client.get(reverse("enrolment", args=[one.pk]))
            assert (page.status_code, page.content.decode().count("<h1>")) == (200, 1), status


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_the_same_queries_with_one_and_with_three_rows(
    role: Membership,
    school_class: SchoolClass,
    now: datetime,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _row in range(count):
        session = factories.SessionFactory.create()
        enrolled(session, role, school_class, now)
        full = factories.SessionFactory.create(places=24)
        other = factories.MembershipFactory.create()
        enrolled(full, other, factories.SchoolClassFactory.create(school=other.school), now)
        enrolled(full, role, school_class, now)
    client = signed_in(role.user)
    client.get(reverse("my-enrolments"))
    # session, person, works school-wide?, offered, coming, in line, asked to move, past (count), requests, questions,
    # is coordinator?, municipality
    with django_assert_num_queries(12):
        page = client.get(reverse("my-enrolments"))
    assert (len(page.context["coming"]), [row.position for row in page.context["waiting"]]) == (count, [1] * count)


def test_a_leader_may_look_at_the_whole_school(
    session: Session, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    enrolled(session, role, school_class, now)
    leader = factories.MembershipFactory.create(school=role.school, role=Membership.Role.LEADER)
    client = signed_in(leader.user)
    assert len(client.get(reverse("my-enrolments")).context["coming"]) == 0
    assert len(client.get(reverse("my-enrolments"), {"vis": "skole"}).context["coming"]) == 1
    assert len(signed_in(role.user).get(reverse("my-enrolments"), {"vis": "skole"}).context["coming"]) == 1


def test_a_class_is_enrolled_in_thirteen_statements(role: Membership, session: Session) -> None:
    client, classes = signed_in(role.user), [factories.SchoolClassFactory.create(school=role.school) for _ in range(2)]
    address = reverse("enrol", args=(session.pk,))
    client.post(address, answers(classes[0]))

    with CaptureQueriesContext(connection) as captured:
        answer = client.post(address, answers(classes[1]))

    own = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
    # The visit: session, person, municipal roles, date and course, class. The use-case: role and teacher, the date's
    # row, course and places behind the lock, earlier answer, line, insert, take, audit, both mails.
    assert (answer.status_code, len(own)) == (302, 13)


def test_every_enrolment_in_the_own_list_can_be_changed_from_there(
    role: Membership, school_class: SchoolClass, session: Session, now: datetime
) -> None:
    coming = enrolled(session, role, school_class, now)
    full = factories.SessionFactory.create(places=24)
    other = factories.MembershipFactory.create()
    enrolled(full, other, factories.SchoolClassFactory.create(school=other.school), now)
    waiting = enrolled(full, role, school_class, now)

    page = signed_in(role.user).get(reverse("my-enrolments"))

    deeds = {
        row.enrolment.pk: [url for _words, url in row.deeds]
        for name in ("coming", "waiting")
        for row in page.context[name]
    }
    names = ["enrolment-change", "enrolment-hand-over", "enrolment-calendar", "enrolment-cancel"]
    assert deeds == {
        coming.pk: [reverse(name, args=(coming.pk,)) for name in names],
        waiting.pk: [reverse(name, args=(waiting.pk,)) for name in ("enrolment-change", "enrolment-cancel")],
    }
    assert [
        address for addresses in deeds.values() for address in addresses if address not in page.content.decode()
    ] == []


def test_whoever_looks_at_the_whole_school_changes_no_colleagues_enrolment_from_the_list(
    role: Membership, school_class: SchoolClass, session: Session, now: datetime
) -> None:
    enrolled(session, role, school_class, now)
    leader = factories.MembershipFactory.create(school=role.school, role="leader")

    page = signed_in(leader.user).get(reverse("my-enrolments") + "?vis=skole")

    assert [row.deeds for row in page.context["coming"]] == [[]]

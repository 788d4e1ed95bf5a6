"""Several classes at once, and once more for another class: what the use-case promises and what the pages ask."""

import re
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation

from offers.domain.enrolment import Answer, Together, enrol_class, enrol_classes
from offers.domain.rules import EnrolmentRequest
from offers.models import Enrolment, Meeting, Offer, Session
from portal import mail
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Message, User
from schools.models import Membership, SchoolClass
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]


@pytest.fixture
def role() -> Membership:
    made: Membership = factories.MembershipFactory.create()
    return made


@pytest.fixture
def classes(role: Membership) -> list[SchoolClass]:
    """7.A, 7.B and 7.C with 20, 18 and 9 pupils."""
    sizes = {"A": 20, "B": 18, "C": 9}
    return [
        factories.SchoolClassFactory.create(school=role.school, letter=letter, pupils=size)
        for letter, size in sizes.items()
    ]


def enrol(
    session: Session, role: Membership, classes: list[SchoolClass], now: datetime, together: Together, token: Any = None
) -> list[Answer]:
    form_token = token or uuid4()
    requests = [EnrolmentRequest(school_class=one, adults=2, form_token=form_token) for one in classes]
    return enrol_classes(
        session_id=session.pk, requests=requests, together=together, by=Actor.of_user(role.user), now=now
    )


def statuses(answers: list[Answer]) -> list[str]:
    return [one.enrolment.status if one.enrolment else f"refused: {one.refusal.code}" for one in answers]  # type: ignore[union-attr]


def test_two_classes_that_fit_are_enrolled_in_one_go(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    session = factories.SessionFactory.create(places=40)

    answers = enrol(session, role, classes[:2], now, Together.ALL_OR_NONE)

    session.refresh_from_db()
    assert (statuses(answers), session.places_taken) == (["confirmed", "confirmed"], 38)
    batches = set(Enrolment.objects.values_list("batch", flat=True))
    assert (len(batches), None in batches) == (1, False)
    assert AuditEntry.objects.filter(action="enrolment-confirmed").count() == 2
    assert Message.objects.filter(occasion="enrolment_confirmed").count() == 2
    assert Message.objects.filter(occasion="host_new_enrolment").count() == 2


def test_all_or_none_writes_nothing_when_not_all_fit_and_says_the_numbers(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    session = factories.SessionFactory.create(places=28)
    factories.SessionFactory.create(
        offer=session.offer, places=50, starts_at=datetime.fromisoformat("2026-10-06T09:00+02:00")
    )

    with translation.override("en"), pytest.raises(Refusal) as refusal:
        enrol(session, role, classes[:2], now, Together.ALL_OR_NONE)

    session.refresh_from_db()
    assert (Enrolment.objects.count(), session.places_taken) == (0, 0)
    assert (Message.objects.count(), AuditEntry.objects.filter(action__startswith="enrolment-").count()) == (0, 0)
    assert refusal.value.code == "not-all-fit"
    said = str(refusal.value.message)
    assert said.startswith("Nothing is enrolled: 7.A and 7.B need 38 places together, and 28 are free.")
    assert "There is room for all of them on: Tuesday 6 October 2026" in said


def test_all_or_none_without_a_waiting_list_says_the_same(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    session = factories.SessionFactory.create(places=28)
    Offer.objects.update(has_waiting_list=False)

    with translation.override("en"), pytest.raises(Refusal) as refusal:
        enrol(session, role, classes[:2], now, Together.ALL_OR_NONE)

    assert Enrolment.objects.count() == 0
    assert "7.A and 7.B need 38 places together, and 28 are free. Choose “as many as fit”, or fewer" in str(
        refusal.value.message
    )


def test_none_is_enrolled_when_one_is_refused_and_it_is_named(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    session = factories.SessionFactory.create(places=60)
    young = factories.SchoolClassFactory.create(school=role.school, letter="D", start_year=2024)  # grade 2

    with translation.override("en"), pytest.raises(Refusal) as refusal:
        enrol(session, role, [classes[0], young], now, Together.ALL_OR_NONE)

    assert (Enrolment.objects.count(), refusal.value.code) == (0, "grade")
    assert str(refusal.value.message).startswith("None of the classes is enrolled, because of 2.D: The course is for")


def test_as_many_as_fit_are_enrolled_in_the_chosen_order_and_the_others_wait(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    """30 places: 7.A (20) fits, 7.B (18) does not any more, 7.C (9) does."""
    session = factories.SessionFactory.create(places=30)

    answers = enrol(session, role, classes, now, Together.AS_MANY_AS_FIT)

    session.refresh_from_db()
    assert [one.school_class for one in answers] == classes
    assert (statuses(answers), session.places_taken) == (["confirmed", "waitlisted", "confirmed"], 29)


def test_as_many_as_fit_refuses_the_others_where_nobody_can_wait(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    session = factories.SessionFactory.create(places=30)
    Offer.objects.update(has_waiting_list=False)

    answers = enrol(session, role, classes, now, Together.AS_MANY_AS_FIT)

    assert statuses(answers) == ["confirmed", "refused: full", "confirmed"]


def test_the_same_form_sent_twice_enrols_each_class_once(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    session, token = factories.SessionFactory.create(places=40), uuid4()
    first = enrol(session, role, classes[:2], now, Together.ALL_OR_NONE, token)

    again = enrol(session, role, classes[:2], now, Together.ALL_OR_NONE, token)

    session.refresh_from_db()
    assert [one.enrolment for one in again] == [one.enrolment for one in first]
    assert (Enrolment.objects.count(), session.places_taken) == (2, 38)


def test_a_class_that_was_enrolled_before_keeps_its_enrolment(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    session = factories.SessionFactory.create(places=60)
    by, request = Actor.of_user(role.user), EnrolmentRequest(school_class=classes[0], adults=2)
    before = enrol_class(session_id=session.pk, request=request, by=by, now=now)

    answers = enrol(session, role, classes, now, Together.ALL_OR_NONE)

    before.refresh_from_db()
    assert (answers[0].enrolment, before.batch, Enrolment.objects.count()) == (before, None, 3)


def test_enrolling_one_class_still_takes_at_most_ten_queries(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    session = factories.SessionFactory.create()
    loaded = SchoolClass.objects.select_related("school").get(pk=classes[0].pk)
    enrol(factories.SessionFactory.create(offer=session.offer), role, [loaded], now, Together.ALL_OR_NONE)
    role.user.refresh_from_db()
    by, request = Actor.of_user(role.user), EnrolmentRequest(school_class=loaded, adults=2)

    with CaptureQueriesContext(connection) as captured:
        enrol_classes(session_id=session.pk, requests=[request], together=Together.ALL_OR_NONE, by=by, now=now)

    assert len([one for one in captured if "SAVEPOINT" not in one["sql"]]) <= 10


# --- The pages ---------------------------------------------------------------------------------------------------


@pytest.fixture
def on_the_day(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        yield


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def visible_fields(html: str) -> list[str]:
    """Return the names of what one can fill in without opening anything, in the order of the page."""
    form = html[html.index('<form class="form"') :].split("</form>", maxsplit=1)[0]
    while "<details" in form:
        form = re.sub(r"<details(?:(?!<details).)*?</details>", "", form, count=1, flags=re.DOTALL)
    found = re.findall(r"<(?:input|select|textarea)\b[^>]*>", form)
    return [re.findall(r'name="([^"]+)"', one)[0] for one in found if 'type="hidden"' not in one]


@pytest.mark.usefixtures("on_the_day")
def test_a_second_enrolment_asks_for_three_fields(role: Membership, classes: list[SchoolClass], now: datetime) -> None:
    client, session = signed_in(role.user), factories.SessionFactory.create(places=60)
    first = client.get(reverse("enrol", args=[session.pk])).content.decode()
    assert len(visible_fields(first)) > 3
    answers = {
        "school_class": str(classes[0].pk),
        "pupils": "19",
        "adults": "3",
        "phone": "70 00 20 21",
        "needs_quiet": "on",
        "needs_text": "Vi kommer med bus.",
        "form_token": str(uuid4()),
    }
    assert client.post(reverse("enrol", args=[session.pk]), answers).status_code == 302

    other = factories.SessionFactory.create()
    again = client.get(reverse("enrol", args=[other.pk]))
    html = again.content.decode()

    assert visible_fields(html) == ["school_class", "pupils", "adults"]
    form = again.context["form"]
    assert (form["phone"].value(), form["needs_quiet"].value(), form["needs_text"].value()) == (
        "70 00 20 21",
        True,
        None,
    )
    assert "Vi kommer med bus" not in html


@pytest.mark.usefixtures("on_the_day")
def test_again_for_another_class_takes_two_clicks(role: Membership, classes: list[SchoolClass], now: datetime) -> None:
    classes[2].delete()
    client, session = signed_in(role.user), factories.SessionFactory.create(places=60)
    answers = {"school_class": str(classes[0].pk), "adults": "4", "phone": "70 00 20 21", "form_token": str(uuid4())}
    receipt = client.post(reverse("enrol", args=[session.pk]), answers, follow=True)
    link = re.findall(r'href="([^"]*igen=[^"]*)"', receipt.content.decode())[0]

    opened = client.get(link)
    form = opened.context["form"]
    sent = {name: form[name].value() for name in ("school_class", "adults", "phone", "form_token")}
    done = client.post(link, sent, follow=True)

    assert opened.context["form"]["school_class"].value() == str(classes[1].pk)
    made = Enrolment.objects.get(school_class=classes[1])
    assert (made.adults, made.teacher_phone, made.status) == (4, "+4570002021", "confirmed")
    assert done.redirect_chain == [(reverse("enrolment", args=[made.pk]), 302)]


@pytest.mark.usefixtures("on_the_day")
def test_ticked_classes_come_along_each_with_its_own_number(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    client, session = signed_in(role.user), factories.SessionFactory.create(places=60)
    page = client.get(reverse("enrol", args=[session.pk])).content.decode()
    assert f'name="more-{classes[1].pk}" value="18"' in page

    answers = {
        "school_class": str(classes[0].pk),
        "adults": "2",
        "form_token": str(uuid4()),
        "more": [str(classes[1].pk), str(classes[2].pk)],
        f"more-{classes[1].pk}": "17",
        f"more-{classes[2].pk}": "",
        "together": "all",
    }
    done = client.post(reverse("enrol", args=[session.pk]), answers, follow=True)

    rows = Enrolment.objects.order_by("school_class__letter")
    assert [(one.pupils, one.adults, one.status) for one in rows] == [
        (20, 2, "confirmed"),
        (17, 2, "confirmed"),
        (9, 2, "confirmed"),
    ]
    assert done.redirect_chain == [(reverse("enrolments-together", args=[answers["form_token"]]), 302)]
    html = done.content.decode()
    assert [html.count(f"{label}</strong>") for label in ("7.A", "7.B", "7.C")] == [1, 1, 1]


@pytest.mark.usefixtures("on_the_day")
def test_the_receipt_says_for_each_class_what_became_of_it(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    client, session = signed_in(role.user), factories.SessionFactory.create(places=20)
    answers = {
        "school_class": str(classes[0].pk),
        "adults": "2",
        "form_token": str(uuid4()),
        "more": [str(classes[1].pk)],
        "together": "fit",
    }

    html = client.post(reverse("enrol", args=[session.pk]), answers, follow=True).content.decode()

    rows = re.findall(r"<strong>(7\.[AB])</strong>.*?</li>", html, re.DOTALL)
    assert rows == ["7.A", "7.B"]
    assert "bekræftet" in html
    assert "nummer 1 i køen" in html


@pytest.mark.usefixtures("on_the_day")
def test_a_class_that_a_colleague_has_enrolled_is_named_beside_those_that_come_along(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    session = factories.SessionFactory.create()
    colleague = factories.MembershipFactory.create(school=role.school).user
    by = Actor.of_user(colleague)
    enrol_class(session_id=session.pk, request=EnrolmentRequest(school_class=classes[0], adults=2), by=by, now=now)
    answers = {
        "school_class": str(classes[0].pk),
        "adults": "2",
        "form_token": str(uuid4()),
        "more": [str(classes[1].pk), str(classes[2].pk)],
        "together": "fit",
    }

    html = signed_in(role.user).post(reverse("enrol", args=[session.pk]), answers, follow=True).content.decode()

    assert f"7.A: Klassen er allerede tilmeldt dette tidspunkt af {colleague.name}." in html


@pytest.mark.usefixtures("on_the_day")
def test_what_does_not_fit_keeps_what_was_ticked(role: Membership, classes: list[SchoolClass], now: datetime) -> None:
    client, session = signed_in(role.user), factories.SessionFactory.create(places=20)
    answers = {
        "school_class": str(classes[0].pk),
        "adults": "2",
        "form_token": str(uuid4()),
        "more": [str(classes[1].pk)],
        f"more-{classes[1].pk}": "16",
    }

    response = client.post(reverse("enrol", args=[session.pk]), answers)

    form, html = response.context["form"], response.content.decode()
    assert (response.status_code, Enrolment.objects.count(), list(form.errors)) == (200, 0, ["together"])
    assert 'class="more" open' in html
    assert f'name="more-{classes[1].pk}" value="16"' in html


@pytest.mark.usefixtures("on_the_day")
@pytest.mark.parametrize("number", ["0", "61", "ti", "1e1", "-3"])
def test_a_number_that_is_none_is_said_with_its_class(
    role: Membership, classes: list[SchoolClass], now: datetime, number: str
) -> None:
    client, session = signed_in(role.user), factories.SessionFactory.create(places=60)
    answers = {
        "school_class": str(classes[0].pk),
        "adults": "2",
        "form_token": str(uuid4()),
        "more": [str(classes[1].pk)],
        f"more-{classes[1].pk}": number,
    }

    response = client.post(reverse("enrol", args=[session.pk]), answers)

    assert Enrolment.objects.count() == 0
    assert [error.split(":")[0] for error in response.context["form"].errors["more"]] == ["7.B"]


@pytest.mark.usefixtures("on_the_day")
def test_a_foreign_class_cannot_be_ticked(role: Membership, classes: list[SchoolClass], now: datetime) -> None:
    foreign = factories.SchoolClassFactory.create()
    client, session = signed_in(role.user), factories.SessionFactory.create(places=60)
    answers = {
        "school_class": str(classes[0].pk),
        "adults": "2",
        "form_token": str(uuid4()),
        "more": [str(foreign.pk), "x"],
    }

    response = client.post(reverse("enrol", args=[session.pk]), answers)

    assert (Enrolment.objects.count(), list(response.context["form"].errors)) == (0, ["more"])


@pytest.mark.usefixtures("on_the_day")
def test_several_are_seen_by_those_who_may_see_them(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    session, token = factories.SessionFactory.create(places=60), uuid4()
    enrol(session, role, classes[:2], now, Together.ALL_OR_NONE, token)
    stranger = factories.MembershipFactory.create().user

    page = reverse("enrolments-together", args=[token])
    assert (signed_in(role.user).get(page).status_code, signed_in(stranger).get(page).status_code) == (200, 404)


@pytest.mark.usefixtures("on_the_day")
def test_a_course_of_several_dates_lists_them_all_on_form_and_receipt(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    session = factories.SessionFactory.create(places=60)
    for number, day in ((2, "2026-10-06"), (3, "2026-10-20")):
        Meeting.objects.create(
            session=session,
            number=number,
            starts_at=datetime.fromisoformat(f"{day}T09:00+02:00"),
            ends_at=datetime.fromisoformat(f"{day}T11:00+02:00"),
        )
    Session.objects.filter(pk=session.pk).update(ends_at=datetime.fromisoformat("2026-10-20T11:00+02:00"))
    client = signed_in(role.user)
    answers = {"school_class": str(classes[0].pk), "adults": "2", "form_token": str(uuid4())}

    form = client.get(reverse("enrol", args=[session.pk])).content.decode()
    receipt = client.post(reverse("enrol", args=[session.pk]), answers, follow=True).content.decode()

    for html in (form, receipt):
        days = re.findall(r"<li><time[^>]*>([^<]+)</time>", html)
        assert days == [
            "tirsdag 29. september 2026 kl. 9.00–11.00",
            "tirsdag 6. oktober 2026 kl. 9.00–11.00",
            "tirsdag 20. oktober 2026 kl. 9.00–11.00",
        ]
        assert "alle 3 datoer på én gang" in html


def test_who_enrols_for_a_colleague_is_named_to_them(
    role: Membership, classes: list[SchoolClass], now: datetime
) -> None:
    role.role = Membership.Role.AMBASSADOR
    role.save()
    colleague = factories.MembershipFactory.create(school=role.school).user
    request = EnrolmentRequest(school_class=classes[0], adults=2, teacher=colleague)
    enrol_class(session_id=factories.SessionFactory.create().pk, request=request, by=Actor.of_user(role.user), now=now)

    message = Message.objects.get(occasion="enrolment_confirmed")
    body = str(mail.render(message, now).body)

    assert message.address == colleague.email
    assert f"{role.user.name} ({role.user.email})" in body


def test_who_enrols_oneself_is_not_told_by_whom(role: Membership, classes: list[SchoolClass], now: datetime) -> None:
    request = EnrolmentRequest(school_class=classes[0], adults=2)
    enrol_class(session_id=factories.SessionFactory.create().pk, request=request, by=Actor.of_user(role.user), now=now)

    message = Message.objects.get(occasion="enrolment_confirmed")

    assert role.user.email not in str(mail.render(message, now).body)


def test_who_a_coordinator_enrols_is_told_who_did_it(classes: list[SchoolClass], now: datetime) -> None:
    coordinator = factories.CoordinatorFactory.create()
    teacher = factories.MembershipFactory.create(school=classes[0].school).user
    request = EnrolmentRequest(school_class=classes[0], adults=2, teacher=teacher)
    enrol_class(
        session_id=factories.SessionFactory.create().pk, request=request, by=Actor.of_user(coordinator), now=now
    )

    message = Message.objects.get(occasion="enrolment_confirmed")

    assert (message.address, coordinator.name in str(mail.render(message, now).body)) == (teacher.email, True)

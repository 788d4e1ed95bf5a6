"""Snapshots: whatever happens to course and host afterwards, a visit that was is told as it was."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from icalendar import Calendar

from companies.models import Company
from offers.domain import guides, snapshot
from offers.domain.calendar_file import calendar_file
from offers.domain.enrolment import cancel_enrolment, enrol_class
from offers.domain.rules import EnrolmentRequest
from offers.models import Enrolment, Meeting, Offer, Session
from portal import mail
from portal.domain.actor import Actor
from portal.models import Message, Municipality, User
from schools.models import Membership
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]
LATER = timedelta(days=60)


@pytest.fixture
def role() -> Membership:
    made: Membership = factories.MembershipFactory.create()
    return made


@pytest.fixture
def enrolment(role: Membership, now: datetime) -> Enrolment:
    """A class enrolled in “Byg en båd” at Bæk Bådebyggeri, 250 kr., at the Old Quay."""
    company = factories.CompanyFactory.create(name="Bæk Bådebyggeri", address="Gammel Kaj 1", city="Fjordby")
    offer = factories.OfferFactory.create(title="Byg en båd", company=company, price_ore=25_000)
    session = factories.SessionFactory.create(offer=offer)
    request = EnrolmentRequest(
        school_class=factories.SchoolClassFactory.create(school=role.school), adults=2, form_token=uuid4()
    )
    return enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


def everything_changes() -> None:
    """The company is bought and moves, the course is renamed, costs more, and is archived."""
    Company.objects.update(name="Fjord Marine A/S", address="Nyhavn 99")
    Offer.objects.update(title="Skibsbygning for alle", price_ore=99_900, state=Offer.State.ARCHIVED)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_what_is_agreed_is_frozen_with_the_enrolment(enrolment: Enrolment) -> None:
    enrolment.refresh_from_db()
    session = Session.objects.get()
    assert (enrolment.title_then, enrolment.host_then, enrolment.price_ore_then) == (
        "Byg en båd",
        "Bæk Bådebyggeri",
        25_000,
    )
    assert enrolment.place_then.startswith("Bæk Bådebyggeri, Gammel Kaj 1")
    assert (enrolment.starts_then, enrolment.ends_then) == (session.starts_at, session.ends_at)


def test_as_long_as_the_visit_is_ahead_people_are_told_how_things_are(enrolment: Enrolment, now: datetime) -> None:
    everything_changes()
    ahead = Enrolment.objects.get()
    visit = snapshot.visit_of(ahead, now)
    assert (visit.title, visit.host, visit.price_kr, visit.is_history) == (
        "Skibsbygning for alle",
        "Fjord Marine A/S",
        "999",
        False,
    )
    assert snapshot.dates_of(ahead, now)[0].place.startswith("Fjord Marine A/S, Nyhavn 99")


@pytest.mark.parametrize("status", ["confirmed", "completed", "no_show", "declined", "cancelled_by_school"])
def test_a_visit_that_was_keeps_course_host_place_price_and_times(
    enrolment: Enrolment, now: datetime, status: str
) -> None:
    Enrolment.objects.update(status=status)
    everything_changes()
    Session.objects.update(starts_at=now + timedelta(days=1), ends_at=now + timedelta(days=1, hours=1), closes_at=now)

    past = Enrolment.objects.get()
    visit = snapshot.visit_of(past, now + LATER)

    assert (visit.title, visit.host, visit.price_ore, visit.price_kr) == (
        "Byg en båd",
        "Bæk Bådebyggeri",
        25_000,
        "250",
    )
    assert (visit.starts_at, visit.ends_at) == (past.starts_then, past.ends_then)
    dates = snapshot.dates_of(past, now + LATER)
    assert [one.starts_at for one in dates] == [past.starts_then]
    assert dates[0].place.startswith("Bæk Bådebyggeri, Gammel Kaj 1")


def test_an_enrolment_from_before_there_were_snapshots_is_told_as_things_are(now: datetime) -> None:
    old = factories.EnrolmentFactory.create(status="completed")
    assert snapshot.visit_of(old, now + LATER).title == old.session.offer.title


def test_a_move_freezes_anew_for_those_who_stay(enrolment: Enrolment, now: datetime) -> None:
    later = now + timedelta(days=30)
    Session.objects.update(starts_at=later, ends_at=later + timedelta(hours=2))
    Meeting.objects.update(starts_at=later, ends_at=later + timedelta(hours=2), place="Molen")
    session = Session.objects.get()

    snapshot.write_snapshot(session, list(session.enrolments.select_related("school")))

    enrolment.refresh_from_db()
    assert (enrolment.starts_then, enrolment.place_then) == (later, "Molen")


def test_several_places_are_all_frozen(role: Membership, now: datetime) -> None:
    session = factories.SessionFactory.create()
    Meeting.objects.update(place="Værkstedet")
    day = session.starts_at + timedelta(days=7)
    Meeting.objects.create(session=session, number=2, starts_at=day, ends_at=day + timedelta(hours=1), place="Havnen")
    request = EnrolmentRequest(school_class=factories.SchoolClassFactory.create(school=role.school), adults=2)

    one = enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)

    assert one.place_then == "Værkstedet; Havnen"


@pytest.fixture
def afterwards(enrolment: Enrolment, now: datetime) -> Any:
    Enrolment.objects.update(status="completed")
    everything_changes()
    with time_machine.travel(now + LATER, tick=False):
        yield now + LATER


NEW = ("Skibsbygning", "Fjord Marine", "Nyhavn", "999 kr")


def told(html: str) -> tuple[bool, bool, list[str]]:
    return "Byg en båd" in html, "Bæk Bådebyggeri" in html, [word for word in NEW if word in html]


@pytest.mark.parametrize("name", ["enrolment", "enrolment-report"])
def test_the_pages_of_a_past_visit_tell_it_as_it_was(
    role: Membership, enrolment: Enrolment, afterwards: datetime, name: str
) -> None:
    html = signed_in(role.user).get(reverse(name, args=[enrolment.pk])).content.decode()
    assert told(html) == (True, True, [])


def test_the_list_of_past_visits_tells_them_as_they_were(
    role: Membership, enrolment: Enrolment, afterwards: datetime
) -> None:
    html = signed_in(role.user).get(reverse("my-enrolments")).content.decode()
    assert told(html) == (True, True, [])


def test_the_month_of_a_past_visit_tells_it_as_it_was(
    role: Membership, enrolment: Enrolment, afterwards: datetime
) -> None:
    html = signed_in(role.user).get(reverse("school-month") + "?maaned=2026-09").content.decode()
    assert told(html) == (True, True, [])


def test_the_calendar_file_of_a_past_visit_tells_it_as_it_was(enrolment: Enrolment, afterwards: datetime) -> None:
    past = Enrolment.objects.get()
    entry = Calendar.from_ical(calendar_file(past, method="PUBLISH", now=afterwards)).walk("VEVENT")[0]
    assert (entry["SUMMARY"], str(entry["LOCATION"]).split(",")[0]) == (
        f"Byg en båd – {past.class_label}",
        "Bæk Bådebyggeri",
    )


def test_the_guide_of_a_past_visit_tells_it_as_it_was(
    enrolment: Enrolment, afterwards: datetime, municipality: Municipality
) -> None:
    guide = guides.for_enrolment(enrolment=Enrolment.objects.get(), municipality=municipality, now=afterwards)
    facts = {one.name: one.text for one in guide.facts.facts}
    assert guide.facts.title == "Byg en båd"
    assert [value for value in facts.values() if "Marine" in value or "999" in value or "Nyhavn" in value] == []


def test_the_desk_and_its_file_tell_a_past_visit_as_it_was(enrolment: Enrolment, afterwards: datetime) -> None:
    client = signed_in(factories.CoordinatorFactory.create())
    html = client.get(reverse("admin:offers_enrolment_changelist")).content.decode()
    assert told(html) == (True, True, [])


def test_mails_about_an_ended_enrolment_tell_it_as_it_was(enrolment: Enrolment, now: datetime) -> None:
    cancel_enrolment(enrolment_id=enrolment.pk, by=Actor.job("desk"), now=now)
    everything_changes()

    for occasion in ("enrolment_cancelled", "host_cancelled_enrolment"):
        written = mail.render(Message.objects.get(occasion=occasion), now)
        whole = f"{written.subject} {written.body} {''.join(str(file[1]) for file in written.attachments)}"
        assert told(whole) == (True, True, []), occasion

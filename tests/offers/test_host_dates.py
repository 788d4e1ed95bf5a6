"""A host's dates by link: adding within what is allowed, asking for another time, calling one off, the day sheet."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from offers.domain import planning
from offers.models import Enrolment, Meeting, MoveProposal, Offer, Session
from portal.domain import clock, links
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN
from portal.models import Link, Municipality
from tests import factories

pytestmark = pytest.mark.django_db


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=COPENHAGEN)


@pytest.fixture(autouse=True)
def _at(monkeypatch: pytest.MonkeyPatch, municipality: Municipality, now: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)


@pytest.fixture
def offer() -> Offer:
    made: Offer = factories.OfferFactory.create(title="Svejs et bogmærke", closes_days=3)
    return made


@pytest.fixture
def host(client: Client, offer: Offer, now: datetime) -> Client:
    link = links.ensure(purpose=Link.Purpose.HOST, reference_id=offer.contact_id, now=now)  # type: ignore[arg-type]
    client.post(f"/l/{links.token(link)}/")
    return client


def where(name: str, offer: Offer, *args: Any) -> str:
    return reverse(name, args=[offer.contact_id, *args])


DATE = {"day_1": "2026-09-29", "begins_1": "09:00", "minutes": "120", "places": "28", "place": "", "weeks": "1"}
Errors = Callable[[Any], dict[str, list[str]]]


def errors(answer: Any) -> dict[str, list[str]]:
    return {field: [str(one) for one in found] for field, found in answer.context["form"].errors.items()}


# Adding


def test_a_host_adds_a_date_and_schools_see_it_at_once(host: Client, offer: Offer, now: datetime) -> None:
    answer = host.post(where("host-dates", offer, offer.pk), DATE)

    assert answer["Location"] == where("link-host", offer)
    made = Session.objects.get()
    assert (made.starts_at, made.ends_at, made.places) == (local("2026-09-29T09:00"), local("2026-09-29T11:00"), 28)
    assert list(Session.objects.bookable(now)) == [made]


def test_a_weekly_series_skips_days_without_school_and_names_them(host: Client, offer: Offer) -> None:
    answer = host.post(where("host-dates", offer, offer.pk), {**DATE, "day_1": "2026-10-06", "weeks": "3"})

    days = [one.starts_at for one in Session.objects.order_by("starts_at")]
    assert days == [local("2026-10-06T09:00"), local("2026-10-20T09:00")]
    said = [str(one) for one in host.get(answer["Location"]).context["messages"]]
    assert len(said) == 1
    assert "13. oktober 2026 (Efterårsferie)" in said[0]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"day_1": "2026-09-21"}, "day_1"),  # nine school days ahead
        ({"day_1": "2026-10-13"}, "day_1"),  # autumn holiday
        ({"day_1": "2026-10-03"}, "day_1"),  # a Saturday
        ({"day_1": "i morgen"}, "day_1"),
        ({"begins_1": "25:00"}, "begins_1"),
        ({"places": "0"}, "places"),
        ({"minutes": ""}, "minutes"),
        ({"weeks": "61"}, "weeks"),
    ],
)
def test_what_a_host_cannot_add_is_said_at_its_field(
    host: Client, offer: Offer, facts: dict[str, str], field: str
) -> None:
    answer = host.post(where("host-dates", offer, offer.pk), {**DATE, **facts})

    assert (answer.status_code, list(errors(answer))) == (200, [field])
    assert answer.context["form"][field].value() == facts[field]
    assert Session.objects.count() == 0


def test_the_tenth_school_day_ahead_is_the_first_and_the_page_names_it(host: Client, offer: Offer) -> None:
    shown = host.get(where("host-dates", offer, offer.pk))
    assert "tirsdag 22. september 2026" in shown.content.decode()

    assert host.post(where("host-dates", offer, offer.pk), {**DATE, "day_1": "2026-09-22"}).status_code == 302


def test_a_host_adds_no_more_than_the_municipality_allows(host: Client, offer: Offer) -> None:
    Municipality.objects.update(host_most_dates=2)
    for day in ("2026-09-29", "2026-09-30"):
        host.post(where("host-dates", offer, offer.pk), {**DATE, "day_1": day})

    answer = host.post(where("host-dates", offer, offer.pk), {**DATE, "day_1": "2026-10-01"})

    assert Session.objects.count() == 2
    assert "2 kommende tidspunkter" in answer.content.decode()


def test_where_the_municipality_plans_or_the_course_is_not_published_hosts_add_none(host: Client, offer: Offer) -> None:
    Municipality.objects.update(hosts_add_dates=False)
    closed = host.post(where("host-dates", offer, offer.pk), DATE)
    assert where("host-dates", offer, offer.pk) not in host.get(where("link-host", offer)).content.decode()
    Municipality.objects.update(hosts_add_dates=True)
    Offer.objects.update(state=Offer.State.PAUSED, pause_reason="Ferie")
    paused = host.post(where("host-dates", offer, offer.pk), DATE)

    assert ["kommunen alle tidspunkter" in closed.content.decode(), "offentliggjort" in paused.content.decode()] == [
        True,
        True,
    ]
    assert Session.objects.count() == 0


def test_empty_dates_are_named_kindly_and_keep_nobody_from_adding(host: Client, offer: Offer) -> None:
    host.post(where("host-dates", offer, offer.pk), DATE)

    shown = host.get(where("host-dates", offer, offer.pk))

    assert "1 tidspunkt venter stadig på sin første klasse" in shown.content.decode()
    assert host.post(where("host-dates", offer, offer.pk), {**DATE, "day_1": "2026-09-30"}).status_code == 302


def test_a_course_of_three_dates_is_added_with_all_of_them(host: Client, offer: Offer) -> None:
    Offer.objects.update(meetings=3)
    days = {f"day_{one}": f"2026-10-{day}" for one, day in ((1, "06"), (2, "20"), (3, "27"))}
    hours = {f"begins_{one}": "12:00" for one in (1, 2, 3)}

    host.post(where("host-dates", offer, offer.pk), {"minutes": "90", "places": "28", **days, **hours})

    assert [one.starts_at for one in Meeting.objects.order_by("number")] == [
        local("2026-10-06T12:00"),
        local("2026-10-20T12:00"),
        local("2026-10-27T12:00"),
    ]


def test_another_companys_course_is_out_of_reach(host: Client, offer: Offer) -> None:
    other = factories.OfferFactory.create()

    assert host.get(where("host-dates", offer, other.pk)).status_code == 404
    assert host.post(where("host-dates", offer, other.pk), DATE).status_code == 404


# Moving


@pytest.fixture
def enrolment(offer: Offer) -> Enrolment:
    role = factories.MembershipFactory.create()
    made: Enrolment = factories.EnrolmentFactory.create(
        session=factories.SessionFactory.create(offer=offer, places_taken=24),
        school_class=factories.SchoolClassFactory.create(school=role.school),
        teacher=role.user,
        teacher_phone="+4520304050",
        needs_quiet=True,
        needs_text="Én elev bliver let bange",
    )
    return made


NEW = {"day_1": "2026-10-20", "begins_1": "09:00", "ends_1": "11:00", "place_1": "Porten"}


def test_a_host_asks_for_another_time_sees_the_answers_and_takes_it_back(
    host: Client, offer: Offer, enrolment: Enrolment
) -> None:
    session = enrolment.session
    assert "Klasserne bliver spurgt først" in host.get(where("host-move", offer, session.pk)).content.decode()

    answer = host.post(where("host-move", offer, session.pk), {**NEW, "reason": "Ombygning"})

    assert answer["Location"] == where("host-session", offer, session.pk)
    shown = host.get(where("host-session", offer, session.pk)).content.decode()
    assert ("20. oktober 2026" in shown, "1 klasse har ikke svaret endnu" in shown) == (True, True)
    assert "flytning foreslået" in host.get(where("link-host", offer)).content.decode()
    back = where("host-move-withdraw", offer, session.pk)
    host.get(back)
    assert MoveProposal.objects.get().state == "open"
    host.post(back)
    assert MoveProposal.objects.get().state == "withdrawn"


def test_without_a_reason_the_form_comes_back_with_what_was_typed(
    host: Client, offer: Offer, enrolment: Enrolment
) -> None:
    answer = host.post(where("host-move", offer, enrolment.session_id), NEW)

    assert list(errors(answer)) == ["reason"]
    assert answer.context["form"]["day_1"].value() == "2026-10-20"


def test_an_empty_date_is_moved_at_once(host: Client, offer: Offer) -> None:
    session = factories.SessionFactory.create(offer=offer)
    host.post(where("host-move", offer, session.pk), NEW)

    session.refresh_from_db()
    assert session.starts_at == local("2026-10-20T09:00")


def test_the_teacher_sees_both_times_and_answers_with_one_button(
    client: Client, host: Client, offer: Offer, enrolment: Enrolment
) -> None:
    host.post(where("host-move", offer, enrolment.session_id), {**NEW, "reason": "Ombygning"})
    assert enrolment.teacher is not None
    teacher = Client()
    teacher.force_login(enrolment.teacher)
    mine = teacher.get(reverse("my-enrolments"))
    assert [row.enrolment for row in mine.context["asked_to_move"]] == [enrolment]
    page = reverse("enrolment-move", args=[enrolment.pk])
    shown = teacher.get(page).content.decode()
    for words in ("29. september 2026", "20. oktober 2026", "Ombygning", 'value="stay"', 'value="leave"'):
        assert words in shown
    teacher.get(page)
    assert MoveProposal.objects.get().state == "open"

    assert teacher.post(page, {"answer": "maybe"}).status_code == 200
    answer = teacher.post(page, {"answer": "stay"})

    assert answer["Location"] == reverse("enrolment", args=[enrolment.pk])
    assert MoveProposal.objects.get().state == "carried_out"
    assert teacher.post(page, {"answer": "leave"}).status_code == 302
    enrolment.refresh_from_db()
    assert enrolment.status == "confirmed"


def test_who_comes_to_enrol_meanwhile_sees_both_times(
    client: Client, host: Client, offer: Offer, enrolment: Enrolment
) -> None:
    host.post(where("host-move", offer, enrolment.session_id), {**NEW, "reason": "Ombygning"})
    Session.objects.update(places=100)
    visitor = Client()
    shown = visitor.get(reverse("offer", args=[offer.pk, offer.slug])).content.decode()
    assert ("flytning foreslået" in shown, "20. oktober 2026" in shown) == (True, True)
    role = factories.MembershipFactory.create()
    one = factories.SchoolClassFactory.create(school=role.school)
    visitor.force_login(role.user)

    form = visitor.get(reverse("enrol", args=[enrolment.session_id]))

    assert "Tilmeld kun, hvis begge tidspunkter passer jer." in form.content.decode()
    typed = {
        "school_class": str(one.pk),
        "pupils": "20",
        "adults": "2",
        "form_token": form.context["form"]["form_token"].value(),
    }
    stale = visitor.post(reverse("enrol", args=[enrolment.session_id]), {**typed, "seen": "0"})
    assert (stale.status_code, Enrolment.objects.filter(school_class=one).count()) == (200, 0)
    done = visitor.post(reverse("enrol", args=[enrolment.session_id]), {**typed, "seen": form.context["seen"]})
    assert done.status_code == 302


# Calling one date off, and the day sheet


def test_the_page_says_what_becomes_of_the_rest_before_a_date_is_called_off(
    host: Client, offer: Offer, now: datetime
) -> None:
    spans = [(local(f"2026-10-{day}T12:00"), local(f"2026-10-{day}T14:00")) for day in ("06", "20", "27")]
    course = planning.plan_session(offer_id=offer.pk, starts=spans, places=28, by=Actor.job("test"), now=now)
    second, third = (where("host-cancel-date", offer, course.pk, number) for number in (2, 3))
    assert "Derfor fortsætter det uden denne mødegang." in host.get(second).content.decode()

    assert list(errors(host.post(second, {"reason": ""}))) == ["reason"]
    assert host.post(second, {"reason": "Sygdom"}).status_code == 302

    assert "Hele forløbet bliver aflyst" in host.get(third).content.decode()
    assert host.get(where("host-cancel-date", offer, course.pk, 9)).status_code == 404
    shown = host.get(where("host-session", offer, course.pk)).content.decode()
    assert ("<s>tirsdag 20. oktober 2026" in shown, "Sygdom" in shown) == (True, True)


def test_the_day_sheet_holds_all_classes_of_the_day_with_number_needs_and_the_teachers_phone(
    host: Client, offer: Offer, enrolment: Enrolment
) -> None:
    second = factories.EnrolmentFactory.create(
        session=factories.SessionFactory.create(offer=offer, starts_at=local("2026-09-29T12:00"))
    )
    factories.EnrolmentFactory.create(session=enrolment.session, status="pending")
    factories.EnrolmentFactory.create(session=factories.SessionFactory.create(starts_at=local("2026-09-29T12:00")))

    page = host.get(where("host-day", offer, "2026-09-29"))

    rows = page.context["rows"]
    assert [[one["enrolment"].pk for one in row["classes"]] for row in rows] == [[enrolment.pk], [second.pk]]
    body = page.content.decode()
    assert enrolment.teacher is not None
    for words in ("9.00–11.00", enrolment.school.name, enrolment.teacher.name, "20 30 40 50", "24 elever"):
        assert words in body
    assert "bange" not in body


@pytest.mark.parametrize("day", ["i-morgen", "20260929", "2026-W40-2", "2026-13-01", "0000-00-00"])
def test_a_day_that_is_none_has_no_sheet(host: Client, offer: Offer, day: str) -> None:
    assert host.get(f"/vaert/{offer.contact_id}/dag/{day}/").status_code == 404


def test_the_day_sheet_takes_the_same_queries_for_one_and_for_three(
    host: Client, offer: Offer, enrolment: Enrolment
) -> None:
    with CaptureQueriesContext(connection) as one:
        host.get(where("host-day", offer, "2026-09-29"))
    for hour in (12, 14):
        factories.EnrolmentFactory.create(
            session=factories.SessionFactory.create(offer=offer, starts_at=local(f"2026-09-29T{hour}:00"))
        )
    with CaptureQueriesContext(connection) as three:
        page = host.get(where("host-day", offer, "2026-09-29"))

    assert (len(page.context["rows"]), len(one)) == (3, len(three))
    assert len(three) <= 12


def test_an_empty_day_says_so(host: Client, offer: Offer) -> None:
    assert "Ikke noget denne dag" in host.get(where("host-day", offer, "2026-12-24")).content.decode()

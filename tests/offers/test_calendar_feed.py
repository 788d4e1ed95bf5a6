"""The secret address at which a calendar program reads a person's visits: what it gives, and what it never does."""

import json
import re
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from ical.calendar_stream import IcsCalendarStream
from icalendar import Calendar
from pytest_django import DjangoAssertNumQueries

from offers.domain import calendar_feed
from offers.domain.cancelling import undo_cancellation
from offers.domain.enrolment import cancel_enrolment, enrol_class
from offers.domain.moving import move_session
from offers.domain.rules import EnrolmentRequest
from offers.models import Enrolment, Meeting, Session
from portal.domain import links
from portal.domain.actor import Actor
from portal.logs import mask
from portal.models import AuditEntry, Link, User
from schools.models import Membership
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
def address(role: Membership, now: datetime) -> str:
    link = calendar_feed.make_feed(by=Actor.of_user(role.user), now=now)
    return calendar_feed.address(link).removeprefix("http://testserver").removeprefix("http://localhost")


def enrol(role: Membership, now: datetime, session: Session | None = None) -> Enrolment:
    session = session or factories.SessionFactory.create()
    request = EnrolmentRequest(
        school_class=factories.SchoolClassFactory.create(school=role.school),
        adults=2,
        form_token=uuid4(),
        needs_text="Et høreapparat.",
        phone="70 00 20 21",
    )
    return enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


def path_of(link: Link) -> str:
    return reverse("calendar-feed", args=[links.token(link)])


def read(role: Membership, now: datetime) -> Any:
    link = calendar_feed.link_of(role.user, now)
    assert link is not None
    return Client().get(path_of(link))


def events(content: bytes) -> list[tuple[str, str, int]]:
    """Return date, status and sequence of each entry as one parser reads them, after the other has read the same."""
    first = [
        (one.decoded("dtstart").isoformat(), str(one["UID"]), str(one["STATUS"]), int(one.decoded("sequence")))
        for one in Calendar.from_ical(content).walk("VEVENT")
    ]
    other = IcsCalendarStream.calendar_from_ics(content.decode())
    second = [
        (one.dtstart.isoformat() if one.dtstart else "", one.uid, one.status.value if one.status else "", one.sequence)
        for one in other.events
    ]
    assert sorted(second) == sorted(first)
    return sorted((when, status, number) for when, _uid, status, number in first)


def test_two_parsers_read_the_same_dates_out_of_it(role: Membership, address: str, now: datetime) -> None:
    one = enrol(role, now)
    start = one.session.starts_at + timedelta(days=28)  # after the clocks have gone back
    Meeting.objects.create(session=one.session, number=2, starts_at=start, ends_at=start + timedelta(hours=1))

    response = read(role, now)

    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert events(response.content) == [
        ("2026-09-29T09:00:00+02:00", "CONFIRMED", 0),
        ("2026-10-27T08:00:00+01:00", "CONFIRMED", 0),
    ]


def test_the_file_of_one_enrolment_is_read_by_two_parsers_too(role: Membership, now: datetime) -> None:
    one, client = enrol(role, now), Client()
    client.force_login(role.user)
    content = client.get(reverse("enrolment-calendar", args=[one.pk])).content
    assert events(content) == [("2026-09-29T09:00:00+02:00", "CONFIRMED", 0)]
    cancel_enrolment(enrolment_id=one.pk, by=Actor.of_user(role.user), now=now)
    content = client.get(reverse("enrolment-calendar", args=[one.pk])).content
    assert events(content) == [("2026-09-29T09:00:00+02:00", "CANCELLED", 1)]


def test_an_entry_keeps_its_name_while_its_number_only_goes_up(role: Membership, address: str, now: datetime) -> None:
    one, by = enrol(role, now), Actor.of_user(role.user)
    seen = [events(read(role, now).content)[0]]
    names = {str(Calendar.from_ical(read(role, now).content).walk("VEVENT")[0]["UID"])}
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now)
    seen.append(events(read(role, now).content)[0])
    undo_cancellation(enrolment_id=one.pk, by=by, now=now)
    seen.append(events(read(role, now).content)[0])
    later = [(one.session.starts_at + timedelta(days=7), one.session.ends_at + timedelta(days=7))]
    move_session(session_id=one.session_id, starts=later, agreed=True, by=Actor.job("desk"), now=now)
    seen.append(events(read(role, now).content)[0])
    cancel_enrolment(enrolment_id=one.pk, by=by, now=now)
    seen.append(events(read(role, now).content)[0])
    names.add(str(Calendar.from_ical(read(role, now).content).walk("VEVENT")[0]["UID"]))

    assert [(status, number) for _when, status, number in seen] == [
        ("CONFIRMED", 0),
        ("CANCELLED", 1),
        ("CONFIRMED", 2),
        ("CONFIRMED", 3),
        ("CANCELLED", 4),
    ]
    assert len(names) == 1


def test_it_holds_the_own_visits_ahead_and_of_sixty_days_and_no_line(
    role: Membership, address: str, now: datetime
) -> None:
    def at(days: int, **more: Any) -> None:
        session = factories.SessionFactory.create(starts_at=now + timedelta(days=days))
        factories.EnrolmentFactory.create(session=session, teacher=more.pop("teacher", role.user), **more)

    at(20)
    at(-59, status="completed")
    at(-61, status="completed")
    at(10, status="pending")
    at(11, status="waitlisted", waiting_since=now)
    at(12, status="cancelled_by_school", waiting_since=now, status_before="waitlisted")
    at(13, status="cancelled_by_host")
    at(14, teacher=factories.UserFactory.create())

    content = read(role, now).content

    days = {(date.fromisoformat(when[:10]) - now.date()).days: status for when, status, _number in events(content)}
    assert days == {-59: "CONFIRMED", 10: "TENTATIVE", 13: "CANCELLED", 20: "CONFIRMED"}


def test_it_names_neither_people_nor_needs_and_asks_for_no_answer(
    role: Membership, address: str, now: datetime
) -> None:
    enrol(role, now)
    text = read(role, now).content.decode()
    unfolded = text.replace("\r\n ", "")
    assert [
        word for word in ("ORGANIZER", "ATTENDEE", "høreapparat", "70 00 20 21", role.user.email) if word in unfolded
    ] == []


def test_reading_it_writes_nothing_sets_no_cookie_and_needs_no_sign_in(
    role: Membership, address: str, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    enrol(role, now)
    link = Link.objects.get(purpose=Link.Purpose.CALENDAR)
    rows = (AuditEntry.objects.count(), link.last_used_at)

    with django_assert_num_queries(4) as captured:  # link, person, enrolments, their dates
        response = Client().get(path_of(link))

    assert [one["sql"] for one in captured if not one["sql"].startswith("SELECT")] == []
    assert dict(response.cookies) == {}
    link.refresh_from_db()
    assert (AuditEntry.objects.count(), link.last_used_at) == rows
    assert (response.headers["Referrer-Policy"], response.headers["X-Robots-Tag"]) == (
        "no-referrer",
        "noindex, nofollow",
    )


def test_an_empty_calendar_is_one_too(role: Membership, address: str, now: datetime) -> None:
    assert events(read(role, now).content) == []


@pytest.mark.parametrize("secret", ["cal_" + "A" * 43, "hst_nothing", "x", "æ", "a" * 600])
def test_an_address_that_never_was_is_404(secret: str) -> None:
    assert Client().get(f"/kalender/{secret}.ics").status_code == 404


def test_other_links_open_no_calendar_and_the_calendars_link_opens_nothing_else(
    role: Membership, address: str, now: datetime
) -> None:
    contact = factories.ContactFactory.create()
    host = links.ensure(purpose=Link.Purpose.HOST, reference_id=contact.pk, now=now)
    assert Client().get(path_of(host)).status_code == 404
    own = links.token(calendar_feed.link_of(role.user, now) or host)
    assert [Client().get(f"/l/{own}/").status_code, Client().post(f"/l/{own}/").status_code] == [404, 404]


def test_a_renewed_withdrawn_or_expired_address_is_410_and_it_ends_with_the_account(
    role: Membership, address: str, now: datetime
) -> None:
    by = Actor.of_user(role.user)
    first = path_of(calendar_feed.make_feed(by=by, now=now))
    second = path_of(calendar_feed.renew_feed(by=by, now=now))
    assert [Client().get(one).status_code for one in (first, second)] == [410, 200]
    calendar_feed.withdraw_feed(by=by, now=now)
    assert Client().get(second).status_code == 410
    third = path_of(calendar_feed.make_feed(by=by, now=now))
    assert [Client().get(one).status_code for one in (second, third)] == [410, 200]
    User.objects.filter(pk=role.user.pk).update(is_active=False)
    assert Client().get(third).status_code == 410
    User.objects.filter(pk=role.user.pk).update(is_active=True)
    Link.objects.update(expires_at=now)
    assert Client().get(third).status_code == 410
    actions = AuditEntry.objects.filter(action__startswith="calendar-feed").order_by("at", "pk")
    assert sorted(actions.values_list("action", flat=True)) == [
        "calendar-feed-made",
        "calendar-feed-made",
        "calendar-feed-renewed",
        "calendar-feed-withdrawn",
    ]


def test_the_token_never_reaches_a_log(role: Membership, address: str) -> None:
    token = re.findall(r"cal_[A-Za-z0-9_-]+", address)[0]
    assert mask(json.dumps({"path": address})) == json.dumps(
        {"path": address.replace(token, "cal_…")}, ensure_ascii=False
    )


def test_one_makes_renews_and_closes_the_address_on_the_own_page(role: Membership, now: datetime) -> None:
    client, page = Client(), reverse("my-calendar")
    client.force_login(role.user)
    assert "/kalender/cal_" not in client.get(page).content.decode()
    assert Link.objects.count() == 0  # looking makes nothing
    html = client.post(page, {"action": "make"}, follow=True).content.decode()
    first = re.findall(r'value="(http[^"]*/kalender/cal_[^"]+\.ics)"', html)[0]
    assert first.replace("http", "webcal", 1).replace("webcals", "webcal") in html
    html = client.post(page, {"action": "renew"}, follow=True).content.decode()
    assert first not in html
    html = client.post(page, {"action": "withdraw"}, follow=True).content.decode()
    assert "/kalender/cal_" not in html
    assert client.post(page, {"action": "?"}).status_code == 302
    assert calendar_feed.link_of(role.user, now) is None


def test_more_than_thirty_guesses_a_minute_get_no_answer() -> None:
    here = Client(REMOTE_ADDR="192.0.2.1")
    answers = [here.get(f"/kalender/cal_{number}.ics").status_code for number in range(31)]
    assert answers == [404] * 30 + [429]

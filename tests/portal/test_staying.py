"""Staying signed in: the foot of a page says when a session ends, and one press makes it longer (WCAG 2.2.1)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.test import Client

from portal.models import DemoClock, Municipality, User
from tests import factories
from tests.conftest import TODAY

pytestmark = pytest.mark.django_db
STAY = "/konto/bliv/"


@pytest.fixture(autouse=True)
def clock(municipality: Municipality) -> Iterator[Any]:
    with time_machine.travel(TODAY, tick=False) as traveller:
        yield traveller


def signed_in(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def left(browser: Client, query: str = "") -> int:
    answer = browser.get(f"{STAY}{query}")
    assert answer.status_code == 200
    return int(answer.json()["left"])


def test_a_page_says_when_one_is_signed_out_and_a_visitors_page_does_not() -> None:
    browser = signed_in(factories.UserFactory.create())

    page, strangers = browser.get("/").content.decode(), Client().get("/").content.decode()

    assert "Du bliver automatisk logget ud kl. 22.00." in page  # twelve hours after the tests' now
    assert 'data-left="43200"' in page
    assert "session-warning" not in strangers
    assert "automatisk logget ud" not in strangers


def test_asking_is_no_visit_and_pressing_early_changes_nothing(clock: Any) -> None:
    browser = signed_in(factories.UserFactory.create())
    clock.shift(timedelta(hours=10))
    before = left(browser)
    browser.post(STAY, {"script": "1"})

    assert (before, left(browser)) == (2 * 60 * 60, 2 * 60 * 60)


def test_in_the_last_hour_a_press_gives_twenty_minutes_ten_times(clock: Any) -> None:
    browser = signed_in(factories.UserFactory.create())
    clock.shift(timedelta(hours=11, minutes=58))
    given = []
    for _press in range(11):
        given.append(browser.post(STAY, {"script": "1"}).json()["left"] // 60)
        clock.shift(timedelta(minutes=20))

    assert given == [22] * 10 + [2]
    assert browser.get(STAY).status_code == 302


def test_whose_session_cannot_be_made_longer_is_offered_no_button_and_told_no_untruth(clock: Any) -> None:
    staff, teacher = (signed_in(one.create()) for one in (factories.CoordinatorFactory, factories.UserFactory))
    clock.shift(timedelta(hours=7, minutes=30))
    page = staff.get("/").content.decode()
    told = staff.post(STAY, {"next": "/"}, follow=True).content.decode()
    clock.shift(timedelta(hours=4))

    offer = '<button class="ds-button" data-variant="secondary" data-size="sm" type="submit">Bliv logget ind</button>'
    assert (
        offer in page,
        "Du bliver ved med at være logget ind" in told,
        offer in teacher.get("/").content.decode(),
    ) == (
        False,
        False,
        True,
    )
    assert "Du bliver automatisk logget ud kl. 18.00." in page


def test_at_the_desk_the_end_is_final_only_when_it_comes_before_the_desk_asks(clock: Any) -> None:
    browser = signed_in(factories.CoordinatorFactory.create())
    said = []
    for _half_hour in range(17):
        browser.get("/admin/")
        said.append(browser.get(f"{STAY}?desk=1").json()["final"])
        clock.shift(timedelta(minutes=29))

    # The last two looks are after 7 hours 15 and 7 hours 44 minutes; the desk asks after 30.
    assert said == [False] * 16 + [True]


def test_without_a_script_one_is_led_back_and_nowhere_else() -> None:
    browser = signed_in(factories.UserFactory.create())

    back = browser.post(STAY, {"next": "/forloeb/"})
    elsewhere = browser.post(STAY, {"next": "https://ond.example/"})

    assert (back.headers["Location"], elsewhere.headers["Location"]) == ("/forloeb/", "/konto/")


def test_at_the_desk_half_an_hour_without_a_visit_counts_and_a_press_is_a_visit(clock: Any) -> None:
    browser = signed_in(factories.CoordinatorFactory.create())
    page = browser.get("/admin/").content.decode()
    assert 'data-left="1800"' in page
    clock.shift(timedelta(minutes=28))
    before = left(browser, "?desk=1"), left(browser)
    pressed = browser.post(STAY, {"script": "1", "desk": "1"}).json()["left"]
    clock.shift(timedelta(minutes=28))

    assert (before, pressed) == ((2 * 60, 8 * 60 * 60 - 28 * 60), 30 * 60)
    assert browser.get("/admin/").status_code == 200


def test_a_press_does_not_wake_a_desk_that_has_fallen_asleep(clock: Any) -> None:
    browser = signed_in(factories.CoordinatorFactory.create())
    browser.get("/admin/")
    clock.shift(timedelta(minutes=31))

    assert browser.post(STAY, {"script": "1", "desk": "1"}).json()["left"] == 0
    assert browser.get("/admin/").status_code == 302


def test_the_list_of_own_sessions_goes_by_the_demos_clock(settings: Any) -> None:
    browser = signed_in(factories.UserFactory.create())
    began = TODAY - timedelta(hours=1)
    UserSession.objects.create(
        user=User.objects.get(), created_at=began, ip="192.0.2.1", session_key=browser.session.session_key
    )
    settings.DEMO = True
    DemoClock.objects.create(ahead=timedelta(days=40))

    page = browser.get("/konto/steder/").content.decode()

    assert (began + timedelta(days=40)).strftime("%Y-%m-%dT") in page
    assert began.strftime("%Y-%m-%dT") not in page

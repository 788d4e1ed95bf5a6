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

    # Twelve hours after 8 o'clock on 1 October 2026 (the tests' now).
    ends = f"{TODAY + timedelta(hours=12):%H.%M}"
    assert f"Du bliver logget ud af dig selv kl. {ends}." in page
    assert 'data-left="43200"' in page
    assert "session-warning" not in strangers
    assert "logget ud af dig selv" not in strangers


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
    browser.get("/konto/steder/")
    began = UserSession.objects.get().created_at
    settings.DEMO = True
    DemoClock.objects.create(ahead=timedelta(days=40))

    page = browser.get("/konto/steder/").content.decode()

    assert (began + timedelta(days=40)).strftime("%Y-%m-%dT") in page
    assert began.strftime("%Y-%m-%dT") not in page

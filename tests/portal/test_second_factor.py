"""The second factor: nobody with a role in the municipality gets to the desk without it, whatever the way."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import Client

from portal.domain import sign_in
from portal.domain.actor import municipal_roles
from portal.http import recently_authenticated
from portal.models import AuditEntry, CalendarPeriod, Message, Municipality, MunicipalRole, SignInCode, User
from tests import factories
from tests.conftest import TODAY

DESK = "/admin/"
FACTORIES = {
    "administrator": factories.AdministratorFactory,
    "coordinator": factories.CoordinatorFactory,
    "reviewer": factories.ReviewerFactory,
    "operator": factories.OperatorFactory,
}


@pytest.fixture(autouse=True)
def _frame(municipality: Municipality) -> Iterator[Any]:
    with time_machine.travel(TODAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def clock(_frame: Any) -> Any:
    return _frame


def app_code(secret: str = factories.APP_SECRET, ahead: int = 0) -> str:
    """Return what an authenticator app shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + ahead)))


def mailed_code(browser: Client) -> str:
    """Return the code in the mail that this browser asked for."""
    newest = browser.session["sign_in_codes"]["ids"][0]
    message = Message.objects.get(occasion="sign_in_code", reference_id=newest)
    return sign_in.code_of(SignInCode.objects.get(pk=message.reference_id))


def with_mail(user: User, browser: Client | None = None) -> Client:
    """Return a browser in which the code from the mail has been typed, and nothing else."""
    browser = browser or Client()
    browser.post("/konto/login/", {"email": user.email})
    browser.post("/konto/login/kode/", {"code": mailed_code(browser)})
    return browser


def inside(user: User) -> Client:
    """Return a browser in which both have been shown."""
    browser = with_mail(user)
    answer = browser.post("/konto/to-trin/login/", {"code": app_code()})
    assert answer.status_code == 302, answer.content
    return browser


@pytest.mark.parametrize("role", FACTORIES)
def test_the_code_from_the_mail_alone_opens_neither_desk_nor_account(role: str) -> None:
    browser = with_mail(FACTORIES[role].create())
    desk, mine = browser.get(DESK), browser.get("/konto/")
    assert [desk.status_code, mine.status_code] == [302, 302]
    assert [one.headers["Location"].split("?")[0] for one in (desk, mine)] == ["/admin/login/", "/konto/login/"]


@pytest.mark.parametrize("role", FACTORIES)
def test_with_both_the_desk_opens(role: str) -> None:
    assert inside(FACTORIES[role].create()).get(DESK).status_code == 200


def test_a_wrong_code_of_the_app_opens_nothing_and_the_next_right_one_does() -> None:
    browser = with_mail(factories.CoordinatorFactory.create())
    wrong = browser.post("/konto/to-trin/login/", {"code": "000000"})
    assert (wrong.status_code, "code" in wrong.context["form"].errors) == (200, True)
    assert browser.get(DESK).status_code == 302
    assert browser.post("/konto/to-trin/login/", {"code": app_code()}).status_code == 302
    assert browser.get(DESK).status_code == 200


@pytest.mark.parametrize("seconds", [0, 31, 59])
def test_a_code_of_the_app_works_once_for_as_long_as_it_is_good(clock: Any, seconds: int) -> None:
    coordinator = factories.CoordinatorFactory.create()
    code = app_code(ahead=1)  # of an app whose clock is a little fast
    first = with_mail(coordinator).post("/konto/to-trin/login/", {"code": code})
    clock.shift(timedelta(seconds=seconds))
    again = with_mail(coordinator).post("/konto/to-trin/login/", {"code": f"{code[:3]} {code[3:]}"})
    assert (first.status_code, again.status_code) == (302, 200)


def test_a_used_code_is_remembered_however_many_others_are(clock: Any) -> None:
    coordinator = factories.CoordinatorFactory.create()
    code = app_code()
    inside(coordinator)
    for number in range(400):  # Django's own 300 entries would throw away a third, the first by name
        cache.set(f"z{number}", "1")
    clock.shift(timedelta(seconds=31))
    assert with_mail(coordinator).post("/konto/to-trin/login/", {"code": code}).status_code == 200


def test_a_code_that_opened_the_door_does_not_prove_anew_who_it_is(clock: Any) -> None:
    coordinator = factories.CoordinatorFactory.create()
    code = app_code()
    browser = inside(coordinator)
    clock.shift(timedelta(seconds=31))
    assert browser.post("/konto/to-trin/igen/", {"code": code}).status_code == 200
    assert browser.post("/konto/to-trin/igen/", {"code": app_code()}).status_code == 302


def test_a_code_used_again_counts_as_a_wrong_one(clock: Any) -> None:
    coordinator = factories.CoordinatorFactory.create()
    code = app_code()
    inside(coordinator)
    clock.shift(timedelta(seconds=31))
    browser = with_mail(coordinator)
    for _try in range(10):
        browser.post("/konto/to-trin/login/", {"code": code})
    assert browser.post("/konto/to-trin/login/", {"code": app_code()}).status_code == 200


def test_guessing_codes_of_the_app_ends_after_ten_tries() -> None:
    browser = with_mail(factories.CoordinatorFactory.create())
    for _try in range(10):
        browser.post("/konto/to-trin/login/", {"code": "000000"})
    assert browser.post("/konto/to-trin/login/", {"code": app_code()}).status_code == 200
    assert browser.get(DESK).status_code == 302


@pytest.mark.parametrize("role", FACTORIES)
def test_a_role_without_a_second_factor_opens_nothing_and_is_led_to_set_one_up(role: str) -> None:
    user = FACTORIES[role].create(second_factor=False)
    browser = with_mail(user)
    answer = browser.get(DESK)
    assert (answer.status_code, answer.headers["Location"], municipal_roles(user)) == (
        302,
        "/konto/to-trin/",
        frozenset(),
    )


def test_a_teacher_is_not_led_anywhere_but_refused() -> None:
    assert with_mail(factories.MembershipFactory.create().user).get(DESK).status_code == 403


def test_recovery_codes_alone_are_no_second_factor() -> None:
    user = factories.CoordinatorFactory.create(second_factor=False)
    Authenticator.objects.create(user=user, type=Authenticator.Type.RECOVERY_CODES, data={"seed": "x", "used_mask": 0})
    assert municipal_roles(user) == frozenset()


def test_setting_up_an_app_opens_the_desk_and_shows_recovery_codes_once(
    django_capture_on_commit_callbacks: Any,
) -> None:
    user = factories.CoordinatorFactory.create(second_factor=False)
    browser = with_mail(user)
    page = browser.get("/konto/to-trin/app/")
    secret = page.context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        done = browser.post("/konto/to-trin/app/", {"code": app_code(secret)})
    assert (done.status_code, done.headers["Location"]) == (302, "/konto/to-trin/noedkoder/")
    first, second = (browser.get("/konto/to-trin/noedkoder/") for _look in range(2))
    assert [len(first.context["unused_codes"]), second.context["can_view_codes"]] == [10, False]
    assert browser.get(DESK).status_code == 200
    stored = Authenticator.objects.get(user=user, type="totp").data["secret"]
    assert secret not in stored
    code = first.context["unused_codes"][0]
    again = with_mail(user)
    assert again.post("/konto/to-trin/login/", {"code": code}).status_code == 302
    spent = with_mail(user).post("/konto/to-trin/login/", {"code": code})
    assert (again.get(DESK).status_code, spent.status_code) == (200, 200)


def test_changing_a_factor_ends_the_other_sessions_is_written_down_and_told_by_mail(
    clock: Any, django_capture_on_commit_callbacks: Any
) -> None:
    user = factories.CoordinatorFactory.create()
    elsewhere = inside(user)
    clock.shift(timedelta(minutes=2))
    here = inside(user)
    with django_capture_on_commit_callbacks(execute=True):
        here.post("/konto/to-trin/noedkoder/nye/")
    assert [here.get(DESK).status_code, elsewhere.get(DESK).status_code] == [200, 302]
    assert AuditEntry.objects.filter(action="factor-changed", object_id=str(user.pk)).count() == 1
    assert Message.objects.filter(occasion="account_mail", address=user.email).count() == 1


@pytest.mark.parametrize("change", ["given", "taken"])
def test_a_role_given_or_taken_ends_every_session_of_its_holder(change: str) -> None:
    user = factories.CoordinatorFactory.create()
    browser = inside(user)
    if change == "given":
        MunicipalRole.objects.create(user=user, role=MunicipalRole.Role.OPERATOR)
    else:
        MunicipalRole.objects.filter(user=user).delete()
    assert browser.get("/konto/").headers["Location"].startswith("/konto/login/")


def test_staff_are_signed_out_after_eight_hours_however_busy(clock: Any) -> None:
    browser = inside(factories.CoordinatorFactory.create())
    statuses = []
    for _quarter in range(33):
        clock.shift(timedelta(minutes=15))
        statuses.append(browser.get(DESK).status_code)
    assert (statuses[:31], statuses[31:]) == ([200] * 31, [302, 302])


def test_no_press_of_a_button_keeps_staff_in_after_eight_hours(clock: Any) -> None:
    browser = inside(factories.CoordinatorFactory.create())
    clock.shift(timedelta(hours=7, minutes=40))
    said = browser.post("/konto/bliv/", {"script": "1"}).json()
    clock.shift(timedelta(minutes=19, seconds=59))
    last = browser.get("/konto/steder/").status_code
    clock.shift(timedelta(seconds=1))
    assert (said, last, browser.get("/konto/steder/").status_code) == ({"left": 20 * 60, "final": True}, 200, 302)


def test_teachers_are_signed_out_after_twelve_hours(clock: Any) -> None:
    browser = with_mail(factories.MembershipFactory.create().user)
    clock.shift(timedelta(hours=11, minutes=59))
    early = browser.get("/tilmeldinger/").status_code
    clock.shift(timedelta(minutes=1))
    assert [early, browser.get("/tilmeldinger/").status_code] == [200, 302]


def test_a_session_that_does_not_say_when_it_ends_ends_now() -> None:
    browser = Client()
    browser.force_login(factories.UserFactory.create())
    session = browser.session
    del session["session_ends_at"]
    session.save()
    assert browser.get("/tilmeldinger/").status_code == 302


def test_after_half_an_hour_away_the_desk_asks_again_and_then_does_what_was_sent(clock: Any) -> None:
    browser = inside(factories.AdministratorFactory.create())
    browser.get(DESK)
    clock.shift(timedelta(minutes=31))
    facts = {
        "school_year": "2026", "kind": "closing_day", "name": "Fælles dag",
        "first_day": "2026-11-20", "last_day": "2026-11-20",
    }  # fmt: skip
    place = "/admin/portal/calendarperiod/add/"
    asked = browser.post(place, facts)
    before = CalendarPeriod.objects.filter(name="Fælles dag").count()
    browser.post(asked.headers["Location"], {"code": app_code(), "next": place})
    after = CalendarPeriod.objects.filter(name="Fælles dag").count()
    assert (asked.headers["Location"].split("?")[0], before, after) == ("/konto/to-trin/igen/", 0, 1)


def test_public_pages_do_not_ask_again_after_half_an_hour(clock: Any) -> None:
    browser = inside(factories.CoordinatorFactory.create())
    clock.shift(timedelta(minutes=45))
    assert browser.get("/tilmeldinger/").status_code == 200


@pytest.mark.parametrize(("minutes", "asks"), [(0, False), (15, False), (16, True)])
def test_what_matters_most_asks_again_after_a_quarter_of_an_hour(clock: Any, minutes: int, asks: bool) -> None:
    browser = inside(factories.CoordinatorFactory.create())
    clock.shift(timedelta(minutes=minutes))
    answer = browser.get("/konto/to-trin/adgangsnoegler/ny/")
    assert answer.headers.get("Location", "").startswith("/konto/to-trin/igen/") is asks


def test_whoever_has_no_factor_proves_it_again_by_a_code_from_the_mail(clock: Any) -> None:
    teacher = factories.MembershipFactory.create().user
    browser = with_mail(teacher)
    clock.shift(timedelta(minutes=16))
    asked = browser.get("/konto/to-trin/app/").headers["Location"]
    assert asked == "/konto/igen/?next=%2Fkonto%2Fto-trin%2Fapp%2F"
    browser.post(asked, {"action": "mail"})
    wrong = browser.post(asked, {"code": "BBBBBBBB"})
    right = browser.post(asked, {"code": mailed_code(browser)})
    assert (wrong.status_code, right.headers["Location"]) == (200, "/konto/to-trin/app/")
    assert browser.get("/konto/to-trin/app/").status_code == 200


def test_the_guard_lets_nobody_through_who_is_not_signed_in(rf: Any) -> None:
    from allauth.core.exceptions import ReauthenticationRequired  # noqa: PLC0415
    from django.contrib.auth.models import AnonymousUser  # noqa: PLC0415

    @recently_authenticated
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("done")

    request = rf.get("/")
    request.user, request.session = AnonymousUser(), {"signed_in_at": time.time()}
    with pytest.raises(ReauthenticationRequired):
        view(request)


def test_one_sees_where_one_is_signed_in_and_ends_it_elsewhere(clock: Any) -> None:
    teacher = factories.MembershipFactory.create().user
    elsewhere, here = with_mail(teacher), with_mail(teacher)
    page = here.get("/konto/steder/")
    assert (len(page.context["sessions"]), UserSession.objects.values_list("ip", flat=True).distinct().get()) == (
        2,
        "0.0.0.0",  # noqa: S104 (an empty address)
    )
    here.post("/konto/steder/")
    assert [here.get("/tilmeldinger/").status_code, elsewhere.get("/tilmeldinger/").status_code] == [200, 302]


def test_a_closed_account_is_out_at_once() -> None:
    teacher = factories.MembershipFactory.create().user
    browser = with_mail(teacher)
    User.objects.filter(pk=teacher.pk).update(is_active=False)
    assert browser.get("/tilmeldinger/").status_code == 302


RUBBISH = {
    "nothing": "",
    "no JSON": "x",
    "an empty object": "{}",
    "a list": "[1]",
    "a number of 5,000 digits": "1" * 5000,
    "100,000 deep": "[" * 100_000,
    "100,000 deep and closed": '{"id":' + "[" * 100_000 + "]" * 100_000 + "}",
    "half a letter": '{"a": "\\ud800"}',
    "letters that are no base64": '{"id": "å", "rawId": "å", "response": {}, "type": "public-key"}',
    "an answer of the wrong kinds": '{"id": 1, "rawId": null, "response": [], "type": {}}',
    "half a sentence in the answer": (
        '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "e30", "userHandle": "AA",'
        ' "authenticatorData": "AA", "signature": "AA", "attestationObject": "' + "gYGB" * 2000 + '"}}'
    ),
}


@pytest.mark.parametrize("text", RUBBISH.values(), ids=RUBBISH)
def test_the_passkey_doors_answer_rubbish_kindly(text: str) -> None:
    alone = Client().post("/konto/to-trin/adgangsnoegler/login/", {"credential": text})
    assert alone.headers["Location"] == "/konto/login/"
    coordinator = factories.CoordinatorFactory.create()
    second = with_mail(coordinator).post("/konto/to-trin/login/", {"credential": text})
    assert second.status_code == 200
    browser = inside(coordinator)
    assert browser.post("/konto/to-trin/adgangsnoegler/igen/", {"credential": text}).status_code == 302
    new = browser.post("/konto/to-trin/adgangsnoegler/ny/", {"name": "Ny", "credential": text})
    assert (new.status_code, "credential" in new.context["form"].errors) == (200, True)


def test_there_are_no_ways_by_password_or_of_registering() -> None:
    ways = ["signup/", "password/reset/", "password/change/", "password/set/", "login/code/", "email/", "3rdparty/"]
    assert {Client().get(f"/konto/{way}").status_code for way in ways} == {404}


def test_browsing_sets_no_cookie_and_signing_in_sets_two(municipality: Municipality) -> None:
    browser = Client()
    for address in ("/", "/forloeb/", "/privatliv/"):
        browser.get(address)
    assert dict(browser.cookies) == {}
    inside_one = with_mail(factories.MembershipFactory.create().user, browser)
    assert sorted(name for name, cookie in inside_one.cookies.items() if cookie.value) == ["csrf", "session"]


def test_no_session_row_is_left_behind_when_it_is_ended_elsewhere(clock: Any) -> None:
    teacher = factories.MembershipFactory.create().user
    with_mail(teacher)
    here = with_mail(teacher)
    here.post("/konto/steder/")
    assert list(Session.objects.values_list("pk", flat=True)) == [here.cookies["session"].value]

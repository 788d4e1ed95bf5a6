"""The log of safety: who came in and how, what did not fit, for six months, and a warning when there is too much."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client
from structlog.testing import capture_logs

from portal import history
from portal.domain import privacy, sign_in, watch
from portal.models import AuditEntry, Message, Municipality, SignInCode, User
from tests import factories
from tests.conftest import TODAY

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _frame(municipality: Municipality) -> Iterator[Any]:
    with time_machine.travel(TODAY, tick=False) as traveller:
        yield traveller


def asked(user: User) -> Client:
    browser = Client()
    browser.post("/konto/login/", {"email": user.email})
    return browser


def right(browser: Client) -> str:
    newest = browser.session["sign_in_codes"]["ids"][0]
    message = Message.objects.get(occasion="sign_in_code", reference_id=newest)
    return sign_in.code_of(SignInCode.objects.get(pk=message.reference_id))


def type_code(browser: Client, code: str) -> int:
    return browser.post("/konto/login/kode/", {"code": code}).status_code


def told() -> list[str]:
    entries = list(AuditEntry.objects.filter(action__in=watch.ACTIONS).order_by("at", "pk"))
    return [line.sentence for line in history.lines(entries)]


def app_code() -> str:
    return str(format_hotp_value(hotp_value(factories.APP_SECRET, int(time.time()) // 30)))


def test_a_sign_in_with_the_code_of_a_mail_is_noted_with_its_way_and_ids_alone() -> None:
    user = factories.MembershipFactory.create(user__name="Mette Holm").user
    browser = asked(user)
    type_code(browser, right(browser))

    [entry] = AuditEntry.objects.filter(action="signed-in")
    assert (entry.actor_kind, entry.actor_id, entry.object_id) == ("user", str(user.pk), str(user.pk))
    assert entry.facts == {"ways": ["code"]}
    assert told() == ["Mette Holm er logget ind med en kode fra en mail"]


def test_the_second_factor_is_named_and_only_who_shows_it_has_come_in() -> None:
    user = factories.CoordinatorFactory.create(name="Karen Lind")
    browser = asked(user)
    type_code(browser, right(browser))
    assert told() == []
    browser.post("/konto/to-trin/login/", {"code": "000000"})
    browser.post("/konto/to-trin/login/", {"code": app_code()})

    assert told() == [
        "En ekstra sikring passede ikke",
        "Karen Lind er logget ind med en kode fra en mail og en godkendelsesapp",
    ]
    failed = AuditEntry.objects.get(action="second-factor-failed")
    assert (failed.actor_kind, failed.actor_id, failed.object_id, failed.facts) == ("job", "sign-in", str(user.pk), {})


def test_a_wrong_code_is_noted_for_an_account_that_is_known_and_for_no_other(municipality: Municipality) -> None:
    municipality.teacher_domains = ["skole.example"]
    municipality.save()
    user, stranger = factories.UserFactory.create(), User(email="ny@skole.example")
    for one in (user, stranger):
        assert type_code(asked(one), "ZZZZ-ZZZZ") == 200

    [entry] = AuditEntry.objects.filter(action="code-refused")
    assert entry.object_id == str(user.pk)
    assert told() == ["En kode fra en mail passede ikke"]


def test_a_flood_of_wrong_codes_does_not_fill_the_log_and_warns_once_an_hour() -> None:
    user = factories.UserFactory.create()
    with capture_logs() as lines:
        for _browser in range(6):
            browser = asked(user)
            for _try in range(5):
                type_code(browser, "ZZZZ-ZZZZ")

    assert AuditEntry.objects.filter(action="code-refused").count() == watch.NOTED == 20
    warnings = [line for line in lines if line["log_level"] == "warning"]
    expected = {"event": "many-failures-of-one-account", "what": "code-refused", "account": str(user.pk), "times": 20}
    assert warnings == [{**expected, "log_level": "warning"}]
    assert user.email not in str(lines)


def test_many_failures_of_all_and_many_unknown_links_warn(now: datetime) -> None:
    with capture_logs() as lines:
        for _time in range(watch.MANY_FAILURES):
            watch.refused(watch.CODE_REFUSED, user_id=None, now=now)
        for _time in range(watch.MANY_UNKNOWN * 2):
            watch.unknown_link(now=now)

    assert [(line["event"], line["times"]) for line in lines] == [
        ("many-failures", 200),
        ("many-unknown-links", 300),
        ("many-unknown-links", 600),
    ]


def test_unknown_addresses_of_links_are_counted_over_all_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MANY_UNKNOWN", 3)
    with capture_logs() as lines:
        for number in range(3):
            Client().get(f"/l/hst_{number}/", REMOTE_ADDR=f"192.0.2.{number}")
            Client().get("/", REMOTE_ADDR=f"192.0.2.{number}")

    assert [(line["event"], line["times"]) for line in lines] == [("many-unknown-links", 3)]


def test_sign_ins_are_forgotten_after_six_months_and_what_people_did_after_thirteen(now: datetime) -> None:
    user = factories.UserFactory.create()
    watch.came_in(user, ways=["code"], now=now)
    watch.refused(watch.FACTOR_REFUSED, user_id=user.pk, now=now)
    AuditEntry.objects.create(at=now, actor_kind="user", action="link-used", object_type="portal.link", object_id="1")

    def left_after(days: int) -> list[str]:
        privacy.forget(now=now + timedelta(days=days))
        return sorted(AuditEntry.objects.values_list("action", flat=True))

    assert left_after(180) == ["link-used", "second-factor-failed", "signed-in"]
    assert left_after(182) == ["link-used"]


def test_the_register_tells_of_sign_ins_and_of_the_lines_of_the_programs_log() -> None:
    [safety] = [one for one in privacy.told() if one.purpose.code == "safety"]

    assert "portal.AuditEntry (signed-in, code-refused, second-factor-failed)" in safety.fields
    assert "log (client)" in safety.fields
    assert len([kept for kept in safety.kept if kept.startswith("6 m")]) == 2


@pytest.mark.parametrize(("who", "told"), [(factories.OperatorFactory, True), (factories.ReviewerFactory, False)])
def test_the_desks_first_page_says_when_somebody_guesses(who: Any, told: bool) -> None:
    browser = Client()
    browser.force_login(who.create())

    def said() -> list[bool]:
        page = browser.get("/admin/").content.decode()
        return [words in page for words in ("seneste timer: 200", "seneste timer: 300")]

    for _ in range(199):
        watch.refused(watch.CODE_REFUSED, user_id=None, now=TODAY)
    for _ in range(299):
        watch.unknown_link(now=TODAY)
    before = said()
    watch.refused(watch.FACTOR_REFUSED, user_id=None, now=TODAY)
    watch.unknown_link(now=TODAY)

    assert (before, said()) == ([False, False], [told, told])

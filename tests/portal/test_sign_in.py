"""Signing in by a code from the mail: for whom, in which browser, how often, and what is never let through."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from structlog.testing import capture_logs

from portal.domain import outbox, sign_in
from portal.domain.refusal import Refusal
from portal.models import Message, Municipality, SignInCode, User
from portal.tasks import drain
from schools.domain import membership
from schools.models import Membership
from tests import factories
from tests.conftest import TODAY

Purpose = SignInCode.Purpose
ADDRESS = "mette@skole.fjordby.example"


@pytest.fixture(autouse=True)
def _town(municipality: Municipality) -> None:
    municipality.teacher_domains = ["skole.fjordby.example"]
    municipality.save()


def ask(email: str = ADDRESS, now: datetime = TODAY) -> SignInCode:
    return sign_in.ask(email=email, purpose=Purpose.SIGN_IN, language="da", now=now)


def answer(row: SignInCode, typed: str, now: datetime = TODAY) -> SignInCode | None:
    return sign_in.answer(code_ids=[row.pk], purpose=Purpose.SIGN_IN, typed=typed, now=now)


def code_of_newest() -> str:
    """Return the code in the newest mail."""
    message = Message.objects.filter(occasion="sign_in_code").latest("created_at", "pk")
    return sign_in.code_of(SignInCode.objects.get(pk=message.reference_id))


# --- For whom -----------------------------------------------------------------------------------------------------


class TestTheCode:
    """What stands between a browser and an account."""

    @pytest.mark.parametrize(
        ("email", "mails"),
        [
            (ADDRESS, 1),
            ("METTE@Skole.Fjordby.example", 1),
            ("mette@fjordby.example", 0),
            ("mette@ond-skole.fjordby.example", 0),
            ("mette@skole.fjordby.example.ond.dk", 0),
        ],
    )
    def test_it_is_mailed_to_addresses_of_the_teachers_domains_alone(self, email: str, mails: int) -> None:
        ask(email)
        assert Message.objects.count() == mails

    def test_an_account_gets_one_whatever_its_address_and_a_closed_one_gets_none(self) -> None:
        factories.UserFactory.create(email="ekstern@museum.example")
        factories.UserFactory.create(email="tidligere@skole.fjordby.example", is_active=False)
        ask("ekstern@museum.example")
        ask("tidligere@skole.fjordby.example")
        assert list(Message.objects.values_list("address", flat=True)) == ["ekstern@museum.example"]

    def test_it_stands_nowhere_in_the_database(self) -> None:
        code = sign_in.code_of(ask())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT to_jsonb(m)::text FROM portal_message m UNION SELECT to_jsonb(c)::text FROM portal_signincode c"
            )
            everything = " ".join(row[0] for row in cursor.fetchall())
        assert (code in everything, sign_in.written(code) in everything) == (False, False)

    def test_it_goes_before_every_other_mail_and_not_after_it_has_run_out(self) -> None:
        factories.UserFactory.create(email=ADDRESS)
        ask()
        message = Message.objects.get()
        assert (message.urgency, message.not_after) == (0, TODAY + timedelta(minutes=15))

    def test_it_goes_to_an_account_before_all_newcomers_and_to_these_before_every_other_mail(self) -> None:
        factories.UserFactory.create(email=ADDRESS)
        for number in range(3):
            ask(f"ny{number}@skole.fjordby.example", TODAY - timedelta(minutes=1))
        ask()
        queue = Message.objects.order_by("urgency", "send_at")
        assert [one.address.partition("@")[0] for one in queue] == ["mette", "ny0", "ny1", "ny2"]
        assert queue.last().urgency < 3  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        "written", ["{code}", "{lower}", " {half1} {half2} ", "{half1}-{half2}", "{half1}–{half2}"]
    )
    def test_it_may_be_typed_with_or_without_dash_spaces_and_capitals(self, written: str) -> None:
        row = ask()
        code = sign_in.code_of(row)
        typed = written.format(code=code, lower=code.lower(), half1=code[:4], half2=code[4:])
        assert answer(row, typed) is not None

    def test_it_works_once(self) -> None:
        row = ask()
        code = sign_in.code_of(row)
        assert [answer(row, code) is not None, answer(row, code) is not None] == [True, False]

    @pytest.mark.parametrize(("minutes", "works"), [(14, True), (15, False)])
    def test_it_works_for_fifteen_minutes(self, minutes: int, works: bool) -> None:
        row = ask()
        assert (answer(row, sign_in.code_of(row), TODAY + timedelta(minutes=minutes)) is not None) is works

    def test_it_works_in_the_browser_that_asked_and_in_no_other(self) -> None:
        owner, stranger = ask(), ask()
        assert answer(stranger, sign_in.code_of(owner)) is None
        assert answer(owner, sign_in.code_of(owner)) is not None

    def test_it_works_for_what_it_was_asked_for_and_for_nothing_else(self) -> None:
        row = ask()
        wrong = sign_in.answer(code_ids=[row.pk], purpose=Purpose.LINK, typed=sign_in.code_of(row), now=TODAY)
        assert wrong is None

    def test_five_wrong_tries_burn_the_codes_of_the_browser_that_tries_and_of_no_other(self) -> None:
        owner, guesser = ask(), ask()
        for _try in range(5):
            assert answer(guesser, "BBBB-BBBB") is None
        assert answer(guesser, sign_in.code_of(guesser)) is None
        assert answer(owner, sign_in.code_of(owner)) is not None

    def test_an_address_that_got_no_mail_is_never_let_in_even_with_the_right_code(self) -> None:
        row = ask("mette@andetsteds.example")
        assert answer(row, sign_in.code_of(row)) is None

    def test_guessing_in_ever_new_browsers_mails_a_bounded_number_and_locks_nobody_out(self) -> None:
        factories.UserFactory.create(email=ADDRESS)
        hour = [TODAY + timedelta(seconds=30 * number) for number in range(120)]
        for moment in hour:
            ask(now=moment)
        mails = Message.objects.count()
        owner = ask(now=hour[-1])
        code = code_of_newest()
        assert (mails <= 18, answer(owner, code, hour[-1]) is not None) == (True, True)

    def test_a_shared_code_is_used_up_everywhere_once_its_owner_is_in(self) -> None:
        rows = [ask(now=TODAY + timedelta(seconds=second)) for second in range(8)]
        assert [row.is_mailed for row in rows] == [True] * 6 + [False] * 2
        code = sign_in.code_of(rows[5])
        assert [answer(rows[6], code) is not None, answer(rows[7], code) is not None] == [True, False]

    def test_old_rows_are_forgotten_after_a_day(self) -> None:
        ask()
        assert [sign_in.forget(now=TODAY + timedelta(hours=23)), sign_in.forget(now=TODAY + timedelta(hours=25))] == [
            0,
            1,
        ]

    def test_the_mail_shows_the_code_in_its_text_alone_and_keeps_no_body(self, mailoutbox: list[Any]) -> None:
        code = sign_in.written(sign_in.code_of(ask()))
        with time_machine.travel(TODAY, tick=False):
            drain()
        (mail,) = mailoutbox
        message = Message.objects.get()
        assert (code in mail.body, code in mail.subject, message.body, code in message.subject) == (
            True,
            False,
            "",
            False,
        )


# --- Newcomers, while somebody asks for invented addresses --------------------------------------------------------


def from_network(name: str, client: str, now: datetime = TODAY) -> SignInCode:
    email = f"{name}@skole.fjordby.example"
    return sign_in.ask(email=email, purpose=Purpose.SIGN_IN, language="da", client=client, now=now)


def mailed_to(names: str) -> int:
    return Message.objects.filter(address__startswith=names).count()


class TestNewcomers:
    """Nobody locks them out unnoticed, and the municipality mails no flood of junk."""

    ATTACKER, SCHOOL, HOME = "198.51.100.7", "203.0.113.5", "192.0.2.9"

    @pytest.fixture(autouse=True)
    def _small_numbers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sign_in, "STRANGERS_AT_ONCE", 5)
        monkeypatch.setattr(sign_in, "STRANGERS_OF_A_NETWORK", 3)
        monkeypatch.setattr(sign_in, "STRANGERS_AT_MOST", 12)

    def flood(self, count: int = 30, client: str = ATTACKER, now: datetime = TODAY) -> None:
        for number in range(count):
            from_network(f"opfundet{client.replace(':', '.')}n{number}", client, now)

    def test_a_whole_school_on_its_first_day_is_let_in_from_one_address(self) -> None:
        inside = 0
        for number in range(40):
            row = from_network(f"ny{number}", self.SCHOOL)
            inside += answer(row, sign_in.code_of(row)) is not None
        assert (inside, sign_in.newcomers_slowed(now=TODAY)) == (40, None)

    def test_a_flood_from_one_network_ends_early_and_newcomers_elsewhere_get_their_codes(self) -> None:
        self.flood()
        flooded = mailed_to("opfundet")
        for number in range(3):
            from_network(f"ny{number}", self.SCHOOL)
        assert (flooded, mailed_to("ny")) == (5 + 3 + 1, 3)
        # Five below the limit, three of the network's own, one in the minute.

    def test_accounts_notice_nothing(self) -> None:
        factories.UserFactory.create(email="konto@skole.fjordby.example")
        self.flood(60)
        self.flood(60, self.HOME)
        rows = [from_network("konto", self.ATTACKER, TODAY + timedelta(seconds=one)) for one in range(6)]
        assert [row.is_mailed for row in rows] == [True] * 6

    def test_from_the_flooded_network_itself_one_newcomer_a_minute_still_gets_a_code(self) -> None:
        self.flood()
        later = TODAY + timedelta(minutes=1)
        rows = [from_network("ny", self.ATTACKER, later), from_network("nyere", self.ATTACKER, later)]
        assert [row.is_mailed for row in rows] == [True, False]

    def test_an_address_that_waits_has_one_open_code_while_newcomers_are_slowed(self) -> None:
        first = from_network("ny", self.SCHOOL)
        self.flood()
        again = from_network("ny", self.HOME, TODAY + timedelta(minutes=1))
        assert (first.is_mailed, again.is_mailed, again.same_as) == (True, False, first)
        assert answer(again, sign_in.code_of(first), TODAY + timedelta(minutes=2)) is not None

    def test_however_many_networks_ask_the_municipality_mails_no_more_than_so_much(self) -> None:
        for number in range(1, 20):
            self.flood(3, f"198.51.100.{number}")
        assert mailed_to("opfundet") == 12

    def test_a_line_with_ipv6_counts_as_one_network(self) -> None:
        for number in range(1, 20):
            self.flood(1, f"2001:db8:0:1::{number:x}")
        assert mailed_to("opfundet") == 5 + 3 + 1

    def test_it_ends_an_hour_after_the_last_invented_address(self) -> None:
        self.flood()
        later = TODAY + timedelta(minutes=61)
        assert from_network("ny", self.ATTACKER, later).is_mailed

    def test_the_log_warns_once_in_a_while_and_names_nobody(self) -> None:
        with capture_logs() as written:
            self.flood(250)
        assert [(one["event"], one["times"], one["log_level"]) for one in written] == [
            ("newcomers-slowed", 1, "warning"),
            ("newcomers-held-back", 1, "warning"),
            ("newcomers-slowed", 101, "warning"),
            ("newcomers-held-back", 101, "warning"),
            ("newcomers-slowed", 201, "warning"),
            ("newcomers-held-back", 201, "warning"),
        ]
        assert "opfundet" not in str(written)

    @pytest.mark.parametrize(
        ("role", "told"), [("coordinator", True), ("administrator", True), ("operator", True), ("reviewer", False)]
    )
    def test_the_desks_first_page_says_so(self, role: str, told: bool) -> None:
        kinds = {
            "coordinator": factories.CoordinatorFactory,
            "administrator": factories.AdministratorFactory,
            "operator": factories.OperatorFactory,
            "reviewer": factories.ReviewerFactory,
        }
        with time_machine.travel(TODAY, tick=False):
            browser = Client()
            browser.force_login(kinds[role].create())
            words = "opdigtede adresser"
            before = words in browser.get("/admin/").content.decode()
            self.flood()
            page = browser.get("/admin/").content.decode()
        assert (before, words in page, "seneste timer: 21" in page) == (False, told, told)


# --- The pages ----------------------------------------------------------------------------------------------------


class TestThePages:
    """The same, as a person in a browser meets it."""

    @pytest.fixture(autouse=True)
    def _now(self) -> Iterator[None]:
        with time_machine.travel(TODAY, tick=False):
            yield

    def asked(self, email: str = ADDRESS, **address: str) -> Client:
        """Return a browser in which a code was asked for."""
        browser = Client()
        browser.post("/konto/login/", {"email": email, **address})
        return browser

    def test_a_teacher_is_in_with_the_code_and_goes_where_the_way_led(self) -> None:
        factories.MembershipFactory.create(user__email=ADDRESS)
        browser = self.asked(next="/tilmeldinger/")
        answer = browser.post("/konto/login/kode/", {"code": code_of_newest()})
        assert (answer.status_code, answer.headers["Location"]) == (302, "/tilmeldinger/")
        assert browser.get("/tilmeldinger/").status_code == 200

    @pytest.mark.parametrize(
        "wanted", ["//ond.dk", "https://ond.dk/", "/\\ond.dk", "javascript:alert(1)", "https:ond.dk"]
    )
    def test_the_way_never_leads_out_of_the_portal(self, wanted: str) -> None:
        factories.MembershipFactory.create(user__email=ADDRESS)
        browser = self.asked(next=wanted)
        assert browser.post("/konto/login/kode/", {"code": code_of_newest()}).headers["Location"] == "/"

    def test_every_address_gets_the_same_answer(self) -> None:
        factories.UserFactory.create(email=ADDRESS)
        factories.UserFactory.create(email="lukket@skole.fjordby.example", is_active=False)
        answers = set()
        for email in (ADDRESS, "ny@skole.fjordby.example", "lukket@skole.fjordby.example", "andre@andetsteds.example"):
            browser = Client()
            first = browser.post("/konto/login/", {"email": email})
            page = browser.get("/konto/login/kode/")
            wrong = browser.post("/konto/login/kode/", {"code": "BBBBBBBB"})
            texts = [one.content.decode().replace(email, "…") for one in (page, wrong)]
            plain = [text.split('<main id="main"')[1].split("</main>")[0] for text in texts]
            plain = [re.sub(r'value="[^"]{32,}"', "", text) for text in plain]
            answers.add((first.status_code, first.headers["Location"], page.status_code, wrong.status_code, *plain))
        assert len(answers) == 1

    def test_codes_of_mails_that_overtook_each_other_all_work(self) -> None:
        factories.MembershipFactory.create(user__email=ADDRESS)
        browser = self.asked()
        first = code_of_newest()
        browser.post("/konto/login/kode/", {"action": "mail"})
        assert Message.objects.count() == 2
        assert browser.post("/konto/login/kode/", {"code": first}).headers["Location"] == "/"

    def test_the_session_gets_a_new_key_at_sign_in(self) -> None:
        factories.MembershipFactory.create(user__email=ADDRESS)
        browser = self.asked()
        before = browser.cookies["session"].value
        browser.post("/konto/login/kode/", {"code": code_of_newest()})
        assert browser.cookies["session"].value != before

    def test_opening_the_pages_any_number_of_times_changes_nothing(self) -> None:
        browser = self.asked()
        before = (SignInCode.objects.values_list("failures", "used_at").get(), Message.objects.count())
        for _scanner in range(5):
            browser.get("/konto/login/kode/")
            Client().get("/konto/login/")
        assert (SignInCode.objects.values_list("failures", "used_at").get(), Message.objects.count()) == before

    def test_who_is_new_says_name_school_and_role_and_only_then_has_an_account(self) -> None:
        school = factories.SchoolFactory.create()
        browser = self.asked()
        to = browser.post("/konto/login/kode/", {"code": code_of_newest()}).headers["Location"]
        assert (to, User.objects.count()) == ("/velkommen/", 0)
        facts = {"name": "Mette Holm", "school": str(school.pk), "role": "teacher", "language": "da"}
        answer = browser.post("/velkommen/", facts)
        role = Membership.objects.get()
        assert (answer.headers["Location"], role.user.email, role.user.name, role.role) == (
            "/",
            ADDRESS,
            "Mette Holm",
            "teacher",
        )
        assert (role.unconfirmed_since, role.user.has_usable_password()) == (TODAY, False)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", ""),
            ("name", "\u200b"),
            ("name", "0101011234"),
            ("name", "x" * 121),
            ("school", "abc"),
            ("role", "king"),
        ],
    )
    def test_what_a_newcomer_typed_wrong_is_said_at_its_field_and_makes_no_account(
        self, field: str, value: str
    ) -> None:
        school = factories.SchoolFactory.create()
        browser = self.asked()
        browser.post("/konto/login/kode/", {"code": code_of_newest()})
        facts = {"name": "Mette Holm", "school": str(school.pk), "role": "teacher", "language": "da", field: value}
        answer = browser.post("/velkommen/", facts)
        assert (answer.status_code, list(answer.context["form"].errors), User.objects.count()) == (200, [field], 0)

    def test_nobody_says_who_they_are_without_a_verified_address(self) -> None:
        browser = self.asked()
        assert browser.post("/velkommen/", {"name": "Ond"}).headers["Location"] == "/konto/login/"

    def test_many_at_the_same_door_are_all_let_in(self) -> None:
        """A small one of what ``bin/prove signin`` measures: twelve sign-ins from one address, none refused."""
        roles = [factories.MembershipFactory.create(user__email=f"l{n}@skole.fjordby.example") for n in range(12)]
        inside = []
        for role in roles:
            browser = self.asked(role.user.email)
            answer = browser.post("/konto/login/kode/", {"code": code_of_newest_for(role.user.email)})
            inside.append(answer.headers.get("Location"))
        assert inside == ["/"] * 12

    def test_after_a_hundred_wrong_codes_from_other_browsers_the_owners_own_mail_works(self) -> None:
        """A small one of what ``bin/prove signin`` measures."""
        factories.MembershipFactory.create(user__email=ADDRESS)
        owner = self.asked()
        mailed = code_of_newest()
        inside = 0
        for number in range(100):
            if number % 5 == 0:
                guesser = self.asked()
            answer = guesser.post("/konto/login/kode/", {"code": f"{number:08d}"})
            inside += answer.headers.get("Location") == "/"
        assert (inside, owner.post("/konto/login/kode/", {"code": mailed}).headers["Location"]) == (0, "/")


def code_of_newest_for(email: str) -> str:
    message = Message.objects.filter(occasion="sign_in_code", address=email).latest("created_at", "pk")
    return sign_in.code_of(SignInCode.objects.get(pk=message.reference_id))


def test_outbox_knows_the_occasion() -> None:
    assert {"sign_in_code", "account_mail", "membership_asked_for"} <= outbox.occasions().keys()


def test_a_newcomer_cannot_join_a_closed_school(now: datetime) -> None:
    school = factories.SchoolFactory.create(closed_on=now.date())
    newcomer = membership.Newcomer(email=ADDRESS, name="Mette", language="da", school=school, role="teacher")
    with pytest.raises(Refusal) as refused:
        membership.join(newcomer=newcomer, now=now)
    assert (refused.value.code, User.objects.count()) == ("school-closed", 0)


@pytest.mark.usefixtures("committing")
def test_many_tries_at_once_get_no_more_than_five() -> None:
    factories.MunicipalityFactory.create(teacher_domains=["skole.fjordby.example"])
    row = ask()

    def guess(number: int) -> None:
        answer(row, f"BBBB-BBB{sign_in.ALPHABET[number]}")
        connection.close()

    with ThreadPoolExecutor(max_workers=8) as guessers:
        list(guessers.map(guess, range(16)))
    row.refresh_from_db()
    assert row.failures == 5
    # Without counting before looking, all sixteen would read the same counter and be compared.

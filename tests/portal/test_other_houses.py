"""Signing in at another house, against a real OpenID Connect server whose answers can be tampered with."""

import base64
import hashlib
import json
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

os.environ.setdefault("AUTHLIB_INSECURE_TRANSPORT", "1")  # the server speaks http to itself

import jwt
import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from portal import env
from portal.domain import sign_in
from portal.models import Message, Municipality, SignInCode, User
from portal.oidc import views
from schools.models import Membership
from tests import factories

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns of its own library's next version
    import flask
    import oidc_provider_mock
    from oidc_provider_mock._server import _threaded_server

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

ADDRESS = "mette@skole.fjordby.example"
STRANGERS_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
Tamper = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class House:
    """The other house: who comes from it, and what is wrong with its answers."""

    url: str = ""
    tamper: Tamper | None = None
    key: Any = None
    algorithm: str = "RS256"
    issuer: str = ""
    hangs: float = 0
    challenges: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def know(self, subject: str, **claims: Any) -> None:
        """Let the house know somebody."""
        requests.put(f"{self.url}/users/{subject}", json=claims, timeout=5).raise_for_status()

    def wrap(self, app: Any) -> Any:
        """Have it demand PKCE, and put in between what a test wants."""

        @app.before_request  # type: ignore[untyped-decorator]
        def demand() -> Any:
            self.asked.append(flask.request.path)
            time.sleep(self.hangs)
            if flask.request.path == "/oauth2/token":
                verifier = flask.request.form.get("code_verifier", "")
                digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
                if self.challenges.get(flask.request.form["code"]) != digest:
                    return flask.jsonify({"error": "invalid_grant"}), 400
            return None

        @app.after_request  # type: ignore[untyped-decorator]
        def answer(response: Any) -> Any:
            request = flask.request
            if request.path == "/oauth2/authorize" and response.status_code == 302:
                code = parse_qs(urlsplit(response.headers["Location"]).query).get("code", [""])[0]
                assert request.args["code_challenge_method"] == "S256"
                self.challenges[code] = request.args["code_challenge"]
            if request.path == "/.well-known/openid-configuration" and self.issuer:
                response.data = json.dumps({**json.loads(response.data), "issuer": self.issuer})
            if (
                request.path == "/oauth2/token"
                and response.status_code == 200
                and (self.tamper or self.key is not None)
            ):
                response.data = json.dumps(self.tampered(json.loads(response.data)))
            return response

        return app

    def tampered(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return the answer with its token changed, and signed by the house itself or by somebody else."""
        header = jwt.get_unverified_header(told["id_token"])
        claims = jwt.decode(told["id_token"], options={"verify_signature": False})
        own = flask.g.oidc_provider_mock_storage.jwk.as_pem(is_private=True)
        key = own if self.key is None else self.key
        changed = self.tamper(claims) if self.tamper else claims
        named = {"kid": header["kid"]} if "kid" in header else {}
        return {**told, "id_token": jwt.encode(changed, key, self.algorithm, headers=named)}


@pytest.fixture(scope="module")
def running() -> Iterator[House]:
    house = House()
    with _threaded_server(house.wrap(oidc_provider_mock.app())) as server:
        house.url = f"http://localhost:{server.server_port}"
        yield house


@pytest.fixture
def house(running: House, settings: Any, municipality: Municipality) -> House:
    """The house, in order again, and configured as the municipality's own sign-in and as UNI-Login."""
    running.tamper = running.key = None
    running.issuer, running.hangs, running.algorithm = "", 0, "RS256"
    municipality.teacher_domains = ["skole.fjordby.example"]
    municipality.save()
    settings.ORIGIN = "http://testserver"
    settings.OTHER_HOUSES = [
        env.House(
            provider_id=name,
            name=words,
            issuer=running.url,
            client_id="portal",
            secret="s",
            staff_only=staff,
            origins=(),
        )
        for name, words, staff in (("kommune", "Fjordby", False), ("unilogin", "UNI-Login", True))
    ]
    settings.SOCIALACCOUNT_PROVIDERS = {"oidc": {"APPS": [one.app for one in settings.OTHER_HOUSES]}}
    return running


def go(browser: Client, subject: str, *, at: str = "kommune", to: str = "") -> str:
    """Go to the other house and sign in there; return the address it sends back to."""
    there = browser.post(f"/konto/ind/{at}/", {"next": to} if to else {}).headers["Location"]
    back = requests.post(there, data={"sub": subject}, allow_redirects=False, timeout=5).headers["Location"]
    assert back.startswith("http://testserver/konto/ind/")
    return back.removeprefix("http://testserver")


def arrive(browser: Client, subject: str, **where: str) -> Any:
    return browser.get(go(browser, subject, **where))


def mailed_code() -> str:
    message = Message.objects.filter(occasion="sign_in_code").latest("created_at")
    return sign_in.code_of(SignInCode.objects.get(pk=message.reference_id))


def verify(browser: Client, email: str = ADDRESS) -> Any:
    """Type the work e-mail and the code from the mail."""
    assert browser.post("/konto/login/mail/", {"email": email}).status_code == 302
    return browser.post("/konto/login/kode/", {"code": mailed_code()})


def is_in(browser: Client) -> bool:
    return browser.get("/tilmeldinger/").status_code == 200


# --- The good way ---------------------------------------------------------------------------------------------------


def test_a_newcomer_verifies_the_work_mail_says_who_it_is_and_gets_in_by_the_door_alone_next_time(house: House) -> None:
    school = factories.SchoolFactory.create()
    house.know("sub-1", email="noget.andet@kommune.example", name="Mette Holm")
    browser = Client()
    first = arrive(browser, "sub-1", to="/tilmeldinger/")
    page = browser.get(first.headers["Location"])
    assert (first.headers["Location"], page.context["form"]["email"].value()) == (
        "/konto/login/mail/",
        "noget.andet@kommune.example",
    )
    assert verify(browser).headers["Location"] == "/velkommen/"
    welcome = browser.get("/velkommen/")
    facts = {"name": "Mette Holm", "school": str(school.pk), "role": "teacher", "language": "da"}
    done = browser.post("/velkommen/", facts)
    known = SocialAccount.objects.get()
    assert (welcome.context["form"]["name"].value(), done.headers["Location"]) == ("Mette Holm", "/tilmeldinger/")
    assert (known.user.email, known.uid, known.extra_data) == (ADDRESS, f"{house.url}|sub-1", {})

    again = Client()
    assert (arrive(again, "sub-1").headers["Location"], is_in(again), Membership.objects.count()) == ("/", True, 1)


def test_an_account_with_the_same_address_is_joined_only_after_the_code_was_typed(house: House) -> None:
    role = factories.MembershipFactory.create(user__email=ADDRESS)
    house.know("sub-2", email=ADDRESS, email_verified=True)
    browser = Client()
    arrive(browser, "sub-2")
    assert (is_in(browser), SocialAccount.objects.count()) == (False, 0)
    assert verify(browser).headers["Location"] == "/"
    assert (is_in(browser), SocialAccount.objects.get().user) == (True, role.user)


def test_a_coordinator_who_comes_from_another_house_is_asked_for_the_second_factor_all_the_same(house: House) -> None:
    coordinator = factories.CoordinatorFactory.create()
    SocialAccount.objects.create(user=coordinator, provider="kommune", uid=f"{house.url}|sub-3", extra_data={})
    browser = Client()
    assert arrive(browser, "sub-3").headers["Location"] == "/konto/to-trin/login/"
    assert browser.get("/admin/").status_code == 302


def test_an_employee_comes_in_by_uni_login_which_tells_neither_name_nor_mail(house: House) -> None:
    factories.MembershipFactory.create(user__email=ADDRESS)
    house.know("uniid-1", aktoer_gruppe="Medarbejder")
    browser = Client()
    page = browser.get(arrive(browser, "uniid-1", at="unilogin").headers["Location"])
    assert page.context["form"]["email"].value() == ""
    verify(browser)
    assert is_in(browser)


def test_the_same_subject_in_another_house_is_somebody_else(house: House) -> None:
    user = factories.MembershipFactory.create().user
    SocialAccount.objects.create(user=user, provider="kommune", uid="https://another.example|sub-4", extra_data={})
    browser = Client()
    assert arrive(browser, "sub-4").headers["Location"] == "/konto/login/mail/"


# --- What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["Elev", "Ekstern", "Kontaktperson", None])
def test_uni_login_lets_in_employees_alone_even_where_the_account_was_joined_before(
    house: House, group: str | None
) -> None:
    user = factories.MembershipFactory.create().user
    SocialAccount.objects.create(user=user, provider="unilogin", uid=f"{house.url}|elev-{group}", extra_data={})
    house.know(f"elev-{group}", **({"aktoer_gruppe": group} if group else {}))
    browser = Client()
    answer = arrive(browser, f"elev-{group}", at="unilogin")
    assert (answer.status_code, answer.context["reason"], is_in(browser)) == (403, "not_staff", False)


def wrong(**claims: Any) -> Tamper:
    return lambda told: {**told, **claims}


def without(name: str) -> Tamper:
    return lambda told: {key: value for key, value in told.items() if key != name}


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(wrong(nonce="another"), id="wrong nonce"),
        pytest.param(without("nonce"), id="no nonce"),
        pytest.param(wrong(aud="another-portal"), id="wrong audience"),
        pytest.param(wrong(aud=["portal", "another"], azp="another"), id="made for another party"),
        pytest.param(without("aud"), id="no audience"),
        pytest.param(wrong(iss="https://ond.example"), id="wrong issuer"),
        pytest.param(wrong(exp=1), id="too old"),
        pytest.param(without("exp"), id="without end"),
        pytest.param(wrong(iat=4102444800), id="from the future"),
        pytest.param(without("sub"), id="about nobody"),
        pytest.param(wrong(sub="x" * 200), id="too long a subject"),
    ],
)
def test_a_token_that_is_not_for_us_now_lets_nobody_in(house: House, tamper: Tamper) -> None:
    user = factories.MembershipFactory.create().user
    SocialAccount.objects.create(user=user, provider="kommune", uid=f"{house.url}|sub-5", extra_data={})
    control = Client()
    house.tamper = wrong()  # signed anew, nothing changed
    arrive(control, "sub-5")
    house.tamper = tamper
    browser = Client()
    answer = arrive(browser, "sub-5")
    assert (is_in(control), answer.status_code, answer.context["reason"], is_in(browser)) == (
        True,
        403,
        "refused",
        False,
    )


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(STRANGERS_KEY, "RS256"), ("s" * 32, "HS256"), ("", "none")],
    ids=["somebody else's signature", "signed with a shared secret", "not signed"],
)
def test_a_token_that_the_house_did_not_sign_lets_nobody_in(house: House, key: Any, algorithm: str) -> None:
    house.key, house.algorithm = key, algorithm
    browser = Client()
    answer = arrive(browser, "sub-6")
    assert (answer.status_code, answer.context["reason"], "identity_elsewhere" in browser.session) == (
        403,
        "refused",
        False,
    )


def test_an_answer_with_a_wrong_state_lets_nobody_in(house: House) -> None:
    browser = Client()
    back = go(browser, "sub-7")
    answer = browser.get(back.replace("state=", "state=x"))
    assert (answer.status_code, answer.context["reason"]) == (403, "refused")


def test_an_answer_lets_in_the_browser_that_asked_and_no_other_and_once(house: House) -> None:
    browser = Client()
    back = go(browser, "sub-8")
    assert [Client().get(back).status_code, browser.get(back).status_code, browser.get(back).status_code] == [
        403,
        302,
        403,
    ]


def test_an_answer_without_the_secret_of_pkce_is_worth_nothing(house: House) -> None:
    browser = Client()
    back = go(browser, "sub-9")
    house.challenges.clear()
    assert browser.get(back).status_code == 403


def test_a_house_that_calls_itself_otherwise_is_not_believed(house: House) -> None:
    house.issuer = "https://ond.example"
    answer = Client().post("/konto/ind/kommune/")
    assert (answer.status_code, answer.context["reason"]) == (403, "refused")


def test_whoever_turns_back_there_may_sign_in_otherwise(house: House) -> None:
    browser = Client()
    there = browser.post("/konto/ind/kommune/").headers["Location"]
    state = parse_qs(urlsplit(there).query)["state"][0]
    answer = browser.get("/konto/ind/kommune/svar/", {"error": "access_denied", "state": state})
    assert answer.headers["Location"] == "/konto/login/"


def test_an_identity_left_behind_on_a_shared_computer_is_not_joined_to_the_next_person(house: House) -> None:
    factories.MembershipFactory.create(user__email=ADDRESS)
    browser = Client()
    arrive(browser, "sub-10")  # and walks away
    browser.post("/konto/login/", {"email": ADDRESS})
    browser.post("/konto/login/kode/", {"code": mailed_code()})
    assert (is_in(browser), SocialAccount.objects.count()) == (True, 0)


# --- The house is away ----------------------------------------------------------------------------------------------


def test_a_house_that_is_down_gets_a_friendly_page_and_the_code_works(house: House, settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = server.getsockname()[1]
    app = {
        **settings.OTHER_HOUSES[0].app,
        "settings": {"server_url": f"http://127.0.0.1:{nobody}", "staff_only": False},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"oidc": {"APPS": [app]}}
    factories.MembershipFactory.create(user__email=ADDRESS)
    browser = Client()
    answer = browser.post("/konto/ind/kommune/")
    browser.post("/konto/login/", {"email": ADDRESS})
    browser.post("/konto/login/kode/", {"code": mailed_code()})
    assert (answer.status_code, answer.context["reason"], is_in(browser)) == (503, "unreachable", True)


def test_a_house_that_hangs_is_given_up(house: House, settings: Any) -> None:
    assert settings.SOCIALACCOUNT_REQUESTS_TIMEOUT == 5
    settings.SOCIALACCOUNT_REQUESTS_TIMEOUT = 0.2
    house.hangs = 0.6
    began = time.monotonic()
    answer = Client().post("/konto/ind/kommune/")
    assert (answer.status_code, time.monotonic() - began < 2) == (503, True)


def test_a_house_that_goes_away_half_way_gets_the_same_page(house: House, settings: Any) -> None:
    browser = Client()
    back = go(browser, "sub-11")
    settings.SOCIALACCOUNT_REQUESTS_TIMEOUT = 0.2
    house.hangs = 0.6
    assert browser.get(back).status_code == 503


# --- The door itself ------------------------------------------------------------------------------------------------


def test_nothing_happens_on_get_and_an_unknown_house_does_not_exist(house: House) -> None:
    assert [Client().get("/konto/ind/kommune/").status_code, Client().post("/konto/ind/oidc/").status_code] == [
        405,
        404,
    ]


def test_nothing_from_the_address_goes_along_to_the_other_house(house: House) -> None:
    there = Client().post("/konto/ind/kommune/?auth_params=nonce%3Dx%26prompt%3Dnone&scope=admin").headers["Location"]
    asked = parse_qs(urlsplit(there).query)
    assert (set(asked), sorted(asked["scope"][0].split())) == (
        {
            "client_id",
            "redirect_uri",
            "scope",
            "response_type",
            "state",
            "nonce",
            "code_challenge",
            "code_challenge_method",
        },
        ["email", "openid", "profile"],
    )


def test_the_sign_in_page_names_the_houses(house: House) -> None:
    page = Client().get("/konto/login/").content.decode()
    assert [f'action="/konto/ind/{one}/"' in page for one in ("kommune", "unilogin")] == [True, True]


def test_no_account_is_made_by_arriving(house: House) -> None:
    arrive(Client(), "sub-12")
    assert User.objects.count() == 0


@pytest.mark.parametrize("prefix", ["OIDC", "UNILOGIN"])
def test_a_house_is_configured_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    assert env.houses() == []
    monkeypatch.setenv(f"{prefix}_ISSUER", "https://broker.example/auth/realms/broker")
    with pytest.raises(ImproperlyConfigured):
        env.houses()
    monkeypatch.setenv(f"{prefix}_CLIENT_ID", "portal")
    monkeypatch.setenv(f"{prefix}_CLIENT_SECRET", "s")
    monkeypatch.setenv(f"{prefix}_FORM_ORIGINS", "https://idp.example")
    (made,) = env.houses()
    assert (made.origins, made.staff_only) == (("https://broker.example", "https://idp.example"), prefix == "UNILOGIN")


@pytest.mark.parametrize("issuer", ["http://broker.example", "broker.example", "https://broker.example/?a=1"])
def test_a_house_must_be_asked_in_secret(monkeypatch: pytest.MonkeyPatch, issuer: str) -> None:
    monkeypatch.setenv("ORIGIN", "https://portal.example")
    monkeypatch.setenv("OIDC_ISSUER", issuer)
    with pytest.raises(ImproperlyConfigured):
        env.houses()


def test_the_database_has_no_say_in_which_houses_there_are() -> None:
    assert views.OtherHouses().list_apps(None) == []

"""The provider: what is sent along, and what is believed of the answer."""

import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt
import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

ALGORITHMS = ["RS256", "PS256", "ES256"]
LEEWAY = 60
STAFF = "Medarbejder"
LONGEST_UID = 191


class Refused(OAuth2Error):  # type: ignore[misc]
    """The answer is not to be believed, or not for us; the reason is for the log alone."""


class NotStaff(Refused):
    """UNI-Login knows this person, but not as somebody who works at a school."""


class Unreachable(OAuth2Error):  # type: ignore[misc]
    """The other house does not answer within five seconds, or not as it should."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Somebody as another house knows that person. ``email`` and ``name`` are suggestions to fill a form with."""

    provider: str
    uid: str
    email: str = ""
    name: str = ""


class Answers(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """Asks the other house, and checks what it says."""

    state: dict[str, Any]

    @property
    def openid_config(self) -> Any:
        """Return what the house says of itself; it must be the house we were told to ask."""
        try:
            config = super().openid_config
            issuer = config["issuer"]
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            raise Unreachable("no configuration") from error
        if issuer != self.issuer:
            raise Refused(f"the configuration is of another issuer: {issuer!r}")
        return config

    @property
    def issuer(self) -> str:
        """The issuer that the environment names."""
        return str(self.get_provider().app.settings["server_url"])

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """Return where the answer comes to, always on the configured origin."""
        return settings.ORIGIN + reverse("oidc-answer", kwargs={"provider_id": self.provider_id})

    def get_access_token_data(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().get_access_token_data(*args, **kwargs)
        except (requests.RequestException, ValueError, KeyError) as error:
            raise Unreachable("no token") from error

    def identity(self, response: dict[str, Any]) -> Identity:
        """Return who came, or raise: the one place where an answer turns into a person."""
        app = self.get_provider().app
        claims = self.believed(response.get("id_token"), audience=app.client_id)
        wants_group = app.settings.get("staff_only", False)
        if wants_group and "aktoer_gruppe" not in claims:
            claims = {**self._userinfo(str(response.get("access_token", "")), claims["sub"]), **claims}
        if wants_group and claims.get("aktoer_gruppe") != STAFF:
            raise NotStaff(f"aktoer_gruppe is {claims.get('aktoer_gruppe')!r}")
        uid = f"{self.issuer}|{claims['sub']}"
        if len(uid) > LONGEST_UID:
            raise Refused("the subject is too long")
        words = {key: claims[key] for key in ("email", "name") if isinstance(claims.get(key), str)}
        return Identity(provider=self.provider_id, uid=uid, **{key: text[:120] for key, text in words.items()})

    def believed(self, id_token: object, *, audience: str) -> dict[str, Any]:
        """Return the claims of a token whose signature, issuer, audience, age and nonce are right."""
        if not isinstance(id_token, str):
            raise Refused("no id token")
        try:
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key=self._key_of(id_token),
                algorithms=ALGORITHMS,
                audience=audience,
                issuer=self.issuer,
                leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise Refused(f"{type(error).__name__}: {error}") from error
        if claims.get("azp", audience) != audience:
            raise Refused("the token was made for somebody else")
        if claims["iat"] > time.time() + LEEWAY:
            raise Refused("the token comes from the future")
        nonce = self.state.get("nonce") or ""
        if not nonce or not hmac.compare_digest(str(claims.get("nonce", "")), nonce):
            raise Refused("the nonce is not ours")
        return claims

    def _key_of(self, id_token: str) -> Any:
        """Return the house's key that the token says it was signed with; its only one, where the token names none."""
        header = jwt.get_unverified_header(id_token)
        keys = [one for one in self._json(self.openid_config["jwks_uri"]).get("keys", []) if isinstance(one, dict)]
        wanted = [key for key in keys if key.get("use", "sig") == "sig"]
        if "kid" in header or len(wanted) != 1:
            wanted = [key for key in wanted if "kid" in header and key.get("kid") == header["kid"]]
        if not wanted or header.get("alg") not in ALGORITHMS:
            raise Refused("no key of that name")
        return jwt.PyJWK.from_json(json.dumps(wanted[0]), algorithm=header["alg"]).key

    def _userinfo(self, access_token: str, subject: str) -> dict[str, Any]:
        """Return what the house tells beside the token, about the same person."""
        told = self._json(self.openid_config["userinfo_endpoint"], Authorization=f"Bearer {access_token}")
        if told.get("sub") != subject:
            raise Refused("the information is about somebody else")
        return told

    def _json(self, address: str, **headers: str) -> dict[str, Any]:
        try:
            with get_adapter().get_requests_session() as session:
                response = session.get(address, headers=headers)
                response.raise_for_status()
                told = response.json()
        except (requests.RequestException, ValueError) as error:
            raise Unreachable(address) from error
        if not isinstance(told, dict):
            raise Unreachable(address)
        return told


class OtherHouse(OpenIDConnectProvider):  # type: ignore[misc]
    """A house we send people to: Authorization Code with PKCE, and a nonce that must come back in the token."""

    id = "oidc"
    name = "OpenID Connect"
    pkce_enabled_default = True
    oauth2_adapter_class = Answers

    def get_default_scope(self) -> list[str]:
        return ["openid"] if self.app.settings.get("staff_only") else ["openid", "profile", "email"]

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **kwargs: Any
    ) -> HttpResponseBase:
        nonce = secrets.token_urlsafe(32)
        response: HttpResponseBase = super().redirect(
            request, process, next_url, data, auth_params={"nonce": nonce}, nonce=nonce, **kwargs
        )
        return response


provider_classes = [OtherHouse]

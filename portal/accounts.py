"""How signing in is done here: a code by mail, a passkey or another house's door; then a second factor for staff.

django-allauth keeps the second factors, the sessions and the ways in between; there are no passwords and nobody
registers alone. Its settings stand in ``portal.settings``, the pages in ``portal.views.sign_in``.
"""

import base64
import hashlib
import time
from typing import Any
from uuid import UUID

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records, perform_login, record_authentication
from allauth.account.models import Login
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from portal.domain import audit, clock, outbox, sessions, watch
from portal.domain.actor import Actor, municipal_roles_held
from portal.http import MOST_EXTENSIONS, SESSION_ENDS_AT, SESSION_EXTENDED, SIGNED_IN_AT, is_recently_authenticated
from portal.models import Municipality, MunicipalRole, User

STAFF_SESSION = 8 * 60 * 60
TEACHER_SESSION = 12 * 60 * 60
PENDING = 30 * 60
# What the session keeps on the way in: the codes asked for, the address that was verified, the other house's identity.
CODES, VERIFIED, IDENTITY = "sign_in_codes", "verified_address", "identity_elsewhere"


FACTOR_CHANGED = gettext_noop(
    "A second factor (passkey, authenticator app or recovery codes) of your account has just been added, removed or"
    " made anew, and you have been signed out everywhere else. Was it not you? Then write to the municipality at once."
)


class PortalAccounts(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's account, as it is here."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": _("Too many wrong codes. Wait five minutes, and try again."),
        "rate_limited": _("Too many wrong codes. Wait five minutes, and try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Every mail of the portal leaves through the outbox, with words of our own; allauth has none to send."""

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return whether allauth's own pages must ask again; having just signed in is proof enough."""
        return not is_recently_authenticated(self.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Return how somebody can prove again who they are: by a second factor, and without one by a code by mail."""
        if not user.is_authenticated:
            return []
        types = set(Authenticator.objects.filter(user_id=user.pk).values_list("type", flat=True))
        methods = []
        if Authenticator.Type.WEBAUTHN in types:
            url = reverse("mfa_reauthenticate_webauthn")
            methods.append({"id": "passkey", "description": _("Use your passkey"), "url": url})
        if types & {Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES}:
            url = reverse("mfa_reauthenticate")
            methods.append(
                {"id": "code", "description": _("Use your authenticator app or a recovery code"), "url": url}
            )
        if not methods:
            url = reverse("account_reauthenticate")
            methods.append({"id": "mail", "description": _("Get a code by mail"), "url": url})
        return methods

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return nothing of the visitor's address: limits are kept by account, and sessions are told by browser."""
        return "0.0.0.0"  # noqa: S104 (an empty address, nothing listens there)


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """allauth's second factors: their secrets are enciphered with a key that is not in the database."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("That did not fit. A code works once: wait for the next one."),
        "cannot_generate_recovery_codes": _("Set up a passkey or an authenticator app first."),
    }

    def cipher(self) -> Fernet:
        key = hashlib.sha256(b"second factors:" + settings.LINK_KEY.encode()).digest()
        return Fernet(base64.urlsafe_b64encode(key))

    def encrypt(self, text: str) -> str:
        return self.cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return self.cipher().decrypt(encrypted_text.encode()).decode()

    def _get_site_name(self) -> str:
        return Municipality.objects.values_list("name", flat=True).first() or "Åben skole"

    def generate_authenticator_name(self, user: Any, type: Any) -> str:  # noqa: A002 (allauth's signature)
        """Return the name under which a new passkey is first known; its owner may change it."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return str(_("Passkey %(number)d") % {"number": number})


def enter(request: HttpRequest, user: User, *, method: str, provider: str = "", next_url: str | None) -> HttpResponse:
    """Sign in whoever has proved to be this person; allauth asks for the second factor where there is one."""
    record_authentication(request, user, method=method, **({"provider": provider} if provider else {}))
    response: HttpResponse = perform_login(request, Login(user=user, redirect_url=next_url, email=user.email))
    return response


def keep(request: HttpRequest, key: str, **facts: Any) -> None:
    """Keep something on the way in, for half an hour and in this session alone (see :func:`pending`)."""
    request.session[key] = {**facts, "until": time.time() + PENDING}


def pending(request: HttpRequest, key: str) -> dict[str, Any] | None:
    """Return what the session keeps under ``key`` on the way in, if that is not too long ago."""
    kept = request.session.get(key)
    if not isinstance(kept, dict) or kept.get("until", 0) < time.time():
        return None
    return kept


def join_identity(request: HttpRequest, user: User) -> None:
    """Join the identity that came with this session to the account whose address has just been verified."""
    kept = pending(request, IDENTITY)
    request.session.pop(IDENTITY, None)
    if kept is None or SocialAccount.objects.filter(provider=kept["provider"], uid=kept["uid"]).exists():
        return
    with transaction.atomic():
        SocialAccount.objects.create(user=user, provider=kept["provider"], uid=kept["uid"], extra_data={})
        audit.record(Actor.of_user(user), "identity-joined", user, at=clock.now(), provider=kept["provider"])


def note_sign_in(sender: object, request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Write into the session when it began and when it must end: after 8 hours for staff, whatever they press.

    After 12 for teachers, who may stay longer (``portal.http.stay``).
    """
    began, staff = time.time(), bool(municipal_roles_held(user))
    request.session[SIGNED_IN_AT] = began
    request.session[SESSION_ENDS_AT] = began + (STAFF_SESSION if staff else TEACHER_SESSION)
    request.session[SESSION_EXTENDED] = MOST_EXTENSIONS if staff else 0


def log_sign_in(sender: object, request: HttpRequest, user: User, **_kwargs: Any) -> None:
    """Note in the log that somebody came in, by which way, and with which second factor."""
    records = get_authentication_records(request, user)
    ways = [str(one.get("provider") or one.get("type") or one.get("method", "")) for one in records]
    if ways:
        watch.came_in(user, ways=ways, now=clock.now())


def log_failed_factor(sender: object, user: User, **_kwargs: Any) -> None:
    """Note in the log that a code of an app, or a recovery code, did not fit."""
    watch.refused(watch.FACTOR_REFUSED, user_id=user.pk, now=clock.now())


def end_sessions_of_role_holder(sender: object, instance: MunicipalRole, **_kwargs: Any) -> None:
    """Sign out whoever is given or loses a role in the municipality: a session keeps nothing it was not let in for."""
    user_id: UUID = instance.user_id
    sessions.end_all(user_id, keep=_own_session(user_id))


def note_factor_change(sender: object, request: HttpRequest, user: User, authenticator: Any, **_kwargs: Any) -> None:
    """End the other sessions of whoever changes a second factor, and tell that person by mail."""
    now = clock.now()
    with transaction.atomic():
        sessions.end_all(user.pk, keep=request.session.session_key or "")
        audit.record(Actor.of_user(user), "factor-changed", user, at=now, factor=str(authenticator.type))
        with translation.override(user.language):
            words = {"subject": gettext("Your second factor has been changed"), "text": gettext(FACTOR_CHANGED)}
        outbox.post(
            occasion="account_mail",
            about=user,
            to=outbox.Recipient.of_user(user),
            now=now,
            key=f"factor {now:%Y-%m-%dT%H:%M}",
            parameters=words,
            urgency=0,
        )


def _own_session(user_id: UUID) -> str:
    """Return the key of the session that asks, if it is this person's."""
    request = context.request
    if request is None or getattr(request.user, "pk", None) != user_id:
        return ""
    return request.session.session_key or ""


def listen() -> None:
    """Connect what must happen whoever does it, by whatever door."""
    from allauth.mfa import signals  # noqa: PLC0415 (its models are there only when all apps are)

    user_logged_in.connect(note_sign_in, dispatch_uid="note_sign_in")
    user_logged_in.connect(log_sign_in, dispatch_uid="log_sign_in")
    signals.authentication_failed.connect(log_failed_factor, dispatch_uid="log_failed_factor")
    for signal in (post_save, post_delete):
        signal.connect(end_sessions_of_role_holder, sender=MunicipalRole, dispatch_uid="end_sessions_of_role_holder")
    for changed in (signals.authenticator_added, signals.authenticator_removed, signals.authenticator_reset):
        changed.connect(note_factor_change, dispatch_uid="note_factor_change")

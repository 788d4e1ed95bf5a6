"""Signed-in browsers: Django's sessions in the database, and who it is, both asked with every page."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.domain.compiled import CompiledQuery
from portal.models import User

_session = CompiledQuery[Session](
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now), "key", "now"
)
_user = CompiledQuery[User](lambda user: User.objects.filter(pk=user), "user")


class SessionStore(db.SessionStore):
    """Django's store, whose question is compiled once."""

    def _get_session_from_db(self) -> Session | None:
        found = _session.first(key=self.session_key, now=timezone.now()) if self.session_key else None
        if found is None:
            self._session_key = None
        return found


class SignedIn(AuthenticationBackend):  # type: ignore[misc]
    """Django's answer to whose session it is, asked the same way; signing in itself is allauth's."""

    def get_user(self, user_id: Any) -> User | None:
        """Return the account, unless it is closed."""
        user = _user.first(user=user_id)
        return user if user is not None and self.user_can_authenticate(user) else None

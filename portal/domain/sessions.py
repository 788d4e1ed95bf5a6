"""Where somebody is signed in, and ending it."""

from uuid import UUID

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session


def end_all(user_id: UUID, *, keep: str = "") -> int:
    """Sign the person out everywhere, but in the session of the key ``keep``; return in how many places (a step).

    To be called when a role, a factor or the address changes: what a session was let in for no longer holds.
    """
    theirs = UserSession.objects.filter(user_id=user_id).exclude(session_key=keep)
    ended, _each = Session.objects.filter(session_key__in=theirs.values("session_key")).delete()
    theirs.delete()
    return ended


def forget_ended() -> int:
    """Delete what is known of sessions that are over (a step); return how many."""
    alive = Session.objects.values("session_key")
    return int(UserSession.objects.exclude(session_key__in=alive).delete()[0])

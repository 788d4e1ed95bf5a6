"""Where somebody is signed in, and ending it."""

from datetime import datetime
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction


def end_all(user_id: UUID, *, keep: str = "") -> int:
    """Sign the person out everywhere, but in the session of the key ``keep``; return in how many places (a step).

    To be called when a role, a factor or the address changes: what a session was let in for no longer holds.
    """
    theirs = UserSession.objects.filter(user_id=user_id).exclude(session_key=keep)
    ended, _each = Session.objects.filter(session_key__in=theirs.values("session_key")).delete()
    theirs.delete()
    return ended


@transaction.atomic(durable=True)
def forget_ended(*, real_now: datetime) -> int:
    """Delete sessions that have run out, and what is known of those that are over; return how many people's."""
    Session.objects.filter(expire_date__lt=real_now).delete()
    over = UserSession.objects.exclude(session_key__in=Session.objects.values("session_key"))
    return int(over.delete()[0])

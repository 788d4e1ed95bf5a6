"""People with an account: the address they sign in with, and whether the account is open."""

from datetime import datetime
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from portal.domain import audit, outbox, roles, sessions, suppressions
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import Message, MunicipalRole, User

LONGEST_ADDRESS = 254
WAITING = [Message.State.PLANNED, Message.State.QUEUED, Message.State.HELD]


@transaction.atomic(durable=True)
def change_address(*, user_id: UUID, email: str, by: Actor, now: datetime) -> User:
    """Give a person another work e-mail: the name one signs in with.

    Every session of the person ends (they stand on the address), what is promised to the old address goes to the new
    one, and both addresses get a mail. The same address again changes nothing. Raises Refusal when it is no address
    or another account has it. By a coordinator; who has the administrator's role is changed by an administrator only.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    refuse_unless_above(user, by)
    wanted = email.strip().lower()
    try:
        validate_email(wanted)
    except ValidationError:
        raise Refusal(_("That is not an e-mail address."), code="no-address", field="email") from None
    if len(wanted) > LONGEST_ADDRESS:
        raise Refusal(_("An e-mail address has at most 254 characters."), code="too-long", field="email")
    before = user.email
    if wanted == before:
        return user
    if User.objects.filter(email__iexact=wanted).exclude(pk=user.pk).exists():
        raise Refusal(_("There is already an account with this e-mail address."), code="address-taken", field="email")
    User.objects.filter(pk=user.pk).update(email=wanted)
    user.email = wanted
    EmailAddress.objects.filter(user=user).delete()
    sessions.end_all(user.pk)
    Message.objects.filter(recipient_id=user.pk, state__in=WAITING).update(address=wanted)
    suppressions.carry_over(before=before, now_at=wanted, now=now)
    audit.record(by, "user-address-changed", user, at=now)
    if user.is_active:
        for address in (before, wanted):
            outbox.post(
                occasion="address_changed",
                about=user,
                to=outbox.Recipient(kind="user", id=user.pk, address=address, language=user.language),
                now=now,
                key=now.isoformat(),
                parameters={"now_at": address == wanted},
                urgency=2,
            )
    return user


@transaction.atomic(durable=True)
def reopen_account(*, user_id: UUID, by: Actor, now: datetime) -> bool:
    """Let a person sign in again whose account was closed; return False when it is open already."""
    user = User.objects.select_for_update().get(pk=user_id)
    refuse_unless_above(user, by)
    if not User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
        return False
    audit.record(by, "user-reopened", user, at=now)
    return True


@transaction.atomic(durable=True)
def take_off_factor(*, user_id: UUID, by: Actor, now: datetime) -> None:
    """Take passkeys, authenticator app and recovery codes off the account of somebody who lost them all.

    Every session of the person ends, and the person gets a mail. Whoever has a role in the municipality must set up a
    new second factor at the next sign-in before the role is in force again. By an administrator, who has made sure
    who asks; raises Refusal for anybody else, for oneself, and when the account has no second factor.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    if not by.is_administrator:
        raise Refusal(_("Only an administrator takes the second factor off an account."), code="not-yours")
    if by.user_id == user.pk:
        raise Refusal(_("Nobody takes the second factor off their own account; ask another one."), code="not-oneself")
    held = Authenticator.objects.filter(user=user)
    kinds = sorted(set(held.values_list("type", flat=True)))
    if not kinds:
        raise Refusal(_("The account has no second factor."), code="no-factor")
    held.delete()
    sessions.end_all(user.pk)
    audit.record(by, "factor-taken-off", user, at=now, factors=kinds)
    if user.is_active:
        outbox.post(
            occasion="factor_taken_off",
            about=user,
            to=outbox.Recipient.of_user(user),
            now=now,
            key=now.isoformat(),
            urgency=2,
        )


def close_account(user: User, *, by: Actor, now: datetime) -> bool:
    """Let nobody sign in with the account any more (a step); return False when it is closed already.

    Raises Refusal for the only administrator, without whom nobody could give roles.
    """
    if roles.is_last_administrator(user):
        raise Refusal(roles.LAST_ADMINISTRATOR, code="last-administrator")
    if not User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
        return False
    user.is_active = False
    audit.record(by, "user-closed", user, at=now)
    return True


def refuse_unless_above(user: User, by: Actor) -> None:
    """Raise Refusal unless the actor may change the person's account: an administrator's is an administrator's."""
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality changes people's accounts."), code="not-yours")
    ranked = MunicipalRole.objects.filter(
        user=user, role__in=[MunicipalRole.Role.ADMINISTRATOR, MunicipalRole.Role.OPERATOR]
    )
    if not by.is_administrator and by.user_id != user.pk and ranked.exists():
        raise Refusal(_("Only an administrator changes the account of an administrator."), code="not-yours")

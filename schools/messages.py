"""Why the portal writes about who belongs to a school: a newcomer is to be confirmed, and has been."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.domain.actor import Actor
from portal.domain.outbox import Letter, Occasion
from portal.models import Message, User
from schools.domain import membership
from schools.models import Membership


def _membership(message: Message) -> Membership | None:
    return Membership.objects.select_related("user", "school").filter(pk=message.reference_id).first()


def _receiver(message: Message) -> User | None:
    if message.recipient_id is None:
        return None
    return User.objects.filter(pk=message.recipient_id, is_active=True).first()


def asked_for_is_wanted(message: Message, now: datetime) -> bool:
    """Still waits, and the receiver is still somebody who may answer (or a coordinator who will, with a factor)."""
    found, person = _membership(message), _receiver(message)
    return found is not None and person is not None and found.unconfirmed_since is not None and found.ended_on is None


def asked_for_letter(message: Message, now: datetime) -> Letter:
    """Return the mail that asks to confirm a newcomer."""
    found, person = _membership(message), _receiver(message)
    assert found is not None
    assert person is not None
    at_school = membership.decided_by(Actor(kind="user", id=str(person.pk))).filter(pk=found.pk).exists()
    place = reverse("school-members") if at_school else reverse("admin:schools_membership_changelist")
    subject = _("Does %(name)s work at %(school)s?") % {"name": found.user.name, "school": found.school.name}
    facts = {"asked": True, "url": settings.ORIGIN + place, "label": _("Answer")}
    return Letter(subject=subject, template="membership", context={**_facts(found, person), **facts})


def answered_is_wanted(message: Message, now: datetime) -> bool:
    """The account is still in use."""
    return _membership(message) is not None and _receiver(message) is not None


def confirmed_letter(message: Message, now: datetime) -> Letter:
    """Return the mail that says: now you can enrol."""
    found, person = _membership(message), _receiver(message)
    assert found is not None
    assert person is not None
    subject = _("You can now enrol classes of %(school)s") % {"school": found.school.name}
    facts = {"confirmed": True, "url": settings.ORIGIN + reverse("catalogue"), "label": _("Find a course")}
    return Letter(subject=subject, template="membership", context={**_facts(found, person), **facts})


def refused_letter(message: Message, now: datetime) -> Letter:
    """Return the mail that says no."""
    found, person = _membership(message), _receiver(message)
    assert found is not None
    assert person is not None
    subject = _("You were not confirmed at %(school)s") % {"school": found.school.name}
    facts = {"refused": True, "url": settings.ORIGIN + reverse("my-account"), "label": _("Choose another school")}
    return Letter(subject=subject, template="membership", context={**_facts(found, person), **facts})


def _facts(found: Membership, person: User) -> dict[str, Any]:
    return {
        "name": person.get_short_name(),
        "newcomer": found.user.name,
        "newcomer_email": found.user.email,
        "school": found.school.name,
        "role": found.get_role_display(),
    }


OCCASIONS = {
    "membership_asked_for": Occasion(still_wanted=asked_for_is_wanted, letter=asked_for_letter),
    "membership_confirmed": Occasion(still_wanted=answered_is_wanted, letter=confirmed_letter),
    "membership_refused": Occasion(still_wanted=answered_is_wanted, letter=refused_letter),
}
# What the desk calls each mail before it is written.
NAMES = {
    "membership_asked_for": gettext_lazy("a newcomer who asks for a role"),
    "membership_confirmed": gettext_lazy("a role that was confirmed"),
    "membership_refused": gettext_lazy("a role that was refused"),
}

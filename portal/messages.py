"""Why the ground writes to people: their account."""

from datetime import datetime

from django.utils.translation import gettext as _

from portal.domain.outbox import Letter, Occasion
from portal.models import Message, User


def is_wanted(message: Message, now: datetime) -> bool:
    """Return whether the account is still active."""
    return User.objects.filter(pk=message.reference_id, is_active=True).exists()


def letter(message: Message, now: datetime) -> Letter:
    """Return the mail as it was written when it was asked for."""
    return Letter(subject=message.parameters["subject"], context={"text": message.parameters["text"]})


def address_changed(message: Message, now: datetime) -> Letter:
    """Return the mail that tells of a new work e-mail: at the old address and at the new one."""
    user = User.objects.get(pk=message.reference_id)
    if message.parameters["now_at"]:
        sentences = [
            _("The municipality has noted this address as your work e-mail in the open school's portal."),
            _("From now on you sign in with it, and get your mails here. Your enrolments are all there."),
        ]
    else:
        sentences = [
            _("The municipality has noted another address as your work e-mail in the open school's portal."),
            _("This address is no longer used, and you have been signed out everywhere."),
        ]
    sentences.append(_("If you did not expect this, write to the municipality at once."))
    context = {
        "name": user.get_short_name(),
        "title": _("Your work e-mail"),
        "sentences": sentences,
        "facts": [],
        "reason": _("You get this mail because you have an account."),
    }
    return Letter(subject=_("Your work e-mail has been changed"), context=context, template="enrolment")


OCCASIONS = {
    "account_mail": Occasion(still_wanted=is_wanted, letter=letter),
    "address_changed": Occasion(still_wanted=is_wanted, letter=address_changed),
}

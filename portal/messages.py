"""Why the ground writes to people: to let them in, and to tell them what was changed about how they get in."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.domain import sign_in
from portal.domain.outbox import Letter, Occasion
from portal.models import ErasureRequest, Message, SignInCode, User


def code_is_wanted(message: Message, now: datetime) -> bool:
    """Return whether the code can still be typed."""
    row = SignInCode.objects.filter(pk=message.reference_id).first()
    return row is not None and row.used_at is None and row.expires_at > now


def code_letter(message: Message, now: datetime) -> Letter:
    """Return the mail with the code. The subject does not show it: subjects are kept, and read over shoulders."""
    row = SignInCode.objects.get(pk=message.reference_id)
    minutes = int(sign_in.LIFETIME.total_seconds() // 60)
    return Letter(
        subject=_("Your code for signing in"),
        context={"code": sign_in.written(sign_in.code_of(row)), "minutes": minutes},
    )


def is_wanted(message: Message, now: datetime) -> bool:
    """Return whether the account is still active."""
    return User.objects.filter(pk=message.reference_id, is_active=True).exists()


def letter(message: Message, now: datetime) -> Letter:
    """Return the mail as it was written when it was promised."""
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


def factor_taken_off(message: Message, now: datetime) -> Letter:
    """Return the mail that tells somebody that an administrator has taken the second factor off the account."""
    user = User.objects.get(pk=message.reference_id)
    context = {
        "name": user.get_short_name(),
        "title": _("Your second factor"),
        "sentences": [
            _(
                "An administrator of the municipality has taken the second factor off your account:"
                " passkeys, authenticator app and recovery codes. You have been signed out everywhere."
            ),
            _("If your role needs a second factor, you set up a new one the next time you sign in."),
            _("If you did not ask for this, write to the municipality at once."),
        ],
        "facts": [],
        "reason": _("You get this mail because you have an account."),
    }
    return Letter(subject=_("Your second factor has been taken off"), context=context, template="enrolment")


def erasure_is_wanted(message: Message, now: datetime) -> bool:
    """Return whether the request still waits for an answer, and the receiver still has an account."""
    waits = ErasureRequest.objects.filter(pk=message.reference_id).exists()
    return waits and User.objects.filter(pk=message.recipient_id, is_active=True).exists()


def erasure_asked(message: Message, now: datetime) -> Letter:
    """Return the mail that tells a coordinator that somebody asks to be erased. It names nobody: mails are kept."""
    context = {
        "name": User.objects.get(pk=message.recipient_id).get_short_name(),
        "title": _("Somebody asks to be erased"),
        "sentences": [
            _("Somebody has asked in the portal to have their personal data erased. You see who it is at the desk."),
            _("The law gives the municipality one month to answer (GDPR Art. 12 and 17)."),
        ],
        "facts": [],
        "url": settings.ORIGIN + reverse("admin:portal_erasurerequest_changelist"),
        "label": _("See the request"),
        "reason": _("You get this mail because you are a coordinator of the municipality."),
    }
    return Letter(subject=_("Somebody asks to be erased"), context=context, template="enrolment")


OCCASIONS = {
    "erasure_asked": Occasion(still_wanted=erasure_is_wanted, letter=erasure_asked),
    "sign_in_code": Occasion(still_wanted=code_is_wanted, letter=code_letter),
    "account_mail": Occasion(still_wanted=is_wanted, letter=letter),
    "address_changed": Occasion(still_wanted=is_wanted, letter=address_changed),
    "factor_taken_off": Occasion(still_wanted=is_wanted, letter=factor_taken_off),
}
# What the desk calls each mail before it is written.
NAMES = {
    "erasure_asked": gettext_lazy("a request to be erased"),
    "sign_in_code": gettext_lazy("a code for signing in"),
    "account_mail": gettext_lazy("a change of the second factor"),
    "address_changed": gettext_lazy("a new work e-mail"),
    "factor_taken_off": gettext_lazy("a second factor that was taken off"),
}

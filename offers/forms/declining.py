"""Why a coordinator or host says no: a sentence to choose, words of one's own, or both."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

REASONS = {
    "no-guide": _("We have nobody who can receive a class that day."),
    "too-many": _("Too many classes have asked for that day."),
    "group": _("The group does not fit our rooms or our programme."),
    "grade": _("The programme does not suit the grade of the class."),
    "needs": _("We cannot meet the needs of the class in our rooms."),
}
OWN_WORDS = ("", _("In my own words"))
CHOICES = [OWN_WORDS, *REASONS.items()]
# Why a class that asks to cancel late is still expected.
STILL_EXPECTED = {
    "prepared": _("The host has prepared the visit and counts on the class."),
    "paid": _("What was ordered for the visit can no longer be called off."),
    "nobody": _("No other class can take the places at such short notice."),
    "fewer": _("You are welcome with fewer pupils; change the numbers, or call us."),
    "colleague": _("Please ask whether a colleague can come along with the class instead."),
}


def reason_of(typed: dict[str, Any], reasons: Mapping[str, Any] = REASONS) -> str:
    """Return what the teacher will read: the chosen sentence, then the own words."""
    chosen = reasons.get(typed.get("why") or "")
    return " ".join(part for part in (str(chosen) if chosen else "", typed.get("reason") or "") if part)[:300]


def refuse_silence(form: forms.Form, typed: dict[str, Any], reasons: Mapping[str, Any] = REASONS) -> None:
    """Put an error at the words when neither a sentence was chosen nor a word written."""
    if not reason_of(typed, reasons) and "reason" not in form.errors:
        form.add_error("reason", _t("Choose a reason, or write why not; the teacher will read it."))

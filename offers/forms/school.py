"""A leader's answer."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.forms.fields import Words


class LeaderForm(forms.Form):
    """Yes or no to an enrolment; a no says why."""

    YES, NO = "yes", "no"
    answer = forms.ChoiceField(
        label=_("Your answer"),
        choices=[(YES, _("Yes, the class takes part")), (NO, _("No, not this time"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose yes or no.")},
    )
    reason = Words(
        label=_("Why not?"),
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Only needed for a no. The teacher reads it."),
    )

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        if typed.get("answer") == self.NO and not typed.get("reason") and "reason" not in self.errors:
            self.add_error(
                "reason", forms.ValidationError(_("Write why not; the teacher will read it."), code="reason")
            )
        return typed


class ApprovalForm(forms.Form):
    """Whether enrolments wait for the leader; each answer is a button."""

    school = forms.UUIDField()
    demanded = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")])

"""Forms on the way in, and of the second factors. Each says what it wants; whether it is right is decided elsewhere."""

from typing import Any

from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.utils.translation import gettext_lazy as _

from portal.forms.fields import Email, Line


class AddressForm(forms.Form):
    """To which address the code is to be mailed."""

    email = Email(
        label=_("Your work e-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "size": 32}),
        error_messages={
            "required": _("Write your work e-mail."),
            "invalid": _("Write a whole e-mail address, e.g. mette@skole.fjordby.dk."),
        },
    )


class CodeForm(forms.Form):
    """The code from the mail, typed or pasted, with or without the dash."""

    code = forms.CharField(
        label=_("Code from the mail"),
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "characters", "spellcheck": "false", "size": 14}
        ),
        help_text=_("Eight letters and digits. Capitals and the dash do not matter."),
        error_messages={"required": _("Write the code that stands in the mail.")},
    )


def _app_code(form: forms.Form) -> None:
    """Give the field for an app's code our words."""
    field = form.fields["code"]
    field.label = _("Code")
    field.max_length = 40  # type: ignore[attr-defined]
    field.error_messages["required"] = _("Write the code.")
    field.widget = forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "size": 14})


class SecondFactorForm(AuthenticateForm):  # type: ignore[misc]
    """The code that an authenticator app shows, or one of the recovery codes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _app_code(self)
        self.fields["code"].help_text = _("Six digits from the app, or one of your recovery codes.")


class SecondFactorAgainForm(ReauthenticateForm):  # type: ignore[misc]
    """The same, asked again before something that matters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _app_code(self)
        self.fields["code"].help_text = _("Six digits from the app, or one of your recovery codes.")


class NewAppForm(ActivateTOTPForm):  # type: ignore[misc]
    """The first code that a newly set up app shows, as proof that it works."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _app_code(self)
        self.fields["code"].help_text = _("The six digits that the app shows now.")


class NewPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A passkey's name, and what the browser made."""

    name = Line(
        label=_("Name of the passkey"),
        required=False,
        max_length=60,
        help_text=_("So that you can tell several apart, e.g. “My work phone”."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["passwordless"].label = _("Sign in with it alone")
        self.fields["passwordless"].help_text = _(
            "Then no code by mail is needed: the passkey with your finger, face or PIN is enough."
        )

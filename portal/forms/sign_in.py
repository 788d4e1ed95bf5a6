"""Forms on the way in, and of the second factors. Each says what it wants; whether it is right is decided elsewhere."""

import json
import re
import struct
from typing import Any

from allauth.mfa import app_settings as second_factors
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.core.cache import cache
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext_lazy as _
from fido2.webauthn import AuthenticationResponse, RegistrationResponse

from portal.domain import clock, watch
from portal.forms.fields import Email, Line
from portal.models import User

# What readers of JSON and CBOR raise at words that nest a hundred thousand deep, numbers of a megabyte, half an object.
UNREADABLE = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError, struct.error,
)  # fmt: skip
# For so many seconds an app's code is good: in its own period, and in as many before and after it as are tolerated.
GOOD_FOR = (2 * second_factors.TOTP_TOLERANCE + 1) * second_factors.TOTP_PERIOD


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


class _OnceOnly(forms.Form):
    """A form for an app's code that lets each code in once, for as long as the code is good.

    allauth remembers a code that was used for one period; with tolerance a code is good for three.
    """

    user: User
    authenticator: Authenticator

    def clean_code(self) -> str:
        """Refuse a code that was used already, as wrong as any other: it is counted, and told."""
        digits = re.sub(r"[^0-9]", "", self.cleaned_data["code"])
        spent = f"code of an app that was used: {self.user.pk} {digits}".replace(" ", "-")
        if cache.get(spent) is not None:
            self.cleaned_data["code"] = ""
        code: str = super().clean_code()  # type: ignore[misc]
        if self.authenticator.type == Authenticator.Type.TOTP:
            cache.set(spent, "used", timeout=GOOD_FOR)
        return code


class SecondFactorForm(_OnceOnly, AuthenticateForm):  # type: ignore[misc]
    """The code that an authenticator app shows, or one of the recovery codes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _app_code(self)
        self.fields["code"].help_text = _("Six digits from the app, or one of your recovery codes.")


class SecondFactorAgainForm(_OnceOnly, ReauthenticateForm):  # type: ignore[misc]
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


class Credential(forms.JSONField):
    """What a browser says of a passkey: refused unless it reads as ``answer``, whatever somebody sends instead."""

    def __init__(self, answer: Any) -> None:
        super().__init__(
            widget=forms.HiddenInput, error_messages={"invalid": _("The passkey's answer cannot be read. Try again.")}
        )
        self.answer = answer

    def to_python(self, value: Any) -> Any:
        try:
            said = super().to_python(value)
            if said is not None:
                self.answer.from_dict(said)
        except UNREADABLE:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None
        return said

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            said = super().bound_data(data, initial)
            json.dumps(said, ensure_ascii=False).encode()  # half a letter can be read, and not be shown again
            return said
        except UNREADABLE:
            return InvalidJSONInput(data)


class _Watched(forms.Form):
    """A form for the passkey of an account that is known: one that does not fit is noted in the log."""

    user: User | None

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except forms.ValidationError:
            if self.user is not None:
                watch.refused(watch.FACTOR_REFUSED, user_id=self.user.pk, now=clock.now())
            raise


class PasskeyForm(_Watched, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey as the second step of signing in."""

    credential = Credential(AuthenticationResponse)


class PasskeyAloneForm(LoginWebAuthnForm):  # type: ignore[misc]
    """A passkey as the only step of signing in."""

    credential = Credential(AuthenticationResponse)


class PasskeyAgainForm(_Watched, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey, asked again before something that matters."""

    credential = Credential(AuthenticationResponse)


class NewPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A passkey's name, and what the browser made."""

    name = Line(
        label=_("Name of the passkey"),
        required=False,
        max_length=60,
        help_text=_("So that you can tell several apart, e.g. “My work phone”."),
    )
    credential = Credential(RegistrationResponse)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["passwordless"].label = _("Sign in with it alone")
        self.fields["passwordless"].help_text = _(
            "Then no code by mail is needed: the passkey with your finger, face or PIN is enough."
        )

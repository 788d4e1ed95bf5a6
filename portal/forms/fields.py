"""The fields that every form shares, so that the same thing typed means the same everywhere.

Text arrives tidied (``portal.middleware.TidyWords``); the fields do it once more for forms that are not filled in by a
browser. What is refused is said at the field, and what was typed is kept.
"""

import re
from datetime import date, datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.utils.timezone import make_aware
from django.utils.translation import gettext_lazy as _

from portal.domain import phone, text
from portal.domain.cpr import no_personal_number

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
FIRST_MOMENT, LAST_MOMENT = make_aware(datetime(2000, 1, 1)), make_aware(datetime(2099, 12, 31, 23, 59))  # noqa: DTZ001


class Line(forms.CharField):
    """A few words on one line: a name, a title. Blanks and line ends in it become one space each."""

    default_validators = [no_personal_number]

    def to_python(self, value: Any) -> Any:
        typed = super().to_python(value)
        return text.one_line(typed) if typed else typed


class Words(forms.CharField):
    """Free text on several lines."""

    widget = forms.Textarea
    default_validators = [no_personal_number]

    def to_python(self, value: Any) -> Any:
        typed = super().to_python(value)
        return text.paragraphs(typed) if typed else typed


class WholeNumber(forms.IntegerField):
    """A number typed with the digits 0 to 9 and nothing else: Python would take ``1_0`` and ``٣`` for numbers too.

    ``signed`` lets a minus stand before it. What is beyond its limits is told both of them.
    """

    default_error_messages = {
        "invalid": _("Write a whole number with the digits 0–9, e.g. 24."),
        "out-of-range": _("Write a number from %(lowest)d to %(highest)d."),
    }

    def __init__(self, *, signed: bool = False, **options: Any) -> None:
        self.signed = signed
        super().__init__(**options)

    def to_python(self, value: Any) -> int | None:
        digits = r"-?[0-9]{1,9}" if self.signed else r"[0-9]{1,9}"
        if isinstance(value, str) and value.strip() and not re.fullmatch(digits, value.strip()):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        number: int | None = super().to_python(value)
        return number

    def validate(self, value: Any) -> None:
        super().validate(value)
        lowest, highest = self.min_value, self.max_value
        if value is not None and lowest is not None and highest is not None and not lowest <= value <= highest:
            limits = {"lowest": lowest, "highest": highest}
            raise ValidationError(self.error_messages["out-of-range"], code="out-of-range", params=limits)


class Email(forms.EmailField):
    """An address a mail can be sent to, in small letters; a domain with Danish letters is kept as machines write it.

    At most 254 signs (RFC 5321), no quoted names and no numbers for a domain: nobody has such an address, and they
    are used to smuggle.
    """

    LONGEST = 254

    def __init__(self, **options: Any) -> None:
        longest = min(options.pop("max_length", None) or self.LONGEST, self.LONGEST)
        super().__init__(max_length=longest, **options)

    def to_python(self, value: Any) -> Any:
        typed = text.one_line(super().to_python(value) or "").lower()
        if not typed:
            return self.empty_value
        name, _at, domain = typed.rpartition("@")
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValidationError(self.default_validators[0].message, code="invalid") from None  # type: ignore[attr-defined]
        if not re.match(r"[a-z0-9_]", name) or '"' in name or re.fullmatch(r"\[.*\]|[0-9.]+", domain):
            raise ValidationError(self.default_validators[0].message, code="invalid")  # type: ignore[attr-defined]
        return f"{name}@{domain}"


class Phone(forms.CharField):
    """A telephone number, kept as ``+4512345678`` and shown in pairs of digits."""

    widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel", "size": 16})
    default_error_messages = {
        "phone": _("Write a telephone number with at least eight digits, e.g. 12 34 56 78."),
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "max_length": 40})

    def prepare_value(self, value: Any) -> Any:
        return phone.as_written(value) if isinstance(value, str) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        # What is no number is a change too: otherwise a new row with nothing else in it would silently go.
        before, typed = initial or "", text.one_line(data or "")
        return not self.disabled and (phone.normal(before) or before) != (phone.normal(typed) or typed)

    def to_python(self, value: Any) -> Any:
        typed = text.one_line(super().to_python(value) or "")
        if not typed:
            return self.empty_value
        number = phone.normal(typed)
        if number is None:
            raise ValidationError(self.error_messages["phone"], code="phone")
        return number


class WebAddress(forms.CharField):
    """A web address; ``https://`` is put before it when nothing stands there, and nothing else is taken.

    No user name before the host and no bare number for one: both hide where an address leads.
    """

    default_error_messages = {
        "https": _("Only addresses that begin with https:// can be shown to pupils. Does yours work with it?"),
        "address": _("Write a web address, e.g. https://firma.dk."),
    }

    def __init__(self, *, assume_scheme: str = "https", **options: Any) -> None:  # noqa: ARG002 (the desk's forms say it)
        super().__init__(**options)

    def to_python(self, value: Any) -> Any:
        typed = text.one_line(super().to_python(value) or "")
        if not typed:
            return self.empty_value
        if "://" not in typed and not re.match(r"(?i)(javascript|data|mailto|vbscript|file):", typed):
            typed = f"https://{typed}"
        if not typed.lower().startswith("https://"):
            raise ValidationError(self.error_messages["https"], code="not-https")
        try:
            parts = urlsplit(typed)
            host, _port = parts.hostname or "", parts.port  # a port above 65535 is a ValueError
            URLValidator(schemes=["https"])(typed)
        except (ValidationError, ValueError):
            raise ValidationError(self.error_messages["address"], code="invalid") from None
        if "@" in parts.netloc or "." not in host or is_number(host):
            raise ValidationError(self.error_messages["address"], code="invalid")
        return typed


def is_number(host: str) -> bool:
    """Return whether a host is named by its number on the net, in whichever way browsers take it."""
    try:
        ip_address(host)
    except ValueError:
        return re.fullmatch(r"(0x[0-9a-f]+|[0-9]+)(\.(0x[0-9a-f]+|[0-9]+))*\.?", host) is not None
    return True


class DayInput(forms.DateInput):
    """The browser's own calendar; far from today there is nothing to plan."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs=attrs, format="%Y-%m-%d")


class Day(forms.DateField):
    """A day that somebody alive might mean: with others, reckoning in weeks leaves the calendar."""

    def __init__(self, **options: Any) -> None:
        sane = [MinValueValidator(FIRST_DAY), MaxValueValidator(LAST_DAY)]
        super().__init__(**{"widget": DayInput, **options, "validators": [*sane, *options.get("validators", ())]})

    def to_python(self, value: Any) -> date | None:
        refuse_foreign_digits(self, value)
        return super().to_python(value)


class Hour(forms.TimeField):
    """An hour of the day, in ordinary digits."""

    def to_python(self, value: Any) -> Any:
        refuse_foreign_digits(self, value)
        return super().to_python(value)


class Moment(forms.DateTimeField):
    """A day and an hour on Copenhagen's clock; one that the clock skips or shows twice is refused."""

    default_error_messages = {
        "clock": _("The clock is changed that night, so this hour is skipped or comes twice. Choose another."),
    }

    def __init__(self, **options: Any) -> None:
        sane = [MinValueValidator(FIRST_MOMENT), MaxValueValidator(LAST_MOMENT)]
        super().__init__(**{**options, "validators": [*sane, *options.get("validators", ())]})

    def to_python(self, value: Any) -> datetime | None:
        refuse_foreign_digits(self, value)
        try:
            return super().to_python(value)
        except ValidationError as error:
            if error.code == "ambiguous_timezone":
                raise ValidationError(self.error_messages["clock"], code="clock") from None
            raise


def refuse_foreign_digits(field: forms.Field, value: Any) -> None:
    """Refuse a day or an hour in another script's digits, which Python would read and the person could not check."""
    for part in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(part, str) and not part.isascii():
            raise ValidationError(field.error_messages["invalid"], code="invalid")

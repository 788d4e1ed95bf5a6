"""What should never be typed into a field, and what may well be (reliability: forms).

For each kind of field: values that must be refused at the field, and values that must be taken. ``kind_of`` tells a
field's kind by its class, so that a field of a new form has its rows without being named.
"""

from typing import Any
from uuid import uuid4

from django import forms
from django.core.validators import RegexValidator

from portal.forms.fields import Email, Line, Phone, WebAddress, WholeNumber, Words

OURS = ("portal.", "offers.", "companies.", "schools.")
UNSEEN = "\u200b\u200e\u202e\u2060\ufeff\u00ad"
CPR = "Emil, 010112-1234"

REFUSED: dict[str, list[str]] = {
    "number": [
        "-1", "1e2", "28,5", "NaN", "0x10", "1_0", "٣", "１２", "28.0", "+5", "9" * 5000, "1 2", "½", "tolv",
        "2147483648999",
    ],
    "email": [
        '"<x-probe>"@b.dk', "a@[127.0.0.1]", "a@127.0.0.1", "x" * 300 + "@b.dk", "a@b.dk,c@d.dk",
        "a@b.dk\r\nBcc: c@d.dk",
        "å@firma.example", "a@b..dk", "a@firma.example.", "=cmd@firma.example", "bo", "@firma.example",
        "a b@firma.example",
    ],
    "phone": [
        "112", "ring til mig", "1" * 39, "12 34 56 7", "+45 12 34 56 789", "٣٣٣٣٣٣٣٣", "+0 12345678", "<x-probe>",
    ],
    "url": [
        "javascript:alert(1)", "data:text/html,<x-probe>", "http://firma.dk", "https://127.0.0.1/", "https://[::1]/",
        "//evil",
        "https://firma.dk@evil.example/", "ftp://firma.dk", "https://2130706433/", "https://localhost/",
        "https://0x7f.1/",
        "https://[", "firma", "https://firma.dk:99999/",
    ],
    "day": [
        "2026-02-31", "31-02-2026", "0001-01-01", "9999-12-31", "1900-01-01", "i morgen",
        "２０２６-10-05", "2026-W53-1",
        "NaN",
    ],
    "moment": [
        "2026-03-29T02:30", "2026-10-25T02:30", "0001-01-01T00:00", "9999-12-31T23:59", "i går", "2026-10-05T24:00",
    ],
    "time": ["24:00", "25:61", "kl. 9", "９:00", "-1:00", "9"],
    "choice": ["findes-ikke", "-1", "<x-probe>", str(uuid4()), "9" * 50, "0x1"],
    "uuid": ["abc", "-1", "9" * 40, "<x-probe>"],
    "line": [CPR],
    "words": [CPR, "0101121234", "CPR 31 12 99"[:4] + " 311299-1234"],
    "json": ['"\\u0000"', '{"a": "\\ud800"}', "NaN", "1" * 5000, "[" * 100_000, "{"],
}  # fmt: skip

TAKEN: dict[str, list[str]] = {
    "email": ["BO@Firma.Example", " bo@firma.example ", "bo@ærø.example", "o'brien@firma.example"],
    "phone": ["+45 12 34 56 78", "12345678\n", "0046 70 123 45 67", "12.34.56.78"],
    "url": ["firma.dk", "https://ærø.dk/besøg?a=1#b", "https://xn--r-1fak.dk"],
    "line": [
        "O'Brien", "Null", "Å", "Anne-Marie von der Osten Sacken Ærø", "FE245312", "Bla\u030aba\u0308r", "👩🏽‍🏫 Ø",
        "Z" + "\u0351" * 30, "a\u202eb", "To\nlinjer\tog mere", "{{ 7*7 }} %s ${x}", "N/A", "Müller & Søn",
    ],
    "words": [
        "Første\r\nanden", "Bla\u030ab\u00e6r", "\u2066isoleret\u2069", "'; DROP TABLE x;--", "True",
        "{% include 'x' %}", "&lt;b&gt;",
    ],
}  # fmt: skip

# For kinds of which nothing is said above, and for fields that packages bring along: no answer may break.
ANYTHING = [
    "",
    "abc",
    "-1",
    "<x-probe>",
    "9" * 5000,
    "\u202e",
    UNSEEN,
    "١",
    "on",
    "[]",
    "null",
    str(uuid4()),
    "x" * 20_000,
]

GOOD = {
    "number": "3", "email": "bo@firma.example", "phone": "12 34 56 78", "url": "https://firma.dk", "day": "2026-10-05",
    "moment": "2026-10-05T09:00", "time": "09:00", "line": "Ordentlig", "words": "Ordentlig tekst", "other": "abc",
}  # fmt: skip


def kind_of(field: forms.Field, part: str = "") -> str:
    """Return what kind of thing a field asks for; ``part`` is the number of an input of several."""
    if isinstance(field, forms.MultiValueField):
        return {"0": "day", "1": "time"}.get(part, "other")
    if field.disabled:
        return "other"
    ours = type(field).__module__.startswith(OURS)
    if isinstance(field, WholeNumber) and field.signed:
        return "other"
    kinds: list[tuple[Any, str]] = [
        (WholeNumber, "number"), (Email, "email"), (Phone, "phone"), (WebAddress, "url"),
        (forms.DateTimeField, "moment"),
        (forms.DateField, "day"), (forms.TimeField, "time"), (forms.JSONField, "json"), (forms.UUIDField, "uuid"),
        (forms.MultipleChoiceField, "choice"), (forms.ModelChoiceField, "choice"), (forms.ChoiceField, "choice"),
        (Line, "line"), (Words, "words"),
    ]  # fmt: skip
    for known, kind in kinds:
        if isinstance(field, known):
            return kind
    if ours and field.widget.attrs.get("inputmode") == "numeric":
        return "number"
    return "other"


# Fields whose rule stands in the domain: a name that goes into a mail to a stranger holds no slash, no address.
RULED_BY_THE_DOMAIN = {("ColleagueForm", "name")}

# What a form sets aside because another answer makes it mean nothing.
SET_ASIDE = {("ReportForm", "pupils")}


def refused(field: forms.Field, kind: str, form: forms.BaseForm, name: str) -> list[str]:
    """Return what this field must refuse. A form without the browser's own checks may be kept half filled in."""
    if (type(form).__name__, name) in SET_ASIDE:
        return []
    values = list(REFUSED.get(kind, []))
    if kind in {"line", "words"}:
        longest = getattr(field, "max_length", None)
        if longest:
            values.append("x" * (longest + 1))
        if field.required and form.use_required_attribute:
            values += ["   ", UNSEEN]
    return values


def taken(field: forms.Field, kind: str, form: forms.BaseForm, name: str) -> list[str]:
    """Return what this field must take; a field with rules of its own is only asked not to break."""
    longest = getattr(field, "max_length", None) or 10_000
    own_rules = type(field) not in {Line, Words} or hasattr(form, f"clean_{name}")
    if isinstance(form, forms.BaseModelForm) and name in {one.name for one in form._meta.model._meta.fields}:
        said = form._meta.model._meta.get_field(name).validators
        own_rules = own_rules or any(isinstance(one, RegexValidator) for one in said)
    own_rules = own_rules or (type(form).__name__, name) in RULED_BY_THE_DOMAIN
    own_rules = own_rules and kind in {"line", "words"}
    return [] if own_rules else [value for value in TAKEN.get(kind, []) if len(value) <= longest]

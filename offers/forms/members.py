"""Forms of belonging to a school: who one is on the first day, and another school later on."""

from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from portal.domain.danish import in_danish_order
from portal.forms.fields import Line
from schools.models import Membership, School


class RoleForm(forms.Form):
    """A school, and what one is there."""

    school = forms.ModelChoiceField(
        label=_("School"),
        queryset=School.objects.none(),
        empty_label=_("Choose your school"),
        error_messages={"required": _("Choose your school."), "invalid_choice": _("Choose a school from the list.")},
    )
    role = forms.ChoiceField(
        label=_("What are you there?"),
        choices=Membership.Role.choices,
        initial=Membership.Role.TEACHER,
        error_messages={"invalid_choice": _("Choose a role from the list.")},
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["school"].queryset = School.objects.open(today).order_by(in_danish_order("name"))  # type: ignore[attr-defined]


class NewcomerForm(RoleForm):
    """Who signs in for the first time."""

    field_order = ("name", "school", "role", "language")
    name = Line(
        label=_("Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name", "size": 32}),
        error_messages={"required": _("Write your name.")},
    )
    language = forms.ChoiceField(label=_("Language of the mails to you"), choices=settings.LANGUAGES)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not any(sign.isalpha() for sign in name):
            raise ValidationError(_("Write your name."), code="required")
        return name

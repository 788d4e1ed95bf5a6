"""Sending a link on to a colleague."""

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.forms.fields import Email, Line


class ColleagueForm(forms.Form):
    """Who gets a link of their own."""

    name = Line(label=_("Your colleague's name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    email = Email(
        label=_("Your colleague's e-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text=_("The address at work. The link is mailed there, and nowhere else."),
    )

"""Sending a link on to a colleague."""

from django import forms
from django.utils.translation import gettext_lazy as _

from offers.forms.enrolment import clean_line


class ColleagueForm(forms.Form):
    """Who gets a link of their own."""

    name = forms.CharField(
        label=_("Your colleague's name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    email = forms.EmailField(
        label=_("Your colleague's e-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text=_("The address at work. The link is mailed there, and nowhere else."),
    )

    def clean_name(self) -> str:
        return clean_line(self.cleaned_data["name"])

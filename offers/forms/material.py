"""A course's own picture, and documents for teachers to save."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.forms.fields import Line
from portal.forms.files import DescribedPicture, DocumentField


class PictureForm(DescribedPicture):
    """The picture of a course; here it must be there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["picture"].required = True
        self.fields["picture"].error_messages["required"] = _("Choose a picture first.")


class MaterialForm(forms.Form):
    """One document, under the title that teachers read."""

    title = Line(
        label=_("What is it?"),
        max_length=120,
        help_text=_("Teachers read this, e.g. “Worksheet: from ore to ship”."),
        error_messages={"required": _("Give the file a title.")},
    )

    def __init__(self, *args: Any, office: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        takes = _("PDF, Word, PowerPoint or OpenDocument, at most 20 MB.") if office else _("PDF, at most 20 MB.")
        self.fields["document"] = DocumentField(
            office=office,
            label=_("File"),
            help_text=takes,
            error_messages={"required": _("Choose a file first.")},
        )

"""Form fields for files: their value is an examined file, and what is wrong with a file stands at the field."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from portal import uploads
from portal.domain.cpr import holds_cpr
from portal.domain.refusal import Refusal
from portal.domain.uploads import SafeFile
from portal.forms.fields import Line


class SafeFileField(forms.FileField):
    """A file that was examined before anybody sees it: the value is a SafeFile, or None without one."""

    accept = ""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.FileInput(attrs={"accept": self.accept}))
        kwargs.setdefault("allow_empty_file", True)  # the examiner says it in our words
        super().__init__(**kwargs)

    def clean(self, data: Any, initial: Any = None) -> SafeFile | None:  # noqa: ARG002 (Django's signature)
        file = super().clean(data, None)
        if not isinstance(file, UploadedFile):
            return None
        try:
            return self.examine(file)
        except Refusal as refused:
            raise ValidationError(str(refused), code=refused.code) from refused

    def examine(self, file: UploadedFile) -> SafeFile:
        """Return the examined file; raise Refusal."""
        raise NotImplementedError


class PictureField(SafeFileField):
    """A picture for a page."""

    accept = "image/jpeg,image/png,image/webp"

    def examine(self, file: UploadedFile) -> SafeFile:
        return uploads.picture(file)


class LogoField(SafeFileField):
    """A logo for the head of every page."""

    accept = "image/jpeg,image/png,image/webp"

    def examine(self, file: UploadedFile) -> SafeFile:
        return uploads.logo(file)


class DocumentField(SafeFileField):
    """A document to be saved by teachers: PDF, and with ``office`` what word processors make."""

    accept = ".pdf,application/pdf"

    def __init__(self, *, office: bool = False, **kwargs: Any) -> None:
        self.office = office
        super().__init__(**kwargs)
        if office:
            self.widget.attrs["accept"] = ".pdf,.docx,.pptx,.odt"

    def examine(self, file: UploadedFile) -> SafeFile:
        return uploads.document(file, office=self.office)


class DescribedPicture(forms.Form):
    """A picture with what it shows, for those who do not see it; or the word that it only decorates."""

    picture = PictureField(
        label=_("Your own picture"),
        required=False,
        help_text=_("JPEG, PNG or WebP, at most 5 MB. Place and time are taken out of it. Show no faces of pupils."),
    )
    alt_text = Line(
        label=_("What the picture shows"),
        required=False,
        max_length=200,
        help_text=_("For those who do not see it, e.g. “A welder bends over a workpiece, sparks fly.”"),
    )
    decorative = forms.BooleanField(
        label=_("The picture only decorates and tells nothing of its own"),
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        words = str(cleaned.get("alt_text") or "").strip()
        if holds_cpr(words):
            self.add_error(
                "alt_text",
                ValidationError(
                    _("This looks like a CPR number. Remove it; such numbers are never kept here."), code="cpr"
                ),
            )
        if cleaned.get("picture") and not words and not cleaned.get("decorative") and "alt_text" not in self.errors:
            self.add_error(
                "alt_text",
                ValidationError(
                    _("Write in a few words what the picture shows, or tick that it decorates."), code="no-alt-text"
                ),
            )
        if words and cleaned.get("decorative"):
            self.add_error(
                "decorative",
                ValidationError(
                    _("Either describe the picture or tick this, not both."), code="described-and-decorative"
                ),
            )
        return self.cleaned_data

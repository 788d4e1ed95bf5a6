"""Forms of a teacher's enrolments. Each is valid on its own; whether there is room is decided under the lock."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from offers.domain import needs
from offers.models import Enrolment, Offer
from portal.forms.fields import Phone, Words
from portal.models import User
from schools.models import SchoolClass


class CountField(forms.CharField):
    """A number of people, written with the digits 0 to 9 and nothing else."""

    def __init__(self, *, most: int, wrong: str | Promise, **options: Any) -> None:
        self.most, self.wrong = most, wrong
        attrs = {"size": 4, "inputmode": "numeric", "autocomplete": "off"}
        super().__init__(widget=forms.TextInput(attrs=attrs), **options)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII) or not 1 <= int(text) <= self.most:
            raise ValidationError(str(self.wrong), code="number")
        return int(text)


class ClassSelect(forms.Select):
    """The classes, with their size beside them for the script that fills in the number of pupils."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.sizes: dict[str, int] = {}

    def create_option(self, name: str, value: Any, *args: Any, **options: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **options)
        if str(value) in self.sizes:
            option["attrs"]["data-pupils"] = self.sizes[str(value)]
        return option


class ClassField(forms.ChoiceField):
    """One of the classes the person may enrol: the own ones first, then school by school."""

    widget = ClassSelect

    def offer(self, classes: Iterable[SchoolClass], offer: Offer, day: date) -> None:
        """Show these classes as they are called on the day of the visit."""
        self.classes = {str(one.pk): one for one in classes}
        groups: dict[str, list[tuple[str, str]]] = {}
        for pk, one in self.classes.items():
            size = ngettext("%(count)d pupil", "%(count)d pupils", one.pupils) % {"count": one.pupils}
            label = f"{one.label(day)} – {size}"
            if not offer.suits(one.grades(day)):
                label = _("%(label)s (outside the grades)") % {"label": label}
            own = getattr(one, "is_own", False)
            groups.setdefault(str(_("Your own classes")) if own else one.school.name, []).append((pk, label))
        self.choices = [("", _("Choose a class")), *groups.items()]
        self.widget.sizes = {pk: one.pupils for pk, one in self.classes.items()}

    def clean(self, value: Any) -> Any:
        return self.classes[super().clean(value)]


class EnrolmentForm(forms.Form):
    """Which class comes, how many, and what it needs."""

    school_class = ClassField(label=_("Class"), error_messages={"required": _("Choose a class.")})
    teacher = forms.ModelChoiceField(
        User.objects.none(),
        label=_("Contact teacher"),
        empty_label=_("Choose a teacher"),
        error_messages={"required": _("Choose the teacher who is told, and reminded.")},
    )
    pupils = CountField(
        label=_("Number of pupils"),
        most=60,
        required=False,
        wrong=_("Write a whole number between 1 and 60, with digits only."),
        help_text=_("Leave it empty when the whole class comes."),
    )
    adults = CountField(
        label=_("Number of adults"),
        most=20,
        wrong=_("Write a whole number between 1 and 20, with digits only."),
        error_messages={"required": _("Write how many adults come along.")},
    )
    phone = Phone(
        label=_("Mobile on the day"),
        required=False,
        help_text=_(
            "So that the host can reach you on the way. Only the host and the municipality's coordinators see it."
        ),
    )
    needs_step_free = forms.BooleanField(label=_("Step-free access"), required=False)
    needs_quiet = forms.BooleanField(label=_("A quiet place to withdraw to"), required=False)
    needs_diet = forms.BooleanField(label=_("Dietary needs"), required=False)
    needs_language = forms.BooleanField(label=_("Plain language, or interpreting"), required=False)
    needs_text = Words(
        label=_("Anything else the host should know"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "Do not write about single pupils, and never names."
            " The host reads it; it is in no mail and is deleted 30 days after the visit."
        ),
    )
    needs_sure = forms.BooleanField(
        label=_("The text names no pupil and no diagnosis, or the host must know it"), required=False
    )
    second_group = forms.BooleanField(
        label=_("This is a second group of a class that is already enrolled here"), required=False
    )
    even_if_grade = forms.BooleanField(
        label=_("Our class is outside the course's grades; we have agreed it with the host"), required=False
    )
    form_token = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        classes: Iterable[SchoolClass],
        offer: Offer,
        day: date,
        teachers: Any = None,
        or_myself: bool = False,
        **options: Any,
    ) -> None:
        options["initial"] = {"form_token": uuid4(), "adults": offer.adults or 2, **(options.get("initial") or {})}
        super().__init__(*args, **options)
        picker = self.fields["school_class"]
        assert isinstance(picker, ClassField)
        picker.offer(classes, offer, day)
        if teachers is None:
            del self.fields["teacher"]
        else:
            choice = self.fields["teacher"]
            assert isinstance(choice, forms.ModelChoiceField)
            choice.queryset = teachers
            if or_myself:
                choice.required, choice.empty_label = False, _("Myself")

    @property
    def asks_about_grade(self) -> bool:
        """Whether the tick about grades is shown: once it has been asked for."""
        return bool(self["even_if_grade"].errors) or (self.is_bound and bool(self["even_if_grade"].value()))

    @property
    def asks_about_group(self) -> bool:
        """Whether the tick about a second group stands open."""
        return self.is_bound and bool(self["second_group"].value())

    @property
    def asks_about_needs(self) -> bool:
        """Whether the tick about the text is shown: once the text has been doubted."""
        return self.is_bound and (self.has_error("needs_text", "sensitive") or bool(self["needs_sure"].value()))

    def clean(self) -> dict[str, Any]:
        """Ask once about a text that seems to name a diagnosis or a pupil."""
        facts = super().clean() or self.cleaned_data
        doubtful = needs.hint(facts.get("needs_text", ""))
        if doubtful and not facts.get("needs_sure"):
            self.add_error(
                "needs_text",
                ValidationError(
                    _(
                        "“%(word)s” looks like a pupil's name or a diagnosis. Write what the host should do instead,"
                        " e.g. “a chair for one pupil”. If it must be said, tick below the text and send again."
                    ),
                    code="sensitive",
                    params={"word": doubtful},
                ),
            )
        facts.pop("needs_sure", None)
        return facts


class NumbersForm(forms.Form):
    """How many come after all."""

    pupils = CountField(
        label=_("Number of pupils"),
        most=60,
        wrong=_("Write a whole number between 1 and 60, with digits only."),
        error_messages={"required": _("Write how many pupils come.")},
    )
    adults = CountField(
        label=_("Number of adults"),
        most=20,
        wrong=_("Write a whole number between 1 and 20, with digits only."),
        error_messages={"required": _("Write how many adults come along.")},
    )
    phone = Phone(label=_("Mobile on the day"), required=False)

    @classmethod
    def about(cls, enrolment: Enrolment) -> "NumbersForm":
        """Return the form filled in with what is agreed now."""
        facts = {"pupils": enrolment.pupils, "adults": enrolment.adults, "phone": enrolment.teacher_phone}
        return cls(initial=facts)


class CancelEnrolmentForm(forms.Form):
    """Why a class does not come; one need not say."""

    reason = Words(
        label=_("Why?"),
        required=False,
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The municipality reads it. Do not write names of pupils."),
    )


class PlaceForm(forms.Form):
    """Yes or no to an offered place; each answer is a button."""

    answer = forms.ChoiceField(
        choices=[("yes", _("Yes, we come")), ("no", _("No, give the place to the next"))],
        error_messages={
            "required": _("Press one of the two buttons."),
            "invalid_choice": _("Press one of the two buttons."),
        },
    )

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
from offers.domain.enrolment import MOST_TOGETHER, Together
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


class ClassTicks(forms.Widget):
    """Further classes to tick, each with how many pupils come; the value is a number typed for each ticked class."""

    template_name = "offers/widgets/class_ticks.html"
    use_fieldset = True

    def __init__(self) -> None:
        super().__init__()
        self.classes: list[tuple[str, str, int]] = []

    def id_for_label(self, id_: str | None) -> str:  # noqa: ARG002 (Django's)
        """Return no field: the words above stand for all of them."""
        return ""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, str]:  # noqa: ARG002 (Django's)
        ticked = data.getlist(name) if hasattr(data, "getlist") else data.get(name, [])
        return {str(pk): str(data.get(f"{name}-{pk}", "")) for pk in ticked}

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:  # noqa: ARG002 (Django's)
        """Return no: what is not ticked is not sent."""
        return False

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        typed: dict[str, str] = value or {}
        context["rows"] = [
            {
                "value": pk,
                "label": label,
                "ticked": pk in typed,
                "pupils": typed.get(pk, str(pupils)),
                "id": f"id_{name}_{number}",
                "field": f"{name}-{pk}",
            }
            for number, (pk, label, pupils) in enumerate(self.classes)
        ]
        return context


class FurtherClasses(forms.Field):
    """Further classes of the same school, each with its number of pupils (None: the whole class)."""

    widget = ClassTicks

    def offer(self, classes: Iterable[SchoolClass], day: date) -> None:
        """Show these classes as they are called on the day of the visit."""
        self.classes = {str(one.pk): one for one in classes}
        self.day = day
        self.widget.classes = [(pk, one.label(day), one.pupils) for pk, one in self.classes.items()]

    def clean(self, value: Any) -> list[tuple[SchoolClass, int | None]]:
        """Return the ticked classes in the order shown; a number that is none is said with its class."""
        typed: dict[str, str] = value or {}
        if any(pk not in self.classes for pk in typed):
            raise ValidationError(_("Tick classes of the list only."), code="invalid_choice")
        chosen: list[tuple[SchoolClass, int | None]] = []
        for pk, one in self.classes.items():
            if pk not in typed:
                continue
            text = typed[pk].strip()
            if text and (not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII) or not 1 <= int(text) <= 60):
                raise ValidationError(
                    _("%(class)s: write a whole number between 1 and 60, with digits only."),
                    code="number",
                    params={"class": one.label(self.day)},
                )
            chosen.append((one, int(text) if text else None))
        return chosen


class EnrolmentForm(forms.Form):
    """Which class comes, how many, and what it needs.

    Whoever has enrolled before sees the class and the two numbers; the rest is filled in from last time and folded.
    """

    FOLDED = ("phone", "second_group", "needs_step_free", "needs_quiet", "needs_diet", "needs_language", "needs_text")

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
    more = FurtherClasses(
        label=_("Further classes"),
        required=False,
        help_text=_("Tick those that come along. Adults, mobile and needs are the same for each of them."),
    )
    together = forms.ChoiceField(
        label=_("If there is not room for all of them"),
        required=False,
        choices=[
            (Together.ALL_OR_NONE, _("All or none: enrol nobody, and tell me")),
            (Together.AS_MANY_AS_FIT, _("As many as fit: the others wait in line, or are refused")),
        ],
        widget=forms.RadioSelect,
        initial=Together.ALL_OR_NONE,
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
        further: Iterable[SchoolClass] = (),
        has_enrolled_before: bool = False,
        **options: Any,
    ) -> None:
        self.is_folded = has_enrolled_before
        options["initial"] = {"form_token": uuid4(), "adults": offer.adults or 2, **(options.get("initial") or {})}
        super().__init__(*args, **options)
        picker = self.fields["school_class"]
        assert isinstance(picker, ClassField)
        picker.offer(classes, offer, day)
        others = list(further)
        if others:
            ticks = self.fields["more"]
            assert isinstance(ticks, FurtherClasses)
            ticks.offer(others, day)
        else:
            del self.fields["more"], self.fields["together"]
        if teachers is None:
            del self.fields["teacher"]
        else:
            choice = self.fields["teacher"]
            assert isinstance(choice, forms.ModelChoiceField)
            choice.queryset = teachers
            if or_myself:
                choice.required, choice.empty_label = False, _("Myself")

    @property
    def asks_about_more(self) -> bool:
        """Whether the list of further classes stands open: once one is ticked, or something is wrong with it."""
        return "more" in self.fields and (bool(self["more"].value()) or self.has_error("together"))

    @property
    def asks_about_rest(self) -> bool:
        """Whether what is folded stands open: once something is wrong with it."""
        return any(self.has_error(name) for name in self.FOLDED) or self.asks_about_group

    @property
    def rest_in_words(self) -> list[str]:
        """What is filled in where it is folded, so that nobody sends it unseen."""
        told = [str(self["phone"].value() or "")]
        told += [str(self[name].label) for name in self.FOLDED if name.startswith("needs_") and self[name].value()]
        return [words for words in told if words]

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
        first = facts.get("school_class")
        facts["more"] = [one for one in facts.get("more") or [] if first is None or one[0].pk != first.pk]
        if len(facts["more"]) >= MOST_TOGETHER:
            message = _("At most %(most)d classes are enrolled at once.") % {"most": MOST_TOGETHER}
            self.add_error("more", ValidationError(message, code="too-many"))
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


class AskToCancelForm(forms.Form):
    """Why a class cannot come, when it is too late to cancel by oneself."""

    reason = Words(
        label=_("Why can the class not come?"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The municipality's coordinators read it. Do not write names of pupils."),
        error_messages={"required": _("Write why the class cannot come; the coordinator reads it.")},
    )


class HandOverForm(forms.Form):
    """Who is the contact teacher from now on."""

    teacher = forms.ModelChoiceField(
        User.objects.none(),
        label=_("New contact teacher"),
        empty_label=_("Choose a colleague"),
        error_messages={
            "required": _("Choose a colleague at the school."),
            "invalid_choice": _("Choose a colleague at the school."),
        },
    )

    def __init__(self, *args: Any, colleagues: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        choice = self.fields["teacher"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = colleagues


class PlaceForm(forms.Form):
    """Yes or no to an offered place; each answer is a button."""

    answer = forms.ChoiceField(
        choices=[("yes", _("Yes, we come")), ("no", _("No, give the place to the next"))],
        error_messages={
            "required": _("Press one of the two buttons."),
            "invalid_choice": _("Press one of the two buttons."),
        },
    )

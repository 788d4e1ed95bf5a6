"""The steps in which a company describes its course.

Every step may be saved half-filled: only malformed values are errors here. What is mandatory for sending is shown
as such and asked for at the end.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from offers.domain.authoring import HIGHEST, LOWEST, MANDATORY, STEP_FIELDS, contradictions
from offers.models import Offer
from portal.forms.fields import Line, Phone, WebAddress, WholeNumber, Words
from portal.models import ActivityType, EducationArea, Industry, Subject

PICTURES = {
    "svejsning": _("Welding"),
    "robot": _("Robots and automation"),
    "vindmoelle": _("Wind energy"),
    "bro": _("Bridges and building"),
    "anlaegsgartner": _("Landscape gardening"),
    "laboratorium": _("Laboratory"),
    "renseanlaeg": _("Water treatment"),
    "gaard": _("Farm"),
    "bageri": _("Bakery"),
    "koekken": _("Kitchen"),
    "butik": _("Shop"),
    "frisoer": _("Hairdresser"),
    "lastbil": _("Transport"),
    "havn": _("Harbour"),
    "bank": _("Money and bank"),
    "raadhus": _("Town hall"),
    "brandstation": _("Fire and rescue"),
    "plejehjem": _("Care"),
    "museum": _("Museum"),
    "presse": _("Press and media"),
    "reklame": _("Advertising and design"),
    "speeddating": _("Conversations at small tables"),
    "laererkursus": _("Course for teachers"),
    "partnerskab": _("Partnership"),
}
GRADE_CHOICES = [("", _("Choose")), (0, _("0 (preschool class)")), *((grade, str(grade)) for grade in range(1, 11))]
# Empty means the usual: one date, a week before, counted in pupils, at the company.
WITH_A_USUAL_VALUE: dict[str, Any] = {
    "meetings": 1,
    "closes_days": 7,
    "places_counted": Offer.Counted.PUPILS,
    "days_counted": Offer.DaysCounted.DAYS,
    "venue": Offer.Venue.HOST,
}


def number(name: str, label: Any, help_text: Any = "") -> WholeNumber:
    """Return the field for a number of a course, within the limits that the domain knows."""
    return WholeNumber(
        label=label,
        help_text=help_text,
        required=False,
        min_value=LOWEST.get(name, 0),
        max_value=HIGHEST[name],
        widget=forms.TextInput(attrs={"inputmode": "numeric", "size": 6, "autocomplete": "off"}),
    )


class Kroner(forms.CharField):
    """An amount in kroner as people write it, ``450`` or ``1.250,50``; the value is in øre."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "size": 8, "autocomplete": "off"}))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            kroner, ore = divmod(value, 100)
            return f"{kroner},{ore:02d}" if ore else str(kroner)
        return value

    def clean(self, value: Any) -> int:
        text = str(super().clean(value) or "").strip().removesuffix("kr.").removesuffix("kr").strip()
        if not text:
            return 0
        match = re.fullmatch(r"([0-9]{1,7}|[0-9]{1,3}(?:\.[0-9]{3}){1,2})(?:,([0-9]{2}|-))?", text)
        if match is None:
            raise ValidationError(_("Write the price in kroner with the digits 0–9, e.g. 450."), code="not-a-price")
        ore = match[2] if match[2] and match[2] != "-" else "0"
        amount = int(match[1].replace(".", "")) * 100 + int(ore)
        if amount > HIGHEST["price_ore"]:
            raise ValidationError(
                _("At most %(highest)d kroner."), code="out-of-range", params={"highest": HIGHEST["price_ore"] // 100}
            )
        return amount


def words(label: Any, help_text: Any = "", *, most: int, rows: int = 0, **attrs: Any) -> forms.CharField:
    """Return a field for plain text, one line or several."""
    if rows:
        widget = forms.Textarea(attrs={"rows": rows, **attrs})
        return Words(label=label, help_text=help_text, max_length=most, required=False, widget=widget)
    line = forms.TextInput(attrs=attrs)
    return Line(label=label, help_text=help_text, max_length=most, required=False, widget=line)


class PictureChoice(forms.RadioSelect):
    """One of the portal's own drawings, each shown beside its button."""

    option_template_name = "offers/builder_picture.html"


class StepForm(forms.Form):
    """One step. Fields that are mandatory for sending carry no "(optional)", but may be saved empty."""

    use_required_attribute = False

    def __init__(self, *args: Any, today: date | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        if not self.is_bound:
            self._mark_mandatory()

    def _mark_mandatory(self) -> None:
        for name in (*MANDATORY, *WITH_A_USUAL_VALUE, "contact_name"):
            if name in self.fields:
                self.fields[name].required = True

    def clean(self) -> dict[str, Any]:
        return super().clean() or self.cleaned_data

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        self._mark_mandatory()

    @property
    def content(self) -> dict[str, Any]:
        """What was typed, as the use-case takes it."""
        return dict(self.cleaned_data)


class WhoForm(StepForm):
    """Step 1: facts of the company and of the person who writes."""

    about = words(
        _("Your workplace in a few lines"),
        _(
            "What do you make or do, and for whom? E.g. “We repair ships."
            " We are 40 smiths, electricians and apprentices.”"
        ),
        most=2000,
        rows=4,
    )
    address = words(_("Street and number"), most=120, autocomplete="street-address")
    postal_code = Line(
        label=_("Postal code"),
        required=False,
        widget=forms.TextInput(attrs={"size": 4, "inputmode": "numeric", "autocomplete": "postal-code"}),
    )
    city = words(_("Town"), most=60, autocomplete="address-level2")
    website = WebAddress(
        label=_("Website"), required=False, max_length=200, widget=forms.TextInput(attrs={"autocomplete": "url"})
    )
    company_phone = Phone(
        label=_("Main phone number"),
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off", "inputmode": "tel", "size": 16}),
    )
    contact_name = words(_("Your name"), most=120, autocomplete="name")
    contact_title = words(
        _("Your job title"), _("E.g. “workshop manager”."), most=80, autocomplete="organization-title"
    )
    contact_phone = Phone(
        label=_("Your phone number"),
        help_text=_("Only the municipality, and teachers whose class is coming, see it."),
        required=False,
    )

    def clean_postal_code(self) -> str:
        text = str(self.cleaned_data["postal_code"]).strip()
        if text and not re.fullmatch(r"[0-9]{4}", text):
            raise ValidationError(_("A postal code has four digits."), code="not-a-postal-code")
        return text

    def clean_contact_name(self) -> str:
        text = str(self.cleaned_data["contact_name"]).strip()
        if not text:
            raise ValidationError(_("Write your name, so that teachers know whom to ask for."), code="empty")
        return text


class ExperienceForm(StepForm):
    """Step 2: what pupils can experience."""

    title = words(
        _("Title"),
        _("Say what pupils do. “Weld your own bookmark” is better than “Visit our company”."),
        most=80,
    )
    teaser = words(
        _("In one sentence"),
        _("What would you tell a class at the door? E.g. “Put on the mask, draw your pattern and weld it yourself.”"),
        most=180,
        rows=2,
    )
    description = words(
        _("Description"),
        _("Write to the teacher. Whom do pupils meet, what do they see, hear and smell, and what surprises most?"),
        most=4000,
        rows=8,
    )
    purpose = words(
        _("What pupils learn"),
        _("E.g. “Pupils learn how electricity becomes heat, and why a drawing must be precise.”"),
        most=1000,
        rows=3,
    )
    pupil_activity = words(
        _("What pupils do themselves"),
        _("Try, measure, ask, solve, build: e.g. “Each pupil cuts, welds and grinds a bookmark.”"),
        most=1000,
        rows=3,
    )
    activity_type = forms.ModelChoiceField(
        label=_("Activity type"),
        queryset=ActivityType.objects.none(),
        to_field_name="slug",
        required=False,
        empty_label=_("Choose"),
        error_messages={"invalid_choice": _("Choose among the words in the list.")},
    )
    industry = forms.ModelChoiceField(
        label=_("Industry"),
        queryset=Industry.objects.none(),
        to_field_name="slug",
        required=False,
        empty_label=_("Choose"),
        error_messages={"invalid_choice": _("Choose among the words in the list.")},
    )
    jobs = words(
        _("Jobs pupils meet"),
        _("Separated by commas, e.g. “smith, apprentice, purchaser”. Unskilled and skilled, all count."),
        most=300,
    )
    education_areas = forms.ModelMultipleChoiceField(
        label=_("Educations that lead there"),
        queryset=EducationArea.objects.none(),
        to_field_name="slug",
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "choices--columns"}),
        error_messages={"invalid_choice": _("Choose among the words in the list.")},
    )
    illustration = forms.ChoiceField(
        label=_("Picture"),
        help_text=_("Choose the drawing that fits best. You need no photos."),
        required=False,
        choices=[("", _("No picture of its own")), *PICTURES.items()],
        widget=PictureChoice(attrs={"class": "pictures"}),
        error_messages={"invalid_choice": _("Choose one of the pictures.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        on = self.today or date.max
        _offer_words(self, "activity_type", ActivityType.objects.current(on))
        _offer_words(self, "industry", Industry.objects.current(on))
        _offer_words(self, "education_areas", EducationArea.objects.current(on))

    @property
    def content(self) -> dict[str, Any]:
        """What was typed, words of the vocabularies as codes."""
        content = super().content
        for name in ("activity_type", "industry"):
            content[name] = content[name].slug if content[name] else ""
        content["education_areas"] = [area.slug for area in content["education_areas"]]
        return content


def _offer_words(form: forms.Form, name: str, current: Any) -> None:
    """Offer the words in use, and those that were chosen before they went out of use."""
    chosen = form.initial.get(name) or []
    slugs = [chosen] if isinstance(chosen, str) else list(chosen)
    everything = current | type(current)(current.model).filter(slug__in=slugs) if slugs else current
    form.fields[name].queryset = everything.distinct()  # type: ignore[attr-defined]


class AudienceForm(StepForm):
    """Step 3: for whom."""

    grade_from = forms.TypedChoiceField(
        label=_("From grade"),
        choices=GRADE_CHOICES,
        coerce=int,
        empty_value=None,
        required=False,
        error_messages={"invalid_choice": _("Choose a grade from the list.")},
    )
    grade_to = forms.TypedChoiceField(
        label=_("To grade"),
        choices=GRADE_CHOICES,
        coerce=int,
        empty_value=None,
        required=False,
        error_messages={"invalid_choice": _("Choose a grade from the list.")},
    )
    subjects = forms.ModelMultipleChoiceField(
        label=_("Subjects"),
        help_text=_("Which subjects can a teacher use the visit in? One or two good ones are better than many."),
        queryset=Subject.objects.none(),
        to_field_name="slug",
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "choices--columns"}),
        error_messages={"invalid_choice": _("Choose among the words in the list.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer_words(self, "subjects", Subject.objects.current(self.today or date.max))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        first, last = cleaned.get("grade_from"), cleaned.get("grade_to")
        if first is not None and last is not None and first > last:
            self.add_error(
                "grade_to", ValidationError(_("The first grade must not be above the last."), code="out-of-order")
            )
        return self.cleaned_data

    @property
    def content(self) -> dict[str, Any]:
        """What was typed, subjects as codes."""
        content = super().content
        content["subjects"] = [subject.slug for subject in content["subjects"]]
        return content


class CourseForm(StepForm):
    """Step 4: before, during, after."""

    before = words(
        _("Before: how the class prepares"),
        _("A small task that makes pupils curious, e.g. “Each pupil draws a pattern and finds three things of steel.”"),
        most=2000,
        rows=4,
    )
    before_minutes = number("before_minutes", _("Minutes for it"))
    during = words(
        _("During: how the visit goes"),
        _("Minute by minute, one thing on each line, e.g. “15 min.: Welcome and safety”."),
        most=3000,
        rows=7,
    )
    after = words(
        _("Afterwards: how the class follows up"),
        _("E.g. “Write instructions that another class could weld by.”"),
        most=2000,
        rows=4,
    )
    after_minutes = number("after_minutes", _("Minutes for it"))


class PracticalForm(StepForm):
    """Step 5: time, place, number, safety."""

    duration_minutes = number("duration_minutes", _("Minutes each time"), _("A lesson is 45, a good visit 90 to 150."))
    meetings = number("meetings", _("How many times"), _("1 for a single visit."))
    places_counted = forms.ChoiceField(
        label=_("You count places in"),
        choices=Offer.Counted.choices,
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("Choose one of the two.")},
    )
    places = number("places", _("Places"), _("E.g. 28 pupils: a class is 20 to 28. Or 1 class at a time."))
    min_pupils = number("min_pupils", _("At least (pupils)"))
    max_pupils = number(
        "max_pupils", _("At most of one class (pupils)"), _("Larger classes are asked to come as two groups.")
    )
    counts_adults = forms.BooleanField(
        label=_("Adults take places too"),
        required=False,
        help_text=_("Tick it when the room or the bus has so many places in all, teachers included."),
    )
    adults = number("adults", _("Accompanying adults"), _("Usually 2 for a class."))
    venue = forms.ChoiceField(
        label=_("Where"),
        choices=Offer.Venue.choices,
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("Choose one of the places.")},
    )
    meeting_point = words(
        _("Meeting point"), _("E.g. “The red gate at Essevej 4. Ring the bell; it is high up.”"), most=300
    )
    transport = words(_("How to get there"), _("E.g. “Bus 3 to Essevej, then four minutes on foot.”"), most=300)
    clothing = words(_("Clothing"), _("E.g. “Long trousers and closed shoes. We lend jackets.”"), most=300)
    food = words(_("Food and drink"), _("E.g. “Fruit and water from us; packed lunches in the canteen.”"), most=300)
    safety = words(
        _("Safety"),
        _("What do you provide, and what must pupils do? Write “Nothing special” when there is no risk."),
        most=2000,
        rows=3,
    )
    accessibility = words(
        _("Accessibility"),
        _("Stairs, doors, toilets, noise, smells: so that every pupil can take part."),
        most=1000,
        rows=3,
    )
    price_ore = Kroner(
        label=_("Price for a class (kroner)"),
        help_text=_("Leave it at 0 when it is free, as most visits are."),
        required=False,
    )
    closes_days = number(
        "closes_days",
        _("Enrolment closes (days before)"),
        _("How long before do you need to know who comes? Usually 7."),
    )
    opens_days = number(
        "opens_days", _("Enrolment opens (days before)"), _("Leave it empty: as soon as the date is planned.")
    )
    days_counted = forms.ChoiceField(
        label=_("Opening and closing are counted in"),
        choices=Offer.DaysCounted.choices,
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("Choose one of the two.")},
    )
    cancel_days = number(
        "cancel_days",
        _("Schools may cancel until (school days before)"),
        _("Leave it empty: as the municipality has chosen."),
    )
    most_per_class = number(
        "most_per_class",
        _("Dates for one class in a school year, at most"),
        _("Leave it empty: as the municipality has chosen."),
    )
    fewest_meetings = number(
        "fewest_meetings",
        _("It still makes sense with (dates)"),
        _("When one date must be called off and so many are left, the course goes on without it. Empty: half of them."),
    )
    by_agreement = forms.BooleanField(
        label=_("Teachers may propose times themselves"),
        help_text=_(
            "By agreement: a class asks with up to three times, and you find one together. No dates are needed."
        ),
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        least, places = cleaned.get("min_pupils"), cleaned.get("places")
        in_pupils = cleaned.get("places_counted") != Offer.Counted.CLASSES
        if in_pupils and least is not None and places is not None and least > places:
            self.add_error(
                "min_pupils",
                ValidationError(
                    _("At least %(least)d pupils, but room for %(places)d: one of them must change."),
                    code="minimum-above-places",
                    params={"least": least, "places": places},
                ),
            )
        for code, sentence, field, wrong in contradictions(cleaned):
            if wrong:
                self.add_error(field, ValidationError(sentence, code=code))
        return self.cleaned_data

    @property
    def has_more(self) -> bool:
        """Whether something about enrolment that one can leave has been filled in, or is wrong: then it stands open."""
        more = ("opens_days", "cancel_days", "most_per_class", "fewest_meetings")
        days = self["days_counted"].value()
        several = str(self["meetings"].value() or "1") != "1"
        return (
            several
            or days not in (None, "", Offer.DaysCounted.DAYS)
            or any(self[name].value() not in (None, "") for name in more)
        )

    @property
    def content(self) -> dict[str, Any]:
        """What was typed; what was left empty although it has a usual value gets that."""
        content = super().content
        for name, value in WITH_A_USUAL_VALUE.items():
            if content[name] in (None, ""):
                content[name] = value
        return content


FORMS: dict[int, type[StepForm]] = {1: WhoForm, 2: ExperienceForm, 3: AudienceForm, 4: CourseForm, 5: PracticalForm}


def form_for(step: int, *, data: Mapping[str, Any] | None = None, initial: Mapping[str, Any], today: date) -> StepForm:
    """Return the form of a step, filled with what stands there."""
    made = FORMS[step](data, initial=dict(initial), today=today)
    assert set(made.fields) == set(STEP_FIELDS[step])
    return made

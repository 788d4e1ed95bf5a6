"""Forms around requests for an agreement, and questions to hosts. Each is valid on its own."""

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from offers.domain import dialogue, needs, questions
from offers.forms.enrolment import ClassField, CountField
from offers.models import Offer
from portal.domain import calendar
from portal.domain.calendar import SchoolCalendar
from portal.forms.fields import Day, Hour, Words
from portal.models import User
from schools.models import SchoolClass

ROWS = range(1, dialogue.MOST_TIMES + 1)


def doubtful(text: str, offer: Offer, *others: str) -> str:
    """Return what in a text looks like a pupil's name or a diagnosis; the names of course and host are none."""
    for name in (offer.title, offer.company.name, *others):
        for word in re.findall(r"\w{3,}", name):
            text = re.sub(rf"\b{re.escape(word)}", word.lower(), text)
    return needs.hint(text)


class CarefulForm(forms.Form):
    """A form with a text that is asked about once when it seems to name a pupil or a diagnosis."""

    careful = "text"
    offer: Offer
    sure = forms.BooleanField(label=gettext_lazy("The text names no pupil and no diagnosis"), required=False)

    @property
    def asks_whether_sure(self) -> bool:
        """Whether the tick is shown: once the text has been doubted."""
        return self.is_bound and (self.has_error(self.careful, "sensitive") or bool(self["sure"].value()))

    def clean(self) -> dict[str, Any]:
        facts = super().clean() or self.cleaned_data
        word = doubtful(facts.get(self.careful) or "", self.offer)
        if word and not facts.get("sure"):
            self.add_error(
                self.careful,
                ValidationError(
                    _(
                        "“%(word)s” looks like a pupil's name or a diagnosis, which do not belong here."
                        " Write it in another way; or tick below the text that it is neither, and send again."
                    ),
                    code="sensitive",
                    params={"word": word},
                ),
            )
        return facts


class TimesForm(forms.Form):
    """Up to three times: a day, when it begins, and when it ends (left empty: as long as the course lasts)."""

    first_is_needed = False

    def __init__(self, *args: Any, offer: Offer, now: datetime, **options: Any) -> None:
        super().__init__(*args, **options)
        self.offer, self.now = offer, now
        rows: dict[str, forms.Field] = {}
        clock = {"type": "time"}
        for row in ROWS:
            needed = self.first_is_needed and row == 1
            rows[f"day_{row}"] = Day(
                label=_("Day"),
                required=needed,
                error_messages={"required": _("Choose a day."), "invalid": _("Write a day, like 24.12.2026.")},
            )
            rows[f"begins_{row}"] = Hour(
                label=_("Begins at"),
                required=needed,
                widget=forms.TimeInput(attrs=clock, format="%H:%M"),
                error_messages={
                    "required": _("Write when it begins, like 09:00."),
                    "invalid": _("Write an hour, like 09:00."),
                },
            )
            rows[f"ends_{row}"] = Hour(
                label=_("Ends at"),
                required=False,
                widget=forms.TimeInput(attrs=clock, format="%H:%M"),
                error_messages={"invalid": _("Write an hour, like 09:00.")},
            )
        self.fields = {**rows, **self.fields}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The fields of each time, for the page."""
        return [
            {"number": row, "day": self[f"day_{row}"], "begins": self[f"begins_{row}"], "ends": self[f"ends_{row}"]}
            for row in ROWS
        ]

    @property
    def others_filled(self) -> bool:
        """Whether the second or third time holds something, and should stand open."""
        parts: list[BoundField] = [row[name] for row in self.rows[1:] for name in ("day", "begins", "ends")]
        return any(part.errors or (self.is_bound and part.value()) for part in parts)

    def clean(self) -> dict[str, Any]:
        facts = super().clean() or self.cleaned_data
        school_calendar = SchoolCalendar.load()
        facts["times"] = []
        for row in ROWS:
            if span := self._span(facts, row):
                if why := dialogue.time_refused(*span, school_calendar, now=self.now):
                    self.add_error(f"day_{row}", why)
                elif span[0] in [begins for begins, _ends in facts["times"]]:
                    self.add_error(f"day_{row}", _("Two of the times are the same."))
                else:
                    facts["times"].append(span)
        return facts

    def _span(self, facts: dict[str, Any], row: int) -> tuple[datetime, datetime] | None:
        """Return the time that stands in a row, if it is whole; say at the field what is missing."""
        day, begins, ends = (facts.get(f"{name}_{row}") for name in ("day", "begins", "ends"))
        if not any((day, begins, ends)) or any(f"{name}_{row}" in self.errors for name in ("day", "begins", "ends")):
            return None
        if day is None:
            self.add_error(f"day_{row}", _("Choose a day."))
            return None
        if begins is None:
            self.add_error(f"begins_{row}", _("Write when it begins, like 09:00."))
            return None
        starts_at = _at(day, begins)
        if ends is None:
            if not self.offer.duration_minutes:
                self.add_error(f"ends_{row}", _("Write when it ends."))
                return None
            return starts_at, starts_at + timedelta(minutes=self.offer.duration_minutes)
        if ends <= begins:
            self.add_error(f"ends_{row}", _("The end must be after the beginning."))
            return None
        return starts_at, _at(day, ends)


def _at(day: date, hour: time) -> datetime:
    return calendar.at(day, hour.hour, hour.minute)


class AskForm(CarefulForm, TimesForm):
    """Which class would like to come, how many, and when."""

    careful = "note"
    first_is_needed = True
    field_order = ["school_class", "teacher", "pupils", "adults"]

    school_class = ClassField(label=gettext_lazy("Class"), error_messages={"required": gettext_lazy("Choose a class.")})
    teacher = forms.ModelChoiceField(
        User.objects.none(),
        label=gettext_lazy("Contact teacher"),
        required=False,
        empty_label=gettext_lazy("Myself"),
    )
    pupils = CountField(
        label=gettext_lazy("Number of pupils"),
        most=60,
        required=False,
        wrong=gettext_lazy("Write a whole number between 1 and 60, with digits only."),
        help_text=gettext_lazy("Leave it empty when the whole class comes."),
    )
    adults = CountField(
        label=gettext_lazy("Number of adults"),
        most=20,
        wrong=gettext_lazy("Write a whole number between 1 and 20, with digits only."),
        error_messages={"required": gettext_lazy("Write how many adults come along.")},
    )
    note = Words(
        label=gettext_lazy("A few words to the host"),
        required=False,
        max_length=dialogue.LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy(
            "What are you working on, and what would you like to get out of it? No names of pupils."
        ),
    )
    form_token = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self,
        *args: Any,
        classes: Iterable[SchoolClass],
        offer: Offer,
        now: datetime,
        teachers: Any = None,
        **options: Any,
    ) -> None:
        options["initial"] = {"form_token": uuid4(), "adults": offer.adults or 2, **(options.get("initial") or {})}
        super().__init__(*args, offer=offer, now=now, **options)
        picker = self.fields["school_class"]
        assert isinstance(picker, ClassField)
        picker.offer(classes, offer, calendar.local_day(now))
        if teachers is None:
            del self.fields["teacher"]
        else:
            choice = self.fields["teacher"]
            assert isinstance(choice, forms.ModelChoiceField)
            choice.queryset = teachers
        self.order_fields(self.field_order)


class ReplyForm(TimesForm):
    """Other times, or words, or both."""

    text = Words(
        label=gettext_lazy("Your words"),
        required=False,
        max_length=dialogue.LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("The other side reads them by mail and here. No names of pupils."),
    )


class NotNowForm(forms.Form):
    """Why it cannot be now."""

    reason = Words(
        label=gettext_lazy("Why not?"),
        max_length=dialogue.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "The teacher reads it. E.g. “We are in the middle of moving; ask again after New Year.”"
        ),
        error_messages={"required": gettext_lazy("Write why not; the teacher will read it.")},
    )


class WithdrawForm(forms.Form):
    """Why a request is taken back; one need not say."""

    reason = Words(
        label=gettext_lazy("Why?"),
        required=False,
        max_length=dialogue.LONGEST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("The host reads it."),
    )


class QuestionForm(CarefulForm):
    """A teacher's question to a host."""

    text = Words(
        label=gettext_lazy("Your question"),
        max_length=questions.LONGEST_QUESTION,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=gettext_lazy("About the course, the place or the times. No names of pupils."),
        error_messages={"required": gettext_lazy("Write what you would like to know.")},
    )
    form_token = forms.UUIDField(widget=forms.HiddenInput)
    field_order = ["text", "sure"]

    def __init__(self, *args: Any, offer: Offer, **options: Any) -> None:
        options["initial"] = {"form_token": uuid4(), **(options.get("initial") or {})}
        super().__init__(*args, **options)
        self.offer = offer


class QuestionAnswerForm(forms.Form):
    """A host's answer."""

    text = Words(
        label=gettext_lazy("Your answer"),
        max_length=questions.LONGEST_ANSWER,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=gettext_lazy("The teacher gets it by mail at once. It cannot be changed afterwards."),
        error_messages={"required": gettext_lazy("Write an answer.")},
    )

"""Forms about dates: a new time for each date of a session, dates that a host adds, and which date is called off."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from offers.domain import dates, moving, planning
from offers.models import Meeting, Offer, Session
from portal.domain import calendar
from portal.forms.fields import Day, Hour, Line, WholeNumber, Words


class HourInput(forms.TimeInput):
    """The browser's own clock."""

    input_type = "time"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs=attrs, format="%H:%M")


class NewTimes(forms.Form):
    """A new day, beginning, end and place for each date of a session that has not been called off."""

    def __init__(self, *args: Any, session: Session, **kwargs: Any) -> None:
        self.meetings = moving.standing(session)
        super().__init__(*args, **kwargs)
        rows: dict[str, forms.Field] = {}
        for meeting in self.meetings:
            begins, ends = localtime(meeting.starts_at), localtime(meeting.ends_at)
            row = meeting.number

            def called(word: str, number: int = row) -> str:
                return f"{word} ({number})" if len(self.meetings) > 1 else word

            rows[f"day_{row}"] = Day(label=called(gettext("New date")), initial=begins.date())
            rows[f"begins_{row}"] = Hour(label=called(gettext("Begins at")), widget=HourInput(), initial=begins.time())
            rows[f"ends_{row}"] = Hour(label=called(gettext("Ends at")), widget=HourInput(), initial=ends.time())
            rows[f"place_{row}"] = Line(
                label=called(gettext("Place")), max_length=300, required=False, initial=meeting.place
            )
        self.fields = {**rows, **self.fields}

    def clean(self) -> dict[str, Any]:
        """Look that each date ends after it begins."""
        typed = super().clean() or {}
        for meeting in self.meetings:
            begins, ends = typed.get(f"begins_{meeting.number}"), typed.get(f"ends_{meeting.number}")
            if begins and ends and ends <= begins:
                self.add_error(f"ends_{meeting.number}", gettext("The end must be after the beginning."))
        return typed

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each date with its inputs, and when it is now."""
        return [
            {
                "number": one.number,
                "when": dates.span_in_words(one.starts_at, one.ends_at),
                "day": self[f"day_{one.number}"],
                "begins": self[f"begins_{one.number}"],
                "ends": self[f"ends_{one.number}"],
                "place": self[f"place_{one.number}"],
            }
            for one in self.meetings
        ]

    @property
    def first(self) -> str:
        """The name of the first date's input, where a refusal of the dates stands."""
        return f"day_{self.meetings[0].number}"

    def spans(self) -> list[tuple[datetime, datetime]]:
        """Return each date's beginning and end, in the order of time."""
        return [span for span, _place in self.answers()]

    def wheres(self) -> list[str]:
        """Return each date's place, in the same order."""
        return [place for _span, place in self.answers()]

    def answers(self) -> list[tuple[tuple[datetime, datetime], str]]:
        """Return what was typed: beginning and end with the place, in the order of time."""
        typed = self.cleaned_data

        def moment(row: int, name: str) -> datetime:
            hour: time = typed[f"{name}_{row}"]
            return calendar.at(typed[f"day_{row}"], hour.hour, hour.minute)

        rows = [one.number for one in self.meetings]
        return sorted(((moment(row, "begins"), moment(row, "ends")), typed[f"place_{row}"].strip()) for row in rows)


class ProposeForm(NewTimes):
    """What a host proposes, and why."""

    reason = Words(
        label=_("Why must it be moved?"),
        max_length=300,
        help_text=_("The teachers will read this."),
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write why; the classes will read it.")},
    )


class HostDatesForm(forms.Form):
    """One more session of a course, with as many dates as the course has; a single date also as a weekly series."""

    def __init__(self, *args: Any, offer: Offer, most_weeks: int, **kwargs: Any) -> None:
        self.offer = offer
        super().__init__(*args, **kwargs)
        rows: dict[str, forms.Field] = {}
        for number in self.numbers:
            rows[f"day_{number}"] = Day(label=gettext("Day"), error_messages={"required": gettext("Choose a day.")})
            rows[f"begins_{number}"] = Hour(
                label=gettext("Begins at"),
                widget=HourInput(),
                error_messages={"required": gettext("Write when it begins, like 09:00.")},
            )
        self.fields = {**rows, **self.fields}
        self.fields["minutes"].initial = offer.duration_minutes
        self.fields["places"].initial = offer.places
        counted = offer.get_places_counted_display()
        self.fields["places"].label = gettext("Places (%(counted)s)") % {"counted": counted}
        if len(self.numbers) > 1 or most_weeks < 2:
            del self.fields["weeks"]
        else:
            self.fields["weeks"] = WholeNumber(
                label=gettext("Every week, so many times"),
                min_value=1,
                max_value=min(most_weeks, planning.LONGEST_SERIES),
                initial=1,
                help_text=gettext("1: only this once. Holidays are skipped."),
            )

    minutes = WholeNumber(label=_("How long (minutes)"), min_value=1, max_value=24 * 60)
    places = WholeNumber(label=_("Places"), min_value=1, max_value=1000)
    place = Line(
        label=_("Place"), max_length=300, required=False, help_text=_("Empty: where the course usually takes place.")
    )
    weeks = WholeNumber(label=_("Every week, so many times"), min_value=1)

    @property
    def numbers(self) -> range:
        """The numbers of the course's dates."""
        return range(1, self.offer.meetings + 1)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Each date with its inputs."""
        return [{"number": one, "day": self[f"day_{one}"], "begins": self[f"begins_{one}"]} for one in self.numbers]

    def spans(self) -> list[tuple[datetime, datetime]]:
        """Return each date's beginning and end, in the order of time."""
        typed, length = self.cleaned_data, timedelta(minutes=self.cleaned_data["minutes"])
        begins = [
            calendar.at(typed[f"day_{one}"], typed[f"begins_{one}"].hour, typed[f"begins_{one}"].minute)
            for one in self.numbers
        ]
        return sorted((one, one + length) for one in begins)


class MoveAnswerForm(forms.Form):
    """What a class says to a proposed move."""

    STAY, LEAVE = "stay", "leave"

    answer = forms.ChoiceField(
        choices=((STAY, _("We come at the new time")), (LEAVE, _("We cannot come then"))),
        error_messages={"required": _("Choose one of the answers."), "invalid_choice": _("Choose one of the answers.")},
    )


def date_choices(meetings: list[Meeting], now: datetime) -> list[tuple[str, str]]:
    """Return the dates of a session that can still be called off, to choose from."""
    return [
        (str(one.pk), f"{one.number}. {dates.span_in_words(one.starts_at, one.ends_at)}")
        for one in meetings
        if one.state == Meeting.State.PLANNED and one.starts_at > now
    ]

"""The catalogue's filters: what stands in the address, understood or politely refused."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.http import QueryDict
from django.utils.translation import get_language, gettext_lazy, pgettext, pgettext_lazy
from django.utils.translation import gettext as _

from offers.domain import search
from offers.models import Offer, Session
from portal.domain.calendar import at, local_day
from portal.domain.danish import in_danish_order
from portal.models import ActivityType, Industry, Subject

SEVERAL = ("klassetrin", "fag", "branche", "type")
SINGLE = ("q", "fra", "til", "ledige", "aftale", "sort")
DAYS = ("fra", "til")
AROUND = ("page",)
YES = ("1", "on", "true")
# Marks that newsletters and social media hang on every address; nobody needs to hear that they were ignored.
TRACKING = re.compile(r"utm_\w+|fbclid|gclid|mc_[ce]id|_x_tr_\w+")
FIRST_YEAR, LAST_YEAR = 2000, 2100
LONGEST_TEXT = 200
DAY_FORMATS = ["%Y-%m-%d", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%Y", "%d.%m.%y"]

ON_A_CARD = (
    "title",
    "teaser",
    "illustration",
    "picture",
    "grade_from",
    "grade_to",
    "duration_minutes",
    "venue",
    "places_counted",
    "has_waiting_list",
    "by_agreement",
    "published_at",
)
SORTS = {
    "relevans": pgettext_lazy("sort", "Best match"),
    "dato": pgettext_lazy("sort", "Next date"),
    "nyeste": pgettext_lazy("sort", "Newest"),
    "titel": pgettext_lazy("sort", "Title A–Å"),
}


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The words one can choose among, as (code, name) in the reader's language."""

    subjects: list[tuple[str, str]]
    industries: list[tuple[str, str]]
    activity_types: list[tuple[str, str]]

    @classmethod
    def load(cls, on: date) -> "Choices":
        """Read the vocabularies in use on that day (one query)."""
        kinds = (("fag", Subject), ("branche", Industry), ("type", ActivityType))
        parts = [
            kind.objects.current(on).order_by().values_list(Value(name), "position", "slug", "name", "name_en")
            for name, kind in kinds
        ]
        found: dict[str, list[tuple[str, str]]] = {name: [] for name, _kind in kinds}
        english = get_language() == "en"
        for name, _position, slug, danish, in_english in sorted(parts[0].union(*parts[1:], all=True)):
            found[name].append((slug, in_english if english else danish))
        return cls(subjects=found["fag"], industries=found["branche"], activity_types=found["type"])

    def names(self) -> list[str]:
        """Return every word one can choose."""
        return [name for _slug, name in (*self.subjects, *self.industries, *self.activity_types)]


def grade_choices() -> list[tuple[str, str]]:
    """Return the grades as they stand beside the word *grade*."""
    return [(str(grade), pgettext("a grade alone", "%(grade)d") % {"grade": grade}) for grade in range(11)]


class DayField(forms.DateField):
    """A day, typed in any of the usual ways; what is no day is named in the message."""

    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    input_formats = DAY_FORMATS

    def to_python(self, value: Any) -> date | None:
        try:
            if not str(value).isascii():
                raise ValidationError("")
            day = super().to_python(value)
        except ValidationError:
            raise ValidationError(
                _("“%(typed)s” is not a day. Write it like 24.12.2026.") % {"typed": str(value)[:30]}, code="invalid"
            ) from None
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValidationError(
                _("Choose a day between the years %(first)d and %(last)d.") % {"first": FIRST_YEAR, "last": LAST_YEAR},
                code="invalid",
            )
        return day


def day_as_browsers_write(typed: str) -> str:
    """Return a day as the browser's own field for days needs it; what is no day is returned as it was typed."""
    try:
        day = DayField().to_python(typed)
    except ValidationError:
        return typed
    return day.isoformat() if day else ""


def understood(data: QueryDict, choices: Choices) -> tuple[QueryDict, list[str]]:
    """Return what makes sense in an address, and the names and values that do not (shortened, at most five).

    Only what is on the list goes on: no parameter ever becomes a lookup.
    """
    allowed = {
        "klassetrin": {str(grade) for grade in range(11)},
        "fag": {slug for slug, _name in choices.subjects},
        "branche": {slug for slug, _name in choices.industries},
        "type": {slug for slug, _name in choices.activity_types},
        "sort": set(SORTS),
        "ledige": set(YES),
        "aftale": set(YES),
    }
    clean = QueryDict(mutable=True)
    ignored: list[str] = []
    for name, values in data.lists():
        if name in SEVERAL:
            asked = [value for value in dict.fromkeys(values) if value]
            clean.setlist(name, [value for value in asked if value in allowed[name]])
            ignored += [f"{name}={value}" for value in asked if value not in allowed[name]]
        elif name in SINGLE:
            value = values[-1].strip()[:LONGEST_TEXT]
            if name in allowed and value and value not in allowed[name]:
                ignored.append(f"{name}={value}")
            elif value:
                clean[name] = day_as_browsers_write(value) if name in DAYS else value
        elif name not in AROUND and not TRACKING.fullmatch(name):
            ignored.append(name)
    return clean, [text if len(text) <= 30 else text[:29] + "…" for text in ignored[:5]]


class DayFilter(django_filters.DateFilter):  # type: ignore[misc]
    """A filter by a day."""

    field_class = DayField


class CatalogueForm(forms.Form):
    """The fields beside the list."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("fra"), cleaned.get("til")
        if first and last and last < first:
            self.add_error("til", _("The last day is before the first."))
        return cleaned


def several(label: Any, method: str, **attributes: str) -> django_filters.MultipleChoiceFilter:
    """Return a filter of which several values may be ticked."""
    return django_filters.MultipleChoiceFilter(
        label=label, method=method, choices=(), widget=forms.CheckboxSelectMultiple(attrs=attributes)
    )


class CatalogueFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Which courses are asked for. Period and free places speak of the same session.

    A course by agreement has room whenever host and class agree, so it fits every period.
    """

    q = django_filters.CharFilter(
        label=gettext_lazy("Search"),
        method="by_words",
        widget=forms.TextInput(
            attrs={"type": "search", "form": "filters", "autocomplete": "off", "enterkeyhint": "search"}
        ),
    )
    klassetrin = several(gettext_lazy("Grade"), "by_grade", **{"class": "choices--grades"})
    fag = several(gettext_lazy("Subject"), "by_subject")
    branche = several(gettext_lazy("Industry"), "by_industry")
    type = several(gettext_lazy("Activity type"), "by_activity_type")
    fra = DayFilter(label=gettext_lazy("From"), method="by_session")
    til = DayFilter(label=gettext_lazy("To"), method="by_session")
    ledige = django_filters.BooleanFilter(
        label=gettext_lazy("Only with free places"),
        method="by_session",
        widget=forms.CheckboxInput(attrs={"value": "1"}),
    )

    aftale = django_filters.BooleanFilter(
        label=gettext_lazy("By agreement"),
        method="by_agreement",
        widget=forms.CheckboxInput(attrs={"value": "1"}),
    )

    class Meta:
        model = Offer
        form = CatalogueForm
        fields: Sequence[str] = ()

    def __init__(self, data: QueryDict, *, now: datetime) -> None:
        self.now = now
        self.choices = Choices.load(local_day(now))
        clean, self.ignored = understood(data, self.choices)
        super().__init__(clean, queryset=Offer.objects.published())
        self.filters["klassetrin"].extra["choices"] = grade_choices()
        self.filters["fag"].extra["choices"] = self.choices.subjects
        self.filters["branche"].extra["choices"] = self.choices.industries
        self.filters["type"].extra["choices"] = self.choices.activity_types

    # Which

    @property
    def cleaned(self) -> dict[str, Any]:
        """What was understood; a field with an error is not in it."""
        self.form.is_valid()
        cleaned: dict[str, Any] = self.form.cleaned_data
        return cleaned

    def by_words(self, offers: QuerySet[Offer], _name: str, text: str) -> QuerySet[Offer]:
        wanted = search.query(text)
        return offers.filter(search=wanted) if wanted is not None else offers

    def by_grade(self, offers: QuerySet[Offer], _name: str, grades: list[str]) -> QuerySet[Offer]:
        suits = Q(grade_from__isnull=True) | Q(grade_to__isnull=True)
        for grade in map(int, grades):
            suits |= Q(grade_from__lte=grade, grade_to__gte=grade)
        return offers.filter(suits)

    def by_subject(self, offers: QuerySet[Offer], _name: str, slugs: list[str]) -> QuerySet[Offer]:
        has = Offer.subjects.through.objects.filter(offer_id=OuterRef("pk"), subject__slug__in=slugs)
        return offers.filter(Exists(has))

    def by_industry(self, offers: QuerySet[Offer], _name: str, slugs: list[str]) -> QuerySet[Offer]:
        return offers.filter(industry__slug__in=slugs)

    def by_activity_type(self, offers: QuerySet[Offer], _name: str, slugs: list[str]) -> QuerySet[Offer]:
        return offers.filter(activity_type__slug__in=slugs)

    def by_session(self, offers: QuerySet[Offer], _name: str, _value: Any) -> QuerySet[Offer]:
        """Do nothing yet: what is asked of a session must hold for one and the same."""
        return offers

    def by_agreement(self, offers: QuerySet[Offer], _name: str, wanted: bool) -> QuerySet[Offer]:
        return offers.filter(by_agreement=True) if wanted else offers

    def filter_queryset(self, offers: QuerySet[Offer]) -> QuerySet[Offer]:
        found: QuerySet[Offer] = super().filter_queryset(offers)
        cleaned = self.cleaned
        if cleaned.get("ledige"):
            return found.filter(Exists(self.bookable_sessions().with_places()) | Q(by_agreement=True))
        if cleaned.get("fra") or cleaned.get("til"):
            return found.filter(Exists(self.sessions()) | Q(by_agreement=True))
        return found

    def sessions(self) -> QuerySet[Session]:
        """Coming sessions of a course within the period that is asked for."""
        sessions = Session.objects.filter(offer=OuterRef("pk"), state=Session.State.OPEN).upcoming(self.now)
        if first := self.cleaned.get("fra"):
            sessions = sessions.filter(starts_at__gte=at(first, 0))
        if last := self.cleaned.get("til"):
            sessions = sessions.filter(starts_at__lt=at(last + timedelta(days=1), 0))
        return sessions

    def bookable_sessions(self) -> Any:
        """Those of them in which one can enrol, or wait in line, now."""
        return self.sessions().filter(opens_at__lte=self.now, closes_at__gt=self.now)

    # In which order

    @property
    def sort(self) -> str:
        """How the list is sorted: as asked, else by relevance when words are asked for, else the newest first."""
        text = search.query(self.cleaned.get("q") or "")
        chosen: str = self.data.get("sort") or ("relevans" if text is not None else "nyeste")
        return "nyeste" if chosen == "relevans" and text is None else chosen

    def hits(self) -> QuerySet[Offer]:
        """The courses found, in order, each with its next session: ``next_at``, ``next_left``."""
        first = self.bookable_sessions().order_by(
            Case(When(places_taken__lt=F("places"), then=Value(0)), default=Value(1)), "starts_at", "pk"
        )
        offers: QuerySet[Offer] = cards(self.qs).annotate(
            next_at=Subquery(first.values("starts_at")[:1]),
            next_left=Subquery(first.annotate(left=F("places") - F("places_taken")).values("left")[:1]),
        )
        if self.sort == "relevans":
            wanted = search.query(self.cleaned["q"])
            assert wanted is not None
            return offers.annotate(rank=search.rank(wanted)).order_by("-rank", "-published_at", "pk")
        if self.sort == "dato":
            soonest = self.bookable_sessions().with_places().order_by("starts_at").values("starts_at")[:1]
            return offers.order_by(Subquery(soonest).asc(nulls_last=True), "-published_at", "pk")
        if self.sort == "titel":
            return offers.order_by(in_danish_order("title"), "pk")
        return offers.order_by("-published_at", "pk")

    # What the address says

    def address(self, changes: dict[str, str] | None = None, *, without: tuple[str, str] | None = None) -> str:
        """Return the query string of this choice, changed or without one value; always in the same order."""
        changes = changes or {}
        pairs = [
            (name, value)
            for name in (*SINGLE[:1], *SEVERAL, *SINGLE[1:])
            if name not in changes
            for value in self.data.getlist(name)
            if (name, value) != without
        ]
        pairs += [(name, value) for name, value in changes.items() if value]
        return "?" + urlencode(pairs) if pairs else ""

    def chips(self) -> list[dict[str, str]]:
        """What is chosen, each with the address of the list without it."""
        names = {
            "klassetrin": {str(grade): _("Grade %(grade)d") % {"grade": grade} for grade in range(11)},
            "fag": dict(self.choices.subjects),
            "branche": dict(self.choices.industries),
            "type": dict(self.choices.activity_types),
        }
        cleaned = self.cleaned
        chips = []
        if cleaned.get("q"):
            chips.append({"label": f"“{cleaned['q']}”", "url": self.address({"q": ""})})
        for name, labels in names.items():
            chips += [
                {"label": labels[value], "url": self.address(without=(name, value))}
                for value in self.data.getlist(name)
            ]
        for name, words in (("fra", _("From %(day)s")), ("til", _("Until %(day)s"))):
            if day := cleaned.get(name):
                label = words % {"day": f"{day.day}.{day.month}.{day.year}"}
                chips.append({"label": label, "url": self.address({name: ""})})
        if cleaned.get("ledige"):
            chips.append({"label": _("Only with free places"), "url": self.address({"ledige": ""})})
        if cleaned.get("aftale"):
            chips.append({"label": _("By agreement"), "url": self.address({"aftale": ""})})
        return chips


def cards(offers: QuerySet[Offer]) -> QuerySet[Offer]:
    """Fetch what a card shows, and leave the long texts and the search index where they are."""
    related = offers.select_related("company", "activity_type", "industry")
    return related.only(
        *ON_A_CARD,
        "company__name",
        "company__city",
        *(f"{word}__{field}" for word in ("activity_type", "industry") for field in ("slug", "name", "name_en")),
    )

"""Courses at the desk: read, edited, reviewed, published, and given sessions."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import F, Min, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from companies.models import Company, Contact
from offers.domain import authoring, dates, material, planning, publishing
from offers.domain import dialogue as talks
from offers.forms.material import MaterialForm, PictureForm
from offers.models import Encounter, Enrolment, Invite, Offer, ReviewComment, Revision, Session
from portal.admin import (
    COORDINATOR,
    REVIEWER,
    Day,
    Desk,
    DeskForm,
    Moment,
    MomentInput,
    ReadRows,
    TimeInput,
    WholeNumber,
    action,
    answers,
    confirmed_answers,
    day,
    day_and_hour,
    display,
    files_sent,
    picker,
)
from portal.context import the_municipality
from portal.domain import audit, calendar, clock
from portal.domain.constraints import name_of, sentence_for
from portal.domain.refusal import Refusal
from portal.forms.fields import Hour, Line, Words
from portal.http import actor_of

S = Offer.State
OFFER_COLORS = {
    S.SUBMITTED: "warning",
    S.CHANGES_REQUESTED: "warning",
    S.APPROVED: "info",
    S.PUBLISHED: "success",
    S.PAUSED: "danger",
    S.EXPIRED: "danger",
}
READ_DEEDS = {"see", "guide"}
REVIEW_DEEDS = {"publish", "send_back", "reject", *READ_DEEDS}
MOST_DATES = 12
COMMENT_ROWS = 4


def pictures() -> list[tuple[str, str]]:
    """Return the pictures one may choose for a course."""
    drawn = (settings.BASE_DIR / "static/img/illustrations").glob("*.svg")
    return [("", gettext("The industry's picture")), *((name, name) for name in sorted(path.stem for path in drawn))]


class OfferForm(forms.ModelForm[Offer]):
    """What a course says. It is written by the use-case, not by the form."""

    seen_version = WholeNumber(widget=forms.HiddenInput)
    price_ore = WholeNumber(label=_("Price for a class (kr.)"), min_value=0, max_value=100_000, required=False)

    class Meta:
        model = Offer
        fields = (*authoring.WRITABLE, "contact")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "illustration" in self.fields:
            self.fields["illustration"].widget = UnfoldAdminSelectWidget(choices=pictures())
        if "contact" in self.fields:
            chosen: Any = self.fields["contact"]
            chosen.queryset = Contact.objects.filter(company=self.instance.company_id)
        if "price_ore" in self.fields:
            self.initial["price_ore"] = self.instance.price_ore // 100
        self.initial["seen_version"] = self.instance.version

    def clean_price_ore(self) -> int:
        return (self.cleaned_data["price_ore"] or 0) * 100

    def content(self) -> dict[str, Any]:
        """Return what was typed, as the use-case takes it."""
        return {name: self.cleaned_data[name] for name in authoring.WRITABLE if name in self.cleaned_data}


class PublishForm(DeskForm):
    publish_at = Moment(
        label=_("Publish at"),
        required=False,
        widget=MomentInput,
        help_text=_("Leave it empty to publish at once."),
    )


class ReasonForm(DeskForm):
    reason = Words(label=_("Why?"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4}))


class PauseForm(DeskForm):
    reason = Words(
        label=_("Why is it paused?"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Teachers who have the address read this."),
    )


class SendBackForm(DeskForm):
    """A few comments, each about one field or the whole course."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        about = [("", gettext("The whole course"))]
        about += [(name, authoring.label_of(name).capitalize()) for name in authoring.DESCRIBED]
        super().__init__(*args, **kwargs)
        for row in range(1, COMMENT_ROWS + 1):
            self.fields[f"about_{row}"] = forms.ChoiceField(
                label=gettext("Comment %(number)s is about") % {"number": row}, choices=about, required=False
            )
            self.fields[f"text_{row}"] = Words(
                label=gettext("Comment %(number)s") % {"number": row},
                max_length=2000,
                required=row == 1,
                widget=forms.Textarea(attrs={"rows": 3}),
            )
        self.dress()

    def comments(self) -> list[tuple[str, str]]:
        """Return the comments that say something."""
        rows = [
            (self.cleaned_data.get(f"about_{row}", ""), self.cleaned_data.get(f"text_{row}", ""))
            for row in range(1, COMMENT_ROWS + 1)
        ]
        return [(about, text) for about, text in rows if text.strip()]


class SessionForm(DeskForm):
    """One session: a day and an hour for each of its dates."""

    def __init__(self, *args: Any, offer: Offer, **kwargs: Any) -> None:
        self.count = min(offer.meetings, MOST_DATES)
        super().__init__(*args, **kwargs)
        several = self.count > 1
        rows: dict[str, forms.Field] = {}
        for row in range(1, self.count + 1):
            day = gettext("Date %(number)s") % {"number": row} if several else gettext("Date")
            hour = gettext("Begins at, date %(number)s") % {"number": row} if several else gettext("Begins at")
            rows[f"day_{row}"] = Day(label=day)
            rows[f"time_{row}"] = Hour(label=hour, widget=TimeInput(), initial=time(9, 0))
        self.fields = {**rows, **self.fields}
        self.fields["minutes"].initial = offer.duration_minutes
        self.fields["places"].initial = offer.places
        usual = planning.enrolling_in_words(offer)
        self.fields["opens_at"].help_text = gettext("Empty: %(usual)s") % {"usual": usual.opens}
        self.fields["closes_at"].help_text = gettext("Empty: %(usual)s") % {"usual": usual.closes}
        self.fields["draw_minutes"].help_text = gettext(
            "Only where enrolment opens later than now. Empty: %(usual)s 0: no draw."
        ) % {"usual": usual.draws}
        self.dress()

    minutes = WholeNumber(label=_("Minutes each time"), min_value=1, max_value=1440)
    places = WholeNumber(label=_("Places"), min_value=1, max_value=1000)
    place = Line(
        label=_("Place"), max_length=300, required=False, help_text=_("Empty: where the course usually takes place.")
    )
    note = Line(label=_("Note to teachers"), max_length=300, required=False)
    opens_at = Moment(label=_("Enrolment opens"), widget=MomentInput(), required=False)
    closes_at = Moment(label=_("Enrolment closes"), widget=MomentInput(), required=False)
    draw_minutes = WholeNumber(
        label=_("Draw lots among the requests of the first (minutes)"),
        min_value=0,
        max_value=planning.LONGEST_DRAW,
        required=False,
    )
    even_if_closed = forms.BooleanField(label=_("Also on a day without school"), required=False)

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        opens, closes = typed.get("opens_at"), typed.get("closes_at")
        if opens and closes and opens >= closes:
            self.add_error("closes_at", gettext("Enrolment must open before it closes."))
        if closes and closes <= clock.now():
            self.add_error("closes_at", gettext("That has passed. Choose a time ahead."))
        return typed

    def spans(self) -> list[tuple[datetime, datetime]]:
        """Return each date's beginning and end."""
        typed = self.cleaned_data
        starts = [
            calendar.at(typed[f"day_{row}"], typed[f"time_{row}"].hour, typed[f"time_{row}"].minute)
            for row in range(1, self.count + 1)
        ]
        return [(start, start + timedelta(minutes=typed["minutes"])) for start in starts]


class SeriesForm(DeskForm):
    """A session every week at the same hour."""

    first_day = Day(label=_("First day"))
    starts = Hour(label=_("Begins at"), widget=TimeInput, initial=time(9, 0))
    weeks = WholeNumber(
        label=_("Number of weeks"), min_value=1, max_value=60, required=False, help_text=_("Or a last day below.")
    )
    until = Day(label=_("Last day"), required=False)
    minutes = WholeNumber(label=_("Minutes each time"), min_value=1, max_value=1440)
    places = WholeNumber(label=_("Places"), min_value=1, max_value=1000)
    place = Line(label=_("Place"), max_length=300, required=False)
    note = Line(label=_("Note to teachers"), max_length=300, required=False)

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        if not self.errors and typed.get("weeks") is None and typed.get("until") is None:
            self.add_error("weeks", gettext("Say for how many weeks, or until which day."))
        if typed.get("until") and typed.get("first_day") and typed["until"] < typed["first_day"]:
            self.add_error("until", gettext("The last day must not be before the first."))
        return typed

    def first_start(self) -> datetime:
        """Return the moment at which the series begins."""
        hour: time = self.cleaned_data["starts"]
        return calendar.at(self.cleaned_data["first_day"], hour.hour, hour.minute)

    def days(self) -> list[date]:
        """Return the days of the series, those without school included."""
        typed = self.cleaned_data
        days = [typed["first_day"] + timedelta(weeks=week) for week in range(typed["weeks"] or 60)]
        return [day for day in days if typed["until"] is None or day <= typed["until"]]

    def seal(self) -> str:
        """Return a word for exactly what was typed: what is confirmed is what was looked over."""
        typed = "|".join(f"{name}={self.cleaned_data.get(name)}" for name in self.fields)
        return hashlib.sha256(typed.encode()).hexdigest()[:24]


class NewOfferForm(DeskForm):
    """The beginning of a course that the coordinator writes for a company."""

    company = forms.ModelChoiceField(
        label=_("Company"), queryset=Company.objects.all(), widget=picker("company", Offer)
    )
    title = Line(label=_("Title"), max_length=80)


class DeskPictureForm(PictureForm, DeskForm):
    """A course's picture, in the desk's dress."""


class DeskMaterialForm(MaterialForm, DeskForm):
    """A course's document, in the desk's dress."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dress()


class RemoveFilesForm(DeskForm):
    """Which of the files of a course shall go."""

    def __init__(self, *args: Any, offer: Offer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("picture", gettext("The course's own picture"))] if offer.picture_id else []
        choices += [(str(one.pk), one.title) for one in offer.materials.all()]
        self.fields["files"] = forms.MultipleChoiceField(
            label=gettext("Remove"), choices=choices, widget=forms.CheckboxSelectMultiple
        )


class CommentRows(ReadRows):
    """What was asked of the company."""

    model = ReviewComment
    fields = ("about", "text", "at", "resolved_at")
    readonly_fields = ("about",)
    verbose_name_plural = _("Comments to the company")
    tab = True

    def rights(self, request: HttpRequest) -> bool:
        return REVIEWER in self.admin_site.roles_of(request)

    @display(description=_("About"))
    def about(self, comment: ReviewComment) -> str:
        return authoring.label_of(comment.field).capitalize() if comment.field else gettext("The whole course")


class SessionRows(ReadRows):
    """The sessions of a course."""

    model = Session
    fields = ("starts_at", "state", "places", "places_taken", "closes_at")
    verbose_name_plural = _("Sessions")
    show_change_link = True
    hide_title = False
    tab = True
    ordering = ("-starts_at",)
    per_page = 20

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        rows: QuerySet[Session] = super().get_queryset(request)
        return rows.select_related("offer")


class RevisionRows(ReadRows):
    """What the course said before."""

    model = Revision
    fields = ("number", "at", "actor_kind")
    verbose_name_plural = _("Revisions")
    tab = True

    def rights(self, request: HttpRequest) -> bool:
        return REVIEWER in self.admin_site.roles_of(request)


class StaleFilter(admin.SimpleListFilter):
    """Courses that nobody books."""

    title = _("free places")
    parameter_name = "dates"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("free", gettext("with free places")), ("none", gettext("without dates to come"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        coming = Session.objects.filter(state=Session.State.OPEN, starts_at__gt=clock.now())
        if self.value() == "free":
            return queryset.filter(pk__in=coming.with_places().values("offer"))
        if self.value() == "none":
            return queryset.exclude(pk__in=coming.values("offer"))
        return queryset


@admin.register(Offer)
class OfferDesk(Desk):
    """The courses of all companies. A reviewer reads them, and edits and answers those under review."""

    icon = "local_activity"
    viewers: ClassVar[frozenset[str]] = frozenset({REVIEWER})
    editors: ClassVar[frozenset[str]] = frozenset({REVIEWER})
    export_pairs: ClassVar[Any] = {"title_or_none": (_("Course"), _("Company"))}
    export_columns = ("activity_type", "venue", "duration_minutes", "places", "published_at", "last_confirmed_at")
    form = OfferForm
    can_add = False
    list_display = (
        "title_or_none",
        "state_label",
        "industry",
        "grades",
        "sent",
        "next_session",
        "free_places",
    )
    list_filter = ("state", StaleFilter, "industry", "activity_type", "venue")
    search_fields = ("title", "company__name", "jobs")
    search_help_text = _("Title, company or job")
    list_select_related = ("company", "industry")
    ordering = ("-updated_at",)
    inlines: ClassVar[Any] = (SessionRows, CommentRows, RevisionRows)
    change_form_before_template = "admin/desk_offer.html"
    actions_list = ("write",)
    actions = ("publish_several", "pause_several", "resume_several", "confirm_several", "archive_several")
    actions_detail: ClassVar[Any] = (
        "publish",
        "send_back",
        "resume",
        {
            "title": _("Dates"),
            "icon": "event",
            "items": ["plan_session", "plan_series"],
        },
        {
            "title": _("Picture and material"),
            "icon": "attach_file",
            "items": ["choose_picture", "add_material", "remove_files"],
        },
        {
            "title": _("More"),
            "icon": "more_horiz",
            "items": ["see", "guide", "confirm_fresh", "clone", "pause", "reject", "archive"],
        },
    )
    fieldsets: ClassVar[Any] = (
        (_("What can pupils experience?"), {"fields": ("seen_version", *authoring.STEP_FIELDS[2])}),
        (_("For whom?"), {"fields": authoring.STEP_FIELDS[3]}),
        (_("How it goes"), {"fields": authoring.STEP_FIELDS[4]}),
        (_("Time, place, number and safety"), {"fields": authoring.STEP_FIELDS[5]}),
        (_("Enrolment"), {"fields": (*authoring.COORDINATORS_OWN, "contact")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Offer]:
        coming = Session.objects.filter(offer=OuterRef("pk"), state=Session.State.OPEN, starts_at__gt=clock.now())
        first = coming.order_by().values("offer").annotate(first=Min("starts_at"))
        free = coming.order_by().values("offer").annotate(free=Sum(F("places") - F("places_taken"))).values("free")
        rows: QuerySet[Offer] = super().get_queryset(request)
        return (
            rows.select_related("company", "contact", "industry", "activity_type")
            .defer("search", "words")
            .annotate(next_at=Subquery(first.values("first")), free=Subquery(free))
        )

    # Who may do what: a reviewer sees nothing of contacts, and does nothing but review

    def coordinates(self, request: HttpRequest) -> bool:
        """Return whether whoever asks is more than a reviewer."""
        return COORDINATOR in self.roles(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may: bool = super().has_change_permission(request, obj)
        return may and (self.coordinates(request) or obj is None or obj.state == S.SUBMITTED)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Leave a reviewer the deeds of reviewing."""
        found = super().get_actions_detail(request, object_id)
        if self.coordinates(request):
            return found
        offer = self.get_object(request, unquote(str(object_id)))
        reviewed = offer is not None and offer.state in publishing.UNDER_REVIEW
        may = REVIEW_DEEDS if reviewed else READ_DEEDS
        return [one for one in found if one.action_name.removeprefix("offers_offer_") in may]

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        found: list[Any] = super().get_actions_list(request)
        return found if self.coordinates(request) else []

    def found(self, request: HttpRequest, object_id: Any) -> Any:
        """Return the course a coordinator's deed is about."""
        if not self.coordinates(request):
            raise PermissionDenied
        return super().found(request, object_id)

    def found_for_review(self, request: HttpRequest, object_id: Any) -> Any:
        """Return the course that is read or answered, by a reviewer too."""
        return super().found(request, object_id)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if self.coordinates(request) else (CommentRows, RevisionRows)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave out what only coordinators decide, and the hidden version where nothing can be saved."""
        if self.coordinates(request):
            return self.fieldsets
        shown = list(self.fieldsets[:-1])
        if not self.has_change_permission(request, obj):
            shown[0] = (shown[0][0], {"fields": authoring.STEP_FIELDS[2]})
        return shown

    def addressee(self, request: HttpRequest, writer: Contact) -> str:
        """Return in words who gets a mail; a reviewer is not told who that is."""
        if not self.coordinates(request):
            return gettext("The company's contact")
        return f"{writer.name} ({writer.email})"

    # Columns

    @display(description=_("Course"), ordering="title", header=True)
    def title_or_none(self, offer: Offer) -> list[str]:
        return [str(offer), offer.company.name]

    @display(description=_("State"), ordering="state", label=OFFER_COLORS)
    def state_label(self, offer: Offer) -> tuple[str, str]:
        return offer.state, offer.get_state_display()

    @display(description=_("Grades"), ordering="grade_from")
    def grades(self, offer: Offer) -> str:
        if offer.grade_from is None:
            return "–"
        return str(offer.grade_from) if offer.grade_from == offer.grade_to else f"{offer.grade_from}–{offer.grade_to}"

    @display(description=_("Sent for review"), ordering="submitted_at")
    def sent(self, offer: Offer) -> str:
        return day(offer.submitted_at)

    @display(description=_("Next date"), ordering="next_at")
    def next_session(self, offer: Any) -> str:
        return day_and_hour(offer.next_at)

    @display(description=_("Free places"))
    def free_places(self, offer: Any) -> Any:
        return offer.free

    # Editing

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Write through the use-case, outside of the transaction in which Django saves.

        What the use-case refuses goes back onto the form, which Django then draws as one that is not valid.
        """
        offer: Offer | None = self.get_object(request, unquote(object_id))
        if request.method == "POST" and offer is not None and self.has_change_permission(request, offer):
            form = self.get_form(request, offer, change=True)(request.POST, instance=offer)
            if form.is_valid():
                try:
                    self.write_down(request, offer, form)
                except Refusal as refusal:
                    request.desk_refusal = self.refused(request, refusal, form)  # type: ignore[attr-defined]
                except IntegrityError as error:
                    request.desk_refusal = self.violated(error, form)  # type: ignore[attr-defined]
                else:
                    messages.success(request, gettext("The course is saved."))
                    stay = "_continue" in request.POST
                    return redirect(self.place_of(offer) if stay else self.listing_name())
        facts = {**self.facts(offer), "coordinates": self.coordinates(request)} if offer is not None else {}
        context = {**(extra_context or {}), **facts, "show_save_and_add_another": False}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def write_down(self, request: HttpRequest, offer: Offer, form: Any) -> None:
        """Call the use-case; who answers for the course at the company is a plain edit beside it."""
        by, now = actor_of(request), clock.now()
        authoring.edit_offer(
            offer_id=offer.pk, content=form.content(), version=form.cleaned_data["seen_version"], by=by, now=now
        )
        if "contact" in form.changed_data:
            with transaction.atomic():
                Offer.objects.filter(pk=offer.pk).update(contact=form.cleaned_data["contact"])
                audit.record(by, "offer-changed", offer, fields=["contact"])

    def refused(self, request: HttpRequest, refusal: Refusal, form: Any) -> dict[str | None, list[str]]:
        """Return what stands against saving, by field; after somebody else's save, what stands there now."""
        if isinstance(refusal, authoring.ChangedMeanwhile):
            typed = request.POST.copy()
            typed["seen_version"] = str(refusal.version)
            request.POST = typed  # type: ignore[assignment]
            now_there = authoring.clean_content(form.content())
            differs: dict[str | None, list[str]] = {
                name: [gettext("Somebody else wrote: “%(text)s”") % {"text": refusal.current[name]}]
                for name, value in now_there.items()
                if refusal.current[name] != value
            }
            return {None: [str(refusal.message)], **differs}
        if isinstance(refusal, authoring.Incomplete):
            return {one.field: [gettext("A published course cannot be without this.")] for one in refusal.missing}
        return {refusal.field if refusal.field in form.fields else None: [str(refusal.message)]}

    def violated(self, error: IntegrityError, form: Any) -> dict[str | None, list[str]]:
        """Return what the database had against saving, at the empty fields where that is what it was about."""
        content = form.content()
        empty = [name for name in authoring.MANDATORY if content.get(name) is None or content.get(name) == ""]
        if name_of(error) == "offer_published_is_whole" and empty:
            return {name: [gettext("A published course cannot be without this.")] for name in empty}
        return {None: [str(sentence_for(error))]}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        made = super().get_form(request, obj, change=change, **kwargs)

        class Refusable(made):  # type: ignore[misc, valid-type]
            def clean(self) -> Any:
                cleaned = super().clean()
                for field, sentences in getattr(request, "desk_refusal", {}).items():
                    for sentence in sentences:
                        self.add_error(field, sentence)
                return cleaned

        return Refusable

    def save_model(self, request: HttpRequest, obj: Offer, form: Any, change: bool) -> None:
        """Never write here: see :meth:`change_view`."""
        raise Refusal(_("The course was not saved."), code="not-here")

    def facts(self, offer: Offer) -> dict[str, Any]:
        """Return what stands above the form."""
        missing = authoring.missing_in(offer)
        return {
            "offer": offer,
            "missing": [one.label for one in missing],
            "advice": [line for line in authoring.didactic_check(offer) if not line.done],
            "comments": list(authoring.open_comments(offer)),
        }

    def belonging(self, obj: Offer) -> Iterable[QuerySet[Any]]:
        """A course's history tells of its sessions, its enrolments, its visits and its invitation."""
        return (
            Session.objects.filter(offer=obj),
            Enrolment.objects.filter(session__offer=obj).order_by("-created_at"),
            Encounter.objects.filter(offer=obj),
            Invite.objects.filter(offer=obj),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Offer], search_term: str
    ) -> tuple[QuerySet[Offer], bool]:
        """Where a course is picked for a request by agreement, only those that take one are found."""
        if request.path == reverse("admin:autocomplete") and request.GET.get("model_name") == "dialogue":
            queryset = queryset.filter(pk__in=talks.asked_for().values("pk"))
        found: tuple[QuerySet[Offer], bool] = super().get_search_results(request, queryset, search_term)
        return found

    # Deeds

    def fitting(self, obj: Offer) -> Iterable[str]:
        state = obj.state
        names = ["guide", "clone"]
        if state in publishing.PUBLISHABLE and state != S.PAUSED:
            names.append("publish")
        if state == S.SUBMITTED:
            names += ["send_back"]
        if state in {S.SUBMITTED, S.APPROVED}:
            names += ["reject"]
        if state == S.PUBLISHED:
            names += ["pause", "see"]
        if state in {S.PUBLISHED, S.PAUSED}:
            names.append("confirm_fresh")
        if state == S.PAUSED:
            names.append("resume")
        if state not in planning.NOT_PLANNABLE:
            names += ["plan_session", "plan_series"]
        if state != S.ARCHIVED:
            names.append("archive")
        if state not in {S.ARCHIVED, S.REJECTED}:
            names += ["choose_picture", "add_material"]
            names += ["remove_files"] if obj.picture_id or obj.materials.exists() else []
        return names

    @action(description=_("Publish"), url_path="udgiv", icon="publish")
    def publish(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Put the course into the catalogue, now or later."""
        offer: Offer = self.found_for_review(request, object_id)
        writer = publishing.writer_of(offer)
        missing = [one.label for one in authoring.missing_in(offer)]
        return self.deed(
            request,
            offer,
            title=_("Publish the course"),
            form=PublishForm(answers(request), initial={"publish_at": offer.publish_at}),
            says=[
                _("Everybody can find the course in the catalogue."),
                _("%(name)s at %(company)s gets a mail with the public address.")
                % {"name": self.addressee(request, writer), "company": offer.company}
                if writer
                else _("The company has no contact, so nobody there is told."),
                _("%(company)s stands as active.") % {"company": offer.company},
            ],
            lists=[(_("Still missing before it can be published"), missing)],
            button=_("Publish"),
            act=lambda form: publishing.publish(
                offer_id=offer.pk,
                publish_at=form.cleaned_data["publish_at"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=lambda made: (
                gettext("The course is published.")
                if made.state == S.PUBLISHED
                else gettext("The course is approved and will be published at the time you chose.")
            ),
        )

    @action(description=_("Send back"), url_path="send-retur", icon="undo")
    def send_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the company to change something."""
        offer: Offer = self.found_for_review(request, object_id)
        writer = publishing.writer_of(offer)
        return self.deed(
            request,
            offer,
            title=_("Send the course back with comments"),
            form=SendBackForm(answers(request)),
            says=[
                _("%(name)s gets one mail with all comments and a link to the description.")
                % {"name": self.addressee(request, writer)}
                if writer
                else _("The company has no contact. Add one before you send the course back."),
                _("You hear when the course is sent to you again."),
            ],
            button=_("Send back"),
            act=lambda form: publishing.send_back(
                offer_id=offer.pk, comments=form.comments(), by=actor_of(request), now=clock.now()
            ),
            done=_("The course is sent back with your comments."),
            places={"comments": "text_1"},
        )

    @action(description=_("Reject"), url_path="afvis", icon="block")
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say no to the course."""
        offer: Offer = self.found_for_review(request, object_id)
        return self.deed(
            request,
            offer,
            title=_("Reject the course"),
            form=ReasonForm(answers(request)),
            says=[
                _("The company gets a mail with your reason."),
                _("The course cannot be edited any more, but it can be cloned."),
            ],
            button=_("Reject"),
            danger=True,
            act=lambda form: publishing.reject(
                offer_id=offer.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=clock.now()
            ),
            done=_("The course is rejected."),
        )

    @action(description=_("Pause"), url_path="pause", icon="pause")
    def pause(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take the course out of the catalogue for a while."""
        offer: Offer = self.found(request, object_id)
        coming = Enrolment.objects.active().filter(session__offer=offer, session__starts_at__gt=clock.now()).count()
        return self.deed(
            request,
            offer,
            title=_("Pause the course"),
            form=PauseForm(answers(request)),
            says=[
                _("The course leaves the catalogue, and nobody can enrol until you resume it."),
                ngettext(
                    "%(count)s enrolment to come stays as it is.",
                    "%(count)s enrolments to come stay as they are.",
                    coming,
                )
                % {"count": coming},
            ],
            button=_("Pause"),
            act=lambda form: publishing.pause(
                offer_id=offer.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=clock.now()
            ),
            done=_("The course is paused."),
        )

    @action(description=_("Resume"), url_path="genoptag", icon="play_arrow")
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Put the paused course back."""
        offer: Offer = self.found(request, object_id)
        return self.deed(
            request,
            offer,
            title=_("Resume the course"),
            says=[_("The course stands in the catalogue again, and classes can enrol.")],
            button=_("Resume"),
            act=lambda _form: publishing.resume(offer_id=offer.pk, by=actor_of(request), now=clock.now()),
            done=_("The course is in the catalogue again."),
        )

    @action(description=_("Confirm as up to date"), url_path="stadig-aktuelt", icon="verified")
    def confirm_fresh(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Begin a new year of freshness."""
        offer: Offer = self.found(request, object_id)
        last = dates.short_day(offer.last_confirmed_at) if offer.last_confirmed_at else "–"
        return self.deed(
            request,
            offer,
            title=_("Confirm that the course is up to date"),
            says=[
                _("Last confirmed: %(day)s.") % {"day": last},
                _("The course counts as up to date for another year."),
            ],
            button=_("Confirm"),
            act=lambda _form: publishing.confirm_fresh(offer_id=offer.pk, by=actor_of(request), now=clock.now()),
            done=_("The course is confirmed as up to date."),
        )

    @action(description=_("Own picture"), url_path="billede", icon="image")
    def choose_picture(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the course with a picture of its own."""
        offer = self.found(request, object_id)
        return self.deed(
            request,
            offer,
            title=_("Choose the course's own picture"),
            says=[
                _("The picture stands on the course's page, on its card and on its guide, at once."),
                _("Place, time and camera are taken out of it. The picture before it is deleted."),
            ],
            form=DeskPictureForm(answers(request), files_sent(request)),
            button=_("Use this picture"),
            act=lambda form: material.choose_picture(
                offer_id=offer.pk,
                file=form.cleaned_data["picture"],
                alt_text=form.cleaned_data["alt_text"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("The picture is in use."),
        )

    @action(description=_("Add material"), url_path="materiale", icon="attach_file")
    def add_material(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give teachers a document to save."""
        offer = self.found(request, object_id)
        office = the_municipality().takes_office_files
        return self.deed(
            request,
            offer,
            title=_("Add material for teachers"),
            says=[_("Everybody who sees the course can save the file.")],
            lists=[(_("Already there"), list(offer.materials.all()))],
            form=DeskMaterialForm(answers(request), files_sent(request), office=office),
            button=_("Add the file"),
            act=lambda form: material.add_material(
                offer_id=offer.pk,
                file=form.cleaned_data["document"],
                title=form.cleaned_data["title"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("The file has been added."),
        )

    @action(description=_("Remove picture or material"), url_path="fjern-filer", icon="delete")
    def remove_files(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take files away."""
        offer = self.found(request, object_id)
        return self.deed(
            request,
            offer,
            title=_("Remove picture or material"),
            says=[_("What you tick is deleted for good, at once and for everybody.")],
            form=RemoveFilesForm(answers(request), offer=offer),
            button=_("Remove"),
            act=lambda form: self.take_away(request, offer, form.cleaned_data["files"]),
            done=_("The files have been removed."),
            danger=True,
        )

    def take_away(self, request: HttpRequest, offer: Offer, files: list[str]) -> None:
        """Call the use-case for each file that was ticked."""
        by, now = actor_of(request), clock.now()
        for file in files:
            if file == "picture":
                material.remove_picture(offer_id=offer.pk, by=by, now=now)
            else:
                material.remove_material(offer_id=offer.pk, material_id=int(file), by=by, now=now)

    @action(description=_("Archive"), url_path="arkiver", icon="archive")
    def archive(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take the course out of use."""
        offer: Offer = self.found(request, object_id)
        return self.deed(
            request,
            offer,
            title=_("Archive the course"),
            says=[
                _("The course leaves the catalogue and cannot be edited any more. Its history stays."),
                _("The company's link to the description stops working."),
                _("Enrolments to come must be cancelled first."),
            ],
            button=_("Archive"),
            danger=True,
            act=lambda _form: publishing.archive(offer_id=offer.pk, by=actor_of(request), now=clock.now()),
            done=_("The course is archived."),
        )

    @action(description=_("Clone"), url_path="kopier", icon="content_copy")
    def clone(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Make a new draft that says the same."""
        offer: Offer = self.found(request, object_id)
        return self.deed(
            request,
            offer,
            title=_("Clone the course"),
            says=[_("A new draft is made that says the same, without sessions. Nobody is told.")],
            button=_("Clone"),
            act=lambda _form: authoring.clone_offer(offer_id=offer.pk, by=actor_of(request), now=clock.now()),
            done=_("Here is the new draft."),
            goes_to=self.place_of,
        )

    @action(description=_("See it on the site"), url_path="vis", icon="open_in_new")
    def see(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the course's public page."""
        offer: Offer = self.found_for_review(request, object_id)
        return redirect("offer", offer.pk, offer.slug)

    @action(description=_("Guide (PDF)"), url_path="guide", icon="picture_as_pdf")
    def guide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the course's guide on paper."""
        offer: Offer = self.found_for_review(request, object_id)
        return redirect("guide-offer", offer.pk)

    @action(description=_("Plan a session"), url_path="nyt-tidspunkt", icon="event")
    def plan_session(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Plan one session, on one date or as many as the course has."""
        offer: Offer = self.found(request, object_id)
        return self.deed(
            request,
            offer,
            title=_("Plan a session"),
            form=SessionForm(answers(request), offer=offer),
            says=[_("Classes can enrol from when it opens, if the course is published. Nobody gets a mail about it.")],
            button=_("Plan the session"),
            act=lambda form: planning.plan_session(
                offer_id=offer.pk,
                starts=form.spans(),
                places=form.cleaned_data["places"],
                place=form.cleaned_data["place"],
                note=form.cleaned_data["note"],
                opens_at=form.cleaned_data["opens_at"],
                closes_at=form.cleaned_data["closes_at"],
                draw_minutes=form.cleaned_data["draw_minutes"],
                even_if_closed=form.cleaned_data["even_if_closed"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=lambda made: (
                gettext("Planned: %(when)s. Enrolment opens on %(opens)s and closes on %(closes)s.")
                % {
                    "when": dates.moment_in_words(made.starts_at),
                    "opens": dates.moment_in_words(made.opens_at),
                    "closes": dates.moment_in_words(made.closes_at),
                }
                + (
                    " " + gettext("Lots are drawn on %(when)s.") % {"when": dates.moment_in_words(made.draw_at)}
                    if made.draw_at is not None
                    else ""
                )
            ),
            places={"starts": "day_1"},
        )

    @action(description=_("Plan a weekly series"), url_path="ny-serie", icon="date_range")
    def plan_series(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Plan a session every week; the days are shown before anything is written."""
        offer: Offer = self.found(request, object_id)
        form = SeriesForm(answers(request), initial={"minutes": offer.duration_minutes, "places": offer.places})
        looked_over = form.is_bound and form.is_valid() and request.POST.get("seal") == form.seal()
        planned: list[str] = []
        skipped: list[str] = []
        if form.is_bound and form.is_valid():
            planned, skipped = self.days_of(form.days())
        button = gettext("Show the dates")
        if planned:
            button = ngettext("Plan %(count)s session", "Plan %(count)s sessions", len(planned)) % {
                "count": len(planned)
            }
        return self.deed(
            request,
            offer,
            title=_("Plan a weekly series"),
            form=form,
            says=[
                _("A session is planned every week on the same weekday. Days without school are skipped."),
                _("You see the dates before anything is planned."),
            ],
            lists=[(_("These are planned"), planned), (_("These are skipped"), skipped)],
            button=button,
            hidden=[("seal", form.seal())] if planned else [],
            ready=looked_over or not form.is_valid(),
            act=lambda form: planning.plan_weekly_series(
                offer_id=offer.pk,
                first_start=form.first_start(),
                weeks=form.cleaned_data["weeks"],
                until=form.cleaned_data["until"],
                minutes=form.cleaned_data["minutes"],
                places=form.cleaned_data["places"],
                place=form.cleaned_data["place"],
                note=form.cleaned_data["note"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=lambda series: (
                ngettext("%(count)s session is planned.", "%(count)s sessions are planned.", len(series.planned))
                % {"count": len(series.planned)}
            ),
            places={"starts": "first_day", "closes_at": "first_day"},
        )

    def days_of(self, days: Sequence[date]) -> tuple[list[str], list[str]]:
        """Return in words which days of a series would be planned, and which skipped and why."""
        school_calendar = calendar.SchoolCalendar.load()
        planned, skipped = [], []
        for one in days:
            words = date_format(one, "l j. F Y")
            reason = planning.closed_because(one, school_calendar)
            if reason:
                skipped.append(f"{words}: {reason}")
            else:
                planned.append(words)
        return planned, skipped

    @action(description=_("Write a course for a company"), url_path="nyt", icon="edit_note")
    def write(self, request: HttpRequest) -> HttpResponse:
        """Begin a course on behalf of a company."""
        if not self.coordinates(request):
            raise PermissionDenied
        form = NewOfferForm(answers(request))
        return self.deed(
            request,
            None,
            title=_("Write a course for a company"),
            form=form,
            says=[_("A draft is made, and you go on writing it. Nobody is told before you publish it.")],
            button=_("Make the draft"),
            act=lambda form: authoring.create_offer(
                company_id=form.cleaned_data["company"].pk,
                contact_id=Contact.objects.filter(company=form.cleaned_data["company"], is_active=True)
                .values_list("pk", flat=True)
                .first(),
                content={"title": form.cleaned_data["title"]},
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("Here is the draft."),
            goes_to=self.place_of,
        )

    @admin.action(description=_("Pause"))
    def pause_several(self, request: HttpRequest, queryset: QuerySet[Offer]) -> HttpResponse:
        """Take several courses out of the catalogue for a while."""
        form = PauseForm(confirmed_answers(request))
        return self.deed_on_several(
            request,
            queryset,
            name="pause_several",
            title=_("Pause the courses"),
            form=form,
            says=[
                _("The courses leave the catalogue, and nobody can enrol until you resume them."),
                _("Enrolments to come stay as they are. Nobody gets a mail."),
            ],
            button=_("Pause"),
            act=lambda offer: publishing.pause(
                offer_id=offer.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=clock.now()
            ),
            done=lambda count: gettext("Courses paused: %(count)s") % {"count": count},
        )

    @admin.action(description=_("Resume"))
    def resume_several(self, request: HttpRequest, queryset: QuerySet[Offer]) -> HttpResponse:
        """Put several paused courses back."""
        return self.deed_on_several(
            request,
            queryset,
            name="resume_several",
            title=_("Resume the courses"),
            says=[_("The courses stand in the catalogue again, and classes can enrol. Nobody gets a mail.")],
            button=_("Resume"),
            act=lambda offer: publishing.resume(offer_id=offer.pk, by=actor_of(request), now=clock.now()),
            done=lambda count: gettext("Courses resumed: %(count)s") % {"count": count},
        )

    @admin.action(description=_("Confirm as up to date"))
    def confirm_several(self, request: HttpRequest, queryset: QuerySet[Offer]) -> HttpResponse:
        """Begin a new year of freshness for several courses."""
        return self.deed_on_several(
            request,
            queryset,
            name="confirm_several",
            title=_("Confirm that the courses are up to date"),
            says=[_("The courses count as up to date for another year. Nobody gets a mail.")],
            button=_("Confirm"),
            act=lambda offer: publishing.confirm_fresh(offer_id=offer.pk, by=actor_of(request), now=clock.now()),
            done=lambda count: gettext("Courses confirmed: %(count)s") % {"count": count},
        )

    @admin.action(description=_("Archive"))
    def archive_several(self, request: HttpRequest, queryset: QuerySet[Offer]) -> HttpResponse:
        """Take several courses out of use."""
        return self.deed_on_several(
            request,
            queryset,
            name="archive_several",
            title=_("Archive the courses"),
            says=[
                _("The courses leave the catalogue and cannot be edited any more. Their history stays."),
                _("The companies' links to the descriptions stop working."),
                _("A course with enrolments to come is left as it is; cancel or move them first."),
            ],
            button=_("Archive"),
            danger=True,
            act=lambda offer: publishing.archive(offer_id=offer.pk, by=actor_of(request), now=clock.now()),
            done=lambda count: gettext("Courses archived: %(count)s") % {"count": count},
        )

    @admin.action(description=_("Publish"))
    def publish_several(self, request: HttpRequest, queryset: QuerySet[Offer]) -> HttpResponse:
        """Publish several courses at once."""
        return self.deed_on_several(
            request,
            queryset,
            name="publish_several",
            title=_("Publish the courses"),
            says=[_("Each course is put into the catalogue, and its contact gets a mail with the public address.")],
            button=_("Publish"),
            act=lambda offer: publishing.publish(offer_id=offer.pk, by=actor_of(request), now=clock.now()),
            done=lambda count: gettext("Courses published: %(count)s") % {"count": count},
        )

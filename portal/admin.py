"""The desk's ground: what every list, form and action of the admin shares, and the ground's own lists."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, TypeVar

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path, unquote
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, ORDER_VAR, PAGE_VAR
from django.contrib.admin.widgets import AutocompleteSelect, RelatedFieldWidgetWrapper
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.core.mail import EmailMessage
from django.db import IntegrityError, models
from django.db.models import Count, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold import decorators
from unfold.admin import TabularInline
from unfold.forms import PaginationInlineFormSet
from unfold.overrides import FORMFIELD_OVERRIDES_INLINE
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminTextInputWidget

from portal import history
from portal.context import the_municipality
from portal.domain import audit, clock, outbox, theme, uploads
from portal.domain.constraints import sentence_for
from portal.domain.cpr import no_personal_number
from portal.domain.danish import in_danish_order
from portal.domain.refusal import Refusal
from portal.exports import Exporting
from portal.forms.fields import (
    Day,
    DayInput,
    Email,
    Line,
    Moment,
    Phone,
    WebAddress,
    WholeNumber,
    Words,
)
from portal.forms.files import LogoField
from portal.http import actor_of
from portal.models import (
    ActivityType,
    AuditEntry,
    CalendarPeriod,
    EducationArea,
    Heartbeat,
    Industry,
    IndustryCode,
    Message,
    Municipality,
    MunicipalRole,
    OrganisationModel,
    Subject,
    User,
)

ADMINISTRATOR = MunicipalRole.Role.ADMINISTRATOR.value
COORDINATOR = MunicipalRole.Role.COORDINATOR.value
REVIEWER = MunicipalRole.Role.REVIEWER.value
OPERATOR = MunicipalRole.Role.OPERATOR.value
LONGEST_SEARCH, MOST_WORDS = 200, 10
IN_DANISH = {"name", "title", "school__name"}
COUNTS, MOST_ROWS = ("-TOTAL_FORMS", "-INITIAL_FORMS"), 1000
LINES_ON_A_PAGE = 50
MOST_BELONGING = 2000
MOST_AT_ONCE = 200
MOST_FOUND = 5000
Text = str | Promise
F = TypeVar("F", bound=Callable[..., Any])


def action(*, description: Text, url_path: str, icon: str = "") -> Callable[[F], F]:
    """Mark a method as a deed with a page of its own (the theme's decorator, with its types)."""
    marked: Callable[[F], F] = decorators.action(description=description, url_path=url_path, icon=icon)
    return marked


class _Colors(dict[Any, str]):
    """Which colour a state has; a state that is not named has none, and is shown by its name all the same."""

    def __missing__(self, key: Any) -> str:
        return ""


def display(
    *,
    description: Text,
    ordering: str | None = None,
    label: Mapping[Any, str] | None = None,
    header: bool = False,
    boolean: bool = False,
) -> Callable[[F], F]:
    """Mark a method as a column (the theme's decorator, with its types).

    ``label`` says which colour a state has; ``header`` makes two lines of a pair.
    """
    marked: Callable[[F], F] = decorators.display(
        description=description,
        ordering=ordering,
        label=_Colors(label) if label is not None else None,
        header=header or None,
        boolean=boolean or None,
    )
    return marked


class DeskForm(forms.Form):
    """A form on a page of the desk that is not a row's own: each input in the desk's dress."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dress()

    def dress(self) -> None:
        """Put every input into the desk's dress; called again by forms that make their fields as they are made."""
        for field in self.fields.values():
            if type(field) is forms.CharField and no_personal_number not in field.validators:
                field.validators.append(no_personal_number)
            if not isinstance(field.widget, (forms.CheckboxInput, forms.CheckboxSelectMultiple, forms.RadioSelect)):
                field.widget.attrs.setdefault("class", "desk-input")
            if isinstance(field.widget, forms.Textarea):
                field.widget.attrs.setdefault("rows", 4)


class NumberList(SimpleArrayField):
    """Numbers with commas between them; the same numbers written otherwise are no change."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return list(initial or []) != (self.to_python(data) or [])
        except forms.ValidationError:
            return True


class DomainList(NumberList):
    """Domains with commas between them, however they were written: with an @ before them, or in capitals."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        parts = [part.strip().lower().removeprefix("@") for part in str(value or "").split(",")]
        return super().to_python(",".join(dict.fromkeys(part for part in parts if part)))


class TimeInput(forms.TimeInput):
    """The browser's own clock."""

    input_type = "time"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs=attrs, format="%H:%M")


class MomentInput(forms.DateTimeInput):
    """The browser's own calendar with a clock."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs=attrs, format="%Y-%m-%dT%H:%M")


class SplitMoment(forms.SplitDateTimeField):
    """A day and an hour in two inputs, as the theme has them; understood as :class:`Moment` understands them."""

    def compress(self, data_list: Any) -> Any:
        if data_list and isinstance(data_list[0], date):
            Day().run_validators(data_list[0])
        return super().compress(data_list)


# The theme's inputs, with what the portal's fields accept and refuse.
FIELDS: dict[Any, dict[str, Any]] = {
    models.CharField: {"form_class": Line},
    models.SlugField: {"form_class": forms.SlugField, "widget": UnfoldAdminTextInputWidget},
    models.TextField: {"form_class": Words},
    models.EmailField: {"form_class": Email},
    models.URLField: {"form_class": WebAddress},
    models.IntegerField: {"form_class": WholeNumber},
    models.DateField: {"form_class": Day},
    models.DateTimeField: {"form_class": SplitMoment},
}


def files_sent(request: HttpRequest) -> Any:
    """Return the files with which a deed's form is filled in, as :func:`answers` does the words."""
    return request.FILES if request.method == "POST" else None


def answers(request: HttpRequest) -> Any:
    """Return what a deed's form is filled in with: what was sent, or nothing before that."""
    return request.POST if request.method == "POST" else None


def day(moment: datetime | None) -> str:
    """Return a moment's day in few letters, for a column."""
    return date_format(localtime(moment), "j. b Y") if moment else "–"


def day_and_hour(moment: datetime | None) -> str:
    """Return a moment in few letters with its weekday, for a column."""
    return date_format(localtime(moment), "D j. b Y, H.i") if moment else "–"


def how_many(rows: models.QuerySet[Any], by: str) -> Coalesce:
    """Return a column that counts rows per value of ``by``, asked for the shown rows only: no join, no grouping of all.

    ``rows`` are filtered with an ``OuterRef``.
    """
    counts = rows.order_by().values(by).annotate(how_many=Count("pk")).values("how_many")
    return Coalesce(Subquery(counts), 0)


class FewFilter(admin.SimpleListFilter):
    """Rows by another row they belong to, as long as there are few of those to choose from; else one searches.

    A list of thousands in a select helps nobody and is slow to draw.
    """

    model: ClassVar[type[models.Model]]
    lookup: ClassVar[str]
    most = 150

    def choosable(self) -> models.QuerySet[Any]:
        """Return what one may choose from."""
        return self.model._default_manager.all()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        found = list(self.choosable()[: self.most + 1])
        return [(str(one.pk), str(one)) for one in found] if len(found) <= self.most else []

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        chosen = self.value()
        known = {str(value) for value, _name in self.lookup_choices}
        return queryset.filter(**{self.lookup: chosen}) if chosen in known else queryset


class Picker(AutocompleteSelect):
    """An input that finds another row while one types: the browser gets a few at a time, however many there are."""

    def optgroups(self, name: str, value: Sequence[str], attr: Any = None) -> Any:
        """Draw what was sent, unless it is no id at all: the framework would stumble over that."""
        return super().optgroups(name, [text for text in value if self.is_id(text)], attr)

    def is_id(self, text: Any) -> bool:
        """Return whether the text could be the id of a row."""
        try:
            self.field.remote_field.model._meta.pk.to_python(str(text))
        except forms.ValidationError:
            return False
        return True


def picker(field: str, model: type[models.Model]) -> Picker:
    """Return a picker for a form of a deed.

    ``field`` is a field of ``model`` that points to what is looked for; both have a list at the desk.
    """
    return Picker(model._meta.get_field(field), admin.site)


def plain(field: Any) -> Any:
    """Return a form field without buttons that add and change other rows."""
    if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
        field.widget.can_add_related = False
        field.widget.can_change_related = False
        field.widget.can_delete_related = False
        field.widget.can_view_related = False
    return field


@dataclass(frozen=True, kw_only=True)
class Told:
    """A line of a row's history; ``about`` names another row that it is about, with its address."""

    line: history.Line
    about: tuple[str, str]


def side_of(request: HttpRequest) -> int:
    """Return the wanted page of a history, from the address: the first for anything that is none."""
    text = request.GET.get("side", "")
    return max(int(text), 1) if re.fullmatch(r"[0-9]{1,6}", text) else 1


def page_of_entries(entries: models.QuerySet[AuditEntry], side: int) -> tuple[list[AuditEntry], bool]:
    """Return one page of entries, and whether there are older ones; nothing is counted."""
    first = (side - 1) * LINES_ON_A_PAGE
    found = list(entries[first : first + LINES_ON_A_PAGE + 1])
    return found[:LINES_ON_A_PAGE], len(found) > LINES_ON_A_PAGE


def confirmed_answers(request: HttpRequest) -> Any:
    """Return what the form of a deed on several rows is filled in with: what was sent from its page, or nothing."""
    return request.POST if "confirmed" in request.POST else None


class PageOfRows(ChangeList):  # type: ignore[misc]
    """A page of a long list: its keys are found first, then the rows of these alone.

    In one question, PostgreSQL joins and sorts every row in its full width, and throws all but fifty away.
    """

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if self.multi_page and isinstance(self.result_list, models.QuerySet):
            keys = list(self.result_list.values_list("pk", flat=True))
            rows = self.apply_select_related(self.root_queryset).in_bulk(keys)
            self.result_list = [rows[key] for key in keys if key in rows]


class Desk(Exporting):
    """A list of the desk with its forms: who may open it follows the municipal roles, and nothing is deleted.

    Plain edits are ordinary saves with a line in the log. Whatever changes a state is a *deed*: a page of its own
    that says what will happen to whom, and calls the use-case outside of any transaction.
    """

    icon = "list"
    viewers: ClassVar[frozenset[str]] = frozenset({COORDINATOR})
    editors: ClassVar[frozenset[str]] = frozenset({COORDINATOR})
    can_add = True
    can_delete = False
    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    list_filter_sheet = True
    list_fullwidth = True
    compressed_fields = True
    warn_unsaved_form = True
    actions: ClassVar[Sequence[Any]] = ()
    formfield_overrides: ClassVar[dict[Any, dict[str, Any]]] = FIELDS

    # Inputs

    def formfield_for_dbfield(self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Leave out the theme's buttons that add and change other rows from within a form."""
        if db_field.name.endswith("phone"):
            kwargs["form_class"] = Phone
        return plain(super().formfield_for_dbfield(db_field, request, **kwargs))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Find what could be one of thousands while one types."""
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", Picker(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Let words be ticked off, all of them in sight."""
        kwargs.setdefault("widget", forms.CheckboxSelectMultiple(attrs={"class": "desk-ticks"}))
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        field.widget.attrs["class"] = "desk-ticks"
        field.help_text = ""
        return field

    # Who may do what

    def roles(self, request: HttpRequest) -> frozenset[str]:
        """Return the municipal roles of whoever asks."""
        found: frozenset[str] = self.admin_site.roles_of(request)
        return found

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(self.viewers & self.roles(request))

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(self.viewers & self.roles(request))

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return bool(self.editors & self.roles(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.can_add and bool(self.editors & self.roles(request))

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.can_delete and bool(self.editors & self.roles(request))

    def may_act(self, request: HttpRequest) -> bool:
        """Return whether whoever asks may do this list's deeds."""
        return self.has_change_permission(request)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)
        if not self.may_act(request):
            found = {name: entry for name, entry in found.items() if name == "export_chosen"}
        found.pop("delete_selected", None)
        return found

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Let addresses filter by what this list's filters ask alone: otherwise texts could be guessed by letters.

        A relation is compared with a key and never followed: behind *industry* stand offers, their contacts, their
        enrolments, and what somebody wrote there.
        """
        return lookup in self.lookups_of_filters()

    def lookups_of_filters(self) -> set[str]:
        """Return every lookup that a filter of this list, or its row of years and months, puts into an address."""
        found = {f"{self.date_hierarchy}__{part}" for part in ("year", "month", "day") if self.date_hierarchy}
        for one in self.list_filter:
            if isinstance(one, tuple):
                found.add(f"{one[0]}__isempty")
            elif isinstance(one, str):
                field = get_fields_from_path(self.model, one)[-1]
                key = getattr(field, "target_field", None)
                found |= {one, f"{one}__exact", f"{one}__isnull"}
                found |= {f"{one}__{key.name}__exact"} if key is not None else set()
            else:
                found.add(one.parameter_name)
        return found

    def get_inline_formsets(self, *args: Any, **kwargs: Any) -> Any:
        """Let the button for one more row say that: the framework's words fit neither gender nor small letters."""
        found = super().get_inline_formsets(*args, **kwargs)
        for one in found:
            facts = json.loads(one.inline_formset_data())
            facts["options"]["addText"] = gettext("Add another row")
            one.inline_formset_data = json.dumps(facts)
        return found

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Refuse a form whose rows are counted wrongly: no browser sends that, and each counted row is made."""
        for name, value in request.POST.items():
            wrong = not re.fullmatch(r"[0-9]{1,4}", str(value)) or int(str(value)) > MOST_ROWS
            if name.endswith(COUNTS) and wrong:
                raise BadRequest(name)
        answer: HttpResponse = super().changeform_view(request, *args, **kwargs)
        return answer

    def get_ordering(self, request: HttpRequest) -> Sequence[Any]:
        """Put what is sorted by a name into the order of the Danish alphabet."""
        given = self.ordering or self.model._meta.ordering
        return [in_danish_order(one) if isinstance(one, str) and one in IN_DANISH else one for one in given]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list; what the address says and nobody understands is left out, and one is told."""
        if ERROR_FLAG in request.GET:
            understood = request.GET.copy()
            del understood[ERROR_FLAG]
            request.GET = understood  # type: ignore[assignment]
            messages.warning(request, gettext("Something in the address was not understood, and was left out."))
        named = {"title": capfirst(self.model._meta.verbose_name_plural), **(extra_context or {})}
        answer: HttpResponse = super().changelist_view(request, named)
        return answer

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return PageOfRows

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Take a value that cannot even be compared for one that is not understood."""
        try:
            found = super().get_changelist_instance(request)
            if not set(request.GET) - {PAGE_VAR, ORDER_VAR, ALL_VAR}:
                # Nothing is left out, so there is no "show all" to offer.
                found.full_result_count = found.result_count
            return found
        except (OverflowError, TypeError, ValueError, ValidationError) as error:
            raise IncorrectLookupParameters(error) from error

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """Search for the first words only: each is looked for in every column, and a pasted page has thousands.

        A list asks for its rows four or five times: to count, to sort, for the years that there are. So what fits is
        looked for once, and its keys stand for it from then on, unless half the list fits.
        """
        words = search_term[:LONGEST_SEARCH].split()[:MOST_WORDS]
        found: tuple[models.QuerySet[Any], bool] = super().get_search_results(request, queryset, " ".join(words))
        if not words or request.path == reverse("admin:autocomplete"):
            return found
        keys = list(found[0].order_by().values_list("pk", flat=True)[: MOST_FOUND + 1])
        return (queryset.filter(pk__in=keys), False) if len(keys) <= MOST_FOUND else found

    # What is remembered: the portal's own log, which holds no names, instead of Django's

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> None:
        """Django's own log keeps the names of what was changed for ever; ours does not."""

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> None:
        """See :meth:`log_addition`."""

    def log_deletions(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        """See :meth:`log_addition`."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change or form.changed_data:
            self.note(request, obj, "changed" if change else "added", form.changed_data if change else ())

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        for row in formset.new_objects:
            self.note(request, row, "added")
        for row, fields in formset.changed_objects:
            self.note(request, row, "changed", fields)
        for row in formset.deleted_objects:
            self.note(request, row, "deleted")

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        self.note(request, obj, "deleted")
        super().delete_model(request, obj)

    def note(self, request: HttpRequest, obj: models.Model, what: str, fields: Iterable[str] = ()) -> None:
        """Write a plain edit into the log, in the transaction of the save."""
        audit.record(actor_of(request), f"{obj._meta.model_name}-{what}", obj, fields=sorted(fields))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Tell who did what to the row when, in words, with what was done to the rows that belong to it."""
        if not self.has_view_permission(request) or not self.may_read_history(request):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404
        side = side_of(request)
        entries, older = page_of_entries(self.entries_about(obj), side)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": _("History: %(thing)s") % {"thing": obj},
            "obj": obj,
            "back": self.place_of(obj),
            "rows": [Told(line=line, about=self.about(line.entry, obj)) for line in history.lines(entries)],
            "newer": side - 1 if side > 1 else None,
            "older": side + 1 if older else None,
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/desk_history.html", context)

    def may_read_history(self, request: HttpRequest) -> bool:
        """Return whether whoever asks may read who did what: coordinators, and operators of what is only theirs."""
        return COORDINATOR in self.roles(request) or self.viewers == {OPERATOR}

    def belonging(self, obj: Any) -> Iterable[models.QuerySet[Any]]:
        """Return the rows whose deeds stand in this row's history, too."""
        return ()

    def entries_about(self, obj: models.Model) -> models.QuerySet[AuditEntry]:
        """Return the log's entries about a row and what belongs to it, the newest first."""
        wanted = models.Q(object_type=obj._meta.label_lower, object_id=str(obj.pk))
        for rows in self.belonging(obj):
            ids = [str(pk) for pk in rows.order_by().values_list("pk", flat=True)[:MOST_BELONGING]]
            if ids:
                wanted |= models.Q(object_type=rows.model._meta.label_lower, object_id__in=ids)
        return AuditEntry.objects.filter(wanted).order_by("-at", "-id")

    def about(self, entry: AuditEntry, obj: models.Model) -> tuple[str, str]:
        """Return what an entry of a row's history is about, when it is another row: its kind, and its address."""
        if entry.object_type == obj._meta.label_lower and entry.object_id == str(obj.pk):
            return "", ""
        try:
            model = apps.get_model(entry.object_type)
        except (LookupError, ValueError):
            return entry.object_type, ""
        address = ""
        if model in self.admin_site._registry:
            address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=(entry.object_id,))
        return str(model._meta.verbose_name), address

    # Deeds

    def fitting(self, obj: Any) -> Iterable[str]:
        """Return the names of the detail actions that make sense for this row as it is now."""
        return self._extract_action_names(self.actions_detail)  # type: ignore[no-any-return]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        if not self.may_act(request):
            return []
        obj = self.get_object(request, unquote(str(object_id)))
        fitting = set(self.fitting(obj)) if obj else set()
        prefix = f"{self.model._meta.app_label}_{self.model._meta.model_name}_"
        return [
            one
            for one in super().get_actions_detail(request, object_id)
            if one.action_name.removeprefix(prefix) in fitting
        ]

    def found(self, request: HttpRequest, object_id: Any) -> Any:
        """Return the row a deed is about; without the right to do it, or without the row, there is no page."""
        if not self.may_act(request):
            raise PermissionDenied
        obj = self.get_object(request, unquote(str(object_id)))
        if obj is None:
            raise Http404
        return obj

    def place_of(self, obj: models.Model) -> str:
        """Return the address of a row's own page."""
        return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=(obj.pk,))

    def deed(
        self,
        request: HttpRequest,
        obj: models.Model | None,
        *,
        title: Text,
        act: Callable[[Any], object],
        done: Text | Callable[[Any], Text],
        button: Text,
        form: forms.Form | None = None,
        says: Iterable[Text] = (),
        lists: Iterable[tuple[Text, Sequence[object]]] = (),
        danger: bool = False,
        goes_to: Callable[[Any], str] | None = None,
        hidden: Iterable[tuple[str, str]] = (),
        places: Mapping[str, str] | None = None,
        template: str = "admin/desk_deed.html",
        extra: dict[str, Any] | None = None,
        ready: bool = True,
        preview: Callable[[Any], EmailMessage | None] | None = None,
    ) -> HttpResponse:
        """Answer a deed's page: GET says what will happen, POST calls ``act`` and goes back.

        A refusal stands on the form, at its field, and what was typed is kept. ``ready`` is False while a first
        answer is still to be looked over. ``places`` says at which input a refusal's field stands, where they differ.
        ``preview`` adds a button that shows the mail as it would leave, and does nothing else.
        """
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        back = self.place_of(obj) if obj is not None else reverse(self.listing_name())
        sent = request.method == "POST" and ready
        if form is None:
            form = DeskForm(request.POST if sent else None)
        status, shown = 200, None
        if sent and preview is not None and "preview" in request.POST:
            shown = preview(form) if form.is_valid() else None
        elif sent and form.is_valid():
            try:
                outcome = act(form)
            except Refusal as refusal:
                place = (places or {}).get(refusal.field or "", refusal.field)
                form.add_error(place if place in form.fields else None, str(refusal.message))
            except IntegrityError as error:
                form.add_error(None, str(sentence_for(error)))
            else:
                said = done(outcome) if callable(done) else done
                if said:
                    messages.success(request, str(said))
                return redirect(goes_to(outcome) if goes_to else back)
        if form.is_bound and form.errors:
            status = 422
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": title,
            "obj": obj,
            "form": form,
            "says": list(says),
            "lists": [(name, rows) for name, rows in lists if rows],
            "button": button,
            "danger": danger,
            "back": back,
            "hidden": list(hidden),
            "has_preview": preview is not None,
            "preview": shown,
            **(extra or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, context, status=status)

    def listing_name(self) -> str:
        """Return the name of the list's address."""
        return f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_changelist"

    def deed_on_several(
        self,
        request: HttpRequest,
        chosen: models.QuerySet[Any],
        *,
        name: str,
        title: Text,
        button: Text,
        says: Iterable[Text],
        act: Callable[[Any], object],
        done: Callable[[int], Text],
        danger: bool = False,
        form: forms.Form | None = None,
        named: Callable[[Any], object] = str,
        preview: Callable[[Any], EmailMessage | None] | None = None,
    ) -> HttpResponse:
        """Answer a list action: first a page that names the rows, then one use-case for each of them.

        A row whose use-case refuses is told of, and the others go on. ``form`` is asked once for all of them;
        ``act`` reads what was typed from it. ``named`` says how a row is called on the page. ``preview`` adds a button
        that shows the mail about the first row for which there is one, and does nothing else.
        """
        if not self.may_act(request):
            raise PermissionDenied
        rows = list(chosen[: MOST_AT_ONCE + 1])
        if len(rows) > MOST_AT_ONCE:
            sentence = gettext("At most %(most)s at once. Choose fewer, or filter the list first.")
            messages.error(request, sentence % {"most": MOST_AT_ONCE})
            return redirect(request.get_full_path())
        ready, shown = "confirmed" in request.POST and (form is None or form.is_valid()), None
        if ready and preview is not None and "preview" in request.POST:
            shown = next((mail for row in rows if (mail := preview(row)) is not None), None)
        elif ready:
            count = 0
            for row in rows:
                try:
                    act(row)
                except (Refusal, IntegrityError) as error:
                    why = error.message if isinstance(error, Refusal) else sentence_for(error)
                    messages.error(request, f"{row}: {why}")
                else:
                    count += 1
            if count:
                messages.success(request, str(done(count)))
            return redirect(request.get_full_path())
        hidden = [("action", name), ("confirmed", "1")] + [(ACTION_CHECKBOX_NAME, str(r.pk)) for r in rows]
        return self.deed(
            request,
            None,
            title=title,
            act=lambda _form: None,
            done="",
            button=button,
            form=form,
            says=says,
            lists=[(_("This is about"), [named(row) for row in rows])],
            danger=danger,
            hidden=hidden,
            ready=False,
            extra={"back": request.get_full_path(), "has_preview": preview is not None, "preview": shown},
        )


class ReadDesk(Desk):
    """A list one reads: rows are made by use-cases."""

    can_add = False
    editors: ClassVar[frozenset[str]] = frozenset()
    warn_unsaved_form = False


class RowForms(PaginationInlineFormSet):  # type: ignore[misc]
    """The forms of rows within another row's form, counted as they were drawn."""

    def clean(self) -> None:
        super().clean()
        key = self.model._meta.pk.name
        if any(self.data.get(form.add_prefix(key)) for form in self.extra_forms):
            # A new row has no number yet: the page was drawn before some of these were there, or was tampered with.
            raise forms.ValidationError(
                gettext("These rows have changed meanwhile. Reload the page and try again."), code="changed-meanwhile"
            )


class Rows(TabularInline):  # type: ignore[misc]
    """Rows within another row's form; they follow the rights of the form they stand in."""

    formset = RowForms
    extra = 0
    show_change_link = False
    # What the row is stands in its columns.
    hide_title = True
    can_delete = False
    formfield_overrides: ClassVar[dict[Any, dict[str, Any]]] = {
        kind: {**FORMFIELD_OVERRIDES_INLINE.get(kind, {}), **FIELDS.get(kind, {})}
        for kind in {**FORMFIELD_OVERRIDES_INLINE, **FIELDS}
    }

    def formfield_for_dbfield(self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Say to those who do not see the column's heading what an input is for."""
        if db_field.name.endswith("phone"):
            kwargs["form_class"] = Phone
        field = plain(super().formfield_for_dbfield(db_field, request, **kwargs))
        if field is not None:
            getattr(field.widget, "widget", field.widget).attrs["aria-label"] = field.label
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Find what could be one of thousands while one types."""
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", Picker(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def rights(self, request: HttpRequest) -> bool:
        """Return whether whoever asks is a coordinator."""
        return COORDINATOR in self.admin_site.roles_of(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.rights(request)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.rights(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.rights(request)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self.can_delete and self.rights(request)


class ReadRows(Rows):
    """Rows one reads within another row's form."""

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Sequence[str]:
        return tuple(self.fields)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


# The municipality and its calendar


class MunicipalityForm(forms.ModelForm[Municipality]):
    """The settings, looked over where one depends on another."""

    class Meta:
        model = Municipality
        fields = "__all__"  # noqa: DJ007 (the desk's fieldsets choose)

    def clean_brand_color(self) -> str:
        """Refuse a colour on which neither white nor the page can be read; the shades of any other are computed."""
        color: str = self.cleaned_data["brand_color"].lower()
        if not theme.is_brand_colour(color):
            return color
        on_white = theme.contrast(color, "#ffffff")
        if on_white < theme.TEXT_CONTRAST:
            instead = theme.brand_scale(color, theme.Scheme.LIGHT)["base-default"]
            raise forms.ValidationError(
                gettext(
                    "White text on this colour has a contrast of %(ratio)s to 1, and 4.5 to 1 is needed to be read."
                    " The nearest shade that has it is %(instead)s."
                )
                % {"ratio": f"{on_white:.1f}".replace(".", ","), "instead": instead},
                code="contrast",
            )
        return color

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or {}
        warnings, fresh = typed.get("freshness_warnings"), typed.get("freshness_days")
        if warnings and fresh and max(warnings) >= fresh:
            self.add_error(
                "freshness_warnings", gettext("A warning must come before the course has run out; write fewer days.")
            )
        return typed


class LogoForm(DeskForm):
    """A new logo, or the word that there shall be none."""

    logo = LogoField(
        label=_("Logo"),
        required=False,
        help_text=_("PNG, WebP or JPEG, at most 5 MB; best lying, drawn for a white background."),
    )
    remove = forms.BooleanField(label=_("Show no logo, only the name"), required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "logo" not in self.errors and bool(cleaned.get("logo")) == bool(cleaned.get("remove")):
            self.add_error(
                "logo", forms.ValidationError(_("Choose a file, or tick that there shall be none."), code="choose")
            )
        return self.cleaned_data


@admin.register(Municipality)
class MunicipalityDesk(Desk):
    """The one municipality: its page opens at once."""

    icon = "account_balance"
    can_add = False
    can_export = False
    fieldsets = (
        (_("Who we are"), {"fields": ("name", "tagline", "introduction", "brand_color", "logo_shown")}),
        (_("How to reach us"), {"fields": ("address", "contact_email", "contact_phone")}),
        (_("Who may enter"), {"fields": ("teacher_domains", "memberships_need_confirmation")}),
        (
            _("Mails"),
            {"fields": ("sender_name", "sender_email", "reply_to", "teacher_reminders", "host_reminders")},
        ),
        (
            _("Requests and cancelling"),
            {"fields": ("request_hold_days", "cancel_days")},
        ),
        (
            _("Waiting lists"),
            {
                "fields": ("place_offer_days", "place_offer_hours", "unvisited_first", "smaller_may_overtake"),
                "description": _(
                    "A yes to an offered place confirms the class, also where the host answers each request: the host"
                    " is told, not asked. The class then leaves the lines of the course's other dates."
                ),
            },
        ),
        (
            _("Fair shares"),
            {
                "fields": (
                    "most_per_class",
                    "most_per_class_at_company",
                    "priority_days",
                    "priority_for",
                    "draw_minutes",
                ),
                "description": _(
                    "Each is off until you fill it in, and every teacher is told the rule, the numbers and what to do"
                    " instead. You yourself may make exceptions: what coordinators enrol is bound neither by limits nor"
                    " by priority. The draw is for dates planned from then on."
                ),
            },
        ),
        (
            _("Moving dates"),
            {
                "fields": ("move_answer_days", "move_default"),
                "description": _("When a host or you propose another time, each class is asked whether it stays."),
            },
        ),
        (
            _("What hosts may do themselves"),
            {"fields": ("hosts_add_dates", "host_notice_days", "host_most_dates")},
        ),
        (
            _("Courses by agreement"),
            {
                "fields": ("dialogue_nudge_days",),
                "description": _("A teacher proposes times for a course, and host and teacher agree on one."),
            },
        ),
        (
            _("Courses and surveys"),
            {"fields": ("freshness_days", "freshness_warnings", "survey_threshold", "takes_office_files")},
        ),
        (_("How we organise the work"), {"fields": ("organisation_models",)}),
        (
            _("How long personal data is kept"),
            {
                "fields": (
                    "keep_needs_days",
                    "keep_visit_months",
                    "keep_contact_months",
                    "keep_account_months",
                    "keep_mail_days",
                    "keep_comment_months",
                    "keep_log_months",
                ),
                "description": _("The figures that are set are the longest allowed; shorter is free."),
            },
        ),
        (_("Calendar and words"), {"fields": ("elsewhere",)}),
    )
    readonly_fields = ("elsewhere", "logo_shown")
    form = MunicipalityForm

    @display(description=_("Kept on pages of their own"))
    def elsewhere(self, municipality: Municipality) -> SafeString:
        """Return the way to what belongs to the settings and is a list."""
        lists = [
            (CalendarPeriod, gettext("Holidays and closing days")),
            (Subject, gettext("Subjects")),
            (Industry, gettext("Industries")),
            (ActivityType, gettext("Activity types")),
            (EducationArea, gettext("Education areas")),
        ]
        links = [
            (reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"), name)
            for model, name in lists
        ]
        return format_html_join(" · ", '<a class="desk-link" href="{}">{}</a>', links)

    actions_detail = ("change_logo",)

    @display(description=_("Logo"))
    def logo_shown(self, municipality: Municipality) -> str | SafeString:
        logo = municipality.logo
        if logo is None:
            return gettext("None yet: the name stands alone.")
        return format_html(
            '<img class="desk-logo" src="{}" alt="{}" width="{}" height="{}">',
            reverse("logo", args=[logo.pk]),
            municipality.name,
            logo.width,
            logo.height,
        )

    @action(description=_("Change the logo"), url_path="logo", icon="image")
    def change_logo(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show another logo, or none."""
        municipality = self.found(request, object_id)
        return self.deed(
            request,
            municipality,
            title=_("Change the logo"),
            says=[
                _("The logo stands in the head of every page and on the guides, at once and for everybody."),
                _("For those who do not see it, it is called %(name)s.") % {"name": municipality.name},
            ],
            form=LogoForm(answers(request), files_sent(request)),
            button=_("Change the logo"),
            act=lambda form: uploads.change_logo(file=form.cleaned_data["logo"], by=actor_of(request), now=clock.now()),
            done=lambda changed: _("The logo has been changed.") if changed.logo else _("The logo has been removed."),
        )

    def formfield_for_dbfield(self, db_field: "models.Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "organisation_models":
            return forms.MultipleChoiceField(
                label=capfirst(db_field.verbose_name),
                choices=OrganisationModel.choices,
                required=False,
                widget=forms.CheckboxSelectMultiple(attrs={"class": "desk-ticks desk-ticks--wide"}),
                help_text=db_field.help_text,
            )
        if isinstance(db_field, ArrayField) and isinstance(db_field.base_field, models.CharField):
            text = self.formfield_overrides[models.CharField]["widget"]
            return db_field.formfield(form_class=DomainList, widget=text(), show_hidden_initial=False)
        if isinstance(db_field, ArrayField) and isinstance(db_field.base_field, models.IntegerField):
            text = self.formfield_overrides[models.CharField]["widget"]
            return db_field.formfield(
                form_class=NumberList,
                widget=text(),
                show_hidden_initial=False,
                help_text=_("Numbers separated by commas, e.g. 10, 3."),
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        municipality = the_municipality()
        if municipality._state.adding:
            municipality.save()
        return redirect(self.place_of(municipality))


@admin.register(CalendarPeriod)
class CalendarDesk(Desk):
    """Holidays and closing days, by school year."""

    icon = "calendar_month"
    can_delete = True
    list_display = ("name", "kind", "first_day", "last_day", "year")
    list_filter = ("school_year", "kind")
    search_fields = ("name",)
    date_hierarchy = "first_day"

    @display(description=_("School year"), ordering="school_year")
    def year(self, period: CalendarPeriod) -> str:
        return f"{period.school_year}/{(period.school_year + 1) % 100:02d}"


# Vocabularies


class VocabularyDesk(Desk):
    """A versioned vocabulary: a word that goes out of use gets an end and stays."""

    icon = "label"
    list_display: ClassVar[Any] = ("name", "name_en", "slug", "version", "position", "valid_until")
    search_fields = ("name", "name_en", "slug")
    list_filter: ClassVar[Any] = ("version",)

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Sequence[str]:
        """Keep the code of a word that exists: addresses and the ledger speak of it."""
        return ("slug",) if obj else ()


@admin.register(Subject)
class SubjectDesk(VocabularyDesk):
    icon = "menu_book"
    list_display = ("name", "name_en", "grade_from", "grade_to", "is_stem", "version", "valid_until")
    list_filter = ("is_stem", "version")


class IndustryCodes(Rows):
    model = IndustryCode
    fields = ("system", "code", "title")
    can_delete = True


@admin.register(Industry)
class IndustryDesk(VocabularyDesk):
    icon = "factory"
    inlines = (IndustryCodes,)


@admin.register(EducationArea)
class EducationAreaDesk(VocabularyDesk):
    icon = "school"


@admin.register(ActivityType)
class ActivityTypeDesk(VocabularyDesk):
    icon = "category"


# Messages, heartbeats, the log

MESSAGE_COLORS = {
    Message.State.SENT: "success",
    Message.State.FAILED: "danger",
    Message.State.UNCERTAIN: "warning",
    Message.State.BOUNCED: "danger",
    Message.State.HELD: "warning",
    Message.State.PLANNED: "info",
    Message.State.QUEUED: "info",
    Message.State.CLAIMED: "info",
}


class TroubleFilter(admin.SimpleListFilter):
    """Messages at which somebody should look."""

    title = _("in trouble")
    parameter_name = "trouble"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", gettext("needs a look"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if self.value() == "1":
            return queryset.filter(pk__in=Message.objects.in_trouble().values("pk"))
        return queryset


class OccasionFilter(admin.SimpleListFilter):
    """Messages by why they are sent."""

    title = _("what")
    parameter_name = "occasion"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return sorted(((code, str(name)) for code, name in outbox.names().items()), key=lambda one: one[1])

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(occasion=self.value()) if self.value() in outbox.names() else queryset


@admin.register(Message)
class MessageDesk(ReadDesk):
    """Every mail the portal owes somebody, has sent, or gave up."""

    icon = "mail"
    exports_persons = True
    viewers: ClassVar[frozenset[str]] = frozenset({COORDINATOR, OPERATOR})
    list_display = ("state_label", "what", "address", "due", "left", "attempts", "trouble")
    list_display_links = ("what",)
    list_filter = (TroubleFilter, "state", OccasionFilter)
    search_fields = ("address", "occasion", "subject", "reference_id__iexact")
    search_help_text = _("Address, occasion or subject")
    date_hierarchy = "send_at"
    actions = ("send_several_again",)
    actions_detail = ("send_again",)
    readonly_fields = ("why", "text")

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Sequence[str]:
        facts = ["state", "why", "address", "send_at", "not_after", "sent_at", "attempts", "trouble"]
        return [*facts, "subject", "text"] if COORDINATOR in self.roles(request) else facts

    # An operator sees that a mail left and why it was sent, but neither reads nor guesses what it says.

    def get_list_display(self, request: HttpRequest) -> Sequence[str]:
        names = super().get_list_display(request)
        return names if COORDINATOR in self.roles(request) else ["why" if one == "what" else one for one in names]

    def get_list_display_links(self, request: HttpRequest, list_display: Sequence[str]) -> Sequence[str]:
        return [one for one in list_display if one in {"what", "why"}]

    def get_search_fields(self, request: HttpRequest) -> Sequence[str]:
        names = super().get_search_fields(request)
        return names if COORDINATOR in self.roles(request) else [one for one in names if one != "subject"]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        found = super().get_changelist_instance(request)
        if COORDINATOR not in self.roles(request):
            found.search_help_text = gettext("Address or occasion")
        return found

    def get_ordering(self, request: HttpRequest) -> Sequence[Any]:
        """Put what happened last first; behind what has happened, what is planned, the next first."""
        planned = models.Q(send_at__gt=clock.now())
        behind = models.Case(models.When(planned, then=models.Value(1)), default=models.Value(0))
        the_next = models.Case(models.When(planned, then=models.F("send_at")))
        return [behind.asc(), the_next.asc(nulls_first=True), "-send_at"]

    def may_act(self, request: HttpRequest) -> bool:
        """The coordinator sends again; the operator only looks."""
        return COORDINATOR in self.roles(request)

    def fitting(self, obj: Message) -> Iterable[str]:
        return ["send_again"] if obj.state in TROUBLED else []

    @display(description=_("State"), ordering="state", label=MESSAGE_COLORS)
    def state_label(self, message: Message) -> tuple[str, str]:
        return message.state, message.get_state_display()

    @display(description=_("What"), ordering="occasion")
    def what(self, message: Message) -> str:
        return message.subject or capfirst(outbox.name_of(message.occasion))

    @display(description=_("What"), ordering="occasion")
    def why(self, message: Message) -> str:
        return capfirst(outbox.name_of(message.occasion))

    @display(description=_("Send at"), ordering="send_at")
    def due(self, message: Message) -> str:
        return day_and_hour(message.send_at)

    @display(description=_("Sent"), ordering="sent_at")
    def left(self, message: Message) -> str:
        return day_and_hour(message.sent_at)

    @display(description=_("Text as sent, links masked"))
    def text(self, message: Message) -> str | SafeString:
        return message.body or "–"

    @action(description=_("Send again"), url_path="send-igen", icon="send")
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Queue a message in trouble once more."""
        message = self.found(request, object_id)
        return self.deed(
            request,
            message,
            title=_("Send the message again"),
            says=[
                _("“%(what)s” is put in the queue and sent to %(to)s within a minute.")
                % {"what": self.what(message), "to": message.address},
                _("Why it did not leave: %(trouble)s") % {"trouble": message.trouble or message.get_state_display()},
            ],
            button=_("Send again"),
            act=lambda _form: self.resend(request, message),
            done=_("The message is in the queue."),
        )

    @admin.action(description=_("Send again"))
    def send_several_again(self, request: HttpRequest, queryset: models.QuerySet[Message]) -> HttpResponse:
        """Queue several messages in trouble once more."""
        return self.deed_on_several(
            request,
            queryset,
            name="send_several_again",
            title=_("Send the messages again"),
            says=[_("Those that are in trouble are put in the queue and sent within a minute.")],
            button=_("Send again"),
            act=lambda message: self.resend(request, message),
            done=lambda count: gettext("Messages put in the queue: %(count)s") % {"count": count},
        )

    def resend(self, request: HttpRequest, message: Message) -> None:
        """Call the use-case, and say so when the message is in no trouble."""
        if not outbox.resend(message_id=message.pk, by=actor_of(request), now=clock.now()):
            raise Refusal(_("The message is in no trouble any more; nothing was sent."), code="in-no-trouble")


TROUBLED = {Message.State.FAILED, Message.State.UNCERTAIN, Message.State.BOUNCED, Message.State.HELD}


@admin.register(Heartbeat)
class HeartbeatDesk(ReadDesk):
    """When each periodic job last came to its end."""

    icon = "monitor_heart"
    viewers: ClassVar[frozenset[str]] = frozenset({OPERATOR})
    list_display = ("name", "last_ok")
    ordering = ("name",)


class ListInWords(PageOfRows):
    """A page of the log with a sentence on each row for coordinators: all names are looked up together."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if COORDINATOR not in self.model_admin.roles(request):
            return
        for line in history.lines(self.result_list):
            line.entry.sentence = line.sentence  # type: ignore[attr-defined]


@admin.register(AuditEntry)
class AuditDesk(ReadDesk):
    """Who did what, when; ids and codes only."""

    icon = "history"
    viewers: ClassVar[frozenset[str]] = frozenset({COORDINATOR, OPERATOR})
    list_display = ("when", "told", "thing")
    list_filter = ("actor_kind", "object_type", "action")
    search_fields = ("object_id__exact", "actor_id__exact", "action")
    search_help_text = _("Id of an object or a person, or a word of what was done")
    date_hierarchy = "at"
    show_full_result_count = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return ListInWords

    @display(description=_("What"), ordering="action")
    def told(self, entry: AuditEntry) -> str:
        """Return the sentence; operators, who see codes and ids only, get the code and the actor's id."""
        sentence: str = getattr(entry, "sentence", "")
        return sentence or f"{entry.action} ({entry.actor_kind} {entry.actor_id})"

    @display(description=_("When"), ordering="at")
    def when(self, entry: AuditEntry) -> str:
        return day_and_hour(entry.at)

    @display(description=_("Object"), ordering="object_type")
    def thing(self, entry: AuditEntry) -> str | SafeString:
        """Return what kind of thing it was, as the way to it where the desk has a page of it."""
        try:
            model = apps.get_model(entry.object_type)
        except (LookupError, ValueError):
            return entry.object_type
        name = str(model._meta.verbose_name)
        if model not in self.admin_site._registry:
            return name
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=(entry.object_id,))
        return format_html('<a class="desk-link" href="{}">{}</a>', address, name)


__all__ = [
    "ADMINISTRATOR",
    "COORDINATOR",
    "OPERATOR",
    "REVIEWER",
    "Day",
    "DayInput",
    "Desk",
    "DeskForm",
    "FewFilter",
    "Moment",
    "MomentInput",
    "ReadDesk",
    "ReadRows",
    "RowForms",
    "Rows",
    "TimeInput",
    "User",
    "WholeNumber",
    "action",
    "answers",
    "confirmed_answers",
    "day",
    "day_and_hour",
    "display",
    "files_sent",
    "how_many",
    "picker",
]

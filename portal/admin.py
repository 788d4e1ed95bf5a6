"""The desk's ground: what every list, form and action of the admin shares, and the ground's own lists."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import PermissionDenied
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import IntegrityError, models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold import decorators
from unfold.admin import ModelAdmin, TabularInline
from unfold.overrides import FORMFIELD_OVERRIDES_INLINE

from portal.context import the_municipality
from portal.domain import audit, clock, outbox
from portal.domain.constraints import sentence_for
from portal.domain.refusal import Refusal
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
    Subject,
    User,
)

ADMINISTRATOR = MunicipalRole.Role.ADMINISTRATOR.value
COORDINATOR = MunicipalRole.Role.COORDINATOR.value
REVIEWER = MunicipalRole.Role.REVIEWER.value
OPERATOR = MunicipalRole.Role.OPERATOR.value
Text = str | Promise
F = TypeVar("F", bound=Callable[..., Any])


def action(*, description: Text, url_path: str, icon: str = "") -> Callable[[F], F]:
    """Mark a method as a deed with a page of its own (the theme's decorator, with its types)."""
    marked: Callable[[F], F] = decorators.action(description=description, url_path=url_path, icon=icon)
    return marked


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
        label=dict(label) if label is not None else None,
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
            if not isinstance(field.widget, (forms.CheckboxInput, forms.CheckboxSelectMultiple, forms.RadioSelect)):
                field.widget.attrs.setdefault("class", "desk-input")
            if isinstance(field.widget, forms.Textarea):
                field.widget.attrs.setdefault("rows", 4)


class WholeNumber(forms.IntegerField):
    """A number typed with the digits 0 to 9 and nothing else: Python would take ``1_0`` and ``٣`` for numbers too."""

    def to_python(self, value: Any) -> int | None:
        if isinstance(value, str) and value.strip() and not re.fullmatch(r"[0-9]{1,9}", value.strip()):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        number: int | None = super().to_python(value)
        return number


class Day(forms.DateField):
    """A day that somebody alive might mean: with others, reckoning in weeks leaves the calendar."""

    def __init__(self, **kwargs: Any) -> None:
        sane = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2099, 12, 31))]
        super().__init__(**{"widget": DayInput, "validators": sane, **kwargs})


class NumberList(SimpleArrayField):
    """Numbers with commas between them; the same numbers written otherwise are no change."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return list(initial or []) != (self.to_python(data) or [])
        except forms.ValidationError:
            return True


class DayInput(forms.DateInput):
    """The browser's own calendar; far from today there is nothing to plan."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs=attrs, format="%Y-%m-%d")


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


def answers(request: HttpRequest) -> Any:
    """Return what a deed's form is filled in with: what was sent, or nothing before that."""
    return request.POST if request.method == "POST" else None


def day(moment: datetime | None) -> str:
    """Return a moment's day in few letters, for a column."""
    return date_format(localtime(moment), "j. b Y") if moment else "–"


def day_and_hour(moment: datetime | None) -> str:
    """Return a moment in few letters with its weekday, for a column."""
    return date_format(localtime(moment), "D j. b Y, H.i") if moment else "–"


def plain(field: Any) -> Any:
    """Return a form field without buttons that add and change other rows."""
    if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
        field.widget.can_add_related = False
        field.widget.can_change_related = False
        field.widget.can_delete_related = False
        field.widget.can_view_related = False
    return field


class Desk(ModelAdmin):  # type: ignore[misc]
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
    list_filter_sheet = True
    list_fullwidth = True
    compressed_fields = True
    warn_unsaved_form = True
    actions: ClassVar[Sequence[Any]] = ()
    formfield_overrides: ClassVar[dict[Any, dict[str, Any]]] = {
        models.IntegerField: {"form_class": WholeNumber},
        models.URLField: {"assume_scheme": "https"},
    }

    # Inputs

    def formfield_for_dbfield(self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Leave out the theme's buttons that add and change other rows from within a form."""
        return plain(super().formfield_for_dbfield(db_field, request, **kwargs))

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
        found: dict[str, Any] = super().get_actions(request) if self.may_act(request) else {}
        found.pop("delete_selected", None)
        return found

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Let addresses filter by this list's filters alone: otherwise texts could be guessed letter by letter."""
        fields = [one[0] if isinstance(one, tuple) else one for one in self.list_filter]
        names = [one if isinstance(one, str) else one.parameter_name for one in fields]
        known = [name for name in [*names, self.date_hierarchy] if name]
        return any(lookup == name or lookup.startswith(f"{name}__") for name in known)

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
        """Show the row's lines in the log, to those who see the list."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        label = self.model._meta.label_lower
        return redirect(
            reverse("admin:portal_auditentry_changelist") + f"?object_type__exact={label}&q={unquote(object_id)}"
        )

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
    ) -> HttpResponse:
        """Answer a deed's page: GET says what will happen, POST calls ``act`` and goes back.

        A refusal stands on the form, at its field, and what was typed is kept. ``ready`` is False while a first
        answer is still to be looked over. ``places`` says at which input a refusal's field stands, where they differ.
        """
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        back = self.place_of(obj) if obj is not None else reverse(self.listing_name())
        sent = request.method == "POST" and ready
        if form is None:
            form = DeskForm(request.POST if sent else None)
        status = 200
        if sent and form.is_valid():
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
        if sent and form.errors:
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
    ) -> HttpResponse:
        """Answer a list action: first a page that names the rows, then one use-case for each of them.

        A row whose use-case refuses is told of, and the others go on.
        """
        if not self.may_act(request):
            raise PermissionDenied
        rows = list(chosen[:200])
        if "confirmed" in request.POST:
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
            says=says,
            lists=[(_("This is about"), rows)],
            danger=danger,
            hidden=hidden,
            ready=False,
            extra={"back": request.get_full_path()},
        )


class ReadDesk(Desk):
    """A list one reads: rows are made by use-cases."""

    can_add = False
    editors: ClassVar[frozenset[str]] = frozenset()
    warn_unsaved_form = False


class Rows(TabularInline):  # type: ignore[misc]
    """Rows within another row's form; they follow the rights of the form they stand in."""

    extra = 0
    show_change_link = False
    can_delete = False
    formfield_overrides: ClassVar[dict[Any, dict[str, Any]]] = {
        **FORMFIELD_OVERRIDES_INLINE,
        models.IntegerField: {**FORMFIELD_OVERRIDES_INLINE[models.IntegerField], "form_class": WholeNumber},
    }

    def formfield_for_dbfield(self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Say to those who do not see the column's heading what an input is for."""
        field = plain(super().formfield_for_dbfield(db_field, request, **kwargs))
        if field is not None:
            getattr(field.widget, "widget", field.widget).attrs["aria-label"] = field.label
        return field

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


@admin.register(Municipality)
class MunicipalityDesk(Desk):
    """The one municipality: its page opens at once."""

    icon = "account_balance"
    can_add = False
    fieldsets = (
        (_("Who we are"), {"fields": ("name", "tagline", "introduction", "brand_color")}),
        (_("How to reach us"), {"fields": ("address", "contact_email", "contact_phone", "sender_name")}),
        (
            _("Rules"),
            {
                "fields": (
                    "teacher_reminders",
                    "host_reminders",
                    "request_hold_days",
                    "place_offer_days",
                    "freshness_days",
                    "survey_threshold",
                )
            },
        ),
    )

    def formfield_for_dbfield(self, db_field: "models.Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, ArrayField):
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


@admin.register(Message)
class MessageDesk(ReadDesk):
    """Every mail the portal owes somebody, has sent, or gave up."""

    icon = "mail"
    viewers: ClassVar[frozenset[str]] = frozenset({COORDINATOR, OPERATOR})
    list_display = ("state_label", "what", "address", "due", "left", "attempts", "trouble")
    list_display_links = ("what",)
    list_filter = (TroubleFilter, "state", "occasion")
    search_fields = ("address", "occasion", "subject", "reference_id__iexact")
    search_help_text = _("Address, occasion or subject")
    date_hierarchy = "send_at"
    actions = ("send_several_again",)
    actions_detail = ("send_again",)
    readonly_fields = ("text",)

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Sequence[str]:
        facts = ["state", "occasion", "address", "send_at", "not_after", "sent_at", "attempts", "trouble"]
        return [*facts, "subject", "text"] if COORDINATOR in self.roles(request) else facts

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
        return message.subject or message.occasion

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
            act=lambda _form: self.resend(message),
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
            act=self.resend,
            done=lambda count: gettext("Messages put in the queue: %(count)s") % {"count": count},
        )

    def resend(self, message: Message) -> None:
        """Call the use-case, and say so when the message is in no trouble."""
        if not outbox.resend(message_id=message.pk, now=clock.now()):
            raise Refusal(_("The message is in no trouble any more; nothing was sent."), code="in-no-trouble")


TROUBLED = {Message.State.FAILED, Message.State.UNCERTAIN, Message.State.BOUNCED, Message.State.HELD}


@admin.register(Heartbeat)
class HeartbeatDesk(ReadDesk):
    """When each periodic job last came to its end."""

    icon = "monitor_heart"
    viewers: ClassVar[frozenset[str]] = frozenset({OPERATOR})
    list_display = ("name", "last_ok")
    ordering = ("name",)


@admin.register(AuditEntry)
class AuditDesk(ReadDesk):
    """Who did what, when; ids and codes only."""

    icon = "history"
    viewers: ClassVar[frozenset[str]] = frozenset({COORDINATOR, OPERATOR})
    list_display = ("at", "action", "thing", "object_id", "actor_kind", "actor_id")
    list_filter = ("actor_kind", "object_type", "action")
    search_fields = ("object_id__exact", "actor_id__exact", "action")
    search_help_text = _("Id of an object or a person, or a word of what was done")
    date_hierarchy = "at"
    show_full_result_count = False

    @display(description=_("Object"), ordering="object_type")
    def thing(self, entry: AuditEntry) -> str:
        return entry.object_type


__all__ = [
    "ADMINISTRATOR",
    "COORDINATOR",
    "OPERATOR",
    "REVIEWER",
    "Day",
    "DayInput",
    "Desk",
    "DeskForm",
    "MomentInput",
    "ReadDesk",
    "ReadRows",
    "Rows",
    "TimeInput",
    "User",
    "WholeNumber",
    "action",
    "answers",
    "day",
    "day_and_hour",
    "display",
]

"""Any list of the desk as a file: exactly what is filtered and sorted, with columns a person can read."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import (
    BadRequest,
    FieldDoesNotExist,
    ImproperlyConfigured,
    PermissionDenied,
    ValidationError,
)
from django.db import models
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.encoding import force_str
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import strip_tags
from django.utils.text import capfirst
from django.utils.timezone import localtime
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from portal import spreadsheets
from portal.context import the_municipality
from portal.domain import clock
from portal.domain.exports import note_export
from portal.http import actor_of, require_recent_authentication
from portal.models import MunicipalRole
from portal.spreadsheets import Value

MOST_ROWS = 50_000
CHUNK = 2_000
IN_MEMORY = 4_000_000  # bytes; a larger file waits on the disk while it is sent
# Fields that never leave by a file, whoever asks: secrets, texts about special needs, what was written in mails.
NEVER = frozenset(
    {"needs_text", "password", "token", "token_hash", "token_digest", "form_token", "body", "parameters", "pdf"}
)
Text = str | Promise


class FormatForm(forms.Form):
    """Which kind of file."""

    form = forms.ChoiceField(
        label=_("File"),
        choices=[("xlsx", _("Excel (.xlsx)")), ("csv", _("CSV (text with semicolons, for other programs)"))],
        widget=forms.RadioSelect,
        initial="xlsx",
    )


@dataclass(frozen=True)
class OutColumn:
    """A column of the file: its heading, and what stands in it for a row."""

    heading: str
    value: Callable[[Any], Value]


class Exporting(ModelAdmin):  # type: ignore[misc]
    """A list that can be taken out as XLSX or CSV by whoever may open it.

    The file has the list's own columns, then ``export_columns``: names of methods or fields, with ``__`` through
    relations; ``export_instead`` names what stands in the file for a column of the list. ``export_pairs`` gives the
    two headings of a column that shows two things. A list of persons says so
    (``exports_persons``): it is for coordinators who have just shown who they are.
    """

    exports_persons: ClassVar[bool] = False
    export_columns: ClassVar[Sequence[str]] = ()
    export_instead: ClassVar[Mapping[str, str]] = {}
    export_pairs: ClassVar[Mapping[str, tuple[Text, Text]]] = {}
    can_export: ClassVar[bool] = True

    # Where it stands

    def get_urls(self) -> list[Any]:
        name = f"{self.model._meta.app_label}_{self.model._meta.model_name}_export"
        return [path("eksport/", self.admin_site.admin_view(self.export_view), name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Put a button beside the list's own, with the filters of the list."""
        answer: HttpResponse = super().changelist_view(request, extra_context)
        if isinstance(answer, TemplateResponse) and answer.context_data and "cl" in answer.context_data:
            buttons = [*(answer.context_data.get("actions_list") or []), *self.list_buttons(request)]
            answer.context_data["actions_list"] = buttons
        return answer

    def list_buttons(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the buttons of every list, as the theme draws them."""
        if not self.may_export(request):
            return []
        query = request.GET.urlencode()
        address = self.export_address() + (f"?{query}" if query else "")
        return [{"title": gettext("Export"), "icon": "download", "path": address, "attrs": {}}]

    def export_address(self) -> str:
        """Return the address of the page that exports."""
        return reverse(f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_export")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)
        if self.may_export(request):
            found["export_chosen"] = (type(self).export_chosen, "export_chosen", gettext("Export"))
        return found

    def may_export(self, request: HttpRequest) -> bool:
        """Return whether whoever asks may take this list out."""
        roles: frozenset[str] = self.admin_site.roles_of(request)
        if not self.can_export or not self.has_view_permission(request):
            return False
        return not self.exports_persons or MunicipalRole.Role.COORDINATOR.value in roles

    # The two ways in

    def response_action(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> HttpResponseBase | None:
        """Refuse rows that cannot be, before the database is asked for them."""
        key: Any = self.model._meta.pk
        try:
            for value in request.POST.getlist(ACTION_CHECKBOX_NAME):
                key.to_python(value)
        except ValidationError as error:
            raise BadRequest from error
        answer: HttpResponseBase | None = super().response_action(request, queryset)
        return answer

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Export the list as it is filtered and sorted."""
        if not self.may_export(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        try:
            rows = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return redirect(self.export_address())
        return self.export_page(request, rows, chosen=False)

    def export_chosen(self, request: HttpRequest, rows: models.QuerySet[Any]) -> HttpResponseBase:
        """Export the rows that are ticked off."""
        if not self.may_export(request):
            raise PermissionDenied
        return self.export_page(request, rows, chosen=True)

    def export_page(self, request: HttpRequest, rows: models.QuerySet[Any], *, chosen: bool) -> HttpResponseBase:
        """Answer with the page that says what will be in the file, and with the file when it is asked for."""
        if self.exports_persons:
            require_recent_authentication(request)
        count = rows.count()
        wanted = request.method == "POST" and (not chosen or "confirmed" in request.POST)
        form = FormatForm(request.POST if wanted else None)
        if wanted and form.is_valid() and 0 < count <= MOST_ROWS:
            return self.export_file(request, rows, form=form.cleaned_data["form"], chosen=chosen)
        too_many = count > MOST_ROWS
        if wanted and too_many:
            form.add_error(None, self.too_many(count))
        hidden: list[tuple[str, str]] = []
        if chosen:
            hidden = [("action", "export_chosen"), ("confirmed", "1")]
            hidden += [("select_across", value) for value in request.POST.getlist("select_across")[:1]]
            hidden += [(ACTION_CHECKBOX_NAME, value) for value in request.POST.getlist(ACTION_CHECKBOX_NAME)]
        back = reverse(f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_changelist")
        query = request.GET.urlencode()
        name = str(self.model._meta.verbose_name_plural)
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": gettext("Export: %(list)s") % {"list": name},
            "form": form,
            "says": self.export_says(count, chosen=chosen),
            "lists": [(_("Columns of the file"), [column.heading for column in self.columns_out(request)])],
            "button": gettext("Make the file"),
            "back": back + (f"?{query}" if query else ""),
            "hidden": hidden,
            "nothing": not count or too_many,
        }
        return TemplateResponse(
            request, "admin/desk_export.html", context, status=422 if wanted and form.errors else 200
        )

    def too_many(self, count: int) -> str:
        """Say that the list is too long."""
        return gettext("The list has %(count)s rows; a file holds %(most)s. Filter the list first.") % {
            "count": count,
            "most": MOST_ROWS,
        }

    def export_says(self, count: int, *, chosen: bool) -> list[str]:
        """Return in sentences what will happen."""
        if not count:
            return [gettext("The list is empty as it is filtered now, so there is nothing to export.")]
        if count > MOST_ROWS:
            return [self.too_many(count)]
        rows = ngettext("%(count)s row", "%(count)s rows", count) % {"count": count}
        says = [
            gettext("The file holds the rows you have ticked off: %(rows)s.") % {"rows": rows}
            if chosen
            else gettext("The file holds the list as it is filtered and sorted now: %(rows)s.") % {"rows": rows},
            gettext("The log notes that you made the file, when, and how many rows it has; the file says so too."),
        ]
        if self.exports_persons:
            says.append(
                gettext("The file names persons. Keep it where others cannot open it, and delete it after use.")
            )
        return says

    # The file

    def export_file(self, request: HttpRequest, rows: models.QuerySet[Any], *, form: str, chosen: bool) -> FileResponse:
        """Write the file, note in the log who takes how many rows, and hand it over."""
        now = clock.now()
        columns = self.columns_out(request)
        who = f"{request.user} ({getattr(request.user, 'email', '')})"
        name = capfirst(str(self.model._meta.verbose_name_plural))

        def about(count: int) -> Sequence[Sequence[Value]]:
            return [
                (gettext("List"), name),
                (gettext("Made by"), who),
                (gettext("Made at"), now),
                (gettext("Rows"), count),
                (gettext("From"), the_municipality().name),
            ]

        told: dict[str, Any] = {
            "headings": [column.heading for column in columns],
            "rows": self.lines_out(rows, columns),
            "about": about,
        }
        # Closed by the answer, when it has been sent.
        target = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        try:
            if form == "xlsx":
                count = spreadsheets.write_xlsx(target, title=name, **told)
            else:
                count = spreadsheets.write_csv(target, **told)
            note_export(
                of=self.model,
                count=count,
                form=form,
                persons=self.exports_persons,
                chosen=chosen,
                by=actor_of(request),
                now=now,
            )
        except BaseException:
            target.close()
            raise
        target.seek(0)
        answer = FileResponse(
            target,
            as_attachment=True,
            filename=f"{name} {date_format(localtime(now), 'Y-m-d')}.{form}",
            content_type=spreadsheets.XLSX if form == "xlsx" else spreadsheets.CSV,
        )
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return answer

    def export_rows(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Fetch beforehand what the columns of the file need beside those of the list."""
        return rows

    def lines_out(self, rows: models.QuerySet[Any], columns: Sequence[OutColumn]) -> Iterator[list[Value]]:
        """Yield the file's rows, some thousands at a time; the fields that never leave are not even read."""
        never = [field.name for field in self.model._meta.concrete_fields if field.name in NEVER]
        rows = self.export_rows(rows).defer(*never)
        for row in rows[:MOST_ROWS].iterator(chunk_size=CHUNK):
            yield [column.value(row) for column in columns]

    # The columns

    def columns_out(self, request: HttpRequest) -> list[OutColumn]:
        """Return the columns of the file: the list's own, then those that are useful in a file."""
        found: list[OutColumn] = []
        listed = [name for name in self.get_list_display(request) if name != "action_checkbox"]
        shown = [self.export_instead.get(name, name) for name in listed]
        for name in [*shown, *(one for one in self.export_columns if one not in shown)]:
            found += self.column_out(name)
        return found

    def column_out(self, name: str) -> list[OutColumn]:
        """Return the column of a name, or the two of a pair."""
        if set(name.split("__")) & NEVER:
            raise ImproperlyConfigured(f"{name} must never leave the portal in a file")
        if name in self.export_pairs:
            first, second = self.export_pairs[name]
            return [
                OutColumn(capfirst(str(first)), lambda row: part(getattr(self, name)(row), 0)),
                OutColumn(capfirst(str(second)), lambda row: part(getattr(self, name)(row), 1)),
            ]
        field = field_at(self.model, name)
        if field is not None:
            return [OutColumn(capfirst(str(field.verbose_name)), reader_of(field, name))]
        heading = capfirst(str(label_for_field(name, self.model, model_admin=self)))
        method: Callable[[Any], Any] = str if name == "__str__" else getattr(self, name)
        order = str(getattr(method, "admin_order_field", None) or "").lstrip("-")
        return [OutColumn(heading, lambda row: self.value_of_method(method, row, order))]

    def value_of_method(self, method: Callable[[Any], Any], row: Any, order: str) -> Value:
        """Return what a column shows; a day or a moment as such, where the column is sorted by one."""
        if order:
            behind = dig(row, order)
            if isinstance(behind, date):
                return behind
        value = method(row)
        if getattr(method, "label", None) and isinstance(value, tuple):
            return as_value(value[1])
        if getattr(method, "boolean", False) and value is not None:
            return gettext("yes") if value else gettext("no")
        return as_value(value)


def field_at(model: type[models.Model], name: str) -> Any:
    """Return the field at the end of a path through relations, or nothing where there is none."""
    meta: Any = model._meta
    field: Any = None
    for word in name.split("__"):
        try:
            field = meta.get_field(word)
        except FieldDoesNotExist:
            return None
        meta = field.related_model._meta if field.is_relation else None
    return field


def dig(row: Any, name: str) -> Any:
    """Return what stands at the end of a path through relations, or nothing where it breaks off."""
    for word in name.split("__"):
        row = getattr(row, word, None)
        if row is None:
            return None
    return row


def reader_of(field: Any, name: str) -> Callable[[Any], Value]:
    """Return what reads a field as a person does; the words of its choices are looked up once, not for every row."""
    words = {value: str(label) for value, label in getattr(field, "flatchoices", ())}
    if isinstance(field, models.BooleanField):
        words = {True: gettext("yes"), False: gettext("no")}

    def read(row: Any) -> Value:
        value = dig(row, name)
        if words and value is not None and not isinstance(value, list):
            return words.get(value, as_value(value))
        return as_value(value)

    return read


def as_value(value: Any) -> Value:
    """Return a value as a cell holds it: what is not a number or a day becomes its words, a dash nothing."""
    if value is None or isinstance(value, int | float | Decimal | date | datetime):
        if isinstance(value, bool):
            return gettext("yes") if value else gettext("no")
        return value
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, (force_str(one) for one in value)))
    text = strip_tags(str(value)) if hasattr(value, "__html__") else str(value)
    return None if text in {"–", "-"} else text


def part(value: Sequence[Any], place: int) -> Value:
    """Return one of the two things a column shows."""
    return as_value(value[place]) if len(value) > place else None


__all__ = ["Exporting", "FormatForm", "OutColumn"]

"""Letting a table into a list of the desk: a file is uploaded, looked over line by line, and confirmed as a whole."""

import io
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, ClassVar, Protocol
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from portal import spreadsheets
from portal.domain import clock, tables
from portal.domain.calendar import local_day
from portal.domain.constraints import sentence_for
from portal.domain.refusal import Refusal
from portal.domain.tables import Column, Outcome, Report, Row
from portal.http import actor_of, require_recent_authentication
from portal.models import MunicipalRole, PendingTable
from portal.spreadsheets import Value

LINES_PER_PAGE = 50


class Kind(Protocol):
    """A kind of table, as the app that lets it in describes it."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str | Promise: ...
    @property
    def columns(self) -> Sequence[Column]: ...
    @property
    def ends(self) -> str | Promise: ...
    def report(self, rows: Iterable[Row], *, end_missing: bool, today: date) -> Report:
        """Say what a table would do."""
        ...


class UploadForm(forms.Form):
    """A file, and whether what it does not name shall end."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("Excel (.xlsx) or CSV, at most 5 MB and 20,000 rows. The first sheet is read."),
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty.")},
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv,.txt", "class": "desk-input"}),
    )
    end_missing = forms.BooleanField(
        required=False,
        help_text=_("You see whose roles would end before anything happens. Only schools of the file are looked at."),
    )

    def __init__(self, *args: Any, ends: str | Promise, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["end_missing"].label = str(ends)
        if not ends:
            del self.fields["end_missing"]


class Importing(ModelAdmin):  # type: ignore[misc]
    """A list into which a coordinator lets a table: a page to upload it, a report per line, one button.

    Looking over writes nothing; letting in is the use-case ``import_table``, all of it or nothing.
    """

    importing: ClassVar[Kind]
    import_table: ClassVar[Callable[..., Report]]
    import_gives_roles: ClassVar[bool] = False  # then it is asked anew who it is, before a table is let in

    def get_urls(self) -> list[Any]:
        guard = self.admin_site.admin_view
        return [
            path("importer/", guard(self.upload_view), name=self.import_name("import")),
            path("importer/skabelon/", guard(self.template_view), name=self.import_name("import_template")),
            path("importer/<uuid:object_id>/", guard(self.report_view), name=self.import_name("import_report")),
            *super().get_urls(),
        ]

    def import_name(self, what: str) -> str:
        """Return the name of one of the import's addresses."""
        return f"{self.model._meta.app_label}_{self.model._meta.model_name}_{what}"

    def list_buttons(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the list's buttons, that of the import first."""
        buttons: list[dict[str, Any]] = super().list_buttons(request)
        if not self.may_import(request):
            return buttons
        address = reverse(f"admin:{self.import_name('import')}")
        return [{"title": gettext("Import"), "icon": "upload_file", "path": address, "attrs": {}}, *buttons]

    def may_import(self, request: HttpRequest) -> bool:
        """Return whether whoever asks is a coordinator who may change this list."""
        roles: frozenset[str] = self.admin_site.roles_of(request)
        return MunicipalRole.Role.COORDINATOR.value in roles and bool(self.has_change_permission(request))

    def import_page(
        self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
    ) -> TemplateResponse:
        """Answer with one of the import's pages; what stands in it is for nobody else to keep."""
        request.current_app = self.admin_site.name
        whole = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": self.importing.title,
            "back": reverse(f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_changelist"),
            "upload": reverse(f"admin:{self.import_name('import')}"),
            **context,
        }
        return TemplateResponse(request, template, whole, status=status, headers={"Cache-Control": "no-store"})

    # Uploading

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file and lead to its report; what cannot be read is told at the field."""
        if not self.may_import(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        sent = request.method == "POST"
        form = UploadForm(request.POST if sent else None, request.FILES if sent else None, ends=self.importing.ends)
        if sent and form.is_valid():
            try:
                table = self.keep(request, form)
            except Refusal as refusal:
                form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.message))
            else:
                return redirect(f"admin:{self.import_name('import_report')}", object_id=table.pk)
        columns = self.importing.columns
        context = {
            "form": form,
            "columns": columns,
            "examples": self.examples(),
            "template": reverse(f"admin:{self.import_name('import_template')}"),
        }
        return self.import_page(request, "admin/desk_import.html", context, status=422 if form.errors else 200)

    def keep(self, request: HttpRequest, form: UploadForm) -> PendingTable:
        """Read the file and keep its rows until they are confirmed."""
        upload = form.cleaned_data["file"]
        read = spreadsheets.read_table(upload)
        rows, unused = tables.arrange(self.importing.columns, read.headings, read.rows)
        return tables.keep_table(
            kind=self.importing.name,
            filename=spreadsheets.tidy(upload.name or ""),
            rows=rows,
            unused=unused,
            end_missing=form.cleaned_data.get("end_missing", False),
            by=actor_of(request),
            now=clock.now(),
        )

    def examples(self) -> list[list[str]]:
        """Return the rows of the example."""
        columns = self.importing.columns
        count = max(len(column.examples) for column in columns)
        return [
            [column.examples[row] if row < len(column.examples) else "" for column in columns] for row in range(count)
        ]

    def template_view(self, request: HttpRequest) -> FileResponse:
        """Give an empty table with the headings, and a second sheet with an example and what each column means."""
        if not self.may_import(request):
            raise PermissionDenied
        columns = self.importing.columns
        headings = [str(column.heading) for column in columns]

        def about(_count: int) -> Sequence[Sequence[Value]]:
            rows: list[Sequence[Value]] = [(gettext("Example"),), headings]
            rows += self.examples()
            rows += [("",), (gettext("What the columns mean"),)]
            rows += [
                (str(column.heading), gettext("required") if column.required else gettext("optional"), str(column.says))
                for column in columns
            ]
            return [[str(cell) for cell in row] for row in rows]

        target = io.BytesIO()
        name = capfirst(str(self.model._meta.verbose_name_plural))
        spreadsheets.write_xlsx(target, title=name, headings=headings, rows=[], about=about)
        target.seek(0)
        return FileResponse(
            target,
            as_attachment=True,
            filename=f"{gettext('Template')} {name}.xlsx",
            content_type=spreadsheets.XLSX,
            headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
        )

    # Looking over, and letting in

    def report_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Show what every line would do; POST lets all of it in, or gives it up."""
        if not self.may_import(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        if self.import_gives_roles:
            require_recent_authentication(request)
        by, now = actor_of(request), clock.now()
        if request.method == "POST" and "give_up" in request.POST:
            tables.give_up_table(table_id=object_id, by=by)
            messages.success(request, gettext("The file is deleted. Nothing was imported."))
            return redirect(f"admin:{self.import_name('import')}")
        table = tables.waiting(by, now).filter(kind=self.importing.name, pk=object_id).first()
        if table is None:
            if request.method == "POST":
                messages.warning(
                    request,
                    gettext("The file is not here any more: it was imported already, or 24 hours have passed."),
                )
                return redirect(f"admin:{self.import_name('import')}")
            raise Http404
        wrong = ""
        if request.method == "POST":
            try:
                report = type(self).import_table(table_id=object_id, seal=request.POST.get("seal", ""), by=by, now=now)
            except Refusal as refusal:
                wrong = str(refusal.message)
            except IntegrityError as error:
                wrong = str(sentence_for(error))
            else:
                messages.success(request, self.done(report))
                return redirect(f"admin:{self.model._meta.app_label}_{self.model._meta.model_name}_changelist")
        report = self.importing.report(tables.rows_of(table), end_missing=table.end_missing, today=local_day(now))
        context = {"table": table, "report": report, "wrong": wrong, **self.shown(request, report)}
        return self.import_page(request, "admin/desk_import_report.html", context, status=422 if wrong else 200)

    def shown(self, request: HttpRequest, report: Report) -> dict[str, Any]:
        """Return the lines of one page, of those that are asked for; errors stand first when there are any."""
        chosen = request.GET.get("show", "")
        known = {*Outcome.values, "warned"}
        if chosen == "all":
            chosen = ""
        elif chosen not in known:
            chosen = Outcome.ERROR.value if report.count(Outcome.ERROR) else ""
        lines = [
            line
            for line in report.lines
            if not chosen or line.outcome == chosen or (chosen == "warned" and line.warnings)
        ]
        choices = [("all", gettext("All lines"), len(report.lines))]
        choices += [(one.value, capfirst(str(one.label)), report.count(one)) for one in Outcome if report.count(one)]
        if report.warned:
            choices.append(("warned", gettext("To be looked at"), report.warned))
        return {
            "page": Paginator(lines, LINES_PER_PAGE).get_page(request.GET.get("page")),
            "chosen": chosen or "all",
            "choices": choices,
            "errors": report.count(Outcome.ERROR),
            "new": report.count(Outcome.NEW),
            "changed": report.count(Outcome.CHANGED),
            "unchanged": report.count(Outcome.UNCHANGED),
        }

    def done(self, report: Report) -> str:
        """Say what was let in."""
        words = [
            ngettext("%(count)s line was new", "%(count)s lines were new", report.count(Outcome.NEW))
            % {"count": report.count(Outcome.NEW)},
            ngettext("%(count)s changed something", "%(count)s changed something", report.count(Outcome.CHANGED))
            % {"count": report.count(Outcome.CHANGED)},
        ]
        if report.ending:
            words.append(
                ngettext("%(count)s role ended", "%(count)s roles ended", len(report.ending))
                % {"count": len(report.ending)}
            )
        return gettext("The file is imported: %(what)s.") % {"what": ", ".join(words)}

"""The hosts' desks: columns, filters and search. ``offers.admin`` completes and registers them."""

from typing import Any, ClassVar

from django.db.models import OuterRef, Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from companies.models import Company, Contact
from portal.admin import Desk, RowForms, Rows, display, how_many

COMPANY_COLORS = {
    Company.State.LEAD: "info",
    Company.State.CONTACTED: "info",
    Company.State.INTERESTED: "warning",
    Company.State.ACTIVE: "success",
}


class ContactFormSet(RowForms):
    """Each address once at a company: two people with one address would get each other's links."""

    def clean(self) -> None:
        super().clean()
        known = {
            email.lower(): key
            for key, email in Contact.objects.filter(company=self.instance.pk).values_list("pk", "email")
        }
        for form in self.forms:
            email = form.cleaned_data.get("email", "").lower()
            if email and known.setdefault(email, form.instance.pk) != form.instance.pk:
                form.add_error("email", gettext("This e-mail address already stands at the company."))


class ContactRows(Rows):
    """The people one writes to at a company."""

    model = Contact
    formset = ContactFormSet
    fields = ("name", "title", "email", "phone", "language", "is_active")
    verbose_name_plural = _("Contacts")


class CompanyDesk(Desk):
    """A company with its contacts."""

    icon = "factory"
    exports_persons = True
    export_columns = ("cvr", "address", "postal_code", "website", "email", "phone", "contact_list")
    list_display: ClassVar[Any] = ("name", "state_label", "kind", "city", "contact_count")
    list_filter: ClassVar[Any] = ("state", "kind", "industries")
    search_fields = ("name", "cvr", "city", "contacts__name", "contacts__email")
    search_help_text = _("Name, CVR number, town or contact")
    inlines: ClassVar[Any] = (ContactRows,)
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("name", "kind", "state", "industries", "about")}),
        (
            _("How to reach it"),
            {"fields": ("address", "postal_code", "city", "website", "email", "phone"), "classes": ("collapse",)},
        ),
        (_("Registers"), {"fields": ("cvr", "trade_code"), "classes": ("collapse",)}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The relation of a company that is known is changed by a deed."""
        return ("state",) if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Company]:
        rows: QuerySet[Company] = super().get_queryset(request)
        active = Contact.objects.filter(company=OuterRef("pk"), is_active=True)
        return rows.annotate(contact_count=how_many(active, "company"))

    def export_rows(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Fetch the contacts that the file names."""
        return rows.prefetch_related(Prefetch("contacts", Contact.objects.filter(is_active=True), to_attr="current"))

    @display(description=_("Names and addresses of contacts"))
    def contact_list(self, company: Any) -> str:
        return ", ".join(f"{one.name} <{one.email}>" for one in company.current)

    @display(description=_("Relation"), ordering="state", label=COMPANY_COLORS)
    def state_label(self, company: Company) -> tuple[str, str]:
        return company.state, company.get_state_display()

    @display(description=_("Contacts"), ordering="contact_count")
    def contact_count(self, company: Any) -> int:
        count: int = company.contact_count
        return count

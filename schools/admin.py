"""The guests' desks: columns, filters and search. ``offers.admin`` completes and registers them."""

import re
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from portal.admin import ADMINISTRATOR, COORDINATOR, OPERATOR, Desk, FewFilter, RowForms, Rows, display, how_many
from portal.domain import clock, roles, sessions
from portal.domain.calendar import local_day
from portal.http import require_recent_authentication
from portal.imports import Importing
from portal.models import MunicipalRole, User
from portal.models.vocabulary import GRADES
from schools.domain import imports
from schools.models import Membership, School, SchoolClass, school_year_of


class ClassRows(Rows):
    """The classes of a school."""

    model = SchoolClass
    fields = ("start_year", "letter", "name", "grade_from", "grade_to", "pupils", "is_active")
    verbose_name_plural = _("Classes")
    tab = True


class OpenFilter(admin.SimpleListFilter):
    """Schools that are open, close, or have closed."""

    title = _("open or closed")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", gettext("open")), ("0", gettext("closed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        open_today = School.objects.open(local_day(clock.now())).values("pk")
        if self.value() == "1":
            return queryset.filter(pk__in=open_today)
        return queryset.exclude(pk__in=open_today) if self.value() == "0" else queryset


class SchoolDesk(Importing, Desk):
    """A school with its classes. It is closed and merged by deeds, so that what lies ahead is thought of."""

    icon = "school"
    importing = imports.KINDS_OF_TABLES["schools"]
    import_table = imports.import_table
    export_columns = ("institution_number", "address", "postal_code", "city", "phone", "grade_from", "grade_to")
    list_display: ClassVar[Any] = ("name", "kind", "grades", "class_count", "people_count", "stands")
    list_filter: ClassVar[Any] = (OpenFilter, "kind")
    search_fields = ("name", "city")
    search_help_text = _("Name or town")
    fields = (
        "name",
        "institution_number",
        "kind",
        "address",
        "postal_code",
        "city",
        "phone",
        "grade_from",
        "grade_to",
        "stands",
    )
    readonly_fields = ("stands",)
    inlines: ClassVar[Any] = (ClassRows,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[School]:
        rows: QuerySet[School] = super().get_queryset(request)
        classes = SchoolClass.objects.filter(school=OuterRef("pk"), is_active=True)
        people = Membership.objects.filter(school=OuterRef("pk"), ended_on__isnull=True)
        persons = people.order_by().values("school").annotate(count=Count("user", distinct=True)).values("count")
        return rows.select_related("merged_into").annotate(
            class_count=how_many(classes, "school"), people_count=Coalesce(Subquery(persons), 0)
        )

    @display(description=_("Open"), ordering="closed_on")
    def stands(self, school: School) -> str:
        if school.merged_into is not None:
            return gettext("merged into %(school)s") % {"school": school.merged_into}
        if school.closed_on is None:
            return gettext("open")
        return gettext("closed from %(day)s") % {"day": date_format(school.closed_on, "j. b Y")}

    @display(description=_("Grades"), ordering="grade_from")
    def grades(self, school: School) -> str:
        one = school.grade_from == school.grade_to
        return str(school.grade_from) if one else f"{school.grade_from}–{school.grade_to}"

    @display(description=_("Classes"), ordering="class_count")
    def class_count(self, school: Any) -> int:
        count: int = school.class_count
        return count

    @display(description=_("People"), ordering="people_count")
    def people_count(self, school: Any) -> int:
        count: int = school.people_count
        return count


class GradeFilter(admin.SimpleListFilter):
    """Classes that are in a grade today."""

    title = _("grade this school year")
    parameter_name = "grade"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(grade), name) for grade, name in GRADES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value not in dict(self.lookup_choices):
            return queryset
        grade = int(value or 0)
        began = school_year_of(local_day(clock.now())) - grade
        return queryset.filter(Q(start_year=began) | Q(grade_from__lte=grade, grade_to__gte=grade))


class SchoolFilter(FewFilter):
    """Classes of one school."""

    title = _("school")
    parameter_name = "school"
    lookup = "school"
    model = School


class SchoolClassDesk(Importing, Desk):
    """A class: a cohort or a group."""

    icon = "groups"
    importing = imports.KINDS_OF_TABLES["classes"]
    import_table = imports.import_table
    export_columns = ("start_year", "letter", "name", "grade_from", "grade_to")
    list_display: ClassVar[Any] = ("label", "school", "span", "pupils", "is_active")
    list_filter: ClassVar[Any] = (GradeFilter, "is_active", SchoolFilter)
    autocomplete_fields = ("school",)
    search_fields = ("school__name", "name", "letter")
    search_help_text = _("School, name or letter")
    list_select_related = ("school",)

    @display(description=_("Class"), ordering="-start_year")
    def label(self, school_class: SchoolClass) -> str:
        return school_class.label(local_day(clock.now()))

    @display(description=_("Grades"))
    def span(self, school_class: SchoolClass) -> str:
        grades = school_class.grades(local_day(clock.now()))
        return str(grades.start) if len(grades) == 1 else f"{grades.start}–{grades.stop - 1}"


class MembershipRows(Rows):
    """A person's roles at schools."""

    model = Membership
    fields = ("school", "role", "ended_on")
    readonly_fields = ("ended_on",)
    autocomplete_fields = ("school",)
    verbose_name_plural = _("Roles at schools")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Roles that somebody has are ended by a deed, so that what lies ahead is handed over."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        rows: QuerySet[Membership] = super().get_queryset(request)
        return rows.select_related("school", "user").order_by("-ended_on", "school__name")


class MunicipalRoleForm(forms.ModelForm[MunicipalRole]):
    """The roles of the ladder, of which one is enough; the operator's is given in the shell."""

    role = forms.ChoiceField(
        label=_("role"),
        choices=[("", "–"), *((one.value, one.label) for one in roles.GIVEN_AT_THE_DESK)],
        widget=UnfoldAdminSelectWidget(attrs={"aria-label": _("role")}),
    )

    class Meta:
        model = MunicipalRole
        fields = ("role",)


class MunicipalRoleFormSet(RowForms):
    """One row, and always somebody left who can give roles."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors):
            return
        kept = [form.cleaned_data.get("role") for form in self.forms if form not in self.deleted_forms]
        if len([role for role in kept if role]) > 1:  # no browser shows a second row, but it may be sent
            raise forms.ValidationError(gettext("A person has one of these roles: the higher holds the lower."))
        if roles.ADMINISTRATOR not in kept and roles.is_last_administrator(self.instance):
            raise forms.ValidationError(roles.LAST_ADMINISTRATOR)


class MunicipalRoleRows(Rows):
    """A person's role in the municipality: given and taken by administrators alone, read by coordinators."""

    model = MunicipalRole
    form = MunicipalRoleForm
    formset = MunicipalRoleFormSet
    fields = ("role",)
    can_delete = True
    max_num = 1
    verbose_name_plural = _("Role in the municipality")

    def rights(self, request: HttpRequest) -> bool:
        return ADMINISTRATOR in self.admin_site.roles_of(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return COORDINATOR in self.admin_site.roles_of(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[MunicipalRole]:
        rows: QuerySet[MunicipalRole] = super().get_queryset(request)
        return rows.filter(role__in=roles.GIVEN_AT_THE_DESK)


class RoleFilter(admin.SimpleListFilter):
    """People by what they are."""

    title = _("role")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*Membership.Role.choices, *MunicipalRole.Role.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value in Membership.Role.values:
            current = Membership.objects.filter(role=value, ended_on__isnull=True)
            return queryset.filter(pk__in=current.values("user"))
        if value in MunicipalRole.Role.values:
            return queryset.filter(pk__in=MunicipalRole.objects.filter(role=value).values("user"))
        return queryset


def sent(request: HttpRequest, rows: str, field: str) -> list[str]:
    """Return every value that was sent of a field of rows within a form, of whatever row."""
    lists = request.POST.lists()
    return [str(one) for name, many in lists if re.fullmatch(rf"{rows}-.*-{field}", name) for one in many]


class PersonDesk(Importing, Desk):
    """A person with an account, the roles at schools and the role in the municipality."""

    icon = "person"
    importing = imports.KINDS_OF_TABLES["teachers"]
    import_table = imports.import_table
    import_gives_roles = True
    exports_persons = True
    export_columns = ("phone", "language", "date_joined")
    list_display: ClassVar[Any] = ("name", "email", "schools", "municipal", "is_active")
    list_filter: ClassVar[Any] = (RoleFilter, "is_active")
    search_fields = ("name", "email", "memberships__school__name")
    search_help_text = _("Name, e-mail or school")
    fields = ("name", "email", "phone", "language", "is_active")
    list_per_page = 50
    inlines: ClassVar[Any] = (MembershipRows, MunicipalRoleRows)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows: QuerySet[User] = super().get_queryset(request)
        current = Membership.objects.filter(ended_on__isnull=True).select_related("school")
        return rows.prefetch_related(Prefetch("memberships", current, to_attr="current"), "municipal_roles")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let administrators alone change the accounts of those who give roles or look after the installation."""
        may: bool = super().has_change_permission(request, obj)
        if not may or obj is None or obj.pk == request.user.pk or ADMINISTRATOR in self.roles(request):
            return may
        return not MunicipalRole.objects.filter(user=obj, role__in=[ADMINISTRATOR, OPERATOR]).exists()

    def found(self, request: HttpRequest, object_id: Any) -> Any:
        """Return the person a deed is about, if whoever asks may change the account."""
        person = super().found(request, object_id)
        if not self.has_change_permission(request, person):
            raise PermissionDenied
        return person

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Leave out the role in the municipality where there is none to read and nobody who may give one."""
        if ADMINISTRATOR in self.roles(request) or (obj is not None and obj.municipal_roles.all()):
            return self.inlines
        return [one for one in self.inlines if one is not MunicipalRoleRows]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Ask anew who it is, before a role is given or taken: in the municipality, or at a school."""
        if request.method == "POST" and (self.gives_role(request) or self.changes_role(request, object_id)):
            require_recent_authentication(request)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def gives_role(self, request: HttpRequest) -> bool:
        """Return whether what was sent gives a role at a school: only of a new row a school is sent."""
        may = COORDINATOR in self.roles(request)
        return may and any(sent(request, "memberships", "school"))

    def changes_role(self, request: HttpRequest, object_id: str | None) -> bool:
        """Return whether what was sent gives, changes or takes the person's role in the municipality.

        Every row counts, whatever its number and however many there are.
        """
        if ADMINISTRATOR not in self.roles(request):
            return False
        if any(sent(request, "municipal_roles", "DELETE")):
            return True
        person = self.get_object(request, unquote(object_id)) if object_id else None
        held = MunicipalRole.objects.filter(user=person, role__in=roles.GIVEN_AT_THE_DESK) if person else None
        has = list(held.values_list("role", flat=True)) if held is not None else []
        return sorted(filter(None, sent(request, "municipal_roles", "role"))) != sorted(has)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The address that somebody signs in with is changed by a deed."""
        return ("email",) if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Refuse to put out of use the only account that can give roles."""
        made = super().get_form(request, obj, change=change, **kwargs)

        class Kept(made):  # type: ignore[misc, valid-type]
            def clean_is_active(self) -> bool:
                active = bool(self.cleaned_data["is_active"])
                if not active and obj is not None and roles.is_last_administrator(obj):
                    raise forms.ValidationError(roles.LAST_ADMINISTRATOR)
                return active

        return Kept

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Let a change of the role in the municipality end the person's other sessions."""
        super().save_formset(request, form, formset, change)
        if formset.model is MunicipalRole and formset.has_changed():
            own = request.session.session_key if request.user == form.instance else None
            sessions.end_all(form.instance.pk, keep=own or "")

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        obj.email = obj.email.strip().lower()
        if not change:
            obj.password = make_password(None)
        super().save_model(request, obj, form, change)

    @display(description=_("Roles at schools"))
    def schools(self, person: Any) -> str:
        return ", ".join(f"{one.school} ({one.get_role_display()})" for one in person.current) or "–"

    @display(description=_("In the municipality"))
    def municipal(self, person: User) -> str:
        return ", ".join(str(one.get_role_display()) for one in person.municipal_roles.all()) or "–"

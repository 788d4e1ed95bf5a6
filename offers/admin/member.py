"""Newcomers at the desk: who says to belong to which school, and the coordinator's answer."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.admin import COORDINATOR, ReadDesk, action, day, display
from portal.domain import clock
from portal.http import actor_of, require_recent_authentication
from schools.admin import SchoolFilter
from schools.domain import membership
from schools.models import Membership


def ask_again_before(request: HttpRequest, rows: Iterable[Membership]) -> None:
    """Ask anew who it is before a role is confirmed that reaches a whole school; a class of teachers' is everyday."""
    if any(row.role in Membership.Role.school_wide() for row in rows):
        require_recent_authentication(request)


@admin.register(Membership)
class NewcomerDesk(ReadDesk):
    """Roles at schools that somebody has asked for and nobody has answered."""

    exports_persons = True
    icon = "person_add"
    list_display: ClassVar[Any] = ("person", "role", "school", "since")
    list_filter: ClassVar[Any] = ("role", SchoolFilter)
    search_fields = ("user__name", "user__email", "school__name")
    search_help_text = _("Name, e-mail or school")
    list_select_related = ("user", "school")
    ordering = ("unconfirmed_since", "pk")
    fields = ("user", "school", "role", "unconfirmed_since")
    actions: ClassVar[Any] = ("confirm_several",)
    actions_detail: ClassVar[Any] = ("confirm", "refuse")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        rows: QuerySet[Membership] = super().get_queryset(request)
        return rows.filter(pk__in=Membership.objects.awaiting().values("pk")).select_related("user", "school")

    def may_act(self, request: HttpRequest) -> bool:
        return COORDINATOR in self.roles(request)

    def fitting(self, obj: Any) -> Iterable[str]:
        return ("confirm", "refuse")

    @display(description=_("Person"), ordering="user__name", header=True)
    def person(self, row: Membership) -> list[str]:
        return [row.user.name, row.user.email]

    @display(description=_("Waits since"), ordering="unconfirmed_since")
    def since(self, row: Membership) -> str:
        return day(row.unconfirmed_since)

    @action(description=_("Confirm"), url_path="bekraeft", icon="check")
    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say that the person does have this role at the school."""
        row: Membership = self.found(request, object_id)
        ask_again_before(request, [row])
        return self.deed(
            request,
            row,
            title=_("Confirm the role at the school"),
            says=[
                _("%(name)s (%(email)s) can enrol classes of %(school)s from now on, and gets a mail.")
                % {"name": row.user.name, "email": row.user.email, "school": row.school.name}
            ],
            button=_("Confirm"),
            act=lambda _form: self.say_yes(request, row),
            done=_("The role is confirmed."),
            goes_to=lambda _done: reverse(self.listing_name()),
        )

    @action(description=_("Refuse"), url_path="afvis", icon="close")
    def refuse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say that the person does not have this role at the school."""
        row: Membership = self.found(request, object_id)
        return self.deed(
            request,
            row,
            title=_("Refuse the role at the school"),
            says=[
                _("%(name)s (%(email)s) gets a mail that says so, and may choose another school.")
                % {"name": row.user.name, "email": row.user.email}
            ],
            button=_("Refuse"),
            danger=True,
            act=lambda _form: membership.refuse_membership(membership_id=row.pk, by=actor_of(request), now=clock.now()),
            done=_("The role is refused."),
            goes_to=lambda _done: reverse(self.listing_name()),
        )

    @admin.action(description=_("Confirm the chosen"))
    def confirm_several(self, request: HttpRequest, queryset: QuerySet[Membership]) -> HttpResponse:
        """Say yes to several."""
        ask_again_before(request, queryset)
        return self.deed_on_several(
            request,
            queryset,
            name="confirm_several",
            title=_("Confirm the roles at schools"),
            says=[_("Each of them can enrol classes of the school from now on, and gets a mail.")],
            button=_("Confirm"),
            act=lambda row: self.say_yes(request, row),
            done=lambda count: gettext("Roles confirmed: %(count)s") % {"count": count},
        )

    def say_yes(self, request: HttpRequest, row: Membership) -> None:
        """Call the use-case."""
        membership.confirm_membership(membership_id=row.pk, by=actor_of(request), now=clock.now())

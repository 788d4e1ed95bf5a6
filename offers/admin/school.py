"""Schools, classes and people at the desk, with what happens to them: who moves, who leaves, what closes."""

from collections.abc import Iterable
from typing import Any, ClassVar
from urllib.parse import urlencode

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from offers.admin.dialogue import AskForm
from offers.admin.personal_data import MENU, PersonalDataDeeds
from offers.domain import dates, handover
from offers.domain import dialogue as talks
from offers.domain import school as houses
from offers.models import Agreement, Enrolment, Session
from portal.admin import ADMINISTRATOR, Day, DeskForm, action, answers, picker
from portal.domain import clock, people
from portal.domain.calendar import local_day
from portal.domain.danish import in_danish_order
from portal.forms.fields import Email
from portal.http import actor_of, require_recent_authentication
from portal.models import User
from schools.admin import PersonDesk, SchoolClassDesk, SchoolDesk
from schools.domain import membership
from schools.domain.school import reopen_school
from schools.models import Membership, School, SchoolClass

NAMES_A_CLASS = {"start_year", "letter", "name"}


def in_words(enrolments: QuerySet[Enrolment]) -> list[str]:
    """Return enrolments as a page that says what will happen names them."""
    rows = enrolments.select_related("school_class", "session__offer", "school").order_by("session__starts_at", "pk")
    return [
        f"{row.class_label}, {row.school_name}: {row.session.offer}, {dates.moment_in_words(row.session.starts_at)}"
        for row in rows
    ]


class CloseForm(DeskForm):
    on = Day(label=_("Closed from"), help_text=_("The first day on which the school is no longer there."))


class MergeForm(DeskForm):
    """Into which school."""

    into = forms.ModelChoiceField(
        label=_("Goes up in"),
        queryset=School.objects.filter(closed_on__isnull=True),
        widget=picker("school", Agreement),
    )


class EnrolForm(DeskForm):
    """Which class, and when: the rest is asked on the enrolment's own page."""

    school_class = forms.ModelChoiceField(label=_("Class"), queryset=SchoolClass.objects.none())
    session = forms.ModelChoiceField(
        label=_("Session"),
        queryset=Session.objects.none(),
        widget=picker("session", Enrolment),
        help_text=_("Type a word of the course or the company. Only sessions one can enrol in are found."),
    )

    def __init__(self, *args: Any, school: School, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = clock.now()
        classes: Any = self.fields["school_class"]
        classes.queryset = school.classes.filter(is_active=True).order_by("-start_year", "letter", "name")
        classes.label_from_instance = lambda one: one.label(local_day(now))
        sessions: Any = self.fields["session"]
        sessions.queryset = Session.objects.bookable(now).select_related("offer")


class AddressForm(DeskForm):
    email = Email(label=_("New work e-mail"), max_length=254)


class RoleForm(DeskForm):
    """At which school, and as what."""

    school = forms.ModelChoiceField(
        label=_("School"),
        queryset=School.objects.filter(closed_on__isnull=True),
        widget=picker("school", Membership),
    )
    role = forms.ChoiceField(label=_("Role"), choices=Membership.Role.choices, widget=forms.RadioSelect)


class LeaveForm(DeskForm):
    """Which school a person leaves, who takes over, and where the person goes."""

    school = forms.ModelChoiceField(label=_("Leaves"), queryset=School.objects.none(), empty_label=None)
    colleague = forms.ModelChoiceField(
        label=_("Enrolments go to"),
        queryset=User.objects.none(),
        required=False,
        help_text=_("Empty: they stand without a contact teacher under “To do” until somebody takes them."),
    )
    new_school = forms.ModelChoiceField(
        label=_("Moves to"),
        queryset=School.objects.filter(closed_on__isnull=True),
        required=False,
        widget=picker("school", Membership),
        help_text=_("Empty: the person leaves the municipality's schools, or stays at the other ones."),
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        schools = membership.schools_of(person)
        leaves: Any = self.fields["school"]
        leaves.queryset = schools
        leaves.initial = schools.first()
        colleagues: Any = self.fields["colleague"]
        colleagues.queryset = (
            User.objects.filter(
                pk__in=Membership.objects.filter(school__in=schools.values("pk"), ended_on=None).values("user"),
                is_active=True,
            )
            .exclude(pk=person.pk)
            .order_by(in_danish_order("name"), "email")
        )
        colleagues.label_from_instance = lambda one: f"{one.name} <{one.email}>"


@admin.register(SchoolClass)
class SchoolClassWithHistoryDesk(SchoolClassDesk):
    """The classes; a class that is renamed keeps its old name on visits that were held."""

    def belonging(self, obj: SchoolClass) -> Iterable[QuerySet[Any]]:
        """A class' history tells of its enrolments."""
        return (Enrolment.objects.filter(school_class=obj).order_by("-created_at"),)

    def save_model(self, request: HttpRequest, obj: SchoolClass, form: Any, change: bool) -> None:
        if change and NAMES_A_CLASS & set(form.changed_data):
            houses.keep_names_of_class(obj, now=clock.now())
        super().save_model(request, obj, form, change)


@admin.register(School)
class SchoolWithDeedsDesk(SchoolDesk):
    """The schools, with what becomes of them."""

    actions_detail: ClassVar[Any] = (
        "enrol",
        "ask_for_a_time",
        {"title": _("More"), "icon": "more_horiz", "items": ["close", "merge", "reopen"]},
    )

    def fitting(self, obj: School) -> Iterable[str]:
        if obj.merged_into_id is not None:
            return []
        return ["reopen"] if obj.closed_on is not None else ["enrol", "ask_for_a_time", "close", "merge"]

    def belonging(self, obj: School) -> Iterable[QuerySet[Any]]:
        """A school's history tells of its classes, its roles and its agreements."""
        return (
            SchoolClass.objects.filter(school=obj),
            Membership.objects.filter(school=obj),
            Agreement.objects.filter(school=obj),
        )

    def save_model(self, request: HttpRequest, obj: School, form: Any, change: bool) -> None:
        """A school that is renamed keeps its old name on visits that were held."""
        if change and "name" in form.changed_data:
            houses.keep_names_of_school(obj, now=clock.now())
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """See :meth:`save_model`: a class that is renamed."""
        for row in getattr(formset, "initial_forms", ()):
            if isinstance(row.instance, SchoolClass) and NAMES_A_CLASS & set(row.changed_data):
                houses.keep_names_of_class(row.instance, now=clock.now())
        super().save_formset(request, form, formset, change)

    @action(description=_("Enrol a class"), url_path="tilmeld", icon="how_to_reg")
    def enrol(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Choose class and session for a teacher who telephones, and go on to the enrolment form."""
        school: School = self.found(request, object_id)
        return self.deed(
            request,
            school,
            title=_("Enrol a class for a teacher"),
            form=EnrolForm(answers(request), school=school),
            says=[
                _("You go on to the enrolment form, where you choose the contact teacher and the numbers."),
                _("The teacher gets the same mails as if enrolling alone. Nothing is enrolled yet."),
            ],
            button=_("Go on"),
            act=lambda form: form,
            done="",
            goes_to=lambda form: (
                reverse("enrol", args=(form.cleaned_data["session"].pk,))
                + "?"
                + urlencode({"skole": school.pk, "klasse": form.cleaned_data["school_class"].pk})
            ),
        )

    @action(description=_("Propose times for a class"), url_path="foreslaa-tider", icon="forum")
    def ask_for_a_time(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the host of a course by agreement for a time, for a teacher who telephones."""
        school: School = self.found(request, object_id)
        form = AskForm(answers(request), school=school)
        return self.deed(
            request,
            school,
            title=_("Propose times for a class"),
            form=form,
            says=[
                _("For a teacher who telephones about a course without dates. Propose up to three times."),
                _("The host gets a mail and answers; where there is nobody to write to, you answer for the host."),
                _("The teacher gets a mail that says you have asked, and goes on with the talk as if asking alone."),
            ],
            button=_("Ask the host"),
            act=lambda form: talks.ask_for_a_time(
                offer_id=form.cleaned_data["offer"].pk, request=form.wanted(), by=actor_of(request), now=clock.now()
            ),
            done=lambda made: (
                gettext("The host and the teacher are told.")
                if made.form_token == form.cleaned_data["form_token"]
                else gettext("The class had already asked. This is the request; nothing was added.")
            ),
            goes_to=lambda made: reverse("admin:offers_dialogue_change", args=(made.pk,)),
        )

    @action(description=_("Close"), url_path="luk", icon="door_front")
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the school be closed from a day on."""
        school: School = self.found(request, object_id)
        ahead = in_words(houses.ahead_of(school, clock.now()))
        return self.deed(
            request,
            school,
            title=_("Close the school"),
            form=CloseForm(answers(request)),
            says=[
                _("From that day on no class of the school can be enrolled, and its people have no role there."),
                _("All history stays, under the school's name. Nobody gets a mail."),
                _("Enrolments on that day or later must be cancelled first. Or let the school merge into another."),
            ],
            lists=[(_("Enrolments to come"), ahead)],
            button=_("Close the school"),
            danger=True,
            act=lambda form: houses.close_school(
                school_id=school.pk, on=form.cleaned_data["on"], by=actor_of(request), now=clock.now()
            ),
            done=lambda closed: (
                gettext("The school is closed from %(day)s on.") % {"day": date_format(closed.closed_on, "j. F Y")}
            ),
        )

    @action(description=_("Merge into another"), url_path="sammenlaeg", icon="merge")
    def merge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the school go up in another; what will be renamed is shown before anything is written."""
        school: School = self.found(request, object_id)
        require_recent_authentication(request)  # everybody of the one school gets a role at the other
        now = clock.now()
        form = MergeForm(answers(request))
        target = form.cleaned_data["into"] if form.is_bound and form.is_valid() else None
        looked_over = target is not None and request.POST.get("looked_over") == str(target.pk)
        renamed = houses.renamed_by_merging(school, target, now) if target is not None and target != school else []
        people_there = Membership.objects.filter(school=school, ended_on=None).values("user").distinct().count()
        agreements = Agreement.objects.filter(school=school).exclude(state=Agreement.State.ENDED).count()
        says: list[Any] = [
            ngettext(
                "%(count)s class goes over with its history.",
                "%(count)s classes go over with their history.",
                school.classes.count(),
            )
            % {"count": school.classes.count()},
            ngettext(
                "%(count)s person gets the same role at the other school.",
                "%(count)s people get the same roles at the other school.",
                people_there,
            )
            % {"count": people_there},
            _("Enrolments to come follow. Visits that were held, and the ledger, keep the school's name."),
            _("The school is closed today and cannot be opened again. Nobody gets a mail."),
        ]
        if agreements:
            says.append(_("Agreements with the school stay in its name; sign new ones if they go on."))
        return self.deed(
            request,
            school,
            title=_("Merge the school into another"),
            form=form,
            says=says,
            lists=[
                (_("Enrolments to come that follow"), in_words(houses.ahead_of(school, now))),
                (_("Classes that get another name, since theirs is taken"), renamed),
            ],
            button=gettext("Merge into %(school)s") % {"school": target} if target is not None else _("Look it over"),
            danger=target is not None,
            hidden=[("looked_over", str(target.pk))] if target is not None else [],
            ready=looked_over or not form.is_valid(),
            act=lambda form: houses.merge_schools(
                school_id=school.pk, into_id=form.cleaned_data["into"].pk, by=actor_of(request), now=clock.now()
            ),
            done=lambda count: (
                ngettext(
                    "The schools are merged; %(count)s class went over.",
                    "The schools are merged; %(count)s classes went over.",
                    count,
                )
                % {"count": count}
            ),
        )

    @action(description=_("Open again"), url_path="aabn", icon="door_open")
    def reopen(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a closing back."""
        school: School = self.found(request, object_id)
        return self.deed(
            request,
            school,
            title=_("Open the school again"),
            says=[
                _("Its classes can be enrolled again."),
                _("Roles that have ended stay ended; give them anew where they are needed."),
            ],
            button=_("Open the school"),
            act=lambda _form: reopen_school(school_id=school.pk, by=actor_of(request), now=clock.now()),
            done=_("The school is open again."),
        )


@admin.register(User)
class PersonWithDeedsDesk(PersonalDataDeeds, PersonDesk):
    """The people, with what changes in a working life."""

    actions_detail: ClassVar[Any] = (
        "give_role",
        "leave",
        {"title": _("More"), "icon": "more_horiz", "items": ["change_address", "take_off_factor", "reopen"]},
        MENU,
    )

    def fitting(self, obj: User) -> Iterable[str]:
        names = ["change_address", "give_role", *self.personal(obj)]
        if membership.memberships_of(obj).exists():
            names.append("leave")
        if not obj.is_active:
            names.append("reopen")
        if Authenticator.objects.filter(user=obj).exists():
            names.append("take_off_factor")
        return names

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer to take a second factor off to those who may do it: administrators, and not for themselves."""
        found: list[Any] = super().get_actions_detail(request, object_id)
        if ADMINISTRATOR in self.roles(request) and str(object_id) != str(request.user.pk):
            return found
        return [one for one in found if not one.action_name.endswith("take_off_factor")]

    def belonging(self, obj: User) -> Iterable[QuerySet[Any]]:
        """A person's history tells of the roles at schools."""
        return (Membership.objects.filter(user=obj),)

    def ahead(self, person: User) -> QuerySet[Enrolment]:
        """Return what the person has enrolled and what is still to come."""
        return Enrolment.objects.ahead(clock.now()).filter(teacher=person)

    @action(description=_("Give a role at a school"), url_path="rolle", icon="person_add")
    def give_role(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the person belong to a (further) school."""
        person: User = self.found(request, object_id)
        require_recent_authentication(request)
        return self.deed(
            request,
            person,
            title=_("Give a role at a school"),
            form=RoleForm(answers(request), initial={"role": Membership.Role.TEACHER}),
            says=[
                _("The person can enrol the school's classes. Other roles stay as they are."),
                _("Ambassador, learning centre, guidance and leader see all enrolments of the school."),
                _("Nobody gets a mail."),
            ],
            button=_("Give the role"),
            act=lambda form: handover.begin_role(
                user_id=person.pk,
                school_id=form.cleaned_data["school"].pk,
                role=form.cleaned_data["role"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=lambda role: gettext("%(name)s belongs to %(school)s now.") % {"name": person, "school": role.school},
        )

    @action(description=_("Leaves or moves"), url_path="skift", icon="move_up")
    def leave(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End the person's roles at a school, hand enrolments over, and perhaps begin at another school."""
        person: User = self.found(request, object_id)
        require_recent_authentication(request)
        return self.deed(
            request,
            person,
            title=_("A teacher leaves a school, or moves to another"),
            form=LeaveForm(answers(request), person=person),
            says=[
                _("The person's roles at the school end today."),
                _("The colleague gets a mail about each enrolment, and the hosts are told whom to write to now."),
                _("Without a role anywhere the account is closed: the person cannot sign in any more."),
                _("Who moves gets a mail about the new school."),
            ],
            lists=[(_("Enrolments to come"), in_words(self.ahead(person)))],
            button=_("Do it"),
            danger=True,
            act=lambda form: handover.leave_school(
                user_id=person.pk,
                school_id=form.cleaned_data["school"].pk,
                colleague_id=form.cleaned_data["colleague"].pk if form.cleaned_data["colleague"] else None,
                new_school_id=form.cleaned_data["new_school"].pk if form.cleaned_data["new_school"] else None,
                by=actor_of(request),
                now=clock.now(),
            ),
            done=lambda concerned: (
                ngettext(
                    "It is done. %(count)s enrolment was concerned.",
                    "It is done. %(count)s enrolments were concerned.",
                    len(concerned),
                )
                % {"count": len(concerned)}
            ),
        )

    @action(description=_("Change the work e-mail"), url_path="adresse", icon="alternate_email")
    def change_address(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the person another address to sign in with."""
        person: User = self.found(request, object_id)
        require_recent_authentication(request)
        return self.deed(
            request,
            person,
            title=_("Change the work e-mail"),
            form=AddressForm(answers(request)),
            says=[
                _("Today: %(email)s.") % {"email": person.email},
                _("The person signs in with the new address from now on, and is signed out everywhere."),
                _("Both addresses get a mail about it. Mails that wait go to the new one."),
                _("Roles and enrolments stay."),
            ],
            button=_("Change the address"),
            act=lambda form: people.change_address(
                user_id=person.pk, email=form.cleaned_data["email"], by=actor_of(request), now=clock.now()
            ),
            done=_("The address is changed, and both addresses are told."),
        )

    @action(description=_("Take the second factor off"), url_path="andet-trin", icon="phonelink_erase")
    def take_off_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let somebody who lost passkey, app and recovery codes set up new ones."""
        person: User = self.found(request, object_id)
        if ADMINISTRATOR not in self.roles(request):
            raise PermissionDenied
        require_recent_authentication(request)
        return self.deed(
            request,
            person,
            title=_("Take the second factor off"),
            says=[
                _(
                    "Passkeys, authenticator app and recovery codes of %(email)s stop working at once, and the person"
                    " is signed out everywhere."
                )
                % {"email": person.email},
                _(
                    "The mailbox alone then opens the account: make sure first, by telephone or face to face, that it"
                    " is the person who asks."
                ),
                _("A role in the municipality rests until a new second factor is set up at the next sign-in."),
                _("The person gets a mail about it."),
            ],
            button=_("Take it off"),
            danger=True,
            act=lambda _form: people.take_off_factor(user_id=person.pk, by=actor_of(request), now=clock.now()),
            done=_("The second factor is taken off, and the person is told."),
        )

    @action(description=_("Open the account"), url_path="aabn", icon="lock_open")
    def reopen(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the person sign in again."""
        person: User = self.found(request, object_id)
        return self.deed(
            request,
            person,
            title=_("Open the account again"),
            says=[
                _("The person can sign in again with %(email)s.") % {"email": person.email},
                _("Roles that have ended stay ended; give a role where one is needed. Nobody gets a mail."),
            ],
            button=_("Open the account"),
            act=lambda _form: people.reopen_account(user_id=person.pk, by=actor_of(request), now=clock.now()),
            done=_("The account is open."),
        )

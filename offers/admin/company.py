"""Companies, invitations and agreements at the desk."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from companies.admin import CompanyDesk, ContactRows
from companies.domain import relations
from companies.models import Company, Contact
from offers.domain import agreements, authoring, contacts
from offers.models import Agreement, AgreementVersion, Invite, Offer, Signature
from portal.admin import (
    Day,
    DeskForm,
    FewFilter,
    ReadDesk,
    ReadRows,
    WholeNumber,
    action,
    answers,
    confirmed_answers,
    day,
    display,
    how_many,
    picker,
)
from portal.domain import clock
from portal.domain.refusal import Refusal
from portal.forms.fields import Line, Words
from portal.http import actor_of
from schools.models import School

INVITE_COLORS = {
    Invite.State.SENT: "info",
    Invite.State.OPENED: "info",
    Invite.State.STARTED: "info",
    Invite.State.SUBMITTED: "warning",
    Invite.State.COMPLETED: "success",
    Invite.State.EXPIRED: "danger",
}
AGREEMENT_COLORS = {Agreement.State.ACTIVE: "success", Agreement.State.DRAFT: "warning"}


class GreetingForm(DeskForm):
    """With which words to invite."""

    greeting = Words(
        label=_("Personal message"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("It stands at the top of the mail. Write no personal data about others."),
    )


class InviteForm(GreetingForm):
    """Whom to invite, and with which words."""

    contact = forms.ModelChoiceField(label=_("Contact"), queryset=Contact.objects.none())
    field_order = ("contact", "greeting")

    def __init__(self, *args: Any, company: Company, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        contacts = Contact.objects.filter(company=company, is_active=True)
        chosen: Any = self.fields["contact"]
        chosen.queryset = contacts
        chosen.label_from_instance = lambda contact: f"{contact.name} <{contact.email}>"
        chosen.initial = contacts.first()


class AgreementForm(DeskForm):
    """Who agrees on what, and for how long."""

    company = forms.ModelChoiceField(
        label=_("Company"), queryset=Company.objects.all(), widget=picker("company", Agreement)
    )
    school = forms.ModelChoiceField(
        label=_("School"), queryset=School.objects.filter(closed_on__isnull=True), widget=picker("school", Agreement)
    )
    title = Line(label=_("Title"), max_length=120)
    first_day = Day(label=_("From"))
    last_day = Day(label=_("To"))
    visits_per_year = WholeNumber(label=_("Visits per year"), min_value=1, max_value=200, initial=2)
    purpose = Words(label=_("Purpose"), max_length=4000, widget=forms.Textarea)
    roles = Words(label=_("Roles and contributions"), max_length=4000, widget=forms.Textarea)


class WordsForm(DeskForm):
    """The words of an agreement."""

    purpose = Words(label=_("Purpose"), max_length=4000, widget=forms.Textarea)
    roles = Words(label=_("Roles and contributions"), max_length=4000, widget=forms.Textarea)


class SignForm(DeskForm):
    """Who says yes."""

    party = forms.ChoiceField(label=_("Party"), choices=Signature.Party.choices, widget=forms.RadioSelect)
    job_title = Line(label=_("Job title of who signed"), max_length=80, help_text=_("No name: the paper carries it."))


class TitleForm(DeskForm):
    """What the course is called to begin with."""

    title = Line(label=_("Title"), max_length=80)


class SchoolFilter(FewFilter):
    """Agreements with one school."""

    title = _("school")
    parameter_name = "school"
    lookup = "school"
    model = School


class RelationForm(DeskForm):
    state = forms.ChoiceField(label=_("Relation"), choices=Company.State.choices, widget=forms.RadioSelect)


class OfferRows(ReadRows):
    """A company's courses."""

    model = Offer
    fk_name = "company"
    fields = ("title", "state", "submitted_at", "published_at")
    verbose_name_plural = _("Courses")
    show_change_link = True
    hide_title = False
    ordering = ("title",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Offer]:
        rows: QuerySet[Offer] = super().get_queryset(request)
        return rows.defer("search", "words")


class InviteRows(ReadRows):
    """A company's invitations."""

    model = Invite
    fields = ("contact", "state", "reached_step", "created_at", "opened_at", "submitted_at")
    verbose_name_plural = _("Invitations")
    show_change_link = True
    hide_title = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invite]:
        rows: QuerySet[Invite] = super().get_queryset(request)
        return rows.select_related("contact", "company")


@admin.register(Company)
class CompanyWithOffersDesk(CompanyDesk):
    """The companies, with what they host and how they were invited."""

    list_display: ClassVar[Any] = (
        "name",
        "state_label",
        "kind",
        "city",
        "contact_count",
        "offer_count",
        "last_invite",
    )
    inlines: ClassVar[Any] = (ContactRows, OfferRows, InviteRows)
    actions_detail: ClassVar[Any] = (
        "invite",
        "write",
        {"title": _("More"), "icon": "more_horiz", "items": ["change_relation", "guide"]},
    )
    actions: ClassVar[Any] = ("invite_several", "rest_several")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Company]:
        latest = Invite.objects.filter(company=OuterRef("pk")).order_by("-created_at")
        return (
            super()
            .get_queryset(request)
            .annotate(
                offer_count=how_many(Offer.objects.filter(company=OuterRef("pk")), "company"),
                invited_at=Subquery(latest.values("created_at")[:1]),
            )
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Let the links of a contact die with the tick at *active*, in the same transaction."""
        super().save_formset(request, form, formset, change)
        if formset.model is Contact:
            for contact, fields in formset.changed_objects:
                if "is_active" in fields and not contact.is_active:
                    contacts.end_links_of(contact, by=actor_of(request), now=clock.now())

    @display(description=_("Courses"), ordering="offer_count")
    def offer_count(self, company: Any) -> int:
        count: int = company.offer_count
        return count

    @display(description=_("Last invited"), ordering="invited_at")
    def last_invite(self, company: Any) -> str:
        return day(company.invited_at)

    @action(description=_("Invite to describe a course"), url_path="inviter", icon="forward_to_inbox")
    def invite(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask a contact of the company to describe a course."""
        company: Company = self.found(request, object_id)
        form = InviteForm(answers(request), company=company)
        says = [
            _("The contact gets a mail with a personal link; no account is needed."),
            _("The link works for 30 days, and longer while it is used."),
            _("A reminder follows after 3, 10 and 21 days, until the course is sent to you."),
        ]
        if not company.contacts.filter(is_active=True).exists():
            says = [_("The company has no active contact. Go back and add one first.")]
        return self.deed(
            request,
            company,
            title=_("Invite to describe a course"),
            form=form,
            says=says,
            button=_("Send the invitation"),
            act=lambda form: authoring.invite_company(
                company_id=company.pk,
                contact_id=form.cleaned_data["contact"].pk,
                greeting=form.cleaned_data["greeting"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=lambda invite: _("The invitation to %(name)s is on its way.") % {"name": invite.contact.name},
        )

    @action(description=_("Write a course for the company"), url_path="skriv", icon="edit_note")
    def write(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Begin a course on the company's behalf."""
        company: Company = self.found(request, object_id)
        contact = company.contacts.filter(is_active=True).first()
        return self.deed(
            request,
            company,
            title=_("Write a course for the company"),
            form=TitleForm(answers(request)),
            says=[_("A draft is made, and you go on writing it. Nobody is told before you publish it.")],
            button=_("Make the draft"),
            act=lambda form: authoring.create_offer(
                company_id=company.pk,
                contact_id=contact.pk if contact else None,
                content={"title": form.cleaned_data["title"]},
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("Here is the draft."),
            goes_to=self.place_of,
        )

    def belonging(self, obj: Company) -> Iterable[QuerySet[Any]]:
        """A company's history tells of its contacts, invitations, courses and agreements."""
        return (
            Contact.objects.filter(company=obj),
            Invite.objects.filter(company=obj),
            Offer.objects.filter(company=obj),
            Agreement.objects.filter(company=obj),
        )

    @action(description=_("Change the relation"), url_path="relation", icon="handshake")
    def change_relation(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Note how the co-operation with the company stands."""
        company: Company = self.found(request, object_id)
        return self.deed(
            request,
            company,
            title=_("Change the relation"),
            form=RelationForm(answers(request), initial={"state": company.state}),
            says=[
                _("Today the company stands as: %(state)s.") % {"state": company.get_state_display()},
                _("Courses and sessions stay as they are. Nobody gets a mail."),
            ],
            button=_("Change"),
            act=lambda form: relations.change_relation(
                company_id=company.pk,
                state=Company.State(form.cleaned_data["state"]),
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("The relation is changed."),
        )

    @admin.action(description=_("Let rest"))
    def rest_several(self, request: HttpRequest, queryset: QuerySet[Company]) -> HttpResponse:
        """Note that the co-operation with several companies rests."""
        return self.deed_on_several(
            request,
            queryset,
            name="rest_several",
            title=_("Let the companies rest"),
            says=[_("They stand as resting. Courses and sessions stay as they are. Nobody gets a mail.")],
            button=_("Let rest"),
            act=lambda company: relations.change_relation(
                company_id=company.pk, state=Company.State.RESTING, by=actor_of(request), now=clock.now()
            ),
            done=lambda count: gettext("Companies that rest now: %(count)s") % {"count": count},
        )

    @admin.action(description=_("Invite to describe a course"))
    def invite_several(self, request: HttpRequest, queryset: QuerySet[Company]) -> HttpResponse:
        """Ask a contact of each company to describe a course, with the same words."""
        form = GreetingForm(confirmed_answers(request))
        return self.deed_on_several(
            request,
            queryset,
            name="invite_several",
            title=_("Invite the companies to describe a course"),
            form=form,
            says=[
                _("The first active contact of each company gets a mail with a personal link; no account is needed."),
                _("A reminder follows after 3, 10 and 21 days, until the course is sent to you."),
            ],
            button=_("Send the invitations"),
            act=lambda company: self.invite_one(request, company, form.cleaned_data["greeting"]),
            done=lambda count: gettext("Invitations on their way: %(count)s") % {"count": count},
            named=lambda company: (
                f"{company}: {contact.name} <{contact.email}>"
                if (contact := company.contacts.filter(is_active=True).first())
                else gettext("%(company)s: no active contact") % {"company": company}
            ),
        )

    def invite_one(self, request: HttpRequest, company: Company, greeting: str) -> Invite:
        """Call the use-case for a company's first contact."""
        contact = company.contacts.filter(is_active=True).first()
        if contact is None:
            raise Refusal(_("The company has no active contact. Add one first."), code="no-contact")
        return authoring.invite_company(
            company_id=company.pk, contact_id=contact.pk, greeting=greeting, by=actor_of(request), now=clock.now()
        )

    @action(description=_("Guide (PDF)"), url_path="guide", icon="picture_as_pdf")
    def guide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the company's guide on paper."""
        company: Company = self.found(request, object_id)
        return redirect("guide-company", company.pk)


@admin.register(Invite)
class InviteDesk(ReadDesk):
    """Who was asked to describe a course, and how far they have come."""

    icon = "forward_to_inbox"
    exports_persons = True
    list_display = ("company", "contact", "state_label", "step", "sent", "opened", "submitted")
    list_filter = ("state",)
    search_fields = ("company__name", "contact__name", "contact__email")
    search_help_text = _("Company or contact")
    date_hierarchy = "created_at"
    list_select_related = ("company", "contact")
    fields = ("company", "contact", "offer", "state", "step", "greeting", "created_at", "opened_at", "submitted_at")
    readonly_fields = ("step",)
    actions: ClassVar[Any] = ("resend_several", "revoke_several")
    actions_detail = ("resend", "revoke")

    def may_act(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invite]:
        rows: QuerySet[Invite] = super().get_queryset(request)
        return rows.select_related("company", "contact", "offer")

    def fitting(self, obj: Invite) -> Iterable[str]:
        if obj.state in {Invite.State.SUBMITTED, Invite.State.COMPLETED}:
            return []
        return ["resend"] if obj.state == Invite.State.REVOKED else ["resend", "revoke"]

    @display(description=_("State"), ordering="state", label=INVITE_COLORS)
    def state_label(self, invite: Invite) -> tuple[str, str]:
        return invite.state, invite.get_state_display()

    @display(description=_("Sent"), ordering="created_at")
    def sent(self, invite: Invite) -> str:
        return day(invite.created_at)

    @display(description=_("Opened"), ordering="opened_at")
    def opened(self, invite: Invite) -> str:
        return day(invite.opened_at)

    @display(description=_("Sent for review"), ordering="submitted_at")
    def submitted(self, invite: Invite) -> str:
        return day(invite.submitted_at)

    @display(description=_("Reached step"), ordering="reached_step")
    def step(self, invite: Invite) -> str:
        return _("%(step)s of 6") % {"step": invite.reached_step}

    @action(description=_("Send again"), url_path="send-igen", icon="send")
    def resend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send the invitation again, with a new address."""
        invite: Invite = self.found(request, object_id)
        return self.deed(
            request,
            invite,
            title=_("Send the invitation again"),
            says=[
                _("%(name)s (%(email)s) gets a mail with a new link.")
                % {"name": invite.contact.name, "email": invite.contact.email},
                _("The earlier links stop working. What has been written stays."),
            ],
            button=_("Send again"),
            act=lambda _form: authoring.resend_invite(invite_id=invite.pk, by=actor_of(request), now=clock.now()),
            done=_("The invitation is on its way."),
        )

    @admin.action(description=_("Send again"))
    def resend_several(self, request: HttpRequest, queryset: QuerySet[Invite]) -> HttpResponse:
        """Send several invitations again, each with a new address."""
        return self.deed_on_several(
            request,
            queryset,
            name="resend_several",
            title=_("Send the invitations again"),
            says=[
                _("Each contact gets a mail with a new link. Earlier links stop working; what has been written stays."),
                _("Those that were sent in for review already are left alone."),
            ],
            button=_("Send again"),
            act=lambda invite: authoring.resend_invite(invite_id=invite.pk, by=actor_of(request), now=clock.now()),
            done=lambda count: gettext("Invitations on their way: %(count)s") % {"count": count},
            named=lambda invite: f"{invite.company}: {invite.contact.name} <{invite.contact.email}>",
        )

    @admin.action(description=_("Withdraw"))
    def revoke_several(self, request: HttpRequest, queryset: QuerySet[Invite]) -> HttpResponse:
        """Let the links of several invitations stop working."""
        return self.deed_on_several(
            request,
            queryset,
            name="revoke_several",
            title=_("Withdraw the invitations"),
            says=[
                _("The links stop working at once, and no reminders are sent."),
                _("What has been written stays. Nobody gets a mail about it."),
            ],
            button=_("Withdraw"),
            danger=True,
            act=lambda invite: authoring.revoke_invite(invite_id=invite.pk, by=actor_of(request), now=clock.now()),
            done=lambda count: gettext("Invitations withdrawn: %(count)s") % {"count": count},
        )

    @action(description=_("Withdraw"), url_path="traek-tilbage", icon="link_off")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the invitation's link stop working."""
        invite: Invite = self.found(request, object_id)
        return self.deed(
            request,
            invite,
            title=_("Withdraw the invitation"),
            says=[
                _("The link stops working at once, and no reminders are sent."),
                _("What has been written stays. Nobody gets a mail about it."),
            ],
            button=_("Withdraw"),
            danger=True,
            act=lambda _form: authoring.revoke_invite(invite_id=invite.pk, by=actor_of(request), now=clock.now()),
            done=_("The invitation is withdrawn."),
        )


class VersionRows(ReadRows):
    """The texts of an agreement."""

    model = AgreementVersion
    fields = ("number", "purpose", "roles", "signed", "created_at")
    readonly_fields = ("signed",)
    verbose_name_plural = _("Versions")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgreementVersion]:
        rows: QuerySet[AgreementVersion] = super().get_queryset(request)
        return rows.select_related("agreement").prefetch_related("signatures")

    @display(description=_("Signed by"))
    def signed(self, version: AgreementVersion) -> str:
        given: list[Signature] = list(version.signatures.all())
        return ", ".join(f"{one.get_party_display()} ({one.job_title})" for one in given) or "–"


@admin.register(Agreement)
class AgreementDesk(ReadDesk):
    """Formal partnerships over a longer time."""

    icon = "contract"
    list_display = ("title", "company", "school", "state_label", "first_day", "last_day", "visits_per_year")
    list_filter = ("state", SchoolFilter)
    search_fields = ("title", "company__name", "school__name")
    date_hierarchy = "first_day"
    list_select_related = ("company", "school")
    fields = ("title", "company", "school", "first_day", "last_day", "visits_per_year", "state")
    inlines: ClassVar[Any] = (VersionRows,)
    actions_list = ("draft",)
    actions_detail = ("sign", "change_text", "end")

    def may_act(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def fitting(self, obj: Agreement) -> Iterable[str]:
        return [] if obj.state == Agreement.State.ENDED else ["sign", "change_text", "end"]

    @display(description=_("State"), ordering="state", label=AGREEMENT_COLORS)
    def state_label(self, agreement: Agreement) -> tuple[str, str]:
        return agreement.state, agreement.get_state_display()

    @action(description=_("Draft an agreement"), url_path="ny", icon="add")
    def draft(self, request: HttpRequest) -> HttpResponse:
        """Put an agreement into words."""
        if not self.may_act(request):
            raise PermissionDenied
        return self.deed(
            request,
            None,
            title=_("Draft an agreement"),
            form=AgreementForm(answers(request)),
            says=[
                _("An agreement is for a long partnership; a single visit needs none."),
                _("Nobody is told. It is in force when company, school and municipality have signed."),
            ],
            button=_("Make the draft"),
            act=lambda form: agreements.create_agreement(
                company_id=form.cleaned_data["company"].pk,
                school_id=form.cleaned_data["school"].pk,
                title=form.cleaned_data["title"],
                purpose=form.cleaned_data["purpose"],
                roles=form.cleaned_data["roles"],
                first_day=form.cleaned_data["first_day"],
                last_day=form.cleaned_data["last_day"],
                visits_per_year=form.cleaned_data["visits_per_year"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("Here is the draft."),
            goes_to=self.place_of,
        )

    @action(description=_("Note a signature"), url_path="underskriv", icon="signature")
    def sign(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Note that a party has signed the newest version."""
        agreement: Agreement = self.found(request, object_id)
        latest = agreement.versions.order_by("-number").first()
        return self.deed(
            request,
            agreement,
            title=_("Note a signature"),
            form=SignForm(answers(request)),
            says=[
                _("The signature is for version %(number)s.") % {"number": latest.number if latest else 0},
                _("When all three parties have signed, the agreement is in force."),
            ],
            button=_("Note the signature"),
            act=lambda form: agreements.sign_version(
                agreement_id=agreement.pk,
                number=latest.number if latest else 0,
                party=form.cleaned_data["party"],
                job_title=form.cleaned_data["job_title"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("The signature is noted."),
        )

    @action(description=_("Change the text"), url_path="tekst", icon="edit_note")
    def change_text(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write a new version."""
        agreement: Agreement = self.found(request, object_id)
        latest = agreement.versions.order_by("-number").first()
        words = {"purpose": latest.purpose, "roles": latest.roles} if latest else {}
        return self.deed(
            request,
            agreement,
            title=_("Change the text of the agreement"),
            form=WordsForm(answers(request), initial=words),
            says=[_("A new version is made. Earlier signatures do not count for it: everybody signs again.")],
            button=_("Make the new version"),
            act=lambda form: agreements.change_text(
                agreement_id=agreement.pk,
                purpose=form.cleaned_data["purpose"],
                roles=form.cleaned_data["roles"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("The new version is made."),
        )

    @action(description=_("End"), url_path="afslut", icon="cancel")
    def end(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End an agreement."""
        agreement: Agreement = self.found(request, object_id)
        return self.deed(
            request,
            agreement,
            title=_("End the agreement"),
            says=[_("It is no longer in force. Its history stays.")],
            button=_("End the agreement"),
            danger=True,
            act=lambda _form: agreements.end_agreement(
                agreement_id=agreement.pk, by=actor_of(request), now=clock.now()
            ),
            done=_("The agreement is ended."),
        )

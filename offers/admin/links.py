"""Contacts and their links at the desk: who can come in, since when, and how that is ended."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from companies.models import Contact
from offers.admin.personal_data import MENU, PersonalDataDeeds
from offers.domain import contacts
from offers.models import Invite
from portal.admin import LONGEST_SEARCH, MOST_WORDS, ReadDesk, action, day, display, how_many
from portal.domain import clock, links
from portal.http import actor_of
from portal.models import Link

LINK_COLORS = {"live": "success", "expired": "warning", "withdrawn": "danger"}


class LivingFilter(admin.SimpleListFilter):
    """Links that open something, and those that do not."""

    title = _("works")
    parameter_name = "works"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", gettext("works")), ("no", gettext("no longer works"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        living = Link.objects.live(clock.now()).values("pk")
        if self.value() == "yes":
            return queryset.filter(pk__in=living)
        return queryset.exclude(pk__in=living) if self.value() == "no" else queryset


class ColleagueFilter(admin.SimpleListFilter):
    """Links of contacts, and those they sent on."""

    title = _("given to")
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("contact", gettext("a contact")), ("colleague", gettext("a contact's colleague"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in {"contact", "colleague"}:
            return queryset.filter(parent__isnull=self.value() == "contact")
        return queryset


@admin.register(Link)
class LinkDesk(ReadDesk):
    """The companies' links: whose each is, what it opens, and until when."""

    icon = "link"
    exports_persons = True
    export_pairs: ClassVar[Any] = {"holder": (_("Whose"), _("Company"))}
    list_display = ("holder", "what", "state_label", "until", "used")
    list_filter = (ColleagueFilter, LivingFilter, "purpose")
    search_fields = ("holder_name", "holder_address")
    search_help_text = _("Contact, colleague or company")
    fields = ("person", "company", "purpose", "created_at", "expires_at", "last_used_at", "revoked_at")
    readonly_fields = ("person", "company")
    actions_detail = ("renew", "withdraw")

    def may_act(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Link]:
        invites = Invite.objects.filter(pk=OuterRef("reference_id"))
        people = Contact.objects.filter(pk=OuterRef("reference_id"))
        rows: QuerySet[Link] = super().get_queryset(request)
        return (
            rows.filter(purpose__in=links.SENT_ON)
            .select_related("parent")
            .annotate(
                contact_name=Coalesce(
                    Subquery(people.values("name")[:1]), Subquery(invites.values("contact__name")[:1]), Value("")
                ),
                company_name=Coalesce(
                    Subquery(people.values("company__name")[:1]),
                    Subquery(invites.values("company__name")[:1]),
                    Value(""),
                ),
                whose=Coalesce(NullIf(F("holder_name"), Value("")), F("contact_name")),
            )
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Link], search_term: str
    ) -> tuple[QuerySet[Link], bool]:
        """Find contacts and companies first, then their links: looked for from each link it takes a second."""
        for word in search_term[:LONGEST_SEARCH].split()[:MOST_WORDS]:
            people = Contact.objects.filter(Q(name__icontains=word) | Q(company__name__icontains=word))
            invites = Invite.objects.filter(Q(contact__name__icontains=word) | Q(company__name__icontains=word))
            queryset = queryset.filter(
                Q(holder_name__icontains=word)
                | Q(holder_address__icontains=word)
                | Q(reference_id__in=people.order_by().values("pk"))
                | Q(reference_id__in=invites.order_by().values("pk"))
            )
        return queryset, False

    def fitting(self, obj: Link) -> Iterable[str]:
        return ["renew"] if obj.revoked_at is not None else ["renew", "withdraw"]

    @display(description=_("Whose"), ordering="whose", header=True)
    def holder(self, link: Any) -> list[str]:
        return [self.person(link), link.company_name]

    @display(description=_("Whose"))
    def person(self, link: Any) -> str:
        if link.parent_id is None:
            return str(link.contact_name) or "–"
        return gettext("%(colleague)s, colleague of %(contact)s") % {
            "colleague": link.holder_name,
            "contact": link.contact_name,
        }

    @display(description=_("Company"))
    def company(self, link: Any) -> str:
        return str(link.company_name) or "–"

    @display(description=_("Opens"), ordering="purpose")
    def what(self, link: Link) -> str:
        return str(link.get_purpose_display())

    @display(description=_("State"), label=LINK_COLORS)
    def state_label(self, link: Link) -> tuple[str, str]:
        if link.revoked_at is not None or (link.parent is not None and link.parent.revoked_at is not None):
            return "withdrawn", gettext("withdrawn")
        return ("expired", gettext("expired")) if link.has_ended(clock.now()) else ("live", gettext("works"))

    @display(description=_("Works until"), ordering="expires_at")
    def until(self, link: Link) -> str:
        return day(link.expires_at)

    @display(description=_("Last used"), ordering="last_used_at")
    def used(self, link: Link) -> str:
        return day(link.last_used_at)

    @action(description=_("Withdraw"), url_path="traek-tilbage", icon="link_off")
    def withdraw(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the link stop working."""
        link: Link = self.found(request, object_id)
        colleagues = [one.holder_name for one in links.colleagues_of(link, clock.now())]
        return self.deed(
            request,
            link,
            title=_("Withdraw the link"),
            says=[
                _("The link of %(whose)s stops working at once, also where it is open just now.")
                % {"whose": self.person(link)},
                _("What has been written stays. Nobody gets a mail about it."),
            ],
            lists=[(_("These colleagues lose their links too"), colleagues)],
            button=_("Withdraw"),
            danger=True,
            act=lambda _form: links.withdraw(link_id=link.pk, by=actor_of(request), now=clock.now()),
            done=_("The link is withdrawn."),
        )

    @action(description=_("Send a new link"), url_path="nyt", icon="forward_to_inbox")
    def renew(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the link a new address and mail it."""
        link: Link = self.found(request, object_id)
        holder = links.holder_of(link)
        return self.deed(
            request,
            link,
            title=_("Send a new link"),
            says=[
                _("%(name)s (%(email)s) gets a mail with a new link.")
                % {"name": self.person(link), "email": holder.address}
                if holder
                else _("There is nobody to write to: the person has left, or what the link opened is over."),
                _("The earlier address stops working. Links sent on to colleagues stay as they are."),
            ],
            button=_("Send a new link"),
            act=lambda _form: links.renew(link_id=link.pk, by=actor_of(request), now=clock.now()),
            done=_("The new link is on its way."),
        )


@admin.register(Contact)
class ContactDesk(PersonalDataDeeds, ReadDesk):
    """The people one writes to at the companies. They are written down on their company's page."""

    exports_persons = True
    icon = "contacts"
    list_display = ("name_and_title", "of_company", "email", "phone", "is_active", "link_count")
    list_filter = ("is_active",)
    search_fields = ("name", "email", "company__name")
    search_help_text = _("Name, e-mail or company")
    list_select_related = ("company",)
    ordering = ("name", "email")
    fields = ("name", "title", "company", "email", "phone", "language", "is_active", "created_at")
    actions_detail: ClassVar[Any] = ("leaves", MENU)
    data_kind = "contact"

    def may_act(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        # Two counts, each by the index: with an OR between them all links are read for every contact.
        living = Link.objects.live(clock.now())
        own = living.filter(purpose=Link.Purpose.HOST, reference_id=OuterRef("pk"))
        invites = Invite.objects.filter(contact=OuterRef(OuterRef("pk"))).order_by().values("pk")
        invited = living.filter(purpose=Link.Purpose.INVITE, reference_id__in=invites)
        rows: QuerySet[Contact] = super().get_queryset(request)
        return rows.select_related("company").annotate(living=how_many(own, "purpose") + how_many(invited, "purpose"))

    def fitting(self, obj: Contact) -> Iterable[str]:
        return ["leaves", *self.personal(obj)]

    @display(description=_("Name"), ordering="name", header=True)
    def name_and_title(self, contact: Contact) -> list[str]:
        return [contact.name, contact.title]

    @display(description=_("Company"), ordering="company__name")
    def of_company(self, contact: Contact) -> str:
        return contact.company.name

    @display(description=_("Working links"), ordering="living")
    def link_count(self, contact: Any) -> int:
        count: int = contact.living
        return count

    @action(description=_("Contact leaves"), url_path="holder-op", icon="person_off")
    def leaves(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Note that the person has left, and let all links die."""
        contact: Contact = self.found(request, object_id)
        now = clock.now()
        living = [str(link) for link in contacts.links_of(contact).live(now)]  # type: ignore[attr-defined]
        colleagues = contacts.links_of(contact).filter(parent__isnull=False, revoked_at__isnull=True)
        return self.deed(
            request,
            contact,
            title=_("%(name)s leaves") % {"name": contact.name},
            says=[
                _("%(name)s gets no more mails, and every link to that person stops working at once.")
                % {"name": contact.name},
                _("What has been written stays. Mails about the company's courses go to another of its contacts."),
            ],
            lists=[
                (_("These links stop working"), living),
                (_("These colleagues lose their links too"), [one.holder_name for one in colleagues]),
            ],
            button=_("The contact has left"),
            danger=True,
            act=lambda _form: contacts.contact_leaves(contact_id=contact.pk, by=actor_of(request), now=clock.now()),
            done=lambda count: (
                ngettext("%(count)s link is withdrawn.", "%(count)s links are withdrawn.", count) % {"count": count}
            ),
        )

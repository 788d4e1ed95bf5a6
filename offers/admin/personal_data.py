"""Personal data at the desk: handed out on request, erased, held back; who asked, who is gone, and the record."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from portal.admin import Day, Desk, DeskForm, ReadDesk, action, answers, day, display
from portal.context import the_municipality
from portal.domain import clock, privacy, record
from portal.forms.fields import Line
from portal.http import actor_of, handed_out, require_recent_authentication
from portal.models import Erasure, ErasureRequest, LegalHold

PERSONAL = ("hand_out_data", "hold_back", "lift_hold", "erase_person")
MENU: dict[str, Any] = {"title": _("Personal data"), "icon": "shield_person", "items": list(PERSONAL)}


class HandOutForm(DeskForm):
    """In which form."""

    form = forms.ChoiceField(
        label=_("As"),
        choices=[("page", _("a page to print")), ("json", _("a file for a machine (JSON)"))],
        widget=forms.RadioSelect,
        initial="page",
    )


class HoldForm(DeskForm):
    """Why a person may not be erased yet."""

    reason = Line(label=_("Why?"), max_length=200, help_text=_("The person may read this. E.g. a complaint, a case."))
    until = Day(label=_("Until"))


class PersonalDataDeeds(Desk):
    """What a coordinator does about one person's data. ``data_kind`` says as what the portal knows the person."""

    data_kind: ClassVar[str] = "user"

    def personal(self, obj: Any) -> Iterable[str]:
        """Return the names of the deeds that make sense for this person now."""
        held = privacy.hold_on(self.data_kind, obj.pk, now=clock.now()) is not None
        return ["hand_out_data", "lift_hold" if held else "hold_back", "erase_person"]

    @action(description=_("Hand out the data"), url_path="udlever", icon="download")
    def hand_out_data(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Give the person, on request, all that is stored about them."""
        person = self.found(request, object_id)
        require_recent_authentication(request)
        form = HandOutForm(answers(request))
        if request.method == "POST" and form.is_valid():
            kind = form.cleaned_data["form"]
            made = privacy.hand_out(
                kind=self.data_kind, subject_id=person.pk, form=kind, by=actor_of(request), now=clock.now()
            )
            return handed_out(
                request, made, form=kind, layout="base.html", to=str(request.user), back=self.place_of(person)
            )
        return self.deed(
            request,
            person,
            title=_("Hand out the data"),
            form=form,
            says=[
                _("You get everything that is stored about the person, to send on to that person and nobody else."),
                _("Other people are not named in it. The portal stores no copy."),
                _("It is noted in the log that you had it, and how many rows it was."),
            ],
            button=_("Hand out"),
            act=lambda _form: None,
            done="",
            ready=False,
        )

    @action(description=_("Hold back from erasing"), url_path="hold", icon="gavel")
    def hold_back(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Keep the person's data until a day, for a reason that the law knows."""
        person = self.found(request, object_id)
        return self.deed(
            request,
            person,
            title=_("Hold back from erasing"),
            form=HoldForm(answers(request)),
            says=[
                _("The person is not erased before the day you choose, neither on request nor by age."),
                _("Only for what the law demands: a complaint, a case, the duty to keep records."),
            ],
            button=_("Hold back"),
            act=lambda form: privacy.set_hold(
                kind=self.data_kind,
                subject_id=person.pk,
                reason=form.cleaned_data["reason"],
                until=form.cleaned_data["until"],
                by=actor_of(request),
                now=clock.now(),
            ),
            done=_("The data is held back."),
        )

    @action(description=_("End the hold"), url_path="hold-slut", icon="gavel")
    def lift_hold(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the person be erased again."""
        person = self.found(request, object_id)
        return self.deed(
            request,
            person,
            title=_("End the hold"),
            says=[_("From now on the person can be erased, on request and by age.")],
            button=_("End the hold"),
            act=lambda _form: privacy.lift_hold(
                kind=self.data_kind, subject_id=person.pk, by=actor_of(request), now=clock.now()
            ),
            done=_("The hold is over."),
        )

    @action(description=_("Erase the person"), url_path="slet-person", icon="person_remove")
    def erase_person(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Erase the person for good."""
        person = self.found(request, object_id)
        require_recent_authentication(request)
        return self.deed(
            request,
            person,
            title=_("Erase the person"),
            says=says_of_erasing(self.data_kind, person.pk),
            button=_("Erase for good"),
            danger=True,
            act=lambda _form: privacy.erase_person(
                kind=self.data_kind, subject_id=person.pk, by=actor_of(request), now=clock.now()
            ),
            done=_("The person is erased."),
            goes_to=lambda _line: reverse(self.listing_name()),
        )


def says_of_erasing(kind: str, subject_id: Any) -> list[Any]:
    """Return what an erasure does, and what stands against it now."""
    subject = privacy.find(kind, subject_id)
    refusal = privacy.refusal_for(subject, now=clock.now()) if subject else None
    says = [
        _("Name, addresses, numbers, texts, links and sessions of the person are removed everywhere, for good."),
        _("Visits, numbers and names of organisations stay. Statistics do not change."),
        _("Names are also taken out of descriptions and comments that others wrote. Look those over afterwards."),
        _("Pictures and documents of courses are not searched. If the person is seen or named in one, exchange it."),
        _("Nobody gets a mail. Tell the person yourself, now: the address will be gone."),
    ]
    return [_("It cannot be done now: %(why)s") % {"why": refusal}, *says] if refusal else says


@admin.register(ErasureRequest)
class ErasureRequestDesk(ReadDesk):
    """Who asks to be erased, the oldest first. To be answered within a month."""

    exports_persons = True
    icon = "person_remove"
    list_display = ("who", "kind", "asked", "due")
    list_display_links = ("who",)
    list_filter = ("kind",)
    ordering = ("asked_at",)
    fields = ("who", "kind", "asked_at")
    readonly_fields = ("who",)
    actions_detail = ("erase_person", "answered")

    def may_act(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @display(description=_("Who"))
    def who(self, request: ErasureRequest) -> str:
        subject = privacy.find(request.kind, request.subject_id)
        return ", ".join(sorted((*subject.names, *subject.addresses))) if subject else "–"

    @display(description=_("Asked"), ordering="asked_at")
    def asked(self, request: ErasureRequest) -> str:
        return day(request.asked_at)

    @display(description=_("Answer by"), ordering="asked_at")
    def due(self, request: ErasureRequest) -> str:
        return day(privacy.months_before(request.asked_at, -1))

    @action(description=_("Erase the person"), url_path="slet-person", icon="person_remove")
    def erase_person(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Do what was asked."""
        asked: ErasureRequest = self.found(request, object_id)
        require_recent_authentication(request)
        return self.deed(
            request,
            asked,
            title=_("Erase the person"),
            says=says_of_erasing(asked.kind, asked.subject_id),
            lists=[(_("This is about"), [self.who(asked)])],
            button=_("Erase for good"),
            danger=True,
            act=lambda _form: privacy.erase_person(
                kind=asked.kind, subject_id=asked.subject_id, by=actor_of(request), now=clock.now()
            ),
            done=_("The person is erased."),
            goes_to=lambda _line: reverse(self.listing_name()),
        )

    @action(description=_("Answered otherwise"), url_path="besvaret", icon="mark_email_read")
    def answered(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a request off the list that was answered in another way."""
        asked: ErasureRequest = self.found(request, object_id)
        return self.deed(
            request,
            asked,
            title=_("Answered otherwise"),
            says=[_("The request leaves the list. Nothing is erased. That you answered it stands in the log.")],
            button=_("It is answered"),
            act=lambda _form: privacy.settle_request(request_id=asked.pk, by=actor_of(request), now=clock.now()),
            done=_("The request is off the list."),
            goes_to=lambda _done: reverse(self.listing_name()),
        )


@admin.register(Erasure)
class ErasureDesk(ReadDesk):
    """The ledger of erasures: when, as what, how many rows; never who."""

    exports_persons = True
    icon = "shield_person"
    list_display = ("when", "kind", "cause", "rows")
    list_display_links = ("when",)
    list_filter = ("kind", "cause")
    fields = ("erased_at", "kind", "cause", "rows")
    readonly_fields = ("rows",)
    date_hierarchy = "erased_at"
    actions_list = ("record",)

    @display(description=_("When"), ordering="erased_at")
    def when(self, line: Erasure) -> str:
        return day(line.erased_at)

    @display(description=_("Rows"))
    def rows(self, line: Erasure) -> str:
        return ", ".join(f"{name}: {count}" for name, count in sorted(line.counts.items())) or "–"

    @action(description=_("Record of processing"), url_path="fortegnelse", icon="policy")
    def record(self, request: HttpRequest) -> HttpResponse:
        """Show the record of processing activities (GDPR Art. 30)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        municipality = the_municipality()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": _("Record of processing activities"),
            "facts": record.facts(municipality),
            "told": privacy.told(municipality),
            "measures": record.MEASURES,
        }
        return TemplateResponse(request, "admin/desk_record.html", context)


@admin.register(LegalHold)
class LegalHoldDesk(ReadDesk):
    """Who may not be erased yet, why, and until when."""

    exports_persons = True
    icon = "gavel"
    list_display = ("who", "kind", "reason", "until")
    list_display_links = ("who",)
    fields = ("who", "kind", "reason", "until", "created_at")
    readonly_fields = ("who",)

    @display(description=_("Who"))
    def who(self, hold: LegalHold) -> str:
        subject = privacy.find(hold.kind, hold.subject_id)
        return ", ".join(sorted(subject.names)) if subject else "–"

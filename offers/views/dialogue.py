"""Requests for an agreement: a teacher proposes times, and the host answers by link, until they have found one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from companies.models import Contact
from offers.domain import dates, notices
from offers.domain import dialogue as talks
from offers.forms.dialogue import AskForm, NotNowForm, ReplyForm, WithdrawForm
from offers.models import Dialogue, DialogueEntry, Enrolment, Offer, ProposedTime
from portal.domain import calendar, clock
from portal.domain.actor import Actor, is_coordinator
from portal.domain.refusal import Refusal
from portal.http import LinkRequest, actor_of, link_required
from portal.models import Link, User
from schools.domain import membership
from schools.models import Membership

State = Dialogue.State
Side = Dialogue.Side
COLOURS = {
    State.ASKED: ("info", "clock"),
    State.IN_TALK: ("warning", "clock"),
    State.AGREED: ("success", "check"),
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A proposed time as a page shows it."""

    time: ProposedTime
    when: str
    can_accept: bool


# --- For the school ------------------------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, offer_id: UUID) -> HttpResponse:
    """Let a teacher propose up to three times for a course by agreement."""
    now, person = clock.now(), _person(request)
    offers = Offer.objects.select_related("company", "contact").defer("search", "words")
    offer = get_object_or_404(offers.filter(published_at__isnull=False), pk=offer_id)
    if not talks.open_to_requests(offer) and request.method != "POST":
        return render(request, "offers/dialogue_closed.html", {"offer": offer})
    classes = membership.present(
        membership.enrollable_classes(person, calendar.local_day(now)), calendar.local_day(now)
    )
    if not classes:
        waiting_for = membership.awaited_by(person).select_related("school").first()
        context = {"offer": offer, "waiting_for": waiting_for, "coordinator": is_coordinator(person)}
        return render(request, "offers/dialogue_no_class.html", context)
    acts = membership.memberships_of(person).filter(role__in=Membership.Role.acting_for_school()).exists()
    own = [one for one in classes if getattr(one, "is_own", False)]
    only = own if len(own) == 1 else classes if len(classes) == 1 else []
    form = AskForm(
        request.POST if request.method == "POST" else None,
        classes=classes,
        offer=offer,
        now=now,
        teachers=membership.colleagues_of(person) if acts else None,
        initial={"school_class": str(only[0].pk)} if only else {},
    )
    if form.is_valid():
        names = ("school_class", "pupils", "adults", "times", "note", "form_token")
        facts = {name: form.cleaned_data[name] for name in names}
        asked = talks.DialogueRequest(**facts, teacher=form.cleaned_data.get("teacher"))
        try:
            dialogue = talks.ask_for_a_time(offer_id=offer.pk, request=asked, by=actor_of(request), now=now)
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            if not Dialogue.objects.visible_to(person).filter(pk=dialogue.pk).exists():
                form.add_error("school_class", _("A colleague has already asked for this class. You need do nothing."))
                return render(request, "offers/dialogue_ask.html", {"offer": offer, "form": form})
            if dialogue.form_token != asked.form_token:
                messages.info(request, _("The class had already asked. This is the request; nothing was added."))
            return redirect("dialogue", dialogue.pk)
    return render(request, "offers/dialogue_ask.html", {"offer": offer, "form": form})


@never_cache
@require_safe
def dialogue(request: HttpRequest, dialogue_id: UUID) -> HttpResponse:
    """Show the school how it stands with a request, and what one can answer."""
    person, now = _person(request), clock.now()
    found = get_object_or_404(_with_facts(Dialogue.objects.visible_to(person)), pk=dialogue_id)
    may_answer = talks.speaks_for_school(found, person)
    context = {
        **_facts(found, Side.TEACHER if may_answer else "", now=now),
        "may_answer": may_answer,
        "coordinator": is_coordinator(person),
        "host": _host(found),
    }
    return render(request, "offers/dialogue.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reply(request: HttpRequest, dialogue_id: UUID) -> HttpResponse:
    """Let the school propose other times, or write."""
    found = _in_hand(request, dialogue_id)
    back = reverse("dialogue", args=[found.pk])
    return _reply(request, found, Side.TEACHER, by=actor_of(request), back=back, frame="base.html")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, dialogue_id: UUID, time_id: int) -> HttpResponse:
    """Let the school say yes to a time that the host proposed."""
    found = _in_hand(request, dialogue_id)
    back = reverse("dialogue", args=[found.pk])
    return _accept(request, found, time_id, Side.TEACHER, by=actor_of(request), back=back, frame="base.html")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, dialogue_id: UUID) -> HttpResponse:
    """Let the school take its request back."""
    found, now = _in_hand(request, dialogue_id), clock.now()
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            talks.withdraw(dialogue_id=found.pk, reason=form.cleaned_data["reason"], by=actor_of(request), now=now)
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            messages.success(request, _("The request has been taken back. The host is told."))
            return redirect("dialogue", found.pk)
    if found.state not in State.open() and request.method != "POST":
        return redirect("dialogue", found.pk)
    context = {**_facts(found, Side.TEACHER, now=now), "form": form}
    return render(request, "offers/dialogue_withdraw.html", context)


# --- For the host --------------------------------------------------------------------------------------------------


@link_required(Link.Purpose.HOST, "contact_id")
@require_safe
def host_dialogue(request: HttpRequest, contact_id: UUID, dialogue_id: UUID) -> HttpResponse:
    """Show the host what a class asks for, and what one can answer."""
    contact, found = _of_host(contact_id, dialogue_id)
    context = {**_facts(found, Side.HOST, now=clock.now()), "contact": contact, "teacher": _teacher(found)}
    return render(request, "offers/dialogue_host.html", context)


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def host_reply(request: HttpRequest, contact_id: UUID, dialogue_id: UUID) -> HttpResponse:
    """Let the host propose other times, or write."""
    contact, found = _of_host(contact_id, dialogue_id)
    back = reverse("host-dialogue", args=[contact.pk, found.pk])
    by = cast(LinkRequest, request).actor
    return _reply(request, found, Side.HOST, by=by, back=back, frame="base_link.html")


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def host_accept(request: HttpRequest, contact_id: UUID, dialogue_id: UUID, time_id: int) -> HttpResponse:
    """Let the host say yes to a time that the class proposed."""
    contact, found = _of_host(contact_id, dialogue_id)
    back = reverse("host-dialogue", args=[contact.pk, found.pk])
    by = cast(LinkRequest, request).actor
    return _accept(request, found, time_id, Side.HOST, by=by, back=back, frame="base_link.html")


@link_required(Link.Purpose.HOST, "contact_id")
@require_http_methods(["GET", "HEAD", "POST"])
def host_not_now(request: HttpRequest, contact_id: UUID, dialogue_id: UUID) -> HttpResponse:
    """Let the host say that it cannot be now, and why."""
    contact, found = _of_host(contact_id, dialogue_id)
    form = NotNowForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            talks.say_not_now(
                dialogue_id=found.pk,
                reason=form.cleaned_data["reason"],
                by=cast(LinkRequest, request).actor,
                now=clock.now(),
            )
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            messages.success(request, _("Thank you for answering. The teacher gets a mail."))
            return redirect("host-dialogue", contact.pk, found.pk)
    if found.state not in State.open() and request.method != "POST":
        return redirect("host-dialogue", contact.pk, found.pk)
    context = {**_facts(found, Side.HOST, now=clock.now()), "contact": contact, "form": form}
    return render(request, "offers/dialogue_not_now.html", context)


# --- Common --------------------------------------------------------------------------------------------------------


def _reply(request: HttpRequest, found: Dialogue, side: str, *, by: Actor, back: str, frame: str) -> HttpResponse:
    """Answer the page on which either side proposes times or writes."""
    now = clock.now()
    form = ReplyForm(request.POST if request.method == "POST" else None, offer=found.offer, now=now)
    if form.is_valid():
        try:
            talks.reply(
                dialogue_id=found.pk,
                times=form.cleaned_data["times"],
                text=form.cleaned_data["text"],
                by=by,
                now=now,
            )
        except Refusal as refusal:
            _refuse(form, refusal)
        else:
            other = _("The host gets a mail.") if side == Side.TEACHER else _("The teacher gets a mail.")
            messages.success(request, _("Sent. %(who)s") % {"who": other})
            return redirect(back)
    if found.state not in State.open() and request.method != "POST":
        return redirect(back)
    context = {**_facts(found, side, now=now), "form": form, "back_url": back, "frame": frame}
    return render(request, "offers/dialogue_reply.html", context)


def _accept(
    request: HttpRequest,
    found: Dialogue,
    time_id: int,
    side: str,
    *,
    by: Actor,
    back: str,
    frame: str,
) -> HttpResponse:
    """Answer the page that asks once more before a time is agreed on."""
    now = clock.now()
    time = get_object_or_404(found.times, pk=time_id)
    if request.method == "POST":
        try:
            talks.agree(dialogue_id=found.pk, time_id=time.pk, by=by, now=now)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("It is agreed. Both of you get a mail."))
        return redirect(back)
    if found.state not in State.open() or time.is_withdrawn:
        messages.info(request, _("This time can no longer be agreed on. Look at how it stands."))
        return redirect(back)
    context = {
        **_facts(found, side, now=now),
        "when": dates.span_in_words(time.starts_at, time.ends_at),
        "back_url": back,
        "frame": frame,
        "leader_approves": found.school.leader_approves,
        "side": side,
    }
    return render(request, "offers/dialogue_accept.html", context)


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def _with_facts(rows: QuerySet[Dialogue]) -> QuerySet[Dialogue]:
    rows = rows.select_related("offer__company", "offer__contact", "school", "school_class", "teacher")
    rows = rows.select_related("enrolment__session").defer("offer__search", "offer__words")
    return rows.prefetch_related(
        Prefetch("times", ProposedTime.objects.order_by("starts_at", "pk")),
        Prefetch("entries", DialogueEntry.objects.order_by("at", "pk")),
    )


def _in_hand(request: HttpRequest, dialogue_id: UUID) -> Dialogue:
    """Return a request that the person may answer for the school; one that may only be read is out of reach here."""
    person = _person(request)
    found = get_object_or_404(_with_facts(Dialogue.objects.all()), pk=dialogue_id)
    if not talks.speaks_for_school(found, person):
        raise Http404
    return found


def _of_host(contact_id: UUID, dialogue_id: UUID) -> tuple[Contact, Dialogue]:
    """Return the contact whose link it is, and a request to the contact's company."""
    contact = get_object_or_404(Contact.objects.select_related("company"), pk=contact_id, is_active=True)
    rows = _with_facts(Dialogue.objects.filter(offer__company=contact.company_id))
    return contact, get_object_or_404(rows, pk=dialogue_id)


def _facts(found: Dialogue, side: str, *, now: datetime) -> dict[str, Any]:
    """Return what every page about a request says, as that side sees it."""
    is_open = found.state in State.open()
    possible = [one for one in found.times.all() if not one.is_withdrawn and one.starts_at > now]
    color, icon = COLOURS.get(State(found.state), ("neutral", "close"))
    first = min((one.starts_at for one in found.times.all()), default=found.created_at)
    label = found.school_class.label(calendar.local_day(first))
    grades = found.school_class.grades(calendar.local_day(first))

    def choices(by: str) -> list[Choice]:
        return [
            Choice(
                time=one,
                when=dates.span_in_words(one.starts_at, one.ends_at),
                can_accept=is_open and bool(side) and talks.may_accept(one, side),
            )
            for one in possible
            if one.side == by
        ]

    enrolment = found.enrolment
    return {
        "dialogue": found,
        "offer": found.offer,
        "label": label,
        "grades": grades,
        "outside": not found.offer.suits(grades),
        "state_color": color,
        "state_icon": icon,
        "is_open": is_open,
        "my_turn": is_open and found.awaits == side,
        "of_teacher": choices(Side.TEACHER),
        "of_host": choices(Side.HOST),
        "entries": list(found.entries.all()),
        "enrolment": enrolment,
        "agreed_when": dates.span_in_words(enrolment.session.starts_at, enrolment.session.ends_at) if enrolment else "",
        "awaits_leader": enrolment is not None and enrolment.leader_answer == Enrolment.LeaderAnswer.AWAITED,
        "came_to_nothing": enrolment is not None and enrolment.status not in Enrolment.Status.active(),
    }


def _is_confirmed(found: Dialogue) -> bool:
    confirmed = {Enrolment.Status.CONFIRMED, Enrolment.Status.COMPLETED, Enrolment.Status.NO_SHOW}
    return found.enrolment is not None and found.enrolment.status in confirmed


def _teacher(found: Dialogue) -> User | None:
    """Return whom the host may reach: nobody before the visit is confirmed."""
    return found.enrolment.teacher if _is_confirmed(found) and found.enrolment is not None else None


def _host(found: Dialogue) -> Contact | None:
    """Return whom the teacher may reach: nobody before the visit is confirmed."""
    return notices.host_contact(found.offer) if _is_confirmed(found) else None


def _refuse(form: forms.Form, refusal: Refusal) -> None:
    """Put a refusal where the person can do something about it."""
    form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal.message))

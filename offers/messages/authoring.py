"""Mails about writing and reviewing courses: to the company that describes one, and to the coordinators."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from companies.models import Contact
from offers.domain.authoring import STEP_OF, STEP_TITLES, UNFINISHED, asked_by, label_of
from offers.domain.dates import short_day
from offers.domain.publishing import fresh_until
from offers.models import Invite, Offer, ReviewComment, Revision
from portal.domain import calendar, links
from portal.domain.actor import municipal_roles_held
from portal.domain.outbox import Letter, Occasion
from portal.models import Link, Message, Municipality, MunicipalRole, Suppression, User

S = Offer.State


def _invite(message: Message) -> Invite | None:
    return Invite.objects.select_related("company", "contact", "offer").filter(pk=message.reference_id).first()


def _offer(message: Message) -> Offer:
    return Offer.objects.select_related("company", "contact").get(pk=message.reference_id)


def _live_link(invite: Invite, now: datetime, message: Message | None = None) -> Link | None:
    """Return the link that works: the receiver's own, when the mail goes to a colleague it was sent on to."""
    living = Link.objects.about(Link.Purpose.INVITE, invite.pk).live(now)
    if message is not None and message.recipient_kind == "address" and message.recipient_id is not None:
        return living.filter(pk=message.recipient_id, holder_address__iexact=message.address).first()
    return living.filter(parent__isnull=True).first()


def _still_there(message: Message) -> bool:
    """Return whether the contact (or the colleague) may be written to, and still has the address."""
    if message.recipient_id is None:
        return False
    if message.recipient_kind == "address":
        colleague = Link.objects.of_colleagues().filter(pk=message.recipient_id, revoked_at__isnull=True)
        return colleague.filter(holder_address__iexact=message.address).exists()
    return Contact.objects.filter(pk=message.recipient_id, is_active=True, email__iexact=message.address).exists()


def _user(message: Message) -> User | None:
    return User.objects.filter(pk=message.recipient_id).first() if message.recipient_id else None


def _name(message: Message) -> str:
    if message.recipient_id is None:
        return ""
    if message.recipient_kind == "user":
        user = _user(message)
        return user.get_short_name() if user else ""
    if message.recipient_kind == "address":
        return Link.objects.filter(pk=message.recipient_id).values_list("holder_name", flat=True).first() or ""
    contact = Contact.objects.filter(pk=message.recipient_id).first()
    return contact.name if contact else ""


def _municipality() -> str:
    municipality = Municipality.objects.first()
    return municipality.name if municipality else ""


def _public_address(offer: Offer) -> str:
    return settings.ORIGIN + reverse("offer", args=[offer.pk, offer.slug])


def _desk_address(offer: Offer) -> str:
    try:
        return settings.ORIGIN + reverse("admin:offers_offer_change", args=[offer.pk])
    except NoReverseMatch:
        return settings.ORIGIN + reverse("admin:index")


# --- The invitation ----------------------------------------------------------------------------------------------


def invite_is_wanted(message: Message, now: datetime) -> bool:
    """Not withdrawn, not answered, the link lives, and the contact is still there."""
    invite = _invite(message)
    return (
        invite is not None
        and invite.state in UNFINISHED
        and (invite.offer is None or invite.offer.state in {S.DRAFT, S.CHANGES_REQUESTED})
        and _live_link(invite, now) is not None
        and _still_there(message)
    )


def reminder_is_wanted(message: Message, now: datetime) -> bool:
    """As the invitation; and nothing was sent back, for that has a mail of its own."""
    invite = _invite(message)
    begun = invite is not None and invite.offer is not None
    return invite_is_wanted(message, now) and not (begun and _invite_offer_sent_back(invite))


def _invite_offer_sent_back(invite: Invite | None) -> bool:
    return invite is not None and invite.offer is not None and invite.offer.state == S.CHANGES_REQUESTED


def _invite_context(message: Message, now: datetime) -> dict[str, Any]:
    invite = Invite.objects.select_related("company", "contact", "offer").get(pk=message.reference_id)
    link = _live_link(invite, now)
    assert link is not None
    asker = asked_by(invite)
    return {
        "name": invite.contact.name,
        "invite": invite,
        "company": invite.company,
        "asker": asker.name if asker else "",
        "url": links.address(link),
        "until": short_day(link.expires_at),
        "begun": invite.offer is not None,
        "reached_step": invite.reached_step,
    }


def invite_letter(message: Message, now: datetime) -> Letter:
    """Return the invitation to describe a course."""
    context = _invite_context(message, now)
    subject = _("Invitation: show a class your work – %(company)s and %(municipality)s")
    return Letter(
        subject=subject % {"company": context["company"].name, "municipality": _municipality()}, context=context
    )


def reminder_letter(message: Message, now: datetime) -> Letter:
    """Return a friendly reminder of the invitation, or of a draft that was begun."""
    context = _invite_context(message, now)
    if context["begun"]:
        subject = _("Reminder: your course is half written – %(company)s and %(municipality)s")
    else:
        subject = _("Reminder: show a class your work – %(company)s and %(municipality)s")
    return Letter(
        subject=subject % {"company": context["company"].name, "municipality": _municipality()}, context=context
    )


# --- To the coordinators -----------------------------------------------------------------------------------------


def submitted_is_wanted(message: Message, now: datetime) -> bool:
    """Still waits for review, and the receiver still reviews courses."""
    user = _user(message)
    return (
        Offer.objects.filter(pk=message.reference_id, state=S.SUBMITTED).exists()
        and user is not None
        and MunicipalRole.Role.REVIEWER in municipal_roles_held(user)
    )


def submitted_letter(message: Message, now: datetime) -> Letter:
    """Tell a coordinator that a course waits for review."""
    offer = _offer(message)
    again = Revision.objects.filter(offer=offer).count() > 1
    subject = _("To review again: %(course)s – %(company)s") if again else _("To review: %(course)s – %(company)s")
    return Letter(
        subject=subject % {"course": offer, "company": offer.company},
        context={
            "name": _name(message),
            "offer": offer,
            "company": offer.company,
            "again": again,
            "sent_on": short_day(offer.submitted_at or now),
            "url": _desk_address(offer),
        },
    )


# --- Review, told to the company ---------------------------------------------------------------------------------


def sent_back_is_wanted(message: Message, now: datetime) -> bool:
    """Still with the company, comments still open, the link lives, the contact is still there."""
    invite = Invite.objects.filter(offer=message.reference_id).first()
    open_ones = ReviewComment.objects.filter(
        pk__in=message.parameters["comments"], resolved_at__isnull=True, offer__state=S.CHANGES_REQUESTED
    )
    return (
        invite is not None
        and open_ones.exists()
        and _live_link(invite, now, message) is not None
        and _still_there(message)
    )


def about_field(comment: ReviewComment) -> str:
    """Return what a comment is about, in words: the field and its step, or the whole course."""
    if not comment.field:
        return _("The whole course")
    return f"{label_of(comment.field).capitalize()} ({STEP_TITLES[STEP_OF[comment.field]]})"


def sent_back_letter(message: Message, now: datetime) -> Letter:
    """Return every comment of the review, and the way back to the course."""
    offer = _offer(message)
    link = _live_link(Invite.objects.get(offer=offer), now, message)
    assert link is not None
    comments = ReviewComment.objects.filter(pk__in=message.parameters["comments"], resolved_at__isnull=True)
    lines = [{"about": about_field(comment), "text": comment.text} for comment in comments.order_by("pk")]
    subject = ngettext(
        "Sent back with a comment: %(course)s – %(municipality)s",
        "Sent back with %(count)d comments: %(course)s – %(municipality)s",
        len(lines),
    )
    return Letter(
        subject=subject % {"course": offer, "municipality": _municipality(), "count": len(lines)},
        context={
            "name": _name(message),
            "offer": offer,
            "comments": lines,
            "url": links.address(link),
            "until": short_day(link.expires_at),
        },
    )


def published_is_wanted(message: Message, now: datetime) -> bool:
    """Still published, and the contact is still there."""
    return Offer.objects.published().filter(pk=message.reference_id).exists() and _still_there(message)


def published_letter(message: Message, now: datetime) -> Letter:
    """Tell the company that its course can be found, and where."""
    offer = _offer(message)
    return Letter(
        subject=_("Published: %(course)s – %(municipality)s") % {"course": offer, "municipality": _municipality()},
        context={"name": _name(message), "offer": offer, "url": _public_address(offer)},
    )


def rejected_is_wanted(message: Message, now: datetime) -> bool:
    """Still rejected, and the contact is still there."""
    return Offer.objects.filter(pk=message.reference_id, state=S.REJECTED).exists() and _still_there(message)


def rejected_letter(message: Message, now: datetime) -> Letter:
    """Tell the company that the course is not taken in, and why."""
    offer = _offer(message)
    reason = ReviewComment.objects.get(pk=message.parameters["comment"])
    return Letter(
        subject=_("Not taken in: %(course)s – %(municipality)s") % {"course": offer, "municipality": _municipality()},
        context={"name": _name(message), "offer": offer, "reason": reason.text},
    )


# --- Freshness ---------------------------------------------------------------------------------------------------


def _same_cycle(message: Message, state: str) -> Offer | None:
    """Return the course while it stands in ``state`` and nobody has confirmed it since the mail was promised."""
    offer = Offer.objects.filter(pk=message.reference_id, state=state, last_confirmed_at__isnull=False).first()
    if offer is None or offer.last_confirmed_at is None:
        return None
    confirmed = calendar.local_day(offer.last_confirmed_at).isoformat()
    return offer if confirmed == message.parameters["cycle"] else None


def freshness_is_wanted(message: Message, now: datetime) -> bool:
    """Still published, and not confirmed meanwhile."""
    return _same_cycle(message, S.PUBLISHED) is not None and _still_there(message)


def expired_is_wanted(message: Message, now: datetime) -> bool:
    """Still expired."""
    return _same_cycle(message, S.EXPIRED) is not None and _still_there(message)


def _freshness_context(message: Message, now: datetime) -> dict[str, Any]:
    offer = _offer(message)
    invite = Invite.objects.filter(offer=offer).first()
    link = _live_link(invite, now) if invite else None
    municipality = Municipality.objects.first()
    last_day = fresh_until(offer, municipality.freshness_days if municipality else 365)
    return {
        "name": _name(message),
        "offer": offer,
        "url": links.address(link) if link else "",
        "public_url": _public_address(offer),
        "until": short_day(calendar.at(last_day, 12)) if last_day else "",
    }


def freshness_letter(message: Message, now: datetime) -> Letter:
    """Ask whether the course is still up to date."""
    context = _freshness_context(message, now)
    return Letter(
        subject=_("Still up to date? %(course)s – before %(day)s")
        % {"course": context["offer"], "day": context["until"]},
        context=context,
    )


def expired_letter(message: Message, now: datetime) -> Letter:
    """Tell that the course left the catalogue because nobody confirmed it."""
    context = _freshness_context(message, now)
    return Letter(
        subject=_("No longer in the catalogue: %(course)s – %(municipality)s")
        % {"course": context["offer"], "municipality": _municipality()},
        context=context,
    )


OCCASIONS: dict[str, Occasion] = {
    "invite": Occasion(still_wanted=invite_is_wanted, letter=invite_letter),
    "invite_reminder": Occasion(
        still_wanted=reminder_is_wanted, letter=reminder_letter, declinable=Suppression.Kind.REMINDERS
    ),
    "offer_submitted": Occasion(still_wanted=submitted_is_wanted, letter=submitted_letter),
    "offer_sent_back": Occasion(still_wanted=sent_back_is_wanted, letter=sent_back_letter),
    "offer_published": Occasion(still_wanted=published_is_wanted, letter=published_letter),
    "offer_rejected": Occasion(still_wanted=rejected_is_wanted, letter=rejected_letter),
    "offer_freshness": Occasion(still_wanted=freshness_is_wanted, letter=freshness_letter),
    "offer_expired": Occasion(still_wanted=expired_is_wanted, letter=expired_letter),
}

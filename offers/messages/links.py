"""Mails that bring a link: sent on to a colleague, or sent again to whoever lost theirs. And whose each link is."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from companies.models import Company, Contact
from offers.domain import notices
from offers.domain.dates import short_day
from offers.models import Invite, SurveyRequest
from portal.domain import links
from portal.domain.outbox import Letter, Occasion, Recipient
from portal.models import Link, Message, Municipality


def _of_contact(contact: Contact | None) -> Recipient | None:
    if contact is None or not contact.is_active:
        return None
    return Recipient(kind="contact", id=contact.pk, address=contact.email, language=contact.language)


def invited(link: Link) -> Recipient | None:
    """Return the contact who was asked to describe a course, unless the invitation was withdrawn."""
    invite = Invite.objects.select_related("contact").filter(pk=link.reference_id).first()
    return _of_contact(invite.contact) if invite is not None and invite.state != Invite.State.REVOKED else None


def hosting(link: Link) -> Recipient | None:
    """Return the contact whose visits the link shows."""
    return _of_contact(Contact.objects.filter(pk=link.reference_id).first())


def surveyed(link: Link) -> Recipient | None:
    """Return whoever is asked how the visit was, as long as the questions are open or were answered."""
    rows = SurveyRequest.objects.select_related("enrolment__teacher", "enrolment__session__offer__contact")
    survey = rows.filter(pk=link.reference_id).exclude(state__in=["suppressed", "expired"]).first()
    if survey is None:
        return None
    if survey.audience == SurveyRequest.Audience.HOST:
        return _of_contact(notices.host_contact(survey.enrolment.session.offer))
    teacher = survey.enrolment.teacher
    return Recipient.of_user(teacher) if teacher is not None and teacher.is_active else None


HOLDERS = {Link.Purpose.INVITE: invited, Link.Purpose.HOST: hosting, Link.Purpose.SURVEY: surveyed}


def _link(message: Message) -> Link | None:
    return Link.objects.select_related("parent").filter(pk=message.reference_id).first()


def is_wanted(message: Message, now: datetime) -> bool:
    """The link lives, and the address is still that of its holder."""
    link = _link(message)
    holder = links.holder_of(link) if link is not None and not link.has_ended(now) else None
    return holder is not None and holder.address.lower() == message.address.lower()


def _company_of(link: Link) -> str:
    if link.purpose == Link.Purpose.INVITE:
        company = Company.objects.filter(invites=link.reference_id).first()
    elif link.purpose == Link.Purpose.HOST:
        company = Company.objects.filter(contacts=link.reference_id).first()
    else:
        company = Company.objects.filter(offers__sessions__enrolments__surveys=link.reference_id).first()
    return company.name if company else ""


def _sender_of(link: Link) -> str:
    """Return the name of the contact who sent the link on."""
    if link.purpose == Link.Purpose.INVITE:
        contact = Contact.objects.filter(invites=link.reference_id).first()
    else:
        contact = Contact.objects.filter(pk=link.reference_id).first()
    return contact.name if contact else ""


def _context(message: Message) -> tuple[Link, dict[str, Any]]:
    link = _link(message)
    assert link is not None
    name = link.holder_name
    if not name and message.recipient_kind == "contact" and message.recipient_id is not None:
        name = Contact.objects.filter(pk=message.recipient_id).values_list("name", flat=True).first() or ""
    labels = {
        Link.Purpose.INVITE: _("Describe the course"),
        Link.Purpose.HOST: _("See the visits"),
        Link.Purpose.SURVEY: _("Answer the questions"),
    }
    return link, {
        "name": name,
        "link": link,
        "company": _company_of(link),
        "url": links.address(link),
        "label": labels[Link.Purpose(link.purpose)],
        "until": short_day(link.expires_at),
    }


def _municipality() -> str:
    municipality = Municipality.objects.first()
    return municipality.name if municipality else ""


def sent_on_letter(message: Message, now: datetime) -> Letter:
    """Tell a colleague what was passed on to them, and by whom."""
    link, context = _context(message)
    subject = {
        Link.Purpose.INVITE: _("Will you help describe a course? – %(company)s and %(municipality)s"),
        Link.Purpose.HOST: _("School classes that visit you – %(company)s and %(municipality)s"),
    }[Link.Purpose(link.purpose)]
    return Letter(
        subject=subject % {"company": context["company"], "municipality": _municipality()},
        context={**context, "sender": _sender_of(link)},
        template="link",
    )


def again_letter(message: Message, now: datetime) -> Letter:
    """Bring the link that somebody asked for."""
    _known, context = _context(message)
    subject = _("Your new link – %(company)s and %(municipality)s")
    return Letter(
        subject=subject % {"company": context["company"], "municipality": _municipality()},
        context={**context, "sender": ""},
        template="link",
    )


OCCASIONS: dict[str, Occasion] = {
    "link_sent_on": Occasion(still_wanted=is_wanted, letter=sent_on_letter),
    "link_again": Occasion(still_wanted=is_wanted, letter=again_letter),
}

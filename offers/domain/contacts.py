"""A company's contact leaves: nothing that was ever mailed to that person opens anything any more."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from companies.models import Contact
from offers.domain.authoring import only_coordinators
from offers.models import Invite, SurveyRequest
from portal.domain import audit, outbox
from portal.domain.actor import Actor
from portal.models import Link, Message


def links_of(contact: Contact) -> QuerySet[Link]:
    """Return every link that was given to the contact, and those that were sent on from them."""
    invites = Invite.objects.filter(contact=contact).values("pk")
    asked = Message.objects.filter(
        recipient_kind="contact", recipient_id=contact.pk, reference_type=SurveyRequest._meta.label_lower
    )
    return Link.objects.filter(
        Q(purpose=Link.Purpose.HOST, reference_id=contact.pk)
        | Q(purpose=Link.Purpose.INVITE, reference_id__in=invites)
        | Q(purpose=Link.Purpose.SURVEY, reference_id__in=asked.values("reference_id"))
    )


def end_links_of(contact: Contact, *, by: Actor, now: datetime) -> int:
    """Withdraw all that :func:`links_of` knows, and the invitations' reminders; return how many links died (a step)."""
    living = list(links_of(contact).filter(revoked_at__isnull=True).values_list("pk", flat=True))
    count = Link.objects.filter(pk__in=living).update(revoked_at=now)
    for invite in Invite.objects.filter(contact=contact):
        outbox.withdraw(about=invite)
    audit.record(by, "contact-links-withdrawn", contact, at=now, links=count)
    return count


@transaction.atomic(durable=True)
def contact_leaves(*, contact_id: UUID, by: Actor, now: datetime) -> int:
    """Note that the contact has left: no mail goes there any more, and all the contact's links die at once.

    Returns how many links died. What was written stays; the company's other contacts are written to instead.
    Doing it again changes nothing. Coordinators only.
    """
    only_coordinators(by)
    contact = Contact.objects.select_for_update(of=("self",)).get(pk=contact_id)
    was_active = contact.is_active
    contact.is_active = False
    contact.save(update_fields=["is_active"])
    if was_active:
        audit.record(by, "contact-left", contact, at=now)
    return end_links_of(contact, by=by, now=now)

"""What the hosts' side holds about people."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import QuerySet

from companies.models import Contact
from portal.domain.privacy import Eraser, Holding, Subject
from portal.domain.pseudonyms import FORGOTTEN_DOMAIN
from portal.privacy import CONTACT, HOSTS, ORGANISATION, ORGANISATIONS

NOBODY = "[slettet]"


def contact_of(subject: Subject) -> QuerySet[Any]:
    """Return the contact's own row."""
    return Contact.objects.filter(pk=subject.id) if subject.is_contact else Contact.objects.none()


HOLDINGS = [
    Holding(
        model="companies.Company",
        purpose=ORGANISATIONS,
        keep=ORGANISATION,
        name="name",
        contact="cvr address postal_code city website email phone",
        free_text="about",
        none="id kind state trade_code created_at industries",
        untouched="name cvr address postal_code city website",
    ),
    Holding(
        model="companies.Contact",
        purpose=HOSTS,
        keep=CONTACT,
        name="name",
        contact="title email phone",
        pseudonym="id",
        none="company language is_active created_at",
        of=contact_of,
    ),
]


def contacts_at(address: str) -> Iterable[tuple[str, UUID]]:
    """Return the contacts with this address."""
    for pk in Contact.objects.filter(email__iexact=address).values_list("pk", flat=True):
        yield "contact", pk


def erase_contact(subject: Subject, now: datetime) -> int:
    """Delete the contact. What was counted with the row (invitations that were sent) goes over to a row of nobody."""
    contact = contact_of(subject).first()
    if contact is None:
        return 0
    nobody = Contact(company_id=contact.company_id, name=NOBODY, is_active=False, created_at=contact.created_at)
    nobody.email = f"{nobody.pk}@{FORGOTTEN_DOMAIN}"
    for relation in Contact._meta.related_objects:
        if relation.on_delete is not models.CASCADE:
            continue
        model: Any = relation.related_model
        rows = model._base_manager.filter(**{relation.field.name: contact})
        if rows.exists():
            nobody.save()
            rows.update(**{relation.field.name: nobody})
    contact.delete()
    return 1


BY_ADDRESS = [contacts_at]
ERASERS = [Eraser(name="contact", run=erase_contact)]

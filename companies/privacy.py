"""What the hosts' side holds about people."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

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
        organisation="name cvr address postal_code city website",
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
    """Empty the contact's row; what hangs on it (invitations that were sent) is still counted."""
    nobody = f"{subject.id}@{FORGOTTEN_DOMAIN}"  # not the stand-in of the log: the two must not lead to each other
    return contact_of(subject).update(name=NOBODY, title="", phone="", email=nobody, is_active=False)


BY_ADDRESS = [contacts_at]
ERASERS = [Eraser(name="contact", run=erase_contact)]

"""The municipality's relation to a company: who it is, whom one writes to, and how far it has come.

All but ``change_relation`` are steps: they expect the transaction of the use-case, or of the admin's form, that calls
them.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from companies.models import Company, Contact
from portal.domain import audit
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import Industry


def create_company(
    *, name: str, by: Actor, now: datetime, industries: Iterable[Industry] = (), **facts: Any
) -> Company:
    """Take a company into the municipality's network, as a lead unless ``state`` says otherwise."""
    company = Company.objects.create(name=name.strip(), created_at=now, **facts)
    company.industries.set(industries)
    audit.record(by, "company-created", company, at=now, state=company.state)
    return company


def add_contact(*, company: Company, name: str, email: str, by: Actor, now: datetime, **facts: Any) -> Contact:
    """Return the person with this address at the company, added if there is none yet (letter case is no difference)."""
    address = email.strip().lower()
    known = company.contacts.annotate(address=Lower("email")).filter(address=address).first()
    if known is not None:
        return known
    contact = Contact.objects.create(company=company, name=name.strip(), email=address, created_at=now, **facts)
    audit.record(by, "contact-added", contact, at=now, company=str(company.pk))
    return contact


def become(
    company: Company,
    state: Company.State,
    *,
    by: Actor,
    now: datetime | None = None,
    only_from: Iterable[str] | None = None,
) -> bool:
    """Move the relation to ``state``; with ``only_from``, only from one of these. Returns whether it moved."""
    before = company.state
    moving = Company.objects.filter(pk=company.pk).exclude(state=state)
    if only_from is not None:
        moving = moving.filter(state__in=list(only_from))
    if not moving.update(state=state):
        return False
    company.state = state
    audit.record(by, f"company-{state}", company, at=now, before=before)
    return True


@transaction.atomic(durable=True)
def change_relation(*, company_id: UUID, state: Company.State, by: Actor, now: datetime) -> Company:
    """Note how the co-operation with a company stands; as it is already changes nothing. Coordinators only."""
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality changes the relation."), code="not-yours")
    company = Company.objects.select_for_update().get(pk=company_id)
    become(company, state, by=by, now=now)
    return company

"""Agreements: a partnership over a longer time, put in words that have versions and are signed by the parties.

Thin for now: made, put into a new version, signed, ended. It comes into force when company and school have signed.
"""

import hashlib
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from offers.models import Agreement, AgreementVersion, Signature
from portal.domain import audit, calendar
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal

NEEDED = {Signature.Party.COMPANY, Signature.Party.SCHOOL}


def digest_of(purpose: str, roles: str) -> str:
    """Return the hash of a text: what a signature signs."""
    return hashlib.sha256(f"{purpose}\n\n{roles}".encode()).hexdigest()


@transaction.atomic(durable=True)
def create_agreement(
    *,
    company_id: UUID,
    school_id: UUID,
    title: str,
    purpose: str,
    roles: str,
    first_day: date,
    last_day: date,
    visits_per_year: int = 2,
    by: Actor,
    now: datetime,
) -> Agreement:
    """Draft an agreement with its first version. Coordinators only. Raises Refusal when the days are the wrong way."""
    _only_coordinators(by)
    if last_day <= first_day:
        raise Refusal(_("The last day must be after the first."), code="days", field="last_day")
    agreement = Agreement.objects.create(
        company_id=company_id,
        school_id=school_id,
        title=title,
        first_day=first_day,
        last_day=last_day,
        visits_per_year=visits_per_year,
        created_at=now,
    )
    _write(agreement, purpose, roles, now=now)
    audit.record(by, "agreement-created", agreement, at=now)
    return agreement


@transaction.atomic(durable=True)
def change_text(*, agreement_id: UUID, purpose: str, roles: str, by: Actor, now: datetime) -> AgreementVersion:
    """Put new words to the parties: a new version, which nobody has signed yet. The same words change nothing."""
    _only_coordinators(by)
    agreement = Agreement.objects.select_for_update().get(pk=agreement_id)
    _not_ended(agreement)
    latest = agreement.versions.order_by("-number").first()
    if latest is not None and latest.text_digest == digest_of(purpose, roles):
        return latest
    version = _write(agreement, purpose, roles, now=now)
    Agreement.objects.filter(pk=agreement.pk).update(state=Agreement.State.DRAFT)
    audit.record(by, "agreement-version", agreement, at=now, number=version.number)
    return version


@transaction.atomic(durable=True)
def sign_version(*, agreement_id: UUID, number: int, party: str, job_title: str, by: Actor, now: datetime) -> Signature:
    """Note one party's yes to the newest version; signing again changes nothing.

    The coordinator notes it on behalf of the party, by the job title of who signed. Raises Refusal when the words
    have been changed meanwhile.
    """
    _only_coordinators(by)
    agreement = Agreement.objects.select_for_update().get(pk=agreement_id)
    _not_ended(agreement)
    version = agreement.versions.order_by("-number").first()
    if version is None or version.number != number:
        raise Refusal(_("The text has been changed meanwhile. Read the newest version first."), code="old_version")
    signature, made = Signature.objects.get_or_create(
        version=version, party=party, defaults={"job_title": job_title, "signed_at": now}
    )
    if made:
        audit.record(by, "agreement-signed", agreement, at=now, party=party, number=number)
        signed = set(version.signatures.values_list("party", flat=True))
        if signed >= NEEDED and calendar.local_day(now) <= agreement.last_day:
            Agreement.objects.filter(pk=agreement.pk).update(state=Agreement.State.ACTIVE)
    return signature


@transaction.atomic(durable=True)
def end_agreement(*, agreement_id: UUID, by: Actor, now: datetime) -> bool:
    """End an agreement; returns False when it had ended before."""
    _only_coordinators(by)
    running = Agreement.objects.filter(pk=agreement_id).exclude(state=Agreement.State.ENDED)
    if not running.update(state=Agreement.State.ENDED):
        return False
    audit.record(by, "agreement-ended", Agreement.objects.get(pk=agreement_id), at=now)
    return True


def _write(agreement: Agreement, purpose: str, roles: str, *, now: datetime) -> AgreementVersion:
    """Write the next version."""
    last = agreement.versions.aggregate(last=Max("number"))["last"] or 0
    return AgreementVersion.objects.create(
        agreement=agreement,
        number=last + 1,
        purpose=purpose,
        roles=roles,
        text_digest=digest_of(purpose, roles),
        created_at=now,
    )


def _not_ended(agreement: Agreement) -> None:
    if agreement.state == Agreement.State.ENDED:
        raise Refusal(_("The agreement has ended."), code="ended")


def _only_coordinators(by: Actor) -> None:
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinator can do this."), code="not_a_coordinator")

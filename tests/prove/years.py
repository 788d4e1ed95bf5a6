"""Simulate 36 months of visits, mails, surveys, links and logs, forget every night, and count what is too old.

The count is written by hand from the lifetimes of ``reference``: it shares nothing with the rules it checks.
"""

import json
import logging
import os
from datetime import datetime, timedelta
from uuid import uuid4

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

import django

django.setup()
logging.disable(logging.INFO)

from django.db.models import Q

from companies.models import Company, Contact
from offers.models import Enrolment, Invite, Offer, ReviewComment, Session, SurveyRequest
from portal.domain import privacy
from portal.domain.calendar import COPENHAGEN
from portal.domain.privacy import months_before
from portal.models import AuditEntry, Erasure, Link, Message, User
from tests import factories

BEGIN = datetime(2023, 8, 1, 12, 0, tzinfo=COPENHAGEN)
DAYS = 1096
EVERY = 12  # a visit every so many days


def a_visit(day: datetime, number: int) -> None:
    """Write what one visit leaves behind, as of that day."""
    contact = factories.ContactFactory.create(created_at=day)
    offer = factories.OfferFactory.create(
        company=contact.company, contact=contact, state=Offer.State.ARCHIVED, updated_at=day, title=f"Kursus {number}"
    )
    session = factories.SessionFactory.create(
        offer=offer, starts_at=day, ends_at=day + timedelta(hours=2), note="Spørg efter Kaj"
    )
    enrolment = factories.EnrolmentFactory.create(
        session=session, teacher__date_joined=day, teacher_phone="12345678", needs_text="x", ended_reason="y",
        created_at=day,
    )  # fmt: skip
    SurveyRequest.objects.create(
        enrolment=enrolment, audience="teacher", state="answered", comment="Godt", answers={"fit": 5}, due_at=day,
        closes_at=day + timedelta(days=21), answered_at=day,
    )  # fmt: skip
    Invite.objects.create(company=contact.company, contact=contact, greeting="Kære Kaj", created_at=day)
    ReviewComment.objects.create(offer=offer, text="Skriv mere", at=day, resolved_at=day)
    Link.objects.create(
        purpose="survey", reference_id=enrolment.pk, token_digest=uuid4().hex * 2, expires_at=day + timedelta(days=21)
    )
    AuditEntry.objects.create(at=day, actor_kind="user", actor_id=str(enrolment.teacher_id), action="x",
                              object_type="y", object_id="1")  # fmt: skip
    for person, kind in ((enrolment.teacher, "user"), (contact, "contact")):
        Message.objects.create(
            occasion="x", reference_type="offers.enrolment", reference_id=enrolment.pk, dedupe_key=uuid4().hex,
            recipient_kind=kind, recipient_id=person.pk, address=person.email, state="sent", send_at=day, sent_at=day,
            created_at=day, subject="Hej", body="Kære Kaj",
        )  # fmt: skip


def too_old(now: datetime) -> int:
    """Return how many rows outlive their lifetime by more than a day."""
    then = now - timedelta(days=1)
    half, year = months_before(then, 6), months_before(then, 12)
    month, log = then - timedelta(days=30), months_before(then, 13)
    visited = Enrolment.objects.filter(session__ends_at__lt=half)
    return sum(
        (
            Enrolment.objects.filter(session__ends_at__lt=month).exclude(needs_text="").count(),
            visited.exclude(teacher=None, teacher_phone="", ended_reason="").count(),
            SurveyRequest.objects.filter(answered_at__lt=year).exclude(comment="").count(),
            Invite.objects.filter(created_at__lt=year).exclude(greeting="").count(),
            ReviewComment.objects.filter(at__lt=year).count(),
            Session.objects.filter(ends_at__lt=year).exclude(note="").count(),
            Link.objects.filter(expires_at__lt=month).count(),
            AuditEntry.objects.filter(at__lt=log).count(),
            Message.objects.filter(sent_at__lt=month).exclude(Q(body="") & Q(subject="")).count(),
            Message.objects.filter(sent_at__lt=month, address__contains=".example").count(),
            Message.objects.filter(sent_at__lt=year).count(),
            User.objects.filter(date_joined__lt=year, last_login=None).count(),
            Contact.objects.filter(created_at__lt=year).exclude(name="[slettet]").count(),
            Erasure.objects.filter(erased_at__lt=year).count(),
        )
    )


def main() -> None:
    factories.MunicipalityFactory.create()
    found = {"too_old": 0, "stumbled": 0, "rows": 0, "without": 0}
    for day in range(DAYS):
        now = BEGIN + timedelta(days=day)
        if day % EVERY == 0:
            a_visit(now, day)
        night = now + timedelta(hours=15)
        found["stumbled"] += len(privacy.forget(now=night).errors)
        if day % 7 == 0:
            found["too_old"] += too_old(night)
    found["rows"] = sum(
        model._base_manager.count()
        for model in (Company, Contact, Offer, Session, Enrolment, SurveyRequest, Invite, Message, AuditEntry, User)
    )
    # The negative control: a visit of long ago that no night has come after.
    a_visit(BEGIN - timedelta(days=900), DAYS)
    found["without"] = too_old(BEGIN + timedelta(days=DAYS))
    print(json.dumps(found))


if __name__ == "__main__":
    main()

"""Make one address of every kind that mails hold, living and ended; print them as JSON, kind by kind."""

import json
import os
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.utils import timezone

from offers.domain import authoring
from offers.models import Enrolment, SurveyRequest
from portal.domain import links
from portal.domain.actor import Actor
from portal.domain.suppressions import Choice
from portal.models import Link
from tests import factories

Purpose = Link.Purpose


def main() -> None:
    factories.MunicipalityFactory.create()
    now = timezone.now()
    starts_at = now + timedelta(days=30)
    by = Actor.of_user(factories.CoordinatorFactory.create())
    contact = factories.ContactFactory.create()
    offer = factories.OfferFactory.create(company=contact.company, contact=contact)
    session = factories.SessionFactory.create(offer=offer, starts_at=starts_at, opens_at=now)
    enrolment = factories.EnrolmentFactory.create(
        session=session, status=Enrolment.Status.OFFERED, answer_by=starts_at - timedelta(days=1)
    )
    facts = {"enrolment": enrolment, "due_at": now, "closes_at": now + timedelta(days=21)}
    surveys = {side: SurveyRequest.objects.create(audience=side, **facts) for side in ("teacher", "host")}

    def invite() -> Link:
        who = {"company_id": contact.company.pk, "contact_id": contact.pk, "greeting": ""}
        made = authoring.invite_company(**who, by=by, now=now)
        return links.ensure(purpose=Purpose.INVITE, reference_id=made.pk, now=now)

    def host() -> Link:
        return links.ensure(purpose=Purpose.HOST, reference_id=factories.ContactFactory.create().pk, now=now)

    def sent_on(parent: Link) -> Link:
        colleague = {"name": "Signe", "to": f"{parent.pk}@firma.example"}
        return links.send_on(link_id=parent.pk, **colleague, by=Actor.of_link(parent), now=now)

    def survey(side: str) -> Link:
        return links.ensure(purpose=Purpose.SURVEY, reference_id=surveys[side].pk, now=now)

    expired, withdrawn, replaced = host(), invite(), host()
    former = links.address(replaced)
    Link.objects.filter(pk=expired.pk).update(expires_at=now)
    links.withdraw(link_id=withdrawn.pk, by=by, now=now)
    links.reissue(replaced, now=now)
    living = {
        "invitation": invite(),
        "invitation, sent on": sent_on(invite()),
        "host": host(),
        "host, sent on": sent_on(host()),
        "survey, teacher": survey("teacher"),
        "survey, host": survey("host"),
    }
    declining = Choice.of(contact.email, "surveys")
    addresses = {
        "living": {**{kind: links.address(link) for kind, link in living.items()}, "unsubscribe": declining.url},
        "ended": {
            "expired": links.address(expired),
            "withdrawn": links.address(withdrawn),
            "replaced": former,
        },
        "open": {
            "course": f"/forloeb/{offer.pk}/{offer.slug}/",
            "enrolling": f"/tidspunkter/{session.pk}/tilmeld/",
            "enrolment": f"/tilmeldinger/{enrolment.pk}/",
            "offered place": f"/tilmeldinger/{enrolment.pk}/plads/",
            "leader's answer": f"/skolen/svar/{enrolment.pk}/",
            "desk": f"/admin/offers/enrolment/{enrolment.pk}/change/",
        },
    }
    print(json.dumps(addresses))


if __name__ == "__main__":
    main()

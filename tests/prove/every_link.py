"""Make one address of every kind that mails hold, living and ended; print them as JSON, kind by kind."""

import json
import os
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.urls import reverse
from django.utils import timezone

from offers.domain import authoring, calendar_feed
from offers.models import Dialogue, Enrolment, MoveAnswer, MoveProposal, Question, SurveyRequest
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
    proposal = MoveProposal.objects.create(
        session=session, proposed_by="host", reason="Sygdom", silence="keep", answer_by=now + timedelta(days=7)
    )
    MoveAnswer.objects.create(proposal=proposal, enrolment=enrolment)
    asking = {"offer": offer, "school": enrolment.school, "teacher": enrolment.teacher}
    talk = Dialogue.objects.create(**asking, school_class=enrolment.school_class, pupils=20)
    question = Question.objects.create(**asking, text="Er der en elevator?")
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

    def calendar() -> str:
        person = Actor.of_user(factories.UserFactory.create())
        return reverse("calendar-feed", args=[links.token(calendar_feed.make_feed(by=person, now=now))])

    def calendar_since_renewed() -> str:
        person = Actor.of_user(factories.UserFactory.create())
        old = reverse("calendar-feed", args=[links.token(calendar_feed.make_feed(by=person, now=now))])
        calendar_feed.renew_feed(by=person, now=now)
        return old

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
            "course": reverse("offer", args=[offer.pk, offer.slug]),
            "catalogue": reverse("catalogue"),
            "calendar": calendar(),
            "calendar, renewed since": calendar_since_renewed(),
            "enrolling": reverse("enrol", args=[session.pk]),
            "enrolments": reverse("my-enrolments"),
            "enrolment": reverse("enrolment", args=[enrolment.pk]),
            "offered place": reverse("enrolment-place", args=[enrolment.pk]),
            "proposed move": reverse("enrolment-move", args=[enrolment.pk]),
            "what became of it": reverse("enrolment-report", args=[enrolment.pk]),
            "guide": reverse("guide-enrolment", args=[enrolment.pk]),
            "leader's answer": reverse("school-answer", args=[enrolment.pk]),
            "dialogue": reverse("dialogue", args=[talk.pk]),
            "question": reverse("question", args=[question.pk]),
            "school's members": reverse("school-members"),
            "account": reverse("my-account"),
            "desk": reverse("admin:index"),
            "desk: course": reverse("admin:offers_offer_change", args=[offer.pk]),
            "desk: enrolment": reverse("admin:offers_enrolment_change", args=[enrolment.pk]),
            "desk: dialogue": reverse("admin:offers_dialogue_change", args=[talk.pk]),
            "desk: question": reverse("admin:offers_question_change", args=[question.pk]),
            "desk: members": reverse("admin:schools_membership_changelist"),
            "desk: erasures": reverse("admin:portal_erasurerequest_changelist"),
        },
    }
    print(json.dumps(addresses))


if __name__ == "__main__":
    main()

"""One row of every model that a constraint guards, for tests that go past Django."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import models

from companies.models import Company
from offers.models import (
    Agreement,
    AgreementVersion,
    Dialogue,
    Encounter,
    Invite,
    Material,
    Meeting,
    MoveAnswer,
    MoveProposal,
    ProposedMeeting,
    ProposedTime,
    Question,
    ReviewComment,
    Revision,
    Signature,
    SurveyRequest,
    VisitReport,
)
from portal.models import (
    CalendarPeriod,
    DemoClock,
    Erasure,
    ErasureRequest,
    IndustryCode,
    LegalHold,
    Link,
    Message,
    MunicipalRole,
    SignInCode,
    Suppression,
)
from tests import factories
from tests.conftest import TODAY

DAY, LATER = date(2026, 9, 8), TODAY + timedelta(hours=2)
SOMEBODY = UUID(int=1)
SPAN = {"starts_at": TODAY, "ends_at": LATER}
# In the order in which they need each other; what they refer to is the one row there is.
ROWS: list[tuple[type[models.Model], dict[str, Any]]] = [
    (Agreement, {"title": "Et år", "first_day": DAY, "last_day": date(2027, 6, 1)}),
    (AgreementVersion, {"purpose": "Mål", "roles": "Roller", "text_digest": "0" * 64}),
    (Signature, {"party": "company", "job_title": "Smed"}),
    (Dialogue, {"pupils": 20}),
    (ProposedTime, {"side": "teacher", **SPAN}),
    (Question, {"text": "Er der varmt?"}),
    (VisitReport, {"side": "host", "outcome": "held", "pupils": 20}),
    (
        Encounter,
        {
            "day": DAY,
            "school_year": 2026,
            "minutes": 120,
            "grade": 7,
            "pupils": 20,
            "offer_title": "Svejs",
            "company_name": "Firma",
            "school_name": "Skole",
            "class_label": "7.A",
            "industry": "industri",
            "activity_type": "virksomhedsbesoeg",
            "evidence": "both",
        },
    ),
    (Invite, {}),
    (Material, {"title": "Ark"}),
    (MoveProposal, {"proposed_by": "host", "reason": "Messe", "silence": "keep", "answer_by": LATER}),
    (ProposedMeeting, SPAN),
    (MoveAnswer, {}),
    (Revision, {"number": 1, "content": {}, "actor_kind": "user"}),
    (ReviewComment, {"text": "Hvor mange?"}),
    (SurveyRequest, {"audience": "teacher", "due_at": TODAY, "closes_at": LATER}),
    (MunicipalRole, {"role": "reviewer"}),
    (DemoClock, {"pk": 1, "ahead": timedelta(0)}),
    (Link, {"purpose": "host", "reference_id": SOMEBODY, "token_digest": "0" * 64, "expires_at": LATER}),
    (
        Message,
        {
            "occasion": "account_mail",
            "reference_type": "portal.user",
            "reference_id": SOMEBODY,
            "send_at": TODAY,
            "dedupe_key": "one",
            "recipient_kind": "user",
            "address": "bo@skole.example",
        },
    ),
    (Erasure, {"kind": "user", "subject_digest": "0" * 64}),
    (ErasureRequest, {"kind": "user", "subject_id": SOMEBODY}),
    (LegalHold, {"kind": "user", "subject_id": SOMEBODY, "reason": "Sag", "until": DAY}),
    (Suppression, {"address_digest": "0" * 64, "kind": "surveys"}),
    (SignInCode, {"email": "bo@skole.example", "purpose": "sign_in", "created_at": TODAY, "expires_at": LATER}),
]


def one_of_each() -> None:
    """Make a municipality with one company, school, course, session and enrolment, and all that belongs to them."""
    factories.MunicipalityFactory.create()
    enrolment = factories.EnrolmentFactory.create(session__offer__contact__company__name="Firma")
    offer = enrolment.session.offer
    role = factories.MembershipFactory.create(user=enrolment.teacher, school=enrolment.school)
    Company.objects.filter(pk=offer.company_id).update(cvr="12345674")
    type(enrolment.school).objects.filter(pk=enrolment.school_id).update(institution_number="123456")
    factories.SchoolClassFactory.create(
        school=enrolment.school, start_year=None, letter="", name="Holdet", grade_from=7, grade_to=9
    )
    upload = factories.upload(owner=offer, kind="document")
    made: dict[Any, models.Model] = {
        type(one): one
        for one in (
            *(enrolment, enrolment.session, offer, offer.company, offer.contact, enrolment.school),
            *(enrolment.school_class, role.user, upload, Meeting.objects.get()),
        )
    }
    for model, facts in ROWS:
        needed = {
            field.name: made[field.related_model]
            for field in model._meta.fields
            if isinstance(field, models.ForeignKey) and not field.null and field.name not in facts
        }
        if model is Dialogue:
            needed["form_token"] = uuid4()  # type: ignore[assignment]
        made[model] = model._default_manager.create(**needed, **facts)
    assert CalendarPeriod.objects.exists()
    assert IndustryCode.objects.exists()

"""What was held: reports of both sides, the ledger, and what becomes of enrolment and session."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from offers.domain import encounters
from offers.models import Encounter, Enrolment, Meeting, Session, SurveyRequest, VisitReport
from portal.domain.actor import Actor
from portal.domain.calendar import at
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Message, Municipality
from tests.factories import (
    ContactFactory,
    CoordinatorFactory,
    EnrolmentFactory,
    MembershipFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

VISIT = datetime.fromisoformat("2026-09-29T09:00:00+02:00")
DURING = VISIT + timedelta(minutes=90)
AFTER = VISIT + timedelta(hours=3)


@pytest.fixture
def enrolment(municipality: Municipality) -> Enrolment:
    made: Enrolment = EnrolmentFactory.create()
    return made


def host(enrolment: Enrolment) -> Actor:
    return Actor(kind="link", id="1", purpose=Link.Purpose.HOST, reference_id=enrolment.session.offer.contact_id)


def teacher(enrolment: Enrolment) -> Actor:
    assert enrolment.teacher is not None
    return Actor.of_user(enrolment.teacher)


def coordinator() -> Actor:
    return Actor.of_user(CoordinatorFactory.create())


def tell(
    enrolment: Enrolment,
    by: Actor,
    outcome: str = "held",
    pupils: int | None = None,
    *,
    now: datetime = AFTER,
    number: int = 1,
    how: Callable[..., VisitReport] = encounters.report_visit,
) -> VisitReport:
    meeting = enrolment.session.meetings.get(number=number)
    return how(enrolment_id=enrolment.pk, meeting_id=meeting.pk, outcome=outcome, pupils=pupils, by=by, now=now)


def ledger(enrolment: Enrolment) -> list[tuple[str, int, bool]]:
    """Return the rows of the ledger in order: evidence, pupils, whether it counts."""
    rows = Encounter.objects.filter(enrolment=enrolment).order_by("recorded_at", "voided_at", "pk")
    return [(row.evidence, row.pupils, row.voided_at is None) for row in rows]


def status(enrolment: Enrolment) -> tuple[str, str, str]:
    fresh = Enrolment.objects.get(pk=enrolment.pk)
    return fresh.status, fresh.session.meetings.all()[0].state, fresh.session.state


def test_one_side_that_says_held_writes_the_ledger_and_completes_the_enrolment(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment))

    assert ledger(enrolment) == [("one", 24, True)]
    assert status(enrolment) == ("completed", "held", "held")


def test_the_other_side_that_agrees_raises_the_evidence_of_the_same_row(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment))
    row = Encounter.objects.get()
    tell(enrolment, teacher(enrolment))

    assert ledger(enrolment) == [("both", 24, True)]
    assert Encounter.objects.get().pk == row.pk


def test_saying_the_same_again_changes_nothing(enrolment: Enrolment) -> None:
    first = tell(enrolment, host(enrolment))
    entries, mails = AuditEntry.objects.count(), Message.objects.count()
    second = tell(enrolment, host(enrolment), now=AFTER + timedelta(hours=1))

    assert (second.pk, second.at) == (first.pk, first.at)
    assert (AuditEntry.objects.count(), Message.objects.count()) == (entries, mails)
    assert ledger(enrolment) == [("one", 24, True)]


def test_the_ledger_freezes_names_grade_and_words(enrolment: Enrolment) -> None:
    offer = enrolment.session.offer
    tell(enrolment, host(enrolment))
    label = enrolment.class_label
    for thing, field in ((offer, "title"), (offer.company, "name"), (enrolment.school, "name")):
        type(thing).objects.filter(pk=thing.pk).update(**{field: "Noget andet"})

    row = Encounter.objects.get()
    assert (row.offer_title, row.company_name, row.school_name) == (
        offer.title,
        offer.company.name,
        enrolment.school.name,
    )
    assert (row.class_label, row.grade, row.minutes, row.school_year) == (label, 7, 120, 2026)
    assert row.day.isoformat() == "2026-09-29"
    assert (row.industry, row.activity_type, row.subjects) == ("industri", "virksomhedsbesoeg", ["fysik-kemi"])


def test_partly_held_counts_those_who_came(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment), "partly", 19)

    assert ledger(enrolment) == [("one", 19, True)]
    assert status(enrolment) == ("completed", "held", "held")


def test_where_the_sides_saw_different_numbers_the_smaller_counts(enrolment: Enrolment) -> None:
    tell(enrolment, teacher(enrolment))
    tell(enrolment, host(enrolment), "partly", 20, now=AFTER + timedelta(hours=1))

    assert ledger(enrolment) == [("one", 24, False), ("both", 20, True)]


@pytest.mark.parametrize("other", ["not_held", "no_show"])
def test_two_sides_that_disagree_count_for_nothing_until_a_coordinator_decides(
    enrolment: Enrolment, other: str
) -> None:
    somebody = CoordinatorFactory.create()
    tell(enrolment, teacher(enrolment))
    tell(enrolment, host(enrolment), other)

    assert ledger(enrolment) == [("one", 24, False)]
    assert status(enrolment) == ("confirmed", "planned", "open")
    assert [one.enrolment_id for one in encounters.disputed()] == [enrolment.pk]
    assert list(Message.objects.filter(occasion="visit_disputed").values_list("address", "state")) == [
        (somebody.email, "queued")
    ]

    tell(enrolment, Actor.of_user(somebody), "held", how=encounters.decide_visit, now=AFTER + timedelta(days=1))

    assert ledger(enrolment) == [("one", 24, False), ("one", 24, True)]
    assert status(enrolment) == ("completed", "held", "held")
    assert list(encounters.disputed()) == []


def test_a_coordinator_may_decide_that_the_class_did_not_come(enrolment: Enrolment) -> None:
    tell(enrolment, teacher(enrolment))
    tell(enrolment, host(enrolment), "no_show")
    tell(enrolment, coordinator(), "no_show", how=encounters.decide_visit)

    assert ledger(enrolment) == [("one", 24, False)]
    assert status(enrolment) == ("no_show", "not_held", "open")


def test_held_and_partly_held_are_no_contradiction(enrolment: Enrolment) -> None:
    tell(enrolment, teacher(enrolment))
    tell(enrolment, host(enrolment), "partly", 22)

    assert list(encounters.disputed()) == []


def test_a_class_that_did_not_come_gets_no_row_and_no_survey(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment), "no_show")

    assert ledger(enrolment) == []
    assert status(enrolment) == ("no_show", "not_held", "open")
    assert SurveyRequest.objects.count() == 0


def test_a_visit_that_was_not_held_leaves_the_enrolment_confirmed(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment), "not_held")

    assert ledger(enrolment) == []
    assert status(enrolment) == ("confirmed", "not_held", "open")


def test_a_side_that_corrects_itself_voids_the_row_and_says_why(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment))
    tell(enrolment, host(enrolment), "no_show", now=AFTER + timedelta(minutes=5))

    row = Encounter.objects.get()
    assert (row.voided_at, row.void_reason != "") == (AFTER + timedelta(minutes=5), True)
    assert status(enrolment) == ("no_show", "not_held", "open")


def test_a_corrected_number_voids_the_row_and_writes_another(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment))
    tell(enrolment, host(enrolment), "partly", 11, now=AFTER + timedelta(minutes=5))

    assert ledger(enrolment) == [("one", 24, False), ("one", 11, True)]


def test_a_course_of_two_dates_is_completed_when_both_are_told_about(enrolment: Enrolment) -> None:
    later = VISIT + timedelta(days=7)
    session = enrolment.session
    Meeting.objects.create(session=session, number=2, starts_at=later, ends_at=later + timedelta(hours=2))
    Session.objects.filter(pk=session.pk).update(ends_at=later + timedelta(hours=2))

    tell(enrolment, host(enrolment))
    assert status(enrolment) == ("confirmed", "held", "open")

    tell(enrolment, host(enrolment), "not_held", number=2, now=later + timedelta(hours=3))
    assert status(enrolment) == ("completed", "held", "held")
    assert ledger(enrolment) == [("one", 24, True)]


def test_a_session_is_held_when_every_class_has_been_told_about(enrolment: Enrolment) -> None:
    other = EnrolmentFactory.create(session=enrolment.session)

    tell(enrolment, host(enrolment))
    assert status(enrolment) == ("completed", "held", "open")

    tell(other, host(enrolment), "no_show")
    assert status(enrolment) == ("completed", "held", "held")


def test_a_report_during_the_visit_is_taken_but_the_session_is_not_over(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment), now=DURING)

    assert status(enrolment) == ("completed", "held", "open")


def test_nothing_can_be_told_before_the_visit_has_begun(enrolment: Enrolment) -> None:
    with pytest.raises(Refusal) as refused:
        tell(enrolment, host(enrolment), now=VISIT - timedelta(minutes=1))

    assert refused.value.code == "not_begun"
    assert VisitReport.objects.count() == 0


@pytest.mark.parametrize("ended", ["waitlisted", "pending", "declined", "cancelled_by_school"])
def test_nothing_can_be_told_of_a_class_that_does_not_stand_as_enrolled(enrolment: Enrolment, ended: str) -> None:
    Enrolment.objects.filter(pk=enrolment.pk).update(status=ended, waiting_since=VISIT)

    with pytest.raises(Refusal) as refused:
        tell(enrolment, host(enrolment))

    assert refused.value.code == "not_enrolled"


def test_nothing_can_be_told_of_a_cancelled_session(enrolment: Enrolment) -> None:
    Session.objects.filter(pk=enrolment.session_id).update(state="cancelled", cancel_reason="Sygdom")

    with pytest.raises(Refusal) as refused:
        tell(enrolment, host(enrolment))

    assert refused.value.code == "cancelled"


@pytest.mark.parametrize(
    ("outcome", "pupils", "code"),
    [
        ("partly", None, "pupils"),
        ("partly", 0, "pupils"),
        ("partly", 61, "pupils"),
        ("partly", 24, "not_fewer"),
        ("held", 0, "pupils"),
        ("held", 61, "pupils"),
        ("wonderful", 10, "not_an_outcome"),
    ],
)
def test_numbers_that_cannot_be_are_refused(enrolment: Enrolment, outcome: str, pupils: int | None, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        tell(enrolment, host(enrolment), outcome, pupils)

    assert refused.value.code == code


def test_a_foreign_host_a_foreign_teacher_and_a_visitor_cannot_tell(enrolment: Enrolment) -> None:
    elsewhere = ContactFactory.create()
    strangers = [
        Actor(kind="link", id="1", purpose=Link.Purpose.HOST, reference_id=elsewhere.pk),
        Actor(kind="link", id="1", purpose=Link.Purpose.SURVEY, reference_id=enrolment.session.offer.contact_id),
        Actor.of_user(UserFactory.create()),
        Actor.of_user(MembershipFactory.create().user),
        Actor.of_user(MembershipFactory.create(school=enrolment.school, role="leader", ended_on=VISIT.date()).user),
        Actor.of_user(MembershipFactory.create(school=enrolment.school).user),
        Actor.of_user(MembershipFactory.create(school=enrolment.school, role="guidance").user),
    ]
    codes = []
    for stranger in strangers:
        with pytest.raises(Refusal) as refused:
            tell(enrolment, stranger)
        codes.append(refused.value.code)

    assert codes == ["foreign"] * 7


def test_a_colleague_who_acts_for_the_school_speaks_for_the_teachers_side(enrolment: Enrolment) -> None:
    colleague = MembershipFactory.create(school=enrolment.school, role="ambassador").user

    assert tell(enrolment, Actor.of_user(colleague)).side == "teacher"


def test_another_contact_of_the_company_speaks_for_the_hosts_side(enrolment: Enrolment) -> None:
    colleague = ContactFactory.create(company=enrolment.session.offer.company)
    by = Actor(kind="link", id="1", purpose=Link.Purpose.HOST, reference_id=colleague.pk)

    assert tell(enrolment, by).side == "host"


def test_a_date_of_another_session_is_refused(enrolment: Enrolment) -> None:
    other = EnrolmentFactory.create()
    with pytest.raises(Refusal) as refused:
        encounters.report_visit(
            enrolment_id=enrolment.pk,
            meeting_id=other.session.meetings.get().pk,
            outcome="held",
            by=host(enrolment),
            now=AFTER,
        )

    assert refused.value.code == "foreign"


def test_only_a_coordinator_decides_and_undoes(enrolment: Enrolment) -> None:
    with pytest.raises(Refusal) as refused:
        tell(enrolment, teacher(enrolment), how=encounters.decide_visit)
    assert refused.value.code == "not_a_coordinator"

    with pytest.raises(Refusal) as refused:
        encounters.undo_visit(enrolment_id=enrolment.pk, reason="Forkert", by=teacher(enrolment), now=AFTER)
    assert refused.value.code == "not_a_coordinator"


def test_undoing_voids_the_row_reopens_the_visit_and_takes_the_survey_back(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment))
    encounters.undo_visit(enrolment_id=enrolment.pk, reason="Forkert klasse", by=coordinator(), now=AFTER)

    assert Encounter.objects.get().void_reason == "Forkert klasse"
    assert status(enrolment) == ("confirmed", "planned", "open")
    assert set(SurveyRequest.objects.values_list("state", flat=True)) == {"suppressed"}
    assert set(Message.objects.filter(occasion__startswith="survey").values_list("state", flat=True)) == {"withdrawn"}

    tell(enrolment, host(enrolment), now=AFTER + timedelta(days=1))
    assert ledger(enrolment) == [("one", 24, False), ("one", 24, True)]
    assert set(SurveyRequest.objects.values_list("state", flat=True)) == {"scheduled"}
    assert Message.objects.filter(occasion="survey_teacher", state="planned").count() == 1


def test_undoing_says_why(enrolment: Enrolment) -> None:
    with pytest.raises(Refusal) as refused:
        encounters.undo_visit(enrolment_id=enrolment.pk, reason="  ", by=coordinator(), now=AFTER)

    assert refused.value.field == "reason"


def test_the_first_row_asks_both_sides_once(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment))
    tell(enrolment, teacher(enrolment))

    asked = SurveyRequest.objects.order_by("audience").values_list("audience", "due_at")
    assert list(asked) == [("host", at(VISIT.date(), 15)), ("teacher", at(VISIT.date(), 15))]


def test_the_database_counts_a_meeting_of_a_class_once(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment))
    row = Encounter.objects.get()
    row.pk = None
    row.id = uuid4()

    with pytest.raises(IntegrityError, match="encounter_is_counted_once"), transaction.atomic():
        row.save(force_insert=True)


def test_the_log_names_nobody(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment))
    tell(enrolment, teacher(enrolment), "partly", 20)

    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions == [
        "visit-reported",
        "encounter-recorded",
        "enrolment-completed",
        "visit-reported",
        "encounter-recorded",
    ]
    assert "Person" not in str(list(AuditEntry.objects.values_list("facts", flat=True)))


def test_a_teacher_hears_of_a_no_show_and_may_object_for_fourteen_days(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment), "no_show")
    told = Message.objects.get(occasion="enrolment_no_show")
    assert (told.recipient_id, told.reference_id) == (enrolment.teacher_id, enrolment.pk)

    tell(enrolment, teacher(enrolment), "held", now=AFTER + timedelta(days=14))

    assert status(enrolment) == ("confirmed", "planned", "open")
    assert [one.enrolment_id for one in encounters.disputed()] == [enrolment.pk]


def test_after_fourteen_days_only_a_coordinator_corrects_a_no_show(enrolment: Enrolment) -> None:
    tell(enrolment, host(enrolment), "no_show")
    late = AFTER + timedelta(days=14, seconds=1)

    with pytest.raises(Refusal) as refusal:
        tell(enrolment, teacher(enrolment), "held", now=late)
    tell(enrolment, coordinator(), "held", now=late, how=encounters.decide_visit)

    assert refusal.value.code == "objects-late"
    assert status(enrolment) == ("completed", "held", "held")
    assert ledger(enrolment) == [("one", 24, True)]


def test_a_teacher_who_says_so_oneself_gets_no_mail_about_a_no_show(enrolment: Enrolment) -> None:
    tell(enrolment, teacher(enrolment), "no_show")

    assert status(enrolment)[0] == "no_show"
    assert Message.objects.filter(occasion="enrolment_no_show").count() == 0

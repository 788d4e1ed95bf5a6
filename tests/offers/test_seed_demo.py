"""The demo municipality: as large as promised, and its history agrees with itself."""

from collections import Counter
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, F, Q, Sum

from companies.models import Company
from offers.domain import cancelling, encounters
from offers.models import Agreement, Encounter, Enrolment, Meeting, Offer, Session, SurveyRequest, VisitReport
from portal.domain import calendar, clock
from portal.domain.calendar import SchoolCalendar
from portal.models import AuditEntry, Message, MunicipalRole, User
from schools.models import Membership, School, SchoolClass

HELD = ["held", "partly"]


def test_only_a_demo_is_filled_with_invented_people(db: None, settings: Any) -> None:
    settings.DEMO = False

    with pytest.raises(CommandError):
        call_command("seed_demo")


def test_the_demo_municipality_is_whole_and_its_history_agrees_with_itself(db: None, settings: Any) -> None:
    """One long test: filling takes most of a minute, so it is done once."""
    settings.DEMO = True
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nobody takes mail there
    call_command("seed_demo", stdout=StringIO())
    now = clock.now()
    school_calendar = SchoolCalendar.load()

    # It begins on a school day at ten in the morning.
    begins = now.astimezone(calendar.COPENHAGEN)
    assert (begins.hour, begins.minute) == (10, 0)
    assert school_calendar.is_school_day(begins.date())

    # As many of everything as promised.
    assert School.objects.count() == 12
    assert 115 <= SchoolClass.objects.count() <= 130
    assert Membership.objects.values("user").distinct().count() == 60
    assert Company.objects.count() == 45
    roles = Counter(MunicipalRole.objects.in_force().values_list("role", flat=True))
    assert roles == {"coordinator": 3, "administrator": 1, "reviewer": 1, "operator": 1}
    assert dict(Counter(Offer.objects.values_list("state", flat=True))) == {
        "published": 52,
        "submitted": 4,
        "draft": 4,
        "changes_requested": 3,
        "paused": 2,
        "archived": 2,
        "rejected": 1,
        "approved": 1,
        "expired": 1,
    }
    assert Session.objects.count() >= 300
    assert 0.38 <= Session.objects.filter(starts_at__lt=now).count() / Session.objects.count() <= 0.52
    assert Enrolment.objects.count() >= 500
    assert SurveyRequest.objects.filter(state="answered").count() >= 120
    assert list(Agreement.objects.values_list("state", flat=True)) == ["active", "active"]
    assert set(Enrolment.objects.values_list("status", flat=True)) >= {
        "pending",
        "confirmed",
        "waitlisted",
        "offered",
        "offer_expired",
        "cancelled_by_school",
        "cancelled_by_host",
        "completed",
        "no_show",
    }

    # Places: what is taken is what is held, and never more than there is.
    holding = Q(enrolments__status__in=Enrolment.Status.holding())
    sessions = Session.objects.annotate(held_places=Sum("enrolments__places", filter=holding, default=0))
    assert list(sessions.exclude(places_taken=F("held_places")).values_list("pk", flat=True)) == []
    assert list(sessions.filter(held_places__gt=F("places")).values_list("pk", flat=True)) == []

    # Dates: every one is a school day, and enrolments were made while enrolment was open.
    days = {calendar.local_day(starts_at) for starts_at in Meeting.objects.values_list("starts_at", flat=True)}
    assert sorted(day for day in days if not school_calendar.is_school_day(day)) == []
    outside = Q(created_at__gt=F("session__closes_at")) | Q(created_at__lt=F("session__opens_at"))
    assert (
        Enrolment.objects.filter(outside, dialogue__isnull=True).count() == 0
    )  # what was agreed is for one class only

    # Waiting lists: who waits came after everybody who holds a place from the start, and knows since when.
    assert Enrolment.objects.waitlisted().filter(waiting_since=None).count() == 0
    waiting = Session.objects.upcoming(now).filter(state="open", enrolments__status="waitlisted").distinct()
    assert waiting.count() >= 5
    for session in waiting:
        first = session.enrolments.waitlisted().first()
        assert first is not None
        assert first.places > session.places_left

    # The ledger: a completed enrolment has a row for what was held, and its evidence is what both sides said.
    completed = Enrolment.objects.filter(status="completed").annotate(
        rows=Count("encounters", filter=Q(encounters__voided_at=None))
    )
    assert completed.filter(rows=0).count() == 0
    for row in Encounter.objects.filter(voided_at=None):
        said = VisitReport.objects.filter(enrolment=row.enrolment_id, meeting=row.meeting_id)
        sides = said.filter(outcome__in=HELD).exclude(side="coordinator").count()
        assert row.evidence == {1: "one", 2: "both"}[sides]
        assert said.exclude(outcome__in=HELD).count() == 0
    assert encounters.disputed().count() == 2

    # The post: nothing is overdue, nothing is in trouble, nothing was sent in the future or twice.
    assert Message.objects.due(now).count() == 0
    assert Message.objects.in_trouble().count() == 0
    assert Message.objects.filter(sent_at__gt=now).count() == 0
    assert Message.objects.filter(state="planned", send_at__lte=now).count() == 0

    # The log tells the story's time, not the machine's.
    assert AuditEntry.objects.filter(at__gt=now).count() == 0
    assert AuditEntry.objects.filter(at__lt=now - timedelta(days=100)).count() > 100

    # The teacher whose login is printed has something of everything.
    teacher = User.objects.get(email="laerer@fjordby.example")
    assert teacher.has_usable_password() is False
    own = Counter(Enrolment.objects.filter(teacher=teacher).values_list("status", flat=True))
    assert own["offered"] == 1
    assert own["waitlisted"] >= 1
    assert own["completed"] >= 3
    assert Enrolment.objects.filter(teacher=teacher, status="confirmed", session__starts_at__gt=now).count() >= 2
    untold = Enrolment.objects.filter(teacher=teacher, status="confirmed", session__ends_at__lt=now)
    assert untold.filter(reports=None).count() == 1
    asked = SurveyRequest.objects.filter(enrolment__teacher=teacher, audience="teacher", state="scheduled")
    four_days_ago = school_calendar.school_days_before(begins.date(), 4)
    assert asked.exists() or (begins.date() - four_days_ago).days > 14  # just after a holiday everything is answered

    # One class waits for its school's leader, one asks to be let off too late, and both can still be answered.
    assert Enrolment.objects.awaiting_leader().filter(session__starts_at__gt=now).count() == 1
    coming = Enrolment.objects.filter(status="confirmed", session__starts_at__gt=now).exclude(ended_reason="")
    assert [cancelling.has_asked(one) for one in coming] == [True]

    # Somebody who looks around can enrol a class of any age.
    for grade in (1, 5, 8):
        free = Session.objects.bookable(now).with_places()
        assert free.filter(offer__grade_from__lte=grade, offer__grade_to__gte=grade).count() >= 5

    # Filling it again changes nothing.
    before = (Message.objects.count(), Enrolment.objects.count())
    call_command("seed_demo", stdout=StringIO())
    assert (Message.objects.count(), Enrolment.objects.count()) == before
    told = StringIO()
    call_command("demo_logins", stdout=told)
    assert told.getvalue().count("@fjordby.example ") == 8

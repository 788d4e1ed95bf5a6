"""Reminders: planned on school days, once each, forgiving a missed night, silent when they would be too late."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from offers.domain import encounters, reminders
from offers.models import Enrolment, Meeting, Offer, Session
from portal import mail
from portal.domain import calendar, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN, SchoolCalendar
from portal.models import Link, Message, Municipality
from tests.factories import ContactFactory, EnrolmentFactory, MembershipFactory, SessionFactory, UserFactory

pytestmark = pytest.mark.django_db

VISIT = datetime.fromisoformat("2026-09-29T09:00:00+02:00")
EARLY = datetime.fromisoformat("2026-09-01T08:00:00+02:00")


@pytest.fixture
def enrolment(municipality: Municipality) -> Enrolment:
    made: Enrolment = EnrolmentFactory.create(status_at=EARLY)
    return made


def plans(occasion: str = "") -> list[tuple[str, str, str]]:
    """Return what is planned: occasion, when (local), state."""
    rows = Message.objects.filter(occasion__startswith=occasion).order_by("send_at", "occasion", "address")
    return [(row.occasion, row.send_at.astimezone(COPENHAGEN).strftime("%d.%m. %H:%M"), row.state) for row in rows]


def move(session: Session, moment: datetime) -> None:
    session.meetings.update(starts_at=moment, ends_at=moment + timedelta(hours=2))
    Session.objects.filter(pk=session.pk).update(
        starts_at=moment, ends_at=moment + timedelta(hours=2), closes_at=moment - timedelta(days=1)
    )
    session.refresh_from_db()


def wanted(message: Message, now: datetime) -> bool:
    return outbox.occasions()[message.occasion].still_wanted(message, now)


def test_teachers_are_reminded_ten_and_three_school_days_before_and_hosts_two(
    enrolment: Enrolment, now: datetime
) -> None:
    assert reminders.plan_reminders(now=now) == 3
    assert plans() == [
        ("visit_reminder", "15.09. 09:00", "planned"),
        ("visit_reminder", "24.09. 09:00", "planned"),
        ("host_day_sheet", "25.09. 09:00", "planned"),
    ]


def test_the_municipality_chooses_the_days(enrolment: Enrolment, municipality: Municipality, now: datetime) -> None:
    municipality.teacher_reminders, municipality.host_reminders = [1], []
    municipality.save()
    reminders.plan_reminders(now=now)

    assert plans() == [("visit_reminder", "28.09. 09:00", "planned")]


def test_planning_twice_plans_nothing_more(enrolment: Enrolment, now: datetime) -> None:
    reminders.plan_reminders(now=now)

    assert reminders.plan_reminders(now=now) == 0
    assert reminders.plan_for(enrolment.session, now=now) == 0
    assert Message.objects.count() == 3


def test_one_session_can_be_planned_by_itself(enrolment: Enrolment, now: datetime) -> None:
    EnrolmentFactory.create(status_at=EARLY)

    assert reminders.plan_for(enrolment.session, now=now) == 3


def test_holidays_do_not_count(municipality: Municipality, now: datetime) -> None:
    """Three school days before Wednesday 21 October 2026 is Friday 9 October: week 42 lies between."""
    visit = datetime.fromisoformat("2026-10-21T09:00:00+02:00")
    EnrolmentFactory.create(session=SessionFactory.create(starts_at=visit), status_at=EARLY)
    reminders.plan_reminders(now=now)

    assert plans("visit_reminder")[1] == ("visit_reminder", "09.10. 09:00", "planned")


def test_the_hour_is_nine_on_both_sides_of_the_change_of_clocks(municipality: Municipality) -> None:
    """Clocks go forward on 28 March 2027, in the Easter holiday."""
    visit = datetime.fromisoformat("2027-03-30T09:00:00+02:00")
    EnrolmentFactory.create(session=SessionFactory.create(starts_at=visit), status_at=EARLY)
    reminders.plan_reminders(now=EARLY)

    assert [at for _occasion, at, _state in plans()] == ["08.03. 09:00", "17.03. 09:00", "18.03. 09:00"]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-09-15T08:59", ["15.09. 09:00", "24.09. 09:00"]),  # still to come
        ("2026-09-15T23:00", ["15.09. 23:00", "24.09. 09:00"]),  # missed the hour: now
        ("2026-09-16T09:00", ["16.09. 09:00", "24.09. 09:00"]),  # missed the night: one school day is forgiven
        ("2026-09-16T09:01", ["24.09. 09:00"]),  # older than that: only the next one
        ("2026-09-24T12:00", ["24.09. 12:00"]),
        ("2026-09-25T10:00", []),
        ("2026-09-29T08:00", []),
    ],
)
def test_a_missed_night_is_made_good_within_a_school_day_and_never_in_a_pile(
    enrolment: Enrolment, moment: str, expected: list[str]
) -> None:
    reminders.plan_reminders(now=datetime.fromisoformat(moment).replace(tzinfo=COPENHAGEN))

    assert [at for _occasion, at, _state in plans("visit_reminder")] == expected


def test_of_two_missed_reminders_only_the_last_leaves(enrolment: Enrolment, municipality: Municipality) -> None:
    municipality.teacher_reminders = [4, 3]
    municipality.save()
    reminders.plan_reminders(now=datetime.fromisoformat("2026-09-24T10:00:00+02:00"))

    assert plans("visit_reminder") == [("visit_reminder", "24.09. 10:00", "queued")]


def test_who_enrols_after_the_moment_is_not_reminded_of_what_was_just_confirmed(enrolment: Enrolment) -> None:
    late = datetime.fromisoformat("2026-09-15T10:00:00+02:00")
    Enrolment.objects.filter(pk=enrolment.pk).update(status_at=late)
    reminders.plan_reminders(now=late)

    assert [at for _occasion, at, _state in plans("visit_reminder")] == ["24.09. 09:00"]


def test_a_reminder_that_waited_too_long_gives_way_to_the_next(enrolment: Enrolment, now: datetime) -> None:
    reminders.plan_reminders(now=now)
    first, second = Message.objects.filter(occasion="visit_reminder").order_by("send_at")

    assert (first.not_after, second.not_after) == (second.send_at, VISIT)


def test_the_day_sheet_goes_to_the_courses_contact_once_however_many_classes(
    enrolment: Enrolment, now: datetime
) -> None:
    EnrolmentFactory.create(session=enrolment.session, status_at=EARLY)
    ContactFactory.create(company=enrolment.session.offer.company)
    reminders.plan_reminders(now=now)

    contact = enrolment.session.offer.contact
    assert contact is not None
    assert list(Message.objects.filter(occasion="host_day_sheet").values_list("address", flat=True)) == [contact.email]
    assert Link.objects.filter(purpose="host", reference_id=contact.pk).count() == 1


def test_without_a_contact_of_its_own_the_courses_company_is_asked(enrolment: Enrolment, now: datetime) -> None:
    company = enrolment.session.offer.company
    Offer.objects.update(contact=None)
    company.contacts.update(is_active=False)
    other = ContactFactory.create(company=company)
    reminders.plan_reminders(now=now)

    assert Message.objects.get(occasion="host_day_sheet").address == other.email


@pytest.mark.parametrize("status", ["pending", "waitlisted", "offered", "declined", "cancelled_by_school"])
def test_only_confirmed_classes_are_reminded(enrolment: Enrolment, status: str, now: datetime) -> None:
    Enrolment.objects.update(status=status, waiting_since=EARLY, answer_by=VISIT)

    assert reminders.plan_reminders(now=now) == 0


@pytest.mark.parametrize("state", ["planned", "cancelled", "held"])
def test_only_open_sessions_are_reminded_of(enrolment: Enrolment, state: str, now: datetime) -> None:
    Session.objects.update(state=state, cancel_reason="Sygdom")

    assert reminders.plan_reminders(now=now) == 0


def test_of_a_course_of_three_dates_the_early_reminder_belongs_to_the_first(
    enrolment: Enrolment, municipality: Municipality, now: datetime
) -> None:
    municipality.host_reminders = []
    municipality.save()
    for number, days in ((2, 7), (3, 21)):
        moment = VISIT + timedelta(days=days)
        Meeting.objects.create(
            session=enrolment.session, number=number, starts_at=moment, ends_at=moment + timedelta(hours=2)
        )
    Session.objects.update(ends_at=VISIT + timedelta(days=21, hours=2))
    reminders.plan_reminders(now=now)

    assert [at for _occasion, at, _state in plans()] == [
        "15.09. 09:00",  # ten before the first
        "24.09. 09:00",  # three before the first
        "01.10. 09:00",  # three before the second
        "08.10. 09:00",  # three before the third: week 42 does not count
    ]


def test_a_moved_session_is_reminded_of_anew_and_the_old_reminder_is_unwanted(
    enrolment: Enrolment, now: datetime
) -> None:
    reminders.plan_reminders(now=now)
    old = Message.objects.filter(occasion="visit_reminder").order_by("send_at").first()
    assert old is not None
    move(enrolment.session, VISIT + timedelta(days=2))
    reminders.plan_reminders(now=now)

    new = Message.objects.filter(occasion="visit_reminder").exclude(not_after__lte=VISIT).order_by("send_at").last()
    assert new is not None
    assert (wanted(old, old.send_at), wanted(new, new.send_at)) == (False, True)


def test_a_session_moved_there_and_back_is_still_reminded_of(enrolment: Enrolment, now: datetime) -> None:
    reminders.plan_reminders(now=now)
    outbox.withdraw(about=enrolment)
    outbox.withdraw(about=enrolment.session)

    assert reminders.plan_reminders(now=now) == 3
    assert {state for _occasion, _at, state in plans()} == {"planned"}
    assert reminders.plan_reminders(now=now) == 0


def test_what_was_sent_is_never_sent_again(enrolment: Enrolment, now: datetime) -> None:
    reminders.plan_reminders(now=now)
    Message.objects.update(state="sent", sent_at=now)

    assert reminders.plan_reminders(now=now) == 0
    assert reminders.reconcile(now=now) == reminders.Difference(missing=0, needless=0)


@pytest.mark.parametrize(
    ("change", "still"),
    [
        ({}, True),
        ({"status": "cancelled_by_school"}, False),
        ({"session__state": "cancelled"}, False),
        ({"meeting__state": "cancelled"}, False),
        ({"teacher": None}, False),
        ({"begun": True}, False),
    ],
)
def test_a_reminder_is_asked_at_the_last_moment_whether_it_is_still_true(
    enrolment: Enrolment, now: datetime, change: dict[str, object], still: bool
) -> None:
    reminders.plan_reminders(now=now)
    message = Message.objects.filter(occasion="visit_reminder").first()
    assert message is not None
    if "session__state" in change:
        Session.objects.update(state="cancelled", cancel_reason="Sygdom")
    if "meeting__state" in change:
        Meeting.objects.update(state="cancelled")
    if "status" in change or "teacher" in change:
        Enrolment.objects.update(**change)

    assert wanted(message, VISIT if "begun" in change else message.send_at) is still


def test_the_day_sheet_of_a_contact_who_left_is_unwanted_and_goes_to_the_next(
    enrolment: Enrolment, now: datetime
) -> None:
    reminders.plan_reminders(now=now)
    message = Message.objects.get(occasion="host_day_sheet")
    other = ContactFactory.create(company=enrolment.session.offer.company)
    assert wanted(message, message.send_at) is True

    other.company.contacts.exclude(pk=other.pk).update(is_active=False)
    reminders.plan_reminders(now=now)

    assert wanted(message, message.send_at) is False
    assert Message.objects.filter(occasion="host_day_sheet", address=other.email).count() == 1


def test_a_teacher_who_hands_over_is_not_reminded_but_the_new_one_is(enrolment: Enrolment, now: datetime) -> None:
    reminders.plan_reminders(now=now)
    old = Message.objects.filter(occasion="visit_reminder").first()
    assert old is not None
    successor = UserFactory.create()
    Enrolment.objects.update(teacher=successor)
    reminders.plan_reminders(now=now)

    assert wanted(old, old.send_at) is False
    assert Message.objects.filter(occasion="visit_reminder", address=successor.email).count() == 2


def test_the_morning_after_both_sides_are_asked_whether_it_took_place(enrolment: Enrolment) -> None:
    reminders.plan_reminders(now=VISIT + timedelta(hours=1))

    assert plans() == [("visit_confirm", "30.09. 09:00", "planned")] * 2
    assert sorted(Message.objects.values_list("recipient_kind", flat=True)) == ["contact", "user"]


def test_after_a_friday_they_are_asked_on_monday(enrolment: Enrolment) -> None:
    move(enrolment.session, datetime.fromisoformat("2026-10-02T12:00:00+02:00"))
    reminders.plan_reminders(now=datetime.fromisoformat("2026-10-02T13:00:00+02:00"))

    assert plans() == [("visit_confirm", "05.10. 09:00", "planned")] * 2


def test_nobody_is_asked_whether_it_took_place_when_somebody_has_told(enrolment: Enrolment) -> None:
    later = VISIT + timedelta(hours=3)
    reminders.plan_reminders(now=later)
    assert enrolment.teacher is not None
    encounters.report_visit(
        enrolment_id=enrolment.pk,
        meeting_id=enrolment.session.meetings.get().pk,
        outcome="held",
        by=Actor.of_user(enrolment.teacher),
        now=later,
    )

    asked = Message.objects.filter(occasion="visit_confirm")
    assert [wanted(message, message.send_at) for message in asked] == [False, False]
    assert reminders.plan_reminders(now=later) == 0


def test_after_a_fortnight_nobody_is_asked_any_more(enrolment: Enrolment) -> None:
    assert reminders.plan_reminders(now=VISIT + timedelta(days=14, hours=2)) == 0


def test_what_is_missing_and_what_is_needless_is_reported_and_mended(enrolment: Enrolment, now: datetime) -> None:
    reminders.plan_reminders(now=now)
    Message.objects.filter(occasion="host_day_sheet").delete()
    stray = EnrolmentFactory.create(status_at=EARLY)
    reminders.plan_for(stray.session, now=now)
    Enrolment.objects.filter(pk=stray.pk).update(status="cancelled_by_school")

    assert reminders.reconcile(now=now) == reminders.Difference(missing=1, needless=3)
    assert reminders.reconcile(now=now) == reminders.Difference(missing=0, needless=0)
    assert Message.objects.filter(state="planned").count() == 3


def test_planning_takes_the_same_number_of_questions_for_one_and_for_twelve_classes(
    enrolment: Enrolment, now: datetime
) -> None:
    reminders.plan_reminders(now=now)
    with CaptureQueriesContext(
        connection,
    ) as one:
        reminders.plan_reminders(now=now)
    for _number in range(4):
        session = SessionFactory.create()
        for _class in range(3):
            EnrolmentFactory.create(session=session, status_at=EARLY)
    reminders.plan_reminders(now=now)
    with CaptureQueriesContext(connection) as twelve:
        assert reminders.plan_reminders(now=now) == 0

    assert len(one) == len(twelve) == 8


def test_a_reminder_and_a_day_sheet_say_what_their_receivers_need_and_no_free_text(
    enrolment: Enrolment, now: datetime
) -> None:
    Enrolment.objects.update(needs_quiet=True, needs_text="Emil er bange for hunde", teacher_phone="20 30 40 50")
    MembershipFactory.create(user=enrolment.teacher, school=enrolment.school)
    reminders.plan_reminders(now=now)
    offer = enrolment.session.offer
    letters = {
        message.occasion: mail.render(message, message.send_at) for message in Message.objects.order_by("send_at")
    }
    teacher, host = letters["visit_reminder"], letters["host_day_sheet"]

    for letter in letters.values():
        assert "september 2026" in letter.subject
        assert offer.title in letter.subject
        assert offer.company.name in letter.subject
        assert "hunde" not in str(letter.message())
        assert "hunde" not in str(letter.body)
    assert f"/tilmeldinger/{enrolment.pk}/" in str(teacher.body)
    assert "20 30 40 50" in str(host.body)
    assert enrolment.school.name in str(host.body)
    assert "/l/hst_" in str(host.body)


def school_days_between(first: datetime, last: datetime) -> int:
    """Count school days after the first moment's day up to the last moment's day."""
    school_calendar = SchoolCalendar.load()
    day, count = calendar.local_day(first), 0
    while day < calendar.local_day(last):
        day += timedelta(days=1)
        count += school_calendar.is_school_day(day)
    return count


def test_through_a_whole_school_year_every_reminder_is_at_nine_and_the_right_number_of_school_days_ahead(
    municipality: Municipality,
) -> None:
    school_calendar = SchoolCalendar.load()
    day = datetime.fromisoformat("2026-08-24T00:00:00+02:00").date()
    while day < datetime.fromisoformat("2027-06-20T00:00:00+02:00").date():
        if school_calendar.is_school_day(day):
            meeting = Meeting(starts_at=calendar.at(day, 10), ends_at=calendar.at(day, 12))
            for number, moment in reminders.moments([10, 3, 1], meeting, school_calendar):
                local = moment.astimezone(COPENHAGEN)
                assert (local.hour, local.minute) == (9, 0)
                assert school_calendar.is_school_day(local.date())
                assert school_days_between(moment, meeting.starts_at) == number
        day += timedelta(days=1)

"""What beat rings for: every job by itself, and a heartbeat only when all came to their end."""

from datetime import datetime, timedelta

import pytest

from offers import tasks
from offers.domain import enrolment
from offers.models import Enrolment, SurveyRequest
from portal.celery import app
from portal.domain.jobs import one_by_one
from portal.models import Heartbeat, Message, Municipality
from tests.factories import EnrolmentFactory

pytestmark = pytest.mark.django_db

VISIT = datetime.fromisoformat("2026-09-29T09:00:00+02:00")


def heartbeats() -> list[str]:
    return sorted(Heartbeat.objects.values_list("name", flat=True))


def test_a_job_that_stumbles_does_not_stop_the_rest(municipality: Municipality) -> None:
    done: list[str] = []

    def stumble() -> None:
        raise RuntimeError("no")

    stumbled = tasks.run({"first": stumble, "second": lambda: done.append("second")})

    assert (stumbled, done, heartbeats()) == (["first"], ["second"], ["second"])


def test_a_row_that_stumbles_does_not_stop_the_rows_behind_it_and_is_raised_at_the_end() -> None:
    done: list[int] = []

    def work(key: int) -> bool:
        if key == 1:
            raise RuntimeError("no")
        done.append(key)
        return True

    with pytest.raises(ExceptionGroup, match="1 rows stumbled"):
        one_by_one(work, [1, 2, 3])

    assert done == [2, 3]
    assert one_by_one(work, [2, 3]) == 2


def test_a_request_that_cannot_be_ended_leaves_no_heartbeat_and_does_not_hold_up_the_others(
    municipality: Municipality, now: datetime
) -> None:
    bad, good = (EnrolmentFactory.create(status="pending", answer_by=now - timedelta(hours=hours)) for hours in (2, 1))
    good.session.places_taken = 24
    good.session.save()  # the other one gives back places that its session does not hold: the constraint says no

    stumbled = tasks.run({"expire-requests": lambda: enrolment.expire_requests(now)})

    assert (stumbled, heartbeats()) == (["expire-requests"], [])
    assert Enrolment.objects.get(pk=good.pk).status == "request_expired"
    assert Enrolment.objects.get(pk=bad.pk).status == "pending"


def test_following_the_calendar_does_every_job_and_leaves_heartbeats(municipality: Municipality) -> None:
    tasks.follow_the_calendar()

    assert heartbeats() == [
        "carry-out-moves",
        "draw-lots",
        "end-roles-at-closed-schools",
        "end-waiting",
        "expire-offered-places",
        "expire-requests",
        "expire-surveys",
        "follow-dialogues",
        "follow-offers",
        "follow-the-calendar",
        "nudge-moves",
        "plan-reminders",
    ]


def test_the_jobs_do_what_has_become_due(municipality: Municipality, now: datetime) -> None:
    visit = EnrolmentFactory.create(status_at=now)
    SurveyRequest.objects.create(
        enrolment=visit, audience="teacher", due_at=now - timedelta(days=22), closes_at=now - timedelta(days=1)
    )
    pending = EnrolmentFactory.create(status="pending", answer_by=now - timedelta(hours=1))
    pending.session.places_taken = 24
    pending.session.save()

    assert tasks.run(tasks.jobs(now)) == []
    assert SurveyRequest.objects.get().state == "expired"
    assert Enrolment.objects.get(pk=pending.pk).status == "request_expired"
    assert Message.objects.filter(occasion="visit_reminder", reference_id=visit.pk).count() == 2

    messages = Message.objects.count()
    assert tasks.run(tasks.jobs(now)) == []
    assert Message.objects.count() == messages


def test_reconciling_leaves_a_heartbeat(municipality: Municipality) -> None:
    tasks.reconcile()

    assert heartbeats() == ["reconcile"]


def test_every_ring_of_beat_reaches_a_task() -> None:
    app.loader.import_default_modules()

    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)

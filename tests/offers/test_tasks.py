"""What beat rings for: every job by itself, and a heartbeat only when all came to their end."""

from datetime import datetime, timedelta

import pytest

from offers import tasks
from offers.models import Enrolment, SurveyRequest
from portal.celery import app
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
    enrolment = EnrolmentFactory.create(status_at=now)
    SurveyRequest.objects.create(
        enrolment=enrolment, audience="teacher", due_at=now - timedelta(days=22), closes_at=now - timedelta(days=1)
    )
    pending = EnrolmentFactory.create(status="pending", answer_by=now - timedelta(hours=1))
    pending.session.places_taken = 24
    pending.session.save()

    assert tasks.run(tasks.jobs(now)) == []
    assert SurveyRequest.objects.get().state == "expired"
    assert Enrolment.objects.get(pk=pending.pk).status == "request_expired"
    assert Message.objects.filter(occasion="visit_reminder", reference_id=enrolment.pk).count() == 2

    messages = Message.objects.count()
    assert tasks.run(tasks.jobs(now)) == []
    assert Message.objects.count() == messages


def test_reconciling_leaves_a_heartbeat(municipality: Municipality) -> None:
    tasks.reconcile()

    assert heartbeats() == ["reconcile"]


def test_every_ring_of_beat_reaches_a_task() -> None:
    app.loader.import_default_modules()

    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)

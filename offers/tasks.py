"""What beat rings for around courses: follow the calendar, and compare what is planned with what should be."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from celery import shared_task

from offers.domain import dialogue, draw, enrolment, moving, publishing, reminders, surveys, waiting_list
from portal.domain import clock
from portal.tasks import beat
from schools.domain.school import end_roles_at_closed_schools

log = structlog.get_logger(__name__)


def jobs(now: datetime) -> dict[str, Callable[[], Any]]:
    """Return what is to be done at a ring, in order: what frees places before what offers them."""
    return {
        "follow-offers": lambda: publishing.follow_calendar(now=now),
        "expire-requests": lambda: enrolment.expire_requests(now),
        "draw-lots": lambda: draw.draw_overdue(now),
        "expire-offered-places": lambda: waiting_list.expire_offered(now),
        "end-waiting": lambda: waiting_list.end_waiting(now),
        "follow-dialogues": lambda: dialogue.follow_up(now),
        "end-roles-at-closed-schools": lambda: end_roles_at_closed_schools(now=now),
        "nudge-moves": lambda: moving.nudge(now),
        "carry-out-moves": lambda: moving.carry_out_due(now),
        "plan-reminders": lambda: reminders.plan_reminders(now=now),
        "expire-surveys": lambda: surveys.expire_surveys(now=now),
    }


def run(todo: dict[str, Callable[[], Any]]) -> list[str]:
    """Do each job by itself, so that one that stumbles does not stop the rest; return the names of those that did."""
    stumbled = []
    for name, job in todo.items():
        try:
            done = job()
        except Exception:
            log.exception("job stumbled", job=name)
            stumbled.append(name)
        else:
            beat(name)
            if done and (not isinstance(done, dict) or any(done.values())):
                log.info("job done", job=name, done=done)
    return stumbled


@shared_task(name="offers.tasks.follow_the_calendar")
def follow_the_calendar() -> None:
    """Do what has become due: publish, expire, plan reminders and surveys, release unanswered places.

    The heartbeat is only written when every job came to its end.
    """
    now = clock.now()
    if not run(jobs(now)):
        beat("follow-the-calendar", reached=now)


@shared_task(name="offers.tasks.reconcile")
def reconcile() -> None:
    """Compare what should be planned with what is, mend the difference, and report it."""
    found = reminders.reconcile(now=clock.now())
    if found.missing or found.needless:
        log.warning("plan differed", missing=found.missing, needless=found.needless)
    beat("reconcile")

"""The worker and the beat: ``celery -A portal.celery worker`` and ``celery -A portal.celery beat``.

Celery is the doorbell; what must not be forgotten stands in PostgreSQL (``portal.domain.outbox``). So there
is no result backend, nothing in a request enqueues, and every beat entry expires before its next ring.
"""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
from celery import Celery
from celery.beat import PersistentScheduler
from celery.schedules import crontab
from celery.signals import heartbeat_sent, setup_logging, worker_ready
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup(set_prefix=False)

app = Celery("portal")
app.conf.update(
    broker_url=settings.REDIS_URL,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 600},
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_time_limit=300,
    task_soft_time_limit=240,
    task_default_queue="portal",
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=2000,
    worker_redirect_stdouts=False,
    worker_soft_shutdown_timeout=30,
    timezone=settings.TIME_ZONE,
    enable_utc=True,
)
app.autodiscover_tasks(["portal", "offers"])


def every(seconds: float, task: str, **kwargs: Any) -> dict[str, Any]:
    """Ring ``task`` every so many seconds; a ring that nobody heard before the next one is dropped."""
    return {
        "task": task,
        "schedule": timedelta(seconds=seconds),
        "kwargs": kwargs,
        "options": {"expires": seconds},
    }


# In the demo the clock is moved by hand, so what is planned by the hour is planned every few seconds.
PLANNING = 2 if settings.DEMO else 600

app.conf.beat_schedule = {
    "deliver-messages": every(1 if settings.DEMO else 5, "portal.tasks.deliver_messages"),
    "recover-messages": every(30, "portal.tasks.recover_messages"),
    "make-documents": every(3, "portal.tasks.make_documents"),
    "follow-the-calendar": every(PLANNING, "offers.tasks.follow_the_calendar"),
    "reconcile": every(60 if settings.DEMO else 3600, "offers.tasks.reconcile"),
    "forget-tables": every(1800, "portal.tasks.forget_tables"),
    "remove-orphans": every(3600, "portal.tasks.remove_orphans"),
    "forget": {
        "task": "portal.tasks.forget",
        "schedule": crontab(hour="3", minute="40"),
        "options": {"expires": 3600},
    },
}


def beat_file(name: str) -> Path:
    """Return the file whose age tells whether the process called ``name`` is alive."""
    return Path(settings.HEARTBEAT_DIR) / f"{name}.heartbeat"


class TickingScheduler(PersistentScheduler):  # type: ignore[misc]
    """Celery's own scheduler, that also touches a file at every tick for the health check."""

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        beat_file("beat").touch()
        wait = super().tick(*args, **kwargs)
        return min(wait, 5) if wait else wait


app.conf.beat_scheduler = "portal.celery:TickingScheduler"
app.conf.beat_schedule_filename = str(Path(settings.HEARTBEAT_DIR) / "beat-schedule")


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Stop Celery from replacing the logging that the settings have set up."""


@worker_ready.connect
@heartbeat_sent.connect
def touch_worker_file(**_: Any) -> None:
    """Note that the worker is alive (sent every other second by its event loop)."""
    beat_file("worker").touch()

"""What beat rings for around courses: follow the calendar, and compare what is planned with what should be."""

from celery import shared_task


@shared_task(name="offers.tasks.follow_the_calendar")
def follow_the_calendar() -> None:
    """Do what has become due: publish, expire, plan reminders and surveys, release unanswered places."""


@shared_task(name="offers.tasks.reconcile")
def reconcile() -> None:
    """Compare what should be planned with what is, and mend the difference."""

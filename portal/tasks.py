"""What beat rings for: deliver messages, recover claims, make documents, forget, clear away files."""

import time
from datetime import datetime

from celery import shared_task
from django.core.mail import get_connection
from django.utils import timezone

from portal import mail, pdf
from portal.domain import clock, outbox, privacy, tables, uploads
from portal.models import Heartbeat, Message

BUDGET_SECONDS = 45


def beat(name: str, *, reached: datetime | None = None) -> None:
    """Note that a periodic job came to its end, and up to which moment of the portal's clock all is done."""
    done = {"last_ok": timezone.now(), **({"reached": reached} if reached else {})}
    Heartbeat.objects.update_or_create(name=name, defaults=done)


def drain(*, budget: float = BUDGET_SECONDS) -> int:
    """Send what is due until nothing is, or the budget (seconds) is used up; return how many were handled."""
    owner = outbox.new_owner()
    handled = 0
    stop = time.monotonic() + budget
    connection = get_connection()
    try:
        while time.monotonic() < stop:
            now: datetime = clock.now()
            claimed = outbox.claim(now=now, real_now=timezone.now(), owner=owner)
            if not claimed:
                break
            for message in claimed:
                state = mail.deliver(message, connection=connection, owner=owner, now=now)
                if state in (
                    "queued",
                    "failed",
                    "uncertain",
                ):  # after trouble the next letter gets a conversation of its own
                    connection.close()
                handled += 1
    finally:
        connection.close()
    return handled


@shared_task(name="portal.tasks.deliver_messages")
def deliver_messages() -> None:
    """Send every message that is due."""
    now = clock.now()
    drain()
    beat("deliver-messages", reached=None if Message.objects.due(now).exists() else now)


@shared_task(name="portal.tasks.recover_messages")
def recover_messages() -> None:
    """Take back the claims of workers that died."""
    outbox.recover(real_now=timezone.now())
    beat("recover-messages")


@shared_task(name="portal.tasks.forget")
def forget() -> None:
    """Follow every rule of forgetting. The heartbeat is only written when none stumbled; the log says which did."""
    if not privacy.forget(now=clock.now()).errors:
        beat("forget")


@shared_task(name="portal.tasks.forget_tables")
def forget_tables() -> None:
    """Delete the tables that somebody uploaded and did not confirm within 24 hours."""
    tables.forget(now=clock.now())
    beat("forget-tables")


@shared_task(name="portal.tasks.make_documents")
def make_documents() -> None:
    """Make the PDFs that the web server had no room for, until none waits or the budget is used up."""
    stop = time.monotonic() + BUDGET_SECONDS
    while time.monotonic() < stop and pdf.make_next() is not None:
        pass
    beat("make-documents")


@shared_task(name="portal.tasks.remove_orphans")
def remove_orphans() -> None:
    """Remove files that nobody has shown for a day."""
    uploads.remove_orphans(now=clock.now(), real_now=timezone.now())
    beat("remove-orphans")

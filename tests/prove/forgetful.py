"""The negative control: mails as plain Celery tasks, with Celery's defaults."""

import os
import sys

import django
from celery import Celery
from django.conf import settings
from django.core.mail import EmailMessage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

app = Celery("forgetful")
app.conf.update(broker_url=settings.REDIS_URL, task_ignore_result=True, task_default_queue=os.environ["PROVE_QUEUE"])


@app.task(name="tests.prove.forgetful.send")  # type: ignore[untyped-decorator]
def send(number: int) -> None:
    """Send one mail, and remember nothing."""
    EmailMessage(
        subject="Prove",
        body="One mail.",
        to=[f"mail{number}@prove.example"],
        headers={"Message-ID": f"<{number}@prove>"},
    ).send()


if __name__ == "__main__":
    for position in range(int(sys.argv[1])):
        send.delay(position)

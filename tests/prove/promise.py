"""Promise a number of mails through the outbox: ``python -m tests.prove.promise 300``."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.db import transaction
from django.utils import timezone

from portal.domain import outbox
from portal.models import User


def main(count: int) -> None:
    now = timezone.now()
    people = User.objects.bulk_create(
        User(email=f"mail{number}@prove.example", name=f"Person {number}", password="!") for number in range(count)
    )
    with transaction.atomic():
        for person in people:
            outbox.post(
                occasion="account_mail",
                about=person,
                to=outbox.Recipient.of_user(person),
                now=now,
                parameters={"subject": "Prove", "text": "One mail."},
            )


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""Fill a database with teachers who may sign in, or send its mails until told to stop: the inner half of ``signin``."""

import os
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
import django

django.setup()

from portal.models import User
from portal.tasks import drain
from tests import factories


def settle(count: int) -> None:
    """Make a school with so many teachers."""
    factories.MunicipalityFactory.create(teacher_domains=["prove.example"])
    school = factories.SchoolFactory.create()
    people = User.objects.bulk_create(
        User(email=f"teacher{number}@prove.example", name=f"Teacher {number}", password="!") for number in range(count)
    )
    for person in people:
        factories.MembershipFactory.create(user=person, school=school)


def deliver() -> None:
    """Send what is due, again and again, as worker and beat do; no Redis is asked."""
    while True:
        if drain(budget=5) == 0:
            time.sleep(0.2)


if __name__ == "__main__":
    if sys.argv[1] == "deliver":
        deliver()
    else:
        settle(int(sys.argv[1]))

"""``manage.py erase_person ADDRESS``, or the id of an account or a contact: erase a person."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from portal.domain import clock, privacy
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import Erasure


class Command(BaseCommand):
    """Erase a person as the desk does, where nobody can open the desk."""

    help = "Erase everybody with an e-mail address, or the account or contact with an id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("who", help="an e-mail address, or the id of an account or a contact")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        try:
            line = self.erase(options["who"])
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        for name, count in sorted(line.counts.items()):
            self.stdout.write(f"{name}: {count}")
        self.stdout.write("Erased.")

    def erase(self, who: str) -> Erasure:
        """Erase by address or by id."""
        by, now = Actor.job("erase-person"), clock.now()
        if "@" in who:
            return privacy.erase_person(address=who, by=by, now=now)
        try:
            wanted = UUID(who)
        except ValueError as error:
            raise CommandError("That is neither an address nor an id.") from error
        kind = next((kind for kind in ("user", "contact") if privacy.find(kind, wanted)), "user")
        return privacy.erase_person(kind=kind, subject_id=wanted, by=by, now=now)

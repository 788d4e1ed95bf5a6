"""``manage.py appoint ROLE ADDRESS``: give somebody a role in the municipality, as at the very beginning."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction

from portal.domain import audit, clock
from portal.domain.actor import Actor
from portal.models import MunicipalRole, User


class Command(BaseCommand):
    """Makes the account if there is none. The person signs in with a code by mail and sets up a second factor."""

    help = "Gives somebody a role in the municipality: administrator, coordinator, reviewer or operator."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", choices=MunicipalRole.Role.values)
        parser.add_argument("email")
        parser.add_argument("--name", default="", help="needed for a new account")

    def handle(self, *args: Any, role: str, email: str, name: str, **options: Any) -> None:  # noqa: ARG002 (Django's)
        email = email.strip().lower()
        try:
            validate_email(email)
        except Exception as error:
            raise CommandError(f"{email!r} is no e-mail address.") from error
        by, now = Actor.job("appoint"), clock.now()
        with transaction.atomic():
            user = User.objects.filter(email=email).first()
            if user is None:
                if not name.strip():
                    raise CommandError("There is no account of this address yet. Give a --name for it.")
                user = User.objects.create_user(email, None, name=name.strip())
                audit.record(by, "user-added", user, at=now)
            User.objects.filter(pk=user.pk).update(is_staff=True)
            given, is_new = MunicipalRole.objects.get_or_create(user=user, role=role)
            if is_new:
                audit.record(by, "municipalrole-added", given, at=now, role=role)
        self.stdout.write(f"{user.name} is {role}. Next: sign in with {email}, and set up a second factor.")

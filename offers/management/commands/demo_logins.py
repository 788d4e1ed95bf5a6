"""``manage.py demo_logins``: print whom one can be in the demo."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from offers.management import town
from portal.models import User

LOGINS = {
    "administrator": town.ADMINISTRATOR,
    "coordinator": town.COORDINATOR,
    "reviewer": town.REVIEWER,
    "teacher": town.SIGN_IN_AS["emre-karagol"],
    "ambassador": town.SIGN_IN_AS["mikkel-brandstrup"],
    "school leader": town.SIGN_IN_AS["karen-margrethe-hoeilund"],
    "operator": town.OPERATOR,
}


class Command(BaseCommand):
    """Prints one login per role."""

    help = "Prints the demo's logins, one per role."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        if not settings.DEMO:
            raise CommandError("There are no demo logins here: DEMO is not set.")
        names = dict(User.objects.filter(email__in=LOGINS.values()).values_list("email", "name"))
        self.stdout.write("  Sign in as\n")
        for role, email in LOGINS.items():
            if email in names:
                self.stdout.write(f"    {role:<14} {email:<30} {names[email]}")
        self.stdout.write(f"  The code comes by mail, to {settings.ORIGIN}/demo/mails/ within some seconds.")
        self.stdout.write(
            f"  Who works for the municipality needs a second one, which stands on {settings.ORIGIN}/demo/koder/"
        )
        self.stdout.write("  Any other address @fjordby.example signs in as a new teacher.")
        self.stdout.write("  Companies have no login: open the links in the mails.")

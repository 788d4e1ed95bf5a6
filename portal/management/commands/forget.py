"""``manage.py forget [--dry-run]``: follow every rule of forgetting; exit 1 when one stumbles."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.domain import clock, privacy


class Command(BaseCommand):
    """Do now what beat does every night: forget what is older than its lifetime."""

    help = "Forget what is older than its lifetime; with --dry-run only say what would be forgotten."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="take everything back at the end")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        done = privacy.forget(now=clock.now(), dry_run=options["dry_run"])
        for name, count in done.counts.items():
            self.stdout.write(f"{name}: {count}")
        if done.errors:
            stumbled = ", ".join(f"{name} ({error})" for name, error in done.errors.items())
            raise CommandError(f"These stumbled, the others are done: {stumbled}")

"""``manage.py replay_erasures [FILE]``: after a restore, erase again whom the ledger names."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.domain import clock, ledger, privacy


class Command(BaseCommand):
    """Erase again whoever was erased after the backup had been made."""

    help = "Erase again whoever the ledger of erasures names and a restored backup has brought back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", help="the ledger; otherwise the one that ERASURE_LEDGER names")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        path = Path(options["file"] or settings.ERASURE_LEDGER or ".")
        if not path.is_file():
            raise CommandError(f"There is no ledger at {path}.")
        try:
            lines = ledger.read(path)
        except ValueError as error:
            raise CommandError(str(error)) from error
        count = privacy.replay([*lines, *ledger.in_database()], now=clock.now())
        self.stdout.write(f"Erased again: {count}")

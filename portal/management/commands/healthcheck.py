"""``manage.py healthcheck web|worker|beat``: exit 0 when that process is well, 1 when it is not."""

import os
import time
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

FRESH_SECONDS = 30


class Command(BaseCommand):
    """Ask one process how it is: the web server over HTTP, worker and beat by the age of a file they touch."""

    help = "Tell whether web, worker or beat is alive."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", choices=["web", "worker", "beat"])

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        name: str = options["name"]
        if name == "web":
            self.ask_web()
        else:
            self.look_at(Path(settings.HEARTBEAT_DIR) / f"{name}.heartbeat")
        self.stdout.write(f"{name}: well")

    def ask_web(self) -> None:
        """GET /healthz/ on this machine."""
        host = urlsplit(settings.ORIGIN).netloc
        address = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/healthz/"
        request = urllib.request.Request(address, headers={"Host": host})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                if answer.status != 200:
                    raise CommandError(f"web: answered {answer.status}")
        except OSError as error:
            raise CommandError(f"web: {error}") from error

    def look_at(self, path: Path) -> None:
        """Refuse a file that is missing or old."""
        try:
            age = time.time() - path.stat().st_mtime
        except OSError as error:
            raise CommandError(f"no heartbeat: {error}") from error
        if age > FRESH_SECONDS:
            raise CommandError(f"last heartbeat {age:.0f} seconds ago")

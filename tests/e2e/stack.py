"""The whole portal as it runs: web server, worker and beat as own processes, a mail catcher, the demo's town."""

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from tests.prove.ground import ROOT, Process, environment, free_port, fresh_database, wait_for

DATABASE = "portal_e2e"
logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells every command


class Catcher:
    """Takes every mail and lays it into a folder, as the demo's catcher does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        name = f"{time.time_ns()}"
        draft = self.folder / f"{name}.tmp"
        draft.write_bytes(envelope.content)
        draft.rename(self.folder / f"{name}.eml")
        return "250 taken"


@dataclass
class Portal:
    """Where the running portal answers."""

    url: str
    mails: Path
    logs: Path

    def path(self, address: str) -> str:
        return f"{self.url}{address}"


@contextmanager
def running_portal(folder: Path, database_name: str = DATABASE) -> Iterator[Portal]:
    """Fill a database of its own with the demo municipality and run the portal on it."""
    mails, logs = folder / "mails", folder / "logs"
    mails.mkdir()
    logs.mkdir()
    catcher = Controller(Catcher(mails), hostname="127.0.0.1", port=free_port())
    catcher.start()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    more = {
        "DEMO": "1",
        "ORIGIN": url,
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(catcher.port),
        "DEMO_MAIL_DIR": str(mails),
        "HEARTBEAT_DIR": str(folder),
        "STATIC_HASHED": "0",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    children: list[Process] = []
    try:
        with fresh_database(database_name) as database:
            env = environment(database, **more)
            seeded = subprocess.run(
                [sys.executable, "manage.py", "seed_demo"],
                cwd=ROOT,
                env=env,
                check=False,
                capture_output=True,
                text=True,
            )
            if seeded.returncode:
                raise RuntimeError(seeded.stdout[-2000:] + seeded.stderr[-4000:])
            for command, name in (
                (["gunicorn", "portal.wsgi:application", "--bind", f"127.0.0.1:{port}", "--threads", "8"], "web"),
                (["celery", "-A", "portal.celery", "worker", "--concurrency", "2", "-l", "WARNING"], "worker"),
                (["celery", "-A", "portal.celery", "beat", "-l", "WARNING"], "beat"),
            ):
                children.append(Process([sys.executable, "-m", *command], env, logs / f"{name}.log"))
            wait_for(f"{url}/healthz/", children[0])
            yield Portal(url=url, mails=mails, logs=logs)
            for child in children:
                child.kill()
    finally:
        for child in children:
            child.kill()
        catcher.stop()

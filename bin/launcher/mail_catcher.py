"""Accept every mail over SMTP and keep each as a file. Runs inside the virtual environment.

``python -m launcher.mail_catcher FD FOLDER`` listens on the socket that it was given. A mail appears in the
folder whole or not at all, as ``20260401T093000.123456-0001.eml``, so the names sort by time; the addresses
that the sender used stand above its own header as ``X-Envelope-From`` and ``X-Envelope-To``.
"""

import asyncio
import itertools
import os
import signal
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

LARGEST_MAIL = 30_000_000


class Keeper:
    """Writes each mail into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = itertools.count(1)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail; the sender hears that it was accepted when it is on disk."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{next(self.numbers):04d}"
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        unfinished = self.folder / f".{name}"
        with unfinished.open("wb") as mail:
            mail.write(head.encode())
            mail.write(envelope.original_content or b"")
            mail.flush()
            os.fsync(mail.fileno())
        unfinished.rename(self.folder / f"{name}.eml")
        return "250 Kept"


async def catch(listener: socket.socket, folder: Path) -> None:
    """Accept mails until a signal ends it."""
    loop = asyncio.get_running_loop()
    keeper = Keeper(folder)

    def protocol() -> SMTP:
        return SMTP(keeper, hostname="localhost", data_size_limit=LARGEST_MAIL, enable_SMTPUTF8=True, loop=loop)

    server = await loop.create_server(protocol, sock=listener)
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    await done.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(catch(socket.socket(fileno=int(sys.argv[1])), Path(sys.argv[2])))

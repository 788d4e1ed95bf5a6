"""The portal behind a limit as libraries bring it: 30 sign-ins a minute from one address. The control of ``signin``."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from portal.wsgi import application as portal

A_MINUTE = 30
asked: list[float] = []


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer 429 to whoever asks for a code too often from one address."""
    if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"] == "/konto/login/":
        asked[:] = [moment for moment in asked if moment > time.monotonic() - 60]
        if len(asked) >= A_MINUTE:
            start_response("429 Too Many Requests", [("Content-Type", "text/plain")])
            return [b"too many"]
        asked.append(time.monotonic())
    return portal(environ, start_response)

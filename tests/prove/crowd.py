"""A crowd of browsers that press their buttons at once: many threads, a bare socket each, nothing in between.

The crowd runs on the same machine as what it measures, so it does little: the request is written beforehand, and the
answer is read to its end. Every request is a line of its own, as behind a proxy that keeps none open.
"""

import itertools
import random
import re
import socket
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID, uuid4

Thing = TypeVar("Thing")
Found = TypeVar("Found")

# Both halves of the protection against forged forms: whoever makes up the cookie may make up the field.
FORGED = "a" * 32
RECEIPT = re.compile(r"^/tilmeldinger/([0-9a-f-]{36})/$")
FULL = b"har ingen venteliste"
SILENCE = 0  # the status of no answer


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A form that a signed-in person sends."""

    path: str
    session_key: str
    fields: dict[str, str] = field(default_factory=dict)

    def bytes_for(self, host: str) -> bytes:
        """Return the request as it goes over the wire."""
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": FORGED, **self.fields}).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nOrigin: http://127.0.0.1\r\n"
            f"Cookie: session={self.session_key}; csrf={FORGED}\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: the status (0: no answer), where it leads, and how long it took."""

    attempt: Attempt
    status: int
    head: str = ""
    body: bytes = b""
    sent_at: float = 0
    seconds: float = 0

    @property
    def receipt(self) -> UUID | None:
        """The enrolment to whose page the answer leads."""
        found = RECEIPT.match(self.header("location"))
        return UUID(found.group(1)) if self.status == 302 and found else None

    @property
    def is_full(self) -> bool:
        """Whether the page says in words that there is no room."""
        return self.status == 200 and FULL in self.body

    def header(self, name: str) -> str:
        """Return a header of the answer."""
        found = re.search(rf"(?im)^{re.escape(name)}: *(.*?)\r?$", self.head)
        return found.group(1) if found else ""


def enrolling(session: str, school_class: str, session_key: str, token: UUID | None = None) -> Attempt:
    """Return the form that enrols a class of 20 in a session."""
    return Attempt(
        path=f"/tidspunkter/{session}/tilmeld/",
        session_key=session_key,
        fields={
            "form_token": str(token or uuid4()),
            "school_class": school_class,
            "pupils": "20",
            "adults": "2",
            "phone": "70000000",
        },
    )


def send(address: str, attempt: Attempt, timeout: float = 60) -> Answer:
    """Send one form and return the answer; silence when the line breaks."""
    host = address.removeprefix("http://")
    name, _, port = host.partition(":")
    request = attempt.bytes_for(host)
    sent_at, began = time.time(), time.perf_counter()
    try:
        with socket.create_connection((name, int(port)), timeout=timeout) as line:
            line.sendall(request)
            parts = list(iter(lambda: line.recv(65536), b""))
    except OSError:
        parts = []
    seconds = time.perf_counter() - began
    head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else SILENCE
    return Answer(
        attempt=attempt, status=status, head=head.decode("latin-1"), body=body, sent_at=sent_at, seconds=seconds
    )


def crowd(address: str, attempts: Iterable[Attempt], *, at_once: int = 64) -> list[Answer]:
    """Send all forms, so many at once; return the answers."""
    return each(attempts, lambda attempt: send(address, attempt), at_once=at_once)


def each(things: Iterable[Thing], do: Callable[[Thing], Found], *, at_once: int) -> list[Found]:
    """Do something with every thing, so many at once, each taking the next when it is done."""
    waiting, lock = deque(things), threading.Lock()
    found: list[Found] = []

    def work() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                thing = waiting.popleft()
            found.append(do(thing))

    with ThreadPoolExecutor(max_workers=at_once) as people:
        for one in [people.submit(work) for _ in range(at_once)]:
            one.result()
    return found


def shuffled(things: Iterable[Thing], seed: int = 2026) -> list[Thing]:
    """Return the things in an order that is nobody's, and the same in every run."""
    found = list(things)
    random.Random(seed).shuffle(found)
    return found


def dealt(classes: Sequence[tuple[str, str]], sessions: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return (session, class, who) for each class once, the sessions in turn: as many for each."""
    return [
        (session, school_class, who)
        for session, (school_class, who) in zip(itertools.cycle(sessions), classes, strict=False)
    ]


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Return the milliseconds within which that share of the answers came."""
    times = sorted(answer.seconds for answer in answers)
    return times[min(int(len(times) * share), len(times) - 1)] * 1000 if times else 0.0

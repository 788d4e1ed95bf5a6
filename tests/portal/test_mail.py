"""Letters leave here: a real conversation with a mail server that answers as it is told."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from django.conf import LazySettings
from django.conf import settings as django_settings
from django.core.mail import get_connection

from portal import mail, tasks
from portal.domain import clock, outbox, suppressions
from portal.domain.outbox import Attachment, Letter, Occasion, Recipient
from portal.mail import sender
from portal.models import Message, Municipality, User
from portal.templatetags.letters import own_links
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


class Server:
    """A mail server on a port of its own. ``answers`` holds what it says to commands, by receiver or for all."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.got: list[tuple[list[str], EmailMessage]] = []
        self.hang_up_after_data = False
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    async def handle_MAIL(self, server: SMTP, _session: Any, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, _session: Any, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802
        if answer := self.answers.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        if "DATA" in self.answers:
            return self.answers["DATA"]
        content = envelope.original_content or b""
        letter = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.got.append((list(envelope.rcpt_tos), letter))
        if self.hang_up_after_data and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return "250 Taken"

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]

        def protocol() -> SMTP:
            return SMTP(self, hostname="localhost", enable_SMTPUTF8=True, loop=self._loop)

        serving = self._loop.run_until_complete(self._loop.create_server(protocol, sock=listener))
        self._ready.set()
        self._loop.run_forever()
        serving.close()
        self._loop.run_until_complete(serving.wait_closed())
        self._loop.close()

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(5)

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)


@pytest.fixture
def server(settings: LazySettings) -> Iterator[Server]:
    made = Server()
    made.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", made.port
    settings.EMAIL_TIMEOUT, settings.ORIGIN = 3, "http://testserver"
    yield made
    made.stop()


class News:
    """An occasion for the tests: it says what it is told, or stumbles."""

    subject = "Nyt fra portalen"
    wanted = True
    stumble: Exception | None = None
    files: list[Attachment] = []

    def still_wanted(self, message: Message, now: datetime) -> bool:
        return self.wanted

    def letter(self, message: Message, now: datetime) -> Letter:
        if self.stumble is not None and message.parameters.get("stumbles"):
            raise self.stumble
        text = message.parameters.get("text", "Hej fra Fjordby")
        return Letter(subject=self.subject, context={"text": text}, template="account_mail", attachments=self.files)


@pytest.fixture
def news(monkeypatch: pytest.MonkeyPatch) -> News:
    made = News()
    found = {"news": Occasion(still_wanted=made.still_wanted, letter=made.letter)}
    monkeypatch.setattr(outbox, "occasions", lambda: found)
    return made


@pytest.fixture
def person(municipality: Municipality) -> User:
    made: User = UserFactory.create()
    return made


@pytest.fixture(autouse=True)
def _time(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)


def promise(person: User, now: datetime, address: str = "mette@skole.example", **kwargs: Any) -> Message:
    key = str(Message.objects.count())
    outbox.post(
        occasion="news", about=person, to=Recipient(kind="address", address=address), now=now, key=key, **kwargs
    )
    return Message.objects.get(dedupe_key__contains=f"|{key}|")


def row(message: Message) -> tuple[str, str]:
    fresh = Message.objects.get(pk=message.pk)
    return fresh.state, fresh.trouble


def test_a_letter_arrives_with_text_and_html_and_is_marked_sent(
    server: Server, news: News, person: User, now: datetime
) -> None:
    message = promise(person, now)
    assert tasks.drain() == 1

    [(receivers, letter)] = server.got
    assert receivers == ["mette@skole.example"]
    assert letter["Subject"] == "Nyt fra portalen"
    assert "Åben skole i Fjordby" in str(letter["From"])
    assert letter["Reply-To"] == "aabenskole@fjordby.example"
    assert letter["Message-ID"] == f"<{message.pk}@testserver>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in letter.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert "Hej fra Fjordby" in plain.get_content()
    fresh = Message.objects.get()
    assert (fresh.state, fresh.sent_at, fresh.subject, fresh.trouble) == ("sent", now, "Nyt fra portalen", "")
    assert (fresh.lease_owner, fresh.lease_until) == (None, None)
    assert tasks.drain() == 0


def test_the_headers_of_one_click_survive_the_conversation_and_its_receiver_is_asked_at_the_last_moment(
    server: Server, news: News, person: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"news": Occasion(still_wanted=news.still_wanted, letter=news.letter, declinable="surveys")}
    monkeypatch.setattr(outbox, "occasions", lambda: found)
    promise(person, now)
    tasks.drain()

    [(_receivers, letter)] = server.got
    choice = suppressions.Choice.of("mette@skole.example", "surveys")
    assert str(letter["List-Unsubscribe"]).strip() == f"<http://testserver/l/{choice.token}/>"
    assert str(letter["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    assert suppressions.choose(secret=choice.token, wanted=False, now=now) == choice
    declined, other = promise(person, now), promise(person, now, "bo@skole.example")
    tasks.drain()
    assert row(declined) == ("withdrawn", "Its receiver wants no such mails.")
    assert (row(other)[0], len(server.got)) == ("sent", 2)


def test_what_is_kept_of_a_letter_has_its_links_masked(server: Server, news: News, person: User, now: datetime) -> None:
    secret = "hst_" + "a" * 43
    promise(person, now, parameters={"text": f"Se http://testserver/l/{secret}/"})
    tasks.drain()

    plain = server.got[0][1].get_body(("plain",))
    assert plain is not None
    assert secret in plain.get_content()
    assert secret not in Message.objects.get().body
    assert "hst_…" in Message.objects.get().body


@pytest.mark.parametrize("code", ["550 no such user", "551 moved", "553 not allowed"])
def test_an_unknown_receiver_is_final_and_the_reason_is_kept(
    server: Server, news: News, person: User, now: datetime, code: str
) -> None:
    server.answers["gone@skole.example"] = code
    message, other = promise(person, now, "gone@skole.example"), promise(person, now)
    tasks.drain()

    assert row(message) == ("failed", code)
    assert row(other) == ("sent", "")


@pytest.mark.parametrize("command", ["MAIL", "DATA", "mette@skole.example"])
@pytest.mark.parametrize(("code", "state"), [("451 try again later", "queued"), ("554 policy", "failed")])
def test_four_means_later_and_five_means_never(
    server: Server, news: News, person: User, now: datetime, command: str, code: str, state: str
) -> None:
    server.answers[command] = code
    message = promise(person, now)
    tasks.drain()

    assert row(message) == (state, code)
    fresh = Message.objects.get()
    if state == "queued":
        pause = (fresh.send_at - now).total_seconds()
        assert (24 <= pause <= 36, fresh.attempts, fresh.lease_owner) == (True, 1, None)


def test_after_the_pause_it_is_sent_once(
    server: Server, news: News, person: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers["DATA"] = "450 greylisted"
    promise(person, now)
    tasks.drain()
    server.answers.clear()
    assert tasks.drain() == 0
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=1))
    assert tasks.drain() == 1

    assert (len(server.got), Message.objects.get().state) == (1, "sent")


def test_a_letter_that_cannot_be_written_is_laid_aside_and_the_next_one_leaves(
    server: Server, news: News, person: User, now: datetime
) -> None:
    news.stumble = RuntimeError("the course is gone")
    poison = promise(person, now, parameters={"stumbles": True}, urgency=0)
    good = promise(person, now)
    assert tasks.drain() == 2

    assert row(poison) == ("failed", "RuntimeError: the course is gone")
    assert row(good) == ("sent", "")


def test_an_occasion_that_nobody_knows_any_more_stops_nothing(
    server: Server, news: News, person: User, now: datetime
) -> None:
    poison, good = promise(person, now), promise(person, now)
    Message.objects.filter(pk=poison.pk).update(occasion="long_forgotten")
    tasks.drain()

    assert (row(poison)[0], row(good)[0]) == ("failed", "sent")


@pytest.mark.parametrize(
    ("typed", "arrives"),
    [
        ("Nyt\nBcc: alle@skole.example", "Nyt Bcc: alle@skole.example"),
        ("Nyt\r\n\r\n<script>", "Nyt <script>"),
        ("Nyt\u2028fra\x00\x07os", "Nyt fra os"),
        ("Æblegrød på blå ål 😀", "Æblegrød på blå ål 😀"),
        ("x" * 2000, "x" * 200),
    ],
)
def test_a_subject_is_one_line_whatever_was_typed(
    server: Server, news: News, person: User, now: datetime, typed: str, arrives: str
) -> None:
    news.subject = typed
    promise(person, now)
    tasks.drain()

    [(receivers, letter)] = server.got
    assert (receivers, letter["Subject"].strip(), letter["Bcc"]) == (["mette@skole.example"], arrives, None)


def test_an_address_with_a_line_break_is_laid_aside(server: Server, news: News, person: User, now: datetime) -> None:
    message = promise(person, now, "a@b.example\nBcc: c@d.example")
    tasks.drain()

    assert (row(message)[0], server.got) == ("failed", [])


def test_a_name_of_the_municipality_with_quotes_and_breaks_makes_a_valid_sender(
    server: Server, news: News, person: User, municipality: Municipality, now: datetime
) -> None:
    municipality.sender_name = 'Åben "skole"\n<x@y.example>'
    municipality.save()
    promise(person, now)
    tasks.drain()

    assert len(server.got[0][1]["From"].addresses) == 1


def test_a_file_goes_with_the_letter(server: Server, news: News, person: User, now: datetime) -> None:
    content = "BEGIN:VCALENDAR\r\nSUMMARY:Æ\r\nEND:VCALENDAR\r\n".encode()
    news.files = [Attachment(filename="besøg.ics", content=content, mimetype="text/calendar")]
    promise(person, now)
    tasks.drain()

    [file] = list(server.got[0][1].iter_attachments())
    assert (file.get_filename(), file.get_content_type()) == ("besøg.ics", "text/calendar")


def test_what_is_no_longer_true_is_withdrawn_at_the_last_moment(
    server: Server, news: News, person: User, now: datetime
) -> None:
    news.wanted = False
    message = promise(person, now)
    tasks.drain()

    assert (row(message), server.got) == (("withdrawn", ""), [])


def test_what_would_come_too_late_expires(
    server: Server, news: News, person: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = promise(person, now, not_after=now + timedelta(hours=1))
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=1))
    tasks.drain()

    assert (row(message), server.got) == (("expired", ""), [])


def test_a_mail_server_that_is_away_costs_no_attempt(server: Server, news: News, person: User, now: datetime) -> None:
    server.stop()
    message = promise(person, now)
    Message.objects.update(attempts=outbox.MAX_ATTEMPTS - 1)
    tasks.drain()

    state, trouble = row(message)
    assert (state, "refused" in trouble.lower()) == ("queued", True)
    assert Message.objects.get().attempts < outbox.MAX_ATTEMPTS


def test_a_password_the_mail_server_does_not_know_fails_no_letter(
    server: Server, news: News, person: User, now: datetime, settings: LazySettings
) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "portal", "wrong"
    message, other = promise(person, now), promise(person, now)
    tasks.drain()

    assert (row(message)[0], row(other)[0], server.got) == ("queued", "queued", [])


@pytest.mark.parametrize(("how_often", "state"), [("at_least_once", "queued"), ("at_most_once", "uncertain")])
def test_when_the_line_drops_after_the_letter_nobody_knows(
    server: Server, news: News, person: User, now: datetime, how_often: str, state: str
) -> None:
    server.hang_up_after_data = True
    message = promise(person, now, policy=how_often)
    tasks.drain()

    assert (row(message)[0], len(server.got)) == (state, 1)


def test_after_a_dropped_line_the_next_letter_leaves_on_a_new_one(
    server: Server, news: News, person: User, now: datetime
) -> None:
    server.hang_up_after_data = True
    first = promise(person, now, urgency=0)
    owner = outbox.new_owner()
    connection = get_connection()
    [claimed] = outbox.claim(now=now, real_now=now, owner=owner)
    mail.deliver(claimed, connection=connection, owner=owner, now=now)
    connection.close()
    server.hang_up_after_data = False
    second = promise(person, now)
    tasks.drain()

    assert (row(first)[0], row(second)[0]) == ("queued", "sent")


def test_the_language_is_the_receivers(server: Server, news: News, person: User, now: datetime) -> None:
    for language in ("da", "en"):
        to = Recipient(kind="address", address=f"{language}@skole.example", language=language)
        outbox.post(occasion="news", about=person, to=to, now=now)
    tasks.drain()

    languages = {receivers[0]: letter["Content-Language"] for receivers, letter in server.got}
    assert languages == {"da@skole.example": "da", "en@skole.example": "en"}


def test_a_hundred_letters_leave_in_one_go_and_each_once(
    server: Server, news: News, person: User, now: datetime
) -> None:
    for number in range(100):
        promise(person, now, f"l{number}@skole.example")
    assert tasks.drain() == 100

    assert sorted(receivers[0] for receivers, _letter in server.got) == sorted(
        f"l{number}@skole.example" for number in range(100)
    )
    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Fjordby Kommune", "Fjordby Kommune"),
        ("Åben skole, Fjordby", "Åben skole Fjordby"),
        ("direktør@bank.example", "direktør bank.example"),
        ('"Bank": <x@bank.example>', "Bank x bank.example"),
        ("Bank\r\nBcc: x@ond.example", "Bank Bcc x ond.example"),
        ("\u2028Fjordby\u2029", "Fjordby"),
        ("F" * 80, "F" * 80),
    ],
)
def test_the_sender_s_name_cannot_pass_for_an_address(municipality: Municipality, typed: str, shown: str) -> None:
    Municipality.objects.update(sender_name=typed)

    name, address = parseaddr(str(make_header(decode_header(sender()[0]))))

    assert (name, address) == (shown, django_settings.DEFAULT_FROM_EMAIL)


def test_only_the_portal_s_own_addresses_can_be_pressed_in_a_mail(settings: LazySettings) -> None:
    settings.ORIGIN = "https://aabenskole.fjordby.example"
    ours = settings.ORIGIN
    text = f"Hej Log ind på https://ond.example <b>\n{ours}/l/abc/ {ours}.ond.example/x {ours}@ond.example {ours}"

    made = own_links(text)

    assert re.findall(r'href="([^"]*)"', made) == [f"{ours}/l/abc/", ours]
    assert "&lt;b&gt;" in made

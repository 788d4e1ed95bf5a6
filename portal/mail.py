"""Letters leave here: rendered in the receiver's language, sent over SMTP, told apart by what went wrong."""

import re
import smtplib
from collections.abc import Callable
from datetime import datetime
from email.utils import formataddr
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import InterfaceError, OperationalError
from django.template.loader import render_to_string
from django.utils import translation

from portal import logs
from portal.domain import outbox, suppressions
from portal.models import Message, Municipality

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
LIKE_AN_ADDRESS = re.compile(r'[@:;,"<>()\[\]\\]+')
ONE_ADDRESS = re.compile(r"[^\s@<>,;:]+@[^\s@<>,;:]+")
PERMANENT = 500
DECLINED = "Its receiver wants no such mails."
SECRET = {"account_mail", "sign_in_code"}


def one_line(text: str, limit: int = 200) -> str:
    """Return the text fit for a header: no line break, no control character, not too long."""
    return CONTROL.sub(" ", text).strip()[:limit]


def one_address(text: str) -> str:
    """Return the text when it is one plain address and may stand in a header, else an empty text."""
    return text if ONE_ADDRESS.fullmatch(text) else ""


def sender() -> tuple[str, str]:
    """Return the From header, and the address to which answers go."""
    municipality = Municipality.objects.first()
    # Some mail servers take a sign like these in a name for an address, and the letter for a forgery.
    name = LIKE_AN_ADDRESS.sub(" ", one_line(municipality.sender_name or municipality.name, 80)) if municipality else ""
    # Better no way back, or the installation's own sender, than a letter that cannot leave.
    reply_to = one_address(municipality.reply_to or municipality.contact_email) if municipality else ""
    address = (one_address(municipality.sender_email) if municipality else "") or settings.DEFAULT_FROM_EMAIL
    return formataddr((" ".join(name.split()), address)), reply_to


def ways_out(choice: suppressions.Choice) -> dict[str, str]:
    """Return the headers by which a mail program offers to decline such mails in one click (RFC 8058)."""
    return {"List-Unsubscribe": f"<{choice.url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def render(message: Message, now: datetime) -> EmailMultiAlternatives:
    """Write the letter of a message in its receiver's language."""
    return write(message, lambda: outbox.occasions()[message.occasion].letter(message, now))


def write(message: Message, letter_of: Callable[[], outbox.Letter]) -> EmailMultiAlternatives:
    """Make a mail of a letter; ``letter_of`` is called in the receiver's language."""
    with translation.override(message.language):
        letter = letter_of()
        choice = suppressions.choice_about(message.occasion, message.address)
        template = letter.template or message.occasion
        from_email, reply_to = sender()
        context = {
            "municipality": Municipality.objects.first() or Municipality(name="Åben skole"),
            "origin": settings.ORIGIN,
            "subject": one_line(letter.subject),
            "language": message.language,
            "unsubscribe": choice,
            **letter.context,
        }
        text = render_to_string(f"mail/{template}.txt", context).strip() + "\n"
        html = render_to_string(f"mail/{template}.html", context)
    host = settings.ORIGIN.split("//", 1)[-1].split("/")[0].split(":")[0]
    mail = EmailMultiAlternatives(
        subject=one_line(letter.subject),
        body=text,
        from_email=from_email,
        to=[message.address],
        reply_to=[reply_to] if reply_to else [],
        headers={
            "Message-ID": f"<{message.pk}@{host}>",
            "Auto-Submitted": "auto-generated",
            "Content-Language": message.language,
            **(ways_out(choice) if choice is not None else {}),
        },
    )
    mail.attach_alternative(html, "text/html")
    for file in letter.attachments:
        mail.attach(file.filename, file.content, file.mimetype)
    return mail


def deliver(message: Message, *, connection: BaseEmailBackend, owner: UUID, now: datetime) -> str:
    """Send one claimed message and mark its end; returns the state it ended in.

    Nothing here may stop the queue: a letter that cannot be written is laid aside, with the reason.
    """
    if message.not_after is not None and message.not_after <= now:
        outbox.mark_unwanted(message, owner=owner, state=Message.State.EXPIRED)
        return Message.State.EXPIRED
    try:
        if not outbox.occasions()[message.occasion].still_wanted(message, now):
            outbox.mark_unwanted(message, owner=owner, state=Message.State.WITHDRAWN)
            return Message.State.WITHDRAWN
        if suppressions.stands_against(message.occasion, message.address):
            if declined := outbox.occasions()[message.occasion].declined:
                declined(message, now)
            outbox.mark_unwanted(message, owner=owner, state=Message.State.WITHDRAWN, why=DECLINED)
            return Message.State.WITHDRAWN
        mail = render(message, now)
        mail.connection = connection
        mail.message()  # header errors show here, before anything is sent
    except Exception as error:  # noqa: BLE001 (whatever a letter stumbles over, the next one must leave)
        trouble = f"{type(error).__name__}: {error}"
        if isinstance(error, OperationalError | InterfaceError):  # the database was away; the letter is innocent
            outbox.mark_postponed(message, owner=owner, now=now, trouble=trouble)
            return Message.State.QUEUED
        outbox.mark_failed(message, owner=owner, now=now, trouble=trouble, for_good=True)
        return Message.State.FAILED
    try:
        connection.open()
    except (smtplib.SMTPException, OSError) as error:  # away, full, or it does not know our password (any more)
        outbox.mark_postponed(message, owner=owner, now=now, trouble=f"{type(error).__name__}: {error}")
        return Message.State.QUEUED
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as error:
        code, reason = next(iter(error.recipients.values()), (550, b""))
        trouble = f"{code} {reason.decode('utf-8', 'replace')}"
        outbox.mark_failed(message, owner=owner, now=now, trouble=trouble, for_good=code >= PERMANENT)
        return Message.State.FAILED if code >= PERMANENT else Message.State.QUEUED
    except smtplib.SMTPResponseException as error:
        answer: str | bytes = error.smtp_error
        words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
        permanent = error.smtp_code >= PERMANENT
        trouble = f"{error.smtp_code} {words}"
        outbox.mark_failed(message, owner=owner, now=now, trouble=trouble, for_good=permanent)
        return Message.State.FAILED if permanent else Message.State.QUEUED
    except (smtplib.SMTPException, OSError) as error:
        trouble = f"{type(error).__name__}: {error}"
        outbox.mark_failed(message, owner=owner, now=now, trouble=trouble, for_good=False, unknown=True)
        once = message.policy == Message.Policy.AT_MOST_ONCE
        return Message.State.UNCERTAIN if once else Message.State.QUEUED
    # What lets somebody into an account is kept no longer than it takes to send it.
    body = "" if message.occasion in SECRET else logs.mask(str(mail.body))
    outbox.mark_sent(message, owner=owner, now=now, subject=str(mail.subject), body=body)
    return Message.State.SENT

"""Steps that promise mails about sessions and enrolments to the people they concern."""

from datetime import datetime
from typing import Any

from django.db import models

from companies.models import Contact
from offers.models import Dialogue, Enrolment, Offer
from portal.domain import calendar, outbox
from portal.domain.calendar import SchoolCalendar
from portal.models import MunicipalRole, User
from schools.domain import membership

NUDGE_AFTER = 3  # school days without an answer to a request
NUDGE_HOUR = 8


def tell_teacher(
    enrolment: Enrolment,
    occasion: str,
    *,
    now: datetime,
    key: str = "",
    not_after: datetime | None = None,
    parameters: dict[str, Any] | None = None,
) -> None:
    """Promise the contact teacher a mail about the enrolment."""
    teacher = enrolment.teacher
    if teacher is not None and teacher.is_active:
        outbox.post(
            occasion=occasion,
            about=enrolment,
            to=outbox.Recipient.of_user(teacher),
            now=now,
            key=key,
            not_after=not_after,
            parameters=parameters,
            urgency=3,
        )


def host_contact(offer: Offer) -> Contact | None:
    """Return whom to write to about a course: its own contact, else the first active one of the company."""
    if offer.contact is not None and offer.contact.is_active:
        return offer.contact
    return Contact.objects.filter(company=offer.company_id, is_active=True).order_by("created_at", "pk").first()


def tell_host(
    offer: Offer,
    about: models.Model,
    occasion: str,
    *,
    now: datetime,
    key: str = "",
    send_at: datetime | None = None,
    parameters: dict[str, Any] | None = None,
) -> None:
    """Promise the host's contact a mail, and see to it that there is a link for its button."""
    contact = host_contact(offer)
    if contact is None:
        return
    to = outbox.Recipient(kind="contact", id=contact.pk, address=contact.email, language=contact.language)
    outbox.post(occasion=occasion, about=about, to=to, now=now, key=key, send_at=send_at, parameters=parameters)


def tell_leaders(enrolment: Enrolment, occasion: str, *, now: datetime, key: str = "") -> None:
    """Promise every leader of the enrolment's school a mail."""
    for leader in membership.leaders_of(enrolment.school_id):
        outbox.post(
            occasion=occasion, about=enrolment, to=outbox.Recipient.of_user(leader), now=now, key=key, urgency=3
        )


def ask_host(enrolment: Enrolment, *, now: datetime) -> None:
    """Ask the host, and the coordinators beside, whether the class may come; remind them after three school days.

    The reminder is promised now, and sent only if the request still waits for the host by then.
    """
    tell_host(enrolment.session.offer, enrolment, "host_request", now=now)
    tell_coordinators(enrolment, "coordinator_request", now=now)
    day = SchoolCalendar.load().school_days_after(calendar.local_day(now), NUDGE_AFTER)
    remind_at = calendar.at(day, NUDGE_HOUR)
    if enrolment.answer_by is not None and remind_at < enrolment.answer_by:
        tell_host(enrolment.session.offer, enrolment, "host_request_nudge", now=now, send_at=remind_at)
        tell_coordinators(enrolment, "coordinator_request_nudge", now=now, send_at=remind_at)


def came_of_a_dialogue(enrolment: Enrolment) -> bool:
    """Return whether host and school agreed on the visit: then the host has said yes, and knows of it."""
    return Dialogue.objects.filter(enrolment=enrolment).exists()


def tell_host_of_confirmed(enrolment: Enrolment, *, now: datetime) -> None:
    """Promise the host a mail that the class comes; with a calendar file when they agreed on the time."""
    occasion = "host_dialogue_agreed" if came_of_a_dialogue(enrolment) else "host_new_enrolment"
    tell_host(enrolment.session.offer, enrolment, occasion, now=now)


def tell_host_it_came_to_nothing(enrolment: Enrolment, *, now: datetime) -> None:
    """Promise the host a mail that an agreed visit does not take place, when the school's leader has not approved it.

    Of other enrolments that await the leader the host knows nothing.
    """
    if came_of_a_dialogue(enrolment):
        key = now.isoformat()  # cancelling may be undone, and then it may come to nothing once more
        tell_host(enrolment.session.offer, enrolment, "host_dialogue_came_to_nothing", now=now, key=key)


def tell_reviewers(about: models.Model, occasion: str, *, now: datetime, key: str = "") -> None:
    """Promise everybody who reviews courses a mail, coordinators included."""
    _tell_all_acting_as(MunicipalRole.Role.REVIEWER, about, occasion, now=now, key=key)


def tell_coordinators(
    about: models.Model,
    occasion: str,
    *,
    now: datetime,
    key: str = "",
    send_at: datetime | None = None,
    parameters: dict[str, Any] | None = None,
) -> None:
    """Promise every coordinator a mail."""
    role = MunicipalRole.Role.COORDINATOR
    _tell_all_acting_as(role, about, occasion, now=now, key=key, send_at=send_at, parameters=parameters)


def _tell_all_acting_as(
    role: str,
    about: models.Model,
    occasion: str,
    *,
    now: datetime,
    key: str,
    send_at: datetime | None = None,
    parameters: dict[str, Any] | None = None,
) -> None:
    people = User.objects.filter(
        is_active=True, municipal_roles__role__in=MunicipalRole.Role.acting_as(role)
    ).distinct()
    for person in people.order_by("pk"):
        to = outbox.Recipient.of_user(person)
        outbox.post(occasion=occasion, about=about, to=to, now=now, key=key, send_at=send_at, parameters=parameters)

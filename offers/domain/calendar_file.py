"""Calendar files (RFC 5545) that one puts into the own calendar: an entry for every date of a session.

The file publishes, it does not invite: it names neither organiser nor attendees, so no calendar program answers it.
The UID of an entry never changes; SEQUENCE goes up when the session is moved or cancelled.
"""

from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from icalendar import Calendar, Event, vText

from offers.models import Enrolment, Meeting, Session
from portal.domain.calendar import COPENHAGEN

Method = Literal["PUBLISH", "CANCEL"]


def method_for(enrolment: Enrolment) -> Method | None:
    """Return whether the visit belongs into a calendar, out of it again, or neither (who waits has no date yet)."""
    status = Enrolment.Status(enrolment.status)
    if status in {Enrolment.Status.WAITLISTED, Enrolment.Status.OFFERED, Enrolment.Status.OFFER_EXPIRED}:
        return None
    return "PUBLISH" if status in Enrolment.Status.holding() else "CANCEL"


def calendar_file(enrolment: Enrolment, *, method: Method, now: datetime) -> bytes:
    """Return the file for one enrolment: ``PUBLISH`` to enter its dates, ``CANCEL`` to take them out."""
    address = f"{settings.ORIGIN}{reverse('enrolment', args=[enrolment.pk])}"
    meetings = enrolment.session.meetings.order_by("number")
    return _written(
        enrolment.session, method, [_entry(enrolment, meeting, method, address, now) for meeting in meetings]
    )


def host_file(session: Session, *, now: datetime) -> bytes:
    """Return the host's file for a session: its dates, without any class or person."""
    entries = []
    for meeting in session.meetings.order_by("number"):
        event = Event()
        event.add("uid", f"{session.pk}-{meeting.number}@{_domain()}")
        event.add("sequence", session.sequence)
        event.add("dtstamp", now)
        event.add("dtstart", meeting.starts_at.astimezone(COPENHAGEN))
        event.add("dtend", meeting.ends_at.astimezone(COPENHAGEN))
        event.add("summary", session.offer.title)
        if meeting.place:
            event.add("location", meeting.place)
        event.add("status", "CANCELLED" if meeting.state == Meeting.State.CANCELLED else "CONFIRMED")
        event.add("transp", "OPAQUE")
        entries.append(event)
    return _written(session, "PUBLISH", entries)


def _written(session: Session, method: Method, entries: list[Event]) -> bytes:
    """Put entries into a file with the clock changes of the years around them."""
    calendar = Calendar()
    calendar.add("prodid", "-//Open school portal//da")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    for entry in entries:
        calendar.add_component(entry)
    calendar.add_missing_timezones(
        first_date=(session.starts_at - timedelta(days=366)).date(),
        last_date=(session.ends_at + timedelta(days=366)).date(),
    )
    calendar["X-WR-CALNAME"] = vText(session.offer.title)
    written: bytes = calendar.to_ical()
    return written


def _domain() -> str:
    """Return the portal's own name, which makes its entries its own."""
    return settings.ORIGIN.split("//", 1)[-1].split("/")[0].split(":")[0]


def _entry(enrolment: Enrolment, meeting: Meeting, method: Method, address: str, now: datetime) -> Event:
    """Return the entry for one date."""
    session, offer = enrolment.session, enrolment.session.offer
    lines = [
        _("%(company)s hosts %(class)s, %(school)s: %(pupils)d pupils and %(adults)d adults.")
        % {
            "company": offer.company.name,
            "class": enrolment.class_label,
            "school": enrolment.school.name,
            "pupils": enrolment.pupils,
            "adults": enrolment.adults,
        },
        session.note,
        address,
    ]
    event = Event()
    event.add("uid", f"{enrolment.pk}-{meeting.number}@{_domain()}")
    event.add(
        "sequence", session.sequence + (1 if method == "CANCEL" and session.state != session.State.CANCELLED else 0)
    )
    event.add("dtstamp", now)
    event.add("dtstart", meeting.starts_at.astimezone(COPENHAGEN))
    event.add("dtend", meeting.ends_at.astimezone(COPENHAGEN))
    event.add("summary", f"{offer.title} – {enrolment.class_label}")
    event.add("description", "\n".join(line for line in lines if line))
    if place := meeting.place or (enrolment.school.full_address if offer.venue == offer.Venue.SCHOOL else ""):
        event.add("location", place)
    event.add("url", address)
    pending = enrolment.status == Enrolment.Status.PENDING
    off = method == "CANCEL" or meeting.state == Meeting.State.CANCELLED
    event.add("status", "CANCELLED" if off else "TENTATIVE" if pending else "CONFIRMED")
    event.add("transp", "OPAQUE")
    return event

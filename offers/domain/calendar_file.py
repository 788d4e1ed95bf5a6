"""Calendar files (RFC 5545) that one puts into the own calendar, and the feed a calendar program reads by itself.

They publish, they do not invite: they name neither organiser nor attendees, so no calendar program answers them.
The UID of an entry never changes; SEQUENCE goes up when the session is moved or cancelled, and when an enrolment is
cancelled, and again when that is undone.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from icalendar import Calendar, Event, vText

from offers.domain import snapshot
from offers.models import Enrolment, Meeting, Session
from portal.domain.calendar import COPENHAGEN
from portal.models import AuditEntry, User

Method = Literal["PUBLISH", "CANCEL"]
FEED_LOOKS_BACK = timedelta(days=60)


def method_for(enrolment: Enrolment) -> Method | None:
    """Return whether the visit belongs into a calendar, out of it again, or neither (who waits has no date yet)."""
    status = Enrolment.Status(enrolment.status)
    waits = {Enrolment.Status.WAITLISTED, Enrolment.Status.OFFERED, Enrolment.Status.IN_DRAW}
    if status in waits | {Enrolment.Status.OFFER_EXPIRED}:
        return None
    return "PUBLISH" if status in Enrolment.Status.holding() else "CANCEL"


def calendar_file(enrolment: Enrolment, *, method: Method, now: datetime) -> bytes:
    """Return the file for one enrolment: ``PUBLISH`` to enter its dates, ``CANCEL`` to take them out."""
    visit = snapshot.visit_of(enrolment, now)
    restored = restored_times([enrolment])
    entries = _entries(enrolment, method, restored, now)
    return _written(entries, name=visit.title, method=method, first=visit.starts_at, last=visit.ends_at)


def feed(person: User, *, now: datetime) -> bytes:
    """Return a person's own visits that a calendar program may read again and again.

    It holds what is ahead or was within 60 days, confirmed or requested; what was cancelled stands as cancelled, so
    that it disappears from calendars that had it.
    """
    rows = Enrolment.objects.filter(teacher=person, session__ends_at__gt=now - FEED_LOOKS_BACK)
    rows = rows.select_related("school_class", "school", "session__offer__company").prefetch_related(
        "session__meetings"
    )
    shown = [(one, method_for(one)) for one in rows.order_by("session__starts_at", "pk") if not _never_came(one)]
    enrolments = [one for one, method in shown if method is not None]
    restored = restored_times(enrolments)
    entries = [
        entry
        for one, method in shown
        if method is not None
        for entry in _entries(one, method, restored, now, feed=True)
    ]
    moments = [one.session.starts_at for one in enrolments] + [one.session.ends_at for one in enrolments] + [now]
    return _written(entries, name=_("School visits"), method="PUBLISH", first=min(moments), last=max(moments))


def _never_came(enrolment: Enrolment) -> bool:
    """Return whether the class left a line without ever having had its places: no calendar knows of it."""
    had = enrolment.status_before in {Enrolment.Status.CONFIRMED, Enrolment.Status.PENDING}
    return enrolment.waiting_since is not None and method_for(enrolment) == "CANCEL" and not had


def restored_times(enrolments: Iterable[Enrolment]) -> dict[str, int]:
    """Return how often the cancelling of each enrolment has been undone; those never cancelled are not asked for."""
    keys = [str(one.pk) for one in enrolments if one.status_before]
    if not keys:
        return {}
    undone = AuditEntry.objects.filter(
        object_type=Enrolment._meta.label_lower, object_id__in=keys, action="enrolment-restored"
    )
    return dict(undone.order_by().values_list("object_id").annotate(times=Count("pk")))


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
    return _written(entries, name=session.offer.title, method="PUBLISH", first=session.starts_at, last=session.ends_at)


def _written(entries: list[Event], *, name: str, method: Method, first: datetime, last: datetime) -> bytes:
    """Put entries into a file with the clock changes of the years around them."""
    calendar = Calendar()
    calendar.add("prodid", "-//Open school portal//da")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    for entry in entries:
        calendar.add_component(entry)
    calendar.add_missing_timezones(
        first_date=(first - timedelta(days=366)).date(),
        last_date=(last + timedelta(days=366)).date(),
    )
    calendar["X-WR-CALNAME"] = vText(name)
    written: bytes = calendar.to_ical()
    return written


def _domain() -> str:
    """Return the portal's own name, which makes its entries its own."""
    return settings.ORIGIN.split("//", 1)[-1].split("/")[0].split(":")[0]


def _also_in_calendars(enrolment: Enrolment, named: set[int]) -> list[snapshot.Date]:
    """Return the dates of the session that are not named: a class that a move left behind knows only its span.

    Each had an entry of its own in the calendar, which is found by its UID, whatever its time is now.
    """
    return [
        snapshot.Date(number=one.number, starts_at=one.starts_at, ends_at=one.ends_at, place=one.place)
        for one in sorted(enrolment.session.meetings.all(), key=lambda meeting: meeting.number)
        if one.number not in named
    ]


def _entries(
    enrolment: Enrolment, method: Method, restored: dict[str, int], now: datetime, *, feed: bool = False
) -> list[Event]:
    """Return an entry for every date of the visit; cancelled ones fill no time in the feed."""
    session, visit = enrolment.session, snapshot.visit_of(enrolment, now)
    address = f"{settings.ORIGIN}{reverse('enrolment', args=[enrolment.pk])}"
    lines = [
        _("%(company)s hosts %(class)s, %(school)s: %(pupils)d pupils and %(adults)d adults.")
        % {
            "company": visit.host,
            "class": enrolment.class_label,
            "school": enrolment.school_name,
            "pupils": enrolment.pupils,
            "adults": enrolment.adults,
        },
        session.note,
        address,
    ]
    # Cancelled by itself it is one further; each time that was undone, two.
    sequence = session.sequence + 2 * restored.get(str(enrolment.pk), 0)
    if method == "CANCEL" and session.state != session.State.CANCELLED:
        sequence += 1
    pending = enrolment.status == Enrolment.Status.PENDING
    entries = []
    dates = snapshot.dates_of(enrolment, now)
    if method == "CANCEL":
        dates = [*dates, *_also_in_calendars(enrolment, {one.number for one in dates})]
    for date in dates:
        event = Event()
        event.add("uid", f"{enrolment.pk}-{date.number}@{_domain()}")
        event.add("sequence", sequence)
        event.add("dtstamp", now)
        event.add("dtstart", date.starts_at.astimezone(COPENHAGEN))
        event.add("dtend", date.ends_at.astimezone(COPENHAGEN))
        event.add("summary", f"{visit.title} – {enrolment.class_label}")
        event.add("description", "\n".join(line for line in lines if line))
        if date.place:
            event.add("location", date.place)
        event.add("url", address)
        off = method == "CANCEL" or date.is_cancelled
        event.add("status", "CANCELLED" if off else "TENTATIVE" if pending else "CONFIRMED")
        event.add("transp", "TRANSPARENT" if off and feed else "OPAQUE")
        entries.append(event)
    return entries

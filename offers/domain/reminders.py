"""Reminders: what is planned to be said before and after a visit, compared with what is promised already.

Each reminder has a moment: nine in the morning, some school days before the date. A job that was away for a night
makes it good within one school day; later it keeps quiet, and it never sends a pile: of several missed reminders
only the last one leaves. Of a course with several dates, the early reminders belong to the first date; before each
of the others only the last one is sent. The unique key of a message names the date's beginning, so a moved date is
reminded of anew and an unmoved one never twice.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Prefetch

from companies.models import Contact
from offers.domain import notices
from offers.models import Enrolment, Meeting, Session, VisitReport
from portal.domain import calendar, links, outbox, suppressions
from portal.domain.calendar import SchoolCalendar
from portal.models import Link, Message, Municipality

HOUR = 9
CONFIRM_WITHIN = timedelta(days=14)
OCCASIONS = ["visit_reminder", "host_day_sheet", "visit_confirm"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One mail that should be promised."""

    occasion: str
    about: models.Model
    to: outbox.Recipient
    key: str
    send_at: datetime
    not_after: datetime
    parameters: dict[str, Any]

    @property
    def identity(self) -> tuple[str, UUID, str, str]:
        """What makes it the same mail as one already promised."""
        return self.occasion, self.about.pk, self.key, self.to.address.lower()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What should be planned and is not; and what is planned and should not be."""

    missing: int
    needless: int


def stamp(moment: datetime) -> str:
    """Return a moment as keys and parameters hold it."""
    return moment.astimezone(UTC).isoformat()


def moments(
    day_numbers: Iterable[int], meeting: Meeting, school_calendar: SchoolCalendar
) -> list[tuple[int, datetime]]:
    """Return the reminders' moments, the earliest first: (school days before, nine in the morning that day)."""
    day = calendar.local_day(meeting.starts_at)
    numbers = sorted(set(day_numbers), reverse=True)
    found = [(number, calendar.at(school_calendar.school_days_before(day, number), HOUR)) for number in numbers]
    return [(number, moment) for number, moment in found if moment < meeting.starts_at]


def to_send(
    planned: Sequence[tuple[int, datetime]], *, since: datetime | None, school_calendar: SchoolCalendar, now: datetime
) -> list[tuple[int, datetime]]:
    """Return which moments still call for a mail: those to come, and the last one missed if it is fresh.

    Fresh is at most one school day old. Who was enrolled (``since``) after the moment had just been told everything.
    """
    passed = [(number, moment) for number, moment in planned if moment <= now]
    chosen = [(number, moment) for number, moment in planned if moment > now]
    if passed:
        number, moment = passed[-1]
        following = school_calendar.next_school_day(calendar.local_day(moment) + timedelta(days=1))
        if now <= calendar.at(following, HOUR) and (since is None or since <= moment):
            chosen.insert(0, (number, moment))
    return chosen


def plans_of(
    session: Session,
    *,
    contact: Contact | None,
    reported: set[tuple[UUID, UUID]],
    municipality: Municipality,
    school_calendar: SchoolCalendar,
    now: datetime,
) -> Iterator[Plan]:
    """Yield every mail that should be promised about one session, to its teachers and its host."""
    confirmed = [one for one in session.enrolments.all() if one.status == Enrolment.Status.CONFIRMED]
    standing = [one for one in session.meetings.all() if one.state != Meeting.State.CANCELLED]
    meetings = [one for one in standing if one.state == Meeting.State.PLANNED]
    for meeting in meetings if confirmed else []:
        first = meeting.pk == standing[0].pk
        facts = {"meeting": str(meeting.pk), "starts_at": stamp(meeting.starts_at)}
        if meeting.starts_at > now:
            for numbers, enrolments in (
                (municipality.teacher_reminders, confirmed),
                (municipality.host_reminders, None),
            ):
                chosen = numbers if first else numbers and [min(numbers)]
                planned = moments(chosen, meeting, school_calendar)
                ends = [moment for _number, moment in planned[1:]] + [meeting.starts_at]
                not_after = {number: end for (number, _moment), end in zip(planned, ends, strict=False)}
                if enrolments is None:
                    yield from _to_host(session, contact, facts, planned, not_after, school_calendar, now)
                else:
                    yield from _to_teachers(enrolments, facts, planned, not_after, school_calendar, now)
        elif meeting.ends_at + CONFIRM_WITHIN > now:
            untold = [one for one in confirmed if (one.pk, meeting.pk) not in reported]
            yield from _whether_held(session, untold, meeting, contact, facts, school_calendar)


def _to_teachers(
    enrolments: list[Enrolment],
    facts: dict[str, str],
    planned: list[tuple[int, datetime]],
    not_after: dict[int, datetime],
    school_calendar: SchoolCalendar,
    now: datetime,
) -> Iterator[Plan]:
    for enrolment in enrolments:
        if enrolment.teacher is None or not enrolment.teacher.is_active:
            continue
        to = outbox.Recipient.of_user(enrolment.teacher)
        for number, moment in to_send(planned, since=enrolment.status_at, school_calendar=school_calendar, now=now):
            yield _plan("visit_reminder", enrolment, to, f"reminder-{number}sd", moment, not_after[number], facts)


def _to_host(
    session: Session,
    contact: Contact | None,
    facts: dict[str, str],
    planned: list[tuple[int, datetime]],
    not_after: dict[int, datetime],
    school_calendar: SchoolCalendar,
    now: datetime,
) -> Iterator[Plan]:
    if contact is None:
        return
    to = recipient(contact)
    for number, moment in to_send(planned, since=None, school_calendar=school_calendar, now=now):
        yield _plan("host_day_sheet", session, to, f"sheet-{number}sd", moment, not_after[number], facts)


def _whether_held(
    session: Session,
    untold: list[Enrolment],
    meeting: Meeting,
    contact: Contact | None,
    facts: dict[str, str],
    school_calendar: SchoolCalendar,
) -> Iterator[Plan]:
    day = calendar.local_day(meeting.ends_at)
    moment = calendar.at(school_calendar.next_school_day(day + timedelta(days=1)), HOUR)
    not_after = max(meeting.ends_at + CONFIRM_WITHIN, moment + timedelta(days=1))
    for enrolment in untold:
        if enrolment.teacher is not None and enrolment.teacher.is_active:
            to = outbox.Recipient.of_user(enrolment.teacher)
            yield _plan("visit_confirm", enrolment, to, "confirm", moment, not_after, facts)
    if untold and contact is not None:
        yield _plan("visit_confirm", session, recipient(contact), "confirm", moment, not_after, facts)


def _plan(
    occasion: str,
    about: models.Model,
    to: outbox.Recipient,
    name: str,
    moment: datetime,
    not_after: datetime,
    facts: dict[str, str],
) -> Plan:
    key = f"{name}|{facts['starts_at']}"
    return Plan(
        occasion=occasion,
        about=about,
        to=to,
        key=key,
        send_at=moment,
        not_after=not_after,
        parameters={**facts, "key": key},
    )


def recipient(contact: Contact) -> outbox.Recipient:
    """Return a host's contact as a recipient."""
    return outbox.Recipient(kind="contact", id=contact.pk, address=contact.email, language=contact.language)


def _sessions(now: datetime) -> models.QuerySet[Session]:
    """Return the open sessions, not long over, in which a class is confirmed; with all that plans ask for."""
    confirmed = Enrolment.objects.filter(status=Enrolment.Status.CONFIRMED)
    return (
        Session.objects.filter(state=Session.State.OPEN, ends_at__gt=now - CONFIRM_WITHIN)
        .filter(Exists(confirmed.filter(session=OuterRef("pk"))))
        .select_related("offer__contact")
        .prefetch_related(
            Prefetch("meetings", Meeting.objects.order_by("number")),
            Prefetch("enrolments", confirmed.select_related("teacher").order_by("created_at", "pk")),
        )
    )


def _contacts(sessions: list[Session]) -> dict[UUID, Contact]:
    """Return whom to write to per company whose course has no active contact of its own (one query)."""
    alone = {one.offer.company_id for one in sessions if one.offer.contact is None or not one.offer.contact.is_active}
    found: dict[UUID, Contact] = {}
    for contact in Contact.objects.filter(company__in=alone, is_active=True).order_by("created_at", "pk"):
        found.setdefault(contact.company_id, contact)
    return found


def wanted(sessions: list[Session], *, now: datetime) -> list[Plan]:
    """Return every mail that should be promised about these sessions."""
    municipality = Municipality.objects.first() or Municipality()
    school_calendar = SchoolCalendar.load()
    others = _contacts(sessions)
    begun = [one.pk for one in sessions if one.starts_at <= now]
    reported = set(VisitReport.objects.filter(enrolment__session__in=begun).values_list("enrolment_id", "meeting_id"))
    plans: list[Plan] = []
    for session in sessions:
        own = session.offer.contact
        plans += plans_of(
            session,
            contact=own if own is not None and own.is_active else others.get(session.offer.company_id),
            reported=reported,
            municipality=municipality,
            school_calendar=school_calendar,
            now=now,
        )
    return plans


def _promised(plans: list[Plan]) -> dict[tuple[str, UUID, str, str], tuple[UUID, str]]:
    """Return what has been promised about the same objects: id and state by identity (one query)."""
    rows = Message.objects.filter(occasion__in=OCCASIONS, reference_id__in={plan.about.pk for plan in plans})
    return {
        (occasion, reference_id, parameters.get("key", ""), address.lower()): (pk, state)
        for pk, occasion, reference_id, parameters, address, state in rows.values_list(
            "pk", "occasion", "reference_id", "parameters", "address", "state"
        )
    }


def plan(plans: list[Plan], *, now: datetime) -> int:
    """Promise what is not promised yet, and anew what was withdrawn but is wanted (a step); return how many."""
    promised = _promised(plans)
    hosts: set[UUID] = set()
    count = 0
    for one in plans:
        message_id, state = promised.get(one.identity, (None, ""))
        if message_id is None:
            outbox.post(
                occasion=one.occasion,
                about=one.about,
                to=one.to,
                now=now,
                send_at=one.send_at,
                not_after=one.not_after,
                key=one.key,
                parameters=one.parameters,
            )
        elif (
            state == Message.State.WITHDRAWN
            and one.not_after > max(one.send_at, now)
            and not suppressions.stands_against(one.occasion, one.to.address)
        ):
            outbox.promise_again(message_id=message_id, now=now, send_at=one.send_at, not_after=one.not_after)
        else:
            continue
        count += 1
        if one.to.kind == "contact" and one.to.id is not None and one.to.id not in hosts:
            hosts.add(one.to.id)
            links.ensure(purpose=Link.Purpose.HOST, reference_id=one.to.id, now=now)
    return count


def plan_for(session: Session, *, now: datetime) -> int:
    """Plan what should be said about one session (a step); return how many mails are new."""
    return plan(wanted(list(_sessions(now).filter(pk=session.pk)), now=now), now=now)


@transaction.atomic(durable=True)
def plan_reminders(*, now: datetime) -> int:
    """Plan what should be said about every session; return how many mails are new. Running it twice changes nothing."""
    return plan(wanted(list(_sessions(now)), now=now), now=now)


@transaction.atomic(durable=True)
def reconcile(*, now: datetime) -> Difference:
    """Compare what should be planned with what is, mend it, and return the difference that was found."""
    plans = wanted(list(_sessions(now)), now=now)
    promised = _promised(plans)
    missing = [one for one in plans if one.identity not in promised]
    identities = {one.identity for one in plans}
    waiting = Message.objects.filter(
        occasion__in=["visit_reminder", "host_day_sheet"],
        state__in=[Message.State.PLANNED, Message.State.QUEUED],
        send_at__gt=now,
        attempts=0,
    )
    needless = [
        message.pk
        for message in waiting
        if (message.occasion, message.reference_id, message.parameters.get("key", ""), message.address.lower())
        not in identities
    ]
    waiting.filter(pk__in=needless).update(state=Message.State.WITHDRAWN)
    plan(plans, now=now)
    return Difference(missing=len(missing), needless=len(needless))


def session_stands(session: Session, message: Message, *, now: datetime) -> bool:
    """Return whether the date that a planned mail tells about still begins when the mail says."""
    meeting = next((one for one in session.meetings.all() if str(one.pk) == message.parameters.get("meeting")), None)
    return (
        meeting is not None
        and session.state == Session.State.OPEN
        and meeting.state == Meeting.State.PLANNED
        and stamp(meeting.starts_at) == message.parameters.get("starts_at")
        and (meeting.starts_at > now) == (message.occasion != "visit_confirm")
    )


def still_for(session: Session, message: Message) -> bool:
    """Return whether the mail's recipient is still the one whom the host wants written to."""
    contact = notices.host_contact(session.offer)
    return contact is not None and contact.pk == message.recipient_id and contact.email == message.address


def needs_in_words(enrolment: Enrolment) -> list[str]:
    """Return the ticked needs as words; the free text is never among them."""
    ticks = ("needs_step_free", "needs_quiet", "needs_diet", "needs_language")
    words = {field.name: str(field.verbose_name) for field in Enrolment._meta.fields}
    return [words[tick] for tick in ticks if getattr(enrolment, tick)]

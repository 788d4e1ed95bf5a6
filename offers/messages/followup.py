"""Mails about reminders, surveys and what was held. No free text about needs ever stands in one of them."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from companies.models import Contact
from offers.domain import dates, encounters, reminders, snapshot, surveys
from offers.models import Enrolment, Meeting, Offer, Session, SurveyRequest, VisitReport
from portal.domain import calendar, links
from portal.domain.calendar import SchoolCalendar
from portal.domain.outbox import Letter, Occasion
from portal.models import Link, Message, Suppression, User


def _enrolment(message: Message) -> Enrolment:
    rows = Enrolment.objects.select_related("school_class", "school", "teacher", "session__offer__company")
    return rows.select_related("session__offer__contact").get(pk=message.reference_id)


def _session(message: Message) -> Session:
    return Session.objects.select_related("offer__company", "offer__contact").get(pk=message.reference_id)


def _survey(message: Message) -> SurveyRequest:
    rows = SurveyRequest.objects.select_related("enrolment__school_class", "enrolment__school", "enrolment__teacher")
    return rows.select_related("enrolment__session__offer__company").get(pk=message.reference_id)


def _meeting(message: Message, session: Session) -> Meeting:
    return session.meetings.get(pk=message.parameters["meeting"])


def _address(name: str, *args: Any) -> str:
    return settings.ORIGIN + reverse(name, args=args)


def _host_address(message: Message, now: datetime) -> str:
    """Return the host's link; one that ran out meanwhile is prolonged, one that was withdrawn stays dead."""
    assert message.recipient_id is not None
    return links.address(links.ensure(purpose=Link.Purpose.HOST, reference_id=message.recipient_id, now=now))


def _where(offer: Offer, enrolment: Enrolment | None = None) -> str:
    """Return the place as a subject says it: the company, the school, or online."""
    if offer.venue == Offer.Venue.ONLINE:
        return _("online")
    if offer.venue == Offer.Venue.SCHOOL:
        return enrolment.school.name if enrolment is not None else _("at the school")
    return offer.company.name


def _place(meeting: Meeting, offer: Offer, enrolment: Enrolment | None = None) -> str:
    """Return the place as the mail says it: with its address."""
    if meeting.place:
        return meeting.place
    if offer.venue == Offer.Venue.HOST:
        return ", ".join(part for part in (offer.company.name, offer.company.full_address) if part)
    return _where(offer, enrolment)


def _told(meeting: Meeting, enrolment: Enrolment, now: datetime) -> dict[str, Any]:
    """Return what a mail about a date of one class says: once the visit is over, as it was agreed."""
    visit = snapshot.visit_of(enrolment, now)
    facts = _visit(meeting, enrolment.session.offer, enrolment)
    place = meeting.place or visit.place or facts["place"]
    return {**facts, "course": visit.title, "company": visit.host, "place": place}


def _where_told(enrolment: Enrolment, now: datetime) -> str:
    """Return the place as a subject says it, once the visit is over with the host's name of then."""
    offer = enrolment.session.offer
    if offer.venue == Offer.Venue.HOST:
        return snapshot.visit_of(enrolment, now).host
    return _where(offer, enrolment)


def _visit(meeting: Meeting, offer: Offer, enrolment: Enrolment | None = None) -> dict[str, Any]:
    """Return what every mail about a date says."""
    return {
        "course": offer.title,
        "company": offer.company.name,
        "when": dates.span_in_words(meeting.starts_at, meeting.ends_at),
        "place": _place(meeting, offer, enrolment),
    }


def _subject(kind: str, moment: datetime, title: str, where: str) -> str:
    """Return a subject of type, course, date and place, so that threads are not confused."""
    day = dates.short_day(moment)
    return _("%(kind)s: %(course)s, %(day)s, %(place)s") % {
        "kind": kind,
        "course": title,
        "day": day,
        "place": where,
    }


# -- Before the visit ------------------------------------------------------------------------------------


def _reminder_wanted(message: Message, now: datetime) -> bool:
    enrolment = _enrolment(message)
    return (
        enrolment.status == Enrolment.Status.CONFIRMED
        and enrolment.teacher_id == message.recipient_id
        and reminders.session_stands(enrolment.session, message, now=now)
    )


def _school_days_until(meeting: Meeting, now: datetime) -> int:
    """Return how many school days there are until the date, today not counted."""
    school_calendar = SchoolCalendar.load()
    day, last, count = calendar.local_day(now), calendar.local_day(meeting.starts_at), 0
    while day < last:
        day = school_calendar.school_days_after(day, 1)
        count += 1
    return count


def _reminder(message: Message, now: datetime) -> Letter:
    enrolment = _enrolment(message)
    session, offer = enrolment.session, enrolment.session.offer
    meeting = _meeting(message, session)
    contact = offer.contact if offer.contact is not None and offer.contact.is_active else None
    context = {
        **_visit(meeting, offer, enrolment),
        "name": enrolment.teacher.get_short_name() if enrolment.teacher else "",
        "class_label": enrolment.class_label,
        "days": _school_days_until(meeting, now),
        "pupils": enrolment.pupils,
        "adults": enrolment.adults,
        "may_change": now < session.closes_at,
        "offer": offer,
        "note": session.note,
        "contact": contact,
        "needs": reminders.needs_in_words(enrolment),
        "url": _address("enrolment", enrolment.pk),
        "guide_url": _address("guide-enrolment", enrolment.pk),
    }
    return Letter(
        subject=_subject(_("Reminder"), meeting.starts_at, offer.title, _where(offer, enrolment)), context=context
    )


def _sheet_wanted(message: Message, now: datetime) -> bool:
    session = _session(message)
    return (
        reminders.session_stands(session, message, now=now)
        and reminders.still_for(session, message)
        and session.enrolments.filter(status=Enrolment.Status.CONFIRMED).exists()
    )


def _class_row(enrolment: Enrolment) -> dict[str, Any]:
    return {
        "label": enrolment.class_label,
        "school": enrolment.school.name,
        "pupils": enrolment.pupils,
        "adults": enrolment.adults,
        "needs": reminders.needs_in_words(enrolment),
        "more": bool(enrolment.needs_text),
        "teacher": enrolment.teacher.name if enrolment.teacher else "",
        "phone": enrolment.teacher_phone or (enrolment.teacher.phone if enrolment.teacher else ""),
        "email": enrolment.teacher.email if enrolment.teacher else "",
    }


def _classes(session: Session) -> list[Enrolment]:
    rows = session.enrolments.filter(status=Enrolment.Status.CONFIRMED)
    found = list(rows.select_related("school_class", "school", "teacher").order_by("created_at", "pk"))
    for enrolment in found:
        enrolment.session = session
    return found


def _sheet(message: Message, now: datetime) -> Letter:
    session = _session(message)
    offer, meeting = session.offer, _meeting(message, session)
    rows = [_class_row(enrolment) for enrolment in _classes(session)]
    context = {
        **_visit(meeting, offer),
        "name": _first_name(message),
        "rows": rows,
        "pupils": sum(row["pupils"] for row in rows),
        "adults": sum(row["adults"] for row in rows),
        "days": _school_days_until(meeting, now),
        "url": _host_address(message, now),
    }
    return Letter(subject=_subject(_("Visit soon"), meeting.starts_at, offer.title, _where(offer)), context=context)


def _first_name(message: Message) -> str:
    """Return what to call the receiver."""
    if message.recipient_id is None:
        return ""
    if message.recipient_kind == "contact":
        contact = Contact.objects.filter(pk=message.recipient_id).first()
        return contact.name.split(" ")[0] if contact else ""
    user = User.objects.filter(pk=message.recipient_id).first()
    return user.get_short_name() if user else ""


# -- After the visit -------------------------------------------------------------------------------------


def _is_host(message: Message) -> bool:
    return message.recipient_kind == "contact"


def _confirm_wanted(message: Message, now: datetime) -> bool:
    session = _session(message) if _is_host(message) else _enrolment(message).session
    if not reminders.session_stands(session, message, now=now):
        return False
    told = VisitReport.objects.filter(meeting_id=message.parameters["meeting"])
    if _is_host(message):
        untold = session.enrolments.filter(status=Enrolment.Status.CONFIRMED).exclude(
            pk__in=told.values_list("enrolment_id", flat=True)
        )
        return untold.exists() and reminders.still_for(session, message)
    enrolment = _enrolment(message)
    return (
        enrolment.status == Enrolment.Status.CONFIRMED
        and enrolment.teacher_id == message.recipient_id
        and not told.filter(enrolment=enrolment).exists()
    )


def _confirm(message: Message, now: datetime) -> Letter:
    if _is_host(message):
        session = _session(message)
        meeting = _meeting(message, session)
        context = {
            **_visit(meeting, session.offer),
            "name": _first_name(message),
            "classes": [f"{one.class_label}, {one.school.name}" for one in _classes(session)],
            "url": _host_address(message, now),
        }
        subject = _subject(_("Tell about the visit"), meeting.starts_at, session.offer.title, _where(session.offer))
        return Letter(subject=subject, context=context, template="visit_confirm_host")
    enrolment = _enrolment(message)
    meeting = _meeting(message, enrolment.session)
    context = {
        **_told(meeting, enrolment, now),
        "name": _first_name(message),
        "class_label": enrolment.class_label,
        "url": _address("enrolment-report", enrolment.pk),
    }
    title, where = snapshot.visit_of(enrolment, now).title, _where_told(enrolment, now)
    subject = _subject(_("Tell about the visit"), meeting.starts_at, title, where)
    return Letter(subject=subject, context=context)


def _survey_wanted(message: Message, now: datetime) -> bool:
    survey = _survey(message)
    link = Link.objects.about(Link.Purpose.SURVEY, survey.pk).live(now).exists()
    return link and survey.state == SurveyRequest.State.SCHEDULED and survey.closes_at > now


def _survey_letter(message: Message, now: datetime) -> Letter:
    survey = _survey(message)
    enrolment, visit = survey.enrolment, snapshot.visit_of(survey.enrolment, now)
    link = Link.objects.about(Link.Purpose.SURVEY, survey.pk).get(parent__isnull=True)
    kind = _("Survey, reminder") if message.occasion == "survey_reminder" else _("Survey")
    context = {
        "name": _first_name(message),
        "course": visit.title,
        "company": visit.host,
        "class_label": enrolment.class_label,
        "school": enrolment.school_name,
        "day": dates.day_in_words(visit.starts_at),
        "is_host": survey.audience == SurveyRequest.Audience.HOST,
        "closes": dates.moment_in_words(survey.closes_at),
        "url": links.address(link),
    }
    subject = _subject(kind, visit.starts_at, visit.title, _where_told(enrolment, now))
    return Letter(subject=subject, context=context)


def _disputed_wanted(message: Message, now: datetime) -> bool:
    return encounters.disputed().filter(enrolment_id=message.reference_id).exists()


def _disputed(message: Message, now: datetime) -> Letter:
    enrolment = _enrolment(message)
    reports = VisitReport.objects.filter(enrolment=enrolment).select_related("meeting").order_by("meeting", "side")
    first = encounters.disputed().filter(enrolment=enrolment).first()
    meeting = first.meeting if first is not None else enrolment.session.meetings.all()[0]
    context = {
        **_told(meeting, enrolment, now),
        "name": _first_name(message),
        "class_label": enrolment.class_label,
        "school": enrolment.school_name,
        "reports": [report for report in reports if report.meeting_id == meeting.pk],
        "url": _address("enrolment-report", enrolment.pk),
    }
    title, where = snapshot.visit_of(enrolment, now).title, _where_told(enrolment, now)
    subject = _subject(_("Please decide"), meeting.starts_at, title, where)
    return Letter(subject=subject, context=context)


def _survey_declined(message: Message, now: datetime) -> None:
    """Note that somebody who wants no such questions is not asked."""
    surveys.leave_out(survey_id=message.reference_id, now=now)


# What may be declined asks for a favour or tells once more what was told. The host's day sheet is neither: it holds
# numbers, needs and phone numbers that stand in no other mail.
REMINDERS, SURVEYS = Suppression.Kind.REMINDERS, Suppression.Kind.SURVEYS
OCCASIONS: dict[str, Occasion] = {
    "visit_reminder": Occasion(still_wanted=_reminder_wanted, letter=_reminder, declinable=REMINDERS),
    "host_day_sheet": Occasion(still_wanted=_sheet_wanted, letter=_sheet),
    "visit_confirm": Occasion(still_wanted=_confirm_wanted, letter=_confirm, declinable=SURVEYS),
    "survey_teacher": Occasion(
        still_wanted=_survey_wanted, letter=_survey_letter, declinable=SURVEYS, declined=_survey_declined
    ),
    "survey_host": Occasion(
        still_wanted=_survey_wanted, letter=_survey_letter, declinable=SURVEYS, declined=_survey_declined
    ),
    "survey_reminder": Occasion(still_wanted=_survey_wanted, letter=_survey_letter, declinable=SURVEYS),
    "visit_disputed": Occasion(still_wanted=_disputed_wanted, letter=_disputed),
}

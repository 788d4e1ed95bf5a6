"""Mails about enrolments, waiting lists and changed sessions. They share one letter: mail/enrolment.txt and .html.

A ticked need is named to the host; the free text about needs never is.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from companies.models import Contact
from offers.domain import (
    calendar_file,
    cancelling,
    dates,
    encounters,
    moving,
    places,
    planning,
    rebooking,
    reminders,
    rules,
    snapshot,
    waiting_list,
)
from offers.models import Enrolment, Meeting, MoveAnswer, MoveProposal, Offer, ProposedMeeting, Session
from portal import mail
from portal.domain import links
from portal.domain.actor import municipal_roles_held
from portal.domain.calendar import SchoolCalendar, local_day
from portal.domain.outbox import Attachment, Letter, Occasion
from portal.domain.phone import as_written
from portal.models import AuditEntry, Link, Message, MunicipalRole, User
from portal.models.municipality import MoveDefault
from schools.domain import membership

Status = Enrolment.Status
LeaderAnswer = Enrolment.LeaderAnswer
COMING = [Status.CONFIRMED, Status.COMPLETED, Status.NO_SHOW]


@dataclass(frozen=True, kw_only=True)
class Words:
    """What one mail says around the facts of the visit."""

    kind: str
    sentences: list[str]
    button: str = ""
    quote: str = ""
    others: bool = False
    file: calendar_file.Method | None = None
    facts: list[tuple[str, str]] = field(default_factory=list)
    dates: list[tuple[str, str]] | None = None  # instead of the session's own
    day: datetime | None = None  # what the subject says, instead of the session's own


# --- What the letters stand on -----------------------------------------------------------------------------------


def _enrolment(message: Message) -> Enrolment | None:
    rows = Enrolment.objects.select_related("school_class", "school", "teacher", "session__offer__company")
    return rows.select_related("session__offer__contact").filter(pk=message.reference_id).first()


def _session(message: Message) -> Session | None:
    return Session.objects.select_related("offer__company", "offer__contact").filter(pk=message.reference_id).first()


def _contact(message: Message) -> Contact | None:
    if message.recipient_kind != "contact" or message.recipient_id is None:
        return None
    return Contact.objects.filter(pk=message.recipient_id, is_active=True).first()


def _person(message: Message) -> User | None:
    if message.recipient_kind != "user" or message.recipient_id is None:
        return None
    return User.objects.filter(pk=message.recipient_id, is_active=True).first()


def _receiver_stays(message: Message) -> bool:
    """Return whether the person may still be told: a contact or account in use, and a coordinator still one."""
    if message.recipient_kind == "contact":
        return _contact(message) is not None
    person = _person(message)
    if person is None or not message.occasion.startswith("coordinator_"):
        return person is not None
    return MunicipalRole.Role.COORDINATOR in municipal_roles_held(person)


def _name(message: Message) -> str:
    if contact := _contact(message):
        return contact.name
    person = _person(message)
    return person.get_short_name() if person else ""


def _reason(message: Message) -> str:
    if message.recipient_kind == "contact":
        return _("You get this mail because you are the contact for the course.")
    if message.occasion.startswith("coordinator_"):
        return _("You get this mail because you coordinate the open school.")
    if message.occasion.startswith("leader_"):
        return _("You get this mail because enrolments at your school wait for a leader's approval.")
    return _("You get this mail because you enrolled a class.")


def _where(offer: Offer, enrolment: Enrolment | None) -> str:
    """Return the place as a subject says it."""
    if offer.venue == Offer.Venue.ONLINE:
        return _("online")
    if offer.venue == Offer.Venue.SCHOOL and enrolment is not None:
        return enrolment.school.name
    return offer.company.name


def _place(meeting: Meeting | ProposedMeeting, offer: Offer, enrolment: Enrolment | None) -> str:
    if meeting.place or offer.venue != Offer.Venue.HOST:
        return meeting.place or _where(offer, enrolment)
    return ", ".join(part for part in (offer.company.name, offer.company.full_address) if part)


def _dates(session: Session, enrolment: Enrolment | None, now: datetime) -> list[tuple[str, str]]:
    """Return when and where, a pair for each; several dates stand one below the other, without those called off.

    History as it was agreed.
    """
    if enrolment is not None and snapshot.is_history(enrolment, now):
        then = snapshot.dates_of(enrolment, now)
        agreed = [(_("When"), "\n".join(dates.span_in_words(one.starts_at, one.ends_at) for one in then))]
        places_then = dict.fromkeys(one.place for one in then if one.place)
        return [*agreed, *([(_("Where"), "\n".join(places_then))] if places_then else [])]
    meetings = moving.standing(session) or list(session.meetings.order_by("number"))
    where = {_place(meeting, session.offer, enrolment) for meeting in meetings}
    whens = [dates.span_in_words(meeting.starts_at, meeting.ends_at) for meeting in meetings]
    if len(where) > 1:
        whens = [f"{when}, {_place(one, session.offer, enrolment)}" for when, one in zip(whens, meetings, strict=True)]
    facts = [(_("When"), "\n".join(whens))]
    if len(where) == 1:
        facts.append((_("Where"), where.pop()))
    return facts


def _class(enrolment: Enrolment) -> list[tuple[str, str]]:
    label = f"{enrolment.class_label}, {enrolment.school.name}"
    return [(_("Class"), label), (_("Coming"), _people(enrolment))]


def _people(enrolment: Enrolment) -> str:
    pupils = ngettext("%(count)d pupil", "%(count)d pupils", enrolment.pupils) % {"count": enrolment.pupils}
    adults = ngettext("%(count)d adult", "%(count)d adults", enrolment.adults) % {"count": enrolment.adults}
    people = _("%(pupils)s and %(adults)s") % {"pupils": pupils, "adults": adults}
    if not enrolment.session.offer.counts_adults:
        return people
    return _("%(people)s: %(places)d places, as adults are counted here") % {
        "people": people,
        "places": enrolment.places,
    }


def _teacher(enrolment: Enrolment) -> list[tuple[str, str]]:
    """Return whom the host can reach; only from confirmation on."""
    if enrolment.teacher is None:
        return []
    reach = (enrolment.teacher.name, enrolment.teacher.email, as_written(enrolment.teacher_phone))
    return [(_("Teacher"), "\n".join(part for part in reach if part))]


def _needs(enrolment: Enrolment) -> list[tuple[str, str]]:
    """Return what the class ticked."""
    needs = reminders.needs_in_words(enrolment)
    return [(_("Please think of"), "\n".join(needs))] if needs else []


def _address(name: str, *args: Any) -> str:
    return settings.ORIGIN + reverse(name, args=args)


def _desk(model: str, pk: UUID) -> str:
    try:
        return _address(f"admin:offers_{model}_change", pk)
    except NoReverseMatch:
        return _address("admin:index")


def _host_address(message: Message, now: datetime) -> str:
    """Return the host's link; one that ran out is prolonged, one that was withdrawn stays dead."""
    assert message.recipient_id is not None
    return links.address(links.ensure(purpose=Link.Purpose.HOST, reference_id=message.recipient_id, now=now))


def _others(session: Session, need: int, now: datetime) -> list[dict[str, str]]:
    """Return other sessions of the course with room, with the address where one enrols."""
    return [
        {"when": dates.span_in_words(other.starts_at, other.ends_at), "url": _address("enrol", other.pk)}
        for other in rules.alternatives(session, need, now=now)
    ]


def _instead(enrolment: Enrolment, now: datetime) -> list[dict[str, str]]:
    """Return where a class can go instead, each by one click on the page of what it has lost."""
    return [
        {
            "when": dates.span_in_words(other.starts_at, other.ends_at)
            + ("" if other.offer_id == enrolment.session.offer_id else f", {other.offer}, {other.offer.company}"),
            "url": "",
        }
        for other in rebooking.suggestions(enrolment, now=now)
    ]


def _because(reason: str) -> list[str]:
    """Return the words before a quoted reason, where there is one."""
    return [_("The reason is:")] if reason else []


def _until(moment: datetime | None) -> str:
    return dates.moment_in_words(moment) if moment is not None else ""


def _cancel_until(enrolment: Enrolment) -> datetime:
    return cancelling.cancel_until(enrolment.session, places.the_municipality(), SchoolCalendar.load())


def _enrolled_by(message: Message, enrolment: Enrolment) -> list[str]:
    """Return the sentence that says who enrolled the class, when it was somebody else than the contact teacher."""
    who = message.parameters.get("enrolled_by")
    person = User.objects.filter(pk=who).first() if who else None
    if person is None:
        return []
    return [
        _("%(name)s (%(email)s) has enrolled the class, with you as contact teacher.")
        % {"name": person.name, "email": person.email}
    ]


def _write(message: Message, words: Words, session: Session, enrolment: Enrolment | None, now: datetime) -> Letter:
    """Put facts, words, button and file together."""
    offer = session.offer
    visit = snapshot.visit_of(enrolment, now) if enrolment is not None else None
    at_host = visit is not None and offer.venue == Offer.Venue.HOST
    subject_parts = {
        "kind": words.kind,
        "class": enrolment.class_label if enrolment is not None else offer.title,
        "day": dates.short_day(words.day or (visit.starts_at if visit is not None else session.starts_at)),
        "place": visit.host if visit is not None and at_host else _where(offer, enrolment),
    }
    if message.recipient_kind == "contact":
        url = _host_address(message, now)
    elif message.occasion == "leader_request" and enrolment is not None:
        url = _address("school-answer", enrolment.pk)
    elif message.occasion == "place_offered" and enrolment is not None:
        url = _address("enrolment-place", enrolment.pk)
    elif message.occasion in {"move_proposed", "move_nudge"} and enrolment is not None:
        url = _address("enrolment-move", enrolment.pk)
    elif enrolment is not None:
        url = _address("enrolment", enrolment.pk)
    else:
        url = _desk("session", session.pk)
    files = []
    if words.file is not None:
        if enrolment is not None and message.recipient_kind != "contact":
            content = calendar_file.calendar_file(enrolment, method=words.file, now=now)
            name = slugify(enrolment.class_label) or "klasse"
        else:
            content, name = calendar_file.host_file(session, now=now), offer.slug
        filename = f"{name}-{_first_day(session).isoformat()}.ics"
        files = [Attachment(filename=filename, content=content, mimetype=f"text/calendar; method={words.file}")]
    about_class = _class(enrolment) if enrolment is not None else []
    when = words.dates if words.dates is not None else _dates(session, enrolment, now)
    others = []
    if words.others and enrolment is not None:
        gone = message.occasion in {"session_cancelled", "move_released"}
        others = _instead(enrolment, now) if gone else _others(session, enrolment.places, now)
    context = {
        "name": _name(message),
        "title": visit.title if visit is not None else offer.title,
        "company": visit.host if visit is not None else offer.company.name,
        "sentences": words.sentences,
        "facts": [(word, value.split("\n")) for word, value in (*when, *about_class, *words.facts)],
        "quote": words.quote,
        "others": others,
        "url": url if words.button else "",
        "label": words.button,
        "reason": _reason(message),
    }
    subject = _("%(kind)s: %(class)s, %(day)s, %(place)s") % subject_parts
    return Letter(subject=subject, context=context, template="enrolment", attachments=files)


def _first_day(session: Session) -> date:
    return local_day(session.starts_at)


# --- To the teacher ----------------------------------------------------------------------------------------------


def _lot(enrolment: Enrolment) -> list[str]:
    """Return which number the class was drawn as, if lots were drawn."""
    if enrolment.draw_number is None:
        return []
    of = Enrolment.objects.filter(session=enrolment.session_id, draw_number__isnull=False).count()
    return [
        _("Lots were drawn among the requests: %(class)s was number %(number)d of %(of)d.")
        % {"class": enrolment.class_label, "number": enrolment.draw_number, "of": of}
    ]


def _in_draw(enrolment: Enrolment, now: datetime) -> Words:
    draw_at = enrolment.session.draw_at
    return Words(
        kind=_("In the draw"),
        sentences=[
            _("%(class)s is in the draw. Many ask at once when enrolment opens, so it does not count who is fastest.")
            % {"class": enrolment.class_label},
            _("Lots are drawn on %(when)s among all who asked before then. Right after, we write how it went.")
            % {"when": _until(draw_at)}
            if draw_at is not None and now < draw_at
            else _("Lots are drawn any moment. You came after the hour, so you stand behind those who were in time."),
            _("Until then no place is held, and you can still change the numbers or leave."),
            *(
                [_("At your school a leader approves each enrolment, and has been asked already.")]
                if enrolment.leader_answer == LeaderAnswer.AWAITED
                else []
            ),
        ],
        button=_("See your enrolment"),
    )


def _confirmed(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Enrolment confirmed"),
        sentences=[
            _("%(class)s has its places. %(company)s looks forward to meeting you.")
            % {"class": enrolment.class_label, "company": enrolment.session.offer.company.name},
            *_lot(enrolment),
            _("The attached file puts the visit into your calendar. We remind you in good time."),
            *_may_change(enrolment, now),
        ],
        button=_("See your enrolment"),
        file="PUBLISH",
    )


def _may_change(enrolment: Enrolment, now: datetime) -> list[str]:
    """Return until when the school changes and cancels by itself; of what has passed only that it has."""
    closes_at, until = enrolment.session.closes_at, _cancel_until(enrolment)
    if now < until and now < closes_at:
        return [
            _("You can change the numbers until %(when)s, and cancel until %(until)s.")
            % {"when": _until(closes_at), "until": _until(until)}
        ]
    said = []
    if now < closes_at:
        said.append(_("You can change the numbers until %(when)s.") % {"when": _until(closes_at)})
    if now < until:
        said.append(_("You can cancel until %(when)s.") % {"when": _until(until)})
    else:
        said.append(_("The deadline for cancelling has passed. If the class cannot come, ask on the enrolment's page."))
    return said


def _pending(enrolment: Enrolment, now: datetime) -> Words:
    if enrolment.leader_answer == LeaderAnswer.AWAITED:
        return Words(
            kind=_("Awaits your leader"),
            sentences=[
                _("%(class)s has its places for now. At your school a leader approves enrolments, and has been asked.")
                % {"class": enrolment.class_label},
                _("We hold your places until %(when)s. You get a mail as soon as there is an answer.")
                % {"when": _until(enrolment.answer_by)},
            ],
            button=_("See your enrolment"),
        )
    if enrolment.leader_answer == LeaderAnswer.APPROVED:
        return Words(
            kind=_("Approved and passed on"),
            sentences=[
                _("Your leader has approved that %(class)s takes part. The host or the municipality answers now.")
                % {"class": enrolment.class_label},
                _("We hold your places until %(when)s. You get a mail as soon as there is an answer.")
                % {"when": _until(enrolment.answer_by)},
            ],
            button=_("See your request"),
        )
    return Words(
        kind=_("Request received"),
        sentences=[
            _("Your request for %(class)s has been passed on. The host or the municipality answers each request.")
            % {"class": enrolment.class_label},
            _("We hold your places until %(when)s. You get a mail as soon as there is an answer.")
            % {"when": _until(enrolment.answer_by)},
        ],
        button=_("See your request"),
    )


def _waitlisted(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("On the waiting list"),
        sentences=[
            _("%(class)s is number %(position)d on the waiting list.")
            % {"class": enrolment.class_label, "position": waiting_list.position(enrolment)},
            *_lot(enrolment),
            " ".join(waiting_list.order_in_words(enrolment.session)),
            _("When enough places become free and it is your turn, we write to you, and you say yes or no."),
            *(
                [_("At your school a leader approves each enrolment, and has been asked already.")]
                if enrolment.leader_answer == LeaderAnswer.AWAITED
                else []
            ),
        ],
        button=_("See your place in line"),
        others=True,
    )


def _offered(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Place offered"),
        sentences=[
            _("There is room for %(class)s now.") % {"class": enrolment.class_label},
            _("We hold your places until %(when)s. After that they go to the next in line, if there is one.")
            % {"when": _until(enrolment.answer_by)},
        ],
        button=_("Say yes or no"),
    )


def _place_expired(enrolment: Enrolment, now: datetime) -> Words:
    gone_on = enrolment.session.enrolments.filter(
        status__in=[Status.OFFERED, Status.PENDING, Status.CONFIRMED],
        waiting_since__isnull=False,
        status_at__gte=enrolment.status_at,
    )
    return Words(
        kind=_("The offered place has run out"),
        sentences=[
            (
                _("We had no answer in time, so the places for %(class)s have gone to the next in line.")
                if gone_on.exists()
                else _("We had no answer in time, so the places for %(class)s are free again.")
            )
            % {"class": enrolment.class_label},
            _("You can enrol the class again, as long as enrolment is open."),
        ],
        button=_("See the enrolment"),
        others=True,
    )


def _had_its_places(enrolment: Enrolment) -> bool:
    """Return whether an enrolment that has ended had its places until then: only such a visit stands in a calendar.

    The log knows how it stood; once that is forgotten, whoever never waited had them.
    """
    ended = AuditEntry.objects.filter(
        object_type=enrolment._meta.label_lower,
        object_id=str(enrolment.pk),
        action="enrolment-" + enrolment.status.replace("_", "-"),
    )
    facts = ended.order_by("-at", "-pk").values_list("facts", flat=True).first() or {}
    before = facts.get("before")
    return enrolment.waiting_since is None if before is None else before in {Status.CONFIRMED, Status.PENDING}


def _cancelled(enrolment: Enrolment, now: datetime) -> Words:
    by_town = enrolment.status == Status.CANCELLED_BY_MUNICIPALITY
    # Where nobody has cancelled, it ended because the class has its places on another date.
    reason = enrolment.ended_reason if by_town or not enrolment.status_before else ""
    undo_until = None if by_town else cancelling.undo_until(enrolment, now)
    return Words(
        kind=_("Enrolment cancelled"),
        sentences=[
            (
                _("The municipality has cancelled the enrolment of %(class)s.")
                if by_town
                else _("The enrolment of %(class)s is cancelled.")
            )
            % {"class": enrolment.class_label},
            *(
                [
                    _("You can undo it on the enrolment's page until %(when)s, as long as the place is still free.")
                    % {"when": _until(undo_until)}
                ]
                if undo_until is not None
                else []
            ),
            *_because(reason),
        ],
        quote=reason,
        button=_("See the enrolment"),
        file="CANCEL" if _had_its_places(enrolment) else None,
    )


def _restored(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Enrolled after all"),
        sentences=[
            _("Cancelling was undone: the enrolment of %(class)s stands again as it stood before.")
            % {"class": enrolment.class_label}
        ],
        button=_("See the enrolment"),
        file="PUBLISH" if calendar_file.method_for(enrolment) == "PUBLISH" else None,
    )


def _declined(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Request declined"),
        sentences=[
            (
                _("Your leader has not approved that %(class)s takes part. The answer was:")
                if enrolment.leader_answer == LeaderAnswer.DECLINED
                else _("Unfortunately %(class)s cannot come this time. The answer was:")
            )
            % {"class": enrolment.class_label}
        ],
        quote=enrolment.ended_reason,
        button=_("See the request"),
        others=True,
    )


def _cancelling_declined(message: Message, enrolment: Enrolment) -> Words:
    municipality = places.the_municipality()
    reach = (municipality.name, as_written(municipality.contact_phone), municipality.contact_email)
    return Words(
        kind=_("The class is still expected"),
        sentences=[
            _("You have asked to cancel %(class)s. The municipality's coordinator cannot agree, so the visit stands.")
            % {"class": enrolment.class_label},
            _("If the class really cannot come, call the coordinator. You can also ask again. The answer was:"),
        ],
        quote=message.parameters.get("reason", ""),
        facts=[(_("Coordinator"), "\n".join(part for part in reach if part))],
        button=_("See the enrolment"),
    )


def _request_expired(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Request expired"),
        sentences=[
            (
                _("Your leader did not answer in time whether %(class)s takes part, so the places are free again.")
                if enrolment.leader_answer == LeaderAnswer.AWAITED
                else _(
                    "Nobody answered your request for %(class)s in time, so the places are free again. We are sorry."
                )
            )
            % {"class": enrolment.class_label},
            _("The municipality's coordinators have been told. You are welcome to ask again."),
        ],
        button=_("See the request"),
        others=True,
    )


def _session_cancelled(enrolment: Enrolment, now: datetime) -> Words:
    company = snapshot.visit_of(enrolment, now).host
    by_host = enrolment.status == Status.CANCELLED_BY_HOST
    return Words(
        kind=_("Visit cancelled"),
        sentences=[
            (
                _("%(company)s has had to cancel the session with %(class)s.")
                if by_host
                else _("The municipality has had to cancel the session of %(class)s with %(company)s.")
            )
            % {"company": company, "class": enrolment.class_label},
            *(
                [_("Below are dates that suit the class. On the enrolment's page you take one of them with one click.")]
                if rebooking.suggestions(enrolment, now=now, most=1)
                else []
            ),
            *_because(enrolment.ended_reason),
        ],
        quote=enrolment.ended_reason,
        button=_("See the enrolment"),
        others=True,
        file="CANCEL" if _had_its_places(enrolment) else None,
    )


def _was(message: Message) -> list[tuple[str, str]]:
    """Return when (and where, if that changed too) a moved session was, from what the mail was promised with."""
    times = message.parameters.get("before", [])
    places = [one["place"] for one in times]
    moved_house = any(places) and places != [one.place for one in _meetings(message)]
    return [(_("Was"), _times_in_words(times, with_place=moved_house))]


def _times_in_words(times: list[dict[str, str]], *, with_place: bool) -> str:
    """Return dates that a mail was promised with, one below the other."""
    return "\n".join(
        dates.span_in_words(datetime.fromisoformat(one["starts_at"]), datetime.fromisoformat(one["ends_at"]))
        + (f", {one['place']}" if with_place and one["place"] else "")
        for one in times
    )


def _meetings(message: Message) -> list[Meeting]:
    """Return the dates of the session that a mail is about, or of the session its enrolment is in."""
    rows = Meeting.objects.filter(Q(session=message.reference_id) | Q(session__enrolments=message.reference_id))
    return list(rows.exclude(state=Meeting.State.CANCELLED).order_by("number"))


def _proposal_falls(message: Message) -> list[str]:
    """Return the sentence that an earlier proposal no longer counts, to those who were asked about it."""
    if not message.parameters.get("dropped"):
        return []
    return [_("The new time that you were asked about before no longer counts, and nobody needs to answer any more.")]


def _proposal_fell(message: Message) -> list[str]:
    """Return, to the host, that an earlier proposal no longer counts: it fell in the deed that the mail tells of."""
    fell = MoveProposal.objects.filter(
        session=message.reference_id, state=MoveProposal.State.WITHDRAWN, ended_at=message.created_at
    )
    if not fell.exists():
        return []
    return [_("The new time that was proposed before no longer counts. The classes need not answer any more.")]


def _session_moved(message: Message, enrolment: Enrolment, now: datetime) -> Words:
    coming = calendar_file.method_for(enrolment) == "PUBLISH"
    company = enrolment.session.offer.company.name
    sentences = [
        (
            _("The visit of %(class)s at %(company)s has a new time.")
            if coming
            else _("The session at %(company)s, for which %(class)s is in line, has a new time.")
        )
        % {"class": enrolment.class_label, "company": company},
    ]
    if coming:
        sentences += [
            _("Your enrolment follows along; you need do nothing. The attached file replaces your calendar entry."),
            _("If the new time does not suit the class, cancel on the enrolment's page. It costs nothing."),
        ]
    elif enrolment.status == Status.IN_DRAW:
        sentences = [
            _("The session that %(class)s is in the draw for has a new time. You stay in the draw.")
            % {"class": enrolment.class_label}
        ]
    else:
        sentences.append(_("You keep your place in the line."))
    return Words(
        kind=_("Visit moved"),
        sentences=[*sentences, *_proposal_falls(message)],
        facts=_was(message),
        button=_("See your enrolment"),
        file="PUBLISH" if coming else None,
    )


def _proposal(message: Message) -> MoveProposal | None:
    """Return the proposed move that a mail is about, with its dates."""
    rows = MoveProposal.objects.prefetch_related("meetings").select_related("session__offer__company")
    return rows.filter(pk=message.parameters.get("proposal")).first()


def _old_and_new(proposal: MoveProposal, enrolment: Enrolment | None) -> list[tuple[str, str]]:
    """Return the time there is and the time that is proposed, with the places where they differ."""
    session = proposal.session
    now_there, then = moving.standing(session), list(proposal.meetings.all())
    elsewhere = [one.place for one in now_there] != [one.place for one in then]
    facts = [
        (_("Now"), _times_in_words(moving.times(now_there), with_place=elsewhere)),
        (_("Proposed"), _times_in_words(moving.times(then), with_place=elsewhere)),
    ]
    if not elsewhere and len({_place(one, session.offer, enrolment) for one in now_there}) == 1:
        facts.append((_("Where"), _place(now_there[0], session.offer, enrolment)))
    return facts


def _who_moves(proposal: MoveProposal, enrolment: Enrolment) -> str:
    """Return the sentence that says who wants to move the visit."""
    words = (
        _("%(company)s would like to move the visit of %(class)s.")
        if proposal.proposed_by == MoveProposal.Side.HOST
        else _("The municipality would like to move the visit of %(class)s at %(company)s.")
    )
    return words % {"company": enrolment.session.offer.company.name, "class": enrolment.class_label}


def _silence(proposal: MoveProposal) -> str:
    """Return what silence means, and until when."""
    words = (
        _("Please answer before %(when)s. Without an answer we count on the class coming at the new time.")
        if proposal.silence == MoveDefault.KEEP
        else _("Please answer before %(when)s. Without an answer your places are given back.")
    )
    return words % {"when": _until(proposal.answer_by)}


def _move_proposed(proposal: MoveProposal, enrolment: Enrolment) -> Words:
    return Words(
        kind=_("New time proposed"),
        sentences=[
            _who_moves(proposal, enrolment),
            _("Can the class come at the new time? Answer yes or no; both are all right."),
            _silence(proposal),
            _("Until then nothing is changed. The reason is:"),
        ],
        quote=proposal.reason,
        dates=_old_and_new(proposal, enrolment),
        button=_("Answer about the new time"),
    )


def _move_nudge(proposal: MoveProposal, enrolment: Enrolment) -> Words:
    return Words(
        kind=_("We miss your answer about the new time"),
        sentences=[
            _who_moves(proposal, enrolment),
            _("We have not heard whether the class can come at the new time."),
            _silence(proposal),
        ],
        dates=_old_and_new(proposal, enrolment),
        button=_("Answer about the new time"),
    )


def _move_withdrawn(proposal: MoveProposal, enrolment: Enrolment) -> Words:
    return Words(
        kind=_("The visit stays where it is"),
        sentences=[
            _("The proposed new time for the visit of %(class)s at %(company)s has been withdrawn.")
            % {"class": enrolment.class_label, "company": enrolment.session.offer.company.name},
            _("The visit takes place at the time you know. You need do nothing."),
        ],
        button=_("See your enrolment"),
    )


def _move_released(message: Message, enrolment: Enrolment, now: datetime) -> Words:
    before, after = message.parameters.get("before", []), message.parameters.get("after", [])
    elsewhere = [one["place"] for one in before] != [one["place"] for one in after]
    proposal, held = _proposal(message), _had_its_places(enrolment)
    by_town = proposal is not None and proposal.proposed_by == MoveProposal.Side.MUNICIPALITY
    return Words(
        kind=_("Visit moved without your class"),
        sentences=[
            (
                _("The municipality has moved the visit at %(company)s, and %(class)s does not come at the new time.")
                if by_town
                else _("%(company)s has moved the visit, and %(class)s does not come at the new time.")
            )
            % {"company": enrolment.session.offer.company.name, "class": enrolment.class_label},
            _("Your places are released. It does not count against the school. The attached file removes the entry.")
            if held
            else _("Your places are released. It does not count against the school."),
            *(
                [_("Below are dates that suit the class. On the enrolment's page you take one of them with one click.")]
                if rebooking.suggestions(enrolment, now=now, most=1)
                else []
            ),
            *_because(enrolment.ended_reason),
        ],
        quote=enrolment.ended_reason,
        dates=[
            (_("Was"), _times_in_words(before, with_place=elsewhere)),
            (_("New time"), _times_in_words(after, with_place=elsewhere)),
        ],
        day=datetime.fromisoformat(before[0]["starts_at"]) if before else None,
        button=_("See the enrolment"),
        others=True,
        file="CANCEL" if held else None,
    )


def _called_off(message: Message, session: Session) -> list[tuple[str, str]]:
    """Return the dates of a session that were called off, from what the mail was promised with."""
    rows = session.meetings.filter(number__in=message.parameters.get("numbers", [])).order_by("number")
    return [(_("Called off"), "\n".join(dates.span_in_words(one.starts_at, one.ends_at) for one in rows))]


def _first_off(message: Message, session: Session) -> datetime | None:
    """Return when the first of them would have begun, for the subject."""
    rows = session.meetings.filter(number__in=message.parameters.get("numbers", [])).order_by("number")
    return rows.values_list("starts_at", flat=True).first()


def _goes_on(message: Message) -> str:
    """Return what becomes of the rest."""
    if message.parameters.get("rest"):
        return _("Too few dates are left for the course to make sense, so the rest is called off. What was held stays.")
    return _("The course goes on without it. The other dates stay as they are.")


def _meeting_cancelled(message: Message, enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("One date called off"),
        sentences=[
            _("A date of the visit of %(class)s at %(company)s has been called off.")
            % {"class": enrolment.class_label, "company": enrolment.session.offer.company.name},
            _goes_on(message),
            *_proposal_falls(message),
            _("The attached file takes the date out of your calendar. The reason is:")
            if calendar_file.method_for(enrolment) == "PUBLISH"
            else _("The reason is:"),
        ],
        quote=str(message.parameters.get("reason", "")),
        facts=_called_off(message, enrolment.session),
        day=_first_off(message, enrolment.session),
        button=_("See your enrolment"),
        file="PUBLISH" if calendar_file.method_for(enrolment) == "PUBLISH" else None,
    )


def _did_not_come(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Noted that the class did not come"),
        sentences=[
            _("It has been noted that %(class)s did not come to %(company)s, so the visit does not count.")
            % {"class": enrolment.class_label, "company": enrolment.session.offer.company.name},
            _("Did the class come? Say so before %(when)s; then the municipality's coordinator looks at it.")
            % {"when": _until(enrolment.status_at + encounters.OBJECT_WITHIN)},
        ],
        button=_("See the enrolment"),
    )


def _handed_over(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("You are the contact now"),
        sentences=[
            _("You are now the contact teacher of the enrolment below: %(class)s at %(company)s.")
            % {"class": enrolment.class_label, "company": enrolment.session.offer.company.name},
            _("From now on reminders and messages about it go to you. The host is told, too."),
            _("If it should be somebody else, write to the municipality."),
        ],
        button=_("See the enrolment"),
        file="PUBLISH" if calendar_file.method_for(enrolment) == "PUBLISH" else None,
    )


def _handed_on(enrolment: Enrolment, now: datetime) -> Words:
    name = enrolment.teacher.name if enrolment.teacher else ""
    return Words(
        kind=_("Enrolment handed over"),
        sentences=[
            _("%(name)s is now the contact teacher of the enrolment below. You get no more mails about it.")
            % {"name": name}
        ],
    )


# --- To the host -------------------------------------------------------------------------------------------------


def _host_new(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("New class"),
        sentences=[
            _("%(class)s from %(school)s is enrolled.")
            % {"class": enrolment.class_label, "school": enrolment.school.name},
            _("On your page you see everyone who comes, and can cancel the session if you have to."),
        ],
        facts=[*_teacher(enrolment), *_needs(enrolment)],
        button=_("See who comes"),
    )


def _agreed(enrolment: Enrolment, now: datetime) -> Words:
    company = enrolment.session.offer.company.name
    return Words(
        kind=_("Agreed"),
        sentences=[
            _("%(class)s and %(company)s have agreed on a time. The visit is confirmed, and the host has your address.")
            % {"class": enrolment.class_label, "company": company},
            _("The attached file puts the visit into your calendar. We remind you in good time."),
        ],
        button=_("See your enrolment"),
        file="PUBLISH",
    )


def _host_agreed(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Agreed"),
        sentences=[
            _("You and %(class)s from %(school)s have agreed on a time. The visit is confirmed.")
            % {"class": enrolment.class_label, "school": enrolment.school.name},
            _("The attached file puts it into your calendar. From now on you can write to the teacher yourself."),
        ],
        facts=[*_teacher(enrolment), *_needs(enrolment)],
        button=_("See who comes"),
        file="PUBLISH",
    )


def _host_came_to_nothing(enrolment: Enrolment, now: datetime) -> Words:
    if enrolment.status == Status.CANCELLED_BY_SCHOOL:
        why = _("You had found a time with %(class)s from %(school)s, but the class has cancelled.")
    elif enrolment.status == Status.CANCELLED_BY_MUNICIPALITY:
        why = _("You had found a time with %(class)s from %(school)s, but the municipality has cancelled the visit.")
    else:
        why = _("You had found a time with %(class)s from %(school)s, but the school has not approved the visit.")
    return Words(
        kind=_("The agreed visit does not take place"),
        sentences=[
            why % {"class": enrolment.class_label, "school": enrolment.school.name},
            _("You need not keep the time free. On your page you can call the date off."),
        ],
        button=_("See your sessions"),
    )


def _host_request(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Request from a class"),
        sentences=[
            _("%(class)s from %(school)s would like to come. May they?")
            % {"class": enrolment.class_label, "school": enrolment.school.name},
            _("Please answer before %(when)s. Until then the places are held.") % {"when": _until(enrolment.answer_by)},
        ],
        facts=_needs(enrolment),
        button=_("Answer the request"),
    )


def _host_request_nudge(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Reminder: a class waits for your answer"),
        sentences=[
            _("%(class)s from %(school)s still waits for your answer. A no is an answer, too.")
            % {"class": enrolment.class_label, "school": enrolment.school.name},
            _("Please answer before %(when)s. Until then the places are held.") % {"when": _until(enrolment.answer_by)},
        ],
        facts=_needs(enrolment),
        button=_("Answer the request"),
    )


def _host_changed(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Numbers changed"),
        sentences=[
            _("%(class)s from %(school)s has changed how many come.")
            % {"class": enrolment.class_label, "school": enrolment.school.name}
        ],
        button=_("See who comes"),
    )


def _host_cancelled(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Class cancelled"),
        sentences=[
            _("%(class)s from %(school)s does not come after all.")
            % {"class": enrolment.class_label, "school": enrolment.school.name},
            _("If other classes wait in line, the places are offered to them."),
        ],
        button=_("See who comes"),
    )


def _host_restored(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("The class comes after all"),
        sentences=[
            _("%(class)s from %(school)s comes after all. Please forget that it had cancelled.")
            % {"class": enrolment.class_label, "school": enrolment.school.name}
        ],
        button=_("See who comes"),
    )


def _host_new_teacher(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("New contact teacher"),
        sentences=[
            _("%(class)s from %(school)s comes as agreed, but with another contact teacher.")
            % {"class": enrolment.class_label, "school": enrolment.school.name}
        ],
        facts=_teacher(enrolment) if enrolment.status in COMING else [],
        button=_("See who comes"),
    )


def _host_session_cancelled(message: Message, session: Session, now: datetime) -> Words:
    ended = 0 if planning.closed_without_class(session) else _ended_with(session)
    return Words(
        kind=_("Session cancelled"),
        sentences=[
            _("The visit below does not take place.")
            if planning.closed_without_class(session)
            else ngettext(
                "The session below has been cancelled, and %(count)d class has been told.",
                "The session below has been cancelled, and %(count)d classes have been told.",
                ended,
            )
            % {"count": ended}
            if ended
            else _("The session below has been cancelled. No class was enrolled."),
            *_proposal_fell(message),
            *_because(session.cancel_reason),
        ],
        quote=session.cancel_reason,
        button=_("See your sessions"),
    )


def _host_session_moved(message: Message, session: Session, now: datetime) -> Words:
    left = int(message.parameters.get("left", 0))
    return Words(
        kind=_("Session moved"),
        sentences=[
            ngettext(
                "The session below has a new time. %(count)d class cannot come and is released; the others come.",
                "The session below has a new time. %(count)d classes cannot come and are released; the others come.",
                left,
            )
            % {"count": left}
            if left
            else _("The session below has a new time. The classes have been told, and those enrolled stay enrolled.")
            if session.enrolments.filter(status__in=Status.open()).exists()
            else _("The session below has a new time. No class is enrolled."),
            *_proposal_fell(message),
            _("The attached file puts the new time into your calendar."),
        ],
        facts=_was(message),
        button=_("See your sessions"),
        file="PUBLISH",
    )


def _coordinator_session_moved(message: Message, session: Session, now: datetime) -> Words:
    return Words(
        kind=_("Session moved by the host"),
        sentences=[
            _("%(company)s has given the session below a new time. The classes have been told.")
            % {"company": session.offer.company.name}
        ],
        facts=_was(message),
        button=_("See the session"),
    )


def _asked(proposal: MoveProposal) -> str:
    """Return how many classes are asked, and until when."""
    count = proposal.answers.count()
    return ngettext(
        "%(count)d class is asked whether it can come at the new time, and has until %(when)s to answer.",
        "%(count)d classes are asked whether they can come at the new time, and have until %(when)s to answer.",
        count,
    ) % {"count": count, "when": _until(proposal.answer_by)}


def _host_move_proposed(proposal: MoveProposal, now: datetime) -> Words:
    keeps = proposal.silence == MoveDefault.KEEP
    return Words(
        kind=_("Move proposed"),
        sentences=[
            _asked(proposal),
            _("A class that does not answer is counted on at the new time.")
            if keeps
            else _("A class that does not answer gives its places back."),
            _("Until then the session stays where it is. When all have answered it moves at once, and you get a mail."),
            *_because(proposal.reason),
        ],
        quote=proposal.reason,
        dates=_old_and_new(proposal, None),
        button=_("See your sessions"),
    )


def _host_move_withdrawn(proposal: MoveProposal, now: datetime) -> Words:
    return Words(
        kind=_("The session stays where it is"),
        sentences=[
            _("The proposed move has been withdrawn. The classes that were asked have been told."),
        ],
        button=_("See your sessions"),
    )


def _coordinator_move_proposed(proposal: MoveProposal, now: datetime) -> Words:
    return Words(
        kind=_("The host proposes a move"),
        sentences=[
            _("%(company)s would like to move the session below.") % {"company": proposal.session.offer.company.name},
            _asked(proposal),
            *_because(proposal.reason),
        ],
        quote=proposal.reason,
        dates=_old_and_new(proposal, None),
        button=_("See the session"),
    )


def _host_meeting_cancelled(message: Message, session: Session, now: datetime) -> Words:
    return Words(
        kind=_("One date called off"),
        sentences=[
            _("A date of the session below has been called off, and the classes have been told."),
            _goes_on(message),
            *_proposal_fell(message),
            _("The attached file takes the date out of your calendar. The reason is:"),
        ],
        quote=str(message.parameters.get("reason", "")),
        facts=_called_off(message, session),
        day=_first_off(message, session),
        button=_("See your sessions"),
        file="PUBLISH",
    )


def _coordinator_meeting_cancelled(message: Message, session: Session, now: datetime) -> Words:
    return Words(
        kind=_("One date called off by the host"),
        sentences=[
            _("%(company)s has called off a date of the session below. The classes have been told.")
            % {"company": session.offer.company.name},
            _goes_on(message),
            _("The reason is:"),
        ],
        quote=str(message.parameters.get("reason", "")),
        facts=_called_off(message, session),
        day=_first_off(message, session),
        button=_("See the session"),
    )


# --- To the school's leaders --------------------------------------------------------------------------------------


def _leader_request(enrolment: Enrolment, now: datetime) -> Words:
    teacher = enrolment.teacher.name if enrolment.teacher else _("A colleague")
    if enrolment.status == Status.IN_DRAW:
        waits = _("The class is in the draw. Your answer is asked for now, so that it has its places once it is drawn.")
    elif enrolment.status == Status.WAITLISTED:
        waits = _(
            "The class stands in line. Your answer is asked for now, so that no time is lost when it is its turn."
        )
    else:
        waits = _("The places are held until %(when)s. Without your answer they are released then.") % {
            "when": _until(enrolment.answer_by)
        }
    return Words(
        kind=_("Enrolment to approve"),
        sentences=[
            _("%(teacher)s would like to take part with %(class)s.")
            % {"teacher": teacher, "class": enrolment.class_label},
            waits,
        ],
        button=_("Approve or decline"),
    )


# --- To the coordinators -----------------------------------------------------------------------------------------


def _coordinator_request(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Request waits for an answer"),
        sentences=[
            _("%(class)s has asked for places. The host has been asked; you can answer as well.")
            % {"class": enrolment.class_label},
            _("The places are held until %(when)s.") % {"when": _until(enrolment.answer_by)},
        ],
        button=_("See the request"),
    )


def _coordinator_request_nudge(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Request still waits for an answer"),
        sentences=[
            _("The host has not answered the request of %(class)s for three school days. You can answer as well.")
            % {"class": enrolment.class_label},
            _("The places are held until %(when)s.") % {"when": _until(enrolment.answer_by)},
        ],
        button=_("See the request"),
    )


def _coordinator_expired(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Request expired"),
        sentences=[
            (
                _("%(school)s did not answer in time whether %(class)s takes part. The places are free again.")
                if enrolment.leader_answer == LeaderAnswer.AWAITED
                else _(
                    "Nobody answered the request of %(class)s in time."
                    " The places are free again, and the teacher knows."
                )
            )
            % {"class": enrolment.class_label, "school": enrolment.school.name},
            _("A telephone call to host and teacher may still save the visit."),
        ],
        button=_("See the request"),
    )


def _coordinator_cancelled(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("Class cancelled"),
        sentences=[
            (
                _("The municipality has cancelled %(class)s. The host knows, and places are offered to those who wait.")
                if enrolment.status == Status.CANCELLED_BY_MUNICIPALITY
                else _("%(class)s has cancelled. The host knows, and places are offered to those who wait.")
            )
            % {"class": enrolment.class_label},
            *_because(enrolment.ended_reason),
        ],
        quote=enrolment.ended_reason,
        button=_("See the enrolment"),
    )


def _coordinator_restored(enrolment: Enrolment, now: datetime) -> Words:
    return Words(
        kind=_("The class comes after all"),
        sentences=[
            _("%(class)s has undone its cancelling and stands as before. The host knows.")
            % {"class": enrolment.class_label}
        ],
        button=_("See the enrolment"),
    )


def _coordinator_asked_to_cancel(enrolment: Enrolment, now: datetime) -> Words:
    teacher = enrolment.teacher
    reach = (teacher.name, teacher.email, as_written(enrolment.teacher_phone)) if teacher is not None else ()
    return Words(
        kind=_("A class asks to cancel late"),
        sentences=[
            _("%(class)s from %(school)s cannot come, and the deadline for cancelling was %(when)s.")
            % {
                "class": enrolment.class_label,
                "school": enrolment.school_name,
                "when": _until(_cancel_until(enrolment)),
            },
            _("The class stays enrolled until you cancel it at your desk. Then host and teacher are told. The reason:"),
        ],
        quote=enrolment.ended_reason,
        facts=[(_("Teacher"), "\n".join(part for part in reach if part))] if reach else [],
        button=_("Decide at your desk"),
    )


def _ended_with(session: Session) -> int:
    """Return how many classes were told that the session is cancelled; an earlier move had released others."""
    log = AuditEntry.objects.filter(
        object_type=session._meta.label_lower, object_id=str(session.pk), action="session-cancelled"
    )
    when = log.order_by("-at").values_list("at", flat=True).first()
    told = session.enrolments.filter(status__in=[Status.CANCELLED_BY_HOST, Status.CANCELLED_BY_MUNICIPALITY])
    return (told.filter(status_at__gte=when) if when is not None else told).count()


def _coordinator_session_cancelled(message: Message, session: Session, now: datetime) -> Words:
    ended = _ended_with(session)
    return Words(
        kind=_("Session cancelled by the host"),
        sentences=[
            (
                ngettext(
                    "%(company)s has cancelled the session below. %(count)d class has been told.",
                    "%(company)s has cancelled the session below. %(count)d classes have been told.",
                    ended,
                )
                if ended
                else _("%(company)s has cancelled the session below. No class was enrolled.")
            )
            % {"company": session.offer.company.name, "count": ended},
            *_because(session.cancel_reason),
        ],
        quote=session.cancel_reason,
        button=_("See the session"),
    )


def _coordinator_place_free(message: Message, session: Session, now: datetime) -> Words:
    first = places.line(session).select_related("school_class", "school", "teacher").first()
    facts = []
    if first is not None:
        label = f"{first.school_class.label(_first_day(session))}, {first.school.name}"
        first.session = session
        reach = (label, _people(first), first.teacher.name if first.teacher else "", as_written(first.teacher_phone))
        facts.append((_("First in line"), "\n".join(part for part in reach if part)))
    return Words(
        kind=_("Free places shortly before closing"),
        sentences=[
            _("Places became free, but it is too late to offer them by mail and wait for an answer."),
            _("If you reach the first in line by telephone, you can give them the place at your desk.")
            if first is not None
            else _("Nobody waits in line any more."),
        ],
        facts=facts,
        button=_("See the session"),
    )


def declined_as_it_would_be(enrolment: Enrolment, *, reason: str, now: datetime) -> EmailMultiAlternatives | None:
    """Return the mail that the teacher would get if the request were declined so; None when nobody gets one."""
    message = _unsent("enrolment_declined", enrolment)
    if message is None:
        return None
    as_declined = copy(enrolment)
    as_declined.status, as_declined.ended_reason = Status.DECLINED, reason[:300]
    return mail.write(
        message, lambda: _write(message, _declined(as_declined, now), as_declined.session, as_declined, now)
    )


def still_expected_as_it_would_be(enrolment: Enrolment, *, reason: str, now: datetime) -> EmailMultiAlternatives | None:
    """Return the mail that the teacher would get if the coordinator did not agree to cancel; None when nobody does."""
    message = _unsent("cancelling_declined", enrolment)
    if message is None:
        return None
    message.parameters = {"reason": reason[:300]}
    return mail.write(
        message, lambda: _write(message, _cancelling_declined(message, enrolment), enrolment.session, enrolment, now)
    )


def _unsent(occasion: str, enrolment: Enrolment) -> Message | None:
    """Return a mail to the contact teacher that is only looked at; None without a teacher to write to."""
    teacher = enrolment.teacher
    if teacher is None or not teacher.is_active:
        return None
    return Message(
        occasion=occasion,
        reference_id=enrolment.pk,
        recipient_kind="user",
        recipient_id=teacher.pk,
        address=teacher.email,
        language=teacher.language,
    )


# --- When each is still wanted ------------------------------------------------------------------------------------


def _about_enrolment(
    words: Callable[[Enrolment, datetime], Words], *statuses: str, coming: bool = False, former: bool = False
) -> Occasion:
    """Return an occasion about an enrolment, wanted in these statuses only (``coming``: until the visit is over).

    ``former``: it goes to who was the contact teacher, as long as somebody else is now.
    """

    def still_wanted(message: Message, now: datetime) -> bool:
        enrolment = _enrolment(message)
        if enrolment is None or enrolment.status not in statuses or not _receiver_stays(message):
            return False
        if message.occasion.startswith("leader_"):
            person = _person(message)
            asked = enrolment.leader_answer == LeaderAnswer.AWAITED and now < enrolment.session.starts_at
            return asked and person is not None and membership.leads(person, enrolment.school_id)
        if message.occasion.endswith("_request_nudge") and (
            enrolment.leader_answer == LeaderAnswer.AWAITED or enrolment.answer_by is None or enrolment.answer_by <= now
        ):
            return False
        to_teacher = message.recipient_kind == "user" and not message.occasion.startswith("coordinator_")
        if to_teacher and (enrolment.teacher_id == message.recipient_id) == former:
            return False
        if enrolment.status == Status.OFFERED and enrolment.answer_by is not None and enrolment.answer_by <= now:
            return False
        return not (coming and now >= enrolment.session.ends_at)

    def letter(message: Message, now: datetime) -> Letter:
        enrolment = _enrolment(message)
        assert enrolment is not None
        said = words(enrolment, now)
        said = replace(said, sentences=[*_enrolled_by(message, enrolment), *said.sentences])
        return _write(message, said, enrolment.session, enrolment, now)

    return Occasion(still_wanted=still_wanted, letter=letter)


def _about_session(words: Callable[[Message, Session, datetime], Words], state: str) -> Occasion:
    """Return an occasion about a session, wanted while it is in this state and not over."""

    def still_wanted(message: Message, now: datetime) -> bool:
        session = _session(message)
        return session is not None and session.state == state and now < session.ends_at and _receiver_stays(message)

    def letter(message: Message, now: datetime) -> Letter:
        session = _session(message)
        assert session is not None
        return _write(message, words(message, session, now), session, None, now)

    return Occasion(still_wanted=still_wanted, letter=letter)


def _unmoved_since(message: Message, session: Session) -> bool:
    """Return whether the session has not been moved again or cancelled since the mail was promised."""
    return session.state == Session.State.OPEN and session.sequence == message.parameters.get("sequence")


def _changed_for_teacher(words: Callable[[Message, Enrolment, datetime], Words]) -> Occasion:
    """Return an occasion that tells a teacher of a session's new time, or of a date of it that was called off."""

    def still_wanted(message: Message, now: datetime) -> bool:
        enrolment = _enrolment(message)
        return (
            enrolment is not None
            and enrolment.status in moving.TOLD_OF_MOVES
            and enrolment.teacher_id == message.recipient_id
            and _receiver_stays(message)
            and (message.occasion == "meeting_cancelled" or _unmoved_since(message, enrolment.session))
            and (message.occasion == "meeting_cancelled" or now < enrolment.session.ends_at)
            and enrolment.session.state == Session.State.OPEN
        )

    def letter(message: Message, now: datetime) -> Letter:
        enrolment = _enrolment(message)
        assert enrolment is not None
        return _write(message, words(message, enrolment, now), enrolment.session, enrolment, now)

    return Occasion(still_wanted=still_wanted, letter=letter)


def _about_proposal(words: Callable[[MoveProposal, Enrolment], Words], state: str, *, unanswered: bool) -> Occasion:
    """Return an occasion that tells a teacher of a proposed move (``unanswered``: until the class has answered)."""

    def still_wanted(message: Message, now: datetime) -> bool:
        enrolment, proposal = _enrolment(message), _proposal(message)
        return (
            enrolment is not None
            and proposal is not None
            and proposal.state == state
            and enrolment.status in moving.ASKED
            and enrolment.teacher_id == message.recipient_id
            and _receiver_stays(message)
            and now < (proposal.answer_by if unanswered else enrolment.session.starts_at)
            and not (unanswered and moving.answer_of(enrolment, proposal) != MoveAnswer.Answer.PENDING)
        )

    def letter(message: Message, now: datetime) -> Letter:
        enrolment, proposal = _enrolment(message), _proposal(message)
        assert enrolment is not None
        assert proposal is not None
        return _write(message, words(proposal, enrolment), enrolment.session, enrolment, now)

    return Occasion(still_wanted=still_wanted, letter=letter)


def _proposal_beside(words: Callable[[MoveProposal, datetime], Words], state: str) -> Occasion:
    """Return an occasion that tells host or coordinators of a proposed move, wanted while it is in this state."""

    def still_wanted(message: Message, now: datetime) -> bool:
        proposal = _proposal(message)
        return (
            proposal is not None
            and proposal.state == state
            and proposal.session.state == Session.State.OPEN
            and now < proposal.session.starts_at
            and _receiver_stays(message)
        )

    def letter(message: Message, now: datetime) -> Letter:
        proposal = _proposal(message)
        assert proposal is not None
        return _write(message, words(proposal, now), proposal.session, None, now)

    return Occasion(still_wanted=still_wanted, letter=letter)


def _released() -> Occasion:
    """Return the occasion that tells a teacher that the visit was moved without the class."""

    def still_wanted(message: Message, now: datetime) -> bool:
        enrolment = _enrolment(message)
        return (
            enrolment is not None
            and enrolment.status == Status.CANCELLED_BY_HOST
            and enrolment.teacher_id == message.recipient_id
            and _receiver_stays(message)
        )

    def letter(message: Message, now: datetime) -> Letter:
        enrolment = _enrolment(message)
        assert enrolment is not None
        return _write(message, _move_released(message, enrolment, now), enrolment.session, enrolment, now)

    return Occasion(still_wanted=still_wanted, letter=letter)


def _kept() -> Occasion:
    """Return the occasion that tells a teacher that the class is still expected, though the school asked to cancel."""

    def still_wanted(message: Message, now: datetime) -> bool:
        enrolment = _enrolment(message)
        return (
            enrolment is not None
            and enrolment.status == Status.CONFIRMED
            and enrolment.teacher_id == message.recipient_id
            and now < enrolment.session.starts_at
            and _receiver_stays(message)
        )

    def letter(message: Message, now: datetime) -> Letter:
        enrolment = _enrolment(message)
        assert enrolment is not None
        return _write(message, _cancelling_declined(message, enrolment), enrolment.session, enrolment, now)

    return Occasion(still_wanted=still_wanted, letter=letter)


def _moved(words: Callable[[Message, Session, datetime], Words]) -> Occasion:
    """Return an occasion that tells of a session's new time, wanted until it is moved again."""

    def still_wanted(message: Message, now: datetime) -> bool:
        session = _session(message)
        return (
            session is not None
            and session.state == Session.State.OPEN
            and (message.occasion.endswith("meeting_cancelled") or _unmoved_since(message, session))
            and now < session.ends_at
            and _receiver_stays(message)
        )

    def letter(message: Message, now: datetime) -> Letter:
        session = _session(message)
        assert session is not None
        return _write(message, words(message, session, now), session, None, now)

    return Occasion(still_wanted=still_wanted, letter=letter)


OCCASIONS: dict[str, Occasion] = {
    "session_moved": _changed_for_teacher(_session_moved),
    "move_proposed": _about_proposal(_move_proposed, MoveProposal.State.OPEN, unanswered=True),
    "move_nudge": _about_proposal(_move_nudge, MoveProposal.State.OPEN, unanswered=True),
    "move_withdrawn": _about_proposal(_move_withdrawn, MoveProposal.State.WITHDRAWN, unanswered=False),
    "move_released": _released(),
    "host_move_proposed": _proposal_beside(_host_move_proposed, MoveProposal.State.OPEN),
    "host_move_withdrawn": _proposal_beside(_host_move_withdrawn, MoveProposal.State.WITHDRAWN),
    "coordinator_move_proposed": _proposal_beside(_coordinator_move_proposed, MoveProposal.State.OPEN),
    "meeting_cancelled": _changed_for_teacher(_meeting_cancelled),
    "host_meeting_cancelled": _moved(_host_meeting_cancelled),
    "coordinator_meeting_cancelled": _moved(_coordinator_meeting_cancelled),
    "enrolment_no_show": _about_enrolment(_did_not_come, Status.NO_SHOW),
    "host_session_moved": _moved(_host_session_moved),
    "coordinator_session_moved": _moved(_coordinator_session_moved),
    "enrolment_confirmed": _about_enrolment(_confirmed, *COMING, coming=True),
    "enrolment_in_draw": _about_enrolment(_in_draw, Status.IN_DRAW, coming=True),
    "enrolment_pending": _about_enrolment(_pending, Status.PENDING),
    "enrolment_waitlisted": _about_enrolment(_waitlisted, Status.WAITLISTED, coming=True),
    "enrolment_handed_over": _about_enrolment(_handed_over, *Status.open(), coming=True),
    "enrolment_handed_on": _about_enrolment(_handed_on, *Status.open(), coming=True, former=True),
    "host_new_teacher": _about_enrolment(_host_new_teacher, Status.PENDING, *COMING, coming=True),
    "place_offered": _about_enrolment(_offered, Status.OFFERED),
    "place_expired": _about_enrolment(_place_expired, Status.OFFER_EXPIRED, coming=True),
    "enrolment_cancelled": _about_enrolment(
        _cancelled, Status.CANCELLED_BY_SCHOOL, Status.CANCELLED_BY_MUNICIPALITY, coming=True
    ),
    "cancelling_declined": _kept(),
    "enrolment_declined": _about_enrolment(_declined, Status.DECLINED, coming=True),
    "request_expired": _about_enrolment(_request_expired, Status.REQUEST_EXPIRED, coming=True),
    "session_cancelled": _about_enrolment(
        _session_cancelled, Status.CANCELLED_BY_HOST, Status.CANCELLED_BY_MUNICIPALITY, coming=True
    ),
    "host_new_enrolment": _about_enrolment(_host_new, *COMING, coming=True),
    "dialogue_agreed": _about_enrolment(_agreed, *COMING, coming=True),
    "host_dialogue_agreed": _about_enrolment(_host_agreed, *COMING, coming=True),
    "host_dialogue_came_to_nothing": _about_enrolment(
        _host_came_to_nothing,
        Status.DECLINED,
        Status.REQUEST_EXPIRED,
        Status.CANCELLED_BY_SCHOOL,
        Status.CANCELLED_BY_MUNICIPALITY,
        coming=True,
    ),
    "host_request": _about_enrolment(_host_request, Status.PENDING),
    "host_request_nudge": _about_enrolment(_host_request_nudge, Status.PENDING),
    "host_changed_enrolment": _about_enrolment(_host_changed, Status.PENDING, *COMING, coming=True),
    "host_cancelled_enrolment": _about_enrolment(
        _host_cancelled, Status.CANCELLED_BY_SCHOOL, Status.CANCELLED_BY_MUNICIPALITY, coming=True
    ),
    "leader_request": _about_enrolment(
        _leader_request, Status.PENDING, Status.WAITLISTED, Status.OFFERED, Status.IN_DRAW
    ),
    "enrolment_restored": _about_enrolment(_restored, *Status.open(), coming=True),
    "host_restored_enrolment": _about_enrolment(_host_restored, Status.PENDING, *COMING, coming=True),
    "coordinator_restored": _about_enrolment(_coordinator_restored, *Status.open(), coming=True),
    "coordinator_asked_to_cancel": _about_enrolment(_coordinator_asked_to_cancel, Status.CONFIRMED, coming=True),
    "coordinator_request": _about_enrolment(_coordinator_request, Status.PENDING),
    "coordinator_request_nudge": _about_enrolment(_coordinator_request_nudge, Status.PENDING),
    "coordinator_request_expired": _about_enrolment(_coordinator_expired, Status.REQUEST_EXPIRED, coming=True),
    "coordinator_cancelled": _about_enrolment(
        _coordinator_cancelled, Status.CANCELLED_BY_SCHOOL, Status.CANCELLED_BY_MUNICIPALITY, coming=True
    ),
    "host_session_cancelled": _about_session(_host_session_cancelled, Session.State.CANCELLED),
    "coordinator_session_cancelled": _about_session(_coordinator_session_cancelled, Session.State.CANCELLED),
    "coordinator_place_free": _about_session(_coordinator_place_free, Session.State.OPEN),
}

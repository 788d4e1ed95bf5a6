"""Rules: what stands against an enrolment, in words with the numbers and the next possibility.

The same function answers *why can I not enrol?* on the page and decides under the lock.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4, uuid5

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from offers.domain import dates, places
from offers.models import Offer, Session
from portal.domain import calendar
from portal.domain.refusal import Refusal
from portal.models import User
from schools.models import SchoolClass

MOST_PUPILS = 60
MOST_ADULTS = 20


@dataclass(frozen=True, kw_only=True)
class EnrolmentRequest:
    """What a class asks for. ``pupils`` left out means as many as there usually are in the class.

    ``teacher`` is the contact teacher, for whoever enrols on behalf of somebody else. ``even_if_grade`` says that it
    has been agreed that a class outside the course's grades may come.
    """

    school_class: SchoolClass
    pupils: int | None = None
    adults: int = 1
    phone: str = ""
    needs_step_free: bool = False
    needs_quiet: bool = False
    needs_diet: bool = False
    needs_language: bool = False
    needs_text: str = ""
    group: int = 1
    even_if_grade: bool = False
    teacher: User | None = None
    form_token: UUID = field(default_factory=uuid4)

    @property
    def head_count(self) -> int:
        """How many pupils come."""
        return self.pupils if self.pupils is not None else self.school_class.pupils

    def token_for(self, session: Session) -> UUID:
        """Return what recognises this request when it is sent again; another class on the same form is another one."""
        return uuid5(self.form_token, f"{session.pk}:{self.school_class.pk}:{self.group}")


def grade_of(school_class: SchoolClass, offer: Offer, session: Session) -> int:
    """Return the grade of the class on the day of the visit; for a group, the one nearest to what the course is for."""
    grades = school_class.grades(calendar.local_day(session.starts_at))
    wanted = offer.grade_from if offer.grade_from is not None else grades.start
    return min(max(wanted, grades.start), grades.stop - 1)


def refusal_for(session: Session, request: EnrolmentRequest | None, *, now: datetime) -> Refusal | None:
    """Return what stands against an enrolment, or None. The page asks without a request: is it open at all?

    The same function answers *why can I not enrol?* and decides under the lock.
    """
    return _session_refuses(session, now) or (_class_refused(session, request, now) if request else None)


def alternatives(session: Session, need: int, *, now: datetime) -> list[Session]:
    """Return up to three other sessions of the course that have so many free places, the next first."""
    others = Session.objects.bookable(now).filter(offer=session.offer_id).exclude(pk=session.pk)
    return [other for other in others.order_by("starts_at")[:20] if other.places_left >= max(need, 1)][:3]


def next_possibility(session: Session, need: int, *, now: datetime) -> str:
    """Return a sentence about where there is room instead."""
    others = alternatives(session, need, now=now)
    if not others:
        return _("There is no other session with room at the moment.")
    days = ", ".join(dates.moment_in_words(other.starts_at) for other in others)
    return _("There is room on: %(days)s.") % {"days": days}


def _session_refuses(session: Session, now: datetime) -> Refusal | None:
    """Return why nobody can be enrolled in the session, if so."""
    offer = session.offer
    refusal: tuple[str, str] | None = None
    if session.state == Session.State.CANCELLED:
        refusal = "cancelled", _("The session has been cancelled: %(reason)s") % {"reason": session.cancel_reason}
    elif offer.state == Offer.State.PAUSED:
        refusal = "paused", _("The course takes a break: %(reason)s") % {"reason": offer.pause_reason}
    elif offer.state != Offer.State.PUBLISHED:
        refusal = "not-published", _("The course is not open for enrolment.")
    elif now >= session.starts_at or session.state == Session.State.HELD:
        refusal = "begun", _("The session began on %(when)s.") % {"when": dates.moment_in_words(session.starts_at)}
    elif session.state != Session.State.OPEN:
        refusal = "not-open", _("The session is not open for enrolment yet.")
    elif now < session.opens_at:
        refusal = "not-open", _("Enrolment opens on %(when)s.") % {"when": dates.moment_in_words(session.opens_at)}
    elif now >= session.closes_at:
        refusal = "closed", _("Enrolment closed on %(when)s.") % {"when": dates.moment_in_words(session.closes_at)}
    if refusal is None:
        return None
    code, sentence = refusal
    if code in {"cancelled", "begun", "closed"}:
        sentence = f"{sentence} {next_possibility(session, 1, now=now)}"
    return Refusal(sentence, code=code)


def _class_refused(session: Session, request: EnrolmentRequest, now: datetime) -> Refusal | None:
    """Return why this class cannot be enrolled in the session, if so."""
    offer, school_class = session.offer, request.school_class
    day = calendar.local_day(session.starts_at)
    school = school_class.school
    if school.closed_on is not None and day >= school.closed_on:
        return Refusal(
            _("%(school)s is closed on the day of the visit.") % {"school": school},
            code="school-closed",
            field="school_class",
        )
    if not school_class.is_active or school_class.has_left(day):
        return Refusal(
            _("The class is no longer at the school on the day of the visit. Choose another class."),
            code="class-gone",
            field="school_class",
        )
    if not offer.suits(school_class.grades(day)) and not request.even_if_grade:
        return Refusal(
            _(
                "The course is for grades %(first)d to %(last)d, and %(label)s is outside them."
                " If you have agreed it with the host, tick that and send again."
            )
            % {"first": offer.grade_from, "last": offer.grade_to, "label": school_class.label(day)},
            code="grade",
            field="even_if_grade",
        )
    return numbers_refused(session, request.head_count, request.adults) or _full(session, request, now)


def numbers_refused(session: Session, pupils: int, adults: int) -> Refusal | None:
    """Return why so many people cannot come to the session, however empty it is."""
    offer = session.offer
    if not 1 <= pupils <= MOST_PUPILS:
        return Refusal(_("Write between 1 and 60 pupils."), code="pupils", field="pupils")
    if not 1 <= adults <= MOST_ADULTS:
        return Refusal(_("Write between 1 and 20 adults."), code="adults", field="adults")
    if offer.min_pupils and pupils < offer.min_pupils:
        return Refusal(
            _("The course needs at least %(least)d pupils, and you wrote %(pupils)d. Perhaps two classes can join.")
            % {"least": offer.min_pupils, "pupils": pupils},
            code="too-few",
            field="pupils",
        )
    if places.needed(offer, pupils) > session.places:
        return Refusal(
            _(
                "The session takes at most %(most)d pupils, and you wrote %(pupils)d."
                " You can enrol the class as two groups, in two sessions."
            )
            % {"most": session.places, "pupils": pupils},
            code="too-many",
            field="pupils",
        )
    return None


def _full(session: Session, request: EnrolmentRequest, now: datetime) -> Refusal | None:
    """Return a refusal when there is no room and no waiting list."""
    need = places.needed(session.offer, request.head_count)
    if session.offer.has_waiting_list or need <= session.places_left:
        return None
    sentence = ngettext(
        "%(left)d place is left, you need %(need)d, and the session has no waiting list.",
        "%(left)d places are left, you need %(need)d, and the session has no waiting list.",
        session.places_left,
    ) % {"left": session.places_left, "need": need}
    return Refusal(f"{sentence} {next_possibility(session, need, now=now)}", code="full")

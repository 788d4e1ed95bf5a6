"""Rules: what stands against an enrolment, in words with the numbers and the next possibility.

The same function answers *why can I not enrol?* on the page and decides under the lock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from offers.domain import dates, places
from offers.models import Encounter, Enrolment, Meeting, Offer, Session
from portal.domain import calendar
from portal.domain.calendar import SchoolCalendar
from portal.domain.compiled import CompiledQuery
from portal.domain.refusal import Refusal
from portal.models import Municipality, PriorityFor, User
from schools.models import SchoolClass

MOST_PUPILS = 60
MOST_ADULTS = 20


class Appears(models.TextChoices):
    """How a session appears to whoever wants to enrol: derived from what stands in it and from the hour."""

    CANCELLED = "cancelled", gettext_lazy("cancelled")
    HELD = "held", gettext_lazy("held")
    BEGUN = "begun", gettext_lazy("begun")
    CLOSED = "closed", gettext_lazy("enrolment has closed")
    NOT_YET = "not_yet", gettext_lazy("enrolment opens later")
    FULL = "full", gettext_lazy("full")
    FREE = "free", gettext_lazy("free places")


def state_of(session: Session, *, now: datetime) -> Appears:
    """Return how the session appears now; *full* means that not even the smallest group that may come fits."""
    if session.state == Session.State.CANCELLED:
        return Appears.CANCELLED
    if session.state == Session.State.HELD:
        return Appears.HELD
    if now >= session.starts_at:
        return Appears.BEGUN
    if now >= session.closes_at:
        return Appears.CLOSED
    if now < session.opens_at or session.state != Session.State.OPEN:
        return Appears.NOT_YET
    return Appears.FULL if session.is_full else Appears.FREE


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


def refusal_for(
    session: Session, request: EnrolmentRequest | None, *, now: datetime, by_coordinator: bool = False
) -> Refusal | None:
    """Return what stands against an enrolment, or None. The page asks without a request: is it open at all?

    The same function answers *why can I not enrol?* and decides under the lock. Limits and priority are not held
    against a coordinator: somebody must be able to make an exception.
    """
    return _session_refuses(session, now) or (
        _class_refused(session, request, now, by_coordinator) if request else None
    )


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a request becomes: its status, until when it is held or since when it waits, and what was seen then."""

    status: Enrolment.Status
    answer_by: datetime | None = None
    waiting_since: datetime | None = None
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether it holds its places."""
        return self.status in Enrolment.Status.holding()


def without_room(session: Session, request: EnrolmentRequest, *, now: datetime) -> Refusal | None:
    """Return why a class that nothing else stands against gets no place, without the session's row being held.

    Only where there is no line to join and no draw: then a session that is full now can only be told so.
    """
    return refusal_for(session, request, now=now) if _has_no_room(session, request) else None


def standing_for(
    session: Session, need: int, *, school_class: SchoolClass, awaits_leader: bool, now: datetime
) -> Standing:
    """Decide what an enrolment becomes that nothing stands against. The session's row is held.

    In the draw while lots are to be drawn; confirmed, or a request, when there is room and nobody in line comes first;
    else in line.
    Raises Refusal when there is no line.
    """
    if draws(session):
        return Standing(status=Enrolment.Status.IN_DRAW)
    seen: dict[str, Any] = {"left": session.places_left}
    last_in_line = _last_in_line.first(session=session.pk)
    passed = last_in_line is not None and need <= session.places_left and not _comes_behind(session, school_class)
    if passed:
        seen["passed"] = session.enrolments.waitlisted().count()
    if need > session.places_left or (last_in_line is not None and not passed):
        if not session.offer.has_waiting_list:
            raise Refusal(
                _("%(left)d places are free, and other classes are first in line for them. %(instead)s")
                % {"left": session.places_left, "instead": next_possibility(session, need, now=now)},
                code="full",
            )
        # Whoever held the row first was told the earlier place, whatever the clocks of two servers say.
        since = now if last_in_line is None else max(now, last_in_line + timedelta(microseconds=1))
        return Standing(status=Enrolment.Status.WAITLISTED, waiting_since=since, seen=seen)
    if awaits_leader or session.offer.acceptance == Offer.Acceptance.MANUAL:
        until = places.request_deadline(session, places.rules_for(session), SchoolCalendar.load(), now)
        return Standing(status=Enrolment.Status.PENDING, answer_by=until, seen=seen)
    return Standing(status=Enrolment.Status.CONFIRMED, seen=seen)


def _comes_behind(session: Session, school_class: SchoolClass) -> bool:
    """Return whether somebody in line comes before a class for whom there is room, by the rules the line moves by.

    It does not go behind whoever needs more than is free, where smaller groups may overtake, or more than the session
    has in all; nor, where classes without a visit stand first and it has had none, behind those that had. Otherwise a
    place would stay empty though somebody waits who fits.
    """
    rules = places.rules_for(session)
    waiting = session.enrolments.waitlisted()
    waiting = waiting.filter(places__lte=session.places_left if rules.smaller_may_overtake else session.places)
    if rules.unvisited_first:
        year = calendar.school_year_of(calendar.local_day(session.starts_at))
        visits = Encounter.objects.filter(school_class=school_class, school_year=year, voided_at__isnull=True)
        if not visits.exists():
            banded: Any = places.with_band(waiting)
            return bool(banded.filter(behind=0).exists())
    return waiting.exists()


def line_can_be_passed(session: Session) -> bool:
    """Return whether some class might get places at once though others wait (see :func:`_comes_behind`)."""
    rules = places.rules_for(session)
    if rules.smaller_may_overtake or rules.unvisited_first:
        return True
    return not session.enrolments.waitlisted().filter(places__lte=session.places).exists()


# When the last in line began to wait.
_last_in_line = CompiledQuery[datetime](
    lambda session: (
        Enrolment.objects.filter(session=session, status=Enrolment.Status.WAITLISTED, waiting_since__isnull=False)
        .order_by("-waiting_since")
        .values_list("waiting_since", flat=True)[:1]
    ),
    "session",
)


def draws(session: Session) -> bool:
    """Return whether requests go into the draw.

    Also those that come while a late worker has yet to draw: they stand behind everybody who came in time.
    """
    return session.draw_at is not None and session.drawn_at is None


def hold_classes(session: Session, classes: Iterable[SchoolClass]) -> None:
    """Hold the rows of classes whose number is limited, until the transaction ends: once, and all that it enrols.

    Two dates of one course are two rows, so holding the session keeps nobody from enrolling in both at once. Asked
    for after the session's row, in the order of their keys, so that nobody waits for who waits for them. Without a
    limit it asks nothing.
    """
    rules = places.rules_for(session)
    if _most_of_course(session, rules) is None and rules.most_per_class_at_company is None:
        return
    keys = [one.pk for one in classes]
    rows = SchoolClass.objects.filter(pk__in=keys).order_by("pk")
    list(rows.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))


def alternatives(session: Session, need: int, *, now: datetime) -> list[Session]:
    """Return up to three other sessions of the course that have so many free places, the next first."""
    others = _others_of_course(session=session.pk, offer=session.offer_id, now=now)
    for other in others:
        other.offer = session.offer
    return [one for one in others if one.places_left >= max(need, one.smallest_group) and not draws(one)][:3]


_others_of_course = CompiledQuery[Session](
    lambda session, offer, now: (
        Session.objects.bookable(now).filter(offer=offer).exclude(pk=session).order_by("starts_at")[:20]
    ),
    "session",
    "offer",
    "now",
)


def next_possibility(session: Session, need: int, *, now: datetime) -> str:
    """Return a sentence about where there is room instead."""
    return _where_there_is_room(alternatives(session, need, now=now))


def _where_there_is_room(others: list[Session]) -> str:
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
        refusal = (
            "paused",
            _("The course takes a break: %(reason)s When it goes on, you can enrol here again.")
            % {"reason": offer.pause_reason.rstrip(".") + "."},
        )
    elif offer.state != Offer.State.PUBLISHED:
        refusal = "not-published", _("The course is not open for enrolment. Look for another one in the catalogue.")
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
    if code in {"cancelled", "begun", "closed", "not-open"}:
        sentence = f"{sentence} {next_possibility(session, 1, now=now)}"
    return Refusal(sentence, code=code)


def _class_refused(session: Session, request: EnrolmentRequest, now: datetime, by_coordinator: bool) -> Refusal | None:
    """Return why this class cannot be enrolled in the session, if so."""
    offer, school_class = session.offer, request.school_class
    day = calendar.local_day(session.starts_at)
    school = school_class.school
    if school.closed_on is not None and day >= school.closed_on:
        return Refusal(
            _("%(school)s closes on %(day)s, before the visit. Choose an earlier date, or a class of another school.")
            % {"school": school, "day": dates.short_day(calendar.at(school.closed_on, 12))},
            code="school-closed",
            field="school_class",
        )
    if not school_class.is_active or school_class.has_left(day):
        return Refusal(
            _(
                "The class is no longer at the school on %(day)s: %(school)s goes to grade %(last)d. Choose another"
                " class, or ask the municipality if the last grade is wrong."
            )
            % {"day": dates.short_day(session.starts_at), "school": school, "last": school.grade_to}
            if school_class.is_active
            else _("The class is no longer at the school on %(day)s. Choose another class.")
            % {"day": dates.short_day(session.starts_at)},
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
    return (
        numbers_refused(session, request.head_count, request.adults)
        or (
            None
            if by_coordinator
            else limit_refused(session, school_class, now) or _must_wait(session, school_class, now)
        )
        or _full(session, request, now)
    )


def numbers_refused(session: Session, pupils: int, adults: int) -> Refusal | None:
    """Return why so many people cannot come to the session, however empty it is."""
    if not 1 <= pupils <= MOST_PUPILS:
        return Refusal(_("Write between 1 and 60 pupils."), code="pupils", field="pupils")
    if not 1 <= adults <= MOST_ADULTS:
        return Refusal(_("Write between 1 and 20 adults."), code="adults", field="adults")
    if pupils < session.least_pupils:
        return Refusal(
            _("The course needs at least %(least)d pupils, and you wrote %(pupils)d. Perhaps two classes can join.")
            % {"least": session.least_pupils, "pupils": pupils},
            code="too-few",
            field="pupils",
        )
    if session.most_pupils is not None and pupils > session.most_pupils:
        return Refusal(
            _("One group has at most %(most)d pupils, and you wrote %(pupils)d. You can enrol the class as two groups.")
            % {"most": session.most_pupils, "pupils": pupils},
            code="too-many-in-one-group",
            field="pupils",
        )
    need = places.needed(session.offer, pupils, adults)
    if need > session.places and session.offer.counts_adults:
        return Refusal(
            _(
                "The session takes at most %(most)d people, adults included, and you are %(need)d."
                " You can enrol the class as two groups, in two sessions."
            )
            % {"most": session.places, "need": need},
            code="too-many",
            field="pupils",
        )
    if need > session.places:
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


# --- Limits: at most so many dates of a course, or at a company, for one class in a school year ---------------------


def _most_of_course(session: Session, rules: Municipality) -> int | None:
    """Return how many dates of the course one class may have in a school year, or None."""
    return session.offer.most_per_class or rules.most_per_class


def limit_refused(session: Session, school_class: SchoolClass, now: datetime) -> Refusal | None:
    """Return a refusal when the class already has as many dates as it may have in the school year of the session.

    What counts is every enrolment that has not ended, the waiting list and the draw included until their session
    begins. What was reported not to have been held does not; nor does the session itself, so that a class may come in
    two groups.
    """
    rules = places.rules_for(session)
    of_course, at_company = _most_of_course(session, rules), rules.most_per_class_at_company
    if of_course is None and at_company is None:
        return None
    year = calendar.school_year_of(calendar.local_day(session.starts_at))
    first, last = (calendar.first_of_school_year(one) for one in (year, year + 1))
    same_host = Enrolment.objects.active().filter(
        school_class=school_class,
        session__offer__company=session.offer.company_id,
        session__starts_at__gte=first,
        session__starts_at__lt=last,
    )
    for_nothing = Q(status__in=[Enrolment.Status.WAITLISTED, Enrolment.Status.IN_DRAW], session__starts_at__lte=now)
    over = [Meeting.State.NOT_HELD, Meeting.State.CANCELLED]
    to_count = Meeting.objects.filter(session=OuterRef("session")).exclude(state__in=over)
    not_held = Q(status=Enrolment.Status.CONFIRMED, session__starts_at__lte=now) & ~Exists(to_count)
    counting = same_host.exclude(session=session.pk).exclude(for_nothing).exclude(not_held)
    rows = counting.order_by("session__starts_at", "session")
    dated = dict.fromkeys(rows.values_list("session", "session__starts_at", "session__offer"))  # two groups, one date
    here = [when for _session, when, offer in dated if offer == session.offer_id]
    there = [when for _session, when, _offer in dated]
    if of_course is not None and len(here) >= of_course:
        sentence = ngettext(
            "A class may have %(most)d date of this course in a school year, and %(label)s has %(count)d: %(days)s.",
            "A class may have %(most)d dates of this course in a school year, and %(label)s has %(count)d: %(days)s.",
            of_course,
        )
        return _over_limit(session, school_class, sentence, of_course, here, code="limit-of-course", now=now)
    if at_company is not None and len(there) >= at_company:
        sentence = ngettext(
            "A class may have %(most)d date at %(company)s in a school year, and %(label)s has %(count)d: %(days)s.",
            "A class may have %(most)d dates at %(company)s in a school year, and %(label)s has %(count)d: %(days)s.",
            at_company,
        )
        return _over_limit(session, school_class, sentence, at_company, there, code="limit-at-company", now=now)
    return None


def _over_limit(
    session: Session,
    school_class: SchoolClass,
    sentence: str,
    most: int,
    taken: list[datetime],
    *,
    code: str,
    now: datetime,
) -> Refusal:
    """Return the refusal with the dates that count, and what can be done."""
    facts = {
        "most": most,
        "count": len(taken),
        "label": school_class.label(calendar.local_day(session.starts_at)),
        "company": session.offer.company,
        "days": ", ".join(dates.short_day(when) for when in taken[:6]) + (" …" if len(taken) > 6 else ""),
    }
    if any(when > now for when in taken):
        instead = _("Cancel one of them first, choose another course, or ask the municipality for an exception.")
    else:
        instead = _("Choose another course, enrol another class, or ask the municipality for an exception.")
    return Refusal(f"{sentence % facts} {instead}", code=code, field="school_class")


# --- Priority: after the opening those who have had least may enrol first -------------------------------------------


def priority_until(session: Session) -> datetime | None:
    """Return until when only those who have had least may enrol, or None where there is no priority."""
    days = places.rules_for(session).priority_days
    if not days:
        return None
    local = session.opens_at.astimezone(calendar.COPENHAGEN)
    until = calendar.at(local.date() + timedelta(days=days), local.hour, local.minute)
    return min(until, session.closes_at)


def _must_wait(session: Session, school_class: SchoolClass, now: datetime) -> Refusal | None:
    """Return a refusal while the class must let others go first: how much it has had, and from when it may enrol."""
    until = priority_until(session)
    if until is None or now >= until:
        return None
    year = calendar.school_year_of(calendar.local_day(now))
    held = Encounter.objects.filter(school_year=year, voided_at__isnull=True)
    facts: dict[str, Any] = {"until": dates.moment_in_words(until)}
    if places.rules_for(session).priority_for == PriorityFor.SCHOOLS:
        active = SchoolClass.objects.filter(is_active=True)
        classes, ours = active.count(), active.filter(school=school_class.school_id).count()
        average = held.count() / max(classes, 1)
        own = held.filter(school=school_class.school_id).count() / max(ours, 1)
        if own <= average:
            return None
        facts["instead"] = _after_priority(session, until, now)
        facts |= {"school": school_class.school, "own": _decimal(own), "average": _decimal(average)}
        sentence = _(
            "Until %(until)s only schools with few visits may enrol. %(school)s has had %(own)s visits for each class"
            " this school year, and the average is %(average)s. %(instead)s"
        )
        return Refusal(sentence % facts, code="priority", field="school_class")
    count = held.filter(school_class=school_class).count()
    if not count:
        return None
    facts["instead"] = _after_priority(session, until, now)
    facts |= {"label": school_class.label(calendar.local_day(session.starts_at)), "count": count}
    sentence = _(
        "Until %(until)s only classes without a visit this school year may enrol, and %(label)s has had %(count)d."
        " %(instead)s"
    )
    return Refusal(sentence % facts, code="priority", field="school_class")


def _after_priority(session: Session, until: datetime, now: datetime) -> str:
    """Return what a class can do that must let others go first."""
    if until < session.closes_at:
        return _("You can enrol from then on; what is left then is for everybody.")
    return next_possibility(session, 1, now=now)


def _decimal(number: float) -> str:
    """Return a number with one decimal, as it is written here."""
    return number_format(number, decimal_pos=1)


def is_full_for_all(session: Session) -> bool:
    """Return whether nobody can get in at present: not the smallest group fits, and there is neither line nor draw."""
    return session.is_full and not session.offer.has_waiting_list and not draws(session)


def _has_no_room(session: Session, request: EnrolmentRequest) -> bool:
    """Return whether the class does not fit, and there is neither line nor draw."""
    need = places.needed(session.offer, request.head_count, request.adults)
    return need > session.places_left and not session.offer.has_waiting_list and not draws(session)


def _full(session: Session, request: EnrolmentRequest, now: datetime) -> Refusal | None:
    """Return a refusal when there is no room and no waiting list."""
    if not _has_no_room(session, request):
        return None
    need = places.needed(session.offer, request.head_count, request.adults)
    sentence = ngettext(
        "%(left)d place is left, you need %(need)d, and the session has no waiting list.",
        "%(left)d places are left, you need %(need)d, and the session has no waiting list.",
        session.places_left,
    ) % {"left": session.places_left, "need": need}
    others = alternatives(session, need, now=now)
    return Refusal(f"{sentence} {_where_there_is_room(others)}", code="full", instead=others)

"""What was held: both sides may say so, and the ledger keeps what they said.

A row of the ledger is written when at least one side says that the visit took place and nobody says otherwise. It
is never changed, with one exception: its evidence goes from *one* to *both* when the other side agrees. It is never
deleted: when the sides turn out to disagree, when a number is corrected or a coordinator takes it back, the row is
marked void with the reason (and, where something was held, a new one is written).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, QuerySet, Value, When
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from offers.domain import dates, notices, places, planning, surveys
from offers.models import Encounter, Enrolment, Meeting, Session, VisitReport
from portal.domain import audit, calendar
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from schools.domain import membership
from schools.models import Membership

Side = VisitReport.Side
Outcome = VisitReport.Outcome

TOOK_PLACE = (Outcome.HELD, Outcome.PARTLY)
REPORTABLE = (Enrolment.Status.CONFIRMED, Enrolment.Status.COMPLETED, Enrolment.Status.NO_SHOW)
MOST_PUPILS = 60
OBJECT_WITHIN = timedelta(days=14)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What all reports about one class on one date amount to."""

    kind: str  # "held", "not_held", "no_show", "disputed", or "" when nobody has said anything
    evidence: str = ""
    pupils: int = 0


def kind_of(outcome: str) -> str:
    """Return the kind of an outcome: whether with all pupils or fewer, it was held."""
    return Outcome.HELD.value if outcome in TOOK_PLACE else str(outcome)


def verdict(reports: list[VisitReport]) -> Verdict:
    """Weigh the reports about one class on one date.

    The coordinator's word decides. Otherwise both sides must say the same kind of thing, else it is disputed and
    counts for nothing. Where the sides saw different numbers of pupils, the smaller counts.
    """
    decision = next((report for report in reports if report.side == Side.COORDINATOR), None)
    sides = [report for report in reports if report.side != Side.COORDINATOR]
    if decision is None and not sides:
        return Verdict(kind="")
    if decision is None and len({kind_of(report.outcome) for report in sides}) > 1:
        return Verdict(kind="disputed")
    word = decision or min(sides, key=lambda report: report.pupils or 0)
    kind = kind_of(word.outcome)
    agree = [report for report in sides if kind_of(report.outcome) == kind]
    evidence = Encounter.Evidence.BOTH if len(agree) == 2 else Encounter.Evidence.ONE
    return Verdict(kind=kind, evidence=evidence, pupils=word.pupils or 0)


def disputed() -> QuerySet[VisitReport]:
    """Return the host's reports that the teacher's contradict and no coordinator has decided, the oldest first."""
    others = VisitReport.objects.filter(enrolment=OuterRef("enrolment"), meeting=OuterRef("meeting"))
    kind = Case(When(outcome=Outcome.PARTLY, then=Value(Outcome.HELD.value)), default=F("outcome"))
    teachers = others.filter(side=Side.TEACHER).annotate(kind=kind).exclude(kind=OuterRef("kind"))
    return (
        VisitReport.objects.filter(side=Side.HOST)
        .annotate(kind=kind)
        .filter(Exists(teachers), ~Exists(others.filter(side=Side.COORDINATOR)))
        .select_related("enrolment__school", "enrolment__school_class", "enrolment__session__offer__company", "meeting")
        .order_by("meeting__starts_at", "pk")
    )


@transaction.atomic(durable=True)
def report_visit(
    *, enrolment_id: UUID, meeting_id: UUID, outcome: str, pupils: int | None = None, by: Actor, now: datetime
) -> VisitReport:
    """Say what became of one class's date, and let the ledger follow; saying the same again changes nothing.

    By a host's link for a visit of that company, by the enrolled teacher or whoever acts for the school, or by a
    coordinator (whose word decides). ``pupils`` is how many were there; as many as enrolled unless told.
    Whoever is noted as not having come may object within 14 days. Raises Refusal before the date has begun, for
    other people's visits, and for visits that were called off.
    """
    session = places.locked_session(Enrolment.objects.values_list("session_id", flat=True).get(pk=enrolment_id))
    enrolment = _enrolment(enrolment_id, session)
    side = side_of(by, enrolment)
    meeting = next((meeting for meeting in session.meetings.all() if meeting.pk == meeting_id), None)
    if meeting is None:
        raise Refusal(_("This date does not belong to the visit. Reload the page and try again."), code="foreign")
    _refuse_what_cannot_be_told(session, enrolment, meeting, now=now)
    if side == Side.TEACHER:
        _refuse_late_objections(enrolment, meeting, outcome, now=now)
    said = _count(outcome, pupils, enrolment)
    known = VisitReport.objects.filter(enrolment=enrolment, meeting=meeting, side=side).first()
    if known is not None and (known.outcome, known.pupils) == (outcome, said):
        return known
    report, _made = VisitReport.objects.update_or_create(
        enrolment=enrolment, meeting=meeting, side=side, defaults={"outcome": outcome, "pupils": said, "at": now}
    )
    audit.record(
        by, "visit-reported", enrolment, at=now, side=side, outcome=outcome, pupils=said, meeting=meeting.number
    )
    record(session, enrolment, meeting, by=by, now=now)
    return report


@transaction.atomic(durable=True)
def decide_visit(
    *, enrolment_id: UUID, meeting_id: UUID, outcome: str, pupils: int | None = None, by: Actor, now: datetime
) -> VisitReport:
    """Settle what became of one class's date when the sides disagree, or nobody says anything. Coordinators only."""
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinator can decide this."), code="not_a_coordinator")
    session = places.locked_session(Enrolment.objects.values_list("session_id", flat=True).get(pk=enrolment_id))
    enrolment = _enrolment(enrolment_id, session)
    meeting = session.meetings.get(pk=meeting_id)
    _refuse_what_cannot_be_told(session, enrolment, meeting, now=now)
    said = _count(outcome, pupils, enrolment)
    report, _made = VisitReport.objects.update_or_create(
        enrolment=enrolment,
        meeting=meeting,
        side=Side.COORDINATOR,
        defaults={"outcome": outcome, "pupils": said, "at": now},
    )
    audit.record(by, "visit-decided", enrolment, at=now, outcome=outcome, pupils=said, meeting=meeting.number)
    record(session, enrolment, meeting, by=by, now=now)
    return report


@transaction.atomic(durable=True)
def undo_visit(*, enrolment_id: UUID, reason: str, by: Actor, now: datetime) -> Enrolment:
    """Take back everything said about a visit: its ledger rows become void, the enrolment is confirmed again.

    Coordinators only. The reports are removed (the log keeps what they said), so both sides can tell anew;
    surveys that nobody has answered are suppressed.
    """
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinator can undo this."), code="not_a_coordinator")
    if not reason.strip():
        raise Refusal(_("Write why; it stands in the ledger."), code="no_reason", field="reason")
    session = places.locked_session(Enrolment.objects.values_list("session_id", flat=True).get(pk=enrolment_id))
    enrolment = _enrolment(enrolment_id, session)
    if enrolment.status not in REPORTABLE:
        raise Refusal(_("Only a visit that is told about can be undone."), code="not_reportable")
    reports = VisitReport.objects.filter(enrolment=enrolment)
    said = [f"{report.side}:{report.outcome}" for report in reports.order_by("at", "pk")]
    reports.delete()
    _void(enrolment, list(session.meetings.all()), reason=reason.strip(), now=now)
    surveys.suppress(enrolment)
    audit.record(by, "visit-undone", enrolment, at=now, said=said)
    _settle(session, enrolment, by=by, now=now)
    return enrolment


def side_of(by: Actor, enrolment: Enrolment) -> str:
    """Return for which side the actor speaks about this enrolment; raises Refusal when for none."""
    if planning.hosts(enrolment.session.offer, by):
        return Side.HOST
    if by.user_id is not None:
        if enrolment.teacher_id == by.user_id:
            return Side.TEACHER
        roles = membership.memberships_of(by.user_id).filter(school=enrolment.school_id)
        if roles.filter(role__in=Membership.Role.acting_for_school()).exists():
            return Side.TEACHER
    if by.is_coordinator:
        return Side.COORDINATOR
    raise Refusal(_("Only those who took part in the visit can tell about it."), code="foreign")


def record(session: Session, enrolment: Enrolment, meeting: Meeting, *, by: Actor, now: datetime) -> None:
    """Bring the ledger, the enrolment and the session in line with what has been reported (a step).

    Expects the session's row to be held.
    """
    found = verdict(list(VisitReport.objects.filter(enrolment=enrolment, meeting=meeting)))
    row = Encounter.objects.filter(enrolment=enrolment, meeting=meeting, voided_at=None).first()
    if found.kind == Outcome.HELD:
        if row is not None and row.pupils != found.pupils:
            _void(enrolment, [meeting], reason=_("The number of pupils was corrected."), now=now)
            row = None
        if row is None:
            row = _write(session, enrolment, meeting, found, now=now)
            audit.record(by, "encounter-recorded", row, at=now, evidence=found.evidence, pupils=found.pupils)
            surveys.ask(enrolment, ended_at=meeting.ends_at, now=now)
        elif row.evidence != found.evidence:
            Encounter.objects.filter(pk=row.pk, voided_at=None).update(evidence=found.evidence)
            audit.record(by, "encounter-evidence", row, at=now, evidence=found.evidence)
    elif row is not None:
        reasons: dict[str, str | Promise] = {
            "disputed": _("The two sides say different things."),
            Outcome.NOT_HELD: _("It was not held after all."),
            Outcome.NO_SHOW: _("The class did not come after all."),
        }
        _void(enrolment, [meeting], reason=reasons[found.kind], now=now)
        audit.record(by, "encounter-voided", row, at=now, why=found.kind)
    if found.kind == "disputed":
        key = f"{meeting.pk}|{now.isoformat()}"
        notices.tell_coordinators(enrolment, "visit_disputed", now=now, key=key)
    _settle(session, enrolment, by=by, now=now)
    if not Encounter.objects.filter(enrolment=enrolment, voided_at=None).exists():
        surveys.suppress(enrolment)


def _enrolment(enrolment_id: UUID, session: Session) -> Enrolment:
    """Return the enrolment as it is while the session's row is held."""
    enrolment = Enrolment.objects.select_related("school_class", "school", "teacher").get(pk=enrolment_id)
    enrolment.session = session
    return enrolment


def _refuse_what_cannot_be_told(session: Session, enrolment: Enrolment, meeting: Meeting, *, now: datetime) -> None:
    """Raise Refusal when there is nothing to tell about this date (yet)."""
    refusal: tuple[str | Promise, str] | None = None
    if session.state == Session.State.CANCELLED or meeting.state == Meeting.State.CANCELLED:
        refusal = (_("The date was cancelled, so there is nothing to tell."), "cancelled")
    elif enrolment.status not in REPORTABLE:
        refusal = (
            _("The class does not stand as enrolled (%(status)s), so there is nothing to tell.")
            % {"status": enrolment.get_status_display()},
            "not_enrolled",
        )
    elif now < meeting.starts_at:
        begins = timezone.localtime(meeting.starts_at)
        refusal = (
            _("The visit has not begun yet. Come back after %(day)s at %(hour)s.")
            % {"day": f"{begins.day}.{begins.month}.{begins.year}", "hour": f"{begins.hour}.{begins.minute:02d}"},
            "not_begun",
        )
    if refusal is not None:
        raise Refusal(refusal[0], code=refusal[1])


def _refuse_late_objections(enrolment: Enrolment, meeting: Meeting, outcome: str, *, now: datetime) -> None:
    """Raise Refusal when the class was noted as not having come more than 14 days ago, and the school objects now."""
    noted = VisitReport.objects.filter(enrolment=enrolment, meeting=meeting, outcome=Outcome.NO_SHOW)
    since = noted.exclude(side=Side.TEACHER).order_by("at").values_list("at", flat=True).first()
    if since is not None and outcome != Outcome.NO_SHOW and now > since + OBJECT_WITHIN:
        raise Refusal(
            _(
                "It was noted on %(day)s that the class did not come, and the school could object for 14 days. Write to"
                " the municipality; its coordinator can still correct it."
            )
            % {"day": dates.day_in_words(since)},
            code="objects-late",
        )


def _count(outcome: str, pupils: int | None, enrolment: Enrolment) -> int | None:
    """Return how many pupils were there; raises Refusal when the number and the outcome do not fit together."""
    if outcome not in Outcome.values:
        raise Refusal(_("Choose one of the answers."), code="not_an_outcome", field="outcome")
    if outcome not in TOOK_PLACE:
        return None
    if outcome == Outcome.HELD and pupils is None:
        return enrolment.pupils
    if pupils is None or not 1 <= pupils <= MOST_PUPILS:
        raise Refusal(_("Write how many pupils were there, between 1 and 60."), code="pupils", field="pupils")
    if outcome == Outcome.PARTLY and pupils >= enrolment.pupils:
        raise Refusal(
            _("%(enrolled)d pupils were enrolled. Write a smaller number, or choose “held as planned”.")
            % {"enrolled": enrolment.pupils},
            code="not_fewer",
            field="pupils",
        )
    return pupils


def _write(session: Session, enrolment: Enrolment, meeting: Meeting, found: Verdict, *, now: datetime) -> Encounter:
    """Write a row of the ledger, with every name as it is today."""
    offer = session.offer
    day = calendar.local_day(meeting.starts_at)
    return Encounter.objects.create(
        enrolment=enrolment,
        meeting=meeting,
        offer=offer,
        company=offer.company,
        school=enrolment.school,
        school_class=enrolment.school_class,
        day=day,
        school_year=calendar.school_year_of(day),
        minutes=round((meeting.ends_at - meeting.starts_at).total_seconds() / 60),
        grade=enrolment.grade,
        pupils=found.pupils,
        offer_title=offer.title,
        company_name=offer.company.name,
        school_name=enrolment.school_name,
        class_label=enrolment.class_then or enrolment.school_class.label(day),
        industry=offer.industry.slug if offer.industry else "",
        activity_type=offer.activity_type.slug if offer.activity_type else "",
        subjects=sorted(offer.subjects.values_list("slug", flat=True)),
        evidence=found.evidence,
        recorded_at=now,
    )


def _void(enrolment: Enrolment, meetings: list[Meeting], *, reason: str | Promise, now: datetime) -> int:
    """Mark the counting rows of these dates void, with the reason in the municipality's language; return how many."""
    counting = Encounter.objects.filter(enrolment=enrolment, meeting__in=meetings, voided_at=None)
    with translation.override(settings.LANGUAGE_CODE):
        return counting.update(voided_at=now, void_reason=str(reason)[:300])


def _settle(session: Session, enrolment: Enrolment, *, by: Actor, now: datetime) -> None:
    """Derive the states of the enrolment, its dates and the session from all that has been reported.

    Completed: every date is told about and one was held. Did not come: every date is told about, none was held, and
    on one the class did not come. Everything else (not held at all, disputed, not told) leaves it confirmed.
    """
    meetings = [meeting for meeting in session.meetings.all() if meeting.state != Meeting.State.CANCELLED]
    enrolments = list(session.enrolments.filter(status__in=REPORTABLE))
    told: dict[tuple[UUID, UUID], list[VisitReport]] = {}
    for report in VisitReport.objects.filter(enrolment__in=enrolments):
        told.setdefault((report.enrolment_id, report.meeting_id), []).append(report)
    kinds = {
        (one.pk, meeting.pk): verdict(told.get((one.pk, meeting.pk), [])).kind
        for one in enrolments
        for meeting in meetings
    }

    mine = [kinds[enrolment.pk, meeting.pk] for meeting in meetings]
    status = Enrolment.Status.CONFIRMED
    if all(kind in Outcome.values for kind in mine):
        if Outcome.HELD in mine:
            status = Enrolment.Status.COMPLETED
        elif Outcome.NO_SHOW in mine:
            status = Enrolment.Status.NO_SHOW
    moved = Enrolment.objects.filter(pk=enrolment.pk, status__in=REPORTABLE).exclude(status=status)
    if moved.update(status=status, status_at=now):
        before, enrolment.status, enrolment.status_at = enrolment.status, status, now
        audit.record(by, "enrolment-" + status.replace("_", "-"), enrolment, at=now, before=before)
        if status == Enrolment.Status.NO_SHOW and by.user_id != enrolment.teacher_id:
            notices.tell_teacher(enrolment, "enrolment_no_show", now=now, key=now.isoformat())

    for meeting in meetings:
        here = [kinds[one.pk, meeting.pk] for one in enrolments]
        state = Meeting.State.PLANNED
        if Outcome.HELD in here:
            state = Meeting.State.HELD
        elif here and all(kind in (Outcome.NOT_HELD, Outcome.NO_SHOW) for kind in here):
            state = Meeting.State.NOT_HELD
        if meeting.state != state:
            Meeting.objects.filter(pk=meeting.pk).update(state=state)
            meeting.state = state

    everything_told = all(kind in Outcome.values for kind in kinds.values())
    held = everything_told and session.ends_at <= now and Outcome.HELD in kinds.values()
    state_now = Session.State.HELD if held else Session.State.OPEN
    if session.state in (Session.State.OPEN, Session.State.HELD) and session.state != state_now:
        Session.objects.filter(pk=session.pk).update(state=state_now)
        session.state = state_now

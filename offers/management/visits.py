"""Who comes to what in Fjordby: enrolments, waiting lists, cancellations, and what was said afterwards."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from itertools import cycle
from uuid import UUID, uuid5

from django.db.models import Exists, OuterRef

from offers.domain import cancelling, encounters, moving, planning, surveys, waiting_list
from offers.domain import enrolment as enrolling
from offers.domain.rules import EnrolmentRequest
from offers.management.story import ON_REQUEST, POPULAR, UNNOTICED, Course, Story, Visit
from offers.management.town import HERO, Teacher
from offers.models import Enrolment, Meeting, Offer, Session, SurveyRequest, VisitReport
from portal.domain import calendar
from portal.domain.refusal import Refusal
from portal.models import Link
from schools.domain import approval
from schools.models import School, SchoolClass

Status = Enrolment.Status
Outcome = VisitReport.Outcome
TOKENS = UUID("6f2f3d0e-56a4-4a63-9f0e-1f0b6a1f4c55")
CONTESTED = (7, 14)  # school days back, about: where the two sides say different things
WHOLE_CLASS = 18  # pupils; where somebody must be left without room
ABSENT = (20, 38, 61)  # where the class did not come


@dataclass(kw_only=True)
class Telling:
    """What will be said about a visit, and by whom; ``None``: nothing."""

    host: str | None
    teacher: str | None
    fewer: int = 0


@dataclass(kw_only=True)
class Stay:
    """An enrolment as the story knows it."""

    visit: Visit
    enrolment_id: UUID
    school_class: SchoolClass
    teacher: Teacher
    telling: Telling | None = None
    quiet: bool = False
    seen: set[str] = field(default_factory=set)


class Visits:
    """Lets teachers enrol in what the story plans, and lets both sides tell how it went."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.town = story.town
        self.time = story.time
        self.rng = story.rng
        self.voices = story.voices
        self.stays: dict[UUID, Stay] = {}
        self.refused: Counter[str] = Counter()
        self._visits_of: Counter[UUID] = Counter()
        self._busy: set[tuple[UUID, date]] = set()
        self._been: set[tuple[UUID, str]] = set()
        self._contested = list(CONTESTED)
        self._absent = list(ABSENT)
        self._host_comments = self._shuffled("host_survey_comments")
        self._teacher_comments = self._shuffled("teacher_survey_comments")
        self._minds = cycle([True, True, None, True, False])  # None: does not answer in time
        self._numbers = 0
        self.hero = self.town.teachers[HERO]
        story.planned = self.expect

    def _shuffled(self, name: str) -> list[str]:
        return self.rng.sample(self.voices[name], k=len(self.voices[name]))

    # --- Enrolling -----------------------------------------------------------------------------------------------

    def expect(self, visit: Visit) -> None:
        """A session has been planned: let classes find it, and let the day itself come."""
        assert visit.session is not None
        for meeting in Meeting.objects.filter(session=visit.session).order_by("number"):
            self.time.at(meeting.ends_at + timedelta(minutes=5), partial(self.tell, visit, meeting))
        if visit.staged or not visit.course.is_for_classes or visit.course.told["state"] == "approved":
            return
        closes = min(visit.session.closes_at - timedelta(hours=2), self.time.end - timedelta(hours=1))
        for number in range(self._demand(visit)):
            first = self.time.now + timedelta(hours=2 + 3 * number)
            if first >= closes:
                break
            share = 0.35 if visit.course.key in POPULAR else 0.8
            moment = self.time.between(first, first + (closes - first) * share)
            self.time.at(moment, partial(self.try_to_enrol, visit))

    def _demand(self, visit: Visit) -> int:
        """Return how many classes will try to come."""
        course, session = visit.course, visit.session
        assert session is not None
        is_counted = course.told["places_counted"] == "pupils"
        room = max(1, session.places // 22) if is_counted else min(session.places, 3)
        room = min(room, 3)
        popular, chance = course.key in POPULAR, self.rng.random()
        if course.key in UNNOTICED:
            return 1 if chance < 0.15 else 0
        if visit.back > 0:
            extra = self.rng.randint(1, 3) if popular else int(self.rng.random() < 0.38)
            return room + extra if chance < 0.97 else 0
        if visit.back > -55:
            extra = self.rng.randint(1, 2) if popular else int(self.rng.random() < 0.38)
            return room + extra if chance < 0.88 else 0
        return room + int(popular) if chance < (0.9 if popular else 0.62) else 0

    def choose_class(self, visit: Visit, session: Session) -> tuple[SchoolClass, int] | None:
        """Return a class for which the course is made, rather one that has not been out much, and how many come."""
        told, day = visit.course.told, calendar.local_day(session.starts_at)
        is_counted = told["places_counted"] == "pupils"
        most = session.places if is_counted else 60
        fitting: list[tuple[SchoolClass, int]] = []
        for one in self.town.classes:
            grades = one.grades(day)
            if one.has_left(day) or not any(told["grade_from"] <= grade <= told["grade_to"] for grade in grades):
                continue
            been = one in self.hero.own_classes if visit.staged else (one.pk, visit.course.key) in self._been
            if been or (one.pk, day) in self._busy:
                continue
            pupils = one.pupils - self.rng.choice([0, 0, 0, 1, 1, 2, 3])
            if pupils > most:
                pupils = min(most, (pupils + 1) // 2 if most < 20 else most)
            if pupils >= max(WHOLE_CLASS if visit.staged else 1, told["min_pupils"] or 1):
                fitting.append((one, pupils))
        if not fitting:
            return None
        weights = [(1 + self._visits_of[one.pk]) ** -1.6 for one, _pupils in fitting]
        return self.rng.choices(fitting, weights=weights)[0]

    def enrol(
        self, visit: Visit, *, school_class: SchoolClass | None = None, teacher: Teacher | None = None
    ) -> Stay | None:
        """Let a teacher enrol a class; a refusal is only counted."""
        assert visit.session is not None
        session = Session.objects.get(pk=visit.session.pk)
        if school_class is not None:
            chosen: tuple[SchoolClass, int] | None = (school_class, school_class.pupils - 1)
        else:
            chosen = self.choose_class(visit, session)
        if chosen is None:
            self.refused["nobody"] += 1
            return None
        school_class, pupils = chosen
        teacher = teacher or self._teacher_of(school_class)
        self._numbers += 1
        needy = self.rng.random() < 0.22
        request = EnrolmentRequest(
            school_class=school_class,
            pupils=pupils,
            adults=max(int(visit.course.told["adults"] or 1), 1) + int(self.rng.random() < 0.15),
            phone=teacher.user.phone,
            needs_step_free=needy and self.rng.random() < 0.3,
            needs_quiet=needy and self.rng.random() < 0.35,
            needs_diet=needy and self.rng.random() < 0.45,
            needs_language=needy and self.rng.random() < 0.25,
            needs_text=self.rng.choice(self.voices["practical_needs"]) if self.rng.random() < 0.14 else "",
            form_token=uuid5(TOKENS, str(self._numbers)),
        )
        try:
            made = enrolling.enrol_class(session_id=session.pk, request=request, by=teacher.actor, now=self.time.now)
        except Refusal as refusal:
            self.refused[refusal.code] += 1
            return None
        stay = Stay(visit=visit, enrolment_id=made.pk, school_class=school_class, teacher=teacher)
        self.stays[made.pk] = stay
        self._visits_of[school_class.pk] += 1
        self._been.add((school_class.pk, visit.course.key))
        self._busy.add((school_class.pk, calendar.local_day(session.starts_at)))
        if not visit.staged:
            self._tell_what_follows(stay, made, session)
        return stay

    def try_to_enrol(self, visit: Visit) -> None:
        """Let some class find the session."""
        self.enrol(visit)

    def _teacher_of(self, school_class: SchoolClass) -> Teacher:
        """Return who enrols: mostly somebody who has the class, never the one whose story is told apart."""
        there = [one for one in self.town.teachers_of(school_class) if one is not self.hero]
        own = [one for one in there if school_class in one.own_classes]
        return self.rng.choice(own) if own and self.rng.random() < 0.7 else self.rng.choice(there)

    def _tell_what_follows(self, stay: Stay, made: Enrolment, session: Session) -> None:
        now, begins = self.time.now, session.starts_at
        if made.status == Status.PENDING:
            answer = self.time.between(now + timedelta(hours=3), now + timedelta(days=3))
            if self.rng.random() < 0.9 and answer < (made.answer_by or begins):
                self.time.at(answer, partial(self.answer, stay))
        chance = 0.22 if stay.visit.course.key in POPULAR else 0.08
        last = session.closes_at - timedelta(days=1)
        if made.status != Status.WAITLISTED and self.rng.random() < chance and now + timedelta(days=1) < last:
            moment = self.time.between(now + timedelta(days=1), last)
            self.time.at(moment, partial(self.cancel, stay))
        elif made.status == Status.CONFIRMED and self.rng.random() < 0.1 and now + timedelta(hours=2) < last:
            moment = self.time.between(now + timedelta(hours=1), last)
            self.time.at(moment, partial(self.change, stay))

    def cancel(self, stay: Stay) -> None:
        """Let the school cancel, as long as it may by itself."""
        made = Enrolment.objects.select_related("session__offer").get(pk=stay.enrolment_id)
        if made.status not in {Status.CONFIRMED, Status.PENDING, Status.WAITLISTED}:
            return
        if cancelling.is_late(made, self.time.now):
            return
        reason = self.rng.choice(self.voices["cancellation_reasons_school"])
        enrolling.cancel_enrolment(enrolment_id=made.pk, reason=reason, by=stay.teacher.actor, now=self.time.now)
        self._been.discard((stay.school_class.pk, stay.visit.course.key))
        self.notice_offered()

    def change(self, stay: Stay) -> None:
        """Let the teacher correct the number of pupils downwards."""
        made = Enrolment.objects.get(pk=stay.enrolment_id)
        if made.status != Status.CONFIRMED:
            return
        try:
            enrolling.change_numbers(
                enrolment_id=made.pk,
                pupils=made.pupils - self.rng.randint(1, 2),
                adults=made.adults,
                by=stay.teacher.actor,
                now=self.time.now,
            )
        except Refusal as refusal:
            self.refused[refusal.code] += 1
        self.notice_offered()

    def answer(self, stay: Stay) -> None:
        """Let the host answer a request."""
        made = Enrolment.objects.get(pk=stay.enrolment_id)
        if made.status != Status.PENDING:
            return
        accept = self.rng.random() < 0.88
        enrolling.answer_request(
            enrolment_id=made.pk,
            accept=accept,
            reason="" if accept else self.rng.choice(self.story.told["declined_by_host"]),
            by=self.story.host_of(stay.visit.course),
            now=self.time.now,
        )
        self.notice_offered()

    def notice_offered(self) -> None:
        """Let those who have been offered a place make up their minds."""
        for made in (
            Enrolment.objects.offered().select_related("session").order_by("status_at", "answer_by", "created_at")
        ):
            stay = self.stays[made.pk]
            if "offered" in stay.seen or made.answer_by is None:
                continue
            stay.seen.add("offered")
            if stay.quiet:
                continue
            is_wanted = next(self._minds)
            moment = self.time.between(self.time.now, made.answer_by - timedelta(minutes=20))
            if is_wanted is not None:
                self.time.at(moment, partial(self._decide, stay, is_wanted=is_wanted))

    def _decide(self, stay: Stay, *, is_wanted: bool) -> None:
        made = Enrolment.objects.get(pk=stay.enrolment_id)
        if made.status != Status.OFFERED or made.answer_by is None or made.answer_by <= self.time.now:
            return
        decide = waiting_list.accept_place if is_wanted else waiting_list.decline_place
        decide(enrolment_id=made.pk, by=stay.teacher.actor, now=self.time.now)
        self.notice_offered()

    # --- Calling off ---------------------------------------------------------------------------------------------

    def tell_cancelled_sessions(self) -> None:
        """Let some sessions be called off, by the host or the municipality, some of them in the last days."""
        alone = [one for one in self.story.visits if not one.staged and len(one.starts) == 1]
        past = [one for one in alone if one.back > 6]
        ahead = [one for one in alone if -35 < one.back < -4 and one.planned > 9]
        for visit in self.rng.sample(past, k=5):
            self._tell_cancelled(visit, back=visit.back + self.rng.randint(1, 6))
        for number, visit in enumerate(self.rng.sample(ahead, k=4)):
            self._tell_cancelled(visit, back=1 + number)

    def _tell_cancelled(self, visit: Visit, *, back: int) -> None:
        if back < visit.planned:
            self.time.at(self.time.moment(back, 8, 14), partial(self._cancel_session, visit))

    def _cancel_session(self, visit: Visit) -> None:
        assert visit.session is not None
        by_host = self.rng.random() < 0.7
        reason = self.rng.choice(self.voices["cancellation_reasons_host"])
        planning.cancel_session(
            session_id=visit.session.pk,
            reason=reason if by_host else self.story.told["cancelled_by_municipality"],
            by=self.story.host_of(visit.course) if by_host else self.story.coordinator(),
            now=self.time.now,
        )

    # --- Afterwards ------------------------------------------------------------------------------------------------

    def tell(self, visit: Visit, meeting: Meeting) -> None:
        """A date is over: let both sides say how it went, sooner or later."""
        assert visit.session is not None
        here = Enrolment.objects.filter(session=visit.session, status__in=encounters.REPORTABLE)
        for made in here.order_by("created_at"):
            stay = self.stays[made.pk]
            if stay.telling is None:
                stay.telling = self._what_will_be_said(visit, made)
            telling = stay.telling
            over = self.time.now
            if telling.host:
                said = self.time.between(over, over + timedelta(hours=26 if not visit.staged else 1))
                self.time.at(said, partial(self.report, stay, meeting, telling.host, by_host=True))
            if telling.teacher:
                said = self.time.between(over, over + timedelta(hours=60 if not visit.staged else 2))
                self.time.at(said, partial(self.report, stay, meeting, telling.teacher, by_host=False))

    def _what_will_be_said(self, visit: Visit, made: Enrolment) -> Telling:
        back = self.time.back_of(calendar.local_day(self.time.now))
        is_single = len(visit.starts) == 1
        if is_single and self._absent and back <= self._absent[-1]:
            self._absent.pop()
            return Telling(host=Outcome.NO_SHOW, teacher=None if len(self._absent) == 1 else Outcome.NO_SHOW)
        if is_single and self._contested and back <= self._contested[-1] and back > 3:
            self._contested.pop()
            return Telling(host=Outcome.NO_SHOW, teacher=Outcome.HELD)
        fewer = self.rng.randint(1, 4) if self.rng.random() < 0.16 and made.pupils > 9 else 0
        what = Outcome.PARTLY if fewer else Outcome.HELD
        chance = self.rng.random()
        if chance < 0.78:
            return Telling(host=what, teacher=what, fewer=fewer)
        if chance < 0.88:
            return Telling(host=what, teacher=None, fewer=fewer)
        if chance < 0.97:
            return Telling(host=None, teacher=what, fewer=fewer)
        return Telling(host=None, teacher=None)

    def report(self, stay: Stay, meeting: Meeting, outcome: str, *, by_host: bool) -> None:
        """Let one side say what became of the visit."""
        telling = stay.telling
        assert telling is not None
        pupils = None
        if outcome == Outcome.PARTLY:
            pupils = Enrolment.objects.values_list("pupils", flat=True).get(pk=stay.enrolment_id) - telling.fewer
        encounters.report_visit(
            enrolment_id=stay.enrolment_id,
            meeting_id=meeting.pk,
            outcome=outcome,
            pupils=pupils,
            by=self.story.host_of(stay.visit.course) if by_host else stay.teacher.actor,
            now=self.time.now,
        )
        self._tell_answers(stay)

    def _tell_answers(self, stay: Stay) -> None:
        """Let those who have been asked answer the survey, most of them, within some days."""
        if len(stay.seen & set(SurveyRequest.Audience.values)) == 2:
            return
        asked = SurveyRequest.objects.filter(enrolment=stay.enrolment_id, state=SurveyRequest.State.SCHEDULED)
        for survey in asked.order_by("audience"):
            if survey.audience in stay.seen:
                continue
            stay.seen.add(survey.audience)
            if self.rng.random() < 0.72 and not (stay.quiet and survey.audience == SurveyRequest.Audience.TEACHER):
                moment = self.time.between(survey.due_at + timedelta(minutes=5), survey.due_at + timedelta(days=6))
                self.time.at(moment, partial(self.answer_survey, survey.pk))

    def answer_survey(self, survey_id: UUID) -> None:
        """Let one side answer the survey."""
        survey = SurveyRequest.objects.get(pk=survey_id)
        if survey.state != SurveyRequest.State.SCHEDULED:
            return
        is_teacher = survey.audience == SurveyRequest.Audience.TEACHER
        answers = {
            question.code: self.rng.choices(["yes", "maybe", "no"], weights=[80, 16, 4])[0]
            if question.kind == "again"
            else str(self.rng.choices([5, 4, 3, 2], weights=[52, 33, 11, 4])[0])
            for question in surveys.questions_of(survey)
        }
        comments = self._teacher_comments if is_teacher else self._host_comments
        if not comments:
            comments.extend(self._shuffled("teacher_survey_comments" if is_teacher else "host_survey_comments"))
        comment = comments.pop() if self.rng.random() < 0.55 else ""
        surveys.answer_survey(
            survey_id=survey.pk,
            answers=answers,
            comment=comment,
            may_quote=self.rng.random() < 0.4,
            by=self.story.by_link(Link.Purpose.SURVEY, survey.pk),
            now=self.time.now,
        )

    # --- The teacher whose login is printed ------------------------------------------------------------------------

    def tell_of_the_hero(self) -> None:
        """Give the demo's teacher something of everything: held, to confirm, to answer, coming, waiting, offered."""
        own = [one for one in self.hero.own_classes if one.grades(self.time.end.date()).start in {7, 8, 9}]
        first, second = own[0], own[1]
        courses = self._courses_for(first, second)
        held = Telling(host=Outcome.HELD, teacher=Outcome.HELD)
        for back, school_class, telling, quiet in (
            (44, first, held, False),
            (26, second, held, False),
            (15, first, held, False),
            (4, second, held, True),
            (1, first, Telling(host=None, teacher=None), True),
        ):
            visit = self._stage(next(courses), back)
            self.time.at(
                self.time.moment(visit.planned - 1, 16, 18),
                partial(self._hero_goes, visit, school_class, telling=telling, quiet=quiet),
            )
        for ahead, school_class in ((3, first), (13, second)):
            visit = self._stage(next(courses), -ahead)
            self.time.at(self.time.moment(visit.planned - 1, 16, 18), partial(self._hero_goes, visit, school_class))
        self.time.at(calendar.at(self.time.day(1), 11), partial(self._propose_a_move, visit))
        waiting = self._stage(next(courses), -16)
        self.time.at(self.time.moment(waiting.planned - 1, 8, 9), partial(self.try_to_enrol, waiting))
        self.time.at(self.time.moment(waiting.planned - 1, 12, 13), partial(self.try_to_enrol, waiting))
        self.time.at(self.time.moment(waiting.planned - 2, 16, 18), partial(self._hero_goes, waiting, first))
        for ahead, is_hero in ((19, True), (12, False), (24, False)):
            course = next(courses)
            visit = self._stage(course, -ahead)
            self.time.at(self.time.moment(visit.planned - 1, 8, 9), partial(self.try_to_enrol, visit))
            go = partial(self._waits_quietly, visit)
            if is_hero:
                go = partial(self._hero_goes, visit, second, quiet=True)
            self.time.at(self.time.moment(visit.planned - 2, 16, 18), go)
            self.time.at(self.time.moment(0 if is_hero else 1, 8, 9), partial(self._first_one_cancels, visit))
        self._tell_new_requests()
        self._tell_what_waits_for_a_yes(next(courses))

    def _propose_a_move(self, visit: Visit) -> None:
        """The host would like to come to another day: the first of some on which there is school."""
        assert visit.session is not None
        for days in (7, 14, 21, 1):
            try:
                moving.propose_move(
                    session_id=visit.session.pk,
                    starts=moving.shifted(visit.session, days),
                    reason=self.story.told["moved_by_host"],
                    by=self.story.host_of(visit.course),
                    now=self.time.now,
                )
            except Refusal:
                continue
            return

    def _courses_for(self, *classes: SchoolClass) -> Iterator[Course]:
        grades = {one.grades(self.time.end.date()).start for one in classes}
        suited = [
            one
            for one in self.story.courses
            if one.told["state"] == "published"
            and one.told["meetings"] == 1
            and one.told["places_counted"] == "pupils"
            and one.told["places"] >= 24
            and one.key not in ON_REQUEST
            and one.is_for_classes
            and one.published > 55
            and all(one.told["grade_from"] <= grade <= one.told["grade_to"] for grade in grades)
        ]
        return cycle(self.rng.sample(suited, k=len(suited)))

    def _stage(self, course: Course, back: int) -> Visit:
        visit = Visit(
            course=course,
            back=back,
            planned=min(course.published - 1, max(back + 24, 9)),
            starts=self.story.starts(course, back),
            staged=True,
            places=28,
        )
        self.story.add(visit)
        return visit

    def _hero_goes(
        self, visit: Visit, school_class: SchoolClass, *, telling: Telling | None = None, quiet: bool = False
    ) -> None:
        stay = self.enrol(visit, school_class=school_class, teacher=self.hero)
        if stay is not None:
            stay.telling, stay.quiet = telling, quiet

    def _waits_quietly(self, visit: Visit) -> None:
        if stay := self.enrol(visit):
            stay.quiet = True

    def _first_one_cancels(self, visit: Visit) -> None:
        assert visit.session is not None
        first = Enrolment.objects.filter(session=visit.session, status=Status.CONFIRMED).order_by("created_at").first()
        if first is not None:
            self.cancel(self.stays[first.pk])

    def _tell_new_requests(self) -> None:
        """Let some requests still wait for an answer."""
        for back in (2, 1, 0):
            self.time.at(self.time.moment(back, 8, 9), self._somebody_asks)

    def _somebody_asks(self) -> None:
        waiting = Enrolment.objects.filter(session=OuterRef("pk"))
        found = (
            Session.objects.bookable(self.time.now)
            .with_places()
            .filter(~Exists(waiting), offer__acceptance=Offer.Acceptance.MANUAL)
            .order_by("starts_at")
            .first()
        )
        if found is None:
            return
        visit = next(one for one in self.story.visits if one.session is not None and one.session.pk == found.pk)
        visit.staged = True
        self.enrol(visit)

    def _tell_what_waits_for_a_yes(self, course: Course) -> None:
        """Let one enrolment wait for a school's leader, and one class ask to be let off too late."""
        today, school = self.time.day(0), self.hero.school
        leader = next(one for one in self.town.teachers.values() if one.is_leader and one.school is school)
        for hour, demanded in ((8, True), (9, False)):  # for an hour only: what waits goes on waiting
            self.time.at(calendar.at(today, hour), partial(self._leader_decides, leader, demanded))
        self.time.at(calendar.at(today, 8, 15), partial(self._a_colleague_enrols, school))
        soon = self._stage(course, -2)  # two school days ahead: too late to cancel by oneself
        self.time.at(self.time.moment(soon.planned - 1, 16, 18), partial(self._waits_quietly, soon))
        self.time.at(calendar.at(today, 8, 40), partial(self._somebody_asks_too_late, soon))

    def _leader_decides(self, leader: Teacher, demanded: bool) -> None:
        """Let a leader demand to approve enrolments, or no longer."""
        approval.demand_approval(school_id=leader.school.pk, demanded=demanded, by=leader.actor, now=self.time.now)

    def _a_colleague_enrols(self, school: School) -> None:
        """Somebody else of that school enrols a class in the first date that takes it at once."""
        theirs = [one for one in self.town.classes if one.school_id == school.pk and one not in self.hero.own_classes]
        for visit in sorted((one for one in self.story.visits if one.session is not None), key=lambda one: -one.back):
            assert visit.session is not None
            open_to_all = Session.objects.bookable(self.time.now).with_places().filter(pk=visit.session.pk)
            if not open_to_all.filter(offer__acceptance=Offer.Acceptance.AUTOMATIC).exists():
                continue
            for school_class in theirs:
                if self.enrol(visit, school_class=school_class, teacher=self._teacher_of(school_class)):
                    return

    def _somebody_asks_too_late(self, visit: Visit) -> None:
        """A teacher who can no longer cancel asks the coordinator to."""
        assert visit.session is not None
        made = Enrolment.objects.get(session=visit.session, status=Status.CONFIRMED)
        reason, by = self.voices["cancellation_reasons_school"][0], self.stays[made.pk].teacher.actor
        cancelling.ask_to_cancel(enrolment_id=made.pk, reason=reason, by=by, now=self.time.now)

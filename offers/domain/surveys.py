"""Surveys: each side of a visit is asked once how it was, answers within a minute by link, and may change its mind.

Questions are versioned here; answers belong to the version they were given to, and totals never mix versions.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from offers.domain import notices
from offers.models import Enrolment, Offer, SurveyRequest
from portal.domain import audit, calendar, links, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar
from portal.domain.refusal import Refusal
from portal.models import Link, Message, Municipality

OPEN_FOR = timedelta(days=21)
ASKED_AT = 15
ASKED_NEXT_AT = 8
REMINDED_AT = 9
REMINDED_AFTER = 4
COMMENT_LIMIT = 2000
MAILS = ["survey_teacher", "survey_host", "survey_reminder"]
VERSION = 1

SCALE = (1, 2, 3, 4, 5)
NOT_AT_ALL, VERY_MUCH = _("Not at all"), _("Very much")
AGAIN = {"yes": _("Yes"), "maybe": _("Maybe"), "no": _("No")}


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question: on a scale from 1 to 5, or whether one would do it again."""

    code: str
    text: str | Promise
    kind: Literal["scale", "again"] = "scale"
    low: str | Promise = NOT_AT_ALL
    high: str | Promise = VERY_MUCH

    @property
    def choices(self) -> list[tuple[str, str | Promise]]:
        """What may be answered, as it is stored and as it is shown."""
        if self.kind == "again":
            return list(AGAIN.items())
        return [(str(step), str(step)) for step in SCALE]


QUESTIONS: dict[int, dict[str, tuple[Question, ...]]] = {
    1: {
        SurveyRequest.Audience.TEACHER: (
            Question(code="fit", text=_("Did the visit fit your teaching?")),
            Question(code="active", text=_("Were the pupils active?")),
            Question(code="preparation", text=_("Were preparation and agreements beforehand good enough?")),
            Question(code="practical", text=_("Did the practical matters work?")),
            Question(code="again", text=_("Would you do it again?"), kind="again"),
        ),
        SurveyRequest.Audience.HOST: (
            Question(code="informed", text=_("Did you know enough beforehand?")),
            Question(code="number", text=_("Was the number of pupils right?")),
            Question(code="prepared", text=_("Were the pupils prepared?")),
            Question(code="practical", text=_("Did the practical matters work?")),
            Question(code="again", text=_("Would you like to host a class again next year?"), kind="again"),
        ),
    },
}


def questions_of(survey: SurveyRequest) -> tuple[Question, ...]:
    """Return what this request asks, in the version it was made with."""
    return QUESTIONS[survey.questions][survey.audience]


def due_after(moment: datetime, school_calendar: SchoolCalendar) -> datetime:
    """Return when to ask: the same school day at 15.00, or on the next school day at 8.00."""
    day = calendar.local_day(moment)
    if school_calendar.is_school_day(day) and moment <= calendar.at(day, ASKED_AT):
        return calendar.at(day, ASKED_AT)
    return calendar.at(school_calendar.next_school_day(day + timedelta(days=1)), ASKED_NEXT_AT)


def ask(enrolment: Enrolment, *, ended_at: datetime, now: datetime) -> None:
    """Ask teacher and host how the visit was, each once, and remind whoever has not answered (a step).

    Asking again changes nothing, unless the request had been suppressed: then it opens again, and a new mail is
    promised only if the first one never left.
    """
    school_calendar = SchoolCalendar.load()
    due_at = due_after(max(now, ended_at), school_calendar)
    remind_at = calendar.at(school_calendar.school_days_after(calendar.local_day(due_at), REMINDED_AFTER), REMINDED_AT)
    for audience, to in _sides(enrolment):
        survey, made = SurveyRequest.objects.get_or_create(
            enrolment=enrolment,
            audience=audience,
            defaults={"questions": VERSION, "due_at": due_at, "closes_at": due_at + OPEN_FOR, "created_at": now},
        )
        if not made:
            opened = SurveyRequest.objects.filter(pk=survey.pk, state=SurveyRequest.State.SUPPRESSED).update(
                state=SurveyRequest.State.SCHEDULED, due_at=due_at, closes_at=due_at + OPEN_FOR
            )
            if not opened:
                continue
            survey.refresh_from_db()
        links.ensure(purpose=Link.Purpose.SURVEY, reference_id=survey.pk, now=now, until=survey.closes_at)
        asked = Message.objects.filter(reference_id=survey.pk, sent_at__isnull=False)
        for occasion, send_at in ((f"survey_{audience}", due_at), ("survey_reminder", remind_at)):
            if asked.filter(occasion=occasion).exists():
                continue
            outbox.post(
                occasion=occasion,
                about=survey,
                to=to,
                now=now,
                send_at=send_at,
                not_after=survey.closes_at,
                key=f"due|{due_at.isoformat()}",
                policy=Message.Policy.AT_MOST_ONCE,
            )


def _sides(enrolment: Enrolment) -> Iterable[tuple[str, outbox.Recipient]]:
    """Return who is asked, and where they are written to; a side without a person is left out."""
    teacher = enrolment.teacher
    if teacher is not None and teacher.is_active:
        yield SurveyRequest.Audience.TEACHER, outbox.Recipient.of_user(teacher)
    contact = notices.host_contact(enrolment.session.offer)
    if contact is not None:
        yield (
            SurveyRequest.Audience.HOST,
            outbox.Recipient(kind="contact", id=contact.pk, address=contact.email, language=contact.language),
        )


def suppress(enrolment: Enrolment) -> int:
    """Take back what has not been answered about an enrolment (a step); return how many requests."""
    unanswered = SurveyRequest.objects.filter(enrolment=enrolment, state=SurveyRequest.State.SCHEDULED)
    for survey in unanswered:
        outbox.withdraw(about=survey)
    return unanswered.update(state=SurveyRequest.State.SUPPRESSED)


@transaction.atomic(durable=True)
def leave_out(*, survey_id: UUID, now: datetime) -> bool:
    """Leave out somebody who wants no questions after visits; return False when the request is not open any more.

    The request then counts as not sent: neither among the asked nor among the answered.
    """
    survey = SurveyRequest.objects.select_for_update().get(pk=survey_id)
    if survey.state != SurveyRequest.State.SCHEDULED:
        return False
    survey.state = SurveyRequest.State.SUPPRESSED
    survey.save(update_fields=["state"])
    outbox.withdraw(about=survey)
    audit.record(Actor.job("deliver-messages"), "survey-declined", survey, at=now, audience=survey.audience)
    return True


@transaction.atomic(durable=True)
def answer_survey(
    *, survey_id: UUID, answers: Mapping[str, Any], comment: str, may_quote: bool, by: Actor, now: datetime
) -> SurveyRequest:
    """Keep what the holder of the link answers; until the survey closes, the last answer stands.

    Raises Refusal with the question's code as field when an answer is missing or not among the choices; and when the
    survey has closed or was taken back.
    """
    if by.purpose != Link.Purpose.SURVEY or by.reference_id != survey_id:
        raise Refusal(_("This link does not open this survey."), code="foreign")
    survey = SurveyRequest.objects.select_for_update().get(pk=survey_id)
    if survey.state == SurveyRequest.State.SUPPRESSED:
        raise Refusal(_("This survey is no longer needed: the visit was not held after all."), code="suppressed")
    if now >= survey.closes_at:
        raise Refusal(_("The survey has closed. Thank you for wanting to answer."), code="closed")
    kept: dict[str, int | str] = {}
    for question in questions_of(survey):
        given = str(answers.get(question.code, ""))
        if given not in [value for value, _shown in question.choices]:
            raise Refusal(_("Choose one of the answers."), code="not_an_answer", field=question.code)
        kept[question.code] = int(given) if question.kind == "scale" else given
    words = unicodedata.normalize("NFC", comment).strip()
    if len(words) > COMMENT_LIMIT:
        raise Refusal(_("Write at most %(limit)d characters.") % {"limit": COMMENT_LIMIT}, code="long", field="comment")
    survey.answers, survey.comment = kept, words
    survey.may_quote = may_quote and bool(words)
    survey.answered_at = survey.answered_at or now
    survey.state = SurveyRequest.State.ANSWERED
    survey.save(update_fields=["answers", "comment", "may_quote", "answered_at", "state"])
    outbox.withdraw(about=survey)
    audit.record(by, "survey-answered", survey, at=now, questions=survey.questions, audience=survey.audience)
    return survey


@transaction.atomic(durable=True)
def expire_surveys(*, now: datetime) -> int:
    """Close the unanswered surveys whose time is up; return how many."""
    over = SurveyRequest.objects.filter(state=SurveyRequest.State.SCHEDULED, closes_at__lte=now)
    return over.update(state=SurveyRequest.State.EXPIRED)


@dataclass(frozen=True, kw_only=True)
class QuestionTotal:
    """What was answered to one question."""

    question: Question
    spread: dict[str, int]
    mean: float | None

    @property
    def rows(self) -> list[tuple[str | Promise, int]]:
        """Every choice as it is shown, with how many chose it."""
        return [(shown, self.spread.get(value, 0)) for value, shown in self.question.choices]


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What one side answered altogether. Below the municipality's threshold there is only the number."""

    audience: str
    asked: int
    answered: int
    shown: bool
    questions: list[QuestionTotal]


def totals(*, offer: Offer | None = None, company_id: UUID | None = None, version: int = VERSION) -> list[Totals]:
    """Return what teachers and hosts answered about a course, a company, or everything (two queries).

    Shown from the municipality's number of answers (5 unless chosen otherwise), so that nobody is recognised.
    """
    municipality = Municipality.objects.first() or Municipality()
    wanted = SurveyRequest.objects.filter(questions=version).exclude(state=SurveyRequest.State.SUPPRESSED)
    if offer is not None:
        wanted = wanted.filter(enrolment__session__offer=offer)
    if company_id is not None:
        wanted = wanted.filter(enrolment__session__offer__company_id=company_id)
    rows = list(wanted.order_by().values_list("audience", "state", "answers"))
    return [_totals_of(side, rows, municipality.survey_threshold, version) for side in SurveyRequest.Audience.values]


def _totals_of(audience: str, rows: list[tuple[str, str, Any]], threshold: int, version: int) -> Totals:
    """Add up one side's answers."""
    asked = [(state, answers) for side, state, answers in rows if side == audience]
    given = [answers for state, answers in asked if state == SurveyRequest.State.ANSWERED]
    shown = len(given) >= threshold
    questions = []
    for question in QUESTIONS[version][audience] if shown else ():
        values = [answers[question.code] for answers in given if question.code in answers]
        mean = round(sum(values) / len(values), 1) if question.kind == "scale" and values else None
        spread = dict(Counter(str(value) for value in values))
        questions.append(QuestionTotal(question=question, spread=spread, mean=mean))
    return Totals(audience=audience, asked=len(asked), answered=len(given), shown=shown, questions=questions)

"""Surveys: asked once, answered by link, changed until they close, shown when enough have answered."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from offers.domain import encounters, surveys
from offers.models import Enrolment, SurveyRequest
from portal.domain import links, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import SchoolCalendar, at
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Message, Municipality
from tests.factories import EnrolmentFactory, OfferFactory, SessionFactory

pytestmark = pytest.mark.django_db

VISIT = datetime.fromisoformat("2026-09-29T09:00:00+02:00")
ANSWERS = {"fit": 5, "active": 4, "preparation": 3, "practical": 2, "again": "yes"}
HOST_ANSWERS = {"informed": 5, "number": 4, "prepared": 3, "practical": 2, "again": "maybe"}


@pytest.fixture
def enrolment(municipality: Municipality) -> Enrolment:
    made: Enrolment = EnrolmentFactory.create()
    return made


def held(enrolment: Enrolment, *, at: datetime = VISIT + timedelta(hours=3)) -> None:
    """Let the host say that the visit was held."""
    by = Actor(kind="link", id="1", purpose=Link.Purpose.HOST, reference_id=enrolment.session.offer.contact_id)
    meeting = enrolment.session.meetings.get()
    encounters.report_visit(enrolment_id=enrolment.pk, meeting_id=meeting.pk, outcome="held", by=by, now=at)


def holder(survey: SurveyRequest) -> Actor:
    return Actor(kind="link", id="1", purpose=Link.Purpose.SURVEY, reference_id=survey.pk)


def answer(survey: SurveyRequest, now: datetime, answers: Any = None, **kwargs: Any) -> SurveyRequest:
    facts: dict[str, Any] = {"comment": "", "may_quote": False, "by": holder(survey), **kwargs}
    return surveys.answer_survey(survey_id=survey.pk, answers=answers or ANSWERS, now=now, **facts)


def of_teacher() -> SurveyRequest:
    return SurveyRequest.objects.get(audience="teacher")


@pytest.mark.parametrize(
    ("told", "due"),
    [
        ("2026-09-29T11:30", "2026-09-29T15:00"),  # told in the morning: the same afternoon
        ("2026-09-29T15:00", "2026-09-29T15:00"),
        ("2026-09-29T15:01", "2026-09-30T08:00"),  # too late today: the next morning
        ("2026-10-02T16:00", "2026-10-05T08:00"),  # a Friday evening: Monday
        ("2026-10-03T10:00", "2026-10-05T08:00"),  # a Saturday: Monday
        ("2026-10-09T16:00", "2026-10-19T08:00"),  # the day before the autumn holiday: the Monday after it
        ("2026-10-24T12:00", "2026-10-26T08:00"),  # across the change of clocks
    ],
)
def test_it_is_asked_the_same_afternoon_or_the_next_school_morning(
    municipality: Municipality, told: str, due: str
) -> None:
    moment = datetime.fromisoformat(told)
    expected = datetime.fromisoformat(due)

    found = surveys.due_after(at(moment.date(), moment.hour, moment.minute), SchoolCalendar.load())

    assert found == at(expected.date(), expected.hour)


def test_each_side_is_asked_once_and_reminded_four_school_days_later(enrolment: Enrolment) -> None:
    held(enrolment)
    surveys.ask(enrolment, ended_at=VISIT, now=VISIT + timedelta(days=2))

    teacher = enrolment.teacher
    contact = enrolment.session.offer.contact
    assert teacher is not None
    assert contact is not None
    promised = Message.objects.order_by("occasion", "address").values_list("occasion", "send_at", "policy")
    monday = at((VISIT + timedelta(days=6)).date(), 9)
    assert list(promised) == [
        ("survey_host", at(VISIT.date(), 15), "at_most_once"),
        ("survey_reminder", monday, "at_most_once"),
        ("survey_reminder", monday, "at_most_once"),
        ("survey_teacher", at(VISIT.date(), 15), "at_most_once"),
    ]
    assert sorted(Message.objects.values_list("address", flat=True)) == sorted([teacher.email, contact.email] * 2)


def test_a_survey_closes_21_days_after_it_is_due_and_so_does_its_link(enrolment: Enrolment) -> None:
    held(enrolment)
    survey = of_teacher()

    assert survey.closes_at == at(VISIT.date(), 15) + timedelta(days=21)
    assert Link.objects.get(reference_id=survey.pk).expires_at == survey.closes_at


def test_without_a_teacher_only_the_host_is_asked(enrolment: Enrolment) -> None:
    Enrolment.objects.filter(pk=enrolment.pk).update(teacher=None)
    held(enrolment)

    assert list(SurveyRequest.objects.values_list("audience", flat=True)) == ["host"]


def test_an_answer_is_kept_and_stops_what_was_not_sent(enrolment: Enrolment) -> None:
    held(enrolment)
    kept = answer(of_teacher(), VISIT + timedelta(hours=7), comment="  Fin dag. ", may_quote=True)

    assert (kept.state, kept.answers, kept.comment, kept.may_quote) == ("answered", ANSWERS, "Fin dag.", True)
    assert set(Message.objects.filter(reference_id=kept.pk).values_list("state", flat=True)) == {"withdrawn"}


def test_numbers_typed_as_text_are_kept_as_numbers(enrolment: Enrolment) -> None:
    held(enrolment)
    kept = answer(of_teacher(), VISIT + timedelta(hours=7), {key: str(value) for key, value in ANSWERS.items()})

    assert kept.answers == ANSWERS


def test_the_last_answer_stands_and_the_first_moment_stays(enrolment: Enrolment) -> None:
    held(enrolment)
    first = VISIT + timedelta(hours=7)
    answer(of_teacher(), first)
    kept = answer(of_teacher(), first + timedelta(days=20), {**ANSWERS, "fit": 1})

    assert (kept.answers["fit"], kept.answered_at) == (1, first)


def test_nothing_is_quoted_when_nothing_was_written(enrolment: Enrolment) -> None:
    held(enrolment)

    assert answer(of_teacher(), VISIT + timedelta(hours=7), comment=" ", may_quote=True).may_quote is False


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"fit": 0}, "fit"),
        ({"fit": 6}, "fit"),
        ({"fit": ""}, "fit"),
        ({"fit": "5; DROP"}, "fit"),
        ({"fit": "٣"}, "fit"),
        ({"fit": None}, "fit"),
        ({"again": "perhaps"}, "again"),
        ({"again": 5}, "again"),
    ],
)
def test_what_is_no_answer_is_refused_at_its_question(enrolment: Enrolment, change: dict[str, Any], field: str) -> None:
    held(enrolment)
    with pytest.raises(Refusal) as refused:
        answer(of_teacher(), VISIT + timedelta(hours=7), {**ANSWERS, **change})

    assert (refused.value.code, refused.value.field) == ("not_an_answer", field)
    assert of_teacher().state == "scheduled"


def test_answers_to_questions_that_were_not_asked_are_left_out(enrolment: Enrolment) -> None:
    held(enrolment)

    assert answer(of_teacher(), VISIT + timedelta(hours=7), {**ANSWERS, "name": "Emil"}).answers == ANSWERS


def test_a_comment_that_is_too_long_is_refused(enrolment: Enrolment) -> None:
    held(enrolment)
    with pytest.raises(Refusal) as refused:
        answer(of_teacher(), VISIT + timedelta(hours=7), comment="x" * 2001)

    assert refused.value.field == "comment"


def test_a_closed_survey_takes_no_answer(enrolment: Enrolment) -> None:
    held(enrolment)
    survey = of_teacher()
    with pytest.raises(Refusal) as refused:
        answer(survey, survey.closes_at)

    assert refused.value.code == "closed"


def test_the_link_of_another_survey_and_a_host_link_open_nothing(enrolment: Enrolment) -> None:
    held(enrolment)
    mine, theirs = of_teacher(), SurveyRequest.objects.get(audience="host")
    strangers = [
        holder(theirs),
        Actor(kind="link", id="1", purpose=Link.Purpose.HOST, reference_id=mine.pk),
        Actor.job("survey"),
    ]
    codes = []
    for stranger in strangers:
        with pytest.raises(Refusal) as refused:
            answer(mine, VISIT + timedelta(hours=7), by=stranger)
        codes.append(refused.value.code)

    assert codes == ["foreign"] * 3


def test_unanswered_surveys_expire_when_they_close(enrolment: Enrolment) -> None:
    held(enrolment)
    answer(of_teacher(), VISIT + timedelta(hours=7))
    closes = of_teacher().closes_at

    assert surveys.expire_surveys(now=closes - timedelta(seconds=1)) == 0
    assert surveys.expire_surveys(now=closes) == 1
    assert surveys.expire_surveys(now=closes) == 0
    assert dict(SurveyRequest.objects.values_list("audience", "state")) == {"teacher": "answered", "host": "expired"}


def test_the_log_holds_no_word_of_an_answer(enrolment: Enrolment) -> None:
    held(enrolment)
    answer(of_teacher(), VISIT + timedelta(hours=7), comment="Hemmeligt")
    entry = AuditEntry.objects.get(action="survey-answered")

    assert entry.facts == {"questions": 1, "audience": "teacher"}


def answered(count: int, **values: Any) -> None:
    """Make so many teachers' answers about one course."""
    session = SessionFactory.create(offer=values.pop("offer"))
    for _number in range(count):
        SurveyRequest.objects.create(
            enrolment=EnrolmentFactory.create(session=session),
            audience="teacher",
            state="answered",
            answers={**ANSWERS, **values},
            due_at=VISIT,
            closes_at=VISIT + timedelta(days=21),
            answered_at=VISIT,
        )


def test_totals_are_hidden_below_the_municipalitys_threshold(municipality: Municipality) -> None:
    offer = OfferFactory.create()
    answered(4, offer=offer)
    teachers = surveys.totals(offer=offer)[0]

    assert (teachers.audience, teachers.asked, teachers.answered, teachers.shown) == ("teacher", 4, 4, False)
    assert teachers.questions == []


def test_totals_show_mean_and_spread_from_the_threshold_on(municipality: Municipality) -> None:
    offer, other = OfferFactory.create(), OfferFactory.create()
    answered(3, offer=offer)
    answered(2, offer=offer, fit=2, again="no")
    answered(1, offer=other, fit=1)
    teachers = surveys.totals(offer=offer)[0]
    fit, *_between, again = teachers.questions

    assert (teachers.answered, teachers.shown) == (5, True)
    assert (fit.mean, [number for _word, number in fit.rows]) == (3.8, [0, 2, 0, 0, 3])
    assert (again.mean, [number for _word, number in again.rows]) == (None, [3, 0, 2])


def test_totals_of_a_company_and_of_everything_add_up(municipality: Municipality) -> None:
    offer, other = OfferFactory.create(), OfferFactory.create()
    answered(3, offer=offer)
    answered(2, offer=other)

    assert surveys.totals(company_id=offer.company_id)[0].answered == 3
    assert surveys.totals()[0].answered == 5


def test_the_mail_of_an_answered_a_closed_and_a_revoked_survey_is_unwanted(enrolment: Enrolment) -> None:
    held(enrolment)
    survey = of_teacher()
    now = VISIT + timedelta(hours=7)
    message = Message.objects.get(reference_id=survey.pk, occasion="survey_teacher")
    wanted = outbox.occasions()["survey_teacher"].still_wanted

    assert wanted(message, now) is True
    assert wanted(message, survey.closes_at) is False
    links.revoke(purpose=Link.Purpose.SURVEY, reference_id=survey.pk, now=now)
    assert wanted(message, now) is False


def test_every_question_of_every_version_has_a_code_of_its_own() -> None:
    for version in surveys.QUESTIONS.values():
        assert sorted(version) == sorted(SurveyRequest.Audience.values)
        for questions in version.values():
            assert len({question.code for question in questions}) == len(questions) == 5

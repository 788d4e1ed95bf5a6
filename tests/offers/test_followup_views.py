"""The survey's page, and the page on which a teacher tells how it went."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from offers.domain import encounters
from offers.models import Encounter, Enrolment, SurveyRequest, VisitReport
from portal.domain import clock, links
from portal.domain.actor import Actor
from portal.models import Link, Municipality
from tests.factories import CoordinatorFactory, EnrolmentFactory, MembershipFactory, UserFactory
from tests.offers.test_host import checksum

pytestmark = pytest.mark.django_db

VISIT = datetime.fromisoformat("2026-09-29T09:00:00+02:00")
AFTER = VISIT + timedelta(hours=3)
ANSWERS = {"fit": "5", "active": "4", "preparation": "3", "practical": "2", "again": "yes"}


class Time:
    """What time the doors think it is."""

    def __init__(self) -> None:
        self.now = AFTER


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(clock, "now", lambda: made.now)
    return made


@pytest.fixture
def enrolment(municipality: Municipality, time: Time) -> Enrolment:
    made: Enrolment = EnrolmentFactory.create()
    return made


@pytest.fixture
def survey(enrolment: Enrolment) -> SurveyRequest:
    by = Actor(kind="link", id="1", purpose=Link.Purpose.HOST, reference_id=enrolment.session.offer.contact_id)
    meeting_id = enrolment.session.meetings.get().pk
    encounters.report_visit(enrolment_id=enrolment.pk, meeting_id=meeting_id, outcome="held", by=by, now=AFTER)
    return SurveyRequest.objects.get(audience="teacher")


def let_in(client: Client, survey: SurveyRequest) -> str:
    """Come in by the link and return the page's address."""
    link = Link.objects.get(purpose=Link.Purpose.SURVEY, reference_id=survey.pk)
    answer = client.post(f"/l/{links.token(link)}/")
    assert answer.status_code == 302
    return answer.headers["Location"]


def test_a_survey_is_answered_without_login_and_can_be_changed(client: Client, survey: SurveyRequest) -> None:
    page = let_in(client, survey)
    assert [question.code for question, _field in client.get(page).context["form"].asked] == list(ANSWERS)

    done = client.post(page, {**ANSWERS, "comment": "Fin dag", "may_quote": "on"})
    assert (done.status_code, done.headers["Location"]) == (302, page)
    thanks = client.get(page)
    assert [value[0] for _question, value in thanks.context["given"]][:4] == ["5", "4", "3", "2"]
    assert "Fin dag" in thanks.content.decode()

    again = client.get(f"{page}?aendr=1")
    assert again.context["form"]["fit"].value() == 5
    assert again.content.decode().count("checked") == 6
    client.post(page, {**ANSWERS, "fit": "1"})
    survey.refresh_from_db()
    assert (survey.answers["fit"], survey.comment, survey.may_quote) == (1, "", False)


def test_a_survey_stays_closed_to_those_without_its_link(client: Client, survey: SurveyRequest) -> None:
    page = reverse("link-survey", args=[survey.pk])
    assert client.get(page).status_code == 404
    let_in(client, SurveyRequest.objects.get(audience="host"))

    assert (client.get(page).status_code, client.post(page, ANSWERS).status_code) == (404, 404)


def test_looking_at_a_survey_changes_nothing(client: Client, survey: SurveyRequest) -> None:
    page = let_in(client, survey)
    before = checksum()
    for _time in range(3):
        client.head(page)
        client.get(page)
        client.get(f"{page}?aendr=1&fit=1")

    assert checksum() == before


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"fit": ""}, ["fit"]),
        ({"fit": "0", "active": "6"}, ["fit", "active"]),
        ({"again": "5; DROP"}, ["again"]),
        ({"comment": "x" * 2001}, ["comment"]),
        ({"comment": "Emil 010112-1234 var god"}, ["comment"]),
    ],
)
def test_what_is_missing_gets_a_message_and_the_rest_is_kept(
    client: Client, survey: SurveyRequest, change: dict[str, str], wrong: list[str]
) -> None:
    page = client.post(let_in(client, survey), {**ANSWERS, "comment": "Fin dag", **change})

    assert (page.status_code, sorted(page.context["form"].errors)) == (200, sorted(wrong))
    assert page.content.decode().count("checked") == 5 - len([code for code in wrong if code != "comment"])
    assert SurveyRequest.objects.get(pk=survey.pk).state == "scheduled"


def test_a_phone_number_is_not_taken_for_a_cpr_number(client: Client, survey: SurveyRequest) -> None:
    client.post(let_in(client, survey), {**ANSWERS, "comment": "Ring på 4540506070, gerne kl. 14"})

    assert SurveyRequest.objects.get(pk=survey.pk).state == "answered"


def test_a_comment_is_shown_as_text(client: Client, survey: SurveyRequest) -> None:
    page = let_in(client, survey)
    client.post(page, {**ANSWERS, "comment": "<script>alert(1)</script>{{ 7*7 }}"})
    body = client.get(page).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7*7 }}" in body
    assert "<script>alert" not in body


def test_after_21_days_the_link_has_ended(client: Client, survey: SurveyRequest, time: Time) -> None:
    page = let_in(client, survey)
    time.now = survey.closes_at

    assert (client.get(page).status_code, client.post(page, ANSWERS).status_code) == (410, 410)
    assert SurveyRequest.objects.get(pk=survey.pk).state == "scheduled"


def test_a_suppressed_survey_has_no_page(client: Client, survey: SurveyRequest) -> None:
    page = let_in(client, survey)
    SurveyRequest.objects.filter(pk=survey.pk).update(state="suppressed")

    assert client.get(page).status_code == 404


def report(client: Client, enrolment: Enrolment, **facts: Any) -> Any:
    page = reverse("enrolment-report", args=[enrolment.pk])
    return client.post(
        page, {"meeting_id": str(enrolment.session.meetings.get().pk), "outcome": "held", "pupils": "", **facts}
    )


def test_the_teacher_tells_that_the_visit_was_held(client: Client, enrolment: Enrolment) -> None:
    assert enrolment.teacher is not None
    client.force_login(enrolment.teacher)
    done = report(client, enrolment)

    assert (done.status_code, done.headers["Location"]) == (302, reverse("enrolment-report", args=[enrolment.pk]))
    assert list(VisitReport.objects.values_list("side", "outcome", "pupils")) == [("teacher", "held", 24)]
    assert Encounter.objects.get().evidence == "one"
    assert client.get(done.headers["Location"]).context["rows"][0]["report"].outcome == "held"


def test_who_acts_for_the_school_may_tell_and_a_stranger_finds_no_page(client: Client, enrolment: Enrolment) -> None:
    page = reverse("enrolment-report", args=[enrolment.pk])
    people = [
        MembershipFactory.create(school=enrolment.school, role="plc").user,
        MembershipFactory.create(school=enrolment.school).user,
        MembershipFactory.create(school=enrolment.school, role="guidance").user,
        MembershipFactory.create().user,
        UserFactory.create(),
        MembershipFactory.create(school=enrolment.school, role="plc", ended_on=VISIT.date()).user,
    ]
    seen = []
    for person in people:
        client.force_login(person)
        seen.append((client.get(page).status_code, report(client, enrolment).status_code))

    assert seen == [(200, 302)] + [(404, 404)] * 5


def test_a_colleague_with_two_roles_sees_one_page(client: Client, enrolment: Enrolment) -> None:
    person = MembershipFactory.create(school=enrolment.school).user
    MembershipFactory.create(school=enrolment.school, user=person, role="ambassador")
    client.force_login(person)

    assert client.get(reverse("enrolment-report", args=[enrolment.pk])).status_code == 200


def test_a_visitor_is_asked_to_sign_in(client: Client, enrolment: Enrolment) -> None:
    page = reverse("enrolment-report", args=[enrolment.pk])

    assert client.get(page).headers["Location"] == f"/konto/login/?next={page}"


def test_a_coordinator_sees_both_sides_and_decides(client: Client, enrolment: Enrolment, survey: SurveyRequest) -> None:
    assert enrolment.teacher is not None
    client.force_login(enrolment.teacher)
    report(client, enrolment, outcome="not_held")
    client.force_login(CoordinatorFactory.create())
    page = client.get(reverse("enrolment-report", args=[enrolment.pk]))
    assert [(one.side, one.outcome) for one in page.context["reports"]] == [("host", "held"), ("teacher", "not_held")]

    report(client, enrolment, outcome="partly", pupils="18")
    assert list(Encounter.objects.filter(voided_at=None).values_list("pupils", "evidence")) == [(18, "one")]
    assert Enrolment.objects.get(pk=enrolment.pk).status == "completed"


def test_before_the_visit_the_page_says_when_to_come_back(client: Client, enrolment: Enrolment, time: Time) -> None:
    time.now = VISIT - timedelta(days=1)
    assert enrolment.teacher is not None
    client.force_login(enrolment.teacher)

    assert client.get(reverse("enrolment-report", args=[enrolment.pk])).context["rows"] == []
    assert report(client, enrolment).status_code == 200
    assert VisitReport.objects.count() == 0


def test_looking_at_the_report_changes_nothing(client: Client, enrolment: Enrolment) -> None:
    assert enrolment.teacher is not None
    client.force_login(enrolment.teacher)
    before = checksum()
    for _time in range(3):
        client.get(reverse("enrolment-report", args=[enrolment.pk]) + "?outcome=held")

    assert checksum() == before


@pytest.mark.parametrize("status", ["pending", "waitlisted", "cancelled_by_school", "declined"])
def test_there_is_nothing_to_tell_of_a_class_that_does_not_come(
    client: Client, enrolment: Enrolment, status: str
) -> None:
    Enrolment.objects.update(status=status, waiting_since=VISIT)
    assert enrolment.teacher is not None
    client.force_login(enrolment.teacher)

    assert client.get(reverse("enrolment-report", args=[enrolment.pk])).status_code == 404

"""Saying no to reminders and to questions after visits: in one click, for good, and taken back as easily."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail as letters
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.test import Client
from django.urls import reverse

from offers.domain import encounters, reminders, surveys
from offers.models import Encounter, Enrolment, SurveyRequest
from portal import logs, tasks
from portal.domain import clock, links, outbox, people, privacy, suppressions
from portal.domain.actor import Actor
from portal.domain.outbox import Recipient
from portal.domain.suppressions import Choice
from portal.models import AuditEntry, Link, Message, Municipality, Suppression, User
from tests.factories import CoordinatorFactory, EnrolmentFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db

VISIT = datetime.fromisoformat("2026-09-29T09:00:00+02:00")
EARLY = datetime.fromisoformat("2026-09-01T08:00:00+02:00")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
TABLES = (AuditEntry, Suppression, Message, SurveyRequest, Link)


@pytest.fixture
def enrolment(municipality: Municipality) -> Enrolment:
    made: Enrolment = EnrolmentFactory.create(status_at=EARLY)
    return made


def teacher_of(enrolment: Enrolment) -> User:
    assert enrolment.teacher is not None
    return enrolment.teacher


def held(enrolment: Enrolment) -> None:
    by = Actor(kind="link", id="1", purpose=Link.Purpose.HOST, reference_id=enrolment.session.offer.contact_id)
    meeting, moment = enrolment.session.meetings.get(), VISIT + timedelta(hours=3)
    encounters.report_visit(enrolment_id=enrolment.pk, meeting_id=meeting.pk, outcome="held", by=by, now=moment)


def drain(monkeypatch: pytest.MonkeyPatch, now: datetime) -> list[tuple[str, str]]:
    """Send what is due; return what has left in the meantime: to whom, and the beginning of the subject."""
    before = len(letters.outbox)
    monkeypatch.setattr(clock, "now", lambda: now)
    tasks.drain()
    return sorted((one.to[0], one.subject.partition(":")[0]) for one in letters.outbox[before:])


def html_of(mail: EmailMessage) -> str:
    assert isinstance(mail, EmailMultiAlternatives)
    return str(mail.alternatives[0][0])


def said() -> list[tuple[str, str]]:
    return sorted(AuditEntry.objects.filter(action__startswith="mails-").values_list("action", "actor_kind"))


# --- Which mails -----------------------------------------------------------------------------------------------------


def test_only_reminders_and_questions_after_visits_may_be_declined() -> None:
    found = {name: str(one.declinable) for name, one in outbox.occasions().items() if one.declinable}

    assert found == {
        "visit_reminder": "reminders",
        "invite_reminder": "reminders",
        "host_question_nudge": "reminders",
        "survey_teacher": "surveys",
        "survey_host": "surveys",
        "survey_reminder": "surveys",
        "visit_confirm": "surveys",
    }


def test_a_mail_that_may_be_declined_says_how_in_its_headers_and_at_its_foot(
    enrolment: Enrolment, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(enrolment)
    teacher = teacher_of(enrolment)
    drain(monkeypatch, SurveyRequest.objects.get(audience="teacher").due_at)

    mail = next(one for one in letters.outbox if one.to == [teacher.email] and one.subject.startswith("Evaluering"))
    url = Choice.of(teacher.email, "surveys").url
    assert mail.extra_headers["List-Unsubscribe"] == f"<{url}>"
    assert mail.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"Vil du ikke have påmindelser og spørgeskemaer?\n{url}\n" in str(mail.body)
    assert f'href="{url}"' in html_of(mail)
    kept = Message.objects.get(occasion="survey_teacher").body
    assert url not in kept
    assert "uns_…" in kept


def test_a_mail_that_must_come_offers_no_way_out(enrolment: Enrolment, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teacher_of(enrolment)
    outbox.post(occasion="enrolment_confirmed", about=enrolment, to=Recipient.of_user(teacher), now=EARLY)
    drain(monkeypatch, EARLY)

    [mail] = letters.outbox
    assert "List-Unsubscribe" not in mail.extra_headers
    assert "uns_" not in str(mail.body) + html_of(mail)


# --- The page --------------------------------------------------------------------------------------------------------


def test_looking_changes_nothing_and_tells_nobody(enrolment: Enrolment, client: Client) -> None:
    before = [list(table.objects.order_by("pk").values()) for table in TABLES]
    path = Choice.of(teacher_of(enrolment).email, "surveys").path
    answers = [client.get(path), client.head(path), client.get(path, {"List-Unsubscribe": "One-Click", "wanted": "no"})]
    others = [client.put(path).status_code, client.delete(path).status_code, client.options(path).status_code]

    assert [one.status_code for one in answers] == [200, 200, 200]
    assert others == [405, 405, 405]
    assert [list(table.objects.order_by("pk").values()) for table in TABLES] == before
    for one in answers:
        assert one.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in one.headers["Cache-Control"]
        assert one.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert one.cookies == {}
    page = answers[0].content.decode()
    assert page.count("<button") - client.get("/l/hst_x/").content.decode().count("<button") == 1
    assert teacher_of(enrolment).email not in page


def test_one_click_needs_neither_cookie_nor_token_and_may_come_twice(enrolment: Enrolment) -> None:
    choice = Choice.of(teacher_of(enrolment).email, "surveys")
    for headers in ({}, {"origin": "null"}, {"origin": "https://mail.example", "sec-fetch-site": "cross-site"}):
        browser = Client(enforce_csrf_checks=True)
        answer = browser.post(choice.path, ONE_CLICK, headers=headers)
        assert (answer.status_code, answer.cookies) == (200, {})

    row = Suppression.objects.get()
    assert (row.kind, row.address_digest) == ("surveys", choice.address_digest)
    assert re.fullmatch("[0-9a-f]{64}", row.address_digest)
    assert said() == [("mails-declined", "link")]
    assert teacher_of(enrolment).email not in str(list(AuditEntry.objects.values()))


def test_a_second_button_takes_it_back(enrolment: Enrolment, client: Client) -> None:
    choice = Choice.of(teacher_of(enrolment).email, "reminders")
    client.post(choice.path, {"wanted": "no"})
    page = client.get(choice.path).content.decode()
    assert "Du får ingen påmindelser" in page
    field = re.search(r'name="wanted" value="(\w+)"', page)
    assert field is not None
    assert client.post(choice.path, {"wanted": field[1]}).status_code == 200

    assert not Suppression.objects.exists()
    client.post(choice.path, {"wanted": "yes"})
    assert said() == [("mails-declined", "link"), ("mails-wanted-again", "link")]


def test_the_page_leads_to_the_other_kind_of_the_same_person(enrolment: Enrolment, client: Client) -> None:
    choice, other = (Choice.of(teacher_of(enrolment).email, kind) for kind in ("reminders", "surveys"))

    assert (choice.other, other.other) == (other, choice)
    assert f'href="{other.path}"' in client.get(choice.path).content.decode()


def test_what_is_glued_to_the_address_is_forgiven_and_case_does_not_matter(client: Client, municipality: None) -> None:
    choice = Choice.of("Mette@Skole.example ", "surveys")

    assert choice == Choice.of("mette@skole.example", "surveys")
    assert [client.get(f"/l/{choice.token}{glued}").status_code for glued in ("", "/", "/>", ").", "/;")] == [200] * 5


def test_a_token_we_never_wrote_gets_the_same_page_as_every_unknown_link(client: Client, municipality: None) -> None:
    token = Choice.of("mette@skole.example", "surveys").token
    swapped = token[:-1] + ("A" if token[-1] != "A" else "B")
    wrong = ["uns_", "uns_" + "A" * 64, swapped, token + "A", token.lower(), token.replace("uns_", "svy_"), "uns_æ"]
    unknown = client.get("/l/hst_x/")

    answers = [client.get(f"/l/{one}/") for one in wrong] + [client.post(f"/l/{one}/", ONE_CLICK) for one in wrong]
    assert {(one.status_code, one.content) for one in answers} == {(404, unknown.content)}
    assert {one.headers["Referrer-Policy"] for one in answers} == {"no-referrer"}
    assert Suppression.objects.count() == 0
    slowed = [client.get("/l/uns_x/").status_code for _time in range(20)]
    assert slowed[-1] == 429
    assert client.get(f"/l/{token}/").status_code == 200


def test_the_token_never_reaches_a_log() -> None:
    assert logs.mask(f"GET {Choice.of('mette@skole.example', 'surveys').path}") == "GET /l/uns_…/"


def test_another_key_makes_another_token_and_one_kind_does_not_open_the_other(
    settings: Any, municipality: None
) -> None:
    reminders_, surveys_ = Choice.of("a@b.dk", "reminders"), Choice.of("a@b.dk", "surveys")
    assert suppressions.find(reminders_.token) == reminders_
    assert suppressions.find(surveys_.token) == surveys_
    token = surveys_.token
    assert reminders_.token != token

    settings.LINK_KEY = "another"
    assert suppressions.find(token) is None


# --- What it does ----------------------------------------------------------------------------------------------------


def test_who_declined_is_not_asked_and_the_other_side_is(
    enrolment: Enrolment, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, contact = teacher_of(enrolment), enrolment.session.offer.contact
    assert contact is not None
    client.post(Choice.of(teacher.email, "surveys").path, ONE_CLICK)
    held(enrolment)
    due = SurveyRequest.objects.get(audience="teacher").due_at
    left = drain(monkeypatch, due)
    left += drain(monkeypatch, due + timedelta(days=7))

    assert {to for to, _kind in left} == {contact.email}
    assert dict(SurveyRequest.objects.values_list("audience", "state")) == {
        "teacher": "suppressed",
        "host": "scheduled",
    }
    states = Message.objects.filter(address=teacher.email, occasion__startswith="survey").values_list(
        "state", "trouble"
    )
    assert set(states) == {("withdrawn", ""), ("withdrawn", "Its receiver wants no such mails.")}
    assert AuditEntry.objects.filter(action="survey-declined").count() == 1
    asked = {one.audience: (one.asked, one.answered) for one in surveys.totals()}
    assert asked == {"teacher": (0, 0), "host": (1, 0)}
    assert Encounter.objects.count() == 1


def test_who_declines_after_the_question_is_not_reminded_and_may_still_answer(
    enrolment: Enrolment, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(enrolment)
    teacher, due = teacher_of(enrolment), SurveyRequest.objects.get(audience="teacher").due_at
    drain(monkeypatch, due)
    client.post(Choice.of(teacher.email, "surveys").path, ONE_CLICK)
    left = drain(monkeypatch, due + timedelta(days=7))

    assert teacher.email not in {to for to, _kind in left}
    assert SurveyRequest.objects.get(audience="teacher").state == "scheduled"


def test_reminders_stop_while_confirmations_codes_and_the_day_sheet_come(
    enrolment: Enrolment, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, contact = teacher_of(enrolment), enrolment.session.offer.contact
    assert contact is not None
    for address in (teacher.email, contact.email):
        for kind in ("reminders", "surveys"):
            client.post(Choice.of(address, kind).path, ONE_CLICK)
    reminders.plan_reminders(now=EARLY)
    outbox.post(occasion="enrolment_confirmed", about=enrolment, to=Recipient.of_user(teacher), now=EARLY)
    left = drain(monkeypatch, EARLY)
    for day in range(28):
        left += drain(monkeypatch, EARLY + timedelta(days=day))
        reminders.plan_reminders(now=EARLY + timedelta(days=day))

    assert [to for to, _kind in sorted(left)] == sorted([teacher.email, contact.email])
    withdrawn = Message.objects.filter(occasion="visit_reminder", state="withdrawn")
    assert set(withdrawn.values_list("attempts", flat=True)) == {1}, "promised again every hour"
    assert not Message.objects.in_trouble().exists()


def test_it_holds_after_the_person_was_erased_and_can_still_be_taken_back(
    enrolment: Enrolment, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teacher_of(enrolment)
    address, choice = teacher.email, Choice.of(teacher.email, "surveys")
    other = Choice.of(teacher.email, "reminders")
    client.post(choice.path, ONE_CLICK)
    by = Actor.of_user(CoordinatorFactory.create())
    privacy.erase_person(kind="user", subject_id=teacher.pk, by=by, now=VISIT + timedelta(days=400))
    assert not User.objects.filter(pk=teacher.pk).exists()

    privacy.forget(now=VISIT + timedelta(days=2000))
    assert [client.get(one.path).status_code for one in (choice, other)] == [200, 200]
    assert client.post(other.path, ONE_CLICK).status_code == 200
    UserFactory.create(email=address)
    assert suppressions.stands_against("survey_teacher", address)
    assert suppressions.stands_against("visit_reminder", address)
    client.post(choice.path, {"wanted": "yes"})
    assert not suppressions.stands_against("survey_teacher", address)


def test_it_follows_somebody_to_a_new_address(municipality: Municipality, now: datetime) -> None:
    user = UserFactory.create(email="mette@gammel.example")
    suppressions.choose(secret=Choice.of("mette@gammel.example", "surveys").token, wanted=False, now=now)
    by = Actor.of_user(CoordinatorFactory.create())
    people.change_address(user_id=user.pk, email="mette@ny.example", by=by, now=now)

    assert suppressions.stands_against("survey_teacher", "mette@ny.example")
    assert not suppressions.stands_against("visit_reminder", "mette@ny.example")


# --- On one's own page -----------------------------------------------------------------------------------------------


def test_a_teacher_sees_and_changes_it_on_the_own_page(municipality: Municipality, client: Client) -> None:
    teacher = MembershipFactory.create().user
    client.force_login(teacher)
    page, change = reverse("my-data"), reverse("my-data-mails")
    assert "Spørg mig ikke efter besøg" in client.get(page).content.decode()

    assert client.post(change, {"kind": "surveys", "wanted": "no"}).headers["Location"] == f"{page}#mails"
    assert suppressions.stands_against("survey_teacher", teacher.email)
    told = client.get(page).content.decode()
    assert "Spørg mig igen efter besøg" in told
    assert "Du får ingen." in told
    client.post(change, {"kind": "surveys", "wanted": "yes"})
    client.post(change, {"kind": "codes", "wanted": "no"})
    assert Suppression.objects.count() == 0
    assert said() == [("mails-declined", "user"), ("mails-wanted-again", "user")]
    assert client.get(change).status_code == 405


def test_a_contact_sees_and_changes_it_on_the_page_of_the_host_link(
    enrolment: Enrolment, client: Client, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)
    contact = enrolment.session.offer.contact
    assert contact is not None
    link = links.ensure(purpose=Link.Purpose.HOST, reference_id=contact.pk, now=now)
    client.post(f"/l/{links.token(link)}/")
    page, change = (reverse(name, args=[contact.pk]) for name in ("host-data", "host-data-mails"))
    assert client.post(change, {"kind": "reminders", "wanted": "no"}).headers["Location"] == f"{page}#mails"

    assert suppressions.stands_against("invite_reminder", contact.email)
    assert "Mind mig om det igen" in client.get(page).content.decode()

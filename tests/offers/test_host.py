"""A host's pages, by link: what is seen, what can be done, and what a GET never does."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from offers.models import Encounter, Enrolment, Offer, Session, VisitReport
from portal.domain import clock, links
from portal.models import AuditEntry, Link, Municipality
from tests.factories import ContactFactory, EnrolmentFactory, OfferFactory, SessionFactory

pytestmark = pytest.mark.django_db

Clock = Callable[[datetime], None]

VISIT = datetime.fromisoformat("2026-09-29T09:00:00+02:00")
BEFORE = VISIT - timedelta(days=10)
AFTER = VISIT + timedelta(hours=3)


@pytest.fixture
def enrolment(municipality: Municipality) -> Enrolment:
    made: Enrolment = EnrolmentFactory.create(
        needs_quiet=True, needs_text="Én elev bliver let bange", teacher_phone="20 30 40 50"
    )
    return made


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Set what time the doors think it is."""

    def put(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    put(BEFORE)
    return put


def let_in(client: Client, contact_id: object, now: datetime = BEFORE) -> None:
    """Come in as the holder of a contact's host link does."""
    link = links.ensure(purpose=Link.Purpose.HOST, reference_id=contact_id, now=now)  # type: ignore[arg-type]
    answer = client.post(f"/l/{links.token(link)}/")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/vaert/{contact_id}/")


def pages(enrolment: Enrolment) -> list[str]:
    contact_id = enrolment.session.offer.contact_id
    return [
        reverse("link-host", args=[contact_id]),
        reverse("host-session", args=[contact_id, enrolment.session_id]),
        reverse("host-cancel", args=[contact_id, enrolment.session_id]),
        reverse("host-answer", args=[contact_id, enrolment.pk]),
        reverse("host-report", args=[contact_id, enrolment.pk]),
    ]


def checksum() -> dict[str, str]:
    """Return what stands in every table, except the browsers' sessions."""
    sums = {}
    for model in apps.get_models():
        if model._meta.managed and model._meta.label_lower != "sessions.session":
            rows = sorted(str(row) for row in model._default_manager.values_list())
            sums[model._meta.label_lower] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return sums


def test_without_the_link_no_page_exists(client: Client, enrolment: Enrolment, at: Clock) -> None:
    assert [client.get(page).status_code for page in pages(enrolment)] == [404] * 5
    assert [client.post(page).status_code for page in pages(enrolment)] == [404] * 5


def test_another_companys_link_opens_none_of_them(client: Client, enrolment: Enrolment, at: Clock) -> None:
    other = ContactFactory.create()
    let_in(client, other.pk)
    mine = [page.replace(str(enrolment.session.offer.contact_id), str(other.pk)) for page in pages(enrolment)]

    assert [client.get(page).status_code for page in pages(enrolment)] == [404] * 5
    assert [client.get(page).status_code for page in mine] == [200, 404, 404, 404, 404]
    assert client.get(mine[0]).content.count(enrolment.session.offer.title.encode()) == 0


def test_looking_changes_nothing(client: Client, enrolment: Enrolment, at: Clock) -> None:
    pending = EnrolmentFactory.create(session=enrolment.session, status="pending")
    let_in(client, enrolment.session.offer.contact_id)
    before = checksum()
    contact_id = enrolment.session.offer.contact_id
    for page in [*pages(enrolment), reverse("host-answer", args=[contact_id, pending.pk])] * 3:
        assert client.head(page).status_code == client.get(page).status_code

    assert checksum() == before


def test_the_overview_shows_who_comes_and_who_asks(client: Client, enrolment: Enrolment, at: Clock) -> None:
    pending = EnrolmentFactory.create(session=enrolment.session, status="pending", answer_by=BEFORE + timedelta(days=2))
    let_in(client, enrolment.session.offer.contact_id)
    page = client.get(pages(enrolment)[0])

    assert [row["classes"] for row in page.context["upcoming"]] == [
        [f"{enrolment.class_label}, {enrolment.school.name}"]
    ]
    assert [row["enrolment"].pk for row in page.context["requests"]] == [pending.pk]
    assert (page.context["untold"], page.context["told"]) == ([], [])


def test_the_overview_takes_the_same_number_of_questions_for_one_and_for_many(
    client: Client, enrolment: Enrolment, at: Clock
) -> None:
    offer = enrolment.session.offer
    past = VISIT - timedelta(days=20)
    EnrolmentFactory.create(session=SessionFactory.create(offer=offer, starts_at=past))
    let_in(client, offer.contact_id)
    with CaptureQueriesContext(connection) as few:
        client.get(pages(enrolment)[0])
    for days in (1, 2, 3):
        for start in (VISIT + timedelta(days=days), past + timedelta(days=days)):
            EnrolmentFactory.create_batch(2, session=SessionFactory.create(offer=offer, starts_at=start))
    OfferFactory.create(company=offer.company, contact=offer.contact)
    with CaptureQueriesContext(connection) as many:
        page = client.get(pages(enrolment)[0])

    assert (len(page.context["upcoming"]), len(page.context["untold"])) == (4, 7)
    assert len(few) == len(many)
    assert len(many) <= 16


def test_the_teachers_contact_and_the_words_about_needs_are_the_hosts_to_read(
    client: Client, enrolment: Enrolment, at: Clock
) -> None:
    assert enrolment.teacher is not None
    let_in(client, enrolment.session.offer.contact_id)
    body = client.get(pages(enrolment)[1]).content.decode()

    assert enrolment.teacher.email in body
    assert "20 30 40 50" in body
    assert "Én elev bliver let bange" not in body


def test_the_words_about_needs_are_shown_when_a_button_is_pressed_and_each_reading_is_noted(
    client: Client, enrolment: Enrolment, at: Clock
) -> None:
    contact_id = enrolment.session.offer.contact_id
    let_in(client, contact_id)
    page = reverse("host-needs", args=[contact_id, enrolment.pk])
    assert page in client.get(pages(enrolment)[1]).content.decode()

    looked = client.get(page)
    assert "Én elev bliver let bange" not in looked.content.decode()
    assert AuditEntry.objects.filter(action="needs-read").exists() is False
    read = client.post(page)
    client.post(page)

    assert ("Én elev bliver let bange" in read.content.decode(), read.headers["Cache-Control"].split(",")[0]) == (
        True,
        "no-store",
    )
    noted = AuditEntry.objects.filter(action="needs-read")
    assert set(noted.values_list("actor_kind", "object_id")) == {("link", str(enrolment.pk))}
    assert noted.count() == 2


def test_before_confirmation_the_teacher_is_not_shown(client: Client, enrolment: Enrolment, at: Clock) -> None:
    Enrolment.objects.update(status="pending")
    assert enrolment.teacher is not None
    let_in(client, enrolment.session.offer.contact_id)
    body = client.get(pages(enrolment)[1]).content.decode()

    assert enrolment.teacher.email not in body
    assert "20 30 40 50" not in body
    assert reverse("host-needs", args=[enrolment.session.offer.contact_id, enrolment.pk]) in body


def test_thirty_days_after_the_visit_the_words_about_needs_are_gone(
    client: Client, enrolment: Enrolment, at: Clock
) -> None:
    let_in(client, enrolment.session.offer.contact_id)
    shown = []
    for moment in (VISIT + timedelta(days=30), VISIT + timedelta(days=30, hours=2)):
        at(moment)
        page = reverse("host-needs", args=[enrolment.session.offer.contact_id, enrolment.pk])
        offered = page in client.get(pages(enrolment)[1]).content.decode()
        assert ("let bange" in client.post(page).content.decode()) == offered
        shown.append(offered)

    assert shown == [True, False]


def test_a_date_is_called_off_with_a_reason(client: Client, enrolment: Enrolment, at: Clock) -> None:
    Session.objects.update(places_taken=24)
    let_in(client, enrolment.session.offer.contact_id)
    page = pages(enrolment)[2]
    empty = client.post(page, {"reason": "  "})
    assert (empty.status_code, list(empty.context["form"].errors)) == (200, ["reason"])
    assert Session.objects.get(pk=enrolment.session_id).state == "open"

    done = client.post(page, {"reason": "Maskinen er i stykker"})
    assert (done.status_code, done.headers["Location"]) == (302, pages(enrolment)[1])
    session = Session.objects.get(pk=enrolment.session_id)
    assert (session.state, session.cancel_reason) == ("cancelled", "Maskinen er i stykker")
    assert Enrolment.objects.get(pk=enrolment.pk).status == "cancelled_by_host"
    assert client.get(page).status_code == 302


def test_a_date_that_has_begun_cannot_be_called_off_and_what_was_written_stays(
    client: Client, enrolment: Enrolment, at: Clock
) -> None:
    let_in(client, enrolment.session.offer.contact_id)
    at(AFTER)
    refused = client.post(pages(enrolment)[2], {"reason": "For sent"})

    assert refused.status_code == 200
    assert "For sent" in refused.content.decode()
    assert Session.objects.get(pk=enrolment.session_id).state == "open"


@pytest.mark.parametrize(
    ("answer", "reason", "status", "wrong"),
    [
        ("yes", "", "confirmed", []),
        ("no", "Vi har travlt", "declined", []),
        ("no", " ", "pending", ["reason"]),
        ("", "", "pending", ["answer"]),
        ("maybe", "", "pending", ["answer"]),
    ],
)
def test_a_request_is_answered(
    client: Client, enrolment: Enrolment, at: Clock, answer: str, reason: str, status: str, wrong: list[str]
) -> None:
    Offer.objects.update(acceptance="manual")
    Enrolment.objects.update(status="pending", answer_by=BEFORE + timedelta(days=2))
    Session.objects.update(places_taken=24)
    let_in(client, enrolment.session.offer.contact_id)
    page = client.post(pages(enrolment)[3], {"answer": answer, "reason": reason})

    assert Enrolment.objects.get(pk=enrolment.pk).status == status
    if wrong:
        assert (page.status_code, list(page.context["form"].errors)) == (200, wrong)
    else:
        assert (page.status_code, page.headers["Location"]) == (302, pages(enrolment)[0])


def test_an_answered_request_is_not_asked_about_again(client: Client, enrolment: Enrolment, at: Clock) -> None:
    let_in(client, enrolment.session.offer.contact_id)

    assert b'name="answer"' not in client.get(pages(enrolment)[3]).content
    again = client.post(pages(enrolment)[3], {"answer": "no", "reason": "Vi har travlt"})
    assert (again.status_code, len(again.context["form"].non_field_errors())) == (200, 1)


def test_the_host_tells_that_the_visit_was_held_and_may_correct_it(
    client: Client, enrolment: Enrolment, at: Clock
) -> None:
    let_in(client, enrolment.session.offer.contact_id)
    at(AFTER)
    meeting_id = str(enrolment.session.meetings.get().pk)
    done = client.post(pages(enrolment)[4], {"meeting_id": meeting_id, "outcome": "held", "pupils": ""})
    assert (done.status_code, done.headers["Location"]) == (302, pages(enrolment)[0])
    client.post(pages(enrolment)[4], {"meeting_id": meeting_id, "outcome": "partly", "pupils": " 20 "})

    assert [(one.side, one.outcome, one.pupils) for one in VisitReport.objects.all()] == [("host", "partly", 20)]
    assert list(Encounter.objects.filter(voided_at=None).values_list("pupils", flat=True)) == [20]
    told = client.get(pages(enrolment)[0]).context["told"]
    assert [(row["enrolment"].pk, row["report"].pupils) for row in told] == [(enrolment.pk, 20)]


@pytest.mark.parametrize("typed", ["1_0", "٣", "+5", "20,5", "1e1", "-1", "0x10", "twenty", "99999", "１２"])
def test_a_number_that_is_not_typed_in_digits_gets_a_message_and_is_kept(
    client: Client, enrolment: Enrolment, at: Clock, typed: str
) -> None:
    let_in(client, enrolment.session.offer.contact_id)
    at(AFTER)
    page = client.post(
        pages(enrolment)[4],
        {"meeting_id": str(enrolment.session.meetings.get().pk), "outcome": "partly", "pupils": typed},
    )

    assert (page.status_code, list(page.context["form"].errors)) == (200, ["pupils"])
    assert typed in page.content.decode()
    assert VisitReport.objects.count() == 0


@pytest.mark.parametrize("typed", ["", "0", "24", "61", "999"])
def test_numbers_that_cannot_be_get_a_message_at_the_field(
    client: Client, enrolment: Enrolment, at: Clock, typed: str
) -> None:
    let_in(client, enrolment.session.offer.contact_id)
    at(AFTER)
    page = client.post(
        pages(enrolment)[4],
        {"meeting_id": str(enrolment.session.meetings.get().pk), "outcome": "partly", "pupils": typed},
    )

    assert (page.status_code, list(page.context["form"].errors)) == (200, ["pupils"])


@pytest.mark.parametrize("meeting_id", ["", "abc", "00000000-0000-4000-8000-000000000000"])
def test_a_date_of_somebody_else_is_refused(client: Client, enrolment: Enrolment, at: Clock, meeting_id: str) -> None:
    let_in(client, enrolment.session.offer.contact_id)
    at(AFTER)
    page = client.post(pages(enrolment)[4], {"meeting_id": meeting_id, "outcome": "held"})

    assert (page.status_code, VisitReport.objects.count()) == (200, 0)


def test_before_the_visit_there_is_nothing_to_tell(client: Client, enrolment: Enrolment, at: Clock) -> None:
    let_in(client, enrolment.session.offer.contact_id)
    assert client.get(pages(enrolment)[4]).context["rows"] == []
    page = client.post(pages(enrolment)[4], {"meeting_id": str(enrolment.session.meetings.get().pk), "outcome": "held"})

    assert (page.status_code, VisitReport.objects.count()) == (200, 0)


def test_a_contact_who_left_has_no_page(client: Client, enrolment: Enrolment, at: Clock) -> None:
    let_in(client, enrolment.session.offer.contact_id)
    contact = enrolment.session.offer.contact
    assert contact is not None
    contact.is_active = False
    contact.save()

    assert [client.get(page).status_code for page in pages(enrolment)] == [404] * 5


def test_a_revoked_link_says_so(client: Client, enrolment: Enrolment, at: Clock) -> None:
    contact_id = enrolment.session.offer.contact_id
    assert contact_id is not None
    let_in(client, contact_id)
    links.revoke(purpose=Link.Purpose.HOST, reference_id=contact_id, now=BEFORE)

    assert [client.get(page).status_code for page in pages(enrolment)] == [410] * 5


def test_the_pages_are_neither_stored_nor_indexed(client: Client, enrolment: Enrolment, at: Clock) -> None:
    let_in(client, enrolment.session.offer.contact_id)
    page = client.get(pages(enrolment)[0])

    assert page.headers["Cache-Control"].split(", ")[0] == "no-store"
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert page.headers["Referrer-Policy"] == "no-referrer"

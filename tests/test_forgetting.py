"""Forgetting: each thing at the end of its lifetime and not before, whatever else stumbles."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session as Browser
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from companies.models import Contact
from offers.models import Agreement, Encounter, Enrolment, Invite, Offer, ReviewComment, Session, SurveyRequest
from portal import tasks
from portal.domain import privacy
from portal.domain.calendar import COPENHAGEN
from portal.domain.privacy import Lifetime, months_before
from portal.models import (
    AuditEntry,
    Document,
    Erasure,
    Heartbeat,
    LegalHold,
    Link,
    Message,
    Municipality,
    PendingTable,
    User,
)
from tests import factories

pytestmark = pytest.mark.django_db
Count = Callable[[], int]
THEN = datetime(2026, 3, 31, 12, 0, tzinfo=COPENHAGEN)  # when everything below began


def visit(**facts: Any) -> Enrolment:
    session = factories.SessionFactory.create(starts_at=THEN - timedelta(hours=2), ends_at=THEN)
    made: Enrolment = factories.EnrolmentFactory.create(session=session, created_at=THEN, **facts)
    return made


def needs() -> Count:
    visit(needs_text="En elev sidder ned", needs_diet=True)
    return Enrolment.objects.exclude(needs_text="").filter(needs_diet=True).count


def teacher_on_enrolment() -> Count:
    visit(teacher_phone="12345678", ended_reason="Bussen")
    return Enrolment.objects.exclude(teacher=None, teacher_phone="", ended_reason="").count


def survey_comment() -> Count:
    SurveyRequest.objects.create(
        enrolment=visit(), audience="host", comment="Godt", may_quote=True, state="answered", answers={"informed": 5},
        due_at=THEN, closes_at=THEN + timedelta(days=21), answered_at=THEN,
    )  # fmt: skip
    return SurveyRequest.objects.exclude(comment="", may_quote=False).filter(answers={"informed": 5}).count


def review_comment() -> Count:
    offer = factories.OfferFactory.create()
    ReviewComment.objects.create(offer=offer, text="Skriv mere", at=THEN, resolved_at=THEN)
    return ReviewComment.objects.count


def greeting() -> Count:
    contact = factories.ContactFactory.create()
    factories.OfferFactory.create(company=contact.company, contact=contact)
    Invite.objects.create(company=contact.company, contact=contact, greeting="Kære du", created_at=THEN)
    return Invite.objects.exclude(greeting="").count


def session_note() -> Count:
    factories.SessionFactory.create(starts_at=THEN - timedelta(hours=2), ends_at=THEN, note="Spørg Kaj")
    return Session.objects.exclude(note="").count


def cancel_reason() -> Count:
    factories.SessionFactory.create(
        starts_at=THEN - timedelta(hours=2), ends_at=THEN, state="cancelled", cancel_reason="Kaj er syg"
    )
    return Session.objects.filter(cancel_reason="Kaj er syg").count


def void_reason() -> Count:
    one = visit(teacher=None)
    Encounter.objects.create(
        enrolment=one, meeting=one.session.meetings.get(), offer=one.session.offer, company=one.session.offer.company,
        school=one.school, school_class=one.school_class, day=THEN.date(), school_year=2025, minutes=120, grade=7,
        pupils=20, evidence="one", recorded_at=THEN, voided_at=THEN, void_reason="Kaj sagde nej",
    )  # fmt: skip
    return Encounter.objects.filter(void_reason="Kaj sagde nej").count


def contact_of_an_ended_course() -> Count:
    contact = factories.ContactFactory.create(created_at=THEN - timedelta(days=900), name="Kaj")
    factories.OfferFactory.create(company=contact.company, contact=contact, state="archived", updated_at=THEN)
    return Contact.objects.filter(name="Kaj").count


def contact_after_an_agreement() -> Count:
    contact = factories.ContactFactory.create(created_at=THEN - timedelta(days=900), name="Kaj")
    Agreement.objects.create(
        company=contact.company, school=factories.SchoolFactory.create(), title="x", state="active",
        first_day=THEN.date() - timedelta(days=90), last_day=THEN.date(),
    )  # fmt: skip
    return Contact.objects.filter(name="Kaj").count


def contact_who_left() -> Count:
    contact = factories.ContactFactory.create(created_at=THEN, name="Kaj", is_active=False)
    factories.OfferFactory.create(company=contact.company)
    return Contact.objects.filter(name="Kaj").count


def account_not_used() -> Count:
    factories.UserFactory.create(name="Kaj", last_login=THEN, date_joined=THEN - timedelta(days=900))
    return User.objects.filter(name="Kaj").count


def account_of_a_visit() -> Count:
    one = visit(teacher__name="Kaj", teacher__date_joined=THEN - timedelta(days=900))
    mail(recipient_id=one.teacher_id)
    return User.objects.filter(name="Kaj").count


def mail(**facts: Any) -> Message:
    made: Message = Message.objects.create(
        occasion="x", reference_type="portal.user", reference_id="00000000-0000-0000-0000-000000000001",
        **{"dedupe_key": "k", "recipient_kind": "user", "address": "kaj@x.example", "state": "sent", "sent_at": THEN,
           "send_at": THEN, "created_at": THEN, **facts},
    )  # fmt: skip
    return made


def mail_text() -> Count:
    mail(subject="Hej Kaj", body="Kære Kaj")
    return Message.objects.exclude(subject="", body="").filter(address="kaj@x.example").count


def mail_given_up() -> Count:
    mail(state="failed", sent_at=None, trouble="550 kaj@x.example", parameters={"text": "Kære Kaj"})
    return Message.objects.filter(parameters={"text": "Kære Kaj"}, state="failed", trouble__contains="kaj").count


def mail_row() -> Count:
    mail()
    return Message.objects.count


def log_entry() -> Count:
    AuditEntry.objects.create(at=THEN, actor_kind="user", actor_id="x", action="y", object_type="z", object_id="1")
    return AuditEntry.objects.filter(action="y").count


def link() -> Count:
    Link.objects.create(
        purpose="survey", reference_id="00000000-0000-0000-0000-000000000001", token_digest="0" * 64, expires_at=THEN
    )
    return Link.objects.count


def ledger_line() -> Count:
    Erasure.objects.create(kind="user", subject_digest="0" * 64, erased_at=THEN)
    return Erasure.objects.count


def document() -> Count:
    Document.objects.create(content_hash="a", filename="a.pdf", pdf=b"x", made_at=THEN)
    return Document.objects.count


def uploaded_table() -> Count:
    PendingTable.objects.create(
        owner=factories.UserFactory.create(last_login=days(20)),
        kind="teachers",
        rows=[[2, {"name": "Kaj"}]],
        uploaded_at=THEN,
    )
    return PendingTable.objects.count


def days(count: int) -> datetime:
    return THEN + timedelta(days=count)


LIVES: list[tuple[Callable[[], Count], datetime]] = [
    (needs, days(30)),
    (mail_text, days(30)),
    (mail_given_up, days(30)),
    (link, days(30)),
    (document, days(7)),
    (uploaded_table, days(1)),
    (teacher_on_enrolment, datetime(2026, 9, 30, 12, 0, tzinfo=COPENHAGEN)),  # six months later there is no 31st
    (survey_comment, datetime(2027, 3, 31, 12, 0, tzinfo=COPENHAGEN)),
    (review_comment, datetime(2027, 3, 31, 12, 0, tzinfo=COPENHAGEN)),
    (greeting, datetime(2027, 3, 31, 12, 0, tzinfo=COPENHAGEN)),
    (session_note, datetime(2027, 3, 31, 12, 0, tzinfo=COPENHAGEN)),
    (cancel_reason, datetime(2027, 3, 31, 12, 0, tzinfo=COPENHAGEN)),
    (void_reason, datetime(2027, 3, 31, 12, 0, tzinfo=COPENHAGEN)),
    (contact_of_an_ended_course, datetime(2027, 3, 31, 12, 0, tzinfo=COPENHAGEN)),
    (contact_after_an_agreement, datetime(2027, 3, 31, 23, 59, 59, tzinfo=COPENHAGEN)),
    (contact_who_left, datetime(2027, 3, 31, 12, 0, tzinfo=COPENHAGEN)),
    (account_not_used, datetime(2027, 3, 31, 12, 0, tzinfo=COPENHAGEN)),
    (account_of_a_visit, datetime(2027, 3, 31, 12, 0, tzinfo=COPENHAGEN)),
    (mail_row, datetime(2027, 3, 31, 12, 0, tzinfo=COPENHAGEN)),
    (ledger_line, datetime(2027, 3, 31, 12, 0, tzinfo=COPENHAGEN)),
    (log_entry, datetime(2027, 4, 30, 12, 0, tzinfo=COPENHAGEN)),
]


@pytest.mark.parametrize(("live", "last"), LIVES, ids=[live.__name__ for live, _last in LIVES])
def test_each_thing_lives_to_the_last_moment_of_its_lifetime(live: Callable[[], Count], last: datetime) -> None:
    factories.MunicipalityFactory.create()
    count = live()

    assert count() == 1
    assert privacy.forget(now=last).errors == {}
    assert count() == 1
    dry = privacy.forget(now=last + timedelta(days=1), dry_run=True)
    assert count() == 1, "a dry run takes everything back"
    real = privacy.forget(now=last + timedelta(days=1))
    assert (count(), real.errors, dry.counts) == (0, {}, real.counts)
    again = privacy.forget(now=last + timedelta(days=1))
    assert {name: found for name, found in again.counts.items() if found} == {}


@pytest.mark.parametrize(
    ("moment", "months", "wanted"),
    [
        ("2026-03-31T12:00", 1, "2026-02-28T12:00"),
        ("2024-03-31T12:00", 1, "2024-02-29T12:00"),
        ("2026-01-15T12:00", 13, "2024-12-15T12:00"),
        ("2026-04-15T12:00", 6, "2025-10-15T12:00"),  # across the change of clocks: the same hour on the wall
    ],
)
def test_months_are_counted_on_the_calendar(moment: str, months: int, wanted: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=COPENHAGEN)

    found = months_before(at.astimezone(UTC), months)

    assert found.replace(tzinfo=None) == datetime.fromisoformat(wanted)


def test_the_municipality_may_keep_things_shorter() -> None:
    factories.MunicipalityFactory.create(keep_needs_days=3)
    count = needs()

    privacy.forget(now=days(3))
    assert count() == 1
    privacy.forget(now=days(3) + timedelta(seconds=1))
    assert count() == 0


def test_the_database_refuses_to_keep_things_longer() -> None:
    factories.MunicipalityFactory.create()
    with pytest.raises(IntegrityError, match="municipality_keeps_nothing_too_long"), transaction.atomic():
        Municipality.objects.update(keep_visit_months=7)


def test_what_is_still_needed_is_not_forgotten() -> None:
    factories.MunicipalityFactory.create()
    ages_ago = THEN - timedelta(days=3000)
    active = factories.ContactFactory.create(created_at=ages_ago)
    factories.OfferFactory.create(company=active.company, updated_at=ages_ago)
    held_back = factories.ContactFactory.create(created_at=ages_ago)
    coordinator = factories.CoordinatorFactory.create(date_joined=ages_ago)
    held_user = factories.UserFactory.create(date_joined=ages_ago)
    for kind, one in (("contact", held_back), ("user", held_user)):
        LegalHold.objects.create(kind=kind, subject_id=one.pk, reason="Klage", until=THEN.date())
    coming = factories.EnrolmentFactory.create(teacher__date_joined=ages_ago, needs_text="x")
    mail(state="queued", sent_at=None, send_at=ages_ago, created_at=ages_ago, parameters={"text": "y"})
    Offer.objects.filter(pk=coming.session.offer_id).update(state="changes_requested")
    ReviewComment.objects.create(offer=coming.session.offer, text="Skriv mere", at=ages_ago)
    parent = Link.objects.create(purpose="host", reference_id=active.pk, token_digest="1" * 64, expires_at=ages_ago)
    Link.objects.create(
        purpose="host",
        reference_id=active.pk,
        token_digest="2" * 64,
        expires_at=THEN + timedelta(days=9),
        parent=parent,
        holder_name="Ida",
        holder_address="ida@x.example",
    )

    done = privacy.forget(now=THEN)

    assert ({name: count for name, count in done.counts.items() if count}, done.errors) == ({}, {})
    assert Contact.objects.filter(pk__in=[active.pk, held_back.pk]).count() == 2
    assert User.objects.filter(pk__in=[coordinator.pk, held_user.pk, coming.teacher_id]).count() == 3


def test_many_rows_are_forgotten_batch_by_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.MunicipalityFactory.create()
    monkeypatch.setattr(privacy, "BATCH", 2)
    for number in range(5):
        mail(dedupe_key=f"k{number}", body="Kære Kaj")

    done = privacy.forget(now=days(31))

    assert (done.counts["mail-texts"], done.errors) == (5, {})
    assert set(Message.objects.values_list("body", flat=True)) == {""}


def test_sessions_and_cache_entries_whose_time_is_up_are_deleted(now: datetime) -> None:
    Browser.objects.create(session_key="old", session_data="x", expire_date=now - timedelta(seconds=1))
    Browser.objects.create(session_key="new", session_data="x", expire_date=now + timedelta(seconds=1))
    with connection.cursor() as cursor:
        for key, seconds in (("old", -1), ("new", 1)):
            cursor.execute("INSERT INTO portal_cache VALUES (%s, 'x', %s)", [key, now + timedelta(seconds=seconds)])

        done = privacy.forget(now=now)

        cursor.execute("SELECT cache_key FROM portal_cache")
        assert cursor.fetchall() == [("new",)]
    assert [one.pk for one in Browser.objects.all()] == ["new"]
    assert (done.counts["sessions"], done.counts["cache"]) == (1, 1)


def stumbling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rule about needs stumble."""

    def stumble(now: datetime) -> int:
        raise RuntimeError("no")

    whole = privacy.register()
    rules = [replace(rule, run=stumble) if rule.name == "needs" else rule for rule in whole.rules]
    monkeypatch.setattr(privacy, "register", lambda: replace(whole, rules=rules))


def test_a_rule_that_stumbles_stops_no_other_and_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.MunicipalityFactory.create()
    count = mail_text()
    stumbling(monkeypatch)
    dry = privacy.forget(now=days(31), dry_run=True)
    out = StringIO()
    monkeypatch.setattr("portal.domain.clock.now", lambda: days(31))

    with pytest.raises(CommandError, match=r"needs \(RuntimeError\)"):
        call_command("forget", stdout=out)
    tasks.forget()

    assert (count(), dry.errors, dry.counts["mail-texts"]) == (0, {"needs": "RuntimeError"}, 1)
    assert "mail-texts: 1\n" in out.getvalue()
    assert Heartbeat.objects.filter(name="forget").exists() is False


def test_the_nightly_task_leaves_a_heartbeat_and_the_command_counts() -> None:
    tasks.forget()
    out = StringIO()
    call_command("forget", "--dry-run", stdout=out)

    assert Heartbeat.objects.filter(name="forget").exists()
    assert out.getvalue().splitlines()[0] == "needs: 0"


@pytest.mark.usefixtures("committing")
def test_a_dry_run_takes_everything_back_where_transactions_really_commit() -> None:
    factories.MunicipalityFactory.create()
    count = needs()
    dry, real = privacy.forget(now=days(31), dry_run=True), None
    assert (count(), dry.errors) == (1, {})

    real = privacy.forget(now=days(31))

    assert (count(), real.errors, real.counts) == (0, {}, dry.counts)


def test_a_rule_that_would_turn_in_circles_stops() -> None:
    factories.UserFactory.create()
    lifetime = Lifetime(code="x", after="y")
    run = privacy.each_batch(lambda _cut, _now: User.objects.all(), lifetime, lambda _chosen, _now: 1)

    with pytest.raises(RuntimeError, match="treated already"):
        run(THEN)


def test_every_model_named_in_a_rule_is_there() -> None:
    models = {name.rsplit(".", 1)[0] for rule in privacy.register().rules for name in rule.fields}

    assert [name for name in models if apps.get_model(name) is None] == []

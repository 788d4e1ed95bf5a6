"""The coordinator's desk: every deed with its effect, what stands in the way, and lists that stay quick."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import models, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from companies.models import Company, Contact
from offers.domain import authoring
from offers.models import (
    Agreement,
    Dialogue,
    Encounter,
    Enrolment,
    Invite,
    MoveProposal,
    Offer,
    ReviewComment,
    Session,
    SurveyRequest,
    VisitReport,
)
from portal.domain import links
from portal.domain.actor import Actor
from portal.models import AuditEntry, Industry, Link, Message, Subject, User
from schools.models import SchoolClass
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality", "on_the_day")]


@pytest.fixture
def on_the_day(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def user() -> User:
    made: User = factories.CoordinatorFactory.create()
    return made


@pytest.fixture
def desk(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(row: models.Model, deed: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{deed}", args=(row.pk,))


def whole_offer(**facts: Any) -> Offer:
    """A course with everything that publishing asks for."""
    made: Offer = factories.OfferFactory.create(during="Klassen går rundt i to hold.", **facts)
    return made


def occasions() -> list[str]:
    return sorted(Message.objects.values_list("occasion", flat=True))


# Use-cases are called outside of any transaction


def test_these_tests_notice_a_use_case_within_a_transaction(user: User, now: datetime) -> None:
    """The negative control: the tests' own transaction is not counted, every other one is."""
    contact = factories.ContactFactory.create()
    asked = {"company_id": contact.company_id, "contact_id": contact.pk, "greeting": "", "now": now}

    with pytest.raises(RuntimeError), transaction.atomic():
        authoring.invite_company(**asked, by=Actor.of_user(user))
    authoring.invite_company(**asked, by=Actor.of_user(user))

    assert Invite.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_deed_commits(committing: None, now: datetime) -> None:
    factories.MunicipalityFactory.create()
    client = Client()
    client.force_login(factories.CoordinatorFactory.create())
    offer = whole_offer(state=Offer.State.SUBMITTED, published_at=None)

    client.post(page(offer), typed(client, offer, title="Svejs en krog"))
    client.post(page(offer, "publish"))

    assert list(Offer.objects.values_list("title", "state")) == [("Svejs en krog", "published")]


# Companies and invitations


def test_a_company_is_made_with_a_contact_and_invited(desk: Client) -> None:
    industry = Industry.objects.get(slug="industri")
    form = {
        "name": "Fjord Svejs ApS",
        "kind": "company",
        "state": "lead",
        "industries": str(industry.pk),
        "contacts-TOTAL_FORMS": "1",
        "contacts-INITIAL_FORMS": "0",
        "contacts-0-name": "Mette Smed",
        "contacts-0-email": "mette@fjordsvejs.example",
        "contacts-0-language": "da",
        "contacts-0-is_active": "on",
        **{f"{prefix}-{name}_FORMS": "0" for prefix in ("offers", "invites") for name in ("TOTAL", "INITIAL")},
    }
    desk.post("/admin/companies/company/add/", form)
    company = Company.objects.get()
    contact = company.contacts.get()
    assert contact.name in desk.get(page(company, "invite")).content.decode()

    answer = desk.post(page(company, "invite"), {"contact": str(contact.pk), "greeting": "Kære Mette"})

    invite = Invite.objects.get()
    company.refresh_from_db()
    assert (answer.status_code, invite.contact, invite.greeting) == (302, contact, "Kære Mette")
    assert (company.state, occasions().count("invite")) == (Company.State.CONTACTED, 1)


def test_an_invitation_to_another_companys_contact_is_refused_and_the_words_are_kept(desk: Client) -> None:
    company = factories.ContactFactory.create().company
    stranger = factories.ContactFactory.create()

    answer = desk.post(page(company, "invite"), {"contact": str(stranger.pk), "greeting": "Kære ven"})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["contact"])
    assert ("Kære ven" in answer.content.decode(), Invite.objects.count()) == (True, 0)


def test_an_invitation_is_sent_again_with_a_new_address_and_withdrawn(desk: Client) -> None:
    contact = factories.ContactFactory.create()
    desk.post(page(contact.company, "invite"), {"contact": str(contact.pk)})
    invite = Invite.objects.get()

    desk.post(page(invite, "resend"))
    assert Message.objects.filter(occasion="invite").exclude(state=Message.State.WITHDRAWN).count() == 1
    desk.post(page(invite, "revoke"))

    invite.refresh_from_db()
    left = Message.objects.exclude(state=Message.State.WITHDRAWN).count()
    assert (invite.state, left) == (Invite.State.REVOKED, 0)


def test_a_course_is_begun_for_a_company_from_both_places(desk: Client) -> None:
    contact = factories.ContactFactory.create()

    first = desk.post(page(contact.company, "write"), {"title": "Svejs selv"})
    second = desk.post(reverse("admin:offers_offer_write"), {"company": str(contact.company_id), "title": "Støb selv"})

    made = {offer.title: offer for offer in Offer.objects.all()}
    assert sorted(made) == ["Støb selv", "Svejs selv"]
    assert {offer.contact for offer in made.values()} == {contact}
    assert [first.headers["Location"], second.headers["Location"]] == [
        page(made["Svejs selv"]),
        page(made["Støb selv"]),
    ]


# Courses


def typed(desk: Client, offer: Offer, **changes: Any) -> dict[str, Any]:
    """What the browser would send of the course's form."""
    form = desk.get(page(offer)).context["adminform"].form
    data: dict[str, Any] = {}
    for name in form.fields:
        value = form[name].value()
        if isinstance(value, list | models.QuerySet):
            data[name] = [str(getattr(one, "pk", one)) for one in value]
        elif value is True:
            data[name] = "on"
        elif value is not None and value is not False:
            data[name] = str(getattr(value, "pk", value))
    for prefix in ("sessions", "review_comments", "revisions"):
        data |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    return {**data, **changes}


def test_an_edit_goes_through_the_use_case_and_is_kept_as_a_revision(desk: Client) -> None:
    offer = whole_offer()
    other = Contact.objects.create(company=offer.company, name="Ida", email="ida@firma.example")

    data = typed(desk, offer, title="Svejs en krog", price_ore="250", contact=str(other.pk))
    data["subjects"] = [str(Subject.objects.get(slug="matematik").pk)]
    answer = desk.post(page(offer), data)

    offer.refresh_from_db()
    assert answer.status_code == 302
    assert (offer.title, offer.price_ore, offer.contact, offer.version) == ("Svejs en krog", 25_000, other, 2)
    assert [one.slug for one in offer.subjects.all()] == ["matematik"]
    assert (offer.revisions.count(), AuditEntry.objects.filter(action="offer-edited").count()) == (1, 1)


def test_two_coordinators_editing_at_once_lose_nothing(desk: Client) -> None:
    offer = whole_offer()
    mine = typed(desk, offer, title="Min titel")
    desk.post(page(offer), typed(desk, offer, title="Din titel"))

    told = desk.post(page(offer), mine)
    form = told.context["adminform"].form
    offer.refresh_from_db()
    assert (told.status_code, offer.title, form["title"].value()) == (200, "Din titel", "Min titel")
    assert "Din titel" in form.errors["title"][0]
    assert form["seen_version"].value() == "2"

    again = desk.post(page(offer), {**mine, "seen_version": "2"})
    offer.refresh_from_db()
    assert (again.status_code, offer.title) == (302, "Min titel")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("title", ""),
        ("title", "a" * 81),
        ("duration_minutes", "0"),
        ("duration_minutes", "1_0"),
        ("places", "99999999999999999999"),
        ("grade_to", "99"),
        ("price_ore", "٣"),
        ("description", "Ring til 010190-1234"),
        ("industry", "99999"),
        ("seen_version", "x"),
    ],
)
def test_what_a_published_course_cannot_be_is_answered_with_a_message_and_kept(
    desk: Client, field: str, wrong: str
) -> None:
    offer = whole_offer()

    answer = desk.post(page(offer), typed(desk, offer, teaser="En ny sætning", **{field: wrong}))

    form = answer.context["adminform"].form
    offer.refresh_from_db()
    assert (answer.status_code, list(form.errors), form["teaser"].value()) == (200, [field], "En ny sætning")
    assert offer.version == 1


def test_a_course_is_published_and_its_contact_is_told(desk: Client) -> None:
    offer = whole_offer(state=Offer.State.SUBMITTED, published_at=None)
    assert offer.contact is not None
    assert offer.contact.name in desk.get(page(offer, "publish")).content.decode()

    answer = desk.post(page(offer, "publish"), {"publish_at": ""})

    offer.refresh_from_db()
    assert (answer.status_code, offer.state, occasions()) == (302, Offer.State.PUBLISHED, ["offer_published"])


def test_a_course_is_approved_for_a_later_day(desk: Client, now: datetime) -> None:
    offer = whole_offer(state=Offer.State.SUBMITTED, published_at=None)

    desk.post(page(offer, "publish"), {"publish_at": "2026-09-15T08:00"})

    offer.refresh_from_db()
    assert (offer.state, offer.publish_at) == (Offer.State.APPROVED, now + timedelta(days=6, hours=22))


def test_a_course_with_something_missing_is_not_published_and_one_reads_what(desk: Client) -> None:
    offer = factories.OfferFactory.create(state=Offer.State.SUBMITTED, published_at=None, during="")

    answer = desk.post(page(offer, "publish"))

    offer.refresh_from_db()
    assert (answer.status_code, offer.state) == (422, Offer.State.SUBMITTED)
    assert len(answer.context["form"].non_field_errors()) == 1


def test_several_courses_are_published_and_the_one_that_cannot_be_is_named(desk: Client) -> None:
    good = whole_offer(state=Offer.State.SUBMITTED, published_at=None)
    bad = factories.OfferFactory.create(state=Offer.State.SUBMITTED, published_at=None, during="", title="Uden midte")
    wanted = {"action": "publish_several", "_selected_action": [str(good.pk), str(bad.pk)]}

    shown = desk.post("/admin/offers/offer/", wanted)
    assert (shown.status_code, Offer.objects.published().count()) == (200, 0)
    told = desk.post("/admin/offers/offer/", {**wanted, "confirmed": "1"}, follow=True)

    assert list(Offer.objects.published()) == [good]
    assert [one.level_tag for one in told.context["messages"] if "Uden midte" in str(one)] == ["error"]


def test_a_course_is_sent_back_with_comments(desk: Client) -> None:
    offer = whole_offer(state=Offer.State.SUBMITTED, published_at=None)

    empty = desk.post(page(offer, "send_back"), {"text_1": " "})
    assert (empty.status_code, list(empty.context["form"].errors)) == (422, ["text_1"])
    answer = desk.post(
        page(offer, "send_back"),
        {"about_1": "safety", "text_1": "Skriv om briller.", "about_2": "", "text_2": "Rigtig god idé."},
    )

    offer.refresh_from_db()
    comments = list(ReviewComment.objects.order_by("pk").values_list("field", "text"))
    assert (answer.status_code, offer.state) == (302, Offer.State.CHANGES_REQUESTED)
    assert comments == [("safety", "Skriv om briller."), ("", "Rigtig god idé.")]
    assert occasions() == ["offer_sent_back"]


def test_a_course_is_rejected_with_a_reason(desk: Client) -> None:
    offer = whole_offer(state=Offer.State.SUBMITTED, published_at=None)

    desk.post(page(offer, "reject"), {"reason": "Der findes allerede et forløb som dette."})

    offer.refresh_from_db()
    assert (offer.state, occasions()) == (Offer.State.REJECTED, ["offer_rejected"])


def test_a_course_is_paused_and_resumed(desk: Client, now: datetime) -> None:
    offer = whole_offer(last_confirmed_at=now)

    nothing = desk.post(page(offer, "pause"), {"reason": ""})
    assert nothing.status_code == 422
    desk.post(page(offer, "pause"), {"reason": "Vi bygger om."})
    offer.refresh_from_db()
    assert (offer.state, offer.pause_reason) == (Offer.State.PAUSED, "Vi bygger om.")
    desk.post(page(offer, "resume"))
    offer.refresh_from_db()
    assert offer.state == Offer.State.PUBLISHED


def test_a_course_is_confirmed_cloned_and_archived(desk: Client, now: datetime) -> None:
    offer = whole_offer(last_confirmed_at=now - timedelta(days=300))

    desk.post(page(offer, "confirm_fresh"))
    copied = desk.post(page(offer, "clone"))
    desk.post(page(offer, "archive"))

    offer.refresh_from_db()
    copy = Offer.objects.exclude(pk=offer.pk).get()
    assert (offer.last_confirmed_at, offer.state) == (now, Offer.State.ARCHIVED)
    assert (copied.headers["Location"], copy.state) == (page(copy), Offer.State.DRAFT)


def test_a_course_with_classes_to_come_is_not_archived(desk: Client) -> None:
    enrolment = factories.EnrolmentFactory.create(session__offer=whole_offer())

    answer = desk.post(page(enrolment.session.offer, "archive"))

    assert (answer.status_code, Offer.objects.get().state) == (422, Offer.State.PUBLISHED)


def test_the_pages_of_paper_and_of_the_site_are_reached_from_the_course(desk: Client) -> None:
    offer = whole_offer()

    assert desk.get(page(offer, "guide")).headers["Location"] == f"/guide/forloeb/{offer.pk}.pdf"
    assert desk.get(page(offer, "see")).headers["Location"] == f"/forloeb/{offer.pk}/{offer.slug}/"


# Sessions


def test_a_session_is_planned(desk: Client) -> None:
    offer = whole_offer()
    form = {"day_1": "2026-10-06", "time_1": "09:30", "minutes": "90", "places": "26", "note": "Tag støvler med"}

    answer = desk.post(page(offer, "plan_session"), form)

    session = Session.objects.get()
    assert (answer.status_code, session.places, session.note) == (302, 26, "Tag støvler med")
    assert session.starts_at == datetime.fromisoformat("2026-10-06T09:30:00+02:00")
    assert session.ends_at == datetime.fromisoformat("2026-10-06T11:00:00+02:00")


def test_a_session_of_three_dates_is_planned_in_one_go(desk: Client) -> None:
    offer = whole_offer(meetings=3)
    form = {"minutes": "120", "places": "28"}
    for row, day in enumerate(["2026-10-06", "2026-10-20", "2026-10-27"], start=1):
        form |= {f"day_{row}": day, f"time_{row}": "13:00"}

    desk.post(page(offer, "plan_session"), form)

    starts = [meeting.starts_at.isoformat() for meeting in Session.objects.get().meetings.order_by("number")]
    # 13:00 on the wall clock, before and after the clocks are put back on 25 October
    assert starts == ["2026-10-06T11:00:00+00:00", "2026-10-20T11:00:00+00:00", "2026-10-27T12:00:00+00:00"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"day_1": "2026-10-14"}, "day_1"),  # the autumn holiday
        ({"day_1": "2026-09-01"}, "day_1"),  # passed
        ({"day_1": "2026-09-09"}, "closes_at"),  # enrolment would close before it opens
        ({"day_1": "i morgen"}, "day_1"),
        ({"day_1": "0000-00-00"}, "day_1"),
        ({"day_1": "9999-12-31"}, "day_1"),
        ({"time_1": "25:00"}, "time_1"),
        ({"minutes": "-5"}, "minutes"),
        ({"places": "1_0"}, "places"),
        ({"places": "0"}, "places"),
    ],
)
def test_a_session_that_cannot_be_is_answered_at_the_field_and_kept(
    desk: Client, changes: dict[str, str], field: str
) -> None:
    offer = whole_offer()
    form = {"day_1": "2026-10-06", "time_1": "09:30", "minutes": "90", "places": "26", "note": "Husk", **changes}

    answer = desk.post(page(offer, "plan_session"), form)

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert (answer.context["form"]["note"].value(), Session.objects.count()) == ("Husk", 0)


def test_a_series_is_looked_over_before_it_is_planned_and_skips_the_holiday(desk: Client) -> None:
    offer = whole_offer()
    form = {"first_day": "2026-10-06", "starts": "09:00", "weeks": "3", "minutes": "120", "places": "28"}

    shown = desk.post(page(offer, "plan_series"), form)
    assert (shown.status_code, Session.objects.count()) == (200, 0)
    names = [len(rows) for _name, rows in shown.context["lists"]]
    assert names == [2, 1]
    seal = dict(shown.context["hidden"])["seal"]

    other = desk.post(page(offer, "plan_series"), {**form, "weeks": "9", "seal": seal})
    assert (other.status_code, Session.objects.count()) == (200, 0)

    answer = desk.post(page(offer, "plan_series"), {**form, "seal": seal})
    days = [session.starts_at.date().isoformat() for session in Session.objects.order_by("starts_at")]
    assert (answer.status_code, days) == (302, ["2026-10-06", "2026-10-20"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"weeks": ""}, "weeks"),
        ({"weeks": "61"}, "weeks"),
        ({"weeks": "", "until": "2026-09-01"}, "until"),
        ({"first_day": "x"}, "first_day"),
        ({"first_day": "9999-12-31"}, "first_day"),
        ({"starts": ""}, "starts"),
    ],
)
def test_a_series_that_cannot_be_is_answered_at_the_field(desk: Client, changes: dict[str, str], field: str) -> None:
    offer = whole_offer()
    form = {"first_day": "2026-10-06", "starts": "09:00", "weeks": "3", "minutes": "120", "places": "28", **changes}

    answer = desk.post(page(offer, "plan_series"), form)

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])


def test_places_are_changed_but_not_below_what_is_taken(desk: Client) -> None:
    session = factories.SessionFactory.create(places_taken=20)

    refused = desk.post(page(session, "change_places"), {"places": "19"})
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["places"])
    desk.post(page(session, "change_places"), {"places": "20"})

    session.refresh_from_db()
    assert session.places == 20


def test_a_session_is_cancelled_and_everybody_concerned_is_named_first(desk: Client) -> None:
    session = factories.SessionFactory.create(places_taken=24)
    enrolment = factories.EnrolmentFactory.create(session=session)

    shown = desk.get(page(session, "cancel")).content.decode()
    assert enrolment.school.name in shown
    without = desk.post(page(session, "cancel"), {"reason": ""})
    assert without.status_code == 422
    desk.post(page(session, "cancel"), {"reason": "Smeden er syg."})

    session.refresh_from_db()
    enrolment.refresh_from_db()
    assert (session.state, session.places_taken) == (Session.State.CANCELLED, 0)
    assert enrolment.status == Enrolment.Status.CANCELLED_BY_MUNICIPALITY


# Enrolments


@pytest.fixture
def request_waiting(now: datetime) -> Enrolment:
    session = factories.SessionFactory.create(places_taken=24, offer__acceptance=Offer.Acceptance.MANUAL)
    made: Enrolment = factories.EnrolmentFactory.create(
        session=session, status=Enrolment.Status.PENDING, answer_by=now + timedelta(days=3)
    )
    return made


def test_a_request_is_approved(desk: Client, request_waiting: Enrolment) -> None:
    assert request_waiting.teacher is not None
    assert request_waiting.teacher.email in desk.get(page(request_waiting, "approve")).content.decode()

    desk.post(page(request_waiting, "approve"))

    request_waiting.refresh_from_db()
    assert request_waiting.status == Enrolment.Status.CONFIRMED


def test_a_request_is_declined_with_a_reason_and_its_places_are_free(desk: Client, request_waiting: Enrolment) -> None:
    without = desk.post(page(request_waiting, "decline"), {"reason": ""})
    assert (without.status_code, list(without.context["form"].errors)) == (422, ["reason"])

    desk.post(page(request_waiting, "decline"), {"reason": "Værten har fået en prøve den dag."})

    request_waiting.refresh_from_db()
    assert (request_waiting.status, Session.objects.get().places_taken) == (Enrolment.Status.DECLINED, 0)


def test_several_requests_are_approved(desk: Client, request_waiting: Enrolment) -> None:
    wanted = {"action": "approve_several", "_selected_action": [str(request_waiting.pk)], "confirmed": "1"}
    desk.post("/admin/offers/enrolment/", wanted)

    request_waiting.refresh_from_db()
    assert request_waiting.status == Enrolment.Status.CONFIRMED


def test_an_enrolment_changes_its_numbers_and_is_cancelled(desk: Client) -> None:
    enrolment = factories.EnrolmentFactory.create(session=factories.SessionFactory.create(places_taken=24))

    too_many = desk.post(page(enrolment, "change_numbers"), {"pupils": "60", "adults": "2"})
    assert too_many.status_code == 422
    desk.post(page(enrolment, "change_numbers"), {"pupils": "26", "adults": "3"})
    enrolment.refresh_from_db()
    assert (enrolment.pupils, enrolment.adults, Session.objects.get().places_taken) == (26, 3, 26)

    desk.post(page(enrolment, "cancel"), {"reason": "Klassen er på lejrskole."})
    enrolment.refresh_from_db()
    assert (enrolment.status, Session.objects.get().places_taken) == (
        Enrolment.Status.CANCELLED_BY_MUNICIPALITY,
        0,
    )


@pytest.fixture
def disputed_visit(now: datetime) -> Enrolment:
    session = factories.SessionFactory.create(starts_at=now - timedelta(days=6), places_taken=24)
    made: Enrolment = factories.EnrolmentFactory.create(session=session)
    for side, outcome, pupils in (("host", "held", 22), ("teacher", "not_held", None)):
        VisitReport.objects.create(
            enrolment=made, meeting=session.meetings.get(), side=side, outcome=outcome, pupils=pupils, at=now
        )
    return made


def test_a_disputed_visit_is_decided_and_undone(desk: Client, disputed_visit: Enrolment) -> None:
    meeting = disputed_visit.session.meetings.get()
    odd = desk.post(page(disputed_visit, "decide"), {"meeting": "x", "outcome": "maybe", "pupils": "٣"})
    assert (odd.status_code, sorted(odd.context["form"].errors)) == (422, ["meeting", "outcome", "pupils"])

    desk.post(page(disputed_visit, "decide"), {"meeting": str(meeting.pk), "outcome": "held", "pupils": "22"})
    disputed_visit.refresh_from_db()
    assert (disputed_visit.status, Encounter.objects.get().pupils) == (Enrolment.Status.COMPLETED, 22)

    desk.post(page(disputed_visit, "undo"), {"reason": "Det var en anden klasse."})
    disputed_visit.refresh_from_db()
    counting = Encounter.objects.filter(voided_at=None).count()
    assert (disputed_visit.status, counting) == (Enrolment.Status.CONFIRMED, 0)


# Agreements


def test_an_agreement_is_drafted_signed_and_ended(desk: Client) -> None:
    company, school = factories.CompanyFactory.create(), factories.SchoolFactory.create()
    words = {"purpose": "Eleverne lærer faget at kende.", "roles": "Begge kommer med noget."}
    form = {
        "company": str(company.pk),
        "school": str(school.pk),
        "title": "Svejsning hvert år",
        "first_day": "2026-10-01",
        "last_day": "2028-06-30",
        "visits_per_year": "2",
        **words,
    }
    backwards = desk.post(reverse("admin:offers_agreement_draft"), {**form, "last_day": "2026-09-01"})
    assert (backwards.status_code, list(backwards.context["form"].errors)) == (422, ["last_day"])

    desk.post(reverse("admin:offers_agreement_draft"), form)
    agreement = Agreement.objects.get()
    for party in ("company", "school", "municipality"):
        desk.post(page(agreement, "sign"), {"party": party, "job_title": "Leder"})
    agreement.refresh_from_db()
    assert agreement.state == Agreement.State.ACTIVE

    desk.post(page(agreement, "change_text"), {**words, "purpose": "Noget nyt."})
    agreement.refresh_from_db()
    assert (agreement.state, agreement.versions.count()) == (Agreement.State.DRAFT, 2)
    desk.post(page(agreement, "end"))
    agreement.refresh_from_db()
    assert agreement.state == Agreement.State.ENDED


# Classes


@pytest.mark.parametrize(
    ("form", "saved"),
    [
        ({"start_year": "2020", "letter": "B", "pupils": "24"}, True),
        ({"name": "Specialklassen", "grade_from": "4", "grade_to": "6", "pupils": "9"}, True),
        ({"start_year": "2020", "letter": "B", "name": "Begge dele", "pupils": "24"}, False),
        ({"name": "Bagvendt", "grade_from": "6", "grade_to": "4", "pupils": "9"}, False),
        ({"start_year": "2020", "letter": "B", "pupils": "0"}, False),
        ({"start_year": "99999999", "letter": "B", "pupils": "24"}, False),
    ],
)
def test_a_class_is_a_cohort_or_a_group(desk: Client, form: dict[str, str], saved: bool) -> None:
    school = factories.SchoolFactory.create()

    desk.post("/admin/schools/schoolclass/add/", {"school": str(school.pk), "is_active": "on", **form})

    assert SchoolClass.objects.exists() is saved


# Deeds without the right to them


DEEDS = ["publish", "send_back", "reject", "pause", "resume", "archive", "clone", "plan_session", "plan_series"]


def test_an_operator_does_none_of_the_coordinators_deeds(user: User) -> None:
    operator = Client()
    operator.force_login(factories.OperatorFactory.create())
    offer = whole_offer()
    enrolment = factories.EnrolmentFactory.create()
    pages = [page(offer, deed) for deed in DEEDS]
    pages += [page(enrolment, deed) for deed in ("approve", "decline", "cancel", "decide", "undo")]
    pages += [page(enrolment.session, "cancel"), page(offer.company, "invite"), page(offer.company, "write")]

    assert {operator.post(address, {"reason": "x"}).status_code for address in pages} == {403}
    assert (Offer.objects.get(pk=offer.pk).state, Invite.objects.count()) == (Offer.State.PUBLISHED, 0)


def test_a_deed_about_nothing_has_no_page(desk: Client) -> None:
    for key in ("x", "0", "3c0f3a6e-3b1c-4c58-9a55-000000000000"):
        assert desk.get(reverse("admin:offers_offer_publish", args=(key,))).status_code == 404


def test_a_deed_is_never_done_by_looking_at_it(desk: Client, request_waiting: Enrolment) -> None:
    for deed in ("approve", "decline", "cancel"):
        desk.get(page(request_waiting, deed))

    request_waiting.refresh_from_db()
    assert (request_waiting.status, AuditEntry.objects.count()) == (Enrolment.Status.PENDING, 0)


# Lists and the first page


def some_rows(now: datetime) -> None:
    """One row for every list."""
    offer = whole_offer(state=Offer.State.SUBMITTED)
    assert offer.contact is not None
    Invite.objects.create(company=offer.company, contact=offer.contact, created_at=now)
    factories.SessionFactory.create(offer=whole_offer(), starts_at=now + timedelta(days=14))
    member = factories.MembershipFactory.create()
    session = factories.SessionFactory.create(offer=offer, starts_at=now - timedelta(days=6))
    held = factories.EnrolmentFactory.create(session=session, teacher=member.user)
    factories.EnrolmentFactory.create(
        session=factories.SessionFactory.create(offer=offer),
        status=Enrolment.Status.PENDING,
        answer_by=now + timedelta(days=2),
    )
    asks = factories.MembershipFactory.create()
    factories.EnrolmentFactory.create(
        session=factories.SessionFactory.create(offer=offer, places_taken=24),
        teacher=asks.user,
        school_class=factories.SchoolClassFactory.create(school=asks.school),
        ended_reason="Sygdom",
    )
    Dialogue.objects.create(
        offer=offer,
        school=asks.school,
        school_class=factories.SchoolClassFactory.create(),
        pupils=20,
        awaits="coordinator",
    )
    MoveProposal.objects.create(
        session=factories.SessionFactory.create(offer=offer, places_taken=24),
        proposed_by="host",
        reason="Maskinen",
        silence="stay",
        answer_by=now + timedelta(days=3),
    )
    meeting = session.meetings.get()
    for side, outcome, pupils in (("host", "held", 20), ("teacher", "not_held", None)):
        VisitReport.objects.create(enrolment=held, meeting=meeting, side=side, outcome=outcome, pupils=pupils)
    SurveyRequest.objects.create(
        enrolment=held,
        audience="teacher",
        state="answered",
        answers={"fit": 5, "active": 4},
        comment="Godt besøg",
        due_at=now - timedelta(days=5),
        closes_at=now + timedelta(days=9),
        answered_at=now,
    )
    Encounter.objects.create(
        enrolment=held,
        meeting=meeting,
        offer=offer,
        company=offer.company,
        school=held.school,
        school_class=held.school_class,
        day=now.date(),
        school_year=2026,
        minutes=120,
        grade=7,
        pupils=20,
        offer_title=offer.title,
        company_name=offer.company.name,
        school_name=held.school.name,
        class_label="7.A",
        industry="industri",
        activity_type="virksomhedsbesoeg",
        evidence="one",
    )
    Agreement.objects.create(
        company=offer.company,
        school=held.school,
        title="Aftale",
        first_day=now.date(),
        last_day=now.date().replace(year=2028),
    )
    Message.objects.create(
        occasion="invite",
        reference_type="offers.offer",
        reference_id=offer.pk,
        dedupe_key=str(offer.pk),
        recipient_kind="address",
        address="a@b.example",
        state="failed",
        send_at=now,
    )


# Who asks costs three questions (session, person, roles) and the municipality three (title, colour, frame);
# the rest is the list's own: filters, counting twice, rows, what is fetched beside them.
QUERIES = {
    "admin:index": 21,
    "admin:offers_offer_changelist": 12,
}


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_list_asks_as_many_questions_for_three_rows_as_for_one(
    desk: Client, now: datetime, django_assert_num_queries: DjangoAssertNumQueries, name: str
) -> None:
    some_rows(now)
    desk.get(reverse(name))  # the desk notes once a minute that one is there
    with django_assert_num_queries(QUERIES[name]):
        assert desk.get(reverse(name)).status_code == 200
    some_rows(now)
    some_rows(now)
    with django_assert_num_queries(QUERIES[name]):
        assert desk.get(reverse(name)).status_code == 200


FIGURES: Callable[[Any], list[int]] = lambda answer: [figure.number for figure in answer.context["figures"]]  # noqa: E731


def test_the_first_page_counts_what_waits(desk: Client, now: datetime) -> None:
    assert FIGURES(desk.get("/admin/")) == [0] * 10
    some_rows(now)

    # to review, requests, late cancellings, talks, moves, classes without a teacher,
    # dates with few, visits to decide, messages in trouble, answers
    assert FIGURES(desk.get("/admin/")) == [1] * 10


def test_every_figure_of_the_first_page_leads_to_as_many_rows(desk: Client, now: datetime) -> None:
    some_rows(now)
    some_rows(now)
    figures = desk.get("/admin/").context["figures"]

    found = [desk.get(figure.url).context["cl"].result_count for figure in figures[:9]]
    assert found == [figure.number for figure in figures[:9]]
    assert [figure.calls for figure in figures] == [True] * 4 + [False] + [True] * 4 + [False]


def test_a_list_of_several_pages_keeps_its_order_and_what_is_counted_beside_each_row(
    desk: Client, now: datetime
) -> None:
    town = factories.CompanyFactory.create(name="Smedjen")
    for number in range(60):
        factories.ContactFactory.create(company=town, name=f"Kontakt {number:02d}")
    first, last = Contact.objects.order_by("name")[0], Contact.objects.order_by("name")[59]
    links.ensure(purpose=Link.Purpose.HOST, reference_id=last.pk, now=now)
    invite = Invite.objects.create(company=town, contact=last)
    links.ensure(purpose=Link.Purpose.INVITE, reference_id=invite.pk, now=now)
    of = reverse("admin:companies_contact_changelist")

    plain, second, by_links = desk.get(of), desk.get(of, {"p": 2}), desk.get(of, {"o": "-6"})

    assert [one.name for one in plain.context["cl"].result_list] == [f"Kontakt {number:02d}" for number in range(50)]
    assert [one.name for one in second.context["cl"].result_list] == [f"Kontakt {n:02d}" for n in range(50, 60)]
    assert [(one.name, one.living) for one in by_links.context["cl"].result_list[:2]] == [
        (last.name, 2),
        (first.name, 0),
    ]


@pytest.mark.parametrize("word", ["smedjen", "bodil", "lone", "lone@", "bodil smed"])
def test_a_link_is_found_by_contact_colleague_and_company(desk: Client, now: datetime, word: str) -> None:
    contact = factories.ContactFactory.create(
        company=factories.CompanyFactory.create(name="Smedjen"), name="Bodil Holm"
    )
    of_contact = links.ensure(purpose=Link.Purpose.HOST, reference_id=contact.pk, now=now)
    child = Link.objects.create(
        purpose=Link.Purpose.HOST,
        reference_id=contact.pk,
        parent=of_contact,
        holder_name="Lone Bro",
        holder_address="lone@smed.example",
        token_digest="0" * 64,
        expires_at=of_contact.expires_at,
    )
    other = factories.ContactFactory.create(name="Kurt")
    links.ensure(purpose=Link.Purpose.HOST, reference_id=other.pk, now=now)

    found = desk.get(reverse("admin:portal_link_changelist"), {"q": word}).context["cl"].result_list

    assert {one.pk for one in found} == ({child.pk} if "lone" in word else {of_contact.pk, child.pk})

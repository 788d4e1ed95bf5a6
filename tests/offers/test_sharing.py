"""A company sends its link on, a contact leaves, and no link opens what is another's."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from companies.models import Contact
from offers.domain import authoring, contacts, publishing
from offers.models import Enrolment, Invite, Offer, SurveyRequest
from portal import mail
from portal.domain import clock, links, outbox
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Industry, Link, Message, Municipality
from tests import factories

pytestmark = pytest.mark.django_db
Purpose = Link.Purpose
PAGES = {Purpose.INVITE: "link-invite", Purpose.HOST: "link-host", Purpose.SURVEY: "link-survey"}
SHARES = {Purpose.INVITE: "builder-share", Purpose.HOST: "host-share"}


@pytest.fixture(autouse=True)
def _stand_still(monkeypatch: pytest.MonkeyPatch, now: datetime, municipality: Municipality) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)


@pytest.fixture
def contact() -> Contact:
    made: Contact = factories.ContactFactory.create(name="Kirsten Holm")
    return made


@pytest.fixture
def objects(contact: Contact, now: datetime) -> dict[str, UUID]:
    """One object for each purpose, all of one company."""
    offer = factories.OfferFactory.create(company=contact.company, contact=contact)
    enrolment = factories.EnrolmentFactory.create(session=factories.SessionFactory.create(offer=offer))
    survey = SurveyRequest.objects.create(
        enrolment=enrolment, audience="host", due_at=now, closes_at=now + timedelta(days=21)
    )
    invite = Invite.objects.create(company=contact.company, contact=contact)
    return {Purpose.INVITE: invite.pk, Purpose.HOST: contact.pk, Purpose.SURVEY: survey.pk}


def link_for(purpose: str, about: UUID, now: datetime) -> Link:
    return links.ensure(purpose=Link.Purpose(purpose), reference_id=about, now=now)


def came_in(link: Link) -> Client:
    browser = Client()
    assert browser.post(f"/l/{links.token(link)}/").status_code == 302
    return browser


def child_of(parent: Link, now: datetime, *, to: str = "signe@firma.example") -> Link:
    return links.send_on(link_id=parent.pk, name="Signe Bæk", to=to, by=Actor.of_link(parent), now=now)


# --- No link opens what is another's -------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", PAGES)
@pytest.mark.parametrize("kind", ["first", "child"])
def test_every_kind_of_link_opens_its_own_pages_and_no_other(
    objects: dict[str, UUID], now: datetime, purpose: str, kind: str
) -> None:
    link = link_for(purpose, objects[purpose], now)
    if kind == "child":
        if purpose not in links.SENT_ON:
            return
        link = child_of(link, now)
    browser = came_in(link)

    # Its own object and every other one's, on every kind of page: only the own pair opens.
    found = {
        (page, about): browser.get(reverse(PAGES[page], args=[objects[about]])).status_code
        for page in PAGES
        for about in PAGES
    }
    assert {pair for pair, status in found.items() if status == 200} == {(purpose, purpose)}
    assert set(found.values()) == {200, 404}
    # And the token of one purpose is none of another, whatever is written before it.
    secret = links.token(link)[4:]
    prefixes = {prefix: Client().get(f"/l/{prefix}{secret}/").status_code for prefix in ("inv_", "hst_", "svy_", "")}
    assert {prefix for prefix, status in prefixes.items() if status == 200} == {links.PREFIXES[Link.Purpose(purpose)]}


def test_a_session_entry_for_one_purpose_is_worth_nothing_under_the_name_of_another(
    client: Client, objects: dict[str, UUID], now: datetime
) -> None:
    host = link_for(Purpose.HOST, objects[Purpose.HOST], now)
    session = client.session
    session["links"] = {f"{page}:{objects[page]}": [str(host.pk), host.version] for page in PAGES}
    session.save()
    client.cookies["session"] = session.session_key or ""

    statuses = [client.get(reverse(PAGES[page], args=[objects[page]])).status_code for page in PAGES]
    assert statuses == [404, 200, 404]


def test_another_companys_link_opens_nothing(objects: dict[str, UUID], now: datetime) -> None:
    stranger = factories.ContactFactory.create()
    browser = came_in(link_for(Purpose.HOST, stranger.pk, now))

    pages = [reverse(name, args=[objects[purpose]]) for purpose, name in [*PAGES.items(), *SHARES.items()]]
    assert {browser.get(page).status_code for page in pages} == {404}


def test_scanners_that_look_at_every_kind_of_link_change_no_row(objects: dict[str, UUID], now: datetime) -> None:
    every = [link_for(purpose, about, now) for purpose, about in objects.items()]
    every += [child_of(one, now) for one in every if one.purpose in links.SENT_ON]

    def rows() -> dict[str, list[str]]:
        return {
            model._meta.label_lower: sorted(str(row) for row in model._default_manager.values_list())
            for model in apps.get_models()
        }

    before = rows()
    for link in every:
        for how in ("get", "head", "options"):
            for _time in range(3):
                getattr(Client(), how)(f"/l/{links.token(link)}/")
    assert rows() == before
    came_in(every[0])
    assert rows() != before


# --- Sending on ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", SHARES)
def test_a_contact_sends_the_link_on_and_the_colleague_comes_in(
    objects: dict[str, UUID], now: datetime, purpose: str
) -> None:
    parent = link_for(purpose, objects[purpose], now)
    browser, page = came_in(parent), reverse(SHARES[Link.Purpose(purpose)], args=[objects[purpose]])
    assert browser.get(page).status_code == 200

    answer = browser.post(page, {"name": "Signe Bæk", "email": "Signe@Firma.example"})

    assert (answer.status_code, answer.headers["Location"]) == (302, page)
    child = Link.objects.of_colleagues().get()
    letter = mail.render(Message.objects.get(occasion="link_sent_on"), now)
    assert letter.to == ["signe@firma.example"]
    assert (links.address(child) in letter.body, "Kirsten Holm" in letter.body) == (True, True)
    assert "Signe Bæk" in browser.get(page).content.decode()
    colleague = came_in(child)
    assert colleague.get(reverse(PAGES[Link.Purpose(purpose)], args=[objects[purpose]])).status_code == 200
    assert colleague.get(page).status_code == 404


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"name": "", "email": "signe@firma.example"}, "name"),
        ({"name": "Signe", "email": ""}, "email"),
        ({"name": "Signe", "email": "ikke en adresse"}, "email"),
        ({"name": "Log ind på https://ond.example", "email": "signe@firma.example"}, "name"),
        ({"name": "Signe 010203-1234", "email": "signe@firma.example"}, "name"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_is_kept(
    objects: dict[str, UUID], now: datetime, sent: dict[str, str], field: str
) -> None:
    browser = came_in(link_for(Purpose.HOST, objects[Purpose.HOST], now))
    answer = browser.post(reverse("host-share", args=[objects[Purpose.HOST]]), sent)

    assert (answer.status_code, set(answer.context["form"].errors)) == (200, {field})
    assert all(value in answer.content.decode() for value in sent.values())
    assert Link.objects.of_colleagues().count() == 0


def test_the_contact_withdraws_a_colleagues_link_but_nobody_elses(objects: dict[str, UUID], now: datetime) -> None:
    parent = link_for(Purpose.HOST, objects[Purpose.HOST], now)
    child, browser = child_of(parent, now), came_in(parent)
    foreign = child_of(link_for(Purpose.HOST, factories.ContactFactory.create().pk, now), now)
    page, colleague = reverse("host-share", args=[objects[Purpose.HOST]]), came_in(child)
    missing = [browser.post(page, {"withdraw": str(one)}).status_code for one in (foreign.pk, parent.pk, "x", "")]
    assert browser.post(page, {"withdraw": str(child.pk)}).status_code == 302

    assert missing == [404, 404, 404, 404]
    assert colleague.get(reverse("link-host", args=[objects[Purpose.HOST]])).status_code == 410
    assert (Link.objects.live(now).filter(pk=foreign.pk).exists(), browser.get(page).context["colleagues"]) == (
        True,
        [],
    )


def test_comments_on_a_course_reach_the_colleague_who_writes_it_by_the_own_link(
    contact: Contact, now: datetime
) -> None:
    coordinator = Actor.of_user(factories.CoordinatorFactory.create())
    invite = authoring.invite_company(
        company_id=contact.company.pk, contact_id=contact.pk, greeting="", by=coordinator, now=now
    )
    child = child_of(link_for(Purpose.INVITE, invite.pk, now), now)
    offer = factories.OfferFactory.create(company=contact.company, contact=contact, state=Offer.State.SUBMITTED)
    Invite.objects.filter(pk=invite.pk).update(offer=offer)

    publishing.send_back(offer_id=offer.pk, comments=[("title", "Kortere, tak.")], by=coordinator, now=now)

    told = {one.address: one for one in Message.objects.filter(occasion="offer_sent_back")}
    assert set(told) == {contact.email, "signe@firma.example"}
    letter = mail.render(told["signe@firma.example"], now)
    assert (links.address(child) in letter.body, "Signe Bæk" in letter.body) == (True, True)
    wanted = outbox.occasions()["offer_sent_back"].still_wanted
    links.withdraw(link_id=child.pk, by=coordinator, now=now)
    assert [wanted(told[address], now) for address in (contact.email, "signe@firma.example")] == [True, False]


# --- Leaving -------------------------------------------------------------------------------------------------------


def everything_of(contact: Contact, objects: dict[str, UUID], now: datetime) -> list[Link]:
    survey = SurveyRequest.objects.get(pk=objects[Purpose.SURVEY])
    to = outbox.Recipient(kind="contact", id=contact.pk, address=contact.email)
    outbox.post(occasion="survey_host", about=survey, to=to, now=now)
    mine = [link_for(purpose, about, now) for purpose, about in objects.items()]
    return mine + [child_of(one, now) for one in mine if one.purpose in links.SENT_ON]


def test_when_a_contact_leaves_every_link_dies_within_one_request(
    contact: Contact, objects: dict[str, UUID], now: datetime
) -> None:
    mine = everything_of(contact, objects, now)
    other = link_for(Purpose.HOST, factories.ContactFactory.create(company=contact.company).pk, now)
    browsers = [(came_in(one), reverse(PAGES[Link.Purpose(one.purpose)], args=[one.reference_id])) for one in mine]
    assert {browser.get(page).status_code for browser, page in browsers} == {200}
    by = Actor.of_user(factories.CoordinatorFactory.create())

    assert contacts.contact_leaves(contact_id=contact.pk, by=by, now=now) == 5
    assert contacts.contact_leaves(contact_id=contact.pk, by=by, now=now) == 0

    assert {browser.get(page).status_code for browser, page in browsers} <= {404, 410}
    assert {Client().get(f"/l/{links.token(one)}/").status_code for one in mine} == {410}
    assert list(Link.objects.live(now)) == [other]
    contact.refresh_from_db()
    assert contact.is_active is False
    left = AuditEntry.objects.filter(action__in=["contact-left", "contact-links-withdrawn"])
    assert left.order_by("id").values_list("action", "facts__links")[:2][1] == ("contact-links-withdrawn", 5)


def test_only_coordinators_let_a_contact_leave(contact: Contact, now: datetime) -> None:
    for by in (
        Actor.of_user(factories.ReviewerFactory.create()),
        Actor.of_link(link_for(Purpose.HOST, contact.pk, now)),
        Actor.of_user(factories.UserFactory.create()),
    ):
        with pytest.raises(Refusal) as refused:
            contacts.contact_leaves(contact_id=contact.pk, by=by, now=now)
        assert refused.value.code == "coordinators-only"


# --- At the desk ---------------------------------------------------------------------------------------------------


def at_the_desk() -> Client:
    browser = Client()
    browser.force_login(factories.CoordinatorFactory.create())
    return browser


@pytest.mark.usefixtures("committing")
def test_the_coordinator_lets_a_contact_leave_in_one_deed(contact: Contact, objects: dict[str, UUID], now: Any) -> None:
    everything_of(contact, objects, now)
    desk, page = at_the_desk(), reverse("admin:companies_contact_leaves", args=[contact.pk])
    said = desk.get(page).content.decode()
    assert ("Kirsten Holm" in said, "Signe Bæk" in said, Link.objects.live(now).count()) == (True, True, 5)

    assert desk.post(page).status_code == 302
    assert Link.objects.live(now).count() == 0


@pytest.mark.usefixtures("committing")
def test_the_coordinator_sees_whose_each_link_is_withdraws_one_and_sends_a_new_one(
    contact: Contact, objects: dict[str, UUID], now: datetime
) -> None:
    parent = link_for(Purpose.HOST, contact.pk, now)
    child, desk = child_of(parent, now), at_the_desk()
    listed = desk.get(reverse("admin:portal_link_changelist")).content.decode()
    assert ("Kirsten Holm" in listed, "Signe Bæk" in listed) == (True, True)
    found = desk.get(reverse("admin:portal_link_changelist"), {"q": "signe"}).content.decode()
    assert found.count("Signe Bæk") >= 1
    secrets = [links.token(parent), links.token(child)]
    one = desk.get(reverse("admin:portal_link_change", args=[child.pk])).content.decode()
    assert [secret for secret in secrets if secret in listed + found + one] == []

    assert desk.post(reverse("admin:portal_link_withdraw", args=[child.pk])).status_code == 302
    assert [link.pk for link in Link.objects.live(now)] == [parent.pk]
    assert desk.post(reverse("admin:portal_link_renew", args=[parent.pk])).status_code == 302
    assert Message.objects.filter(occasion="link_again").values_list("address", flat=True).get() == contact.email
    assert Client().get(f"/l/{secrets[0]}/").status_code == 410


@pytest.mark.usefixtures("committing")
def test_taking_the_tick_at_active_away_ends_the_links_too(
    contact: Contact, objects: dict[str, UUID], now: datetime
) -> None:
    everything_of(contact, objects, now)
    company = contact.company
    company.industries.set([])
    desk = at_the_desk()
    page = reverse("admin:companies_company_change", args=[company.pk])
    form = desk.get(page).context["adminform"].form
    facts = {name: value for name, value in form.initial.items() if isinstance(value, str | int)}
    rows = {
        "contacts-TOTAL_FORMS": "1",
        "contacts-INITIAL_FORMS": "1",
        "contacts-0-id": str(contact.pk),
        "contacts-0-company": str(company.pk),
        "contacts-0-name": contact.name,
        "contacts-0-email": contact.email,
        "contacts-0-language": "da",
    }
    for prefix in ("offers", "invites", "agreements", "enrolments"):
        rows |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    industry = Industry.objects.get(slug="industri")
    answer = desk.post(page, {**facts, **rows, "industries": [str(industry.pk)]})

    assert answer.status_code == 302, answer.context["errors"]
    assert Link.objects.live(now).count() == 0


def test_the_lists_of_links_and_contacts_ask_as_much_for_three_rows_as_for_one(
    now: datetime, django_assert_num_queries: Any
) -> None:
    desk = at_the_desk()
    desk.get(reverse("admin:portal_link_changelist"))  # the desk notes once a minute that one is there
    counts = []
    for many in (1, 2):
        for _number in range(many):
            made = factories.ContactFactory.create()
            child_of(link_for(Purpose.HOST, made.pk, now), now)
        for name, queries in (("portal_link", 10), ("companies_contact", 10)):
            with django_assert_num_queries(queries, exact=False):
                page = desk.get(reverse(f"admin:{name}_changelist"))
            counts.append(page.context["cl"].result_count)
    assert counts == [2, 1, 6, 3]


def test_no_enrolment_is_touched_by_links_that_die(contact: Contact, objects: dict[str, UUID], now: datetime) -> None:
    before = list(Enrolment.objects.values_list("status", flat=True))
    contacts.contact_leaves(contact_id=contact.pk, by=Actor.job("test"), now=now)

    assert list(Enrolment.objects.values_list("status", flat=True)) == before


def test_only_the_contacts_own_host_link_shows_the_way_to_the_contacts_invitation(
    contact: Contact, now: datetime
) -> None:
    offer = factories.OfferFactory.create(company=contact.company, contact=contact, state=Offer.State.DRAFT)
    invite = Invite.objects.create(company=contact.company, contact=contact, offer=offer, state="started")
    own = link_for(Purpose.HOST, contact.pk, now)
    way = f'href="{links.address(link_for(Purpose.INVITE, invite.pk, now))}"'
    page = reverse("link-host", args=[contact.pk])

    shown = [way in came_in(link).get(page).content.decode() for link in (own, child_of(own, now))]

    assert shown == [True, False]

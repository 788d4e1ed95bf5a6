"""Somebody who reviews courses and does nothing else: what the desk shows, and what the use-cases let through."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from companies.models import Contact
from offers.domain import authoring, publishing
from offers.models import Invite, Offer
from portal.domain import clock
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import Message, Municipality, User
from tests import factories

pytestmark = pytest.mark.django_db
S = Offer.State


@pytest.fixture(autouse=True)
def _stand_still(monkeypatch: pytest.MonkeyPatch, now: datetime, municipality: Municipality) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)


@pytest.fixture
def reviewer() -> User:
    made: User = factories.ReviewerFactory.create()
    return made


@pytest.fixture
def desk(reviewer: User) -> Client:
    client = Client()
    client.force_login(reviewer)
    return client


@pytest.fixture
def contact() -> Contact:
    made: Contact = factories.ContactFactory.create(name="Kirsten Holm", email="kirsten@firma.example")
    return made


@pytest.fixture
def offer(contact: Contact) -> Offer:
    made: Offer = factories.OfferFactory.create(
        company=contact.company, contact=contact, state=S.SUBMITTED, during="På to hold."
    )
    Invite.objects.create(company=contact.company, contact=contact, offer=made)
    return made


def page(offer: Offer, deed: str = "change") -> str:
    return reverse(f"admin:offers_offer_{deed}", args=[offer.pk])


def state(offer: Offer) -> str:
    return Offer.objects.get(pk=offer.pk).state


# --- The desk ------------------------------------------------------------------------------------------------------


def test_a_reviewer_finds_the_courses_and_no_other_list(desk: Client) -> None:
    opened = set()
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        answer = desk.get(reverse(f"admin:{name}_changelist"))
        assert answer.status_code in {200, 403}, name
        if answer.status_code == 200:
            opened.add(name)

    assert opened == {"offers_offer"}


def test_the_overview_shows_what_waits_for_review_and_nothing_of_people(desk: Client, offer: Offer) -> None:
    factories.EnrolmentFactory.create(teacher__name="Emre Karagöl")
    body = desk.get("/admin/").content.decode()

    assert offer.title in body
    assert [name for name in ("Emre Karagöl", "Kirsten Holm", "kirsten@firma.example") if name in body] == []
    titles = [panel.title for panel in desk.get("/admin/").context["panels"]]
    assert [str(title) for title in titles] == ["Til gennemsyn"]


@pytest.mark.parametrize("where", S.values)
def test_no_page_of_a_course_tells_a_reviewer_who_the_contact_is(
    desk: Client, offer: Offer, now: datetime, where: str
) -> None:
    facts: dict[str, Any] = {"pause_reason": "Ferie."} if where == S.PAUSED else {}
    facts |= {"publish_at": now + timedelta(days=3)} if where == S.APPROVED else {}
    Offer.objects.update(state=where, **facts)
    pages = [page(offer), reverse("admin:offers_offer_changelist"), f"{reverse('admin:search')}?s=Svejs"]
    pages += [page(offer, deed) for deed in ("publish", "send_back", "reject")]
    answers = [desk.get(one) for one in pages]

    assert {one.status_code for one in answers} == {200}
    text = "".join(one.content.decode() for one in answers)
    assert [word for word in ("Kirsten Holm", "kirsten@firma.example", "/admin/companies/") if word in text] == []


def test_a_reviewer_edits_what_is_under_review_and_reads_the_rest(desk: Client, offer: Offer) -> None:
    form = desk.get(page(offer)).context["adminform"].form
    assert ({"contact", "acceptance", "has_waiting_list"} & set(form.fields), form.fields != {}) == (set(), True)
    facts = {name: value for name, value in form.initial.items() if value is not None}
    facts |= {
        "activity_type": str(offer.activity_type_id),
        "industry": str(offer.industry_id),
        "subjects": [str(one.pk) for one in offer.subjects.all()],
        "education_areas": [],
        "title": "Svejs et bogmærke",
        "price_ore": "0",
    }
    rows = {
        f"{prefix}-{name}_FORMS": "0" for prefix in ("review_comments", "revisions") for name in ("TOTAL", "INITIAL")
    }
    assert desk.post(page(offer), {**facts, **rows}).status_code == 302
    assert Offer.objects.get().title == "Svejs et bogmærke"

    Offer.objects.update(state=S.PUBLISHED)
    assert desk.post(page(offer), {**facts, **rows, "title": "Igen"}).status_code == 403
    assert Offer.objects.get().title == "Svejs et bogmærke"


OTHERS = ["pause", "resume", "archive", "clone", "confirm_fresh", "plan_session", "plan_series"]


@pytest.mark.parametrize("deed", OTHERS)
def test_what_is_not_reviewing_is_not_offered_and_not_answered(desk: Client, offer: Offer, deed: str) -> None:
    Offer.objects.update(state=S.PAUSED if deed == "resume" else S.PUBLISHED, pause_reason="x")
    address = page(offer, deed)

    assert (desk.get(address).status_code, desk.post(address, {"reason": "x"}).status_code) == (403, 403)
    assert address not in desk.get(page(offer)).content.decode()
    assert desk.get(reverse("admin:offers_offer_write")).status_code == 403
    assert (
        reverse("admin:offers_offer_write") not in desk.get(reverse("admin:offers_offer_changelist")).content.decode()
    )


@pytest.mark.parametrize(
    ("deed", "facts", "ends"),
    [
        ("publish", {"publish_at": ""}, S.PUBLISHED),
        ("send_back", {"about_1": "title", "text_1": "Kortere, tak."}, S.CHANGES_REQUESTED),
        ("reject", {"reason": "Det er reklame."}, S.REJECTED),
    ],
)
def test_a_reviewer_answers_a_course_that_was_sent_in(
    committing: None, municipality: Municipality, desk: Client, offer: Offer, deed: str, facts: Any, ends: str
) -> None:
    assert page(offer, deed) in desk.get(page(offer)).content.decode()
    assert desk.post(page(offer, deed), facts).status_code == 302
    assert state(offer) == ends


def test_a_course_that_was_not_sent_in_is_not_published_by_a_reviewer(desk: Client, offer: Offer) -> None:
    Offer.objects.update(state=S.DRAFT)
    assert page(offer, "publish") not in desk.get(page(offer)).content.decode()

    assert desk.post(page(offer, "publish"), {"publish_at": ""}).status_code == 422
    assert state(offer) == S.DRAFT


def test_several_at_once_are_published_as_far_as_they_were_sent_in(desk: Client, offer: Offer) -> None:
    draft = factories.OfferFactory.create(state=S.DRAFT)
    chosen = {"action": "publish_several", "_selected_action": [str(offer.pk), str(draft.pk)], "confirmed": "1"}
    assert desk.post(reverse("admin:offers_offer_changelist"), chosen).status_code == 302

    assert (state(offer), state(draft)) == (S.PUBLISHED, S.DRAFT)


def test_reviewers_are_told_when_a_course_is_sent_in(reviewer: User, offer: Offer, now: datetime) -> None:
    coordinator = factories.CoordinatorFactory.create()
    Offer.objects.update(state=S.DRAFT)
    invite = Invite.objects.get()
    by = Actor(kind="link", id="1", purpose="invite", reference_id=invite.pk)
    authoring.submit(offer_id=offer.pk, by=by, now=now)

    told = set(Message.objects.filter(occasion="offer_submitted").values_list("address", flat=True))
    assert told == {reviewer.email, coordinator.email}


# --- The use-cases -------------------------------------------------------------------------------------------------

UseCase = Callable[[Offer, Actor, datetime], Any]
REVIEWING: dict[str, UseCase] = {
    "send_back": lambda offer, by, now: publishing.send_back(
        offer_id=offer.pk, comments=[("title", "Kortere.")], by=by, now=now
    ),
    "publish": lambda offer, by, now: publishing.publish(offer_id=offer.pk, by=by, now=now),
    "reject": lambda offer, by, now: publishing.reject(offer_id=offer.pk, reason="Nej.", by=by, now=now),
    "edit": lambda offer, by, now: authoring.edit_offer(
        offer_id=offer.pk, content={"title": "Nyt"}, version=offer.version, by=by, now=now
    ),
}
COORDINATING: dict[str, tuple[str, UseCase]] = {
    "publish a draft": (S.DRAFT, REVIEWING["publish"]),
    "publish again": (S.EXPIRED, REVIEWING["publish"]),
    "edit what is public": (S.PUBLISHED, REVIEWING["edit"]),
    "pause": (S.PUBLISHED, lambda offer, by, now: publishing.pause(offer_id=offer.pk, reason="x", by=by, now=now)),
    "resume": (S.PAUSED, lambda offer, by, now: publishing.resume(offer_id=offer.pk, by=by, now=now)),
    "archive": (S.PUBLISHED, lambda offer, by, now: publishing.archive(offer_id=offer.pk, by=by, now=now)),
    "confirm": (S.PUBLISHED, lambda offer, by, now: publishing.confirm_fresh(offer_id=offer.pk, by=by, now=now)),
    "clone": (S.PUBLISHED, lambda offer, by, now: authoring.clone_offer(offer_id=offer.pk, by=by, now=now)),
    "submit": (S.DRAFT, lambda offer, by, now: authoring.submit(offer_id=offer.pk, by=by, now=now)),
}


def outcome(what: UseCase, offer: Offer, by: Actor, now: datetime) -> str:
    try:
        what(offer, by, now)
    except Refusal as refusal:
        return refusal.code
    return "done"


@pytest.mark.parametrize("name", REVIEWING)
def test_reviewing_is_for_reviewers_and_those_above(offer: Offer, now: datetime, name: str, reviewer: User) -> None:
    strangers = [
        factories.UserFactory.create(),
        factories.OperatorFactory.create(),
        factories.MembershipFactory.create(role="leader").user,
    ]
    refused = [outcome(REVIEWING[name], offer, Actor.of_user(one), now) for one in strangers]
    invite = Invite.objects.get()
    link = Actor(kind="link", id="1", purpose="invite", reference_id=invite.pk)
    refused.append(outcome(REVIEWING[name], offer, link, now))

    assert refused == ["reviewers-only"] * 4
    assert outcome(REVIEWING[name], offer, Actor.of_user(reviewer), now) == "done"


@pytest.mark.parametrize("name", COORDINATING)
def test_everything_else_is_for_coordinators(offer: Offer, now: datetime, name: str, reviewer: User) -> None:
    where, what = COORDINATING[name]
    Offer.objects.update(state=where, pause_reason="x" if where == S.PAUSED else "", last_confirmed_at=now)
    offer.refresh_from_db()
    found = [outcome(what, offer, Actor.of_user(one), now) for one in (reviewer, factories.UserFactory.create())]

    assert found[0] == "coordinators-only"
    assert found[1] in {"coordinators-only", "reviewers-only"}
    assert outcome(what, offer, Actor.of_user(factories.CoordinatorFactory.create()), now) == "done"

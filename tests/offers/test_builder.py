"""The pages on which a company describes its course, as a browser without JavaScript walks through them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from companies.models import Company
from offers.domain import authoring, publishing
from offers.models import Invite, Offer
from portal.domain import clock, links
from portal.domain.actor import Actor
from portal.models import AuditEntry, Link, Municipality
from tests import factories

pytestmark = pytest.mark.django_db

STEPS: dict[int, dict[str, Any]] = {
    1: {
        "about": "Vi smeder.",
        "address": "Essevej 4",
        "postal_code": "9999",
        "city": "Fjordby",
        "website": "tangvig.example",
        "contact_name": "Mette Tangvig",
        "contact_phone": "12 34 56 78",
    },
    2: {
        "title": "Svejs dit eget bogmærke",
        "teaser": "Visir ned, lysbue på.",
        "description": "Klassen deles i tre hold.\n\nAlle prøver.",
        "purpose": "Eleverne lærer, hvordan strøm bliver til varme.",
        "pupil_activity": "Eleverne svejser.",
        "activity_type": "virksomhedsbesoeg",
        "industry": "industri",
        "jobs": "smed, lærling",
        "education_areas": ["htx"],
        "illustration": "svejsning",
    },
    3: {"grade_from": "7", "grade_to": "9", "subjects": ["fysik-kemi"]},
    4: {"before": "Tegn et motiv.", "before_minutes": "45", "during": "15 min.: Velkomst", "after": "Skriv om det."},
    5: {
        "duration_minutes": "150",
        "meetings": "1",
        "places_counted": "pupils",
        "places": "24",
        "venue": "host",
        "meeting_point": "Den røde port",
        "price_ore": "1.250,50",
        "closes_days": "10",
    },
}


@pytest.fixture
def coordinator(municipality: Municipality) -> Actor:
    return Actor.of_user(factories.CoordinatorFactory.create(name="Karin Koordinator"))


def invited(coordinator: Actor, greeting: str = "Kære Mette") -> Invite:
    contact = factories.ContactFactory.create(company__state=Company.State.LEAD)
    return authoring.invite_company(
        company_id=contact.company_id, contact_id=contact.pk, greeting=greeting, by=coordinator, now=clock.now()
    )


def token_of(invite: Invite) -> str:
    return links.token(Link.objects.get(reference_id=invite.pk))


@pytest.fixture
def invite(coordinator: Actor) -> Invite:
    return invited(coordinator)


@pytest.fixture
def browser(invite: Invite, client: Client) -> Client:
    """A browser that has exchanged the link."""
    response = client.post(reverse("link-landing", args=[token_of(invite)]))
    assert response.headers["Location"] == reverse("link-invite", args=[invite.pk])
    return client


def step_url(invite: Invite, step: int) -> str:
    return reverse("builder-step", args=[invite.pk, step])


def version_on(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found
    return found[1]


def save(browser: Client, invite: Invite, step: int, then: str = "next", **changes: Any) -> Any:
    version = version_on(browser.get(step_url(invite, step)).content.decode())
    return browser.post(step_url(invite, step), {**STEPS[step], "version": version, "then": then, **changes})


def everything_stored() -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table, to see whether anything moved."""
    return {
        model._meta.label: list(model._base_manager.order_by("pk").values())
        for model in apps.get_models(include_auto_created=True)
    }


def test_a_company_goes_the_whole_way(browser: Client, invite: Invite, coordinator: Actor) -> None:
    overview = browser.get(reverse("link-invite", args=[invite.pk])).content.decode()
    assert "Kære Mette" in overview
    assert "Karin Koordinator" in overview

    begun = browser.post(reverse("link-invite", args=[invite.pk]), {"action": "begin"})
    assert begun.headers["Location"] == step_url(invite, 1)
    for step in range(1, 6):
        saved = save(browser, invite, step)
        assert saved.headers["Location"] == step_url(invite, step + 1)
    preview = browser.get(step_url(invite, 6)).content.decode()
    assert "error-summary" not in preview
    assert "Svejs dit eget bogmærke" in preview

    sent = browser.post(reverse("builder-submit", args=[invite.pk]))
    assert sent.headers["Location"] == reverse("link-invite", args=[invite.pk])
    offer = Offer.objects.get(invite=invite)
    assert (offer.state, offer.price_ore, offer.places) == (Offer.State.SUBMITTED, 125_050, 24)
    invite.company.refresh_from_db()
    assert invite.company.website == "https://tangvig.example"

    status = browser.get(reverse("link-invite", args=[invite.pk])).content.decode()
    assert 'name="action"' not in status
    publishing.publish(offer_id=offer.pk, by=coordinator, now=clock.now())
    published = browser.get(reverse("link-invite", args=[invite.pk])).content.decode()
    assert reverse("offer", args=[offer.pk, offer.slug]) in published


def test_reading_changes_nothing(browser: Client, invite: Invite) -> None:
    save(browser, invite, 2)
    before = everything_stored()
    addresses = [
        reverse("link-invite", args=[invite.pk]),
        *(step_url(invite, step) for step in range(1, 7)),
        reverse("builder-submit", args=[invite.pk]),
    ]
    for _round in range(3):
        for address in addresses:
            assert browser.get(address).status_code in {200, 302}
            assert browser.head(address).status_code in {200, 302}
    assert everything_stored() == before


def test_the_first_button_opens_the_invitation_and_no_page_does(browser: Client, invite: Invite) -> None:
    browser.get(reverse("link-invite", args=[invite.pk]))
    browser.get(step_url(invite, 1))
    assert Invite.objects.get(pk=invite.pk).opened_at is None

    browser.post(reverse("link-invite", args=[invite.pk]), {"action": "begin"})
    assert Invite.objects.get(pk=invite.pk).state == Invite.State.OPENED


def test_a_page_of_the_builder_is_neither_stored_nor_told_to_others(browser: Client, invite: Invite) -> None:
    response = browser.get(step_url(invite, 1))
    assert response.headers["Cache-Control"].split(",")[0] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Robots-Tag"] == "noindex, nofollow"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_foreign_invitation_does_not_exist(method: str, browser: Client, coordinator: Actor) -> None:
    foreign = invited(coordinator)
    addresses = [
        reverse("link-invite", args=[foreign.pk]),
        *(step_url(foreign, step) for step in range(1, 7)),
        reverse("builder-submit", args=[foreign.pk]),
    ]
    assert [getattr(browser, method)(address).status_code for address in addresses] == [404] * 8
    assert Offer.objects.count() == 0


def test_without_the_link_no_page_exists(client: Client, invite: Invite) -> None:
    assert client.get(reverse("link-invite", args=[invite.pk])).status_code == 404
    assert client.post(step_url(invite, 2), STEPS[2]).status_code == 404


def test_a_seventh_step_does_not_exist(browser: Client, invite: Invite) -> None:
    assert browser.get(step_url(invite, 7)).status_code == 404
    assert browser.get(step_url(invite, 0)).status_code == 404


def test_a_withdrawn_link_says_so(browser: Client, invite: Invite, coordinator: Actor) -> None:
    authoring.revoke_invite(invite_id=invite.pk, by=coordinator, now=clock.now())
    assert browser.get(step_url(invite, 2)).status_code == 410
    assert browser.post(step_url(invite, 2), STEPS[2]).status_code == 410
    assert Offer.objects.count() == 0


def test_half_a_step_is_saved_and_found_again(browser: Client, invite: Invite) -> None:
    response = browser.post(step_url(invite, 2), {"title": "Kun en titel", "version": "0", "then": "later"})
    assert response.headers["Location"] == reverse("link-invite", args=[invite.pk])
    assert "Kun en titel" in browser.get(step_url(invite, 2)).content.decode()


BAD_INPUT: list[tuple[int, str, str]] = [
    (1, "website", "http://usikker.example"),
    (1, "website", "javascript:alert(1)"),
    (1, "website", "https://ikke en adresse"),
    (1, "postal_code", "99991"),
    (1, "postal_code", "٩٩٩٩"),
    (1, "contact_phone", "ring til mig"),
    (1, "contact_name", " "),
    (1, "about", "Mit nummer er 010203-1234"),
    (2, "title", "x" * 81),
    (2, "description", "CPR 0102031234"),
    (2, "activity_type", "findes-ikke"),
    (2, "industry", "1 OR 1=1"),
    (2, "education_areas", "findes-ikke"),
    (2, "illustration", "../../settings"),
    (3, "grade_from", "11"),
    (3, "grade_to", "x"),
    (3, "grade_to", "5"),
    (3, "subjects", "findes-ikke"),
    (4, "before_minutes", "1_0"),
    (4, "before_minutes", "-5"),
    (4, "after_minutes", "½"),
    (4, "during", "x" * 3001),
    (5, "duration_minutes", "٣٠"),
    (5, "duration_minutes", "+90"),
    (5, "duration_minutes", "9" * 40),
    (5, "places", "0"),
    (5, "places", "24.5"),
    (5, "places", "1e3"),
    (5, "min_pupils", "25"),
    (5, "adults", "21"),
    (5, "meetings", "41"),
    (5, "venue", "moon"),
    (5, "places_counted", "teachers"),
    (5, "price_ore", "1,5"),
    (5, "price_ore", "gratis"),
    (5, "price_ore", "-10"),
    (5, "closes_days", "91"),
    (5, "opens_days", "9"),  # the form closes 10 days before
    (5, "opens_days", "366"),
    (5, "max_pupils", "61"),
    (5, "max_pupils", "0"),
    (5, "days_counted", "weeks"),
    (5, "cancel_days", "31"),
    (5, "most_per_class", "0"),
    (5, "fewest_meetings", "2"),  # of one date
]


@pytest.mark.parametrize(("step", "field", "value"), BAD_INPUT)
def test_bad_input_gets_a_message_at_its_field_and_nothing_typed_is_lost(
    step: int, field: str, value: str, browser: Client, invite: Invite
) -> None:
    other = next(name for name in STEPS[step] if name != field)
    response = save(browser, invite, step, **{field: value})

    assert response.status_code == 200
    assert list(response.context["form"].errors) == [field]
    assert response.context["form"][field].value() in (value, [value])
    assert response.context["form"][other].value() == STEPS[step][other]
    assert Offer.objects.count() == 0


def test_text_is_shown_as_text(browser: Client, invite: Invite) -> None:
    save(browser, invite, 2, description="<script>alert(1)</script>\n<b>fed</b>", title="<i>Svejs</i>")
    for step in (2, 6):
        page = browser.get(step_url(invite, step)).content.decode()
        assert "<script>alert" not in page
        assert "<i>Svejs" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_what_another_tab_saved_meanwhile_is_shown_beside_ones_own_words(browser: Client, invite: Invite) -> None:
    save(browser, invite, 2)
    old = version_on(browser.get(step_url(invite, 2)).content.decode())
    save(browser, invite, 2, title="Fra den ene fane")

    mine = {**STEPS[2], "title": "Fra den anden fane", "version": old}
    response = browser.post(step_url(invite, 2), mine)
    page = response.content.decode()
    assert response.status_code == 409
    assert [other["now"] for other in response.context["others"]] == ["Fra den ene fane"]
    assert 'value="Fra den anden fane"' in page
    assert Offer.objects.get(invite=invite).title == "Fra den ene fane"

    again = browser.post(step_url(invite, 2), {**mine, "version": version_on(page)})
    assert again.status_code == 302
    assert Offer.objects.get(invite=invite).title == "Fra den anden fane"


def test_a_nonsense_version_is_no_error(browser: Client, invite: Invite) -> None:
    save(browser, invite, 2)
    for version in ("", "x", "-1", "٣", "9" * 30):
        response = browser.post(step_url(invite, 3), {**STEPS[3], "version": version})
        assert response.status_code in {302, 409}


def test_what_is_missing_is_listed_with_the_way_to_it(browser: Client, invite: Invite) -> None:
    save(browser, invite, 2)
    response = browser.post(reverse("builder-submit", args=[invite.pk]))
    page = response.content.decode()

    assert response.status_code == 200
    assert [(item.step, item.field) for item in response.context["missing"]] == [
        (3, "grade_from"),
        (3, "grade_to"),
        (3, "subjects"),
        (4, "during"),
        (5, "duration_minutes"),
        (5, "places"),
    ]
    assert f"{step_url(invite, 5)}#id_places" in page
    assert Offer.objects.get(invite=invite).state == Offer.State.DRAFT


def test_nothing_written_yet_cannot_be_sent(browser: Client, invite: Invite) -> None:
    response = browser.post(reverse("builder-submit", args=[invite.pk]))
    assert response.headers["Location"] == step_url(invite, 6)
    assert browser.get(step_url(invite, 6)).status_code == 200


def test_comments_stand_at_their_steps_until_the_course_is_sent_again(
    browser: Client, invite: Invite, coordinator: Actor
) -> None:
    for step in range(1, 6):
        save(browser, invite, step)
    browser.post(reverse("builder-submit", args=[invite.pk]))
    offer = Offer.objects.get(invite=invite)
    publishing.send_back(offer_id=offer.pk, comments=[("safety", "Hvem passer på?")], by=coordinator, now=clock.now())

    overview = browser.get(reverse("link-invite", args=[invite.pk])).content.decode()
    assert "Hvem passer på?" in overview
    assert f"{step_url(invite, 5)}#id_safety" in overview
    assert "Hvem passer på?" in browser.get(step_url(invite, 5)).content.decode()
    assert "Hvem passer på?" not in browser.get(step_url(invite, 2)).content.decode()
    begun = browser.post(reverse("link-invite", args=[invite.pk]), {"action": "begin"})
    assert begun.headers["Location"] == step_url(invite, 5)

    save(browser, invite, 5, safety="Smeden passer på.")
    browser.post(reverse("builder-submit", args=[invite.pk]))
    assert Offer.objects.get(invite=invite).state == Offer.State.SUBMITTED
    assert "Hvem passer på?" not in browser.get(reverse("link-invite", args=[invite.pk])).content.decode()


def test_after_sending_the_pages_only_tell_where_it_stands(browser: Client, invite: Invite) -> None:
    for step in range(1, 6):
        save(browser, invite, step)
    browser.post(reverse("builder-submit", args=[invite.pk]))
    for step in range(1, 7):
        assert browser.get(step_url(invite, step)).headers["Location"] == reverse("link-invite", args=[invite.pk])
    browser.post(step_url(invite, 2), {**STEPS[2], "title": "For sent", "version": "9"})
    assert Offer.objects.get(invite=invite).title == STEPS[2]["title"]


@pytest.mark.parametrize("state", ["approved", "published", "paused", "expired", "rejected", "archived"])
def test_every_state_has_a_page(state: str, browser: Client, invite: Invite) -> None:
    now = clock.now()
    offer = factories.OfferFactory.create(
        company=invite.company, contact=invite.contact, state=state, pause_reason="Vi bygger om.", publish_at=now
    )
    Invite.objects.filter(pk=invite.pk).update(offer=offer)
    response = browser.get(reverse("link-invite", args=[invite.pk]))
    assert response.status_code == 200
    assert response.content.decode().count('value="confirm"') == (1 if state in {"published", "expired"} else 0)


def test_one_press_confirms_that_the_course_still_holds(browser: Client, invite: Invite) -> None:
    long_ago = clock.now() - timedelta(days=400)
    offer = factories.OfferFactory.create(
        company=invite.company, contact=invite.contact, state="expired", last_confirmed_at=long_ago
    )
    Invite.objects.filter(pk=invite.pk).update(offer=offer)
    browser.post(reverse("link-invite", args=[invite.pk]), {"action": "confirm"})
    offer.refresh_from_db()
    assert offer.state == Offer.State.PUBLISHED
    assert AuditEntry.objects.filter(action="offer-published", actor_kind="link").count() == 1


def test_the_overview_asks_the_database_the_same_however_much_was_commented(
    browser: Client, invite: Invite, coordinator: Actor, django_assert_num_queries: Any
) -> None:
    for step in range(1, 6):
        save(browser, invite, step)
    browser.post(reverse("builder-submit", args=[invite.pk]))
    offer = Offer.objects.get(invite=invite)
    publishing.send_back(offer_id=offer.pk, comments=[("title", "1")], by=coordinator, now=clock.now())
    browser.get(reverse("link-invite", args=[invite.pk]))  # shows, and forgets, that it has been sent
    with django_assert_num_queries(13):
        browser.get(reverse("link-invite", args=[invite.pk]))
    authoring.submit(offer_id=offer.pk, by=coordinator, now=clock.now())
    publishing.send_back(
        offer_id=offer.pk, comments=[("title", "1"), ("before", "2"), ("", "3")], by=coordinator, now=clock.now()
    )
    with django_assert_num_queries(13):
        browser.get(reverse("link-invite", args=[invite.pk]))


def test_a_company_says_how_places_are_counted_and_when_enrolment_is_open(browser: Client, invite: Invite) -> None:
    said = {
        "meetings": "3",
        "counts_adults": "on",
        "min_pupils": "8",
        "max_pupils": "20",
        "opens_days": "30",
        "days_counted": "school_days",
        "cancel_days": "5",
        "most_per_class": "2",
        "fewest_meetings": "2",
    }
    assert save(browser, invite, 5, **said).status_code == 302
    offer = Offer.objects.get(invite=invite)
    assert (offer.counts_adults, offer.min_pupils, offer.max_pupils, offer.opens_days) == (True, 8, 20, 30)
    assert (offer.days_counted, offer.cancel_days, offer.most_per_class, offer.fewest_meetings) == (
        "school_days",
        5,
        2,
        2,
    )
    page = browser.get(step_url(invite, 5)).content.decode()
    assert "<details open><summary>Mere om tidspunkter og tilmelding" in page


def test_adults_are_counted_among_pupils_only(browser: Client, invite: Invite) -> None:
    response = save(browser, invite, 5, places_counted="classes", places="1", counts_adults="on")
    assert list(response.context["form"].errors) == ["counts_adults"]

"""What visitors see: the front page, the catalogue with its filters, the page of a course."""

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from offers.domain import search
from offers.models import Meeting, Offer, Session
from portal.models import ActivityType, Industry
from tests.factories import CompanyFactory, CoordinatorFactory, OfferFactory, SessionFactory, UserFactory

pytestmark = pytest.mark.django_db
TITLE = re.compile(r'class="offer-card__title"><a href="[^"]*">([^<]*)</a>')


@pytest.fixture(autouse=True)
def _fjordby(municipality: Any) -> None:
    """Every page asks for the municipality."""


def in_days(days: int, hour: int = 9) -> datetime:
    return (timezone.localtime() + timedelta(days=days)).replace(hour=hour, minute=0, second=0, microsecond=0)


def session_in(days: int, **facts: Any) -> Session:
    made: Session = SessionFactory.create(starts_at=in_days(days), **facts)
    return made


def body(client: Client, address: str, status: int = 200, headers: dict[str, str] | None = None) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == status, address
    return response.content.decode()


def titles(client: Client, address: str) -> list[str]:
    return TITLE.findall(body(client, address))


# The front page


def test_the_front_page_shows_the_next_courses_with_places_each_once(client: Client) -> None:
    soon, later = OfferFactory.create(title="Snart"), OfferFactory.create(title="Senere")
    for days in (10, 12, 14):
        session_in(days, offer=soon)
    session_in(11, offer=later)
    session_in(9, offer=OfferFactory.create(title="Fuldt"), places=20, places_taken=20)
    session_in(9, offer=OfferFactory.create(title="Lukket"), closes_at=timezone.now() - timedelta(days=1))
    session_in(9, offer=OfferFactory.create(title="På pause", state=Offer.State.PAUSED, pause_reason="Ombygning"))

    assert titles(client, "/") == ["Snart", "Senere"]


def test_the_front_page_leads_into_the_catalogue_by_grade_and_industry(client: Client) -> None:
    OfferFactory.create()

    page = body(client, "/")

    assert re.findall(r'href="/forloeb/\?([^"]*)"', page) == [
        "klassetrin=0&klassetrin=1&klassetrin=2&klassetrin=3".replace("&", "&amp;"),
        "klassetrin=4&amp;klassetrin=5&amp;klassetrin=6",
        "klassetrin=7&amp;klassetrin=8&amp;klassetrin=9&amp;klassetrin=10",
        "ledige=1",
        "branche=industri",
    ]


def test_the_front_page_works_before_anything_is_there(client: Client) -> None:
    page = body(client, "/")

    assert page.count("<h1") == 1
    assert TITLE.findall(page) == []


@pytest.mark.parametrize("address", ["/", "/forloeb/", "/forloeb/?q=svejs&klassetrin=7&ledige=1", "/privatliv/"])
def test_who_only_browses_gets_no_cookie(client: Client, address: str) -> None:
    session_in(10)

    response = client.get(address)

    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert list(response.cookies) == []
    assert "csrfmiddlewaretoken" not in response.content.decode()


def test_the_page_of_a_course_sets_no_cookie(client: Client) -> None:
    offer = session_in(10).offer

    response = client.get(f"/forloeb/{offer.pk}/{offer.slug}/")

    assert response.status_code == 200
    assert list(response.cookies) == []


# The catalogue


def test_only_published_courses_stand_in_the_catalogue(client: Client) -> None:
    for state in Offer.State:
        OfferFactory.create(state=state, title=f"Forløb {state}", pause_reason="Ombygning")

    page = body(client, "/forloeb/")

    assert TITLE.findall(page) == ["Forløb published"]


def test_the_filters_narrow_the_list(client: Client) -> None:
    bank = Industry.objects.get(slug="kontor-raadgivning")
    guest = ActivityType.objects.get(slug="gaestelaerer")
    OfferFactory.create(title="Stål", grade_from=7, grade_to=9)
    OfferFactory.create(
        title="Penge", grade_from=4, grade_to=6, industry=bank, activity_type=guest, subjects=["matematik"]
    )
    OfferFactory.create(title="For alle", grade_from=None, grade_to=None, subjects=["dansk", "matematik"])

    asked = {
        "klassetrin=8": ["For alle", "Stål"],
        "klassetrin=5&klassetrin=7": ["For alle", "Penge", "Stål"],
        "fag=matematik": ["For alle", "Penge"],
        "fag=matematik&fag=dansk&fag=fysik-kemi": ["For alle", "Penge", "Stål"],
        "branche=kontor-raadgivning": ["Penge"],
        "branche=kontor-raadgivning&branche=industri": ["For alle", "Penge", "Stål"],
        "type=gaestelaerer": ["Penge"],
        "fag=matematik&klassetrin=9": ["For alle"],
        "type=gaestelaerer&klassetrin=9": [],
    }
    assert {query: titles(client, f"/forloeb/?sort=titel&{query}") for query in asked} == asked


def test_free_text_finds_and_ranks(client: Client) -> None:
    for title, description in (("Robotter i laden", "Køer og mælk."), ("Mælk", "En robot malker."), ("Bank", "Penge.")):
        search.index(OfferFactory.create(title=title, teaser="", description=description))

    assert titles(client, "/forloeb/?q=robot") == ["Robotter i laden", "Mælk"]


def test_nothing_found_asks_what_was_meant_and_keeps_the_filters(client: Client) -> None:
    search.index(OfferFactory.create(title="Svejsning", teaser="", description="Stål."))

    page = body(client, "/forloeb/?q=svejsnig&klassetrin=8")

    assert 'href="/forloeb/?klassetrin=8&amp;q=svejsning"' in page
    assert TITLE.findall(page) == []


def test_a_period_and_free_places_are_asked_of_the_same_session(client: Client) -> None:
    in_period = in_days(30).date()
    period = f"fra={in_period - timedelta(days=2)}&til={in_period + timedelta(days=2)}"
    both = OfferFactory.create(title="Ledig i perioden")
    session_in(30, offer=both)
    split = OfferFactory.create(title="Fuld i perioden, ledig senere")
    session_in(30, offer=split, places=20, places_taken=20)
    session_in(50, offer=split)
    session_in(30, offer=OfferFactory.create(title="Aflyst"), state=Session.State.CANCELLED, cancel_reason="Sygdom")
    session_in(30, offer=OfferFactory.create(title="Kun planlagt"), state=Session.State.PLANNED)
    OfferFactory.create(title="Uden tidspunkter")

    assert titles(client, f"/forloeb/?sort=titel&{period}") == ["Fuld i perioden, ledig senere", "Ledig i perioden"]
    assert titles(client, f"/forloeb/?sort=titel&{period}&ledige=1") == ["Ledig i perioden"]
    assert titles(client, "/forloeb/?sort=titel&ledige=1") == ["Fuld i perioden, ledig senere", "Ledig i perioden"]


def test_the_last_day_of_a_period_belongs_to_it(client: Client) -> None:
    late = session_in(30, offer=OfferFactory.create(title="Aftenåbent"))
    Session.objects.filter(pk=late.pk).update(starts_at=in_days(30, hour=20), ends_at=in_days(30, hour=22))
    day = in_days(30).date()

    assert titles(client, f"/forloeb/?fra={day}&til={day}") == ["Aftenåbent"]
    assert titles(client, f"/forloeb/?til={day - timedelta(days=1)}") == []
    assert titles(client, f"/forloeb/?fra={day + timedelta(days=1)}") == []


def test_a_card_names_the_next_session_with_places_before_an_earlier_full_one(client: Client) -> None:
    offer = OfferFactory.create(title="Stål")
    session_in(20, offer=offer, places=20, places_taken=20)
    session_in(40, offer=offer, places=20, places_taken=17)

    page = body(client, "/forloeb/")

    assert re.findall(
        r'Next:</?[^<]*<time datetime="([^"]*)"|Næste: <time datetime="([^"]*)"|: <time datetime="([^"]*)"', page
    )
    assert in_days(40).isoformat()[:10] in page
    assert in_days(20).isoformat()[:10] not in page
    assert re.search(r"free-places--few.*?\b3\b", page, re.DOTALL)


def test_the_list_is_sorted_as_asked(client: Client) -> None:
    old = OfferFactory.create(title="Åben dør", published_at=timezone.now() - timedelta(days=9))
    middle = OfferFactory.create(title="Ærter", published_at=timezone.now() - timedelta(days=5))
    new = OfferFactory.create(title="zebra", published_at=timezone.now())
    OfferFactory.create(title="Øl", published_at=timezone.now() - timedelta(days=7))
    session_in(10, offer=old)
    session_in(20, offer=new)
    session_in(30, offer=middle)

    asked = {
        "": ["zebra", "Ærter", "Øl", "Åben dør"],
        "sort=nyeste": ["zebra", "Ærter", "Øl", "Åben dør"],
        "sort=titel": ["zebra", "Ærter", "Øl", "Åben dør"],
        "sort=dato": ["Åben dør", "zebra", "Ærter", "Øl"],
        "sort=relevans": ["zebra", "Ærter", "Øl", "Åben dør"],
    }
    assert {query: titles(client, f"/forloeb/?{query}") for query in asked} == asked


@pytest.mark.parametrize("sort", ["foo", "password", "title__x", "?", "-pk", "company__cvr", ""])
def test_an_unknown_order_is_the_default_order(client: Client, sort: str) -> None:
    OfferFactory.create(title="Gammel", published_at=timezone.now() - timedelta(days=9))
    OfferFactory.create(title="Ny")

    assert titles(client, f"/forloeb/?sort={sort}") == ["Ny", "Gammel"]


# What stands in the address (the catalogue of bad inputs)


@pytest.mark.parametrize("query", ["q=%00", "q=a%00b", "klassetrin=%00", "page=%00"])
def test_a_null_byte_is_refused(client: Client, query: str) -> None:
    body(client, f"/forloeb/?{query}", status=400)


@pytest.mark.parametrize("query", ["q=%ff%fe", "q=%ED%A0%80", "fag=%ff", "fra=%ff"])
def test_broken_utf8_breaks_nothing(client: Client, query: str) -> None:
    OfferFactory.create()

    assert body(client, f"/forloeb/?{query}").count("<h1") == 1


@pytest.mark.parametrize(
    "value", ["99", "abc", "-1", "11", "7.0", "٣", "１", "99999999999999999999", "9" * 5000, "7'--", "<script>"]
)
@pytest.mark.parametrize("name", ["klassetrin", "fag", "branche", "type"])
def test_a_choice_that_does_not_exist_is_left_out_with_a_notice(client: Client, name: str, value: str) -> None:
    OfferFactory.create(title="Stål")

    response = client.get("/forloeb/", {name: value})
    page = response.content.decode()

    assert response.status_code == 200
    assert TITLE.findall(page) == ["Stål"]
    assert len(re.findall(r'data-color="info"', page)) == 1
    assert "<script>" not in page.split("<body")[1]


def test_a_good_value_beside_a_bad_one_still_counts_and_is_shown(client: Client) -> None:
    OfferFactory.create(title="Stål", grade_from=7, grade_to=9)
    OfferFactory.create(title="Leg", grade_from=0, grade_to=2)

    page = body(client, "/forloeb/?klassetrin=99&klassetrin=8")

    assert TITLE.findall(page) == ["Stål"]
    assert 'value="8" class="ds-input" id="id_klassetrin_8" checked' in page or re.search(
        r'value="8"[^>]*checked', page
    )


def test_the_same_choice_a_thousand_times_is_one_choice(client: Client) -> None:
    OfferFactory.create(title="Stål")

    page = body(client, "/forloeb/?" + "&".join(["klassetrin=8"] * 990))

    assert TITLE.findall(page) == ["Stål"]
    assert re.findall(r'name="klassetrin" value="(\d+)"[^>]*checked', page) == ["8"]
    assert page.count("Remove:") + page.count("Fjern:") == 1


def test_ten_thousand_parameters_are_refused(client: Client) -> None:
    body(client, "/forloeb/?" + "&".join(f"a{number}=1" for number in range(10_000)), status=400)


@pytest.mark.parametrize(
    "typed",
    ["31-02-2026", "2026-02-31", "0001-01-01", "9999-12-31", "i morgen", "2026-13-01", "٢٠٢٦-01-01", "1" * 4000],
)
@pytest.mark.parametrize("name", ["fra", "til"])
def test_a_bad_day_is_told_at_the_field_and_the_list_stays_whole(client: Client, name: str, typed: str) -> None:
    OfferFactory.create(title="Uden tidspunkter")

    response = client.get("/forloeb/", {name: typed})

    assert response.status_code == 200
    assert sorted(response.context["form"].errors) == [name]
    assert TITLE.findall(response.content.decode()) == ["Uden tidspunkter"]
    field = re.search(rf'<input[^>]*name="{name}"[^>]*>', response.content.decode())
    assert field is not None
    assert 'aria-invalid="true"' in field[0]


def test_a_period_that_ends_before_it_begins_is_told_at_its_end(client: Client) -> None:
    OfferFactory.create(title="Uden tidspunkter")

    response = client.get("/forloeb/?fra=2027-05-02&til=2027-05-01&klassetrin=8")

    assert sorted(response.context["form"].errors) == ["til"]


@pytest.mark.parametrize("typed", ["2027-03-04", "04.03.2027", "4-3-2027", "4/3/2027", "4.3.27", " 04.03.2027 "])
def test_a_day_may_be_written_as_people_do(client: Client, typed: str) -> None:
    response = client.get("/forloeb/", {"fra": typed})

    assert str(response.context["form"].cleaned_data["fra"]) == "2027-03-04"
    assert 'value="2027-03-04"' in response.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "title__regex=(",
        "municipality__users__password=x",
        "company__contacts__email__startswith=a",
        "state=draft",
        "id=1&id=abc",
        "words=x",
        "foo=",
    ],
)
def test_a_parameter_that_is_not_on_the_list_becomes_no_lookup(client: Client, query: str) -> None:
    OfferFactory.create(title="Stål")

    page = body(client, f"/forloeb/?{query}")

    assert TITLE.findall(page) == ["Stål"]
    assert len(re.findall(r'data-color="info"', page)) == 1


def test_marks_of_newsletters_are_left_out_in_silence(client: Client) -> None:
    OfferFactory.create(title="Stål")

    page = body(client, "/forloeb/?utm_source=nyhedsbrev&fbclid=x&q=")

    assert TITLE.findall(page) == ["Stål"]
    assert 'data-color="info"' not in page


@pytest.mark.parametrize("typed", ["0", "-1", "abc", "1e3", "１", "", "1.0", "+2", " 2", "٢"])
def test_a_page_number_that_is_none_is_the_first_page(client: Client, typed: str) -> None:
    OfferFactory.create_batch(25)

    response = client.get("/forloeb/", {"page": typed})

    assert response.status_code == 200
    assert response.context["page"].number == 1


@pytest.mark.parametrize("typed", ["3", "9999999", "12345678901234567890123456"])
def test_a_page_beyond_the_last_does_not_exist_and_leads_back(client: Client, typed: str) -> None:
    OfferFactory.create_batch(25)

    page = body(client, f"/forloeb/?page={typed}&klassetrin=8", status=404)

    assert 'href="/forloeb/?klassetrin=8"' in page
    assert page.count("<h1") == 1


def test_pages_keep_the_filters_and_name_their_one_address(client: Client) -> None:
    OfferFactory.create_batch(25)

    page = body(client, "/forloeb/?page=2&klassetrin=8&utm_source=x&sort=")

    assert f'rel="canonical" href="{settings.ORIGIN}/forloeb/?klassetrin=8&amp;page=2"' in page
    assert len(TITLE.findall(page)) == 1
    assert f'rel="canonical" href="{settings.ORIGIN}/forloeb/"' in body(client, "/forloeb/?page=1&q=+")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "trace"])
@pytest.mark.parametrize("address", ["/", "/forloeb/"])
def test_browsing_pages_are_only_read(client: Client, method: str, address: str) -> None:
    assert getattr(client, method)(address).status_code == 405


def test_head_answers_as_get_without_a_body(client: Client) -> None:
    OfferFactory.create()

    for address in ("/", "/forloeb/"):
        got, asked = client.get(address), client.head(address)
        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["Content-Type"] == got.headers["Content-Type"]


# HTMX


def test_htmx_gets_the_list_alone_and_the_clean_address(client: Client) -> None:
    OfferFactory.create(title="Stål")

    response = client.get("/forloeb/?q=&klassetrin=8&fra=&til=", headers={"HX-Request": "true"})
    page = response.content.decode()

    assert TITLE.findall(page) == ["Stål"]
    assert page.count("<html") == 0
    assert page.count('hx-swap-oob="innerHTML:#hits-status"') == 1
    assert response.headers["HX-Push-Url"] == "/forloeb/?klassetrin=8"
    assert sorted(response.headers["Vary"].lower().split(", ")) == ["cookie", "hx-request"]


def test_going_back_in_history_gets_the_whole_page(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}

    assert body(client, "/forloeb/", headers=headers).count("<html") == 1


# The page of a course


def test_the_page_of_a_course_tells_what_a_teacher_needs(client: Client) -> None:
    company = CompanyFactory.create(name="Tangvig Smedie", address="Essevej 4", postal_code="9995", city="Fjordby")
    offer = OfferFactory.create(
        company=company,
        before="Tegn et motiv.",
        during="15 min.: Velkomst\n35 min.: Svejsning",
        after="Skriv en beskrivelse.",
        meeting_point="Den røde port.",
        clothing="Lange ærmer.",
        food="Frugt.",
        accessibility="Niveaufri adgang.",
        safety="Svejsehjelm til alle.",
        transport="Bus 3.",
        price_ore=45050,
        min_pupils=10,
    )

    page = body(client, f"/forloeb/{offer.pk}/{offer.slug}/")

    for text in (
        offer.title,
        offer.teaser,
        offer.description,
        offer.purpose,
        offer.pupil_activity,
        "Tegn et motiv.",
        "35 min.: Svejsning",
        "Skriv en beskrivelse.",
        "Den røde port.",
        "Lange ærmer.",
        "Frugt.",
        "Niveaufri adgang.",
        "Svejsehjelm til alle.",
        "Bus 3.",
        "450,50",
        "smed",
        "industritekniker",
        "Fysik/kemi",
        "Tangvig Smedie",
        "Essevej 4, 9995 Fjordby",
        f"/guide/forloeb/{offer.pk}.pdf",
    ):
        assert text in page, text
    assert page.count("<h1") == 1
    assert str(offer.contact) not in page
    assert offer.contact.email not in page


def enrol_links(page: str) -> list[str]:
    return re.findall(r'href="/tidspunkter/([0-9a-f-]+)/tilmeld/"', page)


def test_each_session_says_whether_one_can_enrol(client: Client) -> None:
    offer = OfferFactory.create()
    free = session_in(20, offer=offer, places_taken=3)
    full = session_in(21, offer=offer, places_taken=28)
    session_in(3, offer=offer)
    session_in(90, offer=offer, opens_at=in_days(10))
    session_in(22, offer=offer, state=Session.State.CANCELLED, cancel_reason="Værten er syg")
    session_in(23, offer=offer, state=Session.State.PLANNED)
    past = session_in(-9, offer=offer)

    response = client.get(f"/forloeb/{offer.pk}/{offer.slug}/")
    page = response.content.decode()

    assert [row.state for row in response.context["rows"]] == ["closed", "free", "full", "cancelled", "not_yet"]
    assert enrol_links(page) == [str(free.pk), str(full.pk)]
    assert "Værten er syg" in page
    assert str(past.pk) not in page


def test_a_full_session_without_a_waiting_list_offers_nothing(client: Client) -> None:
    offer = OfferFactory.create(has_waiting_list=False)
    session_in(21, offer=offer, places_taken=28)

    assert enrol_links(body(client, f"/forloeb/{offer.pk}/{offer.slug}/")) == []


def test_every_meeting_of_a_longer_course_is_listed(client: Client) -> None:
    offer = OfferFactory.create(meetings=3)
    session = session_in(20, offer=offer)
    for number in (2, 3):
        starts = in_days(20 + 7 * number)
        Meeting.objects.create(
            session=session,
            number=number,
            starts_at=starts,
            ends_at=starts + timedelta(hours=2),
            place=f"Lokale {number}",
        )

    page = body(client, f"/forloeb/{offer.pk}/{offer.slug}/")

    assert [place for place in ("Lokale 2", "Lokale 3") if place in page] == ["Lokale 2", "Lokale 3"]


def test_a_paused_course_says_why_and_cannot_be_enrolled_in(client: Client) -> None:
    offer = OfferFactory.create(state=Offer.State.PAUSED, pause_reason="Værkstedet bygges om til foråret.")
    session_in(20, offer=offer)

    page = body(client, f"/forloeb/{offer.pk}/{offer.slug}/")

    assert "Værkstedet bygges om til foråret." in page
    assert enrol_links(page) == []


HIDDEN = [state for state in Offer.State if state not in {Offer.State.PUBLISHED, Offer.State.PAUSED}]


@pytest.mark.parametrize("state", HIDDEN)
def test_what_is_not_public_does_not_exist_for_visitors_and_teachers(client: Client, state: str) -> None:
    offer = OfferFactory.create(state=state)

    for who in (None, UserFactory.create()):
        if who:
            client.force_login(who)
        for address in (f"/forloeb/{offer.pk}/", f"/forloeb/{offer.pk}/{offer.slug}/"):
            page = body(client, address, status=404)
            assert offer.title not in page
            assert offer.slug not in page.replace(address, "").replace(quote(address, safe=""), "")


@pytest.mark.parametrize("state", HIDDEN)
def test_a_coordinator_previews_every_state_under_a_ribbon(client: Client, state: str) -> None:
    offer = OfferFactory.create(state=state)
    session_in(20, offer=offer)
    client.force_login(CoordinatorFactory.create())

    page = body(client, f"/forloeb/{offer.pk}/{offer.slug}/")

    assert page.count('role="note"') == 1
    assert enrol_links(page) == []


@pytest.mark.parametrize("end", ["", "forkert/", "SVEJS/"])
def test_an_address_with_another_ending_moves_to_the_right_one(client: Client, end: str) -> None:
    offer = OfferFactory.create(title="Æbler & ørreder på åen")

    response = client.get(f"/forloeb/{offer.pk}/{end}")

    assert response.status_code == 301
    assert response.headers["Location"] == f"/forloeb/{offer.pk}/aebler-oerreder-paa-aaen/"


def test_a_course_that_never_was_is_not_found(client: Client) -> None:
    body(client, f"/forloeb/{uuid4()}/", status=404)
    body(client, "/forloeb/1/", status=404)


def test_what_hosts_write_stays_text(client: Client) -> None:
    offer = OfferFactory.create(title="<b>Stål</b>", description="<script>alert(1)</script>", teaser='"><img src=x>')

    for address in (f"/forloeb/{offer.pk}/{offer.slug}/", "/forloeb/"):
        page = body(client, address)
        assert "<script>alert" not in page
        assert "<b>Stål" not in page
        assert "<img src=x>" not in page


# How many questions a page asks the database


def courses(count: int) -> None:
    for _number in range(count):
        session_in(30, offer=OfferFactory.create())


@pytest.mark.parametrize("count", [1, 3, 30])
def test_the_catalogue_asks_four_questions_however_long_it_is(
    client: Client, django_assert_num_queries: Any, count: int
) -> None:
    courses(count)

    # The municipality, the vocabularies in one, the count, the page.
    with django_assert_num_queries(4):
        client.get("/forloeb/")


@pytest.mark.parametrize(("typed", "questions"), [("svejsnig", 4), ("wvejs", 5)])
def test_finding_nothing_costs_at_most_one_question_more(
    client: Client, django_assert_num_queries: Any, typed: str, questions: int
) -> None:
    for offer in OfferFactory.create_batch(3, description="Klassen lærer svejsning."):
        search.index(offer)

    # No page to fetch, but: what begins alike; only when that is no help, what resembles.
    with django_assert_num_queries(questions):
        client.get(f"/forloeb/?q={typed}&ledige=1")


def test_signing_in_costs_two_questions_more(client: Client, django_assert_num_queries: Any) -> None:
    courses(3)
    client.force_login(UserFactory.create())

    # The session and the person.
    with django_assert_num_queries(6):
        client.get("/forloeb/")


def test_a_filtered_catalogue_asks_no_more_questions(client: Client, django_assert_num_queries: Any) -> None:
    for offer in OfferFactory.create_batch(3):
        search.index(offer)
        session_in(30, offer=offer)

    with django_assert_num_queries(4):
        response = client.get("/forloeb/?q=svejs&klassetrin=8&fag=fysik-kemi&branche=industri&ledige=1&sort=dato")
    assert len(TITLE.findall(response.content.decode())) == 3


@pytest.mark.parametrize("count", [1, 3, 30])
def test_the_front_page_asks_five_questions(client: Client, django_assert_num_queries: Any, count: int) -> None:
    courses(count)

    # The municipality, how many courses, the industries, the next sessions, their courses.
    with django_assert_num_queries(5):
        client.get("/")


@pytest.mark.parametrize("count", [1, 3, 30])
def test_the_page_of_a_course_asks_six_questions_with_one_session_and_with_thirty(
    client: Client, django_assert_num_queries: Any, count: int
) -> None:
    offer = OfferFactory.create()
    for number in range(count):
        session_in(20 + number, offer=offer)

    # The municipality, the course, its subjects, its educations, its sessions, their meetings.
    with django_assert_num_queries(6):
        client.get(f"/forloeb/{offer.pk}/{offer.slug}/")


def test_a_thousand_courses_cost_as_many_questions_as_ten(client: Client, django_assert_num_queries: Any) -> None:
    pattern = OfferFactory.create()
    Offer.objects.bulk_create(
        Offer(
            company=pattern.company,
            state=Offer.State.PUBLISHED,
            title=f"Forløb {number}",
            description="Kom og se.",
            activity_type=pattern.activity_type,
            industry=pattern.industry,
            duration_minutes=60,
            places=28,
            published_at=pattern.published_at,
        )
        for number in range(999)
    )

    with django_assert_num_queries(4):
        response = client.get("/forloeb/")
    assert response.context["count"] == 1000

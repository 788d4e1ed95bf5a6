"""Finding courses by words, as Danes write and mistype them."""

import unicodedata

import pytest

from offers.domain import search
from offers.models import Offer
from portal.models import EducationArea
from tests.factories import CompanyFactory, OfferFactory

pytestmark = pytest.mark.django_db


def indexed(**facts: object) -> Offer:
    offer: Offer = OfferFactory.create(**facts)
    search.index(offer)
    return offer


def titles(text: str) -> list[str]:
    wanted = search.query(text)
    assert wanted is not None
    return list(Offer.objects.published().filter(search=wanted).order_by("title").values_list("title", flat=True))


@pytest.mark.parametrize("text", ["værksted", "værkstedet", "værksteder", "Værksted", "robot", "robotværksted"])
def test_a_compound_is_found_by_its_parts_and_their_forms(text: str) -> None:
    indexed(title="Dagen i et robotværksted", teaser="", description="Kom og se.")
    indexed(title="En dag i banken", teaser="", description="Penge og renter.")

    assert titles(text) == ["Dagen i et robotværksted"]


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Undersøg åen og dens vandløbsinsekter", "vandløb"),
        ("Elevernes virksomhedsbesøg", "besøg"),
        ("Robotværkstedsbesøget", "værksted"),
        ("Vi bygger broer", "bro"),
        ("Et brandvæsen rykker ud", "brand"),
        ("Bag kulissen på sygehuset", "sygehus"),
    ],
)
def test_words_are_found_in_what_they_are_part_of(written: str, asked: str) -> None:
    indexed(title=written, teaser="", description="Kom og se.")

    assert titles(asked) == [written]


@pytest.mark.parametrize("text", ["køkken", "koekken", "kokken", "KØKKENET", unicodedata.normalize("NFD", "køkken")])
def test_danish_letters_are_found_however_the_keyboard_writes_them(text: str) -> None:
    indexed(title="Køkkenet bag gæsterne", teaser="", description="Mad til mange.")

    assert titles(text) == ["Køkkenet bag gæsterne"]


def test_who_writes_danish_letters_means_them() -> None:
    indexed(title="Mejeriet alene i verden", teaser="", description="Ost.")
    indexed(title="Aalen og fjorden", teaser="", description="Fisk.")

    assert titles("ålen") == ["Aalen og fjorden"]


def test_every_word_must_be_found() -> None:
    indexed(title="Svejs i smedjen", teaser="", description="Stål.")
    indexed(title="Svejs på værftet", teaser="", description="Skibe.")

    assert titles("svejs værft") == ["Svejs på værftet"]
    assert titles("svejs og") == ["Svejs i smedjen", "Svejs på værftet"]


def test_a_course_is_found_by_host_town_subject_industry_kind_and_education_in_both_languages() -> None:
    company = CompanyFactory.create(name="Tangvig Smedie", city="Strandlev")
    offer = OfferFactory.create(company=company, title="Lys og stål", teaser="", description="Kom.")
    offer.education_areas.set(EducationArea.objects.filter(slug="htx"))
    search.index(offer)

    for text in ("tangvig", "strandlev", "fysik", "physics", "industri", "manufacturing", "company visit", "htx"):
        assert titles(text) == ["Lys og stål"], text


@pytest.mark.parametrize(
    ("text", "found"), [("7. klasse", ["Lys"]), ("3. klasse", []), ("udskoling", ["Lys"]), ("indskoling", [])]
)
def test_grades_and_their_bands_are_words_too(text: str, found: list[str]) -> None:
    indexed(title="Lys", grade_from=7, grade_to=9, description="Kom.")

    assert titles(text) == found


@pytest.mark.parametrize("text", ["", "   ", "!!", "og", "i på til", "___", "\u200b", "&|:*'\\()", "%_%"])
def test_a_text_without_telling_words_asks_nothing(text: str) -> None:
    assert search.query(text) is None
    assert search.suggestion(text) == ""


@pytest.mark.parametrize("text", ["a:*", "x & | !", "'; DROP TABLE", "svejs <-> stål", "é" * 9000, "ord " * 900])
def test_no_text_is_a_command(text: str) -> None:
    indexed(title="Lys", description="Kom.")

    assert titles(text) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("svejsnig", "svejsning"),
        ("robbot", "robot"),
        ("tandlægge", ""),
        ("svejsning", ""),
        ("robbot svejsnig", "robot svejsning"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_word(typed: str, meant: str) -> None:
    indexed(title="Svejsning med robot", teaser="", description="Stål og strøm.")

    assert search.suggestion(typed) == meant


def test_indexing_saves_nothing_but_the_words() -> None:
    offer = OfferFactory.create(title="Gammel titel")
    offer.title = "Ny titel"

    search.index(offer)

    offer.refresh_from_db()
    assert offer.title == "Gammel titel"
    assert "titel" in offer.words.split()


def test_a_known_compound_is_taken_apart_to_the_first_part() -> None:
    assert search.parts_of("robotværkstedsbesøget") == {"besøg", "værksted", "robot"}
    assert search.parts_of("vindmøllepark") == {"park", "vindmølle"}
    assert search.parts_of("banken") == set()

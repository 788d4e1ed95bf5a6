"""What people type is tidied in one place, and every field means the same everywhere."""

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.core.handlers.wsgi import WSGIRequest
from django.http import QueryDict
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.timezone import localtime

from offers.domain import authoring, calendar_file, guides
from portal import wsgi
from portal.domain import phone, text
from portal.domain.actor import Actor
from portal.domain.cpr import holds_cpr
from portal.forms.fields import Day, Email, Hour, Line, Moment, Phone, WebAddress, WholeNumber, Words
from portal.http import ReadableRequest
from tests import factories
from tests.conftest import TODAY


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Bla\u030abær", "Blåbær"),
        ("\u200b\u2060\ufeff\u00ad\u3164", ""),
        ("Bo\u202eDrev\u2066x\u2069", "BoDrevx"),
        ("👩🏽\u200d🏫 og 🇩🇰", "👩🏽\u200d🏫 og 🇩🇰"),
        ("a\u200db", "ab"),
        ("Z" + "\u0351" * 200, "Z" + "\u0351" * 4),
        ("En\x07 to\x85tre\u2028fire", "En to tre fire"),
        ("  To\tord \n her ", "To ord her"),
        ("\ud800x", "x"),
        ("O'Brien", "O'Brien"),
        ("Anne-Marie von der Osten Sacken", "Anne-Marie von der Osten Sacken"),
        ("Å", "Å"),
    ],
)
def test_a_line_is_kept_composed_and_without_what_cannot_be_seen(typed: str, kept: str) -> None:
    assert text.one_line(typed) == kept
    assert text.one_line(kept) == kept


def test_paragraphs_keep_their_lines() -> None:
    assert text.paragraphs(" En\r\nto\rtre\u2029fire \n") == "En\nto\ntre\nfire"


@pytest.mark.parametrize(
    ("typed", "number", "shown"),
    [
        ("12345678", "+4512345678", "12 34 56 78"),
        ("+45 12.34-56/78", "+4512345678", "12 34 56 78"),
        ("0045 12345678", "+4512345678", "12 34 56 78"),
        ("0046 70 123 45 67", "+46701234567", "+46701234567"),
    ],
)
def test_a_phone_number_is_kept_as_the_world_dials_it_and_shown_in_pairs(typed: str, number: str, shown: str) -> None:
    assert phone.normal(typed) == number
    assert phone.as_written(number) == shown


@pytest.mark.parametrize("typed", ["112", "1234567", "+45123456789", "abc", "+0123456789", "٣٣٣٣٣٣٣٣", "", "1" * 50])
def test_what_cannot_be_dialled_is_no_phone_number(typed: str) -> None:
    assert phone.normal(typed) is None


@pytest.mark.parametrize("words", ["010112-1234", "Emil 0101121234.", "310199 1234", "610112-1234", "290200–1234"])
def test_a_cpr_number_is_recognised(words: str) -> None:
    assert holds_cpr(words)


@pytest.mark.parametrize(
    "words", ["12 34 56 78", "320112-1234", "011312-1234", "4512345678", "01011212345", "FE245312"]
)
def test_other_numbers_are_no_cpr_numbers(words: str) -> None:
    assert not holds_cpr(words)


TAKEN: list[tuple[forms.Field, str, Any]] = [
    (Email(), " BO@Firma.Example ", "bo@firma.example"),
    (Email(), "bo@ærø.example", "bo@xn--r-3fa9c.example"),
    (Email(), "o'brien+skole@firma.example", "o'brien+skole@firma.example"),
    (WebAddress(), "firma.dk", "https://firma.dk"),
    (WebAddress(), "https://ærø.dk/besøg?a=1", "https://ærø.dk/besøg?a=1"),
    (WholeNumber(), " 12 ", 12),
    (WholeNumber(signed=True), "-7", -7),
    (Day(), "2026-10-05", date(2026, 10, 5)),
    (Line(), "To\nlinjer", "To linjer"),
    (Words(), "To\r\nlinjer", "To\nlinjer"),
    (Phone(), "12 34 56 78\n", "+4512345678"),
    (Phone(required=False), " ", ""),
]


@pytest.mark.parametrize(("field", "typed", "value"), TAKEN)
def test_what_is_meant_is_taken(field: forms.Field, typed: str, value: Any) -> None:
    assert field.clean(typed) == value


REFUSED: list[tuple[forms.Field, str]] = [
    (Email(), '"<script>"@b.dk'),
    (Email(), "a@[127.0.0.1]"),
    (Email(), "=cmd@b.dk"),
    (Email(), "x" * 250 + "@b.dk"),
    (Email(), "å@b.dk"),
    (Email(), "a@b.dk,c@d.dk"),
    (Email(), "a@b.dk\nBcc: c@d.dk"),
    (WebAddress(), "javascript:alert(1)"),
    (WebAddress(), "http://firma.dk"),
    (WebAddress(), "https://firma.dk@evil.example"),
    (WebAddress(), "https://firma.dk:99999/"),
    (WebAddress(), "https://127.0.0.1"),
    (WebAddress(), "https://2130706433"),
    (WebAddress(), "//evil"),
    (WholeNumber(), "1_0"),
    (WholeNumber(), "٣"),
    (WholeNumber(), "28.0"),
    (WholeNumber(), "+5"),
    (WholeNumber(), "9" * 5000),
    (Day(), "2026-02-31"),
    (Day(), "9999-12-31"),
    (Day(), "２０２６-10-05"),
    (Day(), "2026-W53-1"),
    (Hour(), "24:00"),
    (Hour(), "９:00"),
    (Moment(), "2026-03-29T02:30"),
    (Moment(), "2026-10-25T02:30"),
    (Moment(), "0001-01-01T00:00"),
    (Phone(), "112"),
    (Line(), "Emil 010112-1234"),
    (Words(), "\u200b\n "),
]


@pytest.mark.parametrize(("field", "typed"), REFUSED)
def test_what_is_not_meant_is_refused(field: forms.Field, typed: str) -> None:
    with pytest.raises(forms.ValidationError):
        field.clean(typed)


def test_a_moment_with_its_distance_from_greenwich_is_shown_back_on_copenhagens_clock() -> None:
    moment = Moment().clean("2026-10-05T07:00:00Z")

    assert localtime(moment, ZoneInfo("Europe/Copenhagen")).strftime("%d.%m.%Y %H:%M") == "05.10.2026 09:00"


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["Blåbær", "Bla\u030abær", "bla\u030abær\u200b"])
def test_a_word_is_found_however_a_keyboard_composes_it(client: Client, typed: str) -> None:
    from offers.domain import search  # noqa: PLC0415

    offer = factories.OfferFactory.create(title="Blåbær i skoven")
    search.index(offer)

    page = client.get(reverse("catalogue"), {"q": typed})

    assert [one.title for one in page.context["page"]] == ["Blåbær i skoven"]


@pytest.mark.django_db
def test_the_desk_finds_what_is_composed_otherwise() -> None:
    client = Client()
    client.force_login(factories.CoordinatorFactory.create())
    factories.SchoolFactory.create(name="Ærøskøbing Skole på Åen")

    page = client.get(reverse("admin:schools_school_changelist"), {"q": "A\u030aen"})

    assert [one.name for one in page.context["cl"].result_list] == ["Ærøskøbing Skole på Åen"]


@pytest.mark.django_db
def test_names_stand_in_the_order_of_the_danish_alphabet() -> None:
    client = Client()
    client.force_login(factories.CoordinatorFactory.create())
    for name in ("Åby", "Ørsted", "Zoo", "ærlig", "bager", "Aalborg", "Øster", "Æblegård"):
        factories.CompanyFactory.create(name=name)

    page = client.get(reverse("admin:companies_company_changelist"))

    assert [one.name for one in page.context["cl"].result_list] == [
        "Aalborg", "bager", "Zoo", "Æblegård", "ærlig", "Ørsted", "Øster", "Åby",
    ]  # fmt: skip


ODD_NAMES = ["O'Brien", "Null", "True", "N/A", "Å", "Ærøskøbing Müller", "Ib von der Osten Sacken Ærø", "FE245312"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_is_a_name_on_every_page_and_paper(name: str) -> None:
    municipality = factories.MunicipalityFactory.create()
    teacher = factories.UserFactory.create(name=name)
    school = factories.SchoolFactory.create(name=f"{name} Skole")
    factories.MembershipFactory.create(user=teacher, school=school)
    enrolment = factories.EnrolmentFactory.create(
        teacher=teacher,
        school_class=factories.SchoolClassFactory.create(school=school, letter="A"),
        session__offer__title=f"Besøg hos {name}",
        session__offer__company__name=f"{name} ApS",
    )
    client = Client()
    client.force_login(teacher)

    page = client.get(reverse("enrolment", args=[enrolment.pk]))
    entry = client.get(reverse("enrolment-calendar", args=[enrolment.pk]))
    guide = guides.for_enrolment(enrolment=enrolment, municipality=municipality, now=TODAY)

    assert name.replace("'", "&#x27;") in page.content.decode()
    assert f"Besøg hos {name}" in entry.content.decode().replace("\r\n ", "")
    assert entry["Content-Disposition"] == 'attachment; filename="7a-2026-09-29.ics"'
    assert name in [card.name for card in guide.facts.contacts]
    assert calendar_file.method_for(enrolment) == "PUBLISH"
    assert enrolment.session.offer.slug


@pytest.mark.django_db
def test_what_a_machine_writes_is_tidied_too(now: Any) -> None:
    actor = Actor.of_user(factories.CoordinatorFactory.create())
    company = factories.CompanyFactory.create()

    offer = authoring.create_offer(
        company_id=company.pk, contact_id=None, content={"title": "Bla\u030ab\u202e\nær"}, by=actor, now=now
    )

    assert offer.title == "Blåb ær"


@pytest.mark.django_db
class TestRequests:
    """What the two middlewares do to a request."""

    def test_a_session_with_a_null_byte_is_refused(self, client: Client) -> None:
        assert client.get("/", headers={"Cookie": 'session="a\\000b"'}).status_code == 400

    def test_a_body_that_is_too_big_gets_its_own_page(self, client: Client) -> None:
        page = client.post(
            reverse("account_login"), "login=" + "x" * 3_000_000, content_type="application/x-www-form-urlencoded"
        )

        assert (page.status_code, "Fejl 413" in page.content.decode()) == (413, True)

    def test_passwords_are_left_as_they_were_typed(self) -> None:
        from portal.middleware import TidyWords  # noqa: PLC0415

        typed = QueryDict(mutable=True)
        typed["password"], typed["name"] = "a\u030a\u200b", "a\u030a\u200b"

        tidied = TidyWords(lambda request: request).tidied(typed)  # type: ignore[arg-type, return-value]

        assert (tidied["password"], tidied["name"]) == ("a\u030a\u200b", "å")

    def test_a_list_beyond_its_end_does_not_exist_and_leads_back(self) -> None:
        client = Client()
        client.force_login(factories.UserFactory.create())

        page = client.get(reverse("my-enrolments"), {"page": "2"})

        assert (page.status_code, f'href="{reverse("my-enrolments")}"' in page.content.decode()) == (404, True)

    def test_the_desk_says_that_it_left_something_out(self) -> None:
        client = Client()
        client.force_login(factories.CoordinatorFactory.create())

        page = client.get(reverse("admin:portal_calendarperiod_changelist"), {"first_day__year": "9" * 30}, follow=True)

        assert page.status_code == 200
        assert "Noget i adressen blev ikke forstået og er udeladt." in page.content.decode()

    def test_rows_counted_wrongly_are_refused(self) -> None:
        client = Client()
        client.force_login(factories.CoordinatorFactory.create())

        page = client.post(reverse("admin:companies_company_add"), {"name": "X", "contacts-TOTAL_FORMS": "10000"})

        assert page.status_code == 400


def test_the_clock_of_the_field_and_of_the_calendar_agree() -> None:
    assert Moment().clean("2026-10-05T09:00") - Moment().clean("2026-10-05T08:00") == timedelta(hours=1)


@pytest.mark.parametrize("kind", ["text/plain; charset=hex", "text/plain; charset=base64"])
def test_a_request_that_django_cannot_even_make_is_made_here(kind: str) -> None:
    environ = RequestFactory()._base_environ(QUERY_STRING="q=Bl%C3%A5b%C3%A6r", CONTENT_TYPE=kind)  # type: ignore[attr-defined]

    with pytest.raises((LookupError, ValueError)):
        WSGIRequest(environ)
    assert ReadableRequest(environ).GET["q"] == "Blåbær"
    assert wsgi.application.request_class is ReadableRequest


@pytest.mark.parametrize("typed", ["ring til mig", "112", "12 34 56 78"])
def test_a_telephone_number_typed_alone_is_a_change_even_when_it_is_none(typed: str) -> None:
    assert (Phone(required=False).has_changed("", typed), Phone(required=False).has_changed("", " ")) == (True, False)


def test_the_same_number_written_otherwise_is_no_change() -> None:
    assert Phone().has_changed("+4512345678", "12345678") is False

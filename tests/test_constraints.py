"""The database has the last word: past Django it refuses what no form may let through, and names the rule."""

from datetime import datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from companies.models import Company
from portal.domain.constraints import name_of, sentence_for
from portal.middleware import FriendlyErrors
from tests import factories

pytestmark = pytest.mark.django_db

# One statement past Django, and the constraint that must stop it.
PAST_DJANGO = [
    ("UPDATE offers_enrolment SET pupils = 0", "enrolment_has_pupils_and_an_adult"),
    ("UPDATE offers_enrolment SET pupils = 61", "enrolment_has_pupils_and_an_adult"),
    ("UPDATE offers_enrolment SET adults = 0", "enrolment_has_pupils_and_an_adult"),
    ("UPDATE offers_enrolment SET places = 0", "enrolment_takes_a_place"),
    ("UPDATE offers_enrolment SET grade = 11", "enrolment_grade_is_0_to_10"),
    ("UPDATE offers_enrolment SET status = 'offered', answer_by = NULL", "enrolment_offered_a_place_has_a_deadline"),
    ("UPDATE offers_session SET places_taken = places + 1", "session_is_never_overbooked"),
    ("UPDATE offers_session SET places_taken = -1", "offers_session_places_taken_check"),
    ("UPDATE offers_session SET ends_at = starts_at", "session_ends_after_it_begins"),
    ("UPDATE offers_session SET closes_at = starts_at + interval '1 hour'", "session_closes_before_it_begins"),
    ("UPDATE offers_session SET state = 'cancelled', cancel_reason = ''", "session_cancelled_says_why"),
    ("UPDATE offers_meeting SET ends_at = starts_at", "meeting_ends_after_it_begins"),
    ("UPDATE offers_offer SET grade_from = 9, grade_to = 1", "offer_grades_are_in_order"),
    ("UPDATE offers_offer SET title = ''", "offer_published_is_whole"),
    ("UPDATE offers_offer SET title = '   '", "offer_title_is_words_on_one_line"),
    ("UPDATE offers_offer SET title = E'To\\nlinjer'", "offer_title_is_words_on_one_line"),
    ("UPDATE offers_offer SET min_pupils = 20, max_pupils = 10", "offer_group_sizes_are_in_order"),
    ("UPDATE offers_offer SET opens_days = 7, closes_days = 7", "offer_opens_before_it_closes"),
    (
        "UPDATE offers_offer SET counts_adults = true, places_counted = 'classes'",
        "offer_adults_are_counted_among_pupils",
    ),
    ("UPDATE offers_session SET min_pupils = 20, max_pupils = 10", "session_group_sizes_are_in_order"),
    ("UPDATE offers_session SET draw_at = opens_at", "session_draws_while_it_is_open"),
    ("UPDATE schools_schoolclass SET pupils = 61", "class_has_between_1_and_60_pupils"),
    ("UPDATE schools_schoolclass SET start_year = NULL", "class_is_a_cohort_or_a_group"),
    ("UPDATE schools_school SET grade_from = 9, grade_to = 1", "school_grades_are_in_order"),
    ("UPDATE schools_school SET name = E'\\t'", "school_name_is_words_on_one_line"),
    ("UPDATE companies_company SET name = ' '", "company_name_is_words_on_one_line"),
    ("UPDATE companies_company SET email = 'Info@Firma.example'", "company_email_is_in_small_letters"),
    ("UPDATE companies_contact SET name = E'Bo\\rBcc: x'", "contact_name_is_words_on_one_line"),
    ("UPDATE companies_contact SET email = 'Bo@firma.example'", "contact_email_is_in_small_letters"),
    ("UPDATE portal_user SET email = 'Bo@skole.example'", "user_email_is_in_small_letters"),
    ("UPDATE portal_user SET name = E'Bo\\nBo'", "user_name_stands_on_one_line"),
    ("UPDATE portal_municipality SET id = 2", "municipality_is_only_one"),
    ("UPDATE portal_calendarperiod SET last_day = first_day - 1", "calendar_period_ends_after_it_begins"),
]


@pytest.mark.parametrize(("statement", "name"), PAST_DJANGO)
def test_past_django_the_database_refuses(statement: str, name: str) -> None:
    factories.MunicipalityFactory.create()
    factories.EnrolmentFactory.create(session__offer__contact__company__name="Firma")

    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert name_of(refused.value) == name
    assert str(sentence_for(refused.value))


def coordinator() -> Client:
    client = Client()
    client.force_login(factories.CoordinatorFactory.create())
    return client


def test_a_name_of_blanks_is_refused_at_its_field() -> None:
    company = factories.CompanyFactory.create()

    page = coordinator().post(reverse("admin:companies_company_add"), {"name": " \u200b\t "})

    assert "name" in page.context["adminform"].form.errors
    assert Company.objects.get() == company


def test_an_address_is_kept_in_small_letters_and_as_machines_write_it() -> None:
    client = coordinator()
    form = {"name": "Ny Lærer", "email": "Ny@Ærøskole.Example", "language": "da", "is_active": "on"}
    rows = {
        f"{name}-{part}": "0"
        for name in ("memberships", "municipal_roles")
        for part in ("TOTAL_FORMS", "INITIAL_FORMS")
    }

    client.post(reverse("admin:portal_user_add"), {**form, **rows})

    assert factories.UserFactory._meta.model.objects.get(name="Ny Lærer").email == "ny@xn--rskole-oua9l.example"


@pytest.mark.parametrize("rows", [1, 2])
def test_an_address_stands_once_at_a_company_whether_it_is_new_or_known(rows: int, now: datetime) -> None:
    contact = factories.ContactFactory.create(email="bo@firma.example")
    form = {"name": contact.company.name, "kind": "company", "state": "active", "industries": ["1"]}
    counts = {"contacts-TOTAL_FORMS": str(rows), "contacts-INITIAL_FORMS": "0"}
    typed = {
        f"contacts-{row}-{name}": value
        for row in range(rows)
        for name, value in {"name": "Bo", "email": "BO@firma.example", "language": "da", "is_active": "on"}.items()
    }
    others = {f"{name}-{part}": "0" for name in ("offers", "invites") for part in ("TOTAL_FORMS", "INITIAL_FORMS")}

    page = coordinator().post(
        reverse("admin:companies_company_change", args=[contact.company.pk]), {**form, **counts, **typed, **others}
    )

    assert (page.status_code, contact.company.contacts.count()) == (200, 1)
    formsets = {one.formset.prefix: one.formset for one in page.context["inline_admin_formsets"]}
    assert list(formsets["contacts"].errors[rows - 1]) == ["email"], page.context["errors"]


def test_what_only_the_database_knows_is_told_in_words_and_what_was_typed_is_kept(rf: RequestFactory) -> None:
    factories.ContactFactory.create(email="bo@firma.example")
    request = rf.post("/", {"name": "Bodil", "password": "hemmeligt"})
    request.COOKIES.clear()

    with pytest.raises(IntegrityError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE companies_contact SET email = 'Bo@firma.example'")
    page = FriendlyErrors(lambda _request: HttpResponse()).process_exception(request, refused.value)

    assert page is not None
    said = page.content.decode()
    assert (page.status_code, "Bodil" in said, "hemmeligt" in said) == (409, True, False)
    assert "Skriv e-mailadressen med små bogstaver." in said

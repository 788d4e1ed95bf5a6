"""The database has the last word: past Django it refuses what no form may let through, and names the rule."""

from datetime import datetime

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from companies.models import Company
from portal.domain.constraints import name_of, sentence_for
from portal.middleware import FriendlyErrors
from tests import factories
from tests.one_of_each import one_of_each

pytestmark = pytest.mark.django_db


def again(table: str, **others: str) -> str:
    """Return the statement that writes a row once more, under another number, with some columns otherwise."""
    columns = ", ".join(f"'{name}', {value}" for name, value in {"id": "gen_random_uuid()", **others}.items())
    return (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(old) || jsonb_build_object("
        f"{columns}))).* FROM {table} old LIMIT 1"
    )


OTHER = "987654321"

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
    ("UPDATE portal_suppression SET address_digest = 'mette@skole.example'", "suppression_holds_a_keyed_hash"),
    (again("portal_suppression"), "suppression_is_said_once"),
    ("UPDATE portal_municipality SET id = 2", "municipality_is_only_one"),
    ("UPDATE portal_calendarperiod SET last_day = first_day - 1", "calendar_period_ends_after_it_begins"),
    ("UPDATE offers_session SET places = 0", "session_has_at_least_one_place"),
    ("UPDATE offers_session SET opens_at = closes_at", "session_opens_before_it_closes"),
    (again("offers_meeting"), "meeting_number_is_used_once"),
    (again("offers_enrolment", form_token="gen_random_uuid()"), "class_is_enrolled_once_in_a_session"),
    (
        again("offers_enrolment", form_token="gen_random_uuid()", status="'in_draw'"),
        "class_is_enrolled_once_in_a_session",
    ),
    (
        "UPDATE offers_enrolment SET status = 'waitlisted', waiting_since = NULL",
        "enrolment_in_line_knows_since_when",
    ),
    ("UPDATE offers_enrolment SET leader_answer = 'awaited'", "enrolment_is_not_confirmed_against_the_leader"),
    (
        "UPDATE offers_enrolment SET leader_answer = 'declined', status = 'pending'",
        "enrolment_declined_by_the_leader_has_ended",
    ),
    ('UPDATE offers_enrolment SET "group" = 5', "enrolment_group_is_1_to_4"),
    ("UPDATE offers_agreement SET last_day = first_day", "agreement_ends_after_it_begins"),
    (again("offers_agreementversion", id=OTHER), "agreement_version_is_used_once"),
    (again("offers_signature", id=OTHER), "signature_is_given_once_by_a_party"),
    ("UPDATE offers_offer SET meetings = 0", "offer_has_at_least_one_date"),
    ("UPDATE offers_offer SET state = 'paused', pause_reason = ''", "offer_paused_says_why"),
    (again("offers_dialogue", form_token="gen_random_uuid()"), "class_asks_once_at_a_time"),
    ("UPDATE offers_dialogue SET state = 'agreed'", "dialogue_agreed_has_an_enrolment"),
    ("UPDATE offers_dialogue SET pupils = 0", "dialogue_has_pupils_and_an_adult"),
    ("UPDATE offers_dialogue SET adults = 21", "dialogue_has_pupils_and_an_adult"),
    (again("offers_proposedtime", id=OTHER), "time_is_proposed_once_by_each_side"),
    ("UPDATE offers_proposedtime SET ends_at = starts_at", "proposed_time_ends_after_it_begins"),
    ("UPDATE offers_question SET answered_by = 'host'", "question_answered_knows_when_and_by_whom"),
    (again("offers_visitreport", id=OTHER), "visit_report_is_one_per_side"),
    ("UPDATE offers_visitreport SET pupils = 0", "visit_report_counts_who_was_there"),
    ("UPDATE offers_visitreport SET pupils = NULL", "visit_report_counts_who_was_there"),
    (again("offers_encounter"), "encounter_is_counted_once"),
    ("UPDATE offers_encounter SET voided_at = now()", "encounter_void_says_why"),
    ("UPDATE offers_encounter SET pupils = 0", "encounter_counts_pupils"),
    ("UPDATE offers_invite SET reached_step = 7", "invite_reaches_one_of_six_steps"),
    (again("offers_material", id=OTHER), "material_stands_once_in_a_course"),
    ("UPDATE offers_material SET title = ''", "material_has_a_title"),
    (again("offers_moveproposal"), "move_is_proposed_once_at_a_time"),
    ("UPDATE offers_moveproposal SET reason = ''", "move_says_why"),
    ("UPDATE offers_moveproposal SET state = 'withdrawn'", "move_that_ended_knows_when"),
    (again("offers_proposedmeeting", id=OTHER), "proposed_meeting_number_is_used_once"),
    ("UPDATE offers_proposedmeeting SET ends_at = starts_at", "proposed_meeting_ends_after_it_begins"),
    (again("offers_moveanswer", id=OTHER), "move_is_answered_once_by_each_class"),
    ("UPDATE offers_moveanswer SET answer = 'accepted'", "move_answer_knows_when"),
    (again("offers_revision", id=OTHER), "revision_number_is_used_once"),
    ("UPDATE offers_reviewcomment SET text = ''", "review_comment_says_something"),
    (again("offers_surveyrequest"), "survey_asks_each_side_once"),
    ("UPDATE offers_surveyrequest SET state = 'answered'", "survey_answered_has_a_time"),
    ("UPDATE offers_surveyrequest SET closes_at = due_at", "survey_closes_after_it_is_due"),
    (again("companies_company"), "company_has_its_cvr_number_alone"),
    (again("companies_contact"), "contact_stands_once_at_a_company"),
    ("UPDATE schools_school SET merged_into_id = id, closed_on = current_date", "school_that_merged_is_closed"),
    (again("schools_school", name="'En anden'"), "school_has_its_institution_number_alone"),
    (
        "UPDATE schools_schoolclass SET grade_from = 9, grade_to = 1 WHERE start_year IS NULL",
        "class_grades_are_in_order",
    ),
    (again("schools_schoolclass"), "cohort_stands_once_at_a_school"),
    (
        again("schools_schoolclass").replace("LIMIT 1", "WHERE start_year IS NULL LIMIT 1"),
        "group_stands_once_at_a_school",
    ),
    (again("schools_membership"), "membership_is_given_once"),
    (
        # Three rules keep it; without the other two, this one still does.
        "ALTER TABLE portal_user DROP CONSTRAINT user_email_is_in_small_letters;"
        + again("portal_user", email="upper(old.email)"),
        "user_email_is_unique_in_any_case",
    ),
    (again("portal_municipalrole", id=OTHER), "municipal_role_is_given_once"),
    (again("portal_democlock", id="2"), "demo_clock_is_only_one"),
    (again("portal_link", token_digest=f"'{'1' * 64}'"), "link_is_one_per_purpose_and_object"),
    (
        again(
            "portal_link",
            parent_id="old.id",
            token_digest=f"'{'1' * 64}'",
            holder_name="'Bo'",
            holder_address="'bo@firma.example'",
        )
        + ";"
        + again("portal_link", token_digest=f"'{'2' * 64}'", holder_address="'BO@firma.example'").replace(
            "LIMIT 1", "WHERE parent_id IS NOT NULL LIMIT 1"
        ),
        "link_is_sent_on_once_to_each_colleague",
    ),
    ("UPDATE portal_link SET holder_name = 'Bo'", "link_sent_on_knows_to_whom"),
    ("UPDATE portal_link SET token_digest = 'the token itself'", "link_digest_is_a_sha256"),
    ("UPDATE portal_message SET state = 'sent', sent_at = NULL", "message_sent_has_a_time"),
    ("UPDATE portal_message SET state = 'claimed'", "message_claimed_has_a_lease"),
    ("UPDATE portal_message SET not_after = send_at", "message_may_be_sent_before_it_is_too_late"),
    (again("portal_upload"), "upload_is_stored_once_per_owner"),
    ("UPDATE portal_upload SET digest = 'none'", "upload_digest_is_a_sha256"),
    ("UPDATE portal_upload SET format = 'exe'", "upload_is_of_a_known_format"),
    ("UPDATE portal_municipality SET keep_visit_months = 7", "municipality_keeps_nothing_too_long"),
    (again("portal_calendarperiod", id=OTHER), "calendar_period_stands_once_in_a_school_year"),
    (
        "UPDATE portal_erasure SET subject_digest = '', address_digest = ''",
        "erasure_says_whom_by_a_hash",
    ),
    (again("portal_erasurerequest"), "erasure_is_asked_for_once"),
    (again("portal_legalhold"), "legal_hold_is_one_per_person"),
    ("UPDATE portal_legalhold SET reason = ''", "legal_hold_says_why"),
    ("UPDATE portal_signincode SET is_mailed = true, same_as_id = id", "sign_in_code_is_mailed_or_shared_but_not_both"),
    ("UPDATE portal_subject SET grade_from = 9, grade_to = 1", "subject_grades_are_in_order"),
    (again("portal_industrycode", id=OTHER), "industry_code_belongs_to_one_industry"),
]


def test_every_constraint_that_has_a_name_is_tried_past_django() -> None:
    named = {
        constraint.name
        for model in apps.get_models()
        if model._meta.app_label in {"portal", "companies", "schools", "offers"}
        for constraint in model._meta.constraints
    }
    assert named - {name for _, name in PAST_DJANGO} == set()


def refused(statement: str) -> tuple[str, str]:
    """Return the name of what refuses a statement, and its sentence; nothing where it passes. It is taken back."""
    with transaction.atomic():
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
        except IntegrityError as error:
            return name_of(error), str(sentence_for(error))
        transaction.set_rollback(True)
    return "", ""


def test_past_django_the_database_refuses_by_name_and_with_a_sentence() -> None:
    one_of_each()

    answers = [(statement, *refused(statement)) for statement, _name in PAST_DJANGO]

    assert [(statement, name) for statement, name, _sentence in answers] == PAST_DJANGO
    assert all(sentence for _statement, _name, sentence in answers)


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

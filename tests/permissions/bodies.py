"""Valid bodies: what an allowed role sends, and which table must be written by it.

One entry per route, per page, deed and action of the desk (``BODIES``), and per use-case (``CALLS``). The same valid
body is sent by those who may not, so that nothing but permission can refuse them.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from inspect import isfunction
from typing import Any
from uuid import uuid4

import pikepdf
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from companies.models import Company
from offers.admin.offer import SeriesForm
from offers.domain.dialogue import DialogueRequest
from offers.domain.enrolment import Together
from offers.domain.rules import EnrolmentRequest
from portal.domain.calendar import local_day
from portal.domain.suppressions import Choice
from portal.domain.tables import rows_of
from portal.domain.uploads import SafeFile
from schools.domain.imports import KINDS_OF_TABLES
from schools.models import School
from tests.permissions.world import NOW, World

Data = Callable[[World, str, str], Mapping[str, Any]]
Words = Callable[[World, str], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Body:
    """What is sent, which tables it must write, and (at the desk) about which row of the world.

    ``fills``: the data stand over the form as the administrator finds it. A key ``?`` is the query of the address.
    """

    data: Data
    changes: tuple[str, ...] = ()
    about: str = ""
    fills: bool = False
    spares: tuple[str, ...] = ()  # tables that nobody may write in this way (``table but for group``)


BODIES: dict[str, Body] = {}
CALLS: dict[str, Words] = {}


def sends(
    name: str, /, *changes: str, about: str = "", fills: bool = False, spares: tuple[str, ...] = (), **data: Any
) -> None:
    """Say what is sent to a route or a page of the desk (``list:action`` for an action on several rows).

    Values may be functions of the world.
    """

    def made(world: World, role: str, thing: str) -> dict[str, Any]:
        return {key: value(world) if callable(value) else value for key, value in data.items()}

    BODIES[name] = Body(data=made, changes=changes, about=about, fills=fills, spares=spares)


def body(name: str, *changes: str, about: str = "") -> Callable[[Data], Data]:
    """Register a function of world, role and object that returns what is sent."""

    def register(data: Data) -> Data:
        BODIES[name] = Body(data=data, changes=changes, about=about)
        return data

    return register


def call(name: str) -> Callable[[Words], Words]:
    """Register how a use-case is called (all words but ``by`` and ``now``)."""

    def register(words: Words) -> Words:
        CALLS[name] = words
        return words

    return register


# --- What is public, and links -------------------------------------------------------------------------------------

sends("set_language", language="en")
sends("link-landing", "portal_link")


@body("unsubscribe", "portal_suppression", "portal_auditentry")
def one_click(world: World, role: str, thing: str) -> dict[str, Any]:
    return {"List-Unsubscribe": "One-Click"}


# --- Teachers ------------------------------------------------------------------------------------------------------


@body("enrol", "offers_enrolment", "offers_session", "portal_message")
def enrol(world: World, role: str, thing: str) -> dict[str, Any]:
    """A class of the own school; the other side's for those elsewhere, and the wrong one where that is asked."""
    at = world.at
    elsewhere = role in {"teacher_elsewhere", "leader_elsewhere"}
    own, foreign = (at.klass_elsewhere, at.klass) if elsewhere else (at.klass, at.klass_elsewhere)
    chosen = foreign if thing == "foreign class" else own
    more = {"more": [at.new_class.pk], f"more-{at.new_class.pk}": 18} if thing == "several classes" else {}
    return {
        **more,
        "?": f"?skole={at.school.pk}",
        "school_class": chosen.pk,
        "teacher": world.people["teacher_elsewhere" if elsewhere else "teacher"].pk,
        "pupils": 20,
        "adults": 2,
        "form_token": "6f0d7f4e-0f0b-4a63-9d0c-0d8a4a5d7a11",
    }


sends("enrolment-change", "offers_enrolment", "offers_session", pupils=20, adults=3)
sends("enrolment-cancel", "offers_enrolment", "offers_session", reason="Udflugt")
sends("enrolment-undo", "offers_enrolment", "offers_session", "portal_auditentry")
sends("enrolment-ask", "offers_enrolment", "portal_auditentry", reason="Halvdelen er syge.")
sends("my-calendar", "portal_link", action="renew")


@body("enrolment-hand-over", "offers_enrolment", "portal_message")
def hand_over(world: World, role: str, thing: str) -> dict[str, Any]:
    return {"teacher": world.people["leader_elsewhere" if thing == "foreign" else "colleague"].pk}


sends("enrolment-place", "offers_enrolment", answer="yes")
sends("enrolment-move", "offers_moveanswer", answer="stay")
sends("enrolment-rebook", "offers_enrolment")


@body("enrolment-report", "offers_visitreport")
def enrolment_report(world: World, role: str, thing: str) -> dict[str, Any]:
    row = world.at.past_elsewhere if thing == "foreign" else world.at.past
    return {"meeting_id": row.session.meetings.get().pk, "outcome": "held"}


# --- Companies, by link --------------------------------------------------------------------------------------------

sends("link-invite", "offers_invite")
sends("builder-step", "offers_offer", during="Rundvisning, svejsning, oprydning.", version=1)
sends("builder-submit", "offers_offer", "portal_message")
sends("host-cancel", "offers_session", "offers_enrolment", "portal_message", reason="Maskinen er i stykker.")
sends("host-cancel-date", "offers_session", "offers_meeting", "portal_message", reason="Maskinen er i stykker.")
MOVED: dict[str, Any] = {"day_1": "2026-10-06", "begins_1": "09:00", "ends_1": "11:00", "reason": "Ombygning"}
sends("host-move", "offers_moveproposal", "portal_message", **MOVED)
sends("host-move-withdraw", "offers_moveproposal", "portal_message")
sends(
    "host-dates",
    "offers_session",
    "offers_meeting",
    day_1="2026-10-06",
    begins_1="09:00",
    minutes="120",
    places="28",
    weeks="1",
)
sends("host-answer", "offers_enrolment", "portal_message", answer="yes")


@body("dialogue-ask", "offers_dialogue", "offers_proposedtime", "portal_message")
def ask_for_a_time(world: World, role: str, thing: str) -> dict[str, Any]:
    """A class of the own school: one that has not asked for this course yet, or the teacher's, which has."""
    elsewhere = role in {"teacher_elsewhere", "leader_elsewhere"}
    here = world.at.klass if thing == "asked already" else world.at.new_class
    return {
        "school_class": (world.at.klass_elsewhere if elsewhere else here).pk,
        "adults": 2,
        "day_1": "2026-10-06",
        "begins_1": "09:00",
        "form_token": "1bb7a4d5-8a57-4a0c-9d3f-3d2b6b7d4c55",
    }


sends("dialogue-reply", "offers_dialogue", "offers_dialogueentry", "portal_message", text="Gerne om tirsdagen.")
sends("dialogue-accept", "offers_dialogue", "offers_session", "offers_enrolment", "portal_message")
sends("dialogue-withdraw", "offers_dialogue", "portal_message", reason="")
sends("host-dialogue-reply", "offers_dialogue", "offers_dialogueentry", "portal_message", text="Gerne om tirsdagen.")
sends("host-dialogue-accept", "offers_dialogue", "offers_session", "offers_enrolment", "portal_message")
sends("host-dialogue-not-now", "offers_dialogue", "portal_message", reason="Vi flytter.")
sends("question-ask", "offers_question", text="hvor lang tid?", form_token="2bb7a4d5-8a57-4a0c-9d3f-3d2b6b7d4c55")
sends("host-question", "offers_question", "portal_message", text="To timer.")
sends("offers_dialogue_agree", "offers_dialogue", "offers_enrolment", time=lambda world: world.at.time_of_host.pk)
sends("offers_dialogue_answer", "offers_dialogue", "offers_dialogueentry", on_behalf="host", text="Gerne om tirsdagen.")
sends("offers_dialogue_not_now", "offers_dialogue", "portal_message", reason="Vi flytter.")
sends("offers_dialogue_take_back", "offers_dialogue", "portal_message", reason="")
sends("offers_question_reply", "offers_question", "portal_message", text="To timer.")


@body("host-report", "offers_visitreport")
def host_report(world: World, role: str, thing: str) -> dict[str, Any]:
    row = world.at.past_elsewhere if thing in {"foreign", "crossed"} else world.at.past
    return {"meeting_id": row.session.meetings.get().pk, "outcome": "held"}


ANSWERS: dict[str, Any] = {"fit": "5", "active": "4", "preparation": "3", "practical": "4", "again": "yes"}
sends("link-survey", "offers_surveyrequest", **ANSWERS)

sends("builder-files", "offers_offer", action="remove-picture")
COLLEAGUE: dict[str, Any] = {"name": "Ny Kollega", "email": "ny.kollega@firma.example"}
sends("builder-share", "portal_link", "portal_message", **COLLEAGUE)
sends("host-share", "portal_link", "portal_message", **COLLEAGUE)
sends("host-share (another's colleague)", "portal_link", withdraw=lambda world: world.at.child_elsewhere.pk)
sends("host-data-take", "portal_auditentry")
sends("host-data-mails", "portal_suppression", kind="surveys", wanted="no")
sends("host-data-erase", "portal_erasurerequest", "portal_message")
sends("host-needs", "portal_auditentry")
sends("link-again", "portal_message")
sends("school-answer", "offers_enrolment", answer="yes")
sends("school-approval", "schools_school", school=lambda world: world.at.school.pk, demanded="yes")
sends("my-account", "schools_membership", school=lambda world: world.at.school.pk, role="teacher")
sends("school-member-confirm", "schools_membership", "portal_message")
sends("school-member-refuse", "schools_membership", "portal_message")
sends("my-data-take", "portal_auditentry")
sends("my-data-mails", "portal_suppression", kind="surveys", wanted="no")
sends("my-data-erase", "portal_erasurerequest", "portal_message")
sends("mfa_deactivate_totp", "mfa_authenticator")
sends("mfa_generate_recovery_codes", "mfa_authenticator")

# --- Accounts ------------------------------------------------------------------------------------------------------

sends("account_logout")

# --- The desk: which row each list's pages are about, and what is sent ----------------------------------------------

ROWS = {
    "companies_company": "company",
    "offers_agreement": "agreement",
    "offers_dialogue": "talk",
    "offers_encounter": "encounter",
    "offers_enrolment": "enrolment",
    "offers_invite": "invite",
    "offers_offer": "published",
    "offers_question": "question",
    "offers_session": "session",
    "offers_surveyrequest": "survey",
    "offers_visitreport": "report",
    "portal_auditentry": "entry",
    "portal_calendarperiod": "period",
    "portal_heartbeat": "heartbeat",
    "portal_message": "message",
    "portal_municipality": "municipality",
    "portal_activitytype": "activity_type",
    "portal_educationarea": "education_area",
    "portal_industry": "industry",
    "portal_subject": "subject",
    "portal_user": "person",
    "schools_school": "school",
    "schools_schoolclass": "klass",
    "schools_membership": "waiting_role",
    "companies_contact": "contact",
    "portal_link": "link",
    "portal_erasurerequest": "asked",
    "portal_erasure": "erasure",
    "portal_legalhold": "hold",
}

# Every list can be taken out as a file; that it was stands in the log.
for listing in ROWS:
    sends(f"{listing}_export", "portal_auditentry", form="csv")
    sends(f"{listing}:export_chosen", "portal_auditentry", form="csv")

WORD: dict[str, Any] = {"slug": "nyt-ord", "name": "Nyt ord", "name_en": "New word"}
for word in ("activitytype", "educationarea", "industry", "subject"):
    sends(f"portal_{word}_add", f"portal_{word}", fills=True, **WORD)
    sends(f"portal_{word}_change", f"portal_{word}", fills=True, name="Andet ord")
sends("portal_municipality_change", "portal_municipality", fills=True, name="Fjordby")
FREE_DAY: dict[str, Any] = {
    "name": "Lukket",
    "first_day": "2027-03-01",
    "last_day": "2027-03-02",
    "school_year": "2026",
}
sends("portal_calendarperiod_add", "portal_calendarperiod", fills=True, kind="closing_day", **FREE_DAY)
sends("portal_calendarperiod_change", "portal_calendarperiod", fills=True, name="Omdøbt")
sends("portal_calendarperiod_delete", "portal_calendarperiod", post="yes")
sends("portal_user_add", "portal_user", fills=True, name="Ny Person", email="ny@skole.fjordby.example")
# Roles in the municipality are given and taken by administrators alone; those at schools end by a deed.
SLIPPED_IN: dict[str, Any] = {"municipal_roles-0-DELETE": "on", "memberships-0-role": "leader"}
sends(
    "portal_user_change",
    "portal_user",
    about="second_reviewer",
    fills=True,
    spares=("portal_municipalrole but for administrator", "schools_membership"),
    name="Andet Navn",
    **SLIPPED_IN,
)
sends("portal_user_change (of an administrator)", "portal_user", about="head", fills=True, name="Andet Navn")
sends(
    "portal_user_change_address (of an administrator)",
    "portal_user",
    about="head",
    email="andet@skole.fjordby.example",
)
sends("schools_school_add", "schools_school", fills=True, name="Ny Skole")
sends("schools_school_change", "schools_school", fills=True, name="Omdøbt Skole")
sends(
    "schools_schoolclass_add",
    "schools_schoolclass",
    fills=True,
    school=lambda world: world.at.school.pk,
    start_year="2020",
    letter="X",
)
for listing, table in (
    ("schools_school", "table_of_schools"),
    ("schools_schoolclass", "table_of_classes"),
    ("portal_user", "table_of_teachers"),
):
    sends(f"{listing}_import_report", "portal_pendingtable", about=table, give_up="1")
HEADS = {"schools_school": "Navn", "schools_schoolclass": "Skole;Klasse", "portal_user": "Navn;E-mail;Skole"}


def _table(heads: str) -> Callable[[World], Any]:
    cells = ";".join("Ny" for _ in heads.split(";"))
    return lambda _world: SimpleUploadedFile("ny.csv", f"{heads}\r\n{cells}\r\n".encode(), content_type="text/csv")


for listing, heads in HEADS.items():
    sends(f"{listing}_import", "portal_pendingtable", file=_table(heads))
sends(
    "schools_school_enrol",
    school_class=lambda world: world.at.klass.pk,
    session=lambda world: world.at.session_to_enrol.pk,
)
sends(
    "schools_school_ask_for_a_time",
    "offers_dialogue",
    "offers_proposedtime",
    "portal_message",
    offer=lambda world: world.at.by_agreement.pk,
    school_class=lambda world: world.at.new_class.pk,
    teacher=lambda world: world.people["colleague"].pk,
    adults="2",
    day_1=(NOW + timedelta(days=28)).strftime("%Y-%m-%d"),
    begins_1="09:00",
    form_token=lambda _world: uuid4(),
)
sends("schools_school_close", "schools_school", about="empty_school", on="2027-08-01")
sends(
    "schools_school_merge",
    "schools_school",
    about="empty_school",
    into=lambda world: world.at.school.pk,
    looked_over=lambda world: world.at.school.pk,
)
sends("schools_school_reopen", "schools_school", about="closed_school")
sends("schools_membership_confirm", "schools_membership", "portal_message")
sends("schools_membership_confirm (long after signing in)", "schools_membership", about="leader_to_be")
sends("schools_membership_refuse", "schools_membership", "portal_message")
sends("schools_membership:confirm_several", "schools_membership", "portal_message")
sends("portal_user_change_address", "portal_user", "portal_message", email="andet@skole.fjordby.example")
sends("portal_user_give_role", "schools_membership", school=lambda world: world.at.school.pk, role="ambassador")
sends(  # who leaves has no talk of the own, and hands nobody else's over
    "portal_user_leave",
    "schools_membership",
    spares=("offers_dialogue",),
    school=lambda world: world.at.school.pk,
)
sends("portal_user_reopen", "portal_user", about="resting")
sends("portal_user_take_off_factor", "mfa_authenticator", "portal_message", about="forgetful")
HOLD: dict[str, Any] = {"reason": "En klage", "until": "2027-01-01"}
for listing, held, idle in (
    ("portal_user", "resting", "person"),
    ("companies_contact", "second_contact", "idle_contact"),
):
    sends(f"{listing}_hand_out_data", "portal_auditentry", form="json")
    sends(f"{listing}_hold_back", "portal_legalhold", **HOLD)
    sends(f"{listing}_lift_hold", "portal_legalhold", about=held)
    sends(f"{listing}_erase_person", "portal_erasure", about=idle)
sends("companies_contact_leaves", "companies_contact", "portal_link")
sends("portal_erasurerequest_erase_person", "portal_erasure")
sends("portal_erasurerequest_answered", "portal_erasurerequest")
sends("portal_link_withdraw", "portal_link")
sends("portal_link_renew", "portal_link", "portal_message")
sends("portal_municipality_change_logo", "portal_municipality", remove="on")
sends("companies_company_change_relation", "companies_company", state="resting")
sends("companies_company:rest_several", "companies_company")
sends("companies_company:invite_several", "offers_invite", "portal_message")
sends("schools_schoolclass_change", "schools_schoolclass", fills=True, pupils="19")
TRADE: dict[str, Any] = {"industries": lambda world: world.at.industry.pk}
sends("companies_company_add", "companies_company", fills=True, name="Ny Virksomhed", **TRADE)
sends(  # contacts are not deleted, whatever is sent
    "companies_company_change",
    "companies_company",
    fills=True,
    spares=("companies_contact",),
    name="Omdøbt Virksomhed",
    **TRADE,
    **{"contacts-0-DELETE": "on"},
)
sends(
    "companies_company_invite",
    "offers_invite",
    "portal_message",
    contact=lambda world: world.at.contact.pk,
)
sends("companies_company_write", "offers_offer", title="Et nyt forløb")

sends("offers_offer_change", "offers_offer", fills=True, title="Et andet navn")
sends("offers_offer_change (under review)", "offers_offer", about="submitted", fills=True, title="Et andet navn")
sends("offers_offer_write", "offers_offer", company=lambda world: world.at.company.pk, title="Et nyt forløb")
sends("offers_offer_publish", "offers_offer", "portal_message", about="submitted")
sends("offers_offer_send_back", "offers_reviewcomment", "portal_message", about="submitted", text_1="Skriv mere.")
sends("offers_offer_reject", "offers_offer", "portal_message", about="submitted", reason="Det passer ikke.")
sends("offers_offer_pause", "offers_offer", reason="Ombygning")
sends("offers_offer_resume", "offers_offer", about="paused")
sends("offers_offer_confirm_fresh", "offers_offer")
sends("offers_offer_archive", "offers_offer", about="bare")
sends("offers_offer_clone", "offers_offer")
SINGLE: dict[str, Any] = {"day_1": "2026-10-06", "time_1": "09:00", "minutes": "120", "places": "28"}
sends("offers_offer_plan_session", "offers_session", "offers_meeting", **SINGLE)
SERIES: dict[str, Any] = {"first_day": "2026-10-06", "starts": "09:00", "weeks": "2", "minutes": "120", "places": "28"}


def _seal(world: World) -> str:
    form = SeriesForm(SERIES)
    return form.seal() if form.is_valid() else ""


sends("offers_offer_plan_series", "offers_session", "offers_meeting", seal=_seal, **SERIES)
sends("offers_offer:publish_several", "offers_offer", "portal_message", about="submitted")

sends("offers_offer:pause_several", "offers_offer", reason="Ombygning")
sends("offers_offer:resume_several", "offers_offer", about="paused")
sends("offers_offer:confirm_several", "offers_offer")
sends("offers_offer:archive_several", "offers_offer", about="bare")


@cache
def _bytes(kind: str) -> bytes:
    """Return a picture or a document; drawn and printed once."""
    made = io.BytesIO()
    if kind == "picture":
        Image.new("RGB", (900, 600), "#336699").save(made, "PNG")
    else:
        paper = pikepdf.new()
        paper.add_blank_page()
        paper.save(made)
    return made.getvalue()


def _drawn(world: World) -> SimpleUploadedFile:
    return SimpleUploadedFile("billede.png", _bytes("picture"), content_type="image/png")


def _printed(world: World) -> SimpleUploadedFile:
    return SimpleUploadedFile("ark.pdf", _bytes("document"), content_type="application/pdf")


sends("offers_offer_choose_picture", "offers_offer", "portal_upload", picture=_drawn, alt_text="En smed")
sends("offers_offer_add_material", "offers_material", "portal_upload", document=_printed, title="Et ark")
sends("offers_offer_remove_files", "offers_offer", files="picture")
sends("offers_session:cancel_several", "offers_session", "offers_enrolment", "portal_message", reason="Sygdom")
sends("offers_session:shift_several", "offers_session", "offers_meeting", days="7", agreed="on")
sends(
    "offers_session_move",
    "offers_session",
    "offers_meeting",
    "portal_message",
    day_1="2026-10-06",
    begins_1="09:00",
    ends_1="11:00",
    agreed="on",
)
sends("offers_session_propose_move", "offers_moveproposal", "portal_message", **MOVED)
sends("offers_session_carry_out_move", "offers_moveproposal", "offers_session", about="asked_session")
sends("offers_session_withdraw_move", "offers_moveproposal", "portal_message", about="asked_session")
sends(
    "offers_session_cancel_date",
    "offers_meeting",
    "portal_message",
    meeting=lambda world: world.at.session.meetings.get().pk,
    reason="Sygdom",
)
sends("offers_session_change", "offers_session", fills=True, note="Husk madpakke")
sends("offers_session_change_places", "offers_session", places="90")
sends(
    "offers_session_change_enrolling",
    "offers_session",
    opens_at="2026-09-01T08:00",
    closes_at="2026-09-15T12:00",
    min_pupils="",
    max_pupils="24",
)
sends("offers_session_cancel", "offers_session", "offers_enrolment", "portal_message", reason="Sygdom")

sends("offers_enrolment_approve", "offers_enrolment", "portal_message", about="pending")
sends("offers_enrolment_decline", "offers_enrolment", "portal_message", about="pending", reason="Fuldt hus")
sends(
    "offers_enrolment_still_expected", "offers_enrolment", "portal_message", about="asking", why="prepared", reason=""
)
sends("offers_enrolment:approve_several", "offers_enrolment", "portal_message", about="pending")
sends("offers_enrolment_change_numbers", "offers_enrolment", pupils="20", adults="2")
sends("offers_enrolment_cancel", "offers_enrolment", "portal_message", reason="Klassen kan ikke")
sends(
    "offers_enrolment_decide",
    "offers_visitreport",
    about="past",
    meeting=lambda world: world.at.session_past.meetings.get().pk,
    outcome="held",
)
sends("offers_enrolment_undo", "offers_enrolment", "offers_encounter", about="told", reason="Forkert klasse")

sends("offers_enrolment:decline_several", "offers_enrolment", "portal_message", about="pending", reason="Fuldt hus")
sends("offers_enrolment:cancel_several", "offers_enrolment", "portal_message", reason="Udflugt")
sends("offers_enrolment_give_place", "offers_enrolment", "portal_message", about="waiting")
sends(
    "offers_enrolment_hand_over",
    "offers_enrolment",
    "portal_message",
    teacher=lambda world: world.people["colleague"].pk,
)
sends("offers_enrolment_read_needs", "portal_auditentry")
sends("offers_invite:resend_several", "portal_link", "portal_message")
sends("offers_invite:revoke_several", "offers_invite", "portal_link")
sends("offers_invite_resend", "portal_link", "portal_message")
sends("offers_invite_revoke", "offers_invite", "portal_link")

WORDS: dict[str, Any] = {"purpose": "Mål", "roles": "Roller"}
sends(
    "offers_agreement_draft",
    "offers_agreement",
    company=lambda world: world.at.company.pk,
    school=lambda world: world.at.school.pk,
    title="Ny aftale",
    first_day="2026-10-01",
    last_day="2027-06-01",
    visits_per_year="2",
    **WORDS,
)
sends("offers_agreement_sign", "offers_signature", party="school", job_title="Skoleleder")
sends("offers_agreement_change_text", "offers_agreementversion", **WORDS)
sends("offers_agreement_end", "offers_agreement")

sends("portal_message_send_again", "portal_message")
sends("portal_message:send_several_again", "portal_message")

# --- Use-cases -----------------------------------------------------------------------------------------------------


def calls(name: str, /, **words: Any) -> None:
    """Say how a use-case is called; values may be functions of the world."""

    def made(world: World, role: str) -> dict[str, Any]:
        return {key: value(world) if isfunction(value) else value for key, value in words.items()}

    CALLS[name] = made


def of(name: str, attribute: str = "pk") -> Callable[[World], Any]:
    """Return a function that finds one of the world's things."""
    return lambda world: getattr(getattr(world.at, name), attribute)


@call("offers.enrolment.enrol_class")
def enrol_class(world: World, role: str) -> dict[str, Any]:
    asked = EnrolmentRequest(school_class=world.at.klass, pupils=20, adults=2, teacher=world.people["teacher"])
    return {"session_id": world.at.session_to_enrol.pk, "request": asked}


@call("offers.enrolment.enrol_classes")
def enrol_classes(world: World, role: str) -> dict[str, Any]:
    asked = EnrolmentRequest(school_class=world.at.klass, pupils=20, adults=2, teacher=world.people["teacher"])
    at = world.at.session_to_enrol.pk
    return {"session_id": at, "requests": [asked], "together": Together.ALL_OR_NONE}


@call("offers.enrolment.enrol_class (with a contact teacher from elsewhere)")
def enrol_for_a_stranger(world: World, role: str) -> dict[str, Any]:
    asked = EnrolmentRequest(
        school_class=world.at.klass, pupils=20, adults=2, teacher=world.people["teacher_elsewhere"]
    )
    return {"session_id": world.at.session_to_enrol.pk, "request": asked}


@call("offers.enrolment.enrol_class (below grade 7)")
def enrol_small(world: World, role: str) -> dict[str, Any]:
    asked = EnrolmentRequest(
        school_class=world.at.small_class, pupils=20, adults=2, even_if_grade=True, teacher=world.people["teacher"]
    )
    return {"session_id": world.at.session_to_enrol.pk, "request": asked}


def _held(world: World, role: str) -> dict[str, Any]:
    return {"link_id": world.links[role][0][0].pk}


CALLS["portal.links.use"] = CALLS["portal.links.send_again"] = _held
calls(
    "portal.suppressions.choose", secret=lambda _world: Choice.of("mette@skole.example", "surveys").token, wanted=False
)
calls("portal.links.send_on", link_id=of("link"), name="Ny Kollega", to="ny.kollega@firma.example")
calls("portal.links.withdraw", link_id=of("link"))
calls("portal.links.withdraw (of a colleague's link)", link_id=of("child"))
calls("portal.links.renew", link_id=of("link"))
calls("offers.approval.answer_for_school", enrolment_id=of("awaiting"), approve=True)
calls("offers.handover.hand_over", enrolment_id=of("enrolment"), teacher_id=lambda world: world.people["colleague"].pk)
calls(
    "offers.handover.hand_over (to a teacher from elsewhere)",
    enrolment_id=of("enrolment"),
    teacher_id=lambda world: world.people["teacher_elsewhere"].pk,
)
calls("offers.needs.read_needs", enrolment_id=of("enrolment"))
calls("offers.needs.read_needs (awaiting its leader)", enrolment_id=of("awaiting"))
TIMES = [(NOW + timedelta(days=28), NOW + timedelta(days=28, hours=2))]
calls("offers.moving.propose_move", session_id=of("session"), starts=TIMES, reason="Ombygning")
calls("offers.moving.answer_move", enrolment_id=of("moving"), stay=True)
calls("offers.moving.withdraw_move", proposal_id=of("proposal"))
calls("offers.moving.carry_out_move", proposal_id=of("proposal"))
calls("offers.planning.cancel_meeting", meeting_id=lambda world: world.at.session.meetings.get().pk, reason="Sygdom")
calls("offers.moving.move_session", session_id=of("session_to_enrol"), starts=TIMES)
calls("offers.moving.move_session (of a class, as agreed)", session_id=of("session"), starts=TIMES, agreed=True)
calls("offers.authoring.edit_offer (under review)", offer_id=of("submitted"), content={"title": "Nyt"}, version=1)
calls("companies.relations.change_relation", company_id=of("company"), state=Company.State.RESTING)
calls("offers.contacts.contact_leaves", contact_id=of("contact"))
calls("offers.handover.begin_role", user_id=of("person"), school_id=of("school"), role="ambassador")
calls("offers.handover.leave_school", user_id=of("person"), school_id=of("school"))
calls("offers.school.close_school", school_id=of("empty_school"), on=date(2027, 8, 1))
calls("offers.school.merge_schools", school_id=of("empty_school"), into_id=of("school"))
calls("schools.school.reopen_school", school_id=of("closed_school"))
calls("schools.approval.demand_approval", school_id=of("school"), demanded=True)
calls("schools.membership.ask_for", school=lambda world: world.at.school, role="teacher")
calls("schools.membership.confirm_membership", membership_id=of("waiting_role"))
calls("schools.membership.confirm_membership (a leader's own)", membership_id=of("role_of_leader"))
calls("schools.membership.refuse_membership", membership_id=of("waiting_role"))
calls("portal.people.change_address", user_id=of("person"), email="andet@skole.fjordby.example")
calls(
    "portal.people.change_address (of an administrator)",
    user_id=lambda world: world.people["administrator"].pk,
    email="andet@skole.fjordby.example",
)
calls("portal.people.reopen_account", user_id=of("resting"))
calls("portal.people.take_off_factor", user_id=of("forgetful"))
calls("portal.uploads.change_logo", file=None)
calls("portal.outbox.resend", message_id=of("message"))
calls("portal.exports.note_export", of=School, count=1, form="csv", persons=False, chosen=False)
calls("portal.tables.keep_table", kind="schools", filename="a.csv", rows=[], unused=[], end_missing=False)
calls("portal.tables.give_up_table", table_id=of("table_of_schools"))


@call("schools.imports.import_table (of who was a coordinator)")
def import_of_another(world: World, role: str) -> dict[str, Any]:
    return {**import_table(world, role), "table_id": world.at.table_of_demoted.pk}


@call("schools.imports.import_table")
def import_table(world: World, role: str) -> dict[str, Any]:
    table = world.at.table_of_schools
    plan = KINDS_OF_TABLES["schools"].look_over(rows_of(table), end_missing=False, today=local_day(NOW))
    return {"table_id": table.pk, "seal": plan.report.seal}


ABOUT: dict[str, Any] = {"kind": "user", "subject_id": of("person")}
calls("portal.privacy.ask_for_erasure", **ABOUT)
calls("portal.privacy.hand_out", form="json", **ABOUT)
calls("portal.privacy.erase_person", **ABOUT)
calls("portal.privacy.set_hold", reason="En klage", until=date(2027, 1, 1), **ABOUT)
calls("portal.privacy.lift_hold", kind="user", subject_id=of("resting"))
calls("portal.privacy.settle_request", request_id=of("asked"))
calls("offers.material.remove_picture", offer_id=of("draft"))
calls("offers.material.remove_material", offer_id=of("draft"), material_id=1)


def _safe(kind: str) -> Callable[[World], Any]:
    """Return a file as it is after it was examined."""
    form = {"picture": "jpg", "document": "pdf"}[kind]
    return lambda _world: SafeFile(
        kind=kind, format=form, name=f"ny.{form}", content=b"ny", digest="f" * 64, width=640, height=360
    )


calls("offers.material.choose_picture", offer_id=of("draft"), file=_safe("picture"), alt_text="")
calls("offers.material.add_material", offer_id=of("draft"), file=_safe("document"), title="Et ark")


calls("offers.enrolment.cancel_enrolment (without a teacher)", enrolment_id=of("orphan"))
calls("offers.cancelling.ask_to_cancel", enrolment_id=of("late"), reason="Halvdelen er syge.")
calls("offers.cancelling.decline_to_cancel", enrolment_id=of("asking"), reason="Værten har købt ind.")
calls("offers.cancelling.undo_cancellation", enrolment_id=of("cancelled"))
calls("offers.cancelling.undo_cancellation (by the municipality)", enrolment_id=of("cancelled_above"))
calls("offers.cancelling.undo_cancellation (of more than a class may have)", enrolment_id=of("beyond_limit"))
calls("offers.calendar_feed.make_feed")
calls("offers.calendar_feed.renew_feed")
calls("offers.calendar_feed.withdraw_feed")
calls("offers.enrolment.cancel_enrolment", enrolment_id=of("enrolment"), reason="")
calls("offers.enrolment.cancel_enrolment (after the deadline)", enrolment_id=of("late"))
calls("offers.dialogue.reply", dialogue_id=of("talk"), text="Gerne om tirsdagen.")
calls("offers.dialogue.agree", dialogue_id=of("talk"), time_id=of("time_of_host"))
calls("offers.dialogue.agree (on the class's own time)", dialogue_id=of("talk"), time_id=of("time_of_teacher"))
calls(
    "offers.dialogue.agree (on more than a class may have)",
    dialogue_id=of("talk_beyond_limit"),
    time_id=of("time_beyond_limit"),
)
calls("offers.dialogue.say_not_now", dialogue_id=of("talk"), reason="Vi flytter.")
calls("offers.dialogue.withdraw", dialogue_id=of("talk"))
calls("offers.questions.ask_host", offer_id=of("by_agreement"), text="Hvor lang tid?")
calls(
    "offers.questions.ask_host (with the teacher's form)",
    offer_id=of("by_agreement"),
    text="Hvor lang tid?",
    form_token=of("question", "form_token"),
)
calls("offers.questions.answer_question", question_id=of("question"), text="To timer.")


@call("offers.dialogue.ask_for_a_time")
def ask_for_a_time_of(world: World, role: str) -> dict[str, Any]:
    asked = DialogueRequest(school_class=world.at.new_class, adults=2, times=TIMES)
    return {"offer_id": world.at.by_agreement.pk, "request": asked}


@call("offers.dialogue.ask_for_a_time (with a contact teacher from elsewhere)")
def ask_for_a_stranger(world: World, role: str) -> dict[str, Any]:
    stranger = world.people["teacher_elsewhere"]
    asked = DialogueRequest(school_class=world.at.new_class, adults=2, times=TIMES, teacher=stranger)
    return {"offer_id": world.at.by_agreement.pk, "request": asked}


@call("offers.dialogue.ask_for_a_time (for a teacher who telephones)")
def ask_for_a_time_for(world: World, role: str) -> dict[str, Any]:
    times = [(NOW + timedelta(days=28), NOW + timedelta(days=28, hours=2))]
    teacher = world.people["colleague"]
    asked = DialogueRequest(school_class=world.at.new_class, adults=2, times=times, teacher=teacher)
    return {"offer_id": world.at.by_agreement.pk, "request": asked}


calls("offers.enrolment.change_numbers", enrolment_id=of("enrolment"), pupils=20, adults=2)
calls("offers.enrolment.answer_request (that awaits the leader)", enrolment_id=of("awaiting"), accept=True)
calls("offers.enrolment.answer_request", enrolment_id=of("pending"), accept=True)
calls("offers.waiting_list.accept_place", enrolment_id=of("offered"))
calls("offers.waiting_list.decline_place", enrolment_id=of("offered"))
calls("offers.waiting_list.give_place", enrolment_id=of("waiting"))
calls("offers.planning.plan_session", offer_id=of("published"), starts=NOW + timedelta(days=28))
calls(  # a Saturday
    "offers.planning.plan_session (on a day without school)",
    offer_id=of("published"),
    starts=NOW + timedelta(days=32),
    even_if_closed=True,
)
calls(
    "offers.planning.plan_session (sooner than a host may)",
    offer_id=of("published"),
    starts=NOW + timedelta(days=9),
)
calls("offers.planning.plan_weekly_series", offer_id=of("published"), first_start=NOW + timedelta(days=28), weeks=2)
calls("offers.planning.change_places", session_id=of("session"), places=90)
calls(
    "offers.planning.change_enrolling",
    session_id=of("session"),
    opens_at=NOW,
    closes_at=NOW + timedelta(days=7),
    min_pupils=None,
    max_pupils=24,
)
calls("offers.planning.cancel_session", session_id=of("session"), reason="Sygdom")


def _past_meeting(world: World) -> Any:
    return world.at.session_past.meetings.get().pk


calls("offers.encounters.report_visit", enrolment_id=of("past"), meeting_id=_past_meeting, outcome="held")
calls(
    "offers.encounters.report_visit (without a teacher)",
    enrolment_id=of("past_orphan"),
    meeting_id=lambda world: world.at.past_orphan.session.meetings.get().pk,
    outcome="held",
)
calls(
    "offers.encounters.report_visit (on another visit's date)",
    enrolment_id=of("past"),
    meeting_id=lambda world: world.at.session_past_elsewhere.meetings.get().pk,
    outcome="held",
)
calls("offers.encounters.decide_visit", enrolment_id=of("past"), meeting_id=_past_meeting, outcome="held")
calls("offers.encounters.undo_visit", enrolment_id=of("told"), reason="Forkert")
calls("offers.surveys.answer_survey", survey_id=of("survey"), answers=ANSWERS, comment="", may_quote=False)
calls("offers.authoring.invite_company", company_id=of("company"), contact_id=of("contact"), greeting="")
calls("offers.authoring.resend_invite", invite_id=of("invite"))
calls("offers.authoring.revoke_invite", invite_id=of("invite"))
calls("offers.authoring.open_invite", invite_id=of("invite"))
calls("offers.authoring.save_step", invite_id=of("invite"), step=4, content={"during": "Nyt"}, version=1)
calls("offers.authoring.submit", offer_id=of("draft"))
calls("offers.authoring.create_offer", company_id=of("company"), content={"title": "Nyt"})
calls("offers.authoring.edit_offer", offer_id=of("published"), content={"title": "Nyt"}, version=1)
calls("offers.authoring.clone_offer", offer_id=of("published"))
calls("offers.publishing.send_back", offer_id=of("submitted"), comments=[("", "Skriv mere.")])
calls("offers.publishing.publish (of what was not sent in)", offer_id=of("draft"))
calls("offers.publishing.publish", offer_id=of("submitted"))
calls("offers.publishing.reject", offer_id=of("submitted"), reason="Nej")
calls("offers.publishing.pause", offer_id=of("published"), reason="Ombygning")
calls("offers.publishing.resume", offer_id=of("paused"))
calls("offers.publishing.archive", offer_id=of("bare"))
calls("offers.publishing.confirm_fresh", offer_id=of("bare"))
calls(
    "offers.agreements.create_agreement",
    company_id=of("company"),
    school_id=of("school"),
    title="Ny",
    first_day=date(2026, 10, 1),
    last_day=date(2027, 6, 1),
    **WORDS,
)
calls("offers.agreements.change_text", agreement_id=of("agreement"), **WORDS)
calls("offers.agreements.sign_version", agreement_id=of("agreement"), number=1, party="school", job_title="Leder")
calls("offers.agreements.end_agreement", agreement_id=of("agreement"))


def lists_without_a_row() -> list[str]:
    """Return the lists of the desk for which no row is named."""
    names = {f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry}
    return sorted(names - set(ROWS))

"""The desk's ground: who may enter, what is remembered, what browsers are told, and what bad input meets."""

import re
import time
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal import mail
from portal.admin import WholeNumber
from portal.domain.theme import contrast
from portal.http import SIGNED_IN_AT
from portal.models import AuditEntry, Heartbeat, Message, Municipality, MunicipalRole, User
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality", "on_the_day")]


def listing_of(model: Any) -> str:
    """Return the name of a list's address."""
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"


LISTS = sorted(map(listing_of, admin.site._registry))
OPERATORS = {
    "admin:portal_message_changelist",
    "admin:portal_heartbeat_changelist",
    "admin:portal_auditentry_changelist",
}
NOT_COORDINATORS = {"admin:portal_heartbeat_changelist"}


@pytest.fixture
def on_the_day(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        yield


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def coordinator() -> Client:
    return signed_in(factories.CoordinatorFactory.create())


@pytest.fixture
def operator() -> Client:
    return signed_in(factories.OperatorFactory.create())


def a_message(now: datetime, **facts: Any) -> Message:
    made: Message = Message.objects.create(
        **{
            "occasion": "invite",
            "reference_type": "offers.invite",
            "reference_id": uuid4(),
            "dedupe_key": str(uuid4()),
            "recipient_kind": "address",
            "address": "kontakt@firma.example",
            "state": Message.State.FAILED,
            "trouble": "550 no such mailbox",
            "send_at": now,
            **facts,
        }
    )
    return made


# Who may enter


def test_a_visitor_signs_in_at_the_portals_own_page_and_comes_back(client: Client) -> None:
    assert client.get("/admin/").headers["Location"] == "/admin/login/?next=/admin/"
    assert client.get("/admin/login/?next=/admin/offers/offer/").headers["Location"] == (
        "/konto/login/?next=%2Fadmin%2Foffers%2Foffer%2F"
    )


def test_a_teacher_is_kept_out_of_every_list() -> None:
    teacher = signed_in(factories.MembershipFactory.create().user)

    assert {teacher.get(reverse(name)).status_code for name in ["admin:index", "admin:login", *LISTS]} == {403}


def test_a_superuser_without_a_role_is_kept_out() -> None:
    root = signed_in(User.objects.create_superuser("root@fjordby.example", None, name="Root"))

    assert root.get("/admin/").status_code == 403


def test_a_coordinator_whose_account_is_closed_is_asked_to_sign_in() -> None:
    user = factories.CoordinatorFactory.create()
    client = signed_in(user)
    User.objects.filter(pk=user.pk).update(is_active=False)

    assert client.get("/admin/").status_code == 302


def test_a_coordinator_opens_every_list_but_the_operators(coordinator: Client) -> None:
    opened = {name for name in LISTS if coordinator.get(reverse(name)).status_code in {200, 302}}

    assert opened == set(LISTS) - NOT_COORDINATORS


def test_an_operator_opens_the_machinerys_lists_and_no_other(operator: Client) -> None:
    assert {name for name in LISTS if operator.get(reverse(name)).status_code == 200} == OPERATORS


def test_an_operator_reads_no_mail_and_sends_none_again(operator: Client, now: datetime) -> None:
    message = a_message(now, state=Message.State.SENT, sent_at=now, trouble="", body="Kære Mette, tag støvler med.")
    page = operator.get(reverse("admin:portal_message_change", args=(message.pk,)))

    assert (page.status_code, "støvler" in page.content.decode()) == (200, False)
    assert operator.post(reverse("admin:portal_message_send_again", args=(message.pk,))).status_code == 403


def test_an_operator_neither_sees_nor_searches_the_subjects_of_mails(
    operator: Client, coordinator: Client, now: datetime
) -> None:
    sent = {"state": Message.State.SENT, "sent_at": now, "trouble": ""}
    message = a_message(now, subject="Svanelund 7.A kommer den 12. oktober", **sent)
    listing, own = reverse("admin:portal_message_changelist"), f"/admin/portal/message/{message.pk}/change/"

    def found(browser: Client, query: str) -> tuple[bool, bool]:
        page = browser.get(f"{listing}{query}").content.decode()
        return own in page, "Svanelund 7.A kommer" in page

    assert [found(operator, query) for query in ("", "?q=svanelund", "?q=firma.example")] == [
        (True, False),
        (False, False),
        (True, False),
    ]
    assert [found(coordinator, query) for query in ("", "?q=svanelund")] == [(True, True), (True, True)]
    assert own not in operator.get("/admin/search/?s=svanelund&extended=1").content.decode()


def test_nothing_can_be_deleted_but_days_of_the_calendar() -> None:
    assert [model._meta.model_name for model, desk in admin.site._registry.items() if desk.can_delete] == [  # type: ignore[attr-defined]
        "calendarperiod"
    ]


def test_lists_that_packages_bring_along_are_not_taken_in() -> None:
    assert {model._meta.app_label for model in admin.site._registry} == {"portal", "companies", "schools", "offers"}


# What browsers are told


@pytest.mark.parametrize(
    "name", ["admin:index", "admin:offers_offer_changelist", "admin:portal_municipality_changelist"]
)
def test_every_style_block_of_the_desk_carries_the_nonce(coordinator: Client, name: str) -> None:
    answer = coordinator.get(reverse(name), follow=True)
    policy = answer.headers.get("Content-Security-Policy", "")
    page = answer.content.decode()
    nonce = re.search(r"style-src 'self' 'nonce-([^']+)'", policy)
    blocks = re.findall(r"<style([^>]*)>", page)

    assert nonce or not blocks
    assert {attributes.strip() for attributes in blocks} <= {f'nonce="{nonce[1]}"' if nonce else ""}
    assert "unsafe-inline" not in policy.split("style-src-attr")[0]
    assert [tag for tag in re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page) if "application/json" not in tag] == []


def test_nothing_on_the_desk_is_fetched_from_elsewhere(coordinator: Client) -> None:
    page = coordinator.get("/admin/offers/offer/").content.decode()

    assert [one for one in re.findall(r'(?:src|href)="([^"]+)"', page) if one.startswith(("http", "//"))] == []


# The municipality's own page


def whole(municipality: Municipality, **changes: Any) -> dict[str, Any]:
    return {
        "name": municipality.name,
        "tagline": "",
        "introduction": "",
        "brand_color": municipality.brand_color,
        "address": "",
        "contact_email": municipality.contact_email,
        "contact_phone": "",
        "sender_name": municipality.sender_name,
        "teacher_reminders": "10, 3",
        "host_reminders": "2",
        "request_hold_days": "5",
        "place_offer_days": "2",
        "place_offer_hours": "4",
        "cancel_days": "3",
        "most_per_class": "",
        "most_per_class_at_company": "",
        "priority_days": "0",
        "priority_for": "classes",
        "draw_minutes": "0",
        "move_answer_days": "5",
        "move_default": "keep",
        "hosts_add_dates": "on",
        "host_notice_days": "10",
        "host_most_dates": "20",
        "dialogue_nudge_days": "5",
        "freshness_days": "365",
        "freshness_warnings": "30, 7",
        "survey_threshold": "5",
        "organisation_models": [],
        "keep_needs_days": "30",
        "keep_visit_months": "6",
        "keep_contact_months": "12",
        "keep_account_months": "12",
        "keep_mail_days": "30",
        "keep_comment_months": "12",
        "keep_log_months": "13",
        "teacher_domains": "",
        "memberships_need_confirmation": "on",
        **changes,
    }


def test_the_municipalitys_page_opens_at_once(coordinator: Client) -> None:
    assert coordinator.get("/admin/portal/municipality/").headers["Location"] == "/admin/portal/municipality/1/change/"


def test_an_edit_is_saved_with_a_line_in_the_log(coordinator: Client, municipality: Municipality) -> None:
    answer = coordinator.post("/admin/portal/municipality/1/change/", whole(municipality, brand_color="#8a1c4a"))

    municipality.refresh_from_db()
    assert (answer.status_code, municipality.brand_color) == (302, "#8a1c4a")
    assert list(AuditEntry.objects.values_list("action", "object_id", "facts")) == [
        ("municipality-changed", "1", {"fields": ["brand_color"]})
    ]


def test_the_rules_of_enrolling_are_switched_on_at_the_municipalitys_page(
    coordinator: Client, municipality: Municipality
) -> None:
    chosen = {
        "unvisited_first": True,
        "most_per_class": 2,
        "most_per_class_at_company": 3,
        "priority_days": 7,
        "priority_for": "schools",
        "draw_minutes": 60,
        "cancel_days": 5,
        "move_answer_days": 4,
        "move_default": "release",
        "hosts_add_dates": False,
        "host_notice_days": 15,
        "host_most_dates": 10,
        "dialogue_nudge_days": 3,
    }
    typed = {name: "on" if value is True else str(value) for name, value in chosen.items() if value is not False}
    filled = {**whole(municipality), **typed}
    del filled["hosts_add_dates"]

    answer = coordinator.post("/admin/portal/municipality/1/change/", filled)

    municipality.refresh_from_db()
    assert answer.status_code == 302
    assert {name: getattr(municipality, name) for name in chosen} == chosen


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("brand_color", "rød"),
        ("brand_color", "#12345"),
        ("teacher_reminders", "ti"),
        ("teacher_reminders", "1,,x"),
        ("teacher_reminders", "99999999999999999999"),
        ("request_hold_days", "0"),
        ("request_hold_days", "1_0"),
        ("request_hold_days", "٣"),
        ("request_hold_days", "99999999999999999999"),
        ("freshness_days", "-1"),
        ("name", ""),
        ("contact_email", "ikke en adresse"),
        ("reply_to", "ikke en adresse"),
        ("sender_email", "ikke en adresse"),
        ("brand_color", "#f2e94e"),
        ("request_hold_days", "21"),
        ("place_offer_days", "0"),
        ("place_offer_hours", "73"),
        ("cancel_days", "31"),
        ("most_per_class", "0"),
        ("most_per_class_at_company", "41"),
        ("priority_days", "29"),
        ("priority_for", "venner"),
        ("draw_minutes", "1441"),
        ("move_answer_days", "0"),
        ("move_default", "måske"),
        ("host_notice_days", "-1"),
        ("host_most_dates", "0"),
        ("dialogue_nudge_days", "to"),
        ("freshness_days", "59"),
        ("freshness_warnings", "0"),
        ("freshness_warnings", "50, 40, 30, 20, 10"),
        ("survey_threshold", "0"),
        ("organisation_models", ["kaos"]),
        ("keep_needs_days", "31"),
    ],
)
def test_what_the_municipality_cannot_be_is_answered_with_a_message_and_kept(
    coordinator: Client, municipality: Municipality, field: str, typed: str
) -> None:
    answer = coordinator.post("/admin/portal/municipality/1/change/", whole(municipality, **{field: typed}))

    form = answer.context["adminform"].form
    assert (answer.status_code, list(form.errors), form[field].value()) == (200, [field], typed)


def test_a_colour_that_cannot_be_read_is_refused_with_the_nearest_one_that_can(
    coordinator: Client, municipality: Municipality
) -> None:
    answer = coordinator.post("/admin/portal/municipality/1/change/", whole(municipality, brand_color="#f2e94e"))

    (sentence,) = answer.context["adminform"].form.errors["brand_color"]
    nearest = re.findall(r"#[0-9a-f]{6}", sentence)[0]
    assert contrast("#f2e94e", "#ffffff") < 4.5 <= contrast(nearest, "#ffffff")
    again = coordinator.post("/admin/portal/municipality/1/change/", whole(municipality, brand_color=nearest))
    assert again.status_code == 302


def test_the_ways_of_organising_the_work_are_ticked_and_shape_the_menu(
    coordinator: Client, municipality: Municipality
) -> None:
    agreements = reverse("admin:offers_agreement_changelist")
    assert agreements in coordinator.get("/admin/").content.decode()

    chosen = whole(municipality, organisation_models=["formal", "ad_hoc"])
    coordinator.post("/admin/portal/municipality/1/change/", chosen)

    municipality.refresh_from_db()
    assert municipality.organisation_models == ["formal", "ad_hoc"]
    assert agreements not in coordinator.get("/admin/").content.decode()
    assert coordinator.get(agreements).status_code == 200


def test_mails_leave_in_the_municipalitys_name_and_answers_come_to_its_address(municipality: Municipality) -> None:
    Municipality.objects.update(sender_email="skole@fjordby.example", reply_to="svar@fjordby.example")

    sender, answers_to = mail.sender()
    assert parseaddr(sender)[1] == "skole@fjordby.example"
    assert answers_to == "svar@fjordby.example"


# Messages


def test_a_message_in_trouble_is_sent_again(now: datetime) -> None:
    client = signed_in(factories.CoordinatorFactory.create())
    message = a_message(now - timedelta(days=1))

    shown = client.get(reverse("admin:portal_message_send_again", args=(message.pk,)))
    assert "550 no such mailbox" in shown.content.decode()
    answer = client.post(reverse("admin:portal_message_send_again", args=(message.pk,)))

    message.refresh_from_db()
    assert (answer.status_code, message.state, message.send_at) == (302, Message.State.QUEUED, now)


def test_a_message_in_no_trouble_is_not_sent_again_and_one_is_told(now: datetime) -> None:
    client = signed_in(factories.CoordinatorFactory.create())
    message = a_message(now, state=Message.State.SENT, sent_at=now)

    answer = client.post(reverse("admin:portal_message_send_again", args=(message.pk,)))

    message.refresh_from_db()
    assert (answer.status_code, message.state) == (422, Message.State.SENT)
    assert len(answer.context["form"].non_field_errors()) == 1


def test_several_messages_are_sent_again_after_they_have_been_shown(now: datetime) -> None:
    client = signed_in(factories.CoordinatorFactory.create())
    chosen = [a_message(now), a_message(now)]
    other = a_message(now)
    wanted = {"action": "send_several_again", "_selected_action": [str(row.pk) for row in chosen]}

    shown = client.post("/admin/portal/message/", wanted)
    assert (shown.status_code, Message.objects.filter(state=Message.State.QUEUED).count()) == (200, 0)
    client.post("/admin/portal/message/", {**wanted, "confirmed": "1"})

    queued = Message.objects.filter(state=Message.State.QUEUED)
    assert (set(queued), Message.objects.get(pk=other.pk).state) == (set(chosen), Message.State.FAILED)


def test_a_heartbeat_is_shown_to_the_operator(operator: Client, now: datetime) -> None:
    Heartbeat.objects.create(name="deliver-messages", last_ok=now)

    assert "deliver-messages" in operator.get("/admin/").content.decode()


# People


def person_form(user: User, **more: str) -> dict[str, str]:
    return {
        "name": user.name,
        "email": user.email,
        "phone": "",
        "language": "da",
        "is_active": "on",
        "memberships-TOTAL_FORMS": "0",
        "memberships-INITIAL_FORMS": "0",
        "municipal_roles-TOTAL_FORMS": "0",
        "municipal_roles-INITIAL_FORMS": "0",
        **more,
    }


def role_rows(person: User, role: str, **more: str) -> dict[str, str]:
    """Return what the row of the municipal role sends: the one the person has, or a new one."""
    held = MunicipalRole.objects.filter(user=person).first()
    rows = {"municipal_roles-TOTAL_FORMS": "1", "municipal_roles-0-role": role}
    if held is not None:
        rows |= {"municipal_roles-INITIAL_FORMS": "1", "municipal_roles-0-id": str(held.pk)}
        rows |= {"municipal_roles-0-user": str(person.pk)}
    return person_form(person, **rows, **more)


def change(browser: Client, person: User, facts: dict[str, str]) -> int:
    return browser.post(f"/admin/portal/user/{person.pk}/change/", facts).status_code


def proven(person: User) -> Client:
    """Return a browser in which the person has just proved who they are."""
    browser = signed_in(person)
    session = browser.session
    session[SIGNED_IN_AT] = time.time()
    session.save()
    return browser


@pytest.mark.parametrize("role", ["administrator", "coordinator", "reviewer"])
def test_an_administrator_gives_a_role_at_the_desk(role: str) -> None:
    user, browser = factories.UserFactory.create(), proven(factories.AdministratorFactory.create())

    assert change(browser, user, role_rows(user, role)) == 302
    assert [one.role for one in user.municipal_roles.all()] == [role]


@pytest.mark.parametrize("role", ["administrator", "coordinator", "reviewer"])
def test_a_coordinator_gives_no_role_and_takes_none(coordinator: Client, role: str) -> None:
    user, reviewer = factories.UserFactory.create(), factories.ReviewerFactory.create()

    change(coordinator, user, role_rows(user, role))
    change(coordinator, reviewer, role_rows(reviewer, role))
    change(coordinator, reviewer, role_rows(reviewer, "reviewer", **{"municipal_roles-0-DELETE": "on"}))
    assert (user.municipal_roles.count(), reviewer.municipal_roles.get().role) == (0, "reviewer")


def test_a_coordinator_does_not_touch_the_accounts_of_administrators_and_operators(coordinator: Client) -> None:
    people = [factories.AdministratorFactory.create(), factories.OperatorFactory.create()]

    for person in people:
        name = person.name
        person.name = "Ond"
        assert change(coordinator, person, person_form(person)) == 403
        assert User.objects.get(pk=person.pk).name == name
        assert coordinator.get(f"/admin/portal/user/{person.pk}/change/").status_code == 200


def test_whoever_has_not_just_proved_who_they_are_is_asked_before_a_role_changes() -> None:
    user, administrator = factories.UserFactory.create(), factories.AdministratorFactory.create()
    browser = signed_in(administrator)
    session = browser.session
    session[SIGNED_IN_AT] = time.time() - 16 * 60
    session.save()
    answer = browser.post(f"/admin/portal/user/{user.pk}/change/", role_rows(user, "coordinator"))

    assert (answer.status_code, "/igen/" in answer.headers["Location"]) == (302, True)
    assert user.municipal_roles.count() == 0
    assert change(browser, user, person_form(user)) == 302


def long_ago(person: User) -> Client:
    """Return a browser in which the person proved who they are sixteen minutes ago."""
    browser = proven(person)
    session = browser.session
    session[SIGNED_IN_AT] = time.time() - 16 * 60
    session.save()
    return browser


ODD_ROWS = [
    {"municipal_roles-TOTAL_FORMS": "2", "municipal_roles-1-role": "administrator"},
    {"municipal_roles-TOTAL_FORMS": "1", "municipal_roles-0-role": ["administrator", ""]},
    {"municipal_roles-TOTAL_FORMS": "2", "municipal_roles-0-role": "", "municipal_roles-1-role": "administrator"},
]


@pytest.mark.parametrize("rows", ODD_ROWS)
def test_a_role_is_asked_about_in_whatever_row_it_is_sent(rows: dict[str, Any]) -> None:
    user, administrator = factories.UserFactory.create(), factories.AdministratorFactory.create()
    answer = long_ago(administrator).post(f"/admin/portal/user/{user.pk}/change/", person_form(user, **rows))

    assert (answer.status_code, "/igen/" in answer.headers["Location"]) == (302, True)
    assert user.municipal_roles.count() == 0


def test_a_person_is_given_one_role_in_the_municipality_and_no_second() -> None:
    user, browser = factories.UserFactory.create(), proven(factories.AdministratorFactory.create())
    rows = {"municipal_roles-0-role": "reviewer", "municipal_roles-1-role": "administrator"}
    two = person_form(user, **{**rows, "municipal_roles-TOTAL_FORMS": "2"})

    assert (change(browser, user, two), user.municipal_roles.count()) == (200, 0)


@pytest.mark.parametrize("page", ["change", "add"])
def test_a_role_at_a_school_in_the_persons_form_is_asked_about(page: str) -> None:
    user, school = factories.UserFactory.create(), factories.SchoolFactory.create()
    coordinator = factories.CoordinatorFactory.create()
    row = {"memberships-TOTAL_FORMS": "1", "memberships-0-school": str(school.pk), "memberships-0-role": "leader"}
    person = user if page == "change" else User(name="Ny", email="ny@skole.fjordby.example")
    address = f"/admin/portal/user/{user.pk}/change/" if page == "change" else "/admin/portal/user/add/"
    answer = long_ago(coordinator).post(address, person_form(person, **row))
    before = school.memberships.count()
    proven(coordinator).post(address, person_form(person, **row))

    assert (answer.status_code, "/igen/" in answer.headers["Location"]) == (302, True)
    assert (before, [one.role for one in school.memberships.all()]) == (0, ["leader"])


@pytest.mark.parametrize(("role", "asks"), [("teacher", False), ("ambassador", True), ("leader", True)])
def test_newcomers_are_confirmed_unasked_but_for_roles_that_reach_a_whole_school(role: str, asks: bool) -> None:
    waiting = factories.MembershipFactory.create(role=role, unconfirmed_since=timezone.now())
    chosen = {"action": "confirm_several", "_selected_action": str(waiting.pk), "confirmed": "1"}
    browser = long_ago(factories.CoordinatorFactory.create())
    answer = browser.post("/admin/schools/membership/", chosen)
    waiting.refresh_from_db()

    assert ("/igen/" in answer.headers.get("Location", ""), waiting.unconfirmed_since is not None) == (asks, asks)


def test_nobody_is_made_operator_at_the_desk() -> None:
    user, browser = factories.UserFactory.create(), proven(factories.AdministratorFactory.create())

    assert (change(browser, user, role_rows(user, "operator")), user.municipal_roles.count()) == (200, 0)


@pytest.mark.parametrize(("role", "more"), [("operator", {"municipal_roles-0-DELETE": "on"}), ("coordinator", {})])
def test_an_operators_role_is_neither_taken_nor_changed_at_the_desk(role: str, more: dict[str, str]) -> None:
    user, browser = factories.OperatorFactory.create(), proven(factories.AdministratorFactory.create())

    change(browser, user, role_rows(user, role, **more))

    assert list(user.municipal_roles.values_list("role", flat=True)) == ["operator"]


@pytest.mark.parametrize("way", ["taken", "lowered", "put out of use"])
def test_the_last_administrator_stays_one(way: str) -> None:
    user = factories.AdministratorFactory.create()
    out_of_use = factories.AdministratorFactory.create(is_active=False)
    facts = {
        "taken": role_rows(user, "administrator", **{"municipal_roles-0-DELETE": "on"}),
        "lowered": role_rows(user, "coordinator"),
        "put out of use": {
            name: value for name, value in role_rows(user, "administrator").items() if name != "is_active"
        },
    }[way]
    browser = proven(user)

    assert (change(browser, user, facts), MunicipalRole.objects.get(user=user).role) == (200, "administrator")
    assert User.objects.get(pk=user.pk).is_active
    User.objects.filter(pk=out_of_use.pk).update(is_active=True)
    assert change(browser, user, facts) == 302


def test_a_changed_role_ends_the_persons_other_sessions_but_not_the_own() -> None:
    administrator, other = factories.AdministratorFactory.create(), factories.ReviewerFactory.create()
    theirs, own, elsewhere = signed_in(other), proven(administrator), signed_in(administrator)
    for browser, person in ((theirs, other), (own, administrator), (elsewhere, administrator)):
        facts = {"session_key": browser.session.session_key, "ip": "192.0.2.1", "user_agent": ""}
        UserSession.objects.create(user=person, **facts)  # as signing in does it
    factories.AdministratorFactory.create()
    change(own, other, role_rows(other, "coordinator"))
    assert [one.get("/admin/").status_code for one in (theirs, own, elsewhere)] == [302, 200, 200]
    change(own, administrator, role_rows(administrator, "coordinator"))

    assert [one.get("/admin/").status_code for one in (own, elsewhere)] == [200, 302]


def test_a_new_person_has_no_password_that_works(coordinator: Client) -> None:
    blank = User(name="Ny Lærer", email="Ny@Skole.Fjordby.example")
    answer = coordinator.post("/admin/portal/user/add/", person_form(blank))

    made = User.objects.get(email="ny@skole.fjordby.example")
    assert (answer.status_code, made.has_usable_password()) == (302, False)


# Bad input


ODD = [
    "q=" + "å" * 800,
    "q=%22%27%5C&o=99.x&p=-1",
    "p=99999999999999999999",
    "state__exact=%C3%A6",
    "at__year=99999&first_day__year=0&starts_at__year=x&starts_at__month=13",
    "trouble=x&disputed=x&when=x&dates=x&role=x&grade=x",
]


@pytest.mark.parametrize("name", sorted(set(LISTS) - NOT_COORDINATORS))
def test_odd_addresses_of_lists_are_answered_calmly(coordinator: Client, name: str) -> None:
    address = reverse(name)
    answers = {query: coordinator.get(f"{address}?{query}").status_code for query in ODD}

    assert {query: status for query, status in answers.items() if status not in {200, 302, 400}} == {}
    assert coordinator.get(f"{address}?username=%00").status_code == 400


def test_passwords_cannot_be_guessed_by_filtering(coordinator: Client) -> None:
    assert coordinator.get("/admin/portal/user/?password__startswith=argon2").status_code == 400


ORACLES = [
    "industry__offers__contact__email__startswith=k",
    "industry__offers__sessions__enrolments__needs_text__icontains=adhd",
    "activity_type__offers__contact__phone__startswith=2",
    "state__startswith=a",
]


@pytest.mark.parametrize("query", ORACLES)
@pytest.mark.parametrize("role", ["reviewer", "coordinator"])
def test_what_stands_behind_a_filter_cannot_be_guessed_by_walking_on(role: str, query: str) -> None:
    person = {"reviewer": factories.ReviewerFactory, "coordinator": factories.CoordinatorFactory}[role].create()
    browser = signed_in(person)

    assert browser.get(f"/admin/offers/offer/?{query}").status_code == 400
    assert browser.get(reverse("admin:offers_offer_export") + f"?{query}").status_code == 400


@pytest.mark.parametrize("name", sorted(set(LISTS) - NOT_COORDINATORS))
def test_no_filter_of_a_list_is_refused(coordinator: Client, name: str) -> None:
    registry: dict[Any, Any] = admin.site._registry
    model, desk = next((one, desk) for one, desk in registry.items() if listing_of(one) == name)
    times = {"year": "2026", "month": "1", "day": "1"}
    values = {one: times.get(one.rpartition("__")[2], "1") for one in desk.lookups_of_filters()}
    answers = {one: coordinator.get(reverse(name), {one: value}).status_code for one, value in values.items()}

    assert {one: status for one, status in answers.items() if status not in {200, 302}} == {}, model


@pytest.mark.parametrize("name", sorted(set(LISTS) - NOT_COORDINATORS))
def test_rows_that_do_not_exist_are_answered_calmly(coordinator: Client, name: str) -> None:
    page = name.replace("_changelist", "_change")
    keys = ["1' or '1", "99999999999999999999", str(uuid4())]

    assert {coordinator.get(reverse(page, args=(key,))).status_code for key in keys} == {302}


def test_searching_finds_rows_of_the_lists_one_may_see(coordinator: Client, operator: Client) -> None:
    factories.CompanyFactory.create(name="Fjordens Svejsning")

    assert "Fjordens Svejsning" in coordinator.get("/admin/search/?s=svejs&extended=1").content.decode()
    assert "Fjordens Svejsning" not in operator.get("/admin/search/?s=svejs&extended=1").content.decode()


@pytest.mark.parametrize("query", ["", "?s=", "?s=%20", "?s=a&page=x", "?s=a&page=999", "?s=" + "b" * 3000])
def test_searching_for_odd_things_is_answered_calmly(coordinator: Client, query: str) -> None:
    assert coordinator.get(f"/admin/search/{query}").status_code == 200


@pytest.mark.parametrize(("typed", "number"), [("24", 24), (" 24 ", 24), ("0", 0)])
def test_a_whole_number_is_written_with_ten_digits(typed: str, number: int) -> None:
    assert WholeNumber().clean(typed) == number


def test_what_happened_last_stands_first_among_the_mails_and_what_is_planned_behind(
    coordinator: Client, now: datetime
) -> None:
    for name, hours in (("i-går", -24), ("nu", 0), ("næste-sommer", 6000), ("i-morgen", 24), ("før", -48)):
        a_message(now, address=f"{name}@firma.example", send_at=now + timedelta(hours=hours))

    page = coordinator.get(reverse("admin:portal_message_changelist"))

    found = [message.address.partition("@")[0] for message in page.context["cl"].result_list]
    assert found == ["nu", "i-går", "før", "i-morgen", "næste-sommer"]


def test_a_list_says_how_many_rows_it_has_in_danish(coordinator: Client, now: datetime) -> None:
    a_message(now)
    one = coordinator.get(reverse("admin:portal_message_changelist")).content.decode()
    Message.objects.bulk_create(
        Message(
            occasion="invite", reference_type="offers.invite", reference_id=uuid4(), dedupe_key=str(number),
            recipient_kind="address", address="kontakt@firma.example", state=Message.State.QUEUED, send_at=now,
        )
        for number in range(1233)
    )  # fmt: skip
    many = coordinator.get(reverse("admin:portal_message_changelist")).content.decode()

    assert (re.search(r">\s*1 linje<", one) is not None, "1.234 linjer" in many) == (True, True)


def test_the_button_for_one_more_row_is_plain_danish() -> None:
    person = factories.UserFactory.create()
    page = signed_in(factories.AdministratorFactory.create()).get(reverse("admin:portal_user_change", args=[person.pk]))

    data = page.content.decode()
    assert ("Tilføj endnu en linje" in data, "Tilføj endnu en Rolle" in data) == (True, False)

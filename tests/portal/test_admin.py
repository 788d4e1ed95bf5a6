"""The desk's ground: who may enter, what is remembered, what browsers are told, and what bad input meets."""

import re
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from portal import mail
from portal.admin import WholeNumber
from portal.domain.theme import contrast
from portal.models import AuditEntry, Heartbeat, Message, Municipality, MunicipalRole, User
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality", "on_the_day")]

LISTS = sorted(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist" for model in admin.site._registry)
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


def test_a_person_is_made_coordinator_at_the_desk(coordinator: Client) -> None:
    user = factories.UserFactory.create()
    new_role = {"municipal_roles-TOTAL_FORMS": "1", "municipal_roles-0-role": "coordinator"}
    answer = coordinator.post(f"/admin/portal/user/{user.pk}/change/", person_form(user, **new_role))

    assert (answer.status_code, [one.role for one in user.municipal_roles.all()]) == (302, ["coordinator"])


def test_nobody_is_made_operator_at_the_desk(coordinator: Client) -> None:
    user = factories.UserFactory.create()
    new_role = {"municipal_roles-TOTAL_FORMS": "1", "municipal_roles-0-role": "operator"}
    answer = coordinator.post(f"/admin/portal/user/{user.pk}/change/", person_form(user, **new_role))

    assert (answer.status_code, user.municipal_roles.count()) == (200, 0)


def test_a_coordinator_does_not_lock_the_door_behind_herself() -> None:
    user = factories.CoordinatorFactory.create()
    role = MunicipalRole.objects.get(user=user)
    gone = {
        "municipal_roles-TOTAL_FORMS": "1",
        "municipal_roles-INITIAL_FORMS": "1",
        "municipal_roles-0-id": str(role.pk),
        "municipal_roles-0-user": str(user.pk),
        "municipal_roles-0-role": "coordinator",
        "municipal_roles-0-DELETE": "on",
    }
    answer = signed_in(user).post(f"/admin/portal/user/{user.pk}/change/", person_form(user, **gone))

    assert (answer.status_code, MunicipalRole.objects.filter(user=user).count()) == (200, 1)


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

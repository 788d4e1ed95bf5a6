"""Lists taken out of the portal: what is in the file, who may have it, and what is written down."""

import csv
import io
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import openpyxl
import pytest
import time_machine
from django.contrib import admin
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from offers.models import Enrolment, Invite
from portal import exports
from portal.exports import NEVER
from portal.http import SIGNED_IN_AT
from portal.models import AuditEntry, User
from tests import factories
from tests.portal.test_admin import a_message

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality", "on_the_day")]

# Every list, and whether it is one of persons: only a coordinator who has just shown who it is takes it out.
PERSONS = {
    "companies.company",
    "companies.contact",
    "offers.dialogue",
    "offers.enrolment",
    "offers.invite",
    "offers.question",
    "offers.surveyrequest",
    "portal.erasure",
    "portal.erasurerequest",
    "portal.legalhold",
    "portal.link",
    "portal.message",
    "portal.user",
    "schools.membership",
}
OTHERS = {
    "offers.agreement",
    "offers.encounter",
    "offers.offer",
    "offers.session",
    "offers.visitreport",
    "portal.activitytype",
    "portal.auditentry",
    "portal.calendarperiod",
    "portal.educationarea",
    "portal.heartbeat",
    "portal.industry",
    "portal.subject",
    "schools.school",
    "schools.schoolclass",
}
NO_LIST = {"portal.municipality"}


@pytest.fixture
def on_the_day(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def user() -> User:
    made: User = factories.CoordinatorFactory.create(name="Karen Holm", email="karen@fjordby.example")
    return made


@pytest.fixture
def desk(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(model: str, query: str = "") -> str:
    return reverse(f"admin:{model.replace('.', '_')}_export") + query


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def table(answer: Any) -> list[tuple[Any, ...]]:
    """The first sheet of a workbook."""
    book = openpyxl.load_workbook(io.BytesIO(content(answer)))
    assert {cell.data_type for sheet in book.worksheets for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}
    return list(book.worksheets[0].iter_rows(values_only=True))


def take(desk: Client, model: str, query: str = "", form: str = "xlsx") -> Any:
    answer = desk.post(address(model, query), {"form": form})
    assert (answer.status_code, answer.headers.get("Content-Disposition", "")[:10]) == (200, "attachment")
    return answer


# Which lists


def test_every_list_is_one_of_persons_or_not() -> None:
    desks = {model._meta.label_lower: desk for model, desk in admin.site._registry.items()}
    persons = {name for name, one in desks.items() if one.exports_persons}  # type: ignore[attr-defined]

    assert (persons, set(desks)) == (PERSONS, PERSONS | OTHERS | NO_LIST)


@pytest.mark.parametrize("model", sorted((PERSONS | OTHERS) - {"portal.heartbeat"}))
def test_every_list_is_taken_out_also_when_it_is_empty_or_has_a_row(desk: Client, model: str, now: datetime) -> None:
    world(now)
    page = desk.get(address(model))
    assert page.status_code == 200

    if page.context.get("nothing"):
        assert desk.post(address(model), {"form": "xlsx"}).status_code == 200
    else:
        rows = table(take(desk, model))
        assert (len(rows) > 1, len(rows[0]) == len(set(rows[0])), None in rows[0]) == (True, True, False)


def world(now: datetime) -> None:
    """A row of most lists, with texts that must never leave."""
    school = factories.SchoolFactory.create()
    teacher = factories.UserFactory.create()
    factories.MembershipFactory.create(user=teacher, school=school)
    contact = factories.ContactFactory.create()
    offer = factories.OfferFactory.create(company=contact.company, contact=contact)
    factories.EnrolmentFactory.create(
        session=factories.SessionFactory.create(offer=offer),
        teacher=teacher,
        school_class=factories.SchoolClassFactory.create(school=school),
        needs_text="KANARIFUGL i rullestol",
    )
    Invite.objects.create(company=contact.company, contact=contact, greeting="KANARIFUGL hilsen")
    a_message(now, subject="Emne", body="KANARIFUGL brødtekst", parameters={"code": "KANARIFUGL"})


@pytest.mark.parametrize("model", sorted((PERSONS | OTHERS) - {"portal.heartbeat"}))
@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_no_file_holds_what_must_never_leave(desk: Client, model: str, form: str, now: datetime) -> None:
    world(now)
    if desk.get(address(model)).context["nothing"]:
        return
    answer = take(desk, model, form=form)
    if form == "csv":
        text = content(answer).decode("utf-8-sig")
    else:
        book = openpyxl.load_workbook(io.BytesIO(content(answer)))
        text = repr([list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets])

    assert ("KANARIFUGL" in text, "argon2" in text) == (False, False)


def test_a_column_that_must_never_leave_cannot_be_named() -> None:
    desks = {model._meta.label_lower: desk for model, desk in admin.site._registry.items()}
    enrolments: Any = desks["offers.enrolment"]

    for name in ("needs_text", "teacher__password", "form_token"):
        with pytest.raises(ImproperlyConfigured):
            enrolments.column_out(name)
    assert {"needs_text", "password", "body"} <= NEVER


# What is in the file


def test_the_file_is_the_list_as_it_is_filtered_searched_and_sorted(desk: Client) -> None:
    for name, kind in (("Ærø Skole", "folkeskole"), ("Byskolen", "folkeskole"), ("Centret", "tenth")):
        factories.SchoolFactory.create(name=name, kind=kind, city="Fjordby")

    rows = table(take(desk, "schools.school", "?kind__exact=folkeskole&o=-1"))
    found = table(take(desk, "schools.school", "?q=centr"))

    assert [row[0] for row in rows] == ["Navn", "Ærø Skole", "Byskolen"]
    assert [row[:2] for row in found[1:]] == [("Centret", "10.-klassecenter")]
    assert (rows[0][1], rows[1][1]) == ("Type", "folkeskole")


def test_days_are_days_numbers_are_numbers_and_states_are_words(desk: Client, now: datetime) -> None:
    enrolment = factories.EnrolmentFactory.create(pupils=24, teacher_phone="+45 12 34 56 78")
    Enrolment.objects.filter(pk=enrolment.pk).update(answer_by=now + timedelta(days=1))

    row = dict(zip(*table(take(desk, "offers.enrolment")), strict=True))

    begins = enrolment.session.starts_at.astimezone(now.tzinfo).replace(tzinfo=None)
    assert (row["Dato"], row["Elever"], row["Status"]) == (begins, 24, "bekræftet")
    assert (row["Klasse"], row["Skole"]) == (enrolment.class_label, enrolment.school.name)
    assert (row["Virksomhed"], row["Mobilnummer på dagen"]) == (enrolment.session.offer.company.name, "+45 12 34 56 78")
    assert row["Arbejdsmail"] == enrolment.teacher.email


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1+1", "-1", "@x", "|cmd", "％0A", '"; =1'])
def test_what_people_typed_is_a_text_in_the_file(desk: Client, text: str) -> None:
    factories.SchoolFactory.create(name=text, city=text)

    assert table(take(desk, "schools.school"))[1][0] == text
    lines = content(take(desk, "schools.school", form="csv")).decode("utf-8-sig")
    cell = list(csv.reader(io.StringIO(lines, newline=""), delimiter=";"))[1][0]
    assert cell == {'"; =1': '"; =1'}.get(text, f"'{text}")


def test_only_the_chosen_rows_are_taken_after_they_have_been_shown(desk: Client) -> None:
    chosen, other = factories.SchoolFactory.create(name="A"), factories.SchoolFactory.create(name="B")
    listing = reverse("admin:schools_school_changelist")
    wanted = {"action": "export_chosen", "_selected_action": [str(chosen.pk)]}

    shown = desk.post(listing, wanted)
    assert (shown.status_code, AuditEntry.objects.count()) == (200, 0)
    assert str(chosen.pk) in shown.content.decode()
    assert str(other.pk) not in shown.content.decode()
    answer = desk.post(listing, {**wanted, "confirmed": "1", "form": "xlsx"})

    assert [row[0] for row in table(answer)] == ["Navn", "A"]
    assert AuditEntry.objects.get().facts["chosen"] is True


def test_the_file_says_who_made_it_when_and_how_many_rows_it_has(desk: Client) -> None:
    factories.SchoolFactory.create()
    book = openpyxl.load_workbook(io.BytesIO(content(take(desk, "schools.school"))))
    said = [cell for row in book.worksheets[1].iter_rows(values_only=True) for cell in row]
    last = content(take(desk, "schools.school", form="csv")).decode("utf-8-sig").splitlines()[-5:]

    assert said[1::2] == [
        "Skoler", "Karen Holm (karen@fjordby.example)", datetime(2026, 9, 8, 10), 1, "Fjordby Kommune",  # noqa: DTZ001
    ]  # fmt: skip
    assert [line.split(";")[1] for line in last] == [
        '"Skoler"', '"Karen Holm (karen@fjordby.example)"', '"2026-09-08 10:00"', '"1"', '"Fjordby Kommune"',
    ]  # fmt: skip


def test_the_answer_is_an_attachment_that_no_browser_shows_or_keeps(desk: Client) -> None:
    factories.SchoolFactory.create()
    answer = take(desk, "schools.school")
    content(answer)

    assert answer.headers["Content-Type"].startswith("application/vnd.openxmlformats")
    assert "no-store" in answer.headers["Cache-Control"].split(", ")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "2026-09-08.xlsx" in unquote(answer.headers["Content-Disposition"])


def test_a_name_with_danish_letters_is_written_so_that_every_browser_reads_it(desk: Client) -> None:
    answer = take(desk, "portal.educationarea")
    content(answer)

    assert answer.headers["Content-Disposition"] == (
        "attachment; filename*=utf-8''Uddannelsesomr%C3%A5der%202026-09-08.xlsx"
    )


@pytest.mark.parametrize("odd", ["x", "1' or '1", "99999999999999999999", "", "0"])
@pytest.mark.parametrize("model", ["schools.school", "portal.calendarperiod"])
def test_rows_that_cannot_be_are_refused(desk: Client, model: str, odd: str) -> None:
    listing = reverse(f"admin:{model.replace('.', '_')}_changelist")

    answer = desk.post(listing, {"action": "export_chosen", "_selected_action": odd, "confirmed": "1", "form": "csv"})

    assert answer.status_code in {200, 400}
    assert AuditEntry.objects.count() == 0


# What is written down, and who may


def test_a_file_of_persons_is_written_down_with_its_number_of_rows(desk: Client, user: User) -> None:
    factories.MembershipFactory.create()
    content(take(desk, "portal.user", "?q=Person"))
    factories.SchoolFactory.create()
    content(take(desk, "schools.school", form="csv"))

    assert list(AuditEntry.objects.order_by("pk").values_list("action", "actor_id", "facts")) == [
        ("persons-exported", str(user.pk), {"list": "portal.user", "count": 1, "form": "xlsx", "chosen": False}),
        ("list-exported", str(user.pk), {"list": "schools.school", "count": 2, "form": "csv", "chosen": False}),
    ]


def test_looking_at_the_page_makes_no_file_and_writes_nothing(desk: Client) -> None:
    factories.SchoolFactory.create()
    page = desk.get(address("schools.school"))

    assert (page.status_code, AuditEntry.objects.count()) == (200, 0)


@pytest.mark.parametrize("model", sorted(PERSONS))
def test_a_file_of_persons_is_for_who_has_just_shown_who_it_is(desk: Client, model: str, now: datetime) -> None:
    world(now)
    with time_machine.travel(now + timedelta(minutes=16), tick=False):
        answers = [desk.get(address(model)), desk.post(address(model), {"form": "xlsx"})]
        listing = reverse(f"admin:{model.replace('.', '_')}_changelist")
        chosen = desk.post(listing, {"action": "export_chosen", "_selected_action": [str(uuid4())], "confirmed": "1"})

    assert {one.status_code for one in [*answers, chosen]} == {302}
    assert ["/konto/" in one.headers["Location"] for one in answers] == [True, True]
    assert AuditEntry.objects.count() == 0


def test_a_teacher_and_an_operator_take_no_persons_out(now: datetime) -> None:
    a_message(now)
    for person in (factories.MembershipFactory.create().user, factories.OperatorFactory.create()):
        client = Client()
        client.force_login(person)
        for model in sorted(PERSONS):
            answers = [client.get(address(model)), client.post(address(model), {"form": "xlsx"})]
            assert {one.status_code for one in answers} == {403}, model


def test_an_operator_takes_out_the_log(now: datetime) -> None:
    client = Client()
    client.force_login(factories.OperatorFactory.create())
    AuditEntry.objects.create(at=now, actor_kind="job", action="x", object_type="portal.user", object_id="1")

    assert len(table(take(client, "portal.auditentry"))) == 2


def test_there_is_a_button_with_the_lists_filters(desk: Client) -> None:
    factories.SchoolFactory.create()
    page = desk.get(reverse("admin:schools_school_changelist") + "?kind__exact=folkeskole").content.decode()

    assert address("schools.school", "?kind__exact=folkeskole") in page


# Bounds


def test_a_list_that_is_too_long_is_refused_with_the_numbers(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "MOST_ROWS", 2)
    for _one in range(3):
        factories.SchoolFactory.create()
    answer = desk.post(address("schools.school"), {"form": "xlsx"})

    assert (answer.status_code, AuditEntry.objects.count()) == (422, 0)
    assert "2" in answer.context["says"][0]


@pytest.mark.parametrize("form", ["", "pdf", "xlsx;", "../csv"])
def test_another_kind_of_file_is_answered_at_the_field(desk: Client, form: str) -> None:
    factories.SchoolFactory.create()
    answer = desk.post(address("schools.school"), {"form": form})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["form"])


@pytest.mark.parametrize("query", ["?o=99.x", "?kind__exact=%C3%A6", "?p=-1", "?e=1", "?password=x"])
def test_odd_addresses_are_answered_calmly(desk: Client, query: str) -> None:
    assert desk.get(address("schools.school", query)).status_code in {200, 302, 400}


# Questions of the page itself (what every request asks of session and person is counted elsewhere): the roles; two
# counts of the list and one of the file; the rows, with what is fetched beforehand; the municipality for the log and
# for the file, and who acts; the line in the log with the points to go back to. That is 10; a list that is filtered by
# schools, industries or the like asks once for the names of each, and what is fetched beforehand is one question each.
QUERIES = [
    ("schools.school", factories.SchoolFactory.create, 10),
    ("schools.schoolclass", factories.SchoolClassFactory.create, 11),
    ("portal.user", factories.MembershipFactory.create, 12),
    ("companies.company", factories.ContactFactory.create, 12),
    ("offers.offer", factories.OfferFactory.create, 12),
    ("offers.session", factories.SessionFactory.create, 12),
    ("offers.enrolment", factories.EnrolmentFactory.create, 12),
]


@pytest.mark.parametrize(("model", "make", "queries"), QUERIES, ids=[one[0] for one in QUERIES])
@pytest.mark.parametrize("rows", [1, 3])
def test_a_file_with_three_rows_asks_no_more_than_one_with_one(
    user: User,
    rf: RequestFactory,
    django_assert_num_queries: DjangoAssertNumQueries,
    model: str,
    make: Callable[[], Any],
    queries: int,
    rows: int,
) -> None:
    for _one in range(rows):
        make()
    request: Any = rf.post(address(model), {"form": "xlsx"})
    request.user, request.session = user, {SIGNED_IN_AT: time.time()}
    desks: dict[str, Any] = {one._meta.label_lower: desk for one, desk in admin.site._registry.items()}

    with django_assert_num_queries(queries):
        answer = desks[model].export_view(request)

    assert len(table(answer)) > rows
    answer.file_to_stream.close()

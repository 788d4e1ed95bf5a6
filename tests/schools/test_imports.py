"""Schools, classes and teachers from a file: looked over line by line, let in as a whole or not at all."""

import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import openpyxl
import pytest
import time_machine
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from portal.domain import tables
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.domain.tables import Report, simple
from portal.models import AuditEntry, Message, MunicipalRole, PendingTable, User
from portal.spreadsheets import read_table
from portal.tasks import forget_tables
from schools.domain import imports
from schools.domain.imports import KINDS_OF_TABLES
from schools.models import Membership, School, SchoolClass
from tests import factories

TODAY = date(2026, 9, 8)  # in the school year 2026/27

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]


@pytest.fixture
def by() -> Actor:
    return Actor.of_user(factories.CoordinatorFactory.create())


def arranged(kind: str, text: str) -> list[tables.Row]:
    table = read_table(SimpleUploadedFile("fil.csv", text.encode()))
    return tables.arrange(KINDS_OF_TABLES[kind].columns, table.headings, table.rows)[0]


def look(kind: str, text: str, *, end_missing: bool = False) -> Report:
    """What a file would do, in English: headings and choices are compared with what stands here."""
    with translation.override("en"):
        return KINDS_OF_TABLES[kind].report(arranged(kind, text), end_missing=end_missing, today=TODAY)


def let_in(kind: str, text: str, by: Actor, now: datetime, *, end_missing: bool = False) -> Report:
    """Look a file over and let it in."""
    table = tables.keep_table(
        kind=kind, filename="f.csv", rows=arranged(kind, text), unused=[], end_missing=end_missing, by=by, now=now
    )
    seal = look(kind, text, end_missing=end_missing).seal
    with translation.override("en"):
        return imports.import_table(table_id=table.pk, seal=seal, by=by, now=now)


def outcomes(report: Report) -> list[str]:
    return [line.outcome.value for line in report.lines]


def problems(report: Report) -> list[tuple[int, list[str]]]:
    """Lines with the columns at which something is wrong."""
    return [(line.number, [column for column, _why in line.problems]) for line in report.lines if line.problems]


# Schools

SCHOOLS = """Skole;Institutionsnummer;Type;Adresse;Postnr;By;Telefon;Fra klassetrin;Til klassetrin
Ærø Skole;280001;Folkeskole;Havnevej 1;5970;Ærøskøbing;62 52 00 00;0;9
10'eren;;10.-klassecenter;;800;;;10;10
"""


def test_schools_come_in_with_everything_the_file_says(by: Actor, now: datetime) -> None:
    report = let_in("schools", SCHOOLS, by, now)

    fields = ("name", "institution_number", "kind", "address", "postal_code", "city", "phone", "grade_from", "grade_to")
    assert outcomes(report) == ["new", "new"]
    assert list(School.objects.order_by("pk").order_by("-name").values_list(*fields)) == [
        ("Ærø Skole", "280001", "folkeskole", "Havnevej 1", "5970", "Ærøskøbing", "62 52 00 00", 0, 9),
        ("10'eren", "", "tenth", "", "0800", "", "", 10, 10),
    ]


def test_the_same_file_again_changes_nothing(by: Actor, now: datetime) -> None:
    let_in("schools", SCHOOLS, by, now)

    again = look("schools", SCHOOLS)
    assert (outcomes(again), again.is_ready) == (["unchanged", "unchanged"], False)


def test_a_school_is_found_by_its_number_when_it_changed_its_name(by: Actor, now: datetime) -> None:
    school = factories.SchoolFactory.create(name="Byskolen", institution_number="280001", city="Fjordby")
    report = let_in("schools", "Navn,Inst. nr.\nFjordby Byskole,280001\n", by, now)

    school.refresh_from_db()
    assert (outcomes(report), school.name, school.city) == (["changed"], "Fjordby Byskole", "Fjordby")
    assert [change[1:] for change in report.lines[0].changes] == [("Byskolen", "Fjordby Byskole")]


def test_a_school_is_found_by_its_name_in_any_case_and_gets_its_number(by: Actor, now: datetime) -> None:
    school = factories.SchoolFactory.create(name="Fjordby Byskole")
    let_in("schools", "Navn;Institutionsnummer\nfjordby  byskole;280001\n", by, now)

    school.refresh_from_db()
    assert (School.objects.count(), school.institution_number) == (1, "280001")


def test_an_empty_cell_changes_nothing(by: Actor, now: datetime) -> None:
    factories.SchoolFactory.create(name="Byskolen", city="Fjordby", phone="70 00 10 01", kind="special")

    assert outcomes(look("schools", "Navn;Type;By;Telefon\nByskolen;;;\n")) == ["unchanged"]


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        (";;;;;;;;x", ["Name", "To grade"]),
        ("A;12;;;;;;;", ["Institution number"]),
        ("A;28000x;;;;;;;", ["Institution number"]),
        ("A;;Cirkus;;;;;;", ["Kind"]),
        ("A;;;;12345;;;;", ["Postal code"]),
        ("A;;;;;;;9;0", ["From grade"]),
        ("A;;;;;;;11;", ["From grade"]),
        ("A;;;;;;" + "1" * 21 + ";;", ["Phone"]),
        ("A" * 101 + ";;;;;;;;", ["Name"]),
        ("2026-08-01;;;;;;;;", ["Name"]),
        ("Byskolen;280009;;;;;;;", ["Institution number"]),
        ("Byskolen;280002;;;;;;;", ["Name"]),
    ],
)
def test_what_a_school_cannot_be_is_told_at_the_column(line: str, columns: list[str]) -> None:
    factories.SchoolFactory.create(name="Byskolen", institution_number="280001")
    factories.SchoolFactory.create(name="Landskolen", institution_number="280002")
    head = SCHOOLS.split("\n", maxsplit=1)[0]

    if line.startswith("A;12"):  # short numbers are filled up with zeros, as Excel takes them away
        assert problems(look("schools", f"{head}\n{line}\n")) == []
    else:
        assert problems(look("schools", f"{head}\n{line}\n")) == [(2, columns)]


@pytest.mark.parametrize(
    "lines", ["A;280001\na;\n", "A;280001\nB;280001\n", "Byskolen;\nByskolen;280001\n", "Byskolen;\nNyskolen;280001\n"]
)
def test_a_school_stands_once_in_a_file(lines: str) -> None:
    factories.SchoolFactory.create(name="Byskolen", institution_number="280001")

    assert [number for number, _columns in problems(look("schools", f"Navn;Institutionsnummer\n{lines}"))] == [3]


# Classes

CLASSES = """Skole;Klasse;Skoleår;Startår;Fra klassetrin;Til klassetrin;Elever;Aktiv
Byskolen;7.A;;;;;22;ja
Byskolen;0b;2027/28;;;;;
Byskolen;C;;2019;;;;nej
280001;Specialklassen;;;4;6;8;
"""


@pytest.fixture
def school() -> School:
    made: School = factories.SchoolFactory.create(name="Byskolen", institution_number="280001")
    return made


def test_classes_come_in_as_cohorts_and_groups(by: Actor, now: datetime, school: School) -> None:
    let_in("classes", CLASSES, by, now)

    fields = ("start_year", "letter", "name", "grade_from", "grade_to", "pupils", "is_active")
    assert set(school.classes.values_list(*fields)) == {
        (2019, "A", "", None, None, 22, True),
        (2027, "B", "", None, None, 24, True),
        (2019, "C", "", None, None, 24, False),
        (None, "", "Specialklassen", 4, 6, 8, True),
    }
    assert outcomes(look("classes", CLASSES)) == ["unchanged"] * 4


def test_a_class_is_found_by_its_start_year_and_letter_in_any_case(school: School) -> None:
    factories.SchoolClassFactory.create(school=school, start_year=2019, letter="A", pupils=24)
    report = look("classes", "School,Class,Pupils\nbyskolen,7 a,25\n")

    assert (outcomes(report), [change[1:] for change in report.lines[0].changes]) == (["changed"], [("24", "25")])


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        (";7.A;;;;;;", ["School"]),
        ("Landskolen;7.A;;;;;;", ["School"]),
        ("Lukket;7.A;;;;;;", ["School"]),
        ("Byskolen;;;;;;;", ["Class"]),
        ("Byskolen;7.A;;2018;;;;", ["Start year"]),
        ("Byskolen;7.A;;nitten;;;;", ["Start year"]),
        ("Byskolen;7.A;2026/28;;;;;", ["School year"]),
        ("Byskolen;7.A;i år;;;;;", ["School year"]),
        ("Byskolen;7.A;;;7;9;;", ["From grade"]),
        ("Byskolen;Holdet;;;;;;", ["From grade"]),
        ("Byskolen;Holdet;;;7;;;", ["From grade"]),
        ("Byskolen;Holdet;;;9;7;;", ["From grade"]),
        ("Byskolen;Holdet;;2019;7;9;;", ["Start year"]),
        ("Byskolen;2026-02-01;;;7;9;;", ["Class"]),
        ("Byskolen;7.A;;;;;0;", ["Pupils"]),
        ("Byskolen;7.A;;;;;61;", ["Pupils"]),
        ("Byskolen;7.A;;;;;mange;", ["Pupils"]),
        ("Byskolen;7.A;;;;;24;måske", ["Active"]),
        ("Byskolen;" + "x" * 61 + ";;;7;9;;", ["Class"]),
    ],
)
def test_what_a_class_cannot_be_is_told_at_the_column(school: School, line: str, columns: list[str]) -> None:
    factories.SchoolFactory.create(name="Lukket", closed_on=date(2026, 7, 31))
    head = CLASSES.split("\n", maxsplit=1)[0]

    assert problems(look("classes", f"{head}\n{line}\n")) == [(2, columns)]


def test_a_class_stands_once_in_a_file(school: School) -> None:
    assert problems(look("classes", "Skole;Klasse\nByskolen;7.A\n280001;7a\n")) == [(3, ["Class"])]


def test_a_class_that_is_not_at_school_this_year_is_pointed_out(school: School) -> None:
    report = look("classes", "Skole;Klasse;Startår\nByskolen;A;2010\n")

    assert (outcomes(report), len(report.lines[0].warnings)) == (["new"], 1)


# Teachers

TEACHERS = """Navn;E-mail;Skole;Rolle;Telefon;Egne klasser
Sofie Østergård;Sofie@Skole.Fjordby.example;Byskolen;Lærer;+45 70 00 10 01;7.A, 8b
Åge Ærø;aage@skole.fjordby.example;280001;Åben skole-ambassadør;;
Åge Ærø;aage@skole.fjordby.example;Landskolen;;;
"""


@pytest.fixture
def landskolen() -> School:
    made: School = factories.SchoolFactory.create(name="Landskolen")
    return made


@pytest.fixture
def classes(school: School) -> list[SchoolClass]:
    years = [(2019, "A"), (2018, "B")]
    return [factories.SchoolClassFactory.create(school=school, start_year=year, letter=one) for year, one in years]


@pytest.mark.usefixtures("landskolen", "classes")
def test_teachers_come_in_with_schools_roles_and_own_classes(by: Actor, now: datetime) -> None:
    report = let_in("teachers", TEACHERS, by, now)

    assert outcomes(report) == ["new", "new", "changed"]
    assert list(
        Membership.objects.order_by("user__name", "role").values_list(
            "user__name", "user__email", "user__phone", "school__name", "role"
        )
    ) == [
        ("Sofie Østergård", "sofie@skole.fjordby.example", "+45 70 00 10 01", "Byskolen", "teacher"),
        ("Åge Ærø", "aage@skole.fjordby.example", "", "Byskolen", "ambassador"),
        ("Åge Ærø", "aage@skole.fjordby.example", "", "Landskolen", "teacher"),
    ]
    sofie = Membership.objects.get(user__name="Sofie Østergård")
    assert {one.label(TODAY) for one in sofie.own_classes.all()} == {"7.A", "8.B"}
    assert [one.has_usable_password() for one in User.objects.filter(memberships__isnull=False)] == [False] * 3
    assert outcomes(look("teachers", TEACHERS)) == ["unchanged"] * 3


def test_nobody_gets_a_mail_or_a_role_in_the_municipality(
    by: Actor, now: datetime, landskolen: School, classes: list[SchoolClass]
) -> None:
    let_in("teachers", TEACHERS, by, now)

    assert (Message.objects.count(), MunicipalRole.objects.count()) == (0, 1)


@pytest.mark.parametrize("role", ["Koordinator", "administrator", "Operatør", "reviewer"])
def test_roles_in_the_municipality_are_not_given_by_a_file(school: School, role: str) -> None:
    text = f"Navn;E-mail;Skole;Rolle\nA;a@b.example;Byskolen;{role}\n"

    assert problems(look("teachers", text)) == [(2, ["Role"])]


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        (";a@b.example;Byskolen;;;", ["Name"]),
        ("A;;Byskolen;;;", ["Work e-mail"]),
        ("A;ikke en adresse;Byskolen;;;", ["Work e-mail"]),
        ("A;a@b.example;;;;", ["School"]),
        ("A;a@b.example;Havskolen;;;", ["School"]),
        ("A;a@b.example;Byskolen;Pedel;;", ["Role"]),
        ("A;a@b.example;Byskolen;;;7.Q", ["Own classes"]),
        ("A;a@b.example;Byskolen;;" + "1" * 21 + ";", ["Phone"]),
        ("A;lukket@b.example;Byskolen;;;", ["Work e-mail"]),
    ],
)
def test_what_a_teacher_cannot_be_is_told_at_the_column(school: School, line: str, columns: list[str]) -> None:
    factories.UserFactory.create(email="lukket@b.example", is_active=False)
    head = TEACHERS.split("\n", maxsplit=1)[0]

    assert problems(look("teachers", f"{head}\n{line}\n")) == [(2, columns)]


@pytest.mark.usefixtures("school", "landskolen")
def test_two_lines_about_one_person_must_agree() -> None:
    head = "Navn;E-mail;Skole\n"

    assert problems(look("teachers", f"{head}A;a@b.example;Byskolen\nB;A@b.example;Landskolen\n")) == [(3, ["Name"])]
    assert problems(look("teachers", f"{head}A;a@b.example;Byskolen\nA;A@b.example;Byskolen\n")) == [
        (3, ["Work e-mail"])
    ]


def test_a_person_who_is_there_keeps_what_the_file_does_not_say(by: Actor, now: datetime, school: School) -> None:
    user = factories.UserFactory.create(name="Mette", email="mette@b.example", phone="70 00 10 01")
    report = let_in("teachers", "Navn;E-mail;Skole\n;mette@B.example;Byskolen\n", by, now)

    user.refresh_from_db()
    assert (outcomes(report), user.name, user.phone, user.email) == (
        ["changed"], "Mette", "70 00 10 01", "mette@b.example",
    )  # fmt: skip
    assert user.memberships.count() == 1


def test_a_role_that_ended_is_given_anew_and_the_old_one_stays(by: Actor, now: datetime, school: School) -> None:
    old = factories.MembershipFactory.create(school=school, ended_on=date(2026, 6, 30))
    let_in("teachers", f"Navn;E-mail;Skole\n{old.user.name};{old.user.email};Byskolen\n", by, now)

    assert sorted(str(one.ended_on) for one in old.user.memberships.all()) == ["2026-06-30", "None"]


def test_roles_missing_from_the_file_end_only_when_that_was_ticked_and_only_at_its_schools(
    by: Actor, now: datetime, school: School, landskolen: School
) -> None:
    gone = factories.MembershipFactory.create(school=school, user__name="Gammel Lærer")
    leader = factories.MembershipFactory.create(school=school, user__email="a@b.example", role="leader")
    elsewhere = factories.MembershipFactory.create(school=landskolen)
    text = "Navn;E-mail;Skole\nA;a@b.example;Byskolen\n"

    assert look("teachers", text).ending == []
    report = look("teachers", text, end_missing=True)
    assert (len(report.ending), "Gammel Lærer" in report.ending[0] + report.ending[1]) == (2, True)

    let_in("teachers", text, by, now, end_missing=True)

    ended = set(Membership.objects.filter(ended_on=TODAY))
    assert (ended, Membership.objects.get(pk=elsewhere.pk).ended_on) == ({gone, leader}, None)
    assert AuditEntry.objects.filter(action="membership-ended").count() == 2


def test_addresses_outside_the_municipality_are_pointed_out(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "own_domains", lambda: ["fjordby.example"])
    report = look("teachers", "Navn;E-mail;Skole\nA;a@fjordby.example;Byskolen\nB;b@gmail.example;Byskolen\n")

    assert [len(line.warnings) for line in report.lines] == [0, 1]
    assert outcomes(report) == ["new", "new"]


# What holds for all of them


def test_no_two_columns_of_a_kind_go_by_the_same_name() -> None:
    for kind in KINDS_OF_TABLES.values():
        words: list[str] = []
        for column in kind.columns:
            own = {simple(word) for word in column.also}
            for code, _name in settings.LANGUAGES:
                with translation.override(code):
                    own.add(simple(str(column.heading)))
            words += own
        assert len(words) == len(set(words)), kind.name


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("By;Telefon\nA;1\n", "missing-column"),
        ("Navn;Skolens navn\nA;B\n", "column-twice"),
        ("Navn;Note\nA;barn 010203-1234\n", "cpr"),
        ("Navn;Adresse\nA;0102031234\n", "cpr"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_as_a_whole(text: str, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        arranged("schools", text)

    assert (refusal.value.code, refusal.value.field) == (code, "file")


def test_columns_that_nobody_asked_for_are_left_out() -> None:
    table = read_table(SimpleUploadedFile("f.csv", b"Navn;Hemmeligt;By\nA;x;B\n"))
    rows, unused = tables.arrange(imports.SCHOOL_COLUMNS, table.headings, table.rows)

    assert (rows, unused) == ([(2, {"name": "A", "city": "B"})], ["Hemmeligt"])


def test_one_wrong_line_keeps_everything_out(by: Actor, now: datetime) -> None:
    with pytest.raises(Refusal) as refusal:
        let_in("schools", "Navn;Postnr\nA;5000\nB;x\n", by, now)

    assert (refusal.value.code, School.objects.count(), AuditEntry.objects.count()) == ("not-ready", 0, 0)


def test_what_is_let_in_is_what_was_looked_over(by: Actor, now: datetime) -> None:
    text = "Navn;By\nByskolen;Fjordby\n"
    rows = arranged("schools", text)
    table = tables.keep_table(kind="schools", filename="", rows=rows, unused=[], end_missing=False, by=by, now=now)
    seal = look("schools", text).seal
    factories.SchoolFactory.create(name="Byskolen")

    with pytest.raises(Refusal) as refusal:
        imports.import_table(table_id=table.pk, seal=seal, by=by, now=now)

    assert (refusal.value.code, School.objects.get().city) == ("changed-meanwhile", "")


def test_a_file_is_let_in_once_by_whoever_uploaded_it_within_a_day(by: Actor, now: datetime) -> None:
    rows = arranged("schools", SCHOOLS)
    seal = look("schools", SCHOOLS).seal
    table = tables.keep_table(kind="schools", filename="", rows=rows, unused=[], end_missing=False, by=by, now=now)
    other = Actor.of_user(factories.CoordinatorFactory.create())
    teacher = Actor.of_user(factories.UserFactory.create())

    def asks(who: Actor, moment: datetime) -> str:
        with pytest.raises(Refusal) as refusal:
            imports.import_table(table_id=table.pk, seal=seal, by=who, now=moment)
        return refusal.value.code

    assert asks(teacher, now) == "not-allowed"
    assert asks(other, now) == "gone"
    assert asks(by, now + timedelta(hours=24, seconds=1)) == "gone"
    with translation.override("en"):
        imports.import_table(table_id=table.pk, seal=seal, by=by, now=now)
    assert (asks(by, now), PendingTable.objects.count()) == ("gone", 0)


def test_the_log_says_what_was_done_to_each_row_and_to_all(by: Actor, now: datetime) -> None:
    factories.SchoolFactory.create(name="Byskolen")
    let_in("schools", "Navn;By\nByskolen;Fjordby\nLandskolen;\n", by, now)

    assert sorted(AuditEntry.objects.values_list("action", "facts")) == [
        ("school-added", {"via": "import"}),
        ("school-changed", {"via": "import", "fields": ["city"]}),
        ("table-imported", {"kind": "schools", "lines": 2, "added": 1, "changed": 1, "ended": 0}),
    ]


def test_a_table_nobody_confirmed_is_gone_after_a_day(by: Actor, now: datetime) -> None:
    for hours in (25, 23):
        tables.keep_table(
            kind="schools", filename="", rows=[], unused=[], end_missing=False, by=by, now=now - timedelta(hours=hours)
        )
    with time_machine.travel(now, tick=False):
        forget_tables()

    assert PendingTable.objects.count() == 1


@pytest.mark.usefixtures("landskolen")
def test_a_thousand_lines_take_no_more_questions_than_three(
    by: Actor, now: datetime, school: School, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def teachers(count: int) -> str:
        lines = [f"Lærer {n};l{n}@b.example;Byskolen" for n in range(count)]
        return "Navn;E-mail;Skole\n" + "\n".join(lines) + "\n"

    for count in (3, 1000):
        with django_assert_num_queries(4):
            look("teachers", teachers(count))
    let_in("teachers", teachers(1000), by, now)
    with django_assert_num_queries(6):
        look("teachers", teachers(1000))


# At the desk


@pytest.fixture
def desk(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        client = Client()
        client.force_login(factories.CoordinatorFactory.create())
        yield client


def upload(desk: Client, content: bytes | str, model: str = "schools_school", **more: str) -> Any:
    content = content.encode() if isinstance(content, str) else content
    address = reverse(f"admin:{model}_import")
    return desk.post(address, {"file": SimpleUploadedFile("liste.csv", content), **more})


@pytest.mark.django_db(transaction=True)
def test_a_file_is_uploaded_looked_over_and_let_in(committing: None, now: datetime) -> None:
    factories.MunicipalityFactory.create()
    with time_machine.travel(now, tick=False):
        client = Client()
        client.force_login(factories.CoordinatorFactory.create())
        sent = upload(client, SCHOOLS.encode("cp1252"))
        report = client.get(sent.headers["Location"])
        before = School.objects.count()
        done = client.post(sent.headers["Location"], {"seal": report.context["report"].seal})
        again = client.post(sent.headers["Location"], {"seal": report.context["report"].seal})

    assert (sent.status_code, report.status_code, before) == (302, 200, 0)
    assert "Ærø Skole" in report.content.decode()
    assert (done.headers["Location"], again.status_code) == (reverse("admin:schools_school_changelist"), 302)
    assert (School.objects.count(), PendingTable.objects.count()) == (2, 0)


def test_the_report_says_line_by_line_what_is_wrong_and_has_no_button_then(desk: Client) -> None:
    sent = upload(desk, "Navn;Postnr\nA;5000\nB;<b>x</b>\n")
    page = desk.get(sent.headers["Location"])
    text = page.content.decode()

    assert [line.number for line in page.context["page"]] == [3]
    assert ("Import all of it" in text, "Importér det hele" in text) == (False, False)
    assert [line.number for line in desk.get(sent.headers["Location"] + "?show=all").context["page"]] == [2, 3]
    assert desk.post(sent.headers["Location"], {"seal": page.context["report"].seal}).status_code == 422
    assert School.objects.count() == 0


def test_the_report_has_pages(desk: Client) -> None:
    lines = "\n".join(f"Skole {n}" for n in range(120))
    sent = upload(desk, f"Navn\n{lines}\n")

    numbers = [line.number for line in desk.get(sent.headers["Location"] + "?page=3").context["page"]]
    assert numbers == list(range(102, 122))


@pytest.mark.parametrize("query", ["?page=x", "?page=-1", "?page=999", "?show=%3Cscript%3E", "?show=warned"])
def test_odd_addresses_of_a_report_are_answered_calmly(desk: Client, query: str) -> None:
    sent = upload(desk, SCHOOLS)

    assert desk.get(sent.headers["Location"] + query).status_code == 200


def test_a_file_is_given_up(desk: Client) -> None:
    sent = upload(desk, SCHOOLS)
    desk.post(sent.headers["Location"], {"give_up": "1"})

    assert (PendingTable.objects.count(), School.objects.count()) == (0, 0)
    assert desk.get(sent.headers["Location"]).status_code == 404


def test_what_another_coordinator_uploaded_does_not_exist(desk: Client) -> None:
    sent = upload(desk, SCHOOLS)
    other = Client()
    other.force_login(factories.CoordinatorFactory.create())

    assert other.get(sent.headers["Location"]).status_code == 404
    other.post(sent.headers["Location"], {"give_up": "1"})
    assert PendingTable.objects.count() == 1


def test_a_report_of_one_kind_is_not_shown_as_another(desk: Client) -> None:
    table = PendingTable.objects.get(pk=upload(desk, SCHOOLS).headers["Location"].split("/")[-2])

    assert desk.get(reverse("admin:schools_schoolclass_import_report", args=(table.pk,))).status_code == 404


@pytest.mark.parametrize(
    "content", ["", "Navn\n", "By\nA\n", "Navn;Note\nA;010203-1234\n", b"%PDF-1.7\x00", b"PK\x03\x04", b"\xff\xfe\xff"]
)
def test_a_file_that_cannot_be_taken_is_answered_at_the_field_and_not_kept(desk: Client, content: Any) -> None:
    answer = upload(desk, content)

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["file"])
    assert PendingTable.objects.count() == 0


def test_without_a_file_one_is_asked_for(desk: Client) -> None:
    answer = desk.post(reverse("admin:portal_user_import"), {})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["file"])


@pytest.mark.parametrize("model", ["schools_school", "schools_schoolclass", "portal_user"])
def test_the_empty_table_can_be_filled_in_and_its_example_is_let_in(desk: Client, model: str) -> None:
    answer: Any = desk.get(reverse(f"admin:{model}_import_template"))
    book = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    rows: list[Sequence[Any]] = [[cell.value for cell in row] for row in book.worksheets[1].iter_rows()]
    kind = {"schools_school": "schools", "schools_schoolclass": "classes", "portal_user": "teachers"}[model]
    columns = KINDS_OF_TABLES[kind].columns

    headings = [str(cell.value) for cell in next(book.worksheets[0].iter_rows())]
    assert headings == [cell for cell in rows[1] if cell]
    for name in ("Fjordby Byskole", "Mågevangskolen"):
        if kind != "schools":
            one = factories.SchoolFactory.create(name=name)
            for year, letter in ((2019, "A"), (2018, "B")):
                if kind == "teachers":
                    factories.SchoolClassFactory.create(school=one, start_year=year, letter=letter)
    filled = [(3, [str(cell or "") for cell in rows[2]][: len(columns)])]
    found, unused = tables.arrange(columns, headings, filled)
    report = KINDS_OF_TABLES[kind].report(found, end_missing=False, today=TODAY)
    assert (unused, outcomes(report), report.lines[0].problems) == ([], ["new"], [])


def test_each_list_has_its_button(desk: Client) -> None:
    for model in ("schools_school", "schools_schoolclass", "portal_user"):
        page = desk.get(reverse(f"admin:{model}_changelist")).content.decode()
        assert reverse(f"admin:{model}_import") in page
    assert "importer" not in desk.get(reverse("admin:offers_offer_changelist")).content.decode()

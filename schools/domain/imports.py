"""Schools, classes and teachers from a table: looked over line by line, then let in as a whole or not at all.

A line's row is found again by what stays: a school by its institution number or name, a class by school, start year
and letter or by the group's name, a teacher by the work e-mail. So letting the same file in again changes nothing.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.domain import audit
from portal.domain.actor import Actor
from portal.domain.calendar import local_day
from portal.domain.refusal import Refusal
from portal.domain.tables import Column, Line, Put, Report, Row, Text, rows_of, same, simple, waiting
from portal.models import Municipality, User
from schools.models import Membership, School, SchoolClass, school_year_of

# A grade and a letter: 7.A, 7a, 0. B, 10.C2. What is longer is a group's name.
COHORT = re.compile(r"(10|[0-9])\s*\.?\s*([A-Za-zÆØÅæøå]{1,2}[0-9]{0,2})")
LETTER = re.compile(r"[A-Za-zÆØÅæøå]{1,2}[0-9]{0,2}")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}.*")
YES = frozenset({"ja", "yes", "j", "y", "x", "1", "sand", "true"})
NO = frozenset({"nej", "no", "n", "0", "falsk", "false"})
MUNICIPAL = frozenset({"koordinator", "coordinator", "administrator", "operatør", "operator", "reviewer", "redaktør"})

KINDS: Mapping[str, Sequence[str]] = {
    School.Kind.FOLKESKOLE: ("folkeskole", "grundskole", "skole", "publicschool"),
    School.Kind.SPECIAL: ("specialskole", "specialschool", "special"),
    School.Kind.YOUTH: ("ungdomsskole", "youthschool", "youth"),
    School.Kind.TENTH: ("10klassecenter", "tiendeklassecenter", "10thgradecentre", "tenth"),
    School.Kind.INDEPENDENT: ("friskole", "privatskole", "friogprivatskole", "independentschool", "independent"),
}
ROLES: Mapping[str, Sequence[str]] = {
    Membership.Role.TEACHER: ("lærer", "teacher", "underviser", "pædagog"),
    Membership.Role.AMBASSADOR: ("ambassadør", "åbenskoleambassadør", "ambassador"),
    Membership.Role.PLC: ("plc", "pædagogisklæringscenter", "læringscenter", "læringsvejleder", "learningcentre"),
    Membership.Role.GUIDANCE: ("vejleder", "uuvejleder", "uddannelsesvejleder", "guidance", "guidancecounsellor"),
    Membership.Role.LEADER: ("leder", "skoleleder", "afdelingsleder", "leader", "schoolleader", "principal"),
}

SCHOOL = Column(
    name="school",
    heading=_("School"),
    also=("skole", "skolenavn", "school name", "skolens navn", "institution", "institutionsnummer"),
    required=True,
    says=_("The school's name or its institution number."),
    examples=("Fjordby Byskole", "Mågevangskolen"),
)
PHONE = Column(
    name="phone",
    heading=_("Phone"),
    also=("telefon", "tlf", "tlf.", "telefonnummer", "mobil", "phone number", "mobile"),
    examples=("70 00 10 01", "+45 70 00 10 11"),
)
FROM_GRADE = Column(
    name="grade_from",
    heading=_("From grade"),
    also=("fra klassetrin", "fra trin", "fra klasse", "laveste klassetrin", "first grade"),
    says=_("0 to 10; 0 is kindergarten class."),
    examples=("0", "0"),
)
TO_GRADE = Column(
    name="grade_to",
    heading=_("To grade"),
    also=("til klassetrin", "til trin", "til klasse", "højeste klassetrin", "last grade"),
    examples=("9", "6"),
)
SCHOOL_COLUMNS = (
    Column(
        name="name",
        heading=_("Name"),
        also=("navn", "skole", "skolenavn", "skolens navn", "school", "school name", "institution", "institutionsnavn"),
        required=True,
        examples=("Fjordby Byskole", "Mågevangskolen"),
    ),
    Column(
        name="institution_number",
        heading=_("Institution number"),
        also=("institutionsnummer", "institutionsnr", "inst nr", "instnr", "institution no", "skolekode"),
        says=_("Six digits. With it the school is found again when it has changed its name."),
        examples=("999001", "999002"),
    ),
    Column(
        name="kind",
        heading=_("Kind"),
        also=("type", "skoletype", "school type", "art"),
        says=_("Folkeskole, special school, youth school, 10th-grade centre or independent school."),
        examples=("Folkeskole", "Folkeskole"),
    ),
    Column(name="address", heading=_("Address"), also=("adresse", "vej", "street"), examples=("Klokkestræde 12", "")),
    Column(
        name="postal_code",
        heading=_("Postal code"),
        also=("postnr", "postnummer", "post nr", "zip", "zip code", "postcode"),
        examples=("9995", "9995"),
    ),
    Column(name="city", heading=_("Town"), also=("by", "postdistrikt", "city"), examples=("Fjordby", "Fjordby")),
    PHONE,
    FROM_GRADE,
    TO_GRADE,
)
CLASS_COLUMNS = (
    SCHOOL,
    Column(
        name="class",
        heading=_("Class"),
        also=("klasse", "klassenavn", "hold", "gruppe", "group", "name", "navn", "klasse/hold", "class name"),
        required=True,
        says=_("Grade and letter as in 7.A, or the name of a group."),
        examples=("7.A", "Specialklassen i Tårnet"),
    ),
    Column(
        name="school_year",
        heading=_("School year"),
        also=("skoleår", "year"),
        says=_("The year in which the class has that grade, as in 2026/27. Empty: the present one."),
        examples=("2026/27", ""),
    ),
    Column(
        name="start_year",
        heading=_("Start year"),
        also=("startår", "began in", "start", "årgang", "began grade 0 in"),
        says=_("The year in which the class began grade 0. It may stand instead of the grade."),
    ),
    Column(name=FROM_GRADE.name, heading=FROM_GRADE.heading, also=FROM_GRADE.also, examples=("", "7"),
           says=_("For groups alone.")),
    Column(name=TO_GRADE.name, heading=TO_GRADE.heading, also=TO_GRADE.also, examples=("", "9")),
    Column(
        name="pupils",
        heading=_("Pupils"),
        also=("elever", "antal elever", "elevtal", "number of pupils", "antal"),
        says=_("How many there usually are, 1 to 60; never names."),
        examples=("24", "8"),
    ),
    Column(
        name="is_active",
        heading=_("Active"),
        also=("aktiv",),
        says=_("Yes or no. A class that is not active cannot be enrolled."),
        examples=("ja", ""),
    ),
)  # fmt: skip
TEACHER_COLUMNS = (
    Column(
        name="name",
        heading=_("Name"),
        also=("navn", "lærer", "fulde navn", "medarbejder", "teacher", "full name", "lærerens navn"),
        required=True,
        examples=("Sofie Østergård", "Åge Ærø"),
    ),
    Column(
        name="email",
        heading=_("Work e-mail"),
        also=("e-mail", "mail", "arbejdsmail", "arbejds-e-mail", "e-mailadresse", "mailadresse", "email address"),
        required=True,
        says=_("By it the person is found again."),
        examples=("sofie@skole.fjordby.example", "aage@skole.fjordby.example"),
    ),
    SCHOOL,
    Column(
        name="role",
        heading=_("Role"),
        also=("rolle", "funktion", "stilling"),
        says=_("Teacher, ambassador, PLC, guidance counsellor or school leader. Empty: teacher."),
        examples=("lærer", "ambassadør"),
    ),
    PHONE,
    Column(
        name="own_classes",
        heading=_("Own classes"),
        also=("egne klasser", "klasser", "klasse", "classes", "hold"),
        several=True,
        says=_("As in “7.A, 8.B”. They must be in the portal already."),
        examples=("7.A, 8.B", ""),
    ),
)  # fmt: skip

SCHOOLS = {column.name: column for column in SCHOOL_COLUMNS}
CLASSES = {column.name: column for column in CLASS_COLUMNS}
TEACHERS = {column.name: column for column in TEACHER_COLUMNS}


@dataclass
class Plan:
    """What would be written, beside the report of it."""

    report: Report
    made: list[models.Model] = field(default_factory=list)
    changed: list[tuple[models.Model, Sequence[str]]] = field(default_factory=list)
    own_classes: list[tuple[Membership, Sequence[SchoolClass]]] = field(default_factory=list)
    ended: list[Membership] = field(default_factory=list)

    def take(self, put: Put) -> None:
        """Note what became of a row."""
        if put.line.problems:
            return
        if put.row._state.adding:
            self.made.append(put.row)
        elif put.fields:
            self.changed.append((put.row, put.fields))


# Words


def grade_of(text: str) -> int | None:
    """Return the grade that a text names, 0 to 10."""
    word = simple(text).removesuffix("klassetrin").removesuffix("klasse").removesuffix("kl").removesuffix("trin")
    if word in {"børnehave", "bh", "børnehaveklassen"}:
        return 0
    return int(word) if re.fullmatch(r"[0-9]|10", word) else None


def put_grades(put: Put, columns: Sequence[Column], cells: Mapping[str, str]) -> None:
    """Set the span of grades."""
    for column in columns:
        text = cells.get(column.name, "")
        if not text:
            continue
        grade = grade_of(text)
        if grade is None:
            put.line.problem(column, gettext("“%(text)s” is no grade. Write a number from 0 to 10.") % {"text": text})
        else:
            put.put(column, grade)
    low, high = (getattr(put.row, column.name) for column in columns)
    if low is not None and high is not None and low > high:
        put.line.problem(columns[0], gettext("The first grade must not be above the last."))


def word_of(
    line: Line, column: Column, text: str, words: Mapping[str, Sequence[str]], choices: Sequence[tuple[Any, Any]]
) -> str | None:
    """Return the choice that a word means, or say which there are."""
    word = simple(text)
    for value, label in choices:
        if word in {simple(value), simple(str(label)), *words[value]}:
            return str(value)
    known = ", ".join(str(label) for _value, label in choices)
    line.problem(column, gettext("“%(text)s” is not known. Known are: %(known)s.") % {"text": text, "known": known})
    return None


def is_a_date(line: Line, column: Column, text: str) -> bool:
    """Return whether Excel has made a date of what was typed, and say so."""
    if not DATE.fullmatch(text):
        return False
    sentence = gettext("Excel has made the date %(date)s of it. Give the column the format “Text” and type it again.")
    line.problem(column, sentence % {"date": text})
    return True


class Schools:
    """The schools there are, found by name or institution number."""

    def __init__(self) -> None:
        self.by_number: dict[str, School] = {}
        self.by_name: dict[str, School] = {}
        for school in School.objects.all():
            self.by_name[same(school.name)] = school
            if school.institution_number:
                self.by_number[school.institution_number] = school

    def find(self, line: Line, text: str, today: date) -> School | None:
        """Return the school that a cell names, or say that there is none."""
        school = self.by_name.get(same(text)) or self.by_number.get(text.zfill(6) if text.isdigit() else text)
        if not text:
            line.problem(SCHOOL, gettext("The school is missing."))
        elif school is None:
            line.problem(SCHOOL, gettext("There is no school “%(name)s”. Import the schools first.") % {"name": text})
        elif school.closed_on is not None and school.closed_on <= today:
            line.problem(SCHOOL, gettext("%(school)s is closed.") % {"school": school})
            return None
        return school


def doubled(line: Line, column: Column, earlier: int) -> None:
    """Say that an earlier line is about the same."""
    line.problem(column, gettext("Line %(number)s is about the same. Remove one of them.") % {"number": earlier})


# Schools


def look_over_schools(rows: Iterable[Row], *, end_missing: bool, today: date) -> Plan:
    """Say what a table of schools would do. Nothing is written."""
    known = Schools()
    plan = Plan(Report([]))
    seen: dict[Any, int] = {}
    for number, cells in rows:
        line = Line(number, about=cells.get("name", ""))
        plan.report.lines.append(line)
        digits = cells.get("institution_number", "").replace(" ", "")
        digits = digits.zfill(6) if digits.isdigit() else digits
        school = school_of(line, known, digits)
        line.is_new = school is None
        put = Put(school or School(), line)
        for key, column in (
            (("row", put.row.pk), SCHOOLS["name"]),
            (("name", same(line.about)), SCHOOLS["name"]),
            (("number", digits), SCHOOLS["institution_number"]),
        ):
            if key[1] and seen.setdefault(key, number) != number:
                doubled(line, column, seen[key])
                break
        put_school(put, {**cells, "institution_number": digits})
        plan.take(put)
    return plan


def school_of(line: Line, known: Schools, digits: str) -> School | None:
    """Return the school that a line is about: by its number, otherwise by its name."""
    numbered = known.by_number.get(digits) if digits else None
    named = known.by_name.get(same(line.about))
    if numbered is not None:
        if named is not None and named.pk != numbered.pk:
            line.problem(SCHOOLS["name"], gettext("The number is that of %(school)s.") % {"school": numbered})
        return numbered
    if named is not None and digits and named.institution_number:
        sentence = gettext("%(school)s has the number %(number)s already.")
        facts = {"school": named, "number": named.institution_number}
        line.problem(SCHOOLS["institution_number"], sentence % facts)
    return named


def put_school(put: Put, cells: Mapping[str, str]) -> None:
    """Set what the cells say of a school."""
    if not cells.get("name"):
        put.line.problem(SCHOOLS["name"], gettext("The name is missing."))
    elif not is_a_date(put.line, SCHOOLS["name"], cells["name"]):
        put.put(SCHOOLS["name"], cells["name"])
    for name in ("institution_number", "address", "city", "phone"):
        if cells.get(name):
            put.put(SCHOOLS[name], cells[name])
    if code := cells.get("postal_code"):
        if re.fullmatch(r"[0-9]{3,4}", code):
            put.put(SCHOOLS["postal_code"], code.zfill(4))
        else:
            put.line.problem(SCHOOLS["postal_code"], gettext("A postal code has four digits."))
    if text := cells.get("kind"):
        kind = word_of(put.line, SCHOOLS["kind"], text, KINDS, School.Kind.choices)
        if kind:
            put.put(SCHOOLS["kind"], kind)
    put_grades(put, (FROM_GRADE, TO_GRADE), cells)


# Classes


def start_year_of(line: Line, cells: Mapping[str, str], grade: int | None, today: date) -> int | None:
    """Return the year in which a class began grade 0, from its grade in a school year or as it is written."""
    written = re.fullmatch(r"((?:19[89]|20[0-9])[0-9])(?:-\d\d-\d\d)?", cells.get("start_year", ""))
    if cells.get("start_year") and not written:
        line.problem(CLASSES["start_year"], gettext("Write the year with four digits, as in 2019."))
        return None
    year = school_year_of(today)
    if text := cells.get("school_year", ""):
        said = re.fullmatch(r"(20[0-9]{2})(?:\s*[/-]\s*(?:20)?([0-9]{2}))?", text)
        if not said or (said[2] and (int(said[1]) + 1) % 100 != int(said[2])):
            line.problem(CLASSES["school_year"], gettext("Write the school year as in 2026/27."))
            return None
        year = int(said[1])
    began = int(written[1]) if written else None
    if grade is None:
        return began
    if began is not None and began != year - grade:
        sentence = gettext("A class in grade %(grade)s in %(year)s began in %(began)s, not in %(written)s.")
        facts = {"grade": grade, "year": f"{year}/{(year + 1) % 100:02d}", "began": year - grade, "written": began}
        line.problem(CLASSES["start_year"], sentence % facts)
    return year - grade


class Classes:
    """The classes there are, found by school and start year with letter, or the group's name."""

    def __init__(self, schools: Iterable[UUID] | None = None) -> None:
        rows = SchoolClass.objects.select_related("school")
        if schools is not None:
            rows = rows.filter(school__in=schools)
        self.found: dict[Any, SchoolClass] = {self.key(one.school_id, one): one for one in rows}

    @staticmethod
    def key(school: UUID, row: SchoolClass) -> tuple[UUID, int | None, str]:
        """Return what a class is known by."""
        return school, row.start_year, same(row.letter if row.start_year is not None else row.name)


def look_over_classes(rows: Iterable[Row], *, end_missing: bool, today: date) -> Plan:
    """Say what a table of classes would do. Nothing is written."""
    schools, classes = Schools(), Classes()
    plan = Plan(Report([]))
    seen: dict[Any, int] = {}
    for number, cells in rows:
        line = Line(number, about=", ".join(filter(None, [cells.get("class", ""), cells.get("school", "")])))
        plan.report.lines.append(line)
        school = schools.find(line, cells.get("school", ""), today)
        wanted = class_of(line, cells, today)
        if school is None or line.problems:
            continue
        key = Classes.key(school.pk, wanted)
        if seen.setdefault(key, number) != number:
            doubled(line, CLASSES["class"], seen[key])
            continue
        there = classes.found.get(key)
        line.is_new = there is None
        if there is None:
            wanted.school = school
        put = Put(there or wanted, line)
        put_class(put, cells, today)
        plan.take(put)
    return plan


def class_of(line: Line, cells: Mapping[str, str], today: date) -> SchoolClass:
    """Return what a line calls the class: a cohort with start year and letter, or a group with a name."""
    name = cells.get("class", "")
    cohort = COHORT.fullmatch(name)
    letter = cohort[2] if cohort else name if cells.get("start_year") and LETTER.fullmatch(name) else ""
    wanted = SchoolClass()
    if not name:
        line.problem(CLASSES["class"], gettext("The class is missing."))
    elif letter:
        wanted.start_year = start_year_of(line, cells, int(cohort[1]) if cohort else None, today)
        wanted.letter = letter.upper()
        if cells.get("grade_from") or cells.get("grade_to"):
            line.problem(FROM_GRADE, gettext("A class with grade and letter has no span of grades; leave it empty."))
    elif not is_a_date(line, CLASSES["class"], name):
        wanted.name = name
        if cells.get("start_year"):
            line.problem(CLASSES["start_year"], gettext("A group has no start year; give it a span of grades."))
    return wanted


def put_class(put: Put, cells: Mapping[str, str], today: date) -> None:
    """Set what the cells say of a class."""
    row: Any = put.row
    if row.start_year is None:
        put_grades(put, (FROM_GRADE, TO_GRADE), cells)
        if row.grade_from is None or row.grade_to is None:
            put.line.problem(FROM_GRADE, gettext("A new group needs its first and last grade."))
        put.put(Column(name="name", heading=CLASSES["class"].heading), row.name)
    elif row.has_left(today):
        put.line.warn(
            CLASSES["class"],
            gettext("The class is not at school this year: the school's last grade is %(last)d.")
            % {"last": row.school.grade_to},
        )
    if text := cells.get("pupils"):
        put_pupils(put, CLASSES["pupils"], text)
    if text := cells.get("is_active"):
        put_yes_or_no(put, CLASSES["is_active"], text)


def put_pupils(put: Put, column: Column, text: str) -> None:
    """Set how many pupils there usually are."""
    if re.fullmatch(r"[0-9]{1,2}", text) and 1 <= int(text) <= 60:
        put.put(column, int(text))
    else:
        put.line.problem(column, gettext("A class has between 1 and 60 pupils."))


def put_yes_or_no(put: Put, column: Column, text: str) -> None:
    """Set what is either so or not."""
    word = simple(text)
    if word in YES | NO:
        put.put(column, word in YES)
    else:
        put.line.problem(column, gettext("Write yes or no."))


# Teachers


@dataclass
class Person:
    """Somebody of the file, perhaps with several lines."""

    row: User
    line: Line
    told: dict[str, str] = field(default_factory=dict)
    fields: list[str] = field(default_factory=list)
    roles: dict[tuple[UUID, str], Membership] = field(default_factory=dict)


def people_by_address(addresses: set[str]) -> dict[str, User]:
    """Return the accounts that have one of the addresses, with their present roles and own classes."""
    current = Membership.objects.filter(ended_on__isnull=True).prefetch_related("own_classes")
    current = current.only("user", "school", "role", "unconfirmed_since")
    accounts = User.objects.annotate(low=Lower("email")).filter(low__in=addresses)
    accounts = accounts.only("email", "name", "phone", "is_active")
    return {
        one.email.lower(): one
        for one in accounts.prefetch_related(models.Prefetch("memberships", current, to_attr="current"))
    }


def look_over_teachers(rows: Iterable[Row], *, end_missing: bool, today: date) -> Plan:
    """Say what a table of teachers would do. Nothing is written.

    With ``end_missing`` the present roles at the schools of the file that it does not name would end.
    """
    rows = list(rows)
    schools, classes, domains = Schools(), Classes(), own_domains()
    known = people_by_address({cells.get("email", "").lower() for _number, cells in rows})
    people: dict[str, Person] = {}
    plan = Plan(Report([]))
    seen: dict[tuple[str, UUID, str], int] = {}
    for number, cells in rows:
        address = cells.get("email", "").lower()
        line = Line(number, about=", ".join(filter(None, [cells.get("name", ""), address])))
        plan.report.lines.append(line)
        school = schools.find(line, cells.get("school", ""), today)
        person = person_of(line, cells, people, known.get(address))
        if address and domains and address.rpartition("@")[2] not in domains:
            sentence = gettext("The address is not one of the municipality's own (%(domains)s).")
            line.warn(TEACHERS["email"], sentence % {"domains": ", ".join(domains)})
        role = role_of(line, cells.get("role", ""))
        if school is None or role is None or line.problems:
            continue
        key = (address, school.pk, role)
        if seen.setdefault(key, number) != number:
            doubled(line, TEACHERS["email"], seen[key])
            continue
        membership = person.roles.get((school.pk, role))
        if membership is None:
            membership = Membership(user=person.row, school=school, role=role)
            plan.made.append(membership)
            if not line.is_new:
                line.change(TEACHERS["role"].heading, "–", f"{membership.get_role_display()}, {school}")
        elif membership.unconfirmed_since is not None:
            membership.unconfirmed_since = None
            plan.changed.append((membership, ["unconfirmed_since"]))
            line.change(TEACHERS["role"].heading, gettext("asked for"), gettext("confirmed"))
        if text := cells.get("own_classes"):
            own = classes_of(line, TEACHERS["own_classes"], text, school, classes, today)
            put_own_classes(plan, line, TEACHERS["own_classes"], membership, own, today)
    for person in people.values():
        plan.take(Put(person.row, person.line, person.fields))
    if end_missing:
        plan.ended = missing_from(seen)
        plan.report.ending = [f"{one.user} ({one.get_role_display()}, {one.school})" for one in plan.ended]
    return plan


def own_domains() -> list[str]:
    """Return the domains of the municipality's own addresses; none where it named none."""
    municipality = Municipality.objects.first()
    return [one.lower().lstrip("@") for one in municipality.teacher_domains] if municipality else []


def missing_from(named: Iterable[tuple[str, UUID, str]]) -> list[Membership]:
    """Return the present roles at the schools of the file that it does not name."""
    named = set(named)
    present = Membership.objects.filter(school__in={school for _address, school, _role in named})
    present = present.current().select_related("user", "school")
    present = present.only("role", "school__name", "user__name", "user__email")
    return [
        one
        for one in present.order_by("school__name", "user__name", "pk")
        if (one.user.email.lower(), one.school_id, one.role) not in named
    ]


def role_of(line: Line, text: str) -> str | None:
    """Return the role at the school; the municipality's own roles are not given by a file."""
    if not text:
        return str(Membership.Role.TEACHER)
    if simple(text) in MUNICIPAL:
        sentence = gettext("Roles in the municipality are not given by a file; give them at the desk.")
        line.problem(TEACHERS["role"], sentence)
        return None
    return word_of(line, TEACHERS["role"], text, ROLES, Membership.Role.choices)


def person_of(line: Line, cells: Mapping[str, str], people: dict[str, Person], account: User | None) -> Person:
    """Return the person a line is about: an account, somebody of an earlier line, or somebody new."""
    address = cells.get("email", "").lower()
    person = people.get(address)
    if person is None:
        line.is_new = account is None
        person = Person(account or User(email=address, password=make_password(None)), line)
        current: list[Membership] = getattr(account, "current", [])
        person.roles = {(one.school_id, one.role): one for one in current}
        people[address] = person
    put = Put(person.row, line, person.fields)
    if not address:
        line.problem(TEACHERS["email"], gettext("The work e-mail is missing."))
    elif not person.row.is_active:
        line.problem(TEACHERS["email"], gettext("The account is closed. Open it on the person's page first."))
    elif account is None:
        put.put(TEACHERS["email"], address)
    if not cells.get("name") and not person.row.name:
        line.problem(TEACHERS["name"], gettext("The name is missing."))
    for name in ("name", "phone"):
        text = cells.get(name)
        if text and person.told.setdefault(name, text) != text:
            sentence = gettext("Another line says “%(other)s” about the same person.") % {"other": person.told[name]}
            line.problem(TEACHERS[name], sentence)
        elif text:
            put.put(TEACHERS[name], text)
    return person


def classes_of(
    line: Line, column: Column, text: str, school: School, classes: Classes, today: date
) -> list[SchoolClass]:
    """Return the classes that a cell names; they must be there."""
    found: dict[UUID, SchoolClass] = {}
    for name in filter(None, (part.strip() for part in re.split(r"[,;\n/]", text))):
        cohort = COHORT.fullmatch(name)
        wanted = SchoolClass(name="" if cohort else name)
        if cohort:
            wanted.start_year, wanted.letter = school_year_of(today) - int(cohort[1]), cohort[2]
        one = classes.found.get(Classes.key(school.pk, wanted))
        if one is None:
            sentence = gettext("%(school)s has no class “%(name)s”. Import the classes first.")
            line.problem(column, sentence % {"school": school, "name": name})
        else:
            found[one.pk] = one
    return list(found.values())


def put_own_classes(
    plan: Plan, line: Line, column: Column, membership: Membership, own: Sequence[SchoolClass], today: date
) -> None:
    """Note the own classes, where they become others."""
    before = [] if membership._state.adding else list(membership.own_classes.all())
    if {one.pk for one in before} == {one.pk for one in own}:
        return
    plan.own_classes.append((membership, own))
    if not line.is_new:
        words = [", ".join(sorted(one.label(today) for one in some)) or "–" for some in (before, own)]
        line.change(column.heading, *words)


# Letting in


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of table: its columns, and how it is looked over."""

    name: str
    title: Text
    columns: Sequence[Column]
    look_over: Callable[..., Plan]
    ends: Text = ""  # what a tick would end, where that may be

    def report(self, rows: Iterable[Row], *, end_missing: bool, today: date) -> Report:
        """Say what a table would do. Nothing is written."""
        return self.look_over(rows, end_missing=end_missing, today=today).report


KINDS_OF_TABLES = {
    one.name: one
    for one in (
        Kind(name="schools", title=_("Import schools"), columns=SCHOOL_COLUMNS, look_over=look_over_schools),
        Kind(name="classes", title=_("Import classes"), columns=CLASS_COLUMNS, look_over=look_over_classes),
        Kind(
            name="teachers",
            title=_("Import teachers"),
            columns=TEACHER_COLUMNS,
            look_over=look_over_teachers,
            ends=_("End the roles at the schools of the file that it does not name"),
        ),
    )
}


@transaction.atomic(durable=True)
def import_table(*, table_id: UUID, seal: str, by: Actor, now: datetime) -> Report:
    """Let a table in that was looked over: all of it, or nothing. The table is deleted; nobody gets a mail.

    ``seal`` is the report's word for what was looked over. Raises Refusal when there is no such table of this
    person's (any more), when a line cannot be let in, and when the report would be another one now.
    """
    if not by.is_coordinator:
        raise Refusal(_("Only a coordinator imports."), code="not-allowed")
    # One import at a time: two files could both make the same row.
    Municipality.objects.select_for_update().filter(pk=1).first()
    table = waiting(by, now).select_for_update().filter(pk=table_id, kind__in=KINDS_OF_TABLES).first()
    if table is None:
        raise Refusal(
            _("The file is not here any more: it was imported already, or 24 hours have passed."), code="gone"
        )
    plan = KINDS_OF_TABLES[table.kind].look_over(rows_of(table), end_missing=table.end_missing, today=local_day(now))
    if not plan.report.is_ready:
        raise Refusal(_("Nothing was imported: there are errors, or there is nothing to do."), code="not-ready")
    if plan.report.seal != seal:
        raise Refusal(
            _("Something has changed since the report was made. Look it over once more."), code="changed-meanwhile"
        )
    write(plan, kind=table.kind, by=by, now=now)
    table.delete()
    return plan.report


def about_role(one: Membership) -> dict[str, Any]:
    """Return what the log keeps of a role."""
    return {"school": str(one.school_id), "role": one.role, "via": "import"}


def added(row: models.Model) -> tuple[str, models.Model, Mapping[str, Any]]:
    """Return the line in the log for a new row."""
    if isinstance(row, Membership):
        return "membership-begun", row, about_role(row)
    return f"{row._meta.model_name}-added", row, {"via": "import"}


def write(plan: Plan, *, kind: str, by: Actor, now: datetime) -> None:
    """Write a plan with its lines in the log."""
    said: list[tuple[str, models.Model, Mapping[str, Any]]] = []
    for model in (School, SchoolClass, User, Membership):
        made = [row for row in plan.made if isinstance(row, model)]
        manager: Any = model._default_manager
        manager.bulk_create(made, batch_size=1000)
        said += [added(row) for row in made]
        by_fields: dict[tuple[str, ...], list[Any]] = {}
        for row, fields in plan.changed:
            if isinstance(row, model):
                by_fields.setdefault(tuple(sorted(fields)), []).append(row)
        for names, changed in by_fields.items():
            manager.bulk_update(changed, names, batch_size=500)
            facts = {"fields": list(names), "via": "import"}
            said += [(f"{model._meta.model_name}-changed", row, facts) for row in changed]
    own = Membership.own_classes.through
    own.objects.filter(membership__in=[one.pk for one, _classes in plan.own_classes]).delete()
    own.objects.bulk_create(
        [
            own(membership_id=membership.pk, schoolclass_id=one.pk)
            for membership, classes in plan.own_classes
            for one in classes
        ],
        batch_size=1000,
    )
    fresh = {row.pk for row in plan.made}
    own_facts = {"fields": ["own_classes"], "via": "import"}
    said += [("membership-changed", one, own_facts) for one, _classes in plan.own_classes if one.pk not in fresh]
    for one in plan.ended:
        one.ended_on = local_day(now)
    Membership.objects.bulk_update(plan.ended, ["ended_on"], batch_size=500)
    said += [("membership-ended", one, about_role(one)) for one in plan.ended]
    audit.record_many(by, said, at=now)
    whole, _made = Municipality.objects.get_or_create(pk=1)
    audit.record(
        by,
        "table-imported",
        whole,
        at=now,
        kind=kind,
        lines=len(plan.report.lines),
        added=len(plan.made),
        changed=len(plan.changed),
        ended=len(plan.ended),
    )

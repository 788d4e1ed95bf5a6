"""Fjordby Kommune, invented for the demo: its calendar, schools, classes and people, before anything happens."""

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.hashers import make_password

from companies.models import Company, Contact
from portal.domain import calendar
from portal.domain.actor import Actor
from portal.models import CalendarPeriod, Industry, Municipality, MunicipalRole, User
from schools.models import Membership, School, SchoolClass

FACTS = Path(__file__).parent / "demo"
# Whose login is printed when the demo starts: key of the person, and an address one can remember.
COORDINATOR, OPERATOR = "koordinator@fjordby.example", "drift@fjordby.example"
ADMINISTRATOR, REVIEWER = "administrator@fjordby.example", "godkender@fjordby.example"
SIGN_IN_AS = {
    "emre-karagol": "laerer@fjordby.example",
    "mikkel-brandstrup": "ambassadoer@fjordby.example",
    "karen-margrethe-hoeilund": "leder@fjordby.example",
}
HERO = "emre-karagol"
HERO_HAS = {(8, "A"), (9, "B")}

UPPER_GRADES = {"fysik-kemi", "biologi", "geografi", "samfundsfag", "tysk", "fransk", "uddannelse-og-job", "valgfag"}
LOWER_GRADES = {"boernehaveklasse", "kristendomskundskab"}


def facts(name: str) -> Any:
    """Return what a file of the demo says."""
    return json.loads((FACTS / f"{name}.json").read_text(encoding="utf-8"))


@dataclass(kw_only=True, eq=False)
class Teacher:
    """Somebody at a school."""

    key: str
    user: User
    actor: Actor
    school: School
    subjects: list[str]
    is_leader: bool
    own_classes: list[SchoolClass] = field(default_factory=list)

    @property
    def grades(self) -> range:
        """Which grades the teacher mostly has."""
        if LOWER_GRADES & set(self.subjects):
            return range(5)
        return range(6, 11) if UPPER_GRADES & set(self.subjects) else range(1, 10)


@dataclass(kw_only=True, eq=False)
class Town:
    """Everything the story needs to find again."""

    municipality: Municipality
    coordinators: list[Actor]
    schools: dict[str, School] = field(default_factory=dict)
    classes: list[SchoolClass] = field(default_factory=list)
    teachers: dict[str, Teacher] = field(default_factory=dict)
    companies: dict[str, Company] = field(default_factory=dict)
    contacts: dict[str, list[Contact]] = field(default_factory=dict)

    def teachers_of(self, school_class: SchoolClass) -> list[Teacher]:
        """Return who may enrol the class, those who have it as their own first."""
        there = [one for one in self.teachers.values() if one.school.pk == school_class.school_id and not one.is_leader]
        return sorted(there, key=lambda one: school_class not in one.own_classes)


def found(rng: Random, today: date) -> Town:
    """Found the municipality with its schools and people; companies and courses come with the story."""
    told = facts("municipality")
    municipality = Municipality.objects.create(
        name=told["name"],
        tagline=told["tagline"],
        introduction=told["intro"],
        brand_color=told["brand_colour"].lower(),
        address=f"{told['address']}, {told['postal_code']} {told['city']}",
        contact_email=told["sender"]["email"],
        contact_phone=told["phone"],
        sender_name=told["sender"]["name"],
        teacher_domains=["fjordby.example", "skole.fjordby.example"],
        draw_minutes=60,
    )
    for closing in told["closing_days"]:
        day = date.fromisoformat(closing["date"])
        CalendarPeriod.objects.get_or_create(
            school_year=calendar.school_year_of(day),
            name=closing["name"],
            first_day=day,
            defaults={"kind": CalendarPeriod.Kind.CLOSING_DAY, "last_day": day},
        )
    staff = [
        (COORDINATOR, told["coordinators"][0], MunicipalRole.Role.COORDINATOR),
        *((one["email"], one, MunicipalRole.Role.COORDINATOR) for one in told["coordinators"][1:]),
        (ADMINISTRATOR, told["administrator"], MunicipalRole.Role.ADMINISTRATOR),
        (REVIEWER, told["reviewer"], MunicipalRole.Role.REVIEWER),
        (OPERATOR, told["operator"], MunicipalRole.Role.OPERATOR),
    ]
    nothing = make_password(None)
    people = [
        User(email=email, name=one["name"], phone=one["phone"], password=nothing, is_staff=True)
        for email, one, _role in staff
    ]
    User.objects.bulk_create(people)
    MunicipalRole.objects.bulk_create(
        MunicipalRole(user=user, role=role) for user, (_email, _one, role) in zip(people, staff, strict=True)
    )
    for user in people:  # what their apps would show stands on the demo's own page
        TOTP.activate(user, generate_totp_secret())
    coordinators = [Actor.of_user(user) for user in people[: len(told["coordinators"])]]
    town = Town(municipality=municipality, coordinators=coordinators)
    _build_schools(town, rng, today)
    _employ_teachers(town, today)
    return town


def _build_schools(town: Town, rng: Random, today: date) -> None:
    year = calendar.school_year_of(today)
    columns = ("name", "kind", "address", "postal_code", "city", "phone", "grade_from", "grade_to")
    for told in facts("schools"):
        school = School(**{name: told[name] for name in columns})
        town.schools[told["key"]] = school
        town.classes += [
            SchoolClass(school=school, start_year=year - int(grade), letter=letter, pupils=rng.randint(*told["pupils"]))
            for grade, letters in told["cohorts"].items()
            for letter in letters
        ]
        town.classes += [
            SchoolClass(
                school=school,
                name=group["name"],
                grade_from=group["from_grade"],
                grade_to=group["to_grade"],
                pupils=group["pupils"],
            )
            for group in told["groups"]
        ]
    School.objects.bulk_create(town.schools.values())
    SchoolClass.objects.bulk_create(town.classes)


def _employ_teachers(town: Town, today: date) -> None:
    told = facts("teachers")
    nothing = make_password(None)
    users = {
        one["key"]: User(
            email=SIGN_IN_AS.get(one["key"], one["email"]), name=one["name"], phone=one["phone"], password=nothing
        )
        for one in told
    }
    User.objects.bulk_create(users.values())
    memberships: list[Membership] = []
    for one in told:
        user, school = users[one["key"]], town.schools[one["school"]]
        is_leader = Membership.Role.LEADER in one["roles"]
        roles = one["roles"] if is_leader else [Membership.Role.TEACHER, *one["roles"]]
        memberships += [Membership(user=user, school=school, role=role) for role in roles]
        town.teachers[one["key"]] = Teacher(
            key=one["key"],
            user=user,
            actor=Actor(kind="user", id=str(user.pk)),
            school=school,
            subjects=one["subjects"],
            is_leader=is_leader,
        )
    Membership.objects.bulk_create(memberships)
    hero = town.teachers[HERO]
    hero.own_classes += [
        one
        for one in town.classes
        if one.school is hero.school and (one.grades(today).start, one.letter) in HERO_HAS and one.start_year
    ]
    for school_class in sorted(town.classes, key=lambda one: (one.start_year or 0, one.letter, one.name)):
        if school_class in hero.own_classes:
            continue
        grade = school_class.grades(today).start
        colleagues = town.teachers_of(school_class)
        fitting = [one for one in colleagues if grade in one.grades] or colleagues
        min(fitting, key=lambda one: len(one.own_classes)).own_classes.append(school_class)
    by_user = {teacher.user.pk: teacher for teacher in town.teachers.values()}
    through = Membership.own_classes.through
    through.objects.bulk_create(
        through(membership_id=membership.pk, schoolclass_id=school_class.pk)
        for membership in memberships
        if membership.role == Membership.Role.TEACHER
        for school_class in by_user[membership.user_id].own_classes
    )


def industries_of(told: dict[str, Any]) -> list[Industry]:
    """Return the industries of a company as it is told."""
    return list(Industry.objects.filter(slug__in=told["industries"]))

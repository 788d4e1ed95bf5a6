"""Who may open what: every route, method and role, as ``tests/permissions.yaml`` declares it.

The expectations are written by hand from the permission matrix, never recorded. A route that is not declared fails,
and so does a declared one that is gone. What is denied must change no row.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
import yaml
from django.contrib import admin
from django.db import connection, transaction
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from offers.models import Enrolment, Invite, SurveyRequest
from portal.domain import links
from portal.models import DocumentJob, Link, Municipality, User
from tests import factories
from tests.conftest import TODAY

EVERYTHING: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "permissions.yaml").read_text())
DESK: dict[str, list[str]] = EVERYTHING.pop("desk")
READ_ONLY = set(DESK.pop("read_only"))  # pages of the desk that show a row, and change none
DECLARED = EVERYTHING
ROLES = ["visitor", "teacher", "teacher_elsewhere", "link", "link_elsewhere", "coordinator", "operator"]
UNSAFE = ["POST"]
OTHERS = ["PUT", "PATCH", "DELETE"]
LOGGED = {
    "django_session",
    "portal_cache",
    "portal_link",
    "portal_auditentry",
    "django_admin_log",
    "account_emailaddress",
}


def routes(patterns: list[URLPattern | URLResolver], space: str = "") -> Iterator[str]:
    """Yield the names of all routes, with their namespaces."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from routes(pattern.url_patterns, inner)
        elif pattern.name:
            yield f"{space}{pattern.name}"
        else:
            yield f"{space}({pattern.pattern})"


@cache
def every_route() -> frozenset[str]:
    return frozenset(routes(get_resolver().url_patterns))


@dataclass
class World:
    """One school's teacher, another school's, one company's contact, another company's, and the municipality."""

    people: dict[str, User]
    links: dict[str, list[Link]]
    arguments: dict[str, dict[str, Any]]


@pytest.fixture
def world(municipality: Municipality) -> World:
    """Make the smallest world in which every cell of the table means something."""
    school, elsewhere = factories.SchoolFactory(), factories.SchoolFactory()
    teacher = factories.UserFactory()
    other_teacher = factories.UserFactory()
    factories.MembershipFactory(user=teacher, school=school)
    factories.MembershipFactory(user=other_teacher, school=elsewhere)
    waiting = factories.MembershipFactory(school=school, unconfirmed_since=TODAY)
    contact, other_contact = factories.ContactFactory(), factories.ContactFactory()
    offer = factories.OfferFactory(company=contact.company, contact=contact)
    offer.picture = factories.upload(owner=offer)
    offer.save()
    session = factories.SessionFactory(offer=offer, places_taken=24)
    enrolment = factories.EnrolmentFactory(
        session=session, teacher=teacher, school_class=factories.SchoolClassFactory(school=school)
    )
    offered = factories.EnrolmentFactory(
        session=factories.SessionFactory(offer=offer, places_taken=24),
        teacher=teacher,
        school_class=factories.SchoolClassFactory(school=school),
        status=Enrolment.Status.OFFERED,
        answer_by=session.closes_at,
    )
    invite = Invite.objects.create(company=contact.company, contact=contact)
    other_invite = Invite.objects.create(company=other_contact.company, contact=other_contact)
    survey = SurveyRequest.objects.create(
        enrolment=enrolment, audience="teacher", due_at=TODAY, closes_at=session.starts_at
    )
    other_survey = SurveyRequest.objects.create(
        enrolment=offered, audience="teacher", due_at=TODAY, closes_at=session.starts_at
    )
    municipality.logo = factories.upload(owner=municipality, kind="logo")
    municipality.save()
    job = DocumentJob.objects.create(content_hash="0" * 64, filename="guide.pdf", html="")
    made: dict[str, list[tuple[Link.Purpose, Any]]] = {
        "link": [(Link.Purpose.INVITE, invite), (Link.Purpose.HOST, contact), (Link.Purpose.SURVEY, survey)],
        "link_elsewhere": [
            (Link.Purpose.INVITE, other_invite),
            (Link.Purpose.HOST, other_contact),
            (Link.Purpose.SURVEY, other_survey),
        ],
    }
    return World(
        people={
            "teacher": teacher,
            "teacher_elsewhere": other_teacher,
            "coordinator": factories.CoordinatorFactory(),
            "operator": factories.OperatorFactory(),
        },
        links={
            role: [links.ensure(purpose=purpose, reference_id=about.pk, now=TODAY) for purpose, about in pairs]
            for role, pairs in made.items()
        },
        arguments={
            "offer": {"offer_id": offer.pk, "slug": offer.slug},
            "offer-file": {"offer_id": offer.pk, "upload_id": offer.picture.pk},
            "offer-guide": {"offer_id": offer.pk},
            "enrol": {"session_id": session.pk},
            "enrolment": {"enrolment_id": enrolment.pk},
            "enrolment-place": {"enrolment_id": offered.pk},
            "invite": {"invite_id": invite.pk},
            "builder-step": {"invite_id": invite.pk, "step": 1},
            "contact": {"contact_id": contact.pk},
            "host-session": {"contact_id": contact.pk, "session_id": session.pk},
            "host-enrolment": {"contact_id": contact.pk, "enrolment_id": enrolment.pk},
            "survey": {"survey_id": survey.pk},
            "company": {"company_id": contact.company.pk},
            "job": {"job_id": job.pk},
            "logo": {"upload_id": municipality.logo.pk},
            "token": {
                "token": links.token(links.ensure(purpose=Link.Purpose.HOST, reference_id=contact.pk, now=TODAY))
            },
            "link": {"link_id": uuid4()},
            "demo-mail": {"name": "1"},
            "demo-mail-file": {"name": "1", "index": 0},
            "house": {"provider_id": "kommune"},
            "passkey": {"pk": 1},
            "membership": {"membership_id": waiting.pk},
        },
    )


@pytest.fixture(autouse=True)
def _ten_in_the_morning() -> Iterator[None]:
    """The clock stands at the tests' today, so that links and sessions are alive."""
    with time_machine.travel(TODAY, tick=False):
        yield


def browser(world: World, role: str) -> Client:
    """Return a browser in which the role has come in; without CSRF checks, so that only permission can refuse."""
    client = Client(enforce_csrf_checks=False)
    if role in world.people:
        client.force_login(world.people[role])
    if role in world.links:
        session = client.session
        session["links"] = {
            f"{link.purpose}:{link.reference_id}": [str(link.pk), link.version] for link in world.links[role]
        }
        session.save()
        client.cookies["session"] = session.session_key or ""
    return client


def checksums() -> tuple[tuple[str, str], ...]:
    """Return a checksum of every table, but those that only log that somebody came by; in one question."""
    with connection.cursor() as cursor:
        tables = [table for table in connection.introspection.table_names(cursor) if table not in LOGGED]
        sums = " UNION ALL ".join(
            f"SELECT '{table}', coalesce(md5(string_agg(line, ',' ORDER BY line)), '')"
            f" FROM (SELECT (to_jsonb(t) - 'last_login')::text AS line FROM \"{table}\" t) AS lines"
            for table in tables
        )
        cursor.execute(sums)
        return tuple(sorted(cursor.fetchall()))


def expected(declared: dict[str, Any], method: str, role: str) -> int:
    """Return the declared status; a bare number stands for every role."""
    cell = declared[method]
    return int(cell if isinstance(cell, int) else cell.get(role, cell.get("others")))


def test_every_route_is_declared_and_every_declaration_is_a_route() -> None:
    declared = DECLARED.keys() | {f"admin:{name}" for names in DESK.values() for name in names}
    nameless = {route for route in every_route() if "(" in route}  # the admin's catch-all, and old ways to a change

    assert (sorted(every_route() - nameless - declared), sorted(declared - every_route())) == ([], [])
    assert nameless == {"admin:((?P<url>.*)$)", "admin:(<path:object_id>/)"}


def rows_of_the_desk(world: World) -> dict[str, str]:
    """Return an object for each list of the desk: one of the world's, or none at all."""
    keys = {}
    for model in admin.site._registry:
        row = model._default_manager.first()
        keys[f"{model._meta.app_label}_{model._meta.model_name}"] = str(row.pk if row else uuid4())
    return keys


def desk_address(name: str, keys: dict[str, str]) -> str:
    """Return the address of a route of the desk, about an object where it needs one."""
    key = next((keys[model] for model in sorted(keys, key=len, reverse=True) if name.startswith(model)), "")
    for arguments in ({}, {"object_id": key}):
        with suppress(NoReverseMatch):
            return reverse(f"admin:{name}", kwargs=arguments)
    parts: dict[str, list[Any]] = {"app_list": ["offers"], "view_on_site": [1, uuid4()]}
    return reverse(f"admin:{name}", args=parts[name])


# At the desk a link is as good as none, and one teacher as good as another.
AT_THE_DESK = ["visitor", "teacher", "coordinator", "operator"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("who", ["both", "coordinator", "operator", "nobody"])
def test_the_desk_opens_to_whom_it_is_declared_and_to_nobody_else(world: World, who: str, method: str) -> None:
    may = {"both": {"coordinator", "operator"}, "nobody": set()}.get(who, {who})
    keys, before = rows_of_the_desk(world), checksums()
    wrong: list[str] = []
    for name in DESK[who]:
        address = desk_address(name, keys)
        allowed = set() if method == "POST" and name in READ_ONLY else may
        for role in AT_THE_DESK:
            point = transaction.savepoint()
            client = browser(world, role)
            answer = client.generic(method, address, data="", content_type="application/x-www-form-urlencoded")
            sent_to_sign_in = "/login/" in answer.headers.get("Location", "")
            denied = sent_to_sign_in if role == "visitor" else answer.status_code in {403, 405}
            other_method = answer.status_code == 405 and role in may
            if denied != (role not in allowed) and not other_method:
                wrong.append(f"{name} {role}: {answer.status_code}")
            if method == "POST" and role not in allowed and checksums() != before:
                wrong.append(f"{name} {role}: changed rows")
            transaction.savepoint_rollback(point)

    assert "\n".join(wrong) == ""


def address_of(world: World, route: str) -> str:
    """Return the address of a route, about the world's objects."""
    return reverse(route, kwargs=world.arguments.get(DECLARED[route].get("with", ""), {}))


def answered(world: World, route: str, method: str, role: str, before: Any) -> tuple[int, bool]:
    """Return the status a role gets, and whether it was denied and yet changed a row; everything is undone."""
    address = address_of(world, route)
    point = transaction.savepoint()
    client = browser(world, role)
    answer = client.generic(method, address, data="", content_type="application/x-www-form-urlencoded")
    to_sign_in = "/konto/login" in answer.headers.get("Location", "") and not route.startswith("account_")
    denied = answer.status_code in {403, 404, 405, 410} or to_sign_in
    changed = method in UNSAFE and denied and checksums() != before
    transaction.savepoint_rollback(point)
    return answer.status_code, changed


@pytest.mark.parametrize("route", sorted(DECLARED))
def test_each_role_gets_what_is_declared_and_what_is_denied_changes_nothing(world: World, route: str) -> None:
    matrix = [(method, role) for method in ("GET", *UNSAFE) for role in ROLES]

    if "guide" in route:  # printed once: the same content is found again
        browser(world, "link" if route == "host-guide" else "coordinator").get(address_of(world, route))
    before = checksums()

    found = {cell: answered(world, route, *cell, before) for cell in matrix}

    wanted = {cell: (expected(DECLARED[route], *cell), False) for cell in matrix}
    assert {cell: answer for cell, answer in found.items() if answer != wanted[cell]} == {}


@pytest.mark.parametrize("route", sorted(DECLARED))
def test_other_methods_are_not_allowed(world: World, route: str) -> None:
    address, before = address_of(world, route), checksums()
    client = browser(world, "coordinator")

    answers = {method: client.generic(method, address).status_code for method in OTHERS}

    # What allauth and Django bring along treat PUT as POST or send on; nothing changes by it.
    lenient = (
        {200, 302, 403, 404, 405}
        if route.startswith(("account_", "mfa_", "usersessions_")) or route == "set_language"
        else {404, 405}
    )
    assert (set(answers.values()) <= lenient, checksums() == before) == (True, True), answers


def plain(answer: Any, arguments: dict[str, Any]) -> str:
    """Return a page without what the browser itself asked for: the ids of the address, and the form's token."""
    text = str(answer.content.decode())
    for value in arguments.values():
        text = text.replace(str(value), "…")
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text)


@pytest.mark.parametrize(
    "route",
    sorted(
        route
        for route, declared in DECLARED.items()
        if declared.get("with") in {"enrolment", "enrol", "contact", "invite", "survey", "host-session", "company"}
    ),
)
def test_what_is_foreign_and_what_does_not_exist_answer_alike(world: World, route: str) -> None:
    arguments = dict(world.arguments[DECLARED[route]["with"]])
    nowhere = {name: uuid4() if name.endswith("_id") else value for name, value in arguments.items()}
    client = browser(world, "teacher_elsewhere")
    if DECLARED[route]["GET"] == 405 or expected(DECLARED[route], "GET", "teacher_elsewhere") != 404:
        return

    foreign = client.get(reverse(route, kwargs=arguments))
    missing = client.get(reverse(route, kwargs=nowhere))

    assert (foreign.status_code, plain(foreign, arguments)) == (missing.status_code, plain(missing, nowhere))

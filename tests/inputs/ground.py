"""A small municipality with one of everything, its addresses, and browsers that come in as somebody."""

import re
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice, product
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit
from uuid import uuid4

import time_machine
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.signals import got_request_exception
from django.db import connection, models, transaction
from django.http import HttpResponseBase
from django.template.base import Template
from django.test import Client, RequestFactory
from django.test.client import ClientHandler
from django.test.utils import _TestState
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from offers.domain import agreements, encounters
from offers.models import Dialogue, Enrolment, Invite, Offer, ProposedTime, Question, SurveyRequest, VisitReport
from portal.desk import DeskSite
from portal.domain import audit, links, outbox
from portal.domain.actor import Actor
from portal.http import ReadableRequest
from portal.models import DocumentJob, Heartbeat, Link, MunicipalRole, User
from portal.pdf import render as pdf_of
from schools.models import Membership
from tests import factories
from tests.conftest import TODAY, put_vocabularies_back

MOST_OBJECTS = 4  # of one model that an address is tried with
MOST_WAYS = 12  # combinations of objects that one route is tried with


raised: list[str] = []  # what the portal stumbled over when it answered the last request, and where
printed: list[str] = []  # every paper that was laid out, by its first letters


def print_and_note(html: str, **options: Any) -> bytes:
    """Print a paper and note it: printing takes seconds by itself, and says nothing about the answer to bad input."""
    printed.append(html[:40])
    return pdf_of(html, **options)


def note_what_was_raised(**_sent: Any) -> None:
    """Keep an error that is answered with 500: a page that says that something went wrong does not say what."""
    kind, error, trace = sys.exc_info()
    where = traceback.extract_tb(trace)[-1]
    raised.append(f"{kind.__name__ if kind else ''}: {str(error)[:200]} ({Path(where.filename).name}:{where.lineno})")


@contextmanager
def undone() -> Iterator[None]:
    """Let everything happen in one transaction that is rolled back; use-cases take it for a test's."""
    outer = transaction.atomic()
    outer._from_testcase = True  # type: ignore[attr-defined]
    # Requests are made as the web server makes them (portal.wsgi).
    as_served = patch("django.test.client.WSGIRequest", ReadableRequest)
    noted = patch("portal.pdf.render", print_and_note)
    with time_machine.travel(TODAY, tick=False), as_served, noted, outer:
        put_vocabularies_back()
        got_request_exception.connect(note_what_was_raised)
        yield
        transaction.set_rollback(True)


@contextmanager
def frames_kept() -> Iterator[None]:
    """Make what stands around a page of the desk (its menu) once for each address and visitor.

    It does not depend on what is typed into the page's form, and takes as long to make as the form.
    """
    made: dict[tuple[str, Any], dict[str, Any]] = {}
    make = DeskSite.each_context

    def each_context(self: DeskSite, request: Any) -> dict[str, Any]:
        key = (request.get_full_path(), request.user.pk)
        if key not in made:
            made[key] = make(self, request)
        return dict(made[key])

    with patch.object(DeskSite, "each_context", each_context):
        yield


@contextmanager
def plainly_rendered() -> Iterator[None]:
    """Render as the portal does, without the tests' own copy of every context."""
    render = getattr(getattr(_TestState, "saved_data", None), "template_render", vars(Template)["_render"])
    with patch.object(Template, "_render", render):
        yield


@dataclass(frozen=True, kw_only=True)
class Route:
    """One leaf of the resolver: its name and its address with ``<name>`` where an object stands."""

    name: str
    template: str

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"<(\w+)>", self.template)

    def address(self, values: dict[str, Any]) -> str:
        return re.sub(r"<(\w+)>", lambda found: str(values[found[1]]), self.template)


def every_route() -> list[Route]:
    """Return all routes, as the resolver has them."""
    found = {(one.name, one.template): one for one in walk(get_resolver().url_patterns)}
    return [found[key] for key in sorted(found)]


def walk(patterns: list[Any], prefix: str = "/", space: str = "") -> Iterator[Route]:
    for pattern in patterns:
        address = prefix + plain(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from walk(pattern.url_patterns, address, inner)
        elif isinstance(pattern, URLPattern):
            yield Route(name=f"{space}{pattern.name or pattern.pattern}", template=address)


def plain(pattern: Any) -> str:
    """Return a pattern with ``<name>`` for what varies in it."""
    text = str(pattern)
    if isinstance(pattern, RoutePattern):
        return re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", text)
    bare = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", r"<\1>", text)
    return re.sub(r"[\^$\\?]|\(\?:|\)", "", bare)


class Quick(RequestFactory):
    """A browser that keeps nothing: without the test client's copy of every template's context, in half the time."""

    def __init__(self) -> None:
        super().__init__()
        self.handler = ClientHandler(enforce_csrf_checks=False)

    def request(self, **request: Any) -> Any:
        return self.handler(self._base_environ(**request))  # type: ignore[attr-defined]


class TimeUp(Exception):
    """A proof has used its time."""


@dataclass
class Ground:
    """What there is, and how it is reached."""

    sessions: dict[str, str]
    values: dict[str, Any]
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    quick: Quick = field(default_factory=Quick)
    at_the_desk: int = 1  # objects of one model that a page of the desk is tried with
    sent: int = 0
    stop: float = float("inf")
    slowest: tuple[float, str] = (0.0, "")

    def objects_for(self, route: Route, parameter: str) -> list[Any]:
        """Return what may stand in a route's address: rows of the model it is about, newest first."""
        if parameter in self.values:
            found = self.values[parameter]
            return list(found) if isinstance(found, list) else [found]
        most = self.at_the_desk if parameter == "object_id" else MOST_OBJECTS
        if model := self.model_of(route, parameter):
            keys = list(model._default_manager.order_by("pk").values_list("pk", flat=True)[:most])
            return keys or [uuid4()]
        return [uuid4()]

    def model_of(self, route: Route, parameter: str) -> type[models.Model] | None:
        """Return the model whose key a parameter is."""
        if parameter == "object_id":
            label = route.name.removeprefix("admin:")
            by_name = {f"{model._meta.app_label}_{model._meta.model_name}": model for model in admin.site._registry}
            if fitting := [name for name in by_name if label.startswith(f"{name}_")]:
                return by_name[max(fitting, key=len)]
            name = next((name for name in by_name if f"/{by_name[name]._meta.model_name}/" in route.template), "")
            return by_name.get(name)
        wanted = parameter.removesuffix("_id").replace("_", "")
        named = [model for model in apps.get_models() if (model._meta.model_name or "").startswith(wanted)]
        return min(named, key=lambda model: len(model._meta.model_name or ""), default=None)

    def addresses(self, route: Route) -> list[str]:
        """Return the route's address about one object after the other."""
        choices = [self.objects_for(route, name) for name in route.parameters]
        # A paper is made in a second, and has no form: one is enough.
        ways = islice(product(*choices), 1 if route.template.endswith(".pdf") else MOST_WAYS)
        return [route.address(dict(zip(route.parameters, way, strict=True))) for way in ways]

    def ask(self, method: str, address: str, who: str, **options: Any) -> Any:
        """Send one request as somebody; nothing of what it did remains."""
        with self.passing():
            return self.ask_for_good(method, address, who, **options)

    def ask_for_good(self, method: str, address: str, who: str, **options: Any) -> Any:
        """Send one request as somebody."""
        own = f"{settings.SESSION_COOKIE_NAME}={self.sessions[who]}" if who in self.sessions else ""
        options["HTTP_COOKIE"] = options.pop("cookie", own)
        data, body = options.pop("data", None), options.pop("body", "")
        client: Any = self.client if options.pop("with_context", False) else self.quick
        self.client.cookies.clear()
        raised.clear()
        began, papers = time.perf_counter(), len(printed)
        if began > self.stop:
            raise TimeUp
        if data is not None:
            answer = client.post(address, data, **options)
        else:
            answer = client.generic(method, address, body, **options)
        if isinstance(answer, HttpResponseBase) and answer.streaming:
            list(answer)
        self.sent += 1
        took = time.perf_counter() - began
        if took > self.slowest[0] and len(printed) == papers:
            self.slowest = (took, f"{method} {urlsplit(address).path} as {who}")
        return answer

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Undo what happens inside."""
        point = transaction.savepoint()
        try:
            yield
        finally:
            connection.needs_rollback = False
            transaction.savepoint_rollback(point)
            # Going back leaves the point; the next would lie inside it, and thousands of them hold a lock each.
            transaction.savepoint_commit(point)


def session_of(user: User | None, held: list[Link]) -> str:
    """Return the key of a session in which somebody has come in, by an account, by links, or both."""
    client = Client()
    if user is not None:
        client.force_login(user)
    session = client.session
    session["links"] = {f"{link.purpose}:{link.reference_id}": [str(link.pk), link.version] for link in held}
    session.save()
    return str(session.session_key)


def make_ground() -> Ground:
    """Fill the smallest municipality in which every page has something to show, and every form a row to change."""
    factories.MunicipalityFactory()
    school = factories.SchoolFactory(name="Ærøskøbing Skole")
    everybody = factories.AdministratorFactory(name="Åse Ærø")
    for given in (MunicipalRole.Role.COORDINATOR, MunicipalRole.Role.OPERATOR):
        MunicipalRole.objects.create(user=everybody, role=given)
    teacher = factories.UserFactory(name="Bo O'Brien")
    for person, role in ((everybody, Membership.Role.LEADER), (teacher, Membership.Role.TEACHER)):
        factories.MembershipFactory(user=person, school=school, role=role)
    classes = [factories.SchoolClassFactory(school=school) for _ in range(4)]
    contact = factories.ContactFactory(name="Null True", phone="+4512345678")
    offer = factories.OfferFactory(company=contact.company, contact=contact, by_agreement=True)
    draft = factories.OfferFactory(
        company=contact.company, contact=contact, state=Offer.State.DRAFT, published_at=None, title="Kladde"
    )
    session = factories.SessionFactory(offer=offer, places=100, places_taken=72)
    begun = factories.SessionFactory(
        offer=offer, places_taken=24, starts_at=TODAY - timedelta(days=1), ends_at=TODAY - timedelta(hours=22)
    )
    status = Enrolment.Status

    def enrolled(number: int, at: Any, state: str, **more: Any) -> Enrolment:
        made: Enrolment = factories.EnrolmentFactory(
            session=at, teacher=teacher, school_class=classes[number], status=state, **more
        )
        return made

    told = enrolled(0, begun, status.CONFIRMED)
    enrolled(1, session, status.CONFIRMED)
    enrolled(2, session, status.OFFERED, answer_by=session.closes_at)
    enrolled(3, session, status.PENDING, answer_by=session.closes_at)
    invite = Invite.objects.create(company=contact.company, contact=contact, offer=draft, state=Invite.State.STARTED)
    survey = SurveyRequest.objects.create(
        enrolment=told, audience="teacher", due_at=TODAY, closes_at=TODAY + timedelta(days=21)
    )
    by = Actor.of_user(everybody)
    meeting = begun.meetings.get()
    VisitReport.objects.create(enrolment=told, meeting=meeting, side=VisitReport.Side.HOST, outcome="held", pupils=24)
    encounters.report_visit(
        enrolment_id=told.pk, meeting_id=meeting.pk, outcome="held", pupils=None, by=Actor.of_user(teacher), now=TODAY
    )
    agreements.create_agreement(
        company_id=contact.company.pk, school_id=school.pk, title="Partnerskab", purpose="Formål", roles="Roller",
        first_day=TODAY.date(), last_day=TODAY.date() + timedelta(days=365), visits_per_year=2, by=by, now=TODAY,
    )  # fmt: skip
    outbox.post(occasion="account_mail", about=teacher, to=outbox.Recipient.of_user(teacher), now=TODAY, key="1")
    audit.record(by, "user-changed", teacher)
    talk = Dialogue.objects.create(
        offer=offer, school=school, school_class=classes[0], teacher=teacher, pupils=20, awaits="teacher"
    )
    visit = {"starts_at": TODAY + timedelta(days=23), "ends_at": TODAY + timedelta(days=23, hours=2)}
    times = [ProposedTime.objects.create(dialogue=talk, side=side, **visit) for side in ("teacher", "host")]
    Question.objects.create(offer=offer, school=school, teacher=teacher, text="Hvor lang tid?")
    job = DocumentJob.objects.create(content_hash="0" * 64, filename="guide.pdf", html="")
    Heartbeat.objects.get_or_create(name="deliver_messages", defaults={"last_ok": TODAY})
    held = [
        links.ensure(purpose=purpose, reference_id=about.pk, now=TODAY)
        for purpose, about in (
            (Link.Purpose.INVITE, invite),
            (Link.Purpose.HOST, contact),
            (Link.Purpose.SURVEY, survey),
        )
    ]
    return Ground(
        sessions={"everybody": session_of(everybody, held), "teacher": session_of(teacher, [])},
        values={
            "offer_id": [offer.pk, draft.pk],
            "slug": offer.slug,
            "step": [1, 2, 3, 4, 5, 6],
            "job_id": job.pk,
            "time_id": [one.pk for one in times],
            "token": links.token(held[1]),
            "name": "1",
            "index": 0,
            "app_label": "offers",
            "url": "findes-ikke",
            "uidb36": "1",
            "key": "abc",
            "content_type_id": 1,
        },
    )

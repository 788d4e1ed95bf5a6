"""Whole lives in the portal through its real doors, of people made of strings that nobody else has.

Used by the tests of erasing and by ``bin/prove erasure``: what such a person leaves behind can be searched for in a
dump of everything.
"""

import base64
import io
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import time_machine
from django.conf import settings
from django.contrib.sessions.models import Session as Browser
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse

from companies.models import Company, Contact
from offers.domain import agreements, authoring, encounters, planning, publishing, surveys
from offers.models import Encounter, Enrolment, Invite, Offer, Session, Signature, SurveyRequest, VisitReport
from portal.domain import audit, links, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN
from portal.models import Link, Municipality, User
from portal.tasks import drain
from tests import factories

BEGIN = datetime(2026, 9, 8, 10, 0, tzinfo=COPENHAGEN)
VISIT = datetime(2026, 9, 29, 9, 0, tzinfo=COPENHAGEN)
AFTER = VISIT + timedelta(days=2)
LATER = VISIT + timedelta(days=10)
TEACHERS_ANSWERS: dict[str, Any] = {"fit": 5, "active": 4, "preparation": 3, "practical": 2, "again": "yes"}
HOSTS_ANSWERS: dict[str, Any] = {"informed": 5, "number": 4, "prepared": 3, "practical": 2, "again": "maybe"}


@dataclass
class Town:
    """What stands around the two lives."""

    coordinator: User
    desk: Client
    school: Any
    classes: list[Any]
    municipality: Municipality


@dataclass
class Life:
    """One person's life: how the portal knows the person, and every string that is the person's alone."""

    kind: str
    id: UUID
    canaries: dict[str, str]
    facts: dict[str, Any] = field(default_factory=dict)


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def pressed(link: Link) -> Client:
    """Return a browser that has come in by a link."""
    client = Client(headers={"user-agent": "A browser"})
    answer = client.post(f"/l/{links.token(link)}/")
    assert answer.status_code == 302, answer.content.decode()
    return client


def done(answer: Any) -> Any:
    """Return an answer that led on; anything else did not do what it was asked."""
    assert answer.status_code in {200, 302}, answer.content.decode()[:3000]
    if answer.status_code == 200 and answer.context and (form := answer.context.get("form")) is not None:
        assert not getattr(form, "errors", None), form.errors
    return answer


def town() -> Town:
    """Make the smallest town in which lives can be lived."""
    municipality = factories.MunicipalityFactory.create()
    coordinator = factories.AdministratorFactory.create(name="Karin Koordinator", email="karin@fjordby.example")
    school = factories.SchoolFactory.create(name="Havneskolen")
    classes = [factories.SchoolClassFactory.create(school=school, letter=letter) for letter in "AB"]
    return Town(coordinator, browser_of(coordinator), school, classes, municipality)


def teachers_life(place: Town) -> Life:
    """Live a teacher's life: account, enrolments, mails, needs, a cancelled date, the visit, survey, paper, texts."""
    name, email = "Kanariella Gulfjer-Sangstrup", "kanariella.gulfjer@skole.fjordby.example"
    canaries = {
        "name": name,
        "first name": "Kanariella",
        "family name": "Gulfjer-Sangstrup",
        "e-mail": email,
        "second e-mail": "k.gulfjer-privat@post.example",
        "phone": "26172839",
        "phone on the day": "31428597",
        "needs": "kanarinote-en-elev-skal-sidde-ned",
        "reason for cancelling": "kanariegrund-bussen-kom-ikke",
        "survey comment": "kanariekommentar-det-var-godt",
    }
    teacher = factories.UserFactory.create(name=name, email=email, phone="26 17 28 39")
    teacher.emailaddress_set.create(email=canaries["second e-mail"])
    factories.MembershipFactory.create(user=teacher, school=place.school)
    canaries["id"] = str(teacher.pk)
    host = factories.ContactFactory.create(name="Viggo Vært", email="viggo@smedje.example")
    offer = factories.OfferFactory.create(company=host.company, contact=host)
    by = Actor.of_user(place.coordinator)
    with time_machine.travel(BEGIN, tick=False):
        client = browser_of(teacher)
        session = planning.plan_session(offer_id=offer.pk, starts=VISIT, by=by, now=BEGIN)
        other = planning.plan_session(offer_id=offer.pk, starts=VISIT + timedelta(days=1), by=by, now=BEGIN)
        outbox.post(
            occasion="account_mail",
            about=teacher,
            to=outbox.Recipient.of_user(teacher),
            now=BEGIN,
            parameters={"subject": f"Hej {name}", "text": f"Kode til {email}"},
        )
        for chosen, school_class in ((session, place.classes[0]), (other, place.classes[1])):
            form = {
                "school_class": str(school_class.pk),
                "adults": "2",
                "phone": "31 42 85 97",
                "needs_diet": "on",
                "needs_text": canaries["needs"],
                "form_token": str(uuid4()),
            }
            done(client.post(reverse("enrol", args=[chosen.pk]), form))
        enrolment = Enrolment.objects.get(session=session)
        cancelled = Enrolment.objects.get(session=other)
        drain()
        done(
            client.post(reverse("enrolment-cancel", args=[cancelled.pk]), {"reason": canaries["reason for cancelling"]})
        )
        link = Link.objects.get(purpose=Link.Purpose.HOST, reference_id=host.pk)
        for address in ("host-session", "host-guide"):
            about = session.pk if address == "host-session" else enrolment.pk
            done(pressed(link).get(reverse(address, args=[host.pk, about])))
        cache.set(f"kanarie:{email}", {"to": email, "name": name}, 100_000)
        audit.record(Actor.of_user(teacher), "note", teacher, at=BEGIN, colleague=str(teacher.pk))
        # Others write about the teacher.
        said = f"Spørg {name} på 26 17 28 39 eller {email.upper()}."
        authoring.edit_offer(
            offer_id=offer.pk,
            content={"before": said},
            version=Offer.objects.get(pk=offer.pk).version,
            by=by,
            now=BEGIN,
        )
        Session.objects.filter(pk=session.pk).update(note=f"{name} kommer med bus")
        agreement = agreements.create_agreement(
            company_id=host.company_id,
            school_id=place.school.pk,
            title=f"Aftale med {name}",
            purpose=said,
            roles="Smedjen viser frem.",
            first_day=BEGIN.date(),
            last_day=LATER.date(),
            by=by,
            now=BEGIN,
        )
        drain()
    with time_machine.travel(AFTER, tick=False):
        meeting = session.meetings.get()
        told: dict[str, Any] = {
            "enrolment_id": enrolment.pk,
            "meeting_id": meeting.pk,
            "outcome": VisitReport.Outcome.HELD,
        }
        encounters.report_visit(**told, by=Actor.of_link(link), now=AFTER)
        encounters.report_visit(**told, by=Actor.of_user(teacher), now=AFTER)
        survey = SurveyRequest.objects.get(enrolment=enrolment, audience="teacher")
        asked = Link.objects.get(purpose=Link.Purpose.SURVEY, reference_id=survey.pk)
    with time_machine.travel(LATER, tick=False):
        drain()
        form = {**TEACHERS_ANSWERS, "comment": f"{canaries['survey comment']} Hilsen {name}", "may_quote": "on"}
        done(pressed(asked).post(reverse("link-survey", args=[survey.pk]), form))
        client = browser_of(teacher)
        done(client.get(reverse("my-enrolments")))
    return Life("user", teacher.pk, canaries, {"enrolment": enrolment, "agreement": agreement, "offer": offer})


def contacts_life(place: Town) -> Life:
    """Live a contact's life: invited, describes a course, hosts, cancels, is printed, answers, signs."""
    name, email = "Kanarius Fuglekonge-Dam", "kanarius@fuglekongen.example"
    canaries = {
        "name": name,
        "first name": "Kanarius",
        "family name": "Fuglekonge-Dam",
        "e-mail": email,
        "phone": "40516273",
        "job title": "Overkanariefuglemester",
        "greeting": "kanariehilsen-tak-for-sidst",
        "survey comment": "kanarieord-fin-klasse",
    }
    company = factories.CompanyFactory.create(name="Smedjen ved havnen", state=Company.State.LEAD, email=email)
    contact = factories.ContactFactory.create(
        company=company, name=name, email=email, phone="40 51 62 73", title=canaries["job title"]
    )
    factories.ContactFactory.create(company=company, name="Bodil Bogholder", email="bodil@smedje.example")
    canaries["id"] = str(contact.pk)
    by = Actor.of_user(place.coordinator)
    with time_machine.travel(BEGIN, tick=False):
        invite = authoring.invite_company(
            company_id=company.pk,
            contact_id=contact.pk,
            greeting=f"Kære Kanarius, {canaries['greeting']}",
            by=by,
            now=BEGIN,
        )
        link = Link.objects.get(purpose=Link.Purpose.INVITE, reference_id=invite.pk)
        canaries["id of the invitation's link"] = str(link.pk)
        drain()
        describe(pressed(link), invite, name=name)
        offer = Offer.objects.get(invite=invite)
        publishing.send_back(offer_id=offer.pk, comments=[("", f"Kære {name}, skriv mere.")], by=by, now=BEGIN)
        done(pressed(link).post(reverse("builder-submit", args=[invite.pk])))
        publishing.publish(offer_id=offer.pk, by=by, now=BEGIN)
        session = planning.plan_session(offer_id=offer.pk, starts=VISIT, place=f"Spørg efter {name}", by=by, now=BEGIN)
        other = planning.plan_session(offer_id=offer.pk, starts=VISIT + timedelta(days=1), by=by, now=BEGIN)
        role = factories.MembershipFactory.create(school=place.school, user__name="Lise Lærer")
        for chosen, school_class in ((session, place.classes[0]), (other, place.classes[1])):
            form = {"school_class": str(school_class.pk), "adults": "2", "form_token": str(uuid4())}
            done(browser_of(role.user).post(reverse("enrol", args=[chosen.pk]), form))
        drain()
        hosting = Link.objects.get(purpose=Link.Purpose.HOST, reference_id=contact.pk)
        canaries["id of the host's link"] = str(hosting.pk)
        enrolment = Enrolment.objects.get(session=session)
        done(pressed(hosting).get(reverse("host-guide", args=[contact.pk, enrolment.pk])))
        done(
            pressed(hosting).post(
                reverse("host-cancel", args=[contact.pk, other.pk]), {"reason": f"{name} er blevet syg"}
            )
        )
        cache.set("kanarie:vaert", email, 100_000)
        agreement = agreements.create_agreement(
            company_id=company.pk,
            school_id=place.school.pk,
            title="Fast partnerskab",
            purpose=f"{name} tager imod.",
            roles="Skolen kommer.",
            first_day=BEGIN.date(),
            last_day=LATER.date(),
            by=by,
            now=BEGIN,
        )
        agreements.sign_version(
            agreement_id=agreement.pk, number=1, party="company", job_title=canaries["job title"], by=by, now=BEGIN
        )
        drain()
    with time_machine.travel(AFTER, tick=False):
        report = {"meeting_id": str(session.meetings.get().pk), "outcome": "held"}
        done(pressed(hosting).post(reverse("host-report", args=[contact.pk, enrolment.pk]), report))
        survey = SurveyRequest.objects.get(enrolment=enrolment, audience="host")
        asked = Link.objects.get(purpose=Link.Purpose.SURVEY, reference_id=survey.pk)
        canaries["id of the survey's link"] = str(asked.pk)
    with time_machine.travel(LATER, tick=False):
        drain()
        form = {**HOSTS_ANSWERS, "comment": f"{canaries['survey comment']}, siger Kanarius", "may_quote": "on"}
        done(pressed(asked).post(reverse("link-survey", args=[survey.pk]), form))
    return Life("contact", contact.pk, canaries, {"enrolment": enrolment, "offer": offer, "company": company})


def describe(client: Client, invite: Invite, *, name: str) -> None:
    """Go through the six steps, with the own name in the texts."""
    steps: dict[int, dict[str, Any]] = {
        1: {"about": f"Vi smeder. {name} leder.", "contact_name": name, "contact_phone": "40 51 62 73"},
        2: {
            "title": "Svejs med Kanarius Fuglekonge-Dam",
            "teaser": "Visir ned.",
            "description": f"I møder {name}. Kanarius viser rundt.",
            "purpose": "Eleverne lærer.",
            "pupil_activity": "Eleverne svejser.",
            "activity_type": "virksomhedsbesoeg",
            "industry": "industri",
            "jobs": "smed",
        },
        3: {"grade_from": "7", "grade_to": "9", "subjects": ["fysik-kemi"]},
        4: {"during": "15 min.: Velkomst", "after": "Skriv til Kanarius."},
        5: {
            "duration_minutes": "120",
            "meetings": "1",
            "places_counted": "pupils",
            "places": "28",
            "venue": "host",
            "meeting_point": f"Spørg efter {name}",
            "price_ore": "0",
            "closes_days": "7",
        },
    }
    if "contact_title" not in steps[1]:
        steps[1]["contact_title"] = "Overkanariefuglemester"
    for step, data in steps.items():
        address = reverse("builder-step", args=[invite.pk, step])
        found = re.search(r'name="version" value="(\d+)"', client.get(address).content.decode())
        done(client.post(address, {**data, "version": found[1] if found else "0", "then": "next"}))
    done(client.post(reverse("builder-submit", args=[invite.pk])))


# --- What is left, and what must not change ------------------------------------------------------------------------


def dump() -> str:
    """Return every row of every table as PostgreSQL writes it, with sessions and cache entries opened."""
    parts = []
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            out = io.BytesIO()
            with cursor.copy(f'COPY "{table}" TO STDOUT') as rows:
                for chunk in rows:
                    out.write(bytes(chunk))
            parts.append(f"== {table}\n{out.getvalue().decode()}")
        cursor.execute("SELECT value FROM portal_cache")
        parts += [base64.b64decode(value).decode(errors="replace") for (value,) in cursor.fetchall()]
    parts += [str(browser.get_decoded()) for browser in Browser.objects.all()]
    return "\n".join(parts)


def media() -> str:
    """Return everything in the media folder as text, with the names of the files."""
    root = Path(settings.MEDIA_ROOT)
    files = [path for path in sorted(root.rglob("*")) if path.is_file()] if root.exists() else []
    return "\n".join(f"{path}\n{path.read_bytes().decode(errors='replace')}" for path in files)


def hits(life: Life, *places: str) -> dict[str, int]:
    """Return how often each of the person's strings is found, in any case of its letters and grouping of its digits."""
    text = "\n".join(places).lower()
    squeezed = re.sub(r"(?<=\d)[ .-](?=\d)", "", text)
    found: Counter[str] = Counter()
    for name, canary in life.canaries.items():
        found[name] = (squeezed if canary.isdigit() else text).count(canary.lower())
    return dict(found)


def left(found: dict[str, int]) -> dict[str, int]:
    """Return the strings that are still there."""
    return {name: count for name, count in found.items() if count}


def statistics() -> dict[str, Any]:
    """Return every number the municipality counts by; an erasure changes none of them."""
    Municipality.objects.update(survey_threshold=1)
    totals = [
        (one.audience, one.asked, one.answered, [(q.question.code, q.spread, q.mean) for q in one.questions])
        for one in surveys.totals()
    ]
    ledger = Encounter.objects.order_by("recorded_at", "pk")
    return {
        "encounters": list(
            ledger.values_list(
                "school_name", "company_name", "class_label", "grade", "industry", "activity_type", "pupils", "minutes",
                "day", "school_year", "evidence", "voided_at",
            )
        ),
        "enrolments": Counter(Enrolment.objects.values_list("status", "grade", "pupils", "adults", "school__name")),
        "reports": Counter(VisitReport.objects.values_list("side", "outcome", "pupils")),
        "surveys": totals,
        "courses": Counter(Offer.objects.values_list("state", "company__name")),
        "sessions": Counter(Session.objects.values_list("state", "places", "places_taken")),
        "invitations": Counter(Invite.objects.values_list("state", "reached_step")),
        "signatures": Counter(Signature.objects.values_list("party", "signed_at")),
        "companies": Counter(Company.objects.values_list("name", "state")),
        "contacts": Contact.objects.count(),
    }  # fmt: skip


@contextmanager
def heard() -> Iterator[Callable[[], str]]:
    """Collect what is logged meanwhile, as it would leave the process."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    root = logging.getLogger()
    if root.handlers and root.handlers[0].formatter is not None:
        handler.setFormatter(root.handlers[0].formatter)
    root.addHandler(handler)
    try:
        yield out.getvalue
    finally:
        root.removeHandler(handler)

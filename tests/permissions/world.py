"""The smallest world in which every cell of the matrix means something.

*Here* is one school and one company, *elsewhere* another school and another company; on both sides there is
something in every state that matters. Secret words (``SECRETS`` in the matrix) stand in what not everybody may read.
"""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import NAMESPACE_DNS, UUID, uuid4, uuid5

import time_machine
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.sessions.backends.db import SessionStore
from django.template.base import Template
from django.test import Client, TestCase
from django.test.utils import _TestState

from companies.models import Company, Contact
from offers.models import (
    Agreement,
    AgreementVersion,
    Dialogue,
    Encounter,
    Enrolment,
    Invite,
    Meeting,
    MoveAnswer,
    MoveProposal,
    Offer,
    ProposedMeeting,
    ProposedTime,
    Question,
    Session,
    SurveyRequest,
    VisitReport,
)
from portal import pdf
from portal.domain import audit, links
from portal.domain.actor import Actor
from portal.domain.suppressions import Choice
from portal.http import SESSION_KEY as LINKS
from portal.http import SIGNED_IN_AT
from portal.models import (
    ActivityType,
    AuditEntry,
    CalendarPeriod,
    Document,
    DocumentJob,
    EducationArea,
    Erasure,
    ErasureRequest,
    Heartbeat,
    Industry,
    LegalHold,
    Link,
    Message,
    Municipality,
    MunicipalRole,
    PendingTable,
    Subject,
    User,
)
from schools.models import Membership
from tests import factories
from tests.conftest import TODAY
from tests.permissions.matrix import LONG_AGO

NOW = TODAY

# A word that stands nowhere else, for each thing that not everybody may read (see ``secrets`` in the matrix).
SECRETS = {
    "draft": "Ravnekloside",
    "draft_elsewhere": "Ugleskrigsvej",
    "archived": "Gravandfjerdal",
    "teacher": "Hejrebakkesen",
    "teacher_elsewhere": "Svaleredestrup",
    "needs": "Sneppetrækstid",
    "needs_elsewhere": "Blishønevinter",
    "greeting": "Musvitsangmorgen",
    "greeting_elsewhere": "Kærsangerhilsen",
    "comment": "Rødkælkestemme",
    "letter": "Stæreflokbrev",
    "class_elsewhere": "Blåmejseholdet",
    "small_class": "Gærdesmuttegruppen",
    "undecided": "Skovskadeholdet",
    "phone_elsewhere": "Lomvie 32",
}
# One id for things of different kinds: only the purpose of a link tells them apart.
SAME = {side: uuid5(NAMESPACE_DNS, f"matrix {side}") for side in ("here", "elsewhere")}


@dataclass
class World:
    """People, links and things, and how to speak to the portal as each role."""

    people: dict[str, User] = field(default_factory=dict)
    links: dict[str, list[tuple[Link, int]]] = field(default_factory=dict)
    at: SimpleNamespace = field(default_factory=SimpleNamespace)
    objects: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    filled: dict[str, dict[str, Any]] = field(default_factory=dict)  # forms of the desk as they stand, read once
    words: dict[str, str] = field(default_factory=lambda: dict(SECRETS))


# --- Making it ---------------------------------------------------------------------------------------------------


@contextmanager
def world_in_a_transaction() -> Iterator[World]:
    """Make the world, with the clock at the tests' now, in a transaction that is rolled back at the end.

    Like the tests' own transaction it counts as none for durable use-cases. Papers are not printed: printing takes a
    second, and who may have a paper does not depend on it; what would be printed is handed out instead.
    """

    def unprinted(*, html: str, filename: str) -> Document:
        return Document(content_hash="", filename=filename, pdf=html.encode())

    logging.disable(logging.CRITICAL)  # thousands of lines that somebody was denied; an error is judged as an answer
    # The tests' own way of rendering keeps a copy of every context; nobody looks at them here.
    render = getattr(getattr(_TestState, "saved_data", None), "template_render", vars(Template)["_render"])
    clock = time_machine.travel(NOW, tick=False)
    with clock, patch.object(pdf, "obtain", unprinted), patch.object(Template, "_render", render):
        atomics = TestCase._enter_atomics()  # type: ignore[attr-defined]
        try:
            world = make_world()
            gc.collect()
            gc.freeze()  # what stands so far stays: the collector need not look at it after every page
            yield world
        finally:
            TestCase._rollback_atomics(atomics)  # type: ignore[attr-defined]
            logging.disable(logging.NOTSET)
            gc.unfreeze()


def make_world() -> World:
    """Write everything into the database."""
    world = World()
    factories.MunicipalityFactory()
    _people(world)
    _companies(world)
    _visits(world)
    _links(world)
    _rest(world)
    _objects(world)
    _sessions(world)
    return world


def _person(world: World, role: str, **facts: Any) -> User:
    user: User = factories.UserFactory(email=f"{role.replace('_', '-')}@skole.fjordby.example", **facts)
    world.people[role] = user
    return user


def _people(world: World) -> None:
    """A person for every role that signs in."""
    at = world.at
    at.school, at.school_elsewhere = factories.SchoolFactory(name="Skolen her"), factories.SchoolFactory(name="Der")
    at.klass, at.klass_elsewhere, at.new_class = (
        factories.SchoolClassFactory(school=at.school, letter="A"),
        factories.SchoolClassFactory(
            school=at.school_elsewhere,
            start_year=None,
            letter="",
            name=SECRETS["class_elsewhere"],
            grade_from=7,
            grade_to=9,
        ),
        factories.SchoolClassFactory(school=at.school, letter="B"),
    )
    at.small_class = factories.SchoolClassFactory(
        school=at.school, start_year=None, letter="", name=SECRETS["small_class"], grade_from=2, grade_to=4
    )
    factories.SchoolClassFactory(school=at.school_elsewhere, letter="C")
    at.undecided_class = factories.SchoolClassFactory(
        school=at.school, start_year=None, letter="", name=SECRETS["undecided"], grade_from=7, grade_to=9
    )
    schools: dict[str, tuple[Any, str]] = {
        "teacher": (at.school, Membership.Role.TEACHER),
        "colleague": (at.school, Membership.Role.TEACHER),
        "ambassador": (at.school, Membership.Role.AMBASSADOR),
        "plc": (at.school, Membership.Role.PLC),
        "guidance": (at.school, Membership.Role.GUIDANCE),
        "leader": (at.school, Membership.Role.LEADER),
        "former_leader": (at.school, Membership.Role.LEADER),
        "teacher_elsewhere": (at.school_elsewhere, Membership.Role.TEACHER),
        "leader_elsewhere": (at.school_elsewhere, Membership.Role.LEADER),
    }
    names = {"teacher": SECRETS["teacher"], "teacher_elsewhere": SECRETS["teacher_elsewhere"]}
    for role, (school, post) in schools.items():
        user = _person(world, role, **({"name": f"Kim {names[role]}"} if role in names else {}))
        ended = date(2026, 8, 1) if role == "former_leader" else None
        factories.MembershipFactory(user=user, school=school, role=post, ended_on=ended)
    _person(world, "newcomer")
    factories.MembershipFactory(user=_person(world, "unconfirmed"), school=at.school, unconfirmed_since=NOW)
    municipal = {
        "reviewer": MunicipalRole.Role.REVIEWER,
        "coordinator": MunicipalRole.Role.COORDINATOR,
        "administrator": MunicipalRole.Role.ADMINISTRATOR,
        "operator": MunicipalRole.Role.OPERATOR,
        "deactivated": MunicipalRole.Role.COORDINATOR,
        "demoted": MunicipalRole.Role.COORDINATOR,
    }
    for role, kind in municipal.items():
        user = _person(world, role, is_staff=True)
        TOTP.activate(user, factories.APP_SECRET)  # without a second factor a role opens nothing
        MunicipalRole.objects.create(user=user, role=kind)
    MunicipalRole.objects.create(user=_person(world, "unproven", is_staff=True), role=MunicipalRole.Role.COORDINATOR)
    at.second_reviewer, at.head = factories.ReviewerFactory(), world.people["administrator"]
    factories.MembershipFactory(user=at.second_reviewer, school=at.school_elsewhere)
    at.role_of_leader = Membership.objects.create(
        user=world.people["leader"], school=at.school, role=Membership.Role.PLC, unconfirmed_since=NOW
    )
    at.leader_to_be = factories.MembershipFactory(school=at.school, role=Membership.Role.LEADER, unconfirmed_since=NOW)
    at.waiting_role = Membership.objects.get(user=world.people["unconfirmed"])
    at.resting = factories.UserFactory(is_active=False)
    at.forgetful = factories.UserFactory()
    TOTP.activate(at.forgetful, factories.APP_SECRET)
    at.closed_school = factories.SchoolFactory(name="Lukket", closed_on=date(2026, 8, 1))
    at.empty_school = factories.SchoolFactory(name="Tom")


def _offer(company: Company, contact: Contact, state: str, title: str, **facts: Any) -> Offer:
    offer: Offer = factories.OfferFactory(company=company, contact=contact, state=state, title=title, **facts)
    return offer


def _companies(world: World) -> None:
    """Two companies with courses in every state."""
    at, state = world.at, Offer.State
    at.contact = factories.ContactFactory(pk=SAME["here"], company__name="Smedjen her")
    at.contact_elsewhere = factories.ContactFactory(pk=SAME["elsewhere"], company__name="Mejeriet der")
    at.company, at.company_elsewhere = at.contact.company, at.contact_elsewhere.company
    at.idle_company = factories.CompanyFactory(name="Uden forløb")
    here, there = (at.company, at.contact), (at.company_elsewhere, at.contact_elsewhere)
    at.idle_contact = factories.ContactFactory(company=at.idle_company)
    _offer(at.idle_company, at.idle_contact, state.DRAFT, "Kun et udkast", published_at=None)
    at.published = _offer(*here, state.PUBLISHED, "Svejs et bogmærke", acceptance=Offer.Acceptance.MANUAL)
    at.published_elsewhere = _offer(*there, state.PUBLISHED, "Lav en ost")
    at.bare = _offer(*here, state.PUBLISHED, "Uden tider")
    at.draft = _offer(*here, state.DRAFT, f"Om {SECRETS['draft']}", published_at=None)
    at.draft_elsewhere = _offer(*there, state.DRAFT, f"Om {SECRETS['draft_elsewhere']}", published_at=None)
    at.submitted = _offer(*here, state.SUBMITTED, "Sendt ind", published_at=None, submitted_at=NOW)
    at.paused = _offer(*here, state.PAUSED, "På pause", pause_reason="Ombygning")
    at.archived = _offer(*here, state.ARCHIVED, f"Om {SECRETS['archived']}")
    at.second_contact = factories.ContactFactory(company=at.company)
    at.second_draft = _offer(at.company, at.second_contact, state.DRAFT, "En kollegas udkast", published_at=None)
    at.second_invite = Invite.objects.create(
        company=at.company, contact=at.second_contact, offer=at.second_draft, state="started"
    )
    at.invite = Invite.objects.create(
        pk=SAME["here"],
        company=at.company,
        contact=at.contact,
        offer=at.draft,
        greeting=SECRETS["greeting"],
        state="started",
    )
    at.invite_elsewhere = Invite.objects.create(
        pk=SAME["elsewhere"],
        company=at.company_elsewhere,
        contact=at.contact_elsewhere,
        offer=at.draft_elsewhere,
        greeting=SECRETS["greeting_elsewhere"],
        state="started",
    )


def _enrolment(session: Session, teacher: User, klass: Any, **facts: Any) -> Enrolment:
    row: Enrolment = factories.EnrolmentFactory(session=session, teacher=teacher, school_class=klass, **facts)
    return row


def _session(offer: Offer, *, taken: int = 24, **facts: Any) -> Session:
    row: Session = factories.SessionFactory(offer=offer, places=100, places_taken=taken, **facts)
    return row


def _visits(world: World) -> None:
    """Sessions and enrolments, coming and past, of both schools at both companies."""
    at = world.at
    here, there = world.people["teacher"], world.people["teacher_elsewhere"]
    past = datetime.fromisoformat("2026-09-01T09:00:00+02:00")
    state = Enrolment.Status
    at.session, at.session_elsewhere = _session(at.published), _session(at.published_elsewhere)
    at.session_to_enrol = _session(at.published, taken=0)
    at.session_to_enrol_elsewhere = _session(at.published_elsewhere, taken=0)
    at.session_of_draft = _session(at.draft, taken=0)
    at.session_planned = _session(at.published, taken=0, state=Session.State.PLANNED)
    at.session_past, at.session_past_elsewhere = (
        _session(offer, starts_at=past) for offer in (at.published, at.published_elsewhere)
    )
    at.session_told = _session(at.published, starts_at=past)
    at.enrolment = _enrolment(at.session, here, at.klass, needs_text=SECRETS["needs"])
    at.enrolment_elsewhere = _enrolment(
        at.session_elsewhere, there, at.klass_elsewhere, needs_text=SECRETS["needs_elsewhere"]
    )
    at.orphan = _enrolment(_session(at.published), here, at.klass)
    at.past_orphan = _enrolment(_session(at.published, starts_at=past), here, at.klass)
    Enrolment.objects.filter(pk__in=[at.orphan.pk, at.past_orphan.pk]).update(teacher=None)
    at.small = _enrolment(_session(at.published), here, at.small_class, grade=3)
    at.past = _enrolment(at.session_past, here, at.klass)
    at.past_elsewhere = _enrolment(at.session_past_elsewhere, there, at.klass_elsewhere)
    soon = NOW + timedelta(days=2)
    at.enrolment.batch, at.enrolment_elsewhere.batch = uuid4(), uuid4()
    Enrolment.objects.bulk_update([at.enrolment, at.enrolment_elsewhere], ["batch"])
    for suffix, offer, teacher, klass in (
        ("", at.published, here, at.klass),
        ("_elsewhere", at.published_elsewhere, there, at.klass_elsewhere),
    ):
        tomorrow = _session(offer, starts_at=NOW + timedelta(days=1))
        setattr(at, f"late{suffix}", _enrolment(tomorrow, teacher, klass))
        asking = _enrolment(_session(offer, starts_at=NOW + timedelta(days=1)), teacher, klass, ended_reason="Sygdom")
        audit.record(Actor.of_user(teacher), "enrolment-cancelling-asked", asking, at=NOW)
        setattr(at, f"asking{suffix}", asking)
        left = {"status": state.CANCELLED_BY_SCHOOL, "status_at": NOW, "status_before": state.CONFIRMED}
        setattr(at, f"cancelled{suffix}", _enrolment(_session(offer), teacher, klass, **left))
    above = {"status": state.CANCELLED_BY_MUNICIPALITY, "status_at": NOW, "status_before": state.CONFIRMED}
    at.cancelled_above = _enrolment(_session(at.published), here, at.klass, **above)
    for suffix, offer, teacher, klass in (
        ("", at.published, here, at.klass),
        ("_elsewhere", at.published_elsewhere, there, at.klass_elsewhere),
    ):
        waits = {"status": state.OFFERED, "answer_by": soon}
        setattr(at, f"offered{suffix}", _enrolment(_session(offer), teacher, klass, **waits))
        asks = {"status": state.PENDING, "answer_by": soon, "needs_text": "Har brug for en pause"}
        setattr(at, f"pending{suffix}", _enrolment(_session(offer), teacher, klass, **asks))
        in_line = {"status": state.WAITLISTED, "waiting_since": NOW}
        setattr(at, f"waiting{suffix}", _enrolment(_session(offer, taken=0), teacher, klass, **in_line))
    for suffix, offer, teacher, klass in (
        ("", at.published, here, at.undecided_class),
        ("_elsewhere", at.published_elsewhere, there, at.klass_elsewhere),
    ):
        asks = {
            "status": state.PENDING,
            "answer_by": soon,
            "needs_text": "Har brug for ro",
            "leader_answer": Enrolment.LeaderAnswer.AWAITED,
        }
        setattr(at, f"awaiting{suffix}", _enrolment(_session(offer), teacher, klass, **asks))
    for suffix, offer, teacher, klass in (
        ("", at.published, here, at.klass),
        ("_elsewhere", at.published_elsewhere, there, at.klass_elsewhere),
    ):
        asked = _session(offer)
        enrolled = _enrolment(asked, teacher, klass)
        proposal = MoveProposal.objects.create(
            session=asked, proposed_by="host", reason="Ombygning", silence="keep", answer_by=NOW + timedelta(days=7)
        )
        times = {"starts_at": asked.starts_at + timedelta(days=7), "ends_at": asked.ends_at + timedelta(days=7)}
        ProposedMeeting.objects.create(proposal=proposal, number=1, **times)
        MoveAnswer.objects.create(proposal=proposal, enrolment=enrolled)
        lost = _enrolment(_session(offer, taken=0), teacher, klass, status=state.CANCELLED_BY_HOST)
        for name, thing in (("moving", enrolled), ("asked_session", asked), ("proposal", proposal), ("lost", lost)):
            setattr(at, f"{name}{suffix}", thing)
    _talks(world)
    _limits(world)
    # The newest of all, and not of the school here: what is filled in from last time is one's own last time.
    Enrolment.objects.update(created_at=NOW - timedelta(days=1))
    Enrolment.objects.filter(pk=at.enrolment_elsewhere.pk).update(
        created_at=NOW, teacher_phone=SECRETS["phone_elsewhere"]
    )
    at.told = _enrolment(at.session_told, here, at.klass, status=state.COMPLETED)
    meeting = at.session_told.meetings.get()
    at.report = VisitReport.objects.create(
        enrolment=at.told, meeting=meeting, side=VisitReport.Side.TEACHER, outcome="held", pupils=24, at=NOW
    )
    due = {"due_at": NOW - timedelta(days=1), "closes_at": NOW + timedelta(days=20)}
    at.survey = SurveyRequest.objects.create(
        pk=SAME["here"],
        enrolment=at.told,
        audience="teacher",
        state="answered",
        answered_at=NOW,
        answers={"fit": 5, "active": 5, "preparation": 4, "practical": 4, "again": "yes"},
        comment=SECRETS["comment"],
        **due,
    )
    at.survey_elsewhere = SurveyRequest.objects.create(
        pk=SAME["elsewhere"], enrolment=at.past_elsewhere, audience="teacher", **due
    )


def _talks(world: World) -> None:
    """Talks about times of both schools with both companies, and questions to both."""
    at = world.at
    for suffix, role, klass in (("", "teacher", at.klass), ("_elsewhere", "teacher_elsewhere", at.klass_elsewhere)):
        contact = getattr(at, f"contact{suffix}")
        offer = _offer(contact.company, contact, Offer.State.PUBLISHED, "Efter aftale", by_agreement=True)
        talk = Dialogue.objects.create(
            offer=offer,
            school=klass.school,
            school_class=klass,
            teacher=world.people[role],
            pupils=20,
            state="in_talk",
            awaits="teacher",
        )
        starts = datetime.fromisoformat("2026-10-01T09:00:00+02:00")
        for number, side in enumerate(("teacher", "host")):
            first = starts + timedelta(days=number)
            facts: dict[str, Any] = {"starts_at": first, "ends_at": first + timedelta(hours=2)}
            # A number that stands nowhere else on a page, so that pages can be compared without it.
            facts["pk"] = 40_400_401 + number + (20 if suffix else 0)
            setattr(at, f"time_of_{side}{suffix}", ProposedTime.objects.create(dialogue=talk, side=side, **facts))
        question = Question.objects.create(
            offer=offer, school=klass.school, teacher=world.people[role], text="Hvor lang tid?"
        )
        setattr(at, f"by_agreement{suffix}", offer)
        setattr(at, f"talk{suffix}", talk)
        setattr(at, f"question{suffix}", question)


def _limits(world: World) -> None:
    """A course of which a class may have one date a year, and has it: it left another, and asks for a third."""
    at, teacher = world.at, world.people["teacher"]
    offer = _offer(at.company, at.contact, Offer.State.PUBLISHED, "Én gang", by_agreement=True, most_per_class=1)
    _enrolment(_session(offer), teacher, at.klass)
    left = {"status": Enrolment.Status.CANCELLED_BY_SCHOOL, "status_at": NOW, "status_before": "confirmed"}
    at.beyond_limit = _enrolment(_session(offer), teacher, at.klass, **left)
    at.talk_beyond_limit = Dialogue.objects.create(
        offer=offer,
        school=at.school,
        school_class=at.klass,
        teacher=teacher,
        pupils=20,
        state="in_talk",
        awaits="teacher",
    )
    first = datetime.fromisoformat("2026-10-08T09:00:00+02:00")
    times = {"starts_at": first, "ends_at": first + timedelta(hours=2)}
    at.time_beyond_limit = ProposedTime.objects.create(dialogue=at.talk_beyond_limit, side="host", **times)


def _links(world: World) -> None:
    """A browser with the three kinds of link for one side, one kind each, and one whose links have ended."""
    at, purpose = world.at, Link.Purpose
    about: dict[str, tuple[Link.Purpose, UUID]] = {
        "invite": (purpose.INVITE, at.invite.pk),
        "invite_elsewhere": (purpose.INVITE, at.invite_elsewhere.pk),
        "host": (purpose.HOST, at.contact.pk),
        "host_elsewhere": (purpose.HOST, at.contact_elsewhere.pk),
        "survey": (purpose.SURVEY, at.survey.pk),
        "survey_elsewhere": (purpose.SURVEY, at.survey_elsewhere.pk),
    }
    at.gone = uuid4()
    gone = links.ensure(purpose=purpose.INVITE, reference_id=at.gone, now=NOW)
    second = links.ensure(purpose=purpose.INVITE, reference_id=at.second_invite.pk, now=NOW)
    world.words["way"] = links.token(second)
    made = {role: links.ensure(purpose=what, reference_id=pk, now=NOW) for role, (what, pk) in about.items()}
    world.words["invitation"] = links.token(made["invite"])
    world.links = {role: [(link, link.version)] for role, link in made.items()}
    world.links["invite"].append((gone, gone.version))
    own = [made["invite"], made["host"], made["survey"]]
    world.links["outdated"] = [(link, link.version - 1) for link in own]
    world.links["revoked"] = [(_ended(link, revoked_at=NOW), 1) for link in own]
    world.links["expired"] = [(_ended(link, expires_at=NOW - timedelta(minutes=1)), 1) for link in own]
    senders = [_ended(link, revoked_at=NOW) for link in own]
    world.links["orphaned"] = [(_child(link), 1) for link in senders]
    sent_on = _child(made["host"])
    world.links["sent_on"] = [(sent_on, sent_on.version)]
    world.links["erased"] = [(_ended(link), 1) for link in own]
    for link, _version in world.links["erased"]:
        Link.objects.filter(pk=link.pk).delete()
    at.child_elsewhere = _child(made["host_elsewhere"])
    at.token = links.token(made["host"])
    own_calendar, closed, of_nobody = (
        links.ensure(purpose=purpose.CALENDAR, reference_id=person.pk, now=NOW)
        # the colleague's calendar is empty, so it holds no secret
        for person in (world.people["colleague"], world.people["teacher_elsewhere"], at.resting)
    )
    at.calendar_token_of_nobody = links.token(of_nobody)
    Link.objects.filter(pk=closed.pk).update(revoked_at=NOW)
    at.calendar_token, at.calendar_token_ended = links.token(own_calendar), links.token(closed)
    at.token_revoked, at.token_expired = (links.token(world.links[role][1][0]) for role in ("revoked", "expired"))


def _ended(root: Link, **facts: Any) -> Link:
    """Make a second link for the same object that no longer works."""
    link = Link(purpose=root.purpose, reference_id=root.reference_id, parent=root, created_at=NOW)
    link.expires_at, link.holder_name = root.expires_at, "En Kollega"
    link.holder_address = f"{link.pk}@firma.example"
    for name, value in facts.items():
        setattr(link, name, value)
    link.token_digest = links.digest_of(links.token(link))
    link.save()
    return link


def _child(root: Link) -> Link:
    """Make the link that was sent on to a colleague."""
    link = Link(
        purpose=root.purpose,
        reference_id=root.reference_id,
        parent=root,
        holder_name="En Kollega",
        holder_address=f"{uuid4()}@firma.example",
        expires_at=root.expires_at,
        created_at=NOW,
    )
    link.token_digest = links.digest_of(links.token(link))
    link.save()
    return link


def _rest(world: World) -> None:
    """A row for every other list of the desk."""
    at = world.at
    for offer in (at.published, at.draft, at.draft_elsewhere, at.archived):
        offer.picture = factories.upload(owner=offer, content=b"\xff\xd8\xff" + offer.pk.bytes)
        offer.save(update_fields=["picture"])
    municipality = Municipality.objects.get()
    municipality.logo = factories.upload(owner=municipality, kind="logo")
    municipality.save()
    at.logo = municipality.logo
    host = world.links["host"][0][0]
    at.link_of_survey = world.links["survey"][0][0]
    at.role_of_colleague = Membership.objects.get(user=world.people["colleague"])
    at.link, at.child = host, world.links["sent_on"][0][0]
    at.asked = ErasureRequest.objects.create(kind="user", subject_id=world.people["newcomer"].pk, asked_at=NOW)
    at.erasure = Erasure.objects.create(kind="user", subject_digest="0" * 64, counts={"user": 1}, erased_at=NOW)
    at.hold = LegalHold.objects.create(
        kind="user", subject_id=at.resting.pk, reason="En klage", until=date(2027, 1, 1), created_at=NOW
    )
    LegalHold.objects.create(
        kind="contact", subject_id=at.second_contact.pk, reason="En klage", until=date(2027, 1, 1), created_at=NOW
    )
    columns = {"name": "Ny Skole", "kind": "", "grade_from": "0", "grade_to": "9"}
    at.tables = {
        kind: PendingTable.objects.create(
            owner=world.people["coordinator"], kind=kind, rows=[[2, columns]], uploaded_at=NOW
        )
        for kind in ("schools", "classes", "teachers")
    }
    at.table_of_demoted = PendingTable.objects.create(
        owner=world.people["demoted"], kind="schools", rows=[[2, columns]], uploaded_at=NOW
    )
    at.table_of_schools, at.table_of_classes, at.table_of_teachers = at.tables.values()
    at.job = DocumentJob.objects.create(content_hash="0" * 64, filename="guide.pdf", html="")
    at.agreement = Agreement.objects.create(
        company=at.company,
        school=at.school,
        title="Et års samarbejde",
        first_day=date(2026, 8, 10),
        last_day=date(2027, 6, 20),
    )
    AgreementVersion.objects.create(agreement=at.agreement, number=1, purpose="P", roles="R", text_digest="0" * 64)
    at.message = Message.objects.create(
        occasion="invite",
        reference_type="offers.invite",
        reference_id=at.invite.pk,
        dedupe_key="matrix",
        recipient_kind="contact",
        recipient_id=at.contact.pk,
        address=at.contact.email,
        state=Message.State.FAILED,
        send_at=NOW,
        subject=f"Om {SECRETS['letter']}",
        body=f"Et brev: {SECRETS['letter']}",
    )
    at.heartbeat = Heartbeat.objects.create(name="deliver_messages", last_ok=NOW)
    at.municipality, at.person = Municipality.objects.get(), world.people["colleague"]
    for name, words in (
        ("activity_type", ActivityType),
        ("education_area", EducationArea),
        ("industry", Industry),
        ("subject", Subject),
    ):
        setattr(at, name, words._default_manager.first())
    at.period = CalendarPeriod.objects.order_by("pk").first()
    meeting: Meeting = at.session_told.meetings.get()
    at.encounter = Encounter.objects.create(
        enrolment=at.told,
        meeting=meeting,
        school_class=at.klass,
        school=at.school,
        company=at.company,
        offer=at.published,
        day=date(2026, 9, 1),
        minutes=120,
        pupils=24,
        grade=7,
        school_year=2026,
        class_label="7.A",
        school_name=at.school.name,
        company_name=at.company.name,
        offer_title=at.published.title,
        industry="industri",
        activity_type="virksomhedsbesoeg",
        evidence=Encounter.Evidence.ONE,
        recorded_at=NOW,
    )
    at.entry = AuditEntry.objects.create(
        action="offer-published", actor_kind="job", actor_id="seed", object_type="offers.offer", object_id=at.bare.pk
    )


# --- The objects of addresses --------------------------------------------------------------------------------------


def _objects(world: World) -> None:
    """Name, for each kind of object, those that the matrix asks about, as arguments of an address."""
    at = world.at
    offers = {name: getattr(at, name) for name in ("published", "paused", "draft", "submitted", "archived")}
    two_sides = ("", "_elsewhere")

    def both(argument: str, name: str, **more: Any) -> dict[str, dict[str, Any]]:
        own, foreign = ({argument: getattr(at, name + suffix).pk, **more} for suffix in two_sides)
        return {"own": own, "foreign": foreign, "missing": {argument: uuid4(), **more}}

    def hosted(argument: str, name: str) -> dict[str, dict[str, Any]]:
        own, foreign = getattr(at, name).pk, getattr(at, f"{name}_elsewhere").pk
        mine, theirs = at.contact.pk, at.contact_elsewhere.pk
        return {
            "own": {"contact_id": mine, argument: own},
            "foreign": {"contact_id": theirs, argument: foreign},
            "crossed": {"contact_id": mine, argument: foreign},
            "missing": {"contact_id": mine, argument: uuid4()},
            "nowhere": {"contact_id": uuid4(), argument: uuid4()},
        }

    def with_time(objects: dict[str, dict[str, Any]], side: str) -> dict[str, dict[str, Any]]:
        own, other = (getattr(at, f"time_of_{side}{suffix}").pk for suffix in two_sides)
        times = {"own": own, "foreign": other, "crossed": other}
        return {name: {**words, "time_id": times.get(name, other)} for name, words in objects.items()}

    world.objects = {
        "nothing": {"-": {}},
        "offer": {name: {"offer_id": one.pk, "slug": one.slug} for name, one in offers.items()}
        | {"missing": {"offer_id": uuid4(), "slug": "intet"}},
        "guide": {name: {"offer_id": one.pk} for name, one in offers.items()} | {"missing": {"offer_id": uuid4()}},
        "file": {
            name: {"offer_id": getattr(at, name).pk, "upload_id": getattr(at, name).picture.pk}
            for name in ("published", "draft", "archived")
        }
        | {
            "no course": {"offer_id": uuid4(), "upload_id": at.published.picture.pk},
            "another's": {"offer_id": at.published.pk, "upload_id": at.draft.picture.pk},
            "missing": {"offer_id": at.published.pk, "upload_id": uuid4()},
        },
        "which-school": {"my own": {}, "another": {"?": f"?skole={at.school_elsewhere.pk}"}},
        "logo": {"shown": {"upload_id": at.logo.pk}, "another": {"upload_id": at.draft.picture.pk}},
        "role-asked-for": {
            "own": {"membership_id": at.waiting_role.pk},
            LONG_AGO: {"membership_id": at.leader_to_be.pk},  # a role that reaches the whole school
            "missing": {"membership_id": uuid4()},
        },
        "awaiting": both("enrolment_id", "awaiting"),
        "link": {"live": {"link_id": at.link.pk}, "missing": {"link_id": uuid4()}},
        "company": {
            "hosting": {"company_id": at.company.pk},
            "idle": {"company_id": at.idle_company.pk},
            "missing": {"company_id": uuid4()},
        },
        "session": {
            "open": {"session_id": at.session_to_enrol.pk},
            "several classes": {"session_id": at.session_to_enrol.pk},
            # And what was answered last time, by a stranger.
            "foreign class": {"session_id": at.session_to_enrol.pk, "?": f"?igen={at.enrolment_elsewhere.pk}"},
            "enrolled": {"session_id": at.session.pk},
            "of a draft": {"session_id": at.session_of_draft.pk},
            "planned": {"session_id": at.session_planned.pk},
            "missing": {"session_id": uuid4()},
        },
        "enrolment": both("enrolment_id", "enrolment"),
        "leaving": both("enrolment_id", "enrolment") | {"too late": {"enrolment_id": at.late.pk}},
        "cancelled": both("enrolment_id", "cancelled")
        | {"by the municipality": {"enrolment_id": at.cancelled_above.pk}},
        "late": both("enrolment_id", "late"),
        "batch": {
            "own": {"batch": at.enrolment.batch},
            "foreign": {"batch": at.enrolment_elsewhere.batch},
            "missing": {"batch": uuid4()},
        },
        "calendar": {
            "live": {"token": at.calendar_token},
            "ended": {"token": at.calendar_token_ended},
            "of a closed account": {"token": at.calendar_token_of_nobody},
            "another purpose": {"token": at.token},
            "unknown": {"token": "cal_" + "A" * 43},
        },
        "place": both("enrolment_id", "offered"),
        "visit": both("enrolment_id", "past"),
        "asked": both("enrolment_id", "moving"),
        "lost": {
            name: {
                **found,
                "session_id": (at.session_to_enrol_elsewhere if name == "foreign" else at.session_to_enrol).pk,
            }
            for name, found in both("enrolment_id", "lost").items()
        },
        "day": both("contact_id", "contact", day="2026-09-29")
        | {"another spelling": {"contact_id": at.contact.pk, "day": "20260929"}},
        "invite": both("invite_id", "invite") | {"gone": {"invite_id": at.gone}},
        "step": both("invite_id", "invite", step=4)
        | {"gone": {"invite_id": at.gone, "step": 4}, "no such step": {"invite_id": at.invite.pk, "step": 9}},
        "contact": both("contact_id", "contact"),
        "share": both("contact_id", "contact") | {"another's colleague": {"contact_id": at.contact.pk}},
        "host-session": hosted("session_id", "session"),
        "host-date": {name: {**found, "number": 1} for name, found in hosted("session_id", "session").items()}
        | {"no such date": {"contact_id": at.contact.pk, "session_id": at.session.pk, "number": 9}},
        "host-asked": hosted("session_id", "asked_session"),
        "host-offer": hosted("offer_id", "published"),
        "host-enrolment": hosted("enrolment_id", "enrolment")
        | {
            "pending": {"contact_id": at.contact.pk, "enrolment_id": at.pending.pk},
            "awaiting its leader": {"contact_id": at.contact.pk, "enrolment_id": at.awaiting.pk},
        },
        "host-request": hosted("enrolment_id", "pending")
        | {"awaiting its leader": {"contact_id": at.contact.pk, "enrolment_id": at.awaiting.pk}},
        "host-visit": hosted("enrolment_id", "past"),
        "dialogue": both("dialogue_id", "talk"),
        "dialogue-time": with_time(both("dialogue_id", "talk"), "host"),
        "dialogue-own-time": with_time(both("dialogue_id", "talk"), "teacher"),
        "host-dialogue": hosted("dialogue_id", "talk"),
        "host-dialogue-time": with_time(hosted("dialogue_id", "talk"), "teacher"),
        "question": both("question_id", "question"),
        "host-question": hosted("question_id", "question"),
        "asked-for": {
            "by agreement": {"offer_id": at.by_agreement.pk},
            "asked already": {"offer_id": at.by_agreement.pk},
            "with dates only": {"offer_id": at.bare.pk},
            "draft": {"offer_id": at.draft.pk},
            "missing": {"offer_id": uuid4()},
        },
        "survey": both("survey_id", "survey"),
        "token": {
            "live": {"token": at.token},
            "revoked": {"token": at.token_revoked},
            "expired": {"token": at.token_expired},
            "unknown": {"token": "hst_" + "A" * 43},
        },
        "unsubscribing": {
            "reminders": {"token": Choice.of("mette@skole.example", "reminders").token},
            "surveys": {"token": Choice.of("mette@skole.example", "surveys").token},
            "of the erased": {"token": Choice.of("slettet@skole.example", "surveys").token},
            "another purpose": {"token": Choice.of("mette@skole.example", "surveys").token.replace("uns_", "uns_hst_")},
            "unknown": {"token": "uns_" + "A" * 64},
        },
        "job": {
            "-": {"job_id": at.job.pk},
            "back to a guide": {"job_id": at.job.pk, "?": f"?back=/guide/forloeb/{at.published.pk}.pdf"},
            "back elsewhere": {"job_id": at.job.pk, "?": "?back=/privatliv/"},
        },
        "demo-mail": {"-": {"name": "1"}},
        "demo-mail-file": {"-": {"name": "1", "index": 0}},
        "house": {"-": {"provider_id": "kommune"}},
        "passkey": {"-": {"pk": 1}},
        "desk-app": {"-": {"app_label": "offers"}},
        "desk-row": {"-": {"content_type_id": 1, "object_id": uuid4()}},
    }


# --- Coming in -----------------------------------------------------------------------------------------------------


def _sessions(world: World) -> None:
    """Let every role come in; then take away what is taken away in the middle of a session."""
    for role, user in world.people.items():
        world.cookies[role] = _signed_in(user)
    for role in ("newcomer", "leader", "coordinator", "administrator"):
        store = SessionStore(_signed_in(world.people[role]))
        store[SIGNED_IN_AT] = (NOW - timedelta(minutes=20)).timestamp()
        store.save()
        world.cookies[f"{role}, long after signing in"] = store.session_key or ""
    for role, held in world.links.items():
        store = SessionStore()
        store[LINKS] = {f"{link.purpose}:{link.reference_id}": [str(link.pk), version] for link, version in held}
        store.create()
        world.cookies[role] = store.session_key or ""
    User.objects.filter(pk=world.people["deactivated"].pk).update(is_active=False)
    MunicipalRole.objects.filter(user=world.people["demoted"]).delete()


def _signed_in(user: User) -> str:
    """Return the key of a session in which the person has signed in, a second factor included where one is asked."""
    client = Client()
    client.force_login(user)
    return client.session.session_key or ""

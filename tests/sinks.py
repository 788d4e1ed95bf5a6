"""What people write, written nastily into every field, and everything the portal makes of it.

Eighteen fields, twelve families of payloads, fourteen kinds of places where the words come out. The rows are written
past every form, so that what is shown must be safe by itself.
"""

import csv
import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import icalendar
import openpyxl
import structlog
from django.db import IntegrityError, models, transaction
from django.template.loader import render_to_string
from django.test import Client
from django.utils.text import slugify

from offers.domain import calendar_file, guides
from offers.models import Enrolment, Invite, Material, Offer, Session, SurveyRequest
from portal import mail, pdf, spreadsheets
from portal.domain import links, outbox
from portal.domain.text import one_line
from portal.models import Link, Message, Municipality
from tests import factories
from tests.payloads import FIELDS


@dataclass
class World:
    """One visit with everything around it, and who looks at it."""

    now: datetime
    municipality: Municipality
    offer: Offer
    session: Session
    enrolment: Enrolment
    invite: Invite
    survey: SurveyRequest
    material: Material
    browsers: dict[str, Client] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)


def rows(world: World) -> dict[str, list[tuple[models.Model, str]]]:
    """Return the eighteen fields, each with the columns that hold it."""
    offer, company, contact = world.offer, world.offer.company, world.offer.contact
    assert contact is not None
    assert offer.picture is not None
    teacher = world.enrolment.teacher
    assert teacher is not None
    long = ("description", "purpose", "pupil_activity", "before", "during", "after", "safety", "accessibility")
    return {
        "title": [(offer, "title")],
        "teaser": [(offer, "teaser")],
        "description": [*((offer, name) for name in long), (company, "about")],
        "company": [(company, "name")],
        "contact": [(contact, "name")],
        "e-mail": [(world.municipality, "contact_email")],
        "phone": [(contact, "phone")],
        "website": [(company, "website")],
        "place": [(offer, "meeting_point"), (offer, "transport"), (offer, "clothing"), (offer, "food")],
        "teacher": [(teacher, "name")],
        "school": [(world.enrolment.school, "name")],
        "class": [(world.enrolment.school_class, "name")],
        "note": [(world.session, "note")],
        "message": [(world.enrolment, "needs_text"), (world.invite, "greeting")],
        "reason": [(offer, "pause_reason"), (world.session, "cancel_reason"), (world.enrolment, "ended_reason")],
        "survey": [(world.survey, "comment")],
        "file name": [(offer.picture, "name"), (world.material.upload, "name")],
        "alternative text": [(offer.picture, "alt_text"), (world.material, "title")],
    }


def build(now: datetime) -> World:
    """Make the world as it stands at ``now``; its words are still tame."""
    municipality = factories.MunicipalityFactory.create()
    contact = factories.ContactFactory.create()
    offer = factories.OfferFactory.create(company=contact.company, contact=contact)
    offer.picture = factories.upload(owner=offer, alt_text="En svejser")
    offer.save()
    material = Material.objects.create(offer=offer, upload=factories.upload(owner=offer, kind="document"), title="Ark")
    session = factories.SessionFactory.create(offer=offer, places_taken=24, starts_at=now + timedelta(days=21))
    school = factories.SchoolFactory.create()
    group = factories.SchoolClassFactory.create(
        school=school, start_year=None, letter="", name="Hold", grade_from=7, grade_to=8
    )
    teacher = factories.UserFactory.create(email="laerer@skole.fjordby.example")
    factories.MembershipFactory.create(user=teacher, school=school)
    enrolment = factories.EnrolmentFactory.create(session=session, school_class=group, teacher=teacher)
    invite = Invite.objects.create(company=offer.company, contact=contact, offer=offer, reached_step=5)
    survey = SurveyRequest.objects.create(
        enrolment=enrolment, audience="teacher", state="answered", answers={"again": 5}, due_at=now,
        closes_at=session.ends_at, answered_at=now,
    )  # fmt: skip
    world = World(
        now=now,
        municipality=municipality, offer=offer, session=session, enrolment=enrolment, invite=invite, survey=survey,
        material=material,
    )  # fmt: skip
    coordinator = factories.CoordinatorFactory.create(email="koordinator@fjordby.example")
    world.browsers = {who: Client(SERVER_NAME="localhost") for who in ("visitor", "teacher", "coordinator", "holder")}
    world.browsers["teacher"].force_login(teacher)
    world.browsers["coordinator"].force_login(coordinator)
    for purpose, about in ((Link.Purpose.INVITE, invite), (Link.Purpose.HOST, contact), (Link.Purpose.SURVEY, survey)):
        token = links.token(links.ensure(purpose=purpose, reference_id=about.pk, now=now))
        world.tokens[purpose] = token
        world.browsers["holder"].post(f"/l/{token}/")
    return world


def write(world: World, payload: str, *, state: str = Offer.State.PUBLISHED) -> None:
    """Write the payload into every field, past every form, each with a mark of its own (``F07:``)."""
    for number, (_name, columns) in enumerate(rows(world).items()):
        for row, column in columns:
            longest = row._meta.get_field(column).max_length or 2000  # type: ignore[union-attr]
            value = f"F{number:02d}:{payload}"[:longest]
            one = type(row)._default_manager.filter(pk=row.pk)
            try:
                with transaction.atomic():
                    one.update(**{column: value})
            except IntegrityError:  # the database knows better: then as it is kept when it comes through a form
                value = one_line(value)
                one.update(**{column: value})
            setattr(row, column, value)
    Offer.objects.filter(pk=world.offer.pk).update(state=state)
    world.offer.state = state


# Places where the words come out


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came out at one place: HTML to be read as a browser reads it, or what a reader made of another kind."""

    sink: str
    html: str = ""
    text: str = ""
    wrong: tuple[str, ...] = ()


def pages(world: World) -> dict[str, list[tuple[str, str]]]:
    """Return the pages on which the words stand: kind of place → who looks, and where."""
    offer, invite, contact = world.offer, world.invite, world.offer.contact
    assert contact is not None
    slug = slugify(offer.slug) or "x"
    desk = "/admin/offers"
    return {
        "list page": [("visitor", "/"), ("visitor", "/forloeb/"), ("teacher", "/tilmeldinger/")],
        "detail page": [
            ("visitor", f"/forloeb/{offer.pk}/{slug}/"),
            ("teacher", f"/tidspunkter/{world.session.pk}/tilmeld/"),
            ("teacher", f"/tilmeldinger/{world.enrolment.pk}/"),
            ("teacher", f"/tilmeldinger/{world.enrolment.pk}/aendr/"),
        ],
        "pages by link": [
            ("holder", f"/beskriv/{invite.pk}/"),
            *(("holder", f"/beskriv/{invite.pk}/{step}/") for step in range(1, 7)),
            ("holder", f"/beskriv/{invite.pk}/filer/"),
            ("holder", f"/vaert/{contact.pk}/"),
            ("holder", f"/vaert/{contact.pk}/tidspunkt/{world.session.pk}/"),
            ("holder", f"/evaluering/{world.survey.pk}/"),
        ],
        "admin list": [
            ("coordinator", f"{desk}/{name}/") for name in ("offer", "session", "enrolment", "invite", "surveyrequest")
        ]
        + [("coordinator", f"/admin/{path}/") for path in ("companies/company", "schools/school", "portal/user")],
        "admin change": [
            ("coordinator", f"{desk}/offer/{offer.pk}/change/"),
            ("coordinator", f"{desk}/session/{world.session.pk}/change/"),
            ("coordinator", f"{desk}/enrolment/{world.enrolment.pk}/change/"),
            ("coordinator", f"{desk}/surveyrequest/{world.survey.pk}/change/"),
            ("coordinator", f"/admin/companies/company/{offer.company_id}/change/"),
            ("coordinator", f"/admin/schools/school/{world.enrolment.school_id}/change/"),
            ("coordinator", f"{desk}/offer/{offer.pk}/arkiver/"),
            ("coordinator", f"{desk}/offer/{offer.pk}/fjern-filer/"),
        ],
    }


def letters(world: World) -> Iterator[Any]:
    """Yield the letters in which the words stand, as they would leave."""
    offer, contact, teacher = world.offer, world.offer.contact, world.enrolment.teacher
    assert contact is not None
    assert teacher is not None
    to_host = outbox.Recipient(kind="contact", id=contact.pk, address=contact.email, language="da")
    meeting = world.session.meetings.get()
    promises: list[tuple[str, models.Model, outbox.Recipient, dict[str, Any]]] = [
        ("invite", world.invite, to_host, {}),
        ("offer_submitted", offer, outbox.Recipient.of_user(teacher), {}),
        ("offer_published", offer, to_host, {}),
        ("enrolment_confirmed", world.enrolment, outbox.Recipient.of_user(teacher), {}),
        ("visit_reminder", world.enrolment, outbox.Recipient.of_user(teacher), {"meeting": str(meeting.pk)}),
        ("host_day_sheet", world.session, to_host, {"meeting": str(meeting.pk)}),
        ("survey_teacher", world.survey, outbox.Recipient.of_user(teacher), {}),
    ]
    for occasion, about, to, parameters in promises:
        with transaction.atomic():
            outbox.post(occasion=occasion, about=about, to=to, now=world.now, parameters=parameters, key="sinks")
        message = Message.objects.get(occasion=occasion)
        yield mail.render(message, world.now)
        Message.objects.all().delete()


def outcomes(world: World) -> Iterator[Outcome]:
    """Yield everything that the portal makes of the words."""
    for sink, looks in pages(world).items():
        for who, address in looks:
            answer = world.browsers[who].get(address, follow=True)
            assert answer.status_code == 200, (sink, address, answer.status_code)
            yield Outcome(sink=sink, html=answer.content.decode())
    visitor = world.browsers["visitor"]
    head = visitor.get(f"/forloeb/{world.offer.pk}/", follow=True).content.decode().partition("</head>")[0]
    yield Outcome(sink="head of the page", html=head)
    for letter in letters(world):
        headers = letter.message()
        lines = [str(headers[name]) for name in ("Subject", "From", "To", "Reply-To") if headers[name]]
        # A long header goes on in a line that begins with a blank; anything else would be another header.
        wrong = tuple(line for line in lines if re.search(r"\r|\n(?![ \t])", line) or headers["Bcc"])
        yield Outcome(sink="mail headers", text="\n".join(lines), wrong=wrong)
        yield Outcome(sink="text mail", text=str(letter.body))
        html = str(letter.alternatives[0].content)
        addresses = re.findall(r'href="([^"]*)"', html)
        foreign = [one for one in addresses if "ond.example" in one and not one.startswith("mailto:")]
        yield Outcome(sink="HTML mail", html=html, wrong=tuple(foreign))
    for guide in (
        guides.for_offer(offer=world.offer, municipality=world.municipality, now=world.now),
        guides.for_enrolment(enrolment=world.enrolment, municipality=world.municipality, now=world.now),
        guides.for_company(company=world.offer.company, municipality=world.municipality, now=world.now),
    ):
        paper = render_to_string(guide.template, {**guide.context, "picture": pdf.picture("robot")})
        yield Outcome(sink="PDF", html=paper, wrong=tuple(re.findall(r'(?:src|href)="(?:file|data):[^"]*', paper)))
        yield Outcome(sink="file name", wrong=tuple(re.findall(r"[\x00-\x1f/\\\u202e]", guide.filename)))
    yield from tables(world)
    yield calendar(world)
    yield log(world)


def values(world: World) -> list[str]:
    """Return what stands in every column."""
    return [str(getattr(row, column)) for columns in rows(world).values() for row, column in columns]


def tables(world: World) -> Iterator[Outcome]:
    """Yield a workbook and a CSV file with every column in them, read again as a program reads them."""
    words = values(world)
    book = io.BytesIO()
    spreadsheets.write_xlsx(book, title="F", headings=["Ord"], rows=[[word] for word in words])
    sheet: Any = openpyxl.load_workbook(book).active
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]
    yield Outcome(sink="XLSX", wrong=tuple(str(cell.value)[:40] for cell in cells if cell.data_type == "f"))
    plain = io.BytesIO()
    spreadsheets.write_csv(plain, headings=["Ord"], rows=[[word.partition(":")[2]] for word in words])
    lines = list(csv.reader(io.StringIO(plain.getvalue().decode("utf-8-sig")), delimiter=";"))
    alive = [line[0] for line in lines[1:] if line and line[0][:1] in tuple("=+-@|%\t\r")]
    yield Outcome(sink="CSV", wrong=tuple(alive))


def calendar(world: World) -> Outcome:
    """Return the calendar file, read again by another reader."""
    made = calendar_file.calendar_file(world.enrolment, method="PUBLISH", now=world.now)
    events = [part for part in icalendar.Calendar.from_ical(made).walk() if part.name in {"VEVENT", "VALARM"}]
    wrong = [str(part.name) for part in events if part.name == "VALARM" or "ATTENDEE" in part]
    wrong += [
        line for line in made.decode().replace("\r\n ", "").split("\r\n") if re.match(r"ATTENDEE|BEGIN:VALARM", line)
    ]
    return Outcome(sink="ICS", wrong=tuple(wrong))


def log(world: World) -> Outcome:
    """Return what a log line makes of the words: one line each, and nothing that moves a cursor."""
    from portal.logs import configuration  # noqa: PLC0415 (it replaces the test's own set-up of logging)

    out = io.StringIO()
    handler = logging.StreamHandler(out)
    before = logging.root.handlers[:]
    try:
        configuration(json=True)
        handler.setFormatter(logging.root.handlers[0].formatter)
        logging.root.handlers = [handler]
        for word in values(world):
            structlog.get_logger("portal.sinks").warning("somebody wrote", words=word)
            logging.getLogger("portal.sinks").warning("Somebody wrote %s", word)
    finally:
        logging.root.handlers = before
    lines = out.getvalue().splitlines()
    wrong = [] if len(out.getvalue().split("\n")) - 1 == 2 * len(values(world)) else ["a line that nobody logged"]
    wrong += [line[:60] for line in lines if "\x1b" in line or json.loads(line)["event"] == "forged-line"]
    return Outcome(sink="log", wrong=tuple(wrong))


SINKS = (
    "list page", "detail page", "pages by link", "head of the page", "admin list", "admin change", "HTML mail",
    "text mail", "mail headers", "PDF", "file name", "XLSX", "CSV", "ICS", "log",
)  # fmt: skip

# What lives in HTML


class Reader(HTMLParser):
    """Reads HTML as a browser does, and notes everything of ours that lives in it."""

    ADDRESSES = ("href", "src", "action", "formaction", "srcdoc", "style", "xlink:href", "data", "poster", "background")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.live: list[str] = []
        self.inside = ""
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag if tag in {"script", "style"} else ""
        for name, given in attrs:
            value = given or ""
            acts = name.startswith("on") and "__xss" in value
            leads = name in self.ADDRESSES and (
                ("__xss" in value and value.strip().lower().startswith(("javascript:", "data:")))
                or (name in {"style", "srcdoc"} and "__xss" in value)
            )
            if name == "data-live" or acts or leads:
                self.live.append(f"<{tag} {name}={value[:60]!r}>")

    def handle_endtag(self, tag: str) -> None:
        if tag == self.inside:
            self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script" and "__xss" in data:
            self.live.append(f"<script>{data[:60]}")
        self.words.append(data)


def live_in(outcome: Outcome) -> list[str]:
    """Return what lives in an outcome, though it should not."""
    found = list(outcome.wrong)
    if outcome.html:
        reader = Reader()
        reader.feed(outcome.html)
        reader.close()
        found += reader.live
    for text in (outcome.html, outcome.text):
        found += re.findall(r"F\d\d:49.{0,20}", text)  # a template was filled in: 7 and 42 make 49
    return found


def assertions(world: World) -> tuple[int, list[str]]:
    """Return how many (field, place) were looked at, and what lived in any of them.

    A field counts at a place whether its words stand there or not: that they do not is safe too.
    """
    seen: dict[str, int] = {}
    found: list[str] = []
    for outcome in outcomes(world):
        seen[outcome.sink] = seen.get(outcome.sink, 0) + 1
        live = live_in(outcome)
        found += [f"{outcome.sink}: {one}" for one in live]
    assert set(seen) == set(SINKS), set(SINKS) ^ set(seen)
    return FIELDS * len(SINKS), found


def shown_at(outcome: Outcome) -> set[str]:
    """Return the marks of the fields whose words stand in an outcome."""
    return set(re.findall(r"F\d\d(?=:)", outcome.html + outcome.text))

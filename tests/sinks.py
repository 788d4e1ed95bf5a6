"""What people write, written nastily into every field, and everything the portal makes of it.

Twenty-four fields, twelve families of payloads, twenty kinds of places where the words come out. The rows are
written past every form, so that what is shown must be safe by itself; only the addresses of people hold what the
form's own field lets through, because a mail has to reach them.
"""

import csv
import io
import json
import logging
import re
from collections.abc import Iterator, Sequence
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
from offers.models import (
    Dialogue,
    DialogueEntry,
    Enrolment,
    Invite,
    Material,
    MoveAnswer,
    MoveProposal,
    Offer,
    ProposedMeeting,
    ProposedTime,
    Question,
    Session,
    SurveyRequest,
)
from portal import mail, pdf
from portal.domain import links, outbox
from portal.domain.actor import Actor
from portal.domain.text import one_line
from portal.forms.fields import Email
from portal.models import Link, Message, Municipality
from tests import factories
from tests.payloads import FIELDS

LOOKERS = ("visitor", "teacher", "coordinator", "holder", "colleague")


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
    dialogue: Dialogue
    asked: Question
    answered: Question
    move: MoveProposal
    child: Link
    browsers: dict[str, Client] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    payload: str = ""


def rows(world: World) -> dict[str, list[tuple[models.Model, str]]]:
    """Return the twenty-four fields, each with the columns that hold it."""
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
        "dialogue": [(entry, "text") for entry in world.dialogue.entries.all()],
        "question": [(world.asked, "text"), (world.answered, "text")],
        "answer": [(world.answered, "answer")],
        "move": [(world.move, "reason")],
        "colleague": [(world.child, "holder_name")],
        "address": [(teacher, "email"), (contact, "email"), (world.child, "holder_address")],
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
    talk = {"offer": offer, "school": school, "teacher": teacher}
    dialogue = Dialogue.objects.create(
        **talk, school_class=group, pupils=20, adults=2, state="in_talk", awaits="teacher", created_at=now
    )
    for hours, side in enumerate(("teacher", "host", "coordinator")):
        DialogueEntry.objects.create(dialogue=dialogue, side=side, text="Ord", at=now - timedelta(hours=3 - hours))
        start = now + timedelta(days=20 + hours)
        if side != "coordinator":
            ProposedTime.objects.create(
                dialogue=dialogue, side=side, starts_at=start, ends_at=start + timedelta(hours=2), proposed_at=now
            )
    asked = Question.objects.create(**talk, text="Er der en elevator?", asked_at=now)
    answered = Question.objects.create(
        **talk, text="Er der frokost?", answer="Ja", asked_at=now, answered_at=now, answered_by="host"
    )
    move = MoveProposal.objects.create(
        session=session, proposed_by="host", reason="Sygdom", silence="keep", answer_by=now + timedelta(days=7)
    )
    ProposedMeeting.objects.create(
        proposal=move, starts_at=now + timedelta(days=28), ends_at=now + timedelta(days=28, hours=2)
    )
    MoveAnswer.objects.create(proposal=move, enrolment=enrolment)
    host_link = links.ensure(purpose=Link.Purpose.HOST, reference_id=contact.pk, now=now)
    child = links.send_on(
        link_id=host_link.pk, name="Signe", to="signe@firma.example", by=Actor.of_link(host_link), now=now
    )
    Message.objects.all().delete()
    world = World(
        now=now,
        municipality=municipality, offer=offer, session=session, enrolment=enrolment, invite=invite, survey=survey,
        material=material, dialogue=dialogue, asked=asked, answered=answered, move=move, child=child,
    )  # fmt: skip
    coordinator = factories.CoordinatorFactory.create(email="koordinator@fjordby.example")
    world.browsers = {who: Client(SERVER_NAME="localhost") for who in LOOKERS}
    world.browsers["teacher"].force_login(teacher)
    world.browsers["coordinator"].force_login(coordinator)
    for purpose, about in ((Link.Purpose.INVITE, invite), (Link.Purpose.HOST, contact), (Link.Purpose.SURVEY, survey)):
        token = links.token(links.ensure(purpose=purpose, reference_id=about.pk, now=now))
        world.tokens[purpose] = token
        world.browsers["holder"].post(f"/l/{token}/")
    world.browsers["colleague"].post(f"/l/{links.token(child)}/")
    return world


def write(world: World, payload: str, *, state: str = Offer.State.PUBLISHED, marked: bool = True) -> None:
    """Write the payload into every field, past every form, each with a mark of its own (``F07:``) unless it is bare."""
    teacher = world.enrolment.teacher
    assert teacher is not None
    before = teacher.email
    for number, (name, columns) in enumerate(rows(world).items()):
        for row, column in columns:
            longest = row._meta.get_field(column).max_length or 2000  # type: ignore[union-attr]
            value = f"F{number:02d}:{payload}"[:longest] if marked else payload[:longest]
            if name == "address":
                value = as_address(payload, f"f{number:02d}")
            one = type(row)._default_manager.filter(pk=row.pk)
            try:
                with transaction.atomic():
                    one.update(**{column: value})
            except IntegrityError:  # the database knows better: then as it is kept when it comes through a form
                value = one_line(value)
                one.update(**{column: value})
            setattr(row, column, value)
    Offer.objects.filter(pk=world.offer.pk).update(state=state)
    world.offer.state, world.payload = state, payload
    if teacher.email != before:  # whose address changes is signed out
        world.browsers["teacher"].force_login(teacher)


def as_address(payload: str, mark: str) -> str:
    """Return as much of a payload as the form's field for addresses lets through."""
    admitted = re.sub(r"[^-!#$%&'*+/=?^_`{}|~0-9a-z]", "", payload.lower())
    address: str = Email().clean(f"{mark}{admitted}@ond.example")
    return address


# Places where the words come out


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came out at one place: HTML to be read as a browser reads it, or what a reader made of another kind."""

    sink: str
    html: str = ""
    text: str = ""
    wrong: tuple[str, ...] = ()


# Every list of the desk on which such words stand; all of them can be taken out as files.
LISTS = (
    "offers/offer", "offers/session", "offers/enrolment", "offers/invite", "offers/surveyrequest", "offers/dialogue",
    "offers/question", "companies/company", "companies/contact", "schools/school", "portal/user", "portal/link",
)  # fmt: skip


def pages(world: World) -> dict[str, list[tuple[str, str]]]:
    """Return the pages on which the words stand: kind of place → who looks, and where."""
    offer, invite, contact = world.offer, world.invite, world.offer.contact
    assert contact is not None
    slug = slugify(offer.slug) or "x"
    desk, talk = "/admin/offers", world.dialogue
    return {
        "list page": [("visitor", "/"), ("visitor", "/forloeb/"), ("teacher", "/tilmeldinger/")],
        "detail page": [
            ("visitor", f"/forloeb/{offer.pk}/{slug}/"),
            ("teacher", f"/tidspunkter/{world.session.pk}/tilmeld/"),
            ("teacher", f"/tilmeldinger/{world.enrolment.pk}/"),
            ("teacher", f"/tilmeldinger/{world.enrolment.pk}/aendr/"),
            ("teacher", f"/tilmeldinger/{world.enrolment.pk}/flytning/"),
        ],
        "pages by link": [
            ("holder", f"/beskriv/{invite.pk}/"),
            *(("holder", f"/beskriv/{invite.pk}/{step}/") for step in range(1, 7)),
            ("holder", f"/beskriv/{invite.pk}/filer/"),
            ("holder", f"/vaert/{contact.pk}/"),
            ("holder", f"/vaert/{contact.pk}/tidspunkt/{world.session.pk}/"),
            ("holder", f"/vaert/{contact.pk}/tidspunkt/{world.session.pk}/flyt/"),
            ("holder", f"/vaert/{contact.pk}/kollega/"),
            ("holder", f"/evaluering/{world.survey.pk}/"),
            ("colleague", f"/vaert/{contact.pk}/"),
        ],
        "dialogue page": [
            ("teacher", f"/foresporgsler/{talk.pk}/"),
            ("teacher", f"/foresporgsler/{talk.pk}/svar/"),
            ("holder", f"/vaert/{contact.pk}/foresporgsler/{talk.pk}/"),
            ("holder", f"/vaert/{contact.pk}/foresporgsler/{talk.pk}/svar/"),
            ("holder", f"/vaert/{contact.pk}/foresporgsler/{talk.pk}/ikke-nu/"),
            ("coordinator", f"{desk}/dialogue/{talk.pk}/change/"),
            ("coordinator", f"{desk}/dialogue/{talk.pk}/svar/"),
        ],
        "question page": [
            *(("teacher", f"/spoergsmaal/{one.pk}/") for one in (world.asked, world.answered)),
            *(("holder", f"/vaert/{contact.pk}/spoergsmaal/{one.pk}/") for one in (world.asked, world.answered)),
            ("coordinator", f"{desk}/question/{world.answered.pk}/change/"),
            ("coordinator", f"{desk}/question/{world.asked.pk}/svar/"),
        ],
        "handed-out data": [
            ("teacher", "/konto/mine-oplysninger/"),
            ("holder", f"/vaert/{contact.pk}/mine-oplysninger/"),
        ],
        "row history": [
            ("coordinator", f"{desk}/{name}/{row.pk}/history/")
            for name, row in (
                ("offer", offer),
                ("session", world.session),
                ("enrolment", world.enrolment),
                ("dialogue", talk),
                ("question", world.answered),
            )
        ]
        + [
            ("coordinator", f"/admin/{path}/{key}/history/")
            for path, key in (
                ("companies/company", offer.company_id),
                ("schools/school", world.enrolment.school_id),
                ("portal/user", world.enrolment.teacher_id),
                ("portal/link", world.child.pk),
                ("companies/contact", contact.pk),
            )
        ],
        "admin list": [("coordinator", f"/admin/{path}/") for path in LISTS],
        "admin change": [
            ("coordinator", f"{desk}/offer/{offer.pk}/change/"),
            ("coordinator", f"{desk}/session/{world.session.pk}/change/"),
            ("coordinator", f"{desk}/enrolment/{world.enrolment.pk}/change/"),
            ("coordinator", f"{desk}/surveyrequest/{world.survey.pk}/change/"),
            ("coordinator", f"/admin/companies/company/{offer.company_id}/change/"),
            ("coordinator", f"/admin/schools/school/{world.enrolment.school_id}/change/"),
            ("coordinator", f"{desk}/offer/{offer.pk}/arkiver/"),
            ("coordinator", f"{desk}/offer/{offer.pk}/fjern-filer/"),
            ("coordinator", f"/admin/portal/link/{world.child.pk}/change/"),
            ("coordinator", f"/admin/companies/contact/{contact.pk}/change/"),
            ("coordinator", f"/admin/portal/user/{world.enrolment.teacher_id}/change/"),
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
        ("dialogue_answer", world.dialogue, outbox.Recipient.of_user(teacher), {}),
        ("host_dialogue_answer", world.dialogue, to_host, {}),
        ("host_question", world.asked, to_host, {}),
        ("question_answered", world.answered, outbox.Recipient.of_user(teacher), {}),
        ("move_proposed", world.enrolment, outbox.Recipient.of_user(teacher), {"proposal": str(world.move.pk)}),
        ("host_move_proposed", world.session, to_host, {"proposal": str(world.move.pk)}),
        ("link_sent_on", world.child, outbox.Recipient(kind="address", address=world.child.holder_address), {}),
    ]
    for occasion, about, to, parameters in promises:
        with transaction.atomic():
            outbox.post(occasion=occasion, about=about, to=to, now=world.now, parameters=parameters, key="sinks")
        message = Message.objects.get(occasion=occasion)
        yield mail.render(message, world.now)
        Message.objects.all().delete()


def outcomes(world: World, lists: Sequence[str] = LISTS) -> Iterator[Outcome]:
    """Yield everything that the portal makes of the words; of the desk's lists, files of these."""
    for sink, looks in pages(world).items():
        for who, address in looks:
            answer = world.browsers[who].get(address, follow=True)
            assert answer.status_code == 200, (sink, address, answer.status_code)
            assert not any("/konto/login" in way for way, _status in answer.redirect_chain), (sink, address)
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
    yield calendar(world)
    yield log(world)
    yield from handed_out(world)
    yield from tables(world, lists)


def values(world: World) -> list[str]:
    """Return what stands in every column."""
    return [str(getattr(row, column)) for columns in rows(world).values() for row, column in columns]


def handed_out(world: World) -> Iterator[Outcome]:
    """Yield what a teacher and a contact take along of what is known about them: a page, and a file for machines."""
    contact = world.offer.contact
    assert contact is not None
    for who, address in (
        ("teacher", "/konto/mine-oplysninger/hent/"),
        ("holder", f"/vaert/{contact.pk}/mine-oplysninger/hent/"),
    ):
        page = world.browsers[who].post(address, {"form": "page"})
        assert page.status_code == 200, (address, page.status_code)
        yield Outcome(sink="handed-out data", html=page.content.decode())
        file = world.browsers[who].post(address, {"form": "json"})
        headers = [file.headers[name] for name in ("Content-Type", "Content-Disposition", "X-Content-Type-Options")]
        safe = headers == [
            "application/json; charset=utf-8", 'attachment; filename="mine-oplysninger.json"', "nosniff"
        ]  # fmt: skip
        data = json.loads(file.content)
        yield Outcome(
            sink="handed-out JSON",
            text=json.dumps(data, ensure_ascii=False),
            wrong=() if safe else (str(headers),),
        )


def tables(world: World, lists: Sequence[str]) -> Iterator[Outcome]:
    """Yield lists of the desk, each as a workbook and as a CSV file, read again as a program reads them.

    The words stand bare in them: with a mark before it, no word would be a formula.
    """
    write(world, world.payload, marked=False)
    for path in lists:
        for form in ("xlsx", "csv"):
            answer: Any = world.browsers["coordinator"].post(f"/admin/{path}/eksport/", {"form": form})
            assert answer.headers.get("Content-Disposition", "").startswith("attachment"), (path, answer.status_code)
            made = b"".join(answer.streaming_content)
            if form == "xlsx":
                sheets: Any = openpyxl.load_workbook(io.BytesIO(made)).worksheets
                cells = [cell for sheet in sheets for line in sheet.iter_rows() for cell in line]
                wrong = [f"{path}: {cell.value!s:.40}" for cell in cells if cell.data_type == "f"]
                words = "\n".join(str(cell.value) for cell in cells)
            else:
                words = made.decode("utf-8-sig")
                lines = csv.reader(io.StringIO(words, newline=""), delimiter=";")
                wrong = [f"{path}: {word:.40}" for line in lines for word in line if word[:1] in tuple("=+-@|%\t\r")]
            yield Outcome(sink=form.upper(), text=words, wrong=tuple(wrong))
    write(world, world.payload)


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
    "list page", "detail page", "pages by link", "dialogue page", "question page", "handed-out data", "row history",
    "head of the page", "admin list", "admin change", "HTML mail", "text mail", "mail headers", "PDF", "file name",
    "handed-out JSON", "XLSX", "CSV", "ICS", "log",
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


def assertions(world: World, lists: Sequence[str] = LISTS) -> tuple[int, list[str]]:
    """Return how many (field, place) were looked at, and what lived in any of them.

    A field counts at a place whether its words stand there or not: that they do not is safe too.
    """
    seen: dict[str, int] = {}
    found: list[str] = []
    for outcome in outcomes(world, lists):
        seen[outcome.sink] = seen.get(outcome.sink, 0) + 1
        live = live_in(outcome)
        found += [f"{outcome.sink}: {one}" for one in live]
    assert set(seen) == set(SINKS), set(SINKS) ^ set(seen)
    return FIELDS * len(SINKS), found


def shown_at(outcome: Outcome) -> set[str]:
    """Return the marks of the fields whose words stand in an outcome."""
    text = outcome.html + outcome.text
    marks = set(re.findall(r"F\d\d(?=:)", text))
    return marks | {f"F{number}" for number in re.findall(r"\bf(\d\d)(?=[^\s@]*@ond\.example)", text)}

"""Partnership guides: the facts that go on paper, taken from what the portal holds at this moment.

Three guides: for one enrolment (both parties hold the same paper), for a course (a teacher prepares), and for a company
(what it means to be a partner). Here facts are gathered and put in words of the reader's language; which template
they fill stands beside them, and the doors hand both to the printer. Pupils are a number; the free text about needs is
never read here.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.dateformat import format as in_words
from django.utils.translation import get_language, gettext, ngettext, pgettext

from companies.models import Company, Contact
from offers.domain import snapshot
from offers.models import Enrolment, Meeting, Offer, Session
from portal.domain import theme
from portal.domain.calendar import COPENHAGEN, SchoolCalendar, local_day
from portal.domain.prose import soft, to_plain
from portal.models import Municipality

MOST_DATES = 16
MOST_COURSES = 24
TIMED_LINE = re.compile(r"\A\s*(\d{1,3})\s*min\.?\s*[:–-]\s*(.+?)\s*\Z")
UNSAFE_IN_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u200b-\u200f\u202a-\u202e\u2066-\u2069]+')


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A word and what it is here: one row of a table."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """Somebody to turn to. Empty fields are left out on paper."""

    role: str
    name: str
    detail: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    website: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """Part of a programme; ``when`` is a time of day, or minutes when no date is known."""

    when: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """What somebody does by some day."""

    what: str
    who: str
    when: str


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Before, during or after: the course's own text, and how long it takes."""

    text: str
    duration: str = ""


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """A date of a course: for whom it is open, or how it stands."""

    when: str
    course: str
    place: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Course:
    """A course in a company's guide."""

    title: str
    teaser: str
    facts: list[Fact]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything a guide says that is not fixed text. Fields that a guide has no use for stay empty."""

    kind: str
    title: str
    subtitle: str
    parties: list[Fact]
    municipality: str
    made_on: str
    illustration: str = ""
    picture: str = ""
    logo: str = ""
    teaser: str = ""
    description: str = ""
    facts: list[Fact] = field(default_factory=list)
    purpose: str = ""
    pupil_activity: str = ""
    before: Phase | None = None
    during: Phase | None = None
    programme: list[Step] = field(default_factory=list)
    after: Phase | None = None
    tasks: list[Task] = field(default_factory=list)
    practical: list[Fact] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    at_school: bool = False
    online: bool = False
    status_note: str = ""
    jobs: list[str] = field(default_factory=list)
    educations: list[str] = field(default_factory=list)
    courses: list[Course] = field(default_factory=list)
    dates: list[Occasion] = field(default_factory=list)
    more_dates: int = 0
    contacts: list[Card] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Guide:
    """What the printer needs: template, facts, name of the file, and eight letters by which two printouts compare."""

    template: str
    facts: Facts
    filename: str
    language: str
    colours: dict[str, str]
    edition: str

    @property
    def context(self) -> dict[str, Any]:
        """What the template is filled with."""
        return {
            "guide": self.facts,
            "language": self.language,
            "colours": self.colours,
            "edition": self.edition,
        }


def for_enrolment(*, enrolment: Enrolment, municipality: Municipality, now: datetime) -> Guide:
    """Return the guide both parties hold before, during and after one visit of one class.

    Until the enrolment is confirmed neither party's own name, e-mail or phone stands in it: only school and company.
    """
    session = enrolment.session
    offer = session.offer
    meetings = [meeting for meeting in session.meetings.all() if meeting.state != Meeting.State.CANCELLED]
    first_day = local_day(session.starts_at)
    school = enrolment.school
    klass = enrolment.class_label
    if enrolment.group > 1:
        klass = gettext("%(class)s, group %(group)d") % {"class": klass, "group": enrolment.group}
    visit = snapshot.visit_of(enrolment, now)
    then = visit.is_history and enrolment.starts_then is not None
    moved = then and (visit.starts_at, visit.ends_at) != (session.starts_at, session.ends_at)
    when = (not moved and _days(meetings)) or _moment(visit.starts_at, visit.ends_at)
    place = visit.place if then else _place(offer, meetings, school_name=str(school))
    pupils = ngettext("%(count)d pupil", "%(count)d pupils", enrolment.pupils) % {"count": enrolment.pupils}
    adults = ngettext("%(count)d adult", "%(count)d adults", enrolment.adults) % {"count": enrolment.adults}
    facts = [
        Fact(name=gettext("Class"), text=f"{klass}, {school}"),
        Fact(name=gettext("How many"), text=gettext("%(one)s and %(other)s") % {"one": pupils, "other": adults}),
        Fact(name=gettext("Host"), text=visit.host),
        Fact(name=ngettext("Date", "Dates", len(meetings)), text=when),
        Fact(name=gettext("Place"), text=place),
        *_about(offer, price_ore=visit.price_ore),
        Fact(name=gettext("Status"), text=_capital(enrolment.get_status_display())),
    ]
    confirmed = enrolment.status in {Enrolment.Status.CONFIRMED, Enrolment.Status.COMPLETED}
    return _guide(
        template="pdf/guide_enrolment.html",
        municipality=municipality,
        name=f"{visit.title} {klass}",
        facts=Facts(
            kind=gettext("Partnership guide"),
            title=visit.title,
            subtitle=f"{klass}, {school} · {visit.host}",
            parties=[
                Fact(name=gettext("Class"), text=f"{klass}, {school}"),
                Fact(name=gettext("Host"), text=visit.host),
                Fact(name=ngettext("Date", "Dates", len(meetings)), text=when),
            ],
            municipality=municipality.name,
            made_on=_day(now),
            logo=_logo(municipality),
            facts=[fact for fact in facts if fact.text],
            tasks=_dated_tasks(first_day, local_day(session.ends_at)),
            needs=_needs(enrolment),
            status_note="" if confirmed else gettext("The enrolment is not confirmed yet."),
            programme=_programme(offer.during, meetings),
            contacts=_cards_of_enrolment(enrolment, municipality),
            **_content(offer),
        ),
    )


def for_offer(*, offer: Offer, municipality: Municipality, now: datetime) -> Guide:
    """Return the guide a teacher prepares with, before any class is enrolled. Names no person."""
    sessions = list(Session.objects.filter(offer=offer, state=Session.State.OPEN).upcoming(now).order_by("starts_at"))
    return _guide(
        template="pdf/guide_offer.html",
        municipality=municipality,
        name=str(offer),
        facts=Facts(
            kind=gettext("Partnership guide for teachers"),
            title=str(offer),
            subtitle=str(offer.company),
            parties=[
                Fact(name=gettext("Host"), text=str(offer.company)),
                Fact(name=pgettext("grades", "For"), text=_grades(offer)),
                Fact(name=gettext("Duration"), text=_length(offer)),
            ],
            municipality=municipality.name,
            made_on=_day(now),
            logo=_logo(municipality),
            facts=[
                Fact(name=gettext("Host"), text=str(offer.company)),
                Fact(name=gettext("Place"), text=_place(offer, [])),
                *_about(offer),
            ],
            programme=_programme(offer.during, []),
            tasks=_undated_tasks(),
            dates=[_occasion(session, offer) for session in sessions[:MOST_DATES]],
            more_dates=max(len(sessions) - MOST_DATES, 0),
            contacts=[_card_of_company(offer.company), _card_of_municipality(municipality)],
            **_content(offer),
        ),
    )


def for_company(*, company: Company, municipality: Municipality, now: datetime) -> Guide:
    """Return the guide for a host: what it means to be a partner, with its own courses and dates. Names no person."""
    offers = list(
        Offer.objects.published()
        .filter(company=company)
        .select_related("activity_type", "industry")
        .prefetch_related("subjects")
        .order_by("title")[:MOST_COURSES]
    )
    sessions = list(
        Session.objects.visible()
        .filter(offer__company=company)
        .upcoming(now)
        .select_related("offer")
        .order_by("starts_at")
    )
    jobs = dict.fromkeys(job for offer in offers for job in offer.job_list)
    return _guide(
        template="pdf/guide_company.html",
        municipality=municipality,
        name=str(company),
        facts=Facts(
            kind=gettext("Partnership guide for companies"),
            title=gettext("To be a partner of the school"),
            subtitle=str(company),
            parties=[
                Fact(name=gettext("Company"), text=str(company)),
                Fact(name=gettext("Place"), text=company.full_address),
                Fact(
                    name=gettext("On offer"),
                    text=ngettext("%(count)d course", "%(count)d courses", len(offers)) % {"count": len(offers)},
                ),
            ],
            municipality=municipality.name,
            made_on=_day(now),
            logo=_logo(municipality),
            illustration=next((offer.illustration for offer in offers if offer.illustration), "partnerskab"),
            description=company.about,
            courses=[
                Course(title=str(offer), teaser=offer.teaser, facts=[fact for fact in _about(offer) if fact.text])
                for offer in offers
            ],
            dates=[_occasion(session, session.offer) for session in sessions[:MOST_DATES]],
            more_dates=max(len(sessions) - MOST_DATES, 0),
            jobs=list(jobs)[:40],
            contacts=[_card_of_company(company), _card_of_municipality(municipality)],
        ),
    )


def _guide(*, template: str, municipality: Municipality, name: str, facts: Facts) -> Guide:
    language = get_language() or "da"
    content = json.dumps([template, language, asdict(facts)], sort_keys=True, default=str)
    return Guide(
        template=template,
        facts=facts,
        filename=f"{_file_name(gettext('Partnership guide') + ' – ' + name)}.pdf",
        language=language,
        colours=_colours(municipality.brand_color),
        edition=hashlib.sha256(content.encode()).hexdigest()[:8],
    )


def _file_name(text: str) -> str:
    """Return the text as the name of a file: nothing that a file system or a header could trip over."""
    return " ".join(UNSAFE_IN_NAMES.sub(" ", text).split()).strip(". ")[:100].strip()


def _colours(brand: str) -> dict[str, str]:
    """Return the steps of the municipality's colour that paper uses; the default's when it is none."""
    known = brand if theme.is_brand_colour(brand) else str(Municipality._meta.get_field("brand_color").default)
    steps = theme.brand_scale(known, theme.Scheme.LIGHT)
    return {step.replace("-", "_"): colour for step, colour in steps.items()}


def _content(offer: Offer) -> dict[str, Any]:
    return {
        "illustration": offer.illustration,
        "picture": offer.picture.file_name if offer.picture else "",
        "teaser": offer.teaser,
        "description": offer.description,
        "purpose": offer.purpose,
        "pupil_activity": offer.pupil_activity,
        "before": Phase(text=offer.before, duration=_minutes(offer.before_minutes)),
        "during": Phase(text=offer.during, duration=_minutes(offer.duration_minutes)),
        "after": Phase(text=offer.after, duration=_minutes(offer.after_minutes)),
        "practical": _practical(offer),
        "at_school": offer.venue == Offer.Venue.SCHOOL,
        "online": offer.venue == Offer.Venue.ONLINE,
        "jobs": offer.job_list[:60],
        "educations": [str(area) for area in offer.education_areas.all()],
    }


def _logo(municipality: Municipality) -> str:
    return municipality.logo.file_name if municipality.logo else ""


def _about(offer: Offer, *, price_ore: int | None = None) -> list[Fact]:
    facts = [
        Fact(name=pgettext("of activity", "Kind"), text=str(offer.activity_type or "")),
        Fact(name=gettext("Industry"), text=str(offer.industry or "")),
        Fact(name=pgettext("grades", "For"), text=_grades(offer)),
        Fact(name=gettext("Subjects"), text=", ".join(str(subject) for subject in offer.subjects.all())),
        Fact(name=gettext("Duration"), text=_length(offer)),
        Fact(name=gettext("Room for"), text=_room(offer)),
        Fact(name=gettext("Price"), text=_price(offer.price_ore if price_ore is None else price_ore)),
    ]
    return [fact for fact in facts if fact.text]


def _practical(offer: Offer) -> list[Fact]:
    facts = [
        Fact(name=gettext("Meeting point"), text=offer.meeting_point),
        Fact(name=gettext("Transport"), text=offer.transport),
        Fact(name=gettext("Clothing"), text=offer.clothing),
        Fact(name=gettext("Food and drink"), text=offer.food),
        Fact(name=gettext("Accessibility"), text=soft(to_plain(offer.accessibility))),
        Fact(name=gettext("Safety"), text=soft(to_plain(offer.safety))),
        Fact(name=gettext("Price"), text=_price(offer.price_ore)),
        Fact(name=gettext("Material in the portal"), text="; ".join(str(one) for one in offer.materials.all())),
    ]
    return [fact for fact in facts if fact.text]


def _needs(enrolment: Enrolment) -> list[str]:
    """Return the ticked needs, in the words of the form; what was written beside them stays in the portal."""
    names = ("needs_step_free", "needs_quiet", "needs_diet", "needs_language")
    fields = [field for field in Enrolment._meta.fields if field.name in names]
    return [_capital(str(field.verbose_name)) for field in fields if getattr(enrolment, field.name)]


def _programme(during: str, meetings: list[Meeting]) -> list[Step]:
    """Return the programme when every line of it begins with minutes (``15 min.: welcome``), else nothing.

    When there is one date and the programme fits into it, the minutes become times of day.
    """
    lines = [line for line in to_plain(during).splitlines() if line.strip()]
    parts = [TIMED_LINE.match(line) for line in lines]
    found = [(int(part[1]), soft(part[2])) for part in parts if part]
    if len(found) < 2 or len(found) != len(lines):
        return []
    whole = timedelta(minutes=sum(minutes for minutes, _text in found))
    if len(meetings) != 1 or meetings[0].starts_at + whole > meetings[0].ends_at:
        return [Step(when=_minutes(minutes), text=text) for minutes, text in found]
    steps, at = [], meetings[0].starts_at
    for minutes, text in found:
        end = at + timedelta(minutes=minutes)
        steps.append(Step(when=f"{_clock(at)}–{_clock(end)}", text=text))
        at = end
    return steps


def _dated_tasks(first: date, last: date) -> list[Task]:
    calendar = SchoolCalendar.load()
    talk, check = calendar.school_days_before(first, 10), calendar.school_days_before(first, 3)
    eve = calendar.school_days_before(first, 1)
    after = calendar.school_days_after(last + timedelta(days=1), 4)
    return _tasks(*(gettext("by %(day)s") % {"day": _short_day(day)} for day in (talk, check, eve, after)))


def _undated_tasks() -> list[Task]:
    return _tasks(
        gettext("10 school days before"),
        gettext("3 school days before"),
        gettext("the school day before"),
        gettext("within a week"),
    )


def _tasks(talk: str, check: str, eve: str, after: str) -> list[Task]:
    teacher, host, both = gettext("Teacher"), gettext("Host"), gettext("Teacher and host")
    return [
        Task(what=gettext("Talk together: go through the agreement list in this guide"), who=both, when=talk),
        Task(what=gettext("Prepare the class, and tell the pupils what they will meet"), who=teacher, when=check),
        Task(what=gettext("Tell colleagues about the visit, and make room and material ready"), who=host, when=check),
        Task(what=gettext("Check number, transport, clothing and phone numbers"), who=teacher, when=eve),
        Task(
            what=gettext("Follow up in class, and send the host an example of what came out of it"),
            who=teacher,
            when=after,
        ),
        Task(
            what=gettext("Say in the portal that the visit took place, and answer the short survey"),
            who=both,
            when=after,
        ),
    ]


def _cards_of_enrolment(enrolment: Enrolment, municipality: Municipality) -> list[Card]:
    offer = enrolment.session.offer
    agreed = enrolment.status in Enrolment.Status.agreed()
    school, teacher = enrolment.school, enrolment.teacher if agreed else None
    cards = [
        Card(
            role=gettext("Teacher") if teacher else gettext("School"),
            name=teacher.name if teacher else school.name,
            detail=school.name if teacher else "",
            address=school.full_address,
            email=teacher.email if teacher else "",
            phone=(enrolment.teacher_phone or teacher.phone if teacher else "") or school.phone,
        )
    ]
    contact: Contact | None = offer.contact if agreed else None
    if contact is not None and contact.is_active:
        cards.append(
            Card(
                role=gettext("Host"),
                name=contact.name,
                detail=", ".join(part for part in (contact.title, str(offer.company)) if part),
                email=contact.email,
                phone=contact.phone,
            )
        )
    return [*cards, _card_of_company(offer.company), _card_of_municipality(municipality)]


def _card_of_company(company: Company) -> Card:
    """Return the company's shared addresses; a person stands only in the guide for an enrolment."""
    website = company.website if company.website.startswith(("https://", "http://")) else ""
    return Card(
        role=gettext("Company"),
        name=company.name,
        email=company.email,
        phone=company.phone,
        address=company.full_address,
        website=website,
    )


def _card_of_municipality(municipality: Municipality) -> Card:
    return Card(
        role=gettext("Municipality"),
        name=municipality.name,
        detail=municipality.sender_name,
        email=municipality.contact_email,
        phone=municipality.contact_phone,
        address=municipality.address,
    )


def _occasion(session: Session, offer: Offer) -> Occasion:
    if session.is_full:
        state = gettext("Full")
    elif offer.places_counted == Offer.Counted.CLASSES:
        left = session.places_left
        state = ngettext("Room for %(count)d class", "Room for %(count)d classes", left) % {"count": left}
    else:
        left = session.places_left
        state = ngettext("Room for %(count)d pupil", "Room for %(count)d pupils", left) % {"count": left}
    return Occasion(
        when=_moment(session.starts_at, session.ends_at), course=str(offer), place=_place(offer, []), state=state
    )


def _place(offer: Offer, meetings: Iterable[Meeting], *, school_name: str = "") -> str:
    places = dict.fromkeys(meeting.place for meeting in meetings if meeting.place)
    if places:
        return " · ".join(places)
    if offer.venue == Offer.Venue.HOST:
        return offer.company.full_address or _capital(offer.get_venue_display())
    if offer.venue == Offer.Venue.SCHOOL and school_name:
        return school_name
    return _capital(offer.get_venue_display())


def _grades(offer: Offer) -> str:
    first, last = offer.grade_from, offer.grade_to
    if first is None or last is None:
        return gettext("All grades")
    if first == last:
        return gettext("Grade %(grade)d") % {"grade": first}
    return gettext("Grades %(first)d–%(last)d") % {"first": first, "last": last}


def _length(offer: Offer) -> str:
    one = _minutes(offer.duration_minutes)
    if offer.meetings > 1 and one:
        return gettext("%(dates)d dates of %(minutes)s") % {"dates": offer.meetings, "minutes": one}
    return one


def _room(offer: Offer) -> str:
    if not offer.places:
        return ""
    if offer.places_counted == Offer.Counted.CLASSES:
        return ngettext("%(count)d class", "%(count)d classes", offer.places) % {"count": offer.places}
    return ngettext("%(count)d pupil", "%(count)d pupils", offer.places) % {"count": offer.places}


def _price(price_ore: int) -> str:
    if not price_ore:
        return pgettext("price", "Free")
    return gettext("%(price)s kr. for a class") % {"price": Offer(price_ore=price_ore).price_kr}


def _minutes(minutes: int | None) -> str:
    if not minutes:
        return ""
    hours, rest = divmod(minutes, 60)
    parts = [ngettext("%(hours)d hour", "%(hours)d hours", hours) % {"hours": hours}] if hours else []
    parts += [gettext("%(minutes)d min.") % {"minutes": rest}] if rest else []
    return " ".join(parts)


def _days(meetings: list[Meeting]) -> str:
    return "\n".join(_moment(meeting.starts_at, meeting.ends_at) for meeting in meetings)


def _moment(starts_at: datetime, ends_at: datetime) -> str:
    if local_day(starts_at) != local_day(ends_at):
        return f"{_day(starts_at)} – {_day(ends_at)}"
    return gettext("%(day)s at %(from)s–%(to)s") % {
        "day": in_words(starts_at.astimezone(COPENHAGEN), pgettext("date format", "l j F Y")),
        "from": _clock(starts_at),
        "to": _clock(ends_at),
    }


def _day(moment: datetime) -> str:
    return in_words(moment.astimezone(COPENHAGEN), pgettext("date format", "j F Y"))


def _short_day(day: date) -> str:
    return in_words(datetime(day.year, day.month, day.day, tzinfo=COPENHAGEN), pgettext("date format", "l j F"))


def _clock(moment: datetime) -> str:
    return in_words(moment.astimezone(COPENHAGEN), pgettext("time format", "H:i"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

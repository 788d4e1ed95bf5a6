"""What happens in Fjordby before the demo begins: courses are described, reviewed and published, dates are planned.

Everything is done by the use-cases that the portal's own pages call, one after the other, each at its moment.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from companies.domain import relations
from companies.models import Contact
from offers.domain import agreements, authoring, planning, publishing
from offers.management.timeline import Timeline
from offers.management.town import Town, facts, industries_of
from offers.models import Invite, Offer, Session, Signature
from portal.domain import calendar, links
from portal.domain.actor import Actor
from portal.models import Link

POPULAR = {
    "svejs-bogmaerke",
    "robotcelle-udfordringen",
    "frisoer-kemi-og-kunder",
    "koekkenet-paa-tangkanten",
    "brandstationens-hverdag",
    "fra-korn-til-broed",
    "paa-stuegang-hos-dyrlaegen",
    "vindmoellen-indefra",
    "laboratoriedag",
    "byg-en-bro",
    "de-foerste-fem-minutter",
    "gaarden-som-arbejdsplads",
}
UNNOTICED = {"enzymer-i-kassen", "sandt-falsk-eller-midt-imellem", "ro-puls-og-samarbejde", "et-bed-til-bierne"}
ROOMY = {
    "renseanlaegget",
    "gaarden-som-arbejdsplads",
    "skovens-regnskab",
    "teknisk-museum-som-arbejdsplads",
    "kommunen-som-arbejdsplads",
    "krydstogt-paa-kajen",
    "brandstationens-hverdag",
    "byraadsspillet",
    "en-dag-i-butikken",
    "foelg-varmen",
    "lastbilens-vej",
    "fra-korn-til-broed",
}
ON_REQUEST = {
    "plejehjemmets-teknologi",
    "laboratoriedag",
    "camp-en-by-for-unge",
    "bag-receptionens-smil",
    "adoption-8a",
}
WEEKLY = {"spaghettitaarnet", "vindmoellen-indefra", "kommunen-som-arbejdsplads", "teknisk-museum-som-arbejdsplads"}
PAST_SESSIONS, ALL_SESSIONS = 124, 292
LIVE = {"published", "paused", "archived"}


@dataclass(kw_only=True, eq=False)
class Course:
    """A course as it is told in the demo's files, and what has become of it so far."""

    told: dict[str, Any]
    published: int = 0
    offer_id: UUID | None = None
    contact: Contact | None = None
    days: set[int] = field(default_factory=set)

    @property
    def key(self) -> str:
        return str(self.told["key"])

    @property
    def is_for_classes(self) -> bool:
        """Whether classes take part (teachers' courses have none)."""
        return str(self.told["activity_type"]) != "laererkursus"

    def content(self) -> dict[str, Any]:
        """Return what the course says, as the use-cases take it."""
        content = {name: self.told[name] for name in authoring.DESCRIBED if name in self.told}
        content["price_ore"] = self.told["price_kr"] * 100
        content.setdefault("by_agreement", False)
        return content

    def places(self) -> int:
        """Return how many places a session has."""
        return int(self.told["places"]) * (2 if self.key in ROOMY and self.told["places"] < 40 else 1)


@dataclass(kw_only=True, eq=False)
class Visit:
    """A session as the story knows it."""

    course: Course
    back: int
    starts: list[datetime]
    planned: int
    staged: bool = False
    places: int | None = None
    session: Session | None = None

    @property
    def minutes(self) -> timedelta:
        return timedelta(minutes=int(self.course.told["duration_minutes"]))


def _nobody_listens(visit: Visit) -> None:
    """What happens to a planned session before anybody enrols."""


class Story:
    """Writes the municipality's last months into the timeline."""

    def __init__(self, *, town: Town, timeline: Timeline) -> None:
        self.town = town
        self.time = timeline
        self.rng = timeline.rng
        self.voices: dict[str, list[str]] = facts("voices")
        self.told: dict[str, Any] = facts("story")
        companies: list[dict[str, Any]] = facts("companies")
        self.companies = {one["key"]: one for one in companies}
        told = [one for part in range(1, 5) for one in facts(f"offers_{part}")]
        self.courses = [Course(told=one) for one in told]
        self.visits: list[Visit] = []
        self.planned: Callable[[Visit], None] = _nobody_listens
        self._links: dict[tuple[str, UUID], Actor] = {}
        self._invites: dict[str, Invite] = {}
        self._came_in: dict[UUID, date] = {}

    def coordinator(self) -> Actor:
        """Return one of the coordinators; the first does most."""
        return self.rng.choices(self.town.coordinators, weights=[5, 2, 2])[0]

    def by_link(self, purpose: Link.Purpose, reference_id: UUID) -> Actor:
        """Return whoever holds the link for this purpose and object, made when there is none yet."""
        known = self._links.get((purpose, reference_id))
        if known is None:
            with transaction.atomic():
                link = links.ensure(purpose=purpose, reference_id=reference_id, now=self.time.now)
            known = self._links[purpose, reference_id] = Actor.of_link(link)
        return known

    def host_of(self, course: Course) -> Actor:
        """Return the host of a course, come in by the own link."""
        assert course.contact is not None
        return self.by_link(Link.Purpose.HOST, course.contact.pk)

    # --- Companies and courses ---------------------------------------------------------------------------------

    def tell_authoring(self) -> None:
        """Let every course come about and reach the state it is in today."""
        live = [one for one in self.courses if one.told["state"] in LIVE]
        early = {one.key for one in self.rng.sample(live, k=len(live) - 12)}
        for number, course in enumerate(self.courses):
            state = course.told["state"]
            invited = number % 5 in {0, 1, 3}
            if state == "expired":
                self._tell_the_expired(course)
            elif state in LIVE:
                is_early = course.key in early or state != "published" or course.key in POPULAR
                first, last = (self.time.past - 18, self.time.past - 10) if is_early else (12, self.time.past - 25)
                course.published = self.rng.randint(first, last)
                self._tell_writing(course, invited=invited, ready=course.published + 1)
                self.time.at(self.time.moment(course.published, 9, 14), partial(self.publish, course))
                if state == "paused":
                    self.time.at(self.time.moment(self.rng.randint(9, 16)), partial(self.pause, course))
                elif state == "archived":
                    self.time.at(self.time.moment(self.rng.randint(5, 12)), partial(self.archive, course))
            elif state == "draft":
                self._tell_writing(course, invited=number % 2 == 0, ready=self.rng.randint(3, 9), only_begun=True)
            else:
                # Everything that was sent in, whatever became of it, came from a company.
                self._tell_sent_in(course, state)
        self._tell_those_without_courses()

    def _tell_sent_in(self, course: Course, state: str) -> None:
        days = self.rng.randint(1, 4) if state == "submitted" else self.rng.randint(7, 11)
        again = course.key == "kampagne-for-tangburgeren"
        self._tell_writing(course, invited=True, ready=days, sent_back=again)
        if state == "approved":
            self.time.at(self.time.moment(days - 3), partial(self.publish, course, later=4))
        elif state == "rejected":
            self.time.at(self.time.moment(days - 4), partial(self.reject, course))
        elif state == "changes_requested":
            comments = [("", course.told["comment"])]
            self.time.at(self.time.moment(self.rng.randint(2, 5)), partial(self.send_back, course, comments))

    def _tell_the_expired(self, course: Course) -> None:
        """A course that nobody confirmed for a year: the only one older than the story."""
        written = self.time.end - timedelta(days=400)
        published = self.time.end - timedelta(days=373)
        self.time.at(written, partial(self.know, course.told["company"]))
        self.time.at(written + timedelta(hours=1), partial(self.write, course))
        self.time.at(published, partial(self.publish, course))

    def _tell_writing(
        self,
        course: Course,
        *,
        invited: bool,
        ready: int,
        only_begun: bool = False,
        sent_back: bool | None = None,
    ) -> None:
        """Let a course be described so that it is sent in (or written) ``ready`` school days before today."""
        moment = self.time.moment
        if not invited:
            self.time.at(moment(ready + 2, 9, 10), partial(self.know, course.told["company"]))
            self.time.at(moment(ready + 2, 11, 14), partial(self.write, course, begun=only_begun))
            return
        if sent_back is None:
            sent_back = not only_begun and self.rng.random() < 0.25
        begun = ready + (4 if sent_back else 1)
        self.time.at(moment(begun + 4, 8, 9), partial(self.know, course.told["company"]))
        self.time.at(moment(begun + 4, 10, 14), partial(self.invite, course))
        self.time.at(moment(begun + 1, 8, 15), partial(self.open, course))
        self.time.at(moment(begun, 8, 9), partial(self.describe, course, (1, 2, 3), whole=not sent_back))
        if only_begun:
            return
        self.time.at(moment(begun, 10, 11), partial(self.describe, course, (4, 5), whole=not sent_back))
        self.time.at(moment(begun, 12, 15), partial(self.submit, course))
        if sent_back:
            self.time.at(moment(begun - 2, 9, 14), partial(self.send_back, course, self._what_is_missing()))
            self.time.at(moment(ready, 9, 10), partial(self.describe, course, (2, 5), whole=True))
            self.time.at(moment(ready, 11, 14), partial(self.submit, course))

    def _what_is_missing(self) -> list[tuple[str, str]]:
        comments = self.voices["review_comments"]
        return [("transport", comments[1]), ("safety", comments[5]), ("pupil_activity", comments[0])]

    def know(self, key: str) -> None:
        """Take the company into the network, if it is not there yet."""
        if key in self.town.companies:
            return
        told = self.companies[key]
        names = ("kind", "cvr", "about", "address", "postal_code", "city", "website", "email", "phone")
        by = self.coordinator()
        with transaction.atomic():
            company = relations.create_company(
                name=told["name"],
                by=by,
                now=self.time.now,
                industries=industries_of(told),
                trade_code=told["db07"],
                **{name: told[name] for name in names},
            )
            contacts = [
                relations.add_contact(company=company, by=by, now=self.time.now, **one) for one in told["contacts"]
            ]
        self.town.companies[key], self.town.contacts[key] = company, contacts

    def write(self, course: Course, *, begun: bool = False) -> None:
        """Let a coordinator write the course on behalf of the company."""
        company = self.town.companies[course.told["company"]]
        course.contact = self.town.contacts[course.told["company"]][0]
        content = course.content()
        if begun:
            content = {name: content[name] for name in (*authoring.STEP_FIELDS[2], *authoring.STEP_FIELDS[3])}
        elif course.key in ON_REQUEST:
            content["acceptance"] = Offer.Acceptance.MANUAL
        offer = authoring.create_offer(
            company_id=company.pk,
            contact_id=course.contact.pk,
            content=content,
            by=self.coordinator(),
            now=self.time.now,
        )
        course.offer_id = offer.pk

    def invite(self, course: Course) -> None:
        """Ask a contact of the company to describe the course."""
        contacts = self.town.contacts[course.told["company"]]
        course.contact = self.rng.choice(contacts)
        self._invites[course.key] = self._invite(course.told["company"], course.contact)

    def _invite(self, key: str, contact: Contact) -> Invite:
        greeting = self.rng.choice(self.told["greetings"]).format(name=contact.name.split()[0])
        return authoring.invite_company(
            company_id=self.town.companies[key].pk,
            contact_id=contact.pk,
            greeting=greeting,
            by=self.coordinator(),
            now=self.time.now,
        )

    def _writer(self, invite: Invite) -> Actor:
        """Return the one invited, who has pressed the button in the mail."""
        by = self.by_link(Link.Purpose.INVITE, invite.pk)
        if calendar.local_day(self.time.now) != self._came_in.get(invite.pk):
            try:
                links.use(link_id=UUID(by.id), now=self.time.now)
            except links.LinkEnded:  # a long holiday lay between: the coordinator sends a new address
                authoring.resend_invite(invite_id=invite.pk, by=self.coordinator(), now=self.time.now)
                links.use(link_id=UUID(by.id), now=self.time.now)
            self._came_in[invite.pk] = calendar.local_day(self.time.now)
        return by

    def open(self, course: Course) -> None:
        """Let the one invited have a first look."""
        invite = self._invites[course.key]
        authoring.open_invite(invite_id=invite.pk, by=self._writer(invite), now=self.time.now)

    def describe(self, course: Course, steps: tuple[int, ...], *, whole: bool) -> None:
        """Let the company fill in some steps; not *whole* leaves things out that the coordinator will ask for."""
        invite = self._invites[course.key]
        by = self._writer(invite)
        content = course.content()
        if not whole:
            content |= {"transport": "", "safety": "", "pupil_activity": content["pupil_activity"].split(",")[0] + "."}
        known = Offer.objects.filter(pk=course.offer_id) if course.offer_id else Offer.objects.none()
        version = known.values_list("version", flat=True).first() or 0
        for step in steps:
            said = (
                self._who(course)
                if step == 1
                else {name: content[name] for name in authoring.STEP_FIELDS[step] if name in content}
            )
            offer = authoring.save_step(
                invite_id=invite.pk, step=step, content=said, version=version, by=by, now=self.time.now
            )
            course.offer_id, version = offer.pk, offer.version

    def _who(self, course: Course) -> dict[str, Any]:
        told = self.companies[course.told["company"]]
        assert course.contact is not None
        who = {name: told[field] for name, field in authoring.COMPANY_FIELDS.items()}
        person = course.contact
        return {**who, **{name: getattr(person, field) for name, field in authoring.CONTACT_FIELDS.items()}}

    def submit(self, course: Course) -> None:
        """Let the company send the course to the municipality."""
        assert course.offer_id is not None
        by = self._writer(self._invites[course.key])
        authoring.submit(offer_id=course.offer_id, by=by, now=self.time.now)

    def send_back(self, course: Course, comments: list[tuple[str, str]]) -> None:
        """Let the coordinator ask for changes."""
        assert course.offer_id is not None
        publishing.send_back(offer_id=course.offer_id, comments=comments, by=self.coordinator(), now=self.time.now)

    def publish(self, course: Course, *, later: int = 0) -> None:
        """Let the coordinator publish the course, or approve it for so many school days later."""
        assert course.offer_id is not None
        by = self.coordinator()
        offer = Offer.objects.get(pk=course.offer_id)
        if course.key in ON_REQUEST and offer.acceptance != Offer.Acceptance.MANUAL:
            authoring.edit_offer(
                offer_id=offer.pk,
                content={"acceptance": Offer.Acceptance.MANUAL},
                version=offer.version,
                by=by,
                now=self.time.now,
            )
        publish_at = calendar.at(self.time.day(-later), 8) if later else None
        publishing.publish(offer_id=offer.pk, publish_at=publish_at, by=by, now=self.time.now)

    def reject(self, course: Course) -> None:
        """Let the coordinator say no."""
        assert course.offer_id is not None
        publishing.reject(
            offer_id=course.offer_id, reason=course.told["comment"], by=self.coordinator(), now=self.time.now
        )

    def pause(self, course: Course) -> None:
        """Let the course take a break."""
        assert course.offer_id is not None
        publishing.pause(
            offer_id=course.offer_id, reason=course.told["comment"], by=self.coordinator(), now=self.time.now
        )

    def archive(self, course: Course) -> None:
        """Take the course out of use."""
        assert course.offer_id is not None
        publishing.archive(offer_id=course.offer_id, by=self.coordinator(), now=self.time.now)

    def _tell_those_without_courses(self) -> None:
        """Companies that were never asked, asked in vain, or asked just now."""
        with_courses = {course.told["company"] for course in self.courses}
        others = [key for key in self.companies if key not in with_courses]
        stories: list[tuple[int, bool, int]] = [
            (0, False, 0),
            (4, False, 0),
            (9, True, 0),
            (45, True, 0),
            (30, False, 22),
        ]
        for key, (invited, opened, revoked) in zip(others, stories, strict=False):
            self.time.at(self.time.moment(invited + 3), partial(self.know, key))
            if invited:
                self.time.at(self.time.moment(invited, 9, 11), partial(self._ask, key))
            if opened:
                self.time.at(self.time.moment(invited - 2, 9, 11), partial(self._look, key))
            if revoked:
                self.time.at(self.time.moment(revoked, 9, 11), partial(self._withdraw, key))

    def _ask(self, key: str) -> None:
        self._invites[key] = self._invite(key, self.town.contacts[key][0])

    def _look(self, key: str) -> None:
        invite = self._invites[key]
        authoring.open_invite(invite_id=invite.pk, by=self._writer(invite), now=self.time.now)

    def _withdraw(self, key: str) -> None:
        authoring.revoke_invite(invite_id=self._invites[key].pk, by=self.coordinator(), now=self.time.now)

    def tell_agreements(self) -> None:
        """Let the two partnerships be agreed and signed in the month before they begin."""
        for told in facts("municipality")["agreements"]:
            first_day, last_day = (date.fromisoformat(told[name]) for name in ("from", "to"))
            years = self.time.end.year - last_day.year + 1 if last_day <= self.time.end.date() else 0
            first_day, last_day = (day.replace(year=day.year + years) for day in (first_day, last_day))
            drafted = min(calendar.at(first_day - timedelta(days=30), 10), self.time.end - timedelta(days=30))
            agreed = partial(self._agree, told, first_day, last_day)
            self.time.at(drafted, partial(self.know, told["company"]))
            self.time.at(drafted + timedelta(hours=2), agreed)

    def _agree(self, told: dict[str, Any], first_day: date, last_day: date) -> None:
        agreement = agreements.create_agreement(
            company_id=self.town.companies[told["company"]].pk,
            school_id=self.town.schools[told["school"]].pk,
            title=told["title"],
            purpose=told["purpose"],
            roles=told["roles"],
            first_day=first_day,
            last_day=last_day,
            visits_per_year=told["visits_per_year"],
            by=self.town.coordinators[0],
            now=self.time.now,
        )
        parties = [Signature.Party.SCHOOL, Signature.Party.COMPANY, Signature.Party.MUNICIPALITY]
        for days, (party, title) in enumerate(zip(parties, told["responsible"], strict=True), start=9):
            sign = partial(self._sign, agreement.pk, party, title)
            self.time.at(self.time.now + timedelta(days=days), sign)

    def _sign(self, agreement_id: UUID, party: str, title: str) -> None:
        agreements.sign_version(
            agreement_id=agreement_id,
            number=1,
            party=party,
            job_title=title,
            by=self.town.coordinators[0],
            now=self.time.now,
        )

    # --- Dates ---------------------------------------------------------------------------------------------------

    def tell_planning(self) -> None:
        """Choose every date of the school year, and let it be planned some weeks before."""
        for visit in self._choose_dates():
            self.add(visit)
        self._tell_weekly_series()
        self._tell_opening()

    def add(self, visit: Visit) -> None:
        """Let a session be planned at its moment."""
        self.visits.append(visit)
        visit.course.days.add(visit.back)
        self.time.at(self.time.moment(visit.planned, 9, 15), partial(self.plan, visit))

    def _choose_dates(self) -> Iterator[Visit]:
        bookable = [one for one in self.courses if one.told["state"] in LIVE and one.told["meetings"] == 1]
        long = [one for one in self.courses if one.told["state"] in LIVE and one.told["meetings"] > 1]
        published = [one for one in bookable if one.told["state"] == "published"]
        for course in long:
            for back in self._of_a_long_one(course):
                yield self._visit(course, back)
        count = {True: 0, False: 0}
        wanted = {True: PAST_SESSIONS - 14, False: ALL_SESSIONS - PAST_SESSIONS - 24 - 4 * 5}
        for course in published:
            yield self._visit(course, -self.rng.randint(8, min(70, self.time.future)))
            count[False] += 1
        weights = {False: [4 if one.key in POPULAR else 2 for one in published]}
        weights[True] = [4 if one.key in POPULAR else 2 for one in bookable]
        for is_past, choice in ((True, bookable), (False, published)):
            for _attempt in range(4000):
                if count[is_past] >= wanted[is_past]:
                    break
                course = self.rng.choices(choice, weights=weights[is_past])[0]
                last = course.published - self._notice(course) - 4
                if is_past and last < 1:
                    continue
                lowest = 14 if course.told["state"] == "archived" else 1
                back = self.rng.randint(lowest, max(lowest, last)) if is_past else -self._ahead()
                if back not in course.days and back < course.published - self._notice(course) - 2:
                    count[is_past] += 1
                    yield self._visit(course, back)

    def _ahead(self) -> int:
        """Return how many school days ahead: most dates lie in the next three months."""
        near = min(60, self.time.future)
        return self.rng.randint(1, near) if self.rng.random() < 0.62 else self.rng.randint(near, self.time.future)

    def _of_a_long_one(self, course: Course) -> list[int]:
        """Return where the sessions of a course with several dates begin."""
        weeks = int(course.told["meetings"])
        earliest = course.published - self._notice(course) - 4
        chosen = [back for back in (earliest - 3, earliest - 25, weeks * 5 - 4) if weeks <= back < earliest]
        return [*chosen[: 2 if weeks > 3 else 3], -self.rng.randint(10, 25), -self.rng.randint(40, 70)]

    def _notice(self, course: Course) -> int:
        """Return how many school days before its date a session must be planned at the latest."""
        return int(course.told["closes_days"]) * 5 // 7 + 5

    def _visit(self, course: Course, back: int) -> Visit:
        lead = self._notice(course) + self.rng.randint(6, 45)
        planned = max(2, min(back + lead, course.published - 1))
        return Visit(course=course, back=back, planned=planned, starts=self.starts(course, back))

    def starts(self, course: Course, back: int) -> list[datetime]:
        """Return the beginning of each date: the same hour every week, holidays skipped."""
        length = int(course.told["duration_minutes"])
        if course.told["activity_type"] == "laererkursus":
            hour, minute = 13, 30
        elif length >= 180:
            hour, minute = self.rng.choice([(8, 30), (9, 0)])
        else:
            hour, minute = self.rng.choice([(8, 15), (8, 45), (9, 0), (9, 0), (9, 30), (10, 0), (10, 15), (12, 0)])
        day = self.time.day(back)
        found = [calendar.at(day, hour, minute)]
        while len(found) < int(course.told["meetings"]):
            day += timedelta(days=7)
            if self.time.calendar.is_school_day(day):
                found.append(calendar.at(day, hour, minute))
        return found

    def plan(self, visit: Visit) -> None:
        """Let the host or a coordinator plan the session."""
        course = visit.course
        assert course.offer_id is not None
        by = self.host_of(course) if self.rng.random() < 0.45 else self.coordinator()
        places = visit.places or course.places()
        roomy = places > int(course.told["places"]) and not visit.staged
        visit.session = planning.plan_session(
            offer_id=course.offer_id,
            starts=[(begins, begins + visit.minutes) for begins in visit.starts],
            places=places,
            note=self.told["notes"][0] if roomy else "",
            by=by,
            now=self.time.now,
        )
        self.planned(visit)

    def _tell_weekly_series(self) -> None:
        for course in self.courses:
            if course.key in WEEKLY:
                back = -self.rng.randint(9, 14)
                planned = min(course.published - 1, self.rng.randint(3, 6))
                what = partial(self._plan_series, course, self.starts(course, back)[0])
                self.time.at(self.time.moment(max(1, planned), 9, 15), what)

    def _tell_opening(self) -> None:
        """Let one course have a date whose enrolment opens on the next school day, with a draw among the first hour."""
        course = next(one for one in self.courses if one.key in WEEKLY)
        self.time.at(calendar.at(self.time.day(1), 14), partial(self._plan_opening, course))

    def _plan_opening(self, course: Course) -> None:
        assert course.offer_id is not None
        today = self.time.day(0)
        opens_on = self.time.calendar.next_school_day(today + timedelta(days=1))
        starts_on = self.time.calendar.school_days_after(today, 25)
        planning.plan_session(
            offer_id=course.offer_id,
            starts=calendar.at(starts_on, 9),
            opens_at=calendar.at(opens_on, planning.OPENING_HOUR),
            by=self.town.coordinators[0],
            now=self.time.now,
        )

    def _plan_series(self, course: Course, first: datetime) -> None:
        assert course.offer_id is not None
        series = planning.plan_weekly_series(
            offer_id=course.offer_id, first_start=first, weeks=6, by=self.host_of(course), now=self.time.now
        )
        for session in series.planned:
            back = self.time.back_of(calendar.local_day(session.starts_at))
            visit = Visit(course=course, back=back, planned=1, starts=[session.starts_at], session=session)
            course.days.add(back)
            self.visits.append(visit)
            self.planned(visit)

"""A course comes into words: invited, described step by step, sent for review; or written by the coordinator.

What a course says travels as *content*: a mapping of field names to plain values (texts, numbers, codes of
vocabulary words, lists of codes), the same from every door and in every revision. ``Offer.version`` goes up with
each write; who writes on the basis of an older version gets :class:`ChangedMeanwhile` with what stands there now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Max, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from companies.domain import relations
from companies.models import Company, Contact
from offers.domain import notices, search
from offers.models import Invite, Material, Offer, ReviewComment, Revision
from portal.domain import audit, calendar, links, outbox, text
from portal.domain.actor import Actor
from portal.domain.cpr import holds_cpr
from portal.domain.refusal import Refusal
from portal.models import ActivityType, AuditEntry, EducationArea, Industry, Link, Subject, User

S = Offer.State

STEP_TITLES: dict[int, str | Promise] = {
    1: gettext_lazy("Who are you?"),
    2: gettext_lazy("What can pupils experience?"),
    3: gettext_lazy("For whom?"),
    4: gettext_lazy("How it goes"),
    5: gettext_lazy("Time, place, number and safety"),
    6: gettext_lazy("Look it over"),
}
LAST_STEP = 6

# Who are you: field of the content → model and its field. Nothing else of a company is open to a link holder;
# its name, number and e-mail addresses stay the municipality's to change.
COMPANY_FIELDS = {
    "about": "about",
    "address": "address",
    "postal_code": "postal_code",
    "city": "city",
    "website": "website",
    "company_phone": "phone",
}
CONTACT_FIELDS = {"contact_name": "name", "contact_title": "title", "contact_phone": "phone"}

STEP_FIELDS: dict[int, tuple[str, ...]] = {
    1: (*COMPANY_FIELDS, *CONTACT_FIELDS),
    2: (
        "title",
        "teaser",
        "description",
        "purpose",
        "pupil_activity",
        "activity_type",
        "industry",
        "jobs",
        "education_areas",
        "illustration",
    ),
    3: ("grade_from", "grade_to", "subjects"),
    4: ("before", "before_minutes", "during", "after", "after_minutes"),
    5: (
        "duration_minutes",
        "meetings",
        "places_counted",
        "places",
        "min_pupils",
        "max_pupils",
        "counts_adults",
        "adults",
        "venue",
        "meeting_point",
        "clothing",
        "food",
        "accessibility",
        "safety",
        "transport",
        "price_ore",
        "fewest_meetings",
        "opens_days",
        "closes_days",
        "days_counted",
        "cancel_days",
        "most_per_class",
        "by_agreement",
    ),
}
DESCRIBED = tuple(name for step in range(2, LAST_STEP) for name in STEP_FIELDS[step])
COORDINATORS_OWN = ("acceptance", "has_waiting_list")
WRITABLE = (*DESCRIBED, *COORDINATORS_OWN)
STEP_OF = {name: step for step, names in STEP_FIELDS.items() for name in names}

WORDS: dict[str, type[ActivityType] | type[Industry]] = {"activity_type": ActivityType, "industry": Industry}
WORD_LISTS: dict[str, type[EducationArea] | type[Subject]] = {"education_areas": EducationArea, "subjects": Subject}

# Without these nothing can be sent, nor published (the didactic check's mandatory items, and what a teacher
# must know to enrol).
MANDATORY = (
    "title",
    "teaser",
    "description",
    "purpose",
    "pupil_activity",
    "activity_type",
    "industry",
    "jobs",
    "grade_from",
    "grade_to",
    "subjects",
    "during",
    "duration_minutes",
    "places",
)

# Sensible limits of what is typed; the columns would take more.
HIGHEST: dict[str, int] = {
    "before_minutes": 2000,
    "after_minutes": 2000,
    "duration_minutes": 600,
    "meetings": 40,
    "places": 1000,
    "min_pupils": 1000,
    "max_pupils": 60,
    "adults": 20,
    "price_ore": 10_000_000,
    "fewest_meetings": 40,
    "opens_days": 365,
    "closes_days": 90,
    "cancel_days": 30,
    "most_per_class": 40,
}
LOWEST: dict[str, int] = {
    "duration_minutes": 10,
    "meetings": 1,
    "places": 1,
    "min_pupils": 1,
    "max_pupils": 1,
    "fewest_meetings": 1,
    "opens_days": 1,
    "most_per_class": 1,
}

WITH_THE_COMPANY = (S.DRAFT, S.CHANGES_REQUESTED)
UNFINISHED = (Invite.State.SENT, Invite.State.OPENED, Invite.State.STARTED)
REMINDER_DAYS = (3, 10, 21)
REMINDER_HOUR = 9


class ChangedMeanwhile(Refusal):
    """Somebody saved a newer version; ``current`` is what stands there now, ``version`` its number. Nothing is lost."""

    def __init__(self, offer: Offer, current: dict[str, Any]) -> None:
        super().__init__(
            _("Somebody saved changes to the course meanwhile. Compare the texts, then save again."),
            code="changed-meanwhile",
        )
        self.current = current
        self.version = offer.version


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A mandatory field that is empty, and the step where it is filled in."""

    step: int
    field: str
    label: str


class Incomplete(Refusal):
    """Mandatory fields are empty: one entry in ``missing`` for each."""

    def __init__(self, missing: list[Missing]) -> None:
        count = len(missing)
        super().__init__(
            ngettext(
                "One thing is missing: %(what)s.",
                "%(count)d things are missing: %(what)s.",
                count,
            )
            % {"count": count, "what": ", ".join(item.label for item in missing)},
            code="incomplete",
            field=missing[0].field,
        )
        self.missing = missing


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the didactic check: whether it is there, and what would make the course better."""

    step: int
    done: bool
    title: str
    advice: str


# --- Who sees what -----------------------------------------------------------------------------------------------


def offers_for(by: Actor) -> models.QuerySet[Offer]:
    """Courses that the actor may read before publication: all for a reviewer, those of the own link, or none."""
    offers = Offer.objects.select_related("company", "contact", "activity_type", "industry")
    if by.is_reviewer:
        return offers
    if by.kind != "link" or by.reference_id is None:
        return offers.none()
    if by.purpose == Link.Purpose.INVITE:
        return offers.filter(invite__pk=by.reference_id)
    if by.purpose == Link.Purpose.HOST:
        return offers.filter(contact__pk=by.reference_id)
    return offers.none()


def invites_for(by: Actor) -> models.QuerySet[Invite]:
    """Invitations that the actor may see: all, the own link's, or none."""
    invites = Invite.objects.select_related(
        "company", "contact", "offer__activity_type", "offer__industry", "offer__picture"
    )
    if by.is_coordinator:
        return invites
    if by.kind == "link" and by.purpose == Link.Purpose.INVITE and by.reference_id is not None:
        return invites.filter(pk=by.reference_id)
    return invites.none()


def the_offer(offer_id: UUID, by: Actor) -> Offer:
    """Return the course, its row locked (a step). Raises Refusal ``not-yours`` when the actor does not see it."""
    offer = offers_for(by).select_for_update(of=("self",)).filter(pk=offer_id).first()
    if offer is None:
        raise Refusal(_("This course does not exist, or it is not yours."), code="not-yours")
    return offer


def the_invite(invite_id: UUID, by: Actor) -> Invite:
    """Return the invitation, its row locked (a step). Raises Refusal ``not-yours``."""
    invite = invites_for(by).select_for_update(of=("self",)).filter(pk=invite_id).first()
    if invite is None:
        raise Refusal(_("This invitation does not exist, or it is not yours."), code="not-yours")
    return invite


def only_coordinators(by: Actor) -> None:
    """Raise Refusal ``coordinators-only`` for everybody else (a step)."""
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinators can do this."), code="coordinators-only")


def only_reviewers(by: Actor) -> None:
    """Raise Refusal ``reviewers-only`` for everybody who may not review; coordinators may (a step)."""
    if not by.is_reviewer:
        raise Refusal(_("Only those who review courses for the municipality can do this."), code="reviewers-only")


def only_coordinators_or_links(by: Actor) -> None:
    """Raise Refusal for people who are no coordinators (a step); a link, which reaches its own course alone, may."""
    if by.kind != "link":
        only_coordinators(by)


def asked_by(invite: Invite) -> User | None:
    """Return the coordinator who sent the invitation, if a person did."""
    entry = (
        AuditEntry.objects.filter(object_type="offers.invite", object_id=str(invite.pk), actor_kind="user")
        .order_by("at", "id")
        .first()
    )
    return User.objects.filter(pk=entry.actor_id, is_active=True).first() if entry else None


# --- What a course says ------------------------------------------------------------------------------------------


def content_of(offer: Offer) -> dict[str, Any]:
    """Return everything a course says, in the shape in which it is written and kept in revisions."""
    content: dict[str, Any] = {}
    is_stored = not offer._state.adding
    for name in WRITABLE:
        if name in WORD_LISTS:
            content[name] = sorted(getattr(offer, name).values_list("slug", flat=True)) if is_stored else []
        elif name in WORDS:
            word = getattr(offer, name)
            content[name] = word.slug if word else ""
        else:
            content[name] = getattr(offer, name)
    return content


def who_they_are(invite: Invite) -> dict[str, Any]:
    """Return what the first step shows: facts of the company and the contact."""
    return {
        **{name: getattr(invite.company, field) for name, field in COMPANY_FIELDS.items()},
        **{name: getattr(invite.contact, field) for name, field in CONTACT_FIELDS.items()},
    }


def step_content(invite: Invite, step: int) -> dict[str, Any]:
    """Return what stands in a step now (a draft not begun: the defaults)."""
    if step == 1:
        return who_they_are(invite)
    everything = content_of(invite.offer or Offer(company=invite.company))
    return {name: everything[name] for name in STEP_FIELDS[step]}


def label_of(name: str) -> str:
    """Return what a field of the content is called on the screen."""
    if name in COMPANY_FIELDS:
        return str(Company._meta.get_field(COMPANY_FIELDS[name]).verbose_name)  # type: ignore[union-attr]
    if name in CONTACT_FIELDS:
        return str(Contact._meta.get_field(CONTACT_FIELDS[name]).verbose_name)  # type: ignore[union-attr]
    return str(Offer._meta.get_field(name).verbose_name)  # type: ignore[union-attr]


def missing_in(offer: Offer) -> list[Missing]:
    """Return the mandatory fields that are empty, in the order of the steps."""
    content = content_of(offer)
    return [
        Missing(step=STEP_OF[name], field=name, label=label_of(name))
        for name in MANDATORY
        if content[name] in ("", None, [])
    ]


def didactic_check(offer: Offer) -> list[Check]:
    """Return what makes a good visit, and whether the course has it: advice, not conditions.

    After the three rules that good school-company courses keep: people to mirror oneself in, a task that belongs to
    the work, and knowledge of the jobs; framed by something before and something after.
    """
    practical = bool(offer.duration_minutes and offer.places and (offer.meeting_point or offer.venue != "host"))
    has_grades = offer.grade_from is not None and offer.grade_to is not None
    lines = [
        (2, bool(offer.purpose), _("The purpose is told"), _("Tell what pupils know or can do when they go home.")),
        (
            3,
            has_grades and offer.subjects.exists(),
            _("Grades and subjects are chosen"),
            _("Choose grades and at least one subject, so that teachers find the course."),
        ),
        (
            4,
            bool(offer.before),
            _("There is something to do before"),
            _("Give the class a small task beforehand: a question to take along, a word to look up."),
        ),
        (
            2,
            bool(offer.pupil_activity),
            _("Pupils do something themselves"),
            _("Let pupils try, ask, measure or solve something; listening alone is soon forgotten."),
        ),
        (
            4,
            bool(offer.after),
            _("There is something to do afterwards"),
            _("Suggest how the class goes on at school with what it saw."),
        ),
        (
            2,
            bool(offer.job_list),
            _("Pupils meet people and their jobs"),
            _("Name two or three jobs that pupils meet, an apprentice among them if you have one."),
        ),
        (
            2,
            offer.education_areas.exists(),
            _("The ways into the jobs are shown"),
            _("Choose the educations that lead to these jobs."),
        ),
        (
            5,
            practical,
            _("The practical things are told"),
            _("Write how long it lasts, how many can come, and where you meet."),
        ),
        (
            5,
            bool(offer.safety),
            _("Safety is thought of"),
            _("Tell what you provide and what pupils must wear; write “Nothing special” when there is no risk."),
        ),
        (
            5,
            bool(offer.accessibility),
            _("Everybody can come along"),
            _("Tell about stairs, noise and toilets, so that every pupil can take part."),
        ),
    ]
    return [Check(step=step, done=done, title=title, advice=advice) for step, done, title, advice in lines]


def _refuse_words(name: str, said: str, longest: int | None) -> None:
    if holds_cpr(said):
        raise Refusal(
            _("This looks like a CPR number. Remove it; such numbers are never kept here."),
            code="cpr-number",
            field=name,
        )
    if longest is not None and len(said) > longest:
        raise Refusal(
            _("At most %(longest)d characters; this has %(count)d.") % {"longest": longest, "count": len(said)},
            code="too-long",
            field=name,
        )


def _clean_scalar(model: type[models.Model], field_name: str, name: str, value: Any, row: models.Model) -> Any:
    """Return a value as its column takes it; raise Refusal with what is wrong with it."""
    field = model._meta.get_field(field_name)
    assert isinstance(field, models.Field)
    if isinstance(field, models.CharField | models.TextField):
        # What is no long text stands on one line: it may become a heading or a subject.
        tidied = text.paragraphs if isinstance(field, models.TextField) else text.one_line
        value = tidied(str(value or ""))
        _refuse_words(name, value, field.max_length)
        if not value:
            if not field.blank:
                raise Refusal(_("This must not be empty."), code="empty", field=name)
            return ""
    elif isinstance(field, models.IntegerField):
        if value is None or value == "":
            if field.null:
                return None
            value = field.get_default()
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refusal(_("Write a whole number."), code="not-a-number", field=name)
        lowest, highest = LOWEST.get(name, 0), HIGHEST.get(name, 32_767)
        if not lowest <= value <= highest:
            raise Refusal(
                _("Write a number from %(lowest)d to %(highest)d.") % {"lowest": lowest, "highest": highest},
                code="out-of-range",
                field=name,
            )
    if name == "website" and not str(value).startswith("https://"):
        raise Refusal(_("Write an address that begins with https://."), code="not-https", field=name)
    try:
        return field.clean(value, row)
    except ValidationError as error:
        raise Refusal(" ".join(error.messages), code="invalid", field=name) from error


def _slugs(value: Any) -> list[str]:
    return sorted({str(getattr(word, "slug", word)) for word in value or []})


def clean_content(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return content as it will be stored; unknown names raise Refusal ``unknown-field``.

    Vocabulary words may be given as rows or codes, jobs as a list.
    """
    if unknown := sorted(set(content) - set(WRITABLE)):
        raise Refusal(
            _("The course has no field “%(name)s”.") % {"name": unknown[0]}, code="unknown-field", field=unknown[0]
        )
    clean: dict[str, Any] = {}
    blank = Offer()
    for name, value in content.items():
        if name in WORD_LISTS:
            clean[name] = _slugs(value)
            known = set(WORD_LISTS[name].objects.filter(slug__in=clean[name]).values_list("slug", flat=True))
            if known != set(clean[name]):
                raise Refusal(_("Choose among the words in the list."), code="unknown-word", field=name)
        elif name in WORDS:
            slug = str(getattr(value, "slug", value) or "")
            if slug and not WORDS[name].objects.filter(slug=slug).exists():
                raise Refusal(_("Choose among the words in the list."), code="unknown-word", field=name)
            clean[name] = slug
        else:
            listed = name == "jobs" and isinstance(value, list | tuple)
            given = ", ".join(str(job) for job in value) if listed else value
            clean[name] = _clean_scalar(Offer, name, name, given, blank)
    return clean


def _refuse_contradictions(content: Mapping[str, Any]) -> None:
    first, last = content.get("grade_from"), content.get("grade_to")
    if first is not None and last is not None and first > last:
        raise Refusal(_("The first grade must not be above the last."), code="grades-out-of-order", field="grade_to")
    least, places = content.get("min_pupils"), content.get("places")
    counted = content.get("places_counted", Offer.Counted.PUPILS)
    if counted == Offer.Counted.PUPILS and least is not None and places is not None and least > places:
        raise Refusal(
            _("At least %(least)d pupils, but room for %(places)d: one of them must change.")
            % {"least": least, "places": places},
            code="minimum-above-places",
            field="min_pupils",
        )
    for code, sentence, field, wrong in contradictions(content):
        if wrong:
            raise Refusal(str(sentence), code=code, field=field)


def contradictions(content: Mapping[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Return what two fields about places and enrolling may say against each other, and whether they do.

    As code, sentence, field and verdict. What does not stand in the content contradicts nothing.
    """
    least, most = content.get("min_pupils"), content.get("max_pupils")
    opens, closes = content.get("opens_days"), content.get("closes_days")
    dates, fewest = content.get("meetings"), content.get("fewest_meetings")
    in_classes = content.get("places_counted") == Offer.Counted.CLASSES
    return [
        (
            "sizes-out-of-order",
            _("The smallest group must not be larger than the largest."),
            "max_pupils",
            bool(least and most and least > most),
        ),
        (
            "opens-late",
            _("Enrolment must open more days before than it closes."),
            "opens_days",
            opens is not None and closes is not None and opens <= closes,
        ),
        (
            "adults-in-classes",
            _("Adults can take places only where places are counted in pupils."),
            "counts_adults",
            bool(in_classes and content.get("counts_adults")),
        ),
        (
            "fewest-above-all",
            _("There are not so many dates."),
            "fewest_meetings",
            fewest is not None and dates is not None and fewest > dates,
        ),
    ]


def write_content(offer: Offer, content: Mapping[str, Any], *, now: datetime) -> list[str]:
    """Write clean content into the course and return the names of what changed (a step; the row is locked).

    The version goes up by one when anything changed.
    """
    before = content_of(offer)
    changed = sorted(name for name, value in content.items() if before[name] != value)
    if not changed:
        return []
    columns: list[str] = []
    for name in changed:
        if name in WORD_LISTS:
            getattr(offer, name).set(WORD_LISTS[name].objects.filter(slug__in=content[name]))
            continue
        columns.append(name)
        if name in WORDS:
            word = WORDS[name].objects.filter(slug=content[name]).first() if content[name] else None
            setattr(offer, name, word)
        else:
            setattr(offer, name, content[name])
    offer.version += 1
    offer.updated_at = now
    offer.save(update_fields=[*columns, "version", "updated_at"])
    search.index(offer)
    return changed


def freeze(offer: Offer, *, by: Actor, now: datetime) -> Revision:
    """Keep what the course says now as its next revision (a step; the row is locked)."""
    number = (offer.revisions.aggregate(last=Max("number"))["last"] or 0) + 1
    return Revision.objects.create(
        offer=offer, number=number, content=content_of(offer), actor_kind=by.kind, actor_id=by.id, at=now
    )


def open_comments(offer: Offer) -> models.QuerySet[ReviewComment]:
    """What the coordinator asked for and the company has not answered by sending the course again."""
    return offer.review_comments.filter(resolved_at__isnull=True).order_by("at", "pk")


# --- Inviting ----------------------------------------------------------------------------------------------------


def _recipient(contact: Contact) -> outbox.Recipient:
    return outbox.Recipient(kind="contact", id=contact.pk, address=contact.email, language=contact.language)


def _post_invite(invite: Invite, link: Link, *, now: datetime) -> None:
    """Promise the invitation's mail and its reminders: 3, 10 and 21 days later, at nine on a school day.

    When a holiday pushes two of them onto the same day, one is enough.
    """
    to = _recipient(invite.contact)
    outbox.post(occasion="invite", about=invite, to=to, now=now, key=f"v{link.version}", urgency=3)
    school_days = calendar.SchoolCalendar.load()
    today = calendar.local_day(now)
    taken = {today}
    for days in REMINDER_DAYS:
        day = school_days.next_school_day(today + timedelta(days=days))
        if day in taken:
            continue
        taken.add(day)
        outbox.post(
            occasion="invite_reminder",
            about=invite,
            to=to,
            now=now,
            send_at=calendar.at(day, REMINDER_HOUR),
            not_after=calendar.at(day + timedelta(days=5), REMINDER_HOUR),
            key=f"v{link.version}-{days}d",
        )


@transaction.atomic(durable=True)
def invite_company(
    *, company_id: UUID, contact_id: UUID, greeting: str, by: Actor, now: datetime, offer_id: UUID | None = None
) -> Invite:
    """Ask a contact of the company to describe a course (or go on with ``offer_id``), by a link that lives 30 days.

    A lead becomes contacted. Raises Refusal when the contact is not the company's or cannot be written to.
    """
    only_coordinators(by)
    company = Company.objects.get(pk=company_id)
    contact = Contact.objects.filter(pk=contact_id, company=company).first()
    if contact is None:
        raise Refusal(_("The contact does not belong to this company."), code="foreign-contact", field="contact")
    if not contact.is_active:
        raise Refusal(
            _("%(name)s is no longer active; choose another contact.") % {"name": contact.name},
            code="contact-inactive",
            field="contact",
        )
    greeting = text.paragraphs(greeting)
    _refuse_words("greeting", greeting, 1000)
    offer = None
    if offer_id is not None:
        offer = Offer.objects.select_for_update(of=("self",)).filter(pk=offer_id, company=company).first()
        if offer is None or Invite.objects.filter(offer=offer).exists():
            raise Refusal(_("Somebody has already been invited to this course."), code="already-invited")
    invite = Invite.objects.create(company=company, contact=contact, offer=offer, greeting=greeting, created_at=now)
    link = links.ensure(purpose=Link.Purpose.INVITE, reference_id=invite.pk, now=now)
    relations.become(company, Company.State.CONTACTED, by=by, now=now, only_from=[Company.State.LEAD])
    audit.record(by, "invite-sent", invite, at=now, company=str(company.pk))
    _post_invite(invite, link, now=now)
    return invite


@transaction.atomic(durable=True)
def resend_invite(*, invite_id: UUID, by: Actor, now: datetime) -> Invite:
    """Send the invitation again with a new address; every earlier one stops working. Works after withdrawal too.

    Raises Refusal once the course has been sent in, and for too many (``links.count_resent``).
    """
    only_coordinators(by)
    invite = the_invite(invite_id, by)
    if invite.state in {Invite.State.SUBMITTED, Invite.State.COMPLETED}:
        raise Refusal(_("The course has already been sent in; there is nothing to remind of."), code="invite-answered")
    link = links.ensure(purpose=Link.Purpose.INVITE, reference_id=invite.pk, now=now)
    links.count_resent(link, by=by, now=now)
    links.reissue(link, now=now)
    if invite.state in {Invite.State.EXPIRED, Invite.State.REVOKED}:
        invite.state = Invite.State.STARTED if invite.offer_id else Invite.State.SENT
        invite.save(update_fields=["state"])
    outbox.withdraw(about=invite, occasions=["invite", "invite_reminder"])
    audit.record(by, "invite-resent", invite, at=now, version=link.version)
    _post_invite(invite, link, now=now)
    return invite


@transaction.atomic(durable=True)
def revoke_invite(*, invite_id: UUID, by: Actor, now: datetime) -> Invite:
    """Withdraw the invitation: its link stops working and nothing more is sent. What was written stays."""
    only_coordinators(by)
    invite = the_invite(invite_id, by)
    if invite.state == Invite.State.REVOKED:
        return invite
    links.revoke(purpose=Link.Purpose.INVITE, reference_id=invite.pk, now=now)
    outbox.withdraw(about=invite)
    Invite.objects.filter(pk=invite.pk).update(state=Invite.State.REVOKED)
    invite.state = Invite.State.REVOKED
    audit.record(by, "invite-revoked", invite, at=now)
    return invite


def _open(invite: Invite, *, by: Actor, now: datetime) -> None:
    """Note the first press of a button by the one invited (a step; the row is locked)."""
    if by.kind != "link" or invite.opened_at is not None:
        return
    invite.opened_at = now
    if invite.state == Invite.State.SENT:
        invite.state = Invite.State.OPENED
    invite.save(update_fields=["opened_at", "state"])
    audit.record(by, "invite-opened", invite, at=now)


def _refuse_revoked(invite: Invite) -> None:
    if invite.state == Invite.State.REVOKED:
        raise Refusal(_("The invitation has been withdrawn."), code="invite-revoked")


@transaction.atomic(durable=True)
def open_invite(*, invite_id: UUID, by: Actor, now: datetime) -> Invite:
    """Note that the one invited has begun to look: the first button pressed, never a page opened."""
    invite = the_invite(invite_id, by)
    _refuse_revoked(invite)
    _open(invite, by=by, now=now)
    return invite


# --- Describing --------------------------------------------------------------------------------------------------


def _write_who(invite: Invite, content: Mapping[str, Any]) -> list[str]:
    """Write the allow-listed facts of company and contact; return what changed (a step)."""
    changed = []
    for row, names in ((invite.company, COMPANY_FIELDS), (invite.contact, CONTACT_FIELDS)):
        columns = []
        for name, field in names.items():
            if name not in content:
                continue
            value = _clean_scalar(type(row), field, name, content[name], row)
            if value != getattr(row, field):
                setattr(row, field, value)
                columns.append(field)
                changed.append(name)
        if columns:
            row.save(update_fields=columns)
    return changed


def _invite_and_offer(invite_id: UUID, by: Actor) -> tuple[Invite, Offer | None]:
    """Return the invitation and its course, both locked, the course first: else two could wait for each other."""
    known = invites_for(by).filter(pk=invite_id).values_list("offer_id", flat=True).first()
    offers = Offer.objects.select_related("company", "contact", "activity_type", "industry")
    offer = offers.select_for_update(of=("self",)).filter(pk=known).first() if known else None
    invite = the_invite(invite_id, by)
    if invite.offer_id is not None and offer is None:  # begun by another tab since the first look
        offer = offers.select_for_update(of=("self",)).get(pk=invite.offer_id)
    invite.offer = offer
    return invite, offer


@transaction.atomic(durable=True)
def save_step(
    *, invite_id: UUID, step: int, content: Mapping[str, Any], version: int, by: Actor, now: datetime
) -> Offer:
    """Save one step (1 to 5) of the description, complete or not; the first save makes the draft.

    ``version`` is the one the writer saw (0: no draft yet). Raises ChangedMeanwhile when there is a newer one that
    says something else, and Refusal for malformed values or when the course is no longer with the company.
    """
    if step not in STEP_FIELDS:
        raise Refusal(_("There is no such step."), code="no-such-step")
    if unknown := sorted(set(content) - set(STEP_FIELDS[step])):
        raise Refusal(
            _("This step has no field “%(name)s”.") % {"name": unknown[0]}, code="unknown-field", field=unknown[0]
        )
    invite, offer = _invite_and_offer(invite_id, by)
    _refuse_revoked(invite)
    if offer is not None and offer.state not in WITH_THE_COMPANY:
        raise Refusal(_("The course has been sent in and cannot be changed here now."), code="not-with-the-company")
    clean = dict(content) if step == 1 else clean_content(content)
    if step > 1:
        _refuse_contradictions(clean)
    if offer is not None and version != offer.version:
        current = step_content(invite, step)
        if all(_comparable(current[name]) == _comparable(value) for name, value in clean.items()):
            return offer  # a double click, or the same text from two tabs
        raise ChangedMeanwhile(offer, current)
    if offer is None:
        offer = Offer.objects.create(
            company=invite.company, contact=invite.contact, created_at=now, updated_at=now, last_confirmed_at=None
        )
        invite.offer = offer
        audit.record(by, "offer-begun", offer, at=now, invite=str(invite.pk))
    if step == 1:
        changed = _write_who(invite, clean)
        if changed:
            Offer.objects.filter(pk=offer.pk).update(version=F("version") + 1, updated_at=now)
            offer.version += 1
            search.index(offer)
    else:
        changed = write_content(offer, clean, now=now)
    _open(invite, by=by, now=now)
    invite.reached_step = max(invite.reached_step, step)
    if invite.state in {Invite.State.SENT, Invite.State.OPENED, Invite.State.EXPIRED}:
        invite.state = Invite.State.STARTED
    invite.save(update_fields=["offer", "reached_step", "state"])
    if changed:
        audit.record(by, "offer-written", offer, at=now, step=step, fields=changed, version=offer.version)
    return offer


def _comparable(value: Any) -> Any:
    return " ".join(value.split()) if isinstance(value, str) else value


def refusal_to_submit(offer: Offer) -> Refusal | None:
    """Return why the course cannot be sent for review, or None when it can."""
    if offer.state not in WITH_THE_COMPANY:
        return Refusal(
            _("The course is %(state)s; it cannot be sent for review now.") % {"state": offer.get_state_display()},
            code="not-with-the-company",
        )
    if missing := missing_in(offer):
        return Incomplete(missing)
    return None


@transaction.atomic(durable=True)
def submit(*, offer_id: UUID, by: Actor, now: datetime) -> Offer:
    """Send the course to the municipality for review; what it says is kept as a revision, comments are answered by it.

    Sending again what is already under review returns it. Raises Incomplete with every mandatory field that is empty.
    """
    only_coordinators_or_links(by)
    offer = the_offer(offer_id, by)
    if offer.state == S.SUBMITTED:
        return offer
    if refusal := refusal_to_submit(offer):
        raise refusal
    moved = Offer.objects.filter(pk=offer.pk, state__in=WITH_THE_COMPANY).update(
        state=S.SUBMITTED, submitted_at=now, updated_at=now
    )
    if not moved:
        raise Refusal(_("Somebody else was first. Reload the page."), code="changed-meanwhile")
    offer.state, offer.submitted_at, offer.updated_at = S.SUBMITTED, now, now
    revision = freeze(offer, by=by, now=now)
    open_comments(offer).update(resolved_at=now)
    invite = Invite.objects.select_for_update(of=("self",)).filter(offer=offer).first()
    if invite is not None:
        _open(invite, by=by, now=now)
        if invite.state != Invite.State.REVOKED:
            Invite.objects.filter(pk=invite.pk).update(
                state=Invite.State.SUBMITTED, submitted_at=now, reached_step=LAST_STEP
            )
        outbox.withdraw(about=invite, occasions=["invite", "invite_reminder"])
    outbox.withdraw(about=offer, occasions=["offer_sent_back"])
    relations.become(
        offer.company,
        Company.State.INTERESTED,
        by=by,
        now=now,
        only_from=[Company.State.LEAD, Company.State.CONTACTED],
    )
    audit.record(by, "offer-submitted", offer, at=now, revision=revision.number)
    notices.tell_reviewers(offer, "offer_submitted", now=now, key=f"r{revision.number}")
    return offer


# --- Written by the coordinator ----------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def create_offer(
    *, company_id: UUID, content: Mapping[str, Any], by: Actor, now: datetime, contact_id: UUID | None = None
) -> Offer:
    """Write a course on behalf of a company: a draft with whatever content there is already."""
    only_coordinators(by)
    company = Company.objects.get(pk=company_id)
    contact = Contact.objects.filter(pk=contact_id, company=company).first() if contact_id else None
    if contact_id and contact is None:
        raise Refusal(_("The contact does not belong to this company."), code="foreign-contact", field="contact")
    clean = clean_content(content)
    _refuse_contradictions(clean)
    offer = Offer.objects.create(company=company, contact=contact, created_at=now, updated_at=now)
    write_content(offer, clean, now=now)
    audit.record(by, "offer-begun", offer, at=now)
    return offer


@transaction.atomic(durable=True)
def edit_offer(*, offer_id: UUID, content: Mapping[str, Any], version: int, by: Actor, now: datetime) -> Offer:
    """Change what a course says, at the desk; an edit after approval is kept as a revision.

    A reviewer edits what is under review, a coordinator everything that is not closed.

    Raises ChangedMeanwhile when ``version`` is not the newest, Incomplete when a published course would lose
    something mandatory, Refusal for malformed values or an archived course.
    """
    only_reviewers(by)
    offer = the_offer(offer_id, by)
    if offer.state != S.SUBMITTED:
        only_coordinators(by)
    return edit(offer, content, version=version, by=by, now=now)


def edit(offer: Offer, content: Mapping[str, Any], *, version: int, by: Actor, now: datetime) -> Offer:
    """Do what :func:`edit_offer` promises, inside the caller's transaction (a step; the row is locked)."""
    if offer.state in {S.ARCHIVED, S.REJECTED}:
        raise Refusal(
            _("The course is %(state)s and cannot be edited.") % {"state": offer.get_state_display()},
            code="offer-closed",
        )
    clean = clean_content(content)
    current = content_of(offer)
    if version != offer.version and any(current[name] != value for name, value in clean.items()):
        raise ChangedMeanwhile(offer, current)
    _refuse_contradictions({**current, **clean})
    changed = write_content(offer, clean, now=now)
    if not changed:
        return offer
    if offer.state in {S.APPROVED, S.PUBLISHED, S.PAUSED, S.EXPIRED}:
        if missing := missing_in(offer):
            raise Incomplete(missing)
        freeze(offer, by=by, now=now)
    audit.record(by, "offer-edited", offer, at=now, fields=changed, version=offer.version)
    return offer


@transaction.atomic(durable=True)
def clone_offer(*, offer_id: UUID, by: Actor, now: datetime) -> Offer:
    """Make a new draft that says the same, for the same company and contact."""
    only_coordinators(by)
    source = the_offer(offer_id, by)
    content = content_of(source)
    suffix = " " + _("(copy)")
    content["title"] = f"{source.title[: 80 - len(suffix)].rstrip()}{suffix}"
    offer = Offer.objects.create(company=source.company, contact=source.contact, created_at=now, updated_at=now)
    write_content(offer, content, now=now)
    _copy_files(source, offer, now=now)
    audit.record(by, "offer-cloned", offer, at=now, source=str(source.pk))
    return offer


def _copy_files(source: Offer, copy: Offer, *, now: datetime) -> None:
    """Show what one course shows with another one too (a step): the files themselves are kept once."""
    if source.picture_id:
        copy.picture_id = source.picture_id
        copy.save(update_fields=["picture"])
    Material.objects.bulk_create(
        Material(offer=copy, upload_id=one.upload_id, title=one.title, added_at=now) for one in source.materials.all()
    )


def expired_invites(now: datetime) -> models.QuerySet[Invite]:
    """Unfinished invitations whose link no longer lives."""
    live = Link.objects.live(now).filter(purpose=Link.Purpose.INVITE).values("reference_id")
    return Invite.objects.filter(Q(state__in=UNFINISHED)).exclude(pk__in=live)

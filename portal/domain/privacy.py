"""Privacy: what is held about whom and how long; how it is forgotten, erased and handed out. One engine, one register.

Each app has a ``privacy`` module, discovered as its ``messages`` are. It tags every field of its models (``HOLDINGS``)
and says how rows are forgotten (``RULES``), whom it knows (``SUBJECTS``, ``BY_ADDRESS``) and by which further traces
(``WIDEN``), what stands against an erasure
(``OBJECTIONS``) and what an erasure does to its rows (``ERASERS``). From the same tags come the page about privacy and
the record of processing (GDPR Art. 30). A field without a tag fails the tests.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal
from uuid import UUID, uuid4

import structlog
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.domain import audit, ledger, outbox
from portal.domain.actor import Actor
from portal.domain.pseudonyms import FORGOTTEN_DOMAIN, pseudonym
from portal.domain.refusal import Refusal
from portal.models import Erasure, ErasureRequest, LegalHold, Municipality, MunicipalRole, User

log = structlog.get_logger(__name__)

Text = str | Promise
BATCH = 500
REMOVED = "[slettet]"
SHORTEST_NAME_PART = 3


# --- The register --------------------------------------------------------------------------------------------------


class Kind(StrEnum):
    """What a field says about a person."""

    NAME = "name"
    CONTACT = "contact"
    FREE_TEXT = "free text"
    PSEUDONYM = "pseudonym"  # an id by which a person can be found as long as the person's own row is there
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """How long something is kept after a beginning: a number of days or months, or as long as something else lasts.

    ``setting`` is the field of the municipality that may shorten it; the default is the longest allowed.
    """

    code: str
    after: Text
    days: int = 0
    months: int = 0
    setting: str = ""

    @property
    def ends(self) -> bool:
        """Whether time alone ends it."""
        return bool(self.days or self.months)

    def length(self, municipality: Municipality | None = None) -> int:
        """Return the number of days or months in this municipality."""
        longest = self.days or self.months
        if not self.setting:
            return longest
        chosen = municipality or Municipality.objects.first() or Municipality()
        return min(int(getattr(chosen, self.setting)), longest)

    def cut(self, now: datetime, municipality: Municipality | None = None) -> datetime:
        """Return the moment before which a beginning is too long ago."""
        length = self.length(municipality)
        return now - timedelta(days=length) if self.days else months_before(now, length)

    def in_words(self, municipality: Municipality | None = None) -> str:
        """Return the lifetime as a person reads it: *30 days after the visit*."""
        if not self.ends:
            return str(self.after)
        length = self.length(municipality)
        if self.days:
            span = ngettext("%(count)d day", "%(count)d days", length) % {"count": length}
        else:
            span = ngettext("%(count)d month", "%(count)d months", length) % {"count": length}
        return f"{span} {self.after}"


def months_before(moment: datetime, months: int) -> datetime:
    """Return the same wall-clock hour that many calendar months earlier, at most the last day of the month."""
    local = timezone.localtime(moment)
    year, month = divmod(local.year * 12 + local.month - 1 - months, 12)
    last = 31
    while True:
        try:
            return local.replace(year=year, month=month + 1, day=min(local.day, last))
        except ValueError:
            last -= 1


NOBODY_ELSE = gettext_lazy("Nobody outside the municipality and its hosting provider.")


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """One processing activity: about whom, what, why, on which legal basis, and who else receives it."""

    code: str
    who: Text
    what: Text
    why: Text
    basis: Text
    given_to: Text = NOBODY_ELSE
    public: bool = True


@dataclass(frozen=True, kw_only=True)
class Tag:
    """What one field holds."""

    model: str
    field: str
    kind: Kind
    lifetime: Lifetime
    purpose: Purpose
    is_hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class Holding:
    """Every field of one model, tagged. Names of fields stand in words with blanks between them.

    ``sooner`` are fields that end before their row does. ``hidden`` fields are never shown, to the person neither (the
    hash of a password). ``of`` finds a person's rows, to be handed out. ``untouched`` fields are not rewritten when a
    person is erased: they name organisations, or their row is deleted as a whole. ``called`` and ``words`` are what
    rows and fields are called where the model, being somebody else's, says it in words that a teacher does not know.
    """

    model: str
    purpose: Purpose
    keep: Lifetime
    name: str = ""
    contact: str = ""
    free_text: str = ""
    pseudonym: str = ""
    none: str = ""
    hidden: str = ""
    untouched: str = ""
    sooner: Mapping[str, Lifetime] = field(default_factory=dict)
    of: Callable[["Subject"], models.QuerySet[Any]] | None = None
    after_scrub: Callable[[list[Any]], None] | None = None
    called: str | Promise = ""
    words: Mapping[str, str | Promise] = field(default_factory=dict)

    @property
    def tags(self) -> Iterator[Tag]:
        """Every field with its tag."""
        kinds = {
            Kind.NAME: self.name,
            Kind.CONTACT: self.contact,
            Kind.FREE_TEXT: self.free_text,
            Kind.PSEUDONYM: self.pseudonym,
            Kind.NONE: self.none,
        }
        for kind, names in kinds.items():
            for name in names.split():
                yield Tag(
                    model=self.model,
                    field=name,
                    kind=kind,
                    lifetime=self.sooner.get(name, self.keep),
                    purpose=self.purpose,
                    is_hidden=name in self.hidden.split(),
                )

    @property
    def is_personal(self) -> bool:
        """Whether any field says something about a person."""
        return any(tag.kind != Kind.NONE for tag in self.tags)

    def installed_model(self) -> type[models.Model] | None:
        """Return the model, or None when its app is not installed here."""
        if holding_is_away(self.model):
            return None
        return apps.get_model(self.model)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table without a model, with all its columns."""

    name: str
    columns: str
    purpose: Purpose
    keep: Lifetime


@dataclass(frozen=True, kw_only=True)
class Besides:
    """What is held for a purpose besides whole fields: rows that live shorter than their table's others, lines of logs.

    ``kind`` is what they say about a person; ``name`` says where they stand, as the record names fields.
    """

    name: str
    kind: Kind
    purpose: Purpose
    keep: Lifetime


@dataclass(frozen=True, kw_only=True)
class Cookie:
    """A cookie the portal may set: what for, when, and how long the browser keeps it."""

    setting: str
    why: Text
    when: Text
    lasts: Text

    @property
    def name(self) -> str:
        """What the browser calls it (over plain http, without the prefix that demands https)."""
        return str(getattr(settings, self.setting)).removeprefix("__Host-")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of forgetting: the fields it ends, how long they may live, and the work (returns how many rows)."""

    name: str
    lifetime: Lifetime
    fields: tuple[str, ...]
    run: Callable[[datetime], int]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A person, as everything that leads to the person's data: ids, names, addresses, phone numbers."""

    kind: Literal["user", "contact", "address"]
    id: Any = None  # a UUID; a bare address has none
    names: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    stand_in: str = field(default_factory=lambda: f"slettet-{uuid4().hex[:20]}")

    @property
    def is_user(self) -> bool:
        return self.kind == "user"

    @property
    def is_contact(self) -> bool:
        return self.kind == "contact"


@dataclass(frozen=True, kw_only=True)
class Eraser:
    """One step of an erasure: what it is called in the count, and the work (returns how many rows)."""

    name: str
    run: Callable[[Subject, datetime], int]


@dataclass(frozen=True, kw_only=True)
class Register:
    """What the apps together know and do."""

    holdings: list[Holding]
    tables: list[Table]
    besides: list[Besides]
    cookies: list[Cookie]
    rules: list[Rule]
    erasers: list[Eraser]
    subjects: dict[str, Callable[[UUID], Subject | None]]
    widen: list[Callable[[Subject], Subject]]
    by_address: list[Callable[[str], Iterable[tuple[str, UUID]]]]
    objections: list[Callable[[Subject, datetime], Refusal | None]]

    @property
    def tags(self) -> list[Tag]:
        return [tag for holding in self.holdings for tag in holding.tags]

    @property
    def installed(self) -> list[tuple[Holding, type[models.Model]]]:
        """The holdings whose models are here, each with its model."""
        pairs = ((holding, holding.installed_model()) for holding in self.holdings)
        return [(holding, model) for holding, model in pairs if model is not None]


@lru_cache(maxsize=1)
def register() -> Register:
    """Return every app's part, the upper apps first: they know what hangs on the lower ones."""
    found: list[Any] = []
    for config in apps.get_app_configs():
        name = f"{config.name}.privacy"
        if "." not in config.name and find_spec(name) is not None:
            found.append(import_module(name))

    def gathered(name: str) -> list[Any]:
        return [one for module in found for one in getattr(module, name, [])]

    return Register(
        holdings=gathered("HOLDINGS"),
        tables=gathered("TABLES"),
        besides=gathered("BESIDES"),
        cookies=gathered("COOKIES"),
        rules=gathered("RULES"),
        erasers=gathered("ERASERS"),
        subjects={kind: find for module in found for kind, find in getattr(module, "SUBJECTS", {}).items()},
        widen=gathered("WIDEN"),
        by_address=gathered("BY_ADDRESS"),
        objections=gathered("OBJECTIONS"),
    )


# --- Forgetting ----------------------------------------------------------------------------------------------------


def in_batches(
    over: Callable[[datetime, datetime], models.QuerySet[Any]],
    lifetime: Lifetime,
    **values: Any,
) -> Callable[[datetime], int]:
    """Return the work of a rule whose rows are emptied of ``values``, or deleted when there are none.

    ``over`` is given the cut (what began before it is too old) and now, and must no longer find a row once it has
    been treated. Each batch of 500 is a transaction of its own.
    """

    def treat(chosen: models.QuerySet[Any], now: datetime) -> int:
        if values:
            return chosen.update(**values)
        count = chosen.count()
        chosen.delete()
        return count

    return each_batch(over, lifetime, treat)


def each_batch(
    over: Callable[[datetime, datetime], models.QuerySet[Any]],
    lifetime: Lifetime,
    treat: Callable[[models.QuerySet[Any], datetime], int],
) -> Callable[[datetime], int]:
    """Return the work of a rule that treats its rows in its own way, a batch at a time."""

    def run(now: datetime) -> int:
        cut, total, last = lifetime.cut(now), 0, None
        while True:
            with transaction.atomic():
                rows = over(cut, now)
                chosen = sorted(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
                if not chosen:
                    return total
                if chosen == last:
                    raise RuntimeError("The rule finds rows that it has treated already.")
                total += treat(rows.model._base_manager.filter(pk__in=chosen), now)
                last = chosen

    return run


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """How many rows each rule treated, and which rules stumbled over what."""

    counts: dict[str, int] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def forget(*, now: datetime, dry_run: bool = False) -> Forgotten:
    """Follow every rule; one that stumbles does not stop the others. Returns what was done.

    A dry run does the very same and takes it back at the end, so its numbers are those of the real run.
    """
    done = Forgotten()
    with transaction.atomic() if dry_run else nullcontext():
        for rule in register().rules:
            try:
                with transaction.atomic() if dry_run else nullcontext():
                    done.counts[rule.name] = rule.run(now)
            except Exception as error:
                log.exception("rule of forgetting stumbled", rule=rule.name)
                done.errors[rule.name] = type(error).__name__
        if dry_run:
            transaction.set_rollback(True)
    if not dry_run:
        try:
            ledger.keep()
        except (OSError, ValueError) as error:
            log.exception("the ledger of erasures could not be written")
            done.errors["ledger-file"] = type(error).__name__
    if not dry_run and any(done.counts.values()):
        log.info("forgotten", **{name: count for name, count in done.counts.items() if count})
    return done


# --- Erasing -------------------------------------------------------------------------------------------------------


def find(kind: str, subject_id: UUID) -> Subject | None:
    """Return the person, or None when there is nobody (any more)."""
    finder = register().subjects.get(kind)
    found = finder(subject_id) if finder else None
    return _widened(found) if found is not None else None


def _widened(subject: Subject) -> Subject:
    """Return the person with every further trace that the apps know."""
    for widen in register().widen:
        subject = widen(subject)
    return subject


def people_at(address: str) -> list[tuple[str, UUID]]:
    """Return everybody the portal knows with this address, as kind and id."""
    return [pair for known in register().by_address for pair in known(address.strip().lower())]


def hold_on(kind: str, subject_id: UUID, *, now: datetime) -> LegalHold | None:
    """Return the legal hold that stands against erasing the person now."""
    today = timezone.localtime(now).date()
    return LegalHold.objects.filter(kind=kind, subject_id=subject_id, until__gte=today).first()


def refusal_for(subject: Subject, *, now: datetime) -> Refusal | None:
    """Return what stands against erasing the person, or None. The page asks with it before the button is pressed."""
    hold = hold_on(subject.kind, subject.id, now=now) if subject.id else None
    if hold is not None:
        return Refusal(
            _("The data must be kept until %(day)s: %(why)s") % {"day": f"{hold.until:%d.%m.%Y}", "why": hold.reason},
            code="legal-hold",
        )
    found = (objection(subject, now) for objection in register().objections)
    return next((refusal for refusal in found if refusal is not None), None)


@transaction.atomic(durable=True)
def erase_person(
    *, kind: str = "address", subject_id: UUID | None = None, address: str = "", by: Actor, now: datetime
) -> Erasure:
    """Erase a person with an account, a contact at a company, or whoever has this address.

    Everything that leads to the person is removed, emptied or replaced in every app; numbers, visits and names of
    organisations stay. Erasing again finds nothing and returns the first line of the ledger. The log holds counts and
    no name. By coordinators only. Raises Refusal: a legal hold, visits to come, the last one with a role.
    """
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinators can do this."), code="coordinators-only")
    return erase(kind=kind, subject_id=subject_id, address=address, by=by, now=now, cause=Erasure.Cause.REQUEST)


def erase(*, kind: str, subject_id: UUID | None, address: str = "", by: Actor, now: datetime, cause: str) -> Erasure:
    """Do what :func:`erase_person` promises, inside the caller's transaction (a step)."""
    subjects = _subjects(kind, subject_id, address)
    if not subjects and subject_id is not None:
        earlier = Erasure.objects.filter(kind=kind, subject_digest=pseudonym(str(subject_id))).first()
        if earlier is None:
            raise Refusal(_("There is nobody like that in the portal."), code="nobody")
        return earlier
    if cause != Erasure.Cause.REPLAY:
        for subject in subjects:
            if refusal := refusal_for(subject, now=now):
                raise refusal
    lines = [_erase_one(subject, by=by, now=now, cause=cause) for subject in subjects]
    transaction.on_commit(ledger.keep, robust=True)
    return lines[0]


def _subjects(kind: str, subject_id: UUID | None, address: str) -> list[Subject]:
    """Return the person in every shape the portal knows, a bare address last."""
    if subject_id is not None:
        found = find(kind, subject_id)
        return [found] if found else []
    clean = address.strip().lower()
    if not clean:
        raise Refusal(_("Write an e-mail address."), code="no-address", field="address")
    known = [find(*pair) for pair in people_at(clean)]
    return [
        *(subject for subject in known if subject is not None),
        _widened(Subject(kind="address", addresses=frozenset({clean}))),
    ]


def _erase_one(subject: Subject, *, by: Actor, now: datetime, cause: str) -> Erasure:
    counts: dict[str, int] = {}
    words = scrub(subject)
    for eraser in register().erasers:
        if count := eraser.run(subject, now):
            counts[eraser.name] = counts.get(eraser.name, 0) + count
    if words:
        counts["words"] = words
    if subject.id is not None:
        ErasureRequest.objects.filter(kind=subject.kind, subject_id=subject.id).delete()
        LegalHold.objects.filter(kind=subject.kind, subject_id=subject.id).delete()
    line = Erasure.objects.create(
        kind=subject.kind,
        subject_digest=pseudonym(str(subject.id)) if subject.id else "",
        address_digest=pseudonym(min(subject.addresses)) if subject.addresses else "",
        cause=cause,
        counts=counts,
        erased_at=now,
    )
    # Who erased the own data must not be found in the line that tells of it.
    actor = Actor(kind="user", id=subject.stand_in) if by.id in subject.ids else by
    audit.record(actor, "person-erased", line, at=now, cause=cause, **counts)
    return line


def patterns_for(subject: Subject) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """Return what is searched for everywhere, and what is searched for besides in the person's own rows.

    Everywhere: ids, addresses, phone numbers, and names of two words or more. A first name alone may be anybody's, so
    it is taken out only where the person's own things are told.
    """
    everywhere = [re.escape(text) for text in (*subject.ids, *subject.addresses)]
    everywhere += [_digits(phone) for phone in subject.phones if len(re.sub(r"\D", "", phone)) >= 8]
    names = [" ".join(name.split()) for name in subject.names if name.strip()]
    everywhere += [r"\s+".join(map(re.escape, name.split())) for name in names if " " in name]
    parts = {part for name in names for part in re.split(r"[\s,]+", name) if len(part) >= SHORTEST_NAME_PART}
    own = [*everywhere, *(re.escape(part) for part in parts)]
    return _pattern(everywhere), _pattern(own)


def _digits(phone: str) -> str:
    """Return a pattern for a number however its digits are grouped, with and without the country's code."""
    digits = re.sub(r"\D", "", phone)
    country, number = digits[:-8] or "45", digits[-8:]
    return rf"(?:(?:\+|00)?{country}[ .-]?)?{r'[ .-]?'.join(number)}"


def _pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    found = sorted(set(words), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(found)})(?!\w)", re.IGNORECASE) if found else None


def scrub(subject: Subject) -> int:
    """Take the person's names, addresses, numbers and ids out of every text the portal keeps; return in how many rows.

    A step; it runs while the person's rows can still be found.
    """
    everywhere, own = patterns_for(subject)
    if everywhere is None and own is None:
        return 0
    rows = 0
    for holding, model in register().installed:
        kept_apart = set(holding.untouched.split()) | set(holding.hidden.split())
        names = [tag.field for tag in holding.tags if tag.kind != Kind.NONE and tag.field not in kept_apart]
        columns = [column for column in map(model._meta.get_field, names) if _holds_text(column)]
        if not columns:
            continue
        changed: list[Any] = []
        if everywhere is not None:
            changed += _scrub_rows(model._base_manager.all(), columns, everywhere, subject)
        if own is not None and holding.of is not None:
            changed += _scrub_rows(holding.of(subject), columns, own, subject)
        if changed and holding.after_scrub is not None:
            holding.after_scrub(changed)
        rows += len(set(changed))
    return rows


def _holds_text(column: Any) -> bool:
    if getattr(column, "primary_key", False):
        return False
    return isinstance(column, models.CharField | models.TextField | models.JSONField)


def _scrub_rows(
    rows: models.QuerySet[Any], columns: list[Any], pattern: re.Pattern[str], subject: Subject
) -> list[Any]:
    """Rewrite the texts of the rows in which the pattern is found; return their keys."""
    # PostgreSQL finds the candidates without the bounds of words, which it writes differently; Python decides.
    core = pattern.pattern.removeprefix(r"(?<!\w)").removesuffix(r"(?!\w)")
    texts = {f"text_of_{column.name}": Cast(column.name, TextField()) for column in columns}
    hits = Q()
    for name in texts:
        hits |= Q(**{f"{name}__iregex": core})
    changed = []
    for row in rows.order_by().alias(**texts).filter(hits).distinct().iterator(chunk_size=BATCH):
        values = {}
        for column in columns:
            before = getattr(row, column.attname)
            after = _without(before, pattern, subject)
            if after != before:
                values[column.attname] = _fitting(column, after, before)
        if values:
            type(row)._base_manager.filter(pk=row.pk).update(**values)
            changed.append(row.pk)
    return changed


def _fitting(column: Any, after: Any, before: Any) -> Any:
    """Return the value as its column takes it: an address that has lost its person is empty where that is allowed."""
    if isinstance(column, models.EmailField | models.URLField) and column.blank:
        return ""
    if isinstance(column, models.CharField) and column.max_length and isinstance(after, str):
        return after[: column.max_length]
    return after


def _without(value: Any, pattern: re.Pattern[str], subject: Subject) -> Any:
    """Return a text, or the texts of a JSON value, with what belongs to the person replaced."""
    if isinstance(value, str):
        return pattern.sub(lambda hit: subject.stand_in if hit.group(0) in subject.ids else REMOVED, value)
    if isinstance(value, list):
        return [_without(one, pattern, subject) for one in value]
    if isinstance(value, dict):
        return {_without(key, pattern, subject): _without(one, pattern, subject) for key, one in value.items()}
    return value


# --- Asking, holding back, replaying -------------------------------------------------------------------------------


@transaction.atomic(durable=True)
def ask_for_erasure(*, kind: str, subject_id: UUID, by: Actor, now: datetime) -> ErasureRequest:
    """Note that a person asks to be erased; asking twice is asking once.

    The coordinators see it at the desk and get a mail, in which nobody is named; whoever noted it gets none.
    """
    subject = find(kind, subject_id)
    own = subject is not None and (by.id in subject.ids or (by.kind == "link" and by.reference_id == subject_id))
    if not (own or by.is_coordinator):
        raise Refusal(_("Only the municipality's coordinators can do this."), code="coordinators-only")
    request, made = ErasureRequest.objects.get_or_create(kind=kind, subject_id=subject_id, defaults={"asked_at": now})
    if made:
        audit.record(by, "erasure-asked", request, at=now)
        coordinating = MunicipalRole.Role.acting_as(MunicipalRole.Role.COORDINATOR)
        people = User.objects.filter(is_active=True, municipal_roles__role__in=coordinating).distinct()
        for person in people.order_by("pk"):
            if person.pk != by.user_id:
                to = outbox.Recipient.of_user(person)
                outbox.post(occasion="erasure_asked", about=request, to=to, now=now)
    return request


@transaction.atomic(durable=True)
def settle_request(*, request_id: UUID, by: Actor, now: datetime) -> bool:
    """Take a request off the list that was answered without an erasure; False when it is gone. Coordinators only."""
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinators can do this."), code="coordinators-only")
    request = ErasureRequest.objects.filter(pk=request_id).first()
    if request is None:
        return False
    audit.record(by, "erasure-answered", request, at=now)
    request.delete()
    return True


@transaction.atomic(durable=True)
def set_hold(*, kind: str, subject_id: UUID, reason: str, until: Any, by: Actor, now: datetime) -> LegalHold:
    """Keep a person's data from being erased until a day, with a reason the person can be told. Coordinators only."""
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinators can do this."), code="coordinators-only")
    if until <= timezone.localtime(now).date():
        raise Refusal(_("Choose a day to come."), code="past", field="until")
    hold, _made = LegalHold.objects.update_or_create(
        kind=kind, subject_id=subject_id, defaults={"reason": reason.strip()[:200], "until": until, "created_at": now}
    )
    audit.record(by, "legal-hold-set", hold, at=now, until=until.isoformat())
    return hold


@transaction.atomic(durable=True)
def lift_hold(*, kind: str, subject_id: UUID, by: Actor, now: datetime) -> bool:
    """End a legal hold before its day; returns False when there is none. Coordinators only."""
    if not by.is_coordinator:
        raise Refusal(_("Only the municipality's coordinators can do this."), code="coordinators-only")
    hold = LegalHold.objects.filter(kind=kind, subject_id=subject_id).first()
    if hold is None:
        return False
    audit.record(by, "legal-hold-lifted", hold, at=now)
    hold.delete()
    return True


def replay(lines: Iterable[ledger.Line], *, now: datetime) -> int:
    """Erase again whoever the ledger names and a restored backup has brought back; return how many.

    People are recognised by the hash of their id, which a restore brings back and a new account does not have; bare
    addresses by theirs, in mails from before the erasure.
    """
    known = list(lines)
    wanted = {(line.kind, line.subject_digest) for line in known if line.subject_digest}
    by = Actor.job("replay-erasures")
    count = 0
    for kind, model in (("user", "portal.User"), ("contact", "companies.Contact")):
        for subject_id in list(apps.get_model(model)._base_manager.values_list("pk", flat=True)):
            if (kind, pseudonym(str(subject_id))) in wanted:
                with transaction.atomic(durable=True):
                    erase(kind=kind, subject_id=subject_id, by=by, now=now, cause=Erasure.Cause.REPLAY)
                count += 1
    mailed = apps.get_model("portal.Message")._base_manager.exclude(address__endswith=f"@{FORGOTTEN_DOMAIN}")
    erased_at = {line.address_digest: line.erased_at for line in known if line.kind == "address"}
    for address, first in list(mailed.values_list("address").annotate(models.Min("created_at"))):
        moment = erased_at.get(pseudonym(address))
        if moment is not None and first < moment and not people_at(address):
            with transaction.atomic(durable=True):
                erase(kind="address", subject_id=None, address=address, by=by, now=now, cause=Erasure.Cause.REPLAY)
            count += 1
    return count


# --- Handing out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One field of a row about the person: what it is called, what it says, and that in words for a page.

    ``telling`` is what a person understands; keys, tokens and digests stand in the file for machines alone.
    """

    name: str
    value: str
    words: str
    telling: bool


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row about the person."""

    facts: list[Fact]

    @property
    def telling(self) -> list[Fact]:
        """What a page shows of it."""
        return [fact for fact in self.facts if fact.telling and fact.words]


@dataclass(frozen=True, kw_only=True)
class Section:
    """Everything of one kind that the portal holds about a person, why, and how long."""

    code: str
    title: str
    why: str
    kept: str
    entries: list[Entry]


@dataclass(frozen=True, kw_only=True)
class Export:
    """What the portal knows about one person."""

    kind: str
    made_at: datetime
    sections: list[Section]

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(len(section.entries) for section in self.sections)

    def as_data(self) -> dict[str, Any]:
        """Return it for a machine."""
        return {
            "kind": self.kind,
            "made_at": self.made_at.isoformat(),
            "sections": [
                {
                    "code": section.code,
                    "title": section.title,
                    "why": section.why,
                    "kept": section.kept,
                    "rows": [{fact.name: fact.value for fact in entry.facts} for entry in section.entries],
                }
                for section in self.sections
            ],
        }


def export(subject: Subject, *, now: datetime) -> Export:
    """Return all that is held about the person: every field of every row, but for secrets and other people."""
    municipality = Municipality.objects.first() or Municipality()
    strangers = _strangers(subject)
    sections = []
    for holding, model in register().installed:
        if holding.of is None:
            continue
        entries = [
            Entry(facts=list(_facts(row, holding, subject, strangers, now)))
            for row in holding.of(subject).order_by("pk").distinct()
        ]
        if entries:
            lifetimes = {tag.lifetime.code: tag.lifetime for tag in holding.tags if tag.kind != Kind.NONE}
            sections.append(
                Section(
                    code=holding.model,
                    title=_first_up(str(holding.called or model._meta.verbose_name_plural)),
                    why=str(holding.purpose.why),
                    kept="; ".join(one.in_words(municipality) for one in lifetimes.values()),
                    entries=entries,
                )
            )
    return Export(kind=subject.kind, made_at=now, sections=sections)


@transaction.atomic(durable=True)
def hand_out(*, kind: str, subject_id: UUID, form: str, by: Actor, now: datetime) -> Export:
    """Return all that is held about a person and write into the log who had it, in which form, and how many rows.

    By the person, or by a coordinator on the person's request.
    """
    subject = find(kind, subject_id)
    if subject is None:
        raise Refusal(_("There is nobody like that in the portal."), code="nobody")
    own = by.id in subject.ids or (by.kind == "link" and by.reference_id == subject_id)
    if not (own or by.is_coordinator):
        raise Refusal(_("Only the municipality's coordinators can do this."), code="coordinators-only")
    made = export(subject, now=now)
    about = apps.get_model("portal.User" if kind == "user" else "companies.Contact")._base_manager.get(pk=subject_id)
    audit.record(by, "person-exported", about, at=now, rows=made.rows, form=form, own=own)
    return made


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]


def _facts(
    row: models.Model, holding: Holding, subject: Subject, strangers: list[str], now: datetime
) -> Iterator[Fact]:
    for tag in holding.tags:
        column = row._meta.get_field(tag.field)
        if not isinstance(column, models.Field) or column.many_to_many:
            continue
        name = _first_up(str(holding.words.get(column.name, column.verbose_name)))
        if tag.is_hidden:
            secret = _("(a secret; it is there, and is not shown)")
            yield Fact(name=name, value=secret, words=secret, telling=_is_telling(column))
            continue
        value = _mask(_shown(row, column, subject, now), strangers)
        words = _in_words(getattr(row, column.attname)) or value
        yield Fact(name=name, value=value, words=words, telling=_is_telling(column) and not KEY.search(words))


KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-")
# Fields that say something to machines alone, besides keys; parts of their names.
FOR_MACHINES = ("token", "digest", "dedupe", "version", "reference", "session_key", "uid", "object_id", "object_type")


def _is_telling(column: "models.Field[Any, Any]") -> bool:
    """Return whether a person understands what a field says: no key, no checksum, no counter of versions."""
    if column.primary_key or any(part in column.name for part in FOR_MACHINES):
        return False
    return isinstance(column, models.ForeignKey) or not isinstance(column, (models.UUIDField, models.JSONField))


def _in_words(value: Any) -> str:
    """Return a moment, a day, or a yes as a person writes it; nothing for what needs no other words."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), "j. F Y H.i")
    return date_format(value, "j. F Y") if isinstance(value, date) else ""


def _shown(row: models.Model, column: "models.Field[Any, Any]", subject: Subject, now: datetime) -> str:
    """Return a value as a person reads it; another person is not named, and a class is called as it is today."""
    value = getattr(row, column.attname)
    if value is None or value == "":
        return ""
    if isinstance(column, models.ForeignKey):
        if str(value) in subject.ids:
            return _("you")
        related = column.remote_field.model
        if related._meta.label in {"portal.User", "companies.Contact"}:
            return _("(another person)")
        found = getattr(row, column.name)
        label = getattr(found, "label", None)
        return str(label(timezone.localtime(now).date()) if callable(label) else found)
    if column.choices:
        return str(getattr(row, f"get_{column.name}_display")())
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    return str(value)


def _strangers(subject: Subject) -> list[str]:
    """Return the names, addresses and numbers of everybody else, the longest first."""
    found: set[str] = set()
    for label in ("portal.User", "companies.Contact"):
        others = apps.get_model(label)._base_manager.exclude(pk=subject.id)
        for facts in others.values_list("name", "email", "phone"):
            found.update(text for text in facts if len(text) > SHORTEST_NAME_PART)
    own = {*subject.names, *subject.addresses, *subject.phones}
    return sorted(found - own, key=len, reverse=True)


def _mask(text: str, strangers: list[str]) -> str:
    for one in strangers:
        if one in text:
            text = text.replace(one, _("(another person)"))
    return text


# --- Telling -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Told:
    """One processing activity as it is told: with its lifetimes in words, and the kinds of what is held."""

    purpose: Purpose
    kept: list[str]
    kinds: list[str]
    fields: list[str]


KINDS_IN_WORDS = {
    Kind.NAME: gettext_lazy("names"),
    Kind.CONTACT: gettext_lazy("addresses, e-mail addresses and phone numbers"),
    Kind.FREE_TEXT: gettext_lazy("free text"),
    Kind.PSEUDONYM: gettext_lazy("ids that stand for a person"),
}


def told(municipality: Municipality | None = None) -> list[Told]:
    """Return every purpose with what is held for it and how long, in the order of the register: one source for all."""
    chosen = municipality or Municipality.objects.first() or Municipality()
    found: dict[str, Told] = {}
    held: list[tuple[Purpose, Lifetime, Kind, str]] = [
        (tag.purpose, tag.lifetime, tag.kind, f"{tag.model}.{tag.field}")
        for tag in register().tags
        if tag.kind != Kind.NONE and not holding_is_away(tag.model)
    ]
    held += [(one.purpose, one.keep, one.kind, one.name) for one in register().besides]
    for purpose, lifetime, kind, name in held:
        line = found.setdefault(purpose.code, Told(purpose=purpose, kept=[], kinds=[], fields=[]))
        for one, where in (
            (lifetime.in_words(chosen), line.kept),
            (str(KINDS_IN_WORDS[kind]), line.kinds),
            (name, line.fields),
        ):
            if one not in where:
                where.append(one)
    return list(found.values())


def holding_is_away(model: str) -> bool:
    """Return whether the model's app is not installed here."""
    return model.split(".", maxsplit=1)[0] not in apps.app_configs

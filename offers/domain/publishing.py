"""Review and public life of a course: sent back, published, paused, expired, archived; and kept fresh."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from companies.domain import relations
from companies.models import Company, Contact
from offers.domain import dialogue, notices
from offers.domain.authoring import (
    STEP_OF,
    Incomplete,
    expired_invites,
    freeze,
    missing_in,
    offers_for,
    only_coordinators,
    only_coordinators_or_links,
    only_reviewers,
    open_comments,
    the_offer,
)
from offers.models import Enrolment, Invite, Offer, ReviewComment, Session
from portal.domain import audit, calendar, links, outbox
from portal.domain.actor import Actor
from portal.domain.jobs import one_by_one
from portal.domain.refusal import Refusal
from portal.models import Link, Message, Municipality

S = Offer.State

PUBLISHABLE = (S.DRAFT, S.SUBMITTED, S.APPROVED, S.EXPIRED, S.PAUSED)
UNDER_REVIEW = (S.SUBMITTED, S.APPROVED)


def _move(offer: Offer, state: Offer.State, *, allowed: Sequence[str], now: datetime, **values: object) -> None:
    """Move the course on, if it stands where the move begins (a step); raises Refusal with where it stands."""
    moved = Offer.objects.filter(pk=offer.pk, state__in=allowed).update(state=state, updated_at=now, **values)
    if not moved:
        raise Refusal(
            _("The course is %(state)s, so this cannot be done now.") % {"state": offer.get_state_display()},
            code="wrong-state",
        )
    offer.state = state
    offer.updated_at = now
    for name, value in values.items():
        setattr(offer, name, value)


def _tell_contact(
    contact: Contact,
    offer: Offer,
    occasion: str,
    *,
    now: datetime,
    key: str,
    parameters: dict[str, object] | None = None,
) -> None:
    to = outbox.Recipient(kind="contact", id=contact.pk, address=contact.email, language=contact.language)
    outbox.post(occasion=occasion, about=offer, to=to, now=now, key=key, parameters=parameters)


def _tell_colleagues(
    link: Link, offer: Offer, occasion: str, *, now: datetime, key: str, parameters: dict[str, object] | None = None
) -> None:
    """Promise the same mail to those to whom the invitation was sent on: it may be they who write."""
    for child in links.colleagues_of(link, now):
        if (to := links.holder_of(child)) is not None:
            outbox.post(occasion=occasion, about=offer, to=to, now=now, key=key, parameters=parameters)


def writer_of(offer: Offer) -> Contact | None:
    """Return who is written to about the text of a course: the one invited, else the course's contact."""
    invite = Invite.objects.select_related("contact").filter(offer=offer).first()
    if invite is not None and invite.contact.is_active:
        return invite.contact
    return notices.host_contact(offer)


def _completed(offer: Offer) -> None:
    """Note that the invitation led to a decision (a step)."""
    Invite.objects.filter(offer=offer).exclude(state=Invite.State.REVOKED).update(state=Invite.State.COMPLETED)


@transaction.atomic(durable=True)
def send_back(*, offer_id: UUID, comments: Sequence[tuple[str, str]], by: Actor, now: datetime) -> Offer:
    """Ask the company to change something: one mail with all comments (field or empty, text) and a working link.

    The link of the invitation is prolonged, or given anew when it was withdrawn; a course without an invitation
    gets one. Raises Refusal without a comment, for an unknown field, or when there is nobody to ask.
    """
    only_reviewers(by)
    offer = the_offer(offer_id, by)
    texts = [(field.strip(), text.strip()) for field, text in comments if text.strip()]
    if not texts:
        raise Refusal(
            _("Write at least one comment: what should the company change?"), code="no-comment", field="comments"
        )
    for field, text in texts:
        if field and field not in STEP_OF:
            raise Refusal(_("There is no field “%(name)s”.") % {"name": field}, code="unknown-field", field="comments")
        if len(text) > 2000:
            raise Refusal(_("A comment has at most 2000 characters."), code="too-long", field="comments")
    contact = writer_of(offer)
    if contact is None:
        raise Refusal(_("The company has no contact to ask. Add one first."), code="nobody-to-ask")
    _move(offer, S.CHANGES_REQUESTED, allowed=[S.SUBMITTED], now=now)
    made = [ReviewComment.objects.create(offer=offer, field=field, text=text, at=now) for field, text in texts]
    invite, _new = Invite.objects.get_or_create(
        offer=offer, defaults={"company": offer.company, "contact": contact, "created_at": now}
    )
    Invite.objects.filter(pk=invite.pk).update(state=Invite.State.STARTED)
    link = links.ensure(purpose=Link.Purpose.INVITE, reference_id=invite.pk, now=now)
    if link.revoked_at is not None:
        links.reissue(link, now=now)
    audit.record(by, "offer-sent-back", offer, at=now, comments=len(made))
    parameters: dict[str, object] = {"comments": [comment.pk for comment in made]}
    _tell_contact(contact, offer, "offer_sent_back", now=now, key=f"c{made[0].pk}", parameters=parameters)
    _tell_colleagues(link, offer, "offer_sent_back", now=now, key=f"c{made[0].pk}", parameters=parameters)
    return offer


def refusal_to_publish(offer: Offer) -> Refusal | None:
    """Return why the course cannot be published, or None when it can."""
    if offer.state not in PUBLISHABLE:
        return Refusal(
            _("The course is %(state)s; it cannot be published from there.") % {"state": offer.get_state_display()},
            code="wrong-state",
        )
    if missing := missing_in(offer):
        return Incomplete(missing)
    return None


def _go_public(offer: Offer, *, by: Actor, now: datetime) -> None:
    """Put the course into the catalogue and tell its writer (a step; the row is locked)."""
    was = offer.state
    _move(
        offer,
        S.PUBLISHED,
        allowed=PUBLISHABLE,
        now=now,
        published_at=offer.published_at or now,
        last_confirmed_at=now,
        pause_reason="",
        publish_at=None,
    )
    if was in {S.DRAFT, S.SUBMITTED, S.APPROVED}:
        freeze(offer, by=by, now=now)
    open_comments(offer).update(resolved_at=now)
    _completed(offer)
    relations.become(offer.company, Company.State.ACTIVE, by=by, now=now)
    outbox.withdraw(about=offer, occasions=["offer_freshness", "offer_expired", "offer_sent_back"])
    audit.record(by, "offer-published", offer, at=now, before=was)
    contact = writer_of(offer)
    if contact is not None and was != S.PAUSED:
        _tell_contact(contact, offer, "offer_published", now=now, key=now.isoformat())


@transaction.atomic(durable=True)
def publish(*, offer_id: UUID, by: Actor, now: datetime, publish_at: datetime | None = None) -> Offer:
    """Publish the course now, or approve it for publication at ``publish_at``.

    The contact gets the public address, the company becomes active, the invitation is completed. Publishing what is
    published returns it. A reviewer publishes what was sent in, a coordinator from any state that allows it. Raises
    Incomplete or Refusal.
    """
    only_reviewers(by)
    offer = the_offer(offer_id, by)
    if offer.state == S.PUBLISHED:
        return offer
    if offer.state not in UNDER_REVIEW:
        only_coordinators(by)
    if refusal := refusal_to_publish(offer):
        raise refusal
    if publish_at is not None and publish_at > now:
        _move(offer, S.APPROVED, allowed=[S.DRAFT, S.SUBMITTED, S.APPROVED], now=now, publish_at=publish_at)
        _completed(offer)
        audit.record(by, "offer-approved", offer, at=now, publish_at=publish_at.isoformat())
        return offer
    _go_public(offer, by=by, now=now)
    return offer


@transaction.atomic(durable=True)
def reject(*, offer_id: UUID, reason: str, by: Actor, now: datetime) -> Offer:
    """Say no to a course that was sent in; the contact gets the reason."""
    only_reviewers(by)
    offer = the_offer(offer_id, by)
    reason = reason.strip()
    if not reason:
        raise Refusal(_("Write the reason; the company will read it."), code="no-reason", field="reason")
    if len(reason) > 2000:
        raise Refusal(_("The reason has at most 2000 characters."), code="too-long", field="reason")
    _move(offer, S.REJECTED, allowed=[S.SUBMITTED, S.APPROVED], now=now, publish_at=None)
    comment = ReviewComment.objects.create(offer=offer, field="", text=reason, at=now, resolved_at=now)
    _completed(offer)
    audit.record(by, "offer-rejected", offer, at=now)
    contact = writer_of(offer)
    if contact is not None:
        _tell_contact(
            contact, offer, "offer_rejected", now=now, key=f"c{comment.pk}", parameters={"comment": comment.pk}
        )
    return offer


@transaction.atomic(durable=True)
def pause(*, offer_id: UUID, reason: str, by: Actor, now: datetime) -> Offer:
    """Take the course out of the catalogue for a while; enrolments stay, and teachers read the reason.

    Open talks about times stay too; nobody is reminded of them meanwhile.
    """
    only_coordinators(by)
    offer = the_offer(offer_id, by)
    reason = reason.strip()
    if not reason:
        raise Refusal(_("Write why the course is paused; teachers will read it."), code="no-reason", field="reason")
    if len(reason) > 300:
        raise Refusal(_("The reason has at most 300 characters."), code="too-long", field="reason")
    _move(offer, S.PAUSED, allowed=[S.PUBLISHED], now=now, pause_reason=reason)
    audit.record(by, "offer-paused", offer, at=now)
    return offer


def _freshness_days() -> int:
    days = Municipality.objects.values_list("freshness_days", flat=True).first()
    return 365 if days is None else days


@transaction.atomic(durable=True)
def resume(*, offer_id: UUID, by: Actor, now: datetime) -> Offer:
    """Put a paused course back into the catalogue, if it is still fresh."""
    only_coordinators(by)
    offer = the_offer(offer_id, by)
    if offer.state == S.PAUSED and not offer.is_fresh(calendar.local_day(now), _freshness_days()):
        raise Refusal(
            _("Nobody has confirmed the course within %(days)d days. Confirm that it is up to date, then resume it.")
            % {"days": _freshness_days()},
            code="not-fresh",
        )
    _move(offer, S.PUBLISHED, allowed=[S.PAUSED], now=now, pause_reason="")
    dialogue.wake_talks(offer, now=now)
    audit.record(by, "offer-resumed", offer, at=now)
    return offer


@transaction.atomic(durable=True)
def archive(*, offer_id: UUID, by: Actor, now: datetime) -> Offer:
    """Take the course out of use for good; its history stays.

    Raises Refusal with the number of classes that are still to come: those must be cancelled or moved first. Its dates
    are held meanwhile, so that no class is enrolled while they are counted. Open talks about times end, and teacher and
    host are told.
    """
    only_coordinators(by)
    dialogue.hold_talks(offer_id)
    list(Session.objects.locked().filter(offer=offer_id).values_list("pk", flat=True))
    offer = the_offer(offer_id, by)
    coming = Enrolment.objects.filter(session__offer=offer, session__ends_at__gt=now)
    confirmed = coming.filter(status=Enrolment.Status.CONFIRMED).count()
    if confirmed:
        raise Refusal(
            ngettext(
                "%(count)d class has a confirmed enrolment to come. Cancel or move it first.",
                "%(count)d classes have confirmed enrolments to come. Cancel or move them first.",
                confirmed,
            )
            % {"count": confirmed},
            code="enrolments-to-come",
        )
    waiting = coming.filter(status__in=Enrolment.Status.open()).count()
    if waiting:
        raise Refusal(
            ngettext(
                "%(count)d class still waits for an answer or a place. Answer it first.",
                "%(count)d classes still wait for an answer or a place. Answer them first.",
                waiting,
            )
            % {"count": waiting},
            code="enrolments-waiting",
        )
    if offer.state == S.ARCHIVED:
        return offer
    _move(offer, S.ARCHIVED, allowed=[state for state in S.values if state != S.ARCHIVED], now=now)
    invite = Invite.objects.filter(offer=offer).first()
    if invite is not None:
        links.revoke(purpose=Link.Purpose.INVITE, reference_id=invite.pk, now=now)
        outbox.withdraw(about=invite)
    outbox.withdraw(about=offer)
    audit.record(by, "offer-archived", offer, at=now)
    dialogue.close_with_course(offer, by=by, now=now)
    return offer


@transaction.atomic(durable=True)
def confirm_fresh(*, offer_id: UUID, by: Actor, now: datetime) -> Offer:
    """Say that the course is still up to date: a new year of freshness begins; an expired course is published again.

    May be said by a coordinator and by the company's contact through the own link.
    """
    only_coordinators_or_links(by)
    offer = the_offer(offer_id, by)
    if offer.state == S.EXPIRED:
        if missing := missing_in(offer):
            raise Incomplete(missing)
        _go_public(offer, by=by, now=now)
        return offer
    if offer.state not in {S.PUBLISHED, S.PAUSED}:
        raise Refusal(
            _("The course is %(state)s; there is nothing to confirm.") % {"state": offer.get_state_display()},
            code="wrong-state",
        )
    Offer.objects.filter(pk=offer.pk).update(last_confirmed_at=now, updated_at=now)
    offer.last_confirmed_at = now
    outbox.withdraw(about=offer, occasions=["offer_freshness"])
    audit.record(by, "offer-confirmed-fresh", offer, at=now)
    return offer


def fresh_until(offer: Offer, freshness_days: int) -> date | None:
    """Return the last day on which the course counts as up to date."""
    if offer.last_confirmed_at is None:
        return None
    return calendar.local_day(offer.last_confirmed_at) + timedelta(days=freshness_days)


@transaction.atomic(durable=True)
def _publish_when_due(offer_id: UUID, *, by: Actor, now: datetime) -> str:
    """Publish one approved course, if its day has come; returns ``published`` or nothing."""
    offer = the_offer(offer_id, by)
    if offer.state != S.APPROVED or offer.publish_at is None or offer.publish_at > now or missing_in(offer):
        return ""
    _go_public(offer, by=by, now=now)
    return "published"


@transaction.atomic(durable=True)
def _follow_freshness(offer_id: UUID, freshness_days: int, warnings: Sequence[int], *, by: Actor, now: datetime) -> str:
    """Expire or warn about one published course; returns ``expired``, ``warned`` or nothing.

    With a course that expires the open talks about it end.
    """
    dialogue.hold_talks(offer_id)
    offer = the_offer(offer_id, by)
    last_day = fresh_until(offer, freshness_days)
    if offer.state != S.PUBLISHED or last_day is None:
        return ""
    left = (last_day - calendar.local_day(now)).days
    cycle = calendar.local_day(offer.last_confirmed_at).isoformat() if offer.last_confirmed_at else ""
    if left < 0:
        _move(offer, S.EXPIRED, allowed=[S.PUBLISHED], now=now)
        outbox.withdraw(about=offer, occasions=["offer_freshness"])
        audit.record(by, "offer-expired", offer, at=now)
        dialogue.close_with_course(offer, by=by, now=now)
        _ask_whether_current(offer, "offer_expired", cycle=cycle, days=0, now=now)
        return "expired"
    for days in sorted(warnings):
        if left <= days:
            asked = _ask_whether_current(offer, "offer_freshness", cycle=cycle, days=days, now=now)
            return "warned" if asked else ""
    return ""


def _ask_whether_current(offer: Offer, occasion: str, *, cycle: str, days: int, now: datetime) -> bool:
    """Ask the writer, once in each cycle, whether the course is up to date (a step)."""
    contact = writer_of(offer)
    parameters: dict[str, object] = {"cycle": cycle, "days": days}
    asked = Message.objects.filter(occasion=occasion, reference_id=offer.pk, parameters=parameters).exists()
    if contact is None or asked:
        return False
    invite = Invite.objects.filter(offer=offer).exclude(state=Invite.State.REVOKED).first()
    if invite is not None:
        links.ensure(purpose=Link.Purpose.INVITE, reference_id=invite.pk, now=now)
    _tell_contact(contact, offer, occasion, now=now, key=f"{cycle}-{days}", parameters=parameters)
    return True


@transaction.atomic(durable=True)
def _expire_invite(invite_id: UUID, *, by: Actor, now: datetime) -> str:
    """Let one invitation expire, if its link still does not live; returns ``invites_expired`` or nothing."""
    invite = expired_invites(now).select_for_update(of=("self",)).filter(pk=invite_id).first()
    if invite is None:
        return ""
    Invite.objects.filter(pk=invite.pk).update(state=Invite.State.EXPIRED)
    outbox.withdraw(about=invite, occasions=["invite_reminder"])
    audit.record(by, "invite-expired", invite, at=now)
    return "invites_expired"


def follow_calendar(*, now: datetime) -> dict[str, int]:
    """Do what has become due around courses, each in a transaction of its own; running it twice changes nothing more.

    One row that stumbles keeps none of the others from being followed (``portal.domain.jobs.one_by_one``).

    Approved courses whose day has come are published; published ones that nobody confirmed in time expire, after
    warnings (30 and 7 days before, unless chosen otherwise); unfinished invitations whose link has ended expire.
    Returns the numbers.
    """
    by = Actor.job("follow-calendar")
    due = Offer.objects.filter(state=S.APPROVED, publish_at__lte=now).order_by("publish_at", "pk")
    freshness_days = _freshness_days()
    # A day of slack: which local day it was is decided row by row.
    warnings = (Municipality.objects.first() or Municipality()).freshness_warnings
    old = now - timedelta(days=freshness_days - max(warnings, default=0) - 1)
    ageing = offers_for(by).filter(Q(state=S.PUBLISHED), last_confirmed_at__lte=old).order_by("pk")
    steps: dict[str, Callable[[UUID], str]] = {
        "publish": lambda key: _publish_when_due(key, by=by, now=now),
        "freshness": lambda key: _follow_freshness(key, freshness_days, warnings, by=by, now=now),
        "invite": lambda key: _expire_invite(key, by=by, now=now),
    }
    rows = {"publish": due, "freshness": ageing, "invite": expired_invites(now).order_by("pk")}
    done = {"published": 0, "expired": 0, "warned": 0, "invites_expired": 0}

    def follow(one: tuple[str, UUID]) -> int:
        name, key = one
        if outcome := steps[name](key):
            done[outcome] += 1
        return bool(outcome)

    one_by_one(follow, [(name, key) for name, found in rows.items() for key in found.values_list("pk", flat=True)])
    return done

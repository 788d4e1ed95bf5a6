"""Review and public life: sent back, published, paused, expired, archived, fresh."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from companies.models import Company
from offers.domain import authoring, publishing
from offers.domain.authoring import Incomplete
from offers.models import Enrolment, Invite, Offer, ReviewComment, Revision
from portal import mail
from portal.domain import calendar, links, outbox
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Message, Municipality
from tests import factories

pytestmark = pytest.mark.django_db

S = Offer.State


@pytest.fixture
def coordinator(municipality: Municipality) -> Actor:
    return Actor.of_user(factories.CoordinatorFactory.create(name="Karin Koordinator"))


def offer_in(state: str, now: datetime, **facts: Any) -> Offer:
    dates: dict[str, Any] = {"last_confirmed_at": now, "published_at": now}
    if state in {S.DRAFT, S.SUBMITTED, S.CHANGES_REQUESTED, S.APPROVED}:
        dates = {"last_confirmed_at": None, "published_at": None}
    reason = {"pause_reason": "Vi bygger om."} if state == S.PAUSED else {}
    made: Offer = factories.OfferFactory.create(state=state, **{**dates, **reason, **facts})
    return made


def invited(offer: Offer, now: datetime, state: str = Invite.State.SUBMITTED) -> Invite:
    assert offer.contact is not None
    invite = Invite.objects.create(company=offer.company, contact=offer.contact, offer=offer, state=state)
    links.ensure(purpose=Link.Purpose.INVITE, reference_id=invite.pk, now=now)
    return invite


def refusal_of(attempt: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        attempt()
    return refused.value


def wanted(message: Message, now: datetime) -> bool:
    return outbox.occasions()[message.occasion].still_wanted(message, now)


# --- Sent back ---------------------------------------------------------------------------------------------------


def test_all_comments_go_out_in_one_mail_with_the_link(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.SUBMITTED, now)
    invite = invited(offer, now)
    publishing.send_back(
        offer_id=offer.pk,
        comments=[("title", "Kortere, tak."), ("safety", "Hvem passer på?"), ("", "Tak <3"), ("teaser", "   ")],
        by=coordinator,
        now=now,
    )
    letter = mail.render(Message.objects.get(occasion="offer_sent_back"), now)

    assert Offer.objects.get(pk=offer.pk).state == S.CHANGES_REQUESTED
    assert list(ReviewComment.objects.order_by("pk").values_list("field", "text")) == [
        ("title", "Kortere, tak."),
        ("safety", "Hvem passer på?"),
        ("", "Tak <3"),
    ]
    assert Invite.objects.get(pk=invite.pk).state == Invite.State.STARTED
    link = Link.objects.get(reference_id=invite.pk)
    assert letter.body.count(links.address(link)) == 1
    assert [text in letter.body for text in ("Kortere, tak.", "Hvem passer på?", "Tak <3")] == [True] * 3
    assert "Tak &lt;3" in str(letter.alternatives[0][0])


def test_an_expired_link_lives_again_when_the_course_is_sent_back(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.SUBMITTED, now)
    invite = invited(offer, now)
    later = now + timedelta(days=40)
    publishing.send_back(offer_id=offer.pk, comments=[("", "Se lige her.")], by=coordinator, now=later)
    link = Link.objects.get(reference_id=invite.pk)
    assert (link.expires_at, link.version) == (later + timedelta(days=30), 1)


def test_a_withdrawn_link_is_given_anew_when_the_course_is_sent_back(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.SUBMITTED, now)
    invite = invited(offer, now)
    authoring.revoke_invite(invite_id=invite.pk, by=coordinator, now=now)
    publishing.send_back(offer_id=offer.pk, comments=[("", "Se lige her.")], by=coordinator, now=now)
    link = Link.objects.get(reference_id=invite.pk)
    assert (link.revoked_at, link.version) == (None, 2)
    assert wanted(Message.objects.get(occasion="offer_sent_back"), now)


def test_a_course_without_an_invitation_gets_one_when_it_is_sent_back(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.SUBMITTED, now)
    publishing.send_back(offer_id=offer.pk, comments=[("", "Se lige her.")], by=coordinator, now=now)
    invite = Invite.objects.get(offer=offer)
    assert (invite.contact, invite.state) == (offer.contact, Invite.State.STARTED)
    assert Link.objects.filter(reference_id=invite.pk).count() == 1


@pytest.mark.parametrize(
    ("comments", "code"),
    [
        ([], "no-comment"),
        ([("title", "  ")], "no-comment"),
        ([("findes-ikke", "Hov")], "unknown-field"),
        ([("title", "x" * 2001)], "too-long"),
    ],
)
def test_a_comment_that_says_nothing_or_too_much_is_refused(
    comments: list[tuple[str, str]], code: str, coordinator: Actor, now: datetime
) -> None:
    offer = offer_in(S.SUBMITTED, now)
    refused = refusal_of(lambda: publishing.send_back(offer_id=offer.pk, comments=comments, by=coordinator, now=now))
    assert refused.code == code
    assert Offer.objects.get(pk=offer.pk).state == S.SUBMITTED


def test_nobody_to_ask_is_refused(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.SUBMITTED, now, contact=None)
    refused = refusal_of(
        lambda: publishing.send_back(offer_id=offer.pk, comments=[("", "Hov")], by=coordinator, now=now)
    )
    assert refused.code == "nobody-to-ask"


# --- Published ---------------------------------------------------------------------------------------------------


def test_publishing_tells_the_contact_and_completes_the_invitation(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.SUBMITTED, now, company__state=Company.State.INTERESTED)
    invite = invited(offer, now)
    publishing.publish(offer_id=offer.pk, by=coordinator, now=now)
    offer.refresh_from_db()
    message = Message.objects.get(occasion="offer_published")
    letter = mail.render(message, now)

    assert (offer.state, offer.published_at, offer.last_confirmed_at) == (S.PUBLISHED, now, now)
    assert Company.objects.get(pk=offer.company_id).state == Company.State.ACTIVE
    assert Invite.objects.get(pk=invite.pk).state == Invite.State.COMPLETED
    assert Revision.objects.filter(offer=offer).count() == 1
    assert message.address == offer.contact.email  # type: ignore[union-attr]
    assert letter.body.count(f"{settings.ORIGIN}/forloeb/{offer.pk}/{offer.slug}/") == 1
    assert wanted(message, now)
    publishing.pause(offer_id=offer.pk, reason="Vi bygger om.", by=coordinator, now=now)
    assert not wanted(message, now)


def test_publishing_twice_tells_once(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.SUBMITTED, now)
    publishing.publish(offer_id=offer.pk, by=coordinator, now=now)
    publishing.publish(offer_id=offer.pk, by=coordinator, now=now + timedelta(minutes=1))
    assert Message.objects.filter(occasion="offer_published").count() == 1
    assert AuditEntry.objects.filter(action="offer-published").count() == 1


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (S.DRAFT, S.PUBLISHED),
        (S.SUBMITTED, S.PUBLISHED),
        (S.CHANGES_REQUESTED, "wrong-state"),
        (S.APPROVED, S.PUBLISHED),
        (S.PUBLISHED, S.PUBLISHED),
        (S.PAUSED, S.PUBLISHED),
        (S.EXPIRED, S.PUBLISHED),
        (S.ARCHIVED, "wrong-state"),
        (S.REJECTED, "wrong-state"),
    ],
)
def test_what_can_be_published(state: str, outcome: str, coordinator: Actor, now: datetime) -> None:
    offer = offer_in(state, now)
    if outcome == S.PUBLISHED:
        publishing.publish(offer_id=offer.pk, by=coordinator, now=now)
        assert Offer.objects.get(pk=offer.pk).state == S.PUBLISHED
    else:
        refused = refusal_of(lambda: publishing.publish(offer_id=offer.pk, by=coordinator, now=now))
        assert refused.code == outcome
        assert Offer.objects.get(pk=offer.pk).state == state


def test_an_unfinished_course_is_not_published(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.DRAFT, now, purpose="", places=None)
    refused = refusal_of(lambda: publishing.publish(offer_id=offer.pk, by=coordinator, now=now))
    assert isinstance(refused, Incomplete)
    assert [item.field for item in refused.missing] == ["purpose", "places"]


def test_a_later_day_approves_and_the_calendar_publishes(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.SUBMITTED, now)
    day = now + timedelta(days=5)
    publishing.publish(offer_id=offer.pk, by=coordinator, now=now, publish_at=day)
    approved = Offer.objects.get(pk=offer.pk)
    assert (approved.state, approved.publish_at, approved.published_at) == (S.APPROVED, day, None)

    assert publishing.follow_calendar(now=day - timedelta(minutes=1))["published"] == 0
    assert publishing.follow_calendar(now=day)["published"] == 1
    assert publishing.follow_calendar(now=day)["published"] == 0
    published = Offer.objects.get(pk=offer.pk)
    assert (published.state, published.published_at, published.publish_at) == (S.PUBLISHED, day, None)


def test_rejecting_tells_the_reason(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.SUBMITTED, now)
    invite = invited(offer, now)
    publishing.reject(offer_id=offer.pk, reason="Vi har allerede tre smedjer.", by=coordinator, now=now)
    message = Message.objects.get(occasion="offer_rejected")

    assert Offer.objects.get(pk=offer.pk).state == S.REJECTED
    assert Invite.objects.get(pk=invite.pk).state == Invite.State.COMPLETED
    assert "Vi har allerede tre smedjer." in mail.render(message, now).body
    assert wanted(message, now)


def test_rejecting_needs_a_reason_and_a_course_under_review(coordinator: Actor, now: datetime) -> None:
    submitted, draft = offer_in(S.SUBMITTED, now), offer_in(S.DRAFT, now)
    no_reason = refusal_of(lambda: publishing.reject(offer_id=submitted.pk, reason=" ", by=coordinator, now=now))
    not_sent = refusal_of(lambda: publishing.reject(offer_id=draft.pk, reason="Nej", by=coordinator, now=now))
    assert (no_reason.code, no_reason.field, not_sent.code) == ("no-reason", "reason", "wrong-state")


# --- Paused and archived -----------------------------------------------------------------------------------------


def test_pausing_says_why_and_resuming_puts_back(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.PUBLISHED, now)
    publishing.pause(offer_id=offer.pk, reason="Vi bygger om.", by=coordinator, now=now)
    paused = Offer.objects.get(pk=offer.pk)
    assert (paused.state, paused.pause_reason) == (S.PAUSED, "Vi bygger om.")

    publishing.resume(offer_id=offer.pk, by=coordinator, now=now + timedelta(days=30))
    resumed = Offer.objects.get(pk=offer.pk)
    assert (resumed.state, resumed.pause_reason) == (S.PUBLISHED, "")


def test_pausing_without_a_reason_is_refused(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.PUBLISHED, now)
    refused = refusal_of(lambda: publishing.pause(offer_id=offer.pk, reason="", by=coordinator, now=now))
    assert (refused.code, refused.field) == ("no-reason", "reason")


def test_only_what_is_published_can_be_paused(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.DRAFT, now)
    refused = refusal_of(lambda: publishing.pause(offer_id=offer.pk, reason="x", by=coordinator, now=now))
    assert refused.code == "wrong-state"


def test_a_paused_course_that_grew_old_must_be_confirmed_before_it_resumes(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.PAUSED, now)
    later = now + timedelta(days=366)
    refused = refusal_of(lambda: publishing.resume(offer_id=offer.pk, by=coordinator, now=later))
    assert refused.code == "not-fresh"
    publishing.confirm_fresh(offer_id=offer.pk, by=coordinator, now=later)
    publishing.resume(offer_id=offer.pk, by=coordinator, now=later)
    assert Offer.objects.get(pk=offer.pk).state == S.PUBLISHED


def test_a_course_with_visits_to_come_is_not_archived(coordinator: Actor, now: datetime) -> None:
    session = factories.SessionFactory.create()
    factories.EnrolmentFactory.create(session=session)
    factories.EnrolmentFactory.create(session=session)
    factories.EnrolmentFactory.create(session=session, status=Enrolment.Status.CANCELLED_BY_SCHOOL)
    refused = refusal_of(lambda: publishing.archive(offer_id=session.offer_id, by=coordinator, now=now))

    assert refused.code == "enrolments-to-come"
    assert str(refused).startswith("2 ")
    after = session.ends_at + timedelta(minutes=1)
    publishing.archive(offer_id=session.offer_id, by=coordinator, now=after)
    assert Offer.objects.get(pk=session.offer_id).state == S.ARCHIVED


def test_a_course_with_classes_in_line_is_not_archived(coordinator: Actor, now: datetime) -> None:
    enrolment = factories.EnrolmentFactory.create(status=Enrolment.Status.WAITLISTED, waiting_since=now)
    refused = refusal_of(lambda: publishing.archive(offer_id=enrolment.session.offer_id, by=coordinator, now=now))
    assert refused.code == "enrolments-waiting"


def test_archiving_ends_the_link_and_takes_back_what_was_promised(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.SUBMITTED, now)
    invite = invited(offer, now)
    publishing.publish(offer_id=offer.pk, by=coordinator, now=now)
    publishing.archive(offer_id=offer.pk, by=coordinator, now=now)
    assert Link.objects.get(reference_id=invite.pk).revoked_at == now
    assert Message.objects.get(occasion="offer_published").state == Message.State.WITHDRAWN


# --- Fresh -------------------------------------------------------------------------------------------------------


def at_ten(days: int, now: datetime) -> datetime:
    return calendar.at(calendar.local_day(now) + timedelta(days=days), 10)


def test_a_course_is_warned_twice_and_expires_a_day_after_its_year(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.PUBLISHED, now)
    told = {}
    for day in (334, 335, 336, 357, 358, 365, 366, 367):
        done = publishing.follow_calendar(now=at_ten(day, now))
        told[day] = (done["warned"], done["expired"])

    # Fresh for 365 days: warned when 30 are left (day 335) and when 7 are left (day 358), gone on day 366.
    assert told == {
        334: (0, 0),
        335: (1, 0),
        336: (0, 0),
        357: (0, 0),
        358: (1, 0),
        365: (0, 0),
        366: (0, 1),
        367: (0, 0),
    }
    assert Offer.objects.get(pk=offer.pk).state == S.EXPIRED
    assert sorted(Message.objects.values_list("occasion", "state")) == [
        ("offer_expired", "queued"),
        ("offer_freshness", "withdrawn"),
        ("offer_freshness", "withdrawn"),
    ]


def test_a_course_that_stumbles_keeps_no_other_from_being_followed(
    coordinator: Actor, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = (offer_in(S.APPROVED, now, publish_at=now + timedelta(hours=hours)) for hours in (1, 2))
    old = offer_in(S.PUBLISHED, now - timedelta(days=400))
    unfinished = invited(offer_in(S.DRAFT, now), now, Invite.State.SENT)
    Link.objects.update(expires_at=now)
    go_public = publishing._go_public

    def stumble(offer: Offer, **facts: Any) -> None:
        if offer.pk == bad.pk:
            raise ValueError("a row that nobody foresaw")
        go_public(offer, **facts)

    monkeypatch.setattr(publishing, "_go_public", stumble)
    with pytest.raises(ExceptionGroup, match="1 rows stumbled"):
        publishing.follow_calendar(now=now + timedelta(days=1))

    states = [Offer.objects.get(pk=one.pk).state for one in (bad, good, old)]
    assert states == [S.APPROVED, S.PUBLISHED, S.EXPIRED]
    assert Invite.objects.get(pk=unfinished.pk).state == Invite.State.EXPIRED


def test_a_missed_night_is_forgiven(coordinator: Actor, now: datetime) -> None:
    offer_in(S.PUBLISHED, now)
    assert publishing.follow_calendar(now=at_ten(340, now))["warned"] == 1


def test_a_warning_is_unwanted_once_the_course_was_confirmed(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.PUBLISHED, now)
    invite = invited(offer, now, Invite.State.COMPLETED)
    day = at_ten(340, now)
    publishing.follow_calendar(now=day)
    warning = Message.objects.get(occasion="offer_freshness")
    link = Link.objects.get(reference_id=invite.pk)
    assert wanted(warning, day)
    assert links.address(link) in mail.render(warning, day).body

    publishing.confirm_fresh(offer_id=offer.pk, by=Actor.of_link(link), now=day)
    assert not wanted(warning, day)
    assert publishing.follow_calendar(now=day + timedelta(days=20))["warned"] == 0


def test_confirming_an_expired_course_puts_it_back(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.EXPIRED, now - timedelta(days=400))
    publishing.confirm_fresh(offer_id=offer.pk, by=coordinator, now=now)
    back = Offer.objects.get(pk=offer.pk)
    assert (back.state, back.last_confirmed_at) == (S.PUBLISHED, now)


def test_a_draft_has_nothing_to_confirm(coordinator: Actor, now: datetime) -> None:
    offer = offer_in(S.DRAFT, now)
    refused = refusal_of(lambda: publishing.confirm_fresh(offer_id=offer.pk, by=coordinator, now=now))
    assert refused.code == "wrong-state"

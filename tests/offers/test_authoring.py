"""From the invitation to *sent for review*: every promise of the use-cases, and every refusal."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from companies.models import Company
from offers.domain import authoring, publishing
from offers.domain.authoring import ChangedMeanwhile, Incomplete
from offers.models import Invite, Offer, ReviewComment, Revision
from portal import mail
from portal.domain import calendar, links, outbox
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Message, Municipality
from tests import factories

pytestmark = pytest.mark.django_db

STEPS: dict[int, dict[str, Any]] = {
    1: {"about": "Vi smeder.", "contact_name": "Mette Tangvig", "website": "https://tangvig.example"},
    2: {
        "title": "Svejs dit eget bogmærke",
        "teaser": "Visir ned, lysbue på.",
        "description": "Klassen deles i tre hold.",
        "purpose": "Eleverne lærer, hvordan strøm bliver til varme.",
        "pupil_activity": "Eleverne svejser.",
        "activity_type": "virksomhedsbesoeg",
        "industry": "industri",
        "jobs": "smed, lærling",
        "education_areas": ["htx", "eud-teknologi-byggeri"],
        "illustration": "svejsning",
    },
    3: {"grade_from": 7, "grade_to": 9, "subjects": ["fysik-kemi"]},
    4: {"before": "Tegn et motiv.", "before_minutes": 45, "during": "15 min.: Velkomst", "after": "Skriv om det."},
    5: {"duration_minutes": 150, "places": 24, "min_pupils": 10, "adults": 2, "meeting_point": "Den røde port"},
}


@pytest.fixture
def coordinator(municipality: Municipality) -> Actor:
    return Actor.of_user(factories.CoordinatorFactory.create(name="Karin Koordinator"))


@pytest.fixture
def invite(coordinator: Actor, now: datetime) -> Invite:
    contact = factories.ContactFactory.create(company__state=Company.State.LEAD, name="Mette Tangvig")
    return authoring.invite_company(
        company_id=contact.company_id, contact_id=contact.pk, greeting="Kære Mette", by=coordinator, now=now
    )


def link_of(invite: Invite) -> Link:
    return Link.objects.get(purpose=Link.Purpose.INVITE, reference_id=invite.pk)


def holder_of(invite: Invite) -> Actor:
    return Actor.of_link(link_of(invite))


def describe(invite: Invite, now: datetime, steps: tuple[int, ...] = (1, 2, 3, 4, 5)) -> Offer:
    offer: Offer | None = Offer.objects.filter(invite=invite).first()
    for step in steps:
        offer = authoring.save_step(
            invite_id=invite.pk,
            step=step,
            content=STEPS[step],
            version=offer.version if offer else 0,
            by=holder_of(invite),
            now=now,
        )
    assert offer is not None
    return Offer.objects.get(pk=offer.pk)


def waiting(occasion: str) -> int:
    return Message.objects.filter(occasion=occasion, state__in=["planned", "queued"]).count()


def wanted(message: Message, now: datetime) -> bool:
    return outbox.occasions()[message.occasion].still_wanted(message, now)


# --- The invitation ----------------------------------------------------------------------------------------------


def test_an_invitation_gives_a_link_for_thirty_days_and_moves_a_lead_to_contacted(
    invite: Invite, now: datetime
) -> None:
    link = link_of(invite)

    assert invite.state == Invite.State.SENT
    assert link.expires_at == now + timedelta(days=30)
    assert Company.objects.get(pk=invite.company_id).state == Company.State.CONTACTED
    assert list(AuditEntry.objects.filter(object_id=str(invite.pk)).values_list("action", flat=True)) == ["invite-sent"]


def test_an_invitation_does_not_set_an_active_company_back(coordinator: Actor, now: datetime) -> None:
    contact = factories.ContactFactory.create(company__state=Company.State.ACTIVE)
    authoring.invite_company(company_id=contact.company_id, contact_id=contact.pk, greeting="", by=coordinator, now=now)
    assert Company.objects.get(pk=contact.company_id).state == Company.State.ACTIVE


def test_the_mail_of_an_invitation_carries_greeting_asker_and_address(invite: Invite, now: datetime) -> None:
    message = Message.objects.get(occasion="invite")
    letter = mail.render(message, now)

    assert wanted(message, now)
    assert message.address == invite.contact.email
    assert letter.body.count(links.address(link_of(invite))) == 1
    assert "Kære Mette" in letter.body
    assert "Karin Koordinator" in letter.body
    assert "&quot;" not in letter.body
    html = str(letter.alternatives[0][0])
    assert links.address(link_of(invite)) in html


def test_what_the_coordinator_writes_is_escaped_in_the_mail(coordinator: Actor, now: datetime) -> None:
    contact = factories.ContactFactory.create()
    authoring.invite_company(
        company_id=contact.company_id,
        contact_id=contact.pk,
        greeting="<script>alert(1)</script> & hilsen",
        by=coordinator,
        now=now,
    )
    letter = mail.render(Message.objects.get(occasion="invite"), now)
    html = str(letter.alternatives[0][0])

    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; hilsen" in html
    assert "<script>alert(1)</script> & hilsen" in letter.body


def test_reminders_leave_three_ten_and_twenty_one_days_later_at_nine_on_a_school_day(invite: Invite) -> None:
    moments = list(
        Message.objects.filter(occasion="invite_reminder").order_by("send_at").values_list("send_at", flat=True)
    )

    # Tuesday 8 September: Friday 11, Friday 18, Tuesday 29; all are school days.
    assert [moment.astimezone(calendar.COPENHAGEN).isoformat() for moment in moments] == [
        "2026-09-11T09:00:00+02:00",
        "2026-09-18T09:00:00+02:00",
        "2026-09-29T09:00:00+02:00",
    ]


def test_no_reminder_leaves_in_a_holiday(coordinator: Actor) -> None:
    # Thursday 8 October 2026: day 3 is a Sunday in the autumn holiday, day 10 its last Sunday; both become Monday 19.
    now = calendar.at(datetime(2026, 10, 8).date(), 10)  # noqa: DTZ001
    contact = factories.ContactFactory.create()
    authoring.invite_company(company_id=contact.company_id, contact_id=contact.pk, greeting="", by=coordinator, now=now)
    moments = Message.objects.filter(occasion="invite_reminder").order_by("send_at").values_list("send_at", flat=True)
    assert [calendar.local_day(moment).isoformat() for moment in moments] == ["2026-10-19", "2026-10-29"]


@pytest.mark.parametrize("step", ["revoked", "submitted"])
def test_reminders_stop_when_the_invitation_is_withdrawn_or_answered(
    step: str, invite: Invite, coordinator: Actor, now: datetime
) -> None:
    reminder = Message.objects.filter(occasion="invite_reminder").first()
    assert reminder is not None
    assert wanted(reminder, now)
    if step == "revoked":
        authoring.revoke_invite(invite_id=invite.pk, by=coordinator, now=now)
    else:
        authoring.submit(offer_id=describe(invite, now).pk, by=holder_of(invite), now=now)

    assert waiting("invite_reminder") == 0
    assert not wanted(reminder, now)


def test_a_reminder_is_unwanted_when_the_contact_got_another_address(invite: Invite, now: datetime) -> None:
    reminder = Message.objects.filter(occasion="invite_reminder").first()
    assert reminder is not None
    invite.contact.email = "ny@firma.example"
    invite.contact.save()
    assert not wanted(reminder, now)


def test_a_resent_invitation_has_a_new_address_and_the_old_one_is_worthless(
    invite: Invite, coordinator: Actor, now: datetime
) -> None:
    old = links.token(link_of(invite))
    authoring.resend_invite(invite_id=invite.pk, by=coordinator, now=now)

    with pytest.raises(links.LinkEnded):  # its page offers to mail the new one
        links.find(old, now=now)
    assert links.find(links.token(link_of(invite)), now=now) == link_of(invite)
    assert waiting("invite") == 1
    assert waiting("invite_reminder") == 3


def test_an_invitation_is_resent_three_times_an_hour_and_the_fourth_leaves_everything_as_it_was(
    invite: Invite, coordinator: Actor, now: datetime
) -> None:
    for _ in range(3):
        authoring.resend_invite(invite_id=invite.pk, by=coordinator, now=now)
    newest = links.token(link_of(invite))
    with pytest.raises(Refusal) as refused:
        authoring.resend_invite(invite_id=invite.pk, by=coordinator, now=now)

    assert refused.value.code == "too-often"
    assert links.find(newest, now=now) == link_of(invite)
    assert waiting("invite") == 1


def test_a_withdrawn_invitation_can_be_sent_again(invite: Invite, coordinator: Actor, now: datetime) -> None:
    authoring.revoke_invite(invite_id=invite.pk, by=coordinator, now=now)
    with pytest.raises(links.LinkEnded):
        links.find(links.token(link_of(invite)), now=now)

    again = authoring.resend_invite(invite_id=invite.pk, by=coordinator, now=now)
    assert again.state == Invite.State.SENT
    assert link_of(invite).revoked_at is None


def test_the_mail_of_a_withdrawn_invitation_is_not_sent(invite: Invite, coordinator: Actor, now: datetime) -> None:
    message = Message.objects.get(occasion="invite")
    authoring.revoke_invite(invite_id=invite.pk, by=coordinator, now=now)
    message.refresh_from_db()
    assert message.state == Message.State.WITHDRAWN
    assert not wanted(message, now)


def test_an_unfinished_invitation_expires_with_its_link(invite: Invite, now: datetime) -> None:
    later = now + timedelta(days=31)
    assert publishing.follow_calendar(now=later)["invites_expired"] == 1
    assert publishing.follow_calendar(now=later)["invites_expired"] == 0
    assert Invite.objects.get(pk=invite.pk).state == Invite.State.EXPIRED


# --- Describing --------------------------------------------------------------------------------------------------


def test_the_first_save_makes_the_draft_and_notes_that_the_invitation_was_opened(invite: Invite, now: datetime) -> None:
    offer = describe(invite, now, (2,))
    invite.refresh_from_db()

    assert offer.state == Offer.State.DRAFT
    assert (offer.company_id, offer.contact_id) == (invite.company_id, invite.contact_id)
    assert (invite.offer, invite.state, invite.reached_step, invite.opened_at) == (
        offer,
        Invite.State.STARTED,
        2,
        now,
    )


def test_pressing_begin_opens_the_invitation_once(invite: Invite, now: datetime) -> None:
    authoring.open_invite(invite_id=invite.pk, by=holder_of(invite), now=now)
    authoring.open_invite(invite_id=invite.pk, by=holder_of(invite), now=now + timedelta(hours=1))
    invite.refresh_from_db()
    assert (invite.state, invite.opened_at) == (Invite.State.OPENED, now)


def test_every_step_is_kept_as_it_was_written(invite: Invite, now: datetime) -> None:
    offer = describe(invite, now)
    content = authoring.content_of(offer)
    expected = {name: value for step in range(2, 6) for name, value in STEPS[step].items()}
    expected["education_areas"] = ["eud-teknologi-byggeri", "htx"]

    assert {name: content[name] for name in expected} == expected
    invite.company.refresh_from_db()
    assert (invite.company.about, invite.company.website) == ("Vi smeder.", "https://tangvig.example")


def test_a_described_course_is_made_findable(invite: Invite, now: datetime) -> None:
    offer = describe(invite, now)
    assert "svejs" in offer.words.split()


def test_the_same_step_sent_twice_is_saved_once(invite: Invite, now: datetime) -> None:
    first = describe(invite, now, (2,))
    again = authoring.save_step(invite_id=invite.pk, step=2, content=STEPS[2], version=0, by=holder_of(invite), now=now)
    assert again.version == first.version
    assert Offer.objects.count() == 1


def test_a_stale_version_is_refused_with_what_stands_there_now(invite: Invite, now: datetime) -> None:
    offer = describe(invite, now, (2,))
    authoring.save_step(
        invite_id=invite.pk,
        step=2,
        content={**STEPS[2], "title": "Fra den ene fane"},
        version=offer.version,
        by=holder_of(invite),
        now=now,
    )
    with pytest.raises(ChangedMeanwhile) as refused:
        authoring.save_step(
            invite_id=invite.pk,
            step=2,
            content={**STEPS[2], "title": "Fra den anden fane"},
            version=offer.version,
            by=holder_of(invite),
            now=now,
        )
    assert refused.value.current["title"] == "Fra den ene fane"
    assert refused.value.version == offer.version + 1
    assert Offer.objects.get(pk=offer.pk).title == "Fra den ene fane"


@pytest.mark.parametrize(
    ("step", "content", "code", "field"),
    [
        (2, {"description": "Ring til 010203-1234"}, "cpr-number", "description"),
        (2, {"title": "x" * 81}, "too-long", "title"),
        (2, {"description": "x" * 4001}, "too-long", "description"),
        (2, {"activity_type": "findes-ikke"}, "unknown-word", "activity_type"),
        (2, {"education_areas": ["findes-ikke"]}, "unknown-word", "education_areas"),
        (2, {"illustration": "../../etc"}, "invalid", "illustration"),
        (2, {"state": "published"}, "unknown-field", "state"),
        (2, {"acceptance": "manual"}, "unknown-field", "acceptance"),
        (3, {"grade_from": 9, "grade_to": 7}, "grades-out-of-order", "grade_to"),
        (3, {"grade_from": 11}, "invalid", "grade_from"),
        (5, {"duration_minutes": 0}, "out-of-range", "duration_minutes"),
        (5, {"places": 100_000}, "out-of-range", "places"),
        (5, {"places": True}, "not-a-number", "places"),
        (5, {"places": 10, "min_pupils": 11}, "minimum-above-places", "min_pupils"),
        (5, {"price_ore": -1}, "out-of-range", "price_ore"),
        (5, {"venue": "moon"}, "invalid", "venue"),
        (1, {"website": "http://usikker.example"}, "not-https", "website"),
        (1, {"contact_name": "  "}, "empty", "contact_name"),
        (1, {"email": "anden@firma.example"}, "unknown-field", "email"),
        (6, {}, "no-such-step", None),
    ],
)
def test_a_malformed_value_is_refused_and_nothing_is_written(
    step: int, content: dict[str, Any], code: str, field: str | None, invite: Invite, now: datetime
) -> None:
    with pytest.raises(Refusal) as refused:
        authoring.save_step(invite_id=invite.pk, step=step, content=content, version=0, by=holder_of(invite), now=now)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert Offer.objects.count() == 0


def test_a_minimum_in_pupils_says_nothing_about_places_counted_in_classes(invite: Invite, now: datetime) -> None:
    content = {"places": 1, "min_pupils": 15, "places_counted": "classes"}
    offer = authoring.save_step(invite_id=invite.pk, step=5, content=content, version=0, by=holder_of(invite), now=now)
    assert (offer.places, offer.min_pupils) == (1, 15)


def test_the_holder_of_another_link_reaches_neither_invitation_nor_course(
    invite: Invite, coordinator: Actor, now: datetime
) -> None:
    offer = describe(invite, now)
    other = factories.ContactFactory.create()
    foreign = authoring.invite_company(
        company_id=other.company_id, contact_id=other.pk, greeting="", by=coordinator, now=now
    )
    stranger = holder_of(foreign)

    assert list(authoring.offers_for(stranger)) == []
    assert list(authoring.invites_for(stranger)) == [foreign]
    for attempt in (
        lambda: authoring.open_invite(invite_id=invite.pk, by=stranger, now=now),
        lambda: authoring.save_step(
            invite_id=invite.pk, step=2, content={"title": "Mit"}, version=offer.version, by=stranger, now=now
        ),
        lambda: authoring.submit(offer_id=offer.pk, by=stranger, now=now),
        lambda: publishing.confirm_fresh(offer_id=offer.pk, by=stranger, now=now),
    ):
        with pytest.raises(Refusal) as refused:
            attempt()
        assert refused.value.code == "not-yours"


def test_a_teacher_sees_no_drafts(invite: Invite, now: datetime) -> None:
    describe(invite, now)
    teacher = Actor.of_user(factories.UserFactory.create())
    assert list(authoring.offers_for(teacher)) == []
    assert list(authoring.invites_for(teacher)) == []


def test_only_coordinators_do_the_coordinators_work(invite: Invite, now: datetime) -> None:
    offer = describe(invite, now)
    holder = holder_of(invite)
    contact = invite.contact
    for attempt in (
        lambda: authoring.invite_company(
            company_id=contact.company_id, contact_id=contact.pk, greeting="", by=holder, now=now
        ),
        lambda: authoring.resend_invite(invite_id=invite.pk, by=holder, now=now),
        lambda: authoring.revoke_invite(invite_id=invite.pk, by=holder, now=now),
        lambda: authoring.create_offer(company_id=contact.company_id, content={}, by=holder, now=now),
        lambda: authoring.edit_offer(offer_id=offer.pk, content={}, version=offer.version, by=holder, now=now),
        lambda: authoring.clone_offer(offer_id=offer.pk, by=holder, now=now),
        lambda: publishing.send_back(offer_id=offer.pk, comments=[("", "x")], by=holder, now=now),
        lambda: publishing.publish(offer_id=offer.pk, by=holder, now=now),
        lambda: publishing.reject(offer_id=offer.pk, reason="x", by=holder, now=now),
        lambda: publishing.pause(offer_id=offer.pk, reason="x", by=holder, now=now),
        lambda: publishing.resume(offer_id=offer.pk, by=holder, now=now),
        lambda: publishing.archive(offer_id=offer.pk, by=holder, now=now),
    ):
        with pytest.raises(Refusal) as refused:
            attempt()
        assert refused.value.code in {"coordinators-only", "reviewers-only"}


# --- Sending for review ------------------------------------------------------------------------------------------


def test_a_draft_without_the_mandatory_things_is_refused_with_each_of_them(invite: Invite, now: datetime) -> None:
    offer = describe(invite, now, (2, 4))
    with pytest.raises(Incomplete) as refused:
        authoring.submit(offer_id=offer.pk, by=holder_of(invite), now=now)

    assert [(item.step, item.field) for item in refused.value.missing] == [
        (3, "grade_from"),
        (3, "grade_to"),
        (3, "subjects"),
        (5, "duration_minutes"),
        (5, "places"),
    ]
    assert Offer.objects.get(pk=offer.pk).state == Offer.State.DRAFT
    assert Revision.objects.count() == 0


def test_sending_freezes_a_revision_and_tells_every_coordinator(
    invite: Invite, coordinator: Actor, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    factories.CoordinatorFactory.create(is_active=False)
    offer = describe(invite, now)
    authoring.submit(offer_id=offer.pk, by=holder_of(invite), now=now)
    offer.refresh_from_db()
    invite.refresh_from_db()

    assert (offer.state, offer.submitted_at) == (Offer.State.SUBMITTED, now)
    assert (invite.state, invite.submitted_at, invite.reached_step) == (Invite.State.SUBMITTED, now, 6)
    assert Revision.objects.get(offer=offer).content == authoring.content_of(offer)
    assert waiting("offer_submitted") == 2
    assert Company.objects.get(pk=invite.company_id).state == Company.State.INTERESTED
    letter = mail.render(Message.objects.filter(occasion="offer_submitted")[0], now)
    assert letter.subject.count(offer.title) == 1


def test_sending_twice_changes_nothing_the_second_time(invite: Invite, now: datetime) -> None:
    offer = describe(invite, now)
    authoring.submit(offer_id=offer.pk, by=holder_of(invite), now=now)
    authoring.submit(offer_id=offer.pk, by=holder_of(invite), now=now + timedelta(minutes=1))
    assert Revision.objects.filter(offer=offer).count() == 1
    assert Offer.objects.get(pk=offer.pk).submitted_at == now


def test_what_is_under_review_cannot_be_written_by_the_company(invite: Invite, now: datetime) -> None:
    offer = describe(invite, now)
    authoring.submit(offer_id=offer.pk, by=holder_of(invite), now=now)
    with pytest.raises(Refusal) as refused:
        authoring.save_step(
            invite_id=invite.pk, step=2, content={"title": "Ny"}, version=offer.version, by=holder_of(invite), now=now
        )
    assert refused.value.code == "not-with-the-company"


def test_an_archived_course_cannot_be_sent(invite: Invite, coordinator: Actor, now: datetime) -> None:
    offer = describe(invite, now)
    publishing.archive(offer_id=offer.pk, by=coordinator, now=now)
    with pytest.raises(Refusal) as refused:
        authoring.submit(offer_id=offer.pk, by=coordinator, now=now)
    assert refused.value.code == "not-with-the-company"


def test_sent_back_answered_and_sent_again(invite: Invite, coordinator: Actor, now: datetime) -> None:
    offer = describe(invite, now)
    authoring.submit(offer_id=offer.pk, by=holder_of(invite), now=now)
    publishing.send_back(
        offer_id=offer.pk, comments=[("title", "Kortere, tak."), ("", "Tak!")], by=coordinator, now=now
    )
    invite.refresh_from_db()
    assert invite.state == Invite.State.STARTED
    mail_back = Message.objects.get(occasion="offer_sent_back")
    assert wanted(mail_back, now)

    offer.refresh_from_db()
    authoring.save_step(
        invite_id=invite.pk,
        step=2,
        content={**STEPS[2], "title": "Svejs et bogmærke"},
        version=offer.version,
        by=holder_of(invite),
        now=now,
    )
    authoring.submit(offer_id=offer.pk, by=holder_of(invite), now=now + timedelta(days=1))

    assert list(ReviewComment.objects.values_list("resolved_at", flat=True)) == [now + timedelta(days=1)] * 2
    assert [revision.content["title"] for revision in offer.revisions.order_by("number")] == [
        "Svejs dit eget bogmærke",
        "Svejs et bogmærke",
    ]
    assert not wanted(mail_back, now)
    assert Offer.objects.get(pk=offer.pk).state == Offer.State.SUBMITTED


# --- Written by the coordinator ----------------------------------------------------------------------------------


def test_a_coordinator_writes_a_course_and_copies_it(coordinator: Actor, now: datetime) -> None:
    contact = factories.ContactFactory.create()
    content = {name: value for step in range(2, 6) for name, value in STEPS[step].items()}
    content["jobs"] = ["smed", "lærling"]
    offer = authoring.create_offer(
        company_id=contact.company_id, contact_id=contact.pk, content=content, by=coordinator, now=now
    )
    copy = authoring.clone_offer(offer_id=offer.pk, by=coordinator, now=now)

    said, copied = authoring.content_of(offer), authoring.content_of(copy)
    assert said["jobs"] == "smed, lærling"
    assert copy.state == Offer.State.DRAFT
    assert copy.contact == contact
    assert {**copied, "title": ""} == {**said, "title": ""}
    assert copied["title"] != said["title"]


def test_a_contact_of_another_company_is_refused(coordinator: Actor, now: datetime) -> None:
    company, stranger = factories.CompanyFactory.create(), factories.ContactFactory.create()
    for attempt in (
        lambda: authoring.create_offer(
            company_id=company.pk, contact_id=stranger.pk, content={}, by=coordinator, now=now
        ),
        lambda: authoring.invite_company(
            company_id=company.pk, contact_id=stranger.pk, greeting="", by=coordinator, now=now
        ),
    ):
        with pytest.raises(Refusal) as refused:
            attempt()
        assert refused.value.code == "foreign-contact"


def test_a_contact_who_left_is_not_invited(coordinator: Actor, now: datetime) -> None:
    contact = factories.ContactFactory.create(is_active=False)
    with pytest.raises(Refusal) as refused:
        authoring.invite_company(
            company_id=contact.company_id, contact_id=contact.pk, greeting="", by=coordinator, now=now
        )
    assert refused.value.code == "contact-inactive"


def test_an_edit_of_a_published_course_is_kept_as_a_revision(coordinator: Actor, now: datetime) -> None:
    offer = factories.OfferFactory.create()
    edited = authoring.edit_offer(
        offer_id=offer.pk, content={"title": "Ny titel"}, version=offer.version, by=coordinator, now=now
    )
    assert (edited.title, edited.version) == ("Ny titel", 2)
    assert Revision.objects.get(offer=offer).content["title"] == "Ny titel"


def test_a_published_course_cannot_lose_what_is_mandatory(coordinator: Actor, now: datetime) -> None:
    offer = factories.OfferFactory.create()
    with pytest.raises(Incomplete) as refused:
        authoring.edit_offer(offer_id=offer.pk, content={"purpose": ""}, version=offer.version, by=coordinator, now=now)
    assert [item.field for item in refused.value.missing] == ["purpose"]
    offer.refresh_from_db()
    assert offer.purpose == "Eleverne lærer, hvordan metal formes og samles."


def test_two_coordinators_do_not_overwrite_each_other(coordinator: Actor, now: datetime) -> None:
    offer = factories.OfferFactory.create()
    authoring.edit_offer(offer_id=offer.pk, content={"title": "Den ene"}, version=1, by=coordinator, now=now)
    with pytest.raises(ChangedMeanwhile) as refused:
        authoring.edit_offer(offer_id=offer.pk, content={"title": "Den anden"}, version=1, by=coordinator, now=now)
    assert refused.value.current["title"] == "Den ene"


def test_an_archived_course_is_not_edited(coordinator: Actor, now: datetime) -> None:
    offer = factories.OfferFactory.create(state=Offer.State.ARCHIVED)
    with pytest.raises(Refusal) as refused:
        authoring.edit_offer(offer_id=offer.pk, content={"title": "Ny"}, version=1, by=coordinator, now=now)
    assert refused.value.code == "offer-closed"


def test_an_unknown_course_is_refused_like_a_foreign_one(coordinator: Actor, now: datetime) -> None:
    with pytest.raises(Refusal) as refused:
        authoring.submit(offer_id=uuid4(), by=coordinator, now=now)
    assert refused.value.code == "not-yours"

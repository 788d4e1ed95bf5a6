"""By agreement: a class proposes times, school and host talk, and what they agree on becomes session and enrolment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from offers.domain import approval, cancelling, dialogue, moving, planning, publishing
from offers.domain import enrolment as enrolling
from offers.domain.handover import leave_school
from offers.domain.school import merge_schools
from offers.models import Dialogue, Encounter, Enrolment, Offer, Session
from portal import mail
from portal.domain import links, outbox
from portal.domain import privacy as forgetting
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN, SchoolCalendar
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Message, Municipality, User
from schools.models import Membership, SchoolClass
from tests import factories

State = Dialogue.State


def at(day: int, hour: int, month: int = 10) -> datetime:
    """A day and an hour in the autumn of 2026, on the wall clock."""
    return datetime(2026, month, day, hour, 0, tzinfo=COPENHAGEN)


# Thursday 1 October and Friday 2 October, two hours each.
FIRST = (at(1, 9), at(1, 11))
SECOND = (at(2, 10), at(2, 12))
HOSTS = (at(6, 9), at(6, 11))


@pytest.fixture
def offer(municipality: Municipality) -> Offer:
    made: Offer = factories.OfferFactory.create(
        title="Bag brød med bageren", by_agreement=True, company__name="Fjordby Bageri", contact__name="Bo Bager"
    )
    return made


@pytest.fixture
def role(municipality: Municipality) -> Membership:
    made: Membership = factories.MembershipFactory.create(
        user__name="Lise Lærer", user__email="lise@skole.example", school__name="Havneskolen"
    )
    return made


@pytest.fixture
def school_class(role: Membership) -> SchoolClass:
    made: SchoolClass = factories.SchoolClassFactory.create(school=role.school, letter="B", pupils=22)
    return made


def ask(offer: Offer, school_class: SchoolClass, by: User, now: datetime, **more: Any) -> Dialogue:
    facts = {"times": [FIRST, SECOND], "note": "Vi arbejder med gær.", **more}
    request = dialogue.DialogueRequest(school_class=school_class, adults=2, **facts)
    return dialogue.ask_for_a_time(offer_id=offer.pk, request=request, by=Actor.of_user(by), now=now)


def host_of(offer: Offer, now: datetime) -> Actor:
    assert offer.contact_id is not None
    return Actor.of_link(links.ensure(purpose=Link.Purpose.HOST, reference_id=offer.contact_id, now=now))


def time_of(talk: Dialogue, starts_at: datetime) -> int:
    return talk.times.get(starts_at=starts_at).pk


def mails() -> list[tuple[str, str]]:
    return sorted(Message.objects.exclude(state="withdrawn").values_list("occasion", "recipient_kind"))


def letter(occasion: str, now: datetime) -> Any:
    message = Message.objects.exclude(state="withdrawn").get(occasion=occasion)
    assert outbox.occasions()[occasion].still_wanted(message, now)
    return mail.render(message, now)


def fresh(talk: Dialogue) -> tuple[str, str]:
    row = Dialogue.objects.get(pk=talk.pk)
    return row.state, row.awaits


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as caught:
        work()
    return caught.value.code


def agreed(offer: Offer, school_class: SchoolClass, role: Membership, now: datetime) -> tuple[Session, Enrolment]:
    """A visit that teacher and host have agreed on."""
    talk = ask(offer, school_class, role.user, now)
    dialogue.agree(dialogue_id=talk.pk, time_id=time_of(talk, FIRST[0]), by=host_of(offer, now), now=now)
    visit = Dialogue.objects.get(pk=talk.pk).enrolment
    assert visit is not None
    return visit.session, visit


# --- Asking --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("who", "words_of", "is_named"),
    [("teacher", "teacher", False), ("ambassador", "teacher", True), ("coordinator", "coordinator", True)],
)
def test_a_note_stands_as_the_words_of_whoever_asked_and_the_mail_names_who_asked_for_another(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime, who: str, words_of: str, *, is_named: bool
) -> None:
    ambassador = factories.MembershipFactory.create(school=role.school, role=Membership.Role.AMBASSADOR).user
    people = {"teacher": role.user, "ambassador": ambassador, "coordinator": factories.CoordinatorFactory.create()}

    talk = ask(offer, school_class, people[who], now, teacher=role.user)

    mailed = Message.objects.get(occasion="dialogue_asked")
    assert (talk.teacher, talk.entries.get().side) == (role.user, words_of)
    assert mailed.parameters.get("asked_by") == (str(people[who].pk) if is_named else None)


@pytest.mark.django_db
def test_a_class_asks_with_times_and_a_note_and_the_host_is_told_without_the_teachers_name(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)

    assert fresh(talk) == ("asked", "host")
    assert (talk.pupils, talk.adults, talk.school, talk.teacher) == (22, 2, role.school, role.user)
    assert list(talk.times.values_list("side", "starts_at", "ends_at")) == [("teacher", *FIRST), ("teacher", *SECOND)]
    assert list(talk.entries.values_list("side", "text")) == [("teacher", "Vi arbejder med gær.")]
    assert mails() == [("dialogue_asked", "user"), ("host_dialogue_asked", "contact")]
    told = letter("host_dialogue_asked", now)
    assert told.subject == "Forespørgsel om et besøg: 7.B, Bag brød med bageren"
    assert told.reply_to == ["aabenskole@fjordby.example"]
    text = " ".join(told.body.split())
    assert "torsdag 1. oktober 2026 kl. 9.00–11.00" in text
    assert "7.B, Havneskolen" in text
    assert "Vi arbejder med gær." in text
    assert "Lise" not in told.body
    assert "lise@skole.example" not in told.body
    assert offer.contact is not None
    assert offer.contact.email not in letter("dialogue_asked", now).body


@pytest.mark.django_db
def test_the_same_form_and_the_same_class_get_the_request_that_there_is(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    token = uuid4()
    first = ask(offer, school_class, role.user, now, form_token=token)

    assert ask(offer, school_class, role.user, now, form_token=token) == first
    assert ask(offer, school_class, role.user, now) == first
    assert Dialogue.objects.count() == 1
    assert mails() == [("dialogue_asked", "user"), ("host_dialogue_asked", "contact")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("times", "code"),
    [
        ([], "no-time"),
        ([(at(1, 9, month=9), at(1, 11, month=9))], "time"),
        ([(at(3, 9), at(3, 11))], "time"),
        ([(at(14, 9), at(14, 11))], "time"),
        ([(at(1, 11), at(1, 9))], "time"),
        ([FIRST, FIRST], "same-time"),
        ([FIRST, SECOND, HOSTS, (at(7, 9), at(7, 10))], "too-many-times"),
        ([(datetime(2027, 8, 17, 9, tzinfo=COPENHAGEN), datetime(2027, 8, 17, 10, tzinfo=COPENHAGEN))], "time"),
    ],
    ids=["none", "past", "saturday", "autumn holiday", "backwards", "twice", "four", "next school year"],
)
def test_times_that_cannot_be_are_refused(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime, times: Any, code: str
) -> None:
    assert refused(lambda: ask(offer, school_class, role.user, now, times=times)) == code


@pytest.mark.django_db
def test_from_april_on_times_in_the_next_school_year_may_be_proposed() -> None:
    last = dialogue.last_day

    assert last(at(8, 10, month=9)).isoformat() == "2027-07-31"
    assert last(datetime(2027, 3, 31, 10, tzinfo=COPENHAGEN)).isoformat() == "2027-07-31"
    assert last(datetime(2027, 4, 1, 10, tzinfo=COPENHAGEN)).isoformat() == "2028-07-31"
    assert last(datetime(2027, 8, 1, 10, tzinfo=COPENHAGEN)).isoformat() == "2028-07-31"


@pytest.mark.django_db
def test_only_courses_by_agreement_that_are_published_are_asked_for(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    stranger = factories.MembershipFactory.create()
    assert refused(lambda: ask(offer, school_class, stranger.user, now)) == "not-your-school"

    Offer.objects.filter(pk=offer.pk).update(by_agreement=False)

    assert refused(lambda: ask(offer, school_class, role.user, now)) == "not-by-agreement"


@pytest.mark.django_db
def test_where_the_host_has_nobody_to_write_to_the_coordinators_are_asked(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    offer.company.contacts.update(is_active=False)

    talk = ask(offer, school_class, role.user, now)

    assert fresh(talk) == ("asked", "coordinator")
    assert mails() == [("coordinator_dialogue_asked", "user"), ("dialogue_asked", "user")]
    assert "ringet" in letter("coordinator_dialogue_asked", now).body


# --- Talking and agreeing ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_host_says_yes_and_the_class_has_a_confirmed_visit_that_is_its_own_alone(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)

    dialogue.agree(dialogue_id=talk.pk, time_id=time_of(talk, SECOND[0]), by=host_of(offer, now), now=now)

    talk.refresh_from_db()
    enrolment = talk.enrolment
    assert enrolment is not None
    session = enrolment.session
    assert (talk.state, enrolment.status, enrolment.pupils, enrolment.places) == ("agreed", "confirmed", 22, 22)
    assert (session.starts_at, session.ends_at, session.places, session.places_taken) == (*SECOND, 22, 22)
    assert list(session.meetings.values_list("number", "starts_at", "ends_at")) == [(1, *SECOND)]
    assert not Session.objects.bookable(now).exists()
    assert mails() == [
        ("dialogue_agreed", "user"),
        ("dialogue_asked", "user"),
        ("host_dialogue_agreed", "contact"),
    ]
    to_teacher, to_host = letter("dialogue_agreed", now), letter("host_dialogue_agreed", now)
    assert to_teacher.subject == "Aftalt: 7.B, 2. oktober 2026, Fjordby Bageri"
    assert [one[0] for one in to_teacher.attachments] == ["7b-2026-10-02.ics"]
    assert [one[0] for one in to_host.attachments] == ["bag-broed-med-bageren-2026-10-02.ics"]
    assert "lise@skole.example" in to_host.body
    assert not Encounter.objects.exists()
    assert sorted(AuditEntry.objects.values_list("action", flat=True)) == [
        "dialogue-agreed",
        "dialogue-asked",
        "enrolment-confirmed",
        "session-planned",
    ]


@pytest.mark.django_db
def test_a_host_says_yes_within_the_notice_and_where_the_municipality_plans_all_other_dates(
    offer: Offer, role: Membership, school_class: SchoolClass, municipality: Municipality, now: datetime
) -> None:
    municipality.hosts_add_dates = False
    municipality.save()
    soon = (at(15, 9, month=9), at(15, 11, month=9))  # five school days ahead; hosts add dates ten ahead
    talk = ask(offer, school_class, role.user, now, times=[soon])

    dialogue.agree(dialogue_id=talk.pk, time_id=time_of(talk, soon[0]), by=host_of(offer, now), now=now)

    assert fresh(talk)[0] == "agreed"
    assert Enrolment.objects.get().status == "confirmed"
    terms = planning.host_terms(offer, SchoolCalendar.load(), now)
    assert (terms.coming, terms.empty) == (0, 0)


@pytest.mark.django_db
def test_the_host_proposes_other_times_and_the_teacher_says_yes(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    host, teacher = host_of(offer, now), Actor.of_user(role.user)

    dialogue.reply(dialogue_id=talk.pk, times=[HOSTS], text="Ovnen er i stykker til og med fredag.", by=host, now=now)

    assert fresh(talk) == ("in_talk", "teacher")
    assert mails() == [("dialogue_answer", "user"), ("dialogue_asked", "user")]
    told = letter("dialogue_answer", now)
    assert told.subject == "Svar fra værten: 7.B, Bag brød med bageren"
    assert "Ovnen er i stykker til og med fredag." in told.body
    assert "tirsdag 6. oktober 2026 kl. 9.00–11.00" in " ".join(told.body.split())
    assert refused(
        lambda: dialogue.agree(dialogue_id=talk.pk, time_id=time_of(talk, FIRST[0]), by=teacher, now=now)
    ) == ("own-time")

    agreed = dialogue.agree(dialogue_id=talk.pk, time_id=time_of(talk, HOSTS[0]), by=teacher, now=now)

    assert agreed.enrolment is not None
    assert (fresh(talk)[0], agreed.enrolment.session.starts_at) == ("agreed", HOSTS[0])


@pytest.mark.django_db
def test_new_times_replace_the_same_sides_earlier_ones_and_the_same_again_changes_nothing(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    teacher = Actor.of_user(role.user)

    for _twice in range(2):
        dialogue.reply(dialogue_id=talk.pk, times=[SECOND, HOSTS], by=teacher, now=now)

    assert fresh(talk) == ("asked", "host")
    assert list(talk.times.values_list("starts_at", "is_withdrawn")) == [
        (FIRST[0], True),
        (SECOND[0], False),
        (HOSTS[0], False),
    ]
    assert mails() == [("dialogue_asked", "user"), ("host_dialogue_answer", "contact")]
    gone = time_of(talk, FIRST[0])
    assert (
        refused(lambda: dialogue.agree(dialogue_id=talk.pk, time_id=gone, by=host_of(offer, now), now=now))
        == "taken-back"
    )


@pytest.mark.django_db
def test_not_now_needs_a_reason_which_the_teacher_reads(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk, host = ask(offer, school_class, role.user, now), host_of(offer, now)
    assert refused(lambda: dialogue.say_not_now(dialogue_id=talk.pk, reason=" ", by=host, now=now)) == "reason"
    teacher = Actor.of_user(role.user)
    assert refused(lambda: dialogue.say_not_now(dialogue_id=talk.pk, reason="Nej", by=teacher, now=now)) == "not-yours"

    for _twice in range(2):
        dialogue.say_not_now(dialogue_id=talk.pk, reason="Vi flytter.", by=host, now=now)

    assert fresh(talk)[0] == "not_now"
    assert mails() == [("dialogue_asked", "user"), ("dialogue_not_now", "user")]
    assert "Vi flytter." in letter("dialogue_not_now", now).body
    assert refused(lambda: dialogue.reply(dialogue_id=talk.pk, text="Øv", by=teacher, now=now)) == "ended"
    # Asked again, it is a new request.
    assert ask(offer, school_class, role.user, now) != talk


@pytest.mark.django_db
def test_the_school_takes_the_request_back_and_the_host_is_told(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    assert refused(lambda: dialogue.withdraw(dialogue_id=talk.pk, by=host_of(offer, now), now=now)) == "not-yours"
    ambassador = factories.MembershipFactory.create(school=role.school, role=Membership.Role.AMBASSADOR)

    for _twice in range(2):
        dialogue.withdraw(
            dialogue_id=talk.pk, reason="Vi tager på lejrskole.", by=Actor.of_user(ambassador.user), now=now
        )

    assert fresh(talk)[0] == "withdrawn"
    assert mails() == [
        ("dialogue_asked", "user"),
        ("dialogue_withdrawn", "user"),
        ("host_dialogue_withdrawn", "contact"),
    ]
    assert "Vi tager på lejrskole." in letter("host_dialogue_withdrawn", now).body


@pytest.mark.django_db
def test_who_takes_the_own_request_back_gets_no_mail_about_it(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)

    dialogue.withdraw(dialogue_id=talk.pk, by=Actor.of_user(role.user), now=now)

    assert mails() == [("dialogue_asked", "user"), ("host_dialogue_withdrawn", "contact")]


@pytest.mark.django_db
def test_strangers_take_no_part(offer: Offer, role: Membership, school_class: SchoolClass, now: datetime) -> None:
    talk = ask(offer, school_class, role.user, now)
    time_id = time_of(talk, FIRST[0])
    colleague = Actor.of_user(factories.MembershipFactory.create(school=role.school).user)
    other_host = host_of(factories.OfferFactory.create(), now)

    for stranger in (colleague, other_host):
        for work in (
            lambda who=stranger: dialogue.reply(dialogue_id=talk.pk, text="Hej", by=who, now=now),
            lambda who=stranger: dialogue.agree(dialogue_id=talk.pk, time_id=time_id, by=who, now=now),
            lambda who=stranger: dialogue.say_not_now(dialogue_id=talk.pk, reason="Nej", by=who, now=now),
            lambda who=stranger: dialogue.withdraw(dialogue_id=talk.pk, by=who, now=now),
        ):
            assert refused(work) == "not-yours"


@pytest.mark.django_db
def test_a_coordinator_answers_for_whoever_telephoned_and_the_log_says_so(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    coordinator = factories.CoordinatorFactory.create()
    by, talk = Actor.of_user(coordinator), ask(offer, school_class, role.user, now)
    assert refused(lambda: dialogue.reply(dialogue_id=talk.pk, times=[HOSTS], by=by, now=now)) == "on-behalf"

    dialogue.reply(dialogue_id=talk.pk, text="Jeg ringer til bageren i morgen.", by=by, now=now)
    assert fresh(talk) == ("asked", "host")
    assert mails() == [("dialogue_answer", "user"), ("dialogue_asked", "user"), ("host_dialogue_answer", "contact")]

    dialogue.reply(dialogue_id=talk.pk, times=[HOSTS], on_behalf="host", by=by, now=now)
    assert fresh(talk) == ("in_talk", "teacher")

    dialogue.agree(dialogue_id=talk.pk, time_id=time_of(talk, HOSTS[0]), by=by, now=now)
    assert fresh(talk)[0] == "agreed"
    said = AuditEntry.objects.filter(object_type="offers.dialogue").exclude(action="dialogue-asked")
    assert set(said.values_list("actor_id", flat=True)) == {str(coordinator.pk)}
    assert list(talk.entries.values_list("side", flat=True)) == ["teacher", "coordinator"]


# --- The school's leader -------------------------------------------------------------------------------------------


@pytest.fixture
def leader(role: Membership) -> User:
    role.school.leader_approves = True
    role.school.save(update_fields=["leader_approves"])
    made: User = factories.MembershipFactory.create(school=role.school, role=Membership.Role.LEADER).user
    return made


def agreed_with_host(offer: Offer, school_class: SchoolClass, teacher: User, now: datetime) -> Enrolment:
    talk = ask(offer, school_class, teacher, now)
    done = dialogue.agree(dialogue_id=talk.pk, time_id=time_of(talk, FIRST[0]), by=host_of(offer, now), now=now)
    assert done.enrolment is not None
    return done.enrolment


@pytest.mark.django_db
def test_what_was_agreed_waits_for_the_leader_and_is_then_confirmed_without_asking_the_host_again(
    offer: Offer, role: Membership, school_class: SchoolClass, leader: User, now: datetime
) -> None:
    Offer.objects.filter(pk=offer.pk).update(acceptance=Offer.Acceptance.MANUAL)
    enrolment = agreed_with_host(offer, school_class, role.user, now)
    assert (enrolment.status, enrolment.leader_answer) == ("pending", "awaited")
    assert [one for one in mails() if one[0] != "dialogue_asked"] == [
        ("enrolment_pending", "user"),
        ("host_dialogue_awaits_leader", "contact"),
        ("leader_request", "user"),
    ]
    assert "lise@skole.example" not in letter("host_dialogue_awaits_leader", now).body

    approval.answer_for_school(enrolment_id=enrolment.pk, approve=True, by=Actor.of_user(leader), now=now)

    enrolment.refresh_from_db()
    assert enrolment.status == "confirmed"
    told = letter("host_dialogue_agreed", now)
    assert "lise@skole.example" in told.body
    assert len(told.attachments) == 1


@pytest.mark.django_db
def test_when_the_host_agrees_to_a_leaders_own_request_no_leader_is_asked(
    offer: Offer, school_class: SchoolClass, leader: User, now: datetime
) -> None:
    enrolment = agreed_with_host(offer, school_class, leader, now)

    assert (enrolment.status, enrolment.leader_answer) == ("confirmed", "not_needed")


@pytest.mark.django_db
def test_when_the_leader_says_no_the_host_need_not_keep_the_time(
    offer: Offer, role: Membership, school_class: SchoolClass, leader: User, now: datetime
) -> None:
    enrolment = agreed_with_host(offer, school_class, role.user, now)

    approval.answer_for_school(
        enrolment_id=enrolment.pk, approve=False, reason="Ikke i år.", by=Actor.of_user(leader), now=now
    )

    told = letter("host_dialogue_came_to_nothing", now)
    assert "har ikke godkendt besøget" in " ".join(told.body.split())
    assert "Ikke i år." not in told.body


# --- Following up --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_whose_turn_it_is_is_reminded_twice_and_then_it_is_closed_as_no_answer(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    talk = ask(offer, school_class, role.user, now)
    # Tuesday 8 September and five school days: Tuesday the 15th, at eight.
    assert talk.nudge_at == datetime(2026, 9, 15, 8, tzinfo=COPENHAGEN)
    assert dialogue.follow_up(datetime(2026, 9, 15, 7, 59, tzinfo=COPENHAGEN)) == 0

    for day in (15, 22):
        moment = datetime(2026, 9, day, 8, tzinfo=COPENHAGEN)
        assert dialogue.follow_up(moment) == 1
        assert dialogue.follow_up(moment) == 0
        assert fresh(talk)[0] == "asked"
    assert dialogue.follow_up(datetime(2026, 9, 29, 8, tzinfo=COPENHAGEN)) == 1

    assert fresh(talk)[0] == "no_answer"
    assert Message.objects.filter(occasion="host_dialogue_nudge").count() == 2
    assert [one for one in mails() if "no_answer" in one[0]] == [
        ("coordinator_dialogue_no_answer", "user"),
        ("dialogue_no_answer", "user"),
    ]
    after = datetime(2026, 9, 29, 9, tzinfo=COPENHAGEN)
    assert "Fjordby Bageri har ikke svaret" in " ".join(letter("dialogue_no_answer", after).body.split())
    assert not Encounter.objects.exists()


@pytest.mark.django_db
def test_when_the_course_is_archived_the_talk_ends_and_teacher_and_host_are_told_why(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)

    publishing.archive(offer_id=offer.pk, by=Actor.job("test"), now=now)

    assert fresh(talk) == ("not_now", "host")
    assert "Forløbet udbydes ikke længere." in letter("dialogue_not_now", now).body
    told = " ".join(letter("host_dialogue_closed", now).body.split())
    assert "Dit forløb udbydes ikke længere, så forespørgslen er lukket. Læreren har fået besked." in told
    assert ("host_dialogue_asked", "contact") not in mails()


@pytest.mark.django_db
def test_when_the_course_expires_the_talk_ends_and_the_teacher_is_told(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    Offer.objects.filter(pk=offer.pk).update(last_confirmed_at=now - timedelta(days=400))

    assert publishing.follow_calendar(now=now)["expired"] == 1

    assert fresh(talk) == ("not_now", "host")
    assert ("dialogue_not_now", "user") in mails()


@pytest.mark.django_db
def test_while_the_course_is_paused_nobody_is_reminded_and_afterwards_the_days_count_anew(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    publishing.pause(offer_id=offer.pk, reason="Ombygning", by=Actor.job("test"), now=now)
    later = now + timedelta(days=21)

    assert dialogue.follow_up(later) == 0

    publishing.resume(offer_id=offer.pk, by=Actor.job("test"), now=later)
    assert dialogue.follow_up(later) == 0
    assert dialogue.follow_up(later + timedelta(days=30)) == 1
    assert fresh(talk) == ("asked", "host")


@pytest.mark.django_db
def test_who_leaves_the_school_hands_the_talk_to_a_colleague_and_no_longer_speaks_for_the_class(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    colleague = factories.MembershipFactory.create(school=role.school).user

    leave_school(
        user_id=role.user.pk, school_id=role.school.pk, colleague_id=colleague.pk, by=Actor.job("test"), now=now
    )

    talk = Dialogue.objects.get(pk=talk.pk)
    assert (talk.state, talk.teacher) == ("asked", colleague)
    assert dialogue.speaks_for_school(talk, colleague)
    assert not dialogue.speaks_for_school(talk, role.user)
    told = letter("dialogue_handed_over", now)
    assert told.to == [colleague.email]
    assert "7.B har spurgt Fjordby Bageri om et besøg, og du er nu kontaktlærer." in " ".join(told.body.split())


@pytest.mark.django_db
def test_a_contact_teacher_without_a_role_at_the_school_does_not_speak_for_the_class(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    Membership.objects.filter(pk=role.pk).update(ended_on=now.date() - timedelta(days=1))

    by = Actor.of_user(role.user)
    assert refused(lambda: dialogue.reply(dialogue_id=talk.pk, text="Hej", by=by, now=now)) == "not-yours"


@pytest.mark.django_db
def test_when_the_teacher_leaves_without_a_colleague_the_request_is_taken_back_and_the_host_is_told(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)

    leave_school(user_id=role.user.pk, school_id=role.school.pk, by=Actor.job("test"), now=now)

    assert fresh(talk)[0] == "withdrawn"
    assert mails() == [("host_dialogue_withdrawn", "contact")]


@pytest.mark.django_db
def test_a_class_that_has_its_dates_neither_asks_for_another_nor_agrees_on_one(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    Offer.objects.filter(pk=offer.pk).update(most_per_class=1)
    offer.refresh_from_db()
    had = factories.SessionFactory.create(offer=offer, starts_at=at(3, 9, 11), ends_at=at(3, 11, 11))
    factories.EnrolmentFactory.create(session=had, school_class=school_class, school=role.school, teacher=role.user)
    second = time_of(talk, SECOND[0])

    by_host = refused(lambda: dialogue.agree(dialogue_id=talk.pk, time_id=second, by=host_of(offer, now), now=now))
    assert (by_host, fresh(talk)) == ("limit-of-course", ("asked", "host"))
    dialogue.withdraw(dialogue_id=talk.pk, by=Actor.of_user(role.user), now=now)
    assert refused(lambda: ask(offer, school_class, role.user, now)) == "limit-of-course"


@pytest.mark.django_db
def test_one_pupil_more_comes_to_an_agreed_visit_as_long_as_the_course_takes_so_many(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    assert offer.places == 28
    talk = ask(offer, school_class, role.user, now)
    dialogue.agree(dialogue_id=talk.pk, time_id=time_of(talk, SECOND[0]), by=host_of(offer, now), now=now)
    talk.refresh_from_db()
    assert talk.enrolment is not None
    mine: dict[str, Any] = {"enrolment_id": talk.enrolment.pk, "adults": 2, "by": Actor.of_user(role.user), "now": now}

    changed = enrolling.change_numbers(pupils=23, **mine)

    session = Session.objects.get(pk=changed.session_id)
    assert (changed.pupils, session.places, session.places_taken) == (23, 23, 23)
    assert refused(lambda: enrolling.change_numbers(pupils=29, **mine)) == "too-many"


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["school", "desk", "leader", "nobody"])
def test_when_the_class_of_an_agreed_visit_does_not_come_its_date_is_closed_with_it(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime, how: str
) -> None:
    leader = None
    if how in {"leader", "nobody"}:
        role.school.leader_approves = True
        role.school.save()
        leader = factories.MembershipFactory.create(school=role.school, role=Membership.Role.LEADER).user
    session, visit = agreed(offer, school_class, role, now)

    if how == "leader":
        assert leader is not None
        by = Actor.of_user(leader)
        approval.answer_for_school(enrolment_id=visit.pk, approve=False, reason="Nej.", by=by, now=now)
    elif how == "nobody":
        assert enrolling.expire_requests(now + timedelta(days=10)) == 1
    else:
        by = Actor.of_user(role.user) if how == "school" else Actor.job("desk")
        enrolling.cancel_enrolment(enrolment_id=visit.pk, by=by, now=now)

    session.refresh_from_db()
    assert (session.state, session.places_taken, session.meetings.get().state) == ("cancelled", 0, "cancelled")
    assert session.cancel_reason == "Besøget var aftalt med én klasse, og klassen kommer ikke."
    assert not planning.few_enrolled(now, within=timedelta(days=60)).exists()
    told = set(Message.objects.exclude(state="withdrawn").values_list("occasion", flat=True))
    assert "host_session_cancelled" not in told  # the mail that the class does not come says enough
    assert ({"host_cancelled_enrolment", "host_dialogue_came_to_nothing"} & told) != set()


@pytest.mark.django_db
def test_undoing_within_a_quarter_of_an_hour_opens_the_agreed_date_again(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    session, visit = agreed(offer, school_class, role, now)
    by = Actor.of_user(role.user)
    enrolling.cancel_enrolment(enrolment_id=visit.pk, by=by, now=now)

    cancelling.undo_cancellation(enrolment_id=visit.pk, by=by, now=now + timedelta(minutes=10))

    session.refresh_from_db()
    visit.refresh_from_db()
    assert (visit.status, session.state, session.cancel_reason) == ("confirmed", "open", "")
    assert (session.places_taken, session.meetings.get().state, session.sequence) == (22, "planned", 2)
    trail = AuditEntry.objects.filter(object_id=str(session.pk)).order_by("id").values_list("action", flat=True)
    assert list(trail) == ["session-planned", "session-closed-without-class", "session-opened-again"]


@pytest.mark.django_db
def test_a_host_who_heard_that_an_agreed_visit_came_to_nothing_hears_that_it_stands_again_and_of_a_later_no(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    role.school.leader_approves = True
    role.school.save()
    leader = factories.MembershipFactory.create(school=role.school, role=Membership.Role.LEADER).user
    _session, visit = agreed(offer, school_class, role, now)
    minute, by = timedelta(minutes=1), Actor.of_user(role.user)
    about = Message.objects.filter(reference_id=visit.pk, recipient_kind="contact").order_by("created_at")

    enrolling.cancel_enrolment(enrolment_id=visit.pk, by=by, now=now)
    cancelling.undo_cancellation(enrolment_id=visit.pk, by=by, now=now + minute)
    assert list(about.exclude(state="withdrawn")) == []  # nothing had left, so there is nothing to take back
    enrolling.cancel_enrolment(enrolment_id=visit.pk, by=by, now=now + 2 * minute)
    about.filter(state="queued").update(state="sent", sent_at=now + 2 * minute)
    cancelling.undo_cancellation(enrolment_id=visit.pk, by=by, now=now + 3 * minute)
    later, head = now + timedelta(days=1), Actor.of_user(leader)
    approval.answer_for_school(enrolment_id=visit.pk, approve=False, reason="Nej.", by=head, now=later)

    told = list(about.values_list("occasion", "state"))
    assert told == [
        ("host_dialogue_came_to_nothing", "withdrawn"),
        ("host_dialogue_came_to_nothing", "sent"),
        ("host_restored_enrolment", "withdrawn"),  # it had not left when the leader said no
        ("host_dialogue_came_to_nothing", "queued"),
    ]


@pytest.mark.django_db
def test_an_agreed_date_that_its_class_cannot_come_to_after_a_move_is_closed(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    session, visit = agreed(offer, school_class, role, now)
    spans = moving.shifted(session, 5)
    moving.propose_move(session_id=session.pk, starts=spans, reason="Ovnen.", by=Actor.job("desk"), now=now)
    moving.answer_move(enrolment_id=visit.pk, stay=False, by=Actor.of_user(role.user), now=now)

    session.refresh_from_db()
    visit.refresh_from_db()
    assert (visit.status, session.state, session.places_taken) == ("cancelled_by_host", "cancelled", 0)
    told = letter("host_session_cancelled", now)
    assert "Besøget herunder bliver ikke til noget." in told.body
    assert "ingen klasse var tilmeldt" not in told.body.lower()


@pytest.mark.django_db
def test_an_agreed_date_that_another_class_waits_for_stays_and_is_offered_to_it(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    session, visit = agreed(offer, school_class, role, now)
    waiting = factories.EnrolmentFactory.create(
        session=session, status=Enrolment.Status.WAITLISTED, waiting_since=now, places=20
    )

    enrolling.cancel_enrolment(enrolment_id=visit.pk, by=Actor.of_user(role.user), now=now)

    session.refresh_from_db()
    waiting.refresh_from_db()
    assert (waiting.status, session.state, session.places_taken) == ("offered", "open", 20)


@pytest.mark.django_db
def test_a_date_that_was_called_off_after_its_class_left_does_not_open_again(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    session, visit = agreed(offer, school_class, role, now)
    mine = Actor.of_user(role.user)
    enrolling.cancel_enrolment(enrolment_id=visit.pk, by=mine, now=now)
    visit.refresh_from_db()
    assert cancelling.undo_until(visit, now) is not None

    planning.cancel_session(session_id=session.pk, reason="Ovnen er i stykker.", by=host_of(offer, now), now=now)

    visit = Enrolment.objects.select_related("session").get(pk=visit.pk)
    assert cancelling.undo_until(visit, now) is None
    assert refused(lambda: cancelling.undo_cancellation(enrolment_id=visit.pk, by=mine, now=now)) != ""
    session.refresh_from_db()
    assert session.state == "cancelled"


@pytest.mark.django_db
def test_any_other_date_stays_open_when_its_last_class_leaves(municipality: Municipality, now: datetime) -> None:
    one = factories.EnrolmentFactory.create()
    Session.objects.filter(pk=one.session_id).update(places_taken=one.places)
    enrolling.cancel_enrolment(enrolment_id=one.pk, by=Actor.job("desk"), now=now)

    assert Session.objects.get(pk=one.session_id).state == "open"


@pytest.mark.django_db
def test_an_answer_begins_the_reminders_anew_for_the_other_side(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    later = datetime(2026, 9, 15, 8, tzinfo=COPENHAGEN)
    dialogue.follow_up(later)

    dialogue.reply(dialogue_id=talk.pk, times=[HOSTS], by=host_of(offer, now), now=later)

    talk.refresh_from_db()
    assert (talk.nudges, talk.nudge_at) == (0, datetime(2026, 9, 22, 8, tzinfo=COPENHAGEN))
    dialogue.follow_up(datetime(2026, 9, 22, 8, tzinfo=COPENHAGEN))
    assert "venter på dig" in letter("dialogue_nudge", datetime(2026, 9, 22, 9, tzinfo=COPENHAGEN)).body


@pytest.mark.django_db
def test_a_mail_about_whose_turn_it_is_is_not_sent_once_it_is_untrue(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    asked = Message.objects.get(occasion="host_dialogue_asked")

    Dialogue.objects.filter(pk=talk.pk).update(awaits="teacher")

    assert not outbox.occasions()["host_dialogue_asked"].still_wanted(asked, now)


@pytest.mark.django_db
def test_when_the_teacher_is_erased_the_request_is_taken_back_and_the_host_is_told(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    coordinator = factories.AdministratorFactory.create()
    role.user.memberships.update(ended_on=now.date())

    forgetting.erase_person(kind="user", subject_id=role.user.pk, by=Actor.of_user(coordinator), now=now)

    talk.refresh_from_db()
    assert (talk.state, talk.teacher) == ("withdrawn", None)
    assert ("host_dialogue_withdrawn", "contact") in mails()
    assert "Vi arbejder med gær." not in letter("host_dialogue_withdrawn", now).body


@pytest.mark.django_db
def test_a_talk_goes_along_when_the_school_merges_into_another(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk, target = ask(offer, school_class, role.user, now), factories.SchoolFactory.create()
    by = Actor.of_user(factories.CoordinatorFactory.create())

    merge_schools(school_id=role.school.pk, into_id=target.pk, by=by, now=now)

    talk.refresh_from_db()
    assert talk.school == target


# --- At the same moment --------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("committing")
def test_of_two_who_agree_on_different_times_at_the_same_moment_one_wins_and_the_other_is_told(now: datetime) -> None:
    factories.MunicipalityFactory.create()
    offer = factories.OfferFactory.create(by_agreement=True)
    role = factories.MembershipFactory.create()
    talk = ask(offer, factories.SchoolClassFactory.create(school=role.school), role.user, now)
    host, teacher = host_of(offer, now), Actor.of_user(role.user)
    dialogue.reply(dialogue_id=talk.pk, times=[HOSTS], by=host, now=now)
    works = [(time_of(talk, FIRST[0]), host), (time_of(talk, HOSTS[0]), teacher)] * 2

    def agree(work: tuple[int, Actor]) -> str:
        try:
            dialogue.agree(dialogue_id=talk.pk, time_id=work[0], by=work[1], now=now)
        except Refusal as refusal:
            return refusal.code
        finally:
            connection.close()
        return "agreed on it"

    with ThreadPoolExecutor(max_workers=4) as people:
        outcome = sorted(people.map(agree, works))

    # Each presses twice: who won gets the same answer again, who lost is told twice what was agreed.
    assert outcome == ["agreed", "agreed", "agreed on it", "agreed on it"]
    assert (Session.objects.count(), Enrolment.objects.count()) == (1, 1)
    assert Message.objects.filter(occasion="dialogue_agreed").count() == 1
    # Negative control: without the row lock in dialogue._locked there are two sessions, one of them nobody's.


# --- Pages ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def on_the_day(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        yield


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def by_link(offer: Offer, now: datetime) -> Client:
    client = Client()
    assert offer.contact_id is not None
    link = links.ensure(purpose=Link.Purpose.HOST, reference_id=offer.contact_id, now=now)
    client.post(f"/l/{links.token(link)}/")
    return client


def typed(school_class: SchoolClass, **more: str) -> dict[str, str]:
    facts = {"school_class": str(school_class.pk), "adults": "2", "form_token": str(uuid4())}
    return {**facts, "day_1": "2026-10-01", "begins_1": "09:00", "note": "vi bager brød", **more}


@pytest.mark.django_db
@pytest.mark.usefixtures("on_the_day")
def test_teacher_and_host_find_a_time_by_their_pages(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    teacher, host = signed_in(role.user), by_link(offer, now)
    page = teacher.get(reverse("offer", args=[offer.pk, offer.slug])).content.decode()
    assert reverse("dialogue-ask", args=[offer.pk]) in page
    assert "Efter aftale" in page

    answer = teacher.post(reverse("dialogue-ask", args=[offer.pk]), typed(school_class))
    talk = Dialogue.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("dialogue", args=[talk.pk]))
    # The end was left empty: as long as the course lasts.
    assert list(talk.times.values_list("starts_at", "ends_at")) == [FIRST]

    overview = host.get(reverse("link-host", args=[offer.contact_id])).content.decode()
    assert reverse("host-dialogue", args=[offer.contact_id, talk.pk]) in overview
    seen = host.get(reverse("host-dialogue", args=[offer.contact_id, talk.pk])).content.decode()
    assert "7.B, Havneskolen" in seen
    assert "Lise" not in seen
    assert "lise@skole.example" not in seen

    host.post(
        reverse("host-dialogue-reply", args=[offer.contact_id, talk.pk]),
        {"day_1": "2026-10-06", "begins_1": "09:00", "ends_1": "11:30", "text": "Hellere tirsdag."},
    )
    mine = teacher.get(reverse("my-enrolments")).content.decode()
    assert "det er din tur" in mine
    page = teacher.get(reverse("dialogue", args=[talk.pk])).content.decode()
    assert "Hellere tirsdag." in page
    assert offer.contact is not None
    assert offer.contact.email not in page

    accept = reverse("dialogue-accept", args=[talk.pk, time_of(talk, HOSTS[0])])
    assert "tirsdag 6. oktober 2026" in teacher.get(accept).content.decode()
    assert Dialogue.objects.get().state == "in_talk"
    teacher.post(accept)
    assert Dialogue.objects.get().state == "agreed"
    page = teacher.get(reverse("dialogue", args=[talk.pk])).content.decode()
    assert offer.contact.email in page
    seen = host.get(reverse("host-dialogue", args=[offer.contact_id, talk.pk])).content.decode()
    assert "lise@skole.example" in seen
    # The visit is the class's alone: it stands on no page where one enrols.
    enrolment = Enrolment.objects.get()
    assert str(enrolment.session_id) not in teacher.get(reverse("offer", args=[offer.pk, offer.slug])).content.decode()
    assert not Session.objects.bookable(now).exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("on_the_day")
@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"day_1": ""}, "day_1", "Vælg en dag."),
        ({"begins_1": ""}, "begins_1", "Skriv, hvornår det begynder"),
        ({"day_1": "2026-10-03"}, "day_1", "Der er ikke skole lørdag 3. oktober 2026"),
        ({"day_1": "2026-09-01"}, "day_1", "er passeret"),
        ({"ends_1": "08:00"}, "ends_1", "sluttidspunktet"),
        ({"day_2": "2026-10-02"}, "begins_2", "Skriv, hvornår det begynder"),
        ({"begins_2": "10:00"}, "day_2", "Vælg en dag."),
        ({"day_2": "2026-10-01", "begins_2": "09:00"}, "day_2", "To af tiderne er ens."),
        ({"pupils": "61"}, "pupils", "1 og 60"),
        ({"adults": ""}, "adults", "voksne"),
        ({"note": "Ring til 010203-1234"}, "note", "CPR"),
        ({"note": "Vi har en elev med ADHD"}, "note", "ADHD"),
    ],
)
def test_bad_input_is_said_at_its_field_and_what_was_typed_is_kept(
    offer: Offer, role: Membership, school_class: SchoolClass, more: dict[str, str], field: str, words: str
) -> None:
    answer = signed_in(role.user).post(
        reverse("dialogue-ask", args=[offer.pk]), typed(school_class, **{"day_3": "2026-10-08", **more})
    )

    assert answer.status_code == 200
    said = " ".join(answer.context["form"].errors[field]).lower()
    assert words.lower() in said
    assert not Dialogue.objects.exists()
    assert "2026-10-08" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.usefixtures("on_the_day")
def test_a_request_is_seen_by_the_school_and_by_nobody_else(
    offer: Offer, role: Membership, school_class: SchoolClass, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    school_wide = factories.MembershipFactory.create(school=role.school, role=Membership.Role.AMBASSADOR).user
    colleague = factories.MembershipFactory.create(school=role.school).user
    other_offer = factories.OfferFactory.create()
    page = reverse("dialogue", args=[talk.pk])

    assert [signed_in(one).get(page).status_code for one in (role.user, school_wide, colleague)] == [200, 200, 404]
    assert signed_in(factories.CoordinatorFactory.create()).get(page).status_code == 200
    other = by_link(other_offer, now)
    assert other.get(reverse("host-dialogue", args=[other_offer.contact_id, talk.pk])).status_code == 404
    shown = signed_in(school_wide).get(reverse("my-enrolments") + "?vis=skole").content.decode()
    assert page in shown


@pytest.mark.django_db
@pytest.mark.usefixtures("on_the_day")
@pytest.mark.parametrize("count", [1, 3])
def test_the_host_page_and_my_enrolments_ask_no_more_for_three_requests_than_for_one(
    offer: Offer, role: Membership, now: datetime, count: int
) -> None:
    for _one in range(count):
        ask(offer, factories.SchoolClassFactory.create(school=role.school), role.user, now)
    host, teacher = by_link(offer, now), signed_in(role.user)

    with CaptureQueriesContext(connection) as asked:
        assert host.get(reverse("link-host", args=[offer.contact_id])).status_code == 200
    with CaptureQueriesContext(connection) as mine:
        assert teacher.get(reverse("my-enrolments")).status_code == 200

    assert (len(asked), len(mine)) == (12, 13)


@pytest.mark.django_db
@pytest.mark.usefixtures("on_the_day")
def test_a_course_by_agreement_without_dates_is_neither_hidden_nor_behind(offer: Offer) -> None:
    plain = factories.OfferFactory.create(title="Et forløb uden datoer")
    catalogue = reverse("catalogue")

    def shown(query: str) -> list[str]:
        return [str(one) for one in Client().get(catalogue + query).context["page"]]

    assert sorted(shown("")) == sorted([str(offer), str(plain)])
    for query in ("?aftale=1", "?ledige=1", "?fra=2026-10-01&til=2026-10-31"):
        assert shown(query) == [str(offer)]
    assert "Efter aftale" in Client().get(catalogue + "?aftale=1").content.decode()


# --- The desk ------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk() -> Client:
    return signed_in(factories.CoordinatorFactory.create(language="en"))


def deed(talk: Dialogue, name: str) -> str:
    return reverse(f"admin:offers_dialogue_{name}", args=[talk.pk])


@pytest.mark.usefixtures("committing", "on_the_day")
def test_the_desk_answers_agrees_and_closes_for_either_side(now: datetime) -> None:
    factories.MunicipalityFactory.create()
    offer = factories.OfferFactory.create(by_agreement=True)
    role = factories.MembershipFactory.create()
    desk = signed_in(factories.CoordinatorFactory.create(language="en"))
    talks = [ask(offer, factories.SchoolClassFactory.create(school=role.school), role.user, now) for _ in range(4)]

    times = {"day_1": "2026-10-06", "begins_1": "09:00", "text": "Bageren ringede."}
    assert desk.post(deed(talks[0], "answer"), {"on_behalf": "host", **times}).status_code == 302
    assert desk.post(deed(talks[1], "agree"), {"time": time_of(talks[1], FIRST[0])}).status_code == 302
    assert desk.post(deed(talks[2], "not_now"), {"reason": "Lukket i oktober."}).status_code == 302
    assert desk.post(deed(talks[3], "take_back"), {"reason": ""}).status_code == 302

    assert [fresh(one)[0] for one in talks] == ["in_talk", "agreed", "not_now", "withdrawn"]
    assert desk.post(deed(talks[0], "answer"), {"on_behalf": "", **times}).status_code == 422
    assert desk.post(deed(talks[2], "not_now"), {"reason": ""}).status_code == 422
    page = desk.get(deed(talks[0], "change")).content.decode()
    assert "Bageren ringede." in page


@pytest.mark.django_db
@pytest.mark.usefixtures("on_the_day")
@pytest.mark.parametrize("count", [1, 3])
def test_the_list_at_the_desk_asks_the_same_for_three_rows_as_for_one(
    offer: Offer, role: Membership, desk: Client, now: datetime, count: int
) -> None:
    for _one in range(count):
        ask(offer, factories.SchoolClassFactory.create(school=role.school), role.user, now)
    listing = reverse("admin:offers_dialogue_changelist")
    desk.get(listing)

    with CaptureQueriesContext(connection) as asked:
        page = desk.get(listing).content.decode()

    assert len(asked) == 13
    assert page.count("Bag brød med bageren") == count


@pytest.mark.django_db
@pytest.mark.usefixtures("on_the_day")
def test_the_list_is_filtered_by_age_and_the_menu_counts_what_to_telephone_about(
    offer: Offer, role: Membership, school_class: SchoolClass, desk: Client, now: datetime
) -> None:
    talk = ask(offer, school_class, role.user, now)
    listing = reverse("admin:offers_dialogue_changelist")

    def rows(query: str) -> int:
        return int(desk.get(listing + query).context["cl"].result_count)

    assert [rows(query) for query in ("", "?age=open", "?age=call", "?age=7")] == [1, 1, 0, 0]
    Dialogue.objects.filter(pk=talk.pk).update(nudges=1, state_at=now - timedelta(days=8))
    assert [rows(query) for query in ("?age=call", "?age=7", "?age=14")] == [1, 1, 0]

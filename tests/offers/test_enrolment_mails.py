"""What the mails about enrolments say, and when they are no longer sent."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.utils import translation

from offers.domain import enrolment as enrolling
from offers.domain import handover, rules, waiting_list
from offers.domain.moving import move_session, propose_move
from offers.domain.planning import cancel_session
from offers.messages import enrolment as letters
from offers.models import Enrolment, Offer, Session
from portal import mail
from portal.domain import links
from portal.domain.actor import Actor
from portal.models import Link, Message
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]
SECRET = "Ét barn bruger høreapparat."


@pytest.fixture(autouse=True)
def _in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def session() -> Session:
    offer = factories.OfferFactory.create(title="Svejs et bogmærke", company__name="Fjordby Smedje")
    made: Session = factories.SessionFactory.create(offer=offer, places=28)
    return made


def somebody(session: Session, now: datetime, label: str = "A") -> Enrolment:
    role = factories.MembershipFactory.create(user__language="en", user__name="Mette Holm")
    one = factories.SchoolClassFactory.create(school=role.school, letter=label)
    request = rules.EnrolmentRequest(school_class=one, adults=2, phone="22334455", needs_quiet=True, needs_text=SECRET)
    return enrolling.enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


def letter(occasion: str, now: datetime) -> EmailMultiAlternatives:
    message = Message.objects.filter(occasion=occasion).latest("created_at")
    assert letters.OCCASIONS[occasion].still_wanted(message, now) is True
    return mail.render(message, now)


def test_the_confirmation_names_class_date_and_place_and_brings_the_calendar_file(
    session: Session, now: datetime
) -> None:
    one = somebody(session, now)
    found = letter("enrolment_confirmed", now)
    assert found.subject == "Enrolment confirmed: 7.A, 29 September 2026, Fjordby Smedje"
    assert [(file[0], file[2]) for file in found.attachments] == [
        ("7a-2026-09-29.ics", "text/calendar; method=PUBLISH")
    ]
    types = [part["Content-Type"] for part in found.message().walk() if part.get_content_subtype() == "calendar"]
    assert types == ['text/calendar; method="PUBLISH"; charset="utf-8"']
    assert f"{settings.ORIGIN}/tilmeldinger/{one.pk}/" in str(found.body)
    assert "Tuesday 29 September 2026 at 9.00–11.00" in str(found.body)


def test_the_host_reads_whom_to_reach_what_was_ticked_and_comes_in_by_the_link(session: Session, now: datetime) -> None:
    Offer.objects.update(contact=session.offer.contact)
    somebody(session, now)
    contact = session.offer.contact
    assert contact is not None
    contact.language = "en"
    contact.save()
    Message.objects.update(language="en")
    body = str(letter("host_new_enrolment", now).body)
    link = Link.objects.get(purpose=Link.Purpose.HOST, reference_id=contact.pk)
    wanted = ["22 33 44 55", "Mette Holm", "a quiet place to withdraw to", links.address(link)]
    assert [word for word in wanted if word not in body] == []


def test_no_mail_holds_the_free_text_about_needs(session: Session, now: datetime) -> None:
    """Every mail of a whole life: confirmed, in line, offered, changed, cancelled, called off."""
    factories.CoordinatorFactory.create()
    first, second, third = (somebody(session, now, label) for label in "ABC")
    enrolling.cancel_enrolment(enrolment_id=first.pk, by=Actor.job("test"), now=now)
    waiting_list.accept_place(enrolment_id=second.pk, by=Actor.job("test"), now=now)
    enrolling.change_numbers(enrolment_id=second.pk, pupils=20, adults=2, by=Actor.job("test"), now=now)
    enrolling.cancel_enrolment(enrolment_id=third.pk, by=Actor.job("test"), now=now)
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)
    asked = somebody(factories.SessionFactory.create(offer=session.offer), now, "D")
    enrolling.answer_request(enrolment_id=asked.pk, accept=False, reason="Vi flytter.", by=Actor.job("test"), now=now)
    asked = somebody(factories.SessionFactory.create(offer=session.offer), now, "E")
    enrolling.expire_requests(now + timedelta(days=14))
    later = [(session.starts_at + timedelta(days=7), session.ends_at + timedelta(days=7))]
    move_session(session_id=session.pk, starts=later, agreed=True, by=Actor.job("test"), now=now)
    colleague = factories.MembershipFactory.create(school=second.school).user
    handover.hand_over(enrolment_id=second.pk, teacher_id=colleague.pk, by=Actor.job("test"), now=now)
    cancel_session(session_id=session.pk, reason="Maskinen er i stykker.", by=Actor.job("test"), now=now)

    seen = set()
    for message in Message.objects.all():
        written = mail.render(message, now)
        html, _kind = written.alternatives[0]
        files = "".join(str(file[1]) for file in written.attachments)
        whole = f"{written.subject}{written.body}{html!s}{files}"
        assert ("høreapparat" in whole, "\n" in str(written.subject)) == (False, False), message.occasion
        seen.add(message.occasion)
    assert set(letters.OCCASIONS) - seen == {
        "leader_request",  # tests/offers/test_approval.py
        "enrolment_in_draw",  # tests/offers/test_draw.py
        "place_expired",
        "coordinator_session_cancelled",
        "coordinator_session_moved",
        "coordinator_place_free",
        "enrolment_restored",  # tests/offers/test_cancelling.py
        "host_restored_enrolment",
        "coordinator_restored",
        "coordinator_asked_to_cancel",
        "cancelling_declined",
        "move_proposed",  # tests/offers/test_move_by_consent.py
        "move_nudge",
        "move_released",
        "move_withdrawn",
        "host_move_proposed",
        "host_move_withdrawn",
        "coordinator_move_proposed",
        "meeting_cancelled",  # tests/offers/test_cancelled_dates.py
        "host_meeting_cancelled",
        "coordinator_meeting_cancelled",
        "dialogue_agreed",  # tests/offers/test_dialogue.py
        "host_dialogue_agreed",
        "host_dialogue_came_to_nothing",
        "enrolment_no_show",  # tests/offers/test_encounters.py
    }


def test_a_mail_that_is_no_longer_true_is_not_sent(session: Session, now: datetime) -> None:
    somebody(session, now)
    waiting = somebody(session, now, "B")
    message = Message.objects.get(occasion="enrolment_waitlisted")
    wanted = letters.OCCASIONS["enrolment_waitlisted"].still_wanted
    assert wanted(message, now) is True
    Enrolment.objects.filter(pk=waiting.pk).update(status="offered", answer_by=now + timedelta(days=1))
    assert wanted(message, now) is False


def test_nothing_is_said_to_somebody_who_has_left(session: Session, now: datetime) -> None:
    one = somebody(session, now)
    message = Message.objects.get(occasion="enrolment_confirmed")
    assert one.teacher is not None
    one.teacher.is_active = False
    one.teacher.save()
    assert letters.OCCASIONS["enrolment_confirmed"].still_wanted(message, now) is False


def test_the_cancelled_session_names_the_reason_and_the_dates_with_room(session: Session, now: datetime) -> None:
    one = somebody(session, now)
    start = datetime.fromisoformat("2026-11-03T09:00:00+01:00")
    factories.SessionFactory.create(offer=session.offer, starts_at=start)
    cancel_session(session_id=session.pk, reason="Maskinen er i stykker.", by=Actor.job("test"), now=now)
    found = letter("session_cancelled", now)
    body = str(found.body)
    assert found.subject == "Visit cancelled: 7.A, 29 September 2026, Fjordby Smedje"
    wanted = ["Maskinen er i stykker.", "3 November 2026", f"{settings.ORIGIN}/tilmeldinger/{one.pk}/"]
    assert [word for word in wanted if word not in body] == []
    assert [file[2] for file in found.attachments] == ["text/calendar; method=CANCEL"]


def words_of(occasion: str, now: datetime) -> str:
    return " ".join(str(letter(occasion, now).body).split())


def files_of(occasion: str, now: datetime) -> list[str]:
    return [str(file[2]) for file in letter(occasion, now).attachments]


def test_who_got_a_place_from_the_line_and_cancels_gets_the_file_that_takes_the_visit_out(
    session: Session, now: datetime
) -> None:
    first, second, third = (somebody(session, now, label) for label in "ABC")
    enrolling.cancel_enrolment(enrolment_id=first.pk, by=Actor.job("test"), now=now)
    waiting_list.accept_place(enrolment_id=second.pk, by=Actor.job("test"), now=now)

    enrolling.cancel_enrolment(enrolment_id=third.pk, by=Actor.job("test"), now=now + timedelta(minutes=1))
    assert files_of("enrolment_cancelled", now) == []

    enrolling.cancel_enrolment(enrolment_id=second.pk, by=Actor.job("test"), now=now + timedelta(minutes=2))
    assert files_of("enrolment_cancelled", now) == ["text/calendar; method=CANCEL"]


def test_who_only_waited_gets_no_calendar_file_when_the_session_is_cancelled(session: Session, now: datetime) -> None:
    somebody(session, now)
    waiting = somebody(session, now, "B")

    cancel_session(session_id=session.pk, reason="Maskinen er i stykker.", by=Actor.job("test"), now=now)

    message = Message.objects.get(occasion="session_cancelled", reference_id=waiting.pk)
    assert mail.render(message, now).attachments == []


def test_a_confirmation_after_the_deadline_for_cancelling_does_not_promise_a_day_that_has_passed(
    session: Session, now: datetime
) -> None:
    one = somebody(session, now)
    assert one.teacher is not None
    before = words_of("enrolment_confirmed", now)
    assert "24 September 2026" in before.split("and cancel until")[1]

    late = session.starts_at - timedelta(hours=20)
    found = words_of("enrolment_confirmed", late)

    assert "The deadline for cancelling has passed. If the class cannot come, ask on the enrolment's page." in found
    assert "until" not in found.split("We remind you in good time.")[1]


def test_an_expired_offer_says_that_it_went_to_the_next_only_when_there_is_one(session: Session, now: datetime) -> None:
    first, second = (somebody(session, now, label) for label in "AB")
    enrolling.cancel_enrolment(enrolment_id=first.pk, by=Actor.job("test"), now=now)
    second.refresh_from_db()
    assert second.answer_by is not None
    waiting_list.expire_offered(second.answer_by)
    assert "so the places for 7.B are free again" in words_of("place_expired", now)

    third, fourth = somebody(session, now, "C"), somebody(session, now, "D")
    enrolling.cancel_enrolment(enrolment_id=third.pk, by=Actor.job("test"), now=now)
    somebody(session, now, "E")
    fourth.refresh_from_db()
    assert fourth.answer_by is not None
    waiting_list.expire_offered(fourth.answer_by)
    message = Message.objects.get(occasion="place_expired", reference_id=fourth.pk)
    said = " ".join(str(mail.render(message, now).body).split())
    assert "so the places for 7.D have gone to the next in line" in said


def test_an_offered_place_goes_to_the_next_in_line_only_if_there_is_one(session: Session, now: datetime) -> None:
    first, _second = (somebody(session, now, label) for label in "AB")
    enrolling.cancel_enrolment(enrolment_id=first.pk, by=Actor.job("test"), now=now)
    assert "After that they go to the next in line, if there is one." in words_of("place_offered", now)


def test_the_mail_about_a_cancelled_class_says_until_when_it_can_be_undone(session: Session, now: datetime) -> None:
    one = somebody(session, now)
    assert one.teacher is not None
    enrolling.cancel_enrolment(enrolment_id=one.pk, by=Actor.of_user(one.teacher), now=now)
    assert "You can undo it on the enrolment's page until" in words_of("enrolment_cancelled", now)
    assert "undo it" not in words_of("enrolment_cancelled", now + timedelta(minutes=15))


def test_a_host_without_classes_is_not_told_that_classes_know(session: Session, now: datetime) -> None:
    later = [(session.starts_at + timedelta(days=7), session.ends_at + timedelta(days=7))]
    move_session(session_id=session.pk, starts=later, agreed=True, by=Actor.job("test"), now=now)
    Message.objects.update(language="en")
    assert "has a new time. No class is enrolled." in words_of("host_session_moved", now)
    cancel_session(session_id=session.pk, reason="Maskinen er i stykker.", by=Actor.job("test"), now=now)
    Message.objects.update(language="en")
    said = words_of("host_session_cancelled", now)
    assert "has been cancelled. No class was enrolled. The reason is:" in said


def test_the_host_reads_that_a_proposed_move_fell_when_the_session_is_cancelled(
    session: Session, now: datetime
) -> None:
    somebody(session, now)
    later = [(session.starts_at + timedelta(days=7), session.ends_at + timedelta(days=7))]
    propose_move(session_id=session.pk, starts=later, reason="Ombygning.", by=Actor.job("test"), now=now)
    after = now + timedelta(hours=1)
    cancel_session(session_id=session.pk, reason="Maskinen er i stykker.", by=Actor.job("test"), now=after)
    Message.objects.update(language="en")
    fell = "The new time that was proposed before no longer counts. The classes need not answer any more."
    assert fell in words_of("host_session_cancelled", after)


def test_the_coordinators_are_told_how_many_classes_this_cancelling_reached(session: Session, now: datetime) -> None:
    factories.CoordinatorFactory.create(language="en")
    assert session.offer.contact_id is not None
    somebody(session, now)
    factories.EnrolmentFactory.create(session=session, status="cancelled_by_host", status_at=now - timedelta(days=2))
    host = Actor.of_link(links.ensure(purpose=Link.Purpose.HOST, reference_id=session.offer.contact_id, now=now))

    cancel_session(session_id=session.pk, reason="Maskinen er i stykker.", by=host, now=now)

    assert "1 class has been told" in words_of("coordinator_session_cancelled", now)


def test_the_mails_say_who_cancelled(session: Session, now: datetime) -> None:
    coordinator = factories.CoordinatorFactory.create(language="en")
    one = somebody(session, now)
    enrolling.cancel_enrolment(enrolment_id=one.pk, by=Actor.of_user(coordinator), now=now)
    assert "The municipality has cancelled 7.A." in words_of("coordinator_cancelled", now)
    assert "the municipality has cancelled the visit" in host_reads(one, "cancelled_by_municipality", now)
    assert "but the class has cancelled" in host_reads(one, "cancelled_by_school", now)
    assert "but the school has not approved the visit" in host_reads(one, "declined", now)


def host_reads(enrolment: Enrolment, status: str, now: datetime) -> str:
    enrolment.status = status
    return letters._host_came_to_nothing(enrolment, now).sentences[0]


def test_a_request_that_nobody_has_answered_is_brought_to_mind_after_three_school_days(
    session: Session, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)
    session.offer.refresh_from_db()
    one = somebody(session, now)

    nudges = Message.objects.filter(occasion__endswith="_request_nudge").order_by("occasion")

    # Asked on Tuesday 8 September: Wednesday, Thursday, Friday.
    friday = datetime.fromisoformat("2026-09-11T08:00:00+02:00")
    assert [(each.occasion, each.send_at, each.state) for each in nudges] == [
        ("coordinator_request_nudge", friday, "planned"),
        ("host_request_nudge", friday, "planned"),
    ]
    assert [letters.OCCASIONS[each.occasion].still_wanted(each, friday) for each in nudges] == [True, True]
    for each in nudges:
        assert "7.A" in str(mail.render(each, friday).body)

    Enrolment.objects.filter(pk=one.pk).update(leader_answer="awaited")
    assert [letters.OCCASIONS[each.occasion].still_wanted(each, friday) for each in nudges] == [False, False]


def test_a_request_that_was_answered_is_not_brought_to_mind(session: Session, now: datetime) -> None:
    Offer.objects.update(acceptance=Offer.Acceptance.MANUAL)
    one = somebody(session, now)

    enrolling.answer_request(enrolment_id=one.pk, accept=True, by=Actor.job("test"), now=now)

    nudge = Message.objects.get(occasion="host_request_nudge")
    assert letters.OCCASIONS["host_request_nudge"].still_wanted(nudge, nudge.send_at) is False

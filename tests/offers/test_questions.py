"""A teacher asks a host something: the portal carries question and answer, and hides the addresses."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from offers.domain import questions
from offers.models import Offer, Question
from portal import mail
from portal.domain import links, outbox
from portal.domain.actor import Actor
from portal.domain.calendar import COPENHAGEN
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Message, Municipality, User
from schools.models import Membership
from tests import factories

pytestmark = pytest.mark.usefixtures("on_the_day")


@pytest.fixture
def on_the_day(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def offer(municipality: Municipality) -> Offer:
    made: Offer = factories.OfferFactory.create(
        title="Bag brød med bageren",
        company__name="Fjordby Bageri",
        contact__name="Bo Bager",
        contact__email="bo@bageri.example",
    )
    return made


@pytest.fixture
def role(municipality: Municipality) -> Membership:
    made: Membership = factories.MembershipFactory.create(
        user__name="Lise Lærer", user__email="lise@skole.example", school__name="Havneskolen"
    )
    return made


def ask(
    offer: Offer, person: User, now: datetime, text: str = "Er der plads til en kørestol?", **more: Any
) -> Question:
    return questions.ask_host(offer_id=offer.pk, text=text, by=Actor.of_user(person), now=now, **more)


def link_of(offer: Offer, now: datetime) -> Link:
    assert offer.contact_id is not None
    return links.ensure(purpose=Link.Purpose.HOST, reference_id=offer.contact_id, now=now)


def letter(occasion: str, now: datetime) -> Any:
    message = Message.objects.exclude(state="withdrawn").get(occasion=occasion)
    assert outbox.occasions()[occasion].still_wanted(message, now)
    return mail.render(message, now)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def by_link(link: Link) -> Client:
    client = Client()
    client.post(f"/l/{links.token(link)}/")
    return client


def refused(work: Any) -> str:
    with pytest.raises(Refusal) as caught:
        work()
    return caught.value.code


@pytest.mark.django_db
def test_a_question_goes_to_the_host_and_the_answer_comes_back_and_neither_sees_the_others_address(
    offer: Offer, role: Membership, now: datetime
) -> None:
    question = ask(offer, role.user, now)

    to_host = letter("host_question", now)
    assert to_host.subject == "Et spørgsmål om jeres forløb: Havneskolen, Bag brød med bageren"
    assert to_host.to == ["bo@bageri.example"]
    assert to_host.reply_to == ["aabenskole@fjordby.example"]
    assert "Er der plads til en kørestol?" in to_host.body
    assert "Lise" not in to_host.body
    assert "lise@skole.example" not in to_host.body

    for _twice in range(2):
        questions.answer_question(
            question_id=question.pk, text="Ja, der er elevator.", by=Actor.of_link(link_of(offer, now)), now=now
        )

    to_teacher = letter("question_answered", now)
    assert to_teacher.subject == "Svar på dit spørgsmål: Havneskolen, Bag brød med bageren"
    assert to_teacher.to == ["lise@skole.example"]
    assert "Ja, der er elevator." in to_teacher.body
    assert "bo@bageri.example" not in to_teacher.body
    assert "Bo Bager" not in to_teacher.body
    assert Question.objects.get().answered_by == "host"
    assert list(AuditEntry.objects.values_list("action", flat=True).order_by("id")) == [
        "question-asked",
        "question-answered",
    ]
    assert "Ja, der er elevator." not in str(list(AuditEntry.objects.values_list("facts", flat=True)))


@pytest.mark.django_db
def test_once_a_visit_is_confirmed_they_see_each_other(offer: Offer, role: Membership, now: datetime) -> None:
    question = ask(offer, role.user, now)
    session = factories.SessionFactory.create(offer=offer)
    one = factories.SchoolClassFactory.create(school=role.school)
    coming = factories.EnrolmentFactory.create(session=session, school_class=one, teacher=role.user, status="pending")
    host = by_link(link_of(offer, now))
    page = reverse("host-question", args=[offer.contact_id, question.pk])
    assert "lise@skole.example" not in host.get(page).content.decode()

    coming.status = "confirmed"
    coming.save(update_fields=["status"])

    assert "lise@skole.example" in letter("host_question", now).body
    assert "lise@skole.example" in host.get(page).content.decode()
    questions.answer_question(question_id=question.pk, text="Ja.", by=Actor.of_link(link_of(offer, now)), now=now)
    assert "bo@bageri.example" in letter("question_answered", now).body
    assert "bo@bageri.example" in signed_in(role.user).get(reverse("question", args=[question.pk])).content.decode()


@pytest.mark.django_db
def test_the_host_is_reminded_once_after_five_school_days_unless_it_was_answered(
    offer: Offer, role: Membership, now: datetime
) -> None:
    question = ask(offer, role.user, now)
    reminder = Message.objects.get(occasion="host_question_nudge")
    assert reminder.send_at == datetime(2026, 9, 15, 8, tzinfo=COPENHAGEN)
    assert "venter stadig" in " ".join(letter("host_question_nudge", reminder.send_at).body.split())

    questions.answer_question(question_id=question.pk, text="Ja.", by=Actor.of_link(link_of(offer, now)), now=now)

    reminder.refresh_from_db()
    assert reminder.state == "withdrawn"


@pytest.mark.django_db
def test_the_same_form_asks_once_and_ten_questions_a_day_are_enough(
    offer: Offer, role: Membership, now: datetime
) -> None:
    token = uuid4()
    first = ask(offer, role.user, now, form_token=token)
    assert ask(offer, role.user, now, form_token=token) == first
    for number in range(9):
        ask(offer, role.user, now, text=f"Spørgsmål {number}")

    assert refused(lambda: ask(offer, role.user, now)) == "too-many"
    assert Question.objects.count() == 10
    assert ask(offer, factories.MembershipFactory.create().user, now).answered_at is None
    assert ask(offer, role.user, now + timedelta(days=1)).answered_at is None


@pytest.mark.django_db
def test_who_may_ask_and_who_may_answer(offer: Offer, role: Membership, now: datetime) -> None:
    assert refused(lambda: ask(offer, factories.UserFactory.create(), now)) == "not-of-a-school"
    question = ask(offer, role.user, now)
    other = Actor.of_link(link_of(factories.OfferFactory.create(), now))
    coordinator = Actor.of_user(factories.CoordinatorFactory.create())

    def answer(by: Actor, text: str = "Ja.") -> Question:
        return questions.answer_question(question_id=question.pk, text=text, by=by, now=now)

    assert [refused(lambda who=who: answer(who)) for who in (other, Actor.of_user(role.user))] == ["not-yours"] * 2
    assert refused(lambda: answer(coordinator, " ")) == "nothing-answered"
    assert answer(coordinator).answered_by == "coordinator"
    assert refused(lambda: answer(Actor.of_link(link_of(offer, now)), "Nej.")) == "answered"
    assert "Kommunen har svaret" in " ".join(letter("question_answered", now).body.split())


@pytest.mark.django_db
def test_a_question_where_there_is_nobody_to_write_to_goes_to_the_coordinators(
    offer: Offer, role: Membership, now: datetime
) -> None:
    factories.CoordinatorFactory.create()
    offer.company.contacts.update(is_active=False)

    ask(offer, role.user, now)

    assert list(Message.objects.values_list("occasion", flat=True)) == ["coordinator_question"]
    assert "Er der plads til en kørestol?" in letter("coordinator_question", now).body


# --- Pages ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_teacher_and_host_by_their_pages(offer: Offer, role: Membership, now: datetime) -> None:
    teacher, host = signed_in(role.user), by_link(link_of(offer, now))
    page = reverse("question-ask", args=[offer.pk])
    assert page in teacher.get(reverse("offer", args=[offer.pk, offer.slug])).content.decode()
    assert page not in Client().get(reverse("offer", args=[offer.pk, offer.slug])).content.decode()

    answer = teacher.post(page, {"text": "Er Fjordby Bageri åbent om mandagen?", "form_token": str(uuid4())})
    question = Question.objects.get()
    assert answer.headers["Location"] == reverse("question", args=[question.pk])
    assert "Dit spørgsmål" in teacher.get(reverse("my-enrolments")).content.decode()

    there = reverse("host-question", args=[offer.contact_id, question.pk])
    assert there in host.get(reverse("link-host", args=[offer.contact_id])).content.decode()
    assert "Havneskolen" in host.get(there).content.decode()
    assert host.post(there, {"text": ""}).context["form"].errors["text"] == ["Skriv et svar."]
    assert host.post(there, {"text": "Ja, fra klokken 8."}).status_code == 302
    assert "Ja, fra klokken 8." in teacher.get(reverse("question", args=[question.pk])).content.decode()
    assert there not in host.get(reverse("link-host", args=[offer.contact_id])).content.decode()


@pytest.mark.django_db
def test_a_colleague_with_the_sent_on_link_answers_too(offer: Offer, role: Membership, now: datetime) -> None:
    question, parent = ask(offer, role.user, now), link_of(offer, now)
    child = links.send_on(link_id=parent.pk, name="Karen", to="karen@bageri.example", by=Actor.of_link(parent), now=now)

    page = reverse("host-question", args=[offer.contact_id, question.pk])
    assert by_link(child).post(page, {"text": "Ja, der er elevator."}).status_code == 302

    question.refresh_from_db()
    assert (question.answered_by, question.answer) == ("host", "Ja, der er elevator.")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Skriv, hvad du gerne vil vide."),
        ("Min elev hedder 010203-1234", "CPR"),
        ("Kan I tage imod Mikkel med kort lunte?", "Mikkel"),
        ("Vi har en elev med diabetes", "diabetes"),
    ],
)
def test_bad_input_is_said_at_the_field(offer: Offer, role: Membership, text: str, words: str) -> None:
    page = reverse("question-ask", args=[offer.pk])

    answer = signed_in(role.user).post(page, {"text": text, "form_token": str(uuid4())})

    assert answer.status_code == 200
    assert words in " ".join(answer.context["form"].errors["text"])
    assert text in answer.content.decode()
    assert not Question.objects.exists()


@pytest.mark.django_db
def test_a_doubtful_text_is_sent_when_one_says_that_it_is_meant(offer: Offer, role: Membership) -> None:
    page, typed = reverse("question-ask", args=[offer.pk]), {"text": "Er Storebælt med?", "form_token": str(uuid4())}

    assert signed_in(role.user).post(page, typed).status_code == 200
    assert signed_in(role.user).post(page, {**typed, "sure": "on"}).status_code == 302


@pytest.mark.django_db
def test_a_question_is_seen_by_its_teacher_and_its_host_alone(offer: Offer, role: Membership, now: datetime) -> None:
    question = ask(offer, role.user, now)
    leader = factories.MembershipFactory.create(school=role.school, role=Membership.Role.LEADER).user
    other = factories.OfferFactory.create()
    page = reverse("question", args=[question.pk])

    assert [signed_in(one).get(page).status_code for one in (role.user, leader)] == [200, 404]
    assert (
        by_link(link_of(other, now)).get(reverse("host-question", args=[other.contact_id, question.pk])).status_code
        == 404
    )


# --- The desk ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("committing")
def test_the_desk_answers_for_the_host(now: datetime) -> None:
    factories.MunicipalityFactory.create()
    question = ask(factories.OfferFactory.create(), factories.MembershipFactory.create().user, now)
    desk = signed_in(factories.CoordinatorFactory.create(language="en"))
    deed = reverse("admin:offers_question_reply", args=[question.pk])

    assert "Er der plads til en kørestol?" in desk.get(deed).content.decode()
    assert desk.post(deed, {"text": ""}).status_code == 422
    assert desk.post(deed, {"text": "Ja."}).status_code == 302

    question.refresh_from_db()
    assert (question.answered_by, question.answer) == ("coordinator", "Ja.")


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 3])
def test_the_list_at_the_desk_asks_the_same_for_three_rows_as_for_one(
    offer: Offer, role: Membership, now: datetime, count: int
) -> None:
    for number in range(count):
        ask(offer, role.user, now, text=f"Spørgsmål {number}")
    desk = signed_in(factories.CoordinatorFactory.create(language="en"))
    listing = reverse("admin:offers_question_changelist")
    desk.get(listing)

    with CaptureQueriesContext(connection) as asked:
        page = desk.get(listing + "?todo=answer").content.decode()

    assert len(asked) == 13
    assert page.count("Bag brød med bageren") == count

"""Questions: a teacher asks the host of a course, and the answer comes back; the portal carries both.

Neither side sees the other's name or address until an enrolment of that teacher in that course is confirmed. The host
is reminded once, after as many school days as with requests for an agreement; coordinators see every question, and may
answer.
"""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.utils.translation import gettext as _

from offers.domain import notices, planning
from offers.domain.dialogue import next_nudge
from offers.models import Dialogue, Enrolment, Offer, Question
from portal.domain import audit, limits, outbox
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import User
from schools.domain import membership

MOST_IN_A_DAY = 10
MOST_SHOWN = 30
SHOWN_FOR = timedelta(days=60)
LONGEST_QUESTION = 1000
LONGEST_ANSWER = 2000
ASKABLE = [Offer.State.PUBLISHED, Offer.State.PAUSED]
KNOWN = [Enrolment.Status.CONFIRMED, Enrolment.Status.COMPLETED, Enrolment.Status.NO_SHOW]
TO_BE_ANSWERED = ["host_question", "host_question_nudge", "coordinator_question"]


def know_each_other(question: Question) -> bool:
    """Return whether teacher and host may see each other's address: an enrolment in the course is confirmed."""
    if question.teacher_id is None:
        return False
    theirs = Enrolment.objects.filter(session__offer=question.offer_id, teacher=question.teacher_id)
    return theirs.filter(status__in=KNOWN).exists()


def asked_by(person: User, *, now: datetime) -> list[Question]:
    """Return the questions a person asked in the last two months, the newest first."""
    rows = Question.objects.filter(teacher=person, asked_at__gt=now - SHOWN_FOR).select_related("offer__company")
    return list(rows.defer("offer__search", "offer__words").order_by("-asked_at", "pk")[:MOST_SHOWN])


def waiting_for(company_id: UUID) -> list[Question]:
    """Return the questions to a company that nobody has answered, the first first."""
    rows = Question.objects.filter(offer__company=company_id, answered_at__isnull=True)
    rows = rows.select_related("offer", "school").defer("offer__search", "offer__words")
    return list(rows.order_by("asked_at", "pk")[:MOST_SHOWN])


@transaction.atomic(durable=True)
def ask_host(*, offer_id: UUID, text: str, form_token: UUID | None = None, by: Actor, now: datetime) -> Question:
    """Ask the host of a course something; who is told by mail. By anybody who belongs to a school.

    The same form again returns the first question. At most ten in a day by one person.
    """
    token = form_token or uuid4()
    if earlier := Question.objects.filter(form_token=token).first():
        if earlier.teacher_id != by.user_id:
            raise Refusal(_("Somebody else has sent this form. Open the page again."), code="not-yours")
        return earlier
    person = User.objects.filter(pk=by.user_id, is_active=True).first()
    school = membership.schools_of(person).first() if person is not None else None
    if person is None or school is None:
        raise Refusal(_("Those who belong to a school can ask the host."), code="not-of-a-school")
    offer = Offer.objects.select_related("company", "contact").get(pk=offer_id)
    if offer.state not in ASKABLE:
        raise Refusal(_("The course is not in the catalogue any more."), code="not-published")
    text = text.strip()[:LONGEST_QUESTION]
    if not text:
        raise Refusal(_("Write what you would like to know."), code="nothing-asked", field="text")
    if limits.count("question", str(person.pk), window=timedelta(days=1), now=now) > MOST_IN_A_DAY:
        raise Refusal(
            _("You have asked %(most)d questions today. Ask the rest tomorrow, or write to the municipality.")
            % {"most": MOST_IN_A_DAY},
            code="too-many",
        )
    question = Question.objects.create(
        offer=offer, school=school, teacher=person, text=text, form_token=token, asked_at=now
    )
    audit.record(by, "question-asked", question, at=now)
    if notices.host_contact(offer) is None:
        notices.tell_coordinators(question, "coordinator_question", now=now)
    else:
        notices.tell_host(offer, question, "host_question", now=now)
        notices.tell_host(offer, question, "host_question_nudge", now=now, send_at=next_nudge(now))
    return question


@transaction.atomic(durable=True)
def answer_question(*, question_id: UUID, text: str, by: Actor, now: datetime) -> Question:
    """Answer a question; the teacher is told by mail. By the host's link, or a coordinator.

    The same answer again changes nothing; another one afterwards is refused, for the first has been mailed.
    """
    rows = Question.objects.select_for_update(of=("self",)).select_related(
        "offer__company", "offer__contact", "teacher"
    )
    found = rows.get(pk=question_id)
    by_host = planning.hosts(found.offer, by)
    if not (by_host or by.is_coordinator):
        raise Refusal(_("Only the host and the municipality answer the question."), code="not-yours")
    text = text.strip()[:LONGEST_ANSWER]
    if not text:
        raise Refusal(_("Write an answer."), code="nothing-answered", field="text")
    if found.answered_at is not None:
        if found.answer == text:
            return found
        raise Refusal(_("The question has been answered meanwhile. The teacher has got that answer."), code="answered")
    found.answer, found.answered_at = text, now
    found.answered_by = Dialogue.Side.HOST if by_host else Dialogue.Side.COORDINATOR
    found.save(update_fields=["answer", "answered_at", "answered_by"])
    outbox.withdraw(about=found, occasions=TO_BE_ANSWERED)
    audit.record(by, "question-answered", found, at=now, side=found.answered_by)
    if found.teacher is not None and found.teacher.is_active:
        to = outbox.Recipient.of_user(found.teacher)
        outbox.post(occasion="question_answered", about=found, to=to, now=now, urgency=3)
    return found

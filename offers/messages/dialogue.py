"""Mails about requests for an agreement, and about questions to hosts. They share the letter of enrolments.

The portal carries the words: whoever answers does so on the page, and neither address stands in a mail before a visit
is confirmed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from companies.models import Contact
from offers.domain import dates, dialogue, notices, questions
from offers.models import Dialogue, DialogueEntry, Offer, Question
from portal.domain import calendar, links
from portal.domain.actor import municipal_roles_held
from portal.domain.outbox import Letter, Occasion
from portal.domain.phone import as_written
from portal.models import Link, Message, MunicipalRole, Suppression, User

State = Dialogue.State
Side = Dialogue.Side
Facts = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Words:
    """What one mail says around the facts."""

    kind: str
    sentences: list[str]
    button: str
    quote: str = ""
    facts: Facts = field(default_factory=list)


# --- Common --------------------------------------------------------------------------------------------------------


def _about(message: Message) -> Dialogue | None:
    rows = Dialogue.objects.select_related("offer__company", "offer__contact", "school", "school_class", "teacher")
    return rows.select_related("enrolment__session").filter(pk=message.reference_id).first()


def _asked(message: Message) -> Question | None:
    rows = Question.objects.select_related("offer__company", "offer__contact", "school", "teacher")
    return rows.filter(pk=message.reference_id).first()


def _contact(message: Message) -> Contact | None:
    if message.recipient_kind != "contact" or message.recipient_id is None:
        return None
    return Contact.objects.filter(pk=message.recipient_id, is_active=True).first()


def _person(message: Message) -> User | None:
    if message.recipient_kind != "user" or message.recipient_id is None:
        return None
    return User.objects.filter(pk=message.recipient_id, is_active=True).first()


def _receiver_stays(message: Message, teacher_id: Any) -> bool:
    """Return whether the receiver may still be told: a contact in use, a coordinator, or still the teacher."""
    if message.recipient_kind == "contact":
        return _contact(message) is not None
    person = _person(message)
    if person is None:
        return False
    if message.occasion.startswith("coordinator_"):
        return MunicipalRole.Role.COORDINATOR in municipal_roles_held(person)
    return bool(person.pk == teacher_id)


def _name(message: Message) -> str:
    if contact := _contact(message):
        return contact.name
    person = _person(message)
    return person.get_short_name() if person is not None else ""


def _reason(message: Message) -> str:
    if message.recipient_kind == "contact":
        return _("You get this mail because you are the contact for the course.")
    if message.occasion.startswith("coordinator_"):
        return _("You get this mail because you coordinate the open school.")
    if message.reference_type == Question._meta.label_lower:
        return _("You get this mail because you asked the host of a course something.")
    return _("You get this mail because you proposed a time for a course.")


def _asked_by(message: Message) -> list[str]:
    """Return the sentence that says who proposed the times, when it was somebody else than the contact teacher."""
    who = message.parameters.get("asked_by")
    person = User.objects.filter(pk=who).first() if who else None
    if person is None:
        return []
    return [
        _("%(name)s (%(email)s) has proposed times for you, and you are the contact teacher.")
        % {"name": person.name, "email": person.email}
    ]


def _host_address(message: Message, now: datetime) -> str:
    """Return the host's link; one that ran out is prolonged, one that was withdrawn stays dead."""
    assert message.recipient_id is not None
    return links.address(links.ensure(purpose=Link.Purpose.HOST, reference_id=message.recipient_id, now=now))


def _relayed() -> str:
    return _("Answer on the page: a reply to this mail goes to the municipality.")


def _letter(message: Message, words: Words, *, title: str, company: str, about: str, url: str) -> Letter:
    """Put the words into the letter; the subject says what kind, which class or school, and which course."""
    subject = _("%(kind)s: %(about)s, %(title)s") % {"kind": words.kind, "about": about, "title": title}
    context = {
        "name": _name(message),
        "title": title,
        "company": company,
        "sentences": words.sentences,
        "quote": words.quote,
        "facts": [(word, value.split("\n")) for word, value in words.facts],
        "others": [],
        "url": url,
        "label": words.button,
        "reason": _reason(message),
    }
    return Letter(subject=subject, context=context, template="enrolment")


# --- Dialogues -----------------------------------------------------------------------------------------------------


def _label(talk: Dialogue) -> str:
    """Return what the class is called on the first proposed day."""
    first = talk.times.order_by("starts_at").first()
    return talk.school_class.label(calendar.local_day(first.starts_at if first is not None else talk.created_at))


def _class(talk: Dialogue) -> Facts:
    pupils = ngettext("%(count)d pupil", "%(count)d pupils", talk.pupils) % {"count": talk.pupils}
    adults = ngettext("%(count)d adult", "%(count)d adults", talk.adults) % {"count": talk.adults}
    return [
        (_("Class"), f"{_label(talk)}, {talk.school.name}"),
        (_("Coming"), _("%(pupils)s and %(adults)s") % {"pupils": pupils, "adults": adults}),
    ]


def _times(talk: Dialogue, side: str, now: datetime, word: str) -> Facts:
    """Return the times of one side that are still possible, one on each line."""
    whens = [
        dates.span_in_words(one.starts_at, one.ends_at)
        for one in dialogue.possible_times(talk, now=now)
        if one.side == side
    ]
    return [(word, "\n".join(whens))] if whens else []


def _said_to(talk: Dialogue, side: str) -> str:
    """Return what the others wrote since that side last did."""
    said: list[DialogueEntry] = []
    for entry in talk.entries.order_by("-at", "-pk"):
        if entry.side == side:
            break
        said.append(entry)
    return "\n\n".join(entry.text for entry in reversed(said))


def _host_asked(talk: Dialogue, now: datetime) -> Words:
    return Words(
        kind=_("Request for a visit"),
        sentences=[
            _("%(class)s from %(school)s would like to take part, and proposes when.")
            % {"class": _label(talk), "school": talk.school.name},
            _("Say yes to one of the times, propose others, or say that it cannot be now. It takes a minute."),
            _relayed(),
        ],
        quote=_said_to(talk, Side.HOST),
        facts=[*_times(talk, Side.TEACHER, now, _("Proposed")), *_class(talk)],
        button=_("Answer the class"),
    )


def _host_answer(talk: Dialogue, now: datetime) -> Words:
    return Words(
        kind=_("News about a request"),
        sentences=[
            _("There is news from %(class)s at %(school)s about your course.")
            % {"class": _label(talk), "school": talk.school.name},
            _relayed(),
        ],
        quote=_said_to(talk, Side.HOST),
        facts=[
            *_times(talk, Side.TEACHER, now, _("The class proposes")),
            *_times(talk, Side.HOST, now, _("You proposed")),
            *_class(talk),
        ],
        button=_("Answer the class"),
    )


def _host_nudge(talk: Dialogue, now: datetime) -> Words:
    return Words(
        kind=_("Reminder: a class waits for your answer"),
        sentences=[
            _("%(class)s from %(school)s still waits for your answer. A no is an answer, too.")
            % {"class": _label(talk), "school": talk.school.name},
            _("After two reminders the request is closed."),
            _relayed(),
        ],
        quote=_said_to(talk, Side.HOST),
        facts=[*_times(talk, Side.TEACHER, now, _("The class proposes")), *_class(talk)],
        button=_("Answer the class"),
    )


def _host_awaits_leader(talk: Dialogue, now: datetime) -> Words:
    facts = _class(talk)
    if talk.enrolment is not None:
        session = talk.enrolment.session
        facts = [(_("When"), dates.span_in_words(session.starts_at, session.ends_at)), *facts]
    return Words(
        kind=_("Time found, awaits the school's leader"),
        sentences=[
            _("You and the class have found a time. At %(school)s a leader approves visits, and has been asked.")
            % {"school": talk.school.name},
            _("Please keep the time free. You get a mail with the teacher's address as soon as there is an answer."),
        ],
        facts=facts,
        button=_("See how it stands"),
    )


def _host_withdrawn(talk: Dialogue, now: datetime) -> Words:
    return Words(
        kind=_("Request withdrawn"),
        sentences=[
            _("%(class)s from %(school)s has taken the request back. You need do nothing.")
            % {"class": _label(talk), "school": talk.school.name}
        ],
        quote=_said_to(talk, Side.HOST),
        facts=_class(talk),
        button=_("See your visits"),
    )


def _host_closed(talk: Dialogue, now: datetime) -> Words:
    if talk.offer.state in {Offer.State.ARCHIVED, Offer.State.EXPIRED}:
        sentence = _("Your course is no longer offered, so the request is closed. The teacher has been told.")
    elif talk.state == State.NOT_NOW:
        sentence = _("The municipality has answered for you that it cannot be now, and has told the teacher.")
    else:
        sentence = _("The teacher has not answered, and the request is closed. The times you proposed are yours again.")
    return Words(kind=_("Request closed"), sentences=[sentence], facts=_class(talk), button=_("See your visits"))


def _teacher_asked(talk: Dialogue, now: datetime) -> Words:
    return Words(
        kind=_("Your request has been sent"),
        sentences=[
            _("%(company)s has got your request, and answers yes, with other times, or that it cannot be now.")
            % {"company": talk.offer.company.name},
            _("Nothing is agreed yet. You get a mail as soon as there is an answer, and we remind the host meanwhile."),
        ],
        facts=[*_times(talk, Side.TEACHER, now, _("Proposed")), *_class(talk)],
        button=_("See how it stands"),
    )


def _teacher_answer(talk: Dialogue, now: datetime) -> Words:
    sentences = [_("There is news about your request to %(company)s.") % {"company": talk.offer.company.name}]
    times = _times(talk, Side.HOST, now, _("The host proposes"))
    if times:
        sentences.append(_("If one of the times suits you, say yes on the page: then the visit is agreed."))
    return Words(
        kind=_("Answer from the host"),
        sentences=[*sentences, _relayed()],
        quote=_said_to(talk, Side.TEACHER),
        facts=[*times, *_times(talk, Side.TEACHER, now, _("You proposed")), *_class(talk)],
        button=_("Answer the host"),
    )


def _teacher_handed_over(talk: Dialogue, now: datetime) -> Words:
    return Words(
        kind=_("You are the contact now"),
        sentences=[
            _("%(class)s has asked %(company)s for a visit, and you are now its contact teacher.")
            % {"class": _label(talk), "company": talk.offer.company.name},
            _("It is your turn to answer.")
            if talk.awaits == Side.TEACHER
            else _("The host answers next. You get a mail as soon as there is an answer."),
        ],
        facts=[
            *_times(talk, Side.HOST, now, _("The host proposes")),
            *_times(talk, Side.TEACHER, now, _("You proposed")),
            *_class(talk),
        ],
        button=_("See how it stands"),
    )


def _teacher_nudge(talk: Dialogue, now: datetime) -> Words:
    return Words(
        kind=_("Reminder: the host waits for your answer"),
        sentences=[
            _("%(company)s has answered your request and waits for you.") % {"company": talk.offer.company.name},
            _("After two reminders the request is closed."),
            _relayed(),
        ],
        quote=_said_to(talk, Side.TEACHER),
        facts=[*_times(talk, Side.HOST, now, _("The host proposes")), *_class(talk)],
        button=_("Answer the host"),
    )


def _teacher_not_now(talk: Dialogue, now: datetime) -> Words:
    return Words(
        kind=_("Not now"),
        sentences=[
            _("%(company)s cannot take the class now. The answer was:") % {"company": talk.offer.company.name},
        ],
        quote=_said_to(talk, Side.TEACHER),
        facts=_class(talk),
        button=_("See how it stands"),
    )


def _teacher_withdrawn(talk: Dialogue, now: datetime) -> Words:
    return Words(
        kind=_("Request withdrawn"),
        sentences=[_("Your school, or the municipality, has taken the request back. The host knows.")],
        quote=_said_to(talk, Side.TEACHER),
        facts=_class(talk),
        button=_("See how it stands"),
    )


def _teacher_no_answer(talk: Dialogue, now: datetime) -> Words:
    if talk.awaits == Side.TEACHER:
        first = _("We reminded you twice without an answer, so the request is closed. The host knows.")
    else:
        first = _("%(company)s has not answered, though we reminded them twice. We are sorry.") % {
            "company": talk.offer.company.name
        }
    return Words(
        kind=_("Request closed without an answer"),
        sentences=[first, _("The municipality's coordinators have been told. You are welcome to ask again.")],
        facts=_class(talk),
        button=_("See how it stands"),
    )


def _coordinator_asked(talk: Dialogue, now: datetime) -> Words:
    return Words(
        kind=_("Request for a visit without a contact"),
        sentences=[
            _("%(class)s has proposed times to %(company)s, where there is nobody to write to.")
            % {"class": _label(talk), "company": talk.offer.company.name},
            _("At your desk you can answer for the host, once you have telephoned."),
        ],
        quote=_said_to(talk, Side.COORDINATOR),
        facts=[*_times(talk, Side.TEACHER, now, _("The class proposes")), *_class(talk)],
        button=_("See how it stands"),
    )


def _coordinator_no_answer(talk: Dialogue, now: datetime) -> Words:
    silent = talk.offer.company.name if talk.awaits == Side.HOST else talk.get_awaits_display()
    return Words(
        kind=_("Request closed without an answer"),
        sentences=[
            _("After two reminders the request of %(class)s is closed. The answer was owed by: %(who)s.")
            % {"class": _label(talk), "who": silent},
            _("A telephone call to host and teacher may still save the visit."),
        ],
        facts=_class(talk),
        button=_("See how it stands"),
    )


def _about_dialogue(words: Callable[[Dialogue, datetime], Words], *states: str, awaits: str = "") -> Occasion:
    """Return an occasion about a dialogue, wanted in these states, perhaps only while it is one side's turn."""

    def still_wanted(message: Message, now: datetime) -> bool:
        talk = _about(message)
        if talk is None or talk.state not in states or not _receiver_stays(message, talk.teacher_id):
            return False
        return not awaits or talk.awaits == awaits

    def letter(message: Message, now: datetime) -> Letter:
        talk = _about(message)
        assert talk is not None
        if message.recipient_kind == "contact":
            url = _host_address(message, now)
        elif message.occasion.startswith("coordinator_"):
            url = settings.ORIGIN + reverse("admin:offers_dialogue_change", args=[talk.pk])
        else:
            url = settings.ORIGIN + reverse("dialogue", args=[talk.pk])
        said = words(talk, now)
        return _letter(
            message,
            replace(said, sentences=[*_asked_by(message), *said.sentences]),
            title=talk.offer.title,
            company=talk.offer.company.name,
            about=_label(talk),
            url=url,
        )

    return Occasion(still_wanted=still_wanted, letter=letter)


# --- Questions -----------------------------------------------------------------------------------------------------


def _host_question(question: Question, now: datetime) -> Words:
    return Words(
        kind=_("A question about your course"),
        sentences=[
            _("You have got a question. Answer on your page, and the teacher gets your answer by mail."),
            _("A reply to this mail would go to the municipality."),
            _("A teacher from %(school)s asks:") % {"school": question.school.name},
        ],
        quote=question.text,
        facts=_teacher_of(question),
        button=_("Answer the question"),
    )


def _host_question_nudge(question: Question, now: datetime) -> Words:
    return Words(
        kind=_("Reminder: a question about your course"),
        sentences=[
            _("A teacher from %(school)s still waits for your answer. A few words are enough.")
            % {"school": question.school.name},
            _relayed(),
        ],
        quote=question.text,
        facts=_teacher_of(question),
        button=_("Answer the question"),
    )


def _coordinator_question(question: Question, now: datetime) -> Words:
    return Words(
        kind=_("A question without a contact"),
        sentences=[
            _("A teacher has asked %(company)s something, where there is nobody to write to. Answer at your desk.")
            % {"company": question.offer.company.name},
        ],
        quote=question.text,
        button=_("See the question"),
    )


def _question_answered(question: Question, now: datetime) -> Words:
    who = question.offer.company.name
    sentence = _("%(company)s has answered your question.") % {"company": who}
    if question.answered_by == Side.COORDINATOR:
        sentence = _("The municipality has answered your question to %(company)s.") % {"company": who}
    return Words(
        kind=_("Answer to your question"),
        sentences=[sentence],
        quote=question.answer,
        facts=[(_("You asked"), question.text), *_host_of(question)],
        button=_("See question and answer"),
    )


def _teacher_of(question: Question) -> Facts:
    """Return whom the host can reach, once a visit is confirmed."""
    teacher = question.teacher
    if teacher is None or not questions.know_each_other(question):
        return []
    return [(_("Teacher"), "\n".join(part for part in (teacher.name, teacher.email) if part))]


def _host_of(question: Question) -> Facts:
    """Return whom the teacher can reach, once a visit is confirmed."""
    contact = notices.host_contact(question.offer)
    if contact is None or not questions.know_each_other(question):
        return []
    reach = (contact.name, contact.email, as_written(contact.phone))
    return [(_("Host"), "\n".join(part for part in reach if part))]


def _about_question(words: Callable[[Question, datetime], Words], *, answered: bool, declinable: str = "") -> Occasion:
    """Return an occasion about a question that has been answered, or has not."""

    def still_wanted(message: Message, now: datetime) -> bool:
        question = _asked(message)
        if question is None or (question.answered_at is not None) != answered:
            return False
        return _receiver_stays(message, question.teacher_id)

    def letter(message: Message, now: datetime) -> Letter:
        question = _asked(message)
        assert question is not None
        if message.recipient_kind == "contact":
            url = _host_address(message, now)
        elif message.occasion.startswith("coordinator_"):
            url = settings.ORIGIN + reverse("admin:offers_question_change", args=[question.pk])
        else:
            url = settings.ORIGIN + reverse("question", args=[question.pk])
        return _letter(
            message,
            words(question, now),
            title=question.offer.title,
            company=question.offer.company.name,
            about=question.school.name,
            url=url,
        )

    return Occasion(still_wanted=still_wanted, letter=letter, declinable=declinable)


OCCASIONS: dict[str, Occasion] = {
    "host_dialogue_asked": _about_dialogue(_host_asked, *State.open(), awaits=Side.HOST),
    "host_dialogue_answer": _about_dialogue(_host_answer, *State.open()),
    "host_dialogue_nudge": _about_dialogue(_host_nudge, *State.open(), awaits=Side.HOST),
    "host_dialogue_awaits_leader": _about_dialogue(_host_awaits_leader, State.AGREED),
    "host_dialogue_withdrawn": _about_dialogue(_host_withdrawn, State.WITHDRAWN),
    "host_dialogue_closed": _about_dialogue(_host_closed, State.NOT_NOW, State.NO_ANSWER),
    "dialogue_asked": _about_dialogue(_teacher_asked, *State.open()),
    "dialogue_answer": _about_dialogue(_teacher_answer, *State.open()),
    "dialogue_handed_over": _about_dialogue(_teacher_handed_over, *State.open()),
    "dialogue_nudge": _about_dialogue(_teacher_nudge, *State.open(), awaits=Side.TEACHER),
    "dialogue_not_now": _about_dialogue(_teacher_not_now, State.NOT_NOW),
    "dialogue_withdrawn": _about_dialogue(_teacher_withdrawn, State.WITHDRAWN),
    "dialogue_no_answer": _about_dialogue(_teacher_no_answer, State.NO_ANSWER),
    "coordinator_dialogue_asked": _about_dialogue(_coordinator_asked, *State.open(), awaits=Side.COORDINATOR),
    "coordinator_dialogue_nudge": _about_dialogue(_coordinator_asked, *State.open(), awaits=Side.COORDINATOR),
    "coordinator_dialogue_no_answer": _about_dialogue(_coordinator_no_answer, State.NO_ANSWER),
    "host_question": _about_question(_host_question, answered=False),
    "host_question_nudge": _about_question(_host_question_nudge, answered=False, declinable=Suppression.Kind.REMINDERS),
    "coordinator_question": _about_question(_coordinator_question, answered=False),
    "question_answered": _about_question(_question_answered, answered=True),
}

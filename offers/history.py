"""History in words: courses, sessions, enrolments, visits and what belongs to them."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from offers.domain import authoring, dates
from offers.models import Dialogue, Encounter, Enrolment, Invite, MoveAnswer, Signature, SurveyRequest, VisitReport
from portal.history import Facts, Holders, Sentence, Text, in_words, pupils
from portal.models import Link

Status = Enrolment.Status


def _fields(facts: Facts) -> str:
    """Return the changed fields of a course as people call them."""
    return in_words(authoring.label_of(name) for name in facts.get("fields", [])) or "–"


def _moment(facts: Facts, name: str) -> str:
    """Return a moment that stands among the facts, on the wall clock."""
    try:
        return dates.moment_in_words(datetime.fromisoformat(facts[name]))
    except (KeyError, TypeError, ValueError):
        return "–"


def _word(choices: list[tuple[str, Text]], value: object) -> str:
    return str(dict(choices).get(str(value), "–"))


def _safe(text: str) -> str:
    """Let a text that is put into a sentence hold per cent signs."""
    return text.replace("%", "%%")


def _counted(one: str, many: str, name: str) -> Callable[[Facts], Text]:
    """Return a sentence whose words follow a number among the facts."""

    def sentence(facts: Facts) -> Text:
        count = facts.get(name)
        return ngettext(one, many, count if isinstance(count, int) else 0)

    return sentence


def _written(facts: Facts) -> Text:
    return _("%(who)s wrote on the course: {fields}").format(fields=_safe(_fields(facts)))


def _edited(facts: Facts) -> Text:
    return _("%(who)s edited the course: {fields}").format(fields=_safe(_fields(facts)))


def _approved(facts: Facts) -> Text:
    return _("%(who)s approved the course, to be published on {when}").format(when=_moment(facts, "publish_at"))


def _planned(facts: Facts) -> Text:
    return _("%(who)s planned the session on {when} with %(places)s places").format(when=_moment(facts, "starts_at"))


def _moved(facts: Facts) -> Text:
    words = _("%(who)s moved the session from {before} to {after}")
    if facts.get("agreed"):
        words = _("%(who)s moved the session from {before} to {after}, having agreed it with every class")
    return words.format(before=_moment(facts, "before"), after=_moment(facts, "starts_at"))


def _move_proposed(facts: Facts) -> Text:
    return _("%(who)s proposed to move the session from {before} to {after}; answers until {when}").format(
        before=_moment(facts, "before"), after=_moment(facts, "starts_at"), when=_moment(facts, "answer_by")
    )


def _move_answered(facts: Facts) -> Text:
    if facts.get("answer") == MoveAnswer.Answer.STAY:
        return _("%(who)s said that the class comes at the proposed time")
    return _("%(who)s said that the class cannot come at the proposed time")


def _meeting_cancelled(facts: Facts) -> Text:
    return _("%(who)s called off date %(number)s, {when}; %(left)s dates are left").format(
        when=_moment(facts, "starts_at")
    )


def _signed(facts: Facts) -> Text:
    party = _word(list(Signature.Party.choices), facts.get("party"))
    return _("%(who)s noted a signature of version %(number)s: {party}").format(party=party)


def _confirmed(facts: Facts) -> Text:
    before = facts.get("before")
    if before == Status.PENDING:
        words = _("%(who)s approved the enrolment, {pupils}")
    elif before == Status.OFFERED:
        words = _("%(who)s took the offered place, {pupils}")
    elif before in {Status.COMPLETED, Status.NO_SHOW}:
        return _("The enrolment stands as confirmed again")
    elif before == Status.IN_DRAW:
        words = _("The class got its places in the draw, {pupils}")
    elif before == Status.WAITLISTED:
        words = _("%(who)s confirmed the enrolment from the waiting list, {pupils}")
    else:
        words = _("%(who)s enrolled the class, {pupils}")
    return words.format(pupils=pupils(facts))


def _requested(facts: Facts) -> Text:
    return _("%(who)s asked for places for the class, {pupils}").format(pupils=pupils(facts))


def _waitlisted(facts: Facts) -> Text:
    return _("%(who)s put the class on the waiting list, {pupils}").format(pupils=pupils(facts))


def _offered(facts: Facts) -> Text:
    when = _moment(facts, "answer_by")
    if facts.get("passed"):
        return ngettext(
            "%(who)s offered the class a place until {when}, before %(passed)s class that did not fit",
            "%(who)s offered the class a place until {when}, before %(passed)s classes that did not fit",
            facts["passed"],
        ).format(when=when)
    return _("%(who)s offered the class a place until {when}").format(when=when)


def _drawn(facts: Facts) -> Text:
    if facts.get("fits"):
        return _("The class was drawn as number %(number)s of %(of)s, and there was room")
    return _("The class was drawn as number %(number)s of %(of)s, beyond the places")


def _looked_at(facts: Facts) -> Text:
    if facts.get("too_late"):
        return _("%(left)s places were free, too late to ask the first in line, who needs %(needs)s")
    return _("%(left)s places were free, and the first in line needs %(needs)s: nobody was asked")


def _terms(facts: Facts) -> Text:
    return _("%(who)s changed enrolling: it opens on {opens} and closes on {closes}").format(
        opens=_moment(facts, "opens_at"), closes=_moment(facts, "closes_at")
    )


def _lots(facts: Facts) -> Text:
    count = len(facts.get("order", []))
    return ngettext(
        "Lots were drawn among {count} class (seed %(seed)s)",
        "Lots were drawn among {count} classes (seed %(seed)s)",
        count,
    ).format(count=count)


def _numbers(facts: Facts) -> Text:
    return _("%(who)s changed the numbers to {pupils} and %(adults)s adults").format(pupils=pupils(facts))


def _reported(facts: Facts) -> Text:
    outcome = _word(list(VisitReport.Outcome.choices), facts.get("outcome"))
    side = _word(list(VisitReport.Side.choices), facts.get("side"))
    return _("%(who)s said what became of the visit ({side}): {outcome}").format(side=side, outcome=outcome)


def _decided(facts: Facts) -> Text:
    outcome = _word(list(VisitReport.Outcome.choices), facts.get("outcome"))
    return _("%(who)s decided what became of the visit: {outcome}").format(outcome=outcome)


def _recorded(facts: Facts) -> Text:
    evidence = _word(list(Encounter.Evidence.choices), facts.get("evidence"))
    return _("The visit was put into the ledger ({evidence}), {pupils}").format(evidence=evidence, pupils=pupils(facts))


def _evidence(facts: Facts) -> Text:
    evidence = _word(list(Encounter.Evidence.choices), facts.get("evidence"))
    return _("The evidence in the ledger is now: {evidence}").format(evidence=evidence)


def _surveyed(facts: Facts) -> Text:
    side = _word(list(SurveyRequest.Audience.choices), facts.get("audience"))
    return _("%(who)s answered the survey ({side})").format(side=side)


def _answered_in_dialogue(facts: Facts) -> Text:
    side = _word(list(Dialogue.Side.choices), facts.get("side"))
    if facts.get("times"):
        return _("%(who)s proposed other times ({side})").format(side=side)
    return _("%(who)s wrote in the talk ({side})").format(side=side)


def _agreed(facts: Facts) -> Text:
    return _("%(who)s agreed on {when}").format(when=_moment(facts, "starts_at"))


def _reminded(facts: Facts) -> Text:
    side = _word(list(Dialogue.Side.choices), facts.get("side"))
    return _("The portal reminded of an answer ({side})").format(side=side)


SENTENCES: dict[str, Sentence] = {
    "invite-sent": gettext_lazy("%(who)s sent the invitation"),
    "invite-resent": gettext_lazy("%(who)s sent the invitation again"),
    "invite-opened": gettext_lazy("%(who)s opened the invitation"),
    "invite-revoked": gettext_lazy("%(who)s withdrew the invitation"),
    "invite-expired": gettext_lazy("The invitation ran out"),
    "offer-begun": gettext_lazy("%(who)s began the course"),
    "offer-written": _written,
    "offer-submitted": gettext_lazy("%(who)s sent the course for review"),
    "offer-edited": _edited,
    "offer-changed": _edited,
    "offer-cloned": gettext_lazy("%(who)s made the course as a copy of another"),
    "offer-sent-back": _counted(
        "%(who)s sent the course back with %(comments)s comment",
        "%(who)s sent the course back with %(comments)s comments",
        "comments",
    ),
    "offer-approved": _approved,
    "offer-published": gettext_lazy("%(who)s published the course"),
    "offer-rejected": gettext_lazy("%(who)s rejected the course"),
    "offer-paused": gettext_lazy("%(who)s paused the course"),
    "offer-resumed": gettext_lazy("%(who)s resumed the course"),
    "offer-confirmed-fresh": gettext_lazy("%(who)s confirmed that the course is up to date"),
    "offer-expired": gettext_lazy("The course ran out, since nobody confirmed it"),
    "offer-archived": gettext_lazy("%(who)s archived the course"),
    "session-planned": _planned,
    "session-moved": _moved,
    "move-proposed": _move_proposed,
    "move-answered": _move_answered,
    "move-withdrawn": gettext_lazy("The proposed move was dropped"),
    "meeting-cancelled": _meeting_cancelled,
    "session-places-changed": gettext_lazy("%(who)s changed the places from %(before)s to %(places)s"),
    "session-cancelled": _counted(
        "%(who)s cancelled the session, with %(enrolments)s enrolment",
        "%(who)s cancelled the session, with %(enrolments)s enrolments",
        "enrolments",
    ),
    "session-closed-without-class": gettext_lazy("The date was closed, since the class it was agreed for has left it"),
    "session-opened-again": gettext_lazy("The date was opened again for the class it was agreed for"),
    "session-enrolling-changed": _terms,
    "lots-drawn": _lots,
    "line-looked-at": _looked_at,
    "enrolment-in-draw": gettext_lazy("%(who)s put the class into the draw"),
    "enrolment-drawn": _drawn,
    "enrolment-confirmed": _confirmed,
    "enrolment-pending": _requested,
    "enrolment-waitlisted": _waitlisted,
    "enrolment-offered": _offered,
    "enrolment-given-a-place": gettext_lazy(
        "%(who)s gave the class a place, from number %(position)s on the waiting list"
    ),
    "enrolment-numbers-changed": _numbers,
    "enrolment-handed-over": gettext_lazy("%(who)s gave the enrolment another contact teacher"),
    "enrolment-left-without-teacher": gettext_lazy("%(who)s left the enrolment without a contact teacher"),
    "enrolment-completed": gettext_lazy("The visit stands as completed"),
    "enrolment-no-show": gettext_lazy("The class stands as one that did not come"),
    "enrolment-declined": gettext_lazy("%(who)s declined the request"),
    "enrolment-request-expired": gettext_lazy("The request ran out, since nobody answered it"),
    "enrolment-offer-expired": gettext_lazy("The offered place went on, since nobody answered"),
    "enrolment-cancelled-by-school": gettext_lazy("%(who)s cancelled the enrolment"),
    "calendar-feed-made": gettext_lazy("%(who)s made an address for their calendar"),
    "calendar-feed-renewed": gettext_lazy("%(who)s gave their calendar a new address"),
    "calendar-feed-withdrawn": gettext_lazy("%(who)s closed the address of their calendar"),
    "enrolment-cancelling-asked": gettext_lazy("%(who)s asked the coordinators to cancel the enrolment"),
    "enrolment-cancelling-declined": gettext_lazy("%(who)s did not agree to cancel; the class is still expected"),
    "enrolment-restored": gettext_lazy("%(who)s undid the cancelling; the enrolment stands as before"),
    "enrolment-cancelled-by-host": gettext_lazy("%(who)s cancelled the enrolment for the host"),
    "enrolment-cancelled-by-municipality": gettext_lazy("%(who)s cancelled the enrolment for the municipality"),
    "visit-reported": _reported,
    "visit-decided": _decided,
    "contact-left": gettext_lazy("%(who)s noted that the contact has left"),
    "contact-links-withdrawn": gettext_lazy("%(who)s withdrew the contact's links"),
    "needs-read": gettext_lazy("%(who)s read what the class wrote about needs"),
    "enrolment-approved-by-leader": gettext_lazy("%(who)s approved the enrolment for the school"),
    "offer-picture-chosen": gettext_lazy("%(who)s chose a picture for the course"),
    "offer-picture-removed": gettext_lazy("%(who)s removed the course's picture"),
    "material-added": gettext_lazy("%(who)s added material to the course"),
    "material-removed": gettext_lazy("%(who)s removed material from the course"),
    "visit-undone": gettext_lazy("%(who)s took back what was said about the visit"),
    "encounter-recorded": _recorded,
    "encounter-evidence": _evidence,
    "encounter-voided": gettext_lazy("The visit no longer counts in the ledger"),
    "survey-answered": _surveyed,
    "survey-declined": gettext_lazy("%(who)s sent no questions about the visit: the receiver wants none"),
    "dialogue-asked": gettext_lazy("%(who)s proposed times for a visit"),
    "dialogue-answered": _answered_in_dialogue,
    "dialogue-agreed": _agreed,
    "dialogue-not-now": gettext_lazy("%(who)s said that it cannot be now"),
    "dialogue-course-gone": gettext_lazy("The request was closed, since the course is no longer offered"),
    "dialogue-handed-over": gettext_lazy("%(who)s gave the request another contact teacher"),
    "dialogue-withdrawn": gettext_lazy("%(who)s took the request back"),
    "dialogue-reminded": _reminded,
    "dialogue-no-answer": gettext_lazy("The request was closed, since nobody answered"),
    "question-asked": gettext_lazy("%(who)s asked the host a question"),
    "question-answered": gettext_lazy("%(who)s answered the question"),
    "agreement-created": gettext_lazy("%(who)s put the agreement into words"),
    "agreement-version": gettext_lazy("%(who)s changed the text: version %(number)s"),
    "agreement-signed": _signed,
    "agreement-ended": gettext_lazy("%(who)s ended the agreement"),
}


def invited(ids: set[UUID]) -> dict[UUID, str]:
    """Return the contacts behind links that ask for a course."""
    rows = Invite.objects.filter(pk__in=ids).select_related("contact__company")
    return {row.pk: f"{row.contact.name} ({row.contact.company.name})" for row in rows}


def asked(ids: set[UUID]) -> dict[UUID, str]:
    """Return which side of a visit a survey asked."""
    rows = SurveyRequest.objects.filter(pk__in=ids).only("audience")
    return {row.pk: str(row.get_audience_display()).capitalize() for row in rows}


HOLDERS: dict[str, Holders] = {Link.Purpose.INVITE.value: invited, Link.Purpose.SURVEY.value: asked}

"""What courses and visits hold about people; how they are forgotten, erased and handed out.

Here both sides are known, so here stand also the rules for contacts and accounts that nothing hangs on any more.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from companies.models import Contact
from offers.domain import dates, dialogue, search
from offers.models import (
    Agreement,
    Dialogue,
    DialogueEntry,
    Encounter,
    Enrolment,
    Invite,
    Material,
    Meeting,
    MoveProposal,
    Offer,
    ProposedMeeting,
    Question,
    ReviewComment,
    Revision,
    Session,
    Signature,
    SurveyRequest,
)
from portal.domain.actor import Actor
from portal.domain.privacy import REMOVED, Eraser, Holding, Rule, Subject, each_batch, erase, in_batches
from portal.domain.pseudonyms import FORGOTTEN_DOMAIN
from portal.domain.refusal import Refusal
from portal.models import Erasure, LegalHold, Link, Message, MunicipalRole, Upload, User
from portal.privacy import (
    ACCOUNT,
    AGREEMENTS,
    COMMENT,
    CONTACT,
    COURSE,
    COURSES,
    HOSTS,
    KEPT,
    NEEDS,
    NEEDS_OF_CLASS,
    STATISTICS,
    SURVEYS,
    VISIT,
    VISITS,
    by_ids,
)

LIVE = [
    Offer.State.SUBMITTED,
    Offer.State.CHANGES_REQUESTED,
    Offer.State.APPROVED,
    Offer.State.PUBLISHED,
    Offer.State.PAUSED,
]
TEXTS = (
    "title teaser description purpose pupil_activity jobs before during after meeting_point clothing food accessibility"
    " safety transport pause_reason"
)


# --- Whose rows ----------------------------------------------------------------------------------------------------


def enrolments_of(subject: Subject) -> QuerySet[Enrolment]:
    """Return the enrolments whose contact teacher the person is."""
    return Enrolment.objects.filter(teacher=subject.id) if subject.is_user else Enrolment.objects.none()


def offers_of(subject: Subject) -> QuerySet[Offer]:
    """Return the courses whose contact the person is, or was when invited."""
    if not subject.is_contact:
        return Offer.objects.none()
    return Offer.objects.filter(Q(contact=subject.id) | Q(invite__contact=subject.id))


def invites_of(subject: Subject) -> QuerySet[Invite]:
    """Return the invitations to the person."""
    return Invite.objects.filter(contact=subject.id) if subject.is_contact else Invite.objects.none()


def dialogues_of(subject: Subject) -> QuerySet[Dialogue]:
    """Return the talks about times that the person has as the class's teacher, or as the course's contact."""
    if subject.is_user:
        return Dialogue.objects.filter(teacher=subject.id)
    return Dialogue.objects.filter(offer__in=offers_of(subject))


def questions_of(subject: Subject) -> QuerySet[Question]:
    """Return the questions the person asked, or that were asked about the person's courses."""
    if subject.is_user:
        return Question.objects.filter(teacher=subject.id)
    return Question.objects.filter(offer__in=offers_of(subject))


def surveys_of(subject: Subject) -> QuerySet[SurveyRequest]:
    """Return the surveys the person was asked to answer."""
    wanted = Q(pk__in=[])
    if subject.id is not None:
        asked = Message.objects.filter(recipient_id=subject.id, reference_type="offers.surveyrequest")
        wanted |= Q(pk__in=asked.values("reference_id"))
    if subject.is_user:
        wanted |= Q(audience=SurveyRequest.Audience.TEACHER, enrolment__teacher=subject.id)
    if subject.is_contact:
        wanted |= Q(audience=SurveyRequest.Audience.HOST, enrolment__session__offer__contact=subject.id)
    return SurveyRequest.objects.filter(wanted)


def signatures_of(subject: Subject) -> QuerySet[Signature]:
    """Return the signatures that carry the person's job title at the person's company."""
    contact = Contact.objects.filter(pk=subject.id).first() if subject.is_contact else None
    if contact is None or not contact.title:
        return Signature.objects.none()
    return Signature.objects.filter(
        version__agreement__company=contact.company_id,
        party=Signature.Party.COMPANY,
        job_title__iexact=contact.title,
    )


def about_offers_of(model: Any) -> Any:
    """Return a finder of what hangs on the person's courses."""

    def rows(subject: Subject) -> Any:
        return model.objects.filter(offer__in=offers_of(subject))

    return rows


def uploads_of(subject: Subject) -> QuerySet[Upload]:
    """Return the pictures and documents of the person's courses."""
    owners = [str(pk) for pk in offers_of(subject).values_list("pk", flat=True)]
    return Upload.objects.filter(owner_type=Offer._meta.label_lower, owner_id__in=owners)


def reindex(chosen: list[Any]) -> None:
    """Let the search forget the words as well."""
    for offer in Offer.objects.filter(pk__in=chosen).select_related("company"):
        search.index(offer)


HOLDINGS = [
    Holding(
        model="offers.Offer",
        purpose=COURSES,
        keep=COURSE,
        free_text=f"{TEXTS} words search",
        pseudonym="contact",
        none="picture id company state version activity_type industry education_areas illustration grade_from grade_to"
        " subjects before_minutes after_minutes duration_minutes meetings places_counted places min_pupils adults venue"
        " price_ore counts_adults max_pupils opens_days closes_days days_counted cancel_days most_per_class"
        " fewest_meetings by_agreement acceptance has_waiting_list publish_at published_at submitted_at"
        " last_confirmed_at created_at updated_at",
        hidden="words search",
        of=offers_of,
        after_scrub=reindex,
    ),
    Holding(
        model="offers.Material",
        purpose=COURSES,
        keep=COURSE,
        free_text="title",
        none="id offer upload added_at",
        of=about_offers_of(Material),
    ),
    Holding(
        model="portal.Upload",
        purpose=COURSES,
        keep=COURSE,
        free_text="name alt_text",
        none="id owner_type owner_id kind format size width height has_small digest created_at",
        of=uploads_of,
    ),
    Holding(
        model="offers.Revision",
        purpose=COURSES,
        keep=COURSE,
        free_text="content",
        pseudonym="actor_id",
        none="id offer number actor_kind at",
        of=lambda subject: (
            Revision.objects.filter(Q(actor_id__in=subject.ids) | Q(offer__in=offers_of(subject)))
            if subject.is_contact
            else by_ids("offers.Revision", "actor_id")(subject)
        ),
    ),
    Holding(
        model="offers.ReviewComment",
        purpose=COURSES,
        keep=COMMENT,
        free_text="text",
        none="id offer field at resolved_at",
        of=about_offers_of(ReviewComment),
    ),
    Holding(
        model="offers.Session",
        purpose=COURSES,
        keep=COURSE,
        free_text="note cancel_reason",
        none="id offer state places places_taken min_pupils max_pupils draw_at drawn_at opens_at"
        " closes_at starts_at ends_at sequence created_at",
        sooner={"note": COMMENT, "cancel_reason": COMMENT},
        of=about_offers_of(Session),
    ),
    Holding(
        model="offers.Meeting",
        purpose=COURSES,
        keep=COURSE,
        free_text="place cancel_reason",
        none="id session number starts_at ends_at state",
        sooner={"cancel_reason": COMMENT},
        of=lambda subject: Meeting.objects.filter(session__offer__in=offers_of(subject)),
    ),
    Holding(
        model="offers.Enrolment",
        purpose=VISITS,
        keep=KEPT,
        contact="teacher_phone",
        free_text="ended_reason title_then place_then",
        pseudonym="teacher form_token",
        none="id session school_class school group grade pupils adults places status status_at waiting_since answer_by"
        " created_at leader_answer school_then class_then status_before is_late draw_number batch host_then"
        " price_ore_then starts_then ends_then",
        hidden="form_token",
        sooner={"teacher": VISIT, "teacher_phone": VISIT, "ended_reason": VISIT, "form_token": VISIT},
        of=enrolments_of,
    ),
    Holding(
        model="offers.Enrolment",
        purpose=NEEDS_OF_CLASS,
        keep=NEEDS,
        free_text="needs_text",
        none="needs_step_free needs_quiet needs_diet needs_language",
        of=enrolments_of,
        called=_("needs of the classes"),
    ),
    Holding(
        model="offers.MoveProposal",
        purpose=VISITS,
        keep=KEPT,
        free_text="reason",
        none="id session state proposed_by silence answer_by nudge_at nudged_at created_at ended_at",
        sooner={"reason": COMMENT},
        of=lambda subject: MoveProposal.objects.filter(session__offer__in=offers_of(subject)),
    ),
    Holding(
        model="offers.ProposedMeeting",
        purpose=COURSES,
        keep=COURSE,
        free_text="place",
        none="id proposal number starts_at ends_at",
        of=lambda subject: ProposedMeeting.objects.filter(proposal__session__offer__in=offers_of(subject)),
    ),
    Holding(
        model="offers.MoveAnswer",
        purpose=VISITS,
        keep=KEPT,
        none="id proposal enrolment answer answered_at",
    ),
    Holding(
        model="offers.Dialogue",
        purpose=VISITS,
        keep=KEPT,
        pseudonym="teacher form_token",
        none="id offer school school_class pupils adults state state_at awaits nudges nudge_at enrolment created_at",
        hidden="form_token",
        sooner={"teacher": VISIT, "form_token": VISIT},
        of=dialogues_of,
    ),
    Holding(
        model="offers.ProposedTime",
        purpose=VISITS,
        keep=KEPT,
        none="id dialogue side starts_at ends_at proposed_at is_withdrawn",
    ),
    Holding(
        model="offers.DialogueEntry",
        purpose=VISITS,
        keep=COMMENT,
        free_text="text",
        none="id dialogue side at",
        of=lambda subject: DialogueEntry.objects.filter(dialogue__in=dialogues_of(subject)),
    ),
    Holding(
        model="offers.Question",
        purpose=VISITS,
        keep=COMMENT,
        free_text="text answer",
        pseudonym="teacher form_token",
        none="id offer school answered_by asked_at answered_at",
        hidden="form_token",
        of=questions_of,
    ),
    Holding(
        model="offers.VisitReport",
        purpose=STATISTICS,
        keep=KEPT,
        none="id enrolment meeting side outcome pupils at",
    ),
    Holding(
        model="offers.Encounter",
        purpose=STATISTICS,
        keep=KEPT,
        free_text="offer_title void_reason",
        none="id enrolment meeting offer company school school_class day school_year minutes grade pupils company_name"
        " school_name class_label industry activity_type subjects evidence recorded_at voided_at",
        sooner={"void_reason": COMMENT},
    ),
    Holding(
        model="offers.SurveyRequest",
        purpose=SURVEYS,
        keep=KEPT,
        free_text="comment",
        none="id enrolment audience state questions answers may_quote due_at closes_at answered_at created_at",
        sooner={"comment": COMMENT},
        of=surveys_of,
    ),
    Holding(
        model="offers.Invite",
        purpose=HOSTS,
        keep=CONTACT,
        free_text="greeting",
        pseudonym="contact opened_at",
        none="id company offer state reached_step created_at submitted_at",
        sooner={"greeting": COMMENT},
        of=invites_of,
    ),
    Holding(
        model="offers.Agreement",
        purpose=AGREEMENTS,
        keep=COURSE,
        free_text="title",
        none="id company school state first_day last_day visits_per_year created_at",
    ),
    Holding(
        model="offers.AgreementVersion",
        purpose=AGREEMENTS,
        keep=COURSE,
        free_text="purpose roles",
        none="id agreement number text_digest created_at",
    ),
    Holding(
        model="offers.Signature",
        purpose=AGREEMENTS,
        keep=COURSE,
        contact="job_title",
        none="id version party signed_at",
        of=signatures_of,
    ),
]


# --- Forgetting ----------------------------------------------------------------------------------------------------


def old_surveys(cut: datetime, now: datetime) -> QuerySet[SurveyRequest]:
    """Return the answered surveys with a comment from before the cut."""
    return SurveyRequest.objects.filter(answered_at__lt=cut).exclude(comment="")


def old_comments(cut: datetime, now: datetime) -> QuerySet[ReviewComment]:
    """Return what was asked of a company before the cut, but for what is still to be answered."""
    waiting = Q(resolved_at__isnull=True, offer__state=Offer.State.CHANGES_REQUESTED)
    return ReviewComment.objects.filter(at__lt=cut).exclude(waiting)


def dialogues_over(cut: datetime, now: datetime) -> QuerySet[Dialogue]:
    """Return the talks that still name a teacher though the visit, or the talk without one, was over before the cut."""
    over = Q(enrolment__session__ends_at__lt=cut) | Q(enrolment__isnull=True, state_at__lt=cut)
    return Dialogue.objects.exclude(state__in=Dialogue.State.open()).filter(over, teacher__isnull=False)


def idle_accounts(cut: datetime, now: datetime) -> QuerySet[User]:
    """Return the accounts nobody has used since the cut: no sign-in, no visit, no mail.

    People with a role in the municipality keep theirs until the role is taken back, and those on hold theirs.
    """
    visits = Enrolment.objects.filter(teacher=OuterRef("pk")).filter(
        Q(session__ends_at__gte=cut) | Q(created_at__gte=cut)
    )
    mails = Message.objects.filter(recipient_kind="user", recipient_id=OuterRef("pk"), send_at__gte=cut)
    roles = MunicipalRole.objects.filter(user=OuterRef("pk"))
    return User.objects.filter(
        Q(last_login__lt=cut) | Q(last_login__isnull=True),
        ~Exists(visits),
        ~Exists(mails),
        ~Exists(roles),
        ~Exists(_held("user", now)),
        date_joined__lt=cut,
        is_superuser=False,
    )


def idle_contacts(cut: datetime, now: datetime) -> QuerySet[Contact]:
    """Return the contacts on whom nothing has hung since the cut.

    What keeps a contact: a live course of the company, one that was changed or held since, an agreement in force
    since, an invitation or a mail since. Somebody who has left the company is kept by mails and visits alone.
    """
    company = OuterRef("company")
    offers = Offer.objects.filter(company=company).filter(Q(state__in=LIVE) | Q(updated_at__gte=cut))
    agreements = Agreement.objects.filter(company=company, last_day__gte=timezone.localtime(cut).date()).exclude(
        state=Agreement.State.DRAFT, created_at__lt=cut
    )
    sessions = Session.objects.filter(offer__company=company, ends_at__gte=cut)
    invites = Invite.objects.filter(contact=OuterRef("pk")).filter(Q(created_at__gte=cut) | Q(opened_at__gte=cut))
    mails = Message.objects.filter(recipient_kind="contact", recipient_id=OuterRef("pk"), send_at__gte=cut)
    return (
        Contact.objects.filter(~Exists(invites), ~Exists(_held("contact", now)), created_at__lt=cut)
        .filter(Q(is_active=False) & ~Exists(mails) | ~Exists(offers) & ~Exists(agreements))
        .exclude(Exists(sessions) & Q(is_active=True))
        .exclude(email__endswith=f"@{FORGOTTEN_DOMAIN}")
    )


def _held(kind: str, now: datetime) -> QuerySet[LegalHold]:
    return LegalHold.objects.filter(kind=kind, subject_id=OuterRef("pk"), until__gte=timezone.localtime(now).date())


def erase_each(kind: str) -> Any:
    """Return the treatment that erases people whose time is up, as a request would."""

    def treat(chosen: QuerySet[Any], now: datetime) -> int:
        pks = list(chosen.values_list("pk", flat=True))
        for pk in pks:
            erase(kind=kind, subject_id=pk, by=Actor.job("forget"), now=now, cause=Erasure.Cause.RETENTION)
        return len(pks)

    return treat


RULES = [
    Rule(
        name="needs",
        lifetime=NEEDS,
        fields=("offers.Enrolment.needs_text",),
        run=in_batches(
            lambda cut, _now: Enrolment.objects.filter(session__ends_at__lt=cut).exclude(needs_text=""),
            NEEDS,
            needs_text="",
        ),
    ),
    Rule(
        name="teachers-on-enrolments",
        lifetime=VISIT,
        fields=tuple(f"offers.Enrolment.{name}" for name in ("teacher", "teacher_phone", "ended_reason", "form_token")),
        run=in_batches(
            lambda cut, _now: Enrolment.objects.filter(session__ends_at__lt=cut).exclude(
                teacher__isnull=True, teacher_phone="", ended_reason=""
            ),
            VISIT,
            teacher=None,
            teacher_phone="",
            ended_reason="",
        ),
    ),
    Rule(
        name="survey-comments",
        lifetime=COMMENT,
        fields=("offers.SurveyRequest.comment",),
        run=in_batches(old_surveys, COMMENT, comment="", may_quote=False),
    ),
    Rule(
        name="review-comments",
        lifetime=COMMENT,
        fields=("offers.ReviewComment.text",),
        run=in_batches(old_comments, COMMENT),
    ),
    Rule(
        name="greetings",
        lifetime=COMMENT,
        fields=("offers.Invite.greeting",),
        run=in_batches(
            lambda cut, _now: Invite.objects.filter(created_at__lt=cut).exclude(greeting=""), COMMENT, greeting=""
        ),
    ),
    Rule(
        name="session-notes",
        lifetime=COMMENT,
        fields=("offers.Session.note",),
        run=in_batches(lambda cut, _now: Session.objects.filter(ends_at__lt=cut).exclude(note=""), COMMENT, note=""),
    ),
    Rule(
        name="cancel-reasons",
        lifetime=COMMENT,
        fields=("offers.Session.cancel_reason",),
        run=in_batches(
            lambda cut, _now: Session.objects.filter(ends_at__lt=cut).exclude(cancel_reason__in=["", REMOVED]),
            COMMENT,
            cancel_reason=REMOVED,
        ),
    ),
    Rule(
        name="cancel-reasons-of-dates",
        lifetime=COMMENT,
        fields=("offers.Meeting.cancel_reason",),
        run=in_batches(
            lambda cut, _now: Meeting.objects.filter(ends_at__lt=cut).exclude(cancel_reason=""),
            COMMENT,
            cancel_reason="",
        ),
    ),
    Rule(
        name="reasons-of-moves",
        lifetime=COMMENT,
        fields=("offers.MoveProposal.reason",),
        run=in_batches(
            lambda cut, _now: MoveProposal.objects.filter(ended_at__lt=cut).exclude(reason=REMOVED),
            COMMENT,
            reason=REMOVED,
        ),
    ),
    Rule(
        name="teachers-in-dialogues",
        lifetime=VISIT,
        fields=("offers.Dialogue.teacher", "offers.Dialogue.form_token"),
        run=in_batches(dialogues_over, VISIT, teacher=None),
    ),
    Rule(
        name="texts-of-dialogues",
        lifetime=COMMENT,
        fields=("offers.DialogueEntry.text",),
        run=in_batches(lambda cut, _now: DialogueEntry.objects.filter(at__lt=cut), COMMENT),
    ),
    Rule(
        name="questions-to-hosts",
        lifetime=COMMENT,
        fields=tuple(f"offers.Question.{name}" for name in ("text", "answer", "teacher", "form_token")),
        run=in_batches(lambda cut, _now: Question.objects.filter(asked_at__lt=cut), COMMENT),
    ),
    Rule(
        name="void-reasons",
        lifetime=COMMENT,
        fields=("offers.Encounter.void_reason",),
        run=in_batches(
            lambda cut, _now: Encounter.objects.filter(voided_at__lt=cut).exclude(void_reason=REMOVED),
            COMMENT,
            void_reason=REMOVED,
        ),
    ),
    Rule(
        name="contacts",
        lifetime=CONTACT,
        fields=(
            *(f"companies.Contact.{name}" for name in ("name", "title", "email", "phone", "id")),
            "offers.Invite.contact",
            "offers.Invite.opened_at",
        ),
        run=each_batch(idle_contacts, CONTACT, erase_each("contact")),
    ),
    Rule(
        name="accounts",
        lifetime=ACCOUNT,
        fields=tuple(f"portal.User.{name}" for name in ("name", "email", "phone", "password", "id", "last_login")),
        run=each_batch(idle_accounts, ACCOUNT, erase_each("user")),
    ),
]


# --- Erasing -------------------------------------------------------------------------------------------------------


def contact_as_subject(contact_id: UUID) -> Subject | None:
    """Return a contact with every link the person ever had; None when there is none, or one that was erased."""
    contact = Contact.objects.filter(pk=contact_id).exclude(email__endswith=f"@{FORGOTTEN_DOMAIN}").first()
    if contact is None:
        return None
    known = Subject(kind="contact", id=contact.pk)
    links = Link.objects.filter(
        Q(purpose=Link.Purpose.HOST, reference_id=contact.pk)
        | Q(purpose=Link.Purpose.INVITE, reference_id__in=invites_of(known).values("pk"))
        | Q(purpose=Link.Purpose.SURVEY, reference_id__in=surveys_of(known).values("pk"))
    )
    return Subject(
        kind="contact",
        id=contact.pk,
        names=frozenset({contact.name} - {""}),
        addresses=frozenset({contact.email.lower()}),
        phones=frozenset({contact.phone} - {""}),
        ids=frozenset({str(contact.pk), *(str(pk) for pk in links.values_list("pk", flat=True))}),
    )


def visits_to_come(subject: Subject, now: datetime) -> Refusal | None:
    """Refuse to erase the contact teacher of classes that are to come: hand them over or cancel them first."""
    coming = (
        Enrolment.objects.active()
        .filter(pk__in=enrolments_of(subject).values("pk"), session__ends_at__gte=now)
        .order_by("session__starts_at")
    )
    rows = list(coming.select_related("session__offer", "school_class"))
    if not rows:
        return None
    named = "; ".join(
        f"{row.class_label}, {row.session.offer}, {dates.moment_in_words(row.session.starts_at)}" for row in rows[:5]
    )
    return Refusal(
        ngettext(
            "The person is contact teacher of %(count)d class that is to come (%(which)s)."
            " Hand it over to a colleague or cancel it first.",
            "The person is contact teacher of %(count)d classes that are to come (%(which)s)."
            " Hand them over to a colleague or cancel them first.",
            len(rows),
        )
        % {"count": len(rows), "which": named},
        code="visits-to-come",
    )


def nobody_else_to_write_to(subject: Subject, now: datetime) -> Refusal | None:
    """Refuse to erase the only contact of a company that has classes to come: somebody must be told of them."""
    contact = Contact.objects.filter(pk=subject.id, is_active=True).first() if subject.is_contact else None
    if contact is None:
        return None
    others = Contact.objects.filter(company=contact.company_id, is_active=True).exclude(pk=contact.pk)
    coming = Enrolment.objects.active().filter(session__offer__company=contact.company_id, session__ends_at__gte=now)
    count = 0 if others.exists() else coming.count()
    if not count:
        return None
    return Refusal(
        ngettext(
            "%(count)d class is to come, and nobody else at %(company)s can be written to. Add another contact first.",
            "%(count)d classes are to come, and nobody else at %(company)s can be written to."
            " Add another contact first.",
            count,
        )
        % {"count": count, "company": contact.company},
        code="only-contact",
    )


def with_phones_of_the_day(subject: Subject) -> Subject:
    """Add the numbers that a teacher gave for single days."""
    given = enrolments_of(subject).exclude(teacher_phone="").values_list("teacher_phone", flat=True)
    return replace(subject, phones=subject.phones | frozenset(given.distinct()))


def erase_mails_about(subject: Subject, now: datetime) -> int:
    """Empty what others were mailed about the person's classes; what has not left is written anew when it leaves."""
    about = Q(reference_type="offers.enrolment", reference_id__in=enrolments_of(subject).values("pk"))
    sent = Message.objects.filter(about, sent_at__isnull=False)
    return sent.exclude(subject="", body="").update(subject="", body="", trouble="")


def erase_survey_comments(subject: Subject, now: datetime) -> int:
    """Empty what the person wrote in surveys; the answers in numbers stay, they name nobody."""
    return surveys_of(subject).exclude(comment="").update(comment="", may_quote=False)


def erase_enrolments(subject: Subject, now: datetime) -> int:
    """Take the person off the enrolments; class, grade and numbers stay."""
    return enrolments_of(subject).update(teacher=None, teacher_phone="", needs_text="", ended_reason="")


def erase_dialogues(subject: Subject, now: datetime) -> int:
    """Take a teacher off the talks about times, close those that are open, and empty what was written."""
    rows = dialogues_of(subject)
    pks = list(rows.values_list("pk", flat=True))
    DialogueEntry.objects.filter(dialogue__in=pks).update(text=REMOVED)
    questions = questions_of(subject)
    if subject.is_user:
        for talk in Dialogue.objects.open().filter(pk__in=pks).select_related("offer__company", "offer__contact"):
            dialogue.close_for_erasure(talk, now=now)
        Dialogue.objects.filter(pk__in=pks).update(teacher=None)
        return len(pks) + questions.delete()[0]
    return len(pks) + questions.exclude(answer="").update(answer=REMOVED)


def erase_invites(subject: Subject, now: datetime) -> int:
    """Empty the personal words of invitations, and end those that are still open."""
    rows = invites_of(subject)
    count = rows.update(greeting="")
    rows.filter(state__in=[Invite.State.SENT, Invite.State.OPENED, Invite.State.STARTED]).update(
        state=Invite.State.REVOKED
    )
    return count


def erase_signatures(subject: Subject, now: datetime) -> int:
    """Take the job title off the signatures; the party and the day stay."""
    return Signature.objects.filter(pk__in=list(signatures_of(subject).values_list("pk", flat=True))).update(
        job_title=REMOVED
    )


def leave_offers(subject: Subject, now: datetime) -> int:
    """Leave the person's courses to the company's next contact."""
    if not subject.is_contact:
        return 0
    return Offer.objects.filter(contact=subject.id).update(contact=None)


SUBJECTS = {"contact": contact_as_subject}
WIDEN = [with_phones_of_the_day]
OBJECTIONS = [visits_to_come, nobody_else_to_write_to]
ERASERS = [
    Eraser(name="mails-about-classes", run=erase_mails_about),
    Eraser(name="survey-comments", run=erase_survey_comments),
    Eraser(name="enrolments", run=erase_enrolments),
    Eraser(name="dialogues", run=erase_dialogues),
    Eraser(name="invites", run=erase_invites),
    Eraser(name="signatures", run=erase_signatures),
    Eraser(name="courses", run=leave_offers),
]

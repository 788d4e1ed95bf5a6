"""What the ground holds about people, and Django and allauth with it; how it forgets, erases and hands out."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from portal import pdf
from portal.domain import limits, sign_in, suppressions, tables, watch
from portal.domain import sessions as ended_sessions
from portal.domain.privacy import (
    Besides,
    Cookie,
    Eraser,
    Holding,
    Kind,
    Lifetime,
    Purpose,
    Rule,
    Subject,
    Table,
    each_batch,
    in_batches,
)
from portal.domain.pseudonyms import FORGOTTEN_DOMAIN, address_of_nobody
from portal.domain.refusal import Refusal
from portal.models import (
    AuditEntry,
    Document,
    DocumentJob,
    LegalHold,
    Link,
    Message,
    MunicipalRole,
    PendingTable,
    SignInCode,
    Suppression,
    User,
)

# --- How long ------------------------------------------------------------------------------------------------------

KEPT = Lifetime(code="kept", after=_("Without limit: it says nothing about any person"))
ORGANISATION = Lifetime(code="organisation", after=_("As long as the organisation stands in the portal"))
COURSE = Lifetime(code="course", after=_("As long as the course stands in the portal"))
WITH_ACCOUNT = Lifetime(code="with-account", after=_("As long as the account"))
ACCOUNT = Lifetime(code="account", after=_("after it was last used"), months=12, setting="keep_account_months")
NEEDS = Lifetime(code="needs", after=_("after the visit"), days=30, setting="keep_needs_days")
VISIT = Lifetime(code="visit", after=_("after the visit"), months=6, setting="keep_visit_months")
CONTACT = Lifetime(
    code="contact", after=_("after the company's last course or agreement"), months=12, setting="keep_contact_months"
)
COMMENT = Lifetime(code="comment", after=_("after it was written"), months=12, setting="keep_comment_months")
MAIL_TEXT = Lifetime(
    code="mail-text", after=_("after the mail was sent or given up"), days=30, setting="keep_mail_days"
)
MAIL_ROW = Lifetime(code="mail", after=_("after the mail was sent or given up, without address and text"), months=12)
LOG = Lifetime(code="log", after=_("after it was written into the log"), months=13, setting="keep_log_months")
SIGN_INS = Lifetime(code="sign-ins", after=_("after somebody signed in, or failed to"), months=6)
LOG_LINES = Lifetime(
    code="log-lines", after=_("after the line was written: the installation lets its logs rotate"), months=6
)
LINK = Lifetime(code="link", after=_("after the link stopped working"), days=30)
CODE = Lifetime(code="code", after=_("after it was asked for"), days=1)
TABLE = Lifetime(code="table", after=_("after it was uploaded"), days=1)
PAPER = Lifetime(code="paper", after=_("after it was made"), days=7)
SESSION = Lifetime(code="session", after=_("Until you sign out, at most 12 hours"))
COUNTER = Lifetime(code="counter", after=_("Some hours"))
LEDGER = Lifetime(code="ledger", after=_("after the erasure, so that older backups are erased again"), months=12)
ANSWERED = Lifetime(code="answered", after=_("Until it is answered"))
DECLINED = Lifetime(code="declined", after=_("Until you take it back: as a keyed hash that outlives an erasure"))
HELD = Lifetime(code="held", after=_("Until the day that the hold names"))

# --- Why -----------------------------------------------------------------------------------------------------------

PUBLIC_TASK = _(
    "GDPR Art. 6(1)(e), a task in the public interest: schools cooperate with local business, culture and associations"
    " (Folkeskole Act § 3(4))"
)
SAFETY_DUTY = _("GDPR Art. 6(1)(e), with the duties of security and accountability (Art. 5(2) and Art. 32)")
RIGHTS_DUTY = _("GDPR Art. 6(1)(c): the duty to answer and to prove it (Art. 12 and Art. 17)")
RIGHTS_OF_OBJECTION = _("GDPR Art. 6(1)(c): the duty to respect a no (Art. 21)")

NOTHING = Purpose(code="nothing", who="", what="", why=_("The portal's own settings and machinery."), basis="")
ACCOUNTS = Purpose(
    code="accounts",
    who=_("Teachers and others at the schools, and employees of the municipality"),
    what=_("Name, work e-mail, phone, school and role, own classes, and how you sign in."),
    why=_("So that you can sign in, enrol classes and be told what concerns them."),
    basis=PUBLIC_TASK,
    given_to=_("The host of a class sees name, work e-mail and phone of its contact teacher."),
)
VISITS = Purpose(
    code="visits",
    who=_("Contact teachers of enrolled classes"),
    what=_("That you are the contact teacher, a mobile number for the day if you give one, and the reason you write."),
    why=_("So that the host knows who is coming, and can reach you on the day."),
    basis=PUBLIC_TASK,
    given_to=_("The host of the class."),
)
NEEDS_OF_CLASS = Purpose(
    code="needs",
    who=_("Classes with special needs"),
    what=_("Ticks (such as step-free access) and, if the teacher writes one, a short text without names."),
    why=_(
        "So that the host can receive everybody well. The text is in no mail, PDF or list; who reads it is noted in"
        " the log."
    ),
    basis=PUBLIC_TASK,
    given_to=_("The host of the class."),
)
HOSTS = Purpose(
    code="hosts",
    who=_("Contacts at companies and other hosts"),
    what=_("Name, job title, e-mail and phone at work, and the personal words of an invitation."),
    why=_("To arrange and confirm visits. Contacts come in by links and have no account."),
    basis=PUBLIC_TASK,
    given_to=_("Teachers whose class is coming."),
)
AGREEMENTS = Purpose(
    code="agreements",
    who=_("Those who signed an agreement"),
    what=_("Job title, on whose behalf, and when. The names stand on the paper alone."),
    why=_("So that both sides know what was agreed."),
    basis=PUBLIC_TASK,
    given_to=_("The parties of the agreement."),
)
COURSES = Purpose(
    code="courses",
    who=_("Persons who are named in the description of a course"),
    what=_("What hosts and coordinators write about courses, dates and places."),
    why=_("So that teachers find a course that fits."),
    basis=PUBLIC_TASK,
    given_to=_("Everybody: published courses are public."),
)
SURVEYS = Purpose(
    code="surveys",
    who=_("Those who answer a survey"),
    what=_("What you answer about a visit, and the comment you write."),
    why=_("To make the courses better. Totals are shown only from a number of answers that hides who said what."),
    basis=PUBLIC_TASK,
)
STATISTICS = Purpose(
    code="statistics",
    who=_("Visits that were held"),
    what=_("School, class, grade, number of pupils, company and date. No persons."),
    why=_("To see whether all classes meet working life."),
    basis=PUBLIC_TASK,
)
MAILS = Purpose(
    code="mails",
    who=_("Receivers of mails"),
    what=_("Receiver, subject and text, with secret links masked."),
    why=_("So that we can see what happened if a mail did not arrive."),
    basis=PUBLIC_TASK,
)
LOGGED = Purpose(
    code="log",
    who=_("Those who do something in the portal"),
    what=_("Who did what and when, by an id without name; every reading of a text about needs, every handing out."),
    why=_("So that it can be seen afterwards who did what."),
    basis=SAFETY_DUTY,
)
SAFETY = Purpose(
    code="safety",
    who=_("Those who sign in or come by a link"),
    what=_(
        "The session, when a link was used, each sign-in with its way, each code that did not fit; in the program's log"
        " what was asked for, with the network address."
    ),
    why=_("So that nobody else comes in."),
    basis=SAFETY_DUTY,
)
RIGHTS = Purpose(
    code="rights",
    who=_("Those who ask to be erased"),
    what=_("Who asked and when; after the erasure only a keyed hash that names nobody."),
    why=_("To answer within a month, and to erase again what a restored backup brings back."),
    basis=RIGHTS_DUTY,
)
DECLINED_MAILS = Purpose(
    code="declined-mails",
    who=_("Those who want no reminders, or no questions after visits"),
    what=_("A keyed hash of the e-mail address, which kind of mails, and since when. It names nobody."),
    why=_("So that your no still holds when you have been erased and are written to again."),
    basis=RIGHTS_OF_OBJECTION,
)
ORGANISATIONS = Purpose(
    code="organisations",
    who=_("Companies, schools and the municipality"),
    what=_("Name, address, shared e-mail and phone. A one-person firm may be a person."),
    why=_("So that schools and hosts find each other."),
    basis=PUBLIC_TASK,
    given_to=_("Everybody: they stand on the portal's public pages."),
)

COOKIES = [
    Cookie(
        setting="SESSION_COOKIE_NAME",
        why=_("Keeps you signed in, or lets you in by your link."),
        when=_("When you sign in or press the button of a link"),
        lasts=_("Up to 12 hours, or until you sign out"),
    ),
    Cookie(
        setting="CSRF_COOKIE_NAME",
        why=_("Protects forms against misuse from other sites."),
        when=_("When you open a form"),
        lasts=_("One year; it says nothing about you"),
    ),
    Cookie(
        setting="LANGUAGE_COOKIE_NAME",
        why=_("Remembers your language."),
        when=_("When you choose another language"),
        lasts=_("Until you close the browser"),
    ),
]


# --- Whose rows ----------------------------------------------------------------------------------------------------


def of_user(label: str, way: str = "user") -> Any:
    """Return a finder of the rows of a model that belong to an account."""

    def rows(subject: Subject) -> Any:
        everything = apps.get_model(label)._base_manager.all()
        return everything.filter(**{way: subject.id}) if subject.is_user else everything.none()

    return rows


def by_ids(label: str, *fields: str) -> Any:
    """Return a finder of the rows in which one of the person's ids stands."""

    def rows(subject: Subject) -> Any:
        wanted = Q(pk__in=[])
        for name in fields:
            wanted |= Q(**{f"{name}__in": subject.ids})
        return apps.get_model(label)._base_manager.filter(wanted)

    return rows


def mails_of(subject: Subject) -> QuerySet[Message]:
    """Return the mails to the person."""
    wanted = Q(pk__in=[])
    for address in subject.addresses:
        wanted |= Q(address__iexact=address)
    if subject.id is not None:
        wanted |= Q(recipient_id=subject.id)
    return Message.objects.filter(wanted)


def codes_of(subject: Subject) -> QuerySet[SignInCode]:
    """Return the sign-in codes asked for with one of the person's addresses."""
    wanted = Q(pk__in=[])
    for address in subject.addresses:
        wanted |= Q(email__iexact=address)
    return SignInCode.objects.filter(wanted)


def sessions_of(subject: Subject) -> QuerySet[Session]:
    """Return the browsers in which the person is signed in or came by a link."""
    keys = [one.pk for one in Session.objects.iterator() if _is_in(one, subject)]
    return Session.objects.filter(pk__in=keys)


def _is_in(session: Session, subject: Subject) -> bool:
    told = str(session.get_decoded()).lower()
    return any(text.lower() in told for text in (*subject.ids, *subject.addresses, *subject.names) if len(text) > 3)


def declined_by(subject: Subject) -> QuerySet[Suppression]:
    """Return what somebody who reads at one of the person's addresses has declined."""
    digests = {choice.address_digest for address in subject.addresses for choice in suppressions.choices_of(address)}
    return Suppression.objects.filter(address_digest__in=digests)


def rights_of(label: str) -> Any:
    """Return a finder of requests and holds."""

    def rows(subject: Subject) -> Any:
        return apps.get_model(label)._base_manager.filter(kind=subject.kind, subject_id=subject.id)

    return rows


HOLDINGS = [
    Holding(
        model="portal.User",
        purpose=ACCOUNTS,
        keep=ACCOUNT,
        name="name",
        contact="email phone password",
        pseudonym="id last_login",
        none="is_superuser language is_active is_staff date_joined groups user_permissions",
        hidden="password",
        of=of_user("portal.User", "pk"),
    ),
    Holding(
        model="portal.MunicipalRole",
        purpose=ACCOUNTS,
        keep=WITH_ACCOUNT,
        pseudonym="user",
        none="id role",
        of=of_user("portal.MunicipalRole"),
    ),
    Holding(
        model="portal.Message",
        purpose=MAILS,
        keep=MAIL_ROW,
        contact="address",
        free_text="parameters subject body trouble",
        pseudonym="recipient_id dedupe_key",
        none="id occasion reference_type reference_id recipient_kind language urgency policy state send_at not_after"
        " attempts lease_owner lease_until sent_at created_at",
        hidden="dedupe_key",
        sooner=dict.fromkeys(("address", "parameters", "subject", "body", "trouble"), MAIL_TEXT),
        of=mails_of,
    ),
    Holding(
        model="portal.AuditEntry",
        purpose=LOGGED,
        keep=LOG,
        free_text="facts",
        pseudonym="actor_id object_id",
        none="id at actor_kind action object_type",
        of=by_ids("portal.AuditEntry", "actor_id", "object_id"),
    ),
    Holding(
        model="portal.Link",
        purpose=SAFETY,
        keep=LINK,
        name="holder_name",
        contact="holder_address",
        pseudonym="reference_id token_digest last_used_at",
        none="id purpose parent version expires_at revoked_at created_at",
        hidden="token_digest",
        untouched="holder_name holder_address",
        of=by_ids("portal.Link", "pk"),
    ),
    Holding(
        model="portal.FormerAddress",
        purpose=SAFETY,
        keep=LINK,
        pseudonym="token_digest link",
        hidden="token_digest",
        of=by_ids("portal.FormerAddress", "link"),
    ),
    Holding(
        model="portal.Suppression",
        purpose=DECLINED_MAILS,
        keep=DECLINED,
        pseudonym="address_digest",
        none="id kind created_at",
        hidden="address_digest",
        untouched="address_digest",
        of=declined_by,
    ),
    Holding(
        model="portal.SignInCode",
        purpose=SAFETY,
        keep=CODE,
        contact="email",
        none="id language purpose is_mailed same_as created_at expires_at failures used_at",
        of=codes_of,
    ),
    Holding(
        model="portal.Tally",
        purpose=SAFETY,
        keep=COUNTER,
        pseudonym="key",
        none="count until",
        hidden="key",
    ),
    Holding(
        model="portal.PendingTable",
        purpose=ACCOUNTS,
        keep=TABLE,
        name="rows",
        free_text="filename unused",
        pseudonym="owner",
        none="id kind end_missing uploaded_at",
        hidden="rows",  # other people's names: not the uploader's to be handed out
        of=of_user("portal.PendingTable", "owner"),
    ),
    Holding(
        model="portal.Document",
        purpose=VISITS,
        keep=PAPER,
        name="pdf",
        free_text="filename",
        none="content_hash made_at",
        hidden="pdf",
    ),
    Holding(
        model="portal.DocumentJob",
        purpose=VISITS,
        keep=PAPER,
        name="html",
        free_text="filename trouble",
        none="id content_hash state attempts requested_at lease_until",
        hidden="html",
    ),
    Holding(
        model="portal.Erasure",
        purpose=RIGHTS,
        keep=LEDGER,
        pseudonym="subject_digest address_digest",
        none="id kind cause counts erased_at",
        hidden="subject_digest address_digest",
    ),
    Holding(
        model="portal.ErasureRequest",
        purpose=RIGHTS,
        keep=ANSWERED,
        pseudonym="subject_id",
        none="id kind asked_at",
        of=rights_of("portal.ErasureRequest"),
    ),
    Holding(
        model="portal.LegalHold",
        purpose=RIGHTS,
        keep=HELD,
        pseudonym="subject_id",
        free_text="reason",
        none="id kind until created_at",
        of=rights_of("portal.LegalHold"),
    ),
    Holding(
        model="portal.Municipality",
        purpose=ORGANISATIONS,
        keep=ORGANISATION,
        name="name sender_name",
        contact="address contact_email contact_phone sender_email reply_to",
        free_text="tagline introduction",
        none="id brand_color teacher_reminders host_reminders request_hold_days place_offer_days freshness_days"
        " survey_threshold keep_needs_days keep_visit_months keep_contact_months keep_account_months keep_mail_days"
        " keep_comment_months keep_log_months place_offer_hours smaller_may_overtake unvisited_first most_per_class"
        " most_per_class_at_company priority_days priority_for draw_minutes cancel_days move_answer_days move_default"
        " hosts_add_dates host_notice_days host_most_dates dialogue_nudge_days freshness_warnings"
        " organisation_models teacher_domains memberships_need_confirmation logo takes_office_files",
        untouched="name sender_name address contact_email contact_phone sender_email reply_to tagline introduction",
    ),
    Holding(
        model="portal.CalendarPeriod",
        purpose=NOTHING,
        keep=KEPT,
        none="id school_year kind name first_day last_day",
    ),
    *(
        Holding(
            model=f"portal.{word}",
            purpose=NOTHING,
            keep=KEPT,
            none=f"id slug name name_en version position valid_from valid_until {more}",
        )
        for word, more in (
            ("Subject", "grade_from grade_to is_stem"),
            ("Industry", ""),
            ("EducationArea", ""),
            ("ActivityType", ""),
        )
    ),
    Holding(model="portal.IndustryCode", purpose=NOTHING, keep=KEPT, none="id industry system code title"),
    Holding(model="portal.Heartbeat", purpose=NOTHING, keep=KEPT, none="name last_ok reached"),
    Holding(model="portal.DemoClock", purpose=NOTHING, keep=KEPT, none="id ahead"),
    # Django and allauth
    Holding(
        model="admin.LogEntry",
        purpose=LOGGED,
        keep=LOG,
        free_text="object_repr change_message",
        pseudonym="user object_id",
        none="id action_time content_type action_flag",
        of=of_user("admin.LogEntry"),
    ),
    Holding(model="auth.Permission", purpose=NOTHING, keep=KEPT, none="id name content_type codename"),
    Holding(model="auth.Group", purpose=NOTHING, keep=KEPT, none="id name permissions"),
    Holding(model="contenttypes.ContentType", purpose=NOTHING, keep=KEPT, none="id app_label model"),
    Holding(
        model="sessions.Session",
        purpose=SAFETY,
        keep=SESSION,
        pseudonym="session_key session_data",
        none="expire_date",
        hidden="session_key session_data",
        of=sessions_of,
        called=_("sign-ins in use"),
        words={"session_data": _("what the sign-in knows"), "expire_date": _("ends")},
    ),
    Holding(
        model="account.EmailAddress",
        purpose=ACCOUNTS,
        keep=WITH_ACCOUNT,
        contact="email",
        pseudonym="user",
        none="id verified primary",
        of=of_user("account.EmailAddress"),
    ),
    Holding(
        model="account.EmailConfirmation",
        purpose=ACCOUNTS,
        keep=WITH_ACCOUNT,
        pseudonym="email_address",
        contact="key",
        none="id created sent",
        hidden="key",
        of=of_user("account.EmailConfirmation", "email_address__user"),
    ),
    Holding(
        model="mfa.Authenticator",
        purpose=ACCOUNTS,
        keep=WITH_ACCOUNT,
        pseudonym="user data",
        none="id type created_at last_used_at",
        hidden="data",
        of=of_user("mfa.Authenticator"),
        called=_("second factors"),
        words={
            "user": _("whose"),
            "type": _("kind"),
            "created_at": _("made on"),
            "last_used_at": _("last used"),
            "data": _("secret"),
        },
    ),
    Holding(
        model="usersessions.UserSession",
        purpose=SAFETY,
        keep=SESSION,
        contact="ip",
        free_text="user_agent data",
        pseudonym="user session_key last_seen_at",
        none="id created_at",
        hidden="session_key",
        of=of_user("usersessions.UserSession"),
        called=_("places where you are signed in"),
        words={
            "user": _("whose"),
            "ip": _("internet address"),
            "user_agent": _("browser"),
            "created_at": _("since"),
            "last_seen_at": _("last seen"),
            "session_key": _("secret"),
            "data": _("what is noted about it"),
        },
    ),
    Holding(
        model="socialaccount.SocialApp",
        purpose=NOTHING,
        keep=KEPT,
        none="id provider provider_id name client_id secret key settings",
    ),
    Holding(
        model="socialaccount.SocialAccount",
        purpose=ACCOUNTS,
        keep=WITH_ACCOUNT,
        name="extra_data",
        pseudonym="user uid",
        none="id provider last_login date_joined",
        of=of_user("socialaccount.SocialAccount"),
    ),
    Holding(
        model="socialaccount.SocialToken",
        purpose=ACCOUNTS,
        keep=WITH_ACCOUNT,
        pseudonym="account token token_secret",
        none="id app expires_at",
        hidden="token token_secret",
        of=of_user("socialaccount.SocialToken", "account__user"),
    ),
]

TABLES = [
    Table(name="portal_cache", columns="cache_key value expires", purpose=SAFETY, keep=COUNTER),
    Table(name="django_migrations", columns="id app name applied", purpose=NOTHING, keep=KEPT),
]

BESIDES = [
    Besides(name=f"portal.AuditEntry ({', '.join(watch.ACTIONS)})", kind=Kind.PSEUDONYM, purpose=SAFETY, keep=SIGN_INS),
    Besides(name="log (client)", kind=Kind.CONTACT, purpose=SAFETY, keep=LOG_LINES),
]


# --- Forgetting ----------------------------------------------------------------------------------------------------

ENDED = [
    Message.State.SENT,
    Message.State.FAILED,
    Message.State.UNCERTAIN,
    Message.State.WITHDRAWN,
    Message.State.EXPIRED,
    Message.State.HELD,
    Message.State.BOUNCED,
]


def ended_mails(cut: datetime) -> QuerySet[Message]:
    """Return the mails that were sent, or given up, before the cut; what still waits is not over."""
    return Message.objects.filter(
        Q(sent_at__lt=cut) | Q(sent_at__isnull=True, send_at__lt=cut, created_at__lt=cut), state__in=ENDED
    )


def empty_mails(chosen: QuerySet[Message], now: datetime) -> int:
    """Take subject, text, parameters and address out of mails; what could be sent again no longer can."""
    rows = list(chosen)
    for row in rows:
        row.address = address_of_nobody(row.address)
        row.subject = row.body = row.trouble = ""
        row.parameters = {}
        if row.state not in {Message.State.SENT, Message.State.WITHDRAWN}:
            row.state = Message.State.EXPIRED
    Message.objects.bulk_update(rows, ["address", "subject", "body", "trouble", "parameters", "state"])
    return len(rows)


def old_links(cut: datetime, now: datetime) -> QuerySet[Link]:
    """Return the links that stopped working before the cut, with no child that still works."""
    dead = Q(expires_at__lt=cut) | Q(revoked_at__lt=cut)
    living = Link.objects.filter(parent=OuterRef("pk")).exclude(dead)
    return Link.objects.filter(dead).exclude(Exists(living))


def empty_cache(now: datetime) -> int:
    """Delete the cache entries whose time is up."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM portal_cache WHERE expires < %s", [now])
        return int(cursor.rowcount)


def on_the_wall(now: datetime) -> datetime:
    """Return the real moment: what browsers and presses count by, also where the demo's clock is ahead."""
    return timezone.now() if settings.DEMO else now


def entries(model: str, moment: str) -> Any:
    """Return a finder of rows that began before the cut."""

    def over(cut: datetime, now: datetime) -> Any:
        return apps.get_model(model)._base_manager.filter(**{f"{moment}__lt": cut})

    return over


LINK_FIELDS = ("holder_name", "holder_address", "reference_id", "token_digest", "last_used_at")
RULES = [
    Rule(
        name="sign-in-codes",
        lifetime=CODE,
        fields=("portal.SignInCode.email",),
        run=lambda now: sign_in.forget(now=now),
    ),
    Rule(
        name="tables-not-imported",
        lifetime=TABLE,
        fields=tuple(f"portal.PendingTable.{name}" for name in ("rows", "filename", "unused", "owner")),
        run=lambda now: tables.forget(now=now),
    ),
    Rule(
        name="counters",
        lifetime=COUNTER,
        fields=("portal.Tally.key",),
        run=lambda now: limits.forget(now=on_the_wall(now)),
    ),
    Rule(
        name="mail-texts",
        lifetime=MAIL_TEXT,
        fields=tuple(f"portal.Message.{name}" for name in ("address", "parameters", "subject", "body", "trouble")),
        run=each_batch(
            lambda cut, _now: ended_mails(cut).exclude(
                subject="", body="", trouble="", parameters={}, address__endswith=f"@{FORGOTTEN_DOMAIN}"
            ),
            MAIL_TEXT,
            empty_mails,
        ),
    ),
    Rule(
        name="mails",
        lifetime=MAIL_ROW,
        fields=("portal.Message.recipient_id", "portal.Message.dedupe_key"),
        run=in_batches(lambda cut, _now: ended_mails(cut), MAIL_ROW),
    ),
    Rule(
        name="log",
        lifetime=LOG,
        fields=("portal.AuditEntry.facts", "portal.AuditEntry.actor_id", "portal.AuditEntry.object_id"),
        run=in_batches(entries("portal.AuditEntry", "at"), LOG),
    ),
    Rule(
        name="sign-ins",
        lifetime=SIGN_INS,
        fields=(),
        run=in_batches(lambda cut, _now: AuditEntry.objects.filter(action__in=watch.ACTIONS, at__lt=cut), SIGN_INS),
    ),
    Rule(
        name="admin-log",
        lifetime=LOG,
        fields=tuple(f"admin.LogEntry.{name}" for name in ("object_repr", "change_message", "user", "object_id")),
        run=in_batches(entries("admin.LogEntry", "action_time"), LOG),
    ),
    Rule(
        name="links",
        lifetime=LINK,
        fields=(
            *(f"portal.Link.{name}" for name in LINK_FIELDS),
            "portal.FormerAddress.token_digest",
            "portal.FormerAddress.link",
        ),
        run=in_batches(old_links, LINK),
    ),
    Rule(
        name="sessions",
        lifetime=SESSION,
        fields=("sessions.Session.session_key", "sessions.Session.session_data"),
        run=in_batches(lambda _cut, now: Session.objects.filter(expire_date__lt=on_the_wall(now)), SESSION),
    ),
    Rule(
        name="signed-in-browsers",
        lifetime=SESSION,
        fields=tuple(f"usersessions.UserSession.{name}" for name in ("ip", "user_agent", "data", "user")),
        run=lambda _now: ended_sessions.forget_ended(),
    ),
    Rule(name="cache", lifetime=COUNTER, fields=(), run=lambda now: empty_cache(on_the_wall(now))),
    Rule(
        name="documents",
        lifetime=PAPER,
        fields=(
            "portal.Document.pdf",
            "portal.Document.filename",
            *(f"portal.DocumentJob.{name}" for name in ("html", "filename", "trouble")),
        ),
        run=lambda now: pdf.forget(real_now=on_the_wall(now)),
    ),
    Rule(
        name="ledger",
        lifetime=LEDGER,
        fields=("portal.Erasure.subject_digest", "portal.Erasure.address_digest"),
        run=in_batches(entries("portal.Erasure", "erased_at"), LEDGER),
    ),
    Rule(
        name="legal-holds",
        lifetime=HELD,
        fields=("portal.LegalHold.subject_id", "portal.LegalHold.reason"),
        run=in_batches(lambda _cut, now: LegalHold.objects.filter(until__lt=timezone.localtime(now).date()), HELD),
    ),
]


# --- Erasing -------------------------------------------------------------------------------------------------------


def user_as_subject(user_id: UUID) -> Subject | None:
    """Return a person with an account, with every address that belongs to it."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        return None
    more = apps.get_model("account.EmailAddress")._base_manager.filter(user=user).values_list("email", flat=True)
    return Subject(
        kind="user",
        id=user.pk,
        names=frozenset({user.name} - {""}),
        addresses=frozenset(address.lower() for address in (user.email, *more) if address),
        phones=frozenset({user.phone} - {""}),
        ids=frozenset({str(user.pk)}),
    )


def users_at(address: str) -> Iterable[tuple[str, UUID]]:
    """Return the accounts with this address."""
    more = apps.get_model("account.EmailAddress")._base_manager.filter(email__iexact=address).values("user")
    for pk in User.objects.filter(Q(email__iexact=address) | Q(pk__in=more)).values_list("pk", flat=True):
        yield "user", pk


def last_administrator(subject: Subject, now: datetime) -> Refusal | None:
    """Refuse to erase the last active person who gives roles, or who works at the desk."""
    if not subject.is_user:
        return None
    others = MunicipalRole.objects.filter(user__is_active=True).exclude(user=subject.id)
    for role in (MunicipalRole.Role.ADMINISTRATOR, MunicipalRole.Role.COORDINATOR):
        has = MunicipalRole.objects.filter(user=subject.id, role=role).exists()
        if has and not others.filter(role__in=MunicipalRole.Role.acting_as(role)).exists():
            return Refusal(
                _t("This is the last person with the role “%(role)s”. Give it to somebody else first.")
                % {"role": role.label},
                code="last-with-role",
            )
    return None


def erase_mails(subject: Subject, now: datetime) -> int:
    """Empty the mails to the person, and withdraw those that have not left; a worker in the middle of one loses it."""
    rows = list(mails_of(subject).select_for_update())
    for row in rows:
        row.address = address_of_nobody(row.address)
        row.dedupe_key = f"erased|{row.pk}"
        row.recipient_id = None
        row.subject = row.body = row.trouble = ""
        row.parameters = {}
        row.lease_owner = row.lease_until = None
        if row.state != Message.State.SENT:
            row.state = Message.State.WITHDRAWN
        if str(row.reference_id) in subject.ids:
            row.reference_id = row.pk
    names = ["address", "dedupe_key", "recipient_id", "subject", "body", "trouble", "parameters", "lease_owner"]
    Message.objects.bulk_update(rows, [*names, "lease_until", "state", "reference_id"], batch_size=500)
    return len(rows)


def erase_links(subject: Subject, now: datetime) -> int:
    """Delete the person's links, and those that were passed on from them."""
    count, _each = by_ids("portal.Link", "pk")(subject).delete()
    return int(count)


def erase_codes(subject: Subject, now: datetime) -> int:
    """Delete the sign-in codes of the person's addresses."""
    count, _each = codes_of(subject).delete()
    return count


def erase_sessions(subject: Subject, now: datetime) -> int:
    """End the person's sessions in every browser."""
    count, _each = sessions_of(subject).delete()
    return count


def erase_cache(subject: Subject, now: datetime) -> int:
    """Delete the cache entries in whose key or value the person is found."""
    texts = [text.lower().encode() for text in (*subject.ids, *subject.addresses, *subject.names) if len(text) > 3]
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key, value FROM portal_cache")
        keys = [key for key, value in cursor.fetchall() if any(text in _bytes_of(key, value) for text in texts)]
        cursor.execute("DELETE FROM portal_cache WHERE cache_key = ANY(%s)", [keys])
    return len(keys)


def _bytes_of(key: str, value: str) -> bytes:
    try:
        content = base64.b64decode(value)
    except (binascii.Error, ValueError):
        content = value.encode()
    return key.lower().encode() + b" " + content.lower()


def erase_documents(subject: Subject, now: datetime) -> int:
    """Delete every finished PDF: they cannot be searched, and the next reader has them made again from live data."""
    documents, _each = Document.objects.all().delete()
    jobs, _each = DocumentJob.objects.all().delete()
    return documents + jobs


def erase_tables(subject: Subject, now: datetime) -> int:
    """Delete every table that waits for its confirmation: whoever is named in one would come in again with it."""
    count, _each = PendingTable.objects.all().delete()
    return count


def erase_account(subject: Subject, now: datetime) -> int:
    """Delete the account with its roles, addresses, second factors and ways to sign in."""
    if not subject.is_user:
        return 0
    count, _each = User.objects.filter(pk=subject.id).delete()
    return count


def with_links_sent_on(subject: Subject) -> Subject:
    """Add the links that were sent on to one of the person's addresses, and the name they were sent on under."""
    wanted = Q(pk__in=[])
    for address in subject.addresses:
        wanted |= Q(holder_address__iexact=address)
    known = list(Link.objects.filter(wanted).values_list("pk", "holder_name"))
    names = {name for _pk, name in known if name}
    return replace(subject, ids=subject.ids | {str(pk) for pk, _name in known}, names=subject.names | frozenset(names))


WIDEN = [with_links_sent_on]
SUBJECTS = {"user": user_as_subject}
BY_ADDRESS = [users_at]
OBJECTIONS = [last_administrator]
ERASERS = [
    Eraser(name="mails", run=erase_mails),
    Eraser(name="links", run=erase_links),
    Eraser(name="sign-in-codes", run=erase_codes),
    Eraser(name="sessions", run=erase_sessions),
    Eraser(name="cache", run=erase_cache),
    Eraser(name="documents", run=erase_documents),
    Eraser(name="uploaded-tables", run=erase_tables),
    Eraser(name="account", run=erase_account),
]

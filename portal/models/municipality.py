"""The municipality of this installation, with its choices and its calendar."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.models.upload import Upload


def ten_and_three() -> list[int]:
    """Return the school days before a visit on which teachers are reminded by default."""
    return [10, 3]


def two() -> list[int]:
    """Return the school days before a visit on which hosts are reminded by default."""
    return [2]


def thirty_and_seven() -> list[int]:
    """Return the days before a course expires on which the company is warned by default."""
    return [30, 7]


class OrganisationModel(models.TextChoices):
    """How a municipality organises the co-operation of schools and companies (the six of the founding publication)."""

    FORMAL = "formal", _("Formalised: the municipality makes courses with companies, and classes sign up")
    SUPPORTING = "supporting", _("Supporting: the municipality does part of the work, the schools do the rest")
    PROJECT = "project", _("Project-oriented: themes with a beginning and an end, and several partners")
    NETWORK = "network", _("Network-oriented: appointed teachers carry the co-operation at their schools")
    EXTERNAL = "external", _("External: courses and advice are bought from others")
    AD_HOC = "ad_hoc", _("Ad hoc: single visits as they come, without a plan")


class PriorityFor(models.TextChoices):
    """Who may enrol first where the municipality gives priority to those who have had least."""

    CLASSES = "classes", _("classes without a visit this school year")
    SCHOOLS = "schools", _("schools with fewer visits for each class than the average")


class MoveDefault(models.TextChoices):
    """What a class's silence means when a session is to be moved."""

    KEEP = "keep", _("comes at the new time")
    RELEASE = "release", _("gives its places back")


class Municipality(models.Model):
    """The one municipality that this installation serves: name, look, sender and the rules it chose.

    Each municipality is its own data controller, so there is exactly one row.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(_("name"), max_length=100)
    tagline = models.CharField(_("tagline"), max_length=160, blank=True)
    introduction = models.TextField(_("introduction on the front page"), blank=True)
    brand_color = models.CharField(
        _("colour"),
        max_length=7,
        default="#1f6f78",
        validators=[RegexValidator(r"\A#[0-9a-fA-F]{6}\Z", _("Write the colour as # and six digits, e.g. #1f6f78."))],
        help_text=_("All other shades are computed from it, with enough contrast to be read."),
    )
    logo = models.ForeignKey(
        Upload,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="logo_of",
        verbose_name=_("logo"),
    )
    takes_office_files = models.BooleanField(
        _("companies may also send DOCX, PPTX and ODT files"),
        default=False,
        help_text=_("PDF is always taken, and everybody can read it. Files with macros are refused in any case."),
    )
    address = models.CharField(_("address"), max_length=200, blank=True)
    contact_email = models.EmailField(_("e-mail for questions"), blank=True)
    contact_phone = models.CharField(_("phone"), max_length=20, blank=True)
    sender_name = models.CharField(_("name of the sender of mails"), max_length=80, blank=True)
    sender_email = models.EmailField(
        _("address of the sender of mails"),
        blank=True,
        help_text=_(
            "Empty: the address that the installation sends from. Another must be allowed by its domain (SPF, DKIM),"
            " or mails end as spam."
        ),
    )
    reply_to = models.EmailField(
        _("answers to mails go to"), blank=True, help_text=_("Empty: the e-mail for questions.")
    )
    teacher_reminders = ArrayField(
        models.PositiveSmallIntegerField(validators=[MaxValueValidator(60)]),
        verbose_name=_("reminders to teachers (school days before)"),
        default=ten_and_three,
        blank=True,
    )
    host_reminders = ArrayField(
        models.PositiveSmallIntegerField(validators=[MaxValueValidator(60)]),
        verbose_name=_("reminders to hosts (school days before)"),
        default=two,
        blank=True,
    )
    request_hold_days = models.PositiveSmallIntegerField(
        _("a request holds its places (school days)"),
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text=_("Nobody has answered by then: the places become free, and teacher and coordinators are told."),
    )
    place_offer_days = models.PositiveSmallIntegerField(
        _("an offered place lasts (school days)"),
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(10)],
        help_text=_("A class on the waiting list says yes within these days; then the next is asked."),
    )
    place_offer_hours = models.PositiveSmallIntegerField(
        _("an offered place ends before closing (hours)"),
        default=4,
        validators=[MaxValueValidator(72)],
        help_text=_("When that is past, nobody is asked in writing: the coordinators are told and can telephone."),
    )
    smaller_may_overtake = models.BooleanField(
        _("smaller groups may overtake"),
        default=False,
        help_text=_(
            "Off: the line stands still until the first class fits. On: a free place goes to the first class that fits."
        ),
    )
    unvisited_first = models.BooleanField(
        _("classes without a visit this school year stand first in line"),
        default=False,
        db_default=False,
        help_text=_("On: on waiting lists they come before classes that have already been out. Then time decides."),
    )
    most_per_class = models.PositiveSmallIntegerField(
        _("dates of the same course for one class in a school year, at most"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(40)],
        help_text=_("Empty: as many as it likes. A course may say otherwise."),
    )
    most_per_class_at_company = models.PositiveSmallIntegerField(
        _("dates at the same company for one class in a school year, at most"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(40)],
        help_text=_("Empty: as many as it likes."),
    )
    priority_days = models.PositiveSmallIntegerField(
        _("priority after the opening (days)"),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(28)],
        help_text=_("So long only those who have had least may enrol. 0: no priority."),
    )
    priority_for = models.CharField(
        _("priority is for"),
        max_length=8,
        choices=PriorityFor,
        default=PriorityFor.CLASSES,
        db_default="classes",
    )
    draw_minutes = models.PositiveSmallIntegerField(
        _("draw lots among the requests of the first (minutes)"),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(1440)],
        help_text=_(
            "For dates whose enrolment opens later than they are planned, such as a season: e.g. 60, and the first hour"
            " is no race. 0: no draw."
        ),
    )
    cancel_days = models.PositiveSmallIntegerField(
        _("schools may cancel until (school days before)"),
        default=3,
        db_default=3,
        validators=[MaxValueValidator(30)],
        help_text=_("Afterwards the coordinator decides. A course may say otherwise."),
    )
    move_answer_days = models.PositiveSmallIntegerField(
        _("classes answer a proposed move within (school days)"),
        default=5,
        db_default=5,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
    )
    move_default = models.CharField(
        _("a class that does not answer"),
        max_length=8,
        choices=MoveDefault,
        default=MoveDefault.KEEP,
        db_default="keep",
    )
    hosts_add_dates = models.BooleanField(
        _("hosts may add dates themselves"), default=True, db_default=True, help_text=_("To their published courses.")
    )
    host_notice_days = models.PositiveSmallIntegerField(
        _("hosts add dates at the earliest (school days ahead)"),
        default=10,
        db_default=10,
        validators=[MaxValueValidator(60)],
    )
    host_most_dates = models.PositiveSmallIntegerField(
        _("dates to come of one course that hosts may add, at most"),
        default=20,
        db_default=20,
        validators=[MinValueValidator(1), MaxValueValidator(200)],
    )
    dialogue_nudge_days = models.PositiveSmallIntegerField(
        _("a request for an agreement is reminded of after (school days)"),
        default=5,
        db_default=5,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text=_("After two reminders without an answer it is closed, and the teacher and you are told."),
    )
    freshness_days = models.PositiveSmallIntegerField(
        _("a course stays fresh (days)"),
        default=365,
        validators=[MinValueValidator(60), MaxValueValidator(1095)],
        help_text=_("Then it leaves the catalogue until the company confirms it."),
    )
    freshness_warnings = ArrayField(
        models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(59)]),
        verbose_name=_("warnings to the company (days before)"),
        default=thirty_and_seven,
        blank=True,
        size=4,
    )
    survey_threshold = models.PositiveSmallIntegerField(
        _("survey totals are shown from (answers)"),
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(50)],
        help_text=_("Below it nobody sees totals, so that a single answer cannot be guessed."),
    )
    organisation_models = ArrayField(
        models.CharField(max_length=12, choices=OrganisationModel),
        verbose_name=_("organisation models in use"),
        default=list,
        blank=True,
        help_text=_(
            "Tick those that describe how you work; most municipalities mix. None ticked: everything is shown."
        ),
    )

    teacher_domains = ArrayField(
        models.CharField(
            max_length=120,
            validators=[
                RegexValidator(
                    r"\A(?=.{4,120}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}\Z",
                    _("Write what stands after the @ in small letters, e.g. skole.fjordby.dk."),
                )
            ],
        ),
        verbose_name=_("domains of teachers' work e-mail"),
        default=list,
        blank=True,
        help_text=_(
            "Whoever has an address there may sign in without having been asked beforehand. Separate them by commas;"
            " write only what stands after the @."
        ),
    )
    memberships_need_confirmation = models.BooleanField(
        _("new teachers must be confirmed"),
        default=True,
        help_text=_(
            "A leader or ambassador of the school, or you, must confirm who signs in for the first time before they can"
            " enrol a class. Other roles than teacher are always confirmed."
        ),
    )

    # How long things are kept: the defaults are the longest allowed (``portal.domain.privacy``); shorter is free.
    keep_needs_days = models.PositiveSmallIntegerField(
        _("text about needs (days after the visit)"), default=30, validators=[MaxValueValidator(30)]
    )
    keep_visit_months = models.PositiveSmallIntegerField(
        _("the teacher on an enrolment (months after the visit)"), default=6, validators=[MaxValueValidator(6)]
    )
    keep_contact_months = models.PositiveSmallIntegerField(
        _("contacts (months after the last course or agreement)"), default=12, validators=[MaxValueValidator(12)]
    )
    keep_account_months = models.PositiveSmallIntegerField(
        _("accounts that nobody uses (months)"),
        default=12,
        validators=[MinValueValidator(1), MaxValueValidator(12)],
    )
    keep_mail_days = models.PositiveSmallIntegerField(
        _("texts of mails (days)"), default=30, validators=[MaxValueValidator(30)]
    )
    keep_comment_months = models.PositiveSmallIntegerField(
        _("comments and messages in free text (months)"), default=12, validators=[MaxValueValidator(12)]
    )
    keep_log_months = models.PositiveSmallIntegerField(
        _("the log of who did what (months)"), default=13, validators=[MinValueValidator(1), MaxValueValidator(13)]
    )

    class Meta:
        verbose_name = _("municipality")
        verbose_name_plural = _("municipality")
        constraints = [
            models.CheckConstraint(name="municipality_is_only_one", condition=Q(pk=1)),
            models.CheckConstraint(
                name="municipality_keeps_nothing_too_long",
                condition=Q(
                    keep_needs_days__lte=30,
                    keep_visit_months__lte=6,
                    keep_contact_months__lte=12,
                    keep_account_months__lte=12,
                    keep_mail_days__lte=30,
                    keep_comment_months__lte=12,
                    keep_log_months__lte=13,
                ),
                violation_error_message=_("Personal data may be kept shorter than the default, never longer."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CalendarPeriod(models.Model):
    """A stretch of days without school in the municipality: a holiday or a closing day.

    Both days belong to it. The national frame comes from the Public Holidays Act and § 14 a of the Folkeskole
    Act; the rest is the municipality's own decision, so the calendar is data.
    """

    class Kind(models.TextChoices):
        HOLIDAY = "holiday", _("school holiday")
        PUBLIC_HOLIDAY = "public_holiday", _("public holiday")
        CLOSING_DAY = "closing_day", _("closing day")

    school_year = models.PositiveSmallIntegerField(
        _("school year"), help_text=_("The year in which it begins: 2026 is 2026/27.")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    name = models.CharField(_("name"), max_length=80)
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))

    class Meta:
        verbose_name = _("day without school")
        verbose_name_plural = _("calendar")
        ordering = ["first_day"]
        constraints = [
            models.CheckConstraint(
                name="calendar_period_ends_after_it_begins",
                condition=Q(last_day__gte=F("first_day")),
                violation_error_message=_("The last day must not be before the first."),
            ),
            models.UniqueConstraint(
                name="calendar_period_stands_once_in_a_school_year",
                fields=["school_year", "name", "first_day"],
                violation_error_message=_("This period already stands in the calendar."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.first_day:%d.%m.%Y}–{self.last_day:%d.%m.%Y}"

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
        _("a request holds its places (school days)"), default=5, validators=[MinValueValidator(1)]
    )
    place_offer_days = models.PositiveSmallIntegerField(
        _("an offered place lasts (school days)"), default=2, validators=[MinValueValidator(1)]
    )
    freshness_days = models.PositiveSmallIntegerField(_("a course stays fresh (days)"), default=365)
    survey_threshold = models.PositiveSmallIntegerField(
        _("survey totals are shown from (answers)"), default=5, validators=[MinValueValidator(1)]
    )

    class Meta:
        verbose_name = _("municipality")
        verbose_name_plural = _("municipality")
        constraints = [models.CheckConstraint(name="municipality_is_only_one", condition=Q(pk=1))]

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

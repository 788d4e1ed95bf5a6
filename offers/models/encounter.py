"""What was held: the reports of both sides, and the ledger."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from companies.models import Company
from offers.models.enrolment import Enrolment
from offers.models.offer import Offer
from offers.models.session import Meeting
from schools.models import School, SchoolClass


class VisitReport(models.Model):
    """What one side says about one class on one date: it was held, partly, not at all, or the class did not come."""

    class Side(models.TextChoices):
        HOST = "host", _("host")
        TEACHER = "teacher", _("teacher")
        COORDINATOR = "coordinator", _("coordinator")

    class Outcome(models.TextChoices):
        HELD = "held", _("held as planned")
        PARTLY = "partly", _("held with fewer pupils")
        NOT_HELD = "not_held", _("not held")
        NO_SHOW = "no_show", _("the class did not come")

    enrolment = models.ForeignKey(
        Enrolment, on_delete=models.PROTECT, related_name="reports", verbose_name=_("enrolment")
    )
    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, related_name="reports", verbose_name=_("date"))
    side = models.CharField(_("said by"), max_length=12, choices=Side)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome)
    pupils = models.PositiveSmallIntegerField(_("pupils present"), null=True, blank=True)
    at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("report of a visit")
        verbose_name_plural = _("reports of visits")
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(name="visit_report_is_one_per_side", fields=["enrolment", "meeting", "side"]),
            models.CheckConstraint(
                name="visit_report_counts_who_was_there",
                condition=~Q(outcome__in=["held", "partly"]) | Q(pupils__isnull=False, pupils__gte=1, pupils__lte=60),
                violation_error_message=_("Write how many pupils were there, between 1 and 60."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enrolment}: {self.get_outcome_display()}"


class Encounter(models.Model):
    """One held meeting of one class: a row of the ledger, never changed, at most marked void.

    Names of organisations, grade and words are frozen as they were on the day, so last year's figures never move.
    No person stands in it.
    """

    class Evidence(models.TextChoices):
        BOTH = "both", _("both sides said so")
        ONE = "one", _("one side said so")
        SELF_REPORTED = "self_reported", _("self-reported")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    enrolment = models.ForeignKey(
        Enrolment, on_delete=models.PROTECT, related_name="encounters", verbose_name=_("enrolment")
    )
    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, related_name="encounters", verbose_name=_("date"))
    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="encounters", verbose_name=_("course"))
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="encounters", verbose_name=_("company"))
    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="encounters", verbose_name=_("school"))
    school_class = models.ForeignKey(
        SchoolClass, on_delete=models.PROTECT, related_name="encounters", verbose_name=_("class")
    )
    day = models.DateField(_("day"))
    school_year = models.PositiveSmallIntegerField(_("school year"))
    minutes = models.PositiveSmallIntegerField(_("minutes"))
    grade = models.PositiveSmallIntegerField(_("grade"))
    pupils = models.PositiveSmallIntegerField(_("pupils"))
    offer_title = models.CharField(_("course as called"), max_length=80)
    company_name = models.CharField(_("company as called"), max_length=120)
    school_name = models.CharField(_("school as called"), max_length=100)
    class_label = models.CharField(_("class as called"), max_length=60)
    industry = models.SlugField(_("industry"), max_length=40)
    activity_type = models.SlugField(_("activity type"), max_length=40)
    subjects = ArrayField(models.SlugField(max_length=40), default=list, verbose_name=_("subjects"))
    evidence = models.CharField(_("evidence"), max_length=14, choices=Evidence)
    recorded_at = models.DateTimeField(_("recorded"), default=timezone.now)
    voided_at = models.DateTimeField(_("void since"), null=True, blank=True)
    void_reason = models.CharField(_("why void"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("meeting with working life")
        verbose_name_plural = _("meetings with working life")
        ordering = ["-day"]
        indexes = [
            models.Index(fields=["school_year", "school"], name="encounter_by_school_year", condition=Q(voided_at=None))
        ]
        constraints = [
            models.UniqueConstraint(
                name="encounter_is_counted_once", fields=["enrolment", "meeting"], condition=Q(voided_at=None)
            ),
            models.CheckConstraint(name="encounter_void_says_why", condition=Q(voided_at=None) | ~Q(void_reason="")),
            models.CheckConstraint(name="encounter_counts_pupils", condition=Q(pupils__gte=1, pupils__lte=60)),
        ]

    def __str__(self) -> str:
        return f"{self.class_label} {self.day:%d.%m.%Y}"

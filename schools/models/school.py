"""The guests' houses."""

import uuid
from datetime import date
from typing import Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from portal.models.vocabulary import GRADES


class SchoolQuerySet(models.QuerySet["School"]):
    """Questions to the schools."""

    def open(self, on: date) -> Self:
        """Not closed on that day."""
        return self.filter(Q(closed_on__isnull=True) | Q(closed_on__gt=on))


class School(models.Model):
    """A school of the municipality. A closed one stays, so that history keeps its name."""

    class Kind(models.TextChoices):
        FOLKESKOLE = "folkeskole", _("folkeskole")
        SPECIAL = "special", _("special school")
        YOUTH = "youth", _("youth school")
        TENTH = "tenth", _("10th-grade centre")
        INDEPENDENT = "independent", _("independent school")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=100, unique=True)
    institution_number = models.CharField(
        _("institution number"),
        max_length=6,
        blank=True,
        validators=[RegexValidator(r"\A[0-9]{6}\Z", _("An institution number has six digits."))],
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind, default=Kind.FOLKESKOLE)
    address = models.CharField(_("address"), max_length=120, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=4, blank=True)
    city = models.CharField(_("town"), max_length=60, blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    grade_from = models.PositiveSmallIntegerField(_("from grade"), choices=GRADES, default=0)
    grade_to = models.PositiveSmallIntegerField(_("to grade"), choices=GRADES, default=9)
    leader_approves = models.BooleanField(
        _("the leader approves enrolments"),
        default=False,
        db_default=False,
        help_text=_("Every enrolment by a teacher waits for a school leader's yes. Its places are held meanwhile."),
    )
    closed_on = models.DateField(_("closed on"), null=True, blank=True)
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="merged_from",
        verbose_name=_("merged into"),
    )

    objects = SchoolQuerySet.as_manager()

    class Meta:
        verbose_name = _("school")
        verbose_name_plural = _("schools")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="school_name_is_words_on_one_line",
                condition=Q(name__regex=r"\S") & ~Q(name__regex="[[:cntrl:]]"),
                violation_error_message=_("Write the name on one line."),
            ),
            models.CheckConstraint(
                name="school_grades_are_in_order",
                condition=Q(grade_from__lte=F("grade_to")),
                violation_error_message=_("The first grade must not be above the last."),
            ),
            models.CheckConstraint(
                name="school_that_merged_is_closed",
                condition=Q(merged_into__isnull=True) | (Q(closed_on__isnull=False) & ~Q(merged_into=F("id"))),
                violation_error_message=_("A school that has merged into another is closed."),
            ),
            models.UniqueConstraint(
                name="school_has_its_institution_number_alone",
                fields=["institution_number"],
                condition=~Q(institution_number=""),
                violation_error_message=_("There is already a school with this institution number."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def full_address(self) -> str:
        """Street, postal code and town on one line."""
        town = f"{self.postal_code} {self.city}".strip()
        return ", ".join(part for part in (self.address, town) if part)

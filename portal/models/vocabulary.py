"""Versioned vocabularies: subjects, industries, education areas and types of activity.

They are data, not enums: the curriculum and the trade nomenclature change by law, and what was said of a
visit then must still be readable. A word that goes out of use gets a ``valid_until`` and stays.
"""

from datetime import date
from typing import Self, TypeVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

GRADES = [(grade, str(grade)) for grade in range(11)]


W = TypeVar("W", bound="Vocabulary")


class VocabularyQuerySet(models.QuerySet[W]):
    """Questions to a vocabulary."""

    def current(self, on: date) -> Self:
        """Words in use on that day."""
        return self.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=on),
            Q(valid_until__isnull=True) | Q(valid_until__gte=on),
        )


class Vocabulary(models.Model):
    """A word of a vocabulary: its code is for machines and addresses, its name for people."""

    slug = models.SlugField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name in Danish"), max_length=100)
    name_en = models.CharField(_("name in English"), max_length=100)
    version = models.CharField(_("version"), max_length=20, default="2026")
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    valid_from = models.DateField(_("in use from"), null=True, blank=True)
    valid_until = models.DateField(_("in use until"), null=True, blank=True)

    objects = VocabularyQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name_en if get_language() == "en" else self.name


class Subject(Vocabulary):
    """A subject or compulsory topic of the folkeskole, with the grades that have it (Folkeskole Act § 5, § 7)."""

    grade_from = models.PositiveSmallIntegerField(_("from grade"), choices=GRADES, default=0)
    grade_to = models.PositiveSmallIntegerField(_("to grade"), choices=GRADES, default=10)
    is_stem = models.BooleanField(_("science and technology"), default=False)

    class Meta(Vocabulary.Meta):
        verbose_name = _("subject")
        verbose_name_plural = _("subjects")
        constraints = [
            models.CheckConstraint(name="subject_grades_are_in_order", condition=Q(grade_from__lte=F("grade_to")))
        ]


class Industry(Vocabulary):
    """The municipality's own, friendlier group of trades; codes of the official nomenclature map to it."""

    class Meta(Vocabulary.Meta):
        verbose_name = _("industry")
        verbose_name_plural = _("industries")


class IndustryCode(models.Model):
    """A code of an official nomenclature (DB07; CVR uses DB25 since January 2025) within an industry."""

    class System(models.TextChoices):
        DB07 = "DB07", "DB07"
        DB25 = "DB25", "DB25"

    industry = models.ForeignKey(Industry, on_delete=models.CASCADE, related_name="codes", verbose_name=_("industry"))
    system = models.CharField(_("nomenclature"), max_length=4, choices=System, default=System.DB07)
    code = models.CharField(_("code"), max_length=8, help_text=_("A section (C) or a division (25)."))
    title = models.CharField(_("title"), max_length=120)

    class Meta:
        verbose_name = _("industry code")
        verbose_name_plural = _("industry codes")
        ordering = ["system", "code"]
        constraints = [models.UniqueConstraint(name="industry_code_belongs_to_one_industry", fields=["system", "code"])]

    def __str__(self) -> str:
        return f"{self.system} {self.code} {self.title}"


class EducationArea(Vocabulary):
    """A way on after the ninth or tenth grade: a main area of vocational education, a gymnasium, FGU."""

    class Meta(Vocabulary.Meta):
        verbose_name = _("education area")
        verbose_name_plural = _("education areas")


class ActivityType(Vocabulary):
    """What kind of meeting a course is: a company visit, a guest teacher, a case, a class partnership, …"""

    class Meta(Vocabulary.Meta):
        verbose_name = _("activity type")
        verbose_name_plural = _("activity types")

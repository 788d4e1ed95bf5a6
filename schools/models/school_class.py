"""Classes: cohorts whose grade follows the school year, and groups with a span of grades."""

import uuid
from datetime import date

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.models.vocabulary import GRADES
from schools.models.school import School


def school_year_of(day: date) -> int:
    """Return the year in which the school year of that day began; it begins on 1 August (Folkeskole Act § 14 a)."""
    return day.year if day.month >= 8 else day.year - 1


class SchoolClass(models.Model):
    """A class that can be enrolled; it holds no pupil, only how many there usually are.

    A *cohort* has the year in which it began grade 0 and a letter: its grade is computed, so 7.A becomes 8.A on
    1 August. After the school's last grade it ends: grade 10 is voluntary and not at every school, so at a school up to
    grade 9 the pupils of 9.A have left on 1 August, and only a school with a grade 10 has a 10.A. A *group* (special
    class, mixed ages, 10th-grade team, youth-school team) has a name and a span.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="classes", verbose_name=_("school"))
    start_year = models.PositiveSmallIntegerField(
        _("began grade 0 in"), null=True, blank=True, help_text=_("Empty for a group.")
    )
    letter = models.CharField(_("letter"), max_length=4, blank=True)
    name = models.CharField(_("name of the group"), max_length=60, blank=True)
    grade_from = models.PositiveSmallIntegerField(_("from grade"), choices=GRADES, null=True, blank=True)
    grade_to = models.PositiveSmallIntegerField(_("to grade"), choices=GRADES, null=True, blank=True)
    pupils = models.PositiveSmallIntegerField(_("number of pupils"), default=24)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("class")
        verbose_name_plural = _("classes")
        ordering = ["school__name", "-start_year", "letter", "name"]
        constraints = [
            models.CheckConstraint(
                name="class_is_a_cohort_or_a_group",
                condition=(
                    Q(start_year__isnull=False, name="", grade_from__isnull=True, grade_to__isnull=True) & ~Q(letter="")
                )
                | (
                    Q(start_year__isnull=True, letter="", grade_from__isnull=False, grade_to__isnull=False)
                    & ~Q(name="")
                ),
                violation_error_message=_(
                    "Give either the year the class began and its letter, or a name and a span of grades."
                ),
            ),
            models.CheckConstraint(
                name="class_grades_are_in_order",
                condition=Q(grade_from__isnull=True) | Q(grade_from__lte=F("grade_to")),
                violation_error_message=_("The first grade must not be above the last."),
            ),
            models.CheckConstraint(
                name="class_has_between_1_and_60_pupils",
                condition=Q(pupils__gte=1, pupils__lte=60),
                violation_error_message=_("A class has between 1 and 60 pupils."),
            ),
            models.UniqueConstraint(
                name="cohort_stands_once_at_a_school",
                fields=["school", "start_year", "letter"],
                condition=Q(start_year__isnull=False),
                violation_error_message=_("This class already stands at the school."),
            ),
            models.UniqueConstraint(
                name="group_stands_once_at_a_school",
                fields=["school", "name"],
                condition=Q(start_year__isnull=True),
                violation_error_message=_("This group already stands at the school."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.start_year}{self.letter}"

    def grades(self, on: date) -> range:
        """Return the grades the class spans on that day: one for a cohort, perhaps several for a group."""
        if self.start_year is not None:
            grade = school_year_of(on) - self.start_year
            return range(grade, grade + 1)
        return range(self.grade_from or 0, (self.grade_to or 0) + 1)

    def label(self, on: date) -> str:
        """Return what the class is called on that day: ``7.A``, or the group's name."""
        if self.start_year is not None:
            return gettext("%(grade)s.%(letter)s") % {"grade": self.grades(on).start, "letter": self.letter}
        return self.name

    def has_left(self, on: date) -> bool:
        """Return whether a cohort is beyond its school's last grade on that day, or not yet in grade 0."""
        return self.start_year is not None and self.grades(on).start not in range(self.school.grade_to + 1)

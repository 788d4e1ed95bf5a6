"""Who belongs to which school, and as what."""

import uuid
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from portal.models import User
from schools.models.school import School
from schools.models.school_class import SchoolClass


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Questions to the roles at schools."""

    def current(self) -> Self:
        """In force now: confirmed, and not ended. The one place of this rule."""
        return self.filter(ended_on__isnull=True, unconfirmed_since__isnull=True)

    def awaiting(self) -> Self:
        """Asked for, and neither confirmed nor refused."""
        return self.filter(ended_on__isnull=True, unconfirmed_since__isnull=False)


class Membership(models.Model):
    """A person's role at a school. A person may have several, at several schools; an ended one stays.

    Who signs in for the first time asks for a role: until somebody of the school or a coordinator confirms it,
    ``unconfirmed_since`` says since when it waits, and the role opens nothing. A refused one is ended unconfirmed.
    """

    class Role(models.TextChoices):
        TEACHER = "teacher", _("teacher")
        AMBASSADOR = "ambassador", _("ambassador")
        PLC = "plc", _("learning centre (PLC)")
        GUIDANCE = "guidance", _("guidance counsellor")
        LEADER = "leader", _("school leader")

        @classmethod
        def acting_for_school(cls) -> list[str]:
            """Roles that enrol, change and cancel for the whole school."""
            return [cls.AMBASSADOR, cls.PLC, cls.LEADER]

        @classmethod
        def school_wide(cls) -> list[str]:
            """Roles that see more of the school than the own enrolments."""
            return [*cls.acting_for_school(), cls.GUIDANCE]

    GUIDED_FROM, GUIDED_TO = 7, 10  # the grades that a guidance counsellor follows

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("person"))
    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("school"))
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.TEACHER)
    own_classes = models.ManyToManyField(
        SchoolClass, blank=True, related_name="teachers", verbose_name=_("own classes, shown first")
    )
    ended_on = models.DateField(_("ended on"), null=True, blank=True)
    unconfirmed_since = models.DateTimeField(_("waits for confirmation since"), null=True, blank=True, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("role at a school")
        verbose_name_plural = _("roles at schools")
        ordering = ["school__name", "role"]
        constraints = [
            models.UniqueConstraint(
                name="membership_is_given_once",
                fields=["user", "school", "role"],
                condition=Q(ended_on__isnull=True),
                violation_error_message=_("The person already has this role at the school."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()}, {self.school}"

"""Enrolments: one class in one session; the waiting list is a status of it."""

import uuid
from datetime import datetime

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from offers.models.session import Session
from portal.models import MunicipalRole, User
from schools.models import Membership, School, SchoolClass


class EnrolmentQuerySet(models.QuerySet["Enrolment"]):
    """Questions to the enrolments."""

    def visible_to(self, user: User | uuid.UUID) -> "EnrolmentQuerySet":
        """Enrolments a person may see and act for.

        A coordinator: all. Ambassador, learning centre, guidance and leader: those of their school. A teacher: the own.
        """
        roles = Membership.objects.filter(user=user, ended_on__isnull=True, school=OuterRef("school"))
        school_wide = roles.exclude(role=Membership.Role.TEACHER)
        coordinator = MunicipalRole.objects.filter(
            user=user, user__is_active=True, role__in=MunicipalRole.Role.acting_as(MunicipalRole.Role.COORDINATOR)
        )
        return self.filter(Q(teacher=user) | Exists(school_wide) | Exists(coordinator))

    def active(self) -> "EnrolmentQuerySet":
        """Hold a place, wait for one, or are done: everything that has not been ended."""
        return self.filter(status__in=Enrolment.Status.active())

    def holding(self) -> "EnrolmentQuerySet":
        """Hold places: pending, confirmed, or offered a place."""
        return self.filter(status__in=Enrolment.Status.holding())

    def waitlisted(self) -> "EnrolmentQuerySet":
        """In line, the first first."""
        return self.filter(status=Enrolment.Status.WAITLISTED).order_by("waiting_since", "created_at", "id")

    def offered(self) -> "EnrolmentQuerySet":
        """Asked whether they want a place that became free."""
        return self.filter(status=Enrolment.Status.OFFERED)

    def overdue(self, now: datetime) -> "EnrolmentQuerySet":
        """Asked, and the deadline has passed."""
        return self.filter(status__in=[Enrolment.Status.OFFERED, Enrolment.Status.PENDING], answer_by__lte=now)


class Enrolment(models.Model):
    """One class in one session.

    Unique among the active for (session, class, group); group 2 is a second half of the same class, asked for
    explicitly. ``places`` is what it holds while it holds, counted as the offer counts (pupils, or 1). The form
    token recognises the double click and the retry. The free text about needs dies 30 days after the visit and
    never enters a mail, a PDF or an export.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("awaiting an answer")
        CONFIRMED = "confirmed", _("confirmed")
        WAITLISTED = "waitlisted", _("on the waiting list")
        OFFERED = "offered", _("place offered")
        DECLINED = "declined", _("declined")
        REQUEST_EXPIRED = "request_expired", _("request expired")
        OFFER_EXPIRED = "offer_expired", _("offer of a place expired")
        CANCELLED_BY_SCHOOL = "cancelled_by_school", _("cancelled by the school")
        CANCELLED_BY_HOST = "cancelled_by_host", _("cancelled by the host")
        CANCELLED_BY_MUNICIPALITY = "cancelled_by_municipality", _("cancelled by the municipality")
        COMPLETED = "completed", _("completed")
        NO_SHOW = "no_show", _("did not come")

        @classmethod
        def holding(cls) -> list[str]:
            """Statuses that hold places."""
            return [cls.PENDING, cls.CONFIRMED, cls.OFFERED, cls.COMPLETED, cls.NO_SHOW]

        @classmethod
        def active(cls) -> list[str]:
            """Statuses among which a class stands once in a session."""
            return [*cls.holding(), cls.WAITLISTED]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="enrolments", verbose_name=_("session"))
    school_class = models.ForeignKey(
        SchoolClass, on_delete=models.PROTECT, related_name="enrolments", verbose_name=_("class")
    )
    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="enrolments", verbose_name=_("school"))
    group = models.PositiveSmallIntegerField(
        _("group"), default=1, validators=[MinValueValidator(1), MaxValueValidator(4)]
    )
    teacher = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="enrolments",
        verbose_name=_("teacher"),
    )
    teacher_phone = models.CharField(_("mobile on the day"), max_length=20, blank=True)
    grade = models.PositiveSmallIntegerField(_("grade on the day"))
    pupils = models.PositiveSmallIntegerField(_("pupils"))
    adults = models.PositiveSmallIntegerField(_("adults"))
    places = models.PositiveSmallIntegerField(_("places"))
    needs_step_free = models.BooleanField(_("step-free access"), default=False)
    needs_quiet = models.BooleanField(_("a quiet place to withdraw to"), default=False)
    needs_diet = models.BooleanField(_("dietary needs"), default=False)
    needs_language = models.BooleanField(_("plain language, or interpreting"), default=False)
    needs_text = models.TextField(_("what the host should know"), max_length=500, blank=True)
    status = models.CharField(_("status"), max_length=30, choices=Status)
    status_at = models.DateTimeField(_("since"), default=timezone.now)
    waiting_since = models.DateTimeField(_("in line since"), null=True, blank=True)
    answer_by = models.DateTimeField(_("answer by"), null=True, blank=True)
    ended_reason = models.CharField(_("reason"), max_length=300, blank=True)
    form_token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(_("enrolled"), default=timezone.now, editable=False)

    objects = EnrolmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("enrolment")
        verbose_name_plural = _("enrolments")
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["session", "status", "waiting_since"], name="enrolment_in_line"),
            models.Index(fields=["teacher", "-created_at"], name="enrolment_of_teacher"),
            models.Index(
                fields=["answer_by"],
                name="enrolment_answer_due",
                condition=Q(status__in=["offered", "pending"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="class_is_enrolled_once_in_a_session",
                fields=["session", "school_class", "group"],
                condition=Q(status__in=["pending", "confirmed", "waitlisted", "offered", "completed", "no_show"]),
                violation_error_message=_("The class is already enrolled in this session."),
            ),
            models.CheckConstraint(
                name="enrolment_has_pupils_and_an_adult",
                condition=Q(pupils__gte=1, pupils__lte=60, adults__gte=1, adults__lte=20),
                violation_error_message=_("Between 1 and 60 pupils and between 1 and 20 adults."),
            ),
            models.CheckConstraint(name="enrolment_takes_a_place", condition=Q(places__gte=1)),
            models.CheckConstraint(
                name="enrolment_offered_a_place_has_a_deadline",
                condition=~Q(status="offered") | Q(answer_by__isnull=False),
            ),
            models.CheckConstraint(
                name="enrolment_in_line_knows_since_when",
                condition=~Q(status="waitlisted") | Q(waiting_since__isnull=False),
            ),
            models.CheckConstraint(name="enrolment_grade_is_0_to_10", condition=Q(grade__gte=0, grade__lte=10)),
            models.CheckConstraint(name="enrolment_group_is_1_to_4", condition=Q(group__gte=1, group__lte=4)),
        ]

    def __str__(self) -> str:
        return f"{self.class_label}, {self.session}"

    @property
    def class_label(self) -> str:
        """What the class is called on the day of the visit."""
        return self.school_class.label(timezone.localtime(self.session.starts_at).date())

    @property
    def has_needs(self) -> bool:
        """Whether any need was ticked (the free text is not asked)."""
        return self.needs_step_free or self.needs_quiet or self.needs_diet or self.needs_language

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
        """Enrolments a person may see (``schools.domain.membership`` says what each role reaches)."""
        roles = Membership.objects.current().filter(user=user, school=OuterRef("school"))
        guided = Q(grade__gte=Membership.GUIDED_FROM) & Exists(roles.filter(role=Membership.Role.GUIDANCE))
        return self.filter(self._in_hand_of(user) | guided)

    def manageable_by(self, user: User | uuid.UUID) -> "EnrolmentQuerySet":
        """Enrolments a person may change, cancel and answer for: a guidance counsellor reads more than that."""
        return self.filter(self._in_hand_of(user))

    def _in_hand_of(self, user: User | uuid.UUID) -> Q:
        """Return the condition: a coordinator's all, those of schools one acts for, and the own."""
        roles = Membership.objects.current().filter(user=user, school=OuterRef("school"))
        coordinator = MunicipalRole.objects.in_force().filter(
            user=user, role__in=MunicipalRole.Role.acting_as(MunicipalRole.Role.COORDINATOR)
        )
        return (
            Q(teacher=user)
            | Q(Exists(roles.filter(role__in=Membership.Role.acting_for_school())))
            | Q(Exists(coordinator))
        )

    def in_calendar_of(self, user: User | uuid.UUID) -> "EnrolmentQuerySet":
        """Visits that stand in a person's month: every class's of the own schools, and the own; no line, no draw.

        Colleagues may know which class goes where; who takes it there is not told by this. A guidance counsellor sees
        grades 7 to 10, as everywhere.
        """
        roles = Membership.objects.current().filter(user=user, school=OuterRef("school"))
        any_class = Exists(roles.exclude(role=Membership.Role.GUIDANCE))
        guided = Q(grade__gte=Membership.GUIDED_FROM) & Exists(roles)
        held = [
            Enrolment.Status.PENDING,
            Enrolment.Status.CONFIRMED,
            Enrolment.Status.COMPLETED,
        ]
        return self.filter(Q(teacher=user) | Q(any_class) | guided, status__in=held)

    def in_draw(self) -> "EnrolmentQuerySet":
        """Asked before the draw; they hold nothing yet."""
        return self.filter(status=Enrolment.Status.IN_DRAW).order_by("created_at", "id")

    def awaiting_leader(self) -> "EnrolmentQuerySet":
        """A leader of the school has been asked and has not answered; they hold places, or stand in line."""
        return self.filter(
            leader_answer=Enrolment.LeaderAnswer.AWAITED,
            status__in=[
                Enrolment.Status.PENDING,
                Enrolment.Status.WAITLISTED,
                Enrolment.Status.OFFERED,
                Enrolment.Status.IN_DRAW,
            ],
        )

    def known_to_host(self) -> "EnrolmentQuerySet":
        """All but those about which the school has not decided itself yet."""
        return self.exclude(leader_answer=Enrolment.LeaderAnswer.AWAITED)

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

    def ahead(self, now: datetime) -> "EnrolmentQuerySet":
        """Hold or wait for a place in a session that has not begun."""
        return self.filter(status__in=Enrolment.Status.open(), session__starts_at__gt=now)

    def without_teacher(self, now: datetime) -> "EnrolmentQuerySet":
        """Ahead, with nobody at the school to write to: no teacher, a closed account, or one who has left."""
        stays = Membership.objects.filter(user=OuterRef("teacher"), school=OuterRef("school"), ended_on__isnull=True)
        return self.ahead(now).filter(Q(teacher__isnull=True) | Q(teacher__is_active=False) | ~Exists(stays))

    def asking_to_cancel(self, now: datetime) -> "EnrolmentQuerySet":
        """Confirmed and ahead, and the school has asked the coordinators to cancel: nobody has answered yet.

        What is confirmed carries a reason only as long as it asks.
        """
        asks = self.filter(status=Enrolment.Status.CONFIRMED, session__starts_at__gt=now)
        return asks.exclude(ended_reason="")

    def overdue(self, now: datetime) -> "EnrolmentQuerySet":
        """Asked, and the deadline has passed."""
        return self.filter(status__in=[Enrolment.Status.OFFERED, Enrolment.Status.PENDING], answer_by__lte=now)


class Enrolment(models.Model):
    """One class in one session.

    Unique among the active for (session, class, group); group 2 is a second half of the same class, asked for
    explicitly. ``places`` is what it holds while it holds, counted as the offer counts (pupils, or 1). The form
    token recognises the double click and the retry. The free text about needs dies 30 days after the visit and
    never enters a mail, a PDF or an export.

    What ends in ``_then`` is a snapshot of what was agreed: written with the enrolment and anew when the session is
    moved, so that a course that is renamed, priced anew or archived afterwards changes no history.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("awaiting an answer")
        CONFIRMED = "confirmed", _("confirmed")
        WAITLISTED = "waitlisted", _("on the waiting list")
        OFFERED = "offered", _("place offered")
        IN_DRAW = "in_draw", _("in the draw")
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
        def open(cls) -> list[str]:
            """Statuses of a visit that is still ahead: it holds a place or waits for one."""
            return [cls.PENDING, cls.CONFIRMED, cls.WAITLISTED, cls.OFFERED, cls.IN_DRAW]

        @classmethod
        def agreed(cls) -> list[str]:
            """Statuses in which teacher and host may know how to reach each other: confirmed, and what became of it."""
            return [cls.CONFIRMED, cls.COMPLETED, cls.NO_SHOW]

        @classmethod
        def active(cls) -> list[str]:
            """Statuses among which a class stands once in a session."""
            return [*cls.holding(), cls.WAITLISTED, cls.IN_DRAW]

    class LeaderAnswer(models.TextChoices):
        """Whether a leader of the school must agree, and does. *Awaited* ones are never confirmed."""

        NOT_NEEDED = "not_needed", _("not needed")
        AWAITED = "awaited", _("awaited")
        APPROVED = "approved", _("approved")
        DECLINED = "declined", _("declined")

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
    leader_answer = models.CharField(
        _("the leader's answer"),
        max_length=12,
        choices=LeaderAnswer,
        default=LeaderAnswer.NOT_NEEDED,
        db_default="not_needed",
    )
    answer_by = models.DateTimeField(_("answer by"), null=True, blank=True)
    ended_reason = models.CharField(_("reason"), max_length=300, blank=True)
    status_before = models.CharField(
        _("status before it ended"),
        max_length=30,
        choices=Status,
        blank=True,
        editable=False,
        help_text="What cancelling can be undone to.",
    )
    is_late = models.BooleanField(_("cancelled after the deadline"), default=False, db_default=False, editable=False)
    draw_number = models.PositiveIntegerField(_("number drawn"), null=True, blank=True, editable=False)
    batch = models.UUIDField(
        null=True, blank=True, editable=False, help_text="The same for classes that were enrolled together."
    )
    title_then = models.CharField(_("course as called"), max_length=80, blank=True, editable=False)
    host_then = models.CharField(_("host as called"), max_length=120, blank=True, editable=False)
    place_then = models.CharField(_("place as agreed"), max_length=300, blank=True, editable=False)
    price_ore_then = models.PositiveIntegerField(_("price as agreed (øre)"), null=True, blank=True, editable=False)
    starts_then = models.DateTimeField(_("beginning as agreed"), null=True, blank=True, editable=False)
    ends_then = models.DateTimeField(_("end as agreed"), null=True, blank=True, editable=False)
    school_then = models.CharField(
        _("school as called"),
        max_length=100,
        blank=True,
        editable=False,
        help_text="Empty as long as the school is still called what it was called at the visit.",
    )
    class_then = models.CharField(
        _("class as called"),
        max_length=60,
        blank=True,
        editable=False,
        help_text="Empty as long as the class is still called what it was called at the visit.",
    )
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
            models.Index(fields=["-created_at"], name="enrolment_newest"),
            models.Index(fields=["school_class", "status"], name="enrolment_of_class"),
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
                condition=Q(
                    status__in=["pending", "confirmed", "waitlisted", "offered", "in_draw", "completed", "no_show"]
                ),
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
            models.CheckConstraint(
                name="enrolment_is_not_confirmed_against_the_leader",
                condition=~Q(status__in=["confirmed", "completed", "no_show"])
                | Q(leader_answer__in=["not_needed", "approved"]),
                violation_error_message=_("The school's leader has not approved this enrolment."),
            ),
            models.CheckConstraint(
                name="enrolment_declined_by_the_leader_has_ended",
                condition=~Q(leader_answer="declined") | Q(status="declined"),
            ),
            models.CheckConstraint(name="enrolment_grade_is_0_to_10", condition=Q(grade__gte=0, grade__lte=10)),
            models.CheckConstraint(name="enrolment_group_is_1_to_4", condition=Q(group__gte=1, group__lte=4)),
        ]

    def __str__(self) -> str:
        return f"{self.class_label}, {self.session}"

    @property
    def class_label(self) -> str:
        """What the class is called on the day of the visit, or was called then."""
        return self.class_then or self.school_class.label(timezone.localtime(self.session.starts_at).date())

    @property
    def school_name(self) -> str:
        """What the school is called, or was called at the visit."""
        return self.school_then or self.school.name

    @property
    def has_needs(self) -> bool:
        """Whether any need was ticked (the free text is not asked)."""
        return self.needs_step_free or self.needs_quiet or self.needs_diet or self.needs_language

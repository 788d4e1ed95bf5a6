"""Dialogues: a class asks for a course without dates, and school, host and coordinator agree on a time."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from offers.models.enrolment import Enrolment
from offers.models.offer import Offer
from portal.models import MunicipalRole, User
from schools.models import Membership, School, SchoolClass


class DialogueQuerySet(models.QuerySet["Dialogue"]):
    """Questions to the dialogues."""

    def open(self) -> "DialogueQuerySet":
        """Asked or in talk: somebody still owes an answer."""
        return self.filter(state__in=Dialogue.State.open())

    def to_call(self) -> "DialogueQuerySet":
        """Open, and somebody must telephone: reminded without an answer, or a host with nobody to write to."""
        return self.open().filter(Q(nudges__gte=1) | Q(awaits=Dialogue.Side.COORDINATOR))

    def visible_to(self, user: User | uuid.UUID) -> "DialogueQuerySet":
        """Dialogues a person may see: the own, those of schools one acts for, and a coordinator's all."""
        roles = Membership.objects.current().filter(user=user, school=models.OuterRef("school"))
        coordinator = MunicipalRole.objects.in_force().filter(
            user=user, role__in=MunicipalRole.Role.acting_as(MunicipalRole.Role.COORDINATOR)
        )
        return self.filter(
            Q(teacher=user)
            | Q(models.Exists(roles.filter(role__in=Membership.Role.acting_for_school())))
            | Q(models.Exists(coordinator))
        )

    def overdue(self, now: datetime) -> "DialogueQuerySet":
        """Open, and the moment of the next reminder has passed."""
        return self.open().filter(nudge_at__lte=now)


class Dialogue(models.Model):
    """A class's request for a course by agreement, and the talk about when.

    *Agreed* makes a session and a confirmed enrolment. After two reminders without an answer it is closed as *no
    answer*. It counts as contact between school and host, never as an encounter.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("asked")
        IN_TALK = "in_talk", _("in talk")
        AGREED = "agreed", _("agreed")
        NOT_NOW = "not_now", _("not now")
        NO_ANSWER = "no_answer", _("no answer")
        WITHDRAWN = "withdrawn", _("withdrawn by the school")

        @classmethod
        def open(cls) -> list[str]:
            """States in which somebody still owes an answer."""
            return [cls.ASKED, cls.IN_TALK]

    class Side(models.TextChoices):
        TEACHER = "teacher", _("teacher")
        HOST = "host", _("host")
        COORDINATOR = "coordinator", _("coordinator")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    offer = models.ForeignKey(
        Offer, on_delete=models.PROTECT, related_name="dialogues", verbose_name=pgettext_lazy("an offer", "course")
    )
    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="dialogues", verbose_name=_("school"))
    school_class = models.ForeignKey(
        SchoolClass, on_delete=models.PROTECT, related_name="dialogues", verbose_name=_("class")
    )
    teacher = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="dialogues",
        verbose_name=_("teacher"),
    )
    pupils = models.PositiveSmallIntegerField(_("pupils"))
    adults = models.PositiveSmallIntegerField(_("adults"), default=1)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ASKED)
    state_at = models.DateTimeField(_("since"), default=timezone.now)
    awaits = models.CharField(_("whose turn it is"), max_length=12, choices=Side, default=Side.HOST)
    nudges = models.PositiveSmallIntegerField(_("reminders sent"), default=0)
    nudge_at = models.DateTimeField(_("next reminder"), null=True, blank=True)
    enrolment = models.OneToOneField(
        Enrolment, on_delete=models.PROTECT, null=True, blank=True, related_name="dialogue", verbose_name=_("enrolment")
    )
    form_token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(_("asked"), default=timezone.now, editable=False)

    objects = DialogueQuerySet.as_manager()

    class Meta:
        verbose_name = _("dialogue")
        verbose_name_plural = _("dialogues")
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                fields=["nudge_at"], name="dialogue_to_remind_of", condition=Q(state__in=["asked", "in_talk"])
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="class_asks_once_at_a_time",
                fields=["offer", "school_class"],
                condition=Q(state__in=["asked", "in_talk"]),
                violation_error_message=_("The class has already asked for this course."),
            ),
            models.CheckConstraint(
                name="dialogue_agreed_has_an_enrolment",
                condition=~Q(state="agreed") | Q(enrolment__isnull=False),
            ),
            models.CheckConstraint(
                name="dialogue_has_pupils_and_an_adult",
                condition=Q(pupils__gte=1, pupils__lte=60, adults__gte=1, adults__lte=20),
                violation_error_message=_("Between 1 and 60 pupils and between 1 and 20 adults."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.school_class.label(timezone.localtime(self.created_at).date())}, {self.offer}"


class ProposedTime(models.Model):
    """A time that one side proposes in a dialogue."""

    dialogue = models.ForeignKey(Dialogue, on_delete=models.CASCADE, related_name="times", verbose_name=_("dialogue"))
    side = models.CharField(_("proposed by"), max_length=12, choices=Dialogue.Side)
    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends"))
    proposed_at = models.DateTimeField(_("proposed"), default=timezone.now)
    is_withdrawn = models.BooleanField(_("no longer possible"), default=False)

    class Meta:
        verbose_name = _("proposed time")
        verbose_name_plural = _("proposed times")
        ordering = ["starts_at"]
        constraints = [
            models.UniqueConstraint(
                name="time_is_proposed_once_by_each_side", fields=["dialogue", "side", "starts_at"]
            ),
            models.CheckConstraint(
                name="proposed_time_ends_after_it_begins",
                condition=Q(ends_at__gt=F("starts_at")),
                violation_error_message=_("The end must be after the beginning."),
            ),
        ]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.starts_at):%d.%m.%Y %H:%M}"


class DialogueEntry(models.Model):
    """What one side wrote in a dialogue. The text is kept 12 months at most."""

    dialogue = models.ForeignKey(Dialogue, on_delete=models.CASCADE, related_name="entries", verbose_name=_("dialogue"))
    side = models.CharField(_("written by"), max_length=12, choices=Dialogue.Side)
    text = models.TextField(_("text"), max_length=1000)
    at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("entry of a dialogue")
        verbose_name_plural = _("entries of dialogues")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.get_side_display()}, {timezone.localtime(self.at):%d.%m.%Y %H:%M}"


class Question(models.Model):
    """A teacher's question to the host of a course, relayed by mail, and the host's answer.

    Neither sees the other's address; that comes with a confirmed enrolment. Both texts are kept 12 months at most.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    offer = models.ForeignKey(
        Offer, on_delete=models.PROTECT, related_name="questions", verbose_name=pgettext_lazy("an offer", "course")
    )
    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="questions", verbose_name=_("school"))
    teacher = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="questions",
        verbose_name=_("teacher"),
    )
    text = models.TextField(_("question"), max_length=1000)
    answer = models.TextField(_("answer"), max_length=2000, blank=True)
    answered_by = models.CharField(_("answered by"), max_length=12, choices=Dialogue.Side, blank=True)
    form_token = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    asked_at = models.DateTimeField(_("asked"), default=timezone.now, editable=False)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)

    class Meta:
        verbose_name = _("question to a host")
        verbose_name_plural = _("questions to hosts")
        ordering = ["-asked_at"]
        indexes = [models.Index(fields=["offer", "-asked_at"], name="question_of_offer")]
        constraints = [
            models.CheckConstraint(
                name="question_answered_knows_when_and_by_whom",
                condition=Q(answered_at__isnull=True, answered_by="")
                | (Q(answered_at__isnull=False) & ~Q(answered_by="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.offer}, {timezone.localtime(self.asked_at):%d.%m.%Y}"

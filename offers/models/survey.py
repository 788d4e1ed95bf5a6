"""Surveys: a one-minute questionnaire by link, no login."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from offers.models.enrolment import Enrolment


class SurveyRequest(models.Model):
    """One side of one visit is asked how it was. Closes 21 days after it was due.

    Questions are versioned (``offers.domain.surveys``); answers belong to the version they were given to.
    """

    class Audience(models.TextChoices):
        TEACHER = "teacher", _("teacher")
        HOST = "host", _("host")

    class State(models.TextChoices):
        SCHEDULED = "scheduled", _("scheduled")
        ANSWERED = "answered", _("answered")
        EXPIRED = "expired", _("expired")
        SUPPRESSED = "suppressed", _("not sent")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    enrolment = models.ForeignKey(
        Enrolment, on_delete=models.PROTECT, related_name="surveys", verbose_name=_("enrolment")
    )
    audience = models.CharField(_("asked"), max_length=10, choices=Audience)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.SCHEDULED)
    questions = models.PositiveSmallIntegerField(_("version of the questions"), default=1)
    answers = models.JSONField(_("answers"), default=dict, blank=True)
    comment = models.TextField(_("comment"), max_length=2000, blank=True)
    may_quote = models.BooleanField(_("may be quoted"), default=False)
    due_at = models.DateTimeField(_("due"))
    closes_at = models.DateTimeField(_("closes"))
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("survey")
        verbose_name_plural = _("surveys")
        ordering = ["-due_at"]
        constraints = [
            models.UniqueConstraint(name="survey_asks_each_side_once", fields=["enrolment", "audience"]),
            models.CheckConstraint(
                name="survey_answered_has_a_time",
                condition=~Q(state="answered") | Q(answered_at__isnull=False),
            ),
            models.CheckConstraint(name="survey_closes_after_it_is_due", condition=Q(closes_at__gt=F("due_at"))),
        ]

    def __str__(self) -> str:
        return f"{self.get_audience_display()}: {self.enrolment}"

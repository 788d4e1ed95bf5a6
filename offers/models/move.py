"""Proposed moves: a new time or place for a session that classes are enrolled in, and what each class says."""

import uuid
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from offers.models.enrolment import Enrolment
from offers.models.session import Session
from portal.models.municipality import MoveDefault


class MoveProposalQuerySet(models.QuerySet["MoveProposal"]):
    """Questions to the proposed moves."""

    def open(self) -> "MoveProposalQuerySet":
        """Still asked: neither carried out nor withdrawn."""
        return self.filter(state=MoveProposal.State.OPEN)

    def open_for(self, session: Any) -> "MoveProposalQuerySet":
        """The one that is asked about a session, if any."""
        return self.open().filter(session=session)

    def overdue(self, now: datetime) -> "MoveProposalQuerySet":
        """Open, and the deadline for answers has passed."""
        return self.open().filter(answer_by__lte=now)


class MoveProposal(models.Model):
    """A new time or place for a session, put to every class that holds places in it.

    Until everybody has answered, or ``answer_by`` has passed, the session stays where it is. Then it moves: who said
    *stay* keeps its places at the new time, who said *leave* is released without it counting against the school, and
    silence means what the municipality had chosen (``silence``, frozen here when it was asked).
    """

    class State(models.TextChoices):
        OPEN = "open", _("the classes are asked")
        CARRIED_OUT = "carried_out", _("moved")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Side(models.TextChoices):
        HOST = "host", _("host")
        MUNICIPALITY = "municipality", _("municipality")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="moves", verbose_name=_("session"))
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.OPEN)
    proposed_by = models.CharField(_("proposed by"), max_length=12, choices=Side)
    reason = models.CharField(_("why"), max_length=300)
    silence = models.CharField(_("a class that does not answer"), max_length=8, choices=MoveDefault)
    answer_by = models.DateTimeField(_("answer by"))
    nudge_at = models.DateTimeField(_("reminder at"), null=True, blank=True)
    nudged_at = models.DateTimeField(_("reminded"), null=True, blank=True)
    created_at = models.DateTimeField(_("proposed"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects = MoveProposalQuerySet.as_manager()

    class Meta:
        verbose_name = _("proposed move")
        verbose_name_plural = _("proposed moves")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                name="move_is_proposed_once_at_a_time",
                fields=["session"],
                condition=Q(state="open"),
                violation_error_message=_("A move is already proposed; withdraw it first."),
            ),
            models.CheckConstraint(
                name="move_says_why",
                condition=~Q(reason=""),
                violation_error_message=_("Write why; the classes will read it."),
            ),
            models.CheckConstraint(
                name="move_that_ended_knows_when", condition=Q(state="open") | Q(ended_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session} ({self.get_state_display()})"


class ProposedMeeting(models.Model):
    """One date of the session as it would be after the move."""

    proposal = models.ForeignKey(
        MoveProposal, on_delete=models.CASCADE, related_name="meetings", verbose_name=_("proposed move")
    )
    number = models.PositiveSmallIntegerField(_("number"), default=1)
    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends"))
    place = models.CharField(_("place"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("proposed date")
        verbose_name_plural = _("proposed dates")
        ordering = ["proposal", "number"]
        constraints = [
            models.UniqueConstraint(name="proposed_meeting_number_is_used_once", fields=["proposal", "number"]),
            models.CheckConstraint(
                name="proposed_meeting_ends_after_it_begins",
                condition=Q(ends_at__gt=F("starts_at")),
                violation_error_message=_("The end must be after the beginning."),
            ),
        ]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.starts_at):%d.%m.%Y %H:%M}"


class MoveAnswer(models.Model):
    """What one class says to a proposed move; *pending* until somebody at the school has answered."""

    class Answer(models.TextChoices):
        PENDING = "pending", _("has not answered")
        STAY = "stay", _("comes at the new time")
        LEAVE = "leave", _("cannot come then")

    proposal = models.ForeignKey(
        MoveProposal, on_delete=models.CASCADE, related_name="answers", verbose_name=_("proposed move")
    )
    enrolment = models.ForeignKey(
        Enrolment, on_delete=models.PROTECT, related_name="move_answers", verbose_name=_("enrolment")
    )
    answer = models.CharField(_("answer"), max_length=8, choices=Answer, default=Answer.PENDING)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)

    class Meta:
        verbose_name = _("answer to a proposed move")
        verbose_name_plural = _("answers to proposed moves")
        ordering = ["proposal", "pk"]
        constraints = [
            models.UniqueConstraint(name="move_is_answered_once_by_each_class", fields=["proposal", "enrolment"]),
            models.CheckConstraint(
                name="move_answer_knows_when", condition=Q(answer="pending") | Q(answered_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enrolment}: {self.get_answer_display()}"

"""Invitations: a company is asked to describe a course."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from companies.models import Company, Contact
from offers.models.offer import Offer


class Invite(models.Model):
    """A contact of a company is asked to describe one course, by a link that lives 30 days, however often it is used.

    ``opened`` is the first press of a button, never a GET: mail scanners open every link.
    """

    class State(models.TextChoices):
        SENT = "sent", _("sent")
        OPENED = "opened", _("opened")
        STARTED = "started", _("begun")
        SUBMITTED = "submitted", _("sent for review")
        COMPLETED = "completed", _("completed")
        EXPIRED = "expired", _("expired")
        REVOKED = "revoked", _("withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="invites", verbose_name=_("company"))
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="invites", verbose_name=_("contact"))
    offer = models.OneToOneField(
        Offer,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="invite",
        verbose_name=_("course"),
    )
    greeting = models.TextField(_("personal message"), max_length=1000, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.SENT)
    reached_step = models.PositiveSmallIntegerField(_("reached step"), default=0)
    created_at = models.DateTimeField(_("sent"), default=timezone.now)
    opened_at = models.DateTimeField(_("opened"), null=True, blank=True)
    submitted_at = models.DateTimeField(_("submitted"), null=True, blank=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                name="invite_reaches_one_of_six_steps", condition=Q(reached_step__gte=0, reached_step__lte=6)
            )
        ]

    def __str__(self) -> str:
        return f"{self.company} ({self.get_state_display()})"

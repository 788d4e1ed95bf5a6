"""The outbox: every mail the portal owes somebody, has sent, or gave up."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class MessageQuerySet(models.QuerySet["Message"]):
    """Questions to the outbox."""

    def due(self, now: datetime) -> Self:
        """Waiting, and the time to send has come."""
        return self.filter(state__in=[Message.State.PLANNED, Message.State.QUEUED], send_at__lte=now)

    def abandoned(self, now: datetime) -> Self:
        """Claimed by a worker whose lease has run out."""
        return self.filter(state=Message.State.CLAIMED, lease_until__lte=now)

    def in_trouble(self) -> Self:
        """What a coordinator should look at: gave up, or nobody knows."""
        return self.filter(
            state__in=[
                Message.State.FAILED,
                Message.State.UNCERTAIN,
                Message.State.BOUNCED,
                Message.State.HELD,
            ]
        )


class Message(models.Model):
    """One mail to one person about one occasion, once.

    The row is written in the transaction of what it tells about; the unique key makes a second promise of
    the same mail harmless. Subject and body are rendered when a worker claims it, and kept 30 days.
    """

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        QUEUED = "queued", _("queued")
        CLAIMED = "claimed", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        UNCERTAIN = "uncertain", _("uncertain")
        WITHDRAWN = "withdrawn", _("withdrawn")
        EXPIRED = "expired", _("expired")
        HELD = "held", _("on hold")
        BOUNCED = "bounced", _("bounced")

    class Policy(models.TextChoices):
        """What to do when a worker died between the mail server's answer and ours."""

        AT_LEAST_ONCE = "at_least_once", _("at least once")
        AT_MOST_ONCE = "at_most_once", _("at most once")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    occasion = models.CharField(_("occasion"), max_length=60)
    reference_type = models.CharField(max_length=40)
    reference_id = models.UUIDField()
    parameters = models.JSONField(default=dict, blank=True)
    dedupe_key = models.CharField(max_length=240, unique=True)
    recipient_kind = models.CharField(max_length=10)
    recipient_id = models.UUIDField(null=True, blank=True)
    address = models.EmailField(_("to"), max_length=254)
    language = models.CharField(max_length=2, default="da")
    urgency = models.PositiveSmallIntegerField(default=5)
    policy = models.CharField(max_length=20, choices=Policy, default=Policy.AT_LEAST_ONCE)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.QUEUED)
    send_at = models.DateTimeField(_("send at"))
    not_after = models.DateTimeField(_("not after"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    lease_owner = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(_("trouble"), max_length=300, blank=True)
    subject = models.CharField(_("subject line"), max_length=300, blank=True)
    body = models.TextField(_("text as sent, links masked"), blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-send_at"]
        indexes = [
            models.Index(
                fields=["urgency", "send_at"],
                name="message_due",
                condition=Q(state__in=["planned", "queued"]),
            ),
            models.Index(fields=["lease_until"], name="message_leased", condition=Q(state="claimed")),
            models.Index(fields=["reference_id", "occasion"], name="message_by_object"),
        ]
        constraints = [
            models.CheckConstraint(
                name="message_sent_has_a_time", condition=~Q(state="sent") | Q(sent_at__isnull=False)
            ),
            models.CheckConstraint(
                name="message_claimed_has_a_lease",
                condition=~Q(state="claimed") | Q(lease_until__isnull=False, lease_owner__isnull=False),
            ),
            models.CheckConstraint(
                name="message_may_be_sent_before_it_is_too_late",
                condition=Q(not_after__isnull=True) | Q(not_after__gt=F("send_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.occasion} → {self.address}"

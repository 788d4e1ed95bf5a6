"""Links: how people without an account come in."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class LinkQuerySet(models.QuerySet["Link"]):
    """Questions to the links."""

    def live(self, now: datetime) -> Self:
        """Neither expired nor revoked."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=now)

    def about(self, purpose: str, reference_id: uuid.UUID) -> Self:
        """For one purpose and one object."""
        return self.filter(purpose=purpose, reference_id=reference_id)


class Link(models.Model):
    """A right given to whoever holds a secret address, for one purpose and one object.

    The token is derived (``portal.domain.links``), so it can be written again into a reminder; the table
    holds only its SHA-256. Version + 1 makes every earlier address of this link worthless.
    """

    class Purpose(models.TextChoices):
        INVITE = "invite", _("describe a course")
        HOST = "host", _("a contact's visits")
        SURVEY = "survey", _("survey")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(max_length=20, choices=Purpose)
    reference_id = models.UUIDField()
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    version = models.PositiveIntegerField(default=1)
    token_digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = LinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")
        indexes = [models.Index(fields=["purpose", "reference_id"], name="link_by_object")]
        constraints = [
            models.UniqueConstraint(
                name="link_is_one_per_purpose_and_object",
                fields=["purpose", "reference_id"],
                condition=Q(parent__isnull=True),
            ),
            models.CheckConstraint(
                name="link_digest_is_a_sha256",
                condition=Q(token_digest__regex=r"^[0-9a-f]{64}$"),  # noqa: S106 (a pattern)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.reference_id}"

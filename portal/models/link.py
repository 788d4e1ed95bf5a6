"""Links: how people without an account come in."""

import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class LinkQuerySet(models.QuerySet["Link"]):
    """Questions to the links."""

    def live(self, now: datetime) -> Self:
        """Neither expired nor revoked, and of a child its parent not revoked either."""
        return self.filter(revoked_at__isnull=True, parent__revoked_at__isnull=True, expires_at__gt=now)

    def about(self, purpose: str, reference_id: uuid.UUID) -> Self:
        """For one purpose and one object."""
        return self.filter(purpose=purpose, reference_id=reference_id)

    def of_colleagues(self) -> Self:
        """Child links: those that a contact sent on."""
        return self.filter(parent__isnull=False)


class Link(models.Model):
    """A right given to whoever holds a secret address, for one purpose and one object.

    The token is derived (``portal.domain.links``), so it can be written again into a reminder; the table
    holds only its SHA-256. Version + 1 makes every earlier address of this link worthless.

    A *child link* was sent on to a colleague by whoever held the parent: it opens the same object, has an address of
    its own, and knows whose it is (``holder_name``, ``holder_address``), so that each can be seen and withdrawn. It
    dies with its parent, and has no children.
    """

    class Purpose(models.TextChoices):
        INVITE = "invite", _("describe a course")
        HOST = "host", _("a contact's visits")
        SURVEY = "survey", _("survey")
        CALENDAR = "calendar", _("a person's own calendar")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(_("opens"), max_length=20, choices=Purpose)
    reference_id = models.UUIDField()
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    holder_name = models.CharField(_("colleague"), max_length=120, blank=True, db_default="")
    holder_address = models.EmailField(_("the colleague's e-mail"), blank=True, db_default="")
    version = models.PositiveIntegerField(default=1)
    token_digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField(_("works until"))
    revoked_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    created_at = models.DateTimeField(_("made"), default=timezone.now)

    objects = LinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["purpose", "reference_id"], name="link_by_object")]
        constraints = [
            models.UniqueConstraint(
                name="link_is_one_per_purpose_and_object",
                fields=["purpose", "reference_id"],
                condition=Q(parent__isnull=True),
            ),
            models.UniqueConstraint(
                "parent",
                Lower("holder_address"),
                name="link_is_sent_on_once_to_each_colleague",
                condition=Q(parent__isnull=False, revoked_at__isnull=True),
                violation_error_message=_("Your colleague already has a link."),
            ),
            models.CheckConstraint(
                name="link_sent_on_knows_to_whom",
                condition=Q(parent__isnull=True, holder_name="", holder_address="")
                | (Q(parent__isnull=False) & ~Q(holder_name="") & ~Q(holder_address="")),
            ),
            models.CheckConstraint(
                name="link_digest_is_a_sha256",
                condition=Q(token_digest__regex=r"^[0-9a-f]{64}$"),  # noqa: S106 (a pattern)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} ({self.created_at:%d.%m.%Y})"

    def has_ended(self, now: datetime) -> bool:
        """Return whether the link expired, was withdrawn, or was sent on by one that was withdrawn."""
        withdrawn = self.revoked_at is not None or (self.parent is not None and self.parent.revoked_at is not None)
        return withdrawn or self.expires_at <= now


class FormerAddress(models.Model):
    """The digest of an address that a link had before it was given a new one.

    It opens nothing. Whoever comes by it is told that there is a newer one, instead of that there never was any.
    """

    token_digest = models.CharField(max_length=64, primary_key=True)
    link = models.ForeignKey(Link, on_delete=models.CASCADE, related_name="former_addresses")

    class Meta:
        verbose_name = _("former address of a link")
        verbose_name_plural = _("former addresses of links")

    def __str__(self) -> str:
        return self.token_digest[:8]

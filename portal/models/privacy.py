"""What the portal must remember about forgetting: who asked, whom it may not forget yet, and who has been forgotten."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class SubjectKind(models.TextChoices):
    """As what the portal knows a person."""

    USER = "user", _("person with an account")
    CONTACT = "contact", _("contact at a company")
    ADDRESS = "address", _("e-mail address alone")


class Erasure(models.Model):
    """One person has been erased: a line of the ledger by which a restored backup is erased again.

    Holds keyed hashes, never a name or an address. Who has the key and an address can ask whether it was erased;
    nobody can read out of it who was.
    """

    class Cause(models.TextChoices):
        REQUEST = "request", _("the person asked")
        RETENTION = "retention", _("the time was up")
        REPLAY = "replay", _("erased again after a restore")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("known as"), max_length=10, choices=SubjectKind)
    subject_digest = models.CharField(max_length=64, blank=True)
    address_digest = models.CharField(max_length=64, blank=True)
    cause = models.CharField(_("why"), max_length=10, choices=Cause, default=Cause.REQUEST)
    counts = models.JSONField(_("rows"), default=dict)
    erased_at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("erased person")
        verbose_name_plural = _("erased persons")
        ordering = ["-erased_at"]
        constraints = [
            models.CheckConstraint(
                name="erasure_says_whom_by_a_hash", condition=~Q(subject_digest="") | ~Q(address_digest="")
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {timezone.localtime(self.erased_at):%d.%m.%Y}"


class ErasureRequest(models.Model):
    """Somebody asks to be erased. The municipality answers within a month (GDPR Art. 12(3))."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("known as"), max_length=10, choices=SubjectKind)
    subject_id = models.UUIDField(_("who"))
    asked_at = models.DateTimeField(_("asked"), default=timezone.now)

    class Meta:
        verbose_name = _("request to be erased")
        verbose_name_plural = _("requests to be erased")
        ordering = ["asked_at"]
        constraints = [models.UniqueConstraint(name="erasure_is_asked_for_once", fields=["kind", "subject_id"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {timezone.localtime(self.asked_at):%d.%m.%Y}"


class LegalHold(models.Model):
    """A person who may not be erased yet, why, and until when (the archives acts; a complaint; a case)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("known as"), max_length=10, choices=SubjectKind)
    subject_id = models.UUIDField(_("who"))
    reason = models.CharField(_("why"), max_length=200)
    until = models.DateField(_("until"))
    created_at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        ordering = ["until"]
        constraints = [
            models.UniqueConstraint(name="legal_hold_is_one_per_person", fields=["kind", "subject_id"]),
            models.CheckConstraint(name="legal_hold_says_why", condition=~Q(reason="")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.until:%d.%m.%Y}"

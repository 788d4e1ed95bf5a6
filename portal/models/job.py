"""What the machinery remembers: heartbeats, made documents and documents to make, the demo's clock."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Heartbeat(models.Model):
    """When a periodic job last came to its end, and how far on the portal's clock it had come by then."""

    name = models.CharField(_("job"), max_length=60, primary_key=True)
    last_ok = models.DateTimeField(_("last done"))
    reached = models.DateTimeField(_("done up to"), null=True, blank=True)

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name


class Document(models.Model):
    """A finished PDF, found again by the hash of its facts and its template: the same content is made once."""

    content_hash = models.CharField(max_length=64, primary_key=True)
    filename = models.CharField(max_length=120)
    pdf = models.BinaryField()
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")

    def __str__(self) -> str:
        return self.filename


class DocumentJob(models.Model):
    """A PDF that a worker will make because the web server was busy making others."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("requested")
        RENDERING = "rendering", _("being made")
        READY = "ready", _("ready")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    content_hash = models.CharField(max_length=64, unique=True)
    filename = models.CharField(max_length=120)
    html = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.REQUESTED)
    attempts = models.PositiveSmallIntegerField(default=0)
    trouble = models.CharField(max_length=300, blank=True)
    requested_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("document to make")
        verbose_name_plural = _("documents to make")
        indexes = [models.Index(fields=["requested_at"], name="document_job_waiting", condition=Q(state="requested"))]

    def __str__(self) -> str:
        return self.filename


class DemoClock(models.Model):
    """How far the demo's clock is ahead of the real one. Empty outside the demo."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    ahead = models.DurationField()

    class Meta:
        verbose_name = _("demo clock")
        verbose_name_plural = _("demo clock")
        constraints = [models.CheckConstraint(name="demo_clock_is_only_one", condition=Q(pk=1))]

    def __str__(self) -> str:
        return str(self.ahead)

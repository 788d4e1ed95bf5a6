"""Who did what, when: written in the same transaction as what it tells about."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AuditEntry(models.Model):
    """One thing done by one actor to one object. Holds kind and id of the actor, never a name."""

    at = models.DateTimeField(_("when"), default=timezone.now)
    actor_kind = models.CharField(_("by"), max_length=10)
    actor_id = models.CharField(max_length=60, blank=True)
    action = models.CharField(_("what"), max_length=60)
    object_type = models.CharField(_("object"), max_length=40)
    object_id = models.CharField(max_length=40)
    facts = models.JSONField(_("facts"), default=dict, blank=True)

    class Meta:
        verbose_name = _("entry in the log")
        verbose_name_plural = _("log")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["object_type", "object_id", "at"], name="audit_by_object")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action} {self.object_type}"

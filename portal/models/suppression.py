"""Who wants no reminders, or no questions after visits: kept so that it names nobody and outlives an erasure."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Suppression(models.Model):
    """Nobody sends mails of one kind to one address any more, because whoever reads there has said so.

    Holds a keyed hash of the address, never the address, and no person: so it still stands when the person has been
    erased and is written to again. Deleted when it is taken back. Mails that one must get ask nobody.
    """

    class Kind(models.TextChoices):
        REMINDERS = "reminders", _("reminders")
        SURVEYS = "surveys", _("questions after a visit")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    address_digest = models.CharField(max_length=64)
    kind = models.CharField(_("of what"), max_length=10, choices=Kind)
    created_at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("mails that are not wanted")
        verbose_name_plural = _("mails that are not wanted")
        constraints = [
            models.UniqueConstraint(name="suppression_is_said_once", fields=["address_digest", "kind"]),
            models.CheckConstraint(
                name="suppression_holds_a_keyed_hash", condition=Q(address_digest__regex=r"^[0-9a-f]{64}$")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {timezone.localtime(self.created_at):%d.%m.%Y}"

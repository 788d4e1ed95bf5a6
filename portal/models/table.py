"""Tables that were uploaded and wait for their confirmation."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.models.account import User


class PendingTable(models.Model):
    """What a coordinator has uploaded, looked over, and not yet let in.

    Holds only the columns that the import knows. Read by nobody but the person who uploaded it; gone when it is
    imported or given up, and at the latest 24 hours after the upload.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="pending_tables", verbose_name=_("person"))
    kind = models.CharField(_("kind"), max_length=20)
    filename = models.CharField(_("file"), max_length=120, blank=True)
    rows = models.JSONField(_("rows"), help_text=_("Pairs of a line's number and its cells by the columns' names."))
    unused = models.JSONField(_("columns that are not used"), default=list)
    end_missing = models.BooleanField(_("end what is missing from the file"), default=False)
    uploaded_at = models.DateTimeField(_("uploaded"), default=timezone.now)

    class Meta:
        verbose_name = _("table to import")
        verbose_name_plural = _("tables to import")

    def __str__(self) -> str:
        return self.filename or self.kind

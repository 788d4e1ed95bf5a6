"""Counters of limits."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Tally(models.Model):
    """How often something happened in one short window of time: what a limit is measured against.

    The key is a keyed digest of what is counted, for whom and when, so the table tells nobody's address. It is not
    written to the database's journal: after a crash everybody starts from nothing.
    """

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    until = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("counter of a limit")
        verbose_name_plural = _("counters of limits")

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.count}"

"""What a course gives teachers to save: worksheets, programmes, safety sheets."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from offers.models.offer import Offer
from portal.models import Upload


class MaterialQuerySet(models.QuerySet["Material"]):
    """Questions to the material."""

    def with_files(self) -> Self:
        """Each with its file at hand."""
        return self.select_related("upload")


class Material(models.Model):
    """One document of a course, under the title that teachers read."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="materials", verbose_name=_("course"))
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="material_of", verbose_name=_("file"))
    title = models.CharField(_("title"), max_length=120)
    added_at = models.DateTimeField(_("added"), default=timezone.now)

    objects = MaterialQuerySet.as_manager()

    class Meta:
        verbose_name = _("material")
        verbose_name_plural = _("material")
        ordering = ["added_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="material_stands_once_in_a_course",
                fields=["offer", "upload"],
                violation_error_message=_("This file is already among the material."),
            ),
            models.CheckConstraint(
                name="material_has_a_title",
                condition=~Q(title=""),
                violation_error_message=_("Give the file a title."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

"""Files that people put in: pictures and documents."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Upload(models.Model):
    """One file, safe to be shown: a picture made anew from its pixels, or a document that was examined.

    It lies in the media folder under the name of its id and is never changed; another file is another row. Whoever
    shows it points to it with a foreign key, and what nobody points to is removed. ``name`` is what the file was called
    at home, cleaned, for the one who downloads it; sizes are in bytes, ``width`` and ``height`` in pixels.
    """

    class Kind(models.TextChoices):
        PICTURE = "picture", _("picture")
        LOGO = "logo", _("logo")
        DOCUMENT = "document", _("document")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner_type = models.CharField(max_length=60)
    owner_id = models.CharField(max_length=60)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    format = models.CharField(_("format"), max_length=5)
    name = models.CharField(_("name"), max_length=120)
    alt_text = models.CharField(
        _("description of the picture"),
        max_length=200,
        blank=True,
        help_text=_("Empty when the picture only decorates."),
    )
    size = models.PositiveIntegerField(_("size (bytes)"))
    width = models.PositiveSmallIntegerField(default=0)
    height = models.PositiveSmallIntegerField(default=0)
    has_small = models.BooleanField(default=False)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(_("put in"), default=timezone.now)

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")
        indexes = [models.Index(fields=["created_at"], name="upload_by_age")]
        constraints = [
            models.UniqueConstraint(
                name="upload_is_stored_once_per_owner",
                fields=["owner_type", "owner_id", "digest"],
                violation_error_message=_("This file is already there."),
            ),
            models.CheckConstraint(name="upload_digest_is_a_sha256", condition=Q(digest__regex=r"^[0-9a-f]{64}$")),
            models.CheckConstraint(
                name="upload_is_of_a_known_format",
                condition=Q(kind="document", format__in=["pdf", "docx", "pptx", "odt"])
                | Q(kind__in=["picture", "logo"], format__in=["jpg", "webp"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def file_name(self) -> str:
        """The name under which it lies in the media folder."""
        return f"{self.pk}.{self.format}"

    @property
    def path(self) -> str:
        """Where the file lies below the media folder."""
        return f"uploads/{self.pk.hex[:2]}/{self.file_name}"

    @property
    def small_path(self) -> str:
        """Where the picture in a card's size lies; without one, the picture itself."""
        return f"uploads/{self.pk.hex[:2]}/{self.pk}-s.{self.format}" if self.has_small else self.path

    @property
    def paths(self) -> list[str]:
        """Everything that lies in the media folder for this row."""
        return [self.path, self.small_path] if self.has_small else [self.path]

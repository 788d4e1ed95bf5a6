"""Codes by mail with which people sign in."""

import uuid
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _


class SignInCode(models.Model):
    """That one browser asked for a code to one address, and what has become of it.

    The code itself stands nowhere: it is derived from the row's id (``portal.domain.sign_in``). The browser's session
    knows the id, so a code is of use only in the browser that asked for it, and wrong tries burn nobody else's.
    The row is made for every address, so that nothing shows which have an account; only some are mailed.
    """

    class Purpose(models.TextChoices):
        SIGN_IN = "sign_in", _("sign in")
        LINK = "link", _("join a sign-in elsewhere to an account")
        CONFIRM = "confirm", _("confirm that it is still the same person")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254)
    language = models.CharField(max_length=2, default="da")
    purpose = models.CharField(max_length=10, choices=Purpose)
    is_mailed = models.BooleanField(default=False)
    same_as = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="shared_with")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("sign-in code")
        verbose_name_plural = _("sign-in codes")
        indexes = [
            models.Index(fields=["email", "-created_at"], name="sign_in_code_by_address"),
            models.Index(fields=["created_at"], name="sign_in_code_by_age"),
        ]
        constraints = [
            models.CheckConstraint(
                name="sign_in_code_is_mailed_or_shared_but_not_both",
                condition=models.Q(is_mailed=False) | models.Q(same_as__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} {self.created_at:%d.%m.%Y %H:%M}"

    def is_open(self, now: datetime) -> bool:
        """Return whether the code can still be typed: in time, not yet used, and not tried wrong too often."""
        return self.used_at is None and self.expires_at > now and self.failures < MAX_FAILURES


# So many wrong tries burn the codes of a browser; it must ask for a new one.
MAX_FAILURES = 5

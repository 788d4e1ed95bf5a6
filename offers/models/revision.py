"""What a course said, and what was said about it."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from offers.models.offer import Offer


class Revision(models.Model):
    """The whole content of a course at one moment: each time it is submitted, and each edit after publication."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="revisions", verbose_name=_("course"))
    number = models.PositiveIntegerField(_("number"))
    content = models.JSONField(_("content"))
    actor_kind = models.CharField(max_length=10)
    actor_id = models.CharField(max_length=60, blank=True)
    at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(name="revision_number_is_used_once", fields=["offer", "number"])]

    def __str__(self) -> str:
        return f"{self.offer} #{self.number}"


class ReviewComment(models.Model):
    """What the coordinator asks the company to change, about one field or the whole course."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="review_comments", verbose_name=_("course"))
    field = models.CharField(_("about"), max_length=40, blank=True)
    text = models.TextField(_("comment"), max_length=2000)
    at = models.DateTimeField(_("when"), default=timezone.now)
    resolved_at = models.DateTimeField(_("answered"), null=True, blank=True)

    class Meta:
        verbose_name = _("review comment")
        verbose_name_plural = _("review comments")
        ordering = ["-at"]
        constraints = [models.CheckConstraint(name="review_comment_says_something", condition=~Q(text=""))]

    def __str__(self) -> str:
        return self.text[:60]

"""Agreements: formal partnerships over a longer time, never demanded for a single visit."""

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from companies.models import Company
from schools.models import School


class Agreement(models.Model):
    """A partnership between a company and a school, with a text that has versions."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        ACTIVE = "active", _("in force")
        ENDED = "ended", _("ended")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="agreements", verbose_name=_("company"))
    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="agreements", verbose_name=_("school"))
    title = models.CharField(_("title"), max_length=120)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    first_day = models.DateField(_("from"))
    last_day = models.DateField(_("to"))
    visits_per_year = models.PositiveSmallIntegerField(_("visits per year"), default=2)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        ordering = ["-first_day"]
        constraints = [
            models.CheckConstraint(
                name="agreement_ends_after_it_begins",
                condition=Q(last_day__gt=F("first_day")),
                violation_error_message=_("The last day must be after the first."),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class AgreementVersion(models.Model):
    """The text of an agreement as it was put to the parties; its hash is what a signature signs."""

    agreement = models.ForeignKey(
        Agreement, on_delete=models.CASCADE, related_name="versions", verbose_name=_("agreement")
    )
    number = models.PositiveSmallIntegerField(_("version"), default=1)
    purpose = models.TextField(_("purpose"))
    roles = models.TextField(_("roles and contributions"))
    text_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("version of an agreement")
        verbose_name_plural = _("versions of agreements")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(name="agreement_version_is_used_once", fields=["agreement", "number"])]

    def __str__(self) -> str:
        return f"{self.agreement} v{self.number}"


class Signature(models.Model):
    """One party's yes to one version, by the job title of who gave it."""

    class Party(models.TextChoices):
        COMPANY = "company", _("company")
        SCHOOL = "school", _("school")
        MUNICIPALITY = "municipality", _("municipality")

    version = models.ForeignKey(
        AgreementVersion, on_delete=models.CASCADE, related_name="signatures", verbose_name=_("version")
    )
    party = models.CharField(_("party"), max_length=12, choices=Party)
    job_title = models.CharField(_("job title"), max_length=80)
    signed_at = models.DateTimeField(_("signed"), default=timezone.now)

    class Meta:
        verbose_name = _("signature")
        verbose_name_plural = _("signatures")
        constraints = [models.UniqueConstraint(name="signature_is_given_once_by_a_party", fields=["version", "party"])]

    def __str__(self) -> str:
        return f"{self.get_party_display()}: {self.job_title}"

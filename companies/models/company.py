"""The hosts: organisations and the people one writes to there."""

import uuid

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.models import Industry


class Company(models.Model):
    """Any organisation that hosts, or might host, a class: a firm, a public workplace, an association."""

    class Kind(models.TextChoices):
        COMPANY = "company", _("company")
        FARM = "farm", _("farm")
        PUBLIC = "public", _("public workplace")
        ASSOCIATION = "association", _("association")
        EDUCATION = "education", _("place of education")
        CULTURE = "culture", _("museum or cultural institution")

    class State(models.TextChoices):
        LEAD = "lead", _("lead")
        CONTACTED = "contacted", _("contacted")
        INTERESTED = "interested", _("interested")
        ACTIVE = "active", _("active")
        RESTING = "resting", _("resting")
        ENDED = "ended", _("ended")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind, default=Kind.COMPANY)
    state = models.CharField(_("relation"), max_length=20, choices=State, default=State.LEAD)
    cvr = models.CharField(
        _("CVR number"),
        max_length=8,
        blank=True,
        validators=[RegexValidator(r"\A[0-9]{8}\Z", _("A CVR number has eight digits."))],
    )
    trade_code = models.CharField(_("trade code (DB07)"), max_length=8, blank=True)
    industries = models.ManyToManyField(Industry, related_name="companies", verbose_name=_("industries"))
    about = models.TextField(_("about the company"), max_length=2000, blank=True)
    address = models.CharField(_("address"), max_length=120, blank=True)
    postal_code = models.CharField(_("postal code"), max_length=4, blank=True)
    city = models.CharField(_("town"), max_length=60, blank=True)
    website = models.URLField(_("website"), blank=True)
    email = models.EmailField(_("shared e-mail"), blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("companies")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="company_name_is_words_on_one_line",
                condition=Q(name__regex=r"\S") & ~Q(name__regex="[[:cntrl:]]"),
                violation_error_message=_("Write the name on one line."),
            ),
            models.CheckConstraint(
                name="company_email_is_in_small_letters",
                condition=Q(email=Lower("email")),
                violation_error_message=_("Write the e-mail address in small letters."),
            ),
            models.UniqueConstraint(
                name="company_has_its_cvr_number_alone",
                fields=["cvr"],
                condition=~Q(cvr=""),
                violation_error_message=_("There is already a company with this CVR number."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def full_address(self) -> str:
        """Street, postal code and town on one line."""
        town = f"{self.postal_code} {self.city}".strip()
        return ", ".join(part for part in (self.address, town) if part)


class Contact(models.Model):
    """A person at a company whom the portal writes to. Has links, never an account."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="contacts", verbose_name=_("company"))
    name = models.CharField(_("name"), max_length=120)
    title = models.CharField(_("job title"), max_length=80, blank=True)
    email = models.EmailField(_("e-mail"))
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    language = models.CharField(
        _("language"), max_length=2, choices=[("da", _("Danish")), ("en", _("English"))], default="da"
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="contact_name_is_words_on_one_line",
                condition=Q(name__regex=r"\S") & ~Q(name__regex="[[:cntrl:]]"),
                violation_error_message=_("Write the name on one line."),
            ),
            models.CheckConstraint(
                name="contact_email_is_in_small_letters",
                condition=Q(email=Lower("email")),
                violation_error_message=_("Write the e-mail address in small letters."),
            ),
            models.UniqueConstraint(
                Lower("email"),
                "company",
                name="contact_stands_once_at_a_company",
                violation_error_message=_("This e-mail address already stands at the company."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

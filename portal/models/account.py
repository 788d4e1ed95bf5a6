"""People who sign in: teachers, coordinators, operators. Companies never do; they come through links."""

import uuid
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    """Makes accounts; the e-mail address is the name one signs in with."""

    def create_user(self, email: str, password: str | None = None, **facts: Any) -> "User":
        user: User = self.model(email=email.strip().lower(), **facts)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **facts: Any) -> "User":
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True, **facts})


class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account. Schools and roles hang on it elsewhere; a person may have several."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("work e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    language = models.CharField(
        _("language"), max_length=2, choices=[("da", _("Danish")), ("en", _("English"))], default="da"
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("may open the desk"), default=False)
    date_joined = models.DateTimeField(_("since"), default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["name", "email"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_is_unique_in_any_case",
                violation_error_message=_("There is already an account with this e-mail address."),
            ),
            models.CheckConstraint(
                name="user_email_is_in_small_letters",
                condition=Q(email=Lower("email")),
                violation_error_message=_("Write the e-mail address in small letters."),
            ),
            models.CheckConstraint(
                name="user_name_stands_on_one_line",
                condition=~Q(name__regex="[[:cntrl:]]"),
                violation_error_message=_("Write the name on one line."),
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0]

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """Let sessions stand on password and address: who changes either is signed out everywhere else."""
        stands_on = f"{self.password}|{self.email}"
        return salted_hmac("portal.models.User", stands_on, secret=secret, algorithm="sha256").hexdigest()


# What proves, beside the mailbox, that it is the right person. Recovery codes come with one of these and are not one.
SECOND_FACTORS = ("totp", "webauthn")


class MunicipalRoleQuerySet(models.QuerySet["MunicipalRole"]):
    """Questions to the municipal roles."""

    def in_force(self) -> Self:
        """Held by an active account that has a second factor: without one a municipal role opens nothing.

        Whoever has a factor is asked for it at every sign-in, and setting one up ends all other sessions; so a
        role in force means that this person passed it. The one place of this rule.
        """
        factors = User.objects.filter(pk=models.OuterRef("user"), authenticator__type__in=SECOND_FACTORS)
        return self.filter(models.Exists(factors), user__is_active=True)


class MunicipalRole(models.Model):
    """A person's role in the municipality's administration (roles at schools are memberships).

    An administrator may do all that a coordinator may, and gives roles; a coordinator may do all that a reviewer may,
    who reads and answers courses sent for review and nothing else. An operator looks after the installation.
    """

    class Role(models.TextChoices):
        ADMINISTRATOR = "administrator", _("administrator")
        COORDINATOR = "coordinator", _("coordinator")
        REVIEWER = "reviewer", _("reviewer")
        OPERATOR = "operator", _("operator")

        @classmethod
        def acting_as(cls, role: str) -> list[str]:
            """Return the roles whose holders may do what ``role`` may: itself, and those above it."""
            ladder: list[str] = [cls.REVIEWER, cls.COORDINATOR, cls.ADMINISTRATOR]
            return ladder[ladder.index(role) :] if role in ladder else [role]

        @classmethod
        def including_lower(cls, roles: Iterable[str]) -> frozenset[str]:
            """Return the roles, and those below them whose work they include."""
            given = set(roles)
            return frozenset(role for role in cls.values if given & set(cls.acting_as(role)))

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="municipal_roles", verbose_name=_("person"))
    role = models.CharField(_("role"), max_length=20, choices=Role)

    objects = MunicipalRoleQuerySet.as_manager()

    class Meta:
        verbose_name = _("municipal role")
        verbose_name_plural = _("municipal roles")
        constraints = [
            models.UniqueConstraint(
                name="municipal_role_is_given_once",
                fields=["user", "role"],
                violation_error_message=_("The person already has this role."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"

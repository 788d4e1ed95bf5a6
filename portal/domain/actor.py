"""Who acts: a signed-in person, the holder of a link, or the system itself."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from portal.domain.compiled import CompiledQuery
from portal.models import Link, MunicipalRole, User

Role = MunicipalRole.Role
# Asked with every page of whoever has signed in.
_roles_in_force = CompiledQuery[str](
    lambda user: MunicipalRole.objects.filter(user=user).in_force().values_list("role", flat=True), "user"
)


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Whoever calls a use-case. The log stores ``kind`` and ``id``, never a name."""

    kind: Literal["user", "link", "job"]
    id: str
    purpose: str = ""
    reference_id: UUID | None = None
    is_coordinator: bool = False
    is_reviewer: bool = False
    is_administrator: bool = False

    @classmethod
    def of_user(cls, user: User) -> "Actor":
        """Return the actor for an account, with the municipal roles it has now."""
        roles = municipal_roles(user)
        return cls(
            kind="user",
            id=str(user.pk),
            is_coordinator=Role.COORDINATOR in roles,
            is_reviewer=Role.REVIEWER in roles,
            is_administrator=Role.ADMINISTRATOR in roles,
        )

    @classmethod
    def of_link(cls, link: Link) -> "Actor":
        """Return the actor for whoever holds the link; it reaches the link's object and nothing else."""
        return cls(kind="link", id=str(link.pk), purpose=link.purpose, reference_id=link.reference_id)

    @classmethod
    def job(cls, name: str) -> "Actor":
        """Return the actor for a periodic job or a command."""
        return cls(kind="job", id=name, is_coordinator=True, is_reviewer=True, is_administrator=True)

    @property
    def user_id(self) -> UUID | None:
        """The account's id, when the actor is a person who signed in."""
        return UUID(self.id) if self.kind == "user" else None


def municipal_roles(user: User) -> frozenset[str]:
    """Return what the account may act as in the municipality, the lower roles included.

    Only with a second factor, see :meth:`portal.models.account.MunicipalRoleQuerySet.in_force`.
    """
    if not user.is_active:
        return frozenset()
    return Role.including_lower(_roles_in_force(user=user.pk))


def municipal_roles_held(user: User) -> frozenset[str]:
    """Return the roles the account has been given, second factor or not: who is written to, and led to set one up."""
    if not user.is_active:
        return frozenset()
    return Role.including_lower(MunicipalRole.objects.filter(user=user).values_list("role", flat=True))


def has_role(user: User, *roles: str) -> bool:
    """Return whether the active account may act as one of these municipal roles."""
    return bool(municipal_roles(user) & set(roles))


def is_coordinator(user: User) -> bool:
    """Return whether the account may work at the coordinator's desk."""
    return has_role(user, Role.COORDINATOR)


def is_reviewer(user: User) -> bool:
    """Return whether the account may read and answer courses sent for review."""
    return has_role(user, Role.REVIEWER)


def is_administrator(user: User) -> bool:
    """Return whether the account gives roles in the municipality and keeps its settings."""
    return has_role(user, Role.ADMINISTRATOR)


def is_operator(user: User) -> bool:
    """Return whether the account looks after the installation."""
    return has_role(user, Role.OPERATOR)

"""Who acts: a signed-in person, the holder of a link, or the system itself."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from portal.models import Link, MunicipalRole, User


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Whoever calls a use-case. The log stores ``kind`` and ``id``, never a name."""

    kind: Literal["user", "link", "job"]
    id: str
    purpose: str = ""
    reference_id: UUID | None = None
    is_coordinator: bool = False

    @classmethod
    def of_user(cls, user: User) -> "Actor":
        """Return the actor for an account, with the municipal roles it has now."""
        return cls(kind="user", id=str(user.pk), is_coordinator=is_coordinator(user))

    @classmethod
    def of_link(cls, link: Link) -> "Actor":
        """Return the actor for whoever holds the link; it reaches the link's object and nothing else."""
        return cls(kind="link", id=str(link.pk), purpose=link.purpose, reference_id=link.reference_id)

    @classmethod
    def job(cls, name: str) -> "Actor":
        """Return the actor for a periodic job or a command."""
        return cls(kind="job", id=name, is_coordinator=True)

    @property
    def user_id(self) -> UUID | None:
        """The account's id, when the actor is a person who signed in."""
        return UUID(self.id) if self.kind == "user" else None


def has_role(user: User, *roles: str) -> bool:
    """Return whether the active account has one of these municipal roles."""
    return user.is_active and MunicipalRole.objects.filter(user=user, role__in=roles).exists()


def is_coordinator(user: User) -> bool:
    """Return whether the account may work at the coordinator's desk."""
    return has_role(user, MunicipalRole.Role.COORDINATOR)


def is_operator(user: User) -> bool:
    """Return whether the account looks after the installation."""
    return has_role(user, MunicipalRole.Role.OPERATOR)

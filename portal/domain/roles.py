"""Roles in the municipality: who may be given which, and that somebody is always left who can give them."""

from django.utils.translation import gettext_lazy as _

from portal.models import MunicipalRole, User

Role = MunicipalRole.Role
ADMINISTRATOR = Role.ADMINISTRATOR
GIVEN_AT_THE_DESK = [Role.ADMINISTRATOR, Role.COORDINATOR, Role.REVIEWER]
LAST_ADMINISTRATOR = _(
    "This is the only administrator. Make somebody else one first, otherwise nobody could give roles any more."
)


def is_last_administrator(person: User) -> bool:
    """Return whether the person is an administrator and nobody else with an account in use is.

    Expects a transaction and holds the administrators' rows: two who take each other's role wait for one another.
    """
    administrators = MunicipalRole.objects.filter(role=ADMINISTRATOR, user__is_active=True)
    holders = set(administrators.select_for_update(of=("self",)).order_by("pk").values_list("user_id", flat=True))
    return holders == {person.pk}

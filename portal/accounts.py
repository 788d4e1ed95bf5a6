"""How signing in is done here: django-allauth, without open registration."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class PortalAccounts(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by the municipality; nobody registers alone."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 (allauth's signature)
        return False

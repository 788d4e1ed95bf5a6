"""How signing in is done here: django-allauth, without open registration, its mails through the outbox."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import translation

from portal.domain import clock, outbox
from portal.models import User


class PortalAccounts(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are made by the municipality; nobody registers alone."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 (allauth's signature)
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Promise the mail, first in line; to an address that nobody signs in with, nothing is sent."""
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        if user is None:
            return
        with translation.override(user.language):
            subject = render_to_string(f"{template_prefix}_subject.txt", context)
            text = render_to_string(f"{template_prefix}_message.txt", context)
        now = clock.now()
        with transaction.atomic():
            outbox.post(
                occasion="account_mail",
                about=user,
                to=outbox.Recipient.of_user(user),
                now=now,
                key=now.isoformat(),
                parameters={"subject": " ".join(subject.split()), "text": text.strip()},
                urgency=0,
            )

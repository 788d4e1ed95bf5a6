"""``manage.py privacy_record``: print the record of processing activities as a page of documentation."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import translation

from portal.domain import record
from portal.models import Municipality


class Command(BaseCommand):
    """Print the record with the longest lifetimes and no municipality's name: as it stands in docs/."""

    help = "Print the record of processing activities (GDPR Art. 30) in Markdown."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        with translation.override(settings.LANGUAGE_CODE):
            self.stdout.write(record.in_markdown(Municipality(name="Kommunen")), ending="")

"""The portal without the lock on a session's row: the control of ``enrolment``, for a database without constraints."""

import os

import django
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from offers.models.session import SessionQuerySet


def not_locked(self: SessionQuerySet) -> SessionQuerySet:
    """Read the rows as they are, and let everybody else do so too."""
    return self.order_by("pk")


SessionQuerySet.locked = not_locked  # type: ignore[method-assign]
application = get_wsgi_application()

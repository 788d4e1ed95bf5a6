"""What time it is. Doors ask here and hand ``now`` to the domain; only the demo's clock can be moved."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.models import DemoClock


def now() -> datetime:
    """Return the present moment, in UTC; in the demo, as the demo's clock shows it."""
    real = timezone.now()
    if not settings.DEMO:
        return real
    clock = DemoClock.objects.filter(pk=1).first()
    return real + clock.ahead if clock else real


@transaction.atomic(durable=True)
def set_demo_clock(moment: datetime) -> None:
    """Make the demo's clock show ``moment`` from now on. Does nothing outside the demo."""
    if settings.DEMO:
        DemoClock.objects.update_or_create(pk=1, defaults={"ahead": moment - timezone.now()})


def move_demo_clock(step: timedelta) -> datetime:
    """Move the demo's clock forward and return what it shows."""
    moment = now() + step
    set_demo_clock(moment)
    return moment

"""What every template knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from portal.domain import clock
from portal.domain.compiled import CompiledQuery
from portal.models import Municipality


def the_municipality() -> Municipality:
    """Return the municipality, or an unnamed one before the installation has been set up."""
    return _the_first.first() or Municipality(name="Åben skole")


_the_first = CompiledQuery[Municipality](lambda: Municipality.objects.select_related("logo").order_by("pk")[:1])


def portal(request: HttpRequest) -> dict[str, Any]:
    """Return the municipality, and in the demo its clock."""
    context: dict[str, Any] = {"municipality": SimpleLazyObject(the_municipality), "demo": settings.DEMO}
    if settings.DEMO:
        context["demo_now"] = SimpleLazyObject(clock.now)
    return context

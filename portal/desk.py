"""What the admin's theme asks for: its title and its colours."""

from django.http import HttpRequest

from portal.context import the_municipality
from portal.domain.theme import admin_ramp


def site_title(request: HttpRequest) -> str:
    """Return the desk's title."""
    return the_municipality().name


def colors(request: HttpRequest) -> dict[str, dict[str, str]]:
    """Return the municipality's colour in the eleven shades that the theme wants (a new dict: it is changed)."""
    return {"primary": dict(admin_ramp(the_municipality().brand_color))}

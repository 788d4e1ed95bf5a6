"""What mails need beside words: the municipality's colour, and text without holes."""

import re

from django import template
from django.conf import settings
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from portal.domain.theme import Scheme, brand_scale, is_brand_colour
from portal.models import Municipality

register = template.Library()

QUIET_COLOUR = "#1f6f78"


@register.filter
def readable_brand(colour: object) -> str:
    """Return the municipality's colour, dark enough for white words on it (mail programs know no style sheet)."""
    brand = str(colour)
    return brand_scale(brand if is_brand_colour(brand) else QUIET_COLOUR, Scheme.LIGHT)["base-default"]


@register.filter
def own_links(text: str) -> SafeString:
    """Return plain text in which the portal's own addresses can be pressed, and nothing else.

    Whoever calls themselves “Log ind på https://ond.example” is a name in a mail and no link.
    """
    address = re.compile(rf"{re.escape(escape(settings.ORIGIN))}(?:/[^\s<>\"']*)?(?=[\s<>]|$)")
    return mark_safe(address.sub(r'<a href="\g<0>">\g<0></a>', escape(text)))  # noqa: S308 (escaped above)


@register.filter
def without_holes(text: str) -> str:
    """Return plain text with at most one empty line in a row and nothing at the ends of lines.

    The one line that ends in a space is the mark above a signature (RFC 3676, 4.3).
    """
    lines = "\n".join("-- " if line.rstrip() == "--" else line.rstrip() for line in str(text).strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines)


@register.simple_tag
def municipal_colour() -> str:
    """Return the municipality's colour as :func:`readable_brand` does, for parts that are included with ``only``."""
    return readable_brand(Municipality.objects.values_list("brand_color", flat=True).first())

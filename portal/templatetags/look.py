"""Words and pictures as the public pages show them."""

import re
from functools import lru_cache

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.domain.phone import as_written

register = template.Library()
LABEL = re.compile(r'(data-label=")(\w)')


@lru_cache(maxsize=1)
def _drawn() -> frozenset[str]:
    return frozenset(path.stem for path in (settings.BASE_DIR / "static/img/illustrations").glob("*.svg"))


# What a course of an industry is pictured by when nobody has chosen a picture.
OF_INDUSTRY = {
    "byggeri": "anlaegsgartner",
    "industri": "robot",
    "energi-miljoe": "vindmoelle",
    "landbrug-foedevarer": "gaard",
    "transport": "lastbil",
    "handel": "butik",
    "hotel-restaurant": "koekken",
    "it-medier": "presse",
    "kontor-raadgivning": "bank",
    "sundhed-omsorg": "plejehjem",
    "offentlig-beredskab": "brandstation",
    "kultur-sport": "museum",
}


@lru_cache(maxsize=64)
def _sign(name: str) -> SafeString:
    return mark_safe(render_to_string("components/icon.html", {"name": name}))  # noqa: S308 (our own drawing)


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return a drawn sign (``components/icon.html`` names them); drawn once, since a page has hundreds."""
    return _sign(str(name))


@register.simple_tag
def illustration(name: str, industry: str = "") -> str:
    """Return the address of an illustration; without one of that name the industry's, or the general picture."""
    drawn = _drawn()
    chosen = name if name in drawn else OF_INDUSTRY.get(industry, "")
    return static(f"img/illustrations/{chosen}.svg" if chosen in drawn else "img/hero.svg")


@register.filter
def phone(number: str) -> str:
    """Return a telephone number as it is read aloud: ``12 34 56 78``."""
    return as_written(number or "")


@register.simple_tag
def grade_span(first: int | None, last: int | None) -> str:
    """Return a span of grades in words: ``4.–6. klasse``."""
    if first is None or last is None:
        return _("All grades")
    if first == last:
        return _("Grade %(grade)d") % {"grade": first}
    return _("Grades %(first)d–%(last)d") % {"first": first, "last": last}


@register.filter
def browser_name(user_agent: str) -> str:
    """Return which browser on which machine a session belongs to, in two words: ``Firefox, Windows``."""
    browsers = (
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    )
    machines = (
        ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "Chromebook"), ("Windows", "Windows"),
        ("Mac OS", "Mac"), ("Linux", "Linux"),
    )  # fmt: skip
    found = [next((name for sign, name in signs if sign in user_agent), "") for signs in (browsers, machines)]
    return ", ".join(name for name in found if name) or _("An unknown browser")


@register.filter
def duration(minutes: int | None) -> str:
    """Return a number of minutes in hours and minutes: ``2 timer 30 min.``"""
    hours, rest = divmod(minutes or 0, 60)
    parts = [ngettext("%(hours)d hour", "%(hours)d hours", hours) % {"hours": hours}] if hours else []
    parts += [_("%(minutes)d min.") % {"minutes": rest}] if rest or not hours else []
    return " ".join(parts)


@register.filter(is_safe=True)
def labels_begin_large(page: str) -> SafeString:
    """Let the labels of a list's cells begin with a large letter, as the heads of its columns do."""
    return mark_safe(LABEL.sub(lambda found: found[1] + found[2].upper(), page))  # noqa: S308 (a drawn page, escaped)

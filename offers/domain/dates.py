"""How dates and hours are said: in the reader's language, on the wall clock of Copenhagen."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.domain.calendar import COPENHAGEN


def day_in_words(moment: datetime) -> str:
    """Return the day with its weekday: ``tirsdag 29. september 2026``."""
    return date_format(moment.astimezone(COPENHAGEN), pgettext("format of a day", "l j F Y"))


def short_day(moment: datetime) -> str:
    """Return the day without its weekday, for subjects and lists: ``29. september 2026``."""
    return date_format(moment.astimezone(COPENHAGEN), pgettext("format of a short day", "j F Y"))


def hour_in_words(moment: datetime) -> str:
    """Return the hour: ``9.00``."""
    local = moment.astimezone(COPENHAGEN)
    return f"{local.hour}.{local.minute:02d}"


def moment_in_words(moment: datetime) -> str:
    """Return day and hour: ``torsdag 10. september 2026 kl. 16.00``."""
    return _("%(day)s at %(hours)s") % {"day": day_in_words(moment), "hours": hour_in_words(moment)}


def span_in_words(starts_at: datetime, ends_at: datetime) -> str:
    """Return day and hours: ``tirsdag 29. september 2026 kl. 9.00–11.00``; both days when it passes midnight."""
    if starts_at.astimezone(COPENHAGEN).date() != ends_at.astimezone(COPENHAGEN).date():
        return f"{moment_in_words(starts_at)} – {moment_in_words(ends_at)}"
    hours = f"{hour_in_words(starts_at)}–{hour_in_words(ends_at)}"
    return _("%(day)s at %(hours)s") % {"day": day_in_words(starts_at), "hours": hours}

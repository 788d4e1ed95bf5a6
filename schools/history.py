"""History in words: schools and the roles at them."""

from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from portal.history import Facts, Sentence, Text
from schools.models import Membership


def _role(facts: Facts) -> str:
    return str(dict(Membership.Role.choices).get(facts.get("role", ""), "–"))


def _closed(facts: Facts) -> Text:
    try:
        day = date_format(date.fromisoformat(facts["day"]), "j. F Y")
    except (KeyError, TypeError, ValueError):
        day = "–"
    return _("%(who)s closed the school from {day} on").format(day=day)


def _begun(facts: Facts) -> Text:
    return _("%(who)s gave a role at a school: {role}").format(role=_role(facts))


def _ended(facts: Facts) -> Text:
    return _("%(who)s ended a role at a school: {role}").format(role=_role(facts))


def _merged(facts: Facts) -> Text:
    return ngettext(
        "%(who)s let the school go up in another, with %(classes)s class",
        "%(who)s let the school go up in another, with %(classes)s classes",
        facts.get("classes", 0),
    )


def _took_in(facts: Facts) -> Text:
    return ngettext(
        "%(who)s let the school take in another, with %(classes)s class",
        "%(who)s let the school take in another, with %(classes)s classes",
        facts.get("classes", 0),
    )


def _imported(facts: Facts) -> Text:
    kind = {"schools": _("schools"), "classes": _("classes"), "teachers": _("teachers")}.get(facts.get("kind", ""))
    text = ngettext(
        "%(who)s imported a file of {kind}, %(lines)s line: %(added)s added, %(changed)s changed, %(ended)s ended",
        "%(who)s imported a file of {kind}, %(lines)s lines: %(added)s added, %(changed)s changed, %(ended)s ended",
        facts.get("lines", 0),
    )
    return text.format(kind=kind or "–")


SENTENCES: dict[str, Sentence] = {
    "school-closed": _closed,
    "school-approval-demanded": _("%(who)s asked for the school leader's approval of enrolments"),
    "school-approval-dropped": _("%(who)s let enrolments go without the school leader's approval"),
    "user-joined": _("%(who)s signed in for the first time"),
    "membership-confirmed": _("%(who)s confirmed the role at the school"),
    "membership-refused": _("%(who)s refused the role at the school"),
    "membership-asked-for": _("%(who)s asked for a role at a school"),
    "membership-began": _("%(who)s got a role at a school"),
    "school-reopened": _("%(who)s opened the school again"),
    "school-merged": _merged,
    "school-took-in": _took_in,
    "table-imported": _imported,
    "membership-begun": _begun,
    "membership-ended": _ended,
}

"""History in words: schools and the roles at them."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from portal.history import Facts, Sentence, Text
from schools.models import Membership


def _role(facts: Facts) -> str:
    return str(dict(Membership.Role.choices).get(facts.get("role", ""), "–"))


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


SENTENCES: dict[str, Sentence] = {
    "school-closed": _("%(who)s closed the school from %(day)s on"),
    "school-reopened": _("%(who)s opened the school again"),
    "school-merged": _merged,
    "school-took-in": _took_in,
    "membership-begun": _begun,
    "membership-ended": _ended,
}

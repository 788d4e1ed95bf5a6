"""The record of processing activities (GDPR Art. 30), written from the same tags as everything else about privacy."""

from collections.abc import Iterator

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.domain import privacy
from portal.models import Municipality

Text = str | Promise

MEASURES: tuple[Text, ...] = (
    gettext_lazy(
        "Coordinators and operators sign in with a second factor; links of companies expire, are revocable and stand in"
        " the database as hashes only."
    ),
    gettext_lazy("What somebody may see is decided per row; every role, page and method is tested and published."),
    gettext_lazy(
        "Connections are encrypted; a strict policy keeps other people's scripts out; nothing is fetched from third"
        " parties."
    ),
    gettext_lazy(
        "A log says who did what, by ids. Every handing out of personal data and every reading of a text about needs"
        " stands in it."
    ),
    gettext_lazy(
        "Forgetting happens every night by rule and is watched; a restored backup is erased again from a ledger of"
        " hashes."
    ),
)


def facts(municipality: Municipality) -> list[tuple[str, str]]:
    """Return who is responsible, and what holds for every activity."""
    reach = ", ".join(
        part for part in (municipality.address, municipality.contact_email, municipality.contact_phone) if part
    )
    return [
        (_("Controller"), f"{municipality.name}{': ' if reach else ''}{reach}"),
        (_("Data protection officer"), _("The municipality's own; see its website.")),
        (_("Processor"), _("Whoever runs the portal for the municipality, under an agreement (Art. 28).")),
        (_("Transfers to third countries"), _("None by the portal itself. It runs where the municipality puts it.")),
        (_("Pupils"), _("Nothing is stored about single pupils: class, grade and number only.")),
    ]


def in_markdown(municipality: Municipality) -> str:
    """Return the whole record as a page of documentation, in the language that is active."""
    return "\n".join(_lines(municipality)).rstrip() + "\n"


def _lines(municipality: Municipality) -> Iterator[str]:
    yield f"# {_('Record of processing activities')}"
    yield ""
    yield _(
        "Written by the portal from the tags of its own database fields (GDPR Art. 30). The lifetimes are the longest;"
        " each municipality may shorten them."
    )
    yield ""
    for name, text in facts(municipality):
        yield f"- **{name}**: {text}"
    yield ""
    for one in privacy.told(municipality):
        purpose = one.purpose
        yield f"## {purpose.who}"
        yield ""
        yield f"- **{_('What')}**: {purpose.what}"
        yield f"- **{_('Why')}**: {purpose.why}"
        yield f"- **{_('Legal basis')}**: {purpose.basis}"
        yield f"- **{_('Kinds of data')}**: {', '.join(one.kinds)}"
        yield f"- **{_('Given to')}**: {purpose.given_to}"
        yield f"- **{_('How long')}**: {'; '.join(one.kept)}"
        yield f"- **{_('Fields')}**: {', '.join(f'`{name}`' for name in one.fields)}"
        yield ""
    yield f"## {_('Safety')}"
    yield ""
    for measure in MEASURES:
        yield f"- {measure}"
    yield ""
    yield f"## {_('Cookies')}"
    yield ""
    for cookie in privacy.register().cookies:
        yield f"- `{cookie.name}`: {cookie.why} {cookie.when}. {cookie.lasts}."

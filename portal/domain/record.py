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
    title = _("Record of processing activities")
    yield from (f"# {title}", "")
    yield _(
        "Written by the portal from the tags of its own database fields (GDPR Art. 30). The lifetimes are the longest;"
        " each municipality may shorten them."
    )
    yield ""
    yield from _pairs(facts(municipality))
    for one in privacy.told(municipality):
        purpose = one.purpose
        yield from ("", f"## {purpose.who}", "")
        yield from _pairs(
            [
                (_("What"), str(purpose.what)),
                (_("Why"), str(purpose.why)),
                (_("Legal basis"), str(purpose.basis)),
                (_("Kinds of data"), ", ".join(one.kinds)),
                (_("Given to"), str(purpose.given_to)),
                (_("How long"), "; ".join(one.kept)),
                (_("Fields"), ", ".join(f"`{name}`" for name in one.fields)),
            ]
        )
    safety, cookies = _("Safety"), _("Cookies")
    yield from ("", f"## {safety}", "")
    for measure in MEASURES:
        yield f"- {measure}"
    yield from ("", f"## {cookies}", "")
    for cookie in privacy.register().cookies:
        yield f"- `{cookie.name}`: {cookie.why} {cookie.when}. {cookie.lasts}."


def _pairs(pairs: list[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for each thing and what is said of it."""
    for name, said in pairs:
        yield f"- **{name}**: {said}"

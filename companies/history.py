"""History in words: companies and their contacts."""

from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from companies.models import Company, Contact
from portal.history import Facts, Holders, Sentence, Text
from portal.models import Link


def contacts(ids: set[UUID]) -> dict[UUID, str]:
    """Return the contacts behind host links: the name, and the company."""
    rows = Contact.objects.filter(pk__in=ids).select_related("company")
    return {row.pk: f"{row.name} ({row.company.name})" for row in rows}


def _became(state: str) -> Sentence:
    """Return the sentence of a relation that has become something else."""

    def sentence(facts: Facts) -> Text:
        return _("The company's relation became: {state}").format(state=Company.State(state).label)

    return sentence


SENTENCES: dict[str, Sentence] = {
    "company-created": gettext_lazy("%(who)s took the company in"),
    **{f"company-{state}": _became(state) for state in Company.State.values},
}
HOLDERS: dict[str, Holders] = {Link.Purpose.HOST.value: contacts}

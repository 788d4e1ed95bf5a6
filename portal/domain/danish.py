"""The order of the Danish alphabet, in any database: æ, ø and å after z, capitals beside small letters."""

from django.db.models import F
from django.db.models.expressions import Func
from django.db.models.functions import Collate


class InDanish(Func):
    """The text as Danish dictionaries put it in order; *aa* in old names stands where it is written."""

    function = "TRANSLATE"
    template = "%(function)s(LOWER(%(expressions)s), 'æøåäöü', '{|}{|y')"


def in_danish_order(field: str) -> Collate:
    """Return what to sort a text by."""
    return Collate(InDanish(F(field)), "C")

"""Taking a list out of the portal is written down: who, which list, how many rows."""

from datetime import datetime

from django.db import models, transaction

from portal.domain import audit
from portal.domain.actor import Actor
from portal.models import Municipality


@transaction.atomic(durable=True)
def note_export(
    *, of: type[models.Model], count: int, form: str, persons: bool, chosen: bool, by: Actor, now: datetime
) -> None:
    """Write into the log that a list with ``count`` rows is taken out, before it is handed over.

    A list of persons has an action of its own (``persons-exported``), so that the log can be asked for it. ``chosen``
    says that single rows were picked. Filters are not written down: they may hold a name that was searched for.
    """
    whole, _made = Municipality.objects.get_or_create(pk=1)
    facts = {"list": of._meta.label_lower, "count": count, "form": form, "chosen": chosen}
    audit.record(by, "persons-exported" if persons else "list-exported", whole, at=now, **facts)

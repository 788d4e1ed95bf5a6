"""The ledger of erasures outside of the database, so that a restored backup can be erased again.

Every line of the table is also a line of the file that ``ERASURE_LEDGER`` names; it should lie where the database's
backups do not. It holds keyed hashes and moments.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from portal.models import Erasure


@dataclass(frozen=True, kw_only=True)
class Line:
    """One erasure, as it is kept outside of the database."""

    kind: str
    subject_digest: str
    address_digest: str
    erased_at: datetime

    def as_text(self) -> str:
        """Return it as a line of the file."""
        facts = {"kind": self.kind, "subject": self.subject_digest, "address": self.address_digest}
        return json.dumps({**facts, "at": self.erased_at.isoformat()}, sort_keys=True)


def in_database() -> list[Line]:
    """Return the ledger as it stands in the database, the oldest first."""
    return [
        Line(
            kind=row.kind,
            subject_digest=row.subject_digest,
            address_digest=row.address_digest,
            erased_at=row.erased_at,
        )
        for row in Erasure.objects.order_by("erased_at", "pk")
    ]


def read(path: Path) -> list[Line]:
    """Return the lines of a ledger's file; one that is cut off in the middle raises ValueError with its number."""
    lines = []
    for number, text in enumerate(path.read_text().splitlines(), start=1):
        try:
            facts = json.loads(text)
            at = datetime.fromisoformat(facts["at"])
            line = Line(
                kind=facts["kind"], subject_digest=facts["subject"], address_digest=facts["address"], erased_at=at
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}, line {number}: this is no line of the ledger") from error
        lines.append(line)
    return lines


def keep() -> int:
    """Write to the file what stands in the database and not yet there; return how many lines. Without a file: none."""
    if not settings.ERASURE_LEDGER:
        return 0
    path = Path(settings.ERASURE_LEDGER)
    known = {line.as_text() for line in read(path)} if path.exists() else set()
    new = [text for text in (line.as_text() for line in in_database()) if text not in known]
    if new:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write("".join(f"{text}\n" for text in new))
    return len(new)

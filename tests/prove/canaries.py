"""Live a whole life, erase it, and print as JSON what was found before and after, and which steps were needed."""

import json
import os
import sys
import tempfile
from dataclasses import replace
from datetime import timedelta

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
MEDIA = tempfile.TemporaryDirectory()
os.environ["MEDIA_ROOT"] = MEDIA.name

import django

django.setup()

from django.db import transaction
from django.test.utils import override_settings, setup_test_environment

from portal.domain import privacy
from portal.domain.actor import Actor
from portal.models import Erasure
from tests.life import LATER, contacts_life, dump, heard, hits, media, statistics, teachers_life, town
from tests.test_erasure import NEEDED

ERASED_AT = LATER + timedelta(days=1)


def main(who: str) -> None:
    setup_test_environment()
    with override_settings(ALLOWED_HOSTS=["*"], SECURE_SSL_REDIRECT=False), heard() as logs:
        place = town()
        life = teachers_life(place) if who == "teacher" else contacts_life(place)
        before, counted = hits(life, dump(), media()), statistics()
        by = Actor.of_user(place.coordinator)
        whole, needed = privacy.register(), []
        for step in [*whole.erasers, None]:
            kept = [one for one in whole.erasers if one is not step]
            found = privacy.register, privacy.scrub
            with transaction.atomic():
                privacy.register = lambda kept=kept: replace(whole, erasers=kept)  # type: ignore[assignment]
                if step is None:
                    privacy.scrub = lambda subject: 0  # noqa: ARG005 (the names of the real one)
                try:
                    privacy.erase(kind=life.kind, subject_id=life.id, by=by, now=ERASED_AT, cause=Erasure.Cause.REQUEST)
                    if any(hits(life, dump()).values()):
                        needed.append(step.name if step else "words")
                finally:
                    privacy.register, privacy.scrub = found
                    transaction.set_rollback(True)
        privacy.erase_person(kind=life.kind, subject_id=life.id, by=by, now=ERASED_AT)
        after = hits(life, dump(), media(), logs())
        now_counted = statistics()
    print(
        json.dumps(
            {
                "canaries": list(life.canaries.values()),
                "before": before,
                "after": after,
                "changed": sum(counted[name] != now_counted[name] for name in counted),
                "needed": needed,
                "expected": NEEDED[who],
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])

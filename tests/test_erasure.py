"""A person who has lived a whole life in the portal is erased: nothing that leads to the person is left."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import transaction

from offers.domain import agreements
from offers.models import Enrolment, Offer, SurveyRequest
from portal.domain import privacy
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Erasure, Link, Message, User
from schools.models import Membership
from tests import factories
from tests.life import LATER, Life, Town, contacts_life, dump, heard, hits, left, media, statistics, teachers_life, town

pytestmark = pytest.mark.django_db

ERASED_AT = LATER + timedelta(days=1)
LIVES: dict[str, Callable[[Town], Life]] = {"teacher": teachers_life, "contact": contacts_life}


@pytest.fixture
def place() -> Town:
    return town()


def erase(life: Life, place: Town, **more: Any) -> Erasure:
    by = Actor.of_user(place.coordinator)
    return privacy.erase_person(kind=life.kind, subject_id=life.id, by=by, now=ERASED_AT, **more)


@pytest.mark.parametrize("who", LIVES)
def test_nothing_of_a_whole_life_is_left_and_every_number_stays(place: Town, who: str) -> None:
    with heard() as logs:
        life = LIVES[who](place)
        before, counted = hits(life, dump(), media()), statistics()
        assert len(mail.outbox) >= 4

        line = erase(life, place)

    assert [name for name, count in before.items() if count == 0] == [], "strings that never got in"
    assert left(hits(life, dump(), media(), logs())) == {}
    assert statistics() == counted
    assert line.counts["mails"] >= 3
    entry = AuditEntry.objects.get(action="person-erased")
    assert (entry.object_id, entry.facts["mails"]) == (str(line.pk), line.counts["mails"])


@pytest.mark.parametrize("who", LIVES)
def test_without_one_of_its_steps_something_would_be_left(place: Town, who: str) -> None:
    """The negative control: each step that finds rows is needed, but those that only count or keep house."""
    life = LIVES[who](place)
    whole = privacy.register()
    needed = []
    for step in [*whole.erasers, None]:
        point = transaction.savepoint()
        steps = [one for one in whole.erasers if one is not step]
        register = privacy.Register(**{**vars(whole), "erasers": steps})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(privacy, "register", lambda register=register: register)
            if step is None:
                patch.setattr(privacy, "scrub", lambda subject: 0)
            erase(life, place)
        if left(hits(life, dump())):
            needed.append(step.name if step else "words")
        transaction.savepoint_rollback(point)

    print(needed)
    assert needed == {
        "teacher": ["mails-about-classes", "survey-comments", "enrolments", "mails", "sessions", "cache", "account", "words"],
        "contact": ["survey-comments", "invites", "signatures", "contact", "mails", "links", "sessions", "cache", "words"],
    }[who]

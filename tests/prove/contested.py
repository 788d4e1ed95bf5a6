"""Make contested sessions and the people who want them; print, as JSON, what each browser needs."""

import json
import os
import sys
import time
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from offers.models import Offer
from portal.http import SESSION_ENDS_AT
from portal.models import User
from schools.models import SchoolClass, school_year_of
from tests import factories


def signed_in(user: User) -> str:
    """Return the key of a session in which the person has signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[SESSION_ENDS_AT] = time.time() + 3600
    session.create()
    return session.session_key or ""


def main(rounds: int, bookers: int, places: int) -> None:
    factories.MunicipalityFactory.create()
    now = timezone.now()
    starts_at = now + timedelta(days=30)
    school = factories.SchoolFactory.create()
    start_year = school_year_of(timezone.localtime(starts_at).date()) - 7
    classes: list[SchoolClass] = [
        factories.SchoolClassFactory.create(school=school, start_year=start_year, pupils=20) for _ in range(bookers)
    ]
    people = [factories.UserFactory.create() for _ in range(bookers)]
    for person in people:
        factories.MembershipFactory.create(user=person, school=school)
    keys = [signed_in(person) for person in people]
    plans = []
    for _round in range(rounds):
        session = factories.SessionFactory.create(
            offer=factories.OfferFactory.create(places_counted=Offer.Counted.CLASSES, places=places),
            places=places,
            starts_at=starts_at,
            opens_at=now - timedelta(days=1),
        )
        plans.append(
            [
                {
                    "session_key": key,
                    "url": f"/tidspunkter/{session.pk}/tilmeld/",
                    "school_class": str(school_class.pk),
                }
                for key, school_class in zip(keys, classes, strict=True)
            ]
        )
    print(json.dumps(plans))


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:4]))

"""Make the people, the classes and the sessions that the enrolment proofs fight over; print, as JSON, what they need.

``python -m tests.prove.contested world`` makes the schools, ``… sessions COUNT PLACES`` contested sessions.
"""

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
from django.db import connection
from django.utils import timezone

from offers.models import Meeting, Offer, Session
from portal.http import SESSION_ENDS_AT
from portal.models import User
from schools.models import Membership, School, SchoolClass, school_year_of
from tests import factories

# As many as there are people: a school with 25 classes is a large one, and its form lists them all.
SCHOOLS = 400
CLASSES = 25
AHEAD = timedelta(days=60)


def signed_in(user: User) -> str:
    """Return the key of a session in which the person has signed in."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "portal.sessions.SignedIn"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[SESSION_ENDS_AT] = time.time() + 6 * 3600
    session.create()
    return session.session_key or ""


def world(schools: int = SCHOOLS, classes: int = CLASSES) -> None:
    """Make schools, each with one teacher who has signed in, and the classes of that teacher's school."""
    factories.MunicipalityFactory.create()
    start_year = school_year_of(timezone.localtime(timezone.now() + AHEAD).date()) - 7
    made = School.objects.bulk_create(School(name=f"Skole {number}") for number in range(schools))
    people = User.objects.bulk_create(
        User(email=f"laerer{number}@skole.example", name=f"Lærer {number}", password="!") for number in range(schools)
    )
    Membership.objects.bulk_create(
        Membership(user=person, school=school, role=Membership.Role.TEACHER)
        for person, school in zip(people, made, strict=True)
    )
    rows = SchoolClass.objects.bulk_create(
        SchoolClass(school=school, start_year=start_year, letter=f"{number}", pupils=20)
        for school in made
        for number in range(classes)
    )
    keys = {person.pk: signed_in(person) for person in people}
    whose = {school.pk: keys[person.pk] for person, school in zip(people, made, strict=True)}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    print(json.dumps([[str(row.pk), whose[row.school_id]] for row in rows]))


def sessions(count: int, places: int, line: str = "line", counted: str = Offer.Counted.CLASSES) -> None:
    """Make open sessions, each of a course of its own: with a waiting list, without, or every other one."""
    now = timezone.now()
    starts_at = now + AHEAD
    company = factories.CompanyFactory.create()
    contact = factories.ContactFactory.create(company=company)
    pks = []
    for number in range(count):
        offer = factories.OfferFactory.create(
            company=company,
            contact=contact,
            places_counted=counted,
            places=places,
            has_waiting_list=line == "line" or (line == "half" and number % 2 == 0),
        )
        session = Session.objects.create(
            offer=offer,
            places=places,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(hours=2),
            opens_at=now - timedelta(days=1),
            closes_at=starts_at - timedelta(days=7),
        )
        Meeting.objects.create(session=session, number=1, starts_at=session.starts_at, ends_at=session.ends_at)
        pks.append(str(session.pk))
    print(json.dumps(pks))


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "world":
        world(*(int(word) for word in words))
    else:
        sessions(int(words[0]), int(words[1]), *words[2:])

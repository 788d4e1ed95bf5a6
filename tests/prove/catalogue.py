"""Fill the catalogue up to a number of offers; print, as JSON, the pages to measure."""

import json
import os
import sys
from datetime import timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.db import connection
from django.utils import timezone

from offers.domain import search
from offers.models import Offer, Session
from tests import factories
from tests.prove.contested import signed_in

WORDS = ["Svejs", "Byg", "Bag", "Mål", "Tegn", "Undersøg", "Design", "Plant", "Reparér", "Pak", "Sælg", "Tæl"]
THINGS = [
    "bogmærket",
    "robotten",
    "broen",
    "brødet",
    "haven",
    "vandløbet",
    "butikken",
    "lastbilen",
    "laboratoriet",
    "budgettet",
]


def main(count: int) -> None:
    factories.MunicipalityFactory.create()
    now = timezone.now()
    company = factories.CompanyFactory.create()
    for number in range(Offer.objects.count(), count):
        title = f"{WORDS[number % len(WORDS)]} {THINGS[number % len(THINGS)]} {number}"
        offer = factories.OfferFactory.create(company=company, contact=None, title=title)
        search.index(offer)
        for week in (3, 5):
            factories.SessionFactory.create(
                offer=offer, starts_at=now + timedelta(weeks=week), opens_at=now - timedelta(days=1)
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    offer = Offer.objects.order_by("created_at")[0]
    session = Session.objects.filter(offer=offer).order_by("starts_at")[0]
    teacher = factories.UserFactory.create(email=f"teacher{count}@skole.fjordby.example")
    factories.MembershipFactory.create(user=teacher, school=factories.SchoolFactory.create(name=f"Skole for {count}"))
    cookie = f"session={signed_in(teacher)}"
    pages = {
        "front page": {"url": "/", "cookie": ""},
        "catalogue": {"url": "/forloeb/", "cookie": ""},
        "catalogue with words and filters": {"url": "/forloeb/?q=svejs&klassetrin=8&fag=fysik-kemi", "cookie": ""},
        "offer page": {"url": f"/forloeb/{offer.pk}/{offer.slug}/", "cookie": ""},
        "enrolment form": {"url": f"/tidspunkter/{session.pk}/tilmeld/", "cookie": cookie},
        "my enrolments": {"url": "/tilmeldinger/", "cookie": cookie},
    }
    print(json.dumps(pages))


if __name__ == "__main__":
    main(int(sys.argv[1]))

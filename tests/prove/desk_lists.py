"""Fill every list of the desk and ask for it in every way; print, as JSON, how long each page took."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.contrib import admin
from django.core.cache import cache
from django.db import connection, models
from django.db.models import Count
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from companies.models import Company, Contact
from offers.models import Agreement, Encounter, Enrolment, Invite, Meeting, Offer, Session, SurveyRequest, VisitReport
from portal.models import ActivityType, AuditEntry, Industry, Link, Message, User
from schools.models import Membership, School, SchoolClass
from tests import factories

BATCH = 2_000
CHOICES = 3  # of each filter
TRIES = 3
GAVE_UP = 60_000.0  # milliseconds, for a page that was never there
WORDS = ["Svejs", "Byg", "Bag", "Mål", "Tegn", "Undersøg", "Design", "Plant", "Reparér", "Pak", "Sælg", "Tæl"]
TOWNS = ["Fjordby", "Havn", "Bakke", "Eng", "Skov", "Strand"]
SMALL = {"portal.municipality", "portal.calendarperiod", "portal.heartbeat", "portal.subject", "portal.industry"}
SMALL |= {"portal.activitytype", "portal.educationarea"}


def write(model: type[models.Model], make: Callable[[int], models.Model], count: int) -> list[Any]:
    """Write so many rows and return them."""
    return list(model._default_manager.bulk_create([make(number) for number in range(count)], batch_size=BATCH))


def fill(count: int) -> None:
    """Write ``count`` rows of every model that has a list and grows."""
    now = timezone.now()
    industries, kinds = list(Industry.objects.all()), list(ActivityType.objects.all())
    schools = write(School, lambda n: School(name=f"{TOWNS[n % 6]}skolen {n}", city=TOWNS[n % 6]), count)
    classes = write(
        SchoolClass,
        lambda n: SchoolClass(school=schools[n], start_year=now.year - n % 10, letter="ABC"[n % 3]),
        count,
    )
    people = write(
        User, lambda n: User(name=f"Person {n}", email=f"laerer{n}@skole.fjordby.example", password="!"), count
    )
    write(
        Membership,
        lambda n: Membership(user=people[n], school=schools[n], role=Membership.Role.values[n % 5]),
        count,
    )
    companies = write(
        Company,
        lambda n: Company(name=f"{WORDS[n % 12]}eriet {n}", city=TOWNS[n % 6], state=Company.State.values[n % 6]),
        count,
    )
    links = Company.industries.through
    links.objects.bulk_create(
        [links(company_id=one.pk, industry_id=industries[n % len(industries)].pk) for n, one in enumerate(companies)],
        batch_size=BATCH,
    )
    contacts = write(
        Contact,
        lambda n: Contact(company=companies[n], name=f"Kontakt {n}", email=f"kontakt{n}@firma.example"),
        count,
    )
    states = [Offer.State.PUBLISHED] * 7 + [Offer.State.SUBMITTED, Offer.State.DRAFT, Offer.State.ARCHIVED]
    offers = write(
        Offer,
        lambda n: Offer(
            company=companies[n],
            contact=contacts[n],
            state=states[n % 10],
            title=f"{WORDS[n % 12]} dit eget {n}",
            description="Klassen møder smeden i værkstedet og prøver selv. " * 10,
            jobs="smed, industritekniker",
            activity_type=kinds[n % len(kinds)],
            industry=industries[n % len(industries)],
            duration_minutes=120,
            places=28,
            grade_from=7,
            grade_to=9,
            published_at=now,
            submitted_at=now - timedelta(minutes=n),
            updated_at=now - timedelta(minutes=n),
        ),
        count,
    )
    starts = [now + timedelta(hours=(n % 17_520) - 13_000) for n in range(count)]
    sessions = write(
        Session,
        lambda n: Session(
            offer=offers[n],
            places=28,
            places_taken=n % 28,
            opens_at=starts[n] - timedelta(days=90),
            closes_at=starts[n] - timedelta(days=1),
            starts_at=starts[n],
            ends_at=starts[n] + timedelta(hours=2),
        ),
        count,
    )
    meetings = write(
        Meeting,
        lambda n: Meeting(session=sessions[n], starts_at=starts[n], ends_at=starts[n] + timedelta(hours=2)),
        count,
    )
    statuses = ["confirmed"] * 5 + ["completed"] * 3 + ["pending", "waitlisted"]
    enrolments = write(
        Enrolment,
        lambda n: Enrolment(
            session=sessions[n],
            school_class=classes[n],
            school=schools[n],
            teacher=people[n],
            grade=7,
            pupils=24,
            adults=2,
            places=24,
            status=statuses[n % 10],
            waiting_since=now if statuses[n % 10] == "waitlisted" else None,
            answer_by=now + timedelta(days=2) if statuses[n % 10] == "pending" else None,
            created_at=now - timedelta(minutes=n),
        ),
        count,
    )
    write(
        VisitReport,
        lambda n: VisitReport(
            enrolment=enrolments[n], meeting=meetings[n], side="host", outcome="held", pupils=24, at=starts[n]
        ),
        count,
    )
    write(
        Encounter,
        lambda n: Encounter(
            enrolment=enrolments[n],
            meeting=meetings[n],
            offer=offers[n],
            company=companies[n],
            school=schools[n],
            school_class=classes[n],
            day=starts[n].date(),
            school_year=starts[n].year,
            minutes=120,
            grade=7,
            pupils=24,
            offer_title=offers[n].title,
            company_name=companies[n].name,
            school_name=schools[n].name,
            class_label="7.A",
            industry=industries[n % len(industries)].slug,
            activity_type="virksomhedsbesoeg",
            evidence="both",
        ),
        count,
    )
    write(
        SurveyRequest,
        lambda n: SurveyRequest(
            enrolment=enrolments[n],
            audience="teacher",
            state="answered",
            answers={"q1": n % 5 + 1},
            due_at=starts[n],
            closes_at=starts[n] + timedelta(days=21),
            answered_at=starts[n] + timedelta(days=2),
        ),
        count,
    )
    invites = write(
        Invite,
        lambda n: Invite(company=companies[n], contact=contacts[n], offer=offers[n], state=Invite.State.values[n % 7]),
        count,
    )
    write(
        Link,
        lambda n: Link(
            purpose="invite",
            reference_id=invites[n].pk,
            token_digest=f"{n:064x}",
            expires_at=now + timedelta(days=30),
        ),
        count,
    )
    write(
        Agreement,
        lambda n: Agreement(
            company=companies[n],
            school=schools[n],
            title=f"Aftale {n}",
            first_day=now.date(),
            last_day=now.date() + timedelta(days=365),
        ),
        count,
    )
    write(
        Message,
        lambda n: Message(
            occasion="invite",
            reference_type="offers.invite",
            reference_id=invites[n].pk,
            dedupe_key=f"invite|{n}",
            recipient_kind="contact",
            recipient_id=contacts[n].pk,
            address=contacts[n].email,
            state="failed" if n % 200 == 0 else "sent",
            send_at=starts[n],
            sent_at=starts[n],
            subject=f"Vil I beskrive et forløb? {n}",
        ),
        count,
    )
    write(
        AuditEntry,
        lambda n: AuditEntry(
            at=starts[n],
            actor_kind="user",
            actor_id=str(people[n].pk),
            action="offer-published",
            object_type="offers.offer",
            object_id=str(offers[n].pk),
        ),
        count,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def ways(client: Client, address: str) -> Iterator[str]:
    """Yield the queries with which a list can be asked: searched, filtered, sorted, by its last page."""
    found = client.get(address).context_data["cl"]  # type: ignore[index]
    yield ""
    if found.search_fields:
        yield "?q=fjord"
        yield "?q=svejs+19"
        yield f"?q={uuid4()}"
    last = max(found.paginator.num_pages, 1)
    if last > 1:
        yield f"?p={last}"
    if found.date_hierarchy:
        yield f"?{found.date_hierarchy}__year={timezone.now().year}"
    for spec in found.filter_specs:
        for choice in list(spec.choices(found))[1 : CHOICES + 1]:
            if "query_string" in choice:
                yield str(choice["query_string"])
    for column in range(1, len(found.list_display)):
        yield f"?o={column}" if column % 2 else f"?o=-{column}"


def measure(client: Client, address: str, most: float) -> dict[str, Any]:
    """Ask for a list in every way and return the milliseconds, the queries and the number of rows.

    A page over ``most`` milliseconds is asked for again, twice at most, and its fastest answer counts: what else the
    machine does at that moment is not the page's. What is slow by itself is slow three times.
    """
    times: list[tuple[float, str]] = []
    queries = 0
    for query in dict.fromkeys(ways(client, address)):
        tries: list[float] = []
        while not tries or (min(tries) > most and len(tries) < TRIES):
            with CaptureQueriesContext(connection) as captured:
                began = time.perf_counter()
                answer = client.get(address + query)
                tries.append((time.perf_counter() - began) * 1000)
            queries = max(queries, len(captured))
            if answer.status_code != 200:  # the database gave up, most likely: slower than any page may be
                print(f"{address}{query} answered {answer.status_code}", file=sys.stderr, flush=True)
                tries = [GAVE_UP] * TRIES
        times.append((min(tries), query))
    return {"times": times, "queries": queries}


def median_of(client: Client, address: str) -> float:
    times = []
    for _round in range(5):
        began = time.perf_counter()
        client.get(address)
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)[2]


def control(client: Client) -> dict[str, float]:
    """Return how long the list of companies takes as it is, and when it counts by joining and grouping."""
    address = reverse("admin:companies_company_changelist")
    desk: Any = admin.site._registry[Company]
    ours = median_of(client, address)
    desk.get_queryset = lambda _request: Company.objects.annotate(
        contact_count=Count("contacts", distinct=True),
        offer_count=Count("offers", distinct=True),
        sessions=Count("offers__sessions", distinct=True),
        invited_at=models.Max("invites__created_at"),
    )
    try:
        return {"ours": ours, "slow": median_of(client, address)}
    finally:
        del desk.get_queryset


def main(count: int, most: float) -> None:
    factories.MunicipalityFactory.create()
    fill(count)
    cache.clear()
    client = Client(headers={"host": "127.0.0.1"}, raise_request_exception=False)
    client.force_login(factories.AdministratorFactory.create(), "portal.sessions.SignedIn")
    lists: dict[str, Any] = {}
    for model in admin.site._registry:
        label = model._meta.label_lower
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        if label in SMALL or client.get(address).status_code != 200:
            continue
        lists[label] = {**measure(client, address, most), "rows": model._default_manager.count()}
        slowest = sorted(((round(took), query) for took, query in lists[label]["times"]), reverse=True)[:3]
        print(f"   … {label}: slowest {slowest}", file=sys.stderr, flush=True)
    print(json.dumps({"lists": lists, "control": control(client)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))

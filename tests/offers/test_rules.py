"""Why can I not enrol? Always the rule, the numbers and the next possibility; and nobody slips past a limit."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from offers.domain import cancelling, planning, rules
from offers.domain import enrolment as enrolling
from offers.domain.rules import Appears, state_of
from offers.models import Encounter, Enrolment, Offer, Session
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import Municipality
from schools.models import Membership, School, SchoolClass
from tests import factories

DESK = Actor.job("test")
Status = Enrolment.Status
DAY = timedelta(days=1)


@pytest.fixture
def role() -> Membership:
    made: Membership = factories.MembershipFactory.create(school=factories.SchoolFactory.create(name="Byskolen"))
    return made


@pytest.fixture
def klass(role: Membership) -> SchoolClass:
    made: SchoolClass = factories.SchoolClassFactory.create(school=role.school, letter="A")
    return made


def enrol(session: Session, role: Membership, klass: SchoolClass, now: datetime, **asked: Any) -> Enrolment:
    request = rules.EnrolmentRequest(school_class=klass, **{"adults": 2, **asked})
    return enrolling.enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


def refusal(session: Session, role: Membership, klass: SchoolClass, now: datetime, **asked: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        enrol(session, role, klass, now, **asked)
    return refused.value


def visit(klass: SchoolClass, day: date = date(2026, 9, 1), *, void: bool = False) -> Encounter:
    """Write a row of the ledger for the class."""
    starts = datetime.combine(day, datetime.min.time()).astimezone() + timedelta(hours=10)
    session = factories.SessionFactory.create(starts_at=starts)
    one = factories.EnrolmentFactory.create(session=session, school_class=klass, status=Status.COMPLETED)
    year = day.year if day.month >= 8 else day.year - 1
    return Encounter.objects.create(
        enrolment=one,
        meeting=session.meetings.get(),
        offer=session.offer,
        company=session.offer.company,
        school=klass.school,
        school_class=klass,
        day=day,
        school_year=year,
        minutes=120,
        grade=7,
        pupils=24,
        evidence=Encounter.Evidence.BOTH,
        voided_at=starts if void else None,
        void_reason="Ikke afholdt" if void else "",
    )


# --- Places: pupils, adults, sizes of a group ----------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(("counted", "adults_too", "expected"), [("pupils", True, 26), ("pupils", False, 24)])
def test_adults_take_places_where_the_course_says_so(
    municipality: Municipality,
    role: Membership,
    klass: SchoolClass,
    now: datetime,
    counted: str,
    adults_too: bool,
    expected: int,
) -> None:
    offer = factories.OfferFactory.create(places_counted=counted, counts_adults=adults_too)
    session = factories.SessionFactory.create(offer=offer, places=28)

    one = enrol(session, role, klass, now)

    session.refresh_from_db()
    assert (one.places, session.places_taken) == (expected, expected)


@pytest.mark.django_db
def test_one_adult_more_must_fit_where_adults_count(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime
) -> None:
    offer = factories.OfferFactory.create(counts_adults=True)
    session = factories.SessionFactory.create(offer=offer, places=27)
    one = enrol(session, role, klass, now)
    enrolling.change_numbers(enrolment_id=one.pk, pupils=24, adults=3, by=DESK, now=now)
    with pytest.raises(Refusal) as refused:
        enrolling.change_numbers(enrolment_id=one.pk, pupils=24, adults=4, by=DESK, now=now)
    assert (refused.value.code, str(refused.value)) == (
        "too-many",
        (
            "Tidspunktet har højst plads til 27 personer, voksne medregnet, og I er 28."
            " Du kan tilmelde klassen som to hold på to tidspunkter."
        ),
    )
    session.refresh_from_db()
    assert session.places_taken == 27


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("course", "own", "pupils", "code", "sentence"),
    [
        ((10, None), (None, None), 9, "too-few", "mindst 10 elever, og du skrev 9"),
        ((10, None), (5, None), 9, "", ""),
        ((None, None), (12, None), 9, "too-few", "mindst 12 elever, og du skrev 9"),
        ((None, 20), (None, None), 21, "too-many-in-one-group", "højst 20 elever, og du skrev 21"),
        ((None, 20), (None, 24), 21, "", ""),
        ((None, None), (None, 15), 16, "too-many-in-one-group", "højst 15 elever, og du skrev 16"),
    ],
)
def test_the_session_decides_the_size_of_a_group_and_else_the_course(
    municipality: Municipality,
    role: Membership,
    klass: SchoolClass,
    now: datetime,
    course: tuple[int | None, int | None],
    own: tuple[int | None, int | None],
    pupils: int,
    code: str,
    sentence: str,
) -> None:
    offer = factories.OfferFactory.create(min_pupils=course[0], max_pupils=course[1])
    session = factories.SessionFactory.create(offer=offer, min_pupils=own[0], max_pupils=own[1])
    if not code:
        assert enrol(session, role, klass, now, pupils=pupils).status == "confirmed"
        return
    refused = refusal(session, role, klass, now, pupils=pupils)
    assert (refused.code, refused.field, sentence in str(refused)) == (code, "pupils", True)


@pytest.mark.django_db
def test_a_second_group_of_a_class_is_enrolled_when_it_is_asked_for(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime
) -> None:
    offer = factories.OfferFactory.create(max_pupils=14, most_per_class=1)
    session = factories.SessionFactory.create(offer=offer, places=28)
    first = enrol(session, role, klass, now, pupils=12)
    assert enrol(session, role, klass, now, pupils=12).pk == first.pk
    second = enrol(session, role, klass, now, pupils=12, group=2)
    assert (second.status, second.group, second.pk != first.pk) == ("confirmed", 2, True)


# --- States that are derived ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Appears.FREE),
        ({"places_taken": 18}, Appears.FREE),
        ({"places_taken": 19}, Appears.FULL),  # nine are left, and the smallest group is ten
        ({"places_taken": 19, "min_pupils": 5}, Appears.FREE),
        ({"places_taken": 28}, Appears.FULL),
        ({"opens_at": timedelta(hours=1)}, Appears.NOT_YET),
        ({"closes_at": timedelta()}, Appears.CLOSED),
        ({"closes_at": timedelta(), "starts_at": timedelta()}, Appears.BEGUN),
        ({"state": "held"}, Appears.HELD),
        ({"state": "planned"}, Appears.NOT_YET),
        ({"state": "cancelled"}, Appears.CANCELLED),
    ],
)
def test_how_a_session_appears_follows_from_its_places_and_the_hour(
    now: datetime, changes: dict[str, Any], expected: Appears
) -> None:
    facts: dict[str, Any] = {
        "state": "open",
        "places": 28,
        "opens_at": -DAY,
        "closes_at": 7 * DAY,
        "starts_at": 14 * DAY,
        **changes,
    }
    facts = {name: now + value if isinstance(value, timedelta) else value for name, value in facts.items()}
    session = Session(offer=Offer(min_pupils=10), **facts)
    assert state_of(session, now=now) == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("course", "own", "taken", "free"),
    [
        ({}, {}, 27, True),
        ({"min_pupils": 10}, {}, 18, True),
        ({"min_pupils": 10}, {}, 19, False),
        ({"min_pupils": 10, "counts_adults": True}, {}, 18, False),
        ({"min_pupils": 10}, {"min_pupils": 4}, 24, True),
        ({"min_pupils": 10, "places_counted": "classes"}, {}, 27, True),
    ],
)
def test_the_lists_and_the_session_agree_on_who_is_full(
    municipality: Municipality, course: dict[str, Any], own: dict[str, Any], taken: int, free: bool
) -> None:
    offer = factories.OfferFactory.create(**course)
    session = factories.SessionFactory.create(offer=offer, places=28, places_taken=taken, **own)
    assert (Session.objects.with_places().filter(pk=session.pk).exists(), not session.is_full) == (free, free)


@pytest.mark.django_db
def test_the_course_page_says_that_places_are_left_that_are_too_few(
    municipality: Municipality, client: Client, now: datetime
) -> None:
    offer = factories.OfferFactory.create(min_pupils=10, counts_adults=True, max_pupils=26)
    factories.SessionFactory.create(offer=offer, places_taken=20)
    with time_machine.travel(now, tick=False):
        page = client.get(reverse("offer", args=[offer.pk, offer.slug])).content.decode()
    assert "8 pladser er tilbage, og den mindste gruppe fylder 11." in page
    assert "Optaget – venteliste" in page
    assert "højst 26 fra én klasse" in page
    assert "Voksne tæller med." in page


# --- Opening and closing -------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("counted", "opens", "closes"),
    [
        ("days", "2026-09-22T08:00:00+02:00", "2026-10-16T12:00:00+02:00"),
        # 23 October is the Friday after week 42: 5 school days before is 9 October, 28 before 8 September
        ("school_days", "2026-09-08T10:00:00+02:00", "2026-10-09T12:00:00+02:00"),
    ],
)
def test_opening_and_closing_are_counted_in_days_or_in_school_days(
    municipality: Municipality, now: datetime, counted: str, opens: str, closes: str
) -> None:
    offer = factories.OfferFactory.create(
        opens_days=31 if counted == "days" else 28, closes_days=7, days_counted="days"
    )
    if counted == "school_days":
        Offer.objects.update(days_counted=counted, closes_days=5)
    starts = datetime.fromisoformat("2026-10-23T09:00:00+02:00")

    session = planning.plan_session(offer_id=offer.pk, starts=starts, by=DESK, now=now)

    assert session.opens_at == datetime.fromisoformat(opens)
    assert session.closes_at == datetime.fromisoformat(closes)


@pytest.mark.django_db
def test_a_session_has_its_own_opening_closing_and_sizes(municipality: Municipality, now: datetime) -> None:
    offer = factories.OfferFactory.create()
    starts = datetime.fromisoformat("2026-10-01T09:00:00+02:00")
    session = planning.plan_session(
        offer_id=offer.pk, starts=starts, opens_at=now + DAY, closes_at=now + 3 * DAY, by=DESK, now=now
    )
    assert (session.opens_at, session.closes_at) == (now + DAY, now + 3 * DAY)

    changed = planning.change_enrolling(
        session_id=session.pk, opens_at=now, closes_at=now + 5 * DAY, min_pupils=8, max_pupils=12, by=DESK, now=now
    )
    assert (changed.closes_at, changed.min_pupils, changed.max_pupils) == (now + 5 * DAY, 8, 12)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"closes_at": timedelta(days=40)}, "closes-late"),
        ({"opens_at": timedelta(days=5)}, "closes-early"),
        ({"min_pupils": 20, "max_pupils": 10}, "sizes-out-of-order"),
        ({"by": Actor(kind="user", id="1b4e28ba-2fa1-11d2-883f-0016d3cca427")}, "not-yours"),
        ({"now": timedelta(days=40)}, "begun"),
    ],
)
def test_opening_and_closing_that_cannot_be_are_refused(
    municipality: Municipality, now: datetime, changes: dict[str, Any], code: str
) -> None:
    session = factories.SessionFactory.create()
    facts: dict[str, Any] = {
        "opens_at": timedelta(),
        "closes_at": timedelta(days=5),
        "min_pupils": None,
        "max_pupils": None,
        "by": DESK,
        "now": timedelta(),
        **changes,
    }
    facts = {name: now + value if isinstance(value, timedelta) else value for name, value in facts.items()}
    with pytest.raises(Refusal) as refused:
        planning.change_enrolling(session_id=session.pk, **facts)
    assert refused.value.code == code


# --- Limits --------------------------------------------------------------------------------------------------------


def dates_of(offer: Offer, *days: str) -> list[Session]:
    starts = [datetime.fromisoformat(f"{day}T09:00:00+02:00") for day in days]
    return [factories.SessionFactory.create(offer=offer, starts_at=one, opens_at=one - 400 * DAY) for one in starts]


@pytest.mark.django_db
def test_a_class_has_as_many_dates_of_a_course_as_the_municipality_allows(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime
) -> None:
    municipality.most_per_class = 1
    municipality.save()
    offer = factories.OfferFactory.create()
    first, second, next_year = dates_of(offer, "2026-09-29", "2026-10-06", "2027-09-07")
    enrol(first, role, klass, now)

    refused = refusal(second, role, klass, now)

    assert (refused.code, refused.field, str(refused)) == (
        "limit-of-course",
        "school_class",
        (
            "En klasse kan få 1 tidspunkt af dette forløb på et skoleår, og 7.A har 1: 29. september 2026."
            " Afmeld først et af dem, vælg et andet forløb, eller bed kommunen om en undtagelse."
        ),
    )
    assert enrol(next_year, role, klass, now).status == "confirmed"
    other = factories.SchoolClassFactory.create(school=role.school)
    assert enrol(second, role, other, now).status == "confirmed"


@pytest.mark.django_db
def test_the_course_says_otherwise_than_the_municipality(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime
) -> None:
    municipality.most_per_class = 1
    municipality.save()
    offer = factories.OfferFactory.create(most_per_class=2)
    first, second, third = dates_of(offer, "2026-09-29", "2026-10-06", "2026-10-20")
    enrol(first, role, klass, now)
    enrol(second, role, klass, now)
    assert refusal(third, role, klass, now).code == "limit-of-course"


@pytest.mark.django_db
def test_the_limit_at_a_company_counts_all_its_courses(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime
) -> None:
    municipality.most_per_class_at_company = 2
    municipality.save()
    company = factories.CompanyFactory.create(name="Smedjen")
    ones = [factories.OfferFactory.create(company=company, contact=None) for _ in range(3)]
    sessions = [dates_of(offer, f"2026-09-2{day}")[0] for day, offer in enumerate(ones, start=2)]
    for session in sessions[:2]:
        enrol(session, role, klass, now)

    refused = refusal(sessions[2], role, klass, now)

    assert refused.code == "limit-at-company"
    assert "2 tidspunkter hos Smedjen på et skoleår, og 7.A har 2: 22. september 2026, 23. september 2026." in str(
        refused
    )
    elsewhere = dates_of(factories.OfferFactory.create(), "2026-09-25")[0]
    assert enrol(elsewhere, role, klass, now).status == "confirmed"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("confirmed", True),
        ("pending", True),
        ("waitlisted", True),
        ("in_draw", True),
        ("offered", True),
        ("completed", True),
        ("no_show", True),
        ("cancelled_by_school", False),
        ("cancelled_by_host", False),
        ("declined", False),
        ("offer_expired", False),
    ],
)
def test_what_has_not_ended_counts_towards_the_limit(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime, status: str, counts: bool
) -> None:
    offer = factories.OfferFactory.create(most_per_class=1)
    first, second = dates_of(offer, "2026-09-29", "2026-10-06")
    facts = {"waiting_since": now, "answer_by": now + DAY}
    factories.EnrolmentFactory.create(session=first, school_class=klass, status=status, **facts)
    request = rules.EnrolmentRequest(school_class=klass)
    refused = rules.refusal_for(second, request, now=now)
    assert (refused is not None) == counts


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "state", "counts"),
    [
        ("waitlisted", "planned", False),
        ("in_draw", "planned", False),
        ("confirmed", "planned", True),
        ("confirmed", "not_held", False),
        ("no_show", "not_held", True),
    ],
)
def test_a_session_that_has_begun_counts_for_who_had_places_unless_it_was_not_held(
    municipality: Municipality, klass: SchoolClass, status: str, state: str, counts: bool
) -> None:
    first, second = dates_of(factories.OfferFactory.create(most_per_class=1), "2026-09-29", "2026-10-13")
    first.meetings.update(state=state)
    factories.EnrolmentFactory.create(session=first, school_class=klass, status=status, waiting_since=first.opens_at)
    request = rules.EnrolmentRequest(school_class=klass)
    assert (rules.refusal_for(second, request, now=first.starts_at) is not None) == counts


@pytest.mark.django_db
def test_a_coordinator_makes_an_exception_from_limits_and_priority(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime
) -> None:
    municipality.priority_days = 28
    municipality.save()
    visit(klass)
    offer = factories.OfferFactory.create(most_per_class=1)
    first, second = dates_of(offer, "2026-09-29", "2026-10-06")
    offer.sessions.update(opens_at=now)
    request = rules.EnrolmentRequest(school_class=klass)
    by = Actor.of_user(factories.CoordinatorFactory.create())
    done = [enrolling.enrol_class(session_id=one.pk, request=request, by=by, now=now).status for one in (first, second)]
    assert done == ["confirmed", "confirmed"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("committing")
@pytest.mark.parametrize("limited", [True, False])
def test_two_dates_of_a_course_at_once_do_not_pass_the_limit(now: datetime, *, limited: bool) -> None:
    """Five dates are five rows: only the row of the class makes the five enrolments wait for each other."""
    factories.MunicipalityFactory.create()
    offer = factories.OfferFactory.create(most_per_class=2 if limited else None)
    sessions = dates_of(offer, "2026-09-22", "2026-09-23", "2026-09-24", "2026-09-25", "2026-09-28")
    role = factories.MembershipFactory.create()
    klass = factories.SchoolClassFactory.create(school=role.school)
    start = Barrier(len(sessions))

    def at_once(session: Session) -> str:
        try:
            start.wait(timeout=20)
            return enrol(session, role, klass, now).status
        except Refusal as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(sessions)) as people:
        outcome = sorted(people.map(at_once, sessions))

    assert outcome == (["confirmed"] * 2 + ["limit-of-course"] * 3 if limited else ["confirmed"] * 5)
    assert Enrolment.objects.active().count() == outcome.count("confirmed")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("committing")
def test_without_the_row_of_the_class_the_limit_is_passed(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: two dates at once, both looked at before either is written."""
    factories.MunicipalityFactory.create()
    offer = factories.OfferFactory.create(most_per_class=1)
    sessions = dates_of(offer, "2026-09-22", "2026-09-23")
    role = factories.MembershipFactory.create()
    klass = factories.SchoolClassFactory.create(school=role.school)
    looked = Barrier(2)
    decide: Callable[..., Refusal | None] = rules.refusal_for

    def decide_together(*args: Any, **more: Any) -> Refusal | None:
        refused = decide(*args, **more)
        looked.wait(timeout=20)
        return refused

    monkeypatch.setattr(rules, "hold_classes", lambda *_args: None)
    monkeypatch.setattr(rules, "refusal_for", decide_together)

    def at_once(session: Session) -> str:
        try:
            return enrol(session, role, klass, now).status
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=2) as people:
        assert list(people.map(at_once, sessions)) == ["confirmed", "confirmed"]


# --- Priority ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_after_the_opening_classes_without_a_visit_go_first_and_others_hear_from_when(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime
) -> None:
    municipality.priority_days = 7
    municipality.save()
    session = factories.SessionFactory.create(opens_at=now, places=100)
    visit(klass)
    other = factories.SchoolClassFactory.create(school=role.school)

    refused = refusal(session, role, klass, now + DAY)

    assert (refused.code, refused.field, str(refused)) == (
        "priority",
        "school_class",
        (
            "Indtil tirsdag 15. september 2026 kl. 10.00 kan kun klasser uden besøg i dette skoleår tilmelde sig,"
            " og 7.A har haft 1. I kan tilmelde jer fra da af; det, der så er tilbage, er for alle."
        ),
    )
    assert enrol(session, role, other, now + DAY).status == "confirmed"
    assert enrol(session, role, klass, now + 7 * DAY).status == "confirmed"


@pytest.mark.django_db
@pytest.mark.parametrize(("day", "void"), [(date(2026, 6, 1), False), (date(2026, 9, 1), True)])
def test_a_visit_last_year_or_a_void_one_takes_no_priority(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime, day: date, void: bool
) -> None:
    municipality.priority_days = 7
    municipality.save()
    visit(klass, day, void=void)
    session = factories.SessionFactory.create(opens_at=now)
    assert enrol(session, role, klass, now).status == "confirmed"


@pytest.mark.django_db
def test_schools_with_more_visits_for_each_class_than_the_average_wait(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime
) -> None:
    municipality.priority_days, municipality.priority_for = 7, "schools"
    municipality.save()
    session = factories.SessionFactory.create(opens_at=now, places=200)
    assert enrol(session, role, klass, now).status == "confirmed"  # nobody has had any: all are equal
    quiet = factories.MembershipFactory.create()
    hers = factories.SchoolClassFactory.create(school=quiet.school)
    for _ in range(3):
        visit(klass)

    refused = refusal(session, role, factories.SchoolClassFactory.create(school=role.school), now)

    assert "Byskolen har haft 1,5 besøg pr. klasse i dette skoleår, og gennemsnittet er 1,0." in str(refused)
    assert enrol(session, quiet, hers, now).status == "confirmed"


# --- What it costs, and what the page says -------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("switched_on", "most"),
    [({}, 10), ({"unvisited_first": True}, 10), ({"most_per_class": 3, "priority_days": 28, "draw_minutes": 60}, 13)],
)
def test_rules_that_are_off_cost_no_question(
    municipality: Municipality,
    role: Membership,
    klass: SchoolClass,
    now: datetime,
    switched_on: dict[str, Any],
    most: int,
) -> None:
    for name, value in switched_on.items():
        setattr(municipality, name, value)
    municipality.save()
    session = factories.SessionFactory.create(opens_at=now - DAY)
    another = factories.MembershipFactory.create()
    enrol(session, another, factories.SchoolClassFactory.create(school=another.school), now)  # makes the host's link
    Session.objects.update(places=60)
    request = rules.EnrolmentRequest(school_class=klass, adults=2)
    by = Actor.of_user(role.user)
    with CaptureQueriesContext(connection) as asked:
        enrolling.enrol_class(session_id=session.pk, request=request, by=by, now=now)
    statements = [one["sql"] for one in asked if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(statements) <= most, statements


@pytest.mark.django_db
def test_the_page_keeps_what_was_typed_and_says_at_the_class_why_it_cannot_come(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime, client: Client
) -> None:
    municipality.priority_days = 7
    municipality.save()
    visit(klass)
    session = factories.SessionFactory.create(opens_at=now)
    with time_machine.travel(now, tick=False):
        client.force_login(role.user)
        form = client.get(reverse("enrol", args=[session.pk]))
        assert "kan kun klasser uden besøg i dette skoleår tilmelde sig. Derefter kan alle." in form.content.decode()
        facts = {"school_class": str(klass.pk), "adults": "3", "form_token": form.context["form"]["form_token"].value()}
        page = client.post(reverse("enrol", args=[session.pk]), facts)
    assert page.status_code == 200
    assert list(page.context["form"].errors) == ["school_class"]
    assert page.context["form"]["adults"].value() == "3"
    assert "7.A har haft 1" in page.content.decode()


@pytest.mark.django_db
def test_every_reason_why_one_cannot_enrol_names_a_number_or_a_day_and_what_to_do(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime
) -> None:
    offer = factories.OfferFactory.create()
    factories.SessionFactory.create(offer=offer, starts_at=now + 30 * DAY, opens_at=now - DAY)

    def session(**facts: Any) -> Session:
        made: Session = factories.SessionFactory.create(offer=offer, **facts)
        return made

    def said(one: Session, klass: SchoolClass = klass, **asked: Any) -> tuple[str, str]:
        refused = rules.refusal_for(one, rules.EnrolmentRequest(school_class=klass, **asked), now=now)
        assert refused is not None
        return refused.code, str(refused)

    room = "Der er plads: torsdag 8. oktober 2026 kl. 10.00."
    closed = School.objects.create(name="Lukskolen", closed_on=date(2026, 9, 20))
    gone = factories.SchoolClassFactory.create(school=role.school, is_active=False)
    low = factories.SchoolClassFactory.create(school=role.school, start_year=2024, letter="B")
    told = [
        said(session(state="cancelled", cancel_reason="Ovnen er gået ned.")),
        said(session(starts_at=now)),
        said(session(closes_at=now, opens_at=now - DAY)),
        said(session(opens_at=now + DAY)),
        said(session(), factories.SchoolClassFactory.create(school=closed)),
        said(session(), gone),
        said(session(), low),
        said(session(), pupils=29),
    ]
    assert told == [
        ("cancelled", f"Tidspunktet er aflyst: Ovnen er gået ned. {room}"),
        ("begun", f"Tidspunktet begyndte tirsdag 8. september 2026 kl. 10.00. {room}"),
        ("closed", f"Tilmeldingen lukkede tirsdag 8. september 2026 kl. 10.00. {room}"),
        ("not-open", f"Tilmeldingen åbner onsdag 9. september 2026 kl. 10.00. {room}"),
        (
            "school-closed",
            (
                "Lukskolen lukker 20. september 2026, før besøget."
                " Vælg et tidligere tidspunkt eller en klasse fra en anden skole."
            ),
        ),
        ("class-gone", "Klassen går ikke længere på skolen 29. september 2026. Vælg en anden klasse."),
        (
            "grade",
            (
                "Forløbet er for 7. til 9. klasse, og 2.B ligger uden for."
                " Har du aftalt det med værten, så sæt kryds ved det og send igen."
            ),
        ),
        (
            "too-many",
            (
                "Tidspunktet har højst plads til 28 elever, og du skrev 29."
                " Du kan tilmelde klassen som to hold på to tidspunkter."
            ),
        ),
    ]


@pytest.mark.django_db
def test_undoing_a_cancellation_does_not_pass_the_limit(
    municipality: Municipality, role: Membership, klass: SchoolClass, now: datetime
) -> None:
    offer = factories.OfferFactory.create(most_per_class=1)
    first, second = dates_of(offer, "2026-09-29", "2026-10-06")
    by = Actor.of_user(role.user)
    one = enrol(first, role, klass, now)
    enrolling.cancel_enrolment(enrolment_id=one.pk, by=by, now=now)
    enrol(second, role, klass, now)

    with pytest.raises(Refusal) as refused:
        cancelling.undo_cancellation(enrolment_id=one.pk, by=by, now=now + timedelta(minutes=5))

    assert refused.value.code == "limit-of-course"

"""Snapshots: what was agreed about a visit, frozen on the enrolment, so that history never loses a name.

As long as a visit is ahead, people are told how things are now: a host who moves house is found at the new address.
Once it is over, or the enrolment has ended, it is told as it was then, whatever the course and its host are called
since, and whatever they cost.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from offers.models import Enrolment, Meeting, Offer, Session
from schools.models import School

LONGEST_PLACE = 300


@dataclass(frozen=True, kw_only=True)
class Date:
    """One date of a visit, and where it is; an empty place is said by the kind of place."""

    number: int
    starts_at: datetime
    ends_at: datetime
    place: str
    is_cancelled: bool = False


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A visit as it is to be told: as things are now while it is ahead, as they were then once it is history."""

    title: str
    host: str
    place: str
    price_ore: int
    starts_at: datetime
    ends_at: datetime
    is_history: bool

    @property
    def price_kr(self) -> str:
        """The price in kroner, without decimals when there are none."""
        return Offer(price_ore=self.price_ore).price_kr


def facts_of(session: Session, school: School) -> dict[str, Any]:
    """Return what is frozen on an enrolment of this school in the session: course, host, place, price and times."""
    offer = session.offer
    return {
        "title_then": offer.title,
        "host_then": offer.company.name,
        "place_then": _place_now(session, school)[:LONGEST_PLACE],
        "price_ore_then": offer.price_ore,
        "starts_then": session.starts_at,
        "ends_then": session.ends_at,
    }


def write_snapshot(session: Session, enrolments: Iterable[Enrolment]) -> None:
    """Freeze anew what is agreed with these enrolments of the session: after it was moved, and they stay (a step)."""
    by_school: dict[School, list[Enrolment]] = defaultdict(list)
    for one in enrolments:
        by_school[one.school].append(one)
    for school, rows in by_school.items():
        facts = facts_of(session, school)
        Enrolment.objects.filter(pk__in=[one.pk for one in rows]).update(**facts)
        for one in rows:
            for name, value in facts.items():
                setattr(one, name, value)


def is_history(enrolment: Enrolment, now: datetime) -> bool:
    """Return whether the visit is over, or the enrolment has ended."""
    return enrolment.status not in Enrolment.Status.open() or enrolment.session.ends_at <= now


def visit_of(enrolment: Enrolment, now: datetime) -> Visit:
    """Return the visit as it is to be told. Enrolments from before there were snapshots are told as things are now."""
    session, offer = enrolment.session, enrolment.session.offer
    history = is_history(enrolment, now)
    then = history and enrolment.starts_then is not None
    return Visit(
        title=enrolment.title_then if then else offer.title,
        host=enrolment.host_then if then else offer.company.name,
        place=enrolment.place_then if then else "",
        price_ore=(enrolment.price_ore_then or 0) if then else offer.price_ore,
        starts_at=enrolment.starts_then if then and enrolment.starts_then else session.starts_at,
        ends_at=enrolment.ends_then if then and enrolment.ends_then else session.ends_at,
        is_history=history,
    )


def dates_of(enrolment: Enrolment, now: datetime) -> list[Date]:
    """Return the dates of a visit, with their places.

    When the session was moved after the enrolment had ended, what was agreed was its span, so that is one date.
    """
    session, visit = enrolment.session, visit_of(enrolment, now)
    moved = visit.is_history and (visit.starts_at, visit.ends_at) != (session.starts_at, session.ends_at)
    if moved:
        return [Date(number=1, starts_at=visit.starts_at, ends_at=visit.ends_at, place=visit.place)]
    place = visit.place if visit.is_history and enrolment.starts_then else place_of(session, enrolment.school)
    return [
        Date(
            number=one.number,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            place=one.place or place,
            is_cancelled=one.state == Meeting.State.CANCELLED,
        )
        for one in sorted(session.meetings.all(), key=lambda meeting: meeting.number)
    ]


def place_of(session: Session, school: School) -> str:
    """Return where the course is, unless a date says otherwise."""
    offer = session.offer
    if offer.venue == Offer.Venue.HOST:
        return ", ".join(part for part in (offer.company.name, offer.company.full_address) if part)
    if offer.venue == Offer.Venue.SCHOOL:
        return ", ".join(part for part in (school.name, school.full_address) if part)
    return _("online") if offer.venue == Offer.Venue.ONLINE else ""


def _place_now(session: Session, school: School) -> str:
    """Return the places that the dates name, each once; without any, where the course is."""
    named: list[str] | None = getattr(session, "named_places", None)
    if named is None:
        named = list(Meeting.objects.filter(session=session.pk).order_by("number").values_list("place", flat=True))
    return "; ".join(dict.fromkeys(place for place in named if place)) or place_of(session, school)

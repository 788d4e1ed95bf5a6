"""All dates of all courses in a month, as the coordinator's table of weeks has them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from offers.domain.month import Month, frame, weeks_of
from offers.models import Meeting, Session
from portal.domain import calendar


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One date of one session, with how full it is."""

    session_id: UUID
    starts_at: datetime
    ends_at: datetime
    label: str
    host: str
    state: str
    taken: int
    places: int
    number: int
    dates: int

    @property
    def is_full(self) -> bool:
        """Whether no place is left."""
        return self.taken >= self.places


def timetable(first: date, *, sessions: QuerySet[Session], now: datetime) -> Month:
    """Return the dates of a month of the given sessions, called-off ones among them (three queries)."""
    monday, after, sunday = frame(first)
    meetings = (
        Meeting.objects.filter(
            session__in=sessions.order_by().values("pk"),
            starts_at__gte=calendar.at(monday, 0),
            starts_at__lt=calendar.at(sunday, 0),
        )
        .select_related("session__offer__company")
        .defer("session__offer__search", "session__offer__words", "session__offer__description")
        .order_by("starts_at", "pk")
    )
    rows = list(meetings)
    dates: dict[UUID, int] = defaultdict(int)
    for pk in Meeting.objects.filter(session__in={one.session_id for one in rows}).values_list("session_id", flat=True):
        dates[pk] += 1
    by_day: dict[date, list[Entry]] = defaultdict(list)
    for one in rows:
        session = one.session
        off = Meeting.State.CANCELLED in {one.state, session.state}
        by_day[calendar.local_day(one.starts_at)].append(
            Entry(
                session_id=session.pk,
                starts_at=one.starts_at,
                ends_at=one.ends_at,
                label=str(session.offer),
                host=session.offer.company.name,
                state=Session.State.CANCELLED if off else session.state,
                taken=session.places_taken,
                places=session.places,
                number=one.number,
                dates=dates[session.pk],
            )
        )
    return Month(
        first=first,
        before=(first - timedelta(days=1)).replace(day=1),
        after=after,
        weeks=weeks_of(monday, sunday, first, by_day, calendar.local_day(now)),
    )

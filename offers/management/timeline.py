"""The demo's time machine: what happens when, in order, and the post that leaves meanwhile."""

import heapq
import socket
from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random

from django.conf import settings
from django.core.mail import get_connection
from django.db.models import F
from django.utils import timezone

from offers.domain import enrolment, moving, publishing, reminders, surveys, waiting_list
from portal import mail
from portal.domain import calendar, outbox
from portal.domain.calendar import SchoolCalendar
from portal.models import Message

DAYS_BACK = 200
DAYS_AHEAD = 200
REALLY_SENT = timedelta(days=3)
OFTEN = timedelta(hours=1)
ASKED_FIRST = {"visit_confirm", "host_day_sheet", "invite_reminder", "move_nudge", "host_question_nudge"}


class Timeline:
    """School days counted from today (1: the last one before, -1: the next one), and a queue of what happens."""

    def __init__(self, *, today: date, rng: Random) -> None:
        self.calendar = SchoolCalendar.load()
        self.rng = rng
        self.end = calendar.at(today, 10)
        span = [today + timedelta(days=n) for n in range(-DAYS_BACK, DAYS_AHEAD + 1)]
        self.days = [day for day in span if self.calendar.is_school_day(day)]
        self.today = self.days.index(today)
        self.now = self.end
        self._queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self._count = 0
        self._delivered = self.end - timedelta(days=1000)
        self._occasions = outbox.occasions()
        self._is_mail_taken = mail_server_answers()
        self._owner = outbox.new_owner()

    @property
    def past(self) -> int:
        """How many school days the story has behind it."""
        return self.today

    @property
    def future(self) -> int:
        """How many school days one can plan ahead."""
        return len(self.days) - self.today - 1

    def day(self, back: int) -> date:
        """Return the school day so many school days before today."""
        return self.days[max(0, min(self.today - back, len(self.days) - 1))]

    def moment(self, back: int, first_hour: int = 8, last_hour: int = 15) -> datetime:
        """Return a moment in working hours on that school day."""
        minutes = self.rng.randrange((last_hour - first_hour + 1) * 60)
        return calendar.at(self.day(back), first_hour) + timedelta(minutes=minutes)

    def back_of(self, day: date) -> int:
        """Return how many school days before today the day is; a day without school counts as the next one."""
        following = self.calendar.next_school_day(day)
        if following > self.days[-1]:
            return -self.future
        return self.today - self.days.index(max(following, self.days[0]))

    def between(self, first: datetime, last: datetime) -> datetime:
        """Return a moment between the two, by day rather than at night."""
        chosen = first + (last - first) * self.rng.random()
        local = chosen.astimezone(calendar.COPENHAGEN)
        if local.hour < 7:
            local = local.replace(hour=7)
        elif local.hour > 20:
            local = local.replace(hour=20)
        return max(first, min(local, last))

    def at(self, moment: datetime, what: Callable[[], None]) -> None:
        """Let something happen then, if the story gets that far."""
        if moment <= self.end:
            self._count += 1
            heapq.heappush(self._queue, (moment, self._count, what))

    def run(self, *, until: datetime | None = None) -> int:
        """Let everything happen up to a moment; return how much there was."""
        count = 0
        until = until or self.end
        while self._queue and self._queue[0][0] <= until:
            moment, _number, what = heapq.heappop(self._queue)
            self.now = moment
            if moment - self._delivered >= OFTEN:
                self.deliver()
            what()
            count += 1
        self.now = until
        self.deliver()
        return count

    def every_school_day(self) -> None:
        """Let the portal's own clockwork run on every school day of the story, mornings and afternoons."""
        for back in range(self.past, -1, -1):
            # Reminders are promised days ahead; every other morning is often enough.
            what = self._mornings if back % 2 == 0 or back < 6 else self._afternoons
            self.at(calendar.at(self.day(back), 6, 30), what)
            self.at(calendar.at(self.day(back), 16, 5), self._afternoons)

    def _mornings(self) -> None:
        publishing.follow_calendar(now=self.now)
        reminders.plan_reminders(now=self.now)
        surveys.expire_surveys(now=self.now)
        self._afternoons()

    def _afternoons(self) -> None:
        enrolment.expire_requests(self.now)
        waiting_list.expire_offered(self.now)
        moving.nudge(self.now)
        moving.carry_out_due(self.now)

    def deliver(self) -> None:
        """Let leave what has fallen due: in the last days really, before that only in the books.

        What nobody takes back when it has become needless is asked first, as the post office itself would.
        """
        self._delivered = self.now
        if self._is_mail_taken and self.now > self.end - REALLY_SENT:
            self._send()
            return
        due = list(Message.objects.due(self.now))
        if not due:
            return
        unwanted = [
            message.pk
            for message in due
            if message.occasion in ASKED_FIRST
            and not self._occasions[message.occasion].still_wanted(message, message.send_at)
        ]
        wanted = {message.pk for message in due} - set(unwanted)
        Message.objects.filter(pk__in=unwanted).update(state=Message.State.WITHDRAWN)
        Message.objects.filter(pk__in=wanted).update(state=Message.State.SENT, sent_at=F("send_at"), attempts=1)

    def _send(self) -> None:
        with get_connection() as connection:
            while claimed := outbox.claim(now=self.now, real_now=timezone.now(), owner=self._owner, batch=20):
                for message in claimed:
                    mail.deliver(message, connection=connection, owner=self._owner, now=self.now)


def mail_server_answers() -> bool:
    """Return whether somebody takes mail at the configured address."""
    try:
        with socket.create_connection((settings.EMAIL_HOST, settings.EMAIL_PORT), timeout=1):
            return True
    except OSError:
        return False

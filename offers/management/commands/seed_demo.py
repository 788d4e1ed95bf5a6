"""``manage.py seed_demo``: let Fjordby Kommune live through half a school year before the demo begins."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from random import Random
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils import timezone, translation

from offers.management import town as towns
from offers.management.story import Story
from offers.management.talks import Talks
from offers.management.timeline import Timeline
from offers.management.visits import Visits
from offers.models import Encounter, Enrolment, Offer, Session, SurveyRequest
from portal.domain import calendar, clock
from portal.models import DemoClock, Message, Municipality

SEED = 1849


class Command(BaseCommand):
    """Fills an empty database with the demo's municipality; where there is one already, does nothing."""

    help = "Fills an empty database with the demo's municipality, Fjordby Kommune."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--today", type=date.fromisoformat, help="the day on which the demo begins (YYYY-MM-DD)")

    def handle(self, *args: Any, today: date | None = None, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        if not settings.DEMO:
            raise CommandError("Only a demo is filled with invented people: set DEMO=1.")
        if Municipality.objects.exists():
            if not DemoClock.objects.exists():
                raise CommandError("The municipality was not filled to its end. Start again with an empty database.")
            self.stdout.write("  There is a municipality already; nothing was changed.")
            return
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit TO off")
        with translation.override("da"):
            self.fill(today)
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit TO on")
            cursor.execute("ANALYZE")

    def fill(self, wanted: date | None) -> None:
        """Found the municipality and let everything happen, up to ten in the morning of the first school day."""
        rng = Random(SEED)
        day = wanted or calendar.local_day(timezone.now())
        today = calendar.SchoolCalendar.load().next_school_day(day)
        with self.step("schools, classes and people"):
            town = towns.found(rng, today)
        timeline = Timeline(today=calendar.SchoolCalendar.load().next_school_day(today), rng=rng)
        story = Story(town=town, timeline=timeline)
        visits = Visits(story)
        story.tell_authoring()
        story.tell_planning()
        story.tell_agreements()
        visits.tell_of_the_hero()
        visits.tell_cancelled_sessions()
        Talks(story).tell()
        timeline.every_school_day()
        third = timeline.past // 3
        for name, back in (("spring", 2 * third), ("autumn", third), ("the last weeks", -1)):
            until = timeline.end if back < 0 else calendar.at(timeline.day(back), 5)
            with self.step(f"{name}: up to {calendar.local_day(until)}"):
                timeline.run(until=until)
        clock.set_demo_clock(timeline.end)
        self.stdout.write(
            f"  {Offer.objects.count()} courses, {Session.objects.count()} sessions, "
            f"{Enrolment.objects.count()} enrolments, {Encounter.objects.count()} encounters, "
            f"{SurveyRequest.objects.filter(state='answered').count()} answered surveys, "
            f"{Message.objects.count()} mails"
        )

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Tell how long something took."""
        began = time.monotonic()
        yield
        self.stdout.write(f"  {name:<46} {time.monotonic() - began:6.1f} s")
        self.stdout.flush()

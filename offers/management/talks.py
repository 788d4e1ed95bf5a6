"""The demo's talks about times, and questions to hosts: one of every kind, in the last school days."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from offers.domain import dialogue, questions
from offers.management.story import Course, Story
from offers.management.town import HERO, Teacher
from offers.models import Dialogue, Question
from portal.domain import calendar
from schools.models import SchoolClass


class Talks:
    """Lets teachers propose times for courses by agreement, and ask hosts something."""

    def __init__(self, story: Story) -> None:
        self.story, self.time = story, story.time
        self.courses = {one.key: one for one in story.courses}
        self.hero = story.town.teachers[HERO]
        self.talks: dict[str, Dialogue] = {}
        self.asked: dict[str, Question] = {}

    def tell(self) -> None:
        """Let everything happen between eight and nine in the morning."""
        lines: list[tuple[int, Callable[[], None]]] = [
            (
                8,
                partial(self._ask, "frisoer-kemi-og-kunder", 1, "Vi arbejder med pH og vil gerne prøve det i praksis."),
            ),
            (
                6,
                partial(
                    self._answer, "frisoer-kemi-og-kunder", "Om formiddagen har vi kunder. Kan I komme midt på dagen?"
                ),
            ),
            (6, partial(self._ask, "ro-puls-og-samarbejde", 0, "Klassen har puls og kondital på skemaet.")),
            (5, partial(self._agree, "ro-puls-og-samarbejde")),
            (3, partial(self._ask_host, "enzymer-i-kassen", "Skal klassen have kitler med, eller har I nogle?")),
            (2, partial(self._answer_host, "enzymer-i-kassen", "I skal intet have med. Kitler og briller låner I.")),
            (0, partial(self._ask, "skriv-en-pressemeddelelse", 0, "Vi vil gerne skrive om skolens motionsdag.")),
            (0, partial(self._ask_host, "et-bed-til-bierne", "Kan bedet stå i en skolegård med fliser?")),
        ]
        for back, what in lines:
            self.time.at(calendar.at(self.time.day(back), 8), what)

    def _who_asks(self, course: Course, key: str) -> tuple[Teacher, SchoolClass] | None:
        """Return the hero with a class that fits, or else the first teacher who has one as an own."""
        grades = range(course.told["grade_from"], course.told["grade_to"] + 1)
        heroes = [] if key in {"skriv-en-pressemeddelelse", "et-bed-til-bierne"} else [self.hero]
        today = calendar.local_day(self.time.end)
        for teacher in (*heroes, *self.story.town.teachers.values()):
            for one in teacher.own_classes:
                if one.grades(today).start in grades and not (teacher is self.hero and not heroes):
                    return teacher, one
        return None

    def _times(self, ahead: int, hours: list[int], course: Course) -> list[tuple[datetime, datetime]]:
        """Return times so many school days ahead, a school day after the other, as long as the course lasts."""
        lasts = timedelta(minutes=course.told["duration_minutes"])
        days = [self.time.day(-ahead - number) for number in range(len(hours))]
        starts = [calendar.at(day, hour) for day, hour in zip(days, hours, strict=True)]
        return [(one, one + lasts) for one in starts]

    def _ask(self, key: str, extra: int, note: str) -> None:
        course = self.courses[key]
        found = self._who_asks(course, key)
        if found is None or course.offer_id is None:
            return
        teacher, school_class = found
        request = dialogue.DialogueRequest(
            school_class=school_class, adults=2, times=self._times(15, [9, 10, 9][: 2 + extra], course), note=note
        )
        self.talks[key] = dialogue.ask_for_a_time(
            offer_id=course.offer_id, request=request, by=teacher.actor, now=self.time.now
        )

    def _answer(self, key: str, words: str) -> None:
        if talk := self.talks.get(key):
            course = self.courses[key]
            dialogue.reply(
                dialogue_id=talk.pk,
                times=self._times(20, [12, 12], course),
                text=words,
                by=self.story.host_of(course),
                now=self.time.now,
            )

    def _agree(self, key: str) -> None:
        if talk := self.talks.get(key):
            first = dialogue.possible_times(talk, now=self.time.now)[0]
            by = self.story.host_of(self.courses[key])
            dialogue.agree(dialogue_id=talk.pk, time_id=first.pk, by=by, now=self.time.now)

    def _ask_host(self, key: str, words: str) -> None:
        course = self.courses[key]
        found = self._who_asks(course, key)
        if found is not None and course.offer_id is not None:
            self.asked[key] = questions.ask_host(
                offer_id=course.offer_id, text=words, by=found[0].actor, now=self.time.now
            )

    def _answer_host(self, key: str, words: str) -> None:
        if question := self.asked.get(key):
            by = self.story.host_of(self.courses[key])
            questions.answer_question(question_id=question.pk, text=words, by=by, now=self.time.now)

"""Courses: what companies host."""

import uuid
from datetime import date, datetime

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from companies.models import Company, Contact
from portal.models import ActivityType, EducationArea, Industry, Subject, Upload
from portal.models.vocabulary import GRADES


class OfferQuerySet(models.QuerySet["Offer"]):
    """Questions to the courses."""

    def published(self) -> "OfferQuerySet":
        """Courses that anyone may find and read."""
        return self.filter(state=Offer.State.PUBLISHED)

    def to_review(self) -> "OfferQuerySet":
        """Courses that wait for the coordinator's eye."""
        return self.filter(state=Offer.State.SUBMITTED)


class Offer(models.Model):
    """A described course that a company hosts; what can be booked of it are its sessions.

    Amounts of money are in øre, durations in minutes. ``version`` goes up with every edit: who edits on the basis
    of an older version is shown what changed meanwhile, and nothing is overwritten in silence.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("sent for review")
        CHANGES_REQUESTED = "changes_requested", _("sent back")
        APPROVED = "approved", _("approved")
        PUBLISHED = "published", _("published")
        PAUSED = "paused", _("paused")
        EXPIRED = "expired", _("expired")
        ARCHIVED = "archived", _("archived")
        REJECTED = "rejected", _("rejected")

    class Venue(models.TextChoices):
        HOST = "host", _("at the company")
        SCHOOL = "school", _("at the school")
        ONLINE = "online", _("online")

    class Counted(models.TextChoices):
        PUPILS = "pupils", _("pupils")
        CLASSES = "classes", _("classes")

    class DaysCounted(models.TextChoices):
        DAYS = "days", _("days")
        SCHOOL_DAYS = "school_days", _("school days")

    class Acceptance(models.TextChoices):
        AUTOMATIC = "automatic", _("places are confirmed at once")
        MANUAL = "manual", _("the host or the coordinator answers each request")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="offers", verbose_name=_("company"))
    contact = models.ForeignKey(
        Contact,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="offers",
        verbose_name=_("contact"),
    )
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.DRAFT, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    # What can pupils experience
    title = models.CharField(_("title"), max_length=80, blank=True)
    teaser = models.CharField(_("in one sentence"), max_length=180, blank=True)
    description = models.TextField(_("description"), max_length=4000, blank=True)
    purpose = models.TextField(_("what pupils learn"), max_length=1000, blank=True)
    pupil_activity = models.TextField(_("what pupils do themselves"), max_length=1000, blank=True)
    activity_type = models.ForeignKey(
        ActivityType,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="offers",
        verbose_name=_("activity type"),
    )
    industry = models.ForeignKey(
        Industry,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="offers",
        verbose_name=_("industry"),
    )
    jobs = models.CharField(_("jobs one meets"), max_length=300, blank=True, help_text=_("Separated by commas."))
    education_areas = models.ManyToManyField(
        EducationArea, blank=True, related_name="offers", verbose_name=_("educations that lead there")
    )
    illustration = models.SlugField(_("picture"), max_length=40, blank=True)
    picture = models.ForeignKey(
        Upload,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="picture_of",
        verbose_name=_("own picture"),
    )

    # For whom
    grade_from = models.PositiveSmallIntegerField(_("from grade"), choices=GRADES, null=True, blank=True)
    grade_to = models.PositiveSmallIntegerField(_("to grade"), choices=GRADES, null=True, blank=True)
    subjects = models.ManyToManyField(Subject, blank=True, related_name="offers", verbose_name=_("subjects"))

    # How it goes
    before = models.TextField(_("before: how the class prepares"), max_length=2000, blank=True)
    before_minutes = models.PositiveSmallIntegerField(_("preparation (minutes)"), null=True, blank=True)
    during = models.TextField(_("during: how the visit goes"), max_length=3000, blank=True)
    after = models.TextField(_("after: how the class follows up"), max_length=2000, blank=True)
    after_minutes = models.PositiveSmallIntegerField(_("follow-up (minutes)"), null=True, blank=True)

    # Time, place, number, safety
    duration_minutes = models.PositiveSmallIntegerField(_("duration of one date (minutes)"), null=True, blank=True)
    meetings = models.PositiveSmallIntegerField(
        _("number of dates"), default=1, validators=[MinValueValidator(1), MaxValueValidator(40)]
    )
    places_counted = models.CharField(
        _("places are counted in"), max_length=10, choices=Counted, default=Counted.PUPILS
    )
    places = models.PositiveSmallIntegerField(
        _("places"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    counts_adults = models.BooleanField(
        _("adults take places too"),
        default=False,
        db_default=False,
        help_text=_("Only where places are counted in pupils: every accompanying adult then takes one as well."),
    )
    min_pupils = models.PositiveSmallIntegerField(_("at least (pupils)"), null=True, blank=True)
    max_pupils = models.PositiveSmallIntegerField(
        _("at most of one class (pupils)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
    )
    adults = models.PositiveSmallIntegerField(_("accompanying adults"), null=True, blank=True)
    venue = models.CharField(_("where"), max_length=10, choices=Venue, default=Venue.HOST)
    meeting_point = models.CharField(_("meeting point"), max_length=300, blank=True)
    clothing = models.CharField(_("clothing"), max_length=300, blank=True)
    food = models.CharField(_("food and drink"), max_length=300, blank=True)
    accessibility = models.TextField(_("accessibility"), max_length=1000, blank=True)
    safety = models.TextField(_("safety"), max_length=2000, blank=True)
    transport = models.CharField(_("how to get there"), max_length=300, blank=True)
    price_ore = models.PositiveIntegerField(_("price for a class (øre)"), default=0)
    opens_days = models.PositiveSmallIntegerField(
        _("enrolment opens (days before)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text=_("Empty: as soon as the date is planned."),
    )
    closes_days = models.PositiveSmallIntegerField(
        _("enrolment closes (days before)"), default=7, validators=[MaxValueValidator(90)]
    )
    days_counted = models.CharField(
        _("opening and closing are counted in"),
        max_length=12,
        choices=DaysCounted,
        default=DaysCounted.DAYS,
        db_default="days",
    )
    cancel_days = models.PositiveSmallIntegerField(
        _("schools may cancel until (school days before)"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(30)],
        help_text=_("Empty: as the municipality has chosen. Afterwards the coordinator decides."),
    )
    most_per_class = models.PositiveSmallIntegerField(
        _("dates for one class in a school year, at most"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(40)],
        help_text=_("Empty: as the municipality has chosen."),
    )
    fewest_meetings = models.PositiveSmallIntegerField(
        _("it still makes sense with (dates)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(40)],
        help_text=_(
            "Of a course with several dates: are so many left when one is called off, it goes on without it;"
            " otherwise the whole is called off. Empty: half of them."
        ),
    )
    by_agreement = models.BooleanField(
        _("teachers may propose times"),
        default=False,
        db_default=False,
        help_text=_("By agreement: a class asks with up to three times, and you agree on one. It needs no dates."),
    )
    acceptance = models.CharField(_("answer"), max_length=10, choices=Acceptance, default=Acceptance.AUTOMATIC)
    has_waiting_list = models.BooleanField(_("full sessions have a waiting list"), default=True)

    # Life
    pause_reason = models.CharField(_("why it is paused"), max_length=300, blank=True)
    publish_at = models.DateTimeField(_("publish at"), null=True, blank=True)
    published_at = models.DateTimeField(_("first published"), null=True, blank=True, editable=False)
    submitted_at = models.DateTimeField(_("sent for review"), null=True, blank=True, editable=False)
    last_confirmed_at = models.DateTimeField(_("last confirmed as up to date"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    # Search: words that the stemmer cannot see (parts of compounds, folded letters, the company's name).
    words = models.TextField(default="", blank=True, editable=False)
    search = models.GeneratedField(
        expression=SearchVector("title", weight="A", config="danish")
        + SearchVector("teaser", weight="B", config="danish")
        + SearchVector("description", "purpose", "pupil_activity", "jobs", "during", weight="C", config="danish")
        + SearchVector("words", weight="B", config="simple"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = OfferQuerySet.as_manager()

    class Meta:
        verbose_name = pgettext_lazy("an offer", "course")
        verbose_name_plural = pgettext_lazy("offers", "courses")
        ordering = ["title"]
        indexes = [
            GinIndex(fields=["search"], name="offer_search"),
            models.Index(fields=["-published_at"], name="offer_published", condition=Q(state="published")),
            models.Index(fields=["state", "submitted_at"], name="offer_by_state"),
            models.Index(fields=["-updated_at"], name="offer_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                name="offer_title_is_words_on_one_line",
                condition=(Q(title="") | Q(title__regex=r"\S")) & ~Q(title__regex="[[:cntrl:]]"),
                violation_error_message=_("Write the title on one line."),
            ),
            models.CheckConstraint(
                name="offer_grades_are_in_order",
                condition=Q(grade_from__isnull=True) | Q(grade_to__isnull=True) | Q(grade_from__lte=F("grade_to")),
                violation_error_message=_("The first grade must not be above the last."),
            ),
            models.CheckConstraint(
                name="offer_group_sizes_are_in_order",
                condition=Q(min_pupils__isnull=True) | Q(max_pupils__isnull=True) | Q(min_pupils__lte=F("max_pupils")),
                violation_error_message=_("The smallest group must not be larger than the largest."),
            ),
            models.CheckConstraint(
                name="offer_opens_before_it_closes",
                condition=Q(opens_days__isnull=True) | Q(opens_days__gt=F("closes_days")),
                violation_error_message=_("Enrolment must open more days before than it closes."),
            ),
            models.CheckConstraint(
                name="offer_adults_are_counted_among_pupils",
                condition=Q(counts_adults=False) | Q(places_counted="pupils"),
                violation_error_message=_("Adults can take places only where places are counted in pupils."),
            ),
            models.CheckConstraint(
                name="offer_has_at_least_one_date",
                condition=Q(meetings__gte=1),
                violation_error_message=_("A course has at least one date."),
            ),
            models.CheckConstraint(
                name="offer_published_is_whole",
                condition=~Q(state="published")
                | (
                    ~Q(title="")
                    & ~Q(description="")
                    & Q(activity_type__isnull=False, industry__isnull=False)
                    & Q(duration_minutes__gte=1, places__gte=1)
                    & Q(published_at__isnull=False)
                ),
                violation_error_message=_(
                    "A course can be published when title, description, activity type, industry, duration and places"
                    " are filled in."
                ),
            ),
            models.CheckConstraint(
                name="offer_paused_says_why",
                condition=~Q(state="paused") | ~Q(pause_reason=""),
                violation_error_message=_("Write why the course is paused; teachers will read it."),
            ),
        ]

    def __str__(self) -> str:
        return self.title or str(_("Course without a title"))

    @property
    def slug(self) -> str:
        """Readable end of the address; the id decides."""
        folded = self.title.lower().replace("æ", "ae").replace("ø", "oe").replace("å", "aa")
        return slugify(folded)[:60].strip("-") or "forloeb"

    @property
    def price_kr(self) -> str:
        """The price in kroner, without decimals when there are none."""
        kroner, ore = divmod(self.price_ore, 100)
        return f"{kroner},{ore:02d}" if ore else str(kroner)

    @property
    def job_list(self) -> list[str]:
        """The jobs one meets, one by one."""
        return [job.strip() for job in self.jobs.split(",") if job.strip()]

    def suits(self, grades: range) -> bool:
        """Return whether any of the grades is among those the course is made for (none given: all)."""
        if self.grade_from is None or self.grade_to is None:
            return True
        return any(self.grade_from <= grade <= self.grade_to for grade in grades)

    def is_fresh(self, on: date, freshness_days: int) -> bool:
        """Return whether somebody has confirmed the course within the municipality's freshness (days)."""
        if self.last_confirmed_at is None:
            return False
        confirmed: datetime = timezone.localtime(self.last_confirmed_at)
        return (on - confirmed.date()).days <= freshness_days

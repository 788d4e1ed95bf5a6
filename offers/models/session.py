"""Sessions and their meetings: what a class is enrolled in, and when it meets."""

import uuid
from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from offers.models.offer import Offer


class SessionQuerySet(models.QuerySet["Session"]):
    """Questions to the sessions."""

    def locked(self) -> "SessionQuerySet":
        """Hold the rows until the transaction ends: whoever makes places scarcer goes through here."""
        return self.select_for_update(of=("self",)).order_by("pk")

    def visible(self) -> "SessionQuerySet":
        """Sessions of published courses that are not only planned and not cancelled."""
        return self.filter(state=Session.State.OPEN, offer__state=Offer.State.PUBLISHED)

    def bookable(self, now: datetime) -> "SessionQuerySet":
        """Visible, and enrolment (or the waiting list) is open."""
        return self.visible().filter(opens_at__lte=now, closes_at__gt=now)

    def with_places(self) -> "SessionQuerySet":
        """Not full: the smallest group that may come fits (see :attr:`Session.smallest_group`)."""
        smallest = Case(
            When(
                offer__places_counted=Offer.Counted.PUPILS,
                then=Coalesce("min_pupils", "offer__min_pupils", Value(1))
                + Case(When(offer__counts_adults=True, then=1), default=0),
            ),
            default=1,
        )
        return self.filter(places__gte=F("places_taken") + smallest)

    def upcoming(self, now: datetime) -> "SessionQuerySet":
        """Not begun yet."""
        return self.filter(starts_at__gt=now)


class Session(models.Model):
    """One bookable occasion of an offer: what a class is enrolled in.

    Places are counted in pupils or in classes, as the offer says. ``places_taken`` is moved only by the steps in
    ``offers.domain.places``, which expect the row to be locked; the constraint is there for everyone who forgets.
    ``starts_at`` and ``ends_at`` are those of the first and last meeting.
    """

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        OPEN = "open", _("open")
        HELD = "held", _("held")
        CANCELLED = "cancelled", _("cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    offer = models.ForeignKey(
        Offer,
        on_delete=models.PROTECT,
        related_name="sessions",
        verbose_name=pgettext_lazy("an offer", "course"),
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.OPEN)
    places = models.PositiveSmallIntegerField(_("places"))
    places_taken = models.PositiveSmallIntegerField(_("places taken"), default=0, db_default=0, editable=False)
    opens_at = models.DateTimeField(_("enrolment opens"))
    closes_at = models.DateTimeField(_("enrolment closes"))
    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends"))
    min_pupils = models.PositiveSmallIntegerField(
        _("at least (pupils)"), null=True, blank=True, help_text=_("Empty: as the course says.")
    )
    max_pupils = models.PositiveSmallIntegerField(
        _("at most of one class (pupils)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
        help_text=_("Empty: as the course says."),
    )
    draw_at = models.DateTimeField(
        _("the draw is at"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Requests from the opening until then hold nothing; lots decide their order."),
    )
    drawn_at = models.DateTimeField(_("drawn"), null=True, blank=True, editable=False)
    note = models.CharField(_("note to teachers"), max_length=300, blank=True)
    cancel_reason = models.CharField(_("why it was cancelled"), max_length=300, blank=True)
    sequence = models.PositiveIntegerField(
        default=0, editable=False, help_text="SEQUENCE of the calendar entry (RFC 5545)."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ["starts_at"]
        indexes = [
            models.Index(fields=["offer", "starts_at"], name="session_of_offer"),
            models.Index(fields=["starts_at"], name="session_open", condition=Q(state="open")),
            models.Index(fields=["starts_at"], name="session_by_start"),
            models.Index(
                fields=["draw_at"],
                name="session_to_be_drawn",
                condition=Q(draw_at__isnull=False, drawn_at__isnull=True),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="session_is_never_overbooked",
                condition=Q(places_taken__lte=F("places")),
                violation_error_message=_("There are not enough places left."),
            ),
            models.CheckConstraint(
                name="session_has_at_least_one_place",
                condition=Q(places__gte=1),
                violation_error_message=_("A session has at least one place."),
            ),
            models.CheckConstraint(
                name="session_ends_after_it_begins",
                condition=Q(ends_at__gt=F("starts_at")),
                violation_error_message=_("The end must be after the beginning."),
            ),
            models.CheckConstraint(
                name="session_closes_before_it_begins",
                condition=Q(closes_at__lte=F("starts_at")),
                violation_error_message=_("Enrolment must close before the session begins."),
            ),
            models.CheckConstraint(
                name="session_opens_before_it_closes",
                condition=Q(opens_at__lt=F("closes_at")),
                violation_error_message=_("Enrolment must open before it closes."),
            ),
            models.CheckConstraint(
                name="session_draws_while_it_is_open",
                condition=Q(draw_at__isnull=True)
                | Q(drawn_at__isnull=False)
                | (Q(draw_at__gt=F("opens_at")) & Q(draw_at__lte=F("closes_at"))),
                violation_error_message=_("The draw must be after enrolment opens and before it closes."),
            ),
            models.CheckConstraint(
                name="session_group_sizes_are_in_order",
                condition=Q(min_pupils__isnull=True) | Q(max_pupils__isnull=True) | Q(min_pupils__lte=F("max_pupils")),
                violation_error_message=_("The smallest group must not be larger than the largest."),
            ),
            models.CheckConstraint(
                name="session_cancelled_says_why",
                condition=~Q(state="cancelled") | ~Q(cancel_reason=""),
                violation_error_message=_("Write why the session is cancelled; the classes will read it."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.offer}, {timezone.localtime(self.starts_at):%d.%m.%Y %H:%M}"

    @property
    def places_left(self) -> int:
        """Free places, counted as the offer counts them."""
        return max(self.places - self.places_taken, 0)

    @property
    def least_pupils(self) -> int:
        """The fewest pupils that may come in one group: as the session says, else as the course does."""
        return self.min_pupils or self.offer.min_pupils or 1

    @property
    def most_pupils(self) -> int | None:
        """The most pupils that may come in one group, or None where only the places decide."""
        return self.max_pupils or self.offer.max_pupils

    @property
    def smallest_group(self) -> int:
        """Places that the smallest group takes that may come, its one adult included where adults count."""
        if self.offer.places_counted != Offer.Counted.PUPILS:
            return 1
        return self.least_pupils + (1 if self.offer.counts_adults else 0)

    @property
    def is_full(self) -> bool:
        """Whether not even the smallest group fits."""
        return self.places_left < self.smallest_group

    def is_closed(self, now: datetime) -> bool:
        """Return whether enrolment has closed."""
        return now >= self.closes_at


class Meeting(models.Model):
    """One date of a session. A course of three afternoons is one session with three meetings."""

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        HELD = "held", _("held")
        NOT_HELD = "not_held", _("not held")
        CANCELLED = "cancelled", _("cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="meetings", verbose_name=_("session"))
    number = models.PositiveSmallIntegerField(_("number"), default=1)
    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(_("ends"))
    place = models.CharField(_("place"), max_length=300, blank=True)
    cancel_reason = models.CharField(_("why it was cancelled"), max_length=300, blank=True)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.PLANNED)

    class Meta:
        verbose_name = _("date")
        verbose_name_plural = _("dates")
        ordering = ["session", "number"]
        indexes = [models.Index(fields=["starts_at"], name="meeting_planned", condition=Q(state="planned"))]
        constraints = [
            models.CheckConstraint(
                name="meeting_ends_after_it_begins",
                condition=Q(ends_at__gt=F("starts_at")),
                violation_error_message=_("The end must be after the beginning."),
            ),
            models.UniqueConstraint(name="meeting_number_is_used_once", fields=["session", "number"]),
        ]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.starts_at):%d.%m.%Y %H:%M}"

"""The secret address at which a calendar program reads a person's visits again and again.

One for each person: made, renewed and withdrawn on the own page. It opens the dates and nothing else, and ends with
the account. Reading it changes nothing.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from portal.domain import audit, links
from portal.domain.actor import Actor
from portal.models import Link, User


def address(link: Link) -> str:
    """Return the whole secret address, always on the configured origin."""
    return settings.ORIGIN + reverse("calendar-feed", args=[links.token(link)])


def link_of(person: User, now: datetime) -> Link | None:
    """Return the living link of a person's calendar."""
    return Link.objects.about(Link.Purpose.CALENDAR, person.pk).live(now).first()


def reader(secret: str, *, now: datetime) -> User | None:
    """Return whose calendar a token opens; None when there never was such a token.

    Raises LinkEnded when it has expired, was renewed or withdrawn, or its account is closed.
    """
    link = links.find(secret, now=now)
    if link is None or link.purpose != Link.Purpose.CALENDAR:
        return None
    person = User.objects.filter(pk=link.reference_id, is_active=True).first()
    if person is None:
        raise links.LinkEnded(link)
    return person


@transaction.atomic(durable=True)
def make_feed(*, by: Actor, now: datetime) -> Link:
    """Give the person who asks an address for their calendar; asking again returns the one there is."""
    person = _person(by)
    link = Link.objects.about(Link.Purpose.CALENDAR, person.pk).first()
    if link is None:
        link = links.ensure(purpose=Link.Purpose.CALENDAR, reference_id=person.pk, now=now)
    elif link.has_ended(now):
        link = links.reissue(link, now=now)
    else:
        return link
    audit.record(by, "calendar-feed-made", person, at=now)
    return link


@transaction.atomic(durable=True)
def renew_feed(*, by: Actor, now: datetime) -> Link:
    """Give the calendar a new address; whoever reads by the old one gets nothing from now on."""
    person = _person(by)
    link = links.reissue(links.ensure(purpose=Link.Purpose.CALENDAR, reference_id=person.pk, now=now), now=now)
    audit.record(by, "calendar-feed-renewed", person, at=now)
    return link


@transaction.atomic(durable=True)
def withdraw_feed(*, by: Actor, now: datetime) -> None:
    """Close the calendar's address. Closing it again changes nothing."""
    person = _person(by)
    if links.revoke(purpose=Link.Purpose.CALENDAR, reference_id=person.pk, now=now):
        audit.record(by, "calendar-feed-withdrawn", person, at=now)


def _person(by: Actor) -> User:
    """Return who asks, the row held; only people have a calendar here: of a link or a job there is no row."""
    return User.objects.select_for_update().get(pk=by.user_id)

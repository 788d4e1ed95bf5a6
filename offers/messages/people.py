"""Mails about people who change: a teacher has got another school."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.domain.outbox import Letter, Occasion
from portal.models import Message, User
from schools.domain import membership
from schools.models import School


def is_wanted(message: Message, now: datetime) -> bool:
    """Return whether the person still has a role at the school."""
    person = User.objects.filter(pk=message.reference_id, is_active=True).first()
    return person is not None and membership.belongs_to(person, message.parameters["school"])


def school_changed(message: Message, now: datetime) -> Letter:
    """Return the mail that welcomes a person at another school."""
    person = User.objects.get(pk=message.reference_id)
    school = School.objects.get(pk=message.parameters["school"])
    context = {
        "name": person.get_short_name(),
        "title": _("Your school"),
        "sentences": [
            _("The municipality has noted that you now work at %(school)s.") % {"school": school.name},
            _("You can enrol the classes there. What you had enrolled at your former school is no longer yours."),
        ],
        "facts": [],
        "url": settings.ORIGIN + reverse("my-enrolments"),
        "label": _("See your enrolments"),
        "reason": _("You get this mail because you have an account."),
    }
    subject = _("You are now at %(school)s") % {"school": school.name}
    return Letter(subject=subject, context=context, template="enrolment")


OCCASIONS = {"school_changed": Occasion(still_wanted=is_wanted, letter=school_changed)}

"""The database has the last word; here it is translated to a sentence."""

from django.apps import apps
from django.db import IntegrityError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


def name_of(error: IntegrityError) -> str:
    """Return the name of the constraint that was violated, or an empty text."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) or ""


def sentence_for(error: IntegrityError) -> str | Promise:
    """Return what the violated constraint wants to say to a person."""
    name = name_of(error)
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if constraint.name == name and constraint.violation_error_message:
                return constraint.violation_error_message
    return _("This does not fit with what is already there. Reload the page and try again.")

"""The free text about a class's needs: who may read it, that each reading is noted, and what does not belong in it."""

import re
import unicodedata
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from offers.domain import places, planning
from offers.models import Enrolment, Session
from portal.domain import audit
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal

# Words by which a text names an illness or a diagnosis: such data are hardly ever needed to receive a class
# (GDPR Art. 9). What the host must *do* is enough.
DIAGNOSES = re.compile(
    r"\b(adhd|add|ocd|ptsd|asperger\w*|autis\w*|diagnos\w*|tourette\w*|epilep\w*|diabet\w*|sukkersyg\w*|depress\w*"
    r"|angst(?:lidelse|diagnose)?|spiseforstyr\w*|anoreksi\w*|bulimi\w*|skizofren\w*|psyk(?:iatr|ose|isk)\w*|spasti\w*"
    r"|cerebral\w*|downs?|muskelsvind|leukæmi|kræft\w*|hiv|ordblind\w*|dyslek\w*|selvskad\w*|mutis\w*|medicin\w*"
    r"|ritalin|insulin|epipen)\b",
    re.IGNORECASE,
)
# A word with a capital letter within a sentence is a name in Danish; at its beginning only what is a common name.
WITHIN = re.compile(r"(?<![.!?:\n])[ \t,(/&-]+([A-ZÆØÅ][a-zæøåéü]{2,})\b")
COMMON = """
adam agnes aksel alberte alfred alma anna anton arthur asta august aya bertram carl caroline clara edith elias
ella ellen emil emilie emma ester felix filip frederik freja frida gustav hannah ida isabella jakob johan
josefine karla konrad laura laurits liam liva luca lucas ludvig lærke magnus malou malthe maria marie mathilde
mia mikkel mohammad muhammad nanna noah nohr nora oliver olivia oscar otto rosa saga sara sebastian sofia sofie
storm thea theo theodor tilde valdemar valentin vera victor vigga viggo villads vilma william
"""
FIRST_NAMES = frozenset(COMMON.split())


def hint(text: str) -> str:
    """Return what in the text seems to name a diagnosis or a pupil, or nothing. A guess, to be asked about."""
    composed = unicodedata.normalize("NFC", text)
    if found := DIAGNOSES.search(composed):
        return str(found.group(0))
    for sentence in map(str.strip, re.split(r"[.!?\n]+", composed)):
        words = re.findall(r"\w+", sentence)
        if words and words[0][:1].isupper() and words[0].lower() in FIRST_NAMES:
            return str(words[0])
        if found := WITHIN.search(sentence):
            return str(found.group(1))
    return ""


def readable_until(session: Session) -> datetime:
    """Return when the texts of a session's classes end: 30 days after the visit, or sooner where it is so chosen."""
    until: datetime = session.ends_at + timedelta(days=places.the_municipality().keep_needs_days)
    return until


def is_readable(enrolment: Enrolment, *, now: datetime) -> bool:
    """Return whether there is a text, and its time is not up."""
    return bool(enrolment.needs_text) and now < readable_until(enrolment.session)


@transaction.atomic(durable=True)
def read_needs(*, enrolment_id: UUID, by: Actor, now: datetime) -> str:
    """Return the text about a class's needs, and note in the log who read it.

    By the class's host, once the school has decided itself, and by coordinators. Raises Refusal for others, and when
    there is nothing (any more).
    """
    enrolment = Enrolment.objects.select_related("session__offer").get(pk=enrolment_id)
    is_known = enrolment.leader_answer != Enrolment.LeaderAnswer.AWAITED
    if not (by.is_coordinator or (planning.hosts(enrolment.session.offer, by) and is_known)):
        raise Refusal(_("Only the host and the municipality's coordinators read this."), code="not-yours")
    if not is_readable(enrolment, now=now):
        raise Refusal(_("There is nothing written, or it has been deleted."), code="nothing-written")
    audit.record(by, "needs-read", enrolment, at=now)
    return enrolment.needs_text

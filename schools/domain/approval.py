"""A school may demand that its leader approves every enrolment by a teacher."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from portal.domain import audit
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from schools.domain import membership
from schools.models import School


def is_needed(school: School, by: Actor) -> bool:
    """Return whether an enrolment by this actor waits for a leader of the school.

    Not when a leader or a coordinator enrols; nor while the school has no leader with an account, for then nobody
    could answer.
    """
    if not school.leader_approves or by.is_coordinator:
        return False
    if by.user_id is not None and membership.leads(by.user_id, school.pk):
        return False
    return membership.leaders_of(school).exists()


@transaction.atomic(durable=True)
def demand_approval(*, school_id: UUID, demanded: bool, by: Actor, now: datetime) -> School:
    """Decide whether enrolments by the school's teachers wait for its leader. By a leader of it, or a coordinator.

    What waits already goes on waiting when it is switched off: it has been promised to the leader.
    """
    school = School.objects.select_for_update(of=("self",)).get(pk=school_id)
    if not (by.is_coordinator or (by.user_id is not None and membership.leads(by.user_id, school.pk))):
        raise Refusal(_("Only the school's leader and the municipality decide this."), code="not-yours")
    if school.leader_approves != demanded:
        school.leader_approves = demanded
        school.save(update_fields=["leader_approves"])
        audit.record(by, "school-approval-demanded" if demanded else "school-approval-dropped", school, at=now)
    return school

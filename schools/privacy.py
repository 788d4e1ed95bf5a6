"""What the schools' side holds about people."""

from datetime import datetime

from portal.domain.privacy import Eraser, Holding, Subject
from portal.privacy import ACCOUNTS, KEPT, NOTHING, ORGANISATION, ORGANISATIONS, WITH_ACCOUNT, of_user
from schools.models import Membership

HOLDINGS = [
    Holding(
        model="schools.School",
        purpose=ORGANISATIONS,
        keep=ORGANISATION,
        name="name",
        contact="address postal_code city phone",
        none="id kind grade_from grade_to closed_on institution_number leader_approves merged_into",
        untouched="name address postal_code city",
    ),
    Holding(
        model="schools.SchoolClass",
        purpose=NOTHING,
        keep=KEPT,
        none="id school start_year letter name grade_from grade_to pupils is_active",
    ),
    Holding(
        model="schools.Membership",
        purpose=ACCOUNTS,
        keep=WITH_ACCOUNT,
        pseudonym="user",
        none="id school role own_classes ended_on unconfirmed_since",
        of=of_user("schools.Membership"),
    ),
]


def erase_memberships(subject: Subject, now: datetime) -> int:
    """Delete the person's roles at schools."""
    if not subject.is_user:
        return 0
    count = Membership.objects.filter(user=subject.id).count()
    Membership.objects.filter(user=subject.id).delete()
    return count


ERASERS = [Eraser(name="memberships", run=erase_memberships)]

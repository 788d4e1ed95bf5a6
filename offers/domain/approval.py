"""A school's leader answers for the school, where the school wants that (``schools.domain.approval``).

The leader is asked the moment a teacher enrols, also when the class goes into line: so the answer is there long before
a place is offered. A request holds its places while the leader is asked, for as long as any request does; then it
expires, and the teacher and the coordinators are told. The host is asked, or told, only after the leader's yes.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from offers.domain import notices, places, planning, waiting_list
from offers.models import Enrolment, Offer
from portal.domain import audit
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from schools.domain import membership

Status = Enrolment.Status
Answer = Enrolment.LeaderAnswer


@transaction.atomic(durable=True)
def answer_for_school(*, enrolment_id: UUID, approve: bool, reason: str = "", by: Actor, now: datetime) -> Enrolment:
    """Say yes or no for the school; a no needs a reason, which the teacher reads. By a leader of the school.

    A yes confirms what holds its places, or passes it on to the host where the host answers each request; in line, the
    class keeps its turn. Who came out of the line had said yes to an offered place, and the leader's yes completes that
    one: the class is confirmed without the host being asked, and no longer waits for the course's other dates. A no
    gives the places to those who wait. The same answer again changes nothing; another answer afterwards is refused.
    """
    others = waiting_list.hold_other_waits(enrolment_id)
    enrolment = places.locked_enrolment(enrolment_id)
    session = enrolment.session
    if by.user_id is None or not membership.leads(by.user_id, enrolment.school_id):
        raise Refusal(_("Only a leader of the school answers for it."), code="not-yours")
    if enrolment.leader_answer == (Answer.APPROVED if approve else Answer.DECLINED):
        return enrolment
    if enrolment.leader_answer != Answer.AWAITED or enrolment.status not in Status.active():
        raise Refusal(
            _("The enrolment has been answered or withdrawn meanwhile: %(status)s.")
            % {"status": enrolment.get_status_display()},
            code="answered",
        )
    if now >= session.starts_at:
        raise Refusal(_("The session has begun; the request can no longer be answered."), code="begun")
    if not approve:
        reason = reason.strip()
        if not reason:
            raise Refusal(_("Write why not; the teacher will read it."), code="reason", field="reason")
        places.end(enrolment, Status.DECLINED, reason=reason[:300], by=by, now=now)
        places.answer_for_leader(enrolment, Answer.DECLINED)
        notices.tell_teacher(enrolment, "enrolment_declined", now=now)
        notices.tell_host_it_came_to_nothing(enrolment, now=now)
        planning.close_without_class(session, enrolment, by=by, now=now)
        places.offer_to_line(session, by=by, now=now)
        return enrolment
    places.answer_for_leader(enrolment, Answer.APPROVED)
    audit.record(by, "enrolment-approved-by-leader", enrolment, at=now)
    if enrolment.status != Status.PENDING:
        return enrolment
    from_line = waiting_list.came_from_line(enrolment)
    host_answers = session.offer.acceptance == Offer.Acceptance.MANUAL and not from_line
    if host_answers and not notices.came_of_a_dialogue(enrolment):
        places.await_answer(enrolment, by=by, now=now)
        notices.tell_teacher(enrolment, "enrolment_pending", now=now, key="approved")
        notices.ask_host(enrolment, now=now)
        return enrolment
    places.confirm(enrolment, by=by, now=now)
    notices.tell_host_of_confirmed(enrolment, now=now)
    if from_line:
        waiting_list.end_other_waits(others, enrolment, by=by, now=now)
    return enrolment

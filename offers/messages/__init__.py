"""Why the portal writes to people about courses: per occasion, whether it is still wanted and what it says."""

from django.utils.translation import gettext_lazy

from offers.messages import authoring, enrolment, followup, links, people

OCCASIONS = {
    **authoring.OCCASIONS,
    **enrolment.OCCASIONS,
    **followup.OCCASIONS,
    **links.OCCASIONS,
    **people.OCCASIONS,
}
HOLDERS = links.HOLDERS
# What the desk calls each mail before it is written.
NAMES = {
    "invite": gettext_lazy("an invitation to describe a course"),
    "invite_reminder": gettext_lazy("a reminder of an invitation"),
    "offer_submitted": gettext_lazy("a course that was sent for review"),
    "offer_sent_back": gettext_lazy("a course that was sent back"),
    "offer_published": gettext_lazy("a course that was published"),
    "offer_rejected": gettext_lazy("a course that was rejected"),
    "offer_freshness": gettext_lazy("a course to confirm"),
    "offer_expired": gettext_lazy("a course that ran out"),
    "visit_reminder": gettext_lazy("a reminder of a visit"),
    "host_day_sheet": gettext_lazy("the host's day sheet"),
    "visit_confirm": gettext_lazy("a question whether a visit took place"),
    "survey_teacher": gettext_lazy("a survey for the teacher"),
    "survey_host": gettext_lazy("a survey for the host"),
    "survey_reminder": gettext_lazy("a reminder of a survey"),
    "visit_disputed": gettext_lazy("a visit with two answers"),
    "link_sent_on": gettext_lazy("a link that was sent on"),
    "link_again": gettext_lazy("a link asked for anew"),
    "school_changed": gettext_lazy("a new school"),
    "session_moved": gettext_lazy("a date that was moved"),
    "host_session_moved": gettext_lazy("a date that was moved, to the host"),
    "coordinator_session_moved": gettext_lazy("a date that was moved, to the coordinators"),
    "enrolment_confirmed": gettext_lazy("an enrolment that is confirmed"),
    "enrolment_in_draw": gettext_lazy("a class in the draw"),
    "enrolment_pending": gettext_lazy("a request that waits"),
    "enrolment_waitlisted": gettext_lazy("a class on the waiting list"),
    "enrolment_handed_over": gettext_lazy("an enrolment taken over"),
    "enrolment_handed_on": gettext_lazy("an enrolment handed on"),
    "host_new_teacher": gettext_lazy("another contact teacher, to the host"),
    "place_offered": gettext_lazy("a place that is offered"),
    "place_expired": gettext_lazy("an offered place that went on"),
    "enrolment_cancelled": gettext_lazy("an enrolment that was cancelled"),
    "enrolment_declined": gettext_lazy("a request that was declined"),
    "request_expired": gettext_lazy("a request that ran out"),
    "session_cancelled": gettext_lazy("a date that was cancelled"),
    "host_new_enrolment": gettext_lazy("a new enrolment, to the host"),
    "host_request": gettext_lazy("a request, to the host"),
    "host_changed_enrolment": gettext_lazy("a changed enrolment, to the host"),
    "host_cancelled_enrolment": gettext_lazy("a cancelled enrolment, to the host"),
    "leader_request": gettext_lazy("a request, to the school's leader"),
    "coordinator_request": gettext_lazy("a request, to the coordinators"),
    "coordinator_request_expired": gettext_lazy("a request that ran out, to the coordinators"),
    "coordinator_cancelled": gettext_lazy("a cancelled enrolment, to the coordinators"),
    "host_session_cancelled": gettext_lazy("a cancelled date, to the host"),
    "coordinator_session_cancelled": gettext_lazy("a cancelled date, to the coordinators"),
    "coordinator_place_free": gettext_lazy("a free place, to the coordinators"),
}

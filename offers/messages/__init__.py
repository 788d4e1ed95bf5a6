"""Why the portal writes to people about courses: per occasion, whether it is still wanted and what it says."""

from offers.messages import authoring, enrolment, followup, links, people

OCCASIONS = {
    **authoring.OCCASIONS,
    **enrolment.OCCASIONS,
    **followup.OCCASIONS,
    **links.OCCASIONS,
    **people.OCCASIONS,
}
HOLDERS = links.HOLDERS

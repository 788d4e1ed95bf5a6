"""The meeting: courses, sessions, enrolments and what comes of them."""

from offers.models.agreement import Agreement, AgreementVersion, Signature
from offers.models.dialogue import Dialogue, DialogueEntry, ProposedTime, Question
from offers.models.encounter import Encounter, VisitReport
from offers.models.enrolment import Enrolment
from offers.models.invite import Invite
from offers.models.material import Material
from offers.models.move import MoveAnswer, MoveProposal, ProposedMeeting
from offers.models.offer import Offer
from offers.models.revision import ReviewComment, Revision
from offers.models.session import Meeting, Session
from offers.models.survey import SurveyRequest

__all__ = [
    "Agreement",
    "AgreementVersion",
    "Dialogue",
    "DialogueEntry",
    "Encounter",
    "Enrolment",
    "Invite",
    "Material",
    "Meeting",
    "MoveAnswer",
    "MoveProposal",
    "Offer",
    "ProposedMeeting",
    "ProposedTime",
    "Question",
    "ReviewComment",
    "Revision",
    "Session",
    "Signature",
    "SurveyRequest",
    "VisitReport",
]

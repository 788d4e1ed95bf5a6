"""What the ground knows: the municipality, people, vocabularies, links, messages, the log, jobs."""

from portal.models.account import MunicipalRole, User
from portal.models.audit import AuditEntry
from portal.models.job import DemoClock, Document, DocumentJob, Heartbeat
from portal.models.link import FormerAddress, Link
from portal.models.message import Message
from portal.models.municipality import CalendarPeriod, MoveDefault, Municipality, OrganisationModel, PriorityFor
from portal.models.privacy import Erasure, ErasureRequest, LegalHold, SubjectKind
from portal.models.sign_in import SignInCode
from portal.models.suppression import Suppression
from portal.models.table import PendingTable
from portal.models.tally import Tally
from portal.models.upload import Upload
from portal.models.vocabulary import ActivityType, EducationArea, Industry, IndustryCode, Subject, Vocabulary

__all__ = [
    "ActivityType",
    "AuditEntry",
    "CalendarPeriod",
    "DemoClock",
    "Document",
    "DocumentJob",
    "EducationArea",
    "Erasure",
    "ErasureRequest",
    "FormerAddress",
    "Heartbeat",
    "Industry",
    "IndustryCode",
    "LegalHold",
    "Link",
    "Message",
    "MoveDefault",
    "MunicipalRole",
    "Municipality",
    "OrganisationModel",
    "PendingTable",
    "PriorityFor",
    "SignInCode",
    "Subject",
    "SubjectKind",
    "Suppression",
    "Tally",
    "Upload",
    "User",
    "Vocabulary",
]

"""What the ground knows: the municipality, people, vocabularies, links, messages, the log, jobs."""

from portal.models.account import MunicipalRole, User
from portal.models.audit import AuditEntry
from portal.models.job import DemoClock, Document, DocumentJob, Heartbeat
from portal.models.link import FormerAddress, Link
from portal.models.message import Message
from portal.models.municipality import CalendarPeriod, Municipality, OrganisationModel
from portal.models.sign_in import SignInCode
from portal.models.table import PendingTable
from portal.models.tally import Tally
from portal.models.vocabulary import ActivityType, EducationArea, Industry, IndustryCode, Subject, Vocabulary

__all__ = [
    "ActivityType",
    "AuditEntry",
    "CalendarPeriod",
    "DemoClock",
    "Document",
    "DocumentJob",
    "EducationArea",
    "FormerAddress",
    "Heartbeat",
    "Industry",
    "IndustryCode",
    "Link",
    "Message",
    "MunicipalRole",
    "Municipality",
    "OrganisationModel",
    "PendingTable",
    "SignInCode",
    "Subject",
    "Tally",
    "User",
    "Vocabulary",
]

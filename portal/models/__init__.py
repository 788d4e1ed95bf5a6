"""What the ground knows: the municipality, people, vocabularies, links, messages, the log, jobs."""

from portal.models.account import MunicipalRole, User
from portal.models.audit import AuditEntry
from portal.models.job import DemoClock, Document, DocumentJob, Heartbeat
from portal.models.link import Link
from portal.models.message import Message
from portal.models.municipality import CalendarPeriod, Municipality
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
    "Heartbeat",
    "Industry",
    "IndustryCode",
    "Link",
    "Message",
    "MunicipalRole",
    "Municipality",
    "Subject",
    "Upload",
    "User",
    "Vocabulary",
]

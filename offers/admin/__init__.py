"""The coordinator's desk: lists, review, dates, deeds and the overview. Companies and schools are completed here."""

from offers.admin import company, dialogue, enrolment, followup, links, member, offer, personal_data, school, session

__all__ = [
    "company",
    "dialogue",
    "enrolment",
    "followup",
    "links",
    "member",
    "offer",
    "personal_data",
    "school",
    "session",
]

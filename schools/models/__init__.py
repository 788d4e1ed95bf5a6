"""The guests."""

from schools.models.membership import Membership
from schools.models.school import School
from schools.models.school_class import SchoolClass, school_year_of

__all__ = ["Membership", "School", "SchoolClass", "school_year_of"]

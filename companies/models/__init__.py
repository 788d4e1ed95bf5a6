"""The hosts."""

from companies.models.company import Company, Contact

__all__ = ["Company", "Contact"]

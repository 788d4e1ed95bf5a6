"""Steps about companies and their contacts."""

from datetime import datetime

import pytest

from companies.domain import relations
from companies.models import Company, Contact
from portal.domain.actor import Actor
from portal.models import AuditEntry, Industry
from tests import factories

pytestmark = pytest.mark.django_db
BY = Actor.job("test")


def test_a_new_company_is_a_lead_with_its_industries(now: datetime) -> None:
    industry = Industry.objects.get(slug="industri")
    company = relations.create_company(name=" Tangvig Smedje ", by=BY, now=now, industries=[industry], city="Fjordby")
    assert (company.name, company.state, company.city) == ("Tangvig Smedje", Company.State.LEAD, "Fjordby")
    assert list(company.industries.all()) == [industry]


def test_the_same_address_stands_once_at_a_company(now: datetime) -> None:
    company = factories.CompanyFactory.create()
    first = relations.add_contact(company=company, name="Mette", email="Mette@Tangvig.example", by=BY, now=now)
    again = relations.add_contact(company=company, name="Mette T.", email="mette@tangvig.example ", by=BY, now=now)
    assert again == first
    assert Contact.objects.count() == 1


def test_a_relation_moves_once_and_only_from_where_it_may() -> None:
    company = factories.CompanyFactory.create(state=Company.State.LEAD)
    assert relations.become(company, Company.State.CONTACTED, by=BY, only_from=[Company.State.LEAD])
    assert not relations.become(company, Company.State.CONTACTED, by=BY)
    assert not relations.become(company, Company.State.INTERESTED, by=BY, only_from=[Company.State.LEAD])
    assert Company.objects.get(pk=company.pk).state == Company.State.CONTACTED
    assert list(AuditEntry.objects.values_list("action", "facts")) == [("company-contacted", {"before": "lead"})]

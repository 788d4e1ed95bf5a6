"""Factories free of surprises: the smallest valid row, and nothing behind one's back."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import factory
from allauth.mfa.totp.internal.auth import TOTP
from django.db import transaction
from django.utils import timezone

from companies.models import Company, Contact
from offers.models import Enrolment, Meeting, Offer, Session
from portal.domain import uploads
from portal.models import ActivityType, Industry, Municipality, MunicipalRole, Subject, Upload, User
from schools.models import Membership, School, SchoolClass


class MunicipalityFactory(factory.django.DjangoModelFactory[Municipality]):
    class Meta:
        model = Municipality
        django_get_or_create = ("id",)

    id = 1
    name = "Fjordby Kommune"
    contact_email = "aabenskole@fjordby.example"
    sender_name = "Åben skole i Fjordby"


def upload(*, owner: Any, kind: str = "picture", content: bytes = b"", alt_text: str = "") -> Upload:
    """Keep a file as if it had been examined: a picture, a logo or a document with some bytes in it."""
    form = {"picture": "jpg", "logo": "webp", "document": "pdf"}[kind]
    content = content or {"jpg": b"\xff\xd8\xff", "webp": b"RIFF", "pdf": b"%PDF-"}[form] + kind.encode()
    digest = hashlib.sha256(kind.encode() + content).hexdigest()
    file = uploads.SafeFile(
        kind=kind, format=form, name=f"fil.{form}", content=content, digest=digest, width=640, height=360
    )
    with transaction.atomic():
        return uploads.keep(file, owner=owner, now=timezone.now(), alt_text=alt_text)


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@skole.fjordby.example")
    name = factory.Sequence(lambda n: f"Person {n}")
    password = "!"


# With which the people of the municipality have set up their authenticator app.
APP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


class StaffFactory(UserFactory):
    """Somebody of the municipality with a second factor: without one, no role opens anything."""

    class Meta:
        model = User
        abstract = True
        skip_postgeneration_save = True

    is_staff = True

    @factory.post_generation
    def second_factor(self: User, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        if extracted is not False:
            TOTP.activate(self, APP_SECRET)


class CoordinatorFactory(StaffFactory):
    @factory.post_generation
    def role(self: User, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        MunicipalRole.objects.create(user=self, role=MunicipalRole.Role.COORDINATOR)


class AdministratorFactory(StaffFactory):
    @factory.post_generation
    def role(self: User, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        MunicipalRole.objects.create(user=self, role=MunicipalRole.Role.ADMINISTRATOR)


class ReviewerFactory(StaffFactory):
    @factory.post_generation
    def role(self: User, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        MunicipalRole.objects.create(user=self, role=MunicipalRole.Role.REVIEWER)


class OperatorFactory(StaffFactory):
    @factory.post_generation
    def role(self: User, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        MunicipalRole.objects.create(user=self, role=MunicipalRole.Role.OPERATOR)


class SchoolFactory(factory.django.DjangoModelFactory[School]):
    class Meta:
        model = School

    name = factory.Sequence(lambda n: f"Skole {n}")


class SchoolClassFactory(factory.django.DjangoModelFactory[SchoolClass]):
    """A cohort: 7.A in the school year 2026/27."""

    class Meta:
        model = SchoolClass

    school = factory.SubFactory(SchoolFactory)
    start_year = 2019
    letter = factory.Sequence(lambda n: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n % 26] + ("" if n < 26 else str(n // 26)))
    pupils = 24


class MembershipFactory(factory.django.DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    school = factory.SubFactory(SchoolFactory)
    role = Membership.Role.TEACHER


class CompanyFactory(factory.django.DjangoModelFactory[Company]):
    class Meta:
        model = Company

    name = factory.Sequence(lambda n: f"Virksomhed {n}")
    state = Company.State.ACTIVE


class ContactFactory(factory.django.DjangoModelFactory[Contact]):
    class Meta:
        model = Contact

    company = factory.SubFactory(CompanyFactory)
    name = factory.Sequence(lambda n: f"Kontakt {n}")
    email = factory.Sequence(lambda n: f"kontakt{n}@firma.example")


class OfferFactory(factory.django.DjangoModelFactory[Offer]):
    """A published course for grades 7 to 9 with everything a teacher needs."""

    class Meta:
        model = Offer
        skip_postgeneration_save = True

    company = factory.SubFactory(CompanyFactory)
    contact = factory.SubFactory(ContactFactory, company=factory.SelfAttribute("..company"))
    state = Offer.State.PUBLISHED
    title = factory.Sequence(lambda n: f"Svejs dit eget bogmærke {n}")
    teaser = "Prøv svejsemasken og tag dit eget bogmærke med hjem."
    description = "Klassen møder smeden i værkstedet og svejser selv."
    purpose = "Eleverne lærer, hvordan metal formes og samles."
    pupil_activity = "Eleverne svejser et bogmærke."
    during = "Velkomst, sikkerhed, svejsning på tre hold, oprydning."
    activity_type = factory.LazyFunction(lambda: ActivityType.objects.get(slug="virksomhedsbesoeg"))
    industry = factory.LazyFunction(lambda: Industry.objects.get(slug="industri"))
    jobs = "smed, industritekniker"
    grade_from = 7
    grade_to = 9
    duration_minutes = 120
    places = 28
    adults = 2
    closes_days = 7
    published_at = factory.LazyFunction(timezone.now)
    last_confirmed_at = factory.LazyFunction(timezone.now)

    @factory.post_generation
    def subjects(self: Offer, create: bool, extracted: list[str] | None, **kwargs: Any) -> None:  # type: ignore[misc]
        self.subjects.set(Subject.objects.filter(slug__in=extracted or ["fysik-kemi"]))


class SessionFactory(factory.django.DjangoModelFactory[Session]):
    """An open session three weeks after the tests' *now*, with one meeting of two hours and 28 places."""

    class Meta:
        model = Session
        skip_postgeneration_save = True

    offer = factory.SubFactory(OfferFactory)
    places = 28
    starts_at = factory.LazyFunction(lambda: datetime.fromisoformat("2026-09-29T09:00:00+02:00"))
    ends_at = factory.LazyAttribute(lambda row: row.starts_at + timedelta(minutes=120))
    opens_at = factory.LazyAttribute(lambda row: row.starts_at - timedelta(days=60))
    closes_at = factory.LazyAttribute(lambda row: row.starts_at - timedelta(days=7))

    @factory.post_generation
    def meeting(self: Session, create: bool, extracted: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        Meeting.objects.create(session=self, number=1, starts_at=self.starts_at, ends_at=self.ends_at)


class EnrolmentFactory(factory.django.DjangoModelFactory[Enrolment]):
    """A confirmed enrolment. It does not move the session's counter: use-cases do that."""

    class Meta:
        model = Enrolment

    session = factory.SubFactory(SessionFactory)
    school_class = factory.SubFactory(SchoolClassFactory)
    school = factory.SelfAttribute("school_class.school")
    teacher = factory.SubFactory(UserFactory)
    grade = 7
    pupils = 24
    adults = 2
    places = factory.SelfAttribute("pupils")
    status = Enrolment.Status.CONFIRMED

"""People change: enrolments get another contact teacher, and a teacher leaves, moves, or has two schools."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import pytest
from django.core.mail import EmailMultiAlternatives
from django.db import connection, transaction
from django.test import Client
from django.utils import translation

from offers.domain import enrolment as enrolling
from offers.domain import reminders, rules
from offers.domain.handover import begin_role, hand_over, leave_school
from offers.domain.school import merge_schools
from offers.models import Enrolment, Session
from portal import mail
from portal.domain import outbox
from portal.domain.actor import Actor
from portal.domain.people import change_address, reopen_account
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Message, User
from schools.models import Membership, School, SchoolClass
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality")]
DESK = Actor.job("test")


@pytest.fixture
def school() -> School:
    made: School = factories.SchoolFactory.create(name="Havneskolen")
    return made


@pytest.fixture
def session() -> Session:
    offer = factories.OfferFactory.create(title="Svejs et bogmærke", company__name="Smedjen", contact__language="en")
    made: Session = factories.SessionFactory.create(offer=offer)
    return made


def teacher_at(school: School, name: str, **facts: object) -> User:
    made: User = factories.MembershipFactory.create(
        school=school, user__name=name, user__language="en", **{f"user__{key}": value for key, value in facts.items()}
    ).user
    return made


@pytest.fixture
def mette(school: School) -> User:
    return teacher_at(school, "Mette Holm", phone="11111111")


@pytest.fixture
def jonas(school: School) -> User:
    return teacher_at(school, "Jonas Friis", phone="22222222")


@pytest.fixture
def enrolment(session: Session, mette: User, school: School, now: datetime) -> Enrolment:
    one: SchoolClass = factories.SchoolClassFactory.create(school=school)
    request = rules.EnrolmentRequest(school_class=one, adults=2, phone="11111111")
    return enrolling.enrol_class(session_id=session.pk, request=request, by=Actor.of_user(mette), now=now)


def letter(occasion: str, now: datetime, address: str | None = None) -> EmailMultiAlternatives:
    messages = Message.objects.filter(occasion=occasion, **({"address": address} if address else {}))
    message = messages.latest("created_at")
    assert outbox.occasions()[occasion].still_wanted(message, now) is True
    with translation.override("en"):
        return mail.render(message, now)


def refused(call: object, **facts: object) -> str:
    with pytest.raises(Refusal) as refusal:
        call(**facts)  # type: ignore[operator]
    return refusal.value.code


# Handing over


def test_a_colleague_takes_an_enrolment_over_and_everybody_concerned_is_told(
    enrolment: Enrolment, mette: User, jonas: User, now: datetime
) -> None:
    hand_over(enrolment_id=enrolment.pk, teacher_id=jonas.pk, by=DESK, now=now)

    enrolment.refresh_from_db()
    assert (enrolment.teacher, enrolment.teacher_phone) == (jonas, "22222222")
    to_jonas = letter("enrolment_handed_over", now)
    assert (to_jonas.to, len(to_jonas.attachments)) == ([jonas.email], 1)
    assert letter("enrolment_handed_on", now).to == [mette.email]
    host = str(letter("host_new_teacher", now).body)
    assert "Jonas Friis" in host
    assert jonas.email in host
    assert "Mette" not in host


def test_reminders_follow_to_the_new_teacher(enrolment: Enrolment, mette: User, jonas: User, now: datetime) -> None:
    reminders.plan_reminders(now=now)

    hand_over(enrolment_id=enrolment.pk, teacher_id=jonas.pk, by=DESK, now=now)

    planned = Message.objects.filter(occasion="visit_reminder", state="planned")
    assert set(planned.values_list("address", flat=True)) == {jonas.email}
    assert not Message.objects.filter(recipient_id=mette.pk, state="planned").exists()
    assert reminders.reconcile(now=now) == reminders.Difference(missing=0, needless=0)


def test_a_teacher_hands_an_own_enrolment_over_and_gets_no_mail_about_it(
    enrolment: Enrolment, mette: User, jonas: User, now: datetime
) -> None:
    hand_over(enrolment_id=enrolment.pk, teacher_id=jonas.pk, by=Actor.of_user(mette), now=now)

    assert not Message.objects.filter(occasion="enrolment_handed_on").exists()
    assert AuditEntry.objects.get(action="enrolment-handed-over").facts == {"teacher": str(jonas.pk)}


def test_handing_over_to_who_has_it_changes_nothing(enrolment: Enrolment, mette: User, now: datetime) -> None:
    hand_over(enrolment_id=enrolment.pk, teacher_id=mette.pk, by=DESK, now=now)

    assert not AuditEntry.objects.filter(action="enrolment-handed-over").exists()


def test_nobody_from_elsewhere_takes_an_enrolment_over(enrolment: Enrolment, now: datetime) -> None:
    stranger = teacher_at(factories.SchoolFactory.create(), "Ole Fremmed")
    assert refused(hand_over, enrolment_id=enrolment.pk, teacher_id=stranger.pk, by=DESK, now=now) == "not-of-school"
    by = Actor.of_user(stranger)
    assert refused(hand_over, enrolment_id=enrolment.pk, teacher_id=stranger.pk, by=by, now=now) == "not-yours"


def test_a_cancelled_enrolment_is_not_handed_over(enrolment: Enrolment, jonas: User, now: datetime) -> None:
    enrolling.cancel_enrolment(enrolment_id=enrolment.pk, by=DESK, now=now)

    assert refused(hand_over, enrolment_id=enrolment.pk, teacher_id=jonas.pk, by=DESK, now=now) == "ended"


# Leaving and moving


def test_a_teacher_leaves_and_a_colleague_takes_everything_over(
    enrolment: Enrolment, mette: User, jonas: User, school: School, now: datetime
) -> None:
    leave_school(user_id=mette.pk, school_id=school.pk, colleague_id=jonas.pk, by=DESK, now=now)

    enrolment.refresh_from_db()
    mette.refresh_from_db()
    assert (enrolment.teacher, mette.is_active) == (jonas, False)
    assert Membership.objects.get(user=mette).ended_on == date(2026, 9, 8)
    assert not Message.objects.filter(occasion="enrolment_handed_on").exists()


def test_without_a_colleague_the_enrolments_wait_for_somebody(
    enrolment: Enrolment, mette: User, school: School, now: datetime
) -> None:
    assert list(Enrolment.objects.without_teacher(now)) == []

    leave_school(user_id=mette.pk, school_id=school.pk, by=DESK, now=now)

    assert list(Enrolment.objects.without_teacher(now)) == [enrolment]
    assert not Message.objects.filter(recipient_id=mette.pk, state__in=["planned", "queued"]).exists()


def test_a_teacher_moves_to_another_school_and_is_told(
    enrolment: Enrolment, mette: User, school: School, now: datetime
) -> None:
    other = factories.SchoolFactory.create(name="Bakkeskolen")

    leave_school(user_id=mette.pk, school_id=school.pk, new_school_id=other.pk, by=DESK, now=now)

    mette.refresh_from_db()
    roles = Membership.objects.filter(user=mette).order_by("ended_on").values_list("school__name", "ended_on")
    assert list(roles) == [("Havneskolen", date(2026, 9, 8)), ("Bakkeskolen", None)]
    assert mette.is_active is True
    assert "Bakkeskolen" in str(letter("school_changed", now).body)


def test_a_teacher_with_two_schools_leaves_one_and_stays_at_the_other(
    mette: User, school: School, now: datetime
) -> None:
    other = factories.SchoolFactory.create()
    begin_role(user_id=mette.pk, school_id=other.pk, role="ambassador", by=DESK, now=now)
    begin_role(user_id=mette.pk, school_id=other.pk, role="ambassador", by=DESK, now=now)

    leave_school(user_id=mette.pk, school_id=school.pk, by=DESK, now=now)

    mette.refresh_from_db()
    assert list(Membership.objects.filter(user=mette, ended_on=None).values_list("school", "role")) == [
        (other.pk, "ambassador")
    ]
    assert mette.is_active is True


def test_only_the_municipality_ends_roles(mette: User, jonas: User, school: School, now: datetime) -> None:
    by = Actor.of_user(jonas)
    assert refused(leave_school, user_id=mette.pk, school_id=school.pk, by=by, now=now) == "not-yours"
    assert refused(begin_role, user_id=mette.pk, school_id=school.pk, role="leader", by=by, now=now) == "not-yours"


def test_who_has_left_comes_back(mette: User, school: School, now: datetime) -> None:
    leave_school(user_id=mette.pk, school_id=school.pk, by=DESK, now=now)

    assert reopen_account(user_id=mette.pk, by=DESK, now=now) is True
    assert reopen_account(user_id=mette.pk, by=DESK, now=now) is False


# Another address


def test_another_address_is_told_at_both_and_ends_every_session(
    enrolment: Enrolment, mette: User, now: datetime
) -> None:
    reminders.plan_reminders(now=now)
    browser = Client()
    browser.force_login(mette)
    old = mette.email
    assert browser.get("/tilmeldinger/").status_code == 200

    change_address(user_id=mette.pk, email=" Mette.Ny@Skole.Fjordby.example ", by=DESK, now=now)

    new = "mette.ny@skole.fjordby.example"
    assert User.objects.get(pk=mette.pk).email == new
    assert browser.get("/tilmeldinger/").status_code == 302
    assert "no longer used" in str(letter("address_changed", now, old).body)
    assert "sign in with it" in str(letter("address_changed", now, new).body)
    waiting = Message.objects.filter(recipient_id=mette.pk, occasion="visit_reminder", state="planned")
    assert set(waiting.values_list("address", flat=True)) == {new}
    assert reminders.reconcile(now=now) == reminders.Difference(missing=0, needless=0)


def test_an_address_that_is_none_or_taken_is_refused(mette: User, jonas: User, now: datetime) -> None:
    assert refused(change_address, user_id=mette.pk, email="mette", by=DESK, now=now) == "no-address"
    assert refused(change_address, user_id=mette.pk, email=jonas.email.upper(), by=DESK, now=now) == "address-taken"
    change_address(user_id=mette.pk, email=mette.email, by=DESK, now=now)
    assert not AuditEntry.objects.filter(action="user-address-changed").exists()


def test_a_coordinator_does_not_take_over_an_administrators_account(now: datetime) -> None:
    administrator = factories.AdministratorFactory.create()
    by = Actor(kind="user", id=str(factories.CoordinatorFactory.create().pk), is_coordinator=True, is_reviewer=True)

    code = refused(change_address, user_id=administrator.pk, email="ny@fjordby.example", by=by, now=now)

    assert code == "not-yours"


# At the same time as others


@pytest.fixture
def busy(committing: None, now: datetime) -> Enrolment:
    """An enrolled class, in rows that other connections see."""
    factories.MunicipalityFactory.create()
    role = factories.MembershipFactory.create()
    one = factories.SchoolClassFactory.create(school=role.school)
    request = rules.EnrolmentRequest(school_class=one, adults=2)
    session = factories.SessionFactory.create()
    return enrolling.enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=now)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("work", ["leaves", "merges"])
def test_nobody_who_enrols_meanwhile_waits_for_a_teacher_who_leaves_or_a_school_that_merges(
    busy: Enrolment, now: datetime, work: str
) -> None:
    user, school, another = busy.teacher, busy.school, factories.SchoolFactory.create()
    second = factories.SchoolClassFactory.create(school=school, letter="B")
    assert user is not None

    def at_the_desk() -> object:
        try:
            if work == "leaves":
                return leave_school(user_id=user.pk, school_id=school.pk, by=DESK, now=now)
            return merge_schools(school_id=school.pk, into_id=another.pk, by=DESK, now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as desk:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '3s'")
            session = Session.objects.locked().get(pk=busy.session_id)
            Enrolment.objects.select_for_update().get(pk=busy.pk)
            done = desk.submit(at_the_desk)
            waiting = (
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            for _ in range(100):
                cursor.execute(waiting)
                if cursor.fetchone() != (0,):
                    break
                time.sleep(0.02)
            else:
                pytest.fail("the desk waits for nobody")
            factories.EnrolmentFactory.create(session=session, school_class=second, school=school, teacher=user)
        done.result(timeout=20)

    assert Enrolment.objects.filter(session=busy.session_id).count() == 2

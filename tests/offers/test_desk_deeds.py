"""The desk's deeds on people, schools and dates, one by one and several at once: what is said, and what it does."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import translation

from companies.models import Company
from offers.domain import dialogue as talks
from offers.domain import rules
from offers.domain.enrolment import enrol_class
from offers.models import Dialogue, Enrolment, Invite, Offer, Session
from portal import mail
from portal.domain import clock
from portal.domain.actor import Actor
from portal.models import AuditEntry, Message, Municipality, User
from schools.models import Membership, School
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("municipality", "on_the_day")]


@pytest.fixture
def on_the_day(now: datetime) -> Any:
    with time_machine.travel(now, tick=False):
        yield


@pytest.fixture
def desk() -> Client:
    client = Client()
    client.force_login(factories.CoordinatorFactory.create(language="en"))
    return client


def page(row: models.Model, deed: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{deed}", args=(row.pk,))


def listing(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def several(desk: Client, rows: list[Any], action: str, *, confirmed: bool = True, **typed: object) -> Any:
    """Choose rows in a list and press the action; then, unless told otherwise, its button."""
    chosen = {"action": action, ACTION_CHECKBOX_NAME: [str(row.pk) for row in rows], **typed}
    return desk.post(listing(type(rows[0])), {**chosen, "confirmed": "1"} if confirmed else chosen)


def told() -> list[str]:
    return sorted(Message.objects.exclude(state="withdrawn").values_list("occasion", flat=True))


def enrolled(**facts: Any) -> Enrolment:
    """A class with a teacher of its school, in a session that counts its places."""
    role = factories.MembershipFactory.create()
    made: Enrolment = factories.EnrolmentFactory.create(
        school_class=factories.SchoolClassFactory.create(school=role.school),
        teacher=role.user,
        session=factories.SessionFactory.create(places_taken=24),
        **facts,
    )
    return made


def moved_to(day: str, begins: str = "12:00", ends: str = "14:00", place: str = "Porten") -> dict[str, str]:
    return {"day_1": day, "begins_1": begins, "ends_1": ends, "place_1": place, "agreed": "on"}


# Dates


def test_a_session_is_moved_and_the_page_says_who_is_told(desk: Client) -> None:
    one = enrolled()

    shown = desk.get(page(one.session, "move")).content.decode()
    answer = desk.post(page(one.session, "move"), moved_to("2026-10-20"))

    assert one.teacher is not None
    assert (one.teacher.name in shown, one.school.name in shown) == (True, True)
    one.session.refresh_from_db()
    assert (answer.status_code, one.session.starts_at.isoformat()) == (302, "2026-10-20T10:00:00+00:00")
    assert told() == ["host_day_sheet", "host_session_moved", "session_moved", "visit_reminder", "visit_reminder"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        (moved_to("2026-10-20", "14:00", "12:00"), "ends_1"),
        (moved_to("2026-10-13"), "day_1"),
        (moved_to("2026-09-01"), "day_1"),
        (moved_to("2526-10-20"), "day_1"),
        (moved_to("i morgen"), "day_1"),
        (moved_to("2026-10-20", "25:00"), "begins_1"),
        (moved_to("2026-10-20", place="x" * 301), "place_1"),
    ],
)
def test_what_a_session_cannot_be_moved_to_is_said_at_its_field(
    desk: Client, typed: dict[str, str], field: str
) -> None:
    session = enrolled().session

    answer = desk.post(page(session, "move"), typed)

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert answer.context["form"]["place_1"].value() == typed["place_1"]
    assert told() == []


def test_several_sessions_are_moved_by_a_week_and_one_that_cannot_is_named(desk: Client) -> None:
    first, second = enrolled().session, enrolled().session
    begun = factories.SessionFactory.create(starts_at=clock.now() - timedelta(days=1))

    assert "Move" in several(desk, [first, second], "shift_several", confirmed=False).content.decode()
    assert several(desk, [first], "shift_several", days="0").status_code == 422
    answer = several(desk, [first, second, begun], "shift_several", days="7", agreed="on")

    starts = Session.objects.filter(pk__in=[first.pk, second.pk]).values_list("starts_at", flat=True)
    assert {one.isoformat() for one in starts} == {"2026-10-06T07:00:00+00:00"}
    sentences = [str(one) for one in desk.get(answer.headers["Location"]).context["messages"]]
    assert len(sentences) == 2
    assert told().count("session_moved") == 2


def test_several_sessions_are_cancelled_with_one_reason(desk: Client) -> None:
    first, second = enrolled(), enrolled()

    assert several(desk, [first.session], "cancel_several", reason="").status_code == 422
    several(desk, [first.session, second.session], "cancel_several", reason="Strømmen er gået")

    reasons = Session.objects.values_list("state", "cancel_reason").distinct()
    assert list(reasons) == [("cancelled", "Strømmen er gået")]
    assert told().count("session_cancelled") == 2


def test_a_session_leads_to_its_course_and_to_the_enrolment_form(desk: Client) -> None:
    session = factories.SessionFactory.create()

    assert desk.get(page(session, "to_course")).headers["Location"] == page(session.offer)
    assert desk.get(page(session, "enrol")).headers["Location"] == reverse("enrol", args=(session.pk,))


# Enrolments


def test_an_enrolment_is_handed_over_to_a_colleague_of_the_school(desk: Client) -> None:
    one = enrolled()
    colleague = factories.MembershipFactory.create(school=one.school).user
    stranger = factories.MembershipFactory.create().user

    refused = desk.post(page(one, "hand_over"), {"teacher": str(stranger.pk)})
    desk.post(page(one, "hand_over"), {"teacher": str(colleague.pk)})

    one.refresh_from_db()
    assert (refused.status_code, one.teacher) == (422, colleague)
    assert "enrolment_handed_over" in told()


def test_a_class_in_line_is_given_its_place_after_a_telephone_call(desk: Client) -> None:
    session = factories.SessionFactory.create(places_taken=0)
    one = factories.EnrolmentFactory.create(session=session, status="waitlisted", waiting_since=clock.now())

    assert "24" in desk.get(page(one, "give_place")).content.decode()
    desk.post(page(one, "give_place"))

    one.refresh_from_db()
    session.refresh_from_db()
    assert (one.status, session.places_taken) == ("confirmed", 24)


def test_several_requests_are_declined_and_several_enrolments_cancelled(desk: Client) -> None:
    requests = [enrolled(status="pending", answer_by=clock.now() + timedelta(days=2)) for _number in range(2)]
    sure = [enrolled() for _number in range(2)]

    assert several(desk, requests, "decline_several", reason=" ").status_code == 422
    several(desk, requests, "decline_several", reason="Holdet er fyldt")
    several(desk, sure, "cancel_several", reason="Flyttet til foråret")

    assert sorted(Enrolment.objects.values_list("status", "ended_reason")) == [
        ("cancelled_by_municipality", "Flyttet til foråret"),
        ("cancelled_by_municipality", "Flyttet til foråret"),
        ("declined", "Holdet er fyldt"),
        ("declined", "Holdet er fyldt"),
    ]


# Courses and companies


def test_several_courses_are_paused_resumed_confirmed_and_archived(desk: Client) -> None:
    courses = [factories.OfferFactory.create(during="I to hold.") for _number in range(2)]

    def states() -> set[str]:
        return set(Offer.objects.values_list("state", flat=True))

    assert several(desk, courses, "pause_several", reason="").status_code == 422
    several(desk, courses, "pause_several", reason="Ombygning")
    paused = states()
    several(desk, courses, "resume_several")
    resumed = states()
    several(desk, courses, "confirm_several")
    several(desk, courses, "archive_several")

    assert (paused, resumed, states()) == ({"paused"}, {"published"}, {"archived"})
    assert AuditEntry.objects.filter(action="offer-confirmed-fresh").count() == 2


def test_several_companies_are_invited_reminded_and_let_rest(desk: Client) -> None:
    companies = [factories.ContactFactory.create().company for _number in range(2)]
    alone = factories.CompanyFactory.create()

    shown = several(desk, [*companies, alone], "invite_several", confirmed=False).content.decode()
    several(desk, [*companies, alone], "invite_several", greeting="Kære vært")
    invites = list(Invite.objects.all())
    several(desk, invites, "resend_several")
    several(desk, invites, "revoke_several")
    several(desk, companies, "rest_several")

    assert f"{alone}: no active contact" in shown
    assert [(one.greeting) for one in invites] == ["Kære vært", "Kære vært"]
    assert sorted(AuditEntry.objects.filter(action__startswith="invite-").values_list("action", flat=True)) == [
        "invite-resent",
        "invite-resent",
        "invite-revoked",
        "invite-revoked",
        "invite-sent",
        "invite-sent",
    ]
    assert set(Company.objects.filter(pk__in=[one.pk for one in companies]).values_list("state", flat=True)) == {
        "resting"
    }


def test_a_companys_relation_is_changed(desk: Client) -> None:
    company = factories.CompanyFactory.create()

    assert desk.post(page(company, "change_relation"), {"state": "married"}).status_code == 422
    desk.post(page(company, "change_relation"), {"state": "ended"})

    company.refresh_from_db()
    assert company.state == "ended"


def test_more_than_two_hundred_at_once_are_refused(desk: Client) -> None:
    companies = Company.objects.bulk_create([Company(name=f"Virksomhed {n}") for n in range(201)])

    several(desk, companies, "rest_several")

    assert not Company.objects.filter(state="resting").exists()


# People


def test_a_teacher_moves_to_another_school_and_a_colleague_takes_over(desk: Client) -> None:
    one = enrolled()
    assert one.teacher is not None
    colleague = factories.MembershipFactory.create(school=one.school).user
    other = factories.SchoolFactory.create()
    typed = {"school": str(one.school_id), "colleague": str(colleague.pk), "new_school": str(other.pk)}

    shown = desk.get(page(one.teacher, "leave")).content.decode()
    answer = desk.post(page(one.teacher, "leave"), typed)

    assert str(one.session.offer) in shown
    one.refresh_from_db()
    assert (answer.status_code, one.teacher) == (302, colleague)
    assert Membership.objects.filter(school=other, ended_on=None).count() == 1


def test_who_leaves_without_a_colleague_leaves_something_to_do(desk: Client) -> None:
    one = enrolled()
    assert one.teacher is not None

    desk.post(page(one.teacher, "leave"), {"school": str(one.school_id)})

    answer: Any = desk.get(f"{listing(Enrolment)}?todo=teacher")
    todo = answer.context_data["cl"]
    assert [row.pk for row in todo.result_list] == [one.pk]
    assert User.objects.get(pk=one.teacher.pk).is_active is False
    desk.post(page(one.teacher, "reopen"))
    assert User.objects.get(pk=one.teacher.pk).is_active is True


def test_a_person_gets_a_second_school_and_another_address(desk: Client) -> None:
    person = factories.MembershipFactory.create().user
    school = factories.SchoolFactory.create()

    desk.post(page(person, "give_role"), {"school": str(school.pk), "role": "ambassador"})
    refused = desk.post(page(person, "change_address"), {"email": "ikke en adresse"})
    desk.post(page(person, "change_address"), {"email": "ny@skole.fjordby.example"})

    assert Membership.objects.filter(user=person, ended_on=None).count() == 2
    assert refused.status_code == 422
    person.refresh_from_db()
    assert person.email == "ny@skole.fjordby.example"
    assert told() == ["address_changed", "address_changed"]


@pytest.fixture
def administrator() -> Client:
    client = Client()
    client.force_login(factories.AdministratorFactory.create(language="en"))
    return client


def test_an_administrator_takes_a_lost_second_factor_off_and_the_person_is_signed_out_and_told(
    administrator: Client,
) -> None:
    person = factories.CoordinatorFactory.create()
    theirs = Client()
    theirs.force_login(person)
    facts: dict[str, Any] = {"session_key": theirs.session.session_key, "ip": "192.0.2.1", "user_agent": "", "data": {}}
    UserSession.objects.create(user=person, **facts)  # as signing in does it

    shown = administrator.get(page(person, "take_off_factor")).text
    done = administrator.post(page(person, "take_off_factor"))

    assert (person.email in shown, Authenticator.objects.filter(user=person).count(), done.status_code) == (
        True,
        0,
        302,
    )
    assert theirs.get("/tilmeldinger/").status_code == 302
    message = Message.objects.get(occasion="factor_taken_off")
    assert (message.address, "fjernet den ekstra sikring" in mail.render(message, clock.now()).body) == (
        person.email,
        True,
    )
    assert "took the second factor off the account" in administrator.get(page(person, "history")).text
    assert administrator.post(page(person, "take_off_factor")).status_code == 422


def test_nobody_but_an_administrator_takes_a_second_factor_off_and_not_their_own(
    desk: Client, administrator: Client
) -> None:
    person = factories.CoordinatorFactory.create()
    own = User.objects.get(municipal_roles__role="administrator")

    answers = [
        desk.post(page(person, "take_off_factor")).status_code,
        administrator.post(page(own, "take_off_factor")).status_code,
    ]

    assert answers == [403, 422]
    assert {Authenticator.objects.filter(user=one).count() for one in (person, own)} == {1}
    assert [page(person, "take_off_factor") in desk.get(page(person)).text,
            page(person, "take_off_factor") in administrator.get(page(person)).text,
            page(own, "take_off_factor") in administrator.get(page(own)).text] == [False, True, False]  # fmt: skip


def test_a_second_factor_is_taken_off_only_after_proving_anew_who_it_is(administrator: Client) -> None:
    person = factories.CoordinatorFactory.create()
    session = administrator.session
    session["signed_in_at"] = 0.0
    session.save()

    answer = administrator.post(page(person, "take_off_factor"))

    assert (answer.status_code, "/konto/" in answer.headers["Location"]) == (302, True)
    assert Authenticator.objects.filter(user=person).exists()


@pytest.mark.parametrize("typed", ["", "abc", "00000000-0000-0000-0000-000000000000"])
def test_a_school_that_is_none_is_answered_with_a_message(desk: Client, typed: str) -> None:
    person = factories.MembershipFactory.create().user

    answer = desk.post(page(person, "give_role"), {"school": typed, "role": "teacher"})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["school"])


def test_a_role_that_somebody_has_is_not_ended_by_a_plain_edit(desk: Client) -> None:
    shown = desk.get(page(factories.MembershipFactory.create().user)).content.decode()

    assert "memberships-0-ended_on" not in shown


# Schools


def test_a_school_is_closed_and_opened_again(desk: Client) -> None:
    school = factories.SchoolFactory.create()

    assert desk.post(page(school, "close"), {"on": "snart"}).status_code == 422
    desk.post(page(school, "close"), {"on": "2026-12-31"})
    school.refresh_from_db()
    closed = str(school.closed_on)
    desk.post(page(school, "reopen"))
    school.refresh_from_db()

    assert (closed, school.closed_on) == ("2026-12-31", None)


def test_a_school_with_visits_ahead_is_not_closed_and_the_page_names_them(desk: Client) -> None:
    one = enrolled()

    assert str(one.session.offer) in desk.get(page(one.school, "close")).content.decode()
    assert desk.post(page(one.school, "close"), {"on": "2026-09-15"}).status_code == 422


def test_a_merger_is_looked_over_before_it_is_done(desk: Client) -> None:
    source, target = factories.SchoolFactory.create(), factories.SchoolFactory.create()
    for school in (source, target):
        factories.SchoolClassFactory.create(school=school, start_year=2019, letter="A")

    first = desk.post(page(source, "merge"), {"into": str(target.pk)})
    source.refresh_from_db()
    looked_over = (first.status_code, "7.A becomes 7.B" in first.content.decode(), source.merged_into)
    desk.post(page(source, "merge"), {"into": str(target.pk), "looked_over": str(target.pk)})

    source.refresh_from_db()
    assert looked_over == (200, True, None)
    assert (source.merged_into, target.classes.count()) == (target, 2)
    assert desk.post(page(target, "merge"), {"into": "abc"}).status_code == 422


def test_a_class_is_enrolled_for_a_teacher_who_telephones(desk: Client) -> None:
    role = factories.MembershipFactory.create()
    one = factories.SchoolClassFactory.create(school=role.school)
    session = factories.SessionFactory.create()

    answer = desk.post(page(role.school, "enrol"), {"school_class": str(one.pk), "session": str(session.pk)})
    form = desk.get(answer.headers["Location"]).context["form"]

    assert answer.headers["Location"].startswith(reverse("enrol", args=(session.pk,)))
    assert form["school_class"].value() == str(one.pk)
    assert not Enrolment.objects.exists()


def by_agreement(**facts: Any) -> Offer:
    made: Offer = factories.OfferFactory.create(by_agreement=True, duration_minutes=90, **facts)
    return made


def test_times_are_proposed_for_a_teacher_who_telephones_and_the_talk_is_theirs(desk: Client) -> None:
    role, offer = factories.MembershipFactory.create(user__language="da"), by_agreement()
    one = factories.SchoolClassFactory.create(school=role.school, pupils=21)
    address = page(role.school, "ask_for_a_time")
    form = desk.get(address).context["form"]
    typed = {
        "offer": str(offer.pk),
        "school_class": str(one.pk),
        "teacher": str(role.user.pk),
        "adults": "2",
        "day_1": "2026-10-01",
        "begins_1": "09:00",
        "day_2": "2026-10-02",
        "begins_2": "10:00",
        "ends_2": "12:00",
        "note": "Læreren ringede.",
        "form_token": str(form["form_token"].value()),
    }

    answer = desk.post(address, typed)
    again = desk.post(address, typed, follow=True)

    talk = Dialogue.objects.get()
    assert answer.headers["Location"] == page(talk)
    assert "The host and the teacher are told." in again.content.decode()
    assert (talk.teacher, talk.pupils, talk.state, talk.awaits) == (role.user, 21, "asked", "host")
    assert [(time.side, (time.ends_at - time.starts_at).seconds) for time in talk.times.order_by("starts_at")] == [
        ("teacher", 90 * 60),
        ("teacher", 120 * 60),
    ]
    assert [(entry.side, entry.text) for entry in talk.entries.all()] == [("coordinator", "Læreren ringede.")]
    assert told() == ["dialogue_asked", "host_dialogue_asked"]
    mailed = Message.objects.get(occasion="dialogue_asked")
    coordinator = User.objects.get(municipal_roles__role="coordinator")
    assert mailed.address == role.user.email
    assert f"({coordinator.email}) har foreslået tider for dig" in str(mail.render(mailed, clock.now()).body)

    # from here on the teacher answers as if having asked
    assert talks.speaks_for_school(talk, role.user)
    teacher = Client()
    teacher.force_login(role.user)
    assert teacher.get(reverse("dialogue", args=(talk.pk,))).context["may_answer"] is True
    assert str(talk.pk) in teacher.get(reverse("my-enrolments")).content.decode()

    other = desk.post(address, {**typed, "form_token": "0a0a0a0a-0000-4000-8000-000000000001"}, follow=True)
    assert "The class had already asked." in other.content.decode()
    assert Dialogue.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"day_1": "2026-10-03"}, "day_1"),  # a Saturday
        ({"day_1": "2026-09-01"}, "day_1"),  # has passed
        ({"day_1": ""}, "day_1"),
        ({"begins_1": ""}, "begins_1"),
        ({"begins_1": "25:61"}, "begins_1"),
        ({"ends_1": "08:00"}, "ends_1"),
        ({"day_2": "2026-10-02"}, "begins_2"),
        ({"offer": "x"}, "offer"),
        ({"school_class": "0"}, "school_class"),
        ({"teacher": ""}, "teacher"),
        ({"pupils": "61"}, "pupils"),
        ({"adults": "0"}, "adults"),
        ({"note": "x" * 1001}, "note"),
    ],
)
def test_what_cannot_be_proposed_for_a_teacher_is_said_at_its_field(
    desk: Client, typed: dict[str, str], field: str
) -> None:
    role, offer = factories.MembershipFactory.create(), by_agreement()
    one = factories.SchoolClassFactory.create(school=role.school)
    whole = {"offer": str(offer.pk), "school_class": str(one.pk), "teacher": str(role.user.pk), "adults": "2"}
    whole |= {"day_1": "2026-10-01", "begins_1": "09:00", "form_token": "0a0a0a0a-0000-4000-8000-000000000001"}

    answer = desk.post(page(role.school, "ask_for_a_time"), {**whole, **typed})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert (Dialogue.objects.count(), Message.objects.count()) == (0, 0)


def test_only_courses_that_take_proposals_are_found_and_only_people_of_the_school(desk: Client) -> None:
    role, offer = factories.MembershipFactory.create(), by_agreement(title="Svejs et bogmærke")
    by_agreement(title="Svejs en krog", state=Offer.State.PAUSED, pause_reason="Ombygning")
    factories.OfferFactory.create(title="Svejs en stol")
    stranger = factories.MembershipFactory.create().user
    wanted = {"app_label": "offers", "model_name": "dialogue", "field_name": "offer", "term": "svejs"}

    found = desk.get(reverse("admin:autocomplete"), wanted).json()["results"]
    teachers = desk.get(page(role.school, "ask_for_a_time")).context["form"].fields["teacher"].queryset

    assert [one["id"] for one in found] == [str(offer.pk)]
    assert (list(teachers), stranger in teachers) == ([role.user], False)


def test_only_sessions_that_are_open_are_found_where_one_is_picked(desk: Client) -> None:
    session = factories.SessionFactory.create(offer__title="Svejs et bogmærke")
    factories.SessionFactory.create(offer=session.offer, starts_at=clock.now() - timedelta(days=3))
    wanted = {"app_label": "offers", "model_name": "enrolment", "field_name": "session", "term": "svejs"}

    found = desk.get(reverse("admin:autocomplete"), wanted).json()["results"]

    assert [one["id"] for one in found] == [str(session.pk)]


def test_renaming_a_school_at_the_desk_keeps_the_old_name_on_past_visits(desk: Client) -> None:
    held = factories.EnrolmentFactory.create(
        session=factories.SessionFactory.create(starts_at=clock.now() - timedelta(days=30))
    )
    school = held.school
    typed = {
        "name": "Fjordskolen",
        "institution_number": "",
        "kind": "folkeskole",
        "grade_from": "0",
        "grade_to": "9",
        "classes-TOTAL_FORMS": "0",
        "classes-INITIAL_FORMS": "0",
    }

    before = school.name
    answer = desk.post(page(school), typed)

    assert answer.status_code == 302
    assert (Enrolment.objects.get(pk=held.pk).school_name, School.objects.get(pk=school.pk).name) == (
        before,
        "Fjordskolen",
    )


@pytest.mark.django_db(transaction=True)
def test_times_proposed_for_a_teacher_and_a_session_with_its_own_rules_commit(committing: None) -> None:
    client = Client()
    client.force_login(factories.CoordinatorFactory.create())
    role, offer = factories.MembershipFactory.create(), by_agreement()
    one = factories.SchoolClassFactory.create(school=role.school)
    typed = {"offer": str(offer.pk), "school_class": str(one.pk), "teacher": str(role.user.pk), "adults": "2"}
    typed |= {"day_1": "2026-10-01", "begins_1": "09:00", "form_token": "0a0a0a0a-0000-4000-8000-000000000001"}
    assert client.post(page(role.school, "ask_for_a_time"), typed).status_code == 302
    assert client.post(page(offer, "plan_session"), {**SINGLE, "opens_at": "2026-09-10T08:00"}).status_code == 302
    assert (Dialogue.objects.count(), Session.objects.count()) == (1, 1)


def test_deeds_on_people_schools_and_dates_commit(committing: None) -> None:
    """Outside of the tests' own transaction, where a use-case within another one would raise."""
    factories.MunicipalityFactory.create()
    client = Client()
    client.force_login(factories.CoordinatorFactory.create())
    one, another = enrolled(), enrolled()
    assert one.teacher is not None
    colleague = factories.MembershipFactory.create(school=one.school).user
    target = factories.SchoolFactory.create()

    client.post(page(one.session, "move"), moved_to("2026-10-20"))
    several(client, [another.session], "shift_several", days="7", agreed="on")
    client.post(page(one, "hand_over"), {"teacher": str(colleague.pk)})
    client.post(page(one.teacher, "leave"), {"school": str(one.school_id)})
    client.post(page(one.teacher, "reopen"))
    client.post(page(one.teacher, "give_role"), {"school": str(target.pk), "role": "teacher"})
    client.post(page(one.teacher, "change_address"), {"email": "ny@skole.fjordby.example"})
    boss, lost = Client(), factories.CoordinatorFactory.create()
    boss.force_login(factories.AdministratorFactory.create())
    boss.post(page(lost, "take_off_factor"))
    client.post(page(one.school, "merge"), {"into": str(target.pk), "looked_over": str(target.pk)})
    client.post(page(another.session, "change_places"), {"places": "30"})
    several(client, [another.session], "cancel_several", reason="Strømmen er gået")
    client.post(page(another.school, "close"), {"on": "2026-12-31"})
    client.post(page(another.school, "reopen"))
    client.post(page(one.session.offer.company, "change_relation"), {"state": "resting"})

    actions = set(AuditEntry.objects.values_list("action", flat=True))
    with translation.override("en"):
        assert actions >= {
            "session-moved",
            "enrolment-handed-over",
            "membership-ended",
            "user-closed",
            "user-reopened",
            "membership-begun",
            "user-address-changed",
            "factor-taken-off",
            "school-merged",
            "session-places-changed",
            "session-cancelled",
            "school-closed",
            "school-reopened",
            "company-resting",
        }


# Opening, closing and sizes


SINGLE = {"day_1": "2026-10-20", "time_1": "09:00", "minutes": "120", "places": "28"}


def test_a_session_is_planned_with_its_own_opening_closing_and_draw(desk: Client) -> None:
    offer = factories.OfferFactory.create()
    own = {"opens_at": "2026-09-10T08:00", "closes_at": "2026-10-19T16:00", "draw_minutes": "90"}

    answer = desk.post(page(offer, "plan_session"), {**SINGLE, **own}, follow=True)

    made = Session.objects.get()
    assert made.draw_at is not None
    assert [one.isoformat() for one in (made.opens_at, made.closes_at, made.draw_at)] == [
        "2026-09-10T06:00:00+00:00",
        "2026-10-19T14:00:00+00:00",
        "2026-09-10T07:30:00+00:00",
    ]
    text = answer.content.decode()
    assert ("Lots are drawn on" in text, "Enrolment opens on" in text) == (True, True)
    # another opening takes the draw along, 90 minutes after it
    again = {"opens_at": "2026-09-11T08:00", "closes_at": "2026-10-19T16:00", "min_pupils": "", "max_pupils": ""}
    assert desk.post(page(made, "change_enrolling"), again).status_code == 302
    made.refresh_from_db()
    assert made.draw_at is not None
    assert made.draw_at.isoformat() == "2026-09-11T07:30:00+00:00"


def test_without_words_about_enrolling_a_session_follows_course_and_municipality_and_the_page_says_how(
    desk: Client, now: datetime
) -> None:
    Municipality.objects.update(draw_minutes=60)
    offer = factories.OfferFactory.create(opens_days=30, closes_days=7)

    shown = desk.get(page(offer, "plan_session")).context["form"]
    desk.post(page(offer, "plan_session"), SINGLE)
    desk.post(page(offer, "plan_session"), {**SINGLE, "day_1": "2026-10-21", "draw_minutes": "0"})

    assert shown["opens_at"].help_text == "Empty: 30 days before, at 8.00."
    assert shown["closes_at"].help_text == "Empty: 7 days before, at noon."
    assert "60 minutes, as the municipality says." in str(shown["draw_minutes"].help_text)
    drawn, plain = Session.objects.order_by("starts_at")
    assert drawn.draw_at is not None
    assert (drawn.opens_at.isoformat(), drawn.closes_at.isoformat(), drawn.draw_at.isoformat()) == (
        "2026-09-20T06:00:00+00:00",
        "2026-10-13T10:00:00+00:00",
        "2026-09-20T07:00:00+00:00",
    )
    assert (plain.draw_at, plain.opens_at.isoformat()) == (None, "2026-09-21T06:00:00+00:00")


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"opens_at": "2026-10-15T08:00", "closes_at": "2026-10-14T08:00"}, "closes_at"),
        ({"closes_at": "2026-10-20T10:00"}, "closes_at"),  # after it begins
        ({"closes_at": "2026-09-07T10:00"}, "closes_at"),  # has passed
        ({"opens_at": "2026-10-19T08:00"}, "opens_at"),  # the course closes it before
        ({"opens_at": "x"}, "opens_at"),
        ({"draw_minutes": "30"}, "draw_minutes"),  # open at once
        ({"draw_minutes": "1441", "opens_at": "2026-09-10T08:00"}, "draw_minutes"),
        ({"draw_minutes": "-1"}, "draw_minutes"),
    ],
)
def test_what_a_new_session_cannot_open_with_is_said_at_its_field(
    desk: Client, typed: dict[str, str], field: str
) -> None:
    offer = factories.OfferFactory.create()

    answer = desk.post(page(offer, "plan_session"), {**SINGLE, **typed})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert answer.context["form"][field].value() == typed[field]
    assert not Session.objects.exists()


def test_the_page_of_a_session_shows_who_comes_who_waits_in_which_order_and_who_has_left(desk: Client) -> None:
    session = factories.SessionFactory.create(places=28, places_taken=24)
    since = clock.now() - timedelta(days=3)
    second = factories.EnrolmentFactory.create(session=session, status="waitlisted", waiting_since=since)
    first = factories.EnrolmentFactory.create(
        session=session,
        status="waitlisted",
        waiting_since=since - timedelta(days=1),
        pupils=20,
        teacher_phone="+4512345678",
    )
    comes = factories.EnrolmentFactory.create(session=session)
    factories.EnrolmentFactory.create(status="waitlisted", waiting_since=since - timedelta(days=9))
    left = factories.EnrolmentFactory.create(session=session, status="cancelled_by_school", ended_reason="Lejrskole")

    shown = desk.get(page(session))

    rows = {
        type(one.opts).__name__: [form.instance for form in one.formset.initial_forms]
        for one in shown.context["inline_admin_formsets"]
    }
    assert list(rows) == ["MeetingRows", "EnrolmentRows", "EndedRows"]
    assert (rows["EnrolmentRows"], rows["EndedRows"]) == ([comes], [left])
    assert [(one["place"], one["url"], one["reach"]) for one in shown.context["line"]] == [
        (1, page(first), f"{first.teacher}, 12 34 56 78"),
        (2, page(second), str(second.teacher)),
    ]
    assert "Lejrskole" in shown.content.decode()
    # before the places are changed, the page says who is asked
    said = desk.get(page(session, "change_places")).context["lists"]
    assert [[line.split(": ")[-1] for line in lines] for _name, lines in said] == [
        ["from 44 places on", "from 68 places on"]
    ]
    desk.post(page(session, "change_places"), {"places": "44"})
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("offered", "waitlisted")


def test_the_mail_of_several_refusals_is_read_before_it_leaves(desk: Client) -> None:
    nobody, somebody = enrolled(status="pending"), enrolled(status="pending")
    Enrolment.objects.filter(pk=nobody.pk).update(teacher=None)
    typed: dict[str, Any] = {"why": "too-many", "reason": "Prøv i marts."}

    empty = several(desk, [nobody, somebody], "decline_several", why="", reason="", preview="1")
    shown = several(desk, [nobody, somebody], "decline_several", **typed, preview="1")

    assert (empty.status_code, list(empty.context["form"].errors)) == (422, ["reason"])
    assert somebody.teacher is not None
    assert shown.context["preview"].to == [somebody.teacher.email]
    assert "Prøv i marts." in shown.context["preview"].body
    assert sorted(name.split(", ")[1].split(" (")[0] for name in shown.context["lists"][0][1]) == sorted(
        [nobody.school.name, somebody.school.name]
    )
    assert (told(), set(Enrolment.objects.values_list("status", flat=True))) == ([], {"pending"})
    several(desk, [nobody, somebody], "decline_several", **typed)
    assert set(Enrolment.objects.values_list("status", flat=True)) == {"declined"}


def test_a_session_gets_its_own_opening_closing_and_sizes(desk: Client) -> None:
    session = enrolled().session
    facts = {"opens_at": "2026-09-01T08:00", "closes_at": "2026-09-22T12:00", "min_pupils": "8", "max_pupils": "26"}

    answer = desk.post(page(session, "change_enrolling"), facts)

    session.refresh_from_db()
    assert (answer.status_code, session.min_pupils, session.max_pupils) == (302, 8, 26)
    assert session.closes_at == datetime.fromisoformat("2026-09-22T12:00:00+02:00")
    told_of = desk.get(reverse("admin:offers_session_history", args=[session.pk])).content.decode()
    assert "changed enrolling: it opens on Tuesday 1 September 2026 at 8.00" in told_of


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"closes_at": "2026-10-22T12:00"}, "closes_at"),
        ({"opens_at": "2026-09-23T12:00"}, "closes_at"),
        ({"min_pupils": "20", "max_pupils": "10"}, "max_pupils"),
        ({"min_pupils": "61"}, "min_pupils"),
        ({"opens_at": "i går"}, "opens_at"),
    ],
)
def test_what_a_session_cannot_open_with_is_said_at_its_field(desk: Client, typed: dict[str, str], field: str) -> None:
    session = enrolled().session
    facts = {"opens_at": "2026-09-01T08:00", "closes_at": "2026-09-22T12:00", "min_pupils": "", "max_pupils": ""}

    answer = desk.post(page(session, "change_enrolling"), {**facts, **typed})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])


def test_the_list_of_sessions_and_the_page_of_an_enrolment_explain_themselves(desk: Client) -> None:
    session = factories.SessionFactory.create(places=30, offer=factories.OfferFactory.create(min_pupils=10))
    role = factories.MembershipFactory.create()
    klass = factories.SchoolClassFactory.create(school=role.school)
    request = rules.EnrolmentRequest(school_class=klass, adults=2)
    one = enrol_class(session_id=session.pk, request=request, by=Actor.of_user(role.user), now=clock.now())

    assert "full" in desk.get(listing(Session)).content.decode()
    shown = desk.get(page(one)).content.decode()
    assert "30 places were free and nobody was in line: the class got its 24 at once." in shown

"""Links sent on to colleagues: an address of their own, seen, withdrawn, and dead with the parent."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from portal.domain import links, outbox
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import AuditEntry, Link, Message, Municipality
from tests.factories import ContactFactory, CoordinatorFactory

NOW = datetime(2026, 9, 8, 8, 0, tzinfo=UTC)
HOST = Link.Purpose.HOST
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _somewhere(municipality: Municipality) -> None:
    """There is a municipality."""


def parent_link() -> Link:
    contact = ContactFactory.create(language="en", name="Kirsten Holm")
    return links.ensure(purpose=HOST, reference_id=contact.pk, now=NOW)


def send_on(parent: Link, *, name: str = "Signe Bæk", to: str = "signe@firma.example", now: datetime = NOW) -> Link:
    return links.send_on(link_id=parent.pk, name=name, to=to, by=Actor.of_link(parent), now=now)


def test_a_child_has_an_address_of_its_own_to_the_same_object_and_is_mailed_to_the_colleague_alone() -> None:
    parent = parent_link()
    child = send_on(parent, name="  Signe   Bæk ", to=" Signe@Firma.example ")

    assert (child.purpose, child.reference_id, child.parent_id) == (HOST, parent.reference_id, parent.pk)
    assert (child.holder_name, child.holder_address) == ("Signe Bæk", "signe@firma.example")
    assert child.expires_at == NOW + timedelta(days=365)
    assert links.find(links.token(child), now=NOW) == child
    assert links.token(child) != links.token(parent)
    mail = Message.objects.get()
    assert (mail.occasion, mail.address, mail.language, mail.recipient_kind) == (
        "link_sent_on",
        "signe@firma.example",
        "en",
        "address",
    )
    letter = outbox.occasions()["link_sent_on"].letter(mail, NOW)
    assert (letter.context["name"], letter.context["sender"]) == ("Signe Bæk", "Kirsten Holm")
    assert letter.context["url"] == links.address(child)


def test_sending_it_to_the_same_address_again_mails_the_same_link_again() -> None:
    parent = parent_link()
    child = send_on(parent)
    again = send_on(parent, name="Signe", to="SIGNE@firma.example", now=NOW + timedelta(hours=1))

    assert (again.pk, links.token(again)) == (child.pk, links.token(child))
    assert (Link.objects.of_colleagues().count(), Message.objects.count()) == (1, 2)


def test_a_child_cannot_be_sent_on_and_neither_can_a_surveys_link() -> None:
    child = send_on(parent_link())
    survey = links.ensure(purpose=Link.Purpose.SURVEY, reference_id=child.pk, now=NOW)

    codes = []
    for link in (child, survey):
        with pytest.raises(Refusal) as refused:
            send_on(link, to="tredje@firma.example")
        codes.append(refused.value.code)
    assert codes == ["not-sent-on", "not-sent-on"]


def test_only_whoever_holds_the_parent_sends_it_on() -> None:
    parent, other = parent_link(), parent_link()
    actors = [Actor.of_link(other), Actor.of_user(CoordinatorFactory.create()), Actor.job("nightly")]

    codes = []
    for by in actors:
        with pytest.raises(Refusal) as refused:
            links.send_on(link_id=parent.pk, name="Signe", to="signe@firma.example", by=by, now=NOW)
        codes.append(refused.value.code)
    assert (codes, Link.objects.of_colleagues().count()) == (["not-yours"] * 3, 0)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "no-name"),
        ("   ", "no-name"),
        ("x" * 121, "no-name"),
        ("Log ind på https://ond.example", "no-name"),
        ("www.ond.example", "no-name"),
        ("signe@firma.example", "no-name"),
        ("<b>Signe</b>", "no-name"),
        ("Signe 010203-1234", "cpr-number"),
    ],
)
def test_what_is_no_name_is_refused_at_the_name(name: str, code: str) -> None:
    parent = parent_link()
    with pytest.raises(Refusal) as refused:
        send_on(parent, name=name)

    assert (refused.value.code, refused.value.field, Link.objects.of_colleagues().count()) == (code, "name", 0)


def test_ten_colleagues_are_enough_and_so_are_ten_mails_in_a_day() -> None:
    parent = parent_link()
    for number in range(10):
        send_on(parent, to=f"kollega{number}@firma.example", now=NOW + timedelta(minutes=number))
    for to, later in (("kollega0@firma.example", timedelta(hours=1)), ("kollega11@firma.example", timedelta(days=2))):
        with pytest.raises(Refusal) as refused:
            send_on(parent, to=to, now=NOW + later)
        assert refused.value.code == "too-many"

    assert send_on(parent, to="kollega0@firma.example", now=NOW + timedelta(days=2)).holder_address[:8] == "kollega0"


def test_withdrawing_the_parent_kills_the_children_and_withdrawing_a_child_nobody_else() -> None:
    parent = parent_link()
    first, second = send_on(parent), send_on(parent, name="Bo", to="bo@firma.example")
    coordinator = Actor.of_user(CoordinatorFactory.create())

    assert links.withdraw(link_id=first.pk, by=Actor.of_link(parent), now=NOW) == 1
    assert [one.pk for one in links.colleagues_of(parent, NOW)] == [second.pk]
    assert links.withdraw(link_id=parent.pk, by=coordinator, now=NOW) == 2
    assert links.withdraw(link_id=parent.pk, by=coordinator, now=NOW) == 0
    for link in (parent, first, second):
        with pytest.raises(links.LinkEnded):
            links.find(links.token(link), now=NOW)
    assert Message.objects.filter(occasion="link_sent_on", state="withdrawn").count() == 1
    facts = AuditEntry.objects.filter(action="link-withdrawn").values_list("actor_kind", "facts__links")
    assert sorted(facts) == [("link", 1), ("user", 2)]


def test_a_child_withdraws_nothing_and_a_stranger_neither() -> None:
    parent = parent_link()
    child, sibling = send_on(parent), send_on(parent, name="Bo", to="bo@firma.example")
    tries = [(parent, child), (sibling, child), (child, child), (parent, parent), (child, parent_link())]

    for link, by in tries:
        with pytest.raises(Refusal) as refused:
            links.withdraw(link_id=link.pk, by=Actor.of_link(by), now=NOW)
        assert refused.value.code == "not-yours"
    assert Link.objects.filter(revoked_at__isnull=False).count() == 0


def test_a_child_whose_parent_is_withdrawn_by_whatever_way_opens_nothing() -> None:
    parent = parent_link()
    child = send_on(parent)
    Link.objects.filter(pk=parent.pk).update(revoked_at=NOW)

    assert not Link.objects.live(NOW).exists()
    with pytest.raises(links.LinkEnded):
        links.find(links.token(child), now=NOW)
    with pytest.raises(links.LinkEnded):
        links.use(link_id=child.pk, now=NOW)


def test_a_new_address_for_the_parent_leaves_the_children_as_they_are() -> None:
    parent = parent_link()
    child, old = send_on(parent), links.token(parent)
    links.renew(link_id=parent.pk, by=Actor.of_user(CoordinatorFactory.create()), now=NOW)

    assert links.find(links.token(child), now=NOW) == child
    with pytest.raises(links.LinkEnded) as ended:
        links.find(old, now=NOW)
    assert ended.value.link == parent


def test_a_withdrawn_child_comes_back_only_with_a_living_parent() -> None:
    parent = parent_link()
    child = send_on(parent)
    coordinator = Actor.of_user(CoordinatorFactory.create())
    links.withdraw(link_id=parent.pk, by=coordinator, now=NOW)
    with pytest.raises(Refusal) as refused:
        links.renew(link_id=child.pk, by=coordinator, now=NOW)
    assert refused.value.code == "parent-withdrawn"

    links.renew(link_id=parent.pk, by=coordinator, now=NOW)
    assert [one.pk for one in links.colleagues_of(parent, NOW)] == []
    links.renew(link_id=child.pk, by=coordinator, now=NOW)
    assert [one.pk for one in links.colleagues_of(parent, NOW)] == [child.pk]


def test_only_coordinators_renew_and_nobody_for_a_person_who_left() -> None:
    parent = parent_link()
    with pytest.raises(Refusal) as refused:
        links.renew(link_id=parent.pk, by=Actor.of_link(parent), now=NOW)
    assert refused.value.code == "coordinators-only"
    contact = ContactFactory.create(is_active=False)
    gone = links.ensure(purpose=HOST, reference_id=contact.pk, now=NOW)
    with pytest.raises(Refusal) as refused:
        links.renew(link_id=gone.pk, by=Actor.of_user(CoordinatorFactory.create()), now=NOW)
    gone.refresh_from_db()
    assert (refused.value.code, gone.version) == ("nobody", 1)


def test_a_link_is_mailed_anew_three_times_an_hour_and_twenty_a_day_by_one_coordinator() -> None:
    one, other = (Actor.of_user(CoordinatorFactory.create()) for _ in range(2))

    def answer(link: Link, by: Actor, at: datetime) -> str:
        try:
            links.renew(link_id=link.pk, by=by, now=at)
        except Refusal as refusal:
            return refusal.code
        return "sent"

    often = parent_link()
    assert [answer(often, one, NOW) for _ in range(5)] == ["sent"] * 3 + ["too-often"] * 2
    assert answer(often, one, NOW + timedelta(hours=1)) == "sent"
    others = [parent_link() for _ in range(18)]
    assert [answer(link, one, NOW) for link in others] == ["sent"] * 16 + ["too-many"] * 2
    assert [answer(link, other, NOW) for link in others[16:]] == ["sent"] * 2
    assert answer(others[17], one, NOW + timedelta(days=1)) == "sent"


def test_a_mail_about_a_link_is_no_longer_wanted_once_the_link_is_withdrawn() -> None:
    child = send_on(parent_link())
    mail, wanted = Message.objects.get(), outbox.occasions()["link_sent_on"].still_wanted
    assert wanted(mail, NOW)
    Link.objects.filter(pk=child.pk).update(revoked_at=NOW)

    assert not wanted(mail, NOW)


def test_the_database_keeps_one_living_child_for_each_colleague_and_knows_whose_it_is() -> None:
    parent = parent_link()
    child = send_on(parent)
    facts = {"purpose": HOST, "reference_id": parent.reference_id, "parent": parent, "expires_at": NOW}
    with pytest.raises(IntegrityError, match="link_is_sent_on_once_to_each_colleague"), transaction.atomic():
        Link.objects.create(**facts, token_digest="0" * 64, holder_name="S", holder_address="SIGNE@firma.example")
    with pytest.raises(IntegrityError, match="link_sent_on_knows_to_whom"), transaction.atomic():
        Link.objects.create(**facts, token_digest="0" * 64)
    with pytest.raises(IntegrityError, match="link_sent_on_knows_to_whom"), transaction.atomic():
        Link.objects.filter(pk=child.pk).update(parent=None, reference_id=child.pk)

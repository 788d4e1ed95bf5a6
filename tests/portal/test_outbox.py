"""The outbox: promised once, claimed under a lease, taken back from the dead, never sent too late."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, connections, transaction
from django.db.models import Model

from portal.domain import outbox
from portal.domain.actor import Actor
from portal.models import Message, Municipality, User
from tests.factories import UserFactory

State = Message.State
ONE_OWNER = UUID(int=1)
OTHER_OWNER = UUID(int=2)


@pytest.fixture
def person(municipality: Municipality) -> User:
    made: User = UserFactory.create()
    return made


def promise(about: Model, now: datetime, **kwargs: Any) -> Message | None:
    """Promise one mail and return its row."""
    to = kwargs.pop("to", outbox.Recipient(kind="address", address="lærer@skole.example"))
    before = set(Message.objects.values_list("pk", flat=True))
    outbox.post(occasion=kwargs.pop("occasion", "news"), about=about, to=to, now=now, **kwargs)
    return Message.objects.exclude(pk__in=before).first()


def claim(now: datetime, owner: UUID = ONE_OWNER, batch: int = 1) -> list[Message]:
    return outbox.claim(now=now, real_now=now, owner=owner, batch=batch)


def state(message: Message) -> str:
    return Message.objects.get(pk=message.pk).state


@pytest.mark.django_db
def test_the_same_promise_twice_is_one_message(person: User, now: datetime) -> None:
    first = promise(person, now, key="a")
    upper = outbox.Recipient(kind="address", address="LÆRER@skole.example")

    assert first is not None
    assert promise(person, now + timedelta(hours=1), key="a") is None
    assert promise(person, now, key="a", to=upper) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"key": "b"},
        {"occasion": "other"},
        {"to": outbox.Recipient(kind="address", address="anden@skole.example")},
    ],
)
def test_another_key_occasion_or_receiver_is_another_message(
    person: User, now: datetime, change: dict[str, Any]
) -> None:
    promise(person, now, key="a")

    assert promise(person, now, **{"key": "a", **change}) is not None


@pytest.mark.django_db
def test_another_object_is_another_message(person: User, now: datetime) -> None:
    promise(person, now)

    assert promise(UserFactory.create(), now) is not None


@pytest.mark.django_db
def test_a_promise_goes_with_its_transaction(person: User, now: datetime) -> None:
    with transaction.atomic():
        promise(person, now)
        transaction.set_rollback(True)

    assert Message.objects.count() == 0


@pytest.mark.django_db
def test_nobody_to_write_to_and_nothing_in_time_is_no_promise(person: User, now: datetime) -> None:
    nobody = outbox.Recipient(kind="address", address="")

    assert promise(person, now, to=nobody) is None
    assert promise(person, now, not_after=now) is None
    assert promise(person, now, send_at=now + timedelta(days=2), not_after=now + timedelta(days=1)) is None


@pytest.mark.django_db
def test_what_is_for_later_is_planned_and_what_should_have_been_sent_is_queued_now(person: User, now: datetime) -> None:
    later = promise(person, now, key="later", send_at=now + timedelta(days=1))
    late = promise(person, now, key="late", send_at=now - timedelta(days=1))
    assert later is not None
    assert late is not None

    assert (later.state, later.send_at) == ("planned", now + timedelta(days=1))
    assert (late.state, late.send_at) == ("queued", now)


@pytest.mark.django_db
def test_only_what_is_due_is_claimed_the_most_urgent_and_the_oldest_first(person: User, now: datetime) -> None:
    for key, urgency, minutes in (("slow", 9, 0), ("first", 0, 3), ("old", 5, 1), ("young", 5, 2), ("future", 0, 60)):
        promise(person, now, key=key, urgency=urgency, send_at=now + timedelta(minutes=minutes))
    claimed = claim(now + timedelta(minutes=5), batch=9)

    assert [message.dedupe_key.split("|")[2] for message in claimed] == ["first", "old", "young", "slow"]
    assert {message.state for message in claimed} == {"claimed"}
    assert [message.attempts for message in claimed] == [1] * 4


@pytest.mark.django_db
def test_a_claimed_message_is_nobody_elses(person: User, now: datetime) -> None:
    promise(person, now)

    assert len(claim(now)) == 1
    assert claim(now, OTHER_OWNER) == []


@pytest.mark.django_db
@pytest.mark.parametrize(("policy", "after"), [("at_least_once", "queued"), ("at_most_once", "uncertain")])
def test_the_claim_of_a_dead_worker_is_taken_back_when_its_lease_has_run_out(
    person: User, now: datetime, policy: str, after: str
) -> None:
    message = promise(person, now, policy=policy)
    assert message is not None
    claim(now)

    assert outbox.recover(real_now=now + timedelta(seconds=59)) == 0
    assert state(message) == "claimed"
    assert outbox.recover(real_now=now + timedelta(seconds=60)) == 1
    assert state(message) == after
    assert outbox.recover(real_now=now + timedelta(seconds=60)) == 0


@pytest.mark.django_db
def test_a_worker_that_wakes_after_its_lease_marks_nothing(person: User, now: datetime) -> None:
    promise(person, now)
    [mine] = claim(now)
    outbox.recover(real_now=now + timedelta(seconds=61))
    [theirs] = claim(now + timedelta(seconds=62), OTHER_OWNER)

    assert outbox.mark_sent(mine, owner=ONE_OWNER, now=now, subject="s", body="b") is False
    assert outbox.mark_failed(mine, owner=ONE_OWNER, now=now, trouble="x", for_good=True) is False
    assert state(mine) == "claimed"
    assert outbox.mark_sent(theirs, owner=OTHER_OWNER, now=now, subject="s", body="b") is True


@pytest.mark.django_db
def test_a_worker_that_dies_again_and_again_is_laid_before_a_person(person: User, now: datetime) -> None:
    message = promise(person, now)
    assert message is not None
    moment = now
    for _attempt in range(outbox.MAX_ATTEMPTS):
        assert len(claim(moment)) == 1
        moment += timedelta(seconds=61)
        outbox.recover(real_now=moment)

    assert state(message) == "failed"
    assert claim(moment) == []
    assert list(Message.objects.in_trouble()) == [message]


@pytest.mark.django_db
def test_what_may_have_left_is_uncertain_however_often_it_was_tried(person: User, now: datetime) -> None:
    message = promise(person, now, policy="at_most_once")
    assert message is not None
    Message.objects.update(attempts=outbox.MAX_ATTEMPTS - 1)
    claim(now)
    outbox.recover(real_now=now + timedelta(minutes=2))

    assert state(message) == "uncertain"


@pytest.mark.django_db
def test_pauses_double_from_half_a_minute_to_an_hour_and_then_it_gives_up(person: User, now: datetime) -> None:
    promise(person, now)
    pauses: list[float] = []
    moment = now
    while claimed := claim(moment):
        outbox.mark_failed(claimed[0], owner=ONE_OWNER, now=moment, trouble="451 later", for_good=False)
        row = Message.objects.get()
        pauses.append((row.send_at - moment).total_seconds())
        moment = row.send_at

    assert row.state == "failed"
    for pause, middle in zip(pauses, [30, 60, 120, 240, 480, 960, 1920], strict=False):
        assert middle * 0.8 <= pause <= middle * 1.2
    assert len(pauses) == outbox.MAX_ATTEMPTS == 8


@pytest.mark.django_db
def test_a_pause_past_the_last_moment_lets_it_expire(person: User, now: datetime) -> None:
    message = promise(person, now, not_after=now + timedelta(seconds=20))
    assert message is not None
    [claimed] = claim(now)
    outbox.mark_failed(claimed, owner=ONE_OWNER, now=now, trouble="451 later", for_good=False)

    assert state(message) == "expired"


@pytest.mark.django_db
def test_a_mail_server_that_is_away_for_a_day_costs_no_message(person: User, now: datetime) -> None:
    promise(person, now)
    moment, tries = now, 0
    while moment < now + timedelta(days=1):
        [claimed] = claim(moment)
        outbox.mark_postponed(claimed, owner=ONE_OWNER, now=moment, trouble="refused")
        moment = Message.objects.get().send_at
        tries += 1

    assert Message.objects.get().state == "queued"
    assert 20 <= tries <= 120
    [claimed] = claim(moment)
    assert outbox.mark_sent(claimed, owner=ONE_OWNER, now=moment, subject="s", body="b") is True


@pytest.mark.django_db
def test_withdrawing_takes_back_what_has_not_left(person: User, now: datetime) -> None:
    rows = {key: promise(person, now, key=key) for key in ("queued", "claimed", "sent", "held")}
    for name, row in rows.items():
        assert row is not None
        extra: dict[str, Any] = {"sent_at": now} if name == "sent" else {}
        if name == "claimed":
            extra = {"lease_owner": ONE_OWNER, "lease_until": now}
        Message.objects.filter(pk=row.pk).update(state=name, **extra)
    promise(person, now, key="other", occasion="other")
    promise(UserFactory.create(), now)

    assert outbox.withdraw(about=person, occasions=["news"]) == 2
    assert outbox.withdraw(about=person) == 1
    found = Message.objects.filter(reference_id=person.pk).values_list("state", flat=True)
    assert sorted(found) == ["claimed", "sent", "withdrawn", "withdrawn", "withdrawn"]


@pytest.mark.django_db
def test_what_was_withdrawn_can_be_promised_again_but_what_left_cannot(person: User, now: datetime) -> None:
    message = promise(person, now)
    assert message is not None
    later = now + timedelta(days=1)
    assert outbox.promise_again(message_id=message.pk, now=now, send_at=later, not_after=None) is False
    outbox.withdraw(about=person)

    assert outbox.promise_again(message_id=message.pk, now=now, send_at=later, not_after=None) is True
    row = Message.objects.get()
    assert (row.state, row.send_at) == ("planned", later)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("trouble", "again"),
    [("failed", True), ("uncertain", True), ("held", True), ("bounced", True), ("queued", False), ("expired", False)],
)
def test_a_message_in_trouble_is_queued_once_more(person: User, now: datetime, trouble: str, again: bool) -> None:
    message = promise(person, now, not_after=now + timedelta(hours=1))
    assert message is not None
    Message.objects.update(state=trouble, attempts=8, trouble="550 no")

    assert outbox.resend(message_id=message.pk, by=Actor.job("test"), now=now + timedelta(days=1)) is again
    assert outbox.resend(message_id=message.pk, by=Actor.job("test"), now=now) is False
    row = Message.objects.get()
    assert (row.state, row.attempts) == (("queued", 0) if again else (trouble, 8))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"state": "sent"}, "message_sent_has_a_time"),
        ({"state": "claimed"}, "message_claimed_has_a_lease"),
        (
            {"not_after": datetime.fromisoformat("2020-01-01T00:00:00+00:00")},
            "message_may_be_sent_before_it_is_too_late",
        ),
    ],
)
def test_the_database_refuses_impossible_messages(
    person: User, now: datetime, values: dict[str, Any], constraint: str
) -> None:
    promise(person, now)

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Message.objects.update(**values)


@pytest.mark.django_db
def test_every_app_has_its_occasions_found_and_each_has_its_two_templates(person: User) -> None:
    found = outbox.occasions()
    folder = settings.BASE_DIR / "templates" / "mail"
    assert {"visit_reminder", "survey_teacher", "host_day_sheet"} <= set(found)
    written_elsewhere = {name for name in found if not (folder / f"{name}.txt").exists()}
    assert {name for name in found if not (folder / f"{name}.html").exists()} == written_elsewhere


def in_a_thread(work: Any) -> Any:
    """Run it on a connection of its own, and close that."""
    try:
        return work()
    finally:
        connections.close_all()


@pytest.mark.usefixtures("committing")
def test_many_workers_claim_every_message_exactly_once(now: datetime) -> None:
    person = UserFactory.create()
    for number in range(40):
        promise(person, now, key=str(number))

    def work() -> list[UUID]:
        owner, mine = outbox.new_owner(), []
        while claimed := claim(now, owner):
            mine += [message.pk for message in claimed]
        return mine

    with ThreadPoolExecutor(max_workers=4) as workers:
        shares = list(workers.map(lambda _number: in_a_thread(work), range(4)))

    taken = [pk for share in shares for pk in share]
    assert len(taken) == len(set(taken)) == 40
    # Without SKIP LOCKED the workers wait for each other; without the row lock at all two take the same message.


@pytest.mark.usefixtures("committing")
def test_many_promises_of_the_same_mail_at_once_are_one(now: datetime) -> None:
    person = UserFactory.create()

    def work() -> None:
        with transaction.atomic():
            outbox.post(occasion="news", about=person, to=outbox.Recipient.of_user(person), now=now)

    with ThreadPoolExecutor(max_workers=4) as workers:
        list(workers.map(lambda _number: in_a_thread(work), range(8)))

    assert Message.objects.count() == 1


@pytest.mark.usefixtures("committing")
def test_a_claim_is_committed_before_it_is_returned(now: datetime) -> None:
    promise(UserFactory.create(), now)
    claim(now)

    assert connection.in_atomic_block is False
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        claim(now)


def test_every_occasion_has_a_name_and_every_name_an_occasion() -> None:
    assert set(outbox.names()) == set(outbox.occasions())
    assert outbox.name_of("long-gone") == "long-gone"

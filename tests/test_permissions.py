"""Who may do what: every cell of ``tests/permissions.yaml`` is played against the real portal.

The expectations are written by hand from the permission matrix, never recorded. What is not declared fails, and so
does what is declared and gone. What is denied changes no row and queues no mail; what is allowed changes its row.
Before a door that asks nothing but whether one has come in, roles take turns; ``bin/prove permissions`` plays them all.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from tests.permissions import matrix, page
from tests.permissions.matrix import Cell, declared
from tests.permissions.play import Counters, Player
from tests.permissions.world import World, world_in_a_transaction


@pytest.fixture(scope="module")
def db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The database for the whole module, in place of one transaction per test."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def world(db: None) -> Iterator[World]:
    """One world for all cells: each is undone before the next."""
    with world_in_a_transaction() as made:
        yield made


@pytest.fixture(scope="module")
def player(world: World) -> Player:
    return Player(world)


def wrong(player: Player, cells: list[Cell]) -> str:
    """Return what is wrong about the cells, one line each."""
    return "\n".join(line for line in map(player.play, matrix.taking_turns(cells)) if line)


def test_every_route_list_deed_action_and_use_case_is_declared_and_every_declaration_is_one() -> None:
    assert matrix.stubs() == ""


def test_every_role_can_come_in(world: World) -> None:
    assert sorted({*world.people, *world.links, "visitor"}) == sorted(matrix.roles())


@pytest.mark.parametrize("route", sorted(declared()["routes"]))
def test_each_role_gets_what_is_declared_for_the_route(player: Player, route: str) -> None:
    assert wrong(player, matrix.route_cells(route)) == ""
    assert player.unlike(route) == []


@pytest.mark.parametrize("listing", sorted(declared()["desk"]))
def test_the_desk_opens_to_whom_it_is_declared_and_to_nobody_else(player: Player, listing: str) -> None:
    assert wrong(player, matrix.desk_cells(listing)) == ""


@pytest.mark.parametrize("use_case", sorted(declared()["use_cases"]))
def test_a_use_case_refuses_strangers_whatever_door_they_come_through(player: Player, use_case: str) -> None:
    assert wrong(player, matrix.use_case_cells(use_case)) == ""


@pytest.mark.parametrize("question", sorted(declared()["questions"]))
def test_the_domain_knows_who_somebody_is(player: Player, question: str) -> None:
    assert wrong(player, matrix.question_cells(question)) == ""


@pytest.mark.parametrize("shown", sorted(declared()["shown"]))
def test_a_page_shows_a_button_to_whom_it_is_declared_and_to_no_other_reader(player: Player, shown: str) -> None:
    assert wrong(player, matrix.shown_cells(shown)) == ""


def test_other_methods_are_not_allowed(player: Player) -> None:
    assert wrong(player, matrix.some_other_methods()) == ""


def test_every_secret_is_read_by_somebody_so_that_its_absence_means_something(player: Player) -> None:
    pages = [
        player.answer_to(cell).body
        for route in ("enrolment", "link-invite", "link-host", "link-survey", "offer", "enrol")
        for cell in matrix.route_cells(route)
        if cell.method == "GET" and cell.answer == "ok" and cell.role != "visitor"
    ]
    pages += [
        player.answer_to(cell).body
        for listing in ("portal_message", "offers_enrolment", "offers_offer")
        for cell in matrix.desk_cells(listing)
        if cell.method == "GET" and cell.role == "coordinator"
    ]
    text = b"".join(pages)

    read = [name for name, readers in declared()["secrets"].items() if readers != "nobody"]
    assert [name for name in read if player.world.words[name].encode() not in text] == []


@pytest.mark.parametrize("secret", sorted(declared()["secrets"]))
def test_a_search_for_a_secret_finds_it_only_for_those_who_may_read_it(player: Player, secret: str) -> None:
    assert wrong(player, matrix.search_cells(secret)) == ""


def test_the_counters_see_every_kind_of_change_even_when_it_is_undone(world: World) -> None:
    counters = Counters()

    seen = []
    for change in (
        lambda: Group.objects.create(name="One"),
        lambda: Group.objects.update(name="Two"),
        lambda: Group.objects.all()._raw_delete("default"),
        lambda: Group.objects.filter(name="Nobody").update(name="Two"),
    ):
        change()
        seen.append(counters.written())
    point = transaction.savepoint()
    Group.objects.create(name="Three")
    transaction.savepoint_rollback(point)
    seen.append(counters.written())

    written = frozenset({"auth_group"})
    assert seen == [written, written, written, frozenset(), written]


def test_the_page_for_people_is_up_to_date() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.text(), "python -m tests.permissions.page"

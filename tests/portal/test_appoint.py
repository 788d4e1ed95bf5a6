"""Giving the first role from the shell."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from portal.domain.actor import municipal_roles, municipal_roles_held
from portal.models import User
from tests import factories


@pytest.mark.django_db
def test_the_first_administrator_is_made_and_still_needs_a_second_factor() -> None:
    call_command("appoint", "administrator", "Anna@Fjordby.example", "--name", "Anna Holm", stdout=StringIO())
    anna = User.objects.get(email="anna@fjordby.example")
    assert (anna.name, anna.has_usable_password(), municipal_roles(anna)) == ("Anna Holm", False, frozenset())
    assert municipal_roles_held(anna) == {"administrator", "coordinator", "reviewer"}


@pytest.mark.django_db
def test_an_account_is_appointed_once_however_often_it_is_said() -> None:
    user = factories.UserFactory.create()
    for _time in range(2):
        call_command("appoint", "operator", user.email, stdout=StringIO())
    assert list(user.municipal_roles.values_list("role", flat=True)) == ["operator"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "words", [("operator", "nobody"), ("operator", "ny@fjordby.example"), ("king", "a@fjordby.example")]
)
def test_what_makes_no_sense_is_refused_in_words(words: tuple[str, str]) -> None:
    with pytest.raises(CommandError):
        call_command("appoint", *words, stdout=StringIO())
    assert User.objects.count() == 0

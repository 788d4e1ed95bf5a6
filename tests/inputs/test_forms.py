"""Every form answers at the field, keeps what was typed, and takes nothing that it did not ask for."""

import pytest

from tests.inputs import run
from tests.inputs.formsweep import FormSweep
from tests.inputs.sweep import Sweep

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="package")
def forms(sweep: Sweep) -> FormSweep:
    return FormSweep(sweep)


def test_the_sweep_finds_the_forms(forms: FormSweep) -> None:
    taken = [sent.label for sent in forms.some(6) if forms.accepted(sent)]

    # Not a count of what there is today: far fewer means that the sweep has lost its way in.
    assert (len(forms.forms) >= 90, len(taken) >= 25) == (True, True), (len(forms.forms), len(taken))


def test_what_must_be_refused_is_refused_at_its_field_and_kept(forms: FormSweep) -> None:
    found = [line for turn, sent in enumerate(forms.forms) for line in forms.all_wrong_at_once(sent, turn)]

    assert "\n".join(found) == ""


def test_what_is_odd_but_good_is_taken(forms: FormSweep) -> None:
    found = [line for turn, sent in enumerate(forms.forms) for line in forms.all_odd_at_once(sent, turn)]

    assert "\n".join(found) == ""


def test_a_form_sent_twice_or_empty_breaks_nothing(forms: FormSweep) -> None:
    found = [line for sent in forms.some(6) for line in forms.twice(sent)]

    assert "\n".join(found) == ""


def test_columns_that_nobody_asked_for_change_nothing(forms: FormSweep) -> None:
    found = [line for sent in forms.some(6) for line in forms.more_than_asked_for(sent)]

    assert "\n".join(found) == ""


def test_rows_counted_wrongly_break_nothing(forms: FormSweep) -> None:
    found = [line for turn, sent in enumerate(forms.forms) for line in forms.tampered(sent, turn)]

    assert "\n".join(found) == ""


def test_a_careless_form_is_caught(forms: FormSweep) -> None:
    """The negative control: a form that is never asked whether what it was sent is any good."""
    for part in (run.forms, run.fields):
        words, breaks, taken = run.control(forms.ground, part)

        assert (breaks >= 3, taken >= 10) == (True, True), words

"""Requests that nobody should send are answered calmly, on every route."""

import pytest

from tests.inputs.requests import some
from tests.inputs.sweep import Sweep

pytestmark = pytest.mark.django_db


def test_the_sweep_reaches_the_portal(sweep: Sweep) -> None:
    shown = {place.route.name for place in sweep.places if place.status == 200}

    # Not a count of what there is today: far fewer means that the sweep has lost its way in.
    assert (len(shown) >= 110, {"enrol", "link-survey", "builder-step", "admin:offers_offer_change"} <= shown) == (
        True,
        True,
    )


def test_every_route_answers_calmly_to_what_nobody_should_send(sweep: Sweep) -> None:
    found = list(sweep.requests(some(1)))

    assert "\n".join(found) == ""


def test_every_list_answers_calmly_to_junk_in_its_parameters(sweep: Sweep) -> None:
    found = list(sweep.lists(some(3)))

    assert "\n".join(found) == ""

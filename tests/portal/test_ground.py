"""The ground: addresses that need nothing else."""

import pytest
from django.test import Client

from portal.models import Municipality


@pytest.mark.django_db
def test_health_is_asked_of_the_database(client: Client) -> None:
    answer = client.get("/healthz/")

    assert (answer.status_code, answer.json()) == (200, {"ok": True})


@pytest.mark.django_db
def test_the_theme_is_the_municipalitys_colour(client: Client, municipality: Municipality) -> None:
    sheet = client.get("/theme.css").content.decode()

    municipality.brand_color = "#8a1c4a"
    municipality.save()

    assert sheet != client.get("/theme.css").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/theme.css?q=%00", "/a%00b/", "/theme.css?%0b=1"])
def test_control_characters_are_refused(client: Client, municipality: Municipality, address: str) -> None:
    assert client.get(address).status_code == 400

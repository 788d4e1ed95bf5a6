"""The demo's own pages; outside the demo they do not exist."""

import os
import re
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as origin
from django.test import Client

from portal.domain import clock, sign_in
from portal.models import Heartbeat, Municipality, SignInCode
from tests import factories

PAGES = ["/demo/ur/", "/demo/koder/", "/demo/mails/", "/demo/mails/1/", "/demo/mails/1/html/", "/demo/mails/1/0/"]


@pytest.fixture
def mails(settings: Any, tmp_path: Path, municipality: Any) -> Path:
    settings.DEMO = True
    settings.DEMO_MAIL_DIR = tmp_path
    return tmp_path


def caught(folder: Path, name: str, *, subject: str = "7.B er tilmeldt", to: str = "mette@skole.example") -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = subject, "portal@fjordby.example", to
    mail["Date"] = "Tue, 08 Sep 2026 08:00:00 -0000"  # as Django writes it: world time
    mail.set_content(f"Hej Mette\n\n{origin.ORIGIN}/tilmeldinger/\n")
    mail.add_alternative("<html><head></head><body><h1>Hej</h1></body></html>", subtype="html")
    mail.add_attachment(b"BEGIN:VCALENDAR", maintype="text", subtype="calendar", filename="besoeg.ics")
    path = folder / f"{name}.eml"
    path.write_bytes(bytes(mail))
    age = int(name) if name.isdigit() else 0
    os.utime(path, (1_800_000_000 + age, 1_800_000_000 + age))


@pytest.mark.django_db
@pytest.mark.parametrize("address", PAGES)
def test_outside_the_demo_its_pages_do_not_exist(
    client: Client, settings: Any, municipality: Municipality, address: str
) -> None:
    settings.DEMO = False

    assert client.get(address).status_code == 404
    assert client.post(address).status_code == 404


@pytest.mark.django_db
def test_the_clock_moves_forward_by_a_step(client: Client, mails: Path) -> None:
    before = clock.now()

    response = client.post("/demo/ur/", {"step": "day"}, follow=True)

    assert response.redirect_chain == [("/demo/ur/", 302)]
    assert timedelta(days=1) <= clock.now() - before < timedelta(days=1, minutes=1)
    assert re.findall(r'name="step" value="(\w+)"', response.content.decode()) == ["hour", "day", "week"]


@pytest.mark.django_db
@pytest.mark.parametrize("step", ["", "year", "-1", "hour "])
def test_a_step_that_does_not_exist_moves_nothing(client: Client, mails: Path, step: str) -> None:
    before = clock.now()

    response = client.post("/demo/ur/", {"step": step}, follow=True)

    assert clock.now() - before < timedelta(minutes=1)
    assert response.content.decode().count('role="alert"') == 1


@pytest.mark.django_db
def test_the_mails_are_listed_newest_first_and_filtered_by_receiver(client: Client, mails: Path) -> None:
    caught(mails, "1", subject="Den ældste")
    caught(mails, "2", subject="Den <b>nyeste</b>", to="vaert@firma.example")

    page = client.get("/demo/mails/").content.decode()
    filtered = client.get("/demo/mails/?to=VAERT@").content.decode()

    assert re.findall(r'<a href="/demo/mails/(\d+)/">', page) == ["2", "1"]
    assert "Den &lt;b&gt;nyeste" in page
    assert re.findall(r'<a href="/demo/mails/(\d+)/">', filtered) == ["2"]


@pytest.mark.django_db
def test_no_mails_is_said_and_leads_to_the_clock(client: Client, mails: Path) -> None:
    page = client.get("/demo/mails/").content.decode().split("<main")[1]

    assert 'href="/demo/ur/"' in page


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["0", "-1", "abc", "99", "1e3", ""])
def test_any_page_number_shows_mails(client: Client, mails: Path, typed: str) -> None:
    caught(mails, "1")

    assert client.get("/demo/mails/", {"page": typed}).content.decode().count('<a href="/demo/mails/1/">') == 1


@pytest.mark.django_db
def test_a_mail_shows_its_head_its_text_its_frame_and_its_files(client: Client, mails: Path) -> None:
    caught(mails, "1")

    response = client.get("/demo/mails/1/")
    page = response.content.decode()

    assert page.count("<h1") == 1
    assert "8. september 2026 10.00" in page
    assert re.findall(r"<h1>([^<]*)</h1>", page) == ["7.B er tilmeldt"]
    assert re.findall(r'<iframe[^>]*src="([^"]*)"', page) == ["/demo/mails/1/html/"]
    assert re.findall(r'href="(/demo/mails/1/\d/)"', page) == ["/demo/mails/1/0/"]
    assert f'href="{origin.ORIGIN}/tilmeldinger/"' in page
    assert "frame-src 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_the_frame_of_a_mail_runs_nothing_and_its_links_leave_it(client: Client, mails: Path) -> None:
    caught(mails, "1")

    response = client.get("/demo/mails/1/html/")

    assert response.content == b'<html><head><base target="_top"></head><body><h1>Hej</h1></body></html>\n'
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "allow-scripts" not in response.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_a_file_of_a_mail_is_handed_out(client: Client, mails: Path) -> None:
    caught(mails, "1")

    response = client.get("/demo/mails/1/0/")

    assert response.content == b"BEGIN:VCALENDAR"
    assert response.headers["Content-Disposition"] == 'attachment; filename="besoeg.ics"'
    assert client.get("/demo/mails/1/1/").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["2", "..", "..%2f..%2fetc%2fpasswd", "a%20b", ".", "%2e%2e"])
def test_no_other_file_of_the_machine_is_a_mail(client: Client, mails: Path, name: str) -> None:
    (mails.parent / "secret.eml").write_text("Subject: hemmelig\n\n")

    assert client.get(f"/demo/mails/{name}/").status_code == 404


@pytest.mark.django_db
def test_the_clock_page_says_how_far_the_background_work_has_followed(client: Client, mails: Path) -> None:
    reached = datetime(2026, 9, 8, 8, 0, tzinfo=UTC)

    def shown() -> list[str]:
        return re.findall(r'id="caught-up" datetime="([^"]+)"', client.get("/demo/ur/").content.decode())

    nothing = shown()
    Heartbeat.objects.create(name="deliver-messages", last_ok=reached, reached=reached + timedelta(hours=1))
    half = shown()
    Heartbeat.objects.create(name="follow-the-calendar", last_ok=reached, reached=reached)

    assert (nothing, half, shown()) == ([], [], ["2026-09-08T10:00:00+02:00"])


@pytest.mark.django_db
def test_the_codes_of_the_staffs_apps_are_shown_and_let_in(client: Client, mails: Path) -> None:
    user = factories.CoordinatorFactory.create(name="Maria Lindholt Sander")
    client.post("/konto/login/", {"email": user.email})
    row = SignInCode.objects.get()
    client.post("/konto/login/kode/", {"code": sign_in.code_of(row)})

    (shown,) = client.get("/demo/koder/").context["rows"]
    answer = client.post("/konto/to-trin/login/", {"code": shown["now"]})

    assert (shown["user"].name, answer.status_code, client.get("/admin/").status_code) == (user.name, 302, 200)

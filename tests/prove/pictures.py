"""Take the screenshots of the README again, from the demo municipality, wide and narrow."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.conftest import Visitor, chromium
from tests.e2e.stack import running_portal
from tests.e2e.walk import COORDINATOR, TEACHER
from tests.prove.figures import Figure
from tests.prove.ground import ROOT

FOLDER = ROOT / "docs" / "pictures"
SIZES = {"wide": 1280, "narrow": 360}
HEIGHT = {"wide": 900, "narrow": 740}
PAGES = {
    "front": ("/", ""),
    "catalogue": ("/forloeb/?klassetrin=8", ""),
    "offer": ("", ""),
    "enrolments": ("/tilmeldinger/", TEACHER),
    "desk": ("/admin/", COORDINATOR),
}


def prove() -> Iterator[Figure]:
    """Write the pictures and yield how many there are."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    written = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        running_portal(Path(folder), "prove_pictures") as portal,
        chromium() as browser,
    ):
        for size, width in SIZES.items():
            context = browser.new_context(viewport={"width": width, "height": HEIGHT[size]}, locale="da-DK")
            page = context.new_page()
            for name, (address, person) in PAGES.items():
                if person:
                    context.clear_cookies()
                    Visitor(portal, context, page).sign_in(person)
                if address:
                    page.goto(portal.path(address))
                else:
                    page.goto(portal.path("/forloeb/?ledige=on"))
                    page.locator("#hits .offer-grid a").first.click()
                page.wait_for_load_state("networkidle")
                page.screenshot(path=str(FOLDER / f"{name}-{size}.png"))
                written += 1
            context.close()
    yield Figure(name="pictures written", value=written, goal=str(len(PAGES) * 2), held=written == len(PAGES) * 2)

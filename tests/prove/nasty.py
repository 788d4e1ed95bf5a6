"""Run in the portal: write one payload into every field, and print where the words stand and how to come in."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

django.setup()

from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone

from tests import sinks
from tests.conftest import put_vocabularies_back
from tests.payloads import PAYLOADS

ALONE = {"HTML mail", "PDF", "handed-out data"}  # what is read where no policy of ours protects it


def main(name: str) -> None:
    """Build the world, write the payload, and print pages, cookies and letters as JSON."""
    call_command("flush", interactive=False, verbosity=0)
    put_vocabularies_back()
    world = sinks.build(timezone.now())
    sinks.write(world, PAYLOADS[name])
    assert default_storage.exists("uploads")
    cookies = {
        who: {key: morsel.value for key, morsel in browser.cookies.items()} for who, browser in world.browsers.items()
    }
    outcomes = list(sinks.outcomes(world))
    alone = [one.html for one in outcomes if one.sink in ALONE and one.html]
    live = [f"{one.sink}: {found}" for one in outcomes for found in sinks.live_in(one)]
    print(json.dumps({"pages": sinks.pages(world), "cookies": cookies, "alone": alone, "live": live}))


if __name__ == "__main__":
    main(sys.argv[1])

"""The web server's entry: ``gunicorn portal.wsgi:application``."""

import os

import django
from django.core.handlers.wsgi import WSGIHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup(set_prefix=False)

from portal.http import ReadableRequest  # noqa: E402 (the settings come first)


class Application(WSGIHandler):
    """Django's own, with a request that can always be read."""

    request_class = ReadableRequest


application = Application()

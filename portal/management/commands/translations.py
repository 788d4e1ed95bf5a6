"""``manage.py translations``: keep the Danish translation complete, without GNU gettext.

``--update`` writes every source string into ``locale/da/LC_MESSAGES/django.po`` (obsolete ones go; quotes become the
Danish »…«);
``--fill FILE`` enters translations from a JSON object ``{"English": "Dansk"}`` (a plural's value is a list, a context
stands before the text, separated by the character U+0004); ``--compile`` writes the ``.mo``;
``--check`` fails when a string is missing, left over, or has lost a placeholder.
"""

import io
import json
import re
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation.template import templatize

KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "_counted": (1, 2),  # in the modules of the log's sentences
}
DANISH_QUOTES = str.maketrans("“”", "»«")
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd]|\{\w*\}")
APPS = ("portal", "companies", "schools", "offers")
Key = tuple[str, str | tuple[str, ...]]


def sources() -> Iterator[tuple[str, io.BytesIO]]:
    """Yield every source file as Python: modules as they are, templates as Django turns them for gettext."""
    root: Path = settings.BASE_DIR
    for app in APPS:
        for path in sorted((root / app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield str(path.relative_to(root)), io.BytesIO(path.read_bytes())
    for path in sorted((root / "templates").rglob("*")):
        if path.suffix in {".html", ".txt"}:
            turned = templatize(path.read_text(encoding="utf-8"), origin=str(path))
            # What is no tag is blanked out, but keeps its indentation, which means something in Python.
            flush = "\n".join(line.lstrip() for line in turned.splitlines())
            yield str(path.relative_to(root)), io.BytesIO(flush.encode())


def in_source() -> Catalog:
    """Return every string that is marked for translation."""
    catalog = Catalog(locale="da", project="open-school-portal", charset="utf-8")
    for name, file in sources():
        for line, message, comments, context in extract("python", file, KEYWORDS, (), {"encoding": "utf-8"}):
            flags = ["python-format"] if "%(" in str(message) or "%s" in str(message) else []
            catalog.add(message, None, [(name, line)], flags=flags, auto_comments=comments, context=context)
    return catalog


def key(message: Message) -> Key:
    """Return what identifies a message: its context and its id."""
    text = tuple(message.id) if isinstance(message.id, list | tuple) else message.id
    return (message.context or "", text)


class Command(BaseCommand):
    """Extract, enter, compile and check the Danish translation."""

    help = "Keep the Danish translation complete."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--update", action="store_true")
        parser.add_argument("--fill", action="append", default=[], type=Path)
        parser.add_argument("--compile", action="store_true")
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        if options["update"] or options["fill"]:
            self.update(options["fill"])
        if options["compile"]:
            catalog = self.read()
            with self.path.with_suffix(".mo").open("wb") as file:
                write_mo(file, catalog)
        if options["check"]:
            self.check_it()

    @property
    def path(self) -> Path:
        """Where the Danish translation stands."""
        return Path(settings.BASE_DIR) / "locale" / "da" / "LC_MESSAGES" / "django.po"

    def read(self) -> Catalog:
        """Return the translation as it stands in the file."""
        if not self.path.exists():
            return Catalog(locale="da", charset="utf-8")
        with self.path.open("rb") as file:
            return read_po(file, locale="da")

    def update(self, files: list[Path]) -> None:
        """Bring the file up to date with the sources, and enter the translations of the JSON files."""
        old = {key(message): message.string for message in self.read() if message.id}
        given: dict[str, str | list[str]] = {}
        for file in files:
            given.update(json.loads(file.read_text(encoding="utf-8")))
        catalog = in_source()
        for message in catalog:
            if not message.id:
                continue
            first = message.id[0] if isinstance(message.id, list | tuple) else message.id
            name = f"{message.context}\x04{first}" if message.context else first
            new = given.get(name, given.get(first))
            string = new if new is not None else old.get(key(message))
            if string is not None and isinstance(message.id, list | tuple) != isinstance(string, list | tuple):
                string = None
            if string is not None:
                one_or_more = [string] if isinstance(string, str) else string
                quoted = tuple(one.translate(DANISH_QUOTES) for one in one_or_more)
                message.string = quoted[0] if isinstance(string, str) else quoted
            # Line numbers make every change of a file a change of the translation.
            message.locations = [(place, 0) for place in sorted({place for place, _line in message.locations})]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("wb") as out:
            write_po(out, catalog, width=110, sort_output=True, omit_header=False, include_lineno=False)
        self.stdout.write(f"{sum(1 for message in catalog if message.id)} strings")

    def check_it(self) -> None:
        """Compare the sources with the file and say everything that is wrong."""
        wanted = {key(message) for message in in_source() if message.id}
        troubles: list[str] = []
        have: set[Key] = set()
        for message in self.read():
            if not message.id:
                continue
            have.add(key(message))
            strings = list(message.string) if isinstance(message.string, list | tuple) else [message.string or ""]
            ids = list(message.id) if isinstance(message.id, list | tuple) else [message.id]
            if not all(strings) or "fuzzy" in message.flags:
                troubles.append(f"not translated: {message.id!r}")
                continue
            if any(one != one.translate(DANISH_QUOTES) for one in strings):
                troubles.append(f"quotes of another language (--update mends them): {strings[0]!r}")
            for one, source in zip(strings, [ids[0], *ids[1:]], strict=False):
                lost = set(PLACEHOLDER.findall(source)) ^ set(PLACEHOLDER.findall(one))
                if lost and len(ids) == 1:
                    troubles.append(f"placeholders differ {sorted(lost)}: {source!r}")
                if ids[-1] is source and set(PLACEHOLDER.findall(one)) - set(PLACEHOLDER.findall(source)):
                    troubles.append(f"placeholders invented: {source!r}")
        troubles += [f"not in the file (run with --update): {text!r}" for text in sorted(map(str, wanted - have))]
        troubles += [f"left over (run with --update): {text!r}" for text in sorted(map(str, have - wanted))]
        if troubles:
            raise CommandError("\n".join(troubles))
        self.stdout.write(f"{len(have)} strings, all translated")

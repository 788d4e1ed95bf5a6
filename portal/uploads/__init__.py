"""The one door for files that people send: what goes in is what somebody sent, what comes out may be kept and shown.

The bytes are read by ``portal/uploads/examiner.py`` in a child process of its own, bounded in memory and time. At most
two run at once in the whole installation (advisory locks in PostgreSQL). What may be kept is stored by
``portal.domain.uploads``, and given out by :mod:`portal.uploads.serving`.
"""

import hashlib
import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.domain.refusal import Refusal
from portal.domain.text import one_line
from portal.domain.uploads import SafeFile
from portal.models import Upload

log = logging.getLogger(__name__)

EXAMINER = Path(__file__).with_name("examiner.py")
MEGABYTE = 1024 * 1024
LARGEST_PICTURE = 5 * MEGABYTE
LARGEST_DOCUMENT = 20 * MEGABYTE
LONGEST_NAME = 120
SECONDS = 25
EXAMINERS = 2
# The first key of the advisory locks ("UPL" in ASCII); the second is the number of the examiner.
LOCK_CLASS = 0x55504C
PATIENCE_SECONDS = 8
REFUSED_EXIT = 4
TOLD = ("PATH", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "SYSTEMROOT")

PICTURES = ("jpg", "jpeg", "png", "webp")
OFFICE = ("docx", "pptx", "odt")
# Names that Windows gives to devices: no file can be saved under them.
DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
NOT_IN_NAMES = re.compile(r'[<>:"|?*%;\\/]+')

SENTENCES: dict[str, str | Promise] = {
    "empty": _("The file is empty. Choose it once more, or save it again first."),
    "too-large": _("The file has %(size)d MB; at most %(most)d MB can be sent. Can you save a smaller one?"),
    "not-a-picture": _("This is not a picture that can be shown. Choose a JPEG, PNG or WebP file."),
    "picture-unreadable": _("The picture is damaged and cannot be read. Save it again, or choose another one."),
    "too-many-pixels": _("The picture has too many pixels: at most %(most)d million. Save it in a smaller size."),
    "not-a-pdf": _("This is not a PDF. Save your document as PDF and choose that file."),
    "not-a-document": _("Only PDF files can be taken. Save your document as PDF and choose that file."),
    "not-a-document-office": _("Only PDF, DOCX, PPTX and ODT files can be taken. Save your document as one of them."),
    "pdf-locked": _("The PDF is locked with a password or against changes. Save it without, and choose that file."),
    "pdf-unreadable": _("The PDF is damaged and cannot be read. Save it again, and choose that file."),
    "pdf-too-long": _(
        "The PDF has %(pages)d pages; at most %(most)d can be taken. Choose the pages that teachers need."
    ),
    "pdf-script": _(
        "The PDF holds a program (JavaScript or a form with scripts). Print it to a new PDF, and choose that."
    ),
    "pdf-launch": _("The PDF starts programs or opens other files. Print it to a new PDF, and choose that."),
    "pdf-attachment": _("The PDF carries other files or films inside it. Print it to a new PDF, and choose that."),
    "not-an-office-document": _("The file is not what its name says, or it is damaged. Save it again, or as PDF."),
    "office-locked": _("The document is locked with a password. Save it without, or as PDF."),
    "office-macros": _("The document holds macros or parts of other documents. Save it as PDF, and choose that file."),
    "office-too-large": _("The document unpacks to far more than it seems. Save it as PDF, and choose that file."),
    "too-heavy": _("The file is too heavy to be examined. Save a simpler one, or choose another."),
    "busy": _("Many files are being sent just now. Wait a minute and send yours again; what you wrote is kept."),
}


def refusal(code: str, numbers: Mapping[str, Any] | None = None) -> Refusal:
    """Return the refusal of a file, in words that say what to do."""
    sentence = SENTENCES.get(code, SENTENCES["too-heavy"])
    return Refusal(str(sentence) % (numbers or {}) if numbers else sentence, code=code)


def picture(file: UploadedFile) -> SafeFile:
    """Return a picture made anew from its pixels, in two sizes, without anything else that was in the file.

    Takes PNG, JPEG and WebP of at most 5 MB and 40 million pixels; raises Refusal.
    """
    return _examined(file, kind=Upload.Kind.PICTURE, errand="picture", largest=LARGEST_PICTURE)


def logo(file: UploadedFile) -> SafeFile:
    """Return a logo made anew, small enough for the head of a page. Takes and refuses what :func:`picture` does."""
    return _examined(file, kind=Upload.Kind.LOGO, errand="logo", largest=LARGEST_PICTURE)


def document(file: UploadedFile, *, office: bool = False) -> SafeFile:
    """Return an examined document of at most 20 MB: PDF, and with ``office`` also DOCX, PPTX and ODT.

    A PDF comes out written anew, with at most 200 pages, neither locked nor able to act, and without its author's
    name. Raises Refusal.
    """
    ending = ending_of(file.name or "")
    if ending != "pdf" and not (office and ending in OFFICE):
        raise refusal("not-a-document-office" if office else "not-a-document")
    return _examined(file, kind=Upload.Kind.DOCUMENT, errand=ending, largest=LARGEST_DOCUMENT)


def ending_of(name: str) -> str:
    """Return what stands behind the last point of a name, in small letters."""
    return one_line(name).rpartition(".")[2].lower()


def clean_name(name: str, form: str) -> str:
    """Return what a file was called at home, as text that may stand anywhere: no folder, at most 120 characters.

    The ending is that of what the file is, whatever it was called.
    """
    last = re.split(r"[/\\]", one_line(name))[-1]
    stem = last.rpartition(".")[0] if "." in last else last
    stem = " ".join(NOT_IN_NAMES.sub(" ", stem).split()).strip(". ")
    if not stem or DEVICES.fullmatch(stem):
        stem = f"fil {stem}".strip()
    return f"{stem[: LONGEST_NAME - len(form) - 1].rstrip('. ')}.{form}"


def _examined(file: UploadedFile, *, kind: str, errand: str, largest: int) -> SafeFile:
    size = file.size or 0
    if size > largest:
        raise refusal("too-large", {"size": -(-size // MEGABYTE), "most": largest // MEGABYTE})
    data = file.read()
    if not data:
        raise refusal("empty")
    facts, files = _examine(errand, data)
    return SafeFile(
        kind=kind,
        format=facts["format"],
        name=clean_name(file.name or "", facts["format"]),
        content=files[0],
        small=files[1] if len(files) > 1 else None,
        digest=hashlib.sha256(kind.encode() + b"\0" + data).hexdigest(),
        width=facts.get("width", 0),
        height=facts.get("height", 0),
    )


def _examine(errand: str, data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Have the examiner read the bytes; return its facts and the files that may be kept."""
    told = {name: os.environ[name] for name in TOLD if name in os.environ}
    with _free_examiner():
        try:
            child = subprocess.run(  # noqa: S603 (our own program; the argument is one of ours)
                [sys.executable, "-I", str(EXAMINER), errand],
                input=data,
                capture_output=True,
                cwd="/",
                env={**told, "LANG": "C.UTF-8"},
                start_new_session=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise refusal("too-heavy") from error
    last_words = child.stderr.decode(errors="replace").rstrip().rpartition("\n")[2]
    if child.returncode == REFUSED_EXIT:
        said = json.loads(last_words)
        raise refusal(said.pop("code"), said)
    if child.returncode != 0:
        log.warning("The examiner of files stopped with %d: %s", child.returncode, last_words[:200])
        raise refusal("too-heavy")
    line, _break, rest = child.stdout.partition(b"\n")
    facts = json.loads(line)
    files = []
    for size in facts["sizes"]:
        files.append(rest[:size])
        rest = rest[size:]
    return facts, files


@contextmanager
def _free_examiner() -> Iterator[None]:
    """Hold one of the installation's examiners while the block runs; wait some seconds for one, then refuse.

    The lock belongs to the database session: when this process dies, the examiner is free again.
    """
    stop = time.monotonic() + PATIENCE_SECONDS
    while (held := next((number for number in range(1, EXAMINERS + 1) if _try_lock(number)), None)) is None:
        if time.monotonic() > stop:
            raise refusal("busy")
        time.sleep(0.1)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, held])


def _try_lock(number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, number])
        row = cursor.fetchone()
    return bool(row and row[0])

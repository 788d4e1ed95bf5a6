"""The one door to WeasyPrint: HTML that we wrote goes in, a tagged PDF comes out.

The work is done by ``portal/pdf/press.py`` in a child process of its own: bounded in memory, time and size, without
network, without our settings and secrets, in an empty folder. At most two run at once in the whole installation
(advisory locks in PostgreSQL); what comes beyond that becomes a :class:`~portal.models.DocumentJob`, which the worker
makes. A finished document is found again by the hash of everything that it was made of.
"""

import hashlib
import logging
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from portal.models import Document, DocumentJob

log = logging.getLogger(__name__)

PRESS = Path(__file__).with_name("press.py")
LONGEST_HTML = 300_000
SECONDS = 30
PRESSES = 2
ATTEMPTS = 3
LEASE = timedelta(seconds=90)
KEPT = timedelta(days=7)
TRIED_AGAIN_AFTER = timedelta(minutes=10)

# The first key of the advisory locks ("PDF" in ASCII); the second is the number of the press.
LOCK_CLASS = 0x504446
LIBRARIES_MISSING = 3
# What the child is told of the world: where programs, libraries and fonts are. No secret, no setting, no proxy.
TOLD = ("PATH", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "SYSTEMROOT")
UPLOADED = re.compile(r"upload:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.(?:jpg|webp))")
MOST_PICTURES = 10
ASSET = re.compile(r"static:([A-Za-z0-9_./-]+)")


class LibrariesMissing(Exception):
    """WeasyPrint, or Pango below it, is not installed on this machine."""


class NotPrintable(Exception):
    """The document did not come out: too long, too slow, or something in it was refused. Says which."""


def render(html: str, *, seconds: float = SECONDS) -> bytes:
    """Return the document as PDF/UA-1, made in at most ``seconds``.

    The HTML carries language, title and an alternative text for each picture, and names its files as
    ``static:css/paper.css``; anything else it asks for ends the work. Raises LibrariesMissing or NotPrintable.
    """
    source = html.encode()
    if len(source) > LONGEST_HTML:
        raise NotPrintable(f"The document has {len(source)} bytes; {LONGEST_HTML} is the limit.")
    with tempfile.TemporaryDirectory(prefix="press-") as folder, tempfile.TemporaryFile() as pages:
        pages.write(source)
        pages.seek(0)
        _lay_out_pictures(html, Path(folder))
        told = {name: os.environ[name] for name in TOLD if name in os.environ}
        try:
            child = subprocess.run(  # noqa: S603 (our own program, no arguments from outside)
                [sys.executable, "-I", str(PRESS)],
                stdin=pages,
                capture_output=True,
                cwd=folder,
                env={**told, "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8"},
                start_new_session=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NotPrintable(f"The document was not finished after {seconds:g} seconds.") from error
    made, said = child.stdout, child.stderr
    last_words = said.decode(errors="replace").strip().rpartition("\n")[2][:300]
    if child.returncode == LIBRARIES_MISSING:
        raise LibrariesMissing(last_words)
    if child.returncode != 0 or not made.startswith(b"%PDF-"):
        raise NotPrintable(last_words or f"The press stopped with {child.returncode}.")
    return made


def _lay_out_pictures(html: str, folder: Path) -> None:
    """Put the uploaded pictures that the document names into the folder in which the press works.

    Only what the examiner has made anew has such a name. What is missing the press will ask for in vain, and say so.
    """
    for name in sorted(set(UPLOADED.findall(html)))[:MOST_PICTURES]:
        path = f"uploads/{name[:2]}/{name}"
        if default_storage.exists(path):
            with default_storage.open(path) as picture:
                (folder / name).write_bytes(picture.read())


def hash_of(html: str) -> str:
    """Return the hash of everything a document is made of: its HTML, style sheets, fonts, pictures and the press."""
    digest = hashlib.sha256(html.encode())
    digest.update(PRESS.read_bytes())
    try:
        digest.update(version("weasyprint").encode())
    except PackageNotFoundError:
        digest.update(b"none")
    static = settings.BASE_DIR / "static"
    seen: set[str] = set()
    waiting = sorted(set(ASSET.findall(html)))
    while waiting:
        name = waiting.pop(0)
        path = static / name
        if name in seen or ".." in name or not path.is_file():
            continue
        seen.add(name)
        content = path.read_bytes()
        digest.update(name.encode() + b"\0" + content)
        if path.suffix == ".css":
            waiting += sorted(set(ASSET.findall(content.decode())))
    return digest.hexdigest()


@contextmanager
def free_press() -> Iterator[bool]:
    """Hold one of the installation's presses while the block runs; yield whether there was a free one.

    The lock belongs to the database session: when this process dies, the press is free again.
    """
    held = next((number for number in range(1, PRESSES + 1) if _try_lock(number)), None)
    try:
        yield held is not None
    finally:
        if held is not None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, held])


def _try_lock(number: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, number])
        row = cursor.fetchone()
    return bool(row and row[0])


def obtain(*, html: str, filename: str) -> Document | DocumentJob:
    """Return the finished document, made now if it must be; or the job, when the worker has to make it.

    The same content is made once. What does not come out at the first try is left to the worker, which tries
    until the third; a job that failed is tried again after ten minutes. A job that nobody has begun is made here
    when a press has become free, so a worker that rests holds nobody up. Raises LibrariesMissing.
    """
    digest = hash_of(html)
    if document := Document.objects.filter(pk=digest).first():
        return document
    job = DocumentJob.objects.filter(content_hash=digest).exclude(state=DocumentJob.State.READY).first()
    if job is not None and (job.state != DocumentJob.State.REQUESTED or job.attempts):
        return _again(job)
    with free_press() as free:
        if not free:
            return job or _ask(digest, filename, html)
        try:
            document = keep(digest, filename, render(html))
        except NotPrintable as error:
            log.warning("A document did not come out: %s", error)
            return _ask(digest, filename, html, attempts=1, trouble=str(error))
    if job is not None:
        DocumentJob.objects.filter(pk=job.pk).update(state=DocumentJob.State.READY, lease_until=None)
    return document


def picture(name: str, *, uploaded: str = "") -> str:
    """Return the address of a picture on paper: one that somebody put in, an illustration, or the general picture.

    A picture that was put in never changes, so its name stands for its content.
    """
    if UPLOADED.fullmatch(f"upload:{uploaded}"):
        return f"upload:{uploaded}"
    drawn = re.fullmatch(r"[a-z0-9-]+", name) and (settings.BASE_DIR / f"static/img/illustrations/{name}.svg").is_file()
    return f"static:img/illustrations/{name}.svg" if drawn else "static:img/hero.svg"


def keep(digest: str, filename: str, pdf: bytes) -> Document:
    """Keep a finished document; when somebody else made the same meanwhile, theirs stays."""
    Document.objects.bulk_create(
        [Document(content_hash=digest, filename=filename, pdf=pdf, made_at=timezone.now())], ignore_conflicts=True
    )
    return Document.objects.get(pk=digest)


def _ask(digest: str, filename: str, html: str, *, attempts: int = 0, trouble: str = "") -> DocumentJob:
    now = timezone.now()
    job, _made = DocumentJob.objects.update_or_create(
        content_hash=digest,
        defaults={
            "filename": filename,
            "html": html,
            "state": DocumentJob.State.REQUESTED,
            "attempts": attempts,
            "trouble": trouble[:300],
            "requested_at": now,
            "lease_until": None,
        },
    )
    return job


def _again(job: DocumentJob) -> DocumentJob:
    if job.state == DocumentJob.State.FAILED and job.requested_at < timezone.now() - TRIED_AGAIN_AFTER:
        return _ask(job.content_hash, job.filename, job.html)
    return job


def make_next() -> DocumentJob | None:
    """Make the document that has waited longest; return its job, or None when there is none or no press is free."""
    with free_press() as free:
        if not free or (job := _claim()) is None:
            return None
        try:
            keep(job.content_hash, job.filename, render(job.html))
        except (NotPrintable, LibrariesMissing) as error:
            log.warning("A document did not come out: %s", error)
            last = job.attempts >= ATTEMPTS
            job.state = DocumentJob.State.FAILED if last else DocumentJob.State.REQUESTED
            job.trouble = str(error)[:300]
        else:
            job.state, job.trouble = DocumentJob.State.READY, ""
        job.lease_until = None
        job.save(update_fields=["state", "trouble", "lease_until"])
        return job


def _claim() -> DocumentJob | None:
    now = timezone.now()
    with transaction.atomic():
        abandoned = Q(state=DocumentJob.State.RENDERING, lease_until__lt=now)
        DocumentJob.objects.filter(abandoned, attempts__gte=ATTEMPTS).update(
            state=DocumentJob.State.FAILED, trouble="The worker stopped while making it.", lease_until=None
        )
        job = (
            DocumentJob.objects.select_for_update(skip_locked=True)
            .filter(Q(state=DocumentJob.State.REQUESTED) | abandoned)
            .order_by("requested_at")
            .first()
        )
        if job is not None:
            job.state = DocumentJob.State.RENDERING
            job.attempts += 1
            job.lease_until = now + LEASE
            job.save(update_fields=["state", "attempts", "lease_until"])
    return job


def forget(*, real_now: datetime) -> int:
    """Delete documents and jobs older than a week, for some name a person; they are made again on demand."""
    made, _each = Document.objects.filter(made_at__lt=real_now - KEPT).delete()
    asked, _each = DocumentJob.objects.filter(requested_at__lt=real_now - KEPT).delete()
    return made + asked

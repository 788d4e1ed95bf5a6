"""Files that people put in: kept once, counted, and removed when nobody points to them any more.

What comes in here has been examined (``portal.uploads``). A file is written before its row is committed, so a
transaction that fails leaves a file without a row; :func:`remove_orphans` finds those too.
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from portal.domain import audit
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.models import Municipality, Upload

MOST_BYTES = 500_000_000
ORPHANED_FOR = timedelta(hours=24)
DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, kw_only=True)
class SafeFile:
    """An examined file, ready to be kept. ``digest`` is that of what came in; ``small`` a picture for cards."""

    kind: str
    format: str
    name: str
    content: bytes
    digest: str
    small: bytes | None = None
    width: int = 0
    height: int = 0


def keep(file: SafeFile, *, owner: models.Model, now: datetime, alt_text: str = "") -> Upload:
    """Store the file for its owner and return its row (a step; the owner's row is locked).

    The same file of the same owner is stored once; its description becomes the newest. Raises Refusal ``no-room``
    when the municipality's files would exceed 500 MB, ``disk-full`` when the disk does.
    """
    about = {"owner_type": owner._meta.label_lower, "owner_id": str(owner.pk), "digest": file.digest}
    alt_text = " ".join(alt_text.split())
    if known := Upload.objects.filter(**about).first():
        if known.alt_text != alt_text:
            known.alt_text = alt_text
            known.save(update_fields=["alt_text"])
        return known
    size = len(file.content) + len(file.small or b"")
    # Who adds to the total waits for whoever is adding: the one row of the municipality is the lock.
    Municipality.objects.select_for_update().first()
    taken: int = Upload.objects.aggregate(total=Sum("size"))["total"] or 0
    if taken + size > MOST_BYTES:
        raise Refusal(
            _(
                "The municipality's room for files is used up: %(taken)d of %(most)d MB."
                " Ask the municipality to remove something; everything you wrote is kept."
            )
            % {"taken": taken // 1_000_000, "most": MOST_BYTES // 1_000_000},
            code="no-room",
        )
    upload = Upload.objects.create(
        **about,
        kind=file.kind,
        format=file.format,
        name=file.name,
        alt_text=alt_text,
        size=size,
        width=file.width,
        height=file.height,
        has_small=file.small is not None,
        created_at=now,
    )
    try:
        default_storage.save(upload.path, ContentFile(file.content))
        if file.small is not None:
            default_storage.save(upload.small_path, ContentFile(file.small))
    except OSError as error:
        _unlink(upload.paths)
        if error.errno not in DISK_IS_FULL:
            raise
        raise Refusal(
            _("There is no room left on the server for files. Everything else works; please tell the municipality."),
            code="disk-full",
        ) from error
    return upload


def _unlink(paths: list[str]) -> None:
    for path in paths:
        default_storage.delete(path)


def _pointing() -> Iterator[tuple[models.QuerySet[models.Model], str]]:
    """Yield the rows of every model of every app that may show a file, with the name of their foreign key."""
    for relation in Upload._meta.related_objects:
        model = relation.related_model
        assert not isinstance(model, str)
        yield model._default_manager.all(), relation.field.name


def is_pointed_to(upload: Upload) -> bool:
    """Return whether any row of any app shows the file."""
    return any(rows.filter(**{name: upload.pk}).exists() for rows, name in _pointing())


def let_go(upload: Upload | None) -> None:
    """Remove a file that its owner has just stopped showing, unless somebody else shows it (a step)."""
    if upload is None or is_pointed_to(upload):
        return
    paths = upload.paths
    upload.delete()
    transaction.on_commit(lambda: _unlink(paths))


def remove_orphans(*, now: datetime, real_now: datetime) -> int:
    """Remove rows that nobody has pointed to for a day, and files that have had no row for a day; return how many.

    ``real_now`` is the clock of the disk, which the demo does not move.
    """
    old = Upload.objects.filter(created_at__lt=now - ORPHANED_FOR)
    for rows, name in _pointing():
        old = old.exclude(pk__in=rows.filter(**{f"{name}__isnull": False}).values(name))
    count = 0
    for upload in old.iterator():
        with transaction.atomic():
            let_go(upload)
        count += 1
    return count + _remove_stray_files(real_now=real_now)


def _remove_stray_files(*, real_now: datetime) -> int:
    count = 0
    folders = default_storage.listdir("uploads")[0] if default_storage.exists("uploads") else []
    for folder in folders:
        names = default_storage.listdir(f"uploads/{folder}")[1]
        ids = {name: _id_in(name) for name in names}
        known = set(Upload.objects.filter(pk__in=[pk for pk in ids.values() if pk]).values_list("pk", flat=True))
        for name, pk in ids.items():
            path = f"uploads/{folder}/{name}"
            if pk not in known and default_storage.get_modified_time(path) < real_now - ORPHANED_FOR:
                default_storage.delete(path)
                count += 1
    return count


def _id_in(name: str) -> UUID | None:
    try:
        return UUID(PurePosixPath(name).stem[:36])
    except ValueError:
        return None


@transaction.atomic(durable=True)
def change_logo(*, file: SafeFile | None, by: Actor, now: datetime) -> Municipality:
    """Show the municipality's logo in the head of every page and guide, or (None) its name alone again.

    Only administrators and coordinators; its alternative text is the municipality's name.
    """
    if not (by.is_coordinator or by.is_administrator):
        raise Refusal(_("Only the municipality's coordinators can do this."), code="coordinators-only")
    municipality = Municipality.objects.select_for_update().get()
    before = municipality.logo
    municipality.logo = keep(file, owner=municipality, now=now) if file else None
    municipality.save(update_fields=["logo"])
    if before is not None and before != municipality.logo:
        let_go(before)
    audit.record(by, "logo-changed" if file else "logo-removed", municipality, at=now)
    return municipality

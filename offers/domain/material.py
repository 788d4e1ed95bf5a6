"""A course's own picture and the documents that teachers may save.

They belong to the course as it is described: the company changes them while it writes, the coordinator at any time. The
files were examined before they come here (``portal.uploads``).
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from offers.domain import authoring
from offers.models import Material, Offer
from portal.domain import audit, uploads
from portal.domain.actor import Actor
from portal.domain.cpr import holds_cpr
from portal.domain.refusal import Refusal
from portal.domain.uploads import SafeFile
from portal.models import Link, Upload, User

MOST_DOCUMENTS = 10
PUBLIC = (Offer.State.PUBLISHED, Offer.State.PAUSED)


def _the_offer(offer_id: UUID, by: Actor) -> Offer:
    """Return the course, locked, when the actor may change what it shows (a step)."""
    offer = authoring.the_offer(offer_id, by)
    if by.kind != "link":
        authoring.only_coordinators(by)  # a reviewer reads it
    elif offer.state not in authoring.WITH_THE_COMPANY:
        raise Refusal(_("The course has been sent in and cannot be changed here now."), code="not-with-the-company")
    if offer.state in {Offer.State.ARCHIVED, Offer.State.REJECTED}:
        raise Refusal(
            _("The course is %(state)s and cannot be edited.") % {"state": offer.get_state_display()},
            code="offer-closed",
        )
    return offer


def _plain(text: str, field: str) -> str:
    text = " ".join(text.split())
    if holds_cpr(text):
        raise Refusal(
            _("This looks like a CPR number. Personal numbers do not belong here; please remove it."),
            code="cpr-number",
            field=field,
        )
    return text


@transaction.atomic(durable=True)
def choose_picture(*, offer_id: UUID, file: SafeFile, alt_text: str, by: Actor, now: datetime) -> Offer:
    """Show the course with its own picture instead of a drawing; an empty ``alt_text`` says that it only decorates.

    The picture before it is gone for good. Raises Refusal when the course is not the actor's to change, when there is
    no room for the file, or for a CPR number in the words.
    """
    offer = _the_offer(offer_id, by)
    before = offer.picture
    offer.picture = uploads.keep(file, owner=offer, now=now, alt_text=_plain(alt_text, "alt_text"))
    offer.save(update_fields=["picture"])
    if before is not None and before != offer.picture:
        uploads.let_go(before)
    audit.record(by, "offer-picture-chosen", offer, at=now, upload=str(offer.picture.pk))
    return offer


@transaction.atomic(durable=True)
def remove_picture(*, offer_id: UUID, by: Actor, now: datetime) -> Offer:
    """Show the course with a drawing again. Without a picture of its own nothing happens."""
    offer = _the_offer(offer_id, by)
    if (before := offer.picture) is not None:
        offer.picture = None
        offer.save(update_fields=["picture"])
        uploads.let_go(before)
        audit.record(by, "offer-picture-removed", offer, at=now)
    return offer


@transaction.atomic(durable=True)
def add_material(*, offer_id: UUID, file: SafeFile, title: str, by: Actor, now: datetime) -> Material:
    """Give teachers a document of the course to save; the same file again only changes its title.

    Raises Refusal ``too-many`` beyond ten documents, and those of :func:`choose_picture`.
    """
    offer = _the_offer(offer_id, by)
    title = _plain(title, "title")
    if not title:
        raise Refusal(_("Give the file a title."), code="empty", field="title")
    upload = uploads.keep(file, owner=offer, now=now)
    material = Material.objects.filter(offer=offer, upload=upload).first()
    if material is not None:
        material.title = title
        material.save(update_fields=["title"])
    else:
        count = offer.materials.count()
        if count >= MOST_DOCUMENTS:
            raise Refusal(
                _("A course has at most %(most)d documents, and this one has %(count)d. Remove one first.")
                % {"most": MOST_DOCUMENTS, "count": count},
                code="too-many",
            )
        material = Material.objects.create(offer=offer, upload=upload, title=title, added_at=now)
    audit.record(by, "material-added", offer, at=now, upload=str(upload.pk))
    return material


@transaction.atomic(durable=True)
def remove_material(*, offer_id: UUID, material_id: int, by: Actor, now: datetime) -> None:
    """Take a document away; removing it again changes nothing."""
    offer = _the_offer(offer_id, by)
    material = offer.materials.select_related("upload").filter(pk=material_id).first()
    if material is None:
        return
    upload = material.upload
    material.delete()
    uploads.let_go(upload)
    audit.record(by, "material-removed", offer, at=now, upload=str(upload.pk))


def file_of(offer: Offer, upload_id: UUID) -> Upload | None:
    """Return the file when the course shows it."""
    if offer.picture_id == upload_id:
        return offer.picture
    material = offer.materials.select_related("upload").filter(upload=upload_id).first()
    return material.upload if material else None


def may_see_draft(offer: Offer, *, user: User | None, held: list[Link]) -> bool:
    """Return whether a course that is not public may be seen: by the municipality, or by the link of that course."""
    if user is not None:
        by = Actor.of_user(user)
        if by.is_coordinator or by.is_reviewer:
            return True
    return any(authoring.offers_for(Actor.of_link(link)).filter(pk=offer.pk).exists() for link in held)

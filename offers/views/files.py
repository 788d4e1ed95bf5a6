"""Files of courses: their own pictures and the documents that teachers may save."""

from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from offers.domain import material
from offers.models import Offer
from portal.http import held_links
from portal.models import User
from portal.uploads import serving


@login_not_required
@require_safe
def file(request: HttpRequest, offer_id: UUID, upload_id: UUID, *, small: bool = False) -> HttpResponse:
    """A file of a course: of a published one for everybody, of any other for whoever may see the draft."""
    offer = Offer.objects.select_related("picture").filter(pk=offer_id).first()
    if offer is None:
        raise Http404
    public = offer.state in material.PUBLIC
    user = request.user if isinstance(request.user, User) else None
    if not public and not material.may_see_draft(offer, user=user, held=held_links(request)):
        raise Http404
    upload = material.file_of(offer, upload_id)
    if upload is None:
        raise Http404
    return serving.response(request, upload, public=public, small=small)

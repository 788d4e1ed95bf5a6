"""The ground's own files: the municipality's logo."""

from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from portal.models import Upload
from portal.uploads import serving


@login_not_required
@require_safe
def logo(request: HttpRequest, upload_id: UUID) -> HttpResponse:
    """The municipality's logo, as long as it is that."""
    upload = Upload.objects.filter(pk=upload_id, logo_of__isnull=False).first()
    if upload is None:
        raise Http404
    return serving.response(request, upload, public=True)

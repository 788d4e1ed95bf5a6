"""How a file leaves the portal: as itself and nothing else, whoever asks for it and whatever it was called."""

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, quote_etag

from portal.models import Upload

CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
}
KEPT_SECONDS = 3600


def response(request: HttpRequest, upload: Upload, *, public: bool, small: bool = False) -> HttpResponse:
    """Return the file: documents to be saved, pictures to be shown within a page; nothing in it can act.

    A file never changes, so whoever has it is told so (304). ``public`` files may be kept by browsers and proxies for
    an hour; others are kept by nobody. 404 when the file is not on the disk.
    """
    tag = quote_etag(f"{upload.pk}{'-s' if small else ''}")
    answer: HttpResponse | None = get_conditional_response(request, etag=tag) if public else None
    if answer is None:
        try:
            with default_storage.open(upload.small_path if small else upload.path) as file:
                content = file.read()  # at most 20 MB, most of them a hundredth of it
        except FileNotFoundError as error:
            raise Http404 from error
        answer = HttpResponse(content, content_type=CONTENT_TYPES[upload.format])
    as_attachment = upload.kind == Upload.Kind.DOCUMENT
    answer.headers["Content-Disposition"] = content_disposition_header(as_attachment, upload.name) or "attachment"
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    answer.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}" if public else "private, no-store"
    if public:
        answer.headers["ETag"] = tag
    return answer

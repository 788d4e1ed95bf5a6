"""The examiner: reads one file that somebody sent, and writes what may be kept of it (``examiner.py picture``).

It is run as a program of its own, for the libraries that read pictures and PDFs are written in C and have had holes.
It knows neither Django nor the settings, and gives up memory, time, files and the network before it reads a byte.
A picture is decoded and encoded anew, so that nothing of the file survives but its pixels. A PDF is read through and
written anew without what no page refers to; one that could act or carries files is refused. Of office documents the
table of contents is checked. The answer is one line of JSON, then the files it speaks of; or exit code 4 and why not.
"""

import contextlib
import ctypes
import io
import json
import os
import re
import resource
import sys
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

MEMORY = 640 * 1024 * 1024
CPU_SECONDS = 20
REFUSED_EXIT = 4

MOST_PIXELS = 40_000_000
# The decoder of WebP keeps the picture four times, so a smaller one fills the same memory.
MOST_PIXELS_OF_WEBP = 15_000_000
PICTURE_EDGES = (1280, 480)
LOGO_BOX = (640, 240)

MOST_PAGES = 200
ACTING_KEYS = {
    "/JavaScript": "script",
    "/JS": "script",
    "/XFA": "script",
    "/EmbeddedFiles": "attachment",
    "/EF": "attachment",
    "/RichMedia": "attachment",
}
ACTING_KINDS = {
    "/JavaScript": "script",
    "/Launch": "launch",
    "/SubmitForm": "launch",
    "/ImportData": "launch",
    "/GoToR": "launch",
    "/GoToE": "attachment",
    "/Rendition": "launch",
    "/EmbeddedFile": "attachment",
    "/FileAttachment": "attachment",
    "/RichMedia": "attachment",
    "/Movie": "attachment",
    "/3D": "attachment",
}
SCHEME = re.compile(rb"\s*([A-Za-z][A-Za-z0-9+.\s-]*):")
PLAIN_SCHEMES = {b"https", b"http", b"mailto", b"tel"}

MOST_ENTRIES = 2_000
MOST_UNPACKED = 200 * 1024 * 1024
LONGEST_PART = 2 * 1024 * 1024
OFFICE_TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml",
}
OFFICE_MAIN = {"docx": "word/document.xml", "pptx": "ppt/presentation.xml"}
ODT_TYPE = b"application/vnd.oasis.opendocument.text"
# What an office document must not hold: programs, controls and files within the file.
OFFICE_ACTS = re.compile(
    r"vbaproject|vbadata|activex|/embeddings/|oleobject|\.(?:bin|exe|js|vbs|dll|com|bat|ps1)$", re.IGNORECASE
)
ODT_ACTS = re.compile(r"^(?:basic|scripts)/|^object |\.(?:bin|exe|js|vbs|dll|com|bat|ps1)$", re.IGNORECASE)
FETCHES = re.compile(rb"attachedTemplate|oleObject|externalLink|/frame|/subDocument|/control", re.IGNORECASE)

REFUSED = {
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "urllib.Request",
}

Kept = tuple[dict[str, Any], list[bytes]]


class Unfit(Exception):
    """The file is not taken: a code, and numbers that belong into the sentence."""

    def __init__(self, code: str, **numbers: int) -> None:
        super().__init__(code)
        self.code = code
        self.numbers = numbers


def give_up_rights() -> None:
    """Bound memory, time and files, and leave the network where the system allows that."""
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        # Where the system knows no such limit (macOS and address space), the clock outside still runs.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (limit, limit))
    with contextlib.suppress(OSError, AttributeError):
        # CLONE_NEWUSER | CLONE_NEWNET: a network of its own, without any way out. Refused in many containers.
        ctypes.CDLL(None).unshare(0x10000000 | 0x40000000)
    sys.addaudithook(stay_inside)


def stay_inside(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse connections, programs, and writing anywhere."""
    if event in REFUSED:
        raise PermissionError(f"{event} is refused here.")
    if event == "open" and isinstance(arguments[2], int):
        path, _mode, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and path != os.devnull:
            raise PermissionError("Writing is refused here.")


# --- Pictures ----------------------------------------------------------------------------------------------------


def read_picture(data: bytes, largest: int) -> Any:
    """Return the first frame as upright pixels in the usual colours, no edge longer than ``largest``."""
    from PIL import Image, ImageCms, ImageOps  # noqa: PLC0415 (each errand loads its own library only)

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        image: Any = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP"))
    except Image.DecompressionBombError as error:
        raise Unfit("too-many-pixels", most=MOST_PIXELS // 1_000_000) from error
    except Exception as error:
        raise Unfit("not-a-picture") from error
    width, height = image.size
    most = MOST_PIXELS_OF_WEBP if image.format == "WEBP" else MOST_PIXELS
    if width * height > most:
        raise Unfit("too-many-pixels", most=most // 1_000_000)
    try:
        image.draft(
            "RGB", (largest * 2, largest * 2)
        )  # a JPEG is decoded at a fraction of its size where that suffices
        image.load()
        profile = image.info.get("icc_profile")
        if image.mode.startswith("I"):
            image = image.point(lambda value: value / 256).convert("L")
        elif image.mode in {"P", "PA"}:
            image = image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
        elif image.mode in {"1", "F"}:
            image = image.convert("L")
        image = coarser(image, largest * 2)
        if image.mode == "LA":
            image = image.convert("RGBA")
        image.thumbnail((largest, largest))
        image = ImageOps.exif_transpose(image)
        if profile:
            # A profile that cannot be read is left away: the colours are then taken as they are.
            with contextlib.suppress(Exception):
                image = ImageCms.profileToProfile(
                    image,
                    ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                    ImageCms.createProfile("sRGB"),
                    outputMode="RGBA" if image.mode == "RGBA" else "RGB",
                )
    except Unfit:
        raise
    except MemoryError as error:
        raise Unfit("too-many-pixels", most=most // 1_000_000) from error
    except Exception as error:
        raise Unfit("picture-unreadable") from error
    see_through = image.mode == "RGBA" and image.getextrema()[3][0] < 255
    image = image.convert("RGBA" if see_through else "RGB")
    clean = Image.new(image.mode, image.size)
    clean.paste(image)
    return clean


def coarser(image: Any, edge: int) -> Any:
    """Return a large picture at a whole fraction of its size, still at least ``edge`` long.

    Done band by band: the library makes a second copy of whatever it shrinks, and two of 40 megapixels are too much.
    """
    from PIL import Image  # noqa: PLC0415

    times = max(image.size) // edge
    if times < 2:
        return image
    width, height = image.size
    small = Image.new(image.mode, (-(-width // times), -(-height // times)))
    band = 64 * times
    for top in range(0, height, band):
        strip = image.crop((0, top, width, min(top + band, height)))
        small.paste(strip.reduce(times), (0, top // times))
    if exif := image.getexif():
        small.info["exif"] = exif.tobytes()
    return small


def encode(image: Any, *, lossless: bool = False) -> tuple[str, bytes]:
    """Return a picture as JPEG, or as WebP where one looks through it or every pixel counts."""
    out = io.BytesIO()
    if image.mode == "RGBA" or lossless:
        image.save(out, "WEBP", lossless=lossless, quality=85, method=4)
        return "webp", out.getvalue()
    image.save(out, "JPEG", quality=82, optimize=True, progressive=True)
    return "jpg", out.getvalue()


def picture(data: bytes) -> Kept:
    """Return a picture in two sizes: for a page and for a card."""
    large, small = PICTURE_EDGES
    image = read_picture(data, large)
    form, content = encode(image)
    card = image.copy()
    card.thumbnail((small, small))
    return {"format": form, "width": image.width, "height": image.height}, [content, encode(card)[1]]


def logo(data: bytes) -> Kept:
    """Return a logo, small enough for the head of a page and without loss."""
    image = read_picture(data, LOGO_BOX[0])
    image.thumbnail(LOGO_BOX)
    form, content = encode(image, lossless=True)
    return {"format": form, "width": image.width, "height": image.height}, [content]


# --- PDF ---------------------------------------------------------------------------------------------------------


def acting_part(start: Any, pikepdf: Any) -> Iterator[str]:
    """Yield codes for what in a PDF object could act, fetch, or carry a file."""
    waiting = [start]
    while waiting:
        value = waiting.pop()
        if isinstance(value, pikepdf.Array):
            waiting += [inner for inner in value if not getattr(inner, "is_indirect", False)]
            continue
        if not isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
            continue
        if isinstance(value, pikepdf.Stream) and "/F" in value:
            yield "launch"
        for key, inner in value.items():
            if key in ACTING_KEYS:
                yield ACTING_KEYS[key]
            if key in {"/S", "/Type", "/Subtype"} and str(inner) in ACTING_KINDS:
                yield ACTING_KINDS[str(inner)]
            if key == "/URI" and isinstance(inner, pikepdf.String):
                scheme = SCHEME.match(bytes(inner))
                if scheme and b"".join(scheme[1].lower().split()) not in PLAIN_SCHEMES:
                    yield "launch"
            if not getattr(inner, "is_indirect", False):
                waiting.append(inner)


def opened_pdf(data: bytes) -> Any:
    """Return the open PDF; refuse one that is none, or is locked."""
    import pikepdf  # noqa: PLC0415

    if not data.startswith(b"%PDF-"):
        raise Unfit("not-a-pdf")
    try:
        document = pikepdf.open(io.BytesIO(data))
    except pikepdf.PasswordError as error:
        raise Unfit("pdf-locked") from error
    except Exception as error:
        raise Unfit("pdf-unreadable") from error
    if document.is_encrypted:
        raise Unfit("pdf-locked")
    return document


def without_author(document: Any) -> None:
    """Take out who wrote the PDF and with what: that is nobody's business here. Its title is."""
    for name in ("/Author", "/Creator"):
        if name in document.docinfo:
            del document.docinfo[name]
    if "/Metadata" in document.Root:
        with document.open_metadata(set_pikepdf_as_editor=False) as metadata:
            for name in ("dc:creator", "pdf:Author"):
                if name in metadata:
                    del metadata[name]


def pdf(data: bytes) -> Kept:
    """Return the PDF written anew; refuse one that is locked, too long, could act, or carries files."""
    import pikepdf  # noqa: PLC0415

    document = opened_pdf(data)
    try:
        pages = len(document.pages)
        if pages > MOST_PAGES:
            raise Unfit("pdf-too-long", pages=pages, most=MOST_PAGES)
        if pages == 0:
            raise Unfit("pdf-unreadable")
        for thing in (*document.objects, document.trailer):
            if found := next(acting_part(thing, pikepdf), None):
                raise Unfit(f"pdf-{found}")
        without_author(document)
        out = io.BytesIO()
        document.save(out, deterministic_id=True, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    except Unfit:
        raise
    except Exception as error:
        raise Unfit("pdf-unreadable") from error
    return {"format": "pdf", "pages": pages}, [out.getvalue()]


# --- Office documents --------------------------------------------------------------------------------------------


def contents(data: bytes) -> zipfile.ZipFile:
    """Return the open archive when its table of contents is sane: nothing hidden, nothing huge, nothing outside."""
    # The archive begins with the file and ends with it: nothing stands before or behind.
    if not data.startswith(b"PK\x03\x04") or data[-22:-18] != b"PK\x05\x06":
        raise Unfit("not-an-office-document")
    # The number of entries is read before the list of them is made.
    if int.from_bytes(data[-12:-10], "little") > MOST_ENTRIES:
        raise Unfit("office-too-large")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except Exception as error:
        raise Unfit("not-an-office-document") from error
    names = [entry.filename for entry in entries]
    if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > MOST_UNPACKED:
        raise Unfit("office-too-large")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Unfit("office-locked")
    outside = any(name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) for name in names)
    if outside or len({name.lower() for name in names}) != len(names) or min(e.header_offset for e in entries) != 0:
        raise Unfit("not-an-office-document")
    if any(entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for entry in entries):
        raise Unfit("not-an-office-document")
    return archive


def part(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return one part of the archive, which must not be long whatever its table of contents says."""
    try:
        with archive.open(name) as file:
            content = file.read(LONGEST_PART + 1)
    except Exception as error:
        raise Unfit("not-an-office-document") from error
    if len(content) > LONGEST_PART:
        raise Unfit("office-too-large")
    return content


def office(form: str) -> Callable[[bytes], Kept]:
    """Return the examiner of DOCX or PPTX."""

    def examine(data: bytes) -> Kept:
        archive = contents(data)
        names = archive.namelist()
        if "[Content_Types].xml" not in names or OFFICE_MAIN[form] not in names:
            raise Unfit("not-an-office-document")
        types = part(archive, "[Content_Types].xml").decode("utf-8", "replace")
        if "macroenabled" in types.lower() or any(OFFICE_ACTS.search(name) for name in names):
            raise Unfit("office-macros")
        if OFFICE_TYPES[form] not in types:
            raise Unfit("not-an-office-document")
        # What is loaded when it is opened: a template or an object from elsewhere. Plain links are fine.
        if any(FETCHES.search(part(archive, name)) for name in names if name.lower().endswith(".rels")):
            raise Unfit("office-macros")
        return {"format": form}, [data]

    return examine


def odt(data: bytes) -> Kept:
    """Take an OpenDocument text without programs."""
    archive = contents(data)
    names = archive.namelist()
    if names[0] != "mimetype" or part(archive, "mimetype") != ODT_TYPE or "content.xml" not in names:
        raise Unfit("not-an-office-document")
    if any(ODT_ACTS.search(name) for name in names):
        raise Unfit("office-macros")
    return {"format": "odt"}, [data]


ERRANDS: dict[str, Callable[[bytes], Kept]] = {
    "picture": picture,
    "logo": logo,
    "pdf": pdf,
    "docx": office("docx"),
    "pptx": office("pptx"),
    "odt": odt,
}


def main() -> int:
    """Read the file from standard input, write what may be kept to standard output."""
    errand = ERRANDS[sys.argv[1]]
    data = sys.stdin.buffer.read()
    # The libraries are loaded first: they read files of their own.
    import pikepdf as _pikepdf  # noqa: F401, PLC0415
    from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401, PLC0415

    give_up_rights()
    try:
        facts, files = errand(data)
    except Unfit as unfit:
        sys.stderr.write("\n" + json.dumps({"code": unfit.code, **unfit.numbers}))
        return REFUSED_EXIT
    except MemoryError:
        sys.stderr.write("\n" + json.dumps({"code": "too-heavy"}))
        return REFUSED_EXIT
    sys.stdout.buffer.write(json.dumps({**facts, "sizes": [len(file) for file in files]}).encode() + b"\n")
    for file in files:
        sys.stdout.buffer.write(file)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())

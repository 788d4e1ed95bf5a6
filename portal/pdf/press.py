"""The press: reads HTML, writes a tagged PDF, and is run as a program of its own (``python -I press.py``).

It knows neither Django nor the settings. Before it begins it gives up what it does not need: memory, time, files,
the network. It serves the document nothing but a few named files of ours (``static:css/paper.css``) and the pictures
in its folder, and stops at the first request for anything else. Last it looks whether something crept into the PDF
that could act.
"""

import contextlib
import ctypes
import logging
import os
import re
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    import weasyprint
    from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse
except (ImportError, OSError) as missing:
    sys.stderr.write(f"{missing}\n".replace("\n", " ") + "\n")
    sys.exit(3)

STATIC = Path(__file__).resolve().parents[2] / "static"
FILES = {"css/paper.css": "text/css", "img/mark.svg": "image/svg+xml", "img/hero.svg": "image/svg+xml"}
FOLDERS = {
    ("vendor/figtree", ".woff2"): "font/woff2",
    ("img/illustrations", ".svg"): "image/svg+xml",
}
# Pictures that people put in: made anew before they were kept, and laid into this folder by whoever runs the press.
UPLOADED = re.compile(r"upload:([0-9a-f-]{36}\.(jpg|webp))")
UPLOADED_TYPES = {"jpg": "image/jpeg", "webp": "image/webp"}
PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9_/.-]*")

MEMORY = 768 * 1024 * 1024
CPU_SECONDS = 25
LONGEST_PDF = 20 * 1024 * 1024
MOST_PAGES = 60

# What Python code in here must never do, whatever a document makes it try.
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
ACTING_KEYS = {"EmbeddedFiles", "EmbeddedFile", "EF", "JavaScript", "JS", "Launch", "OpenAction", "AA", "RichMedia"}
ADDRESSES = ("https://", "http://", "mailto:", "tel:")
ACTING_KINDS = {"/JavaScript", "/Launch", "/Filespec", "/EmbeddedFile", "/SubmitForm", "/ImportData", "/GoToR"}


class NamedFilesOnly(URLFetcher):  # type: ignore[misc]
    """Serves the few files a document may use, by name, and ends the work at anything else.

    WeasyPrint swallows what is raised while an inline SVG is drawn, so every refusal is also remembered.
    """

    def __init__(self) -> None:
        super().__init__(fail_on_errors=True)
        self.refusals: list[str] = []

    def fetch(self, url: str, headers: Any = None) -> Any:  # noqa: ARG002 (WeasyPrint's signature)
        if (uploaded := UPLOADED.fullmatch(url)) and Path(uploaded[1]).is_file():
            content = Path(uploaded[1]).read_bytes()
            return URLFetcherResponse(url, content, {"Content-Type": UPLOADED_TYPES[uploaded[2]]})
        name = url.removeprefix("static:")
        kind = FILES.get(name) or next(
            (kind for (folder, suffix), kind in FOLDERS.items() if self.lies_in(name, folder, suffix)), None
        )
        path = (STATIC / name) if kind else None
        if path is None or not url.startswith("static:") or not path.is_file():
            raise self.refusal(f"The document asked for {url[:120]!r}, which it may not have.")
        if not path.resolve().is_relative_to(STATIC.resolve()):
            raise self.refusal(f"{url[:120]!r} leads out of the folder.")
        return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": kind})

    def refusal(self, why: str) -> BaseException:
        """Remember the refusal, and return what to raise."""
        self.refusals.append(why)
        error: BaseException = FatalURLFetchingError(why)
        return error

    @staticmethod
    def lies_in(name: str, folder: str, suffix: str) -> bool:
        """Return whether the name is a plain one, directly in the folder."""
        above, _slash, last = name.rpartition("/")
        return above == folder and last.endswith(suffix) and bool(PLAIN_NAME.fullmatch(last)) and ".." not in last


class Complaints(logging.Handler):
    """Collects what WeasyPrint finds wrong with the document's structure."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def give_up_rights() -> None:
    """Bound memory, time, files and size, and leave the network where the system allows that."""
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, LONGEST_PDF),
        (resource.RLIMIT_NOFILE, 128),
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
    """Refuse connections, programs, and writing outside the empty folder."""
    if event in REFUSED:
        raise PermissionError(f"{event} is refused in the press.")
    if event == "open" and isinstance(arguments[2], int):
        path, _mode, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and isinstance(path, str):
            inside = Path(path).resolve().is_relative_to(Path.cwd().resolve())
            if not inside and path != os.devnull:
                raise PermissionError("Writing there is refused in the press.")


def acting_parts(value: Any) -> Iterator[str]:
    """Yield what in a PDF object could act or carry a file."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ACTING_KEYS:
                yield key
            if key in {"S", "Type", "Subtype"} and str(inner) in ACTING_KINDS:
                yield str(inner)
            if key == "URI" and not str(getattr(inner, "string", inner)).startswith(ADDRESSES):
                yield "a link that is no address"
            yield from acting_parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from acting_parts(inner)


def finish(_document: Any, pdf: Any) -> None:
    """Give table headers their direction, and refuse a document that could act."""
    things: list[Any] = [thing for thing in pdf.objects if isinstance(thing, dict)]
    by_reference = {thing.reference: thing for thing in things}
    for thing in things:
        if thing.get("S") == "/TH" and isinstance(thing.get("A"), dict):
            row = by_reference.get(thing["P"], {})
            in_head = by_reference.get(row.get("P"), {}).get("S") == "/THead"
            thing["A"].setdefault("Scope", "/Column" if in_head else "/Row")
        if found := next(acting_parts(thing), None):
            raise ValueError(f"The document contains {found}.")


def press(source: str) -> bytes:
    """Return the PDF; raise ValueError when language, title or an alternative text is missing."""
    complaints = Complaints()
    logging.getLogger("weasyprint").addHandler(complaints)
    # No base address: a relative one leads nowhere. Presentational hints stay off: an attribute is no style.
    fetcher = NamedFilesOnly()
    html = weasyprint.HTML(string=source, url_fetcher=fetcher)
    if not html.etree_element.get("lang"):
        raise ValueError("The document does not say its language.")
    document = html.render(presentational_hints=False, pdf_variant="pdf/ua-1")
    if not document.metadata.title:
        raise ValueError("The document has no title.")
    if len(document.pages) > MOST_PAGES:
        raise ValueError(f"The document has {len(document.pages)} pages; {MOST_PAGES} is the limit.")
    made: bytes = document.write_pdf(finisher=finish, pdf_variant="pdf/ua-1", presentational_hints=False)
    if wrong := [*fetcher.refusals, *(said for said in complaints.said if "required" in said)]:
        raise ValueError(wrong[0])
    return made


def main() -> int:
    """Read HTML from standard input, write the PDF to standard output; say why not on standard error."""
    source = sys.stdin.buffer.read().decode()
    give_up_rights()
    try:
        made = press(source)
    except (Exception, FatalURLFetchingError) as error:  # noqa: BLE001 (whatever it is, the parent gets one line)
        sys.stderr.write("\n" + f"{type(error).__name__}: {error}".replace("\n", " ")[:290] + "\n")
        return 1
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Files as people send them, and as nobody should: made on the spot, none is kept in the repository."""

import io
import zipfile
import zlib
from typing import Any

import pikepdf
from PIL import Image


def picture(form: str = "JPEG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **more: Any) -> bytes:
    """Return a picture in one colour."""
    out = io.BytesIO()
    Image.new(mode, size, more.pop("color", None) or 0).save(out, form, **more)
    return out.getvalue()


def photo_with_place() -> bytes:
    """Return a JPEG that tells where and with what it was taken, lying on its side."""
    exif = Image.Exif()
    exif[0x010F] = "Kamerafabrikken"
    exif[0x0112] = 6
    exif[0x8825] = {1: "N", 2: (55.0, 30.0, 12.0), 3: "E", 4: (9.0, 45.0, 1.0)}
    return picture("JPEG", exif=exif, color=(200, 30, 30))


def bomb_png(edge: int = 12_000) -> bytes:
    """Return a PNG of 144 million pixels in some kilobytes."""
    return picture("PNG", (edge, edge), "1")


def lying_png(edge: int) -> bytes:
    """Return a small PNG whose head speaks of ``edge`` × ``edge`` pixels."""
    data = bytearray(picture("PNG"))
    data[16:24] = edge.to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def pdf(pages: int = 1, **root: Any) -> bytes:
    """Return a PDF of empty pages, with whatever is to stand in its root."""
    document = pikepdf.new()
    for _number in range(pages):
        document.add_blank_page()
    for key, value in root.items():
        document.Root[f"/{key}"] = document.make_indirect(value) if isinstance(value, pikepdf.Dictionary) else value
    return saved(document)


def saved(document: pikepdf.Pdf, **options: Any) -> bytes:
    """Return the bytes of a PDF."""
    out = io.BytesIO()
    document.save(out, **options)
    return out.getvalue()


def pdf_with_script() -> bytes:
    """Return a PDF that runs JavaScript when it is opened."""
    return pdf(OpenAction=pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)"))


def pdf_with_named_script() -> bytes:
    """Return a PDF whose names hold JavaScript."""
    action = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
    return pdf(Names=pikepdf.Dictionary(JavaScript=pikepdf.Dictionary(Names=["x", action])))


def pdf_with_launch() -> bytes:
    """Return a PDF that starts a program."""
    return pdf(OpenAction=pikepdf.Dictionary(S=pikepdf.Name.Launch, F="cmd.exe"))


def pdf_with_link(address: str) -> bytes:
    """Return a PDF with one link."""
    document = pikepdf.new()
    page = document.add_blank_page()
    action = pikepdf.Dictionary(S=pikepdf.Name.URI, URI=pikepdf.String(address))
    link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=action)
    page.obj["/Annots"] = pikepdf.Array([document.make_indirect(link)])
    return saved(document)


def pdf_with_attachment() -> bytes:
    """Return a PDF that carries another file."""
    document = pikepdf.new()
    document.add_blank_page()
    document.attachments["ond.exe"] = pikepdf.AttachedFileSpec.from_filepath(document, __file__)
    return saved(document)


def locked_pdf(*, to_open: str = "") -> bytes:
    """Return a PDF with a password against changes, and perhaps one to open it."""
    document = pikepdf.new()
    document.add_blank_page()
    return saved(document, encryption=pikepdf.Encryption(owner="hemmelig", user=to_open))


def pdf_by(author: str) -> bytes:
    """Return a PDF that says who wrote it, twice."""
    document = pikepdf.new()
    document.add_blank_page()
    document.docinfo["/Author"] = author
    document.docinfo["/Title"] = "Undervisningsark"
    with document.open_metadata() as metadata:
        metadata["dc:creator"] = [author]
        metadata["dc:title"] = "Undervisningsark"
    return saved(document)


WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
POWERPOINT = "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/x" {}/></Types>'
)


def packed(parts: dict[str, bytes | str], *, level: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive of these parts, in their order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", level) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def docx(kind: str = WORD, **parts: bytes | str) -> bytes:
    """Return a Word document with more parts (``__`` stands for a slash)."""
    types = TYPES.format(f'ContentType="{kind}"')
    more = {name.replace("__", "/"): content for name, content in parts.items()}
    return packed({"[Content_Types].xml": types, "word/document.xml": "<w:document/>", **more})


def pptx() -> bytes:
    """Return a PowerPoint document."""
    types = TYPES.format(f'ContentType="{POWERPOINT}"')
    return packed({"[Content_Types].xml": types, "ppt/presentation.xml": "<p:presentation/>"})


def odt(**parts: bytes | str) -> bytes:
    """Return an OpenDocument text with more parts."""
    more = {name.replace("__", "/"): content for name, content in parts.items()}
    kind = "application/vnd.oasis.opendocument.text"
    return packed({"mimetype": kind, "content.xml": "<office:document-content/>", **more})


def zip_bomb() -> bytes:
    """Return a Word document of some hundred kilobytes that unpacks to 300 MB."""
    return docx(word__media__image1=b"\0" * (300 * 1024 * 1024))

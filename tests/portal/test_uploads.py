"""Files that people send: what is taken, what is refused, what is left of them, and how they leave again."""

import io
import resource
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.db import transaction
from django.test import Client, RequestFactory
from django.utils.datastructures import MultiValueDict
from PIL import Image

from portal import uploads
from portal.domain import uploads as kept
from portal.domain.actor import Actor
from portal.domain.refusal import Refusal
from portal.domain.uploads import SafeFile
from portal.forms.files import DescribedPicture
from portal.models import Municipality, Upload
from portal.uploads import clean_name, serving
from tests import factories, files
from tests.conftest import TODAY

COORDINATOR = Actor(kind="user", id="11111111-1111-1111-1111-111111111111", is_coordinator=True)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    """A media folder of one's own."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def sent(content: bytes, name: str) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def why_not(content: bytes, name: str, *, office: bool = False) -> str:
    """Return the code with which the file is refused, or that it is taken."""
    is_picture = name.endswith((".jpg", ".jpeg", ".png", ".webp", ".gif", ".svg", ".eps"))
    try:
        if is_picture:
            uploads.picture(sent(content, name))
        else:
            uploads.document(sent(content, name), office=office)
    except Refusal as refusal:
        return refusal.code if "%(" not in str(refusal) else f"{refusal.code} without its numbers"
    return "taken"


GIF_AND_SCRIPT = b"GIF89a/*" + b"\0" * 20 + b"*/=1;alert(1)//"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n"


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        # Pictures
        ("foto.jpg", lambda: files.picture("JPEG"), "taken"),
        ("foto.png", lambda: files.picture("PNG", mode="RGBA"), "taken"),
        ("foto.webp", lambda: files.picture("WEBP"), "taken"),
        ("palette.png", lambda: files.picture("PNG", mode="P"), "taken"),
        ("tryk.jpg", lambda: files.picture("JPEG", mode="CMYK"), "taken"),
        ("gps.jpg", files.photo_with_place, "taken"),
        ("html-bag-billedet.png", lambda: files.picture("PNG") + b"<script>alert(1)</script>", "taken"),
        ("billede.png", lambda: files.picture("JPEG"), "taken"),  # what it is decides, not what it is called
        ("tom.jpg", lambda: b"", "empty"),
        ("gif.gif", lambda: files.picture("GIF", mode="P"), "not-a-picture"),
        ("polyglot.gif", lambda: GIF_AND_SCRIPT, "not-a-picture"),
        ("polyglot.jpg", lambda: GIF_AND_SCRIPT, "not-a-picture"),
        ("tegning.svg", lambda: SVG, "not-a-picture"),
        ("tegning.png", lambda: SVG, "not-a-picture"),
        ("tegning.eps", lambda: EPS, "not-a-picture"),
        ("tegning.jpg", lambda: EPS, "not-a-picture"),
        ("scan.jpg", lambda: files.picture("TIFF"), "not-a-picture"),
        ("ikon.png", lambda: files.picture("ICO"), "not-a-picture"),
        ("side.jpg", lambda: b"<!doctype html><script>alert(1)</script>", "not-a-picture"),
        ("dokument.jpg", files.pdf, "not-a-picture"),
        ("afbrudt.jpg", lambda: files.picture("JPEG", (800, 600))[:900], "picture-unreadable"),
        ("144-mp.png", files.bomb_png, "too-many-pixels"),
        ("4-mia.png", lambda: files.lying_png(65_000), "too-many-pixels"),
        ("41-mp.jpg", lambda: files.picture("JPEG", (6_500, 6_400), "L"), "too-many-pixels"),
        ("stort.jpg", lambda: b"\xff\xd8" + b"\0" * (5 * 1024 * 1024), "too-large"),
        # Documents
        ("ark.pdf", files.pdf, "taken"),
        ("ARK.PDF", files.pdf, "taken"),
        ("200-sider.pdf", lambda: files.pdf(200), "taken"),
        ("link.pdf", lambda: files.pdf_with_link("https://virksomhed.example/"), "taken"),
        ("tom.pdf", lambda: b"", "empty"),
        ("html.pdf", lambda: b"<!doctype html><script>alert(1)</script>", "not-a-pdf"),
        ("html-foran.pdf", lambda: b"<script>alert(1)</script>\n" + files.pdf(), "not-a-pdf"),
        ("billede.pdf", lambda: files.picture("PNG"), "not-a-pdf"),
        ("afbrudt.pdf", lambda: b"%PDF-1.7\n%%EOF", "pdf-unreadable"),
        ("script.pdf", files.pdf_with_script, "pdf-script"),
        ("navngivet-script.pdf", files.pdf_with_named_script, "pdf-script"),
        ("formular.pdf", lambda: files.pdf(AcroForm=pikepdf.Dictionary(XFA="<xdp/>")), "pdf-script"),
        ("program.pdf", files.pdf_with_launch, "pdf-launch"),
        ("javascript-link.pdf", lambda: files.pdf_with_link("java\tscript:alert(1)"), "pdf-launch"),
        ("fil-link.pdf", lambda: files.pdf_with_link("file:///etc/passwd"), "pdf-launch"),
        ("vedhaeftet.pdf", files.pdf_with_attachment, "pdf-attachment"),
        ("laast.pdf", files.locked_pdf, "pdf-locked"),
        ("hemmelig.pdf", lambda: files.locked_pdf(to_open="1234"), "pdf-locked"),
        ("201-sider.pdf", lambda: files.pdf(201), "pdf-too-long"),
        ("21-mb.pdf", lambda: b"%PDF-" + b"\0" * (21 * 1024 * 1024), "too-large"),
        ("ark.docx", files.docx, "not-a-document"),
        ("ark.html", lambda: b"<p>", "not-a-document"),
        ("ark.zip", lambda: files.packed({"a": "b"}), "not-a-document"),
        ("ark.pdf.exe", lambda: b"MZ", "not-a-document"),
        ("uden-endelse", files.pdf, "not-a-document"),
    ],
)
def test_a_file_is_taken_or_refused_by_what_it_is(name: str, content: Any, code: str) -> None:
    assert why_not(content(), name) == code


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("ark.docx", files.docx, "taken"),
        ("dias.pptx", files.pptx, "taken"),
        ("ark.odt", files.odt, "taken"),
        ("ark.pdf", files.pdf, "taken"),
        ("makro.docm", files.docx, "not-a-document-office"),
        ("regneark.xlsx", files.docx, "not-a-document-office"),
        ("andet.docx", files.pptx, "not-an-office-document"),
        ("andet.pptx", files.docx, "not-an-office-document"),
        ("pdf.docx", files.pdf, "not-an-office-document"),
        ("blot-en-zip.docx", lambda: files.packed({"a.txt": "b"}), "not-an-office-document"),
        ("html-foran.docx", lambda: b"<script>" + files.docx(), "not-an-office-document"),
        ("html-bag.docx", lambda: files.docx() + b"<script>", "not-an-office-document"),
        ("ude.docx", lambda: files.docx(**{"..__..__ude": "x"}), "not-an-office-document"),
        ("makro.docx", lambda: files.docx(word__vbaProject="x"), "office-macros"),
        (
            "omdoebt-docm.docx",
            lambda: files.docx("application/vnd.ms-word.document.macroEnabled.main+xml"),
            "office-macros",
        ),
        ("indlejret.docx", lambda: files.docx(word__embeddings__oleObject1="x"), "office-macros"),
        (
            "fjern-skabelon.docx",
            lambda: files.docx(**{"word___rels__settings.xml.rels": '<Relationship Type="x/attachedTemplate"/>'}),
            "office-macros",
        ),
        ("program.odt", lambda: files.odt(Basic__Standard="x"), "office-macros"),
        ("bombe.docx", files.zip_bomb, "office-too-large"),
        ("mange.docx", lambda: files.docx(**{f"word__{n}": "" for n in range(2_001)}), "office-too-large"),
    ],
)
def test_office_documents_are_taken_where_the_municipality_wants_them(name: str, content: Any, code: str) -> None:
    assert why_not(content(), name, office=True) == code


def test_an_archive_that_lies_about_its_sizes_is_not_unpacked() -> None:
    types = b"x" * (3 * 1024 * 1024)
    honest = files.packed({"[Content_Types].xml": types, "word/document.xml": "<w:document/>"})
    lying = honest.replace(len(types).to_bytes(4, "little"), (10).to_bytes(4, "little"))

    assert why_not(lying, "ark.docx", office=True) in {"office-too-large", "not-an-office-document"}


def test_a_picture_is_made_anew_upright_and_tells_nothing_but_its_pixels() -> None:
    given = files.photo_with_place()
    assert b"Kamerafabrikken" in given

    safe = uploads.picture(sent(given, "IMG_1234.JPG"))

    assert (safe.format, safe.width, safe.height, safe.name) == ("jpg", 48, 64, "IMG_1234.jpg")
    for content in (safe.content, safe.small or b""):
        image = Image.open(io.BytesIO(content))
        assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (48, 64), {})
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "progressive", "progression"}
        assert b"Kamerafabrikken" not in content


def test_what_stands_behind_a_picture_is_gone() -> None:
    safe = uploads.picture(sent(files.picture("PNG") + b"<script>alert(1)</script>", "x.png"))

    assert b"script" not in safe.content
    assert safe.content.startswith(b"\xff\xd8\xff")


def test_large_pictures_come_in_two_sizes_and_what_one_looks_through_stays_so() -> None:
    photo = uploads.picture(sent(files.picture("JPEG", (4000, 3000)), "x.jpg"))
    drawing = uploads.picture(sent(files.picture("PNG", (900, 300), "RGBA"), "x.png"))
    logo = uploads.logo(sent(files.picture("PNG", (2000, 1000), "RGBA"), "x.png"))

    assert [Image.open(io.BytesIO(content)).size for content in (photo.content, photo.small or b"")] == [
        (1280, 960),
        (480, 360),
    ]
    assert (drawing.format, Image.open(io.BytesIO(drawing.content)).mode) == ("webp", "RGBA")
    assert (logo.format, logo.width, logo.height, logo.small) == ("webp", 480, 240, None)


def test_the_heaviest_picture_that_is_taken_needs_less_than_300_mb(tmp_path: Path) -> None:
    heaviest = files.picture("PNG", (7_000, 5_700), "RGBA")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

    taken = uploads.picture(sent(heaviest, "x.png"))

    # The largest child so far, in kilobytes: the fork of a large test process may have been it already.
    assert taken.width == 1280
    assert max(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, before) < max(300 * 1024, before + 1)


def test_a_pdf_is_written_anew_without_its_author_and_without_what_stood_behind_it() -> None:
    safe = uploads.document(sent(files.pdf_by("Hanne Canary Holm") + b"\n<script>alert(1)</script>", "ark.pdf"))

    assert b"Canary" not in safe.content
    assert b"alert(1)" not in safe.content
    document = pikepdf.open(io.BytesIO(safe.content))
    assert str(document.docinfo["/Title"]) == "Undervisningsark"
    with document.open_metadata() as metadata:
        assert "dc:creator" not in metadata
        assert metadata["dc:title"] == "Undervisningsark"


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("Arbejdsark 7. klasse.pdf", "Arbejdsark 7. klasse.pdf"),
        ("Ærø å Ø.pdf", "Ærø å Ø.pdf"),
        ("bla\u030abær.pdf", "blåbær.pdf"),
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\Hanne\\ark.pdf", "ark.pdf"),
        ("ark\r\nSet-Cookie: x=1.pdf", "ark Set-Cookie x=1.pdf"),
        ("\u202efdp.exe.pdf", "fdp.exe.pdf"),
        ("a\u200bb\ufeffc\u2028d.pdf", "abc d.pdf"),
        ("<script>alert(1)</script>.pdf", "script.pdf"),
        ('"; filename="ond.exe.pdf', "filename= ond.exe.pdf"),
        ("CON.pdf", "fil CON.pdf"),
        (".pdf", "fil.pdf"),
        ("", "fil.pdf"),
        ("...", "fil.pdf"),
        ("ark.exe", "ark.pdf"),
        ("Z" + "\u0301" * 200 + ".pdf", "Ź" + "\u0301" * 4 + ".pdf"),
        ("a" * 300 + ".pdf", "a" * 116 + ".pdf"),
        ("😀.pdf", "😀.pdf"),
        ("=HYPERLINK(1).pdf", "=HYPERLINK(1).pdf"),
    ],
)
def test_the_name_from_home_becomes_plain_text(given: str, clean: str) -> None:
    assert clean_name(given, "pdf") == clean


def safe_pdf(content: bytes = b"%PDF-1.7 a", name: str = "ark.pdf") -> SafeFile:
    return SafeFile(kind="document", format="pdf", name=name, content=content, digest=f"{hash(content) % 2**256:064x}")


def stored(media: Path) -> list[str]:
    return sorted(str(path.relative_to(media)) for path in media.rglob("*") if path.is_file())


def test_a_file_is_stored_once_per_owner_under_the_name_of_its_id(municipality: Municipality, media: Path) -> None:
    first = kept.keep(safe_pdf(), owner=municipality, now=TODAY)
    again = kept.keep(safe_pdf(name="kopi.pdf"), owner=municipality, now=TODAY, alt_text="  noget  andet ")

    assert again == first
    assert (again.name, again.alt_text) == ("ark.pdf", "noget andet")
    assert stored(media) == [f"uploads/{first.pk.hex[:2]}/{first.pk}.pdf"]


def test_the_municipality_has_room_for_500_mb(municipality: Municipality, media: Path) -> None:
    first = kept.keep(safe_pdf(b"a"), owner=municipality, now=TODAY)
    Upload.objects.filter(pk=first.pk).update(size=500_000_000 - 2)

    kept.keep(safe_pdf(b"bb"), owner=municipality, now=TODAY)
    with pytest.raises(Refusal) as refused:
        kept.keep(safe_pdf(b"c"), owner=municipality, now=TODAY)

    assert refused.value.code == "no-room"
    assert "500 af 500" in str(refused.value) or "500 of 500" in str(refused.value)
    assert len(stored(media)) == 2


def test_a_full_disk_is_said_and_leaves_neither_row_nor_file(
    municipality: Municipality, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any, **_more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(default_storage, "save", full)

    with pytest.raises(Refusal) as refused, transaction.atomic():
        kept.keep(safe_pdf(), owner=municipality, now=TODAY)

    assert refused.value.code == "disk-full"
    assert (Upload.objects.count(), stored(media)) == (0, [])


def test_orphans_go_after_a_day_and_what_is_shown_stays(municipality: Municipality, media: Path) -> None:
    logo = kept.keep(
        SafeFile(kind="logo", format="webp", name="x.webp", content=b"x", digest="a" * 64),
        owner=municipality,
        now=TODAY - timedelta(days=400),
    )
    Municipality.objects.update(logo=logo)
    old = kept.keep(safe_pdf(b"old"), owner=municipality, now=TODAY - timedelta(hours=25))
    young = kept.keep(safe_pdf(b"young"), owner=municipality, now=TODAY - timedelta(hours=23))
    stray = f"uploads/00/{'0' * 8}-0000-4000-8000-{'0' * 12}.pdf"
    (media / "uploads/00").mkdir(parents=True, exist_ok=True)
    (media / stray).write_bytes(b"%PDF-")
    real = default_storage.get_modified_time(stray)

    assert kept.remove_orphans(now=TODAY, real_now=real + timedelta(hours=23)) == 1
    assert set(Upload.objects.all()) == {logo, young}
    assert kept.remove_orphans(now=TODAY, real_now=real + timedelta(hours=25)) >= 1
    assert not (media / stray).exists()
    assert old.pk not in set(Upload.objects.values_list("pk", flat=True))


def logo_file() -> SafeFile:
    return uploads.logo(sent(files.picture("PNG", (300, 100), "RGBA"), "våben.png"))


def test_the_logo_is_changed_shown_to_everybody_and_removed(committing: None, media: Path, client: Client) -> None:
    Municipality.objects.create(name="Fjordby Kommune")
    shown = kept.change_logo(file=logo_file(), by=COORDINATOR, now=TODAY).logo
    assert shown is not None
    answer = client.get(f"/logo/{shown.pk}/")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/webp"
    assert answer.content == (media / shown.path).read_bytes()
    assert client.get(f"/logo/{shown.pk}/", headers={"If-None-Match": answer["ETag"]}).status_code == 304

    kept.change_logo(file=None, by=COORDINATOR, now=TODAY)

    assert client.get(f"/logo/{shown.pk}/").status_code == 404
    assert (Upload.objects.count(), stored(media)) == (0, [])


def test_a_file_leaves_as_itself_and_nothing_else(municipality: Municipality) -> None:
    document = kept.keep(safe_pdf(name="Ærø ark.pdf"), owner=municipality, now=TODAY)
    request = RequestFactory().get("/")

    public = serving.response(request, document, public=True)
    secret = serving.response(request, document, public=False)

    assert public.headers["Content-Disposition"] == "attachment; filename*=utf-8''%C3%86r%C3%B8%20ark.pdf"
    assert public.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert public.headers["X-Content-Type-Options"] == "nosniff"
    assert public.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert public.headers["Content-Type"] == "application/pdf"
    assert public.headers["Cache-Control"] == "public, max-age=3600"
    assert secret.headers["Cache-Control"] == "private, no-store"
    assert "ETag" not in secret.headers
    assert secret.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


def a_picture() -> MultiValueDict[str, UploadedFile]:
    return MultiValueDict({"picture": [sent(files.picture(), "x.jpg")]})


@pytest.mark.parametrize(
    ("typed", "field", "code"),
    [
        ({}, "alt_text", "no-alt-text"),
        ({"alt_text": "   "}, "alt_text", "no-alt-text"),
        ({"alt_text": "En svejser", "decorative": "on"}, "decorative", "described-and-decorative"),
        ({"alt_text": "x" * 201}, "alt_text", "max_length"),
    ],
)
def test_a_picture_needs_words_or_the_word_that_it_decorates(typed: dict[str, str], field: str, code: str) -> None:
    form = DescribedPicture(typed, a_picture())

    assert form.errors.as_data()[field][0].code == code


def test_words_or_the_tick_are_enough() -> None:
    described = DescribedPicture({"alt_text": "En svejser"}, a_picture())
    decorating = DescribedPicture({"decorative": "on"}, a_picture())

    assert (described.errors, decorating.errors) == ({}, {})


def desk_of(client: Client) -> Client:
    client.force_login(factories.CoordinatorFactory.create())
    return client


def test_a_coordinator_changes_the_logo_at_the_desk(committing: None, media: Path, client: Client) -> None:
    Municipality.objects.create(name="Fjordby Kommune")
    page = "/admin/portal/municipality/1/logo/"
    desk = desk_of(client)

    refused = desk.post(page, {"logo": sent(SVG, "logo.svg")})
    undecided = desk.post(page, {})
    done = desk.post(page, {"logo": sent(files.picture("PNG", (300, 100)), "logo.png")})

    assert (refused.status_code, undecided.status_code, done.status_code) == (422, 422, 302)
    assert "JPEG, PNG" in refused.content.decode()
    logo = Municipality.objects.get().logo
    assert logo is not None
    assert (logo.kind, logo.width, logo.height) == ("logo", 300, 100)
    assert (
        f'<img class="site-name__logo" src="/logo/{logo.pk}/" alt="Fjordby Kommune"' in client.get("/").content.decode()
    )

    removed = desk.post(page, {"remove": "on"})

    assert removed.status_code == 302
    assert Municipality.objects.get().logo is None
    assert "site-name__logo" not in client.get("/").content.decode()

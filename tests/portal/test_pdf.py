"""The press: bounded, deaf to everything but its own files, at most two at once, never the same thing twice."""

import io
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from weasyprint.urls import FatalURLFetchingError

from portal import pdf
from portal.models import Document, DocumentJob
from portal.pdf import press
from portal.tasks import make_documents
from tests import files

FRAME = (
    '<!doctype html><html lang="da"><head><title>En guide</title>{head}</head>'
    "<body><h1>En guide</h1>{body}</body></html>"
)


def paper(body: str = "<p>Rød grød med fløde, æøå 😀</p>", head: str = "") -> str:
    """Return a small document."""
    return FRAME.format(head=head, body=body)


def refusal(html: str, **limits: Any) -> str:
    """Return why the document does not come out."""
    with pytest.raises(pdf.NotPrintable) as told:
        pdf.render(html, **limits)
    return str(told.value)


@pytest.fixture
def other_sessions() -> Any:
    """Other web processes, as far as the database can see: open connections of their own."""
    facts = connection.get_connection_params()
    known = {name: facts[name] for name in ("dbname", "user", "password", "host", "port") if facts.get(name)}
    opened = [psycopg.connect(**known, autocommit=True) for _number in (1, 2)]
    yield opened
    for one in opened:
        one.close()


def hold(session: psycopg.Connection[Any], number: int) -> None:
    """Let another process hold a press."""
    session.execute("SELECT pg_advisory_lock(%s, %s)", [pdf.LOCK_CLASS, number])


def test_a_document_is_tagged_titled_and_in_its_language() -> None:
    table = (
        '<table><thead><tr><th scope="col">Tid</th></tr></thead><tbody><tr><th scope="row">9</th></tr></tbody></table>'
    )
    made = pikepdf.open(io.BytesIO(pdf.render(paper(table + '<img src="static:img/mark.svg" alt="Mærke">'))))

    assert str(made.Root.Lang) == "da"
    assert str(made.docinfo["/Title"]) == "En guide"
    assert bool(made.Root.MarkInfo.Marked)
    assert [(kind, scope, alt) for kind, scope, alt in parts(made) if kind in {"/H1", "/TH", "/Figure"}] == [
        ("/H1", "", ""),
        ("/TH", "/Column", ""),
        ("/TH", "/Row", ""),
        ("/Figure", "", "Mærke"),
    ]


def parts(made: pikepdf.Pdf) -> list[tuple[str, str, str]]:
    """Return kind, scope and alternative text of every part of the document's structure, in order."""
    found = []

    def walk(node: Any) -> None:
        if isinstance(node, pikepdf.Array):
            for inner in node:
                walk(inner)
        elif isinstance(node, pikepdf.Dictionary) and "/S" in node:
            scope = str(node.A.Scope) if "/A" in node and "/Scope" in node.A else ""
            found.append((str(node.S), scope, str(node.get("/Alt", ""))))
            if "/K" in node:
                walk(node.K)

    walk(made.Root.StructTreeRoot.K)
    return found


@pytest.mark.parametrize(
    "wanted",
    [
        "http://127.0.0.1:9/z.png",
        "https://example.org/z.png",
        "ftp://example.org/x.png",
        "file:///etc/passwd",
        "file:///dev/zero",
        "data:image/png;base64,AAAA",
        "static:../manage.py",
        "static:/etc/passwd",
        "static:img/illustrations/../../../manage.py",
        "static:img/illustrations/%2e%2e/mark.svg",
        "static:img/illustrations/README.md",
        "static:img/illustrations/..svg",
        "static:img/illustrations/not-drawn.svg",
        "static:css/portal.css",
        "static:vendor/figtree/OFL.txt",
        "STATIC:css/paper.css",
        "css/paper.css",
        "",
    ],
)
def test_the_press_serves_nothing_but_its_named_files(wanted: str) -> None:
    fetcher = press.NamedFilesOnly()

    with pytest.raises(FatalURLFetchingError):
        fetcher.fetch(wanted)
    assert fetcher.refusals == [f"The document asked for {wanted!r}, which it may not have."]


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ("static:css/paper.css", "text/css"),
        ("static:img/illustrations/svejsning.svg", "image/svg+xml"),
        ("static:vendor/figtree/figtree-latin-400-normal.woff2", "font/woff2"),
    ],
)
def test_the_press_serves_its_named_files(wanted: str, kind: str) -> None:
    answer = press.NamedFilesOnly().fetch(wanted)

    assert answer.content_type == kind
    assert answer.read() == (settings.BASE_DIR / "static" / wanted.removeprefix("static:")).read_bytes()


@pytest.mark.parametrize(
    "wanted",
    [
        '<img src="file:///etc/passwd" alt="x">',
        '<a rel="attachment" href="file:///etc/passwd">x</a>',
        "<style>@import url(http://127.0.0.1:9/x.css);</style>",
        "<style>@font-face { font-family: x; src: url(file:///etc/passwd) } p { font-family: x }</style><p>x</p>",
        '<svg width="9" height="9"><title>x</title><image href="file:///etc/passwd" width="9" height="9"/></svg>',
    ],
)
def test_a_document_that_asks_for_more_does_not_come_out(wanted: str) -> None:
    assert "which it may not have" in refusal(paper(wanted))


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ('<img src="static:img/mark.svg">', "alt"),
        ('<a href="javascript:alert(1)">x</a>', "a link that is no address"),
        ('<a href="../../etc/passwd">x</a>', "a link that is no address"),
        ("<div>" * 3000, "RecursionError"),
        ("<table><tr><td colspan=100000000>x</table>", "MemoryError"),
    ],
)
def test_what_must_not_come_out_does_not(body: str, complaint: str) -> None:
    assert complaint in refusal(paper(body))


def test_a_document_without_title_or_language_is_refused() -> None:
    assert "title" in refusal(paper().replace("<title>En guide</title>", ""))
    assert "language" in refusal(paper().replace(' lang="da"', ""))


def test_a_document_that_is_too_long_is_not_even_begun() -> None:
    long = paper("x" * 300_001)

    assert refusal(long) == f"The document has {len(long)} bytes; 300000 is the limit."


def test_a_press_that_takes_too_long_is_killed() -> None:
    began = time.monotonic()

    assert refusal(paper("<p>Ord og atter ord.</p>" * 9000), seconds=0.5) == (
        "The document was not finished after 0.5 seconds."
    )
    assert time.monotonic() - began < 5


def test_the_child_is_told_no_secret_and_begins_in_an_empty_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    curious = tmp_path / "press.py"
    curious.write_text("import os; print('%PDF-', sorted(os.environ), os.listdir())")
    monkeypatch.setattr(pdf, "PRESS", curious)
    told = pdf.render(paper()).decode()

    assert [name for name in ("SECRET_KEY", "LINK_KEY", "DATABASE_URL", "REDIS_URL") if name in told] == []
    assert told.rstrip().endswith(" []")


def test_missing_libraries_are_told_apart_from_a_bad_document(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without = tmp_path / "press.py"
    without.write_text("import sys; sys.stderr.write('cannot load library libpango'); sys.exit(3)")
    monkeypatch.setattr(pdf, "PRESS", without)

    with pytest.raises(pdf.LibrariesMissing, match="cannot load library libpango"):
        pdf.render(paper())


@pytest.mark.django_db
def test_the_same_content_is_made_once() -> None:
    first = pdf.obtain(html=paper(), filename="guide.pdf")
    made_at = Document.objects.get().made_at
    second = pdf.obtain(html=paper(), filename="guide.pdf")

    assert isinstance(first, Document)
    assert second == first
    assert (Document.objects.count(), Document.objects.get().made_at) == (1, made_at)


def test_other_content_has_another_hash() -> None:
    assert pdf.hash_of(paper()) == pdf.hash_of(paper())
    assert pdf.hash_of(paper("<p>a</p>")) != pdf.hash_of(paper("<p>b</p>"))
    assert len(pdf.hash_of(paper())) == 64


@pytest.mark.django_db
def test_two_at_once_and_the_third_becomes_a_job(other_sessions: list[psycopg.Connection[Any]]) -> None:
    hold(other_sessions[0], 1)
    second = pdf.obtain(html=paper("<p>second</p>"), filename="second.pdf")
    hold(other_sessions[1], 2)
    third = pdf.obtain(html=paper("<p>third</p>"), filename="third.pdf")
    again = pdf.obtain(html=paper("<p>third</p>"), filename="third.pdf")

    assert isinstance(second, Document)
    assert isinstance(third, DocumentJob)
    assert again == third
    assert (third.state, third.attempts, DocumentJob.objects.count()) == ("requested", 0, 1)


@pytest.mark.django_db
def test_the_worker_makes_what_the_web_server_had_no_room_for(other_sessions: list[psycopg.Connection[Any]]) -> None:
    hold(other_sessions[0], 1)
    hold(other_sessions[1], 2)
    job = pdf.obtain(html=paper(), filename="guide.pdf")
    make_documents()
    assert isinstance(job, DocumentJob)
    job.refresh_from_db()
    assert (job.state, Document.objects.count()) == ("requested", 0)

    other_sessions[0].close()
    wait_for_a_press()
    make_documents()
    job.refresh_from_db()

    assert (job.state, job.attempts, job.lease_until) == ("ready", 1, None)
    assert isinstance(pdf.obtain(html=paper(), filename="guide.pdf"), Document)


def wait_for_a_press() -> None:
    """Wait until the database has noticed that a connection is gone."""
    for _turn in range(100):
        with pdf.free_press() as free:
            if free:
                return
        time.sleep(0.05)
    raise AssertionError("No press became free.")


@pytest.mark.django_db
def test_a_job_that_nobody_began_is_made_when_a_press_is_free(other_sessions: list[psycopg.Connection[Any]]) -> None:
    hold(other_sessions[0], 1)
    hold(other_sessions[1], 2)
    pdf.obtain(html=paper(), filename="guide.pdf")
    other_sessions[0].close()
    wait_for_a_press()

    assert isinstance(pdf.obtain(html=paper(), filename="guide.pdf"), Document)
    assert DocumentJob.objects.get().state == "ready"


@pytest.mark.django_db
def test_a_document_that_does_not_come_out_fails_visibly_after_three_attempts() -> None:
    hostile = paper("<a href='javascript:alert(1)'>x</a>")
    job = pdf.obtain(html=hostile, filename="guide.pdf")
    assert isinstance(job, DocumentJob)
    assert (job.state, job.attempts) == ("requested", 1)

    make_documents()
    job.refresh_from_db()

    assert (job.state, job.attempts) == ("failed", 3)
    assert job.trouble == "ValueError: The document contains a link that is no address."
    assert pdf.obtain(html=hostile, filename="guide.pdf") == job


@pytest.mark.django_db
def test_a_failed_job_is_tried_again_after_ten_minutes() -> None:
    job = DocumentJob.objects.create(
        content_hash=pdf.hash_of(paper()),
        filename="guide.pdf",
        html=paper(),
        state=DocumentJob.State.FAILED,
        attempts=3,
        requested_at=timezone.now() - timedelta(minutes=11),
    )

    again = pdf.obtain(html=paper(), filename="guide.pdf")

    assert isinstance(again, DocumentJob)
    assert (again.pk, again.state, again.attempts) == (job.pk, "requested", 0)


@pytest.mark.django_db
def test_a_job_whose_worker_died_is_taken_up_again_and_given_up_after_the_third() -> None:
    dead = timezone.now() - timedelta(seconds=1)
    taken_up = DocumentJob.objects.create(
        content_hash="a" * 64, filename="a.pdf", html=paper(), state="rendering", attempts=2, lease_until=dead
    )
    given_up = DocumentJob.objects.create(
        content_hash="b" * 64, filename="b.pdf", html=paper(), state="rendering", attempts=3, lease_until=dead
    )
    make_documents()
    taken_up.refresh_from_db()
    given_up.refresh_from_db()

    assert (taken_up.state, taken_up.attempts) == ("ready", 3)
    assert (given_up.state, given_up.trouble) == ("failed", "The worker stopped while making it.")


@pytest.mark.django_db
def test_documents_are_forgotten_after_a_week() -> None:
    now = timezone.now()
    Document.objects.create(content_hash="a" * 64, filename="a.pdf", pdf=b"a", made_at=now - timedelta(days=8))
    Document.objects.create(content_hash="b" * 64, filename="b.pdf", pdf=b"b", made_at=now - timedelta(days=6))
    DocumentJob.objects.create(content_hash="c" * 64, filename="c.pdf", html="c", requested_at=now - timedelta(days=8))

    assert pdf.forget(real_now=now) == 2
    assert [document.filename for document in Document.objects.all()] == ["b.pdf"]


def test_a_picture_that_somebody_put_in_is_printed_from_the_media_folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    name = "3f2b8c1e-0000-4000-8000-00000000000a.jpg"
    (tmp_path / "uploads" / "3f").mkdir(parents=True)
    (tmp_path / "uploads" / "3f" / name).write_bytes(files.picture("JPEG", (40, 30), color=(200, 30, 30)))

    made = pikepdf.open(io.BytesIO(pdf.render(paper(f'<img src="upload:{name}" alt="En svejser">'))))

    assert pdf.picture("robot", uploaded=name) == f"upload:{name}"
    assert len(made.pages[0].get_images()) == 1


@pytest.mark.parametrize(
    "name",
    [
        "3f2b8c1e-0000-4000-8000-00000000000b.jpg",  # not there
        "../../etc/passwd",
        "3f2b8c1e-0000-4000-8000-00000000000b.pdf",
    ],
)
def test_no_other_file_comes_with_it(settings: Any, tmp_path: Path, name: str) -> None:
    settings.MEDIA_ROOT = tmp_path

    assert "may not have" in refusal(paper(f'<img src="upload:{name}" alt="x">'))
    assert pdf.picture("robot", uploaded="../../etc/passwd") == "static:img/illustrations/robot.svg"

"""Spreadsheets: nothing that is written comes alive, and what is read comes in whole or is refused in words."""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import spreadsheets
from portal.domain.refusal import Refusal
from portal.spreadsheets import Table, bare, clean, read_table, sheet_name, write_csv, write_xlsx

# What was typed, and what a CSV file says for it. In a workbook each stands as it was typed.
PAYLOADS = {
    '=HYPERLINK("http://x.example","se her")': '\'=HYPERLINK("http://x.example","se her")',
    "=1+1": "'=1+1",
    "+1+1": "'+1+1",
    "-2+3": "'-2+3",
    "@SUM(1)": "'@SUM(1)",
    "\t=1+1": "'=1+1",
    "\n=1+1": "'=1+1",
    "＝1+1": "'＝1+1",
    "﹣1+1": "'﹣1+1",
    "\xa0=1+1": "'=1+1",
    "\u200b=1+1": "'=1+1",
    "\ufeff=1+1": "'=1+1",
    "|cmd": "'|cmd",
    "%0A=1": "'%0A=1",
    "=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0",
    'DDE("cmd";"/C calc")': 'DDE("cmd";"/C calc")',
    "a;b": "a;b",
    'han sagde "ja"': 'han sagde "ja"',
    "to\nlinjer": "to\nlinjer",
    "0045": "0045",
    "1-2": "1-2",
    "+45 12 34 56 78": "+45 12 34 56 78",
    "12345678901234567890": "12345678901234567890",
    "#N/A": "#N/A",
    "TRUE": "TRUE",
    "'=1": "''=1",
    "O'Brien": "O'Brien",
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "Ærøskøbing 🚜": "Ærøskøbing 🚜",
    "_x003D_1": "_x003D_1",
}


def xlsx(rows: Iterable[Sequence[Any]], headings: Sequence[str] = ("A",)) -> bytes:
    target = io.BytesIO()
    write_xlsx(target, title="Liste", headings=headings, rows=rows)
    return target.getvalue()


def csv_file(rows: Iterable[Sequence[Any]], headings: Sequence[str] = ("A",)) -> bytes:
    target = io.BytesIO()
    write_csv(target, headings=headings, rows=rows)
    return target.getvalue()


def read(content: bytes, name: str = "fil.csv") -> Table:
    return read_table(SimpleUploadedFile(name, content))


def refused(content: bytes) -> str:
    with pytest.raises(Refusal) as refusal:
        read(content)
    assert (refusal.value.field, str(refusal.value).endswith((".", "?"))) == ("file", True) or "Excel" in str(
        refusal.value
    )
    return refusal.value.code


# Written


def test_in_a_workbook_every_text_is_a_text_and_stays_as_it_was() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx([[text] for text in PAYLOADS]))).active
    assert sheet is not None
    cells = [row[0] for row in sheet.iter_rows(min_row=2)]

    assert [cell.value for cell in cells] == list(PAYLOADS)
    assert {cell.data_type for cell in cells} == {"s"}


def test_a_heading_is_a_text_too() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx([["x"]], headings=["=1+1"]))).active
    assert sheet is not None

    assert (sheet["A1"].value, sheet["A1"].data_type, sheet["A1"].font.bold) == ("=1+1", "s", True)
    assert sheet.freeze_panes == "A2"


def test_in_a_csv_file_what_might_be_a_formula_is_marked_and_all_else_is_as_it_was() -> None:
    content = csv_file([[text] for text in PAYLOADS])
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))

    assert dict(zip(PAYLOADS, [row[0] for row in rows[1:]], strict=True)) == PAYLOADS
    assert content.startswith(b'\xef\xbb\xbf"A"\r\n"')


def test_what_was_marked_is_read_again_as_it_was() -> None:
    texts = [text for text in PAYLOADS if text == bare(text)]

    assert [row[0] for _line, row in read(csv_file([[text] for text in texts])).rows] == texts
    assert [row[0] for _line, row in read_xlsx_without_formulas(texts)] == texts


def read_xlsx_without_formulas(texts: list[str]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    return read(xlsx([[text] for text in texts])).rows


def test_characters_that_no_spreadsheet_holds_are_left_out() -> None:
    odd = "a\x00b\x01c\x1fd\ud800e\uffffg\rh\r\ni"

    assert clean(odd) == "abcdeg\nh\ni"
    assert [row for _line, row in read(xlsx([[odd]])).rows] == [("abcdeg\nh\ni",)]


@pytest.mark.parametrize(("letter", "kept"), [("x", 32_766), ("🚜", 16_383)])
def test_a_text_of_40000_letters_is_cut_where_excel_ends_and_whole_in_csv(letter: str, kept: int) -> None:
    long = letter * 40_000
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx([[long]]))).active
    assert sheet is not None

    assert sheet["A2"].value == letter * kept + "…"
    assert csv_file([[long]]).decode("utf-8-sig") == f'"A"\r\n"{long}"\r\n'


def test_numbers_and_days_are_numbers_and_days() -> None:
    moment = datetime(2026, 9, 8, 8, 30, 12, tzinfo=UTC)
    row = [7, 2.5, date(2026, 8, 1), moment, None, -3]
    sheet = openpyxl.load_workbook(io.BytesIO(xlsx([row], headings="abcdef"))).active
    assert sheet is not None
    cells = next(sheet.iter_rows(min_row=2))

    assert [(cell.data_type, cell.value) for cell in cells] == [
        ("n", 7),
        ("n", 2.5),
        ("d", datetime(2026, 8, 1)),  # noqa: DTZ001
        ("d", datetime(2026, 9, 8, 10, 30, 12)),  # noqa: DTZ001 (Copenhagen's wall clock)
        ("n", None),
        ("n", -3),
    ]
    assert csv_file([row], headings="abcdef").decode("utf-8-sig").split("\r\n")[1] == (
        '"7";"2,5";"2026-08-01";"2026-09-08 10:30";"";"-3"'
    )


@pytest.mark.parametrize(
    ("title", "name"),
    [("Skoler", "Skoler"), ("a/b:c*[d]?\\", "a b c d"), ("x" * 40, "x" * 31), ("'q'", "q"), ("History", "Data")],
)
def test_a_sheet_has_a_name_that_excel_takes(title: str, name: str) -> None:
    assert sheet_name(title) == name


def test_the_second_sheet_and_the_last_lines_say_what_the_file_is() -> None:
    def about(count: int) -> list[tuple[str, Any]]:
        return [("Rækker", count), ("Af", "=Mette")]

    book, text = io.BytesIO(), io.BytesIO()
    counts = (
        write_xlsx(book, title="L", headings=["A"], rows=[["x"], ["y"]], about=about),
        write_csv(text, headings=["A"], rows=[["x"], ["y"]], about=about),
    )
    second = openpyxl.load_workbook(io.BytesIO(book.getvalue())).worksheets[1]

    assert counts == (2, 2)
    assert [[cell.value for cell in row] for row in second.iter_rows()] == [["Rækker", 2], ["Af", "=Mette"]]
    assert text.getvalue().decode("utf-8-sig").endswith('"y"\r\n\r\n"Rækker";"2"\r\n"Af";"\'=Mette"\r\n')


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(st.text(max_size=30), min_size=3, max_size=3), min_size=1, max_size=5))
def test_any_texts_in_a_csv_file_are_read_as_they_were_and_none_begins_as_a_formula(rows: list[list[str]]) -> None:
    text = csv_file(rows, headings="abc").decode("utf-8-sig")
    found = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))[1:]

    for row, written in zip(rows, found, strict=True):
        for cell, said in zip(row, written, strict=True):
            harmless = bare(clean(cell).replace("\x7f", ""))
            assert said in {harmless, f"'{harmless}"}
            assert not said or spreadsheets.TELEPHONE.fullmatch(said) or not spreadsheets.looks_alive(said)
            assert spreadsheets.without_apostrophe(said) == harmless


# Read: CSV

DANISH = "Navn;By\r\nSkolen på Ærø;Øster Å\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "cp850", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_danish_letters_come_in_whole_however_they_are_written(encoding: str, delimiter: str) -> None:
    table = read(DANISH.replace(";", delimiter).encode(encoding))

    assert (table.headings, table.rows) == (("Navn", "By"), ((2, ("Skolen på Ærø", "Øster Å")),))


def test_letters_that_were_broken_before_are_refused() -> None:
    assert refused(DANISH.encode().decode("cp1252").encode()) == "broken-letters"


def test_quoted_line_breaks_and_delimiters_stay_within_their_cell() -> None:
    table = read('sep=;\r\nNavn;Klasser\r\n"Mette; Smed";"7.A\n8.B"\r\nÅge;"9""C"""\r\n'.encode())

    assert table.rows == ((3, ("Mette; Smed", "7.A\n8.B")), (5, ("Åge", '9"C"')))


def test_the_delimiter_is_what_makes_the_lines_alike() -> None:
    table = read("Navn;Egne klasser\nMette, Maren;7.A, 8.B\nÅge;\n".encode())

    assert table.rows == ((2, ("Mette, Maren", "7.A, 8.B")), (3, ("Åge", "")))


def test_one_column_needs_no_delimiter() -> None:
    assert read(b"Navn\nSkole A\n").rows == ((2, ("Skole A",)),)


def test_empty_lines_and_columns_are_left_out_and_lines_keep_their_numbers() -> None:
    assert read(b"\n\nNavn;;\n\n;;\nA;;\n").rows == ((6, ("A",)),)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b" \r\n ", "empty"),
        (b";;\n;;\n", "empty"),
        (b"Navn;By\n", "no-rows"),
        (b"Navn;navn\nA;B\n", "heading-twice"),
        (b"Navn\nA;B\n", "missing-heading"),
        (b"Navn;;By\nA;B;C\n", "missing-heading"),
        (b"Navn\n" + b"x" * 2_001 + b"\n", "too-long"),
        (b"Navn\n" + b"x" * 200_000 + b"\n", "broken"),
        (b";".join(b"k%d" % n for n in range(61)) + b"\n" + b"x\n", "too-many-columns"),
        (b"Navn\n" + b"x\n" * 20_001, "too-many-rows"),
        (b"x" * 5_000_001, "too-large"),
        (b"%PDF-1.7\x00\x01", "wrong-kind"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "wrong-kind"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 100, "wrong-kind"),
        (b"PK\x03\x04rest", "broken"),
        (b"PK\x05\x06" + b"\x00" * 18, "wrong-kind"),
    ],
)
def test_what_is_no_table_is_refused_in_words(content: bytes, code: str) -> None:
    assert refused(content) == code


def test_20000_rows_are_not_too_many() -> None:
    assert len(read(b"Navn\n" + b"x\n" * 20_000).rows) == 20_000


# Read: XLSX


def workbook(*rows: Sequence[Any], **more: Any) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    for name, value in more.items():
        setattr(sheet, name, value)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_a_workbooks_cells_are_what_a_person_reads() -> None:
    content = workbook(
        ["Navn", "Tal", "Dag", "Tid", "Ja"],
        ["Ærø ", 5000.0, date(2026, 8, 1), datetime(2026, 8, 1, 9, 30), True],  # noqa: DTZ001
        [None, 2.5, None, None, False],
    )
    assert read(content, "liste.xlsx").rows == (
        (2, ("Ærø", "5000", "2026-08-01", "2026-08-01 09:30", "ja")),
        (3, ("", "2.5", "", "", "nej")),
    )


def test_the_first_sheet_that_can_be_seen_is_read() -> None:
    book = openpyxl.Workbook()
    hidden, seen = book.active, book.create_sheet("Andet")
    assert hidden is not None
    hidden.sheet_state = "hidden"
    hidden.append(["Skjult"])
    hidden.append(["x"])
    seen.append(["Navn"])
    seen.append(["A"])
    target = io.BytesIO()
    book.save(target)

    assert read(target.getvalue()).headings == ("Navn",)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (workbook(["Navn"], ["=1+1"]), "formula"),
        (workbook(["Navn"], ['=HYPERLINK("http://x.example")']), "formula"),
        (workbook(["Navn"], ["#N/A"]), "error"),
        (workbook(["Navn"]), "no-rows"),
        (workbook(), "empty"),
        (workbook(["Navn", "Navn"], ["a", "b"]), "heading-twice"),
        (workbook([f"k{n}" for n in range(61)], ["x"]), "too-many-columns"),
    ],
)
def test_what_a_workbook_may_not_hold_is_refused_in_words(content: bytes, code: str) -> None:
    assert refused(content) == code


def test_a_formula_is_told_with_its_cell() -> None:
    with pytest.raises(Refusal, match="B3"):
        read(workbook(["Navn", "By"], ["a", "b"], ["c", "=A1"]))


def test_20001_rows_of_a_workbook_are_too_many() -> None:
    assert refused(xlsx(["x"] for _row in range(20_001))) == "too-many-rows"


def packed(**parts: bytes) -> bytes:
    """A packed file with parts of ours among those of a real workbook."""
    target = io.BytesIO()
    real = zipfile.ZipFile(io.BytesIO(workbook(["Navn"], ["A"])))
    with real, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for one in real.namelist():
            if one not in parts:
                made.writestr(one, real.read(one))
        for name, content in parts.items():
            made.writestr(name, content)
    return target.getvalue()


def test_a_bomb_is_measured_before_it_is_unpacked() -> None:
    bomb = packed(**{"xl/worksheets/sheet1.xml": b" " * 60_000_000})

    assert (len(bomb) < 100_000, refused(bomb)) == (True, "too-large-unpacked")


def test_a_directory_that_lies_about_sizes_brings_no_more_than_it_says() -> None:
    bomb = packed(**{"xl/worksheets/sheet1.xml": b" " * 40_000_000}).replace(
        (40_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")
    )

    assert refused(bomb) == "broken"


def test_many_parts_are_refused() -> None:
    assert refused(packed(**{f"xl/media/{n}.xml": b"<a/>" for n in range(400)})) == "too-large-unpacked"


LAUGHS = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><worksheet>&b;</worksheet>'


@pytest.mark.parametrize(
    "parts",
    [
        {"xl/worksheets/sheet1.xml": LAUGHS},
        {"xl/workbook.xml": LAUGHS},
        {"xl/worksheets/sheet1.xml": LAUGHS.decode().encode("utf-16")},
        {"xl/worksheets/sheet1.xml": b"<worksheet"},
        {"xl/worksheets/sheet1.xml": b"<other/>"},
        {"xl/workbook.xml": b"<workbook/>"},
        {"xl/styles.xml": b"nothing"},
        {"[Content_Types].xml": b"<Types/>"},
    ],
)
def test_parts_that_are_not_what_they_say_are_refused_calmly(parts: dict[str, bytes]) -> None:
    assert refused(packed(**parts)) in {"wrong-kind", "broken", "empty"}


def test_what_a_sheet_says_of_its_own_size_is_not_believed() -> None:
    with zipfile.ZipFile(io.BytesIO(workbook(["Navn"], ["A"]))) as real:
        sheet = real.read("xl/worksheets/sheet1.xml").replace(b'ref="A1:A2"', b'ref="A1:XFD1048576"')

    assert read(packed(**{"xl/worksheets/sheet1.xml": sheet})).rows == ((2, ("A",)),)

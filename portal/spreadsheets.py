"""The one door to spreadsheets: tables are read from files of others, and written so that nothing in them comes alive.

Reading trusts nothing: what a file is shows in its bytes, a packed file is measured by its directory before it is
opened, and what cannot be read is refused with a sentence that says what to do. Writing types every text as text.
"""

import codecs
import csv
import io
import re
import unicodedata
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from typing import IO, Any, NoReturn

import openpyxl
from django.core.files.uploadedfile import UploadedFile
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from portal.domain.refusal import Refusal

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"

MOST_BYTES = 5_000_000  # of an uploaded file
MOST_UNPACKED = 50_000_000  # bytes, of all parts of a packed file together
MOST_PARTS = 300
MOST_ROWS = 20_000
MOST_COLUMNS = 60
MOST_CHARACTERS = 2_000  # in a cell that is read
EXCEL_CHARACTERS = 32_767  # in a cell that is written: what Excel can hold, in UTF-16 units

Value = str | int | float | Decimal | date | datetime | None
About = Callable[[int], Sequence[Sequence[Value]]]

# What programs take for the beginning of a formula (OWASP, CSV injection), looked at in its simplest form (NFKC).
ALIVE = frozenset("=+-@|%")
TELEPHONE = re.compile(r"\+?[0-9 ]+")
# What XML 1.0 cannot hold (§ 2.2): control characters but tab and line feed, lone surrogates, non-characters.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f]")


# Writing


def clean(text: str) -> str:
    """Return a text without characters that a spreadsheet cannot hold; line breaks are line feeds."""
    return ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def fitting(text: str) -> str:
    """Return a text that Excel can hold in a cell: a longer one is cut and ends with three dots."""
    text = clean(text)
    if len(text) * 2 <= EXCEL_CHARACTERS or len(text.encode("utf-16-le")) <= EXCEL_CHARACTERS * 2:
        return text
    return text.encode("utf-16-le")[: (EXCEL_CHARACTERS - 1) * 2].decode("utf-16-le", "ignore") + "…"


def sheet_name(title: str) -> str:
    """Return a title that Excel takes for the name of a sheet."""
    name = " ".join(IN_SHEET_NAMES.sub(" ", title).split())[:31].strip(" '")
    return name if name and name.lower() != "history" else "Data"


def write_xlsx(
    target: IO[bytes],
    *,
    title: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[Value]],
    about: About | None = None,
) -> int:
    """Write a workbook with one table, and return how many rows it has.

    Texts are texts whatever they begin with, numbers are numbers, days are days (moments are written on Copenhagen's
    wall clock, as Excel knows no zones). ``about`` is called with the number of rows and fills a second sheet.
    """
    book = openpyxl.Workbook(write_only=True)
    count = fill(book, sheet_name(title), headings, rows)
    if about is not None:
        fill(book, sheet_name(gettext("About this file")), (), about(count))
    book.save(target)
    return count


def fill(book: Any, name: str, headings: Sequence[str], rows: Iterable[Sequence[Value]]) -> int:
    """Write a sheet row by row; widths are taken from the headings and the first rows."""
    sheet = book.create_sheet(name)
    rows = iter(rows)
    first = list(islice(rows, 200))
    for number, width in enumerate(widths(headings, first), start=1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    if headings:
        sheet.freeze_panes = "A2"
        sheet.append([heading_cell(sheet, one) for one in headings])
    count = 0
    for row in chain(first, rows):
        sheet.append([cell_of(sheet, value) for value in row])
        count += 1
    if headings and count:
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(headings))}{count + 1}"
    return count


def widths(headings: Sequence[str], rows: Sequence[Sequence[Value]]) -> list[float]:
    """Return a width for each column, in characters, between 8 and 60."""
    longest = [len(one) + 3 for one in headings]
    for row in rows:
        for number, value in enumerate(row):
            if number == len(longest):
                longest.append(0)
            length = 17 if isinstance(value, datetime) else max(map(len, str(value or "").split("\n")))
            longest[number] = max(longest[number], length + 1)
    return [min(max(one, 8), 60) for one in longest]


def heading_cell(sheet: Any, text: str) -> Any:
    """Return a heading: bold, on a light ground."""
    cell = text_cell(sheet, text)
    cell.font = Font(bold=True)
    cell.fill = PatternFill("solid", fgColor="E8EEF0")
    cell.alignment = Alignment(vertical="top", wrap_text=True)
    return cell


def text_cell(sheet: Any, text: str) -> Any:
    """Return a cell that is a text and nothing else, whatever it begins with."""
    cell = WriteOnlyCell(sheet, fitting(text))
    cell.data_type = "s"
    return cell


def cell_of(sheet: Any, value: Value) -> Any:
    """Return what the library writes for a value; what it might take for something else gets a cell of its own."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return text_cell(sheet, value) if value[0] in "=#" else fitting(value)
    if isinstance(value, datetime):
        cell = WriteOnlyCell(sheet, on_the_wall(value))
        cell.number_format = "dd-mm-yyyy hh:mm"
        return cell
    if isinstance(value, date):
        cell = WriteOnlyCell(sheet, datetime.combine(value, time()))
        cell.number_format = "dd-mm-yyyy"
        return cell
    return value


def on_the_wall(moment: datetime) -> datetime:
    """Return a moment as the clock on the wall shows it, to the second, without its zone."""
    return (localtime(moment) if is_aware(moment) else moment).replace(tzinfo=None, microsecond=0)


def write_csv(
    target: IO[bytes], *, headings: Sequence[str], rows: Iterable[Sequence[Value]], about: About | None = None
) -> int:
    """Write a CSV file as Danish Excel opens it (UTF-8 with BOM, semicolons, all quoted); return the number of rows.

    CSV cannot say that a text is a text, so what might be taken for a formula gets an apostrophe before it.
    ``about`` is called with the number of rows and fills lines after them, set off by an empty one.
    """
    target.write(codecs.BOM_UTF8)
    lines = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(lines, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([inert(one) for one in headings])
    count = 0
    for row in rows:
        writer.writerow([as_text(value) for value in row])
        count += 1
    if about is not None:
        lines.write("\r\n")
        writer.writerows([as_text(value) for value in row] for row in about(count))
    lines.detach()
    return count


def as_text(value: Value) -> str:
    """Return a value as it stands in a CSV file: days as 2026-09-08, numbers with a comma, texts inert."""
    if value is None:
        return ""
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, datetime):
        return on_the_wall(value).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).replace(".", ",")


def inert(text: str) -> str:
    """Return a text that no program takes for a formula: unchanged where it is harmless, as a telephone number is."""
    text = bare(clean(text).replace("\x7f", ""))
    if not text or TELEPHONE.fullmatch(text):
        return text
    # An apostrophe that the writer itself put there is taken away when we read, so one that was there gets a second.
    return f"'{text}" if looks_alive(text) or (text[0] == "'" and looks_alive(text.lstrip("'"))) else text


def bare(text: str) -> str:
    """Return a text without spaces and invisible characters at its beginning, behind which a formula might hide."""
    for place, letter in enumerate(text):
        if not (letter.isspace() or unicodedata.category(letter) in {"Cf", "Cc", "Zs", "Zl", "Zp"}):
            return text[place:]
    return ""


def looks_alive(text: str) -> bool:
    """Return whether a text begins as a formula does, also in another form of the same letter (``＝``)."""
    return bool(text) and unicodedata.normalize("NFKC", text[0])[:1] in ALIVE


# Reading


@dataclass(frozen=True)
class Table:
    """What a file says: its headings, and its rows with the number of the line each stands on (the first is 1).

    Every cell is a text: a day is ``2026-08-01``, a whole number has no decimals.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def refuse(sentence: str, code: str) -> NoReturn:
    raise Refusal(sentence, code=code, field="file")


def read_table(upload: "UploadedFile") -> Table:
    """Read the first table of an XLSX or CSV file.

    Raises Refusal (field ``file``) with what is wrong and what to do: too large, another kind of file, empty, too many
    rows or columns, headings that are missing or stand twice, formulas, letters that cannot be read.
    """
    if (upload.size or 0) > MOST_BYTES:
        refuse(
            gettext("The file is larger than %(most)s MB. Divide it into several.") % {"most": MOST_BYTES // 1_000_000},
            "too-large",
        )
    upload.seek(0)
    content: bytes = upload.read(MOST_BYTES + 1)
    if not content.strip():
        refuse(gettext("The file is empty."), "empty")
    lines = lines_of_xlsx(content) if content.startswith(b"PK") else lines_of_csv(content)
    return table_of(lines)


def table_of(lines: Iterable[tuple[int, Sequence[str]]]) -> Table:
    """Return the table that begins with the first line that says something; empty lines and columns are left out."""
    filled = ((number, row) for number, row in lines if any(row))
    try:
        number, first = next(filled)
    except StopIteration:
        refuse(gettext("The file is empty."), "empty")
    width = max(place for place, name in enumerate(first, start=1) if name)
    if width > MOST_COLUMNS:
        refuse(
            gettext("The file has more than %(most)s columns. Keep those that are needed.") % {"most": MOST_COLUMNS},
            "too-many-columns",
        )
    headings = tuple(first[:width])
    seen: dict[str, int] = {}
    for place, name in enumerate(headings):
        if name and seen.setdefault(name.casefold(), place) != place:
            refuse(
                gettext("The heading “%(name)s” stands over two columns. Remove one of them.") % {"name": name},
                "heading-twice",
            )
    rows: list[tuple[int, tuple[str, ...]]] = []
    for number, row in filled:
        if len(rows) == MOST_ROWS:
            refuse(
                gettext("The file has more than %(most)s rows. Divide it into several.") % {"most": MOST_ROWS},
                "too-many-rows",
            )
        cells = tuple(row[:width]) + ("",) * (width - len(row))
        if any(row[width:]) or any(cell and not headings[place] for place, cell in enumerate(cells)):
            refuse(
                gettext("Line %(line)s has something in a column without a heading. Give the column one, or remove it.")
                % {"line": number},
                "missing-heading",
            )
        long = next((headings[place] for place, cell in enumerate(cells) if len(cell) > MOST_CHARACTERS), None)
        if long is not None:
            refuse(
                gettext("Line %(line)s, “%(column)s”, is longer than %(most)s characters.")
                % {"line": number, "column": long, "most": MOST_CHARACTERS},
                "too-long",
            )
        rows.append((number, cells))
    if not rows:
        refuse(gettext("The file has headings and no rows."), "no-rows")
    return Table(headings, tuple(rows))


def tidy(text: str) -> str:
    """Return a cell's text in one form: composed letters, single spaces, nothing invisible, no spaces around it."""
    if text.isprintable():  # most cells: nothing to look for
        return " ".join(unicodedata.normalize("NFC", text).split())
    text = unicodedata.normalize("NFC", clean(text))
    text = "".join(one for one in text if unicodedata.category(one) not in {"Cf", "Cc"} or one in "\n\t")
    return "\n".join(line for line in (" ".join(part.split()) for part in text.split("\n")) if line)


# CSV


def lines_of_csv(content: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the lines of a CSV file, however it is encoded and divided."""
    text = text_of(content)
    delimiter = None
    said = re.match(r"sep=(.)\r?\n", text)  # Excel's own way to name it
    if said:
        delimiter = said[1] if said[1] in ";,\t" else None
    delimiter = delimiter or delimiter_of(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
    number = 1
    try:
        for row in reader:
            if not (said and number == 1):
                yield number, [tidy(without_apostrophe(cell)) for cell in row]
            number = reader.line_num + 1
    except csv.Error:
        refuse(gettext("Line %(line)s cannot be read. Is a quotation mark missing?") % {"line": number}, "broken")


def without_apostrophe(cell: str) -> str:
    """Return a cell without the apostrophe that our own writer puts before what might be taken for a formula."""
    return cell[1:] if cell.startswith("'") and looks_alive(cell.lstrip("'")) else cell


def text_of(content: bytes) -> str:
    """Return the text of a CSV file: UTF-8 or UTF-16 where it says or shows so, otherwise Windows' or DOS' letters."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    elif content.startswith(codecs.BOM_UTF8):
        encodings = ["utf-8-sig"]
    else:
        # What is ø and å in DOS' letters is › and † in Windows', which nobody writes; æøå in Windows' settle it.
        dos = sum(content.count(one) for one in (b"\x9b", b"\x86", b"\x8f", b"\x9d"))
        windows = sum(content.count(bytes([one])) for one in "æøåÆØÅ".encode("cp1252"))
        encodings = ["utf-8", *(["cp850", "cp1252"] if dos > windows else ["cp1252", "cp850"])]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if re.search("[\x00-\x08\x0e-\x1f]", text):
            break
        if "\ufffd" in text or re.search("Ã[¦¸¥†˜…]", text):
            refuse(
                gettext("Some letters of the file are broken (æ, ø and å are lost). Save it again as “CSV UTF-8”."),
                "broken-letters",
            )
        return text
    refuse(gettext("The file is neither an Excel file (.xlsx) nor a CSV file."), "wrong-kind")


def delimiter_of(text: str) -> str:
    """Return what divides the columns: what makes most lines as wide as the first, and the first widest."""
    best, chosen = (0.0, 1), ";"
    for delimiter in ";,\t":
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            found = [len(row) for row in islice(reader, 100) if any(row)]
        except csv.Error:
            continue
        if found and found[0] > 1:
            score = (sum(one == found[0] for one in found) / len(found), found[0])
            if score > best:
                best, chosen = score, delimiter
    return chosen


# XLSX


def lines_of_xlsx(content: bytes) -> list[tuple[int, Sequence[str]]]:
    """Return the lines of the first visible sheet of a workbook that say something."""
    look_into(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what the library leaves out: pictures, validations, odd formats
        try:
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
            sheet: Any = next((one for one in book.worksheets if one.sheet_state == "visible"), None)
            if sheet is None:
                refuse(gettext("The Excel file has no sheet."), "empty")
            # A column and some lines more than allowed, so that too many are noticed; what the file says of its own
            # size is not believed.
            found: list[tuple[int, Sequence[str]]] = []
            lines = sheet.iter_rows(min_row=1, max_row=MOST_ROWS * 2, max_col=MOST_COLUMNS + 1)
            for number, row in enumerate(lines, start=1):
                cells = [text_of_cell(cell) for cell in row]
                if any(cells):
                    found.append((number, cells))
                if len(found) > MOST_ROWS + 1:
                    break
        except Refusal:
            raise
        except Exception as error:  # a broken file makes the library raise whatever it happens upon
            sentence = gettext("The Excel file cannot be read. Save it again as .xlsx and try once more.")
            raise Refusal(sentence, code="broken", field="file") from error
    return found


def look_into(content: bytes) -> None:
    """Measure a packed file by its directory before anything of it is unpacked; refuse what is no workbook."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            names = {one.filename for one in parts}
            if len(parts) > MOST_PARTS or sum(one.file_size for one in parts) > MOST_UNPACKED:
                refuse(
                    gettext("The Excel file is too large when it is unpacked. Keep only the sheet with the table."),
                    "too-large-unpacked",
                )
            if any(one.flag_bits & 0x1 for one in parts):
                refuse(gettext("The file is locked with a password. Save it without one."), "locked")
            if not {"[Content_Types].xml", "xl/workbook.xml"} <= names:
                refuse(gettext("The file is neither an Excel file (.xlsx) nor a CSV file."), "wrong-kind")
            for one in parts:
                if one.filename.endswith((".xml", ".rels")):
                    with packed.open(one) as part:
                        head = part.read(4096).replace(b"\x00", b"")
                    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:  # no program writes them; only bombs need them
                        refuse(gettext("The file is neither an Excel file (.xlsx) nor a CSV file."), "wrong-kind")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        sentence = gettext("The Excel file cannot be read. Save it again as .xlsx and try once more.")
        raise Refusal(sentence, code="broken", field="file") from error


def text_of_cell(cell: Any) -> str:
    """Return the text of a cell. Formulas and Excel's errors are refused, with the cell's name."""
    value = cell.value
    if value is None:
        return ""
    where = f"{get_column_letter(cell.column)}{cell.row}"
    if cell.data_type == "f":
        refuse(
            gettext("Cell %(cell)s holds a formula. Copy the table, paste it as values, and upload that.")
            % {"cell": where},
            "formula",
        )
    if cell.data_type == "e":
        refuse(gettext("Cell %(cell)s shows an error of Excel's: %(value)s") % {"cell": where, "value": value}, "error")
    return plain_text(value)


def plain_text(value: Any) -> str:
    """Return what a person reads in a cell: whole numbers without decimals, days as 2026-08-01."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    return tidy(str(value))

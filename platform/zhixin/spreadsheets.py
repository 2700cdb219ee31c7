"""Tables that people bring and take away: read from a stranger's file, written without formulas."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

from zhixin import clock, workbook_reader
from zhixin.errors import Invalid

#: What a workbook may unpack to; a few MiB of zip can hold a thousand times as much.
MOST_UNPACKED = 64 * 1024 * 1024
MOST_COLUMNS = 50
#: Excel's own limit is 32,767.
MOST_CHARACTERS = 2000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Cell = str | int | Decimal | date | datetime | None


class Unreadable(Invalid):
    """The file is no table that we can read; nothing was done."""

    code = "unreadable-table"
    title = "无法读取这个表格文件"


def read(
    content: bytes, *, most_rows: int, most_characters: int = MOST_CHARACTERS
) -> list[list[str]]:
    """The first sheet of an Excel or OpenDocument workbook, or a CSV, as trimmed text by row.

    CSV may be UTF-8 or GB18030 (what Chinese Excel writes), separated by commas, semicolons or
    tabs. Empty rows are kept, so that row numbers are those of the file.

    Raises:
        Unreadable: it is something else, damaged, or larger than we take.
    """
    workbook = content[:2] == b"PK" or content[:4] == b"\xd0\xcf\x11\xe0"
    rows = _workbook_rows(content, most_rows) if workbook else _csv_rows(content)
    if len(rows) > most_rows:
        raise Unreadable(f"表格超过 {most_rows} 行，请分成几个文件")
    if any(len(row) > MOST_COLUMNS for row in rows):
        raise Unreadable(f"表格超过 {MOST_COLUMNS} 列")
    if any(len(value) > most_characters for row in rows for value in row):
        raise Unreadable("表格中有过长的内容")
    if any("\0" in value for row in rows for value in row):  # workbooks write it as _x0000_
        raise Unreadable("表格中有无法保存的字符")
    return rows


def _workbook_rows(content: bytes, most_rows: int) -> list[list[str]]:
    if content[:2] == b"PK":
        _check_unpacked(content)
    command = [sys.executable, "-I", workbook_reader.__file__, str(most_rows), str(MOST_COLUMNS)]
    try:
        read = subprocess.run(
            command, input=content, capture_output=True, timeout=3 * workbook_reader.SECONDS
        )
    except subprocess.TimeoutExpired:
        raise Unreadable("读取这个表格用时过长，请另存为 .csv") from None
    if read.returncode == workbook_reader.TOO_LARGE:
        raise Unreadable(f"表格超过 {most_rows} 行或 {MOST_COLUMNS} 列，请分成几个文件")
    if read.returncode != 0:  # unreadable, or ended at a bound
        raise Unreadable("文件已损坏、有密码或不是 Excel 表格，请另存为 .xlsx 或 .csv")
    rows: list[list[str]] = json.loads(read.stdout)
    return rows


def _check_unpacked(content: bytes) -> None:
    """Unpack every part up to a bound: what a zip's own headers say of sizes may be a lie."""
    left = MOST_UNPACKED
    try:
        parts = zipfile.ZipFile(io.BytesIO(content)).infolist()
        for part in parts[:1000]:
            names = content[part.header_offset + 26 : part.header_offset + 30]
            begin = part.header_offset + 30
            begin += int.from_bytes(names[:2], "little") + int.from_bytes(names[2:], "little")
            packed = content[begin : begin + part.compress_size]
            if part.compress_type == zipfile.ZIP_DEFLATED:
                left -= len(zlib.decompressobj(-15).decompress(packed, left + 1))
            elif part.compress_type == zipfile.ZIP_STORED:
                left -= len(packed)
            else:
                raise Unreadable("文件使用了不支持的压缩方式，请用 Excel 另存一次")
            if left < 0 or len(parts) > 1000:
                raise Unreadable("表格展开后过大，请分成几个文件")
    except (zipfile.BadZipFile, zlib.error, ValueError) as error:
        raise Unreadable("文件已损坏，请另存为 .xlsx 或 .csv") from error


def _csv_rows(content: bytes) -> list[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise Unreadable("无法识别文字编码，请另存为 .xlsx 或 UTF-8 的 .csv")
    if "\0" in text:
        raise Unreadable("这不是表格文件，请使用 .xlsx 或 .csv")
    first = text.partition("\n")[0]
    separator = max(",;\t，", key=first.count)
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        return [[value.strip() for value in row] for row in rows]
    except csv.Error as error:
        raise Unreadable("CSV 的引号或分隔符不完整，请另存为 .xlsx") from error


def workbook(sheets: dict[str, tuple[Sequence[str], Iterable[Sequence[Cell]]]]) -> bytes:
    """An Excel workbook: of each sheet, by title, the headings and the rows.

    Text is always text: a cell that begins with ``=`` is shown, never calculated. Instants are
    shown in Asia/Shanghai.
    """
    book = Workbook(write_only=True)
    for title, (headings, rows) in sheets.items():
        sheet = book.create_sheet(title[:31])
        sheet.freeze_panes = "A2"

        def cell(value: Cell, bold: bool = False, sheet=sheet) -> WriteOnlyCell:  # type: ignore[no-untyped-def]
            if isinstance(value, datetime):
                value = clock.local(value).replace(tzinfo=None)
            made = WriteOnlyCell(sheet)
            if isinstance(value, str):
                made.value = ILLEGAL_CHARACTERS_RE.sub("", value)
                made.data_type = "s"
            else:
                made.value = value
            if bold:
                made.font = Font(bold=True)
            return made

        for at, heading in enumerate(headings):
            width = max(12, min(40, 2 * len(heading) + 4))
            sheet.column_dimensions[chr(ord("A") + at)].width = width
        sheet.append([cell(heading, bold=True) for heading in headings])
        for row in rows:
            sheet.append([cell(value) for value in row])
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()

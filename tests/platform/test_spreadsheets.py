"""Tables from strangers are read as text or refused in words; what we write calculates nothing."""

from __future__ import annotations

import contextlib
import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin import spreadsheets
from zhixin.spreadsheets import Unreadable

HEADINGS, ROW = ["证书编号", "姓名"], ["ZX-2026-000001", "欧阳明远"]


def _xlsx(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        _xlsx([HEADINGS, ROW]),
        "证书编号,姓名\r\nZX-2026-000001, 欧阳明远\r\n".encode("utf-8-sig"),
        "证书编号,姓名\nZX-2026-000001,欧阳明远\n".encode("gb18030"),
        "证书编号\t姓名\nZX-2026-000001\t欧阳明远\n".encode(),
    ],
    ids=["xlsx", "utf-8", "gb18030", "tabs"],
)
def test_tables_are_read_however_they_were_saved(content: bytes) -> None:
    """People here save in Excel, and Chinese Excel writes CSV in GB18030."""
    assert spreadsheets.read(content, most_rows=10) == [HEADINGS, ROW]


def test_row_numbers_are_those_of_the_file() -> None:
    """Empty rows are kept: a person finds the row that a message names."""
    rows = spreadsheets.read(_xlsx([HEADINGS, [], ROW]), most_rows=10)
    assert rows[2] == ROW


def test_whole_numbers_stay_whole() -> None:
    """Excel keeps 20260001 as a float; nobody typed a point."""
    assert spreadsheets.read(_xlsx([[20260001, 1.5]]), most_rows=5) == [["20260001", "1.5"]]


def _bomb() -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * (spreadsheets.MOST_UNPACKED + 1))
    return kept.getvalue()


def _lying_bomb() -> bytes:
    """A bomb whose headers say that it unpacks to one byte."""
    content = bytearray(_bomb())
    size = (spreadsheets.MOST_UNPACKED + 1).to_bytes(4, "little")
    while (at := content.find(size)) >= 0:
        content[at : at + 4] = (1).to_bytes(4, "little")
    return bytes(content)


def _far_corner() -> bytes:
    """Two cells, as far apart as Excel allows: 17 billion between them, in 5 KB."""
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "证书编号", "姓名"
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        _bomb(),
        _lying_bomb(),
        _far_corner(),
        _xlsx([["a_x0000_b"]]),
        b"PK\x03\x04 nonsense",
        b"\xd0\xcf\x11\xe0 nonsense",
        b"\x00\x01\x02",
        b"\xff\xfe\xfd\xfc\x80",
        b'"open',
        "名,".encode() * 60,
        b"a\n" * 12,
        _xlsx([["a"]] * 12),
        b"x" * 3000,
    ],
    ids="bomb lying-bomb far-corner nul-cell zip ole nul encoding quote columns rows sheet-rows cell".split(),
)
def test_what_is_no_table_is_refused(content: bytes) -> None:
    """Damaged, hostile or too large: a message, and nothing is unpacked beyond a bound."""
    with pytest.raises(Unreadable):
        spreadsheets.read(content, most_rows=10)


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_refused(content: bytes) -> None:
    """Whatever a stranger sends, there is no other way out."""
    for prefix in (b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        with contextlib.suppress(Unreadable):
            assert isinstance(spreadsheets.read(prefix + content, most_rows=50), list)


def _parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


SOUND = _parts(_xlsx([HEADINGS, ROW, [1, 2.5, True, date(2026, 11, 26), "=1+1"]]))
READ = sorted(name for name in SOUND if "docProps" not in name and "theme" not in name)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(READ),
    st.floats(0, 1),
    st.integers(0, 30),
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from(
            [b"-1", b"99999999999", b'r="XFD1048576"', b"<c/>", b'"', b"&x;", b"\0", b"]]>"]
        ),
    ),
)
def test_a_workbook_with_a_damaged_part_is_rows_or_refused(
    part: str, where: float, cut: int, put: bytes
) -> None:
    """Inside a sound zip, what the library itself reads is a stranger's too."""
    sound = SOUND[part]
    at = int(where * len(sound))
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name, content in {**SOUND, part: sound[:at] + put + sound[at + cut :]}.items():
            archive.writestr(name, content)
    with contextlib.suppress(Unreadable):
        rows = spreadsheets.read(kept.getvalue(), most_rows=50)
        assert len(rows) <= 50
        assert all(isinstance(value, str) for row in rows for value in row)


def test_formulas_are_written_as_text() -> None:
    """A name that begins with ``=`` must not be calculated in the office that opens the file."""
    made = spreadsheets.workbook(
        {
            "结果": (
                ["姓名", "学时", "时间"],
                [["=1+1\x07", Decimal("1.5"), datetime(2026, 1, 1, tzinfo=UTC)]],
            )
        }
    )
    cells = list(openpyxl.load_workbook(io.BytesIO(made)).active.rows)[1]
    assert [cell.data_type for cell in cells] == ["s", "n", "d"]
    assert (cells[0].value, str(cells[2].value)) == ("=1+1", "2026-01-01 08:00:00")

"""Reads a stranger's workbook in a process of its own: ``python workbook_reader.py ROWS COLUMNS``.

The library makes room for every cell between the first and the last: a file of 5 KB whose only
cells are A1 and XFD1048576 asks for 512 GB, and what cannot be had ends the process, whoever else
it serves. Here it ends nothing but this one, within bounds of memory and time.

The workbook comes on standard input; the first sheet's rows leave as JSON on standard output. The
file imports nothing of the project, so that it begins in an instant.
"""

from __future__ import annotations

import io
import json
import resource
import sys

from python_calamine import CalamineError, CalamineWorkbook

#: Room for the unpacked parts and a sheet of the size that is taken, several times over.
MEMORY = 768 * 1024 * 1024
SECONDS = 20
#: Exit codes.
TOO_LARGE, UNREADABLE = 3, 4


def main(most_rows: int, most_columns: int) -> int:
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
        sheet = workbook.get_sheet_by_index(0)
        if sheet.total_height > most_rows or sheet.total_width > most_columns:
            return TOO_LARGE
        rows = sheet.to_python(skip_empty_area=False, nrows=most_rows + 1)
    except (CalamineError, IndexError, OSError, ValueError):
        return UNREADABLE
    json.dump([[_text(value) for value in row] for row in rows], sys.stdout)
    return 0


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # Excel knows no whole numbers
    return str(value).strip()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))

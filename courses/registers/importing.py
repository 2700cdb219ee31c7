"""A register from an Excel file: all rows, or none and every problem by its cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from courses.registers import register as keeping
from courses.registers.entries import Register
from courses.registers.states import EntryState
from zhixin import spreadsheets

MOST_ROWS = 2000
#: Problems shown; the rest is counted.
SHOWN = 200


@dataclass(frozen=True)
class Fault:
    """What is wrong in one cell: ``C5``, or a row as a whole: ``5``."""

    cell: str
    said: str


@dataclass(frozen=True)
class Outcome:
    """What became of a file. With faults nothing was written."""

    created: int
    changed: int
    faults: tuple[Fault, ...]


def template(register: Register) -> bytes:
    """An empty table with the headings and two sheets of help."""
    notes = [
        (heading, "必填" if name in register.needed else "可不填", _HELP.get(name, ""))
        for name, heading in register.columns.items()
    ]
    return spreadsheets.workbook(
        {
            "登记": (tuple(register.columns.values()), []),
            "说明": (("列", "是否必填", "怎样填"), notes),
        }
    )


_HELP = {
    "field_codes": "现行领域的名称或代码，几个领域之间用顿号",
    "field_code": "现行领域的名称或代码",
    "biography": "可用 Markdown，不放图片",
    "isbn": "13 位，可带连字符",
    "year": "四位数字",
}


def take(
    session: Session,
    register: Register,
    content: bytes,
    *,
    person_id: int,
    address: str | None,
    now: datetime,
) -> Outcome:
    """Read a table (Excel, OpenDocument, CSV) and write all of it, or nothing.

    Who or what is in the register already is changed, not doubled, and keeps its state. Columns
    are found by their headings, in any order.

    Raises:
        Unreadable: it is no table that we can read.
    """
    table = spreadsheets.read(content, most_rows=MOST_ROWS + 10, most_characters=5000)
    columns, faults = _columns(register, table)
    if faults:
        return Outcome(0, 0, tuple(faults))
    known, found = keeping.known(session), []
    seen: dict[tuple[Any, ...], int] = {}
    for number, row in enumerate(table[1:], 2):
        if not any(row):
            continue
        values = {name: row[at] for name, at in columns.items() if at < len(row)}
        facts, problems = register.read(values, known)
        faults += [
            Fault(f"{_letter(columns.get(each.field, 0))}{number}", each.said) for each in problems
        ]
        key = _key(register, facts)
        if key is not None and (before := seen.setdefault(key, number)) != number:
            faults.append(Fault(str(number), f"与第 {before} 行是同一条记录"))
        found.append(facts)
    if not found and not faults:
        faults.append(Fault("2", "表格中没有内容"))
    if faults:
        return Outcome(0, 0, tuple(faults))
    changed = 0
    for facts in found:
        like = keeping.same(session, register, facts)
        changed += like is not None
        keeping.put(session, register, facts, like, person_id, EntryState.IN_FORCE, address, now)
    return Outcome(len(found) - changed, changed, ())


def _columns(
    register: Register, table: Sequence[Sequence[str]]
) -> tuple[dict[str, int], list[Fault]]:
    """Where each field stands, by the headings of the first row."""
    headings = [each.strip() for each in table[0]] if table else []
    columns = {
        name: headings.index(heading)
        for name, heading in register.columns.items()
        if heading in headings
    }
    faults = [
        Fault("1", f"缺少“{register.columns[name]}”这一列")
        for name in register.needed
        if name not in columns
    ]
    known = set(register.columns.values())
    faults += [
        Fault(f"{_letter(at)}1", f"不认识“{heading[:40]}”这一列")
        for at, heading in enumerate(headings)
        if heading and heading not in known
    ]
    return columns, faults


def _key(register: Register, facts: dict[str, Any]) -> tuple[Any, ...] | None:
    for names in register.same:
        if all(facts[name] not in (None, "") for name in names[:2]):
            return (names, *(facts[name] for name in names))
    return None


def _letter(at: int) -> str:
    """A column's letters; tables here have at most 50 columns."""
    return chr(ord("A") + at) if at < 26 else "A" + chr(ord("A") + at - 26)

"""What an entry says, read from a form's fields or a table's cells: pure, all problems at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from courses.models import Field
from courses.registers import isbn
from courses.registers.models import CourseTeacher, CourseTextbook, Expert, Textbook
from zhixin import richtext

MOST_BIOGRAPHY = 4000
_SEVERAL = re.compile(r"[、,，;；\n]+")

Values = Mapping[str, str]
#: A field's code by all that it may be called.
Known = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field of an entry, in words."""

    field: str
    said: str


Read = tuple[dict[str, Any], list[Problem]]


@dataclass(frozen=True)
class Register:
    """One of the two registers.

    Attributes:
        name: in addresses and on the trail.
        columns: its fields with their headings, as forms and tables have them.
        needed: those that may not be empty.
        same: names of the fields by which an entry is known again, the first set that is given.
    """

    name: str
    model: type[Any]  # Expert or Textbook
    link: type[Any]  # CourseTeacher or CourseTextbook
    columns: Mapping[str, str]
    needed: tuple[str, ...]
    same: tuple[tuple[str, ...], ...]
    read: Callable[[Values, Known], Read]


def known(fields: Sequence[Field]) -> dict[str, str]:
    """Fields by code, Chinese and English name, and aliases."""
    names: dict[str, str] = {}
    for field in fields:
        for name in (*field.aliases, field.en, field.zh, field.code):
            names[str(name).strip().lower()] = field.code
    return names


def _line(values: Values, name: str, most: int, problems: list[Problem], needed: bool) -> str:
    text = " ".join(values.get(name, "").replace("\0", "").split())
    if needed and not text:
        problems.append(Problem(name, "不能为空"))
    if len(text) > most:
        problems.append(Problem(name, f"最多 {most} 字，现有 {len(text)} 字"))
    return text


def _codes(text: str, known: Known, name: str, problems: list[Problem]) -> list[str]:
    found: list[str] = []
    for each in filter(None, map(str.strip, _SEVERAL.split(text))):
        code = known.get(each.lower())
        if code is None:
            problems.append(Problem(name, f"没有“{each[:40]}”这个领域"))
        elif code not in found:
            found.append(code)
    return found


def read_expert(values: Values, known: Known) -> Read:
    """An expert's facts as they are kept, and what is wrong."""
    problems: list[Problem] = []
    biography = values.get("biography", "").replace("\0", "").replace("\r\n", "\n").strip()
    if len(biography) > MOST_BIOGRAPHY:
        problems.append(Problem("biography", f"最多 {MOST_BIOGRAPHY} 字，现有 {len(biography)} 字"))
    elif richtext.pictures(biography):
        # The page is open to strangers, pictures of pages are not.
        problems.append(Problem("biography", "简介中不能放图片，照片请单独上传"))
    facts = {
        "name": _line(values, "name", 64, problems, True),
        "title": _line(values, "title", 64, problems, False),
        "unit": _line(values, "unit", 120, problems, True),
        "field_codes": _codes(values.get("field_codes", ""), known, "field_codes", problems),
        "biography": biography,
    }
    return facts, problems


def read_textbook(values: Values, known: Known) -> Read:
    """A textbook's facts as they are kept, and what is wrong."""
    problems: list[Problem] = []
    number, year = values.get("isbn", "").strip(), values.get("year", "").strip()
    codes = _codes(values.get("field_code", ""), known, "field_code", problems)
    if len(codes) > 1:
        problems.append(Problem("field_code", "只能填写一个领域"))
    digits = isbn.read(number) if number else None
    if number and digits is None:
        problems.append(Problem("isbn", "不是正确的 13 位 ISBN，请核对最后一位校验码"))
    if year and not (
        year.isascii() and year.isdigit() and len(year) == 4 and 1900 <= int(year) <= 2100
    ):
        problems.append(Problem("year", "出版年应为四位数字"))
        year = ""
    facts = {
        "title": _line(values, "title", 200, problems, True),
        "authors": _line(values, "authors", 200, problems, True),
        "publisher": _line(values, "publisher", 120, problems, True),
        "isbn": digits,
        "edition": _line(values, "edition", 40, problems, False),
        "year": int(year) if year else None,
        "field_code": codes[0] if codes else None,
        "licence": _line(values, "licence", 300, problems, False),
    }
    return facts, problems


EXPERTS = Register(
    "experts", Expert, CourseTeacher,
    {"name": "姓名", "title": "职称", "unit": "单位", "field_codes": "领域", "biography": "简介"},
    ("name", "unit"), (("name", "unit"),), read_expert,
)  # fmt: skip
TEXTBOOKS = Register(
    "textbooks", Textbook, CourseTextbook,
    {
        "title": "书名", "authors": "作者", "publisher": "出版社", "isbn": "ISBN", "edition": "版次",
        "year": "出版年", "field_code": "领域", "licence": "许可或获取方式",
    },
    ("title", "authors", "publisher"), (("isbn",), ("title", "publisher", "edition")), read_textbook,
)  # fmt: skip
REGISTERS = {each.name: each for each in (EXPERTS, TEXTBOOKS)}

"""Questions in a workbook, one a row, with a sheet of help and lists to choose from."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.datavalidation import DataValidation

from assessments.exchange import base, cells, excel_help, words
from assessments.exchange.base import Collector, Problem, Questions, Reading, Written
from assessments.exchange.words import FALSE, KINDS, TRUE
from assessments.questions import Question, QuestionKind
from zhixin import archives, spreadsheets

LETTERS = "ABCDEFGHIJ"
COLUMNS = (
    "题型", "题干", *(f"选项{letter}" for letter in LETTERS), "答案", "解析", "分值", "计分",
    "评分点", "字数", "材料", "知识点", "难度",
)  # fmt: skip
_WIDTHS = {"题干": 50, "答案": 24, "解析": 40, "评分点": 30, "材料": 40}
#: Other words for the headings.
_ALIASES = {
    "题目": "题干", "试题": "题干", "题目内容": "题干", "试题内容": "题干", "试题题干": "题干", "题目题干": "题干",
    "类型": "题型", "题目类型": "题型", "试题类型": "题型", "题目题型": "题型",
    "正确答案": "答案", "参考答案": "答案", "标准答案": "答案", "试题答案": "答案", "题目答案": "答案",
    "答案解析": "解析", "试题解析": "解析", "题目解析": "解析", "分数": "分值", "得分": "分值", "试题分值": "分值",
    "计分方式": "计分", "难度系数": "难度", "难易程度": "难度", "难易度": "难度", "试题难度": "难度", "考点": "知识点",
    "选项内容": "选项", "备选答案": "选项", "备选项": "选项", "候选项": "选项",
    **{letter: f"选项{letter}" for letter in LETTERS},
    **{f"{letter}{word}": f"选项{letter}" for letter in LETTERS for word in ("选项", "答案")},
    **{f"{word}{letter}": f"选项{letter}" for letter in LETTERS for word in ("答案选项", "可选项", "备选答案")},
    **{f"选项{at}": f"选项{letter}" for at, letter in enumerate(LETTERS, 1)},
}  # fmt: skip
_MARKINGS = {"部分得分": "partial", "全对得分": "all_or_nothing"}
_ANY_ORDER = "顺序不限"
#: One column with all options of a question, and columns that only count.
_OPTIONS, _NUMBERS = "选项", ("序号", "编号", "题号", "NO", "NO.")
MOST_ROWS = base.MOST_QUESTIONS + 100
#: Texts may have 5,000 characters, a passage 20,000; Excel's own limit is 32,767.
MOST_CHARACTERS = 32_000
_TRIGGERS = ("=", "+", "-", "@", "\t", "\r")
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_REPORT_EVERY = 100


class _Row:
    """One row by its headings, and where its cells stand."""

    def __init__(self, number: int, places: Mapping[str, int], values: Sequence[str]) -> None:
        self.number, self._places, self._values = number, places, values

    def __getitem__(self, column: str) -> str:
        place = self._places.get(column)
        return self._values[place] if place is not None and place < len(self._values) else ""

    def lines(self, column: str) -> list[str]:
        return [line for line in self[column].splitlines() if line.strip()]

    def options(self) -> list[str]:
        """The options in use, without letters of their own."""
        if options := [self[f"选项{letter}"] for letter in LETTERS]:
            while options and not options[-1]:
                options.pop()
        return words.unlettered(options) if any(options) else words.options(self[_OPTIONS])

    def where(self, column: str | None = None) -> str:
        place = self._places.get(column or "")
        return f"第 {self.number} 行" + ("" if place is None else f" {_letter(place)} 列")


class _Wrong(Exception):
    """What is wrong in a column of the row."""

    def __init__(self, column: str, said: str) -> None:
        super().__init__(said)
        self.column, self.said = column, said


def read(
    content: bytes,
    pictures: base.Pictures | None = None,
    progress: base.Progress = base.silent,
) -> Reading:
    """The questions of the first sheet; the headings may stand in any order.

    Raises:
        Unreadable: it is no workbook or table.
        UnreadableQuestions: there are no headings that we know.
    """
    table = spreadsheets.read(content, most_rows=MOST_ROWS, most_characters=MOST_CHARACTERS)
    place, places = _headings(table)
    collector = Collector(pictures or base.NoPictures())
    if _has_pictures(content):
        collector.remark("", "表格中的图片没有导入，请用 Word，或导入后在编辑页插入")
    for name in table[place]:
        if name.strip() and _known(name) not in (*COLUMNS, _OPTIONS, *_NUMBERS):
            collector.remark(f"第 {place + 1} 行", f"不认识“{name[:20]}”列，已忽略")
    rows = table[place + 1 :]
    for at, values in enumerate(rows):
        if any(values):
            _row(collector, _Row(place + 2 + at, places, values))
        if at % _REPORT_EVERY == 0:
            progress(at, len(rows))
    progress(len(rows), len(rows))
    return collector.reading


def _has_pictures(content: bytes) -> bool:
    """Does a workbook hold pictures? Only its list of parts is looked at."""
    if not archives.is_zip(content):
        return False
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    return any(name.startswith(("xl/media/", "Pictures/")) for name in names)


def _headings(table: Sequence[Sequence[str]]) -> tuple[int, dict[str, int]]:
    for at, row in enumerate(table[:20]):
        places: dict[str, int] = {}
        for place, name in enumerate(row):
            places.setdefault(_known(name), place)
        if "题干" in places and "答案" in places:
            return at, places
    raise base.UnreadableQuestions("没有找到表头：前 20 行中应有一行写着“题干”和“答案”，请使用模板")


def _known(name: str) -> str:
    name = re.sub(r"[\s*＊]|[（(【].*", "", words.ascii(name[:100])).upper()
    return _ALIASES.get(name, name)


def _row(collector: Collector, row: _Row) -> None:
    try:
        document = _document(collector, row)
    except _Wrong as wrong:
        collector.fault(row.where(wrong.column), wrong.said)
        return
    kept, problems = collector.checked(document)
    for said in problems:
        collector.fault(row.where(_column_of(said)), said)
    if kept is not None:
        notes = {name: row[name] for name in ("知识点", "难度") if row[name]}
        collector.keep(row.where(), kept, notes)


def _column_of(said: str) -> str:
    """The column that a fault of the model is about."""
    for named, column in (
        ("分值", "分值"), ("解析", "解析"), ("题干", "题干"), ("答案", "答案"), ("选项", "选项A"),
        ("空", "答案"), ("评分点", "评分点"), ("字数", "字数"), ("列", "答案"), ("排序", "答案"),
    ):  # fmt: skip
        if said.startswith(named) or named in said[:6]:
            return column
    return "题干"


def _document(collector: Collector, row: _Row) -> dict[str, Any]:
    kind = _kind(row)
    facts: dict[str, Any] = {"explanation": row["解析"]}
    if row["分值"]:
        facts["points"] = row["分值"].removesuffix("分")
    marks = [mark for mark in re.split(r"[、,，;；\s]+", row["计分"]) if mark]
    for mark in marks:
        if mark in _MARKINGS:
            facts["marking"] = _MARKINGS[mark]
        elif mark == _ANY_ORDER:
            facts["any_order"] = True
        else:
            raise _Wrong("计分", f"不认识“{mark[:20]}”，可写：部分得分、全对得分、顺序不限")
    if row["材料"]:
        passage = collector.passage(row.where("材料"), row["材料"])
        if passage is None:
            raise _Wrong("材料", "材料没有导入")
        facts["passage"] = passage
    return _of_kind(kind, row, facts)


def _kind(row: _Row) -> str:
    name = row["题型"].strip()
    if name:
        if name not in KINDS:
            raise _Wrong("题型", f"不认识题型“{name[:20]}”")
        if KINDS[name] == QuestionKind.HOTSPOT:
            raise _Wrong("题型", "图中指点题不能用表格导入，请在编辑页添加")
        return KINDS[name]
    answer = row["答案"]
    if any(row.options()):
        return QuestionKind.MULTIPLE if len(words.letters(answer)) > 1 else QuestionKind.SINGLE
    if words.word(answer) in TRUE | FALSE:
        return QuestionKind.TRUE_FALSE
    if answer and words.marks(words.marked(row["题干"])):
        return QuestionKind.BLANKS
    raise _Wrong("题型", "没有填写题型")


def _of_kind(kind: str, row: _Row, facts: dict[str, Any]) -> dict[str, Any]:
    stem, answer = row["题干"], row["答案"]
    try:
        if kind in (QuestionKind.SINGLE, QuestionKind.MULTIPLE):
            return _choice(kind, row, facts)
        if kind == QuestionKind.TRUE_FALSE:
            right = words.judgement(answer, row.options())
            return base.true_false(stem, right, **facts)
        if kind in (QuestionKind.BLANKS, QuestionKind.CLOZE):
            stem = words.marked(stem)
            lines = words.gap_lines(answer, words.marks(stem))
            if not lines:
                raise _Wrong("答案", "没有给出答案")
            gaps = [cells.gap(line) for line in lines]
            return {"kind": kind, "stem": stem, "gaps": gaps, **facts}
        if kind == QuestionKind.MATCHING:
            both, alone = cells.pairs(row.lines("答案"))
            return base.matching(stem, both, alone, **facts)
        if kind == QuestionKind.ORDERING:
            items = [cells.plain(line).strip() for line in row.lines("答案")]
            return base.ordering(stem, items, **facts)
    except cells.Unclear as unclear:
        raise _Wrong("答案", str(unclear)) from None
    return _written(kind, row, facts)


def _choice(kind: str, row: _Row, facts: dict[str, Any]) -> dict[str, Any]:
    texts = row.options()
    if not any(texts):
        raise _Wrong("选项A", "没有填写选项")
    right = words.chosen(row["答案"], texts)
    if missing := [LETTERS[at] for at in right if not texts[at]]:
        raise _Wrong("答案", f"答案 {'、'.join(missing)} 没有对应的选项")
    used = [at for at, text in enumerate(texts) if text]
    several = kind == QuestionKind.MULTIPLE
    if len(right) > 1 and not several:
        raise _Wrong("答案", "单选题只能有一个答案；如为多选题，请改题型")
    shown, places = [texts[at] for at in used], [used.index(at) for at in right]
    return base.choice(row["题干"], shown, places, several=several, **facts)


def _written(kind: str, row: _Row, facts: dict[str, Any]) -> dict[str, Any]:
    try:
        rubric = cells.rubric(row.lines("评分点"))
    except cells.Unclear as unclear:
        raise _Wrong("评分点", str(unclear)) from None
    try:
        lengths = cells.lengths(row["字数"]) if row["字数"] else {}
    except cells.Unclear as unclear:
        raise _Wrong("字数", str(unclear)) from None
    sample = row["答案"]
    return {
        "kind": kind,
        "stem": row["题干"],
        "sample": sample,
        "rubric": rubric,
        **lengths,
        **facts,
    }


def write(questions: Questions, pictures: base.Pictures | None = None) -> Written:
    """A workbook that :func:`read` takes back, with its help; hotspots are named as left out."""
    rows, problems = [], []
    for number, question in enumerate(questions.questions, 1):
        if question.kind is QuestionKind.HOTSPOT:
            problems.append(Problem(questions.where(number), "图中指点题不能写入表格"))
            continue
        known = questions.notes.get(question.id, {})
        row = _cells(question.model_dump(mode="json"), questions.passages, known)
        back = _back(row)
        same = _marked(question)
        if back is None or base.comparable(back) != base.comparable(same):
            said = "题中有与选项字母、空或分隔符相同的写法，写成表格后读回不一样"
            problems.append(Problem(questions.where(number), said))
            continue
        if same["stem"] != question.stem:
            said = "题干中的下划线或空括号将作为空的位置"
            problems.append(Problem(questions.where(number), said, fatal=False))
        rows.append(row)
    return Written(workbook(rows), tuple(problems))


def _back(row: Sequence[str]) -> dict[str, Any] | None:
    """A question's row as it would be read."""
    places = {name: place for place, name in enumerate(COLUMNS)}
    values = [ILLEGAL_CHARACTERS_RE.sub("", value).strip() for value in row]
    collector = Collector(base.NoPictures())
    try:
        document, _problems = collector.checked(_document(collector, _Row(1, places, values)))
    except _Wrong:
        return None
    return document


def _marked(question: Question) -> dict[str, Any]:
    document = question.model_dump(mode="json")
    if question.kind is QuestionKind.BLANKS:
        document["stem"] = words.marked(document["stem"])
    return document


def template() -> bytes:
    """An empty workbook with an example of each kind."""
    return workbook([[row.get(name, "") for name in COLUMNS] for row in excel_help.EXAMPLES])


def _cells(
    question: Mapping[str, Any], passages: Mapping[str, str], notes: Mapping[str, str]
) -> list[str]:
    kind = QuestionKind(question["kind"])
    row = {
        "题型": base.KIND_NAMES[kind],
        "题干": question["stem"],
        "解析": question["explanation"],
        "分值": question["points"],
        "材料": passages.get(question.get("passage") or "", ""),
        **{name: notes.get(name, "") for name in ("知识点", "难度")},
    }
    marks = [name for name, value in _MARKINGS.items() if value == question.get("marking")]
    row["计分"] = "、".join(marks + [_ANY_ORDER] * bool(question.get("any_order")))
    if kind is QuestionKind.TRUE_FALSE:
        row["答案"] = "正确" if question["correct"] == ["true"] else "错误"
    elif kind in (QuestionKind.SINGLE, QuestionKind.MULTIPLE):
        for letter, option in zip(LETTERS, question["options"], strict=False):
            row[f"选项{letter}"] = option["text"]
        ids = [option["id"] for option in question["options"]]
        row["答案"] = "".join(sorted(LETTERS[ids.index(each)] for each in question["correct"]))
    elif kind in (QuestionKind.BLANKS, QuestionKind.CLOZE):
        row["答案"] = "\n".join(map(cells.gap_line, question["gaps"]))
    elif kind is QuestionKind.MATCHING:
        row["答案"] = "\n".join(cells.pairs_lines(question))
    elif kind is QuestionKind.ORDERING:
        texts = {item["id"]: item["text"] for item in question["items"]}
        row["答案"] = "\n".join(cells.quote(texts[each]) for each in question["correct"])
    else:
        row["答案"] = question["sample"]
        row["评分点"] = "\n".join(cells.rubric_lines(question["rubric"]))
        row["字数"] = cells.lengths_text(question)
    return [row.get(name, "") for name in COLUMNS]


def workbook(rows: Sequence[Sequence[str]]) -> bytes:
    """The template with ``rows`` in it, whose cells are those of ``COLUMNS``."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("试题")
    sheet.freeze_panes = "C2"
    for at, name in enumerate(COLUMNS):
        sheet.column_dimensions[_letter(at)].width = _WIDTHS.get(name, 14)
    _choose(sheet, "题型", [name for kind, name in base.KIND_NAMES.items() if kind != "hotspot"])
    _choose(sheet, "计分", [*_MARKINGS, _ANY_ORDER])
    _choose(sheet, "难度", ["易", "较易", "中", "较难", "难"])
    sheet.append([_cell(sheet, name, head=True) for name in COLUMNS])
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])
    help_sheet = book.create_sheet("填写说明")
    help_sheet.column_dimensions["A"].width, help_sheet.column_dimensions["B"].width = 20, 100
    for left, right in excel_help.LINES:
        help_sheet.append([_cell(help_sheet, left, bold=True), _cell(help_sheet, right)])
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def _choose(sheet: Any, column: str, values: Sequence[str]) -> None:
    rule = DataValidation(type="list", formula1=f'"{",".join(values)}"', allow_blank=True)
    rule.showErrorMessage = False  # other words are taken too
    letter = _letter(COLUMNS.index(column))
    rule.add(f"{letter}2:{letter}{MOST_ROWS}")
    sheet.data_validations.append(rule)


def _cell(sheet: Any, value: str, *, head: bool = False, bold: bool = False) -> WriteOnlyCell:
    """Text that stays text: also when it is edited, or saved as CSV and opened again."""
    cell = WriteOnlyCell(sheet)
    cell.value = _ESCAPE.sub("_x005F_", ILLEGAL_CHARACTERS_RE.sub("", value)) or None
    if cell.value is not None:
        cell.data_type = "s"
    if value.startswith(_TRIGGERS):
        cell.quotePrefix = True
    if head:
        cell.fill = PatternFill("solid", fgColor="DCE6F1")
    if head or bold:
        cell.font = Font(bold=True)
    if "\n" in value or bold:
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell


def _letter(place: int) -> str:
    first, second = divmod(place, 26)
    return (chr(64 + first) if first else "") + chr(65 + second)

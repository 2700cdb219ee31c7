"""The usual Chinese layout, as people write it: pasted, or in Word."""

from __future__ import annotations

import io
from typing import Any

import docx as word
import pytest
from docx.oxml import parse_xml
from PIL import Image

from assessments.exchange import docx, plaintext
from assessments.exchange.base import Reading

PAGE = """2026 年试题
一、单选题（每题2分，共4分）
1、“温故而知新”出自（ A ）。
A.《论语》  B.《孟子》 C．大学
D. 中庸
解析：见为政篇。
2. 圆周率约为 5*3*2 中的
A、3.14
B、2.71
【答案】A
难度：易
知识点：数学、常数
二、多项选择题
3. 质数有（5分）
A. 2
B. 9
C. 11
答案：A、C
三、判断题
1. 地球是圆的。（√）
2. 太阳绕地球转（ 错误 ）
四、填空题
1. 首都是____，有（  ）年历史。
答案：北京|北京市；3000
五、简答题
1. 谈谈学习
第二段
答：学而时习之
1. 温故
2. 知新
"""


def text(page: str, encoding: str = "utf-8") -> Reading:
    return plaintext.read(page.encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_a_page_of_questions_is_understood(encoding: str) -> None:
    """Headings give kinds and points, answers stand in brackets or below, numbers begin anew."""
    reading = text(PAGE, encoding)
    assert reading.faults == []
    kinds = [q["kind"] for q in reading.questions]
    assert kinds == ["single", "single", "multiple", "true_false", "true_false", "blanks", "short"]
    first, _second, third, true, false, blanks, short = reading.questions
    assert first["stem"] == "“温故而知新”出自（\u3000）。"
    assert [each["text"] for each in first["options"]] == ["《论语》", "《孟子》", "大学", "中庸"]
    assert (first["points"], third["points"], third["stem"]) == ("2", "5", "质数有")
    assert first["correct"] == [first["options"][0]["id"]]
    assert len(third["correct"]) == 2
    assert (true["correct"], false["correct"]) == (["true"], ["false"])
    assert blanks["stem"] == "首都是{{1}}，有{{2}}年历史。"
    assert [gap["accepted"] for gap in blanks["gaps"]] == [["北京", "北京市"], ["3000"]]
    assert short["stem"] == "谈谈学习\n第二段"
    assert short["sample"] == "学而时习之\n1. 温故\n2. 知新"
    assert reading.found[1].notes == {"难度": "易", "知识点": "数学、常数"}


def test_answers_may_stand_together_at_the_end() -> None:
    """1-3 ABC, or one by one; a number that no question has is told."""
    page = "".join(f"{n}. 题{n}\nA. 甲\nB. 乙\nC. 丙\n" for n in range(1, 6))
    reading = text(page + "参考答案\n1-3 ABC\n4. AC 5、B 9.A\n")
    assert [q["kind"] for q in reading.questions] == ["single"] * 3 + ["multiple", "single"]
    assert [each.said for each in reading.problems] == ["第 9 题的答案没有对应的题目"]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("1. 问\nA. 甲\nB. 乙\n", "没有写明答案"),
        ("1. 问\nA. 甲\nB. 乙\n答案：D\n", "答案没有对应的选项"),
        ("1. 问\n【题型】单选题\n答案：A\n", "没有找到选项"),
        ("一、判断题\n1. 对吗\n", "判断题没有写明答案"),
        ("没有题号的文字", "没有找到带题号的题目"),
        ("1. 问\n【题型】天书\n答案：A\n", "不认识题型"),
        ("1. 长{{1}}\n答案：#1 [单位:m=1=2]\n", "名称=换算系数"),
    ],
)
def test_what_is_not_understood_is_said_by_place(page: str, said: str) -> None:
    """Never dropped, never guessed."""
    reading = text(page)
    assert reading.found == []
    assert any(said in each.said for each in reading.faults)


def _docx(build: Any) -> bytes:
    document = word.Document()
    build(document)
    kept = io.BytesIO()
    document.save(kept)
    return kept.getvalue()


class Kept:
    """Pictures in memory."""

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}

    def keep(self, content: bytes) -> str:
        name = f"{len(self.pictures):032x}"
        self.pictures[name] = content
        return name

    def load(self, name: str) -> tuple[bytes, str] | None:
        return (self.pictures[name], "image/png") if name in self.pictures else None


def _png() -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(kept, "PNG")
    return kept.getvalue()


M = "http://schemas.openxmlformats.org/officeDocument/2006/math"
OMML = (
    f'<m:oMath xmlns:m="{M}"><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:rad><m:deg/>'
    "<m:e><m:r><m:t>2</m:t></m:r></m:e></m:rad></m:den></m:f></m:oMath>"
)


def test_word_brings_pictures_formulas_and_positions() -> None:
    """A picture is kept through the caller, a formula is LaTeX, H₂O keeps its index."""

    def build(document: Any) -> None:
        first = document.add_paragraph("1. H")
        first.add_run("2").font.subscript = True
        first.add_run("O 的式量 5*3 见图")
        first.add_run().add_picture(io.BytesIO(_png()))
        document.add_paragraph("A. 值为 ")._p.append(parse_xml(OMML))
        document.add_paragraph("B. 十八")
        document.add_paragraph("答案：B")

    kept = Kept()
    reading = docx.read(_docx(build), kept)
    (question,) = reading.questions
    assert question["stem"] == rf"H₂O 的式量 5\*3 见图![](picture:{0:032x})"
    assert question["options"][0]["text"] == r"值为 $\frac{1}{\sqrt{2}}$"
    assert len(kept.pictures) == 1
    assert reading.problems == []


def test_words_automatic_numbers_count() -> None:
    """Numbers and letters that Word shows but does not write."""

    def build(document: Any) -> None:
        for _ in range(2):
            document.add_paragraph("一加一？（ B ）", style="List Number")
            document.add_paragraph("A. 一")
            document.add_paragraph("B. 二")

    reading = docx.read(_docx(build))
    assert [q["stem"] for q in reading.questions] == ["一加一？（\u3000）"] * 2
    assert reading.problems == []


def test_underlined_spaces_are_a_blank() -> None:
    """How a blank is drawn in Word."""

    def build(document: Any) -> None:
        line = document.add_paragraph("1. 首都是")
        line.add_run("      ").underline = True
        line.add_run("。")
        document.add_paragraph("答案：北京")

    (question,) = docx.read(_docx(build)).questions
    assert (question["kind"], question["stem"]) == ("blanks", "首都是{{1}}。")

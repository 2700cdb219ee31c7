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
        ("1. 问\nA. 甲\nB. 乙\n答案：D\n", "答案 D 没有对应的选项"),
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


def right(question: dict[str, Any]) -> list[str]:
    """What its right options say."""
    return [each["text"] for each in question["options"] if each["id"] in question["correct"]]


@pytest.mark.parametrize(
    ("lines", "options", "answer"),
    [
        ("１．问（　　）\nＡ．甲　Ｂ．乙　Ｃ．丙\n答案：Ｂ", "甲乙丙", "乙"),
        ("1、问\n（Ａ）甲\n（Ｂ）乙\n（Ｃ）丙\n【答案】ＡＣ", "甲乙丙", "甲丙"),
        ("1. 问 A. 甲 B. 乙 C. 丙\n正确答案：B", "甲乙丙", "乙"),
        ("1. 问（ C ）A．甲 B．乙 C．丙", "甲乙丙", "丙"),
        ("1. 问\nA、甲B、乙C、丙\n答案是：C", "甲乙丙", "丙"),
        ("1. 问（　）A.甲B.乙C.丙\n答案：B", "甲乙丙", "乙"),
        ("1. 问。A.甲；B.乙；C.丙。（B）", ["甲", "乙", "丙。"], "乙"),
        ("1. 问\na. 甲\nb. 乙\n答案：b", "甲乙", "乙"),
        ("1. 问\nA 甲\nB 乙\n答案 A", "甲乙", "甲"),
        ("1. 问\nA. 甲\nB. 乙\n答案：B. 乙", "甲乙", "乙"),
        ("1. 问\nA. 甲\nB. 乙\n答案：乙", "甲乙", "乙"),
        ("1. 问？答案：A\nA. 甲\nB. 乙", "甲乙", "甲"),
        ("1.2008年问\nA. 甲\nB. 乙  【答案】A【解析】因【难度】易", "甲乙", "甲"),
        ("一、问\nA. 甲\nB. 乙\n答案：A\n二、再问\nA. 丙\nB. 丁\n答案：B", "甲乙", "甲"),
    ],
)
def test_options_as_people_write_them(lines: str, options: Any, answer: str) -> None:
    """Full-width or small letters, all on a line, behind the question, numbers 一、."""
    reading = text(lines)
    assert reading.problems == []
    question = reading.questions[0]
    assert [each["text"] for each in question["options"]] == list(options)
    assert "".join(right(question)) == answer


def test_letters_within_an_option_are_its_own() -> None:
    """Points A、B、C are no options; the letter that begins a line is one."""
    for sign in ".", "、":
        lines = f"A{sign}过点A、B、C的平面\nB{sign}过点B、C的线\nC{sign}丙\n答案：B"
        (question,) = text("1. 问\n" + lines).questions
        shown = [each["text"] for each in question["options"]]
        assert shown == ["过点A、B、C的平面", "过点B、C的线", "丙"]


@pytest.mark.parametrize(
    ("lines", "true"),
    [
        ("1. 地圆。（√）", True),
        ("1. 地方。 ×", False),
        ("1. 地方（　）\n答案：✘", False),
        ("1. 地方\nA. 错误\nB. 正确\n答案：A", False),
        ("1. 地方\nA. 对\nB. 错\n答案：错", False),
        ("1. 地圆（ ）\n答案：Ｔ", True),
    ],
)
def test_a_judgement_is_what_its_word_says(lines: str, true: bool) -> None:
    """With options 错误 first, A means 错误."""
    (question,) = text("一、判断题\n" + lines).questions
    assert question["kind"] == "true_false"
    assert question["correct"] == ["true" if true else "false"]


@pytest.mark.parametrize(
    "answer", ["红；黄", "红、黄", "红，黄", "红 黄", "(1)红 (2)黄", "①红 ②黄", "红\n黄"]
)
def test_answers_of_several_blanks_stand_in_one_line(answer: str) -> None:
    """With whatever people put between them, where their number is that of the blanks."""
    (question,) = text(f"1. 有____和（　）。\n答案：{answer}").questions
    assert question["stem"] == "有{{1}}和{{2}}。"
    assert [gap["accepted"] for gap in question["gaps"]] == [["红"], ["黄"]]


def test_a_blank_may_hold_its_answer() -> None:
    """填空题 of an answered paper: 首都是（北京）。"""
    (question,) = text("一、填空题\n1. 首都是（北京）。").questions
    assert (question["stem"], question["gaps"][0]["accepted"]) == ("首都是{{1}}。", ["北京"])


def test_what_stands_below_a_heading_belongs_to_no_question() -> None:
    """A case is a passage of the questions below it; other words are told, never swallowed."""
    page = "1. 问\n答：好\n二、案例分析题\n案例：张某开车。\n1. 谁？\nA. 张\nB. 李\n答案：A\n三、论述题\n请认真作答\n1. 谈\n答：略"
    reading = text(page)
    first, second, third = reading.questions
    assert (first["sample"], second["kind"], third["sample"]) == ("好", "single", "略")
    assert [each["text"] for each in reading.passages] == ["案例：张某开车。"]
    assert [q.get("passage") is not None for q in reading.questions] == [False, True, False]
    assert ["请认真作答" in each.said for each in reading.problems] == [True]


def test_a_material_for_some_numbers_ends_with_them() -> None:
    """阅读下面的材料，回答 1-2 题; (1～2 题共用题干)."""
    for head in "阅读下面的材料，回答1-2题。", "（1～2题共用题干）":
        asked = "".join(f"{n}. 问{n}\n答：好\n" for n in (1, 2, 3))
        reading = text(f"{head}\n城市发展。\n{asked}")
        assert [q.get("passage") is not None for q in reading.questions] == [True, True, False]


def test_answers_at_the_end_may_be_words_with_reasons() -> None:
    """Blanks and written questions too; 【解析】 goes with the answer above it."""
    page = "1. 问\nA. 甲\nB. 乙\n2. 判断（　）\n3. 首都____\n4. 谈谈\n参考答案及解析\n"
    answers = "1.【答案】A【解析】因甲\n2. 错误。地不方\n三、填空题\n3. 北京\n4. 第一行\n第二行\n解析：略\n"
    reading = text(page + answers)
    assert reading.problems == []
    choice, judged, blank, written = reading.questions
    assert (right(choice), choice["explanation"]) == (["甲"], "因甲")
    assert (judged["correct"], judged["explanation"]) == (["false"], "地不方")
    assert blank["gaps"][0]["accepted"] == ["北京"]
    assert (written["sample"], written["explanation"]) == ("第一行\n第二行", "略")


def test_answers_of_all_may_stand_behind_one_word() -> None:
    page = "".join(f"{n}. 题{n}\nA. 甲\nB. 乙\n" for n in (1, 2, 3))
    for answers in "答案：1.A  2.B  3.A", "参考答案：1-3：ABA":
        assert [right(q) for q in text(page + answers).questions] == [["甲"], ["乙"], ["甲"]]


@pytest.mark.parametrize(
    "line",
    [
        "（",
        "( ",
        " ",
        "答案 ",
        "【 材料",
        "1-2",
        "1. （A",
        "A. ",
        "_",
        "[本题",
        "字数：1 ",
        "答案：#1 ",
    ],
)
def test_lines_of_a_stranger_are_read_in_time(line: str) -> None:
    """However long a line, and whatever it repeats: this would not end if reading went in squares."""
    for page in ("1. 问{}x", "1. 问\n{}x", "1. 问\n答案\n1. {}x", "1. 问\n【答案】{}x"):
        text(page.format(line * (60_000 // len(line))))
        text(page.format(line + " " * 60_000))


def test_words_bold_signs_and_tables_of_options() -> None:
    """【答案】**B** is B; a table that only puts options beside each other is their list."""

    def build(document: Any) -> None:
        document.add_paragraph("1. 问")
        table = document.add_table(2, 2)
        for cell, said in zip(table._cells, ["A. 甲", "B. 乙", "C. 丙", "D. 丁"], strict=True):
            cell.text = said
        document.add_paragraph("【答案】").add_run("B").bold = True
        explained = document.add_paragraph("【解析】这是")
        explained.add_run("重点").bold = True

    (question,) = docx.read(_docx(build)).questions
    assert [each["text"] for each in question["options"]] == ["甲", "乙", "丙", "丁"]
    assert (right(question), question["explanation"]) == (["乙"], "这是**重点**")

"""Files made by others are read; what cannot be taken is named, and hostile ones are refused."""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path

import openpyxl
import openpyxl.drawing.image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from assessments.exchange import aiken, excel, gift, html, moodle, qti
from assessments.exchange.base import NoPictures, Reading
from assessments.exchange.formats import FORMATS, detect
from tests.assessments.exchange.test_layout import Kept
from zhixin.errors import DomainError

ROOT = Path(__file__).resolve().parents[3]
#: Files of other systems, which are not ours to keep: beside the source, or nowhere.
OTHERS = ROOT.parent / "shared/fixtures/interop/questions"
if not OTHERS.is_dir():
    OTHERS = ROOT.parents[1] / "shared/fixtures/interop/questions"
others = pytest.mark.skipif(not OTHERS.is_dir(), reason="files of other systems are not here")


def said(reading: Reading) -> list[str]:
    return [each.said for each in reading.problems]


# --- files of others


@others
def test_moodles_own_gift() -> None:
    """Moodle's example of every GIFT question: all read, feedback named as left out."""
    reading = gift.read((OTHERS / "questions.gift.txt").read_bytes())
    kinds = [q["kind"] for q in reading.questions]
    assert kinds == [
        "short", "matching", "single", "multiple", "blanks", "blanks", "true_false", "true_false", "true_false",
    ]  # fmt: skip
    assert reading.faults == []
    numeric = reading.questions[4]["gaps"][0]
    assert (numeric["value"], numeric["tolerance"]) == ("3", "2")
    assert reading.questions[6]["correct"] == ["false"]
    assert reading.questions[6]["explanation"].startswith("This is, of course")
    assert "各选项的反馈没有导入" in said(reading)


@others
def test_moodles_own_aiken() -> None:
    """Sound questions are read around broken ones, which are named by line."""
    reading = aiken.read((OTHERS / "questions.aiken.txt").read_bytes())
    assert [len(q["options"]) for q in reading.questions] == [4, 2]
    broken = aiken.read((OTHERS / "aiken_errors.txt").read_bytes())
    assert len(broken.questions) == 3
    assert [each.where for each in broken.faults] == ["第 1 行", "第 5 行", "第 14 行"]


@others
def test_moodles_own_xml_with_its_pictures() -> None:
    """Pictures come in by the caller's hand; a sound that is linked is named."""
    kept = Kept()
    reading = moodle.read((OTHERS / "multichoice.xml").read_bytes(), kept)
    (question,) = reading.questions
    assert question["kind"] == "single"
    assert all("picture:" in each["text"] for each in question["options"])
    assert "bonjour" not in question["stem"]
    assert "附件没有导入" in said(reading)
    assert len(kept.pictures) >= 4
    (number,) = moodle.read((OTHERS / "testquestion.moodle.xml").read_bytes()).questions
    assert number["gaps"][0]["value"] == "6.25"
    false, true = moodle.read((OTHERS / "truefalse.xml").read_bytes(), Kept()).questions
    assert (false["correct"], true["correct"]) == (["false"], ["true"])


# --- Excel


def sheet(*rows: list[object]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


HEAD = ["题型", "题干", "A", "B", "正确答案", "分值"]


def test_errors_are_named_by_row_and_column() -> None:
    """第 3 行 E 列: a person finds the cell; sound rows are read all the same."""
    reading = excel.read(
        sheet(
            HEAD,
            ["单选题", "好题", "甲", "乙", "B", 2],
            ["单选题", "无此项", "甲", "乙", "C", 1],
            ["天书题", "问", "甲", "乙", "A", 1],
            [None, None, None, None, None, None],
            ["判断题", "对吗", None, None, "也许", 1],
            ["单选题", "分值", "甲", "乙", "A", "-1"],
            ["单选题", None, "甲", "乙", "A", 1],
        )
    )
    assert [q["stem"] for q in reading.questions] == ["好题"]
    assert [each.where for each in reading.faults] == [
        "第 3 行 E 列", "第 4 行 A 列", "第 6 行 E 列", "第 7 行 F 列", "第 8 行 B 列",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "kind", "said"),
    [
        (["单选题", "问", "甲", "乙", "Ｂ", 1], "single", ["乙"]),
        (["多选题", "问", "甲", "乙", "A|B", 1], "multiple", ["甲", "乙"]),
        (["单项选择", "问", "A. 甲", "B. 乙", "答案：B", 1], "single", ["乙"]),
        (["单选题", "问", "甲", "乙", "乙", 1], "single", ["乙"]),
        (["判断题", "问", "错误", "正确", "A", 1], "true_false", ["错误"]),
        (["判断题", "问", None, None, "✘", 1], "true_false", ["错误"]),
        (["判断", "问", None, None, "Y", 1], "true_false", ["正确"]),
        (["名词解释", "问", None, None, "答", 1], "short", []),
    ],
)
def test_cells_as_people_fill_them(row: list[object], kind: str, said: list[str]) -> None:
    """Full-width letters, letters before options, an option's own words, options of judgements."""
    reading = excel.read(sheet(HEAD, row))
    assert reading.problems == []
    (question,) = reading.questions
    assert question["kind"] == kind
    options = {each["id"]: each["text"] for each in question.get("options", ())}
    assert [options[each] for each in question.get("correct", ())] == said


def test_blanks_in_a_table_are_drawn() -> None:
    """____ and （　） are gaps; two of them with one answer is an error, not one gap."""
    reading = excel.read(
        sheet(
            HEAD,
            ["填空题", "首都是____，大城是（　）。", None, None, "北京；上海", 1],
            [None, "首都是____。", None, None, "北京|北京市", 1],
            ["填空题", "首都是____，大城是____。", None, None, "北京", 1],
        )
    )
    first, second = reading.questions
    assert first["stem"] == "首都是{{1}}，大城是{{2}}。"
    assert [gap["accepted"] for gap in first["gaps"]] == [["北京"], ["上海"]]
    assert second["gaps"][0]["accepted"] == ["北京", "北京市"]
    assert [each.where for each in reading.faults] == ["第 4 行 B 列"]


def test_pictures_in_a_table_are_named_as_left_out() -> None:
    """A question whose picture is missing would be unanswerable, and nobody told."""
    book = openpyxl.load_workbook(io.BytesIO(sheet(HEAD, ["判断题", "看图", None, None, "对", 1])))
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(drawn, "PNG")
    book.active.add_image(openpyxl.drawing.image.Image(drawn), "H2")
    kept = io.BytesIO()
    book.save(kept)
    reading = excel.read(kept.getvalue())
    assert len(reading.questions) == 1
    assert ["图片没有导入" in each for each in said(reading)] == [True]


@pytest.mark.parametrize("cell", ["A. 甲\nB. 乙\nC. 丙", "A、甲；B、乙；C、丙", "甲|乙|丙"])
def test_options_may_stand_in_one_column(cell: str) -> None:
    """As other platforms give them away; columns that only count are no matter."""
    head = ["序号", "试题类型", "试题内容（必填）", "选项", "试题答案", "难易程度"]
    reading = excel.read(sheet(head, [1, "单选题", "问", cell, "B", "易"]))
    assert reading.problems == []
    assert [each["text"] for each in reading.questions[0]["options"]] == ["甲", "乙", "丙"]
    assert reading.found[0].notes == {"难度": "易"}


@pytest.mark.parametrize("cell", ["\\", " ", "#1 ", "->", "|", "1 ", "200- "])
def test_cells_of_a_stranger_are_read_in_time(cell: str) -> None:
    """This would not end if reading went in squares."""
    long = (cell * 30_000)[:30_000] + "x"
    spaced = "1" + " " * 30_000 + "x"
    head = ["题型", "题干", "答案", "字数", "评分点"]
    rows = [
        [kind, long, each, each, each]
        for kind in ("填空题", "连线题", "排序题", "简答题")
        for each in (long, spaced, "#" + spaced)
    ]
    table = "\n".join("\t".join(row) for row in [head, *rows])
    excel.read(table.encode())


def test_a_question_with_thousands_of_answers_is_refused() -> None:
    """Each would take time, and no question takes so many."""
    many = "<answer fraction='0'><text>x</text></answer>" * 600
    reading = moodle.read(f"<quiz><question type='multichoice'>{many}</question></quiz>".encode())
    assert ["超过 500 个" in each.said for each in reading.faults] == [True]
    reading = gift.read(("问{" + "~x" * 600 + "}").encode())
    assert ["超过 200 个" in each.said for each in reading.faults] == [True]
    item = "<assessmentItem><itemBody>{}</itemBody></assessmentItem>"
    fields = "<textEntryInteraction responseIdentifier='R'/>" * 600
    reading = qti.read(item.format(fields).encode())
    assert ["超过 500 个" in each.said for each in reading.faults] == [True]


def test_the_template_is_read_and_helps() -> None:
    """Its examples are sound questions of every kind; it holds lists and a sheet of help."""
    content = excel.template()
    assert (
        len(excel.read(content).questions)
        == len({q["kind"] for q in excel.read(content).questions}) + 1
    )
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["试题", "填写说明"]
    lists = [rule.formula1 for rule in book["试题"].data_validations.dataValidation]
    assert any("单选题" in each for each in lists)


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@x", "=cmd|' /C calc'!A0"])
def test_what_is_written_calculates_nothing(start: str) -> None:
    """A stem that looks like a formula stays text, also when somebody edits it in Excel."""
    from assessments.exchange.base import Questions
    from assessments.papers import Paper

    options = [{"id": "a", "text": start}, {"id": "b", "text": "乙"}]
    asked = {"id": "q", "kind": "single", "stem": start, "options": options, "correct": ["a"]}
    paper = Paper.from_document({"title": "卷", "questions": [asked]})
    content = excel.write(Questions("卷", paper.questions)).content
    cells = [
        c
        for row in openpyxl.load_workbook(io.BytesIO(content))["试题"]
        for c in row
        if c.value == start
    ]
    assert len(cells) == 2
    assert all(cell.data_type == "s" and cell.quotePrefix for cell in cells)
    assert excel.read(content).questions[0]["stem"] == start


def test_a_table_without_headings_is_refused() -> None:
    with pytest.raises(DomainError, match="表头"):
        excel.read(sheet(["问", "答"], ["甲", "乙"]))


# --- QTI, written after the specification


ITEM_21 = """<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="i" title="T"
 adaptive="false" timeDependent="false">
<responseDeclaration identifier="RESPONSE" cardinality="multiple" baseType="identifier">
 <correctResponse><value>H</value><value>O</value></correctResponse>
 <mapping lowerBound="0" defaultValue="-2"><mapEntry mapKey="H" mappedValue="1"/><mapEntry mapKey="O" mappedValue="1"/></mapping>
</responseDeclaration>
<outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float" normalMaximum="2"/>
<itemBody><p>Which make <em>water</em>?</p><choiceInteraction responseIdentifier="RESPONSE" shuffle="true" maxChoices="0">
<prompt>Choose.</prompt><simpleChoice identifier="H">Hydrogen</simpleChoice><simpleChoice identifier="He">Helium</simpleChoice>
<simpleChoice identifier="O">Oxygen</simpleChoice></choiceInteraction></itemBody></assessmentItem>"""

ITEM_30 = """<qti-assessment-item xmlns="http://www.imsglobal.org/xsd/imsqtiasi_v3p0" identifier="i" title="T"
 adaptive="false" time-dependent="false">
<qti-response-declaration identifier="R1" cardinality="single" base-type="float"><qti-correct-response><qti-value>9.8</qti-value></qti-correct-response></qti-response-declaration>
<qti-response-declaration identifier="R2" cardinality="single" base-type="identifier"><qti-correct-response><qti-value>B</qti-value></qti-correct-response></qti-response-declaration>
<qti-item-body><p>g is <qti-text-entry-interaction response-identifier="R1"/> in
<qti-inline-choice-interaction response-identifier="R2"><qti-inline-choice identifier="A">m/s</qti-inline-choice><qti-inline-choice identifier="B">m/s²</qti-inline-choice></qti-inline-choice-interaction>.</p></qti-item-body>
<qti-response-processing><qti-response-condition><qti-response-if><qti-equal tolerance-mode="absolute" tolerance="0.1 0.1">
<qti-variable identifier="R1"/><qti-correct identifier="R1"/></qti-equal></qti-response-if></qti-response-condition></qti-response-processing>
</qti-assessment-item>"""


def test_single_items_of_both_versions() -> None:
    """The same reader takes the names of version 2 and of version 3."""
    (question,) = qti.read(ITEM_21.encode()).questions
    assert question["stem"] == "Which make *water*?\n\nChoose."
    assert (question["kind"], question["marking"], question["points"]) == (
        "multiple",
        "partial",
        "2",
    )
    (question,) = qti.read(ITEM_30.encode()).questions
    assert question["kind"] == "cloze"
    assert question["stem"].startswith("g is {{1}} in")
    number, choice = question["gaps"]
    assert (number["value"], number["tolerance"]) == ("9.8", "0.1")
    assert [o["text"] for o in choice["options"] if o["id"] == choice["correct"]] == ["m/s²"]


def test_unsupported_interactions_are_named() -> None:
    """By the name that the standard gives them."""
    item = ITEM_21.replace("choiceInteraction", "sliderInteraction").replace("simpleChoice", "span")
    reading = qti.read(item.encode())
    assert reading.found == []
    assert "sliderInteraction" in said(reading)[0]
    with pytest.raises(DomainError, match=r"1\.2"):
        qti.read(b"<questestinterop/>")


def package(*items: tuple[str, str], manifest: str | None = None) -> bytes:
    resources = "".join(
        f'<resource identifier="r{at}" type="imsqti_item_xmlv2p1" href="{name}"/>'
        for at, (name, _content) in enumerate(items)
    )
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr(
            "imsmanifest.xml",
            manifest or f"<manifest><resources>{resources}</resources></manifest>",
        )
        for name, content in items:
            archive.writestr(name, content)
    return kept.getvalue()


def test_a_package_is_read_item_by_item() -> None:
    """A broken item, or one that is not there, stops no other."""
    content = package(("items/a.xml", ITEM_21), ("b.xml", "<broken"))
    reading = qti.read(content.replace(b"items/a.xml", b"items/a.xml"))
    assert len(reading.questions) == 1
    assert [each.where for each in reading.faults] == ["b.xml"]


def test_a_package_reaches_nothing_outside() -> None:
    """An address that climbs out of the package finds nothing."""
    manifest = '<manifest><resources><resource type="imsqti_item_xmlv2p1" href="../../etc/passwd"/></resources></manifest>'
    reading = qti.read(package(manifest=manifest))
    assert said(reading) == ["清单中的题目文件不在包中"]
    item = ITEM_21.replace("<em>water</em>", '<img src="../../../etc/passwd" alt="w"/>')
    reading = qti.read(package(("a.xml", item)), Kept())
    assert "不在包中" in " ".join(said(reading))


# --- HTML


@pytest.mark.parametrize(
    ("given_html", "markdown"),
    [
        ("<p>a<script>alert(1)</script></p>", "a"),
        ("H<sub>2</sub>O m<sup>2</sup> x<sup>k</sup>", "H₂O m² x$^{k}$"),
        (r"\(a_1*b &lt; c\)", "$a_1*b < c$"),
        ("5*3*2", r"5\*3\*2"),
        ('<a href="javascript:alert(1)">x</a>', "x"),
        ("<b>粗</b><br>二", "**粗**\n二"),
    ],
)
def test_html_becomes_markdown(given_html: str, markdown: str) -> None:
    """Formulas and positions stay; scripts and their addresses go."""
    assert html.to_markdown(given_html, lambda address, words: "") == markdown


def test_deep_html_is_flattened() -> None:
    """No recursion without end."""
    assert html.to_markdown("<b>" * 5000 + "甲" + "</b>" * 5000, lambda a, w: "") == "甲"


# --- hostile


BOMB = b'<!DOCTYPE quiz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><quiz>&b;</quiz>'


@pytest.mark.parametrize(
    "content",
    [
        BOMB, b"", b"\0" * 100, b"PK\x03\x04", b"\xd0\xcf\x11\xe0" + b"\0" * 600, b"\x89PNG\r\n\x1a\n\0",
        package(manifest="<a>" * 500), b"<quiz>" * 3, b"<svg/>",
    ],
)  # fmt: skip
def test_hostile_files_are_refused_in_words(content: bytes) -> None:
    """Whatever reader they are sent to; the format is not found by failing."""
    with pytest.raises(DomainError):
        detect(content).read(content, None, lambda done, total: None)
    for format in FORMATS.values():
        try:
            reading = format.read(content, NoPictures(), lambda done, total: None)
        except DomainError:
            continue
        assert reading.found == []


@pytest.mark.parametrize("name", ["text", "gift", "aiken", "moodle", "qti21"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_text_is_read_or_refused(name: str, data: st.DataObject) -> None:
    """Pieces of each format in any order: only refusals in words come out."""
    pieces = [
        "1. ", "A. ", "B) ", "答案：", "【答案】", "ANSWER: A", "\n", "\n\n", "{", "}", "=", "~", "#", "%50%", "->", "\\",
        "::", "甲", "____", "（ A ）", "{{1}}", "[html]", "<b>", "$x$", "// zhixin: {\"points\": []}", "TRUE", "3:2", "1..2",
        "<quiz>", "<question type='cloze'>", "</question>", "</quiz>", "<questiontext><text>", "</text></questiontext>",
        "{1:SA:=a}", "{1:MC:a~=b}", "<zhixin>[1]</zhixin>", "<assessmentItem><itemBody>", "</itemBody></assessmentItem>",
        "<choiceInteraction/>", "参考答案\n", "1-5 ABCDE", "一、单选题（每题 2 分）", "【材料】", "→", "2分 ",
    ]  # fmt: skip
    content = "".join(data.draw(st.lists(st.sampled_from(pieces), max_size=40)))
    with contextlib.suppress(DomainError):
        FORMATS[name].read(content.encode(), NoPictures(), lambda done, total: None)

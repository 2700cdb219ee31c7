"""Near copies of Chinese questions are found; unrelated ones are not."""

from __future__ import annotations

import random
import unicodedata
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from assessments.banks import copies, likeness

WORDS = (
    "继续教育", "学时", "专业技术人员", "登记", "公需科目", "用人单位", "职称评审", "课程", "审核", "安全生产",
    "焊接", "钢筋", "混凝土", "强度", "检测", "环境影响", "水质", "排放", "标准", "电压", "变压器", "绝缘",
    "接地", "护理", "剂量", "感染", "消毒", "桥梁", "隧道", "支护", "勘察", "测量", "误差", "传感器", "网络",
    "数据库", "加密", "备份", "土壤", "种子", "灌溉", "病虫害", "财务", "税收", "凭证", "预算", "采购", "合同",
)  # fmt: skip
MARKS = "，。、；：？！（）“”— 　"


def _question(chosen: random.Random) -> dict[str, Any]:
    def said(words: int) -> str:
        return "".join(chosen.choice(WORDS) + chosen.choice("的与在应是和为") for _ in range(words))

    options = [{"id": str(at), "text": said(2)} for at in range(4)]
    return {"kind": "single", "stem": f"{said(8)}？", "options": options}


seeds = st.integers(0, 2**32).map(random.Random)


def _found(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """As a bank finds it: a band in common, then the comparison."""
    mine, theirs = likeness.pieces(one), likeness.pieces(other)
    common = set(likeness.bands(mine)) & set(likeness.bands(theirs))
    return bool(common) and likeness.percent(mine, theirs) >= likeness.ALIKE


@settings(deadline=None)
@given(seeds)
def test_another_punctuation_and_order_of_options_is_the_same(chosen: random.Random) -> None:
    """Punctuation, spaces, full width and the options' order say nothing: 100 percent."""
    question = _question(chosen)
    stem = "".join(each + chosen.choice(["", *MARKS]) for each in question["stem"] + "ＡＢ12")
    question["stem"] += "AB12"
    options = chosen.sample(question["options"], 4)
    other = {**question, "stem": stem, "options": options}
    assert likeness.percent(likeness.pieces(question), likeness.pieces(other)) == 100
    assert set(likeness.bands(likeness.pieces(question))) == set(
        likeness.bands(likeness.pieces(other))
    )


@settings(deadline=None, derandomize=True)
@given(seeds)
def test_one_word_replaced_is_found(chosen: random.Random) -> None:
    """A copy in which a word was replaced and the options were mixed is found."""
    question = _question(chosen)
    word = next(each for each in WORDS if each in question["stem"])
    stem = question["stem"].replace(word, chosen.choice(WORDS), 1)
    other = {**question, "stem": stem, "options": chosen.sample(question["options"], 4)}
    assert _found(question, other)


@settings(deadline=None)
@given(seeds)
def test_unrelated_questions_are_not_alike(chosen: random.Random) -> None:
    """Two questions of the same profession and form are not taken for copies."""
    assert not _found(_question(chosen), _question(chosen))


@given(st.text(max_size=200))
def test_any_text_has_bands_that_databases_keep(text: str) -> None:
    """Whatever a file holds: as many signed 64-bit numbers as there are bands, or none."""
    found = likeness.bands(likeness.pieces({"kind": "short", "stem": text}))
    assert len(found) in (0, likeness.BANDS)
    assert all(-(2**63) <= each < 2**63 for each in found)
    assert bool(found) == any(
        unicodedata.category(each)[0] in "LN" or each in "+-=<>%"
        for each in unicodedata.normalize("NFKC", text).casefold()
    )


def test_copies_within_a_file_name_the_earlier_one() -> None:
    """Of a file's questions the later copy is told, with the place of the first."""
    chosen = random.Random(5)
    questions = [_question(chosen) for _ in range(50)]
    questions.append({**questions[7], "stem": f"（单选）{questions[7]['stem']}"})
    found = copies.within(map(likeness.Sketch.of, questions))
    assert set(found) == {50}
    assert found[50][0] == 7
    assert found[50][1] >= 90

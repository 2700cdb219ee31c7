"""What each kind of question may be, and what its answers earn."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from fractions import Fraction

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from assessments.grading import VERSION, AnswerRefused, grade, grade_paper, sheet
from assessments.papers import InvalidPaper, Paper, Question, public, shuffled
from assessments.questions import normal
from tests.assessments import kinds

quick = settings(deadline=None, max_examples=60)
of_kind = kinds.of_kind


def question(kind, **changes) -> Question:
    return Question.model_validate(of_kind(kind, **changes))


def paper(*questions, **changes) -> Paper:
    return Paper.from_document({"title": "卷", "questions": list(questions)} | changes)


def arranged(kind, field, *texts):
    items = {item.text: item.id for item in getattr(question(kind), field)}
    return [items.get(text, "") for text in texts]


def test_a_paper_from_before_keeps_its_hash():
    """Frozen papers are named by the hash of their document: new fields must not change it."""
    options = [{"id": "a", "text": "六十"}, {"id": "b", "text": "九十"}]
    asked = [
        {"id": "s", "kind": "single", "stem": "一年至少多少学时？", "options": options,
         "correct": ["b"], "explanation": "见第八条", "points": "1"},
        {"id": "m", "kind": "multiple", "stem": "哪些？", "correct": ["x", "y"], "points": "2.5",
         "options": [{"id": "x", "text": "甲"}, {"id": "y", "text": "乙"}]},
        {"id": "t", "kind": "true_false", "stem": "对不对？", "correct": ["true"]},
    ]  # fmt: skip

    def digest(**facts):
        document = Paper.from_document({"title": "结业测验", "questions": asked} | facts)
        return hashlib.sha256(rfc8785.dumps(document.to_document())).hexdigest()

    assert (
        digest(pass_mark="0.7")
        == "8f2a9eadaaa23e9a6ad6093fdd521dd240328a63e608e670620323e8c1f8854c"
    )
    assert (
        digest(marking="partial")
        == "87e635926c8761f4b38dc9174f777acc87c767b53d61400663949af88009581a"
    )


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_every_kind_survives_its_document(kind):
    """What is frozen is read back as it was, and its document is the same again."""
    sound = paper(of_kind(kind))
    document = json.loads(json.dumps(sound.to_document()))
    assert Paper.from_document(document) == sound
    assert Paper.from_document(document).to_document() == document


@pytest.mark.parametrize(
    ("kind", "answer", "share"),
    [
        ("blanks", ["京", "101.325 kPa"], 1),
        ("blanks", [" 燕京 ", "１０１３２５Ｐａ"], 1),
        ("blanks", ["京", ""], Decimal("0.5")),
        ("blanks", ["沪", "101.325"], 0),
        ("blanks", ["京", "101.825kPa"], 1),
        ("blanks", ["京", "101.8251kPa"], Decimal("0.5")),
        ("hotspot", ["100,100"], 1),
        ("hotspot", ["150,100"], 1),
        ("hotspot", ["136,136"], 0),
        ("hotspot", ["600,550"], 1),
        ("hotspot", ["601,550"], 0),
        ("hotspot", ["900,100"], 1),
        ("hotspot", ["899,100"], 0),
        ("hotspot", ["1000,200"], 1),
        ("hotspot", [], 0),
        ("short", [], 0),
        ("short", [" \n"], 0),
        ("short", ["一段话"], None),
        ("essay", ["一段话"], None),
    ],
)
def test_what_an_answer_earns(kind, answer, share):
    assert grade(question(kind), answer) == share


def test_a_cloze_gap_is_answered_by_what_was_chosen():
    gap = question("cloze").gaps[0]
    know, learn = (next(o.id for o in gap.options if o.text == text) for text in "知学")
    assert grade(question("cloze"), [know, "为"]) == 1
    assert grade(question("cloze"), [learn, "为"]) == Decimal("0.5")
    assert grade(question("cloze", marking="all_or_nothing"), [learn, "为"]) == 0


def test_matching_counts_pairs():
    """Each pair by itself, or all or nothing."""
    assert grade(question("matching"), arranged("matching", "right", "京", "川")) == 1
    half = arranged("matching", "right", "京", "沪")
    assert grade(question("matching"), half) == Decimal("0.5")
    assert grade(question("matching", marking="all_or_nothing"), half) == 0
    assert grade(question("matching"), arranged("matching", "right", "", "川")) == Decimal("0.5")


def test_ordering_is_all_or_nothing_unless_said_otherwise():
    """With partial marking, items in their right place; one put in two places counts nowhere."""
    right = arranged("ordering", "items", "立项", "审批", "实施", "考核")
    swapped = arranged("ordering", "items", "立项", "审批", "考核", "实施")
    partial = question("ordering", marking="partial")
    assert grade(question("ordering"), right) == 1
    assert grade(question("ordering"), swapped) == 0
    assert grade(partial, swapped) == Decimal("0.5")
    assert grade(partial, right[:1] * 4) == 0


def test_a_question_may_mark_its_own_way():
    """One multiple choice with partial credit in a paper without."""
    document = paper(of_kind("multiple", marking="partial"), of_kind("multiple", id="other"))
    result = grade_paper(document, {"multiple": ["a"], "other": ["a"]})
    assert (result.per_question["multiple"].fraction, result.score) == (Decimal("0.5"), 2)
    assert result.version == VERSION


def test_written_answers_wait_for_people():
    """Points given by people count; what has none waits; an empty answer need not be read."""
    document = paper(of_kind("single"), of_kind("essay"), of_kind("short"))
    answers = {"single": ["b"], "essay": ["一段话"]}
    waiting = grade_paper(document, answers)
    assert (waiting.waiting, waiting.score) == (("essay",), 4)
    final = grade_paper(document, answers, {"essay": Decimal("2.5")})
    assert (final.waiting, final.score, final.maximum) == ((), Decimal("6.5"), 12)
    with pytest.raises(ValueError, match="beyond"):
        grade_paper(document, answers, {"essay": Decimal("4.5")})


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("blanks", ["京"]),
        ("blanks", ["京", "1", "2"]),
        ("blanks", ["长" * 501, ""]),
        ("blanks", ["\0", ""]),
        ("blanks", ["\ud800", ""]),
        ("cloze", ["知", "为"]),
        ("matching", ["1", "2"]),
        ("ordering", ["0", "1", "2", "3"]),
        ("hotspot", ["100"]),
        ("hotspot", ["1001,0"]),
        ("hotspot", ["-1,0"]),
        ("hotspot", ["1.5,2"]),
        ("hotspot", ["1,2", "3,4"]),
        ("essay", ["长" * 1001]),
        ("essay", ["一", "二"]),
        ("short", "一段话"),
        ("short", [1]),
    ],
)
def test_an_impossible_answer_is_refused(kind, answer):
    """Nothing is graded of what this question cannot be answered."""
    with pytest.raises(AnswerRefused):
        sheet(paper(of_kind(kind)), {kind: answer})


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_nothing_filled_in_is_no_answer(kind):
    """An untouched form is not kept as an answer."""
    assert sheet(paper(of_kind(kind)), {kind: []}) == {}
    assert sheet(paper(of_kind(kind)), {kind: [""] * 4}) == {}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ＡＢＣ", "abc"),
        ("  知   新 ", "知新"),
        ("新\u200b知", "新知"),
        ("machine　 learning", "machine learning"),
        ("Python 语言", "python语言"),
        ("（一）", "(一)"),
        ("他说：“好。”", '他说:"好."'),
    ],
)
def test_how_it_is_typed_does_not_matter(typed, meant):
    assert normal.text(typed) == normal.text(meant) == meant


def test_case_and_spaces_as_the_author_wants():
    gap = {"kind": "text", "accepted": ["Hello World"]}
    strict = question("blanks", stem="问好", gaps=[gap | {"case_matters": True}])
    loose = question("blanks", stem="问好", gaps=[gap | {"ignore_spaces": True}])
    assert [grade(strict, [each]) for each in ("hello world", "Hello  World")] == [0, 1]
    assert [grade(loose, [each]) for each in ("helloworld", "hello, world")] == [1, 0]


@quick
@given(st.text(max_size=30))
def test_the_compared_form_is_its_own(typed):
    """Comparing twice is comparing once."""
    assert normal.text(normal.text(typed)) == normal.text(typed)


@pytest.mark.parametrize(
    ("typed", "value", "unit"),
    [
        ("1,000", 1000, ""),
        ("−0.5", Fraction(-1, 2), ""),
        ("1/3", Fraction(1, 3), ""),
        ("1.5×10^3 m", 1500, "m"),
        ("6e-2", Fraction(3, 50), ""),
        ("２５℃", 25, "°C"),
        (".5", Fraction(1, 2), ""),
        ("3 m²", 3, "m2"),
    ],
)
def test_numbers_as_people_type_them(typed, value, unit):
    assert normal.number(typed) == (value, unit)


@pytest.mark.parametrize("typed", ["", "abc", "--1", "1/0", "9" * 100, "1e999", "1e-61", "٣"])
def test_what_is_no_number(typed):
    """Also nothing that would cost the server a long computation."""
    assert normal.number(typed) is None


@quick
@given(
    st.decimals(-1000, 1000, places=3),
    st.decimals(0, 10, places=3),
    st.booleans(),
    st.integers(-2, 2),
)
def test_the_tolerance_ends_exactly(value, tolerance, relative, beyond):
    """The edge itself is right, the least thing beyond it is wrong: no floats."""
    tolerance = tolerance / 10 if relative else tolerance
    gap = {"kind": "number", "value": str(value), "tolerance": str(tolerance), "relative": relative}
    edge = Fraction(value) + Fraction(tolerance) * (abs(Fraction(value)) if relative else 1)
    typed = edge + Fraction(beyond, 10**12)
    text = f"{typed.numerator}/{typed.denominator}"
    asked = question("blanks", stem="多少？", gaps=[gap])
    inside = beyond == 0 or (beyond < 0 and edge > value)
    assert grade(asked, [text]) == (1 if inside else 0)


@quick
@given(st.permutations(["甲", "乙", "丙", "甲乙"]), st.lists(st.booleans(), min_size=4, max_size=4))
def test_in_any_order_answers_may_change_places(answers, given_):
    """The order is worth nothing, and one answer fills one gap only."""
    accepted = [["甲"], ["乙", "甲"], ["丙"], ["甲乙", "丙"]]
    gaps = [{"kind": "text", "accepted": each} for each in accepted]
    asked = question("blanks", stem="哪四个？", gaps=gaps, any_order=True)
    assert grade(asked, answers) == 1
    filled = [text if on else "" for text, on in zip(answers, given_, strict=True)]
    assert grade(asked, filled) == Fraction(sum(given_), 4)
    assert grade(asked, ["甲", "甲", "甲", ""]) == Fraction(1, 2)


@quick
@given(st.sampled_from(["blanks", "cloze", "matching", "ordering"]), st.data())
def test_one_more_right_part_never_costs(kind, data):
    """Between nothing and all; putting a part right never takes points away."""
    asked = question(kind, marking=data.draw(st.sampled_from(["partial", "all_or_nothing"])))
    choices, right = _parts(asked)
    answer = [data.draw(st.sampled_from(each)) for each in choices]
    better = list(answer)
    place = data.draw(st.integers(0, len(answer) - 1))
    better[place] = right[place]
    before, after = grade(asked, answer), grade(asked, better)
    assert 0 <= before <= 1
    if kind != "ordering" or better[place] not in answer:
        assert before <= after
    assert grade(asked, right) == 1


def _parts(asked):
    if asked.kind == "matching":
        return [["", *(each.id for each in asked.right)]] * 2, list(asked.correct)
    if asked.kind == "ordering":
        return [["", *(each.id for each in asked.items)]] * 4, list(asked.correct)
    choices, right = [], []
    for gap in asked.gaps:
        if gap.kind == "choice":
            choices.append(["", *(each.id for each in gap.options)])
            right.append(gap.correct)
        elif gap.kind == "number":
            choices.append(["", "1", "101 kPa"])
            right.append("101.325 kPa")
        else:
            choices.append(["", gap.accepted[0], "错"])
            right.append(gap.accepted[0])
    return choices, right


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (of_kind("blanks", gaps=[]), "空应有 1 到"),
        (of_kind("blanks", stem="只有 {{1}}"), "题干中应有且只有每个空的标记各一次：{{1}} {{2}}"),
        (of_kind("blanks", stem="{{1}}{{1}}{{2}}"), "各一次"),
        (of_kind("cloze", stem="没有标记"), "各一次"),
        (of_kind("blanks", gaps=kinds.KINDS["cloze"]["gaps"]), "请用完形填空"),
        (of_kind("cloze", any_order=True), "顺序不能不限"),
        (of_kind("blanks", stem="?", gaps=[{"kind": "text", "accepted": []}]), "可接受的答案"),
        (of_kind("blanks", stem="?", gaps=[{"kind": "text", "accepted": ["\u200b"]}]), "可以比较"),
        (of_kind("blanks", stem="?", gaps=[{"kind": "number", "value": "一"}]), "空第 1 项数值"),
        (of_kind("blanks", stem="?", gaps=[{"kind": "number", "value": "1e99"}]), "位数过多"),
        (of_kind("blanks", stem="?", gaps=[{"kind": "date"}]), "空第 1 项"),
        (of_kind("matching", correct=["1"]), "左列的每一项都要有对应的右列"),
        (of_kind("matching", correct=["1", "9"]), "答案不在右列之中"),
        (of_kind("matching", left=None), "左列"),
        (of_kind("ordering", correct=["0", "1", "2"]), "各排一次"),
        (of_kind("ordering", items=[{"id": "1", "text": "同"}, {"id": "2", "text": "同"}]), "重复"),
        (of_kind("hotspot", areas=[]), "正确区域"),
        (of_kind("hotspot", picture="../../etc/passwd"), "图片格式有误"),
        (of_kind("hotspot", alt=""), "图片说明"),
        (of_kind("hotspot", areas=[{"shape": "polygon", "points": [[0, 0], [1, 1], [2, 2]]}]), "面积"),
        (of_kind("hotspot", areas=[{"shape": "circle", "x": 0, "y": 1001, "r": 1}]), "纵坐标"),
        (of_kind("essay", points="5"), "各评分点共 4.0 分"),
        (of_kind("essay", min_characters=2000), "字数下限高于上限"),
        (of_kind("single", marking="partial"), "只有多选题"),
        (of_kind("single", passage="p"), "题目所属的材料不存在"),
    ],
)  # fmt: skip
def test_an_unsound_question_is_refused(asked, said):
    """An author reads in Chinese what is wrong, and where."""
    with pytest.raises(InvalidPaper) as refused:
        paper(asked)
    assert said in "；".join(refused.value.facts["problems"])


def test_a_mark_in_a_formula_or_in_code_is_no_gap():
    """{{1}} is also a way to write a group in a formula."""
    stem = r"$\frac{{1}}{{2}}$ 与 `{{3}}` 的值是 {{1}}"
    assert question("blanks", stem=stem, gaps=[{"kind": "number", "value": "0.5"}])


def test_a_passage_holds_its_questions_together():
    """Those about one text follow each other in the author's order, whatever the seed."""
    asked = [of_kind("single", id=f"q{n}", passage="p" if n % 2 else None) for n in range(8)]
    document = paper(*asked, passages=[{"id": "p", "text": "材料"}, {"id": "r", "text": "无题"}])
    for seed in range(5):
        order = [each.id for each in shuffled(document, str(seed)).questions]
        first = order.index("q1")
        assert order[first : first + 4] == ["q1", "q3", "q5", "q7"]
    assert public(document)["passages"] == [{"id": "p", "text": "材料"}]


SHOWN = {
    "single": {"options"},
    "multiple": {"options"},
    "true_false": {"options"},
    "blanks": {"gaps"},
    "cloze": {"gaps"},
    "matching": {"left", "right"},
    "ordering": {"items"},
    "hotspot": {"picture", "alt"},
    "short": {"min_characters", "max_characters"},
    "essay": {"min_characters", "max_characters"},
}


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_only_what_is_listed_is_shown(kind):
    """No field of any kind reaches a learner unless it is named here."""
    seen = public(paper(of_kind(kind)))["questions"][0]
    assert seen.keys() == {"id", "kind", "stem", "points"} | SHOWN[kind]
    for field in ("options", "left", "right", "items"):
        assert all(each.keys() == {"id", "text"} for each in seen.get(field, ()))
    for gap in seen.get("gaps", ()):
        assert gap.keys() == ({"kind", "options"} if gap["kind"] == "choice" else {"kind"})
    assert "秘密" not in json.dumps(seen, ensure_ascii=False)


@quick
@given(st.permutations(range(4)), st.permutations(range(3)), st.text("ab", max_size=3))
def test_what_is_shown_does_not_depend_on_the_order(order, pairs, seed):
    """Numbers and places that the author gave to items say nothing to the learner."""
    steps = [{"id": str(n), "text": kinds.STEPS[at]["text"]} for n, at in enumerate(order)]
    rights = kinds.KINDS["matching"]["right"]
    rights = [{"id": str(n), "text": rights[at]["text"]} for n, at in enumerate(pairs)]
    other = paper(
        of_kind("ordering", items=steps, correct=["0", "1", "2", "3"]),
        of_kind("matching", right=rights, correct=["0", "1"]),
    )
    mine = paper(of_kind("ordering"), of_kind("matching"))
    assert public(other) == public(mine)
    assert public(shuffled(other, seed)) == public(shuffled(mine, seed))

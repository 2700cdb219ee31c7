"""What a paper may be, and what a learner may see of it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assessments.papers import InvalidPaper, Paper, public, shuffled

quick = settings(deadline=None, max_examples=60)


def question(**changes):
    return {
        "id": "q1",
        "kind": "single",
        "stem": "一年至少多少学时？",
        "options": [{"id": "a", "text": "60"}, {"id": "b", "text": "90"}],
        "correct": ["b"],
        "explanation": "见第八条",
        "points": "2",
    } | changes


def paper(*questions, **changes):
    return {"title": "结业测验", "questions": list(questions or [question()])} | changes


@st.composite
def papers(draw):
    """A sound paper's document with a few questions of any kind."""
    questions = []
    for number in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["single", "multiple", "true_false"]))
        ids = [f"o{n}" for n in range(draw(st.integers(2, 6)))]
        if kind == "true_false":
            ids = ["true", "false"]
        correct = draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))
        asked = question(id=f"q{number}", kind=kind, explanation="", stem=f"题 {number}")
        asked["correct"] = correct if kind == "multiple" else correct[:1]
        asked["options"] = [{"id": each, "text": f"选项 {each}"} for each in ids]
        if kind == "true_false":
            del asked["options"]
        asked["points"] = str(draw(st.sampled_from([1, 2, 3, Decimal("0.5"), Decimal("3.33")])))
        questions.append(asked)
    return paper(*questions, marking=draw(st.sampled_from(["all_or_nothing", "partial"])))


@quick
@given(papers())
def test_a_paper_survives_its_document(document):
    """What is frozen as JSON is read back as the same paper."""
    sound = Paper.from_document(document)
    assert Paper.from_document(json.loads(json.dumps(sound.to_document()))) == sound


@quick
@given(papers(), st.data())
def test_the_public_view_does_not_depend_on_the_key(document, data):
    """Papers that differ only in keys and explanations look the same to a learner."""
    sound = Paper.from_document(document)
    other = sound.to_document()
    for asked in other["questions"]:
        asked["correct"] = [data.draw(st.sampled_from([o["id"] for o in asked["options"]]))]
        asked["explanation"] = "解析"
    changed = Paper.from_document(other)
    assert public(sound) == public(changed)
    assert public(shuffled(sound, "s")) == public(shuffled(changed, "s"))


@quick
@given(papers())
def test_the_public_view_holds_only_what_is_listed(document):
    """No field reaches a learner unless it is named here."""
    seen = public(Paper.from_document(document))
    assert seen.keys() == {"title", "questions"}
    for asked in seen["questions"]:
        assert asked.keys() == {"id", "kind", "stem", "options", "points"}
        assert all(option.keys() == {"id", "text"} for option in asked["options"])
    json.dumps(seen)


@quick
@given(papers(), st.text(max_size=8), st.randoms(use_true_random=False))
def test_shuffling_is_fixed_and_loses_nothing(document, seed, random):
    """One seed, one order, whatever the author's order was; nothing is lost or added."""
    sound = Paper.from_document(document)
    mixed = shuffled(sound, seed)
    rearranged = json.loads(json.dumps(sound.to_document()))
    random.shuffle(rearranged["questions"])
    for asked in rearranged["questions"]:
        if asked["kind"] != "true_false":
            random.shuffle(asked["options"])
    assert shuffled(Paper.from_document(rearranged), seed) == mixed
    assert {q.id: (set(q.options), q.correct) for q in mixed.questions} == {
        q.id: (set(q.options), q.correct) for q in sound.questions
    }


def test_seeds_give_different_orders():
    """Neighbours do not see the same paper."""
    many = Paper.from_document(paper(*(question(id=f"q{n}") for n in range(8))))
    assert len({shuffled(many, f"seed {n}") for n in range(10)}) == 10


def test_true_and_false_are_given():
    """A true-or-false question need not state its options, and they keep their order."""
    asked = question(kind="true_false", correct=["false"])
    del asked["options"]
    sound = Paper.from_document(paper(asked))
    options = [(option.id, option.text) for option in sound.questions[0].options]
    assert options == [("true", "正确"), ("false", "错误")]
    assert all(shuffled(sound, str(n)) == sound for n in range(10))


def test_a_multiple_choice_may_have_one_right_option():
    """An indefinite choice (不定项) is a multiple choice."""
    Paper.from_document(paper(question(kind="multiple", correct=["a"])))


def options(*texts):
    return [{"id": f"o{n}", "text": text} for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (paper(question(correct=["a", "b"])), "只能有一个答案"),
        (paper(question(correct=[])), "没有给出答案"),
        (paper(question(correct=["c"])), "答案不在选项之中"),
        (paper(question(kind="multiple", correct=["a", "a"])), "答案重复"),
        (paper(question(options=options("甲"), correct=["o0"])), "选项应有 2 到 10 个"),
        (paper(question(options=options(*"甲乙丙丁戊己庚辛壬癸子"), correct=["o0"])), "选项应有"),
        (paper(question(options=options("甲", " 甲 "), correct=["o0"])), "选项内容重复"),
        (paper(question(options=options("甲", "乙")[:1] * 2, correct=["o0"])), "选项编号重复"),
        (paper(question(options=options("甲", " "), correct=["o0"])), "选项第 2 项内容格式有误"),
        (paper(question(kind="true_false", correct=["a"])), "判断题的选项固定"),
        (paper(question(kind="riddle")), "题目第 1 项题型格式有误"),
        (paper(question(stem="  ")), "题干"),
        (paper(question(stem="长" * 5_001)), "题干过长"),
        (paper(question(id="第一题")), "编号格式有误"),
        (paper(question(points="0")), "分值"),
        (paper(question(points="0.001")), "分值"),
        (paper(question(points="NaN")), "分值"),
        (paper(question(hint="b")), "“hint”无法识别"),
        (paper(question(), question()), "题目编号重复"),
        (paper(questions=[]), "题目"),
        (paper(title=""), "标题"),
        (paper(title="长" * 201), "标题"),
        (paper(pass_mark="60"), "及格线"),
        (paper(marking="generous"), "多选计分方式"),
        ({"title": "空"}, "题目缺失"),
        ([], "格式有误"),
    ],
)
def test_an_unsound_paper_is_refused(document, said):
    """An author reads in Chinese what is wrong, and where."""
    with pytest.raises(InvalidPaper, match=said) as refused:
        Paper.from_document(document)
    assert refused.value.status == 422


def test_all_faults_are_listed_at_once():
    """An author corrects a paper in one round."""
    with pytest.raises(InvalidPaper) as refused:
        Paper.from_document(paper(question(correct=[]), question(id="q2", correct=["x"])))
    assert refused.value.facts["problems"] == [
        "题目第 1 项：没有给出答案",
        "题目第 2 项：答案不在选项之中",
    ]

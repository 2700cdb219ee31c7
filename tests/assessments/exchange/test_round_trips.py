"""What is written in a format is read from it as it was; what a format cannot hold is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assessments.exchange.base import Questions, comparable
from assessments.exchange.formats import FORMATS, detect
from assessments.exchange.qti_writing import shown
from tests.assessments.exchange import made
from zhixin import richtext

#: How alike a text must be: the same source, or the same look where a format keeps no Markdown.
ALIKE: dict[str, Callable[[str], object]] = {
    "word": richtext.render, "qti21": shown, "qti30": shown, "text": richtext.render,
}  # fmt: skip
#: Kinds that each format holds, for plain words.
HOLDS = {
    "excel": {"single", "multiple", "true_false", "blanks", "cloze", "matching", "ordering", "short", "essay"},
    "word": {"single", "multiple", "true_false", "blanks", "cloze", "matching", "ordering", "short", "essay"},
    "text": {"single", "multiple", "true_false", "blanks", "cloze", "matching", "ordering", "short", "essay"},
    "moodle": {"single", "multiple", "true_false", "matching", "ordering", "short", "essay"},
    "qti21": {"single", "multiple", "true_false", "matching", "ordering", "short", "essay"},
    "qti30": {"single", "multiple", "true_false", "matching", "ordering", "short", "essay"},
    "gift": {"single", "multiple", "true_false", "matching", "short", "essay"},
    "aiken": {"single"},
}  # fmt: skip
FEW = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)  # fmt: skip


def left_out(problems: Any) -> set[str]:
    return {each.where for each in problems}


@pytest.mark.parametrize("name", FORMATS)
@FEW
@given(data=st.data())
def test_what_is_written_is_read_as_it_was(name: str, data: st.DataObject) -> None:
    """Each question comes back the same, or is named by the exporter: none is changed or lost."""
    sent: Questions = data.draw(made.questions())
    seen = ALIKE.get(name, str)
    format = FORMATS[name]
    written = format.write(sent, made.NO_PICTURES)
    lost = left_out(written.problems)
    kept = [q for at, q in enumerate(sent.questions, 1) if sent.where(at) not in lost]
    if not kept:
        return
    back = format.read(written.content, made.NO_PICTURES, lambda done, total: None)
    assert back.faults == []
    found = [str(comparable(each, seen)) for each in back.questions]
    for each in kept:
        assert str(comparable(each.model_dump(mode="json"), seen)) in found


@pytest.mark.parametrize("name", FORMATS)
@FEW
@given(data=st.data())
def test_plain_questions_are_not_left_out(name: str, data: st.DataObject) -> None:
    """The kinds that a format has are written whole where the words mean nothing to it."""
    sent: Questions = data.draw(made.questions(made.plain))
    lost = left_out(FORMATS[name].write(sent, made.NO_PICTURES).problems)
    if name == "aiken":  # says what it leaves out of those that it holds
        lost -= {
            sent.where(at)
            for at, each in enumerate(sent.questions, 1)
            if each.explanation or each.points != 1
        }
    held = {
        sent.where(at)
        for at, question in enumerate(sent.questions, 1)
        if question.kind.value in HOLDS[name]
    }
    assert not lost & held


@pytest.mark.parametrize("name", [each for each in FORMATS if each != "qti30"])
def test_a_files_format_is_found_by_its_content(name: str) -> None:
    """Whatever the file is called."""
    written = FORMATS[name].write(_one(), made.NO_PICTURES)
    assert detect(written.content, "题库").name == name


def test_the_other_qti_is_read_by_the_same_reader() -> None:
    written = FORMATS["qti30"].write(_one(), made.NO_PICTURES)
    found = detect(written.content)
    assert len(found.read(written.content, None, lambda done, total: None).questions) == 1


def test_a_passage_stays_with_its_questions() -> None:
    """材料题: a text that several ask about is written and read with them."""
    from assessments.papers import Paper

    asked = {"kind": "single", "stem": "问", "options": [{"id": "a", "text": "甲"}, {"id": "b", "text": "乙"}],
             "correct": ["a"], "passage": "p"}  # fmt: skip
    other = {**asked, "stem": "另一问"}
    paper = Paper.from_document(
        {
            "title": "卷",
            "questions": [{"id": "q1", **asked}, {"id": "q2", **other}, {"id": "q3", **asked, "passage": None}],
            "passages": [{"id": "p", "text": "一段材料"}],
        }
    )  # fmt: skip
    sent = Questions("卷", paper.questions, {"p": "一段材料"})
    for name, format in FORMATS.items():
        if name == "aiken":
            continue
        back = format.read(format.write(sent, None).content, None, lambda done, total: None)
        (passage,) = back.passages
        assert passage["text"] == "一段材料", name
        assert [q.get("passage") for q in back.questions] == [passage["id"], passage["id"], None], (
            name
        )


def _one() -> Questions:
    from assessments.papers import Paper

    asked = {"id": "q", "kind": "single", "stem": "一加一？", "options": [{"id": "a", "text": "二"}, {"id": "b", "text": "三"}], "correct": ["a"]}  # fmt: skip
    paper = Paper.from_document({"title": "卷", "questions": [asked]})
    return Questions("卷", paper.questions)

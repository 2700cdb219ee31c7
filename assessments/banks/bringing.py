"""A file's questions into a bank, with what it says of knowledge point and difficulty; and out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments.banks import copies, listing, writing
from assessments.banks.keeping import Held
from assessments.banks.likeness import Sketch
from assessments.banks.models import MOST_POINT, BankQuestion, BankVersion
from assessments.exchange.base import Questions, Reading
from assessments.questions import Question
from zhixin.errors import Invalid

#: From so many percent on, an import may leave a question out.
THE_SAME = 95
WORDS = ("易", "较易", "中", "较难", "难")
_WORDS = {
    **{word: at for at, word in enumerate(WORDS, 1)},
    "容易": 1, "简单": 1, "中等": 3, "一般": 3, "适中": 3, "困难": 5, "很难": 5, "很易": 1,
}  # fmt: skip
#: A coefficient of difficulty is the part of those who answer rightly.
_COEFFICIENTS = ((0.8, 1), (0.6, 2), (0.4, 3), (0.2, 4), (0.0, 5))


def difficulty(said: str) -> int:
    """1 to 5 from a file's words, number or coefficient (0.85); what says nothing is 3."""
    said = said.strip()
    if said in _WORDS:
        return _WORDS[said]
    if re.fullmatch(r"[1-5]", said):
        return int(said)
    if re.fullmatch(r"0?\.\d{1,6}", said):
        return next(level for least, level in _COEFFICIENTS if float(said) >= least)
    return 3


def written(
    reading: Reading, progress: Callable[[int], None] = lambda done: None
) -> list[writing.Written]:
    """Everything that was read, as a bank holds it."""
    passages = {each["id"]: each["text"] for each in reading.passages}
    made = []
    for each in reading.found:
        made.append(
            writing.checked(
                each.document,
                point=" ".join(each.notes.get("知识点", "").split())[:MOST_POINT],
                difficulty=difficulty(each.notes.get("难度", "")),
                passage=passages.get(each.document.get("passage") or ""),
            )
        )
        progress(len(made))
    return made


def alike(session: Session, bank_id: int, reading: Reading, most: int) -> Mapping[int, list[str]]:
    """In words by place, what the first questions of a file are like: in it and in the bank."""
    sketches = [Sketch.of(each.document) for each in reading.found[:most]]
    told: dict[int, list[str]] = {}
    for at, (earlier, percent) in copies.within(sketches).items():
        told.setdefault(at, []).append(f"与本文件 {reading.found[earlier].where} 相似 {percent}%")
    for at, found in enumerate(copies.of_many(session, bank_id, sketches)):
        if found:
            told.setdefault(at, []).append(said(found[0]))
    return told


def said(like: copies.Alike) -> str:
    return f"和第 {like.question_id} 题相似 {like.percent}%"


def questions(session: Session, held: Held, wanted: listing.Filter, most: int) -> Questions:
    """The newest versions of a filter's questions, to be written into a file.

    Raises:
        Invalid: there are none, or more than ``most``.
    """
    ids = listing.ids(session, held.bank.id, wanted, most)
    if not ids:
        raise Invalid("没有可以导出的题目")
    if len(ids) > most:
        raise Invalid(f"一次最多导出 {most} 道题，请先筛选")
    asked: list[Question] = []
    passages: dict[str, str] = {}
    notes: dict[str, dict[str, str]] = {}
    for at in range(0, len(ids), 500):
        query = (
            sa.select(BankVersion)
            .join(BankQuestion, BankQuestion.id == BankVersion.question_id)
            .where(
                BankQuestion.id.in_(ids[at : at + 500]),
                BankVersion.number == BankQuestion.newest_number,
            )
            .order_by(BankQuestion.id)
        )
        for version in session.scalars(query):
            kept = writing.document(version)
            question = Question.model_validate(kept["question"])
            asked.append(question)
            if question.passage:
                passages[question.passage] = kept["passage"]
            notes[question.id] = {"知识点": version.point, "难度": WORDS[version.difficulty - 1]}
    return Questions(held.bank.title, tuple(asked), passages, notes)

"""Banks that papers of a course draw from: into an archive, checked, and out of it again.

In an archive a blueprint's ``bank`` is a place in ``course.json``'s ``banks``, from 1. The
questions stand in a member of their own, so that what is shown of a course stays small.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import rfc8785
from pydantic import Field, StringConstraints, ValidationError
from sqlalchemy.orm import Session

from assessments import drafting, papers, prints
from assessments.banks import carrying, drawing, keeping, pools, writing
from assessments.banks.drawing import Cell
from assessments.banks.models import MOST_POINT
from assessments.banks.writing import Written
from assessments.questions import QuestionKind
from courses.packages import document as documents
from courses.packages.document import BadPackage, PackagedCourse, renamed
from courses.packages.parts import MOST_BANKED, MOST_DRAWN_PAPERS, Bank, Part
from zhixin import richtext
from zhixin.archives import MIB, Archive
from zhixin.errors import Conflict, DomainError, NotFound
from zhixin.people.models import Person

MOST_BYTES = 64 * MIB
Sort = tuple[str, QuestionKind, int]


class _Question(Part):
    """One question of a bank as it stands in the archive."""

    question: dict[str, Any]
    passage: Annotated[str, StringConstraints(min_length=1)] | None = None
    point: Annotated[str, StringConstraints(max_length=MOST_POINT)] = ""
    difficulty: Annotated[int, Field(ge=1, le=5, strict=True)] = 3


class _Questions(Part):
    questions: Annotated[tuple[_Question, ...], Field(min_length=1, max_length=MOST_BANKED)]


# --- out


@dataclass
class Shelves:
    """What the papers of a course draw from, gathered for whoever exports it."""

    session: Session
    person: Person
    #: Versions by bank; the banks in the order of appearance.
    versions: dict[int, set[int]] = field(default_factory=dict)
    papers: int = 0

    def blueprint(self, document: Mapping[str, Any], title: str) -> dict[str, Any]:
        """A paper's blueprint as it stands in the archive, its questions noted.

        Raises:
            Conflict: the bank is not for this person's eyes, and an archive holds the keys.
        """
        paper = papers.Paper.from_document(document)
        plan = paper.blueprint
        assert plan is not None
        try:
            held = keeping.get(self.session, plan.bank, self.person)
        except NotFound:
            raise Conflict(
                f"“{title}”按题库抽题，您不能查看这个题库，不能连同答案一起导出；"
                "请由题库的维护人导出，或改用您能查看的题库",
                code="paper-drawn",
            ) from None
        if plan.pool:
            found = carrying.of_pool(self.session, plan)
        else:
            found = carrying.of_bank(self.session, held, plan, prints.of_paper(paper))
        self.versions.setdefault(plan.bank, set()).update(found)
        self.papers += 1
        self._require_room()
        number = list(self.versions).index(plan.bank) + 1
        return plan.model_copy(update={"bank": number, "pool": None}).model_dump(mode="json")

    def _require_room(self) -> None:
        if sum(map(len, self.versions.values())) > MOST_BANKED:
            said = f"抽题的题库有 {MOST_BANKED} 题以上可抽，课程包放不下；请收窄抽题规则"
            raise Conflict(said, code="paper-drawn")
        if self.papers > MOST_DRAWN_PAPERS:
            said = f"按题库抽题的试卷超过 {MOST_DRAWN_PAPERS} 份，课程包放不下"
            raise Conflict(said, code="paper-drawn")

    def banks(
        self, told: Callable[[Written, str], Written | None]
    ) -> list[tuple[str, list[Written]]]:
        """(title, questions) of each bank.

        Args:
            told: a question as it stands in the archive, its pictures taken along; None: it
                can't be. The second is the bank's title.
        """
        made = []
        for bank_id, versions in self.versions.items():
            title = keeping.get(self.session, bank_id, self.person).bank.title
            each = [told(one, title) for one in carrying.written(self.session, versions)]
            made.append((title, [one for one in each if one is not None]))
        return made


def content(questions: Sequence[Written]) -> bytes:
    """A bank's member: canonical JSON, what says nothing left out."""
    told = _Questions.model_construct(questions=tuple(map(_told, questions)))
    return rfc8785.dumps(told.model_dump(mode="json", exclude_defaults=True))


def _told(written: Written) -> _Question:
    # A passage's name follows from its text.
    asked = {name: value for name, value in written.question.items() if name != "passage"}
    return _Question(
        question=asked,
        passage=written.passage,
        point=written.point,
        difficulty=written.difficulty,
    )


# --- in


def read(archive: Archive, document: PackagedCourse) -> list[list[Written]]:
    """The questions of each bank, as sound as if they were written here.

    Raises:
        BadPackage: with the place and what is wrong.
    """
    if sum(archive.members[bank.member].size for bank in document.banks) > MOST_BYTES:
        raise BadPackage(f"题库合起来超过了 {MOST_BYTES // MIB} MiB")
    pictures = frozenset(picture.id for picture in document.pictures)
    return [_read(archive, bank, pictures) for bank in document.banks]


def _read(archive: Archive, bank: Bank, pictures: frozenset[str]) -> list[Written]:
    told = documents.parsed(archive.read(bank.member, most=MOST_BYTES), bank.member)
    try:
        found = _Questions.model_validate(told).questions
    except ValidationError as error:
        said = papers.said(error)
        raise BadPackage(f"题库“{bank.title}”有误：{said[0]}") from None
    except RecursionError:
        raise BadPackage(f"{bank.member} 层层嵌套过深") from None
    if len(found) != bank.questions:
        raise BadPackage(f"题库“{bank.title}”应有 {bank.questions} 题，包中是 {len(found)} 题")
    made: list[Written] = []
    seen: set[str] = set()
    for at, each in enumerate(found, 1):
        where = f"题库“{bank.title}”第 {at} 题"
        one = _sound(each, where)
        if not _pictures(one) <= pictures:
            raise BadPackage(f"{where}中的图片不在包中")
        if one.print in seen:
            raise BadPackage(f"{where}与前面的一题完全相同")
        seen.add(one.print)
        made.append(one)
    return made


def _sound(each: _Question, where: str) -> Written:
    try:
        return writing.checked(
            each.question, point=each.point, difficulty=each.difficulty, passage=each.passage
        )
    except papers.InvalidPaper as error:
        raise BadPackage(f"{where}有误：{error.facts['problems'][0]}") from None
    except DomainError as error:
        raise BadPackage(f"{where}有误：{error.message}") from None
    except RecursionError:
        raise BadPackage(f"{where}层层嵌套过深") from None


def shortages(document: PackagedCourse, banks: Sequence[Sequence[Written]]) -> list[str]:
    """In words which papers can't be drawn from what the archive has; nothing: all can be."""
    said: list[str] = []
    stocks = [_Stock.of(each) for each in banks]
    for unit in document.units():
        paper = drafting.Draft.from_document(unit.paper) if unit.paper else None
        if paper is None or paper.blueprint is None:
            continue
        cells = stocks[paper.blueprint.bank - 1].cells(prints.of_paper(paper))
        found = drawing.shortages(pools.lines(paper.blueprint), cells)
        said += [f"“{unit.title}”的抽题规则：{each}" for each in found]
    return said


@dataclass(frozen=True)
class _Stock:
    """A bank's questions counted by sort, as papers draw from it when all are accepted."""

    counts: Counter[Sort]
    sorts: Mapping[str, Sort]  # by print

    @classmethod
    def of(cls, questions: Sequence[Written]) -> _Stock:
        sorts = {
            each.print: (each.point, QuestionKind(each.question["kind"]), each.difficulty)
            for each in questions
        }
        return cls(Counter(sorts.values()), sorts)

    def cells(self, without: Collection[str]) -> list[Cell]:
        less = Counter(self.sorts[each] for each in without if each in self.sorts)
        return [
            Cell(at, *sort, count - less[sort])
            for at, (sort, count) in enumerate(self.counts.items())
        ]


def lay_down(
    session: Session,
    owner_id: int,
    field_code: str,
    bank: Bank,
    questions: Sequence[Written],
    names: Mapping[str, str],
    now: datetime,
) -> int:
    """A new bank of the importer's own, its pictures under ``names``; its id.

    Raises:
        NotAllowed: they bring no questions any more.
    """
    person = session.get_one(Person, owner_id)
    brought = [_named(each, names) for each in questions]
    return carrying.lay_down(session, person, bank.title, field_code, brought, now).id


def _named(written: Written, names: Mapping[str, str]) -> Written:
    if not _pictures(written):
        return written
    return writing.checked(
        renamed(written.question, names),
        point=written.point,
        difficulty=written.difficulty,
        passage=renamed(written.passage, names),
    )


def _pictures(written: Written) -> set[str]:
    told = json.dumps(written.document, ensure_ascii=False)
    return richtext.pictures(told) | set(documents.hotspots({"questions": [written.question]}))

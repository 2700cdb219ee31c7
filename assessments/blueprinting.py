"""Writing a blueprint: what its bank holds for each line, what keeps it from being drawn, and
what a draw might look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import drafting, frozen, prints
from assessments.banks import drawing, keeping, pools
from assessments.banks.models import Bank
from assessments.blueprints import Blueprint, Line
from assessments.models import Paper, PaperEditor
from assessments.papers import Paper as Document
from zhixin.errors import NotFound
from zhixin.people.models import Person


@dataclass(frozen=True, slots=True)
class Row:
    """A line and how many questions its bank holds for it alone."""

    line: Line
    held: int

    @property
    def enough(self) -> bool:
        return self.held >= self.line.count


def banks(session: Session, paper: Paper, person: Person) -> Sequence[Bank]:
    """The banks that a person may choose for a paper: their own, shared ones, and the one that
    the paper has already, if one of its authors may use it."""
    chosen = _blueprint(paper)
    mine = [*keeping.drawable(session, [person.id])]
    if chosen is not None and chosen.bank not in {each.id for each in mine}:
        shared = keeping.drawable(session, authors(session, paper))
        mine += [each for each in shared if each.id == chosen.bank]
    return mine


def authors(session: Session, paper: Paper) -> set[int]:
    """Who writes a paper."""
    query = sa.select(PaperEditor.person_id).where(PaperEditor.paper_id == paper.id)
    return {paper.owner_id, *session.scalars(query)}


def put(
    session: Session,
    paper_id: int,
    person: Person,
    blueprint: Blueprint | None,
    revision: int,
    now: datetime,
) -> Paper:
    """Give a paper a blueprint, or take it away.

    Raises:
        NotFound: not this author's paper, or a bank that they may not use.
        InvalidPaper, PaperChanged: as for ``drafting.save``.
    """
    paper = drafting.get(session, paper_id, person.id)
    if blueprint and blueprint.bank not in {each.id for each in banks(session, paper, person)}:
        raise NotFound("没有这个题库，或您不能使用它")
    told = blueprint.model_dump(mode="json") if blueprint else None
    return drafting.describe(session, paper_id, person.id, {"blueprint": told}, revision, now)


def rows(session: Session, paper: Paper, blueprint: Blueprint) -> list[Row]:
    cells = pools.held(session, blueprint.bank, _own(paper))
    return [
        Row(line, sum(cell.count for cell in cells if asked.admits(cell)))
        for line, asked in zip(blueprint.lines, pools.lines(blueprint), strict=True)
    ]


def problems(session: Session, paper: Paper) -> list[str]:
    """In words why a paper's blueprint cannot be drawn now; nothing: it can, or there is none."""
    blueprint = _blueprint(paper)
    if blueprint is None:
        return []
    if blueprint.bank not in {
        each.id for each in keeping.drawable(session, authors(session, paper))
    }:
        return ["抽题的题库不存在，或作者不能使用它"]
    cells = pools.held(session, blueprint.bank, _own(paper))
    return drawing.shortages(pools.lines(blueprint), cells)


def example(session: Session, paper: Paper, seed: str) -> Document:
    """A paper as an attempt might have it, drawn from the bank as it is now.

    Raises:
        NotEnough: the bank cannot fill the blueprint, or is none of its authors'.
    """
    base = drafting.Draft.from_document(paper.document)
    if base.blueprint is None:
        return base
    if said := problems(session, paper):
        raise drawing.NotEnough("；".join(said))
    versions = pools.preview(session, base.blueprint, _own(paper), seed)
    return frozen.whole(session, base, {"versions": versions})


def _blueprint(paper: Paper) -> Blueprint | None:
    return drafting.Draft.from_document(paper.document).blueprint


def _own(paper: Paper) -> frozenset[str]:
    return prints.of_paper(drafting.Draft.from_document(paper.document))

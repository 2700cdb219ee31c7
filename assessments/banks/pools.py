"""What a published paper draws from: a bank's accepted questions as they were, and each draw.

A pool is kept under the hash of all that is in it, contents included, and never changes, so it
is read once in each process; a draw then touches no table. Questions that the same lines admit
are one cell, which keeps it small. A draw depends on the pool, the lines, the seed and what was
seen; all of it is kept with the attempt, so that anybody may draw it again.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import blueprints
from assessments.banks import drawing, places
from assessments.banks.drawing import Cell, NotEnough, Spot
from assessments.banks.models import BankCell, BankQuestion, BankVersion, QuestionPool
from assessments.blueprints import Blueprint, Line
from assessments.questions import Question, QuestionKind
from zhixin.errors import NotFound

#: Of these rules. A draw names the version that made it.
VERSION = 1
#: Pools and questions that a process keeps: some megabytes for the largest pool.
_MOST, _MOST_QUESTIONS = 20, 20_000
_CHUNK = 500
_kept: OrderedDict[str, Pool] = OrderedDict()
_questions: OrderedDict[str, tuple[Question, str | None]] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Pool:
    """``questions`` and ``versions``: ids by cell, the questions in rising order."""

    cells: tuple[Cell, ...]
    questions: tuple[array[int], ...]
    versions: tuple[array[int], ...]

    def spots(self, seen: Collection[int]) -> list[Spot]:
        """Where questions stand; those that are not in it are left out."""
        found: list[Spot] = []
        for question in sorted(seen):
            for cell, ids in enumerate(self.questions):
                place = bisect_left(ids, question)
                if place < len(ids) and ids[place] == question:
                    found.append((cell, place))
                    break
        return found


def lines(blueprint: Blueprint) -> list[drawing.Line]:
    return [
        drawing.Line(line.count, line.point, line.kind, line.low, line.high)
        for line in blueprint.lines
    ]


def held(session: Session, bank_id: int, without: Collection[str] = ()) -> list[Cell]:
    """How many accepted questions a bank has of each sort now.

    Args:
        without: questions by their prints that are not counted: the paper has them itself.
    """
    query = sa.select(
        BankCell.id, BankCell.point, BankCell.kind, BankCell.difficulty, BankCell.count
    ).where(BankCell.bank_id == bank_id, BankCell.count > 0)
    less: dict[int, int] = {}
    if without:
        same = sa.select(BankQuestion.cell_id).where(
            BankQuestion.bank_id == bank_id, BankQuestion.accepted_print.in_(without)
        )
        for cell_id in session.scalars(same):
            less[cell_id or 0] = less.get(cell_id or 0, 0) + 1
    return [
        Cell(id, point, QuestionKind(kind), difficulty, count - less.get(id, 0))
        for id, point, kind, difficulty, count in session.execute(query)
    ]


def freeze(session: Session, blueprint: Blueprint, without: Collection[str], now: datetime) -> str:
    """Keep all that a blueprint may draw from now; the hash under which it is kept.

    Raises:
        NotEnough: it cannot be filled, in words.
    """
    places.hold(session, blueprint.bank)
    wanted = lines(blueprint)
    cells = held(session, blueprint.bank, without)
    if problems := drawing.shortages(wanted, cells):
        raise NotEnough("；".join(problems))
    merged: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    first: dict[tuple[int, ...], Cell] = {}
    prints = hashlib.sha256()
    by_cell = {}
    for cell in sorted(cells, key=lambda each: (each.point, each.kind, each.difficulty)):
        if admitted := tuple(at for at, line in enumerate(wanted) if line.admits(cell)):
            by_cell[cell.id] = admitted
            first.setdefault(admitted, cell)
    for cell_id, question, version, sha256 in _accepted(session, by_cell, frozenset(without)):
        merged.setdefault(by_cell[cell_id], []).append((question, version))
        prints.update(b"%d %d %s\n" % (question, version, sha256.encode()))
    kept, members = [], array("q")
    for admitted in sorted(merged):
        cell, found = first[admitted], sorted(merged[admitted])
        kept.append([cell.point, str(cell.kind), cell.difficulty, len(found)])
        members.extend(question for question, _version in found)
        members.extend(version for _question, version in found)
    document: dict[str, Any] = {
        "bank": blueprint.bank,
        "cells": kept,
        "contents": prints.hexdigest(),
    }
    packed = _packed(members)
    name = hashlib.sha256(rfc8785.dumps(document) + packed).hexdigest()
    if session.get(QuestionPool, name) is None:
        session.add(QuestionPool(sha256=name, document=document, members=packed, made_at=now))
        session.flush()
    return name


def _accepted(
    session: Session, cell_ids: Iterable[int], without: frozenset[str]
) -> Iterable[tuple[int, int, int, str]]:
    """(cell, question, accepted version, its hash), by question."""
    wanted = sorted(cell_ids)
    rows: list[tuple[int, int, int, str]] = []
    for at in range(0, len(wanted), _CHUNK):
        query = (
            sa.select(
                BankQuestion.cell_id, BankQuestion.id, BankVersion.id, BankVersion.sha256,
                BankQuestion.accepted_print,
            )
            .join(BankVersion, BankVersion.question_id == BankQuestion.id)
            .where(
                BankVersion.number == BankQuestion.accepted_number,
                BankQuestion.cell_id.in_(wanted[at : at + _CHUNK]),
            )
        )  # fmt: skip
        rows += [
            (cell or 0, question, version, sha256)
            for cell, question, version, sha256, print_ in session.execute(query)
            if print_ not in without
        ]
    return sorted(rows, key=lambda row: row[1])


def pool(session: Session, sha256: str) -> Pool:
    """A pool by its hash.

    Raises:
        NotFound: there is none.
    """
    with _lock:
        found = _kept.get(sha256)
        if found is not None:
            _kept.move_to_end(sha256)
            return found
    row = session.get(QuestionPool, sha256)
    if row is None:
        raise NotFound
    members, cells, at = _unpacked(row.members), [], 0
    questions, versions = [], []
    for id, (point, kind, difficulty, count) in enumerate(row.document["cells"]):
        cells.append(Cell(id, point, QuestionKind(kind), difficulty, count))
        questions.append(members[at : at + count])
        versions.append(members[at + count : at + 2 * count])
        at += 2 * count
    found = Pool(tuple(cells), tuple(questions), tuple(versions))
    session.expunge(row)
    with _lock:
        _kept[sha256] = found
        while len(_kept) > _MOST:
            _kept.popitem(last=False)
    return found


def draw(
    session: Session, blueprint: Blueprint, seed: str, seen: Collection[int]
) -> dict[str, Any]:
    """An attempt's draw, as it is kept: by which rules, what was seen, and versions by line.

    Args:
        blueprint: a frozen one.
        seen: ids of the bank's questions that are drawn only if there are no others.
    """
    found = pool(session, blueprint.pool or "")
    spots = found.spots(seen)
    each = drawing.draw(lines(blueprint), found.cells, seed, spots)
    return {
        "rules": VERSION,
        "seen": sorted(found.questions[cell][place] for cell, place in spots),
        "versions": [[found.versions[cell][place] for cell, place in line] for line in each],
    }


def questions_of(session: Session, draws: Iterable[Mapping[str, Any]]) -> set[int]:
    """The bank's questions, whatever their version, that these draws held."""
    versions = {id for drawn in draws for line in drawn["versions"] for id in line}
    found: set[int] = set()
    wanted = sorted(versions)
    for at in range(0, len(wanted), _CHUNK):
        query = sa.select(BankVersion.question_id).where(
            BankVersion.id.in_(wanted[at : at + _CHUNK])
        )
        found.update(session.scalars(query))
    return found


def preview(
    session: Session, blueprint: Blueprint, without: Collection[str], seed: str
) -> list[list[int]]:
    """Versions by line that the bank as it is now might give; nothing is kept.

    Raises:
        NotEnough: it cannot be filled, in words.
    """
    wanted = lines(blueprint)
    cells = [cell for cell in held(session, blueprint.bank) if any(w.admits(cell) for w in wanted)]
    taken = session.execute(
        sa.select(BankQuestion.cell_id, BankQuestion.place).where(
            BankQuestion.bank_id == blueprint.bank, BankQuestion.accepted_print.in_(without)
        )
    )
    hidden = {(cell or 0, place or 0) for cell, place in taken}
    spots = drawing.draw(wanted, cells, seed, hidden)
    if hidden.intersection(spot for line in spots for spot in line):
        raise NotEnough(
            "；".join(drawing.shortages(wanted, held(session, blueprint.bank, without)))
        )
    found = _at(session, [spot for line in spots for spot in line])
    return [[found[spot] for spot in line if spot in found] for line in spots]


def _at(session: Session, spots: Sequence[Spot]) -> dict[Spot, int]:
    """Accepted versions by where they stand now."""
    query = (
        sa.select(BankQuestion.cell_id, BankQuestion.place, BankVersion.id)
        .join(BankVersion, BankVersion.question_id == BankQuestion.id)
        .where(
            BankVersion.number == BankQuestion.accepted_number,
            sa.or_(
                *(
                    sa.and_(BankQuestion.cell_id == cell, BankQuestion.place == place)
                    for cell, place in spots
                )
            ),
        )
    )
    return {(cell or 0, place or 0): version for cell, place, version in session.execute(query)}


def names(session: Session, version_ids: Iterable[int]) -> dict[int, str]:
    """The hashes of versions, by which this process keeps them; a session reads each once."""
    known: dict[int, str] = session.info.setdefault("bank_versions", {})
    missing = sorted({*version_ids} - known.keys())
    for at in range(0, len(missing), _CHUNK):
        query = sa.select(BankVersion.id, BankVersion.sha256).where(
            BankVersion.id.in_(missing[at : at + _CHUNK])
        )
        known.update((id, sha256) for id, sha256 in session.execute(query))
    return known


def asked(session: Session, version_ids: Sequence[int]) -> dict[int, tuple[Question, str | None]]:
    """Questions of a bank as they are in it, with the text that they ask about."""
    known = names(session, version_ids)
    with _lock:
        found = {id: _questions[known[id]] for id in version_ids if known.get(id) in _questions}
    missing = sorted({*version_ids} - found.keys())
    for at in range(0, len(missing), _CHUNK):
        query = sa.select(BankVersion.id, BankVersion.document).where(
            BankVersion.id.in_(missing[at : at + _CHUNK])
        )
        for id, text in session.execute(query):
            kept = json.loads(text)
            found[id] = Question.model_validate(kept["question"]), kept.get("passage")
    with _lock:
        for id in missing:
            if id in found:
                _questions[known[id]] = found[id]
        while len(_questions) > _MOST_QUESTIONS:
            _questions.popitem(last=False)
    return found


def drawn(
    session: Session, chosen: Sequence[tuple[Line, Sequence[int]]]
) -> tuple[list[Question], dict[str, str]]:
    """Versions by line as questions of a paper, and the texts that they ask about by id."""
    found = asked(session, [id for _line, ids in chosen for id in ids])
    questions, passages = [], {}
    for line, ids in chosen:
        for id in ids:
            if id not in found:
                raise NotFound
            question, text = found[id]
            made = blueprints.in_paper(question, id, line.points)
            questions.append(made)
            if made.passage and text:
                passages[made.passage] = text
    return questions, passages


def _packed(members: array[int]) -> bytes:
    if sys.byteorder == "big":
        members = array("q", members)
        members.byteswap()
    return members.tobytes()


def _unpacked(packed: bytes) -> array[int]:
    members = array("q")
    members.frombytes(packed)
    if sys.byteorder == "big":
        members.byteswap()
    return members

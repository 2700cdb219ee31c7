"""Which questions of a bank are alike: candidates by the bands that the database keeps."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments.banks import likeness
from assessments.banks.likeness import Sketch
from assessments.banks.models import BankBand, BankQuestion, BankVersion

#: Candidates that are compared letter by letter, those with the most bands first.
MOST_COMPARED, MOST_TOLD = 30, 5
_CHUNK = 40


@dataclass(frozen=True, slots=True)
class Alike:
    """A question of the bank that says nearly the same."""

    question_id: int
    percent: int
    stem: str


def note(session: Session, bank_id: int, questions: Iterable[tuple[int, Sketch]]) -> None:
    """Keep the bands of new versions: (question's id, sketch)."""
    rows = [
        {"bank_id": bank_id, "band": band, "question_id": id}
        for id, sketch in questions
        for band in sorted(set(sketch.bands))
    ]
    bands = BankBand.metadata.tables[BankBand.__tablename__]  # past the mapper: twice as fast
    for at in range(0, len(rows), 10_000):
        session.execute(sa.insert(bands), rows[at : at + 10_000])


def forget(session: Session, question_id: int) -> None:
    """A version is no longer the newest."""
    session.execute(sa.delete(BankBand).where(BankBand.question_id == question_id))


def of(
    session: Session, bank_id: int, question: Mapping[str, Any], *, but: int | None = None
) -> list[Alike]:
    """What the bank holds that is like this question, the likest first; ``but`` itself."""
    return of_many(session, bank_id, [Sketch.of(question)], but=but)[0]


def of_many(
    session: Session,
    bank_id: int,
    sketches: Sequence[Sketch],
    *,
    but: int | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> list[list[Alike]]:
    """The same for several, with few questions to the database."""
    found: list[list[Alike]] = []
    for at in range(0, len(sketches), _CHUNK):
        found += _of(session, bank_id, sketches[at : at + _CHUNK], but)
        progress(len(found))
    return found


def within(
    sketches: Iterable[Sketch], progress: Callable[[int], None] = lambda done: None
) -> dict[int, tuple[int, int]]:
    """Questions of one file that are like an earlier one: place → (earlier place, percent)."""
    seen: defaultdict[int, list[int]] = defaultdict(list)
    texts: list[Sequence[str]] = []
    found: dict[int, tuple[int, int]] = {}
    for at, mine in enumerate(sketches):
        texts.append(mine.pieces)
        shared: defaultdict[int, int] = defaultdict(int)
        for band in mine.bands:
            for earlier in seen[band][:MOST_COMPARED]:
                shared[earlier] += 1
            seen[band].append(at)
        likest = sorted(shared, key=lambda each: (-shared[each], each))[:MOST_COMPARED]
        best = max(
            ((likeness.percent(mine.pieces, texts[each]), -each) for each in likest),
            default=(0, 0),
        )
        if best[0] >= likeness.ALIKE:
            found[at] = (-best[1], best[0])
        progress(at + 1)
    return found


def _of(
    session: Session, bank_id: int, sketches: Sequence[Sketch], but: int | None
) -> list[list[Alike]]:
    texts = [each.pieces for each in sketches]
    bands = [set(each.bands) for each in sketches]
    wanted = set().union(*bands) if bands else set()
    having: defaultdict[int, list[int]] = defaultdict(list)
    if wanted:
        query = sa.select(BankBand.band, BankBand.question_id).where(
            BankBand.bank_id == bank_id, BankBand.band.in_(sorted(wanted))
        )
        for band, id in session.execute(query):
            if id != but:
                having[band].append(id)
    candidates = [_likest(mine, having) for mine in bands]
    known = _texts(session, {id for each in candidates for id in each})
    return [
        _alike(mine, [(id, *known[id]) for id in ids if id in known])
        for mine, ids in zip(texts, candidates, strict=True)
    ]


def _likest(mine: set[int], having: Mapping[int, Sequence[int]]) -> list[int]:
    shared: defaultdict[int, int] = defaultdict(int)
    for band in mine:
        for id in having.get(band, ()):
            shared[id] += 1
    return sorted(shared, key=lambda id: (-shared[id], id))[:MOST_COMPARED]


def _texts(session: Session, ids: set[int]) -> dict[int, tuple[str, list[str]]]:
    found: dict[int, tuple[str, list[str]]] = {}
    ordered = sorted(ids)
    for at in range(0, len(ordered), 500):
        query = (
            sa.select(BankQuestion.id, BankQuestion.stem, BankVersion.document)
            .join(BankVersion, BankVersion.question_id == BankQuestion.id)
            .where(
                BankQuestion.id.in_(ordered[at : at + 500]),
                BankVersion.number == BankQuestion.newest_number,
            )
        )
        for id, stem, text in session.execute(query):
            found[id] = stem, likeness.pieces(json.loads(text)["question"])
    return found


def _alike(mine: Sequence[str], others: Sequence[tuple[int, str, list[str]]]) -> list[Alike]:
    found = [Alike(id, likeness.percent(mine, theirs), stem) for id, stem, theirs in others]
    told = sorted(
        (each for each in found if each.percent >= likeness.ALIKE),
        key=lambda each: (-each.percent, each.question_id),
    )
    return told[:MOST_TOLD]

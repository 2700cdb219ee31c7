"""Frozen papers, parsed once in each process, and which of their questions are under examination.

What is kept is named by the hash of its content, so it can never be out of date.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import blueprints, corrections, drafting, papers
from assessments.banks import pools
from assessments.models import Attempt, AttemptState, PaperVersion
from assessments.prints import fingerprint
from zhixin.errors import NotFound

#: Papers that a process keeps; one of fifty questions takes about 200 kB.
_MOST = 100
_kept: OrderedDict[str, papers.Paper] = OrderedDict()
_prints: dict[str, dict[str, str]] = {}
#: Of drawn questions, by the hash of their version in the bank.
_drawn_prints: OrderedDict[str, str] = OrderedDict()
_MOST_DRAWN = 20_000
_lock = threading.Lock()


def paper(session: Session, paper_version_id: int) -> papers.Paper:
    """The paper of a frozen version, with its keys.

    Raises:
        NotFound: there is no such version.
    """
    query = sa.select(PaperVersion.sha256).where(PaperVersion.id == paper_version_id)
    sha256 = session.scalar(query)
    if sha256 is None:
        raise NotFound
    return kept(session, paper_version_id, sha256)


def kept(session: Session, paper_version_id: int, sha256: str) -> papers.Paper:
    """The same, for who knows the version's hash already."""
    with _lock:
        found = _kept.get(sha256)
        if found is not None:
            _kept.move_to_end(sha256)
            return found
    found = drafting.load(session.get_one(PaperVersion, paper_version_id))
    with _lock:
        _kept[sha256] = found
        while len(_kept) > _MOST:
            _prints.pop(_kept.popitem(last=False)[0], None)
    return found


def known(hashes: Mapping[int, str]) -> dict[int, papers.Paper]:
    """The papers that this process keeps already, by version; ``hashes`` by version."""
    with _lock:
        return {id: _kept[sha256] for id, sha256 in hashes.items() if sha256 in _kept}


def whole(session: Session, base: papers.Paper, drawn: Mapping[str, Any] | None) -> papers.Paper:
    """A paper with what was drawn for an attempt: as if its author had written just that."""
    if base.blueprint is None or drawn is None:
        return base
    chosen = list(zip(base.blueprint.lines, drawn["versions"], strict=True))
    questions, texts = pools.drawn(session, chosen)
    passages = [papers.Passage(id=id, text=text) for id, text in texts.items()]
    return base.model_copy(
        update={
            "questions": (*base.questions, *questions),
            "passages": (*base.passages, *passages),
            "blueprint": None,
        }
    )


def of_attempt(session: Session, attempt: Attempt) -> papers.Paper:
    """The paper as this attempt has it, with the keys that count now."""
    return _with_keys(session, paper(session, attempt.paper_version_id), attempt)


def with_keys(session: Session, attempt: Attempt, sha256: str) -> papers.Paper:
    """The same, for who knows the version's hash already."""
    return _with_keys(session, kept(session, attempt.paper_version_id, sha256), attempt)


def _with_keys(session: Session, base: papers.Paper, attempt: Attempt) -> papers.Paper:
    found = whole(session, base, attempt.drawn)
    return corrections.over(found, corrections.in_force(session, attempt.paper_version_id))


def asked(
    session: Session, paper_version_id: int, drawn: Mapping[str, Any] | None
) -> dict[str, papers.Question]:
    """An attempt's questions by their ids."""
    found = whole(session, paper(session, paper_version_id), drawn)
    return {question.id: question for question in found.questions}


def question(
    session: Session, paper_version_id: int, question_id: str
) -> tuple[papers.Question, str | None]:
    """One question that a version asks or may draw, with the key that counts now and the text
    that it asks about.

    Raises:
        NotFound: it has no such question.
    """
    asked, text = _question(session, paper_version_id, question_id)
    made = corrections.in_force(session, paper_version_id)
    return corrections.corrected(asked, made), text


def _question(
    session: Session, paper_version_id: int, question_id: str
) -> tuple[papers.Question, str | None]:
    found = paper(session, paper_version_id)
    version = blueprints.version_of(question_id)
    if version is not None and found.blueprint is not None:
        kept = pools.asked(session, [version]).get(version)
        if kept is None:
            raise NotFound
        return blueprints.in_paper(kept[0], version, kept[0].points), kept[1]
    own = next((each for each in found.questions if each.id == question_id), None)
    if own is None:
        raise NotFound
    texts = {passage.id: passage.text for passage in found.passages}
    return own, texts.get(own.passage or "")


def print_of(session: Session, paper_version_id: int, question_id: str) -> str:
    """The fingerprint of one question of a version."""
    own = _prints_of(session, paper_version_id)
    version = blueprints.version_of(question_id)
    if version is None or question_id in own:
        return own[question_id]
    name = pools.names(session, [version]).get(version)
    if name is None:
        raise NotFound
    return drawn_print(name, lambda: pools.asked(session, [version])[version][0])


def drawn_print(name: str, asked: Callable[[], papers.Question]) -> str:
    """The fingerprint of a question of a bank, by the hash of its version."""
    with _lock:
        known = _drawn_prints.get(name)
    if known is None:
        known = fingerprint(asked())
        with _lock:
            _drawn_prints[name] = known
            while len(_drawn_prints) > _MOST_DRAWN:
                _drawn_prints.popitem(last=False)
    return known


def _prints_of(session: Session, paper_version_id: int) -> Mapping[str, str]:
    query = sa.select(PaperVersion.sha256).where(PaperVersion.id == paper_version_id)
    return _printed(session, paper_version_id, session.scalars(query).one())


def _printed(session: Session, paper_version_id: int, sha256: str) -> Mapping[str, str]:
    return prints(sha256, kept(session, paper_version_id, sha256))


def prints(sha256: str, paper: papers.Paper) -> Mapping[str, str]:
    """The fingerprints of a paper's own questions, kept as long as the paper."""
    with _lock:
        known = _prints.get(sha256)
    if known is None:
        known = {question.id: fingerprint(question) for question in paper.questions}
        with _lock:
            if sha256 in _kept:
                _prints[sha256] = known
    return known


def fingerprints(paper: papers.Paper) -> frozenset[str]:
    return frozenset(map(fingerprint, paper.questions))


def under_examination(session: Session, person_id: int) -> frozenset[str]:
    """The questions, by fingerprint, of all papers that this person is answering now."""
    query = (
        sa.select(PaperVersion.id, PaperVersion.sha256, Attempt.drawn)
        .join(Attempt, Attempt.paper_version_id == PaperVersion.id)
        .where(Attempt.person_id == person_id, Attempt.state == AttemptState.OPEN)
    )
    found: set[str] = set()
    for version, sha256, drawn in session.execute(query):
        found.update(_printed(session, version, sha256).values())
        lines = drawn["versions"] if drawn else ()
        pools.asked(session, [id for line in lines for id in line])  # read at once
        for line in lines:
            found.update(print_of(session, version, blueprints.drawn_id(id)) for id in line)
    return frozenset(found)

"""Writing a paper: the author's document, changed whole or question by question, and frozen.

A draft is a sound paper that may have no questions yet. Every change names the question by an
id made before the form was sent, and a place by its number: asked for twice, it happens once.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Self

import rfc8785
import sqlalchemy as sa
from pydantic import model_validator as check
from sqlalchemy.orm import Session

from assessments import papers, prints
from assessments.banks import pools
from assessments.errors import PaperChanged
from assessments.models import Paper, PaperEditor, PaperVersion
from assessments.questions.base import wrong
from zhixin.errors import NotFound


class Draft(papers.Paper):
    """A paper being written: it may have no questions yet."""

    @check(mode="after")
    def _sound(self) -> Self:
        if self.blueprint and self.blueprint.pool:
            raise wrong("抽题范围在提交审核时才固定")
        if self.questions or self.blueprint:
            super()._sound()  # type: ignore[operator]  # a validator, wrapped by pydantic
        return self


def create(session: Session, *, owner_id: int, title: str, now: datetime) -> Paper:
    """A new paper without questions.

    Raises:
        InvalidPaper: the title is empty or too long.
    """
    document = _checked({"title": title, "questions": []})
    paper = Paper(owner_id=owner_id, document=document, revision=0, updated_at=now)
    session.add(paper)
    session.flush()
    return paper


def get(session: Session, paper_id: int, owner_id: int) -> Paper:
    """The author's own paper.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    return _own(session, sa.select(Paper).where(Paper.id == paper_id), owner_id)


def save(
    session: Session,
    paper_id: int,
    owner_id: int,
    document: Mapping[str, Any],
    revision: int,
    now: datetime,
) -> Paper:
    """Replace the document that was read at ``revision``.

    Raises:
        NotFound: not this author's paper.
        InvalidPaper: the document is unsound; ``facts['problems']`` lists everything.
        PaperChanged: the paper is no longer at ``revision``.
    """
    paper = _lock(session, paper_id, owner_id)
    return _put(paper, _checked(document), revision, now)


def mine(person_id: int) -> sa.ColumnElement[bool]:
    """The condition that a paper is this person's to write: its owner's, or shared with them."""
    shared = sa.select(PaperEditor.paper_id).where(PaperEditor.person_id == person_id)
    return sa.or_(Paper.owner_id == person_id, Paper.id.in_(shared))


def let_edit(session: Session, paper_ids: Collection[int], person_ids: Collection[int]) -> None:
    """Say who may write these papers beside their owners; whoever else might no longer may."""
    session.execute(sa.delete(PaperEditor).where(PaperEditor.paper_id.in_(paper_ids)))
    session.add_all(
        PaperEditor(paper_id=paper_id, person_id=person_id)
        for paper_id in paper_ids
        for person_id in person_ids
    )
    session.flush()


def question_id() -> str:
    """An id for a new question; it says nothing about order or key."""
    return secrets.token_hex(6)


def question_of(paper: Paper, wanted: str) -> dict[str, Any]:
    """One question's document.

    Raises:
        NotFound: the paper has no such question.
    """
    return questions_of(paper)[_place(paper, wanted)]


def questions_of(paper: Paper) -> list[dict[str, Any]]:
    """The questions' documents, in order, with their keys: for the author."""
    questions: list[dict[str, Any]] = paper.document["questions"]
    return list(questions)


def written(paper: Paper) -> tuple[papers.Question, ...]:
    """The questions of a paper being written, checked."""
    return Draft.from_document(paper.document).questions


def add_question(
    session: Session,
    paper_id: int,
    owner_id: int,
    added: Mapping[str, Any],
    now: datetime,
) -> Paper:
    """Append a question; the same one sent twice is added once.

    Raises:
        NotFound, InvalidPaper: as for :func:`save`.
        PaperChanged: another question has this id.
    """
    paper = _lock(session, paper_id, owner_id)
    questions = questions_of(paper)
    known = [place for place, each in enumerate(questions) if each["id"] == added.get("id")]
    if not known:
        return _put(paper, _with(paper, [*questions, added]), paper.revision, now)
    if _with(paper, [*questions[: known[0]], added, *questions[known[0] + 1 :]]) != paper.document:
        raise PaperChanged
    return paper


def append(
    session: Session,
    paper_id: int,
    owner_id: int,
    questions: Sequence[Mapping[str, Any]],
    passages: Sequence[Mapping[str, Any]],
    now: datetime,
) -> Paper:
    """Put many questions behind those there are, with the texts that they ask about.

    Raises:
        NotFound, InvalidPaper: as for :func:`save`; nothing is changed.
    """
    paper = _lock(session, paper_id, owner_id)
    used = {question.get("passage") for question in questions}
    known = list(paper.document.get("passages", ()))
    ids = {passage["id"] for passage in known}
    known += [each for each in passages if each["id"] in used - ids]
    document = {**paper.document, "questions": [*questions_of(paper), *questions]}
    if known:
        document["passages"] = known
    return _put(paper, _checked(document), paper.revision, now)


def update_question(
    session: Session,
    paper_id: int,
    owner_id: int,
    changed: Mapping[str, Any],
    revision: int,
    now: datetime,
) -> Paper:
    """Replace the question with ``changed``'s id, read at the paper's ``revision``.

    Raises:
        NotFound, InvalidPaper, PaperChanged: as for :func:`save`.
    """
    paper = _lock(session, paper_id, owner_id)
    questions: list[Mapping[str, Any]] = [*questions_of(paper)]
    questions[_place(paper, str(changed.get("id")))] = changed
    return _put(paper, _with(paper, questions), revision, now)


def move_question(
    session: Session, paper_id: int, owner_id: int, moved: str, to: int, now: datetime
) -> Paper:
    """Put a question at place ``to`` (from 0; beyond the ends means the end).

    Raises:
        NotFound: not this author's paper, or no such question.
    """
    paper = _lock(session, paper_id, owner_id)
    questions = questions_of(paper)
    taken = questions.pop(_place(paper, moved))
    questions.insert(max(0, to), taken)
    return _put(paper, _with(paper, questions), paper.revision, now)


def delete_question(
    session: Session, paper_id: int, owner_id: int, deleted: str, now: datetime
) -> Paper:
    """Take a question out; one that is gone already is no error.

    Raises:
        NotFound: not this author's paper.
    """
    paper = _lock(session, paper_id, owner_id)
    left = [each for each in questions_of(paper) if each["id"] != deleted]
    return _put(paper, _with(paper, left), paper.revision, now)


def describe(
    session: Session,
    paper_id: int,
    owner_id: int,
    facts: Mapping[str, Any],
    revision: int,
    now: datetime,
) -> Paper:
    """Change what stands above the questions: ``title``, ``pass_mark``, ``marking``.

    Raises:
        NotFound, InvalidPaper, PaperChanged: as for :func:`save`.
    """
    paper = _lock(session, paper_id, owner_id)
    return _put(paper, _checked({**paper.document, **facts}), revision, now)


def put_passage(
    session: Session, paper_id: int, owner_id: int, id: str, text: str, revision: int, now: datetime
) -> Paper:
    """Write a passage: a new id appends it, no text takes it away and its questions stay alone.

    Raises:
        NotFound, InvalidPaper, PaperChanged: as for :func:`save`.
    """
    paper = _lock(session, paper_id, owner_id)
    before: list[dict[str, Any]] = paper.document.get("passages", [])
    written = {each["id"]: each["text"] for each in before} | {id: text}
    passages = [{"id": id, "text": text} for id, text in written.items() if text.strip()]
    kept = {each["id"] for each in passages}
    questions = [
        each if each.get("passage") in {None, *kept} else {**each, "passage": None}
        for each in questions_of(paper)
    ]
    facts = {"passages": passages, "questions": questions}
    return _put(paper, _checked({**paper.document, **facts}), revision, now)


def freeze(session: Session, paper_id: int, now: datetime) -> PaperVersion:
    """The paper as it is now, for good: the same content is the same version.

    Of a blueprint that is its lines and all that the bank has for them now; what becomes of the
    bank changes nothing of it. Who may do so is the caller's question.

    Raises:
        NotFound: there is no such paper.
        InvalidPaper: it can't be published, as it has no questions or is unsound.
        NotEnough: the bank cannot fill its blueprint.
    """
    paper = session.get(Paper, paper_id, with_for_update=True, populate_existing=True)
    if paper is None:
        raise NotFound
    whole = papers.Paper.from_document(paper.document)
    if whole.blueprint:
        pool = pools.freeze(session, whole.blueprint, prints.of_paper(whole), now)
        named = whole.blueprint.model_copy(update={"pool": pool})
        whole = whole.model_copy(update={"blueprint": named})
    document = whole.to_document()
    canonical = rfc8785.dumps(document)
    digest = hashlib.sha256(canonical).hexdigest()
    same = PaperVersion.paper_id == paper_id, PaperVersion.sha256 == digest
    if version := session.scalar(sa.select(PaperVersion).where(*same)):
        return version
    version = PaperVersion(
        paper_id=paper_id, document=canonical.decode(), sha256=digest, frozen_at=now
    )
    session.add(version)
    session.flush()
    return version


def load(version: PaperVersion) -> papers.Paper:
    """The paper of a frozen version, with its keys."""
    return papers.Paper.from_document(json.loads(version.document))


def _own(session: Session, query: sa.Select[Paper], owner_id: int) -> Paper:
    paper = session.scalar(query.where(mine(owner_id)))
    if paper is None:
        raise NotFound
    return paper


def _lock(session: Session, paper_id: int, owner_id: int) -> Paper:
    """The paper as it stands, kept from other writers until the transaction ends."""
    query = sa.select(Paper).where(Paper.id == paper_id).with_for_update()
    return _own(session, query.execution_options(populate_existing=True), owner_id)


def _put(paper: Paper, document: dict[str, Any], revision: int, now: datetime) -> Paper:
    if document == paper.document:
        return paper  # sent twice, or nothing changed
    if revision != paper.revision:
        raise PaperChanged
    paper.document, paper.revision, paper.updated_at = document, revision + 1, now
    return paper


def _with(
    paper: Paper, questions: list[Mapping[str, Any]] | list[dict[str, Any]]
) -> dict[str, Any]:
    return _checked({**paper.document, "questions": questions})


def _checked(document: Mapping[str, Any]) -> dict[str, Any]:
    return Draft.from_document(document).to_document()


def _place(paper: Paper, wanted: str) -> int:
    for place, each in enumerate(questions_of(paper)):
        if each["id"] == wanted:
            return place
    raise NotFound

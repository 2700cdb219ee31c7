"""Published questions whose key was mended since: what a regrade can be proposed for.

The author mends a question where it is written, the draft or the bank. What then differs from the
published one in nothing but the key is a candidate; what shows something else is another question.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from assessments import blueprints, corrections, drafting, frozen
from assessments.banks import pools
from assessments.banks.models import BankQuestion, BankVersion
from assessments.banks.writing import document as bank_document
from assessments.models import Paper, PaperVersion
from assessments.questions import Question
from assessments.regrade_models import IN_FORCE, KeyCorrection

#: Of a paper's frozen versions, the newest are searched for questions whose key was mended since.
MOST_VERSIONS = 50


@dataclass(frozen=True, slots=True)
class Candidate:
    """A published question whose key was mended since."""

    question_id: str
    before: Question
    after: Question

    @property
    def name(self) -> str:
        """Of this question as it was published, for forms."""
        return f"{self.question_id} {corrections.digest(self.before)}"


def candidates(session: Session, paper: Paper) -> list[Candidate]:
    """The published questions of a paper whose key was mended since."""
    found = {each.name: each for each in (*_own(session, paper), *_drawn(session, paper))}
    return list(found.values())


def _only_key(before: Question, after: Question) -> bool:
    """Is it the same question but for its key?"""
    if before.by_people or before.public() != after.public() or before.marking != after.marking:
        return False
    said = [each.model_dump(mode="json", exclude={"explanation"}) for each in (before, after)]
    return said[0] != said[1]


def _own(session: Session, paper: Paper) -> Iterator[Candidate]:
    draft = drafting.Draft.from_document(paper.document)
    mended = {question.id: question for question in draft.questions}
    texts = {passage.id: passage.text for passage in draft.passages}
    for version_id in session.scalars(_newest(paper)).all():
        made = corrections.in_force(session, version_id)
        published = corrections.over(frozen.paper(session, version_id), made)
        was = {passage.id: passage.text for passage in published.passages}
        for question in published.questions:
            after = mended.get(question.id)
            about = question.passage or ""  # the text that it asks about has not changed either
            if after and _only_key(question, after) and was.get(about) == texts.get(about):
                yield Candidate(question.id, question, after)


def _drawn(session: Session, paper: Paper) -> Iterator[Candidate]:
    """Questions that attempts draw, of which the bank has accepted another version since: as many
    queries for any number of attempts."""
    pooled, banks = set[int](), set[int]()
    for version_id in session.scalars(_newest(paper)).all():
        blueprint = frozen.paper(session, version_id).blueprint
        if blueprint is not None and blueprint.pool is not None:
            pool = pools.pool(session, blueprint.pool)
            banks.add(blueprint.bank)
            pooled.update(id for versions in pool.versions for id in versions)
    if not pooled:
        return
    made = session.scalars(
        sa.select(KeyCorrection)
        .where(KeyCorrection.paper_id == paper.id, KeyCorrection.state.in_(IN_FORCE))
        .order_by(KeyCorrection.id)
    ).all()
    found = {old: newest for old, newest in _replaced(session, banks) if old in pooled}
    published = pools.asked(session, sorted(found))
    for version_id, newest in found.items():
        kept, _text = published[version_id]
        before = corrections.corrected(blueprints.in_paper(kept, version_id, kept.points), made)
        mended = Question.model_validate(bank_document(newest)["question"])
        after = blueprints.in_paper(mended, version_id, kept.points)
        if _only_key(before, after):
            yield Candidate(before.id, before, after)


def _replaced(session: Session, banks: Collection[int]) -> Sequence[sa.Row[int, BankVersion]]:
    """(id, newest accepted version) of all older versions in these banks."""
    newer = aliased(BankVersion)
    return session.execute(
        sa.select(BankVersion.id, newer)
        .join(BankQuestion, BankQuestion.id == BankVersion.question_id)
        .join(
            newer,
            sa.and_(
                newer.question_id == BankQuestion.id,
                newer.number == BankQuestion.accepted_number,
            ),
        )
        .where(BankQuestion.bank_id.in_(banks), newer.number > BankVersion.number)
        .order_by(BankVersion.id)
    ).all()


def _newest(paper: Paper) -> sa.Select[int]:
    query = sa.select(PaperVersion.id).where(PaperVersion.paper_id == paper.id)
    return query.order_by(PaperVersion.id.desc()).limit(MOST_VERSIONS)

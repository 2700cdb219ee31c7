"""Corrected keys over what is published: the frozen paper stays, whoever grades or shows a key
looks through these.

Only the key differs: what a learner sees of a question is the same before and after.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import blueprints, papers
from assessments.models import Paper, PaperVersion
from assessments.questions import Question
from assessments.regrade_models import IN_FORCE, AttemptRegrade, KeyCorrection


def in_force(session: Session, paper_version_id: int) -> Sequence[KeyCorrection]:
    """The corrections of a version's paper, the first first."""
    return session.scalars(_MADE, {"paper_version_id": paper_version_id}).all()


def hold(session: Session, paper_version_id: int) -> None:
    """Until this transaction ends no correction of the paper comes into force: who grades with the
    keys of before is seen by the regrade. (On SQLite there is one writer at a time anyway.)"""
    if session.get_bind().dialect.name != "sqlite":
        session.execute(_HOLD, {"paper_version_id": paper_version_id})


# Asked by everybody who hands in: made once.
_MADE = (
    sa.select(KeyCorrection)
    .join(PaperVersion, PaperVersion.paper_id == KeyCorrection.paper_id)
    .where(PaperVersion.id == sa.bindparam("paper_version_id"), KeyCorrection.state.in_(IN_FORCE))
    .order_by(KeyCorrection.id)
)
_HOLD = (
    sa.select(Paper.id)
    .join(PaperVersion, PaperVersion.paper_id == Paper.id)
    .where(PaperVersion.id == sa.bindparam("paper_version_id"))
    .with_for_update(read=True, key_share=True, of=Paper)
)


def of_attempt(session: Session, attempt_id: int) -> Sequence[int]:
    """The corrections that changed an attempt's result."""
    query = sa.select(AttemptRegrade.correction_id).where(
        AttemptRegrade.attempt_id == attempt_id, AttemptRegrade.applied.is_(True)
    )
    return session.scalars(query).all()


def over(paper: papers.Paper, made: Sequence[KeyCorrection]) -> papers.Paper:
    """A paper under corrections."""
    if not made:
        return paper
    questions = tuple(corrected(question, made) for question in paper.questions)
    return paper.model_copy(update={"questions": questions})


def corrected(question: Question, made: Sequence[KeyCorrection]) -> Question:
    """A question under those corrections that are of it, one after the other."""
    for each in made:
        if each.question_id == question.id and _is_of(each, question):
            question = _as_in_paper(question, Question.model_validate(each.document))
    return question


def digest(question: Question) -> str:
    """Of a question with its key."""
    return hashlib.sha256(rfc8785.dumps(question.model_dump(mode="json"))).hexdigest()


def _is_of(correction: KeyCorrection, question: Question) -> bool:
    """A question of a bank is named by its version; one of the paper's own may have been written
    anew under the same id in a later version, which is none of the correction's business."""
    if blueprints.version_of(question.id) is not None:
        return True
    return digest(question) == correction.before_sha256


def _as_in_paper(stands: Question, key: Question) -> Question:
    version = blueprints.version_of(stands.id)
    return key if version is None else blueprints.in_paper(key, version, stands.points)

"""Passes that a corrected key would not give and that stand all the same: where the keys that
are shown now say another thing than the verdict."""

from __future__ import annotations

from collections.abc import Set

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import marking, papers, results
from assessments.grading import grade_paper
from assessments.models import Attempt
from assessments.regrade_models import AttemptRegrade


def contradicted(session: Session, attempt: Attempt, paper: papers.Paper) -> Set[str]:
    """The questions of a closed attempt whose marks are by the keys of before.

    Args:
        paper: as the attempt has it, with the keys that count now.
    """
    stands = sa.exists().where(
        AttemptRegrade.attempt_id == attempt.id, AttemptRegrade.applied.is_(False)
    )
    if attempt.result is None or not session.scalar(sa.select(stands)):
        return frozenset()
    graded = grade_paper(paper, attempt.answers, marking.given(session, attempt))
    now = results.document(graded)["questions"]
    was = attempt.result["questions"]
    return frozenset(id for id in was if now[id]["score"] != was[id]["score"])

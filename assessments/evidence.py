"""Attempts as an award's evidence, as they were at an instant, whatever was graded again since."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import rfc8785
import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import attempts
from assessments.models import Attempt, AttemptState, Grading, PaperVersion
from assessments.regrade_models import AttemptRegrade


def of_person(
    session: Session, person_id: int, scope: str, *, until: datetime
) -> list[dict[str, Any]]:
    """The attempts of ``scope`` closed by ``until``, with the results of that moment: JSON
    without floats.

    The answers stand in by their hash; they themselves stay with the attempt.
    """
    query = (
        sa.select(Attempt, PaperVersion.sha256)
        .join(PaperVersion, PaperVersion.id == Attempt.paper_version_id)
        .outerjoin(Grading, Grading.attempt_id == Attempt.id)
        .where(
            Attempt.person_id == person_id,
            Attempt.scope == scope,
            Attempt.state == AttemptState.CLOSED,
            Attempt.closed_at <= until,
            # What people grade counts from when they have all said.
            sa.or_(Grading.attempt_id.is_(None), Grading.final_at <= until),
        )
        .order_by(Attempt.paper_version_id, Attempt.number)
    )
    found = session.execute(query).all()
    again = _regrades(session, [attempt.id for attempt, _sha256 in found])
    return [_document(attempt, sha256, again[attempt.id], until) for attempt, sha256 in found]


def differing_draws(session: Session, person_id: int, scope: str) -> list[str]:
    """In words, attempts whose questions are not those that their seed and record of what was
    seen give when drawn again from the frozen pool."""
    query = sa.select(Attempt).where(
        Attempt.person_id == person_id, Attempt.scope == scope, Attempt.drawn.is_not(None)
    )
    return [
        f"第 {attempt.number} 次作答的题目与按种子重新抽取的不同"
        for attempt in session.scalars(query.order_by(Attempt.id))
        if attempts.redrawn(session, attempt) != attempt.drawn
    ]


def latest_regrade(session: Session, person_id: int, scope: str) -> datetime | None:
    """When an attempt of somebody was last graded again."""
    return session.scalar(
        sa.select(sa.func.max(AttemptRegrade.at))
        .join(Attempt, Attempt.id == AttemptRegrade.attempt_id)
        .where(Attempt.person_id == person_id, Attempt.scope == scope)
    )


def _regrades(session: Session, attempt_ids: Sequence[int]) -> dict[int, list[AttemptRegrade]]:
    """Those that changed a result, the first first."""
    found: dict[int, list[AttemptRegrade]] = defaultdict(list)
    query = sa.select(AttemptRegrade).where(
        AttemptRegrade.attempt_id.in_(attempt_ids), AttemptRegrade.applied.is_(True)
    )
    for each in session.scalars(query.order_by(AttemptRegrade.id)):
        found[each.attempt_id].append(each)
    return found


def _document(
    attempt: Attempt, paper_sha256: str, again: Sequence[AttemptRegrade], until: datetime
) -> dict[str, Any]:
    result, fraction, passed = attempt.result, attempt.fraction_millionths, attempt.passed
    later = next((each for each in again if each.at > until), None)
    if later is not None:
        result, fraction, passed = later.result_before, later.fraction_before, later.passed_before
    assert result is not None  # closed
    told: dict[str, Any] = {}
    if attempt.deadline_at:
        told |= {"deadline_at": _instant(attempt.deadline_at), "ended_by": str(attempt.ended_by)}
    if attempt.drawn is not None:
        told["drawn_sha256"] = hashlib.sha256(rfc8785.dumps(attempt.drawn)).hexdigest()
    if corrections := [each.correction_id for each in again if each.at <= until]:
        told["corrections"] = corrections
    return told | {
        "attempt": attempt.id,
        "number": attempt.number,
        "paper_version": attempt.paper_version_id,
        "paper_sha256": paper_sha256,
        "opened_at": _instant(attempt.opened_at),
        "closed_at": _instant(attempt.closed_at),
        "score": result["score"],
        "maximum": result["maximum"],
        "fraction_millionths": fraction,
        "pass_mark_millionths": attempt.pass_mark_millionths,
        "passed": passed,
        "answers_sha256": hashlib.sha256(rfc8785.dumps(attempt.answers)).hexdigest(),
    }


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")

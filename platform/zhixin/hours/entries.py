"""What goes into the ledger about awards, in the transaction of the decision.

Every sum is the fold of these entries (``zhixin.hours.fold``): an award adds its hours, a
reversal takes those of the entry that it points at, a correction stands in its entry's place.
Reasons stay outside, and so do titles that learners write: they are free text, and might name
somebody. A paper's title names its author to anyone who looks it up. The evidence has both, and the
entry has the evidence's hash.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin import jobs
from zhixin.hours.models import Award, Policy
from zhixin.hours.rules import SourceKind
from zhixin.hours.states import IllegalTransition
from zhixin.ledger import log
from zhixin.ledger.models import EntryKind, Submission

_WRITTEN_BY_LEARNERS = {SourceKind.DECLARATION}


def submit_award(session: Session, award: Award, now: datetime) -> None:
    """A verified award."""
    _enter(session, award, EntryKind.AWARD, f"award:{award.id}", {}, now)


def submit_correction(session: Session, award: Award, corrects: int, now: datetime) -> None:
    """An award that stands in the place of what entry ``corrects`` says."""
    facts = {"corrects_entry": corrects}
    _enter(session, award, EntryKind.CORRECTION, f"correction:{award.id}", facts, now)


def submit_reversal(session: Session, award: Award, now: datetime) -> None:
    """An award taken back."""
    log.submit(
        session,
        EntryKind.REVERSAL,
        reversal_key(award),
        {"award": award.id, "reverses_entry": index_of(session, award), "hours": str(award.hours)},
        person_id=award.person_id,
        now=now,
    )


def reversal_key(award: Award) -> str:
    return f"reversal:{award.id}"


def index_of(session: Session, award: Award) -> int:
    """Where the entry is that made the award count.

    Raises:
        IllegalTransition: the log does not have it yet.
    """
    return _in_log(session, Submission.id == award.submission_id)


def index_of_reversal(session: Session, award: Award) -> int:
    """Where the entry is that took the award back; raises like ``index_of``."""
    return _in_log(session, Submission.key == reversal_key(award))


def _in_log(session: Session, which: sa.ColumnElement[bool]) -> int:
    found = session.scalar(sa.select(Submission.entry_index).where(which))
    if found is None:
        raise IllegalTransition("这条记录还没有写入账本，请几秒后再试")
    return found


def facts(award: Any, policy_sha256: str) -> dict[str, Any]:
    """What an entry says of an award, or of a row with an award's columns."""
    return {
        "award": award.id,
        "source": {
            "kind": award.source_kind,
            "id": award.source_id,
            "version": award.source_version,
        },
        **({} if award.source_kind in _WRITTEN_BY_LEARNERS else {"title": award.title}),
        "field": award.field_code,
        "subject_kind": award.subject_kind,
        "year": award.year,
        "hours": str(award.hours),
        "policy": policy_sha256,
        "evidence": award.evidence_sha256,
        "verified_by": "rule" if award.decided_by_id is None else "person",
    }


def _enter(
    session: Session, award: Award, kind: EntryKind, key: str, more: dict[str, Any], now: datetime
) -> None:
    policy = session.get_one(Policy, award.policy_id)
    submission = log.submit(
        session,
        kind,
        key,
        facts(award, policy.sha256) | more,
        person_id=award.person_id,
        now=now,
    )
    session.execute(
        sa.update(Award).where(Award.id == award.id).values(submission_id=submission.id)
    )
    session.refresh(award, ["submission_id"])
    from zhixin.hours.tasks import record

    jobs.enqueue(session, record)

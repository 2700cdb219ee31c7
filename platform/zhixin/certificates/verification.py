"""What the platform says to a stranger who holds a certificate's code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.certificates import rendering
from zhixin.certificates.issuing import CODE_ALPHABET, CODE_LENGTH, contents
from zhixin.certificates.models import Certificate
from zhixin.hours.models import Award
from zhixin.hours.states import State
from zhixin.ledger.models import Entry, Submission, TreeHead


class Status(StrEnum):
    GENUINE = "genuine"
    WAITING = "waiting"  # issued; the ledger takes it in within seconds
    REVOKED = "revoked"
    WITHDRAWN = "withdrawn"  # hours it stands on were reversed since
    ALTERED = "altered"  # our own record no longer matches the ledger


@dataclass(frozen=True)
class Verdict:
    """The live answer. ``facts`` are masked; ``entry_index`` is the place in the log."""

    status: Status
    code: str
    facts: dict[str, Any]
    sha256: str
    entry_index: int | None
    tree_size: int | None
    tree_root: str | None
    revoked_at: datetime | None
    revocation_reason: str | None


def normalise(code: str) -> str:
    """A code as typed from paper: spaces, dashes and case do not matter."""
    return "".join(c for c in code.upper() if c in CODE_ALPHABET)


def look_up(session: Session, code: str) -> Verdict | None:
    """The verdict on ``code``; None if no certificate has it."""
    code = normalise(code)
    if len(code) != CODE_LENGTH:
        return None
    row = session.execute(
        sa.select(Certificate, Entry)
        .join(Submission, Submission.id == Certificate.submission_id)
        .outerjoin(Entry, Entry.index == Submission.entry_index)
        .where(Certificate.code == code)
    ).one_or_none()
    if row is None:
        return None
    certificate, entry = row
    head = session.scalar(sa.select(TreeHead).order_by(TreeHead.size.desc()).limit(1))
    snapshot = contents(certificate)
    return Verdict(
        status=_status(session, certificate, entry, snapshot),
        code=code,
        facts=rendering.public_facts(snapshot),
        sha256=certificate.sha256,
        entry_index=entry.index if entry else None,
        tree_size=head.size if head else None,
        tree_root=head.root.hex() if head else None,
        revoked_at=certificate.revoked_at,
        revocation_reason=certificate.revocation_reason,
    )


def _status(
    session: Session, certificate: Certificate, entry: Entry | None, snapshot: dict[str, Any]
) -> Status:
    if hashlib.sha256(certificate.snapshot.encode()).hexdigest() != certificate.sha256:
        return Status.ALTERED
    if entry is not None and json.loads(entry.body)["facts"]["sha256"] != certificate.sha256:
        return Status.ALTERED
    if certificate.revoked_at is not None:
        return Status.REVOKED
    ids = snapshot["facts"]["awards"]
    standing = session.scalar(
        sa.select(sa.func.count()).where(Award.id.in_(ids), Award.state == State.RECORDED)
    )
    if standing != len(ids):
        return Status.WITHDRAWN
    return Status.GENUINE if entry is not None else Status.WAITING

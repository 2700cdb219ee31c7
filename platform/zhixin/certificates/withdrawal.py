"""No paper outlives its hours: when an award falls, the certificates on it are revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from zhixin.certificates import issuing
from zhixin.certificates.models import Certificate, CertificateAward
from zhixin.errors import Conflict
from zhixin.hours.models import Award
from zhixin.hours.states import State

FALLEN = (State.REVERSED, State.CORRECTED)
REASON = "所依据的学时已被冲销或更正"


def fallen(session: Session, limit: int) -> Sequence[Certificate]:
    """Certificates in force that stand on an award which was reversed or corrected."""
    ids = (
        sa.select(CertificateAward.certificate_id)
        .join(Award, Award.id == CertificateAward.award_id)
        .where(Award.state.in_(FALLEN))
    )
    return session.scalars(
        sa.select(Certificate)
        .where(Certificate.id.in_(ids), Certificate.revoked_at.is_(None))
        .order_by(Certificate.id)
        .limit(limit)
    ).all()


def sweep(session: Session, now: datetime, limit: int = 500) -> int:
    """Revoke them, each exactly once whoever else sweeps; returns how many."""
    count = 0
    for certificate in fallen(session, limit):
        try:
            issuing.revoke(session, certificate, REASON, now)
        except Conflict:
            continue  # another sweeper, or a person, was faster
        count += 1
    return count

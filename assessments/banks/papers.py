"""Papers into which a person may copy questions."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments import drafting
from assessments.models import Paper

MOST = 100


def of_person(session: Session, person_id: int) -> Sequence[tuple[int, str]]:
    """(id, title) of the papers that this person may write, the last changed first."""
    query = (
        sa.select(Paper.id, Paper.document["title"].as_string())
        .where(drafting.mine(person_id))
        .order_by(Paper.updated_at.desc(), Paper.id.desc())
        .limit(MOST)
    )
    return [(id, title) for id, title in session.execute(query)]

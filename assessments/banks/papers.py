"""Papers into which a person may copy questions."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from assessments.models import Paper, PaperEditor

MOST = 100


def of_person(session: Session, person_id: int) -> Sequence[tuple[int, str]]:
    """(id, title) of the papers that this person may write, the last changed first."""
    shared = sa.select(PaperEditor.paper_id).where(PaperEditor.person_id == person_id)
    query = (
        sa.select(Paper.id, Paper.document["title"].as_string())
        .where(sa.or_(Paper.owner_id == person_id, Paper.id.in_(shared)))
        .order_by(Paper.updated_at.desc(), Paper.id.desc())
        .limit(MOST)
    )
    return [(id, title) for id, title in session.execute(query)]

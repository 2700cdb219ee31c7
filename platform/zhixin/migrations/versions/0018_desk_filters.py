"""Indexes for the filters of the auditor's desk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

DECIDED = ["state", "decided_at", "id"]


def upgrade() -> None:
    op.create_index(
        op.f("ix_award_field_code_state_decided_at_id"), "award", ["field_code", *DECIDED]
    )
    op.drop_index("ix_award_field_code", table_name="award")
    for name, columns, condition in (
        ("ix_award_flagged", DECIDED, "calm < 0"),
        ("ix_award_elsewhere", ["source_kind", *DECIDED], "source_kind <> 'course'"),
    ):
        where = sa.text(condition)
        op.create_index(name, "award", columns, sqlite_where=where, postgresql_where=where)

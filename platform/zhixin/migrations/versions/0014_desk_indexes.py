"""An index for the few evidence checks that differ."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_evidence_check_differing",
        "evidence_check",
        ["award_id"],
        sqlite_where=sa.text("holds IS 0"),
        postgresql_where=sa.text("holds IS false"),
    )

"""Whether learners have read that a regrade made them pass."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = "regrade_gain_read"
    op.create_table(
        table,
        sa.Column("regrade_id", sa.Integer(), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["regrade_id"], ["attempt_regrade.id"],
            name=op.f(f"fk_{table}_regrade_id_attempt_regrade"), ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("regrade_id", name=op.f(f"pk_{table}")),
    )  # fmt: skip

"""Which checks hold an award against the log, and which against its raw records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.schema import guard

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "evidence_check",
        sa.Column("of_log", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    columns = ("id", "award_id", "checked_at", "holds", "differences", "of_log")
    for statement in guard("evidence_check", columns, op.get_bind().dialect.name):
        op.execute(statement)

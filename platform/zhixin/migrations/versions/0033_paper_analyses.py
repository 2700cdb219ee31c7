"""Item analyses of papers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paper_analysis",
        sa.Column("paper_version_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gathered_at", UtcDateTime(), nullable=True),
        sa.Column("asked_at", UtcDateTime(), nullable=True),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("document", Json, nullable=True),
        sa.CheckConstraint(
            "(gathered_at IS NULL) = (document IS NULL)",
            name=op.f("ck_paper_analysis_gathered_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["paper_version_id"],
            ["paper_version.id"],
            name=op.f("fk_paper_analysis_paper_version_id_paper_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("paper_version_id", name=op.f("pk_paper_analysis")),
    )

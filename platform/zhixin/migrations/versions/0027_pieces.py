"""Long videos are made in pieces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    json = "JSONB" if op.get_bind().dialect.name == "postgresql" else "JSON"
    op.execute("ALTER TABLE asset ADD COLUMN cut VARCHAR(32)")
    op.execute(f"ALTER TABLE asset ADD COLUMN recipe {json}")
    op.create_table(
        "piece",
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.Column("claim", sa.String(length=32), nullable=True),
        sa.Column("failure_code", sa.String(length=32), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'making', 'made')", name=op.f("ck_piece_state_known")
        ),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_piece_progress_percent")),
        sa.CheckConstraint('"end" IS NULL OR "end" > first', name=op.f("ck_piece_span_forward")),
        sa.CheckConstraint(
            "state <> 'making' OR claim IS NOT NULL", name=op.f("ck_piece_making_claimed")
        ),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["asset.id"], name=op.f("fk_piece_asset_id_asset"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("asset_id", "number", name=op.f("pk_piece")),
    )

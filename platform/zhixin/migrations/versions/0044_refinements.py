"""Videos that are taken over as they are, and what is left to be made of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

CHECKS = {
    "state_known": "state IN ('waiting', 'working', 'done', 'failed', 'cancelled')",
    "progress_percent": "progress BETWEEN 0 AND 100",
    "working_claimed": "state <> 'working' OR claim IS NOT NULL",
    "done_dated": "(state = 'done') = (done_at IS NOT NULL)",
}
OPEN = sa.text("state IN ('waiting', 'working')")


def upgrade() -> None:
    op.create_table(
        "refinement",
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.Column("claim", sa.String(length=32), nullable=True),
        sa.Column("failure_code", sa.String(length=32), nullable=True),
        sa.Column("queued_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("replaced", sa.Text(), nullable=True),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_refinement_{name}"))
            for name, condition in CHECKS.items()
        ),
        sa.ForeignKeyConstraint(
            ["asset_id"],
            ["asset.id"],
            name=op.f("fk_refinement_asset_id_asset"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("asset_id", name=op.f("pk_refinement")),
    )
    op.create_index(
        "ix_refinement_unfinished",
        "refinement",
        ["claimed_until"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )

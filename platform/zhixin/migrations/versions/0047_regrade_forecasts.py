"""What proposed regrades would change, as a job worked it out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Hours, UtcDateTime

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def _to(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{to}")
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    table = "regrade_forecast"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("correction_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("others", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("last_attempt_id", sa.Integer(), nullable=False),
        sa.Column("claim", sa.String(32), nullable=True),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("correction_id", name=op.f(f"uq_{table}_correction_id")),
        _to(table, "correction_id", "key_correction"),
        sa.CheckConstraint(
            "seen >= failed AND failed >= 0 AND total >= 0", name=op.f(f"ck_{table}_counts")
        ),
        sa.CheckConstraint(
            "finished_at IS NULL OR claim IS NULL", name=op.f(f"ck_{table}_finished_free")
        ),
    )
    table = "foreseen_change"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("forecast_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("fraction_before", sa.Integer(), nullable=False),
        sa.Column("fraction_after", sa.Integer(), nullable=False),
        sa.Column("passed_before", sa.Boolean(), nullable=False),
        sa.Column("passed_after", sa.Boolean(), nullable=False),
        sa.Column("hours", Hours(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(
            "forecast_id", "attempt_id", name=op.f(f"uq_{table}_forecast_id_attempt_id")
        ),
        _to(table, "forecast_id", "regrade_forecast"),
        _to(table, "attempt_id", "attempt"),
    )
    op.create_index("ix_foreseen_change_attempt_id", table, ["attempt_id"])

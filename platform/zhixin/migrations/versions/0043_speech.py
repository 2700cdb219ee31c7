"""Sound that an engine is asked to write down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

UNFINISHED = sa.text("state IN ('waiting', 'working')")


def upgrade() -> None:
    op.create_table(
        "speech_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claim", sa.String(length=32), nullable=True),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.Column("failure_code", sa.String(length=32), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'working', 'done', 'failed')",
            name=op.f("ck_speech_run_state_known"),
        ),
        sa.CheckConstraint(
            "state <> 'working' OR claim IS NOT NULL", name=op.f("ck_speech_run_working_claimed")
        ),
        sa.CheckConstraint(
            "(state = 'failed') = (failure_code IS NOT NULL)",
            name=op.f("ck_speech_run_failure_said"),
        ),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_speech_run_tries_counted")),
        sa.ForeignKeyConstraint(
            ["asset_id"], ["asset.id"], name=op.f("fk_speech_run_asset_id_asset"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["person.id"], name=op.f("fk_speech_run_asked_by_id_person"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_speech_run")),
    )  # fmt: skip
    op.create_index("ix_speech_run_asset_id", "speech_run", ["asset_id"])
    op.create_index(
        "uq_speech_run_unfinished",
        "speech_run",
        ["asset_id", "language"],
        unique=True,
        sqlite_where=UNFINISHED,
        postgresql_where=UNFINISHED,
    )

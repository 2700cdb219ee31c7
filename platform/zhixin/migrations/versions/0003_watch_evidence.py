"""Watch evidence: presence prompts, delivered segments, time that lapsed, settings per person and course."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

#: Both databases take a new column with its CHECK in one statement; Alembic's own way would
#: rebuild the table on SQLite, and rows point at these tables.
COLUMNS = (
    "playback ADD COLUMN lapsed_ms INTEGER NOT NULL DEFAULT 0"
    " CONSTRAINT ck_playback_lapsed_positive CHECK (lapsed_ms >= 0)",
    "coverage ADD COLUMN revision INTEGER NOT NULL DEFAULT 0",
    "coverage ADD COLUMN prompt_at_ms INTEGER",
    "coverage ADD COLUMN prompt_id VARCHAR(32)",
    "person ADD COLUMN extended_time_percent INTEGER NOT NULL DEFAULT 100"
    " CONSTRAINT ck_person_extended_time CHECK (extended_time_percent BETWEEN 100 AND 400)",
    "course ADD COLUMN rate_percent INTEGER NOT NULL DEFAULT 100"
    " CONSTRAINT ck_course_rate CHECK (rate_percent BETWEEN 100 AND 200)",
)


def upgrade() -> None:
    for column in COLUMNS:
        op.execute(f"ALTER TABLE {column}")
    op.add_column("unit", sa.Column("checks", Json, nullable=True))
    op.create_table(
        "delivery",
        sa.Column("playback_id", sa.String(length=32), nullable=False),
        sa.Column("segments", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("playback_id", name=op.f("pk_delivery")),
    )
    op.create_table(
        "prompt",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("playback_id", sa.String(length=32), nullable=False),
        sa.Column("at_ms", sa.Integer(), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("answer_within_ms", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("question", Json, nullable=False),
        sa.Column("tries", Json, nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("answered_in", sa.String(length=32), nullable=True),
        sa.CheckConstraint("kind IN ('confirm', 'question')", name=op.f("ck_prompt_kind_known")),
        *(
            sa.ForeignKeyConstraint(
                [column],
                [f"{table}.id"],
                name=op.f(f"fk_prompt_{column}_{table}"),
                ondelete="RESTRICT",
            )
            for column, table in (
                ("person_id", "person"),
                ("asset_id", "asset"),
                ("playback_id", "playback"),
                ("answered_in", "playback"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt")),
    )
    waiting = sa.text("answered_at IS NULL")
    op.create_index(
        "uq_prompt_waiting",
        "prompt",
        ["person_id", "scope", "asset_id"],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index(op.f("ix_prompt_person_id_scope"), "prompt", ["person_id", "scope"])

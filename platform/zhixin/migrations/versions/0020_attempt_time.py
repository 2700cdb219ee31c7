"""Attempts end by the server's clock; their answers are saved one by one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

DUE = "state = 'open' AND deadline_at IS NOT NULL"


def upgrade() -> None:
    instant = "DATETIME" if op.get_bind().dialect.name == "sqlite" else "TIMESTAMP WITH TIME ZONE"
    # With their CHECKs in one statement, see 0003.
    for column in (
        f"deadline_at {instant} CONSTRAINT ck_attempt_deadline_after CHECK (deadline_at > opened_at)",
        "ended_by VARCHAR(16) CONSTRAINT ck_attempt_ended_by_known"
        " CHECK (ended_by IN ('learner', 'deadline'))",
    ):
        op.execute(f"ALTER TABLE attempt ADD COLUMN {column}")
    op.create_index(
        "ix_attempt_due",
        "attempt",
        ["deadline_at"],
        sqlite_where=sa.text(DUE),
        postgresql_where=sa.text(DUE),
    )
    op.create_table(
        "attempt_answer",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.String(64), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("writer", sa.String(32), nullable=False),
        sa.Column("answer", Json, nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempt.id"],
            name=op.f("fk_attempt_answer_attempt_id_attempt"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("attempt_id", "question_id", name=op.f("pk_attempt_answer")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_attempt_answer_seq_positive")),
    )

"""People grade written answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempt_grading",
        sa.Column("attempt_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("scope", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("bound_millionths", sa.Integer(), nullable=True),
        sa.Column("handed_in_at", UtcDateTime(), nullable=False),
        sa.Column("final_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'third', 'final')", name=op.f("ck_attempt_grading_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'final') = (final_at IS NOT NULL)",
            name=op.f("ck_attempt_grading_final_whole"),
        ),
        sa.CheckConstraint(
            "bound_millionths BETWEEN 0 AND 1000000", name=op.f("ck_attempt_grading_bound_range")
        ),
        sa.CheckConstraint(
            "state <> 'third' OR bound_millionths IS NOT NULL",
            name=op.f("ck_attempt_grading_third_of_two"),
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempt.id"],
            name=op.f("fk_attempt_grading_attempt_id_attempt"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_attempt_grading")),
    )
    op.create_index(op.f("ix_attempt_grading_scope"), "attempt_grading", ["scope"])
    op.create_table(
        "grader_mark",
        sa.Column("attempt_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("grader_id", sa.Integer(), nullable=False),
        sa.Column("points", Json, nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("marked_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("place BETWEEN 1 AND 3", name=op.f("ck_grader_mark_place_known")),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempt_grading.attempt_id"],
            name=op.f("fk_grader_mark_attempt_id_attempt_grading"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["grader_id"],
            ["person.id"],
            name=op.f("fk_grader_mark_grader_id_person"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("attempt_id", "place", name=op.f("pk_grader_mark")),
        sa.UniqueConstraint(
            "attempt_id", "grader_id", name=op.f("uq_grader_mark_attempt_id_grader_id")
        ),
    )

"""What learners say of a course."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def _points(column: str, to: str, ondelete: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_course_rating_{column}_{to}")
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name, ondelete=ondelete)


def upgrade() -> None:
    op.create_table(
        "course_rating",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("hidden_reason", sa.Text(), nullable=True),
        sa.Column("moderator_id", sa.Integer(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("rated_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('shown', 'hidden')", name=op.f("ck_course_rating_state_known")
        ),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_course_rating_stars_range")),
        sa.CheckConstraint(
            "(state = 'hidden') = (hidden_reason IS NOT NULL AND moderator_id IS NOT NULL)",
            name=op.f("ck_course_rating_hidden_with_reason"),
        ),
        sa.CheckConstraint(
            "(answer IS NULL) = (answered_at IS NULL)",
            name=op.f("ck_course_rating_answered_whole"),
        ),
        _points("course_id", "course", "CASCADE"),
        _points("person_id", "person", "RESTRICT"),
        _points("version_id", "course_version", "RESTRICT"),
        _points("moderator_id", "person", "RESTRICT"),
        _points("answered_by_id", "person", "RESTRICT"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_rating")),
        sa.UniqueConstraint(
            "course_id", "person_id", name=op.f("uq_course_rating_course_id_person_id")
        ),
    )
    op.create_index(op.f("ix_course_rating_person_id"), "course_rating", ["person_id"])
    op.create_index(
        op.f("ix_course_rating_course_id_changed_at_id"),
        "course_rating",
        ["course_id", "changed_at", "id"],
    )

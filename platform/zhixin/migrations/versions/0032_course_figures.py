"""What authors are told of their courses, gathered at night."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Hours, Json, UtcDateTime

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def _points(table: str, column: str, to: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"), ondelete=ondelete
    )


def upgrade() -> None:
    op.create_table(
        "course_figure",
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("gathered_at", UtcDateTime(), nullable=True),
        sa.Column("asked_at", UtcDateTime(), nullable=True),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.Column("enrolled", sa.Integer(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("completed", sa.Integer(), nullable=False),
        sa.Column("awards", sa.Integer(), nullable=False),
        sa.Column("hours", Hours(), nullable=False),
        sa.Column("months", Json, nullable=False),
        sa.CheckConstraint(
            "completed <= enrolled AND active <= enrolled", name=op.f("ck_course_figure_parts")
        ),
        _points("course_figure", "course_id", "course", "CASCADE"),
        sa.PrimaryKeyConstraint("course_id", name=op.f("pk_course_figure")),
    )
    op.create_table(
        "viewing_curve",
        sa.Column("course_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asset_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("learners", sa.Integer(), nullable=False),
        sa.Column("covered", Json, nullable=False),
        sa.Column("stopped", Json, nullable=False),
        sa.Column("gathered_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("learners >= 0", name=op.f("ck_viewing_curve_learners_positive")),
        _points("viewing_curve", "course_id", "course", "CASCADE"),
        _points("viewing_curve", "asset_id", "asset", "RESTRICT"),
        sa.PrimaryKeyConstraint("course_id", "asset_id", name=op.f("pk_viewing_curve")),
    )
    op.create_index(op.f("ix_coverage_scope_asset_id"), "coverage", ["scope", "asset_id"])

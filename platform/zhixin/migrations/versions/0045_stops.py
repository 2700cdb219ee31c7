"""What learners answered where a video stopped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stop_answer",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("unit_key", sa.String(length=64), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tries", Json, nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("place >= 0", name=op.f("ck_stop_answer_place_counted")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_stop_answer_person_id_person"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["course_version.id"],
            name=op.f("fk_stop_answer_version_id_course_version"), ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint(
            "person_id", "version_id", "unit_key", "place", name=op.f("pk_stop_answer")
        ),
    )  # fmt: skip
    op.create_index(op.f("ix_stop_answer_version_id"), "stop_answer", ["version_id"])

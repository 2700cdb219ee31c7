"""Practice: runs of questions that never count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "practice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(32), nullable=True),
        sa.Column("paper_version_id", sa.Integer(), nullable=True),
        sa.Column("questions", Json, nullable=False),
        sa.Column("seed", sa.String(32), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_practice_person_id_person"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["paper_version_id"],
            ["paper_version.id"],
            name=op.f("fk_practice_paper_version_id_paper_version"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice")),
        sa.CheckConstraint(
            "(scope IS NULL) = (paper_version_id IS NULL)", name=op.f("ck_practice_of_a_unit")
        ),
    )
    op.create_index(op.f("ix_practice_person_id"), "practice", ["person_id"])
    op.create_table(
        "practice_answer",
        sa.Column("practice_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(32), nullable=False),
        sa.Column("paper_version_id", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.String(64), nullable=False),
        sa.Column("answer", Json, nullable=False),
        sa.Column("right", sa.Boolean(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_practice_answer_practice_id_practice"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["paper_version_id"],
            ["paper_version.id"],
            name=op.f("fk_practice_answer_paper_version_id_paper_version"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("practice_id", "place", name=op.f("pk_practice_answer")),
    )

"""Files with questions on their way into a paper."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "question_import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(length=32), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claim", sa.String(length=16), nullable=True),
        sa.Column("beat_at", UtcDateTime(), nullable=False),
        sa.Column("result", Json, nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question_import")),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["person.id"],
            name=op.f("fk_question_import_owner_id_person"),
            ondelete="RESTRICT",
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'reading', 'ready', 'failed', 'taken')",
            name=op.f("ck_question_import_state_known"),
        ),
        sa.CheckConstraint(
            "(state IN ('waiting', 'reading')) = (content IS NOT NULL)",
            name=op.f("ck_question_import_content_while_unread"),
        ),
        sa.CheckConstraint(
            "(state IN ('ready', 'taken')) = (result IS NOT NULL)",
            name=op.f("ck_question_import_result_when_read"),
        ),
        sa.CheckConstraint("done >= 0 AND tries >= 0", name=op.f("ck_question_import_counts")),
    )
    op.create_index("ix_question_import_owner_id_id", "question_import", ["owner_id", "id"])
    op.create_index("ix_question_import_state", "question_import", ["state"])


def downgrade() -> None:
    op.drop_table("question_import")

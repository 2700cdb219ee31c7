"""Papers by a blueprint: what each published one draws from, and what each attempt drew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime
from zhixin.schema import append_only

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "question_pool",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_question_pool")),
    )
    columns = ("sha256", "document", "members", "made_at")
    for statement in append_only("question_pool", columns, op.get_bind().dialect.name):
        op.execute(statement)
    op.add_column("attempt", sa.Column("drawn", Json))

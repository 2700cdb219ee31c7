"""The plan's yearly targets, and an index for a year's figures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime
from zhixin.schema import append_only

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "programme_target",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("from_year", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("set_by_id", sa.Integer(), nullable=True),
        sa.Column("set_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "code IN ('people', 'field-people')", name=op.f("ck_programme_target_code_known")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_programme_target_amount_positive")),
        sa.ForeignKeyConstraint(
            ["set_by_id"],
            ["person.id"],
            name=op.f("fk_programme_target_set_by_id_person"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme_target")),
    )
    op.create_index(
        op.f("ix_programme_target_code_from_year"), "programme_target", ["code", "from_year"]
    )
    columns = ("id", "code", "from_year", "amount", "source", "set_by_id", "set_at")
    for statement in append_only("programme_target", columns, op.get_bind().dialect.name):
        op.execute(statement)
    op.create_index(op.f("ix_award_year_state"), "award", ["year", "state"])

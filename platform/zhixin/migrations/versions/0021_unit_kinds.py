"""Practice and live meetings, optional units, units that wait for others; names that stay."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.schema import replace_check

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

#: Both databases take a new column in one statement; rows point at these tables.
COLUMNS = (
    "chapter ADD COLUMN key VARCHAR(32) NOT NULL DEFAULT ''",
    "unit ADD COLUMN key VARCHAR(32) NOT NULL DEFAULT ''",
    "unit ADD COLUMN required BOOLEAN NOT NULL DEFAULT TRUE",
    "unit ADD COLUMN starts_at {instant}",
    "unit ADD COLUMN minutes INTEGER"
    " CONSTRAINT ck_unit_minutes_range CHECK (minutes BETWEEN 1 AND 1440)",
    "unit ADD COLUMN address VARCHAR(500) CONSTRAINT ck_unit_times_of_live CHECK"
    " (kind = 'live' OR (starts_at IS NULL AND minutes IS NULL AND address IS NULL))",
)
CHECKS = {
    "ck_unit_kind_known": "kind IN ('video', 'quiz', 'page', 'practice', 'live')",
    "ck_unit_paper_of_quiz": "(kind IN ('quiz', 'practice')) = (paper_id IS NOT NULL)",
}


def upgrade() -> None:
    bind = op.get_bind()
    instant = "DATETIME" if bind.dialect.name == "sqlite" else "TIMESTAMP WITH TIME ZONE"
    for column in COLUMNS:
        op.execute(f"ALTER TABLE {column.format(instant=instant)}")
    for name, condition in CHECKS.items():
        replace_check(bind, "unit", name, condition)
    # The keys that frozen versions carry already.
    op.execute("UPDATE chapter SET key = 'c' || id")
    op.execute("UPDATE unit SET key = 'u' || id")
    for table in ("chapter", "unit"):
        # SQLite adds no constraint to a table that is there; an index keeps the same rule.
        op.create_index(f"uq_{table}_key", table, ["key"], unique=True)
    op.create_table(
        "unit_waiting",
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("for_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("unit_id <> for_id", name=op.f("ck_unit_waiting_not_itself")),
        sa.ForeignKeyConstraint(
            ["unit_id"],
            ["unit.id"],
            name=op.f("fk_unit_waiting_unit_id_unit"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["for_id"],
            ["unit.id"],
            name=op.f("fk_unit_waiting_for_id_unit"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("unit_id", "for_id", name=op.f("pk_unit_waiting")),
    )
    op.create_index(op.f("ix_unit_waiting_for_id"), "unit_waiting", ["for_id"])

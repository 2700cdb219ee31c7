"""Samples for review."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime
from zhixin.schema import append_only

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MUTABLE = {
    "audit_draw": ("tree_size", "root", "drawn_at"),
    "audit_draw_award": ("reviewed_at", "reviewed_by_id", "finding"),
}


def upgrade() -> None:
    bind = op.get_bind()
    op.create_table(
        "audit_draw",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Integer(), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("announced_by_id", sa.Integer(), nullable=False),
        sa.Column("announced_at", UtcDateTime(), nullable=False),
        sa.Column("announced_size", sa.BigInteger(), nullable=False),
        sa.Column("population", sa.Text(), nullable=False),
        sa.Column("population_count", sa.Integer(), nullable=False),
        sa.Column("population_sha256", sa.String(64), nullable=False),
        sa.Column("tree_size", sa.BigInteger(), nullable=True),
        sa.Column("root", sa.String(64), nullable=True),
        sa.Column("drawn_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_audit_draw_organisation_id_organisation"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["announced_by_id"],
            ["person.id"],
            name=op.f("fk_audit_draw_announced_by_id_person"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_draw")),
        sa.CheckConstraint(
            "wanted > 0 AND population_count > 0", name=op.f("ck_audit_draw_something_drawn")
        ),
        sa.CheckConstraint(
            "(tree_size IS NULL) = (root IS NULL) AND (tree_size IS NULL) = (drawn_at IS NULL)",
            name=op.f("ck_audit_draw_drawn_whole"),
        ),
        sa.CheckConstraint("tree_size > announced_size", name=op.f("ck_audit_draw_later_tree")),
    )
    waiting = sa.text("tree_size IS NULL")
    op.create_index(
        "ix_audit_draw_waiting",
        "audit_draw",
        ["announced_size"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "audit_draw_award",
        sa.Column("draw_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("award_id", sa.Integer(), nullable=False),
        sa.Column("reviewed_at", UtcDateTime(), nullable=True),
        sa.Column("reviewed_by_id", sa.Integer(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        *(
            sa.ForeignKeyConstraint(
                [column],
                [f"{table}.id"],
                name=op.f(f"fk_audit_draw_award_{column}_{table}"),
                ondelete="RESTRICT",
            )
            for column, table in (
                ("draw_id", "audit_draw"),
                ("award_id", "award"),
                ("reviewed_by_id", "person"),
            )
        ),
        sa.PrimaryKeyConstraint("draw_id", "place", name=op.f("pk_audit_draw_award")),
        sa.UniqueConstraint(
            "draw_id", "award_id", name=op.f("uq_audit_draw_award_draw_id_award_id")
        ),
        sa.CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by_id IS NULL)",
            name=op.f("ck_audit_draw_award_reviewed_whole"),
        ),
    )
    op.create_index(op.f("ix_audit_draw_award_award_id"), "audit_draw_award", ["award_id"])
    for table, mutable in MUTABLE.items():
        columns = [column["name"] for column in sa.inspect(bind).get_columns(table)]
        for statement in append_only(table, columns, bind.dialect.name, mutable=mutable):
            op.execute(statement)

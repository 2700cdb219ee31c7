"""Corrected keys over published papers, and what attempts were worth before and after."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime
from zhixin.schema import append_only

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

MUTABLE = (
    "state", "decided_by_id", "decided_at", "decision", "claimed_until", "seen", "total",
    "last_attempt_id", "finished_at",
)  # fmt: skip


def _to(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{to}")
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name, ondelete="RESTRICT")


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    _corrections()
    _regrades()
    bind = op.get_bind()
    for table, mutable in (("key_correction", MUTABLE), ("attempt_regrade", ())):
        columns = [column["name"] for column in sa.inspect(bind).get_columns(table)]
        for statement in append_only(table, columns, bind.dialect.name, mutable=mutable):
            op.execute(statement)


def _corrections() -> None:
    table = "key_correction"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.String(64), nullable=False),
        sa.Column("before", Json, nullable=False),
        sa.Column("before_sha256", sa.String(64), nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("proposed_by_id", sa.Integer(), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decision", sa.String(500), nullable=True),
        sa.Column("claimed_until", UtcDateTime(), nullable=True),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("last_attempt_id", sa.Integer(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        _to(table, "paper_id", "paper"),
        _to(table, "proposed_by_id", "person"),
        _to(table, "decided_by_id", "person"),
        _check(
            table,
            "state_known",
            "state IN ('proposed', 'running', 'done', 'declined', 'withdrawn')",
        ),
        _check(
            table,
            "decided_whole",
            "(state = 'proposed') = (decided_by_id IS NULL)"
            " AND (decided_by_id IS NULL) = (decided_at IS NULL)",
        ),
        _check(
            table,
            "second_person",
            "state NOT IN ('running', 'done', 'declined') OR decided_by_id <> proposed_by_id",
        ),
        _check(table, "finished_whole", "(state = 'done') = (finished_at IS NOT NULL)"),
        _check(table, "counts", "seen >= 0 AND total >= 0"),
    )
    op.create_index("ix_key_correction_paper_id", table, ["paper_id"])
    open_ = sa.text("state IN ('proposed', 'running')")
    op.create_index(
        "uq_key_correction_open",
        table,
        ["paper_id", "question_id"],
        unique=True,
        sqlite_where=open_,
        postgresql_where=open_,
    )


def _regrades() -> None:
    table = "attempt_regrade"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("correction_id", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("result_before", Json, nullable=False),
        sa.Column("fraction_before", sa.Integer(), nullable=False),
        sa.Column("passed_before", sa.Boolean(), nullable=False),
        sa.Column("result_after", Json, nullable=False),
        sa.Column("fraction_after", sa.Integer(), nullable=False),
        sa.Column("passed_after", sa.Boolean(), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        _to(table, "correction_id", "key_correction"),
        _to(table, "attempt_id", "attempt"),
        _check(table, "no_pass_taken", "applied = (NOT passed_before OR passed_after)"),
        sa.UniqueConstraint(
            "correction_id", "attempt_id", name=op.f("uq_attempt_regrade_correction_id_attempt_id")
        ),
    )
    op.create_index("ix_attempt_regrade_attempt_id", table, ["attempt_id"])

"""Drafts of policies, their dry runs, and what each would change for whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def _points(table: str, column: str, to: str, ondelete: str = "RESTRICT") -> sa.Constraint:
    name = f"fk_{table}_{column}_{to}"
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name, ondelete=ondelete)


def upgrade() -> None:
    op.create_table(
        "policy_draft",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("area", sa.String(32), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("effective_from", sa.Date, nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("written_by_id", sa.Integer, nullable=False),
        sa.Column("written_at", UtcDateTime, nullable=False),
        sa.Column("decided_by_id", sa.Integer),
        sa.Column("decided_at", UtcDateTime),
        sa.Column("reason", sa.Text),
        sa.Column("alone", sa.Boolean, nullable=False),
        sa.Column("policy_id", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_policy_draft"),
        sa.UniqueConstraint("policy_id", name="uq_policy_draft_policy_id"),
        sa.CheckConstraint(
            "state IN ('writing', 'review', 'published', 'discarded')",
            name="state_known",
        ),
        sa.CheckConstraint("(state = 'published') = (policy_id IS NOT NULL)", name="published"),
        sa.CheckConstraint(
            "state <> 'published' OR alone OR decided_by_id <> written_by_id",
            name="four_eyes",
        ),
        _points("policy_draft", "written_by_id", "person"),
        _points("policy_draft", "decided_by_id", "person"),
        _points("policy_draft", "policy_id", "policy"),
    )
    op.create_index("ix_policy_draft_state", "policy_draft", ["state"])
    op.create_table(
        "policy_dry_run",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("draft_id", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("claim", sa.String(32)),
        sa.Column("beat_at", UtcDateTime, nullable=False),
        sa.Column("people", sa.Integer),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("result", Json),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policy_dry_run"),
        sa.UniqueConstraint("draft_id", name="uq_policy_dry_run_draft_id"),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'failed')",
            name="state_known",
        ),
        _points("policy_dry_run", "draft_id", "policy_draft", "CASCADE"),
    )
    op.create_table(
        "policy_effect",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("effect", sa.String(16), nullable=False),
        sa.Column("counted_before", sa.Integer, nullable=False),
        sa.Column("counted_after", sa.Integer, nullable=False),
        sa.Column("to_go_before", sa.Integer, nullable=False),
        sa.Column("to_go_after", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_policy_effect"),
        sa.UniqueConstraint(
            "run_id", "year", "person_id", name="uq_policy_effect_run_id_year_person_id"
        ),
        sa.CheckConstraint(
            "effect IN ('newly-met', 'no-longer-met', 'less-to-go', 'more-to-go', 'hours-only')",
            name="effect_known",
        ),
        _points("policy_effect", "run_id", "policy_dry_run", "CASCADE"),
        _points("policy_effect", "person_id", "person"),
    )
    op.create_index(
        "ix_policy_effect_run_id_effect_id", "policy_effect", ["run_id", "effect", "id"]
    )

"""Review by a versioned checklist, reviewers' seats, pinned comments, publication on a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime
from zhixin.schema import append_only, guard, replace_check

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

COUNTING = "state IN ('open', 'approved', 'returned')"


def _points(table: str, column: str, to: str) -> sa.Constraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{to}.id"], name=f"fk_{table}_{column}_{to}", ondelete="RESTRICT"
    )


def upgrade() -> None:
    _versions()
    _rules()
    _comments()
    bind = op.get_bind()
    for table, mutable in (
        ("review_rule", ()),
        ("review_reply", ()),
        ("review_comment", ("state", "settled_at", "settled_by_id")),
    ):
        columns = [column["name"] for column in sa.inspect(bind).get_columns(table)]
        for statement in append_only(table, columns, bind.dialect.name, mutable=mutable):
            op.execute(statement)


def _versions() -> None:
    bind = op.get_bind()
    replace_check(
        bind,
        "course_version",
        "ck_course_version_state_known",
        "state IN ('submitted', 'returned', 'approved', 'withdrawn', 'published', 'superseded')",
    )
    kind = "DATETIME" if bind.dialect.name == "sqlite" else "TIMESTAMP WITH TIME ZONE"
    op.execute(
        f"ALTER TABLE course_version ADD COLUMN publish_at {kind} CONSTRAINT"
        " ck_course_version_approved_dated CHECK (state <> 'approved' OR publish_at IS NOT NULL)"
    )
    op.drop_index("uq_course_version_submitted", table_name="course_version")
    waiting = sa.text("state IN ('submitted', 'approved')")
    op.create_index(
        "uq_course_version_waiting", "course_version", ["course_id"], unique=True,
        sqlite_where=waiting, postgresql_where=waiting,
    )  # fmt: skip
    columns = [column["name"] for column in sa.inspect(bind).get_columns("course_version")]
    mutable = ("state", "decided_at", "decided_by_id", "reason", "publish_at")
    for statement in guard("course_version", columns, bind.dialect.name, mutable=mutable):
        op.execute(statement)


def _rules() -> None:
    op.create_table(
        "review_rule",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("published_at", UtcDateTime, nullable=False),
        sa.Column("published_by_id", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_review_rule"),
        sa.UniqueConstraint("version", name="uq_review_rule_version"),
        _points("review_rule", "published_by_id", "person"),
    )
    op.create_table(
        "course_review",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("version_id", sa.Integer, nullable=False),
        sa.Column("rule_id", sa.Integer, nullable=False),
        sa.Column("opened_at", UtcDateTime, nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("overdue_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name="pk_course_review"),
        sa.UniqueConstraint("version_id", name="uq_course_review_version_id"),
        _points("course_review", "version_id", "course_version"),
        _points("course_review", "rule_id", "review_rule"),
    )
    op.create_table(
        "review_seat",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("review_id", sa.Integer, nullable=False),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("given_by_id", sa.Integer),
        sa.Column("given_at", UtcDateTime, nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("marks", Json, nullable=False),
        sa.Column("publish_at", UtcDateTime),
        sa.Column("reason", sa.Text),
        sa.Column("ended_at", UtcDateTime),
        sa.PrimaryKeyConstraint("id", name="pk_review_seat"),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'returned', 'released', 'lapsed', 'closed')",
            name="state_known",
        ),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name="ended"),
        sa.CheckConstraint("state <> 'returned' OR reason IS NOT NULL", name="reason_given"),
        _points("review_seat", "review_id", "course_review"),
        _points("review_seat", "person_id", "person"),
        _points("review_seat", "given_by_id", "person"),
    )
    op.create_index("ix_review_seat_review_id", "review_seat", ["review_id"])
    op.create_index("ix_review_seat_person_id", "review_seat", ["person_id"])
    op.create_index(
        "uq_review_seat_once", "review_seat", ["review_id", "person_id"], unique=True,
        sqlite_where=sa.text(COUNTING), postgresql_where=sa.text(COUNTING),
    )  # fmt: skip
    is_open = sa.text("state = 'open'")
    op.create_index(
        "ix_review_seat_open", "review_seat", ["due_at"],
        sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip


def _comments() -> None:
    op.create_table(
        "review_comment",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("course_id", sa.Integer, nullable=False),
        sa.Column("version_id", sa.Integer, nullable=False),
        sa.Column("unit_key", sa.String(32)),
        sa.Column("unit_kind", sa.String(16)),
        sa.Column("unit_title", sa.String(120)),
        sa.Column("at_ms", sa.Integer),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("made_at", UtcDateTime, nullable=False),
        sa.Column("settled_at", UtcDateTime),
        sa.Column("settled_by_id", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_review_comment"),
        sa.CheckConstraint("state IN ('open', 'resolved', 'closed')", name="state_known"),
        sa.CheckConstraint("unit_key IS NULL OR length(unit_key) > 0", name="unit_named"),
        sa.CheckConstraint("(unit_key IS NULL) = (unit_kind IS NULL)", name="unit_whole"),
        sa.CheckConstraint(
            "at_ms IS NULL OR (at_ms >= 0 AND unit_kind = 'video')", name="moment_of_video"
        ),
        sa.CheckConstraint("(settled_at IS NULL) = (settled_by_id IS NULL)", name="settled_whole"),
        _points("review_comment", "course_id", "course"),
        _points("review_comment", "version_id", "course_version"),
        _points("review_comment", "person_id", "person"),
        _points("review_comment", "settled_by_id", "person"),
    )
    op.create_index("ix_review_comment_course_id", "review_comment", ["course_id"])
    op.create_index("ix_review_comment_version_id", "review_comment", ["version_id"])
    op.create_table(
        "review_reply",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("comment_id", sa.Integer, nullable=False),
        sa.Column("person_id", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("made_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_review_reply"),
        _points("review_reply", "comment_id", "review_comment"),
        _points("review_reply", "person_id", "person"),
    )
    op.create_index("ix_review_reply_comment_id", "review_reply", ["comment_id"])

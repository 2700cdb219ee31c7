"""How courses are made: their authors, the history of every step, files in units."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime
from zhixin.schema import replace_check

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

KINDS = "kind IN ('video', 'quiz', 'page', 'practice', 'live', 'file')"
FILE = (
    "unit ADD COLUMN file_id VARCHAR(32)"
    " CONSTRAINT ck_unit_file_of_file CHECK (kind = 'file' OR file_id IS NULL)"
    " CONSTRAINT fk_unit_file_id_attachment REFERENCES attachment (id) ON DELETE RESTRICT"
)


def _points(table: str, column: str, to: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"), ondelete=ondelete
    )


def upgrade() -> None:
    op.execute(f"ALTER TABLE {FILE}")
    replace_check(op.get_bind(), "unit", "ck_unit_kind_known", KINDS)
    op.create_table(
        "course_author",
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("added_by_id", sa.Integer(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "role IN ('co-author', 'viewer')", name=op.f("ck_course_author_role_given")
        ),
        _points("course_author", "course_id", "course", "CASCADE"),
        _points("course_author", "person_id", "person", "RESTRICT"),
        _points("course_author", "added_by_id", "person", "RESTRICT"),
        sa.PrimaryKeyConstraint("course_id", "person_id", name=op.f("pk_course_author")),
    )
    op.create_index(op.f("ix_course_author_person_id"), "course_author", ["person_id"])
    op.create_table(
        "course_change",
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("about", sa.String(length=32), nullable=True),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.Column("state", Json, nullable=False),
        _points("course_change", "course_id", "course", "CASCADE"),
        _points("course_change", "actor_id", "person", "RESTRICT"),
        sa.PrimaryKeyConstraint("course_id", "number", name=op.f("pk_course_change")),
    )
    op.create_table(
        "course_text",
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        _points("course_text", "course_id", "course", "CASCADE"),
        sa.PrimaryKeyConstraint("course_id", "sha256", name=op.f("pk_course_text")),
    )
    op.create_table(
        "paper_editor",
        sa.Column("paper_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        _points("paper_editor", "paper_id", "paper", "CASCADE"),
        _points("paper_editor", "person_id", "person", "RESTRICT"),
        sa.PrimaryKeyConstraint("paper_id", "person_id", name=op.f("pk_paper_editor")),
    )
    op.create_index(op.f("ix_paper_editor_person_id"), "paper_editor", ["person_id"])

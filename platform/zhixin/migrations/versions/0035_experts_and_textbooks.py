"""The pool of experts, textbooks, and the courses that name them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

STATES = "state IN ('proposed', 'in-force', 'declined', 'retired')"


def _points(
    table: str, column: str, to: str, ondelete: str = "RESTRICT", key: str = "id"
) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{to}")
    return sa.ForeignKeyConstraint([column], [f"{to}.{key}"], name=name, ondelete=ondelete)


def _whole(name: str, type_: Any, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, type_, nullable=nullable)


def _link(table: str, first: str, first_to: str, second: str, *more: sa.Column[Any]) -> None:
    to = second.removesuffix("_id")
    op.create_table(
        table,
        _whole(first, sa.Integer()),
        _whole(second, sa.Integer()),
        *more,
        _points(table, first, first_to, "CASCADE"),
        _points(table, second, to),
        sa.PrimaryKeyConstraint(first, second, name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_{second}"), table, [second])


def upgrade() -> None:
    op.create_table(
        "expert",
        _whole("id", sa.Integer()),
        _whole("name", sa.String(length=64)),
        _whole("title", sa.String(length=64)),
        _whole("unit", sa.String(length=120)),
        _whole("field_codes", Json),
        _whole("biography", sa.Text()),
        _whole("picture_id", sa.String(length=32), True),
        _whole("state", sa.String(length=16)),
        _whole("proposed_by_id", sa.Integer()),
        _whole("created_at", UtcDateTime()),
        _whole("updated_at", UtcDateTime()),
        sa.CheckConstraint(STATES, name=op.f("ck_expert_state_known")),
        _points("expert", "picture_id", "picture"),
        _points("expert", "proposed_by_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expert")),
        sa.UniqueConstraint("name", "unit", name=op.f("uq_expert_name_unit")),
    )
    op.create_index(op.f("ix_expert_state"), "expert", ["state"])
    op.create_table(
        "textbook",
        _whole("id", sa.Integer()),
        _whole("title", sa.String(length=200)),
        _whole("authors", sa.String(length=200)),
        _whole("publisher", sa.String(length=120)),
        _whole("isbn", sa.String(length=13), True),
        _whole("edition", sa.String(length=40)),
        _whole("year", sa.Integer(), True),
        _whole("field_code", sa.String(length=32), True),
        _whole("licence", sa.String(length=300)),
        _whole("file_id", sa.String(length=32), True),
        _whole("state", sa.String(length=16)),
        _whole("proposed_by_id", sa.Integer()),
        _whole("created_at", UtcDateTime()),
        _whole("updated_at", UtcDateTime()),
        sa.CheckConstraint(STATES, name=op.f("ck_textbook_state_known")),
        sa.CheckConstraint(
            "isbn IS NULL OR length(isbn) = 13", name=op.f("ck_textbook_isbn_whole")
        ),
        sa.CheckConstraint("year BETWEEN 1900 AND 2100", name=op.f("ck_textbook_year_range")),
        _points("textbook", "field_code", "field", key="code"),
        _points("textbook", "file_id", "attachment"),
        _points("textbook", "proposed_by_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_textbook")),
        sa.UniqueConstraint("isbn", name=op.f("uq_textbook_isbn")),
    )
    op.create_index(op.f("ix_textbook_state"), "textbook", ["state"])
    _link("course_teacher", "course_id", "course", "expert_id", _whole("position", sa.Integer()))
    _link("course_textbook", "course_id", "course", "textbook_id", _whole("position", sa.Integer()))
    _link("version_teacher", "version_id", "course_version", "expert_id")

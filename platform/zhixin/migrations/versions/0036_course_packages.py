"""Whole courses on their way out and in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

CHECKS = {
    "way_known": "way IN ('export', 'import')",
    "state_known": "state IN ('waiting', 'working', 'ready', 'accepted', 'making', 'made', 'failed')",
    "exports_are_not_made": "way = 'import' OR state IN ('waiting', 'working', 'ready', 'failed')",
    "made_into_a_course": "way = 'export' OR (state = 'made') = (course_id IS NOT NULL)",
    "export_of_a_course": "way = 'import' OR course_id IS NOT NULL",
    "counts": "done >= 0 AND tries >= 0 AND size_bytes >= 0",
}


def upgrade() -> None:
    op.create_table(
        "course_package",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(length=16), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=True),
        sa.Column("version_number", sa.Integer(), nullable=True),
        sa.Column("field_code", sa.String(length=32), nullable=True),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claim", sa.String(length=16), nullable=True),
        sa.Column("beat_at", UtcDateTime(), nullable=False),
        sa.Column("result", Json, nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_course_package_{name}"))
            for name, condition in CHECKS.items()
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"],
            ["person.id"],
            name=op.f("fk_course_package_owner_id_person"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["course_id"],
            ["course.id"],
            name=op.f("fk_course_package_course_id_course"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_package")),
    )
    op.create_index(op.f("ix_course_package_course_id"), "course_package", ["course_id"])
    op.create_index(
        op.f("ix_course_package_owner_id_created_at"), "course_package", ["owner_id", "created_at"]
    )
    op.create_index(op.f("ix_course_package_state"), "course_package", ["state"])
    op.create_index(op.f("ix_course_package_expires_at"), "course_package", ["expires_at"])

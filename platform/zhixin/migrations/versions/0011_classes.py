"""Classes: roster, sessions and attendance."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime
from zhixin.schema import append_only

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "training_class",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("organiser_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("field_code", sa.String(length=32), nullable=True),
        sa.Column("subject_kind", sa.String(length=16), nullable=False),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("attendance_percent", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('closing', 'closed')) = (closed_at IS NOT NULL)",
            name=op.f("ck_training_class_closed_whole"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'closing', 'closed', 'cancelled')",
            name=op.f("ck_training_class_state_known"),
        ),
        sa.CheckConstraint(
            "subject_kind IN ('general', 'professional')",
            name=op.f("ck_training_class_subject_kind_known"),
        ),
        sa.CheckConstraint(
            "attendance_percent BETWEEN 1 AND 100",
            name=op.f("ck_training_class_attendance_percent"),
        ),
        sa.ForeignKeyConstraint(
            ["closed_by_id"],
            ["person.id"],
            name=op.f("fk_training_class_closed_by_id_person"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"],
            ["person.id"],
            name=op.f("fk_training_class_created_by_id_person"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["field_code"],
            ["field.code"],
            name=op.f("fk_training_class_field_code_field"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["organiser_id"],
            ["organisation.id"],
            name=op.f("fk_training_class_organiser_id_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_class")),
    )
    op.create_index(
        "ix_training_class_closing",
        "training_class",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state = 'closing'"),
        postgresql_where=sa.text("state = 'closing'"),
    )
    op.create_index(
        op.f("ix_training_class_organiser_id"), "training_class", ["organiser_id"], unique=False
    )
    op.create_table(
        "class_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("begins_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("topic", sa.String(length=120), nullable=False),
        sa.Column("teacher", sa.String(length=64), nullable=False),
        sa.CheckConstraint("ends_at > begins_at", name=op.f("ck_class_session_period")),
        sa.ForeignKeyConstraint(
            ["class_id"],
            ["training_class.id"],
            name=op.f("fk_class_session_class_id_training_class"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_session")),
    )
    op.create_index(op.f("ix_class_session_class_id"), "class_session", ["class_id"], unique=False)
    op.create_table(
        "attendance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("recorded_by_id", sa.Integer(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("minutes >= 0", name=op.f("ck_attendance_minutes_positive")),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_attendance_person_id_person"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by_id"],
            ["person.id"],
            name=op.f("fk_attendance_recorded_by_id_person"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["class_session.id"],
            name=op.f("fk_attendance_session_id_class_session"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance")),
    )
    op.create_index(op.f("ix_attendance_person_id"), "attendance", ["person_id"], unique=False)
    op.create_index(
        op.f("ix_attendance_session_id_person_id"),
        "attendance",
        ["session_id", "person_id"],
        unique=False,
    )
    op.create_table(
        "class_member",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("award_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["award_id"],
            ["award.id"],
            name=op.f("fk_class_member_award_id_award"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["class_id"],
            ["training_class.id"],
            name=op.f("fk_class_member_class_id_training_class"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["person.id"],
            name=op.f("fk_class_member_person_id_person"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_member")),
        sa.UniqueConstraint("award_id", name=op.f("uq_class_member_award_id")),
        sa.UniqueConstraint(
            "class_id", "person_id", name=op.f("uq_class_member_class_id_person_id")
        ),
    )
    op.create_index(op.f("ix_class_member_person_id"), "class_member", ["person_id"], unique=False)
    columns = ("id", "session_id", "person_id", "minutes", "recorded_by_id", "recorded_at")
    for statement in append_only("attendance", columns, op.get_bind().dialect.name):
        op.execute(statement)

"""Pictures of pages and questions, and files to be taken home."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def _owner(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    name = op.f(f"fk_{table}_owner_id_person")
    return (
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=name, ondelete="RESTRICT"),
    )


def upgrade() -> None:
    op.create_table(
        "picture",
        sa.Column("id", sa.String(length=32), nullable=False),
        *_owner("picture"),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=32), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sent_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_picture")),
        sa.UniqueConstraint(
            "owner_id", "sent_sha256", name=op.f("uq_picture_owner_id_sent_sha256")
        ),
        sa.CheckConstraint(
            "width > 0 AND height > 0 AND size_bytes > 0", name=op.f("ck_picture_picture_there")
        ),
    )
    op.create_table(
        "attachment",
        sa.Column("id", sa.String(length=32), nullable=False),
        *_owner("attachment"),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint(
            "owner_id", "sha256", "file_name", name=op.f("uq_attachment_owner_id_sha256_file_name")
        ),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_attachment_attachment_there")),
    )

"""Uploads in parts and of files; what media take and since when nothing refers to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE upload ADD COLUMN kind VARCHAR(16) DEFAULT 'video' NOT NULL "
        "CONSTRAINT ck_upload_kind_known CHECK (kind IN ('video', 'file'))"
    )
    for name, default in (("partial", sa.false()), ("length_known", sa.true())):
        op.add_column(
            "upload", sa.Column(name, sa.Boolean(), server_default=default, nullable=False)
        )
    op.add_column("upload", sa.Column("attachment_id", sa.String(length=32), nullable=True))
    op.add_column("asset", sa.Column("rendition_bytes", sa.BigInteger(), nullable=True))
    for table in ("asset", "picture", "attachment"):
        for name in ("unused_since", "discarded_at"):
            op.add_column(table, sa.Column(name, UtcDateTime(), nullable=True))

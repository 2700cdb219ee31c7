"""Videos may be cancelled, wait their turn, and count to their author's day."""

from __future__ import annotations

from alembic import op

from zhixin.schema import replace_check

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

STATES = "state IN ('uploaded', 'transcoding', 'ready', 'failed', 'cancelled')"


def upgrade() -> None:
    bind = op.get_bind()
    instant = "TIMESTAMP WITH TIME ZONE" if bind.dialect.name == "postgresql" else "DATETIME"
    for column in (
        f"queued_at {instant}",
        f"started_at {instant}",
        "source_ms INTEGER",
        "postponed VARCHAR(32)",
    ):
        op.execute(f"ALTER TABLE asset ADD COLUMN {column}")
    replace_check(bind, "asset", "ck_asset_state_known", STATES)
    op.create_index("ix_asset_owner_id_started_at", "asset", ["owner_id", "started_at"])
    op.create_index("ix_upload_owner_id_created_at", "upload", ["owner_id", "created_at"])

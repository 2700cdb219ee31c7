"""The newest tree head at a moment is found without reading them all."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_ledger_tree_head_signed_at", "ledger_tree_head", ["signed_at", "size"])

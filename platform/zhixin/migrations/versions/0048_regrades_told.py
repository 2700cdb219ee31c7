"""Whether who put a corrected key forward has read the decision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The trigger that guards the table names its columns: a new one may be written.
    op.add_column("key_correction", sa.Column("told_at", UtcDateTime(), nullable=True))
    # Nobody is told anew what was decided long ago.
    op.execute("UPDATE key_correction SET told_at = decided_at WHERE decided_at IS NOT NULL")

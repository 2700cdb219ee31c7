"""Since when nothing refers to courseware."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("courseware", sa.Column("unused_since", UtcDateTime(), nullable=True))

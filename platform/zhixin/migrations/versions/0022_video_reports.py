"""What was found in a video's file, for its author."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("asset", sa.Column("report", Json))

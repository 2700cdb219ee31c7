"""Of which parts an upload was joined."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("upload", sa.Column("parts", sa.Text(), nullable=True))

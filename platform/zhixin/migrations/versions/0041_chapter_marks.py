"""What begins where in a video, as its author writes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("unit", sa.Column("chapter_marks", Json))

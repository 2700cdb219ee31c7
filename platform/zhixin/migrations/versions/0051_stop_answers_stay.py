"""What was answered where a video stopped stays, as other evidence does."""

from __future__ import annotations

from alembic import op

from zhixin.schema import append_only

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

COLUMNS = ("person_id", "version_id", "unit_key", "place", "tries", "answered_at")


def upgrade() -> None:
    for statement in append_only(
        "stop_answer",
        COLUMNS,
        op.get_bind().dialect.name,
        mutable=("tries", "answered_at"),
        until="answered_at",
    ):
        op.execute(statement)

"""Which classes are advanced seminars, and the plan's yearly targets for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.schema import replace_check

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "training_class",
        sa.Column("seminar", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    replace_check(
        op.get_bind(),
        "programme_target",
        "ck_programme_target_code_known",
        "code IN ('people', 'field-people', 'seminars', 'seminar-people')",
    )

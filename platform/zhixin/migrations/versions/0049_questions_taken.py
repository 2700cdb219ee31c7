"""Questions of a file are put into a bank by a job."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json
from zhixin.schema import replace_check

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

STATES = "state IN ('waiting', 'reading', 'ready', 'failed', 'accepted', 'taking', 'taken')"
READ = "(state IN ('ready', 'accepted', 'taking', 'taken')) = (result IS NOT NULL)"


def upgrade() -> None:
    op.add_column("question_import", sa.Column("taking", Json))
    for name, condition in (("state_known", STATES), ("result_when_read", READ)):
        replace_check(op.get_bind(), "question_import", f"ck_question_import_{name}", condition)

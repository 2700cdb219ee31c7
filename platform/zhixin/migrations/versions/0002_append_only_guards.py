"""Let the database itself refuse to rewrite facts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.schema import append_only

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

#: Table → columns that may still change (a state moves on, a paper is revoked).
GUARDED: dict[str, tuple[str, ...]] = {
    "ledger_entry": (),
    "ledger_tree_head": (),
    "ledger_submission": ("entry_index",),
    "evidence": (),
    "policy": (),
    "award": ("state", "decided_at", "decided_by_id", "reason", "submission_id"),
    "certificate": ("revoked_at", "revocation_reason"),
    "audit_trace": (),
    "beat": (),
    "paper_version": (),
    "course_version": ("state", "decided_at", "decided_by_id", "reason"),
}


def upgrade() -> None:
    bind = op.get_bind()
    for table, mutable in GUARDED.items():
        columns = [column["name"] for column in sa.inspect(bind).get_columns(table)]
        for statement in append_only(table, columns, bind.dialect.name, mutable=mutable):
            op.execute(statement)

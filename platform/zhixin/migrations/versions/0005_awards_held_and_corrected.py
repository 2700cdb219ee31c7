"""Awards may be held and corrected, come from outside activities; roles and entries for that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.schema import guard, replace_check

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CHECKS = {
    ("award", "ck_award_state_known"): "state IN ('earned', 'held', 'verified', 'rejected', "
    "'recorded', 'reversed', 'corrected')",
    ("role_grant", "ck_role_grant_role_known"): "role IN ('learner', 'author', 'reviewer', "
    "'employer', 'bureau', 'auditor', 'administrator')",
    ("certificate", "ck_certificate_kind_known"): "kind IN ('course', 'annual', 'class', "
    "'extract')",
    **{
        (table, f"ck_{table}_kind_known"): "kind IN ('award', 'reversal', 'correction', "
        "'certificate-issued', 'certificate-revoked', 'policy-published', 'key-rotated')"
        for table in ("ledger_submission", "ledger_entry")
    },
}
IN_FORCE = "state IN ('earned', 'held', 'verified', 'recorded')"
#: Both databases take a new column in one statement; rows point at this table.
COLUMNS = (
    "activity VARCHAR(32)",
    "day DATE NOT NULL DEFAULT '1970-01-01'",
    "corrects_id INTEGER CONSTRAINT fk_award_corrects_id_award"
    " REFERENCES award (id) ON DELETE RESTRICT",
)
MUTABLE = ("state", "decided_at", "decided_by_id", "reason", "submission_id")


def upgrade() -> None:
    bind = op.get_bind()
    dialect = bind.dialect.name
    for (table, name), condition in CHECKS.items():
        replace_check(bind, table, name, condition)
    op.drop_index("uq_award_in_force", table_name="award")
    op.create_index(
        "uq_award_in_force",
        "award",
        ["person_id", "source_kind", "source_id", "year"],
        unique=True,
        sqlite_where=sa.text(IN_FORCE),
        postgresql_where=sa.text(IN_FORCE),
    )
    for column in COLUMNS:
        op.execute(f"ALTER TABLE award ADD COLUMN {column}")
    op.create_index("uq_award_corrects_id", "award", ["corrects_id"], unique=True)
    # The city's day: it has been eight hours ahead of UTC since before the first award.
    local = (
        "date(earned_at, '+8 hours')"
        if dialect == "sqlite"
        else "(earned_at AT TIME ZONE 'Asia/Shanghai')::date"
    )
    op.execute(f"UPDATE award SET day = {local}")  # noqa: S608 - of our own text
    columns = [column["name"] for column in sa.inspect(bind).get_columns("award")]
    for statement in guard("award", columns, dialect, mutable=MUTABLE):
        op.execute(statement)

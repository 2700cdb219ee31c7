"""Holds with a deadline, appeals, and reversals by two people; the desk's indexes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Hours, UtcDateTime
from zhixin.schema import append_only, guard

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MUTABLE = (
    "state", "decided_at", "decided_by_id", "reason", "due_at", "overdue_at", "submission_id",
)  # fmt: skip
#: What ``zhixin.hours.suspicion`` said when this was written.
WEIGHTS = {
    "shared-device": 3, "clockwork": 3, "instant-answers": 2, "blind-answers": 2, "refused-time": 2,
}  # fmt: skip
DECIDED = ("state", "decided_by_id", "decided_at", "overdue_at")

#: Why an UPDATE of an award's state is refused; NEW, OLD: the row after and before.
REFUSALS = {
    "an award is taken by a person, with a reason": (
        "NEW.state IN ('held', 'rejected', 'reversed', 'corrected')"
        " AND (NEW.reason IS NULL OR NEW.decided_by_id IS NULL)"
    ),
    "who held an award does not reject it": (
        "OLD.state = 'held' AND NEW.state = 'rejected' AND OLD.decided_by_id = NEW.decided_by_id"
    ),
    "an award is reversed or corrected by two people": (
        "NEW.state IN ('reversed', 'corrected') AND NOT EXISTS (SELECT 1 FROM award_proposal p"
        " WHERE p.award_id = NEW.id AND p.state = 'confirmed' AND p.decided_by_id = NEW.decided_by_id"
        " AND p.kind = CASE NEW.state WHEN 'reversed' THEN 'reverse' ELSE 'correct' END)"
    ),
}


def upgrade() -> None:
    bind = op.get_bind()
    dialect = bind.dialect.name
    _award_columns(bind)
    _proposals()
    _appeals()
    _desk_indexes()
    for statement in _taking(dialect):
        op.execute(statement)
    for table, mutable in {
        "award_proposal": (*DECIDED, "accepted_at", "decision_reason"),
        "appeal": (*DECIDED, "outcome"),
    }.items():
        columns = [column["name"] for column in sa.inspect(bind).get_columns(table)]
        for statement in append_only(table, columns, dialect, mutable=mutable):
            op.execute(statement)


def _award_columns(bind: sa.Connection) -> None:
    instant = "TIMESTAMP WITH TIME ZONE" if bind.dialect.name == "postgresql" else "DATETIME"
    for column in (
        "calm SMALLINT NOT NULL DEFAULT 0", f"due_at {instant}", f"overdue_at {instant}",
    ):  # fmt: skip
        op.execute(f"ALTER TABLE award ADD COLUMN {column}")
    award = sa.table("award", sa.column("flags", sa.JSON), sa.column("calm"))
    text = sa.cast(award.c.flags, sa.Text)
    for flags, shown in bind.execute(sa.select(award.c.flags, text).where(text != "[]").distinct()):
        calm = -sum(WEIGHTS.get(flag, 1) for flag in flags)
        bind.execute(award.update().where(text == shown).values(calm=calm))
    columns = [column["name"] for column in sa.inspect(bind).get_columns("award")]
    for statement in guard("award", columns, bind.dialect.name, mutable=MUTABLE):
        op.execute(statement)


def _person(column: str, table: str, *, nullable: bool = False) -> tuple[sa.Column, ...]:  # type: ignore[type-arg]
    return _pointing(column, "person", table, nullable=nullable)


def _pointing(column: str, to: str, table: str, *, nullable: bool = False) -> tuple[sa.Column, ...]:  # type: ignore[type-arg]
    key = sa.ForeignKey(f"{to}.id", name=op.f(f"fk_{table}_{column}_{to}"), ondelete="RESTRICT")
    return (sa.Column(column, sa.Integer(), key, nullable=nullable),)


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _proposals() -> None:
    table = "award_proposal"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        *_pointing("award_id", "award", table),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("hours", Hours(), nullable=True),
        sa.Column("subject_kind", sa.String(16), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        *_person("proposed_by_id", table),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("objections_until", UtcDateTime(), nullable=False),
        sa.Column("accepted_at", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("overdue_at", UtcDateTime(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        *_person("decided_by_id", table, nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_award_proposal")),
        _check(table, "kind_known", "kind IN ('reverse', 'correct')"),
        _check(table, "state_known", "state IN ('open', 'confirmed', 'declined', 'withdrawn')"),
        _check(table, "subject_known", "subject_kind IN ('general', 'professional')"),
        _check(table, "four_eyes", "state = 'withdrawn' OR decided_by_id <> proposed_by_id"),
        _check(table, "decided_once", "(state = 'open') = (decided_at IS NULL)"),
        _check(table, "decided_by_one", "(state = 'open') = (decided_by_id IS NULL)"),
        _check(
            table,
            "correction_whole",
            "(kind = 'correct') = (hours IS NOT NULL AND subject_kind IS NOT NULL)",
        ),
        _check(table, "hours_positive", "hours > 0"),
    )
    _open_index("uq_award_proposal_open", table)
    op.create_index(op.f("ix_award_proposal_award_id"), table, ["award_id"])


def _appeals() -> None:
    table = "appeal"
    op.create_table(
        table,
        sa.Column("id", sa.Integer(), nullable=False),
        *_pointing("award_id", "award", table),
        *_person("person_id", table),
        sa.Column("against", sa.String(16), nullable=False),
        *_pointing("proposal_id", "award_proposal", table, nullable=True),
        *_person("contested_by_id", table),
        *_person("proposed_by_id", table, nullable=True),
        sa.Column("contested_at", UtcDateTime(), nullable=False),
        sa.Column("contested_reason", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("overdue_at", UtcDateTime(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        *_person("decided_by_id", table, nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal")),
        sa.UniqueConstraint(
            "award_id", "contested_at", name=op.f("uq_appeal_award_id_contested_at")
        ),
        _check(table, "against_known", "against IN ('hold', 'rejection', 'reversal', 'proposal')"),
        _check(table, "state_known", "state IN ('open', 'granted', 'upheld')"),
        _check(table, "proposal", "(against = 'proposal') = (proposal_id IS NOT NULL)"),
        _check(
            table,
            "other_eyes",
            "decided_by_id <> contested_by_id AND decided_by_id <> person_id",
        ),
        _check(table, "not_the_proposer", "decided_by_id <> proposed_by_id"),
        _check(table, "decided_once", "(state = 'open') = (decided_at IS NULL)"),
        _check(table, "decided_by_one", "(state = 'open') = (decided_by_id IS NULL)"),
        _check(table, "decided_with_a_reason", "(state = 'open') = (outcome IS NULL)"),
    )
    _open_index("uq_appeal_open", table)
    op.create_index(op.f("ix_appeal_person_id"), table, ["person_id"])
    op.create_index(op.f("ix_appeal_state_due_at"), table, ["state", "due_at"])


def _open_index(name: str, table: str) -> None:
    where = sa.text("state = 'open'")
    op.create_index(
        name, table, ["award_id"], unique=True, sqlite_where=where, postgresql_where=where
    )


def _desk_indexes() -> None:
    op.drop_index("ix_award_state_earned_at", table_name="award")
    for name, columns, state in (
        ("ix_award_waiting", ["calm", "earned_at", "id"], "earned"),
        ("ix_award_held", ["due_at", "id"], "held"),
    ):
        where = sa.text(f"state = '{state}'")
        op.create_index(name, "award", columns, sqlite_where=where, postgresql_where=where)
    op.create_index(op.f("ix_award_state_decided_at_id"), "award", ["state", "decided_at", "id"])


def _taking(dialect: str) -> list[str]:
    """Hours are never lost without a person and a reason, nor recorded ones by one person."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER award_taking_{number} BEFORE UPDATE OF state ON award "
            f"WHEN OLD.state <> NEW.state AND {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            for number, (message, condition) in enumerate(REFUSALS.items(), 1)
        ]
    refused = " ".join(
        f"IF {condition} THEN RAISE EXCEPTION '{message}'"
        " USING ERRCODE = 'integrity_constraint_violation'; END IF;"
        for message, condition in REFUSALS.items()
    )
    return [
        "CREATE FUNCTION award_taking() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF OLD.state <> NEW.state THEN {refused} END IF; RETURN NEW; END $$",
        "CREATE TRIGGER award_taking BEFORE UPDATE OF state ON award FOR EACH ROW "
        "EXECUTE FUNCTION award_taking()",
    ]

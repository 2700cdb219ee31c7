"""Declared outside activities: what is declared, its proofs, and every step of its way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Hours, Json, UtcDateTime
from zhixin.schema import append_only

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

#: A draft's files are forgotten; once a step was taken, somebody may have looked at them.
SUBMITTED_STAYS = {
    "sqlite": (
        "DROP TRIGGER declaration_proof_no_delete",
        "CREATE TRIGGER declaration_proof_no_delete BEFORE DELETE ON declaration_proof "
        "WHEN EXISTS (SELECT 1 FROM declaration_step WHERE declaration_id = OLD.declaration_id) "
        "BEGIN SELECT RAISE(ABORT, 'what was submitted stays'); END",
    ),
    "postgresql": (
        "DROP TRIGGER declaration_proof_no_delete ON declaration_proof",
        "CREATE FUNCTION declaration_proof_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF EXISTS (SELECT 1 FROM declaration_step WHERE declaration_id = OLD.declaration_id) THEN "
        "RAISE EXCEPTION 'what was submitted stays' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        "RETURN OLD; END $$",
        "CREATE TRIGGER declaration_proof_no_delete BEFORE DELETE ON declaration_proof "
        "FOR EACH ROW EXECUTE FUNCTION declaration_proof_stays()",
    ),
}


def _points(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"), ondelete="RESTRICT"
    )


def upgrade() -> None:
    bind = op.get_bind()
    _declaration()
    _step()
    _proof()
    for table, mutable in (("declaration_step", ()), ("declaration_proof", ("removed_at",))):
        columns = [column["name"] for column in sa.inspect(bind).get_columns(table)]
        for statement in append_only(table, columns, bind.dialect.name, mutable=mutable):
            op.execute(statement)
    for statement in SUBMITTED_STAYS[bind.dialect.name]:
        op.execute(statement)


def _declaration() -> None:
    op.create_table(
        "declaration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("activity", sa.String(length=32), nullable=False),
        sa.Column("activity_name", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("subject_kind", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("organiser", sa.String(length=200), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("amount", Hours(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("hours", Hours(), nullable=False),
        sa.Column("policy_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("employer_id", sa.Integer(), nullable=True),
        sa.Column("organisation_id", sa.Integer(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("bureau_at", UtcDateTime(), nullable=True),
        sa.Column("award_id", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'escalated', 'endorsed', 'returned', 'declined', "
            "'verified', 'refused', 'withdrawn')",
            name=op.f("ck_declaration_state_known"),
        ),
        sa.CheckConstraint(
            "subject_kind IN ('general', 'professional')",
            name=op.f("ck_declaration_subject_kind_known"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_declaration_amount_positive")),
        sa.CheckConstraint("hours > 0", name=op.f("ck_declaration_hours_positive")),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_declaration_days_in_order")),
        sa.CheckConstraint(
            "(state = 'verified') = (award_id IS NOT NULL)", name=op.f("ck_declaration_award_given")
        ),
        _points("declaration", "person_id", "person"),
        _points("declaration", "policy_id", "policy"),
        _points("declaration", "employer_id", "organisation"),
        _points("declaration", "organisation_id", "organisation"),
        _points("declaration", "award_id", "award"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declaration")),
        sa.UniqueConstraint("award_id", name=op.f("uq_declaration_award_id")),
    )
    standing = sa.text("state <> 'withdrawn'")
    op.create_index(
        "uq_declaration_activity",
        "declaration",
        ["person_id", "fingerprint"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
    for columns in (
        ["state", "due_on"],
        ["employer_id", "state"],
        ["person_id", "ends_on"],
        ["organisation_id"],
    ):
        op.create_index(op.f(f"ix_declaration_{'_'.join(columns)}"), "declaration", columns)


def _step() -> None:
    op.create_table(
        "declaration_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("declaration_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("desk", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("transition", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("facts", Json, nullable=True),
        sa.CheckConstraint(
            "transition IN ('submit', 'submit-directly', 'endorse', 'return', 'decline', "
            "'escalate', 'appeal', 'verify', 'refuse', 'withdraw')",
            name=op.f("ck_declaration_step_transition_known"),
        ),
        sa.CheckConstraint(
            "desk IN ('learner', 'employer', 'bureau', 'rule')",
            name=op.f("ck_declaration_step_desk_known"),
        ),
        sa.CheckConstraint(
            "(desk = 'rule') = (actor_id IS NULL)", name=op.f("ck_declaration_step_somebody_acts")
        ),
        sa.CheckConstraint(
            "transition NOT IN ('return', 'decline', 'refuse') OR reason <> ''",
            name=op.f("ck_declaration_step_explained"),
        ),
        _points("declaration_step", "declaration_id", "declaration"),
        _points("declaration_step", "actor_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declaration_step")),
        sa.UniqueConstraint(
            "declaration_id", "number", name=op.f("uq_declaration_step_declaration_id_number")
        ),
    )


def _proof() -> None:
    op.create_table(
        "declaration_proof",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("declaration_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sent_sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=32), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=100), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "media_type IN ('application/pdf', 'image/jpeg', 'image/png')",
            name=op.f("ck_declaration_proof_media_type_known"),
        ),
        sa.CheckConstraint("bytes > 0", name=op.f("ck_declaration_proof_bytes_positive")),
        _points("declaration_proof", "declaration_id", "declaration"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declaration_proof")),
    )
    for column in ("declaration_id", "sha256", "sent_sha256"):
        op.create_index(op.f(f"ix_declaration_proof_{column}"), "declaration_proof", [column])

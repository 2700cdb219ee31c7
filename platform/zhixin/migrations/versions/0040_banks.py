"""Question banks: questions in versions, where accepted ones are drawn, and what is alike."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import UtcDateTime
from zhixin.schema import append_only

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

KINDS = (
    "kind IN ('single', 'multiple', 'true_false', 'blanks', 'cloze', 'matching', 'ordering',"
    " 'hotspot', 'short', 'essay')"
)
STATES = "state IN ('draft', 'proposed', 'accepted', 'returned', 'retired')"
DIFFICULTY = "difficulty BETWEEN 1 AND 5"
WHOLE = (
    "(accepted_number IS NULL) = (cell_id IS NULL) AND (accepted_number IS NULL) = (place IS NULL)"
    " AND (accepted_number IS NULL) = (accepted_print IS NULL)"
)


def _points(
    table: str, column: str, to: str, ondelete: str = "RESTRICT"
) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{to}")
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name, ondelete=ondelete)


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _id(table: str) -> tuple[sa.Column[int], sa.PrimaryKeyConstraint]:
    key = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))
    return sa.Column("id", sa.Integer(), nullable=False), key


def upgrade() -> None:
    _banks()
    _questions()
    _versions()
    op.create_table(
        "bank_band",
        sa.Column("bank_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("band", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("question_id", sa.Integer(), autoincrement=False, nullable=False),
        _points("bank_band", "bank_id", "bank", "CASCADE"),
        _points("bank_band", "question_id", "bank_question", "CASCADE"),
        sa.PrimaryKeyConstraint("bank_id", "band", "question_id", name=op.f("pk_bank_band")),
    )
    op.create_index("ix_bank_band_question_id", "bank_band", ["question_id"])
    bind = op.get_bind()
    for table in ("bank_version", "bank_review"):
        columns = [column["name"] for column in sa.inspect(bind).get_columns(table)]
        for statement in append_only(table, columns, bind.dialect.name):
            op.execute(statement)


def _banks() -> None:
    op.create_table(
        "bank",
        *_id("bank"),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("field_code", sa.String(length=64), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        _points("bank", "owner_id", "person"),
        _check("bank", "kind_known", "kind IN ('own', 'shared')"),
    )
    op.create_index(op.f("ix_bank_owner_id"), "bank", ["owner_id"])
    op.create_index(op.f("ix_bank_field_code"), "bank", ["field_code"])
    op.create_table(
        "bank_editor",
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        _points("bank_editor", "bank_id", "bank", "CASCADE"),
        _points("bank_editor", "person_id", "person"),
        sa.PrimaryKeyConstraint("bank_id", "person_id", name=op.f("pk_bank_editor")),
    )
    op.create_index(op.f("ix_bank_editor_person_id"), "bank_editor", ["person_id"])
    op.create_table(
        "bank_cell",
        *_id("bank_cell"),
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("point", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("difficulty", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        _points("bank_cell", "bank_id", "bank"),
        _check("bank_cell", "kind_known", KINDS),
        _check("bank_cell", "difficulty_range", DIFFICULTY),
        _check("bank_cell", "count_positive", "count >= 0"),
        sa.UniqueConstraint(
            "bank_id",
            "point",
            "kind",
            "difficulty",
            name=op.f("uq_bank_cell_bank_id_point_kind_difficulty"),
        ),
    )


def _questions() -> None:
    op.create_table(
        "bank_question",
        *_id("bank_question"),
        sa.Column("bank_id", sa.Integer(), nullable=False),
        sa.Column("point", sa.String(length=60), nullable=False),
        sa.Column("difficulty", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("stem", sa.String(length=160), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("writer_id", sa.Integer(), nullable=False),
        sa.Column("newest_number", sa.Integer(), nullable=False),
        sa.Column("accepted_number", sa.Integer(), nullable=True),
        sa.Column("accepted_print", sa.String(length=64), nullable=True),
        sa.Column("cell_id", sa.Integer(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        _points("bank_question", "bank_id", "bank"),
        _points("bank_question", "writer_id", "person"),
        _points("bank_question", "cell_id", "bank_cell"),
        _check("bank_question", "state_known", STATES),
        _check("bank_question", "kind_known", KINDS),
        _check("bank_question", "difficulty_range", DIFFICULTY),
        _check("bank_question", "drawn_whole", WHOLE),
        _check(
            "bank_question",
            "accepted_newest",
            "state <> 'accepted' OR accepted_number = newest_number",
        ),
        _check("bank_question", "retired_undrawn", "state <> 'retired' OR accepted_number IS NULL"),
        _check("bank_question", "returned_reason", "(state = 'returned') = (reason IS NOT NULL)"),
        sa.UniqueConstraint("cell_id", "place", name=op.f("uq_bank_question_cell_id_place")),
        sa.UniqueConstraint(
            "bank_id", "accepted_print", name=op.f("uq_bank_question_bank_id_accepted_print")
        ),
    )
    for columns in (["bank_id", "state", "id"], ["bank_id", "point", "id"], ["bank_id", "id"]):
        op.create_index(f"ix_bank_question_{'_'.join(columns)}", "bank_question", columns)


def _versions() -> None:
    op.create_table(
        "bank_version",
        *_id("bank_version"),
        sa.Column("question_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("print", sa.String(length=64), nullable=False),
        sa.Column("point", sa.String(length=60), nullable=False),
        sa.Column("difficulty", sa.Integer(), nullable=False),
        sa.Column("writer_id", sa.Integer(), nullable=False),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        _points("bank_version", "question_id", "bank_question"),
        _points("bank_version", "writer_id", "person"),
        _check("bank_version", "difficulty_range", DIFFICULTY),
        sa.UniqueConstraint(
            "question_id", "number", name=op.f("uq_bank_version_question_id_number")
        ),
    )
    op.create_table(
        "bank_review",
        *_id("bank_review"),
        sa.Column("question_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        _points("bank_review", "question_id", "bank_question"),
        _points("bank_review", "actor_id", "person"),
        _check("bank_review", "state_known", STATES),
    )
    op.create_index(op.f("ix_bank_review_question_id"), "bank_review", ["question_id"])


def downgrade() -> None:
    for table in (
        "bank_band", "bank_review", "bank_version", "bank_question", "bank_cell", "bank_editor",
        "bank",
    ):  # fmt: skip
        op.drop_table(table)

"""精品课程: rounds, applications, panel and scores, objections, marks that the course follows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from zhixin.db import Json, UtcDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

#: Of an announced round: what may still change.
MOVING = ("state", "notice_from", "notice_until", "reason")


def _points(table: str, column: str, to: str) -> sa.Constraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{to}.id"], name=f"fk_{table}_{column}_{to}", ondelete="RESTRICT"
    )


def _number(name: str, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=nullable)


def _when(name: str, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, UtcDateTime, nullable=nullable)


def upgrade() -> None:
    _rounds()
    _applications()
    _panel()
    _objections()
    _marks()
    _keep_what_was_announced()
    _courses_follow()


def _rounds() -> None:
    op.create_table(
        "quality_round",
        _number("id"),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("criteria", Json, nullable=False),
        sa.Column("trimmed", sa.Boolean, nullable=False),
        _number("scores_needed"),
        _number("notice_days"),
        _number("mark_years"),
        _when("opens_at"),
        _when("closes_at"),
        sa.Column("state", sa.String(16), nullable=False),
        _number("created_by_id"),
        _when("created_at"),
        _when("published_at", True),
        _when("notice_from", True),
        _when("notice_until", True),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_quality_round"),
        sa.CheckConstraint(
            "state IN ('draft', 'announced', 'scoring', 'ranked', 'notice', 'concluded',"
            " 'cancelled')",
            name="state_known",
        ),
        sa.CheckConstraint("closes_at > opens_at", name="period"),
        sa.CheckConstraint("published_at IS NULL OR published_at < opens_at", name="told_before"),
        sa.CheckConstraint("scores_needed BETWEEN 1 AND 15", name="scores_needed"),
        sa.CheckConstraint("notice_days BETWEEN 5 AND 60", name="notice_days"),
        sa.CheckConstraint("mark_years BETWEEN 1 AND 10", name="mark_years"),
        sa.CheckConstraint(
            "state NOT IN ('notice', 'concluded')"
            " OR (notice_from IS NOT NULL AND notice_until > notice_from)",
            name="noticed",
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'cancelled') OR published_at IS NOT NULL", name="told"
        ),
        _points("quality_round", "created_by_id", "person"),
    )


def _applications() -> None:
    op.create_table(
        "quality_application",
        _number("id"),
        _number("round_id"),
        _number("course_id"),
        _number("version_id"),
        _number("person_id"),
        sa.Column("statement", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        _when("applied_at"),
        _number("score", True),
        _number("place", True),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_quality_application"),
        sa.CheckConstraint(
            "state IN ('submitted', 'withdrawn', 'selected', 'declined', 'refused', 'awarded')",
            name="state_known",
        ),
        sa.CheckConstraint("score BETWEEN 0 AND 10000", name="score_range"),
        sa.CheckConstraint("state <> 'refused' OR reason IS NOT NULL", name="refused_why"),
        _points("quality_application", "round_id", "quality_round"),
        _points("quality_application", "course_id", "course"),
        _points("quality_application", "version_id", "course_version"),
        _points("quality_application", "person_id", "person"),
    )
    op.create_index("ix_quality_application_round_id", "quality_application", ["round_id"])
    op.create_index("ix_quality_application_course_id", "quality_application", ["course_id"])
    there = sa.text("state <> 'withdrawn'")
    op.create_index(
        "uq_quality_application_once", "quality_application", ["round_id", "course_id"],
        unique=True, sqlite_where=there, postgresql_where=there,
    )  # fmt: skip


def _panel() -> None:
    op.create_table(
        "quality_panelist",
        _number("id"),
        _number("round_id"),
        _number("person_id"),
        _number("appointed_by_id"),
        _when("appointed_at"),
        sa.PrimaryKeyConstraint("id", name="pk_quality_panelist"),
        sa.UniqueConstraint("round_id", "person_id", name="uq_quality_panelist_round_id_person_id"),
        _points("quality_panelist", "round_id", "quality_round"),
        _points("quality_panelist", "person_id", "person"),
        _points("quality_panelist", "appointed_by_id", "person"),
    )
    op.create_index("ix_quality_panelist_person_id", "quality_panelist", ["person_id"])
    op.create_table(
        "quality_abstention",
        _number("id"),
        _number("application_id"),
        _number("person_id"),
        sa.Column("reason", sa.Text, nullable=False),
        _when("made_at"),
        sa.PrimaryKeyConstraint("id", name="pk_quality_abstention"),
        sa.UniqueConstraint(
            "application_id", "person_id", name="uq_quality_abstention_application_id_person_id"
        ),
        _points("quality_abstention", "application_id", "quality_application"),
        _points("quality_abstention", "person_id", "person"),
    )
    op.create_table(
        "quality_score",
        _number("id"),
        _number("application_id"),
        _number("person_id"),
        sa.Column("points", Json, nullable=False),
        sa.Column("remarks", Json, nullable=False),
        _number("total"),
        _when("saved_at"),
        sa.PrimaryKeyConstraint("id", name="pk_quality_score"),
        sa.UniqueConstraint(
            "application_id", "person_id", name="uq_quality_score_application_id_person_id"
        ),
        sa.CheckConstraint("total BETWEEN 0 AND 10000", name="total_range"),
        _points("quality_score", "application_id", "quality_application"),
        _points("quality_score", "person_id", "person"),
    )


def _objections() -> None:
    op.create_table(
        "quality_objection",
        _number("id"),
        _number("application_id"),
        _number("person_id", True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("contact", sa.String(120), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        _when("received_at"),
        _when("decided_at", True),
        _number("decided_by_id", True),
        sa.Column("answer", sa.Text),
        _when("erased_at", True),
        sa.PrimaryKeyConstraint("id", name="pk_quality_objection"),
        sa.CheckConstraint("state IN ('open', 'upheld', 'dismissed')", name="state_known"),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
        sa.CheckConstraint(
            "state = 'open' OR (decided_by_id IS NOT NULL AND answer IS NOT NULL)", name="answered"
        ),
        _points("quality_objection", "application_id", "quality_application"),
        _points("quality_objection", "person_id", "person"),
        _points("quality_objection", "decided_by_id", "person"),
    )
    op.create_index("ix_quality_objection_application_id", "quality_objection", ["application_id"])


def _marks() -> None:
    op.create_table(
        "quality_mark",
        _number("id"),
        _number("course_id"),
        _number("application_id", True),
        _number("year"),
        _number("serial"),
        _when("given_at"),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_until", sa.Date, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        _when("ended_at", True),
        _number("ended_by_id", True),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_quality_mark"),
        sa.UniqueConstraint("application_id", name="uq_quality_mark_application_id"),
        sa.UniqueConstraint("year", "serial", name="uq_quality_mark_year_serial"),
        sa.CheckConstraint("state IN ('active', 'expired', 'withdrawn')", name="state_known"),
        sa.CheckConstraint("valid_until >= valid_from", name="period"),
        sa.CheckConstraint("(state = 'active') = (ended_at IS NULL)", name="ended"),
        sa.CheckConstraint(
            "state <> 'withdrawn' OR (reason IS NOT NULL AND ended_by_id IS NOT NULL)",
            name="withdrawn_why",
        ),
        _points("quality_mark", "course_id", "course"),
        _points("quality_mark", "application_id", "quality_application"),
        _points("quality_mark", "ended_by_id", "person"),
    )
    op.create_index("ix_quality_mark_course_id", "quality_mark", ["course_id"])
    running = sa.text("state = 'active'")
    op.create_index(
        "uq_quality_mark_active", "quality_mark", ["course_id"], unique=True,
        sqlite_where=running, postgresql_where=running,
    )  # fmt: skip
    # Marks from before they were kept here: their number is of the year that they end in.
    year = (
        "CAST(strftime('%Y', quality_mark_until) AS INTEGER)"
        if op.get_bind().dialect.name == "sqlite"
        else "CAST(extract(year FROM quality_mark_until) AS INTEGER)"
    )
    begun = (
        "min(date(updated_at), quality_mark_until)"
        if op.get_bind().dialect.name == "sqlite"
        else "least(CAST(updated_at AS date), quality_mark_until)"
    )
    op.execute(
        "INSERT INTO quality_mark"  # noqa: S608 - names of this file only
        " (course_id, year, serial, given_at, valid_from, valid_until, state)"
        f" SELECT id, {year}, row_number() OVER (PARTITION BY {year} ORDER BY id),"
        f" updated_at, {begun}, quality_mark_until, 'active'"
        " FROM course WHERE quality_mark_until IS NOT NULL"
    )


def _keep_what_was_announced() -> None:
    dialect = op.get_bind().dialect.name
    columns = [c["name"] for c in sa.inspect(op.get_bind()).get_columns("quality_round")]
    differs = "IS NOT" if dialect == "sqlite" else "IS DISTINCT FROM"
    changed = " OR ".join(f'OLD."{c}" {differs} NEW."{c}"' for c in columns if c not in MOVING)
    when = f"OLD.published_at IS NOT NULL AND ({changed})"
    message = "an announced round does not change"
    if dialect == "sqlite":
        op.execute(
            f"CREATE TRIGGER quality_round_announced BEFORE UPDATE ON quality_round WHEN {when} "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION quality_round_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER quality_round_announced BEFORE UPDATE ON quality_round FOR EACH ROW "
        f"WHEN ({when}) EXECUTE FUNCTION quality_round_refuse()"
    )


def _courses_follow() -> None:
    """``course.quality_mark_until`` is the running mark's last day, whatever program writes."""
    follow = (
        "UPDATE course SET quality_mark_until = (SELECT m.valid_until FROM quality_mark m"
        " WHERE m.course_id = NEW.course_id AND m.state = 'active') WHERE id = NEW.course_id;"
    )
    if op.get_bind().dialect.name == "sqlite":
        for event in ("INSERT", "UPDATE"):
            op.execute(
                f"CREATE TRIGGER quality_mark_follow_{event.lower()} AFTER {event} ON quality_mark"
                f" BEGIN {follow} END"
            )
        return
    op.execute(
        "CREATE FUNCTION quality_mark_follow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"{follow} RETURN NULL; END $$"
    )
    op.execute(
        "CREATE TRIGGER quality_mark_follow AFTER INSERT OR UPDATE ON quality_mark FOR EACH ROW"
        " EXECUTE FUNCTION quality_mark_follow()"
    )

"""The outbox hands its words over to the entry, and keeps their hash.

A body was kept twice, and rewritten whenever its row learned its place. Which entry it became
is now asked by a trigger for all rows of a statement, where a foreign key asked for each.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

from zhixin.schema import edit_sqlite

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

TABLE = "ledger_submission"
FOREIGN_KEY = "fk_ledger_submission_entry_index_ledger_entry"
CHECKS = {
    "ck_ledger_submission_body_until_entry": "(entry_index IS NULL) = (body IS NOT NULL)",
    "ck_ledger_submission_hash_with_entry": "(entry_index IS NULL) = (leaf_hash IS NULL)",
}
MOVE = """
UPDATE ledger_submission SET body = NULL, leaf_hash = (
    SELECT leaf_hash FROM ledger_entry WHERE "index" = entry_index
) WHERE entry_index IS NOT NULL
"""
#: The one change that a row may see: it gets its place.
KEPT = ("id", "key", "kind", "submitted_at")
APPEND_ONLY = "ledger_submission is append-only"
NO_ENTRY = "ledger_submission without its ledger_entry"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        _on_sqlite(connection)
    else:
        _on_postgresql()


def _on_sqlite(connection: sa.Connection) -> None:
    op.execute(f"DROP TRIGGER {TABLE}_no_update")
    op.execute(f"ALTER TABLE {TABLE} ADD COLUMN leaf_hash BLOB")
    edit_sqlite(connection, TABLE, _without_body)
    op.execute(MOVE)
    edit_sqlite(connection, TABLE, _with_checks)
    changed = " OR ".join(f'OLD."{column}" IS NOT NEW."{column}"' for column in KEPT)
    op.execute(f"""
        CREATE TRIGGER {TABLE}_no_update BEFORE UPDATE ON {TABLE}
        WHEN OLD.entry_index IS NOT NULL OR NEW.entry_index IS NULL OR {changed}
        BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END
    """)
    op.execute(f"""
        CREATE TRIGGER {TABLE}_has_entry BEFORE UPDATE ON {TABLE}
        WHEN OLD.entry_index IS NULL AND NEW.entry_index IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM ledger_entry WHERE "index" = NEW.entry_index
        )
        BEGIN SELECT RAISE(ABORT, '{NO_ENTRY}'); END
    """)  # noqa: S608 - names of our own
    op.execute(f"""
        CREATE TRIGGER {TABLE}_waits_first BEFORE INSERT ON {TABLE}
        WHEN NEW.entry_index IS NOT NULL
        BEGIN SELECT RAISE(ABORT, '{NO_ENTRY}'); END
    """)


def _without_body(text: str) -> str:
    """The table's text with words that may be gone, and without the foreign key."""
    text, bodies = re.subn(r"\bbody TEXT NOT NULL", "body TEXT", text)
    text, keys = re.subn(
        rf",\s*CONSTRAINT {FOREIGN_KEY} FOREIGN KEY\s*\(entry_index\)"
        r' REFERENCES ledger_entry \("index"\) ON DELETE RESTRICT',
        "",
        text,
    )
    if (bodies, keys) != (1, 1):
        raise LookupError(f"{TABLE} is not as it was made: {text}")
    return text


def _with_checks(text: str) -> str:
    checks = "".join(f", CONSTRAINT {name} CHECK ({rule})" for name, rule in CHECKS.items())
    return text[: text.rindex(")")] + checks + ")"


def _on_postgresql() -> None:
    op.execute(f"DROP TRIGGER {TABLE}_no_update ON {TABLE}")
    op.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {FOREIGN_KEY}")
    op.execute(f"ALTER TABLE {TABLE} ADD COLUMN leaf_hash BYTEA")
    op.execute(f"ALTER TABLE {TABLE} ALTER COLUMN body DROP NOT NULL")
    op.execute(MOVE)
    for name, rule in CHECKS.items():
        op.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {name} CHECK ({rule})")
    changed = " OR ".join(f'OLD."{column}" IS DISTINCT FROM NEW."{column}"' for column in KEPT)
    op.execute(f"""
        CREATE TRIGGER {TABLE}_no_update BEFORE UPDATE ON {TABLE} FOR EACH ROW
        WHEN (OLD.entry_index IS NOT NULL OR NEW.entry_index IS NULL OR {changed})
        EXECUTE FUNCTION {TABLE}_refuse()
    """)
    op.execute(f"""
        CREATE FUNCTION {TABLE}_without_entry() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF EXISTS (
                SELECT 1 FROM placed WHERE NOT EXISTS (
                    SELECT 1 FROM ledger_entry WHERE "index" = placed.entry_index
                )
            ) THEN
                RAISE EXCEPTION '{NO_ENTRY}' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NULL;
        END $$
    """)  # noqa: S608 - names of our own
    op.execute(f"""
        CREATE TRIGGER {TABLE}_has_entry AFTER UPDATE ON {TABLE}
        REFERENCING NEW TABLE AS placed
        FOR EACH STATEMENT EXECUTE FUNCTION {TABLE}_without_entry()
    """)
    op.execute(f"""
        CREATE TRIGGER {TABLE}_waits_first BEFORE INSERT ON {TABLE} FOR EACH ROW
        WHEN (NEW.entry_index IS NOT NULL) EXECUTE FUNCTION {TABLE}_refuse()
    """)

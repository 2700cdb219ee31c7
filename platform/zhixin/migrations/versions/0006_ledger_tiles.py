"""The ledger's tree in tiles, built once from the entries that are there."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from zhixin.ledger import tiles

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

#: Leaves that are read at a time.
STEP = 65_536

TILE = sa.table(
    "ledger_tile",
    sa.column("level", sa.SmallInteger),
    sa.column("number", sa.BigInteger),
    sa.column("hashes", sa.LargeBinary),
)
ENTRY = sa.table("ledger_entry", sa.column("index", sa.BigInteger), sa.column("leaf_hash"))


def upgrade() -> None:
    bind = op.get_bind()
    op.create_table(
        "ledger_tile",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("level >= 0 AND level <= 7", name=op.f("ck_ledger_tile_level_known")),
        sa.CheckConstraint("number >= 0", name=op.f("ck_ledger_tile_number_whole")),
        sa.CheckConstraint(
            "length(hashes) >= 32 AND length(hashes) <= 8192 AND length(hashes) % 32 = 0",
            name=op.f("ck_ledger_tile_hashes_whole"),
        ),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_ledger_tile")),
    )
    if not _build(bind):
        # A log that was altered gets no tiles: it is not signed any further, and
        # ``zhixin ledger verify`` names what is wrong.
        op.execute("DELETE FROM ledger_tile")
    for statement in _guards(bind.dialect.name):
        op.execute(statement)


def _build(bind: sa.Connection) -> bool:
    """Whether the entries lead to the root that was signed last."""
    size, edge = 0, dict[tiles.Place, bytes]()
    for leaves in _leaves(bind):
        if not all(isinstance(leaf, bytes) and len(leaf) == 32 for leaf in leaves):
            return False
        grown = tiles.grow(size, edge, leaves)
        size += len(leaves)
        edge = {place: grown.get(place) or edge[place] for place in tiles.edge(size)}
        full = [place for place in grown if place not in edge]
        _insert(bind, [(place, grown[place]) for place in full])
    _insert(bind, list(edge.items()))
    newest = bind.execute(
        sa.text("SELECT size, root FROM ledger_tree_head ORDER BY size DESC LIMIT 1")
    ).one_or_none()
    return newest is None or (newest.size, newest.root) == (
        size,
        tiles.frontier(size, edge).root(),
    )


def _leaves(bind: sa.Connection) -> Iterator[list[bytes]]:
    rows = sa.select(ENTRY.c.index, ENTRY.c.leaf_hash).order_by(ENTRY.c.index).limit(STEP)
    after = -1
    while page := bind.execute(rows.where(ENTRY.c.index > after)).all():
        yield [leaf for _index, leaf in page]
        after = page[-1][0]


def _insert(bind: sa.Connection, placed: list[tuple[tiles.Place, bytes]]) -> None:
    rows = [place._asdict() | {"hashes": hashes} for place, hashes in placed]
    if rows:
        bind.execute(sa.insert(TILE), rows)


def _guards(dialect: str) -> list[str]:
    """Only more hashes at the end: a full tile has no room for any."""
    message = "ledger_tile is append-only"
    length = "length(OLD.hashes)"
    grows = (
        f"NEW.level = OLD.level AND NEW.number = OLD.number AND length(NEW.hashes) > {length}"
        f" AND substr(NEW.hashes, 1, {length}) = OLD.hashes"
    )
    if dialect == "sqlite":
        return [
            "CREATE TRIGGER ledger_tile_no_delete BEFORE DELETE ON ledger_tile "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END",
            "CREATE TRIGGER ledger_tile_no_update BEFORE UPDATE ON ledger_tile "
            f"WHEN NOT ({grows}) BEGIN SELECT RAISE(ABORT, '{message}'); END",
        ]
    return [
        "CREATE FUNCTION ledger_tile_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        "CREATE TRIGGER ledger_tile_no_update BEFORE UPDATE ON ledger_tile FOR EACH ROW "
        f"WHEN (NOT ({grows})) EXECUTE FUNCTION ledger_tile_refuse()",
        "CREATE TRIGGER ledger_tile_no_delete BEFORE DELETE ON ledger_tile "
        "FOR EACH ROW EXECUTE FUNCTION ledger_tile_refuse()",
        "CREATE TRIGGER ledger_tile_no_truncate BEFORE TRUNCATE ON ledger_tile "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_tile_refuse()",
        # Hashes do not compress: PostgreSQL need not try.
        "ALTER TABLE ledger_tile ALTER COLUMN hashes SET STORAGE EXTERNAL",
    ]

"""What is wrong with a log is found and named."""

from __future__ import annotations

import threading

import pytest
import rfc8785
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from tests.platform.ledger.tampering import DETACH
from zhixin import db
from zhixin.ledger import checkpoint, inspection, log, merkle, soundness, sweep, tiles, verification
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import Entry, EntryKind, Opening, Submission, Tile


def found(report, code):
    """The findings of one code, as (entry, head)."""
    return [(f.entry, f.head) for f in report.findings if f.code == code]


def leaves_in_order():
    return sa.select(Entry.leaf_hash).order_by(Entry.index)


def codes(report):
    return {finding.code for finding in report.findings}


def test_an_untouched_log_holds(grow, verify, session):
    """Every entry, head and decision agrees; size and root are those of the newest head."""
    grow(3, 1, 4)
    report = verify()
    newest = log.head(session)
    assert report.holds
    assert (report.size, report.heads) == (8, 3)
    assert report.root == newest.root.hex()


def test_an_empty_log_holds(session, verify):
    """Before the first decision there is nothing wrong."""
    report = verify()
    assert report.holds
    assert report.size == 0
    assert report.root == merkle.EMPTY_ROOT.hex()


def test_pages_of_any_length_hold(session, grow, signer, monkeypatch):
    """Streaming in pages sees every entry and every head, quickly or thoroughly."""
    monkeypatch.setattr(inspection, "BATCH", 2)
    for rows in (sweep.SqliteRows, sweep.PostgresRows):
        monkeypatch.setattr(rows, "step", 256)
    grow(1, 1, 2, 251, 1, 2, 255, 300)
    for thorough in (False, True):
        report = verification.verify(session, [signer.verifier_key], thorough=thorough)
        assert (report.findings, report.size, report.heads) == ([], 813, 8)


@pytest.mark.parametrize(("thorough", "steps"), [(False, [256, 300]), (True, [100, 200, 300])])
def test_progress_is_told(session, grow, signer, monkeypatch, thorough, steps):
    """Whoever waits is told how many entries are done."""
    monkeypatch.setattr(inspection, "BATCH", 100)
    for rows in (sweep.SqliteRows, sweep.PostgresRows):
        monkeypatch.setattr(rows, "step", 256)
    grow(300)
    told: list[int] = []
    verification.verify(session, [signer.verifier_key], on_progress=told.append, thorough=thorough)
    assert sorted(set(told)) == steps


def test_an_edited_body_is_named(grow, verify, tamper):
    """The very entry is named, and entries of later heads are not blamed."""
    grow(3, 3, 2)
    tamper("UPDATE ledger_entry SET body = replace(body, '1.5', '9.5') WHERE \"index\" = 4")
    report = verify()
    assert found(report, "edited") == [(4, None)]
    assert found(report, "root-differs") == [(3, 6)]


def test_an_edited_body_with_its_hash_recomputed_is_named(session, grow, verify, tamper):
    """Recomputing the leaf's hash helps nobody: the signed root still differs."""
    grow(3, 3, 2)
    body = log.entry(session, 4).body.replace("1.5", "9.5")
    tamper(
        'UPDATE ledger_entry SET body = :body, leaf_hash = :leaf WHERE "index" = 4',
        body=body,
        leaf=merkle.leaf_hash(body.encode()),
    )
    report = verify()
    assert found(report, "root-differs") == [(3, 6)]
    assert found(report, "differs-from-decision") == [(4, None)]
    assert "第 4 条记录" in "".join(f.message for f in report.findings)


def test_an_edit_repeated_in_its_decision_is_found(session, grow, verify, tamper):
    """Entry, hash and decision changed alike: the batch that no longer fits is named."""
    grow(3, 3)
    body = log.entry(session, 4).body.replace("1.5", "9.5")
    tamper(
        'UPDATE ledger_entry SET body = :body, leaf_hash = :leaf WHERE "index" = 4',
        "UPDATE ledger_submission SET leaf_hash = :leaf WHERE entry_index = 4 AND :body = :body",
        body=body,
        leaf=merkle.leaf_hash(body.encode()),
    )
    assert found(verify(), "root-differs") == [(3, 6)]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_submission SET kind = 'reversal' WHERE entry_index = 257",
        "UPDATE ledger_submission SET leaf_hash = :other WHERE entry_index = 257",
        DETACH + " WHERE entry_index = 257",
    ],
)
def test_a_decision_that_was_changed_is_found(grow, verify, tamper, change):
    """Kind, hash and place of a decision are those of its entry, though the entry is as it was."""
    grow(300)
    tamper(change, **({"other": bytes(32)} if ":other" in change else {}))
    assert found(verify(), "differs-from-decision") == [(257, None)]


def test_an_edited_hash_is_named(grow, verify, tamper):
    """The stored hash is checked against the body, even when it is not used."""
    grow(3)
    tamper('UPDATE ledger_entry SET leaf_hash = :leaf WHERE "index" = 1', leaf=bytes(32))
    findings = [(f.code, f.entry) for f in verify().findings]
    assert findings == [("edited", 1), ("differs-from-decision", 1)]


def test_an_edited_kind_is_named(grow, verify, tamper):
    """The kind beside the body says what the body says."""
    grow(3)
    tamper("UPDATE ledger_entry SET kind = 'reversal' WHERE \"index\" = 1")
    report = verify()
    assert found(report, "not-canonical") == [(1, None)]


def test_a_kind_edited_in_the_decision_too_is_named(grow, verify, tamper):
    """Entry and decision agree with each other, and not with the words that were signed."""
    grow(300)
    tamper(
        "UPDATE ledger_entry SET kind = 'reversal' WHERE \"index\" = 257",
        "UPDATE ledger_submission SET kind = 'reversal' WHERE entry_index = 257",
    )
    assert found(verify(), "not-canonical") == [(257, None)]


def test_a_deleted_entry_is_named(grow, verify, tamper):
    """A gap in the indexes is an entry that is missing."""
    grow(3, 3)
    tamper(DETACH + " WHERE entry_index = 1", 'DELETE FROM ledger_entry WHERE "index" = 1')
    report = verify()
    assert found(report, "missing") == [(1, None)]
    assert found(report, "root-differs") == [(0, 3)]  # and not the batch after it


def test_the_first_entry_deleted_is_named(grow, verify, tamper):
    """The log begins at 0."""
    grow(2)
    tamper(DETACH + " WHERE entry_index = 0", 'DELETE FROM ledger_entry WHERE "index" = 0')
    assert found(verify(), "missing") == [(0, None)]


def test_a_truncated_log_is_found(grow, verify, tamper):
    """Entries cut off at the end are missed by the heads that cover them."""
    grow(3, 2, 2)
    tamper(
        DETACH + " WHERE entry_index >= 4",
        'DELETE FROM ledger_entry WHERE "index" >= 4',
    )
    report = verify()
    assert found(report, "truncated") == [(4, 7)]


def test_a_log_emptied_of_entries_is_found(grow, verify, tamper):
    """Even with no entry left, the heads tell how many there were."""
    grow(3)
    tamper(DETACH, "DELETE FROM ledger_entry")
    assert found(verify(), "truncated") == [(0, 3)]


def test_a_deleted_newest_head_is_found(grow, verify, tamper):
    """Every entry is under a signed head."""
    grow(3, 2)
    tamper("DELETE FROM ledger_tree_head WHERE size = 5")
    assert found(verify(), "unsigned") == [(3, None)]


def test_an_entry_slipped_in_is_found(session, grow, verify, tamper, now):
    """An entry that no decision submitted and no head covers is a forgery."""
    grow(2)
    body = rfc8785.dumps({"kind": "award", "hours": "100"}).decode()
    leaf = merkle.leaf_hash(body.encode())
    session.add(Entry(index=2, kind=EntryKind.AWARD, body=body, leaf_hash=leaf, appended_at=now))
    session.commit()
    report = verify()
    assert found(report, "unsigned") == [(2, None)]
    assert found(report, "differs-from-decision") == [(2, None)]


def test_entries_that_changed_places_are_found(grow, verify, tamper):
    """Order is part of what was signed."""
    grow(3)
    tamper(
        DETACH,
        'UPDATE ledger_entry SET "index" = 9 WHERE "index" = 0',
        'UPDATE ledger_entry SET "index" = 0 WHERE "index" = 1',
        'UPDATE ledger_entry SET "index" = 1 WHERE "index" = 9',
    )
    assert found(verify(), "root-differs") == [(0, 3)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("root = :zeros", "head-edited"),
        ("frontier = :zeros", "frontier-edited"),
        ("checkpoint = 'nothing'", "signature-wrong"),
        ("checkpoint = replace(checkpoint, 'zhixin.example', 'other.example')", "signature-wrong"),
    ],
)
def test_an_edited_head_is_named(grow, verify, tamper, change, code):
    """Root, signature and the state for going on are each checked."""
    grow(3, 2)
    values = {"zeros": bytes(32)} if ":zeros" in change else {}
    tamper(f"UPDATE ledger_tree_head SET {change} WHERE size = 3", **values)
    assert found(verify(), code) == [(None, 3)]


def test_a_head_moved_to_another_size_is_found(grow, verify, tamper):
    """A signature counts for the size that it signs."""
    grow(3, 2)
    tamper("UPDATE ledger_tree_head SET size = 4 WHERE size = 5")
    assert found(verify(), "head-edited") == [(None, 4)]


def test_another_key_is_not_believed(grow, session):
    """A log signed anew by somebody else is not this log."""
    grow(2)
    other = Signer("zhixin.example/ledger", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    report = verification.verify(session, [other.verifier_key])
    assert codes(report) == {"signature-wrong"}


def test_a_checkpoint_kept_outside_holds(session, grow, verify):
    """An earlier checkpoint of an honest log is found in it."""
    grow(3)
    kept = log.head(session).checkpoint
    grow(2)
    assert verify(kept).holds


def test_history_rewritten_with_the_key_is_found(session, grow, verify, tamper, signer, now):
    """Even the key's holder cannot change what somebody else has kept."""
    grow(3)
    kept = log.head(session).checkpoint
    tamper(
        "DELETE FROM ledger_tree_head",
        "DELETE FROM ledger_tile",
        DETACH,
        "DELETE FROM ledger_entry",
        "UPDATE ledger_submission SET body = replace(body, '1.5', '9.5') WHERE key = 'award:1'",
    )
    log.append_waiting(session, signer, now)
    assert verify().holds  # by itself it looks fine
    assert found(verify(kept), "history-rewritten") == [(None, 3)]


def test_a_shortened_log_is_found_by_a_kept_checkpoint(session, grow, verify, tamper):
    """Cutting off entries with their heads is seen by who kept the newest checkpoint."""
    grow(3, 2)
    kept = log.head(session).checkpoint
    tamper(
        "DELETE FROM ledger_tree_head WHERE size = 5",
        DETACH + " WHERE entry_index >= 3",
        'DELETE FROM ledger_entry WHERE "index" >= 3',
    )
    assert found(verify(kept), "history-rewritten") == [(None, 5)]


@pytest.mark.parametrize("note", ["", "zhixin.example/ledger\n3\nAAAA\n", "\x00" * 10])
def test_a_strange_checkpoint_is_refused(grow, verify, note):
    """A file that is no checkpoint of this log proves nothing, and says so."""
    grow(1)
    assert codes(verify(note)) == {"checkpoint-unknown"}


def test_many_findings_are_counted(grow, verify, tamper, monkeypatch):
    """A log beyond repair does not fill the memory with findings."""
    monkeypatch.setattr(inspection, "MOST_FINDINGS", 3)
    grow(8)
    tamper("UPDATE ledger_entry SET body = '{}'")
    report = verify()
    assert len(report.findings) == 3
    assert report.more > 0
    assert not report.holds


@pytest.mark.parametrize("body", ["null", "[1]", "{", "NaN", "[" * 5000, '{"kind":1e999}', ""])
def test_a_body_of_any_kind_is_survived(grow, verify, tamper, body):
    """What an intruder left there is named, whatever it is."""
    grow(2)
    tamper(
        'UPDATE ledger_entry SET body = :body, leaf_hash = :leaf WHERE "index" = 1',
        body=body,
        leaf=merkle.leaf_hash(body.encode()),
    )
    assert (1, None) in found(verify(), "not-canonical")


@pytest.mark.parametrize("value", ["x'ff00'", "CAST(x'ff00' AS TEXT)", "7"])
def test_a_value_of_another_type_is_survived(session, grow, verify, tamper, value):
    """SQLite keeps any type in any column: still named, no crash."""
    if session.get_bind().dialect.name != "sqlite":
        value = "'7'"
    grow(3)
    tamper(f'UPDATE ledger_entry SET body = {value} WHERE "index" = 1')
    assert (1, None) in found(verify(), "edited")


@pytest.mark.parametrize("column", ["root", "frontier", "checkpoint"])
def test_a_head_of_another_type_is_survived(session, grow, verify, tamper, column):
    """The same for tree heads."""
    grow(3)
    value = "'x'" if column == "checkpoint" else "decode('00', 'hex')"
    if session.get_bind().dialect.name == "sqlite":
        value = "CAST(x'ff00' AS TEXT)"
    tamper(f"UPDATE ledger_tree_head SET {column} = {value}")
    assert {head for f in verify().findings if (head := f.head)} == {3}


def test_an_entry_lost_behind_its_decision_is_named(own_engine, signer, now):
    """Entries and heads gone alike (foreign keys off): the decisions still point at them."""
    with Session(own_engine) as session:
        for n in range(4):
            log.submit(session, EntryKind.AWARD, f"award:{n}", {"n": n}, now=now)
            log.append_waiting(session, signer, now)
        session.commit()
    with own_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if own_engine.dialect.name == "sqlite":
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            for table in ("entry", "tree_head"):
                connection.exec_driver_sql(f"DROP TRIGGER ledger_{table}_no_delete")
        else:
            connection.exec_driver_sql("SET session_replication_role = replica")
        connection.exec_driver_sql('DELETE FROM ledger_entry WHERE "index" >= 2')
        connection.exec_driver_sql("DELETE FROM ledger_tree_head WHERE size > 2")
    with Session(own_engine) as session:
        report = verification.verify(session, [signer.verifier_key])
    assert found(report, "entry-lost") == [(2, None), (3, None)]


def test_verifying_does_not_stop_the_sequencer(own_engine, settings, signer, now, monkeypatch):
    """A snapshot sees one moment while entries are appended, and reports no ghosts."""
    for rows in (sweep.SqliteRows, sweep.PostgresRows):
        monkeypatch.setattr(rows, "step", 256)

    def append(first: int) -> None:
        with Session(own_engine) as session:
            for n in range(first, first + 300):
                log.submit(session, EntryKind.AWARD, f"award:{n}", {"n": n}, now=now)
            log.append_waiting(session, signer, now)
            session.commit()

    append(0)
    append(300)

    def meanwhile(done: int) -> None:
        if done == 256:
            writer = threading.Thread(target=append, args=(600,))
            writer.start()
            writer.join(timeout=10)
            assert not writer.is_alive(), "the sequencer waits for the verification"

    with verification.snapshot(db.Database(settings, bind=own_engine)) as session:
        report = verification.verify(session, [signer.verifier_key], on_progress=meanwhile)
    assert report.holds
    assert report.size == 600


def test_the_signed_note_is_what_others_read(session, grow, signer):
    """The checkpoint verifies with nothing but the published key line."""
    grow(2)
    signed = checkpoint.parse_and_verify(log.head(session).checkpoint, [signer.verifier_key])
    assert signed.origin == "zhixin.example/ledger"
    assert signed.size == 2


# --- tiles -------------------------------------------------------------------------------------

SWAP = """
    UPDATE ledger_tile SET hashes = {0} WHERE level = {1} AND number = {2}
"""


def with_a_changed_hash(session, level, number, at):
    """A tile's hashes with one of them another."""
    hashes = session.scalar(
        sa.select(Tile.hashes).where(Tile.level == level, Tile.number == number)
    )
    return hashes[: at * 32] + bytes(32) + hashes[at * 32 + 32 :]


@pytest.mark.parametrize(
    ("level", "number", "at", "first"),
    [(0, 0, 5, 0), (0, 1, 255, 256), (0, 2, 87, 512), (1, 0, 1, 0)],
)
def test_an_edited_tile_is_named(session, grow, verify, tamper, level, number, at, first):
    """A hash in a full tile, in one that still grows, or above."""
    grow(300, 300)
    hashes = with_a_changed_hash(session, level, number, at)
    tamper(SWAP.format(":hashes", level, number), hashes=hashes)
    report = verify()
    assert codes(report) == {"tile-differs"}
    assert (first, None) in found(report, "tile-differs")
    assert any(f"第 {level} 层第 {number} 块" in finding.message for finding in report.findings)


def test_tiles_and_entries_edited_alike_are_found(session, grow, verify, tamper):
    """Body, hash, decision and all tiles made to fit: the signed root still differs."""
    grow(300, 300)
    body = log.entry(session, 4).body.replace("1.5", "9.5")
    leaf = merkle.leaf_hash(body.encode())
    leaves = list(session.scalars(sa.select(Entry.leaf_hash).order_by(Entry.index)))
    leaves[4] = leaf
    forged = tiles.grow(0, {}, leaves)
    tamper(
        'UPDATE ledger_entry SET body = :body, leaf_hash = :leaf WHERE "index" = 4',
        "UPDATE ledger_submission SET leaf_hash = :leaf WHERE entry_index = 4 AND :body = :body",
        body=body,
        leaf=leaf,
    )
    for (level, number), hashes in forged.items():
        tamper(SWAP.format(":hashes", level, number), hashes=hashes)
    assert found(verify(), "root-differs") == [(0, 300)]


@pytest.mark.parametrize("where", ["level = 0 AND number = 1", "level = 1", "1 = 1"])
def test_a_deleted_tile_is_named(grow, verify, tamper, where):
    """The tiles are those of the newest head, all of them."""
    grow(600)
    tamper(f"DELETE FROM ledger_tile WHERE {where}")
    assert codes(verify()) == {"tile-differs"}


def test_a_shortened_tile_is_named(session, grow, verify, tamper):
    """A tile that ends before the newest head does."""
    grow(300)
    short = session.scalar(sa.select(Tile.hashes).where(Tile.level == 0, Tile.number == 1))[:-32]
    tamper(SWAP.format(":hashes", 0, 1), hashes=short)
    assert found(verify(), "tile-differs") == [(256, None)]


def test_a_tile_too_many_is_found(session, grow, verify):
    """Nothing is served that no head covers."""
    grow(3)
    session.add(Tile(level=0, number=1, hashes=bytes(32)))
    session.commit()
    assert codes(verify()) == {"tile-extra"}


def test_tiles_are_not_blamed_for_edited_entries(grow, verify, tamper):
    """As long as they lead to the root that was signed."""
    grow(300)
    tamper('UPDATE ledger_entry SET leaf_hash = :leaf WHERE "index" = 7', leaf=bytes(32))
    assert codes(verify()) == {"edited", "differs-from-decision"}


# --- since a checkpoint ----------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(3, 4), (256, 3), (300, 300), (700, 1), (5, 1200)])
def test_only_what_came_after_is_looked_at(session, grow, signer, sizes):
    """From the last full tile before the checkpoint on; size and root are those of the whole."""
    grow(sizes[0])
    kept = log.head(session).checkpoint
    grow(sizes[1])
    report = verification.verify(session, [signer.verifier_key], since=kept)
    assert report.holds
    assert report.since == sizes[0] - sizes[0] % 256
    assert (report.size, report.root) == (sum(sizes), log.head(session).root.hex())


def test_what_was_verified_before_is_not_looked_at_again(session, grow, verify, signer, tamper):
    """An old entry edited since is found by verifying all, not by what came after."""
    grow(600)
    kept = log.head(session).checkpoint
    grow(3)
    tamper("UPDATE ledger_entry SET body = '{}' WHERE \"index\" = 5")
    assert verification.verify(session, [signer.verifier_key], since=kept).holds
    assert not verify().holds


def test_what_came_after_is_named(session, grow, signer, tamper):
    """With the same findings as when all is verified."""
    grow(600)
    kept = log.head(session).checkpoint
    grow(3)
    tamper("UPDATE ledger_entry SET body = replace(body, '1.5', '9.5') WHERE \"index\" = 601")
    report = verification.verify(session, [signer.verifier_key], since=kept)
    assert found(report, "edited") == [(601, None)]
    assert found(report, "root-differs") == [(600, 603)]
    assert report.since == 512


def test_a_restored_backup_is_shorter_than_what_was_kept(session, grow, signer, tamper):
    """Rolled back to before the checkpoint: it is missing, whatever else holds."""
    grow(600)
    kept, shorter = None, tiles.grow(0, {}, list(session.scalars(leaves_in_order())))
    grow(10)
    kept = log.head(session).checkpoint
    tamper(
        "DELETE FROM ledger_tree_head WHERE size = 610",
        DETACH + " WHERE entry_index >= 600",
        'DELETE FROM ledger_entry WHERE "index" >= 600',
    )
    for (level, number), hashes in shorter.items():
        tamper(SWAP.format(":hashes", level, number), hashes=hashes)
    assert verification.verify(session, [signer.verifier_key]).holds
    for arguments in ({"since": kept}, {"known": [kept]}):
        report = verification.verify(session, [signer.verifier_key], **arguments)
        assert found(report, "history-rewritten") == [(None, 610)]


def test_a_rewritten_past_does_not_lead_to_what_was_kept(session, grow, signer, tamper, now):
    """Signed anew with the right key: the tiles lead to another root."""
    grow(300)
    kept = log.head(session).checkpoint
    tamper(
        "DELETE FROM ledger_tree_head",
        "DELETE FROM ledger_tile",
        DETACH,
        "DELETE FROM ledger_entry",
        "UPDATE ledger_submission SET body = replace(body, '1.5', '9.5') WHERE key = 'award:1'",
    )
    log.append_waiting(session, signer, now)
    report = verification.verify(session, [signer.verifier_key], since=kept)
    assert [(f.code, f.head) for f in report.findings] == [("history-rewritten", 300)]


def test_a_checkpoint_of_another_log_is_no_beginning(session, grow, signer):
    """Said, and all is verified."""
    grow(3)
    report = verification.verify(session, [signer.verifier_key], since="nonsense")
    assert codes(report) == {"checkpoint-unknown"}
    assert (report.since, report.size) == (0, 3)


# --- more ------------------------------------------------------------------------------------


@pytest.fixture
def two_people(session, signer, now, create_person):
    """Two entries about people, and a policy's about nobody."""
    for person in (create_person("alice"), create_person("bob")):
        log.submit(session, EntryKind.AWARD, f"a:{person.id}", {}, person_id=person.id, now=now)
    log.submit(session, EntryKind.POLICY_PUBLISHED, "p:1", {}, now=now)
    log.append_waiting(session, signer, now)
    return session.scalars(sa.select(Opening).order_by(Opening.submission_id)).all()


def test_salts_that_changed_places_are_found(session, signer, two_people):
    """An opening that opens another entry would show another person than the log has."""
    one, other = two_people
    one.salt, other.salt = other.salt, one.salt
    session.flush()
    report = verification.verify(session, [signer.verifier_key])
    assert found(report, "opening-differs") == [(0, None), (1, None)]


def test_hours_moved_to_another_person_are_found(session, signer, two_people):
    """With the salt left as it was."""
    two_people[1].person_id = two_people[0].person_id
    session.flush()
    report = verification.verify(session, [signer.verifier_key])
    assert found(report, "opening-differs") == [(1, None)]


def test_an_erased_salt_is_no_tampering(session, signer, two_people):
    """It erases whom the entry is about, as it may; the log still holds."""
    session.delete(two_people[0])
    session.flush()
    assert verification.verify(session, [signer.verifier_key]).holds


def test_what_was_signed_though_not_canonical_is_found_thoroughly(
    session, signer, now, monkeypatch
):
    """The signature vouches for what the sequencer wrote; who doubts that parses every entry."""
    body = '{"kind": "award","kind":"award"}'
    session.add(Submission(key="odd", kind="award", body=body, submitted_at=now))
    session.flush()
    monkeypatch.setattr(log, "first_strange", lambda _bodies, _kinds: None)
    log.append_waiting(session, signer, now)
    report = verification.verify(session, [signer.verifier_key], thorough=True)
    assert found(report, "not-canonical") == [(0, None)]


@pytest.mark.parametrize("tampered", [None, 0, 700, 1199])
def test_several_processes_find_the_same(own_engine, settings, signer, now, monkeypatch, tampered):
    """Each hashes ranges of its own, at one moment of the log."""
    monkeypatch.setattr(soundness, "WORTH_A_PROCESS", 300)
    monkeypatch.setattr(soundness, "LONGEST", 256)
    monkeypatch.setattr(soundness, "SHORTEST", 256)
    with Session(own_engine) as session:
        for n in range(1200):
            log.submit(session, EntryKind.AWARD, f"award:{n}", {"hours": "1.5"}, now=now)
        while log.append_waiting(session, signer, now, limit=170):
            pass
        session.commit()
        kept = log.head(session).checkpoint
        for n in range(3):
            log.submit(session, EntryKind.AWARD, f"more:{n}", {"hours": "1.5"}, now=now)
        log.append_waiting(session, signer, now)
        session.commit()
        if tampered is not None:
            trigger = "DROP TRIGGER ledger_entry_no_update"
            on = " ON ledger_entry" if own_engine.dialect.name == "postgresql" else ""
            session.execute(sa.text(trigger + on))
            session.execute(sa.update(Entry).where(Entry.index == tampered).values(body="{}"))
            session.commit()
    with verification.snapshot(db.Database(settings, bind=own_engine)) as session:
        report = verification.verify(session, [signer.verifier_key], [kept], processes=3)
    assert report.size == 1203
    assert found(report, "edited") == ([] if tampered is None else [(tampered, None)])
    assert report.holds == (tampered is None)

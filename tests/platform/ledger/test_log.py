"""Submitting decisions and appending them."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest
import rfc8785
import sqlalchemy as sa
from psycopg.errors import UniqueViolation
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.locks import wait_for_a_lock
from zhixin.errors import Invalid, NotFound
from zhixin.ledger import checkpoint, log, merkle, verification
from zhixin.ledger.models import Entry, EntryKind, Opening, Submission, Tile, TreeHead


def test_the_body_is_canonical_json(session, submit):
    """What is hashed is RFC 8785 JSON, so that anyone gets the same bytes."""
    (id,) = submit([7])
    body = session.get_one(Submission, id).body
    assert rfc8785.dumps(json.loads(body)).decode() == body
    assert json.loads(body)["kind"] == "award"
    assert json.loads(body)["key"] == "award:7"


def test_a_person_is_a_salted_commitment(session, submit, create_person):
    """The log names nobody: only who holds the salt can show whom an entry is about."""
    alice = create_person("alice", name="王小明")
    (id,) = submit([1], person_id=alice.id)
    body = json.loads(session.get_one(Submission, id).body)
    opening = session.get_one(Opening, id)
    assert len(opening.salt) == 32
    assert "王小明" not in json.dumps(body, ensure_ascii=False)
    canonical = rfc8785.dumps({"person": alice.id, "salt": opening.salt.hex()})
    assert body["person"] == hashlib.sha256(canonical).hexdigest()


def test_two_entries_about_one_person_look_unrelated(session, submit, create_person):
    """Each commitment has its own salt, so the public cannot link a person's entries."""
    alice = create_person("alice")
    ids = submit([1, 2], person_id=alice.id)
    persons = {json.loads(session.get_one(Submission, id).body)["person"] for id in ids}
    assert len(persons) == 2


def test_a_decision_is_submitted_once(session, submit):
    """The database refuses the second submission under one key."""
    submit([1])
    with pytest.raises(IntegrityError, match=r"ledger_submission.*key"):
        submit([1])


def test_entries_follow_the_order_of_submission(session, grow):
    """Indexes start at 0, have no gaps, and each submission knows its own."""
    grow(3, 2)
    assert session.scalars(sa.select(Entry.index).order_by(Entry.index)).all() == list(range(5))
    keys = session.scalars(sa.select(Submission.key).order_by(Submission.entry_index)).all()
    assert keys == [f"award:{n}" for n in range(5)]


def test_the_bytes_are_utf8_whatever_the_client_is_set_to(session, signer, now):
    """Words travel as bytes; a client's own encoding (PGCLIENTENCODING) changes none of them."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text("SET LOCAL client_encoding = 'GBK'"))
    log.submit(session, EntryKind.AWARD, "award:1", {"title": "智能制造"}, now=now)
    log.append_waiting(session, signer, now)
    entry = log.entry(session, 0)
    assert json.loads(entry.body)["facts"] == {"title": "智能制造"}
    assert entry.leaf_hash == merkle.leaf_hash(entry.body.encode())
    assert verification.verify(session, [signer.verifier_key]).holds


def test_one_signed_head_covers_a_batch(session, grow, signer):
    """Each batch has one checkpoint whose root is that of all leaves so far."""
    grow(3, 2)
    heads = session.scalars(sa.select(TreeHead).order_by(TreeHead.size)).all()
    leaves = session.scalars(sa.select(Entry.leaf_hash).order_by(Entry.index)).all()
    assert [head.size for head in heads] == [3, 5]
    for head in heads:
        signed = checkpoint.parse_and_verify(head.checkpoint, [signer.verifier_key])
        assert (signed.size, signed.root) == (head.size, head.root)
        assert head.root == merkle.root(leaves[: head.size])


def test_a_batch_is_limited(session, submit, signer, now):
    """The sequencer takes the oldest first and leaves the rest for its next turn."""
    submit(range(5))
    assert [log.append_waiting(session, signer, now, limit=2) for _ in range(4)] == [2, 2, 1, 0]


def test_nothing_waiting_signs_nothing(session, signer, now):
    """An idle sequencer leaves no tree head behind."""
    assert log.append_waiting(session, signer, now) == 0
    assert log.head(session) is None


def test_proofs_verify(session, grow):
    """Inclusion and consistency proofs lead from leaves to the signed roots."""
    grow(3, 4)
    root = {head.size: head.root for head in session.scalars(sa.select(TreeHead))}
    for index in range(7):
        leaf = merkle.leaf_hash(log.entry(session, index).body.encode())
        merkle.verify_inclusion(index, 7, leaf, log.inclusion(session, index, 7), root[7])
    merkle.verify_consistency(3, 7, root[3], root[7], log.consistency(session, 3, 7))


@pytest.mark.parametrize(("index", "size"), [(3, 3), (-1, 3)])
def test_a_proof_outside_its_tree_is_refused(session, grow, index, size):
    """An index must lie below the size it is proved in."""
    grow(3)
    with pytest.raises(Invalid):
        log.inclusion(session, index, size)


def test_a_proof_beyond_the_log_is_not_found(session, grow):
    """Nothing is proved about entries that do not exist yet."""
    grow(3)
    with pytest.raises(NotFound):
        log.inclusion(session, 0, 4)
    with pytest.raises(NotFound):
        log.consistency(session, 2, 4)


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_tree_head", "ledger_tile"])
@pytest.mark.parametrize("act", ["UPDATE {} SET {}", "DELETE FROM {}"])
def test_the_database_refuses_to_rewrite(session, grow, table, act):
    """The log's tables are append-only for everyone, program or not."""
    grow(2)
    change = {
        "ledger_entry": "body = 'x'",
        "ledger_tree_head": "checkpoint = 'x'",
        "ledger_tile": "number = 7",
    }[table]
    with pytest.raises(IntegrityError, match=f"{table} is append-only"):
        session.execute(sa.text(act.format(table, change)))


def test_a_submission_changes_only_by_being_appended(session, submit):
    """The outbox keeps what was decided; only its place in the log is filled in."""
    submit([1])
    with pytest.raises(IntegrityError, match="ledger_submission is append-only"):
        session.execute(sa.update(Submission).values(body="{}"))


def test_words_move_into_the_entry(session, grow):
    """They are kept once: the submission remembers their hash and their place."""
    grow(2)
    for submission in session.scalars(sa.select(Submission).order_by(Submission.id)):
        entry = session.get_one(Entry, submission.entry_index)
        assert submission.body is None
        assert submission.leaf_hash == entry.leaf_hash == merkle.leaf_hash(entry.body.encode())


@pytest.mark.parametrize("change", ["entry_index = 1", "entry_index = NULL", "leaf_hash = 'x'"])
def test_a_place_in_the_log_is_for_good(session, grow, change):
    """Nobody moves a decision to another entry, or takes it back."""
    grow(1)
    with pytest.raises(IntegrityError, match="ledger_submission is append-only"):
        session.execute(sa.text(f"UPDATE ledger_submission SET {change}"))


def test_no_place_without_an_entry(session, submit):
    """A submission can't say that it is in the log while it is not, nor begin so."""
    (id,) = submit([1])
    place = {"entry_index": 7, "leaf_hash": bytes(32), "body": None}
    with pytest.raises(IntegrityError, match="ledger_submission"), session.begin_nested():
        session.execute(sa.update(Submission).where(Submission.id == id).values(place))
    with pytest.raises(IntegrityError, match="ledger_submission"), session.begin_nested():
        session.execute(
            sa.insert(Submission).values(
                key="odd", kind="award", submitted_at=datetime.now(UTC), **place
            )
        )


@pytest.mark.parametrize(
    ("hashes", "refused"), [("ab", True), ("bbb", True), ("a", True), ("abb", False)]
)
def test_a_tile_only_gets_longer(session, hashes, refused):
    """The hashes that are in a tile stay; a full tile has no room for more."""
    a, b = (character.encode() * 32 for character in "ab")
    session.add(Tile(level=0, number=0, hashes=a + b))
    session.flush()
    longer = b"".join({"a": a, "b": b}[each] for each in hashes)
    change = sa.update(Tile).values(hashes=longer)
    with pytest.raises(IntegrityError, match="append-only") if refused else nullcontext():
        session.execute(change)


def test_a_tile_has_room_for_256_hashes(session):
    """And only for whole ones."""
    for length in (0, 31, 33, 8192 + 32):
        with pytest.raises(IntegrityError, match="hashes_whole"), session.begin_nested():
            session.execute(sa.insert(Tile).values(level=0, number=0, hashes=bytes(length)))


def test_an_entry_too_long_for_a_tiled_log_is_refused(session, now):
    """Its length is served in two bytes; nothing is submitted."""
    for length, fits in ((60_000, True), (65_536, False)):
        with nullcontext() if fits else pytest.raises(Invalid, match="过长"):
            log.submit(session, EntryKind.AWARD, f"a:{length}", {"x": "x" * length}, now=now)
    assert session.scalar(sa.select(sa.func.count()).select_from(Submission)) == 1


def test_the_sequencer_stops_at_an_altered_tile(session, grow, submit, tamper, signer, now):
    """Nor does it sign what goes on from hashes that were not signed."""
    grow(3)
    submit([3])
    for hashes in (bytes(96), bytes(64)):
        tamper("UPDATE ledger_tile SET hashes = :hashes", hashes=hashes)
        with pytest.raises(log.LogBroken, match="tree head 3"):
            log.append_waiting(session, signer, now)


@pytest.mark.parametrize(
    ("kind", "body"),
    [("award", '{"kind": "award"}'), ("award", '{"kind":"reversal"}'), ("award", "x" * 70_000)],
)
def test_the_sequencer_signs_only_what_submit_writes(session, grow, signer, now, kind, body):
    """What got into the outbox by another way stops the log until a person looks."""
    grow(1)
    session.add(Submission(key="strange", kind=kind, body=body, submitted_at=now))
    session.flush()
    with pytest.raises(log.LogBroken, match="canonical"):
        log.append_waiting(session, signer, now)


def test_a_proof_asks_the_database_once(session, grow, queries):
    """How long the log is, and all tiles that the proof needs."""
    grow(300, 300)
    with queries() as asked:
        log.inclusion(session, 17, 599)
        log.consistency(session, 17, 599)
    assert len(asked) == 2


def test_the_sequencer_stops_at_an_altered_head(session, grow, submit, tamper, signer, now):
    """It never signs a tree that goes on from a state that was not signed before."""
    grow(3)
    tamper("UPDATE ledger_tree_head SET root = :root", root=bytes(32))
    submit([3])
    with pytest.raises(log.LogBroken, match="tree head 3"):
        log.append_waiting(session, signer, now)


def test_sequencers_do_not_fork_the_log(own_engine, signer, now):
    """Many sequencers at once append every submission once, in one line of tree heads."""
    with Session(own_engine) as session:
        for n in range(30):
            log.submit(session, EntryKind.AWARD, f"award:{n}", {"n": n}, now=now)
        session.commit()

    def sequence(_number: int) -> int:
        done = 0
        with Session(own_engine) as session:
            while appended := log.append_waiting(session, signer, now, limit=3):
                session.commit()
                done += appended
        return done

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(sequence, range(8))) == 30
    with Session(own_engine) as session:
        leaves = session.scalars(sa.select(Entry.leaf_hash).order_by(Entry.index)).all()
        for head in session.scalars(sa.select(TreeHead)):
            assert head.root == merkle.root(leaves[: head.size])
        assert verification.verify(session, [signer.verifier_key]).holds


@pytest.fixture
def no_turns(monkeypatch):
    """Sequencers do not take turns on PostgreSQL: the lock is gone, the keys are not."""
    only_words = "SELECT set_config('client_encoding', 'UTF8', true)"
    monkeypatch.setattr(log, "_POSTGRES_TURN", only_words)


REFUSED = (IntegrityError, UniqueViolation)  # COPY does not go through SQLAlchemy


def test_the_database_refuses_a_second_writer_of_an_index(
    own_engine, signer, now, no_turns, monkeypatch
):
    """One that read the log before another had written, and then writes other decisions at the
    same places: the primary key says no, nothing of it stays, and the log goes on whole."""
    with Session(own_engine) as session:
        for n in range(4):
            log.submit(session, EntryKind.AWARD, f"award:{n}", {"n": n}, now=now)
        assert log.append_waiting(session, signer, now, limit=2) == 2
        session.commit()
    with monkeypatch.context() as late, Session(own_engine) as session:
        late.setattr(log, "head", lambda _session: None)  # as it was when this one looked
        with pytest.raises(REFUSED, match="ledger_entry"):
            log.append_waiting(session, signer, now)
        session.rollback()
    with Session(own_engine) as session:
        assert session.scalars(sa.select(TreeHead.size)).all() == [2]
        report = verification.verify(session, [signer.verifier_key])
        assert (report.findings, report.size) == ([], 2)
        assert log.append_waiting(session, signer, now) == 2
        session.commit()
        keys = [
            json.loads(each)["key"]
            for each in session.scalars(sa.select(Entry.body).order_by(Entry.index))
        ]
        assert keys == [f"award:{n}" for n in range(4)]
        assert verification.verify(session, [signer.verifier_key]).holds


def test_of_two_that_write_at_once_without_turns_one_is_refused(own_engine, signer, now, no_turns):
    """Both see the same log and the same outbox. PostgreSQL lets the second wait for the first's
    key, and refuses it then; SQLite has one writer at a time, whoever asks."""
    with Session(own_engine) as session:
        log.submit(session, EntryKind.AWARD, "award:1", {"n": 1}, now=now)
        session.commit()
    postgres = own_engine.dialect.name == "postgresql"

    def second() -> int | None:
        with Session(own_engine) as session:
            try:
                appended = log.append_waiting(session, signer, now)
                session.commit()
            except REFUSED:
                return None
            return appended

    with ThreadPoolExecutor(1) as pool, Session(own_engine) as first:
        assert log.append_waiting(first, signer, now) == 1
        other = pool.submit(second)
        if postgres:
            wait_for_a_lock(own_engine)
        first.commit()
        assert other.result(60) == (None if postgres else 0)
    with Session(own_engine) as session:
        assert session.scalars(sa.select(TreeHead.size)).all() == [1]
        assert verification.verify(session, [signer.verifier_key]).holds


def test_proofs_of_many_entries_are_those_of_each(session, grow, queries):
    """At any place of a tree of several tiles and levels, from one query."""
    size = 599
    grow(300, 299)
    with queries() as asked:
        found = log.inclusions(session, range(size), size)
    assert len(asked) == 1
    assert all(found[index] == log.inclusion(session, index, size) for index in range(0, size, 7))
    assert len(found) == size


def test_a_missing_tile_fails_only_the_proofs_that_need_it(session, grow, tamper):
    """Of a list, the others keep theirs."""
    grow(300, 300)
    tamper("DELETE FROM ledger_tile WHERE level = 0 AND number = 1")
    found = log.inclusions(session, [3, 300], 600)
    assert list(found) == [3]
    assert found[3] == log.inclusion(session, 3, 600)

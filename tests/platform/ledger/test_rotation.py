"""Changing the log's key: both keys sign it, each is believed in its time, old verifiers go on."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import pytest

from zhixin.errors import Conflict
from zhixin.ledger import checkpoint, keyfile, keys, log, rotation, verification
from zhixin.ledger.checkpoint import NoteError
from zhixin.ledger.keys import Signer
from zhixin.ledger.models import Entry, EntryKind
from zhixin.ledger.rotation import Period, Ring, RotationError


@pytest.fixture
def rotate(session, settings, now) -> Any:
    """Change the key and append the entry; gives the change as the log holds it."""

    def run() -> rotation.Rotation:
        rotation.rotate(session, settings, now)
        log.append_waiting(session, Signer.of(settings), now)
        session.commit()
        return rotation.rotations(session)[-1]

    return run


def signed_by(note: str, key: str) -> bool:
    try:
        checkpoint.parse_and_verify(note, [key])
    except NoteError:
        return False
    return True


def test_from_its_entry_on_the_new_key_signs(session, settings, grow, rotate):
    """The head that covers the entry is the first of the new key; the old one signs beside it."""
    grow(3)
    before = log.head(session).checkpoint
    change = rotate()
    after = log.head(session).checkpoint
    assert (change.index, log.head(session).size) == (3, 4)
    assert signed_by(before, change.old)
    assert not signed_by(before, change.new)
    assert signed_by(after, change.new)
    assert signed_by(after, change.old)
    assert after.split("\n\n")[1].count("\n") == 2


def test_the_entry_is_signed_by_both(session, grow, rotate):
    """Anybody can check it with the two public keys in it."""
    grow(1)
    rotate()
    facts = json.loads(session.get(Entry, 1).body)["facts"]
    assert set(facts) == {"old", "new", "note"}
    text = rotation.statement(facts["old"], facts["new"])
    for key in (facts["old"], facts["new"]):
        assert checkpoint.open_note(facts["note"], [key]) == text
    with pytest.raises(NoteError):
        checkpoint.claimed(facts["note"])  # it passes for no checkpoint


def test_a_log_with_changed_keys_verifies(session, settings, grow, rotate, submit, now):
    """From any of its keys, over several changes."""
    grow(2)
    first, second = rotate(), rotate()
    submit(range(2, 4))
    log.append_waiting(session, Signer.of(settings), now)
    for trusted in (first.old, first.new, second.new):
        report = verification.verify(session, [trusted])
        assert (report.findings, report.size) == ([], 6)


def test_a_retired_key_signs_no_more(session, settings, grow, rotate, submit, now):
    """Its file is gone, the current one has taken its place, and the log goes on."""
    grow(1)
    change = rotate()
    assert keys.forget_former(settings, change.new) == 1
    assert Signer.of(settings).held == [change.new]
    submit([1])
    log.append_waiting(session, Signer.of(settings), now)
    newest = log.head(session).checkpoint
    assert signed_by(newest, change.new)
    assert not signed_by(newest, change.old)
    assert verification.verify(session, [change.new]).holds


def test_a_former_key_is_not_believed_after_its_time(session, settings, grow, rotate, tamper):
    """Who stole the old key cannot sign what comes after it."""
    grow(1)
    change = rotate()
    head = log.head(session)
    forged = Signer.of(settings).sign(head.size, head.root, [change.old])
    tamper("UPDATE ledger_tree_head SET checkpoint = :note WHERE size = 2", note=forged)
    assert [f.code for f in verification.verify(session, [change.new]).findings] == [
        "signature-wrong"
    ]


def test_a_new_key_is_not_believed_before_its_time(session, settings, grow, rotate, tamper):
    """Heads of the past are those that were signed then."""
    grow(1)
    change = rotate()
    root = session.get(Entry, 0).leaf_hash
    forged = Signer.of(settings).sign(1, root, [change.new])
    tamper("UPDATE ledger_tree_head SET checkpoint = :note WHERE size = 1", note=forged)
    assert [f.code for f in verification.verify(session, [change.new]).findings] == [
        "signature-wrong"
    ]


def test_the_sequencer_refuses_without_the_key_of_its_time(
    session, settings, grow, rotate, submit, now
):
    """A host that was not given the new key signs nothing by the old one."""
    grow(1)
    change = rotate()
    for path in keys.successor_paths(settings):
        path.unlink()
    submit([1])
    with pytest.raises(keyfile.KeyUnusable, match=r"keys/"):
        log.append_waiting(session, Signer.of(settings), now)
    assert change.new not in Signer.of(settings).held


def test_a_second_change_waits_for_the_first(session, settings, grow, now):
    """One at a time."""
    grow(1)
    rotation.rotate(session, settings, now)
    with pytest.raises(Conflict):
        rotation.rotate(session, settings, now)


def test_a_change_that_is_not_signed_is_found(session, settings, grow, submit, now):
    """Whoever can write entries, but has no key, changes no key."""
    grow(1)
    stranger = Signer(settings.origin, keyfile.Ed25519PrivateKey.generate())
    ours = Signer.of(settings).verifier_key
    text = rotation.statement(ours, stranger.verifier_key)
    facts = {"old": ours, "new": stranger.verifier_key, "note": stranger.sign_note(text)}
    log.submit(session, EntryKind.KEY_ROTATED, "key:1", facts, now=now)
    with pytest.raises(RotationError):
        log.append_waiting(session, Signer.of(settings), now)


@pytest.mark.parametrize(
    "facts", [{}, {"old": 1, "new": 2, "note": 3}, {"old": "", "new": "", "note": ""}]
)
def test_malformed_changes_are_named(session, verify, grow, tamper, facts):
    """``verify`` says so instead of stopping."""
    grow(2)
    body = json.dumps({"facts": facts, "kind": "key-rotated"})
    tamper(
        """UPDATE ledger_entry SET kind = 'key-rotated', body = :body WHERE "index" = 1""",
        body=body,
    )
    assert "keys-broken" in {finding.code for finding in verify().findings}


def test_no_trusted_key_in_the_chain(session, grow, rotate):
    """A chain of strangers proves nothing."""
    grow(1)
    rotate()
    stranger = Signer("zhixin.example/ledger", keyfile.Ed25519PrivateKey.generate())
    with pytest.raises(RotationError, match="trusted"):
        Ring.of(rotation.rotations(session), [stranger.verifier_key])


def test_a_key_does_not_come_back(session, settings, grow, rotate):
    """A → B → A would let an old note pass for a new one."""
    grow(1)
    change = rotate()
    both = Signer.of(settings)
    back = rotation.Rotation(
        9,
        change.new,
        change.old,
        both.sign_note(rotation.statement(change.new, change.old), [change.new, change.old]),
    )
    with pytest.raises(RotationError, match="successor"):
        Ring.of([change, back], [change.old])


def test_periods_meet():
    """Every head has one key."""
    first, second = Period("a", 0, 3), Period("b", 3)
    assert [first.covers(n) for n in (1, 3, 4)] == [True, True, False]
    assert [second.covers(n) for n in (1, 3, 4)] == [False, False, True]


def test_the_world_is_told_all_keys(client, session, grow, rotate):
    """Current and former, each with the entry where its time began."""
    grow(2)
    change = rotate()
    lines = client.get("/.well-known/zhixin-ledger-key").text.splitlines()
    assert lines[:2] == [f"{change.old} 0", f"{change.new} 2"]
    assert client.get("/api/v1/ledger/key").text == change.new + "\n"


def test_a_passphrase_covers_the_new_key(session, settings, grow, now):
    """It is kept as the first one is."""
    sealed = dataclasses.replace(settings, key_passphrase="three words long")
    grow(1)
    rotation.rotate(session, sealed, now)
    (path,) = keys.successor_paths(sealed)
    assert path.read_text().startswith("-----BEGIN ENCRYPTED")


def test_an_altered_note_is_refused(session, grow, rotate):
    """One bit of a signature."""
    grow(1)
    change = rotate()
    head, _, last = change.note.rpartition(" ")
    raw = bytearray(base64.b64decode(last))
    raw[-1] ^= 1
    altered = f"{head} {base64.b64encode(bytes(raw)).decode()}\n"
    with pytest.raises(RotationError):
        dataclasses.replace(change, note=altered).check()


def test_a_new_key_that_was_plain_is_encrypted_by_init(session, settings, grow, now):
    """And stays the same key."""
    sealed = dataclasses.replace(settings, key_passphrase="three words long")
    grow(1)
    rotation.rotate(session, settings, now)
    held = Signer.of(settings).held
    (path,) = keys.successor_paths(settings)
    assert not keyfile.is_encrypted(path)
    assert keys.encrypt_plain(sealed, keys.LEDGER)
    assert keyfile.is_encrypted(path)
    assert Signer.of(sealed).held == held
    assert not keys.encrypt_plain(sealed, keys.LEDGER)

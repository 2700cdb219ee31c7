"""Cosignatures: only a known witness's, over what we signed, are kept, and for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from zhixin.errors import Invalid, NotFound
from zhixin.ledger import checkpoint, cosignature, log, witness
from zhixin.ledger.checkpoint import COSIGNATURE, NoteError, Verifier
from zhixin.ledger.models import Cosignature, EntryKind

KEY = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
NAME = "witness.example/w1"
PUBLIC = cosignature.verifier_key(NAME, KEY)
POST = "/api/v1/ledger/cosignatures"


@pytest.fixture
def cosigned(session, grow, now):
    """The newest checkpoint with the witness's line, cosigned now."""

    def make(key=KEY, name=NAME, at=now) -> str:
        if log.head(session) is None:
            grow(3)
        note = log.head(session).checkpoint
        return note + cosignature.cosign(checkpoint.split(note)[0], name, key, at)

    return make


def test_the_specifications_signature_has_its_time():
    """The cosignature in C2SP's own text was made at the time that it says."""
    note = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3"
        "b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    )
    _text, ((name, _key_id, signature),) = checkpoint.split(note)
    assert name == "witness.example.com/w1"
    assert (int.from_bytes(signature[:8]), len(signature)) == (1679315147, 72)


def test_keys_of_others_are_read():
    """A witness's key of transparency-dev's tests; a log's key is none."""
    theirs = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
    assert str(Verifier.parse(theirs, COSIGNATURE)) == theirs
    log_key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert str(Verifier.parse(log_key)) == log_key
    with pytest.raises(NoteError):
        Verifier.parse(log_key, COSIGNATURE)
    with pytest.raises(NoteError):
        Verifier.parse(theirs)


def test_what_is_signed_is_the_specifications_message():
    """Two lines of its own, then the checkpoint's text."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    line = cosignature.cosign(text, NAME, KEY, datetime.fromtimestamp(1679315147, UTC))
    _text, ((_name, key_id, signature),) = checkpoint.split(f"{text}\n{line}")
    assert key_id == Verifier.parse(PUBLIC, COSIGNATURE).key_id
    message = f"cosignature/v1\ntime 1679315147\n{text}".encode()
    KEY.public_key().verify(signature[8:], message)


def test_a_known_witness_is_shown(client, session, cosigned, now):
    """Its line stands on the served checkpoint from then on, and in the list of witnesses."""
    witness.add(session, PUBLIC, now)
    note = cosigned()
    assert client.post(POST, data=note).json == {"witnesses": [NAME]}
    assert client.get("/api/v1/ledger/checkpoint").text == note
    assert client.get("/api/v1/ledger/checkpoints/3").text == note
    (standing,) = witness.standings(session)
    assert (standing.witness.name, standing.size, standing.at) == (NAME, 3, now)


def test_a_second_word_changes_nothing(session, cosigned, now):
    """The first cosignature stays; asking again is no error."""
    witness.add(session, PUBLIC, now)
    first = cosigned()
    for note in (first, cosigned(at=now + timedelta(minutes=1))):
        assert [each.name for each in witness.accept(session, note, now)] == [NAME]
    assert witness.cosigned_note(session, log.head(session)) == first


def test_strangers_are_not_kept(session, cosigned, now):
    """Neither unknown ones nor retired ones."""
    with pytest.raises(Invalid, match="没有已登记"):
        witness.accept(session, cosigned(), now)
    witness.add(session, PUBLIC, now)
    witness.retire(session, NAME, now)
    with pytest.raises(Invalid, match="没有已登记"):
        witness.accept(session, cosigned(), now)
    witness.add(session, PUBLIC, now)
    assert witness.accept(session, cosigned(), now)


def test_another_key_under_the_same_name_is_a_stranger(session, cosigned, now):
    """A name proves nothing."""
    witness.add(session, PUBLIC, now)
    other = Ed25519PrivateKey.from_private_bytes(b"\x0a" * 32)
    with pytest.raises(Invalid):
        witness.accept(session, cosigned(key=other), now)


def test_a_wrong_cosignature_is_refused(session, cosigned, now):
    """One made over another text."""
    witness.add(session, PUBLIC, now)
    note = cosigned()
    line = cosignature.cosign("another\n1\ntext\n", NAME, KEY, now)
    with pytest.raises(Invalid, match="联署无效"):
        witness.accept(session, note[: note.rindex("—")] + line, now)


def test_a_time_to_come_is_refused(session, cosigned, now):
    """Beyond what clocks differ by."""
    witness.add(session, PUBLIC, now)
    with pytest.raises(Invalid, match="未来"):
        witness.accept(session, cosigned(at=now + timedelta(hours=1)), now)


def test_what_we_did_not_sign_is_unknown(session, grow, now):
    """Another size, another root, another log: the witness has seen something else."""
    grow(3)
    witness.add(session, PUBLIC, now)
    ours = checkpoint.claimed(log.head(session).checkpoint)
    for seen in (
        checkpoint.Checkpoint(ours.origin, 2, ours.root),
        checkpoint.Checkpoint(ours.origin, 3, bytes(32)),
        checkpoint.Checkpoint("other.example/log", 3, ours.root),
    ):
        text = seen.note_text()
        note = f"{text}\n{cosignature.cosign(text, NAME, KEY, now)}"
        with pytest.raises(NotFound):
            witness.accept(session, note, now)


@pytest.mark.parametrize("body", [b"", b"nonsense", b"\xff\x00\n\n", b"x" * 30_000])
def test_nonsense_is_refused(client, grow, body):
    """With a problem document."""
    grow(1)
    answer = client.post(POST, data=body)
    assert answer.status_code == 422
    assert answer.json["type"].endswith("#cosignature-refused")


def test_the_database_keeps_what_was_cosigned(session, cosigned, now):
    """Neither changed nor deleted; a witness's key is not exchanged."""
    witness.add(session, PUBLIC, now)
    witness.accept(session, cosigned(), now)
    session.commit()
    for statement in (
        "UPDATE ledger_cosignature SET line = 'x'",
        "DELETE FROM ledger_cosignature",
        "UPDATE ledger_witness SET verifier_key = 'x'",
        "DELETE FROM ledger_witness",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), session.begin_nested():
            session.execute(sa.text(statement))
    assert session.scalar(sa.select(sa.func.count()).select_from(Cosignature)) == 1


def test_a_logs_key_is_no_witness(session, signer, now):
    """And nonsense neither."""
    for key in (signer.verifier_key, "nonsense", ""):
        with pytest.raises(Invalid, match="不是见证人的公钥"):
            witness.add(session, key, now)


def test_the_same_sent_at_once_is_kept_once(own_engine, signer, now):
    """A witness that tries again while its first request is still running gets an answer, too."""
    with Session(own_engine) as session:
        log.submit(session, EntryKind.AWARD, "award:1", {"hours": "1.5"}, now=now)
        log.append_waiting(session, signer, now)
        witness.add(session, PUBLIC, now)
        session.commit()
        note = log.head(session).checkpoint
    note += cosignature.cosign(checkpoint.split(note)[0], NAME, KEY, now)

    def send(_time: int) -> list[str]:
        with Session(own_engine) as session:
            names = [each.name for each in witness.accept(session, note, now)]
            session.commit()
            return names

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, range(16))) == [[NAME]] * 16
    with Session(own_engine) as session:
        assert witness.cosigned_note(session, log.head(session)) == note

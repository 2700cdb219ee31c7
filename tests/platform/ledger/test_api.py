"""The ledger for machines: public, complete enough to verify with nothing else."""

from __future__ import annotations

import json

import pytest

from zhixin.ledger import checkpoint, merkle

LEDGER = "/api/v1/ledger"


def test_a_stranger_can_verify_an_entry(client, grow):
    """Checkpoint, key, entry and proof: all that is needed, without an account."""
    grow(3, 2)
    key = client.get(f"{LEDGER}/key").text.strip()
    response = client.get(f"{LEDGER}/checkpoint")
    assert response.content_type.startswith("text/plain")
    signed = checkpoint.parse_and_verify(response.text, [key])
    entry = client.get(f"{LEDGER}/entries/1").json
    leaf = merkle.leaf_hash(entry["body"].encode())
    assert leaf.hex() == entry["leaf_hash"]
    proof = client.get(f"{LEDGER}/proofs/inclusion", query_string={"index": 1, "size": 5}).json
    path = [bytes.fromhex(h) for h in proof["hashes"]]
    merkle.verify_inclusion(1, signed.size, leaf, path, signed.root)


def test_a_stranger_can_verify_that_nothing_was_rewritten(client, grow):
    """Whoever kept an old checkpoint asks for the proof that the new one adds to it."""
    grow(3)
    key = client.get(f"{LEDGER}/key").text.strip()
    old = checkpoint.parse_and_verify(client.get(f"{LEDGER}/checkpoint").text, [key])
    grow(4)
    new = checkpoint.parse_and_verify(client.get(f"{LEDGER}/checkpoint").text, [key])
    query = {"from": old.size, "to": new.size}
    proof = client.get(f"{LEDGER}/proofs/consistency", query_string=query).json
    path = [bytes.fromhex(h) for h in proof["hashes"]]
    merkle.verify_consistency(old.size, new.size, old.root, new.root, path)


def test_an_empty_log_has_no_checkpoint(client):
    """Not found, as a problem document."""
    response = client.get(f"{LEDGER}/checkpoint")
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/entries/9", 404),
        ("/entries/x", 404),
        ("/entries/99999999999999999999", 404),
        ("/proofs/inclusion?index=0&size=9", 404),
        ("/proofs/inclusion?index=3&size=3", 422),
        ("/proofs/inclusion?index=-1&size=3", 422),
        ("/proofs/inclusion?index=0&size=99999999999999999999", 422),
        ("/proofs/inclusion?index=nan&size=3", 422),
        ("/proofs/inclusion", 422),
        ("/proofs/consistency?from=0&to=3", 422),
        ("/proofs/consistency?from=3&to=2", 422),
        ("/proofs/consistency?from=1&to=9", 404),
        ("/proofs/consistency?from=1&to=2&extra=1", 422),
    ],
)
def test_impossible_questions_are_refused(client, grow, path, status):
    """Each with its status and a problem document."""
    grow(3)
    response = client.get(LEDGER + path)
    assert response.status_code == status
    assert response.content_type == "application/problem+json"


def test_the_page_shows_the_signed_head(client, grow, signer):
    """Size, root, signature and key, for anyone."""
    grow(3)
    page = client.get("/ledger")
    assert page.status_code == 200
    assert signer.verifier_key in page.text.replace("&#43;", "+")
    assert "zhixin.example/ledger\n3\n" in page.text


def test_the_page_of_an_empty_log(client):
    """A new installation says that there is nothing yet."""
    assert "还没有记录" in client.get("/ledger").text


def test_no_personal_data_in_entries(client, submit, session, signer, now, create_person):
    """Names stay out of everything that is public."""
    from zhixin.ledger import log

    alice = create_person("alice", name="王小明")
    submit([0], person_id=alice.id)
    log.append_waiting(session, signer, now)
    session.commit()
    body = json.loads(client.get(f"{LEDGER}/entries/0").json["body"])
    assert set(body) == {"kind", "key", "facts", "decided_at", "person"}
    assert "王小明" not in json.dumps(body, ensure_ascii=False)


def test_the_page_shows_keys_witnesses_and_the_verifier(client, session, settings, grow, now):
    """All that somebody needs who wants to check it without us."""
    from zhixin.ledger import cosignature, keys, log, rotation, witness
    from zhixin.ledger.keys import Signer

    key = keys.Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
    grow(2)
    rotation.rotate(session, settings, now)
    log.append_waiting(session, Signer.of(settings), now)
    witness.add(session, cosignature.verifier_key("witness.example/w1", key), now)
    note = log.head(session).checkpoint
    line = cosignature.cosign(checkpoint.split(note)[0], "witness.example/w1", key, now)
    witness.accept(session, note + line, now)
    session.commit()
    change = rotation.rotations(session)[-1]
    page = client.get("/ledger").text.replace("&#43;", "+")
    for shown in (change.old, change.new, "自第 2 条起", "至第 1 条止", line.strip(), "联署到"):
        assert shown in page
    assert "zhixin_verify.py" in page
    assert "data-chart" in page

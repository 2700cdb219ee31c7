"""Certificates as people get them, before the offline verifier."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests import scenes
from zhixin.certificates import files, issuing, rendering, status_list
from zhixin.ledger import checkpoint, cosignature, log, proofs, rotation, witness
from zhixin.ledger.keys import Signer
from zhixin.ledger.views import VERIFIER


@pytest.fixture
def papers(session, course, in_log, now, settings, tmp_path) -> Path:
    """A folder with a certificate's PDF, its credential, the published keys and the status list."""
    in_log()
    issuer = scenes.issuer()
    text = files.get(session, course, issuer, now)
    pdf = rendering.pdf(issuing.contents(course), address=issuer.page(course.code), credential=text)
    (tmp_path / "certificate.pdf").write_bytes(pdf)
    (tmp_path / "credential.json").write_text(text)
    (tmp_path / "keys").write_text(rotation.published(session, settings))
    (tmp_path / "status.json").write_text(status_list.of(session, 1, issuer))
    return tmp_path


def verify(folder: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-I", str(VERIFIER), *arguments, "--key", "keys"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_a_certificate_holds(papers, course):
    """The PDF by itself, and its credential: every step, and the facts to compare."""
    for name in ("certificate.pdf", "credential.json"):
        status, told = verify(papers, name, "--status", "status.json")
        assert (status, told.count("✓")) == (0, 5)
        assert issuing.contents(course)["number"] in told
        assert "欧阳明远" in told


def test_it_holds_against_a_later_checkpoint(session, papers, annual, settings, now):
    """With the proof that the command line writes."""
    log.append_waiting(session, Signer.of(settings), now)
    head = log.head(session)
    old = json.loads((papers / "credential.json").read_text())["evidence"][0]["size"]
    (papers / "later.txt").write_text(head.checkpoint)
    (papers / "path.json").write_text(json.dumps(proofs.consistency(session, old, head.size)))
    options = ["--checkpoint", "later.txt", "--consistency", "path.json"]
    status, told = verify(papers, "certificate.pdf", *options)
    assert (status, f"{old} → {head.size}" in told) == (0, True)


@pytest.fixture
def cosign(session, now):
    """A witness, known here, that cosigns the newest head; gives its public key."""
    key = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
    witness.add(session, cosignature.verifier_key("witness.example/w1", key), now)

    def sign() -> str:
        note = log.head(session).checkpoint
        line = cosignature.cosign(checkpoint.split(note)[0], "witness.example/w1", key, now)
        witness.accept(session, note + line, now)
        return cosignature.verifier_key("witness.example/w1", key)

    return sign


def test_a_witness_word_is_in_the_file(
    session, course, annual, in_log, cosign, now, settings, tmp_path
):
    """Once a witness has cosigned a head that has the entry, the file carries its word, though
    the log has gone on; the offline verifier, given its key, names it and finds a forged one."""
    in_log()
    public = cosign()
    issuing.revoke(session, annual, "重复出具", now)
    in_log()
    assert witness.newest_cosigned(session).size < log.head(session).size
    text = files.get(session, course, scenes.issuer(), now)
    (tmp_path / "credential.json").write_text(text)
    (tmp_path / "keys").write_text(rotation.published(session, settings))
    status, told = verify(tmp_path, "credential.json", "--key", public)
    assert (status, "witness.example/w1（见证" in told) == (0, True)
    assert verify(tmp_path, "credential.json")[0] == 0  # whoever does not know the witness

    proof = json.loads(text)["evidence"][0]
    _own, cosigned = proof["checkpoint"].splitlines(keepends=True)[-2:]
    assert cosigned.startswith("— witness.example/w1 ")
    _name, blob = cosigned[2:].split()
    raw = bytearray(base64.b64decode(blob))
    raw[-1] ^= 1
    proof["checkpoint"] = proof["checkpoint"].replace(blob, base64.b64encode(raw).decode())
    (tmp_path / "proof.json").write_text(json.dumps(proof))
    assert verify(tmp_path, "proof.json")[0] == 0
    assert verify(tmp_path, "proof.json", "--key", public)[0] == 1


def test_files_that_nobody_asks_for_wait_for_a_witness(session, course, in_log, cosign, now):
    """For a while; a holder, who asks, gets theirs at once, without."""
    in_log()
    issuer = scenes.issuer()
    assert files.make_waiting(session, issuer, now) == 0
    with session.begin_nested() as asked:
        assert "witness.example" not in files.get(session, course, issuer, now)
        asked.rollback()
    with session.begin_nested() as late:
        assert files.make_waiting(session, issuer, now + files.PATIENCE) == 1
        late.rollback()
    session.expire_all()
    cosign()
    assert files.make_waiting(session, issuer, now) == 1
    assert "— witness.example/w1 " in files.kept(session, course)


def test_the_public_page_shows_what_witnesses_signed(session, course, in_log, cosign, client):
    """Of the newest head that they have seen, if it has the entry."""
    in_log()
    session.commit()
    told = client.get(f"/api/v1/certificates/{course.code}").get_json()
    assert (told["status"], told["cosigned"]) == ("genuine", None)
    cosign()
    session.commit()
    told = client.get(f"/api/v1/certificates/{course.code}").get_json()
    assert "— witness.example/w1 " in told["cosigned"]
    assert "— witness.example/w1 " in client.get(f"/v/{course.code}").text


def test_a_changed_hour_is_found(papers):
    """One character of what it says."""
    document = json.loads((papers / "credential.json").read_text())
    document["credentialSubject"]["result"][0]["value"] = "90"
    (papers / "credential.json").write_text(json.dumps(document))
    status, told = verify(papers, "credential.json")
    assert (status, told[0]) == (1, "✗")


def test_a_revoked_one_is_found(session, papers, course, now):
    """By the list of today; the file itself stays right."""
    issuing.revoke(session, course, "重复出具", now)
    session.flush()
    (papers / "status.json").write_text(status_list.of(session, 1, scenes.issuer()))
    assert verify(papers, "certificate.pdf")[0] == 0
    status, told = verify(papers, "certificate.pdf", "--status", "status.json")
    assert (status, "已被撤销" in told) == (1, True)

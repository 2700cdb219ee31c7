"""Certificates as people get them, before the offline verifier."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import scenes
from zhixin.certificates import files, issuing, rendering, status_list
from zhixin.ledger import log, proofs, rotation
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

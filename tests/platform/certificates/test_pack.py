"""The sealed evidence pack: the same each time, and whatever is changed in it is named."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile

import pytest
from click.testing import CliRunner

from tests import scenes
from zhixin.certificates import data_integrity, files, pack, pack_check
from zhixin.certificates.pack_check import PackWrong
from zhixin.ledger import log


@pytest.fixture
def sealed(session, annual, in_log, now) -> bytes:
    """The pack of an annual statement."""
    in_log()
    document = files.get(session, annual, scenes.issuer(), now)
    return pack.build(session, annual, document, scenes.issuer())


@pytest.fixture
def check(session, app):
    issuer = scenes.issuer()
    public = data_integrity.public_key(issuer.key.multikey)
    keys = [issuer.log_key(session)]
    return lambda content: list(pack_check.check(content, public, keys))


def _parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _packed(parts: dict[str, bytes]) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return kept.getvalue()


def test_it_has_all_that_the_paper_stands_on(sealed, annual, award, check) -> None:
    """PDF, table, credential, proofs, evidence, verifier, manifest; and it holds."""
    assert set(_parts(sealed)) == {
        "README.txt", "awards.csv", "certificate.pdf", "credential.json", "manifest.json",
        f"evidence/{award.evidence_sha256}.json", f"proofs/award-{award.id}.json",
        "proofs/certificate.json", "zhixin_verify.py",
    }  # fmt: skip
    assert len(check(sealed)) == 4


def test_the_same_pack_is_the_same_bytes(session, sealed, annual, course, in_log, now) -> None:
    """However the log has grown since."""
    in_log()
    document = files.get(session, annual, scenes.issuer(), now)
    assert pack.build(session, annual, document, scenes.issuer()) == sealed


def test_its_holder_can_open_the_commitments(sealed, award) -> None:
    """The salts are in it: so the holder can show that the entries are theirs."""
    proof = json.loads(_parts(sealed)[f"proofs/award-{award.id}.json"])
    opening = proof["opening"]
    said = log.commitment(opening["person"], bytes.fromhex(opening["salt"]))
    assert opening["person"] == award.person_id
    assert json.loads(proof["entry"])["person"] == said


def test_excel_shows_and_calculates_nothing(session, sealed, award) -> None:
    """UTF-8 with its mark; a title that begins like a formula is text."""
    text = _parts(sealed)["awards.csv"]
    assert text.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(text.decode("utf-8-sig"))))
    assert rows[1][1:3] == ["课程", "专业科目"]
    assert [pack.plain(each) for each in ("=1+1", "-1", "@x", "课程")] == [
        "'=1+1", "'-1", "'@x", "课程",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("awards.csv", lambda c: c + b"x"),
        ("certificate.pdf", lambda c: b""),
        ("credential.json", lambda c: c.replace(b'"1"', b'"9"')),
        ("manifest.json", lambda c: c.replace(b"ZX-", b"ZY-")),
        ("manifest.json", lambda c: b"[]"),
        ("manifest.json", lambda c: b"\xff"),
    ],
)
def test_what_was_changed_is_refused(sealed, check, name, change) -> None:
    """A file, the manifest, or both."""
    parts = _parts(sealed)
    parts[name] = change(parts[name])
    with pytest.raises((PackWrong, data_integrity.ProofInvalid)):
        check(_packed(parts))


def test_a_file_more_or_less_is_refused(sealed, check) -> None:
    """What the manifest does not name is not part of the pack."""
    parts = _parts(sealed)
    with pytest.raises(PackWrong):
        check(_packed({**parts, "more.txt": b""}))
    del parts["README.txt"]
    with pytest.raises(PackWrong):
        check(_packed(parts))


def test_proofs_of_somebody_else_are_refused(session, sealed, annual, check) -> None:
    """Sealed anew with another opening, it is the opening that does not fit."""
    parts = _parts(sealed)
    del parts["manifest.json"]
    name = next(each for each in parts if each.startswith("proofs/award"))
    proof = json.loads(parts[name])
    proof["opening"]["person"] += 1
    parts[name] = json.dumps(proof).encode()
    forged = pack.seal(parts, annual.number, scenes.issuer(), annual.issued_at)
    with pytest.raises(PackWrong, match="承诺"):
        check(forged)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_pack_is_no_pack(content, check) -> None:
    """Damaged or empty archives are refused in words."""
    with pytest.raises(PackWrong):
        check(content)


def test_a_bomb_is_not_unpacked(check, monkeypatch) -> None:
    """Whatever its headers say, no more is unpacked than a pack may hold."""
    monkeypatch.setattr(pack_check, "MOST_BYTES", 1000)
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b"0" * 100_000)
    with pytest.raises(PackWrong, match="过大"):
        check(kept.getvalue())


def test_the_offline_verifier_reads_all_of_it(
    session, sealed, annual, client, now, tmp_path
) -> None:
    """The program in the pack, run alone: the credential, the paper that carries it, each proof."""
    for name, content in _parts(sealed).items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "keys").write_text(client.get("/.well-known/zhixin-ledger-key").text)
    (tmp_path / "status").write_text(client.get("/credentials/status/1").text)
    proofs = sorted(tmp_path.glob("proofs/*"))
    for path in [tmp_path / "credential.json", tmp_path / "certificate.pdf", *proofs]:
        ran = subprocess.run(
            [sys.executable, "-I", tmp_path / "zhixin_verify.py", path, "--key", tmp_path / "keys",
             "--status", tmp_path / "status"],
            capture_output=True, text=True,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_command_checks_it(app, sealed, session, tmp_path, monkeypatch) -> None:
    """Exit status 0 when it holds, 1 with the reason when it does not."""
    from zhixin.certificates.commands import certificate

    monkeypatch.setattr("zhixin.command.make_app", lambda: app)
    session.commit()
    path = tmp_path / "pack.zip"
    path.write_bytes(sealed)
    assert CliRunner().invoke(certificate, ["pack-verify", str(path)]).exit_code == 0
    path.write_bytes(_packed({**_parts(sealed), "awards.csv": b""}))
    wrong = CliRunner().invoke(certificate, ["pack-verify", str(path)])
    assert (wrong.exit_code, "awards.csv" in wrong.output) == (1, True)


def test_it_is_downloaded_by_its_holder(session, award, annual, in_log, sign_in, learner) -> None:
    """As one file; the credential is made on the way."""
    in_log()
    session.commit()
    answer = sign_in(learner).post(f"/my/certificates/{annual.id}/pack")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert "manifest.json" in _parts(answer.data)

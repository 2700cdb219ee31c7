"""Keys: made once, kept encrypted, never lost on the way, and known to the world."""

from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from zhixin.config import Settings
from zhixin.ledger import keyfile, keys
from zhixin.ledger.keys import Signer

PASSPHRASE = "三个词 of a sentence"


@pytest.fixture
def sealed(settings: Settings) -> Settings:
    """An installation with a passphrase."""
    return dataclasses.replace(settings, key_passphrase=PASSPHRASE)


def raw(settings: Settings, name: str = keys.LEDGER) -> bytes:
    return keys.private_key(settings, name).private_bytes_raw()


@pytest.mark.parametrize("name", [keys.LEDGER, keys.ISSUER])
def test_a_key_is_made_once_and_encrypted(sealed, name):
    """With a passphrase the file is encrypted PKCS#8, its owner's only, and stays the same key."""
    first = raw(sealed, name)
    path = keys.sealed_path(sealed, name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert raw(sealed, name) == first
    assert load_pem_private_key(path.read_bytes(), PASSPHRASE.encode()).private_bytes_raw() == first
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_embedded_default_needs_no_passphrase(settings):
    """Without one a plain file is made, which only its owner may read."""
    first = raw(settings)
    path = settings.data_dir / "keys" / "ledger_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert bytes.fromhex(path.read_text()) == first
    assert keys.how_kept(settings, keys.LEDGER) == ("文件，未加密", False)


def test_a_plain_key_works_on_under_a_passphrase_and_can_be_encrypted(settings, sealed):
    """An older installation keeps its key, before and after it is encrypted."""
    first = raw(settings)
    assert raw(sealed) == first
    assert keys.encrypt_plain(sealed, keys.LEDGER)
    assert raw(sealed) == first
    assert not (settings.data_dir / "keys" / "ledger_key").exists()
    assert not keys.encrypt_plain(sealed, keys.LEDGER)
    assert keys.how_kept(sealed, keys.LEDGER) == ("文件，已加密", True)


def test_two_different_keys_are_never_made_one(settings, sealed):
    """If a plain and an encrypted file hold different keys, neither is deleted."""
    raw(sealed)
    plain = settings.data_dir / "keys" / "ledger_key"
    plain.write_text("07" * 32)
    with pytest.raises(keyfile.KeyUnusable, match="两把不同的密钥"):
        keys.encrypt_plain(sealed, keys.LEDGER)
    assert plain.exists()


def test_a_setting_comes_first(sealed):
    """A seed in the settings is the key; no file is made."""
    given = dataclasses.replace(sealed, ledger_key="07" * 32)
    assert raw(given) == b"\x07" * 32
    assert not keys.sealed_path(given, keys.LEDGER).exists()


@pytest.mark.parametrize(("passphrase", "told"), [("", "已加密"), ("wrong", "口令不对")])
def test_a_wrong_passphrase_is_told(sealed, passphrase, told):
    """Nothing is signed by another key instead."""
    raw(sealed)
    with pytest.raises(keyfile.KeyUnusable, match=told):
        raw(dataclasses.replace(sealed, key_passphrase=passphrase))


@pytest.mark.parametrize("content", ["", "abc", "-----BEGIN PRIVATE KEY-----\nxx\n", "07" * 31])
def test_a_damaged_file_is_told(tmp_path, content):
    """Its name, and no traceback."""
    path = tmp_path / "key.pem"
    path.write_text(content)
    with pytest.raises(keyfile.KeyUnusable, match=r"key\.pem"):
        keyfile.read(path, PASSPHRASE)


def test_a_file_that_others_may_read_is_noticed(settings):
    """For ``zhixin doctor``."""
    raw(settings)
    assert keys.open_to_others(settings) == []
    path = Path(settings.data_dir / "keys" / "ledger_key")
    path.chmod(0o640)
    assert keys.open_to_others(settings) == [path]


def test_a_multikey_is_what_others_write():
    """The key of the Data Integrity EdDSA specification's own test vectors."""
    seed = "c96ef9ea10c5e414c471723aff9de72c35fa5b70fae97e8832ecac7d2e2b8ed6"
    public = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)).public_key()
    shown = keys.multikey(public.public_bytes_raw())
    assert shown == "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"


@pytest.mark.parametrize(
    ("address", "did"),
    [
        ("https://learning.example", "did:web:learning.example"),
        ("http://127.0.0.1:8000/", "did:web:127.0.0.1%3A8000"),
    ],
)
def test_the_issuers_name_is_its_host(address, did):
    """did:web, with a port's colon escaped."""
    assert keys.did_web(address) == did


def test_the_world_is_told_the_keys(client, signer, settings):
    """Both keys at an address that everybody finds, and the issuer's as a DID document."""
    issuer = keys.issuer(settings)
    lines = client.get("/.well-known/zhixin-ledger-key").text.splitlines()
    assert lines == [f"{signer.verifier_key} 0", f"{issuer.verification_method} {issuer.multikey}"]
    answer = client.get("/.well-known/did.json")
    document = json.loads(answer.text)
    assert answer.content_type == "application/did+json"
    assert document["id"] == issuer.did == "did:web:127.0.0.1%3A8000"
    assert document["assertionMethod"] == [issuer.verification_method]
    assert document["verificationMethod"][0]["publicKeyMultibase"] == issuer.multikey


def test_signers_of_one_installation_agree(sealed):
    """Every process signs by the same key."""
    assert Signer.of(sealed).verifier_key == Signer.of(sealed).verifier_key


def test_a_locked_key_tells_readers_nothing(app, client, settings):
    """The operator's log says which file; the public page says only that something is wrong."""
    plain = settings.data_dir / "keys" / "ledger_key"
    plain.unlink(missing_ok=True)
    keys.create(dataclasses.replace(settings, key_passphrase=PASSPHRASE), keys.LEDGER)
    app.testing = False
    for path in ("/ledger", "/api/v1/ledger/key"):
        answer = client.get(path)
        assert answer.status_code == 500
        assert str(settings.data_dir) not in answer.text

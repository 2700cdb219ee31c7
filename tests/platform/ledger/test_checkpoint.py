"""Signed checkpoints as C2SP writes them."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from zhixin.ledger.checkpoint import (
    Checkpoint,
    NoteError,
    Verifier,
    parse_and_verify,
    sign,
    verifier_key,
)

ORIGIN = "zhixin.example/ledger"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
TRUSTED = verifier_key(ORIGIN, KEY)
CHECKPOINT = Checkpoint(ORIGIN, 42, hashlib.sha256(b"root").digest())
NOTE = sign(CHECKPOINT, ORIGIN, KEY)

# The example of the C2SP signed-note package: a note, its key and its signature.
EXAMPLE_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
EXAMPLE_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
EXAMPLE_SIGNATURE = (
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)


def signature_line(note: str) -> str:
    return note.rpartition("\n\n")[2]


def test_the_text_is_three_lines():
    """Origin, size in decimal, root in base64."""
    root = base64.b64encode(CHECKPOINT.root).decode()
    assert CHECKPOINT.note_text() == f"{ORIGIN}\n42\n{root}\n"


def test_the_note_is_written_as_the_standard_says():
    """An empty line, an em dash, the key's name, and base64 of key id and signature."""
    text, line = NOTE.split("\n\n")
    dash, name, encoded = line.removesuffix("\n").split(" ")
    signature = base64.b64decode(encoded)
    key = KEY.public_key().public_bytes_raw()
    assert (dash, name) == ("\u2014", ORIGIN)
    assert signature[:4] == hashlib.sha256(ORIGIN.encode() + b"\n\x01" + key).digest()[:4]
    KEY.public_key().verify(signature[4:], (text + "\n").encode())


def test_the_published_example_is_accepted():
    """Key and signature of the reference implementation's example."""
    verifier = Verifier.parse(EXAMPLE_KEY)
    signature = base64.b64decode(EXAMPLE_SIGNATURE)
    assert str(verifier) == EXAMPLE_KEY
    assert signature[:4] == verifier.key_id
    assert verifier.accepts(signature[4:], EXAMPLE_TEXT.encode())
    assert not verifier.accepts(signature[4:], EXAMPLE_TEXT.encode() + b"\n")


lines = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)


@settings(deadline=None, max_examples=60)
@given(
    lines,
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(lines, max_size=2),
)
def test_round_trip(origin, size, root, extensions):
    """What is signed is read back as it was."""
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    assert parse_and_verify(sign(checkpoint, ORIGIN, KEY), [TRUSTED]) == checkpoint


@settings(deadline=None, max_examples=150)
@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"))
def test_any_changed_character_is_noticed(place, character):
    """A checkpoint altered anywhere is not believed."""
    altered = NOTE[:place] + character + NOTE[place + 1 :]
    if altered != NOTE:
        with pytest.raises(NoteError):
            parse_and_verify(altered, [TRUSTED])


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(NOTE) - 1))
def test_a_cut_note_is_refused(length):
    """Half a note is no note."""
    with pytest.raises(NoteError):
        parse_and_verify(NOTE[:length], [TRUSTED])


def test_unknown_signatures_are_ignored():
    """A witness that we do not know neither helps nor harms."""
    witness = signature_line(sign(CHECKPOINT, "witness.example", OTHER))
    post_quantum = "— witness.example " + base64.b64encode(b"\x01" * 2_000).decode() + "\n"
    assert parse_and_verify(NOTE + witness + post_quantum, [TRUSTED]) == CHECKPOINT
    with pytest.raises(NoteError, match="trusted"):
        parse_and_verify(CHECKPOINT.note_text() + "\n" + witness, [TRUSTED])
    with pytest.raises(NoteError, match="trusted"):
        parse_and_verify(NOTE, [])


def test_one_name_with_another_key_is_not_trusted():
    """A name proves nothing: the key counts."""
    with pytest.raises(NoteError, match="trusted"):
        parse_and_verify(sign(CHECKPOINT, ORIGIN, OTHER), [TRUSTED])


def test_every_known_signature_must_be_right():
    """One good signature does not excuse a forged one of another key that we trust."""
    other = sign(Checkpoint(ORIGIN, 43, CHECKPOINT.root), "witness.example", OTHER)
    keys = [TRUSTED, verifier_key("witness.example", OTHER)]
    with pytest.raises(NoteError, match="altered"):
        parse_and_verify(NOTE + signature_line(other), keys)


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n42\n",
        f"{ORIGIN}\n042\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n-1\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n9999999999999999999\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n42\n{base64.b64encode(bytes(31)).decode()}\n",
        f"{ORIGIN}\n42\n{'A' * 42}B=\n",
        f"{ORIGIN}\n42\n{'A' * 43}\n",
        f"\n42\n{base64.b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n42\n{base64.b64encode(bytes(32)).decode()}\n\nmore\n",
        f"{ORIGIN}\n42\n{base64.b64encode(bytes(32)).decode()}",
    ],
)
def test_signed_nonsense_is_refused(text):
    """A right signature over what is no checkpoint makes it no checkpoint."""
    with pytest.raises(NoteError):
        Checkpoint.from_note_text(text)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "— zhixin.example/ledger\n",
        "- zhixin.example/ledger AAAAAAAA\n",
        "— zhixin.example/ledger AAAAAA==\n",
        "— zhixin.example/ledger AAA\n",
        "— zhixin+ledger AAAAAAAA\n",
        "— zhixin.example/ledger  AAAAAAAA\n",
        "— zhixin.example/ledger AAAAAAAA\r\n",
        signature_line(NOTE) * 101,
    ],
)
def test_malformed_signature_lines_are_refused(line):
    """A note is refused whole, whatever else it holds."""
    with pytest.raises(NoteError):
        parse_and_verify(f"{NOTE}{line}" if line else CHECKPOINT.note_text() + "\n", [TRUSTED])


@pytest.mark.parametrize(
    "key",
    [
        "",
        ORIGIN,
        TRUSTED.replace("+", " ", 1),
        TRUSTED[:-4],
        TRUSTED.replace(ORIGIN, "other.example"),
        EXAMPLE_KEY.replace("+AR", "+BR"),
    ],
)
def test_malformed_keys_are_refused(key):
    """A key with another's id, of another type or cut short is not used."""
    with pytest.raises(NoteError):
        Verifier.parse(key)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: Checkpoint("two\nlines", 1, bytes(32)),
        lambda: Checkpoint("", 1, bytes(32)),
        lambda: Checkpoint(ORIGIN, -1, bytes(32)),
        lambda: Checkpoint(ORIGIN, 1, bytes(20)),
        lambda: Checkpoint(ORIGIN, 1, bytes(32), ("",)),
        lambda: sign(CHECKPOINT, "with space", KEY),
        lambda: sign(CHECKPOINT, "with+plus", KEY),
        lambda: parse_and_verify("x" * 1_000_001, [TRUSTED]),
    ],
)
def test_what_cannot_be_written_is_refused(attempt):
    """Nothing is signed that could be read as something else."""
    with pytest.raises(NoteError):
        attempt()

"""W3C Data Integrity with the cryptosuite ``eddsa-jcs-2022`` (vc-di-eddsa, section 3.3).

What is signed is SHA-256 of the canonical proof options followed by SHA-256 of the canonical
document, both by RFC 8785. The proof repeats the document's ``@context``, as the suite asks;
no context is ever fetched, since canonical JSON needs none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

SUITE = "eddsa-jcs-2022"
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
#: What a Multikey begins with when it is an Ed25519 public key (multicodec 0xed, as varint).
_ED25519 = b"\xed\x01"


class ProofInvalid(ValueError):
    """The document is not what was signed, or the proof is no proof."""


def sign(
    document: Mapping[str, Any],
    key: Ed25519PrivateKey,
    *,
    verification_method: str,
    created: datetime,
) -> dict[str, Any]:
    """``document`` with its proof.

    Args:
        verification_method: where the public key is found, a DID URL.
        created: told in the proof, to the second.
    """
    options: dict[str, Any] = {
        "type": "DataIntegrityProof",
        "cryptosuite": SUITE,
        "created": timestamp(created),
        "verificationMethod": verification_method,
        "proofPurpose": "assertionMethod",
    }
    if "@context" in document:
        options["@context"] = document["@context"]
    signature = key.sign(_hash_data(options, document))
    return {**document, "proof": {**options, "proofValue": "z" + base58(signature)}}


def verify(secured: Mapping[str, Any], key: Ed25519PublicKey) -> None:
    """Check the proof of ``secured`` under ``key``.

    Raises:
        ProofInvalid: it does not hold.
    """
    document = {name: value for name, value in secured.items() if name != "proof"}
    proof = secured.get("proof")
    if not isinstance(proof, Mapping) or proof.get("cryptosuite") != SUITE:
        raise ProofInvalid(f"no proof of {SUITE}")
    if proof.get("type") != "DataIntegrityProof" or proof.get("proofPurpose") != "assertionMethod":
        raise ProofInvalid("the proof is for something else")
    if proof.get("@context", document.get("@context")) != document.get("@context"):
        raise ProofInvalid("the proof is of another context")
    value = proof.get("proofValue")
    if not isinstance(value, str) or not value.startswith("z"):
        raise ProofInvalid("the signature is not base58")
    options = {name: each for name, each in proof.items() if name != "proofValue"}
    try:
        key.verify(unbase58(value[1:]), _hash_data(options, document))
    except (InvalidSignature, rfc8785.CanonicalizationError) as error:
        raise ProofInvalid("the signature is not of this document") from error


def _hash_data(options: Mapping[str, Any], document: Mapping[str, Any]) -> bytes:
    """Section 3.3.4: the hash of the proof options comes first."""
    return b"".join(
        hashlib.sha256(rfc8785.dumps(dict(each))).digest() for each in (options, document)
    )


def timestamp(moment: datetime) -> str:
    """A moment as XML Schema's ``dateTimeStamp``, to the second, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def public_key(multikey: str) -> Ed25519PublicKey:
    """The Ed25519 key of a ``publicKeyMultibase``.

    Raises:
        ProofInvalid: it is another kind of key, or none.
    """
    raw = unbase58(multikey[1:]) if multikey.startswith("z") else b""
    if not raw.startswith(_ED25519) or len(raw) != 34:
        raise ProofInvalid("not an Ed25519 Multikey")
    return Ed25519PublicKey.from_public_bytes(raw[2:])


def base58(value: bytes) -> str:
    """Bitcoin's base58, as multibase ``z`` without its letter."""
    number, text = int.from_bytes(value), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    zeros = len(value) - len(value.lstrip(b"\0"))
    return "1" * zeros + text


def unbase58(text: str) -> bytes:
    """Read :func:`base58` back.

    Raises:
        ProofInvalid: a letter that is none of the 58, or more than any key or signature has.
    """
    if len(text) > 128 or set(text) - set(_BASE58):
        raise ProofInvalid("not base58")
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)

"""Proofs of eddsa-jcs-2022: the specification's own vector, and nothing altered passes."""

from __future__ import annotations

import copy
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from zhixin.certificates import data_integrity
from zhixin.certificates.data_integrity import ProofInvalid

#: w3c/vc-di-eddsa, TestVectors/keyPair.json and TestVectors/eddsa-jcs-2022 (appendix B.2).
PUBLIC = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
SECRET = "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq"
CONTEXT = [
    "https://www.w3.org/ns/credentials/v2",
    "https://www.w3.org/ns/credentials/examples/v2",
]
UNSIGNED = {
    "@context": CONTEXT,
    "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
    "type": ["VerifiableCredential", "AlumniCredential"],
    "name": "Alumni Credential",
    "description": "A minimum viable example of an Alumni Credential.",
    "issuer": "https://vc.example/issuers/5678",
    "validFrom": "2023-01-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"},
}
METHOD = f"https://vc.example/issuers/5678#{PUBLIC}"
PROOF = {
    "type": "DataIntegrityProof",
    "cryptosuite": "eddsa-jcs-2022",
    "created": "2023-02-24T23:36:38Z",
    "verificationMethod": METHOD,
    "proofPurpose": "assertionMethod",
    "@context": CONTEXT,
    "proofValue": "z63t83Y53KfzJ5ZosfKTnqfMcKB2dmTrfjSaQjeNNjAD5srBowQfmWqeRb8rRjmeEuCBEsddF9LsVogtuTsijJKh4",
}
DOCUMENT_HASH = "59b7cb6251b8991add1ce0bc83107e3db9dbbab5bd2c28f687db1a03abc92f19"


def _key() -> Ed25519PrivateKey:
    raw = data_integrity.unbase58(SECRET[1:])
    assert raw[:2] == b"\x80\x26"  # multicodec: an Ed25519 private key
    return Ed25519PrivateKey.from_private_bytes(raw[2:])


def test_the_specifications_vector_is_signed_to_the_letter() -> None:
    """Same document, key and moment: the same proof as the specification prints."""
    moment = datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC)
    signed = data_integrity.sign(UNSIGNED, _key(), verification_method=METHOD, created=moment)
    assert signed == {**UNSIGNED, "proof": PROOF}


def test_the_specifications_document_hash_comes_second() -> None:
    """The proof options' hash comes first."""
    options = {name: value for name, value in PROOF.items() if name != "proofValue"}
    assert data_integrity._hash_data(options, UNSIGNED)[32:].hex() == DOCUMENT_HASH


def test_the_specifications_vector_verifies() -> None:
    """And the key is read from its Multikey."""
    data_integrity.verify({**UNSIGNED, "proof": PROOF}, data_integrity.public_key(PUBLIC))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(name="Another"),
        lambda d: d["credentialSubject"].update(more=1),
        lambda d: d["@context"].append("https://evil.example/context"),
        lambda d: d["proof"].update(created="2023-02-24T23:36:39Z"),
        lambda d: d["proof"].update(proofPurpose="authentication"),
        lambda d: d["proof"].update(cryptosuite="eddsa-rdfc-2022"),
        lambda d: d["proof"].update(proofValue="z" + "1" * 64),
        lambda d: d["proof"].update(proofValue="u" + d["proof"]["proofValue"][1:]),
        lambda d: d["proof"].pop("proofValue"),
        lambda d: d["proof"].pop("@context"),
        lambda d: d.pop("proof"),
        lambda d: d.update(proof=[d["proof"]]),
    ],
)
def test_whatever_is_altered_is_refused(change) -> None:
    """In the document, its contexts or the proof's own options."""
    altered = copy.deepcopy({**UNSIGNED, "proof": PROOF})
    change(altered)
    with pytest.raises(ProofInvalid):
        data_integrity.verify(altered, data_integrity.public_key(PUBLIC))


@given(st.binary(max_size=80))
def test_base58_reads_back(value: bytes) -> None:
    """Zeros in front included."""
    assert data_integrity.unbase58(data_integrity.base58(value)) == value


@pytest.mark.parametrize("text", ["", "z", "zl", "z" + "2" * 500, PUBLIC[:-1], "u" + PUBLIC[1:]])
def test_what_is_no_key_is_no_key(text: str) -> None:
    """A Multikey of another length, letter or base."""
    with pytest.raises(ProofInvalid):
        data_integrity.public_key(text)
